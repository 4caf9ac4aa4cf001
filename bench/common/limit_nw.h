/* bench/common/limit_nw.h - the loss of a Nadaraya-Watson regression and its derivative by w, as fast as plain C gets.
 *
 * Query i has the keys and values keys[i * stride] ... keys[i * stride + n_keys - 1]; stride 0: all have the same. */
#ifndef ATLED_BENCH_LIMIT_NW_H
#define ATLED_BENCH_LIMIT_NW_H

#include <stddef.h>

typedef struct {
    int n_queries, n_keys;
    size_t stride;
    const float *queries, *targets, *keys, *values;
} limit_nw;

float limit_nw_step(const limit_nw *problem, float w, float *dw, int threads);

#endif
