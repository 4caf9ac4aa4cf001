/* tests/torture/autograd.c - what stands around the operations: custom ones, checkpoints, hooks, graphs, gradient checks. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torture.h"

static FILE *nowhere;

static void prepare_leaves(fixture *f) {
    keep(f, at_set_requires_grad(at_to(at_randn(4, 5), AT_FLOAT64), true));
    keep(f, at_set_requires_grad(at_to(at_randn(5), AT_FLOAT64), true));
}

/* Gradients are there already. */
static void prepare_gradients(fixture *f) {
    prepare_leaves(f);
    at_backward(at_sum(at_mul(f->tensor[0], f->tensor[1])));
}

static at_tensor *function(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    return at_mul(at_sin(at_mul(x[0], x[1])), x[0]);
}

static at_tensor *value(fixture *f) {
    calling("mul sin sum");
    return at_sum(function(f->tensor, 2, NULL));
}

static bool backward_adds(fixture *f) {
    at_tensor *y = value(f);
    return y && calling("backward") && at_backward(y);
}

static bool gradients(fixture *f) {
    at_tensor *y = value(f), *g[2];
    return y && calling("gradients") && at_gradients(y, f->tensor, 2, false, g) && result(g[0]) && result(g[1]);
}

static bool retained(fixture *f) {
    calling("mul sin exp sum");
    at_tensor *a = function(f->tensor, 2, NULL), *y = at_sum(at_exp(a));
    if (!a || !y || !at_retain_grad(a) || !calling("backward") || !at_backward(y)) return false;
    return calling("grad") && result(at_grad(a));
}

/* ---- hooks ------------------------------------------------------------------------------------------------------- */

static at_tensor *halve(at_tensor *g, void *context) {
    (void)context;
    return at_mul(g, 0.5);
}

static bool hooked(fixture *f) {
    calling("mul sin sum exp");
    at_tensor *a = function(f->tensor, 2, NULL), *y = at_sum(at_exp(a));
    if (!y || !calling("register_hook") || !at_register_hook(a, halve, NULL) || !at_register_hook(a, halve, NULL))
        return false;
    return calling("backward") && at_backward(y);
}

static bool named(fixture *f) {
    calling("set_name");
    return at_set_name(f->tensor[0], "weights") != NULL;
}

/* ---- graphs ------------------------------------------------------------------------------------------------------ */

static bool printed(fixture *f) {
    at_tensor *y = value(f);
    return y && calling("graph_print") && at_graph_print(nowhere, y) && calling("graph_dot") &&
           at_graph_dot(nowhere, y);
}

static bool traced(fixture *f) {
    at_tensor *y = value(f);
    return y && calling("backward_trace") && at_backward_trace(nowhere, y);
}

/* ---- custom operations and checkpoints --------------------------------------------------------------------------- */

static at_tensor *square_times(at_custom_call *call) {
    if (!at_custom_save(call, at_mul(call->inputs[0], 2)) || !at_custom_save(call, at_square(call->inputs[0])) ||
        !at_custom_save(call, call->inputs[1]) || !at_custom_save(call, call->inputs[0]) ||
        !at_custom_save(call, at_add(call->inputs[0], 2)))
        return NULL;
    return at_mul(at_square(call->inputs[0]), call->inputs[1]);
}

static bool derivative(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)y;
    dx[0] = at_mul(g, at_mul(call->saved[0], call->saved[2]));
    dx[1] = at_mul(g, call->saved[1]);
    return dx[0] && dx[1];
}

static void free_bytes(void *context) { at_free(context, 10); }

static bool custom(fixture *f) {
    static const at_custom_operation operation = {"square_times", square_times, derivative, free_bytes};
    calling("context");
    void *context = at_allocate("context", 10);
    if (!context || !calling("square_times")) return false;
    at_tensor *y = at_custom(&operation, f->tensor, 2, context);
    if (!y || !result(y) || !calling("sum")) return false;
    at_tensor *sum = at_sum(y);
    return sum && calling("backward") && at_backward(sum);
}

static bool checkpoint_whole(fixture *f) {
    calling("checkpoint");
    at_tensor *y = at_checkpoint(function, f->tensor, 2, NULL);
    if (!y || !calling("sum")) return false;
    at_tensor *sum = at_sum(y);
    return sum && calling("backward") && at_backward(sum);
}

static bool checkpoint_rows(fixture *f) {
    calling("context");
    void *context = at_allocate("context", 10);
    if (!context || !calling("checkpoint")) return false;
    at_tensor *y = at_checkpoint(function, f->tensor, 2, context, .free_context = free_bytes, .rows = 1, .block = 3),
              *g[2];
    if (!y || !calling("square sum")) return false;
    at_tensor *sum = at_sum(at_square(y));
    if (!sum || !calling("gradients") || !at_gradients(sum, f->tensor, 2, true, g)) return false;
    calling("sum square");
    at_tensor *again = at_sum(at_square(g[0]));
    return again && calling("backward") && at_backward(again);
}

/* ---- gradient checks --------------------------------------------------------------------------------------------- */

static at_tensor *wrong(at_custom_call *call) { return at_square(call->inputs[0]); }

static bool wrong_derivative(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)y;
    dx[0] = at_mul(g, at_mul(call->inputs[0], 2.1));
    return dx[0] != NULL;
}

static at_tensor *with_wrong_gradient(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    static const at_custom_operation operation = {"wrong", wrong, wrong_derivative, NULL};
    return at_custom(&operation, x, 1, NULL);
}

static void prepare_few(fixture *f) {
    keep(f, at_set_requires_grad(at_to(at_randn(2), AT_FLOAT64), true));
    keep(f, at_set_requires_grad(at_to(at_randn(2), AT_FLOAT64), true));
}

static bool gradcheck(fixture *f) { return calling("gradcheck") && at_gradcheck(function, f->tensor, 2, NULL); }
static bool gradgradcheck(fixture *f) {
    return calling("gradgradcheck") && at_gradgradcheck(function, f->tensor, 1 + 1, NULL);
}

/* The check finds something, and says so in a report. */
static bool gradcheck_report(fixture *f) {
    calling("gradcheck");
    bool good = at_gradcheck(with_wrong_gradient, f->tensor, 1, NULL, .report = nowhere);
    if (good || at_error_code() != AT_ERROR_VALUE) return false;
    const char *text = at_error();
    result_bytes(text, strlen(text));
    at_clear_error();
    return true;
}

void torture_autograd(void) {
    static const scenario all[] = {{"autograd backward", prepare_leaves, backward_adds, NULL},
                                   {"autograd backward adds", prepare_gradients, backward_adds, NULL},
                                   {"autograd gradients", prepare_gradients, gradients, NULL},
                                   {"autograd retain_grad", prepare_leaves, retained, NULL},
                                   {"autograd hooks", prepare_gradients, hooked, NULL},
                                   {"autograd set_name", prepare_leaves, named, NULL},
                                   {"autograd graph", prepare_gradients, printed, NULL},
                                   {"autograd trace", prepare_gradients, traced, NULL},
                                   {"autograd custom", prepare_gradients, custom, NULL},
                                   {"autograd checkpoint", prepare_gradients, checkpoint_whole, NULL},
                                   {"autograd checkpoint rows", prepare_gradients, checkpoint_rows, NULL},
                                   {"autograd gradcheck", prepare_few, gradcheck, NULL},
                                   {"autograd gradgradcheck", prepare_few, gradgradcheck, NULL},
                                   {"autograd report", prepare_few, gradcheck_report, NULL}};
    nowhere = fopen("/dev/null", "w");
    if (!nowhere) exit(EXIT_FAILURE);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) torture(&all[i]);
    fclose(nowhere);
}
