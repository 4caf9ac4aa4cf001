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

/* An optimizer holds parameters, in one group or several, and changes them in place from their gradients:
 *
 *     at_optimizer *trainer = at_adamw(weights, .lr = 1e-3, .weight_decay = 0.01);
 *     at_adamw_add_group(trainer, biases, .lr = 1e-3);
 *     ...
 *     at_optimizer_zero_grad(trainer);
 *     at_backward(loss);
 *     at_optimizer_step(trainer);
 *
 * Each group has its own options; what a group does not say has the default, and not what another group says. Zero is
 * "not said". All steps are those of torch.optim's class of the same name. p is a parameter, g its gradient, -g with
 * maximize; lr > 0; weight_decay, as a part of g, is g + weight_decay * p. Parameters without a gradient are left
 * alone. */
typedef struct at_optimizer at_optimizer;

/* Stochastic gradient descent: at_sgd(parameters, .lr = 0.5, .momentum = 0.9).
 *   d = g;  with momentum m: b = d in the first step, then m * b + (1 - dampening) * d;  d = b, or d + m * b with
 *   nesterov;  p -= lr * d.
 * lr is required. nesterov needs momentum > 0 and dampening 0. */
typedef struct {
    at_parameter_list parameters;
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize;
    int at_; /* unused: lets at_sgd(parameters) compile without a warning, and say what is missing; as in the others */
} at_sgd_options;
at_optimizer *at_sgd_with(at_sgd_options options);
bool at_sgd_add_group_with(at_optimizer *optimizer, at_sgd_options options);
#define at_sgd(...)                      at_sgd_with((at_sgd_options){__VA_ARGS__, .at_ = 0})
#define at_sgd_add_group(optimizer, ...) at_sgd_add_group_with(optimizer, (at_sgd_options){__VA_ARGS__, .at_ = 0})

/* Adam (Kingma and Ba 2015); with amsgrad, v is the largest so far (Reddi et al. 2018). In step t:
 *   m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g^2;
 *   p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon).
 * AdamW (Loshchilov and Hutter 2019) leaves g alone and begins with p *= 1 - lr * weight_decay; its weight_decay is 0
 * here where nothing is said, and not torch's 0.01. */
typedef struct {
    at_parameter_list parameters;
    double lr, beta1, beta2, epsilon, weight_decay; /* 0.001, 0.9, 0.999, 1e-8, 0 */
    bool amsgrad, maximize;
    int at_;
} at_adam_options;
at_optimizer *at_adam_with(at_adam_options options);
bool at_adam_add_group_with(at_optimizer *optimizer, at_adam_options options);
at_optimizer *at_adamw_with(at_adam_options options);
bool at_adamw_add_group_with(at_optimizer *optimizer, at_adam_options options);
#define at_adam(...)                       at_adam_with((at_adam_options){__VA_ARGS__, .at_ = 0})
#define at_adam_add_group(optimizer, ...)  at_adam_add_group_with(optimizer, (at_adam_options){__VA_ARGS__, .at_ = 0})
#define at_adamw(...)                      at_adamw_with((at_adam_options){__VA_ARGS__, .at_ = 0})
#define at_adamw_add_group(optimizer, ...) at_adamw_add_group_with(optimizer, (at_adam_options){__VA_ARGS__, .at_ = 0})

/* RMSprop (Hinton's lecture 6a), centered: Graves (2013).
 *   s = alpha * s + (1 - alpha) * g^2;  centered: e = alpha * e + (1 - alpha) * g, and s - e^2 for s below;
 *   d = g / (sqrt(s) + epsilon);  with momentum m: b = m * b + d, d = b;  p -= lr * d. */
typedef struct {
    at_parameter_list parameters;
    double lr, alpha, epsilon, momentum, weight_decay; /* 0.01, 0.99, 1e-8, 0, 0 */
    bool centered, maximize;
    int at_;
} at_rmsprop_options;
at_optimizer *at_rmsprop_with(at_rmsprop_options options);
bool at_rmsprop_add_group_with(at_optimizer *optimizer, at_rmsprop_options options);
#define at_rmsprop(...) at_rmsprop_with((at_rmsprop_options){__VA_ARGS__, .at_ = 0})
#define at_rmsprop_add_group(optimizer, ...)                                                                           \
    at_rmsprop_add_group_with(optimizer, (at_rmsprop_options){__VA_ARGS__, .at_ = 0})

/* Adagrad (Duchi, Hazan and Singer 2011). In step t:
 *   s = s + g^2, from initial_accumulator_value;  p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + epsilon). */
typedef struct {
    at_parameter_list parameters;
    double lr, lr_decay, weight_decay, initial_accumulator_value, epsilon; /* 0.01, 0, 0, 0, 1e-10 */
    bool maximize;
    int at_;
} at_adagrad_options;
at_optimizer *at_adagrad_with(at_adagrad_options options);
bool at_adagrad_add_group_with(at_optimizer *optimizer, at_adagrad_options options);
#define at_adagrad(...) at_adagrad_with((at_adagrad_options){__VA_ARGS__, .at_ = 0})
#define at_adagrad_add_group(optimizer, ...)                                                                           \
    at_adagrad_add_group_with(optimizer, (at_adagrad_options){__VA_ARGS__, .at_ = 0})

void at_optimizer_zero_grad(at_optimizer *optimizer); /* every parameter's gradient back to none */
bool at_optimizer_step(at_optimizer *optimizer);      /* on an error no parameter and no state has changed */
void at_optimizer_free(at_optimizer *optimizer);      /* NULL is allowed */

int at_optimizer_groups(at_optimizer *optimizer);                        /* how many; -1 on an error */
double at_optimizer_lr(at_optimizer *optimizer, int group);              /* of that group, from 0; NaN on an error */
bool at_optimizer_set_lr(at_optimizer *optimizer, int group, double lr); /* lr >= 0 */

/* ---- clipping gradients, between at_backward and at_optimizer_step ------------------------------------------------ */

/* If the norm of all gradients as one vector is above max_norm, they are multiplied by max_norm / (norm + 1e-6). Returns
 * the norm as it was; NaN on an error, which changes none. */
double at_clip_grad_norm(at_parameter_list parameters, double max_norm);
bool at_clip_grad_value(at_parameter_list parameters, double limit); /* each element of them into [-limit, limit] */

/* ---- learning rates that change as training goes on --------------------------------------------------------------- */

/* A schedule multiplies the rates of all groups of an optimizer, which must outlive it. at_schedule_step counts a step,
 * as a rule an epoch, after the optimizer's own; several schedules of one optimizer multiply. The rates are those of
 * torch.optim.lr_scheduler's class of that name; r is the rate, r0 what it was before the optimizer's first schedule. */
typedef struct at_schedule at_schedule;
at_schedule *at_step_lr(at_optimizer *optimizer, int64_t every, double gamma); /* r * gamma in every `every`-th step */
at_schedule *at_exponential_lr(at_optimizer *optimizer, double gamma);         /* r * gamma in every step */

/* Warm-up: LinearLR. From start * r0 at once to end * r0 after `steps` steps, evenly; 0 < start <= 1, end >= 0. */
at_schedule *at_linear_lr(at_optimizer *optimizer, double start, double end, int64_t steps);

/* CosineAnnealingLR: lowest + (r0 - lowest) (1 + cos(pi t / steps)) / 2 after t steps. */
at_schedule *at_cosine_lr(at_optimizer *optimizer, int64_t steps, double lowest);

/* ReduceLROnPlateau, stepped with what is watched: at_plateau_lr(optimizer, .patience = 3). When that has not been
 * better than the best so far by the threshold (relative to it, or absolute) for more than `patience` steps, the rate is
 * multiplied by factor, but not to below lowest, and then nothing happens for `cooldown` steps. */
typedef struct {
    at_optimizer *optimizer;
    double factor, threshold, lowest; /* 0.1, 1e-4, 0 */
    int64_t patience, cooldown;       /* 0: at the first step without progress; 0 */
    bool maximize, absolute;          /* larger is better; the threshold is a difference */
    int at_;
} at_plateau_options;
at_schedule *at_plateau_lr_with(at_plateau_options options);
#define at_plateau_lr(...) at_plateau_lr_with((at_plateau_options){__VA_ARGS__, .at_ = 0})

bool at_schedule_step(at_schedule *schedule);
bool at_schedule_step_with(at_schedule *schedule, double watched); /* at_plateau_lr's */
void at_schedule_free(at_schedule *schedule);                      /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
