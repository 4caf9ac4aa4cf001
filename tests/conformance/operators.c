/* tests/conformance/operators.c - the table of operators, why others are skipped, and what many operators need. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>

#include "operators.h"

static const struct {
    const char *name;
    operator_function *run; /* NULL for one that is skipped */
    const char *reason;
} operators[] = {
#define OPERATOR(name)        {#name, onnx_##name, NULL},
#define SKIPPED(name, reason) {#name, NULL, reason},
#include "operators.def"
#undef OPERATOR
#undef SKIPPED
};

operator_function *operator_named(const char *name, const char **reason) {
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (strcmp(operators[i].name, name) != 0) continue;
        *reason = operators[i].reason;
        return operators[i].run;
    }
    *reason = "operators that this program does not know";
    return NULL;
}

/* ---- attributes -------------------------------------------------------------------------------------------------- */

int64_t int_attribute(const node *n, const char *name, int64_t otherwise) {
    return onnx_attribute_int(n->source, name, otherwise);
}

double float_attribute(const node *n, const char *name, double otherwise) {
    return onnx_attribute_float(n->source, name, otherwise);
}

bool text_attribute_is(const node *n, const char *name, const char *text, const char *otherwise) {
    char buffer[64];
    return strcmp(onnx_attribute_text(n->source, name, otherwise, buffer), text) == 0;
}

static list list_from(int64_t n, const int64_t *elements) {
    list result = {0};
    for (; result.n < n && result.n < MAX_VALUES; result.n++) result.at[result.n] = elements[result.n];
    return result;
}

list list_attribute(const node *n, const char *name) {
    int count;
    const int64_t *elements = onnx_attribute_ints(n->source, name, &count);
    return list_from(count, elements);
}

list list_input(const node *n, int i) {
    at_tensor *x = n->input[i] ? at_to(n->input[i], AT_INT64) : NULL;
    return x ? list_from(at_numel(x), at_int64s(x)) : (list){0};
}

list list_of(const node *n, const char *name, int i) {
    return n->input[i] ? list_input(n, i) : list_attribute(n, name);
}

/* ---- what many operators need ------------------------------------------------------------------------------------ */

bool is_floating(at_tensor *x) { return at_dtype_of(x) == AT_FLOAT32 || at_dtype_of(x) == AT_FLOAT64; }

int positive_axis(int64_t axis, int ndim) { return (int)(axis < 0 ? axis + ndim : axis); }

at_shape with_size(at_shape shape, int axis, int64_t size) {
    shape.dim[axis] = size;
    return shape;
}

at_tensor *unsqueeze_many(at_tensor *x, int axis, int count) {
    for (int i = 0; i < count; i++) x = at_unsqueeze(x, axis);
    return x;
}

at_tensor *constant(double value, at_dtype dtype, at_shape shape) { return at_to(at_full_shape(value, shape), dtype); }

at_tensor *counting(int64_t n) { return at_to(at_arange(0, (double)n, 1), AT_INT64); }

at_tensor *pad(at_tensor *x, int axis, int64_t before, int64_t after, double value) {
    at_shape shape = at_shape_of(x);
    return at_cat(axis, constant(value, at_dtype_of(x), with_size(shape, axis, before)), x,
                  constant(value, at_dtype_of(x), with_size(shape, axis, after)));
}

at_tensor *mean_over(at_tensor *x, list axes) {
    for (int i = 0; i < axes.n; i++) x = at_mean_dim(x, (int)axes.at[i], true);
    return x;
}

at_tensor *inside(at_tensor *index, int64_t size) { return at_where(at_lt(index, 0), at_add(index, size), index); }
