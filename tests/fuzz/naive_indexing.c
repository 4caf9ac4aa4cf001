/* tests/fuzz/naive_indexing.c - sorting, indices and products, by the words of operations.h. */
#include <math.h>
#include <string.h>

#include "naive_internal.h"

/* ---- order ------------------------------------------------------------------------------------------------------- */

/* The order of a row; false where rounding may have exchanged two. By insertion, so stable. */
static bool order_row(int n, const int *row, bool descending, int *order) {
    bool sure = true;
    for (int i = 0; i < n; i++) {
        int k = i;
        number a = tape_number(row[i]);
        sure = sure && is_known(a);
        for (; k > 0; k--) {
            number b = tape_number(row[order[k - 1]]);
            if (descending ? b.v >= a.v : b.v <= a.v) break;
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
    for (int i = 0; i + 1 < n; i++) {
        number a = tape_number(row[order[i]]), b = tape_number(row[order[i + 1]]);
        sure = sure && (fabs(a.v - b.v) > a.e + b.e || (a.e == 0 && b.e == 0));
    }
    return sure;
}

static double worst_error(int n, const int *row) {
    double e = 0;
    for (int i = 0; i < n; i++) e = is_known(tape_number(row[i])) ? fmax(e, tape_number(row[i]).e) : INFINITY;
    return e;
}

/* The first k of each row along dim, in order. */
static bool ordered(const naive *x, int dim, int64_t k, bool descending, naive *y, naive *extra) {
    around a = look_around(&x->shape, dim), b = {a.outer, k, a.inner};
    at_shape shape = with_dim(x->shape, dim, k);
    int row[MOST_ELEMENTS], order[MOST_ELEMENTS];
    precision p = precision_of(x->dtype);
    if (!naive_new(y, shape, x->dtype) || !naive_new(extra, shape, AT_INT64)) return false;
    if (naive_numel(&y->shape) == 0 || naive_full) return true;
    for (int64_t r = 0; r < a.outer * a.inner; r++) {
        int n = (int)a.n;
        for (int i = 0; i < n; i++) row[i] = x->at[around_place(&a, r, i)];
        bool sure = order_row(n, row, descending, order);
        for (int i = 0; i < k; i++) {
            int64_t to = around_place(&b, r, i);
            y->at[to] =
                sure ? row[order[i]] : tape_one_of(n, row, tape_number(row[order[i]]).v, worst_error(n, row), p);
            extra->at[to] = tape_new(order[i], sure ? 0 : INFINITY, WHOLE, -1);
        }
    }
    return true;
}

/* variant 1: argsort, whose indices are the result */
bool naive_sort(const call *c, const naive *x, naive *y, naive *extra) {
    int dim = c->dim;
    naive unused;
    if (!right_dim(x, &dim)) return false;
    int64_t n = x->shape.ndim ? x->shape.dim[dim] : 1;
    return c->variant ? ordered(x, dim, n, c->flag, &unused, y) : ordered(x, dim, n, c->flag, y, extra);
}

bool naive_topk(const call *c, const naive *x, naive *y, naive *extra) {
    int dim = c->dim;
    if (!right_dim(x, &dim)) return false;
    int64_t n = x->shape.ndim ? x->shape.dim[dim] : 1;
    return c->k >= (x->shape.ndim ? 0 : 1) && c->k <= n && ordered(x, dim, c->k, true, y, extra);
}

/* ---- indices ----------------------------------------------------------------------------------------------------- */

/* The index that element i holds; false where it is out of range. */
static bool index_at(const naive *index, int64_t i, int64_t n, int64_t *k) {
    number a = tape_number(index->at[i]);
    if (!is_known(a)) return naive_lost = true;
    *k = (int64_t)a.v;
    return *k >= 0 && *k < n;
}

bool naive_masked_select(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    at_shape shape;
    int found[MOST_ELEMENTS], n = 0;
    if (x[1].dtype != AT_BOOL || !naive_broadcast(&x[0].shape, &x[1].shape, &shape)) return false;
    if (naive_numel(&shape) > MOST_ELEMENTS) return naive_full = true;
    for (int64_t i = 0; i < naive_numel(&shape); i++) {
        bool sure, wanted = truth(broadcast_at(&x[1], &shape, i), &sure);
        if (!sure) return naive_lost = true;
        if (wanted) found[n++] = broadcast_at(&x[0], &shape, i);
    }
    if (!naive_new(y, AT_SHAPE(n), x->dtype)) return false;
    for (int i = 0; i < n && !naive_full; i++) y->at[i] = found[i];
    return true;
}

bool naive_index_select(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int dim = c->dim;
    const naive *index = &x[1];
    if (!right_dim(x, &dim) || index->dtype != AT_INT64 || index->shape.ndim > 1) return false;
    int64_t n = naive_numel(&index->shape), k = 0;
    if (x->shape.ndim == 0 && n != 1) return false;
    around a = look_around(&x->shape, dim), b = {a.outer, n, a.inner};
    for (int64_t i = 0; i < n; i++)
        if (!index_at(index, i, a.n, &k)) return false;
    if (naive_lost) return true;
    if (!naive_new(y, with_dim(x->shape, dim, n), x->dtype)) return false;
    for (int64_t r = 0; r < a.outer * a.inner && naive_numel(&y->shape) > 0; r++)
        for (int64_t i = 0; i < n && index_at(index, i, a.n, &k); i++)
            y->at[around_place(&b, r, i)] = x->at[around_place(&a, r, k)];
    return true;
}

/* A tensor without dimensions goes with a vector, as a vector of one. */
static void as_vectors(naive *a, naive *b) {
    if (a->shape.ndim + b->shape.ndim == 1) a->shape.ndim == 0 ? (a->shape = AT_SHAPE(1)) : (b->shape = AT_SHAPE(1));
}

static bool fits_in(const naive *index, const naive *x, int dim) {
    if (index->shape.ndim != x->shape.ndim) return naive_numel(&index->shape) == 0;
    for (int d = 0; d < x->shape.ndim; d++)
        if (d != dim && index->shape.dim[d] > x->shape.dim[d] && naive_numel(&index->shape) > 0) return false;
    return true;
}

/* The place in x that element i of index speaks of; false where it is out of range. */
static bool place_by_index(const naive *index, int64_t i, const naive *x, int dim, int64_t *place) {
    int64_t at[AT_MAX_DIMS] = {0}, k = 0, n = x->shape.ndim ? x->shape.dim[dim] : 1;
    index_of(&index->shape, i, at);
    if (!index_at(index, i, n, &k)) return false;
    at[dim] = k;
    *place = x->shape.ndim ? place_of(&x->shape, at) : 0;
    return true;
}

bool naive_gather(const call *c, const naive *in, naive *y, naive *extra) {
    (void)extra;
    naive x = in[0], index = in[1];
    at_shape shape = index.shape;
    int dim = c->dim;
    as_vectors(&x, &index);
    if (!right_dim(&x, &dim) || index.dtype != AT_INT64 || !fits_in(&index, &x, dim)) return false;
    if (!naive_new(y, shape, x.dtype)) return false;
    for (int64_t i = 0, place = 0; i < naive_numel(&y->shape); i++) {
        if (!place_by_index(&index, i, &x, dim, &place)) return false;
        if (naive_lost) return true;
        y->at[i] = x.at[place];
    }
    return true;
}

bool naive_scatter_add(const call *c, const naive *in, naive *y, naive *extra) {
    (void)extra;
    naive x = in[0], index = in[1], src = in[2];
    int dim = c->dim;
    if (x.shape.ndim + index.shape.ndim == 1 || src.shape.ndim + index.shape.ndim == 1) {
        naive *all[] = {&x, &index, &src};
        for (int i = 0; i < 3; i++)
            if (all[i]->shape.ndim == 0) all[i]->shape = AT_SHAPE(1);
    }
    if (!right_dim(&x, &dim) || index.dtype != AT_INT64 || !fits_in(&index, &x, dim) || !fits_in(&index, &src, -1))
        return false;
    if (src.dtype != x.dtype || !naive_new(y, in[0].shape, x.dtype)) return false;
    if (naive_full) return true;
    for (int64_t i = 0; i < naive_numel(&x.shape); i++) y->at[i] = x.at[i];
    for (int64_t i = 0, place = 0; i < naive_numel(&index.shape); i++) {
        int64_t at[AT_MAX_DIMS] = {0};
        if (!place_by_index(&index, i, &x, dim, &place)) return false;
        if (naive_lost) return true;
        index_of(&index.shape, i, at);
        int from = src.at[src.shape.ndim ? place_of(&src.shape, at) : 0];
        y->at[place] = binary_node(ADD, y->at[place], from, x.dtype);
    }
    return true;
}

bool naive_one_hot(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int64_t n = c->k, numel = naive_numel(&x->shape), k = 0;
    if (x->dtype != AT_INT64 || x->shape.ndim == AT_MAX_DIMS || n < -1 || n == 0 || (n == -1 && numel == 0))
        return false;
    for (int64_t i = 0; i < numel; i++) {
        number a = tape_number(x->at[i]);
        if (!is_known(a)) return naive_lost = true;
        if (a.v < 0 || (c->k > 0 && a.v >= (double)c->k)) return false;
        if (c->k == -1 && (i == 0 || a.v + 1 > (double)n)) n = (int64_t)a.v + 1;
    }
    at_shape shape = x->shape;
    shape.dim[shape.ndim++] = n;
    if (!naive_new(y, shape, AT_INT64)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        if (!index_at(x, i / n, n, &k)) return false;
        y->at[i] = tape_new(i % n == k, 0, WHOLE, -1);
    }
    return true;
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* (batch..., p, q) x (batch..., q, r), both with as many dimensions as that takes */
static bool products(const naive *a, const naive *b, naive *y) {
    at_shape of_a = a->shape, of_b = b->shape, shape;
    int64_t p = of_a.dim[of_a.ndim - 2], q = of_a.dim[of_a.ndim - 1], r = of_b.dim[of_b.ndim - 1];
    if (of_b.dim[of_b.ndim - 2] != q) return false;
    of_a.ndim -= 2, of_b.ndim -= 2;
    if (!naive_broadcast(&of_a, &of_b, &shape)) return false;
    shape.dim[shape.ndim++] = p;
    shape.dim[shape.ndim++] = r;
    if (!naive_new(y, shape, a->dtype)) return false;
    at_shape rows = shape, columns = shape;
    rows.dim[shape.ndim - 1] = q, columns.dim[shape.ndim - 2] = q;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        int64_t index[AT_MAX_DIMS], row[AT_MAX_DIMS], column[AT_MAX_DIMS];
        int of_row[MOST_ELEMENTS], of_column[MOST_ELEMENTS];
        index_of(&shape, i, index);
        memcpy(row, index, sizeof row), memcpy(column, index, sizeof column);
        for (int64_t k = 0; k < q; k++) {
            row[shape.ndim - 1] = column[shape.ndim - 2] = k;
            of_row[k] = broadcast_at(a, &rows, place_of(&rows, row));
            of_column[k] = broadcast_at(b, &columns, place_of(&columns, column));
        }
        y->at[i] = tape_dot((int)q, of_row, of_column, precision_of(a->dtype));
    }
    return true;
}

bool naive_bmm(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    if (x[0].shape.ndim != 3 || x[1].shape.ndim != 3 || x[0].shape.dim[0] != x[1].shape.dim[0]) return false;
    return x[0].dtype == x[1].dtype && x[0].dtype != AT_BOOL && products(&x[0], &x[1], y);
}

bool naive_matmul(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    naive a = x[0], b = x[1];
    int dims_a = a.shape.ndim, dims_b = b.shape.ndim;
    if (dims_a == 0 || dims_b == 0 || a.dtype != b.dtype || a.dtype == AT_BOOL) return false;
    if (dims_a == 1) a.shape = AT_SHAPE(1, a.shape.dim[0]);
    if (dims_b == 1) b.shape = AT_SHAPE(b.shape.dim[0], 1);
    if (!products(&a, &b, y)) return false;
    if (naive_full) return true;
    if (dims_b == 1) y->shape = without_dim(y->shape, y->shape.ndim - 1);
    if (dims_a == 1) y->shape = without_dim(y->shape, y->shape.ndim - (dims_b == 1 ? 1 : 2));
    return true;
}
