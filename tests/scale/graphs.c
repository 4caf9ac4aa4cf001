/* tests/scale/graphs.c - graphs and pending expressions that are very deep or very wide. */
#include <string.h>

#include "scale.h"

/* ---- deep -------------------------------------------------------------------------------------------------------- */

/* y becomes w - y, n times: w or 0 in turn, and so is its derivative. Only the graph holds what is in between. */
static at_tensor *alternating(at_tensor *w, int64_t n) {
    at_tensor *y = at_retain(w);
    for (int64_t i = 0; i < n; i++)
        AT_SCOPE { at_assign(&y, at_sub(w, y)); }
    return y;
}

static void long_chain(at_tensor *w, int64_t n) {
    at_tensor *y = alternating(w, n - n % 2), *inputs[] = {w}, *g;
    AT_SCOPE { WANT(at_backward(at_sum(y))); }
    AT_SCOPE {
        WANT(at_equal(at_grad(w), at_ones_like(w)));
        WANT(at_equal(at_detach(y), at_detach(w)));
        WANT(at_gradients(at_sum(y), inputs, 1, false, &g) && at_equal(g, at_ones_like(w)));
    }
    at_release(y);
}

void long_chain_of_numbers(int64_t n) { long_chain(at_set_requires_grad(at_scalar(3), true), n); }

void long_chain_of_vectors(int64_t n) { long_chain(at_set_requires_grad(at_full(3, 20), true), n); }

/* The derivative of a long chain's derivative: y = w (w (... w)), y = w^(n + 1) at w = 1. */
void long_chain_twice(int64_t n) {
    at_tensor *w = at_set_requires_grad(at_to(at_scalar(1), AT_FLOAT64), true), *y = at_retain(w), *g, *h;
    for (int64_t i = 0; i < n; i++)
        AT_SCOPE { at_assign(&y, at_mul(y, w)); }
    AT_SCOPE {
        WANT(at_gradients(y, &w, 1, true, &g) && at_item(g) == (double)(n + 1));
        WANT(at_gradients(g, &w, 1, false, &h) && at_item(h) == (double)(n + 1) * (double)n);
    }
    at_release(y);
}

/* Each level has the one below it twice: 2^levels paths. */
static at_tensor *doubled(at_tensor *t, int64_t levels) {
    for (int64_t i = 0; i < levels; i++) t = at_add(t, t);
    return t;
}

static const int64_t sizes[] = {1, 20, 5000, 100000};
enum { SIZES = sizeof sizes / sizeof *sizes };

void doubled_graph(int64_t levels) {
    double paths = (double)(INT64_C(1) << levels);
    for (int i = 0; i < SIZES; i++)
        AT_SCOPE {
            at_tensor *w = at_set_requires_grad(i ? at_ones(sizes[i]) : at_scalar(1), true), *y = doubled(w, levels),
                      *g;
            WANT(at_gradients(at_sum(y), &w, 1, true, &g) && at_item(at_max(g)) == paths);
            WANT(at_backward(at_sum(y)));
            WANT(at_item(at_min(at_grad(w))) == paths && at_item(at_max(at_grad(w))) == paths);
            WANT(at_item(at_min(at_detach(y))) == paths && at_item(at_max(at_detach(y))) == paths);
        }
}

/* With views and sums of rows in between, where a walk has other cases to go through. */
static at_tensor *doubled_in_another_shape(at_tensor *t, int64_t levels) {
    for (int64_t i = 0; i < levels; i++) {
        t = i % 2 ? at_add(t, at_transpose(t, 0, 1)) : at_add(t, at_reshape(at_flip(t, 0), at_size(t, 0), -1));
        t = at_sub(t, at_mul(at_sum_dim(t, 1, true), at_sum_dim(t, 0, true)));
        t = at_add(t, at_mul(at_sum_dim(t, 1, true), 0));
        t = at_tanh(at_mul(t, t));
    }
    return t;
}

void doubled_pending(int64_t levels) {
    double paths = (double)(INT64_C(1) << levels);
    for (int i = 0; i < SIZES; i++)
        AT_SCOPE {
            at_tensor *y = doubled(at_ones(sizes[i]), levels);
            WANT(at_item(at_min(y)) == paths && at_item(at_max(y)) == paths);
        }
    at_tensor *x = at_div(at_reshape(at_arange(0, 900, 1), 30, 30), 2000), *y = doubled_in_another_shape(x, levels);
    at_set_eager(true);
    at_tensor *z = doubled_in_another_shape(x, levels);
    at_set_eager(false);
    WANT(memcmp(at_floats(at_contiguous(y)), at_floats(at_contiguous(z)), 900 * sizeof(float)) == 0);
}

/* Nothing reads the result until the end. What has been computed on the way is let go of. */
void long_pending_chain(int64_t n) {
    for (int i = 1; i < 3; i++)
        AT_SCOPE {
            at_tensor *y = at_retain(at_to(at_zeros(i == 1 ? 20 : 600), AT_FLOAT64));
            int64_t steps = i == 1 ? n : n / 30, before = 0;
            for (int64_t k = 0; k < steps; k++)
                AT_SCOPE {
                    at_assign(&y, at_add(y, 1));
                    if (k == 1000) before = resident_bytes();
                }
            WANT(resident_bytes() - before < 1 << 20);
            WANT(at_get(y, -1) == (double)steps);
            at_release(y);
        }
}

/* The same, in one scope that holds each of them, and closed at once. */
void many_kept_tensors(int64_t n) {
    at_tensor *y = at_zeros(20);
    for (int64_t k = 0; k < n; k++) y = k % 1000 == 999 ? at_mul(y, 0) : at_add(y, 1);
    WANT(at_get(y, 0) == (double)(n % 1000));
    WANT(at_live_tensors() >= n);
}

/* ---- wide -------------------------------------------------------------------------------------------------------- */

void one_tensor_used_often(int64_t n) {
    at_tensor *w = at_set_requires_grad(at_to(at_full(0.5, 4), AT_FLOAT64), true), *sum = at_retain(at_scalar(0));
    for (int64_t i = 0; i < n; i++)
        AT_SCOPE { at_assign(&sum, at_add(sum, at_mul(w, i % 8))); }
    double uses = 0;
    for (int64_t i = 0; i < n; i++) uses += (double)(i % 8);
    AT_SCOPE {
        WANT(at_backward(at_sum(sum)));
        WANT(at_get(at_grad(w), 3) == uses && at_get(sum, 3) == uses / 2);
    }
    at_release(sum);
}

/* One operation with as many inputs, each of which is one of ten leaves or computed from it. */
void many_tensors_joined(int64_t n) {
    at_tensor **list = malloc((size_t)n * sizeof(at_tensor *)), *leaf[10];
    WANT(list);
    for (int i = 0; i < 10; i++) leaf[i] = at_set_requires_grad(at_full(i, 3), true);
    for (int64_t i = 0; i < n; i++) list[i] = i % 20 < 10 ? leaf[i % 10] : at_mul(leaf[i % 10], 2);
    at_tensor *y = at_cat_list(0, list, (int)n), *z = at_stack_list(1, list, (int)n);
    WANT(at_numel(y) == 3 * n && at_get(y, -1) == 18 && at_get(y, 3 * 9) == 9);
    WANT(at_size(z, 1) == n && at_get(z, 2, -1) == 18);
    WANT(at_backward(at_add(at_sum(y), at_sum(z))));
    for (int i = 0; i < 10; i++) WANT(at_get(at_grad(leaf[i]), 2) == 2 * 3 * (double)(n / 20));
    free(list);
}
