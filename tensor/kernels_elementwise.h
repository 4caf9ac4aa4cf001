/* tensor/kernels_elementwise.h - elementwise instructions, pairs of them, and casts: the first part of kernels.c.
 *
 * A form of loop is a macro; a line that uses it is one kernel: its name, element types, and the expression that it
 * evaluates. */
#ifndef ATLED_KERNELS_ELEMENTWISE_H
#define ATLED_KERNELS_ELEMENTWISE_H

#include "kernels.h"
#include "vector_math.h"
#include "vector_math64.h"

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

#endif
