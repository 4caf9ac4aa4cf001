/* tensor/kernels.h - the loops over contiguous elements that all computing comes down to.
 *
 * kernels.c is compiled once for each instruction set and fills one tn_kernels table each time; tn_kernels_get chooses
 * by the processor at run time. A kernel knows nothing of shapes: it runs over n elements that lie side by side. */
#ifndef ATLED_KERNELS_H
#define ATLED_KERNELS_H

#include <stdint.h>

#include "tensor.h"

enum { TN_DTYPES = 4 };

/* Elementwise instructions. The dtype that chooses a kernel is the operands': a comparison of float32 is found under
 * AT_FLOAT32 and writes bools. Kernels exist where "dtypes" says: F float32 and float64, I int64, B bool. */
/* clang-format off */
#define TN_UNARY(X)                                                                        \
    X(COPY) /* F I B */                                                                    \
    X(NEG) X(ABS) X(SIGN) X(SQUARE) X(RELU) /* F I */                                      \
    X(EXP) X(LOG) X(LOG1P) X(EXPM1) X(SQRT) X(RSQRT) X(RECIPROCAL) /* F */                 \
    X(SIN) X(COS) X(TAN) X(TANH) X(SIGMOID) X(SILU) X(ERF) X(FLOOR) X(CEIL) X(ROUND) /* F */ \
    X(NOT) /* B */
#define TN_BINARY(X)                                                                       \
    X(ADD) X(SUB) X(MUL) X(MAXIMUM) X(MINIMUM) X(POW) /* F I */                            \
    X(DIV) /* F */                                                                         \
    X(EQ) X(NE) X(LT) X(LE) X(GT) X(GE) /* F I, to bool */                                 \
    X(AND) X(OR) /* B */
#define TN_TERNARY(X) X(WHERE) /* a bool, then two of F I B */

#define TN_OP_NAME(op) TN_##op,
typedef enum {
    TN_UNARY(TN_OP_NAME)
    TN_BINARY(TN_OP_NAME)
    TN_TERNARY(TN_OP_NAME)
    TN_OPS
} tn_op;
#undef TN_OP_NAME
/* clang-format on */

/* out[i] = f(a[i], b[i], c[i]); out overlaps no operand. Unused operands are NULL. */
typedef void tn_elementwise(int64_t n, void *out, const void *a, const void *b, const void *c);

/* An operand may be one element that stands for all n ("scalar"). The form of a kernel has bit 0 set when a is scalar,
 * bit 1 for b, bit 2 for c. Unary operations have form 0; binary ones 0, 1 and 2; WHERE 0, 2, 4 and 6 (its condition
 * is never scalar). Other entries are NULL. */
enum { TN_FORMS = 8, TN_A_SCALAR = 1, TN_B_SCALAR = 2, TN_C_SCALAR = 4 };

/* Two instructions in one pass over memory: out[i] = second(first(a[i], b[i]), c[i]). The operand of NEG is given as both
 * a and b. SUB_FROM is c - first. Exist for float32 only, in the forms that leave something to vary. */
typedef enum { TN_FIRST_ADD, TN_FIRST_SUB, TN_FIRST_MUL, TN_FIRST_NEG, TN_FIRSTS } tn_first;
typedef enum {
    TN_THEN_ADD,
    TN_THEN_SUB,
    TN_THEN_SUB_FROM,
    TN_THEN_MUL,
    TN_THEN_SQUARE, /* this and the next two have no operand c */
    TN_THEN_NEG,
    TN_THEN_RELU,
    TN_SECONDS
} tn_second;

/* Reductions of rows of n >= 1 elements each, all side by side, to one accumulator for each. */
typedef void tn_reduce(int64_t rows, int64_t n, void *accumulators, const void *x);
/* accumulator[i] = accumulator[i] (+, *, max, min) x[r * stride + i] for n accumulators and each of the rows. Sums and
 * products take four rows at a time as far as they go; sums of float32 add those four in float32. */
typedef void tn_accumulate(int64_t rows, int64_t n, void *accumulators, const void *x, int64_t stride);

/* Where x[i] is larger (smaller) than best[i], or the first NaN, it becomes best[i], and turn becomes index[i]. */
typedef void tn_extreme(int64_t n, const void *x, int64_t turn, void *best, int64_t *index);

/* What a sum or product accumulates in: double for float32 and float64, int64_t for int64 and bool. Largest and
 * smallest are of the dtype itself; NaN wins over everything. */
typedef enum { TN_SUM, TN_PROD, TN_MAX, TN_MIN, TN_REDUCTIONS } tn_reduction;

typedef struct {
    const char *level; /* "baseline", "avx2", "avx512" */
    tn_elementwise *elementwise[TN_OPS][TN_DTYPES][TN_FORMS];
    tn_elementwise *pair[TN_FIRSTS][TN_SECONDS][TN_FORMS];
    tn_elementwise *cast[TN_DTYPES][TN_DTYPES];  /* [from][to]; to bool: != 0; float to int64: towards zero */
    tn_reduce *reduce[TN_REDUCTIONS][TN_DTYPES]; /* bool: SUM and PROD to int64_t, MAX is any, MIN is all */
    tn_accumulate *accumulate[TN_REDUCTIONS][TN_DTYPES];
    tn_extreme *extreme[2][TN_DTYPES]; /* [0] for the smallest, [1] for the largest */
    /* sum of n accumulators (double or int64_t, dtype says whose), pairwise or better, to one */
    tn_reduce *reduce_add[TN_DTYPES];
    /* the sums of a[i] * b[i] over rows of n >= 1 elements, each a_row or b_row after the one before it. AT_FLOAT32,
     * AT_FLOAT64. */
    void (*dot[2])(int64_t rows, int64_t n, double *sums, const void *a, int64_t a_row, const void *b, int64_t b_row);
    /* sums[i] += factors[r * factor_stride] * x[r * stride + i], as accumulate does. AT_FLOAT32, AT_FLOAT64. */
    void (*add_products[2])(int64_t rows, int64_t n, double *sums, const void *x, int64_t stride, const void *factors,
                            int64_t factor_stride);

    /* out[i] = exp(x[i] - shift); returns their sum. x and out may be the same array. AT_FLOAT32, AT_FLOAT64. */
    double (*exp_shifted_f32)(int64_t n, float *out, const float *x, float shift);
    double (*exp_shifted_f64)(int64_t n, double *out, const double *x, double shift);
    void (*scale_f32)(int64_t n, float *x, float factor); /* in place: x[i] *= factor */
    void (*scale_f64)(int64_t n, double *x, double factor);
    /* in place: x[i] = x[i] - shift - log_sum, in double. AT_FLOAT32, AT_FLOAT64. */
    void (*subtract[2])(int64_t n, void *x, double shift, double log_sum);
    /* rows of n elements, in place. AT_FLOAT32, AT_FLOAT64. */
    void (*softmax[2])(int64_t rows, int64_t n, void *x);

    /* Elements of 1, 4 and 8 bytes, indexed by log2 of the size (0, 2, 3). */
    void (*fill[4])(int64_t n, void *out, const void *element);
    /* row r of n elements is filled with x[r * stride]; stride in elements */
    void (*fill_rows[4])(int64_t rows, int64_t n, void *out, const void *x, int64_t stride);
    /* out[i] = x[i * stride]; stride in elements, may be negative or 0 */
    void (*gather[4])(int64_t n, void *out, const void *x, int64_t stride);
    /* out[r * n + i] = x[r + i * stride] for r < rows */
    void (*transpose[4])(int64_t rows, int64_t n, void *out, const void *x, int64_t stride);
    void (*spread[4])(int64_t n, void *out, int64_t stride, const void *x); /* out[i * stride] = x[i] */

    const struct tn_gemm_kernels *gemm; /* blocks of matrix products: gemm.h */

    /* keys[i] = the key of x[i], see keys.h, with those bits turned round that are set in turned */
    void (*keys[TN_DTYPES])(int64_t n, uint64_t *keys, const void *x, uint64_t turned);
} tn_kernels;

/* The best table for this processor, or the one that ATLED_KERNELS=baseline|avx2|avx512 in the environment names. */
const tn_kernels *tn_kernels_get(void);

#endif
