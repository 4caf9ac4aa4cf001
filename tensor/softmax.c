/* tensor/softmax.c - softmax and its logarithm along the last dimension, safe for any finite input.
 *
 * exp(x - m) / sum exp(x - m), m the row's largest element: no term overflows and the sum is at least 1. */
#include <math.h>

#include "evaluate.h"
#include "parallel.h"
#include "reduce.h"

typedef struct {
    const tn_program *program;
    int64_t n; /* elements of a row */
    bool logarithm;
    at_dtype dtype;
    char *out;
} softmax;

static double largest(const softmax *s, int64_t n, const void *x) {
    double m64;
    float m32;
    s->program->kernels->reduce[TN_MAX][s->dtype](1, n, s->dtype == AT_FLOAT32 ? (void *)&m32 : (void *)&m64, x);
    return s->dtype == AT_FLOAT32 ? (double)m32 : m64;
}

static double wider(double a, double b) { return a > b || isnan(a) ? a : b; } /* NaN wins */

static double exp_shifted(const softmax *s, int64_t n, void *out, const void *x, double shift) {
    const tn_kernels *k = s->program->kernels;
    return s->dtype == AT_FLOAT32 ? k->exp_shifted_f32(n, out, x, (float)shift) : k->exp_shifted_f64(n, out, x, shift);
}

static void scale(const softmax *s, int64_t n, void *x, double factor) {
    const tn_kernels *k = s->program->kernels;
    if (s->dtype == AT_FLOAT32)
        k->scale_f32(n, x, (float)factor);
    else
        k->scale_f64(n, x, factor);
}

/* x - m - log sum, in place; x - m first, as it is exact where x is near m. */
static void subtract(const softmax *s, int64_t n, void *x, double m, double log_sum) {
    if (s->dtype == AT_FLOAT32) {
        float *f = x;
        for (int64_t i = 0; i < n; i++) f[i] = (float)(((double)f[i] - m) - log_sum);
    } else {
        double *d = x;
        for (int64_t i = 0; i < n; i++) d[i] = (d[i] - m) - log_sum;
    }
}

/* One row, its elements in out already and m the largest of them. scratch holds a block. */
static void finish_row(const softmax *s, char *out, double m, void *scratch) {
    int64_t element = (int64_t)tn_dtype_size(s->dtype);
    double sum = 0;
    for (int64_t at = 0; at < s->n; at += TN_BLOCK) {
        int64_t n = s->n - at < TN_BLOCK ? s->n - at : TN_BLOCK;
        char *x = out + at * element;
        sum += exp_shifted(s, n, s->logarithm ? scratch : x, x, m);
    }
    if (s->logarithm)
        subtract(s, s->n, out, m, log(sum));
    else
        scale(s, s->n, out, 1 / sum);
}

/* A row that is longer than a block, computed into out by blocks. */
static void long_row(const softmax *s, char *workspace, int64_t start, void *scratch) {
    int64_t element = (int64_t)tn_dtype_size(s->dtype);
    char *out = s->out + start * element;
    double m = -INFINITY;
    for (int64_t at = 0; at < s->n; at += TN_BLOCK) {
        int64_t n = s->n - at < TN_BLOCK ? s->n - at : TN_BLOCK;
        tn_program_run(s->program, workspace, start + at, n, out + at * element);
        m = wider(m, largest(s, n, out + at * element));
    }
    finish_row(s, out, m, scratch);
}

/* Elements start ... end, whole rows that are no longer than a block: as many at a time as fit in one. */
static bool short_rows(void *context, int64_t start, int64_t end) {
    const softmax *s = context;
    int64_t element = (int64_t)tn_dtype_size(s->dtype), most = s->n >= TN_BLOCK / 4 ? s->n : TN_BLOCK / s->n * s->n;
    double scratch[TN_BLOCK];
    char *workspace = tn_program_workspace(s->program);
    if (!workspace) return false;
    for (int64_t at = start, n; at < end; at += n) {
        n = most < end - at ? most : end - at;
        char *out = s->out + at * element;
        tn_program_run(s->program, workspace, at, n, out);
        if (!s->logarithm) s->program->kernels->softmax[s->dtype](n / s->n, s->n, out);
        for (int64_t i = 0; i < n && s->logarithm; i += s->n)
            finish_row(s, out + i * element, largest(s, s->n, out + i * element), scratch);
    }
    return true;
}

static bool long_rows(void *context, int64_t start, int64_t end) {
    const softmax *s = context;
    double scratch[TN_BLOCK];
    char *workspace = tn_program_workspace(s->program);
    if (!workspace) return false;
    for (int64_t at = start; at < end; at += s->n) long_row(s, workspace, at, scratch);
    return true;
}

tn_value *tn_value_softmax(tn_value *x, bool logarithm) {
    tn_value *y = tn_value_new(x->dtype, &x->shape);
    if (!y || x->numel == 0) return y;
    tn_program p;
    if (!tn_program_compile(&p, x, TN_TO_READ)) {
        tn_value_release(y);
        return NULL;
    }
    int64_t n = x->shape.ndim ? x->shape.dim[x->shape.ndim - 1] : 1;
    softmax s = {.program = &p, .n = n, .logarithm = logarithm, .dtype = x->dtype, .out = tn_data(y)};
    bool done = tn_parallel(x->numel, n, n > TN_BLOCK ? long_rows : short_rows, &s);
    tn_program_end(&p, done);
    if (done) return y;
    tn_value_release(y);
    return NULL;
}
