/* bench/chain.c - a chain of scalar products, forward and backward: nanoseconds an operation, graph built and freed
 * each time. Beside it what a hand-written tape in an array takes.
 *
 *     chain [TURNS]     TURNS chains to a run; one thread */
#define _POSIX_C_SOURCE 200809L
#include <atled.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 501, LENGTH = 100 }; /* many short runs: their median is one that nothing interrupted */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- atled ------------------------------------------------------------------------------------------------------- */

static void run_atled(at_tensor *w) {
    AT_SCOPE {
        at_tensor *y = w;
        for (int i = 0; i < LENGTH; i++) y = at_mul(y, w);
        at_backward(y);
        at_zero_grad(w);
    }
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

static float run_tape(float value) {
    used = 0;
    node *w = leaf(value), *y = w;
    for (int i = 0; i < LENGTH; i++) y = mul(y, w);
    y->grad = 1;
    for (int i = used - 1; i >= 0; i--)
        if (tape[i].backward) tape[i].backward(&tape[i]);
    return w->grad;
}

/* ---- both by turns ----------------------------------------------------------------------------------------------- */

int main(int argc, char **argv) {
    int turns = argc > 1 ? atoi(argv[1]) : 10;
    if (turns < 1) {
        fprintf(stderr, "usage: chain [TURNS]\n");
        return 2;
    }
    at_set_num_threads(1);
    at_tensor *w = at_set_requires_grad(at_scalar(1.0001), true);
    double atled[RUNS], limit[RUNS];
    volatile float sum = 0;                 /* so that nothing is left out */
    for (int run = -1; run < RUNS; run++) { /* the first only warms up */
        double start = now();
        for (int i = 0; i < turns; i++) run_atled(w);
        double middle = now();
        for (int i = 0; i < turns; i++) sum += run_tape(1.0001F);
        if (run < 0) continue;
        atled[run] = (middle - start) / turns / LENGTH * 1e9;
        limit[run] = (now() - middle) / turns / LENGTH * 1e9;
    }
    qsort(atled, RUNS, sizeof *atled, ascending);
    qsort(limit, RUNS, sizeof *limit, ascending);
    printf("scalar chain\t%d\t1\t%.1f\t%.2f\ttape in an array\n", LENGTH, atled[RUNS / 2], limit[RUNS / 2]);
}
