/* autograd/gradcheck.c - comparing gradients with central differences.
 *
 * The function's output is weighted by a covector of irregular numbers, so that errors of different elements cannot
 * cancel; differences keep their signs, and a comparison with NaN fails. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "internal.h"

static const double step = 1e-6;                      /* of the differences */
static const double relative = 1e-4, absolute = 1e-6; /* tolerances; differences are good to some 1e-9 */

typedef struct {
    const char *name;
    at_function f;
    at_tensor **inputs;
    int n;
    void *context;
} check;

/* Numbers between 0.5 and 1.5, the same in each run, that do not touch the thread's random numbers. */
static at_tensor *covector_like(at_tensor *y) {
    void *data;
    at_tensor *u = tn_tensor_new(AT_FLOAT64, &y->value->shape, &data);
    uint64_t state = 0x243F6A8885A308D3u; /* any start will do */
    for (int64_t i = 0; u && i < y->value->numel; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ((double *)data)[i] = 0.5 + (double)(state >> 11) * 0x1p-53;
    }
    return u;
}

/* What the function gives; NULL is an error even where the function has not reported one. */
static at_tensor *call(const check *c, at_tensor **inputs) {
    unsigned before = tn_failures();
    at_tensor *y = c->f(inputs, c->n, c->context);
    if (!y && tn_failures() == before) at_fail(AT_ERROR_VALUE, "%s: the function gives NULL", c->name);
    if (!y || y->value->dtype == AT_FLOAT64) return y;
    return at_fail(AT_ERROR_DTYPE, "%s: the function gives %s: want float64", c->name, tn_describe(y));
}

/* sum(f(inputs) * covector). */
static at_tensor *weighted(const check *c, at_tensor **inputs) {
    at_tensor *y = call(c, inputs);
    return y ? at_sum(at_mul(y, covector_like(y))) : NULL;
}

/* Input i with one element changed, as a leaf of its own. */
static at_tensor *perturbed(at_tensor *x, int64_t element, double change) {
    at_tensor *copy = at_from_doubles_shape(at_doubles(x), x->value->shape);
    if (!copy) return NULL;
    ((double *)tn_data(copy->value))[element] += change;
    return at_set_requires_grad(copy, true);
}

static double value_at(const check *c, int i, int64_t element, double change) {
    double value = NAN;
    at_tensor *original = c->inputs[i];
    AT_SCOPE {
        at_tensor *moved = perturbed(original, element, change);
        if (moved) {
            c->inputs[i] = moved;
            at_tensor *y = weighted(c, c->inputs);
            if (y) value = at_item(y);
            c->inputs[i] = original;
        }
    }
    return value;
}

static bool check_element(const check *c, int i, int64_t element, double analytic) {
    unsigned before = tn_failures();
    double numeric = (value_at(c, i, element, step) - value_at(c, i, element, -step)) / (2 * step);
    if (tn_failures() != before) return false;
    double error = fabs(analytic - numeric);
    if (error <= absolute + relative * fabs(numeric)) return true;
    tn_report(AT_ERROR_VALUE,
              "%s: input %d %s, element %" PRId64
              ": analytic gradient %.12g, numeric %.12g (difference %.3g, allowed %.3g)",
              c->name, i, tn_shape_text(&c->inputs[i]->value->shape), element, analytic, numeric, error,
              absolute + relative * fabs(numeric));
    return false;
}

static bool check_input(const check *c, int i, at_tensor *gradient) {
    if (!tn_shapes_equal(&gradient->value->shape, &c->inputs[i]->value->shape) ||
        gradient->value->dtype != AT_FLOAT64) {
        tn_report(AT_ERROR_VALUE, "%s: input %d is %s, but its gradient %s", c->name, i, tn_describe(c->inputs[i]),
                  tn_describe(gradient));
        return false;
    }
    const double *analytic = at_doubles(gradient);
    bool good = analytic != NULL;
    for (int64_t e = 0; e < gradient->value->numel && good; e++) good = check_element(c, i, e, analytic[e]);
    return good;
}

static bool check_arguments(const check *c) {
    bool any = false;
    if (!c->f) return at_fail_null(c->name, "f");
    if (!c->inputs) return at_fail_null(c->name, "inputs");
    if (c->n < 0) return at_fail(AT_ERROR_VALUE, "%s: n is %d: must not be negative", c->name, c->n);
    for (int i = 0; i < c->n; i++) {
        if (!c->inputs[i]) return tn_fail_null_element(c->name, "inputs", i);
        if (!at_requires_grad(c->inputs[i])) continue;
        any = true;
        if (c->inputs[i]->value->dtype != AT_FLOAT64)
            return at_fail(AT_ERROR_DTYPE, "%s: input %d is %s: differences need float64", c->name, i,
                           tn_describe(c->inputs[i]));
    }
    return any || at_fail(AT_ERROR_STATE, "%s: no input requires a gradient", c->name);
}

/* The inputs that require a gradient; returns how many. */
static int differentiable(at_tensor *const *inputs, int n, at_tensor **chosen) {
    int m = 0;
    for (int i = 0; i < n; i++)
        if (at_requires_grad(inputs[i])) chosen[m++] = inputs[i];
    return m;
}

/* What does not depend on the inputs at all has gradients of zero. */
static bool gradients_of(at_tensor *y, at_tensor **inputs, int n, bool create_graph, at_tensor **gradients) {
    if (at_requires_grad(y)) return at_gradients(y, inputs, n, create_graph, gradients);
    for (int i = 0; i < n; i++)
        if (!(gradients[i] = at_zeros_like(inputs[i]))) return false;
    return true;
}

static bool compare(const check *c, at_tensor **chosen, at_tensor **gradients) {
    int m = differentiable(c->inputs, c->n, chosen);
    at_tensor *y = weighted(c, c->inputs);
    if (!y || !gradients_of(y, chosen, m, false, gradients)) return false;
    bool good = true;
    for (int i = 0, k = 0; i < c->n && good; i++)
        if (at_requires_grad(c->inputs[i])) good = check_input(c, i, gradients[k++]);
    return good;
}

static bool run_check(const check *c) {
    if (!check_arguments(c)) return false;
    size_t bytes = 2 * (size_t)c->n * sizeof(at_tensor *);
    at_tensor **space = tn_memory_new(bytes);
    if (!space) return false;
    bool good = false, recording = ag_set_grad_mode(true);
    AT_SCOPE { good = compare(c, space, space + c->n); }
    ag_set_grad_mode(recording);
    tn_memory_free(space, bytes);
    return good;
}

bool at_gradcheck(at_function f, at_tensor **inputs, int n, void *context) {
    return run_check(&(check){.name = "gradcheck", .f = f, .inputs = inputs, .n = n, .context = context});
}

/* ---- second order: the gradient as a function of the inputs and of what the output is weighted by ---------------- */

/* All gradients of sum(f(inputs) * u) in one row; inputs are f's, then u. */
static at_tensor *gradient_row(at_tensor **inputs, int n, void *context) {
    const check *c = context;
    at_tensor *y = call(c, inputs);
    if (!y) return NULL;
    size_t bytes = 2 * (size_t)n * sizeof(at_tensor *);
    at_tensor **chosen = tn_memory_new(bytes), *row = NULL;
    if (!chosen) return NULL;
    at_tensor **gradients = chosen + n;
    int m = differentiable(inputs, n - 1, chosen);
    at_tensor *loss = at_sum(at_mul(y, inputs[n - 1]));
    bool good = loss && gradients_of(loss, chosen, m, true, gradients);
    for (int i = 0; i < m && good; i++) good = (gradients[i] = at_flatten(gradients[i])) != NULL;
    if (good) row = at_cat_list(0, gradients, m);
    tn_memory_free(chosen, bytes);
    return row;
}

bool at_gradgradcheck(at_function f, at_tensor **inputs, int n, void *context) {
    check first = {.name = "gradgradcheck", .f = f, .inputs = inputs, .n = n, .context = context};
    if (!check_arguments(&first)) return false;
    size_t bytes = (size_t)(n + 1) * sizeof(at_tensor *);
    at_tensor **extended = tn_memory_new(bytes);
    if (!extended) return false;
    bool good = false;
    AT_SCOPE {
        at_tensor *y = call(&first, inputs), *u = y ? covector_like(y) : NULL;
        if (u && at_set_requires_grad(u, true)) {
            memcpy(extended, inputs, (size_t)n * sizeof *extended);
            extended[n] = u;
            good = run_check(&(check){"gradgradcheck", gradient_row, extended, n + 1, &first});
        }
    }
    tn_memory_free(extended, bytes);
    return good;
}
