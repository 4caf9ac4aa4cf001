/* tests/fuzz/programs.c - the input is a program of up to fifty operations. It runs three times side by side: deferred,
 * eager, and on the tape. The first two must agree bit for bit, in values and in gradients, the third within what
 * rounding allows; and all three about which calls are wrong. */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "program.h"

static int n_derivatives;
static at_scope_guard scopes[SCOPES];
static int slots_outside[SCOPES], n_scopes;
static at_grad_guard no_grad;

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
    if (code < 2 * (unsigned)n_operations) {
        const table_row *o = &operations[code % (unsigned)n_operations];
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
