/* nn/transformer.c - positions, blocks, encoder and decoder. */
#include "transformer.h"

#include <inttypes.h>
#include <math.h>

#include "../tensor/internal.h"
#include "internal.h"

/* ---- positional encoding ----------------------------------------------------------------------------------------- */

/* (1, longest, hiddens) */
static at_tensor *encode_positions(int64_t longest, int64_t hiddens) {
    at_tensor *place = at_unsqueeze(at_arange(0, (double)longest, 1), 1);
    at_tensor *exponent = at_div(at_arange(0, (double)hiddens, 2), (double)hiddens);
    at_tensor *angle = at_div(place, at_pow(10000, exponent));
    at_tensor *pairs = at_stack(2, at_sin(angle), at_cos(angle)); /* (longest, (hiddens + 1) / 2, 2) */
    at_tensor *flat = at_reshape(pairs, 1, longest, -1);
    return at_contiguous(at_slice(flat, 2, 0, hiddens, 1));
}

static at_tensor *positional_encoding_forward(at_module *self, at_tensor *x) {
    return at_positional_encoding_forward((at_positional_encoding *)self, x);
}

at_positional_encoding *at_positional_encoding_new(int64_t hiddens, double dropout, int64_t longest) {
    if (hiddens < 1 || longest < 1)
        return at_fail(AT_ERROR_VALUE,
                       "positional_encoding_new: %" PRId64 " hiddens, %" PRId64 " steps: want at least 1", hiddens,
                       longest);
    AT_CALL("positional_encoding_new");
    tn_generator before = *tn_thread_generator();
    at_positional_encoding *self = at_module_new(sizeof *self, "PositionalEncoding");
    if (!self) return NULL;
    self->module.forward = positional_encoding_forward;
    bool good = at_child(self, dropout, at_dropout_new(dropout));
    AT_SCOPE {
        at_tensor *p = good ? encode_positions(longest, hiddens) : NULL;
        good = p && at_module_transient(&self->module, "p", &self->p, p);
    }
    return nn_made(&self->module, good, &before);
}

at_tensor *at_positional_encoding_forward(at_positional_encoding *layer, at_tensor *x) {
    if (!layer) return at_fail_null("positional_encoding_forward", "layer");
    if (!x) return at_fail_null("positional_encoding_forward", "x");
    at_shape shape = at_shape_of(x);
    if (shape.ndim != 3 || shape.dim[1] > at_size(layer->p, 1) || shape.dim[2] != at_size(layer->p, 2))
        return at_fail(AT_ERROR_SHAPE, "positional_encoding_forward: x is %s: want (n, up to %" PRId64 ", %" PRId64 ")",
                       tn_describe(x), at_size(layer->p, 1), at_size(layer->p, 2));
    at_tensor *y = NULL;
    AT_CALL("positional_encoding_forward");
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        at_tensor *sum = at_add(x, at_slice(layer->p, 1, 0, shape.dim[1], 1));
        y = sum ? at_dropout_forward(layer->dropout, sum) : NULL;
        y = nn_given(y, &before);
    }
    return y;
}

/* ---- sublayers --------------------------------------------------------------------------------------------------- */

static at_tensor *ffn_forward(at_module *self, at_tensor *x) {
    return at_position_wise_ffn_forward((at_position_wise_ffn *)self, x);
}

at_position_wise_ffn *at_position_wise_ffn_new(int64_t inputs, int64_t hiddens, int64_t outputs) {
    AT_CALL("position_wise_ffn_new");
    tn_generator before = *tn_thread_generator();
    at_position_wise_ffn *self = at_module_new(sizeof *self, "PositionWiseFFN");
    if (!self) return NULL;
    self->module.forward = ffn_forward;
    bool good = at_child(self, dense1, at_linear_new(inputs, hiddens)) &&
                at_child(self, dense2, at_linear_new(hiddens, outputs));
    return nn_made(&self->module, good, &before);
}

at_tensor *at_position_wise_ffn_forward(at_position_wise_ffn *layer, at_tensor *x) {
    if (!layer) return at_fail_null("position_wise_ffn_forward", "layer");
    at_tensor *y = NULL;
    AT_CALL("position_wise_ffn_forward");
    AT_SCOPE {
        at_tensor *hidden = at_linear_forward(layer->dense1, x);
        y = hidden ? at_linear_forward(layer->dense2, at_relu(hidden)) : NULL;
        if (y) at_scope_return(y);
    }
    return y;
}

at_add_norm *at_add_norm_new(int64_t size, double dropout) {
    AT_CALL("add_norm_new");
    tn_generator before = *tn_thread_generator();
    at_add_norm *self = at_module_new(sizeof *self, "AddNorm");
    if (!self) return NULL;
    bool good = at_child(self, dropout, at_dropout_new(dropout)) && at_child(self, norm, at_layer_norm_new(size));
    return nn_made(&self->module, good, &before);
}

at_tensor *at_add_norm_forward(at_add_norm *layer, at_tensor *x, at_tensor *y) {
    if (!layer) return at_fail_null("add_norm_forward", "layer");
    if (!x) return at_fail_null("add_norm_forward", "x");
    if (!y) return at_fail_null("add_norm_forward", "y");
    if (!tn_shapes_equal(&x->value->shape, &y->value->shape))
        return at_fail(AT_ERROR_SHAPE, "add_norm_forward: x is %s, y %s: want equal shapes", tn_describe(x),
                       tn_describe(y));
    at_tensor *z = NULL;
    AT_CALL("add_norm_forward");
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        at_tensor *dropped = at_dropout_forward(layer->dropout, y);
        z = dropped ? at_layer_norm_forward(layer->norm, at_add(dropped, x)) : NULL;
        z = nn_given(z, &before);
    }
    return z;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static at_multi_head_attention *new_attention(const at_transformer_options *o) {
    return at_multi_head_attention_new(.hiddens = o->hiddens, .heads = o->heads, .dropout = o->dropout,
                                       .bias = o->bias);
}

static bool check_ffn(const char *function, const at_transformer_options *o) {
    return o->ffn_hiddens > 0 ||
           at_fail(AT_ERROR_VALUE, "%s: %" PRId64 " ffn_hiddens: want at least 1", function, o->ffn_hiddens);
}

at_transformer_encoder_block *at_transformer_encoder_block_new_with(at_transformer_options o) {
    if (!check_ffn("transformer_encoder_block_new", &o)) return NULL;
    AT_CALL("transformer_encoder_block_new");
    tn_generator before = *tn_thread_generator();
    at_transformer_encoder_block *self = at_module_new(sizeof *self, "TransformerEncoderBlock");
    if (!self) return NULL;
    at_module *m = &self->module;
    bool good = at_child(self, attention, new_attention(&o)) &&
                at_child(self, norm1, at_add_norm_new(o.hiddens, o.dropout)) &&
                at_child(self, ffn, at_position_wise_ffn_new(o.hiddens, o.ffn_hiddens, o.hiddens)) &&
                at_child(self, norm2, at_add_norm_new(o.hiddens, o.dropout));
    return nn_made(m, good, &before);
}

at_tensor *at_transformer_encoder_block_forward(at_transformer_encoder_block *block, at_tensor *x,
                                                at_tensor *valid_lengths) {
    if (!block) return at_fail_null("transformer_encoder_block_forward", "block");
    if (!x) return at_fail_null("transformer_encoder_block_forward", "x");
    at_tensor *z = NULL;
    AT_CALL("transformer_encoder_block_forward");
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        at_tensor *attended = at_multi_head_attention_forward(block->attention, x, x, x, valid_lengths);
        at_tensor *y = attended ? at_add_norm_forward(block->norm1, x, attended) : NULL;
        at_tensor *f = y ? at_position_wise_ffn_forward(block->ffn, y) : NULL;
        z = f ? at_add_norm_forward(block->norm2, y, f) : NULL;
        z = nn_given(z, &before);
    }
    return z;
}

at_transformer_decoder_block *at_transformer_decoder_block_new_with(at_transformer_options o) {
    if (!check_ffn("transformer_decoder_block_new", &o)) return NULL;
    AT_CALL("transformer_decoder_block_new");
    tn_generator before = *tn_thread_generator();
    at_transformer_decoder_block *self = at_module_new(sizeof *self, "TransformerDecoderBlock");
    if (!self) return NULL;
    at_module *m = &self->module;
    bool good =
        at_child(self, attention1, new_attention(&o)) && at_child(self, norm1, at_add_norm_new(o.hiddens, o.dropout)) &&
        at_child(self, attention2, new_attention(&o)) && at_child(self, norm2, at_add_norm_new(o.hiddens, o.dropout)) &&
        at_child(self, ffn, at_position_wise_ffn_new(o.hiddens, o.ffn_hiddens, o.hiddens)) &&
        at_child(self, norm3, at_add_norm_new(o.hiddens, o.dropout));
    return nn_made(m, good, &before);
}

/* int64 (n, steps): each step sees itself and those before. */
static at_tensor *steps_so_far(int64_t n, int64_t steps) {
    return at_expand(at_to(at_arange(1, (double)steps + 1, 1), AT_INT64), n, steps);
}

at_tensor *at_transformer_decoder_block_forward(at_transformer_decoder_block *block, at_tensor *x, at_tensor *encoded,
                                                at_tensor *encoded_lengths) {
    const char *function = "transformer_decoder_block_forward";
    if (!block) return at_fail_null(function, "block");
    if (!x) return at_fail_null(function, "x");
    if (!encoded) return at_fail_null(function, "encoded");
    if (at_ndim(x) != 3)
        return at_fail(AT_ERROR_SHAPE, "%s: x is %s: want (n, steps, hiddens)", function, tn_describe(x));
    at_tensor *result = NULL;
    AT_CALL("transformer_decoder_block_forward");
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        at_tensor *causal = steps_so_far(at_size(x, 0), at_size(x, 1));
        at_tensor *own = causal ? at_multi_head_attention_forward(block->attention1, x, x, x, causal) : NULL;
        at_tensor *y = own ? at_add_norm_forward(block->norm1, x, own) : NULL;
        at_tensor *seen =
            y ? at_multi_head_attention_forward(block->attention2, y, encoded, encoded, encoded_lengths) : NULL;
        at_tensor *z = seen ? at_add_norm_forward(block->norm2, y, seen) : NULL;
        at_tensor *f = z ? at_position_wise_ffn_forward(block->ffn, z) : NULL;
        result = f ? at_add_norm_forward(block->norm3, z, f) : NULL;
        result = nn_given(result, &before);
    }
    return result;
}

/* ---- encoder and decoder ----------------------------------------------------------------------------------------- */

/* The embedding of tokens, scaled as the positions' sines are. */
static at_tensor *embed(at_embedding *embedding, at_positional_encoding *position, at_tensor *tokens) {
    at_tensor *x = at_embedding_forward(embedding, tokens);
    if (!x) return NULL;
    return at_positional_encoding_forward(position, at_mul(x, sqrt((double)at_size(embedding->weight, 1))));
}

/* Registered only when complete, so that the names of parameters begin with all names above them. */
static at_module_list *new_blocks(at_transformer_options o, void *(*make)(at_transformer_options)) {
    const int64_t most = 1000;
    if (o.layers < 0 || o.layers > most)
        return at_fail(AT_ERROR_VALUE, "transformer: %" PRId64 " layers: want 0 to %" PRId64, o.layers, most);
    tn_generator before = *tn_thread_generator();
    at_module_list *blocks = at_module_list_new();
    bool good = blocks;
    for (int64_t i = 0; i < o.layers && good; i++) good = at_module_list_append(blocks, make(o));
    return blocks ? nn_made(&blocks->module, good, &before) : NULL;
}

static void *encoder_block(at_transformer_options o) { return at_transformer_encoder_block_new_with(o); }
static void *decoder_block(at_transformer_options o) { return at_transformer_decoder_block_new_with(o); }

static int64_t longest(const at_transformer_options *o) { return o->longest ? o->longest : 1000; }

static bool check_coder(const char *function, const at_transformer_options *o) {
    return (o->vocabulary > 0 && o->layers > 0) ||
           at_fail(AT_ERROR_VALUE, "%s: %" PRId64 " layers, a vocabulary of %" PRId64 ": want at least 1 of each",
                   function, o->layers, o->vocabulary);
}

at_transformer_encoder *at_transformer_encoder_new_with(at_transformer_options o) {
    if (!check_coder("transformer_encoder_new", &o)) return NULL;
    AT_CALL("transformer_encoder_new");
    tn_generator before = *tn_thread_generator();
    at_transformer_encoder *self = at_module_new(sizeof *self, "TransformerEncoder");
    if (!self) return NULL;
    at_module *m = &self->module;
    bool good = at_child(self, embedding, at_embedding_new(o.vocabulary, o.hiddens)) &&
                at_child(self, position, at_positional_encoding_new(o.hiddens, o.dropout, longest(&o))) &&
                at_child(self, blocks, new_blocks(o, encoder_block));
    return nn_made(m, good, &before);
}

at_tensor *at_transformer_encoder_forward(at_transformer_encoder *encoder, at_tensor *tokens,
                                          at_tensor *valid_lengths) {
    if (!encoder) return at_fail_null("transformer_encoder_forward", "encoder");
    if (!tokens) return at_fail_null("transformer_encoder_forward", "tokens");
    at_tensor *x = NULL;
    AT_CALL("transformer_encoder_forward");
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        x = embed(encoder->embedding, encoder->position, tokens);
        for (int i = 0; i < encoder->blocks->count && x; i++)
            x = at_transformer_encoder_block_forward((at_transformer_encoder_block *)encoder->blocks->items[i], x,
                                                     valid_lengths);
        x = nn_given(x, &before);
    }
    return x;
}

at_transformer_decoder *at_transformer_decoder_new_with(at_transformer_options o) {
    if (!check_coder("transformer_decoder_new", &o)) return NULL;
    AT_CALL("transformer_decoder_new");
    tn_generator before = *tn_thread_generator();
    at_transformer_decoder *self = at_module_new(sizeof *self, "TransformerDecoder");
    if (!self) return NULL;
    at_module *m = &self->module;
    bool good = at_child(self, embedding, at_embedding_new(o.vocabulary, o.hiddens)) &&
                at_child(self, position, at_positional_encoding_new(o.hiddens, o.dropout, longest(&o))) &&
                at_child(self, blocks, new_blocks(o, decoder_block));
    good = good && at_child(self, dense, at_linear_new(o.hiddens, o.vocabulary));
    return nn_made(m, good, &before);
}

at_tensor *at_transformer_decoder_forward(at_transformer_decoder *decoder, at_tensor *tokens, at_tensor *encoded,
                                          at_tensor *encoded_lengths) {
    if (!decoder) return at_fail_null("transformer_decoder_forward", "decoder");
    if (!tokens) return at_fail_null("transformer_decoder_forward", "tokens");
    if (!encoded) return at_fail_null("transformer_decoder_forward", "encoded");
    at_tensor *x = NULL;
    AT_CALL("transformer_decoder_forward");
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        x = embed(decoder->embedding, decoder->position, tokens);
        for (int i = 0; i < decoder->blocks->count && x; i++)
            x = at_transformer_decoder_block_forward((at_transformer_decoder_block *)decoder->blocks->items[i], x,
                                                     encoded, encoded_lengths);
        x = x ? at_linear_forward(decoder->dense, x) : NULL;
        x = nn_given(x, &before);
    }
    return x;
}
