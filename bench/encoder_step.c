/* bench/encoder_step.c - a training step of a Transformer encoder block: batch 32, 64 steps, 128 hiddens, 4 heads, a
 * position-wise network of 256; squared error, Adam. With dropout, random numbers are drawn too. */
#include "common/bench.h"

enum { BATCH = 32, STEPS = 64, HIDDENS = 128, HEADS = 4, FFN_HIDDENS = 256 };

typedef struct {
    at_transformer_encoder_block *net;
    at_optimizer *trainer;
    at_tensor *x, *y;
} problem;

static void step(void *context) {
    problem *p = context;
    at_optimizer_zero_grad(p->trainer);
    at_tensor *loss = at_mse_loss(at_transformer_encoder_block_forward(p->net, p->x, NULL), p->y, AT_MEAN);
    at_backward(loss);
    at_optimizer_step(p->trainer);
    at_item(loss);
}

static void measure(const char *work, double dropout) {
    problem p = {.x = at_randn(BATCH, STEPS, HIDDENS), .y = at_randn(BATCH, STEPS, HIDDENS)};
    p.net = at_transformer_encoder_block_new(.hiddens = HIDDENS, .ffn_hiddens = FFN_HIDDENS, .heads = HEADS,
                                             .dropout = dropout, .bias = true);
    p.trainer = at_adam(at_parameters(&p.net->module), .lr = 1e-3);
    bench_torch("from encoder_step import Problem; p = Problem(%g)", dropout);
    bench_measure(
        (bench_row){.work = work, .size = "32 x 64 x 128, 4 heads", .atled = step, .context = &p, .torch = "p.step()"});
    at_optimizer_free(p.trainer);
    at_module_free(&p.net->module);
}

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    measure("encoder step", 0);
    measure("encoder step, dropout 0.1", 0.1);
}
