/* examples/exercise_bandwidth.c - how wide should the kernel be? Leave-one-out cross-validation answers without knowing
 * the truth: predict each example from all the others, and take the w of the smallest error. That error is the loss of
 * the chapter's training, so gradient descent looks for the same w; here the whole curve is seen.
 *
 *     exercise_bandwidth --data examples/data/mcycle.csv */
#include <math.h>
#include <stdlib.h>

#include "common/csv.h"
#include "common/gallery.h"
#include "common/toy.h"

enum { CANDIDATES = 61 };

static at_tensor *leave_one_out_error(NWKernelRegression *net, at_tensor *x, at_tensor *y) {
    at_tensor *y_hat = at_nw_kernel_regression_forward(net, x, x, y, .leave_one_out = true, .fused = true);
    return at_mse_loss(y_hat, y, AT_MEAN);
}

static double error_at(double w, at_tensor *x, at_tensor *y) {
    double error = NAN;
    NWKernelRegression *net = toy_model(w);
    if (!net) return error;
    AT_SCOPE {
        AT_NO_GRAD { error = at_item(leave_one_out_error(net, x, y)); }
    }
    at_module_free(&net->module);
    return error;
}

/* Goes on from w by gradients; each step changes w by a percent or less. */
static double descend(double w, at_tensor *x, at_tensor *y) {
    const int steps = 100;
    NWKernelRegression *net = toy_model(w);
    if (!net) return NAN;
    at_optimizer *trainer = at_adam(at_parameters(&net->module), .lr = 0.01 * w);
    for (int i = 0; i < steps && !at_error(); i++) {
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_backward(leave_one_out_error(net, x, y));
            at_optimizer_step(trainer);
        }
    }
    w = at_item(net->w);
    at_optimizer_free(trainer);
    at_module_free(&net->module);
    return w;
}

/* Bandwidths 1 / w from the whole range of x to a hundredth of it, in equal ratios. */
static void cross_validate(at_tensor *x, at_tensor *y, const char *what, const char *name) {
    double w[CANDIDATES], error[CANDIDATES];
    const double range = at_item(at_max(x)) - at_item(at_min(x));
    int best = 0;
    for (int i = 0; i < CANDIDATES; i++) {
        w[i] = pow(100, i / (CANDIDATES - 1.0)) / range;
        error[i] = error_at(w[i], x, y);
        if (error[i] < error[best]) best = i;
    }
    printf("%s: smallest error %.5g at w = %.3f, a bandwidth of %.3f", what, error[best], w[best], 1 / w[best]);
    printf("; by gradients w = %.3f\n", descend(w[best], x, y));
    char smallest[32];
    snprintf(smallest, sizeof smallest, "w = %.2f", w[best]);
    at_figure *figure = at_figure_new(.xlabel = "w", .ylabel = "leave-one-out error", .xlog = true);
    at_figure_line(figure, at_from_doubles(w, CANDIDATES), at_from_doubles(error, CANDIDATES), .label = "error");
    at_figure_points(figure, at_scalar(w[best]), at_scalar(error[best]), .color = "C1", .label = smallest);
    gallery_save(figure, name);
}

int main(int argc, char **argv) {
    const char *path;
    csv_pairs pairs;
    gallery_begin(argc, argv, "Chooses the width of the kernel by leave-one-out cross-validation.", &path);
    at_manual_seed(0);
    const toy_data data = toy_examples(50);
    if (path && !csv_read_pairs(path, &pairs)) return 2;
    cross_validate(data.x, data.y, "artificial data", "exercise_bandwidth.png");
    if (path) cross_validate(pairs.x, pairs.y, path, "exercise_bandwidth_data.png");
    return gallery_end();
}
