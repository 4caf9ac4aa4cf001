/* tests/accuracy/estimate.c - functions of many elements in double: the filter before MPFR.
 *
 * Compiled with -ffast-math and for this very processor, so that gcc takes glibc's vector functions. Theirs err by up
 * to 4 ulp of double, 2^-27 ulp of float32, as glibc's manual says; what the other rules of -ffast-math add is of that
 * size too. Errors found here are taken as known to 2^-13 ulp only. */
#include <math.h>

#include "functions.h"

static inline double sigmoid(double x) {
    double e = exp(-fabs(x));
    return (x < 0 ? e : 1.0) / (1 + e);
}

#define FUNCTION(name, operation, estimate, exact)                                                                     \
    static void estimate_##name(int n, const float *restrict from, double *restrict r) {                               \
        for (int i = 0; i < n; i++) {                                                                                  \
            double x = (double)from[i];                                                                                \
            r[i] = (estimate);                                                                                         \
        }                                                                                                              \
    }
#include "functions.def"
#undef FUNCTION

void function_estimate(function f, int n, const float *x, double *r) {
    static void (*const estimates[])(int, const float *restrict, double *restrict) = {
#define FUNCTION(name, operation, estimate, exact) estimate_##name,
#include "functions.def"
#undef FUNCTION
    };
    estimates[f](n, x, r);
}
