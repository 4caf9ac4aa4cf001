/* tests/test_product.c - matrix products against plain sums in long double. */
#define _POSIX_C_SOURCE 200809L
#include <float.h>

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
    TCase *bmm = tcase_create("bmm"), *alone = tcase_create("without BLAS"), *matmul = tcase_create("matmul");
    tcase_add_test(bmm, small_products);
    tcase_add_test(bmm, large_products);
    tcase_add_test(bmm, integers);
    tcase_add_test(bmm, expanded_operands);
    tcase_add_test(bmm, of_nothing);
    suite_add_tcase(suite, bmm);
    tcase_add_test(alone, without_blas);
    suite_add_tcase(suite, alone);
    tcase_add_test(matmul, matmul_of_vectors);
    tcase_add_test(matmul, matmul_of_batches);
    suite_add_tcase(suite, matmul);
    return suite;
}
