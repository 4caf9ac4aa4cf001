/* optim/rmsprop.c - RMSprop. */
#include "internal.h"

static bool complete(const char *name, op_settings *settings) {
    at_rmsprop_options *s = &settings->rmsprop;
    if (s->lr == 0) s->lr = 1e-2;
    if (s->alpha == 0) s->alpha = 0.99;
    if (s->epsilon == 0) s->epsilon = 1e-8;
    return op_check_fraction(name, "alpha", s->alpha) && op_check_not_negative(name, "epsilon", s->epsilon) &&
           op_check_not_negative(name, "momentum", s->momentum) &&
           op_check_not_negative(name, "weight_decay", s->weight_decay);
}

enum { SQUARES, MOMENTUM, MEAN };

static at_tensor *update(const op_settings *settings, int64_t step, at_tensor *p, at_tensor *g, at_tensor *const *state,
                         at_tensor **new_state) {
    (void)step;
    const at_rmsprop_options *s = &settings->rmsprop;
    at_tensor *d = s->maximize ? at_neg(g) : g;
    if (s->weight_decay != 0) d = at_add(d, at_mul(p, s->weight_decay));
    at_tensor *squares = at_mul(at_square(d), 1 - s->alpha), *mean = s->centered ? at_mul(d, 1 - s->alpha) : NULL;
    if (state[SQUARES]) squares = at_add(at_mul(state[SQUARES], s->alpha), squares);
    if (mean && state[MEAN]) mean = at_add(at_mul(state[MEAN], s->alpha), mean);
    new_state[SQUARES] = squares = op_keep(squares);
    if (mean) new_state[MEAN] = mean = op_keep(mean);
    if (s->centered) squares = at_sub(squares, at_square(mean)); /* the variance */
    at_tensor *change = at_div(d, at_add(at_sqrt(squares), s->epsilon));
    if (s->momentum != 0) {
        if (state[MOMENTUM]) change = at_add(at_mul(state[MOMENTUM], s->momentum), change);
        new_state[MOMENTUM] = change = op_keep(change);
    }
    return op_keep(at_sub(p, at_mul(change, s->lr)));
}

static const char *const state_names[OP_STATES] = {"square_avg", "momentum_buffer", "grad_avg"};

/* clang-format off */
static const op_field rmsprop_settings[] = {
    OP_SETTING(rmsprop, lr, OP_REAL), OP_SETTING(rmsprop, alpha, OP_REAL), OP_SETTING(rmsprop, epsilon, OP_REAL),
    OP_SETTING(rmsprop, momentum, OP_REAL), OP_SETTING(rmsprop, weight_decay, OP_REAL),
    OP_SETTING(rmsprop, centered, OP_FLAG), OP_SETTING(rmsprop, maximize, OP_FLAG),
    {NULL, OP_REAL, 0}
};
/* clang-format on */

static const op_kind rmsprop = {"rmsprop", "rmsprop_add_group", update, complete, state_names, rmsprop_settings};

at_optimizer *at_rmsprop_with(at_rmsprop_options options) {
    return op_optimizer_new(&rmsprop, (op_settings){.rmsprop = options});
}

bool at_rmsprop_add_group_with(at_optimizer *optimizer, at_rmsprop_options options) {
    return op_add_group(&rmsprop, optimizer, (op_settings){.rmsprop = options});
}
