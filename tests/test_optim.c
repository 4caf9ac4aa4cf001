/* tests/test_optim.c - optimizers step by step, groups, clipping, schedules. */
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
    expect_error(AT_ERROR_VALUE, "sgd: dampening is inf: want a finite number");
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
    at_tensor *other = parameter(1, 1), *twice[] = {w, other, w};
    ck_assert_ptr_null(optimizer_of(twice, 3, (at_sgd_options){.lr = 1}));
    expect_error(AT_ERROR_VALUE, "sgd: parameters 0 and 2 are the same, float64 (1): want each once");
}

BALANCED_TEST(options_at_the_ends) {
    at_tensor *w = parameter(1, 1);
    at_parameter_list list = {1, &w};
    ck_assert_ptr_null(at_sgd(list, .lr = INFINITY));
    expect_error(AT_ERROR_VALUE, "sgd: lr is inf: want a positive number, at_sgd(parameters, .lr = 0.5)");
    ck_assert_ptr_null(at_sgd(((at_parameter_list){1, NULL}), .lr = 1));
    expect_error(AT_ERROR_VALUE, "sgd: no parameters to optimize");
    ck_assert_ptr_null(at_adam(list, .epsilon = -1));
    expect_error(AT_ERROR_VALUE, "adam: epsilon is -1: must not be negative");
    ck_assert_ptr_null(at_rmsprop(list, .weight_decay = -1));
    expect_error(AT_ERROR_VALUE, "rmsprop: weight_decay is -1: must not be negative");
    ck_assert_ptr_null(at_adagrad(list, .epsilon = -1));
    expect_error(AT_ERROR_VALUE, "adagrad: epsilon is -1: must not be negative");
    at_optimizer *trainer = at_adam(list);
    ck_assert(isnan(at_optimizer_lr(trainer, -1)));
    expect_error(AT_ERROR_VALUE, "optimizer_lr: group -1 of 1: want 0 to 0");
    ck_assert(!at_optimizer_set_lr(trainer, 1, 1));
    expect_error(AT_ERROR_VALUE, "optimizer_set_lr: group 1 of 1: want 0 to 0");
    ck_assert(isnan(at_optimizer_lr(NULL, 0)));
    expect_error(AT_ERROR_VALUE, "optimizer_lr: optimizer is NULL");
    ck_assert(!at_adam_add_group(trainer, (at_parameter_list){1, &w}, .beta1 = 2));
    expect_error(AT_ERROR_VALUE, "adam_add_group: beta1 is 2: want 0 <= beta1 < 1");
    at_optimizer_free(trainer);
    ck_assert(isnan(at_clip_grad_norm((at_parameter_list){-1, &w}, 1)));
    expect_error(AT_ERROR_VALUE, "clip_grad_norm: parameters is NULL");
}

/* The way up instead of down, for the one that the table of all options leaves out. */
BALANCED_TEST(rmsprop_maximizes) {
    at_tensor *w = parameter(1, 1);
    at_optimizer *trainer = at_rmsprop(((at_parameter_list){1, &w}), .lr = 0.5, .maximize = true);
    ck_assert(at_backward(at_sum(at_mul(w, 3))) && at_optimizer_step(trainer));
    ck_assert_double_eq_tol(at_item(w), 1 + 0.5 / sqrt(0.01), 1e-6); /* g / sqrt((1 - alpha) g^2) */
    at_optimizer_free(trainer);
}

/* ---- groups, rates, clipping, schedules --------------------------------------------------------------------------- */

BALANCED_TEST(groups) {
    at_tensor *w = parameter(1, 1), *u = parameter(1, 1);
    at_optimizer *trainer = at_sgd((at_parameter_list){1, &w}, .lr = 0.5);
    ck_assert(!at_sgd_add_group(trainer, (at_parameter_list){1, &w}, .lr = 1));
    expect_error(AT_ERROR_VALUE, "sgd_add_group: parameter 0, float64 (1), is in the optimizer already");
    ck_assert(!at_adam_add_group(trainer, (at_parameter_list){1, &u}));
    expect_error(AT_ERROR_VALUE, "adam_add_group: cannot add a group to an optimizer made by at_sgd");
    ck_assert(!at_sgd_add_group(trainer, (at_parameter_list){1, &u}));
    expect_error(AT_ERROR_VALUE,
                 "sgd_add_group: lr is 0: want a positive number, at_sgd_add_group(optimizer, parameters, .lr = 0.5)");
    ck_assert(!at_sgd_add_group(NULL, (at_parameter_list){1, &u}, .lr = 1));
    expect_error(AT_ERROR_VALUE, "sgd_add_group: optimizer is NULL");
    ck_assert_int_eq(at_optimizer_groups(trainer), 1);
    ck_assert(at_sgd_add_group(trainer, (at_parameter_list){1, &u}, .lr = 0.25));
    ck_assert_int_eq(at_optimizer_groups(trainer), 2);
    ck_assert(at_backward(at_sum(at_add(w, u))));
    ck_assert(at_optimizer_step(trainer));
    CHECK_ELEMENTS(w, 0.5);
    CHECK_ELEMENTS(u, 0.75);
    ck_assert(at_optimizer_set_lr(trainer, 1, 0));
    ck_assert(at_optimizer_step(trainer));
    CHECK_ELEMENTS(w, 0);
    CHECK_ELEMENTS(u, 0.75);
    at_optimizer_free(trainer);
}

BALANCED_TEST(wrong_rates) {
    at_tensor *w = parameter(1, 1);
    at_optimizer *trainer = at_adam((at_parameter_list){1, &w});
    ck_assert_double_eq(at_optimizer_lr(trainer, 0), 1e-3);
    ck_assert(isnan(at_optimizer_lr(trainer, 1)));
    expect_error(AT_ERROR_VALUE, "optimizer_lr: group 1 of 1: want 0 to 0");
    ck_assert(!at_optimizer_set_lr(trainer, 0, -1));
    expect_error(AT_ERROR_VALUE, "optimizer_set_lr: lr is -1: must not be negative");
    ck_assert_double_eq(at_optimizer_lr(trainer, 0), 1e-3);
    ck_assert_int_eq(at_optimizer_groups(NULL), -1);
    expect_error(AT_ERROR_VALUE, "optimizer_groups: optimizer is NULL");
    at_optimizer_free(trainer);
}

BALANCED_TEST(wrong_options_of_the_others) {
    at_tensor *w = parameter(1, 1);
    at_parameter_list list = {1, &w};
    ck_assert_ptr_null(at_adam(list, .beta1 = 1));
    expect_error(AT_ERROR_VALUE, "adam: beta1 is 1: want 0 <= beta1 < 1");
    ck_assert_ptr_null(at_adamw(list, .weight_decay = -1));
    expect_error(AT_ERROR_VALUE, "adamw: weight_decay is -1: must not be negative");
    ck_assert_ptr_null(at_rmsprop(list, .alpha = -0.5));
    expect_error(AT_ERROR_VALUE, "rmsprop: alpha is -0.5: want 0 <= alpha < 1");
    ck_assert_ptr_null(at_adagrad(list, .lr_decay = NAN));
    ck_assert_int_eq(at_error_code(), AT_ERROR_VALUE);
    at_clear_error();
    ck_assert_ptr_null(at_adagrad(list, .initial_accumulator_value = -1));
    expect_error(AT_ERROR_VALUE, "adagrad: initial_accumulator_value is -1: must not be negative");
    ck_assert_ptr_null(at_adam(list, .beta2 = 1.5));
    expect_error(AT_ERROR_VALUE, "adam: beta2 is 1.5: want 0 <= beta2 < 1");
    ck_assert_ptr_null(at_rmsprop(list, .epsilon = -1));
    expect_error(AT_ERROR_VALUE, "rmsprop: epsilon is -1: must not be negative");
    ck_assert_ptr_null(at_rmsprop(list, .momentum = INFINITY));
    ck_assert_int_eq(at_error_code(), AT_ERROR_VALUE);
    at_clear_error();
}

BALANCED_TEST(clipping) {
    at_tensor *list[] = {parameter(0, 1), parameter(0, 1), parameter(0, 1)};
    at_parameter_list all = {3, list};
    ck_assert(at_backward(at_add(at_sum(at_mul(list[0], 3)), at_sum(at_mul(list[2], -4)))));
    ck_assert_double_eq(at_clip_grad_norm(all, 10), 5);
    CHECK_ELEMENTS(at_grad(list[0]), 3);
    ck_assert(at_clip_grad_value(all, 3.5));
    CHECK_ELEMENTS(at_grad(list[0]), 3);
    CHECK_ELEMENTS(at_grad(list[2]), -3.5);
    ck_assert_ptr_null(at_grad(list[1]));
    ck_assert(isnan(at_clip_grad_norm(all, -1)));
    expect_error(AT_ERROR_VALUE, "clip_grad_norm: max_norm is -1: must not be negative");
    ck_assert(!at_clip_grad_value(all, -2));
    expect_error(AT_ERROR_VALUE, "clip_grad_value: limit is -2: must not be negative");
    ck_assert_double_eq(at_clip_grad_norm((at_parameter_list){0, NULL}, 1), 0);
    ck_assert(isnan(at_clip_grad_norm((at_parameter_list){2, NULL}, 1)));
    expect_error(AT_ERROR_VALUE, "clip_grad_norm: parameters is NULL");
    ck_assert(!at_clip_grad_value((at_parameter_list){1, (at_tensor *[]){NULL}}, 1));
    expect_error(AT_ERROR_VALUE, "clip_grad_value: a parameter is NULL");
}

BALANCED_TEST(schedules_that_make_no_sense) {
    at_tensor *w = parameter(1, 1);
    at_optimizer *trainer = at_sgd((at_parameter_list){1, &w}, .lr = 0.5);
    ck_assert_ptr_null(at_step_lr(trainer, 0, 0.5));
    expect_error(AT_ERROR_VALUE, "step_lr: every is 0: want at least 1");
    ck_assert_ptr_null(at_step_lr(NULL, 1, 0.5));
    expect_error(AT_ERROR_VALUE, "step_lr: optimizer is NULL");
    ck_assert_ptr_null(at_linear_lr(trainer, 0, 1, 5));
    expect_error(AT_ERROR_VALUE, "linear_lr: start is 0: want 0 < start <= 1");
    ck_assert_ptr_null(at_linear_lr(trainer, 1.5, 1, 5));
    expect_error(AT_ERROR_VALUE, "linear_lr: start is 1.5: want 0 < start <= 1");
    ck_assert_ptr_null(at_linear_lr(trainer, 0.5, -1, 5));
    expect_error(AT_ERROR_VALUE, "linear_lr: end is -1: must not be negative");
    ck_assert_ptr_null(at_linear_lr(trainer, 0.5, 1, 0));
    expect_error(AT_ERROR_VALUE, "linear_lr: steps is 0: want at least 1");
    ck_assert_ptr_null(at_step_lr(trainer, 2, -0.5));
    expect_error(AT_ERROR_VALUE, "step_lr: gamma is -0.5: must not be negative");
    ck_assert_ptr_null(at_exponential_lr(trainer, -1));
    expect_error(AT_ERROR_VALUE, "exponential_lr: gamma is -1: must not be negative");
    ck_assert_ptr_null(at_cosine_lr(trainer, 0, 0));
    expect_error(AT_ERROR_VALUE, "cosine_lr: steps is 0: want at least 1");
    ck_assert_ptr_null(at_cosine_lr(trainer, 3, -1));
    expect_error(AT_ERROR_VALUE, "cosine_lr: lowest is -1: must not be negative");
    ck_assert(!at_schedule_step(NULL));
    expect_error(AT_ERROR_VALUE, "schedule_step: schedule is NULL");
    ck_assert(!at_schedule_step_with(NULL, 1));
    expect_error(AT_ERROR_VALUE, "schedule_step_with: schedule is NULL");
    ck_assert_ptr_null(at_plateau_lr(trainer, .patience = -1));
    expect_error(AT_ERROR_VALUE, "plateau_lr: patience -1, cooldown 0: must not be negative");
    ck_assert_ptr_null(at_plateau_lr(trainer, .cooldown = -2));
    expect_error(AT_ERROR_VALUE, "plateau_lr: patience 0, cooldown -2: must not be negative");
    ck_assert_ptr_null(at_plateau_lr(trainer, .factor = 1.5));
    ck_assert_int_eq(at_error_code(), AT_ERROR_VALUE);
    at_clear_error();
    ck_assert_ptr_null(at_plateau_lr(trainer, .threshold = -1));
    ck_assert_int_eq(at_error_code(), AT_ERROR_VALUE);
    at_clear_error();
    ck_assert_ptr_null(at_plateau_lr(trainer, .lowest = -1));
    ck_assert_int_eq(at_error_code(), AT_ERROR_VALUE);
    at_clear_error();
    at_schedule *plateau = at_plateau_lr(trainer), *cosine = at_cosine_lr(trainer, 3, 0);
    ck_assert(!at_schedule_step(plateau));
    expect_error(AT_ERROR_STATE, "schedule_step: a plateau has to be told what it watches: "
                                 "at_schedule_step_with(schedule, loss)");
    ck_assert(!at_schedule_step_with(cosine, 1));
    expect_error(AT_ERROR_STATE, "schedule_step_with: only at_plateau_lr's watches a value");
    ck_assert_double_eq(at_optimizer_lr(trainer, 0), 0.5);
    at_schedule_free(plateau);
    at_schedule_free(cosine);
    at_schedule_free(NULL);
    at_optimizer_free(trainer);
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
    tcase_add_test(state, options_at_the_ends);
    tcase_add_test(state, rmsprop_maximizes);
    suite_add_tcase(suite, state);
    TCase *others = tcase_create("groups, rates, clipping");
    tcase_add_test(others, groups);
    tcase_add_test(others, wrong_rates);
    tcase_add_test(others, wrong_options_of_the_others);
    tcase_add_test(others, clipping);
    tcase_add_test(others, schedules_that_make_no_sense);
    suite_add_tcase(suite, others);
    return suite;
}
