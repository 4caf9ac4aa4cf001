/* tensor/create.c - new tensors from numbers and from data. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "internal.h"

static _Atomic(int) default_dtype = AT_FLOAT32;

void at_set_default_dtype(at_dtype dtype) {
    if (dtype != AT_FLOAT32 && dtype != AT_FLOAT64)
        tn_fail(AT_ERROR_DTYPE, "set_default_dtype: %s: want float32 or float64", at_dtype_name(dtype));
    else
        atomic_store(&default_dtype, dtype);
}

at_dtype at_default_dtype(void) { return (at_dtype)atomic_load_explicit(&default_dtype, memory_order_relaxed); }

static void set_element(at_dtype dtype, void *out, double real, int64_t integer) {
    switch (dtype) {
    case AT_FLOAT32: *(float *)out = (float)real; break;
    case AT_FLOAT64: *(double *)out = real; break;
    case AT_INT64: *(int64_t *)out = integer; break;
    default: *(bool *)out = integer != 0; break;
    }
}

static int64_t to_integer(double x) { return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN; }

tn_value *tn_value_number(at_operand number, at_dtype dtype) {
    at_shape scalar = AT_SHAPE_SCALAR;
    tn_value *v = tn_value_new(dtype, &scalar);
    if (!v) return NULL;
    bool real = number.kind == AT_OPERAND_FLOAT;
    int64_t integer = !real ? number.integer : dtype == AT_BOOL ? number.real != 0 : to_integer(number.real);
    set_element(dtype, tn_data(v), real ? number.real : (double)number.integer, integer);
    return v;
}

tn_value *tn_value_full(at_dtype dtype, const at_shape *shape, double number) {
    tn_value *v = tn_value_new(dtype, shape);
    if (!v) return NULL;
    double element = 0;
    set_element(dtype, &element, number, to_integer(number));
    int size = dtype == AT_BOOL ? 0 : dtype == AT_FLOAT32 ? 2 : 3;
    tn_kernels_get()->fill[size](v->numel, tn_data(v), &element);
    return v;
}

static at_tensor *full(const char *function, at_shape shape, double value) {
    tn_thread_set_operation(function);
    return tn_check_shape(function, &shape) ? tn_tensor_from(tn_value_full(at_default_dtype(), &shape, value)) : NULL;
}

at_tensor *at_zeros_shape(at_shape shape) { return full("zeros", shape, 0); }
at_tensor *at_ones_shape(at_shape shape) { return full("ones", shape, 1); }
at_tensor *at_full_shape(double value, at_shape shape) { return full("full", shape, value); }
at_tensor *at_scalar(double value) { return full("scalar", AT_SHAPE_SCALAR, value); }

static at_tensor *full_like(const char *function, at_tensor *t, double value) {
    if (!t) return tn_fail_null(function, "t");
    tn_thread_set_operation(function);
    return tn_tensor_from(tn_value_full(t->value->dtype, &t->value->shape, value));
}

at_tensor *at_zeros_like(at_tensor *t) { return full_like("zeros_like", t, 0); }
at_tensor *at_ones_like(at_tensor *t) { return full_like("ones_like", t, 1); }

at_tensor *at_eye(int64_t n) {
    if (n < 0) return tn_fail(AT_ERROR_VALUE, "eye: n is %" PRId64 ": must not be negative", n);
    at_tensor *eye = full("eye", AT_SHAPE(n, n), 0);
    if (!eye) return NULL;
    char *data = tn_data(eye->value);
    size_t size = tn_dtype_size(eye->value->dtype);
    for (int64_t i = 0; i < n; i++) set_element(eye->value->dtype, data + (size_t)(i * n + i) * size, 1, 1);
    return eye;
}

/* (n) elements start + i * step, in double until the last rounding; the second half from the other end, so that it is
 * reached exactly. */
static at_tensor *spaced(const char *function, int64_t n, double start, double step, double end, bool meets_end) {
    void *data;
    at_dtype dtype = at_default_dtype();
    tn_thread_set_operation(function);
    at_shape shape = AT_SHAPE(n);
    at_tensor *t = tn_check_shape(function, &shape) ? tn_tensor_new(dtype, &shape, &data) : NULL;
    if (!t) return NULL;
    for (int64_t i = 0; i < n; i++) {
        double x = meets_end && i >= n / 2 && n > 1 ? end - step * (double)(n - 1 - i) : start + step * (double)i;
        set_element(dtype, (char *)data + (size_t)i * tn_dtype_size(dtype), x, 0);
    }
    return t;
}

at_tensor *at_arange(double start, double end, double step) {
    if (!isfinite(start) || !isfinite(end) || !isfinite(step))
        return tn_fail(AT_ERROR_VALUE, "arange: from %g to %g by %g: want finite numbers", start, end, step);
    if (step == 0 || (end - start) / step < 0)
        return tn_fail(AT_ERROR_VALUE, "arange: from %g to %g by %g: the step must lead from start to end", start, end,
                       step);
    double n = ceil((end - start) / step);
    if (n > 0x1p59) return tn_fail(AT_ERROR_SHAPE, "arange: from %g to %g by %g: too many elements", start, end, step);
    return spaced("arange", (int64_t)n, start, step, end, false);
}

at_tensor *at_linspace(double start, double end, int64_t steps) {
    if (steps < 0) return tn_fail(AT_ERROR_VALUE, "linspace: %" PRId64 " steps: must not be negative", steps);
    return spaced("linspace", steps, start, steps > 1 ? (end - start) / (double)(steps - 1) : 0, end, true);
}

static at_tensor *from_data(const char *function, at_dtype dtype, const void *data, at_shape shape) {
    tn_thread_set_operation(function);
    if (!tn_check_shape(function, &shape)) return NULL;
    if (!data && tn_shape_numel(&shape) > 0) return tn_fail_null(function, "data");
    void *elements;
    at_tensor *t = tn_tensor_new(dtype, &shape, &elements);
    size_t bytes = (size_t)tn_shape_numel(&shape) * tn_dtype_size(dtype);
    if (t && bytes) memcpy(elements, data, bytes);
    return t;
}

at_tensor *at_from_floats_shape(const float *data, at_shape shape) {
    return from_data("from_floats", AT_FLOAT32, data, shape);
}
at_tensor *at_from_doubles_shape(const double *data, at_shape shape) {
    return from_data("from_doubles", AT_FLOAT64, data, shape);
}
at_tensor *at_from_int64s_shape(const int64_t *data, at_shape shape) {
    return from_data("from_int64s", AT_INT64, data, shape);
}
at_tensor *at_from_bools_shape(const bool *data, at_shape shape) {
    return from_data("from_bools", AT_BOOL, data, shape);
}

/* The dimensions before the end mark, behind which are zeros only: the same number as a size is an error like any
 * negative one. */
static at_shape shape_before_end(const int64_t *dims, int n) {
    int last = n - 1;
    while (last > 0 && dims[last] == 0) last--;
    return at_shape_from(dims[last] == INT64_MIN ? last : n, dims);
}

#define FROM_DATA(name)                                                                                                \
    at_tensor *at_from_##name##_data(at_##name##_data a) {                                                             \
        const int64_t dims[] = {a.dim0, a.dim1, a.dim2, a.dim3, a.dim4, a.dim5, a.dim6, a.dim7, a.dim8, a.dim9};       \
        return at_from_##name##_shape(a.data, shape_before_end(dims, 10));                                             \
    }
FROM_DATA(floats)
FROM_DATA(doubles)
FROM_DATA(int64s)
FROM_DATA(bools)
