/* autograd/shapes.c - other shapes of the same elements, with their derivatives. */
#include <inttypes.h>
#include <string.h>

#include "internal.h"

/* ---- reshape ----------------------------------------------------------------------------------------------------- */

/* Replaces a -1 in shape by what is left of x's elements. */
static bool complete_shape(const tn_value *x, at_shape *shape) {
    int unknown = -1;
    at_shape asked = *shape;
    if (shape->ndim > AT_MAX_DIMS) return tn_check_shape("reshape", shape);
    for (int d = 0; d < shape->ndim; d++) {
        if (shape->dim[d] != -1) continue;
        if (unknown >= 0)
            return at_fail(AT_ERROR_SHAPE, "reshape: shape %s: only one size may be -1", tn_shape_text(&asked));
        unknown = d;
        shape->dim[d] = 1;
    }
    int64_t known = tn_shape_numel(shape);
    if (known < 0) return tn_check_shape("reshape", shape);
    if (unknown >= 0 && known == 0)
        return at_fail(AT_ERROR_SHAPE, "reshape: %s to %s: beside a size of 0 any number would do for -1",
                       tn_shape_text(&x->shape), tn_shape_text(&asked));
    if (unknown >= 0 && x->numel % known == 0) {
        shape->dim[unknown] = x->numel / known;
        return true;
    }
    if (known == x->numel) return true;
    return at_fail(AT_ERROR_SHAPE, "reshape: %s has %" PRId64 " elements, which do not make the shape %s",
                   tn_shape_text(&x->shape), x->numel, tn_shape_text(&asked));
}

at_tensor *at_reshape_shape(at_tensor *x, at_shape shape) {
    AG_CHECK_TENSOR("reshape", x);
    if (!complete_shape(x->value, &shape)) return NULL;
    return ag_record(AG_reshape, tn_value_reshape(x->value, &shape), &x, 1, NULL);
}
AG_RULE(reshape) { v->dx[0] = at_reshape_shape(v->g, v->x[0]->value->shape); }

at_tensor *at_flatten(at_tensor *x) {
    AG_CHECK_TENSOR("flatten", x);
    AT_CALL("flatten");
    return at_reshape(x, x->value->numel);
}

at_tensor *at_unsqueeze(at_tensor *x, int dim) {
    AG_CHECK_TENSOR("unsqueeze", x);
    AT_CALL("unsqueeze");
    at_shape shape = x->value->shape;
    if (shape.ndim == AT_MAX_DIMS)
        return at_fail(AT_ERROR_SHAPE, "unsqueeze: %s: there can be at most %d dimensions", tn_describe(x),
                       AT_MAX_DIMS);
    if (dim < -shape.ndim - 1 || dim > shape.ndim)
        return at_fail(AT_ERROR_SHAPE, "unsqueeze: dimension %d for %s: want %d to %d", dim, tn_describe(x),
                       -shape.ndim - 1, shape.ndim);
    if (dim < 0) dim += shape.ndim + 1;
    for (int d = shape.ndim; d > dim; d--) shape.dim[d] = shape.dim[d - 1];
    shape.dim[dim] = 1;
    shape.ndim++;
    return at_reshape_shape(x, shape);
}

static at_shape without_dim(const at_shape *shape, int dim) {
    at_shape rest = *shape;
    rest.ndim--;
    for (int d = dim; d < rest.ndim; d++) rest.dim[d] = shape->dim[d + 1];
    return rest;
}

at_tensor *at_squeeze(at_tensor *x, int dim) {
    AG_CHECK_TENSOR("squeeze", x);
    AT_CALL("squeeze");
    const at_shape *shape = &x->value->shape;
    if ((dim = tn_check_dim("squeeze", shape, dim)) < 0) return NULL;
    return at_reshape_shape(x, shape->ndim && shape->dim[dim] == 1 ? without_dim(shape, dim) : *shape);
}

/* ---- permute ----------------------------------------------------------------------------------------------------- */

at_tensor *at_permute_shape(at_tensor *x, at_shape order) {
    AG_CHECK_TENSOR("permute", x);
    int ndim = x->value->shape.ndim;
    unsigned seen = 0;
    at_shape asked = order;
    for (int d = 0; d < order.ndim && order.ndim == ndim; d++) {
        if (order.dim[d] < 0) order.dim[d] += ndim;
        if (order.dim[d] >= 0 && order.dim[d] < ndim) seen |= 1u << order.dim[d];
    }
    if (order.ndim != ndim || seen != (1u << ndim) - 1)
        return at_fail(AT_ERROR_SHAPE, "permute: order %s for %s: want each of its dimensions once",
                       tn_shape_text(&asked), tn_describe(x));
    return ag_record(AG_permute, tn_value_permute(x->value, &order), &x, 1, &(ag_parameters){.shape = order});
}
AG_RULE(permute) {
    const at_shape *order = &v->parameters->shape;
    at_shape inverse = {.ndim = order->ndim};
    for (int d = 0; d < order->ndim; d++) inverse.dim[order->dim[d]] = d;
    v->dx[0] = at_permute_shape(v->g, inverse);
}

at_tensor *at_transpose(at_tensor *x, int dim0, int dim1) {
    AG_CHECK_TENSOR("transpose", x);
    AT_CALL("transpose");
    const at_shape *shape = &x->value->shape;
    if ((dim0 = tn_check_dim("transpose", shape, dim0)) < 0 || (dim1 = tn_check_dim("transpose", shape, dim1)) < 0)
        return NULL;
    at_shape order = {.ndim = shape->ndim};
    for (int d = 0; d < order.ndim; d++) order.dim[d] = d == dim0 ? dim1 : d == dim1 ? dim0 : d;
    return at_permute_shape(x, order);
}

/* ---- expand and repeat ------------------------------------------------------------------------------------------- */

/* How many dimensions a shape has in front of those of x; below 0 where it is none for x. */
static int new_dims(const at_shape *x, const at_shape *shape) {
    return shape->ndim >= 0 && shape->ndim <= AT_MAX_DIMS ? shape->ndim - x->ndim : -1;
}

at_tensor *at_expand_shape(at_tensor *x, at_shape shape) {
    AG_CHECK_TENSOR("expand", x);
    const at_shape *from = &x->value->shape;
    at_shape asked = shape;
    int lead = new_dims(from, &shape);
    bool fits = lead >= 0;
    for (int d = 0; d < from->ndim && fits; d++) {
        int64_t *size = &shape.dim[lead + d];
        if (*size == -1) *size = from->dim[d];
        fits = *size == from->dim[d] || (from->dim[d] == 1 && *size >= 0);
    }
    if (!fits)
        return at_fail(AT_ERROR_SHAPE, "expand: %s to %s: only sizes of 1 expand, and new dimensions come first",
                       tn_describe(x), tn_shape_text(&asked));
    if (!tn_check_shape("expand", &shape)) return NULL;
    return ag_record(AG_expand, tn_value_expand(x->value, &shape), &x, 1, NULL);
}
AG_RULE(expand) { v->dx[0] = v->g; } /* the engine sums it */

at_shape ag_around(const at_shape *shape, int dim) {
    at_shape around = {.ndim = 3, .dim = {1, 1, 1}};
    for (int d = 0; d < shape->ndim; d++) around.dim[d < dim ? 0 : d == dim ? 1 : 2] *= shape->dim[d];
    return around;
}

/* x with dimension dim, of size n, repeated: as whole (times x n), or each element by itself (n x times). */
static at_tensor *repeat_dim(at_tensor *x, int dim, int64_t times, bool interleave) {
    if (!x) return NULL;
    at_shape result = x->value->shape, around = ag_around(&result, dim);
    if (__builtin_mul_overflow(result.dim[dim], times, &result.dim[dim])) result.dim[dim] = INT64_MAX;
    if (!tn_check_shape("repeat", &result)) return NULL;
    int64_t outer = around.dim[0], n = around.dim[1], inner = around.dim[2];
    at_tensor *y = interleave ? at_expand(at_reshape(x, outer, n, 1, inner), outer, n, times, inner)
                              : at_expand(at_reshape(x, outer, 1, n, inner), outer, times, n, inner);
    return y ? at_reshape_shape(y, result) : NULL;
}

at_tensor *at_repeat_shape(at_tensor *x, at_shape times) {
    AG_CHECK_TENSOR("repeat", x);
    AT_CALL("repeat");
    at_shape shape = {.ndim = times.ndim};
    int lead = new_dims(&x->value->shape, &times);
    bool good = lead >= 0;
    for (int d = 0; d < times.ndim && good; d++) {
        good = times.dim[d] >= 0;
        shape.dim[d] = d < lead ? 1 : x->value->shape.dim[d - lead];
    }
    if (!good)
        return at_fail(AT_ERROR_SHAPE, "repeat: %s by %s: want a count >= 0 for each dimension, new ones first",
                       tn_describe(x), tn_shape_text(&times));
    at_tensor *y = at_reshape_shape(x, shape);
    for (int d = 0; d < times.ndim && y; d++)
        if (times.dim[d] != 1) y = repeat_dim(y, d, times.dim[d], false);
    return y;
}

at_tensor *at_repeat_interleave_dim(at_tensor *x, int64_t n, int dim) {
    AG_CHECK_TENSOR("repeat_interleave", x);
    AT_CALL("repeat_interleave");
    if (n < 0)
        return at_fail(AT_ERROR_VALUE, "repeat_interleave: %s, %" PRId64 " times: want a count >= 0", tn_describe(x),
                       n);
    if ((dim = tn_check_dim("repeat_interleave", &x->value->shape, dim)) < 0) return NULL;
    return repeat_dim(x->value->shape.ndim ? x : at_flatten(x), dim, n, true);
}

at_tensor *at_repeat_interleave(at_tensor *x, int64_t n) {
    AG_CHECK_TENSOR("repeat_interleave", x);
    AT_CALL("repeat_interleave");
    at_tensor *flat = at_flatten(x);
    return flat ? at_repeat_interleave_dim(flat, n, 0) : NULL;
}

/* ---- slices ------------------------------------------------------------------------------------------------------ */

static int64_t clip(int64_t i, int64_t n) {
    if (i < 0) i += n;
    return i < 0 ? 0 : i > n ? n : i;
}

/* A window of count indices of dimension dim, from start by step. */
static tn_value *window(tn_value *x, int dim, int64_t start, int64_t step, int64_t count) {
    at_shape shape = x->shape;
    int64_t stride[AT_MAX_DIMS];
    memcpy(stride, x->stride, sizeof stride);
    shape.dim[dim] = count;
    stride[dim] *= step;
    return tn_value_view(x, &shape, stride, x->offset + (count ? start * x->stride[dim] : 0));
}

at_tensor *at_slice(at_tensor *x, int dim, int64_t start, int64_t end, int64_t step) {
    AG_CHECK_TENSOR("slice", x);
    const at_shape *shape = &x->value->shape;
    if (shape->ndim == 0) return at_fail(AT_ERROR_SHAPE, "slice: %s has no dimensions to slice", tn_describe(x));
    if ((dim = tn_check_dim("slice", shape, dim)) < 0) return NULL;
    if (step < 1)
        return at_fail(AT_ERROR_VALUE, "slice: %s by step %" PRId64 ": want at least 1 (at_flip reverses)",
                       tn_describe(x), step);
    start = clip(start, shape->dim[dim]);
    end = clip(end, shape->dim[dim]);
    int64_t count = end > start ? (end - start - 1) / step + 1 : 0;
    if (count <= 1) step = 1;
    return ag_record(AG_slice, window(x->value, dim, start, step, count), &x, 1,
                     &(ag_parameters){.dim = dim, .start = start, .step = step});
}
AG_RULE(slice) {
    v->dx[0] = v->g;
    v->window = true;
}

/* to[i] += from[i] */
static void add_row(int64_t n, void *to, const void *from, at_dtype dtype, const tn_kernels *k) {
    enum { CHUNK = 256 };
    double sums[CHUNK]; /* of any dtype; a kernel's result may not lie on its operands */
    const size_t element = tn_dtype_size(dtype);
    for (int64_t done = 0; done < n; done += CHUNK) {
        int64_t count = n - done < CHUNK ? n - done : CHUNK;
        char *at = (char *)to + (size_t)done * element;
        k->elementwise[TN_ADD][dtype][0](count, sums, at, (const char *)from + (size_t)done * element, NULL);
        memcpy(at, sums, (size_t)count * element);
    }
}

/* Copies a value into the elements of y, which nobody else sees, that a window shows; or adds it there, where those lie
 * side by side. */
static bool write_into(tn_value *y, const tn_value *window_of_y, tn_value *x, bool adds) {
    tn_value *source = tn_value_contiguous(x);
    if (!source) return false;
    const tn_kernels *k = tn_kernels_get();
    int64_t inner = x->shape.ndim ? x->shape.dim[x->shape.ndim - 1] : 1, index[AT_MAX_DIMS] = {0}, at = 0;
    int64_t inner_stride = x->shape.ndim ? window_of_y->stride[x->shape.ndim - 1] : 1;
    size_t element = tn_dtype_size(x->dtype);
    int size = element == 1 ? 0 : element == 4 ? 2 : 3;
    for (int64_t done = 0; done < x->numel; done += inner) {
        const char *from = (const char *)tn_data(source) + (size_t)done * element;
        char *to = (char *)tn_data(y) + (window_of_y->offset + at) * (int64_t)element;
        if (adds)
            add_row(inner, to, from, x->dtype, k);
        else if (inner_stride == 1)
            memcpy(to, from, (size_t)inner * element);
        else
            k->spread[size](inner, to, inner_stride, from);
        for (int d = x->shape.ndim - 2; d >= 0; d--) {
            at += window_of_y->stride[d];
            if (++index[d] < x->shape.dim[d]) break;
            at -= index[d] * window_of_y->stride[d];
            index[d] = 0;
        }
    }
    tn_value_release(source);
    return true;
}

at_tensor *ag_embed(at_tensor *g, const at_shape *shape, int dim, int64_t start, int64_t step) {
    if (!g) return NULL;
    tn_value *y = tn_value_full(g->value->dtype, shape, 0);
    if (!y) return NULL;
    tn_value *into = window(y, dim, start, step, g->value->shape.dim[dim]);
    bool good = into && write_into(y, into, g->value, false);
    tn_value_release(into);
    if (!good) {
        tn_value_release(y);
        return NULL;
    }
    return ag_record(AG_embed, y, &g, 1, &(ag_parameters){.dim = dim, .start = start, .step = step});
}
bool ag_add_within(tn_value *sum, tn_value *g, const ag_parameters *p) {
    tn_value *into = window(sum, p->dim, p->start, p->step, g->shape.dim[p->dim]);
    bool good = into && write_into(sum, into, g, true);
    tn_value_release(into);
    return good;
}

AG_RULE(embed) {
    const ag_parameters *p = v->parameters;
    int64_t count = v->x[0]->value->shape.dim[p->dim];
    v->dx[0] = at_slice(v->g, p->dim, p->start, p->start + (count ? (count - 1) * p->step + 1 : 0), p->step);
}

at_tensor *at_select(at_tensor *x, int dim, int64_t index) {
    AG_CHECK_TENSOR("select", x);
    AT_CALL("select");
    const at_shape *shape = &x->value->shape;
    if (shape->ndim == 0) return at_fail(AT_ERROR_SHAPE, "select: %s has no dimensions to select from", tn_describe(x));
    if ((dim = tn_check_dim("select", shape, dim)) < 0) return NULL;
    int64_t n = shape->dim[dim], i = index < 0 ? index + n : index;
    if (i < 0 || i >= n)
        return at_fail(AT_ERROR_VALUE, "select: index %" PRId64 " of dimension %d of %s: want %" PRId64 " to %" PRId64,
                       index, dim, tn_describe(x), -n, n - 1);
    at_tensor *row = at_slice(x, dim, i, i + 1, 1);
    return row ? at_reshape_shape(row, without_dim(shape, dim)) : NULL;
}

at_tensor *at_flip(at_tensor *x, int dim) {
    AG_CHECK_TENSOR("flip", x);
    const at_shape *shape = &x->value->shape;
    if ((dim = tn_check_dim("flip", shape, dim)) < 0) return NULL;
    tn_value *y =
        shape->ndim ? window(x->value, dim, shape->dim[dim] - 1, -1, shape->dim[dim]) : tn_value_retain(x->value);
    return ag_record(AG_flip, y, &x, 1, &(ag_parameters){.dim = dim});
}
AG_RULE(flip) { v->dx[0] = at_flip(v->g, v->parameters->dim); }

/* ---- joining ----------------------------------------------------------------------------------------------------- */

/* An empty vector joins with anything, as in torch. */
static bool is_nothing(const at_tensor *x) { return x->value->shape.ndim == 1 && x->value->shape.dim[0] == 0; }

static bool can_join(const char *function, at_tensor *first, at_tensor *x, int i, int dim) {
    const at_shape *a = &first->value->shape, *b = &x->value->shape;
    bool fits = a->ndim == b->ndim;
    for (int d = 0; d < a->ndim && fits; d++) fits = d == dim || a->dim[d] == b->dim[d];
    if (fits || is_nothing(x)) return true;
    return at_fail(AT_ERROR_SHAPE, "%s: tensor %d is %s and an earlier one %s: sizes beside dimension %d must be equal",
                   function, i, tn_describe(x), tn_describe(first), dim);
}

static tn_value *joined(at_tensor *const *list, int n, int dim, at_dtype dtype, const at_shape *shape) {
    tn_value *y = tn_value_new(dtype, shape);
    bool good = y != NULL;
    int64_t at = 0;
    for (int i = 0; i < n && good; i++) {
        if (is_nothing(list[i])) continue;
        tn_value *part = tn_value_cast(list[i]->value, dtype);
        tn_value *into = part ? window(y, dim, at, 1, part->shape.dim[dim]) : NULL;
        good = into && write_into(y, into, part, false);
        if (part) at += part->shape.dim[dim];
        tn_value_release(into);
        tn_value_release(part);
    }
    if (good) return y;
    tn_value_release(y);
    return NULL;
}

static at_dtype promote_all(at_tensor *const *list, int n) {
    at_dtype dtype = list[0]->value->dtype;
    static const int order[] = {[AT_BOOL] = 0, [AT_INT64] = 1, [AT_FLOAT32] = 2, [AT_FLOAT64] = 3};
    for (int i = 1; i < n; i++)
        if (order[list[i]->value->dtype] > order[dtype]) dtype = list[i]->value->dtype;
    return dtype;
}

at_tensor *at_cat_list(int dim, at_tensor *const *list, int n) {
    if (!list) return at_fail_null("cat", "list");
    if (n < 1) return at_fail(AT_ERROR_VALUE, "cat: no tensors to join");
    tn_thread_set_operation("cat");
    at_tensor *first = NULL;
    for (int i = 0; i < n; i++) {
        if (!list[i]) return tn_fail_null_element("cat", "list", i);
        if (list[i]->value->shape.ndim == 0)
            return at_fail(AT_ERROR_SHAPE, "cat: tensor %d is %s: want at least one dimension (at_stack joins these)",
                           i, tn_describe(list[i]));
        if (!first && !is_nothing(list[i])) first = list[i];
    }
    if (!first) first = list[0];
    at_shape shape = first->value->shape;
    if ((dim = tn_check_dim("cat", &shape, dim)) < 0) return NULL;
    shape.dim[dim] = 0;
    for (int i = 0; i < n; i++) {
        if (!can_join("cat", first, list[i], i, dim)) return NULL;
        int64_t size = is_nothing(list[i]) ? 0 : list[i]->value->shape.dim[dim];
        if (__builtin_add_overflow(shape.dim[dim], size, &shape.dim[dim])) shape.dim[dim] = INT64_MAX;
    }
    if (!tn_check_shape("cat", &shape)) return NULL;
    tn_value *y = joined(list, n, dim, promote_all(list, n), &shape);
    return ag_record(AG_cat, y, list, n, &(ag_parameters){.dim = dim});
}
AG_RULE(cat) {
    int dim = v->parameters->dim;
    int64_t at = 0;
    for (int i = 0; i < v->n; i++) {
        int64_t size = is_nothing(v->x[i]) ? 0 : v->x[i]->value->shape.dim[dim];
        if (v->needed[i] && !is_nothing(v->x[i])) v->dx[i] = at_slice(v->g, dim, at, at + size, 1);
        at += size;
    }
}

at_tensor *at_stack_list(int dim, at_tensor *const *list, int n) {
    if (!list) return at_fail_null("stack", "list");
    if (n < 1) return at_fail(AT_ERROR_VALUE, "stack: no tensors to join");
    tn_thread_set_operation("stack");
    AT_CALL("stack");
    at_tensor *y = NULL;
    for (int i = 0; i < n; i++) {
        if (!list[i]) return tn_fail_null_element("stack", "list", i);
        if (!tn_shapes_equal(&list[i]->value->shape, &list[0]->value->shape))
            return at_fail(AT_ERROR_SHAPE, "stack: tensor %d is %s and tensor 0 %s: shapes must be equal", i,
                           tn_describe(list[i]), tn_describe(list[0]));
    }
    int ndim = list[0]->value->shape.ndim + 1;
    if (dim < -ndim || dim >= ndim || ndim > AT_MAX_DIMS)
        return at_fail(AT_ERROR_SHAPE, "stack: dimension %d for %s: want %d to %d, and at most %d dimensions", dim,
                       tn_describe(list[0]), -ndim, ndim - 1, AT_MAX_DIMS);
    at_tensor **rows = tn_memory_new((size_t)n * sizeof *rows);
    if (!rows) return NULL;
    AT_SCOPE {
        bool good = true;
        for (int i = 0; i < n && good; i++) good = (rows[i] = at_unsqueeze(list[i], dim)) != NULL;
        y = good ? at_cat_list(dim < 0 ? dim + ndim : dim, rows, n) : NULL;
        if (y) at_scope_return(y);
    }
    tn_memory_free(rows, (size_t)n * sizeof *rows);
    return y;
}

/* ---- triangles --------------------------------------------------------------------------------------------------- */

/* Bools of the last two sizes: whether column - row <= k. */
static at_tensor *below_diagonal(const at_shape *shape, int64_t k) {
    int64_t rows = shape->dim[shape->ndim - 2], columns = shape->dim[shape->ndim - 1];
    at_shape matrix = AT_SHAPE(rows, columns);
    void *data;
    at_tensor *mask = tn_tensor_new(AT_BOOL, &matrix, &data);
    if (!mask) return NULL;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) ((bool *)data)[i * columns + j] = j - i <= k;
    return mask;
}

static bool check_matrix(const char *function, at_tensor *x) {
    if (x->value->shape.ndim >= 2) return true;
    return at_fail(AT_ERROR_SHAPE, "%s: %s: want at least two dimensions", function, tn_describe(x));
}

at_tensor *at_tril(at_tensor *x, int64_t k) {
    AG_CHECK_TENSOR("tril", x);
    AT_CALL("tril");
    if (!check_matrix("tril", x)) return NULL;
    at_tensor *kept = below_diagonal(&x->value->shape, k);
    return kept ? at_where_operands(kept, at_operand_tensor(x), at_operand_bool(false)) : NULL;
}

at_tensor *at_triu(at_tensor *x, int64_t k) {
    AG_CHECK_TENSOR("triu", x);
    AT_CALL("triu");
    if (!check_matrix("triu", x)) return NULL;
    at_tensor *dropped = k == INT64_MIN ? below_diagonal(&x->value->shape, k) : below_diagonal(&x->value->shape, k - 1);
    return dropped ? at_where_operands(dropped, at_operand_bool(false), at_operand_tensor(x)) : NULL;
}
