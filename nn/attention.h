/* nn/attention.h - attention: scores of queries by keys, normalised, weigh values. */
#ifndef ATLED_NN_ATTENTION_H
#define ATLED_NN_ATTENTION_H

#include "layers.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- scaled dot-product attention -----------------------------------------------------------------------------------
 * softmax(queries keys^T / sqrt(features)) values, the softmax along the keys (Vaswani et al. 2017): queries (queries,
 * features), keys (keys, features), values (keys, outputs) -> (queries, outputs). Always as above with fused: time
 * queries x keys, memory that of the arguments. With weights a, result y and s = a * (g values^T - rowsum(g * y)):
 * d/dvalues: a^T g    d/dqueries: s keys / sqrt(features)    d/dkeys: s^T queries / sqrt(features). */
at_tensor *at_scaled_dot_product_attention(at_tensor *queries, at_tensor *keys, at_tensor *values);

/* ---- masked softmax ------------------------------------------------------------------------------------------------ */

/* Softmax of scores (n, queries, keys) along the keys, of which only the first valid_lengths[i], int64 (n), or
 * valid_lengths[i][q], int64 (n, queries), count: the others have the weight 0, whatever their scores, and take no
 * gradient. A query with no valid key has zeros. valid_lengths may be NULL: all count. d/dscores: as at_softmax. */
at_tensor *at_masked_softmax(at_tensor *scores, at_tensor *valid_lengths);

/* ---- attention as modules ------------------------------------------------------------------------------------------ */

/* Each takes queries (n, queries, q), keys (n, keys, k), values (n, keys, v) and valid_lengths as at_masked_softmax, and
 * returns (n, queries, v): for every query the values' mean, weighted by dropout(masked_softmax(scores)). The weights of
 * the last forward, before dropout and detached, are in attention_weights (n, queries, keys); NULL before the first.
 * Derivatives follow from those of what they are composed of. */

/* score = w_v . tanh(w_q query + w_k key) (Bahdanau, Cho and Bengio 2015). at_additive_attention_new(2, 20, 8) */
typedef struct {
    at_module module;
    at_linear *w_k, *w_q,
        *w_v; /* children, without biases: (keys' size) -> hiddens, (queries' size) -> hiddens, -> 1 */
    at_dropout_layer *dropout;
    at_tensor *attention_weights;
} at_additive_attention;
typedef struct {
    int64_t key_size, query_size, hiddens;
    double dropout;
    int at_; /* unused: lets at_additive_attention_new(2, 20, 8) compile without a warning */
} at_additive_attention_options;
at_additive_attention *at_additive_attention_new_with(at_additive_attention_options options);
#define at_additive_attention_new(...)                                                                                 \
    at_additive_attention_new_with((at_additive_attention_options){__VA_ARGS__, .at_ = 0})
at_tensor *at_additive_attention_forward(at_additive_attention *layer, at_tensor *queries, at_tensor *keys,
                                         at_tensor *values, at_tensor *valid_lengths);

/* score = query . key / sqrt(size), which queries and keys have in common (Vaswani et al. 2017). */
typedef struct {
    at_module module;
    at_dropout_layer *dropout;
    at_tensor *attention_weights;
} at_dot_product_attention;
at_dot_product_attention *at_dot_product_attention_new(double dropout);
at_tensor *at_dot_product_attention_forward(at_dot_product_attention *layer, at_tensor *queries, at_tensor *keys,
                                            at_tensor *values, at_tensor *valid_lengths);

/* Several attentions side by side, each on its own linear map of queries, keys and values to hiddens / heads numbers;
 * their results, joined, go through w_o: -> (n, queries, hiddens). attention->attention_weights is (n * heads, queries,
 * keys), the heads of one example after the other. at_multi_head_attention_new(.hiddens = 100, .heads = 5) */
typedef struct {
    at_module module;
    at_linear *w_q, *w_k, *w_v, *w_o;
    at_dot_product_attention *attention;
    int64_t heads;
} at_multi_head_attention;
typedef struct {
    int64_t hiddens, heads;                   /* hiddens is a multiple of heads */
    int64_t query_size, key_size, value_size; /* 0: hiddens */
    double dropout;
    bool bias; /* of the four linear maps */
} at_multi_head_attention_options;
at_multi_head_attention *at_multi_head_attention_new_with(at_multi_head_attention_options options);
#define at_multi_head_attention_new(...)                                                                               \
    at_multi_head_attention_new_with((at_multi_head_attention_options){__VA_ARGS__})
at_tensor *at_multi_head_attention_forward(at_multi_head_attention *layer, at_tensor *queries, at_tensor *keys,
                                           at_tensor *values, at_tensor *valid_lengths);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
