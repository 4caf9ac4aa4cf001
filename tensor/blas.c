/* tensor/blas.c - large matrix products by CBLAS, loaded when the first one is needed.
 *
 * Loading on demand keeps start-up short for programs that have no use for it, and leaves the choice of the library to
 * the system; without one the loops in product.c do the work. OpenBLAS is told to use one thread: products are cut
 * among threads by their size alone, so that results do not depend on how many there are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "parallel.h"
#include "reduce.h"

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
}

enum { ROWS_IN_PIECE = 128 };

typedef struct {
    at_dtype dtype;
    const tn_gemm *g;
} gemm_job;

/* Rows start / columns ... end / columns of the result: the range is counted in elements of it. */
static bool gemm_rows(void *context, int64_t start, int64_t end) {
    const gemm_job *job = context;
    const tn_gemm *g = job->g;
    int64_t first = start / g->columns, rows = end / g->columns - first;
    int64_t skip = g->a_transposed ? first : first * g->a_stride;
    int ta = g->a_transposed ? TRANS : NO_TRANS, tb = g->b_transposed ? TRANS : NO_TRANS;
    int m = (int)rows, n = (int)g->columns, k = (int)g->inner;
    int lda = (int)g->a_stride, ldb = (int)g->b_stride, ldc = (int)g->c_stride;
    if (job->dtype == AT_FLOAT32)
        sgemm(ROW_MAJOR, ta, tb, m, n, k, 1, (const float *)g->a + skip, lda, g->b, ldb, 0,
              (float *)g->c + first * g->c_stride, ldc);
    else
        dgemm(ROW_MAJOR, ta, tb, m, n, k, 1, (const double *)g->a + skip, lda, g->b, ldb, 0,
              (double *)g->c + first * g->c_stride, ldc);
    return true;
}

static bool fits_int(const tn_gemm *g) {
    return g->rows <= INT_MAX && g->columns <= INT_MAX && g->inner <= INT_MAX && g->a_stride <= INT_MAX &&
           g->b_stride <= INT_MAX && g->c_stride <= INT_MAX;
}

bool tn_blas_gemm(at_dtype dtype, const tn_gemm *g) {
    if (!tn_is_floating(dtype) || !fits_int(g)) return false;
    pthread_once(&loaded, load);
    if (!sgemm || !dgemm) return false;
    gemm_job job = {.dtype = dtype, .g = g};
    return tn_parallel(g->rows * g->columns, ROWS_IN_PIECE * g->columns, gemm_rows, &job);
}
