/* autograd/checkpoint.c - functions that are evaluated again in the backward pass instead of being stored.
 *
 * A checkpoint is a custom operation that keeps nothing but its inputs. Its derivative evaluates the function again, now
 * recorded, on leaves in the place of the inputs, and differentiates that little graph. Both go through the rows block by
 * block, so that there is never more of the function alive than one block. */
#include <string.h>

#include "internal.h"

enum { MOST_INPUTS = 64 }; /* bits of rows */

typedef struct {
    at_checkpoint_options options;
    int64_t n_rows, block; /* rows in all, and at a time */
} checkpoint;

static void release_checkpoint(void *context) {
    checkpoint *c = context;
    if (c->options.free_context) c->options.free_context(c->options.context);
    tn_object_free(c, sizeof *c);
}

static bool has_rows(const checkpoint *c, int input) { return c->options.rows >> input & 1; }

/* Rows start ... end of t, which is input i. */
static at_tensor *cut(const checkpoint *c, int i, at_tensor *t, int64_t start, int64_t end) {
    return has_rows(c, i) ? at_slice(t, 0, start, end, 1) : t;
}

/* The function of that many rows. */
static at_tensor *evaluate(const checkpoint *c, at_tensor **x, int64_t rows) {
    unsigned before = tn_failures();
    at_tensor *y = c->options.f(x, c->options.n, c->options.context);
    if (!y) return !tn_failed_since(before) ? at_fail(AT_ERROR_STATE, "checkpoint: its function gives NULL") : NULL;
    if (c->options.rows && (y->value->shape.ndim == 0 || y->value->shape.dim[0] != rows))
        return at_fail(AT_ERROR_SHAPE, "checkpoint: its function gives %s for %lld rows: want a result with as many",
                       tn_describe(y), (long long)rows);
    return y;
}

/* The block of rows that begins at start ends before this one. */
static int64_t end_of(const checkpoint *c, int64_t start) {
    return c->n_rows - start < c->block ? c->n_rows : start + c->block;
}

/* Copies part to where row start of whole is. */
static bool put_rows(at_tensor *whole, at_tensor *part, int64_t start) {
    part = at_contiguous(part);
    if (!part) return false;
    const at_shape *shape = &part->value->shape;
    size_t bytes = (size_t)part->value->numel * tn_dtype_size(part->value->dtype);
    if (bytes > 0) /* so there are rows */
        memcpy((char *)tn_data(whole->value) + bytes / (size_t)shape->dim[0] * (size_t)start, tn_data(part->value),
               bytes);
    return true;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* Room for all rows, in the enclosing scope, of blocks like this one. */
static at_tensor *room_for(const checkpoint *c, const at_tensor *block) {
    at_shape shape = block->value->shape;
    shape.dim[0] = c->n_rows;
    void *data;
    at_tensor *whole = tn_check_shape("checkpoint", &shape) ? tn_tensor_new(block->value->dtype, &shape, &data) : NULL;
    return whole ? at_scope_return(whole) : NULL;
}

static bool is_alike(const at_tensor *whole, const at_tensor *block) {
    at_shape shape = block->value->shape;
    shape.dim[0] = whole->value->shape.dim[0];
    return whole->value->dtype == block->value->dtype && tn_shapes_equal(&whole->value->shape, &shape);
}

/* Computes the rows from start on; *y is NULL before the first. */
static bool forward_block(const at_custom_call *call, int64_t start, at_tensor **y) {
    const checkpoint *c = call->context;
    int64_t end = end_of(c, start);
    at_tensor *x[MOST_INPUTS];
    for (int i = 0; i < call->n; i++)
        if (!(x[i] = cut(c, i, call->inputs[i], start, end))) return false;
    at_tensor *block = evaluate(c, x, end - start);
    if (!block || (!*y && !(*y = room_for(c, block)))) return false;
    if (!is_alike(*y, block))
        return at_fail(AT_ERROR_STATE, "checkpoint: its function gives %s for a block, where those before made %s",
                       tn_describe(block), tn_describe(*y));
    return put_rows(*y, block, start);
}

/* As a whole: the result itself, computed, so that it lets go of what it was computed from. */
static at_tensor *forward_whole(at_custom_call *call) {
    at_tensor *y = evaluate(call->context, call->inputs, 0);
    return y && tn_value_store(y->value) ? y : NULL;
}

static at_tensor *forward(at_custom_call *call) {
    const checkpoint *c = call->context;
    for (int i = 0; i < call->n; i++) /* they are read again for each block */
        if (!tn_value_store(call->inputs[i]->value)) return NULL;
    if (!c->options.rows) return forward_whole(call);
    at_tensor *y = NULL;
    int64_t start = 0;
    bool good = true;
    do
        AT_SCOPE { good = forward_block(call, start, &y); }
    while (good && (start += c->block) < c->n_rows);
    return good ? y : NULL;
}

/* ---- derivative -------------------------------------------------------------------------------------------------- */

/* An input as the function is to see it: a variable of its own, so that gradients by it do not go on to another input
 * that it was computed from. */
static at_tensor *variable(at_tensor *t, bool needed, bool create_graph) {
    if (!t || !needed) return t;
    return create_graph ? at_reshape_shape(t, t->value->shape) : at_set_requires_grad(at_detach(t), true);
}

/* dx[i] = the gradient of sum(f * g) by rows start ... end of input i where it is needed and not zero, else NULL. */
static bool differentiate(const at_custom_call *call, at_tensor *g, int64_t start, int64_t end, bool create_graph,
                          at_tensor **dx) {
    const checkpoint *c = call->context;
    at_tensor *x[MOST_INPUTS], *wanted[MOST_INPUTS], *found[MOST_INPUTS];
    int n = 0;
    for (int i = 0; i < call->n; i++) {
        dx[i] = NULL;
        x[i] = variable(cut(c, i, call->inputs[i], start, end), call->needed[i], create_graph);
        if (!x[i]) return false;
        if (call->needed[i]) wanted[n++] = x[i];
    }
    bool recording = ag_set_grad_mode(true);
    at_tensor *y = evaluate(c, x, end - start);
    at_tensor *sum = y ? at_sum(at_mul(y, c->options.rows ? at_slice(g, 0, start, end, 1) : g)) : NULL;
    ag_set_grad_mode(recording);
    if (!sum) return false;
    if (!at_requires_grad(sum)) return true;
    if (!at_gradients(sum, wanted, n, create_graph, found)) return false;
    for (int i = call->n - 1; i >= 0; i--)
        if (call->needed[i]) dx[i] = found[--n];
    return true;
}

/* Zeros for the gradient by t, in which blocks gather: in float64 where they are added up. */
static at_tensor *gathering(const at_tensor *t, bool rows) {
    void *data;
    at_dtype dtype = rows ? t->value->dtype : AT_FLOAT64;
    at_tensor *sum = tn_tensor_new(dtype, &t->value->shape, &data);
    if (sum) memset(data, 0, (size_t)t->value->numel * tn_dtype_size(dtype));
    return sum;
}

static bool add(at_tensor *sum, at_tensor *part) {
    const double *from = at_doubles(at_to(part, AT_FLOAT64));
    double *to = from ? tn_data(sum->value) : NULL;
    for (int64_t i = 0; to && i < sum->value->numel; i++) to[i] += from[i];
    return to != NULL;
}

static bool derivative_of_block(at_custom_call *call, at_tensor *g, int64_t start, at_tensor **dx) {
    const checkpoint *c = call->context;
    at_tensor *part[MOST_INPUTS];
    if (!differentiate(call, g, start, end_of(c, start), false, part)) return false;
    for (int i = 0; i < call->n; i++)
        if (part[i] && !(has_rows(c, i) ? put_rows(dx[i], part[i], start) : add(dx[i], part[i]))) return false;
    return true;
}

static bool derivative(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)y;
    const checkpoint *c = call->context;
    if (ag_grad_mode() || !c->options.rows) return differentiate(call, g, 0, c->n_rows, ag_grad_mode(), dx);
    if (!tn_value_store(g->value)) return false;
    for (int i = 0; i < call->n; i++)
        if (call->needed[i] && !(dx[i] = gathering(call->inputs[i], has_rows(c, i)))) return false;
    bool good = true;
    for (int64_t start = 0; start < c->n_rows && good; start += c->block)
        AT_SCOPE { good = derivative_of_block(call, g, start, dx); }
    return good;
}

/* ---- the operation ----------------------------------------------------------------------------------------------- */

/* Input i has as many rows as the first one that has any. */
static bool check_rows(const at_checkpoint_options *o, int i, int64_t *n_rows) {
    const at_shape *shape = &o->inputs[i]->value->shape;
    if (shape->ndim == 0)
        return at_fail(AT_ERROR_SHAPE, "checkpoint: input %d is %s: it has no rows", i, tn_describe(o->inputs[i]));
    if (*n_rows < 0) *n_rows = shape->dim[0];
    if (*n_rows == shape->dim[0]) return true;
    return at_fail(AT_ERROR_SHAPE, "checkpoint: input %d is %s: want %lld rows, as the others that are cut have", i,
                   tn_describe(o->inputs[i]), (long long)*n_rows);
}

/* *n_rows is 0 where nothing is cut. */
static bool check_options(const at_checkpoint_options *o, int64_t *n_rows) {
    if (!o->f) return at_fail_null("checkpoint", "f");
    if (!o->inputs) return at_fail_null("checkpoint", "inputs");
    if (o->n < 1 || o->n > MOST_INPUTS)
        return at_fail(AT_ERROR_VALUE, "checkpoint: %d inputs: want 1 to %d", o->n, MOST_INPUTS);
    if (o->n < MOST_INPUTS && o->rows >> o->n)
        return at_fail(AT_ERROR_VALUE, "checkpoint: rows 0x%llx for %d inputs: want a bit for an input",
                       (unsigned long long)o->rows, o->n);
    if (o->block < 0)
        return at_fail(AT_ERROR_VALUE, "checkpoint: block is %lld: must not be negative", (long long)o->block);
    *n_rows = -1;
    for (int i = 0; i < o->n; i++) {
        if (!o->inputs[i]) return tn_fail_null_element("checkpoint", "inputs", i);
        if (o->rows >> i & 1 && !check_rows(o, i, n_rows)) return false;
    }
    if (!o->rows) *n_rows = 0;
    return true;
}

at_tensor *at_checkpoint_with(at_checkpoint_options options) {
    static const at_custom_operation operation = {"checkpoint", forward, derivative, release_checkpoint};
    int64_t n_rows = 0;
    tn_thread_set_operation("checkpoint");
    AT_CALL("checkpoint");
    checkpoint *c = check_options(&options, &n_rows) ? tn_object_new(sizeof *c) : NULL;
    if (!c) {
        if (options.free_context) options.free_context(options.context);
        return NULL;
    }
    *c = (checkpoint){.options = options, .n_rows = n_rows, .block = options.block};
    if (c->block == 0) c->block = n_rows > 0 ? n_rows : 1;
    return at_custom(&operation, options.inputs, options.n, c);
}
