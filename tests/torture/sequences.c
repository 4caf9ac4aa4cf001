/* tests/torture/sequences.c - attention, transformers and recurrent networks: made, used, differentiated.
 *
 * Making one and dropout draw random numbers in many steps; a call that fails after some of them puts them all back. */
#include <stdio.h>

#include "torture.h"

typedef struct {
    const char *make_name, *forward_name; /* make_name NULL: only used */
    void *(*make)(void);
    at_tensor *(*forward)(fixture *f);
} layer;

enum { X, LENGTHS, TOKENS }; /* the fixture's tensors; parameters follow */

static const at_transformer_options small =
    {.hiddens = 4, .ffn_hiddens = 3, .heads = 2, .dropout = 0.5, .bias = true, .vocabulary = 5, .layers = 2};

static void *new_additive(void) { return at_additive_attention_new(4, 4, 3, .dropout = 0.5); }
static void *new_dot_product(void) { return at_dot_product_attention_new(0.5); }
static void *new_multi_head(void) { return at_multi_head_attention_new(.hiddens = 4, .heads = 2, .dropout = 0.5); }
static void *new_positions(void) { return at_positional_encoding_new(4, 0.5, 3); }
static void *new_ffn(void) { return at_position_wise_ffn_new(4, 3, 4); }
static void *new_add_norm(void) { return at_add_norm_new(4, 0.5); }
static void *new_encoder_block(void) { return at_transformer_encoder_block_new_with(small); }
static void *new_decoder_block(void) { return at_transformer_decoder_block_new_with(small); }
static void *new_encoder(void) { return at_transformer_encoder_new_with(small); }
static void *new_decoder(void) { return at_transformer_decoder_new_with(small); }
static void *new_gru(void) { return at_gru_new(4, 2, .layers = 2, .dropout = 0.5); }
static void *new_lstm(void) { return at_lstm_new(4, 2, .layers = 2, .dropout = 0.5); }

/* Made of layers that are made before it: what those draw is no part of it, and it is tortured only in use. */
static void *new_sequential(void) {
    return at_sequential_new(at_linear_new(4, 3), at_dropout_new(0.5), at_linear_new(3, 2));
}

/* Attention keeps its weights, also where a call around it fails later: a change that is meant, and undone here. */
static void forget(at_dot_product_attention *attention) { at_assign(&attention->attention_weights, NULL); }

static at_tensor *additive(fixture *f) {
    at_additive_attention *attention = (at_additive_attention *)f->module;
    at_tensor *x = f->tensor[X], *y = at_additive_attention_forward(attention, x, x, x, f->tensor[LENGTHS]);
    at_assign(&attention->attention_weights, NULL);
    return y;
}
static at_tensor *dot_product(fixture *f) {
    at_dot_product_attention *attention = (at_dot_product_attention *)f->module;
    at_tensor *x = f->tensor[X], *y = at_dot_product_attention_forward(attention, x, x, x, f->tensor[LENGTHS]);
    forget(attention);
    return y;
}
static at_tensor *multi_head(fixture *f) {
    at_multi_head_attention *attention = (at_multi_head_attention *)f->module;
    at_tensor *x = f->tensor[X], *y = at_multi_head_attention_forward(attention, x, x, x, f->tensor[LENGTHS]);
    forget(attention->attention);
    return y;
}
static at_tensor *add_norm(fixture *f) {
    return at_add_norm_forward((at_add_norm *)f->module, f->tensor[X], f->tensor[X]);
}
static at_tensor *positions(fixture *f) {
    return at_positional_encoding_forward((at_positional_encoding *)f->module, f->tensor[X]);
}
static at_tensor *ffn(fixture *f) {
    return at_position_wise_ffn_forward((at_position_wise_ffn *)f->module, f->tensor[X]);
}
static at_tensor *forward(fixture *f) { return at_forward(f->module, f->tensor[X]); }
static at_tensor *encoder_block(fixture *f) {
    at_transformer_encoder_block *block = (at_transformer_encoder_block *)f->module;
    at_tensor *y = at_transformer_encoder_block_forward(block, f->tensor[X], f->tensor[LENGTHS]);
    forget(block->attention->attention);
    return y;
}
static at_tensor *decoder_block(fixture *f) {
    at_transformer_decoder_block *block = (at_transformer_decoder_block *)f->module;
    at_tensor *y = at_transformer_decoder_block_forward(block, f->tensor[X], f->tensor[X], f->tensor[LENGTHS]);
    forget(block->attention1->attention);
    forget(block->attention2->attention);
    return y;
}
static at_tensor *encoder(fixture *f) {
    at_transformer_encoder *net = (at_transformer_encoder *)f->module;
    at_tensor *y = at_transformer_encoder_forward(net, f->tensor[TOKENS], f->tensor[LENGTHS]);
    for (int i = 0; i < net->blocks->count; i++)
        forget(((at_transformer_encoder_block *)net->blocks->items[i])->attention->attention);
    return y;
}
static at_tensor *decoder(fixture *f) {
    at_transformer_decoder *net = (at_transformer_decoder *)f->module;
    at_tensor *y = at_transformer_decoder_forward(net, f->tensor[TOKENS], f->tensor[X], f->tensor[LENGTHS]);
    for (int i = 0; i < net->blocks->count; i++) {
        at_transformer_decoder_block *block = (at_transformer_decoder_block *)net->blocks->items[i];
        forget(block->attention1->attention);
        forget(block->attention2->attention);
    }
    return y;
}
static at_tensor *gru(fixture *f) {
    at_tensor *state = NULL;
    return at_gru_forward((at_gru *)f->module, f->tensor[X], &state);
}
static at_tensor *lstm(fixture *f) {
    at_tensor *state = NULL, *cell = NULL;
    return at_lstm_forward((at_lstm *)f->module, f->tensor[X], &state, &cell);
}

static const layer layers[] = {
    {"additive_attention_new", "additive_attention_forward", new_additive, additive},
    {"dot_product_attention_new", "dot_product_attention_forward", new_dot_product, dot_product},
    {"multi_head_attention_new", "multi_head_attention_forward", new_multi_head, multi_head},
    {"positional_encoding_new", "positional_encoding_forward", new_positions, positions},
    {"position_wise_ffn_new", "position_wise_ffn_forward", new_ffn, ffn},
    {"add_norm_new", "add_norm_forward", new_add_norm, add_norm},
    {"transformer_encoder_block_new", "transformer_encoder_block_forward", new_encoder_block, encoder_block},
    {"transformer_decoder_block_new", "transformer_decoder_block_forward", new_decoder_block, decoder_block},
    {"transformer_encoder_new", "transformer_encoder_forward", new_encoder, encoder},
    {"transformer_decoder_new", "transformer_decoder_forward", new_decoder, decoder},
    {"gru_new", "gru_forward", new_gru, gru},
    {"lstm_new", "lstm_forward", new_lstm, lstm},
    {NULL, "forward", new_sequential, forward},
};

/* ---- scenarios --------------------------------------------------------------------------------------------------- */

static void prepare_inputs(fixture *f) {
    const int64_t lengths[] = {3, 2};
    keep(f, at_set_requires_grad(at_randn(2, 3, 4), true));
    keep(f, at_from_int64s(lengths, 2));
    keep(f, at_randint(0, 5, 2, 3));
}

static void prepare_layer(fixture *f) {
    prepare_inputs(f);
    f->module = ((const layer *)f->context)->make();
    at_parameter_list list = at_parameters(f->module);
    for (int i = 0; i < list.count && f->n_tensors < TORTURE_TENSORS; i++) keep(f, list.items[i]);
}

static void prepare_evaluating(fixture *f) {
    prepare_layer(f);
    at_eval(f->module);
}

static bool make(fixture *f) {
    const layer *l = f->context;
    calling(l->make_name);
    at_module *module = l->make();
    at_module_free(module);
    return module != NULL;
}

static bool train(fixture *f) {
    const layer *l = f->context;
    return calling(l->forward_name) && l->forward(f);
}

static bool differentiate(fixture *f) {
    const layer *l = f->context;
    calling(l->forward_name);
    at_tensor *y = l->forward(f);
    at_tensor *loss = y && calling("square") ? at_square(y) : NULL;
    loss = loss && calling("sum") ? at_sum(loss) : NULL;
    return loss && result(loss) && calling("backward") && at_backward(loss);
}

void torture_sequences(void) {
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        char name[3][64];
        const layer *l = &layers[i];
        snprintf(name[0], sizeof name[0], "sequences %s", l->make_name ? l->make_name : "");
        snprintf(name[1], sizeof name[1], "sequences %s", l->forward_name);
        snprintf(name[2], sizeof name[2], "sequences %s, backward", l->forward_name);
        if (l->make_name) torture(&(scenario){name[0], NULL, make, l});
        torture(&(scenario){name[1], prepare_layer, train, l});
        torture(&(scenario){name[2], prepare_evaluating, differentiate, l});
    }
}
