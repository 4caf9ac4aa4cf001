/* bench/products.c - matrix products, beside direct calls of OpenBLAS (square ones) and PyTorch. */
#include "common/bench.h"
#include "openblas.h"

static openblas blas;
static bool has_blas;

/* ---- one product ------------------------------------------------------------------------------------------------- */

typedef at_tensor *product(at_tensor *a, at_tensor *b);

/* a b by atled, and, where n is not 0, the same with n x n matrices by OpenBLAS. */
typedef struct {
    product *f;
    at_tensor *a, *b;
    int n, trans_a, trans_b;
    const float *a_floats, *b_floats;
    float *result;
} operands;

static void run(void *context) {
    const operands *o = context;
    bench_force(o->f(o->a, o->b));
}

static void run_blas(void *context) {
    const operands *o = context;
    blas.sgemm(ROW_MAJOR, o->trans_a, o->trans_b, o->n, o->n, o->n, 1, o->a_floats, o->n, o->b_floats, o->n, 0,
               o->result, o->n);
}

static void measure(const char *work, const char *size, operands o, const char *torch) {
    bool direct = has_blas && o.n > 0;
    bench_measure((bench_row){.work = work,
                              .size = size,
                              .atled = run,
                              .limit = direct ? run_blas : NULL,
                              .context = &o,
                              .limit_name = "OpenBLAS",
                              .limit_target = o.n >= 64 ? 1 / 0.95 : 0,
                              .torch = torch});
}

/* ---- square matrices --------------------------------------------------------------------------------------------- */

static at_tensor *transposed_matmul(at_tensor *a, at_tensor *b) { return at_matmul(at_transpose(a, 0, 1), b); }
static at_tensor *matmul_transposed(at_tensor *a, at_tensor *b) { return at_matmul(a, at_transpose(b, 0, 1)); }

static void measure_square(int n) {
    char size[16];
    snprintf(size, sizeof size, "%d", n);
    AT_SCOPE {
        at_tensor *a = at_randn(n, n), *b = at_randn(n, n), *c = at_zeros(n, n);
        operands o = {at_matmul, a, b, n, NO_TRANS, NO_TRANS, at_floats(a), at_floats(b), at_floats_mut(c)};
        bench_torch("a, b = torch.randn(%d, %d), torch.randn(%d, %d)", n, n, n, n);
        measure("matmul x y", size, o, "a @ b");
        o.f = transposed_matmul, o.trans_a = TRANS;
        measure("matmul x.T y", size, o, "a.t() @ b");
        o.f = matmul_transposed, o.trans_a = NO_TRANS, o.trans_b = TRANS;
        measure("matmul x y.T", size, o, "a @ b.t()");
    }
}

/* ---- many small ones, and vectors -------------------------------------------------------------------------------- */

static void measure_batch(int batch, int rows, int inner, int columns) {
    char size[64];
    snprintf(size, sizeof size, "%d x (%d, %d) (%d, %d)", batch, rows, inner, inner, columns);
    AT_SCOPE {
        at_tensor *a = at_randn(batch, rows, inner), *b = at_randn(batch, inner, columns);
        operands doubles = {.f = at_bmm, .a = at_to(a, AT_FLOAT64), .b = at_to(b, AT_FLOAT64)};
        operands integers = {.f = at_bmm, .a = at_to(at_mul(a, 100), AT_INT64), .b = at_to(at_mul(b, 100), AT_INT64)};
        bench_torch("a, b = torch.randn(%d, %d, %d), torch.randn(%d, %d, %d)", batch, rows, inner, batch, inner,
                    columns);
        bench_torch("c, d, i, j = a.double(), b.double(), (a * 100).long(), (b * 100).long()");
        measure("bmm", size, (operands){.f = at_bmm, .a = a, .b = b}, "a.bmm(b)");
        measure("bmm float64", size, doubles, "c.bmm(d)");
        measure("bmm int64", size, integers, "i.bmm(j)");
    }
}

static void measure_vector(int rows, int columns) {
    char size[32];
    snprintf(size, sizeof size, "(%d, %d) (%d)", rows, columns, columns);
    AT_SCOPE {
        at_tensor *a = at_randn(rows, columns), *b = at_randn(columns);
        bench_torch("a, b, c = torch.randn(%d, %d), torch.randn(%d), torch.randn(%d)", rows, columns, columns, rows);
        bench_torch("d, e = a.double(), b.double()");
        measure("matvec", size, (operands){.f = at_matmul, .a = a, .b = b}, "a @ b");
        measure("matvec float64", size,
                (operands){.f = at_matmul, .a = at_to(a, AT_FLOAT64), .b = at_to(b, AT_FLOAT64)}, "d @ e");
        measure("vecmat", size, (operands){.f = at_matmul, .a = at_randn(rows), .b = a}, "c @ a");
    }
}

int main(int argc, char **argv) {
    static const int sizes[] = {16, 32, 64, 100, 128, 256, 512, 1024, 2048};
    bench_begin(argc, argv);
    has_blas = load_openblas(&blas);
    if (has_blas) blas.set_num_threads(bench_threads);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] <= (bench_quick ? 256 : 2048)) measure_square(sizes[i]);
    measure_batch(1000, 4, 4, 4);
    measure_batch(64, 32, 32, 32);
    measure_batch(500, 1, 500, 1);
    measure_vector(1000, 1000);
    if (bench_quick) return 0;
    measure_batch(10000, 8, 8, 8);
    measure_batch(50, 1, 50, 1);
    measure_batch(2000, 1, 2000, 1);
    measure_batch(200, 30, 40, 1);
    measure_batch(200, 1, 40, 30);
    measure_vector(64, 64);
    measure_vector(100, 10000);
}
