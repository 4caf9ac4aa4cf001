/* bench/common/nw.h - a Nadaraya-Watson regression to train: for atled, and for the hand-written limit. */
#ifndef ATLED_BENCH_NW_H
#define ATLED_BENCH_NW_H

#include "bench.h"
#include "limit_nw.h"

typedef enum {
    NW_OWN_KEYS,    /* each query has the n - 1 others as keys, stored as matrices, as in the chapter */
    NW_SHARED_KEYS, /* all queries have the same n keys, which are stored once */
    NW_FUSED        /* the keys of NW_OWN_KEYS are stored once, and the attention weights not at all */
} nw_form;

typedef struct {
    nw_form form;
    at_tensor *x, *y, *keys, *values;
    NWKernelRegression *net;
    at_optimizer *trainer;
    limit_nw limit;
} nw_problem;

void nw_begin(nw_problem *p, int n, nw_form form); /* its tensors belong to the scope around it */
void nw_end(nw_problem *p);

/* One training step each; the context is the nw_problem. */
void nw_step(void *context);
void nw_limit_step(void *context);

#endif
