/* tests/conformance/operators_indexing.c - elements chosen by indices, masks and order. */
#define _POSIX_C_SOURCE 200809L

#include "operators.h"

/* The dimensions of the index take the place of the axis. */
void onnx_Gather(node *n) {
    at_shape shape = at_shape_of(n->input[0]), of_index = at_shape_of(n->input[1]), result = {0};
    int axis = positive_axis(int_attribute(n, "axis", 0), shape.ndim);
    for (int d = 0; d < axis; d++) result.dim[result.ndim++] = shape.dim[d];
    for (int d = 0; d < of_index.ndim; d++) result.dim[result.ndim++] = of_index.dim[d];
    for (int d = axis + 1; d < shape.ndim; d++) result.dim[result.ndim++] = shape.dim[d];
    at_tensor *index = at_flatten(inside(n->input[1], shape.dim[axis]));
    n->output[0] = at_reshape_shape(at_index_select(n->input[0], axis, index), result);
}

void onnx_GatherElements(node *n) {
    int axis = (int)int_attribute(n, "axis", 0);
    n->output[0] = at_gather(n->input[0], axis, inside(n->input[1], at_size(n->input[0], axis)));
}

/* Where mask is true the elements in row-major order; a mask that says the same for all but one axis keeps the others.
 */
void onnx_Compress(node *n) {
    at_tensor *x = n->input[0], *condition = n->input[1];
    if (!onnx_attribute_exists(n->source, "axis")) {
        x = at_slice(at_flatten(x), 0, 0, at_numel(condition), 1);
        n->output[0] = at_masked_select(x, at_slice(condition, 0, 0, at_numel(x), 1));
        return;
    }
    int axis = positive_axis(int_attribute(n, "axis", 0), at_ndim(x));
    x = at_slice(x, axis, 0, at_numel(condition), 1);
    at_tensor *mask = unsqueeze_many(condition, 1, at_ndim(x) - axis - 1);
    at_shape shape = with_size(at_shape_of(x), axis, (int64_t)at_item(at_sum(condition)));
    n->output[0] = at_reshape_shape(at_masked_select(x, mask), shape);
}

/* A row for each dimension: the indices along it, chosen by the mask. */
void onnx_NonZero(node *n) {
    at_shape shape = at_shape_of(n->input[0]);
    at_tensor *mask = at_to(n->input[0], AT_BOOL), *rows[AT_MAX_DIMS];
    for (int d = 0; d < shape.ndim; d++) {
        rows[d] = at_masked_select(unsqueeze_many(counting(shape.dim[d]), 1, shape.ndim - d - 1), mask);
    }
    n->output[0] = at_stack_list(0, rows, shape.ndim);
}

/* Each batch's first so many elements along the time axis are reversed. */
void onnx_ReverseSequence(node *n) {
    at_tensor *x = n->input[0], *reversed[MAX_VALUES];
    int batch = (int)int_attribute(n, "batch_axis", 1), time = (int)int_attribute(n, "time_axis", 0);
    list lengths = list_input(n, 1);
    int time_left = time > batch ? time - 1 : time;
    for (int i = 0; i < lengths.n; i++) {
        at_tensor *one = at_select(x, batch, i);
        at_tensor *head = at_flip(at_slice(one, time_left, 0, lengths.at[i], 1), time_left);
        reversed[i] = at_cat(time_left, head, at_slice(one, time_left, lengths.at[i], at_size(x, time), 1));
    }
    n->output[0] = at_stack_list(batch, reversed, lengths.n);
}

/* The smallest are the largest of the negated. */
void onnx_TopK(node *n) {
    at_tensor *x = n->input[0];
    int axis = (int)int_attribute(n, "axis", -1);
    int64_t k = n->input[1] ? (int64_t)at_item(n->input[1]) : int_attribute(n, "k", 1);
    if (int_attribute(n, "largest", 1)) {
        n->output[0] = at_topk(x, k, axis, &n->output[1]);
    } else {
        n->output[0] = at_neg(at_topk(at_neg(x), k, axis, &n->output[1]));
    }
}

/* ---- several indices for each element ---------------------------------------------------------------------------- */

/* An index's last dimension says where along the dimensions of x from first on. They become one number, counting
 * through those dimensions in row-major order. */
static at_tensor *linear_index(at_tensor *index, at_shape shape, int first) {
    int depth = (int)at_size(index, -1);
    at_tensor *linear = inside(at_select(index, -1, 0), shape.dim[first]);
    for (int i = 1; i < depth; i++) {
        at_tensor *next = inside(at_select(index, -1, i), shape.dim[first + i]);
        linear = at_add(at_mul(linear, shape.dim[first + i]), next);
    }
    return linear;
}

static int64_t product(at_shape shape, int first, int end) {
    int64_t result = 1;
    for (int d = first; d < end; d++) result *= shape.dim[d];
    return result;
}

/* x becomes (batches, indexed, rest); with batch_dims each batch has its own indices, moved by where it begins. */
void onnx_GatherND(node *n) {
    at_tensor *x = n->input[0], *index = n->input[1];
    at_shape shape = at_shape_of(x), result = at_shape_of(index);
    int first = (int)int_attribute(n, "batch_dims", 0), end = first + (int)at_size(index, -1);
    int64_t batches = product(shape, 0, first), indexed = product(shape, first, end);
    at_tensor *begins = at_unsqueeze(at_mul(counting(batches), indexed), 1);
    at_tensor *linear = at_add(at_reshape(linear_index(index, shape, first), batches, -1), begins);
    x = at_index_select(at_reshape(x, batches * indexed, -1), 0, at_flatten(linear));
    result.ndim--;
    for (int d = end; d < shape.ndim; d++) result.dim[result.ndim++] = shape.dim[d];
    n->output[0] = at_reshape_shape(x, result);
}

/* src into x at the indices: added, or in its place, where no two of the indices are the same. */
static at_tensor *scatter(node *n, at_tensor *x, int axis, at_tensor *index, at_tensor *src) {
    if (text_attribute_is(n, "reduction", "add", "none")) return at_scatter_add(x, axis, index, src);
    if (!text_attribute_is(n, "reduction", "none", "none")) {
        n->skip = "scattering that multiplies or compares";
        return NULL;
    }
    at_tensor *hit = at_scatter_add(at_zeros_like(x), axis, index, at_ones_like(src));
    return at_where(at_ne(hit, 0), at_scatter_add(at_zeros_like(x), axis, index, src), x);
}

void onnx_ScatterElements(node *n) {
    int axis = (int)int_attribute(n, "axis", 0);
    at_tensor *index = inside(n->input[1], at_size(n->input[0], axis));
    n->output[0] = scatter(n, n->input[0], axis, index, n->input[2]);
}

void onnx_Scatter(node *n) { onnx_ScatterElements(n); }

/* x becomes (indexed, rest), and each index stands for a whole row. */
void onnx_ScatterND(node *n) {
    at_tensor *x = n->input[0], *linear = at_flatten(linear_index(n->input[1], at_shape_of(x), 0));
    int64_t indexed = product(at_shape_of(x), 0, (int)at_size(n->input[1], -1));
    at_tensor *rows = at_reshape(x, indexed, -1), *src = at_reshape(n->input[2], at_numel(linear), -1);
    at_tensor *index = at_expand_shape(at_unsqueeze(linear, 1), at_shape_of(src));
    at_tensor *y = scatter(n, rows, 0, index, src);
    if (y) n->output[0] = at_reshape_shape(y, at_shape_of(x));
}
