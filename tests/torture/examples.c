/* tests/torture/examples.c - the examples' programs, shrunk: the same calls in the same order. As there, calls nest, NULL
 * goes through them, and only the end is looked at. Figures go nowhere; files have scenarios of their own. */
#include <stdlib.h>
#include <string.h>

#include "torture.h"

static const char NOWHERE[] = "/dev/null";

/* Each begins so, and may call anything. */
static void begin(void) {
    calling("*");
    at_manual_seed(0);
}

static void note(double number) { result_bytes(&number, sizeof number); }

/* ---- linear_regression, regression_suite ------------------------------------------------------------------------- */

static bool linear_regression(fixture *f) {
    (void)f;
    begin();
    at_tensor *X = at_randn(20, 2), *true_w = at_from_floats(((float[]){2, -3.4f}), 2);
    at_tensor *y = at_add(at_add(at_matmul(X, true_w), 4.2), at_normal(0, 0.1, 20));
    at_tensor *parameters[] = {at_set_requires_grad(at_zeros(2), true), at_set_requires_grad(at_zeros(1), true)};
    at_optimizer *trainer = at_sgd((at_parameter_list){2, parameters}, .lr = 0.2);
    for (int epoch = 0; epoch < 2; epoch++)
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *loss = at_mse_loss(at_add(at_matmul(X, parameters[0]), parameters[1]), y, AT_MEAN);
            at_backward(loss);
            at_optimizer_step(trainer);
            note(at_item(loss));
        }
    note(at_get(parameters[0], 1));
    at_optimizer_free(trainer);
    return !at_error();
}

typedef struct {
    at_module module;
    at_tensor *w, *b;
} affine;

static affine *new_affine(at_tensor *w, at_tensor *b) {
    affine *self = at_module_new(sizeof *self, "Linear");
    if (self && at_module_parameter(&self->module, "w", &self->w, w) &&
        at_module_parameter(&self->module, "b", &self->b, b))
        return self;
    if (self) at_module_free(&self->module);
    return NULL;
}

static at_tensor *loss_of(at_tensor **inputs, int n, void *context) {
    (void)n, (void)context;
    return at_mse_loss(at_add(at_matmul(inputs[0], inputs[1]), inputs[2]), inputs[3], AT_MEAN);
}

static void prepare_snapshot(fixture *f) {
    (void)f;
    at_save_npy(at_zeros(2), in_folder("linear_w.npy"));
}

static bool regression_suite(fixture *f) {
    (void)f;
    begin();
    at_tensor *X = at_randn(5, 2), *y = at_randn(5);
    affine *net = new_affine(at_zeros(2), at_zeros(1));
    if (!net) return false;
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = 0.1, .momentum = 0.9);
    at_tensor *losses[2];
    for (int step = 0; step < 2; step++) {
        at_optimizer_zero_grad(trainer);
        at_tensor *loss = loss_of((at_tensor *[]){X, net->w, net->b, y}, 4, NULL);
        at_backward(loss);
        at_optimizer_step(trainer);
        losses[step] = at_detach(loss);
    }
    result(at_stack_list(0, losses, 2));
    at_snapshot(in_folder("."), "linear_w", net->w, 0, 10);
    at_check_close(net->w, at_zeros(2), 0, 10);
    at_tensor *inputs[] = {at_to(X, AT_FLOAT64), at_from_doubles(((double[]){1, -2}), 2), at_to(at_ones(1), AT_FLOAT64),
                           at_to(y, AT_FLOAT64)};
    at_set_requires_grad(inputs[1], true);
    at_set_requires_grad(inputs[2], true);
    at_gradcheck(loss_of, inputs, 4, NULL);
    at_optimizer_free(trainer);
    at_module_free(&net->module);
    return !at_error();
}

/* ---- first_steps, how_autodiff_works ----------------------------------------------------------------------------- */

static at_tensor *x_sin_wx(at_tensor **inputs, int n, void *context) {
    (void)n, (void)context;
    return at_mul(inputs[0], at_sin(at_mul(inputs[1], inputs[0])));
}

static bool first_steps(fixture *f) {
    (void)f;
    begin();
    at_set_default_dtype(AT_FLOAT64);
    at_tensor *x = at_set_requires_grad(at_scalar(1.5), true);
    at_tensor *w = at_set_requires_grad(at_scalar(2), true), *inputs[] = {x, w};
    at_set_default_dtype(AT_FLOAT32);
    at_tensor *y = x_sin_wx(inputs, 2, NULL), *slope = NULL, *curvature = NULL;
    at_backward(y);
    note(at_item(at_grad(x)));
    at_gradients(y, &x, 1, true, &slope);
    at_gradients(slope, &x, 1, false, &curvature);
    (at_gradcheck)(x_sin_wx, inputs, 2, NULL);
    (at_gradgradcheck)(x_sin_wx, inputs, 2, NULL);
    return !at_error() && result(curvature);
}

static at_tensor *sum_of_squares(at_tensor **inputs, int n, void *context) {
    (void)n, (void)context;
    return at_sum(at_mul(inputs[0], at_square(at_mul(inputs[1], inputs[0]))));
}

static bool how_autodiff_works(fixture *f) {
    (void)f;
    begin();
    FILE *nowhere = fopen(NOWHERE, "w");
    at_set_default_dtype(AT_FLOAT64);
    at_tensor *x = at_set_name(at_set_requires_grad(at_linspace(1, 3, 3), true), "x");
    at_tensor *w = at_set_name(at_set_requires_grad(at_scalar(0.5), true), "w");
    at_set_default_dtype(AT_FLOAT32);
    at_tensor *y = sum_of_squares((at_tensor *[]){x, w}, 2, NULL), *slope = NULL, *curvature = NULL;
    at_graph_print(nowhere, y);
    at_backward_trace(nowhere, y);
    at_fprint(nowhere, at_grad(x));
    at_gradients(y, &w, 1, true, &slope);
    at_gradients(slope, &w, 1, false, &curvature);
    fclose(nowhere);
    return !at_error() && result(curvature);
}

/* ---- nadaraya_watson, kernel_exercise, the exercises ------------------------------------------------------------- */

static at_tensor *truth(at_tensor *x) { return at_add(at_mul(2, at_sin(x)), at_pow(x, 0.8)); }

typedef struct {
    at_tensor *x, *y;
} pairs;

static pairs make_pairs(int64_t n) {
    at_tensor *x = at_sort(at_mul(at_rand(n), 5), 0, false, NULL);
    return (pairs){x, at_add(truth(x), at_normal(0, 0.5, n))};
}

static at_tensor *all_but_own(at_tensor *x, int64_t n) {
    at_tensor *off_diagonal = at_to(at_sub(1, at_eye(n)), AT_BOOL);
    return at_reshape(at_masked_select(at_repeat(x, n, 1), off_diagonal), n, -1);
}

static void step(at_optimizer *trainer, at_tensor *loss) {
    at_optimizer_zero_grad(trainer);
    at_backward(loss);
    at_optimizer_step(trainer);
    note(at_item(loss));
}

static void draw(at_tensor *x, at_tensor *y, at_tensor *by_x, at_tensor *by_y) {
    at_figure *figure = at_figure_new(.xlabel = "x", .ylabel = "y", .width = 60, .height = 50);
    at_figure_line(figure, x, y, .label = "Pred", .dashed = true);
    at_figure_points(figure, by_x, by_y, .alpha = 0.5, .color = "C1");
    if (!at_error()) at_figure_save(figure, NOWHERE);
    at_figure_free(figure);
}

static void draw_weights(at_tensor *matrices) {
    static const char *const titles[] = {"one", "two"};
    if (!at_error())
        at_show_heatmaps(NOWHERE, matrices, .titles = titles, .xlabel = "Keys", .ylabel = "Queries", .width = 240,
                         .height = 160);
}

static bool nadaraya_watson(fixture *f) {
    (void)f;
    begin();
    const int64_t n = 6;
    pairs p = make_pairs(n);
    at_tensor *keys = all_but_own(p.x, n), *values = all_but_own(p.y, n), *x_test = at_arange(0, 5, 1);
    result(at_matmul(at_softmax(at_div(at_neg(at_square(at_sub(at_unsqueeze(x_test, 1), p.x))), 2), 1), p.y));
    result(at_bmm(at_reshape(at_ones(6), 2, 1, 3), at_reshape(at_arange(0, 6, 1), 2, 3, 1)));
    NWKernelRegression *net = at_nw_kernel_regression();
    if (!net) return false;
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = 0.5);
    AT_SCOPE
        step(trainer, at_sum(at_mse_loss((at_nw_kernel_regression_forward)(net, p.x, keys, values), p.y, AT_NONE)));
    AT_SCOPE {
        at_tensor *keys_of_all = at_repeat(p.x, 5, 1), *values_of_all = at_repeat(p.y, 5, 1);
        at_tensor *y = at_detach(at_nw_kernel_regression_forward(net, x_test, keys_of_all, values_of_all));
        draw(x_test, y, p.x, p.y);
        draw_weights(at_unsqueeze(at_unsqueeze(net->attention_weights, 0), 0));
    }
    at_optimizer_free(trainer);
    at_module_free(&net->module);
    return !at_error();
}

static bool kernel_exercise(fixture *f) {
    (void)f;
    begin();
    pairs p = make_pairs(6);
    affine *power = new_affine(at_full(0.5, 1), at_full(2, 1));
    if (!power) return false;
    at_tensor *keys = at_expand(p.x, 6, 6);
    at_optimizer *trainer = at_sgd(at_parameters(&power->module), .lr = 0.1);
    AT_SCOPE {
        at_tensor *distance = at_add(at_abs(at_mul(at_sub(at_unsqueeze(p.x, 1), keys), power->w)), 0.1);
        at_tensor *weights = at_softmax(at_div(at_neg(at_pow(distance, power->b)), 2), 1);
        step(trainer, at_mse_loss(at_sum_dim(at_mul(weights, p.y), 1, false), p.y, AT_SUM));
        draw_weights(at_unsqueeze(at_stack(0, at_detach(weights), at_detach(weights)), 0));
    }
    at_optimizer_free(trainer);
    at_module_free(&power->module);
    return !at_error();
}

static NWKernelRegression *model_of_width(double w) {
    NWKernelRegression *net = at_nw_kernel_regression();
    float *number = net ? at_floats_mut(net->w) : NULL;
    if (number) *number = (float)w;
    return net;
}

static bool exercise_bandwidth(fixture *f) {
    (void)f;
    begin();
    pairs p = make_pairs(6);
    NWKernelRegression *net = model_of_width(2);
    if (!net) return false;
    at_optimizer *trainer = at_adam(at_parameters(&net->module), .lr = 0.02);
    AT_SCOPE {
        at_tensor *y = NULL;
        AT_NO_GRAD {
            y = at_nw_kernel_regression_forward(net, p.x, p.x, p.y, .leave_one_out = true, .fused = true);
            note(at_item(at_mse_loss(y, p.y, AT_MEAN)));
        }
        y = at_nw_kernel_regression_forward(net, p.x, p.x, p.y, .leave_one_out = true, .fused = true);
        step(trainer, at_mse_loss(y, p.y, AT_MEAN));
    }
    note(at_item(at_max(p.x)) - at_item(at_min(p.x)));
    draw(p.x, p.y, at_scalar(1), at_scalar(at_item(net->w)));
    at_optimizer_free(trainer);
    at_module_free(&net->module);
    return !at_error();
}

static bool exercise_more_data(fixture *f) {
    (void)f;
    begin();
    pairs p = make_pairs(6);
    NWKernelRegression *net = model_of_width(4);
    if (!net) return false;
    at_optimizer *trainer = at_adam(at_parameters(&net->module), .lr = 0.3, .beta2 = 0.9);
    at_schedule *schedule = at_cosine_lr(trainer, 2, 0);
    AT_SCOPE {
        at_tensor *y = at_nw_kernel_regression_forward(net, p.x, p.x, p.y, .leave_one_out = true);
        step(trainer, at_mse_loss(y, p.y, AT_MEAN));
        if (schedule) at_schedule_step(schedule);
    }
    AT_SCOPE {
        at_tensor *x_test = at_arange(0, 5, 1);
        at_tensor *y = at_nw_kernel_regression_forward(net, x_test, p.x, p.y, .fused = true);
        note(at_item(at_mse_loss(at_detach(y), truth(x_test), AT_MEAN)));
    }
    at_schedule_free(schedule);
    at_optimizer_free(trainer);
    at_module_free(&net->module);
    return !at_error();
}

/* Figures side by side, and freed whatever has become of them. */
static void draw_row(at_figure *const *figures, int n) {
    if (!at_error()) at_show_figures(NOWHERE, figures, 1, n, .share_y = true);
    for (int i = 0; i < n; i++) at_figure_free(figures[i]);
}

static bool exercise_sharpness(fixture *f) {
    (void)f;
    begin();
    pairs p = make_pairs(6);
    at_figure *figures[2] = {NULL};
    at_tensor *weights[2] = {NULL};
    for (int i = 0; i < 2; i++) {
        NWKernelRegression *net = model_of_width(4 * i + 1);
        if (!net) break;
        at_tensor *y = at_detach(at_nw_kernel_regression_forward(net, p.x, p.x, p.y));
        weights[i] = at_mul(net->attention_weights, 1);
        note(at_item(at_mean(at_reciprocal(at_sum_dim(at_square(weights[i]), 1, false)))));
        figures[i] = at_figure_new(.xlabel = "x", .xlim = {0, 5}, .ylim = {-1, 5}, .width = 60, .height = 50);
        at_figure_line(figures[i], p.x, y, .label = "Pred", .style = "m--");
        at_module_free(&net->module);
    }
    draw_row(figures, 2);
    draw_weights(at_unsqueeze(at_stack(0, weights[0], weights[1]), 0));
    return !at_error();
}

/* ---- kernels, positional_encoding -------------------------------------------------------------------------------- */

static bool kernels(fixture *f) {
    (void)f;
    begin();
    pairs p = make_pairs(6);
    at_figure *figures[2];
    at_tensor *matrices[2], *x = at_arange(0, 5, 1);
    for (int i = 0; i < 2; i++) {
        at_tensor *distances = at_sub(at_unsqueeze(x, 1), at_unsqueeze(p.x, 0));
        at_tensor *counts =
            i ? at_to(at_lt(at_abs(distances), 3), AT_FLOAT32) : at_exp(at_div(at_neg(at_square(distances)), 2));
        matrices[i] = at_div(counts, at_sum_dim(counts, 1, true));
        at_tensor *y = at_matmul(matrices[i], p.y);
        note(at_item(at_mse_loss(y, truth(x), AT_MEAN)));
        figures[i] = at_figure_new(.xlabel = "Kernel", .width = 60, .height = 60);
        at_figure_line(figures[i], x, y, .label = "y_hat");
    }
    draw_row(figures, 2);
    draw_weights(at_unsqueeze(at_stack(0, matrices[0], matrices[1]), 0));
    return !at_error();
}

static bool positional_encoding(fixture *f) {
    (void)f;
    begin();
    at_positional_encoding *encoding = at_positional_encoding_new(4, 0, 10);
    if (!encoding) return false;
    at_eval(&encoding->module);
    at_tensor *p = at_select(at_positional_encoding_forward(encoding, at_zeros(1, 6, 4)), 0, 0);
    at_tensor *products = at_matmul(p, at_transpose(p, 0, 1)), *position = at_arange(0, 6, 1);
    draw(position, at_select(p, 1, 2), position, at_select(p, 1, 3));
    note(at_get(products, 0, 5));
    at_module_free(&encoding->module);
    return !at_error();
}

/* ---- attention_cues, attention_scoring --------------------------------------------------------------------------- */

static bool attention_cues(fixture *f) {
    (void)f;
    begin();
    at_tensor *weights[] = {at_eye(4), at_full(0.25, 4, 4)};
    for (int i = 0; i < 2; i++) {
        at_tensor *rows = at_sum_dim(weights[i], 1, false);
        note(at_item(at_min(rows)) + at_item(at_max(rows)) + at_item(at_max(weights[i])));
    }
    draw_weights(at_reshape(weights[0], 1, 1, 4, 4));
    return !at_error();
}

static bool attention_scoring(fixture *f) {
    (void)f;
    static const int64_t of_sentences[] = {2, 3}, of_queries[] = {1, 3, 2, 4};
    begin();
    at_tensor *keys = at_ones(2, 10, 2), *values = at_repeat(at_reshape(at_arange(0, 40, 1), 1, 10, 4), 2, 1, 1);
    at_tensor *lengths = at_from_int64s(of_sentences, 2);
    at_tensor *first = at_masked_softmax(at_rand(2, 2, 4), lengths);
    at_tensor *second = at_masked_softmax(at_rand(2, 2, 4), at_from_int64s(of_queries, 2, 2));
    result(at_stack(0, first, second));
    at_additive_attention *additive = at_additive_attention_new(2, 20, 8, .dropout = 0.1);
    at_dot_product_attention *dot = at_dot_product_attention_new(0.5);
    if (additive && dot) {
        at_eval(&additive->module);
        at_eval(&dot->module);
        result(at_additive_attention_forward(additive, at_normal(0, 1, 2, 1, 20), keys, values, lengths));
        result(at_dot_product_attention_forward(dot, at_normal(0, 1, 2, 1, 2), keys, values, lengths));
        result(at_reshape(additive->attention_weights, 2, 10));
    }
    at_module_free(additive ? &additive->module : NULL);
    at_module_free(dot ? &dot->module : NULL);
    return !at_error();
}

/* ---- digits ------------------------------------------------------------------------------------------------------ */

typedef struct {
    at_module module;
    at_linear *hidden, *output;
} perceptron;

static perceptron *new_perceptron(void) {
    perceptron *net = at_module_new(sizeof *net, "Perceptron");
    if (net && at_child(net, hidden, at_linear_new(4, 3)) && at_child(net, output, at_linear_new(3, 2))) return net;
    if (net) at_module_free(&net->module);
    return NULL;
}

static at_tensor *scores_of(perceptron *net, at_tensor *images) {
    return at_linear_forward(net->output, at_relu(at_linear_forward(net->hidden, images)));
}

static void prepare_digits(fixture *f) {
    (void)f;
    static const char text[] = "1,2,3,4,0\n5,6,7,8,1\n9,10,11,12,0\n13,14,15,16,1\n";
    at_write_file("digits", in_folder("digits.csv"), &(at_contents){.body = text, .body_bytes = strlen(text)});
}

static bool digits(fixture *f) {
    (void)f;
    begin();
    at_tensor *table = at_load_csv(in_folder("digits.csv"));
    perceptron *net = new_perceptron();
    if (!net) return false;
    table = at_index_select(table, 0, at_randperm(4));
    at_tensor *images = at_contiguous(at_div(at_slice(table, 1, 0, 4, 1), 16));
    at_tensor *labels = at_contiguous(at_to(at_select(table, 1, 4), AT_INT64));
    at_optimizer *trainer = at_adam(at_parameters(&net->module), .lr = 2e-3);
    AT_SCOPE {
        at_tensor *rows = at_slice(at_randperm(4), 0, 0, 2, 1), *some = at_index_select(images, 0, rows);
        step(trainer, at_cross_entropy_loss(scores_of(net, some), at_index_select(labels, 0, rows), AT_MEAN));
    }
    AT_NO_GRAD
        AT_SCOPE {
            at_tensor *scores = scores_of(net, images), *right = at_eq(at_argmax(scores, 1, false), labels);
            note(at_item(at_cross_entropy_loss(scores, labels, AT_MEAN)) + at_item(at_sum(right)));
        }
    draw_weights(at_reshape(at_slice(images, 0, 0, 2, 1), 1, 2, 2, 2));
    at_optimizer_free(trainer);
    at_module_free(&net->module);
    return !at_error();
}

/* ---- bahdanau_attention, transformer ----------------------------------------------------------------------------- */

enum { TOKENS = 5, STEPS = 2, SOURCE_STEPS = 3 };

/* Clipped steps on a batch of two, a learning rate that falls, and the tokens that are given in training. */
typedef struct {
    at_tensor *source, *lengths, *target, *known;
} batch;

static batch make_batch(void) {
    static const int64_t lengths[] = {3, 2};
    batch b = {at_randint(0, TOKENS, 2, SOURCE_STEPS), at_from_int64s(lengths, 2), at_randint(0, TOKENS, 2, STEPS),
               NULL};
    at_tensor *begin_token = at_add(at_mul(at_slice(b.target, 1, 0, 1, 1), 0), 1);
    b.known = at_cat(1, begin_token, at_slice(b.target, 1, 0, STEPS - 1, 1));
    return b;
}

static void train_translator(at_module *net, at_optimizer *trainer, at_tensor *scores, const batch *b) {
    at_tensor *loss = at_cross_entropy_loss(at_reshape(scores, -1, TOKENS), at_flatten(b->target), AT_MEAN);
    at_optimizer_zero_grad(trainer);
    at_backward(loss);
    at_clip_grad_norm(at_parameters(net), 1);
    at_optimizer_step(trainer);
    note(at_item(loss));
}

typedef struct {
    at_module module;
    at_embedding *embedding;
    at_gru *encoder, *decoder;
    at_additive_attention *attention;
    at_linear *dense;
} seq2seq;

static seq2seq *new_seq2seq(void) {
    seq2seq *net = at_module_new(sizeof *net, "Seq2Seq");
    if (net && at_child(net, embedding, at_embedding_new(TOKENS, 2)) && at_child(net, encoder, at_gru_new(2, 2)) &&
        at_child(net, decoder, at_gru_new(4, 2)) && at_child(net, attention, at_additive_attention_new(2, 2, 2)) &&
        at_child(net, dense, at_linear_new(2, TOKENS)))
        return net;
    if (net) at_module_free(&net->module);
    return NULL;
}

static at_tensor *decode(seq2seq *net, at_tensor *encoded, at_tensor *lengths, at_tensor *tokens, at_tensor **state) {
    at_tensor *query = at_transpose(*state, 0, 1);
    at_tensor *context = at_additive_attention_forward(net->attention, query, encoded, encoded, lengths);
    at_tensor *x = at_cat(2, context, at_embedding_forward(net->embedding, tokens));
    return at_transpose(at_gru_forward(net->decoder, at_transpose(x, 0, 1), state), 0, 1);
}

static bool bahdanau_attention(fixture *f) {
    (void)f;
    begin();
    batch b = make_batch();
    seq2seq *net = new_seq2seq();
    if (!net) return false;
    at_optimizer *trainer = at_adam(at_parameters(&net->module), .lr = 3e-3);
    at_tensor *state = NULL, *states[STEPS];
    AT_SCOPE {
        at_tensor *x = at_transpose(at_embedding_forward(net->embedding, b.source), 0, 1);
        at_tensor *encoded = at_contiguous(at_transpose(at_gru_forward(net->encoder, x, &state), 0, 1));
        for (int i = 0; i < STEPS; i++)
            states[i] = decode(net, encoded, b.lengths, at_slice(b.known, 1, i, i + 1, 1), &state);
        at_tensor *scores = at_linear_forward(net->dense, at_cat_list(1, states, STEPS));
        train_translator(&net->module, trainer, scores, &b);
        result(at_argmax(at_detach(scores), -1, false));
        result(at_detach(net->attention->attention_weights));
    }
    at_optimizer_free(trainer);
    at_module_free(&net->module);
    return !at_error();
}

typedef struct {
    at_module module;
    at_transformer_encoder *encoder;
    at_transformer_decoder *decoder;
} translator;

static translator *new_transformer(void) {
    const at_transformer_options options =
        {.hiddens = 2, .ffn_hiddens = 2, .heads = 1, .layers = 1, .vocabulary = TOKENS, .longest = SOURCE_STEPS};
    translator *net = at_module_new(sizeof *net, "Transformer");
    if (net && at_child(net, encoder, at_transformer_encoder_new_with(options)) &&
        at_child(net, decoder, at_transformer_decoder_new_with(options)) &&
        at_init_normal(net->encoder->embedding->weight, 0, 0.7))
        return net;
    if (net) at_module_free(&net->module);
    return NULL;
}

static bool transformer(fixture *f) {
    (void)f;
    begin();
    batch b = make_batch();
    translator *net = new_transformer();
    if (!net) return false;
    at_optimizer *trainer = at_adam(at_parameters(&net->module), .lr = 2e-3);
    AT_SCOPE {
        at_tensor *encoded = at_transformer_encoder_forward(net->encoder, b.source, b.lengths);
        at_tensor *scores = at_transformer_decoder_forward(net->decoder, b.known, encoded, b.lengths);
        train_translator(&net->module, trainer, scores, &b);
    }
    AT_NO_GRAD
        AT_SCOPE {
            at_eval(&net->module);
            at_tensor *encoded = at_transformer_encoder_forward(net->encoder, b.source, b.lengths);
            at_tensor *y =
                at_transformer_decoder_forward(net->decoder, at_slice(b.known, 1, 0, 1, 1), encoded, b.lengths);
            result(at_cat(1, b.known, at_argmax(y, -1, false)));
            at_transformer_decoder_block *block = (at_transformer_decoder_block *)net->decoder->blocks->items[0];
            result(at_slice(block->attention2->attention->attention_weights, 2, 0, 2, 1));
        }
    at_optimizer_free(trainer);
    at_module_free(&net->module);
    return !at_error();
}

void torture_examples(void) {
    static const scenario all[] = {{"examples linear_regression", NULL, linear_regression, NULL},
                                   {"examples regression_suite", prepare_snapshot, regression_suite, NULL},
                                   {"examples first_steps", NULL, first_steps, NULL},
                                   {"examples how_autodiff_works", NULL, how_autodiff_works, NULL},
                                   {"examples nadaraya_watson", NULL, nadaraya_watson, NULL},
                                   {"examples kernel_exercise", NULL, kernel_exercise, NULL},
                                   {"examples exercise_bandwidth", NULL, exercise_bandwidth, NULL},
                                   {"examples exercise_more_data", NULL, exercise_more_data, NULL},
                                   {"examples exercise_sharpness", NULL, exercise_sharpness, NULL},
                                   {"examples kernels", NULL, kernels, NULL},
                                   {"examples positional_encoding", NULL, positional_encoding, NULL},
                                   {"examples attention_cues", NULL, attention_cues, NULL},
                                   {"examples attention_scoring", NULL, attention_scoring, NULL},
                                   {"examples digits", prepare_digits, digits, NULL},
                                   {"examples bahdanau_attention", NULL, bahdanau_attention, NULL},
                                   {"examples transformer", NULL, transformer, NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) torture(&all[i]);
}
