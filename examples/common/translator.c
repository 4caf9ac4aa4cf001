/* examples/common/translator.c - training and scoring of models that translate dates. */
#include "translator.h"
#include "complain.h"
#include "folder.h"

#include <atled-plot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRAINING = 20000, TEST = 1000, BATCH = 64, LINES = 10 };
enum { QUICK_TRAINING = 16, QUICK_TEST = 4, QUICK_BATCH = 8 };

/* How many dates to train on and to test with, and how many at a time. */
typedef struct {
    int64_t training, test, batch;
} amounts;

bool wants_quick(int argc, char **argv) {
    if (argc == 1) return false;
    if (argc == 2 && strcmp(argv[1], "--quick") == 0) return true;
    complain("want no argument, or --quick: a few steps, to see that all works");
    exit(2);
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

at_tensor *date_known(const date_pairs *batch) {
    at_tensor *begin = at_add(at_mul(at_slice(batch->target, 1, 0, 1, 1), 0), DATE_BEGIN);
    return at_cat(1, begin, at_slice(batch->target, 1, 0, DATE_STEPS - 1, 1));
}

/* One step on a batch; the mean loss of a token. */
static double train_step(const translator *t, at_optimizer *trainer, const date_pairs *batch) {
    at_tensor *scores = at_reshape(t->scores(t->net, batch), -1, DATE_VOCABULARY);
    at_tensor *loss = at_cross_entropy_loss(scores, at_flatten(batch->target), AT_MEAN);
    at_optimizer_zero_grad(trainer);
    at_backward(loss);
    at_clip_grad_norm(at_parameters(t->net), 1);
    at_optimizer_step(trainer);
    return at_item(loss);
}

/* Batches in an order that is drawn anew whenever the examples are used up; the learning rate falls to zero as half a
 * cosine. losses: (steps) */
static void train(const translator *t, const date_pairs *data, const amounts *n, int64_t steps, double lr,
                  double *losses) {
    at_optimizer *trainer = at_adam(at_parameters(t->net), .lr = lr);
    at_schedule *schedule = at_cosine_lr(trainer, steps, 0);
    at_tensor *order = NULL;
    double sum = 0;
    int64_t at = n->training, line = steps >= LINES ? steps / LINES : 1;
    for (int64_t step = 0; step < steps && !at_error(); step++, at += n->batch)
        AT_SCOPE {
            if (at + n->batch > n->training) at_assign(&order, at_randperm(n->training)), at = 0;
            date_pairs batch = pick_dates(data, at_slice(order, 0, at, at + n->batch, 1));
            sum += losses[step] = train_step(t, trainer, &batch);
            at_schedule_step(schedule);
            if ((step + 1) % line == 0) {
                printf("step %lld, loss %.4f\n", (long long)step + 1, sum / (double)line), fflush(stdout);
                sum = 0;
            }
        }
    at_release(order);
    at_schedule_free(schedule);
    at_optimizer_free(trainer);
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

static char *figure_path(const translator *t, const char *what) {
    char name[100];
    snprintf(name, sizeof name, "%s_%s.png", t->name, what);
    return path_in("out", name);
}

/* Means of several steps: single ones are noise. */
static bool draw_losses(const translator *t, const double *losses, int64_t steps) {
    int64_t mean_of = steps > 100 ? steps / 100 : 1, n = steps / mean_of;
    at_tensor *means = at_mean_dim(at_from_doubles(losses, n, mean_of), 1, false);
    at_tensor *step = at_mul(at_add(at_arange(0, (double)n, 1), 0.5), (double)mean_of);
    at_figure *figure = at_figure_new(.xlabel = "step", .ylabel = "loss");
    char *path = figure_path(t, "loss");
    bool good = at_figure_line(figure, step, means) && at_figure_save(figure, path);
    free(path);
    at_figure_free(figure);
    return good;
}

bool draw_attention(const translator *t, const char *what, at_tensor *weights, const char *text, const char *ylabel,
                    const char *const *titles) {
    char *path = figure_path(t, what);
    bool good = at_show_heatmaps(path, weights, .xlabel = text, .ylabel = ylabel, .titles = titles);
    free(path);
    return good;
}

/* ---- scoring ----------------------------------------------------------------------------------------------------- */

/* The share of pairs of which every token is right; prints the first translations. */
static double score(const translator *t, const date_pairs *test, const amounts *n) {
    double right = 0;
    AT_NO_GRAD
        AT_SCOPE {
            for (int64_t at = 0; at < n->test && !at_error(); at += n->batch)
                AT_SCOPE {
                    int64_t end = at + n->batch < n->test ? at + n->batch : n->test;
                    date_pairs batch = pick_dates(test, at_to(at_arange((double)at, (double)end, 1), AT_INT64));
                    at_tensor *y = t->translate(t->net, &batch), *good = at_all_dim(at_eq(y, batch.target), 1, false);
                    right += at_item(at_sum(good));
                    for (int64_t i = 0; at == 0 && i < end && i < LINES; i++)
                        printf("%-36s  %-10s  %s\n", date_to_text(batch.source, i).text, date_to_text(y, i).text,
                               at_get(good, i) != 0 ? "right" : "wrong");
                }
        }
    return right / (double)n->test;
}

bool train_translator(const translator *t, int64_t steps, double lr) {
    const amounts all = {TRAINING, TEST, BATCH}, few = {QUICK_TRAINING, QUICK_TEST, QUICK_BATCH};
    const amounts *n = steps < LINES ? &few : &all;
    date_pairs training, test;
    double *losses = malloc((size_t)steps * sizeof *losses);
    if (!losses) return complain("out of memory");
    bool good = make_folder("out") && make_dates(n->training, n->test, &training, &test);
    if (good) {
        train(t, &training, n, steps, lr, losses);
        at_eval(t->net);
        double share = score(t, &test, n);
        printf("%.1f %% of %lld dates never seen are translated without a mistake\n", 100 * share, (long long)n->test);
        good = draw_losses(t, losses, steps);
    }
    free(losses);
    return good && !at_error();
}
