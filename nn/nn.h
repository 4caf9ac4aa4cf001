/* nn/nn.h - modules, losses and Nadaraya-Watson attention pooling. */
#ifndef ATLED_NN_H
#define ATLED_NN_H

#include "../autograd/autograd.h"
#include "../autograd/graph.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- modules --------------------------------------------------------------------------------------------------------
 * A model is a struct whose first member is an at_module. Its constructor registers each parameter and each child by
 * name; the module then holds, lists, prints and frees them:
 *
 *     typedef struct { at_module module; at_tensor *weight, *bias; } Affine;
 *
 *     Affine *affine(int inputs, int outputs) {
 *         Affine *self = at_module_new(sizeof *self, "Affine");
 *         at_module_parameter(&self->module, "weight", &self->weight, at_randn(inputs, outputs));
 *         at_module_parameter(&self->module, "bias", &self->bias, at_zeros(outputs));
 *         return self;
 *     }
 */
typedef struct at_module at_module;
typedef struct at_module_entry at_module_entry; /* a registered part; private */
typedef struct {
    int count;
    at_tensor **items;
} at_parameter_list;

struct at_module {
    const char *name;                 /* of the class, as at_module_print shows it */
    at_module_entry *entries;         /* parts in the order of registration */
    at_tensor **listed;               /* what at_parameters returned last */
    void (*destroy)(at_module *self); /* frees what a model holds beyond its parts; NULL where there is nothing */
};

/* A zeroed struct of that size whose first member is an at_module; freed by at_module_free. name must outlive it. */
void *at_module_new(size_t size, const char *name);

/* *slot = value, marked as requiring gradients, named and held by the module under name (copied). A NULL value, the
 * result of a failed creation, makes this fail too. */
bool at_module_parameter(at_module *module, const char *name, at_tensor **slot, at_tensor *value);

/* *slot = value, held like a parameter, but not trained and not listed; value may be NULL, and at_assign may change the
 * slot at any time. */
bool at_module_buffer(at_module *module, const char *name, at_tensor **slot, at_tensor *value);

/* The module now owns the child. */
bool at_module_child(at_module *module, const char *name, at_module *child);

/* All parameters, a module's own before its children's, in the order of registration. The list is kept by the module
 * until the next call; optimizers copy and retain. count is 0 on an error. */
at_parameter_list at_parameters(at_module *module);

void at_module_print(at_module *module); /* to stdout: parts, shapes, and the number of parameters */
void at_module_fprint(FILE *file, at_module *module);
void at_module_free(at_module *module); /* the children too; NULL is allowed */

/* ---- losses ------------------------------------------------------------------------------------------------------ */

typedef enum { AT_NONE, AT_MEAN, AT_SUM } at_reduction;

/* (input - target)^2 elementwise, its mean or its sum. Unequal shapes are an error: broadcasting here is nearly always
 * a mistake. d/dinput: 2 g (input - target), divided by the number of elements for AT_MEAN. */
at_tensor *at_mse_loss(at_tensor *input, at_tensor *target, at_reduction reduction);

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

/* ---- scaled dot-product attention -----------------------------------------------------------------------------------
 * softmax(queries keys^T / sqrt(features)) values, the softmax along the keys (Vaswani et al. 2017): queries (queries,
 * features), keys (keys, features), values (keys, outputs) -> (queries, outputs). Always as above with fused: time
 * queries x keys, memory that of the arguments. With weights a, result y and s = a * (g values^T - rowsum(g * y)):
 * d/dvalues: a^T g    d/dqueries: s keys / sqrt(features)    d/dkeys: s^T queries / sqrt(features). */
at_tensor *at_scaled_dot_product_attention(at_tensor *queries, at_tensor *keys, at_tensor *values);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
