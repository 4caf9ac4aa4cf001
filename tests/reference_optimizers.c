/* tests/reference_optimizers.c - steps of reference cases that train: optimizers, groups, clipping, schedules. */
#include <string.h>

#include "reference_call.h"

/* An option of the step, 0 where it has none. */
static double option(const call *c, const char *key) {
    const char *text = reference_argument(c->line, key);
    return text ? strtod(text, NULL) : 0;
}
static bool is(const call *c, const char *key, const char *value) {
    const char *text = reference_argument(c->line, key);
    return text && strncmp(text, value, strlen(value)) == 0 && (text[strlen(value)] == ' ' || !text[strlen(value)]);
}

static at_optimizer *adam(const call *c, at_parameter_list list, at_optimizer *other, double lr, double weight_decay) {
    at_adam_options o = {list,
                         .lr = lr,
                         .beta1 = option(c, "beta1"),
                         .beta2 = option(c, "beta2"),
                         .epsilon = option(c, "eps"),
                         .weight_decay = weight_decay,
                         .amsgrad = option(c, "amsgrad") != 0,
                         .maximize = option(c, "maximize") != 0};
    if (is(c, "kind", "Adam")) return !other ? at_adam_with(o) : at_adam_add_group_with(other, o) ? other : NULL;
    return !other ? at_adamw_with(o) : at_adamw_add_group_with(other, o) ? other : NULL;
}

static at_optimizer *rmsprop(const call *c, at_parameter_list list, at_optimizer *other, double lr,
                             double weight_decay) {
    at_rmsprop_options o = {list,
                            .lr = lr,
                            .alpha = option(c, "alpha"),
                            .epsilon = option(c, "eps"),
                            .momentum = option(c, "momentum"),
                            .weight_decay = weight_decay,
                            .centered = option(c, "centered") != 0,
                            .maximize = option(c, "maximize") != 0};
    return !other ? at_rmsprop_with(o) : at_rmsprop_add_group_with(other, o) ? other : NULL;
}

static at_optimizer *adagrad(const call *c, at_parameter_list list, at_optimizer *other, double lr,
                             double weight_decay) {
    at_adagrad_options o = {list,
                            .lr = lr,
                            .lr_decay = option(c, "lr_decay"),
                            .epsilon = option(c, "eps"),
                            .weight_decay = weight_decay,
                            .initial_accumulator_value = option(c, "initial_accumulator_value"),
                            .maximize = option(c, "maximize") != 0};
    return !other ? at_adagrad_with(o) : at_adagrad_add_group_with(other, o) ? other : NULL;
}

static at_optimizer *sgd(const call *c, at_parameter_list list, at_optimizer *other, double lr, double weight_decay) {
    at_sgd_options o = {list, .lr = lr, .momentum = option(c, "momentum"), .weight_decay = weight_decay};
    return !other ? at_sgd_with(o) : at_sgd_add_group_with(other, o) ? other : NULL;
}

static at_optimizer *make(const call *c, at_parameter_list list, at_optimizer *other, double lr, double weight_decay) {
    if (is(c, "kind", "RMSprop")) return rmsprop(c, list, other, lr, weight_decay);
    if (is(c, "kind", "Adagrad")) return adagrad(c, list, other, lr, weight_decay);
    if (is(c, "kind", "SGD")) return sgd(c, list, other, lr, weight_decay);
    return adam(c, list, other, lr, weight_decay);
}

static at_schedule *schedule(const call *c, at_optimizer *trainer) {
    if (is(c, "schedule", "step")) return at_step_lr(trainer, 4, 0.5);
    if (is(c, "schedule", "exponential")) return at_exponential_lr(trainer, 0.9);
    if (is(c, "schedule", "linear")) return at_linear_lr(trainer, 0.25, 1, 6);
    if (is(c, "schedule", "cosine")) return at_cosine_lr(trainer, 7, 0.001);
    return NULL;
}

/* The problem of the step sgd, of any optimizer: p alone or, with second_lr, p in one group, q and r in another. Results:
 * all three parameters after each 5 of 20 steps, the first group's rate in all steps, the norms of the gradients. */
static void run_optimize(call *c) {
    at_tensor *a = tensor(c, 0), *b = tensor(c, 1), *p = tensor(c, 2), *q = tensor(c, 3), *r = tensor(c, 4);
    at_tensor *all[] = {p, q, r};
    bool groups = option(c, "second_lr") != 0;
    at_parameter_list list = {groups ? 1 : 3, all}, second = {2, all + 1};
    at_optimizer *trainer = make(c, list, NULL, option(c, "lr"), option(c, "weight_decay"));
    if (groups && !make(c, second, trainer, option(c, "second_lr"), option(c, "second_weight_decay"))) return;
    at_schedule *rates = schedule(c, trainer), *more = NULL;
    if (is(c, "and", "exponential")) more = at_exponential_lr(trainer, 0.8);
    if (is(c, "and", "cosine")) more = at_cosine_lr(trainer, 7, 0.001);
    double rate[20] = {0}, norm[20] = {0}, clip = option(c, "clip_norm"), limit = option(c, "clip_value");
    for (int step = 0; trainer && step < 20; step++) {
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *fit = at_sum(at_square(at_sub(at_tanh(at_matmul(a, p)), b)));
            at_tensor *size = at_mul(0.15, at_sum(at_square(p)));
            at_tensor *product = at_mul(0.1, at_mul(q, at_sum(at_sin(p))));
            at_backward(at_add(at_add(at_add(fit, size), product), at_mul(0.2, at_square(q))));
            if (clip != 0) norm[step] = at_clip_grad_norm((at_parameter_list){3, all}, clip);
            if (limit != 0) at_clip_grad_value((at_parameter_list){3, all}, limit);
            rate[step] = at_optimizer_lr(trainer, 0);
            at_optimizer_step(trainer);
            if (rates) at_schedule_step(rates);
            if (more) at_schedule_step(more);
        }
        if (step % 5 == 4) {
            for (int i = 0; i < 3; i++) c->result[step / 5 * 3 + i] = at_detach(all[i]);
        }
    }
    c->result[12] = at_from_doubles(rate, 20);
    c->result[13] = at_from_doubles(norm, 20);
    at_schedule_free(rates);
    at_schedule_free(more);
    at_optimizer_free(trainer);
}

/* The rates that at_plateau_lr makes of the first operand's values. */
static void run_plateau(call *c) {
    at_tensor *w = at_set_requires_grad(at_zeros(1), true);
    at_optimizer *trainer = at_sgd((at_parameter_list){1, &w}, .lr = 0.5);
    at_schedule *s =
        at_plateau_lr(trainer, .factor = real(c, "factor"), .patience = integer(c, "patience"),
                      .cooldown = integer(c, "cooldown"), .threshold = real(c, "threshold"),
                      .lowest = real(c, "min_lr"), .maximize = flag(c, "maximize"), .absolute = flag(c, "absolute"));
    double rates[64] = {0};
    int64_t n = at_numel(tensor(c, 0));
    for (int64_t i = 0; i < n && i < 64; i++) {
        at_schedule_step_with(s, at_get(tensor(c, 0), i));
        rates[i] = at_optimizer_lr(trainer, 0);
    }
    c->result[0] = at_from_doubles(rates, n);
    at_schedule_free(s);
    at_optimizer_free(trainer);
}

const reference_operation reference_optimizers[] = {
    REFERENCE_ROW(optimize) REFERENCE_ROW(plateau){NULL, NULL},
};
