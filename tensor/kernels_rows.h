/* tensor/kernels_rows.h - sums and other reductions of rows, and softmax: the second part of kernels.c. */
#ifndef ATLED_KERNELS_ROWS_H
#define ATLED_KERNELS_ROWS_H

#include "kernels_elementwise.h"

/* ---- reductions -------------------------------------------------------------------------------------------------- */

/* Element i goes to lane i % LANES, and the lanes combine in a fixed tree. So the order depends on n alone, whatever
 * the width of the machine's vectors, and several of them are kept busy. */
enum { LANES = 32 };

/* combine is a macro of two operands, neutral the operand that changes nothing, element what is reduced: an expression
 * in its number i. In the last, partial turn the choice stands before the load: where the machine has masked loads this
 * is vector code as well. */
#define REDUCE_ROW(name, accumulator, neutral, combine, element, ...)                                                  \
    static inline accumulator few_##name(int64_t n, __VA_ARGS__) {                                                     \
        accumulator all = neutral;                                                                                     \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const accumulator x = (accumulator)(element);                                                              \
            all = combine(all, x);                                                                                     \
        }                                                                                                              \
        return all;                                                                                                    \
    }                                                                                                                  \
                                                                                                                       \
    static inline accumulator many_##name(int64_t n, __VA_ARGS__) {                                                    \
        accumulator lane[LANES];                                                                                       \
        int64_t whole = n / LANES * LANES;                                                                             \
        int32_t rest = (int32_t)(n - whole);                                                                           \
        for (int64_t j = 0; j < LANES; j++) lane[j] = neutral;                                                         \
        for (int64_t at = 0; at < whole; at += LANES) {                                                                \
            for (int64_t j = 0; j < LANES; j++) {                                                                      \
                const int64_t i = at + j;                                                                              \
                const accumulator x = (accumulator)(element);                                                          \
                lane[j] = combine(lane[j], x);                                                                         \
            }                                                                                                          \
        }                                                                                                              \
        if (rest > 0) {                                                                                                \
            for (int32_t j = 0; j < LANES; j++) {                                                                      \
                const int64_t i = whole + j;                                                                           \
                const accumulator x = j < rest ? (accumulator)(element) : (accumulator)neutral;                        \
                lane[j] = combine(lane[j], x);                                                                         \
            }                                                                                                          \
        }                                                                                                              \
        for (int64_t j = 0; j < 8; j++) {                                                                              \
            const accumulator x = combine(lane[j], lane[j + 8]), y = combine(lane[j + 16], lane[j + 24]);              \
            lane[j] = combine(x, y);                                                                                   \
        }                                                                                                              \
        for (int64_t j = 0; j < 4; j++) lane[j] = combine(lane[j], lane[j + 4]);                                       \
        for (int64_t j = 0; j < 2; j++) lane[j] = combine(lane[j], lane[j + 2]);                                       \
        return combine(lane[0], lane[1]);                                                                              \
    }

#define REDUCE(name, type, accumulator, neutral, combine)                                                              \
    REDUCE_ROW(name, accumulator, neutral, combine, in[i], const type *restrict in)                                    \
    static void name(int64_t rows, int64_t n, void *restrict results, const void *restrict elements) {                 \
        const type *in = elements;                                                                                     \
        accumulator *out = results;                                                                                    \
        for (int64_t r = 0; r < rows; r++, in += n) out[r] = n < 8 ? few_##name(n, in) : many_##name(n, in);           \
    }

#define SUM(x, y)     ((x) + (y))
#define PRODUCT(x, y) ((x) * (y))
#define ANY(x, y)     ((x) | (y))
#define ALL(x, y)     ((x) & (y))

REDUCE(sum_i64, uint64_t, uint64_t, 0, SUM)
REDUCE(sum_bool, byte, uint64_t, 0, SUM)
REDUCE(prod_f32, float, double, 1.0f, PRODUCT)
REDUCE(prod_f64, double, double, 1.0, PRODUCT)
REDUCE(prod_i64, uint64_t, uint64_t, 1, PRODUCT)
REDUCE(prod_bool, byte, uint64_t, 1, PRODUCT)
REDUCE(max_f32, float, float, -INFINITY, LARGER)
REDUCE(max_f64, double, double, -(double)INFINITY, LARGER)
REDUCE(max_i64, int64_t, int64_t, INT64_MIN, LARGER)
REDUCE(max_bool, byte, byte, 0, ANY)
REDUCE(min_f32, float, float, INFINITY, SMALLER)
REDUCE(min_f64, double, double, (double)INFINITY, SMALLER)
REDUCE(min_i64, int64_t, int64_t, INT64_MAX, SMALLER)
REDUCE(min_bool, byte, byte, 1, ALL)

/* Pairwise: the sum of LEAF doubles, and below of any number. Sums of 2^k leaves wait at level k for another of
 * their kind, as the digits of a binary counter do. */
enum { LEAF = 8 * LANES };

static inline double sum_of_lanes(double *lane) {
    for (int64_t j = 0; j < 8; j++) lane[j] = (lane[j] + lane[j + 8]) + (lane[j + 16] + lane[j + 24]);
    for (int64_t j = 0; j < 4; j++) lane[j] = lane[j] + lane[j + 4];
    return (lane[0] + lane[2]) + (lane[1] + lane[3]);
}

/* element is an expression in its number i, arguments in brackets what it reads: the names of the parameters. */
#define UNPACK(...) __VA_ARGS__

/* sums[j] += the elements number j, LANES + j, 2 LANES + j, ... of those from `at` to n. */
#define ADD_REST(type, sums, element)                                                                                  \
    for (; at + LANES <= n; at += LANES) {                                                                             \
        for (int64_t j = 0; j < LANES; j++) {                                                                          \
            const int64_t i = at + j;                                                                                  \
            sums[j] += (element);                                                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    const int32_t rest = (int32_t)(n - at);                                                                            \
    if (rest > 0) {                                                                                                    \
        for (int32_t j = 0; j < LANES; j++) {                                                                          \
            const int64_t i = at + j;                                                                                  \
            const type x = j < rest ? (element) : 0;                                                                   \
            sums[j] += x;                                                                                              \
        }                                                                                                              \
    }

#define SUM_ROW64(name, element, arguments, ...)                                                                       \
    static inline double leaf_of_##name(int64_t at, __VA_ARGS__) {                                                     \
        double lane[LANES];                                                                                            \
        for (int64_t j = 0; j < LANES; j++) {                                                                          \
            double x[LEAF / LANES];                                                                                    \
            for (int64_t k = 0, i = at + j; k < LEAF / LANES; k++, i += LANES) x[k] = (element);                       \
            lane[j] = ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));                               \
        }                                                                                                              \
        return sum_of_lanes(lane);                                                                                     \
    }                                                                                                                  \
                                                                                                                       \
    static inline double rest_of_##name(int64_t at, int64_t n, __VA_ARGS__) {                                          \
        double lane[LANES] = {0};                                                                                      \
        ADD_REST(double, lane, element)                                                                                \
        return sum_of_lanes(lane);                                                                                     \
    }                                                                                                                  \
                                                                                                                       \
    static double name(int64_t n, __VA_ARGS__) {                                                                       \
        double waiting[64], sum = 0;                                                                                   \
        int64_t leaves = n / LEAF;                                                                                     \
        int levels = 0;                                                                                                \
        for (int64_t l = 0; l < leaves; l++) {                                                                         \
            double leaf = leaf_of_##name(l * LEAF, UNPACK arguments);                                                  \
            for (int64_t digits = l; digits & 1; digits >>= 1) leaf = waiting[--levels] + leaf;                        \
            waiting[levels++] = leaf;                                                                                  \
        }                                                                                                              \
        if (n % LEAF > 0) sum = rest_of_##name(leaves * LEAF, n, UNPACK arguments);                                    \
        while (levels > 0) sum = waiting[--levels] + sum;                                                              \
        return sum;                                                                                                    \
    }

SUM_ROW64(sum_of_f64, in[i], (in), const double *restrict in)
SUM_ROW64(dot_of_f64, (a[i] * b[i]), (a, b), const double *restrict a, const double *restrict b)

static void sum_f64(int64_t rows, int64_t n, void *restrict results, const void *restrict elements) {
    for (int64_t r = 0; r < rows; r++) ((double *)results)[r] = sum_of_f64(n, (const double *)elements + r * n);
}

/* Sums of float32 add four elements in float32, and those sums in double: more exact than pairwise. */
#define SUM_ROW(name, element, ...)                                                                                    \
    static inline double name(int64_t n, __VA_ARGS__) {                                                                \
        double lane[LANES] = {0};                                                                                      \
        int64_t at = 0;                                                                                                \
        for (; at + 4 * LANES <= n; at += 4 * LANES) {                                                                 \
            for (int64_t j = 0; j < LANES; j++) {                                                                      \
                int64_t i = at + j;                                                                                    \
                float p = (element);                                                                                   \
                i += LANES;                                                                                            \
                float q = (element);                                                                                   \
                i += LANES;                                                                                            \
                float r = (element);                                                                                   \
                i += LANES;                                                                                            \
                float s = (element);                                                                                   \
                lane[j] += (double)((p + q) + (r + s));                                                                \
            }                                                                                                          \
        }                                                                                                              \
        float last[LANES] = {0};                                                                                       \
        ADD_REST(float, last, element)                                                                                 \
        for (int64_t j = 0; j < LANES; j++) lane[j] += (double)last[j];                                                \
        for (int64_t j = 0; j < 16; j++) lane[j] += lane[j + 16];                                                      \
        for (int64_t j = 0; j < 8; j++) lane[j] += lane[j + 8];                                                        \
        for (int64_t j = 0; j < 4; j++) lane[j] += lane[j + 4];                                                        \
        return (lane[0] + lane[1]) + (lane[2] + lane[3]);                                                              \
    }

SUM_ROW(sum_of_f32, in[i], const float *restrict in)
SUM_ROW(dot_of_f32, (a[i] * b[i]), const float *restrict a, const float *restrict b)

static void sum_f32(int64_t rows, int64_t n, void *restrict results, const void *restrict elements) {
    const float *x = elements;
    for (int64_t r = 0; r < rows; r++, x += n) ((double *)results)[r] = sum_of_f32(n, x);
}

/* Products are rounded to float32 before they are added up, as those of an elementwise multiplication are. */
#define DOT(suffix, type)                                                                                              \
    static void dot_##suffix(int64_t rows, int64_t n, double *restrict results, const void *restrict first,            \
                             int64_t a_row, const void *restrict second, int64_t b_row) {                              \
        const type *a = first, *b = second;                                                                            \
        for (int64_t r = 0; r < rows; r++, a += a_row, b += b_row) results[r] = dot_of_##suffix(n, a, b);              \
    }
DOT(f32, float)
DOT(f64, double)

#define ACCUMULATE_ROW(type, accumulator, combine)                                                                     \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
        const accumulator x = out[i], y = (accumulator)in[i];                                                          \
        out[i] = combine(x, y);                                                                                        \
    }

#define ACCUMULATE(name, type, accumulator, combine)                                                                   \
    static void name(int64_t rows, int64_t n, void *restrict accumulators, const void *restrict elements,              \
                     int64_t stride) {                                                                                 \
        accumulator *out = accumulators;                                                                               \
        const type *in = elements;                                                                                     \
        for (; rows > 0; rows--, in += stride) ACCUMULATE_ROW(type, accumulator, combine)                              \
    }

/* partial is what four rows are combined in. */
#define ACCUMULATE_FOURS(name, type, partial, accumulator, combine)                                                    \
    static void name(int64_t rows, int64_t n, void *restrict accumulators, const void *restrict elements,              \
                     int64_t stride) {                                                                                 \
        accumulator *out = accumulators;                                                                               \
        const type *in = elements;                                                                                     \
        for (; rows >= 4; rows -= 4, in += 4 * stride) {                                                               \
            const type *second = in + stride, *third = second + stride, *fourth = third + stride;                      \
            for (int64_t i = 0; i < n; i++) {                                                                          \
                const partial a = (partial)in[i], b = (partial)second[i], ab = combine(a, b);                          \
                const partial c = (partial)third[i], d = (partial)fourth[i], cd = combine(c, d);                       \
                const accumulator x = out[i], y = (accumulator)combine(ab, cd);                                        \
                out[i] = combine(x, y);                                                                                \
            }                                                                                                          \
        }                                                                                                              \
        for (; rows > 0; rows--, in += stride) ACCUMULATE_ROW(type, accumulator, combine)                              \
    }

ACCUMULATE_FOURS(add_to_f32, float, float, double, SUM)
ACCUMULATE_FOURS(add_to_f64, double, double, double, SUM)
ACCUMULATE_FOURS(add_to_i64, uint64_t, uint64_t, uint64_t, SUM)
ACCUMULATE_FOURS(add_to_bool, byte, uint64_t, uint64_t, SUM)
ACCUMULATE_FOURS(mul_to_f32, float, double, double, PRODUCT)
ACCUMULATE_FOURS(mul_to_f64, double, double, double, PRODUCT)
ACCUMULATE_FOURS(mul_to_i64, uint64_t, uint64_t, uint64_t, PRODUCT)
ACCUMULATE_FOURS(mul_to_bool, byte, uint64_t, uint64_t, PRODUCT)
ACCUMULATE(max_to_f32, float, float, LARGER)
ACCUMULATE(max_to_f64, double, double, LARGER)
ACCUMULATE(max_to_i64, int64_t, int64_t, LARGER)
ACCUMULATE(max_to_bool, byte, byte, ANY)
ACCUMULATE(min_to_f32, float, float, SMALLER)
ACCUMULATE(min_to_f64, double, double, SMALLER)
ACCUMULATE(min_to_i64, int64_t, int64_t, SMALLER)
ACCUMULATE(min_to_bool, byte, byte, ALL)

/* As add_to of the products of each row with one factor: those are rounded first, and added up in the same order. */
#define ADD_PRODUCTS(suffix, type)                                                                                     \
    static void add_products_##suffix(int64_t rows, int64_t n, double *restrict out, const void *restrict elements,    \
                                      int64_t stride, const void *restrict factors, int64_t factor_stride) {           \
        const type *in = elements, *factor = factors;                                                                  \
        for (; rows >= 4; rows -= 4, in += 4 * stride, factor += 4 * factor_stride) {                                  \
            const type *second = in + stride, *third = second + stride, *fourth = third + stride;                      \
            const type p = factor[0], q = factor[factor_stride];                                                       \
            const type r = factor[2 * factor_stride], s = factor[3 * factor_stride];                                   \
            for (int64_t i = 0; i < n; i++)                                                                            \
                out[i] += (double)((p * in[i] + q * second[i]) + (r * third[i] + s * fourth[i]));                      \
        }                                                                                                              \
        for (; rows > 0; rows--, in += stride, factor += factor_stride)                                                \
            for (int64_t i = 0; i < n; i++) out[i] += (double)(factor[0] * in[i]);                                     \
    }
ADD_PRODUCTS(f32, float)
ADD_PRODUCTS(f64, double)

/* x != x only for NaN */
#define EXTREME(name, type, order)                                                                                     \
    static void name(int64_t n, const void *restrict elements, int64_t turn, void *restrict best_,                     \
                     int64_t *restrict index) {                                                                        \
        const type *in = elements;                                                                                     \
        type *best = best_;                                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const type x = in[i], y = best[i];                                                                         \
            const int64_t before = index[i];                                                                           \
            const int better = ((x order y) | (x != x)) & (y == y);                                                    \
            best[i] = better ? x : y;                                                                                  \
            index[i] = better ? turn : before;                                                                         \
        }                                                                                                              \
    }

EXTREME(smallest_f32, float, <)
EXTREME(smallest_f64, double, <)
EXTREME(smallest_i64, int64_t, <)
EXTREME(smallest_bool, byte, <)
EXTREME(largest_f32, float, >)
EXTREME(largest_f64, double, >)
EXTREME(largest_i64, int64_t, >)
EXTREME(largest_bool, byte, >)

/* ---- for softmax ------------------------------------------------------------------------------------------------- */

/* out[i] = exp(x[i] - shift). x and out may be the same array, but do not overlap otherwise. The rest is padded, as in
 * REDUCE_ROW: a scalar exp costs as much as a vector of them. */
static inline void exp_from_f32(int64_t n, float *out, const float *x, float shift) {
    int64_t whole = n / 16 * 16;
    int32_t rest = (int32_t)(n - whole);
    if (x == out) { /* with one array there is no overlap to fear, which not every compiler sees by itself */
        for (int64_t i = 0; i < whole; i++) out[i] = tn_expf(out[i] - shift);
    } else {
        for (int64_t i = 0; i < whole; i++) out[i] = tn_expf(x[i] - shift);
    }
    if (rest) {
        float last[16];
        for (int32_t j = 0; j < 16; j++) {
            const float in = j < rest ? x[whole + j] : shift;
            last[j] = tn_expf(in - shift);
        }
        for (int32_t j = 0; j < 16; j++)
            if (j < rest) out[whole + j] = last[j];
    }
}

static double exp_shifted_f32(int64_t n, float *out, const float *x, float shift) {
    exp_from_f32(n, out, x, shift);
    return sum_of_f32(n, out);
}

static inline void exp_from_f64(int64_t n, double *out, const double *x, double shift) {
    if (x == out) { /* as above */
        for (int64_t i = 0; i < n; i++) out[i] = tn_exp(out[i] - shift);
    } else {
        for (int64_t i = 0; i < n; i++) out[i] = tn_exp(x[i] - shift);
    }
}

static double exp_shifted_f64(int64_t n, double *out, const double *x, double shift) {
    exp_from_f64(n, out, x, shift);
    return sum_of_f64(n, out);
}

static void scale_f32(int64_t n, float *x, float factor) {
    for (int64_t i = 0; i < n; i++) x[i] *= factor;
}

static void scale_f64(int64_t n, double *x, double factor) {
    for (int64_t i = 0; i < n; i++) x[i] *= factor;
}

/* x - shift first, as it is exact where x is near it. */
#define SUBTRACT(suffix, type)                                                                                         \
    static void subtract_##suffix(int64_t n, void *elements, double shift, double log_sum) {                           \
        type *x = elements;                                                                                            \
        for (int64_t i = 0; i < n; i++) x[i] = (type)(((double)x[i] - shift) - log_sum);                               \
    }
SUBTRACT(f32, float)
SUBTRACT(f64, double)

/* The largest element, found among integers of the same order, whose comparison makes vector code for short rows too. A
 * NaN may be passed over: the sum will be NaN where a row has one. */
#define TOP(suffix, type, integer, greatest)                                                                           \
    static inline type top_##suffix(int64_t n, const type *restrict in) {                                              \
        integer top = -greatest - 1;                                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            integer bits;                                                                                              \
            memcpy(&bits, &in[i], sizeof bits);                                                                        \
            const integer key = bits < 0 ? bits ^ greatest : bits;                                                     \
            top = key > top ? key : top;                                                                               \
        }                                                                                                              \
        top = top < 0 ? top ^ greatest : top;                                                                          \
        type largest;                                                                                                  \
        memcpy(&largest, &top, sizeof largest);                                                                        \
        return largest;                                                                                                \
    }

TOP(f32, float, int32_t, INT32_MAX)
TOP(f64, double, int64_t, INT64_MAX)

/* The exponentials of all rows in one loop: no row's end is worth less than a whole vector. */
#define SOFTMAX(suffix, type, exponential)                                                                             \
    static void softmax_##suffix(int64_t rows, int64_t n, void *elements) {                                            \
        type *x = elements;                                                                                            \
        for (int64_t r = 0; r < rows; r++) {                                                                           \
            const type top = top_##suffix(n, x + r * n);                                                               \
            for (int64_t i = r * n; i < (r + 1) * n; i++) x[i] -= top;                                                 \
        }                                                                                                              \
        for (int64_t i = 0; i < rows * n; i++) x[i] = exponential(x[i]);                                               \
        for (int64_t r = 0; r < rows; r++) {                                                                           \
            double sum = sum_of_##suffix(n, x + r * n);                                                                \
            scale_##suffix(n, x + r * n, (type)(1 / sum));                                                             \
        }                                                                                                              \
    }
SOFTMAX(f32, float, tn_expf)
SOFTMAX(f64, double, tn_exp)

#endif
