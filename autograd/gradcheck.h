/* autograd/gradcheck.h - what a gradient check (gradcheck.c) hands to its report (gradcheck_report.c). */
#ifndef ATLED_GRADCHECK_H
#define ATLED_GRADCHECK_H

#include "internal.h"

typedef struct {
    const char *name;             /* of the public function */
    at_gradcheck_options options; /* with the defaults filled in */
    int weights;                  /* of second order: the place of u behind the function's own inputs; otherwise -1 */
    at_tensor *output;            /* of the function */
    double value;                 /* sum(output * u) */
    int64_t checked, failed;      /* elements of all inputs */
} ag_check;

/* Whether derivatives by that input are checked. */
bool ag_is_checked(const ag_check *c, int input);

/* One element of a gradient. */
typedef struct {
    int64_t element; /* in row-major order */
    double analytic, numeric, difference, allowed;
    bool kink; /* differences to either side disagree */
} ag_difference;

/* What the elements of one input that differ have in common. */
typedef struct {
    int input;
    int64_t failed, kinks;
    bool finite;                        /* analytic and numeric, where they differ */
    bool analytic_zero, numeric_zero;   /* in all elements, those that agree included */
    double least_ratio, greatest_ratio; /* analytic / numeric, where they differ */
} ag_findings;

/* The report in the order of its parts; each writes to c->options.report. */
void ag_report_begin(const ag_check *c);
void ag_report_difference(const ag_check *c, const ag_findings *f, const ag_difference *d); /* f counts d already */
void ag_report_findings(const ag_check *c, const ag_findings *f);
void ag_report_end(const ag_check *c, bool finished, bool repeatable);

#endif
