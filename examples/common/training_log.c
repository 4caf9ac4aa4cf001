/* examples/common/training_log.c - loss lines go to stdout, the progress line to a terminal at stderr. */
#define _POSIX_C_SOURCE 200809L
#include "training_log.h"
#include "complain.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MANY_EPOCHS = 100, BAR = 24 };

bool training_log_start(training_log *log, int64_t epochs, bool quiet) {
    *log = (training_log){.epochs = epochs, .quiet = quiet};
    log->losses = calloc((size_t)epochs, sizeof *log->losses);
    if (!log->losses) return complain("out of memory for the losses of %" PRId64 " epochs", epochs);
    log->losses_on_terminal = isatty(STDOUT_FILENO);
    log->progress_on_terminal = !quiet && isatty(STDERR_FILENO);
    clock_gettime(CLOCK_MONOTONIC, &log->started);
    return true;
}

/* ---- progress ---------------------------------------------------------------------------------------------------- */

static double seconds_between(struct timespec a, struct timespec b) {
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static void clear_progress(training_log *log) {
    if (log->shown) fprintf(stderr, "\r%79s\r", "");
    log->shown = false;
}

/* Drawing costs more than a small training step, so it is done ten times a second. Only where the losses scroll up on
 * the same terminal has every one of them to be followed by the line again. */
static bool progress_is_due(const training_log *log, struct timespec now) {
    if (!log->progress_on_terminal) return false;
    if (log->epochs <= MANY_EPOCHS && seconds_between(log->started, now) < 1) return false;
    return log->done == 1 || log->losses_on_terminal || seconds_between(log->drawn, now) > 0.1;
}

static void show_progress(training_log *log, double loss) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!progress_is_due(log, now)) return;
    const double part = (double)log->done / (double)log->epochs;
    const double left = seconds_between(log->started, now) * (1 - part) / part;
    const int filled = (int)(part * BAR);
    fprintf(stderr, "\r[%.*s%*s] %3.0f %%, epoch %" PRId64 ", loss %-10.6g %4.0f s left ", filled,
            "========================", BAR - filled, "", 100 * part, log->done, loss, left);
    log->drawn = now;
    log->shown = true;
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

void training_log_add(training_log *log, double loss) {
    log->losses[log->done++] = loss;
    if (log->quiet) return;
    if (log->losses_on_terminal) clear_progress(log);
    if (isnan(loss)) loss = NAN; /* without a sign: C may print "-nan" */
    printf("epoch %" PRId64 ", loss %f\n", log->done, loss);
    show_progress(log, loss);
}

at_tensor *training_log_end(training_log *log) {
    clear_progress(log);
    at_tensor *losses = at_from_doubles(log->losses, log->done);
    free(log->losses);
    return losses;
}
