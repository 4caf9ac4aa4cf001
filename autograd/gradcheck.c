/* autograd/gradcheck.c - comparing gradients with central differences.
 *
 * The function's output is weighted by a covector u of irregular numbers, so that errors of different elements cannot
 * cancel; differences keep their signs, and a comparison with NaN or infinity fails. */
#include "gradcheck.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- the function ------------------------------------------------------------------------------------------------ */

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

static bool allows_dtype(const ag_check *c, at_dtype dtype) {
    return dtype == AT_FLOAT64 || (dtype == AT_FLOAT32 && c->options.float32);
}

/* What the function gives; NULL is an error even where the function has not reported one. */
static at_tensor *call(const ag_check *c, at_tensor **inputs) {
    const at_gradcheck_options *o = &c->options;
    unsigned before = tn_failures();
    at_tensor *y = o->f(inputs, o->n, o->context);
    if (!y && !tn_failed_since(before)) at_fail(AT_ERROR_VALUE, "%s: the function gives NULL", c->name);
    if (!y || allows_dtype(c, y->value->dtype)) return y;
    return at_fail(AT_ERROR_DTYPE, "%s: the function gives %s: want float64%s", c->name, tn_describe(y),
                   o->float32 ? " or float32" : "");
}

/* sum(y * u), in float64 even where y is not: only the function's own rounding shall be seen. */
static at_tensor *weighted(at_tensor *y, at_tensor *u) { return y ? at_sum(at_mul(at_to(y, AT_FLOAT64), u)) : NULL; }

/* ---- differences ------------------------------------------------------------------------------------------------- */

/* sum(f(inputs) * u) where an element of an input is x. */
typedef struct {
    double x, value;
} point;

/* A leaf like t with one element changed; *x is what the element has become. */
static at_tensor *moved(at_tensor *t, int64_t element, double change, double *x) {
    bool single = t->value->dtype == AT_FLOAT32;
    at_tensor *copy = single ? at_from_floats_shape(at_floats(t), t->value->shape)
                             : at_from_doubles_shape(at_doubles(t), t->value->shape);
    if (!copy) return NULL;
    void *data = tn_data(copy->value);
    if (single)
        *x = (double)(((float *)data)[element] += (float)change);
    else
        *x = ((double *)data)[element] += change;
    return at_set_requires_grad(copy, true);
}

/* A tensor that stands in several places is one variable. */
static void replace(const ag_check *c, at_tensor *old, at_tensor *new) {
    for (int i = 0; i < c->options.n; i++)
        if (c->options.inputs[i] == old) c->options.inputs[i] = new;
}

static point evaluate(const ag_check *c, int i, int64_t element, double change) {
    point p = {NAN, NAN};
    at_tensor *original = c->options.inputs[i];
    AT_SCOPE {
        at_tensor *copy = moved(original, element, change, &p.x);
        if (copy) {
            replace(c, original, copy);
            at_tensor *y = call(c, c->options.inputs), *sum = y ? weighted(y, covector_like(y)) : NULL;
            if (sum) p.value = at_item(sum);
            replace(c, copy, original);
        }
    }
    return p;
}

/* The distance is that of the elements as they were rounded. */
static double slope(point from, point to) { return (to.value - from.value) / (to.x - from.x); }

/* More than curvature does within a step. */
static bool is_kink(const ag_check *c, point below, point here, point above) {
    double left = slope(below, here), right = slope(here, above);
    return fabs(left - right) > 0.1 * (fabs(left) + fabs(right)) + 100 * c->options.atol;
}

/* True where the element agrees; d says how it does not. */
static bool compare_element(const ag_check *c, int i, ag_difference *d) {
    double step = c->options.epsilon;
    point below = evaluate(c, i, d->element, -step), above = evaluate(c, i, d->element, step);
    d->numeric = slope(below, above);
    d->difference = fabs(d->analytic - d->numeric);
    d->allowed = c->options.atol + c->options.rtol * fabs(d->numeric);
    d->kink = false;
    if (isfinite(d->numeric) && d->difference <= d->allowed) return true;
    point here = {(below.x + above.x) / 2, c->value};
    d->kink = is_kink(c, below, here, above);
    return false;
}

/* ---- findings ---------------------------------------------------------------------------------------------------- */

/* A NaN without the sign that some processors give it, which printf would show. */
static double plain(double x) { return isnan(x) ? NAN : x; }

static void fail_element(const ag_check *c, int i, const ag_difference *d) {
    tn_report(AT_ERROR_VALUE,
              "%s: input %d %s%s, element %" PRId64
              ": analytic gradient %.12g, numeric %.12g (difference %.3g, allowed %.3g)",
              c->name, i, tn_shape_text(&c->options.inputs[i]->value->shape),
              i == c->weights ? " (what the output is weighted by)" : "", d->element, plain(d->analytic),
              plain(d->numeric), plain(d->difference), plain(d->allowed));
}

static void note(ag_findings *f, const ag_difference *d, bool agrees) {
    f->analytic_zero = f->analytic_zero && d->analytic == 0;
    f->numeric_zero = f->numeric_zero && d->numeric == 0;
    if (agrees) return;
    double ratio = d->analytic / d->numeric;
    f->failed++;
    f->kinks += d->kink;
    f->finite = f->finite && isfinite(d->analytic) && isfinite(d->numeric);
    f->least_ratio = fmin(f->least_ratio, ratio);
    f->greatest_ratio = fmax(f->greatest_ratio, ratio);
}

/* at_error keeps the first element that differs; only a report asks for more. */
static void tell(ag_check *c, const ag_findings *f, const ag_difference *d) {
    if (c->failed++ == 0) {
        fail_element(c, f->input, d);
        if (c->options.report) ag_report_begin(c);
    }
    if (c->options.report) ag_report_difference(c, f, d);
}

/* False when the function fails; what it finds is counted in c. */
static bool check_input(ag_check *c, int i, at_tensor *gradient) {
    at_tensor *wide = at_to(gradient, AT_FLOAT64);
    const double *analytic = wide ? at_doubles(wide) : NULL;
    if (!analytic) return false;
    ag_findings f = {i, 0, 0, true, true, true, INFINITY, -INFINITY};
    unsigned before = tn_failures();
    for (int64_t e = 0; e < gradient->value->numel; e++) {
        ag_difference d = {.element = e, .analytic = analytic[e]};
        bool agrees = compare_element(c, i, &d);
        if (tn_failed_since(before)) return false;
        c->checked++;
        note(&f, &d, agrees);
        if (!agrees) tell(c, &f, &d);
        before = tn_failures();
        if (c->failed && !c->options.report) return true;
    }
    if (f.failed) ag_report_findings(c, &f);
    return true;
}

/* ---- the check --------------------------------------------------------------------------------------------------- */

bool ag_is_checked(const ag_check *c, int input) {
    if (input == c->weights) return true;
    uint64_t only = c->options.only;
    return at_requires_grad(c->options.inputs[input]) && (only == 0 || (input < 64 && only >> input & 1));
}

/* Those of the inputs that are checked; returns how many. */
static int list_checked(const ag_check *c, at_tensor *const *inputs, at_tensor **list) {
    int m = 0;
    for (int i = 0; i < c->options.n; i++)
        if (ag_is_checked(c, i)) list[m++] = inputs[i];
    return m;
}

/* What does not depend on the inputs at all has gradients of zero. */
static bool gradients_of(at_tensor *y, at_tensor **inputs, int n, bool create_graph, at_tensor **gradients) {
    if (at_requires_grad(y)) return at_gradients(y, inputs, n, create_graph, gradients);
    for (int i = 0; i < n; i++)
        if (!(gradients[i] = at_zeros_like(inputs[i]))) return false;
    return true;
}

/* Whether the function gives the same again. */
static bool is_repeatable(const ag_check *c) {
    at_tensor *y = call(c, c->options.inputs), *sum = y ? weighted(y, covector_like(y)) : NULL;
    if (!sum) return false;
    double value = at_item(sum);
    return value == c->value || (isnan(value) && isnan(c->value));
}

static bool compare(ag_check *c, at_tensor **list, at_tensor **gradients) {
    int m = list_checked(c, c->options.inputs, list);
    at_tensor *y = call(c, c->options.inputs), *sum = y ? weighted(y, covector_like(y)) : NULL;
    if (!sum || !gradients_of(sum, list, m, false, gradients)) return false;
    c->value = at_item(sum);
    if (!c->output) c->output = y;
    bool finished = true;
    for (int i = 0, k = 0; i < c->options.n && finished && (!c->failed || c->options.report); i++)
        if (ag_is_checked(c, i)) finished = check_input(c, i, gradients[k++]);
    if (c->failed && c->options.report) ag_report_end(c, finished, !finished || is_repeatable(c));
    return finished && c->failed == 0;
}

static bool run(ag_check *c) {
    size_t bytes = 2 * (size_t)c->options.n * sizeof(at_tensor *);
    at_tensor **space = tn_memory_new(bytes);
    if (!space) return false;
    bool good = false, recording = ag_set_grad_mode(true);
    AT_SCOPE { good = compare(c, space, space + c->options.n); }
    ag_set_grad_mode(recording);
    tn_memory_free(space, bytes);
    return good;
}

/* ---- arguments and options --------------------------------------------------------------------------------------- */

static bool check_number(const ag_check *c, const char *option, double value) {
    if (value >= 0 && isfinite(value)) return true;
    return at_fail(AT_ERROR_VALUE, "%s: %s is %g: want a positive number, or 0 for the default", c->name, option,
                   plain(value));
}

static bool check_only(const ag_check *c) {
    for (int i = 0; i < 64; i++) {
        if (!(c->options.only >> i & 1)) continue;
        if (i >= c->options.n)
            return at_fail(AT_ERROR_VALUE, "%s: only asks for input %d, but there are %d (bit i stands for input i)",
                           c->name, i, c->options.n);
        if (!at_requires_grad(c->options.inputs[i]))
            return at_fail(AT_ERROR_STATE, "%s: only asks for input %d, %s, which does not require a gradient", c->name,
                           i, tn_describe(c->options.inputs[i]));
    }
    return true;
}

static bool check_inputs(const ag_check *c) {
    const at_gradcheck_options *o = &c->options;
    for (int i = 0; i < o->n; i++)
        if (!o->inputs[i]) return tn_fail_null_element(c->name, "inputs", i);
    if (!check_only(c)) return false;
    bool any = false;
    for (int i = 0; i < o->n; i++) {
        if (!ag_is_checked(c, i)) continue;
        any = true;
        if (!allows_dtype(c, o->inputs[i]->value->dtype))
            return at_fail(AT_ERROR_DTYPE, "%s: input %d is %s: differences need float64 (or .float32 = true)", c->name,
                           i, tn_describe(o->inputs[i]));
    }
    return any || at_fail(AT_ERROR_STATE, "%s: no input requires a gradient", c->name);
}

static bool check_arguments(const ag_check *c) {
    const at_gradcheck_options *o = &c->options;
    if (!o->f) return at_fail_null(c->name, "f");
    if (!o->inputs) return at_fail_null(c->name, "inputs");
    if (o->n < 0) return at_fail(AT_ERROR_VALUE, "%s: n is %d: must not be negative", c->name, o->n);
    return check_number(c, "epsilon", o->epsilon) && check_number(c, "rtol", o->rtol) &&
           check_number(c, "atol", o->atol) && check_inputs(c);
}

/* float64: differences are good to some 1e-9. float32: a step of 0.01 gives up as much by curvature, some 1e-5, as a
 * function's rounding of some 1e-7 does by being divided by it. */
static ag_check check_of(const char *name, at_gradcheck_options o) {
    if (o.epsilon == 0) o.epsilon = o.float32 ? 1e-2 : 1e-6;
    if (o.rtol == 0) o.rtol = o.float32 ? 2e-3 : 1e-4;
    if (o.atol == 0) o.atol = o.float32 ? 1e-3 : 1e-6;
    return (ag_check){.name = name, .options = o, .weights = -1};
}

bool at_gradcheck_with(at_gradcheck_options options) {
    ag_check c = check_of("gradcheck", options);
    AT_CALL(c.name);
    return check_arguments(&c) && run(&c);
}

/* The parentheses keep away the macro of the same name: this is for pointers to the function, and for C++. */
bool(at_gradcheck)(at_function f, at_tensor **inputs, int n, void *context) {
    return at_gradcheck(f, inputs, n, context);
}

/* ---- second order: the gradient as a function of the inputs and of what the output is weighted by ---------------- */

/* All gradients of sum(f(inputs) * u) in one row; inputs are f's, then u. */
static at_tensor *gradient_row(at_tensor **inputs, int n, void *context) {
    const ag_check *c = context;
    at_tensor *y = call(c, inputs);
    if (!y) return NULL;
    size_t bytes = 2 * (size_t)n * sizeof(at_tensor *);
    at_tensor **list = tn_memory_new(bytes), *row = NULL;
    if (!list) return NULL;
    at_tensor **gradients = list + n;
    int m = list_checked(c, inputs, list);
    at_tensor *sum = weighted(y, inputs[n - 1]);
    bool good = sum && gradients_of(sum, list, m, true, gradients);
    for (int i = 0; i < m && good; i++) good = (gradients[i] = at_to(at_flatten(gradients[i]), AT_FLOAT64)) != NULL;
    if (good) row = at_cat_list(0, gradients, m);
    tn_memory_free(list, bytes);
    return row;
}

bool at_gradgradcheck_with(at_gradcheck_options options) {
    ag_check first = check_of("gradgradcheck", options);
    AT_CALL(first.name);
    if (!check_arguments(&first)) return false;
    int n = options.n;
    size_t bytes = (size_t)(n + 1) * sizeof(at_tensor *);
    at_tensor **extended = tn_memory_new(bytes);
    if (!extended) return false;
    bool good = false;
    AT_SCOPE {
        at_tensor *y = call(&first, options.inputs), *u = y ? covector_like(y) : NULL;
        if (u && at_set_requires_grad(u, true)) {
            memcpy(extended, options.inputs, (size_t)n * sizeof *extended);
            extended[n] = u;
            ag_check second = first;
            second.options.f = gradient_row;
            second.options.inputs = extended;
            second.options.n = n + 1;
            second.options.context = &first;
            second.weights = n;
            second.output = y;
            good = run(&second);
        }
    }
    tn_memory_free(extended, bytes);
    return good;
}

bool(at_gradgradcheck)(at_function f, at_tensor **inputs, int n, void *context) {
    return at_gradgradcheck(f, inputs, n, context);
}
