/* plot/logarithm.c - logarithms from exactly defined operations, so that pixels are the same on every machine. */
#include "internal.h"

static const double ln2 = 0.69314718055994530942, ln10 = 2.30258509299404568402;

/* x = m 2^e with m from sqrt(1/2) to sqrt(2), and ln m = 2 (s + s^3 / 3 + s^5 / 5 + ...) where s = (m - 1) / (m + 1) is
 * at most 0.172: eleven terms suffice. */
double pl_log10(double x) {
    const int terms = 11;
    int exponent;
    double m = frexp(x, &exponent);
    if (m < 0.70710678118654752440) {
        m *= 2;
        exponent--;
    }
    const double s = (m - 1) / (m + 1);
    double sum = 0;
    for (int i = terms; i >= 0; i--) sum = sum * s * s + 1.0 / (2 * i + 1);
    return (exponent * ln2 + 2 * s * sum) / ln10;
}

/* 10^x = e^r 10^n with n whole and r from 0 to ln 10, where thirty terms of the series suffice. */
double pl_power_of_10(double x) {
    const int terms = 30;
    const double whole = floor(x), r = (x - whole) * ln10;
    double sum = 1, power = 1;
    for (int i = terms; i > 0; i--) sum = 1 + sum * r / i;
    for (int i = 0; i < fabs(whole); i++) power *= 10;
    return whole < 0 ? sum / power : sum * power;
}
