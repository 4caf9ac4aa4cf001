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
 * Parametric attention pooling: f(q) = sum_i softmax_i(-((q - k_i) w)^2 / 2) v_i (Dive into Deep Learning, "Attention
 * Pooling: Nadaraya-Watson Kernel Regression"; Nadaraya 1964, Watson 1964). */
typedef struct {
    at_module module;
    at_tensor *w;                 /* parameter (1), drawn from at_rand */
    at_tensor *attention_weights; /* (queries, keys) of the last forward, detached; NULL before the first */
} NWKernelRegression;

NWKernelRegression *at_nw_kernel_regression(void);

/* queries (queries), keys and values (queries, keys) -> (queries). */
at_tensor *at_nw_kernel_regression_forward(NWKernelRegression *net, at_tensor *queries, at_tensor *keys,
                                           at_tensor *values);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
