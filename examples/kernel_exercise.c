/* examples/kernel_exercise.c - exercise 4 of the chapter that nadaraya_watson.c follows: "Design another parametric
 * attention pooling, train it, and draw its attention weights."
 *
 * The chapter's model learns how wide the attention is, w; its shape stays that of a Gaussian. This one learns the shape
 * as well, by making the exponent a parameter:
 *
 *     attention = softmax over the keys k of  -|(q - k) w|^p / 2
 *
 * p = 2 is the chapter's Gaussian, and where training starts here. A smaller p makes a sharp peak with long tails (p = 1
 * is Laplace's distribution), a larger one a plateau with steep sides: all near keys alike, and no others. */
#include <atled-plot.h>
#include <stdlib.h>

#include "common/complain.h"
#include "common/folder.h"

/* ---- the model --------------------------------------------------------------------------------------------------- */

typedef struct {
    at_module module;
    at_tensor *w, *p;             /* parameters (1): the width's inverse, and the exponent */
    at_tensor *attention_weights; /* (queries, keys) of the last forward, detached */
} PowerKernelRegression;

static PowerKernelRegression *power_kernel_regression(double w) {
    PowerKernelRegression *net = at_module_new(sizeof *net, "PowerKernelRegression");
    if (net && at_module_parameter(&net->module, "w", &net->w, at_full(w, 1)) &&
        at_module_parameter(&net->module, "p", &net->p, at_full(2, 1)) &&
        at_module_buffer(&net->module, "attention_weights", &net->attention_weights, NULL))
        return net;
    if (net) at_module_free(&net->module);
    return NULL;
}

/* queries (queries), keys and values (queries, keys) -> (queries) */
static at_tensor *power_forward(PowerKernelRegression *net, at_tensor *queries, at_tensor *keys, at_tensor *values) {
    at_tensor *distance = at_abs(at_mul(at_sub(at_unsqueeze(queries, 1), keys), net->w));
    at_tensor *weights = at_softmax(at_div(at_neg(at_pow(distance, net->p)), 2), 1);
    at_assign(&net->attention_weights, at_detach(weights));
    return at_sum_dim(at_mul(weights, values), 1, false);
}

/* ---- training both ----------------------------------------------------------------------------------------------- */

static at_tensor *f(at_tensor *x) { return at_add(at_mul(2, at_sin(x)), at_pow(x, 0.8)); }

/* What each of n examples sees: all the others. (n, n - 1) */
static at_tensor *all_but_own(at_tensor *x, int64_t n) {
    at_tensor *off_diagonal = at_to(at_sub(1, at_eye(n)), AT_BOOL);
    return at_reshape(at_masked_select(at_expand(x, n, n), off_diagonal), n, -1);
}

static double step(at_optimizer *trainer, at_tensor *y_hat, at_tensor *y) {
    at_tensor *loss = at_mse_loss(y_hat, y, AT_SUM);
    at_optimizer_zero_grad(trainer);
    at_backward(loss);
    at_optimizer_step(trainer);
    return at_item(loss);
}

static void train(NWKernelRegression *gauss, PowerKernelRegression *power, at_tensor *x, at_tensor *y) {
    const int epochs = 300;
    const double lr = 0.1;
    at_tensor *keys = all_but_own(x, at_size(x, 0)), *values = all_but_own(y, at_size(x, 0));
    at_optimizer *gauss_trainer = at_sgd(at_parameters(&gauss->module), .lr = lr);
    at_optimizer *power_trainer = at_sgd(at_parameters(&power->module), .lr = lr);
    printf("                     Gauss      power\n");
    for (int epoch = 1; epoch <= epochs && !at_error(); epoch++) {
        AT_SCOPE {
            double gauss_loss = step(gauss_trainer, at_nw_kernel_regression_forward(gauss, x, keys, values), y);
            double power_loss = step(power_trainer, power_forward(power, x, keys, values), y);
            if (epoch == 1 || epoch == 10 || epoch % 100 == 0)
                printf("epoch %3d, loss %9.6f, %9.6f\n", epoch, gauss_loss, power_loss);
        }
    }
    printf("Gauss: w = %f\n", at_item(gauss->w));
    printf("power: w = %f, p = %f\n", at_item(power->w), at_item(power->p));
    at_optimizer_free(gauss_trainer);
    at_optimizer_free(power_trainer);
}

/* ---- comparing them ---------------------------------------------------------------------------------------------- */

static void draw_curves(at_tensor *x, at_tensor *y, at_tensor *x_test, at_tensor *by_gauss, at_tensor *by_power) {
    at_figure *figure = at_figure_new(.xlabel = "x", .ylabel = "y", .xlim = {0, 5}, .ylim = {-1, 5});
    at_figure_line(figure, x_test, f(x_test), .label = "Truth");
    at_figure_line(figure, x_test, by_gauss, .label = "Gauss", .dashed = true, .color = "m");
    at_figure_line(figure, x_test, by_power, .label = "Power", .color = "C2");
    at_figure_points(figure, x, y, .alpha = 0.5, .color = "C1");
    at_figure_save(figure, "out/kernel_exercise_pooling.png");
    at_figure_free(figure);
}

static void compare(NWKernelRegression *gauss, PowerKernelRegression *power, at_tensor *x, at_tensor *y) {
    at_tensor *x_test = at_arange(0, 5, 0.1);
    at_tensor *keys = at_repeat(x, at_size(x_test, 0), 1), *values = at_repeat(y, at_size(x_test, 0), 1);
    at_tensor *by_gauss = at_detach(at_nw_kernel_regression_forward(gauss, x_test, keys, values));
    at_tensor *by_power = at_detach(power_forward(power, x_test, keys, values));
    printf("mean squared error from the truth: Gauss %f, power %f\n",
           at_item(at_mse_loss(by_gauss, f(x_test), AT_MEAN)), at_item(at_mse_loss(by_power, f(x_test), AT_MEAN)));
    draw_curves(x, y, x_test, by_gauss, by_power);
    at_tensor *matrices = at_unsqueeze(at_stack(0, gauss->attention_weights, power->attention_weights), 0);
    const char *titles[] = {"Gauss", "Power"};
    at_show_heatmaps("out/kernel_exercise_weights.png", matrices, .titles = titles, .xlabel = "Sorted training inputs",
                     .ylabel = "Sorted testing inputs");
}

int main(int argc, char **argv) {
    complain_as(argc > 0 ? argv[0] : "kernel_exercise");
    if (!make_folder("out")) return EXIT_FAILURE;
    at_set_error_mode(AT_ERROR_RETURN); /* so that a full disk gives one line, below, and no abort */
    at_manual_seed(0);
    at_tensor *x = at_sort(at_mul(at_rand(50), 5), 0, false, NULL);
    at_tensor *y = at_add(f(x), at_normal(0, 0.5, 50));
    NWKernelRegression *gauss = at_nw_kernel_regression();
    PowerKernelRegression *power = gauss ? power_kernel_regression(at_item(gauss->w)) : NULL;
    if (power) {
        train(gauss, power, x, y);
        compare(gauss, power, x, y);
        at_module_free(&power->module);
    }
    if (gauss) at_module_free(&gauss->module);
    if (at_error()) return complain("%s", at_error()), EXIT_FAILURE;
    return EXIT_SUCCESS;
}
