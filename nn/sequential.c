/* nn/sequential.c - lists of modules, applied one after the other or by their owner, and functions as layers. */
#include <stdio.h>
#include <string.h>

#include "../tensor/internal.h"
#include "internal.h"
#include "layers.h"

static size_t bytes_of(int count) { return (size_t)count * sizeof(at_module *); }

static void free_items(at_module *self) {
    const at_module_list *list = (at_module_list *)self;
    at_free(list->items, bytes_of(list->count));
}

at_module_list *at_module_list_new(void) {
    AT_CALL("module_list_new");
    at_module_list *list = at_module_new(sizeof *list, "ModuleList");
    if (list) list->module.destroy = free_items;
    return list;
}

static bool append(const char *function, at_module_list *list, at_module *item) {
    int count = list->count;
    at_module **items = at_allocate(function, bytes_of(count + 1));
    if (!items) return false;
    char name[16];
    snprintf(name, sizeof name, "%d", count);
    if (!at_module_child(&list->module, name, item)) {
        at_free(items, bytes_of(count + 1));
        return false;
    }
    if (count > 0) memcpy(items, list->items, bytes_of(count));
    at_free(list->items, bytes_of(count));
    list->items = items;
    items[list->count++] = item;
    return true;
}

bool at_module_list_append(at_module_list *list, void *item) {
    AT_CALL("module_list_append");
    bool good = list && item ? append("module_list_append", list, item)
                             : at_fail_null("module_list_append", list ? "item" : "list") != NULL;
    if (!good) nn_free_refused(list ? &list->module : NULL, item);
    return good;
}

static at_tensor *forward(at_module *self, at_tensor *x) {
    const at_module_list *list = (const at_module_list *)self;
    at_tensor *y = x;
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        for (int i = 0; i < list->count && y; i++) y = at_forward(list->items[i], y);
        if (y != x) y = nn_given(y, &before);
    }
    return y;
}

/* Those that no list owns, each once. */
static void free_rest(void *const *items, int from, int n) {
    for (int i = from; i < n; i++) {
        int first = from;
        while (items[first] != items[i]) first++;
        if (first == i) nn_free_refused(NULL, items[i]);
    }
}

at_module_list *at_sequential_from(void *const *items, int n) {
    if (!items) return at_fail_null("sequential", "items");
    AT_CALL("sequential");
    at_module_list *list = at_module_list_new();
    int owned = 0;
    if (list) {
        list->module.name = "Sequential";
        list->module.forward = forward;
        for (; owned < n && items[owned] && append("sequential", list, items[owned]); owned++)
            ;
        if (owned == n) return list;
        if (!items[owned]) at_fail_null("sequential", "a layer");
    }
    free_rest(items, owned, n);
    if (list) at_module_free(&list->module);
    return NULL;
}

/* ---- functions as layers ----------------------------------------------------------------------------------------- */

static at_tensor *apply(at_module *self, at_tensor *x) { return ((at_activation *)self)->function(x); }

at_activation *at_activation_new(const char *name, at_tensor *(*function)(at_tensor *x)) {
    if (!function) return at_fail_null("activation_new", "function");
    AT_CALL("activation_new");
    at_activation *self = at_module_new(sizeof *self, name);
    if (!self) return NULL;
    self->module.forward = apply;
    self->function = function;
    return self;
}
