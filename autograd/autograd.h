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
 * weighted by a random covector. False with a report in at_error() (in AT_ERROR_ABORT mode too: a failed check does not
 * abort) that names the input, the element, and the analytic and numeric values. */
bool at_gradcheck(at_function f, at_tensor **inputs, int n, void *context);
bool at_gradgradcheck(at_function f, at_tensor **inputs, int n, void *context);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
