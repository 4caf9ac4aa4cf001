/* autograd/gradcheck_report.c - a failed gradient check as a text for a bug report: everything that one needs to see
 * it again, and nothing that differs from run to run. */
#include "gradcheck.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum {
    VALUES = 24, /* a tensor of more elements is not written out */
    LINE_VALUES = 4,
    ROWS = 20, /* elements listed for each input */
    NUMBER_BYTES = 32
};

/* ---- what was checked -------------------------------------------------------------------------------------------- */

/* With as many digits as it takes to read the same number back. */
static void print_exactly(FILE *file, double x, bool single) {
    char text[NUMBER_BYTES];
    if (isnan(x)) x = NAN; /* its sign may vary */
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        double read = strtod(text, NULL);
        if (read == x || (single && (float)read == (float)x)) break;
    }
    fputs(text, file);
}

/* The elements of a small tensor in row-major order, as at_from_doubles takes them. */
static void print_values(FILE *file, at_tensor *t) {
    if (t->value->numel > VALUES) return;
    AT_SCOPE {
        at_tensor *wide = at_to(at_detach(t), AT_FLOAT64);
        const double *x = wide ? at_doubles(wide) : NULL;
        fputs("    {", file);
        for (int64_t i = 0; x && i < t->value->numel; i++) {
            if (i) fputs(i % LINE_VALUES ? ", " : ",\n     ", file);
            print_exactly(file, x[i], t->value->dtype == AT_FLOAT32);
        }
        fputs("}\n", file);
    }
}

/* How the elements of a stored value lie in memory, in a word. */
static const char *layout_of(const tn_value *v) {
    if (tn_is_contiguous(v)) return "contiguous";
    const char *layout = "stepped";
    int64_t outer = INT64_MAX;
    for (int d = 0; d < v->shape.ndim; d++) {
        if (v->shape.dim[d] == 1) continue;
        if (v->stride[d] == 0) return "expanded";
        if (v->stride[d] > outer) layout = "transposed";
        outer = v->stride[d];
    }
    return layout;
}

static void print_layout(FILE *file, tn_value *v) {
    if (!tn_value_store(v)) return;
    fprintf(file, ", %s", layout_of(v));
    if (tn_is_contiguous(v)) return;
    at_shape strides = {.ndim = v->shape.ndim};
    for (int d = 0; d < strides.ndim; d++) strides.dim[d] = v->stride[d];
    fprintf(file, " with strides %s", tn_shape_text(&strides));
}

static void print_input(const ag_check *c, int i) {
    FILE *file = c->options.report;
    at_tensor *x = c->options.inputs[i];
    const char *name = at_name(x);
    fprintf(file, "input %d", i);
    if (name) fprintf(file, " \"%s\"", name);
    fprintf(file, ": %s", tn_describe(x));
    print_layout(file, x->value);
    fprintf(file, "%s%s\n", at_requires_grad(x) ? ", requires grad" : "", ag_is_checked(c, i) ? "" : ", not checked");
    print_values(file, x);
}

void ag_report_begin(const ag_check *c) {
    const at_gradcheck_options *o = &c->options;
    bool second = c->weights >= 0;
    fprintf(o->report, "%s failed (atled %s)\n", c->name, at_version());
    fprintf(o->report, second ? "second derivatives: those of sum(g * v), g the gradient of sum(f(inputs) * u)"
                              : "first derivatives: those of sum(f(inputs) * u)");
    fprintf(o->report, ", %s fixed numbers between 0.5 and 1.5\n", second ? "u and v" : "u");
    fprintf(o->report, "epsilon %g, rtol %g, atol %g%s\n", o->epsilon, o->rtol, o->atol, o->float32 ? ", float32" : "");
    for (int i = 0; i < (second ? c->weights : o->n); i++) print_input(c, i);
    fprintf(o->report, "output: %s\n", tn_describe(c->output));
    print_values(o->report, c->output);
    fprintf(o->report, "\n%-5s  %-12s  %14s  %14s  %10s  %10s\n", "input", "element", "analytic", "numeric",
            "difference", "allowed");
}

/* ---- what differs ------------------------------------------------------------------------------------------------ */

static void print_number(FILE *file, int width, int digits, double x) {
    fprintf(file, "  %*.*g", width, digits, isnan(x) ? NAN : x);
}

void ag_report_difference(const ag_check *c, const ag_findings *f, const ag_difference *d) {
    if (f->failed > ROWS) return;
    FILE *file = c->options.report;
    const at_shape *shape = &c->options.inputs[f->input]->value->shape;
    if (f->input == c->weights)
        fprintf(file, "%-5s", "u");
    else
        fprintf(file, "%-5d", f->input);
    fprintf(file, "  %-12s", tn_index_text(shape, d->element));
    print_number(file, 14, 8, d->analytic);
    print_number(file, 14, 8, d->numeric);
    print_number(file, 10, 3, d->difference);
    print_number(file, 10, 3, d->allowed);
    fputc('\n', file);
}

/* What the pattern suggests; NULL where there is none. */
static const char *hint_of(const ag_check *c, const ag_findings *f, char *text, size_t bytes) {
    double ratio = f->least_ratio, spread = 10 * c->options.rtol;
    if (!f->finite) return "not finite: a pole, an overflow, or a step that is lost beside a large element";
    if (f->kinks == f->failed) return "the differences to either side disagree: a kink or a jump of the function";
    if (f->analytic_zero)
        return "the analytic gradient is zero throughout: a rule leaves this out, or something is not recorded";
    if (f->numeric_zero) return "the function's value does not change: it may read another tensor than this input";
    if (f->kinks) return "some elements lie at a kink or a jump of the function";
    if (!(f->greatest_ratio - ratio <= spread * fabs(ratio))) return NULL;
    if (fabs(ratio + 1) <= spread) return "the opposite sign";
    snprintf(text, bytes, "analytic is %.4g times numeric", ratio);
    return f->failed > 1 ? text : NULL;
}

void ag_report_findings(const ag_check *c, const ag_findings *f) {
    FILE *file = c->options.report;
    char text[64];
    const char *hint = hint_of(c, f, text, sizeof text);
    if (f->failed > ROWS) fprintf(file, "       and %" PRId64 " more\n", f->failed - ROWS);
    if (hint) fprintf(file, "       hint: %s\n", hint);
}

void ag_report_end(const ag_check *c, bool finished, bool repeatable) {
    FILE *file = c->options.report;
    fprintf(file, "%" PRId64 " of %" PRId64 " elements differ%s\n", c->failed, c->checked,
            finished ? "" : ", then the function failed");
    if (!repeatable) fprintf(file, "hint: called again, the function gives another value: random numbers?\n");
}
