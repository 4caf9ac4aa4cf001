/* tensor/value.c - values: stored ones, windows on them, and pending expressions. */
#include <string.h>

#include "evaluate.h"
#include "internal.h"

/* Deferring fewer elements than this costs more than it saves. */
enum { COMPUTE_AT_ONCE = 16 };

static _Atomic(bool) eager;
void at_set_eager(bool on) { atomic_store(&eager, on); }

/* ---- making and releasing ---------------------------------------------------------------------------------------- */

static tn_value *value_of(at_dtype dtype, const at_shape *shape) {
    tn_value *v = tn_object_new(sizeof *v);
    if (!v) return NULL;
    atomic_init(&v->refs, 1);
    atomic_init(&v->readers, 0);
    v->dtype = dtype;
    v->instruction = TN_STORED;
    v->n_operands = 0;
    v->size = v->cost = v->spent = 0;
    v->shape = *shape;
    v->numel = tn_shape_numel(shape);
    tn_contiguous_strides(shape, v->stride);
    v->offset = 0;
    atomic_init(&v->buffer, NULL);
    atomic_init(&v->packed, NULL);
    tn_count_value(1);
    return v;
}

/* The depth is bounded: an expression has at most TN_LARGEST_EXPRESSION instructions below each other. */
void tn_value_release(tn_value *v) {
    if (!v || !tn_count_down(&v->refs)) return;
    for (int i = 0; i < v->n_operands; i++) tn_operand_release(v->operand[i]);
    tn_buffer_release(atomic_load_explicit(&v->buffer, memory_order_relaxed));
    tn_value_release(atomic_load_explicit(&v->packed, memory_order_relaxed)); /* which has none itself */
    tn_object_free(v, sizeof *v);
    tn_count_value(-1);
}

void tn_operand_release(tn_value *v) {
    (void)tn_count_down(&v->readers);
    tn_value_release(v);
}

static void add_operand(tn_value *v, tn_value *operand) {
    tn_count_up(&operand->readers);
    v->operand[v->n_operands++] = tn_value_retain(operand);
    if (!tn_is_stored(operand)) {
        v->size += operand->size;
        v->cost += operand->cost;
    }
}

tn_value *tn_value_new(at_dtype dtype, const at_shape *shape) {
    tn_value *v = value_of(dtype, shape);
    if (!v) return NULL;
    tn_buffer *buffer = tn_buffer_new(v->numel * (int64_t)tn_dtype_size(dtype));
    if (!buffer) {
        tn_value_release(v);
        return NULL;
    }
    atomic_init(&v->buffer, buffer);
    return v;
}

void *tn_data(const tn_value *v) {
    tn_buffer *buffer = atomic_load_explicit(&v->buffer, memory_order_acquire);
    return buffer->data + v->offset * (int64_t)tn_dtype_size(v->dtype);
}

bool tn_is_contiguous(const tn_value *v) {
    int64_t step = 1;
    for (int i = v->shape.ndim - 1; i >= 0; i--) {
        if (v->shape.dim[i] != 1 && v->stride[i] != step) return v->numel == 0;
        step *= v->shape.dim[i];
    }
    return true;
}

/* ---- pending expressions ----------------------------------------------------------------------------------------- */

/* Costs of one element, in additions; measured, and only used to decide what is worth keeping. */
static int cost_of(int instruction) {
    switch (instruction) {
    case TN_EXP:
    case TN_SQRT:
    case TN_RSQRT:
    case TN_DIV:
    case TN_RECIPROCAL:
    case TN_SIGMOID: return 4;
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

tn_value *tn_value_elementwise(int instruction, at_dtype dtype, const at_shape *shape, tn_value *const *operands,
                               int n) {
    if (!cut_long_expression(operands, n)) return NULL;
    tn_value *v = value_of(dtype, shape);
    if (!v) return NULL;
    v->instruction = instruction;
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
    tn_value *alias = value_of(v->dtype, shape);
    if (!alias) return NULL;
    alias->instruction = instruction;
    alias->size = 1;
    add_operand(alias, v);
    return alias;
}

tn_value *tn_value_view(tn_value *v, const at_shape *shape, const int64_t *stride, int64_t offset) {
    tn_value *view, *base = NULL;
    tn_buffer *buffer = tn_value_settle(v);
    if (!buffer && v->instruction == TN_VIEW && !(base = tn_value_base(v))) buffer = tn_value_settle(v);
    if (buffer) {
        view = value_of(v->dtype, shape);
        if (view) atomic_init(&view->buffer, tn_buffer_retain(buffer));
    } else {
        view = pending_alias(TN_VIEW, base ? base : v, shape); /* a view's strides are already those of its base */
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
        bool fits = source && tn_reshape_strides(&source->shape, source->stride, shape, stride);
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
