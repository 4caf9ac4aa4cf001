/* tests/test_product.c - matrix products against plain sums in long double. */
#define _POSIX_C_SOURCE 200809L
#include <float.h>

#include "../tensor/internal.h"
#include "core_support.h"

/* ---- the reference ----------------------------------------------------------------------------------------------- */

static void check_bmm(at_tensor *a, at_tensor *b, double epsilon) {
    int64_t batch = at_size(a, 0), rows = at_size(a, 1), inner = at_size(a, 2), columns = at_size(b, 2);
    at_tensor *y = at_bmm(a, b);
    ck_assert_msg(y != NULL, "%s", at_error());
    CHECK_SHAPE(y, batch, rows, columns);
    const double *p = at_doubles(at_to(a, AT_FLOAT64)), *q = at_doubles(at_to(b, AT_FLOAT64)),
                 *r = at_doubles(at_to(y, AT_FLOAT64));
    for (int64_t i = 0; i < batch * rows * columns; i++) {
        int64_t n = i / columns / rows, row = i / columns % rows, column = i % columns;
        long double sum = 0, size = 0;
        for (int64_t k = 0; k < inner; k++) {
            long double term =
                (long double)p[(n * rows + row) * inner + k] * (long double)q[(n * inner + k) * columns + column];
            sum += term;
            size += fabsl(term);
        }
        if (!(fabsl((long double)r[i] - sum) <= (long double)epsilon * (size + fabsl(sum))))
            ck_abort_msg("(%d, %d, %d) x (%d, %d, %d): element %d is %.9g and not %.9Lg", (int)batch, (int)rows,
                         (int)inner, (int)batch, (int)inner, (int)columns, (int)i, r[i], sum);
    }
}

/* A batch of matrices of that shape, lying in memory in one of several ways. */
static at_tensor *laid_out(int64_t layout, int64_t batch, int64_t rows, int64_t columns) {
    switch (layout) {
    case 0: return at_randn(batch, rows, columns);
    case 1: return at_transpose(at_randn(batch, columns, rows), 1, 2);
    case 2: return at_expand(at_randn(rows, columns), batch, rows, columns);
    case 3: return at_expand(at_randn(batch, rows, 1), batch, rows, columns);
    case 4: return at_slice(at_randn(batch, rows, 2 * columns), 2, 0, INT64_MAX, 2);
    case 5: return at_flip(at_randn(batch, rows, columns), 1);
    case 6: return at_permute(at_randn(rows, batch, columns), 1, 0, 2);
    default: return at_mul(at_randn(batch, rows, columns), 2); /* pending */
    }
}

static void check_random_products(int64_t n, int64_t largest) {
    uint64_t state = 11;
    for (int64_t i = 0; i < n; i++)
        AT_SCOPE {
            int64_t batch = 1 + chance(&state, 3), size[3];
            for (int d = 0; d < 3; d++)
                size[d] = chance(&state, 4) ? 1 + chance(&state, largest) : 1 + chance(&state, 2);
            at_tensor *a = laid_out(chance(&state, 8), batch, size[0], size[1]);
            at_tensor *b = laid_out(chance(&state, 8), batch, size[1], size[2]);
            if (chance(&state, 2))
                check_bmm(at_to(a, AT_FLOAT64), at_to(b, AT_FLOAT64), DBL_EPSILON * 8);
            else
                check_bmm(a, b, FLT_EPSILON * 16);
        }
}

BALANCED_TEST(small_products) { check_random_products(400, 12); }
BALANCED_TEST(large_products) { check_random_products(25, 150); }

/* The test's own process is a child: what it sets in the environment ends with it. */
BALANCED_TEST(without_blas) {
    setenv("ATLED_BLAS", "none", 1);
    check_random_products(25, 100);
}

/* Elements i, j of a b, for some i and j. */
static void check_some_elements(at_tensor *a, at_tensor *b, at_tensor *y) {
    int64_t rows = at_size(a, 0), inner = at_size(a, 1), columns = at_size(b, 1);
    const float *p = at_floats(a), *q = at_floats(b), *r = at_floats(y);
    CHECK_SHAPE(y, rows, columns);
    for (int64_t i = 0; i < rows; i += i % 7 + 1 < rows - i ? i % 7 + 1 : 1)
        for (int64_t j = i % 3; j < columns; j += 3) {
            double sum = 0, size = 0;
            for (int64_t k = 0; k < inner; k++) {
                double term = (double)p[i * inner + k] * (double)q[k * columns + j];
                sum += term;
                size += fabs(term);
            }
            if (!(fabs((double)r[i * columns + j] - sum) <= FLT_EPSILON * 16 * size))
                ck_abort_msg("(%d, %d) x (%d, %d): element %d, %d is %.9g and not %.9g", (int)rows, (int)inner,
                             (int)inner, (int)columns, (int)i, (int)j, (double)r[i * columns + j], sum);
        }
}

static at_tensor *by_columns(at_tensor *x) { return at_transpose(at_contiguous(at_transpose(x, 0, 1)), 0, 1); }

/* A matrix within a wider one. */
static at_tensor *sliced(at_tensor *x) {
    int64_t columns = at_size(x, 1);
    return at_slice(at_cat(1, at_slice(x, 1, 0, 1, 1), x, x), 1, 1, columns + 1, 1);
}

/* However the operands lie and however many threads there are, the bits are the same. */
static void check_blocks(int64_t rows, int64_t inner, int64_t columns) {
    at_tensor *a = at_randn(rows, inner), *b = at_randn(inner, columns), *y = at_matmul(a, b);
    check_some_elements(a, b, y);
    static const int threads[] = {1, 2, 3, 8};
    for (int i = 0; i < 4; i++) {
        at_set_num_threads(threads[i]);
        ck_assert(at_equal(at_matmul(a, b), y));
        ck_assert(at_equal(at_matmul(by_columns(a), b), y));
        ck_assert(at_equal(at_matmul(a, by_columns(b)), y));
        ck_assert(at_equal(at_matmul(sliced(a), sliced(b)), y));
        at_tensor *batch = at_bmm(at_expand(a, 3, rows, inner), at_expand(b, 3, inner, columns));
        ck_assert(at_equal(at_select(batch, 0, 2), y));
    }
}

/* Slices of the inner dimension, copies of both operands, several blocks, and remainders everywhere. */
BALANCED_TEST(blocks) {
    setenv("ATLED_BLAS", "none", 1);
    check_blocks(64, 64, 64);
    check_blocks(263, 300, 301);
    check_blocks(519, 257, 131);
    check_blocks(95, 1000, 175);
    check_blocks(5, 600, 301);
    check_blocks(600, 301, 5);
}

/* The same of a vector: read where they are, as parts of other matrices, or computed on the way. */
static void check_vectors(at_dtype dtype, int64_t rows, int64_t inner, int64_t columns) {
    static const int threads[] = {1, 2, 3, 8};
    at_tensor *a = at_to(at_randn(rows, inner), dtype), *b = at_to(at_randn(inner, columns), dtype);
    at_tensor *y = at_matmul(a, b);
    ck_assert(at_allclose(y, at_matmul(at_to(a, AT_FLOAT64), at_to(b, AT_FLOAT64)), 1e-4, 1e-4));
    for (int i = 0; i < 4; i++) {
        at_set_num_threads(threads[i]);
        at_tensor *batch = at_bmm(at_expand(a, 3, rows, inner), at_stack(0, b, b, b));
        ck_assert(at_equal(at_select(batch, 0, 2), y));
        ck_assert(at_equal(at_matmul(a, b), y));
        ck_assert(at_equal(at_matmul(sliced(a), sliced(b)), y));
        ck_assert(at_equal(at_matmul(at_mul(a, 1), b), y));
        ck_assert(at_equal(at_matmul(a, at_mul(b, 1)), y));
        ck_assert(at_equal(at_matmul(at_mul(a, 1), at_mul(b, 1)), y));
    }
}

BALANCED_TEST(vectors) {
    static const int64_t sizes[] = {2, 3, 17, 64, 300, 1025, 2100};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    for (int d = AT_FLOAT32; d <= AT_FLOAT64; d++)
        for (int i = 0; i < SIZES * SIZES; i++)
            AT_SCOPE {
                at_dtype dtype = (at_dtype)d;
                check_vectors(dtype, sizes[i / SIZES], sizes[i % SIZES], 1);
                check_vectors(dtype, 1, sizes[i / SIZES], sizes[i % SIZES]);
            }
}

/* Large enough for CBLAS, where there is one. A process chooses once: each test has one of its own. */
static void check_large_products(void) {
    at_tensor *a = at_randn(650, 660), *b = at_randn(660, 670), *y = at_matmul(a, b);
    check_some_elements(a, b, y);
    at_tensor *ways[] = {at_matmul(by_columns(a), b), at_matmul(a, by_columns(b)), at_matmul(sliced(a), sliced(b)),
                         at_flip(at_matmul(at_flip(a, 0), b), 0), /* CBLAS cannot say that */
                         at_to(at_matmul(at_to(a, AT_FLOAT64), at_to(b, AT_FLOAT64)), AT_FLOAT32)};
    for (int i = 0; i < 5; i++) ck_assert_msg(at_allclose(ways[i], y, 1e-4, 1e-3), "way %d", i);
    at_tensor *both[] = {y, at_mul(y, -2)}, *batch = at_bmm(at_stack(0, a, at_neg(a)), at_stack(0, b, at_mul(b, 2)));
    for (int i = 0; i < 2; i++) ck_assert(at_allclose(at_select(batch, 0, i), both[i], 1e-4, 1e-3));
}

BALANCED_TEST(by_a_library) {
    setenv("ATLED_BLAS", "libopenblas.so.0", 1);
    check_large_products();
}

BALANCED_TEST(by_the_library_that_is_found) {
    unsetenv("ATLED_BLAS");
    check_large_products();
}

BALANCED_TEST(gradients_lie_as_their_operands) {
    at_tensor *x = at_randn(6, 5), *w = at_set_requires_grad(at_randn(4, 5), true);
    at_tensor *y = at_matmul(x, at_transpose(w, 0, 1)), *g = at_randn(6, 4);
    ck_assert(at_backward_with(y, g));
    ck_assert(tn_is_contiguous(at_grad(w)->value));
    ck_assert(at_allclose(at_grad(w), at_matmul(at_transpose(g, 0, 1), x), 1e-6, 1e-6));
}

BALANCED_TEST(integers) {
    at_tensor *a = at_randint(-50, 50, 2, 30, 40), *b = at_randint(-50, 50, 2, 40, 20);
    check_bmm(a, b, 0);
    check_bmm(at_slice(a, 1, 0, 1, 1), b, 0);
    check_bmm(a, at_slice(b, 2, 3, 4, 1), 0);
    ck_assert_int_eq(at_dtype_of(at_bmm(a, b)), AT_INT64);
    const int64_t large[] = {INT64_MAX, 2};
    at_tensor *row = at_from_int64s(large, 1, 2), *column = at_to(at_full(2, 2, 1), AT_INT64);
    ck_assert_int_eq(at_int64s(at_matmul(row, column))[0], 2); /* wraps around */
}

/* Large enough for a library, which wants rows or columns that lie behind each other. */
BALANCED_TEST(expanded_operands) {
    at_tensor *column = at_expand(at_randn(1, 60, 1), 1, 60, 50), *row = at_expand(at_randn(1, 1, 40), 1, 50, 40);
    at_tensor *one = at_expand(at_randn(1, 1, 1), 1, 50, 60), *many = at_expand(at_randn(1, 60, 50), 3, 60, 50);
    at_tensor *list[][2] = {{column, row},
                            {one, column},
                            {row, at_transpose(row, 1, 2)},
                            {many, at_transpose(many, 1, 2)}};
    for (int i = 0; i < 4; i++) {
        at_tensor *a = list[i][0], *b = list[i][1];
        at_tensor *expected = at_bmm(at_mul(a, at_ones_like(a)), at_mul(b, at_ones_like(b)));
        ck_assert_msg(at_allclose(at_bmm(a, b), expected, 1e-5, 1e-4), "pair %d", i);
    }
}

BALANCED_TEST(of_nothing) {
    CHECK_ELEMENTS(at_bmm(at_zeros(1, 2, 0), at_zeros(1, 0, 2)), 0, 0, 0, 0);
    ck_assert(at_equal(at_bmm(at_zeros(1, 90, 0), at_zeros(1, 0, 90)), at_zeros(1, 90, 90)));
    CHECK_SHAPE(at_bmm(at_zeros(0, 2, 3), at_zeros(0, 3, 4)), 0, 2, 4);
    CHECK_SHAPE(at_bmm(at_zeros(2, 0, 3), at_zeros(2, 3, 4)), 2, 0, 4);
    CHECK_ELEMENTS(at_matmul(at_zeros(0), at_zeros(0)), 0);
    CHECK_SHAPE(at_matmul(at_zeros(3, 0), at_zeros(0)), 3);
}

/* ---- all of matmul's cases --------------------------------------------------------------------------------------- */

BALANCED_TEST(matmul_of_vectors) {
    at_tensor *v = at_arange(1, 4, 1), *m = at_reshape(at_arange(0, 6, 1), 2, 3);
    ck_assert_int_eq(at_ndim(at_matmul(v, v)), 0);
    CHECK_ELEMENTS(at_matmul(v, v), 14);
    CHECK_ELEMENTS(at_matmul(m, v), 8, 26);
    CHECK_ELEMENTS(at_matmul(v, at_transpose(m, 0, 1)), 8, 26);
    CHECK_SHAPE(at_matmul(at_zeros(4, 5, 2, 3), v), 4, 5, 2);
    CHECK_SHAPE(at_matmul(v, at_zeros(4, 5, 3, 2)), 4, 5, 2);
}

static void check_matmul(at_shape a_shape, at_shape b_shape, at_shape batch) {
    at_tensor *a = at_randn_shape(a_shape), *b = at_randn_shape(b_shape), *y = at_matmul(a, b);
    int64_t rows = a_shape.dim[a_shape.ndim - 2], inner = a_shape.dim[a_shape.ndim - 1],
            columns = b_shape.dim[b_shape.ndim - 1];
    at_shape full = batch;
    full.ndim += 2;
    full.dim[batch.ndim] = rows;
    full.dim[batch.ndim + 1] = inner;
    at_tensor *flat_a = at_reshape(at_expand_shape(a, full), elements_of(batch), rows, inner);
    full.dim[batch.ndim] = inner;
    full.dim[batch.ndim + 1] = columns;
    at_tensor *flat_b = at_reshape(at_expand_shape(b, full), elements_of(batch), inner, columns);
    full.dim[batch.ndim] = rows;
    check_shape_is(y, full);
    check_bmm(flat_a, flat_b, FLT_EPSILON * 16);
    ck_assert(at_allclose(at_reshape(y, elements_of(batch), rows, columns), at_bmm(flat_a, flat_b), 1e-4, 1e-5));
}

BALANCED_TEST(matmul_of_batches) {
    check_matmul(AT_SHAPE(4, 5), AT_SHAPE(5, 6), AT_SHAPE_SCALAR);
    check_matmul(AT_SHAPE(3, 4, 5), AT_SHAPE(5, 6), AT_SHAPE(3));
    check_matmul(AT_SHAPE(4, 5), AT_SHAPE(3, 5, 6), AT_SHAPE(3));
    check_matmul(AT_SHAPE(2, 1, 4, 5), AT_SHAPE(3, 5, 6), AT_SHAPE(2, 3));
    check_matmul(AT_SHAPE(1, 4, 5), AT_SHAPE(7, 1, 5, 6), AT_SHAPE(7, 1));
    check_matmul(AT_SHAPE(7, 1, 4, 5), AT_SHAPE(1, 1, 5, 6), AT_SHAPE(7, 1));
    check_matmul(AT_SHAPE(2, 3, 1, 5), AT_SHAPE(2, 3, 5, 1), AT_SHAPE(2, 3));
}

Suite *product_suite(void) {
    Suite *suite = suite_create("product");
    TCase *bmm = tcase_create("bmm"), *alone = tcase_create("with and without BLAS"), *matmul = tcase_create("matmul");
    tcase_add_test(bmm, small_products);
    tcase_add_test(bmm, large_products);
    tcase_add_test(bmm, vectors);
    tcase_add_test(bmm, integers);
    tcase_add_test(bmm, expanded_operands);
    tcase_add_test(bmm, of_nothing);
    suite_add_tcase(suite, bmm);
    tcase_add_test(alone, by_a_library); /* first: where all run in one process, it chooses the library */
    tcase_add_test(alone, by_the_library_that_is_found);
    tcase_add_test(alone, without_blas);
    tcase_add_test(alone, blocks);
    suite_add_tcase(suite, alone);
    tcase_add_test(matmul, matmul_of_vectors);
    tcase_add_test(matmul, matmul_of_batches);
    tcase_add_test(matmul, gradients_lie_as_their_operands);
    suite_add_tcase(suite, matmul);
    return suite;
}
