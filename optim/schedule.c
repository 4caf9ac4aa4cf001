/* optim/schedule.c - learning rates that change as training goes on. */
#include <inttypes.h>
#include <math.h>

#include "internal.h"

static const double PI = 3.14159265358979323846;

/* The rates that groups have when their first schedule begins: a warm-up lowers them at once, and what comes after it
 * is to begin where the warm-up ends. */
static bool note_rates(at_optimizer *o) {
    if (o->n_unscheduled == o->n_groups) return true;
    size_t before = (size_t)o->n_unscheduled * sizeof(double), bytes = (size_t)o->n_groups * sizeof(double);
    double *rates = tn_allocate_more(o->unscheduled, before, bytes);
    if (!rates) return false;
    for (int i = o->n_unscheduled; i < o->n_groups; i++) rates[i] = o->groups[i].common.lr;
    o->unscheduled = rates;
    o->n_unscheduled = o->n_groups;
    return true;
}

static at_schedule *schedule_new(const char *name, at_schedule values) {
    if (!values.optimizer) return at_fail_null(name, "optimizer");
    AT_CALL(name);
    values.groups = values.optimizer->n_groups;
    size_t bytes = (size_t)values.groups * sizeof *values.first;
    at_schedule *s = at_allocate(name, sizeof *s);
    values.first = s ? tn_allocate(bytes) : NULL;
    if (!values.first || (values.next && !note_rates(values.optimizer))) {
        tn_deallocate(values.first, bytes);
        tn_deallocate(s, sizeof *s);
        return NULL;
    }
    for (int i = 0; i < values.groups; i++) /* a plateau has no use for it */
        values.first[i] = values.next ? values.optimizer->unscheduled[i] : values.optimizer->groups[i].common.lr;
    *s = values;
    s->name = name;
    return s;
}

void at_schedule_free(at_schedule *schedule) {
    if (!schedule) return;
    tn_deallocate(schedule->first, (size_t)schedule->groups * sizeof *schedule->first);
    tn_deallocate(schedule, sizeof *schedule);
}

static bool check_count(const char *name, const char *what, int64_t value) {
    return value > 0 || at_fail(AT_ERROR_VALUE, "%s: %s is %" PRId64 ": want at least 1", name, what, value);
}

/* Largest counts that go through double unchanged: what a file says must not overflow. */
static const int64_t MOST_STEPS = INT64_C(1) << 53;

bool op_schedule_valid(const at_schedule *s) {
    const at_plateau_options *o = &s->plateau;
    bool counts = s->t >= 0 && s->t <= MOST_STEPS && s->steps <= MOST_STEPS && s->steps >= (s->next ? 1 : 0) &&
                  s->without_progress >= 0 && s->cooling >= 0 && o->patience >= 0 && o->cooldown >= 0;
    return counts && isfinite(s->gamma) && isfinite(s->start) && isfinite(s->end) && isfinite(o->factor) &&
           isfinite(o->threshold) && isfinite(o->lowest);
}

/* clang-format off */
#define REAL(name)    {#name, OP_REAL, offsetof(at_schedule, name)}
#define INTEGER(name) {#name, OP_INTEGER, offsetof(at_schedule, name)}
#define PLATEAU(name, type) {#name, type, offsetof(at_schedule, plateau.name)}
const op_field op_schedule_fields[] = {
    INTEGER(t), INTEGER(steps), REAL(gamma), REAL(start), REAL(end),
    PLATEAU(factor, OP_REAL), PLATEAU(threshold, OP_REAL), PLATEAU(lowest, OP_REAL), PLATEAU(patience, OP_INTEGER),
    PLATEAU(cooldown, OP_INTEGER), PLATEAU(maximize, OP_FLAG), PLATEAU(absolute, OP_FLAG),
    REAL(best), INTEGER(without_progress), INTEGER(cooling), {NULL, OP_REAL, 0}
};
/* clang-format on */

/* ---- step and exponential ---------------------------------------------------------------------------------------- */

static double next_step(const at_schedule *s, double rate, double first) {
    (void)first;
    return s->t % s->steps == 0 ? rate * s->gamma : rate;
}

at_schedule *at_step_lr(at_optimizer *optimizer, int64_t every, double gamma) {
    if (!check_count("step_lr", "every", every) || !op_check_not_negative("step_lr", "gamma", gamma)) return NULL;
    return schedule_new("step_lr", (at_schedule){optimizer, next_step, .steps = every, .gamma = gamma});
}

at_schedule *at_exponential_lr(at_optimizer *optimizer, double gamma) {
    if (!op_check_not_negative("exponential_lr", "gamma", gamma)) return NULL;
    return schedule_new("exponential_lr", (at_schedule){optimizer, next_step, .steps = 1, .gamma = gamma});
}

/* ---- linear ------------------------------------------------------------------------------------------------------ */

static double next_linear(const at_schedule *s, double rate, double first) {
    (void)first;
    if (s->t > s->steps) return rate;
    double n = (double)s->steps, rise = s->end - s->start;
    return rate * (1 + rise / (n * s->start + (double)(s->t - 1) * rise));
}

at_schedule *at_linear_lr(at_optimizer *optimizer, double start, double end, int64_t steps) {
    if (!check_count("linear_lr", "steps", steps) || !op_check_not_negative("linear_lr", "end", end)) return NULL;
    if (!(start > 0 && start <= 1))
        return at_fail(AT_ERROR_VALUE, "linear_lr: start is %g: want 0 < start <= 1", start);
    at_schedule *s =
        schedule_new("linear_lr", (at_schedule){optimizer, next_linear, .steps = steps, .start = start, .end = end});
    for (int i = 0; s && i < s->groups; i++) optimizer->groups[i].common.lr *= start;
    return s;
}

/* ---- cosine ------------------------------------------------------------------------------------------------------ */

static double next_cosine(const at_schedule *s, double rate, double first) {
    double n = (double)s->steps, t = (double)s->t;
    if ((s->t - 1 - s->steps) % (2 * s->steps) == 0) /* up again from the lowest: a quotient would be 0 / 0 */
        return rate + (first - s->end) * (1 - cos(PI / n)) / 2;
    return (1 + cos(PI * t / n)) / (1 + cos(PI * (t - 1) / n)) * (rate - s->end) + s->end;
}

at_schedule *at_cosine_lr(at_optimizer *optimizer, int64_t steps, double lowest) {
    if (!check_count("cosine_lr", "steps", steps) || !op_check_not_negative("cosine_lr", "lowest", lowest)) return NULL;
    return schedule_new("cosine_lr", (at_schedule){optimizer, next_cosine, .steps = steps, .end = lowest});
}

/* ---- plateau ----------------------------------------------------------------------------------------------------- */

at_schedule *at_plateau_lr_with(at_plateau_options o) {
    if (o.factor == 0) o.factor = 0.1;
    if (o.threshold == 0) o.threshold = 1e-4;
    if (!op_check_fraction("plateau_lr", "factor", o.factor) ||
        !op_check_not_negative("plateau_lr", "threshold", o.threshold) ||
        !op_check_not_negative("plateau_lr", "lowest", o.lowest))
        return NULL;
    if (o.patience < 0 || o.cooldown < 0)
        return at_fail(AT_ERROR_VALUE, "plateau_lr: patience %" PRId64 ", cooldown %" PRId64 ": must not be negative",
                       o.patience, o.cooldown);
    double worst = o.maximize ? -INFINITY : INFINITY;
    return schedule_new("plateau_lr", (at_schedule){.optimizer = o.optimizer, .plateau = o, .best = worst});
}

static bool better(const at_plateau_options *o, double a, double best) {
    if (o->maximize) return a > (o->absolute ? best + o->threshold : best * (1 + o->threshold));
    return a < (o->absolute ? best - o->threshold : best * (1 - o->threshold));
}

bool at_schedule_step_with(at_schedule *schedule, double watched) {
    at_schedule *s = schedule;
    if (!s) return at_fail_null("schedule_step_with", "schedule");
    if (s->next) return at_fail(AT_ERROR_STATE, "schedule_step_with: only at_plateau_lr's watches a value");
    const at_plateau_options *o = &s->plateau;
    bool progress = better(o, watched, s->best);
    if (progress) s->best = watched;
    s->without_progress = progress ? 0 : s->without_progress + 1;
    if (s->cooling > 0) {
        s->cooling--;
        s->without_progress = 0;
    }
    if (s->without_progress <= o->patience) return true;
    const double least_change = 1e-8; /* torch's eps: smaller ones are not made */
    for (int i = 0; i < s->groups; i++) {
        double *rate = &s->optimizer->groups[i].common.lr, reduced = fmax(*rate * o->factor, o->lowest);
        if (*rate - reduced > least_change) *rate = reduced;
    }
    s->cooling = o->cooldown;
    s->without_progress = 0;
    return true;
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

bool at_schedule_step(at_schedule *schedule) {
    at_schedule *s = schedule;
    if (!s) return at_fail_null("schedule_step", "schedule");
    if (!s->next)
        return at_fail(AT_ERROR_STATE, "schedule_step: a plateau has to be told what it watches: "
                                       "at_schedule_step_with(schedule, loss)");
    s->t++;
    for (int i = 0; i < s->groups; i++) {
        double *rate = &s->optimizer->groups[i].common.lr;
        *rate = s->next(s, *rate, s->first[i]);
    }
    return true;
}
