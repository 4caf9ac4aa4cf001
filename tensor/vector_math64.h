/* tensor/vector_math64.h - exp, log, sin and their like for float64, in a form that compilers vectorise.
 *
 * As vector_math.h, whose helpers and whose form this has: no branches, no calls, no tables. There is no wider type to
 * compute in, so what a rounding loses is carried along in a second, much smaller number wherever it would show.
 * The largest errors found are in docs/accuracy.md: 0.8 ulp for most, 1.5 for silu. The polynomials were computed for this file
 * by the Remez exchange algorithm in 50-digit arithmetic; the comment at each says what it approximates and its largest
 * error, relative to what the comment names. */
#ifndef ATLED_VECTOR_MATH64_H
#define ATLED_VECTOR_MATH64_H

#include "vector_math.h"

/* The number high + low, low of about the size of high's last place. */
typedef struct {
    double high, low;
} tn_pair;

/* a + b, exactly, where |a| >= |b| or a is 0. */
static inline tn_pair tn_add_exactly(double a, double b) {
    double sum = a + b;
    return (tn_pair){sum, b - (sum - a)};
}

/* The same for any two finite numbers. */
static inline tn_pair tn_add_in_any_order(double a, double b) {
    double sum = a + b;
    double b_part = sum - a;
    return (tn_pair){sum, (a - (sum - b_part)) + (b - b_part)};
}

/* a * b - product, exactly, where product is a * b rounded. Without a fused multiply-add it takes the factors in
 * halves of 26 bits (Dekker 1971), which limits them to 2^995. */
static inline double tn_product_error(double a, double b, double product) {
#if defined(__FMA__)
    return __builtin_fma(a, b, -product);
#else
    const double splitter = 0x1p27 + 1;
    double a_high = splitter * a - (splitter * a - a), a_low = a - a_high;
    double b_high = splitter * b - (splitter * b - b), b_low = b - b_high;
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
#endif
}

/* (n.high + n.low) / (d.high + d.low), corrected by what a first quotient leaves. */
static inline double tn_divide_pairs(tn_pair n, tn_pair d) {
    double inverse = 1.0 / d.high;
    double quotient = n.high * inverse;
    double product = quotient * d.high;
    double rest = (n.high - product) - tn_product_error(quotient, d.high, product);
    rest += TN_FMA(-quotient, d.low, n.low);
    return TN_FMA(rest, inverse, quotient);
}

/* ---- exponential functions --------------------------------------------------------------------------------------- */

/* x = n ln 2 + r, |r| <= ln 2 / 2; exp r = 1 + r + tail. Good for |x| < 760; n + 2046 is in the low 12 bits of biased. */
typedef struct {
    double r, tail;
    uint64_t biased;
} tn_exp64_parts;

static inline tn_exp64_parts tn_exp64_split(double x) {
    const double log2_e = 0x1.71547652b82fep+0, ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
    const double rounder = TN_ROUNDER_D + 2 * 1023;
    double shifted = TN_FMA(x, log2_e, rounder);
    double n = shifted - rounder;
    double high = TN_FMA(n, -ln2_high, x); /* exact */
    double low = n * ln2_low;
    double r = high - low;
    double lost = (high - r) - low;

    /* (exp r - 1 - r) / r^2, so that the error of exp r - 1 is 2^-59.6 */
    double q = 0x1.1ee88a2508789p-29;
    q = TN_FMA(q, r, 0x1.af5ea8303b635p-26);
    q = TN_FMA(q, r, 0x1.27e53641dfc59p-22);
    q = TN_FMA(q, r, 0x1.71ddf863cdf3ap-19);
    q = TN_FMA(q, r, 0x1.a01a017bb151ap-16);
    q = TN_FMA(q, r, 0x1.a01a01afdd859p-13);
    q = TN_FMA(q, r, 0x1.6c16c16c1f0e1p-10);
    q = TN_FMA(q, r, 0x1.111111110f6c5p-7);
    q = TN_FMA(q, r, 0x1.555555555553ep-5);
    q = TN_FMA(q, r, 0x1.5555555555559p-3);
    q = TN_FMA(q, r, 0.5);
    return (tn_exp64_parts){r, TN_FMA(r * r, q, lost), tn_double_bits(shifted)};
}

/* 2^n as two factors of about half the exponent, each of them a normal number: one rounding to a subnormal result, and
 * infinity where it belongs. */
typedef struct {
    double half, rest;
} tn_powers;

static inline tn_powers tn_powers_of(uint64_t biased) {
    uint64_t half = (biased << 51) & 0x7ff0000000000000u; /* the exponent field of 2^(n / 2) */
    uint64_t rest = (biased << 52) - half;
    return (tn_powers){tn_double_from_bits(half), tn_double_from_bits(rest)};
}

static inline double tn_exp(double x) {
    x = x < -750.0 ? -750.0 : x;
    x = x > 720.0 ? 720.0 : x;
    tn_exp64_parts parts = tn_exp64_split(x);
    tn_pair sum = tn_add_exactly(1.0, parts.r);
    tn_powers power = tn_powers_of(parts.biased);
    return (sum.high + (sum.low + parts.tail)) * power.half * power.rest;
}

/* (exp x - 1) / 2 = (2^n / 2 - 1 / 2) + 2^n / 2 (r + tail), for |x| < 710; halves, because 2^1024 is no number. */
static inline tn_pair tn_half_expm1(double x) {
    tn_exp64_parts parts = tn_exp64_split(x);
    double half_power = tn_double_from_bits((parts.biased - 1024) << 52);
    tn_pair difference = tn_add_in_any_order(half_power, -0.5);
    tn_pair sum = tn_add_exactly(difference.high, half_power * parts.r);
    return tn_add_exactly(sum.high, TN_FMA(half_power, parts.tail, sum.low + difference.low));
}

/* Below -40 it is -1. */
static inline double tn_expm1(double x) {
    double clamped = x > 710.0 ? 710.0 : x;
    clamped = clamped < -40.0 ? -40.0 : clamped;
    double y = 2.0 * tn_half_expm1(clamped).high;
    return fabs(x) < 0x1p-54 ? x : y;
}

/* tanh x = -h / (1 + h), h = (exp -2x - 1) / 2, for positive x; 1 from 19.07 on. */
static inline double tn_tanh(double x) {
    double magnitude = fabs(x);
    double clamped = magnitude > 20.0 ? 20.0 : magnitude;
    tn_pair h = tn_half_expm1(-2.0 * clamped);
    tn_pair d = tn_add_exactly(1.0, h.high);
    d.low += h.low;
    double y = copysign(tn_divide_pairs(h, d), x);
    return magnitude < 0x1p-28 ? x : y;
}

/* factor * e / (1 + e), e = exp x; in the numerator the power of two in e is applied last. factor for x from 37 on. */
static inline double tn_scaled_sigmoid(double x, double factor) {
    x = x < -755.0 ? -755.0 : x;
    x = x > 40.0 ? 40.0 : x;
    tn_exp64_parts parts = tn_exp64_split(x);
    tn_powers power = tn_powers_of(parts.biased);
    double whole = power.half * power.rest;
    tn_pair sum = tn_add_exactly(1.0, parts.r);
    tn_pair e = tn_add_exactly(sum.high, sum.low + parts.tail);
    tn_pair d = tn_add_in_any_order(1.0, e.high * whole);
    d.low = TN_FMA(e.low, whole, d.low);
    return tn_divide_pairs(e, d) * factor * power.half * power.rest;
}

static inline double tn_sigmoid(double x) { return tn_scaled_sigmoid(x, 1.0); }

/* x sigmoid x: -0 below -755, and NaN at -infinity. */
static inline double tn_silu(double x) { return tn_scaled_sigmoid(x, x < -755.0 ? 0.0 * x : x); }

/* A polynomial in x^2 up to 1; 1 - erfc x from there to 6, from where on it is 1, with a polynomial for log erfc x. */
static inline double tn_erf(double x) {
    double a = fabs(x);
    a = a > 6.0 ? 6.0 : a;
    double z = x * x;
    z = z > 1.0 ? 1.0 : z;

    /* erf x / x - 1, error 2^-56.3 */
    double p = 0x1.0579b74a5e40dp-34;
    p = TN_FMA(p, z, -0x1.386ac5552a87dp-30);
    p = TN_FMA(p, z, 0x1.f7a4139ce0801p-27);
    p = TN_FMA(p, z, -0x1.5f1d36e2c71d5p-23);
    p = TN_FMA(p, z, 0x1.b9def1a18556dp-20);
    p = TN_FMA(p, z, -0x1.f4d1df398b531p-17);
    p = TN_FMA(p, z, 0x1.f9a321a120a2dp-14);
    p = TN_FMA(p, z, -0x1.c02db3d8ed373p-11);
    p = TN_FMA(p, z, 0x1.565bcd0db02e8p-8);
    p = TN_FMA(p, z, -0x1.b82ce3128499cp-6);
    p = TN_FMA(p, z, 0x1.ce2f21a042b20p-4);
    p = TN_FMA(p, z, -0x1.812746b0379e6p-2);
    p = TN_FMA(p, z, 0x1.06eba8214db69p-3);
    double small = TN_FMA(x, p, x);

    /* log erfc(1 + t), so that the error of erf is 2^-58.1 */
    double t = a - 1.0;
    double g = -0x1.6b0028022a361p-43;
    g = TN_FMA(g, t, 0x1.6b551308e5264p-38);
    g = TN_FMA(g, t, -0x1.51823d767899dp-34);
    g = TN_FMA(g, t, 0x1.82bb4e760bbf0p-31);
    g = TN_FMA(g, t, -0x1.3128a059e0f74p-28);
    g = TN_FMA(g, t, 0x1.5ad283feee125p-26);
    g = TN_FMA(g, t, -0x1.1732e96e38d6fp-24);
    g = TN_FMA(g, t, 0x1.04a4983637b60p-23);
    g = TN_FMA(g, t, 0x1.d7f85df4e272cp-24);
    g = TN_FMA(g, t, -0x1.0fd5015d86c23p-19);
    g = TN_FMA(g, t, 0x1.418385852d956p-17);
    g = TN_FMA(g, t, -0x1.c763cafb39181p-16);
    g = TN_FMA(g, t, 0x1.b8c1ce97e21a2p-16);
    g = TN_FMA(g, t, 0x1.f1b4a06948335p-13);
    g = TN_FMA(g, t, -0x1.033f694ccceccp-9);
    g = TN_FMA(g, t, 0x1.48c9d40a271c8p-7);
    g = TN_FMA(g, t, -0x1.5477f09ca1fa7p-5);
    g = TN_FMA(g, t, -0x1.afabc11a28f70p-1);
    g = TN_FMA(g, t, -0x1.51c9b0006c23dp+1);
    g = TN_FMA(g, t, -0x1.d97fbf27aa2a1p+0);
    double large = copysign(1.0 - tn_exp(g), x);
    return a < 1.0 ? small : large;
}

/* ---- logarithms -------------------------------------------------------------------------------------------------- */

/* k ln 2 + log(1 + f + low). With s = f / (2 + f), log(1 + f) = 2 atanh s = f - f^2 / 2 + s (f^2 / 2 + R(s^2)), in
 * which all that follows f is small. */
static inline double tn_log64_of_parts(double k, double f, double low) {
    const double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
    double s = f / (2.0 + f);
    double z = s * s;
    double half_square = 0.5 * f * f;

    /* R(z) / z, so that the error of log is 2^-58.8 */
    double p = 0x1.2f07059192effp-3;
    p = TN_FMA(p, z, 0x1.39a1933605e37p-3);
    p = TN_FMA(p, z, 0x1.7466405be7994p-3);
    p = TN_FMA(p, z, 0x1.c71c5202b2bbep-3);
    p = TN_FMA(p, z, 0x1.24924941f8d1ep-2);
    p = TN_FMA(p, z, 0x1.999999997fd37p-2);
    p = TN_FMA(p, z, 0x1.5555555555592p-1);
    double tail = TN_FMA(s, TN_FMA(p, z, half_square), -half_square);
    tn_pair sum = tn_add_exactly(k * ln2_high, f);
    return sum.high + (tail + (sum.low + TN_FMA(k, ln2_low, low)));
}

/* y = log v where v is positive and finite; what belongs there where it is not. */
static inline double tn_log64_cases(double v, double y) {
    double not_positive = v == 0.0 ? -(double)INFINITY : (double)NAN;
    y = v > 0.0 ? y : not_positive;
    return v < (double)INFINITY ? y : v; /* infinity and NaN give themselves */
}

/* Subnormal numbers are first made normal. */
static inline double tn_log(double x) {
    int is_small = x < 0x1p-1022;
    tn_log_parts parts = tn_log_split(is_small ? x * 0x1p54 : x);
    double k = parts.k - (is_small ? 54.0 : 0.0);
    return tn_log64_cases(x, tn_log64_of_parts(k, parts.f, 0.0));
}

/* 1 + x = 2^k (1 + f + low). Near 0, f is x itself. Elsewhere low moves the logarithm by low / (1 + f), for
 * which low (1 - f + f^2) is near enough. */
static inline double tn_log1p(double x) {
    tn_pair sum = tn_add_in_any_order(1.0, x);
    tn_log_parts parts = tn_log_split(sum.high);
    double shrink = parts.k > 60.0 ? 60.0 : parts.k; /* beyond, what was lost does not matter */
    double scale = tn_double_from_bits((tn_double_bits(TN_ROUNDER_D - shrink) + 1023) << 52); /* 2^-k */
    int is_near = parts.k == 0.0;
    double f = is_near ? x : parts.f;
    double low = is_near ? 0.0 : sum.low * scale;
    double y = tn_log64_cases(sum.high, tn_log64_of_parts(parts.k, f, low * TN_FMA(f, f - 1.0, 1.0)));
    return x == 0.0 ? x : y; /* keeps -0 */
}

/* ---- trigonometric functions ------------------------------------------------------------------------------------- */

/* Up to here the reduction below is accurate; the caller uses other means beyond. */
#define TN_TRIGONOMETRIC64_LIMIT 0x1p20

/* x = k pi / 2 + r with |r| <= pi / 4: the sine and cosine of r, and k in the low bits of quadrant. pi / 2 comes in
 * four parts, the first three of 33 bits, so that their products with k < 2^20 are exact: enough for the x that are
 * nearest to a multiple of pi / 2, about 2^-60. */
typedef struct {
    tn_pair sine, cosine;
    uint64_t quadrant;
} tn_angle64;

static inline tn_angle64 tn_reduce_angle64(double x) {
    const double two_over_pi = 0x1.45f306dc9c883p-1;
    double shifted = TN_FMA(x, two_over_pi, TN_ROUNDER_D);
    double k = shifted - TN_ROUNDER_D;
    tn_pair first = tn_add_exactly(TN_FMA(k, -0x1.921fb544p+0, x), k * -0x1.0b4611a6p-34);
    tn_pair second = tn_add_exactly(first.high, k * -0x1.3198a2ep-69);
    tn_pair r = tn_add_exactly(second.high, TN_FMA(k, -0x1.b839a252049c1p-104, first.low + second.low));
    double z = r.high * r.high;

    /* (sin r - r) / r^3, error 2^-57.0 */
    double s = 0x1.5d9246eabc767p-33;
    s = TN_FMA(s, z, -0x1.ae5e63cdf2cb9p-26);
    s = TN_FMA(s, z, 0x1.71de3574baee4p-19);
    s = TN_FMA(s, z, -0x1.a01a019c0e4ccp-13);
    s = TN_FMA(s, z, 0x1.111111110f861p-7);
    s = TN_FMA(s, z, -0x1.5555555555549p-3);

    /* (cos r - 1 + r^2 / 2) / r^4, error 2^-59.7 */
    double c = -0x1.8fadd06635c83p-37;
    c = TN_FMA(c, z, 0x1.1ee9ea6cae629p-29);
    c = TN_FMA(c, z, -0x1.27e4f807d6047p-22);
    c = TN_FMA(c, z, 0x1.a01a019caef34p-16);
    c = TN_FMA(c, z, -0x1.6c16c16c15162p-10);
    c = TN_FMA(c, z, 0x1.555555555554cp-5);

    double half_square = 0.5 * z;
    tn_pair square = tn_add_exactly(1.0, -half_square);
    double sine_tail = TN_FMA(s, r.high * z, TN_FMA(-half_square, r.low, r.low));
    double cosine_tail = TN_FMA(c * z, z, TN_FMA(-r.high, r.low, square.low));
    return (tn_angle64){tn_add_exactly(r.high, sine_tail), tn_add_exactly(square.high, cosine_tail),
                        tn_double_bits(shifted)};
}

/* Below 2^-28 the sine and the tangent are x to within rounding; this also keeps -0. */
static inline double tn_sin(double x) {
    tn_angle64 angle = tn_reduce_angle64(x);
    double y = tn_negate_if(angle.quadrant >> 1, tn_choose(angle.quadrant, angle.sine.high, angle.cosine.high));
    return fabs(x) < 0x1p-28 ? x : y;
}

static inline double tn_cos(double x) {
    tn_angle64 angle = tn_reduce_angle64(x);
    double y = tn_choose(angle.quadrant, angle.cosine.high, angle.sine.high);
    return tn_negate_if((angle.quadrant + 1) >> 1, y);
}

static inline double tn_tan(double x) {
    tn_angle64 angle = tn_reduce_angle64(x);
    tn_pair numerator = {tn_choose(angle.quadrant, angle.sine.high, angle.cosine.high),
                         tn_choose(angle.quadrant, angle.sine.low, angle.cosine.low)};
    tn_pair denominator = {tn_choose(angle.quadrant, angle.cosine.high, angle.sine.high),
                           tn_choose(angle.quadrant, angle.cosine.low, angle.sine.low)};
    double y = tn_negate_if(angle.quadrant, tn_divide_pairs(numerator, denominator));
    return fabs(x) < 0x1p-28 ? x : y;
}

#endif
