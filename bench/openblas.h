/* bench/openblas.h - OpenBLAS called directly, for comparison; loaded when the program runs, so that it builds without. */
#ifndef ATLED_BENCH_OPENBLAS_H
#define ATLED_BENCH_OPENBLAS_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 }; /* CBLAS's constants */

typedef void sgemm_function(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                            int lda, const float *b, int ldb, float beta, float *c, int ldc);

typedef struct {
    sgemm_function *sgemm;
    void (*set_num_threads)(int n);
} openblas;

/* POSIX lets dlsym's object pointer be turned into a function pointer this way. */
static inline bool load_openblas(openblas *blas) {
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) return false;
    *(void **)(void *)&blas->sgemm = dlsym(library, "cblas_sgemm");
    *(void **)(void *)&blas->set_num_threads = dlsym(library, "openblas_set_num_threads");
    return blas->sgemm && blas->set_num_threads;
}

#endif
