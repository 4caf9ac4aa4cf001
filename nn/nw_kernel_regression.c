/* nn/nw_kernel_regression.c - parametric attention pooling. */
#include <math.h>

#include "../autograd/custom.h"
#include "../tensor/internal.h"
#include "internal.h"
#include "nw_kernel_regression.h"

NWKernelRegression *at_nw_kernel_regression(void) {
    AT_CALL("nw_kernel_regression");
    tn_generator before = *tn_thread_generator();
    NWKernelRegression *net = at_module_new(sizeof *net, "NWKernelRegression");
    if (!net) return NULL;
    at_tensor *w = at_rand(1);
    bool good = w && at_module_parameter(&net->module, "w", &net->w, w) &&
                at_module_transient(&net->module, "attention_weights", &net->attention_weights, NULL);
    return nn_made(&net->module, good, &before);
}

/* ---- the formula ------------------------------------------------------------------------------------------------- */

/* What the forward works on; those that a query has a row of can be cut into blocks of queries. */
enum { QUERIES, KEYS, VALUES, W, OWN, PLACES, INPUTS, WITHOUT_OWN = OWN };

/* (queries, keys): softmax_i(-((q - k_i) w)^2 / 2). With INPUTS tensors no query sees the key whose place is its own. */
static at_tensor *attention(at_tensor **x, int n) {
    at_tensor *distance = at_mul(at_sub(at_unsqueeze(x[QUERIES], -1), x[KEYS]), x[W]);
    at_tensor *scores = at_mul(at_square(distance), -0.5); /* -x / 2 with one instruction, and the same bits */
    if (n == INPUTS) scores = at_masked_fill(scores, at_eq(at_unsqueeze(x[OWN], -1), x[PLACES]), -INFINITY);
    return at_softmax(scores, 1);
}

/* (queries): each query's weighted mean. As a sum of products that are not stored. */
static at_tensor *pool(at_tensor **x, int n, void *context) {
    (void)context;
    return at_sum_dim(at_mul(attention(x, n), x[VALUES]), 1, false);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* Only a block of queries has its weights alive, forward and backward. */
static at_tensor *fused(at_tensor **x, int n) {
    uint64_t rows = 1 << QUERIES;
    if (at_ndim(x[KEYS]) == 2) rows |= 1 << KEYS;
    if (at_ndim(x[VALUES]) == 2) rows |= 1 << VALUES;
    if (n == INPUTS) rows |= 1 << OWN;
    return at_checkpoint(pool, x, n, NULL, .rows = rows, .block = nn_block_of_queries(at_size(x[KEYS], -1)));
}

/* Weights stored, and kept for looking at. */
static at_tensor *stored(NWKernelRegression *net, at_tensor **x, int n) {
    at_tensor *weights = attention(x, n), *prediction;
    if (at_ndim(x[VALUES]) == 1)
        prediction = at_matmul(weights, x[VALUES]);
    else
        prediction = at_sum_dim(at_mul(weights, x[VALUES]), 1, false);
    at_tensor *kept = prediction ? at_detach(weights) : NULL;
    if (kept) at_assign(&net->attention_weights, kept);
    return kept ? prediction : NULL;
}

/* 1, 2, ..., n, exactly: float32 would stop counting at 2^24. */
static at_tensor *places(int64_t n) { return at_cumsum(at_to(at_ones(n), AT_INT64), 0); }

/* Keys and values are each one row for all queries, or a row for each query. */
static bool check_shapes(at_tensor *queries, at_tensor *keys, at_tensor *values) {
    const at_shape *q = &queries->value->shape, *k = &keys->value->shape, *v = &values->value->shape;
    bool good = q->ndim == 1 && k->ndim >= 1 && k->ndim <= 2 && v->ndim >= 1 && v->ndim <= 2 &&
                k->dim[k->ndim - 1] == v->dim[v->ndim - 1] && (k->ndim == 1 || k->dim[0] == q->dim[0]) &&
                (v->ndim == 1 || v->dim[0] == q->dim[0]);
    if (good) return true;
    return at_fail(AT_ERROR_SHAPE,
                   "nw_kernel_regression_forward: queries %s, keys %s, values %s: want (queries), (queries, keys), "
                   "(queries, keys), or (keys) for the same ones at every query",
                   tn_shape_text(q), tn_shape_text(k), tn_shape_text(v));
}

/* A query's own key is the one at its own place, so there are as many. A query without any other has no prediction. */
static bool check_own(at_tensor *queries, at_tensor *keys) {
    int64_t n = at_size(queries, 0), n_keys = at_size(keys, -1);
    if (n == n_keys && n != 1) return true;
    return at_fail(AT_ERROR_SHAPE,
                   "nw_kernel_regression_forward: leave_one_out with queries %s, keys %s: want as many keys as "
                   "queries, "
                   "and at least two",
                   tn_shape_text(&queries->value->shape), tn_shape_text(&keys->value->shape));
}

at_tensor *at_nw_kernel_regression_forward_with(at_nw_forward_options o) {
    if (!o.net) return at_fail_null("nw_kernel_regression_forward", "net");
    if (!o.queries) return at_fail_null("nw_kernel_regression_forward", "queries");
    if (!o.keys) return at_fail_null("nw_kernel_regression_forward", "keys");
    if (!o.values) return at_fail_null("nw_kernel_regression_forward", "values");
    if (!check_shapes(o.queries, o.keys, o.values)) return NULL;
    if (o.leave_one_out && !check_own(o.queries, o.keys)) return NULL;
    AT_CALL("nw_kernel_regression_forward");
    at_tensor *prediction = NULL;
    AT_SCOPE {
        at_tensor *x[INPUTS] = {o.queries, o.keys, o.values, o.net->w};
        if (o.leave_one_out) x[OWN] = x[PLACES] = places(at_numel(o.queries));
        int n = o.leave_one_out ? INPUTS : WITHOUT_OWN;
        if (n == WITHOUT_OWN || x[OWN]) prediction = o.fused ? fused(x, n) : stored(o.net, x, n);
        if (prediction && o.fused) at_assign(&o.net->attention_weights, NULL);
        if (prediction) at_scope_return(prediction);
    }
    return prediction;
}

at_tensor *(at_nw_kernel_regression_forward)(NWKernelRegression *net, at_tensor *queries, at_tensor *keys,
                                             at_tensor *values) {
    return at_nw_kernel_regression_forward(net, queries, keys, values);
}
