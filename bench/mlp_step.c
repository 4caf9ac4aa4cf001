/* bench/mlp_step.c - a training step of a multilayer perceptron 784-64-10, batch 64, ReLU, squared error, SGD; beside
 * it the same by calls of OpenBLAS and plain loops (limit_mlp.h). */
#include "common/bench.h"
#include "limit_mlp.h"

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

typedef struct {
    mlp_data data;
    limit_mlp limit;
    perceptron *net;
    at_optimizer *trainer;
    at_tensor *x, *y;
    float loss, limit_loss;
} problem;

static void step(void *context) {
    problem *p = context;
    at_optimizer_zero_grad(p->trainer);
    at_tensor *hidden = at_relu(affine(p->x, p->net->w1, p->net->b1));
    at_tensor *loss = at_mse_loss(affine(hidden, p->net->w2, p->net->b2), p->y, AT_MEAN);
    at_backward(loss);
    at_optimizer_step(p->trainer);
    p->loss = (float)at_item(loss);
}

static void limit_step(void *context) {
    problem *p = context;
    p->limit_loss = limit_mlp_step(&p->limit, &p->data);
}

int main(int argc, char **argv) {
    static problem p;
    bench_begin(argc, argv);
    fill_mlp_data(&p.data);
    bool has_limit = limit_mlp_start(&p.limit, &p.data);
    p.x = at_from_floats(p.data.x, BATCH, INPUTS), p.y = at_from_floats(p.data.y, BATCH, OUTPUTS);
    p.net = perceptron_new(&p.data);
    p.trainer = at_sgd(at_parameters(&p.net->module), .lr = (double)RATE);
    bench_torch("from mlp_step import step");
    bench_measure((bench_row){.work = "MLP step",
                              .size = "784-64-10, batch 64",
                              .atled = step,
                              .limit = has_limit ? limit_step : NULL,
                              .context = &p,
                              .limit_name = "OpenBLAS and loops",
                              .limit_target = 1.25,
                              .torch = "step()"});
    at_optimizer_free(p.trainer);
    at_module_free(&p.net->module);
}
