/* tests/test_vector_math.c - functions of an element at special values and at the inputs where they err most.
 *
 * The inputs and their exact results come from `make accuracy`, which looks at all float32 numbers and asks MPFR. Here
 * they go through the public functions, at the kernel level of ATLED_KERNELS. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "../atled.h"

#define FUNCTION(name, operation, estimate, exact)                                                                     \
    static at_tensor *apply_##name(at_tensor *x, at_tensor *z) {                                                       \
        (void)z;                                                                                                       \
        return operation;                                                                                              \
    }
#include "accuracy/functions.def"
#undef FUNCTION

typedef struct {
    const char *name;
    at_tensor *(*apply)(at_tensor *x, at_tensor *z);
    at_dtype dtype;
    double allowed, x, z, exact;
} hard_input;

static const hard_input hard_inputs[] = {
#define HARD(name, dtype, allowed, x, z, exact) {#name, apply_##name, dtype, allowed, x, z, exact},
#include "hard_inputs.inc"
#undef HARD
};
enum { N_HARD = sizeof hard_inputs / sizeof *hard_inputs };

/* How far y is from exact, in units of the last place of scale; beyond the largest number is the next power of two. */
static double distance(at_dtype dtype, double y, double exact, double scale) {
    bool single = dtype == AT_FLOAT32;
    int exponent, bits = single ? 24 : 53, lowest = single ? -149 : -1074;
    if (isnan(y) || isnan(exact)) return isnan(y) && isnan(exact) ? 0 : (double)INFINITY;
    if (y == exact && !signbit(y) == !signbit(exact)) return 0;
    if (!signbit(y) != !signbit(exact)) return (double)INFINITY;
    double half_beyond = single ? 0x1p127 : 0x1p1023;
    double part = fabs(exact) > 1 ? 0.5 : 1; /* of large numbers halves, so that the one beyond is a number */
    double a = isinf(y) ? copysign(half_beyond, y) : part * y,
           b = isinf(exact) ? copysign(half_beyond, exact) : part * exact;
    frexp(isinf(scale) ? half_beyond : scale, &exponent);
    return ldexp(fabs(a - b) / part, -(exponent - bits < lowest ? lowest : exponent - bits));
}

/* In vectors and behind the last one. */
static void check_hard_input(const hard_input *h) {
    enum { COPIES = 37 };
    at_tensor *x = at_contiguous(at_to(at_expand(at_from_doubles(&h->x, 1), COPIES), h->dtype));
    at_tensor *z = at_contiguous(at_to(at_expand(at_from_doubles(&h->z, 1), COPIES), h->dtype));
    const double *y = at_doubles(at_to(h->apply(x, z), AT_FLOAT64));
    bool of_x = h->apply == apply_gelu; /* whose 1 + erf has as many digits as the 1 */
    for (int i = 0; i < COPIES; i++) {
        double error = distance(h->dtype, y[i], h->exact, of_x ? h->x : h->exact);
        if (!(error < h->allowed + 0.5))
            ck_abort_msg("%s of %a, %a in %s: %a instead of %a, %g ulp", h->name, h->x, h->z,
                         h->dtype == AT_FLOAT32 ? "float32" : "float64", y[i], h->exact, error);
    }
}

/* Results that are correctly rounded must be just the exact one, rounded; others hardly further off than was found. */
START_TEST(test_hard_inputs) {
    for (int i = 0; i < N_HARD; i++)
        AT_SCOPE { check_hard_input(&hard_inputs[i]); }
}
END_TEST

/* ---- softmax and its relatives ----------------------------------------------------------------------------------- */

static bool same(double y, double expected) {
    return isnan(expected) ? isnan(y) : y == expected || fabs(y - expected) <= fmax(1e-6 * fabs(expected), 0x1p-149);
}

/* A row by itself, as a long row, and down a column. */
static void check_row(const char *what, at_tensor *(*f)(at_tensor *x, int dim), const double *x, int n,
                      const double *expected, int results) {
    enum { REPEATED = 9 };
    for (int d = AT_FLOAT32; d <= AT_FLOAT64; d++)
        AT_SCOPE {
            at_tensor *row = at_to(at_from_doubles(x, n), (at_dtype)d);
            at_tensor *rows = at_contiguous(at_expand(row, REPEATED, n));
            const double *y = at_doubles(at_to(f(row, 0), AT_FLOAT64)),
                         *many = at_doubles(at_to(f(rows, 1), AT_FLOAT64));
            at_tensor *columns = at_contiguous(at_transpose(rows, 0, 1)), *down = f(columns, 0);
            if (results > 1) down = at_transpose(down, 0, 1);
            const double *by_column = at_doubles(at_to(down, AT_FLOAT64));
            for (int i = 0; i < REPEATED * results; i++)
                if (!same(y[i % results], expected[i % results]) || !same(many[i], expected[i % results]) ||
                    !same(by_column[i], expected[i % results]))
                    ck_abort_msg("%s, dtype %d, element %d: %g, %g, %g instead of %g", what, d, i, y[i % results],
                                 many[i], by_column[i], expected[i % results]);
        }
}

static at_tensor *logsumexp(at_tensor *x, int dim) { return at_logsumexp_dim(x, dim, false); }

/* As PyTorch: where the largest is infinite, its difference from itself is NaN. */
START_TEST(test_rows_at_the_ends_of_the_range) {
    enum { N = 3 };
    const double inf = (double)INFINITY, nan_ = (double)NAN;
    const struct {
        double x[N], softmax[N], log_softmax[N], logsumexp;
    } rows[] = {
        {{-inf, -inf, -inf}, {nan_, nan_, nan_}, {nan_, nan_, nan_}, -inf},
        {{-inf, 0, -inf}, {0, 1, 0}, {-inf, 0, -inf}, 0},
        {{1, inf, 2}, {nan_, nan_, nan_}, {nan_, nan_, nan_}, inf},
        {{1, nan_, 2}, {nan_, nan_, nan_}, {nan_, nan_, nan_}, nan_},
        {{-inf, nan_, inf}, {nan_, nan_, nan_}, {nan_, nan_, nan_}, nan_},
        {{1e38, 1e38, -1e38}, {0.5, 0.5, 0}, {-0.6931471805599453, -0.6931471805599453, -2e38}, 1e38},
        {{2e38, 0, -1e38}, {1, 0, 0}, {0, -2e38, -3e38}, 2e38},
        {{88, -88, 88},
         {0.5, 3.0253185e-77, 0.5},
         {-0.6931471805599453, -176.6931471805599453, -0.6931471805599453},
         88.6931471805599453},
        {{-1000, -1000, -1000},
         {1 / 3.0, 1 / 3.0, 1 / 3.0},
         {-1.0986122886681098, -1.0986122886681098, -1.0986122886681098},
         -998.9013877113319},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        check_row("softmax", at_softmax, rows[r].x, N, rows[r].softmax, N);
        check_row("log_softmax", at_log_softmax, rows[r].x, N, rows[r].log_softmax, N);
        check_row("logsumexp", logsumexp, rows[r].x, N, &rows[r].logsumexp, 1);
    }
}
END_TEST

/* exp(-100) and exp(-103) of float32 are subnormal: not exact, but right to the last place that there is. */
START_TEST(test_softmax_gives_subnormal_results) {
    const float x[] = {0, -88, -100, -103, -104};
    const float *y = at_floats(at_softmax(at_from_floats(x, 5), 0));
    for (int i = 0; i < 5; i++) ck_assert(fabs((double)y[i] - exp((double)x[i])) <= 0x1p-149);
    ck_assert(y[3] > 0);
}
END_TEST

/* A sum of 2^k ones and of what float32 can no longer add one by one. */
START_TEST(test_sums_that_adding_one_by_one_gets_wrong) {
    enum { N = 20000000 }; /* more than 2^24 */
    at_tensor *ones = at_ones(N), *tenths = at_full(0.1, N);
    ck_assert_double_eq(at_item(at_sum(ones)), N);
    ck_assert_double_eq(at_item(at_mean(ones)), 1);
    ck_assert_double_eq(at_item(at_sum(tenths)), (double)(float)((double)0.1f * N));
    ck_assert_double_eq(at_item(at_sum_dim(ones, 0, false)), N);
}
END_TEST

Suite *vector_math_suite(void);
Suite *vector_math_suite(void) {
    Suite *suite = suite_create("vector_math");
    TCase *tcase = tcase_create("edges");
    tcase_add_test(tcase, test_hard_inputs);
    tcase_add_test(tcase, test_rows_at_the_ends_of_the_range);
    tcase_add_test(tcase, test_softmax_gives_subnormal_results);
    tcase_add_test(tcase, test_sums_that_adding_one_by_one_gets_wrong);
    suite_add_tcase(suite, tcase);
    return suite;
}
