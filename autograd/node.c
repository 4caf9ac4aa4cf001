/* autograd/node.c - the gradient graph: recording operations, leaves, and letting go of graphs of any depth. */
#include <string.h>

#include "internal.h"

const char *const ag_names[] = {
#define DIFFERENTIABLE(name, formula) #name,
#define CONSTANT(name)                #name,
#include "operations.def"
#undef DIFFERENTIABLE
#undef CONSTANT
    "leaf"};

const char *ag_formula(ag_operation operation) {
    static const char *const formulas[] = {
#define DIFFERENTIABLE(name, formula) formula,
#define CONSTANT(name)                "",
#include "operations.def"
#undef DIFFERENTIABLE
#undef CONSTANT
        ""};
    return formulas[operation];
}

/* ---- grad mode --------------------------------------------------------------------------------------------------- */

_Thread_local bool ag_paused TN_FIXED_PLACE;

bool ag_set_grad_mode(bool on) {
    bool before = !ag_paused;
    ag_paused = !on;
    return before;
}

at_grad_guard at_no_grad_open(void) { return (at_grad_guard){.before = ag_set_grad_mode(false), .open = true}; }

void at_no_grad_close(at_grad_guard *guard) {
    if (guard->open) ag_set_grad_mode(guard->before);
    guard->open = false;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static size_t node_size(int n_inputs, bool parameters) {
    return sizeof(ag_node) + (size_t)n_inputs * sizeof(ag_input) + (parameters ? sizeof(ag_parameters) : 0);
}

static bool is_leaf(void *node) { return ((ag_node *)node)->operation == AG_LEAF; }

static inline ag_node *node_new(ag_operation operation, int n_inputs, const ag_parameters *parameters) {
    size_t size = node_size(n_inputs, parameters != NULL);
    ag_node *node = tn_memory_new(size);
    if (!node) return NULL;
    tn_tensor_init(&node->result, NULL);
    node->result.node = node;
    node->operation = operation;
    node->n_inputs = n_inputs;
    node->requires_grad = true;
    node->retains_grad = false;
    atomic_init(&node->walk, NULL);
    node->grad = NULL;
    node->name = NULL;
    node->hooks = NULL;
    node->parameters = NULL;
    if (parameters) {
        node->parameters = (ag_parameters *)(void *)(node->input + n_inputs);
        *node->parameters = *parameters;
    }
    return node;
}

static void release_owned(const ag_parameters *parameters) {
    if (parameters && parameters->release) parameters->release(parameters->owned);
}

/* What most nodes have none of. */
TN_RARE static void release_extras(ag_node *node) {
    tn_release(node->grad);
    release_owned(node->parameters);
    for (ag_hook *hook = node->hooks, *next; hook; hook = next) {
        next = hook->next;
        tn_object_free(hook, sizeof *hook);
    }
    tn_text_free(node->name);
}

static void free_node(ag_node *node) {
    if (node->result.value) tn_operand_release(node->result.value);
    if (node->grad || node->parameters || node->hooks || node->name) release_extras(node);
    tn_memory_free(node, node_size(node->n_inputs, node->parameters != NULL));
}

/* Whether what has that input holds its value as well: a leaf's may be replaced, any other node's stays. */
static bool holds_value(const ag_node *input) { return !input || input->operation == AG_LEAF; }

/* A list of nodes that nobody holds any more takes the place of recursion. */
static void end_node(void *last) {
    ag_node *dead = last;
    dead->next = NULL;
    while (dead) {
        ag_node *node = dead;
        dead = node->next;
        for (int i = 0; i < node->n_inputs; i++) {
            ag_node *input = node->input[i].node;
            if (holds_value(input)) tn_operand_release(node->input[i].value);
            if (!input || !tn_count_down(&input->result.refs)) continue;
            input->next = dead;
            dead = input;
        }
        free_node(node);
    }
}

__attribute__((constructor)) static void introduce_nodes(void) { tn_set_node_functions(end_node, is_leaf); }

/* ---- recording --------------------------------------------------------------------------------------------------- */

static bool needs_gradient(at_tensor *const *inputs, int n) {
    for (int i = 0; i < n; i++)
        if (ag_wanting_node(inputs[i])) return true;
    return false;
}

static bool is_constant(ag_operation operation) {
    static const bool constant[] = {
#define DIFFERENTIABLE(name, formula) false,
#define CONSTANT(name)                true,
#include "operations.def"
#undef DIFFERENTIABLE
#undef CONSTANT
    };
    return constant[operation];
}

static at_tensor *record(ag_operation operation, tn_value *y, at_tensor *const *inputs, int n,
                         const ag_parameters *parameters) {
    ag_node *node = node_new(operation, n, parameters);
    if (!node) {
        release_owned(parameters);
        tn_value_release(y);
        return NULL;
    }
    node->result.value = y;
    if (!y->scalar) tn_count_up(&y->readers);
    for (int i = 0; i < n; i++) {
        ag_node *input = ag_wanting_node(inputs[i]);
        node->input[i] = (ag_input){inputs[i]->value, input};
        if (holds_value(input)) tn_operand_retain(inputs[i]->value);
        if (input) tn_retain(&input->result);
    }
    return tn_scope_add(tn_self(), &node->result);
}

at_tensor *ag_record(ag_operation operation, tn_value *y, at_tensor *const *inputs, int n,
                     const ag_parameters *parameters) {
    if (y && !ag_paused && !is_constant(operation) && tn_is_floating(y->dtype) && needs_gradient(inputs, n))
        return record(operation, y, inputs, n, parameters);
    release_owned(parameters);
    return tn_tensor_from(y);
}

at_tensor *ag_tensor(tn_value *value, ag_node *node) {
    at_tensor *t = tn_tensor_from(tn_value_retain(value));
    if (t && node && !ag_paused) {
        tn_count_up(&node->result.refs);
        t->node = node;
    }
    return t;
}

/* ---- leaves ------------------------------------------------------------------------------------------------------ */

at_tensor *at_set_requires_grad(at_tensor *t, bool requires_grad) {
    AG_CHECK_TENSOR("set_requires_grad", t);
    ag_node *node = t->node;
    if (node && node->operation != AG_LEAF)
        return at_fail(AT_ERROR_STATE,
                       "set_requires_grad: %s is the result of %s: only leaves can be set (at_detach gives one)",
                       tn_describe(t), ag_name(node->operation));
    if (requires_grad && !tn_is_floating(t->value->dtype))
        return at_fail(AT_ERROR_DTYPE, "set_requires_grad: %s: only floating-point tensors have gradients",
                       tn_describe(t));
    if (!node && requires_grad && !(t->node = node_new(AG_LEAF, 0, NULL))) return NULL;
    if (node) node->requires_grad = requires_grad;
    return t;
}

bool at_requires_grad(at_tensor *t) {
    if (!t) return at_fail_null("requires_grad", "t");
    return ag_wanting_node(t) != NULL;
}

at_tensor *at_detach(at_tensor *t) {
    AG_CHECK_TENSOR("detach", t);
    return tn_tensor_from(tn_value_retain(t->value));
}

at_tensor *at_grad(at_tensor *t) {
    AG_CHECK_TENSOR("grad", t);
    const ag_node *node = t->node;
    if (!node || !node->grad) return NULL;
    return tn_scope_add(tn_self(), tn_retain(node->grad));
}

void at_zero_grad(at_tensor *t) {
    ag_node *node = t ? t->node : NULL;
    if (!t)
        at_fail_null("zero_grad", "t");
    else if (node)
        at_assign(&node->grad, NULL);
}

bool at_retain_grad(at_tensor *t) {
    AG_CHECK_TENSOR("retain_grad", t);
    ag_node *node = t->node;
    if (!node || !node->requires_grad)
        return at_fail(AT_ERROR_STATE, "retain_grad: %s does not require a gradient", tn_describe(t));
    node->retains_grad = true;
    return true;
}

bool at_register_hook(at_tensor *t, at_hook hook, void *context) {
    AG_CHECK_TENSOR("register_hook", t);
    if (!hook) return at_fail_null("register_hook", "hook");
    ag_node *node = t->node;
    if (!node || !node->requires_grad)
        return at_fail(AT_ERROR_STATE, "register_hook: %s does not require a gradient", tn_describe(t));
    ag_hook **end = &node->hooks;
    while (*end && (*end)->function) end = &(*end)->next;
    if (!*end) {
        if (!(*end = tn_object_new(sizeof **end))) return false;
        (*end)->next = NULL;
    }
    (*end)->function = hook;
    (*end)->context = context;
    return true;
}

/* A hook may do this itself, in a walk through the list: its entries stay until the node goes. */
void at_remove_hooks(at_tensor *t) {
    if (!t) at_fail_null("remove_hooks", "t");
    const ag_node *node = t ? t->node : NULL;
    for (ag_hook *hook = node ? node->hooks : NULL; hook; hook = hook->next) hook->function = NULL;
}

at_tensor *at_set_name(at_tensor *t, const char *name) {
    AG_CHECK_TENSOR("set_name", t);
    ag_node *node = t->node;
    if (!node)
        return at_fail(AT_ERROR_STATE, "set_name: %s: only tensors that require a gradient have a place in a graph",
                       tn_describe(t));
    char *copy = name ? tn_text_new(name) : NULL;
    if (name && !copy) return NULL;
    tn_text_free(node->name);
    node->name = copy;
    return t;
}

void ag_exchange_name(at_tensor *t, char **name) {
    ag_node *node = t->node;
    char *old = node->name;
    node->name = *name;
    *name = old;
}

const char *at_name(at_tensor *t) {
    if (!t) return at_fail_null("name", "t");
    const ag_node *node = t->node;
    return node ? node->name : NULL;
}
