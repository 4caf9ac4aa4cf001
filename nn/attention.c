/* nn/attention.c - masked softmax, and attention by sums (additive) and by products. */
#include "attention.h"

#include <inttypes.h>
#include <math.h>

#include "../tensor/internal.h"
#include "internal.h"

/* ---- masked softmax ---------------------------------------------------------------------------------------------- */

/* x, which is called what, is (n, queries, last). */
static bool check_lengths(const char *function, const char *what, const char *last, at_tensor *x,
                          at_tensor *valid_lengths) {
    const at_shape *s = &x->value->shape, *v = &valid_lengths->value->shape;
    bool good = s->ndim == 3 && v->ndim >= 1 && v->ndim <= 2 && v->dim[0] == s->dim[0] &&
                (v->ndim == 1 || v->dim[1] == s->dim[1]) && valid_lengths->value->dtype == AT_INT64;
    return good ||
           at_fail(AT_ERROR_SHAPE, "%s: %s %s, valid_lengths %s: want (n, queries, %s) and int64 (n) or (n, queries)",
                   function, what, tn_describe(x), tn_describe(valid_lengths), last);
}

/* bool (n, 1, keys) or (n, queries, keys): which keys do not count. NULL after reporting an error. */
static at_tensor *invalid_keys(const char *function, at_tensor *scores, at_tensor *valid_lengths) {
    if (!check_lengths(function, "scores", "keys", scores, valid_lengths)) return NULL;
    const at_shape *s = &scores->value->shape, *v = &valid_lengths->value->shape;
    at_tensor *place = at_to(at_arange(0, (double)s->dim[2], 1), AT_INT64);
    at_tensor *lengths = at_unsqueeze(v->ndim == 1 ? at_unsqueeze(valid_lengths, 1) : valid_lengths, 2);
    return at_ge(place, lengths);
}

static at_tensor *masked_softmax(const char *function, at_tensor *scores, at_tensor *valid_lengths) {
    if (!valid_lengths) return at_softmax(scores, -1);
    at_tensor *invalid = invalid_keys(function, scores, valid_lengths);
    if (!invalid) return NULL;
    /* Where no key is valid the softmax is NaN: the second masking puts 0 there, and keeps NaN out of gradients too. */
    return at_masked_fill(at_softmax(at_masked_fill(scores, invalid, -INFINITY), -1), invalid, 0);
}

at_tensor *at_masked_softmax(at_tensor *scores, at_tensor *valid_lengths) {
    if (!scores) return at_fail_null("masked_softmax", "scores");
    at_tensor *weights = NULL;
    AT_CALL("masked_softmax");
    AT_SCOPE {
        weights = masked_softmax("masked_softmax", scores, valid_lengths);
        if (weights) at_scope_return(weights);
    }
    return weights;
}

/* ---- what both attentions share ---------------------------------------------------------------------------------- */

static bool check_inputs(const char *function, void *layer, at_tensor *queries, at_tensor *keys, at_tensor *values) {
    if (!layer) return at_fail_null(function, "layer");
    if (!queries) return at_fail_null(function, "queries");
    if (!keys) return at_fail_null(function, "keys");
    if (!values) return at_fail_null(function, "values");
    const at_shape *q = &queries->value->shape, *k = &keys->value->shape, *v = &values->value->shape;
    if (q->ndim == 3 && k->ndim == 3 && v->ndim == 3 && q->dim[0] == k->dim[0] && k->dim[0] == v->dim[0] &&
        k->dim[1] == v->dim[1])
        return true;
    return at_fail(AT_ERROR_SHAPE,
                   "%s: queries %s, keys %s, values %s: want (n, queries, q), (n, keys, k), (n, keys, v)", function,
                   tn_shape_text(q), tn_shape_text(k), tn_shape_text(v));
}

/* The values' weighted mean; the weights stay in *kept. */
static at_tensor *pool(const char *function, at_tensor *scores, at_tensor *values, at_tensor *valid_lengths,
                       at_dropout_layer *dropout, at_tensor **kept) {
    at_tensor *weights = scores ? masked_softmax(function, scores, valid_lengths) : NULL;
    at_tensor *detached = weights ? at_detach(weights) : NULL;
    at_tensor *result = detached ? at_bmm(at_dropout_forward(dropout, weights), values) : NULL;
    if (result) at_assign(kept, detached);
    return result;
}

/* ---- additive attention ------------------------------------------------------------------------------------------ */

at_additive_attention *at_additive_attention_new_with(at_additive_attention_options o) {
    if (o.hiddens < 1)
        return at_fail(AT_ERROR_VALUE, "additive_attention_new: %" PRId64 " hiddens: want at least 1", o.hiddens);
    AT_CALL("additive_attention_new");
    tn_generator before = *tn_thread_generator();
    at_additive_attention *self = at_module_new(sizeof *self, "AdditiveAttention");
    if (!self) return NULL;
    at_module *m = &self->module;
    bool good = at_child(self, w_k, at_linear_new(o.key_size, o.hiddens, .no_bias = true)) &&
                at_child(self, w_q, at_linear_new(o.query_size, o.hiddens, .no_bias = true)) &&
                at_child(self, w_v, at_linear_new(o.hiddens, 1, .no_bias = true)) &&
                at_child(self, dropout, at_dropout_new(o.dropout)) &&
                at_module_transient(m, "attention_weights", &self->attention_weights, NULL);
    return nn_made(m, good, &before);
}

at_tensor *at_additive_attention_forward(at_additive_attention *layer, at_tensor *queries, at_tensor *keys,
                                         at_tensor *values, at_tensor *valid_lengths) {
    const char *function = "additive_attention_forward";
    if (!check_inputs(function, layer, queries, keys, values)) return NULL;
    at_tensor *result = NULL;
    AT_CALL("additive_attention_forward");
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        at_tensor *q = at_linear_forward(layer->w_q, queries), *k = at_linear_forward(layer->w_k, keys);
        at_tensor *features = q && k ? at_tanh(at_add(at_unsqueeze(q, 2), at_unsqueeze(k, 1))) : NULL;
        at_tensor *scores = features ? at_squeeze(at_linear_forward(layer->w_v, features), -1) : NULL;
        result = pool(function, scores, values, valid_lengths, layer->dropout, &layer->attention_weights);
        result = nn_given(result, &before);
    }
    return result;
}

/* ---- scaled dot-product attention -------------------------------------------------------------------------------- */

at_dot_product_attention *at_dot_product_attention_new(double dropout) {
    AT_CALL("dot_product_attention_new");
    tn_generator before = *tn_thread_generator();
    at_dot_product_attention *self = at_module_new(sizeof *self, "DotProductAttention");
    if (!self) return NULL;
    bool good = at_child(self, dropout, at_dropout_new(dropout)) &&
                at_module_transient(&self->module, "attention_weights", &self->attention_weights, NULL);
    return nn_made(&self->module, good, &before);
}

at_tensor *at_dot_product_attention_forward(at_dot_product_attention *layer, at_tensor *queries, at_tensor *keys,
                                            at_tensor *values, at_tensor *valid_lengths) {
    const char *function = "dot_product_attention_forward";
    if (!check_inputs(function, layer, queries, keys, values)) return NULL;
    if (at_size(queries, 2) != at_size(keys, 2))
        return at_fail(AT_ERROR_SHAPE, "%s: queries %s, keys %s: want vectors of equal size", function,
                       tn_describe(queries), tn_describe(keys));
    at_tensor *result = NULL;
    AT_CALL("dot_product_attention_forward");
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        at_tensor *scaled = at_div(queries, sqrt((double)at_size(queries, 2)));
        at_tensor *scores = at_bmm(scaled, at_transpose(keys, 1, 2));
        result = pool(function, scores, values, valid_lengths, layer->dropout, &layer->attention_weights);
        result = nn_given(result, &before);
    }
    return result;
}

/* ---- multi-head attention ---------------------------------------------------------------------------------------- */

at_multi_head_attention *at_multi_head_attention_new_with(at_multi_head_attention_options o) {
    if (o.heads < 1 || o.hiddens < 1 || o.hiddens % o.heads != 0)
        return at_fail(AT_ERROR_VALUE,
                       "multi_head_attention_new: %" PRId64 " hiddens for %" PRId64
                       " heads: want a positive multiple of the heads",
                       o.hiddens, o.heads);
    AT_CALL("multi_head_attention_new");
    tn_generator before = *tn_thread_generator();
    at_multi_head_attention *self = at_module_new(sizeof *self, "MultiHeadAttention");
    if (!self) return NULL;
    self->heads = o.heads;
    at_module *m = &self->module;
    int64_t q = o.query_size ? o.query_size : o.hiddens, k = o.key_size ? o.key_size : o.hiddens;
    int64_t v = o.value_size ? o.value_size : o.hiddens;
    bool good = at_child(self, w_q, at_linear_new(q, o.hiddens, .no_bias = !o.bias)) &&
                at_child(self, w_k, at_linear_new(k, o.hiddens, .no_bias = !o.bias)) &&
                at_child(self, w_v, at_linear_new(v, o.hiddens, .no_bias = !o.bias)) &&
                at_child(self, w_o, at_linear_new(o.hiddens, o.hiddens, .no_bias = !o.bias)) &&
                at_child(self, attention, at_dot_product_attention_new(o.dropout));
    return nn_made(m, good, &before);
}

/* (n, steps, hiddens) -> (n * heads, steps, hiddens / heads) */
static at_tensor *split_heads(at_tensor *x, int64_t heads) {
    if (!x) return NULL;
    int64_t n = at_size(x, 0), steps = at_size(x, 1), size = at_size(x, 2) / heads;
    return at_reshape(at_transpose(at_reshape(x, n, steps, heads, size), 1, 2), n * heads, steps, size);
}

static at_tensor *join_heads(at_tensor *x, int64_t heads) {
    if (!x) return NULL;
    int64_t n = at_size(x, 0) / heads, steps = at_size(x, 1), size = at_size(x, 2);
    return at_reshape(at_transpose(at_reshape(x, n, heads, steps, size), 1, 2), n, steps, heads * size);
}

at_tensor *at_multi_head_attention_forward(at_multi_head_attention *layer, at_tensor *queries, at_tensor *keys,
                                           at_tensor *values, at_tensor *valid_lengths) {
    const char *function = "multi_head_attention_forward";
    if (!check_inputs(function, layer, queries, keys, values)) return NULL;
    if (valid_lengths && !check_lengths(function, "queries", "q", queries, valid_lengths)) return NULL;
    at_tensor *result = NULL;
    AT_CALL("multi_head_attention_forward");
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        int64_t heads = layer->heads;
        at_tensor *q = split_heads(at_linear_forward(layer->w_q, queries), heads);
        at_tensor *k = q ? split_heads(at_linear_forward(layer->w_k, keys), heads) : NULL;
        at_tensor *v = k ? split_heads(at_linear_forward(layer->w_v, values), heads) : NULL;
        at_tensor *lengths = valid_lengths ? at_repeat_interleave_dim(valid_lengths, heads, 0) : NULL;
        if (v && (lengths || !valid_lengths)) {
            at_tensor *each = at_dot_product_attention_forward(layer->attention, q, k, v, lengths);
            at_tensor *joined = join_heads(each, heads);
            result = joined ? at_linear_forward(layer->w_o, joined) : NULL;
        }
        result = nn_given(result, &before);
    }
    return result;
}
