/* nn/internal.h - what the files of nn/ share. */
#ifndef ATLED_NN_INTERNAL_H
#define ATLED_NN_INTERNAL_H

#include <stdint.h>

#include "../tensor/random.h"
#include "module.h"

/* The ends of a constructor and of a forward that draw random numbers, or call what does: one that fails puts them back,
 * so that the next call draws what it would have drawn. before is the generator as it was at the beginning. */

/* self when all went well; otherwise frees it, with the parts that it has by now. */
void *nn_made(at_module *self, bool good, const tn_generator *before);

/* Hands y, unless it is NULL, to the enclosing scope. */
at_tensor *nn_given(at_tensor *y, const tn_generator *before);

/* Frees a child that could not become a part of the module, unless it has another owner or is what the module is in. */
void nn_free_refused(const at_module *module, at_module *child);

/* How many queries attention that stores no weights takes at a time: some 2^18 weights, which stay in a cache, but no
 * fewer than 8 queries, so that there is work for several threads. */
static inline int64_t nn_block_of_queries(int64_t n_keys) {
    const int64_t weights = 1 << 18, fewest = 4;
    return n_keys > weights / fewest ? fewest : weights / (n_keys > 0 ? n_keys : 1);
}

#endif
