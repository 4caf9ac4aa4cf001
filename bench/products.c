/* bench/products.c - matrix products: nanoseconds, medians, in turns with OpenBLAS where it has the same product.
 *
 *     products [THREADS] [WORD]     only work whose name contains WORD */
#define _POSIX_C_SOURCE 200809L
#include <atled.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "openblas.h"

enum { RUNS = 9 };
static const double SECONDS = 0.01; /* of a run, about */

static openblas blas;
static bool has_blas;
static int threads = 1;
static const char *word = "";

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x) {
    qsort(x, RUNS, sizeof *x, ascending);
    return x[RUNS / 2];
}

/* ---- one product ------------------------------------------------------------------------------------------------- */

typedef at_tensor *product(at_tensor *a, at_tensor *b);

static double seconds_of(product *f, at_tensor *a, at_tensor *b, int times) {
    double start = now();
    for (int i = 0; i < times; i++)
        AT_SCOPE
            f(a, b);
    return (now() - start) / times;
}

/* The same product by a direct call, C = A B with n x n matrices. */
typedef struct {
    int n, trans_a, trans_b;
    const float *a, *b;
    float *c;
} direct;

static double seconds_of_direct(const direct *d, int times) {
    double start = now();
    for (int i = 0; i < times; i++)
        blas.sgemm(ROW_MAJOR, d->trans_a, d->trans_b, d->n, d->n, d->n, 1, d->a, d->n, d->b, d->n, 0, d->c, d->n);
    return (now() - start) / times;
}

static int times_for(double seconds) { return seconds > SECONDS ? 1 : (int)(SECONDS / (seconds + 1e-9)); }

static void measure(const char *work, const char *size, product *f, at_tensor *a, at_tensor *b, const direct *d) {
    double ours[RUNS], theirs[RUNS];
    if (!strstr(work, word)) return;
    seconds_of(f, a, b, 1); /* warms up */
    int times = times_for(seconds_of(f, a, b, 3)), direct_times = d ? times_for(seconds_of_direct(d, 1)) : 0;
    for (int run = 0; run < RUNS; run++) {
        ours[run] = seconds_of(f, a, b, times);
        if (d) theirs[run] = seconds_of_direct(d, direct_times);
    }
    printf("%s\t%s\t%d\t%.0f\t", work, size, threads, median(ours) * 1e9);
    if (d)
        printf("%.0f\tOpenBLAS\n", median(theirs) * 1e9);
    else
        printf("-\t-\n");
    fflush(stdout);
}

/* ---- square matrices --------------------------------------------------------------------------------------------- */

static at_tensor *transposed_matmul(at_tensor *a, at_tensor *b) { return at_matmul(at_transpose(a, 0, 1), b); }
static at_tensor *matmul_transposed(at_tensor *a, at_tensor *b) { return at_matmul(a, at_transpose(b, 0, 1)); }

static void measure_squares(void) {
    static const int sizes[] = {16, 32, 64, 100, 128, 256, 512, 1024, 2048};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        AT_SCOPE {
            int n = sizes[i];
            char size[16];
            snprintf(size, sizeof size, "%d", n);
            at_tensor *a = at_randn(n, n), *b = at_randn(n, n), *c = at_zeros(n, n);
            direct d = {n, NO_TRANS, NO_TRANS, at_floats(a), at_floats(b), at_floats_mut(c)};
            measure("matmul", size, at_matmul, a, b, has_blas ? &d : NULL);
            d.trans_a = TRANS;
            measure("matmul x.T y", size, transposed_matmul, a, b, has_blas ? &d : NULL);
            d.trans_a = NO_TRANS;
            d.trans_b = TRANS;
            measure("matmul x y.T", size, matmul_transposed, a, b, has_blas ? &d : NULL);
        }
}

/* ---- many small ones --------------------------------------------------------------------------------------------- */

static void measure_batch(int64_t batch, int64_t rows, int64_t inner, int64_t columns) {
    char size[64];
    snprintf(size, sizeof size, "%d x (%d, %d) (%d, %d)", (int)batch, (int)rows, (int)inner, (int)inner, (int)columns);
    AT_SCOPE {
        at_tensor *a = at_randn(batch, rows, inner), *b = at_randn(batch, inner, columns);
        measure("bmm float32", size, at_bmm, a, b, NULL);
        measure("bmm float64", size, at_bmm, at_to(a, AT_FLOAT64), at_to(b, AT_FLOAT64), NULL);
        measure("bmm int64", size, at_bmm, at_to(at_mul(a, 100), AT_INT64), at_to(at_mul(b, 100), AT_INT64), NULL);
    }
}

static void measure_vector(int64_t rows, int64_t columns) {
    char size[32];
    snprintf(size, sizeof size, "(%d, %d) (%d)", (int)rows, (int)columns, (int)columns);
    AT_SCOPE {
        at_tensor *a = at_randn(rows, columns), *b = at_randn(columns);
        measure("matvec float32", size, at_matmul, a, b, NULL);
        measure("matvec float64", size, at_matmul, at_to(a, AT_FLOAT64), at_to(b, AT_FLOAT64), NULL);
        measure("vecmat float32", size, at_matmul, at_randn(rows), a, NULL);
    }
}

int main(int argc, char **argv) {
    if (argc > 1) threads = atoi(argv[1]);
    if (argc > 2) word = argv[2];
    if (threads < 1) {
        fprintf(stderr, "usage: products [THREADS] [WORD]\n");
        return 2;
    }
    at_set_num_threads(threads);
    has_blas = load_openblas(&blas);
    if (has_blas) blas.set_num_threads(threads);
    measure_squares();
    measure_batch(1000, 4, 4, 4);
    measure_batch(10000, 8, 8, 8);
    measure_batch(64, 32, 32, 32);
    measure_batch(500, 1, 500, 1);
    measure_batch(50, 1, 50, 1);
    measure_batch(2000, 1, 2000, 1);
    measure_batch(200, 30, 40, 1);
    measure_batch(200, 1, 40, 30);
    measure_vector(64, 64);
    measure_vector(1000, 1000);
    measure_vector(100, 10000);
}
