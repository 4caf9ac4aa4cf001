/* optim/internal.h - what all optimizers have in common: parameters in groups, and a rule that updates one of them. */
#ifndef ATLED_OPTIM_INTERNAL_H
#define ATLED_OPTIM_INTERNAL_H

#include <stddef.h>

#include "../tensor/internal.h"
#include "optim.h"

enum { OP_STATES = 3 };

/* A number within a structure, by name: what checkpoints have of it. A table ends with {NULL}. */
typedef enum { OP_REAL, OP_INTEGER, OP_FLAG } op_field_type; /* double, int64_t, bool */
typedef struct {
    const char *name;
    op_field_type type;
    size_t offset;
} op_field;
#define OP_SETTING(group, name, type)                                                                                  \
    { #name, type, offsetof(op_settings, group.name) }

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

/* What all optimizers of one kind have in common. */
typedef struct {
    const char *name, *add_name; /* of the functions that make one and add a group, in messages */
    op_rule rule;
    bool (*complete)(const char *name, op_settings *s); /* puts defaults for zeros; false after reporting an error */
    const char *const *state_names; /* OP_STATES of them, as torch calls them; NULL where there are fewer */
    const op_field *settings;       /* of op_settings */
} op_kind;

typedef struct {
    at_tensor *tensor; /* held */
    int group;
    int64_t steps;
    at_tensor *state[OP_STATES]; /* held; NULL before the first step */
    at_tensor *updated;          /* in a step: the new tensor and the new state; NULL where nothing changes */
    at_tensor *new_state[OP_STATES];
} op_parameter;

struct at_optimizer {
    const op_kind *kind;
    int count, n_groups;
    op_parameter *parameters;
    op_settings *groups;
    double *unscheduled; /* rates of the first n_unscheduled groups before any schedule changed them; NULL: none does */
    int n_unscheduled;
};

/* An optimizer whose first group this is. NULL after reporting an error. */
at_optimizer *op_optimizer_new(const op_kind *kind, op_settings settings);

/* Another group for an optimizer of that kind; nothing changes on an error. */
bool op_add_group(const op_kind *kind, at_optimizer *optimizer, op_settings settings);

/* What a schedule makes of a group's rate in step t > 0. In steps from the rate as it is, as torch has them, so that
 * several schedules go together. */
typedef double (*op_next_rate)(const at_schedule *s, double rate, double first);

struct at_schedule {
    at_optimizer *optimizer;
    op_next_rate next; /* NULL: a plateau */
    const char *name;
    int64_t t, steps; /* so far; the length of a period */
    double gamma, start, end;
    at_plateau_options plateau;
    double best;
    int64_t without_progress, cooling;
    double *first; /* each group's rate when the schedule began */
    int groups;
};
extern const op_field op_schedule_fields[];   /* all but `first` */
bool op_schedule_valid(const at_schedule *s); /* whether its fields, read from a file, make a schedule */

/* Checks of options, which report an error by the option's name. */
bool op_check_not_negative(const char *optimizer, const char *option, double value);
bool op_check_fraction(const char *optimizer, const char *option, double value); /* 0 <= value < 1 */

/* *g: the gradient of t, or NULL where there is none. False on an error. */
bool op_gradient(at_tensor *t, at_tensor **g);

/* Stored and without history, for a rule to keep; NULL where t is. */
at_tensor *op_keep(at_tensor *t);

#endif
