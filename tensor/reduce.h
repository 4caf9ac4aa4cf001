/* tensor/reduce.h - reductions, softmax and products of values. Their operands may be pending: they are pulled block by
 * block and, unless something else will read them too, never stored. */
#ifndef ATLED_REDUCE_H
#define ATLED_REDUCE_H

#include "internal.h"

/* x reduced over its dimensions first ... first + count - 1, in the shape result. Sums of integers and bools, and
 * products of bools, give int64. For TN_MAX and TN_MIN there is at least one element to each result. */
tn_value *tn_value_reduce(tn_reduction reduction, tn_value *x, int first, int count, const at_shape *result);

/* exp x / sum exp x along the last dimension, or its logarithm; floating point. */
tn_value *tn_value_softmax(tn_value *x, bool logarithm);

/* (batch, p, q) x (batch, q, r) of one dtype, not bool -> (batch, p, r). */
tn_value *tn_value_bmm(tn_value *a, tn_value *b);

/* C = A B for row-major matrices, or transposed ones, by CBLAS; false where there is none. */
typedef struct {
    int64_t rows, inner, columns;
    const void *a, *b;
    void *c;
    int64_t a_stride, b_stride, c_stride; /* between rows as they are stored */
    bool a_transposed, b_transposed;
} tn_gemm;
bool tn_blas_gemm(at_dtype dtype, const tn_gemm *g);

#endif
