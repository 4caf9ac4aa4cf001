/* autograd/internal.h - what an operation is made of: a row in operations.def, a value, and a derivative rule.
 *
 * An operation checks its arguments, makes the value of its result, and hands both to ag_record. Its rule stands
 * beside it:
 *
 *     at_tensor *at_exp(at_tensor *x) { return unary(AG_exp, TN_EXP, x); }
 *     AG_RULE(exp) { v->dx[0] = at_mul(v->g, v->y); }
 *
 * A rule returns contributions, written in public operations; only the engine (backward.c) adds them up, undoes
 * broadcasting and dtype promotion, and decides whether the rule's own operations are recorded. */
#ifndef ATLED_AUTOGRAD_INTERNAL_H
#define ATLED_AUTOGRAD_INTERNAL_H

#include "../tensor/internal.h"
#include "../tensor/reduce.h"
#include "autograd.h"
#include "custom.h"
#include "graph.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

typedef enum {
#define DIFFERENTIABLE(name, formula) AG_##name,
#define CONSTANT(name)                AG_##name,
#include "operations.def"
#undef DIFFERENTIABLE
#undef CONSTANT
    AG_OPERATIONS,
    AG_LEAF = AG_OPERATIONS
} ag_operation;

/* What an operation remembers for its rule beside its inputs. */
typedef struct {
    int dim;
    bool flag;
    int64_t start, end, step;
    double number, other_number;
    at_shape shape;
    void *owned; /* goes with the node, by release */
    void (*release)(void *owned);
} ag_parameters;

/* A rule's view of its operation. */
typedef struct {
    at_tensor *g;       /* gradient by the result, of its shape and dtype */
    at_tensor *y;       /* the result */
    at_tensor **x;      /* the inputs */
    int n;              /* of them */
    const bool *needed; /* [n] whose gradient is wanted */
    const ag_parameters *parameters;
    /* [n] to fill in, for what is needed; NULL stands for zero. A shape that x[i] broadcasts to will do */
    at_tensor **dx;
    bool window; /* set where dx[0] is the gradient by that window of x[0] alone which a slice shows */
} ag_vjp;

typedef void ag_rule(ag_vjp *v);
#define AG_RULE(name)                 void ag_rule_##name(ag_vjp *v)
#define DIFFERENTIABLE(name, formula) AG_RULE(name);
#define CONSTANT(name)
#include "operations.def"
#undef DIFFERENTIABLE
#undef CONSTANT

extern const char *const ag_names[];
static inline const char *ag_name(ag_operation operation) { return ag_names[operation]; }
const char *ag_formula(ag_operation operation); /* of its rule, as text; "" where there is none */

typedef struct ag_graph ag_graph;

/* ---- the graph (node.c) ------------------------------------------------------------------------------------------ */

typedef struct ag_node ag_node;
typedef struct {
    tn_value *value; /* held, by the node that computed it where there is one */
    ag_node *node;   /* held; NULL where no gradient is needed */
} ag_input;

typedef struct ag_hook {
    struct ag_hook *next;
    at_hook function; /* NULL: removed, and free for the next one */
    void *context;
} ag_hook;

struct ag_node {
    at_tensor result; /* first: what the operation returned; without a value in a leaf, where that may be replaced */
    ag_operation operation;
    int n_inputs;
    bool requires_grad; /* of a leaf */
    bool retains_grad;
    at_tensor *grad;                /* of a leaf, or where retains_grad */
    char *name;                     /* given by at_set_name, or NULL */
    ag_hook *hooks;                 /* in the order of registration */
    ag_parameters *parameters;      /* within this object, or NULL */
    _Atomic(const ag_graph *) walk; /* the one that has marked it, see ag_find */
    union {
        int64_t place; /* in that walk's entries */
        ag_node *next; /* while it is being released */
    };
    ag_input input[];
};

const char *ag_node_name(const ag_node *node); /* of its operation; a custom operation has its own */

extern _Thread_local bool ag_paused TN_FIXED_PLACE;
static inline bool ag_grad_mode(void) { return !ag_paused; } /* whether this thread records */
bool ag_set_grad_mode(bool on);                              /* returns what it was */

/* The node of t that a gradient is wanted for, or NULL. */
static inline ag_node *ag_wanting_node(const at_tensor *t) {
    ag_node *node = t->node;
    return node && node->requires_grad ? node : NULL;
}

/* The tensor with value y as the result of an operation on n inputs; every operation goes through here. Takes over y
 * and what parameters own. NULL when y is NULL or on an error. */
at_tensor *ag_record(ag_operation operation, tn_value *y, at_tensor *const *inputs, int n,
                     const ag_parameters *parameters);

/* A tensor that has a node takes *name, and *name is what it had: how several are named without one that can fail. */
void ag_exchange_name(at_tensor *t, char **name);

/* A tensor in the innermost scope that shows value (retained) and, when recording, belongs to node. */
at_tensor *ag_tensor(tn_value *value, ag_node *node);

/* ---- walking over a graph (order.c) ------------------------------------------------------------------------------ */

typedef struct {
    ag_node *node;
    at_tensor *grad; /* held; for a backward pass */
    at_tensor *leaf; /* held: what the rules were last given for it */
    bool needed;     /* it is, or leads to, something whose gradient is wanted; at first, whether it requires one */
} ag_entry;

/* A walk marks the nodes that it meets with their places. Those that another walk has marked at the time, in another
 * thread or around this one, go into a table. */
struct ag_graph {
    at_tensor *root;   /* held, and so all nodes are */
    ag_entry *entries; /* in the order of computation; the root is last */
    int64_t count, capacity;
    int most_inputs; /* that one of the nodes has */
    int64_t *table;  /* open addressing: indices into entries, or -1; 2^bits of them; NULL while none is needed */
    int64_t in_table;
    int bits;
    tn_buffer *entry_memory, *table_memory;
};

/* Fills a zeroed graph; false after reporting an error. ag_graph_end is due in both cases. */
bool ag_put_in_order(ag_graph *graph, ag_node *root);
ag_entry *ag_find_in_table(const ag_graph *graph, const ag_node *node);
/* NULL if it is not there */
static inline ag_entry *ag_find(const ag_graph *graph, const ag_node *node) {
    if (atomic_load_explicit(&node->walk, memory_order_relaxed) == graph) return &graph->entries[node->place];
    return graph->table ? ag_find_in_table(graph, node) : NULL;
}
void ag_graph_end(ag_graph *graph);

/* What a traced pass tells (graph.c); false where a value cannot be computed. */
bool ag_trace_node(FILE *file, const ag_graph *graph, int64_t i);
bool ag_trace_contribution(FILE *file, const ag_graph *graph, const ag_node *node, int i, at_tensor *d);

/* ---- arguments --------------------------------------------------------------------------------------------------- */

#define AG_CHECK_TENSOR(function, x)                                                                                   \
    do {                                                                                                               \
        if (!(x)) return at_fail_null(function, #x);                                                                   \
        tn_thread_set_operation(function);                                                                             \
    } while (0)

/* ---- shared between families ------------------------------------------------------------------------------------- */

/* The sum of x over the dimensions whose bits are set. */
at_tensor *ag_sum(at_tensor *x, unsigned dims, bool keepdim);
/* x summed to a shape that broadcasts to x's. */
at_tensor *ag_sum_to(at_tensor *x, const at_shape *shape);
/* Zeros of shape with g at indices start, start + step, ... of dimension dim. */
at_tensor *ag_embed(at_tensor *g, const at_shape *shape, int dim, int64_t start, int64_t step);
/* Adds g to those elements of sum, in place: for the sums of a slice's gradients. The window's last dimension has no gaps,
 * and nobody else sees sum. */
bool ag_add_within(tn_value *sum, tn_value *g, const ag_parameters *slice);
/* (outer, size of dim, inner) as a 3-dimensional shape. */
at_shape ag_around(const at_shape *shape, int dim);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
