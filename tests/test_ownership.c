/* tests/test_ownership.c - who holds a tensor, and until when. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>

#include "core_support.h"

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

BALANCED_TEST(a_scope_closes_at_its_end) {
    int64_t before = at_live_tensors();
    AT_SCOPE {
        ck_assert_ptr_nonnull(at_add(at_ones(100), at_zeros(100)));
        ck_assert_int_gt(at_live_tensors(), before);
    }
    ck_assert_int_eq(at_live_tensors(), before);
}

BALANCED_TEST(break_and_continue_leave_the_scope) {
    int64_t before = at_live_tensors();
    int turns = 0, ends = 0;
    for (int i = 0; i < 4; i++) {
        AT_SCOPE {
            at_ones(10);
            turns++;
            if (i == 1) break; /* leaves the scope, not the loop */
            if (i == 2) continue;
            ends++;
        }
        ck_assert_int_eq(at_live_tensors(), before);
    }
    ck_assert_int_eq(turns, 4);
    ck_assert_int_eq(ends, 2);
}

static double return_from_a_scope(void) {
    AT_SCOPE {
        at_tensor *t = at_full(3, 10);
        AT_SCOPE { return at_item(at_sum(at_mul(t, 2))); }
    }
    return 0;
}

BALANCED_TEST(return_and_goto_leave_the_scope) {
    int64_t before = at_live_tensors();
    ck_assert_double_eq(return_from_a_scope(), 60);
    ck_assert_int_eq(at_live_tensors(), before);
    AT_SCOPE {
        AT_SCOPE {
            at_ones(5);
            goto out;
        }
        ck_abort_msg("goto did not leave");
    }
out:
    ck_assert_int_eq(at_live_tensors(), before);
}

BALANCED_TEST(scopes_nest) {
    AT_SCOPE {
        at_tensor *outer = at_ones(20);
        AT_SCOPE { at_ones(20); }
        ck_assert_double_eq(at_get(outer, 3), 1);
        AT_SCOPE
            AT_SCOPE
                AT_NO_GRAD { outer = at_scope_return(at_add(outer, 1)); } /* as far as the middle one */
    }
}

/* ---- retaining --------------------------------------------------------------------------------------------------- */

BALANCED_TEST(retained_tensors_outlive_their_scope) {
    at_tensor *kept = NULL;
    AT_SCOPE { kept = at_retain(at_exp(at_zeros(50))); }
    ck_assert_double_eq(at_get(kept, 49), 1);
    at_release(kept);
    at_release(NULL);
}

BALANCED_TEST(assigning_to_a_slot) {
    at_tensor *slot = NULL;
    for (int i = 0; i < 3; i++)
        AT_SCOPE { at_assign(&slot, at_full(i, 40)); }
    ck_assert_double_eq(at_get(slot, 0), 2);
    at_assign(&slot, slot); /* keeps it */
    ck_assert_double_eq(at_get(slot, 0), 2);
    at_assign(&slot, NULL);
    ck_assert_ptr_null(slot);
}

/* A number and its tensor are one object; it lasts as long as either of them, whatever values the tensor has later. */
BALANCED_TEST(a_computed_number_is_trained) {
    at_tensor *w = NULL;
    AT_NO_GRAD { w = at_add(at_scalar(1), at_scalar(2)); }
    at_set_requires_grad(w, true);
    at_optimizer *trainer = at_sgd(((at_parameter_list){1, &w}), .lr = 0.25);
    for (int step = 0; step < 3; step++)
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            ck_assert(at_backward(at_square(w)) && at_optimizer_step(trainer));
            ck_assert_double_eq(at_item(w), 1.5 / (1 << step));
        }
    at_optimizer_free(trainer);
}

static at_tensor *sum_of_squares(at_tensor *x) {
    at_tensor *y = NULL;
    AT_SCOPE { y = at_scope_return(at_sum(at_square(x))); }
    return y;
}

static at_tensor *last_of_many(at_tensor *x) {
    AT_SCOPE {
        at_tensor *first = at_neg(x);
        for (int i = 0; i < 5; i++) x = at_add(x, 1);
        return at_scope_return(first ? x : NULL);
    }
    return NULL;
}

BALANCED_TEST(results_are_handed_out_of_scopes) {
    at_tensor *x = at_full(2, 30);
    ck_assert_double_eq(at_item(sum_of_squares(x)), 120);
    ck_assert_double_eq(at_get(last_of_many(x), 29), 7);
    at_tensor *same = NULL;
    AT_SCOPE { same = at_scope_return(x); } /* owned by an outer scope already: that does no harm */
    ck_assert_ptr_eq(same, x);
    at_tensor *held = NULL, *shown = NULL;
    AT_SCOPE { at_assign(&held, at_ones(20)); }
    AT_SCOPE { shown = at_scope_return(held); } /* owned by a slot: the scope gets a hold of its own */
    at_assign(&held, NULL);
    ck_assert_double_eq(at_get(shown, 0), 1);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static at_tensor *shared;

static void *use_outermost_scope(void *result) {
    at_tensor *t =
        at_scope_return(at_add(shared, at_ones(1000))); /* returned within the outermost scope: stays there */
    *(double *)result = at_item(at_sum(t));
    return NULL; /* closes it */
}

BALANCED_TEST(a_thread_closes_its_outermost_scope) {
    shared = at_full(2, 1000);
    int64_t before = at_live_tensors();
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        double result = 0;
        ck_assert_int_eq(pthread_create(&thread, NULL, use_outermost_scope, &result), 0);
        pthread_join(thread, NULL);
        ck_assert_double_eq(result, 3000);
    }
    ck_assert_int_eq(at_live_tensors(), before);
}

static void *use_shared(void *result) {
    double sum = 0;
    for (int i = 0; i < 200; i++)
        AT_SCOPE {
            at_retain(shared);
            sum = at_item(at_sum(at_mul(shared, shared)));
            at_release(shared);
        }
    *(double *)result = sum;
    return NULL;
}

BALANCED_TEST(threads_share_a_tensor) {
    enum { THREADS = 8 };
    pthread_t thread[THREADS];
    double result[THREADS];
    shared = at_set_requires_grad(at_full(3, 100), true);
    for (int i = 0; i < THREADS; i++) ck_assert_int_eq(pthread_create(&thread[i], NULL, use_shared, &result[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        ck_assert_double_eq(result[i], 900);
    }
}

static void *read_shared_elements(void *result) {
    *(double *)result = 0;
    for (int i = 0; i < 300; i++) *(double *)result += (double)at_floats(shared)[i % 3000];
    return NULL;
}

/* A view has to be copied once to lie in row-major order, whoever asks first. */
BALANCED_TEST(threads_look_at_a_shared_view) {
    enum { THREADS = 8 };
    for (int turn = 0; turn < 20; turn++)
        AT_SCOPE {
            pthread_t thread[THREADS];
            double result[THREADS];
            shared = at_transpose(at_add(at_zeros(30, 100), 2), 0, 1);
            for (int i = 0; i < THREADS; i++)
                ck_assert_int_eq(pthread_create(&thread[i], NULL, read_shared_elements, &result[i]), 0);
            for (int i = 0; i < THREADS; i++) {
                pthread_join(thread[i], NULL);
                ck_assert_double_eq(result[i], 600);
            }
        }
}

/* ---- depth ------------------------------------------------------------------------------------------------------- */

enum { CHAIN = 300000 };

static void *make_and_drop_a_chain(void *result) {
    at_tensor *x = at_set_requires_grad(at_ones(1), true), *y = NULL;
    at_assign(&y, x);
    for (int i = 0; i < CHAIN; i++)
        AT_SCOPE { at_assign(&y, at_add(y, 1)); }
    *(double *)result = at_backward(y) ? at_get(y, 0) + at_get(at_grad(x), 0) : -1;
    at_assign(&y, NULL);
    return NULL;
}

START_TEST(a_long_chain_needs_little_stack) {
    int64_t before = at_live_tensors();
    pthread_attr_t attributes;
    pthread_t thread;
    double result = 0;
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, make_and_drop_a_chain, &result), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    ck_assert_double_eq(result, CHAIN + 1 + 1);
    ck_assert_int_eq(at_live_tensors(), before);
}
END_TEST

/* ---- memory is used again ---------------------------------------------------------------------------------------- */

#ifdef __GLIBC__ /* other C libraries have no __GLIBC_PREREQ to ask */
#if __GLIBC_PREREQ(2, 33)
#define HAVE_MALLINFO2
#endif
#endif
#ifdef HAVE_MALLINFO2
/* Bytes that malloc has given out: what the pool keeps included, so a change means that the system was asked. */
static size_t given_out(void) { return mallinfo2().uordblks + mallinfo2().hblkhd; }
#else
static size_t given_out(void) { return 0; }
#endif

BALANCED_TEST(the_third_step_asks_the_system_for_nothing) {
    at_tensor *x = at_rand(200, 50), *target = at_rand(200, 1), *items[] = {NULL};
    items[0] = at_set_requires_grad(at_rand(50, 1), true);
    at_optimizer *trainer = at_sgd(((at_parameter_list){1, items}), .lr = 0.1, .momentum = 0.9);
    size_t at_start[5], in_the_middle[5];
    for (int step = 0; step < 5; step++)
        AT_SCOPE {
            at_start[step] = given_out();
            at_optimizer_zero_grad(trainer);
            at_tensor *y = at_tanh(at_matmul(x, items[0]));
            at_tensor *loss = at_mse_loss(at_mul(y, at_softmax(y, 0)), target, AT_MEAN);
            at_backward(loss);
            in_the_middle[step] = given_out();
            at_optimizer_step(trainer);
        }
    for (int step = 2; step < 5; step++) {
        ck_assert_uint_eq(at_start[step], at_start[2]);
        ck_assert_uint_eq(in_the_middle[step], at_start[2]);
    }
    at_optimizer_free(trainer);
}

Suite *ownership_suite(void) {
    Suite *suite = suite_create("ownership");
    TCase *scopes = tcase_create("scopes"), *threads = tcase_create("threads"), *memory = tcase_create("memory");
    tcase_add_test(scopes, a_scope_closes_at_its_end);
    tcase_add_test(scopes, break_and_continue_leave_the_scope);
    tcase_add_test(scopes, return_and_goto_leave_the_scope);
    tcase_add_test(scopes, scopes_nest);
    tcase_add_test(scopes, retained_tensors_outlive_their_scope);
    tcase_add_test(scopes, assigning_to_a_slot);
    tcase_add_test(scopes, a_computed_number_is_trained);
    tcase_add_test(scopes, results_are_handed_out_of_scopes);
    suite_add_tcase(suite, scopes);
    tcase_add_test(threads, a_thread_closes_its_outermost_scope);
    tcase_add_test(threads, threads_share_a_tensor);
    tcase_add_test(threads, threads_look_at_a_shared_view);
    suite_add_tcase(suite, threads);
    tcase_add_test(memory, a_long_chain_needs_little_stack);
    tcase_add_test(memory, the_third_step_asks_the_system_for_nothing);
    suite_add_tcase(suite, memory);
    return suite;
}
