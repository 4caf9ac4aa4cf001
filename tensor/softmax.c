/* tensor/softmax.c - softmax and its logarithm along a dimension, safe for any finite input.
 *
 * exp(x - m) / sum exp(x - m), m the row's largest element: no term overflows and the sum is at least 1. A value is
 * seen as (outer, n, inner), its middle normalised: rows where inner is 1, columns otherwise. */
#include <math.h>
#include <string.h>

#include "evaluate.h"
#include "parallel.h"
#include "reduce.h"

typedef struct {
    const tn_program *program;
    int64_t n, inner; /* elements of a row or column; columns side by side */
    int64_t width;    /* columns taken together */
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
        s->program->kernels->subtract[s->dtype](s->n, out, m, log(sum));
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

/* ---- columns ----------------------------------------------------------------------------------------------------- */

/* Some columns side by side, at most a block of them, and what is known of each. */
typedef struct {
    const softmax *s;
    int64_t outer, first, width;
    double largest[TN_BLOCK], sum[TN_BLOCK], a[TN_BLOCK], b[TN_BLOCK]; /* of either dtype; sum is double */
} columns;

static char *row_of(const columns *c, int64_t i) {
    const softmax *s = c->s;
    return s->out + ((c->outer * s->n + i) * s->inner + c->first) * (int64_t)tn_dtype_size(s->dtype);
}

static void elementwise(const columns *c, tn_op op, at_dtype dtype, void *out, const void *x, const void *y) {
    c->s->program->kernels->elementwise[op][dtype][0](c->width, out, x, y, NULL);
}

/* Puts the elements that are to be normalised in place: row by row, or whole rows at a time. */
static void compute_columns(const columns *c, char *workspace) {
    const softmax *s = c->s;
    bool whole = c->width == s->inner;
    int64_t n = whole ? s->n * s->inner : c->width, start = c->outer * s->n * s->inner + c->first;
    for (int64_t i = 0; i < (whole ? 1 : s->n); i++, start += s->inner)
        for (int64_t at = 0, m; at < n; at += m) {
            m = n - at < TN_BLOCK ? n - at : TN_BLOCK;
            tn_program_run(s->program, workspace, start + at, m,
                           s->out + (start + at) * (int64_t)tn_dtype_size(s->dtype));
        }
}

/* largest and sum; the exponentials are left in place, unless the logarithm is wanted. */
static void add_up(columns *c) {
    const softmax *s = c->s;
    const tn_kernels *k = s->program->kernels;
    memcpy(c->largest, row_of(c, 0), (size_t)c->width * tn_dtype_size(s->dtype));
    memset(c->sum, 0, (size_t)c->width * sizeof(double));
    for (int64_t i = 1; i < s->n; i++) k->accumulate[TN_MAX][s->dtype](1, c->width, c->largest, row_of(c, i), 0);
    for (int64_t i = 0; i < s->n; i++) {
        void *exponential = s->logarithm ? (void *)c->b : row_of(c, i);
        elementwise(c, TN_SUB, s->dtype, c->a, row_of(c, i), c->largest);
        elementwise(c, TN_EXP, s->dtype, exponential, c->a, NULL);
        k->accumulate[TN_SUM][s->dtype](1, c->width, c->sum, exponential, 0);
    }
}

static void normalise(columns *c) {
    const softmax *s = c->s;
    elementwise(c, s->logarithm ? TN_LOG : TN_RECIPROCAL, AT_FLOAT64, c->a, c->sum, NULL);
    s->program->kernels->cast[AT_FLOAT64][s->dtype](c->width, c->b, c->a, NULL, NULL);
    for (int64_t i = 0; i < s->n; i++) {
        char *row = row_of(c, i);
        if (s->logarithm) {
            elementwise(c, TN_SUB, s->dtype, c->a, row, c->largest);
            elementwise(c, TN_SUB, s->dtype, row, c->a, c->b);
        } else {
            elementwise(c, TN_MUL, s->dtype, c->a, row, c->b);
            memcpy(row, c->a, (size_t)c->width * tn_dtype_size(s->dtype));
        }
    }
}

/* Blocks of columns, those of all outer indices counted through; one counts as its n * width elements. */
static bool column_blocks(void *context, int64_t start, int64_t end) {
    const softmax *s = context;
    int64_t blocks = (s->inner + s->width - 1) / s->width, elements = s->n * s->width;
    char *workspace = tn_program_workspace(s->program);
    if (!workspace) return false;
    for (int64_t i = start / elements; i < end / elements; i++) {
        columns c = {.s = s, .outer = i / blocks, .first = i % blocks * s->width};
        c.width = s->inner - c.first < s->width ? s->inner - c.first : s->width;
        compute_columns(&c, workspace);
        add_up(&c);
        normalise(&c);
    }
    return true;
}

/* ---- any dimension ----------------------------------------------------------------------------------------------- */

static bool run_softmax(softmax *s, int64_t numel) {
    if (s->inner == 1) return tn_parallel(numel, s->n, s->n > TN_BLOCK ? long_rows : short_rows, s);
    int64_t outer = numel / s->n / s->inner;
    s->width = tn_parallel_columns(outer, s->inner, TN_BLOCK);
    int64_t blocks = (s->inner + s->width - 1) / s->width, elements = s->n * s->width;
    return tn_parallel(outer * blocks * elements, elements, column_blocks, s);
}

static tn_value *softmax_by_rows(tn_value *x, int dim, bool logarithm) {
    tn_value *y = tn_value_new(x->dtype, &x->shape);
    if (!y || x->numel == 0) return y;
    tn_program p;
    if (!tn_program_compile(&p, x, TN_TO_READ)) {
        tn_value_release(y);
        return NULL;
    }
    softmax s = {.program = &p, .n = 1, .inner = 1, .logarithm = logarithm, .dtype = x->dtype, .out = tn_data(y)};
    for (int d = dim; d < x->shape.ndim; d++) *(d == dim ? &s.n : &s.inner) *= x->shape.dim[d];
    bool done = run_softmax(&s, x->numel);
    tn_program_end(&p, done);
    if (done) return y;
    tn_value_release(y);
    return NULL;
}

tn_value *tn_value_softmax(tn_value *x, int dim, bool logarithm) {
    at_shape order;
    if (tn_layout_of(&x->shape, x->stride, &order) != TN_PERMUTED) return softmax_by_rows(x, dim, logarithm);
    tn_value *in_order = tn_value_permute(x, &order);
    tn_value *y = in_order ? softmax_by_rows(in_order, tn_place_in_order(&order, dim), logarithm) : NULL;
    tn_value_release(in_order);
    return tn_value_permute_back(y, &order);
}
