/* tests/conformance/operators_windows.c - convolutions and pooling over (batch, channels, up to three spatial
 * dimensions).
 *
 * windows() lays out every window's elements in a dimension of their own; a convolution is then a matrix product and
 * pooling a reduction. A transposed convolution is the derivative of a convolution. */
#define _POSIX_C_SOURCE 200809L

#include "operators.h"

enum { SPATIAL = 3 };

typedef struct {
    int n; /* spatial dimensions */
    int64_t kernel[SPATIAL], stride[SPATIAL], dilation[SPATIAL];
    int64_t before[SPATIAL], after[SPATIAL]; /* padding */
    int64_t outputs[SPATIAL];
} layout;

static int64_t element(list l, int i, int64_t otherwise) { return i < l.n ? l.at[i] : otherwise; }

static int64_t reach(const layout *l, int d) { return (l->kernel[d] - 1) * l->dilation[d] + 1; }

/* kernel, stride, dilation and declared padding. */
static layout read_layout(const node *n, list kernel) {
    list strides = list_attribute(n, "strides"), dilations = list_attribute(n, "dilations");
    list pads = list_attribute(n, "pads");
    layout l = {.n = kernel.n < SPATIAL ? kernel.n : SPATIAL};
    for (int d = 0; d < l.n; d++) {
        l.kernel[d] = kernel.at[d];
        l.stride[d] = element(strides, d, 1);
        l.dilation[d] = element(dilations, d, 1);
        l.before[d] = element(pads, d, 0);
        l.after[d] = element(pads, d + kernel.n, 0);
    }
    return l;
}

/* Without ceil_mode a window that would reach beyond the padding is left out; with it, padding grows. With auto_pad
 * there are size / stride outputs, rounded up; half of the padding that this needs stands before, with SAME_LOWER also
 * the odd one. */
static layout plan(const node *n, at_tensor *x, list kernel) {
    layout l = read_layout(n, kernel);
    bool lower = text_attribute_is(n, "auto_pad", "SAME_LOWER", "NOTSET"), up = int_attribute(n, "ceil_mode", 0);
    bool same = lower || text_attribute_is(n, "auto_pad", "SAME_UPPER", "NOTSET");
    for (int d = 0; d < l.n; d++) {
        int64_t size = at_size(x, d + 2), stride = l.stride[d];
        if (same) {
            l.outputs[d] = (size + stride - 1) / stride;
            int64_t total = (l.outputs[d] - 1) * stride + reach(&l, d) - size;
            total = total > 0 ? total : 0;
            l.before[d] = (total + lower) / 2;
            l.after[d] = total - l.before[d];
        } else {
            int64_t room = size + l.before[d] + l.after[d] - reach(&l, d);
            l.outputs[d] = (room + (up ? stride - 1 : 0)) / stride + 1;
        }
    }
    return l;
}

/* The indices of all windows along dimension d, one window after another. */
static at_tensor *window_index(const layout *l, int d) {
    at_tensor *begins = at_unsqueeze(at_mul(counting(l->outputs[d]), l->stride[d]), 1);
    return at_flatten(at_add(begins, at_mul(counting(l->kernel[d]), l->dilation[d])));
}

static at_tensor *padded(at_tensor *x, const layout *l, double padding) {
    for (int d = 0; d < l->n; d++)
        if (l->before[d] > 0 || l->after[d] > 0) x = pad(x, d + 2, l->before[d], l->after[d], padding);
    return x;
}

/* (batch, channels, windows, elements of a window); what lies beyond x has the value that is given. */
static at_tensor *windows(at_tensor *x, const layout *l, double padding) {
    at_shape split = {2, {at_size(x, 0), at_size(x, 1)}}, order = {2, {0, 1}};
    int64_t n_windows = 1;
    for (int d = 0; d < l->n; d++) {
        int64_t missing = (l->outputs[d] - 1) * l->stride[d] + reach(l, d) - at_size(x, d + 2);
        if (missing > 0) x = pad(x, d + 2, 0, missing, padding);
        x = at_index_select(x, d + 2, window_index(l, d));
        split.dim[split.ndim++] = l->outputs[d];
        split.dim[split.ndim++] = l->kernel[d];
        order.dim[2 + d] = 2 + 2 * d;
        order.dim[2 + l->n + d] = 3 + 2 * d;
        n_windows *= l->outputs[d];
    }
    order.ndim = split.ndim;
    x = at_permute_shape(at_reshape_shape(x, split), order);
    return at_reshape(x, split.dim[0], split.dim[1], n_windows, -1);
}

static at_shape output_shape(const layout *l, int64_t batch, int64_t channels) {
    at_shape shape = {2 + l->n, {batch, channels}};
    for (int d = 0; d < l->n; d++) shape.dim[2 + d] = l->outputs[d];
    return shape;
}

/* ---- convolutions ------------------------------------------------------------------------------------------------ */

/* weight (outputs, channels / groups, kernel); each group of channels meets its share of the outputs. */
static at_tensor *convolution(at_tensor *x, at_tensor *weight, const layout *l, int64_t groups) {
    int64_t batch = at_size(x, 0), share = at_size(x, 1) / groups, out = at_size(weight, 0);
    at_tensor *elements = windows(padded(x, l, 0), l, 0);
    int64_t n_windows = at_size(elements, 2), area = at_size(elements, 3);
    elements = at_reshape(elements, batch, groups, share, n_windows, area);
    at_tensor *columns = at_reshape(at_permute(elements, 0, 1, 2, 4, 3), batch, groups, share * area, n_windows);
    at_tensor *rows = at_reshape(weight, groups, out / groups, share * area);
    return at_reshape_shape(at_matmul(rows, columns), output_shape(l, batch, out));
}

static list kernel_of(at_tensor *weight) {
    list kernel = {.n = at_ndim(weight) - 2};
    for (int d = 0; d < kernel.n; d++) kernel.at[d] = at_size(weight, d + 2);
    return kernel;
}

static at_tensor *with_bias(at_tensor *y, at_tensor *bias) {
    return bias ? at_add(y, unsqueeze_many(bias, 1, at_ndim(y) - 2)) : y;
}

void onnx_Conv(node *n) {
    layout l = plan(n, n->input[0], kernel_of(n->input[1]));
    at_tensor *y = convolution(n->input[0], n->input[1], &l, int_attribute(n, "group", 1));
    n->output[0] = with_bias(y, n->input[2]);
}

void onnx_ConvInteger(node *n) {
    at_tensor *x = n->input[2] ? at_sub(n->input[0], n->input[2]) : n->input[0];
    at_tensor *weight = n->input[3] ? at_sub(n->input[1], n->input[3]) : n->input[1];
    layout l = plan(n, x, kernel_of(weight));
    n->output[0] = convolution(x, weight, &l, int_attribute(n, "group", 1));
}

/* The convolution whose derivative is wanted goes from y's shape to x's. Where y's shape is given, padding follows
 * from it: its odd one after for SAME_UPPER, before otherwise. */
static layout plan_transposed(const node *n, at_tensor *x, at_tensor *weight, at_shape *shape) {
    layout l = read_layout(n, kernel_of(weight));
    list extra = list_attribute(n, "output_padding"), sizes = list_attribute(n, "output_shape");
    bool upper = text_attribute_is(n, "auto_pad", "SAME_UPPER", "NOTSET");
    bool same = upper || text_attribute_is(n, "auto_pad", "SAME_LOWER", "NOTSET");
    *shape = at_shape_of(x);
    shape->dim[1] = at_size(weight, 1) * int_attribute(n, "group", 1);
    for (int d = 0; d < l.n; d++) {
        l.outputs[d] = at_size(x, d + 2);
        int64_t full = (l.outputs[d] - 1) * l.stride[d] + reach(&l, d) + element(extra, d, 0);
        shape->dim[d + 2] = full - l.before[d] - l.after[d];
        if (sizes.n > 0 || same) {
            shape->dim[d + 2] = element(sizes, d, l.outputs[d] * l.stride[d]);
            int64_t total = full - shape->dim[d + 2] > 0 ? full - shape->dim[d + 2] : 0;
            l.before[d] = upper ? total / 2 : total - total / 2;
            l.after[d] = total - l.before[d];
        }
    }
    return l;
}

void onnx_ConvTranspose(node *n) {
    at_tensor *x = n->input[0], *weight = n->input[1], *derivative = NULL;
    at_shape shape;
    layout l = plan_transposed(n, x, weight, &shape);
    at_tensor *y = at_set_requires_grad(constant(0, at_dtype_of(x), shape), true);
    at_tensor *convolved = convolution(y, weight, &l, int_attribute(n, "group", 1));
    if (at_gradients(at_sum(at_mul(convolved, x)), &y, 1, false, &derivative))
        n->output[0] = with_bias(derivative, n->input[2]);
}

/* ---- pooling ----------------------------------------------------------------------------------------------------- */

/* The average of a window's elements, of those in the padding only where they count. */
void onnx_AveragePool(node *n) {
    at_tensor *x = n->input[0], *counted = at_ones_like(x);
    layout l = plan(n, x, list_attribute(n, "kernel_shape"));
    counted = padded(counted, &l, int_attribute(n, "count_include_pad", 0) ? 1 : 0);
    at_tensor *sum = at_sum_dim(windows(padded(x, &l, 0), &l, 0), -1, false);
    at_tensor *count = at_sum_dim(windows(counted, &l, 0), -1, false);
    n->output[0] = at_reshape_shape(at_div(sum, count), output_shape(&l, at_size(x, 0), at_size(x, 1)));
}

/* For each element of x its number among all elements, counted through the spatial dimensions in row-major order, or by
 * storage_order from the first dimension to the last. */
static at_tensor *element_numbers(at_tensor *x, bool first_to_last) {
    at_shape shape = at_shape_of(x), reversed = shape, order = {.ndim = shape.ndim};
    for (int d = 0; d < shape.ndim; d++) order.dim[d] = d < 2 ? d : shape.ndim + 1 - d;
    if (!first_to_last) return at_reshape_shape(counting(at_numel(x)), shape);
    for (int d = 0; d < shape.ndim; d++) reversed.dim[d] = shape.dim[order.dim[d]];
    return at_permute_shape(at_reshape_shape(counting(at_numel(x)), reversed), order);
}

/* Padding is less than all of x: every window holds an element of x, so that one is found. */
void onnx_MaxPool(node *n) {
    at_tensor *x = n->input[0], *position = NULL;
    layout l = plan(n, x, list_attribute(n, "kernel_shape"));
    double less = at_item(at_min(x)) - 1;
    at_shape shape = output_shape(&l, at_size(x, 0), at_size(x, 1));
    at_tensor *elements = windows(padded(x, &l, less), &l, less);
    n->output[0] = at_reshape_shape(at_max_dim(elements, -1, true, &position), shape);
    if (n->n_outputs < 2) return;
    at_tensor *numbers = element_numbers(x, int_attribute(n, "storage_order", 0) == 1);
    at_tensor *candidates = windows(padded(numbers, &l, -1), &l, -1);
    n->output[1] = at_reshape_shape(at_gather(candidates, -1, position), shape);
}

/* Each maximum goes back to where MaxPool found it in a tensor of the smallest size that gives that many windows. A
 * larger one may be asked for: zeros then follow. */
void onnx_MaxUnpool(node *n) {
    at_tensor *x = n->input[0];
    list kernel = list_attribute(n, "kernel_shape"), sizes = list_input(n, 2);
    layout l = read_layout(n, kernel);
    at_shape shape = at_shape_of(x);
    for (int d = 0; d < l.n; d++)
        shape.dim[d + 2] = (shape.dim[d + 2] - 1) * l.stride[d] + l.kernel[d] - l.before[d] - l.after[d];
    at_tensor *zeros = at_flatten(constant(0, at_dtype_of(x), shape));
    at_tensor *y = at_reshape_shape(at_scatter_add(zeros, 0, at_flatten(n->input[1]), at_flatten(x)), shape);
    for (int d = 0; d < sizes.n; d++) y = pad(y, d, 0, sizes.at[d] - at_size(y, d), 0);
    n->output[0] = y;
}
