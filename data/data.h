/* data/data.h - what models are trained on: tables from files, mini-batches, and how far training has come. */
#ifndef ATLED_DATA_H
#define ATLED_DATA_H

#include "../autograd/operations.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* A table of numbers, (rows, columns), of the default dtype: at_load_csv("data.csv", .delimiter = ';').
 * Fields may be quoted ("" within quotes is one quote) and have blanks around them, lines may end in CR LF, blank lines
 * are skipped. What is no number, "nan" and an empty field included, and a line with more or fewer fields than the first
 * is an error that names line and column. .npy files are read by at_load_npy. */
typedef enum {
    AT_HEADER_AUTO, /* the first line is one if it has a name and no number */
    AT_HEADER_YES,
    AT_HEADER_NO
} at_csv_header;
typedef struct {
    const char *path;
    at_csv_header header;
    char delimiter;      /* 0: a comma; no blank, which may surround fields */
    bool missing_as_nan; /* an empty field, NA, NaN and nan are a NaN, and no error */
    char ***names;       /* where the header's fields go, as many as columns, freed by one free(); NULL: no header */
    int at_;             /* unused: lets at_load_csv(path) compile without a warning */
} at_load_csv_options;
at_tensor *at_load_csv_with(at_load_csv_options options);
#define at_load_csv(...) at_load_csv_with((at_load_csv_options){__VA_ARGS__, .at_ = 0})

/* ---- mini-batches ------------------------------------------------------------------------------------------------ */

/* Rows of n tensors that have as many, some at a time:
 *
 *     at_data_loader *loader = at_data_loader_new(((at_tensor *[]){x, y}), 2, .batch_size = 32, .shuffle = true);
 *     for (int epoch = 0; epoch < 10; epoch++) {
 *         at_tensor **batch;
 *         while ((batch = at_data_loader_next(loader))) AT_SCOPE { ... batch[0], batch[1] ... }
 *     }
 *
 * The order of each epoch, and what is drawn from the thread's random numbers for it, are those of torch's
 * DataLoader(TensorDataset(x, y), batch_size, shuffle, drop_last=drop_last) after the same seed. */
typedef struct {
    at_tensor *const *tensors; /* copied and held */
    int n;
    int64_t batch_size; /* 0: 1 */
    bool shuffle;
    bool drop_last; /* leaves out the rows that make no whole batch at the end of an epoch */
    int at_;
} at_data_loader_options;
typedef struct at_data_loader at_data_loader;
at_data_loader *at_data_loader_new_with(at_data_loader_options options);
#define at_data_loader_new(...) at_data_loader_new_with((at_data_loader_options){__VA_ARGS__, .at_ = 0})
void at_data_loader_free(at_data_loader *loader); /* NULL is allowed */

/* The next batch: n tensors, the loader's until the next call (a graph that uses them holds them longer). NULL at the end
 * of an epoch, and the next call begins another; NULL also on an error. */
at_tensor **at_data_loader_next(at_data_loader *loader);
bool at_data_loader_restart(
    at_data_loader *loader); /* the next call begins an epoch, whether or not this one has ended */
int64_t at_data_loader_batches(at_data_loader *loader); /* in an epoch; -1 on an error */

/* ---- progress ---------------------------------------------------------------------------------------------------- */

/* A bar on stderr that grows as training goes on, where stderr is a terminal, and nothing where it is not:
 *
 *     at_progress bar = at_progress_begin("training", 10000);
 *     ... at_progress_step(&bar, "loss %.4f", loss);
 *     at_progress_end(&bar); */
typedef struct {
    const char *label; /* must outlive it */
    int64_t total, done;
    bool shown;
    double begun, drawn; /* when, in seconds */
} at_progress;
at_progress at_progress_begin(const char *label, int64_t total);
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void
at_progress_step(at_progress *bar, const char *note, ...); /* one more is done; the note may be "" */
void at_progress_end(at_progress *bar); /* leaves the bar as it is, and goes to the next line */

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
