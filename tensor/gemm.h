/* tensor/gemm.h - products of matrices.
 *
 * gemm_kernels.c is compiled once for each instruction set, as kernels.c is, and knows of blocks that fit in the caches;
 * gemm.c cuts any product into such blocks, and these among threads. */
#ifndef ATLED_GEMM_H
#define ATLED_GEMM_H

#include "kernels.h"

/* C = A B. Strides in elements: any for A and B, so that transposed, sliced and broadcast matrices go without copies;
 * the elements of a row of C lie side by side. */
typedef struct {
    int64_t rows, inner, columns;
    const void *a, *b;
    void *c;
    int64_t a_row, a_column, b_row, b_column, c_row;
    int64_t a_tile; /* within gemm.c: a_row from tile to tile of rows */
} tn_gemm;

enum { TN_PANEL_BYTES = 128 }; /* the widest row of a panel */

struct tn_gemm_kernels {
    int tile_rows;        /* of a tile, what a kernel keeps in registers */
    int panel[TN_DTYPES]; /* columns of a panel: what a kernel goes through at once */
    /* C = A B, or C += A B. The elements of a row of B lie side by side. Each element of C is added up in the order of
     * the inner dimension, however the matrices are cut into blocks. Not for bool. */
    void (*block[TN_DTYPES])(const tn_gemm *g, bool add);
    /* Copies part of a matrix into rows that are width elements apart. */
    void (*pack[TN_DTYPES])(int64_t rows, int64_t columns, int64_t width, void *out, const void *x, int64_t x_row,
                            int64_t x_column);
};

/* All products i = 0 ... batch - 1, whose matrices begin at g->a + i a_batch and so on, counted in elements. */
bool tn_gemm_batch(at_dtype dtype, const tn_gemm *g, int64_t batch, int64_t a_batch, int64_t b_batch, int64_t c_batch);

/* The same for one product by CBLAS; false where there is none, or where it cannot say how the matrices lie. */
bool tn_blas_gemm(at_dtype dtype, const tn_gemm *g);

#endif
