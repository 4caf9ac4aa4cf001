/* bench/limit_mlp.h - the training step of mlp_step.c by hand: OpenBLAS's products with the updates folded into them,
 * one pass for everything between two products, nothing allocated, no graph. One thread. */
#ifndef ATLED_BENCH_LIMIT_MLP_H
#define ATLED_BENCH_LIMIT_MLP_H

#include <string.h>

#include "mlp_data.h"
#include "openblas.h"

typedef struct {
    openblas blas;
    float w1[HIDDEN * INPUTS], b1[HIDDEN], w2[OUTPUTS * HIDDEN], b2[OUTPUTS];
    float hidden[BATCH * HIDDEN], d_hidden[BATCH * HIDDEN], d_output[BATCH * OUTPUTS];
} limit_mlp;

static inline bool limit_mlp_start(limit_mlp *m, const mlp_data *d) {
    memcpy(m->w1, d->w1, sizeof m->w1);
    memcpy(m->w2, d->w2, sizeof m->w2);
    if (!load_openblas(&m->blas)) return false;
    m->blas.set_num_threads(1);
    return true;
}

/* bias -= RATE * the sum of the rows of d */
static inline void update_bias(float *bias, const float *d, int columns) {
    float sum[HIDDEN] = {0};
    for (int i = 0; i < BATCH; i++)
        for (int j = 0; j < columns; j++) sum[j] += d[i * columns + j];
    for (int j = 0; j < columns; j++) bias[j] -= RATE * sum[j];
}

static inline float limit_mlp_loss(limit_mlp *m, const mlp_data *d) {
    const float scale = 2.0f / (BATCH * OUTPUTS);
    float loss = 0;
    for (int i = 0; i < BATCH; i++)
        for (int j = 0; j < OUTPUTS; j++) {
            float *output = &m->d_output[i * OUTPUTS + j], error = *output + m->b2[j] - d->y[i * OUTPUTS + j];
            loss += error * error;
            *output = error * scale;
        }
    return loss / (BATCH * OUTPUTS);
}

static inline float limit_mlp_step(limit_mlp *m, const mlp_data *d) {
    sgemm_function *sgemm = m->blas.sgemm;
    sgemm(ROW_MAJOR, NO_TRANS, TRANS, BATCH, HIDDEN, INPUTS, 1, d->x, INPUTS, m->w1, INPUTS, 0, m->hidden, HIDDEN);
    for (int i = 0; i < BATCH; i++)
        for (int j = 0; j < HIDDEN; j++) {
            float z = m->hidden[i * HIDDEN + j] + m->b1[j];
            m->hidden[i * HIDDEN + j] = z > 0 ? z : 0;
        }
    sgemm(ROW_MAJOR, NO_TRANS, TRANS, BATCH, OUTPUTS, HIDDEN, 1, m->hidden, HIDDEN, m->w2, HIDDEN, 0, m->d_output,
          OUTPUTS);
    float loss = limit_mlp_loss(m, d);
    sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, BATCH, HIDDEN, OUTPUTS, 1, m->d_output, OUTPUTS, m->w2, HIDDEN, 0, m->d_hidden,
          HIDDEN);
    for (int i = 0; i < BATCH * HIDDEN; i++) m->d_hidden[i] = m->hidden[i] > 0 ? m->d_hidden[i] : 0;
    sgemm(ROW_MAJOR, TRANS, NO_TRANS, OUTPUTS, HIDDEN, BATCH, -RATE, m->d_output, OUTPUTS, m->hidden, HIDDEN, 1, m->w2,
          HIDDEN);
    update_bias(m->b2, m->d_output, OUTPUTS);
    update_bias(m->b1, m->d_hidden, HIDDEN);
    sgemm(ROW_MAJOR, TRANS, NO_TRANS, HIDDEN, INPUTS, BATCH, -RATE, m->d_hidden, HIDDEN, d->x, INPUTS, 1, m->w1,
          INPUTS);
    return loss;
}

#endif
