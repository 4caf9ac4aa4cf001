/* examples/regression_suite/regression_suite.c - a model under regression test, with Check and atled-check.h.
 *
 * Five steps of linear regression: the loss, the gradients and the parameters have to stay what they were when the
 * files in snapshots/ were recorded, with ATLED_SNAPSHOT=update in the environment. Run it from the repository's root,
 * or give the folder of the snapshots as its argument. */
#include <stdlib.h>

#include <atled-check.h>

static const char *snapshots = "examples/regression_suite/snapshots";

/* ---- the model under test ---------------------------------------------------------------------------------------- */

typedef struct {
    at_module module;
    at_tensor *w, *b;
} linear;

static linear *new_linear(int inputs) {
    linear *self = at_module_new(sizeof *self, "Linear");
    at_module_parameter(&self->module, "w", &self->w, at_zeros(inputs));
    at_module_parameter(&self->module, "b", &self->b, at_zeros(1));
    return self;
}

static at_tensor *loss_of(at_tensor *X, at_tensor *w, at_tensor *b, at_tensor *y) {
    return at_mse_loss(at_add(at_matmul(X, w), b), y, AT_MEAN);
}

typedef struct {
    at_tensor *X, *y;
} examples;

static examples make_examples(int n) {
    at_manual_seed(0);
    at_tensor *X = at_randn(n, 2), *w = at_from_floats((float[]){2, -3.4f}, 2);
    return (examples){X, at_add(at_add(at_matmul(X, w), 4.2), at_normal(0, 0.1, n))};
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

START_TEST(five_steps_of_training) {
    examples data = make_examples(20);
    linear *net = new_linear(2);
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = 0.1, .momentum = 0.9);
    at_tensor *losses[5];
    for (int step = 0; step < 5; step++) {
        at_optimizer_zero_grad(trainer);
        at_tensor *loss = loss_of(data.X, net->w, net->b, data.y);
        ck_assert(at_backward(loss));
        ck_assert(at_optimizer_step(trainer));
        losses[step] = at_detach(loss);
    }
    /* Room for another order of summation, not for another result. */
    const double rtol = 1e-5, atol = 1e-6;
    at_ck_assert_snapshot(snapshots, "linear_losses", at_stack_list(0, losses, 5), rtol, atol);
    at_ck_assert_snapshot(snapshots, "linear_w_grad", at_grad(net->w), rtol, atol);
    at_ck_assert_snapshot(snapshots, "linear_b_grad", at_grad(net->b), rtol, atol);
    at_ck_assert_snapshot(snapshots, "linear_w", net->w, rtol, atol);
    at_ck_assert_snapshot(snapshots, "linear_b", net->b, rtol, atol);
    at_optimizer_free(trainer);
    at_module_free(&net->module);
}
END_TEST

/* inputs: X, w, b, y; differences need float64. */
static at_tensor *loss_of_inputs(at_tensor **inputs, int n, void *context) {
    (void)n, (void)context;
    return loss_of(inputs[0], inputs[1], inputs[2], inputs[3]);
}

START_TEST(the_gradients_are_right) {
    examples data = make_examples(5);
    at_tensor *inputs[] = {at_to(data.X, AT_FLOAT64), at_from_doubles((double[]){1, -2}, 2),
                           at_from_doubles((double[]){0.5}, 1), at_to(data.y, AT_FLOAT64)};
    at_set_requires_grad(inputs[1], true);
    at_set_requires_grad(inputs[2], true);
    at_ck_assert_gradients(loss_of_inputs, inputs, 4, NULL);
}
END_TEST

START_TEST(the_truth_has_no_loss) {
    at_tensor *X = at_eye(2), *w = at_from_floats((float[]){2, 3}, 2), *b = at_ones(1);
    at_tensor *y = at_from_floats((float[]){3, 4}, 2);
    at_ck_assert_close(loss_of(X, w, b, y), at_scalar(0), 0, 1e-12);
}
END_TEST

int main(int argc, char **argv) {
    if (argc > 1) snapshots = argv[1];
    Suite *suite = suite_create("linear regression");
    TCase *tcase = tcase_create("linear regression");
    tcase_add_checked_fixture(tcase, at_ck_begin, at_ck_assert_no_leaks);
    tcase_add_test(tcase, five_steps_of_training);
    tcase_add_test(tcase, the_gradients_are_right);
    tcase_add_test(tcase, the_truth_has_no_loss);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
