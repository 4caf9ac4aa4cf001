/* tests/accuracy/softmax.c - softmax, log_softmax and logsumexp at the ends of the range, against MPFR. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

enum { ROW = 33, SOFTMAX_BITS = 512 };

typedef enum { SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, OPERATIONS } operation;
static const char *const operations[OPERATIONS] = {"softmax", "log_softmax", "logsumexp"};

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* Elements between -spread and spread around a centre. */
static const struct {
    const char *name;
    double centre, spread;
} rows[] = {{"near 0", 0, 1},
            {"±30", 0, 30},
            {"±88", 0, 88},
            {"±104: subnormal results", 0, 104},
            {"±750", 0, 750},
            {"around 1e4", 1e4, 20},
            {"around -1e4", -1e4, 20},
            {"±1e38", 0, 1e38},
            {"around 3e38", 3e38, 1e30}};
enum { N_ROWS = sizeof rows / sizeof *rows, TURNS = 200 };

static void fill(double *x, int r, unsigned turn) {
    uint64_t state = turn * 1000003u + 17;
    for (int i = 0; i < ROW; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (double)(float)(rows[r].centre + rows[r].spread * ldexp((double)(int64_t)state, -63));
    }
}

/* ---- exact results ----------------------------------------------------------------------------------------------- */

static int largest_of(const double *x) {
    int largest = 0;
    for (int i = 1; i < ROW; i++) largest = x[i] > x[largest] ? i : largest;
    return largest;
}

/* logsumexp x - max x: log1p of the sum of exp(x - max x), without the largest's own 1. */
static void set_excess(mpfr_t y, const double *x) {
    int largest = largest_of(x);
    mpfr_t term;
    mpfr_init2(term, SOFTMAX_BITS);
    mpfr_set_zero(y, 1);
    for (int i = 0; i < ROW; i++) {
        if (i == largest) continue;
        mpfr_set_d(term, x[i], MPFR_RNDN);
        mpfr_sub_d(term, term, x[largest], MPFR_RNDN);
        mpfr_exp(term, term, MPFR_RNDN);
        mpfr_add(y, y, term, MPFR_RNDN);
    }
    mpfr_log1p(y, y, MPFR_RNDN);
    mpfr_clear(term);
}

/* And the number whose last place is the unit of errors: the result, but the row's largest element in logsumexp and, as
 * it is subtracted first, in log_softmax; the difference d = max - x in it, too. What the rounding of d leaves is d
 * times as much in exp d: softmax's unit is that of d times the result. */
static void set_result(mpfr_t y, mpfr_t scale, operation o, const double *x, int i, const mpfr_t excess) {
    double largest = x[largest_of(x)];
    mpfr_set_d(scale, x[i], MPFR_RNDN);
    mpfr_sub_d(scale, scale, largest, MPFR_RNDN);
    mpfr_sub(y, scale, excess, MPFR_RNDN);
    if (o == SOFTMAX) mpfr_exp(y, y, MPFR_RNDN);
    if (o == LOGSUMEXP) mpfr_add_d(y, excess, largest, MPFR_RNDN);
    mpfr_abs(scale, scale, MPFR_RNDN);
    if (o == SOFTMAX) {
        if (mpfr_cmp_ui(scale, 1) < 0) mpfr_set_ui(scale, 1, MPFR_RNDN);
        mpfr_mul(scale, scale, y, MPFR_RNDN);
    } else {
        mpfr_abs(scale, y, MPFR_RNDN);
        if (mpfr_cmp_d(scale, fabs(largest)) < 0) mpfr_set_d(scale, fabs(largest), MPFR_RNDN);
    }
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static at_tensor *apply(operation o, at_tensor *x) {
    return o == SOFTMAX ? at_softmax(x, -1) : o == LOG_SOFTMAX ? at_log_softmax(x, -1) : at_logsumexp_dim(x, -1, false);
}

static double row_error(operation o, at_dtype dtype, const double *x) {
    double most = 0;
    mpfr_t excess, exact, scale;
    mpfr_inits2(SOFTMAX_BITS, excess, exact, scale, (mpfr_ptr)0);
    set_excess(excess, x);
    AT_SCOPE {
        const double *y = at_doubles(at_to(apply(o, at_to(at_from_doubles(x, ROW), dtype)), AT_FLOAT64));
        for (int i = 0; i < (o == LOGSUMEXP ? 1 : ROW); i++) {
            set_result(exact, scale, o, x, i, excess);
            double result = y[i] == 0 ? (mpfr_signbit(exact) ? -0.0 : 0.0) : y[i]; /* a difference of 0 has no sign */
            most = fmax(most, exact_error(dtype, result, exact, scale));
        }
    }
    mpfr_clears(excess, exact, scale, (mpfr_ptr)0);
    return most;
}

static bool print_row(int r, at_dtype dtype) {
    double x[ROW];
    bool good = true;
    printf("| %s | %s |", rows[r].name, dtype == AT_FLOAT32 ? "float32" : "float64");
    for (int o = 0; o < OPERATIONS; o++) {
        double most = 0;
        for (unsigned turn = 0; turn < TURNS; turn++) {
            fill(x, r, turn);
            most = fmax(most, row_error((operation)o, dtype, x));
        }
        printf(" %.3g |", most);
        good &= most <= 4;
    }
    printf("\n");
    return good;
}

bool measure_softmax(void) {
    bool good = true;
    printf("\n| rows of %d |", ROW);
    printf(" dtype |");
    for (int o = 0; o < OPERATIONS; o++) printf(" %s |", operations[o]);
    printf("\n|---|---|--:|--:|--:|\n");
    mpfr_set_emin(mpfr_get_emin_min());
    mpfr_set_emax(mpfr_get_emax_max());
    for (int r = 0; r < N_ROWS; r++) {
        good &= print_row(r, AT_FLOAT32);
        good &= print_row(r, AT_FLOAT64);
    }
    return good;
}
