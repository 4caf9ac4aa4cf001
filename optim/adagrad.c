/* optim/adagrad.c - Adagrad. */
#include "internal.h"

static bool complete(const char *name, op_settings *settings) {
    at_adagrad_options *s = &settings->adagrad;
    if (s->lr == 0) s->lr = 1e-2;
    if (s->epsilon == 0) s->epsilon = 1e-10;
    return op_check_not_negative(name, "epsilon", s->epsilon) && op_check_not_negative(name, "lr_decay", s->lr_decay) &&
           op_check_not_negative(name, "initial_accumulator_value", s->initial_accumulator_value) &&
           op_check_not_negative(name, "weight_decay", s->weight_decay);
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

/* clang-format off */
static const op_field adagrad_settings[] = {
    OP_SETTING(adagrad, lr, OP_REAL), OP_SETTING(adagrad, lr_decay, OP_REAL), OP_SETTING(adagrad, weight_decay, OP_REAL),
    OP_SETTING(adagrad, initial_accumulator_value, OP_REAL), OP_SETTING(adagrad, epsilon, OP_REAL),
    OP_SETTING(adagrad, maximize, OP_FLAG),
    {NULL, OP_REAL, 0}
};
/* clang-format on */

static const op_kind adagrad = {"adagrad", "adagrad_add_group", update, complete, state_names, adagrad_settings};

at_optimizer *at_adagrad_with(at_adagrad_options options) {
    return op_optimizer_new(&adagrad, (op_settings){.adagrad = options});
}

bool at_adagrad_add_group_with(at_optimizer *optimizer, at_adagrad_options options) {
    return op_add_group(&adagrad, optimizer, (op_settings){.adagrad = options});
}
