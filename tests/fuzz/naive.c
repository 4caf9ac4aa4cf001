/* tests/fuzz/naive.c - tensors whose elements are nodes of the tape: room for them, and how their places are counted. */
#include "naive_internal.h"

enum { ALL_ELEMENTS = 1 << 17 };

static int elements[ALL_ELEMENTS];
static int used;
bool naive_full, naive_lost;

void naive_clear(void) {
    tape_clear();
    used = 0;
    naive_full = naive_lost = false;
}

bool naive_is_full(void) {
    bool was = naive_full || tape_is_full();
    naive_full = false;
    return was;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

precision precision_of(at_dtype dtype) { return dtype == AT_FLOAT32 ? SINGLE : dtype == AT_FLOAT64 ? DOUBLE : WHOLE; }

bool floating(at_dtype dtype) { return dtype == AT_FLOAT32 || dtype == AT_FLOAT64; }

int64_t naive_numel(const at_shape *shape) {
    int64_t n = 1;
    for (int d = 0; d < shape->ndim; d++) n *= shape->dim[d];
    return n;
}

bool naive_new(naive *y, at_shape shape, at_dtype dtype) {
    if (shape.ndim > AT_MAX_DIMS) return false;
    int64_t n = 1;
    for (int d = 0; d < shape.ndim; d++) {
        if (shape.dim[d] < 0) return false;
        n = n > MOST_ELEMENTS || shape.dim[d] > MOST_ELEMENTS ? MOST_ELEMENTS + 1 : n * shape.dim[d];
    }
    if (n > MOST_ELEMENTS || used + n > ALL_ELEMENTS) naive_full = true, n = 0, shape = AT_SHAPE(0);
    *y = (naive){shape, dtype, elements + used};
    used += (int)n;
    return true;
}

bool naive_broadcast(const at_shape *a, const at_shape *b, at_shape *y) {
    *y = a->ndim > b->ndim ? *a : *b;
    for (int back = 1; back <= y->ndim; back++) {
        int64_t m = back <= a->ndim ? a->dim[a->ndim - back] : 1, n = back <= b->ndim ? b->dim[b->ndim - back] : 1;
        if (m != n && m != 1 && n != 1) return false;
        y->dim[y->ndim - back] = m == 1 ? n : m;
    }
    return true;
}

void index_of(const at_shape *shape, int64_t i, int64_t *index) {
    for (int d = shape->ndim - 1; d >= 0; d--) {
        index[d] = i % shape->dim[d];
        i /= shape->dim[d];
    }
}

int64_t place_of(const at_shape *shape, const int64_t *index) {
    int64_t at = 0;
    for (int d = 0; d < shape->ndim; d++) at = at * shape->dim[d] + index[d];
    return at;
}

/* The element of x that broadcasts to place i of shape. */
int broadcast_at(const naive *x, const at_shape *shape, int64_t i) {
    int64_t index[AT_MAX_DIMS], own[AT_MAX_DIMS];
    index_of(shape, i, index);
    for (int d = 0; d < x->shape.ndim; d++) own[d] = x->shape.dim[d] == 1 ? 0 : index[shape->ndim - x->shape.ndim + d];
    return x->at[place_of(&x->shape, own)];
}

bool right_dim(const naive *x, int *dim) {
    int n = x->shape.ndim ? x->shape.ndim : 1;
    if (*dim < -n || *dim >= n) return false;
    if (*dim < 0) *dim += n;
    return true;
}

around look_around(const at_shape *shape, int dim) {
    around a = {1, 1, 1};
    for (int d = 0; d < shape->ndim; d++) *(d < dim ? &a.outer : d == dim ? &a.n : &a.inner) *= shape->dim[d];
    return a;
}

int64_t around_place(const around *a, int64_t row, int64_t k) {
    return (row / a->inner * a->n + k) * a->inner + row % a->inner;
}

at_shape with_dim(at_shape shape, int dim, int64_t n) {
    if (shape.ndim) shape.dim[dim] = n;
    return shape;
}

at_shape without_dim(at_shape shape, int dim) {
    if (shape.ndim == 0) return shape;
    for (int d = dim; d + 1 < shape.ndim; d++) shape.dim[d] = shape.dim[d + 1];
    shape.ndim--;
    return shape;
}
