/* tensor/shape.c - arithmetic of shapes and strides. */
#include <inttypes.h>
#include <string.h>

#include "internal.h"

at_shape at_shape_from(int n, const int64_t *dims) {
    at_shape shape = {.ndim = n};
    for (int i = 0; i < n && i < AT_MAX_DIMS; i++) shape.dim[i] = dims[i];
    return shape;
}

int64_t tn_shape_numel(const at_shape *shape) {
    if (shape->ndim < 0 || shape->ndim > AT_MAX_DIMS) return -1;
    int64_t numel = 1; /* of the dimensions that are not 0 */
    bool empty = false;
    for (int i = 0; i < shape->ndim; i++) {
        if (shape->dim[i] == 0)
            empty = true;
        else if (shape->dim[i] < 0 || __builtin_mul_overflow(numel, shape->dim[i], &numel))
            return -1;
    }
    if (numel > INT64_MAX / 16) return -1; /* so that bytes fit too, accumulators included */
    return empty ? 0 : numel;
}

bool tn_check_shape(const char *function, const at_shape *shape) {
    if (tn_shape_numel(shape) >= 0) return true;
    if (shape->ndim > AT_MAX_DIMS)
        return tn_fail(AT_ERROR_SHAPE, "%s: %d dimensions: there can be at most %d", function, shape->ndim,
                       AT_MAX_DIMS);
    if (shape->ndim < 0) return tn_fail(AT_ERROR_SHAPE, "%s: the shape is that of an error", function);
    for (int i = 0; i < shape->ndim; i++)
        if (shape->dim[i] < 0)
            return tn_fail(AT_ERROR_SHAPE, "%s: shape %s: sizes must not be negative", function, tn_shape_text(shape));
    return tn_fail(AT_ERROR_SHAPE, "%s: shape %s: too many elements to count", function, tn_shape_text(shape));
}

bool tn_shapes_equal(const at_shape *a, const at_shape *b) {
    if (a->ndim != b->ndim) return false;
    for (int i = 0; i < a->ndim; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

bool tn_shapes_broadcast(const at_shape *a, const at_shape *b, at_shape *result) {
    const at_shape *longer = a->ndim >= b->ndim ? a : b, *shorter = longer == a ? b : a;
    int lead = longer->ndim - shorter->ndim;
    *result = *longer;
    for (int i = 0; i < shorter->ndim; i++) {
        int64_t *dim = &result->dim[lead + i];
        if (*dim == 1)
            *dim = shorter->dim[i];
        else if (shorter->dim[i] != 1 && shorter->dim[i] != *dim)
            return false;
    }
    return true;
}

void tn_contiguous_strides(const at_shape *shape, int64_t *stride) {
    int64_t step = 1;
    for (int i = shape->ndim - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape->dim[i];
    }
}

/* Groups of old dimensions that lie evenly in memory are cut anew; each new dimension must fall within one group. */
bool tn_reshape_strides(const at_shape *shape, const int64_t *stride, const at_shape *to, int64_t *to_stride) {
    if (tn_shape_numel(shape) == 0) {
        tn_contiguous_strides(to, to_stride);
        return true;
    }
    int view = to->ndim - 1;
    int64_t chunk_stride = shape->ndim ? stride[shape->ndim - 1] : 1;
    int64_t chunk = 1, covered = 1;
    for (int i = shape->ndim - 1; i >= 0; i--) {
        chunk *= shape->dim[i];
        bool even = i > 0 && (shape->dim[i - 1] == 1 || stride[i - 1] == chunk * chunk_stride);
        if (even) continue;
        while (view >= 0 && (covered < chunk || to->dim[view] == 1)) {
            to_stride[view] = covered * chunk_stride;
            covered *= to->dim[view--];
        }
        if (covered != chunk) return false;
        if (i > 0) {
            chunk_stride = stride[i - 1];
            chunk = covered = 1;
        }
    }
    for (; view >= 0; view--) to_stride[view] = 1; /* sizes of 1 in front */
    return true;
}

void tn_broadcast_strides(const at_shape *shape, const int64_t *stride, const at_shape *to, int64_t *to_stride) {
    int lead = to->ndim - shape->ndim;
    for (int i = 0; i < to->ndim; i++)
        to_stride[i] = i < lead || (shape->dim[i - lead] == 1 && to->dim[i] != 1) ? 0 : stride[i - lead];
}

/* A size of 1 goes with the dimension before it. */
tn_layout tn_layout_of(const at_shape *shape, const int64_t *stride, at_shape *order) {
    int64_t key[AT_MAX_DIMS], last = INT64_MAX;
    bool in_order = true;
    for (int d = 0; d < shape->ndim; d++) {
        key[d] = shape->dim[d] == 1 ? last : stride[d];
        if (key[d] <= 0 || shape->dim[d] == 0) return TN_REPEATED;
        in_order = in_order && key[d] <= last;
        last = key[d];
    }
    if (in_order) return TN_BY_ROWS;
    order->ndim = shape->ndim;
    for (int d = 0; d < shape->ndim; d++) {
        int i = d;
        for (; i > 0 && key[order->dim[i - 1]] < key[d]; i--) order->dim[i] = order->dim[i - 1];
        order->dim[i] = d;
    }
    return TN_PERMUTED;
}

int tn_place_in_order(const at_shape *order, int dim) {
    int place = 0;
    while (order->dim[place] != dim) place++;
    return place;
}

bool tn_fail_broadcast(const char *function, at_tensor *a, at_tensor *b) {
    const at_shape *p = &a->value->shape, *q = &b->value->shape;
    int back = 1; /* the dimension that disagrees, counted from the last */
    while (back < p->ndim && back < q->ndim) {
        int64_t m = p->dim[p->ndim - back], n = q->dim[q->ndim - back];
        if (m != n && m != 1 && n != 1) break;
        back++;
    }
    return tn_fail(AT_ERROR_SHAPE,
                   "%s: %s and %s do not broadcast: dimension -%d has sizes %" PRId64 " and %" PRId64
                   ", which must be equal or 1",
                   function, tn_describe(a), tn_describe(b), back, p->dim[p->ndim - back], q->dim[q->ndim - back]);
}

int tn_check_dim(const char *function, const at_shape *shape, int dim) {
    int ndim = shape->ndim ? shape->ndim : 1;
    if (dim >= -ndim && dim < ndim) return dim < 0 ? dim + ndim : dim;
    tn_fail(AT_ERROR_SHAPE, "%s: dimension %d of a tensor of shape %s: want %d to %d", function, dim,
            tn_shape_text(shape), -ndim, ndim - 1);
    return -1;
}
