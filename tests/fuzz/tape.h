/* tests/fuzz/tape.h - what atled is compared with: plain scalar arithmetic in double, every number a node on a tape with
 * the derivatives by what it was computed from, and the gradient one loop from the end of the tape to its beginning.
 *
 * Each number comes with how far a right answer may be from it: what rounding in float32 or float64 adds up to, grown by
 * every operation as much as that can grow it. Where it is infinite (overflow, NaN, a choice between two numbers that
 * rounding may have exchanged) the answer is not known and nothing is compared. */
#ifndef ATLED_FUZZ_TAPE_H
#define ATLED_FUZZ_TAPE_H

#include <stdbool.h>

typedef struct {
    double v, e; /* the value, and how far from it a right answer may be */
} number;

typedef enum { SINGLE, DOUBLE, WHOLE } precision; /* WHOLE: int64 and bool, which have no derivative */

double tape_largest(precision p); /* beyond it nothing is known */
static inline number exactly(double v) { return (number){v, 0}; }
bool is_known(number x);
/* Whether every x within its error is on the same side of that limit (or exactly on it). */
bool is_sure(number x, double limit);

void tape_clear(void);
int tape_next_operation(void);       /* what comes next belongs to another one; its number */
void tape_depends_on(int operation); /* the newest operation has that one's result as an input */
int tape_mark(void);                 /* how much is on the tape */
void tape_cut(int mark);             /* takes off what came later */
bool tape_is_full(void);             /* something did not fit since the last cut */
extern bool tape_paused;             /* derivatives are not recorded: AT_NO_GRAD */
extern bool tape_untold; /* a gradient met a node whose derivatives are not recorded: it is wrong from here on */

/* A node without derivatives. leaf: where in the gradients its own goes, or -1. */
int tape_new(double v, double e, precision p, int leaf);
/* d y / d x = by */
void tape_part(int y, int x, number by);
/* Its gradient, where it has one, is not to be had. */
void tape_set_untold(int y);
number tape_number(int x);
void tape_widen(int x, double relative_error); /* it is known no better than that */

/* One operand. f must be monotonic to both sides of x as far as the error goes, but for extremes; exact: it does not
 * round; steps: it is constant but for jumps. */
typedef struct {
    double (*f)(double), (*slope)(double);
    bool exact, steps;
} function_of_one;
int tape_unary(int x, const function_of_one *f, precision p);

/* Two, monotonic in each. basic: rounds correctly, so that what fits is exact. */
typedef struct {
    double (*f)(double, double), (*slope_a)(double, double), (*slope_b)(double, double);
    bool basic;
} function_of_two;
int tape_binary(int a, int b, const function_of_two *f, precision p);

int tape_copy(int x, precision p);                            /* a cast */
int tape_sum(int n, const int *x, double scale, precision p); /* scale * (x[0] + x[1] + ...) */
int tape_dot(int n, const int *a, const int *b, precision p); /* a[0] b[0] + a[1] b[1] + ... */
int tape_log_sum_exp(int n, const int *x, precision p);
/* The largest, or smallest. *at: which it is, -1 where that is not sure; all equals share the derivative, or only the
 * first has it. */
int tape_extreme(int n, const int *x, bool largest, bool share, precision p, int *at);
/* One of these, of that value: not known which. */
int tape_one_of(int n, const int *x, double v, double e, precision p);

/* Adds the gradients of sum weight[i] * root[i], the result of an operation, into those of leaves. */
void tape_backward(int operation, int n, const int *root, const double *weight, number *gradients);

#endif
