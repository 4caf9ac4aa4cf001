/* autograd/autograd.h - gradients by reverse-mode differentiation, and checking them.
 *
 * A tensor with requires_grad set is a leaf: operations on it are recorded, and at_backward on a scalar result adds the
 * derivative by each leaf into the leaf's gradient. The graph may be walked again; it goes when its tensors go. */
#ifndef ATLED_AUTOGRAD_H
#define ATLED_AUTOGRAD_H

#include "operations.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* Marks a floating-point leaf as one to take gradients by (or not). Returns t itself, so that it nests:
 * at_tensor *w = at_set_requires_grad(at_rand(3), true). It is an error for the result of a recorded operation. */
at_tensor *at_set_requires_grad(at_tensor *t, bool requires_grad);
bool at_requires_grad(at_tensor *t); /* t is such a leaf, or was computed from one */
at_tensor *at_detach(at_tensor *t);  /* the same elements as a new leaf that needs no gradient */

/* Nothing within AT_NO_GRAD { ... } is recorded. Per thread; a loop that runs once, as AT_SCOPE is. */
typedef struct {
    bool before;
    bool open;
} at_grad_guard;
at_grad_guard at_no_grad_open(void);
void at_no_grad_close(at_grad_guard *guard);
#define AT_NO_GRAD AT_NO_GRAD_NAMED(AT_JOIN(at_grad_guard_, __COUNTER__))
#define AT_NO_GRAD_NAMED(guard)                                                                                        \
    for (at_grad_guard guard __attribute__((cleanup(at_no_grad_close))) = at_no_grad_open(); guard.open;               \
         at_no_grad_close(&guard))

/* Adds the derivative of t by every leaf that t was computed from into that leaf's gradient. t has one element, and
 * requires a gradient; at_backward_with starts from grad_output, of t's shape, in place of 1. On an error no gradient
 * has changed. */
bool at_backward(at_tensor *t);
bool at_backward_with(at_tensor *t, at_tensor *grad_output);
at_tensor *at_grad(at_tensor *t); /* the gradient of a leaf, NULL while there is none (which is no error) */
void at_zero_grad(at_tensor *t);  /* back to none */

/* grads[i] = the derivative of output (one element) by inputs[i], zeros where it does not depend on it. Leaves' own
 * gradients are not touched, so threads may do this with shared parameters. inputs may be leaves or intermediate. With
 * create_graph the results can be differentiated again. */
bool at_gradients(at_tensor *output, at_tensor *const *inputs, int n, bool create_graph, at_tensor **grads);

/* A function under test: n tensors to one tensor of any shape. */
typedef at_tensor *(*at_function)(at_tensor **inputs, int n, void *context);

/* Compares the gradient of f, by each input that requires one, with central differences, in float64; the output is
 * weighted by fixed irregular numbers. at_gradgradcheck does so with the gradient of that gradient. False with a message
 * in at_error() (in AT_ERROR_ABORT mode too: a failed check does not abort) that names the first element that differs,
 * with its input, and the analytic and numeric values. Neither inputs, their gradients nor random numbers change; the
 * same tensor in several places counts as one variable. Inputs must not be computed from one another. */
bool at_gradcheck(at_function f, at_tensor **inputs, int n, void *context);
bool at_gradgradcheck(at_function f, at_tensor **inputs, int n, void *context);

/* The same with options: at_gradcheck(f, inputs, n, context, .only = 1 << 2, .report = stderr).
 *
 * An element fails unless |analytic - numeric| <= atol + rtol * |numeric|, both finite. In float64 a correct rule agrees
 * to some 1e-9 and the defaults leave room for strongly curved functions. With float32 inputs may be float32: gradients
 * and differences are then what the function computes in float32, which for values and derivatives near 1 agree to some
 * 1e-4; errors below rtol are not seen. Check in float64 where the function can be had in it. */
typedef struct {
    at_function f;
    at_tensor **inputs;
    int n;
    void *context;
    double epsilon; /* each element is moved up and down by this; 0: 1e-6, for float32 1e-2 */
    double rtol;    /* 0: 1e-4, for float32 2e-3 */
    double atol;    /* 0: 1e-6, for float32 1e-3 */
    bool float32;   /* inputs and output may be float32 */
    uint64_t only;  /* bit i: check input i; 0: all that require a gradient. The others count as constants. */
    /* Where a failed check writes a report for people: inputs, options, all elements that differ (the first 20 of each
     * input one by one), and what they have in common. NULL: nowhere, and the check ends at the first of them. */
    FILE *report;
    int at_; /* unused: lets at_gradcheck(f, inputs, n, context) compile without a warning */
} at_gradcheck_options;
bool at_gradcheck_with(at_gradcheck_options options);
bool at_gradgradcheck_with(at_gradcheck_options options);
#ifndef __cplusplus
#define at_gradcheck(...)     at_gradcheck_with((at_gradcheck_options){__VA_ARGS__, .at_ = 0})
#define at_gradgradcheck(...) at_gradgradcheck_with((at_gradcheck_options){__VA_ARGS__, .at_ = 0})
#endif

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
