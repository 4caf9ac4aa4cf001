/* bench/operations.c - every elementwise operation, reduction, softmax and sum along an axis, beside PyTorch.
 *
 * x and y are inputs of some shape, layout and dtype; p and q are the same without zeros and negative numbers, m is a
 * bool mask. A row of the tables has both sides: what atled is asked for, and the same in Python. The time includes
 * storing the result, which lies in memory as the operands do, and freeing it. bench/operations.py makes the same
 * inputs. */
#include <string.h>

#include "common/bench.h"

static at_tensor *x, *y, *p, *q, *m;

/* ---- the tables -------------------------------------------------------------------------------------------------- */

/* integer: measured with int64 as well */
#define ELEMENTWISE(_)                                                                                                 \
    _(add, integer, at_add(x, y), "x + y")                                                                             \
    _(sub, integer, at_sub(x, y), "x - y")                                                                             \
    _(mul, integer, at_mul(x, y), "x * y")                                                                             \
    _(div, real, at_div(x, q), "x / q")                                                                                \
    _(pow, real, at_pow(p, y), "p ** y")                                                                               \
    _(maximum, integer, at_maximum(x, y), "torch.maximum(x, y)")                                                       \
    _(minimum, integer, at_minimum(x, y), "torch.minimum(x, y)")                                                       \
    _(eq, integer, at_eq(x, y), "x == y")                                                                              \
    _(ne, integer, at_ne(x, y), "x != y")                                                                              \
    _(lt, integer, at_lt(x, y), "x < y")                                                                               \
    _(le, integer, at_le(x, y), "x <= y")                                                                              \
    _(gt, integer, at_gt(x, y), "x > y")                                                                               \
    _(ge, integer, at_ge(x, y), "x >= y")                                                                              \
    _(logical_and, real, at_logical_and(x, y), "torch.logical_and(x, y)")                                              \
    _(logical_or, real, at_logical_or(x, y), "torch.logical_or(x, y)")                                                 \
    _(add_number, integer, at_add(x, 2), "x + 2")                                                                      \
    _(mul_number, integer, at_mul(x, 3), "x * 3")                                                                      \
    _(pow_08, real, at_pow(p, 0.8), "p ** 0.8")                                                                        \
    _(pow_2, integer, at_pow(x, 2), "x ** 2")                                                                          \
    _(logical_not, real, at_logical_not(x), "torch.logical_not(x)")                                                    \
    _(neg, integer, at_neg(x), "-x")                                                                                   \
    _(abs, integer, at_abs(x), "torch.abs(x)")                                                                         \
    _(sign, integer, at_sign(x), "torch.sign(x)")                                                                      \
    _(exp, real, at_exp(x), "torch.exp(x)")                                                                            \
    _(log, real, at_log(p), "torch.log(p)")                                                                            \
    _(log1p, real, at_log1p(p), "torch.log1p(p)")                                                                      \
    _(expm1, real, at_expm1(x), "torch.expm1(x)")                                                                      \
    _(sqrt, real, at_sqrt(p), "torch.sqrt(p)")                                                                         \
    _(rsqrt, real, at_rsqrt(p), "torch.rsqrt(p)")                                                                      \
    _(square, integer, at_square(x), "torch.square(x)")                                                                \
    _(reciprocal, real, at_reciprocal(p), "torch.reciprocal(p)")                                                       \
    _(sin, real, at_sin(x), "torch.sin(x)")                                                                            \
    _(cos, real, at_cos(x), "torch.cos(x)")                                                                            \
    _(tan, real, at_tan(x), "torch.tan(x)")                                                                            \
    _(tanh, real, at_tanh(x), "torch.tanh(x)")                                                                         \
    _(sigmoid, real, at_sigmoid(x), "torch.sigmoid(x)")                                                                \
    _(relu, integer, at_relu(x), "torch.relu(x)")                                                                      \
    _(leaky_relu, real, at_leaky_relu(x, 0.01), "F.leaky_relu(x, 0.01)")                                               \
    _(gelu, real, at_gelu(x), "F.gelu(x)")                                                                             \
    _(silu, real, at_silu(x), "F.silu(x)")                                                                             \
    _(softplus, real, at_softplus(x), "F.softplus(x)")                                                                 \
    _(erf, real, at_erf(x), "torch.erf(x)")                                                                            \
    _(floor, real, at_floor(x), "torch.floor(x)")                                                                      \
    _(ceil, real, at_ceil(x), "torch.ceil(x)")                                                                         \
    _(round, real, at_round(x), "torch.round(x)")                                                                      \
    _(clamp, integer, at_clamp(x, -1, 1), "torch.clamp(x, -1, 1)")                                                     \
    _(where, integer, at_where(m, x, y), "torch.where(m, x, y)")                                                       \
    _(masked_fill, integer, at_masked_fill(x, m, 0), "x.masked_fill(m, 0)")                                            \
    _(to_float64, real, at_to(x, AT_FLOAT64), "x.to(torch.float64)")                                                   \
    _(to_int64, real, at_to(x, AT_INT64), "x.to(torch.int64)")                                                         \
    _(to_bool, real, at_to(x, AT_BOOL), "x.to(torch.bool)")

#define REDUCTIONS(_)                                                                                                  \
    _(sum, integer, at_sum(x), "x.sum()")                                                                              \
    _(sum_dim_0, integer, at_sum_dim(x, 0, false), "x.sum(0)")                                                         \
    _(sum_dim_1, integer, at_sum_dim(x, 1, false), "x.sum(1)")                                                         \
    _(mean, real, at_mean(x), "x.mean()")                                                                              \
    _(mean_dim_1, real, at_mean_dim(x, 1, false), "x.mean(1)")                                                         \
    _(prod, real, at_prod(x), "x.prod()")                                                                              \
    _(prod_dim_1, real, at_prod_dim(x, 1, false), "x.prod(1)")                                                         \
    _(max, integer, at_max(x), "x.max()")                                                                              \
    _(min, integer, at_min(x), "x.min()")                                                                              \
    _(max_dim_0, real, max_dim(0), "x.max(0)")                                                                         \
    _(max_dim_1, real, max_dim(1), "x.max(1)")                                                                         \
    _(argmax_dim_0, real, at_argmax(x, 0, false), "x.argmax(0)")                                                       \
    _(argmax_dim_1, real, at_argmax(x, 1, false), "x.argmax(1)")                                                       \
    _(var, real, at_var(x), "x.var()")                                                                                 \
    _(var_dim_0, real, at_var_dim(x, 0, false), "x.var(0)")                                                            \
    _(var_dim_1, real, at_var_dim(x, 1, false), "x.var(1)")                                                            \
    _(std, real, at_std(x), "x.std()")                                                                                 \
    _(std_dim_1, real, at_std_dim(x, 1, false), "x.std(1)")                                                            \
    _(logsumexp, real, at_logsumexp(x), "x.logsumexp((0, 1))")                                                         \
    _(logsumexp_dim_0, real, at_logsumexp_dim(x, 0, false), "x.logsumexp(0)")                                          \
    _(logsumexp_dim_1, real, at_logsumexp_dim(x, 1, false), "x.logsumexp(1)")                                          \
    _(norm, real, at_norm(x), "x.norm()")                                                                              \
    _(any, real, at_any(m), "m.any()")                                                                                 \
    _(all, real, at_all(m), "m.all()")                                                                                 \
    _(any_dim_1, real, at_any_dim(m, 1, false), "m.any(1)")                                                            \
    _(cumsum_dim_0, real, at_cumsum(x, 0), "x.cumsum(0)")                                                              \
    _(cumsum_dim_1, real, at_cumsum(x, 1), "x.cumsum(1)")                                                              \
    _(softmax_dim_0, real, at_softmax(x, 0), "x.softmax(0)")                                                           \
    _(softmax_dim_1, real, at_softmax(x, 1), "x.softmax(1)")                                                           \
    _(log_softmax_dim_0, real, at_log_softmax(x, 0), "x.log_softmax(0)")                                               \
    _(log_softmax_dim_1, real, at_log_softmax(x, 1), "x.log_softmax(1)")

/* Five operations in one expression. */
#define CHAINS(_)                                                                                                      \
    _(chain_arithmetic, real, at_div(at_neg(at_square(at_mul(at_sub(x, y), 0.7))), 2), "-((x - y) * 0.7) ** 2 / 2")    \
    _(chain_exp, real, at_exp(at_div(at_neg(at_square(at_sub(x, y))), 2)), "torch.exp(-(x - y) ** 2 / 2)")             \
    _(chain_relu, real, at_mul(at_relu(at_sub(at_mul(at_add(x, y), 2), 1)), y), "torch.relu((x + y) * 2 - 1) * y")

#define SOFTMAXES(_)                                                                                                   \
    _(softmax_dim_0, real, at_softmax(x, 0), "x.softmax(0)")                                                           \
    _(softmax_dim_1, real, at_softmax(x, 1), "x.softmax(1)")                                                           \
    _(sum_dim_0, real, at_sum_dim(x, 0, false), "x.sum(0)")                                                            \
    _(sum_dim_1, real, at_sum_dim(x, 1, false), "x.sum(1)")

static at_tensor *max_dim(int dim) {
    at_tensor *indices, *values = at_max_dim(x, dim, false, &indices);
    bench_force(indices);
    return values;
}

enum { real, integer };
typedef struct {
    const char *name;
    int kind;
    bench_function *run;
    const char *torch;
} operation;

#define FUNCTION(table, name, call)                                                                                    \
    static void table##_##name(void *context) {                                                                        \
        (void)context;                                                                                                 \
        bench_force(call);                                                                                             \
    }
#define ELEMENTWISE_FUNCTION(name, kind, call, torch) FUNCTION(elementwise, name, call)
#define REDUCTION_FUNCTION(name, kind, call, torch)   FUNCTION(reduction, name, call)
#define CHAIN_FUNCTION(name, kind, call, torch)       FUNCTION(chain, name, call)
ELEMENTWISE(ELEMENTWISE_FUNCTION)
REDUCTIONS(REDUCTION_FUNCTION)
CHAINS(CHAIN_FUNCTION)

#define ELEMENTWISE_ROW(name, kind, call, torch) {#name, kind, elementwise_##name, torch},
#define REDUCTION_ROW(name, kind, call, torch)   {#name, kind, reduction_##name, torch},
#define CHAIN_ROW(name, kind, call, torch)       {#name, kind, chain_##name, torch},
static const operation elementwise[] = {ELEMENTWISE(ELEMENTWISE_ROW){0}};
static const operation reductions[] = {REDUCTIONS(REDUCTION_ROW){0}};
static const operation chains[] = {CHAINS(CHAIN_ROW){0}};
static const operation softmaxes[] = {SOFTMAXES(REDUCTION_ROW){0}};

/* ---- inputs ------------------------------------------------------------------------------------------------------ */

/* contiguous: stored row by row. transposed: stored column by column. broadcast: one row, expanded. A second operand is
 * always stored row by row. */
static at_tensor *laid_out(const char *layout, at_tensor *full, bool first) {
    int rows = (int)at_size(full, 0), columns = (int)at_size(full, 1);
    if (first && strcmp(layout, "transposed") == 0) return at_transpose(at_contiguous(at_transpose(full, 0, 1)), 0, 1);
    if (first && strcmp(layout, "broadcast") == 0)
        return at_expand(at_contiguous(at_slice(full, 0, 0, 1, 1)), rows, columns);
    return at_contiguous(full);
}

static at_tensor *normal(at_dtype dtype, int rows, int columns) {
    at_tensor *normal = at_randn(rows, columns);
    return at_to(dtype == AT_INT64 ? at_mul(normal, 100) : normal, dtype);
}

static void prepare(const char *layout, at_dtype dtype, int rows, int columns) {
    AT_SCOPE {
        at_assign(&x, laid_out(layout, normal(dtype, rows, columns), true));
        at_assign(&y, laid_out(layout, normal(dtype, rows, columns), false));
        at_assign(&p, laid_out(layout, at_to(at_add(at_rand(rows, columns), 0.5), dtype), true));
        at_assign(&q, laid_out(layout, at_to(at_add(at_rand(rows, columns), 0.5), dtype), false));
        at_assign(&m, laid_out(layout, at_lt(at_rand(rows, columns), 0.5), true));
    }
    bench_torch("x, y, p, q, m = inputs('%s', torch.%s, %d, %d)", layout, at_dtype_name(dtype), rows, columns);
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

/* What a row is called: "exp float32 transposed". */
static void name_of(char *name, size_t size, const operation *o, const char *layout, at_dtype dtype) {
    snprintf(name, size, "%s%s%s%s%s", o->name, dtype == AT_FLOAT32 ? "" : " ",
             dtype == AT_FLOAT32 ? "" : at_dtype_name(dtype), strcmp(layout, "contiguous") == 0 ? "" : " ",
             strcmp(layout, "contiguous") == 0 ? "" : layout);
}

static void measure(const operation *table, const char *layout, at_dtype dtype, int rows, int columns, double target) {
    char name[80], size[40];
    bool prepared = false;
    snprintf(size, sizeof size, "(%d, %d)", rows, columns);
    for (const operation *o = table; o->name; o++) {
        name_of(name, sizeof name, o, layout, dtype);
        if (!bench_wanted(name) || (dtype == AT_INT64 && o->kind != integer)) continue;
        if (!prepared) prepare(layout, dtype, rows, columns);
        prepared = true;
        bench_measure(
            (bench_row){.work = name, .size = size, .atled = o->run, .torch = o->torch, .torch_target = target});
    }
}

static const struct { int rows, columns; } sizes[] = {{20, 50}, {250, 400}, {2500, 4000}};

static void measure_all_sizes(const operation *table, const char *layout, at_dtype dtype) {
    for (int i = 0; i < (bench_quick ? 2 : 3); i++) measure(table, layout, dtype, sizes[i].rows, sizes[i].columns, 1);
}

/* Two threads are for large work only. */
static void measure_with_threads(void) {
    int rows = bench_quick ? 250 : 2500, columns = bench_quick ? 400 : 4000;
    measure(chains, "contiguous", AT_FLOAT32, rows, columns, 1.0 / 3);
    if (bench_quick) return;
    measure(elementwise, "contiguous", AT_FLOAT32, rows, columns, 1);
    measure(reductions, "contiguous", AT_FLOAT32, rows, columns, 1);
}

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    bench_torch("from operations import *");
    if (bench_threads > 1) return measure_with_threads(), 0;
    measure_all_sizes(elementwise, "contiguous", AT_FLOAT32);
    measure_all_sizes(reductions, "contiguous", AT_FLOAT32);
    measure(chains, "contiguous", AT_FLOAT32, bench_quick ? 250 : 2500, bench_quick ? 400 : 4000, 1.0 / 3);
    if (bench_quick) return 0;
    measure(softmaxes, "contiguous", AT_FLOAT32, 20000, 50, 1);
    measure(softmaxes, "contiguous", AT_FLOAT32, 1000, 1000, 1);
    measure(softmaxes, "contiguous", AT_FLOAT32, 20, 50000, 1);
    measure_all_sizes(elementwise, "transposed", AT_FLOAT32);
    measure_all_sizes(elementwise, "broadcast", AT_FLOAT32);
    measure_all_sizes(reductions, "transposed", AT_FLOAT32);
    measure_all_sizes(reductions, "broadcast", AT_FLOAT32);
    measure(elementwise, "contiguous", AT_FLOAT64, 250, 400, 1);
    measure(reductions, "contiguous", AT_FLOAT64, 250, 400, 1);
    measure(elementwise, "contiguous", AT_INT64, 250, 400, 1);
    measure(reductions, "contiguous", AT_INT64, 250, 400, 1);
}
