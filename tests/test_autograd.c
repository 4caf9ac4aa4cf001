/* tests/test_autograd.c - gradients as a user meets them, from the first leaf to where derivatives break down.
 *
 * To be read from the top. EXPECT(t, 1, 2, 3) compares a tensor's elements. Each test runs within a scope, and fails if
 * more tensors or bytes are alive after it than before (tests/support.h). Numbers at kinks and poles are PyTorch's. */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <math.h>
#include <pthread.h>

#include "../atled.h"
#include "support.h"

/* LEAF(1, 2, 3): a float64 tensor to take gradients by. */
#define LEAF(...) leaf((int)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), (const double[]){__VA_ARGS__})
static at_tensor *leaf(int n, const double *elements) {
    return at_set_requires_grad(at_from_doubles(elements, n), true);
}

/* ---- leaves, and one backward pass ------------------------------------------------------------------------------- */

START_TEST(operations_on_a_leaf_are_recorded) {
    at_tensor *x = at_ones(3), *w = at_set_requires_grad(at_ones(3), true);
    ck_assert(!at_requires_grad(x));
    ck_assert(at_requires_grad(w));
    ck_assert(!at_requires_grad(at_mul(x, 2)));
    ck_assert(at_requires_grad(at_mul(x, w))); /* one operand that needs a gradient is enough */
    ck_assert(!at_requires_grad(at_gt(w, 0))); /* a bool has none */
    ck_assert(!at_requires_grad(at_to(w, AT_INT64)));
    ck_assert_ptr_null(at_grad(w)); /* none yet, which is no error */
}
END_TEST

START_TEST(backward_puts_derivatives_into_leaves) {
    at_tensor *x = at_from_doubles(((double[]){1, 2, 3, 4}), 2, 2);
    at_tensor *w = LEAF(10, 20), *b = LEAF(0.5);
    at_tensor *y = at_sum(at_add(at_mul(x, w), b)); /* w and b are broadcast: their gradients are summed */
    ck_assert(at_backward(y));
    EXPECT(y, 1 * 10 + 2 * 20 + 3 * 10 + 4 * 20 + 4 * 0.5);
    EXPECT(at_grad(w), 1 + 3, 2 + 4);
    EXPECT(at_grad(b), 4);
    ck_assert_ptr_null(at_grad(x)); /* a constant */
    ck_assert_ptr_null(at_grad(y)); /* in between: only leaves keep gradients */
    ck_assert(!at_requires_grad(at_grad(w)));
}
END_TEST

START_TEST(gradients_add_up_until_zeroed) {
    at_tensor *w = LEAF(1, 2);
    for (int call = 1; call <= 3; call++) {
        ck_assert(at_backward(at_sum(at_square(w)))); /* a graph of its own in each turn */
        EXPECT(at_grad(w), call * 2, call * 4);
    }
    at_zero_grad(w);
    ck_assert_ptr_null(at_grad(w));
    ck_assert(at_backward(at_sum(w)));
    EXPECT(at_grad(w), 1, 1);
}
END_TEST

START_TEST(a_graph_can_be_walked_twice) {
    at_tensor *w = LEAF(3), *y = at_square(w);
    ck_assert(at_backward(y));
    EXPECT(at_grad(w), 6);
    ck_assert(at_backward(y));
    EXPECT(at_grad(w), 12);
}
END_TEST

START_TEST(several_paths_to_a_leaf_add_up) {
    at_tensor *w = LEAF(2), *a = at_square(w); /* y = a^2 + a w = w^4 + w^3 */
    ck_assert(at_backward(at_add(at_square(a), at_mul(a, w))));
    EXPECT(at_grad(w), 4 * 8 + 3 * 4);
}
END_TEST

START_TEST(a_value_used_ten_thousand_times) {
    at_tensor *w = LEAF(0.5, -1), *y = at_mul(w, 0);
    for (int i = 0; i < 10000; i++) y = at_add(y, w);
    ck_assert(at_backward(at_sum(y)));
    EXPECT(at_grad(w), 10000, 10000);
}
END_TEST

START_TEST(backward_with_a_gradient_to_start_from) {
    at_tensor *w = LEAF(1, 2, 3), *g = at_from_doubles(((double[]){1, 10, 100}), 3);
    at_tensor *y = at_square(w); /* no scalar: g says how much each element counts */
    ck_assert(at_backward_with(y, g));
    EXPECT(at_grad(w), 2, 40, 600);
}
END_TEST

START_TEST(a_leaf_is_its_own_derivative) {
    at_tensor *w = LEAF(7);
    ck_assert(at_backward(w));
    EXPECT(at_grad(w), 1);
}
END_TEST

START_TEST(gradients_have_the_dtype_of_their_leaf) {
    at_tensor *narrow = at_set_requires_grad(at_full(3, 2), true), *wide = LEAF(5, 7);
    at_tensor *y = at_mul(narrow, wide);
    ck_assert_int_eq(at_dtype_of(y), AT_FLOAT64);
    ck_assert(at_backward(at_sum(at_mul(y, at_to(narrow, AT_FLOAT64))))); /* narrow^2 wide */
    ck_assert_int_eq(at_dtype_of(at_grad(narrow)), AT_FLOAT32);
    ck_assert_int_eq(at_dtype_of(at_grad(wide)), AT_FLOAT64);
    EXPECT(at_grad(narrow), 2 * 3 * 5, 2 * 3 * 7);
    EXPECT(at_grad(wide), 9, 9);
}
END_TEST

/* ---- what is not recorded ---------------------------------------------------------------------------------------- */

static at_tensor *leaves_by_return(at_tensor *w) {
    AT_NO_GRAD
        return at_mul(w, 2);
    return NULL;
}

START_TEST(nothing_is_recorded_under_no_grad) {
    at_tensor *w = LEAF(1);
    AT_NO_GRAD {
        ck_assert(!at_requires_grad(at_mul(w, 2)));
        AT_NO_GRAD { ck_assert(!at_requires_grad(at_mul(w, 2))); }
        ck_assert(!at_requires_grad(at_mul(w, 2))); /* the inner end does not end the outer one */
        ck_assert(at_requires_grad(w));
    }
    ck_assert(at_requires_grad(at_mul(w, 2)));
    AT_NO_GRAD
        break;
    ck_assert(at_requires_grad(at_mul(w, 2)));
    AT_NO_GRAD {
        ck_assert(!at_backward(at_ones(1)) && at_error()); /* nor does an error end it, */
        at_clear_error();
        ck_assert(!at_requires_grad(at_mul(w, 2)));
    }
    ck_assert(!at_backward(at_ones(1)) && at_error()); /* or begin it */
    at_clear_error();
    ck_assert(at_requires_grad(at_mul(w, 2)));
    ck_assert(!at_requires_grad(leaves_by_return(w)));
    ck_assert(at_requires_grad(at_mul(w, 2)));
}
END_TEST

START_TEST(a_graph_from_before_works_under_no_grad) {
    at_tensor *w = LEAF(4), *y = at_square(w);
    AT_NO_GRAD { ck_assert(at_backward(y)); }
    EXPECT(at_grad(w), 8);
}
END_TEST

START_TEST(detach_cuts_the_graph) {
    at_tensor *w = LEAF(3), *a = at_square(w);
    ck_assert(!at_requires_grad(at_detach(a)));
    ck_assert(at_backward(at_mul(at_detach(a), w))); /* 9 w */
    EXPECT(at_grad(w), 9);
}
END_TEST

START_TEST(a_frozen_leaf_gets_nothing) {
    at_tensor *w = LEAF(3), *frozen = LEAF(5), *y = at_mul(w, frozen);
    at_set_requires_grad(frozen, false);
    ck_assert(at_backward(y));
    EXPECT(at_grad(w), 5);
    ck_assert_ptr_null(at_grad(frozen));
    ck_assert(!at_requires_grad(at_square(frozen)));
}
END_TEST

START_TEST(nothing_is_left_where_all_leaves_are_frozen) {
    at_tensor *w = LEAF(3), *y = at_square(w);
    at_set_requires_grad(w, false);
    ck_assert(at_backward(y));
    ck_assert_ptr_null(at_grad(w));
    ck_assert_ptr_null(at_grad(y));
}
END_TEST

START_TEST(gradients_by_nothing) { ck_assert(at_gradients(at_square(LEAF(3)), NULL, 0, false, NULL)); }
END_TEST

/* More results than the list of a scope's tensors has room for. */
START_TEST(gradients_by_many) {
    enum { MANY = 30000 }; /* no other test has had so many */
    static at_tensor *x[MANY], *g[MANY];
    at_tensor *sum = at_scalar(0);
    for (int i = 0; i < MANY; i++) {
        x[i] = at_set_requires_grad(at_scalar(i), true);
        sum = at_add(sum, at_square(x[i]));
    }
    ck_assert(at_gradients(sum, x, MANY, false, g));
    for (int i = 0; i < MANY; i++) ck_assert_double_eq(at_item(g[i]), 2 * i);
}
END_TEST

/* ---- derivatives by chosen tensors ------------------------------------------------------------------------------- */

START_TEST(gradients_leaves_grad_alone) {
    at_tensor *w = LEAF(1, 2), *g;
    ck_assert(at_gradients(at_sum(at_square(w)), &w, 1, false, &g));
    EXPECT(g, 2, 4);
    ck_assert(!at_requires_grad(g));
    ck_assert_ptr_null(at_grad(w));
}
END_TEST

START_TEST(gradients_by_tensors_in_between) {
    at_tensor *w = LEAF(3), *a = at_mul(w, 2), *y = at_square(a);
    at_tensor *inputs[] = {a, w, y}, *g[3];
    ck_assert(at_gradients(y, inputs, 3, false, g));
    EXPECT(g[0], 12);
    EXPECT(g[1], 24);
    EXPECT(g[2], 1);
}
END_TEST

START_TEST(gradients_by_what_plays_no_part_are_zeros) {
    at_tensor *w = LEAF(3), *other = at_set_requires_grad(at_ones(2, 2), true);
    at_tensor *inputs[] = {other, w, at_square(w), w}, *g[4]; /* the square is not on the way; w twice is fine */
    ck_assert(at_gradients(at_mul(w, 5), inputs, 4, false, g));
    EXPECT(g[0], 0, 0, 0, 0);
    ck_assert_int_eq(at_ndim(g[0]), 2);
    ck_assert_int_eq(at_dtype_of(g[0]), AT_FLOAT32);
    EXPECT(g[1], 5);
    EXPECT(g[2], 0);
    EXPECT(g[3], 5);
}
END_TEST

START_TEST(results_belong_to_the_callers_scope) {
    at_tensor *w = LEAF(2), *g = NULL;
    AT_SCOPE {
        AT_SCOPE {
            ck_assert(at_gradients(at_square(w), &w, 1, false, &g));
            at_scope_return(g);
        }
        EXPECT(g, 4);
    }
}
END_TEST

/* ---- derivatives of derivatives ---------------------------------------------------------------------------------- */

/* dy/dx, which can be differentiated again. */
static at_tensor *derivative(at_tensor *y, at_tensor *x) {
    at_tensor *g = NULL;
    return at_gradients(at_sum(y), &x, 1, true, &g) ? g : NULL;
}

START_TEST(a_polynomial_to_the_fourth_order) {
    at_tensor *x = LEAF(2, -1), *y = at_pow(x, 4);
    y = derivative(y, x);
    EXPECT(y, 32, -4);
    y = derivative(y, x);
    EXPECT(y, 48, 12);
    y = derivative(y, x);
    EXPECT(y, 48, -24);
    y = derivative(y, x);
    EXPECT(y, 24, 24);
}
END_TEST

START_TEST(a_sine_to_the_third_order) {
    at_tensor *x = LEAF(0.7), *y = at_sin(x);
    y = derivative(y, x);
    EXPECT(y, cos(0.7));
    y = derivative(y, x);
    EXPECT(y, -sin(0.7));
    y = derivative(y, x);
    EXPECT(y, -cos(0.7));
}
END_TEST

START_TEST(mixed_derivatives) {
    at_tensor *x = LEAF(3), *y = LEAF(5), *z = at_mul(at_square(x), y);
    EXPECT(derivative(derivative(z, x), y), 6);
    EXPECT(derivative(derivative(z, y), x), 6);
    EXPECT(derivative(derivative(z, x), x), 10);
}
END_TEST

START_TEST(a_gradient_within_a_loss) {
    at_tensor *w = LEAF(1, 2), *penalty = at_sum(at_square(derivative(at_pow(w, 3), w))); /* sum of (3 w^2)^2 */
    ck_assert(at_backward(penalty));
    EXPECT(at_grad(w), 36 * 1, 36 * 8);
}
END_TEST

/* Rules of rules of rules: y = f(x)^3 for an f that takes element i of x n[i] times has the gradient 3 n x^2, whose
 * square has the second derivative 108 n^2 x^2. */
#define THIRD_ORDER(f, ...)                                                                                            \
    do {                                                                                                               \
        at_tensor *slope = derivative(at_pow(f, 3), x);                                                                \
        at_tensor *curvature = derivative(derivative(at_square(slope), x), x);                                         \
        EXPECT(at_div(curvature, at_mul(at_square(x), 108)), __VA_ARGS__);                                             \
    } while (0)

START_TEST(selections_to_the_third_order) {
    at_tensor *x = LEAF(1, 2, 3, 4, 5, 6), *rows = at_reshape(x, 2, 3);
    at_tensor *index = at_from_int64s(((int64_t[]){0, 2, 2, 0, 2}), 5), *mask = at_gt(x, 3);
    THIRD_ORDER(at_index_select(x, 0, index), 4, 0, 9, 0, 0, 0);
    THIRD_ORDER(at_gather(x, 0, index), 4, 0, 9, 0, 0, 0);
    THIRD_ORDER(at_masked_select(x, mask), 0, 0, 0, 1, 1, 1);
    THIRD_ORDER(at_where(mask, x, 0), 0, 0, 0, 1, 1, 1);
    THIRD_ORDER(at_slice(x, 0, 1, 6, 3), 0, 1, 0, 0, 1, 0);
    THIRD_ORDER(at_cat(1, rows, at_flip(rows, 0), at_slice(rows, 1, 0, 2, 1)), 9, 9, 4, 9, 9, 4);
    THIRD_ORDER(at_expand(at_permute(rows, 1, 0), 4, 3, 2), 16, 16, 16, 16, 16, 16);
    THIRD_ORDER(at_sort(x, 0, true, NULL), 1, 1, 1, 1, 1, 1);
    THIRD_ORDER(at_scatter_add(at_mul(at_zeros_like(x), x), 0, at_argsort(x, 0, true), x), 1, 1, 1, 1, 1, 1);
}
END_TEST

START_TEST(create_graph_records_under_no_grad_too) {
    at_tensor *w = LEAF(3), *y = at_pow(w, 3), *g = NULL;
    AT_NO_GRAD {
        ck_assert(at_gradients(y, &w, 1, true, &g));
        ck_assert(!at_requires_grad(at_square(w))); /* and what comes after is as before */
    }
    EXPECT(derivative(g, w), 18);
    EXPECT_ERROR(at_gradients(at_ones(1), &w, 1, true, &g), AT_ERROR_STATE, "does not depend");
    ck_assert(at_requires_grad(at_square(w)));
}
END_TEST

/* ---- wrong calls ------------------------------------------------------------------------------------------------- */

START_TEST(backward_starts_from_one_element) {
    at_tensor *w = at_set_requires_grad(at_ones(2, 3), true), *g;
    EXPECT_ERROR(at_backward(at_mul(w, 2)), AT_ERROR_SHAPE, "backward: float32 (2, 3): want one element");
    EXPECT_ERROR(at_gradients(at_mul(w, 2), &w, 1, false, &g), AT_ERROR_SHAPE, "gradients: float32 (2, 3)");
    ck_assert_ptr_null(at_grad(w));
    ck_assert(at_backward(at_mean(w)) && at_backward(at_reshape(at_mean(w), 1, 1))); /* one element is enough */
}
END_TEST

START_TEST(backward_needs_a_graph) {
    at_tensor *x = at_ones(1), *w = LEAF(1), *y = NULL, *g;
    AT_NO_GRAD { y = at_square(w); }
    EXPECT_ERROR(at_backward(x), AT_ERROR_STATE, "backward: float32 (1) does not depend on anything");
    EXPECT_ERROR(at_backward(y), AT_ERROR_STATE, "backward: float64 (1) does not depend on anything");
    EXPECT_ERROR(at_backward(at_sum(at_to(w, AT_INT64))), AT_ERROR_STATE, "backward: int64 ()");
    EXPECT_ERROR(at_gradients(x, &w, 1, false, &g), AT_ERROR_STATE, "gradients: float32 (1) does not depend");
    EXPECT_ERROR(at_backward(NULL), AT_ERROR_VALUE, "backward");
}
END_TEST

START_TEST(the_gradient_to_start_from_is_like_the_result) {
    at_tensor *w = at_set_requires_grad(at_ones(2, 3), true), *y = at_mul(w, 2);
    EXPECT_ERROR(at_backward_with(y, at_ones(3, 2)), AT_ERROR_SHAPE,
                 "grad_output is float32 (3, 2) and t float32 (2, 3)");
    EXPECT_ERROR(at_backward_with(y, at_ones(3)), AT_ERROR_SHAPE, "grad_output is float32 (3)"); /* not broadcast */
    EXPECT_ERROR(at_backward_with(y, at_to(at_ones(2, 3), AT_FLOAT64)), AT_ERROR_DTYPE,
                 "grad_output is float64 (2, 3)");
    EXPECT_ERROR(at_backward_with(y, NULL), AT_ERROR_VALUE, "grad_output is NULL");
    ck_assert_ptr_null(at_grad(w));
}
END_TEST

START_TEST(only_floating_point_leaves_take_gradients) {
    at_tensor *w = LEAF(1, 2), *y = at_square(w);
    EXPECT_ERROR(at_set_requires_grad(at_randint(0, 9, 4), true), AT_ERROR_DTYPE, "set_requires_grad: int64 (4)");
    EXPECT_ERROR(at_set_requires_grad(at_gt(w, 0), true), AT_ERROR_DTYPE, "set_requires_grad: bool (2)");
    EXPECT_ERROR(at_set_requires_grad(y, false), AT_ERROR_STATE, "float64 (2) is the result of square");
    EXPECT_ERROR(at_set_requires_grad(NULL, true), AT_ERROR_VALUE, "set_requires_grad");
    ck_assert(at_set_requires_grad(at_randint(0, 9, 4), false)); /* nothing to do */
    ck_assert(at_set_requires_grad(at_detach(y), true));
}
END_TEST

START_TEST(gradients_are_by_what_requires_them) {
    at_tensor *w = LEAF(1), *x = at_ones(1), *y = at_mul(w, 2), *g, *nothing = NULL;
    EXPECT_ERROR(at_gradients(y, &x, 1, false, &g), AT_ERROR_STATE,
                 "input 0, float32 (1), does not require a gradient");
    EXPECT_ERROR(at_gradients(y, &nothing, 1, false, &g), AT_ERROR_VALUE, "NULL");
    EXPECT_ERROR(at_gradients(y, NULL, 1, false, &g), AT_ERROR_VALUE, "inputs is NULL");
    EXPECT_ERROR(at_gradients(y, &w, 1, false, NULL), AT_ERROR_VALUE, "grads is NULL");
    at_set_requires_grad(w, false);
    EXPECT_ERROR(at_gradients(y, &w, 1, false, &g), AT_ERROR_STATE,
                 "input 0, float64 (1), does not require a gradient");
}
END_TEST

/* A slice of 2^58 elements that are one: its gradient by them would not fit into any memory. */
static at_tensor *too_large_to_differentiate(at_tensor *w) {
    return at_sum(at_slice(at_expand(w, INT64_C(1) << 58), 0, 0, 1, 1));
}

START_TEST(a_failed_backward_changes_no_gradient) {
    at_tensor *a = LEAF(1), *b = LEAF(2), *c = LEAF(3), *g = NULL;
    ck_assert(at_backward(at_mul(a, b)));
    at_tensor *y = at_add(at_mul(a, c), too_large_to_differentiate(b));
    EXPECT_ERROR(at_backward(y), AT_ERROR_MEMORY, "out of memory");
    EXPECT(at_grad(a), 2);
    EXPECT(at_grad(b), 1);
    ck_assert_ptr_null(at_grad(c));
    EXPECT_ERROR(at_gradients(y, &b, 1, false, &g), AT_ERROR_MEMORY, "out of memory");
    ck_assert_ptr_null(g);

    ck_assert_ptr_null(at_reshape(a, 5)); /* while an earlier error is kept, a later one is still a failure */
    ck_assert(!at_backward(y));
    EXPECT_ERROR(false, AT_ERROR_SHAPE, "reshape");
    EXPECT(at_grad(a), 2);

    ck_assert(at_backward(at_mul(a, c))); /* and all goes on */
    EXPECT(at_grad(a), 5);
    EXPECT(at_grad(c), 1);
}
END_TEST

/* ---- writing to elements ----------------------------------------------------------------------------------------- */

START_TEST(backward_sees_the_values_of_the_time_of_recording) {
    at_tensor *w = LEAF(2, 3), *square = at_square(w), *pending = at_exp(at_mul(w, at_ones(20, 1)));
    at_doubles_mut(w)[0] = 100;
    EXPECT(w, 100, 3);
    EXPECT(square, 4, 9);
    ck_assert_double_eq_tol(at_get(pending, 19, 0), exp(2), 1e-12);
    ck_assert(at_backward(at_sum(square)));
    EXPECT(at_grad(w), 4, 6);
    at_zero_grad(w);
    ck_assert(at_backward(at_sum(at_square(w)))); /* what is recorded from now on sees the new one */
    EXPECT(at_grad(w), 200, 6);
}
END_TEST

START_TEST(detached_tensors_do_not_share_what_is_written) {
    at_tensor *w = LEAF(1, 2), *copy = at_detach(w), *row = at_slice(copy, 0, 1, 2, 1);
    at_doubles_mut(w)[1] = 50;
    EXPECT(copy, 1, 2);
    at_doubles_mut(copy)[1] = 60;
    EXPECT(w, 1, 50);
    EXPECT(row, 2);
}
END_TEST

START_TEST(only_leaves_are_written_to) {
    at_tensor *w = LEAF(1, 2), *single = at_set_requires_grad(at_ones(2), true);
    EXPECT_ERROR(at_doubles_mut(at_mul(w, 2)), AT_ERROR_STATE, "doubles_mut: float64 (2) is the result of a recorded");
    EXPECT_ERROR(at_floats_mut(at_mul(single, 2)), AT_ERROR_STATE,
                 "floats_mut: float32 (2) is the result of a recorded");
    ck_assert_ptr_nonnull(at_doubles_mut(at_detach(at_mul(w, 2))));
}
END_TEST

START_TEST(gradients_are_tensors_of_their_own) {
    at_tensor *a = LEAF(1, 2), *b = LEAF(3, 4), *start = at_from_doubles(((double[]){1, 1}), 2);
    ck_assert(at_backward_with(at_add(a, b), start)); /* the same numbers for both leaves, */
    at_doubles_mut(at_grad(a))[0] = 99;               /* but clipping one gradient */
    EXPECT(at_grad(a), 99, 1);
    EXPECT(at_grad(b), 1, 1); /* is not clipping the other */
    EXPECT(start, 1, 1);
    at_doubles_mut(start)[1] = 77;
    EXPECT(at_grad(b), 1, 1);

    at_tensor *inputs[] = {a, b, a}, *g[3];
    ck_assert(at_gradients(at_sum(at_add(a, b)), inputs, 3, false, g));
    at_doubles_mut(g[0])[0] = 99;
    EXPECT(g[1], 1, 1);
    EXPECT(g[2], 1, 1);
}
END_TEST

START_TEST(a_gradient_outlives_its_graph) {
    at_tensor *w = LEAF(1, 2), *g = NULL;
    int64_t tensors = 0;
    AT_SCOPE {
        ck_assert(at_backward(at_sum(at_exp(at_sin(w)))));
        at_assign(&g, at_grad(w));
        tensors = at_live_tensors();
    }
    ck_assert_int_lt(at_live_tensors(), tensors); /* the graph is gone */
    at_zero_grad(w);
    EXPECT(g, exp(sin(1)) * cos(1), exp(sin(2)) * cos(2));
    at_release(g);
}
END_TEST

/* ---- graphs of any depth and width ------------------------------------------------------------------------------- */

enum { DEPTH = 200000, SMALL_STACK = 256 << 10 };

/* Within 256 KiB of stack, so that nothing here can be recursive. Only the graph holds what is in between. */
static void *differentiate_a_long_chain(void *context) {
    at_tensor *w = at_set_requires_grad(at_ones(20), true), *y = NULL, *g = NULL;
    at_assign(&y, w);
    for (int i = 0; i < DEPTH; i++)
        AT_SCOPE
            at_assign(&y, at_add(y, 1));
    bool *good = context;
    *good = at_backward(at_sum(y)) && at_get(at_grad(w), 19) == 1 && at_get(y, 19) == 1 + DEPTH;
    AT_SCOPE { *good = *good && at_gradients(at_sum(at_mul(y, y)), &w, 1, true, &g) && at_requires_grad(g); }
    at_release(y);
    return NULL;
}

START_TEST(a_chain_of_200000_operations) {
    pthread_attr_t attributes;
    pthread_t thread;
    bool good = false;
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, differentiate_a_long_chain, &good), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    ck_assert(good);
}
END_TEST

START_TEST(an_operation_of_a_thousand_inputs) {
    enum { N = 1000 };
    static at_tensor *parts[N];
    at_tensor *w = LEAF(2, 3);
    for (int i = 0; i < N; i++) parts[i] = i % 2 ? at_mul(w, i) : w;
    ck_assert(at_backward(at_sum(at_cat_list(0, parts, N))));
    EXPECT(at_grad(w), 500 + 250000, 500 + 250000); /* 1 + 3 + ... + 999 is 500^2 */
}
END_TEST

/* ---- at the edges, as PyTorch ------------------------------------------------------------------------------------ */

/* The derivative of sum(y) by x; by(x, WEIGHTED(y, 1, 2)) tells y's elements apart. */
static at_tensor *by(at_tensor *x, at_tensor *y) {
    at_tensor *g = NULL;
    return at_gradients(at_sum(y), &x, 1, false, &g) ? g : NULL;
}

static at_tensor *weighted(at_tensor *y, int n, const double *weights) {
    at_tensor *w = at_reshape(at_from_doubles(weights, n), -1, at_size(y, -1));
    return at_mul(y, at_ndim(y) == 1 ? at_flatten(w) : w);
}
#define WEIGHTED(y, ...)                                                                                               \
    weighted(y, (int)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), (const double[]){__VA_ARGS__})

START_TEST(powers_by_the_base) {
    at_tensor *x = LEAF(0, -2, 2);
    EXPECT(at_pow(x, 0), 1, 1, 1);
    EXPECT(by(x, at_pow(x, 0)), 0, 0, 0);
    EXPECT(by(x, at_pow(x, 0.5)), INFINITY, NAN, 0.35355339059327373);
    EXPECT(by(x, at_pow(x, 1)), 1, 1, 1);
    EXPECT(by(x, at_pow(x, 1.5)), 0, NAN, 2.121320343559643);
    EXPECT(by(x, at_pow(x, 2)), 0, -4, 4);
    EXPECT(by(x, at_pow(x, 3)), 0, 12, 12);
    EXPECT(by(x, at_pow(x, -1)), -INFINITY, -0.25, -0.25);

    at_tensor *base = LEAF(0, 0, 0, 0, -2, -2, -2), *exponent = LEAF(0, 1, 2, -1, 2, 0, 0.5);
    EXPECT(at_pow(base, exponent), 1, 0, 0, INFINITY, 4, 1, NAN);
    EXPECT(by(base, at_pow(base, exponent)), 0, 1, 0, -INFINITY, -4, 0, NAN);
}
END_TEST

START_TEST(powers_by_the_exponent) {
    at_tensor *base = LEAF(0, 0, 0, 0, -2, -2, 2), *exponent = LEAF(0, 1, 2, -1, 2, 0, -1);
    EXPECT(by(exponent, at_pow(base, exponent)), 0, 0, 0, -INFINITY, NAN, NAN, 0.34657359027997264);
    EXPECT(by(exponent, at_pow(0, exponent)), 0, 0, 0, -INFINITY, 0, 0, -INFINITY);
}
END_TEST

START_TEST(poles_and_the_ends_of_domains) {
    at_tensor *x = LEAF(0, -1, INFINITY);
    EXPECT(at_sqrt(x), 0, NAN, INFINITY);
    EXPECT(by(x, at_sqrt(x)), INFINITY, NAN, 0);
    EXPECT(by(x, at_rsqrt(x)), -INFINITY, NAN, 0);
    EXPECT(by(x, at_reciprocal(x)), -INFINITY, -1, 0);
    EXPECT(at_log(x), -INFINITY, NAN, INFINITY);
    EXPECT(by(x, at_log(x)), INFINITY, -1, 0); /* 1 / x, also where there is no logarithm */
    EXPECT(by(x, at_log1p(x)), 1, INFINITY, 0);
    EXPECT(by(x, at_exp(x)), 1, exp(-1), INFINITY);
}
END_TEST

START_TEST(kinks_of_one_operand) {
    at_tensor *x = LEAF(0, -1, 1, NAN, INFINITY, -INFINITY);
    EXPECT(by(x, at_abs(x)), 0, -1, 1, 0, 1, -1);
    EXPECT(by(x, at_sign(x)), 0, 0, 0, 0, 0, 0);
    EXPECT(by(x, at_floor(x)), 0, 0, 0, 0, 0, 0);
    EXPECT(by(x, at_relu(x)), 0, 0, 1, 1, 1, 0);
    EXPECT(by(x, at_leaky_relu(x, 0.1)), 0.1, 0.1, 1, 0.1, 1, 0.1);
    EXPECT(at_clamp(x, -1, 1), 0, -1, 1, NAN, 1, -1);
    EXPECT(by(x, at_clamp(x, -1, 1)), 1, 1, 1, 0, 0, 0); /* the bounds belong to the inside */
    EXPECT(by(x, at_clamp(x, 1, -1)), 0, 0, 0, 0, 0, 0);
}
END_TEST

START_TEST(saturation) {
    at_tensor *x = LEAF(0, 25, -800, INFINITY, -INFINITY);
    EXPECT(by(x, at_sigmoid(x)), 0.25, 1.3888001859448131e-11, 0, 0, 0);
    EXPECT(by(x, at_tanh(x)), 1, 0, 0, 0, 0);
    EXPECT(at_softplus(x), 0.6931471805599453, 25, 0, INFINITY, 0);
    EXPECT(by(x, at_softplus(x)), 0.5, 1, 0, 1, 0);
    EXPECT(by(x, at_silu(x)), 0.5, 1.000000000333312, 0, NAN, NAN);
    EXPECT(by(x, at_gelu(x)), 0.5, 1, 0, NAN, NAN);
}
END_TEST

START_TEST(equal_operands_of_maximum_share) {
    at_tensor *a = LEAF(1, 1, 2, NAN, 1), *b = LEAF(1, 2, 1, 1, NAN);
    EXPECT(at_maximum(a, b), 1, 2, 2, NAN, NAN);
    EXPECT(by(a, at_maximum(a, b)), 0.5, 0, 1, 1, 1);
    EXPECT(by(b, at_maximum(a, b)), 0.5, 1, 0, 1, 1);
    EXPECT(by(a, at_minimum(a, b)), 0.5, 1, 0, 1, 1);
    EXPECT(by(b, at_minimum(a, b)), 0.5, 0, 1, 1, 1);
}
END_TEST

START_TEST(all_largest_elements_share) {
    at_tensor *x = LEAF(3, 1, 3, 3, 0), *with_nan = LEAF(3, NAN, NAN, 1);
    EXPECT(by(x, at_max(x)), 1.0 / 3, 0, 1.0 / 3, 1.0 / 3, 0);
    EXPECT(by(x, at_min(x)), 0, 0, 0, 0, 1);
    EXPECT(at_max(with_nan), NAN);
    EXPECT(by(with_nan, at_max(with_nan)), 0, 0.5, 0.5, 0);
}
END_TEST

START_TEST(along_a_dimension_the_first_of_equals_is_taken) {
    at_tensor *x = LEAF(3, 1, 3, 2, 2, 1, NAN, 1, NAN), *rows = at_reshape(x, 3, 3), *which;
    at_tensor *y = at_max_dim(rows, 1, false, &which);
    EXPECT(y, 3, 2, NAN);
    EXPECT(which, 0, 0, 0);
    EXPECT(by(x, y), 1, 0, 0, 1, 0, 0, 1, 0, 0);
    EXPECT(by(x, at_min_dim(rows, 1, false, &which)), 0, 1, 0, 0, 0, 1, 1, 0, 0);
    EXPECT(which, 1, 2, 0);
}
END_TEST

START_TEST(products_with_zeros) {
    at_tensor *one = LEAF(2, 0, 3), *two = LEAF(0, 0, 3), *three = LEAF(0, 0, 0);
    EXPECT(by(one, at_prod(one)), 0, 6, 0);
    EXPECT(by(two, at_prod(two)), 0, 0, 0);
    EXPECT(by(three, at_prod(three)), 0, 0, 0);
    at_tensor *rows = LEAF(2, 0, 3, 0, 0, 4, 1, 2, 3);
    EXPECT(by(rows, at_prod_dim(at_reshape(rows, 3, 3), 1, false)), 0, 6, 0, 0, 0, 0, 6, 3, 2);

    /* A row of second derivatives each: of x0 x1 x2 by x1 and another. (PyTorch 1.13 has 0 for two zeros.) */
    EXPECT(by(one, at_slice(derivative(at_prod(one), one), 0, 1, 2, 1)), 3, 0, 2);
    EXPECT(by(two, at_slice(derivative(at_prod(two), two), 0, 1, 2, 1)), 3, 0, 0);
    EXPECT(by(three, derivative(at_prod(three), three)), 0, 0, 0);
}
END_TEST

START_TEST(a_norm_of_zero) {
    at_tensor *zero = LEAF(0, 0), *x = LEAF(3, 4);
    EXPECT(by(zero, at_norm(zero)), 0, 0);
    EXPECT(by(x, at_norm(x)), 0.6, 0.8);
    EXPECT(by(x, derivative(at_norm(x), x)), 0.032, -0.024);
}
END_TEST

START_TEST(deviations_of_one_or_of_equals) {
    at_tensor *one = LEAF(3), *equal = LEAF(2, 2, 2), *rows = LEAF(1, 1, 1, 2);
    EXPECT(at_std(one), NAN);
    EXPECT(by(one, at_std(one)), NAN);
    EXPECT(by(one, at_var(one)), NAN);
    EXPECT(by(equal, at_std(equal)), 0, 0, 0);
    EXPECT(by(rows, at_std_dim(at_reshape(rows, 2, 2), 1, false)), 0, 0, -0.7071067811865475, 0.7071067811865475);
}
END_TEST

START_TEST(softmax_of_huge_and_infinite_numbers) {
    at_tensor *x = LEAF(1000, 0, -INFINITY, 0, -INFINITY, -INFINITY), *rows = at_reshape(x, 3, 2);
    EXPECT(at_softmax(rows, 1), 1, 0, 0, 1, NAN, NAN);
    EXPECT(by(x, WEIGHTED(at_softmax(rows, 1), 1, 2, 1, 2, 1, 2)), 0, 0, 0, 0, NAN, NAN);
    EXPECT(at_log_softmax(rows, 1), 0, -1000, -INFINITY, 0, NAN, NAN);
    EXPECT(by(x, WEIGHTED(at_log_softmax(rows, 1), 1, 2, 1, 2, 1, 2)), -2, 2, 1, -1, NAN, NAN);
    EXPECT(at_logsumexp_dim(rows, 1, false), 1000, 0, -INFINITY);
    EXPECT(by(x, at_logsumexp_dim(rows, 1, false)), 1, 0, 0, 1, NAN, NAN);
}
END_TEST

START_TEST(what_is_not_chosen_gets_no_gradient) {
    at_tensor *x = LEAF(1, -1, INFINITY, NAN), *bad = at_logical_or(at_ne(x, x), at_gt(x, 1e300));
    EXPECT(by(x, at_where(at_gt(x, 0), at_mul(x, 2), NAN)), 2, 0, 2, 0);
    EXPECT(at_masked_fill(x, bad, 0), 1, -1, 0, 0);
    EXPECT(by(x, at_square(at_masked_fill(x, bad, 0))), 2, -2, 0, 0); /* inf and NaN are hidden */

    at_tensor *z = LEAF(1, 0, 2); /* but what is computed before a choice must have a derivative: 0 * inf is NaN */
    EXPECT(by(z, at_where(at_gt(z, 0), at_log(z), 0)), 1, NAN, 0.5);
    EXPECT(by(z, at_log(at_where(at_gt(z, 0), z, 1))), 1, 0, 0.5);
}
END_TEST

START_TEST(reductions_of_nothing) {
    at_tensor *nothing = at_set_requires_grad(at_zeros(0), true);
    EXPECT(at_sum(nothing), 0);
    EXPECT(at_mean(nothing), NAN);
    EXPECT(at_prod(nothing), 1);
    ck_assert(at_backward(at_sum(nothing)) && at_backward(at_mean(nothing)) && at_backward(at_prod(nothing)));
    ck_assert_int_eq(at_numel(at_grad(nothing)), 0);
    EXPECT_ERROR(at_max(nothing), AT_ERROR_SHAPE, "max: float32 (0)");
}
END_TEST

START_TEST(sorting_with_nan_and_equals) {
    at_tensor *x = LEAF(2, NAN, 1, NAN), *equal = LEAF(2, 1, 2, 1);
    EXPECT(at_sort(x, 0, false, NULL), 1, 2, NAN, NAN);
    EXPECT(by(x, WEIGHTED(at_sort(x, 0, false, NULL), 1, 2, 3, 4)), 2, 3, 1, 4);
    EXPECT(by(x, WEIGHTED(at_sort(x, 0, true, NULL), 1, 2, 3, 4)), 3, 1, 4, 2);
    EXPECT(by(equal, WEIGHTED(at_sort(equal, 0, false, NULL), 1, 2, 3, 4)), 3, 1, 4, 2); /* equals keep their order */
    EXPECT(by(equal, WEIGHTED(at_sort(equal, 0, true, NULL), 1, 2, 3, 4)), 1, 3, 2, 4);
}
END_TEST

START_TEST(elements_taken_several_times) {
    at_tensor *x = LEAF(1, 2, 3), *index = at_from_int64s(((int64_t[]){0, 2, 2, 0, 2}), 5);
    EXPECT(by(x, WEIGHTED(at_index_select(x, 0, index), 1, 2, 3, 4, 5)), 5, 0, 10);
    EXPECT(by(x, WEIGHTED(at_gather(x, 0, index), 1, 2, 3, 4, 5)), 5, 0, 10);
    EXPECT(by(x, at_expand(x, 4, 3)), 4, 4, 4);
    EXPECT(by(x, at_repeat(x, 2, 2)), 4, 4, 4);
    EXPECT(by(x, WEIGHTED(at_repeat_interleave(x, 2), 1, 2, 3, 4, 5, 6)), 3, 7, 11);
}
END_TEST

START_TEST(a_source_of_which_nothing_is_added) {
    at_tensor *x = LEAF(1, 2), *src = LEAF(3, 4), *none = at_to(at_zeros(0), AT_INT64);
    EXPECT(by(src, at_scatter_add(x, 0, none, src)), 0, 0);
    EXPECT(by(x, at_scatter_add(x, 0, none, src)), 1, 1);
}
END_TEST

START_TEST(an_empty_vector_joins_and_gets_nothing) {
    at_tensor *nothing = at_set_requires_grad(at_zeros(0), true), *x = LEAF(1, 2), *y = LEAF(3);
    at_tensor *joined = at_cat(0, x, nothing, y);
    EXPECT(by(x, WEIGHTED(joined, 10, 20, 30)), 10, 20);
    EXPECT(by(y, WEIGHTED(joined, 10, 20, 30)), 30);
}
END_TEST

/* ---- windows ----------------------------------------------------------------------------------------------------- */

/* Windows that overlap, have gaps, and lie along each dimension, and x as a whole before, between or after them. */
static at_tensor *sum_of_windows(at_tensor *x, int whole) {
    at_tensor *total = at_scalar(0);
    for (int i = 0; i < 12; i++) {
        at_tensor *part = at_slice(x, i % 3, i % 2, i % 2 + 1 + i % 4, 1 + i % 2);
        if (i == whole) total = at_add(total, at_sum(at_mul(x, at_sin(x))));
        total = at_add(total, at_sum(at_mul(at_exp(part), 0.1 * (i + 1))));
    }
    return at_add(total, at_sum(at_select(x, -1, 2)));
}

START_TEST(gradients_of_windows_add_up) {
    for (int whole = 0; whole < 13; whole++) { /* 12: never */
        at_tensor *x = at_set_requires_grad(at_to(at_randn(5, 4, 300), AT_FLOAT64), true), *expected;
        at_tensor *y = at_add(x, 1); /* a node in between, and a leaf */
        at_tensor *total = at_add(sum_of_windows(x, whole), sum_of_windows(y, 12 - whole));
        ck_assert(at_gradients(total, &x, 1, true, &expected)); /* recorded, and so with zeros around each */
        ck_assert(at_backward(total));
        ck_assert(at_allclose(at_grad(x), expected, 1e-14, 1e-14));
    }
}
END_TEST

START_TEST(a_gradient_that_is_held_is_not_added_to) {
    at_tensor *x = LEAF(1, 2, 3, 4), *y = at_mul(x, 1), *g = at_from_doubles(((double[]){1, 1, 1, 1}), 4);
    at_tensor *z = at_add(y, at_cat(0, at_slice(y, 0, 0, 2, 1), at_slice(y, 0, 2, 4, 1)));
    ck_assert(at_backward_with(z, g)); /* y's gradient begins as g itself */
    EXPECT(g, 1, 1, 1, 1);
    EXPECT(at_grad(x), 2, 2, 2, 2);
}
END_TEST

/* ---- the suite --------------------------------------------------------------------------------------------------- */

static TCase *chapter(Suite *suite, const char *name) {
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, support_begin, support_end);
    suite_add_tcase(suite, tests);
    return tests;
}

Suite *autograd_suite(void);
/* ---- walks that meet each other ---------------------------------------------------------------------------------- */

static at_tensor *walked_again; /* a result of the graph that is being walked */
static double inner_gradient;

static at_tensor *walk_again(at_tensor *gradient, void *leaf) {
    at_tensor *inputs[] = {leaf}, *again = walked_again, *inner;
    if (!again) return NULL; /* called by the inner walk */
    walked_again = NULL;
    if (at_gradients(again, inputs, 1, false, &inner)) inner_gradient = at_item(inner);
    walked_again = again;
    return at_mul(gradient, 2);
}

START_TEST(a_hook_walks_over_the_graph_it_is_called_in) {
    at_tensor *x = at_set_requires_grad(at_scalar(1.5), true), *y = x;
    for (int i = 0; i < 100; i++) y = at_mul(y, at_sub(2.5, x)); /* x (2.5 - x)^100: 1 - 100 x at 1.5 */
    walked_again = y;
    ck_assert(at_register_hook(y, walk_again, x));
    for (int turn = 0; turn < 2; turn++) {
        at_zero_grad(x);
        inner_gradient = 0;
        ck_assert(at_backward(y));
        ck_assert_double_eq(inner_gradient, -149);
        ck_assert_double_eq(at_item(at_grad(x)), -298);
    }
}
END_TEST

static at_tensor *shared_leaf, *shared_result;

static void *walk_shared_graph(void *wrong) {
    for (int i = 0; i < 200; i++)
        AT_SCOPE {
            at_tensor *inputs[] = {shared_leaf}, *g;
            bool good = at_gradients(shared_result, inputs, 1, i % 2, &g);
            if (!good || at_item(g) != -149) ++*(int *)wrong;
        }
    return NULL;
}

START_TEST(threads_walk_over_one_graph) {
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    int wrong[THREADS] = {0};
    at_tensor *x = at_set_requires_grad(at_scalar(1.5), true), *y = x;
    for (int i = 0; i < 100; i++) y = at_mul(y, at_sub(2.5, x));
    shared_leaf = x;
    shared_result = y;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, walk_shared_graph, &wrong[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        ck_assert_int_eq(wrong[i], 0);
    }
}
END_TEST

/* ---- numbers that are computed in their place -------------------------------------------------------------------- */

static at_tensor *first_seen;

static at_tensor *keep_gradient(at_tensor *gradient, void *context) {
    (void)context;
    at_assign(&first_seen, gradient);
    return NULL;
}

/* A sum of contributions grows in its place only while nobody else sees it. */
START_TEST(gradients_that_are_held_do_not_change) {
    at_tensor *x = at_set_requires_grad(at_scalar(3), true);
    at_tensor *y = at_add(at_mul(x, x), x), *own = at_scalar(1);
    ck_assert(at_register_hook(y, keep_gradient, NULL));
    for (int turn = 1; turn <= 3; turn++) {
        ck_assert(at_backward_with(y, own));
        ck_assert_double_eq(at_item(at_grad(x)), 7 * turn);
        ck_assert_double_eq(at_item(own), 1);
        ck_assert_double_eq(at_item(first_seen), 1);
    }
    at_tensor *before = at_grad(x);
    ck_assert(at_backward(y));
    ck_assert_double_eq(at_item(before), 21);
    ck_assert_double_eq(at_item(at_grad(x)), 28);
    at_assign(&first_seen, NULL);
}
END_TEST

START_TEST(views_of_small_tensors_keep_what_was_there) {
    at_tensor *x = at_from_floats((float[]){1, 2, 3}, 3), *row = at_reshape(x, 1, 3), *last = at_select(x, 0, 2);
    at_tensor *number = at_scalar(5), *wide = at_expand(number, 2, 2);
    at_floats_mut(x)[2] = 7;
    at_floats_mut(number)[0] = 8;
    at_floats_mut(row)[0] = 9;
    ck_assert_double_eq(at_item(last), 3);
    ck_assert_double_eq(at_get(row, 0, 2), 3);
    ck_assert_double_eq(at_get(x, 0), 1);
    ck_assert_double_eq(at_get(x, 2), 7);
    ck_assert_double_eq(at_get(wide, 1, 1), 5);
}
END_TEST

/* Rules are given a leaf as it was when each operation was recorded. */
START_TEST(a_leaf_with_several_values_in_one_graph) {
    at_tensor *x = at_set_requires_grad(at_scalar(2), true), *y = at_square(x);
    at_floats_mut(x)[0] = 5;
    y = at_add(y, at_square(x));
    at_floats_mut(x)[0] = 100;
    ck_assert(at_backward(y));
    ck_assert_double_eq(at_item(at_grad(x)), 2 * 2 + 2 * 5);
}
END_TEST

Suite *autograd_suite(void) {
    Suite *suite = suite_create("autograd");
    TCase *tests = chapter(suite, "leaves");
    tcase_add_test(tests, operations_on_a_leaf_are_recorded);
    tcase_add_test(tests, backward_puts_derivatives_into_leaves);
    tcase_add_test(tests, gradients_add_up_until_zeroed);
    tcase_add_test(tests, a_graph_can_be_walked_twice);
    tcase_add_test(tests, several_paths_to_a_leaf_add_up);
    tcase_add_test(tests, a_value_used_ten_thousand_times);
    tcase_add_test(tests, backward_with_a_gradient_to_start_from);
    tcase_add_test(tests, a_leaf_is_its_own_derivative);
    tcase_add_test(tests, gradients_have_the_dtype_of_their_leaf);
    tests = chapter(suite, "unrecorded");
    tcase_add_test(tests, nothing_is_recorded_under_no_grad);
    tcase_add_test(tests, a_graph_from_before_works_under_no_grad);
    tcase_add_test(tests, detach_cuts_the_graph);
    tcase_add_test(tests, a_frozen_leaf_gets_nothing);
    tcase_add_test(tests, nothing_is_left_where_all_leaves_are_frozen);
    tcase_add_test(tests, gradients_by_nothing);
    tcase_add_test(tests, gradients_by_many);
    tests = chapter(suite, "gradients");
    tcase_add_test(tests, gradients_leaves_grad_alone);
    tcase_add_test(tests, gradients_by_tensors_in_between);
    tcase_add_test(tests, gradients_by_what_plays_no_part_are_zeros);
    tcase_add_test(tests, results_belong_to_the_callers_scope);
    tests = chapter(suite, "higher orders");
    tcase_add_test(tests, a_polynomial_to_the_fourth_order);
    tcase_add_test(tests, a_sine_to_the_third_order);
    tcase_add_test(tests, mixed_derivatives);
    tcase_add_test(tests, a_gradient_within_a_loss);
    tcase_add_test(tests, selections_to_the_third_order);
    tcase_add_test(tests, create_graph_records_under_no_grad_too);
    tests = chapter(suite, "errors");
    tcase_add_test(tests, backward_starts_from_one_element);
    tcase_add_test(tests, backward_needs_a_graph);
    tcase_add_test(tests, the_gradient_to_start_from_is_like_the_result);
    tcase_add_test(tests, only_floating_point_leaves_take_gradients);
    tcase_add_test(tests, gradients_are_by_what_requires_them);
    tcase_add_test(tests, a_failed_backward_changes_no_gradient);
    tests = chapter(suite, "writing");
    tcase_add_test(tests, backward_sees_the_values_of_the_time_of_recording);
    tcase_add_test(tests, detached_tensors_do_not_share_what_is_written);
    tcase_add_test(tests, only_leaves_are_written_to);
    tcase_add_test(tests, gradients_are_tensors_of_their_own);
    tcase_add_test(tests, a_gradient_outlives_its_graph);
    tests = chapter(suite, "depth");
    tcase_add_test(tests, a_chain_of_200000_operations);
    tcase_add_test(tests, an_operation_of_a_thousand_inputs);
    tests = chapter(suite, "walks that meet each other");
    tcase_add_test(tests, a_hook_walks_over_the_graph_it_is_called_in);
    tcase_add_test(tests, threads_walk_over_one_graph);
    tests = chapter(suite, "numbers in their place");
    tcase_add_test(tests, gradients_that_are_held_do_not_change);
    tcase_add_test(tests, views_of_small_tensors_keep_what_was_there);
    tcase_add_test(tests, a_leaf_with_several_values_in_one_graph);
    tests = chapter(suite, "windows");
    tcase_add_test(tests, gradients_of_windows_add_up);
    tcase_add_test(tests, a_gradient_that_is_held_is_not_added_to);
    tests = chapter(suite, "edges");
    tcase_add_test(tests, powers_by_the_base);
    tcase_add_test(tests, powers_by_the_exponent);
    tcase_add_test(tests, poles_and_the_ends_of_domains);
    tcase_add_test(tests, kinks_of_one_operand);
    tcase_add_test(tests, saturation);
    tcase_add_test(tests, equal_operands_of_maximum_share);
    tcase_add_test(tests, all_largest_elements_share);
    tcase_add_test(tests, along_a_dimension_the_first_of_equals_is_taken);
    tcase_add_test(tests, products_with_zeros);
    tcase_add_test(tests, a_norm_of_zero);
    tcase_add_test(tests, deviations_of_one_or_of_equals);
    tcase_add_test(tests, softmax_of_huge_and_infinite_numbers);
    tcase_add_test(tests, what_is_not_chosen_gets_no_gradient);
    tcase_add_test(tests, reductions_of_nothing);
    tcase_add_test(tests, sorting_with_nan_and_equals);
    tcase_add_test(tests, elements_taken_several_times);
    tcase_add_test(tests, a_source_of_which_nothing_is_added);
    tcase_add_test(tests, an_empty_vector_joins_and_gets_nothing);
    return suite;
}
