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

const reference_operation reference_layers[] = {
    REFERENCE_ROW(linear) REFERENCE_ROW(sequential) REFERENCE_ROW(init){NULL, NULL},
};
