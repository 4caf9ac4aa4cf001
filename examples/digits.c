/* examples/digits.c - a multilayer perceptron that reads handwritten digits: 1,797 images of 8 x 8 pixels
 * (examples/data/digits.csv), four fifths of them to learn from and the rest to be tested on.
 *
 *     digits [--quick] [FILE]     --quick: one pass over the data;  FILE: where digits.csv is */
#include <atled-plot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/complain.h"
#include "common/folder.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE, DIGITS = 10, HIDDENS = 64, COLUMNS = PIXELS + 1 };
enum { IMAGES = 1797, TEST = 360, TRAINING = IMAGES - TEST, BATCH = 32, EPOCHS = 30, SHOWN = 5 };

/* ---- data -------------------------------------------------------------------------------------------------------- */

typedef struct {
    at_tensor *images; /* (n, PIXELS), from 0 (white) to 1 */
    at_tensor *digits; /* int64 (n) */
} examples;

/* (IMAGES, COLUMNS); NULL after complaining, here or, of what at_error() says, at the end. */
static at_tensor *read_table(const char *path) {
    at_tensor *table = at_load_csv(path);
    if (!table || (at_size(table, 0) == IMAGES && at_size(table, 1) == COLUMNS)) return table;
    return complain("%s: want %d rows of %d numbers", path, IMAGES, COLUMNS), NULL;
}

static examples part(at_tensor *table, int64_t start, int64_t end) {
    at_tensor *rows = at_slice(table, 0, start, end, 1);
    return (examples){.images = at_contiguous(at_div(at_slice(rows, 1, 0, PIXELS, 1), 16)),
                      .digits = at_contiguous(at_to(at_select(rows, 1, PIXELS), AT_INT64))};
}

/* ---- the model: a struct that begins with an at_module, and a line for each of its parts ------------------------- */

typedef struct {
    at_module module;
    at_linear *hidden, *output;
} Perceptron;

static Perceptron *perceptron_new(void) {
    Perceptron *net = at_module_new(sizeof *net, "Perceptron");
    if (net && at_child(net, hidden, at_linear_new(PIXELS, HIDDENS)) &&
        at_child(net, output, at_linear_new(HIDDENS, DIGITS)))
        return net;
    if (net) at_module_free(&net->module);
    return NULL;
}

/* images (n, PIXELS) -> scores (n, DIGITS) */
static at_tensor *forward(Perceptron *net, at_tensor *images) {
    return at_linear_forward(net->output, at_relu(at_linear_forward(net->hidden, images)));
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

/* One pass over the examples in an order drawn anew. */
static void train_epoch(Perceptron *net, at_optimizer *trainer, const examples *data) {
    at_tensor *order = at_randperm(TRAINING);
    for (int64_t at = 0; at < TRAINING && !at_error(); at += BATCH)
        AT_SCOPE {
            at_tensor *rows = at_slice(order, 0, at, at + BATCH, 1);
            at_tensor *scores = forward(net, at_index_select(data->images, 0, rows));
            at_tensor *loss = at_cross_entropy_loss(scores, at_index_select(data->digits, 0, rows), AT_MEAN);
            at_optimizer_zero_grad(trainer);
            at_backward(loss);
            at_optimizer_step(trainer);
        }
}

typedef struct {
    double loss, accuracy;
} result;

static result evaluate(Perceptron *net, const examples *data) {
    result r = {0};
    AT_NO_GRAD
        AT_SCOPE {
            at_tensor *scores = forward(net, data->images), *right = at_eq(at_argmax(scores, 1, false), data->digits);
            r.loss = at_item(at_cross_entropy_loss(scores, data->digits, AT_MEAN));
            r.accuracy = at_item(at_sum(right)) / (double)at_numel(right);
        }
    return r;
}

/* losses: of the training and of the test part after each epoch */
static void train(Perceptron *net, const examples *training, const examples *test, int epochs,
                  double (*losses)[EPOCHS]) {
    at_optimizer *trainer = at_adam(at_parameters(&net->module), .lr = 2e-3);
    for (int epoch = 0; epoch < epochs && !at_error(); epoch++)
        AT_SCOPE {
            train_epoch(net, trainer, training);
            result seen = evaluate(net, training), unseen = evaluate(net, test);
            losses[0][epoch] = seen.loss, losses[1][epoch] = unseen.loss;
            if (epoch == 0 || (epoch + 1) % 5 == 0)
                printf("epoch %2d, loss %.4f, test loss %.4f, test accuracy %.1f %%\n", epoch + 1, seen.loss,
                       unseen.loss, 100 * unseen.accuracy);
        }
    at_optimizer_free(trainer);
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

static bool draw_losses(double (*losses)[EPOCHS], int epochs) {
    at_tensor *epoch = at_arange(1, epochs + 1, 1);
    at_figure *figure = at_figure_new(.xlabel = "epoch", .ylabel = "loss");
    bool good = at_figure_line(figure, epoch, at_from_doubles(losses[0], epochs), .label = "training") &&
                at_figure_line(figure, epoch, at_from_doubles(losses[1], epochs), .label = "test", .dashed = true) &&
                at_figure_save(figure, "out/digits_loss.png");
    at_figure_free(figure);
    return good;
}

/* The first images that are taken for another digit. */
static bool draw_mistakes(Perceptron *net, const examples *test) {
    at_tensor *guess = at_argmax(forward(net, test->images), 1, false), *images[SHOWN];
    char text[SHOWN][40];
    const char *titles[SHOWN];
    int shown = 0;
    for (int64_t i = 0; i < TEST && shown < SHOWN && !at_error(); i++) {
        int is = (int)at_get(test->digits, i), taken_for = (int)at_get(guess, i);
        if (is == taken_for) continue;
        images[shown] = at_reshape(at_select(test->images, 0, i), SIDE, SIDE);
        snprintf(text[shown], sizeof text[shown], "%d, taken for %d", is, taken_for);
        titles[shown] = text[shown], shown++;
    }
    if (shown == 0) return true;
    return at_show_heatmaps("out/digits_mistakes.png", at_unsqueeze(at_stack_list(0, images, shown), 0),
                            .titles = titles);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bool run(const char *path, int epochs) {
    static double losses[2][EPOCHS];
    at_tensor *table = read_table(path);
    Perceptron *net = table && make_folder("out") ? perceptron_new() : NULL;
    if (!net) return false;
    table = at_index_select(table, 0, at_randperm(IMAGES));
    examples training = part(table, 0, TRAINING), test = part(table, TRAINING, IMAGES);
    at_module_print(&net->module);
    train(net, &training, &test, epochs, losses);
    double accuracy = evaluate(net, &test).accuracy;
    printf("%d of %d digits never seen are read right: %.1f %%\n", (int)(accuracy * TEST + 0.5), TEST, 100 * accuracy);
    bool good = draw_losses(losses, epochs) && draw_mistakes(net, &test);
    at_module_free(&net->module);
    return good && !at_error();
}

int main(int argc, char **argv) {
    complain_as(argc > 0 ? argv[0] : "digits");
    const bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    const char *path = argc > 1 + quick ? argv[1 + quick] : "examples/data/digits.csv";
    if (path[0] == '-' || argc > 2 + quick) return complain("want [--quick] [FILE], where FILE is digits.csv"), 2;
    at_set_error_mode(AT_ERROR_RETURN); /* so that a full disk gives one line, below, and no abort */
    at_manual_seed(0);
    bool good = run(path, quick ? 1 : EPOCHS);
    if (at_error()) complain("%s", at_error());
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
