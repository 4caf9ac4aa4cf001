/* tests/test_layout.c - how operands lie in memory decides how results lie, never what they are. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "../tensor/internal.h"
#include "core_support.h"

enum { ORDERS = 6 };
static const int64_t orders[ORDERS][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
static const int64_t shapes[][3] = {{1, 1, 1}, {3, 1, 2},   {2, 3, 4},     {7, 1, 60},  {5, 17, 33},
                                    {0, 3, 4}, {40, 64, 1}, {1, 1030, 33}, {2, 2, 1100}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* x, its elements in memory in another order of the dimensions; step 2: with as many others in between. */
static at_tensor *laid_out(at_tensor *x, int order, int64_t step) {
    int64_t inverse[3];
    for (int d = 0; d < 3; d++) inverse[orders[order][d]] = d;
    at_tensor *turned = at_contiguous(at_permute_shape(x, at_shape_from(3, orders[order])));
    if (step == 2) {
        at_tensor *pairs = at_contiguous(at_stack(3, turned, at_logical_not(turned)));
        at_shape twice = at_shape_of(turned);
        twice.dim[2] *= 2;
        turned = at_slice(at_reshape_shape(at_to(pairs, at_dtype_of(x)), twice), 2, 0, twice.dim[2], 2);
    }
    return at_permute_shape(turned, at_shape_from(3, inverse));
}

/* Some elements are NaN, in floating point. */
static at_tensor *numbers(const int64_t *shape, at_dtype dtype) {
    at_shape s = at_shape_from(3, shape);
    at_tensor *x = at_to(at_mul(at_randn_shape(s), 3), dtype);
    bool real = dtype == AT_FLOAT32 || dtype == AT_FLOAT64;
    return at_contiguous(real ? at_masked_fill(x, at_gt(at_rand_shape(s), 0.98), NAN) : x);
}

static void check_same(at_tensor *found, at_tensor *expected, const char *what, int order, int64_t step) {
    at_tensor *a = at_to(found, AT_FLOAT64), *b = at_to(expected, AT_FLOAT64);
    ck_assert_msg(a && b, "%s: %s", what, at_error());
    ck_assert(at_equal(at_zeros_like(a), at_zeros_like(b))); /* shapes */
    const double *x = at_doubles(a), *y = at_doubles(b);
    for (int64_t i = 0; i < at_numel(a); i++)
        if (!(x[i] == y[i] || (isnan(x[i]) && isnan(y[i]))) && !(fabs(x[i] - y[i]) <= 1e-5 * (1 + fabs(y[i]))))
            ck_abort_msg("%s, order %d, step %d: element %d is %.9g and not %.9g", what, order, (int)step, (int)i, x[i],
                         y[i]);
}

#define SAME(call)                                                                                                     \
    do {                                                                                                               \
        at_tensor *x = in_order, *y = other, *found = call;                                                            \
        x = by_rows;                                                                                                   \
        check_same(found, call, #call, order, step);                                                                   \
        (void)y;                                                                                                       \
    } while (0)

static void check_elementwise(at_tensor *by_rows, at_tensor *in_order, at_tensor *other, int order, int64_t step) {
    SAME(at_add(x, 1));
    SAME(at_mul(x, y));
    SAME(at_sub(y, x));
    SAME(at_eq(x, y));
    SAME(at_where(at_lt(x, y), x, y));
    SAME(at_where(at_lt(x, 0), y, at_mul(x, x)));
    SAME(at_sub(at_mul(x, 2), at_slice(x, 0, 0, 1, 1)));
    SAME(at_add(at_slice(x, 2, 0, 1, 1), at_to(x, AT_FLOAT64)));
    SAME(at_add(at_add(x, at_slice(x, 1, 0, 1, 1)),
                at_transpose(at_transpose(at_abs(at_to(x, AT_FLOAT32)), 0, 2), 2, 0)));
    SAME(at_reshape(at_neg(at_to(x, AT_INT64)), -1));
    SAME(at_flatten(at_permute(at_exp(at_mul(at_to(x, AT_FLOAT32), 0.1)), 1, 2, 0)));
}

static void check_reductions(at_tensor *by_rows, at_tensor *in_order, at_tensor *other, int order, int64_t step) {
    SAME(at_sum(x));
    SAME(at_sum(at_square(at_to(x, AT_FLOAT64))));
    SAME(at_prod(at_to(at_gt(x, -20), AT_FLOAT32)));
    SAME(at_any(at_gt(x, 8)));
    if (at_numel(by_rows) > 0) SAME(at_max(x));
    for (int dim = 0; dim < 3; dim++) {
        SAME(at_sum_dim(x, dim, false));
        SAME(at_sum_dim(at_mul(x, y), dim, true));
        SAME(at_all_dim(at_lt(x, 8), dim, false));
        SAME(at_cumsum(x, dim));
        SAME(at_softmax(at_to(x, AT_FLOAT32), dim));
        SAME(at_log_softmax(at_sub(at_to(x, AT_FLOAT64), y), dim));
        SAME(at_logsumexp_dim(at_to(x, AT_FLOAT64), dim, true));
        SAME(at_var_dim(at_to(x, AT_FLOAT64), dim, false));
        if (at_size(by_rows, dim) > 0) {
            SAME(at_argmax(x, dim, false));
            SAME(at_max_dim(x, dim, true, NULL));
            SAME(at_sort(x, dim, true, NULL));
        }
    }
}

static void check_layouts(const int64_t *shape, at_dtype dtype) {
    at_tensor *by_rows = numbers(shape, dtype), *other = numbers(shape, dtype);
    for (int order = 0; order < ORDERS; order++)
        for (int64_t step = 1; step <= 2; step++)
            AT_SCOPE {
                at_tensor *in_order = laid_out(by_rows, order, step);
                check_elementwise(by_rows, in_order, other, order, step);
                check_elementwise(by_rows, in_order, laid_out(other, order, 1), order, step);
                check_elementwise(by_rows, in_order, laid_out(other, (order + 2) % ORDERS, 1), order, step);
                check_reductions(by_rows, in_order, laid_out(other, order, 1), order, step);
            }
}

BALANCED_TEST(values_in_every_layout) {
    static const at_dtype dtypes[] = {AT_FLOAT32, AT_FLOAT64, AT_INT64};
    at_manual_seed(3);
    for (int i = 0; i < SHAPES; i++)
        for (int j = 0; j < 3; j++)
            AT_SCOPE
                check_layouts(shapes[i], dtypes[j]);
}

/* ---- where results lie ------------------------------------------------------------------------------------------- */

static bool lies_as(at_tensor *y, at_tensor *x) {
    for (int d = 0; d < at_ndim(x); d++)
        if (at_size(x, d) != 1 && y->value->stride[d] != x->value->stride[d]) return false;
    return true;
}

BALANCED_TEST(results_lie_as_their_operands) {
    at_tensor *x = at_randn(5, 7, 6), *turned = at_transpose(at_randn(6, 7, 5), 0, 2), *row = at_randn(6);
    ck_assert(lies_as(at_relu(turned), turned));
    ck_assert(lies_as(at_mul(at_exp(turned), 2), turned));
    ck_assert(lies_as(at_add(row, turned), turned));
    ck_assert(lies_as(at_to(turned, AT_INT64), turned));
    ck_assert(lies_as(at_softmax(turned, 1), turned));
    ck_assert(lies_as(at_cumsum(turned, 0), turned));
    ck_assert(lies_as(at_add(turned, x), x));
    ck_assert(lies_as(at_add(x, turned), x));
    ck_assert(lies_as(at_contiguous(turned), x));
    ck_assert(lies_as(at_exp(at_expand(row, 5, 7, 6)), x));
}

/* Back in the order of its rows, it is the value that was computed and no copy of it. */
BALANCED_TEST(turned_back_it_is_the_same_value) {
    at_tensor *x = at_randn(50, 70), *y = at_exp(at_transpose(x, 0, 1));
    ck_assert_ptr_eq(at_transpose(y, 0, 1)->value, at_transpose(y, 0, 1)->value);
    ck_assert(at_equal(at_transpose(y, 0, 1), at_exp(x)));
}

BALANCED_TEST(rows_for_who_asks_for_elements) {
    at_tensor *y = at_add(at_transpose(at_reshape(at_arange(0, 6, 1), 2, 3), 0, 1), 1);
    static const float expected[] = {1, 4, 2, 5, 3, 6};
    for (int i = 0; i < 6; i++) ck_assert(at_floats(y)[i] == expected[i]);
    float *own = at_floats_mut(y);
    own[1] = 9;
    ck_assert(at_get(y, 0, 1) == 9 && at_get(y, 1, 0) == 2);
    char *text = at_to_string(at_neg(at_transpose(y, 0, 1)));
    ck_assert_msg(strstr(text, "[-1., -2., -3.]") != NULL, "%s", text);
    free(text);
}

/* ---- ways of computing ------------------------------------------------------------------------------------------- */

static at_tensor *summary(at_tensor *x, int dim) {
    at_tensor *y = at_mul(at_exp(at_mul(x, 0.25)), at_add(x, 0.1)), *flat = at_reshape(at_mul(x, 3), at_size(x, 0), -1);
    at_tensor *sums = at_add(at_sum_dim(y, dim, true), at_softmax(y, dim));
    at_tensor *again = at_sum_dim(at_reshape_shape(at_flatten(y), at_shape_of(x)), dim, true);
    return at_add(at_add(at_mul(sums, at_sum(at_square(x))), again), at_sum(flat));
}

/* Deferred or not, by any number of threads: the same bits. */
BALANCED_TEST(the_same_bits_however_computed) {
    static const int threads[] = {1, 2, 3, 8};
    static const int64_t shape[] = {70, 33, 61};
    at_tensor *x = numbers(shape, AT_FLOAT32);
    x = at_where(at_eq(x, x), x, 1);
    for (int order = 0; order < ORDERS; order++)
        for (int dim = 0; dim < 3; dim++)
            AT_SCOPE {
                at_tensor *in_order = laid_out(x, order, 1 + order % 2);
                at_set_num_threads(1);
                at_set_eager(true);
                at_tensor *eager = summary(in_order, dim);
                at_set_eager(false);
                for (int i = 0; i < 4; i++) {
                    at_set_num_threads(threads[i]);
                    ck_assert(at_equal(summary(in_order, dim), eager));
                }
            }
    at_set_num_threads((int)sysconf(_SC_NPROCESSORS_ONLN));
}

static at_tensor *of_turned(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    at_tensor *a = at_transpose(x[0], 0, 2), *b = at_permute(x[1], 1, 2, 0);
    at_tensor *y = at_mul(at_tanh(at_mul(a, b)), at_add(a, at_transpose(at_select(x[1], 1, 0), 0, 1)));
    return at_add(at_prod(at_add(at_mul(b, 0.1), 1)), at_sum_dim(at_mul(y, at_softmax(a, 1)), 1, false));
}

BALANCED_TEST(gradients_of_what_is_turned) {
    at_tensor *a = at_set_requires_grad(at_to(at_randn(2, 3, 4), AT_FLOAT64), true);
    at_tensor *b = at_set_requires_grad(at_to(at_randn(2, 4, 3), AT_FLOAT64), true);
    ck_assert_msg(at_gradcheck(of_turned, (at_tensor *[]){a, b}, 2, NULL), "%s", at_error());
    ck_assert_msg(at_gradgradcheck(of_turned, (at_tensor *[]){a, b}, 2, NULL), "%s", at_error());
}

Suite *layout_suite(void);
/* What no operand changes along is computed once: with fewer elements than a block, with more, and with all threads. */
BALANCED_TEST(repeated_results) {
    static const int64_t sizes[] = {1, 3, 50, 1000, 1025, 40000};
    for (int i = 0; i < 6 * 2; i++)
        AT_SCOPE {
            int64_t repeats = i % 2 ? 7 : 2300 / sizes[i / 2] + 2;
            at_tensor *row = at_expand(at_randn(sizes[i / 2]), repeats, sizes[i / 2]);
            at_tensor *expected = at_exp(at_contiguous(at_add(row, at_zeros(repeats, sizes[i / 2]))));
            (void)at_floats(expected);
            for (int threads = 1; threads <= 3; threads++) {
                at_set_num_threads(threads);
                ck_assert(at_equal(at_exp(row), expected));
                ck_assert(at_equal(at_to(at_gt(at_exp(row), 1), AT_FLOAT32), at_to(at_gt(expected, 1), AT_FLOAT32)));
            }
        }
}

Suite *layout_suite(void) {
    Suite *suite = suite_create("layout");
    TCase *values = tcase_create("values"), *ways = tcase_create("ways");
    tcase_add_test(values, repeated_results);
    tcase_add_test(values, values_in_every_layout);
    tcase_add_test(values, results_lie_as_their_operands);
    tcase_add_test(values, turned_back_it_is_the_same_value);
    tcase_add_test(values, rows_for_who_asks_for_elements);
    suite_add_tcase(suite, values);
    tcase_add_test(ways, the_same_bits_however_computed);
    tcase_add_test(ways, gradients_of_what_is_turned);
    suite_add_tcase(suite, ways);
    return suite;
}
