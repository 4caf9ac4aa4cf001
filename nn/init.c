/* nn/init.c - initial values of parameters, drawn as torch.nn.init draws them. */
#include "init.h"

#include <math.h>

#include "../tensor/internal.h"
#include "../tensor/random.h"

/* Writes to t's elements, which are float or double. */
static at_tensor *fill_uniform(const char *function, at_tensor *t, double low, double high) {
    tn_thread_set_operation(function);
    void *data = at_dtype_of(t) == AT_FLOAT32 ? (void *)at_floats_mut(t) : (void *)at_doubles_mut(t);
    if (!data) return NULL;
    tn_generator *g = tn_thread_generator();
    if (at_dtype_of(t) == AT_FLOAT32)
        tn_fill_uniform_f32(g, at_numel(t), low, high, data);
    else
        tn_fill_uniform_f64(g, at_numel(t), low, high, data);
    return t;
}

static at_tensor *fill_normal(const char *function, at_tensor *t, double mean, double std) {
    tn_thread_set_operation(function);
    void *data = at_dtype_of(t) == AT_FLOAT32 ? (void *)at_floats_mut(t) : (void *)at_doubles_mut(t);
    if (!data) return NULL;
    tn_generator *g = tn_thread_generator();
    if (at_dtype_of(t) == AT_FLOAT32)
        tn_fill_normal_f32(g, at_numel(t), mean, std, data);
    else
        tn_fill_normal_f64(g, at_numel(t), mean, std, data);
    return t;
}

static bool check_tensor(const char *function, at_tensor *t) {
    if (!t) return at_fail_null(function, "t");
    if (tn_is_floating(t->value->dtype)) return true;
    return at_fail(AT_ERROR_DTYPE, "%s: t is %s: want a floating-point tensor", function, tn_describe(t));
}

at_tensor *at_init_uniform(at_tensor *t, double low, double high) {
    if (!check_tensor("init_uniform", t)) return NULL;
    if (!(low <= high) || !isfinite(high - low))
        return at_fail(AT_ERROR_VALUE, "init_uniform: from %g to %g: want low <= high, both finite", low, high);
    return fill_uniform("init_uniform", t, low, high);
}

at_tensor *at_init_normal(at_tensor *t, double mean, double std) {
    if (!check_tensor("init_normal", t)) return NULL;
    if (!(std >= 0)) return at_fail(AT_ERROR_VALUE, "init_normal: std %g must not be negative", std);
    return fill_normal("init_normal", t, mean, std);
}

at_tensor *at_init_constant(at_tensor *t, double value) {
    if (!check_tensor("init_constant", t)) return NULL;
    tn_thread_set_operation("init_constant");
    if (t->value->dtype == AT_FLOAT32) {
        float *x = at_floats_mut(t);
        for (int64_t i = 0; x && i < at_numel(t); i++) x[i] = (float)value;
        return x ? t : NULL;
    }
    double *x = at_doubles_mut(t);
    for (int64_t i = 0; x && i < at_numel(t); i++) x[i] = value;
    return x ? t : NULL;
}

/* ---- by the number of inputs and outputs ------------------------------------------------------------------------- */

typedef struct {
    double in, out;
} fans;

static bool find_fans(const char *function, at_tensor *t, fans *f) {
    if (!check_tensor(function, t)) return false;
    const at_shape *s = &t->value->shape;
    if (s->ndim < 2)
        return at_fail(AT_ERROR_SHAPE, "%s: t is %s: want (outputs, inputs, ...)", function, tn_describe(t));
    double rest = 1;
    for (int d = 2; d < s->ndim; d++) rest *= (double)s->dim[d];
    *f = (fans){.in = (double)s->dim[1] * rest, .out = (double)s->dim[0] * rest};
    return true;
}

/* Of nothing there is nothing to draw: torch leaves such tensors alone too. */
static at_tensor *fill_with_std(const char *function, at_tensor *t, double std, bool uniform) {
    if (at_numel(t) == 0) return t;
    double bound = sqrt(3.0) * std; /* a uniform distribution on [-b, b) has the standard deviation b / sqrt(3) */
    return uniform ? fill_uniform(function, t, -bound, bound) : fill_normal(function, t, 0, std);
}

static at_tensor *xavier(const char *function, at_tensor *t, double gain, bool uniform) {
    fans f = {0};
    if (!find_fans(function, t, &f)) return NULL;
    if (!(gain >= 0) || !isfinite(gain))
        return at_fail(AT_ERROR_VALUE, "%s: gain %g: want a number that is not negative", function, gain);
    return fill_with_std(function, t, gain * sqrt(2.0 / (f.in + f.out)), uniform);
}
at_tensor *at_init_xavier_uniform(at_tensor *t, double gain) { return xavier("init_xavier_uniform", t, gain, true); }
at_tensor *at_init_xavier_normal(at_tensor *t, double gain) { return xavier("init_xavier_normal", t, gain, false); }

static at_tensor *kaiming(const char *function, at_tensor *t, double slope, bool uniform) {
    fans f = {0};
    if (!find_fans(function, t, &f)) return NULL;
    if (!isfinite(slope)) return at_fail(AT_ERROR_VALUE, "%s: slope %g: want a finite number", function, slope);
    return fill_with_std(function, t, sqrt(2.0 / (1 + slope * slope)) / sqrt(f.in), uniform);
}
at_tensor *at_init_kaiming_uniform(at_tensor *t, double slope) {
    return kaiming("init_kaiming_uniform", t, slope, true);
}
at_tensor *at_init_kaiming_normal(at_tensor *t, double slope) {
    return kaiming("init_kaiming_normal", t, slope, false);
}
