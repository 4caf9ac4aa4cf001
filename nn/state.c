/* nn/state.c - named tensors, and how they agree with a file. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "state.h"

static char *join(const char *prefix, const char *name) {
    size_t bytes = strlen(prefix) + strlen(name) + 1;
    char *joined = tn_allocate(bytes);
    if (joined) snprintf(joined, bytes, "%s%s", prefix, name);
    return joined;
}

bool nn_state_add(nn_state *s, at_tensor *tensor, const char *prefix, const char *name) {
    if (!tensor) return false;
    if (s->count == s->capacity) {
        int capacity = s->capacity ? 2 * s->capacity : 64;
        size_t bytes = (size_t)s->capacity * sizeof *s->items, more = (size_t)capacity * sizeof *s->items;
        at_named_tensor *items = tn_allocate_more(s->items, bytes, more);
        if (!items) return false;
        s->items = items;
        s->capacity = capacity;
    }
    char *joined = join(prefix, name);
    if (!joined) return false;
    s->items[s->count++] = (at_named_tensor){joined, tensor};
    return true;
}

typedef struct {
    nn_state *state;
    const char *prefix;
} listing;

static bool add_part(const char *path, at_tensor **slot, at_part_kind kind, void *context) {
    (void)kind;
    const listing *l = context;
    return nn_state_add(l->state, *slot, l->prefix, path);
}

bool nn_state_add_module(nn_state *state, at_module *module, const char *prefix) {
    return at_module_visit(module, add_part, &(listing){state, prefix});
}

void nn_state_free(nn_state *state) {
    for (int i = 0; i < state->count; i++) tn_text_free((char *)state->items[i].name);
    tn_deallocate(state->items, (size_t)state->capacity * sizeof *state->items);
}

at_tensor *nn_state_find(const nn_state *state, const char *name) {
    for (int i = 0; i < state->count; i++)
        if (strcmp(state->items[i].name, name) == 0) return state->items[i].tensor;
    return NULL;
}

/* ---- what a file has for it -------------------------------------------------------------------------------------- */

/* How a file and what is wanted of it differ. */
typedef struct {
    FILE *text; /* a line for each difference */
    int missing, unexpected, mismatched;
    bool *used; /* the file's tensors that are wanted */
} comparison;

static const char *describe(at_tensor_file *file, int i) {
    static _Thread_local char text[TN_TEXT_BYTES];
    at_shape shape = at_tensor_file_shape(file, i);
    snprintf(text, sizeof text, "%s %s", at_dtype_name(at_tensor_file_dtype(file, i)), tn_shape_text(&shape));
    return text;
}

/* Which of the file's tensors is to be read for this one; -1: none. */
static int match(comparison *c, at_tensor_file *file, const at_named_tensor *wanted) {
    int i = at_tensor_file_find(file, wanted->name);
    if (i < 0) {
        c->missing++;
        fprintf(c->text, "\n  missing: %s, %s", wanted->name, tn_describe(wanted->tensor));
        return -1;
    }
    c->used[i] = true;
    at_shape shape = at_tensor_file_shape(file, i), here = at_shape_of(wanted->tensor);
    if (tn_shapes_equal(&shape, &here) && at_tensor_file_dtype(file, i) == at_dtype_of(wanted->tensor)) return i;
    c->mismatched++;
    fprintf(c->text, "\n  mismatched: %s, %s in the file, %s here", wanted->name, describe(file, i),
            tn_describe(wanted->tensor));
    return -1;
}

static void find_unexpected(comparison *c, at_tensor_file *file, const char *prefix) {
    for (int i = 0; i < at_tensor_file_count(file); i++) {
        const char *name = at_tensor_file_name(file, i);
        if (c->used[i] || strncmp(name, prefix, strlen(prefix)) != 0) continue;
        c->unexpected++;
        fprintf(c->text, "\n  unexpected: %s, %s", name, describe(file, i));
    }
}

/* Says how they differ where they do; false where that is an error. */
static bool judge(const comparison *c, const char *text, at_tensor_file *file, const nn_read_options *o) {
    if (c->missing + c->unexpected + c->mismatched == 0) return true;
    char counts[128];
    snprintf(counts, sizeof counts, "%d missing, %d unexpected, %d mismatched", c->missing, c->unexpected,
             c->mismatched);
    const char *path = tn_tensor_file_path(file);
    if (o->report) fprintf(o->report, "%s: \"%s\": %s%s\n", o->function, path, counts, text);
    if (o->partial) return true;
    return at_fail(AT_ERROR_VALUE, "%s: \"%s\" does not fit: %s%s", o->function, path, counts, text);
}

static bool read_matches(nn_state *loaded, const nn_state *wanted, at_tensor_file *file, const int *matches) {
    for (int i = 0; i < wanted->count; i++)
        if (matches[i] >= 0 && !nn_state_add(loaded, at_tensor_file_read(file, matches[i]), "", wanted->items[i].name))
            return false;
    return true;
}

bool nn_state_read(nn_state *loaded, const nn_state *wanted, at_tensor_file *file, const nn_read_options *o) {
    size_t match_bytes = (size_t)wanted->count * sizeof(int), used_bytes = (size_t)at_tensor_file_count(file);
    int *matches = tn_allocate(match_bytes);
    bool *used = matches ? tn_allocate(used_bytes) : NULL;
    char *text = NULL;
    size_t length = 0;
    comparison c = {.text = used ? open_memstream(&text, &length) : NULL, .used = used};
    bool good = c.text || (used && tn_fail_memory(used_bytes));
    if (good) memset(used, 0, used_bytes);
    for (int i = 0; good && i < wanted->count; i++) matches[i] = match(&c, file, &wanted->items[i]);
    if (good) find_unexpected(&c, file, o->prefix);
    if (c.text && fclose(c.text) != 0) good = tn_fail_memory(length);
    good = good && judge(&c, text, file, o) && read_matches(loaded, wanted, file, matches);
    free(text);
    tn_deallocate(used, used_bytes);
    tn_deallocate(matches, match_bytes);
    return good;
}
