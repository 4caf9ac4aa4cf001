/* tensor/kernels.c - the loops over contiguous elements; see kernels.h.
 *
 * This file is compiled once for each instruction set, with TN_LEVEL naming it. The loops are written so plainly
 * that the compiler turns them into vector code by itself: unit strides, restrict, and selections between computed
 * values in place of branches. Those that compute are in two files of their own; those that move elements, and the
 * table of all, are here. */
#include "keys.h"
#include "kernels_elementwise.h"
#include "kernels_rows.h"

#define TN_PASTE_(a, b) a##b
#define TN_PASTE(a, b)  TN_PASTE_(a, b)
#define TN_QUOTE_(x)    #x
#define TN_QUOTE(x)     TN_QUOTE_(x)
#define TN_TABLE        TN_PASTE(tn_kernels_, TN_LEVEL)

/* ---- moving elements of a size, whatever they are ---------------------------------------------------------------- */

enum { TILE = 64 }; /* so many lines of memory at a time are read for all the rows that have a part in them */

/* memcpy of a constant size is one load or store. */
#define MOVES(size)                                                                                                    \
    static void fill_##size(int64_t n, void *restrict out, const void *restrict element) {                             \
        char *to = out;                                                                                                \
        for (int64_t i = 0; i < n; i++) memcpy(to + i * size, element, size);                                          \
    }                                                                                                                  \
    static void fill_rows_##size(int64_t rows, int64_t n, void *restrict out, const void *restrict x,                  \
                                 int64_t stride) {                                                                     \
        for (int64_t r = 0; r < rows; r++)                                                                             \
            fill_##size(n, (char *)out + r * n * size, (const char *)x + r * stride * size);                           \
    }                                                                                                                  \
    static void gather_##size(int64_t n, void *restrict out, const void *restrict x, int64_t stride) {                 \
        char *to = out;                                                                                                \
        const char *from = x;                                                                                          \
        for (int64_t i = 0; i < n; i++) memcpy(to + i * size, from + i * stride * size, size);                         \
    }                                                                                                                  \
    static void transpose_##size(int64_t rows, int64_t n, void *restrict out, const void *restrict x,                  \
                                 int64_t stride) {                                                                     \
        char *to = out;                                                                                                \
        const char *from = x;                                                                                          \
        for (int64_t start = 0; start < n; start += TILE) {                                                            \
            int64_t end = start + TILE < n ? start + TILE : n;                                                         \
            for (int64_t r = 0; r < rows; r++)                                                                         \
                for (int64_t i = start; i < end; i++)                                                                  \
                    memcpy(to + (r * n + i) * size, from + (r + i * stride) * size, size);                             \
        }                                                                                                              \
    }                                                                                                                  \
    static void spread_##size(int64_t n, void *restrict out, int64_t stride, const void *restrict x) {                 \
        char *to = out;                                                                                                \
        const char *from = x;                                                                                          \
        for (int64_t i = 0; i < n; i++) memcpy(to + i * stride * size, from + i * size, size);                         \
    }

MOVES(1)
MOVES(4)
MOVES(8)

/* ---- elements as integers of the same order ---------------------------------------------------------------------- */

#define KEYS(suffix, type)                                                                                             \
    static void keys_##suffix(int64_t n, uint64_t *restrict keys, const void *restrict x, uint64_t turned) {           \
        const type *from = x;                                                                                          \
        for (int64_t i = 0; i < n; i++) keys[i] = tn_key_##suffix(from[i]) ^ turned;                                   \
    }

KEYS(f32, float)
KEYS(f64, double)
KEYS(i64, int64_t)
KEYS(bool, byte)

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* The kernels of an operation by dtype and form. The letters are those in kernels.h. */
/* clang-format off */
#define F(name)   {{name##_f32}, {name##_f64}}
#define FI(name)  {{name##_f32}, {name##_f64}, {name##_i64}}
#define FIB(name) {{name##_f32}, {name##_f64}, {name##_i64}, {name##_bool}}
#define B(name)   {[AT_BOOL] = {name##_bool}}

#define BINARY_FORMS(name)      {[0] = name, [TN_A_SCALAR] = name##_scalar_a, [TN_B_SCALAR] = name##_scalar_b}
#define BINARY_F(name)          {BINARY_FORMS(name##_f32), BINARY_FORMS(name##_f64)}
#define BINARY_FI(name)         {BINARY_FORMS(name##_f32), BINARY_FORMS(name##_f64), BINARY_FORMS(name##_i64)}
#define BINARY_B(name)          {[AT_BOOL] = BINARY_FORMS(name##_bool)}

#define WHERE_FORMS(name)                                                                                              \
    {[0] = name, [TN_B_SCALAR] = name##_scalar_b, [TN_C_SCALAR] = name##_scalar_c,                                     \
     [TN_B_SCALAR | TN_C_SCALAR] = name##_scalar_bc}
#define WHERE_FIB(name)                                                                                                \
    {WHERE_FORMS(name##_f32), WHERE_FORMS(name##_f64), WHERE_FORMS(name##_i64), WHERE_FORMS(name##_bool)}

#define PAIR_FORMS(name)                                                                                               \
    {[0] = name, [TN_A_SCALAR] = name##_scalar_a, [TN_B_SCALAR] = name##_scalar_b,                                     \
     [TN_A_SCALAR | TN_B_SCALAR] = name##_scalar_ab, [TN_C_SCALAR] = name##_scalar_c,                                  \
     [TN_A_SCALAR | TN_C_SCALAR] = name##_scalar_ac, [TN_B_SCALAR | TN_C_SCALAR] = name##_scalar_bc}
#define PAIRS(name)                                                                                                    \
    {[TN_THEN_ADD] = PAIR_FORMS(name##_add), [TN_THEN_SUB] = PAIR_FORMS(name##_sub),                                   \
     [TN_THEN_SUB_FROM] = PAIR_FORMS(name##_sub_from), [TN_THEN_MUL] = PAIR_FORMS(name##_mul),                         \
     [TN_THEN_SQUARE] = BINARY_FORMS(name##_square), [TN_THEN_NEG] = BINARY_FORMS(name##_neg),                         \
     [TN_THEN_RELU] = BINARY_FORMS(name##_relu)}

#define OF_DTYPES(name) {name##_f32, name##_f64, name##_i64, name##_bool}
/* clang-format on */

extern const struct tn_gemm_kernels TN_PASTE(tn_gemm_kernels_, TN_LEVEL);
extern const tn_kernels TN_TABLE;
const tn_kernels TN_TABLE = {
    .level = TN_QUOTE(TN_LEVEL),
    .elementwise =
        {
            [TN_COPY] = FIB(copy),
            [TN_NEG] = FI(neg),
            [TN_ABS] = FI(abs),
            [TN_SIGN] = FI(sign),
            [TN_SQUARE] = FI(square),
            [TN_RELU] = FI(relu),
            [TN_EXP] = F(exp),
            [TN_LOG] = F(log),
            [TN_LOG1P] = F(log1p),
            [TN_EXPM1] = F(expm1),
            [TN_SQRT] = F(sqrt),
            [TN_RSQRT] = F(rsqrt),
            [TN_RECIPROCAL] = F(reciprocal),
            [TN_SIN] = F(sin),
            [TN_COS] = F(cos),
            [TN_TAN] = F(tan),
            [TN_TANH] = F(tanh),
            [TN_SIGMOID] = F(sigmoid),
            [TN_SILU] = F(silu),
            [TN_ERF] = F(erf),
            [TN_FLOOR] = F(floor),
            [TN_CEIL] = F(ceil),
            [TN_ROUND] = F(round),
            [TN_NOT] = B(logical_not),
            [TN_ADD] = BINARY_FI(add),
            [TN_SUB] = BINARY_FI(sub),
            [TN_MUL] = BINARY_FI(mul),
            [TN_MAXIMUM] = BINARY_FI(maximum),
            [TN_MINIMUM] = BINARY_FI(minimum),
            [TN_POW] = BINARY_FI(pow),
            [TN_DIV] = BINARY_F(div),
            [TN_EQ] = BINARY_FI(eq),
            [TN_NE] = BINARY_FI(ne),
            [TN_LT] = BINARY_FI(lt),
            [TN_LE] = BINARY_FI(le),
            [TN_GT] = BINARY_FI(gt),
            [TN_GE] = BINARY_FI(ge),
            [TN_AND] = BINARY_B(logical_and),
            [TN_OR] = BINARY_B(logical_or),
            [TN_WHERE] = WHERE_FIB(where),
        },
    .pair = {[TN_FIRST_ADD] = PAIRS(add),
             [TN_FIRST_SUB] = PAIRS(sub),
             [TN_FIRST_MUL] = PAIRS(mul),
             [TN_FIRST_NEG] = PAIRS(neg)},
    .cast =
        {
            [AT_FLOAT32] = {copy_f32, cast_f32_f64, cast_f32_i64, cast_f32_bool},
            [AT_FLOAT64] = {cast_f64_f32, copy_f64, cast_f64_i64, cast_f64_bool},
            [AT_INT64] = {cast_i64_f32, cast_i64_f64, copy_i64, cast_i64_bool},
            [AT_BOOL] = {cast_bool_f32, cast_bool_f64, cast_bool_i64, copy_bool},
        },
    .reduce =
        {[TN_SUM] = OF_DTYPES(sum), [TN_PROD] = OF_DTYPES(prod), [TN_MAX] = OF_DTYPES(max), [TN_MIN] = OF_DTYPES(min)},
    .accumulate = {[TN_SUM] = OF_DTYPES(add_to),
                   [TN_PROD] = OF_DTYPES(mul_to),
                   [TN_MAX] = OF_DTYPES(max_to),
                   [TN_MIN] = OF_DTYPES(min_to)},
    .extreme = {OF_DTYPES(smallest), OF_DTYPES(largest)},
    .reduce_add = {sum_f64, sum_f64, sum_i64, sum_i64},
    .dot = {dot_f32, dot_f64},
    .add_products = {add_products_f32, add_products_f64},
    .subtract = {subtract_f32, subtract_f64},
    .exp_shifted_f32 = exp_shifted_f32,
    .exp_shifted_f64 = exp_shifted_f64,
    .scale_f32 = scale_f32,
    .scale_f64 = scale_f64,
    .softmax = {softmax_f32, softmax_f64},
    .fill = {[0] = fill_1, [2] = fill_4, [3] = fill_8},
    .fill_rows = {[0] = fill_rows_1, [2] = fill_rows_4, [3] = fill_rows_8},
    .gather = {[0] = gather_1, [2] = gather_4, [3] = gather_8},
    .transpose = {[0] = transpose_1, [2] = transpose_4, [3] = transpose_8},
    .spread = {[0] = spread_1, [2] = spread_4, [3] = spread_8},
    .gemm = &TN_PASTE(tn_gemm_kernels_, TN_LEVEL),
    .keys = OF_DTYPES(keys),
};
