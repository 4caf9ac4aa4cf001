/* tests/test_sort.c - tn_sort and tn_topk against a plain sort by comparison; selecting with threads. */
#include "../tensor/internal.h"
#include "../tensor/sort.h"
#include "core_support.h"

/* ---- the reference: qsort of indices by value, then by index ----------------------------------------------------- */

typedef struct {
    at_dtype dtype;
    int64_t n;
    void *x;
} row;

static const row *sorted_row; /* qsort passes no context */
static bool sorted_descending;

static int compare_doubles(double a, double b) {
    if (isnan(a) || isnan(b)) return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

static int compare_values(const row *r, int64_t i, int64_t j) {
    switch (r->dtype) {
    case AT_FLOAT32: return compare_doubles(((float *)r->x)[i], ((float *)r->x)[j]);
    case AT_FLOAT64: return compare_doubles(((double *)r->x)[i], ((double *)r->x)[j]);
    case AT_INT64: return (((int64_t *)r->x)[i] > ((int64_t *)r->x)[j]) - (((int64_t *)r->x)[i] < ((int64_t *)r->x)[j]);
    case AT_BOOL: return ((bool *)r->x)[i] - ((bool *)r->x)[j];
    }
    return 0;
}

static int compare_indices(const void *a, const void *b) {
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    int order = compare_values(sorted_row, i, j);
    if (order != 0) return sorted_descending ? -order : order;
    return (i > j) - (i < j);
}

static void *allocate(int64_t bytes) {
    void *memory = malloc((size_t)bytes + 1); /* malloc(0) may give NULL */
    ck_assert_ptr_nonnull(memory);
    return memory;
}

static int64_t *reference_sort(const row *r, bool descending) {
    int64_t *indices = allocate(r->n * 8);
    for (int64_t i = 0; i < r->n; i++) indices[i] = i;
    sorted_row = r;
    sorted_descending = descending;
    if (r->n > 1) qsort(indices, (size_t)r->n, sizeof *indices, compare_indices);
    return indices;
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static void check_values(const row *r, int64_t n, const int64_t *indices, const char *values) {
    size_t size = tn_dtype_size(r->dtype);
    for (int64_t i = 0; i < n; i++)
        ck_assert_mem_eq(values + (size_t)i * size, (char *)r->x + (size_t)indices[i] * size, size);
}

static void check_sort(const row *r, bool descending) {
    int64_t *expected = reference_sort(r, descending), *indices = allocate(r->n * 8);
    void *values = allocate(r->n * 8), *scratch = allocate(tn_sort_scratch(r->dtype, r->n));
    tn_sort(r->dtype, r->n, r->x, descending, values, indices, scratch);
    for (int64_t i = 0; i < r->n; i++) ck_assert_int_eq(indices[i], expected[i]);
    check_values(r, r->n, indices, values);

    tn_sort(r->dtype, r->n, r->x, descending, NULL, indices, scratch);
    for (int64_t i = 0; i < r->n; i++) ck_assert_int_eq(indices[i], expected[i]);

    int64_t *merged = allocate(r->n * 8), *merge_scratch = allocate(r->n * 8);
    tn_sort_by_merging(r->dtype, r->n, r->x, descending, merged, merge_scratch);
    for (int64_t i = 0; i < r->n; i++) ck_assert_int_eq(merged[i], expected[i]);

    free(expected), free(indices), free(values), free(scratch), free(merged), free(merge_scratch);
}

static void check_topk(const row *r, const int64_t *expected, int64_t k) {
    int64_t *indices = allocate(k * 8);
    void *values = allocate(k * 8), *scratch = allocate(tn_topk_scratch(r->dtype, r->n, k));
    tn_topk(r->dtype, r->n, r->x, k, values, indices, scratch);
    for (int64_t i = 0; i < k; i++) ck_assert_int_eq(indices[i], expected[i]);
    check_values(r, k, indices, values);
    free(indices), free(values), free(scratch);
}

static void check_row(const row *r) {
    check_sort(r, false);
    check_sort(r, true);
    int64_t *expected = reference_sort(r, true);
    const int64_t ks[] = {0,  1,          2,          3,         5,        16,       17,       31,
                          40, r->n / 256, r->n / 100, r->n / 32, r->n / 8, r->n / 2, r->n - 1, r->n};
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++)
        if (ks[i] >= 0 && ks[i] <= r->n) check_topk(r, expected, ks[i]);
    free(expected);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static uint64_t next_random(void) { /* splitmix64 */
    static uint64_t state;
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static row new_row(at_dtype dtype, int64_t n) { return (row){dtype, n, allocate(n * (int64_t)tn_dtype_size(dtype))}; }

static void set(row *r, int64_t i, double value) {
    switch (r->dtype) {
    case AT_FLOAT32: ((float *)r->x)[i] = (float)value; break;
    case AT_FLOAT64: ((double *)r->x)[i] = value; break;
    case AT_INT64: ((int64_t *)r->x)[i] = fabs(value) < 0x1p63 ? (int64_t)value : 0; break;
    case AT_BOOL: ((bool *)r->x)[i] = value > 0; break;
    }
}

/* Any bits at all: subnormals, infinities and NaNs of every sign and payload among them. */
static void set_bits(row *r, int64_t i) {
    uint64_t bits = next_random();
    if (r->dtype == AT_BOOL)
        ((bool *)r->x)[i] = bits & 1;
    else
        memcpy((char *)r->x + (size_t)i * tn_dtype_size(r->dtype), &bits, tn_dtype_size(r->dtype));
}

static double special(int64_t i) {
    const double values[] = {0.0, -0.0,   NAN,     -NAN,  INFINITY, -INFINITY, 1,
                             -1,  1e-310, -1e-310, 1e-42, -1e-42,   3e38,      -3e38};
    return values[(uint64_t)i % (sizeof values / sizeof *values)];
}

enum {
    RANDOM_BITS,
    FEW_VALUES,
    ASCENDING,
    DESCENDING,
    EQUAL,
    SPECIAL,
    ORGAN_PIPE,
    LOW_BITS,
    LOW_AND_HIGH_BITS,
    PATTERNS
};

static row make_row(at_dtype dtype, int64_t n, int pattern) {
    row r = new_row(dtype, n);
    for (int64_t i = 0; i < n; i++) {
        switch (pattern) {
        case RANDOM_BITS: set_bits(&r, i); break;
        case FEW_VALUES: set(&r, i, (double)(int64_t)(next_random() % 7) - 3); break;
        case ASCENDING: set(&r, i, (double)(i - n / 2)); break;
        case DESCENDING: set(&r, i, (double)(n / 2 - i)); break;
        case EQUAL: set(&r, i, -2.5); break;
        case SPECIAL: set(&r, i, special((int64_t)(next_random() >> 1))); break;
        case ORGAN_PIPE: set(&r, i, (double)(i < n / 2 ? i : n - i)); break;
        case LOW_BITS: set(&r, i, 0x1p45 + (double)(next_random() % 1000)); break;
        case LOW_AND_HIGH_BITS:
            set(&r, i, (double)(next_random() % 3) * 0x1p45 + (double)(next_random() % 1000));
            break;
        }
    }
    return r;
}

static void check_pattern(at_dtype dtype, int64_t n, int pattern) {
    row r = make_row(dtype, n, pattern);
    check_row(&r);
    free(r.x);
}

START_TEST(every_size_up_to_70) {
    for (int64_t n = 0; n <= 70; n++)
        for (int pattern = 0; pattern < PATTERNS; pattern++) check_pattern((at_dtype)_i, n, pattern);
}
END_TEST

START_TEST(long_rows) {
    const int64_t sizes[] = {255, 256, 257, 1000, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int pattern = 0; pattern < PATTERNS; pattern++) check_pattern((at_dtype)_i, sizes[i], pattern);
}
END_TEST

START_TEST(extreme_integers) {
    int64_t x[] = {INT64_MAX,        INT64_MIN,           0,   -1, 1, INT64_MIN, INT64_MAX,
                   INT64_C(1) << 32, -(INT64_C(1) << 32), 255, 256};
    row r = {AT_INT64, sizeof x / sizeof *x, x};
    check_row(&r);
    int64_t least[100];
    for (int i = 0; i < 100; i++) least[i] = INT64_MIN;
    check_row(&(row){AT_INT64, 100, least});
}
END_TEST

START_TEST(equal_zeros_and_nans_keep_their_order) {
    float x[] = {NAN, 0.0f, -0.0f, -NAN, 0.0f, -1};
    float values[6];
    int64_t indices[6];
    tn_sort(AT_FLOAT32, 6, x, false, values, indices, NULL);
    const int64_t ascending[] = {5, 1, 2, 4, 0, 3}, descending[] = {0, 3, 1, 2, 4, 5};
    ck_assert_mem_eq(indices, ascending, sizeof ascending);
    ck_assert(!signbit(values[1]) && signbit(values[2]) && !signbit(values[3]));
    ck_assert(!signbit(values[4]) && signbit(values[5]));
    tn_sort(AT_FLOAT32, 6, x, true, values, indices, NULL);
    ck_assert_mem_eq(indices, descending, sizeof descending);
}
END_TEST

/* ---- what threads share out -------------------------------------------------------------------------------------- */

enum { RESULTS = 10 };

/* Enough elements for several pieces. x is a leaf. */
static void compute(at_tensor *x, at_tensor *index, at_tensor *mask, at_tensor **y) {
    y[0] = at_sort(x, 1, false, &y[1]);
    y[2] = at_argsort(x, 0, true);
    y[3] = at_topk(x, 7, 1, &y[4]);
    y[5] = at_gather(x, 0, index);
    y[6] = at_scatter_add(x, 1, index, x);
    y[7] = at_index_select(x, 1, at_select(index, 0, 0));
    y[8] = at_masked_select(x, mask);
    at_tensor *loss = at_add(at_sum(at_square(y[8])), at_sum(at_mul(y[0], at_arange(0, 400, 1))));
    ck_assert(at_gradients(loss, &x, 1, false, &y[9]));
}

BALANCED_TEST(threads_change_nothing) {
    at_tensor *x = at_set_requires_grad(at_floor(at_mul(at_randn(300, 400), 50)), true);
    at_tensor *index = at_randint(0, 300, 300, 400), *mask = at_lt(at_rand(300, 400), 0.3);
    at_tensor *expected[RESULTS], *y[RESULTS];
    int usual = at_num_threads();
    at_set_num_threads(1);
    compute(x, index, mask, expected);
    for (int threads = 2; threads <= 8; threads += 3) {
        at_set_num_threads(threads);
        compute(x, index, mask, y);
        for (int i = 0; i < RESULTS; i++)
            ck_assert_msg(at_equal(y[i], expected[i]), "%d threads: result %d", threads, i);
    }
    at_set_num_threads(usual);
}

BALANCED_TEST(an_index_out_of_range_is_found_anywhere) {
    at_tensor *x = at_zeros(100000);
    const int64_t places[] = {0, 50000, 99999};
    for (int i = 0; i < 3; i++) {
        at_tensor *index = at_where(at_eq(at_arange(0, 100000, 1), places[i]), i == 1 ? -1 : 100000, 7);
        at_tensor *indices = at_to(index, AT_INT64);
        char message[50];
        snprintf(message, sizeof message, "(element %d of index)", (int)places[i]);
        ck_assert_ptr_null(at_gather(x, 0, indices));
        ck_assert_msg(strstr(at_error(), message) != NULL, "%s", at_error());
        at_clear_error();
        ck_assert_ptr_null(at_scatter_add(x, 0, indices, x));
        ck_assert_msg(strstr(at_error(), message) != NULL, "%s", at_error());
        at_clear_error();
    }
}

static void check_mask(int64_t n, double density) {
    at_tensor *x = at_add(at_arange(0, (double)n, 1), 1), *mask = at_lt(at_rand(n), density);
    at_set_requires_grad(x, true);
    at_tensor *y = at_masked_select(x, mask), *g;
    ck_assert(at_gradients(at_sum(at_mul(y, at_detach(y))), &x, 1, false, &g));
    const float *values = at_floats(x), *selected = at_floats(y), *back = at_floats(g);
    const bool *chosen = at_bools(mask);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        ck_assert(back[i] == (chosen[i] ? values[i] : 0.0f));
        if (chosen[i]) ck_assert(count < at_numel(y) && selected[count++] == values[i]);
    }
    ck_assert_int_eq(at_numel(y), count);
}

BALANCED_TEST(masks_of_many_blocks) {
    const int64_t sizes[] = {0, 1, 50, 16383, 16384, 16385, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int density = 0; density <= 4; density++) check_mask(sizes[i], density / 4.0);
}

Suite *sort_suite(void);
Suite *sort_suite(void) {
    Suite *suite = suite_create("sort");
    TCase *tests = tcase_create("sort");
    tcase_add_loop_test(tests, every_size_up_to_70, 0, TN_DTYPES);
    tcase_add_loop_test(tests, long_rows, 0, TN_DTYPES);
    tcase_add_test(tests, extreme_integers);
    tcase_add_test(tests, equal_zeros_and_nans_keep_their_order);
    tcase_add_test(tests, threads_change_nothing);
    tcase_add_test(tests, an_index_out_of_range_is_found_anywhere);
    tcase_add_test(tests, masks_of_many_blocks);
    suite_add_tcase(suite, tests);
    return suite;
}
