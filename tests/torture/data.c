/* tests/torture/data.c - mini-batches and bars of progress. */
#include "torture.h"

/* Tables of ten rows; the loader is within an epoch or before its first, and shuffles where context is not NULL. */
static void prepare_loader(fixture *f) {
    keep(f, at_randn(10, 3));
    keep(f, at_randint(0, 3, 10));
    f->loader = at_data_loader_new(f->tensor, 2, .batch_size = 4, .shuffle = f->context != NULL);
}

static void prepare_epoch(fixture *f) {
    prepare_loader(f);
    at_data_loader_next(f->loader);
}

static bool make(fixture *f) {
    calling("data_loader_new");
    at_data_loader *loader = at_data_loader_new(f->tensor, 2, .batch_size = 4, .drop_last = true);
    bool good = loader && at_data_loader_batches(loader) == 2;
    at_data_loader_free(loader);
    return good;
}

static bool next(fixture *f) {
    calling("data_loader_next");
    at_tensor **batch = at_data_loader_next(f->loader);
    return batch && result(batch[0]) && result(batch[1]);
}

/* Leaves an epoch for another. */
static bool restart(fixture *f) { return at_data_loader_restart(f->loader) && next(f); }

/* It asks for no memory. */
static bool progress(fixture *f) {
    (void)f;
    at_progress bar = at_progress_begin("work", 2);
    at_progress_step(&bar, "loss %g", 0.5);
    at_progress_end(&bar);
    return !at_error();
}

void torture_data(void) {
    static const int shuffled = 1;
    const void *const orders[] = {NULL, &shuffled};
    torture(&(scenario){"data loader", prepare_loader, make, NULL});
    torture(&(scenario){"data progress", NULL, progress, NULL});
    for (int i = 0; i < 2; i++) {
        torture(&(scenario){"data first batch", prepare_loader, next, orders[i]});
        torture(&(scenario){"data next batch", prepare_epoch, next, orders[i]});
        torture(&(scenario){"data restart", prepare_epoch, restart, orders[i]});
    }
}
