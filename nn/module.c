/* nn/module.c - models as structs that begin with an at_module. */
#include <inttypes.h>
#include <string.h>

#include "../autograd/internal.h"
#include "internal.h"
#include "module.h"

typedef enum { PARAMETER, BUFFER, TRANSIENT, CHILD } part_kind;

struct at_module_entry {
    at_module_entry *next;
    part_kind kind;
    char *name;
    at_tensor **slot; /* of a parameter or a buffer */
    char *new_name;   /* that its tensor is about to get */
    at_module *child;
};

void *at_module_new(size_t size, const char *name) {
    if (!name) return at_fail_null("module_new", "name");
    if (size < sizeof(at_module))
        return at_fail(AT_ERROR_VALUE, "module_new: %s: %zu bytes: the struct must begin with an at_module", name,
                       size);
    at_module *module = at_allocate("module_new", size);
    if (!module) return NULL;
    memset(module, 0, size);
    module->name = name;
    module->bytes = size;
    return module;
}

/* Names become parts of paths, and each slot is released once. */
static bool check_part(const char *function, const at_module *module, const char *name, at_tensor *const *slot) {
    if (!module) return at_fail_null(function, "module");
    if (!name) return at_fail_null(function, "name");
    if (!*name || strchr(name, '.'))
        return at_fail(AT_ERROR_VALUE, "%s: %s: a part named \"%s\": want a name, without dots", function, module->name,
                       name);
    for (const at_module_entry *e = module->entries; e; e = e->next) {
        if (strcmp(e->name, name) == 0)
            return at_fail(AT_ERROR_VALUE, "%s: %s has a part named \"%s\" already", function, module->name, name);
        if (slot && e->slot == slot)
            return at_fail(AT_ERROR_VALUE, "%s: %s: \"%s\" would be kept where \"%s\" is", function, module->name, name,
                           e->name);
    }
    return true;
}

/* A new last entry, of a tensor with its slot, of a child with none; NULL after reporting an error. */
static at_module_entry *add_part(const char *function, at_module *module, const char *name, part_kind kind,
                                 at_tensor **slot) {
    if (!check_part(function, module, name, slot)) return NULL;
    at_module_entry *e = at_allocate(function, sizeof *e);
    char *copy = e ? tn_text_new(name) : NULL;
    if (!copy) {
        tn_deallocate(e, sizeof *e);
        return NULL;
    }
    *e = (at_module_entry){.kind = kind, .name = copy, .slot = slot};
    at_module_entry **end = &module->entries;
    while (*end) end = &(*end)->next;
    return *end = e;
}

static void drop_last_part(at_module *module) {
    at_module_entry **end = &module->entries;
    while ((*end)->next) end = &(*end)->next;
    tn_text_free((*end)->name);
    tn_deallocate(*end, sizeof **end);
    *end = NULL;
}

bool at_module_parameter(at_module *module, const char *name, at_tensor **slot, at_tensor *value) {
    if (!slot) return at_fail_null("module_parameter", "slot");
    if (!value) return at_fail_null("module_parameter", "value");
    at_module_entry *e = add_part("module_parameter", module, name, PARAMETER, slot);
    if (!e) return false;
    bool before = at_requires_grad(value);
    AT_CALL("module_parameter");
    if (!at_set_requires_grad(value, true) || !at_set_name(value, name)) {
        at_set_requires_grad(value, before);
        drop_last_part(module);
        return false;
    }
    *slot = at_retain(value);
    return true;
}

static bool add_untrained(const char *function, at_module *module, const char *name, part_kind kind, at_tensor **slot,
                          at_tensor *value) {
    if (!slot) return at_fail_null(function, "slot");
    if (!add_part(function, module, name, kind, slot)) return false;
    *slot = value ? at_retain(value) : NULL;
    return true;
}

bool at_module_buffer(at_module *module, const char *name, at_tensor **slot, at_tensor *value) {
    return add_untrained("module_buffer", module, name, BUFFER, slot, value);
}

bool at_module_transient(at_module *module, const char *name, at_tensor **slot, at_tensor *value) {
    return add_untrained("module_transient", module, name, TRANSIENT, slot, value);
}

/* "w" becomes "name.w", all the way down: first all the new names, then all the changes, which cannot fail. */
static bool make_names(at_module *module, const char *name) {
    bool good = true;
    for (at_module_entry *e = module->entries; e && good; e = e->next) {
        if (e->kind == CHILD) good = make_names(e->child, name);
        if (e->kind != PARAMETER) continue;
        const char *old = at_name(*e->slot);
        size_t bytes = strlen(name) + strlen(old ? old : e->name) + 2;
        e->new_name = at_allocate("module_child", bytes);
        if (!e->new_name) return false;
        snprintf(e->new_name, bytes, "%s.%s", name, old ? old : e->name);
    }
    return good;
}

static void use_names(at_module *module, bool good) {
    for (at_module_entry *e = module->entries; e; e = e->next) {
        if (e->kind == CHILD) use_names(e->child, good);
        if (e->kind == PARAMETER && good) ag_exchange_name(*e->slot, &e->new_name);
        tn_text_free(e->new_name);
        e->new_name = NULL;
    }
}

static bool is_within(const at_module *module, const at_module *outer) {
    while (module && module != outer) module = module->parent;
    return module != NULL;
}

bool at_module_child(at_module *module, const char *name, at_module *child) {
    if (!child) return at_fail_null("module_child", "child");
    if (child->parent)
        return at_fail(AT_ERROR_STATE, "module_child: %s is a part of %s already: want a module for each place",
                       child->name, child->parent->name);
    if (is_within(module, child))
        return at_fail(AT_ERROR_VALUE, "module_child: %s would become a part of itself", child->name);
    at_module_entry *e = add_part("module_child", module, name, CHILD, NULL);
    if (!e) return false;
    bool good = make_names(child, name);
    use_names(child, good);
    if (!good) {
        drop_last_part(module);
        return false;
    }
    e->child = child;
    child->parent = module;
    return true;
}

void nn_free_refused(const at_module *module, at_module *child) {
    if (child && !child->parent && !is_within(module, child)) at_module_free(child);
}

/* A slot may point to a pointer to any struct that begins with an at_module: they all look alike, but C has no type for
 * them all, and so they are copied. */
bool at_module_own(at_module *module, const char *name, void *slot) {
    if (!slot) return at_fail_null("module_own", "slot");
    at_module *child, *none = NULL;
    memcpy(&child, slot, sizeof child);
    if (!child) return at_fail_null(module ? module->name : "module_own", name); /* keeps the creation's own error */
    if (at_module_child(module, name, child)) return true;
    nn_free_refused(module, child);
    memcpy(slot, &none, sizeof none);
    return false;
}

void *nn_made(at_module *self, bool good, const tn_generator *before) {
    if (good) return self;
    at_module_free(self);
    *tn_thread_generator() = *before;
    return NULL;
}

at_tensor *nn_given(at_tensor *y, const tn_generator *before) {
    at_tensor *given = y ? at_scope_return(y) : NULL;
    if (!given) *tn_thread_generator() = *before;
    return given;
}

at_tensor *at_forward(at_module *module, at_tensor *x) {
    if (!module) return at_fail_null("forward", "module");
    if (!x) return at_fail_null("forward", "x");
    if (!module->forward)
        return at_fail(AT_ERROR_STATE, "forward: %s has none for one tensor: call its own function", module->name);
    AT_CALL("forward");
    return module->forward(module, x);
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

/* Where a parameter comes first: parts may share one, which counts once. Modules nest as deep as a program builds them,
 * which is not deep. */
static at_tensor *const *first_slot(const at_module *module, const at_tensor *parameter) {
    at_tensor *const *slot = NULL;
    for (const at_module_entry *e = module->entries; e; e = e->next)
        if (e->kind == PARAMETER && *e->slot == parameter) return e->slot;
    for (const at_module_entry *e = module->entries; e && !slot; e = e->next)
        if (e->kind == CHILD) slot = first_slot(e->child, parameter);
    return slot;
}

static bool is_trainable(const at_module *root, const at_module_entry *e) {
    return e->kind == PARAMETER && at_requires_grad(*e->slot) && first_slot(root, *e->slot) == e->slot;
}

static int list_parameters(const at_module *root, const at_module *module, at_tensor **items, int count) {
    for (const at_module_entry *e = module->entries; e; e = e->next)
        if (is_trainable(root, e)) {
            if (items) items[count] = *e->slot;
            count++;
        }
    for (const at_module_entry *e = module->entries; e; e = e->next)
        if (e->kind == CHILD) count = list_parameters(root, e->child, items, count);
    return count;
}

at_parameter_list at_parameters(at_module *module) {
    at_parameter_list none = {-1, NULL};
    if (!module) {
        at_fail_null("parameters", "module");
        return none;
    }
    int count = list_parameters(module, module, NULL, 0);
    size_t bytes = (size_t)count * sizeof(at_tensor *);
    if (!module->listed || bytes != module->listed_bytes) { /* as a rule the last list still fits */
        at_tensor **items = at_allocate("parameters", bytes);
        if (!items) return none;
        tn_deallocate(module->listed, module->listed_bytes);
        module->listed = items;
        module->listed_bytes = bytes;
    }
    list_parameters(module, module, module->listed, 0);
    return (at_parameter_list){.count = count, .items = module->listed};
}

bool at_module_set_requires_grad(at_module *module, bool requires_grad) {
    if (!module) return at_fail_null("module_set_requires_grad", "module");
    bool good = true;
    for (const at_module_entry *e = module->entries; e && good; e = e->next) {
        if (e->kind == CHILD) good = at_module_set_requires_grad(e->child, requires_grad);
        if (e->kind != PARAMETER) continue;
        good = at_set_requires_grad(*e->slot, requires_grad) != NULL;
        if (good && !requires_grad) at_zero_grad(*e->slot); /* or an optimizer would go on with the last one */
    }
    return good;
}

static void set_evaluating(const char *function, at_module *module, bool evaluating) {
    if (!module) {
        at_fail_null(function, "module");
        return;
    }
    module->evaluating = evaluating;
    for (const at_module_entry *e = module->entries; e; e = e->next)
        if (e->kind == CHILD) set_evaluating(function, e->child, evaluating);
}

void at_train(at_module *module) { set_evaluating("train", module, false); }
void at_eval(at_module *module) { set_evaluating("eval", module, true); }

/* ---- paths ------------------------------------------------------------------------------------------------------- */

enum { PATH_BYTES = 1024 };

/* The path of a part of the module whose own path, with a dot at its end, has the length `start`. */
static bool append_name(char *path, size_t start, const char *name) {
    if (start + strlen(name) + 2 <= PATH_BYTES) return strcpy(path + start, name);
    path[start] = 0;
    return at_fail(AT_ERROR_VALUE, "module_visit: the path of %s in %s is longer than %d bytes", name, path,
                   PATH_BYTES - 2);
}

static bool visit_parts(at_module *module, char *path, size_t start, at_part_visitor visit, void *context) {
    for (const at_module_entry *e = module->entries; e; e = e->next) {
        if ((e->kind != PARAMETER && e->kind != BUFFER) || !*e->slot) continue;
        if (!append_name(path, start, e->name)) return false;
        if (!visit(path, e->slot, e->kind == PARAMETER ? AT_PARAMETER : AT_BUFFER, context)) return false;
    }
    for (const at_module_entry *e = module->entries; e; e = e->next) {
        if (e->kind != CHILD) continue;
        if (!append_name(path, start, e->name)) return false;
        size_t end = strlen(path);
        path[end++] = '.';
        if (!visit_parts(e->child, path, end, visit, context)) return false;
    }
    return true;
}

bool at_module_visit(at_module *module, at_part_visitor visit, void *context) {
    if (!module) return at_fail_null("module_visit", "module");
    if (!visit) return at_fail_null("module_visit", "visit");
    char path[PATH_BYTES];
    return visit_parts(module, path, 0, visit, context);
}

typedef struct {
    at_tensor *wanted;
    char *path; /* a copy; NULL while it is not found */
} search;

static bool compare_part(const char *path, at_tensor **slot, at_part_kind kind, void *context) {
    (void)kind;
    search *s = context;
    if (*slot != s->wanted) return true;
    s->path = tn_text_new(path);
    return false;
}

const char *at_module_name(at_module *module, at_tensor *part) {
    if (!module) return at_fail_null("module_name", "module");
    if (!part) return at_fail_null("module_name", "part");
    tn_thread_set_operation("module_name");
    search s = {.wanted = part};
    at_module_visit(module, compare_part, &s);
    tn_text_free(module->path);
    return module->path = s.path;
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

/* Of parameters that require a gradient. */
static int64_t count_trainable(const at_module *root, const at_module *module) {
    int64_t count = 0;
    for (const at_module_entry *e = module->entries; e; e = e->next) {
        if (e->kind == CHILD) count += count_trainable(root, e->child);
        if (is_trainable(root, e)) count += at_numel(*e->slot);
    }
    return count;
}

void at_module_fprint(FILE *file, at_module *module) {
    if (!module || !file) {
        at_fail_null("module_print", module ? "file" : "module");
        return;
    }
    print_parts(file, module, 0);
    int64_t elements = count_trainable(module, module);
    fprintf(file, "\n%" PRId64 " trainable number%s\n", elements, elements == 1 ? "" : "s");
}

void at_module_print(at_module *module) { at_module_fprint(stdout, module); }

typedef struct {
    const at_module *module;
    FILE *file;
    int width; /* of the longest path */
    int64_t trainable, frozen, buffers;
} summary;

static bool measure_path(const char *path, at_tensor **slot, at_part_kind kind, void *context) {
    (void)slot, (void)kind;
    summary *s = context;
    if ((int)strlen(path) > s->width) s->width = (int)strlen(path);
    return true;
}

static bool summarize_part(const char *path, at_tensor **slot, at_part_kind kind, void *context) {
    summary *s = context;
    bool shared = kind == AT_PARAMETER && first_slot(s->module, *slot) != slot, trainable = at_requires_grad(*slot);
    const char *note = shared ? "  shared" : kind == AT_BUFFER ? "  buffer" : trainable ? "" : "  frozen";
    if (!shared) *(kind == AT_BUFFER ? &s->buffers : trainable ? &s->trainable : &s->frozen) += at_numel(*slot);
    fprintf(s->file, "%-*s  %-24s %12" PRId64 "%s\n", s->width, path, tn_describe(*slot), at_numel(*slot), note);
    return true;
}

void at_module_fsummary(FILE *file, at_module *module) {
    if (!module || !file) {
        at_fail_null("module_summary", module ? "file" : "module");
        return;
    }
    summary s = {.module = module, .file = file, .width = 4};
    if (!at_module_visit(module, measure_path, &s)) return;
    fprintf(file, "%-*s  %-24s %12s\n", s.width, module->name, "", "numbers");
    at_module_visit(module, summarize_part, &s);
    fprintf(file, "%" PRId64 " trainable, %" PRId64 " frozen, %" PRId64 " in buffers\n", s.trainable, s.frozen,
            s.buffers);
}

void at_module_summary(at_module *module) { at_module_fsummary(stdout, module); }

static void free_module(at_module *module) {
    if (module->destroy) module->destroy(module);
    for (at_module_entry *e = module->entries, *next; e; e = next) {
        next = e->next;
        if (e->kind == CHILD)
            free_module(e->child);
        else
            at_release(*e->slot);
        tn_text_free(e->name);
        tn_deallocate(e, sizeof *e);
    }
    tn_deallocate(module->listed, module->listed_bytes);
    tn_text_free(module->path);
    tn_deallocate(module, module->bytes);
}

void at_module_free(at_module *module) {
    if (module && module->parent)
        at_fail(AT_ERROR_STATE, "module_free: %s is a part of %s, which frees it", module->name, module->parent->name);
    else if (module)
        free_module(module);
}
