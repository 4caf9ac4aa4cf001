/* optim/optim.h - updating parameters from their gradients. */
#ifndef ATLED_OPTIM_H
#define ATLED_OPTIM_H

#include "../nn/nn.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

typedef struct at_optimizer at_optimizer;

/* Stochastic gradient descent, as torch.optim.SGD: at_sgd(parameters, .lr = 0.5, .momentum = 0.9).
 *   d = g, or -g with maximize;  d += weight_decay * p;
 *   with momentum m: b = d in the first step, then m * b + (1 - dampening) * d;  d = b, or d + m * b with nesterov;
 *   p -= lr * d.
 * lr is required, > 0. nesterov needs momentum > 0 and dampening 0. Parameters without a gradient are left alone. The
 * optimizer holds its parameters. */
typedef struct {
    at_parameter_list parameters;
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize;
    int at_; /* unused: lets at_sgd(parameters) compile without a warning, and say what is missing */
} at_sgd_options;
at_optimizer *at_sgd_with(at_sgd_options options);
#define at_sgd(...) at_sgd_with((at_sgd_options){__VA_ARGS__, .at_ = 0})

void at_optimizer_zero_grad(at_optimizer *optimizer); /* every parameter's gradient back to none */
bool at_optimizer_step(at_optimizer *optimizer);      /* on an error no parameter and no state has changed */
void at_optimizer_free(at_optimizer *optimizer);      /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
