/* tensor/select.h - copying the elements that indices or a mask choose. Elements are any of 1, 4 or 8 bytes. */
#ifndef ATLED_SELECT_H
#define ATLED_SELECT_H

#include "internal.h"

/* out[i] = x[indices[i]] */
void tn_take(size_t element, const void *x, int64_t n, const int64_t *indices, void *out);

/* A mask cut into blocks, so that threads know where the elements chosen by each block go. */
typedef struct {
    const bool *mask;
    int64_t n, count; /* of all, and of those chosen */
    tn_buffer *memory;
    int64_t *before; /* how many are chosen before each block */
} tn_mask;

/* False after reporting an error. tn_mask_end is due only where it succeeds. */
bool tn_mask_begin(tn_mask *m, const bool *mask, int64_t n);
void tn_mask_end(tn_mask *m);

/* out[0 ... count] = the elements of x[0 ... n] where the mask is true. */
void tn_mask_select(const tn_mask *m, size_t element, const void *x, void *out);
/* The other way round: out[0 ... n] = the elements of x[0 ... count] where the mask is true, zero elsewhere. */
void tn_mask_spread(const tn_mask *m, size_t element, const void *x, void *out);

#endif
