/* bench/common/bench.h - measuring a piece of work beside what it is compared with.
 *
 * Each program in bench/ is called as
 *
 *     program [-t THREADS] [-e] [WORD]     only work whose name contains WORD; -e: nothing is deferred
 *
 * and prints one line for each piece of work and each reference: work, size, threads, atled's time, the reference's
 * time, the reference's name, spread, target, unit; tabs in between. bench/table.awk makes the table of them.
 *
 * A reference is a C function in the same process (a hand-written limit, OpenBLAS) or an expression of PyTorch, which a
 * Python process at the other end of a pipe (bench/server.py) evaluates when it is asked to. All take turns, so that
 * what disturbs the machine disturbs all alike: each runs for some 10 ms, again and again; a time is the median of the
 * turns. The spread is the distance of the quartiles of the turns' ratios, in percent of the median. One thread's time
 * is the processor time of its process, which does not count while others have the processor.
 *
 * Environment: PYTHON is a Python with torch (/usr/bin/python3); QUICK=1: fewer turns, shorter ones, smaller work. */
#ifndef ATLED_BENCH_H
#define ATLED_BENCH_H

#include <atled.h>

typedef void bench_function(void *context);

typedef struct {
    const char *work, *size;
    bench_function *atled, *limit; /* one call each; limit may be NULL */
    void *context;                 /* what both are given */
    const char *limit_name;
    const char *torch;   /* the same as a Python expression; NULL: nothing to compare with */
    double limit_target; /* the ratio to the limit that is aimed at; 0: none */
    double torch_target; /* the same beside PyTorch; 0: 1, no slower */
    int per_call;        /* so many operations in a call, and times are for one of them; 0: 1 */
} bench_row;

enum { BENCH_MAX_TURNS = 9 };
extern int bench_threads;
extern bool bench_quick;

void bench_begin(int argc, char **argv); /* reads the options; sets atled's threads; exits where they are wrong */
bool bench_wanted(const char *work);     /* work contains WORD */
typedef struct {
    double atled, limit, torch; /* ns; NaN: not measured */
} bench_times;
bench_times bench_measure(bench_row row);
void bench_force(at_tensor *y); /* computes what y defers, and leaves it as it lies */

/* Runs a Python statement in the process with torch: imports, inputs. False where there is none. */
bool bench_torch(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The number that a Python expression gives; NaN where there is no torch. */
double bench_torch_number(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *bench_torch_name(void); /* "PyTorch 1.13.0" */

/* A line of what was measured otherwise; unit is "ns" or "B". A reference of NaN: none. */
void bench_print(const char *work, const char *size, double atled, double reference, const char *name, double spread,
                 double target, const char *unit);
double bench_median(double *v, int n); /* sorts v */
/* The distance of the quartiles of n <= BENCH_MAX_TURNS ratios, in percent of their median; without a reference, of the
 * times. */
double bench_spread(const double *atled, const double *reference, int n);
double bench_seconds(void); /* of a clock that only runs forward */

#endif
