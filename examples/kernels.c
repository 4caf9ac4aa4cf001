/* examples/kernels.c - "Attention Pooling by Similarity" of Dive into Deep Learning: the same 40 examples pooled with
 * four kernels, and with Gaussian kernels of four widths.
 *
 * A kernel says how much a key counts that lies so far from the query. Divided by their sum, the counts become attention
 * weights, and the prediction is the mean of the values with these weights. */
#include "common/gallery.h"

enum { KERNELS = 4 };

typedef at_tensor *(*kernel)(at_tensor *distances, double width);

/* ---- kernels ----------------------------------------------------------------------------------------------------- */

static at_tensor *gaussian(at_tensor *x, double sigma) {
    return at_exp(at_div(at_neg(at_square(x)), 2 * sigma * sigma));
}

static at_tensor *boxcar(at_tensor *x, double width) { return at_to(at_lt(at_abs(x), width), AT_FLOAT32); }

static at_tensor *constant(at_tensor *x, double width) {
    (void)width;
    return at_ones_like(x);
}

/* As the book has it: its graph is a triangle (the function of this name in statistics is 1 - x^2). */
static at_tensor *epanechikov(at_tensor *x, double width) { return at_relu(at_sub(1, at_div(at_abs(x), width))); }

/* ---- data -------------------------------------------------------------------------------------------------------- */

typedef struct {
    at_tensor *x_train, *y_train; /* (40): keys and values */
    at_tensor *x_val, *y_val;     /* (50): queries, and what is true there */
} problem;

static at_tensor *f(at_tensor *x) { return at_add(at_mul(2, at_sin(x)), x); }

static problem make_problem(void) {
    const int n = 40;
    problem p;
    p.x_train = at_sort(at_mul(at_rand(n), 5), 0, false, NULL);
    p.y_train = at_add(f(p.x_train), at_randn(n));
    p.x_val = at_arange(0, 5, 0.1);
    p.y_val = f(p.x_val);
    return p;
}

/* ---- Nadaraya-Watson --------------------------------------------------------------------------------------------- */

/* (queries, keys): row i is how query i shares its attention out. */
static at_tensor *attention_weights(const problem *p, kernel k, double width) {
    at_tensor *distances = at_sub(at_unsqueeze(p->x_val, 1), at_unsqueeze(p->x_train, 0));
    at_tensor *counts = k(distances, width);
    return at_div(counts, at_sum_dim(counts, 1, true));
}

static at_figure *draw_fit(const problem *p, at_tensor *y_hat, const char *name) {
    at_figure *figure = at_figure_new(.xlabel = name, .width = 400, .height = 400);
    at_figure_line(figure, p->x_val, y_hat, .label = "y_hat");
    at_figure_line(figure, p->x_val, p->y_val, .label = "y", .style = "m--");
    at_figure_points(figure, p->x_train, p->y_train, .color = "C1", .alpha = 0.5);
    return figure;
}

/* Four kernels side by side: the fits with a common y axis, the weights with one range of colours. */
static void compare(const problem *p, const kernel kernels[KERNELS], const double widths[KERNELS],
                    const char *const names[KERNELS], const char *fits, const char *weights) {
    at_figure *figures[KERNELS];
    at_tensor *matrices[KERNELS];
    for (int i = 0; i < KERNELS; i++) {
        matrices[i] = attention_weights(p, kernels[i], widths[i]);
        at_tensor *y_hat = at_matmul(matrices[i], p->y_train);
        figures[i] = draw_fit(p, y_hat, names[i]);
        printf("%-12s mean squared error from the truth %.4f, largest weight %.4f\n", names[i],
               at_item(at_mse_loss(y_hat, p->y_val, AT_MEAN)), at_item(at_max(matrices[i])));
    }
    gallery_save_row(figures, KERNELS, fits);
    at_tensor *row = at_unsqueeze(at_stack(0, matrices[0], matrices[1], matrices[2], matrices[3]), 0);
    gallery_heatmaps((at_heatmap_options){.matrices = row,
                                          .titles = names,
                                          .xlabel = "Training inputs",
                                          .ylabel = "Validation inputs"},
                     weights);
}

/* ---- the section ------------------------------------------------------------------------------------------------- */

static void draw_kernels(const kernel kernels[KERNELS], const char *const names[KERNELS]) {
    at_figure *figures[KERNELS];
    at_tensor *x = at_arange(-2.5, 2.5, 0.1);
    for (int i = 0; i < KERNELS; i++) {
        figures[i] = at_figure_new(.xlabel = names[i], .width = 400, .height = 400);
        at_figure_line(figures[i], x, kernels[i](x, 1));
    }
    gallery_save_row(figures, KERNELS, "kernels.png");
}

int main(int argc, char **argv) {
    static const kernel kernels[KERNELS] = {gaussian, boxcar, constant, epanechikov};
    static const kernel gaussians[KERNELS] = {gaussian, gaussian, gaussian, gaussian};
    static const char *const names[KERNELS] = {"Gaussian", "Boxcar", "Constant", "Epanechikov"};
    static const char *const sigma_names[KERNELS] = {"Sigma 0.1", "Sigma 0.2", "Sigma 0.5", "Sigma 1"};
    static const double ones[KERNELS] = {1, 1, 1, 1}, sigmas[KERNELS] = {0.1, 0.2, 0.5, 1};
    gallery_begin(argc, argv, "Draws four kernels, and what each makes of the same examples.", NULL);
    at_manual_seed(0);
    problem p = make_problem();
    draw_kernels(kernels, names);
    compare(&p, kernels, ones, names, "kernels_fits.png", "kernels_weights.png");
    /* Narrow kernels follow the data, and their noise; wide ones average much away. */
    compare(&p, gaussians, sigmas, sigma_names, "kernels_widths_fits.png", "kernels_widths_weights.png");
    return gallery_end();
}
