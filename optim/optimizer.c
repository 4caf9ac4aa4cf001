/* optim/optimizer.c - holding parameters in groups, and the step of all of them at once. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "internal.h"

/* ---- options ----------------------------------------------------------------------------------------------------- */

bool op_check_not_negative(const char *optimizer, const char *option, double value) {
    if (value >= 0 && isfinite(value)) return true;
    return at_fail(AT_ERROR_VALUE, "%s: %s is %g: must %s", optimizer, option, value,
                   isinf(value) ? "be finite" : "not be negative");
}

bool op_check_fraction(const char *optimizer, const char *option, double value) {
    if (value >= 0 && value < 1) return true;
    return at_fail(AT_ERROR_VALUE, "%s: %s is %g: want 0 <= %s < 1", optimizer, option, value, option);
}

static bool check_settings(const char *name, const at_optimizer *o, const op_settings *s) {
    at_parameter_list list = s->common.parameters;
    if (!(s->common.lr > 0) || !isfinite(s->common.lr))
        return at_fail(AT_ERROR_VALUE, "%s: lr is %g: want a positive number, at_%s(%sparameters, .lr = 0.5)", name,
                       s->common.lr, name, o ? "optimizer, " : "");
    if (list.count <= 0 || !list.items) return at_fail(AT_ERROR_VALUE, "%s: no parameters to optimize", name);
    for (int i = 0; i < list.count; i++) {
        if (!list.items[i]) return at_fail_null(name, "a parameter");
        if (!at_requires_grad(list.items[i]) || !tn_node_is_leaf(list.items[i]->node))
            return at_fail(AT_ERROR_STATE, "%s: parameter %d, %s, is not a leaf that requires a gradient", name, i,
                           tn_describe(list.items[i]));
        for (int j = 0; o && j < o->count; j++)
            if (o->parameters[j].tensor == list.items[i])
                return at_fail(AT_ERROR_VALUE, "%s: parameter %d, %s, is in the optimizer already", name, i,
                               tn_describe(list.items[i]));
        for (int j = 0; j < i; j++)
            if (list.items[j] == list.items[i])
                return at_fail(AT_ERROR_VALUE, "%s: parameters %d and %d are the same, %s: want each once", name, j, i,
                               tn_describe(list.items[i]));
    }
    return true;
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static void free_lists(at_optimizer *o) {
    tn_deallocate(o->parameters, (size_t)o->count * sizeof *o->parameters);
    tn_deallocate(o->groups, (size_t)o->n_groups * sizeof *o->groups);
}

static bool add_group(const char *name, at_optimizer *o, const op_settings *settings) {
    at_parameter_list list = settings->common.parameters;
    size_t n = (size_t)o->count + (size_t)list.count, groups = (size_t)o->n_groups + 1;
    op_parameter *parameters = at_allocate(name, n * sizeof *parameters);
    op_settings *all = parameters ? tn_allocate(groups * sizeof *all) : NULL;
    if (!all) {
        tn_deallocate(parameters, n * sizeof *parameters);
        return false;
    }
    if (o->parameters) memcpy(parameters, o->parameters, (size_t)o->count * sizeof *parameters);
    if (o->groups) memcpy(all, o->groups, (size_t)o->n_groups * sizeof *all);
    free_lists(o);
    o->parameters = parameters;
    o->groups = all;
    for (int i = 0; i < list.count; i++)
        parameters[o->count++] = (op_parameter){.tensor = at_retain(list.items[i]), .group = o->n_groups};
    all[o->n_groups] = *settings;
    all[o->n_groups++].common.parameters =
        (at_parameter_list){0, NULL}; /* the module's list may change; ours does not */
    return true;
}

at_optimizer *op_optimizer_new(const op_kind *kind, op_settings settings) {
    if (!kind->complete(kind->name, &settings) || !check_settings(kind->name, NULL, &settings)) return NULL;
    at_optimizer *o = at_allocate(kind->name, sizeof *o);
    if (!o) return NULL;
    *o = (at_optimizer){.kind = kind};
    if (add_group(kind->name, o, &settings)) return o;
    at_optimizer_free(o);
    return NULL;
}

bool op_add_group(const op_kind *kind, at_optimizer *optimizer, op_settings settings) {
    const char *name = kind->add_name;
    if (!kind->complete(name, &settings)) return false;
    if (!optimizer) return at_fail_null(name, "optimizer");
    if (optimizer->kind != kind)
        return at_fail(AT_ERROR_VALUE, "%s: cannot add a group to an optimizer made by at_%s", name,
                       optimizer->kind->name);
    return check_settings(name, optimizer, &settings) && add_group(name, optimizer, &settings);
}

void at_optimizer_free(at_optimizer *optimizer) {
    if (!optimizer) return;
    for (int i = 0; i < optimizer->count; i++) {
        at_release(optimizer->parameters[i].tensor);
        for (int k = 0; k < OP_STATES; k++) at_release(optimizer->parameters[i].state[k]);
    }
    free_lists(optimizer);
    tn_deallocate(optimizer->unscheduled, (size_t)optimizer->n_unscheduled * sizeof *optimizer->unscheduled);
    tn_deallocate(optimizer, sizeof *optimizer);
}

void at_optimizer_zero_grad(at_optimizer *optimizer) {
    if (!optimizer) at_fail_null("optimizer_zero_grad", "optimizer");
    for (int i = 0; optimizer && i < optimizer->count; i++) at_zero_grad(optimizer->parameters[i].tensor);
}

/* ---- learning rates ---------------------------------------------------------------------------------------------- */

static op_settings *find_group(const char *function, at_optimizer *optimizer, int group) {
    if (!optimizer) return at_fail_null(function, "optimizer");
    if (group >= 0 && group < optimizer->n_groups) return &optimizer->groups[group];
    return at_fail(AT_ERROR_VALUE, "%s: group %d of %d: want 0 to %d", function, group, optimizer->n_groups,
                   optimizer->n_groups - 1);
}

int at_optimizer_groups(at_optimizer *optimizer) {
    if (optimizer) return optimizer->n_groups;
    at_fail_null("optimizer_groups", "optimizer");
    return -1;
}

double at_optimizer_lr(at_optimizer *optimizer, int group) {
    const op_settings *s = find_group("optimizer_lr", optimizer, group);
    return s ? s->common.lr : NAN;
}

bool at_optimizer_set_lr(at_optimizer *optimizer, int group, double lr) {
    op_settings *s = find_group("optimizer_set_lr", optimizer, group);
    if (!s || !op_check_not_negative("optimizer_set_lr", "lr", lr)) return false;
    s->common.lr = lr;
    return true;
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

at_tensor *op_keep(at_tensor *t) { return t && tn_value_store(t->value) ? at_detach(t) : NULL; }

bool op_gradient(at_tensor *t, at_tensor **g) {
    unsigned before = tn_failures();
    *g = at_grad(t);
    return !tn_failed_since(before);
}

static bool compute_updates(at_optimizer *o) {
    for (int i = 0; i < o->count; i++) {
        op_parameter *p = &o->parameters[i];
        at_tensor *g;
        if (!op_gradient(p->tensor, &g)) return false;
        if (!g) continue;
        p->updated = o->kind->rule(&o->groups[p->group], p->steps + 1, p->tensor, g, p->state, p->new_state);
        if (!p->updated) return false;
    }
    return true;
}

/* The new values take the places of the old ones; cannot fail. */
static void take_updates(op_parameter *p) {
    if (!p->updated) return;
    tn_tensor_replace(p->tensor, p->updated);
    p->steps++;
    for (int k = 0; k < OP_STATES; k++)
        if (p->new_state[k]) at_assign(&p->state[k], p->new_state[k]);
}

/* Nothing changes until every update is there; after that nothing can fail. */
bool at_optimizer_step(at_optimizer *optimizer) {
    if (!optimizer) return at_fail_null("optimizer_step", "optimizer");
    bool good = false;
    AT_CALL("optimizer_step");
    AT_SCOPE
        AT_NO_GRAD {
            good = compute_updates(optimizer);
            for (int i = 0; i < optimizer->count; i++) {
                op_parameter *p = &optimizer->parameters[i];
                if (good) take_updates(p);
                p->updated = NULL;
                memset(p->new_state, 0, sizeof p->new_state);
            }
        }
    return good;
}
