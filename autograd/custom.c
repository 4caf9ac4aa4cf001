/* autograd/custom.c - operations given as a pair of C functions. */
#include <string.h>

#include "internal.h"

/* What a node of a custom operation owns. */
typedef struct {
    at_custom_operation operation;
    int n; /* inputs; what was saved follows them in the node */
    void *context;
} custom;

/* A call while its forward runs: what it saves is added to the inputs. */
typedef struct {
    at_custom_call call; /* first: what the user's functions are given */
    at_tensor **list;    /* inputs, then saved ones */
    int capacity;
    bool complete; /* all is saved that was to be */
} forward_call;

static void release_custom(void *owned) {
    custom *c = owned;
    if (c->operation.free_context) c->operation.free_context(c->context);
    tn_object_free(c, sizeof *c);
}

bool at_custom_save(at_custom_call *call, at_tensor *t) {
    if (!call) return at_fail_null("custom_save", "call");
    forward_call *f = (forward_call *)call;
    bool complete = f->complete;
    f->complete = false;
    AG_CHECK_TENSOR("custom_save", t);
    int count = call->n + call->n_saved;
    if (count == f->capacity) {
        size_t bytes = (size_t)f->capacity * sizeof *f->list;
        at_tensor **larger = tn_memory_new(2 * bytes);
        if (!larger) return false;
        memcpy(larger, f->list, bytes);
        tn_memory_free(f->list, bytes);
        f->list = larger;
        f->capacity *= 2;
        call->inputs = larger;
    }
    f->list[count] = t;
    call->n_saved++;
    f->complete = complete;
    return true;
}

/* The value of the result, retained, and in f what was saved. Without all of that the derivative could do nothing. */
static tn_value *run_forward(const custom *c, forward_call *f) {
    unsigned before = tn_failures();
    at_tensor *y = c->operation.forward(&f->call);
    if (!y && !tn_failed_since(before)) at_fail(AT_ERROR_STATE, "%s: its forward gives NULL", c->operation.name);
    return y && f->complete ? tn_value_retain(y->value) : NULL;
}

static at_tensor *record_custom(custom *c, at_tensor *const *inputs) {
    forward_call f = {.call = {.n = c->n, .context = c->context}, .capacity = c->n + 4, .complete = true};
    size_t bytes = (size_t)f.capacity * sizeof *f.list;
    if (!(f.list = tn_memory_new(bytes))) return release_custom(c), NULL;
    memcpy(f.list, inputs, (size_t)c->n * sizeof *f.list);
    f.call.inputs = f.list;
    ag_parameters p = {.start = c->n, .owned = c, .release = release_custom};
    at_tensor *y = NULL;
    AT_SCOPE {
        tn_value *value = NULL;
        AT_NO_GRAD { value = run_forward(c, &f); }
        y = ag_record(AG_custom, value, f.list, f.call.n + f.call.n_saved, &p);
        if (y) at_scope_return(y);
    }
    tn_memory_free(f.list, (size_t)f.capacity * sizeof *f.list);
    return y;
}

at_tensor *at_custom(const at_custom_operation *operation, at_tensor *const *inputs, int n, void *context) {
    if (!operation || !operation->name || !operation->forward || !operation->derivative)
        return at_fail(AT_ERROR_VALUE, "custom: an operation has a name, a forward and a derivative");
    int missing = 0;
    while (missing < n && inputs && inputs[missing]) missing++;
    custom *c = NULL;
    tn_thread_set_operation(operation->name);
    AT_CALL(operation->name);
    if (n < 1 || !inputs)
        at_fail(AT_ERROR_VALUE, "%s: no inputs", operation->name);
    else if (missing < n)
        tn_fail_null_element(operation->name, "inputs", missing);
    else
        c = tn_object_new(sizeof *c);
    if (!c) {
        if (operation->free_context) operation->free_context(context);
        return NULL;
    }
    *c = (custom){.operation = *operation, .n = n, .context = context};
    return record_custom(c, inputs);
}

AG_RULE(custom) {
    const custom *c = v->parameters->owned;
    at_tensor *g = ag_tensor(v->g->value, v->g->node); /* to be written to, if the derivative likes */
    if (!g) return;
    at_custom_call call = {.inputs = v->x,
                           .n = c->n,
                           .context = c->context,
                           .saved = v->x + c->n,
                           .n_saved = v->n - c->n,
                           .needed = v->needed};
    unsigned before = tn_failures();
    if (!c->operation.derivative(&call, g, v->y, v->dx) && !tn_failed_since(before))
        at_fail(AT_ERROR_STATE, "%s: its derivative is false without an error", c->operation.name);
    for (int i = c->n; i < v->n; i++) v->dx[i] = NULL;
}

const char *ag_node_name(const ag_node *node) {
    if (node->operation != AG_custom) return ag_name(node->operation);
    return ((const custom *)node->parameters->owned)->operation.name;
}
