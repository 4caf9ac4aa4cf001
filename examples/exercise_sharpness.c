/* examples/exercise_sharpness.c - an exercise of the chapter that nadaraya_watson.c follows: "What is the value of w in
 * the parametric attention pooling experiment? Why does it make the weighted region sharper?"
 *
 * The scores are -((q - k) w)^2 / 2: w stretches all distances. Of keys as far away as before, the weights are then
 * those of keys w times as far: exp(-w^2 d^2 / 2) falls to one half at d = 1.18 / w. So 1 / w is the width of the
 * region that a query looks at. Learning by leaving out one example weighs two mistakes against each other: a wide
 * region blurs the curve (bias), in a narrow one few noisy examples decide (variance). */
#include "common/gallery.h"
#include "common/toy.h"

enum { WIDTHS = 4 };

static const double widths[WIDTHS] = {1, 4, 9, 30};
static const char *const titles[WIDTHS] = {"w = 1", "w = 4", "w = 9", "w = 30"};

static double loss(at_tensor *y_hat, at_tensor *y) { return at_item(at_mse_loss(at_detach(y_hat), y, AT_MEAN)); }

/* Returns the weights of the test inputs, (50, 50), and the fit in *figure. */
static at_tensor *look_at(int i, const toy_data *data, at_figure **figure) {
    NWKernelRegression *net = toy_model(widths[i]);
    if (!net) return NULL;
    at_tensor *x_test = at_arange(0, 5, 0.1);
    at_tensor *others = at_nw_kernel_regression_forward(net, data->x, data->x, data->y, .leave_one_out = true);
    at_tensor *all = at_nw_kernel_regression_forward(net, data->x, data->x, data->y);
    at_tensor *y_hat = at_detach(at_nw_kernel_regression_forward(net, x_test, data->x, data->y));
    at_tensor *weights = at_mul(net->attention_weights, 1);
    /* 1 / sum(a^2) is n where n keys share the attention equally. */
    double keys = at_item(at_mean(at_reciprocal(at_sum_dim(at_square(weights), 1, false))));
    printf("%-7s %4.1f keys count, loss %.3f by the others and %.3f with itself, error from the truth %.3f\n",
           titles[i], keys, loss(others, data->y), loss(all, data->y), loss(y_hat, toy_truth(x_test)));
    *figure = at_figure_new(.title = titles[i], .xlabel = "x", .ylabel = "y", .xlim = {0, 5}, .ylim = {-1, 5},
                            .width = 400, .height = 373);
    at_figure_line(*figure, x_test, toy_truth(x_test), .label = "Truth");
    at_figure_line(*figure, x_test, y_hat, .label = "Pred", .style = "m--");
    at_figure_points(*figure, data->x, data->y, .alpha = 0.5, .color = "C1");
    at_module_free(&net->module);
    return weights;
}

int main(int argc, char **argv) {
    at_figure *figures[WIDTHS] = {0};
    at_tensor *weights[WIDTHS];
    gallery_begin(argc, argv, "Draws fits and attention weights of the chapter's model for several w.", NULL);
    at_manual_seed(0);
    const toy_data data = toy_examples(50);
    for (int i = 0; i < WIDTHS; i++) weights[i] = look_at(i, &data, &figures[i]);
    gallery_save_row(figures, WIDTHS, "exercise_sharpness_fits.png");
    at_tensor *row = at_unsqueeze(at_stack(0, weights[0], weights[1], weights[2], weights[3]), 0);
    gallery_heatmaps((at_heatmap_options){.matrices = row,
                                          .titles = titles,
                                          .xlabel = "Sorted training inputs",
                                          .ylabel = "Sorted testing inputs"},
                     "exercise_sharpness_weights.png");
    return gallery_end();
}
