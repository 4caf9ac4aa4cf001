/* autograd/backward.c - the backward pass: reverse-mode differentiation of one recorded graph.
 *
 * The nodes below the root are put in an order where each comes after what it was computed from (order.c), then
 * visited from the root down: when a node's turn comes, all contributions to its gradient are there. */
#include <string.h>

#include "internal.h"

/* What a rule is called with, for each input of the node whose turn it is. */
typedef struct {
    at_tensor **x, **dx;
    ag_entry **to; /* where the gradient goes, or NULL */
    bool *needed;  /* whether it is wanted */
} rule_space;

typedef struct {
    ag_graph graph; /* entries[i].grad gathers the contributions */
    rule_space space;
    bool create_graph;
    FILE *trace; /* where to tell what happens, or NULL */
} pass;

/* ---- one node ---------------------------------------------------------------------------------------------------- */

TN_RARE static void *fail_gradient(const at_tensor *d, const ag_node *node, int i) {
    if (!tn_is_floating(d->value->dtype))
        return at_fail(AT_ERROR_STATE, "%s: its rule gives a gradient of dtype %s by input %d: want floating point",
                       ag_node_name(node), at_dtype_name(d->value->dtype), i);
    return at_fail(AT_ERROR_STATE,
                   "%s: its rule gives a gradient of shape %s by input %d, which has shape %s: want that shape, or one "
                   "that it broadcasts to, or that broadcasts to it",
                   ag_node_name(node), tn_shape_text(&d->value->shape), i, tn_shape_text(&node->input[i].value->shape));
}

/* d in the shape and dtype of the input that it is a gradient by. */
static at_tensor *fit(at_tensor *d, const ag_node *node, int i) {
    const tn_value *input = node->input[i].value;
    at_shape both;
    if (!tn_is_floating(d->value->dtype)) return fail_gradient(d, node, i);
    if (!tn_shapes_equal(&d->value->shape, &input->shape)) {
        bool broadcast = tn_shapes_broadcast(&d->value->shape, &input->shape, &both);
        bool larger = broadcast && tn_shapes_equal(&both, &d->value->shape);
        bool smaller = broadcast && tn_shapes_equal(&both, &input->shape);
        if (!larger && !smaller) return fail_gradient(d, node, i);
        d = larger ? ag_sum_to(d, &input->shape) : at_expand_shape(d, input->shape);
    }
    return d && d->value->dtype != input->dtype ? at_to(d, input->dtype) : d;
}

/* What a rule leaves out is zero. */
TN_RARE static at_tensor *zeros_for(const tn_value *input) {
    at_operand zero = at_operand_integer(0);
    at_tensor *d = tn_tensor_from(tn_value_number(zero, input->dtype));
    return d ? at_expand_shape(d, input->shape) : NULL;
}

static TN_INLINE bool add_to(at_tensor **grad, at_tensor *d) {
    at_tensor *old = *grad;
    if (!old) {
        *grad = tn_retain(d);
        return true;
    }
    bool alone = !ag_grad_mode() && tn_count_of(&old->refs) == 1;
    if (alone && tn_value_add_scalar(old->value, d->value)) return true;
    at_tensor *sum = at_add(old, d);
    if (!sum) return false;
    *grad = tn_retain(sum);
    tn_release(old);
    return true;
}

/* d to the sum of the gradients by input i. */
static TN_INLINE bool hand_on(pass *p, const ag_node *node, int i, at_tensor *d) {
    if (p->trace && !ag_trace_contribution(p->trace, &p->graph, node, i, d)) return false;
    return add_to(&p->space.to[i]->grad, d);
}

/* Whether elements may be added to in their place: nobody else sees them, and they lie row by row. */
static bool is_own(const tn_value *v) {
    return tn_count_of(&v->refs) == 1 && tn_count_of(&v->readers) == 0 && !atomic_load(&v->packed) &&
           tn_count_of(&atomic_load(&v->buffer)->refs) == 1 && tn_is_contiguous(v);
}

/* d is a gradient by a window of the input. With zeros around it, it would be as large as the input for each of many
 * slices: where there is a sum already it is added in place. */
static bool add_to_window(pass *p, const ag_node *node, at_tensor *d) {
    const ag_parameters *slice = node->parameters;
    at_tensor *sum = p->space.to[0]->grad;
    const tn_value *input = node->input[0].value;
    bool last = slice->dim == input->shape.ndim - 1;
    bool alone = sum && !p->trace && !ag_grad_mode() && tn_count_of(&sum->refs) == 1 && (slice->step == 1 || !last);
    if (alone && !tn_value_store(sum->value)) return false;
    if (alone && d->value->dtype == sum->value->dtype && is_own(sum->value))
        return ag_add_within(sum->value, d->value, slice);
    d = ag_embed(d, &input->shape, slice->dim, slice->start, slice->step);
    return d && hand_on(p, node, 0, d);
}

static bool contribute(pass *p, const ag_node *node) {
    const rule_space s = p->space;
    for (int i = 0; i < node->n_inputs; i++) {
        if (!s.needed[i]) continue;
        const tn_value *input = node->input[i].value;
        at_tensor *d = s.dx[i] ? s.dx[i] : zeros_for(input);
        if (d && !tn_are_scalars(d->value, input)) d = fit(d, node, i);
        if (!d || !hand_on(p, node, i, d)) return false;
    }
    return true;
}

static ag_rule *const rules[] = {
#define DIFFERENTIABLE(name, formula) ag_rule_##name,
#define CONSTANT(name)                NULL,
#include "operations.def"
#undef DIFFERENTIABLE
#undef CONSTANT
};

/* An input as it was when the operation was recorded: the tensor of its node, but a leaf may have another value now. */
static at_tensor *input_tensor(const ag_input *input, ag_entry *e) {
    if (!e) return ag_tensor(input->value, NULL);
    if (input->node->result.value) return &input->node->result;
    if (!e->leaf || e->leaf->value != input->value) at_assign(&e->leaf, ag_tensor(input->value, input->node));
    return e->leaf;
}

/* Calls the rule of a node with its inputs and hands on what it returns. */
static bool visit_node(pass *p, const ag_entry *e) {
    const ag_node *node = e->node;
    const rule_space s = p->space;
    for (int i = 0; i < node->n_inputs; i++) {
        const ag_input *input = &node->input[i];
        ag_entry *to = input->node ? ag_find(&p->graph, input->node) : NULL;
        s.dx[i] = NULL;
        s.to[i] = to;
        s.needed[i] = to && to->needed;
        if (!(s.x[i] = input_tensor(input, to))) return false;
    }
    unsigned before = tn_failures();
    ag_vjp v = {.g = e->grad,
                .y = &e->node->result,
                .x = s.x,
                .n = node->n_inputs,
                .needed = s.needed,
                .parameters = node->parameters,
                .dx = s.dx};
    rules[node->operation](&v);
    if (tn_failed_since(before)) return false;
    return v.window ? add_to_window(p, node, v.dx[0]) : contribute(p, node);
}

/* ---- the pass ---------------------------------------------------------------------------------------------------- */

/* Room for the inputs of any node. */
static size_t space_bytes(int64_t n) {
    return (size_t)n * (2 * sizeof(at_tensor *) + sizeof(ag_entry *) + sizeof(bool));
}

static bool make_space(pass *p) {
    int64_t n = p->graph.most_inputs;
    if (n == 0) return true; /* a leaf alone */
    p->space.x = tn_memory_new(space_bytes(n));
    if (!p->space.x) return false;
    p->space.dx = p->space.x + n;
    p->space.to = (ag_entry **)(void *)(p->space.dx + n);
    p->space.needed = (bool *)(void *)(p->space.to + n);
    return true;
}

static void end_pass(pass *p) {
    if (p->space.x) tn_memory_free(p->space.x, space_bytes(p->graph.most_inputs));
    ag_graph_end(&p->graph);
}

static void mark_needed(pass *p, const bool *wanted) {
    for (int64_t i = 0; i < p->graph.count; i++) {
        ag_entry *e = &p->graph.entries[i];
        e->needed = wanted[i];
        for (int j = 0; j < e->node->n_inputs && !e->needed; j++)
            e->needed = e->node->input[j].node && ag_find(&p->graph, e->node->input[j].node)->needed;
    }
}

/* Hooks see a gradient when all contributions are in, and may replace it or write to it: in a tensor of its own, as
 * another node may have been given the same one. */
TN_RARE static bool call_hooks(ag_entry *e) {
    at_tensor *own = ag_tensor(e->grad->value, e->grad->node);
    if (!own) return false;
    at_assign(&e->grad, own);
    for (const ag_hook *hook = e->node->hooks; hook; hook = hook->next) {
        if (!hook->function) continue;
        unsigned before = tn_failures();
        at_tensor *g = hook->function(e->grad, hook->context);
        if (tn_failed_since(before)) return false;
        if (!g) continue;
        if (!tn_shapes_equal(&g->value->shape, &e->grad->value->shape) || g->value->dtype != e->grad->value->dtype)
            return at_fail(AT_ERROR_SHAPE, "hook: the gradient is %s and its replacement %s: they must be alike",
                           tn_describe(e->grad), tn_describe(g));
        at_assign(&e->grad, g);
    }
    return true;
}

static bool keeps_gradient(const ag_node *node) { return node->operation == AG_LEAF || node->retains_grad; }

/* From the root down, in a scope of its own. Gradients of nodes in between are let go of as soon as they have been handed on, unless wanted. */
static bool run(pass *p, const bool *wanted) {
    for (int64_t i = p->graph.count - 1; i >= 0; i--) {
        ag_entry *e = &p->graph.entries[i];
        if (!e->needed || !e->grad) continue;
        if (e->node->hooks && !call_hooks(e)) return false;
        if (p->trace && !ag_trace_node(p->trace, &p->graph, i)) return false;
        if (e->node->operation != AG_LEAF && !visit_node(p, e)) return false;
        tn_scope_clear();
        if (keeps_gradient(e->node) || (wanted && wanted[i])) continue;
        tn_release(e->grad);
        e->grad = NULL;
    }
    return true;
}

/* The gradient to start from: grad_output, or 1. */
static bool start_pass(pass *p, at_tensor *t, at_tensor *grad_output) {
    if (!ag_put_in_order(&p->graph, t->node) || !make_space(p)) return false;
    at_tensor *g = grad_output ? grad_output : at_ones_like(t);
    if (!g) return false;
    p->graph.entries[p->graph.count - 1].grad = at_retain(g);
    return true;
}

static bool check_root(const char *function, at_tensor *t, at_tensor *grad_output) {
    if (!at_requires_grad(t))
        return at_fail(AT_ERROR_STATE, "%s: %s does not depend on anything that requires a gradient", function,
                       tn_describe(t));
    if (!grad_output) {
        if (t->value->numel == 1) return true;
        return at_fail(AT_ERROR_SHAPE,
                       "%s: %s: want one element (at_sum makes it one, at_backward_with takes a gradient)", function,
                       tn_describe(t));
    }
    bool same_shape = tn_shapes_equal(&t->value->shape, &grad_output->value->shape);
    if (same_shape && t->value->dtype == grad_output->value->dtype) return true;
    return at_fail(same_shape ? AT_ERROR_DTYPE : AT_ERROR_SHAPE, "%s: grad_output is %s and t %s: they must be alike",
                   function, tn_describe(grad_output), tn_describe(t));
}

/* ---- into the leaves --------------------------------------------------------------------------------------------- */

/* Adds what the tensor has already, and computes it: a gradient keeps nothing of the graph alive. It becomes a tensor
 * of its own, as several leaves may have been given the same one. */
static bool finish_gradient(ag_entry *e) {
    bool good = !e->node->grad || add_to(&e->grad, e->node->grad);
    at_tensor *own = good && tn_value_store(e->grad->value) ? ag_tensor(e->grad->value, NULL) : NULL;
    if (own) at_assign(&e->grad, own);
    return own != NULL;
}

/* Nothing has changed until every gradient is there; after that nothing can fail. */
static bool finish_gradients(pass *p) {
    bool good = true;
    for (int64_t i = 0; i < p->graph.count && good; i++) {
        ag_entry *e = &p->graph.entries[i];
        if (!e->grad || !keeps_gradient(e->node)) continue;
        AT_SCOPE { good = finish_gradient(e); }
    }
    for (int64_t i = 0; i < p->graph.count && good; i++) {
        ag_entry *e = &p->graph.entries[i];
        if (e->grad && keeps_gradient(e->node)) at_assign(&e->node->grad, e->grad);
    }
    return good;
}

static bool backward(const char *function, at_tensor *t, at_tensor *grad_output, FILE *trace) {
    AG_CHECK_TENSOR(function, t);
    AT_CALL(function);
    if (!check_root(function, t, grad_output)) return false;
    pass p = {.trace = trace};
    bool good = false, recording = ag_set_grad_mode(false);
    AT_SCOPE {
        good = start_pass(&p, t, grad_output);
        AT_SCOPE { good = good && run(&p, NULL); }
        good = good && finish_gradients(&p);
        end_pass(&p);
    }
    ag_set_grad_mode(recording);
    return good;
}

bool at_backward(at_tensor *t) { return backward("backward", t, NULL, NULL); }

bool at_backward_with(at_tensor *t, at_tensor *grad_output) {
    AG_CHECK_TENSOR("backward_with", t);
    AG_CHECK_TENSOR("backward_with", grad_output);
    return backward("backward_with", t, grad_output, NULL);
}

bool at_backward_trace(FILE *file, at_tensor *t) {
    if (!file) return at_fail_null("backward_trace", "file");
    return backward("backward_trace", t, NULL, file);
}

/* ---- by chosen tensors ------------------------------------------------------------------------------------------- */

static bool check_inputs(at_tensor *const *inputs, int n, at_tensor **grads) {
    if (n < 0) return at_fail(AT_ERROR_VALUE, "gradients: n is %d: must not be negative", n);
    if (n > 0 && !inputs) return at_fail_null("gradients", "inputs");
    if (n > 0 && !grads) return at_fail_null("gradients", "grads");
    for (int i = 0; i < n; i++) {
        if (!inputs[i]) return tn_fail_null_element("gradients", "inputs", i);
        if (!at_requires_grad(inputs[i]))
            return at_fail(AT_ERROR_STATE, "gradients: input %d, %s, does not require a gradient", i,
                           tn_describe(inputs[i]));
    }
    return true;
}

static bool collect(const pass *p, at_tensor *const *inputs, int n, at_tensor **grads) {
    for (int i = 0; i < n; i++) {
        const ag_entry *e = ag_find(&p->graph, inputs[i]->node);
        at_tensor *g = e ? ag_tensor(e->grad->value, e->grad->node) : at_zeros_like(inputs[i]);
        if (!g || !(p->create_graph || tn_value_store(g->value))) return false;
        grads[i] = g;
    }
    return true;
}

static bool run_for(pass *p, at_tensor *const *inputs, int n) {
    bool *wanted = tn_memory_new((size_t)p->graph.count);
    if (!wanted) return false;
    memset(wanted, 0, (size_t)p->graph.count);
    for (int i = 0; i < n; i++) {
        ag_entry *e = ag_find(&p->graph, inputs[i]->node);
        if (e) wanted[e - p->graph.entries] = true;
    }
    mark_needed(p, wanted);
    bool good = false;
    AT_SCOPE { good = run(p, wanted); }
    tn_memory_free(wanted, (size_t)p->graph.count);
    return good;
}

bool at_gradients(at_tensor *output, at_tensor *const *inputs, int n, bool create_graph, at_tensor **grads) {
    AG_CHECK_TENSOR("gradients", output);
    AT_CALL("gradients");
    if (!check_inputs(inputs, n, grads) || !check_root("gradients", output, NULL)) return false;
    pass p = {.create_graph = create_graph};
    size_t bytes = (size_t)(n > 0 ? n : 1) * sizeof(at_tensor *);
    at_tensor **found = tn_memory_new(bytes);
    if (!found) return false;
    bool good = false, recording = ag_set_grad_mode(create_graph);
    AT_SCOPE {
        good = start_pass(&p, output, NULL) && run_for(&p, inputs, n) && collect(&p, inputs, n, found);
        good = good && tn_scope_reserve(tn_self(), (size_t)n);
        for (int i = 0; i < n && good; i++) at_retain(found[i]);
        end_pass(&p);
    }
    ag_set_grad_mode(recording);
    for (int i = 0; i < n && good; i++) grads[i] = tn_scope_add(tn_self(), found[i]); /* which has room */
    tn_memory_free(found, bytes);
    return good;
}
