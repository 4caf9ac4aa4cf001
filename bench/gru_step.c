/* bench/gru_step.c - a training step of a gated recurrent unit: batch 32, 35 steps, 64 inputs, 128 hiddens; squared error
 * of all states, Adam. And the same of long short-term memory. */
#include "common/bench.h"

enum { BATCH = 32, STEPS = 35, INPUTS = 64, HIDDENS = 128 };

typedef struct {
    at_recurrent *net;
    at_optimizer *trainer;
    at_tensor *x, *y;
    bool lstm;
} problem;

static void step(void *context) {
    problem *p = context;
    at_optimizer_zero_grad(p->trainer);
    at_tensor *states = p->lstm ? at_lstm_forward(p->net, p->x, NULL, NULL) : at_gru_forward(p->net, p->x, NULL);
    at_tensor *loss = at_mse_loss(states, p->y, AT_MEAN);
    at_backward(loss);
    at_optimizer_step(p->trainer);
    at_item(loss);
}

static void measure(const char *work, bool lstm) {
    problem p = {.lstm = lstm, .x = at_randn(STEPS, BATCH, INPUTS), .y = at_randn(STEPS, BATCH, HIDDENS)};
    p.net = lstm ? at_lstm_new(INPUTS, HIDDENS) : at_gru_new(INPUTS, HIDDENS);
    p.trainer = at_adam(at_parameters(&p.net->module), .lr = 1e-3);
    bench_torch("from gru_step import Problem; p = Problem('%s')", lstm ? "LSTM" : "GRU");
    bench_measure((bench_row){.work = work,
                              .size = "35 x 32 x 64, 128 hiddens",
                              .atled = step,
                              .context = &p,
                              .torch = "p.step()"});
    at_optimizer_free(p.trainer);
    at_module_free(&p.net->module);
}

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    measure("GRU step", false);
    measure("LSTM step", true);
}
