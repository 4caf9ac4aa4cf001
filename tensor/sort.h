/* tensor/sort.h - sorting and selecting on raw arrays: what at_sort, at_argsort and at_topk do to each row.
 *
 * x, values and indices hold contiguous elements and do not overlap. values, which may be NULL, receives x's elements,
 * and indices where in x they stood. NaN is the greatest (last ascending, first descending); all NaNs are equal, and
 * so are -0.0 and 0.0. Equal elements stay in the order in which x has them, in both directions. scratch is memory
 * aligned for int64_t, of as many bytes as the function ..._scratch says; it may be NULL for 0. */
#ifndef ATLED_SORT_H
#define ATLED_SORT_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor.h"

int64_t tn_sort_scratch(at_dtype dtype, int64_t n);
void tn_sort(at_dtype dtype, int64_t n, const void *x, bool descending, void *values, int64_t *indices, void *scratch);

/* The k greatest of n elements, 0 <= k <= n, the greatest first. */
int64_t tn_topk_scratch(at_dtype dtype, int64_t n, int64_t k);
void tn_topk(at_dtype dtype, int64_t n, const void *x, int64_t k, void *values, int64_t *indices, void *scratch);

/* What tn_sort does with rows of 2^32 elements or more: slower, for any n, in 8 * n bytes of scratch. */
void tn_sort_by_merging(at_dtype dtype, int64_t n, const void *x, bool descending, int64_t *indices, int64_t *scratch);

#endif
