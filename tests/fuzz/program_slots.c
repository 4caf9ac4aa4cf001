/* tests/fuzz/program_slots.c - the tensors of a program, each had three times, and comparing them. */
#include "program.h"

#include <math.h>
#include <string.h>

#include "fuzz.h"

slot slots[SLOTS];
int n_slots;
number gradients[GRADIENTS];
int n_gradients;

/* What has been done since the process began. */
program_counts counts;

void print_counts(void) {
    fprintf(stderr,
            "programs: %lld programs (%lld cut short by a choice that is not sure), %lld operations, %lld errors, %lld "
            "backward passes; compared with the tape: %lld of %lld elements, %lld of %lld gradients\n",
            counts.programs, counts.cut, counts.operations, counts.errors, counts.backwards, counts.known,
            counts.elements, counts.known_gradients, counts.gradients);
    if (counts.elements > 1000000 &&
        (counts.known < counts.elements / 4 || counts.known_gradients < counts.gradients / 4)) {
        fprintf(stderr, "programs: hardly anything was compared\n");
        _Exit(1);
    }
}

/* FUZZ_VERBOSE=1 in the environment tells each step. */
bool verbose;
void tell(const char *step, const int *inputs) {
    if (!verbose) return;
    fprintf(stderr, "%d = %s", n_slots, step);
    for (int i = 0; i < MOST_INPUTS && inputs; i++)
        if (inputs[i] >= 0) fprintf(stderr, " %d", inputs[i]);
    fputc('\n', stderr);
}

void tell_slot(int which) {
    const slot *s = &slots[which];
    if (!verbose) return;
    fprintf(stderr, "    %d: %s (", which, at_dtype_name(s->n.dtype));
    for (int d = 0; d < s->n.shape.ndim; d++) fprintf(stderr, "%s%lld", d ? ", " : "", (long long)s->n.shape.dim[d]);
    fprintf(stderr, ")%s%s\n", s->leaf >= 0 ? " leaf" : "", s->wants ? " wants" : "");
}

/* ---- slots ------------------------------------------------------------------------------------------------------- */

static double pattern(unsigned seed, int64_t i, at_dtype dtype, int n) {
    unsigned bits = (seed * 2654435761u + (unsigned)i * 2246822519u) ^ (seed << 7);
    bits = (bits ^ bits >> 15) * 2654435761u >> 8;
    if (dtype == AT_BOOL) return bits & 1;
    if (dtype == AT_INT64) return (double)(bits % (unsigned)n);
    double x = ((double)(bits % 64) - 24) / 8;
    return seed % 3 == 0 ? x : seed % 3 == 1 ? x + (double)((bits >> 8) % 4096) / 65536 : fabs(x) + 0.125;
}

at_tensor *tensor_of(const double *x, at_shape shape, at_dtype dtype) {
    static float floats[4096];
    static int64_t int64s[4096];
    static bool bools[4096];
    for (int64_t i = 0, n = naive_numel(&shape); i < n; i++)
        floats[i] = (float)x[i], int64s[i] = (int64_t)x[i], bools[i] = x[i] != 0;
    return dtype == AT_FLOAT32   ? at_from_floats_shape(floats, shape)
           : dtype == AT_FLOAT64 ? at_from_doubles_shape(x, shape)
           : dtype == AT_INT64   ? at_from_int64s_shape(int64s, shape)
                                 : at_from_bools_shape(bools, shape);
}

const double *patterns(unsigned seed, at_shape shape, at_dtype dtype, int n) {
    static double x[4096];
    for (int64_t i = 0; i < naive_numel(&shape); i++) x[i] = pattern(seed, i, dtype, n);
    return x;
}

/* A slot with new elements; NULL where it does not fit. Integers are below n. */
slot *fresh(unsigned seed, at_shape shape, at_dtype dtype, int n) {
    int mark = tape_mark();
    slot *s = &slots[n_slots];
    if (n_slots == SLOTS || !naive_new(&s->n, shape, dtype)) return NULL;
    if (naive_is_full()) return NULL;
    const double *x = patterns(seed, shape, dtype, n);
    s->operation = tape_next_operation();
    for (int64_t i = 0; i < naive_numel(&shape); i++) s->n.at[i] = tape_new(x[i], 0, precision_of(dtype), -1);
    if (naive_is_full()) return tape_cut(mark), NULL;
    for (int r = 0; r < RUNS; r++) {
        at_set_eager(r == EAGER);
        s->t[r] = tensor_of(x, shape, dtype);
        FUZZ_CHECK(s->t[r], "%s", at_error());
    }
    s->wants = s->recorded = false;
    s->leaf = -1;
    n_slots++;
    tell_slot(n_slots - 1);
    return s;
}

/* Elements of a leaf are nodes of its own: what was computed from the old ones keeps those. */
bool new_leaf_nodes(slot *s, const double *x) {
    naive n;
    int mark = tape_mark(), operation = tape_next_operation();
    if (!naive_new(&n, s->n.shape, s->n.dtype) || naive_is_full()) return false;
    for (int64_t i = 0; i < naive_numel(&n.shape); i++) {
        number old = tape_number(s->n.at[i]);
        n.at[i] = tape_new(x ? x[i] : old.v, x ? 0 : old.e, precision_of(n.dtype), s->leaf < 0 ? -1 : s->leaf + (int)i);
    }
    if (naive_is_full()) return tape_cut(mark), false;
    s->n = n;
    s->operation = operation;
    return true;
}

void require_gradient(slot *s) {
    int64_t n = naive_numel(&s->n.shape);
    int leaf = s->leaf;
    if (leaf < 0 && n_gradients + n > GRADIENTS) return;
    bool right = floating(s->n.dtype) && !s->recorded;
    if (right && leaf < 0) {
        s->leaf = n_gradients;
        if (!new_leaf_nodes(s, NULL)) {
            s->leaf = leaf;
            return;
        }
        for (int64_t i = 0; i < n; i++) gradients[n_gradients++] = exactly(0);
    }
    for (int r = 0; r < RUNS; r++) {
        at_tensor *t = at_set_requires_grad(s->t[r], true);
        FUZZ_CHECK((t != NULL) == right, "set_requires_grad: %s", at_error() ? at_error() : "no error");
        at_clear_error();
    }
    s->wants = s->wants || right;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

const void *data_of(at_tensor *t) {
    switch (at_dtype_of(t)) {
    case AT_FLOAT32: return at_floats(t);
    case AT_FLOAT64: return at_doubles(t);
    case AT_INT64: return at_int64s(t);
    default: return at_bools(t);
    }
}

static double element(const void *data, at_dtype dtype, int64_t i) {
    switch (dtype) {
    case AT_FLOAT32: return (double)((const float *)data)[i];
    case AT_FLOAT64: return ((const double *)data)[i];
    case AT_INT64: return (double)((const int64_t *)data)[i];
    default: return ((const bool *)data)[i];
    }
}

/* Equal bits, but one NaN is as good as another. */
static void check_bits(at_tensor *const *t, const char *what, int which) {
    at_shape p = at_shape_of(t[DEFERRED]), q = at_shape_of(t[EAGER]);
    at_dtype dtype = at_dtype_of(t[DEFERRED]);
    FUZZ_CHECK(p.ndim == q.ndim && !memcmp(p.dim, q.dim, (size_t)p.ndim * sizeof *p.dim), "%s %d: shapes", what, which);
    FUZZ_CHECK(dtype == at_dtype_of(t[EAGER]), "%s %d: dtypes", what, which);
    const char *a = data_of(t[DEFERRED]), *b = data_of(t[EAGER]);
    FUZZ_CHECK(a && b, "%s %d: %s", what, which, at_error());
    size_t size = dtype == AT_BOOL ? 1 : dtype == AT_FLOAT32 ? 4 : 8;
    size_t n = (size_t)naive_numel(&p);
    if (n == 0 || !memcmp(a, b, n * size)) return;
    for (int64_t i = 0; i < (int64_t)n; i++) {
        double x = element(a, dtype, i), y = element(b, dtype, i);
        FUZZ_CHECK(!memcmp(a + (size_t)i * size, b + (size_t)i * size, size) || (isnan(x) && isnan(y)),
                   "%s %d, element %lld: deferred %.17g, eager %.17g", what, which, (long long)i, x, y);
    }
}

static bool check_number(double x, number wanted, const char *what, int which, int64_t i) {
    if (!is_known(wanted)) return false;
    FUZZ_CHECK(fabs(x - wanted.v) <= wanted.e, "%s %d, element %lld is %.17g and should be %.17g +- %g", what, which,
               (long long)i, x, wanted.v, wanted.e);
    return true;
}

void check_slot(int which) {
    const slot *s = &slots[which];
    check_bits(s->t, "slot", which);
    const void *data = data_of(s->t[DEFERRED]);
    for (int64_t i = 0, n = naive_numel(&s->n.shape); i < n; i++) {
        counts.elements++;
        counts.known += check_number(element(data, s->n.dtype, i), tape_number(s->n.at[i]), "slot", which, i);
    }
}

static void check_gradient(int which) {
    const slot *s = &slots[which];
    at_tensor *g[RUNS] = {at_grad(s->t[DEFERRED]), at_grad(s->t[EAGER])};
    FUZZ_CHECK(!g[DEFERRED] == !g[EAGER], "slot %d has a gradient in one run", which);
    if (g[DEFERRED]) check_bits(g, "gradient of slot", which);
    if (s->leaf < 0 || tape_untold) return;
    const void *data = g[DEFERRED] ? data_of(g[DEFERRED]) : NULL;
    for (int64_t i = 0; i < naive_numel(&s->n.shape); i++) {
        double x = data ? element(data, s->n.dtype, i) : 0;
        counts.gradients++;
        counts.known_gradients += check_number(x, gradients[s->leaf + i], "gradient of slot", which, i);
    }
}

void check_all(void) {
    for (int i = 0; i < n_slots; i++) {
        if (verbose) fprintf(stderr, "%d: ", i), at_fprint(stderr, slots[i].t[DEFERRED]);
        check_slot(i);
        check_gradient(i);
    }
    FUZZ_CHECK(!at_error(), "%s", at_error());
}
