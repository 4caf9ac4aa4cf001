/* tests/conformance/operators_shapes.c - the same elements in other shapes and places. */
#define _POSIX_C_SOURCE 200809L

#include "operators.h"

void onnx_Reshape(node *n) {
    at_tensor *x = n->input[0];
    list sizes = list_of(n, "shape", 1);
    for (int d = 0; d < sizes.n && !int_attribute(n, "allowzero", 0); d++)
        if (sizes.at[d] == 0) sizes.at[d] = at_size(x, d);
    n->output[0] = at_reshape_shape(x, at_shape_from(sizes.n, sizes.at));
}

/* A matrix: the dimensions before the axis, and the others. */
void onnx_Flatten(node *n) {
    at_shape shape = at_shape_of(n->input[0]);
    int axis = positive_axis(int_attribute(n, "axis", 1), shape.ndim);
    int64_t rows = 1, columns = 1;
    for (int d = 0; d < shape.ndim; d++) *(d < axis ? &rows : &columns) *= shape.dim[d];
    n->output[0] = at_reshape(n->input[0], rows, columns);
}

static bool listed(list axes, int axis, int ndim) {
    for (int i = 0; i < axes.n; i++)
        if (positive_axis(axes.at[i], ndim) == axis) return true;
    return false;
}

void onnx_Squeeze(node *n) {
    at_tensor *x = n->input[0];
    list axes = list_of(n, "axes", 1);
    int ndim = at_ndim(x);
    for (int d = ndim - 1; d >= 0; d--)
        if (axes.n == 0 || listed(axes, d, ndim)) x = at_squeeze(x, d);
    n->output[0] = x;
}

void onnx_Unsqueeze(node *n) {
    at_tensor *x = n->input[0];
    list axes = list_of(n, "axes", 1);
    int ndim = at_ndim(x) + axes.n;
    for (int d = 0; d < ndim; d++)
        if (listed(axes, d, ndim)) x = at_unsqueeze(x, d);
    n->output[0] = x;
}

/* Without an order the dimensions are reversed. */
void onnx_Transpose(node *n) {
    list order = list_attribute(n, "perm");
    int ndim = at_ndim(n->input[0]);
    for (; order.n < ndim; order.n++) order.at[order.n] = ndim - 1 - order.n;
    n->output[0] = at_permute_shape(n->input[0], at_shape_from(order.n, order.at));
}

/* Broadcasting goes both ways: where the given size is 1, x keeps its own. */
void onnx_Expand(node *n) {
    at_shape own = at_shape_of(n->input[0]);
    list sizes = list_input(n, 1);
    at_shape target = {.ndim = sizes.n > own.ndim ? sizes.n : own.ndim};
    for (int d = 1; d <= target.ndim; d++) {
        int64_t given = d <= sizes.n ? sizes.at[sizes.n - d] : 1;
        target.dim[target.ndim - d] = given != 1 || d > own.ndim ? given : own.dim[own.ndim - d];
    }
    n->output[0] = at_expand_shape(n->input[0], target);
}

void onnx_Tile(node *n) {
    list times = list_input(n, 1);
    n->output[0] = at_repeat_shape(n->input[0], at_shape_from(times.n, times.at));
}

void onnx_Concat(node *n) { n->output[0] = at_cat_list((int)int_attribute(n, "axis", 1), n->input, n->n_inputs); }

/* Without sizes the parts are equal. */
void onnx_Split(node *n) {
    at_tensor *x = n->input[0];
    int axis = (int)int_attribute(n, "axis", 0);
    list sizes = list_of(n, "split", 1);
    int64_t start = 0, equal = (at_size(x, axis) + n->n_outputs - 1) / n->n_outputs;
    for (int i = 0; i < n->n_outputs; i++) {
        int64_t end = start + (sizes.n > 0 ? sizes.at[i] : equal);
        n->output[i] = at_slice(x, axis, start, end, 1);
        start = end;
    }
}

/* ---- slices ------------------------------------------------------------------------------------------------------ */

static int64_t clipped(int64_t i, int64_t size) {
    if (i < 0) i += size;
    return i < -1 ? -1 : i >= size ? size - 1 : i;
}

/* Backwards from start to before end: the same forwards in the flipped tensor. */
static at_tensor *slice_backwards(at_tensor *x, int axis, int64_t start, int64_t end, int64_t step) {
    int64_t last = at_size(x, axis) - 1;
    start = last - clipped(start, last + 1);
    end = last - clipped(end, last + 1);
    return at_slice(at_flip(x, axis), axis, start, end, -step);
}

void onnx_Slice(node *n) {
    at_tensor *x = n->input[0];
    list starts = list_of(n, "starts", 1), ends = list_of(n, "ends", 2), axes = list_of(n, "axes", 3);
    list steps = list_input(n, 4);
    for (int i = 0; i < starts.n; i++) {
        int axis = axes.n > 0 ? (int)axes.at[i] : i;
        int64_t step = steps.n > 0 ? steps.at[i] : 1;
        x = step > 0 ? at_slice(x, axis, starts.at[i], ends.at[i], step)
                     : slice_backwards(x, axis, starts.at[i], ends.at[i], step);
    }
    n->output[0] = x;
}

/* ---- padding ----------------------------------------------------------------------------------------------------- */

/* The first or last index of an axis, repeated. */
static at_tensor *edge(at_tensor *x, int axis, int64_t index, int64_t count) {
    return at_expand_shape(at_slice(x, axis, index, index + 1, 1), with_size(at_shape_of(x), axis, count));
}

static at_tensor *pad_with_edges(at_tensor *x, int axis, int64_t before, int64_t after) {
    return at_cat(axis, edge(x, axis, 0, before), x, edge(x, axis, at_size(x, axis) - 1, after));
}

/* Mirrored at the first and the last index, which are not repeated. */
static at_tensor *pad_with_mirrored(at_tensor *x, int axis, int64_t before, int64_t after) {
    int64_t last = at_size(x, axis) - 1;
    return at_cat(axis, at_flip(at_slice(x, axis, 1, before + 1, 1), axis), x,
                  at_flip(at_slice(x, axis, last - after, last, 1), axis));
}

/* pads = what stands before each axis, then what stands after each. */
void onnx_Pad(node *n) {
    at_tensor *x = n->input[0];
    list pads = list_of(n, "pads", 1);
    double value = n->input[2] ? at_item(n->input[2]) : float_attribute(n, "value", 0);
    bool fixed = text_attribute_is(n, "mode", "constant", "constant");
    bool reflect = text_attribute_is(n, "mode", "reflect", "constant");
    for (int d = 0; d < pads.n / 2; d++) {
        int64_t before = pads.at[d], after = pads.at[d + pads.n / 2];
        if (fixed) {
            x = pad(x, d, before, after, value);
        } else {
            x = reflect ? pad_with_mirrored(x, d, before, after) : pad_with_edges(x, d, before, after);
        }
    }
    n->output[0] = x;
}

/* ---- triangles, and blocks of pixels ----------------------------------------------------------------------------- */

void onnx_Trilu(node *n) {
    int64_t k = n->input[1] ? (int64_t)at_item(n->input[1]) : 0;
    n->output[0] = int_attribute(n, "upper", 1) ? at_triu(n->input[0], k) : at_tril(n->input[0], k);
}

void onnx_DepthToSpace(node *n) {
    at_shape s = at_shape_of(n->input[0]);
    int64_t block = int_attribute(n, "blocksize", 1), depth = s.dim[1] / (block * block);
    at_tensor *x;
    if (text_attribute_is(n, "mode", "DCR", "DCR")) {
        x = at_permute(at_reshape(n->input[0], s.dim[0], block, block, depth, s.dim[2], s.dim[3]), 0, 3, 4, 1, 5, 2);
    } else {
        x = at_permute(at_reshape(n->input[0], s.dim[0], depth, block, block, s.dim[2], s.dim[3]), 0, 1, 4, 2, 5, 3);
    }
    n->output[0] = at_reshape(x, s.dim[0], depth, s.dim[2] * block, s.dim[3] * block);
}

void onnx_SpaceToDepth(node *n) {
    at_shape s = at_shape_of(n->input[0]);
    int64_t block = int_attribute(n, "blocksize", 1), rows = s.dim[2] / block, columns = s.dim[3] / block;
    at_tensor *x = at_reshape(n->input[0], s.dim[0], s.dim[1], rows, block, columns, block);
    n->output[0] = at_reshape(at_permute(x, 0, 3, 5, 1, 2, 4), s.dim[0], s.dim[1] * block * block, rows, columns);
}
