/* nn/internal.h - what the files of nn/ share. */
#ifndef ATLED_NN_INTERNAL_H
#define ATLED_NN_INTERNAL_H

#include <stdint.h>

#include "module.h"

/* The end of a constructor: self when all went well; otherwise frees it, with the parts that it has by now. */
static inline void *nn_made(at_module *self, bool good) {
    if (good) return self;
    at_module_free(self);
    return NULL;
}

/* How many queries attention that stores no weights takes at a time: some 2^18 weights, which stay in a cache, but no
 * fewer than 8 queries, so that there is work for several threads. */
static inline int64_t nn_block_of_queries(int64_t n_keys) {
    const int64_t weights = 1 << 18, fewest = 4;
    return n_keys > weights / fewest ? fewest : weights / (n_keys > 0 ? n_keys : 1);
}

#endif
