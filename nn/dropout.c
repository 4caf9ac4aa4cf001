/* nn/dropout.c - dropout. */
#include "../tensor/internal.h"
#include "../tensor/random.h"
#include "internal.h"
#include "layers.h"

/* Of x's shape and dtype: 1 / (1 - p) where the next random number is below 1 - p, else 0. */
static at_tensor *draw_noise(at_tensor *x, double p) {
    void *data;
    at_shape shape = at_shape_of(x);
    at_dtype dtype = at_dtype_of(x);
    at_tensor *noise = tn_tensor_new(dtype, &shape, &data);
    if (!noise) return NULL;
    tn_generator *g = tn_thread_generator();
    enum { CHUNK = 256 };
    double u[CHUNK], keep = 1 - p;
    float large = 1 / (float)keep;
    for (int64_t i = 0, n = at_numel(x); i < n; i += CHUNK) {
        int count = n - i < CHUNK ? (int)(n - i) : CHUNK;
        tn_fill_uniform_f64(g, count, 0, 1, u);
        for (int j = 0; j < count; j++) {
            bool kept = u[j] < keep;
            if (dtype == AT_FLOAT32)
                ((float *)data)[i + j] = kept ? large : 0;
            else
                ((double *)data)[i + j] = kept ? 1 / keep : 0;
        }
    }
    return noise;
}

static bool check_p(const char *function, double p) {
    if (p >= 0 && p <= 1) return true;
    return at_fail(AT_ERROR_VALUE, "%s: p is %g: want a probability", function, p);
}

at_tensor *at_dropout(at_tensor *x, double p) {
    if (!x) return at_fail_null("dropout", "x");
    if (!check_p("dropout", p)) return NULL;
    if (!tn_is_floating(at_dtype_of(x)))
        return at_fail(AT_ERROR_DTYPE, "dropout: x is %s: want a floating-point tensor", tn_describe(x));
    AT_CALL("dropout");
    if (p == 0) return at_mul(x, 1);
    tn_generator before = *tn_thread_generator();
    at_tensor *y = NULL;
    AT_SCOPE {
        at_tensor *noise = p == 1 ? at_zeros_like(x) : draw_noise(x, p);
        y = noise ? at_mul(x, noise) : NULL;
        if (y) at_scope_return(y);
    }
    if (!y) *tn_thread_generator() = before; /* a failed call draws nothing */
    return y;
}

at_tensor *at_dropout_forward(at_dropout_layer *layer, at_tensor *x) {
    if (!layer) return at_fail_null("dropout_forward", "layer");
    if (!x) return at_fail_null("dropout_forward", "x");
    AT_CALL("dropout_forward");
    return layer->module.evaluating ? x : at_dropout(x, layer->p);
}

static at_tensor *forward(at_module *self, at_tensor *x) { return at_dropout_forward((at_dropout_layer *)self, x); }

at_dropout_layer *at_dropout_new(double p) {
    if (!check_p("dropout_new", p)) return NULL;
    AT_CALL("dropout_new");
    at_dropout_layer *self = at_module_new(sizeof *self, "Dropout");
    if (!self) return NULL;
    self->module.forward = forward;
    self->p = p;
    return self;
}
