/* tests/test_gradients.c - every differentiable operation against central differences, to the second order.
 *
 * An operation is a row of a table below: its name, the place in autograd/operations.def that it must reach, the shapes
 * and the domain of its inputs, and the expression itself. Each row runs over all its shapes, every layout, every
 * dimension, each input alone requiring a gradient, and one tensor in the place of both inputs; computed eagerly and
 * deferred it must give the same bits. A place in operations.def or a function in autograd/operations.h without a row
 * fails the suite. One family: CK_RUN_CASE=reductions. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../autograd/custom.h"
#include "../autograd/internal.h"
#include "../nn/nn.h"
#include "support.h"

/* ---- shapes of inputs -------------------------------------------------------------------------------------------- */

enum { MAX_INPUTS = 3, LARGEST_CHECKED = 40 };

typedef struct {
    int n; /* inputs; 0 ends a list */
    at_shape shape[MAX_INPUTS];
} shapes;

/* clang-format off */
#define SCALAR      {0, {0}}
#define S(...)      {(int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}}
#define MANY        S(3, 5, 111) /* too many for differences, but more than are computed in one go */
#define ONE(...)    {1, {__VA_ARGS__}}
#define TWO(...)    {2, {__VA_ARGS__}}
#define THREE(...)  {3, {__VA_ARGS__}}
#define END         {0}

/* One input, by number of dimensions. */
static const shapes any[] = {
    ONE(SCALAR), ONE(S(0)), ONE(S(1)), ONE(S(5)), ONE(S(2, 3)), ONE(S(1, 1)), ONE(S(4, 5)), ONE(S(3, 0, 2)),
    ONE(S(2, 1, 3)), ONE(S(1, 3, 2, 1, 2)), ONE(MANY), END
};
enum { VECTORS = 1, MATRICES = 4 }; /* any + VECTORS: of at least one dimension */

/* Two inputs that broadcast, from either side. */
static const shapes pairs[] = {
    TWO(SCALAR, SCALAR), TWO(S(2, 3), S(2, 3)), TWO(S(2, 3), SCALAR), TWO(SCALAR, S(2, 3)), TWO(S(2, 3), S(3)),
    TWO(S(3), S(2, 3)), TWO(S(2, 1), S(1, 3)), TWO(S(3, 1), S(2, 1, 3)), TWO(S(0), S(1)), TWO(S(1), S(3, 0)),
    TWO(S(4, 5), S(5)), TWO(S(1, 2, 1, 2, 1), S(2, 1, 2, 1, 3)), TWO(MANY, S(5, 1)), TWO(MANY, MANY), END
};

/* Two inputs of one shape, by number of dimensions. */
static const shapes alike[] = {
    TWO(SCALAR, SCALAR), TWO(S(0), S(0)), TWO(S(1), S(1)), TWO(S(5), S(5)), TWO(S(2, 3), S(2, 3)),
    TWO(S(3, 0, 2), S(3, 0, 2)), TWO(S(2, 1, 3), S(2, 1, 3)), TWO(S(1, 3, 2, 1, 2), S(1, 3, 2, 1, 2)),
    TWO(MANY, MANY), END
};
static const shapes with_scalar[] = {
    TWO(SCALAR, SCALAR), TWO(S(5), SCALAR), TWO(S(2, 3), SCALAR), TWO(S(3, 0, 2), SCALAR), TWO(MANY, SCALAR), END
};
static const shapes joined_by_rows[] = {
    THREE(S(2, 3), S(1, 3), S(3, 3)), THREE(S(2, 3), S(0, 3), S(1, 3)), THREE(S(0), S(2, 3), S(1, 3)),
    THREE(S(2), S(0), S(1)), THREE(S(2, 2, 2), S(1, 2, 2), S(2, 2, 2)), THREE(MANY, MANY, S(0)), END
};
static const shapes batches[] = {
    TWO(S(2, 3, 2), S(2, 2, 2)), TWO(S(1, 1, 1), S(1, 1, 1)), TWO(S(2, 3, 3), S(2, 3, 3)), TWO(S(0, 2, 3), S(0, 3, 2)),
    TWO(S(2, 0, 3), S(2, 3, 2)), TWO(S(2, 2, 0), S(2, 0, 2)), TWO(S(1, 1, 5), S(1, 5, 1)), TWO(S(3, 1, 2), S(3, 2, 4)),
    TWO(S(3, 5, 20), S(3, 20, 30)), END
};
/* The cases of torch.matmul. */
static const shapes products[] = {
    TWO(S(3), S(3)), TWO(S(2, 3), S(3)), TWO(S(3), S(3, 2)), TWO(S(2, 3), S(3, 4)), TWO(S(3, 3), S(3, 3)),
    TWO(S(2, 2, 3), S(3, 2)), TWO(S(2, 3), S(2, 3, 2)), TWO(S(3), S(2, 3, 2)), TWO(S(2, 2, 3), S(3)),
    TWO(S(2, 1, 2, 3), S(3, 3, 2)), TWO(S(1, 2, 1, 2, 2), S(2, 1, 1, 2, 2)), TWO(S(0, 3), S(3, 2)),
    TWO(S(2, 0), S(0, 3)), TWO(S(0), S(0)), TWO(S(1, 1), S(1, 1)), TWO(S(1), S(1, 1)), TWO(S(40, 30), S(30, 20)),
    TWO(S(3, 5, 20), S(20, 30)), END
};
/* clang-format on */

/* ---- values of inputs -------------------------------------------------------------------------------------------- */

typedef enum {
    REAL,     /* -2 to 2, at least 0.05 from every multiple of 0.5, where functions have kinks */
    SMALL,    /* -0.9 to 0.9 */
    NONZERO,  /* 0.5 to 2, of either sign */
    POSITIVE, /* 0.3 to 2.3 */
} domain;

/* u and all that follows lie in 0 to 1; the golden ratio's multiples keep well apart from each other. */
static double number_in(domain d, int64_t i) {
    double u = (double)(i + 1) * 0.61803398874989485;
    u -= floor(u);
    double half = floor(8 * u), rest = 8 * u - half;
    switch (d) {
    case REAL: return (half - 4 + 0.1 + 0.8 * rest) / 2;
    case SMALL: return -0.9 + 1.8 * u;
    case NONZERO: return u < 0.5 ? -2 + 3 * u : 0.5 + 3 * (u - 0.5);
    case POSITIVE: break;
    }
    return 0.3 + 2 * u;
}

/* The values of the input at that place; those of different places are different too. */
static at_tensor *numbers(at_dtype dtype, const at_shape *shape, domain d, int place) {
    int64_t n = tn_shape_numel(shape);
    double *data = malloc((size_t)(n + 1) * sizeof *data);
    ck_assert_ptr_nonnull(data);
    for (int64_t i = 0; i < n; i++) data[i] = number_in(d, i * MAX_INPUTS + place);
    at_tensor *x = at_to(at_from_doubles_shape(data, *shape), dtype);
    free(data);
    return x;
}

/* ---- what the table's expressions use ---------------------------------------------------------------------------- */

static int64_t size_along(at_tensor *x, int dim) { return at_ndim(x) ? at_size(x, dim) : 1; }

/* Two of three elements true, in no regular order. */
static at_tensor *mask_like(at_tensor *x) {
    int64_t n = at_numel(x);
    bool *data = malloc((size_t)n + 1);
    ck_assert_ptr_nonnull(data);
    for (int64_t i = 0; i < n; i++) data[i] = (i * 5 + i / 4) % 3 != 1;
    at_tensor *mask = at_from_bools_shape(data, at_shape_of(x));
    free(data);
    return mask;
}

/* int64 of a shape, each below n; with repetitions. */
static at_tensor *indices(at_shape shape, int64_t n) {
    int64_t count = tn_shape_numel(&shape);
    int64_t *data = malloc((size_t)(count + 1) * sizeof *data);
    ck_assert_ptr_nonnull(data);
    for (int64_t i = 0; i < count; i++) data[i] = (i * 2 + i / 3) % n;
    at_tensor *index = at_from_int64s_shape(data, shape);
    free(data);
    return index;
}

static at_tensor *index_like(at_tensor *x, int dim) { return indices(at_shape_of(x), size_along(x, dim)); }

/* n indices along dim; in each other dimension one less than x has, where x has two. */
static at_tensor *some_indices(at_tensor *x, int dim, int64_t n) {
    at_shape shape = at_shape_of(x);
    for (int d = 0; d < shape.ndim; d++) {
        if (d == (dim < 0 ? dim + shape.ndim : dim))
            shape.dim[d] = n;
        else
            shape.dim[d] -= shape.dim[d] > 1;
    }
    return indices(shape, size_along(x, dim));
}

static at_tensor *three_indices(at_tensor *x, int dim) {
    int64_t n = size_along(x, dim);
    return indices(AT_SHAPE(at_ndim(x) == 0 ? 1 : n ? 3 : 0), n);
}

static at_shape reversed_order(at_tensor *x) {
    at_shape order = {.ndim = at_ndim(x)};
    for (int d = 0; d < order.ndim; d++) order.dim[d] = order.ndim - 1 - d;
    return order;
}

/* x's shape with 1 made 3, behind a new dimension. */
static at_shape expanded_shape(at_tensor *x) {
    at_shape shape = at_shape_of(x), wide = {.ndim = shape.ndim + 1, .dim = {2}};
    for (int d = 0; d < shape.ndim; d++) wide.dim[d + 1] = shape.dim[d] == 1 ? 3 : -1;
    return wide;
}

/* The first dimension twice, the last three times, behind a new dimension of lead. */
static at_shape repetitions(at_tensor *x, int64_t lead) {
    at_shape times = {.ndim = at_ndim(x) + 1};
    for (int d = 0; d <= at_ndim(x); d++) times.dim[d] = 1;
    times.dim[times.ndim - 1] = 3;
    if (times.ndim > 1) times.dim[1] = 2;
    times.dim[0] = lead;
    return times;
}

/* a^2 b as an operation of the user's own. */
static at_tensor *square_times(at_custom_call *call) {
    at_custom_save(call, at_mul(call->inputs[0], 2));
    return at_mul(at_square(call->inputs[0]), call->inputs[1]);
}

static bool square_times_derivative(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)y;
    at_tensor *a = call->inputs[0], *b = call->inputs[1];
    dx[0] = at_mul(g, at_mul(at_mul(a, 2), b));
    dx[1] = at_mul(g, at_square(a));
    return dx[0] && dx[1] && call->n_saved == 1 && at_equal(call->saved[0], at_mul(at_detach(a), 2));
}

static at_tensor *custom(at_tensor *a, at_tensor *b) {
    static const at_custom_operation operation = {"square_times", square_times, square_times_derivative, NULL};
    return at_custom(&operation, (at_tensor *[]){a, b}, 2, NULL);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

typedef struct {
    int dim;
    bool flag; /* keepdim, or descending */
    int k;
} arguments;

enum {
    ONCE = 0,
    DIM = 1,  /* p->dim: every dimension, counted from the start and from the end */
    FLAG = 2, /* p->flag: false and true */
    K = 4,    /* p->k: -1, 0, 1 */
    TIES = 8  /* has a kink where elements are equal, so none may be */
};

/* X(name, operation reached, shapes, domain, fewest elements (along p->dim), what to run over, expression of the inputs
 * a, b, c and of p) */
/* clang-format off */
#define ELEMENTWISE(X)                                                                                                \
    X(add, add, pairs, REAL, 0, ONCE, at_add(a, b))                                                                   \
    X(add_number, add, any, REAL, 0, ONCE, at_add(a, 1.5))                                                            \
    X(number_add, add, any, REAL, 0, ONCE, at_add(2, a))                                                              \
    X(sub, sub, pairs, REAL, 0, ONCE, at_sub(a, b))                                                                   \
    X(sub_number, sub, any, REAL, 0, ONCE, at_sub(a, 2.5f))                                                           \
    X(number_sub, sub, any, REAL, 0, ONCE, at_sub(1, a))                                                              \
    X(mul, mul, pairs, REAL, 0, ONCE, at_mul(a, b))                                                                   \
    X(mul_number, mul, any, REAL, 0, ONCE, at_mul(a, -3))                                                             \
    X(number_mul, mul, any, REAL, 0, ONCE, at_mul(0.3, a))                                                            \
    X(div, div, pairs, NONZERO, 0, ONCE, at_div(a, b))                                                                \
    X(div_number, div, any, REAL, 0, ONCE, at_div(a, 7))                                                              \
    X(number_div, div, any, NONZERO, 0, ONCE, at_div(1.5, a))                                                         \
    X(pow, pow, pairs, POSITIVE, 0, ONCE, at_pow(a, b))                                                               \
    X(number_pow, pow, any, REAL, 0, ONCE, at_pow(1.7, a))                                                            \
    X(pow_number, pow_number, any, POSITIVE, 0, ONCE, at_pow(a, 1.7))                                                 \
    X(pow_0, pow_number, any, REAL, 0, ONCE, at_pow(a, 0))                                                            \
    X(pow_1, pow_number, any, REAL, 0, ONCE, at_pow(a, 1))                                                            \
    X(pow_2, pow_number, any, REAL, 0, ONCE, at_pow(a, 2))                                                            \
    X(pow_3, pow_number, any, REAL, 0, ONCE, at_pow(a, 3))                                                            \
    X(pow_minus_1, pow_number, any, NONZERO, 0, ONCE, at_pow(a, -1.0))                                                \
    X(pow_half, pow_number, any, POSITIVE, 0, ONCE, at_pow(a, 0.5))                                                   \
    X(pow_minus_half, pow_number, any, POSITIVE, 0, ONCE, at_pow(a, -0.5))                                            \
    X(maximum, maximum, pairs, REAL, 0, ONCE, at_maximum(a, b))                                                       \
    X(maximum_number, maximum, any, REAL, 0, ONCE, at_maximum(a, 0.5))                                                \
    X(number_maximum, maximum, any, REAL, 0, ONCE, at_maximum(-1, a))                                                 \
    X(minimum, minimum, pairs, REAL, 0, ONCE, at_minimum(a, b))                                                       \
    X(minimum_number, minimum, any, REAL, 0, ONCE, at_minimum(a, 0))                                                  \
    X(number_minimum, minimum, any, REAL, 0, ONCE, at_minimum(1.0, a))                                                \
    X(neg, neg, any, REAL, 0, ONCE, at_neg(a))                                                                        \
    X(abs, abs, any, REAL, 0, ONCE, at_abs(a))                                                                        \
    X(sign, sign, any, REAL, 0, ONCE, at_sign(a))                                                                     \
    X(exp, exp, any, REAL, 0, ONCE, at_exp(a))                                                                        \
    X(log, log, any, POSITIVE, 0, ONCE, at_log(a))                                                                    \
    X(log1p, log1p, any, SMALL, 0, ONCE, at_log1p(a))                                                                 \
    X(expm1, expm1, any, REAL, 0, ONCE, at_expm1(a))                                                                  \
    X(sqrt, sqrt, any, POSITIVE, 0, ONCE, at_sqrt(a))                                                                 \
    X(rsqrt, rsqrt, any, POSITIVE, 0, ONCE, at_rsqrt(a))                                                              \
    X(square, square, any, REAL, 0, ONCE, at_square(a))                                                               \
    X(reciprocal, reciprocal, any, NONZERO, 0, ONCE, at_reciprocal(a))                                                \
    X(sin, sin, any, REAL, 0, ONCE, at_sin(a))                                                                        \
    X(cos, cos, any, REAL, 0, ONCE, at_cos(a))                                                                        \
    X(tan, tan, any, SMALL, 0, ONCE, at_tan(a))                                                                       \
    X(tanh, tanh, any, REAL, 0, ONCE, at_tanh(a))                                                                     \
    X(sigmoid, sigmoid, any, REAL, 0, ONCE, at_sigmoid(a))                                                            \
    X(relu, relu, any, REAL, 0, ONCE, at_relu(a))                                                                     \
    X(leaky_relu, where, any, REAL, 0, ONCE, at_leaky_relu(a, 0.1))                                                   \
    X(gelu, erf, any, REAL, 0, ONCE, at_gelu(a))                                                                      \
    X(silu, silu, any, REAL, 0, ONCE, at_silu(a))                                                                     \
    X(softplus, softplus, any, REAL, 0, ONCE, at_softplus(a))                                                         \
    X(softplus_above_20, softplus, any, REAL, 0, ONCE, at_softplus(at_add(a, 23)))                                    \
    X(erf, erf, any, REAL, 0, ONCE, at_erf(a))                                                                        \
    X(floor, floor, any, REAL, 0, ONCE, at_floor(a))                                                                  \
    X(ceil, ceil, any, REAL, 0, ONCE, at_ceil(a))                                                                     \
    X(round, round, any, REAL, 0, ONCE, at_round(a))                                                                  \
    X(clamp, clamp, any, REAL, 0, ONCE, at_clamp(a, -1, 0.5))                                                         \
    X(clamp_above, clamp, any, REAL, 0, ONCE, at_clamp(a, -INFINITY, 0.5))                                            \
    X(where, where, pairs, REAL, 0, ONCE, at_where(mask_like(b), a, b))                                               \
    X(where_number, where, any, REAL, 0, ONCE, at_where(mask_like(a), a, 2))                                          \
    X(number_where, where, any, REAL, 0, ONCE, at_where(mask_like(a), 1.5, a))                                        \
    X(masked_fill, where, with_scalar, REAL, 0, ONCE, at_masked_fill(a, mask_like(a), b))                             \
    X(masked_fill_number, where, any, REAL, 0, ONCE, at_masked_fill(a, mask_like(a), -10))                            \
    X(custom, custom, pairs, REAL, 0, ONCE, custom(a, b))                                                             \
    X(to, to, any, REAL, 0, ONCE, at_to(a, AT_FLOAT64))                                                               \
    X(contiguous, contiguous, any, REAL, 0, ONCE, at_contiguous(a))

#define REDUCTIONS(X)                                                                                                 \
    X(sum, sum, any, REAL, 0, ONCE, at_sum(a))                                                                        \
    X(sum_dim, sum, any, REAL, 0, DIM | FLAG, at_sum_dim(a, p->dim, p->flag))                                         \
    X(mean, sum, any, REAL, 1, ONCE, at_mean(a))                                                                      \
    X(mean_dim, sum, any, REAL, 1, DIM | FLAG, at_mean_dim(a, p->dim, p->flag))                                       \
    X(prod, prod, any, NONZERO, 0, ONCE, at_prod(a))                                                                  \
    X(prod_dim, prod, any, REAL, 0, DIM | FLAG, at_prod_dim(a, p->dim, p->flag))                                      \
    X(max, max, any, REAL, 1, TIES, at_max(a))                                                                        \
    X(min, min, any, REAL, 1, TIES, at_min(a))                                                                        \
    X(var, var, any, REAL, 2, ONCE, at_var(a))                                                                        \
    X(var_dim, var, any, REAL, 2, DIM | FLAG, at_var_dim(a, p->dim, p->flag))                                         \
    X(std, std, any, REAL, 2, TIES, at_std(a))                                                                        \
    X(std_dim, std, any, REAL, 2, DIM | FLAG | TIES, at_std_dim(a, p->dim, p->flag))                                  \
    X(logsumexp, logsumexp, any, REAL, 1, ONCE, at_logsumexp(a))                                                      \
    X(logsumexp_dim, logsumexp, any, REAL, 1, DIM | FLAG, at_logsumexp_dim(a, p->dim, p->flag))                       \
    X(norm, norm, any, REAL, 0, ONCE, at_norm(a))                                                                     \
    X(max_dim, gather, any, REAL, 1, DIM | FLAG | TIES, at_max_dim(a, p->dim, p->flag, NULL))                         \
    X(min_dim, gather, any, REAL, 1, DIM | FLAG | TIES, at_min_dim(a, p->dim, p->flag, NULL))                         \
    X(cumsum, cumsum, any, REAL, 0, DIM, at_cumsum(a, p->dim))                                                        \
    X(softmax, softmax, any, REAL, 0, DIM, at_softmax(a, p->dim))                                                     \
    X(log_softmax, log_softmax, any, REAL, 0, DIM, at_log_softmax(a, p->dim))

#define SHAPES(X)                                                                                                     \
    X(reshape, reshape, any, REAL, 0, ONCE, at_reshape(a, -1, 1))                                                     \
    X(permute, permute, any, REAL, 0, ONCE, at_permute_shape(a, reversed_order(a)))                                   \
    X(expand, expand, any, REAL, 0, ONCE, at_expand_shape(a, expanded_shape(a)))                                      \
    X(repeat, expand, any, REAL, 0, ONCE, at_repeat_shape(a, repetitions(a, 2)))                                      \
    X(repeat_0_times, expand, any, REAL, 0, ONCE, at_repeat_shape(a, repetitions(a, 0)))                              \
    X(transpose, permute, any, REAL, 0, DIM, at_transpose(a, p->dim, 0))                                              \
    X(unsqueeze, reshape, any, REAL, 0, DIM, at_unsqueeze(a, p->dim))                                                 \
    X(unsqueeze_last, reshape, any, REAL, 0, ONCE, at_unsqueeze(a, at_ndim(a)))                                       \
    X(squeeze, reshape, any, REAL, 0, DIM, at_squeeze(a, p->dim))                                                     \
    X(flatten, reshape, any, REAL, 0, ONCE, at_flatten(a))                                                            \
    X(slice, slice, any + VECTORS, REAL, 0, DIM, at_slice(a, p->dim, 1, 100, 1))                                      \
    X(slice_by_2, embed, any + VECTORS, REAL, 0, DIM, at_slice(a, p->dim, -3, 100, 2))                                \
    X(slice_by_3, embed, any + VECTORS, REAL, 0, DIM, at_slice(a, p->dim, 1, 100, 3))                                 \
    X(slice_of_nothing, slice, any + VECTORS, REAL, 0, DIM, at_slice(a, p->dim, 2, 1, 1))                             \
    X(select_first, slice, any + VECTORS, REAL, 1, DIM, at_select(a, p->dim, 0))                                      \
    X(select_last, slice, any + VECTORS, REAL, 1, DIM, at_select(a, p->dim, -1))                                      \
    X(cat, cat, alike + VECTORS, REAL, 0, DIM, at_cat(p->dim, a, b, a))                                               \
    X(cat_rows, cat, joined_by_rows, REAL, 0, ONCE, at_cat(0, a, b, c))                                               \
    X(cat_nine, cat, alike + VECTORS, REAL, 0, ONCE, at_cat(-1, a, b, a, b, a, b, a, b, a))                           \
    X(stack, cat, alike, REAL, 0, DIM, at_stack(p->dim, a, b))                                                        \
    X(stack_last, cat, alike, REAL, 0, ONCE, at_stack(at_ndim(a), a, b, b))                                           \
    X(flip, flip, any, REAL, 0, DIM, at_flip(a, p->dim))                                                              \
    X(tril, where, any + MATRICES, REAL, 0, K, at_tril(a, p->k))                                                      \
    X(triu, where, any + MATRICES, REAL, 0, K, at_triu(a, p->k))                                                      \
    X(repeat_interleave, expand, any, REAL, 0, ONCE, at_repeat_interleave(a, 3))                                      \
    X(repeat_interleave_dim, expand, any, REAL, 0, DIM, at_repeat_interleave_dim(a, 2, p->dim))

#define INDEXING(X)                                                                                                   \
    X(sort, gather, any, REAL, 0, DIM | FLAG | TIES, at_sort(a, p->dim, p->flag, NULL))                               \
    X(topk, gather, any, REAL, 0, DIM | TIES, at_topk(a, (size_along(a, p->dim) + 1) / 2, p->dim, NULL))              \
    X(masked_select, masked_select, any, REAL, 0, ONCE, at_masked_select(a, mask_like(a)))                            \
    X(masked_select_by_row, masked_scatter, any + MATRICES, REAL, 1, ONCE,                                            \
      at_masked_select(a, mask_like(at_select(a, 0, 0))))                                                             \
    X(masked_select_widening, masked_scatter, any + VECTORS, REAL, 0, ONCE,                                           \
      at_masked_select(a, mask_like(at_stack(0, a, a))))                                                              \
    X(index_select, index_select, any, REAL, 0, DIM, at_index_select(a, p->dim, three_indices(a, p->dim)))            \
    X(index_select_twice, index_add, any + VECTORS, REAL, 0, DIM,                                                     \
      at_index_select(a, p->dim, three_indices(a, p->dim)))                                                           \
    X(gather, gather, any, REAL, 0, DIM,                                                                              \
      at_gather(a, p->dim, some_indices(a, p->dim, size_along(a, p->dim) ? 3 : 0)))                                   \
    X(scatter_add, scatter_add, alike, REAL, 0, DIM, at_scatter_add(a, p->dim, index_like(a, p->dim), b))             \
    X(scatter_add_some, scatter_add, alike, REAL, 1, DIM,                                                             \
      at_scatter_add(a, p->dim, some_indices(a, p->dim, size_along(a, p->dim) - 1), b))

#define PRODUCTS(X)                                                                                                   \
    X(bmm, bmm, batches, REAL, 0, ONCE, at_bmm(a, b))                                                                 \
    X(matmul, bmm, products, REAL, 0, ONCE, at_matmul(a, b))

#define LOSSES(X)                                                                                                     \
    X(mse_loss, square, alike, REAL, 0, ONCE, at_mse_loss(a, b, AT_NONE))                                             \
    X(mse_loss_mean, sum, alike, REAL, 1, ONCE, at_mse_loss(a, b, AT_MEAN))                                           \
    X(mse_loss_sum, sum, alike, REAL, 0, ONCE, at_mse_loss(a, b, AT_SUM))
/* clang-format on */

typedef struct {
    const char *expression;
    ag_operation operation;
    at_function function;
    const shapes *shapes;
    domain domain;
    int least;
    int over;
} row;

/* A row's expression as a function to check. One input stands in the place of all. */
#define FUNCTION(name, operation, shapes, domain, least, over, ...)                                                    \
    static at_tensor *run_##name(at_tensor **x, int n, void *context) {                                                \
        at_tensor *a = x[0], *b = x[n > 1 ? 1 : 0], *c = x[n > 2 ? 2 : 0];                                             \
        const arguments *p = context;                                                                                  \
        (void)a, (void)b, (void)c, (void)p;                                                                            \
        return __VA_ARGS__;                                                                                            \
    }
#define ROW(name, operation, shapes, domain, least, over, ...)                                                         \
    {#__VA_ARGS__, AG_##operation, run_##name, shapes, domain, least, over},
#define COUNT(...) +1

#define ALL_ROWS(X) ELEMENTWISE(X) REDUCTIONS(X) SHAPES(X) INDEXING(X) PRODUCTS(X) LOSSES(X)
ALL_ROWS(FUNCTION)
static const row rows[] = {ALL_ROWS(ROW)};
enum { ROWS = sizeof rows / sizeof *rows };

static const struct {
    const char *name;
    int rows;
} families[] = {
    {"elementwise", ELEMENTWISE(COUNT)}, {"reductions", REDUCTIONS(COUNT)}, {"shapes", SHAPES(COUNT)},
    {"indexing", INDEXING(COUNT)},       {"products", PRODUCTS(COUNT)},     {"losses", LOSSES(COUNT)},
};
enum { FAMILIES = sizeof families / sizeof *families };

/* ---- one case: a row with certain shapes, layouts and arguments -------------------------------------------------- */

typedef struct {
    const row *row;
    const shapes *shapes;
    layout layout; /* of the first input; the others take the following ones */
    arguments arguments;
} test_case;

static int *n_checks; /* in memory that the process of each test shares */

static const char *describe(const test_case *t, const char *inputs) {
    static char text[1024];
    const char *list[MAX_INPUTS] = {"", "", ""};
    for (int i = 0; i < t->shapes->n; i++) list[i] = tn_shape_text(&t->shapes->shape[i]);
    snprintf(text, sizeof text, "%s of %s%s%s, %s, dim %d, flag %d, k %d, %s: %s", t->row->expression, list[0], list[1],
             list[2], layout_name(t->layout), t->arguments.dim, t->arguments.flag, t->arguments.k, inputs,
             at_error() ? at_error() : "no error");
    return text;
}

static at_tensor *input_of(const test_case *t, int i, at_dtype dtype) {
    at_tensor *x = numbers(dtype, &t->shapes->shape[i], t->row->domain, i);
    layout l = (layout)(((int)t->layout + i) % LAYOUTS);
    at_tensor *y = (t->row->over & TIES) && l == LAYOUT_EXPANDED ? NULL : in_layout(x, l);
    return y ? y : x;
}

static void check_gradients(const test_case *t, at_tensor **x, int n, const char *inputs) {
    arguments p = t->arguments;
    if (!at_gradcheck(t->row->function, x, n, &p)) ck_abort_msg("%s", describe(t, inputs));
    if (!at_gradgradcheck(t->row->function, x, n, &p)) ck_abort_msg("%s", describe(t, inputs));
    *n_checks += 2;
}

/* By all inputs, by each while the others are constants, and by one in the place of all. */
static void check_derivatives(const test_case *t) {
    static const char *const alone[MAX_INPUTS] = {"the first requires grad", "the second", "the third"};
    at_tensor *x[MAX_INPUTS];
    int n = t->shapes->n;
    for (int only = n > 1 ? 0 : n; only <= n; only++) {
        for (int i = 0; i < n; i++) x[i] = at_set_requires_grad(input_of(t, i, AT_FLOAT64), only == n || only == i);
        check_gradients(t, x, n, only < n ? alone[only] : "all require grad");
    }
    if (n == 2 && tn_shapes_equal(&t->shapes->shape[0], &t->shapes->shape[1]))
        check_gradients(t, x, 1, "one tensor twice");
}

/* ---- eager and deferred computing give the same bits ------------------------------------------------------------- */

typedef struct {
    at_tensor *y, *grad[MAX_INPUTS];
} results;

/* Values and gradients; pending: of operands that are themselves still to be computed. */
static results compute(const test_case *t, at_dtype dtype, bool eager, bool pending) {
    at_tensor *leaf[MAX_INPUTS], *x[MAX_INPUTS];
    arguments p = t->arguments;
    at_set_eager(eager);
    for (int i = 0; i < t->shapes->n; i++) {
        leaf[i] = at_set_requires_grad(input_of(t, i, dtype), true);
        x[i] = pending ? at_mul(leaf[i], 1) : leaf[i];
    }
    results r = {.y = t->row->function(x, t->shapes->n, &p)};
    ck_assert_msg(r.y != NULL, "%s", describe(t, "computing"));
    at_shape shape = at_shape_of(r.y);
    bool good = at_backward_with(r.y, numbers(at_dtype_of(r.y), &shape, NONZERO, 0));
    at_set_eager(false);
    for (int i = 0; i < t->shapes->n; i++) r.grad[i] = at_grad(leaf[i]);
    ck_assert_msg(good, "%s", describe(t, "backward"));
    return r;
}

static const void *elements(at_tensor *t) {
    return at_dtype_of(t) == AT_FLOAT32 ? (const void *)at_floats(t) : (const void *)at_doubles(t);
}

static void check_same_bits(const test_case *t, at_tensor *a, at_tensor *b, const char *what) {
    ck_assert_msg(a && b && at_dtype_of(a) == at_dtype_of(b) && at_numel(a) == at_numel(b), "%s", describe(t, what));
    size_t bytes = (size_t)at_numel(a) * (at_dtype_of(a) == AT_FLOAT32 ? 4 : 8);
    if (memcmp(elements(a), elements(b), bytes) != 0) ck_abort_msg("different bits: %s", describe(t, what));
}

static void check_deferred(const test_case *t) {
    static const char *const gradient[MAX_INPUTS] = {"first gradient", "second gradient", "third gradient"};
    int variants = t->layout == LAYOUT_CONTIGUOUS ? 4 : 2; /* a pending value has its own layout, not its leaf's */
    for (int variant = 0; variant < variants; variant++) {
        at_dtype dtype = variant & 1 ? AT_FLOAT32 : AT_FLOAT64;
        bool pending = variant & 2;
        results deferred = compute(t, dtype, false, pending), eager = compute(t, dtype, true, pending);
        check_same_bits(t, deferred.y, eager.y, "value");
        for (int i = 0; i < t->shapes->n; i++) check_same_bits(t, deferred.grad[i], eager.grad[i], gradient[i]);
    }
}

static void check_without_recording(const test_case *t) {
    at_tensor *x[MAX_INPUTS], *y = NULL;
    arguments p = t->arguments;
    for (int i = 0; i < t->shapes->n; i++) x[i] = at_set_requires_grad(input_of(t, i, AT_FLOAT64), true);
    AT_NO_GRAD { y = t->row->function(x, t->shapes->n, &p); }
    ck_assert_msg(y && !at_requires_grad(y), "%s", describe(t, "under AT_NO_GRAD"));
    check_same_bits(t, y, t->row->function(x, t->shapes->n, &p), "under AT_NO_GRAD");
}

/* ---- a row reaches the operation that it stands for -------------------------------------------------------------- */

enum { MAX_NODES = 256 }; /* those that several others use count several times */

static bool graph_has(at_tensor *t, ag_operation operation) {
    const ag_node *nodes[MAX_NODES];
    int n = 0;
    if (t->node) nodes[n++] = t->node;
    for (int i = 0; i < n; i++) {
        if (nodes[i]->operation == operation) return true;
        for (int j = 0; j < nodes[i]->n_inputs; j++) {
            const ag_node *input = nodes[i]->input[j].node;
            if (!input || n == MAX_NODES) continue;
            nodes[n++] = input;
        }
    }
    return false;
}

/* In the function itself, or (embed, masked_scatter, index_add) in its gradient. */
static bool reaches_operation(const test_case *t) {
    arguments p = t->arguments;
    at_tensor *x[MAX_INPUTS], *g;
    for (int i = 0; i < t->shapes->n; i++) x[i] = at_set_requires_grad(input_of(t, i, AT_FLOAT64), true);
    at_tensor *y = t->row->function(x, t->shapes->n, &p);
    ck_assert_msg(y != NULL, "%s", describe(t, "computing"));
    if (graph_has(y, t->row->operation)) return true;
    at_tensor *u = at_set_requires_grad(at_detach(y), true);
    return at_gradients(at_sum(at_mul(y, u)), x, 1, true, &g) && graph_has(g, t->row->operation);
}

/* ---- all cases of a row ------------------------------------------------------------------------------------------ */

static int64_t largest(const shapes *s) {
    int64_t numel = 0;
    for (int i = 0; i < s->n; i++) numel = tn_shape_numel(&s->shape[i]) > numel ? tn_shape_numel(&s->shape[i]) : numel;
    return numel;
}

static bool applies(const test_case *t) {
    const at_shape *shape = &t->shapes->shape[0];
    int dim = t->arguments.dim < 0 ? t->arguments.dim + shape->ndim : t->arguments.dim;
    if (t->row->over & DIM) return (shape->ndim ? shape->dim[dim] : 1) >= t->row->least;
    return tn_shape_numel(shape) >= t->row->least;
}

static bool has_layout(const test_case *t) {
    at_tensor *x = numbers(AT_FLOAT64, &t->shapes->shape[0], REAL, 0);
    return in_layout(x, t->layout) && !((t->row->over & TIES) && t->layout == LAYOUT_EXPANDED);
}

static bool check_case(const test_case *t) {
    bool reached = false;
    int64_t tensors = at_live_tensors(), bytes = at_live_bytes();
    AT_SCOPE {
        if (applies(t) && has_layout(t)) {
            if (largest(t->shapes) <= LARGEST_CHECKED) check_derivatives(t);
            check_deferred(t);
            check_without_recording(t);
            reached = reaches_operation(t);
        }
    }
    ck_assert_msg(!at_error(), "%s", describe(t, "an error is left"));
    ck_assert_msg(at_live_tensors() == tensors && at_live_bytes() == bytes, "%s", describe(t, "something is left"));
    return reached;
}

/* Dimensions counted from the end are the same ones: one layout will do. */
static bool check_arguments(test_case t) {
    int dims = !(t.row->over & DIM) ? 0 : t.shapes->shape[0].ndim ? t.shapes->shape[0].ndim : 1;
    int first = t.layout == LAYOUT_CONTIGUOUS ? -dims : 0, k = t.row->over & K ? 1 : 0;
    bool reached = false;
    for (t.arguments.dim = first; t.arguments.dim < (dims ? dims : 1); t.arguments.dim++)
        for (t.arguments.k = -k; t.arguments.k <= k; t.arguments.k++)
            for (int flag = 0; flag <= (t.row->over & FLAG ? 1 : 0); flag++) {
                t.arguments.flag = flag;
                if (check_case(&t)) reached = true;
            }
    return reached;
}

START_TEST(row_by_differences) {
    const row *r = &rows[_i];
    bool reached = false;
    for (const shapes *s = r->shapes; s->n > 0; s++)
        for (layout l = 0; l < LAYOUTS; l++)
            if (check_arguments((test_case){.row = r, .shapes = s, .layout = l})) reached = true;
    ck_assert_msg(reached, "%s is not written in %s", r->expression, ag_name(r->operation));
}
END_TEST

/* ---- what these cases rest on ------------------------------------------------------------------------------------ */

START_TEST(layouts_are_what_they_say) {
    static const bool contiguous[LAYOUTS] = {[LAYOUT_CONTIGUOUS] = true, [LAYOUT_OFFSET] = true};
    at_tensor *x = numbers(AT_FLOAT64, &(at_shape)S(2, 3), REAL, 0), *y[LAYOUTS];
    for (layout l = 0; l < LAYOUTS; l++) {
        y[l] = in_layout(x, l);
        ck_assert_int_eq(tn_is_contiguous(y[l]->value), contiguous[l]);
        ck_assert(at_equal(x, y[l]) == (l != LAYOUT_EXPANDED));
    }
    ck_assert_int_eq(y[LAYOUT_OFFSET]->value->offset, 6);
    ck_assert_int_eq(y[LAYOUT_STEPPED]->value->stride[1], 2);
    ck_assert_int_eq(y[LAYOUT_TRANSPOSED]->value->stride[0], 1);
    ck_assert_int_eq(y[LAYOUT_EXPANDED]->value->stride[0], 0);
}
END_TEST

START_TEST(deferred_values_are_not_computed_at_once) {
    at_tensor *x = numbers(AT_FLOAT64, &(at_shape)MANY, REAL, 0);
    ck_assert(!tn_is_stored(at_mul(x, 1)->value));
    at_set_eager(true);
    ck_assert(tn_is_stored(at_mul(x, 1)->value));
    at_set_eager(false);
}
END_TEST

/* ---- nothing is left out ----------------------------------------------------------------------------------------- */

START_TEST(every_place_in_operations_def_has_a_row) {
    static const ag_operation differentiable[] = {
#define DIFFERENTIABLE(name, formula) AG_##name,
#define CONSTANT(name)
#include "../autograd/operations.def"
#undef DIFFERENTIABLE
#undef CONSTANT
    };
    for (size_t i = 0; i < sizeof differentiable / sizeof *differentiable; i++) {
        bool found = false;
        for (int r = 0; r < ROWS; r++) found = found || rows[r].operation == differentiable[i];
        ck_assert_msg(found, "no row tests %s", ag_name(differentiable[i]));
    }
}
END_TEST

static const char header[] = "autograd/operations.h"; /* from the repository's root, where make check runs */

/* Integer or bool results; compared by value in other suites. */
static const char constant[] =
    " eq ne lt le gt ge logical_and logical_or logical_not any any_dim all all_dim argmax argmin "
    "argsort one_hot ";

/* at_add_operands is called as at_add, at_reshape_shape also as at_reshape: the name up to such an ending. */
static void remove_ending(char *name) {
    static const char *const endings[] = {"_operands", "_operand", "_shape", "_list"};
    for (int i = 0; i < 4; i++) {
        char *end = name + strlen(name) - strlen(endings[i]);
        if (end > name && strcmp(end, endings[i]) == 0) *end = '\0';
    }
}

static bool is_called(const char *name) {
    char call[128], call_with_shape[128];
    snprintf(call, sizeof call, "at_%s(", name);
    snprintf(call_with_shape, sizeof call_with_shape, "at_%s_shape(", name);
    for (int r = 0; r < ROWS; r++)
        if (strstr(rows[r].expression, call) || strstr(rows[r].expression, call_with_shape)) return true;
    return false;
}

START_TEST(every_function_in_operations_h_has_a_row) {
    FILE *file = fopen(header, "r");
    ck_assert_msg(file != NULL, "no file %s here", header);
    char line[512], name[64], word[70];
    int found = 0;
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "at_tensor *at_%63[a-z0-9_](", name) != 1) continue;
        remove_ending(name);
        snprintf(word, sizeof word, " %s ", name);
        ck_assert_msg(strstr(constant, word) || is_called(name), "no row tests at_%s", name);
        found++;
    }
    fclose(file);
    ck_assert_int_ge(found, 90); /* the file was understood */
}
END_TEST

/* ---- the suite --------------------------------------------------------------------------------------------------- */

static void print_checks(void) { printf("gradients: %d gradient checks in %d rows\n", *n_checks, ROWS); }

Suite *gradients_suite(void);
Suite *gradients_suite(void) {
    n_checks = mmap(NULL, sizeof *n_checks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (n_checks == MAP_FAILED) {
        perror("gradients: mmap");
        abort();
    }
    Suite *suite = suite_create("gradients");
    for (int i = 0, first = 0; i < FAMILIES; first += families[i++].rows) {
        TCase *family = tcase_create(families[i].name);
        tcase_add_checked_fixture(family, support_begin, support_end);
        tcase_add_loop_test(family, row_by_differences, first, first + families[i].rows);
        suite_add_tcase(suite, family);
    }
    TCase *basis = tcase_create("basis");
    tcase_add_checked_fixture(basis, support_begin, support_end);
    tcase_add_test(basis, layouts_are_what_they_say);
    tcase_add_test(basis, deferred_values_are_not_computed_at_once);
    suite_add_tcase(suite, basis);
    TCase *complete = tcase_create("completeness");
    tcase_add_unchecked_fixture(complete, NULL, print_checks);
    tcase_add_test(complete, every_place_in_operations_def_has_a_row);
    tcase_add_test(complete, every_function_in_operations_h_has_a_row);
    suite_add_tcase(suite, complete);
    return suite;
}
