/* tests/accuracy/errors.c - distances in units of the last place.
 *
 * The unit is that of a scale, mostly the exact result: 2^(e - 23) in float32 where it is between 2^e and 2^(e + 1), and
 * 2^-149 where it is subnormal. What is beyond the largest number counts as the next power of two, in the results and as exact. */
#include <math.h>
#include <string.h>

#include "functions.h"

/* Without branches, so that it is vector code. */
static inline double float32_error(float y, double r, double scale) {
    const double beyond = 0x1p128;
    double distant = fabs((double)y) > beyond ? copysign(beyond, (double)y) : (double)y;
    double near = fabs(r) > beyond ? copysign(beyond, r) : r;
    uint64_t bits;
    memcpy(&bits, &scale, sizeof bits);
    int64_t exponent = (int64_t)(bits >> 52 & 2047) - 1023;
    exponent = exponent < -126 ? -126 : exponent > 127 ? 127 : exponent;
    uint64_t unit_bits = (uint64_t)(1023 + 23 - exponent) << 52;
    double inverse_unit;
    memcpy(&inverse_unit, &unit_bits, sizeof inverse_unit);
    int y_nan = y != y, r_nan = r != r;
    int differs = (y_nan != r_nan) | ((copysign(1.0, (double)y) != copysign(1.0, r)) & !r_nan);
    double error = fabs(distant - near) * inverse_unit;
    error = r_nan ? 0.0 : error;
    return differs ? (double)INFINITY : error;
}

int float32_errors(int n, const float *y, const double *r, const double *scale, double largest, double *error) {
    int count = 0;
    for (int i = 0; i < n; i++) {
        error[i] = float32_error(y[i], r[i], scale[i]);
        count += error[i] > largest;
    }
    return count;
}

/* The exponent of the last place of a number between 2^(exponent - 1) and 2^exponent. */
static long unit_of(at_dtype dtype, long exponent) {
    bool single = dtype == AT_FLOAT32;
    long lowest = single ? -149 : -1074, highest = single ? 104 : 971, unit = exponent - (single ? 24 : 53);
    return unit < lowest ? lowest : unit > highest ? highest : unit;
}

double exact_error(at_dtype dtype, double y, const mpfr_t exact, const mpfr_t scale) {
    if (isnan(y) || mpfr_nan_p(exact)) return isnan(y) && mpfr_nan_p(exact) ? 0.0 : (double)INFINITY;
    if (!signbit(y) != !mpfr_signbit(exact)) return (double)INFINITY;
    long exponent = mpfr_zero_p(scale) ? -2000 : mpfr_inf_p(scale) ? 2000 : (long)mpfr_get_exp(scale);
    mpfr_t distance, limit, result;
    mpfr_inits2(2 * PRECISION, distance, limit, result, (mpfr_ptr)0);
    mpfr_set_ui_2exp(limit, 1, dtype == AT_FLOAT32 ? 128 : 1024, MPFR_RNDN);
    mpfr_set_d(result, fabs(y), MPFR_RNDN);
    mpfr_min(result, result, limit, MPFR_RNDN);
    mpfr_abs(distance, exact, MPFR_RNDN);
    mpfr_min(distance, distance, limit, MPFR_RNDN);
    mpfr_sub(distance, distance, result, MPFR_RNDN);
    mpfr_mul_2si(distance, distance, -unit_of(dtype, exponent), MPFR_RNDN);
    double error = fabs(mpfr_get_d(distance, MPFR_RNDN));
    mpfr_clears(distance, limit, result, (mpfr_ptr)0);
    return error;
}

/* To nearest even once, at the precision that a subnormal result has. */
double rounded(at_dtype dtype, const mpfr_t exact) {
    return dtype == AT_FLOAT32 ? (double)mpfr_get_flt(exact, MPFR_RNDN) : mpfr_get_d(exact, MPFR_RNDN);
}
