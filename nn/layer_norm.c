/* nn/layer_norm.c - layer normalisation. */
#include "../tensor/internal.h"
#include "internal.h"
#include "layers.h"

static at_tensor *forward(at_module *self, at_tensor *x) { return at_layer_norm_forward((at_layer_norm *)self, x); }

at_layer_norm *at_layer_norm_new_shape(at_shape shape) {
    if (shape.ndim < 1)
        return at_fail(AT_ERROR_SHAPE, "layer_norm_new: want the sizes of the dimensions to normalise over");
    AT_CALL("layer_norm_new");
    tn_generator before = *tn_thread_generator();
    at_layer_norm *self = at_module_new(sizeof *self, "LayerNorm");
    if (!self) return NULL;
    self->module.forward = forward;
    self->epsilon = 1e-5;
    bool good = false;
    AT_SCOPE {
        good = at_module_parameter(&self->module, "weight", &self->weight, at_ones_shape(shape)) &&
               at_module_parameter(&self->module, "bias", &self->bias, at_zeros_shape(shape));
    }
    return nn_made(&self->module, good, &before);
}

static bool ends_with(const at_shape *shape, const at_shape *end) {
    int more = shape->ndim - end->ndim;
    for (int d = 0; d < end->ndim; d++)
        if (more < 0 || shape->dim[more + d] != end->dim[d]) return false;
    return true;
}

at_tensor *at_layer_norm_forward(at_layer_norm *layer, at_tensor *x) {
    if (!layer) return at_fail_null("layer_norm_forward", "layer");
    if (!x) return at_fail_null("layer_norm_forward", "x");
    at_shape shape = at_shape_of(x), norm = at_shape_of(layer->weight);
    if (!ends_with(&shape, &norm))
        return at_fail(AT_ERROR_SHAPE, "layer_norm_forward: x is %s: want its last dimensions to be %s", tn_describe(x),
                       tn_shape_text(&norm));
    AT_CALL("layer_norm_forward");
    at_tensor *y = NULL;
    AT_SCOPE {
        at_tensor *rows = x; /* what is normalised becomes the last dimension */
        at_shape flat = shape;
        flat.ndim -= norm.ndim - 1;
        flat.dim[flat.ndim - 1] = at_numel(layer->weight);
        if (norm.ndim > 1) rows = at_reshape_shape(x, flat);
        at_tensor *centered = at_sub(rows, at_mean_dim(rows, -1, true));
        at_tensor *variance = at_mean_dim(at_square(centered), -1, true);
        y = at_mul(centered, at_rsqrt(at_add(variance, layer->epsilon)));
        if (norm.ndim > 1) y = at_reshape_shape(y, shape);
        y = at_add(at_mul(y, layer->weight), layer->bias);
        if (y) at_scope_return(y);
    }
    return y;
}
