/* autograd/operations.h - every operation on tensors, each differentiable where that has a meaning.
 *
 * Notation: x, a, b are inputs, y is the result, g the gradient of the final scalar by y; "d/dx: g * y" says what is
 * added to the gradient by x. Shapes of two operands broadcast: aligned at the last dimension, each pair of sizes is
 * equal or has a 1. Undoing that (summing the gradient) is done for every rule alike.
 *
 * Dtypes promote bool -> int64 -> float32 -> float64. A number does not promote a tensor of its own kind (float32 +
 * 2.5 is float32), nor does a 0-dimensional tensor; int64 with a floating-point number gives the default dtype. In C11
 * true and false are ints; a bool variable counts as a bool. Operations that need real numbers (exp, division, ...)
 * turn integers and bools into the default dtype, gelu, silu, softplus and leaky_relu too, which torch has for floating
 * point only. What orders elements (argmax, topk, ...) takes bools as well, false before true.
 *
 * Results belong to the innermost scope. Wrong shapes, dtypes, dimensions and indices are errors (see
 * tensor/tensor.h). Elementwise operations are deferred: they check and record, and compute when a value is needed. */
#ifndef ATLED_OPERATIONS_H
#define ATLED_OPERATIONS_H

#include "../tensor/tensor.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- elementwise, two operands, each a tensor or a C number: at_add(x, 1), at_sub(1, x), at_pow(x, 0.8) ---------- */

at_tensor *at_add_operands(at_operand a, at_operand b); /* d/da: g       d/db: g */
at_tensor *at_sub_operands(at_operand a, at_operand b); /* d/da: g       d/db: -g; not for bools */
at_tensor *at_mul_operands(at_operand a, at_operand b); /* d/da: g * b   d/db: g * a */
/* d/da: g / b   d/db: -g * y / b; integers give the default dtype */
at_tensor *at_div_operands(at_operand a, at_operand b);
/* d/da: g * b * a^(b-1), 0 where b = 0   d/db: g * y * log a, 0 where a = 0 and b >= 0 */
at_tensor *at_pow_operands(at_operand a, at_operand b);
/* g to the larger, half each to equals; NaN if either is, with g to both */
at_tensor *at_maximum_operands(at_operand a, at_operand b);
/* g to the smaller, half each to equals; NaN if either is, with g to both */
at_tensor *at_minimum_operands(at_operand a, at_operand b);

/* Comparisons give bool and have no gradient; NaN is unequal to everything. */
at_tensor *at_eq_operands(at_operand a, at_operand b);
at_tensor *at_ne_operands(at_operand a, at_operand b);
at_tensor *at_lt_operands(at_operand a, at_operand b);
at_tensor *at_le_operands(at_operand a, at_operand b);
at_tensor *at_gt_operands(at_operand a, at_operand b);
at_tensor *at_ge_operands(at_operand a, at_operand b);

#define at_add(a, b)     at_add_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_sub(a, b)     at_sub_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_mul(a, b)     at_mul_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_div(a, b)     at_div_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_pow(a, b)     at_pow_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_maximum(a, b) at_maximum_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_minimum(a, b) at_minimum_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_eq(a, b)      at_eq_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_ne(a, b)      at_ne_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_lt(a, b)      at_lt_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_le(a, b)      at_le_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_gt(a, b)      at_gt_operands(AT_OPERAND(a), AT_OPERAND(b))
#define at_ge(a, b)      at_ge_operands(AT_OPERAND(a), AT_OPERAND(b))

/* Bool from operands of any dtype, non-zero counting as true. No gradient. */
at_tensor *at_logical_and(at_tensor *a, at_tensor *b);
at_tensor *at_logical_or(at_tensor *a, at_tensor *b);
at_tensor *at_logical_not(at_tensor *x);

/* ---- elementwise, one operand ------------------------------------------------------------------------------------ */

at_tensor *at_neg(at_tensor *x);                      /* d/dx: -g; not for bool */
at_tensor *at_abs(at_tensor *x);                      /* d/dx: g * sign x */
at_tensor *at_sign(at_tensor *x);                     /* d/dx: 0; sign 0 and sign NaN are 0 */
at_tensor *at_exp(at_tensor *x);                      /* d/dx: g * y */
at_tensor *at_log(at_tensor *x);                      /* d/dx: g / x */
at_tensor *at_log1p(at_tensor *x);                    /* log(1 + x)    d/dx: g / (x + 1) */
at_tensor *at_expm1(at_tensor *x);                    /* exp(x) - 1    d/dx: g * (y + 1) */
at_tensor *at_sqrt(at_tensor *x);                     /* d/dx: g / (2 y) */
at_tensor *at_rsqrt(at_tensor *x);                    /* 1 / sqrt x    d/dx: -g * y^3 / 2 */
at_tensor *at_square(at_tensor *x);                   /* d/dx: 2 g x; bools give int64 */
at_tensor *at_reciprocal(at_tensor *x);               /* d/dx: -g * y^2 */
at_tensor *at_sin(at_tensor *x);                      /* d/dx: g * cos x */
at_tensor *at_cos(at_tensor *x);                      /* d/dx: -g * sin x */
at_tensor *at_tan(at_tensor *x);                      /* d/dx: g * (1 + y^2) */
at_tensor *at_tanh(at_tensor *x);                     /* d/dx: g * (1 - y^2) */
at_tensor *at_sigmoid(at_tensor *x);                  /* 1 / (1 + exp(-x))    d/dx: g * y * (1 - y) */
at_tensor *at_relu(at_tensor *x);                     /* max(x, 0)    d/dx: 0 where x <= 0, else g */
at_tensor *at_leaky_relu(at_tensor *x, double slope); /* x where x > 0, else slope * x; d/dx alike */
/* x * F(x), F the normal distribution function    d/dx: g * (F(x) + x * exp(-x^2/2) / sqrt(2 pi)) */
at_tensor *at_gelu(at_tensor *x);
at_tensor *at_silu(at_tensor *x);     /* x * sigmoid x    d/dx: g * s * (1 + x * (1 - s)), s = sigmoid x */
at_tensor *at_softplus(at_tensor *x); /* log(1 + exp x), x itself above 20    d/dx: g * sigmoid x, g above 20 */
at_tensor *at_erf(at_tensor *x);      /* d/dx: g * 2 / sqrt(pi) * exp(-x^2) */
at_tensor *at_floor(at_tensor *x);    /* d/dx: 0, as for ceil and round */
at_tensor *at_ceil(at_tensor *x);
at_tensor *at_round(at_tensor *x); /* halves to the even neighbour */

/* d/dx: g where lo <= x <= hi, else 0; -INFINITY and INFINITY leave a side open, NaN is an error. Bools count as int64,
 * and int64 with bounds that are not whole gives the default dtype. */
at_tensor *at_clamp(at_tensor *x, double lo, double hi);
/* a where cond (bool), else b; d/da: g where cond, else 0; d/db: 0 where cond, else g */
at_tensor *at_where_operands(at_tensor *cond, at_operand a, at_operand b);
/* value where mask (bool), else x; x's dtype and shape broadcast with the mask's; d/dx: 0 where mask, else g */
at_tensor *at_masked_fill_operand(at_tensor *x, at_tensor *mask, at_operand value);
#define at_where(cond, a, b)           at_where_operands(cond, AT_OPERAND(a), AT_OPERAND(b))
#define at_masked_fill(x, mask, value) at_masked_fill_operand(x, mask, AT_OPERAND(value))

/* x itself if it has the dtype; to bool: non-zero; d/dx: g in x's dtype, between floating-point dtypes */
at_tensor *at_to(at_tensor *x, at_dtype dtype);
at_tensor *at_contiguous(at_tensor *x); /* the same elements, stored row-major; d/dx: g */

/* ---- reductions: over all elements, giving (), or over one dimension, which keepdim leaves with size 1 ----------- */

/* integers and bools give int64; of nothing: 0; d/dx: g */
at_tensor *at_sum(at_tensor *x);
at_tensor *at_sum_dim(at_tensor *x, int dim, bool keepdim);
/* floating point only; of nothing: NaN; d/dx: g / n */
at_tensor *at_mean(at_tensor *x);
at_tensor *at_mean_dim(at_tensor *x, int dim, bool keepdim);
/* of nothing: 1; d/dx_i: g * product of the others, exact with zeros and infinities (where torch divides: NaN) */
at_tensor *at_prod(at_tensor *x);
at_tensor *at_prod_dim(at_tensor *x, int dim, bool keepdim);
/* NaN if there is one; of nothing: an error; d/dx: g shared evenly by the largest */
at_tensor *at_max(at_tensor *x);
at_tensor *at_min(at_tensor *x);
/* sum (x - mean)^2 / (n - 1); of one element: NaN; d/dx: 2 g (x - mean) / (n - 1) */
at_tensor *at_var(at_tensor *x);
at_tensor *at_var_dim(at_tensor *x, int dim, bool keepdim);
/* sqrt var; d/dx: g (x - mean) / ((n - 1) y), 0 where y = 0 */
at_tensor *at_std(at_tensor *x);
at_tensor *at_std_dim(at_tensor *x, int dim, bool keepdim);
/* log sum exp x, without overflow; of nothing: -infinity; d/dx: g * exp(x - y) */
at_tensor *at_logsumexp(at_tensor *x);
at_tensor *at_logsumexp_dim(at_tensor *x, int dim, bool keepdim);
at_tensor *at_norm(at_tensor *x); /* sqrt sum x^2; d/dx: g * x / y, 0 where y = 0, and so are its derivatives */
at_tensor *at_any(at_tensor *x);  /* bool; of nothing: false */
at_tensor *at_any_dim(at_tensor *x, int dim, bool keepdim);
at_tensor *at_all(at_tensor *x); /* bool; of nothing: true */
at_tensor *at_all_dim(at_tensor *x, int dim, bool keepdim);

/* The largest (smallest) along dim, the first of equals; a NaN counts as both. *indices, where indices is not NULL, is
 * int64 of the result's shape. d/dx: g to the selected elements. */
at_tensor *at_max_dim(at_tensor *x, int dim, bool keepdim, at_tensor **indices);
at_tensor *at_min_dim(at_tensor *x, int dim, bool keepdim, at_tensor **indices);
at_tensor *at_argmax(at_tensor *x, int dim, bool keepdim);
at_tensor *at_argmin(at_tensor *x, int dim, bool keepdim);

/* y_i = x_0 + ... + x_i; integers and bools give int64; d/dx: sums of g from the end */
at_tensor *at_cumsum(at_tensor *x, int dim);
at_tensor *at_softmax(at_tensor *x, int dim);     /* exp x / sum exp x along dim; d/dx: y * (g - sum(g * y)) */
at_tensor *at_log_softmax(at_tensor *x, int dim); /* d/dx: g - exp(y) * sum g */

/* ---- shapes: views wherever strides can say it; elements are shared, never aliased by writing -------------------- */

/* one size may be -1: what is left; d/dx: g in x's shape */
at_tensor *at_reshape_shape(at_tensor *x, at_shape shape);
/* y's dimension i is x's order.dim[i]; d/dx: the inverse order */
at_tensor *at_permute_shape(at_tensor *x, at_shape order);
/* sizes of 1 repeated without a copy, new dimensions in front; -1 keeps a size; d/dx: g summed */
at_tensor *at_expand_shape(at_tensor *x, at_shape shape);
/* copies laid side by side, times.dim[i] along dimension i; d/dx: g summed */
at_tensor *at_repeat_shape(at_tensor *x, at_shape times);
at_tensor *at_transpose(at_tensor *x, int dim0, int dim1);
at_tensor *at_unsqueeze(at_tensor *x, int dim); /* a new dimension of size 1 at dim */
at_tensor *at_squeeze(at_tensor *x, int dim);   /* drops dimension dim if its size is 1 */
at_tensor *at_flatten(at_tensor *x);            /* one dimension */
/* x[start:end:step], clipped as in Python; step >= 1; d/dx: g in place, 0 elsewhere */
at_tensor *at_slice(at_tensor *x, int dim, int64_t start, int64_t end, int64_t step);
/* drops dimension dim at that index; d/dx: as at_slice */
at_tensor *at_select(at_tensor *x, int dim, int64_t index);
/* joined along dim; other sizes equal; d/d each: its slice of g */
at_tensor *at_cat_list(int dim, at_tensor *const *list, int n);
/* joined along a new dimension dim; equal shapes */
at_tensor *at_stack_list(int dim, at_tensor *const *list, int n);
at_tensor *at_flip(at_tensor *x, int dim); /* reversed along dim */
/* of each matrix what is on or below diagonal k, 0 elsewhere; d/dx: alike */
at_tensor *at_tril(at_tensor *x, int64_t k);
at_tensor *at_triu(at_tensor *x, int64_t k);
/* flattened, each element n times in a row; d/dx: g summed */
at_tensor *at_repeat_interleave(at_tensor *x, int64_t n);
at_tensor *at_repeat_interleave_dim(at_tensor *x, int64_t n, int dim);

#define at_reshape(x, ...) at_reshape_shape(x, AT_SHAPE(__VA_ARGS__))
#define at_permute(x, ...) at_permute_shape(x, AT_SHAPE(__VA_ARGS__))
#define at_expand(x, ...)  at_expand_shape(x, AT_SHAPE(__VA_ARGS__))
#define at_repeat(x, ...)  at_repeat_shape(x, AT_SHAPE(__VA_ARGS__))

/* ---- indexing ---------------------------------------------------------------------------------------------------- */

/* Stable: equals keep their order; NaN counts as the largest. *indices, where indices is not NULL, is int64 of x's
 * shape. d/dx: g to where each element came from. */
at_tensor *at_sort(at_tensor *x, int dim, bool descending, at_tensor **indices);
at_tensor *at_argsort(at_tensor *x, int dim, bool descending);
/* the k largest, largest first; d/dx as at_sort */
at_tensor *at_topk(at_tensor *x, int64_t k, int dim, at_tensor **indices);
/* (number of true), broadcast x where the bool mask is true, row-major; d/dx: g in place, 0 elsewhere */
at_tensor *at_masked_select(at_tensor *x, at_tensor *mask);
/* int64 index (n) along dim; d/dx: g added at the indices */
at_tensor *at_index_select(at_tensor *x, int dim, at_tensor *index);
/* y[i][j] = x[index[i][j]][j] for dim 0; d/dx: at_scatter_add. Here and there a tensor without dimensions goes with
 * vectors, as one of one element. */
at_tensor *at_gather(at_tensor *x, int dim, at_tensor *index);
/* a copy of x with y[index[i][j]][j] += src[i][j] for dim 0; d/dx: g, d/dsrc: gathered g */
at_tensor *at_scatter_add(at_tensor *x, int dim, at_tensor *index, at_tensor *src);
/* int64 (..., n): 1 at x's value; n = -1: largest value + 1, an error where x is empty */
at_tensor *at_one_hot(at_tensor *x, int64_t n);

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* (n, p, q) x (n, q, r) -> (n, p, r); d/dbatch1: g batch2^T, d/dbatch2: batch1^T g */
at_tensor *at_bmm(at_tensor *batch1, at_tensor *batch2);
/* vector.vector, matrix.vector, vector.matrix, matrices, broadcast batches; as torch.matmul */
at_tensor *at_matmul(at_tensor *a, at_tensor *b);

#ifdef __cplusplus
}
template <typename... T> inline at_tensor *at_cat_of_tensors(int dim, T... tensors) {
    at_tensor *const list[] = {tensors...};
    return at_cat_list(dim, list, static_cast<int>(sizeof...(tensors)));
}
template <typename... T> inline at_tensor *at_stack_of_tensors(int dim, T... tensors) {
    at_tensor *const list[] = {tensors...};
    return at_stack_list(dim, list, static_cast<int>(sizeof...(tensors)));
}
#define at_cat(dim, ...)   at_cat_of_tensors(dim, __VA_ARGS__)
#define at_stack(dim, ...) at_stack_of_tensors(dim, __VA_ARGS__)
#else
#define AT_TENSOR_LIST(...)                                                                                            \
    (at_tensor *const[]){__VA_ARGS__}, (int)(sizeof((at_tensor *const[]){__VA_ARGS__}) / sizeof(at_tensor *))
#define at_cat(dim, ...)   at_cat_list(dim, AT_TENSOR_LIST(__VA_ARGS__))
#define at_stack(dim, ...) at_stack_list(dim, AT_TENSOR_LIST(__VA_ARGS__))
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
