/* bench/mlp_step.c - a training step of a multilayer perceptron 784-64-10, batch 64, ReLU, squared error, SGD:
 * nanoseconds, the median of several runs, and beside it the same by calls of OpenBLAS and plain loops (limit_mlp.h).
 *
 *     mlp_step [THREADS] [STEPS]     STEPS to a run, in turns with the limit */
#define _POSIX_C_SOURCE 200809L
#include <atled.h>
#include <stdlib.h>
#include <time.h>

#include "limit_mlp.h"

enum { RUNS = 15 };

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

typedef struct {
    at_module module;
    at_tensor *w1, *b1, *w2, *b2;
} perceptron;

static perceptron *perceptron_new(const mlp_data *d) {
    perceptron *net = at_module_new(sizeof *net, "Perceptron");
    at_module_parameter(&net->module, "w1", &net->w1, at_from_floats(d->w1, HIDDEN, INPUTS));
    at_module_parameter(&net->module, "b1", &net->b1, at_zeros(HIDDEN));
    at_module_parameter(&net->module, "w2", &net->w2, at_from_floats(d->w2, OUTPUTS, HIDDEN));
    at_module_parameter(&net->module, "b2", &net->b2, at_zeros(OUTPUTS));
    return net;
}

static at_tensor *affine(at_tensor *x, at_tensor *w, at_tensor *b) {
    return at_add(at_matmul(x, at_transpose(w, 0, 1)), b);
}

static float step(perceptron *net, at_optimizer *trainer, at_tensor *x, at_tensor *y) {
    float value = 0;
    AT_SCOPE {
        at_optimizer_zero_grad(trainer);
        at_tensor *hidden = at_relu(affine(x, net->w1, net->b1));
        at_tensor *loss = at_mse_loss(affine(hidden, net->w2, net->b2), y, AT_MEAN);
        at_backward(loss);
        at_optimizer_step(trainer);
        value = (float)at_item(loss);
    }
    return value;
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 1, steps = argc > 2 ? atoi(argv[2]) : 500;
    if (threads < 1 || steps < 1) {
        fprintf(stderr, "usage: mlp_step [THREADS] [STEPS]\n");
        return 2;
    }
    static mlp_data data;
    static limit_mlp limit;
    fill_mlp_data(&data);
    bool has_limit = limit_mlp_start(&limit, &data);
    at_set_num_threads(threads);
    at_tensor *x = at_from_floats(data.x, BATCH, INPUTS), *y = at_from_floats(data.y, BATCH, OUTPUTS);
    perceptron *net = perceptron_new(&data);
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = (double)RATE);
    double ours[RUNS], theirs[RUNS];
    float loss = 0, limit_loss = 0;
    for (int run = -1; run < RUNS; run++) { /* the first only warms up */
        double start = now();
        for (int i = 0; i < steps; i++) loss = step(net, trainer, x, y);
        double middle = now();
        for (int i = 0; i < steps && has_limit; i++) limit_loss = limit_mlp_step(&limit, &data);
        if (run >= 0) ours[run] = (middle - start) / steps * 1e9, theirs[run] = (now() - middle) / steps * 1e9;
        if (run < 0)
            fprintf(stderr, "loss after %d steps: %.6f, limit %.6f\n", steps, (double)loss, (double)limit_loss);
    }
    printf("MLP step\t784-64-10\t%d\t%.0f\t%.0f\tOpenBLAS calls and loops\n", threads, median(ours), median(theirs));
    at_optimizer_free(trainer);
    at_module_free(&net->module);
}
