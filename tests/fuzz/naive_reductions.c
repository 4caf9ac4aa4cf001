/* tests/fuzz/naive_reductions.c - reductions, running sums and softmax, by the words of operations.h. */
#include <math.h>

#include "naive_internal.h"

static int spread_node(int variant, int n, const int *x, precision p) {
    int mean = tape_sum(n, x, 1.0 / n, p), parts[MOST_ELEMENTS];
    for (int i = 0; i < n; i++) parts[i] = unary_node(SQUARE, tape_binary(x[i], mean, &binaries[SUB], p), p);
    int variance = tape_sum(n, parts, 1.0 / (n - 1), p);
    return variant == STD ? unary_node(SQRT, variance, p) : variance;
}

/* A derivative is a product of others, which may overflow where the whole does not: 0 times infinity is no number. */
static int product_node(int n, const int *x, precision p) {
    double most = 1;
    for (int i = 0; i < n; i++) most *= fmax(fabs(tape_number(x[i]).v) + tape_number(x[i]).e, 1);
    if (!(most < tape_largest(p))) return tape_one_of(n, x, 0, INFINITY, p);
    int y = n ? tape_copy(x[0], p) : tape_new(1, 0, p, -1);
    for (int i = 1; i < n; i++) y = tape_binary(y, x[i], &binaries[MUL], p);
    return y;
}

static int norm_node(int n, const int *x, precision p) {
    int parts[MOST_ELEMENTS];
    for (int i = 0; i < n; i++) parts[i] = unary_node(SQUARE, x[i], p);
    return unary_node(SQRT, tape_sum(n, parts, 1, p), p);
}

static int any_node(bool all, int n, const int *x) {
    bool result = all, sure = true;
    for (int i = 0; i < n; i++) {
        bool sure_of_one, one_of_them = truth(x[i], &sure_of_one);
        if (sure_of_one && one_of_them != all) return tape_new(!all, 0, WHOLE, -1);
        sure = sure && sure_of_one;
    }
    return tape_new(result, sure ? 0 : INFINITY, WHOLE, -1);
}

static int reduced(int variant, int n, const int *x, precision p) {
    int at;
    switch (variant) {
    case SUM: return tape_sum(n, x, 1, p);
    case MEAN: return n ? tape_sum(n, x, 1.0 / n, p) : tape_new(0, INFINITY, p, -1);
    case PROD: return product_node(n, x, p);
    case MAX:
    case MIN: return tape_extreme(n, x, variant == MAX, true, p, &at);
    case VAR:
    case STD: return n > 1 ? spread_node(variant, n, x, p) : tape_one_of(n, x, 0, INFINITY, p);
    case LOGSUMEXP: return tape_log_sum_exp(n, x, p);
    case NORM: return norm_node(n, x, p);
    default: return any_node(variant == ALL, n, x);
    }
}

bool naive_reduce(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int v = c->variant, dim = c->dim;
    at_dtype dtype = x->dtype;
    bool truths = v == ANY || v == ALL, only_floating = v == MEAN || v == VAR || v == STD || v == NORM;
    if (only_floating && !floating(dtype)) return false;
    if (v == LOGSUMEXP && !floating(dtype)) dtype = AT_FLOAT32;
    if ((v == SUM || v == PROD) && dtype == AT_BOOL) dtype = AT_INT64;
    around a = {1, naive_numel(&x->shape), 1};
    at_shape shape = AT_SHAPE_SCALAR;
    if (!c->all) {
        if (!right_dim(x, &dim)) return false;
        a = look_around(&x->shape, dim);
        shape = c->flag ? with_dim(x->shape, dim, 1) : without_dim(x->shape, dim);
    } else if ((v == MAX || v == MIN) && a.n == 0) {
        return false;
    }
    if (!naive_new(y, shape, truths ? AT_BOOL : dtype)) return false;
    int row[MOST_ELEMENTS];
    for (int64_t r = 0; r < naive_numel(&y->shape); r++) {
        for (int64_t k = 0; k < a.n; k++)
            row[k] = v == LOGSUMEXP ? converted_at(x, around_place(&a, r, k), dtype) : x->at[around_place(&a, r, k)];
        y->at[r] = reduced(v, (int)a.n, row, truths ? WHOLE : precision_of(dtype));
    }
    return true;
}

/* variant 0: the largest, 1: the smallest */
bool naive_max_dim(const call *c, const naive *x, naive *y, naive *extra) {
    int dim = c->dim, row[MOST_ELEMENTS];
    if (!right_dim(x, &dim) || (x->shape.ndim && x->shape.dim[dim] == 0)) return false;
    around a = look_around(&x->shape, dim);
    at_shape shape = c->flag ? with_dim(x->shape, dim, 1) : without_dim(x->shape, dim);
    if (!naive_new(y, shape, x->dtype) || !naive_new(extra, shape, AT_INT64)) return false;
    for (int64_t r = 0; r < naive_numel(&y->shape) && !naive_full; r++) {
        int at;
        for (int64_t k = 0; k < a.n; k++) row[k] = x->at[around_place(&a, r, k)];
        y->at[r] = tape_extreme((int)a.n, row, c->variant == 0, false, precision_of(x->dtype), &at);
        extra->at[r] = tape_new(at, at < 0 ? INFINITY : 0, WHOLE, -1);
    }
    return true;
}

bool naive_argmax(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    naive values;
    return naive_max_dim(c, x, &values, y);
}

bool naive_cumsum(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int dim = c->dim;
    if (!right_dim(x, &dim) || !naive_new(y, x->shape, x->dtype == AT_BOOL ? AT_INT64 : x->dtype)) return false;
    around a = look_around(&x->shape, dim);
    precision p = precision_of(y->dtype);
    for (int64_t r = 0; r < a.outer * a.inner && naive_numel(&y->shape) > 0; r++)
        for (int64_t k = 0; k < a.n; k++) {
            int64_t i = around_place(&a, r, k);
            y->at[i] = k == 0 ? tape_copy(x->at[i], p)
                              : tape_binary(y->at[around_place(&a, r, k - 1)], x->at[i], &binaries[ADD], p);
        }
    return true;
}

/* A row of softmax, or (log) of its logarithm, in the place of its elements. */
static void softmax_row(bool log, int n, int *row, precision p) {
    double most = -INFINITY;
    for (int k = 0; k < n; k++) most = fmax(most, tape_number(row[k]).v);
    if (log) {
        int all = tape_log_sum_exp(n, row, p);
        for (int k = 0; k < n; k++) row[k] = tape_binary(row[k], all, &binaries[SUB], p);
        return;
    }
    int shift = tape_new(most, 0, p, -1);
    for (int k = 0; k < n; k++) row[k] = unary_node(EXP, tape_binary(row[k], shift, &binaries[SUB], p), p);
    int all = tape_sum(n, row, 1, p);
    for (int k = 0; k < n; k++) row[k] = binary_node(DIV, row[k], all, p == SINGLE ? AT_FLOAT32 : AT_FLOAT64);
}

/* variant 1: log_softmax */
bool naive_softmax(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int dim = c->dim, row[MOST_ELEMENTS];
    if (!floating(x->dtype) || !right_dim(x, &dim) || !naive_new(y, x->shape, x->dtype)) return false;
    around a = look_around(&x->shape, dim);
    for (int64_t r = 0; r < a.outer * a.inner && naive_numel(&y->shape) > 0; r++) {
        for (int64_t k = 0; k < a.n; k++) row[k] = x->at[around_place(&a, r, k)];
        softmax_row(c->variant, (int)a.n, row, precision_of(x->dtype));
        for (int64_t k = 0; k < a.n; k++) y->at[around_place(&a, r, k)] = row[k];
    }
    return true;
}
