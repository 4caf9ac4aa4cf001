/* tensor/product.c - products of batches of matrices.
 *
 * Vector-shaped ones are elementwise products or sums of such: fused, and without a copy of either operand. The rest
 * goes to CBLAS where it is large, and through a plain loop where a call would cost more than the work. */
#include <string.h>

#include "reduce.h"

/* Below this many multiplications a call of CBLAS is not worth it. */
enum { SMALL_PRODUCT = 16 * 16 * 16 };

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

static tn_value *elementwise_product(tn_value *a, tn_value *b, const at_shape *shape) {
    tn_value *operands[] = {a, b};
    return tn_value_elementwise(TN_MUL, a->dtype, shape, operands, 2);
}

/* (batch, p, q) x (batch, q, 1): each row of a by the vector; b's column becomes a row to broadcast. */
static tn_value *matrix_by_vector(tn_value *a, tn_value *b, const at_shape *result) {
    at_shape row = {.ndim = 3, .dim = {b->shape.dim[0], 1, b->shape.dim[1]}};
    int64_t stride[] = {b->stride[0], 0, b->stride[1]};
    tn_value *vector = tn_value_view(b, &row, stride, b->offset);
    tn_value *product = vector ? elementwise_product(a, vector, &a->shape) : NULL;
    tn_value *y = product ? tn_value_reduce(TN_SUM, product, 2, 1, result) : NULL;
    tn_value_release(product);
    tn_value_release(vector);
    return y;
}

static tn_value *transposed(tn_value *x) {
    at_shape shape = {.ndim = 3, .dim = {x->shape.dim[0], x->shape.dim[2], x->shape.dim[1]}};
    int64_t stride[] = {x->stride[0], x->stride[2], x->stride[1]};
    return tn_value_view(x, &shape, stride, x->offset);
}

/* (batch, 1, q) x (batch, q, r): b's rows weighted by a and summed, or, where b's columns lie side by side, (b^T
 * a^T)^T. */
static tn_value *vector_by_matrix(tn_value *a, tn_value *b, const at_shape *result) {
    tn_value *column = transposed(a), *y = NULL;
    if (column && b->stride[1] == 1 && b->stride[2] != 1) {
        tn_value *bt = transposed(b);
        y = bt ? matrix_by_vector(bt, column, result) : NULL;
        tn_value_release(bt);
    } else if (column) {
        tn_value *product = elementwise_product(column, b, &b->shape);
        y = product ? tn_value_reduce(TN_SUM, product, 1, 1, result) : NULL;
        tn_value_release(product);
    }
    tn_value_release(column);
    return y;
}

/* ---- matrices ---------------------------------------------------------------------------------------------------- */

/* c += a b, with any strides: rows of b, scaled, added into rows of c. */
#define PLAIN_GEMM(name, type)                                                                                         \
    static void name(const tn_gemm *g) {                                                                               \
        int64_t a_row = g->a_transposed ? 1 : g->a_stride, a_column = g->a_transposed ? g->a_stride : 1;               \
        int64_t b_row = g->b_transposed ? 1 : g->b_stride, b_column = g->b_transposed ? g->b_stride : 1;               \
        const type *a = g->a, *b = g->b;                                                                               \
        for (int64_t i = 0; i < g->rows; i++) {                                                                        \
            type *restrict c = (type *)g->c + i * g->c_stride;                                                         \
            memset(c, 0, (size_t)g->columns * sizeof *c);                                                              \
            for (int64_t k = 0; k < g->inner; k++) {                                                                   \
                type factor = a[i * a_row + k * a_column];                                                             \
                const type *row = b + k * b_row;                                                                       \
                if (b_column == 1)                                                                                     \
                    for (int64_t j = 0; j < g->columns; j++) c[j] += factor * row[j];                                  \
                else                                                                                                   \
                    for (int64_t j = 0; j < g->columns; j++) c[j] += factor * row[j * b_column];                       \
            }                                                                                                          \
        }                                                                                                              \
    }
PLAIN_GEMM(plain_gemm_f32, float)
PLAIN_GEMM(plain_gemm_f64, double)
PLAIN_GEMM(plain_gemm_u64, uint64_t) /* int64 wraps around */

static bool multiply(at_dtype dtype, const tn_gemm *g) {
    bool small = g->rows * g->columns <= SMALL_PRODUCT && g->rows * g->columns * g->inner <= SMALL_PRODUCT;
    if (!small && tn_blas_gemm(dtype, g)) return true;
    if (dtype == AT_FLOAT32)
        plain_gemm_f32(g);
    else if (dtype == AT_FLOAT64)
        plain_gemm_f64(g);
    else
        plain_gemm_u64(g);
    return true;
}

/* Whether each matrix has its rows side by side (or its columns: *transposed), and how far apart they are. */
static bool matrix_layout(const tn_value *v, int64_t *row_stride, bool *is_transposed) {
    int64_t rows = v->shape.dim[1], columns = v->shape.dim[2];
    int64_t by_row = rows == 1 ? columns : v->stride[1], by_column = columns == 1 ? rows : v->stride[2];
    if ((columns == 1 || v->stride[2] == 1) && by_row >= columns)
        return *row_stride = by_row, *is_transposed = false, true;
    if ((rows == 1 || v->stride[1] == 1) && by_column >= rows)
        return *row_stride = by_column, *is_transposed = true, true;
    return false;
}

static tn_value *with_matrix_layout(tn_value *v, int64_t *row_stride, bool *is_transposed) {
    if (!tn_value_store(v)) return NULL;
    if (matrix_layout(v, row_stride, is_transposed)) return tn_value_retain(v);
    tn_value *copy = tn_value_contiguous(v);
    if (copy) matrix_layout(copy, row_stride, is_transposed);
    return copy;
}

static bool multiply_all(tn_value *a, tn_value *b, tn_value *y, tn_gemm *g) {
    size_t element = tn_dtype_size(y->dtype);
    const char *a_data = tn_data(a), *b_data = tn_data(b);
    char *y_data = tn_data(y);
    bool done = true;
    for (int64_t i = 0; i < y->shape.dim[0] && done; i++) {
        g->a = a_data + i * a->stride[0] * (int64_t)element;
        g->b = b_data + i * b->stride[0] * (int64_t)element;
        g->c = y_data + i * y->stride[0] * (int64_t)element;
        done = multiply(y->dtype, g);
    }
    return done;
}

static tn_value *matrix_by_matrix(tn_value *a, tn_value *b, const at_shape *result) {
    tn_gemm g = {.rows = result->dim[1],
                 .inner = a->shape.dim[2],
                 .columns = result->dim[2],
                 .c_stride = result->dim[2]};
    tn_value *x = with_matrix_layout(a, &g.a_stride, &g.a_transposed);
    tn_value *z = x ? with_matrix_layout(b, &g.b_stride, &g.b_transposed) : NULL;
    tn_value *y = z ? tn_value_new(a->dtype, result) : NULL;
    if (y && !multiply_all(x, z, y, &g)) {
        tn_value_release(y);
        y = NULL;
    }
    tn_value_release(z);
    tn_value_release(x);
    return y;
}

tn_value *tn_value_bmm(tn_value *a, tn_value *b) {
    at_shape result = {.ndim = 3, .dim = {a->shape.dim[0], a->shape.dim[1], b->shape.dim[2]}};
    int64_t inner = a->shape.dim[2];
    if (inner == 0 || tn_shape_numel(&result) == 0) return tn_value_full(a->dtype, &result, 0);
    if (inner == 1) return elementwise_product(a, b, &result);
    if (result.dim[2] == 1) return matrix_by_vector(a, b, &result);
    if (result.dim[1] == 1) return vector_by_matrix(a, b, &result);
    return matrix_by_matrix(a, b, &result);
}
