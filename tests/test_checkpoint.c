/* tests/test_checkpoint.c - functions that are evaluated again in the backward pass, as a whole and block by block. */
#include <limits.h>

#include "core_support.h"

/* ---- a function and its arguments -------------------------------------------------------------------------------- */

enum { ROWS = 7 };

/* inputs: (rows, 3), (3, 2), (2), (rows): two of them are cut. Result: (rows, 2). */
static at_tensor *layer(at_tensor **x, int n, void *context) {
    (void)n;
    if (context) ++*(int *)context;
    at_tensor *h = at_tanh(at_add(at_matmul(x[0], x[1]), x[2]));
    return at_mul(at_softmax(h, 1), at_unsqueeze(at_sin(x[3]), 1));
}

static void make_arguments(at_tensor **x, int64_t rows, at_dtype dtype, unsigned requiring) {
    at_manual_seed(5);
    x[0] = at_randn(rows, 3), x[1] = at_randn(3, 2), x[2] = at_randn(2), x[3] = at_randn(rows);
    for (int i = 0; i < 4; i++) x[i] = at_set_requires_grad(at_contiguous(at_to(x[i], dtype)), requiring >> i & 1);
}

/* A block size is the context. */
static at_tensor *checkpointed(at_tensor **x, int n, void *context) {
    return at_checkpoint(layer, x, n, NULL, .rows = 1 << 0 | 1 << 3, .block = *(const int *)context);
}

/* An irregular weight for each element. */
static at_tensor *weighted_sum(at_tensor *y) {
    return at_sum(at_mul(y, at_to(at_sin(at_reshape_shape(at_arange(1, 1 + (double)at_numel(y), 1), at_shape_of(y))),
                                  at_dtype_of(y))));
}

static void check_close_to(at_tensor *actual, at_tensor *expected) {
    double tolerance = at_dtype_of(expected) == AT_FLOAT64 ? 1e-14 : 2e-6;
    ck_assert_msg(at_check_close(actual, expected, tolerance, tolerance), "%s", at_error());
}

/* ---- values and gradients ---------------------------------------------------------------------------------------- */

static void check_against_recorded(at_tensor *y, at_tensor *expected, at_tensor **x, int n) {
    at_tensor *gradient[4];
    check_close_to(y, expected);
    ck_assert(at_backward(weighted_sum(expected)));
    for (int i = 0; i < n; i++) {
        gradient[i] = at_grad(x[i]);
        at_zero_grad(x[i]);
    }
    ck_assert(at_backward(weighted_sum(y)));
    for (int i = 0; i < n; i++) {
        ck_assert(!gradient[i] == !at_grad(x[i]));
        if (gradient[i]) check_close_to(at_grad(x[i]), gradient[i]);
        at_zero_grad(x[i]);
    }
}

BALANCED_TEST(blocks_of_any_size_give_what_recording_gives) {
    static const int sizes[] = {0, 1, 2, 3, ROWS - 1, ROWS, ROWS + 1, INT_MAX};
    at_tensor *x[4];
    for (at_dtype dtype = AT_FLOAT32; dtype <= AT_FLOAT64; dtype++)
        for (unsigned requiring = 1; requiring < 16; requiring++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
                AT_SCOPE {
                    make_arguments(x, ROWS, dtype, requiring);
                    at_tensor *y = at_checkpoint(layer, x, 4, NULL, .rows = 1 << 0 | 1 << 3, .block = sizes[s]);
                    CHECK_SHAPE(y, ROWS, 2);
                    check_against_recorded(y, layer(x, 4, NULL), x, 4);
                }
}

BALANCED_TEST(as_a_whole_it_gives_what_recording_gives) {
    at_tensor *x[4];
    make_arguments(x, ROWS, AT_FLOAT64, 15);
    check_against_recorded(at_checkpoint(layer, x, 4, NULL), layer(x, 4, NULL), x, 4);
}

BALANCED_TEST(derivatives_of_first_and_second_order) {
    at_tensor *x[4];
    make_arguments(x, ROWS, AT_FLOAT64, 15);
    for (int block = 0; block <= 4; block += 2) {
        ck_assert_msg(at_gradcheck(checkpointed, x, 4, &block), "%s", at_error());
        ck_assert_msg(at_gradgradcheck(checkpointed, x, 4, &block), "%s", at_error());
    }
}

/* An input that was computed from another one is a variable of its own. */
static at_tensor *of_related_inputs(at_tensor **inputs, int n, void *context) {
    (void)n;
    at_tensor *a = inputs[0], *squares = at_sum_dim(at_square(a), 1, false);
    at_tensor *x[] = {a, at_slice(a, 0, 0, 3, 1), at_slice(squares, 0, 0, 2, 1), squares};
    x[1] = at_slice(x[1], 1, 0, 2, 1);
    return context ? checkpointed(x, 4, context) : layer(x, 4, NULL);
}

BALANCED_TEST(inputs_may_be_computed_from_one_another) {
    int block = 2;
    at_tensor *x[4];
    make_arguments(x, ROWS, AT_FLOAT64, 1);
    check_against_recorded(of_related_inputs(x, 1, &block), of_related_inputs(x, 1, NULL), x, 1);
    ck_assert_msg(at_gradcheck(of_related_inputs, x, 1, &block), "%s", at_error());
    ck_assert_msg(at_gradgradcheck(of_related_inputs, x, 1, &block), "%s", at_error());
}

static at_tensor *product(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    return at_mul(at_exp(x[0]), x[1]);
}

BALANCED_TEST(one_tensor_may_be_given_twice) {
    at_tensor *a = at_set_requires_grad(at_from_doubles((double[]){0, 1, 2}, 3), true), *x[] = {a, a};
    ck_assert(at_backward(at_sum(at_checkpoint(product, x, 2, NULL, .rows = 3, .block = 2))));
    check_close_to(at_grad(a), at_detach(at_mul(at_exp(a), at_add(a, 1))));
}

static at_tensor *checkpoint_in_it(at_tensor **x, int n, void *context) { return at_exp(checkpointed(x, n, context)); }
static at_tensor *nested(at_tensor **x, int n, void *context) {
    return at_checkpoint(checkpoint_in_it, x, n, context, .rows = 1 << 0 | 1 << 3, .block = 4);
}

BALANCED_TEST(checkpoints_within_checkpoints) {
    int block = 3;
    at_tensor *x[4];
    make_arguments(x, ROWS, AT_FLOAT64, 15);
    check_against_recorded(nested(x, 4, &block), at_exp(layer(x, 4, NULL)), x, 4);
    ck_assert_msg(at_gradcheck(nested, x, 4, &block), "%s", at_error());
    ck_assert_msg(at_gradgradcheck(nested, x, 4, &block), "%s", at_error());
}

/* The sum of squares of the gradient by input 1, differentiated by all. */
static void differentiate_again(at_tensor *y, at_tensor **x) {
    at_tensor *g;
    ck_assert(at_gradients(weighted_sum(y), &x[1], 1, true, &g));
    ck_assert(at_backward(at_sum(at_square(g))));
}

BALANCED_TEST(second_derivatives_go_to_inputs_that_the_first_left_out) {
    at_tensor *x[4], *expected[4];
    make_arguments(x, ROWS, AT_FLOAT64, 15);
    differentiate_again(layer(x, 4, NULL), x);
    for (int i = 0; i < 4; i++) {
        expected[i] = at_grad(x[i]);
        at_zero_grad(x[i]);
    }
    int block = 2;
    differentiate_again(checkpointed(x, 4, &block), x);
    for (int i = 0; i < 4; i++) check_close_to(at_grad(x[i]), expected[i]);
}

static at_tensor *weighted_inputs(at_tensor **x, int n, void *context) {
    (void)context;
    at_tensor *y = x[0];
    for (int i = 1; i < n; i++) y = at_add(y, at_mul(x[i], i + 1));
    return y;
}

BALANCED_TEST(as_many_inputs_as_there_may_be) {
    enum { MOST = 64 };
    at_tensor *x[MOST + 1];
    for (int i = 0; i <= MOST; i++) x[i] = at_set_requires_grad(at_arange(i, i + 3, 1), true);
    at_tensor *y = at_checkpoint(weighted_inputs, x, MOST, NULL, .rows = UINT64_MAX, .block = 2);
    check_close_to(y, weighted_inputs(x, MOST, NULL));
    ck_assert(at_backward(at_sum(y)));
    for (int i = 0; i < MOST; i++) CHECK_ELEMENTS(at_grad(x[i]), i + 1, i + 1, i + 1);
    at_checkpoint(weighted_inputs, x, MOST + 1, NULL);
    expect_error(AT_ERROR_VALUE, "checkpoint: 65 inputs: want 1 to 64");
}

static at_tensor *step_function(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    return at_to(at_gt(x[0], 0), AT_FLOAT64);
}

BALANCED_TEST(a_function_without_a_derivative_has_zero) {
    at_tensor *a = at_set_requires_grad(at_from_doubles((double[]){-1, 1, 2}, 3), true);
    ck_assert(at_backward(at_sum(at_checkpoint(step_function, &a, 1, NULL))));
    CHECK_ELEMENTS(at_grad(a), 0, 0, 0);
    ck_assert(at_backward(at_sum(at_checkpoint(step_function, &a, 1, NULL, .rows = 1, .block = 2))));
    CHECK_ELEMENTS(at_grad(a), 0, 0, 0);
}

/* ---- what is kept ------------------------------------------------------------------------------------------------ */

static at_tensor *wide(at_tensor **x, int n, void *context) { /* 1000 numbers a row on the way */
    (void)n, (void)context;
    return at_sum_dim(at_exp(at_softmax(at_mul(at_unsqueeze(x[0], 1), at_ones(1, 1000)), 1)), 1, false);
}

BALANCED_TEST(only_inputs_and_result_are_kept) {
    at_tensor *x = at_set_requires_grad(at_rand(500), true);
    int64_t before = at_live_bytes();
    at_tensor *y = at_checkpoint(wide, &x, 1, NULL, .rows = 1, .block = 10);
    ck_assert_int_le(at_live_bytes() - before, 500 * 4);
    ck_assert(at_requires_grad(y));
    ck_assert(at_backward(at_sum(y)));
    ck_assert_int_le(at_live_bytes() - before, 3 * 500 * 4);
}

BALANCED_TEST(each_block_is_evaluated_once_forward_and_once_backward) {
    int calls = 0;
    at_tensor *x[4];
    make_arguments(x, ROWS, AT_FLOAT32, 15);
    at_tensor *y = at_checkpoint(layer, x, 4, &calls, .rows = 1 << 0 | 1 << 3, .block = 3);
    ck_assert_int_eq(calls, 3);
    ck_assert(at_backward(at_sum(y)));
    ck_assert_int_eq(calls, 6);
    AT_NO_GRAD { y = at_checkpoint(layer, x, 4, &calls, .rows = 1 << 0 | 1 << 3, .block = 4); }
    ck_assert_int_eq(calls, 8);
    ck_assert(!at_requires_grad(y));
}

BALANCED_TEST(no_rows_have_a_result_too) {
    at_tensor *x[4];
    make_arguments(x, 0, AT_FLOAT32, 15);
    at_tensor *y = at_checkpoint(layer, x, 4, NULL, .rows = 1 << 0 | 1 << 3, .block = 3);
    CHECK_SHAPE(y, 0, 2);
    ck_assert(at_backward(at_sum(y)));
    CHECK_SHAPE(at_grad(x[0]), 0, 3);
    CHECK_ELEMENTS(at_grad(x[2]), 0, 0);
}

static at_tensor *gradients_by_blocks(int64_t rows) {
    at_tensor *x[4];
    make_arguments(x, rows, AT_FLOAT32, 15);
    at_tensor *y = at_checkpoint(layer, x, 4, NULL, .rows = 1 << 0 | 1 << 3, .block = 3000);
    ck_assert(at_backward(weighted_sum(y)));
    return at_cat(0, at_flatten(at_detach(y)), at_flatten(at_grad(x[0])), at_flatten(at_grad(x[1])), at_grad(x[2]),
                  at_grad(x[3]));
}

BALANCED_TEST(the_same_bits_for_any_number_of_threads_and_eagerly) {
    static const int threads[] = {2, 3, 8};
    int before = at_num_threads();
    at_set_num_threads(1);
    at_tensor *expected = gradients_by_blocks(10000);
    for (int i = 0; i < 3; i++) {
        at_set_num_threads(threads[i]);
        ck_assert(at_equal(gradients_by_blocks(10000), expected));
    }
    at_set_eager(true);
    ck_assert(at_equal(gradients_by_blocks(10000), expected));
    at_set_eager(false);
    at_set_num_threads(before);
}

/* ---- contexts and errors ----------------------------------------------------------------------------------------- */

static int freed;
static void count_freed(void *context) {
    (void)context;
    freed++;
}

static at_tensor *null(at_tensor **x, int n, void *context) {
    (void)x, (void)n, (void)context;
    return NULL;
}
static at_tensor *total(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    return at_sum(x[0]);
}
static at_tensor *first_row(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    return at_slice(x[0], 0, 0, 1, 1);
}
static at_tensor *another_dtype_each_time(at_tensor **x, int n, void *context) {
    (void)n;
    return at_to(x[0], ++*(int *)context % 2 ? AT_FLOAT32 : AT_FLOAT64);
}

BALANCED_TEST(a_context_is_freed_once) {
    at_tensor *x[4];
    freed = 0;
    AT_SCOPE {
        make_arguments(x, ROWS, AT_FLOAT32, 15);
        at_tensor *y = at_checkpoint(layer, x, 4, NULL, count_freed);
        ck_assert(at_backward(at_sum(y)));
        ck_assert_int_eq(freed, 0);
    }
    ck_assert_int_eq(freed, 1);
    make_arguments(x, ROWS, AT_FLOAT32, 0);
    ck_assert_ptr_nonnull(at_checkpoint(layer, x, 4, NULL, count_freed)); /* no graph keeps it */
    ck_assert_int_eq(freed, 2);
    ck_assert_ptr_null(at_checkpoint(layer, x, 0, NULL, count_freed));
    at_clear_error();
    ck_assert_ptr_null(at_checkpoint(null, x, 4, NULL, count_freed));
    at_clear_error();
    ck_assert_int_eq(freed, 4);
}

BALANCED_TEST(wrong_arguments) {
    at_tensor *x[4], *number = at_scalar(1), *related[2];
    make_arguments(x, ROWS, AT_FLOAT32, 0);
    at_checkpoint(NULL, x, 4, NULL);
    expect_error(AT_ERROR_VALUE, "checkpoint: f is NULL");
    at_checkpoint(layer, NULL, 4, NULL);
    expect_error(AT_ERROR_VALUE, "checkpoint: inputs is NULL");
    at_checkpoint(layer, x, 0, NULL);
    expect_error(AT_ERROR_VALUE, "checkpoint: 0 inputs: want 1 to 64");
    at_checkpoint(layer, x, 4, NULL, .rows = 1 << 4);
    expect_error(AT_ERROR_VALUE, "checkpoint: rows 0x10 for 4 inputs: want a bit for an input");
    at_checkpoint(layer, x, 4, NULL, .rows = 1, .block = -1);
    expect_error(AT_ERROR_VALUE, "checkpoint: block is -1: must not be negative");
    at_checkpoint(layer, &number, 1, NULL, .rows = 1);
    expect_error(AT_ERROR_SHAPE, "checkpoint: input 0 is float32 (): it has no rows");
    at_checkpoint(layer, x, 4, NULL, .rows = 3);
    expect_error(AT_ERROR_SHAPE, "checkpoint: input 1 is float32 (3, 2): want 7 rows, as the others that are cut have");
    related[0] = x[0], related[1] = NULL;
    ck_assert_ptr_null(at_checkpoint(layer, related, 2, NULL));
    ck_assert_int_eq(at_error_code(), AT_ERROR_VALUE);
    at_clear_error();
}

BALANCED_TEST(wrong_functions) {
    int calls = 0;
    at_tensor *x = at_rand(5);
    ck_assert_ptr_null(at_checkpoint(null, &x, 1, NULL));
    expect_error(AT_ERROR_STATE, "checkpoint: its function gives NULL");
    ck_assert_ptr_null(at_checkpoint(total, &x, 1, NULL, .rows = 1, .block = 2));
    expect_error(AT_ERROR_SHAPE, "checkpoint: its function gives float32 () for 2 rows: want a result with as many");
    ck_assert_ptr_null(at_checkpoint(first_row, &x, 1, NULL, .rows = 1, .block = 2));
    expect_error(AT_ERROR_SHAPE, "checkpoint: its function gives float32 (1) for 2 rows: want a result with as many");
    ck_assert_ptr_null(at_checkpoint(another_dtype_each_time, &x, 1, &calls, .rows = 1, .block = 2));
    expect_error(AT_ERROR_STATE,
                 "checkpoint: its function gives float64 (2) for a block, where those before made float32 (5)");
}

/* Good the first time, that is forward. */
static at_tensor *fails_later(at_tensor **x, int n, void *context) {
    (void)n;
    return ++*(int *)context > 3 ? at_add(x[0], at_zeros(17)) : at_mul(x[0], 2);
}

BALANCED_TEST(a_failed_evaluation_changes_no_gradient) {
    int calls = 0;
    at_tensor *x = at_set_requires_grad(at_ones(5), true);
    ck_assert(at_backward(at_sum(x)));
    at_tensor *y = at_checkpoint(fails_later, &x, 1, &calls, .rows = 1, .block = 2);
    ck_assert_int_eq(calls, 3);
    ck_assert(!at_backward(at_sum(y)));
    ck_assert_int_eq(at_error_code(), AT_ERROR_SHAPE);
    at_clear_error();
    CHECK_ELEMENTS(at_grad(x), 1, 1, 1, 1, 1);
    ck_assert(at_requires_grad(at_mul(x, 2))); /* recording is on again */
}

Suite *checkpoint_suite(void);
Suite *checkpoint_suite(void) {
    Suite *suite = suite_create("checkpoint");
    TCase *derivatives = tcase_create("derivatives"), *kept = tcase_create("kept"), *wrong = tcase_create("wrong");
    tcase_add_test(derivatives, blocks_of_any_size_give_what_recording_gives);
    tcase_add_test(derivatives, as_a_whole_it_gives_what_recording_gives);
    tcase_add_test(derivatives, derivatives_of_first_and_second_order);
    tcase_add_test(derivatives, second_derivatives_go_to_inputs_that_the_first_left_out);
    tcase_add_test(derivatives, inputs_may_be_computed_from_one_another);
    tcase_add_test(derivatives, one_tensor_may_be_given_twice);
    tcase_add_test(derivatives, checkpoints_within_checkpoints);
    tcase_add_test(derivatives, as_many_inputs_as_there_may_be);
    tcase_add_test(derivatives, a_function_without_a_derivative_has_zero);
    suite_add_tcase(suite, derivatives);
    tcase_add_test(kept, only_inputs_and_result_are_kept);
    tcase_add_test(kept, each_block_is_evaluated_once_forward_and_once_backward);
    tcase_add_test(kept, no_rows_have_a_result_too);
    tcase_add_test(kept, the_same_bits_for_any_number_of_threads_and_eagerly);
    suite_add_tcase(suite, kept);
    tcase_add_test(wrong, a_context_is_freed_once);
    tcase_add_test(wrong, wrong_arguments);
    tcase_add_test(wrong, wrong_functions);
    tcase_add_test(wrong, a_failed_evaluation_changes_no_gradient);
    suite_add_tcase(suite, wrong);
    return suite;
}
