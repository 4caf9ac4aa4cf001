/* tests/accuracy/sums.c - sums and means of very many elements, against exact sums.
 *
 * Errors are given in units of the last place of the exact result, and as a part of the sum of the elements' magnitudes,
 * which is what bounds them when elements cancel. */
#include <math.h>
#include <stdlib.h>

#include "levels.h"
#include "measure.h"

enum { SUM_BITS = 400 }; /* enough for a sum of the inputs below to be exact */

typedef enum { UNIFORM, NORMAL, WIDE, KINDS } kind;
static const char *const kinds[KINDS] = {"uniform in [0, 1)", "normal", "normal times 2^(-30 ... 30)"};

static at_tensor *make(kind k, at_dtype dtype, int64_t n) {
    at_manual_seed(5);
    at_tensor *x = k == UNIFORM ? at_rand(n) : at_randn(n);
    if (dtype == AT_FLOAT64) x = at_mul(at_to(x, dtype), 1.1); /* else all digits beyond float32's are 0 */
    if (k == WIDE) x = at_mul(x, at_pow(2, at_to(at_randint(-30, 31, n), dtype)));
    return at_contiguous(x);
}

static double element(at_tensor *x, int64_t i) {
    return at_dtype_of(x) == AT_FLOAT32 ? (double)at_floats(x)[i] : at_doubles(x)[i];
}

static void add_exactly(at_tensor *x, int64_t start, int64_t step, int64_t count, mpfr_t sum, double *magnitudes) {
    mpfr_set_zero(sum, 1);
    for (int64_t i = 0; i < count; i++) {
        double e = element(x, start + i * step);
        mpfr_add_d(sum, sum, e, MPFR_RNDN);
        *magnitudes += fabs(e);
    }
}

/* Results y of which each sums (or averages: divisor) count elements of x, step apart. */
static bool print_sums(const char *what, kind k, at_tensor *x, at_tensor *y, int64_t stride, int64_t step,
                       int64_t count, unsigned long divisor) {
    at_dtype dtype = at_dtype_of(x);
    double worst_ulp = 0, worst_part = 0;
    mpfr_t sum, difference;
    mpfr_inits2(SUM_BITS, sum, difference, (mpfr_ptr)0);
    for (int64_t i = 0; i < at_numel(y); i++) {
        double magnitudes = 0, result = element(y, i);
        add_exactly(x, i * stride, step, count, sum, &magnitudes);
        mpfr_div_ui(sum, sum, divisor, MPFR_RNDN);
        worst_ulp = fmax(worst_ulp, exact_error(dtype, result, sum, sum));
        mpfr_sub_d(difference, sum, result, MPFR_RNDN);
        worst_part = fmax(worst_part, fabs(mpfr_get_d(difference, MPFR_RNDN)) * (double)divisor / magnitudes);
    }
    mpfr_clears(sum, difference, (mpfr_ptr)0);
    double last_place = dtype == AT_FLOAT32 ? 0x1p-24 : 0x1p-53;
    printf("| %s | %s | %s | %.3g | %.3f |\n", what, dtype == AT_FLOAT32 ? "float32" : "float64", kinds[k], worst_ulp,
           worst_part / last_place);
    fflush(stdout);
    return worst_part <= last_place * (dtype == AT_FLOAT32 ? 2 : 30);
}

static bool measure(kind k, at_dtype dtype, int64_t n) {
    bool good = true;
    int64_t side = (int64_t)sqrt((double)n);
    AT_SCOPE {
        at_tensor *x = make(k, dtype, side * side), *matrix = at_reshape(x, side, side);
        good &= print_sums("sum", k, x, at_sum(x), 0, 1, side * side, 1);
        good &= print_sums("mean", k, x, at_mean(x), 0, 1, side * side, (unsigned long)(side * side));
        good &= print_sums("sum over rows", k, x, at_sum_dim(matrix, 1, false), side, 1, side, 1);
        good &= print_sums("sum over columns", k, x, at_sum_dim(matrix, 0, false), 1, side, side, 1);
    }
    return good;
}

bool measure_sums(int64_t n) {
    bool good = true;
    printf("\n| %lld elements | dtype | elements | ulp | of the sum of magnitudes, 2^-24 or 2^-53 "
           "|\n|---|---|---|--:|--:|\n",
           (long long)n);
    for (int k = 0; k < KINDS; k++) {
        good &= measure((kind)k, AT_FLOAT32, n);
        good &= measure((kind)k, AT_FLOAT64, n);
    }
    return good;
}
