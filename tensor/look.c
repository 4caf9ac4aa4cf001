/* tensor/look.c - asking tensors for their shapes and elements. */
#include <math.h>
#include <string.h>

#include "internal.h"

/* Asking for a shape takes no memory: the operation that messages about it name stays the one that asks. */
#define CHECK(function, t, otherwise)                                                                                  \
    do {                                                                                                               \
        if (!(t)) {                                                                                                    \
            tn_fail_null(function, #t);                                                                                \
            return otherwise;                                                                                          \
        }                                                                                                              \
    } while (0)

#define LOOK(function, t, otherwise)                                                                                   \
    do {                                                                                                               \
        CHECK(function, t, otherwise);                                                                                 \
        tn_thread_set_operation(function);                                                                             \
    } while (0)

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

int at_ndim(at_tensor *t) {
    CHECK("ndim", t, -1);
    return t->value->shape.ndim;
}

int64_t at_size(at_tensor *t, int dim) {
    CHECK("size", t, -1);
    if (t->value->shape.ndim == 0) {
        tn_fail(AT_ERROR_SHAPE, "size: dimension %d of a tensor of shape (): it has none", dim);
        return -1;
    }
    dim = tn_check_dim("size", &t->value->shape, dim);
    return dim < 0 ? -1 : t->value->shape.dim[dim];
}

at_shape at_shape_of(at_tensor *t) {
    CHECK("shape_of", t, (at_shape){.ndim = -1});
    return t->value->shape;
}

int64_t at_numel(at_tensor *t) {
    CHECK("numel", t, -1);
    return t->value->numel;
}

at_dtype at_dtype_of(at_tensor *t) {
    CHECK("dtype_of", t, AT_FLOAT32);
    return t->value->dtype;
}

/* ---- single elements --------------------------------------------------------------------------------------------- */

double tn_element(const tn_value *v, int64_t at) {
    const void *data = tn_data(v);
    switch (v->dtype) {
    case AT_FLOAT32: return (double)((const float *)data)[at];
    case AT_FLOAT64: return ((const double *)data)[at];
    case AT_INT64: return (double)((const int64_t *)data)[at];
    default: return ((const bool *)data)[at];
    }
}

double at_item(at_tensor *t) {
    LOOK("item", t, NAN);
    if (t->value->numel != 1) {
        tn_fail(AT_ERROR_SHAPE, "item: %s: want exactly one element", tn_describe(t));
        return NAN;
    }
    return tn_value_store(t->value) ? tn_element(t->value, 0) : NAN;
}

double at_get_index(at_tensor *t, at_shape index) {
    LOOK("get", t, NAN);
    const at_shape *shape = &t->value->shape;
    if (index.ndim != shape->ndim) {
        tn_fail(AT_ERROR_SHAPE, "get: %d indices into %s: want %d", index.ndim, tn_describe(t), shape->ndim);
        return NAN;
    }
    int64_t at = 0;
    for (int d = 0; d < shape->ndim; d++) {
        int64_t i = index.dim[d] < 0 ? index.dim[d] + shape->dim[d] : index.dim[d];
        if (i < 0 || i >= shape->dim[d]) {
            tn_fail(AT_ERROR_VALUE, "get: index %s into %s: dimension %d has %lld elements", tn_shape_text(&index),
                    tn_describe(t), d, (long long)shape->dim[d]);
            return NAN;
        }
        at += i * t->value->stride[d];
    }
    return tn_value_store(t->value) ? tn_element(t->value, at) : NAN;
}

/* ---- all elements ------------------------------------------------------------------------------------------------ */

/* Row-major elements. Where they lie otherwise, the value keeps a copy: the pointer lasts as long as the value, and
 * threads may ask at the same time. */
static const void *packed_elements(tn_value *v) {
    if (!tn_value_store(v)) return NULL;
    if (tn_is_contiguous(v)) return tn_data(v);
    tn_value *packed = atomic_load_explicit(&v->packed, memory_order_acquire);
    if (!packed) {
        tn_value *copy = tn_value_contiguous(v);
        if (!copy) return NULL;
        if (atomic_compare_exchange_strong(&v->packed, &packed, copy))
            packed = copy;
        else
            tn_value_release(copy); /* another thread was first. LCOV_EXCL_LINE: a matter of nanoseconds */
    }
    return tn_data(packed);
}

static bool check_dtype(at_tensor *t, const char *function, at_dtype dtype) {
    if (!t) return tn_fail_null(function, "t");
    tn_thread_set_operation(function);
    return t->value->dtype == dtype ||
           tn_fail(AT_ERROR_DTYPE, "%s: %s: want %s (at_to converts)", function, tn_describe(t), at_dtype_name(dtype));
}

static const void *elements(at_tensor *t, const char *function, at_dtype dtype) {
    return check_dtype(t, function, dtype) ? packed_elements(t->value) : NULL;
}

const float *at_floats(at_tensor *t) { return elements(t, "floats", AT_FLOAT32); }
const double *at_doubles(at_tensor *t) { return elements(t, "doubles", AT_FLOAT64); }
const int64_t *at_int64s(at_tensor *t) { return elements(t, "int64s", AT_INT64); }
const bool *at_bools(at_tensor *t) { return elements(t, "bools", AT_BOOL); }

/* A value that nobody else sees, in the place of the tensor's. */
static void *own_elements(at_tensor *t, const char *function, at_dtype dtype) {
    if (!check_dtype(t, function, dtype)) return NULL;
    if (t->node && !tn_node_is_leaf(t->node))
        return tn_fail(AT_ERROR_STATE, "%s: %s is the result of a recorded operation: only leaves may be written to",
                       function, tn_describe(t));
    tn_value *v = t->value, *copy;
    if (!tn_value_store(v)) return NULL;
    bool alone = tn_count_of(&v->refs) == 1 && tn_count_of(&atomic_load(&v->buffer)->refs) == 1;
    if (!tn_is_contiguous(v)) {
        copy = tn_value_contiguous(v);
    } else if (alone) {
        return tn_data(v);
    } else if ((copy = tn_value_new(v->dtype, &v->shape))) {
        memcpy(tn_data(copy), tn_data(v), (size_t)v->numel * tn_dtype_size(dtype));
    }
    if (!copy) return NULL;
    tn_tensor_set_value(t, copy);
    return tn_data(copy);
}

float *at_floats_mut(at_tensor *t) { return own_elements(t, "floats_mut", AT_FLOAT32); }
double *at_doubles_mut(at_tensor *t) { return own_elements(t, "doubles_mut", AT_FLOAT64); }

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static bool comparable(const char *function, at_tensor *a, at_tensor *b) {
    if (!a) return tn_fail_null(function, "a");
    if (!b) return tn_fail_null(function, "b");
    tn_thread_set_operation(function);
    return tn_value_store(a->value) && tn_value_store(b->value);
}

typedef struct {
    double rtol, atol;
} tolerance;

static bool close_elements(const tn_value *a, int64_t i, const tn_value *b, int64_t j, const tolerance *allowed) {
    if (a->dtype == AT_INT64 && b->dtype == AT_INT64 && !allowed) /* double cannot tell large ones apart */
        return ((const int64_t *)tn_data(a))[i] == ((const int64_t *)tn_data(b))[j];
    double x = tn_element(a, i), y = tn_element(b, j);
    return x == y || (allowed && isfinite(y) && fabs(x - y) <= allowed->atol + allowed->rtol * fabs(y));
}

/* Element by element, in row-major order, whatever the strides and dtypes. allowed NULL: exactly. */
static bool all_close(const tn_value *a, const tn_value *b, const tolerance *allowed) {
    if (!tn_shapes_equal(&a->shape, &b->shape)) return false;
    int64_t index[AT_MAX_DIMS] = {0}, at_a = 0, at_b = 0;
    for (int64_t i = 0; i < a->numel; i++) {
        if (!close_elements(a, at_a, b, at_b, allowed)) return false;
        for (int d = a->shape.ndim - 1; d >= 0; d--) {
            at_a += a->stride[d];
            at_b += b->stride[d];
            if (++index[d] < a->shape.dim[d]) break;
            at_a -= index[d] * a->stride[d];
            at_b -= index[d] * b->stride[d];
            index[d] = 0;
        }
    }
    return true;
}

bool at_allclose(at_tensor *a, at_tensor *b, double rtol, double atol) {
    return comparable("allclose", a, b) && all_close(a->value, b->value, &(tolerance){rtol, atol});
}

bool at_equal(at_tensor *a, at_tensor *b) { return comparable("equal", a, b) && all_close(a->value, b->value, NULL); }
