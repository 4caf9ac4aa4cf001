/* nn/fused_attention.c - scaled dot-product attention that never stores its weights. */
#include <math.h>

#include "../autograd/custom.h"
#include "../tensor/internal.h"
#include "internal.h"
#include "attention.h"

/* inputs: queries, keys, values. The scale goes to the queries: they are fewer numbers than the products. */
static at_tensor *attend(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    at_tensor *queries = at_div(x[0], sqrt((double)at_size(x[0], 1)));
    return at_matmul(at_softmax(at_matmul(queries, at_transpose(x[1], 0, 1)), 1), x[2]);
}

at_tensor *at_scaled_dot_product_attention(at_tensor *queries, at_tensor *keys, at_tensor *values) {
    if (!queries) return at_fail_null("scaled_dot_product_attention", "queries");
    if (!keys) return at_fail_null("scaled_dot_product_attention", "keys");
    if (!values) return at_fail_null("scaled_dot_product_attention", "values");
    const at_shape *q = &queries->value->shape, *k = &keys->value->shape, *v = &values->value->shape;
    if (q->ndim != 2 || k->ndim != 2 || v->ndim != 2 || q->dim[1] != k->dim[1] || k->dim[0] != v->dim[0])
        return at_fail(AT_ERROR_SHAPE,
                       "scaled_dot_product_attention: queries %s, keys %s, values %s: want (queries, features), (keys, "
                       "features), (keys, outputs)",
                       tn_shape_text(q), tn_shape_text(k), tn_shape_text(v));
    AT_CALL("scaled_dot_product_attention");
    at_tensor *x[] = {queries, keys, values};
    return at_checkpoint(attend, x, 3, NULL, .rows = 1 << 0, .block = nn_block_of_queries(k->dim[0]));
}
