/* tensor/parallel.h - cutting a range of work among threads. */
#ifndef ATLED_PARALLEL_H
#define ATLED_PARALLEL_H

#include <stdbool.h>
#include <stdint.h>

/* Calls body for pieces of 0 ... n that together are the whole, each beginning at a multiple of grain; a short range
 * goes in one piece, in the calling thread. Pieces write to different places, so how they are cut shows in no result.
 * False if a piece failed; its error is then the caller's. */
bool tn_parallel(int64_t n, int64_t grain, bool (*body)(void *context, int64_t start, int64_t end), void *context);

/* How many columns of (outer, n, columns) to take together, so that all threads have some, but at most so many. */
int64_t tn_parallel_columns(int64_t outer, int64_t columns, int64_t most);

#endif
