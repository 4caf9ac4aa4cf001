/* nn/transformer.h - the Transformer (Vaswani et al. 2017), as Dive into Deep Learning builds it. */
#ifndef ATLED_NN_TRANSFORMER_H
#define ATLED_NN_TRANSFORMER_H

#include "attention.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* x + p[0 ... steps - 1], with dropout: (n, steps, hiddens) -> the same. p (1, longest, hiddens) has sin(i / 10000^(2 j /
 * hiddens)) in column 2 j and the cosine in column 2 j + 1. */
typedef struct {
    at_module module;
    at_dropout_layer *dropout;
    at_tensor *p; /* not saved */
} at_positional_encoding;
at_positional_encoding *at_positional_encoding_new(int64_t hiddens, double dropout, int64_t longest);
at_tensor *at_positional_encoding_forward(at_positional_encoding *layer, at_tensor *x);

/* linear, ReLU, linear, at each position: (..., inputs) -> (..., outputs) */
typedef struct {
    at_module module;
    at_linear *dense1, *dense2;
} at_position_wise_ffn;
at_position_wise_ffn *at_position_wise_ffn_new(int64_t inputs, int64_t hiddens, int64_t outputs);
at_tensor *at_position_wise_ffn_forward(at_position_wise_ffn *layer, at_tensor *x);

/* layer_norm(dropout(y) + x): y is what a sublayer made of x, (..., size) both. */
typedef struct {
    at_module module;
    at_dropout_layer *dropout;
    at_layer_norm *norm;
} at_add_norm;
at_add_norm *at_add_norm_new(int64_t size, double dropout);
at_tensor *at_add_norm_forward(at_add_norm *layer, at_tensor *x, at_tensor *y);

/* Of all below. valid_lengths are as at_masked_softmax takes them: (n), or NULL. */
typedef struct {
    int64_t hiddens, ffn_hiddens, heads;
    double dropout;
    bool bias;          /* of the linear maps within attention */
    int64_t vocabulary; /* of an encoder or a decoder: entries of its embedding, or scores */
    int64_t layers;     /* of them: blocks, up to 1,000 */
    int64_t longest;    /* of them: the longest sequence; 0: 1,000 */
} at_transformer_options;

/* Self-attention and a position-wise network, each with at_add_norm: (n, steps, hiddens) -> the same. */
typedef struct {
    at_module module;
    at_multi_head_attention *attention;
    at_add_norm *norm1, *norm2;
    at_position_wise_ffn *ffn;
} at_transformer_encoder_block;
at_transformer_encoder_block *at_transformer_encoder_block_new_with(at_transformer_options options);
#define at_transformer_encoder_block_new(...)                                                                          \
    at_transformer_encoder_block_new_with((at_transformer_options){__VA_ARGS__})
at_tensor *at_transformer_encoder_block_forward(at_transformer_encoder_block *block, at_tensor *x,
                                                at_tensor *valid_lengths);

/* Self-attention in which no step sees a later one, attention to what an encoder made of (n, source steps), and a
 * position-wise network, each with at_add_norm. */
typedef struct {
    at_module module;
    at_multi_head_attention *attention1, *attention2;
    at_add_norm *norm1, *norm2, *norm3;
    at_position_wise_ffn *ffn;
} at_transformer_decoder_block;
at_transformer_decoder_block *at_transformer_decoder_block_new_with(at_transformer_options options);
#define at_transformer_decoder_block_new(...)                                                                          \
    at_transformer_decoder_block_new_with((at_transformer_options){__VA_ARGS__})
at_tensor *at_transformer_decoder_block_forward(at_transformer_decoder_block *block, at_tensor *x, at_tensor *encoded,
                                                at_tensor *encoded_lengths);

/* Embedding times sqrt(hiddens), positional encoding, blocks: int64 (n, steps) -> (n, steps, hiddens). */
typedef struct {
    at_module module;
    at_embedding *embedding;
    at_positional_encoding *position;
    at_module_list *blocks; /* of at_transformer_encoder_block */
} at_transformer_encoder;
at_transformer_encoder *at_transformer_encoder_new_with(at_transformer_options options);
#define at_transformer_encoder_new(...) at_transformer_encoder_new_with((at_transformer_options){__VA_ARGS__})
at_tensor *at_transformer_encoder_forward(at_transformer_encoder *encoder, at_tensor *tokens, at_tensor *valid_lengths);

/* The same with decoder blocks, and a linear map to scores: int64 (n, steps) -> (n, steps, vocabulary). Scores at a step
 * depend on tokens up to that step only, so one call scores a whole known sequence in training; in prediction the tokens
 * so far are given again for each new one. */
typedef struct {
    at_module module;
    at_embedding *embedding;
    at_positional_encoding *position;
    at_module_list *blocks; /* of at_transformer_decoder_block */
    at_linear *dense;
} at_transformer_decoder;
at_transformer_decoder *at_transformer_decoder_new_with(at_transformer_options options);
#define at_transformer_decoder_new(...) at_transformer_decoder_new_with((at_transformer_options){__VA_ARGS__})
at_tensor *at_transformer_decoder_forward(at_transformer_decoder *decoder, at_tensor *tokens, at_tensor *encoded,
                                          at_tensor *encoded_lengths);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
