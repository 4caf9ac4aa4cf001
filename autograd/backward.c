/* autograd/backward.c - the backward pass: reverse-mode differentiation of one recorded graph.
 *
 * The nodes below the root are put in an order where each comes after what it was computed from (depth first, without
 * recursion), then visited from the root down: when a node's turn comes, all contributions to its gradient are there. What a
 * pass needs to know of a node it keeps in tables of its own, so that threads can run passes over shared leaves. */
#include <string.h>

#include "internal.h"

typedef struct {
    ag_node *node;
    at_tensor *grad; /* held; NULL while there is none */
    bool needed;     /* it is, or leads to, something whose gradient is wanted */
} entry;

typedef struct {
    entry *entries; /* in the order of computation; the root is last */
    int64_t count, capacity;
    int64_t *table; /* open addressing: indices into entries, or -1; 2^bits of them */
    int bits;
    bool create_graph;
    tn_buffer *entry_memory, *table_memory;
} pass;

/* Memory from the pool for an array that grows: a loop's later turns find what its first ones freed. */
static void *grown(tn_buffer **memory, size_t used, size_t bytes) {
    tn_buffer *larger = tn_buffer_new((int64_t)bytes);
    if (!larger) return NULL;
    if (used) memcpy(larger->data, (*memory)->data, used);
    tn_buffer_release(*memory);
    *memory = larger;
    return larger->data;
}

/* ---- tables ------------------------------------------------------------------------------------------------------------- */

static size_t slot_of(const pass *p, const ag_node *node) {
    size_t mask = ((size_t)1 << p->bits) - 1;
    size_t slot = (size_t)((uint64_t)(uintptr_t)node * UINT64_C(0x9E3779B97F4A7C15) >> (64 - p->bits));
    while (p->table[slot] >= 0 && p->entries[p->table[slot]].node != node) slot = (slot + 1) & mask;
    return slot;
}

static entry *find(const pass *p, const ag_node *node) {
    int64_t i = p->table[slot_of(p, node)];
    return i < 0 ? NULL : &p->entries[i];
}

static bool grow(pass *p) {
    int bits = p->bits ? p->bits + 1 : 6;
    size_t slots = (size_t)1 << bits;
    entry *entries = grown(&p->entry_memory, (size_t)p->count * sizeof *entries, slots / 2 * sizeof *entries);
    if (!entries) return false;
    p->entries = entries;
    int64_t *table = grown(&p->table_memory, 0, slots * sizeof *table);
    if (!table) return false;
    p->table = table;
    p->bits = bits;
    p->capacity = (int64_t)(slots / 2);
    memset(table, -1, slots * sizeof *table);
    for (int64_t i = 0; i < p->count; i++) table[slot_of(p, entries[i].node)] = i;
    return true;
}

static bool append(pass *p, ag_node *node) {
    if (p->count == p->capacity && !grow(p)) return false;
    p->table[slot_of(p, node)] = p->count;
    p->entries[p->count++] = (entry){.node = node};
    return true;
}

/* ---- the order of computation ------------------------------------------------------------------------------------------- */

typedef struct {
    ag_node *node;
    int next; /* input to look at */
} visit;

typedef struct {
    visit *visits;
    int64_t count, capacity;
    tn_buffer *memory;
} visit_stack;

static bool push(visit_stack *s, ag_node *node) {
    if (s->count == s->capacity) {
        int64_t capacity = s->capacity ? 2 * s->capacity : 64;
        visit *visits = grown(&s->memory, (size_t)s->count * sizeof *visits, (size_t)capacity * sizeof *visits);
        if (!visits) return false;
        s->visits = visits;
        s->capacity = capacity;
    }
    s->visits[s->count++] = (visit){.node = node};
    return true;
}

/* A node that is met again while it is still on the stack would be part of a cycle, which recording cannot make; one that
 * is met again later is in the table. */
static bool put_in_order(pass *p, ag_node *root) {
    visit_stack stack = {0};
    bool good = grow(p) && push(&stack, root);
    while (good && stack.count > 0) {
        visit *top = &stack.visits[stack.count - 1];
        if (top->next < top->node->n_inputs) {
            ag_node *input = top->node->input[top->next++].node;
            if (input && !find(p, input)) good = push(&stack, input);
        } else {
            ag_node *node = top->node;
            stack.count--;
            if (!find(p, node)) good = append(p, node);
        }
    }
    tn_buffer_release(stack.memory);
    return good;
}

/* ---- one node ----------------------------------------------------------------------------------------------------------- */

/* d in the shape and dtype of the input that it is a gradient by. */
static at_tensor *fit(at_tensor *d, const tn_value *input) {
    if (d && !tn_shapes_equal(&d->value->shape, &input->shape)) d = ag_sum_to(d, &input->shape);
    if (d && d->value->dtype != input->dtype) d = at_to(d, input->dtype);
    return d;
}

/* What a rule leaves out is zero. */
static at_tensor *zeros_for(const tn_value *input) {
    at_operand zero = at_operand_integer(0);
    at_tensor *d = tn_tensor_from(tn_value_number(zero, input->dtype));
    return d ? at_expand_shape(d, input->shape) : NULL;
}

static bool add_to(at_tensor **grad, at_tensor *d) {
    at_tensor *sum = *grad ? at_add(*grad, d) : d;
    if (!sum) return false;
    at_assign(grad, sum);
    return true;
}

static bool contribute(pass *p, const ag_node *node, at_tensor *const *dx, const bool *needed) {
    for (int i = 0; i < node->n_inputs; i++) {
        if (!needed[i]) continue;
        at_tensor *d = dx[i] ? fit(dx[i], node->input[i].value) : zeros_for(node->input[i].value);
        if (!d || !add_to(&find(p, node->input[i].node)->grad, d)) return false;
    }
    return true;
}

static ag_rule *const rules[] = {
#define DIFFERENTIABLE(name) ag_rule_##name,
#define CONSTANT(name) NULL,
#include "operations.def"
#undef DIFFERENTIABLE
#undef CONSTANT
};

enum { USUAL_INPUTS = 8 };

typedef struct {
    at_tensor *x[USUAL_INPUTS], *dx[USUAL_INPUTS];
    bool needed[USUAL_INPUTS];
} rule_space;

/* Calls the rule of a node with its inputs and hands on what it returns. x, dx and needed have room for all inputs. */
static bool apply_rule(pass *p, const entry *e, at_tensor **x, at_tensor **dx, bool *needed) {
    ag_node *node = e->node;
    for (int i = 0; i < node->n_inputs; i++) {
        const ag_input *input = &node->input[i];
        dx[i] = NULL;
        needed[i] = input->node && find(p, input->node)->needed;
        if (!(x[i] = ag_tensor(input->value, input->node))) return false;
    }
    at_tensor *y = ag_tensor(node->value, node);
    if (!y) return false;
    at_error_kind before = at_error_code();
    ag_vjp v = {.g = e->grad, .y = y, .x = x, .n = node->n_inputs, .needed = needed, .parameters = node->parameters, .dx = dx};
    rules[node->operation](&v);
    return at_error_code() == before && contribute(p, node, dx, needed);
}

static bool visit_node(pass *p, const entry *e) {
    int n = e->node->n_inputs;
    rule_space usual;
    if (n <= USUAL_INPUTS) return apply_rule(p, e, usual.x, usual.dx, usual.needed);
    size_t bytes = (size_t)n * (2 * sizeof(at_tensor *) + sizeof(bool));
    at_tensor **space = tn_memory_new(bytes);
    if (!space) return false;
    bool good = apply_rule(p, e, space, space + n, (bool *)(space + 2 * n));
    tn_memory_free(space, bytes);
    return good;
}

/* ---- the pass ----------------------------------------------------------------------------------------------------------- */

static void mark_needed(pass *p) {
    for (int64_t i = 0; i < p->count; i++) {
        entry *e = &p->entries[i];
        for (int j = 0; j < e->node->n_inputs && !e->needed; j++)
            e->needed = e->node->input[j].node && find(p, e->node->input[j].node)->needed;
    }
}

/* From the root down. Gradients of nodes in between are let go of as soon as they have been handed on, unless wanted. */
static bool run(pass *p, const bool *wanted) {
    bool good = true;
    for (int64_t i = p->count - 1; i >= 0 && good; i--) {
        entry *e = &p->entries[i];
        if (!e->needed || !e->grad || e->node->operation == AG_LEAF) continue;
        AT_SCOPE { good = visit_node(p, e); }
        if (!wanted || !wanted[i]) at_assign(&e->grad, NULL);
    }
    return good;
}

static void end_pass(pass *p) {
    for (int64_t i = 0; i < p->count; i++) at_release(p->entries[i].grad);
    tn_buffer_release(p->entry_memory);
    tn_buffer_release(p->table_memory);
}

/* The gradient to start from: grad_output, or 1. */
static bool start_pass(pass *p, at_tensor *t, at_tensor *grad_output) {
    if (!put_in_order(p, t->node)) return false;
    at_tensor *g = grad_output ? grad_output : at_ones_like(t);
    if (!g) return false;
    p->entries[p->count - 1].grad = at_retain(g);
    return true;
}

static bool check_root(const char *function, at_tensor *t, at_tensor *grad_output) {
    if (!at_requires_grad(t))
        return at_fail(AT_ERROR_STATE, "%s: %s does not depend on anything that requires a gradient", function, tn_describe(t));
    if (!grad_output) {
        if (t->value->numel == 1) return true;
        return at_fail(AT_ERROR_SHAPE, "%s: %s: want one element (at_sum makes it one, at_backward_with takes a gradient)",
                       function, tn_describe(t));
    }
    if (tn_shapes_equal(&t->value->shape, &grad_output->value->shape) && t->value->dtype == grad_output->value->dtype)
        return true;
    return at_fail(AT_ERROR_SHAPE, "%s: grad_output is %s and t %s: they must be alike", function, tn_describe(grad_output),
                   tn_describe(t));
}

/* ---- into the leaves ---------------------------------------------------------------------------------------------------- */

/* Adds what the leaf has already, and computes it: a gradient keeps nothing of the graph alive. */
static bool finish_leaf(entry *e) {
    if (!e->grad || e->node->operation != AG_LEAF) return true;
    bool good = !e->node->grad || add_to(&e->grad, e->node->grad);
    return good && tn_value_store(e->grad->value);
}

/* Nothing has changed until every gradient is there; after that nothing can fail. */
static bool finish_leaves(pass *p) {
    bool good = true;
    for (int64_t i = 0; i < p->count && good; i++) AT_SCOPE { good = finish_leaf(&p->entries[i]); }
    for (int64_t i = 0; i < p->count && good; i++) {
        entry *e = &p->entries[i];
        if (e->grad && e->node->operation == AG_LEAF) at_assign(&e->node->grad, e->grad);
    }
    return good;
}

static bool backward(const char *function, at_tensor *t, at_tensor *grad_output) {
    AG_CHECK_TENSOR(function, t);
    if (!check_root(function, t, grad_output)) return false;
    pass p = {0};
    bool good = false, recording = ag_set_grad_mode(false);
    AT_SCOPE {
        good = start_pass(&p, t, grad_output);
        for (int64_t i = 0; i < p.count; i++) p.entries[i].needed = p.entries[i].node->requires_grad;
        good = good && run(&p, NULL) && finish_leaves(&p);
        end_pass(&p);
    }
    ag_set_grad_mode(recording);
    return good;
}

bool at_backward(at_tensor *t) { return backward("backward", t, NULL); }

bool at_backward_with(at_tensor *t, at_tensor *grad_output) {
    AG_CHECK_TENSOR("backward_with", t);
    AG_CHECK_TENSOR("backward_with", grad_output);
    return backward("backward_with", t, grad_output);
}

/* ---- by chosen tensors -------------------------------------------------------------------------------------------------- */

static bool check_inputs(at_tensor *const *inputs, int n, at_tensor **grads) {
    if (n > 0 && !inputs) return at_fail_null("gradients", "inputs");
    if (n > 0 && !grads) return at_fail_null("gradients", "grads");
    for (int i = 0; i < n; i++) {
        AG_CHECK_TENSOR("gradients", inputs[i]);
        if (!inputs[i]->node)
            return at_fail(AT_ERROR_STATE, "gradients: input %d, %s, does not require a gradient", i, tn_describe(inputs[i]));
    }
    return true;
}

static bool collect(const pass *p, at_tensor *const *inputs, int n, at_tensor **grads) {
    for (int i = 0; i < n; i++) {
        const entry *e = find(p, inputs[i]->node);
        at_tensor *g = e && e->grad ? e->grad : at_zeros_like(inputs[i]);
        if (!g || !(p->create_graph || tn_value_store(g->value))) return false;
        grads[i] = g;
    }
    return true;
}

static bool run_for(pass *p, at_tensor *const *inputs, int n) {
    bool *wanted = tn_memory_new((size_t)p->count);
    if (!wanted) return false;
    memset(wanted, 0, (size_t)p->count);
    for (int i = 0; i < n; i++) {
        entry *e = find(p, inputs[i]->node);
        if (e) wanted[e - p->entries] = e->needed = true;
    }
    mark_needed(p);
    bool good = run(p, wanted);
    tn_memory_free(wanted, (size_t)p->count);
    return good;
}

bool at_gradients(at_tensor *output, at_tensor *const *inputs, int n, bool create_graph, at_tensor **grads) {
    AG_CHECK_TENSOR("gradients", output);
    if (!check_inputs(inputs, n, grads) || !check_root("gradients", output, NULL)) return false;
    pass p = {.create_graph = create_graph};
    size_t bytes = (size_t)(n > 0 ? n : 1) * sizeof(at_tensor *);
    at_tensor **found = tn_memory_new(bytes);
    if (!found) return false;
    bool good = false, recording = ag_set_grad_mode(create_graph);
    AT_SCOPE {
        good = start_pass(&p, output, NULL) && run_for(&p, inputs, n) && collect(&p, inputs, n, found);
        for (int i = 0; i < n && good; i++) at_retain(found[i]);
        end_pass(&p);
    }
    ag_set_grad_mode(recording);
    for (int i = 0; i < n && good; i++) grads[i] = found[i];
    for (int i = 0; i < n && good; i++) good = tn_scope_add(found[i]) != NULL;
    tn_memory_free(found, bytes);
    return good;
}
