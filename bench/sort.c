/* bench/sort.c - sorting and selecting beside hand-written radix sorts and PyTorch; bench/sort.py is its side. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bench.h"
#include "limit_sort.h"

/* ---- the works --------------------------------------------------------------------------------------------------- */

/* The same words mean the same to sort.py. k: of topk; the percentage that a mask keeps. */
typedef struct {
    const char *work;
    at_dtype dtype;
    const char *data;
    int rows, n, dim, k;
} work;

static work works[] = {
    {"sort", AT_FLOAT32, "normal", 1, 1000000, 1, 0},
    {"sort", AT_FLOAT32, "normal", 1, 10000, 1, 0},
    {"sort", AT_FLOAT32, "normal", 1, 1000, 1, 0},
    {"sort", AT_FLOAT32, "normal", 1, 200, 1, 0},
    {"sort", AT_FLOAT32, "normal", 1, 50, 1, 0},
    {"sort", AT_FLOAT32, "normal", 1, 10, 1, 0},
    {"sort", AT_FLOAT32, "normal", 1000, 1000, 1, 0},
    {"sort", AT_FLOAT32, "normal", 1000, 1000, 0, 0},
    {"sort", AT_FLOAT32, "normal", 10000, 100, 1, 0},
    {"sort", AT_FLOAT32, "normal", 20000, 50, 1, 0},
    {"sort", AT_FLOAT32, "normal", 100000, 10, 1, 0},
    {"sort", AT_FLOAT32, "normal", 10, 100000, 0, 0},
    {"sort", AT_FLOAT32, "uniform", 1, 1000000, 1, 0},
    {"sort", AT_FLOAT32, "ascending", 1, 1000000, 1, 0},
    {"sort", AT_FLOAT32, "descending", 1, 1000000, 1, 0},
    {"sort", AT_FLOAT32, "constant", 1, 1000000, 1, 0},
    {"sort", AT_FLOAT32, "ties", 1, 1000000, 1, 0},
    {"sort", AT_FLOAT32, "nans", 1, 1000000, 1, 0},
    {"sort", AT_FLOAT32, "zeros", 1, 1000000, 1, 0},
    {"sort", AT_FLOAT32, "ascending", 1, 1000, 1, 0},
    {"sort", AT_FLOAT32, "ascending", 1000, 1000, 1, 0},
    {"sort", AT_FLOAT64, "normal", 1, 1000000, 1, 0},
    {"sort", AT_FLOAT64, "normal", 1000, 1000, 1, 0},
    {"sort", AT_FLOAT64, "normal", 1, 1000, 1, 0},
    {"sort", AT_FLOAT64, "ties", 1, 1000000, 1, 0},
    {"sort", AT_FLOAT64, "ascending", 1, 1000000, 1, 0},
    {"sort", AT_INT64, "wide", 1, 1000000, 1, 0},
    {"sort", AT_INT64, "ties", 1, 1000000, 1, 0},
    {"sort", AT_INT64, "ascending", 1, 1000000, 1, 0},
    {"sort", AT_INT64, "wide", 1000, 1000, 1, 0},
    {"sort", AT_INT64, "ties", 1, 1000, 1, 0},
    {"sort", AT_BOOL, "ties", 1, 1000000, 1, 0},
    {"sort-descending", AT_FLOAT32, "normal", 1, 1000000, 1, 0},
    {"argsort", AT_FLOAT32, "normal", 1, 1000000, 1, 0},
    {"topk", AT_FLOAT32, "normal", 1, 1000000, 1, 10},
    {"topk", AT_FLOAT32, "normal", 1, 1000000, 1, 1000},
    {"topk", AT_FLOAT32, "normal", 1, 1000000, 1, 100000},
    {"topk", AT_FLOAT32, "normal", 1, 1000000, 1, 500000},
    {"topk", AT_FLOAT32, "normal", 1, 1000000, 1, 999000},
    {"topk", AT_FLOAT32, "ascending", 1, 1000000, 1, 10},
    {"topk", AT_FLOAT32, "ascending", 1, 1000000, 1, 100000},
    {"topk", AT_FLOAT32, "constant", 1, 1000000, 1, 100000},
    {"topk", AT_FLOAT32, "normal", 1000, 1000, 1, 5},
    {"topk", AT_FLOAT32, "normal", 1000, 1000, 1, 100},
    {"topk", AT_FLOAT32, "normal", 100000, 10, 1, 2},
    {"topk", AT_FLOAT32, "normal", 1, 1000, 1, 5},
    {"topk", AT_FLOAT64, "normal", 1, 1000000, 1, 1000},
    {"topk", AT_FLOAT64, "normal", 1, 1000000, 1, 100000},
    {"topk", AT_INT64, "wide", 1, 1000000, 1, 100000},
    {"sort-gradient", AT_FLOAT32, "normal", 1, 1000000, 1, 0},
    {"sort-gradient", AT_FLOAT32, "normal", 1000, 1000, 1, 0},
    {"masked_select", AT_FLOAT32, "normal", 1, 10000000, 1, 50},
    {"masked_select", AT_FLOAT32, "normal", 1, 1000000, 1, 50},
    {"masked_select", AT_FLOAT32, "normal", 1, 1000000, 1, 1},
    {"masked_select", AT_FLOAT32, "normal", 1, 100000, 1, 50},
    {"masked_select", AT_FLOAT32, "normal", 1, 1000, 1, 50},
    {"masked_select", AT_FLOAT64, "normal", 1, 1000000, 1, 99},
    {"masked_select", AT_BOOL, "ties", 1, 1000000, 1, 50},
    {"masked_select-gradient", AT_FLOAT32, "normal", 1, 1000000, 1, 50},
    {"masked_fill", AT_FLOAT32, "normal", 1, 10000000, 1, 50},
    {"masked_fill", AT_FLOAT32, "normal", 1, 1000000, 1, 50},
    {"masked_fill", AT_FLOAT32, "normal", 1, 1000, 1, 50},
    {"count", AT_FLOAT32, "normal", 1, 10000000, 1, 50},
    {"count", AT_FLOAT32, "normal", 1, 1000, 1, 50},
    {"index_select", AT_FLOAT32, "normal", 1, 1000000, 1, 0},
    {"index_select", AT_FLOAT32, "normal", 1000, 1000, 0, 0},
    {"index_select", AT_FLOAT32, "normal", 1000, 1000, 1, 0},
    {"index_select", AT_FLOAT32, "normal", 100000, 10, 0, 0},
    {"index_select", AT_FLOAT32, "normal", 1, 1000, 1, 0},
    {"index_select-gradient", AT_FLOAT32, "normal", 1000, 1000, 0, 0},
    {"gather", AT_FLOAT32, "normal", 1, 1000000, 1, 0},
    {"gather", AT_FLOAT32, "normal", 1000, 1000, 1, 0},
    {"gather", AT_FLOAT32, "normal", 1000, 1000, 0, 0},
    {"gather", AT_FLOAT32, "normal", 100000, 10, 1, 0},
    {"gather", AT_FLOAT32, "normal", 1, 1000, 1, 0},
    {"scatter_add", AT_FLOAT32, "normal", 1000, 1000, 1, 0},
    {"scatter_add", AT_FLOAT32, "normal", 1000, 1000, 0, 0},
    {"scatter_add", AT_FLOAT32, "normal", 1, 1000, 1, 0},
};

/* ---- atled's side ------------------------------------------------------------------------------------------------ */

static at_tensor *elements(const work *w) {
    int rows = w->rows, n = w->n;
    const char *data = w->data;
    at_tensor *x = at_randn(rows, n), *place = at_expand(at_arange(0, n, 1), rows, n);
    if (strcmp(data, "uniform") == 0) x = at_rand(rows, n);
    if (strcmp(data, "ascending") == 0) x = place;
    if (strcmp(data, "descending") == 0) x = at_neg(place);
    if (strcmp(data, "constant") == 0) x = at_ones(rows, n);
    if (strcmp(data, "ties") == 0) x = at_floor(at_mul(at_rand(rows, n), w->dtype == AT_BOOL ? 2 : 100));
    if (strcmp(data, "nans") == 0) x = at_masked_fill(x, at_lt(at_rand(rows, n), 0.1), NAN);
    if (strcmp(data, "zeros") == 0) x = at_mul(x, at_floor(at_mul(at_rand(rows, n), 2)));
    if (strcmp(data, "wide") == 0) x = at_randint(INT64_MIN / 2, INT64_MAX / 2, rows, n);
    if (w->dtype == AT_FLOAT64 && strcmp(data, "normal") == 0) { /* all 52 bits random */
        at_set_default_dtype(AT_FLOAT64);
        x = at_randn(rows, n);
        at_set_default_dtype(AT_FLOAT32);
    }
    return at_contiguous(at_to(x, w->dtype));
}

static at_tensor *x, *mask, *index, *leaf, *selected, *weights;

static void prepare(const work *w) {
    int along = w->dim ? w->n : w->rows;
    bool whole = strncmp(w->work, "index_select", 12) == 0;
    AT_SCOPE {
        at_assign(&x, elements(w));
        at_assign(&mask, at_contiguous(at_lt(at_rand(w->rows, w->n), w->k / 100.0)));
        at_assign(&index, whole ? at_randint(0, along, along) : at_randint(0, along, w->rows, w->n));
        at_assign(&leaf, NULL);
        if (!strstr(w->work, "gradient")) continue;
        at_assign(&leaf, at_set_requires_grad(at_contiguous(at_add(x, 0)), true));
        at_tensor *y = strncmp(w->work, "sort", 4) == 0 ? at_sort(leaf, w->dim, false, NULL)
                       : whole                          ? at_index_select(leaf, w->dim, index)
                                                        : at_masked_select(leaf, mask);
        at_assign(&selected, y);
        at_assign(&weights, at_contiguous(at_rand_like(at_detach(y))));
    }
}

/* Everything that is asked for is stored in the end, row by row. */
static void run(void *context) {
    const work *w = context;
    const char *name = w->work;
    at_tensor *y = NULL, *indices = NULL;
    if (strcmp(name, "sort") == 0)
        y = at_sort(x, w->dim, false, &indices);
    else if (strcmp(name, "sort-descending") == 0)
        y = at_sort(x, w->dim, true, &indices);
    else if (strcmp(name, "argsort") == 0)
        y = at_argsort(x, w->dim, false);
    else if (strcmp(name, "topk") == 0)
        y = at_topk(x, w->k, w->dim, &indices);
    else if (strcmp(name, "masked_select") == 0)
        y = at_masked_select(x, mask);
    else if (strcmp(name, "masked_fill") == 0)
        y = at_masked_fill(x, mask, 0);
    else if (strcmp(name, "count") == 0)
        y = at_sum(mask);
    else if (strcmp(name, "index_select") == 0)
        y = at_index_select(x, w->dim, index);
    else if (strcmp(name, "gather") == 0)
        y = at_gather(x, w->dim, index);
    else if (strcmp(name, "scatter_add") == 0)
        y = at_scatter_add(x, w->dim, index, x);
    else
        at_gradients(at_sum(at_mul(selected, weights)), &leaf, 1, false, &y);
    bench_force(y);
    if (indices) bench_force(indices);
}

/* ---- the hand-written sorts -------------------------------------------------------------------------------------- */

static void *memory[4]; /* values, indices, pairs twice */

static void run_limit(void *context) {
    const work *w = context;
    const float *floats = w->dtype == AT_FLOAT32 ? at_floats(x) : NULL;
    const double *doubles = w->dtype == AT_FLOAT64 ? at_doubles(x) : NULL;
    for (int r = 0; r < w->rows; r++) {
        int64_t at = (int64_t)r * w->n;
        int64_t *indices = (int64_t *)memory[1] + at;
        if (floats)
            limit_sort32(w->n, floats + at, (float *)memory[0] + at, indices, memory[2], memory[3]);
        else
            limit_sort64(w->n, doubles + at, (double *)memory[0] + at, indices, memory[2], memory[3]);
    }
}

static bool has_limit(const work *w) {
    return strcmp(w->work, "sort") == 0 && w->dim == 1 && (w->dtype == AT_FLOAT32 || w->dtype == AT_FLOAT64);
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static void measure(work *w) {
    char name[100], size[40];
    snprintf(name, sizeof name, "%s %s %s%s", w->work, at_dtype_name(w->dtype), w->data, w->dim ? "" : " dim 0");
    snprintf(size, sizeof size, w->k ? "(%d, %d) k=%d" : "(%d, %d)", w->rows, w->n, w->k);
    if (!bench_wanted(name)) return;
    prepare(w);
    bench_torch("call = call_of('%s', '%s', '%s', %d, %d, %d, %d)", w->work, at_dtype_name(w->dtype), w->data, w->rows,
                w->n, w->dim, w->k);
    bench_measure((bench_row){.work = name,
                              .size = size,
                              .atled = run,
                              .limit = has_limit(w) ? run_limit : NULL,
                              .context = w,
                              .limit_name = "radix sort",
                              .limit_target = w->rows * w->n >= 1000000 ? 1.5 : 0,
                              .torch = "call()"});
}

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    bench_torch("from sort import call_of");
    for (int i = 0; i < 4; i++) memory[i] = malloc((size_t)16000000);
    for (size_t i = 0; i < sizeof works / sizeof *works; i++)
        if (!bench_quick || i % 4 == 0) measure(&works[i]);
    for (int i = 0; i < 4; i++) free(memory[i]);
    at_assign(&x, NULL), at_assign(&mask, NULL), at_assign(&index, NULL);
    at_assign(&leaf, NULL), at_assign(&selected, NULL), at_assign(&weights, NULL);
}
