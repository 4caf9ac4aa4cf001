/* tensor/blas.c - large matrix products by CBLAS, loaded when the first one is needed.
 *
 * Loading on demand keeps start-up short for programs that have no use for it, and leaves the choice of the library to
 * the system; without one the blocks of gemm.c do the work. OpenBLAS is told to use one thread: products are cut
 * among threads by their size alone, so that results do not depend on how many there are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "internal.h"
#include "parallel.h"

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 }; /* CBLAS's constants */

typedef void sgemm_function(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                            int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void dgemm_function(int order, int trans_a, int trans_b, int m, int n, int k, double alpha, const double *a,
                            int lda, const double *b, int ldb, double beta, double *c, int ldc);

static sgemm_function *sgemm;
static dgemm_function *dgemm;
static void *library;
static pthread_once_t loaded = PTHREAD_ONCE_INIT;

/* POSIX lets dlsym's object pointer be turned into a function pointer this way. */
static void find(const char *name, void *function) { *(void **)function = dlsym(library, name); }

static void open_first(const char *const *names, size_t n) {
    for (size_t i = 0; i < n && !library; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
}

/* An OpenBLAS that does not know the processor takes it for one of 2004: gemm.c is several times faster then. */
static bool is_too_old(void) {
    const char *(*core)(void);
    find("openblas_get_corename", &core);
    return core && strcmp(core(), "Prescott") == 0 && strcmp(tn_kernels_get()->level, "baseline") != 0;
}

/* By atexit, while the loader can still give everything back. */
static void unload(void) { dlclose(library); }

static void load(void) {
    static const char *const names[] = {"libopenblas.so.0",
                                        "libopenblas.so",
                                        "libcblas.so.3",
                                        "libblas.so.3",
                                        "libopenblas.dylib",
                                        "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
                                        "/usr/local/opt/openblas/lib/libopenblas.dylib"};
    const char *choice = getenv("ATLED_BLAS"); /* a library's name, or "none" */
    if (choice)
        open_first(&choice, 1);
    else
        open_first(names, sizeof names / sizeof *names);
    if (!library) return;
    atexit(unload);
    find("cblas_sgemm", &sgemm);
    find("cblas_dgemm", &dgemm);
    void (*set_threads)(int);
    find("openblas_set_num_threads", &set_threads);
    if (set_threads) set_threads(1);
    if (!choice && is_too_old()) sgemm = NULL;
}

/* How CBLAS is told where the elements of a matrix lie: rows side by side, or, transposed, columns. */
typedef struct {
    int transposition, stride;
} layout;

static bool lay_out(layout *l, int64_t rows, int64_t columns, int64_t row, int64_t column) {
    bool by_rows = (columns == 1 || column == 1) && (rows == 1 || row >= columns);
    bool by_columns = (rows == 1 || row == 1) && (columns == 1 || column >= rows);
    int64_t least = by_rows ? columns : rows, stride = by_rows ? row : column;
    if (stride < least) stride = least; /* of a single row or column: anything that CBLAS accepts */
    *l = (layout){by_rows ? NO_TRANS : TRANS, (int)stride};
    return (by_rows || by_columns) && stride <= INT_MAX;
}

enum { ROWS_IN_PIECE = 128 };

typedef struct {
    at_dtype dtype;
    const tn_gemm *g;
    layout a, b;
} gemm_job;

/* Rows start / columns ... end / columns of the result: the range is counted in elements of it. */
static bool gemm_rows(void *context, int64_t start, int64_t end) {
    const gemm_job *job = context;
    const tn_gemm *g = job->g;
    int64_t first = start / g->columns, from = first * g->a_row, to = first * g->c_row;
    int m = (int)(end / g->columns - first), n = (int)g->columns, k = (int)g->inner, ldc = (int)g->c_row;
    if (job->dtype == AT_FLOAT32)
        sgemm(ROW_MAJOR, job->a.transposition, job->b.transposition, m, n, k, 1, (const float *)g->a + from,
              job->a.stride, g->b, job->b.stride, 0, (float *)g->c + to, ldc);
    else
        dgemm(ROW_MAJOR, job->a.transposition, job->b.transposition, m, n, k, 1, (const double *)g->a + from,
              job->a.stride, g->b, job->b.stride, 0, (double *)g->c + to, ldc);
    return true;
}

bool tn_blas_gemm(at_dtype dtype, const tn_gemm *g) {
    gemm_job job = {.dtype = dtype, .g = g};
    if (!tn_is_floating(dtype) || g->rows > INT_MAX || g->columns > INT_MAX || g->inner > INT_MAX) return false;
    if (!lay_out(&job.a, g->rows, g->inner, g->a_row, g->a_column)) return false;
    if (!lay_out(&job.b, g->inner, g->columns, g->b_row, g->b_column)) return false;
    pthread_once(&loaded, load);
    if (!sgemm || !dgemm) return false;
    return tn_parallel(g->rows * g->columns, ROWS_IN_PIECE * g->columns, gemm_rows, &job);
}
