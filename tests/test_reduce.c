/* tests/test_reduce.c - sums, extremes and softmax against references in long double. */
#include <float.h>

#include "core_support.h"

/* ---- sums -------------------------------------------------------------------------------------------------------- */

static const int64_t awkward[] = {1, 2, 49, 1023, 1024, 1025, 2048, 5000};
enum { AWKWARD = sizeof awkward / sizeof *awkward };

/* The sum of row r (dim 1) or column r (dim 0), and of the absolute values. */
static long double exact_sum(const double *x, int64_t rows, int64_t columns, int dim, int64_t r, long double *size) {
    long double sum = 0;
    *size = 0;
    for (int64_t i = 0; i < (dim ? columns : rows); i++) {
        double element = dim ? x[r * columns + i] : x[i * columns + r];
        sum += (long double)element;
        *size += fabsl((long double)element);
    }
    return sum;
}

/* The error of a sum: one rounding to the dtype, and a few, in float32 those of up to four elements, before. */
static void check_sums(at_tensor *x, int dim, double epsilon) {
    long double before = at_dtype_of(x) == AT_FLOAT32 ? 0x1.8p-23L : 0x1p-50L;
    int64_t rows = at_size(x, 0), columns = at_size(x, 1), results = dim ? rows : columns;
    const double *elements = at_doubles(at_to(x, AT_FLOAT64));
    const double *sums = at_doubles(at_to(at_sum_dim(x, dim, false), AT_FLOAT64));
    const double *means = at_doubles(at_to(at_mean_dim(x, dim, true), AT_FLOAT64));
    for (int64_t r = 0; r < results; r++) {
        long double size, sum = exact_sum(elements, rows, columns, dim, r, &size);
        long double n = (long double)(dim ? columns : rows);
        if (!(fabsl((long double)sums[r] - sum) <= (long double)epsilon * fabsl(sum) + size * before))
            ck_abort_msg("(%d, %d) along %d: sum %d is %.17g and not %.17Lg", (int)rows, (int)columns, dim, (int)r,
                         sums[r], sum);
        if (!(fabsl((long double)means[r] - sum / n) <= 4 * (long double)epsilon * fabsl(sum / n) + size / n * before))
            ck_abort_msg("(%d, %d) along %d: mean %d is %.17g", (int)rows, (int)columns, dim, (int)r, means[r]);
    }
}

BALANCED_TEST(awkward_shapes) {
    for (int i = 0; i < AWKWARD; i++)
        for (int j = 0; j < AWKWARD; j++)
            AT_SCOPE {
                if (awkward[i] * awkward[j] > 1200000) continue;
                at_tensor *x = at_sub(at_rand(awkward[i], awkward[j]), 0.4), *d = at_to(x, AT_FLOAT64);
                for (int dim = 0; dim < 2; dim++) {
                    check_sums(x, dim, FLT_EPSILON / 2);
                    check_sums(at_mul(d, 1.1), dim, DBL_EPSILON);
                    check_sums(at_transpose(at_mul(x, 3), 0, 1), dim, FLT_EPSILON / 2);
                }
            }
}

BALANCED_TEST(middle_dimensions) {
    at_tensor *x = at_reshape(at_arange(0, 2 * 30 * 7 * 5, 1), 2, 30, 7, 5), *y = at_sum_dim(x, 1, false);
    CHECK_SHAPE(y, 2, 7, 5);
    for (int64_t i = 0; i < 2; i++)
        for (int64_t k = 0; k < 35; k++) {
            double sum = 0;
            for (int64_t j = 0; j < 30; j++) sum += (double)((i * 30 + j) * 35 + k);
            ck_assert_double_eq(at_get(y, i, k / 5, k % 5), sum);
        }
    CHECK_SHAPE(at_sum_dim(x, -1, true), 2, 30, 7, 1);
    ck_assert_double_eq(at_item(at_sum(at_permute(x, 2, 0, 3, 1))), 2099.0 * 2100 / 2);
}

/* Blocks of elements begin and end within the rows of a window, whose memory goes on between them. */
BALANCED_TEST(windows_on_longer_rows) {
    for (int64_t n = 1; n < 2000; n += 333)
        AT_SCOPE {
            at_tensor *x = at_to(at_reshape(at_arange(0, 10000, 1), 5, 2000), AT_FLOAT64);
            double sum = 0;
            for (int64_t row = 0; row < 5; row++)
                for (int64_t i = 0; i < n; i++) sum += (double)(row * 2000 + i);
            ck_assert_double_eq(at_item(at_sum(at_slice(x, 1, 0, n, 1))), sum);
            ck_assert_double_eq(at_item(at_sum(at_expand(at_slice(x, 1, 3, 4, 1), 5, n))), 20015.0 * (double)n);
        }
}

/* The elements of one index of what is summed are several runs in memory, those of the last index included. */
BALANCED_TEST(windows_and_repeats_summed_across) {
    for (int64_t n = 1; n < 20; n++)
        AT_SCOPE {
            at_tensor *x = at_reshape(at_arange(0, (double)(n * 360), 1), n, 3, 120);
            at_tensor *sums = at_sum_dim(at_slice(x, 2, 7, 107, 1), 0, false);
            at_tensor *least = at_min_dim(at_repeat(x, 1, 1, 2), 0, false, NULL);
            CHECK_SHAPE(sums, 3, 100);
            CHECK_SHAPE(least, 3, 240);
            for (int64_t i = 0; i < 300; i++)
                ck_assert_double_eq(at_get(sums, i / 100, i % 100),
                                    (double)(n * (i / 100 * 120 + i % 100 + 7) + 180 * n * (n - 1)));
            for (int64_t i = 0; i < 720; i++)
                ck_assert_double_eq(at_get(least, i / 240, i % 240), (double)(i / 240 * 120 + i % 120));
        }
}

/* What a row is depends on the shape alone, and what is longer than a block is cut at its rows. */
static void check_cut_at_rows(int64_t outer, int64_t rows, int64_t n) {
    int64_t all = outer * rows * n;
    at_tensor *x = at_sub(at_reshape(at_arange(0, (double)all, 1), outer, rows, n), 1000);
    at_tensor *stored = at_contiguous(x), *turned = at_contiguous(at_transpose(x, 1, 2)), *total = at_sum(at_mul(x, x));
    at_tensor *same[] = {at_sum(at_mul(stored, x)), at_sum(at_mul(at_transpose(turned, 1, 2), stored)),
                         at_sum(at_contiguous(at_mul(x, x)))};
    for (int i = 0; i < 3; i++)
        if (at_item(same[i]) != at_item(total)) ck_abort_msg("(%d, %d, %d): %d", (int)outer, (int)rows, (int)n, i);
    ck_assert_double_eq(at_item(at_sum(at_to(x, AT_INT64))), (double)(all * (all - 1) / 2 - 1000 * all));
    ck_assert_double_eq(at_item(at_max(x)), (double)(all - 1001));
    ck_assert_double_eq(at_item(at_min(at_flip(x, 2))), -1000);
    ck_assert_double_eq(at_item(at_prod(at_where(at_eq(x, (double)(all - 1001)), 3.0, 1.0))), 3);
    ck_assert_double_eq(at_item(at_sum(at_eq(x, (double)(all - 1001)))), 1);
}

BALANCED_TEST(long_sums_are_cut_at_rows) {
    static const int64_t sizes[] = {1, 3, 100, 255, 256, 257, 512, 513, 1023, 1024, 1025, 1100, 2047, 2049};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int64_t rows = 1; rows <= 13; rows += 3)
            AT_SCOPE
                check_cut_at_rows(rows % 2 + 1, rows, sizes[i]);
}

/* Columns are summed in blocks of 1024, those of all outer indices in one count. */
BALANCED_TEST(middle_dimensions_of_whole_blocks) {
    for (int64_t inner = 1022; inner <= 1026; inner++)
        AT_SCOPE {
            at_tensor *x = at_reshape(at_arange(0, (double)(3 * 2 * inner), 1), 3, 2, inner);
            at_tensor *y = at_sum_dim(x, 1, false);
            const float *first = at_floats(x), *sums = at_floats(y);
            for (int64_t i = 0; i < 3 * inner; i++) {
                const float *column = first + i / inner * 2 * inner + i % inner;
                if (sums[i] != column[0] + column[inner]) ck_abort_msg("(3, 2, %d): sum %d", (int)inner, (int)i);
            }
        }
}

/* A plain loop in float32 ends near 1.2e6, and loses a tenth of it. */
BALANCED_TEST(ten_million_floats) {
    at_tensor *x = at_full(0.1, 10000000);
    double exact = 1e7 * (double)0.1f;
    ck_assert_double_eq_tol(at_item(at_sum(x)), exact, exact * FLT_EPSILON);
    ck_assert_double_eq_tol(at_item(at_mean(x)), (double)0.1f, 0.1 * FLT_EPSILON);
    ck_assert_double_eq_tol(at_get(at_sum_dim(at_reshape(x, 5000000, 2), 0, false), 1), exact / 2,
                            exact / 2 * FLT_EPSILON);
}

/* Pairwise summation errs by about log2(n) roundings at most; in practice by far less. */
BALANCED_TEST(a_million_doubles) {
    at_tensor *x = at_to(at_rand(1000000), AT_FLOAT64);
    x = at_sqrt(x);
    const double *elements = at_doubles(x);
    long double sum = 0;
    for (int64_t i = 0; i < 1000000; i++) sum += (long double)elements[i];
    double bound = (double)sum * DBL_EPSILON * 20;
    ck_assert_double_eq_tol(at_item(at_sum(x)), (double)sum, bound);
    ck_assert_double_eq_tol(at_item(at_sum(at_sum_dim(at_reshape(x, 250000, 4), 0, false))), (double)sum, bound);
    ck_assert_double_eq_tol(at_item(at_sum(at_sum_dim(at_reshape(x, 500, 2000), 0, false))), (double)sum, bound);
}

BALANCED_TEST(integers_and_bools) {
    at_tensor *i = at_sub(at_to(at_arange(0, 5000, 1), AT_INT64), 7), *b = at_gt(i, 90);
    ck_assert_int_eq(at_int64s(at_sum(i))[0], 4999 * 2500 - 35000);
    ck_assert_int_eq(at_int64s(at_sum(b))[0], 4902);
    ck_assert_int_eq(at_int64s(at_sum_dim(at_reshape(b, 50, 100), 0, false))[99], 50);
    ck_assert_int_eq(at_int64s(at_prod(at_to(at_arange(1, 21, 1), AT_INT64)))[0], INT64_C(2432902008176640000));
    ck_assert_int_eq(at_int64s(at_prod(b))[0], 0);
    const int64_t large[] = {INT64_MAX, -1, 1};
    ck_assert_int_eq(at_int64s(at_sum(at_from_int64s(large, 3)))[0], INT64_MAX);
    ck_assert_double_eq_tol(at_item(at_prod(at_full(1.001, 5000))), pow((double)1.001f, 5000), 1e-4);
}

BALANCED_TEST(of_nothing) {
    at_tensor *none = at_zeros(0, 3);
    ck_assert_double_eq(at_item(at_sum(none)), 0);
    ck_assert_double_eq(at_item(at_prod(none)), 1);
    ck_assert(isnan(at_item(at_mean(none))));
    CHECK_ELEMENTS(at_sum_dim(none, 0, false), 0, 0, 0);
    CHECK_SHAPE(at_sum_dim(none, 1, false), 0);
    CHECK_ELEMENTS(at_any_dim(none, 0, false), 0, 0, 0);
    CHECK_ELEMENTS(at_all_dim(none, 0, true), 1, 1, 1);
    CHECK_ELEMENTS(at_logsumexp_dim(none, 0, false), -INFINITY, -INFINITY, -INFINITY);
    CHECK_SHAPE(at_softmax(none, 0), 0, 3);
    ck_assert(isnan(at_item(at_var(at_ones(1)))));
    ck_assert_double_eq(at_item(at_sum(at_scalar(3))), 3);
}

/* ---- extremes ---------------------------------------------------------------------------------------------------- */

BALANCED_TEST(extremes) {
    for (int i = 0; i < AWKWARD; i++)
        AT_SCOPE {
            int64_t n = awkward[i];
            at_tensor *x = at_sin(at_mul(at_arange(0, (double)n, 1), 1.7)), *column = at_reshape(x, n, 1);
            const float *elements = at_floats(x);
            int64_t largest = 0, smallest = 0;
            for (int64_t k = 1; k < n; k++) {
                if (elements[k] > elements[largest]) largest = k;
                if (elements[k] < elements[smallest]) smallest = k;
            }
            ck_assert_float_eq((float)at_item(at_max(x)), elements[largest]);
            ck_assert_float_eq((float)at_item(at_min(at_flip(column, 0))), elements[smallest]);
            ck_assert_double_eq(at_item(at_argmax(x, 0, false)), (double)largest);
            ck_assert_double_eq(at_item(at_argmin(column, 0, true)), (double)smallest);
            at_tensor *where = NULL, *rows = at_max_dim(at_expand(x, 2, n), 1, false, &where);
            ck_assert_float_eq((float)at_get(rows, 1), elements[largest]);
            ck_assert_double_eq(at_get(where, 1), (double)largest);
        }
}

BALANCED_TEST(nan_wins_and_the_first_of_equals) {
    const double x[] = {1, 5, NAN, 5, NAN, -7}, y[] = {2, 9, 9, 2};
    at_tensor *t = at_from_doubles(x, 6), *u = at_from_doubles(y, 4);
    ck_assert(isnan(at_item(at_max(t))));
    ck_assert(isnan(at_item(at_min(t))));
    ck_assert_double_eq(at_item(at_argmax(t, 0, false)), 2);
    ck_assert_double_eq(at_item(at_argmin(t, 0, false)), 2);
    ck_assert_double_eq(at_item(at_argmax(u, 0, false)), 1);
    ck_assert_double_eq(at_item(at_argmin(u, 0, false)), 0);
    for (int64_t n = 1; n < 40; n++)
        for (int64_t at = 0; at < n; at++)
            AT_SCOPE {
                at_tensor *v = at_where(at_eq(at_arange(0, (double)n, 1), (double)at), NAN, 3.0);
                if (!isnan(at_item(at_max(v))) || !isnan(at_get(at_min_dim(at_expand(v, 3, n), 1, false, NULL), 2)))
                    ck_abort_msg("NaN at %d of %d is lost", (int)at, (int)n);
            }
}

/* Two places of a row of n, each pair of them, have equal elements above all others, or NaN: the first is found. */
static void check_pairs_of_places(int64_t n, at_dtype dtype, double above) {
    at_tensor *place = at_arange(0, (double)n, 1);
    at_tensor *chosen = at_maximum(at_eq(place, at_reshape(place, n, 1, 1)), at_eq(place, at_reshape(place, n, 1)));
    at_tensor *x = at_contiguous(at_to(at_where(chosen, above, at_mul(at_sin(place), at_ones(n, n, 1))), dtype));
    at_tensor *found[] = {at_argmax(x, 2, false), at_argmax(at_contiguous(at_transpose(x, 1, 2)), 1, false),
                          at_argmin(at_to(at_mul(x, -1), dtype), 2, false)};
    for (int way = 0; way < (dtype == AT_BOOL ? 2 : 3); way++) {
        const int64_t *index = at_int64s(found[way]);
        for (int64_t i = 0; i < n * n; i++)
            if (index[i] != (i / n < i % n ? i / n : i % n))
                ck_abort_msg("dtype %d, of %d, at %d and %d: %d", dtype, (int)n, (int)(i / n), (int)(i % n),
                             (int)index[i]);
    }
}

/* Rows are searched in lanes of 32: every pair of them, in one turn and in two. */
BALANCED_TEST(the_first_of_two_in_any_lanes) {
    static const int64_t sizes[] = {1, 2, 31, 32, 33, 63, 64, 65, 97};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        AT_SCOPE {
            check_pairs_of_places(sizes[i], AT_FLOAT32, 7);
            check_pairs_of_places(sizes[i], AT_FLOAT64, 7);
            check_pairs_of_places(sizes[i], AT_INT64, 7);
            check_pairs_of_places(sizes[i], AT_FLOAT32, NAN);
            check_pairs_of_places(sizes[i], AT_FLOAT64, NAN);
        }
}

/* Columns are searched in blocks of 1024, those of all outer indices in one count. */
BALANCED_TEST(extremes_of_columns) {
    static const int64_t widths[] = {2, 1023, 1024, 1025, 2100};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (int64_t n = 1; n <= 7; n += 2)
            AT_SCOPE {
                int64_t inner = widths[i];
                at_tensor *x = at_sin(at_reshape(at_arange(0, (double)(3 * n * inner), 1), 3, n, inner));
                at_tensor *rows = at_contiguous(at_transpose(x, 1, 2));
                ck_assert(at_equal(at_argmax(x, 1, false), at_argmax(rows, 2, false)));
                ck_assert(at_equal(at_argmin(x, 1, false), at_argmin(rows, 2, false)));
            }
}

BALANCED_TEST(any_and_all) {
    at_tensor *x = at_reshape(at_to(at_eye(50), AT_BOOL), 50, 50);
    ck_assert_double_eq(at_item(at_any(x)), 1);
    ck_assert_double_eq(at_item(at_all(x)), 0);
    ck_assert_double_eq(at_item(at_all(at_any_dim(x, 0, false))), 1);
    ck_assert_double_eq(at_item(at_any(at_all_dim(x, 1, true))), 0);
    ck_assert_double_eq(at_item(at_any(at_full(NAN, 20))), 1); /* not zero */
    ck_assert_double_eq(at_item(at_any(at_zeros(5000))), 0);
    ck_assert_double_eq(at_item(at_all(at_full(-0.5, 5000))), 1);
}

/* ---- softmax and its relatives ----------------------------------------------------------------------------------- */

static void check_softmax(at_tensor *x, int dim, double tolerance) {
    int64_t outer = dim ? at_size(x, 0) : at_size(x, 1), n = at_size(x, dim);
    at_tensor *y = at_softmax(x, dim), *z = at_log_softmax(x, dim), *l = at_logsumexp_dim(x, dim, false);
    const double *in = at_doubles(at_to(dim ? x : at_transpose(x, 0, 1), AT_FLOAT64));
    const double *p = at_doubles(at_to(dim ? y : at_transpose(y, 0, 1), AT_FLOAT64));
    const double *log_p = at_doubles(at_to(dim ? z : at_transpose(z, 0, 1), AT_FLOAT64));
    const double *log_sum = at_doubles(at_to(l, AT_FLOAT64));
    for (int64_t r = 0; r < outer; r++) {
        long double m = -INFINITY, sum = 0;
        for (int64_t i = 0; i < n; i++) m = fmaxl(m, (long double)in[r * n + i]);
        for (int64_t i = 0; i < n; i++) sum += expl((long double)in[r * n + i] - m);
        for (int64_t i = 0; i < n; i++) {
            long double d = (long double)in[r * n + i] - m, exact = expl(d) / sum, log_exact = d - logl(sum);
            if (!(fabsl((long double)p[r * n + i] - exact) <= (long double)tolerance * (exact + (long double)1e-30)) ||
                !(fabsl((long double)log_p[r * n + i] - log_exact) <= (long double)tolerance * (1 + fabsl(log_exact))))
                ck_abort_msg("softmax of %d along %d: element %d is %.9g and not %.9Lg, its logarithm %.9g and not "
                             "%.9Lg",
                             (int)n, dim, (int)i, p[r * n + i], exact, log_p[r * n + i], log_exact);
        }
        if (!(fabsl((long double)log_sum[r] - m - logl(sum)) <= (long double)tolerance * (1 + fabsl(m + logl(sum)))))
            ck_abort_msg("logsumexp of %d along %d is %.9g", (int)n, dim, log_sum[r]);
    }
}

BALANCED_TEST(softmax) {
    for (int i = 0; i < AWKWARD; i++)
        for (int dim = 0; dim < 2; dim++)
            AT_SCOPE {
                at_tensor *x = at_mul(at_sub(dim ? at_rand(3, awkward[i]) : at_rand(awkward[i], 3), 0.5), 20);
                check_softmax(x, dim, 4e-6);
                check_softmax(at_to(x, AT_FLOAT64), dim, 1e-13);
            }
}

/* (outer, n, inner) along its middle, in some columns NaN or nothing but -infinity: as rows of what is transposed. */
static void check_softmax_of_columns(int64_t outer, int64_t n, int64_t inner, at_dtype dtype) {
    at_tensor *column = at_reshape(at_arange(0, (double)(outer * inner), 1), outer, 1, inner);
    at_tensor *row = at_reshape(at_arange(0, (double)n, 1), n, 1);
    at_tensor *x = at_mul(at_to(at_sub(at_rand(outer, n, inner), 0.5), dtype), 20);
    x = at_where(at_gt(at_sin(column), 0.9), -INFINITY, x);
    x = at_where(at_gt(at_sub(at_cos(column), at_sub(n - 1, row)), 0.9), NAN, x); /* in the last row */
    at_tensor *rows = at_contiguous(at_transpose(x, 1, 2));
    double tolerance = dtype == AT_FLOAT32 ? 4e-6 : 1e-13;
    for (int logarithm = 0; logarithm < 2; logarithm++) {
        at_tensor *y = logarithm ? at_log_softmax(x, 1) : at_softmax(x, 1);
        at_tensor *z = at_transpose(logarithm ? at_log_softmax(rows, 2) : at_softmax(rows, 2), 1, 2);
        const double *found = at_doubles(at_to(y, AT_FLOAT64)), *expected = at_doubles(at_to(z, AT_FLOAT64));
        for (int64_t i = 0; i < outer * n * inner; i++)
            if (isnan(found[i]) != isnan(expected[i]) ||
                fabs(found[i] - expected[i]) > tolerance * (1 + fabs(expected[i])))
                ck_abort_msg("(%d, %d, %d): element %d is %.9g and not %.9g", (int)outer, (int)n, (int)inner, (int)i,
                             found[i], expected[i]);
    }
}

BALANCED_TEST(softmax_of_columns) {
    static const int64_t widths[] = {2, 700, 1023, 1024, 1025, 2100};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (int64_t n = 1; n <= 5; n += 2)
            for (int64_t outer = 1; outer <= 3; outer += 2)
                AT_SCOPE {
                    check_softmax_of_columns(outer, n, widths[i], AT_FLOAT32);
                    check_softmax_of_columns(outer, n, widths[i], AT_FLOAT64);
                }
}

static at_tensor *expression(at_tensor *x) { return at_maximum(at_sub(at_exp(at_mul(x, 0.1)), x), at_sin(x)); }

/* What is computed goes through registers of a block each. */
BALANCED_TEST(softmax_of_an_expression) {
    for (int i = 0; i < AWKWARD; i++)
        AT_SCOPE {
            at_tensor *x = at_contiguous(at_mul(at_rand(awkward[i], 70), 20));
            for (int turned = 0; turned < 2; turned++, x = at_transpose(x, 0, 1)) {
                at_tensor *computed = expression(x), *stored = expression(x);
                at_floats(stored);
                ck_assert(at_equal(at_softmax(computed, 1), at_softmax(stored, 1)));
                ck_assert(at_equal(at_log_softmax(computed, 1), at_log_softmax(stored, 1)));
                ck_assert(at_equal(at_log_softmax(computed, 0), at_log_softmax(stored, 0)));
            }
        }
}

BALANCED_TEST(softmax_at_extremes) {
    const double huge[] = {1e30, -1e30, 0, 1e30}, row[] = {-INFINITY, 0, -INFINITY, 0};
    CHECK_ELEMENTS(at_softmax(at_from_doubles(huge, 4), 0), 0.5, 0, 0, 0.5);
    CHECK_ELEMENTS(at_softmax(at_from_doubles(row, 4), 0), 0, 0.5, 0, 0.5);
    CHECK_ELEMENTS(at_softmax(at_full(-INFINITY, 2), 0), NAN, NAN);
    CHECK_ELEMENTS(at_log_softmax(at_full(-INFINITY, 2), 0), NAN, NAN);
    CHECK_ELEMENTS(at_softmax(at_full(INFINITY, 2), 0), NAN, NAN);
    CHECK_ELEMENTS(at_softmax(at_scalar(8), 0), 1);
    at_tensor *far_end = at_where(at_eq(at_arange(0, 3000, 1), 2999), 500.0, 0.0);
    ck_assert_double_eq(at_get(at_softmax(far_end, 0), 2999), 1);
    ck_assert_double_eq(at_get(at_log_softmax(far_end, 0), 0), -500);
    at_tensor *long_row = at_full(-3e38, 3000); /* longer than what is taken at a time */
    ck_assert_double_eq_tol(at_get(at_softmax(long_row, 0), 2999), 1.0 / 3000, 1e-9);
    ck_assert_double_eq_tol(at_get(at_log_softmax(long_row, 0), 0), -log(3000), 1e-5);
    ck_assert_double_eq(at_item(at_logsumexp(at_full(-INFINITY, 3))), -INFINITY);
    ck_assert_double_eq(at_item(at_logsumexp(at_full(INFINITY, 3))), INFINITY);
    ck_assert_double_eq_tol(at_item(at_logsumexp(at_full(1000, 2))), 1000.6931, 1e-4);
    ck_assert(isnan(at_item(at_logsumexp(at_full(NAN, 3)))));
}

/* ---- running sums ------------------------------------------------------------------------------------------------ */

BALANCED_TEST(running_sums) {
    at_tensor *x = at_reshape(at_arange(1, 7, 1), 2, 3);
    CHECK_ELEMENTS(at_cumsum(x, 1), 1, 3, 6, 4, 9, 15);
    CHECK_ELEMENTS(at_cumsum(x, 0), 1, 2, 3, 5, 7, 9);
    CHECK_ELEMENTS(at_cumsum(at_gt(x, 2), 1), 0, 0, 1, 1, 2, 3);
    ck_assert_int_eq(at_dtype_of(at_cumsum(at_gt(x, 2), 1)), AT_INT64);
    CHECK_ELEMENTS(at_cumsum(at_scalar(2), 0), 2);
    CHECK_SHAPE(at_cumsum(at_zeros(0, 2), 0), 0, 2);
    double exact = 1e6 * (double)0.1f;
    ck_assert_double_eq_tol(at_get(at_cumsum(at_full(0.1, 1000000), 0), -1), exact, exact * FLT_EPSILON);
}

Suite *reduce_suite(void) {
    Suite *suite = suite_create("reduce");
    TCase *sums = tcase_create("sums"), *others = tcase_create("others");
    tcase_add_test(sums, awkward_shapes);
    tcase_add_test(sums, middle_dimensions);
    tcase_add_test(sums, windows_on_longer_rows);
    tcase_add_test(sums, long_sums_are_cut_at_rows);
    tcase_add_test(sums, middle_dimensions_of_whole_blocks);
    tcase_add_test(sums, windows_and_repeats_summed_across);
    tcase_add_test(sums, ten_million_floats);
    tcase_add_test(sums, a_million_doubles);
    tcase_add_test(sums, integers_and_bools);
    tcase_add_test(sums, of_nothing);
    suite_add_tcase(suite, sums);
    tcase_add_test(others, extremes);
    tcase_add_test(others, nan_wins_and_the_first_of_equals);
    tcase_add_test(others, the_first_of_two_in_any_lanes);
    tcase_add_test(others, extremes_of_columns);
    tcase_add_test(others, any_and_all);
    tcase_add_test(others, softmax);
    tcase_add_test(others, softmax_of_columns);
    tcase_add_test(others, softmax_of_an_expression);
    tcase_add_test(others, softmax_at_extremes);
    tcase_add_test(others, running_sums);
    suite_add_tcase(suite, others);
    return suite;
}
