/* tests/test_optim.c - stochastic gradient descent, step by step. */
#include "core_support.h"

static at_optimizer *optimizer_of(at_tensor **list, int n, at_sgd_options options) {
    options.parameters = (at_parameter_list){n, list};
    return at_sgd_with(options);
}

/* One step with the gradient of c * w, which is c. */
static void step_with(at_optimizer *trainer, at_tensor *w, double c) {
    at_optimizer_zero_grad(trainer);
    ck_assert(at_backward(at_sum(at_mul(w, c))));
    ck_assert(at_optimizer_step(trainer));
}

static at_tensor *parameter(double value, int64_t n) {
    return at_set_requires_grad(at_to(at_full(value, n), AT_FLOAT64), true);
}

/* ---- steps by hand ----------------------------------------------------------------------------------------------- */

BALANCED_TEST(plain) {
    at_tensor *w = parameter(1, 2);
    at_optimizer *trainer = optimizer_of(&w, 1, (at_sgd_options){.lr = 0.5});
    step_with(trainer, w, 3);
    CHECK_ELEMENTS(w, -0.5, -0.5);
    step_with(trainer, w, -1);
    CHECK_ELEMENTS(w, 0, 0);
    at_optimizer_free(trainer);
}

BALANCED_TEST(momentum_and_dampening) {
    at_tensor *w = parameter(0, 1);
    at_optimizer *trainer = optimizer_of(&w, 1, (at_sgd_options){.lr = 1, .momentum = 0.5, .dampening = 0.25});
    step_with(trainer, w, 4); /* b = 4 */
    CHECK_ELEMENTS(w, -4);
    step_with(trainer, w, 8); /* b = 2 + 6 */
    CHECK_ELEMENTS(w, -12);
    step_with(trainer, w, 0); /* b = 4 */
    CHECK_ELEMENTS(w, -16);
    at_optimizer_free(trainer);
}

BALANCED_TEST(nesterov) {
    at_tensor *w = parameter(0, 1);
    at_optimizer *trainer = optimizer_of(&w, 1, (at_sgd_options){.lr = 1, .momentum = 0.5, .nesterov = true});
    step_with(trainer, w, 4); /* b = 4, d = 4 + 2 */
    CHECK_ELEMENTS(w, -6);
    step_with(trainer, w, 2); /* b = 4, d = 2 + 2 */
    CHECK_ELEMENTS(w, -10);
    at_optimizer_free(trainer);
}

BALANCED_TEST(weight_decay_goes_into_momentum) {
    at_tensor *w = parameter(8, 1);
    at_optimizer *trainer =
        optimizer_of(&w, 1, (at_sgd_options){.lr = 0.5, .momentum = 0.5, .weight_decay = 0.25, .nesterov = true});
    step_with(trainer, w, 2); /* d = 2 + 2, b = 4, step 4 + 2 */
    CHECK_ELEMENTS(w, 5);
    step_with(trainer, w, 0.75); /* d = 0.75 + 1.25, b = 2 + 2, step 2 + 2 */
    CHECK_ELEMENTS(w, 3);
    at_optimizer_free(trainer);
}

BALANCED_TEST(each_parameter_has_its_own_momentum) {
    at_tensor *list[] = {parameter(0, 1), parameter(0, 2), parameter(0, 3)};
    at_optimizer *trainer = optimizer_of(list, 3, (at_sgd_options){.lr = 1, .momentum = 0.5});
    for (int step = 0; step < 2; step++) {
        at_optimizer_zero_grad(trainer);
        for (int i = 0; i < 3; i++) {
            ck_assert_ptr_null(at_grad(list[i]));
            ck_assert(at_backward(at_sum(at_mul(list[i], i + 1))));
        }
        ck_assert(at_optimizer_step(trainer));
    }
    CHECK_ELEMENTS(list[0], -2.5); /* 1 + 1.5 */
    CHECK_ELEMENTS(list[1], -5, -5);
    CHECK_ELEMENTS(list[2], -7.5, -7.5, -7.5);
    at_optimizer_free(trainer);
}

BALANCED_TEST(weight_decay_and_maximize) {
    at_tensor *w = parameter(8, 1), *u = parameter(8, 1);
    at_optimizer *down = optimizer_of(&w, 1, (at_sgd_options){.lr = 0.5, .weight_decay = 0.25});
    at_optimizer *up = optimizer_of(&u, 1, (at_sgd_options){.lr = 0.5, .weight_decay = 0.25, .maximize = true});
    step_with(down, w, 2); /* d = 2 + 2 */
    CHECK_ELEMENTS(w, 6);
    step_with(up, u, 2); /* d = -2 + 2 */
    CHECK_ELEMENTS(u, 8);
    at_optimizer_free(down);
    at_optimizer_free(up);
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

BALANCED_TEST(without_a_gradient_nothing_changes) {
    at_tensor *list[] = {parameter(1, 1), parameter(2, 1)};
    at_optimizer *trainer = optimizer_of(list, 2, (at_sgd_options){.lr = 1, .momentum = 0.5, .weight_decay = 0.5});
    ck_assert(at_optimizer_step(trainer));
    CHECK_ELEMENTS(list[0], 1);
    ck_assert(at_backward(at_sum(list[0])));
    ck_assert(at_optimizer_step(trainer));
    CHECK_ELEMENTS(list[0], -0.5);
    CHECK_ELEMENTS(list[1], 2);
    at_optimizer_free(trainer);
}

BALANCED_TEST(zero_grad) {
    at_tensor *w = parameter(1, 1);
    at_optimizer *trainer = optimizer_of(&w, 1, (at_sgd_options){.lr = 1});
    ck_assert(at_backward(at_sum(w)));
    ck_assert(at_backward(at_sum(w)));
    CHECK_ELEMENTS(at_grad(w), 2); /* gradients add up */
    at_optimizer_zero_grad(trainer);
    ck_assert_ptr_null(at_grad(w));
    at_optimizer_free(trainer);
    at_optimizer_free(NULL);
}

typedef struct {
    at_module module;
    at_tensor *first, *second;
} two;

BALANCED_TEST(the_optimizer_keeps_its_own_list) {
    two *model = at_module_new(sizeof *model, "Two");
    ck_assert(at_module_parameter(&model->module, "first", &model->first, at_ones(1)));
    at_optimizer *trainer = at_sgd(at_parameters(&model->module), .lr = 1);
    ck_assert(at_module_parameter(&model->module, "second", &model->second, at_ones(1)));
    ck_assert_int_eq(at_parameters(&model->module).count, 2); /* the module's list moves */
    ck_assert(at_backward(at_sum(at_add(model->first, model->second))));
    ck_assert(at_optimizer_step(trainer));
    CHECK_ELEMENTS(model->first, 0);
    CHECK_ELEMENTS(model->second, 1);
    at_module_free(&model->module);
    at_optimizer_zero_grad(trainer); /* it still holds the parameter */
    at_optimizer_free(trainer);
}

/* ---- what the optimizer remembers is its own --------------------------------------------------------------------- */

BALANCED_TEST(writing_to_a_gradient_reaches_no_state) {
    at_tensor *w = parameter(0, 30), *items[] = {w};
    at_optimizer *trainer = optimizer_of(items, 1, (at_sgd_options){.lr = 1, .momentum = 0.5});
    step_with(trainer, w, 4);
    at_doubles_mut(at_grad(w))[0] = 1000;
    step_with(trainer, w, 2);
    ck_assert_double_eq(at_get(w, 0), at_get(w, 1));
    at_optimizer_free(trainer);
}

BALANCED_TEST(a_failed_step_changes_nothing) {
    at_tensor *w =
        at_set_requires_grad(at_expand(at_ones(1), INT64_C(1) << 56), true); /* too large to be written out */
    at_tensor *u = parameter(1, 1), *list[] = {u, w};
    at_optimizer *trainer = optimizer_of(list, 2, (at_sgd_options){.lr = 1, .momentum = 0.5});
    ck_assert(at_backward(at_sum(u)));
    ck_assert(at_optimizer_step(trainer));
    CHECK_ELEMENTS(u, 0);
    ck_assert(!at_backward(at_add(at_sum(at_mul(u, 2)), at_sum(at_slice(w, 0, 0, 1, 1)))));
    ck_assert_int_eq(at_error_code(), AT_ERROR_MEMORY);
    at_clear_error();
    CHECK_ELEMENTS(at_grad(u), 1);
    CHECK_ELEMENTS(u, 0);
    at_optimizer_free(trainer);
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

BALANCED_TEST(wrong_options) {
    at_tensor *w = parameter(1, 1), *constant = at_ones(1), *computed = at_mul(w, 2), *missing = NULL;
    ck_assert_ptr_null(optimizer_of(&w, 1, (at_sgd_options){.momentum = 0.5}));
    expect_error(AT_ERROR_VALUE, "sgd: lr is 0: want a positive number, at_sgd(parameters, .lr = 0.5)");
    ck_assert_ptr_null(optimizer_of(&w, 1, (at_sgd_options){.lr = NAN}));
    at_clear_error();
    ck_assert_ptr_null(optimizer_of(&w, 1, (at_sgd_options){.lr = 1, .momentum = -1}));
    expect_error(AT_ERROR_VALUE, "sgd: momentum is -1: must not be negative");
    ck_assert_ptr_null(optimizer_of(&w, 1, (at_sgd_options){.lr = 1, .dampening = INFINITY}));
    expect_error(AT_ERROR_VALUE, "sgd: dampening is inf: want a number");
    ck_assert_ptr_null(
        optimizer_of(&w, 1, (at_sgd_options){.lr = 1, .momentum = 0.5, .dampening = 0.5, .nesterov = true}));
    expect_error(AT_ERROR_VALUE,
                 "sgd: nesterov with momentum 0.5 and dampening 0.5: want momentum > 0 and no dampening");
    ck_assert_ptr_null(optimizer_of(&constant, 1, (at_sgd_options){.lr = 1}));
    expect_error(AT_ERROR_STATE, "sgd: parameter 0, float32 (1), is not a leaf that requires a gradient");
    ck_assert_ptr_null(optimizer_of(&computed, 1, (at_sgd_options){.lr = 1}));
    expect_error(AT_ERROR_STATE, "sgd: parameter 0, float64 (1), is not a leaf that requires a gradient");
    ck_assert_ptr_null(optimizer_of(&missing, 1, (at_sgd_options){.lr = 1}));
    expect_error(AT_ERROR_VALUE, "sgd: a parameter is NULL");
}

Suite *optim_suite(void) {
    Suite *suite = suite_create("optim");
    TCase *steps = tcase_create("steps"), *state = tcase_create("state");
    tcase_add_test(steps, plain);
    tcase_add_test(steps, momentum_and_dampening);
    tcase_add_test(steps, nesterov);
    tcase_add_test(steps, weight_decay_goes_into_momentum);
    tcase_add_test(steps, each_parameter_has_its_own_momentum);
    tcase_add_test(steps, weight_decay_and_maximize);
    suite_add_tcase(suite, steps);
    tcase_add_test(state, without_a_gradient_nothing_changes);
    tcase_add_test(state, zero_grad);
    tcase_add_test(state, the_optimizer_keeps_its_own_list);
    tcase_add_test(state, writing_to_a_gradient_reaches_no_state);
    tcase_add_test(state, a_failed_step_changes_nothing);
    tcase_add_test(state, wrong_options);
    suite_add_tcase(suite, state);
    return suite;
}
