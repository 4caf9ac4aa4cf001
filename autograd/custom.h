/* autograd/custom.h - operations of one's own, functions that are evaluated again rather than stored, and hooks on
 * gradients.
 *
 * An operation that is written in atled's operations needs none of this: its derivative follows. A custom operation is
 * for values computed in plain C, and for derivatives that one knows better. Check it with at_gradcheck. */
#ifndef ATLED_CUSTOM_H
#define ATLED_CUSTOM_H

#include "autograd.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* One use of a custom operation. */
typedef struct at_custom_call {
    at_tensor **inputs;
    int n;
    void *context;     /* what at_custom was given */
    at_tensor **saved; /* in the derivative: what forward gave to at_custom_save, in that order */
    int n_saved;
    const bool *needed; /* [n], in the derivative: whether dx[i] is wanted; otherwise it may stay NULL */
} at_custom_call;

typedef struct {
    const char *name; /* in errors and graphs; must outlive all graphs */
    /* The result, computed without being recorded. NULL after an error. */
    at_tensor *(*forward)(at_custom_call *call);
    /* Sets dx[i] to the gradient by inputs[i], given g by the result y; NULL stands for zero. It is floating point and of
     * the input's shape, or one that it broadcasts to, or that broadcasts to it. Written in atled's operations on g, y
     * and inputs it can be differentiated again; saved tensors count as constants. False after an error. */
    bool (*derivative)(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx);
    /* Called once, when nothing needs the context any more; NULL: it is not the operation's to free. */
    void (*free_context)(void *context);
} at_custom_operation;

/* The operation on n >= 1 inputs. The operation is copied; the context belongs to it from here on, on an error too. */
at_tensor *at_custom(const at_custom_operation *operation, at_tensor *const *inputs, int n, void *context);

/* In forward: keeps t for the derivative. False on an error. */
bool at_custom_save(at_custom_call *call, at_tensor *t);

/* y = f(inputs, n, context), 1 <= n <= 64, of which only y and the inputs are kept: the backward pass evaluates f again,
 * for the intermediate results that its derivative needs. That costs one more forward and saves their memory.
 *
 *     at_checkpoint(f, inputs, n, context)                              as a whole
 *     at_checkpoint(f, inputs, n, context, .rows = 1 << 0, .block = 64) 64 rows of inputs[0] at a time
 *
 * With rows, f is called once for each block of them, with the same rows of all inputs whose bits are set and with the
 * whole of the others; y is these results, one below the other. f must treat each row for itself: its result has as many
 * rows, and those of one block do not depend on which others are in it. Then intermediate results of only one block are
 * alive at any time, forward and backward.
 *
 * f gives the same result whenever it is called: no random numbers, nothing counted. It may be written in any operations
 * with derivatives, and hand inputs on to at_checkpoint again; gradients go to inputs only, not to tensors that it finds
 * in its context. Gradients by inputs without rows are added up over the blocks in float64, in their order. With
 * create_graph the graph of f is recorded as if there were no checkpoint, in the memory which that takes. */
typedef struct {
    at_function f;
    at_tensor *const *inputs;
    int n;
    void *context;                       /* must last as long as the graph */
    void (*free_context)(void *context); /* called once nothing needs it any more, on an error too; NULL: not at all */
    uint64_t rows;                       /* bit i: the first dimension of input i is cut into blocks */
    int64_t block;                       /* rows at a time; 0: all */
    int at_; /* unused: lets at_checkpoint(f, inputs, n, context) compile without a warning */
} at_checkpoint_options;
at_tensor *at_checkpoint_with(at_checkpoint_options options);
#ifndef __cplusplus
#define at_checkpoint(...) at_checkpoint_with((at_checkpoint_options){__VA_ARGS__, .at_ = 0})
#endif

/* A hook is called in the backward pass with the gradient by t, once all contributions are in, and may return another
 * of the same shape and dtype to take its place, or NULL. Hooks run in the order of registration, and go with t. */
typedef at_tensor *(*at_hook)(at_tensor *gradient, void *context);
bool at_register_hook(at_tensor *t, at_hook hook, void *context);
void at_remove_hooks(at_tensor *t);

/* at_backward keeps the gradient by t, which is not a leaf, for at_grad too. */
bool at_retain_grad(at_tensor *t);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
