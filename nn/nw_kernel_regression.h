/* nn/nw_kernel_regression.h - Nadaraya-Watson kernel regression as attention pooling. */
#ifndef ATLED_NN_NW_H
#define ATLED_NN_NW_H

#include "module.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Nadaraya-Watson kernel regression ------------------------------------------------------------------------------
 * Parametric attention pooling: f(q) = sum_i a_i v_i with the attention weights a = softmax_i(-((q - k_i) w)^2 / 2)
 * (Dive into Deep Learning, "Attention Pooling: Nadaraya-Watson Kernel Regression"; Nadaraya 1964, Watson 1964). */
typedef struct {
    at_module module;
    at_tensor *w; /* parameter (1), drawn from at_rand */
    at_tensor
        *attention_weights; /* (queries, keys) of the last forward, detached; NULL before the first, or if fused */
} NWKernelRegression;

NWKernelRegression *at_nw_kernel_regression(void);

/* queries (queries), keys and values (queries, keys) -> (queries). Keys and values may each be (keys) too: the same ones
 * for every query. Each query may leave out its own example, and the weights need not be stored:
 *
 *     at_nw_kernel_regression_forward(net, x_train, x_train, y_train, .leave_one_out = true, .fused = true)
 *
 * d/dv_i: g a_i. By the distances d_i = q - k_i, with s_i = g a_i (v_i - f) and because dy/dscore_i = a_i (v_i - f):
 * d/dq: -w^2 sum_i s_i d_i    d/dk_i: w^2 s_i d_i    d/dw: -w sum s_i d_i^2, over all queries.
 * They follow from those of softmax, square and product; nothing of the kind is written down.
 *
 * Time is queries x keys, stored or fused. Stored, so is memory: the weights and, while gradients are computed, one more
 * array like them. Fused, it is proportional to queries + keys (and to keys and values themselves if they are (queries,
 * keys)): at_checkpoint takes a block of queries at a time, some 2^18 weights or 8 queries, and the backward pass
 * computes each block's weights again. The blocks depend on the number of keys alone. Gradients of gradients (create_graph)
 * are right too, but keep all weights. */
at_tensor *at_nw_kernel_regression_forward(NWKernelRegression *net, at_tensor *queries, at_tensor *keys,
                                           at_tensor *values);

/* The same with options. */
typedef struct {
    NWKernelRegression *net;
    at_tensor *queries, *keys, *values;
    bool leave_one_out; /* query i does not see key i: there are as many keys as queries, and not just one */
    bool fused;         /* weights are not stored; attention_weights becomes NULL */
    int at_;            /* unused: lets at_nw_kernel_regression_forward(net, q, k, v) compile without a warning */
} at_nw_forward_options;
at_tensor *at_nw_kernel_regression_forward_with(at_nw_forward_options options);
#ifndef __cplusplus
#define at_nw_kernel_regression_forward(...)                                                                           \
    at_nw_kernel_regression_forward_with((at_nw_forward_options){__VA_ARGS__, .at_ = 0})
#endif

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
