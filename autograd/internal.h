/* autograd/internal.h - what an operation is made of: a row in operations.def, a value, and a derivative rule.
 *
 * An operation checks its arguments, makes the value of its result, and hands both to ag_record. Its rule stands beside it:
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

typedef enum {
#define DIFFERENTIABLE(name) AG_##name,
#define CONSTANT(name) AG_##name,
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
} ag_parameters;

/* A rule's view of its operation. */
typedef struct {
    at_tensor *g;   /* gradient by the result, of its shape and dtype */
    at_tensor *y;   /* the result */
    at_tensor **x;  /* the inputs */
    int n;          /* of them */
    const bool *needed;             /* [n] whose gradient is wanted */
    const ag_parameters *parameters;
    at_tensor **dx; /* [n] to fill in, for what is needed; NULL stands for zero. A shape that x[i] broadcasts to will do */
} ag_vjp;

typedef void ag_rule(ag_vjp *v);
#define AG_RULE(name) void ag_rule_##name(ag_vjp *v)
#define DIFFERENTIABLE(name) AG_RULE(name);
#define CONSTANT(name)
#include "operations.def"
#undef DIFFERENTIABLE
#undef CONSTANT

const char *ag_name(ag_operation operation);

/* ---- the graph (node.c) ------------------------------------------------------------------------------------------------ */

typedef struct ag_node ag_node;
typedef struct {
    tn_value *value; /* held */
    ag_node *node;   /* held; NULL where no gradient is needed */
} ag_input;

struct ag_node {
    tn_count refs;
    ag_operation operation;
    int n_inputs;
    bool requires_grad;        /* of a leaf */
    tn_value *value;           /* the result; NULL for a leaf, whose value may be replaced */
    at_tensor *grad;           /* a leaf's */
    ag_parameters *parameters; /* within this object, or NULL */
    ag_node *next;             /* while it is being released */
    ag_input input[];
};

void ag_node_release(void *node);

bool ag_grad_mode(void);            /* whether this thread records */
bool ag_set_grad_mode(bool on);     /* returns what it was */

/* The tensor with value y, which is taken over, as the result of an operation on n inputs; every operation goes through
 * here. NULL when y is NULL or on an error. */
at_tensor *ag_record(ag_operation operation, tn_value *y, at_tensor *const *inputs, int n, const ag_parameters *parameters);

/* A tensor in the innermost scope that shows value (retained) and, when recording, belongs to node. */
at_tensor *ag_tensor(tn_value *value, ag_node *node);

/* ---- arguments ---------------------------------------------------------------------------------------------------------- */

#define AG_CHECK_TENSOR(function, x)                                                                     \
    do {                                                                                                 \
        if (!(x)) return at_fail_null(function, #x);                                                     \
        tn_thread_set_operation(function);                                                               \
    } while (0)

/* ---- shared between families ------------------------------------------------------------------------------------------- */

/* The sum of x over the dimensions whose bits are set. */
at_tensor *ag_sum(at_tensor *x, unsigned dims, bool keepdim);
/* x summed to a shape that broadcasts to x's. */
at_tensor *ag_sum_to(at_tensor *x, const at_shape *shape);
/* Zeros of shape with g at indices start, start + step, ... of dimension dim. */
at_tensor *ag_embed(at_tensor *g, const at_shape *shape, int dim, int64_t start, int64_t step);
/* (outer, size of dim, inner) as a 3-dimensional shape. */
at_shape ag_around(const at_shape *shape, int dim);

#endif
