/* nn/linear.c - linear layers. */
#include <inttypes.h>
#include <math.h>

#include "../tensor/internal.h"
#include "init.h"
#include "internal.h"
#include "layers.h"

static at_tensor *forward(at_module *self, at_tensor *x) { return at_linear_forward((at_linear *)self, x); }

at_linear *at_linear_new_with(at_linear_options o) {
    if (o.inputs < 0 || o.outputs < 0)
        return at_fail(AT_ERROR_VALUE, "linear_new: %" PRId64 " inputs, %" PRId64 " outputs: want no negative sizes",
                       o.inputs, o.outputs);
    AT_CALL("linear_new");
    tn_generator before = *tn_thread_generator();
    at_linear *self = at_module_new(sizeof *self, "Linear");
    if (!self) return NULL;
    self->module.forward = forward;
    bool good = false;
    AT_SCOPE {
        at_tensor *weight = at_zeros(o.outputs, o.inputs), *bias = o.no_bias ? NULL : at_zeros(o.outputs);
        double bound = o.inputs > 0 ? 1 / sqrt((double)o.inputs) : 0;
        good = weight && at_init_kaiming_uniform(weight, sqrt(5)) && /* the same bound, rounded as torch rounds it */
               at_module_parameter(&self->module, "weight", &self->weight, weight);
        if (good && !o.no_bias)
            good = bias && at_init_uniform(bias, -bound, bound) &&
                   at_module_parameter(&self->module, "bias", &self->bias, bias);
    }
    return nn_made(&self->module, good, &before);
}

at_tensor *at_linear_forward(at_linear *layer, at_tensor *x) {
    if (!layer) return at_fail_null("linear_forward", "layer");
    if (!x) return at_fail_null("linear_forward", "x");
    int64_t inputs = at_size(layer->weight, 1), outputs = at_size(layer->weight, 0);
    at_shape shape = at_shape_of(x);
    if (shape.ndim < 1 || shape.dim[shape.ndim - 1] != inputs)
        return at_fail(AT_ERROR_SHAPE, "linear_forward: x is %s: want (..., %" PRId64 ")", tn_describe(x), inputs);
    AT_CALL("linear_forward");
    at_tensor *y = NULL;
    AT_SCOPE {
        at_tensor *rows = x; /* one product of matrices, however many dimensions there are */
        at_shape leading = shape;
        leading.ndim--;
        if (shape.ndim > 2) rows = at_reshape(x, tn_shape_numel(&leading), inputs);
        y = at_matmul(rows, at_transpose(layer->weight, 0, 1));
        if (layer->bias) y = at_add(y, layer->bias);
        shape.dim[shape.ndim - 1] = outputs;
        if (shape.ndim > 2) y = at_reshape_shape(y, shape);
        if (y) at_scope_return(y);
    }
    return y;
}
