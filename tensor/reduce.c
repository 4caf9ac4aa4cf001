/* tensor/reduce.c - sums, products, largest and smallest elements.
 *
 * A value is seen as (outer, n, inner), its middle reduced. Sums are accurate and do not depend on the number of
 * threads: float32 accumulates in double; what is longer than a block is summed by blocks, and those pairwise. */
#include <string.h>

#include "evaluate.h"
#include "parallel.h"
#include "reduce.h"

typedef struct {
    tn_reduction kind;
    at_dtype dtype; /* of what is reduced */
    int64_t outer, n, inner;
    const tn_program *program;
    int64_t pieces;    /* blocks in a row that is longer than one */
    int64_t acc_bytes; /* of an accumulator */
    char *partial;     /* (outer, pieces) accumulators */
    char *out;
    int64_t out_bytes;
} reduction;

static bool sums_up(tn_reduction kind) { return kind == TN_SUM || kind == TN_PROD; }

static at_dtype result_dtype(tn_reduction kind, at_dtype dtype) {
    return sums_up(kind) && dtype == AT_BOOL ? AT_INT64 : dtype;
}

static void write_result(const reduction *r, int64_t i, const void *accumulator) {
    if (sums_up(r->kind) && r->dtype == AT_FLOAT32) {
        double sum;
        memcpy(&sum, accumulator, sizeof sum);
        ((float *)(void *)r->out)[i] = (float)sum;
    } else {
        memcpy(r->out + i * r->out_bytes, accumulator, (size_t)r->out_bytes);
    }
}

/* ---- rows of elements side by side: (outer, n, 1) ---------------------------------------------------------------- */

/* Elements start ... end, whole rows. */
static bool reduce_short_rows(void *context, int64_t start, int64_t end) {
    const reduction *r = context;
    const tn_program *p = r->program;
    char *workspace = tn_program_workspace(p);
    if (!workspace) return false;
    tn_reduce *kernel = p->kernels->reduce[r->kind][r->dtype];
    int64_t rows = TN_BLOCK / r->n, element = (int64_t)tn_dtype_size(r->dtype);
    for (int64_t at = start; at < end; at += rows * r->n) {
        int64_t n = rows * r->n < end - at ? rows * r->n : end - at;
        const char *x = tn_program_run(p, workspace, at, n, NULL);
        for (int64_t i = 0; i < n; i += r->n) {
            int64_t accumulator;
            kernel(r->n, &accumulator, x + i * element);
            write_result(r, (at + i) / r->n, &accumulator);
        }
    }
    return true;
}

/* Pieces start / TN_BLOCK ... end / TN_BLOCK of all rows. */
static bool reduce_pieces(void *context, int64_t start, int64_t end) {
    const reduction *r = context;
    const tn_program *p = r->program;
    char *workspace = tn_program_workspace(p);
    if (!workspace) return false;
    for (int64_t i = start / TN_BLOCK; i < end / TN_BLOCK; i++) {
        int64_t within = i % r->pieces * TN_BLOCK, rest = r->n - within;
        const void *x =
            tn_program_run(p, workspace, i / r->pieces * r->n + within, rest < TN_BLOCK ? rest : TN_BLOCK, NULL);
        p->kernels->reduce[r->kind][r->dtype](rest < TN_BLOCK ? rest : TN_BLOCK, r->partial + i * r->acc_bytes, x);
    }
    return true;
}

/* One accumulator out of n, which are overwritten: by groups of a block, until one is left. */
static void combine(const reduction *r, int64_t n, char *partial) {
    const tn_kernels *k = r->program->kernels;
    while (n > 1) {
        int64_t groups = 0;
        for (int64_t at = 0; at < n; at += TN_BLOCK, groups++) {
            int64_t m = n - at < TN_BLOCK ? n - at : TN_BLOCK, accumulator;
            const char *x = partial + at * r->acc_bytes;
            if (r->kind == TN_SUM)
                k->reduce_add[r->dtype](m, &accumulator, x);
            else if (r->kind == TN_PROD)
                k->reduce[TN_PROD][tn_is_floating(r->dtype) ? AT_FLOAT64 : AT_INT64](m, &accumulator, x);
            else
                k->reduce[r->kind][r->dtype](m, &accumulator, x);
            memcpy(partial + groups * r->acc_bytes, &accumulator, (size_t)r->acc_bytes);
        }
        n = groups;
    }
}

static bool reduce_rows(reduction *r) {
    if (r->n <= TN_BLOCK) {
        int64_t rows = TN_BLOCK / r->n;
        return tn_parallel(r->outer * r->n, rows * r->n, reduce_short_rows, r);
    }
    r->pieces = (r->n + TN_BLOCK - 1) / TN_BLOCK;
    tn_buffer *partial = tn_buffer_new(r->outer * r->pieces * r->acc_bytes);
    if (!partial) return false;
    r->partial = partial->data;
    bool done = tn_parallel(r->outer * r->pieces * TN_BLOCK, TN_BLOCK, reduce_pieces, r);
    for (int64_t i = 0; i < r->outer && done; i++) {
        char *row = r->partial + i * r->pieces * r->acc_bytes;
        combine(r, r->pieces, row);
        write_result(r, i, row);
    }
    tn_buffer_release(partial);
    return done;
}

/* ---- columns: (outer, n, inner) ---------------------------------------------------------------------------------- */

enum { ROWS_IN_TURN = 16, MAX_LEVELS = 64 };

/* The reduction of some columns. Sums of float64 are pairwise: level l holds the sum of 2^(l-1) groups of ROWS_IN_TURN
 * rows, or nothing; level 0 what is being added up. Other accumulators are wider than their elements, or exact. */
typedef struct {
    const reduction *r;
    int64_t columns;
    char *levels;
    uint64_t full; /* bit l: level l holds something */
    int64_t rows;  /* in level 0 */
} cascade;

static char *level(const cascade *c, int l) { return c->levels + (size_t)l * TN_BLOCK * sizeof(double); }

static void begin_rows(cascade *c, const void *x) {
    const reduction *r = c->r;
    const tn_kernels *k = r->program->kernels;
    const double one = 1;
    const int64_t integer_one = 1;
    if (!sums_up(r->kind)) { /* begin with the first row itself */
        memcpy(level(c, 0), x, (size_t)(c->columns * r->acc_bytes));
        return;
    }
    if (r->kind == TN_SUM)
        memset(level(c, 0), 0, (size_t)(c->columns * r->acc_bytes));
    else
        k->fill[3](c->columns, level(c, 0), tn_is_floating(r->dtype) ? (const void *)&one : (const void *)&integer_one);
    k->accumulate[r->kind][r->dtype](c->columns, level(c, 0), x);
}

static void carry(cascade *c) {
    tn_accumulate *add = c->r->program->kernels->accumulate[TN_SUM][AT_FLOAT64];
    int l = 1;
    for (; c->full >> l & 1; l++) {
        add(c->columns, level(c, 0), level(c, l));
        c->full -= UINT64_C(1) << l;
    }
    memcpy(level(c, l), level(c, 0), (size_t)c->columns * sizeof(double));
    c->full |= UINT64_C(1) << l;
    c->rows = 0;
}

static void add_row(cascade *c, const void *x) {
    const reduction *r = c->r;
    if (c->rows == 0)
        begin_rows(c, x);
    else
        r->program->kernels->accumulate[r->kind][r->dtype](c->columns, level(c, 0), x);
    c->rows++;
    if (c->rows == ROWS_IN_TURN && r->kind == TN_SUM && r->dtype == AT_FLOAT64) carry(c);
}

static void finish_columns(cascade *c, int64_t first) {
    const reduction *r = c->r;
    for (int l = 1; c->full >> l; l++) {
        if (!(c->full >> l & 1)) continue;
        if (c->rows)
            r->program->kernels->accumulate[TN_SUM][AT_FLOAT64](c->columns, level(c, 0), level(c, l));
        else
            memcpy(level(c, 0), level(c, l), (size_t)c->columns * sizeof(double));
        c->rows++;
    }
    for (int64_t i = 0; i < c->columns; i++) write_result(r, first + i, level(c, 0) + i * r->acc_bytes);
}

/* Columns start ... end of one outer index, at most a block of them. */
static void reduce_columns(const reduction *r, char *workspace, char *levels, int64_t outer, int64_t start,
                           int64_t end) {
    const tn_program *p = r->program;
    int64_t element = (int64_t)tn_dtype_size(r->dtype);
    cascade c = {.r = r, .columns = end - start, .levels = levels};
    int64_t rows = c.columns == r->inner ? TN_BLOCK / r->inner : 1; /* whole rows lie side by side */
    for (int64_t i = 0; i < r->n; i += rows) {
        int64_t m = rows < r->n - i ? rows : r->n - i;
        const char *x = tn_program_run(p, workspace, (outer * r->n + i) * r->inner + start, m * c.columns, NULL);
        for (int64_t j = 0; j < m; j++) add_row(&c, x + j * c.columns * element);
    }
    finish_columns(&c, outer * r->inner + start);
}

/* Blocks of columns start / TN_BLOCK ... end / TN_BLOCK, those of all outer indices counted through. */
static bool reduce_column_blocks(void *context, int64_t start, int64_t end) {
    const reduction *r = context;
    char *workspace = tn_program_workspace(r->program);
    tn_buffer *levels = workspace ? tn_buffer_new(MAX_LEVELS * TN_BLOCK * (int64_t)sizeof(double)) : NULL;
    if (!levels) return false;
    int64_t blocks = (r->inner + TN_BLOCK - 1) / TN_BLOCK;
    for (int64_t i = start / TN_BLOCK; i < end / TN_BLOCK; i++) {
        int64_t first = i % blocks * TN_BLOCK, last = first + TN_BLOCK;
        reduce_columns(r, workspace, levels->data, i / blocks, first, last < r->inner ? last : r->inner);
    }
    tn_buffer_release(levels);
    return true;
}

/* ---- any reduction ----------------------------------------------------------------------------------------------- */

static tn_value *reduce_nothing(const reduction *r, at_dtype dtype, const at_shape *result) {
    return tn_value_full(dtype, result, r->kind == TN_PROD);
}

static bool run_reduction(reduction *r, tn_value *x) {
    tn_program p;
    if (!tn_program_compile(&p, x, TN_KEEP_ALL)) return false;
    r->program = &p;
    int64_t blocks = (r->inner + TN_BLOCK - 1) / TN_BLOCK;
    bool done =
        r->inner == 1 ? reduce_rows(r) : tn_parallel(r->outer * blocks * TN_BLOCK, TN_BLOCK, reduce_column_blocks, r);
    tn_program_end(&p, done);
    return done;
}

/* Of a single element each. */
static tn_value *reduce_ones(tn_value *x, at_dtype dtype, const at_shape *result) {
    tn_value *cast = tn_value_cast(x, dtype);
    tn_value *y = cast ? tn_value_reshape(cast, result) : NULL;
    tn_value_release(cast);
    return y;
}

tn_value *tn_value_reduce(tn_reduction kind, tn_value *x, int first, int count, const at_shape *result) {
    reduction r = {.kind = kind, .dtype = x->dtype, .outer = 1, .n = 1, .inner = 1};
    for (int d = 0; d < x->shape.ndim; d++)
        *(d < first ? &r.outer : d < first + count ? &r.n : &r.inner) *= x->shape.dim[d];
    at_dtype dtype = result_dtype(kind, x->dtype);
    if (x->numel == 0) return reduce_nothing(&r, dtype, result);
    if (r.n == 1) return reduce_ones(x, dtype, result);
    r.acc_bytes = sums_up(kind) ? 8 : (int64_t)tn_dtype_size(x->dtype);
    r.out_bytes = (int64_t)tn_dtype_size(dtype);
    tn_value *y = tn_value_new(dtype, result);
    if (!y) return NULL;
    r.out = tn_data(y);
    if (run_reduction(&r, x)) return y;
    tn_value_release(y);
    return NULL;
}
