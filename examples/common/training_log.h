/* examples/common/training_log.h - the losses of a training: printed, kept for a figure, shown as progress. */
#ifndef TRAINING_LOG_H
#define TRAINING_LOG_H

#include <atled.h>
#include <time.h>

typedef struct {
    double *losses; /* (epochs) */
    int64_t epochs, done;
    bool quiet, losses_on_terminal, progress_on_terminal;
    bool shown; /* there is a progress line under the losses now */
    struct timespec started, drawn;
} training_log;

/* False after complaining that there is no memory. */
bool training_log_start(training_log *log, int64_t epochs, bool quiet);

/* Prints "epoch 1, loss 61.950218" unless quiet. A long training shows how far it is in a line on the terminal. */
void training_log_add(training_log *log, double loss);

/* Takes the progress line away. Returns the losses so far: (done), float64. */
at_tensor *training_log_end(training_log *log);

#endif
