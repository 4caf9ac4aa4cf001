/* tests/accuracy/elementwise.c - the largest errors of functions of an element.
 *
 * Of all float32 numbers it would take MPFR hours. So results are first compared with estimates in double, whose errors
 * are far below float32's last place (estimate.c); MPFR decides where by its estimate an error is infinite, or larger than the
 * largest so far by more than MARGIN. As MARGIN is 2^9 times what the estimates may be wrong by, no error is more than
 * two MARGINs, 0.00002 ulp, above the one found. That estimates are so good is tested wherever MPFR decides and at one
 * input in each chunk. */
#include <math.h>
#include <stdlib.h>

#include "inputs.h"
#include "measure.h"

#define MARGIN 0x1p-17

/* ---- worst ------------------------------------------------------------------------------------------------------- */

void worst_clear(worst *w) {
    for (int l = 0; l < MAX_LEVELS; l++)
        for (int s = 0; s < SEGMENTS; s++) w->of[l][s] = (worst_input){.error = -1};
}

void worst_note(worst_input *w, double error, double x, double z) {
    if (error > w->error) *w = (worst_input){error, x, z};
}

worst_input worst_of_level(const worst *w, int number) {
    worst_input largest = {.error = -1};
    for (int s = 0; s < SEGMENTS; s++)
        worst_note(&largest, w->of[number][s].error, w->of[number][s].x, w->of[number][s].z);
    return largest;
}

/* ---- exact results ----------------------------------------------------------------------------------------------- */

typedef struct {
    mpfr_t y, scale;
} exact_result;

static void begin_exact(exact_result *e) {
    mpfr_init2(e->y, PRECISION);
    mpfr_init2(e->scale, PRECISION);
}

static void set_exact_result(exact_result *e, function f, double x, double z) {
    function_exact(f, e->y, x, z);
    if (is_measured_by_x(f))
        mpfr_set_d(e->scale, x, MPFR_RNDN);
    else
        mpfr_set(e->scale, e->y, MPFR_RNDN);
}

static void end_exact(exact_result *e) { mpfr_clears(e->y, e->scale, (mpfr_ptr)0); }

static double error_of(function f, float x, float y) {
    exact_result exact;
    begin_exact(&exact);
    set_exact_result(&exact, f, (double)x, 0);
    double error = exact_error(AT_FLOAT32, (double)y, exact.y, exact.scale);
    end_exact(&exact);
    return error;
}

/* ---- all of float32 ---------------------------------------------------------------------------------------------- */

typedef struct {
    function f;
    at_dtype dtype;
    int chunks, every;
} task;

static void produce_all(int fd, const void *context) {
    static float x[CHUNK];
    const task *t = context;
    for (int c = 0; c < ALL_CHUNKS; c += t->every)
        AT_SCOPE {
            inputs_all(c, x);
            level_write(fd, at_floats(function_apply(t->f, at_from_floats(x, CHUNK), NULL)), sizeof x);
        }
}

static void check_estimate(function f, float x, double estimated, double error) {
    if (fabs(estimated - error) <= MARGIN || isinf(estimated)) return; /* which says that MPFR has to decide */
    fprintf(stderr, "accuracy: %s of %a: the estimate of the error, %g, should be %g\n", function_name(f), (double)x,
            estimated, error);
    exit(EXIT_FAILURE);
}

/* The largest of the errors that are left, over and over, until it is below what counts. */
static void look_closer(function f, const float *x, const float *y, double *error, worst_input *w) {
    for (;;) {
        int largest = 0;
        for (int i = 1; i < CHUNK; i++) largest = error[i] > error[largest] ? i : largest;
        if (error[largest] <= w->error + MARGIN) return;
        double exact = error_of(f, x[largest], y[largest]);
        check_estimate(f, x[largest], error[largest], exact);
        worst_note(w, exact, (double)x[largest], 0);
        error[largest] = -1;
    }
}

static void compare_chunk(function f, int c, const float *x, const double *estimates, const float *y, worst_input *w) {
    static double error[CHUNK], scale[CHUNK];
    for (int i = 0; i < CHUNK; i++) scale[i] = is_measured_by_x(f) ? (double)x[i] : estimates[i];
    if (w->error < 0) *w = (worst_input){.error = 0, .x = (double)x[0]};
    int count = float32_errors(CHUNK, y, estimates, scale, w->error + MARGIN, error);
    int i = (int)((unsigned)c * 40503u % CHUNK);
    check_estimate(f, x[i], error[i], error_of(f, x[i], y[i]));
    if (count > 0) look_closer(f, x, y, error, w);
}

void measure_all(function f, int every, worst *w) {
    static float x[CHUNK], y[CHUNK];
    static double estimates[CHUNK];
    task t = {.f = f, .every = every};
    level from[MAX_LEVELS];
    int levels = levels_count();
    worst_clear(w);
    for (int l = 0; l < levels; l++) from[l] = level_start(l, produce_all, &t);
    for (int c = 0; c < ALL_CHUNKS; c += every) {
        inputs_all(c, x);
        function_estimate(f, CHUNK, x, estimates);
        for (int l = 0; l < levels; l++) {
            level_read(&from[l], y, sizeof y);
            compare_chunk(f, c, x, estimates, y, &w->of[l][c / (ALL_CHUNKS / SEGMENTS)]);
        }
    }
    for (int l = 0; l < levels; l++) level_end(&from[l]);
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

static void produce_sample(int fd, const void *context) {
    static double x[CHUNK], z[CHUNK];
    const task *t = context;
    for (int c = 0; c < t->chunks; c++)
        AT_SCOPE {
            inputs_sample(t->f, t->dtype, c, x, z);
            at_tensor *a = at_to(at_from_doubles(x, CHUNK), t->dtype), *b = at_to(at_from_doubles(z, CHUNK), t->dtype);
            level_write(fd, at_doubles(at_to(function_apply(t->f, a, b), AT_FLOAT64)), sizeof x);
        }
}

void measure_sample(function f, at_dtype dtype, int chunks, worst *w) {
    static double x[CHUNK], z[CHUNK], y[MAX_LEVELS][CHUNK];
    task t = {.f = f, .dtype = dtype, .chunks = chunks};
    level from[MAX_LEVELS];
    int levels = levels_count();
    exact_result exact;
    begin_exact(&exact);
    worst_clear(w);
    for (int l = 0; l < levels; l++) from[l] = level_start(l, produce_sample, &t);
    for (int c = 0; c < chunks; c++) {
        inputs_sample(f, dtype, c, x, z);
        for (int l = 0; l < levels; l++) level_read(&from[l], y[l], sizeof y[l]);
        for (int i = 0; i < CHUNK; i++) {
            set_exact_result(&exact, f, x[i], z[i]);
            for (int l = 0; l < levels; l++)
                worst_note(&w->of[l][i % SEGMENTS], exact_error(dtype, y[l][i], exact.y, exact.scale), x[i], z[i]);
        }
    }
    end_exact(&exact);
    for (int l = 0; l < levels; l++) level_end(&from[l]);
}
