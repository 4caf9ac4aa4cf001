/* tensor/reduce.h - reductions, softmax and products of values. Their operands may be pending: they are pulled block by
 * block and, unless something else will read them too, never stored. */
#ifndef ATLED_REDUCE_H
#define ATLED_REDUCE_H

#include "internal.h"

/* x reduced over the dimensions whose bits are set, which keep size 1. Sums of integers and bools, and products of
 * bools, give int64. For TN_MAX and TN_MIN there is at least one element to each result. */
tn_value *tn_value_reduce(tn_reduction reduction, tn_value *x, unsigned dims);

/* The sums along the last dimension, which keeps size 1, of a float32 x, for something that has x's shape: pending where
 * that is worth while, and then computed along with what reads it. */
tn_value *tn_value_row_sum(tn_value *x);
bool tn_value_store_row_sum(tn_value *v); /* of a pending TN_ROW_SUM */

/* The index of the first largest or smallest element along dimension dim, which keeps size 1; a NaN comes before
 * everything. The dimension has elements. */
tn_value *tn_value_extreme(tn_value *x, int dim, bool largest);

/* exp x / sum exp x along dimension dim, or its logarithm; floating point. */
tn_value *tn_value_softmax(tn_value *x, int dim, bool logarithm);

/* (p, q) x (q, r) -> (p, r), or (batch, p, q) x (batch, q, r) -> (batch, p, r); of one dtype, not bool. */
tn_value *tn_value_bmm(tn_value *a, tn_value *b);

#endif
