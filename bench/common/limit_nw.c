/* bench/common/limit_nw.c - one pass over the keys for the largest score, one for all sums that loss and derivative
 * need; no weight is stored. The Makefile compiles this file alone for this very processor, with -ffast-math and
 * OpenMP, so that the compiler makes vectors of the loops, expf included.
 *
 * For d = (q - k)^2, weights p = softmax(-w^2 d / 2) and prediction f = sum p v:
 * df/dw = -w (sum p v d - f sum p d). */
#include "limit_nw.h"

#include <math.h>

typedef struct {
    float e, ev, ed, evd; /* sums of exp(score) times 1, v, d, v d */
} sums;

static sums sums_of_row(int n, float q, const float *k, const float *v, float c) {
    float largest = -3e38f, e_sum = 0, ev_sum = 0, ed_sum = 0, evd_sum = 0;
    for (int j = 0; j < n; j++) {
        float score = c * ((q - k[j]) * (q - k[j]));
        largest = score > largest ? score : largest;
    }
    for (int j = 0; j < n; j++) {
        float d = (q - k[j]) * (q - k[j]), e = expf(c * d - largest), ev = e * v[j];
        e_sum += e;
        ev_sum += ev;
        ed_sum += e * d;
        evd_sum += ev * d;
    }
    return (sums){e_sum, ev_sum, ed_sum, evd_sum};
}

float limit_nw_step(const limit_nw *p, float w, float *dw, int threads) {
    double loss = 0, gradient = 0;
    (void)threads; /* where there is no OpenMP */
#pragma omp parallel for reduction(+ : loss, gradient) num_threads(threads) if (p->n_queries > 200)
    for (int i = 0; i < p->n_queries; i++) {
        size_t row = (size_t)i * p->stride;
        sums s = sums_of_row(p->n_keys, p->queries[i], p->keys + row, p->values + row, -0.5f * w * w);
        float f = s.ev / s.e, df = -w * (s.evd - f * s.ed) / s.e, error = f - p->targets[i];
        loss += (double)(error * error);
        gradient += (double)(2 * error * df);
    }
    *dw = (float)gradient;
    return (float)loss;
}
