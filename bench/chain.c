/* bench/chain.c - a chain of scalar products, forward and backward, the graph built and freed each time: the time of
 * one product. Beside it what a hand-written tape in an array takes. */
#include <math.h>

#include "common/bench.h"

enum { LENGTH = 100 };
static const double GOAL = 60; /* ns */

/* ---- atled ------------------------------------------------------------------------------------------------------- */

static void run_atled(void *context) {
    at_tensor *w = context, *y = w;
    for (int i = 0; i < LENGTH; i++) y = at_mul(y, w);
    at_backward(y);
    at_zero_grad(w);
}

/* ---- the limit: a tape of floats --------------------------------------------------------------------------------- */

typedef struct node node;
struct node {
    float value, grad;
    node *a, *b;
    void (*backward)(node *);
};

static node tape[LENGTH + 1];
static int used;

static void mul_backward(node *y) {
    y->a->grad += y->grad * y->b->value;
    y->b->grad += y->grad * y->a->value;
}

__attribute__((noinline)) static node *leaf(float value) {
    tape[used] = (node){.value = value};
    return &tape[used++];
}

__attribute__((noinline)) static node *mul(node *a, node *b) {
    tape[used] = (node){.value = a->value * b->value, .a = a, .b = b, .backward = mul_backward};
    return &tape[used++];
}

static volatile float sum; /* so that nothing is left out */

static void run_tape(void *context) {
    (void)context;
    used = 0;
    node *w = leaf(1.0001F), *y = w;
    for (int i = 0; i < LENGTH; i++) y = mul(y, w);
    y->grad = 1;
    for (int i = used - 1; i >= 0; i--)
        if (tape[i].backward) tape[i].backward(&tape[i]);
    sum += w->grad;
}

/* ---- both by turns ----------------------------------------------------------------------------------------------- */

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    at_tensor *w = at_set_requires_grad(at_scalar(1.0001), true);
    bench_torch("from chain import chain");
    bench_times times = bench_measure((bench_row){.work = "scalar chain",
                                                  .size = "100 products",
                                                  .atled = run_atled,
                                                  .limit = run_tape,
                                                  .context = w,
                                                  .limit_name = "tape in an array",
                                                  .torch = "chain()",
                                                  .per_call = LENGTH});
    if (!isnan(times.atled)) bench_print("scalar chain", "100 products", times.atled, GOAL, "goal", 0, 1, "ns");
}
