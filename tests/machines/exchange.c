/* tests/machines/exchange.c - files that one machine writes and another reads: exchange FOLDER compares what it computes
 * with the snapshots in FOLDER, and with ATLED_SNAPSHOT=update in the environment records them. Values that are given,
 * and the random numbers, are the same bits on every machine; the sums of a training step round a little differently. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "../../atled.h"

static const char *folder;
static bool good = true;
static int compared;

static void exchange(const char *name, at_tensor *t, double rtol, double atol) {
    good &= at_snapshot(folder, name, t, rtol, atol);
    compared++;
}

/* Every dtype to its ends; an order of bytes that went wrong would show in each element. */
static void exchange_given(void) {
    const float floats[] = {1.5f, -0.0f, FLT_MAX, FLT_MIN, FLT_TRUE_MIN, -INFINITY, 0x1.234568p-3f, 16777216};
    const double doubles[] = {1.5, -0.0, DBL_MAX, DBL_MIN, DBL_TRUE_MIN, -INFINITY, 0x1.23456789abcdep-3, 1e300};
    const int64_t integers[] = {INT64_MIN, INT64_MAX, -1, 0, 1, INT64_C(0x0123456789abcdef), -256, 1 << 16};
    const bool bools[] = {true, false, false, true, true, true, false, false};
    exchange("float32", at_from_floats(floats, 2, 4), 0, 0);
    exchange("float64", at_transpose(at_from_doubles(doubles, 2, 4), 0, 1), 0, 0);
    exchange("int64", at_from_int64s(integers, 2, 2, 2), 0, 0);
    exchange("bool", at_from_bools(bools, 8), 0, 0);
    exchange("scalar", at_scalar(-2.25), 0, 0);
    exchange("empty", at_zeros(3, 0), 0, 0);
}

static void exchange_random(void) {
    at_manual_seed(7);
    exchange("rand", at_rand(100), 0, 0);
    exchange("randn", at_randn(100), 0, 0);
    exchange("few_normal", at_normal(1, 2, 5), 1e-6, 0); /* by the C library's logarithm and sine */
    exchange("randint", at_randint(-1000, 1000, 100), 0, 0);
    exchange("randperm", at_randperm(100), 0, 0);
}

static void exchange_trained(void) {
    at_manual_seed(0);
    at_tensor *x = at_sort(at_mul(at_rand(50), 5), 0, false, NULL), *y = at_sin(x);
    at_tensor *keys = at_repeat(x, 50, 1), *values = at_repeat(y, 50, 1);
    NWKernelRegression *net = at_nw_kernel_regression();
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = 0.5);
    for (int epoch = 0; epoch < 5; epoch++)
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_backward(at_sum(at_mse_loss(at_nw_kernel_regression_forward(net, x, keys, values), y, AT_NONE)));
            at_optimizer_step(trainer);
        }
    exchange("w", at_detach(net->w), 2e-5, 0);
    exchange("attention_weights", net->attention_weights, 2e-4, 1e-6);
    at_optimizer_free(trainer);
    at_module_free(&net->module);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: exchange FOLDER\n");
        return 2;
    }
    folder = argv[1];
    exchange_given();
    exchange_random();
    exchange_trained();
    printf("%d snapshots\n", compared);
    return good ? 0 : 1;
}
