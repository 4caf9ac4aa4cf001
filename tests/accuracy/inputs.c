/* tests/accuracy/inputs.c - inputs of functions: all of float32, or samples with their edges. */
#include "inputs.h"

#include <float.h>
#include <math.h>
#include <string.h>

void inputs_all(int number, float x[CHUNK]) {
    for (uint32_t i = 0; i < CHUNK; i++) {
        uint32_t bits = (uint32_t)number * (uint32_t)CHUNK + i;
        memcpy(&x[i], &bits, sizeof bits);
    }
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

/* Vigna's splitmix64. */
static uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state, double low, double high) {
    return low + (high - low) * ldexp((double)(random_bits(state) >> 11), -53);
}

static const double special_values[] = {0.0,
                                        INFINITY,
                                        (double)NAN,
                                        1.0,
                                        0.5,
                                        2.0,
                                        3.0,
                                        1.5,
                                        2.5,
                                        DBL_MIN,
                                        DBL_TRUE_MIN,
                                        DBL_MAX,
                                        FLT_MIN,
                                        FLT_TRUE_MIN,
                                        FLT_MAX,
                                        0x1p23,
                                        0x1p24,
                                        0x1p52,
                                        0x1p53,
                                        0x1p20,
                                        0x1p63,
                                        0x1p-28,
                                        0x1p-54,
                                        88.72283935546875,
                                        104,
                                        103.97207641602,
                                        87.33654785156,
                                        709.782712893384,
                                        745.1332191019411,
                                        708.3964185322641,
                                        0x1.62e42fefa39efp-2,
                                        0x1.6a09e667f3bcdp-1};
enum { N_SPECIAL = sizeof special_values / sizeof *special_values };

static double signed_special(uint64_t *state) {
    uint64_t bits = random_bits(state);
    double x = special_values[bits % N_SPECIAL];
    return bits >> 40 & 1 ? -x : x;
}

/* A few numbers further, in the dtype. */
static double next_to(at_dtype dtype, double x, int steps) {
    for (; steps > 0; steps--)
        x = dtype == AT_FLOAT32 ? (double)nextafterf((float)x, INFINITY) : nextafter(x, (double)INFINITY);
    for (; steps < 0; steps++)
        x = dtype == AT_FLOAT32 ? (double)nextafterf((float)x, -INFINITY) : nextafter(x, -(double)INFINITY);
    return x;
}

static double any_number(at_dtype dtype, uint64_t *state) {
    uint64_t bits = random_bits(state);
    uint32_t half = (uint32_t)bits;
    float single;
    double x;
    memcpy(&single, &half, sizeof single);
    memcpy(&x, &bits, sizeof x);
    return dtype == AT_FLOAT32 ? (double)single : x;
}

static double sample(at_dtype dtype, uint64_t *state) {
    double sign = random_bits(state) & 1 ? -1 : 1, largest = dtype == AT_FLOAT32 ? 104 : 746;
    int count = (int)(random_bits(state) % 1500), steps = (int)(random_bits(state) % 9) - 4;
    switch (random_bits(state) % 8) {
    case 0: return any_number(dtype, state);
    case 1: return sign * ldexp(uniform(state, 0.5, 1), count % 72 - 60);
    case 2: return sign + ldexp(uniform(state, -1, 1), -(count % 54));
    case 3: return next_to(dtype, sign * (double)(random_bits(state) % 1000000) * 0x1.921fb54442d18p+0, steps);
    case 4: return uniform(state, -largest, largest);
    case 5: return next_to(dtype, sign * count * 0x1.62e42fefa39efp-2, steps);
    case 6: return next_to(dtype, signed_special(state), steps / 2);
    default: return uniform(state, -7, 7);
    }
}

/* Bases of any exponent or near 1, of either sign, and exponents for which the power is anywhere in the range. */
static void sample_power(at_dtype dtype, uint64_t *state, double *x, double *z) {
    double range = dtype == AT_FLOAT32 ? 150 : 1080;
    uint64_t bits = random_bits(state);
    switch (bits % 4) {
    case 0: *x = exp2(uniform(state, -range, range < 1023 ? range : 1023)); break;
    case 1: *x = 1 + ldexp(uniform(state, -1, 1), -(int)((bits >> 20) % 30)); break;
    case 2: *x = -exp2(uniform(state, -20, 20)), *z = (double)(int64_t)uniform(state, -60, 60); return;
    default: *x = sample(dtype, state), *z = sample(dtype, state); return;
    }
    if (dtype == AT_FLOAT32) *x = (double)(float)*x;
    *z = uniform(state, -range, range) / log2(*x);
}

void inputs_sample(function f, at_dtype dtype, int number, double x[CHUNK], double z[CHUNK]) {
    uint64_t state = (uint64_t)number << 32;
    for (int i = 0; i < CHUNK; i++) {
        x[i] = sample(dtype, &state);
        z[i] = 0;
        if (has_two_operands(f)) sample_power(dtype, &state, &x[i], &z[i]);
        if (dtype == AT_FLOAT32) x[i] = (double)(float)x[i], z[i] = (double)(float)z[i];
    }
}
