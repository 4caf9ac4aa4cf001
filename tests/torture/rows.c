/* tests/torture/rows.c - every operation's forward, backward and second derivative, and views, with the rows, shapes and
 * layouts of tests/test_gradients.c. */
#define _GNU_SOURCE /* as that file */
#include <check.h>

/* Outside of a suite Check's own cannot report, not even that all is well. */
#undef ck_assert_ptr_nonnull
#define ck_assert_ptr_nonnull(pointer)                                                                                 \
    do {                                                                                                               \
        if (!(pointer)) abort();                                                                                       \
    } while (0)
#include "../test_gradients.c"

#include "torture.h"

static void prepare_row(fixture *f) {
    const test_case *t = f->context;
    for (int i = 0; i < t->shapes->n; i++) {
        bool mixed = t->row - rows < families[0].rows && i > 0; /* elementwise operations promote */
        at_dtype dtype = mixed || t->layout == LAYOUT_TRANSPOSED ? AT_FLOAT64 : AT_FLOAT32;
        at_tensor *x = at_set_requires_grad(at_detach(input_of(t, i, dtype)), true);
        keep(f, x);
    }
}

/* What a row's expression calls: every at_name( in it. */
static const char *names_in(const char *expression) {
    static char names[512];
    char *to = names;
    for (const char *at = strstr(expression, "at_"); at; at = strstr(at + 1, "at_")) {
        for (const char *c = at + 3; *c != '(' && *c; c++) *to++ = *c;
        *to++ = ' ';
        if (to - names > 7 && strncmp(to - 7, "_shape ", 7) == 0) to -= 6, to[-1] = ' ';
    }
    strcpy(to, "from_bools from_int64s square_times repeat_interleave");
    return names;
}

static at_tensor *call(const fixture *f, at_tensor **x) {
    const test_case *t = f->context;
    arguments p = t->arguments;
    calling(names_in(t->row->expression));
    return t->row->function(x, t->shapes->n, &p);
}

static at_tensor *weights(at_tensor *y) {
    at_shape shape = at_shape_of(y);
    calling("from_doubles to");
    return numbers(at_dtype_of(y), &shape, NONZERO, 0);
}

static bool run_forward(fixture *f) {
    bool good = false;
    AT_NO_GRAD { good = result(call(f, f->tensor)); }
    return good;
}

static bool run_pending(fixture *f) {
    at_tensor *x[MAX_INPUTS];
    for (int i = 0; i < f->n_tensors; i++)
        if (calling("mul") && !(x[i] = at_mul(f->tensor[i], 1))) return false;
    return result(call(f, x));
}

static bool run_backward(fixture *f) {
    at_tensor *y = call(f, f->tensor), *g = y ? weights(y) : NULL;
    return g && calling("backward_with") && at_backward_with(y, g);
}

static bool run_second(fixture *f) {
    at_tensor *y = call(f, f->tensor), *g = y ? weights(y) : NULL, *first[MAX_INPUTS];
    if (!g || !calling("mul sum")) return false;
    at_tensor *sum = at_sum(at_mul(y, g));
    if (!sum || !calling("gradients") || !at_gradients(sum, f->tensor, f->n_tensors, true, first)) return false;
    at_tensor *norm = NULL;
    for (int i = 0; i < f->n_tensors; i++) {
        if (!calling("square sum add") ||
            !(norm = norm ? at_add(norm, at_sum(at_square(first[i]))) : at_sum(at_square(first[i]))))
            return false;
    }
    return !at_requires_grad(norm) || (calling("backward") && at_backward(norm));
}

static void torture_case(const test_case *t) {
    static const struct {
        const char *name;
        bool (*run)(fixture *f);
        bool eager;
    } ways[] = {{"forward", run_forward, false},
                {"eager", run_forward, true},
                {"pending", run_pending, false},
                {"backward", run_backward, false},
                {"second", run_second, false}};
    bool there = false;
    AT_SCOPE { there = applies(t) && has_layout(t); }
    for (size_t i = 0; there && i < sizeof ways / sizeof *ways; i++) {
        if (i > 0 && t->layout > LAYOUT_TRANSPOSED) continue;
        char name[1024];
        snprintf(name, sizeof name, "rows %s of %s, %s", ways[i].name, describe(t, ""), ways[i].name);
        at_set_eager(ways[i].eager);
        torture(&(scenario){name, prepare_row, ways[i].run, t});
        at_set_eager(false);
    }
}

void torture_rows(void) {
    for (int i = 0; i < ROWS; i++)
        for (const shapes *s = rows[i].shapes; s->n > 0; s++)
            for (layout l = 0; l < LAYOUTS; l++) {
                test_case t = {.row = &rows[i], .shapes = s, .layout = l};
                int dims = !(rows[i].over & DIM) ? 1 : s->shape[0].ndim ? s->shape[0].ndim : 1;
                for (t.arguments.dim = 0; t.arguments.dim < dims; t.arguments.dim++) torture_case(&t);
            }
}
