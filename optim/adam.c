/* optim/adam.c - Adam, and AdamW, whose weight decay does not go through the moments. */
#include <math.h>

#include "internal.h"

static bool complete(const char *name, op_settings *settings) {
    at_adam_options *s = &settings->adam;
    if (s->lr == 0) s->lr = 1e-3;
    if (s->beta1 == 0) s->beta1 = 0.9;
    if (s->beta2 == 0) s->beta2 = 0.999;
    if (s->epsilon == 0) s->epsilon = 1e-8;
    return op_check_fraction(name, "beta1", s->beta1) && op_check_fraction(name, "beta2", s->beta2) &&
           op_check_not_negative(name, "epsilon", s->epsilon) &&
           op_check_not_negative(name, "weight_decay", s->weight_decay);
}

enum { FIRST, SECOND, LARGEST };

/* The moments of g, their largest in place of the second with amsgrad, and the step that they make of p. */
static at_tensor *adam(const at_adam_options *s, int64_t step, at_tensor *p, at_tensor *g, at_tensor *const *state,
                       at_tensor **new_state) {
    at_tensor *first = at_mul(g, 1 - s->beta1), *second = at_mul(at_square(g), 1 - s->beta2);
    if (state[FIRST]) first = at_add(at_mul(state[FIRST], s->beta1), first);
    if (state[SECOND]) second = at_add(at_mul(state[SECOND], s->beta2), second);
    new_state[FIRST] = first = op_keep(first);
    new_state[SECOND] = second = op_keep(second);
    if (s->amsgrad) new_state[LARGEST] = second = op_keep(state[LARGEST] ? at_maximum(state[LARGEST], second) : second);
    double n = (double)step, correction1 = 1 - pow(s->beta1, n), correction2 = 1 - pow(s->beta2, n);
    at_tensor *size = at_add(at_div(at_sqrt(second), sqrt(correction2)), s->epsilon);
    return op_keep(at_sub(p, at_mul(at_div(first, size), s->lr / correction1)));
}

static at_tensor *update_adam(const op_settings *settings, int64_t step, at_tensor *p, at_tensor *g,
                              at_tensor *const *state, at_tensor **new_state) {
    const at_adam_options *s = &settings->adam;
    at_tensor *d = s->maximize ? at_neg(g) : g;
    if (s->weight_decay != 0) d = at_add(d, at_mul(p, s->weight_decay));
    return adam(s, step, p, d, state, new_state);
}

static at_tensor *update_adamw(const op_settings *settings, int64_t step, at_tensor *p, at_tensor *g,
                               at_tensor *const *state, at_tensor **new_state) {
    const at_adam_options *s = &settings->adam;
    at_tensor *decayed = s->weight_decay != 0 ? at_mul(p, 1 - s->lr * s->weight_decay) : p;
    return adam(s, step, decayed, s->maximize ? at_neg(g) : g, state, new_state);
}

static const char *const state_names[OP_STATES] = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};

/* clang-format off */
static const op_field adam_settings[] = {
    OP_SETTING(adam, lr, OP_REAL), OP_SETTING(adam, beta1, OP_REAL), OP_SETTING(adam, beta2, OP_REAL),
    OP_SETTING(adam, epsilon, OP_REAL), OP_SETTING(adam, weight_decay, OP_REAL),
    OP_SETTING(adam, amsgrad, OP_FLAG), OP_SETTING(adam, maximize, OP_FLAG),
    {NULL, OP_REAL, 0}
};
/* clang-format on */

static const op_kind adam_kind = {"adam", "adam_add_group", update_adam, complete, state_names, adam_settings};
static const op_kind adamw_kind = {"adamw", "adamw_add_group", update_adamw, complete, state_names, adam_settings};

at_optimizer *at_adam_with(at_adam_options options) {
    return op_optimizer_new(&adam_kind, (op_settings){.adam = options});
}

bool at_adam_add_group_with(at_optimizer *optimizer, at_adam_options options) {
    return op_add_group(&adam_kind, optimizer, (op_settings){.adam = options});
}

at_optimizer *at_adamw_with(at_adam_options options) {
    return op_optimizer_new(&adamw_kind, (op_settings){.adam = options});
}

bool at_adamw_add_group_with(at_optimizer *optimizer, at_adam_options options) {
    return op_add_group(&adamw_kind, optimizer, (op_settings){.adam = options});
}
