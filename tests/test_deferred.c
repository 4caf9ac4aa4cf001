/* tests/test_deferred.c - deferring, fusing and threads change when values are computed, never what they are. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>

#include "../tensor/internal.h"
#include "core_support.h"

/* ---- random programs ----------------------------------------------------------------------------------------------
 * A seed stands for an expression of up to 60 operations. However it is computed, the bits must be the same. */

enum { OPERATIONS = 60, RESULTS = 6 };

typedef struct {
    at_tensor *list[OPERATIONS + 8];
    int count;
} values;

static at_tensor *pick(const values *v, uint64_t *state) {
    int64_t recent = v->count < 6 ? v->count : 6;
    return v->list[chance(state, 3) ? v->count - 1 - chance(state, recent) : chance(state, v->count)];
}

/* All of shape (rows, columns), of several dtypes and layouts. */
static void add_inputs(values *v, int64_t rows, int64_t columns) {
    at_manual_seed(7);
    v->list[v->count++] = at_randn(rows, columns);
    v->list[v->count++] = at_to(at_randn(rows, columns), AT_FLOAT64);
    v->list[v->count++] = at_randint(-9, 9, rows, columns);
    v->list[v->count++] = at_gt(at_randn(rows, columns), 0);
    v->list[v->count++] = at_transpose(at_randn(columns, rows), 0, 1);
    v->list[v->count++] = at_expand(at_randn(columns), rows, columns);
    v->list[v->count++] = at_randn(rows, 1);
}

static at_tensor *view_of(at_tensor *x, uint64_t *state) {
    int64_t rows = at_size(x, 0), columns = at_size(x, 1);
    switch (chance(state, 4)) {
    case 0: return at_flip(x, (int)chance(state, 2));
    case 1: return at_transpose(at_reshape(x, columns, rows), 0, 1);
    case 2: return at_reshape(at_transpose(x, 0, 1), rows, columns);
    default: return at_expand(at_slice(x, 0, rows / 2, rows / 2 + 1, 1), rows, columns);
    }
}

static at_tensor *reduced(at_tensor *x, uint64_t *state) {
    at_tensor *real = at_to(x, at_dtype_of(x) == AT_FLOAT64 ? AT_FLOAT64 : AT_FLOAT32);
    int dim = (int)chance(state, 2);
    switch (chance(state, 6)) {
    case 0: return at_sub(at_add(x, 0), at_mean_dim(real, dim, true));
    case 1: return at_mul(real, at_sum_dim(x, dim, true));
    case 2: return at_softmax(real, dim);
    case 3: return at_add(at_cumsum(real, dim), at_max_dim(real, dim, true, NULL));
    case 4: return at_minimum(x, at_logsumexp_dim(real, dim, true));
    default: return at_sub(real, at_max(real));
    }
}

static at_tensor *operation(const values *v, uint64_t *state) {
    at_tensor *a = pick(v, state), *b = pick(v, state);
    int64_t rows = at_size(v->list[0], 0), columns = at_size(v->list[0], 1);
    a = at_expand(a, rows, columns);
    switch (chance(state, 14)) {
    case 0: return at_add(a, b);
    case 1: return at_mul(at_tanh(a), b);
    case 2: return at_sin(a);
    case 3: return at_exp(at_neg(at_abs(at_add(a, 0))));
    case 4: return at_where(at_lt(a, b), a, 0.5);
    case 5: return at_maximum(a, at_mul(b, 0.25));
    case 6: return at_div(a, at_add(at_square(at_add(b, 0)), 1));
    case 7: return at_sigmoid(at_sub(1, at_add(at_add(a, b), 0)));
    case 8: return at_clamp(at_add(a, 0), -3, 3);
    case 9: return at_to(a, (at_dtype)chance(state, 3));
    case 10: return at_log1p(at_abs(at_add(at_add(b, a), 0)));
    case 11:
    case 12: return view_of(a, state);
    default: return reduced(a, state);
    }
}

/* The last results of a program, held by the caller; some are read as soon as they are there. */
static void run_program(uint64_t seed, int64_t rows, int64_t columns, uint64_t read_seed, at_tensor **results) {
    uint64_t state = seed, reading = read_seed;
    AT_SCOPE {
        values v = {.count = 0};
        add_inputs(&v, rows, columns);
        int64_t n = 10 + chance(&state, OPERATIONS - 10);
        for (int64_t i = 0; i < n; i++) {
            at_tensor *y = operation(&v, &state);
            ck_assert_msg(y != NULL, "seed %llu: %s", (unsigned long long)seed, at_error());
            if (read_seed && chance(&reading, 3) == 0) at_equal(y, y);
            v.list[v.count++] = y;
        }
        for (int i = 0; i < RESULTS; i++) at_assign(&results[i], v.list[v.count - 1 - i]);
    }
}

static bool same_bits(at_tensor *a, at_tensor *b) {
    size_t n = (size_t)at_numel(a);
    if (at_dtype_of(a) != at_dtype_of(b) || at_numel(a) != at_numel(b)) return false;
    switch (at_dtype_of(a)) {
    case AT_FLOAT32: return memcmp(at_floats(a), at_floats(b), 4 * n) == 0;
    case AT_FLOAT64: return memcmp(at_doubles(a), at_doubles(b), 8 * n) == 0;
    case AT_INT64: return memcmp(at_int64s(a), at_int64s(b), 8 * n) == 0;
    case AT_BOOL: return memcmp(at_bools(a), at_bools(b), n) == 0;
    }
    return false;
}

static void compare(uint64_t seed, const char *way, at_tensor **expected, at_tensor **results) {
    for (int i = 0; i < RESULTS; i++) {
        if (!same_bits(expected[i], results[i]))
            ck_abort_msg("program %llu %s: result %d differs", (unsigned long long)seed, way, i);
        at_assign(&results[i], NULL);
    }
}

static void check_program(uint64_t seed, int64_t rows, int64_t columns) {
    at_tensor *expected[RESULTS] = {NULL}, *results[RESULTS] = {NULL};
    at_set_num_threads(1);
    at_set_eager(true);
    run_program(seed, rows, columns, 0, expected);
    at_set_eager(false);
    static const int threads[] = {1, 2, 3, 8};
    for (int i = 0; i < 4; i++) {
        at_set_num_threads(threads[i]);
        run_program(seed, rows, columns, 0, results);
        compare(seed, "deferred", expected, results);
    }
    run_program(seed, rows, columns, seed + 1, results);
    compare(seed, "read in between", expected, results);
    for (int i = 0; i < RESULTS; i++) at_assign(&expected[i], NULL);
}

BALANCED_TEST(small_programs) {
    static const int64_t sizes[][2] = {{1, 1}, {1, 17}, {3, 5}, {4, 4}, {31, 33}, {2, 700}, {700, 2}};
    for (uint64_t seed = 1; seed <= 210; seed++) check_program(seed, sizes[seed % 7][0], sizes[seed % 7][1]);
}

BALANCED_TEST(large_programs) {
    check_program(1, 400, 500);
    check_program(2, 25000, 8);
    check_program(3, 20, 10001);
    check_program(4, 1, 200000);
}

static void check_products(int64_t rows, int64_t inner, int64_t columns) {
    at_tensor *a = at_sin(at_randn(2, rows, inner)), *b = at_transpose(at_randn(2, columns, inner), 1, 2),
              *first = NULL;
    static const int threads[] = {1, 2, 3, 8};
    for (int i = 0; i < 4; i++) {
        at_set_num_threads(threads[i]);
        at_tensor *y = at_bmm(a, b);
        if (!first) first = y;
        ck_assert_msg(same_bits(first, y), "%d threads", threads[i]);
    }
}

BALANCED_TEST(products) {
    AT_SCOPE
        check_products(300, 40, 200);
    AT_SCOPE
        check_products(129, 30, 1024);
    AT_SCOPE
        check_products(20000, 8, 3);
    AT_SCOPE
        check_products(5000, 300, 1);
    AT_SCOPE
        check_products(1, 300, 5000);
}

/* ---- operands in any order of dimensions --------------------------------------------------------------------------
 * A window on an array of whole numbers, permuted: what an expression reads is known without reading it. */

enum { MARGIN = 3 };

/* Elements first ... first + dim[d] of each dimension d of (dim[0] + MARGIN, dim[1] + MARGIN, dim[2] + MARGIN). */
static at_tensor *window(const int64_t *dim, int64_t first, at_dtype dtype) {
    at_shape shape = AT_SHAPE(dim[0] + MARGIN, dim[1] + MARGIN, dim[2] + MARGIN);
    at_tensor *x = at_reshape_shape(at_arange(0, (double)elements_of(shape), 1), shape);
    x = dtype == AT_BOOL ? at_gt(at_sin(x), 0) : at_to(x, dtype);
    at_equal(x, x); /* stored */
    for (int d = 0; d < 3; d++) x = at_slice(x, d, first, first + dim[d], 1);
    return x;
}

static double window_element(const int64_t *dim, int64_t first, at_dtype dtype, const int64_t *index) {
    at_shape shape = AT_SHAPE(dim[0] + MARGIN, dim[1] + MARGIN, dim[2] + MARGIN);
    int64_t place = place_of(shape, (int64_t[]){index[0] + first, index[1] + first, index[2] + first});
    return dtype == AT_BOOL ? sinf((float)place) > 0 : (double)place;
}

static const int permutations[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static void check_permuted(const int64_t *dim, const int *order, at_dtype dtype) {
    at_tensor *x = at_permute(window(dim, 0, dtype), order[0], order[1], order[2]);
    at_tensor *y = at_permute(window(dim, 2, dtype), order[0], order[1], order[2]);
    at_tensor *difference = at_sub(at_mul(at_to(x, AT_FLOAT64), 2), at_to(y, AT_FLOAT64));
    at_tensor *sums = at_sum_dim(difference, 2, false);
    const double *sum = at_doubles(sums);
    const double *element = at_doubles(difference);
    int64_t rows = at_numel(sums), n = dim[order[2]], index[3];
    for (int64_t i = 0; i < rows; i++) {
        double expected_sum = 0;
        for (int64_t j = 0; j < n; j++) {
            index[order[0]] = i / dim[order[1]], index[order[1]] = i % dim[order[1]], index[order[2]] = j;
            double expected = 2 * window_element(dim, 0, dtype, index) - window_element(dim, 2, dtype, index);
            expected_sum += expected;
            if (element[i * n + j] != expected)
                ck_abort_msg("(%d, %d, %d): element (%d, %d) is %g and not %g", (int)dim[0], (int)dim[1], (int)dim[2],
                             (int)i, (int)j, element[i * n + j], expected);
        }
        if (sum[i] != expected_sum) ck_abort_msg("sum %d is %g and not %g", (int)i, sum[i], expected_sum);
    }
}

BALANCED_TEST(operands_in_any_order_of_dimensions) {
    static const int64_t sizes[][3] = {{1, 40, 37},   {3, 17, 70},  {2, 33, 300}, {5, 16, 16},   {2, 3, 1025},
                                       {3, 1030, 18}, {2500, 2, 2}, {20, 31, 33}, {1, 1024, 16}, {2, 5, 257}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int order = 0; order < 6; order++)
            for (at_dtype dtype = AT_FLOAT32; dtype <= AT_BOOL; dtype++)
                AT_SCOPE
                    check_permuted(sizes[i], permutations[order], dtype);
}

/* Rows of another length than those of the operands: blocks of them begin and end anywhere. */
static void check_reshaped(int64_t rows, int64_t columns) {
    int64_t n = rows * columns / 2;
    at_tensor *row = at_reshape(at_to(at_arange(0, (double)rows, 1), AT_FLOAT64), rows, 1);
    at_tensor *stored = at_reshape(at_to(at_arange(0, (double)(2 * n), 1), AT_FLOAT64), columns, rows);
    at_equal(row, stored); /* stored by now */
    at_tensor *y = at_add(at_mul(at_expand(row, rows, columns), 1e5), at_transpose(stored, 0, 1));
    y = at_reshape(y, 2, n);
    const double *along = at_doubles(at_sum_dim(y, 1, false)), *across = at_doubles(at_sum_dim(y, 0, false));
    double expected[2] = {0, 0};
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < 2; j++) {
            int64_t r = (j * n + i) / columns, c = (j * n + i) % columns;
            double element = (double)r * 1e5 + (double)(c * rows + r);
            expected[j] += element;
            sum += element;
        }
        if (across[i] != sum) ck_abort_msg("(%d, %d): sum %d is %g", (int)rows, (int)columns, (int)i, across[i]);
    }
    ck_assert(along[0] == expected[0] && along[1] == expected[1]);
}

BALANCED_TEST(blocks_that_begin_anywhere_in_a_row) {
    static const int64_t columns[] = {2, 3, 7, 100, 255, 300, 1000, 1025, 1500};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        for (int64_t rows = 2; rows <= 2100; rows = rows * 3 + 4)
            AT_SCOPE
                check_reshaped(rows, columns[i]);
}

/* As many dimensions as there may be, none of which can be joined. */
BALANCED_TEST(operands_of_most_dimensions) {
    at_tensor *x = at_reshape(at_arange(0, 6912, 1), 2, 3, 2, 3, 2, 3, 2, 16);
    const float *y = at_floats(at_add(at_permute(x, 7, 6, 5, 4, 3, 2, 1, 0), 1));
    at_shape shape = AT_SHAPE(16, 2, 3, 2, 3, 2, 3, 2), reversed = AT_SHAPE(2, 3, 2, 3, 2, 3, 2, 16);
    for (int64_t i = 0; i < 6912; i++) {
        int64_t index[8], back[8];
        index_of(shape, i, index);
        for (int d = 0; d < 8; d++) back[d] = index[7 - d];
        if (y[i] != (float)place_of(reversed, back) + 1) ck_abort_msg("element %d is %g", (int)i, (double)y[i]);
    }
}

/* ---- one element for many ---------------------------------------------------------------------------------------- */

static const int64_t row_lengths[] = {1, 3, 255, 256, 700, 1023, 1024, 1025, 2500};
enum { ROW_LENGTHS = sizeof row_lengths / sizeof *row_lengths };

BALANCED_TEST(a_condition_for_a_whole_row) {
    for (int i = 0; i < ROW_LENGTHS; i++)
        AT_SCOPE {
            int64_t columns = row_lengths[i];
            at_tensor *number = at_reshape(at_arange(0, 7, 1), 7, 1), *odd = at_lt(at_cos(at_mul(number, 3.14)), 0);
            at_tensor *x = at_reshape(at_arange(0, (double)(7 * columns), 1), 7, columns);
            at_equal(odd, odd); /* stored: the other one is computed */
            at_tensor *y = at_where(odd, x, at_neg(x)), *z = at_where(at_gt(at_add(number, 0), 3), x, 0.5);
            const float *by_stored = at_floats(y), *by_computed = at_floats(z);
            for (int64_t k = 0; k < 7 * columns; k++)
                if (by_stored[k] != (float)(k / columns % 2 ? k : -k) ||
                    by_computed[k] != (k / columns > 3 ? (float)k : 0.5f))
                    ck_abort_msg("(7, %d): element %d", (int)columns, (int)k);
        }
}

/* Whole numbers, so that every sum is exact: one for all, one a row, one a column, stored, transposed, computed. */
static at_tensor *factor_of_kind(int kind, int64_t columns) {
    at_tensor *x = at_sin(at_reshape(at_arange(0, (double)(7 * columns), 1), 7, columns));
    x = at_to(at_to(at_mul(x, 5 + kind), AT_INT64), AT_FLOAT32);
    at_tensor *stored[] = {at_scalar(3),
                           at_contiguous(at_slice(x, 1, 0, 1, 1)),
                           at_contiguous(at_slice(x, 0, 1, 2, 1)),
                           x,
                           at_contiguous(at_transpose(x, 0, 1)),
                           x};
    at_equal(stored[kind], stored[kind]);
    at_tensor *y = kind == 4 ? at_transpose(stored[4], 0, 1) : stored[kind];
    return at_expand(kind == 5 ? at_abs(at_sub(y, 2)) : y, 7, columns);
}

static void check_sum_of_products(int64_t columns, int left, int right) {
    at_tensor *a = factor_of_kind(left, columns), *b = factor_of_kind(right, columns);
    at_tensor *sums = at_sum_dim(at_mul(a, b), 1, false), *total = at_sum(at_mul(at_add(a, 0), at_add(b, 0)));
    const float *x = at_floats(at_contiguous(a)), *y = at_floats(at_contiguous(b)), *sum = at_floats(sums);
    double all = 0;
    for (int64_t r = 0; r < 7; r++) {
        double expected = 0;
        for (int64_t c = 0; c < columns; c++) expected += (double)(x[r * columns + c] * y[r * columns + c]);
        if ((double)sum[r] != expected)
            ck_abort_msg("(7, %d), %d by %d: row %d is %g and not %g", (int)columns, left, right, (int)r,
                         (double)sum[r], expected);
        all += expected;
    }
    ck_assert_double_eq(at_item(total), all);
}

BALANCED_TEST(sums_of_products_of_any_factors) {
    for (int i = 0; i < ROW_LENGTHS; i++)
        for (int left = 0; left < 6; left++)
            for (int right = 0; right < 6; right++)
                AT_SCOPE
                    check_sum_of_products(row_lengths[i], left, right);
}

/* ---- work is bounded --------------------------------------------------------------------------------------------- */

/* The derivative of log_softmax sums rows of what comes in: a sum of terms, one number, nothing but a product. Of so many
 * rows that the sums are deferred. */
BALANCED_TEST(row_sums_of_any_gradient) {
    at_tensor *x[2], *w = at_randn(20, 600);
    x[0] = at_set_requires_grad(at_randn(20, 600), true);
    x[1] = at_set_requires_grad(at_to(at_detach(x[0]), AT_FLOAT64), true);
    for (int kind = 0; kind < 3; kind++) {
        for (int i = 0; i < 2; i++) {
            at_tensor *y = at_log_softmax(x[i], 1), *v = at_to(w, at_dtype_of(y)), *u = at_abs(v);
            at_tensor *terms[] = {at_add(at_mul(y, v), at_sin(y)), at_neg(y), at_add(at_mul(y, v), at_mul(y, u))};
            ck_assert(at_backward(at_sum(terms[kind])));
        }
        ck_assert_msg(at_allclose(at_to(at_grad(x[0]), AT_FLOAT64), at_grad(x[1]), 1e-5, 1e-4), "kind %d", kind);
    }
}

/* Forty doublings name one tensor 2^40 times; computed term by term they would never end. */
BALANCED_TEST(a_term_with_two_uses_is_computed_once) {
    at_tensor *t = at_ones(1000);
    for (int i = 0; i < 40; i++) t = at_add(t, t);
    ck_assert_double_eq(at_get(t, 999), 0x1p40);
}

BALANCED_TEST(a_long_chain_is_cut) {
    at_tensor *t = at_zeros(1000);
    for (int i = 0; i < 5000; i++) t = at_add(t, 1);
    ck_assert_double_eq(at_get(t, 0), 5000);
    for (int i = 0; i < 200; i++)
        t = i % 2 ? at_flip(t, 0) : at_reshape(at_transpose(at_reshape(t, 10, 100), 0, 1), 1000);
    ck_assert_double_eq(at_item(at_sum(t)), 5e6);
}

/* At any length of its parts, on either side: no program holds more than the limit, and each as many as it may. */
BALANCED_TEST(no_expression_outgrows_a_program) {
    int longest = 0;
    for (int left = 0; left < 40; left++)
        for (int right = 0; right < 40; right++)
            AT_SCOPE {
                at_tensor *a = at_zeros(40), *b = at_zeros(40);
                for (int i = 0; i < left; i++) a = at_add(a, 1);
                for (int i = 0; i < right; i++) b = at_add(b, 2);
                at_tensor *sum = at_add(a, b), *y = at_flip(at_sub(sum, a), 0);
                if (sum->value->size > longest) longest = sum->value->size;
                ck_assert_int_le(y->value->size, TN_LARGEST_EXPRESSION);
                ck_assert_double_eq(at_get(at_add(y, a), 39), 2 * right + left);
            }
    ck_assert_int_eq(longest, TN_LARGEST_EXPRESSION);
}

BALANCED_TEST(a_costly_part_has_many_readers) {
    at_tensor *costly = at_pow(at_exp(at_sin(at_full(0.5, 20000))), 1.5), *sum = at_zeros(20000);
    for (int i = 0; i < 30; i++) sum = at_add(sum, at_mul(costly, i));
    at_tensor *expected = at_mul(at_detach(costly), 435);
    ck_assert(at_allclose(sum, expected, 1e-5, 0));
    for (int i = 0; i < 10; i++)
        ck_assert_double_eq_tol(at_item(at_max(at_mul(costly, i))), i * at_get(costly, 0), 1e-5);
}

/* What something else still reads is kept as it is first computed if it is costly, and after a few times if it is not. */
BALANCED_TEST(no_work_is_repeated_without_bound) {
    enum { READERS = 8 };
    at_tensor *x = at_full(2, 100), *costly = at_pow(x, 1.5), *cheap = at_exp(x), *alone = at_pow(x, 2.5);
    at_tensor *first = at_mul(costly, 2), *second = at_mul(costly, 3), *reader[READERS];
    ck_assert_double_eq_tol(at_get(first, 99), 2 * pow(2, 1.5), 1e-5);
    ck_assert(tn_is_stored(costly->value));
    ck_assert_double_eq_tol(at_get(second, 0), 3 * pow(2, 1.5), 1e-5);
    for (int i = 0; i < READERS; i++) reader[i] = at_mul(cheap, i);
    int reads = 0;
    while (reads < READERS - 1 && !tn_is_stored(cheap->value)) at_get(reader[reads++], 0);
    ck_assert(reads > 1 && reads < READERS - 1);
    at_get(at_mul(alone, 2), 0);
    ck_assert(!tn_is_stored(alone->value)); /* nobody else reads it */
}

/* ---- what is pending never sees a later value -------------------------------------------------------------------- */

BALANCED_TEST(in_place_updates_come_too_late) {
    at_tensor *x = at_ones(50), *view = at_flip(x, 0), *sum = at_add(x, 1), *product = at_mul(view, sum);
    at_floats_mut(x)[0] = 100;
    CHECK_ELEMENTS(at_slice(product, 0, 48, 50, 1), 2, 2);
    at_floats_mut(x)[1] = 100; /* nothing else holds it by now */
    CHECK_ELEMENTS(at_slice(sum, 0, 0, 3, 1), 2, 2, 2);
    CHECK_ELEMENTS(at_slice(x, 0, 0, 3, 1), 100, 100, 1);
    at_floats_mut(sum)[0] = -1; /* a pending one is computed, then written to */
    CHECK_ELEMENTS(at_slice(at_add(sum, x), 0, 0, 2, 1), 99, 102);
}

BALANCED_TEST(a_step_comes_too_late) {
    at_tensor *w = at_set_requires_grad(at_ones(30), true), *items[] = {w};
    at_optimizer *trainer = at_sgd(((at_parameter_list){1, items}), .lr = 1);
    at_tensor *pending = at_mul(w, 3), *detached = at_add(at_detach(w), 1), *loss = at_sum(at_square(w));
    ck_assert(at_backward(loss));
    ck_assert(at_optimizer_step(trainer));
    CHECK_ELEMENTS(at_slice(w, 0, 0, 2, 1), -1, -1);
    CHECK_ELEMENTS(at_slice(pending, 0, 0, 2, 1), 3, 3);
    CHECK_ELEMENTS(at_slice(detached, 0, 0, 2, 1), 2, 2);
    at_zero_grad(w);
    ck_assert(at_backward(loss)); /* at the value that the loss was computed from */
    CHECK_ELEMENTS(at_slice(at_grad(w), 0, 0, 2, 1), 2, 2);
    at_optimizer_free(trainer);
}

/* A sum has one gradient for all its terms; each leaf has one of its own to write to. */
BALANCED_TEST(gradients_are_not_shared) {
    at_tensor *a = at_set_requires_grad(at_ones(30), true), *b = at_set_requires_grad(at_ones(30), true),
              *given = at_ones(30);
    ck_assert(at_backward(at_sum(at_add(a, b))));
    at_floats_mut(at_grad(a))[0] = 7;
    ck_assert_double_eq(at_get(at_grad(b), 0), 1);
    at_zero_grad(a);
    ck_assert(at_backward_with(a, given));
    at_floats_mut(given)[0] = 7;
    ck_assert_double_eq(at_get(at_grad(a), 0), 1);
}

/* ---- threads share what is pending ------------------------------------------------------------------------------- */

enum { THREADS = 8 };

static struct {
    at_tensor *pending;
    pthread_barrier_t start;
} common;

static void *read_pending(void *result) {
    pthread_barrier_wait(&common.start);
    at_tensor *y = at_mul(common.pending, 2);
    *(double *)result = at_item(at_sum(at_add(y, at_reshape(at_transpose(common.pending, 0, 1), 100, 80))));
    return NULL;
}

BALANCED_TEST(threads_compute_one_pending_tensor) {
    for (int turn = 0; turn < 30; turn++)
        AT_SCOPE {
            pthread_t thread[THREADS];
            double result[THREADS];
            at_tensor *x = at_sin(at_reshape(at_arange(0, 8000, 1), 100, 80));
            common.pending = at_add(at_exp(at_mul(x, x)), at_flip(at_tan(x), 0));
            pthread_barrier_init(&common.start, NULL, THREADS);
            for (int i = 0; i < THREADS; i++)
                ck_assert_int_eq(pthread_create(&thread[i], NULL, read_pending, &result[i]), 0);
            for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
            pthread_barrier_destroy(&common.start);
            for (int i = 1; i < THREADS; i++) ck_assert_mem_eq(&result[i], &result[0], sizeof(double));
        }
}

/* One column read twice, broadcast to different shapes of equally many elements. */
BALANCED_TEST(one_value_in_two_places_of_a_program) {
    at_tensor *x = at_reshape(at_arange(0, 8, 1), 8, 1);
    at_tensor *a = at_reshape(at_add(x, at_zeros(8, 8)), 2, 4, 2, 4);
    at_tensor *b = at_reshape(at_add(x, at_zeros(2, 8, 4)), 2, 4, 2, 4);
    const float *y = at_floats(at_sub(a, b));
    for (int64_t i = 0; i < 64; i++) ck_assert_float_eq(y[i], (float)(i / 8 - i / 4 % 8));
}

/* No strides show one operand in the shape of the other: a part has to be stored. */
BALANCED_TEST(parts_that_suit_no_one_shape) {
    at_tensor *p = at_reshape(at_arange(0, 4, 1), 4, 1), *q = at_reshape(at_arange(0, 6, 1), 6, 1);
    at_tensor *a = at_reshape(at_add(p, at_zeros(4, 6)), 24), *b = at_reshape(at_add(q, at_zeros(6, 4)), 24);
    const float *y = at_floats(at_sub(a, b));
    for (int64_t i = 0; i < 24; i++) ck_assert_float_eq(y[i], (float)(i / 6 - i / 4));
}

/* ---- sums of rows beside what reads them ------------------------------------------------------------------------- */

/* The gradient of a softmax by a weight of some shape: its rule has a sum over each row, which long rows defer. */
static at_tensor *softmax_gradient(at_tensor *x, at_tensor *weight) {
    at_tensor *v = at_cos(at_mul(x, 3)), *gradient = NULL;
    at_equal(v, v); /* stored: what costs more than the sum of products would not be computed twice */
    at_tensor *loss = at_sum(at_square(at_sum_dim(at_mul(at_softmax(at_mul(x, weight), 1), v), 1, false)));
    ck_assert(at_gradients(loss, &weight, 1, false, &gradient));
    return gradient;
}

BALANCED_TEST(row_sums_are_those_of_eager_evaluation) {
    static const int64_t shapes[][2] = {{20, 255}, {20, 256}, {30, 499}, {17, 1024}, {70, 1025}, {20, 5000}, {1, 300}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int of = 0; of < 4; of++) {
            int64_t n = shapes[i][0], m = shapes[i][1];
            at_tensor *x = at_randn(n, m), *weight = at_rand(of & 1 ? n : 1, of & 2 ? m : 1);
            at_set_requires_grad(weight, true);
            at_set_eager(true);
            at_tensor *expected = softmax_gradient(x, weight);
            at_set_eager(false);
            for (int threads = 1; threads <= 8; threads += threads > 2 ? 5 : 1) {
                at_set_num_threads(threads);
                ck_assert_msg(at_equal(softmax_gradient(x, weight), expected), "(%d, %d), weight %d, %d threads",
                              (int)n, (int)m, of, threads);
            }
            at_set_num_threads(1);
        }
}

/* Whatever becomes of the gradient: it is read in another shape, along columns, or in an expression of its own. */
BALANCED_TEST(row_sums_in_other_shapes) {
    at_tensor *x = at_randn(24, 400), *ones = at_set_requires_grad(at_ones(24, 400), true), *results[2][4];
    for (int eager = 0; eager < 2; eager++) {
        at_set_eager(eager);
        at_tensor *g = softmax_gradient(x, ones);
        results[eager][0] = at_sum_dim(softmax_gradient(x, ones), 0, false);
        results[eager][1] = at_add(at_reshape(softmax_gradient(x, ones), 400, 24), 1);
        results[eager][2] = at_softmax(softmax_gradient(x, ones), 0);
        results[eager][3] = at_sub(at_transpose(g, 0, 1), at_transpose(at_exp(g), 0, 1));
    }
    at_set_eager(false);
    for (int i = 0; i < 4; i++) ck_assert_msg(at_equal(results[0][i], results[1][i]), "%d", i);
}

Suite *deferred_suite(void) {
    Suite *suite = suite_create("deferred");
    TCase *bits = tcase_create("bits"), *work = tcase_create("work"), *later = tcase_create("later");
    tcase_add_test(bits, small_programs);
    tcase_add_test(bits, large_programs);
    tcase_add_test(bits, one_value_in_two_places_of_a_program);
    tcase_add_test(bits, parts_that_suit_no_one_shape);
    tcase_add_test(bits, products);
    tcase_add_test(bits, operands_in_any_order_of_dimensions);
    tcase_add_test(bits, blocks_that_begin_anywhere_in_a_row);
    tcase_add_test(bits, operands_of_most_dimensions);
    tcase_add_test(bits, a_condition_for_a_whole_row);
    tcase_add_test(bits, sums_of_products_of_any_factors);
    tcase_add_test(bits, row_sums_are_those_of_eager_evaluation);
    tcase_add_test(bits, row_sums_in_other_shapes);
    tcase_add_test(bits, row_sums_of_any_gradient);
    suite_add_tcase(suite, bits);
    tcase_add_test(work, a_term_with_two_uses_is_computed_once);
    tcase_add_test(work, a_long_chain_is_cut);
    tcase_add_test(work, no_expression_outgrows_a_program);
    tcase_add_test(work, a_costly_part_has_many_readers);
    tcase_add_test(work, no_work_is_repeated_without_bound);
    suite_add_tcase(suite, work);
    tcase_add_test(later, in_place_updates_come_too_late);
    tcase_add_test(later, a_step_comes_too_late);
    tcase_add_test(later, gradients_are_not_shared);
    tcase_add_test(later, threads_compute_one_pending_tensor);
    suite_add_tcase(suite, later);
    return suite;
}
