/* nn/layers.h - layers: modules with one tensor in and one tensor out.
 *
 * Each is made by at_NAME_new, is given to at_module_child or at_sequential_new, which then own it, or is freed by
 * at_module_free(&layer->module). Parameters have the default dtype, and the initial values that torch's layer of the
 * same name draws from the same seed. (..., n) stands for any number of dimensions before the last. */
#ifndef ATLED_NN_LAYERS_H
#define ATLED_NN_LAYERS_H

#include "module.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- linear ------------------------------------------------------------------------------------------------------ */

/* y = x weight^T + bias: (..., inputs) -> (..., outputs).
 * d/dx: g weight    d/dweight: g^T x    d/dbias: g summed over all but the last dimension.
 * Both are drawn uniformly on +-1 / sqrt(inputs). at_linear_new(784, 10, .no_bias = true) */
typedef struct {
    at_module module;
    at_tensor *weight; /* parameter (outputs, inputs) */
    at_tensor *bias;   /* parameter (outputs), or NULL */
} at_linear;
typedef struct {
    int64_t inputs, outputs;
    bool no_bias;
    int at_; /* unused: lets at_linear_new(2, 3) compile without a warning, as in the options below */
} at_linear_options;
at_linear *at_linear_new_with(at_linear_options options);
#define at_linear_new(...) at_linear_new_with((at_linear_options){__VA_ARGS__, .at_ = 0})
at_tensor *at_linear_forward(at_linear *layer, at_tensor *x);

/* ---- embedding --------------------------------------------------------------------------------------------------- */

/* Rows of a table: int64 (...) -> (..., size). d/dweight: g added at the rows; nothing reaches the padding row.
 * Drawn from the standard normal distribution, the padding row zero. at_embedding_new(10, 3, .has_padding = true,
 * .padding_index = 0) */
typedef struct {
    at_module module;
    at_tensor *weight; /* parameter (entries, size) */
    bool has_padding;
    int64_t padding_index;
} at_embedding;
typedef struct {
    int64_t entries, size;
    bool has_padding;
    int64_t padding_index; /* counts from the end when negative */
    int at_;
} at_embedding_options;
at_embedding *at_embedding_new_with(at_embedding_options options);
#define at_embedding_new(...) at_embedding_new_with((at_embedding_options){__VA_ARGS__, .at_ = 0})
at_tensor *at_embedding_forward(at_embedding *layer, at_tensor *indices);

/* ---- layer normalisation ----------------------------------------------------------------------------------------- */

/* y = (x - mean) / sqrt(variance + epsilon) * weight + bias, mean and variance (of n, not n - 1) over the last
 * dimensions, which have the given shape: at_layer_norm_new(64), at_layer_norm_new(4, 8). Ba, Kiros and Hinton (2016).
 * With z the normalised x and h = g * weight: d/dx: (h - mean(h) - z mean(h z)) / sqrt(variance + epsilon);
 * d/dweight: g z summed over the other dimensions, d/dbias: g likewise. */
typedef struct {
    at_module module;
    at_tensor *weight, *bias; /* parameters of that shape, ones and zeros */
    double epsilon;           /* 1e-5; may be changed */
} at_layer_norm;
at_layer_norm *at_layer_norm_new_shape(at_shape shape);
#define at_layer_norm_new(...) at_layer_norm_new_shape(AT_SHAPE(__VA_ARGS__))
at_tensor *at_layer_norm_forward(at_layer_norm *layer, at_tensor *x);

/* ---- dropout ----------------------------------------------------------------------------------------------------- */

/* In training each element is 0 with probability p and x / (1 - p) otherwise, drawn from the thread's generator as torch
 * draws it; after at_eval it is x. d/dx: alike. 0 <= p <= 1. */
typedef struct {
    at_module module;
    double p;
} at_dropout_layer;
at_dropout_layer *at_dropout_new(double p);
at_tensor *at_dropout_forward(at_dropout_layer *layer, at_tensor *x);
at_tensor *at_dropout(at_tensor *x, double p); /* as in training */

/* ---- functions as layers ----------------------------------------------------------------------------------------- */

/* A layer without parameters: at_activation_new("ReLU", at_relu). name must outlive it. */
typedef struct {
    at_module module;
    at_tensor *(*function)(at_tensor *x);
} at_activation;
at_activation *at_activation_new(const char *name, at_tensor *(*function)(at_tensor *x));

/* ---- several layers ---------------------------------------------------------------------------------------------- */

/* A list of modules, which are its parts "0", "1", ... at_sequential_new(at_linear_new(2, 8), at_activation_new("Tanh",
 * at_tanh), at_linear_new(8, 1)) applies them one after the other; each is a module or a struct that begins with one.
 * Both own what they are given, also where they fail, and fail where one is NULL, the result of a failed creation. */
typedef struct {
    at_module module;
    at_module **items;
    int count;
} at_module_list;
at_module_list *at_module_list_new(void); /* no forward: what its parts do is its owner's business */
bool at_module_list_append(at_module_list *list, void *item);
at_module_list *at_sequential_from(void *const *items, int n);
#ifdef __cplusplus
}
template <typename... Layers> inline at_module_list *at_sequential_of(Layers... layers) {
    void *const items[] = {layers...};
    return at_sequential_from(items, static_cast<int>(sizeof...(layers)));
}
#define at_sequential_new(...) at_sequential_of(__VA_ARGS__)
extern "C" {
#else
#define at_sequential_new(...)                                                                                         \
    at_sequential_from((void *const[]){__VA_ARGS__}, (int)(sizeof((void *const[]){__VA_ARGS__}) / sizeof(void *)))
#endif

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
