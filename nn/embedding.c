/* nn/embedding.c - tables of vectors. */
#include <inttypes.h>

#include "../tensor/internal.h"
#include "../tensor/random.h"
#include "init.h"
#include "internal.h"
#include "layers.h"

static at_tensor *forward(at_module *self, at_tensor *x) { return at_embedding_forward((at_embedding *)self, x); }

static bool draw(at_embedding *self, int64_t entries, int64_t size) {
    at_tensor *weight = at_zeros(entries, size);
    if (!weight || !at_init_normal(weight, 0, 1)) return false;
    if (self->has_padding) {
        at_tensor *row = at_unsqueeze(at_eq(at_arange(0, (double)entries, 1), self->padding_index), 1);
        weight = at_contiguous(at_masked_fill(weight, row, 0));
    }
    return at_module_parameter(&self->module, "weight", &self->weight, weight);
}

at_embedding *at_embedding_new_with(at_embedding_options o) {
    if (o.entries < 0 || o.size < 0)
        return at_fail(AT_ERROR_VALUE, "embedding_new: %" PRId64 " entries of size %" PRId64 ": want no negative sizes",
                       o.entries, o.size);
    if (o.has_padding && (o.padding_index < -o.entries || o.padding_index >= o.entries))
        return at_fail(AT_ERROR_VALUE,
                       "embedding_new: padding_index %" PRId64 " of %" PRId64 " entries: want %" PRId64 " to %" PRId64,
                       o.padding_index, o.entries, -o.entries, o.entries - 1);
    AT_CALL("embedding_new");
    tn_generator before = *tn_thread_generator();
    at_embedding *self = at_module_new(sizeof *self, "Embedding");
    if (!self) return NULL;
    self->module.forward = forward;
    self->has_padding = o.has_padding;
    self->padding_index = o.padding_index < 0 ? o.padding_index + o.entries : o.padding_index;
    bool good = false;
    AT_SCOPE { good = draw(self, o.entries, o.size); }
    return nn_made(&self->module, good, &before);
}

at_tensor *at_embedding_forward(at_embedding *layer, at_tensor *indices) {
    if (!layer) return at_fail_null("embedding_forward", "layer");
    if (!indices) return at_fail_null("embedding_forward", "indices");
    at_shape shape = at_shape_of(indices);
    if (at_dtype_of(indices) != AT_INT64 || shape.ndim == AT_MAX_DIMS)
        return at_fail(AT_ERROR_DTYPE, "embedding_forward: indices are %s: want int64 of fewer than %d dimensions",
                       tn_describe(indices), AT_MAX_DIMS);
    shape.dim[shape.ndim++] = at_size(layer->weight, 1);
    AT_CALL("embedding_forward");
    at_tensor *y = NULL;
    AT_SCOPE {
        at_tensor *flat = at_flatten(indices), *rows = at_index_select(layer->weight, 0, flat);
        if (layer->has_padding) /* no gradient goes to the padding's row */
            rows = at_where(at_unsqueeze(at_eq(flat, layer->padding_index), 1), at_detach(rows), rows);
        y = at_reshape_shape(rows, shape);
        if (y) at_scope_return(y);
    }
    return y;
}
