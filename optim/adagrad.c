/* optim/adagrad.c - Adagrad. */
#include "internal.h"

static bool complete(at_adagrad_options *s) {
    if (s->lr == 0) s->lr = 1e-2;
    if (s->epsilon == 0) s->epsilon = 1e-10;
    return op_check_not_negative("adagrad", "epsilon", s->epsilon) &&
           op_check_not_negative("adagrad", "lr_decay", s->lr_decay) &&
           op_check_not_negative("adagrad", "initial_accumulator_value", s->initial_accumulator_value) &&
           op_check_not_negative("adagrad", "weight_decay", s->weight_decay);
}

static at_tensor *update(const op_settings *settings, int64_t step, at_tensor *p, at_tensor *g, at_tensor *const *state,
                         at_tensor **new_state) {
    const at_adagrad_options *s = &settings->adagrad;
    at_tensor *d = s->maximize ? at_neg(g) : g, *sum;
    if (s->weight_decay != 0) d = at_add(d, at_mul(p, s->weight_decay));
    sum = state[0] ? at_add(state[0], at_square(d)) : at_add(at_square(d), s->initial_accumulator_value);
    new_state[0] = sum = op_keep(sum);
    double lr = s->lr / (1 + (double)(step - 1) * s->lr_decay);
    return op_keep(at_sub(p, at_mul(at_div(d, at_add(at_sqrt(sum), s->epsilon)), lr)));
}

static const char *const state_names[OP_STATES] = {"sum"};

at_optimizer *at_adagrad_with(at_adagrad_options options) {
    if (!complete(&options)) return NULL;
    return op_optimizer_new("adagrad", update, state_names, &(op_settings){.adagrad = options});
}

bool at_adagrad_add_group_with(at_optimizer *optimizer, at_adagrad_options options) {
    return complete(&options) && op_add_group("adagrad", optimizer, &(op_settings){.adagrad = options});
}
