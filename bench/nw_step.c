/* bench/nw_step.c - one Nadaraya-Watson training step, as the chapter writes it: microseconds, the median of several runs.
 *
 *     nw_step N [STEPS]     N training examples, STEPS to a run; one thread */
#define _POSIX_C_SOURCE 200809L
#include <atled.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 9 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 50, steps = argc > 2 ? atoi(argv[2]) : 2000;
    if (n < 2 || steps < 1) {
        fprintf(stderr, "usage: nw_step N [STEPS]\n");
        return 2;
    }
    at_set_num_threads(1);
    at_manual_seed(0);
    at_tensor *x = at_sort(at_mul(at_rand(n), 5), 0, false, NULL);
    at_tensor *y = at_add(at_add(at_mul(2, at_sin(x)), at_pow(x, 0.8)), at_normal(0, 0.5, n));
    at_tensor *off_diagonal = at_to(at_sub(1, at_eye(n)), AT_BOOL);
    at_tensor *keys = at_reshape(at_masked_select(at_repeat(x, n, 1), off_diagonal), n, -1);
    at_tensor *values = at_reshape(at_masked_select(at_repeat(y, n, 1), off_diagonal), n, -1);

    NWKernelRegression *net = at_nw_kernel_regression();
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = 1e-5);
    double seconds[RUNS];
    for (int run = -1; run < RUNS; run++) { /* the first only warms up */
        double start = now();
        for (int i = 0; i < steps; i++)
            AT_SCOPE {
                at_optimizer_zero_grad(trainer);
                at_tensor *loss = at_mse_loss(at_nw_kernel_regression_forward(net, x, keys, values), y, AT_NONE);
                at_backward(at_sum(loss));
                at_optimizer_step(trainer);
            }
        if (run >= 0) seconds[run] = (now() - start) / steps;
    }
    qsort(seconds, RUNS, sizeof *seconds, ascending);
    printf("%.2f\n", seconds[RUNS / 2] * 1e6);
    at_optimizer_free(trainer);
    at_module_free(&net->module);
}
