/* autograd/indexing.c - selecting, ordering and scattering elements, with their derivatives.
 *
 * What selects (sort, topk, max_dim, gather) remembers where each element came from; its gradient goes back there.
 * Indices and masks are inputs that take no gradient. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "../tensor/parallel.h"
#include "../tensor/select.h"
#include "../tensor/sort.h"
#include "internal.h"

static bool check_index(const char *function, at_tensor *index) {
    if (index->value->dtype == AT_INT64) return true;
    return at_fail(AT_ERROR_DTYPE, "%s: index is %s: want int64", function, tn_describe(index));
}

/* All of index, which is contiguous, within dimension dim of x. */
static bool check_range(const char *function, const tn_value *index, at_tensor *x, int dim) {
    const int64_t *i = tn_data(index), n = x->value->shape.ndim ? x->value->shape.dim[dim] : 1;
    for (int64_t k = 0; k < index->numel; k++)
        if (i[k] < 0 || i[k] >= n)
            return at_fail(AT_ERROR_VALUE,
                           "%s: index %" PRId64 " (element %" PRId64
                           " of index) into dimension %d of %s: want 0 to %" PRId64,
                           function, i[k], k, dim, tn_describe(x), n - 1);
    return true;
}

/* x with dimension dim moved to the end, and back. A 0-dimensional tensor is a row of one. */
static at_tensor *to_rows(at_tensor *x, int dim) {
    return x->value->shape.ndim ? at_transpose(x, dim, -1) : at_flatten(x);
}
static at_tensor *from_rows(at_tensor *y, int dim, int ndim) {
    return !y ? NULL : ndim ? at_transpose(y, dim, -1) : at_reshape_shape(y, AT_SHAPE_SCALAR);
}

/* ---- gather and scatter ------------------------------------------------------------------------------------------ */

/* Walks over the elements of index; x's offset follows it, but for dimension dim, where the index itself counts. */
typedef struct {
    const at_shape *shape; /* of index */
    const int64_t *stride; /* of x */
    int dim;
    uint64_t limit;                     /* x's size along dim */
    int64_t inner;                      /* elements to a row of index */
    int64_t inner_stride, index_stride; /* of x: from one of those to the next, from one index to the next */
} index_walk;

static index_walk walk_over(const tn_value *index, const tn_value *x, int dim) {
    int last = index->shape.ndim - 1;
    return (index_walk){.shape = &index->shape,
                        .stride = x->stride,
                        .dim = dim,
                        .limit = last < 0 ? 1 : (uint64_t)x->shape.dim[dim],
                        .inner = last >= 0 ? index->shape.dim[last] : 1,
                        .inner_stride = last < 0 || last == dim ? 0 : x->stride[last],
                        .index_stride = last < 0 ? 1 : x->stride[dim]};
}

/* Where in x row r of index begins. */
static int64_t row_offset(const index_walk *w, int64_t r) {
    int64_t at = 0;
    for (int d = w->shape->ndim - 2; d >= 0; d--) {
        int64_t i = d > 0 ? r % w->shape->dim[d] : r; /* dividing is slow beside copying a short row */
        if (d != w->dim) at += i * w->stride[d];
        if (d > 0) r /= w->shape->dim[d];
    }
    return at;
}

/* What gather and scatter do to n elements of one row of index, and to elements start ... end of it, which scatter
 * takes in whole rows; false at an index that is out of range. Along the last dimension the strides are mostly 0 and 1:
 * said as constants, they leave no multiplications in the loop. */
#define GATHER_AND_SCATTER(type, suffix, sum)                                                                          \
    static inline bool gather_row_##suffix(uint64_t limit, int64_t inner_stride, int64_t stride, int64_t n,            \
                                           const int64_t *index, const type *row, type *y) {                           \
        for (int64_t j = 0; j < n; j++) {                                                                              \
            if ((uint64_t)index[j] >= limit) return false;                                                             \
            y[j] = row[j * inner_stride + index[j] * stride];                                                          \
        }                                                                                                              \
        return true;                                                                                                   \
    }                                                                                                                  \
    static inline bool scatter_row_##suffix(uint64_t limit, int64_t inner_stride, int64_t stride, int64_t n,           \
                                            const int64_t *index, const type *src, type *row) {                        \
        for (int64_t j = 0; j < n; j++) {                                                                              \
            if ((uint64_t)index[j] >= limit) return false;                                                             \
            type *to = &row[j * inner_stride + index[j] * stride];                                                     \
            *to = (type)(*to sum src[j]);                                                                              \
        }                                                                                                              \
        return true;                                                                                                   \
    }                                                                                                                  \
    static bool gather_##suffix(const index_walk *w, int64_t start, int64_t end, const int64_t *index, const type *x,  \
                                type *y) {                                                                             \
        bool plain = w->inner_stride == 0 && w->index_stride == 1, good = true;                                        \
        int64_t r = start / w->inner, j = start % w->inner;                                                            \
        for (int64_t i = start, n; i < end && good; i += n, r++, j = 0) {                                              \
            const type *row = x + row_offset(w, r) + j * w->inner_stride;                                              \
            n = w->inner - j < end - i ? w->inner - j : end - i;                                                       \
            good = plain ? gather_row_##suffix(w->limit, 0, 1, n, index + i, row, y + i)                               \
                         : gather_row_##suffix(w->limit, w->inner_stride, w->index_stride, n, index + i, row, y + i);  \
        }                                                                                                              \
        return good;                                                                                                   \
    }                                                                                                                  \
    static bool scatter_##suffix(const index_walk *w, int64_t start, int64_t end, const int64_t *index,                \
                                 const type *src, type *y) {                                                           \
        bool plain = w->inner_stride == 0 && w->index_stride == 1, good = true;                                        \
        int64_t n = w->inner;                                                                                          \
        for (int64_t i = start, r = start / n; i < end && good; i += n, r++) {                                         \
            type *row = y + row_offset(w, r);                                                                          \
            good = plain                                                                                               \
                       ? scatter_row_##suffix(w->limit, 0, 1, n, index + i, src + i, row)                              \
                       : scatter_row_##suffix(w->limit, w->inner_stride, w->index_stride, n, index + i, src + i, row); \
        }                                                                                                              \
        return good;                                                                                                   \
    }
GATHER_AND_SCATTER(float, f32, +)
GATHER_AND_SCATTER(double, f64, +)
GATHER_AND_SCATTER(uint64_t, i64, +)
GATHER_AND_SCATTER(bool, bool, ||)

typedef struct {
    index_walk w;
    at_dtype dtype;
    const int64_t *index;
    const void *from;
    void *to;
    atomic_bool outside; /* an index was */
} walk_job;

static bool gather_range(void *context, int64_t start, int64_t end) {
    walk_job *job = context;
    bool good;
    switch (job->dtype) {
    case AT_FLOAT32: good = gather_f32(&job->w, start, end, job->index, job->from, job->to); break;
    case AT_FLOAT64: good = gather_f64(&job->w, start, end, job->index, job->from, job->to); break;
    case AT_INT64: good = gather_i64(&job->w, start, end, job->index, job->from, job->to); break;
    default: good = gather_bool(&job->w, start, end, job->index, job->from, job->to); break;
    }
    if (!good) atomic_store(&job->outside, true);
    return true;
}

static bool scatter_range(void *context, int64_t start, int64_t end) {
    walk_job *job = context;
    bool good;
    switch (job->dtype) {
    case AT_FLOAT32: good = scatter_f32(&job->w, start, end, job->index, job->from, job->to); break;
    case AT_FLOAT64: good = scatter_f64(&job->w, start, end, job->index, job->from, job->to); break;
    case AT_INT64: good = scatter_i64(&job->w, start, end, job->index, job->from, job->to); break;
    default: good = scatter_bool(&job->w, start, end, job->index, job->from, job->to); break;
    }
    if (!good) atomic_store(&job->outside, true);
    return true;
}

/* y, or NULL where an index was out of range: which one it was, check_range is left to find and report. */
static tn_value *unless_outside(walk_job *job, tn_value *y) {
    if (!atomic_load(&job->outside)) return y;
    tn_value_release(y);
    return NULL;
}

static tn_value *gathered(tn_value *x, int dim, tn_value *index) {
    tn_value *y = tn_value_store(x) ? tn_value_new(x->dtype, &index->shape) : NULL;
    if (!y || y->numel == 0) return y;
    walk_job job = {walk_over(index, x, dim), x->dtype, tn_data(index), tn_data(x), tn_data(y), false};
    (void)tn_parallel(index->numel, 1, gather_range, &job);
    return unless_outside(&job, y);
}

static tn_value *copy_of(tn_value *x) {
    tn_value *stored = tn_value_contiguous(x);
    if (stored != x) return stored; /* which is a copy */
    tn_value *y = tn_value_new(x->dtype, &x->shape);
    if (y && x->numel > 0) memcpy(tn_data(y), tn_data(stored), (size_t)x->numel * tn_dtype_size(x->dtype));
    tn_value_release(stored);
    return y;
}

/* src is contiguous and has index's shape. */
static tn_value *scattered(tn_value *x, int dim, tn_value *index, tn_value *src) {
    tn_value *y = copy_of(x);
    if (!y || index->numel == 0) return y;
    walk_job job = {walk_over(index, y, dim), x->dtype, tn_data(index), tn_data(src), tn_data(y), false};
    at_shape around =
        ag_around(&index->shape, dim); /* what lies before dim keeps to itself: threads may share it out */
    (void)tn_parallel(index->numel, around.dim[1] * around.dim[2], scatter_range, &job);
    return unless_outside(&job, y);
}

/* index fits within shape in every dimension but dim. */
static bool check_fits(const char *function, at_tensor *index, const char *name, at_tensor *x, int dim) {
    const at_shape *a = &index->value->shape, *b = &x->value->shape;
    bool fits = a->ndim == b->ndim;
    for (int d = 0; d < a->ndim && fits; d++) fits = d == dim || a->dim[d] <= b->dim[d];
    if (fits || index->value->numel == 0) return true;
    return at_fail(AT_ERROR_SHAPE, "%s: index %s and %s %s: index must have as many dimensions, and no larger sizes%s",
                   function, tn_shape_text(a), name, tn_shape_text(b), dim < AT_MAX_DIMS ? " (along dim it may)" : "");
}

/* A tensor without dimensions goes with vectors, as a vector of one. */
static bool scalar_and_vector(const at_tensor *a, const at_tensor *b) {
    return a->value->shape.ndim + b->value->shape.ndim == 1;
}

static at_tensor *as_vector(at_tensor *x) { return x->value->shape.ndim ? x : at_flatten(x); }

static at_tensor *back_to(at_tensor *y, const at_tensor *like) {
    return y ? at_reshape_shape(y, like->value->shape) : NULL;
}

at_tensor *at_gather(at_tensor *x, int dim, at_tensor *index) {
    AG_CHECK_TENSOR("gather", x);
    AG_CHECK_TENSOR("gather", index);
    if (scalar_and_vector(x, index)) return back_to(at_gather(as_vector(x), dim, as_vector(index)), index);
    const at_shape *shape = &x->value->shape;
    if ((dim = tn_check_dim("gather", shape, dim)) < 0) return NULL;
    if (!check_index("gather", index) || !check_fits("gather", index, "x", x, dim)) return NULL;
    tn_value *i = tn_value_contiguous(index->value), *y = NULL;
    if (i && !(y = gathered(x->value, dim, i))) (void)check_range("gather", i, x, dim);
    tn_value_release(i);
    return ag_record(AG_gather, y, (at_tensor *[]){x, index}, 2, &(ag_parameters){.dim = dim});
}
AG_RULE(gather) {
    at_shape scalar = AT_SHAPE_SCALAR;
    at_tensor *zero = tn_tensor_from(tn_value_full(v->g->value->dtype, &scalar, 0));
    at_tensor *zeros = zero ? at_expand_shape(zero, v->x[0]->value->shape) : NULL;
    v->dx[0] = at_scatter_add(zeros, v->parameters->dim, v->x[1], v->g);
}

/* The part of src that index reaches. */
static at_tensor *part_like(at_tensor *src, const at_shape *shape) {
    for (int d = 0; d < shape->ndim && src; d++)
        if (src->value->shape.dim[d] != shape->dim[d]) src = at_slice(src, d, 0, shape->dim[d], 1);
    return src;
}

at_tensor *at_scatter_add(at_tensor *x, int dim, at_tensor *index, at_tensor *src) {
    AG_CHECK_TENSOR("scatter_add", x);
    AG_CHECK_TENSOR("scatter_add", index);
    AG_CHECK_TENSOR("scatter_add", src);
    AT_CALL("scatter_add");
    if (scalar_and_vector(x, index) || scalar_and_vector(src, index))
        return back_to(at_scatter_add(as_vector(x), dim, as_vector(index), as_vector(src)), x);
    const at_shape *shape = &x->value->shape;
    if ((dim = tn_check_dim("scatter_add", shape, dim)) < 0) return NULL;
    if (!check_index("scatter_add", index) || !check_fits("scatter_add", index, "x", x, dim) ||
        !check_fits("scatter_add", index, "src", src, AT_MAX_DIMS))
        return NULL;
    if (src->value->dtype != x->value->dtype)
        return at_fail(AT_ERROR_DTYPE, "scatter_add: x is %s and src %s: want one dtype", tn_describe(x),
                       tn_describe(src));
    if (index->value->numel > 0 && !(src = part_like(src, &index->value->shape))) return NULL;
    tn_value *i = tn_value_contiguous(index->value), *from = i ? tn_value_contiguous(src->value) : NULL, *y = NULL;
    if (from && !(y = scattered(x->value, dim, i, from))) (void)check_range("scatter_add", i, x, dim);
    tn_value_release(from);
    tn_value_release(i);
    return ag_record(AG_scatter_add, y, (at_tensor *[]){x, index, src}, 3, &(ag_parameters){.dim = dim});
}
AG_RULE(scatter_add) {
    if (v->needed[0]) v->dx[0] = v->g;
    if (v->needed[2] && v->x[1]->value->numel > 0) v->dx[2] = at_gather(v->g, v->parameters->dim, v->x[1]);
}

/* ---- whole slices by index --------------------------------------------------------------------------------------- */

typedef struct {
    at_shape around;
    int64_t n; /* indices */
    const int64_t *index;
    size_t element;
    const char *x;
    char *y;
} slice_job;

/* Elements start ... end of y, whole slices, as many at a time as have one place before dim. */
static bool copy_slices(void *context, int64_t start, int64_t end) {
    const slice_job *job = context;
    int64_t inner = job->around.dim[2], last = end / inner;
    size_t slice = (size_t)inner * job->element;
    for (int64_t s = start / inner, count; s < last; s += count) {
        int64_t outer = s / job->n, i = s % job->n;
        const char *from = job->x + (size_t)(outer * job->around.dim[1]) * slice;
        char *to = job->y + (size_t)s * slice;
        count = job->n - i < last - s ? job->n - i : last - s;
        if (inner == 1)
            tn_take(job->element, from, count, job->index + i, to);
        else
            for (int64_t k = 0; k < count; k++)
                memcpy(to + (size_t)k * slice, from + (size_t)job->index[i + k] * slice, slice);
    }
    return true;
}

at_tensor *at_index_select(at_tensor *x, int dim, at_tensor *index) {
    AG_CHECK_TENSOR("index_select", x);
    AG_CHECK_TENSOR("index_select", index);
    AT_CALL("index_select");
    at_shape shape = x->value->shape;
    if ((dim = tn_check_dim("index_select", &shape, dim)) < 0 || !check_index("index_select", index)) return NULL;
    if (index->value->shape.ndim > 1)
        return at_fail(AT_ERROR_SHAPE, "index_select: index is %s: want one dimension", tn_describe(index));
    if (shape.ndim == 0) {
        if (index->value->numel == 1) return at_reshape_shape(at_index_select(at_flatten(x), 0, index), shape);
        return at_fail(AT_ERROR_SHAPE, "index_select: index %s into a tensor of one element without dimensions",
                       tn_describe(index));
    }
    tn_value *i = tn_value_contiguous(index->value), *from = i ? tn_value_contiguous(x->value) : NULL, *y = NULL;
    slice_job job = {.around = ag_around(&shape, dim), .element = tn_dtype_size(x->value->dtype)};
    if (from && check_range("index_select", i, x, dim)) {
        shape.dim[dim] = i->numel;
        y = tn_check_shape("index_select", &shape) ? tn_value_new(x->value->dtype, &shape) : NULL;
    }
    if (y && y->numel > 0) {
        job.n = i->numel, job.index = tn_data(i), job.x = tn_data(from), job.y = tn_data(y);
        (void)tn_parallel(y->numel, job.around.dim[2], copy_slices, &job);
    }
    tn_value_release(from);
    tn_value_release(i);
    return ag_record(AG_index_select, y, (at_tensor *[]){x, index}, 2, &(ag_parameters){.dim = dim});
}

#define ADD_SLICES(name, type)                                                                                         \
    static void name(const at_shape *around, int64_t n, const int64_t *index, const type *x, type *y) {                \
        int64_t slice = around->dim[2];                                                                                \
        for (int64_t a = 0; a < around->dim[0]; a++)                                                                   \
            for (int64_t i = 0; i < n; i++, x += slice) {                                                              \
                type *to = y + (a * around->dim[1] + index[i]) * slice;                                                \
                for (int64_t j = 0; j < slice; j++) to[j] += x[j];                                                     \
            }                                                                                                          \
    }
ADD_SLICES(add_slices_f32, float)
ADD_SLICES(add_slices_f64, double)

/* Zeros of shape with the slices of x added at the indices: what at_index_select's gradient is, so floating point. */
static at_tensor *index_add(at_tensor *x, const at_shape *shape, int dim, at_tensor *index) {
    if (!x) return NULL;
    tn_value *i = tn_value_contiguous(index->value), *from = i ? tn_value_contiguous(x->value) : NULL;
    tn_value *y = from ? tn_value_full(x->value->dtype, shape, 0) : NULL;
    at_shape around = ag_around(shape, dim);
    if (y && y->dtype == AT_FLOAT32)
        add_slices_f32(&around, i->numel, tn_data(i), tn_data(from), tn_data(y));
    else if (y)
        add_slices_f64(&around, i->numel, tn_data(i), tn_data(from), tn_data(y));
    tn_value_release(from);
    tn_value_release(i);
    return ag_record(AG_index_add, y, (at_tensor *[]){x, index}, 2, &(ag_parameters){.dim = dim});
}
AG_RULE(index_select) { v->dx[0] = index_add(v->g, &v->x[0]->value->shape, v->parameters->dim, v->x[1]); }
AG_RULE(index_add) { v->dx[0] = at_index_select(v->g, v->parameters->dim, v->x[1]); }

/* ---- masks ------------------------------------------------------------------------------------------------------- */

/* Both are contiguous. */
static tn_value *selected(tn_value *x, tn_value *mask) {
    tn_mask m;
    if (!tn_mask_begin(&m, tn_data(mask), mask->numel)) return NULL;
    at_shape shape = AT_SHAPE(m.count);
    tn_value *y = tn_value_new(x->dtype, &shape);
    if (y) tn_mask_select(&m, tn_dtype_size(x->dtype), tn_data(x), tn_data(y));
    tn_mask_end(&m);
    return y;
}

/* x and mask of one shape. */
static at_tensor *select_where(at_tensor *x, at_tensor *mask) {
    if (!x || !mask) return NULL;
    tn_value *m = tn_value_contiguous(mask->value), *from = m ? tn_value_contiguous(x->value) : NULL;
    tn_value *y = from ? selected(from, m) : NULL;
    tn_value_release(from);
    tn_value_release(m);
    return ag_record(AG_masked_select, y, (at_tensor *[]){x, mask}, 2, NULL);
}

at_tensor *at_masked_select(at_tensor *x, at_tensor *mask) {
    AG_CHECK_TENSOR("masked_select", x);
    AG_CHECK_TENSOR("masked_select", mask);
    AT_CALL("masked_select");
    at_shape shape;
    if (mask->value->dtype != AT_BOOL)
        return at_fail(AT_ERROR_DTYPE, "masked_select: mask is %s: want bool (at_to converts)", tn_describe(mask));
    if (!tn_shapes_broadcast(&x->value->shape, &mask->value->shape, &shape))
        return tn_fail_broadcast("masked_select", x, mask), NULL;
    return select_where(at_expand_shape(x, shape), at_expand_shape(mask, shape));
}

/* Both are contiguous. */
static tn_value *spread(tn_value *x, tn_value *mask) {
    tn_mask m;
    if (!tn_mask_begin(&m, tn_data(mask), mask->numel)) return NULL;
    tn_value *y = tn_value_new(x->dtype, &mask->shape);
    if (y) tn_mask_spread(&m, tn_dtype_size(x->dtype), tn_data(x), tn_data(y));
    tn_mask_end(&m);
    return y;
}

/* Zeros of mask's shape with the elements of x, in order, where it is true. */
static at_tensor *masked_scatter(at_tensor *x, at_tensor *mask) {
    if (!x) return NULL;
    tn_value *m = tn_value_contiguous(mask->value), *from = m ? tn_value_contiguous(x->value) : NULL;
    tn_value *y = from ? spread(from, m) : NULL;
    tn_value_release(from);
    tn_value_release(m);
    return ag_record(AG_masked_scatter, y, (at_tensor *[]){x, mask}, 2, NULL);
}
AG_RULE(masked_select) { v->dx[0] = masked_scatter(v->g, v->x[1]); }
AG_RULE(masked_scatter) { v->dx[0] = select_where(v->g, v->x[1]); }

/* ---- order ------------------------------------------------------------------------------------------------------- */

typedef struct {
    tn_value *values; /* of x's dtype, or NULL where only the indices are wanted */
    tn_value *indices;
} ordered;

typedef struct {
    at_dtype dtype;
    bool top, descending;
    int64_t n, k;
    const char *x;
    char *values; /* or NULL */
    int64_t *indices;
} order_job;

/* Elements start ... end of x, whole rows. */
static bool order_range(void *context, int64_t start, int64_t end) {
    const order_job *job = context;
    int64_t n = job->n, k = job->k;
    size_t element = tn_dtype_size(job->dtype);
    tn_buffer *scratch = tn_buffer_new(job->top ? tn_topk_scratch(job->dtype, n, k) : tn_sort_scratch(job->dtype, n));
    if (!scratch) return false;
    for (int64_t r = start / n; r < end / n; r++) {
        const char *row = job->x + (size_t)(r * n) * element;
        char *values = job->values ? job->values + (size_t)(r * k) * element : NULL;
        if (job->top)
            tn_topk(job->dtype, n, row, k, values, job->indices + r * k, scratch->data);
        else
            tn_sort(job->dtype, n, row, job->descending, values, job->indices + r * k, scratch->data);
    }
    tn_buffer_release(scratch);
    return true;
}

/* The rows of x sorted, or the k greatest of each. */
static bool order_rows(tn_value *x, int64_t k, bool top, bool descending, bool want_values, ordered *o) {
    at_shape shape = x->shape;
    order_job job = {x->dtype, top, descending, shape.dim[shape.ndim - 1], k, NULL, NULL, NULL};
    shape.dim[shape.ndim - 1] = k;
    tn_value *from = tn_value_contiguous(x);
    o->values = from && want_values ? tn_value_new(x->dtype, &shape) : NULL;
    o->indices = from && (o->values || !want_values) ? tn_value_new(AT_INT64, &shape) : NULL;
    bool done = o->indices != NULL;
    if (done && o->indices->numel > 0) {
        job.x = tn_data(from), job.indices = tn_data(o->indices);
        job.values = o->values ? tn_data(o->values) : NULL;
        done = tn_parallel(x->numel, job.n, order_range, &job);
    }
    tn_value_release(from);
    if (done) return true;
    tn_value_release(o->values);
    tn_value_release(o->indices);
    return false;
}

/* Values that came from indices along the last dimension of rows: what at_gather would give, so that its rule serves. */
static at_tensor *as_gathered(at_tensor *rows, tn_value *values, at_tensor *indices) {
    int last = rows->value->shape.ndim - 1;
    return ag_record(AG_gather, values, (at_tensor *[]){rows, indices}, 2, &(ag_parameters){.dim = last});
}

static at_tensor *give_indices(at_tensor *y, at_tensor *found, int dim, int ndim, at_tensor **indices) {
    if (!indices || !y) return y;
    at_tensor *back = from_rows(found, dim, ndim);
    if (back) *indices = back;
    return back ? y : NULL;
}

static at_tensor *order(at_tensor *x, int dim, int64_t k, bool top, bool descending, at_tensor **indices) {
    int ndim = x->value->shape.ndim;
    at_tensor *rows = to_rows(x, dim);
    ordered o;
    if (!rows || !order_rows(rows->value, k, top, descending, true, &o)) return NULL;
    at_tensor *found = tn_tensor_from(o.indices);
    if (!found) {
        tn_value_release(o.values);
        return NULL;
    }
    return give_indices(from_rows(as_gathered(rows, o.values, found), dim, ndim), found, dim, ndim, indices);
}

at_tensor *at_sort(at_tensor *x, int dim, bool descending, at_tensor **indices) {
    AG_CHECK_TENSOR("sort", x);
    AT_CALL("sort");
    const at_shape *shape = &x->value->shape;
    if ((dim = tn_check_dim("sort", shape, dim)) < 0) return NULL;
    return order(x, dim, shape->ndim ? shape->dim[dim] : 1, false, descending, indices);
}

at_tensor *at_argsort(at_tensor *x, int dim, bool descending) {
    AG_CHECK_TENSOR("argsort", x);
    AT_CALL("argsort");
    const at_shape *shape = &x->value->shape;
    if ((dim = tn_check_dim("argsort", shape, dim)) < 0) return NULL;
    at_tensor *rows = to_rows(x, dim);
    ordered o;
    if (!rows || !order_rows(rows->value, shape->ndim ? shape->dim[dim] : 1, false, descending, false, &o)) return NULL;
    return from_rows(ag_record(AG_argsort, o.indices, &rows, 1, NULL), dim, shape->ndim);
}

at_tensor *at_topk(at_tensor *x, int64_t k, int dim, at_tensor **indices) {
    AG_CHECK_TENSOR("topk", x);
    AT_CALL("topk");
    const at_shape *shape = &x->value->shape;
    if ((dim = tn_check_dim("topk", shape, dim)) < 0) return NULL;
    int64_t least = shape->ndim ? 0 : 1, n = shape->ndim ? shape->dim[dim] : 1; /* () cannot hold none */
    if (k < least || k > n)
        return at_fail(AT_ERROR_VALUE,
                       "topk: the %" PRId64 " largest along dimension %d of %s: want %" PRId64 " to %" PRId64, k, dim,
                       tn_describe(x), least, n);
    return order(x, dim, k, true, true, indices);
}

/* ---- extremes along a dimension ---------------------------------------------------------------------------------- */

/* dim is left with size 1. */
static at_tensor *arg_extreme(const char *function, at_tensor *x, int *dim, bool largest) {
    AG_CHECK_TENSOR(function, x);
    const at_shape *shape = &x->value->shape;
    if ((*dim = tn_check_dim(function, shape, *dim)) < 0) return NULL;
    if (shape->ndim && shape->dim[*dim] == 0)
        return at_fail(AT_ERROR_SHAPE, "%s: dimension %d of %s has no elements, so no %s", function, *dim,
                       tn_describe(x), largest ? "largest" : "smallest");
    return ag_record(AG_argmax, tn_value_extreme(x->value, *dim, largest), &x, 1, NULL);
}

static at_tensor *drop_dim(at_tensor *y, int dim, bool keepdim) {
    return !y || keepdim || y->value->shape.ndim == 0 ? y : at_squeeze(y, dim);
}

static at_tensor *extreme_dim(const char *function, at_tensor *x, int dim, bool keepdim, bool largest,
                              at_tensor **indices) {
    AT_CALL(function);
    at_tensor *index = arg_extreme(function, x, &dim, largest);
    at_tensor *y = index ? drop_dim(at_gather(x, dim, index), dim, keepdim) : NULL;
    if (!indices || !y) return y;
    at_tensor *found = drop_dim(index, dim, keepdim);
    if (found) *indices = found;
    return found ? y : NULL;
}

at_tensor *at_max_dim(at_tensor *x, int dim, bool keepdim, at_tensor **indices) {
    return extreme_dim("max_dim", x, dim, keepdim, true, indices);
}
at_tensor *at_min_dim(at_tensor *x, int dim, bool keepdim, at_tensor **indices) {
    return extreme_dim("min_dim", x, dim, keepdim, false, indices);
}
at_tensor *at_argmax(at_tensor *x, int dim, bool keepdim) {
    AT_CALL("argmax");
    at_tensor *index = arg_extreme("argmax", x, &dim, true);
    return drop_dim(index, dim, keepdim);
}
at_tensor *at_argmin(at_tensor *x, int dim, bool keepdim) {
    AT_CALL("argmin");
    at_tensor *index = arg_extreme("argmin", x, &dim, false);
    return drop_dim(index, dim, keepdim);
}

/* ---- one-hot ----------------------------------------------------------------------------------------------------- */

/* How many classes there must be; INT64_MAX stands for too many. */
static int64_t count_classes(const tn_value *index) {
    const int64_t *i = tn_data(index);
    int64_t largest = -1;
    for (int64_t k = 0; k < index->numel; k++) largest = i[k] > largest ? i[k] : largest;
    return largest < INT64_MAX ? largest + 1 : INT64_MAX;
}

static bool check_classes(const tn_value *index, int64_t n) {
    const int64_t *i = tn_data(index);
    for (int64_t k = 0; k < index->numel; k++)
        if (i[k] < 0 || i[k] >= n)
            return at_fail(AT_ERROR_VALUE, "one_hot: class %" PRId64 " (element %" PRId64 "): want 0 to %" PRId64, i[k],
                           k, n - 1);
    return true;
}

static tn_value *one_hot_value(tn_value *index, int64_t n) {
    at_shape shape = index->shape;
    if (n == -1) n = count_classes(index);
    shape.dim[shape.ndim++] = n;
    if (!check_classes(index, n) || !tn_check_shape("one_hot", &shape)) return NULL;
    tn_value *y = tn_value_full(AT_INT64, &shape, 0);
    const int64_t *i = tn_data(index);
    for (int64_t k = 0; y && k < index->numel; k++) ((int64_t *)tn_data(y))[k * n + i[k]] = 1;
    return y;
}

at_tensor *at_one_hot(at_tensor *x, int64_t n) {
    AG_CHECK_TENSOR("one_hot", x);
    if (!check_index("one_hot", x)) return NULL;
    if (x->value->shape.ndim == AT_MAX_DIMS)
        return at_fail(AT_ERROR_SHAPE, "one_hot: %s: there can be at most %d dimensions", tn_describe(x), AT_MAX_DIMS);
    if (n < -1 || n == 0)
        return at_fail(AT_ERROR_VALUE, "one_hot: %" PRId64 " classes: want at least 1, or -1 to count them", n);
    if (n == -1 && x->value->numel == 0)
        return at_fail(AT_ERROR_VALUE, "one_hot: %s has no elements to count classes by: want their number",
                       tn_describe(x));
    tn_value *index = tn_value_contiguous(x->value), *y = index ? one_hot_value(index, n) : NULL;
    tn_value_release(index);
    return ag_record(AG_one_hot, y, &x, 1, NULL);
}
