/* autograd/reductions.c - sums, products, extremes, and softmax, with their derivatives. */
#include <math.h>
#include <string.h>

#include "internal.h"

/* ---- dimensions -------------------------------------------------------------------------------------------------- */

static unsigned all_dims(const at_tensor *x) { return (1u << x->value->shape.ndim) - 1; }

static unsigned last_dim(const at_tensor *x) {
    int ndim = x->value->shape.ndim;
    return ndim ? 1u << (ndim - 1) : 0;
}

/* The bit of dimension dim; of a 0-dimensional tensor none. False after reporting an error. */
static bool one_dim(const char *function, at_tensor *x, int dim, unsigned *dims) {
    if ((dim = tn_check_dim(function, &x->value->shape, dim)) < 0) return false;
    *dims = x->value->shape.ndim ? 1u << dim : 0;
    return true;
}

static at_shape with_ones(const at_shape *shape, unsigned dims) {
    at_shape kept = *shape;
    for (int d = 0; d < kept.ndim; d++)
        if (dims >> d & 1) kept.dim[d] = 1;
    return kept;
}

static at_shape without(const at_shape *shape, unsigned dims) {
    at_shape rest = {.ndim = 0};
    for (int d = 0; d < shape->ndim; d++)
        if (!(dims >> d & 1)) rest.dim[rest.ndim++] = shape->dim[d];
    return rest;
}

static int64_t count_of(const at_shape *shape, unsigned dims) {
    int64_t n = 1;
    for (int d = 0; d < shape->ndim; d++)
        if (dims >> d & 1) n *= shape->dim[d];
    return n;
}

static bool check_floating(const char *function, at_tensor *x) {
    if (tn_is_floating(x->value->dtype)) return true;
    return at_fail(AT_ERROR_DTYPE, "%s: %s: want floating point (at_to converts)", function, tn_describe(x));
}

static tn_value *reduced(tn_reduction kind, tn_value *x, unsigned dims, bool keepdim) {
    tn_value *kept = tn_value_reduce(kind, x, dims);
    if (!kept || keepdim) return kept;
    at_shape rest = without(&kept->shape, dims);
    tn_value *y = tn_value_reshape(kept, &rest);
    tn_value_release(kept);
    return y;
}

/* A result without the reduced dimensions, with them again as 1. */
static at_tensor *restore_dims(at_tensor *y, const at_tensor *x, unsigned dims) {
    return at_reshape_shape(y, with_ones(&x->value->shape, dims));
}

static const ag_parameters *remember(ag_parameters *p, unsigned dims) {
    p->start = dims;
    return p;
}

static unsigned remembered(const ag_vjp *v) { return (unsigned)v->parameters->start; }

/* The reduction of all elements and that of one dimension, from name_over(function, x, dims, keepdim). */
#define REDUCTION(name)                                                                                                \
    at_tensor *at_##name(at_tensor *x) {                                                                               \
        AG_CHECK_TENSOR(#name, x);                                                                                     \
        AT_CALL(#name);                                                                                                \
        return name##_over(#name, x, all_dims(x), false);                                                              \
    }                                                                                                                  \
    at_tensor *at_##name##_dim(at_tensor *x, int dim, bool keepdim) {                                                  \
        unsigned dims;                                                                                                 \
        AG_CHECK_TENSOR(#name "_dim", x);                                                                              \
        AT_CALL(#name "_dim");                                                                                         \
        return one_dim(#name "_dim", x, dim, &dims) ? name##_over(#name "_dim", x, dims, keepdim) : NULL;              \
    }

/* ---- sums -------------------------------------------------------------------------------------------------------- */

at_tensor *ag_sum(at_tensor *x, unsigned dims, bool keepdim) {
    AG_CHECK_TENSOR("sum", x);
    ag_parameters p = {0};
    return ag_record(AG_sum, reduced(TN_SUM, x->value, dims, keepdim), &x, 1, remember(&p, dims));
}
AG_RULE(sum) { v->dx[0] = at_expand_shape(restore_dims(v->g, v->x[0], remembered(v)), v->x[0]->value->shape); }

/* Over dims, which keep size 1, for something of x's own shape: with luck both run together. */
static at_tensor *sum_beside(at_tensor *x, unsigned dims) {
    if (!x || dims != last_dim(x)) return ag_sum(x, dims, true);
    ag_parameters p = {0};
    return ag_record(AG_sum, tn_value_row_sum(x->value), &x, 1, remember(&p, dims));
}

at_tensor *ag_sum_to(at_tensor *x, const at_shape *shape) {
    int lead = x->value->shape.ndim - shape->ndim;
    unsigned dims = (1u << lead) - 1;
    for (int d = 0; d < shape->ndim; d++)
        if (shape->dim[d] == 1 && x->value->shape.dim[lead + d] != 1) dims |= 1u << (lead + d);
    at_tensor *sum = ag_sum(x, dims, true);
    return sum ? at_reshape_shape(sum, *shape) : NULL;
}

static at_tensor *sum_over(const char *function, at_tensor *x, unsigned dims, bool keepdim) {
    (void)function; /* cannot fail by its own rules */
    return ag_sum(x, dims, keepdim);
}
REDUCTION(sum)

static at_tensor *mean_over(const char *function, at_tensor *x, unsigned dims, bool keepdim) {
    if (!check_floating(function, x)) return NULL;
    return at_div(ag_sum(x, dims, keepdim), (double)count_of(&x->value->shape, dims));
}
REDUCTION(mean)

/* ---- variance and norm ------------------------------------------------------------------------------------------- */

/* Two passes: the squares of what is left when the mean is taken off. In float64, so that squares of float32 neither
 * overflow nor vanish. */
static at_tensor *variance64(at_tensor *x, unsigned dims, bool keepdim) {
    int64_t n = count_of(&x->value->shape, dims);
    at_tensor *wide = at_to(x, AT_FLOAT64);
    at_tensor *deviation = at_sub(wide, at_div(ag_sum(wide, dims, true), (double)n));
    return at_div(ag_sum(at_square(deviation), dims, keepdim), (double)(n > 1 ? n - 1 : 0));
}

static at_tensor *spread(ag_operation operation, const char *function, at_tensor *x, unsigned dims, bool keepdim) {
    if (!check_floating(function, x)) return NULL;
    tn_value *value = NULL;
    AT_SCOPE
        AT_NO_GRAD {
            at_tensor *y = variance64(x, dims, keepdim);
            if (operation == AG_std) y = at_sqrt(y);
            value = y ? tn_value_cast(y->value, x->value->dtype) : NULL;
        }
    ag_parameters p = {0};
    return ag_record(operation, value, &x, 1, remember(&p, dims));
}

/* d var / dx = 2 (x - mean) / (n - 1): the mean's own derivative cancels, as deviations add up to 0. */
static at_tensor *variance_gradient(const ag_vjp *v, at_tensor *g) {
    unsigned dims = remembered(v);
    at_tensor *x = v->x[0];
    double n = (double)count_of(&x->value->shape, dims);
    at_tensor *kept = restore_dims(g, x, dims);
    if (x->value->shape.ndim == 0) return at_mul(kept, INFINITY); /* as torch has it; otherwise of one element: NaN */
    at_tensor *deviation = at_sub(x, at_div(ag_sum(x, dims, true), n));
    return at_mul(at_mul(kept, 2 / (n - 1)), deviation);
}
AG_RULE(var) { v->dx[0] = variance_gradient(v, v->g); }

/* g / y, and 0 where y is 0; divided by 1 there, so that derivatives of it do not meet an infinity that they then
 * multiply by 0. */
static at_tensor *divide_or_zero(at_tensor *g, at_tensor *y) {
    at_tensor *zero = at_eq(y, 0);
    return at_div(at_where(zero, 0, g), at_where(zero, 1, y));
}
AG_RULE(std) { v->dx[0] = variance_gradient(v, divide_or_zero(v->g, at_mul(v->y, 2))); }

static at_tensor *var_over(const char *function, at_tensor *x, unsigned dims, bool keepdim) {
    return spread(AG_var, function, x, dims, keepdim);
}
static at_tensor *std_over(const char *function, at_tensor *x, unsigned dims, bool keepdim) {
    return spread(AG_std, function, x, dims, keepdim);
}
REDUCTION(var)
REDUCTION(std)

at_tensor *at_norm(at_tensor *x) {
    AG_CHECK_TENSOR("norm", x);
    AT_CALL("norm");
    if (!check_floating("norm", x)) return NULL;
    tn_value *value = NULL;
    AT_SCOPE
        AT_NO_GRAD {
            at_tensor *y = at_sqrt(at_sum(at_square(x)));
            value = y ? tn_value_retain(y->value) : NULL;
        }
    return ag_record(AG_norm, value, &x, 1, NULL);
}
AG_RULE(norm) { v->dx[0] = at_mul(v->x[0], divide_or_zero(v->g, v->y)); } /* 0 is a subgradient */

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* For each index along the middle dimension of (outer, n, inner) the product of what comes before it: shifted once,
 * then multiplied with itself shifted by 1, 2, 4, ... No division, so that zeros do no harm. */
static at_tensor *products_before(at_tensor *x) {
    if (!x) return NULL;
    int64_t n = x->value->shape.dim[1];
    at_tensor *first = at_slice(x, 1, 0, 1, 1);
    at_tensor *y = at_cat(1, at_ones_like(first), at_slice(x, 1, 0, n - 1, 1));
    for (int64_t shift = 1; shift < n && y; shift *= 2)
        y = at_mul(y, at_cat(1, at_ones_like(at_slice(x, 1, 0, shift, 1)), at_slice(y, 1, 0, n - shift, 1)));
    return y;
}

/* around: x's shape as (outer, n, inner). */
static at_tensor *product(at_tensor *x, unsigned dims, at_shape around, bool keepdim) {
    ag_parameters p = {.shape = around};
    return ag_record(AG_prod, reduced(TN_PROD, x->value, dims, keepdim), &x, 1, remember(&p, dims));
}
AG_RULE(prod) {
    at_tensor *x = v->x[0];
    if (x->value->numel == 0) return;
    at_tensor *around = at_reshape_shape(x, v->parameters->shape);
    at_tensor *after = at_flip(products_before(at_flip(around, 1)), 1);
    at_tensor *others = at_reshape_shape(at_mul(products_before(around), after), x->value->shape);
    v->dx[0] = at_mul(restore_dims(v->g, x, remembered(v)), others);
}

at_tensor *at_prod_dim(at_tensor *x, int dim, bool keepdim) {
    AG_CHECK_TENSOR("prod_dim", x);
    unsigned dims;
    if (!one_dim("prod_dim", x, dim, &dims)) return NULL;
    dim = tn_check_dim("prod_dim", &x->value->shape, dim);
    return product(x, dims, ag_around(&x->value->shape, dim), keepdim);
}

at_tensor *at_prod(at_tensor *x) {
    AG_CHECK_TENSOR("prod", x);
    AT_CALL("prod");
    return product(x, all_dims(x), AT_SHAPE(1, x->value->numel, 1), false);
}

/* ---- extremes ---------------------------------------------------------------------------------------------------- */

static at_tensor *extreme(ag_operation operation, tn_reduction kind, at_tensor *x) {
    AG_CHECK_TENSOR(ag_name(operation), x);
    if (x->value->numel == 0)
        return at_fail(AT_ERROR_SHAPE, "%s: %s has no elements, so no %s", ag_name(operation), tn_describe(x),
                       kind == TN_MAX ? "largest" : "smallest");
    return ag_record(operation, reduced(kind, x->value, all_dims(x), false), &x, 1, NULL);
}

/* The gradient is shared evenly by all elements that equal the result; NaN counts as equal to NaN. */
static at_tensor *share_evenly(const ag_vjp *v) {
    at_tensor *x = v->x[0], *y = v->y;
    at_tensor *both_nan = at_logical_and(at_ne(x, x), at_ne(y, y));
    at_tensor *chosen = at_logical_or(at_eq(x, y), both_nan);
    return at_where(chosen, at_div(v->g, at_sum(at_to(chosen, x->value->dtype))), 0);
}

at_tensor *at_max(at_tensor *x) { return extreme(AG_max, TN_MAX, x); }
AG_RULE(max) { v->dx[0] = share_evenly(v); }

at_tensor *at_min(at_tensor *x) { return extreme(AG_min, TN_MIN, x); }
AG_RULE(min) { v->dx[0] = share_evenly(v); }

/* ---- any and all ------------------------------------------------------------------------------------------------- */

static at_tensor *truth(ag_operation operation, at_tensor *x, unsigned dims, bool keepdim) {
    if (count_of(&x->value->shape, dims) == 0) {
        at_shape kept = with_ones(&x->value->shape, dims), rest = without(&kept, dims);
        return tn_tensor_from(tn_value_full(AT_BOOL, keepdim ? &kept : &rest, operation == AG_all));
    }
    tn_value *bools = tn_value_cast(x->value, AT_BOOL);
    tn_value *y = bools ? reduced(operation == AG_all ? TN_MIN : TN_MAX, bools, dims, keepdim) : NULL;
    tn_value_release(bools);
    return ag_record(operation, y, &x, 1, NULL);
}

static at_tensor *any_over(const char *function, at_tensor *x, unsigned dims, bool keepdim) {
    (void)function;
    return truth(AG_any, x, dims, keepdim);
}
static at_tensor *all_over(const char *function, at_tensor *x, unsigned dims, bool keepdim) {
    (void)function;
    return truth(AG_all, x, dims, keepdim);
}
REDUCTION(any)
REDUCTION(all)

/* ---- softmax and its relatives ----------------------------------------------------------------------------------- */

static at_tensor *softmax(ag_operation operation, at_tensor *x, int dim) {
    unsigned dims;
    AG_CHECK_TENSOR(ag_name(operation), x);
    if (!check_floating(ag_name(operation), x) || !one_dim(ag_name(operation), x, dim, &dims)) return NULL;
    if (dim < 0) dim = x->value->shape.ndim ? dim + x->value->shape.ndim : 0;
    ag_parameters p = {0};
    tn_value *y = tn_value_softmax(x->value, dim, operation == AG_log_softmax);
    return ag_record(operation, y, &x, 1, remember(&p, dims));
}

at_tensor *at_softmax(at_tensor *x, int dim) { return softmax(AG_softmax, x, dim); }
AG_RULE(softmax) { v->dx[0] = at_mul(v->y, at_sub(v->g, sum_beside(at_mul(v->g, v->y), remembered(v)))); }

at_tensor *at_log_softmax(at_tensor *x, int dim) { return softmax(AG_log_softmax, x, dim); }
AG_RULE(log_softmax) { v->dx[0] = at_sub(v->g, at_mul(at_exp(v->y), sum_beside(v->g, remembered(v)))); }

/* log sum exp x = m + log sum exp(x - m) for the largest element m; an infinite m is left in. */
static at_tensor *shifted_logsumexp(at_tensor *x, unsigned dims) {
    if (x->value->numel == 0) return at_log(ag_sum(at_exp(x), dims, true));
    at_tensor *m = tn_tensor_from(tn_value_reduce(TN_MAX, x->value, dims));
    if (!m) return NULL;
    at_tensor *shift = at_masked_fill(m, at_eq(at_abs(m), INFINITY), 0);
    return at_add(at_log(ag_sum(at_exp(at_sub(x, shift)), dims, true)), shift);
}

static at_tensor *logsumexp_over(const char *function, at_tensor *x, unsigned dims, bool keepdim) {
    (void)function;
    if (!tn_is_floating(x->value->dtype) && !(x = at_to(x, at_default_dtype()))) return NULL;
    tn_value *value = NULL;
    AT_SCOPE
        AT_NO_GRAD {
            at_tensor *y = shifted_logsumexp(x, dims);
            at_shape shape = with_ones(&x->value->shape, dims);
            if (!keepdim) shape = without(&shape, dims);
            value = y ? tn_value_reshape(y->value, &shape) : NULL;
        }
    ag_parameters p = {0};
    return ag_record(AG_logsumexp, value, &x, 1, remember(&p, dims));
}
AG_RULE(logsumexp) {
    unsigned dims = remembered(v);
    at_tensor *y = restore_dims(v->y, v->x[0], dims), *g = restore_dims(v->g, v->x[0], dims);
    v->dx[0] = at_mul(g, at_exp(at_sub(v->x[0], y)));
}
REDUCTION(logsumexp)

/* ---- running sums ------------------------------------------------------------------------------------------------ */

/* Columns side by side are added up together. */
enum { COLUMNS = 256 };

#define RUNNING_SUM(name, type, accumulator)                                                                           \
    static inline void name##_row(int64_t columns, accumulator *restrict sum, const type *restrict x,                  \
                                  type *restrict y) {                                                                  \
        for (int64_t j = 0; j < columns; j++) y[j] = (type)(sum[j] += (accumulator)x[j]);                              \
    }                                                                                                                  \
    static void name(const at_shape *around, const type *x, type *y) {                                                 \
        int64_t n = around->dim[1], inner = around->dim[2];                                                            \
        for (int64_t i = 0; i < around->dim[0] && inner == 1; i++) {                                                   \
            accumulator sum = 0;                                                                                       \
            for (int64_t k = i * n; k < (i + 1) * n; k++) y[k] = (type)(sum += (accumulator)x[k]);                     \
        }                                                                                                              \
        for (int64_t i = 0; i < around->dim[0] && inner > 1; i++)                                                      \
            for (int64_t first = 0; first < inner; first += COLUMNS) {                                                 \
                int64_t columns = inner - first < COLUMNS ? inner - first : COLUMNS, at = i * n * inner + first;       \
                accumulator sum[COLUMNS] = {0};                                                                        \
                for (int64_t k = 0; k < n; k++, at += inner) name##_row(columns, sum, x + at, y + at);                 \
            }                                                                                                          \
    }
RUNNING_SUM(running_sum_f32, float, double)
RUNNING_SUM(running_sum_f64, double, double)
RUNNING_SUM(running_sum_i64, int64_t, uint64_t)

static tn_value *cumsum_by_rows(tn_value *x, int dim) {
    at_dtype dtype = x->dtype == AT_BOOL ? AT_INT64 : x->dtype;
    tn_value *cast = tn_value_cast(x, dtype);
    tn_value *stored = cast ? tn_value_contiguous(cast) : NULL;
    tn_value *y = stored ? tn_value_new(dtype, &x->shape) : NULL;
    at_shape around = ag_around(&x->shape, dim);
    if (y && x->numel > 0) {
        if (dtype == AT_FLOAT32)
            running_sum_f32(&around, tn_data(stored), tn_data(y));
        else if (dtype == AT_FLOAT64)
            running_sum_f64(&around, tn_data(stored), tn_data(y));
        else
            running_sum_i64(&around, tn_data(stored), tn_data(y));
    }
    tn_value_release(stored);
    tn_value_release(cast);
    return y;
}

static tn_value *cumsum_value(tn_value *x, int dim) {
    at_shape order;
    if (tn_layout_of(&x->shape, x->stride, &order) != TN_PERMUTED) return cumsum_by_rows(x, dim);
    tn_value *in_order = tn_value_permute(x, &order);
    tn_value *y = in_order ? cumsum_by_rows(in_order, tn_place_in_order(&order, dim)) : NULL;
    tn_value_release(in_order);
    return tn_value_permute_back(y, &order);
}

at_tensor *at_cumsum(at_tensor *x, int dim) {
    AG_CHECK_TENSOR("cumsum", x);
    if ((dim = tn_check_dim("cumsum", &x->value->shape, dim)) < 0) return NULL;
    return ag_record(AG_cumsum, cumsum_value(x->value, dim), &x, 1, &(ag_parameters){.dim = dim});
}
AG_RULE(cumsum) {
    int dim = v->parameters->dim;
    v->dx[0] = at_flip(at_cumsum(at_flip(v->g, dim), dim), dim);
}
