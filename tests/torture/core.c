/* tests/torture/core.c - tensors without gradients: creation, random numbers, views, looking, ordering, in place. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "torture.h"

/* RUN(name, calls, expression): a scenario that results in a tensor computed from x (float32 (6, 7)), y (float64 (6, 7)),
 * i (int64 (6, 7), 0 ... 5) and m (bool). */
#define RUN(name, calls, ...)                                                                                          \
    static bool run_##name(fixture *f) {                                                                               \
        at_tensor *x = f->tensor[0], *y = f->tensor[1], *i = f->tensor[2], *m = f->tensor[3];                          \
        (void)x, (void)y, (void)i, (void)m;                                                                            \
        return calling(calls) && result(__VA_ARGS__);                                                                  \
    }
#define LIST(X)                                                                                                        \
    X(zeros, "zeros", at_zeros(3, 4))                                                                                  \
    X(zeros_large, "zeros", at_zeros(300, 400))                                                                        \
    X(ones_of_nothing, "ones", at_ones(0, 3))                                                                          \
    X(full_number, "full", at_full(2.5, 1))                                                                            \
    X(eye, "eye", at_eye(5))                                                                                           \
    X(arange, "arange", at_arange(0, 5, 0.1))                                                                          \
    X(linspace, "linspace", at_linspace(0, 5, 9))                                                                      \
    X(scalar, "scalar", at_scalar(3))                                                                                  \
    X(from_floats, "from_floats", at_from_floats(((float[]){1, 2, 3, 4, 5, 6}), 2, 3))                                 \
    X(from_floats_shape, "from_floats", at_from_floats_shape((float[]){1, 2, 3, 4, 5, 6}, AT_SHAPE(2, 3)))             \
    X(from_doubles, "from_doubles", at_from_doubles(((double[]){1, 2, 3}), 3))                                         \
    X(from_int64s, "from_int64s", at_from_int64s(((int64_t[]){1, 2, 3}), 3))                                           \
    X(from_bools, "from_bools", at_from_bools(((bool[]){true, false}), 2))                                             \
    X(zeros_like, "zeros_like", at_zeros_like(x))                                                                      \
    X(ones_like, "ones_like", at_ones_like(i))                                                                         \
    X(rand, "rand", at_rand(40))                                                                                       \
    X(randn, "randn", at_randn(40))                                                                                    \
    X(randn_few, "randn", at_randn(7))                                                                                 \
    X(normal, "normal", at_normal(1, 2, 3, 30))                                                                        \
    X(randint, "randint", at_randint(0, 10, 50))                                                                       \
    X(randperm, "randperm", at_randperm(50))                                                                           \
    X(rand_like, "rand_like", at_rand_like(x))                                                                         \
    X(randn_like, "randn_like", at_randn_like(y))                                                                      \
    X(retained, "add", at_add(x, y))                                                                                   \
    X(eq, "eq", at_eq(x, y))                                                                                           \
    X(ne, "ne", at_ne(x, 1))                                                                                           \
    X(lt, "lt", at_lt(x, y))                                                                                           \
    X(le, "le", at_le(x, i))                                                                                           \
    X(gt, "gt", at_gt(x, y))                                                                                           \
    X(ge, "ge", at_ge(x, 0.5))                                                                                         \
    X(logical_and, "logical_and gt", at_logical_and(m, at_gt(x, 0)))                                                   \
    X(logical_or, "logical_or gt", at_logical_or(m, at_gt(x, 0)))                                                      \
    X(logical_not, "logical_not", at_logical_not(m))                                                                   \
    X(any_of_all, "any", at_any(m))                                                                                    \
    X(all_of_all, "all", at_all(m))                                                                                    \
    X(any_dim, "any_dim", at_any_dim(m, 0, false))                                                                     \
    X(all_dim, "all_dim", at_all_dim(m, 1, true))                                                                      \
    X(argmax, "argmax", at_argmax(x, 1, false))                                                                        \
    X(argmin, "argmin", at_argmin(y, 0, true))                                                                         \
    X(argsort, "argsort", at_argsort(x, 1, true))                                                                      \
    X(argsort_columns, "argsort", at_argsort(y, 0, false))                                                             \
    X(one_hot, "one_hot", at_one_hot(i, 6))                                                                            \
    X(to_int, "to", at_to(x, AT_INT64))                                                                                \
    X(to_bool, "to", at_to(i, AT_BOOL))                                                                                \
    X(sum_of_ints, "sum", at_sum(i))                                                                                   \
    X(cumsum_of_ints, "cumsum", at_cumsum(i, 1))                                                                       \
    X(sum_of_bools, "sum_dim", at_sum_dim(m, 1, false))                                                                \
    X(prod_of_ints, "prod_dim", at_prod_dim(i, 1, false))                                                              \
    X(cat_of_dtypes, "cat", at_cat(0, x, y, i))                                                                        \
    X(view_of_pending, "transpose exp", at_transpose(at_exp(x), 0, 1))                                                 \
    X(view_of_view, "slice select transpose", at_select(at_slice(at_transpose(x, 0, 1), 0, 1, 6, 2), 1, 3))            \
    X(reshape_copying, "reshape transpose", at_reshape(at_transpose(x, 0, 1), 42))                                     \
    X(reshape_pending, "reshape transpose exp", at_reshape(at_transpose(at_exp(x), 0, 1), 3, 14))                      \
    X(masked_fill, "masked_fill", at_masked_fill(x, m, 3))                                                             \
    X(masked_select, "masked_select", at_masked_select(x, m))                                                          \
    X(index_select, "index_select slice flatten", at_index_select(x, 0, at_slice(at_flatten(i), 0, 0, 4, 1)))          \
    X(gather_rows, "gather", at_gather(x, 0, i))                                                                       \
    X(long_chain, "add mul sin", chain(x, 70))                                                                         \
    X(kept_parts, "exp sin add mul sum_dim", shared(x))                                                                \
    X(scope_return, "exp add", returned(x))

static at_tensor *chain(at_tensor *x, int n) {
    for (int i = 0; i < n; i++) x = i % 10 == 9 ? at_sin(x) : i % 2 ? at_mul(x, 0.5) : at_add(x, i);
    return x;
}

static at_tensor *shared(at_tensor *x) {
    at_tensor *costly = at_exp(at_sin(x));
    return at_add(at_sum_dim(at_mul(costly, costly), 1, true), at_add(costly, 1));
}

static at_tensor *returned(at_tensor *x) {
    at_tensor *y = NULL;
    AT_SCOPE {
        y = at_add(at_exp(x), 1);
        if (y) y = at_scope_return(y);
    }
    return y;
}

LIST(RUN)

/* ---- more than one result, or none ------------------------------------------------------------------------------- */

static bool sorted(fixture *f) {
    at_tensor *indices = NULL;
    return calling("sort") && result(at_sort(f->tensor[0], 1, true, &indices)) && result(indices);
}

static bool sorted_columns(fixture *f) {
    at_tensor *indices = NULL;
    return calling("sort") && result(at_sort(f->tensor[1], 0, false, &indices)) && result(indices);
}

static bool topk(fixture *f) {
    at_tensor *indices = NULL;
    return calling("topk") && result(at_topk(f->tensor[0], 3, 1, &indices)) && result(indices);
}

static bool max_dim(fixture *f) {
    at_tensor *indices = NULL;
    return calling("max_dim") && result(at_max_dim(f->tensor[0], 1, false, &indices)) && result(indices);
}

/* Reading what is pending, and what does not lie in order. */
static bool looking(fixture *f) {
    at_tensor *x = f->tensor[0];
    calling("mul sum item transpose floats get add");
    at_tensor *pending = at_mul(x, 3), *total = at_sum(pending), *turned = at_transpose(pending, 0, 1);
    if (!turned || !total || !calling("item")) return false;
    double item = at_item(total);
    if (at_error() || !result_bytes(&item, sizeof item) || !calling("floats")) return false;
    const float *data = at_floats(turned);
    if (!result_bytes(data, data ? 42 * sizeof *data : 0) || !calling("add get")) return false;
    at_tensor *more = at_add(x, 1);
    item = more ? at_get(more, 2, 3) : 0;
    return more && !at_error() && result_bytes(&item, sizeof item);
}

static bool looking_at_numbers(fixture *f) {
    calling("mul");
    at_tensor *pending = at_mul(f->tensor[2], 3);
    if (!pending || !calling("int64s")) return false;
    const int64_t *data = at_int64s(pending);
    return result_bytes(data, data ? 42 * sizeof *data : 0);
}

static bool comparing(fixture *f) {
    at_tensor *x = f->tensor[0];
    calling("mul");
    at_tensor *pending = at_mul(x, 1);
    if (!pending || !calling("equal allclose check_close")) return false;
    if (!at_equal(pending, x) && at_error()) return false;
    if (!at_allclose(pending, f->tensor[1], 1, 10) && at_error()) return false;
    return at_check_close(pending, x, 0, 0);
}

static bool strings(fixture *f) {
    for (int i = 0; i < 4; i++) {
        fault_includes_malloc = true;
        calling("to_string");
        char *text = at_to_string(f->tensor[i]);
        fault_includes_malloc = false;
        bool good = result_bytes(text, text ? strlen(text) : 0);
        free(text);
        if (!good) return false;
    }
    calling("mul");
    at_tensor *large = at_mul(f->tensor[4], 3);
    if (!large) return false;
    FILE *nowhere = fopen("/dev/null", "w");
    calling("fprint");
    if (nowhere) at_fprint(nowhere, large);
    if (nowhere) fclose(nowhere);
    return nowhere && !at_error();
}

static void prepare_numbers(fixture *f) {
    keep(f, at_randn(6, 7));
    keep(f, at_to(at_randn(6, 7), AT_FLOAT64));
    keep(f, at_randint(0, 6, 6, 7));
    at_tensor *m = at_gt(at_randn(6, 7), 0);
    at_bools(m);
    keep(f, m);
    keep(f, at_randn(40, 50));
}

/* In place: what shares the elements keeps the old ones. */
static void prepare_shared(fixture *f) {
    at_tensor *x = at_randn(6, 7);
    keep(f, x);
    keep(f, at_slice(x, 0, 1, 3, 1));
}

static bool in_place(fixture *f) {
    calling("floats_mut");
    float *data = at_floats_mut(f->tensor[0]);
    if (data) data[0] = 7;
    return result_bytes(data, data ? 42 * sizeof *data : 0);
}

static void prepare_transposed(fixture *f) {
    at_tensor *x = at_to(at_randn(6, 7), AT_FLOAT64);
    at_doubles(x);
    keep(f, at_transpose(x, 0, 1));
}

static bool in_place_of_view(fixture *f) {
    calling("doubles_mut");
    double *data = at_doubles_mut(f->tensor[0]);
    if (data) data[0] = 7;
    return result_bytes(data, data ? 42 * sizeof *data : 0);
}

/* Many tensors in one scope, whose list grows. */
static bool many(fixture *f) {
    calling("add");
    for (int i = 0; i < 200; i++)
        if (!at_add(f->tensor[0], i)) return false;
    return true;
}

static bool own_memory(fixture *f) {
    (void)f;
    calling("mine");
    void *memory = at_allocate("mine", 100);
    at_free(memory, 100);
    return memory != NULL;
}

/* ---- several threads --------------------------------------------------------------------------------------------- */

static void prepare_large(fixture *f) {
    keep(f, at_randn(300, 500));
    keep(f, at_randn(500, 300));
}

static bool large_elementwise(fixture *f) {
    return calling("exp mul add sin") && result(at_add(at_exp(at_mul(f->tensor[0], 0.5)), at_sin(f->tensor[0])));
}

static bool large_sums(fixture *f) {
    return calling("exp sum_dim") && result(at_sum_dim(at_exp(f->tensor[0]), 1, false)) &&
           result(at_sum_dim(at_exp(f->tensor[0]), 0, false)) && calling("exp sum") &&
           result(at_sum(at_exp(f->tensor[0])));
}

static bool large_softmax(fixture *f) {
    return calling("mul softmax") && result(at_softmax(at_mul(f->tensor[0], 2), 1)) &&
           result(at_softmax(f->tensor[0], 0));
}

static bool large_sort(fixture *f) {
    at_tensor *indices = NULL;
    return calling("sort") && result(at_sort(f->tensor[0], 1, false, &indices)) && result(indices) && calling("topk") &&
           result(at_topk(f->tensor[0], 20, 1, NULL)) && calling("argmax") && result(at_argmax(f->tensor[0], 1, false));
}

static bool large_products(fixture *f) {
    return calling("matmul") && result(at_matmul(f->tensor[0], f->tensor[1])) && calling("transpose matmul") &&
           result(at_matmul(at_transpose(f->tensor[0], 0, 1), f->tensor[0])) && calling("select matmul") &&
           result(at_matmul(f->tensor[0], at_select(f->tensor[1], 1, 0)));
}

static bool large_selection(fixture *f) {
    at_tensor *x = f->tensor[0];
    return calling("gt masked_select") && result(at_masked_select(x, at_gt(x, 0))) && calling("cumsum") &&
           result(at_cumsum(x, 0)) && calling("var_dim") && result(at_var_dim(x, 0, false));
}

void torture_core(void) {
#define CORE(name, ...) torture(&(scenario){"core " #name, prepare_numbers, run_##name, NULL});
    LIST(CORE)
    at_set_eager(true);
    LIST(CORE)
    at_set_eager(false);
    static const scenario more[] = {{"core sort", prepare_numbers, sorted, NULL},
                                    {"core sort columns", prepare_numbers, sorted_columns, NULL},
                                    {"core topk", prepare_numbers, topk, NULL},
                                    {"core max_dim", prepare_numbers, max_dim, NULL},
                                    {"core looking", prepare_numbers, looking, NULL},
                                    {"core looking at numbers", prepare_numbers, looking_at_numbers, NULL},
                                    {"core comparing", prepare_numbers, comparing, NULL},
                                    {"core strings", prepare_numbers, strings, NULL},
                                    {"core in place", prepare_shared, in_place, NULL},
                                    {"core in place of a view", prepare_transposed, in_place_of_view, NULL},
                                    {"core many", prepare_numbers, many, NULL},
                                    {"core own memory", NULL, own_memory, NULL}};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) torture(&more[i]);
    static const scenario large[] = {{"threads elementwise", prepare_large, large_elementwise, NULL},
                                     {"threads sums", prepare_large, large_sums, NULL},
                                     {"threads softmax", prepare_large, large_softmax, NULL},
                                     {"threads sort", prepare_large, large_sort, NULL},
                                     {"threads products", prepare_large, large_products, NULL},
                                     {"threads selection", prepare_large, large_selection, NULL}};
    at_set_num_threads(3);
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) torture(&large[i]);
    at_set_num_threads(1);
}
