/* autograd/products.c - matrix products, with their derivatives. */
#include <inttypes.h>

#include "internal.h"

static bool check_dtypes(const char *function, at_tensor *a, at_tensor *b) {
    if (a->value->dtype != b->value->dtype)
        return at_fail(AT_ERROR_DTYPE, "%s: %s and %s: want one dtype", function, tn_describe(a), tn_describe(b));
    if (a->value->dtype == AT_BOOL)
        return at_fail(AT_ERROR_DTYPE, "%s: %s and %s: want numbers (at_to converts)", function, tn_describe(a),
                       tn_describe(b));
    return true;
}

static bool check_batches(const at_shape *p, const at_shape *q) {
    bool three = p->ndim == 3 && q->ndim == 3;
    if (three && p->dim[0] == q->dim[0] && p->dim[2] == q->dim[1]) return true;
    const char *a = tn_shape_text(p), *b = tn_shape_text(q);
    if (!three)
        return at_fail(AT_ERROR_SHAPE,
                       "bmm: batch1 %s and batch2 %s: want three dimensions each (at_matmul takes others)", a, b);
    if (p->dim[0] != q->dim[0])
        return at_fail(AT_ERROR_SHAPE,
                       "bmm: batch1 %s and batch2 %s: %" PRId64 " and %" PRId64 " matrices: there must be as many", a,
                       b, p->dim[0], q->dim[0]);
    return at_fail(AT_ERROR_SHAPE,
                   "bmm: batch1 %s and batch2 %s: columns of batch1 (%" PRId64 ") must equal rows of batch2 (%" PRId64
                   ")",
                   a, b, p->dim[2], q->dim[1]);
}

/* Of matrices, or of batches of them; their shapes and dtypes fit. */
static at_tensor *product(const char *function, at_tensor *a, at_tensor *b) {
    at_shape result = a->value->shape;
    result.dim[result.ndim - 1] = b->value->shape.dim[result.ndim - 1];
    if (!tn_check_shape(function, &result)) return NULL;
    return ag_record(AG_bmm, tn_value_bmm(a->value, b->value), (at_tensor *[]){a, b}, 2, NULL);
}

at_tensor *at_bmm(at_tensor *batch1, at_tensor *batch2) {
    AG_CHECK_TENSOR("bmm", batch1);
    AG_CHECK_TENSOR("bmm", batch2);
    if (!check_batches(&batch1->value->shape, &batch2->value->shape) || !check_dtypes("bmm", batch1, batch2))
        return NULL;
    return product("bmm", batch1, batch2);
}
static at_tensor *transposed(at_tensor *x) { return at_transpose(x, -2, -1); }

/* a b, laid out in memory as like is: by columns as (b^T a^T)^T. What is added to like later then lies as it does. */
static at_tensor *product_like(at_tensor *a, at_tensor *b, const tn_value *like) {
    int rows = like->shape.ndim - 2;
    if (!a || !b) return NULL;
    if (like->stride[rows] != 1 || like->stride[rows + 1] == 1) return product("bmm", a, b);
    at_tensor *left = transposed(b), *right = transposed(a);
    at_tensor *y = left && right ? product("bmm", left, right) : NULL;
    return y ? transposed(y) : NULL;
}

AG_RULE(bmm) {
    at_tensor *a = v->x[0], *b = v->x[1];
    if (v->needed[0]) v->dx[0] = product_like(v->g, transposed(b), a->value);
    if (v->needed[1]) v->dx[1] = product_like(transposed(a), v->g, b->value);
}

/* ---- all of torch.matmul's cases, as batches of matrices --------------------------------------------------------- */

/* The dimensions in front of the last two. */
static at_shape batch_of(const at_shape *shape) {
    at_shape batch = {.ndim = shape->ndim - 2};
    for (int d = 0; d < batch.ndim; d++) batch.dim[d] = shape->dim[d];
    return batch;
}

static at_shape with_matrix(at_shape batch, int64_t rows, int64_t columns) {
    batch.dim[batch.ndim++] = rows;
    batch.dim[batch.ndim++] = columns;
    return batch;
}

/* x with its matrices in one batch dimension, its batch broadcast to batch. */
static at_tensor *flat_batch(at_tensor *x, const at_shape *batch) {
    const at_shape *shape = &x->value->shape;
    int64_t rows = shape->dim[shape->ndim - 2], columns = shape->dim[shape->ndim - 1];
    at_tensor *full = at_expand_shape(x, with_matrix(*batch, rows, columns));
    return full ? at_reshape(full, tn_shape_numel(batch), rows, columns) : NULL;
}

/* a and b have at least two dimensions. */
static at_tensor *matmul(at_tensor *a, at_tensor *b) {
    at_shape of_a = batch_of(&a->value->shape), of_b = batch_of(&b->value->shape), batch;
    int64_t rows = a->value->shape.dim[of_a.ndim], columns = b->value->shape.dim[of_b.ndim + 1];
    int64_t inner = a->value->shape.dim[of_a.ndim + 1];
    if (inner != b->value->shape.dim[of_b.ndim])
        return at_fail(AT_ERROR_SHAPE,
                       "matmul: a %s and b %s: columns of a (%" PRId64 ") must equal rows of b (%" PRId64 ")",
                       tn_shape_text(&a->value->shape), tn_shape_text(&b->value->shape), inner,
                       b->value->shape.dim[of_b.ndim]);
    if (!tn_shapes_broadcast(&of_a, &of_b, &batch))
        return at_fail(AT_ERROR_SHAPE,
                       "matmul: a %s and b %s: the dimensions before the matrices, %s and %s, do not broadcast",
                       tn_shape_text(&a->value->shape), tn_shape_text(&b->value->shape), tn_shape_text(&of_a),
                       tn_shape_text(&of_b));
    if (of_a.ndim == 0 && of_b.ndim == 0) return product("matmul", a, b);
    at_tensor *y;
    if (tn_shape_numel(&of_b) == 1 && of_a.ndim >= of_b.ndim) { /* one b for all of a: its rows are one long matrix */
        at_tensor *tall = at_reshape(a, 1, tn_shape_numel(&of_a) * rows, inner);
        y = tall ? at_bmm(tall, at_reshape(b, 1, inner, columns)) : NULL;
    } else {
        at_tensor *x = flat_batch(a, &batch);
        y = x ? at_bmm(x, flat_batch(b, &batch)) : NULL;
    }
    return y ? at_reshape_shape(y, with_matrix(batch, rows, columns)) : NULL;
}

at_tensor *at_matmul(at_tensor *a, at_tensor *b) {
    AG_CHECK_TENSOR("matmul", a);
    AG_CHECK_TENSOR("matmul", b);
    AT_CALL("matmul");
    int dims_a = a->value->shape.ndim, dims_b = b->value->shape.ndim;
    if (dims_a == 0 || dims_b == 0)
        return at_fail(AT_ERROR_SHAPE, "matmul: a %s and b %s: want at least one dimension each (at_mul takes scalars)",
                       tn_shape_text(&a->value->shape), tn_shape_text(&b->value->shape));
    if (!check_dtypes("matmul", a, b)) return NULL;
    if (dims_a > 1 && dims_b > 1) return matmul(a, b);
    int64_t inner = a->value->shape.dim[dims_a - 1], other = b->value->shape.dim[dims_b > 1 ? dims_b - 2 : 0];
    if (inner != other)
        return at_fail(AT_ERROR_SHAPE,
                       "matmul: a %s and b %s: the last size of a (%" PRId64 ") must equal %s of b (%" PRId64 ")",
                       tn_shape_text(&a->value->shape), tn_shape_text(&b->value->shape), inner,
                       dims_b > 1 ? "the rows" : "the size", other);
    /* A vector is a row on the left and a column on the right; that dimension goes again. */
    if (dims_a == 1 && !(a = at_unsqueeze(a, 0))) return NULL;
    if (dims_b == 1 && !(b = at_unsqueeze(b, 1))) return NULL;
    at_tensor *y = matmul(a, b);
    if (y && dims_b == 1) y = at_squeeze(y, -1);
    return y && dims_a == 1 ? at_squeeze(y, dims_b == 1 ? -1 : -2) : y;
}
