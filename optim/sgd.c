/* optim/sgd.c - stochastic gradient descent with momentum. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* ---- holding parameters ------------------------------------------------------------------------------------------ */

at_optimizer *op_optimizer_new(const char *function, at_parameter_list parameters) {
    if (parameters.count <= 0 || !parameters.items)
        return at_fail(AT_ERROR_VALUE, "%s: no parameters to optimize", function);
    for (int i = 0; i < parameters.count; i++) {
        if (!parameters.items[i]) return at_fail_null(function, "a parameter");
        if (!at_requires_grad(parameters.items[i]) || !tn_node_is_leaf(parameters.items[i]->node))
            return at_fail(AT_ERROR_STATE, "%s: parameter %d, %s, is not a leaf that requires a gradient", function, i,
                           tn_describe(parameters.items[i]));
    }
    size_t n = (size_t)parameters.count;
    at_optimizer *o = calloc(1, sizeof *o);
    at_tensor **slots = o ? calloc(4 * n, sizeof *slots) : NULL;
    if (!slots) {
        free(o);
        tn_thread_set_operation(function);
        return tn_fail_memory(4 * n * sizeof *slots);
    }
    *o = (at_optimizer){.count = parameters.count, .parameters = slots, .state = slots + n, .updated = slots + 2 * n};
    for (size_t i = 0; i < n; i++) slots[i] = at_retain(parameters.items[i]);
    return o;
}

void at_optimizer_free(at_optimizer *optimizer) {
    if (!optimizer) return;
    for (int i = 0; i < 2 * optimizer->count; i++) at_release(optimizer->parameters[i]); /* and the state behind them */
    free(optimizer->parameters);
    free(optimizer);
}

void at_optimizer_zero_grad(at_optimizer *optimizer) {
    if (!optimizer) at_fail_null("optimizer_zero_grad", "optimizer");
    for (int i = 0; optimizer && i < optimizer->count; i++) at_zero_grad(optimizer->parameters[i]);
}

/* ---- SGD --------------------------------------------------------------------------------------------------------- */

static bool valid(const at_sgd_options *s) {
    if (!(s->lr > 0) || !isfinite(s->lr))
        return at_fail(AT_ERROR_VALUE, "sgd: lr is %g: want a positive number, at_sgd(parameters, .lr = 0.5)", s->lr);
    if (!(s->momentum >= 0) || !isfinite(s->momentum))
        return at_fail(AT_ERROR_VALUE, "sgd: momentum is %g: must not be negative", s->momentum);
    if (!(s->weight_decay >= 0) || !isfinite(s->weight_decay))
        return at_fail(AT_ERROR_VALUE, "sgd: weight_decay is %g: must not be negative", s->weight_decay);
    if (!isfinite(s->dampening)) return at_fail(AT_ERROR_VALUE, "sgd: dampening is %g: want a number", s->dampening);
    if (s->nesterov && (s->momentum <= 0 || s->dampening != 0))
        return at_fail(AT_ERROR_VALUE,
                       "sgd: nesterov with momentum %g and dampening %g: want momentum > 0 and no dampening",
                       s->momentum, s->dampening);
    return true;
}

at_optimizer *at_sgd_with(at_sgd_options options) {
    if (!valid(&options)) return NULL;
    at_optimizer *o = op_optimizer_new("sgd", options.parameters);
    if (!o) return NULL;
    o->sgd = options;
    o->sgd.parameters = (at_parameter_list){0, NULL}; /* the module's list may change; ours does not */
    return o;
}

/* The new parameter, computed, and the new momentum buffer. */
static at_tensor *sgd_update(const at_sgd_options *s, at_tensor *p, at_tensor *g, at_tensor *buffer,
                             at_tensor **new_buffer) {
    at_tensor *d = s->maximize ? at_neg(g) : g;
    if (s->weight_decay != 0) d = at_add(d, at_mul(p, s->weight_decay));
    if (s->momentum != 0) {
        at_tensor *b = buffer ? at_add(at_mul(buffer, s->momentum), at_mul(d, 1 - s->dampening)) : d;
        if (!b || !tn_value_store(b->value)) return NULL;
        *new_buffer = at_detach(b); /* in the first step b is the gradient, which its owner may write to */
        if (!*new_buffer) return NULL;
        d = s->nesterov ? at_add(d, at_mul(b, s->momentum)) : b;
    }
    at_tensor *updated = at_sub(p, at_mul(d, s->lr));
    return updated && tn_value_store(updated->value) ? updated : NULL;
}

static bool compute_updates(at_optimizer *o) {
    for (int i = 0; i < o->count; i++) {
        at_tensor *g = at_grad(o->parameters[i]);
        if (!g) continue;
        o->updated[i] = sgd_update(&o->sgd, o->parameters[i], g, o->state[i], &o->updated[o->count + i]);
        if (!o->updated[i]) return false;
    }
    return true;
}

/* Nothing changes until every update is there; after that nothing can fail. */
bool at_optimizer_step(at_optimizer *optimizer) {
    if (!optimizer) return at_fail_null("optimizer_step", "optimizer");
    at_optimizer *o = optimizer;
    bool good = false;
    tn_thread_set_operation("optimizer_step");
    AT_SCOPE
        AT_NO_GRAD {
            good = compute_updates(o);
            for (int i = 0; i < o->count && good; i++) {
                if (!o->updated[i]) continue;
                tn_tensor_replace(o->parameters[i], o->updated[i]);
                if (o->updated[o->count + i]) at_assign(&o->state[i], o->updated[o->count + i]);
            }
            memset(o->updated, 0, 2 * (size_t)o->count * sizeof *o->updated);
        }
    return good;
}
