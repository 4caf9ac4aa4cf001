/* tests/conformance/operators_creation.c - tensors from shapes, numbers and attributes. */
#define _POSIX_C_SOURCE 200809L

#include "operators.h"

void onnx_Constant(node *n) {
    int count;
    const int64_t *ints = onnx_attribute_ints(n->source, "value_ints", &count);
    if (ints) n->output[0] = at_from_int64s(ints, count);
    const float *floats = onnx_attribute_floats(n->source, "value_floats", &count);
    if (floats) n->output[0] = at_from_floats(floats, count);
    if (onnx_attribute_exists(n->source, "value")) n->output[0] = onnx_attribute_tensor(n->source, "value", &n->skip);
    if (onnx_attribute_exists(n->source, "value_float"))
        n->output[0] = at_from_floats_shape((float[]){(float)float_attribute(n, "value_float", 0)}, AT_SHAPE_SCALAR);
    if (onnx_attribute_exists(n->source, "value_int"))
        n->output[0] = at_from_int64s_shape((int64_t[]){int_attribute(n, "value_int", 0)}, AT_SHAPE_SCALAR);
}

void onnx_ConstantOfShape(node *n) {
    list sizes = list_input(n, 0);
    at_tensor *value = at_zeros();
    if (onnx_attribute_exists(n->source, "value")) value = onnx_attribute_tensor(n->source, "value", &n->skip);
    if (!value) return;
    n->output[0] = at_expand_shape(at_reshape_shape(value, AT_SHAPE_SCALAR), at_shape_from(sizes.n, sizes.at));
}

/* One where row + k = column. */
void onnx_EyeLike(node *n) {
    at_tensor *x = n->input[0];
    at_dtype dtype = at_dtype_of(x);
    if (onnx_attribute_exists(n->source, "dtype") && !onnx_dtype(int_attribute(n, "dtype", 0), &dtype, &n->skip))
        return;
    at_tensor *rows = at_unsqueeze(counting(at_size(x, 0)), 1), *columns = counting(at_size(x, 1));
    n->output[0] = at_to(at_eq(at_add(rows, int_attribute(n, "k", 0)), columns), dtype);
}

/* values = (off, on); the new axis is moved to its place from the end. */
void onnx_OneHot(node *n) {
    int64_t depth = (int64_t)at_item(n->input[1]);
    at_tensor *index = inside(at_to(n->input[0], AT_INT64), depth), *values = n->input[2];
    at_tensor *hot = at_to(at_one_hot(index, depth), AT_BOOL);
    at_tensor *y = at_where(hot, at_select(values, 0, 1), at_select(values, 0, 0));
    int axis = positive_axis(int_attribute(n, "axis", -1), at_ndim(y));
    at_shape order = {.ndim = at_ndim(y)};
    for (int d = 0; d < order.ndim; d++) order.dim[d] = d < axis ? d : d == axis ? order.ndim - 1 : d - 1;
    n->output[0] = at_permute_shape(y, order);
}

void onnx_Range(node *n) {
    at_tensor *y = at_arange(at_item(n->input[0]), at_item(n->input[1]), at_item(n->input[2]));
    n->output[0] = at_to(y, at_dtype_of(n->input[0]));
}

/* at_slice of all sizes: it clips as Python does, which is what start and end mean here. */
void onnx_Shape(node *n) {
    at_shape shape = at_shape_of(n->input[0]);
    at_tensor *sizes = at_from_int64s(shape.dim, shape.ndim);
    n->output[0] = at_slice(sizes, 0, int_attribute(n, "start", 0), int_attribute(n, "end", shape.ndim), 1);
}

void onnx_Size(node *n) { n->output[0] = at_from_int64s_shape((int64_t[]){at_numel(n->input[0])}, AT_SHAPE_SCALAR); }

/* a - b cos(2 pi i / n) + c cos(4 pi i / n); symmetric windows reach their end with the last element. */
static void window(node *n, double a, double b, double c) {
    int64_t size = (int64_t)at_item(n->input[0]);
    double period = (double)(int_attribute(n, "periodic", 1) ? size : size - 1), pi = 3.14159265358979323846;
    at_tensor *angle = at_mul(at_arange(0, (double)size, 1), 2 * pi / period);
    n->output[0] = at_add(at_sub(a, at_mul(b, at_cos(angle))), at_mul(c, at_cos(at_mul(2, angle))));
}

void onnx_HannWindow(node *n) { window(n, 0.5, 0.5, 0); }
void onnx_HammingWindow(node *n) { window(n, 25.0 / 46, 21.0 / 46, 0); }
void onnx_BlackmanWindow(node *n) { window(n, 0.42, 0.5, 0.08); }
