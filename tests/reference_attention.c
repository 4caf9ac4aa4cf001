/* tests/reference_attention.c - steps of reference cases: masked softmax, attention, the Transformer's parts. */
#include "reference_call.h"

static uint64_t seed(const call *c) { return (uint64_t)integer(c, "seed"); }
static at_tensor *optional(const call *c, int i) { return c->n > i ? tensor(c, i) : NULL; }

REFERENCE_DEFINE(masked_softmax, at_masked_softmax(tensor(c, 0), optional(c, 1)))

/* Behind the module's results: the attention weights. */
static void keep_weights(call *c, at_tensor *weights) {
    int n = 0;
    while (c->result[n]) n++;
    c->result[n] = at_detach(weights);
}

static void run_additive_attention(call *c) {
    at_manual_seed(seed(c));
    at_additive_attention *layer = at_additive_attention_new(at_size(tensor(c, 1), 2), at_size(tensor(c, 0), 2),
                                                             integer(c, "hiddens"), .dropout = real(c, "dropout"));
    if (!layer) return;
    at_tensor *y = at_additive_attention_forward(layer, tensor(c, 0), tensor(c, 1), tensor(c, 2), optional(c, 3));
    at_tensor *weights = layer->attention_weights ? at_detach(layer->attention_weights) : NULL;
    reference_module(c, &layer->module, y);
    keep_weights(c, weights);
}

static void run_dot_product_attention(call *c) {
    at_manual_seed(seed(c));
    at_dot_product_attention *layer = at_dot_product_attention_new(real(c, "dropout"));
    if (!layer) return;
    at_tensor *y = at_dot_product_attention_forward(layer, tensor(c, 0), tensor(c, 1), tensor(c, 2), optional(c, 3));
    at_tensor *weights = layer->attention_weights ? at_detach(layer->attention_weights) : NULL;
    reference_module(c, &layer->module, y);
    keep_weights(c, weights);
}

static void run_multi_head_attention(call *c) {
    at_manual_seed(seed(c));
    at_multi_head_attention *layer =
        at_multi_head_attention_new(.hiddens = integer(c, "hiddens"), .heads = integer(c, "heads"),
                                    .query_size = at_size(tensor(c, 0), 2), .key_size = at_size(tensor(c, 1), 2),
                                    .value_size = at_size(tensor(c, 2), 2), .bias = flag(c, "bias"));
    if (!layer) return;
    at_tensor *y = at_multi_head_attention_forward(layer, tensor(c, 0), tensor(c, 1), tensor(c, 2), optional(c, 3));
    reference_module(c, &layer->module, y);
}

static void run_positional_encoding(call *c) {
    at_positional_encoding *layer = at_positional_encoding_new(at_size(tensor(c, 0), 2), 0, integer(c, "longest"));
    if (layer) reference_module(c, &layer->module, at_positional_encoding_forward(layer, tensor(c, 0)));
}

static at_transformer_options options(const call *c) {
    return (at_transformer_options){.hiddens = integer(c, "hiddens"),
                                    .ffn_hiddens = integer(c, "ffn_hiddens"),
                                    .heads = integer(c, "heads"),
                                    .bias = flag(c, "bias"),
                                    .vocabulary = integer(c, "vocabulary"),
                                    .layers = integer(c, "layers")};
}

static void run_encoder_block(call *c) {
    at_manual_seed(seed(c));
    at_transformer_encoder_block *block = at_transformer_encoder_block_new_with(options(c));
    if (block)
        reference_module(c, &block->module, at_transformer_encoder_block_forward(block, tensor(c, 0), optional(c, 1)));
}

static void run_decoder_block(call *c) {
    at_manual_seed(seed(c));
    at_transformer_decoder_block *block = at_transformer_decoder_block_new_with(options(c));
    if (block)
        reference_module(c, &block->module,
                         at_transformer_decoder_block_forward(block, tensor(c, 0), tensor(c, 1), optional(c, 2)));
}

/* Encoder and decoder as one model: source, target, source lengths. */
static void run_transformer(call *c) {
    at_manual_seed(seed(c));
    at_module *net = at_module_new(sizeof *net, "Transformer");
    at_transformer_encoder *encoder = at_transformer_encoder_new_with(options(c));
    at_transformer_decoder *decoder = at_transformer_decoder_new_with(options(c));
    if (!net || !encoder || !decoder) return;
    at_module_child(net, "encoder", &encoder->module);
    at_module_child(net, "decoder", &decoder->module);
    at_tensor *encoded = at_transformer_encoder_forward(encoder, tensor(c, 0), tensor(c, 2));
    reference_module(c, net, at_transformer_decoder_forward(decoder, tensor(c, 1), encoded, tensor(c, 2)));
}

/* clang-format off */
const reference_operation reference_attention[] = {
    REFERENCE_ROW(masked_softmax) REFERENCE_ROW(additive_attention) REFERENCE_ROW(dot_product_attention)
    REFERENCE_ROW(multi_head_attention) REFERENCE_ROW(positional_encoding) REFERENCE_ROW(encoder_block)
    REFERENCE_ROW(decoder_block) REFERENCE_ROW(transformer)
    {NULL, NULL}
};
/* clang-format on */
