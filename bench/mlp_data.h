/* bench/mlp_data.h - what the multilayer perceptrons of mlp_step.c, limit_mlp.c and mlp_step.py start from. */
#ifndef ATLED_BENCH_MLP_DATA_H
#define ATLED_BENCH_MLP_DATA_H

#include <stdint.h>

enum { BATCH = 64, INPUTS = 784, HIDDEN = 64, OUTPUTS = 10 };
static const float RATE = 0.05f;

/* scale * (i * factor mod modulus / modulus - 1/2): irregular enough, and the same everywhere. */
static inline void fill(float *x, int64_t n, int64_t factor, int64_t modulus, float scale) {
    for (int64_t i = 0; i < n; i++) x[i] = ((float)(i * factor % modulus) / (float)modulus - 0.5f) * scale;
}

typedef struct {
    float x[BATCH * INPUTS], y[BATCH * OUTPUTS], w1[HIDDEN * INPUTS], w2[OUTPUTS * HIDDEN];
} mlp_data;

static inline void fill_mlp_data(mlp_data *d) {
    fill(d->x, BATCH * INPUTS, 7919, 1000, 1);
    fill(d->y, BATCH * OUTPUTS, 104729, 997, 1);
    fill(d->w1, HIDDEN * INPUTS, 15485863, 1009, 0.1f);
    fill(d->w2, OUTPUTS * HIDDEN, 32452843, 1013, 0.3f);
}

#endif
