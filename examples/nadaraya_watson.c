/* examples/nadaraya_watson.c - "Attention Pooling: Nadaraya-Watson Kernel Regression", a chapter of Dive into Deep
 * Learning, from its data to its last figure. `nadaraya_watson --help` lists the options.
 *
 * The question of the chapter: given pairs (x_i, y_i), what is y at a new x? Every answer here is attention pooling: the
 * new x is a query, it is compared with all keys x_i, and the answer is the mean of the values y_i, each weighted by the
 * attention that the query pays to its key. The sections differ only in where those weights come from. */
#include <atled-plot.h>
#include <math.h>
#include <stdlib.h>

#include "common/complain.h"
#include "common/csv.h"
#include "common/folder.h"
#include "common/settings.h"
#include "common/training_log.h"

/* What the cells of a notebook would share. */
typedef struct {
    settings options;
    int64_t n_train, n_test;
    at_tensor *x_train, *y_train; /* (n_train): the keys and the values, sorted by x */
    at_tensor *x_test;            /* (n_test): the queries */
    at_tensor *y_truth;           /* (n_test): y without noise; NULL where nobody knows it */
    const char *xlabel, *ylabel;
    double xlim[2], ylim[2]; /* zeros: what the data need */
} chapter;

/* ---- data -------------------------------------------------------------------------------------------------------- */

/* The function behind the artificial data, which the models are to find. */
static at_tensor *f(at_tensor *x) { return at_add(at_mul(2, at_sin(x)), at_pow(x, 0.8)); }

/* y_i = 2 sin(x_i) + x_i^0.8 + noise. The inputs are sorted only so that pictures of the attention are easy to read. */
static void artificial_data(chapter *c) {
    c->n_train = (int64_t)c->options.n_train;
    c->x_train = at_sort(at_mul(at_rand(c->n_train), 5), 0, false, NULL);
    c->y_train = at_add(f(c->x_train), at_normal(0, 0.5, c->n_train));
    c->x_test = at_arange(0, 5, 0.1);
    c->y_truth = f(c->x_test);
    c->n_test = at_size(c->x_test, 0);
    c->xlabel = "x", c->ylabel = "y";
    c->xlim[0] = 0, c->xlim[1] = 5;
    c->ylim[0] = -1, c->ylim[1] = 5;
}

/* Pairs from a file. The queries are spread evenly over the same range of x, as many as there are keys. */
static void real_data(chapter *c, const csv_pairs *pairs) {
    at_tensor *order = at_argsort(pairs->x, 0, false);
    c->x_train = at_index_select(pairs->x, 0, order);
    c->y_train = at_index_select(pairs->y, 0, order);
    c->n_train = at_size(c->x_train, 0);
    c->n_test = c->n_train > 50 ? c->n_train : 50; /* few would make a curve with corners */
    c->x_test = at_linspace(at_item(at_min(c->x_train)), at_item(at_max(c->x_train)), c->n_test);
    c->xlabel = pairs->names ? pairs->names[0] : "x";
    c->ylabel = pairs->names ? pairs->names[1] : "y";
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

/* Saves the figure, unless something that belongs into it has failed, and frees it. Errors are left to main. */
static bool save(at_figure *figure, const chapter *c, const char *name) {
    char *path = path_in(c->options.out, name);
    bool saved = !at_error() && at_figure_save(figure, path);
    free(path);
    at_figure_free(figure);
    return saved;
}

static bool plot_examples(at_figure *figure, const chapter *c, const char *label) {
    return at_figure_points(figure, c->x_train, c->y_train, .label = label, .alpha = 0.5, .color = "C1");
}

/* The training examples as circles, the curve that they come from, and the curve that a model predicts. Real data have
 * no true curve, and tend to be so many that the prediction is better seen on top of them. */
static bool plot_kernel_reg(const chapter *c, at_tensor *y_hat, const char *name) {
    at_figure *figure = at_figure_new(.xlabel = c->xlabel, .ylabel = c->ylabel, .xlim = {c->xlim[0], c->xlim[1]},
                                      .ylim = {c->ylim[0], c->ylim[1]});
    if (c->y_truth)
        at_figure_line(figure, c->x_test, c->y_truth, .label = "Truth");
    else
        plot_examples(figure, c, "Data");
    at_figure_line(figure, c->x_test, y_hat, .label = "Pred", .dashed = true, .color = "m");
    if (c->y_truth) plot_examples(figure, c, NULL);
    return save(figure, c, name);
}

/* One row for each query, one column for each key: the darker, the more attention. */
static bool show_attention(const chapter *c, at_tensor *attention_weights, const char *name) {
    char *path = path_in(c->options.out, name);
    /* A grid of heatmaps is (rows, columns, height, width); this one is a single matrix. */
    at_tensor *matrices = at_unsqueeze(at_unsqueeze(attention_weights, 0), 0);
    bool shown =
        at_show_heatmaps(path, matrices, .xlabel = "Sorted training inputs", .ylabel = "Sorted testing inputs");
    free(path);
    return shown;
}

/* Whether all elements are numbers that can be drawn. Errors are left to main. */
static bool all_finite(at_tensor *x) { return at_error() || isfinite(at_item(at_sum(at_to(x, AT_FLOAT64)))); }

/* ---- average pooling --------------------------------------------------------------------------------------------- */

/* The simplest answer pays no attention to the query: the mean of all values, whatever x is. */
static bool average_pooling(const chapter *c) {
    at_tensor *y_hat = at_repeat_interleave(at_mean(c->y_train), c->n_test);
    return plot_kernel_reg(c, y_hat, "average_pooling.png");
}

/* ---- nonparametric attention pooling ----------------------------------------------------------------------------- */

/* Nadaraya and Watson weigh each value by how near its key is to the query. With a Gaussian kernel the weights are a
 * softmax over the keys of -((x - x_i) / h)^2 / 2, where h is the bandwidth; the chapter's is 1. Nothing is learned. */
static bool nonparametric_pooling(const chapter *c) {
    /* (n_test, n_train): each row holds the same query, beside every key. */
    at_tensor *X_repeat = at_reshape(at_repeat_interleave(c->x_test, c->n_train), -1, c->n_train);
    at_tensor *distance = at_div(at_sub(X_repeat, c->x_train), c->options.bandwidth);
    /* (n_test, n_train): each row sums to 1, to be given out among the values. */
    at_tensor *attention_weights = at_softmax(at_div(at_neg(at_square(distance)), 2), 1);
    at_tensor *y_hat = at_matmul(attention_weights, c->y_train);
    if (!all_finite(y_hat)) return complain("the distances overflow: want a larger --bandwidth");
    return plot_kernel_reg(c, y_hat, "nonparametric_pooling.png") &&
           show_attention(c, attention_weights, "nonparametric_weights.png");
}

/* ---- batch matrix multiplication --------------------------------------------------------------------------------- */

/* bmm multiplies matrices pair by pair: n of (a, b) by n of (b, c) give n of (a, c). With a = c = 1 each product is one
 * weighted mean, and that is how the model below pools all of its queries at once. */
static bool batch_matrix_multiplication(const chapter *c) {
    at_tensor *X = at_ones(2, 1, 4);
    at_tensor *Y = at_ones(2, 4, 6);
    at_shape shape = at_shape_of(at_bmm(X, Y));
    at_tensor *weights = at_mul(at_ones(2, 10), 0.1);
    at_tensor *values = at_reshape(at_arange(0, 20, 1), 2, 10);
    at_tensor *means = at_bmm(at_unsqueeze(weights, 1), at_unsqueeze(values, -1));
    if (at_error()) return false;
    if (c->options.quiet) return true;
    printf("bmm of (2, 1, 4) and (2, 4, 6) is (%d, %d, %d)\n", (int)shape.dim[0], (int)shape.dim[1], (int)shape.dim[2]);
    printf("bmm of weights (2, 1, 10) and values (2, 10, 1):\n");
    at_print(means);
    return true;
}

/* ---- parametric attention pooling: training ---------------------------------------------------------------------- */

/* The losses over the epochs. A single one makes no line, so it is drawn as a point. */
static bool plot_loss(const chapter *c, at_tensor *losses) {
    const double epochs = (double)at_numel(losses);
    const bool line = epochs > 1;
    at_tensor *epoch = at_add(at_arange(0, epochs, 1), 1);
    at_figure *figure = at_figure_new(.xlabel = "epoch", .ylabel = "loss", .xlim = {line ? 1 : 0, line ? epochs : 2});
    if (line)
        at_figure_line(figure, epoch, losses);
    else
        at_figure_points(figure, epoch, losses);
    return save(figure, c, "loss.png");
}

/* Every row is a query's view of the training set: all of x, (n_train, n_train), without the diagonal. An example that
 * could see itself would put all of its attention there, and learn nothing. Result: (n_train, n_train - 1). */
static at_tensor *all_but_own(at_tensor *x, int64_t n_train) {
    at_tensor *tile = at_repeat(x, n_train, 1);
    at_tensor *off_diagonal = at_to(at_sub(1, at_eye(n_train)), AT_BOOL);
    return at_reshape(at_masked_select(tile, off_diagonal), n_train, -1);
}

/* One parameter w, by which all distances are multiplied: it is to make the attention as narrow as suits the data. The
 * loss is the squared error of every example as the others predict it. */
static bool train(const chapter *c, NWKernelRegression *net) {
    const bool fused = c->options.fused; /* (n_train) keys for all queries, and each leaves out its own */
    at_tensor *keys = fused ? c->x_train : all_but_own(c->x_train, c->n_train);
    at_tensor *values = fused ? c->y_train : all_but_own(c->y_train, c->n_train);
    const int64_t epochs = (int64_t)c->options.epochs;
    training_log log;
    if (!training_log_start(&log, epochs, c->options.quiet)) return false;
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = c->options.lr);
    for (int64_t epoch = 1; epoch <= epochs && !at_error(); epoch++) {
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *y_hat =
                at_nw_kernel_regression_forward(net, c->x_train, keys, values, .leave_one_out = fused, .fused = fused);
            at_tensor *loss = at_sum(at_mse_loss(y_hat, c->y_train, AT_NONE));
            if (at_backward(loss) && at_optimizer_step(trainer)) training_log_add(&log, at_item(loss));
        }
    }
    at_tensor *losses = training_log_end(&log);
    at_optimizer_free(trainer);
    if (!all_finite(losses)) return complain("the loss did not stay finite: want a smaller --lr");
    if (!c->options.quiet && !at_error()) printf("w = %f\n", at_item(net->w));
    return plot_loss(c, losses);
}

/* ---- parametric attention pooling: prediction -------------------------------------------------------------------- */

/* As in the nonparametric section, but with the w that was learned: the curve follows the data more closely, and the
 * attention is gathered around fewer keys. */
static bool parametric_pooling(const chapter *c, NWKernelRegression *net) {
    at_tensor *keys = at_repeat(c->x_train, c->n_test, 1);
    at_tensor *values = at_repeat(c->y_train, c->n_test, 1);
    at_tensor *y_hat = at_detach(at_nw_kernel_regression_forward(net, c->x_test, keys, values));
    return plot_kernel_reg(c, y_hat, "parametric_pooling.png") &&
           show_attention(c, net->attention_weights, "parametric_weights.png");
}

/* ---- the chapter ------------------------------------------------------------------------------------------------- */

static bool parametric_sections(const chapter *c) {
    NWKernelRegression *net = at_nw_kernel_regression();
    if (!net) return false;
    bool ok = train(c, net) && parametric_pooling(c, net);
    at_module_free(&net->module);
    return ok;
}

int main(int argc, char **argv) {
    chapter c = {.options = settings_from_arguments(argc, argv)};
    /* What a user can cause, a full disk or too little memory, is to end in one line and not in an abort. A failed call
     * gives NULL, NULL makes later calls fail too, and at_error() keeps the first message: one look at the end will do. */
    at_set_error_mode(AT_ERROR_RETURN);
    at_manual_seed(c.options.seed);
    csv_pairs pairs = {.names = NULL};
    if (c.options.data && !csv_read_pairs(c.options.data, &pairs)) return 2;
    if (!make_folder(c.options.out)) return free(pairs.names), 1;
    if (c.options.data)
        real_data(&c, &pairs);
    else
        artificial_data(&c);

    bool ok =
        average_pooling(&c) && nonparametric_pooling(&c) && batch_matrix_multiplication(&c) && parametric_sections(&c);
    if (at_error()) complain("%s", at_error());
    free(pairs.names);
    if (fflush(stdout) != 0 || ferror(stdout)) ok = complain("cannot write to the standard output");
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
