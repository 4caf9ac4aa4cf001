/* tests/fuzz/naive.h - atled's operations once more, on the tape: each element a node, each operation plain loops. */
#ifndef ATLED_FUZZ_NAIVE_H
#define ATLED_FUZZ_NAIVE_H

#include "../../atled.h"
#include "tape.h"

typedef struct {
    at_shape shape;
    at_dtype dtype;
    int *at; /* the node of each element, row-major */
} naive;

/* What an operation is called with beside its tensors. */
typedef struct {
    int variant; /* which of a family */
    int dim, dim1;
    bool flag; /* keepdim, descending */
    bool all;  /* a reduction of everything, not of dim */
    int64_t i, j, k;
    double number, other;
    at_shape shape;
    at_dtype dtype;
    int n;                 /* tensors */
    at_operand operand[2]; /* of what takes numbers as well; tensors are filled in */
} call;

/* Every operation returns whether the call is a right one, and if so the result in *y (and indices in *extra). */
typedef bool naive_function(const call *c, const naive *x, naive *y, naive *extra);

extern bool naive_lost; /* what comes depends on a choice that is not sure */
void naive_clear(void);
bool naive_is_full(void); /* with the tape */

precision precision_of(at_dtype dtype);
bool floating(at_dtype dtype);
int64_t naive_numel(const at_shape *shape);
/* Room for a tensor; false where there is none, or the shape is a wrong one. */
bool naive_new(naive *y, at_shape shape, at_dtype dtype);
bool naive_broadcast(const at_shape *a, const at_shape *b, at_shape *y);

enum {
    NEG,
    ABS,
    SIGN,
    SQUARE,
    RELU,
    FLOOR,
    CEIL,
    ROUND,
    EXP,
    LOG,
    LOG1P,
    EXPM1,
    SQRT,
    RSQRT,
    RECIPROCAL,
    SIN,
    COS,
    TAN,
    TANH,
    SIGMOID,
    ERF,
    UNARIES
};
enum { ADD, SUB, MUL, DIV, POW, MAXIMUM, MINIMUM, EQ, NE, LT, LE, GT, GE, BINARIES };
enum { SUM, MEAN, PROD, MAX, MIN, VAR, STD, LOGSUMEXP, NORM, ANY, ALL, REDUCTIONS };
naive_function naive_unary, naive_binary, naive_logical, naive_not, naive_where, naive_masked_fill, naive_clamp,
    naive_leaky_relu, naive_gelu, naive_silu, naive_softplus, naive_to, naive_copy;
naive_function naive_reduce, naive_max_dim, naive_argmax, naive_cumsum, naive_softmax;
naive_function naive_reshape, naive_permute, naive_transpose, naive_expand, naive_repeat, naive_unsqueeze,
    naive_squeeze, naive_flatten, naive_slice, naive_select, naive_cat, naive_stack, naive_flip, naive_tril,
    naive_repeat_interleave;
naive_function naive_sort, naive_topk, naive_masked_select, naive_index_select, naive_gather, naive_scatter_add,
    naive_one_hot, naive_matmul, naive_bmm;

#endif
