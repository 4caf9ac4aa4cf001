/* nn/nw_kernel_regression.c - parametric attention pooling. */
#include "../tensor/internal.h"
#include "nn.h"

NWKernelRegression *at_nw_kernel_regression(void) {
    NWKernelRegression *net = at_module_new(sizeof *net, "NWKernelRegression");
    if (!net) return NULL;
    at_tensor *w = at_rand(1);
    if (w && at_module_parameter(&net->module, "w", &net->w, w) &&
        at_module_buffer(&net->module, "attention_weights", &net->attention_weights, NULL))
        return net;
    at_module_free(&net->module);
    return NULL;
}

static bool check_shapes(at_tensor *queries, at_tensor *keys, at_tensor *values) {
    const at_shape *q = &queries->value->shape, *k = &keys->value->shape, *v = &values->value->shape;
    if (q->ndim == 1 && k->ndim == 2 && k->dim[0] == q->dim[0] && tn_shapes_equal(k, v)) return true;
    return at_fail(AT_ERROR_SHAPE,
                   "nw_kernel_regression_forward: queries %s, keys %s, values %s: want (queries), (queries, keys), "
                   "(queries, keys)",
                   tn_shape_text(q), tn_shape_text(k), tn_shape_text(v));
}

at_tensor *at_nw_kernel_regression_forward(NWKernelRegression *net, at_tensor *queries, at_tensor *keys,
                                           at_tensor *values) {
    if (!net) return at_fail_null("nw_kernel_regression_forward", "net");
    if (!queries) return at_fail_null("nw_kernel_regression_forward", "queries");
    if (!keys) return at_fail_null("nw_kernel_regression_forward", "keys");
    if (!values) return at_fail_null("nw_kernel_regression_forward", "values");
    if (!check_shapes(queries, keys, values)) return NULL;
    int64_t n_queries = at_size(keys, 0), n_keys = at_size(keys, 1);
    at_tensor *prediction = NULL;
    AT_SCOPE {
        /* each query beside every key: (queries, keys) */
        at_tensor *rows = at_reshape(at_repeat_interleave(queries, n_keys), n_queries, n_keys);
        at_tensor *distance = at_mul(at_sub(rows, keys), net->w);
        at_tensor *weights = at_softmax(at_div(at_neg(at_square(distance)), 2), 1);
        /* (queries, 1, keys) x (queries, keys, 1): the weighted mean of each query's values */
        prediction = at_reshape(at_bmm(at_unsqueeze(weights, 1), at_unsqueeze(values, -1)), n_queries);
        at_tensor *kept = prediction ? at_detach(weights) : NULL;
        if (kept) at_assign(&net->attention_weights, kept);
        prediction = kept ? at_scope_return(prediction) : NULL;
    }
    return prediction;
}
