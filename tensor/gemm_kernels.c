/* tensor/gemm_kernels.c - blocks of matrix products; see gemm.h.
 *
 * This file is compiled once for each instruction set. A tile of C, some rows by one or two vectors, stays in registers
 * while the kernel goes along the inner dimension: each step loads the vectors of a row of B once and multiplies them by
 * one element of each row of A. With eight rows and two vectors that is 16 multiply-adds for ten loads, and enough
 * independent sums to keep both multipliers busy. Vectors are a GNU extension that every processor can compile. */
#include "gemm.h"

#include <string.h>

#define TN_PASTE_(a, b) a##b
#define TN_PASTE(a, b)  TN_PASTE_(a, b)

/* The rows of a tile: as many as the registers hold sums for, beside a row of B and an element of A. */
#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, TILE_ROWS = 8 };
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32, TILE_ROWS = 6 };
#else
enum { VECTOR_BYTES = 16, TILE_ROWS = 4 };
#endif

enum { PANEL_BYTES = 2 * VECTOR_BYTES };

#define VECTOR(type, bytes) type __attribute__((vector_size(bytes), aligned(sizeof(type)), may_alias))
#define INLINE              static inline __attribute__((always_inline))

/* ---- tiles ------------------------------------------------------------------------------------------------------- */

/* name: a tile of rows by n vectors. name_rows: one such column of tiles, through all rows. rows is a constant wherever
 * the first is called, so that its loops unroll and its sums are registers. */
#define TILE(name, type, vector, n)                                                                                    \
    INLINE void name(const int rows, const tn_gemm *g, const type *a, const type *b, type *c, bool add) {              \
        vector sum[TILE_ROWS][n] = {0};                                                                                \
        int64_t a_row = g->a_row, a_column = g->a_column, b_row = g->b_row, c_row = g->c_row;                          \
        for (int64_t k = 0; k < g->inner; k++, a += a_column, b += b_row) {                                            \
            const vector *y = (const vector *)b;                                                                       \
            for (int i = 0; i < rows; i++)                                                                             \
                for (int j = 0; j < n; j++) sum[i][j] += a[i * a_row] * y[j];                                          \
        }                                                                                                              \
        for (int i = 0; i < rows; i++)                                                                                 \
            for (int j = 0; j < n; j++) {                                                                              \
                vector *z = (vector *)(c + i * c_row) + j;                                                             \
                if (add) sum[i][j] += *z;                                                                              \
                *z = sum[i][j];                                                                                        \
            }                                                                                                          \
    }                                                                                                                  \
    static void name##_rows(const tn_gemm *g, int64_t column, bool add) {                                              \
        const type *a = g->a, *b = (const type *)g->b + column;                                                        \
        type *c = (type *)g->c + column;                                                                               \
        int64_t a_row = g->a_row, a_tile = g->a_tile, c_row = g->c_row, rest = g->rows;                                \
        for (; rest >= TILE_ROWS; rest -= TILE_ROWS, a += TILE_ROWS * a_tile, c += TILE_ROWS * c_row)                  \
            name(TILE_ROWS, g, a, b, c, add);                                                                          \
        if (rest & 4) name(4, g, a, b, c, add), a += 4 * a_row, c += 4 * c_row;                                        \
        if (rest & 2) name(2, g, a, b, c, add), a += 2 * a_row, c += 2 * c_row;                                        \
        if (rest & 1) name(1, g, a, b, c, add);                                                                        \
    }

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

#if defined(__AVX512F__)
#define IF_64(...) __VA_ARGS__
#else
#define IF_64(...)
#endif
#if defined(__AVX2__)
#define IF_32(...) __VA_ARGS__
#else
#define IF_32(...)
#endif

/* Columns go by the widest tiles that fit, the last ones by narrower vectors and one by one. */
#define COLUMNS(name, lanes)                                                                                           \
    for (; g->columns - j >= (int64_t)(lanes); j += (int64_t)(lanes)) name##_rows(g, j, add)

#define BLOCK(suffix, type)                                                                                            \
    typedef VECTOR(type, VECTOR_BYTES) vector_##suffix;                                                                \
    typedef VECTOR(type, 32) vector32_##suffix;                                                                        \
    typedef VECTOR(type, 16) vector16_##suffix;                                                                        \
    TILE(wide_##suffix, type, vector_##suffix, 2)                                                                      \
    IF_64(TILE(tile64_##suffix, type, vector_##suffix, 1))                                                             \
    IF_32(TILE(tile32_##suffix, type, vector32_##suffix, 1))                                                           \
    TILE(tile16_##suffix, type, vector16_##suffix, 1)                                                                  \
    TILE(tile1_##suffix, type, type, 1)                                                                                \
    static void block_##suffix(const tn_gemm *g, bool add) {                                                           \
        int64_t j = 0;                                                                                                 \
        COLUMNS(wide_##suffix, PANEL_BYTES / sizeof(type));                                                            \
        IF_64(COLUMNS(tile64_##suffix, 64 / sizeof(type));)                                                            \
        IF_32(COLUMNS(tile32_##suffix, 32 / sizeof(type));)                                                            \
        COLUMNS(tile16_##suffix, 16 / sizeof(type));                                                                   \
        COLUMNS(tile1_##suffix, 1);                                                                                    \
    }

BLOCK(f32, float)
BLOCK(f64, double)
BLOCK(u64, uint64_t) /* int64 wraps around */

/* ---- packing ----------------------------------------------------------------------------------------------------- */

#if defined(__clang__)
#define SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (four){__VA_ARGS__})
#endif
#define LOW(x, y)  SHUFFLE(x, y, 0, 4, 1, 5)
#define HIGH(x, y) SHUFFLE(x, y, 2, 6, 3, 7)

/* Four rows of four elements to four columns: element by element that would cost more than it saves. */
static void transpose_4x4(uint32_t *out, int64_t out_row, const uint32_t *x, int64_t x_row) {
    typedef VECTOR(uint32_t, 16) four;
    four row[4];
    for (int i = 0; i < 4; i++) memcpy(&row[i], x + i * x_row, sizeof row[i]);
    four a = LOW(row[0], row[2]), b = LOW(row[1], row[3]), c = HIGH(row[0], row[2]), d = HIGH(row[1], row[3]);
    const four column[4] = {LOW(a, b), HIGH(a, b), LOW(c, d), HIGH(c, d)};
    for (int i = 0; i < 4; i++) memcpy(out + i * out_row, &column[i], sizeof column[i]);
}

#define PACK(name, type)                                                                                               \
    static void name(int64_t rows, int64_t columns, int64_t width, void *restrict out_, const void *restrict x_,       \
                     int64_t x_row, int64_t x_column) {                                                                \
        type *out = out_;                                                                                              \
        const type *x = x_;                                                                                            \
        if (x_column == 1 && (size_t)columns * sizeof(type) == PANEL_BYTES) {                                          \
            for (int64_t k = 0; k < rows; k++) memcpy(out + k * width, x + k * x_row, PANEL_BYTES);                    \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t k = 0; k < rows; k++)                                                                             \
            for (int64_t j = 0; j < columns; j++) out[k * width + j] = x[k * x_row + j * x_column];                    \
    }
PACK(pack_any_4, uint32_t)
PACK(pack_8, uint64_t)

/* Of a transposed matrix; the rows and columns that are left over go one by one. */
static void pack_4(int64_t rows, int64_t columns, int64_t width, void *out, const void *x, int64_t x_row,
                   int64_t x_column) {
    uint32_t *to = out;
    const uint32_t *from = x;
    int64_t k = 0, whole = columns / 4 * 4;
    for (; x_row == 1 && k + 4 <= rows; k += 4) {
        for (int64_t j = 0; j < whole; j += 4)
            transpose_4x4(to + k * width + j, width, from + k + j * x_column, x_column);
        pack_any_4(4, columns - whole, width, to + k * width + whole, from + k + whole * x_column, 1, x_column);
    }
    pack_any_4(rows - k, columns, width, to + k * width, from + k * x_row, x_row, x_column);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

#define TABLE TN_PASTE(tn_gemm_kernels_, TN_LEVEL)
extern const struct tn_gemm_kernels TABLE;
const struct tn_gemm_kernels TABLE = {
    .tile_rows = TILE_ROWS,
    .panel = {[AT_FLOAT32] = PANEL_BYTES / 4, [AT_FLOAT64] = PANEL_BYTES / 8, [AT_INT64] = PANEL_BYTES / 8},
    .block = {[AT_FLOAT32] = block_f32, [AT_FLOAT64] = block_f64, [AT_INT64] = block_u64},
    .pack = {[AT_FLOAT32] = pack_4, [AT_FLOAT64] = pack_8, [AT_INT64] = pack_8},
};
