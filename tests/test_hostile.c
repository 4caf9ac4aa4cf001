/* tests/test_hostile.c - arguments that are meant to do harm, and what the fuzzers found (make fuzz). */
#include <limits.h>
#include <math.h>

#include "support.h"

/* ---- sizes that cannot be counted -------------------------------------------------------------------------------- */

static const int64_t large = INT64_C(1) << 40;

START_TEST(a_product_may_have_more_elements_than_its_factors) {
    at_tensor *tall = at_zeros_shape(AT_SHAPE(large, 0)), *wide = at_zeros_shape(AT_SHAPE(0, large));
    EXPECT_ERROR(at_matmul(tall, wide), AT_ERROR_SHAPE,
                 "matmul: shape (1099511627776, 1099511627776): too many elements");
    at_tensor *column = at_expand(at_ones(1), large, 1), *row = at_expand(at_ones(1), 1, large);
    EXPECT_ERROR(at_matmul(column, row), AT_ERROR_SHAPE, "matmul: shape (1099511627776, 1099511627776)");
    EXPECT_ERROR(at_bmm(at_unsqueeze(column, 0), at_unsqueeze(row, 0)), AT_ERROR_SHAPE,
                 "bmm: shape (1, 1099511627776, 1099511627776): too many elements");
}
END_TEST

START_TEST(joined_sizes_may_overflow) {
    at_tensor *list[20], *x = at_expand(at_ones(1), (INT64_C(1) << 59) - 1);
    for (int i = 0; i < 20; i++) list[i] = x;
    EXPECT_ERROR(at_cat_list(0, list, 20), AT_ERROR_SHAPE, "cat: shape (9223372036854775807): too many elements");
}
END_TEST

START_TEST(selecting_may_enlarge_what_is_empty) {
    at_tensor *x = at_zeros_shape(AT_SHAPE(INT64_C(1) << 57, 2, 0)), *index = at_expand(at_randperm(1), 16);
    EXPECT_ERROR(at_index_select(x, 1, index), AT_ERROR_SHAPE,
                 "index_select: shape (144115188075855872, 16, 0): too many elements");
}
END_TEST

START_TEST(a_shape_may_say_any_number_of_dimensions) {
    at_tensor *x = at_ones(2, 3);
    const int counts[] = {INT_MIN, -1, 1, 9, INT_MAX};
    for (int i = 0; i < 5; i++) {
        at_shape shape = {.ndim = counts[i], .dim = {6}};
        EXPECT_ERROR(at_expand_shape(x, shape), AT_ERROR_SHAPE, "expand: float32 (2, 3)");
        EXPECT_ERROR(at_repeat_shape(x, shape), AT_ERROR_SHAPE, "repeat: float32 (2, 3)");
        EXPECT_ERROR(at_permute_shape(x, shape), AT_ERROR_SHAPE, "permute: order");
        if (counts[i] != 1) EXPECT_ERROR(at_reshape_shape(x, shape), AT_ERROR_SHAPE, "reshape: ");
        if (counts[i] != 1) EXPECT_ERROR(at_zeros_shape(shape), AT_ERROR_SHAPE, "zeros: ");
    }
}
END_TEST

/* A row of nearly 2^59 elements: its bytes can be counted, sixteen times those cannot. */
START_TEST(rows_may_be_too_long_to_evaluate) {
    at_tensor *x = at_expand(at_ones(1), (INT64_C(1) << 59) - 1);
    at_tensor *y = at_add(x, x);
    EXPECT_ERROR(at_floats(y), AT_ERROR_MEMORY, "out of memory");
}
END_TEST

/* ---- derivatives ------------------------------------------------------------------------------------------------- */

/* 0 times infinity is no number: what is not chosen must not be multiplied. */
START_TEST(an_infinite_gradient_goes_to_the_largest_only) {
    at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){1, 3, 3}), 3), true);
    at_backward_with(at_max(x), at_from_doubles_shape((double[]){INFINITY}, AT_SHAPE_SCALAR));
    EXPECT(at_grad(x), 0, INFINITY, INFINITY);
    at_zero_grad(x);
    at_backward_with(at_min(x), at_from_doubles_shape((double[]){-INFINITY}, AT_SHAPE_SCALAR));
    EXPECT(at_grad(x), -INFINITY, 0, 0);
}
END_TEST

START_TEST(a_power_by_bools_has_a_derivative) {
    at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){2, 3}), 2), true);
    at_backward(at_sum(at_pow(x, at_from_bools(((bool[]){true, false}), 2))));
    EXPECT(at_grad(x), 1, 0);
}
END_TEST

Suite *hostile_suite(void) {
    Suite *suite = suite_create("hostile");
    TCase *tcase = tcase_create("hostile");
    tcase_add_checked_fixture(tcase, support_begin, support_end);
    tcase_add_test(tcase, a_product_may_have_more_elements_than_its_factors);
    tcase_add_test(tcase, joined_sizes_may_overflow);
    tcase_add_test(tcase, selecting_may_enlarge_what_is_empty);
    tcase_add_test(tcase, a_shape_may_say_any_number_of_dimensions);
    tcase_add_test(tcase, rows_may_be_too_long_to_evaluate);
    tcase_add_test(tcase, an_infinite_gradient_goes_to_the_largest_only);
    tcase_add_test(tcase, a_power_by_bools_has_a_derivative);
    suite_add_tcase(suite, tcase);
    return suite;
}
