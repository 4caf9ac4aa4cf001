/* tensor/kernels.c - the loops over contiguous elements; see kernels.h.
 *
 * This file is compiled once for each instruction set, with TN_LEVEL naming it. The loops are written so plainly
 * that the compiler turns them into vector code by itself: unit strides, restrict, and selections between computed
 * values in place of branches. Each macro below is one form of loop, each line that uses it one kernel: its name,
 * element types, and the expression that it evaluates. */
#include "kernels.h"
#include "keys.h"
#include "vector_math.h"
#include "vector_math64.h"

#define TN_PASTE_(a, b) a##b
#define TN_PASTE(a, b)  TN_PASTE_(a, b)
#define TN_QUOTE_(x)    #x
#define TN_QUOTE(x)     TN_QUOTE_(x)
#define TN_TABLE        TN_PASTE(tn_kernels_, TN_LEVEL)

/* A bool element in memory is a byte, 0 or 1. */
typedef uint8_t byte;

/* ---- forms of elementwise loops ---------------------------------------------------------------------------------- */

#define ELEMENTWISE(name)                                                                                              \
    static void name(int64_t n, void *restrict out_, const void *restrict a_, const void *restrict b_,                 \
                     const void *restrict c_)

/* out[i] = expression in x = a[i] */
#define UNARY(name, from, to, expression)                                                                              \
    ELEMENTWISE(name) {                                                                                                \
        const from *a = a_;                                                                                            \
        to *out = out_;                                                                                                \
        (void)b_, (void)c_;                                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const from x = a[i];                                                                                       \
            out[i] = (to)(expression);                                                                                 \
        }                                                                                                              \
    }

/* out[i] = expression in x = a[a_index] and y = b[b_index], where an index is i, or 0 for a scalar */
#define BINARY_LOOP(name, from, to, a_index, b_index, expression)                                                      \
    ELEMENTWISE(name) {                                                                                                \
        const from *a = a_, *b = b_;                                                                                   \
        to *out = out_;                                                                                                \
        (void)c_;                                                                                                      \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const from x = a[a_index], y = b[b_index];                                                                 \
            out[i] = (to)(expression);                                                                                 \
        }                                                                                                              \
    }

#define BINARY(name, from, to, expression)                                                                             \
    BINARY_LOOP(name, from, to, i, i, expression)                                                                      \
    BINARY_LOOP(name##_scalar_a, from, to, 0, i, expression)                                                           \
    BINARY_LOOP(name##_scalar_b, from, to, i, 0, expression)

/* out[i] = a[i] ? b[i] : c[i]. Both are loaded before the choice, which makes it a selection and not a branch. */
#define WHERE_LOOP(name, type, b_index, c_index)                                                                       \
    ELEMENTWISE(name) {                                                                                                \
        const byte *a = a_;                                                                                            \
        const type *b = b_, *c = c_;                                                                                   \
        type *out = out_;                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const type x = b[b_index], y = c[c_index];                                                                 \
            out[i] = a[i] ? x : y;                                                                                     \
        }                                                                                                              \
    }

#define WHERE(name, type)                                                                                              \
    WHERE_LOOP(name, type, i, i)                                                                                       \
    WHERE_LOOP(name##_scalar_b, type, 0, i)                                                                            \
    WHERE_LOOP(name##_scalar_c, type, i, 0)                                                                            \
    WHERE_LOOP(name##_scalar_bc, type, 0, 0)

/* ---- one operand ------------------------------------------------------------------------------------------------- */

UNARY(copy_f32, float, float, x)
UNARY(copy_f64, double, double, x)
UNARY(copy_i64, int64_t, int64_t, x)
UNARY(copy_bool, byte, byte, x)
UNARY(logical_not_bool, byte, byte, !x)

UNARY(neg_f32, float, float, -x)
UNARY(abs_f32, float, float, fabsf(x))
UNARY(sign_f32, float, float, (float)((x > 0.0f) - (x < 0.0f)))
UNARY(square_f32, float, float, (x * x))
UNARY(relu_f32, float, float, x < 0.0f ? 0.0f : x)
UNARY(sqrt_f32, float, float, sqrtf(x))
UNARY(rsqrt_f32, float, float, 1.0f / sqrtf(x))
UNARY(reciprocal_f32, float, float, 1.0f / x)
UNARY(floor_f32, float, float, tn_floorf(x))
UNARY(ceil_f32, float, float, tn_ceilf(x))
UNARY(round_f32, float, float, tn_roundf(x))

UNARY(neg_f64, double, double, -x)
UNARY(abs_f64, double, double, fabs(x))
UNARY(sign_f64, double, double, (double)((x > 0.0) - (x < 0.0)))
UNARY(square_f64, double, double, (x * x))
UNARY(relu_f64, double, double, x < 0.0 ? 0.0 : x)
UNARY(sqrt_f64, double, double, sqrt(x))
UNARY(rsqrt_f64, double, double, 1.0 / sqrt(x))
UNARY(reciprocal_f64, double, double, 1.0 / x)
UNARY(floor_f64, double, double, tn_floor(x))
UNARY(ceil_f64, double, double, tn_ceil(x))
UNARY(round_f64, double, double, tn_round(x))

/* Integers wrap: unsigned arithmetic, whose bits are the same. */
UNARY(neg_i64, uint64_t, uint64_t, 0 - x)
UNARY(abs_i64, uint64_t, uint64_t, x >> 63 ? 0 - x : x)
UNARY(sign_i64, int64_t, int64_t, (x > 0) - (x < 0))
UNARY(square_i64, uint64_t, uint64_t, (x * x))
UNARY(relu_i64, int64_t, int64_t, x < 0 ? 0 : x)

UNARY(exp_f32, float, float, tn_expf(x))
UNARY(log_f32, float, float, tn_logf(x))
UNARY(log1p_f32, float, float, tn_log1pf(x))
UNARY(expm1_f32, float, float, tn_expm1f(x))
UNARY(tanh_f32, float, float, tn_tanhf(x))
UNARY(sigmoid_f32, float, float, tn_sigmoidf(x))
UNARY(silu_f32, float, float, tn_siluf(x))
UNARY(erf_f32, float, float, tn_erff(x))

UNARY(exp_f64, double, double, tn_exp(x))
UNARY(log_f64, double, double, tn_log(x))
UNARY(log1p_f64, double, double, tn_log1p(x))
UNARY(expm1_f64, double, double, tn_expm1(x))
UNARY(tanh_f64, double, double, tn_tanh(x))
UNARY(sigmoid_f64, double, double, tn_sigmoid(x))
UNARY(silu_f64, double, double, tn_silu(x))
UNARY(erf_f64, double, double, tn_erf(x))

/* Angles too large for the vector code are rare: they are computed again, one by one. */
#define TRIGONOMETRIC(name, type, limit, vector_function, library_function)                                            \
    ELEMENTWISE(name) {                                                                                                \
        const type *a = a_;                                                                                            \
        type *out = out_;                                                                                              \
        int any_large = 0;                                                                                             \
        (void)b_, (void)c_;                                                                                            \
        for (int64_t i = 0; i < n; i++) out[i] = vector_function(a[i]);                                                \
        for (int64_t i = 0; i < n; i++) any_large |= (a[i] > (limit)) | (a[i] < -(limit));                             \
        if (!any_large) return;                                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            if (a[i] > (limit) || a[i] < -(limit)) out[i] = (type)library_function((double)a[i]);                      \
        }                                                                                                              \
    }

TRIGONOMETRIC(sin_f32, float, TN_TRIGONOMETRIC_LIMIT, tn_sinf, sin)
TRIGONOMETRIC(cos_f32, float, TN_TRIGONOMETRIC_LIMIT, tn_cosf, cos)
TRIGONOMETRIC(tan_f32, float, TN_TRIGONOMETRIC_LIMIT, tn_tanf, tan)
TRIGONOMETRIC(sin_f64, double, TN_TRIGONOMETRIC64_LIMIT, tn_sin, sin)
TRIGONOMETRIC(cos_f64, double, TN_TRIGONOMETRIC64_LIMIT, tn_cos, cos)
TRIGONOMETRIC(tan_f64, double, TN_TRIGONOMETRIC64_LIMIT, tn_tan, tan)

/* ---- two operands ------------------------------------------------------------------------------------------------ */

#define ARITHMETIC(suffix, type)                                                                                       \
    BINARY(add_##suffix, type, type, x + y)                                                                            \
    BINARY(sub_##suffix, type, type, x - y)                                                                            \
    BINARY(mul_##suffix, type, type, (x * y))

/* Of two, NaN wins (y == y unless it is NaN): what comes of x, the accumulator of reductions, takes one comparison. */
#define LARGER(x, y)  ((((y) == (y)) & !((x) <= (y))) ? (x) : (y))
#define SMALLER(x, y) ((((y) == (y)) & !((x) >= (y))) ? (x) : (y))

#define ORDER(suffix, type)                                                                                            \
    BINARY(maximum_##suffix, type, type, LARGER(x, y))                                                                 \
    BINARY(minimum_##suffix, type, type, SMALLER(x, y))                                                                \
    BINARY(eq_##suffix, type, byte, x == y)                                                                            \
    BINARY(ne_##suffix, type, byte, x != y)                                                                            \
    BINARY(lt_##suffix, type, byte, x < y)                                                                             \
    BINARY(le_##suffix, type, byte, x <= y)                                                                            \
    BINARY(gt_##suffix, type, byte, x > y)                                                                             \
    BINARY(ge_##suffix, type, byte, x >= y)

ARITHMETIC(f32, float)
ARITHMETIC(f64, double)
ARITHMETIC(i64, uint64_t)
BINARY(div_f32, float, float, x / y)
BINARY(div_f64, double, double, x / y)
ORDER(f32, float)
ORDER(f64, double)
ORDER(i64, int64_t)
BINARY(logical_and_bool, byte, byte, (x & y))
BINARY(logical_or_bool, byte, byte, x | y)

/* By squaring, wrapping. A negative power is the truncated reciprocal: 0 but for 1 and -1; 0 for 0 too. */
static int64_t power_of_integer(int64_t base, int64_t exponent) {
    uint64_t result = 1, square = (uint64_t)base;
    if (exponent < 0) {
        if (base == -1) return exponent & 1 ? -1 : 1;
        return base == 1;
    }
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1) result *= square;
        square *= square;
    }
    return (int64_t)result;
}

BINARY(pow_i64, int64_t, int64_t, power_of_integer(x, y))
BINARY_LOOP(pow_f32, float, float, i, i, tn_powf(x, y))
BINARY_LOOP(pow_f32_scalar_a, float, float, 0, i, tn_powf(x, y))
BINARY_LOOP(any_pow_f32_scalar_b, float, float, i, 0, tn_powf(x, y))
BINARY_LOOP(pow_f64, double, double, i, i, pow(x, y))
BINARY_LOOP(pow_f64_scalar_a, double, double, 0, i, pow(x, y))
BINARY_LOOP(any_pow_f64_scalar_b, double, double, i, 0, pow(x, y))

/* A fixed power is mostly a square, or the first power that its derivative has. */
#define POW_SCALAR_B(suffix, type)                                                                                     \
    ELEMENTWISE(pow_##suffix##_scalar_b) {                                                                             \
        const type exponent = *(const type *)b_;                                                                       \
        tn_elementwise *kernel = exponent == 2   ? square_##suffix                                                     \
                                 : exponent == 1 ? copy_##suffix                                                       \
                                                 : any_pow_##suffix##_scalar_b;                                        \
        kernel(n, out_, a_, b_, c_);                                                                                   \
    }

POW_SCALAR_B(f32, float)
POW_SCALAR_B(f64, double)

WHERE(where_f32, float)
WHERE(where_f64, double)
WHERE(where_i64, int64_t)
WHERE(where_bool, byte)

/* ---- pairs of instructions --------------------------------------------------------------------------------------- */

/* out[i] = second in u and z = c_element, where u is first in x = a_element and y = b_element */
#define PAIR_LOOP(name, a_element, b_element, c_element, first, second)                                                \
    ELEMENTWISE(name) {                                                                                                \
        const float *a = a_, *b = b_, *c = c_;                                                                         \
        float *out = out_;                                                                                             \
        (void)c;                                                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const float x = a_element, y = b_element, z = c_element;                                                   \
            const float u = (first);                                                                                   \
            out[i] = (second);                                                                                         \
            (void)y, (void)z;                                                                                          \
        }                                                                                                              \
    }

#define PAIR(name, first, second)                                                                                      \
    PAIR_LOOP(name, a[i], b[i], c[i], first, second)                                                                   \
    PAIR_LOOP(name##_scalar_a, a[0], b[i], c[i], first, second)                                                        \
    PAIR_LOOP(name##_scalar_b, a[i], b[0], c[i], first, second)                                                        \
    PAIR_LOOP(name##_scalar_ab, a[0], b[0], c[i], first, second)                                                       \
    PAIR_LOOP(name##_scalar_c, a[i], b[i], c[0], first, second)                                                        \
    PAIR_LOOP(name##_scalar_ac, a[0], b[i], c[0], first, second)                                                       \
    PAIR_LOOP(name##_scalar_bc, a[i], b[0], c[0], first, second)
#define PAIR_WITHOUT_C(name, first, second)                                                                            \
    PAIR_LOOP(name, a[i], b[i], 0.0f, first, second)                                                                   \
    PAIR_LOOP(name##_scalar_a, a[0], b[i], 0.0f, first, second)                                                        \
    PAIR_LOOP(name##_scalar_b, a[i], b[0], 0.0f, first, second)
#define SECONDS(name, first)                                                                                           \
    PAIR(name##_add, first, u + z)                                                                                     \
    PAIR(name##_sub, first, u - z)                                                                                     \
    PAIR(name##_sub_from, first, z - u)                                                                                \
    PAIR(name##_mul, first, u *z)                                                                                      \
    PAIR_WITHOUT_C(name##_square, first, u *u)                                                                         \
    PAIR_WITHOUT_C(name##_neg, first, -u)                                                                              \
    PAIR_WITHOUT_C(name##_relu, first, u < 0.0f ? 0.0f : u)

SECONDS(add, x + y)
SECONDS(sub, x - y)
SECONDS(mul, x *y)
SECONDS(neg, -x)

/* ---- casts ------------------------------------------------------------------------------------------------------- */

/* Towards zero; what does not fit, NaN included, gives the smallest integer, as the processor's own instruction
 * does. */
static inline int64_t int64_from_float(float x) {
    int fits = (x >= -0x1p63f) & (x < 0x1p63f);
    return fits ? (int64_t)x : INT64_MIN;
}

static inline int64_t int64_from_double(double x) {
    int fits = (x >= -0x1p63) & (x < 0x1p63);
    return fits ? (int64_t)x : INT64_MIN;
}

UNARY(cast_f32_f64, float, double, x)
UNARY(cast_f32_i64, float, int64_t, int64_from_float(x))
UNARY(cast_f32_bool, float, byte, x != 0.0f)
UNARY(cast_f64_f32, double, float, x)
UNARY(cast_f64_i64, double, int64_t, int64_from_double(x))
UNARY(cast_f64_bool, double, byte, x != 0.0)
UNARY(cast_i64_f32, int64_t, float, x)
UNARY(cast_i64_f64, int64_t, double, x)
UNARY(cast_i64_bool, int64_t, byte, x != 0)
UNARY(cast_bool_f32, byte, float, x)
UNARY(cast_bool_f64, byte, double, x)
UNARY(cast_bool_i64, byte, int64_t, x)

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

/* ---- moving elements of a size, whatever they are ---------------------------------------------------------------- */

enum { TILE = 64 }; /* so many lines of memory at a time are read for all the rows that have a part in them */

/* memcpy of a constant size is one load or store. */
#define MOVES(size)                                                                                                    \
    static void fill_##size(int64_t n, void *restrict out, const void *restrict element) {                             \
        char *to = out;                                                                                                \
        for (int64_t i = 0; i < n; i++) memcpy(to + i * size, element, size);                                          \
    }                                                                                                                  \
    static void fill_rows_##size(int64_t rows, int64_t n, void *restrict out, const void *restrict x,                  \
                                 int64_t stride) {                                                                     \
        for (int64_t r = 0; r < rows; r++)                                                                             \
            fill_##size(n, (char *)out + r * n * size, (const char *)x + r * stride * size);                           \
    }                                                                                                                  \
    static void gather_##size(int64_t n, void *restrict out, const void *restrict x, int64_t stride) {                 \
        char *to = out;                                                                                                \
        const char *from = x;                                                                                          \
        for (int64_t i = 0; i < n; i++) memcpy(to + i * size, from + i * stride * size, size);                         \
    }                                                                                                                  \
    static void transpose_##size(int64_t rows, int64_t n, void *restrict out, const void *restrict x,                  \
                                 int64_t stride) {                                                                     \
        char *to = out;                                                                                                \
        const char *from = x;                                                                                          \
        for (int64_t start = 0; start < n; start += TILE) {                                                            \
            int64_t end = start + TILE < n ? start + TILE : n;                                                         \
            for (int64_t r = 0; r < rows; r++)                                                                         \
                for (int64_t i = start; i < end; i++)                                                                  \
                    memcpy(to + (r * n + i) * size, from + (r + i * stride) * size, size);                             \
        }                                                                                                              \
    }                                                                                                                  \
    static void spread_##size(int64_t n, void *restrict out, int64_t stride, const void *restrict x) {                 \
        char *to = out;                                                                                                \
        const char *from = x;                                                                                          \
        for (int64_t i = 0; i < n; i++) memcpy(to + i * stride * size, from + i * size, size);                         \
    }

MOVES(1)
MOVES(4)
MOVES(8)

/* ---- elements as integers of the same order ---------------------------------------------------------------------- */

#define KEYS(suffix, type)                                                                                             \
    static void keys_##suffix(int64_t n, uint64_t *restrict keys, const void *restrict x, uint64_t turned) {           \
        const type *from = x;                                                                                          \
        for (int64_t i = 0; i < n; i++) keys[i] = tn_key_##suffix(from[i]) ^ turned;                                   \
    }

KEYS(f32, float)
KEYS(f64, double)
KEYS(i64, int64_t)
KEYS(bool, byte)

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* The kernels of an operation by dtype and form. The letters are those in kernels.h. */
/* clang-format off */
#define F(name)   {{name##_f32}, {name##_f64}}
#define FI(name)  {{name##_f32}, {name##_f64}, {name##_i64}}
#define FIB(name) {{name##_f32}, {name##_f64}, {name##_i64}, {name##_bool}}
#define B(name)   {[AT_BOOL] = {name##_bool}}

#define BINARY_FORMS(name)      {[0] = name, [TN_A_SCALAR] = name##_scalar_a, [TN_B_SCALAR] = name##_scalar_b}
#define BINARY_F(name)          {BINARY_FORMS(name##_f32), BINARY_FORMS(name##_f64)}
#define BINARY_FI(name)         {BINARY_FORMS(name##_f32), BINARY_FORMS(name##_f64), BINARY_FORMS(name##_i64)}
#define BINARY_B(name)          {[AT_BOOL] = BINARY_FORMS(name##_bool)}

#define WHERE_FORMS(name)                                                                                              \
    {[0] = name, [TN_B_SCALAR] = name##_scalar_b, [TN_C_SCALAR] = name##_scalar_c,                                     \
     [TN_B_SCALAR | TN_C_SCALAR] = name##_scalar_bc}
#define WHERE_FIB(name)                                                                                                \
    {WHERE_FORMS(name##_f32), WHERE_FORMS(name##_f64), WHERE_FORMS(name##_i64), WHERE_FORMS(name##_bool)}

#define PAIR_FORMS(name)                                                                                               \
    {[0] = name, [TN_A_SCALAR] = name##_scalar_a, [TN_B_SCALAR] = name##_scalar_b,                                     \
     [TN_A_SCALAR | TN_B_SCALAR] = name##_scalar_ab, [TN_C_SCALAR] = name##_scalar_c,                                  \
     [TN_A_SCALAR | TN_C_SCALAR] = name##_scalar_ac, [TN_B_SCALAR | TN_C_SCALAR] = name##_scalar_bc}
#define PAIRS(name)                                                                                                    \
    {[TN_THEN_ADD] = PAIR_FORMS(name##_add), [TN_THEN_SUB] = PAIR_FORMS(name##_sub),                                   \
     [TN_THEN_SUB_FROM] = PAIR_FORMS(name##_sub_from), [TN_THEN_MUL] = PAIR_FORMS(name##_mul),                         \
     [TN_THEN_SQUARE] = BINARY_FORMS(name##_square), [TN_THEN_NEG] = BINARY_FORMS(name##_neg),                         \
     [TN_THEN_RELU] = BINARY_FORMS(name##_relu)}

#define OF_DTYPES(name) {name##_f32, name##_f64, name##_i64, name##_bool}
/* clang-format on */

extern const struct tn_gemm_kernels TN_PASTE(tn_gemm_kernels_, TN_LEVEL);
extern const tn_kernels TN_TABLE;
const tn_kernels TN_TABLE = {
    .level = TN_QUOTE(TN_LEVEL),
    .elementwise =
        {
            [TN_COPY] = FIB(copy),
            [TN_NEG] = FI(neg),
            [TN_ABS] = FI(abs),
            [TN_SIGN] = FI(sign),
            [TN_SQUARE] = FI(square),
            [TN_RELU] = FI(relu),
            [TN_EXP] = F(exp),
            [TN_LOG] = F(log),
            [TN_LOG1P] = F(log1p),
            [TN_EXPM1] = F(expm1),
            [TN_SQRT] = F(sqrt),
            [TN_RSQRT] = F(rsqrt),
            [TN_RECIPROCAL] = F(reciprocal),
            [TN_SIN] = F(sin),
            [TN_COS] = F(cos),
            [TN_TAN] = F(tan),
            [TN_TANH] = F(tanh),
            [TN_SIGMOID] = F(sigmoid),
            [TN_SILU] = F(silu),
            [TN_ERF] = F(erf),
            [TN_FLOOR] = F(floor),
            [TN_CEIL] = F(ceil),
            [TN_ROUND] = F(round),
            [TN_NOT] = B(logical_not),
            [TN_ADD] = BINARY_FI(add),
            [TN_SUB] = BINARY_FI(sub),
            [TN_MUL] = BINARY_FI(mul),
            [TN_MAXIMUM] = BINARY_FI(maximum),
            [TN_MINIMUM] = BINARY_FI(minimum),
            [TN_POW] = BINARY_FI(pow),
            [TN_DIV] = BINARY_F(div),
            [TN_EQ] = BINARY_FI(eq),
            [TN_NE] = BINARY_FI(ne),
            [TN_LT] = BINARY_FI(lt),
            [TN_LE] = BINARY_FI(le),
            [TN_GT] = BINARY_FI(gt),
            [TN_GE] = BINARY_FI(ge),
            [TN_AND] = BINARY_B(logical_and),
            [TN_OR] = BINARY_B(logical_or),
            [TN_WHERE] = WHERE_FIB(where),
        },
    .pair = {[TN_FIRST_ADD] = PAIRS(add),
             [TN_FIRST_SUB] = PAIRS(sub),
             [TN_FIRST_MUL] = PAIRS(mul),
             [TN_FIRST_NEG] = PAIRS(neg)},
    .cast =
        {
            [AT_FLOAT32] = {copy_f32, cast_f32_f64, cast_f32_i64, cast_f32_bool},
            [AT_FLOAT64] = {cast_f64_f32, copy_f64, cast_f64_i64, cast_f64_bool},
            [AT_INT64] = {cast_i64_f32, cast_i64_f64, copy_i64, cast_i64_bool},
            [AT_BOOL] = {cast_bool_f32, cast_bool_f64, cast_bool_i64, copy_bool},
        },
    .reduce =
        {[TN_SUM] = OF_DTYPES(sum), [TN_PROD] = OF_DTYPES(prod), [TN_MAX] = OF_DTYPES(max), [TN_MIN] = OF_DTYPES(min)},
    .accumulate = {[TN_SUM] = OF_DTYPES(add_to),
                   [TN_PROD] = OF_DTYPES(mul_to),
                   [TN_MAX] = OF_DTYPES(max_to),
                   [TN_MIN] = OF_DTYPES(min_to)},
    .extreme = {OF_DTYPES(smallest), OF_DTYPES(largest)},
    .reduce_add = {sum_f64, sum_f64, sum_i64, sum_i64},
    .dot = {dot_f32, dot_f64},
    .add_products = {add_products_f32, add_products_f64},
    .subtract = {subtract_f32, subtract_f64},
    .exp_shifted_f32 = exp_shifted_f32,
    .exp_shifted_f64 = exp_shifted_f64,
    .scale_f32 = scale_f32,
    .scale_f64 = scale_f64,
    .softmax = {softmax_f32, softmax_f64},
    .fill = {[0] = fill_1, [2] = fill_4, [3] = fill_8},
    .fill_rows = {[0] = fill_rows_1, [2] = fill_rows_4, [3] = fill_rows_8},
    .gather = {[0] = gather_1, [2] = gather_4, [3] = gather_8},
    .transpose = {[0] = transpose_1, [2] = transpose_4, [3] = transpose_8},
    .spread = {[0] = spread_1, [2] = spread_4, [3] = spread_8},
    .gemm = &TN_PASTE(tn_gemm_kernels_, TN_LEVEL),
    .keys = OF_DTYPES(keys),
};
