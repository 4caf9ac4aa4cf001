/* tensor/vector_math.h - exp, log, sin and their like for float32, in a form that compilers vectorise.
 *
 * A loop over one of these functions becomes vector code because they have no branches (choices are selections between
 * computed values), call nothing, and convert between numbers and integers by adding a constant instead of by an
 * instruction that not every instruction set has. exp, which matters most, computes in float32; the others in double:
 * there a short polynomial is far more accurate than float32 can show, subnormal inputs and results need no care, and
 * the one rounding at the end decides the error, which stays close to half an ulp. docs/accuracy.md has all of them.
 *
 * Method: range reduction as in Cody and Waite, Software Manual for the Elementary Functions (1980), and Muller,
 * Elementary Functions (3rd ed., 2016). The polynomials are minimax approximations computed for this file, by the Remez
 * exchange algorithm in 50-digit arithmetic (that of tn_expf by Lawson's reweighted least squares); the comment at each
 * says what it approximates and its largest relative error. */
#ifndef ATLED_VECTOR_MATH_H
#define ATLED_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* a * b + c, in one rounding where the instruction set has it. Only for polynomials and reductions, whose accuracy
 * does not depend on which. */
#if defined(__FMA__)
#define TN_FMAF(a, b, c) __builtin_fmaf(a, b, c)
#define TN_FMA(a, b, c)  __builtin_fma(a, b, c)
#else
#define TN_FMAF(a, b, c) ((a) * (b) + (c))
#define TN_FMA(a, b, c)  ((a) * (b) + (c))
#endif

static inline uint32_t tn_float_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float tn_float_from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t tn_double_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double tn_double_from_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Adding one of these to a number smaller than a quarter of it rounds the number to an integer (half to even), which
 * then stands, in two's complement, in the low bits of the sum; subtracting it again gives the integer as a number. */
#define TN_ROUNDER_F 0x1.8p23f
#define TN_ROUNDER_D 0x1.8p52

/* ---- rounding ---------------------------------------------------------------------------------------------------- */

/* Halves to even. From 2^23 (2^52) on every number is an integer; copysign keeps the sign of zeros. */
static inline float tn_roundf(float x) {
    float magnitude = fabsf(x);
    float rounded = copysignf((magnitude + 0x1p23f) - 0x1p23f, x);
    return magnitude < 0x1p23f ? rounded : x;
}

static inline double tn_round(double x) {
    double magnitude = fabs(x);
    double rounded = copysign((magnitude + 0x1p52) - 0x1p52, x);
    return magnitude < 0x1p52 ? rounded : x;
}

/* By the instruction where there is one. */
static inline float tn_floorf(float x) {
#if defined(__SSE4_1__)
    return __builtin_floorf(x);
#else
    float rounded = tn_roundf(x);
    float below = rounded - 1.0f;
    return rounded > x ? below : rounded;
#endif
}

static inline float tn_ceilf(float x) {
#if defined(__SSE4_1__)
    return __builtin_ceilf(x);
#else
    float rounded = tn_roundf(x);
    float above = copysignf(rounded + 1.0f, x);
    return rounded < x ? above : rounded;
#endif
}

static inline double tn_floor(double x) {
#if defined(__SSE4_1__)
    return __builtin_floor(x);
#else
    double rounded = tn_round(x);
    double below = rounded - 1.0;
    return rounded > x ? below : rounded;
#endif
}

static inline double tn_ceil(double x) {
#if defined(__SSE4_1__)
    return __builtin_ceil(x);
#else
    double rounded = tn_round(x);
    double above = copysign(rounded + 1.0, x);
    return rounded < x ? above : rounded;
#endif
}

/* ---- exponential functions --------------------------------------------------------------------------------------- */

/* (exp r - 1) / r for |r| <= ln 2 / 2; 1 exact, so that the error of exp r is 2^-28.2 */
static inline float tn_exp_fractionf(float r) {
    float q = 0x1.6a1f62p-10f;
    q = TN_FMAF(q, r, 0x1.123ccap-7f);
    q = TN_FMAF(q, r, 0x1.555904p-5f);
    q = TN_FMAF(q, r, 0x1.55548ep-3f);
    q = TN_FMAF(q, r, 0x1.fffffcp-2f);
    q = TN_FMAF(q, r, 1.0f);
    return q;
}

/* x = n ln 2 + r with |r| <= ln 2 / 2, so exp x = 2^n exp r. n ln 2 is subtracted in two parts, the first of so few
 * bits that its product with n is exact. 2^n is applied as two factors of about half the exponent, each of them a
 * normal number: one rounding to a subnormal result, and infinity where it belongs. Small x are clamped; for large
 * ones it is enough that n ends at 150, since r, then large, makes the polynomial large (and NaN makes it NaN). */
typedef struct {
    float r, q, half, rest; /* exp x = (1 + r q) * half * rest */
} tn_expf_parts;

static inline tn_expf_parts tn_expf_split(float x) {
    const float log2_e = 0x1.715476p0f, ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    const float rounder = TN_ROUNDER_F + 2 * 127; /* leaves n + 254 in the low 9 bits */
    x = x < -110.0f ? -110.0f : x;
    int32_t bits = (int32_t)tn_float_bits(TN_FMAF(x, log2_e, rounder));
    int32_t largest = (int32_t)tn_float_bits(rounder + 150.0f);
    uint32_t biased = (uint32_t)(bits < largest ? bits : largest);
    float n = tn_float_from_bits(biased) - rounder;
    float r = TN_FMAF(n, -ln2_high, x);
    r = TN_FMAF(n, -ln2_low, r);

    uint32_t half = (biased << 22) & 0x7f800000u; /* the exponent field of 2^(n / 2) */
    uint32_t rest = (biased << 23) - half;
    return (tn_expf_parts){r, tn_exp_fractionf(r), tn_float_from_bits(half), tn_float_from_bits(rest)};
}

static inline float tn_expf(float x) {
    tn_expf_parts parts = tn_expf_split(x);
    return TN_FMAF(parts.q, parts.r, 1.0f) * parts.half * parts.rest;
}

/* exp x = power * (1 + fraction), power = 2^n, for |x| < 700. */
typedef struct {
    double power, fraction;
} tn_exp_parts;

static inline tn_exp_parts tn_exp_split(double x) {
    const double log2_e = 0x1.71547652b82fep+0, ln2 = 0x1.62e42fefa39efp-1;
    double shifted = TN_FMA(x, log2_e, TN_ROUNDER_D);
    double n = shifted - TN_ROUNDER_D;
    double r = TN_FMA(n, -ln2, x);

    /* (exp r - 1) / r, relative error 2^-43.4 */
    double q = 0x1.71de34c54db90p-19;
    q = TN_FMA(q, r, 0x1.a1603849d7750p-16);
    q = TN_FMA(q, r, 0x1.a01a92f32e8d2p-13);
    q = TN_FMA(q, r, 0x1.6c1649b90de0dp-10);
    q = TN_FMA(q, r, 0x1.111110d5c7897p-7);
    q = TN_FMA(q, r, 0x1.55555575d4c44p-5);
    q = TN_FMA(q, r, 0x1.555555556f704p-3);
    q = TN_FMA(q, r, 0x1.fffffffff67ccp-2);
    q = TN_FMA(q, r, 0x1.fffffffffff93p-1);

    uint64_t power = (tn_double_bits(shifted) + 1023) << 52;
    return (tn_exp_parts){tn_double_from_bits(power), r * q};
}

static inline double tn_exp_of_double(double x) {
    tn_exp_parts parts = tn_exp_split(x);
    return TN_FMA(parts.power, parts.fraction, parts.power);
}

static inline double tn_expm1_of_double(double x) {
    tn_exp_parts parts = tn_exp_split(x);
    return TN_FMA(parts.power, parts.fraction, parts.power - 1.0);
}

/* The sign is copied for the sake of -0. */
static inline float tn_expm1f(float x) {
    float clamped = x > 89.0f ? 89.0f : x;
    clamped = clamped < -104.0f ? -104.0f : clamped;
    return copysignf((float)tn_expm1_of_double((double)clamped), x);
}

/* tanh x = (exp 2x - 1) / (exp 2x + 1); 1 in float32 from 9.02 on. */
static inline float tn_tanhf(float x) {
    float magnitude = fabsf(x);
    magnitude = magnitude > 10.0f ? 10.0f : magnitude;
    double e = tn_expm1_of_double(2.0 * (double)magnitude);
    return copysignf((float)(e / (e + 2.0)), x);
}

/* factor * e / (1 + e), e = exp x, in float32: e and the divisor come with what their rounding lost (e_low, d_low), by
 * which the first quotient is corrected. In the numerator the power of two is applied last. For x from 20 on it is
 * factor. */
static inline float tn_scaled_sigmoidf(float x, float factor) {
    x = x > 20.0f ? 20.0f : x;
    tn_expf_parts parts = tn_expf_split(x);
    float power = parts.half * parts.rest;
    float fraction = parts.r * parts.q;
    float e = 1.0f + fraction;
    float e_low = fraction - (e - 1.0f);
    float term = e * power;
    float d = 1.0f + term;
    float term_part = d - 1.0f;
    float d_low = (1.0f - (d - term_part)) + (term - term_part);
    d_low = TN_FMAF(e_low, power, d_low);

    float inverse = 1.0f / d;
    float y = e * inverse;
    float left = TN_FMAF(-y, d, e) + TN_FMAF(-y, d_low, e_low);
    return TN_FMAF(left, inverse, y) * factor * parts.half * parts.rest;
}

static inline float tn_sigmoidf(float x) { return tn_scaled_sigmoidf(x, 1.0f); }

/* x sigmoid x: -0 below -110, and NaN at -infinity. */
static inline float tn_siluf(float x) { return tn_scaled_sigmoidf(x, x < -110.0f ? 0.0f * x : x); }

/* In float32. A polynomial in x^2 up to 1; from there to 4, from where on it is 1, 1 - erfc x, with a polynomial for
 * log erfc x. What either adds to x or takes from 1 is small, and so are its errors: together about 1 ulp with the last rounding. */
static inline float tn_erff(float x) {
    float a = fabsf(x);
    a = a > 4.0f ? 4.0f : a;
    float z = x * x;
    z = z > 1.0f ? 1.0f : z;

    /* erf x / x - 1, error 2^-28.5 */
    float p = 0x1.496a5ep-14f;
    p = TN_FMAF(p, z, -0x1.a3f710p-11f);
    p = TN_FMAF(p, z, 0x1.5405b4p-8f);
    p = TN_FMAF(p, z, -0x1.b7f90ep-6f);
    p = TN_FMAF(p, z, 0x1.ce2cf8p-4f);
    p = TN_FMAF(p, z, -0x1.81273ep-2f);
    p = TN_FMAF(p, z, 0x1.06eba8p-3f);
    float small = TN_FMAF(x, p, x);

    /* log erfc(1 + t), so that the error of erf is 2^-26.7 */
    float t = a - 1.0f;
    float g = -0x1.6bd724p-16f;
    g = TN_FMAF(g, t, 0x1.2f9a14p-12f);
    g = TN_FMAF(g, t, -0x1.07b7bap-9f);
    g = TN_FMAF(g, t, 0x1.49343ep-7f);
    g = TN_FMAF(g, t, -0x1.547d04p-5f);
    g = TN_FMAF(g, t, -0x1.afabbap-1f);
    g = TN_FMAF(g, t, -0x1.51c9b0p+1f);
    g = TN_FMAF(g, t, -0x1.d97fc0p+0f);
    /* exp g, in its shortest form: between 2^-25 and 2^-2, and with 2^-25 of absolute error to spare */
    const float rounder = TN_ROUNDER_F + 127;
    float shifted = TN_FMAF(g, 0x1.715476p0f, rounder);
    float r = TN_FMAF(shifted - rounder, -0x1.62e430p-1f, g);
    float power = tn_float_from_bits(tn_float_bits(shifted) << 23);
    float erfc = power * TN_FMAF(tn_exp_fractionf(r), r, 1.0f);
    float large = copysignf(1.0f - erfc, x);
    return a < 1.0f ? small : large;
}

/* ---- logarithms and powers --------------------------------------------------------------------------------------- */

/* v = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt 2, for a positive, normal v. k is found by subtracting the
 * bits of sqrt(1/2), which moves the steps of the exponent field to there. */
typedef struct {
    double k, f;
} tn_log_parts;

static inline tn_log_parts tn_log_split(double v) {
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcdu, one = 0x3ff0000000000000u;
    uint64_t bits = tn_double_bits(v);
    uint64_t biased = (bits - sqrt_half + one) >> 52; /* k + 1023 */
    double k = tn_double_from_bits(biased | 0x4330000000000000u) - (0x1p52 + 1023.0);
    double m = tn_double_from_bits(bits - (biased << 52) + one);
    return (tn_log_parts){k, m - 1.0};
}

/* k ln 2 + log(1 + f) */
static inline double tn_log_of_parts(double k, double f) {
    const double ln2 = 0x1.62e42fefa39efp-1;

    /* log(1 + f) / f, relative error 2^-43.8 */
    double p = -0x1.46796560b2bcdp-5;
    p = TN_FMA(p, f, 0x1.483723e011618p-4);
    p = TN_FMA(p, f, -0x1.517f3c5c86b1bp-4);
    p = TN_FMA(p, f, 0x1.3a48dcb7e59d4p-4);
    p = TN_FMA(p, f, -0x1.4ef69e5cdd8cap-4);
    p = TN_FMA(p, f, 0x1.73be6316aebe7p-4);
    p = TN_FMA(p, f, -0x1.9a08d9b0963adp-4);
    p = TN_FMA(p, f, 0x1.c72c02a8cb027p-4);
    p = TN_FMA(p, f, -0x1.fffbfb4e87325p-4);
    p = TN_FMA(p, f, 0x1.2491fbb270e59p-3);
    p = TN_FMA(p, f, -0x1.55555efc0bcc8p-3);
    p = TN_FMA(p, f, 0x1.99999aea7f118p-3);
    p = TN_FMA(p, f, -0x1.ffffffeadca3ap-3);
    p = TN_FMA(p, f, 0x1.555555544defcp-2);
    p = TN_FMA(p, f, -0x1.000000000389cp-1);
    p = TN_FMA(p, f, 0x1.0000000000105p+0);
    return TN_FMA(k, ln2, f * p);
}

/* y = log v where v is positive and finite; what belongs there where it is not. */
static inline float tn_log_cases(float v, float y) {
    float not_positive = v == 0.0f ? -INFINITY : NAN;
    y = v > 0.0f ? y : not_positive;
    return v < INFINITY ? y : v; /* infinity and NaN give themselves */
}

static inline float tn_logf(float x) {
    tn_log_parts parts = tn_log_split((double)x);
    return tn_log_cases(x, (float)tn_log_of_parts(parts.k, parts.f));
}

/* Near 0, f is x itself, more exact than 1 + x shows. Elsewhere 1 + x is exact enough in double, and in float32 it
 * is 0, negative, infinite or NaN just where it should be. */
static inline float tn_log1pf(float x) {
    tn_log_parts parts = tn_log_split(1.0 + (double)x);
    double f = parts.k == 0.0 ? (double)x : parts.f;
    float y = tn_log_cases(1.0f + x, (float)tn_log_of_parts(parts.k, f));
    return x == 0.0f ? x : y; /* keeps -0 */
}

/* x^y = exp(y log |x|), and the cases of C11 annex F.10.4.4: 1 for y = 0 and for x = 1 whatever the other is, also
 * for -1 to an infinite power; the sign of x for odd y; NaN for a negative finite x and a y that is no integer. */
static inline float tn_powf(float x, float y) {
    float magnitude = fabsf(x);
    double v = (double)magnitude;
    tn_log_parts parts = tn_log_split(v);
    double l = tn_log_of_parts(parts.k, parts.f);
    l = v == 0.0 ? -(double)INFINITY : l;
    l = v < (double)INFINITY ? l : v;
    double exponent = l * (double)y;
    exponent = exponent > 200.0 ? 200.0 : exponent;
    exponent = exponent < -200.0 ? -200.0 : exponent;
    float power = (float)tn_exp_of_double(exponent);

    float half = 0.5f * y;
    float signed_power = copysignf(power, x);
    int is_integer = tn_roundf(y) == y;
    int is_odd = is_integer & (tn_roundf(half) != half);
    power = is_odd ? signed_power : power;
    int is_undefined = (x < 0.0f) & (x > -INFINITY) & !is_integer;
    power = is_undefined ? NAN : power;
    int is_one = (x == 1.0f) | (y == 0.0f) | ((x == -1.0f) & (fabsf(y) == INFINITY));
    return is_one ? 1.0f : power;
}

/* ---- trigonometric functions ------------------------------------------------------------------------------------- */

/* Up to here the reduction below is accurate; the caller uses other means beyond. */
#define TN_TRIGONOMETRIC_LIMIT 0x1p20f

/* x = k pi / 2 + r with |r| <= pi / 4: the sine and cosine of r, and k in the low bits of quadrant. The first part of
 * pi / 2 has 33 bits, so that its products with k < 2^20 are exact. */
typedef struct {
    double sine, cosine;
    uint64_t quadrant;
} tn_angle;

static inline tn_angle tn_reduce_angle(float x) {
    const double two_over_pi = 0x1.45f306dc9c883p-1, half_pi_high = 0x1.921fb544p+0,
                 half_pi_low = 0x1.0b4611a626331p-34;
    double shifted = TN_FMA((double)x, two_over_pi, TN_ROUNDER_D);
    double k = shifted - TN_ROUNDER_D;
    double r = TN_FMA(k, -half_pi_high, (double)x);
    r = TN_FMA(k, -half_pi_low, r);
    double z = r * r;

    /* sin r / r, relative error 2^-37.5 */
    double s = 0x1.6c960d60630b8p-19;
    s = TN_FMA(s, z, -0x1.a00e523431586p-13);
    s = TN_FMA(s, z, 0x1.1111067ad1a8bp-7);
    s = TN_FMA(s, z, -0x1.55555547d9cbap-3);
    s = TN_FMA(s, z, 0x1.fffffffff4f08p-1);

    /* cos r, relative error 2^-43.6 */
    double c = -0x1.23a10e029826dp-22;
    c = TN_FMA(c, z, 0x1.a00dbd726ebc8p-16);
    c = TN_FMA(c, z, -0x1.6c16b11360af3p-10);
    c = TN_FMA(c, z, 0x1.5555554182f96p-5);
    c = TN_FMA(c, z, -0x1.ffffffffdc831p-2);
    c = TN_FMA(c, z, 0x1.ffffffffffd63p-1);
    return (tn_angle){r * s, c, tn_double_bits(shifted)};
}

/* a where the lowest bit of bit is 0, b where it is 1; in integers, because no comparison of 64-bit ones is needed. */
static inline double tn_choose(uint64_t bit, double a, double b) {
    uint64_t mask = 0 - (bit & 1);
    return tn_double_from_bits((tn_double_bits(a) & ~mask) | (tn_double_bits(b) & mask));
}

/* -x where the lowest bit of bit is 1 */
static inline double tn_negate_if(uint64_t bit, double x) {
    return tn_double_from_bits(tn_double_bits(x) ^ (bit << 63));
}

static inline float tn_sinf(float x) {
    tn_angle angle = tn_reduce_angle(x);
    return (float)tn_negate_if(angle.quadrant >> 1, tn_choose(angle.quadrant, angle.sine, angle.cosine));
}

static inline float tn_cosf(float x) {
    tn_angle angle = tn_reduce_angle(x);
    return (float)tn_negate_if((angle.quadrant + 1) >> 1, tn_choose(angle.quadrant, angle.cosine, angle.sine));
}

static inline float tn_tanf(float x) {
    tn_angle angle = tn_reduce_angle(x);
    double numerator = tn_choose(angle.quadrant, angle.sine, angle.cosine);
    double denominator = tn_choose(angle.quadrant, angle.cosine, angle.sine);
    return (float)tn_negate_if(angle.quadrant, numerator / denominator);
}

#endif
