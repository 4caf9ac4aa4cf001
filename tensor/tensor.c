/* tensor/tensor.c - tensors: a counted hold on a value, owned by scopes. */
#include <stddef.h>
#include <string.h>

#include "evaluate.h"

const char *at_version(void) { return "0.1.0"; }

/* ---- counts ------------------------------------------------------------------------------------------------------ */

static void (*end_node)(void *node);
static bool (*node_is_leaf)(void *node);

void tn_set_node_functions(void (*end)(void *node), bool (*is_leaf)(void *node)) {
    end_node = end;
    node_is_leaf = is_leaf;
}

bool tn_node_is_leaf(void *node) { return node_is_leaf(node); }

at_tensor *at_retain(at_tensor *t) {
    if (!t) return tn_fail_null("retain", "t");
    return tn_retain(t);
}

static tn_value *value_around(at_tensor *t) { return (tn_value *)(void *)((char *)t - offsetof(tn_value, handle)); }

static TN_INLINE void end_tensor(at_tensor *t) {
    if (t->node == t) {
        end_node(t);
        return;
    }
    tn_release(t->node);
    if (t->within_value) {
        if (t->value != value_around(t)) tn_value_release(t->value);
        tn_scalar_release(value_around(t));
    } else {
        tn_value_release(t->value);
        tn_object_free(t, sizeof *t);
    }
}

void tn_tensor_end(at_tensor *t) { end_tensor(t); }

void at_release(at_tensor *t) { tn_release(t); }

void at_assign(at_tensor **slot, at_tensor *t) {
    if (!slot) {
        at_fail_null("assign", "slot");
        return;
    }
    at_tensor *old = *slot;
    *slot = t ? tn_retain(t) : NULL;
    tn_release(old);
}

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

bool tn_scope_grow(tn_thread *self) {
    size_t capacity = self->scope_capacity ? 2 * self->scope_capacity : 64;
    size_t bytes = self->scope_capacity * sizeof(at_tensor *);
    at_tensor **grown = tn_allocate_more(self->scope, bytes, capacity * sizeof *grown);
    if (!grown) return false;
    self->scope = grown;
    self->scope_capacity = capacity;
    return true;
}

bool tn_scope_reserve(tn_thread *self, size_t n) {
    while (self->scope_capacity - self->scope_count < n)
        if (!tn_scope_grow(self)) return false;
    return true;
}

static void scope_release_to(tn_thread *self, size_t base) {
    while (self->scope_count > base) {
        at_tensor *t = self->scope[--self->scope_count];
        if (tn_count_down(&t->refs)) end_tensor(t);
    }
}

at_scope_guard at_scope_open(void) {
    tn_thread *self = tn_self();
    at_scope_guard guard = {.outer = self->scope_base, .open = true};
    self->scope_base = self->scope_count;
    self->scope_depth++;
    return guard;
}

void at_scope_close(at_scope_guard *guard) {
    if (!guard->open) return;
    tn_thread *self = tn_self();
    scope_release_to(self, self->scope_base);
    self->scope_base = guard->outer;
    self->scope_depth--;
    guard->open = false;
}

void tn_scope_clear(void) {
    tn_thread *self = tn_self();
    scope_release_to(self, self->scope_base);
}

void tn_scope_close_all(tn_thread *self) {
    scope_release_to(self, 0);
    self->scope_base = 0;
}

void tn_scope_free(tn_thread *self) {
    tn_deallocate(self->scope, self->scope_capacity * sizeof *self->scope);
    self->scope = NULL;
    self->scope_capacity = 0;
}

at_tensor *at_scope_return(at_tensor *t) {
    if (!t) return tn_fail_null("scope_return", "t");
    tn_thread *self = tn_self();
    size_t at = self->scope_count;
    while (at > self->scope_base && self->scope[at - 1] != t) at--;
    if (at > self->scope_base) {
        at--;
    } else { /* another scope or a slot holds it: the enclosing scope gets a hold of its own */
        if (!tn_scope_push(self, t)) return NULL;
        tn_retain(t);
        at = self->scope_count - 1;
    }
    if (self->scope_depth == 0) return t; /* nothing encloses the outermost scope */
    self->scope[at] = self->scope[self->scope_base];
    self->scope[self->scope_base++] = t; /* now the enclosing scope's last */
    return t;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

at_tensor *tn_tensor_new(at_dtype dtype, const at_shape *shape, void **data) {
    at_tensor *t = tn_tensor_from(tn_value_new(dtype, shape));
    if (t) *data = tn_data(t->value);
    return t;
}

/* A value that has t within itself is held for that as long as there is t. */
void tn_tensor_set_value(at_tensor *t, tn_value *v) {
    tn_value *old = t->value;
    t->value = v;
    if (!t->within_value || old != value_around(t)) tn_value_release(old);
}

void tn_tensor_replace(at_tensor *t, at_tensor *other) { tn_tensor_set_value(t, tn_value_retain(other->value)); }
