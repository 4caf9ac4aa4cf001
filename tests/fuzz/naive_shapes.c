/* tests/fuzz/naive_shapes.c - what moves elements to other places, by the words of operations.h. */
#include "naive_internal.h"

/* y = x with its elements in the same order. */
static bool reshaped(const naive *x, at_shape shape, naive *y) {
    *y = (naive){shape, x->dtype, x->at};
    return true;
}

bool naive_reshape(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    at_shape shape = c->shape;
    int unknown = -1;
    int64_t known = 1, numel = naive_numel(&x->shape);
    for (int d = 0; d < shape.ndim; d++) {
        if (shape.dim[d] < -1 || (shape.dim[d] == -1 && unknown >= 0)) return false;
        if (shape.dim[d] == -1)
            unknown = d;
        else
            known *= shape.dim[d];
    }
    if (unknown >= 0) {
        if (known == 0 || numel % known != 0) return false;
        shape.dim[unknown] = numel / known;
    }
    return naive_numel(&shape) == numel && reshaped(x, shape, y);
}

bool naive_flatten(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    return reshaped(x, AT_SHAPE(naive_numel(&x->shape)), y);
}

bool naive_unsqueeze(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    at_shape shape = x->shape;
    int dim = c->dim;
    if (shape.ndim == AT_MAX_DIMS || dim < -shape.ndim - 1 || dim > shape.ndim) return false;
    if (dim < 0) dim += shape.ndim + 1;
    for (int d = shape.ndim++; d > dim; d--) shape.dim[d] = shape.dim[d - 1];
    shape.dim[dim] = 1;
    return reshaped(x, shape, y);
}

bool naive_squeeze(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int dim = c->dim;
    if (!right_dim(x, &dim)) return false;
    bool drops = x->shape.ndim && x->shape.dim[dim] == 1;
    return reshaped(x, drops ? without_dim(x->shape, dim) : x->shape, y);
}

bool naive_permute(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    at_shape order = c->shape, shape = x->shape;
    unsigned seen = 0;
    if (order.ndim != shape.ndim) return false;
    for (int d = 0; d < order.ndim; d++) {
        if (order.dim[d] < 0) order.dim[d] += order.ndim;
        if (order.dim[d] < 0 || order.dim[d] >= order.ndim || seen >> order.dim[d] & 1) return false;
        seen |= 1u << order.dim[d];
        shape.dim[d] = x->shape.dim[order.dim[d]];
    }
    if (!naive_new(y, shape, x->dtype)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        int64_t to[AT_MAX_DIMS], from[AT_MAX_DIMS];
        index_of(&shape, i, to);
        for (int d = 0; d < order.ndim; d++) from[order.dim[d]] = to[d];
        y->at[i] = x->at[place_of(&x->shape, from)];
    }
    return true;
}

bool naive_transpose(const call *c, const naive *x, naive *y, naive *extra) {
    call permute = {.shape = {.ndim = x->shape.ndim}};
    int a = c->dim, b = c->dim1;
    if (!right_dim(x, &a) || !right_dim(x, &b)) return false;
    for (int d = 0; d < x->shape.ndim; d++) permute.shape.dim[d] = d == a ? b : d == b ? a : d;
    return naive_permute(&permute, x, y, extra);
}

bool naive_expand(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    at_shape shape = c->shape;
    int lead = shape.ndim - x->shape.ndim;
    if (lead < 0) return false;
    for (int d = 0; d < x->shape.ndim; d++) {
        if (shape.dim[lead + d] == -1) shape.dim[lead + d] = x->shape.dim[d];
        if (shape.dim[lead + d] != x->shape.dim[d] && x->shape.dim[d] != 1) return false;
    }
    if (!naive_new(y, shape, x->dtype)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) y->at[i] = broadcast_at(x, &shape, i);
    return true;
}

bool naive_repeat(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    at_shape shape = c->shape;
    int lead = shape.ndim - x->shape.ndim;
    if (lead < 0) return false;
    for (int d = 0; d < shape.ndim; d++) {
        if (shape.dim[d] < 0) return false;
        if (d >= lead) shape.dim[d] *= x->shape.dim[d - lead];
    }
    if (!naive_new(y, shape, x->dtype)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        int64_t to[AT_MAX_DIMS], from[AT_MAX_DIMS];
        index_of(&shape, i, to);
        for (int d = lead; d < shape.ndim; d++) from[d - lead] = to[d] % x->shape.dim[d - lead];
        y->at[i] = x->at[place_of(&x->shape, from)];
    }
    return true;
}

/* y[k] = x[start + k * step] along dim, in that shape. */
static bool window(const naive *x, int dim, at_shape shape, int64_t n, int64_t start, int64_t step_, naive *y) {
    around a = look_around(&x->shape, dim), b = {a.outer, n, a.inner};
    if (!naive_new(y, shape, x->dtype)) return false;
    if (naive_numel(&y->shape) == 0) return true;
    for (int64_t r = 0; r < a.outer * a.inner; r++)
        for (int64_t k = 0; k < n; k++) y->at[around_place(&b, r, k)] = x->at[around_place(&a, r, start + k * step_)];
    return true;
}

bool naive_slice(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int dim = c->dim;
    if (x->shape.ndim == 0 || !right_dim(x, &dim) || c->k < 1) return false;
    int64_t size = x->shape.dim[dim], start = c->i < 0 ? c->i + size : c->i, end = c->j < 0 ? c->j + size : c->j, n = 0;
    start = start < 0 ? 0 : start > size ? size : start;
    end = end < 0 ? 0 : end > size ? size : end;
    for (int64_t i = start; i < end; i += c->k) n++;
    return window(x, dim, with_dim(x->shape, dim, n), n, start, c->k, y);
}

bool naive_select(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int dim = c->dim;
    if (x->shape.ndim == 0 || !right_dim(x, &dim)) return false;
    int64_t size = x->shape.dim[dim], i = c->i < 0 ? c->i + size : c->i;
    return i >= 0 && i < size && window(x, dim, without_dim(x->shape, dim), 1, i, 1, y);
}

bool naive_flip(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int dim = c->dim;
    if (!right_dim(x, &dim)) return false;
    int64_t n = x->shape.ndim ? x->shape.dim[dim] : 1;
    return window(x, dim, x->shape, n, n - 1, -1, y);
}

static bool is_nothing(const naive *x) { return x->shape.ndim == 1 && x->shape.dim[0] == 0; }

static at_dtype widest(const call *c, const naive *x) {
    at_dtype dtype = x[0].dtype;
    for (int i = 1; i < c->n; i++) dtype = wider(dtype, x[i].dtype);
    return dtype;
}

bool naive_cat(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int leader = 0, dim = c->dim;
    while (leader + 1 < c->n && is_nothing(&x[leader])) leader++;
    if (is_nothing(&x[leader])) leader = 0;
    for (int i = 0; i < c->n; i++)
        if (x[i].shape.ndim == 0) return false;
    if (!right_dim(&x[leader], &dim)) return false;
    at_shape shape = with_dim(x[leader].shape, dim, 0);
    for (int i = 0; i < c->n; i++) {
        if (is_nothing(&x[i])) continue;
        if (x[i].shape.ndim != shape.ndim) return false;
        for (int d = 0; d < shape.ndim; d++)
            if (d != dim && x[i].shape.dim[d] != shape.dim[d]) return false;
        shape.dim[dim] += x[i].shape.dim[dim];
    }
    if (!naive_new(y, shape, widest(c, x))) return false;
    if (naive_numel(&y->shape) == 0) return true;
    around a = look_around(&shape, dim);
    int64_t start = 0;
    for (int i = 0; i < c->n; i++) {
        if (is_nothing(&x[i])) continue;
        around b = look_around(&x[i].shape, dim);
        for (int64_t r = 0; r < a.outer * a.inner; r++)
            for (int64_t k = 0; k < b.n; k++) {
                int from = x[i].at[around_place(&b, r, k)];
                y->at[around_place(&a, r, start + k)] = x[i].dtype == y->dtype ? from : converted(from, y->dtype);
            }
        start += b.n;
    }
    return true;
}

bool naive_stack(const call *c, const naive *x, naive *y, naive *extra) {
    naive rows[4];
    call joined = *c;
    for (int i = 0; i < c->n; i++) {
        if (x[i].shape.ndim != x[0].shape.ndim) return false;
        for (int d = 0; d < x[0].shape.ndim; d++)
            if (x[i].shape.dim[d] != x[0].shape.dim[d]) return false;
        if (!naive_unsqueeze(c, &x[i], &rows[i], extra)) return false;
    }
    return naive_cat(&joined, rows, y, extra);
}

/* variant 0: tril, 1: triu */
bool naive_tril(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    if (x->shape.ndim < 2 || !naive_new(y, x->shape, x->dtype)) return false;
    int64_t rows = x->shape.dim[x->shape.ndim - 2], columns = x->shape.dim[x->shape.ndim - 1];
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        int64_t above = i % columns - i / columns % rows;
        bool kept = c->variant ? above >= c->k : above <= c->k;
        y->at[i] = kept ? x->at[i] : tape_new(0, 0, precision_of(x->dtype), -1);
    }
    return true;
}

bool naive_repeat_interleave(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    naive flat = *x;
    int dim = c->all ? 0 : c->dim;
    if (c->k < 0 || !right_dim(x, &dim)) return false;
    if (c->all || x->shape.ndim == 0) flat.shape = AT_SHAPE(naive_numel(&x->shape));
    around a = look_around(&flat.shape, dim), b = {a.outer, a.n * c->k, a.inner};
    if (!naive_new(y, with_dim(flat.shape, dim, b.n), x->dtype)) return false;
    if (naive_numel(&y->shape) == 0) return true;
    for (int64_t r = 0; r < a.outer * a.inner; r++)
        for (int64_t k = 0; k < b.n; k++) y->at[around_place(&b, r, k)] = x->at[around_place(&a, r, k / c->k)];
    return true;
}
