/* nn/module.c - models as structs that begin with an at_module. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../tensor/internal.h"
#include "nn.h"

typedef enum { PARAMETER, BUFFER, CHILD } part_kind;

struct at_module_entry {
    at_module_entry *next;
    part_kind kind;
    char *name;
    at_tensor **slot; /* of a parameter or a buffer */
    at_module *child;
};

void *at_module_new(size_t size, const char *name) {
    if (!name) return at_fail_null("module_new", "name");
    if (size < sizeof(at_module))
        return at_fail(AT_ERROR_VALUE, "module_new: %s: %zu bytes: the struct must begin with an at_module", name,
                       size);
    at_module *module = calloc(1, size);
    tn_thread_set_operation("module_new");
    if (!module) return tn_fail_memory(size);
    module->name = name;
    return module;
}

static at_module_entry *find_part(const at_module *module, const char *name) {
    at_module_entry *e = module->entries;
    while (e && strcmp(e->name, name) != 0) e = e->next;
    return e;
}

/* A new last entry; NULL after reporting an error. */
static at_module_entry *add_part(const char *function, at_module *module, const char *name, part_kind kind) {
    if (!module) return at_fail_null(function, "module");
    if (!name) return at_fail_null(function, "name");
    if (find_part(module, name))
        return at_fail(AT_ERROR_VALUE, "%s: %s has a part named \"%s\" already", function, module->name, name);
    at_module_entry *e = calloc(1, sizeof *e);
    char *copy = e ? strdup(name) : NULL;
    if (!copy) {
        free(e);
        tn_thread_set_operation(function);
        return tn_fail_memory(sizeof *e);
    }
    *e = (at_module_entry){.kind = kind, .name = copy};
    at_module_entry **end = &module->entries;
    while (*end) end = &(*end)->next;
    return *end = e;
}

static void drop_last_part(at_module *module) {
    at_module_entry **end = &module->entries;
    while ((*end)->next) end = &(*end)->next;
    free((*end)->name);
    free(*end);
    *end = NULL;
}

bool at_module_parameter(at_module *module, const char *name, at_tensor **slot, at_tensor *value) {
    if (!slot) return at_fail_null("module_parameter", "slot");
    if (!value) return at_fail_null("module_parameter", "value");
    at_module_entry *e = add_part("module_parameter", module, name, PARAMETER);
    if (!e) return false;
    if (!at_set_requires_grad(value, true) || !at_set_name(value, name)) {
        drop_last_part(module);
        return false;
    }
    e->slot = slot;
    *slot = at_retain(value);
    return true;
}

bool at_module_buffer(at_module *module, const char *name, at_tensor **slot, at_tensor *value) {
    if (!slot) return at_fail_null("module_buffer", "slot");
    at_module_entry *e = add_part("module_buffer", module, name, BUFFER);
    if (!e) return false;
    e->slot = slot;
    *slot = value ? at_retain(value) : NULL;
    return true;
}

/* "w" becomes "name.w", all the way down. */
static bool prefix_names(at_module *module, const char *name) {
    bool good = true;
    for (const at_module_entry *e = module->entries; e && good; e = e->next) {
        if (e->kind == CHILD) good = prefix_names(e->child, name);
        if (e->kind != PARAMETER) continue;
        const char *old = at_name(*e->slot);
        size_t bytes = strlen(name) + strlen(old ? old : e->name) + 2;
        char *longer = malloc(bytes);
        if (!longer) return tn_fail_memory(bytes);
        snprintf(longer, bytes, "%s.%s", name, old ? old : e->name);
        good = at_set_name(*e->slot, longer) != NULL;
        free(longer);
    }
    return good;
}

bool at_module_child(at_module *module, const char *name, at_module *child) {
    if (!child) return at_fail_null("module_child", "child");
    at_module_entry *e = add_part("module_child", module, name, CHILD);
    if (!e) return false;
    e->child = child;
    return prefix_names(child, name);
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

/* Modules nest as deep as a program builds them, which is not deep. */
static int list_parameters(const at_module *module, at_tensor **items, int count) {
    for (const at_module_entry *e = module->entries; e; e = e->next)
        if (e->kind == PARAMETER) {
            if (items) items[count] = *e->slot;
            count++;
        }
    for (const at_module_entry *e = module->entries; e; e = e->next)
        if (e->kind == CHILD) count = list_parameters(e->child, items, count);
    return count;
}

at_parameter_list at_parameters(at_module *module) {
    at_parameter_list none = {0, NULL};
    if (!module) {
        at_fail_null("parameters", "module");
        return none;
    }
    int count = list_parameters(module, NULL, 0);
    at_tensor **items = realloc(module->listed, (size_t)(count ? count : 1) * sizeof *items);
    if (!items) {
        tn_thread_set_operation("parameters");
        tn_fail_memory((size_t)count * sizeof *items);
        return none;
    }
    module->listed = items;
    list_parameters(module, items, 0);
    return (at_parameter_list){.count = count, .items = items};
}

/* ---- printing and freeing ---------------------------------------------------------------------------------------- */

static void print_parts(FILE *file, const at_module *module, int indent) {
    fprintf(file, "%s(", module->name);
    for (const at_module_entry *e = module->entries; e; e = e->next) {
        fprintf(file, "\n%*s(%s): ", indent + 2, "", e->name);
        if (e->kind == CHILD)
            print_parts(file, e->child, indent + 2);
        else
            fprintf(file, "%s %s", e->kind == PARAMETER ? "parameter" : "buffer",
                    *e->slot ? tn_describe(*e->slot) : "not set");
    }
    if (module->entries) fprintf(file, "\n%*s", indent, "");
    fputc(')', file);
}

static int64_t count_elements(const at_module *module) {
    int64_t count = 0;
    for (const at_module_entry *e = module->entries; e; e = e->next)
        count += e->kind == PARAMETER ? (*e->slot)->value->numel : e->kind == CHILD ? count_elements(e->child) : 0;
    return count;
}

void at_module_fprint(FILE *file, at_module *module) {
    if (!module || !file) {
        at_fail_null("module_print", module ? "file" : "module");
        return;
    }
    print_parts(file, module, 0);
    int64_t elements = count_elements(module);
    fprintf(file, "\n%" PRId64 " trainable number%s\n", elements, elements == 1 ? "" : "s");
}

void at_module_print(at_module *module) { at_module_fprint(stdout, module); }

void at_module_free(at_module *module) {
    if (!module) return;
    if (module->destroy) module->destroy(module);
    for (at_module_entry *e = module->entries, *next; e; e = next) {
        next = e->next;
        if (e->kind == CHILD)
            at_module_free(e->child);
        else
            at_release(*e->slot);
        free(e->name);
        free(e);
    }
    free(module->listed);
    free(module);
}
