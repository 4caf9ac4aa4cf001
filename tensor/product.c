/* tensor/product.c - products of matrices, alone or in batches.
 *
 * Vector-shaped ones are elementwise products or sums of such: fused, and without a copy of either operand. The rest
 * goes through gemm.c; what is so large that every element is used thousands of times, to CBLAS. */
#include <string.h>

#include "gemm.h"
#include "reduce.h"

/* From so many multiplications on, CBLAS gains more than the call costs. */
enum { LARGE_PRODUCT = 1 << 28 };

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

static tn_value *elementwise_product(tn_value *a, tn_value *b, const at_shape *shape) {
    tn_value *operands[] = {a, b};
    return tn_value_elementwise(TN_MUL, a->dtype, shape, operands, 2);
}

static tn_value *transposed(tn_value *x) {
    at_shape shape = x->shape;
    int64_t stride[AT_MAX_DIMS];
    int rows = shape.ndim - 2, columns = rows + 1;
    memcpy(stride, x->stride, sizeof stride);
    shape.dim[rows] = x->shape.dim[columns];
    shape.dim[columns] = x->shape.dim[rows];
    stride[rows] = x->stride[columns];
    stride[columns] = x->stride[rows];
    return tn_value_view(x, &shape, stride, x->offset);
}

static tn_value *sum_of_products(tn_value *a, tn_value *b, const at_shape *shape, int dim) {
    tn_value *product = a && b ? elementwise_product(a, b, shape) : NULL;
    tn_value *y = product ? tn_value_reduce(TN_SUM, product, 1u << dim) : NULL;
    tn_value_release(product);
    return y;
}

/* (p, q) x (q, 1): each row of a by the vector, which is made a row to broadcast. */
static tn_value *matrix_by_vector(tn_value *a, tn_value *b) {
    tn_value *row = transposed(b);
    tn_value *y = sum_of_products(a, row, &a->shape, a->shape.ndim - 1);
    tn_value_release(row);
    return y;
}

/* (1, q) x (q, r): b's rows weighted by a and summed. */
static tn_value *vector_by_matrix(tn_value *a, tn_value *b) {
    tn_value *column = transposed(a);
    tn_value *y = sum_of_products(column, b, &b->shape, b->shape.ndim - 2);
    tn_value_release(column);
    return y;
}

/* ---- matrices ---------------------------------------------------------------------------------------------------- */

/* How many matrices there are, and how far apart they begin. */
static int64_t batch_of(const tn_value *v) { return v->shape.ndim > 2 ? v->shape.dim[0] : 1; }
static int64_t batch_stride(const tn_value *v) { return v->shape.ndim > 2 ? v->stride[0] : 0; }

/* By CBLAS, one after another. */
static bool large_products(const tn_gemm *g, const tn_value *a, const tn_value *b, const tn_value *y) {
    int64_t element = (int64_t)tn_dtype_size(y->dtype);
    if (g->rows * g->columns < LARGE_PRODUCT / g->inner) return false;
    for (int64_t i = 0; i < batch_of(y); i++) {
        tn_gemm one = *g;
        one.a = (const char *)g->a + i * batch_stride(a) * element;
        one.b = (const char *)g->b + i * batch_stride(b) * element;
        one.c = (char *)g->c + i * batch_stride(y) * element;
        if (!tn_blas_gemm(y->dtype, &one)) return false;
    }
    return true;
}

static tn_value *matrix_by_matrix(tn_value *a, tn_value *b, const at_shape *result) {
    tn_value *y = tn_value_store(a) && tn_value_store(b) ? tn_value_new(a->dtype, result) : NULL;
    if (!y) return NULL;
    int rows = result->ndim - 2, columns = rows + 1;
    tn_gemm g = {.rows = result->dim[rows],
                 .inner = a->shape.dim[columns],
                 .columns = result->dim[columns],
                 .a = tn_data(a),
                 .b = tn_data(b),
                 .c = tn_data(y),
                 .a_row = a->stride[rows],
                 .a_column = a->stride[columns],
                 .b_row = b->stride[rows],
                 .b_column = b->stride[columns],
                 .c_row = result->dim[columns]};
    if (large_products(&g, a, b, y) ||
        tn_gemm_batch(y->dtype, &g, batch_of(y), batch_stride(a), batch_stride(b), batch_stride(y)))
        return y;
    tn_value_release(y);
    return NULL;
}

tn_value *tn_value_bmm(tn_value *a, tn_value *b) {
    at_shape result = a->shape;
    int rows = result.ndim - 2, columns = rows + 1;
    int64_t inner = a->shape.dim[columns];
    result.dim[columns] = b->shape.dim[columns];
    if (inner == 0 || tn_shape_numel(&result) == 0) return tn_value_full(a->dtype, &result, 0);
    if (inner == 1) return elementwise_product(a, b, &result);
    if (result.dim[columns] == 1) return matrix_by_vector(a, b);
    if (result.dim[rows] == 1) return vector_by_matrix(a, b);
    return matrix_by_matrix(a, b, &result);
}
