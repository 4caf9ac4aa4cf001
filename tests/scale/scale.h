/* tests/scale/scale.h - programs at the ends of the range, each run in a process of its own on a stack of 256 KiB. */
#ifndef ATLED_TESTS_SCALE_H
#define ATLED_TESTS_SCALE_H

#include <stdio.h>
#include <stdlib.h>

#include "../../atled.h"

/* Ends the program where the condition does not hold. */
#define WANT(condition)                                                                                                \
    do {                                                                                                               \
        if (condition) break;                                                                                          \
        printf("\n%s:%d: %s does not hold (%s)\n", __FILE__, __LINE__, #condition,                                     \
               at_error() ? at_error() : "no error");                                                                  \
        fflush(stdout);                                                                                                \
        _Exit(EXIT_FAILURE);                                                                                           \
    } while (0)

int64_t resident_bytes(void); /* of this process; 0 where the system does not say */

/* size: how many operations, steps or elements. */
typedef void program(int64_t size);

/* graphs.c */
program long_chain_of_numbers, long_chain_of_vectors, long_chain_twice, doubled_graph, doubled_pending,
    long_pending_chain, many_kept_tensors, one_tensor_used_often, many_tensors_joined;
/* training.c */
program training_loop;
/* huge.c: size is a number of elements, 2^31 and some */
program huge_views, huge_reductions, huge_bools, huge_file, huge_floats, huge_pending, huge_gradients, huge_product,
    huge_softmax, huge_cumsum, huge_sort;

#endif
