/* tests/reference_layers.c - steps of reference cases that make a layer from a seed and apply it. */
#include "reference_call.h"

void reference_module(call *c, at_module *module, at_tensor *y) {
    at_parameter_list list = at_parameters(module);
    if (1 + 2 * list.count > MAX_RESULTS) ck_abort_msg("too many parameters: %s", c->line);
    at_tensor **parameters = c->result + 1, **gradients = parameters + list.count;
    c->result[0] = y;
    for (int i = 0; i < list.count; i++) parameters[i] = at_detach(list.items[i]);
    at_tensor *weights = at_cos(at_reshape_shape(at_arange(0, (double)at_numel(y), 1), at_shape_of(y)));
    if (list.count > 0) at_gradients(at_sum(at_mul(y, weights)), list.items, list.count, false, gradients);
    at_module_free(module);
}

static uint64_t seed(const call *c) { return (uint64_t)integer(c, "seed"); }

static void run_linear(call *c) {
    at_manual_seed(seed(c));
    at_linear *layer = at_linear_new(integer(c, "inputs"), integer(c, "outputs"), .no_bias = !flag(c, "bias"));
    if (layer) reference_module(c, &layer->module, at_linear_forward(layer, tensor(c, 0)));
}

/* Two layers with a function between them. */
static void run_sequential(call *c) {
    at_manual_seed(seed(c));
    at_module_list *net = at_sequential_new(at_linear_new(integer(c, "inputs"), 5), at_activation_new("Tanh", at_tanh),
                                            at_linear_new(5, integer(c, "outputs")));
    if (net) reference_module(c, &net->module, at_forward(&net->module, tensor(c, 0)));
}

static void run_embedding(call *c) {
    at_manual_seed(seed(c));
    at_embedding *layer = at_embedding_new(integer(c, "entries"), integer(c, "size"), .has_padding = flag(c, "padded"),
                                           .padding_index = integer(c, "padding"));
    if (layer) reference_module(c, &layer->module, at_embedding_forward(layer, tensor(c, 0)));
}

/* With other weights than ones and zeros. */
static void run_layer_norm(call *c) {
    at_layer_norm *layer = at_layer_norm_new_shape(shape(c));
    if (!layer) return;
    at_manual_seed(seed(c));
    at_init_normal(layer->weight, 1, 1);
    at_init_normal(layer->bias, 0, 1);
    reference_module(c, &layer->module, at_layer_norm_forward(layer, tensor(c, 0)));
}

static void run_dropout(call *c) {
    at_manual_seed(seed(c));
    at_dropout_layer *layer = at_dropout_new(real(c, "p"));
    if (layer && flag(c, "eval")) at_eval(&layer->module);
    c->result[0] = at_dropout_forward(layer, tensor(c, 0));
    c->result[1] = at_rand(1);
    if (layer) at_module_free(&layer->module);
}

/* Two calls, the second from the first one's state. Results: the module's for the second output; the last state. */
static void run_gru(call *c) {
    at_manual_seed(seed(c));
    at_gru *net = at_gru_new(at_size(tensor(c, 0), 2), integer(c, "hiddens"), .layers = integer(c, "layers"),
                             .dropout = real(c, "dropout"));
    at_tensor *state = NULL;
    if (!net || !at_gru_forward(net, tensor(c, 0), &state)) return;
    at_tensor *y = at_gru_forward(net, tensor(c, 0), &state);
    reference_module(c, &net->module, y);
    c->result[1 + 8 * integer(c, "layers")] = at_detach(state);
}

static void run_lstm(call *c) {
    at_manual_seed(seed(c));
    at_lstm *net = at_lstm_new(at_size(tensor(c, 0), 2), integer(c, "hiddens"), .layers = integer(c, "layers"),
                               .dropout = real(c, "dropout"));
    at_tensor *state = NULL, *cell = NULL;
    if (!net || !at_lstm_forward(net, tensor(c, 0), &state, &cell)) return;
    at_tensor *y = at_lstm_forward(net, tensor(c, 0), &state, &cell);
    reference_module(c, &net->module, y);
    c->result[1 + 8 * integer(c, "layers")] = at_detach(state);
    c->result[2 + 8 * integer(c, "layers")] = at_detach(cell);
}

/* The rows of all batches, how many each batch has, and a random number behind them. */
static void run_data_loader(call *c) {
    enum { MOST = 4096 };
    int64_t rows[MOST], sizes[MOST], n = 0, n_batches = 0;
    at_manual_seed(seed(c));
    at_tensor *x = at_to(at_arange(0, (double)integer(c, "rows"), 1), AT_INT64), **batch;
    at_data_loader *loader = at_data_loader_new(&x, 1, .batch_size = integer(c, "batch_size"),
                                                .shuffle = flag(c, "shuffle"), .drop_last = flag(c, "drop_last"));
    for (int64_t epoch = 0; epoch < integer(c, "epochs"); epoch++)
        while ((batch = at_data_loader_next(loader))) {
            sizes[n_batches++] = at_numel(batch[0]);
            for (int64_t i = 0; i < at_numel(batch[0]) && n < MOST; i++) rows[n++] = at_int64s(batch[0])[i];
        }
    if (loader) ck_assert_int_eq(n_batches, at_data_loader_batches(loader) * integer(c, "epochs"));
    at_data_loader_free(loader);
    c->result[0] = at_from_int64s(rows, n);
    c->result[1] = at_from_int64s(sizes, n_batches);
    c->result[2] = at_rand(1);
}

static at_reduction reduction(const call *c) {
    char first = argument(c, "reduction")[0];
    return first == 'n' ? AT_NONE : first == 'm' ? AT_MEAN : AT_SUM;
}

REFERENCE_DEFINE(l1_loss, at_l1_loss(tensor(c, 0), tensor(c, 1), reduction(c)))
REFERENCE_DEFINE(huber_loss, at_huber_loss(tensor(c, 0), tensor(c, 1), real(c, "delta"), reduction(c)))
REFERENCE_DEFINE(bce_with_logits_loss, at_bce_with_logits_loss(tensor(c, 0), tensor(c, 1), reduction(c)))
REFERENCE_DEFINE(cross_entropy_loss, at_cross_entropy_loss(tensor(c, 0), tensor(c, 1), reduction(c),
                                                           .has_ignore_index = integer(c, "ignore_index") != -100,
                                                           .ignore_index = integer(c, "ignore_index"),
                                                           .label_smoothing = real(c, "label_smoothing")))
REFERENCE_DEFINE(nll_loss, at_nll_loss(tensor(c, 0), tensor(c, 1), reduction(c),
                                       .has_ignore_index = integer(c, "ignore_index") != -100,
                                       .ignore_index = integer(c, "ignore_index")))
REFERENCE_DEFINE(masked_cross_entropy_loss, at_masked_cross_entropy_loss(tensor(c, 0), tensor(c, 1), tensor(c, 2)))

/* An initialiser by name, for a tensor of that shape, and a random number behind it. */
static void run_init(call *c) {
    const char *name = argument(c, "kind");
    at_tensor *t = at_zeros_shape(shape(c));
    double a = real(c, "a"), b = real(c, "b");
    at_manual_seed(seed(c));
    c->result[0] = strncmp(name, "uniform", 7) == 0            ? at_init_uniform(t, a, b)
                   : strncmp(name, "normal", 6) == 0           ? at_init_normal(t, a, b)
                   : strncmp(name, "constant", 8) == 0         ? at_init_constant(t, a)
                   : strncmp(name, "xavier_uniform", 14) == 0  ? at_init_xavier_uniform(t, a)
                   : strncmp(name, "xavier_normal", 13) == 0   ? at_init_xavier_normal(t, a)
                   : strncmp(name, "kaiming_uniform", 15) == 0 ? at_init_kaiming_uniform(t, a)
                                                               : at_init_kaiming_normal(t, a);
    c->result[1] = at_rand(1);
}

/* clang-format off */
const reference_operation reference_layers[] = {
    REFERENCE_ROW(linear) REFERENCE_ROW(sequential) REFERENCE_ROW(init) REFERENCE_ROW(embedding)
    REFERENCE_ROW(layer_norm) REFERENCE_ROW(dropout) REFERENCE_ROW(data_loader) REFERENCE_ROW(gru) REFERENCE_ROW(lstm) REFERENCE_ROW(l1_loss) REFERENCE_ROW(huber_loss)
    REFERENCE_ROW(bce_with_logits_loss) REFERENCE_ROW(cross_entropy_loss) REFERENCE_ROW(nll_loss)
    REFERENCE_ROW(masked_cross_entropy_loss)
    {NULL, NULL}
};
/* clang-format on */
