/* tests/torture/modules.c - what is done with modules: listing, naming, printing, freezing, initial values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "torture.h"

static FILE *nowhere;

typedef struct {
    at_module module;
    at_layer_norm *first, *second; /* which draw no random numbers */
    at_tensor *scale, *table, *seen;
} net;

static net *new_net(void) {
    net *self = at_module_new(sizeof *self, "Net");
    at_tensor *table = self ? at_zeros(3) : NULL; /* a buffer may be NULL, so nobody else would see that it failed */
    if (table && at_child(self, first, at_layer_norm_new(3)) && at_child(self, second, at_layer_norm_new(2, 4)) &&
        at_module_parameter(&self->module, "scale", &self->scale, at_ones(2)) &&
        at_module_buffer(&self->module, "table", &self->table, table) &&
        at_module_transient(&self->module, "seen", &self->seen, NULL))
        return self;
    if (self) at_module_free(&self->module);
    return NULL;
}

static void prepare_net(fixture *f) {
    f->module = &new_net()->module;
    at_parameter_list list = at_parameters(f->module);
    for (int i = 0; i < list.count; i++) keep(f, list.items[i]);
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* at_child frees what it cannot register. */
static bool make(fixture *f) {
    (void)f;
    calling(
        "module_new layer_norm_new module_child module_own ones zeros module_parameter module_buffer module_transient");
    net *self = new_net();
    bool good = self && result(self->scale) && result(self->first->weight);
    if (self) at_module_free(&self->module);
    return good;
}

static bool make_list(fixture *f) {
    (void)f;
    calling("module_list_new");
    at_module_list *list = at_module_list_new();
    bool good = list && calling("layer_norm_new module_list_append");
    for (int i = 0; i < 3 && good; i++) good = at_module_list_append(list, at_layer_norm_new(2));
    at_module_free(list ? &list->module : NULL);
    return good;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static bool add_path(const char *path, at_tensor **slot, at_part_kind kind, void *context) {
    (void)context;
    return result_bytes(path, strlen(path)) && result_bytes(&kind, sizeof kind) && *slot;
}

static bool visit(fixture *f) { return calling("module_visit") && at_module_visit(f->module, add_path, NULL); }

static bool name(fixture *f) {
    net *self = (net *)f->module;
    calling("module_name");
    const char *path = at_module_name(f->module, self->second->bias);
    return path && result_bytes(path, strlen(path));
}

static bool list(fixture *f) {
    calling("parameters");
    at_parameter_list found = at_parameters(f->module);
    return result_bytes(&found.count, sizeof found.count) && found.count > 0;
}

static bool print(fixture *f) {
    calling("module_fprint");
    at_module_fprint(nowhere, f->module);
    if (at_error()) return false;
    calling("module_fsummary");
    at_module_fsummary(nowhere, f->module);
    return !at_error();
}

/* To stdout. */
static bool print_here(fixture *f) {
    FILE *before = stdout;
    stdout = nowhere;
    calling("module_print");
    at_module_print(f->module);
    if (!at_error() && calling("module_summary")) at_module_summary(f->module);
    if (!at_error() && calling("print")) at_print(f->tensor[0]);
    stdout = before;
    return !at_error();
}

/* ---- freezing, training, initial values -------------------------------------------------------------------------- */

static bool freeze(fixture *f) {
    calling("module_set_requires_grad");
    return at_module_set_requires_grad(f->module, false);
}

static void prepare_frozen(fixture *f) {
    prepare_net(f);
    at_backward(at_sum(at_forward(&((net *)f->module)->first->module, at_randn(2, 3))));
    at_module_set_requires_grad(f->module, false);
}

static bool thaw(fixture *f) {
    calling("module_set_requires_grad");
    return at_module_set_requires_grad(f->module, true);
}

static bool switch_modes(fixture *f) {
    at_eval(f->module);
    at_train(f->module);
    at_zero_grad(f->tensor[0]);
    at_remove_hooks(f->tensor[0]);
    return true;
}

static bool xavier(fixture *f) {
    return calling("init_xavier_uniform") && at_init_xavier_uniform(((net *)f->module)->second->weight, 1);
}
static bool xavier_normal(fixture *f) {
    return calling("init_xavier_normal") && at_init_xavier_normal(((net *)f->module)->second->weight, 1);
}
static bool kaiming(fixture *f) {
    return calling("init_kaiming_uniform") && at_init_kaiming_uniform(((net *)f->module)->second->weight, 0);
}
static bool uniform(fixture *f) { return calling("init_uniform") && at_init_uniform(f->tensor[0], -1, 1); }
static bool normal(fixture *f) { return calling("init_normal") && at_init_normal(f->tensor[0], 0, 2); }
static bool constant(fixture *f) { return calling("init_constant") && at_init_constant(f->tensor[0], 3); }

void torture_modules(void) {
    static const scenario all[] = {{"modules make", NULL, make, NULL},
                                   {"modules module_list", NULL, make_list, NULL},
                                   {"modules visit", prepare_net, visit, NULL},
                                   {"modules name", prepare_net, name, NULL},
                                   {"modules parameters", prepare_net, list, NULL},
                                   {"modules print", prepare_net, print, NULL},
                                   {"modules print to stdout", prepare_net, print_here, NULL},
                                   {"modules freeze", prepare_net, freeze, NULL},
                                   {"modules thaw", prepare_frozen, thaw, NULL},
                                   {"modules switch", prepare_net, switch_modes, NULL},
                                   {"modules init_xavier_uniform", prepare_net, xavier, NULL},
                                   {"modules init_xavier_normal", prepare_net, xavier_normal, NULL},
                                   {"modules init_kaiming_uniform", prepare_net, kaiming, NULL},
                                   {"modules init_uniform", prepare_net, uniform, NULL},
                                   {"modules init_normal", prepare_net, normal, NULL},
                                   {"modules init_constant", prepare_net, constant, NULL}};
    nowhere = fopen("/dev/null", "w");
    if (!nowhere) exit(EXIT_FAILURE);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) torture(&all[i]);
    fclose(nowhere);
}
