/* tests/fuzz/programs.c - the input is a program of up to fifty operations. It runs three times side by side: deferred,
 * eager, and on the tape. The first two must agree bit for bit, in values and in gradients, the third within what
 * rounding allows; and all three about which calls are wrong. */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "naive.h"

enum {
    DEFERRED,
    EAGER,
    RUNS,
    SLOTS = 64,
    OPERATIONS = 50,
    SCOPES = 4,
    GRADIENTS = 1 << 14,
    DERIVATIVES = 5,
    MOST_INPUTS = 4
};

typedef struct {
    at_tensor *t[RUNS];
    naive n;
    bool wants;    /* a gradient */
    bool recorded; /* it is the result of a recorded operation */
    int leaf;      /* where its gradients begin, or -1 */
    int operation; /* its number on the tape */
} slot;

static slot slots[SLOTS];
static int n_slots;
static number gradients[GRADIENTS];
static int n_gradients, n_derivatives;
static at_scope_guard scopes[SCOPES];
static int slots_outside[SCOPES], n_scopes;
static at_grad_guard no_grad;

/* What has been done since the process began. */
static struct {
    long long programs, operations, errors, backwards, cut, elements, known, gradients, known_gradients;
} counts;

static void print_counts(void) {
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
static bool verbose;
static void tell(const char *step, const int *inputs) {
    if (!verbose) return;
    fprintf(stderr, "%d = %s", n_slots, step);
    for (int i = 0; i < MOST_INPUTS && inputs; i++)
        if (inputs[i] >= 0) fprintf(stderr, " %d", inputs[i]);
    fputc('\n', stderr);
}

static void tell_slot(int which) {
    const slot *s = &slots[which];
    if (!verbose) return;
    fprintf(stderr, "    %d: %s (", which, at_dtype_name(s->n.dtype));
    for (int d = 0; d < s->n.shape.ndim; d++) fprintf(stderr, "%s%lld", d ? ", " : "", (long long)s->n.shape.dim[d]);
    fprintf(stderr, ")%s%s\n", s->leaf >= 0 ? " leaf" : "", s->wants ? " wants" : "");
}

/* ---- slots ------------------------------------------------------------------------------------------------------- */

static bool floating(at_dtype dtype) { return dtype == AT_FLOAT32 || dtype == AT_FLOAT64; }

static double pattern(unsigned seed, int64_t i, at_dtype dtype, int n) {
    unsigned bits = (seed * 2654435761u + (unsigned)i * 2246822519u) ^ (seed << 7);
    bits = (bits ^ bits >> 15) * 2654435761u >> 8;
    if (dtype == AT_BOOL) return bits & 1;
    if (dtype == AT_INT64) return (double)(bits % (unsigned)n);
    double x = ((double)(bits % 64) - 24) / 8;
    return seed % 3 == 0 ? x : seed % 3 == 1 ? x + (double)((bits >> 8) % 4096) / 65536 : fabs(x) + 0.125;
}

static at_tensor *tensor_of(const double *x, at_shape shape, at_dtype dtype) {
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

static const double *patterns(unsigned seed, at_shape shape, at_dtype dtype, int n) {
    static double x[4096];
    for (int64_t i = 0; i < naive_numel(&shape); i++) x[i] = pattern(seed, i, dtype, n);
    return x;
}

/* A slot with new elements; NULL where it does not fit. Integers are below n. */
static slot *fresh(unsigned seed, at_shape shape, at_dtype dtype, int n) {
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
static bool new_leaf_nodes(slot *s, const double *x) {
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

static void require_gradient(slot *s) {
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

static const void *data_of(at_tensor *t) {
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

static void check_slot(int which) {
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

static void check_all(void) {
    for (int i = 0; i < n_slots; i++) {
        if (verbose) fprintf(stderr, "%d: ", i), at_fprint(stderr, slots[i].t[DEFERRED]);
        check_slot(i);
        check_gradient(i);
    }
    FUZZ_CHECK(!at_error(), "%s", at_error());
}

/* ---- the operations in atled ------------------------------------------------------------------------------------- */

typedef at_tensor *library_function(const call *c, at_tensor **x, at_tensor **extra);

static at_tensor *library_unary(const call *c, at_tensor **x, at_tensor **extra) {
    static at_tensor *(*const f[UNARIES])(
        at_tensor *) = {at_neg,        at_abs, at_sign, at_square, at_relu,  at_floor,   at_ceil,
                        at_round,      at_exp, at_log,  at_log1p,  at_expm1, at_sqrt,    at_rsqrt,
                        at_reciprocal, at_sin, at_cos,  at_tan,    at_tanh,  at_sigmoid, at_erf};
    (void)extra;
    return f[c->variant](x[0]);
}

static at_operand operand(const call *c, at_tensor **x, int i) {
    return c->operand[i].kind == AT_OPERAND_TENSOR ? at_operand_tensor(x[i]) : c->operand[i];
}

static at_tensor *library_binary(const call *c, at_tensor **x, at_tensor **extra) {
    static at_tensor *(*const f[BINARIES])(at_operand,
                                           at_operand) = {at_add_operands,     at_sub_operands, at_mul_operands,
                                                          at_div_operands,     at_pow_operands, at_maximum_operands,
                                                          at_minimum_operands, at_eq_operands,  at_ne_operands,
                                                          at_lt_operands,      at_le_operands,  at_gt_operands,
                                                          at_ge_operands};
    (void)extra;
    return f[c->variant](operand(c, x, 0), operand(c, x, 1));
}

static at_tensor *library_reduce(const call *c, at_tensor **x, at_tensor **extra) {
    static at_tensor *(*const all[REDUCTIONS])(at_tensor *) = {at_sum, at_mean,      at_prod, at_max, at_min, at_var,
                                                               at_std, at_logsumexp, at_norm, at_any, at_all};
    static at_tensor *(*const dim[REDUCTIONS])(at_tensor *, int,
                                               bool) = {at_sum_dim, at_mean_dim, at_prod_dim, NULL,
                                                        NULL,       at_var_dim,  at_std_dim,  at_logsumexp_dim,
                                                        NULL,       at_any_dim,  at_all_dim};
    (void)extra;
    return c->all ? all[c->variant](x[0]) : dim[c->variant](x[0], c->dim, c->flag);
}

#define LIBRARY(name, expression)                                                                                      \
    static at_tensor *library_##name(const call *c, at_tensor **x, at_tensor **extra) {                                \
        (void)c, (void)extra;                                                                                          \
        return expression;                                                                                             \
    }
LIBRARY(logical, c->variant ? at_logical_or(x[0], x[1]) : at_logical_and(x[0], x[1]))
LIBRARY(not, at_logical_not(x[0]))
LIBRARY(where, at_where_operands(x[2], operand(c, x, 0), operand(c, x, 1)))
LIBRARY(masked_fill, at_masked_fill_operand(x[1], x[2], operand(c, x, 0)))
LIBRARY(clamp, at_clamp(x[0], c->number, c->other))
LIBRARY(leaky_relu, at_leaky_relu(x[0], c->number))
LIBRARY(gelu, at_gelu(x[0]))
LIBRARY(silu, at_silu(x[0]))
LIBRARY(softplus, at_softplus(x[0]))
LIBRARY(to, at_to(x[0], c->dtype))
LIBRARY(contiguous, at_contiguous(x[0]))
LIBRARY(max_dim, c->variant ? at_min_dim(x[0], c->dim, c->flag, extra) : at_max_dim(x[0], c->dim, c->flag, extra))
LIBRARY(argmax, c->variant ? at_argmin(x[0], c->dim, c->flag) : at_argmax(x[0], c->dim, c->flag))
LIBRARY(cumsum, at_cumsum(x[0], c->dim))
LIBRARY(softmax, c->variant ? at_log_softmax(x[0], c->dim) : at_softmax(x[0], c->dim))
LIBRARY(reshape, at_reshape_shape(x[0], c->shape))
LIBRARY(permute, at_permute_shape(x[0], c->shape))
LIBRARY(transpose, at_transpose(x[0], c->dim, c->dim1))
LIBRARY(expand, at_expand_shape(x[0], c->shape))
LIBRARY(repeat, at_repeat_shape(x[0], c->shape))
LIBRARY(unsqueeze, at_unsqueeze(x[0], c->dim))
LIBRARY(squeeze, at_squeeze(x[0], c->dim))
LIBRARY(flatten, at_flatten(x[0]))
LIBRARY(slice, at_slice(x[0], c->dim, c->i, c->j, c->k))
LIBRARY(select, at_select(x[0], c->dim, c->i))
LIBRARY(cat, at_cat_list(c->dim, x, c->n))
LIBRARY(stack, at_stack_list(c->dim, x, c->n))
LIBRARY(flip, at_flip(x[0], c->dim))
LIBRARY(tril, c->variant ? at_triu(x[0], c->k) : at_tril(x[0], c->k))
LIBRARY(repeat_interleave, c->all ? at_repeat_interleave(x[0], c->k) : at_repeat_interleave_dim(x[0], c->k, c->dim))
LIBRARY(sort, c->variant ? at_argsort(x[0], c->dim, c->flag) : at_sort(x[0], c->dim, c->flag, extra))
LIBRARY(topk, at_topk(x[0], c->k, c->dim, extra))
LIBRARY(masked_select, at_masked_select(x[0], x[1]))
LIBRARY(index_select, at_index_select(x[0], c->dim, x[1]))
LIBRARY(gather, at_gather(x[0], c->dim, x[1]))
LIBRARY(scatter_add, at_scatter_add(x[0], c->dim, x[1], x[2]))
LIBRARY(one_hot, at_one_hot(x[0], c->k))
LIBRARY(matmul, at_matmul(x[0], x[1]))
LIBRARY(bmm, at_bmm(x[0], x[1]))

/* ---- one operation, three times ---------------------------------------------------------------------------------- */

static void add_result(at_tensor *const *t, const naive *n, int operation, bool wants) {
    for (int r = 0; r < RUNS; r++) {
        at_shape shape = at_shape_of(t[r]);
        FUZZ_CHECK(shape.ndim == n->shape.ndim && at_dtype_of(t[r]) == n->dtype,
                   "%d dimensions, not %d; dtype %d, not %d", shape.ndim, n->shape.ndim, (int)at_dtype_of(t[r]),
                   (int)n->dtype);
        for (int d = 0; d < shape.ndim; d++)
            FUZZ_CHECK(shape.dim[d] == n->shape.dim[d], "size %lld of dimension %d is not %lld",
                       (long long)shape.dim[d], d, (long long)n->shape.dim[d]);
        FUZZ_CHECK(at_requires_grad(t[r]) == wants, "requires_grad is not %d", wants);
    }
    if (n_slots == SLOTS) return;
    slots[n_slots++] = (slot){{t[DEFERRED], t[EAGER]}, *n, wants, wants, -1, operation};
    tell_slot(n_slots - 1);
}

/* The same elements, which know nothing of where they came from. */
static bool cut_off(const naive *x, naive *y) {
    bool paused = tape_paused;
    if (!naive_new(y, x->shape, x->dtype)) return false;
    int64_t n = naive_numel(&y->shape);
    tape_paused = true;
    for (int64_t i = 0; i < n; i++) y->at[i] = tape_copy(x->at[i], precision_of(y->dtype));
    tape_paused = paused;
    return !naive_is_full();
}

/* False where the program has to end: what follows depends on what is not known. */
static bool perform(const char *name, library_function *library, naive_function *function, const call *c,
                    const int *inputs) {
    naive x[MOST_INPUTS] = {{.shape = {.ndim = 0}}}, y = {.at = NULL}, extra = {.at = NULL};
    at_tensor *t[RUNS], *more[RUNS] = {NULL, NULL};
    bool wants = false;
    int mark = tape_mark();
    tell(name, inputs);
    int operation = tape_next_operation();
    for (int i = 0; i < MOST_INPUTS; i++) {
        if (inputs[i] < 0) continue;
        x[i] = slots[inputs[i]].n, wants = wants || slots[inputs[i]].wants;
        tape_depends_on(slots[inputs[i]].operation);
    }
    bool right = function(c, x, &y, &extra);
    if (naive_is_full() || naive_lost) {
        tape_cut(mark);
        return !naive_lost;
    }
    char message[512] = "";
    for (int r = 0; r < RUNS; r++) {
        at_tensor *in[MOST_INPUTS] = {NULL};
        for (int i = 0; i < MOST_INPUTS; i++)
            if (inputs[i] >= 0) in[i] = slots[inputs[i]].t[r];
        at_set_eager(r == EAGER);
        t[r] = library(c, in, &more[r]);
        FUZZ_CHECK((t[r] != NULL) == right, "%s: %s", name, at_error() ? at_error() : "no error, but it should be one");
        FUZZ_CHECK(right == !at_error(), "%s: %s", name, at_error() ? at_error() : "no message");
        if (!right && r == DEFERRED) snprintf(message, sizeof message, "%s", at_error());
        FUZZ_CHECK(right || strncmp(message, at_error(), sizeof message - 1) == 0, "%s, but eager %s", message,
                   at_error());
        at_clear_error();
    }
    counts.operations++;
    counts.errors += !right;
    if (!right) return true;
    naive apart;
    if (tape_paused && !cut_off(&y, &apart)) return true;
    if (tape_paused) y = apart; /* a view's elements are those of what is looked at */
    add_result(t, &y, operation, wants && !tape_paused && floating(y.dtype));
    if (more[DEFERRED] && extra.at) add_result(more, &extra, operation, false);
    return true;
}

/* ---- taking a program from bytes --------------------------------------------------------------------------------- */

static int pick(fuzz_bytes *b) {
    unsigned byte = fuzz_byte(b);
    int recent = n_slots < 4 ? n_slots : 4;
    return byte & 1 ? n_slots - 1 - (int)(byte >> 1) % recent : (int)(byte >> 1) % n_slots;
}

/* A slot of such a dtype if there is one. */
static int pick_dtype(fuzz_bytes *b, bool wanted(at_dtype)) {
    int start = pick(b);
    for (int i = 0; i < n_slots; i++)
        if (wanted(slots[(start + i) % n_slots].n.dtype)) return (start + i) % n_slots;
    return start;
}

static int pick_floating(fuzz_bytes *b) { return fuzz_byte(b) < 24 ? pick(b) : pick_dtype(b, floating); }

static at_shape some_shape(fuzz_bytes *b) {
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 17, 7, 8, 3, 2, 33, 0};
    at_shape shape = {.ndim = fuzz_below(b, 5)};
    int64_t n = 1;
    for (int d = 0; d < shape.ndim; d++) {
        shape.dim[d] = sizes[fuzz_below(b, 12)];
        if (n * shape.dim[d] > 300) shape.dim[d] = 2;
        n *= shape.dim[d];
    }
    return shape;
}

/* A slot that goes with a tensor: one of just that shape and dtype, or a new one. */
static int partner(fuzz_bytes *b, at_shape shape, at_dtype dtype, int n) {
    unsigned byte = fuzz_byte(b);
    for (int i = 0, at = (int)byte % n_slots; i < n_slots && byte & 64; i++) {
        const naive *x = &slots[(at + i) % n_slots].n;
        bool same = x->dtype == dtype && x->shape.ndim == shape.ndim;
        for (int d = 0; d < shape.ndim && same; d++) same = x->shape.dim[d] == shape.dim[d];
        if (same) return (at + i) % n_slots;
    }
    slot *s = fresh(byte, shape, dtype, n);
    if (s && floating(dtype) && byte & 128 && !tape_paused) require_gradient(s);
    return s ? n_slots - 1 : pick(b);
}

/* A shape that broadcasts with that of x: sizes left out in front, or 1. */
static at_shape broadcast_like(fuzz_bytes *b, const at_shape *shape) {
    unsigned byte = fuzz_byte(b);
    int drop = shape->ndim && byte & 1 ? (int)(byte >> 1) % (shape->ndim + 1) : 0;
    at_shape y = {.ndim = shape->ndim - drop};
    for (int d = 0; d < y.ndim; d++) y.dim[d] = byte >> (3 + d % 4) & 1 ? 1 : shape->dim[drop + d];
    return y;
}

static at_operand some_number(fuzz_bytes *b) {
    static const double reals[] = {0.5, 2, -1.5, 0, 1, 3, -1, 0.1, -0.5, 7};
    unsigned byte = fuzz_byte(b);
    if (byte % 8 == 7) return at_operand_bool(byte & 16);
    if (byte % 4 == 3) return at_operand_integer((int64_t)(byte >> 3) % 5);
    double x = reals[(byte >> 2) % 10];
    return at_operand_float(x == 0.1 ? (double)0.1f : x);
}

typedef enum {
    ONE,
    REAL,
    TWO,
    CHOOSE,
    MASK,
    INDEX,
    GATHER,
    SCATTER,
    SHAPE,
    ORDER,
    EXPAND,
    REPEAT,
    LIST,
    PRODUCT,
    BATCHES
} kind;

static void take_two(fuzz_bytes *b, call *c, int *inputs) {
    unsigned byte = fuzz_byte(b);
    int other = byte & 1;
    inputs[0] = pick_floating(b);
    const naive *x = &slots[inputs[0]].n;
    if (byte & 2) {
        c->operand[1] = some_number(b);
    } else {
        at_dtype dtype = byte & 8 ? (at_dtype)(byte >> 4 & 3) : x->dtype;
        inputs[1] = byte & 4 ? pick(b) : partner(b, broadcast_like(b, &x->shape), dtype, 5);
    }
    if (!other) return;
    int swapped = inputs[0];
    at_operand operand0 = c->operand[0];
    inputs[0] = inputs[1], inputs[1] = swapped;
    c->operand[0] = c->operand[1], c->operand[1] = operand0;
}

static void take_mask(fuzz_bytes *b, int *inputs, int mask_at) {
    at_shape shape = slots[inputs[0] >= 0 ? inputs[0] : inputs[1]].n.shape;
    inputs[mask_at] = fuzz_byte(b) < 8 ? pick(b) : partner(b, broadcast_like(b, &shape), AT_BOOL, 2);
}

static void take_index(fuzz_bytes *b, call *c, int *inputs, kind k) {
    const at_shape *shape = &slots[inputs[0]].n.shape;
    unsigned byte = fuzz_byte(b);
    int dim = c->dim < 0 ? c->dim + shape->ndim : c->dim;
    int64_t n = dim >= 0 && dim < shape->ndim ? shape->dim[dim] : 1;
    at_shape of_index = *shape;
    if (k == INDEX) of_index = AT_SHAPE(byte % 7);
    if (k != INDEX && dim >= 0 && dim < shape->ndim) of_index.dim[dim] = byte % 5;
    c->flag = byte & 64;
    inputs[1] = byte < 8 ? pick(b) : partner(b, of_index, AT_INT64, (int)(byte > 250 ? n + 1 : n ? n : 1));
}

/* A second factor: its rows are the columns of the first. */
static void take_factor(fuzz_bytes *b, int *inputs, kind k) {
    if (k == BATCHES)
        for (int i = 0; i < n_slots && slots[inputs[0]].n.shape.ndim != 3; i++) inputs[0] = i;
    const naive *x = &slots[inputs[0]].n;
    at_shape shape = x->shape;
    unsigned byte = fuzz_byte(b);
    if (byte < 16) {
        inputs[1] = pick(b);
        return;
    }
    int64_t inner = shape.ndim ? shape.dim[shape.ndim - 1] : 1, columns = 1 + byte % 5;
    int batch = k == BATCHES ? shape.ndim - 2 : (int)(byte >> 4) % 3;
    at_shape y = {.ndim = 0};
    for (int d = 0; d < batch && shape.ndim - 2 - batch + d >= 0; d++)
        y.dim[y.ndim++] = k != BATCHES && byte & 8 ? 1 : shape.dim[shape.ndim - 2 - batch + d];
    y.dim[y.ndim++] = inner;
    if (k == BATCHES || byte % 4) y.dim[y.ndim++] = columns;
    inputs[1] = partner(b, y, x->dtype, 5);
}

static at_shape other_shape(fuzz_bytes *b, const at_shape *from) {
    int64_t numel = naive_numel(from);
    at_shape y = {.ndim = 1 + fuzz_below(b, 4)};
    for (int d = 0; d < y.ndim; d++) {
        int64_t size = 1 + fuzz_below(b, 8);
        while (numel && numel % size) size--;
        y.dim[d] = d + 1 < y.ndim ? size : numel;
        if (numel) numel /= size;
    }
    unsigned byte = fuzz_byte(b);
    if (byte & 1) y.dim[(byte >> 1) % (unsigned)y.ndim] = byte & 128 ? (int)byte % 5 : -1;
    return y;
}

static at_shape some_order(fuzz_bytes *b, const at_shape *shape) {
    at_shape order = {.ndim = shape->ndim};
    for (int d = 0; d < order.ndim; d++) order.dim[d] = d;
    for (int d = 0; d < order.ndim; d++) {
        int other = fuzz_below(b, order.ndim);
        int64_t kept = order.dim[d];
        order.dim[d] = order.dim[other], order.dim[other] = kept;
    }
    if (order.ndim && fuzz_byte(b) < 16) order.dim[0]--;
    return order;
}

static at_shape larger_shape(fuzz_bytes *b, const at_shape *shape, bool repeat) {
    unsigned byte = fuzz_byte(b);
    int lead = (int)byte % 3;
    at_shape y = {.ndim = lead + shape->ndim < AT_MAX_DIMS ? lead + shape->ndim : AT_MAX_DIMS};
    for (int d = 0; d < y.ndim; d++) {
        int64_t from = d < lead ? 1 : shape->dim[d - lead];
        y.dim[d] = repeat || from == 1 ? fuzz_below(b, 4) : byte & 32 ? -1 : from;
    }
    if (byte >= 250 && y.ndim) y.dim[0] = -1;
    return y;
}

static void take_inputs(fuzz_bytes *b, kind k, call *c, int *inputs) {
    if (k == TWO) {
        take_two(b, c, inputs);
        return;
    }
    if (k == CHOOSE) {
        take_two(b, c, inputs);
        take_mask(b, inputs, 2);
        return;
    }
    inputs[0] = k == ONE ? pick(b) : pick_floating(b);
    const at_shape *shape = &slots[inputs[0]].n.shape;
    int ndim = shape->ndim ? shape->ndim : 1;
    unsigned byte = fuzz_byte(b);
    c->dim = byte < 240 ? (int)byte % (2 * ndim) - ndim : (int)byte % 21 - 10;
    c->dim1 = (int)(byte >> 4) % (2 * ndim) - ndim;
    byte = fuzz_byte(b);
    c->flag = byte & 1, c->all = byte & 2 || c->all;
    c->i = (byte >> 2) % 9 - 3, c->j = (byte >> 3) % 12 - 2, c->k = (byte >> 5) - (byte % 16 == 15);
    c->number = ((double)(byte % 32) - 20) / 8, c->other = c->number + (byte >> 5) * 0.375;
    c->dtype = (at_dtype)(byte & 3);
    if (k == MASK) take_mask(b, inputs, 1);
    if (k == INDEX || k == GATHER || k == SCATTER) take_index(b, c, inputs, k);
    if (k == SCATTER) inputs[2] = partner(b, slots[inputs[1]].n.shape, slots[inputs[0]].n.dtype, 5);
    if (k == PRODUCT || k == BATCHES) take_factor(b, inputs, k);
    if (k == SHAPE) c->shape = other_shape(b, shape);
    if (k == ORDER) c->shape = some_order(b, shape);
    if (k == EXPAND || k == REPEAT) c->shape = larger_shape(b, shape, k == REPEAT);
    if (k == LIST) {
        c->n = 1 + (int)(byte >> 4) % 3;
        for (int i = 1; i < c->n; i++)
            inputs[i] = byte & 8 ? pick(b) : partner(b, slots[inputs[0]].n.shape, (at_dtype)(byte & 1), 5);
    }
}

/* ---- the table ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    kind kind;
    library_function *library;
    naive_function *naive;
    int variant;
    bool all; /* there is no such operation along one dimension */
} table_row;

#define UNARY(name)                                                                                                    \
    { #name, REAL, library_unary, naive_unary, name, false }
#define BINARY(name)                                                                                                   \
    { #name, TWO, library_binary, naive_binary, name, false }
#define REDUCTION(name)                                                                                                \
    { #name, REAL, library_reduce, naive_reduce, name, name == MAX || name == MIN || name == NORM }
#define OTHER(name, kind, variant)                                                                                     \
    { #name, kind, library_##name, naive_##name, variant, false }

static const table_row operations[] = {UNARY(NEG),
                                       UNARY(ABS),
                                       UNARY(SIGN),
                                       UNARY(SQUARE),
                                       UNARY(RELU),
                                       UNARY(FLOOR),
                                       UNARY(CEIL),
                                       UNARY(ROUND),
                                       UNARY(EXP),
                                       UNARY(LOG),
                                       UNARY(LOG1P),
                                       UNARY(EXPM1),
                                       UNARY(SQRT),
                                       UNARY(RSQRT),
                                       UNARY(RECIPROCAL),
                                       UNARY(SIN),
                                       UNARY(COS),
                                       UNARY(TAN),
                                       UNARY(TANH),
                                       UNARY(SIGMOID),
                                       UNARY(ERF),
                                       BINARY(ADD),
                                       BINARY(SUB),
                                       BINARY(MUL),
                                       BINARY(DIV),
                                       BINARY(POW),
                                       BINARY(MAXIMUM),
                                       BINARY(MINIMUM),
                                       BINARY(EQ),
                                       BINARY(NE),
                                       BINARY(LT),
                                       BINARY(LE),
                                       BINARY(GT),
                                       BINARY(GE),
                                       BINARY(ADD),
                                       BINARY(SUB),
                                       BINARY(MUL),
                                       BINARY(MUL),
                                       REDUCTION(SUM),
                                       REDUCTION(MEAN),
                                       REDUCTION(PROD),
                                       REDUCTION(MAX),
                                       REDUCTION(MIN),
                                       REDUCTION(VAR),
                                       REDUCTION(STD),
                                       REDUCTION(LOGSUMEXP),
                                       REDUCTION(NORM),
                                       REDUCTION(ANY),
                                       REDUCTION(ALL),
                                       OTHER(logical, MASK, 0),
                                       OTHER(logical, MASK, 1),
                                       OTHER(not, ONE, 0),
                                       OTHER(where, CHOOSE, 0),
                                       OTHER(masked_fill, CHOOSE, 0),
                                       OTHER(clamp, REAL, 0),
                                       OTHER(leaky_relu, REAL, 0),
                                       OTHER(gelu, REAL, 0),
                                       OTHER(silu, REAL, 0),
                                       OTHER(softplus, REAL, 0),
                                       OTHER(to, ONE, 0),
                                       OTHER(max_dim, REAL, 0),
                                       OTHER(max_dim, REAL, 1),
                                       OTHER(argmax, REAL, 0),
                                       OTHER(argmax, REAL, 1),
                                       OTHER(cumsum, REAL, 0),
                                       OTHER(softmax, REAL, 0),
                                       OTHER(softmax, REAL, 1),
                                       OTHER(reshape, SHAPE, 0),
                                       OTHER(permute, ORDER, 0),
                                       OTHER(transpose, ONE, 0),
                                       OTHER(expand, EXPAND, 0),
                                       OTHER(repeat, REPEAT, 0),
                                       OTHER(unsqueeze, ONE, 0),
                                       OTHER(squeeze, ONE, 0),
                                       OTHER(flatten, ONE, 0),
                                       OTHER(slice, ONE, 0),
                                       OTHER(select, ONE, 0),
                                       OTHER(cat, LIST, 0),
                                       OTHER(stack, LIST, 0),
                                       OTHER(flip, ONE, 0),
                                       OTHER(tril, ONE, 0),
                                       OTHER(tril, ONE, 1),
                                       OTHER(repeat_interleave, ONE, 0),
                                       OTHER(sort, REAL, 0),
                                       OTHER(sort, REAL, 1),
                                       OTHER(topk, REAL, 0),
                                       OTHER(masked_select, MASK, 0),
                                       OTHER(index_select, INDEX, 0),
                                       OTHER(gather, GATHER, 0),
                                       OTHER(scatter_add, SCATTER, 0),
                                       OTHER(one_hot, ONE, 0),
                                       OTHER(matmul, PRODUCT, 0),
                                       OTHER(bmm, BATCHES, 0),
                                       {"contiguous", ONE, library_contiguous, naive_copy, 0, false}};
enum { TABLE = sizeof operations / sizeof *operations };

/* ---- what is no operation ---------------------------------------------------------------------------------------- */

static void backward(fuzz_bytes *b) {
    const slot *s = &slots[pick(b)];
    unsigned seed = fuzz_byte(b);
    int64_t n = naive_numel(&s->n.shape);
    tell("from", (int[]){(int)(s - slots), -1, -1, -1});
    at_dtype dtype = floating(s->n.dtype) ? s->n.dtype : AT_FLOAT32;
    bool with = n != 1 || seed & 128;
    const double *weight = patterns(seed, s->n.shape, dtype, 2);
    for (int r = 0; r < RUNS; r++) {
        at_set_eager(r == EAGER);
        at_tensor *g = with ? tensor_of(weight, s->n.shape, dtype) : NULL;
        bool done = with ? at_backward_with(s->t[r], g) : at_backward(s->t[r]);
        FUZZ_CHECK(done == s->wants && done == !at_error(), "backward: %s", at_error() ? at_error() : "no error");
        at_clear_error();
    }
    const double one = 1;
    if (s->wants) tape_backward(s->operation, (int)n, s->n.at, with ? weight : &one, gradients);
    counts.backwards += s->wants;
}

/* Writes to a tensor: what was computed from it keeps the old elements. */
static void update(fuzz_bytes *b) {
    slot *s = &slots[pick_floating(b)];
    tell("of", (int[]){(int)(s - slots), -1, -1, -1});
    const double *x = patterns(fuzz_byte(b), s->n.shape, s->n.dtype, 2);
    bool right = !s->recorded && floating(s->n.dtype);
    if (right && !new_leaf_nodes(s, x)) return;
    for (int r = 0; r < RUNS; r++) {
        float *floats = s->n.dtype == AT_FLOAT64 ? NULL : at_floats_mut(s->t[r]);
        double *doubles = s->n.dtype == AT_FLOAT64 ? at_doubles_mut(s->t[r]) : NULL;
        FUZZ_CHECK((floats || doubles) == right, "update: %s", at_error() ? at_error() : "no error");
        at_clear_error();
        for (int64_t i = 0; i < naive_numel(&s->n.shape) && right; i++)
            if (floats)
                floats[i] = (float)x[i];
            else
                doubles[i] = x[i];
    }
}

static void detach(fuzz_bytes *b) {
    const slot *s = &slots[pick(b)];
    at_tensor *t[RUNS] = {at_detach(s->t[DEFERRED]), at_detach(s->t[EAGER])};
    naive y;
    int operation = tape_next_operation();
    if (cut_off(&s->n, &y)) add_result(t, &y, operation, false);
}

/* A leaf that has a gradient, or is asked for one. */
static int pick_leaf(fuzz_bytes *b) {
    int start = pick(b);
    for (int i = 0; i < n_slots; i++)
        if (slots[(start + i) % n_slots].leaf >= 0) return (start + i) % n_slots;
    return -1;
}

/* The gradient of a slot's sum by a leaf, with its graph. The tape does not know the derivatives of derivatives; their
 * graphs grow with each order, so a program has only so many. */
static void differentiate(fuzz_bytes *b) {
    static number found[GRADIENTS];
    const slot *s = &slots[pick_floating(b)];
    int leaf = pick_leaf(b);
    if (leaf < 0) return;
    at_tensor *t[RUNS] = {NULL};
    bool right = s->wants && !tape_paused && s->leaf < 0 && n_derivatives++ < DERIVATIVES;
    tell("gradient of", (int[]){(int)(s - slots), leaf, -1, -1});
    for (int r = 0; r < RUNS && right; r++) {
        at_set_eager(r == EAGER);
        bool done = at_gradients(at_sum(s->t[r]), &slots[leaf].t[r], 1, true, &t[r]);
        FUZZ_CHECK(done && t[r], "gradients: %s", at_error());
    }
    if (!right) return;
    double weight[4096];
    naive y;
    bool untold = tape_untold;
    for (int64_t i = 0; i < naive_numel(&s->n.shape); i++) weight[i] = 1;
    memset(found, 0, (size_t)n_gradients * sizeof *found);
    tape_untold = false;
    tape_backward(s->operation, (int)naive_numel(&s->n.shape), s->n.at, weight, found);
    bool known = !tape_untold;
    tape_untold = untold;
    const slot *x = &slots[leaf];
    int operation = tape_next_operation();
    if (!naive_new(&y, x->n.shape, x->n.dtype) || naive_is_full()) return;
    for (int64_t i = 0; i < naive_numel(&y.shape); i++) {
        number g = known ? found[x->leaf + i] : (number){0, INFINITY};
        y.at[i] = tape_new(g.v, is_known(g) ? g.e : INFINITY, precision_of(y.dtype), -1);
        tape_set_untold(y.at[i]);
    }
    if (!naive_is_full()) add_result(t, &y, operation, at_requires_grad(t[DEFERRED]));
}

static void zero_gradient(fuzz_bytes *b) {
    int leaf = pick_leaf(b);
    if (leaf < 0) return;
    for (int r = 0; r < RUNS; r++) at_zero_grad(slots[leaf].t[r]);
    for (int64_t i = 0; i < naive_numel(&slots[leaf].n.shape); i++) gradients[slots[leaf].leaf + i] = exactly(0);
}

static void open_or_close_scope(fuzz_bytes *b) {
    unsigned byte = fuzz_byte(b);
    if (n_scopes < SCOPES && (n_scopes == 0 || byte & 1)) {
        slots_outside[n_scopes] = n_slots;
        scopes[n_scopes++] = at_scope_open();
        return;
    }
    int outside = slots_outside[n_scopes - 1], inside = n_slots - outside;
    slot kept = slots[outside + (inside ? (int)(byte >> 1) % inside : 0)];
    for (int i = outside; i < n_slots; i++) check_slot(i);
    for (int r = 0; r < RUNS && inside; r++) at_scope_return(kept.t[r]);
    at_scope_close(&scopes[--n_scopes]);
    n_slots = outside;
    if (inside) slots[n_slots++] = kept;
}

/* Asks for elements of one run only, which must make no difference. */
static void look(fuzz_bytes *b) {
    const slot *s = &slots[pick(b)];
    unsigned byte = fuzz_byte(b);
    at_set_eager(false);
    if (byte % 3 == 0) (void)data_of(s->t[DEFERRED]);
    if (byte % 3 == 1) free(at_to_string(s->t[DEFERRED]));
    if (byte % 3 == 2 && naive_numel(&s->n.shape) == 1) (void)at_item(s->t[DEFERRED]);
    FUZZ_CHECK(!at_error(), "%s", at_error());
}

static void switch_grad_mode(void) {
    if (tape_paused)
        at_no_grad_close(&no_grad);
    else
        no_grad = at_no_grad_open();
    tape_paused = !tape_paused;
}

static void call_with_null(fuzz_bytes *b) {
    at_tensor *x = slots[pick(b)].t[DEFERRED], *null = NULL;
    FUZZ_CHECK(!at_add(x, null) && at_error_code() == AT_ERROR_VALUE, "a NULL went through");
    FUZZ_CHECK(!at_matmul(at_exp(null), x) && !at_backward(null), "a NULL went through");
    at_clear_error();
}

/* ---- a program --------------------------------------------------------------------------------------------------- */

static void new_leaf(fuzz_bytes *b) {
    unsigned byte = fuzz_byte(b);
    slot *s = fresh(byte >> 3, some_shape(b), byte & 4 ? AT_FLOAT64 : byte % 8 == 3 ? AT_INT64 : AT_FLOAT32, 5);
    if (s && byte & 1) require_gradient(s);
}

/* False at the end. */
static bool one_step(fuzz_bytes *b) {
    unsigned code = fuzz_byte(b);
    if (code < 2 * TABLE) {
        const table_row *o = &operations[code % TABLE];
        call c = {.variant = o->variant, .all = o->all, .n = 1};
        int inputs[MOST_INPUTS] = {-1, -1, -1, -1};
        take_inputs(b, o->kind, &c, inputs);
        return perform(o->name, o->library, o->naive, &c, inputs);
    }
    static const char *const names[] = {"backward",  "backward",  "backward", "backward", "update",    "detach",
                                        "zero_grad", "scope",     "scope",    "look",     "grad mode", "null",
                                        "require",   "gradients", "leaf",     "leaf"};
    tell(names[code % 16], NULL);
    switch (code % 16) {
    case 0:
    case 1:
    case 2:
    case 3: backward(b); break;
    case 4: update(b); break;
    case 5: detach(b); break;
    case 6: zero_gradient(b); break;
    case 7:
    case 8: open_or_close_scope(b); break;
    case 9: look(b); break;
    case 10: switch_grad_mode(); break;
    case 11: call_with_null(b); break;
    case 12: require_gradient(&slots[pick(b)]); break;
    case 13: differentiate(b); break;
    default: new_leaf(b);
    }
    return true;
}

static void run_program(fuzz_bytes *b) {
    n_slots = n_gradients = n_derivatives = n_scopes = 0;
    naive_clear();
    unsigned leaves = 1 + fuzz_byte(b) % 3;
    for (unsigned i = 0; i < leaves; i++) new_leaf(b);
    for (int i = 0; i < OPERATIONS && fuzz_has_more(b) && n_slots < SLOTS - 8; i++)
        if (!one_step(b)) {
            counts.cut++;
            break;
        }
    if (tape_paused) switch_grad_mode();
    check_all();
    while (n_scopes > 0) at_scope_close(&scopes[--n_scopes]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (counts.programs++ == 0) atexit(print_counts);
    verbose = getenv("FUZZ_VERBOSE") != NULL;
    int64_t tensors = at_live_tensors(), bytes = at_live_bytes();
    AT_SCOPE { run_program(&(fuzz_bytes){data, data + size}); }
    at_set_eager(false);
    FUZZ_CHECK(at_live_tensors() == tensors && at_live_bytes() == bytes, "%lld tensors are left",
               (long long)(at_live_tensors() - tensors));
    return 0;
}
