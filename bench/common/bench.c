/* bench/common/bench.c - turns, medians and lines; the pipe to Python. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TURNS = BENCH_MAX_TURNS, FEW_TURNS = 3 };

int bench_threads = 1;
bool bench_quick;
static const char *word = "";

/* ---- time -------------------------------------------------------------------------------------------------------- */

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_seconds(void) { return seconds_of(CLOCK_MONOTONIC); }

static double now(void) { return seconds_of(bench_threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC); }

/* Of one turn, about. */
static double turn_seconds(void) { return bench_quick ? 0.002 : 0.01; }

static void call(bench_function *f, void *context) {
    AT_SCOPE
        f(context);
}

static double seconds_for(int calls, bench_function *f, void *context) {
    double start = now();
    for (int i = 0; i < calls; i++) call(f, context);
    return now() - start;
}

/* The threads of the others go on looking for work for a while after their turn (OpenMP's do for some 10 ms,
 * OpenBLAS's for 2^26 ticks of the processor's clock, about 30). */
static void let_others_sleep(void) {
    if (bench_threads > 1) nanosleep(&(struct timespec){.tv_nsec = 40000000}, NULL);
}

/* How many calls make a turn. */
static int calls_in_turn(bench_function *f, void *context) {
    int calls = 1;
    call(f, context);
    while (seconds_for(calls, f, context) < turn_seconds()) calls *= 2;
    return calls;
}

/* ns a call */
static double turn(int calls, bench_function *f, void *context) {
    let_others_sleep();
    call(f, context); /* in a user's loop, too, memory and caches hold what the call before has left */
    return seconds_for(calls, f, context) / calls * 1e9;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *v, int n) {
    qsort(v, (size_t)n, sizeof *v, ascending);
    return v[n / 2];
}

double bench_spread(const double *atled, const double *reference, int n) {
    double ratio[MAX_TURNS];
    for (int i = 0; i < n; i++) ratio[i] = reference ? atled[i] / reference[i] : atled[i];
    double median = bench_median(ratio, n);
    return 100 * (ratio[n - 1 - n / 4] - ratio[n / 4]) / median;
}

/* Warming up and counting calls took that long: of what is slow, fewer turns will do. */
static int turns_after(double seconds) { return bench_quick || seconds > 2 ? FEW_TURNS : MAX_TURNS; }

/* ---- Python ------------------------------------------------------------------------------------------------------ */

static FILE *to_python, *from_python; /* NULL: not started, or no torch there */
static char torch_name[64];

/* The child: its standard input and output are the pipes. */
static void become_python(const int *in, const int *out) {
    const char *python = getenv("PYTHON"), *folder = getenv("BENCH_FOLDER");
    char script[4096];
    snprintf(script, sizeof script, "%s/server.py", folder ? folder : "bench");
    dup2(in[0], 0), dup2(out[1], 1);
    close(in[0]), close(in[1]), close(out[0]), close(out[1]);
    execlp(python ? python : "/usr/bin/python3", "python3", "-B", script, (char *)NULL);
    _exit(127);
}

static void start_python(void) {
    static bool started;
    int in[2], out[2];
    if (started || (started = true, pipe(in) != 0 || pipe(out) != 0)) return;
    fflush(stdout);
    if (fork() == 0) become_python(in, out);
    close(in[0]), close(out[1]);
    to_python = fdopen(in[1], "w"), from_python = fdopen(out[0], "r");
    char version[40];
    if (fscanf(from_python, "%39s", version) == 1)
        snprintf(torch_name, sizeof torch_name, "PyTorch %s", version);
    else
        to_python = NULL;
}

/* One line there, one number back. A statement answers with 0. */
static double ask(const char *command, const char *text) {
    double number;
    start_python();
    if (!to_python) return NAN;
    fprintf(to_python, "%s %d %g %s\n", command, bench_threads, turn_seconds(), text), fflush(to_python);
    if (fscanf(from_python, "%lf", &number) == 1) return number;
    fprintf(stderr, "bench: Python failed at: %s\n", text);
    to_python = NULL;
    return NAN;
}

#define FORMATTED(text, format)                                                                                        \
    char text[1024];                                                                                                   \
    va_list arguments;                                                                                                 \
    va_start(arguments, format);                                                                                       \
    vsnprintf(text, sizeof text, format, arguments);                                                                   \
    va_end(arguments)

bool bench_torch(const char *format, ...) {
    FORMATTED(text, format);
    return !isnan(ask("run", text));
}

double bench_torch_number(const char *format, ...) {
    FORMATTED(text, format);
    return ask("number", text);
}

const char *bench_torch_name(void) { return torch_name; }

/* ---- rows -------------------------------------------------------------------------------------------------------- */

void bench_begin(int argc, char **argv) {
    const char *quick = getenv("QUICK");
    bench_quick = quick && *quick && strcmp(quick, "0") != 0;
    for (int option; (option = getopt(argc, argv, "t:e")) != -1;)
        if (option == 'e')
            at_set_eager(true);
        else if (option != 't' || (bench_threads = atoi(optarg)) < 1) {
            fprintf(stderr, "usage: %s [-t THREADS] [-e] [WORD]\n", argv[0]);
            exit(2);
        }
    if (optind < argc) word = argv[optind];
    at_set_num_threads(bench_threads);
    at_manual_seed(0);
}

bool bench_wanted(const char *work) { return strstr(work, word) != NULL; }

void bench_force(at_tensor *y) { at_get_index(y, (at_shape){.ndim = at_ndim(y)}); }

void bench_print(const char *work, const char *size, double atled, double reference, const char *name, double spread,
                 double target, const char *unit) {
    printf("%s\t%s\t%d\t%.6g\t", work, size, bench_threads, atled);
    if (isnan(reference))
        printf("-\t-\t");
    else
        printf("%.6g\t%s\t", reference, name);
    printf("%.0f\t%g\t%s\n", spread, target, unit);
    fflush(stdout);
}

static void print_times(const bench_row *row, bench_times median, double limit_spread, double torch_spread) {
    if (row->limit || isnan(median.torch))
        bench_print(row->work, row->size, median.atled, median.limit, row->limit_name, limit_spread, row->limit_target,
                    "ns");
    if (!isnan(median.torch))
        bench_print(row->work, row->size, median.atled, median.torch, torch_name, torch_spread,
                    row->torch_target > 0 ? row->torch_target : 1, "ns");
}

bench_times bench_measure(bench_row row) {
    double atled[MAX_TURNS], limit[MAX_TURNS], torch[MAX_TURNS], per_call = row.per_call ? row.per_call : 1;
    bench_times median = {NAN, NAN, NAN};
    if (!bench_wanted(row.work)) return median;
    double start = bench_seconds();
    bool has_torch = row.torch && !isnan(ask("time", row.torch));
    int calls = calls_in_turn(row.atled, row.context);
    int limit_calls = row.limit ? calls_in_turn(row.limit, row.context) : 0;
    int turns = turns_after(bench_seconds() - start);
    for (int i = 0; i < turns; i++) {
        atled[i] = turn(calls, row.atled, row.context) / per_call;
        if (row.limit) limit[i] = turn(limit_calls, row.limit, row.context) / per_call;
        if (has_torch) torch[i] = ask("time", row.torch) / per_call;
    }
    double limit_spread = bench_spread(atled, row.limit ? limit : NULL, turns);
    double torch_spread = has_torch ? bench_spread(atled, torch, turns) : 0;
    median.atled = bench_median(atled, turns);
    if (row.limit) median.limit = bench_median(limit, turns);
    if (has_torch) median.torch = bench_median(torch, turns);
    print_times(&row, median, limit_spread, torch_spread);
    return median;
}
