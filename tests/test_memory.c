/* tests/test_memory.c - allocators of the program's own, budgets, and what errors of memory say. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../atled.h"
#include "core_support.h"
#include "support.h"

/* ---- an allocator that counts ------------------------------------------------------------------------------------ */

typedef struct {
    int64_t blocks, bytes, requests;
    bool misaligned;
} count;

static void *counting_allocate(size_t bytes, size_t alignment, void *context) {
    count *c = context;
    void *memory = alignment <= 16 ? malloc(bytes) : aligned_alloc(alignment, bytes);
    c->misaligned |= (uintptr_t)memory % alignment != 0 || (alignment & (alignment - 1)) != 0;
    c->blocks += memory != NULL;
    c->bytes += memory ? (int64_t)bytes : 0;
    c->requests++;
    return memory;
}

static void counting_deallocate(void *memory, size_t bytes, void *context) {
    count *c = context;
    c->blocks--;
    c->bytes -= (int64_t)bytes;
    memset(memory, 0xAA, bytes); /* whoever reads it again will be surprised */
    free(memory);
}

/* Suites before this one may have left memory of the process's first allocator in use only by an error. */
static void with_counting(void (*body)(count *c)) {
    count c = {0};
    at_set_error_mode(AT_ERROR_RETURN);
    ck_assert(at_set_allocator(&(at_allocator){counting_allocate, counting_deallocate, &c}));
    AT_SCOPE { body(&c); }
    ck_assert_msg(!at_error(), "an error is left: %s", at_error());
    ck_assert(at_set_allocator(NULL));
    ck_assert_int_eq(c.blocks, 0);
    ck_assert_int_eq(c.bytes, 0);
    ck_assert(!c.misaligned);
    ck_assert_int_eq(at_allocated_bytes(), 0);
}

static void train(count *c) {
    at_tensor *x = at_linspace(0, 5, 3000), *y = at_sin(x);
    NWKernelRegression *net = at_nw_kernel_regression();
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = 0.1, .momentum = 0.5);
    for (int step = 0; step < 2; step++)
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *some = at_slice(x, 0, 0, 100, 1);
            at_tensor *loss = at_mse_loss(at_nw_kernel_regression_forward(net, some, x, y), at_sin(some), AT_SUM);
            ck_assert(at_backward(loss));
            ck_assert(at_optimizer_step(trainer));
        }
    at_optimizer_free(trainer);
    at_module_free(&net->module);
    ck_assert_int_eq(c->bytes, at_allocated_bytes());
}

START_TEST(everything_comes_from_it_and_goes_back) { with_counting(train); }
END_TEST

static void ask_twice(count *c) {
    AT_SCOPE { at_zeros(1000); } /* the list of the scope's tensors stays */
    int64_t before = c->requests;
    AT_SCOPE { at_zeros(1000); }
    int64_t once = c->requests - before;
    AT_SCOPE { at_zeros(1000); }
    ck_assert_int_gt(once, 0);
    ck_assert_int_eq(c->requests - before, 2 * once);
}

START_TEST(every_request_reaches_it) { with_counting(ask_twice); }
END_TEST

static void large(count *c) {
    float *data = at_floats_mut(at_zeros(3 << 20));
    ck_assert_ptr_nonnull(data);
    data[(3 << 20) - 1] = 1;
    ck_assert_int_ge(c->bytes, 12 << 20);
}

START_TEST(large_elements_lie_on_large_pages) { with_counting(large); }
END_TEST

BALANCED_TEST(no_change_while_there_is_memory) {
    count c = {0};
    at_allocator mine = {counting_allocate, counting_deallocate, &c};
    at_tensor *t = at_zeros(3);
    ck_assert(!at_set_allocator(&mine));
    ck_assert_int_eq(at_error_code(), AT_ERROR_STATE);
    ck_assert_ptr_nonnull(strstr(at_error(), "set_allocator: "));
    ck_assert_ptr_nonnull(strstr(at_error(), " are in use"));
    at_clear_error();
    ck_assert(!at_set_allocator(NULL));
    at_clear_error();
    ck_assert_int_eq(c.requests, 0);
    CHECK_ELEMENTS(t, 0, 0, 0);
}
END_TEST

BALANCED_TEST(an_allocator_is_complete) {
    ck_assert(!at_set_allocator(&(at_allocator){NULL, counting_deallocate, NULL}));
    expect_error(AT_ERROR_VALUE, "set_allocator: allocate is NULL");
    ck_assert(!at_set_allocator(&(at_allocator){counting_allocate, NULL, NULL}));
    expect_error(AT_ERROR_VALUE, "set_allocator: deallocate is NULL");
}
END_TEST

/* ---- budgets and keeping ----------------------------------------------------------------------------------------- */

BALANCED_TEST(kept_memory_is_given_back) {
    AT_SCOPE { at_zeros(1 << 20); }
    ck_assert_int_ge(at_allocated_bytes(), 4 << 20);
    at_release_memory();
    ck_assert_int_lt(at_allocated_bytes(), 1 << 20);
}
END_TEST

BALANCED_TEST(a_budget_limits) {
    at_release_memory();
    at_set_memory_budget(at_allocated_bytes() + (1 << 20));
    at_tensor *small = at_ones(1000);
    ck_assert_ptr_nonnull(small);
    ck_assert_ptr_null(at_zeros(1 << 20));
    expect_error(AT_ERROR_MEMORY, "zeros: out of memory: 4194304 bytes could not be allocated");
    at_set_memory_budget(-1);
    ck_assert_ptr_nonnull(at_zeros(1 << 20));
    ck_assert(at_item(at_sum(small)) == 1000);
}
END_TEST

/* What the thread keeps for reuse counts, and makes way. */
BALANCED_TEST(kept_memory_makes_way) {
    at_release_memory();
    int64_t before = at_allocated_bytes();
    AT_SCOPE { at_zeros(1 << 18); }
    at_set_memory_budget(before + (9 << 19)); /* for 4 MiB, but not with the first one's 1 MiB */
    AT_SCOPE { ck_assert_ptr_nonnull(at_zeros(5 << 17)); }
    at_set_memory_budget(-1);
}
END_TEST

BALANCED_TEST(a_budget_of_nothing) {
    at_release_memory();
    at_set_memory_budget(0);
    ck_assert_ptr_null(at_zeros(3));
    ck_assert_int_eq(at_error_code(), AT_ERROR_MEMORY);
    at_clear_error();
    at_set_memory_budget(-1);
}
END_TEST

/* ---- messages ---------------------------------------------------------------------------------------------------- */

BALANCED_TEST(what_a_pending_value_needs_is_said) {
    at_tensor *x = at_exp(at_mul(at_ones(2, 1000), 2));
    at_release_memory();
    at_set_memory_budget(at_allocated_bytes() + 4000);
    ck_assert_ptr_null(at_floats(x));
    expect_error(AT_ERROR_MEMORY,
                 "floats: out of memory: 8000 bytes could not be allocated for a pending tensor, float32 (2, 1000)");
    at_set_memory_budget(-1);
    ck_assert_ptr_nonnull(at_floats(x));
}
END_TEST

BALANCED_TEST(the_outermost_call_is_named) {
    at_tensor *x = at_set_requires_grad(at_ones(1000), true), *y = at_sum(at_mul(at_exp(x), x));
    at_release_memory();
    at_set_memory_budget(0);
    ck_assert(!at_backward(y));
    ck_assert_int_eq(at_error_code(), AT_ERROR_MEMORY);
    ck_assert_ptr_eq(strstr(at_error(), "backward: out of memory: "), at_error());
    at_clear_error();
    at_set_memory_budget(-1);
    ck_assert_ptr_null(at_grad(x));
    ck_assert(at_backward(y));
}
END_TEST

/* Not the permute that turns rows and columns, which the program did not call. */
BALANCED_TEST(nothing_deeper_is_named) {
    at_tensor *x = at_randn(200, 300);
    at_release_memory();
    at_set_memory_budget(at_allocated_bytes() + 100000);
    ck_assert_ptr_null(at_topk(x, 100, 0, NULL));
    ck_assert_int_eq(at_error_code(), AT_ERROR_MEMORY);
    ck_assert_ptr_eq(strstr(at_error(), "topk: out of memory: "), at_error());
    ck_assert_ptr_null(strstr(at_error(), "permute"));
    at_clear_error();
    at_set_memory_budget(-1);
}
END_TEST

/* A first batch that finds no memory draws nothing. */
BALANCED_TEST(a_batch_that_fails_begins_no_epoch) {
    at_tensor *x = at_randn(100, 3), *before = at_random_state();
    at_data_loader *loader = at_data_loader_new(&x, 1, .batch_size = 40, .shuffle = true);
    at_release_memory();
    at_set_memory_budget(0);
    ck_assert_ptr_null(at_data_loader_next(loader));
    at_set_memory_budget(-1);
    ck_assert_ptr_eq(strstr(at_error(), "data_loader_next: out of memory: "), at_error());
    at_clear_error();
    ck_assert(at_equal(at_random_state(), before));
    ck_assert_ptr_nonnull(at_data_loader_next(loader));
    at_data_loader_free(loader);
}
END_TEST

/* ---- every budget ------------------------------------------------------------------------------------------------ */

/* What is summed has parts in two shapes, so that one is stored first. */
static at_tensor *softmax_of_parts(void) {
    at_tensor *x = at_exp(at_linspace(0, 1, 6000)), *y = at_reshape(x, 20, 300);
    at_tensor *turned = at_reshape(at_transpose(at_reshape(at_mul(x, 2), 300, 20), 0, 1), 20, 300);
    return at_softmax(at_add(y, at_add(turned, 1)), 1);
}

/* The rule of softmax sums rows beside what reads them, and here for two readers. */
static at_tensor *gradient_of_softmax(void) {
    at_tensor *x = at_reshape(at_linspace(0, 1, 6000), 20, 300), *gradient = NULL;
    if (!at_set_requires_grad(x, true)) return NULL;
    at_tensor *y = at_log_softmax(x, 1), *loss = at_sum(at_add(at_mul(y, y), at_sin(y)));
    return at_gradients(loss, &x, 1, false, &gradient) ? gradient : NULL;
}

static at_tensor *sum_of_gathered(void) {
    at_tensor *x = at_reshape(at_exp(at_linspace(0, 1, 6000)), 300, 20);
    return at_sum_dim(at_mul(at_transpose(x, 0, 1), at_cumsum(at_reshape(x, 20, 300), 1)), 1, false);
}

/* With more and more memory each fails, says so and leaves nothing behind, until it gives what it gives with any. */
BALANCED_TEST(under_every_budget) {
    at_tensor *(*const computations[])(void) = {softmax_of_parts, gradient_of_softmax, sum_of_gathered};
    for (size_t i = 0; i < sizeof computations / sizeof *computations; i++) {
        at_tensor *expected = computations[i]();
        ck_assert(at_equal(expected, expected));
        int failures = 0;
        for (bool good = false; !good; failures += !good)
            AT_SCOPE {
                at_release_memory();
                at_set_memory_budget(at_allocated_bytes() + 1024 * failures);
                at_tensor *y = computations[i]();
                good = y && at_floats(y);
                at_set_memory_budget(-1);
                if (good) ck_assert(at_equal(y, expected));
                if (!good) ck_assert_int_eq(at_error_code(), AT_ERROR_MEMORY);
                at_clear_error();
            }
        ck_assert_int_gt(failures, 20);
    }
}
END_TEST

Suite *memory_suite(void) {
    Suite *suite = suite_create("memory");
    TCase *tcase = tcase_create("memory");
    tcase_add_test(tcase, everything_comes_from_it_and_goes_back);
    tcase_add_test(tcase, every_request_reaches_it);
    tcase_add_test(tcase, large_elements_lie_on_large_pages);
    tcase_add_test(tcase, no_change_while_there_is_memory);
    tcase_add_test(tcase, an_allocator_is_complete);
    tcase_add_test(tcase, kept_memory_is_given_back);
    tcase_add_test(tcase, a_budget_limits);
    tcase_add_test(tcase, kept_memory_makes_way);
    tcase_add_test(tcase, a_budget_of_nothing);
    tcase_add_test(tcase, what_a_pending_value_needs_is_said);
    tcase_add_test(tcase, the_outermost_call_is_named);
    tcase_add_test(tcase, nothing_deeper_is_named);
    tcase_add_test(tcase, a_batch_that_fails_begins_no_epoch);
    tcase_add_test(tcase, under_every_budget);
    suite_add_tcase(suite, tcase);
    return suite;
}
