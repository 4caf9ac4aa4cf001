/* tests/test_modules.c - what models are built with: layers, lists of layers, paths, freezing, train and eval, summary. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "core_support.h"

static at_module_list *small_network(void) {
    at_manual_seed(0);
    return at_sequential_new(at_linear_new(3, 4), at_activation_new("ReLU", at_relu),
                             at_linear_new(4, 2, .no_bias = true));
}

static at_linear *layer_at(at_module_list *list, int i) { return (at_linear *)list->items[i]; }

/* The call fails, with that error. */
#define REFUSED(call, kind, message)                                                                                   \
    do {                                                                                                               \
        ck_assert_msg(!(call), "%s: this is no error, but should be", #call);                                          \
        expect_error(kind, message);                                                                                   \
    } while (0)

BALANCED_TEST(a_sequence_applies_its_layers) {
    at_module_list *net = small_network();
    at_tensor *x = at_randn(5, 3);
    at_tensor *by_hand = at_linear_forward(layer_at(net, 2), at_relu(at_linear_forward(layer_at(net, 0), x)));
    ck_assert(at_equal(at_forward(&net->module, x), by_hand));
    ck_assert_int_eq(at_parameters(&net->module).count, 3);
    CHECK_SHAPE(at_forward(&net->module, at_zeros(3)), 2);
    CHECK_SHAPE(at_forward(&net->module, at_zeros(2, 0, 3)), 2, 0, 2);
    at_module_free(&net->module);
    at_module_list *empty = at_sequential_from((void *const[]){NULL}, 0);
    ck_assert_ptr_eq(at_forward(&empty->module, x), x);
    at_module_free(&empty->module);
}

/* Indices in, numbers out: embedding, dropout and a transformer's network as parts of a sequence. */
BALANCED_TEST(every_layer_of_one_tensor_can_be_in_a_sequence) {
    at_module_list *net =
        at_sequential_new(at_embedding_new(5, 3), at_dropout_new(0.5), at_position_wise_ffn_new(3, 4, 2));
    at_eval(&net->module);
    at_tensor *tokens = at_from_int64s((int64_t[]){4, 0, 1}, 3),
              *rows = at_embedding_forward((at_embedding *)net->items[0], tokens);
    at_tensor *by_hand = at_position_wise_ffn_forward((at_position_wise_ffn *)net->items[2], rows);
    ck_assert(at_equal(at_forward(&net->module, tokens), by_hand));
    at_module_free(&net->module);
}

BALANCED_TEST(a_list_that_fails_frees_what_it_was_given) {
    ck_assert_ptr_null(at_sequential_new(at_linear_new(3, 4), at_linear_new(-1, 2), at_linear_new(4, 2)));
    expect_error(AT_ERROR_VALUE, "linear_new: -1 inputs, 2 outputs: want no negative sizes");
    at_module_list *list = at_module_list_new();
    ck_assert(at_module_list_append(list, at_linear_new(1, 1)));
    ck_assert(!at_module_list_append(list, NULL));
    expect_error(AT_ERROR_VALUE, "module_list_append: item is NULL");
    ck_assert(!at_module_list_append(NULL, at_linear_new(1, 1)));
    expect_error(AT_ERROR_VALUE, "module_list_append: list is NULL");
    ck_assert_int_eq(list->count, 1);
    ck_assert_ptr_null(at_forward(&list->module, at_zeros(1)));
    expect_error(AT_ERROR_STATE, "forward: ModuleList has none for one tensor: call its own function");
    at_module_free(&list->module);
}

/* Each call fails and frees nothing that somebody owns, and all else that it was given. */
BALANCED_TEST(a_part_has_one_owner) {
    const char *twice = "sequential: module_child: ReLU is a part of Sequential already: want a module for each place";
    at_activation *relu = at_activation_new("ReLU", at_relu);
    ck_assert_ptr_null(at_sequential_new(at_linear_new(2, 2), relu, at_linear_new(2, 2), relu, at_linear_new(2, 2)));
    expect_error(AT_ERROR_STATE, twice);
    relu = at_activation_new("ReLU", at_relu);
    ck_assert_ptr_null(at_sequential_new(at_linear_new(2, 2), NULL, relu, relu));
    expect_error(AT_ERROR_VALUE, "sequential: a layer is NULL");
    at_module_list *outer = at_module_list_new(), *inner = at_module_list_new(), *other = at_module_list_new();
    ck_assert(at_module_list_append(outer, inner));
    ck_assert(!at_module_list_append(other, inner));
    expect_error(AT_ERROR_STATE, "module_list_append: module_child: ModuleList is a part of ModuleList already: want a "
                                 "module for each place");
    ck_assert(!at_module_list_append(inner, outer));
    expect_error(AT_ERROR_VALUE, "module_list_append: module_child: ModuleList would become a part of itself");
    ck_assert(!at_module_child(&outer->module, "self", &outer->module));
    expect_error(AT_ERROR_VALUE, "module_child: ModuleList would become a part of itself");
    ck_assert(!at_module_own(&outer->module, "part", NULL));
    expect_error(AT_ERROR_VALUE, "module_own: slot is NULL");
    at_module_free(&inner->module);
    expect_error(AT_ERROR_STATE, "module_free: ModuleList is a part of ModuleList, which frees it");
    ck_assert_int_eq(outer->count, 1);
    ck_assert_int_eq(inner->count + other->count, 0);
    at_module_free(&outer->module);
    at_module_free(&other->module);
}

BALANCED_TEST(wrong_inputs_of_linear) {
    at_linear *layer = at_linear_new(3, 4);
    ck_assert_ptr_null(at_linear_forward(layer, at_zeros(4, 2)));
    expect_error(AT_ERROR_SHAPE, "linear_forward: x is float32 (4, 2): want (..., 3)");
    ck_assert_ptr_null(at_linear_forward(layer, at_scalar(1)));
    expect_error(AT_ERROR_SHAPE, "linear_forward: x is float32 (): want (..., 3)");
    ck_assert_ptr_null(at_linear_forward(layer, NULL));
    expect_error(AT_ERROR_VALUE, "linear_forward: x is NULL");
    at_module_free(&layer->module);
}

BALANCED_TEST(embedding) {
    at_embedding *layer = at_embedding_new(4, 2, .has_padding = true, .padding_index = -1);
    ck_assert_int_eq(layer->padding_index, 3);
    at_tensor *indices = at_from_int64s((int64_t[]){3, 0, 0, 1}, 2, 2), *y = at_embedding_forward(layer, indices);
    CHECK_SHAPE(y, 2, 2, 2);
    CHECK_ELEMENTS(at_select(at_select(y, 0, 0), 0, 0), 0, 0);
    ck_assert(at_backward(at_sum(y)));
    CHECK_ELEMENTS(at_grad(layer->weight), 2, 2, 1, 1, 0, 0, 0, 0);
    ck_assert_ptr_null(at_embedding_forward(layer, at_ones(2)));
    expect_error(AT_ERROR_DTYPE, "embedding_forward: indices are float32 (2): want int64 of fewer than 8 dimensions");
    ck_assert_ptr_null(at_embedding_forward(layer, at_from_int64s((int64_t[]){4}, 1)));
    ck_assert_int_eq(at_error_code(), AT_ERROR_VALUE);
    at_clear_error();
    at_module_free(&layer->module);
    ck_assert_ptr_null(at_embedding_new(-4, 2));
    expect_error(AT_ERROR_VALUE, "embedding_new: -4 entries of size 2: want no negative sizes");
    ck_assert_ptr_null(at_embedding_new(4, 2, .has_padding = true, .padding_index = 4));
    expect_error(AT_ERROR_VALUE, "embedding_new: padding_index 4 of 4 entries: want -4 to 3");
}

BALANCED_TEST(layer_norm) {
    at_layer_norm *layer = at_layer_norm_new(2, 2);
    at_tensor *y = at_layer_norm_forward(layer, at_mul(at_randn(5, 2, 2), 3));
    at_tensor *rows = at_reshape(y, 5, 4);
    ck_assert(at_allclose(at_mean_dim(rows, 1, false), at_zeros(5), 0, 1e-6));
    ck_assert(at_allclose(at_mean_dim(at_square(rows), 1, false), at_ones(5), 1e-4, 0));
    ck_assert_ptr_null(at_layer_norm_forward(layer, at_ones(2, 3)));
    expect_error(AT_ERROR_SHAPE, "layer_norm_forward: x is float32 (2, 3): want its last dimensions to be (2, 2)");
    at_module_free(&layer->module);
    ck_assert_ptr_null(at_layer_norm_new());
    expect_error(AT_ERROR_SHAPE, "layer_norm_new: want the sizes of the dimensions to normalise over");
}

BALANCED_TEST(dropout) {
    at_dropout_layer *layer = at_dropout_new(0.5);
    at_tensor *x = at_ones(1000), *y = at_dropout_forward(layer, x);
    double kept = at_item(at_sum(at_eq(y, 2))), dropped = at_item(at_sum(at_eq(y, 0)));
    ck_assert_double_eq(kept + dropped, 1000);
    ck_assert_double_eq_tol(kept, 500, 100);
    at_eval(&layer->module);
    ck_assert_ptr_eq(at_dropout_forward(layer, x), x);
    at_module_free(&layer->module);
    ck_assert_ptr_null(at_dropout_new(1.5));
    expect_error(AT_ERROR_VALUE, "dropout_new: p is 1.5: want a probability");
    ck_assert_ptr_null(at_dropout(at_to(x, AT_INT64), 0.5));
    expect_error(AT_ERROR_DTYPE, "dropout: x is int64 (1000): want a floating-point tensor");
}

static at_tensor *second(at_tensor *loss, at_tensor *x) {
    at_tensor *g, *h;
    if (!at_gradients(loss, &x, 1, true, &g) || !at_gradients(at_sum(g), &x, 1, false, &h)) return NULL;
    return h;
}

BALANCED_TEST(losses_at_the_ends_of_the_range) {
    const double e20 = exp(-20);
    at_tensor *x = at_from_doubles((double[]){-INFINITY, INFINITY, NAN, 0.5, -3}, 5), *zeros = at_zeros_like(x), *g;
    at_set_requires_grad(x, true);
    ck_assert(at_gradients(at_huber_loss(x, zeros, 2, AT_SUM), &x, 1, false, &g));
    CHECK_ELEMENTS(g, -2, 2, NAN, 0.5, -2);
    at_tensor *y = at_set_requires_grad(at_from_doubles((double[]){-INFINITY, -20, 0, 20}, 4), true);
    at_tensor *t = at_from_doubles((double[]){0.25, 0, 0.5, 1}, 4);
    CHECK_ELEMENTS(at_bce_with_logits_loss(y, t, AT_NONE), INFINITY, log1p(e20), log(2), log1p(e20));
    ck_assert(at_gradients(at_bce_with_logits_loss(y, t, AT_SUM), &y, 1, false, &g));
    CHECK_ELEMENTS(g, -0.25, e20 / (1 + e20), 0, -e20 / (1 + e20));
    double curved = e20 / (1 + e20) / (1 + e20);
    at_tensor *h = second(at_bce_with_logits_loss(y, t, AT_SUM), y);
    ck_assert(at_allclose(h, at_from_doubles((double[]){0, curved, 0.25, curved}, 4), 1e-14, 0));
}

BALANCED_TEST(shared_parameters_are_listed_once) {
    struct {
        at_module module;
        at_tensor *one, *other;
    } *net = at_module_new(sizeof *net, "Tied");
    at_tensor *w = at_full(3, 1);
    ck_assert(at_module_parameter(&net->module, "one", &net->one, w));
    ck_assert(at_module_parameter(&net->module, "other", &net->other, w));
    at_parameter_list list = at_parameters(&net->module);
    ck_assert_int_eq(list.count, 1);
    ck_assert(at_backward(at_sum(at_mul(net->one, net->other))));
    ck_assert_double_eq(at_clip_grad_norm(list, 10), 6);
    ck_assert_int_eq(at_parameters(NULL).count, -1);
    expect_error(AT_ERROR_VALUE, "parameters: module is NULL");
    ck_assert(isnan(at_clip_grad_norm(at_parameters(NULL), 1))); /* and not 0, which an empty list has */
    expect_error(AT_ERROR_VALUE, "parameters: module is NULL");
    at_module_free(&net->module);
}

BALANCED_TEST(losses_of_wrong_classes) {
    at_tensor *scores = at_zeros(2, 3), *classes = at_from_int64s((int64_t[]){0, 3}, 2);
    ck_assert_ptr_null(at_cross_entropy_loss(scores, classes, AT_MEAN));
    expect_error(AT_ERROR_VALUE, "cross_entropy_loss: target has class 3: want 0 ... 2, or the ignored index");
    ck_assert_ptr_nonnull(at_cross_entropy_loss(scores, classes, AT_MEAN, .has_ignore_index = true, .ignore_index = 3));
    ck_assert_ptr_null(at_nll_loss(scores, at_zeros(2), AT_MEAN));
    expect_error(AT_ERROR_SHAPE,
                 "nll_loss: input float32 (2, 3) and target float32 (2): want floating-point (n, classes, "
                 "...) or (classes), and int64 class indices of the same shape without the classes");
    ck_assert_ptr_null(at_cross_entropy_loss(scores, classes, AT_MEAN, .label_smoothing = 2));
    expect_error(AT_ERROR_VALUE, "cross_entropy_loss: label_smoothing is 2: want 0 <= label_smoothing <= 1");
    ck_assert_ptr_null(at_huber_loss(scores, scores, 0, AT_MEAN));
    expect_error(AT_ERROR_VALUE, "huber_loss: delta is 0: must be positive");
    ck_assert_ptr_null(at_l1_loss(scores, at_zeros(3), AT_MEAN));
    expect_error(AT_ERROR_SHAPE,
                 "l1_loss: input (2, 3) and target (3): shapes must be equal (at_reshape makes them so)");
}

/* What lies beyond a sequence's end has no influence, not even NaN. */
BALANCED_TEST(masked_cross_entropy_hides_what_lies_beyond) {
    at_tensor *scores = at_set_requires_grad(at_full(NAN, 1, 2, 3), true);
    for (int i = 0; i < 3; i++) at_floats_mut(scores)[i] = 0;
    at_tensor *target = at_from_int64s((int64_t[]){1, 77}, 1, 2), *length = at_from_int64s((int64_t[]){1}, 1);
    ck_assert_ptr_null(at_masked_cross_entropy_loss(scores, at_ones(1, 2), length));
    expect_error(AT_ERROR_SHAPE, "masked_cross_entropy_loss: scores float32 (1, 2, 3), target float32 (1, 2), "
                                 "valid_lengths int64 (1): want (n, steps, classes), int64 (n, steps), int64 (n)");
    at_tensor *loss = at_masked_cross_entropy_loss(scores, target, length);
    ck_assert_double_eq_tol(at_item(loss), log(3) / 2, 1e-6);
    ck_assert(at_backward(loss));
    at_tensor *g = at_grad(scores);
    ck_assert_double_eq_tol(at_get(g, 0, 0, 1), -1.0 / 3, 1e-6);
    for (int i = 0; i < 3; i++) ck_assert_double_eq(at_get(g, 0, 1, i), 0);
}

/* ---- paths and state --------------------------------------------------------------------------------------------- */

typedef struct {
    at_module module;
    at_module_list *blocks;
    at_tensor *scale, *mean, *seen;
} nested;

static nested *new_nested(void) {
    nested *self = at_module_new(sizeof *self, "Nested");
    self->blocks = small_network();
    ck_assert(at_module_child(&self->module, "blocks", &self->blocks->module));
    ck_assert(at_module_parameter(&self->module, "scale", &self->scale, at_ones(2)));
    ck_assert(at_module_buffer(&self->module, "mean", &self->mean, at_zeros(3)));
    ck_assert(at_module_transient(&self->module, "seen", &self->seen, at_zeros(7)));
    return self;
}

static bool append_path(const char *path, at_tensor **slot, at_part_kind kind, void *context) {
    ck_assert_ptr_nonnull(*slot);
    strcat(context, kind == AT_BUFFER ? " buffer:" : " ");
    strcat(context, path);
    return strcmp(path, "blocks.0.bias") != 0; /* and no further */
}

typedef struct {
    at_module module;
    at_embedding *embedding;
    at_linear *output;
} tied_model; /* whose output has the embedding's table for its weights */

static tied_model *new_tied_model(void) {
    tied_model *net = at_module_new(sizeof *net, "Tied");
    ck_assert(at_child(net, embedding, at_embedding_new(3, 2)));
    at_linear *output = at_module_new(sizeof *output, "Linear");
    ck_assert(at_module_parameter(&output->module, "weight", &output->weight, net->embedding->weight));
    ck_assert(at_child(net, output, output));
    return net;
}

static void check_summary(at_module *module, const char *expected) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    at_module_fsummary(file, module);
    fclose(file);
    ck_assert_str_eq(text, expected);
    free(text);
}

BALANCED_TEST(a_shared_parameter_counts_once) {
    tied_model *net = new_tied_model();
    at_tensor *w = net->embedding->weight, *tokens = at_from_int64s((int64_t[]){0, 2}, 2);
    ck_assert_int_eq(at_parameters(&net->module).count, 1);
    ck_assert_str_eq(at_module_name(&net->module, w), "embedding.weight");
    check_summary(&net->module, "Tied                                            numbers\n"
                                "embedding.weight  float32 (3, 2)                      6\n"
                                "output.weight     float32 (3, 2)                      6  shared\n"
                                "6 trainable, 0 frozen, 0 in buffers\n");
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = 1, .momentum = 0.5);
    at_tensor *by_hand = at_contiguous(at_mul(w, 1));
    ck_assert_ptr_nonnull(at_floats(by_hand));
    ck_assert(at_backward(at_sum(at_linear_forward(net->output, at_embedding_forward(net->embedding, tokens)))));
    by_hand = at_sub(by_hand, at_grad(w));
    ck_assert_double_eq(at_clip_grad_norm(at_parameters(&net->module), INFINITY), at_item(at_norm(at_grad(w))));
    ck_assert(at_optimizer_step(trainer));
    ck_assert(at_equal(w, by_hand));
    at_optimizer_free(trainer);
    at_module_free(&net->module);
}

BALANCED_TEST(names_and_places_of_parts) {
    tied_model *net = new_tied_model();
    at_tensor *slot = NULL, *ones = at_ones(2);
    ck_assert(!at_module_parameter(&net->module, "", &slot, ones));
    expect_error(AT_ERROR_VALUE, "module_parameter: Tied: a part named \"\": want a name, without dots");
    ck_assert(!at_module_buffer(&net->module, "output.weight", &slot, ones));
    expect_error(AT_ERROR_VALUE, "module_buffer: Tied: a part named \"output.weight\": want a name, without dots");
    ck_assert(at_module_buffer(&net->module, "mean", &slot, ones));
    ck_assert(!at_module_buffer(&net->module, "variance", &slot, ones));
    expect_error(AT_ERROR_VALUE, "module_buffer: Tied: \"variance\" would be kept where \"mean\" is");
    ck_assert(!at_child(net, output, at_linear_new(2, 2)));
    expect_error(AT_ERROR_VALUE, "module_child: Tied has a part named \"output\" already");
    ck_assert_ptr_null(net->output);
    at_module_free(&net->module);
}

BALANCED_TEST(paths) {
    nested *net = new_nested();
    char text[200] = "";
    ck_assert(!at_module_visit(&net->module, append_path, text));
    ck_assert_str_eq(text, " scale buffer:mean blocks.0.weight blocks.0.bias");
    ck_assert_str_eq(at_module_name(&net->module, layer_at(net->blocks, 2)->weight), "blocks.2.weight");
    ck_assert_str_eq(at_module_name(&net->module, net->scale), "scale");
    ck_assert_str_eq(at_name(layer_at(net->blocks, 2)->weight), "blocks.2.weight");
    ck_assert_ptr_null(at_module_name(&net->module, net->seen)); /* not part of the state, and no error */
    ck_assert_ptr_null(at_error());
    at_module_free(&net->module);
}

BALANCED_TEST(frozen_parameters_are_not_trained) {
    nested *net = new_nested();
    at_linear *first = layer_at(net->blocks, 0);
    ck_assert(at_backward(at_sum(at_forward(&net->blocks->module, at_ones(3)))));
    ck_assert_ptr_nonnull(at_grad(first->weight));
    ck_assert(at_module_set_requires_grad(&first->module, false));
    ck_assert_ptr_null(at_grad(first->weight));
    ck_assert_int_eq(at_parameters(&net->module).count, 2); /* scale, blocks.2.weight */
    ck_assert(at_module_set_requires_grad(&net->module, true));
    ck_assert_int_eq(at_parameters(&net->module).count, 4);
    at_module_free(&net->module);
}

BALANCED_TEST(train_and_eval_reach_all_children) {
    nested *net = new_nested();
    ck_assert(!net->module.evaluating && !net->blocks->items[2]->evaluating);
    at_eval(&net->module);
    ck_assert(net->module.evaluating && net->blocks->module.evaluating && net->blocks->items[2]->evaluating);
    at_train(&net->module);
    ck_assert(!net->module.evaluating && !net->blocks->items[2]->evaluating);
    at_eval(NULL);
    expect_error(AT_ERROR_VALUE, "eval: module is NULL");
    at_module_free(&net->module);
}

BALANCED_TEST(summary) {
    nested *net = new_nested();
    ck_assert(at_module_set_requires_grad(net->blocks->items[0], false));
    check_summary(&net->module, "Nested                                         numbers\n"
                                "scale            float32 (2)                         2\n"
                                "mean             float32 (3)                         3  buffer\n"
                                "blocks.0.weight  float32 (4, 3)                     12  frozen\n"
                                "blocks.0.bias    float32 (4)                         4  frozen\n"
                                "blocks.2.weight  float32 (2, 4)                      8\n"
                                "10 trainable, 16 frozen, 3 in buffers\n");
    at_module_free(&net->module);
}

/* What write says on stdout. */
static void expect_on_stdout(void (*write)(at_module *), at_module *module, const char *expected) {
    char text[1024] = "";
    FILE *kept = tmpfile();
    fflush(stdout);
    int before = dup(STDOUT_FILENO);
    ck_assert(kept && before >= 0 && dup2(fileno(kept), STDOUT_FILENO) >= 0);
    write(module);
    fflush(stdout);
    ck_assert(dup2(before, STDOUT_FILENO) >= 0);
    close(before);
    rewind(kept);
    text[fread(text, 1, sizeof text - 1, kept)] = '\0';
    fclose(kept);
    ck_assert_str_eq(text, expected);
}

BALANCED_TEST(modules_are_printed) {
    at_linear *layer = at_linear_new(3, 2, .no_bias = true);
    expect_on_stdout(at_module_summary, &layer->module,
                     "Linear                                numbers\n"
                     "weight  float32 (2, 3)                      6\n"
                     "6 trainable, 0 frozen, 0 in buffers\n");
    expect_on_stdout(at_module_print, &layer->module,
                     "Linear(\n  (weight): parameter float32 (2, 3)\n)\n6 trainable numbers\n");
    at_module_fsummary(NULL, &layer->module);
    expect_error(AT_ERROR_VALUE, "module_summary: file is NULL");
    at_module_summary(NULL);
    expect_error(AT_ERROR_VALUE, "module_summary: module is NULL");
    at_module_free(&layer->module);
}

BALANCED_TEST(a_path_can_be_too_long) {
    char name[1100];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    nested *net = new_nested();
    at_tensor *slot;
    ck_assert(at_module_parameter(&net->module, name, &slot, at_ones(1)));
    char text[2000] = "";
    ck_assert(!at_module_visit(&net->module, append_path, text));
    ck_assert_int_eq(at_error_code(), AT_ERROR_VALUE);
    at_clear_error();
    at_module_free(&net->module);
}

/* ---- recurrent networks -------------------------------------------------------------------------------------------- */

BALANCED_TEST(two_halves_are_one_sequence) {
    at_lstm *net = at_lstm_new(3, 4, .layers = 2);
    at_tensor *x = at_randn(6, 2, 3), *state = NULL, *cell = NULL;
    at_tensor *whole = at_lstm_forward(net, x, NULL, NULL);
    at_tensor *first = at_lstm_forward(net, at_slice(x, 0, 0, 2, 1), &state, &cell);
    at_tensor *second = at_lstm_forward(net, at_slice(x, 0, 2, 6, 1), &state, &cell);
    ck_assert(at_allclose(at_cat(0, first, second), whole, 1e-6, 1e-6));
    CHECK_SHAPE(state, 2, 2, 4);
    ck_assert(at_allclose(at_select(state, 0, 1), at_select(whole, 0, 5), 1e-6, 1e-6));
    at_module_free(&net->module);
}

BALANCED_TEST(wrong_inputs_of_recurrent_networks) {
    at_gru *net = at_gru_new(3, 4);
    at_tensor *state = at_zeros(1, 2, 3), *before = state;
    ck_assert_ptr_null(at_gru_forward(net, at_zeros(5, 2, 3), &state));
    expect_error(AT_ERROR_SHAPE, "gru_forward: the state is float32 (1, 2, 3): want (1, 2, 4)");
    ck_assert_ptr_eq(state, before);
    ck_assert_ptr_null(at_gru_forward(net, at_zeros(0, 2, 3), NULL));
    expect_error(AT_ERROR_SHAPE, "gru_forward: x is float32 (0, 2, 3): want (steps, n, 3) with at least one step");
    at_module_free(&net->module);
    at_lstm *lstm = at_lstm_new(3, 4);
    state = NULL;
    ck_assert_ptr_null(at_lstm_forward(lstm, at_zeros(1, 2, 3), &state, NULL));
    expect_error(AT_ERROR_VALUE, "lstm_forward: want a state and a cell, or neither");
    at_module_free(&lstm->module);
    ck_assert_ptr_null(at_gru_new(1, 1, .dropout = 1.5));
    expect_error(AT_ERROR_VALUE, "gru_new: dropout is 1.5: want a probability");
    ck_assert_ptr_null(at_gru_new(1, 1, .layers = 17));
    expect_error(AT_ERROR_VALUE, "gru_new: 1 inputs, 1 hiddens, 17 layers: want no negative sizes and 1 ... 16 layers");
}

/* ---- attention ---------------------------------------------------------------------------------------------------- */

static at_tensor *lengths(int64_t a, int64_t b) { return at_from_int64s((int64_t[]){a, b}, 2); }

/* Not even NaN gets out of a key that does not count, and its row stays as it was. */
BALANCED_TEST(masked_softmax_hides_what_does_not_count) {
    at_tensor *scores = at_set_requires_grad(at_from_doubles((double[]){0, 0, NAN, INFINITY, 5, 6}, 2, 1, 3), true);
    at_tensor *weights = at_masked_softmax(scores, lengths(2, 0));
    CHECK_ELEMENTS(weights, 0.5, 0.5, 0, 0, 0, 0);
    ck_assert(at_backward(at_sum(at_mul(weights, at_from_doubles((double[]){1, 3, 7, 1, 1, 1}, 2, 1, 3)))));
    CHECK_ELEMENTS(at_grad(scores), -0.5, 0.5, 0, 0, 0, 0);
    CHECK_ELEMENTS(scores, 0, 0, NAN, INFINITY, 5, 6);
    ck_assert_ptr_null(at_masked_softmax(scores, at_ones(2)));
    expect_error(AT_ERROR_SHAPE,
                 "masked_softmax: scores float64 (2, 1, 3), valid_lengths float32 (2): want (n, queries, "
                 "keys) and int64 (n) or (n, queries)");
}

BALANCED_TEST(wrong_inputs_of_attention) {
    at_dot_product_attention *layer = at_dot_product_attention_new(0);
    at_tensor *x = at_zeros(2, 3, 4);
    ck_assert_ptr_null(at_dot_product_attention_forward(layer, x, at_zeros(2, 5, 3), at_zeros(2, 5, 1), NULL));
    expect_error(AT_ERROR_SHAPE,
                 "dot_product_attention_forward: queries float32 (2, 3, 4), keys float32 (2, 5, 3): want "
                 "vectors of equal size");
    ck_assert_ptr_null(at_dot_product_attention_forward(layer, x, at_zeros(2, 5, 4), at_zeros(2, 6, 1), NULL));
    expect_error(AT_ERROR_SHAPE,
                 "dot_product_attention_forward: queries (2, 3, 4), keys (2, 5, 4), values (2, 6, 1): want "
                 "(n, queries, q), (n, keys, k), (n, keys, v)");
    ck_assert_ptr_null(layer->attention_weights);
    at_module_free(&layer->module);
    ck_assert_ptr_null(at_multi_head_attention_new(.hiddens = 10, .heads = 3));
    expect_error(AT_ERROR_VALUE,
                 "multi_head_attention_new: 10 hiddens for 3 heads: want a positive multiple of the heads");
    at_multi_head_attention *heads = at_multi_head_attention_new(.hiddens = 4, .heads = 2);
    ck_assert_ptr_null(at_multi_head_attention_forward(heads, x, x, x, at_to(at_ones(1), AT_INT64)));
    expect_error(AT_ERROR_SHAPE,
                 "multi_head_attention_forward: queries float32 (2, 3, 4), valid_lengths int64 (1): want "
                 "(n, queries, q) and int64 (n) or (n, queries)");
    at_module_free(&heads->module);
    at_positional_encoding *position = at_positional_encoding_new(4, 0, 2);
    ck_assert_ptr_null(at_positional_encoding_forward(position, x));
    expect_error(AT_ERROR_SHAPE, "positional_encoding_forward: x is float32 (2, 3, 4): want (n, up to 2, 4)");
    at_module_free(&position->module);
    at_add_norm *norm = at_add_norm_new(4, 0);
    ck_assert_ptr_null(at_add_norm_forward(norm, x, at_zeros(4)));
    expect_error(AT_ERROR_SHAPE, "add_norm_forward: x is float32 (2, 3, 4), y float32 (4): want equal shapes");
    at_module_free(&norm->module);
    at_transformer_decoder_block *block = at_transformer_decoder_block_new(.hiddens = 4, .ffn_hiddens = 2, .heads = 2);
    ck_assert_ptr_null(at_transformer_decoder_block_forward(block, at_zeros(3, 4), x, NULL));
    expect_error(AT_ERROR_SHAPE, "transformer_decoder_block_forward: x is float32 (3, 4): want (n, steps, hiddens)");
    at_module_free(&block->module);
    ck_assert_ptr_null(at_positional_encoding_new(0, 0, 5));
    expect_error(AT_ERROR_VALUE, "positional_encoding_new: 0 hiddens, 5 steps: want at least 1");
}

/* An option that is not said is 0. */
BALANCED_TEST(sizes_that_are_missing) {
    ck_assert_ptr_null(at_additive_attention_new(2, 3));
    expect_error(AT_ERROR_VALUE, "additive_attention_new: 0 hiddens: want at least 1");
    ck_assert_ptr_null(at_multi_head_attention_new(.heads = 2));
    expect_error(AT_ERROR_VALUE,
                 "multi_head_attention_new: 0 hiddens for 2 heads: want a positive multiple of the heads");
    ck_assert_ptr_null(at_transformer_encoder_block_new(.hiddens = 4, .heads = 2));
    expect_error(AT_ERROR_VALUE, "transformer_encoder_block_new: 0 ffn_hiddens: want at least 1");
    ck_assert_ptr_null(at_transformer_decoder_block_new(.hiddens = 4, .heads = 2));
    expect_error(AT_ERROR_VALUE, "transformer_decoder_block_new: 0 ffn_hiddens: want at least 1");
    ck_assert_ptr_null(at_transformer_encoder_new(.hiddens = 4, .heads = 2, .ffn_hiddens = 3, .vocabulary = 5));
    expect_error(AT_ERROR_VALUE, "transformer_encoder_new: 0 layers, a vocabulary of 5: want at least 1 of each");
    ck_assert_ptr_null(at_transformer_decoder_new(.hiddens = 4, .heads = 2, .ffn_hiddens = 3, .layers = 1));
    expect_error(AT_ERROR_VALUE, "transformer_decoder_new: 1 layers, a vocabulary of 0: want at least 1 of each");
}

BALANCED_TEST(a_decoder_sees_nothing_later) {
    at_manual_seed(4);
    at_transformer_decoder *decoder =
        at_transformer_decoder_new(.vocabulary = 6, .hiddens = 8, .ffn_hiddens = 5, .heads = 2, .layers = 2);
    at_tensor *encoded = at_randn(1, 3, 8), *tokens = at_from_int64s((int64_t[]){1, 2, 3, 4}, 1, 4);
    at_tensor *changed = at_from_int64s((int64_t[]){1, 2, 5, 0}, 1, 4);
    at_tensor *a = at_transformer_decoder_forward(decoder, tokens, encoded, NULL);
    at_tensor *b = at_transformer_decoder_forward(decoder, changed, encoded, NULL);
    ck_assert(at_allclose(at_slice(a, 1, 0, 2, 1), at_slice(b, 1, 0, 2, 1), 0, 1e-6));
    ck_assert(!at_allclose(at_slice(a, 1, 2, 3, 1), at_slice(b, 1, 2, 3, 1), 0, 1e-3));
    ck_assert_str_eq(at_name(((at_transformer_decoder_block *)decoder->blocks->items[1])->attention2->w_q->weight),
                     "blocks.1.attention2.w_q.weight");
    at_module_free(&decoder->module);
}

/* ---- shapes that do not go together -------------------------------------------------------------------------------- */

/* Each argument in turn has another shape than the others want. */
BALANCED_TEST(every_shape_of_attention_is_checked) {
    at_dot_product_attention *d = at_dot_product_attention_new(0);
    at_tensor *x = at_zeros(2, 3, 4), *flat = at_zeros(3, 4), *more = at_zeros(3, 3, 4);
    at_tensor *wrong[][3] = {{flat, x, x}, {x, flat, x}, {x, x, flat}, {more, x, x}, {x, x, more}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_ptr_null(at_dot_product_attention_forward(d, wrong[i][0], wrong[i][1], wrong[i][2], NULL));
        ck_assert_msg(at_error_code() == AT_ERROR_SHAPE, "%zu: %s", i, at_error());
        at_clear_error();
    }
    at_tensor *counts[] = {lengths(1, 2),
                           at_zeros(2),
                           at_to(at_zeros(2, 5), AT_INT64),
                           at_to(at_zeros(3), AT_INT64),
                           at_to(at_scalar(1), AT_INT64),
                           at_to(at_zeros(2, 3, 1), AT_INT64)};
    for (size_t i = 1; i < sizeof counts / sizeof *counts; i++) {
        ck_assert_ptr_null(at_masked_softmax(x, counts[i]));
        ck_assert_msg(at_error_code() == AT_ERROR_SHAPE, "%zu: %s", i, at_error());
        at_clear_error();
    }
    ck_assert_ptr_null(at_masked_softmax(flat, counts[0]));
    ck_assert_int_eq(at_error_code(), AT_ERROR_SHAPE);
    at_clear_error();
    at_tensor *m = at_zeros(3, 4),
              *pooled[][3] = {{x, m, m}, {m, x, m}, {m, m, x}, {at_zeros(3, 5), m, m}, {m, m, at_zeros(2, 4)}};
    for (size_t i = 0; i < sizeof pooled / sizeof *pooled; i++) {
        ck_assert_ptr_null(at_scaled_dot_product_attention(pooled[i][0], pooled[i][1], pooled[i][2]));
        ck_assert_msg(at_error_code() == AT_ERROR_SHAPE, "%zu: %s", i, at_error());
        at_clear_error();
    }
    at_module_free(&d->module);
}

BALANCED_TEST(every_shape_of_a_recurrent_network_is_checked) {
    at_gru *net = at_gru_new(3, 4, .layers = 2);
    at_tensor *x = at_zeros(5, 2, 3), *inputs[] = {at_zeros(5, 3), at_zeros(0, 2, 3), at_zeros(5, 2, 4)};
    at_tensor *states[] = {at_zeros(2, 4), at_zeros(1, 2, 4), at_zeros(2, 3, 4), at_zeros(2, 2, 3)};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        ck_assert_ptr_null(at_gru_forward(net, inputs[i], NULL));
        ck_assert_msg(at_error_code() == AT_ERROR_SHAPE, "%zu: %s", i, at_error());
        at_clear_error();
    }
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        at_tensor *state = states[i];
        ck_assert_ptr_null(at_gru_forward(net, x, &state));
        ck_assert_ptr_eq(state, states[i]);
        ck_assert_msg(at_error_code() == AT_ERROR_SHAPE, "%zu: %s", i, at_error());
        at_clear_error();
    }
    at_module_free(&net->module);
}

BALANCED_TEST(every_shape_of_masked_cross_entropy_is_checked) {
    at_tensor *s = at_zeros(2, 3, 4), *t = at_to(at_zeros(2, 3), AT_INT64), *v = at_to(at_zeros(2), AT_INT64);
    at_tensor *other_t = at_to(at_zeros(3, 3), AT_INT64), *long_t = at_to(at_zeros(2, 4), AT_INT64);
    at_tensor *wrong[][3] = {{at_zeros(3, 4), t, v}, {s, v, v},          {s, t, t},
                             {s, other_t, v},        {s, long_t, v},     {s, t, at_to(at_zeros(3), AT_INT64)},
                             {s, at_zeros(2, 3), v}, {s, t, at_zeros(2)}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_ptr_null(at_masked_cross_entropy_loss(wrong[i][0], wrong[i][1], wrong[i][2]));
        ck_assert_msg(at_error_code() == AT_ERROR_SHAPE, "%zu: %s", i, at_error());
        at_clear_error();
    }
}

/* ---- NULL, where something is wanted ------------------------------------------------------------------------------- */

#define NOTHING(call, message)                                                                                         \
    do {                                                                                                               \
        ck_assert_msg(!(call), "%s: this is no error, but should be", #call);                                          \
        expect_error(AT_ERROR_VALUE, message " is NULL");                                                              \
    } while (0)

BALANCED_TEST(attention_of_nothing) {
    at_tensor *x = at_zeros(2, 3, 4);
    at_additive_attention *a = at_additive_attention_new(4, 4, 2);
    at_dot_product_attention *d = at_dot_product_attention_new(0);
    at_multi_head_attention *m = at_multi_head_attention_new(.hiddens = 4, .heads = 2);
    NOTHING(at_additive_attention_forward(NULL, x, x, x, NULL), "additive_attention_forward: layer");
    NOTHING(at_additive_attention_forward(a, NULL, x, x, NULL), "additive_attention_forward: queries");
    NOTHING(at_dot_product_attention_forward(d, x, NULL, x, NULL), "dot_product_attention_forward: keys");
    NOTHING(at_multi_head_attention_forward(m, x, x, NULL, NULL), "multi_head_attention_forward: values");
    NOTHING(at_masked_softmax(NULL, NULL), "masked_softmax: scores");
    NOTHING(at_scaled_dot_product_attention(NULL, x, x), "scaled_dot_product_attention: queries");
    NOTHING(at_scaled_dot_product_attention(x, NULL, x), "scaled_dot_product_attention: keys");
    NOTHING(at_scaled_dot_product_attention(x, x, NULL), "scaled_dot_product_attention: values");
    at_module_free(&a->module);
    at_module_free(&d->module);
    at_module_free(&m->module);
}

BALANCED_TEST(transformers_of_nothing) {
    const at_transformer_options o = {.hiddens = 2, .ffn_hiddens = 2, .heads = 1, .vocabulary = 3, .layers = 1};
    at_tensor *x = at_zeros(1, 3, 2), *tokens = at_to(at_zeros(1, 3), AT_INT64);
    at_positional_encoding *p = at_positional_encoding_new(2, 0, 3);
    at_add_norm *norm = at_add_norm_new(2, 0);
    at_transformer_encoder *e = at_transformer_encoder_new_with(o);
    at_transformer_decoder *d = at_transformer_decoder_new_with(o);
    at_transformer_encoder_block *in_e = (at_transformer_encoder_block *)e->blocks->items[0];
    at_transformer_decoder_block *in_d = (at_transformer_decoder_block *)d->blocks->items[0];
    NOTHING(at_positional_encoding_forward(NULL, x), "positional_encoding_forward: layer");
    NOTHING(at_positional_encoding_forward(p, NULL), "positional_encoding_forward: x");
    NOTHING(at_position_wise_ffn_forward(NULL, x), "position_wise_ffn_forward: layer");
    NOTHING(at_add_norm_forward(NULL, x, x), "add_norm_forward: layer");
    NOTHING(at_add_norm_forward(norm, NULL, x), "add_norm_forward: x");
    NOTHING(at_add_norm_forward(norm, x, NULL), "add_norm_forward: y");
    NOTHING(at_transformer_encoder_block_forward(NULL, x, NULL), "transformer_encoder_block_forward: block");
    NOTHING(at_transformer_encoder_block_forward(in_e, NULL, NULL), "transformer_encoder_block_forward: x");
    NOTHING(at_transformer_decoder_block_forward(NULL, x, x, NULL), "transformer_decoder_block_forward: block");
    NOTHING(at_transformer_decoder_block_forward(in_d, NULL, x, NULL), "transformer_decoder_block_forward: x");
    NOTHING(at_transformer_decoder_block_forward(in_d, x, NULL, NULL), "transformer_decoder_block_forward: encoded");
    NOTHING(at_transformer_encoder_forward(NULL, tokens, NULL), "transformer_encoder_forward: encoder");
    NOTHING(at_transformer_encoder_forward(e, NULL, NULL), "transformer_encoder_forward: tokens");
    NOTHING(at_transformer_decoder_forward(NULL, tokens, x, NULL), "transformer_decoder_forward: decoder");
    NOTHING(at_transformer_decoder_forward(d, NULL, x, NULL), "transformer_decoder_forward: tokens");
    NOTHING(at_transformer_decoder_forward(d, tokens, NULL, NULL), "transformer_decoder_forward: encoded");
    at_module_free(&p->module);
    at_module_free(&norm->module);
    at_module_free(&e->module);
    at_module_free(&d->module);
}

BALANCED_TEST(layers_of_nothing) {
    at_linear *linear = at_linear_new(2, 2);
    at_dropout_layer *drop = at_dropout_new(0);
    at_embedding *table = at_embedding_new(2, 2);
    at_layer_norm *norm = at_layer_norm_new(2);
    at_gru *gru = at_gru_new(2, 2);
    at_tensor *x = at_zeros(2, 2);
    NOTHING(at_linear_forward(NULL, x), "linear_forward: layer");
    NOTHING(at_dropout(NULL, 0.5), "dropout: x");
    NOTHING(at_dropout_forward(NULL, x), "dropout_forward: layer");
    NOTHING(at_dropout_forward(drop, NULL), "dropout_forward: x");
    NOTHING(at_embedding_forward(NULL, x), "embedding_forward: layer");
    NOTHING(at_embedding_forward(table, NULL), "embedding_forward: indices");
    NOTHING(at_layer_norm_forward(NULL, x), "layer_norm_forward: layer");
    NOTHING(at_layer_norm_forward(norm, NULL), "layer_norm_forward: x");
    NOTHING(at_gru_forward(NULL, x, NULL), "gru_forward: net");
    NOTHING(at_gru_forward(gru, NULL, NULL), "gru_forward: x");
    NOTHING(at_lstm_forward(NULL, x, NULL, NULL), "lstm_forward: net");
    NOTHING(at_sequential_from(NULL, 2), "sequential: items");
    NOTHING(at_activation_new("ReLU", NULL), "activation_new: function");
    NOTHING(at_init_uniform(NULL, 0, 1), "init_uniform: t");
    NOTHING(at_init_normal(NULL, 0, 1), "init_normal: t");
    NOTHING(at_init_kaiming_uniform(NULL, 0), "init_kaiming_uniform: t");
    NOTHING(at_init_kaiming_normal(NULL, 0), "init_kaiming_normal: t");
    at_module *all[] = {&linear->module, &drop->module, &table->module, &norm->module, &gru->module};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) at_module_free(all[i]);
}

BALANCED_TEST(losses_of_nothing) {
    at_tensor *x = at_zeros(2, 2), *classes = at_to(at_zeros(2), AT_INT64);
    NOTHING(at_huber_loss(NULL, x, 1, AT_MEAN), "huber_loss: input");
    NOTHING(at_bce_with_logits_loss(x, NULL, AT_MEAN), "bce_with_logits_loss: target");
    NOTHING(at_cross_entropy_loss(NULL, classes, AT_MEAN), "cross_entropy_loss: input");
    NOTHING(at_nll_loss(x, NULL, AT_MEAN), "nll_loss: target");
    NOTHING(at_masked_cross_entropy_loss(NULL, classes, classes), "masked_cross_entropy_loss: scores");
    NOTHING(at_masked_cross_entropy_loss(x, NULL, classes), "masked_cross_entropy_loss: target");
    NOTHING(at_masked_cross_entropy_loss(x, classes, NULL), "masked_cross_entropy_loss: valid_lengths");
}

BALANCED_TEST(modules_of_nothing) {
    at_module *m = at_module_new(sizeof *m, "M");
    at_tensor *x = at_zeros(2), *slot = NULL;
    NOTHING(at_forward(NULL, x), "forward: module");
    NOTHING(at_forward(m, NULL), "forward: x");
    NOTHING(at_module_parameter(m, NULL, &slot, x), "module_parameter: name");
    NOTHING(at_module_parameter(m, "w", NULL, x), "module_parameter: slot");
    NOTHING(at_module_buffer(m, "b", NULL, x), "module_buffer: slot");
    NOTHING(at_module_set_requires_grad(NULL, true), "module_set_requires_grad: module");
    NOTHING(at_module_visit(NULL, NULL, NULL), "module_visit: module");
    NOTHING(at_module_visit(m, NULL, NULL), "module_visit: visit");
    NOTHING(at_module_name(NULL, x), "module_name: module");
    NOTHING(at_module_name(m, NULL), "module_name: part");
    at_module_fprint(NULL, m);
    expect_error(AT_ERROR_VALUE, "module_print: file is NULL");
    at_module_print(NULL);
    expect_error(AT_ERROR_VALUE, "module_print: module is NULL");
    at_module_free(m);
}

/* ---- gradients of modules ------------------------------------------------------------------------------------------ */

/* A module and its forward for the input x; the module's parameters follow x as variables. */
typedef struct {
    const char *name;
    at_module *module;
    at_tensor *(*forward)(at_module *module, at_tensor *x);
} subject;

typedef struct {
    at_tensor **inputs;
    int next;
} replacements;

static bool replace(const char *path, at_tensor **slot, at_part_kind kind, void *context) {
    (void)path;
    replacements *r = context;
    if (kind == AT_PARAMETER) at_assign(slot, r->inputs[r->next++]);
    return true;
}

static at_tensor *apply(at_tensor **inputs, int n, void *context) {
    (void)n;
    const subject *s = context;
    ck_assert(at_module_visit(s->module, replace, &(replacements){inputs, 1}));
    return s->forward(s->module, inputs[0]);
}

static bool collect(const char *path, at_tensor **slot, at_part_kind kind, void *context) {
    (void)path;
    replacements *r = context;
    if (kind == AT_PARAMETER) r->inputs[r->next++] = at_retain(*slot); /* the module will hold others */
    return true;
}

static void check_module(subject s, at_tensor *x) {
    AT_SCOPE {
        at_tensor *variables[64] = {at_set_requires_grad(x, true)};
        replacements r = {variables, 1};
        ck_assert(s.module && at_module_visit(s.module, collect, &r));
        ck_assert_msg(at_gradcheck(apply, variables, r.next, &s), "%s: %s", s.name, at_error());
        ck_assert_msg(at_gradgradcheck(apply, variables, r.next, &s), "%s: %s", s.name, at_error());
        for (int i = 1; i < r.next; i++) at_release(variables[i]);
        at_module_free(s.module);
    }
}

static at_tensor *by_forward(at_module *m, at_tensor *x) { return at_forward(m, x); }
static at_tensor *by_add_norm(at_module *m, at_tensor *x) {
    return at_add_norm_forward((at_add_norm *)m, x, at_sin(x));
}
static at_tensor *by_additive(at_module *m, at_tensor *x) {
    return at_additive_attention_forward((at_additive_attention *)m, x, at_sin(x), at_cos(x), lengths(1, 2));
}
static at_tensor *by_dot_product(at_module *m, at_tensor *x) {
    return at_dot_product_attention_forward((at_dot_product_attention *)m, x, at_sin(x), at_cos(x), lengths(0, 2));
}
static at_tensor *by_heads(at_module *m, at_tensor *x) {
    return at_multi_head_attention_forward((at_multi_head_attention *)m, x, at_sin(x), at_cos(x), NULL);
}
static at_tensor *by_encoder(at_module *m, at_tensor *x) {
    return at_transformer_encoder_block_forward((at_transformer_encoder_block *)m, x, lengths(2, 1));
}
static at_tensor *by_decoder(at_module *m, at_tensor *x) {
    return at_transformer_decoder_block_forward((at_transformer_decoder_block *)m, x, at_sin(x), lengths(2, 1));
}
static at_tensor *by_gru(at_module *m, at_tensor *x) { return at_gru_forward((at_gru *)m, x, NULL); }
static at_tensor *by_lstm(at_module *m, at_tensor *x) {
    at_tensor *state = NULL, *cell = NULL, *y = at_lstm_forward((at_lstm *)m, x, &state, &cell);
    return at_add(at_mul(at_sum(y), at_sum(cell)), at_sum(state));
}
static at_tensor *by_rows(at_module *m, at_tensor *x) {
    at_tensor *rows = at_from_int64s((int64_t[]){0, 2, 2, 1}, 2, 2);
    return at_mul(at_embedding_forward((at_embedding *)m, rows), at_sin(x));
}

BALANCED_TEST(gradients_of_modules) {
    at_set_default_dtype(AT_FLOAT64);
    at_manual_seed(12);
    check_module((subject){"Linear", &at_linear_new(4, 3)->module, by_forward}, at_randn(2, 3, 4));
    check_module((subject){"LayerNorm", &at_layer_norm_new(4)->module, by_forward}, at_randn(3, 4));
    check_module((subject){"Embedding", &at_embedding_new(3, 2)->module, by_rows}, at_randn(2, 2, 2));
    check_module((subject){"PositionalEncoding", &at_positional_encoding_new(4, 0, 5)->module, by_forward},
                 at_randn(1, 3, 4));
    check_module((subject){"AddNorm", &at_add_norm_new(4, 0)->module, by_add_norm}, at_randn(3, 4));
    check_module((subject){"AdditiveAttention", &at_additive_attention_new(3, 3, 2)->module, by_additive},
                 at_randn(2, 2, 3));
    check_module((subject){"DotProductAttention", &at_dot_product_attention_new(0)->module, by_dot_product},
                 at_randn(2, 2, 3));
    check_module((subject){"MultiHeadAttention", &at_multi_head_attention_new(.hiddens = 4, .heads = 2)->module,
                           by_heads},
                 at_randn(1, 2, 4));
    check_module((subject){"EncoderBlock",
                           &at_transformer_encoder_block_new(.hiddens = 2, .heads = 1, .ffn_hiddens = 2)->module,
                           by_encoder},
                 at_randn(2, 2, 2));
    check_module((subject){"DecoderBlock",
                           &at_transformer_decoder_block_new(.hiddens = 2, .heads = 1, .ffn_hiddens = 2)->module,
                           by_decoder},
                 at_randn(2, 2, 2));
    check_module((subject){"GRU", &at_gru_new(2, 2, .layers = 2)->module, by_gru}, at_randn(3, 2, 2));
    check_module((subject){"LSTM", &at_lstm_new(2, 2)->module, by_lstm}, at_randn(2, 2, 2));
    at_set_default_dtype(AT_FLOAT32);
}

/* ---- initial values ---------------------------------------------------------------------------------------------- */

BALANCED_TEST(wrong_initial_values_change_nothing) {
    at_tensor *t = at_ones(2, 2), *before;
    at_manual_seed(1);
    before = at_rand(1);
    at_manual_seed(1);
    ck_assert_ptr_null(at_init_uniform(t, 1, 0));
    expect_error(AT_ERROR_VALUE, "init_uniform: from 1 to 0: want low <= high, both finite");
    ck_assert_ptr_null(at_init_normal(t, 0, -1));
    expect_error(AT_ERROR_VALUE, "init_normal: std -1 must not be negative");
    ck_assert_ptr_null(at_init_xavier_uniform(at_ones(2, 3), -1));
    expect_error(AT_ERROR_VALUE, "init_xavier_uniform: gain -1: want a number that is not negative");
    ck_assert_ptr_null(at_init_xavier_normal(at_ones(2, 3), INFINITY));
    expect_error(AT_ERROR_VALUE, "init_xavier_normal: gain inf: want a number that is not negative");
    ck_assert_ptr_null(at_init_xavier_uniform(at_ones(2), 1));
    expect_error(AT_ERROR_SHAPE, "init_xavier_uniform: t is float32 (2): want (outputs, inputs, ...)");
    ck_assert_ptr_null(at_init_constant(at_to(t, AT_INT64), 1));
    expect_error(AT_ERROR_DTYPE, "init_constant: t is int64 (2, 2): want a floating-point tensor");
    CHECK_ELEMENTS(t, 1, 1, 1, 1);
    ck_assert(at_equal(at_rand(1), before));
}

BALANCED_TEST(initial_values_of_float64) {
    at_tensor *t = at_to(at_ones(40, 50), AT_FLOAT64);
    at_manual_seed(2);
    ck_assert_ptr_eq(at_init_uniform(t, 2, 3), t);
    ck_assert(at_item(at_min(t)) >= 2 && at_item(at_max(t)) < 3);
    ck_assert_ptr_eq(at_init_normal(t, 5, 0.5), t);
    ck_assert_double_eq_tol(at_item(at_mean(t)), 5, 0.05);
    ck_assert_double_eq_tol(at_item(at_std(t)), 0.5, 0.05);
    ck_assert_ptr_eq(at_init_constant(t, 0.1), t);
    ck_assert_double_eq(at_item(at_max(t)), 0.1);
}

BALANCED_TEST(bounds_of_initial_values) {
    at_tensor *t = at_ones(2, 2), *none = at_ones(0, 2), *y = at_mul(at_set_requires_grad(at_ones(2, 2), true), 2);
    REFUSED(at_init_uniform(t, -1e308, 1e308), AT_ERROR_VALUE,
            "init_uniform: from -1e+308 to 1e+308: want low <= high, both finite");
    REFUSED(at_init_kaiming_uniform(t, INFINITY), AT_ERROR_VALUE,
            "init_kaiming_uniform: slope inf: want a finite number");
    REFUSED(at_init_kaiming_normal(t, NAN), AT_ERROR_VALUE, "init_kaiming_normal: slope nan: want a finite number");
    CHECK_ELEMENTS(t, 1, 1, 1, 1);
    at_tensor *before = at_random_state();
    ck_assert_ptr_eq(at_init_kaiming_uniform(none, 0), none);
    ck_assert(at_equal(at_random_state(), before));
    REFUSED(at_init_constant(y, 1), AT_ERROR_STATE,
            "floats_mut: float32 (2, 2) is the result of a recorded operation: only leaves may be written to");
    REFUSED(at_init_constant(at_to(y, AT_FLOAT64), 1), AT_ERROR_STATE,
            "doubles_mut: float64 (2, 2) is the result of a recorded operation: only leaves may be written to");
    REFUSED(at_init_uniform(y, 0, 1), AT_ERROR_STATE,
            "floats_mut: float32 (2, 2) is the result of a recorded operation: only leaves may be written to");
    REFUSED(at_init_normal(at_to(y, AT_FLOAT64), 0, 1), AT_ERROR_STATE,
            "doubles_mut: float64 (2, 2) is the result of a recorded operation: only leaves may be written to");
    ck_assert(at_equal(at_random_state(), before));
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

BALANCED_TEST(options_of_layers) {
    REFUSED(at_linear_new(2, -1), AT_ERROR_VALUE, "linear_new: 2 inputs, -1 outputs: want no negative sizes");
    REFUSED(at_embedding_new(4, -1), AT_ERROR_VALUE, "embedding_new: 4 entries of size -1: want no negative sizes");
    REFUSED(at_embedding_new(4, 2, .has_padding = true, .padding_index = -5), AT_ERROR_VALUE,
            "embedding_new: padding_index -5 of 4 entries: want -4 to 3");
    REFUSED(at_dropout_new(-0.5), AT_ERROR_VALUE, "dropout_new: p is -0.5: want a probability");
    REFUSED(at_dropout(at_ones(2), 2), AT_ERROR_VALUE, "dropout: p is 2: want a probability");
    REFUSED(at_multi_head_attention_new(.hiddens = 4, .heads = -1), AT_ERROR_VALUE,
            "multi_head_attention_new: 4 hiddens for -1 heads: want a positive multiple of the heads");
    REFUSED(at_multi_head_attention_new(.hiddens = -4, .heads = 2), AT_ERROR_VALUE,
            "multi_head_attention_new: -4 hiddens for 2 heads: want a positive multiple of the heads");
    REFUSED(at_positional_encoding_new(4, 0, 0), AT_ERROR_VALUE,
            "positional_encoding_new: 4 hiddens, 0 steps: want at least 1");
    REFUSED(at_gru_new(-1, 2), AT_ERROR_VALUE,
            "gru_new: -1 inputs, 2 hiddens, 1 layers: want no negative sizes and 1 ... 16 layers");
    REFUSED(at_gru_new(1, -2), AT_ERROR_VALUE,
            "gru_new: 1 inputs, -2 hiddens, 1 layers: want no negative sizes and 1 ... 16 layers");
    REFUSED(at_lstm_new(1, 2, .layers = -3), AT_ERROR_VALUE,
            "lstm_new: 1 inputs, 2 hiddens, -3 layers: want no negative sizes and 1 ... 16 layers");
    REFUSED(at_lstm_new(1, 2, .dropout = -1), AT_ERROR_VALUE, "lstm_new: dropout is -1: want a probability");
}

/* Sizes of 0 are sizes too. */
BALANCED_TEST(layers_without_inputs_or_outputs) {
    at_linear *from_nothing = at_linear_new(0, 2), *to_nothing = at_linear_new(2, 0);
    CHECK_ELEMENTS(at_linear_forward(from_nothing, at_ones(1, 0)), 0, 0); /* the bias */
    CHECK_SHAPE(at_linear_forward(from_nothing, at_ones(3, 2, 0)), 3, 2, 2);
    CHECK_SHAPE(at_linear_forward(to_nothing, at_ones(3, 2)), 3, 0);
    at_gru *net = at_gru_new(2, 0);
    CHECK_SHAPE(at_gru_forward(net, at_ones(3, 1, 2), NULL), 3, 1, 0);
    at_module_free(&from_nothing->module), at_module_free(&to_nothing->module), at_module_free(&net->module);
}

BALANCED_TEST(more_inputs_that_do_not_fit) {
    at_embedding *entries = at_embedding_new(3, 2);
    at_shape most = {.ndim = AT_MAX_DIMS, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
    REFUSED(at_embedding_forward(entries, at_to(at_zeros_shape(most), AT_INT64)), AT_ERROR_DTYPE,
            "embedding_forward: indices are int64 (1, 1, 1, 1, 1, 1, 1, 1): want int64 of fewer than 8 dimensions");
    at_module_free(&entries->module);

    at_layer_norm *norm = at_layer_norm_new(2, 2);
    REFUSED(at_layer_norm_forward(norm, at_ones(2)), AT_ERROR_SHAPE,
            "layer_norm_forward: x is float32 (2): want its last dimensions to be (2, 2)");
    at_module_free(&norm->module);

    at_positional_encoding *positions = at_positional_encoding_new(4, 0, 5);
    REFUSED(at_positional_encoding_forward(positions, at_ones(3, 4)), AT_ERROR_SHAPE,
            "positional_encoding_forward: x is float32 (3, 4): want (n, up to 5, 4)");
    REFUSED(at_positional_encoding_forward(positions, at_ones(1, 3, 6)), AT_ERROR_SHAPE,
            "positional_encoding_forward: x is float32 (1, 3, 6): want (n, up to 5, 4)");
    at_module_free(&positions->module);

    at_lstm *net = at_lstm_new(3, 2);
    at_tensor *long_sequence = at_expand(at_ones(1, 1, 3), INT64_C(1) << 31, 1, 3), *x = at_ones(2, 1, 3);
    at_tensor *state = at_zeros(1, 1, 2), *small = at_zeros(1, 1, 1), *none = NULL;
    REFUSED(at_lstm_forward(net, long_sequence, NULL, NULL), AT_ERROR_SHAPE,
            "lstm_forward: x is float32 (2147483648, 1, 3): want (steps, n, 3) with at least one step");
    REFUSED(at_lstm_forward(net, x, &state, &small), AT_ERROR_SHAPE,
            "lstm_forward: the state is float32 (1, 1, 1): want (1, 1, 2)");
    REFUSED(at_lstm_forward(net, x, &state, &none), AT_ERROR_VALUE,
            "lstm_forward: want a state and a cell, or neither");
    ck_assert_ptr_null(none);
    at_module_free(&net->module);
}

BALANCED_TEST(losses_of_other_inputs) {
    at_tensor *scores = at_zeros(2, 3), *classes = at_from_int64s((int64_t[]){0, 2}, 2);
    REFUSED(at_cross_entropy_loss(scores, classes, AT_MEAN, .label_smoothing = -1), AT_ERROR_VALUE,
            "cross_entropy_loss: label_smoothing is -1: want 0 <= label_smoothing <= 1");
    REFUSED(at_cross_entropy_loss(at_scalar(1), classes, AT_MEAN), AT_ERROR_SHAPE,
            "cross_entropy_loss: input float32 () and target int64 (2): want floating-point (n, classes, ...) or "
            "(classes), and int64 class indices of the same shape without the classes");
    REFUSED(at_cross_entropy_loss(at_zeros(3, 3), classes, AT_MEAN), AT_ERROR_SHAPE,
            "cross_entropy_loss: input float32 (3, 3) and target int64 (2): want floating-point (n, classes, ...) or "
            "(classes), and int64 class indices of the same shape without the classes");
    REFUSED(at_cross_entropy_loss(at_to(scores, AT_INT64), classes, AT_MEAN), AT_ERROR_SHAPE,
            "cross_entropy_loss: input int64 (2, 3) and target int64 (2): want floating-point (n, classes, ...) or "
            "(classes), and int64 class indices of the same shape without the classes");
    at_tensor *whole = at_to(scores, AT_INT64), *parts = at_full(0.5, 2, 3); /* one of two may be whole */
    ck_assert_double_eq(at_item(at_mse_loss(whole, parts, AT_MEAN)), 0.25);
    at_tensor *nothing = at_cross_entropy_loss(at_zeros(0, 3), at_to(at_zeros(0), AT_INT64), AT_SUM);
    ck_assert_double_eq(at_item(nothing), 0);
}

/* A parameter whose name was taken away is named anew as a part of something larger. */
BALANCED_TEST(parts_without_a_name) {
    at_linear *part = at_linear_new(1, 1);
    at_module *whole = at_module_new(sizeof *whole, "Whole");
    ck_assert(at_set_name(part->bias, NULL));
    ck_assert(at_module_child(whole, "part", &part->module));
    ck_assert_str_eq(at_name(part->weight), "part.weight");
    ck_assert_str_eq(at_name(part->bias), "part.bias");
    at_module *none = NULL;
    REFUSED(at_module_own(whole, "none", &none), AT_ERROR_VALUE, "Whole: none is NULL");
    REFUSED(at_module_own(NULL, "none", &none), AT_ERROR_VALUE, "module_own: none is NULL");
    REFUSED(at_module_own(whole, "none", NULL), AT_ERROR_VALUE, "module_own: slot is NULL");
    at_module_free(whole);
}

/* The parameters up to the one that cannot be set are set; the others are left alone. */
BALANCED_TEST(what_is_no_leaf_cannot_be_frozen) {
    at_linear *a = at_linear_new(1, 1), *b = at_linear_new(1, 1);
    at_module *whole = at_module_new(sizeof *whole, "Whole");
    ck_assert(at_module_child(whole, "a", &a->module) && at_module_child(whole, "b", &b->module));
    at_assign(&a->weight, at_mul(a->weight, 2));
    REFUSED(at_module_set_requires_grad(whole, false), AT_ERROR_STATE,
            "set_requires_grad: float32 (1, 1) is the result of mul: only leaves can be set (at_detach gives one)");
    ck_assert(at_requires_grad(b->weight));
    at_module_free(whole);
}

Suite *modules_suite(void);

Suite *modules_suite(void) {
    Suite *suite = suite_create("modules");
    TCase *layers = tcase_create("layers");
    tcase_add_test(layers, a_sequence_applies_its_layers);
    tcase_add_test(layers, every_layer_of_one_tensor_can_be_in_a_sequence);
    tcase_add_test(layers, a_list_that_fails_frees_what_it_was_given);
    tcase_add_test(layers, a_part_has_one_owner);
    tcase_add_test(layers, wrong_inputs_of_linear);
    tcase_add_test(layers, embedding);
    tcase_add_test(layers, layer_norm);
    tcase_add_test(layers, dropout);
    tcase_add_test(layers, losses_at_the_ends_of_the_range);
    tcase_add_test(layers, shared_parameters_are_listed_once);
    tcase_add_test(layers, losses_of_wrong_classes);
    tcase_add_test(layers, every_shape_of_masked_cross_entropy_is_checked);
    tcase_add_test(layers, masked_cross_entropy_hides_what_lies_beyond);
    tcase_add_test(layers, options_of_layers);
    tcase_add_test(layers, layers_without_inputs_or_outputs);
    tcase_add_test(layers, more_inputs_that_do_not_fit);
    tcase_add_test(layers, losses_of_other_inputs);
    suite_add_tcase(suite, layers);
    TCase *state = tcase_create("state");
    tcase_add_test(state, a_shared_parameter_counts_once);
    tcase_add_test(state, names_and_places_of_parts);
    tcase_add_test(state, paths);
    tcase_add_test(state, frozen_parameters_are_not_trained);
    tcase_add_test(state, train_and_eval_reach_all_children);
    tcase_add_test(state, summary);
    tcase_add_test(state, modules_are_printed);
    tcase_add_test(state, a_path_can_be_too_long);
    tcase_add_test(state, parts_without_a_name);
    tcase_add_test(state, what_is_no_leaf_cannot_be_frozen);
    suite_add_tcase(suite, state);
    TCase *init = tcase_create("init");
    tcase_add_test(init, wrong_initial_values_change_nothing);
    tcase_add_test(init, initial_values_of_float64);
    tcase_add_test(init, bounds_of_initial_values);
    suite_add_tcase(suite, init);
    TCase *attention = tcase_create("attention");
    tcase_add_test(attention, masked_softmax_hides_what_does_not_count);
    tcase_add_test(attention, wrong_inputs_of_attention);
    tcase_add_test(attention, sizes_that_are_missing);
    tcase_add_test(attention, every_shape_of_attention_is_checked);
    tcase_add_test(attention, a_decoder_sees_nothing_later);
    suite_add_tcase(suite, attention);
    TCase *nothing = tcase_create("nothing");
    tcase_add_test(nothing, attention_of_nothing);
    tcase_add_test(nothing, transformers_of_nothing);
    tcase_add_test(nothing, layers_of_nothing);
    tcase_add_test(nothing, losses_of_nothing);
    tcase_add_test(nothing, modules_of_nothing);
    suite_add_tcase(suite, nothing);
    TCase *gradients = tcase_create("gradients");
    tcase_add_test(gradients, gradients_of_modules);
    suite_add_tcase(suite, gradients);
    TCase *recurrent = tcase_create("recurrent");
    tcase_add_test(recurrent, two_halves_are_one_sequence);
    tcase_add_test(recurrent, every_shape_of_a_recurrent_network_is_checked);
    tcase_add_test(recurrent, wrong_inputs_of_recurrent_networks);
    suite_add_tcase(suite, recurrent);
    return suite;
}
