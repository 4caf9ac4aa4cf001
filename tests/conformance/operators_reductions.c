/* tests/conformance/operators_reductions.c - sums and the like over some axes, all axes, or along one. */
#define _POSIX_C_SOURCE 200809L

#include "operators.h"

typedef at_tensor *reduce_all(at_tensor *x);
typedef at_tensor *reduce_one(at_tensor *x, int axis, bool keepdim);

static at_tensor *max_one(at_tensor *x, int axis, bool keepdim) { return at_max_dim(x, axis, keepdim, NULL); }
static at_tensor *min_one(at_tensor *x, int axis, bool keepdim) { return at_min_dim(x, axis, keepdim, NULL); }

/* Without axes everything is reduced, by the function for all elements; otherwise one axis after another, from the last
 * to the first so that earlier ones keep their places. */
static at_tensor *reduce(node *n, at_tensor *x, reduce_all *all, reduce_one *one) {
    bool keepdims = int_attribute(n, "keepdims", 1);
    list axes = list_of(n, "axes", 1);
    int ndim = at_ndim(x);
    if (axes.n == 0 && int_attribute(n, "noop_with_empty_axes", 0)) return x;
    if (axes.n == 0) return keepdims ? unsqueeze_many(all(x), 0, ndim) : all(x);
    for (int d = ndim - 1; d >= 0; d--)
        for (int i = 0; i < axes.n; i++)
            if (positive_axis(axes.at[i], ndim) == d) x = one(x, d, keepdims);
    return x;
}

#define REDUCTION(name, expression)                                                                                    \
    void onnx_Reduce##name(node *n) {                                                                                  \
        at_tensor *x = n->input[0];                                                                                    \
        n->output[0] = expression;                                                                                     \
    }

REDUCTION(Max, reduce(n, x, at_max, max_one))
REDUCTION(Mean, reduce(n, x, at_mean, at_mean_dim))
REDUCTION(Min, reduce(n, x, at_min, min_one))
REDUCTION(Prod, reduce(n, x, at_prod, at_prod_dim))
REDUCTION(Sum, reduce(n, x, at_sum, at_sum_dim))
REDUCTION(L1, reduce(n, at_abs(x), at_sum, at_sum_dim))
REDUCTION(L2, at_sqrt(reduce(n, at_square(x), at_sum, at_sum_dim)))
REDUCTION(LogSum, at_log(reduce(n, x, at_sum, at_sum_dim)))
REDUCTION(LogSumExp, reduce(n, x, at_logsumexp, at_logsumexp_dim))
REDUCTION(SumSquare, reduce(n, at_square(x), at_sum, at_sum_dim))

/* ---- every axis but the batch's and the channels' ---------------------------------------------------------------- */

void onnx_GlobalAveragePool(node *n) {
    at_tensor *x = n->input[0];
    for (int d = 2; d < at_ndim(n->input[0]); d++) x = at_mean_dim(x, d, true);
    n->output[0] = x;
}

void onnx_GlobalMaxPool(node *n) {
    at_tensor *x = n->input[0];
    for (int d = 2; d < at_ndim(n->input[0]); d++) x = max_one(x, d, true);
    n->output[0] = x;
}

/* ---- along one axis ---------------------------------------------------------------------------------------------- */

/* The last of equals is the first of the flipped. */
static void find(node *n, at_tensor *first(at_tensor *x, int axis, bool keepdim)) {
    at_tensor *x = n->input[0];
    int axis = (int)int_attribute(n, "axis", 0);
    bool keepdims = int_attribute(n, "keepdims", 1);
    if (int_attribute(n, "select_last_index", 0)) {
        n->output[0] = at_sub(at_size(x, axis) - 1, first(at_flip(x, axis), axis, keepdims));
    } else {
        n->output[0] = first(x, axis, keepdims);
    }
}

void onnx_ArgMax(node *n) { find(n, at_argmax); }
void onnx_ArgMin(node *n) { find(n, at_argmin); }

/* An exclusive sum is that of the elements moved by one, with a zero in front. */
void onnx_CumSum(node *n) {
    at_tensor *x = n->input[0];
    int axis = positive_axis((int64_t)at_item(n->input[1]), at_ndim(x));
    bool reverse = int_attribute(n, "reverse", 0);
    if (reverse) x = at_flip(x, axis);
    if (int_attribute(n, "exclusive", 0)) x = at_slice(pad(x, axis, 1, 0, 0), axis, 0, at_size(x, axis), 1);
    x = at_cumsum(x, axis);
    n->output[0] = reverse ? at_flip(x, axis) : x;
}
