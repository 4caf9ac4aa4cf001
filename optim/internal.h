/* optim/internal.h - what all optimizers have in common: parameters in groups, and a rule that updates one of them. */
#ifndef ATLED_OPTIM_INTERNAL_H
#define ATLED_OPTIM_INTERNAL_H

#include "../tensor/internal.h"
#include "optim.h"

enum { OP_STATES = 3 };

/* The options of a group. All begin with the parameters and lr, which `common` reads. */
typedef union {
    struct {
        at_parameter_list parameters;
        double lr;
    } common;
    at_sgd_options sgd;
    at_adam_options adam;
    at_rmsprop_options rmsprop;
    at_adagrad_options adagrad;
} op_settings;

/* One step of one parameter p with gradient g, the step-th for it. state is what the rule keeps from step to step, NULL
 * at first. Returns the new p and sets new_state, both stored; NULL after reporting an error. */
typedef at_tensor *(*op_rule)(const op_settings *s, int64_t step, at_tensor *p, at_tensor *g, at_tensor *const *state,
                              at_tensor **new_state);

typedef struct {
    at_tensor *tensor; /* held */
    int group;
    int64_t steps;
    at_tensor *state[OP_STATES]; /* held; NULL before the first step */
    at_tensor *updated;          /* in a step: the new tensor and the new state; NULL where nothing changes */
    at_tensor *new_state[OP_STATES];
} op_parameter;

struct at_optimizer {
    const char *name;
    op_rule rule;
    const char *const *state_names; /* OP_STATES of them, as torch calls them; NULL where there are fewer */
    int count, n_groups;
    op_parameter *parameters;
    op_settings *groups;
};

/* An optimizer whose first group this is. NULL after reporting an error. */
at_optimizer *op_optimizer_new(const char *name, op_rule rule, const char *const *state_names,
                               const op_settings *settings);

/* Another group for an optimizer that the same constructor has made; nothing changes on an error. */
bool op_add_group(const char *name, at_optimizer *optimizer, const op_settings *settings);

/* Checks of options, which report an error by the option's name. */
bool op_check_not_negative(const char *optimizer, const char *option, double value);
bool op_check_fraction(const char *optimizer, const char *option, double value); /* 0 <= value < 1 */

/* *g: the gradient of t, or NULL where there is none. False on an error. */
bool op_gradient(at_tensor *t, at_tensor **g);

/* Stored and without history, for a rule to keep; NULL where t is. */
at_tensor *op_keep(at_tensor *t);

#endif
