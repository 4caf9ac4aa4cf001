/* optim/sgd.c - stochastic gradient descent with momentum. */
#include <math.h>

#include "internal.h"

static bool complete(const char *name, op_settings *settings) {
    const at_sgd_options *s = &settings->sgd;
    if (!op_check_not_negative(name, "momentum", s->momentum)) return false;
    if (!op_check_not_negative(name, "weight_decay", s->weight_decay)) return false;
    if (!isfinite(s->dampening))
        return at_fail(AT_ERROR_VALUE, "%s: dampening is %g: want a finite number", name, s->dampening);
    if (s->nesterov && (s->momentum <= 0 || s->dampening != 0))
        return at_fail(AT_ERROR_VALUE,
                       "%s: nesterov with momentum %g and dampening %g: want momentum > 0 and no dampening", name,
                       s->momentum, s->dampening);
    return true;
}

static at_tensor *update(const op_settings *settings, int64_t step, at_tensor *p, at_tensor *g, at_tensor *const *state,
                         at_tensor **new_state) {
    (void)step;
    const at_sgd_options *s = &settings->sgd;
    at_tensor *d = s->maximize ? at_neg(g) : g;
    if (s->weight_decay != 0) d = at_add(d, at_mul(p, s->weight_decay));
    if (s->momentum != 0) {
        /* In the first step b is the gradient, which its owner may write to. */
        at_tensor *b = state[0] ? at_add(at_mul(state[0], s->momentum), at_mul(d, 1 - s->dampening)) : d;
        new_state[0] = op_keep(b);
        if (!new_state[0]) return NULL;
        d = s->nesterov ? at_add(d, at_mul(b, s->momentum)) : b;
    }
    return op_keep(at_sub(p, at_mul(d, s->lr)));
}

static const char *const state_names[OP_STATES] = {"momentum_buffer"};

/* clang-format off */
static const op_field sgd_settings[] = {
    OP_SETTING(sgd, lr, OP_REAL), OP_SETTING(sgd, momentum, OP_REAL), OP_SETTING(sgd, dampening, OP_REAL),
    OP_SETTING(sgd, weight_decay, OP_REAL),
    OP_SETTING(sgd, nesterov, OP_FLAG), OP_SETTING(sgd, maximize, OP_FLAG),
    {NULL, OP_REAL, 0}
};
/* clang-format on */

static const op_kind sgd = {"sgd", "sgd_add_group", update, complete, state_names, sgd_settings};

at_optimizer *at_sgd_with(at_sgd_options options) { return op_optimizer_new(&sgd, (op_settings){.sgd = options}); }

bool at_sgd_add_group_with(at_optimizer *optimizer, at_sgd_options options) {
    return op_add_group(&sgd, optimizer, (op_settings){.sgd = options});
}
