/* examples/exercise_more_data.c - an exercise of the chapter that nadaraya_watson.c follows: "Increase the number of
 * training examples. Can you learn nonparametric attention pooling better?" And the parametric one?
 *
 * The nonparametric one gets little better: its kernel stays as wide as it is, and so it smooths the curve away however
 * many examples there are. A kernel whose width is learned becomes narrower as the examples become dense. */
#include <stdlib.h>

#include "common/gallery.h"
#include "common/toy.h"

enum { SIZES = 5, DATA_SETS = 3 };

static const int sizes[SIZES] = {20, 40, 80, 160, 320};

/* The mean squared distance from the true curve, which noise does not count in. */
static double error_from_truth(NWKernelRegression *net, const toy_data *data) {
    double error = 0;
    AT_SCOPE {
        at_tensor *x_test = at_arange(0, 5, 0.1);
        at_tensor *y_hat = at_nw_kernel_regression_forward(net, x_test, data->x, data->y, .fused = true);
        error = at_item(at_mse_loss(at_detach(y_hat), toy_truth(x_test), AT_MEAN));
    }
    return error;
}

/* As in the chapter, each example is predicted from the others. The mean of the losses, and not the sum, keeps the
 * steps as large for many examples as for few, and Adam's do not become small where the loss is nearly flat. */
static void train(NWKernelRegression *net, const toy_data *data) {
    const int epochs = 60;
    at_optimizer *trainer = at_adam(at_parameters(&net->module), .lr = 0.3, .beta2 = 0.9);
    at_schedule *schedule = at_cosine_lr(trainer, epochs, 0);
    for (int epoch = 0; epoch < epochs && !at_error(); epoch++) {
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *y_hat = at_nw_kernel_regression_forward(net, data->x, data->x, data->y, .leave_one_out = true);
            at_backward(at_mse_loss(y_hat, data->y, AT_MEAN));
            at_optimizer_step(trainer);
            at_schedule_step(schedule);
        }
    }
    at_schedule_free(schedule);
    at_optimizer_free(trainer);
}

typedef struct {
    double nonparametric, parametric; /* errors */
    double w;
} outcome;

/* The two kinds of pooling: w = 1 is the chapter's nonparametric one, w = 4 is near what 50 examples want. */
static outcome try_data(const toy_data *data) {
    outcome found = {0};
    NWKernelRegression *fixed = toy_model(1), *learned = toy_model(4);
    if (fixed && learned) {
        train(learned, data);
        found = (outcome){error_from_truth(fixed, data), error_from_truth(learned, data), at_item(learned->w)};
    }
    if (fixed) at_module_free(&fixed->module);
    if (learned) at_module_free(&learned->module);
    return found;
}

/* The mean over some data sets, as chance makes one or the other look better than it is. */
static outcome try_size(int n) {
    outcome mean = {0};
    for (int i = 0; i < DATA_SETS; i++) {
        AT_SCOPE {
            const toy_data data = toy_examples(n);
            const outcome found = try_data(&data);
            mean.nonparametric += found.nonparametric / DATA_SETS;
            mean.parametric += found.parametric / DATA_SETS;
            mean.w += found.w / DATA_SETS;
        }
    }
    return mean;
}

int main(int argc, char **argv) {
    double n[SIZES], nonparametric[SIZES], parametric[SIZES], w[SIZES];
    gallery_begin(argc, argv, "Fits 20 to 320 examples, with a kernel of fixed and one of learned width.", NULL);
    at_manual_seed(0);
    printf("examples  nonparametric  parametric  learned w\n");
    for (int i = 0; i < SIZES; i++) {
        const outcome mean = try_size(sizes[i]);
        n[i] = sizes[i], nonparametric[i] = mean.nonparametric, parametric[i] = mean.parametric, w[i] = mean.w;
        printf("%8d %14.4f %11.4f %10.2f\n", sizes[i], mean.nonparametric, mean.parametric, mean.w);
    }
    at_tensor *x = at_from_doubles(n, SIZES);
    at_figure *errors =
        at_figure_new(.xlabel = "training examples", .ylabel = "error from the truth", .xlog = true, .ylog = true);
    at_figure_line(errors, x, at_from_doubles(nonparametric, SIZES), .label = "nonparametric");
    at_figure_line(errors, x, at_from_doubles(parametric, SIZES), .label = "parametric", .style = "m--");
    gallery_save(errors, "exercise_more_data_errors.png");
    at_figure *widths = at_figure_new(.xlabel = "training examples", .ylabel = "learned w", .xlog = true);
    at_figure_line(widths, x, at_from_doubles(w, SIZES));
    gallery_save(widths, "exercise_more_data_w.png");
    return gallery_end();
}
