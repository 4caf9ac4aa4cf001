/* tests/fuzz/naive_internal.h - what the files of naive operations share. */
#ifndef ATLED_FUZZ_NAIVE_INTERNAL_H
#define ATLED_FUZZ_NAIVE_INTERNAL_H

#include "naive.h"

enum { MOST_ELEMENTS = 2048 }; /* of a tensor */

extern bool naive_full; /* a tensor did not fit */

/* ---- places ------------------------------------------------------------------------------------------------------ */

void index_of(const at_shape *shape, int64_t i, int64_t *index);
int64_t place_of(const at_shape *shape, const int64_t *index);
int broadcast_at(const naive *x, const at_shape *shape, int64_t i); /* the node of x that broadcasts to place i */
bool right_dim(const naive *x, int *dim);
at_shape with_dim(at_shape shape, int dim, int64_t n);
at_shape without_dim(at_shape shape, int dim);

/* x as (outer, n, inner) around dimension dim. */
typedef struct {
    int64_t outer, n, inner;
} around;

around look_around(const at_shape *shape, int dim);
int64_t around_place(const around *a, int64_t row, int64_t k);

/* ---- elements ---------------------------------------------------------------------------------------------------- */

extern const function_of_two binaries[BINARIES];
at_dtype wider(at_dtype a, at_dtype b);
int converted(int x, at_dtype dtype);
int converted_at(const naive *x, int64_t i, at_dtype dtype); /* the node of element i, converted */
int unary_node(int variant, int x, precision p);
int binary_node(int variant, int a, int b, at_dtype dtype);
bool truth(int x, bool *sure);

#endif
