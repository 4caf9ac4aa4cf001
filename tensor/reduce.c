/* tensor/reduce.c - sums, products, largest and smallest elements.
 *
 * A value is seen in the order of its memory, as (outer, n, inner), its middle reduced. Sums are accurate and do not depend on the number of
 * threads: float32 adds at most four elements before it goes on in double; what is longer than a block is summed by
 * blocks, and those pairwise. */
#include <string.h>

#include "evaluate.h"
#include "parallel.h"
#include "reduce.h"

typedef struct {
    tn_reduction kind;
    at_dtype dtype; /* of what is reduced */
    int64_t outer, n, inner;
    int64_t width; /* columns taken together */
    const tn_program *program;
    int64_t span;      /* a row longer than a block is cut into spans, and these into blocks: pieces */
    int64_t pieces;    /* of a row */
    int64_t acc_bytes; /* of an accumulator */
    char *partial;     /* (outer, pieces) accumulators */
    char *out;
    int64_t out_bytes;
} reduction;

static bool sums_up(tn_reduction kind) { return kind == TN_SUM || kind == TN_PROD; }

static at_dtype result_dtype(tn_reduction kind, at_dtype dtype) {
    return sums_up(kind) && dtype == AT_BOOL ? AT_INT64 : dtype;
}

static void write_results(const reduction *r, int64_t first, int64_t n, const void *accumulators) {
    char *out = r->out + first * r->out_bytes;
    if (sums_up(r->kind) && r->dtype == AT_FLOAT32)
        r->program->kernels->cast[AT_FLOAT64][AT_FLOAT32](n, out, accumulators, NULL, NULL);
    else
        memcpy(out, accumulators, (size_t)(n * r->out_bytes));
}

/* ---- rows of elements side by side: (outer, n, 1) ---------------------------------------------------------------- */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* How many rows of up to a block run through the program together. Of long ones only one: then what is broadcast along a
 * row is one element. */
static int64_t rows_at_once(int64_t n) { return n >= TN_BLOCK / 4 ? 1 : TN_BLOCK / n; }

/* Reduces up to rows rows of n elements each, n up to a block, from element start of the program's result on. Returns
 * how many it took. */
static int64_t reduce_block(const reduction *r, char *workspace, int64_t start, int64_t rows, int64_t n,
                            void *results) {
    const tn_program *p = r->program;
    int64_t together = smaller(rows, rows_at_once(n)), side_by_side;
    tn_factors f = {.a_row = n, .b_row = n};
    const void *x = tn_program_stored(p, start, &side_by_side);
    int64_t stored = x ? side_by_side / n : tn_program_stored_factors(p, start, n, &f);
    if (stored >= together) {
        rows = smaller(rows, stored);
    } else {
        rows = together;
        f = (tn_factors){.a_row = n, .b_row = n};
        x = f.a = tn_program_run_factors(p, workspace, start, rows * n, &f.b);
    }
    if (f.b)
        p->kernels->dot[r->dtype](rows, n, results, f.a, f.a_row, f.b, f.b_row);
    else
        p->kernels->reduce[r->kind][r->dtype](rows, n, results, x);
    return rows;
}

/* Elements start ... end, whole rows. */
static bool reduce_short_rows(void *context, int64_t start, int64_t end) {
    const reduction *r = context;
    char *workspace = tn_program_workspace(r->program);
    if (!workspace) return false;
    int64_t results[TN_BLOCK];
    for (int64_t row = start / r->n, rows; row < end / r->n; row += rows) {
        rows = reduce_block(r, workspace, row * r->n, smaller(TN_BLOCK, end / r->n - row), r->n, results);
        write_results(r, row, rows, results);
    }
    return true;
}

static int64_t pieces_of(int64_t n) { return (n + TN_BLOCK - 1) / TN_BLOCK; }

/* How many elements a piece has, if it is not the last of a span. */
static int64_t piece_of(int64_t span) { return smaller(TN_BLOCK, span); }

/* Some pieces of all rows, each of which counts as that many elements; together those that are as long and lie side by
 * side. */
static bool reduce_pieces(void *context, int64_t start, int64_t end) {
    const reduction *r = context;
    char *workspace = tn_program_workspace(r->program);
    if (!workspace) return false;
    int64_t in_span = pieces_of(r->span), length = piece_of(r->span);
    for (int64_t i = start / length, done; i < end / length; i += done) {
        int64_t piece = i % r->pieces, span = piece / in_span * r->span, first = span + piece % in_span * TN_BLOCK;
        int64_t last = in_span == 1 ? r->n : smaller(span + r->span, r->n), n = smaller(length, last - first);
        done = smaller((last - first) / n, end / length - i);
        done = reduce_block(r, workspace, i / r->pieces * r->n + first, done, n, r->partial + i * r->acc_bytes);
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
                k->reduce_add[r->dtype](1, m, &accumulator, x);
            else if (r->kind == TN_PROD)
                k->reduce[TN_PROD][tn_is_floating(r->dtype) ? AT_FLOAT64 : AT_INT64](1, m, &accumulator, x);
            else
                k->reduce[r->kind][r->dtype](1, m, &accumulator, x);
            memcpy(partial + groups * r->acc_bytes, &accumulator, (size_t)r->acc_bytes);
        }
        n = groups;
    }
}

static bool reduce_rows(reduction *r) {
    if (r->n <= TN_BLOCK) return tn_parallel(r->outer * r->n, rows_at_once(r->n) * r->n, reduce_short_rows, r);
    r->pieces = r->n / r->span * pieces_of(r->span) + pieces_of(r->n % r->span);
    tn_buffer *partial = tn_buffer_new(r->outer * r->pieces * r->acc_bytes);
    if (!partial) return false;
    r->partial = partial->data;
    int64_t elements = piece_of(r->span);
    int64_t grain = (r->program->row ? pieces_of(r->span) : 1) * elements; /* no two threads in a row that is summed */
    bool done = tn_parallel(r->outer * r->pieces * elements, grain, reduce_pieces, r);
    for (int64_t i = 0; i < r->outer && done; i++) {
        char *row = r->partial + i * r->pieces * r->acc_bytes;
        combine(r, r->pieces, row);
        write_results(r, i, 1, row);
    }
    tn_buffer_release(partial);
    return done;
}

/* ---- columns: (outer, n, inner) ---------------------------------------------------------------------------------- */

enum { ROWS_IN_TURN = 16, FEW_ROWS = 4, MAX_LEVELS = 64 };

/* The reduction of some columns. Sums of float64 are pairwise: level l holds the sum of 2^(l-1) groups of ROWS_IN_TURN
 * rows, or nothing; level 0 what is being added up. Other accumulators are wider than their elements, or exact. */
typedef struct {
    const reduction *r;
    int64_t columns;
    char *levels;
    char *computed; /* room for FEW_ROWS of a block */
    uint64_t full;  /* bit l: level l holds something */
    int64_t rows;   /* in level 0 */
} cascade;

static char *level(const cascade *c, int l) { return c->levels + (size_t)l * TN_BLOCK * sizeof(double); }

/* Level 0 before anything is added; for largest and smallest, the first row itself. */
static void begin_rows(cascade *c, const void *x) {
    const reduction *r = c->r;
    const tn_kernels *k = r->program->kernels;
    const double one = 1;
    const int64_t integer_one = 1;
    if (!sums_up(r->kind))
        memcpy(level(c, 0), x, (size_t)(c->columns * r->acc_bytes));
    else if (r->kind == TN_SUM)
        memset(level(c, 0), 0, (size_t)(c->columns * r->acc_bytes));
    else
        k->fill[3](c->columns, level(c, 0), tn_is_floating(r->dtype) ? (const void *)&one : (const void *)&integer_one);
}

static void carry(cascade *c) {
    tn_accumulate *add = c->r->program->kernels->accumulate[TN_SUM][AT_FLOAT64];
    int l = 1;
    for (; c->full >> l & 1; l++) {
        add(1, c->columns, level(c, 0), level(c, l), 0);
        c->full -= UINT64_C(1) << l;
    }
    memcpy(level(c, l), level(c, 0), (size_t)c->columns * sizeof(double));
    c->full |= UINT64_C(1) << l;
    c->rows = 0;
}

/* n rows, f.a_row elements apart, each to be multiplied by one of f.b if there are such numbers. All but the last of a
 * column come by fours, wherever they come from: so the same rows are added to each other. */
static void add_rows(cascade *c, int64_t n, tn_factors f) {
    const reduction *r = c->r;
    const tn_kernels *k = r->program->kernels;
    int64_t element = (int64_t)tn_dtype_size(r->dtype);
    bool pairwise = r->kind == TN_SUM && r->dtype == AT_FLOAT64;
    for (int64_t i = 0, m; i < n; i += m) {
        const char *row = (const char *)f.a + i * f.a_row * element;
        m = pairwise ? smaller(n - i, ROWS_IN_TURN - c->rows) : n;
        if (c->rows == 0) begin_rows(c, row);
        if (f.b)
            k->add_products[r->dtype](m, c->columns, (double *)(void *)level(c, 0), row, f.a_row,
                                      (const char *)f.b + i * f.b_row * element, f.b_row);
        else
            k->accumulate[r->kind][r->dtype](m, c->columns, level(c, 0), row, f.a_row);
        c->rows += m;
        if (pairwise && c->rows == ROWS_IN_TURN) carry(c);
    }
}

static void finish_columns(cascade *c, int64_t first) {
    const reduction *r = c->r;
    for (int l = 1; c->full >> l; l++) {
        if (!(c->full >> l & 1)) continue;
        if (c->rows)
            r->program->kernels->accumulate[TN_SUM][AT_FLOAT64](1, c->columns, level(c, 0), level(c, l), 0);
        else
            memcpy(level(c, 0), level(c, l), (size_t)c->columns * sizeof(double));
        c->rows++;
    }
    write_results(r, first, c->columns, level(c, 0));
}

/* How many rows from element start on are stored, as they are or but for a number to multiply each by. */
static int64_t stored_rows(const cascade *c, int64_t start, tn_factors *f) {
    const reduction *r = c->r;
    int64_t side_by_side;
    *f = (tn_factors){.a = tn_program_stored(r->program, start, &side_by_side), .a_row = r->inner};
    if (f->a) return side_by_side < c->columns ? 0 : (side_by_side - c->columns) / r->inner + 1;
    bool floats = r->kind == TN_SUM && tn_is_floating(r->dtype);
    return floats ? tn_program_stored_multiples(r->program, start, r->inner, f) : 0;
}

/* Up to n rows of these columns from element start of the program's result on; returns how many it added. Stored ones
 * are read where they are; short ones are computed together, long ones one after another. */
static int64_t add_some_rows(cascade *c, char *workspace, int64_t start, int64_t n) {
    const reduction *r = c->r;
    int64_t inner = r->inner, element = (int64_t)tn_dtype_size(r->dtype);
    tn_factors f;
    int64_t rows = stored_rows(c, start, &f);
    if (rows >= smaller(n, FEW_ROWS)) {
        rows = rows >= n ? n : rows / FEW_ROWS * FEW_ROWS;
        add_rows(c, rows, f);
    } else if (c->columns == inner && inner <= TN_BLOCK / FEW_ROWS) {
        rows = smaller(n, TN_BLOCK / inner / FEW_ROWS * FEW_ROWS);
        const void *x = tn_program_run(r->program, workspace, start, rows * inner, NULL);
        add_rows(c, rows, (tn_factors){.a = x, .a_row = inner});
    } else {
        rows = smaller(n, FEW_ROWS);
        for (int64_t i = 0; i < rows; i++)
            tn_program_run(r->program, workspace, start + i * inner, c->columns,
                           c->computed + i * c->columns * element);
        add_rows(c, rows, (tn_factors){.a = c->computed, .a_row = c->columns});
    }
    return rows;
}

/* Blocks of columns, those of all outer indices counted through; one counts as its n * width elements. */
static bool reduce_column_blocks(void *context, int64_t start, int64_t end) {
    const reduction *r = context;
    char *workspace = tn_program_workspace(r->program);
    int64_t level_bytes = TN_BLOCK * (int64_t)sizeof(double);
    tn_buffer *memory = workspace ? tn_buffer_new((MAX_LEVELS + FEW_ROWS) * level_bytes) : NULL;
    if (!memory) return false;
    int64_t blocks = (r->inner + r->width - 1) / r->width, elements = r->n * r->width;
    for (int64_t i = start / elements; i < end / elements; i++) {
        int64_t outer = i / blocks, first = i % blocks * r->width, columns = smaller(r->width, r->inner - first);
        cascade c = {.r = r,
                     .columns = columns,
                     .computed = memory->data,
                     .levels = memory->data + FEW_ROWS * level_bytes};
        for (int64_t row = 0; row < r->n;)
            row += add_some_rows(&c, workspace, (outer * r->n + row) * r->inner + first, r->n - row);
        finish_columns(&c, outer * r->inner + first);
    }
    tn_buffer_release(memory);
    return true;
}

static bool reduce_all_columns(reduction *r) {
    r->width = tn_parallel_columns(r->outer, r->inner, TN_BLOCK);
    int64_t blocks = (r->inner + r->width - 1) / r->width, elements = r->n * r->width;
    return tn_parallel(r->outer * blocks * elements, elements, reduce_column_blocks, r);
}

/* ---- any reduction ----------------------------------------------------------------------------------------------- */

static tn_value *reduce_nothing(const reduction *r, at_dtype dtype, const at_shape *result) {
    return tn_value_full(dtype, result, r->kind == TN_PROD);
}

static bool run_reduction(reduction *r, tn_value *x) {
    tn_program p;
    if (!tn_program_compile(&p, x, r->kind == TN_SUM && r->inner == 1 ? TN_TO_SUM : TN_TO_READ)) return false;
    r->program = &p;
    bool done = r->inner == 1 ? reduce_rows(r) : reduce_all_columns(r);
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

/* The rows are those of the shape, so that all ways to compute x give the same bits. */
static reduction plan(tn_reduction kind, const tn_value *x, int first, int count) {
    reduction r = {.kind = kind, .dtype = x->dtype, .outer = 1, .n = 1, .inner = 1};
    for (int d = 0; d < x->shape.ndim; d++)
        *(d < first ? &r.outer : d < first + count ? &r.n : &r.inner) *= x->shape.dim[d];
    int64_t row = x->shape.ndim ? x->shape.dim[x->shape.ndim - 1] : 1;
    r.span = row > 0 && row < TN_BLOCK ? rows_at_once(row) * row : row;
    r.acc_bytes = sums_up(kind) ? 8 : (int64_t)tn_dtype_size(x->dtype);
    r.out_bytes = (int64_t)tn_dtype_size(result_dtype(kind, x->dtype));
    return r;
}

/* Dimensions first ... first + count - 1. */
static tn_value *reduce_neighbours(tn_reduction kind, tn_value *x, int first, int count) {
    reduction r = plan(kind, x, first, count);
    at_dtype dtype = result_dtype(kind, x->dtype);
    at_shape result = x->shape;
    for (int d = first; d < first + count; d++) result.dim[d] = 1;
    if (x->numel == 0) return reduce_nothing(&r, dtype, &result);
    if (r.n == 1) return reduce_ones(x, dtype, &result);
    tn_value *y = tn_value_new(dtype, &result);
    if (!y) return NULL;
    r.out = tn_data(y);
    if (run_reduction(&r, x)) return y;
    tn_value_release(y);
    return NULL;
}

/* Neighbouring dimensions at a time, the last first. */
static tn_value *reduce_dims(tn_reduction kind, tn_value *x, unsigned dims) {
    if (dims == 0) return reduce_neighbours(kind, x, x->shape.ndim, 0); /* a copy, in the dtype of the result */
    tn_value *y = tn_value_retain(x);
    for (int last = x->shape.ndim - 1; last >= 0 && y; last--) {
        if (!(dims >> last & 1)) continue;
        int first = last;
        while (first > 0 && dims >> (first - 1) & 1) first--;
        tn_value *reduced = reduce_neighbours(kind, y, first, last - first + 1);
        tn_value_release(y);
        y = reduced;
        last = first;
    }
    return y;
}

/* Dimensions along which x repeats itself, and along which repetition needs no computing. */
static unsigned repeated_dims(tn_reduction kind, const tn_value *x, unsigned dims) {
    unsigned repeated = 0;
    for (int d = 0; d < x->shape.ndim; d++)
        if (x->stride[d] == 0 && x->shape.dim[d] > 1) repeated |= 1u << d;
    return kind == TN_PROD ? repeated & ~dims : repeated;
}

/* y times n; takes over the count on y. */
static tn_value *multiple(tn_value *y, int64_t n) {
    at_operand count = {.kind = AT_OPERAND_INTEGER, .integer = n};
    tn_value *factor = y && n > 1 ? tn_value_number(count, y->dtype) : NULL;
    if (!y || n == 1) return y;
    tn_value *product = factor ? tn_value_elementwise(TN_MUL, y->dtype, &y->shape, (tn_value *[]){y, factor}, 2) : NULL;
    tn_value_release(factor);
    tn_value_release(y);
    return product;
}

/* Only one element out of those that are repeated is read. */
static tn_value *reduce_repeated(tn_reduction kind, tn_value *x, unsigned dims, unsigned repeated) {
    at_shape once = x->shape, result = x->shape;
    int64_t times = 1;
    for (int d = 0; d < x->shape.ndim; d++) {
        if (repeated >> d & 1) once.dim[d] = 1;
        if (dims >> d & 1) result.dim[d] = 1;
        if (repeated & dims & 1u << d) times *= x->shape.dim[d];
    }
    tn_value *source = tn_value_view(x, &once, x->stride, x->offset);
    tn_value *y = source ? tn_value_reduce(kind, source, dims) : NULL;
    if (kind == TN_SUM) y = multiple(y, times);
    tn_value *expanded = y ? tn_value_expand(y, &result) : NULL;
    tn_value_release(source);
    tn_value_release(y);
    return expanded;
}

static tn_value *reduce_permuted(tn_reduction kind, tn_value *x, unsigned dims, const at_shape *order) {
    unsigned places = 0;
    for (int d = 0; d < order->ndim; d++) places |= (dims >> order->dim[d] & 1) << d;
    tn_value *in_order = tn_value_permute(x, order);
    tn_value *y = in_order ? reduce_dims(kind, in_order, places) : NULL;
    tn_value_release(in_order);
    return tn_value_permute_back(y, order);
}

tn_value *tn_value_reduce(tn_reduction kind, tn_value *x, unsigned dims) {
    at_shape order;
    tn_layout layout = tn_layout_of(&x->shape, x->stride, &order);
    if (layout == TN_PERMUTED) return reduce_permuted(kind, x, dims, &order);
    unsigned repeated = layout == TN_REPEATED && x->numel > 0 ? repeated_dims(kind, x, dims) : 0;
    return repeated ? reduce_repeated(kind, x, dims, repeated) : reduce_dims(kind, x, dims);
}

/* ---- sums of rows, deferred -------------------------------------------------------------------------------------- */

enum { SHORTEST_ROW = TN_BLOCK / 4, LONGEST_ROW = TN_MOST_PIECES * TN_BLOCK };

tn_value *tn_value_row_sum(tn_value *x) {
    int last = x->shape.ndim - 1;
    at_shape shape = x->shape;
    if (last >= 0) shape.dim[last] = 1;
    bool defer = last >= 0 && x->dtype == AT_FLOAT32 && x->numel > 0 && !tn_is_stored(x) &&
                 x->shape.dim[last] >= SHORTEST_ROW && x->shape.dim[last] <= LONGEST_ROW && tn_is_contiguous(x);
    if (defer) return tn_value_elementwise(TN_ROW_SUM, AT_FLOAT32, &shape, &x, 1);
    return tn_value_reduce(TN_SUM, x, last < 0 ? 0 : 1u << last);
}

bool tn_value_store_row_sum(tn_value *v) {
    tn_value *x = tn_value_base(v);
    if (!x) return true; /* another thread has stored it */
    reduction r = plan(TN_SUM, x, x->shape.ndim - 1, 1);
    tn_buffer *buffer = tn_buffer_new(v->numel * r.out_bytes);
    if (buffer) r.out = buffer->data;
    bool done = buffer && run_reduction(&r, x);
    if (done) {
        bool locked = tn_links_lock();
        tn_value_publish(v, buffer);
        tn_links_unlock(locked);
    } else if (buffer) {
        tn_buffer_release(buffer);
    }
    tn_value_release(x);
    return done;
}
