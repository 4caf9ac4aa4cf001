/* tensor/value.c - values: stored ones, windows on them, and pending expressions. */
#include <string.h>

#include "evaluate.h"
#include "internal.h"

/* Deferring fewer elements than this costs more than it saves. */
enum { COMPUTE_AT_ONCE = 16 };

static _Atomic(bool) eager;
void at_set_eager(bool on) { atomic_store(&eager, on); }

/* ---- making and releasing ---------------------------------------------------------------------------------------- */

/* A value but for its shape. */
static inline tn_value *plain_value(at_dtype dtype, int64_t numel) {
    tn_value *v = tn_object_new(sizeof *v);
    if (!v) return NULL;
    tn_count_start(&v->refs, 1);
    tn_count_start(&v->readers, 0);
    v->dtype = dtype;
    v->instruction = TN_STORED;
    v->n_operands = 0;
    v->size = v->cost = v->scalar = 0;
    v->spent = 0;
    v->numel = numel;
    v->offset = 0;
    atomic_init(&v->buffer, NULL);
    atomic_init(&v->packed, NULL);
    return v;
}

static tn_value *value_of(at_dtype dtype, const at_shape *shape, int64_t numel) {
    tn_value *v = plain_value(dtype, numel);
    if (!v) return NULL;
    v->shape = *shape;
    tn_contiguous_strides(shape, v->stride);
    tn_count_live(1, 0);
    return v;
}

static inline void use_own(tn_value *v, int64_t bytes) {
    tn_count_start(&v->own.refs, 1);
    v->own.data = v->element;
    v->own.bytes = bytes;
    atomic_init(&v->buffer, &v->own);
}

tn_value *tn_scalar_from_system(at_dtype dtype) {
    tn_value *v = plain_value(dtype, 1);
    if (!v) return NULL;
    v->scalar = (int8_t)(1 + dtype);
    v->shape.ndim = 0;
    use_own(v, (int64_t)tn_dtype_size(dtype));
    return v;
}

/* The depth is bounded: an expression has at most TN_LARGEST_EXPRESSION instructions below each other. */
static void release_parts(tn_value *v) {
    for (int i = 0; i < v->n_operands; i++) tn_operand_release(v->operand[i]);
    if (!tn_has_own(v)) tn_buffer_release(atomic_load_explicit(&v->buffer, memory_order_relaxed));
    tn_value_release(atomic_load_explicit(&v->packed, memory_order_relaxed)); /* which has none itself */
}

void tn_value_end(tn_value *v) {
    if (v->scalar) {
        tn_scalar_end(v);
        return;
    }
    release_parts(v);
    tn_count_live(-1, tn_has_own(v) ? -v->own.bytes : 0);
    tn_object_free(v, sizeof *v);
}

static void add_operand(tn_value *v, tn_value *operand) {
    v->operand[v->n_operands++] = tn_operand_retain(operand);
    if (!tn_is_stored(operand)) {
        v->size = (int16_t)(v->size + operand->size);
        v->cost = (int16_t)(v->cost + operand->cost);
    }
}

static tn_value *stored_value(at_dtype dtype, const at_shape *shape, int64_t numel) {
    if (shape->ndim == 0 && tn_is_floating(dtype)) return tn_scalar_new(tn_self(), dtype);
    tn_value *v = value_of(dtype, shape, numel);
    if (!v) return NULL;
    int64_t bytes = numel * (int64_t)tn_dtype_size(dtype);
    if (bytes <= TN_SMALL) {
        use_own(v, bytes);
        tn_count_live(0, bytes);
        return v;
    }
    tn_buffer *buffer = tn_buffer_new(bytes);
    if (!buffer) {
        tn_value_release(v);
        return NULL;
    }
    atomic_init(&v->buffer, buffer);
    return v;
}

tn_value *tn_value_new(at_dtype dtype, const at_shape *shape) {
    return stored_value(dtype, shape, tn_shape_numel(shape));
}

static bool is_row_major(const at_shape *shape, const int64_t *stride) {
    int64_t step = 1;
    for (int i = shape->ndim - 1; i >= 0; i--) {
        if (shape->dim[i] != 1 && stride[i] != step) return false;
        step *= shape->dim[i];
    }
    return true;
}

bool tn_is_contiguous(const tn_value *v) { return is_row_major(&v->shape, v->stride) || v->numel == 0; }

/* ---- pending expressions ----------------------------------------------------------------------------------------- */

/* Costs of one element, in additions; measured, and only used to decide what is worth keeping. */
static int16_t cost_of(int instruction) {
    switch (instruction) {
    case TN_EXP:
    case TN_SQRT:
    case TN_RSQRT:
    case TN_DIV:
    case TN_RECIPROCAL:
    case TN_SIGMOID:
    case TN_SILU: return 4;
    case TN_LOG:
    case TN_LOG1P:
    case TN_EXPM1:
    case TN_SIN:
    case TN_COS:
    case TN_TANH:
    case TN_ERF: return 8;
    case TN_TAN:
    case TN_POW: return 16;
    default: return 1;
    }
}

/* Storing what an expression has grown from keeps programs short and every walk over them shallow. */
static bool cut_long_expression(tn_value *const *operands, int n) {
    int size = 1;
    for (int i = 0; i < n; i++)
        if (!tn_is_stored(operands[i])) size += operands[i]->size;
    if (size <= TN_LARGEST_EXPRESSION) return true;
    for (int i = 0; i < n; i++)
        if (operands[i]->size > 1 && !tn_value_store(operands[i])) return false;
    return true;
}

/* Few elements from stored operands take one call of a kernel and no program: at is where it reads them. NULL, without
 * an error, where the operands lie otherwise. */
static tn_elementwise *kernel_for_few(int instruction, at_dtype dtype, int64_t numel, tn_value *const *operands, int n,
                                      const void **at) {
    int form = 0;
    for (int i = 0; i < n; i++) {
        const tn_value *x = operands[i];
        bool lone = x->numel == 1;
        if (!tn_is_stored(x) || !(lone || (x->numel == numel && tn_is_contiguous(x)))) return NULL;
        at[i] = tn_data(x);
        form |= lone << i;
    }
    if (numel == 1) form = 0;
    at_dtype from = operands[n - 1]->dtype;
    const tn_kernels *kernels = tn_kernels_get();
    return instruction == TN_CAST ? kernels->cast[from][dtype] : kernels->elementwise[instruction][from][form];
}

/* Whether the rows of an operand do not lie side by side. */
static inline bool has_other_rows(const at_shape *shape, tn_value *const *operands, int n) {
    int last = shape->ndim - 1;
    for (int i = 0; i < n; i++) {
        const tn_value *x = operands[i];
        if (x->shape.ndim == shape->ndim && last > 0 && x->stride[last] != 1) return true;
    }
    return false;
}

/* The order that those of the operands lie in that are not broadcast. False: by rows, at least one of them. */
static bool common_order(const at_shape *shape, tn_value *const *operands, int n, at_shape *order) {
    bool found = false;
    for (int i = 0; i < n; i++) {
        at_shape own;
        if (!tn_shapes_equal(&operands[i]->shape, shape)) continue;
        tn_layout layout = tn_layout_of(shape, operands[i]->stride, &own);
        if (layout == TN_BY_ROWS) return false;
        if (layout == TN_PERMUTED && !found) *order = own;
        found = found || layout == TN_PERMUTED;
    }
    return found;
}

/* Elements are read and written in the order in which they lie: the result of transposed operands is a transposed view of
 * what is computed row by row. */
TN_RARE static tn_value *elementwise_in_order(int instruction, at_dtype dtype, const at_shape *shape,
                                              tn_value *const *operands, int n, const at_shape *order) {
    tn_value *moved[TN_MAX_OPERANDS] = {NULL}, *y = NULL;
    at_shape in_order = {.ndim = shape->ndim};
    for (int d = 0; d < shape->ndim; d++) in_order.dim[d] = shape->dim[order->dim[d]];
    bool good = true;
    for (int i = 0; i < n && good; i++) {
        tn_value *x = tn_value_expand(operands[i], shape);
        moved[i] = x ? tn_value_permute(x, order) : NULL;
        tn_value_release(x);
        good = moved[i] != NULL;
    }
    if (good) y = tn_value_elementwise(instruction, dtype, &in_order, moved, n);
    for (int i = 0; i < n; i++) tn_value_release(moved[i]);
    return tn_value_permute_back(y, order);
}

tn_value *tn_value_elementwise(int instruction, at_dtype dtype, const at_shape *shape, tn_value *const *operands,
                               int n) {
    at_shape order;
    if (has_other_rows(shape, operands, n) && common_order(shape, operands, n, &order))
        return elementwise_in_order(instruction, dtype, shape, operands, n, &order);
    int64_t numel = tn_shape_numel(shape);
    if (numel <= COMPUTE_AT_ONCE) {
        const void *at[TN_MAX_OPERANDS] = {NULL, NULL, NULL};
        tn_elementwise *kernel = kernel_for_few(instruction, dtype, numel, operands, n, at);
        tn_value *few = kernel ? stored_value(dtype, shape, numel) : NULL;
        if (few) kernel(numel, tn_data(few), at[0], at[1], at[2]);
        if (kernel) return few;
    }
    if (!cut_long_expression(operands, n)) return NULL;
    tn_value *v = value_of(dtype, shape, numel);
    if (!v) return NULL;
    v->instruction = (int16_t)instruction;
    v->size = 1;
    v->cost = cost_of(instruction);
    for (int i = 0; i < n; i++) add_operand(v, operands[i]);
    if ((v->numel <= COMPUTE_AT_ONCE || atomic_load_explicit(&eager, memory_order_relaxed)) && !tn_value_store(v)) {
        tn_value_release(v);
        return NULL;
    }
    return v;
}

/* A value that shows the elements of v in another way, by instruction TN_VIEW or TN_REFLOW, once v is stored. */
static tn_value *pending_alias(int instruction, tn_value *v, const at_shape *shape) {
    if (!cut_long_expression(&v, 1)) return NULL;
    tn_value *alias = value_of(v->dtype, shape, tn_shape_numel(shape));
    if (!alias) return NULL;
    alias->instruction = (int16_t)instruction;
    alias->size = 1;
    add_operand(alias, v);
    return alias;
}

/* Gives the elements in buffer to a view. A small value's go with it, so the view has a copy, which is not counted. */
static void share(tn_value *view, tn_buffer *buffer, const tn_value *v) {
    if (tn_has_own(v)) {
        use_own(view, 0);
        memcpy(view->element, v->element, TN_SMALL);
    } else {
        atomic_init(&view->buffer, tn_buffer_retain(buffer));
    }
}

tn_value *tn_value_view(tn_value *v, const at_shape *shape, const int64_t *stride, int64_t offset) {
    tn_value *view, *base = NULL;
    tn_buffer *buffer = tn_value_settle(v);
    if (!buffer && v->instruction == TN_VIEW && !(base = tn_value_base(v))) buffer = tn_value_settle(v);
    if (buffer) {
        view = value_of(v->dtype, shape, tn_shape_numel(shape));
        if (view) share(view, buffer, v);
    } else {
        tn_value *shown = base ? base : v; /* a view's strides are already those of its base */
        if (offset == 0 && tn_shapes_equal(shape, &shown->shape) && is_row_major(shape, stride))
            return base ? base : tn_value_retain(v); /* all of it as it is */
        view = pending_alias(TN_VIEW, shown, shape);
    }
    tn_value_release(base);
    if (!view) return NULL;
    memcpy(view->stride, stride, sizeof(int64_t) * (size_t)shape->ndim);
    view->offset = offset;
    (void)tn_value_settle(view); /* cutting the expression may have stored the base */
    return view;
}

static tn_value *reflow(tn_value *v, const at_shape *shape) {
    tn_value *r = pending_alias(TN_REFLOW, v, shape);
    if (r && atomic_load_explicit(&eager, memory_order_relaxed) && !tn_value_store(r)) {
        tn_value_release(r);
        return NULL;
    }
    return r;
}

tn_value *tn_value_reshape(tn_value *v, const at_shape *shape) {
    int64_t stride[AT_MAX_DIMS];
    if (!tn_is_stored(v) && v->instruction == TN_REFLOW) { /* what it flows from may have the shape already */
        tn_value *source = tn_value_base(v), *view = NULL;
        /* only where it would lie the same way if it were stored */
        bool fits =
            source && tn_reshape_strides(&source->shape, source->stride, shape, stride) && is_row_major(shape, stride);
        if (fits) view = tn_value_view(source, shape, stride, source->offset);
        tn_value_release(source);
        if (fits) return view;
    }
    if (tn_reshape_strides(&v->shape, v->stride, shape, stride)) return tn_value_view(v, shape, stride, v->offset);
    return reflow(v, shape);
}

tn_value *tn_value_expand(tn_value *v, const at_shape *shape) {
    if (tn_shapes_equal(&v->shape, shape)) return tn_value_retain(v);
    int64_t stride[AT_MAX_DIMS];
    tn_broadcast_strides(&v->shape, v->stride, shape, stride);
    return tn_value_view(v, shape, stride, v->offset);
}

tn_value *tn_value_permute(tn_value *v, const at_shape *order) {
    at_shape shape = {.ndim = order->ndim};
    int64_t stride[AT_MAX_DIMS];
    for (int d = 0; d < order->ndim; d++) {
        shape.dim[d] = v->shape.dim[order->dim[d]];
        stride[d] = v->stride[order->dim[d]];
    }
    return tn_value_view(v, &shape, stride, v->offset);
}

tn_value *tn_value_permute_back(tn_value *v, const at_shape *order) {
    at_shape back = {.ndim = order->ndim};
    for (int d = 0; d < order->ndim; d++) back.dim[order->dim[d]] = d;
    tn_value *y = v ? tn_value_permute(v, &back) : NULL;
    tn_value_release(v);
    return y;
}

tn_value *tn_value_cast(tn_value *v, at_dtype dtype) {
    if (v->dtype == dtype) return tn_value_retain(v);
    return tn_value_elementwise(TN_CAST, dtype, &v->shape, &v, 1);
}

tn_value *tn_value_contiguous(tn_value *v) {
    if (tn_is_contiguous(v)) return tn_value_store(v) ? tn_value_retain(v) : NULL;
    tn_value *copy = pending_alias(TN_REFLOW, v, &v->shape);
    if (copy && !tn_value_store(copy)) {
        tn_value_release(copy);
        return NULL;
    }
    return copy;
}
