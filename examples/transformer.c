/* examples/transformer.c - a Transformer that learns to translate dates, letter by letter: "the third of March 1987" ->
 * "1987-03-03". Vaswani et al. (2017), "Attention Is All You Need", as Dive into Deep Learning builds it.
 *
 * No part goes through the text step by step: each layer lets every letter attend to all others at once, several heads
 * side by side, and where a letter stands is told by sines added to its embedding. In training the decoder sees the whole
 * translation, and a mask keeps each step from looking ahead; in prediction it writes one letter after another. */
#include "common/complain.h"
#include "common/translator.h"

#include <math.h>
#include <stdlib.h>

enum { HIDDENS = 64, FFN_HIDDENS = 128, HEADS = 4, LAYERS = 2, STEPS = 1000, QUICK_STEPS = 2 };

/* ---- the model: a struct that begins with an at_module, and a line for each of its parts ------------------------- */

typedef struct {
    at_module module;
    at_transformer_encoder *encoder;
    at_transformer_decoder *decoder;
} Transformer;

/* Embeddings are multiplied by sqrt(HIDDENS): drawn like this they are then as large as the positions' sines, which would
 * hardly be seen beside those of the standard normal distribution. */
static bool small_embedding(at_embedding *embedding) {
    return at_init_normal(embedding->weight, 0, 1 / sqrt(HIDDENS)) != NULL;
}

static Transformer *transformer_new(void) {
    const at_transformer_options options = {.hiddens = HIDDENS,
                                            .ffn_hiddens = FFN_HIDDENS,
                                            .heads = HEADS,
                                            .layers = LAYERS,
                                            .vocabulary = DATE_VOCABULARY,
                                            .longest = DATE_SOURCE_STEPS};
    Transformer *net = at_module_new(sizeof *net, "Transformer");
    if (net && at_child(net, encoder, at_transformer_encoder_new_with(options)) &&
        at_child(net, decoder, at_transformer_decoder_new_with(options)) && small_embedding(net->encoder->embedding) &&
        small_embedding(net->decoder->embedding))
        return net;
    if (net) at_module_free(&net->module);
    return NULL;
}

static at_tensor *scores(at_module *self, const date_pairs *batch) {
    Transformer *net = (Transformer *)self;
    at_tensor *encoded = at_transformer_encoder_forward(net->encoder, batch->source, batch->lengths);
    return at_transformer_decoder_forward(net->decoder, date_known(batch), encoded, batch->lengths);
}

/* The decoder is given all tokens so far, and its scores at the last one choose the next. */
static at_tensor *translate(at_module *self, const date_pairs *batch) {
    Transformer *net = (Transformer *)self;
    at_tensor *encoded = at_transformer_encoder_forward(net->encoder, batch->source, batch->lengths);
    at_tensor *tokens = at_to(at_full(DATE_BEGIN, at_size(batch->source, 0), 1), AT_INT64);
    for (int i = 0; i < DATE_STEPS; i++) {
        at_tensor *y = at_transformer_decoder_forward(net->decoder, tokens, encoded, batch->lengths);
        tokens = at_cat(1, tokens, at_argmax(at_slice(y, 1, i, i + 1, 1), -1, false));
    }
    return at_slice(tokens, 1, 1, DATE_STEPS + 1, 1);
}

/* ---- what attention looks at ------------------------------------------------------------------------------------- */

/* A figure of LAYERS x HEADS heatmaps, of each layer's attention weights (HEADS, target steps, source steps). */
static bool draw(const translator *t, const char *what, at_tensor **weights, const char *text, const char *ylabel) {
    static const char *const titles[HEADS] = {"head 1", "head 2", "head 3", "head 4"};
    return draw_attention(t, what, at_stack_list(0, weights, LAYERS), text, ylabel, titles);
}

static bool draw_heads(const translator *t, const char *text) {
    Transformer *net = (Transformer *)t->net;
    date_pairs one = date_from_text(text);
    at_tensor *y = translate(t->net, &one), *own[LAYERS], *across[LAYERS];
    if (!y) return false;
    date_string translated = date_to_text(y, 0);
    printf("\"%s\" -> \"%s\"\n", text, translated.text);
    const int64_t length = (int64_t)at_item(one.lengths);
    for (int i = 0; i < LAYERS; i++) {
        at_transformer_encoder_block *encoder = (at_transformer_encoder_block *)net->encoder->blocks->items[i];
        at_transformer_decoder_block *decoder = (at_transformer_decoder_block *)net->decoder->blocks->items[i];
        at_tensor *weights = encoder->attention->attention->attention_weights;
        own[i] = at_slice(at_slice(weights, 1, 0, length, 1), 2, 0, length, 1);
        across[i] = at_slice(decoder->attention2->attention->attention_weights, 2, 0, length, 1);
    }
    return draw(t, "encoder_attention", own, text, text) && draw(t, "decoder_attention", across, text, translated.text);
}

int main(int argc, char **argv) {
    complain_as(argc > 0 ? argv[0] : "transformer");
    const bool quick = wants_quick(argc, argv);
    at_set_error_mode(AT_ERROR_RETURN); /* so that a full disk gives one line, below, and no abort */
    at_manual_seed(0);
    Transformer *net = transformer_new();
    bool good = net != NULL;
    if (net) {
        translator t = {.name = "transformer", .net = &net->module, .scores = scores, .translate = translate};
        at_module_summary(&net->module);
        good = train_translator(&t, quick ? QUICK_STEPS : STEPS, 2e-3) && draw_heads(&t, "Monday, 21 July 1969");
        at_module_free(&net->module);
    }
    if (at_error()) complain("%s", at_error());
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
