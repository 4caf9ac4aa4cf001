/* tests/test_errors.c - wrong calls: what each says, and that it changes nothing. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core_support.h"

/* ---- every public function, called wrongly ----------------------------------------------------------------------- */

typedef struct {
    double doubles[1];
    at_tensor *f, *f34, *i, *b; /* (2, 3), but for f34 */
    at_tensor *none, *scalar, *beyond, *w;
    at_tensor *slot, *grads[1];
} given;

static given inputs(void) {
    const int64_t indices[] = {0, 3};
    given g = {.f = at_ones(2, 3), .f34 = at_ones(3, 4), .none = at_zeros(0), .scalar = at_scalar(1), .doubles = {1}};
    g.i = at_to(g.f, AT_INT64);
    g.b = at_to(g.f, AT_BOOL);
    g.beyond = at_from_int64s_shape(indices, AT_SHAPE(2)); /* 3 is too large an index for all of them */
    g.w = at_set_requires_grad(at_ones(3), true);
    return g;
}

static void unchanged(const given *g) {
    ck_assert(at_equal(g->f, at_ones(2, 3)));
    ck_assert(at_equal(g->f34, at_ones(3, 4)));
    ck_assert(!at_requires_grad(g->f));
    ck_assert(at_requires_grad(g->w));
    ck_assert_ptr_null(at_grad(g->w));
    ck_assert_ptr_null(g->slot);
    ck_assert_ptr_null(g->grads[0]);
}

/* The call fails (failed says so), and this is the error. */
#define WRONG(failed, kind, message)                                                                                   \
    do {                                                                                                               \
        ck_assert_msg(failed, "this did not fail: %s", message);                                                       \
        expect_error(kind, message);                                                                                   \
    } while (0)

BALANCED_TEST(making) {
    given g = inputs();
    WRONG(!at_zeros(2, -3), AT_ERROR_SHAPE, "zeros: shape (2, -3): sizes must not be negative");
    WRONG(!at_ones(1, 1, 1, 1, 1, 1, 1, 1, 1), AT_ERROR_SHAPE, "ones: 9 dimensions: there can be at most 8");
    WRONG(!at_eye(-1), AT_ERROR_VALUE, "eye: n is -1: must not be negative");
    WRONG(!at_eye(INT64_C(1) << 40), AT_ERROR_SHAPE,
          "eye: shape (1099511627776, 1099511627776): too many elements to count");
    WRONG(!at_arange(0, 5, 0), AT_ERROR_VALUE, "arange: from 0 to 5 by 0: the step must lead from start to end");
    WRONG(!at_arange(0, 5, -1), AT_ERROR_VALUE, "arange: from 0 to 5 by -1: the step must lead from start to end");
    WRONG(!at_arange(0, INFINITY, 1), AT_ERROR_VALUE, "arange: from 0 to inf by 1: want finite numbers");
    WRONG(!at_arange(0, 1e30, 1), AT_ERROR_SHAPE, "arange: from 0 to 1e+30 by 1: too many elements");
    WRONG(!at_linspace(0, 1, -2), AT_ERROR_VALUE, "linspace: -2 steps: must not be negative");
    WRONG(!at_from_floats(NULL, 2, 2), AT_ERROR_VALUE, "from_floats: data is NULL");
    WRONG(!at_from_doubles(g.doubles, 2, -1), AT_ERROR_SHAPE,
          "from_doubles: shape (2, -1): sizes must not be negative");
    WRONG(!at_from_int64s(NULL, 1), AT_ERROR_VALUE, "from_int64s: data is NULL");
    WRONG(!at_from_bools(NULL, 1), AT_ERROR_VALUE, "from_bools: data is NULL");
    WRONG(!at_zeros_like(NULL), AT_ERROR_VALUE, "zeros_like: t is NULL");
    WRONG(!at_ones_like(NULL), AT_ERROR_VALUE, "ones_like: t is NULL");
    WRONG(!at_rand(-1), AT_ERROR_SHAPE, "rand: shape (-1): sizes must not be negative");
    WRONG(!at_randn(INT64_C(1) << 62), AT_ERROR_SHAPE,
          "randn: shape (4611686018427387904): too many elements to count");
    WRONG(!at_normal(0, -1, 3), AT_ERROR_VALUE, "normal: std -1 must not be negative");
    WRONG(!at_randint(5, 5, 3), AT_ERROR_VALUE, "randint: low 5 must be below high 5");
    WRONG(!at_randperm(-2), AT_ERROR_VALUE, "randperm: n -2 must not be negative");
    WRONG(!at_rand_like(g.i), AT_ERROR_DTYPE, "rand_like: t is int64 (2, 3): want a floating-point tensor");
    WRONG(!at_randn_like(g.b), AT_ERROR_DTYPE, "randn_like: t is bool (2, 3): want a floating-point tensor");
    unchanged(&g);
}

BALANCED_TEST(elementwise) {
    given g = inputs();
    WRONG(!at_add(g.f, g.f34), AT_ERROR_SHAPE,
          "add: float32 (2, 3) and float32 (3, 4) do not broadcast: dimension -1 has sizes 3 and 4, which must be "
          "equal or 1");
    WRONG(!at_sub(g.b, g.b), AT_ERROR_DTYPE, "sub: bool (2, 3) and bool (2, 3): want numbers (at_to converts)");
    WRONG(!at_sub(1, g.b), AT_ERROR_DTYPE, "sub: a number and bool (2, 3): want numbers (at_to converts)");
    WRONG(!at_neg(g.b), AT_ERROR_DTYPE,
          "neg: bool (2, 3): want numbers (at_to converts, at_logical_not negates a bool)");
    WRONG(!at_relu(g.b), AT_ERROR_DTYPE,
          "relu: bool (2, 3): want numbers (at_to converts, at_logical_not negates a bool)");
    WRONG(!at_floor(g.b), AT_ERROR_DTYPE,
          "floor: bool (2, 3): want numbers (at_to converts, at_logical_not negates a bool)");
    WRONG(!at_pow(g.i, -2), AT_ERROR_VALUE, "pow: integers to the power -2: want a power that is not negative");
    WRONG(!at_pow(g.b, g.b), AT_ERROR_DTYPE, "pow: bool (2, 3) and bool (2, 3): want numbers (at_to converts)");
    WRONG(!at_mul(g.f, NULL), AT_ERROR_VALUE, "mul: b is NULL");
    WRONG(!at_mul(NULL, 2), AT_ERROR_VALUE, "mul: a is NULL");
    WRONG(!at_div(1, NULL), AT_ERROR_VALUE, "div: b is NULL");
    WRONG(!at_maximum(g.f, g.f34), AT_ERROR_SHAPE,
          "maximum: float32 (2, 3) and float32 (3, 4) do not broadcast: dimension -1 has sizes 3 and 4, which must be "
          "equal or 1");
    WRONG(!at_eq(g.f, g.f34), AT_ERROR_SHAPE,
          "eq: float32 (2, 3) and float32 (3, 4) do not broadcast: dimension -1 has sizes 3 and 4, which must be equal "
          "or 1");
    WRONG(!at_logical_and(g.f, NULL), AT_ERROR_VALUE, "logical_and: b is NULL");
    WRONG(!at_logical_not(NULL), AT_ERROR_VALUE, "logical_not: x is NULL");
    WRONG(!at_exp(NULL), AT_ERROR_VALUE, "exp: x is NULL");
    WRONG(!at_where(g.f, 1, 2), AT_ERROR_DTYPE,
          "where: cond is float32 (2, 3): want bool (comparisons give one, at_to converts)");
    WRONG(!at_where(g.b, g.f34, 0), AT_ERROR_SHAPE, "where: cond (2, 3), a (3, 4) and b () do not broadcast");
    WRONG(!at_where(NULL, 1, 2), AT_ERROR_VALUE, "where: cond is NULL");
    WRONG(!at_masked_fill(g.f, g.f, 0), AT_ERROR_DTYPE,
          "masked_fill: mask is float32 (2, 3): want bool (comparisons give one, at_to converts)");
    WRONG(!at_masked_fill(g.f, g.b, g.f), AT_ERROR_SHAPE,
          "masked_fill: value is float32 (2, 3): want a number or a 0-dimensional tensor");
    WRONG(!at_masked_fill(g.f34, g.b, 0), AT_ERROR_SHAPE,
          "masked_fill: float32 (3, 4) and bool (2, 3) do not broadcast: dimension -1 has sizes 4 and 3, which must be "
          "equal or 1");
    WRONG(!at_clamp(g.f, NAN, 1), AT_ERROR_VALUE, "clamp: bounds nan and 1: want numbers");
    WRONG(!at_leaky_relu(NULL, 0.1), AT_ERROR_VALUE, "leaky_relu: x is NULL");
    WRONG(!at_softplus(NULL), AT_ERROR_VALUE, "softplus: x is NULL");
    WRONG(!at_to(g.f, (at_dtype)7), AT_ERROR_DTYPE, "to: 7 is no dtype");
    WRONG(!at_contiguous(NULL), AT_ERROR_VALUE, "contiguous: x is NULL");
    unchanged(&g);
}

BALANCED_TEST(reductions) {
    given g = inputs();
    WRONG(!at_sum(NULL), AT_ERROR_VALUE, "sum: x is NULL");
    WRONG(!at_sum_dim(g.f, 2, false), AT_ERROR_SHAPE, "sum_dim: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_sum_dim(g.scalar, 1, false), AT_ERROR_SHAPE,
          "sum_dim: dimension 1 of a tensor of shape (): want -1 to 0");
    WRONG(!at_mean(g.i), AT_ERROR_DTYPE, "mean: int64 (2, 3): want floating point (at_to converts)");
    WRONG(!at_mean_dim(g.b, 0, false), AT_ERROR_DTYPE, "mean_dim: bool (2, 3): want floating point (at_to converts)");
    WRONG(!at_mean_dim(g.f, -3, false), AT_ERROR_SHAPE,
          "mean_dim: dimension -3 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_var(g.i), AT_ERROR_DTYPE, "var: int64 (2, 3): want floating point (at_to converts)");
    WRONG(!at_std_dim(g.f, 5, false), AT_ERROR_SHAPE, "std_dim: dimension 5 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_norm(g.i), AT_ERROR_DTYPE, "norm: int64 (2, 3): want floating point (at_to converts)");
    WRONG(!at_prod_dim(g.f, 2, true), AT_ERROR_SHAPE,
          "prod_dim: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_max(g.none), AT_ERROR_SHAPE, "max: float32 (0) has no elements, so no largest");
    WRONG(!at_min(g.none), AT_ERROR_SHAPE, "min: float32 (0) has no elements, so no smallest");
    WRONG(!at_max_dim(g.none, 0, false, NULL), AT_ERROR_SHAPE,
          "max_dim: dimension 0 of float32 (0) has no elements, so no largest");
    WRONG(!at_argmin(g.none, 0, false), AT_ERROR_SHAPE,
          "argmin: dimension 0 of float32 (0) has no elements, so no smallest");
    WRONG(!at_argmax(g.f, 2, false), AT_ERROR_SHAPE, "argmax: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_softmax(g.i, 0), AT_ERROR_DTYPE, "softmax: int64 (2, 3): want floating point (at_to converts)");
    WRONG(!at_softmax(g.f, 2), AT_ERROR_SHAPE, "softmax: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_log_softmax(NULL, 0), AT_ERROR_VALUE, "log_softmax: x is NULL");
    WRONG(!at_logsumexp_dim(g.f, 3, false), AT_ERROR_SHAPE,
          "logsumexp_dim: dimension 3 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_cumsum(g.f, -3), AT_ERROR_SHAPE, "cumsum: dimension -3 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_any_dim(g.f, 2, false), AT_ERROR_SHAPE, "any_dim: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_all(NULL), AT_ERROR_VALUE, "all: x is NULL");
    unchanged(&g);
}

BALANCED_TEST(shapes) {
    given g = inputs();
    WRONG(!at_reshape(g.f, 4), AT_ERROR_SHAPE, "reshape: (2, 3) has 6 elements, which do not make the shape (4)");
    WRONG(!at_reshape(g.f, -1, 4), AT_ERROR_SHAPE,
          "reshape: (2, 3) has 6 elements, which do not make the shape (-1, 4)");
    WRONG(!at_reshape(g.f, -1, -1), AT_ERROR_SHAPE, "reshape: shape (-1, -1): only one size may be -1");
    WRONG(!at_reshape(g.f, -2, 3), AT_ERROR_SHAPE, "reshape: shape (-2, 3): sizes must not be negative");
    WRONG(!at_reshape(g.none, -1, 0), AT_ERROR_SHAPE,
          "reshape: (0) to (-1, 0): beside a size of 0 any number would do for -1");
    WRONG(!at_permute(g.f, 0), AT_ERROR_SHAPE,
          "permute: order (0) for float32 (2, 3): want each of its dimensions once");
    WRONG(!at_permute(g.f, 0, 0), AT_ERROR_SHAPE,
          "permute: order (0, 0) for float32 (2, 3): want each of its dimensions once");
    WRONG(!at_permute(g.f, 0, 2), AT_ERROR_SHAPE,
          "permute: order (0, 2) for float32 (2, 3): want each of its dimensions once");
    WRONG(!at_expand(g.f, 2, 4), AT_ERROR_SHAPE,
          "expand: float32 (2, 3) to (2, 4): only sizes of 1 expand, and new dimensions come first");
    WRONG(!at_expand(g.f, 3), AT_ERROR_SHAPE,
          "expand: float32 (2, 3) to (3): only sizes of 1 expand, and new dimensions come first");
    WRONG(!at_expand(g.f, -1, 2, 3), AT_ERROR_SHAPE, "expand: shape (-1, 2, 3): sizes must not be negative");
    WRONG(!at_repeat(g.f, 2), AT_ERROR_SHAPE,
          "repeat: float32 (2, 3) by (2): want a count >= 0 for each dimension, new ones first");
    WRONG(!at_repeat(g.f, 2, -1), AT_ERROR_SHAPE,
          "repeat: float32 (2, 3) by (2, -1): want a count >= 0 for each dimension, new ones first");
    WRONG(!at_repeat(g.f, INT64_MAX, 1), AT_ERROR_SHAPE,
          "repeat: shape (9223372036854775807, 3): too many elements to count");
    WRONG(!at_transpose(g.f, 0, 2), AT_ERROR_SHAPE, "transpose: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_unsqueeze(g.f, 4), AT_ERROR_SHAPE, "unsqueeze: dimension 4 for float32 (2, 3): want -3 to 2");
    WRONG(!at_squeeze(g.f, 2), AT_ERROR_SHAPE, "squeeze: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_slice(g.f, 2, 0, 1, 1), AT_ERROR_SHAPE, "slice: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_slice(g.f, 0, 0, 1, 0), AT_ERROR_VALUE,
          "slice: float32 (2, 3) by step 0: want at least 1 (at_flip reverses)");
    WRONG(!at_slice(g.scalar, 0, 0, 1, 1), AT_ERROR_SHAPE, "slice: float32 () has no dimensions to slice");
    WRONG(!at_select(g.f, 0, 2), AT_ERROR_VALUE, "select: index 2 of dimension 0 of float32 (2, 3): want -2 to 1");
    WRONG(!at_select(g.f, 1, -4), AT_ERROR_VALUE, "select: index -4 of dimension 1 of float32 (2, 3): want -3 to 2");
    WRONG(!at_select(g.scalar, 0, 0), AT_ERROR_SHAPE, "select: float32 () has no dimensions to select from");
    WRONG(!at_cat(0, g.f, g.f34), AT_ERROR_SHAPE,
          "cat: tensor 1 is float32 (3, 4) and an earlier one float32 (2, 3): sizes beside dimension 0 must be equal");
    WRONG(!at_cat(0, g.f, NULL), AT_ERROR_VALUE, "cat: list[1] is NULL");
    WRONG(!at_cat(0, g.scalar), AT_ERROR_SHAPE,
          "cat: tensor 0 is float32 (): want at least one dimension (at_stack joins these)");
    WRONG(!at_cat(2, g.f, g.f), AT_ERROR_SHAPE, "cat: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_cat_list(0, NULL, 2), AT_ERROR_VALUE, "cat: list is NULL");
    WRONG(!at_cat_list(0, &g.f, 0), AT_ERROR_VALUE, "cat: no tensors to join");
    WRONG(!at_stack(0, g.f, g.f34), AT_ERROR_SHAPE,
          "stack: tensor 1 is float32 (3, 4) and tensor 0 float32 (2, 3): shapes must be equal");
    WRONG(!at_stack(3, g.f, g.f), AT_ERROR_SHAPE,
          "stack: dimension 3 for float32 (2, 3): want -3 to 2, and at most 8 dimensions");
    WRONG(!at_flip(g.f, 2), AT_ERROR_SHAPE, "flip: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_tril(at_ones(3), 0), AT_ERROR_SHAPE, "tril: float32 (3): want at least two dimensions");
    WRONG(!at_triu(g.scalar, 0), AT_ERROR_SHAPE, "triu: float32 (): want at least two dimensions");
    WRONG(!at_repeat_interleave(g.f, -1), AT_ERROR_VALUE,
          "repeat_interleave: float32 (6), -1 times: want a count >= 0");
    WRONG(!at_repeat_interleave_dim(g.f, 2, 2), AT_ERROR_SHAPE,
          "repeat_interleave: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    unchanged(&g);
}

BALANCED_TEST(indexing) {
    given g = inputs();
    WRONG(!at_sort(g.f, 2, false, NULL), AT_ERROR_SHAPE, "sort: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_argsort(NULL, 0, false), AT_ERROR_VALUE, "argsort: x is NULL");
    WRONG(!at_topk(g.f, 4, 1, NULL), AT_ERROR_VALUE,
          "topk: the 4 largest along dimension 1 of float32 (2, 3): want 0 to 3");
    WRONG(!at_topk(g.f, -1, 1, NULL), AT_ERROR_VALUE,
          "topk: the -1 largest along dimension 1 of float32 (2, 3): want 0 to 3");
    WRONG(!at_masked_select(g.f, g.f), AT_ERROR_DTYPE,
          "masked_select: mask is float32 (2, 3): want bool (at_to converts)");
    WRONG(!at_masked_select(g.f34, g.b), AT_ERROR_SHAPE,
          "masked_select: float32 (3, 4) and bool (2, 3) do not broadcast: dimension -1 has sizes 4 and 3, which must "
          "be equal or 1");
    WRONG(!at_index_select(g.f, 0, g.f), AT_ERROR_DTYPE, "index_select: index is float32 (2, 3): want int64");
    WRONG(!at_index_select(g.f, 0, g.beyond), AT_ERROR_VALUE,
          "index_select: index 3 (element 1 of index) into dimension 0 of float32 (2, 3): want 0 to 1");
    WRONG(!at_index_select(g.scalar, 0, g.beyond), AT_ERROR_SHAPE,
          "index_select: index int64 (2) into a tensor of one element without dimensions");
    WRONG(!at_index_select(g.f, 0, g.i), AT_ERROR_SHAPE, "index_select: index is int64 (2, 3): want one dimension");
    WRONG(!at_gather(g.f, 0, g.f), AT_ERROR_DTYPE, "gather: index is float32 (2, 3): want int64");
    WRONG(!at_gather(g.f, 1, g.beyond), AT_ERROR_SHAPE,
          "gather: index (2) and x (2, 3): index must have as many dimensions, and no larger sizes (along dim it may)");
    WRONG(!at_gather(g.f, 0, at_reshape(g.beyond, 1, 2)), AT_ERROR_VALUE,
          "gather: index 3 (element 1 of index) into dimension 0 of float32 (2, 3): want 0 to 1");
    WRONG(!at_scatter_add(g.f, 0, g.i, g.i), AT_ERROR_DTYPE,
          "scatter_add: x is float32 (2, 3) and src int64 (2, 3): want one dtype");
    WRONG(!at_scatter_add(g.f, 0, g.i, at_zeros(1, 1)), AT_ERROR_SHAPE,
          "scatter_add: index (2, 3) and src (1, 1): index must have as many dimensions, and no larger sizes");
    WRONG(!at_one_hot(g.f, 3), AT_ERROR_DTYPE, "one_hot: index is float32 (2, 3): want int64");
    WRONG(!at_one_hot(g.i, 0), AT_ERROR_VALUE, "one_hot: 0 classes: want at least 1, or -1 to count them");
    WRONG(!at_one_hot(at_to(at_zeros(0, 2), AT_INT64), -1), AT_ERROR_VALUE,
          "one_hot: int64 (0, 2) has no elements to count classes by: want their number");
    WRONG(!at_one_hot(at_to(at_ones(1, 1, 1, 1, 1, 1, 1, 1), AT_INT64), 2), AT_ERROR_SHAPE,
          "one_hot: int64 (1, 1, 1, 1, 1, 1, 1, 1): there can be at most 8 dimensions");
    WRONG(!at_one_hot(g.beyond, 2), AT_ERROR_VALUE, "one_hot: class 3 (element 1): want 0 to 1");
    unchanged(&g);
}

BALANCED_TEST(products) {
    given g = inputs();
    WRONG(!at_bmm(g.f, g.f), AT_ERROR_SHAPE,
          "bmm: batch1 (2, 3) and batch2 (2, 3): want three dimensions each (at_matmul takes others)");
    WRONG(!at_bmm(at_zeros(2, 1, 4), at_zeros(2, 5, 6)), AT_ERROR_SHAPE,
          "bmm: batch1 (2, 1, 4) and batch2 (2, 5, 6): columns of batch1 (4) must equal rows of batch2 (5)");
    WRONG(!at_bmm(at_zeros(2, 1, 4), at_zeros(3, 4, 6)), AT_ERROR_SHAPE,
          "bmm: batch1 (2, 1, 4) and batch2 (3, 4, 6): 2 and 3 matrices: there must be as many");
    WRONG(!at_bmm(at_zeros(1, 2, 3), at_reshape(at_to(g.f, AT_FLOAT64), 1, 3, 2)), AT_ERROR_DTYPE,
          "bmm: float32 (1, 2, 3) and float64 (1, 3, 2): want one dtype");
    WRONG(!at_bmm(NULL, g.f), AT_ERROR_VALUE, "bmm: batch1 is NULL");
    WRONG(!at_matmul(g.f, g.f), AT_ERROR_SHAPE,
          "matmul: a (2, 3) and b (2, 3): columns of a (3) must equal rows of b (2)");
    WRONG(!at_matmul(g.f, at_zeros(2)), AT_ERROR_SHAPE,
          "matmul: a (2, 3) and b (2): the last size of a (3) must equal the size of b (2)");
    WRONG(!at_matmul(at_zeros(2), at_zeros(3)), AT_ERROR_SHAPE,
          "matmul: a (2) and b (3): the last size of a (2) must equal the size of b (3)");
    WRONG(!at_matmul(g.scalar, g.f), AT_ERROR_SHAPE,
          "matmul: a () and b (2, 3): want at least one dimension each (at_mul takes scalars)");
    WRONG(!at_matmul(at_zeros(2, 4, 3), at_zeros(3, 3, 2)), AT_ERROR_SHAPE,
          "matmul: a (2, 4, 3) and b (3, 3, 2): the dimensions before the matrices, (2) and (3), do not broadcast");
    WRONG(!at_matmul(g.b, g.b), AT_ERROR_DTYPE, "matmul: bool (2, 3) and bool (2, 3): want numbers (at_to converts)");
    unchanged(&g);
}

BALANCED_TEST(gradients) {
    given g = inputs();
    WRONG(!at_set_requires_grad(g.i, true), AT_ERROR_DTYPE,
          "set_requires_grad: int64 (2, 3): only floating-point tensors have gradients");
    WRONG(!at_set_requires_grad(at_mul(g.w, 2), true), AT_ERROR_STATE,
          "set_requires_grad: float32 (3) is the result of mul: only leaves can be set (at_detach gives one)");
    WRONG(!at_backward(g.f), AT_ERROR_STATE,
          "backward: float32 (2, 3) does not depend on anything that requires a gradient");
    WRONG(!at_backward(at_mul(g.w, 2)), AT_ERROR_SHAPE,
          "backward: float32 (3): want one element (at_sum makes it one, at_backward_with takes a gradient)");
    WRONG(!at_backward(NULL), AT_ERROR_VALUE, "backward: t is NULL");
    WRONG(!at_backward_with(at_mul(g.w, 2), at_ones(2)), AT_ERROR_SHAPE,
          "backward_with: grad_output is float32 (2) and t float32 (3): they must be alike");
    WRONG(!at_backward_with(at_sum(g.w), NULL), AT_ERROR_VALUE, "backward_with: grad_output is NULL");
    WRONG(!at_gradients(at_sum(g.w), &g.f, 1, false, g.grads), AT_ERROR_STATE,
          "gradients: input 0, float32 (2, 3), does not require a gradient");
    WRONG(!at_gradients(at_sum(g.w), NULL, 1, false, g.grads), AT_ERROR_VALUE, "gradients: inputs is NULL");
    WRONG(!at_gradients(at_mul(g.w, 2), &g.w, 1, false, g.grads), AT_ERROR_SHAPE,
          "gradients: float32 (3): want one element (at_sum makes it one, at_backward_with takes a gradient)");
    WRONG(!at_floats_mut(at_mul(g.w, 2)), AT_ERROR_STATE,
          "floats_mut: float32 (3) is the result of a recorded operation: only leaves may be written to");
    WRONG(!at_detach(NULL), AT_ERROR_VALUE, "detach: t is NULL");
    unchanged(&g);
}

BALANCED_TEST(models) {
    given g = inputs();
    WRONG(!at_mse_loss(g.f, g.f34, AT_MEAN), AT_ERROR_SHAPE,
          "mse_loss: input (2, 3) and target (3, 4): shapes must be equal (at_reshape makes them so)");
    WRONG(!at_mse_loss(g.i, g.i, AT_MEAN), AT_ERROR_DTYPE,
          "mse_loss: input int64 (2, 3) and target int64 (2, 3): want floating point (at_to converts)");
    WRONG(!at_mse_loss(g.f, NULL, AT_NONE), AT_ERROR_VALUE, "mse_loss: target is NULL");
    WRONG(!at_mse_loss(g.f, g.f, (at_reduction)5), AT_ERROR_VALUE,
          "mse_loss: reduction 5: want AT_NONE, AT_MEAN or AT_SUM");
    WRONG(!at_module_new(1, "Tiny"), AT_ERROR_VALUE,
          "module_new: Tiny: 1 bytes: the struct must begin with an at_module");
    WRONG(!at_module_new(100, NULL), AT_ERROR_VALUE, "module_new: name is NULL");
    WRONG(!at_module_parameter(NULL, "w", &g.slot, g.f), AT_ERROR_VALUE, "module_parameter: module is NULL");
    WRONG(!at_module_child(NULL, "child", NULL), AT_ERROR_VALUE, "module_child: child is NULL");
    WRONG(!at_parameters(NULL).items, AT_ERROR_VALUE, "parameters: module is NULL");
    WRONG(!at_sgd((at_parameter_list){1, &g.w}), AT_ERROR_VALUE,
          "sgd: lr is 0: want a positive number, at_sgd(parameters, .lr = 0.5)");
    WRONG(!at_sgd(((at_parameter_list){1, &g.w}), .lr = -1), AT_ERROR_VALUE,
          "sgd: lr is -1: want a positive number, at_sgd(parameters, .lr = 0.5)");
    WRONG(!at_sgd(((at_parameter_list){1, &g.w}), .lr = 1, .momentum = -0.5), AT_ERROR_VALUE,
          "sgd: momentum is -0.5: must not be negative");
    WRONG(!at_sgd(((at_parameter_list){1, &g.w}), .lr = 1, .nesterov = true), AT_ERROR_VALUE,
          "sgd: nesterov with momentum 0 and dampening 0: want momentum > 0 and no dampening");
    WRONG(!at_sgd(((at_parameter_list){1, &g.w}), .lr = 1, .weight_decay = -1), AT_ERROR_VALUE,
          "sgd: weight_decay is -1: must not be negative");
    WRONG(!at_sgd(((at_parameter_list){1, &g.f}), .lr = 1), AT_ERROR_STATE,
          "sgd: parameter 0, float32 (2, 3), is not a leaf that requires a gradient");
    WRONG(!at_sgd(((at_parameter_list){0, NULL}), .lr = 1), AT_ERROR_VALUE, "sgd: no parameters to optimize");
    WRONG(!at_optimizer_step(NULL), AT_ERROR_VALUE, "optimizer_step: optimizer is NULL");
    unchanged(&g);
}

BALANCED_TEST(looking) {
    given g = inputs();
    WRONG(!at_floats(g.i), AT_ERROR_DTYPE, "floats: int64 (2, 3): want float32 (at_to converts)");
    WRONG(!at_doubles(g.f), AT_ERROR_DTYPE, "doubles: float32 (2, 3): want float64 (at_to converts)");
    WRONG(!at_int64s(g.b), AT_ERROR_DTYPE, "int64s: bool (2, 3): want int64 (at_to converts)");
    WRONG(!at_bools(g.f), AT_ERROR_DTYPE, "bools: float32 (2, 3): want bool (at_to converts)");
    WRONG(!at_doubles_mut(g.f), AT_ERROR_DTYPE, "doubles_mut: float32 (2, 3): want float64 (at_to converts)");
    WRONG(!at_floats(NULL), AT_ERROR_VALUE, "floats: t is NULL");
    WRONG(!at_retain(NULL), AT_ERROR_VALUE, "retain: t is NULL");
    WRONG(!at_scope_return(NULL), AT_ERROR_VALUE, "scope_return: t is NULL");
    WRONG(!at_allclose(g.f, NULL, 0, 0), AT_ERROR_VALUE, "allclose: b is NULL");
    WRONG(!at_equal(NULL, g.f), AT_ERROR_VALUE, "equal: a is NULL");
    WRONG(!at_requires_grad(NULL), AT_ERROR_VALUE, "requires_grad: t is NULL");
    WRONG(!at_grad(NULL), AT_ERROR_VALUE, "grad: t is NULL");
    WRONG(isnan(at_item(g.f)), AT_ERROR_SHAPE, "item: float32 (2, 3): want exactly one element");
    WRONG(isnan(at_item(g.none)), AT_ERROR_SHAPE, "item: float32 (0): want exactly one element");
    WRONG(isnan(at_get(g.f, 1)), AT_ERROR_SHAPE, "get: 1 indices into float32 (2, 3): want 2");
    WRONG(isnan(at_get(g.f, 2, 0)), AT_ERROR_VALUE,
          "get: index (2, 0) into float32 (2, 3): dimension 0 has 2 elements");
    WRONG(isnan(at_get(g.f, 0, -4)), AT_ERROR_VALUE,
          "get: index (0, -4) into float32 (2, 3): dimension 1 has 3 elements");
    WRONG(isnan(at_item(NULL)), AT_ERROR_VALUE, "item: t is NULL");
    WRONG(at_size(g.f, 2) == -1, AT_ERROR_SHAPE, "size: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(at_size(g.scalar, 0) == -1, AT_ERROR_SHAPE, "size: dimension 0 of a tensor of shape (): it has none");
    WRONG(at_ndim(NULL) == -1, AT_ERROR_VALUE, "ndim: t is NULL");
    WRONG(at_numel(NULL) == -1, AT_ERROR_VALUE, "numel: t is NULL");
    WRONG(at_shape_of(NULL).ndim == -1, AT_ERROR_VALUE, "shape_of: t is NULL");
    unchanged(&g);
}

/* ---- one check for a whole expression ---------------------------------------------------------------------------- */

BALANCED_TEST(the_first_error_stays) {
    at_tensor *x = at_ones(2, 3);
    at_tensor *first = at_matmul(x, x); /* of two arguments C may compute either one first */
    at_tensor *y = at_sum(at_exp(at_add(at_softmax(first, 1), at_reshape(x, 7))));
    ck_assert_ptr_null(y);
    ck_assert(!at_backward(y));
    ck_assert(isnan(at_item(y)));
    ck_assert(isnan(at_get(at_slice(y, 0, 0, 1, 1), 0)));
    ck_assert_int_eq(at_numel(y), -1);
    ck_assert_int_eq(at_ndim(y), -1);
    ck_assert(!at_equal(y, x));
    ck_assert_ptr_null(at_floats(y));
    ck_assert_ptr_null(at_zeros_shape(at_shape_of(y)));
    ck_assert_ptr_null(at_cat(0, x, y));
    at_release(y);
    expect_error(AT_ERROR_SHAPE, "matmul: a (2, 3) and b (2, 3): columns of a (3) must equal rows of b (2)");
    ck_assert_int_eq(at_error_code(), AT_OK);
    ck_assert_ptr_null(at_error());
    ck_assert_ptr_nonnull(at_exp(x)); /* and all is well again */
}

BALANCED_TEST(correct_calls_work_while_an_error_is_kept) {
    at_tensor *w = at_set_requires_grad(at_ones(20), true);
    ck_assert_ptr_null(at_exp(NULL));
    ck_assert(at_backward(at_sum(at_mul(w, 3))));
    ck_assert_double_eq(at_get(at_grad(w), 0), 3);
    expect_error(AT_ERROR_VALUE, "exp: x is NULL");
}

BALANCED_TEST(operations_of_ones_own_report_alike) {
    ck_assert_ptr_null(at_fail(AT_ERROR_VALUE, "mine: %d is odd", 7));
    ck_assert_ptr_null(at_fail(AT_ERROR_IO, "mine: a later error"));
    ck_assert_ptr_null(at_fail_null("mine", "x"));
    expect_error(AT_ERROR_VALUE, "mine: 7 is odd");
    ck_assert_ptr_null(at_fail_null("mine", "x"));
    expect_error(AT_ERROR_VALUE, "mine: x is NULL");
}

BALANCED_TEST(settings) {
    int threads = at_num_threads();
    at_set_num_threads(0);
    expect_error(AT_ERROR_VALUE, "set_num_threads: 0 threads: want at least 1");
    ck_assert_int_eq(at_num_threads(), threads);
    at_zero_grad(NULL);
    expect_error(AT_ERROR_VALUE, "zero_grad: t is NULL");
    at_optimizer_zero_grad(NULL);
    expect_error(AT_ERROR_VALUE, "optimizer_zero_grad: optimizer is NULL");
    at_module_fprint(stdout, NULL);
    expect_error(AT_ERROR_VALUE, "module_print: module is NULL");
}

/* ---- threads and modes ------------------------------------------------------------------------------------------- */

static void *fail_alone(void *unused) {
    (void)unused;
    ck_assert_ptr_null(at_error()); /* the other thread's error is not ours; its mode is, as we have chosen none */
    at_bmm(NULL, NULL);
    return at_error() && strcmp(at_error(), "bmm: batch1 is NULL") == 0 ? NULL : "wrong";
}

/* What the others leave out: each argument that is wanted, NULL. */
BALANCED_TEST(nothing) {
    given g = inputs();
    at_tensor *all[] = {g.w}, *none[] = {NULL};
    WRONG(!at_relu(NULL), AT_ERROR_VALUE, "relu: x is NULL");
    WRONG(!at_floor(NULL), AT_ERROR_VALUE, "floor: x is NULL");
    WRONG(!at_gelu(NULL), AT_ERROR_VALUE, "gelu: x is NULL");
    WRONG(!at_clamp(NULL, 0, 1), AT_ERROR_VALUE, "clamp: x is NULL");
    WRONG(!at_clamp(g.f, 0, NAN), AT_ERROR_VALUE, "clamp: bounds 0 and nan: want numbers");
    WRONG(!at_masked_fill(g.f, g.b, NULL), AT_ERROR_VALUE, "masked_fill: value is NULL");
    WRONG(!at_sub(g.f, NULL), AT_ERROR_VALUE, "sub: b is NULL");
    WRONG(!at_norm(NULL), AT_ERROR_VALUE, "norm: x is NULL");
    WRONG(!at_prod(NULL), AT_ERROR_VALUE, "prod: x is NULL");
    WRONG(!at_prod_dim(NULL, 0, false), AT_ERROR_VALUE, "prod_dim: x is NULL");
    WRONG(!at_any(NULL), AT_ERROR_VALUE, "any: x is NULL");
    WRONG(!at_var(NULL), AT_ERROR_VALUE, "var: x is NULL");
    WRONG(!at_std(NULL), AT_ERROR_VALUE, "std: x is NULL");
    WRONG(!at_logsumexp(NULL), AT_ERROR_VALUE, "logsumexp: x is NULL");
    WRONG(!at_flatten(NULL), AT_ERROR_VALUE, "flatten: x is NULL");
    WRONG(!at_permute(NULL, 0), AT_ERROR_VALUE, "permute: x is NULL");
    WRONG(!at_repeat_interleave(NULL, 2), AT_ERROR_VALUE, "repeat_interleave: x is NULL");
    WRONG(!at_repeat_interleave_dim(NULL, 2, 0), AT_ERROR_VALUE, "repeat_interleave: x is NULL");
    WRONG(!at_select(NULL, 0, 0), AT_ERROR_VALUE, "select: x is NULL");
    WRONG(!at_stack_list(0, NULL, 1), AT_ERROR_VALUE, "stack: list is NULL");
    WRONG(!at_tril(NULL, 0), AT_ERROR_VALUE, "tril: x is NULL");
    WRONG(!at_triu(NULL, 0), AT_ERROR_VALUE, "triu: x is NULL");
    WRONG(!at_gather(NULL, 0, g.i), AT_ERROR_VALUE, "gather: x is NULL");
    WRONG(!at_scatter_add(g.f, 0, g.i, NULL), AT_ERROR_VALUE, "scatter_add: src is NULL");
    WRONG(!at_topk(NULL, 1, 0, NULL), AT_ERROR_VALUE, "topk: x is NULL");
    WRONG(!at_sort(NULL, 0, false, NULL), AT_ERROR_VALUE, "sort: x is NULL");
    WRONG(!at_one_hot(NULL, 2), AT_ERROR_VALUE, "one_hot: x is NULL");
    WRONG(!at_retain_grad(NULL), AT_ERROR_VALUE, "retain_grad: t is NULL");
    WRONG(!at_retain_grad(g.f), AT_ERROR_STATE, "retain_grad: float32 (2, 3) does not require a gradient");
    WRONG(!at_register_hook(NULL, NULL, NULL), AT_ERROR_VALUE, "register_hook: t is NULL");
    WRONG(!at_register_hook(g.w, NULL, NULL), AT_ERROR_VALUE, "register_hook: hook is NULL");
    WRONG(!at_set_name(NULL, "x"), AT_ERROR_VALUE, "set_name: t is NULL");
    WRONG(!at_name(NULL), AT_ERROR_VALUE, "name: t is NULL");
    WRONG((at_remove_hooks(NULL), true), AT_ERROR_VALUE, "remove_hooks: t is NULL");
    WRONG(!at_backward_with(NULL, g.f), AT_ERROR_VALUE, "backward_with: t is NULL");
    WRONG(!at_backward_trace(NULL, g.w), AT_ERROR_VALUE, "backward_trace: file is NULL");
    WRONG(!at_graph_print(stderr, NULL), AT_ERROR_VALUE, "graph_print: root is NULL");
    WRONG(!at_gradients(at_sum(g.w), all, -1, false, g.grads), AT_ERROR_VALUE,
          "gradients: n is -1: must not be negative");
    WRONG(!at_gradients(at_sum(g.w), NULL, 1, false, g.grads), AT_ERROR_VALUE, "gradients: inputs is NULL");
    WRONG(!at_gradients(at_sum(g.w), all, 1, false, NULL), AT_ERROR_VALUE, "gradients: grads is NULL");
    WRONG(!at_gradients(at_sum(g.w), none, 1, false, g.grads), AT_ERROR_VALUE, "gradients: inputs[0] is NULL");
    WRONG(at_size(NULL, 0) == -1, AT_ERROR_VALUE, "size: t is NULL");
    WRONG(at_dtype_of(NULL) == AT_FLOAT32, AT_ERROR_VALUE, "dtype_of: t is NULL");
    unchanged(&g);
}

BALANCED_TEST(nothing_to_compute_with) {
    given g = inputs();
    WRONG(!at_neg(NULL), AT_ERROR_VALUE, "neg: x is NULL");
    WRONG(!at_abs(NULL), AT_ERROR_VALUE, "abs: x is NULL");
    WRONG(!at_sign(NULL), AT_ERROR_VALUE, "sign: x is NULL");
    WRONG(!at_square(NULL), AT_ERROR_VALUE, "square: x is NULL");
    WRONG(!at_to(NULL, AT_INT64), AT_ERROR_VALUE, "to: x is NULL");
    WRONG(!at_div(NULL, g.f), AT_ERROR_VALUE, "div: a is NULL");
    WRONG(!at_pow(NULL, 2), AT_ERROR_VALUE, "pow: a is NULL");
    WRONG(!at_pow(g.f, NULL), AT_ERROR_VALUE, "pow: b is NULL");
    WRONG(!at_eq(NULL, 2), AT_ERROR_VALUE, "eq: a is NULL");
    WRONG(!at_eq(g.f, NULL), AT_ERROR_VALUE, "eq: b is NULL");
    WRONG(!at_logical_or(NULL, g.b), AT_ERROR_VALUE, "logical_or: a is NULL");
    WRONG(!at_where(g.b, NULL, 0), AT_ERROR_VALUE, "where: a is NULL");
    WRONG(!at_where(g.b, 0, NULL), AT_ERROR_VALUE, "where: b is NULL");
    WRONG(!at_masked_fill(NULL, g.b, 0), AT_ERROR_VALUE, "masked_fill: x is NULL");
    WRONG(!at_masked_fill(g.f, NULL, 0), AT_ERROR_VALUE, "masked_fill: mask is NULL");
    WRONG(!at_max(NULL), AT_ERROR_VALUE, "max: x is NULL");
    WRONG(!at_softmax(NULL, 0), AT_ERROR_VALUE, "softmax: x is NULL");
    WRONG(!at_cumsum(NULL, 0), AT_ERROR_VALUE, "cumsum: x is NULL");
    WRONG(!at_max_dim(NULL, 0, false, NULL), AT_ERROR_VALUE, "max_dim: x is NULL");
    WRONG(!at_reshape(NULL, 2), AT_ERROR_VALUE, "reshape: x is NULL");
    WRONG(!at_unsqueeze(NULL, 0), AT_ERROR_VALUE, "unsqueeze: x is NULL");
    WRONG(!at_squeeze(NULL, 0), AT_ERROR_VALUE, "squeeze: x is NULL");
    WRONG(!at_transpose(NULL, 0, 1), AT_ERROR_VALUE, "transpose: x is NULL");
    WRONG(!at_expand(NULL, 2), AT_ERROR_VALUE, "expand: x is NULL");
    WRONG(!at_repeat(NULL, 2), AT_ERROR_VALUE, "repeat: x is NULL");
    WRONG(!at_slice(NULL, 0, 0, 1, 1), AT_ERROR_VALUE, "slice: x is NULL");
    WRONG(!at_flip(NULL, 0), AT_ERROR_VALUE, "flip: x is NULL");
    WRONG(!at_stack_list(0, &g.f, 0), AT_ERROR_VALUE, "stack: no tensors to join");
    WRONG(!at_gather(g.f, 0, NULL), AT_ERROR_VALUE, "gather: index is NULL");
    WRONG(!at_scatter_add(NULL, 0, g.i, g.f), AT_ERROR_VALUE, "scatter_add: x is NULL");
    WRONG(!at_scatter_add(g.f, 0, NULL, g.f), AT_ERROR_VALUE, "scatter_add: index is NULL");
    WRONG(!at_index_select(NULL, 0, g.i), AT_ERROR_VALUE, "index_select: x is NULL");
    WRONG(!at_index_select(g.f, 0, NULL), AT_ERROR_VALUE, "index_select: index is NULL");
    WRONG(!at_masked_select(NULL, g.b), AT_ERROR_VALUE, "masked_select: x is NULL");
    WRONG(!at_masked_select(g.f, NULL), AT_ERROR_VALUE, "masked_select: mask is NULL");
    WRONG(!at_bmm(g.f, NULL), AT_ERROR_VALUE, "bmm: batch2 is NULL");
    WRONG(!at_matmul(NULL, g.f), AT_ERROR_VALUE, "matmul: a is NULL");
    WRONG(!at_matmul(g.f, NULL), AT_ERROR_VALUE, "matmul: b is NULL");
    WRONG(!at_gradients(NULL, &g.w, 1, false, g.grads), AT_ERROR_VALUE, "gradients: output is NULL");
    unchanged(&g);
}

/* A dimension that there is not, and sizes and indices at the ends of their range. */
BALANCED_TEST(beyond_the_ends) {
    given g = inputs();
    at_tensor *found = NULL;
    const int64_t extremes[] = {INT64_MAX, -1};
    at_tensor *large = at_from_int64s(extremes, 1), *negative = at_from_int64s(extremes + 1, 1);
    WRONG(!at_transpose(g.f, -3, 0), AT_ERROR_SHAPE,
          "transpose: dimension -3 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_select(g.f, 2, 0), AT_ERROR_SHAPE, "select: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_stack(-4, g.f, g.f), AT_ERROR_SHAPE,
          "stack: dimension -4 for float32 (2, 3): want -3 to 2, and at most 8 dimensions");
    WRONG(!at_permute(g.f, -3, 0), AT_ERROR_SHAPE,
          "permute: order (-3, 0) for float32 (2, 3): want each of its dimensions once");
    WRONG(!at_argsort(g.f, 2, false), AT_ERROR_SHAPE, "argsort: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_topk(g.f, 1, 2, NULL), AT_ERROR_SHAPE, "topk: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_gather(g.f, 2, g.i), AT_ERROR_SHAPE, "gather: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_scatter_add(g.f, 2, g.i, g.f), AT_ERROR_SHAPE,
          "scatter_add: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_index_select(g.f, 2, g.i), AT_ERROR_SHAPE,
          "index_select: dimension 2 of a tensor of shape (2, 3): want -2 to 1");
    WRONG(!at_index_select(g.f, 0, negative), AT_ERROR_VALUE,
          "index_select: index -1 (element 0 of index) into dimension 0 of float32 (2, 3): want 0 to 1");
    WRONG(!at_max_dim(g.none, 0, false, &found), AT_ERROR_SHAPE,
          "max_dim: dimension 0 of float32 (0) has no elements, so no largest");
    ck_assert_ptr_null(found);
    WRONG(!at_one_hot(g.i, -2), AT_ERROR_VALUE, "one_hot: -2 classes: want at least 1, or -1 to count them");
    WRONG(!at_one_hot(negative, 3), AT_ERROR_VALUE, "one_hot: class -1 (element 0): want 0 to 2");
    WRONG(!at_one_hot(large, -1), AT_ERROR_VALUE,
          "one_hot: class 9223372036854775807 (element 0): want 0 to 9223372036854775806");
    WRONG(!at_one_hot(g.beyond, INT64_MAX), AT_ERROR_SHAPE,
          "one_hot: shape (2, 9223372036854775807): too many elements to count");
    WRONG(!at_where(at_expand(at_reshape(g.b, 2, 1, 3), 2, INT64_C(1) << 40, 3),
                    at_expand(g.scalar, INT64_C(1) << 40, 1, 1), 0),
          AT_ERROR_SHAPE, "where: cond (2, 1099511627776, 3), a (1099511627776, 1, 1) and b () do not broadcast");
    WRONG(!at_matmul(g.f, g.scalar), AT_ERROR_SHAPE,
          "matmul: a (2, 3) and b (): want at least one dimension each (at_mul takes scalars)");
    WRONG(!at_pow((bool)true, g.b), AT_ERROR_DTYPE, "pow: a bool and bool (2, 3): want numbers (at_to converts)");
    WRONG(!at_arange(-INFINITY, 0, 1), AT_ERROR_VALUE, "arange: from -inf to 0 by 1: want finite numbers");
    WRONG(!at_arange(0, 1, NAN), AT_ERROR_VALUE, "arange: from 0 to 1 by nan: want finite numbers");
    unchanged(&g);
}

BALANCED_TEST(messages_do_not_command_a_terminal) {
    at_load_npy("/nowhere/\033[2J\n\177\xC3\xA9");
    expect_error(AT_ERROR_IO, "load_npy: \"/nowhere/?[2J\n?\xC3\xA9\": No such file or directory");
}

BALANCED_TEST(errors_are_per_thread) {
    pthread_t thread;
    void *wrong = NULL;
    at_exp(NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_alone, NULL), 0);
    pthread_join(thread, &wrong);
    ck_assert_ptr_null(wrong);
    expect_error(AT_ERROR_VALUE, "exp: x is NULL");
}

/* What a child that makes a wrong call in the default mode writes to stderr; its exit status. */
static int abort_in_child(char *text, size_t size) {
    int ends[2], status = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        at_set_error_mode(AT_ERROR_ABORT);
        at_bmm(at_zeros(2, 1, 4), at_zeros(2, 5, 6));
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; used + 1 < size && (n = read(ends[0], text + used, size - 1 - used)) > 0;) used += (size_t)n;
    text[used] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

BALANCED_TEST(there_are_two_error_modes) {
    at_set_error_mode((at_error_mode)2);
    expect_error(AT_ERROR_VALUE, "set_error_mode: 2: want AT_ERROR_ABORT or AT_ERROR_RETURN");
    WRONG(!at_exp(NULL), AT_ERROR_VALUE, "exp: x is NULL"); /* still returned */
}

BALANCED_TEST(by_default_a_wrong_call_aborts) {
    char text[1000];
    int status = abort_in_child(text, sizeof text);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
    ck_assert_ptr_nonnull(strstr(text, "atled: bmm: batch1 (2, 1, 4) and batch2 (2, 5, 6): columns of batch1 (4) must "
                                       "equal rows of batch2 (5)\n"));
}

Suite *errors_suite(void) {
    Suite *suite = suite_create("errors");
    TCase *calls = tcase_create("calls"), *modes = tcase_create("modes");
    tcase_add_test(calls, making);
    tcase_add_test(calls, elementwise);
    tcase_add_test(calls, reductions);
    tcase_add_test(calls, shapes);
    tcase_add_test(calls, indexing);
    tcase_add_test(calls, products);
    tcase_add_test(calls, gradients);
    tcase_add_test(calls, models);
    tcase_add_test(calls, looking);
    suite_add_tcase(suite, calls);
    tcase_add_test(modes, the_first_error_stays);
    tcase_add_test(modes, correct_calls_work_while_an_error_is_kept);
    tcase_add_test(modes, operations_of_ones_own_report_alike);
    tcase_add_test(modes, settings);
    tcase_add_test(calls, nothing);
    tcase_add_test(calls, nothing_to_compute_with);
    tcase_add_test(calls, beyond_the_ends);
    tcase_add_test(modes, messages_do_not_command_a_terminal);
    tcase_add_test(modes, errors_are_per_thread);
    tcase_add_test(modes, there_are_two_error_modes);
    tcase_add_test(modes, by_default_a_wrong_call_aborts);
    suite_add_tcase(suite, modes);
    return suite;
}
