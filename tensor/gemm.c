/* tensor/gemm.c - products of matrices of any size and layout, cut into blocks and among threads.
 *
 * A unit of work is a block of C, with rows whose part of A stays in the second cache; units beside each other go
 * together. The inner dimension is taken in slices, so that a slice of a panel of B, copied into rows side by side, stays
 * in the nearest cache while all those rows go over it. How C is cut among threads shows in no result. */
#include "gemm.h"

#include "internal.h"
#include "parallel.h"

enum {
    DEPTH = 256,              /* of a slice */
    ROWS = 256,               /* of a unit */
    COLUMNS = 128,            /* of a unit: some panels */
    FEW = 16,                 /* rows or columns: the other matrix is not worth a copy */
    SMALL_MATRIX = 64 * 1024, /* nor is one that spans so many elements */
    WORK = 16                 /* multiplications that count as much as one element of elementwise work */
};

typedef struct {
    const tn_gemm *g;
    at_dtype dtype;
    int64_t a_batch, b_batch, c_batch;
    int64_t columns;                   /* of a unit */
    int64_t row_blocks, column_blocks; /* of one product */
    int64_t unit;                      /* its cost, in elements of tn_parallel */
    bool pack_a;
    const struct tn_gemm_kernels *kernels;
} job;

static const void *at(const void *x, int64_t i, size_t element) { return (const char *)x + i * (int64_t)element; }

/* The block of g that begins at row i, inner index k and column j. */
static tn_gemm part_of(const tn_gemm *g, size_t element, int64_t i, int64_t k, int64_t j) {
    tn_gemm part = *g;
    part.a = at(g->a, i * g->a_row + k * g->a_column, element);
    part.b = at(g->b, k * g->b_row + j * g->b_column, element);
    part.c = (char *)g->c + (i * g->c_row + j) * (int64_t)element;
    return part;
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* Copies pay where a slice does not stay in the second cache as it lies, and is gone over often enough. */
static bool a_in_place(const tn_gemm *g) {
    int64_t span = g->a_row > g->a_column ? g->rows * g->a_row : g->inner * g->a_column;
    return span <= SMALL_MATRIX || g->columns <= FEW;
}

static bool b_in_place(const tn_gemm *g) {
    return g->b_column == 1 && (g->rows <= FEW || g->inner * g->b_row <= SMALL_MATRIX);
}

/* A slice of A with the elements of a tile's rows side by side. */
static void pack_tiles(const job *w, tn_gemm *part, char *packed) {
    size_t element = tn_dtype_size(w->dtype);
    int64_t height = w->kernels->tile_rows;
    for (int64_t i = 0; i < part->rows; i += height)
        w->kernels->pack[w->dtype](part->inner, smaller(height, part->rows - i), height,
                                   packed + i * part->inner * (int64_t)element, at(part->a, i * part->a_row, element),
                                   part->a_column, part->a_row);
    part->a = packed;
    part->a_row = 1;
    part->a_column = height;
    part->a_tile = part->inner;
}

static void pack_panel(const job *w, tn_gemm *part, char *packed) {
    int64_t width = w->kernels->panel[w->dtype];
    w->kernels->pack[w->dtype](part->inner, part->columns, width, packed, part->b, part->b_row, part->b_column);
    part->b = packed;
    part->b_row = width;
    part->b_column = 1;
}

/* Some rows of one product, columns first ... end. */
static void multiply(const job *w, const tn_gemm *g, int64_t first, int64_t end, char *packed_a) {
    _Alignas(64) char packed_b[DEPTH * TN_PANEL_BYTES];
    size_t element = tn_dtype_size(w->dtype);
    int64_t width = w->kernels->panel[w->dtype];
    bool in_place = b_in_place(g);
    for (int64_t k = 0; k < g->inner; k += DEPTH) {
        tn_gemm slice = part_of(g, element, 0, k, 0);
        slice.inner = smaller(DEPTH, g->inner - k);
        if (packed_a) pack_tiles(w, &slice, packed_a);
        for (int64_t j = first; j < end; j += in_place ? end : width) {
            tn_gemm part = part_of(&slice, element, 0, 0, j);
            part.columns = in_place ? end - j : smaller(width, end - j);
            if (!in_place) pack_panel(w, &part, packed_b);
            w->kernels->block[w->dtype](&part, k > 0);
        }
    }
}

/* Units start / unit ... end / unit: along the rows of C, then down, then through the batch. */
static bool run_units(void *context, int64_t start, int64_t end) {
    const job *w = context;
    size_t element = tn_dtype_size(w->dtype);
    int64_t bytes = (ROWS + w->kernels->tile_rows) * DEPTH * (int64_t)element; /* the last tile may be short */
    tn_buffer *packed = w->pack_a ? tn_buffer_new(bytes) : NULL;
    if (w->pack_a && !packed) return false;
    int64_t last = end / w->unit;
    for (int64_t u = start / w->unit, next; u < last; u = next) {
        int64_t right = u % w->column_blocks, down = u / w->column_blocks % w->row_blocks;
        int64_t i = u / w->column_blocks / w->row_blocks;
        next = smaller(last, u - right + w->column_blocks);
        tn_gemm g = part_of(w->g, element, down * ROWS, 0, 0);
        g.rows = smaller(ROWS, g.rows - down * ROWS);
        g.a = at(g.a, i * w->a_batch, element);
        g.b = at(g.b, i * w->b_batch, element);
        g.c = (char *)g.c + i * w->c_batch * (int64_t)element;
        g.a_tile = g.a_row;
        multiply(w, &g, right * w->columns, smaller((right + next - u) * w->columns, g.columns),
                 packed ? packed->data : NULL);
    }
    tn_buffer_release(packed);
    return true;
}

/* Whole panels, but so few that a product of several makes two units. */
static int64_t columns_of_unit(int64_t columns, int64_t panel) {
    return smaller(COLUMNS, ((columns + 1) / 2 + panel - 1) / panel * panel);
}

bool tn_gemm_batch(at_dtype dtype, const tn_gemm *g, int64_t batch, int64_t a_batch, int64_t b_batch, int64_t c_batch) {
    job w = {.g = g, .dtype = dtype, .a_batch = a_batch, .b_batch = b_batch, .c_batch = c_batch};
    w.kernels = tn_kernels_get()->gemm;
    w.pack_a = !a_in_place(g);
    w.columns = columns_of_unit(g->columns, w.kernels->panel[dtype]);
    w.column_blocks = (g->columns + w.columns - 1) / w.columns;
    w.row_blocks = (g->rows + ROWS - 1) / ROWS;
    w.unit = 1 + smaller(ROWS, g->rows) * smaller(w.columns, g->columns) * g->inner / WORK;
    return tn_parallel(batch * w.row_blocks * w.column_blocks * w.unit, w.unit, run_units, &w);
}
