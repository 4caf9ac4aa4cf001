/* tests/scale/huge.c - tensors of more than 2^31 elements; n is a number of them. What is broadcast takes no memory. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "scale.h"

static at_tensor *broadcast(at_tensor *number, int64_t n) { return at_expand_shape(number, AT_SHAPE(n)); }

static at_tensor *truth(void) { return at_from_bools(((bool[]){true}), 1); }

/* n falses but for these places. */
static at_tensor *bools_with(int64_t n, int64_t first, int64_t second) {
    at_tensor *t = NULL;
    AT_SCOPE {
        at_tensor *no = at_logical_not(truth());
        t = at_scope_return(at_cat(0, broadcast(no, first), truth(), broadcast(no, second - first - 1), truth(),
                                   broadcast(no, n - second - 1)));
    }
    return t;
}

static at_tensor *one_index(int64_t i) { return at_from_int64s(((int64_t[]){i}), 1); }

void huge_views(int64_t n) {
    at_tensor *x = broadcast(at_full(0.5, 1), n),
              *rows = at_expand_shape(at_reshape(at_arange(0, 4, 1), 4, 1), AT_SHAPE(4, n));
    WANT(at_numel(x) == n && at_size(x, 0) == n && at_get(x, -1) == 0.5 && at_get(x, n - 1) == 0.5);
    WANT(at_numel(at_slice(x, 0, n - 7, INT64_MAX, 1)) == 7 &&
         at_numel(at_slice(x, 0, 0, INT64_MAX, 3)) == (n + 2) / 3);
    WANT(at_item(at_select(x, 0, n - 1)) == 0.5);
    WANT(at_get(rows, 3, n - 1) == 3 && at_numel(rows) == 4 * n);
    at_tensor *flat_end = at_slice(at_select(rows, 0, 2), 0, n - 3, n, 1);
    WANT(at_item(at_sum(flat_end)) == 6);
    WANT(!at_select(x, 0, n) && strstr(at_error(), "2147484648"));
    at_clear_error();
    char *text = at_to_string(x);
    WANT(text && strcmp(text, "tensor([0.5000, 0.5000, 0.5000,  ..., 0.5000, 0.5000, 0.5000])") == 0);
    free(text);
}

/* By one pass over a pending expression of as many elements. */
void huge_reductions(int64_t n) {
    at_tensor *x = broadcast(at_full(0.1, 1), n), *tenth = broadcast(at_from_doubles(((double[]){0.1}), 1), n);
    double exact = (double)0.1F * (double)n;
    WANT(fabs(at_item(at_sum(at_mul(x, 2))) - 2 * exact) <= 2 * exact * 0x1p-24);
    WANT(at_item(at_mean(x)) == (double)0.1F);
    WANT(fabs(at_item(at_sum(tenth)) - 0.1 * (double)n) <= 0.1 * (double)n * 1e-14);
    WANT(at_item(at_sum(broadcast(truth(), n))) == (double)n);
    WANT(at_item(at_max(at_neg(x))) == -(double)0.1F && at_item(at_all(broadcast(truth(), n))) == 1);
    WANT(fabs(at_item(at_norm(x)) / (0.1 * sqrt((double)n)) - 1) < 1e-6);
    WANT(fabs(at_item(at_logsumexp(x)) - (0.1 + log((double)n))) < 1e-5);
    WANT(at_item(at_std(x)) < 1e-6);
    WANT(at_item(at_argmax(x, 0, false)) == 0);
}

void huge_bools(int64_t n) {
    int64_t first = n - 700, second = n - 2;
    at_tensor *x = bools_with(n, first, second), *indices;
    WANT(at_numel(x) == n && at_get(x, first) == 1 && at_get(x, second) == 1 && at_get(x, n - 1) == 0);
    WANT(at_item(at_sum(x)) == 2 && at_item(at_any(x)) == 1 && at_item(at_all(x)) == 0);
    WANT(at_item(at_argmax(x, 0, false)) == (double)first);
    WANT(at_item(at_max_dim(x, 0, false, &indices)) == 1 && at_item(indices) == (double)first);
    AT_SCOPE { WANT(at_item(at_argmin(at_logical_not(x), 0, false)) == (double)first); }
    AT_SCOPE {
        at_tensor *top = at_topk(x, 3, 0, &indices);
        WANT(at_item(at_sum(top)) == 2 && at_get(indices, 0) == (double)first && at_get(indices, 1) == (double)second);
    }
    AT_SCOPE { WANT(at_numel(at_masked_select(x, x)) == 2); }
    WANT(at_item(at_index_select(x, 0, one_index(second))) == 1 && at_item(at_gather(x, 0, one_index(first))) == 1);
    at_tensor *end = at_slice(x, 0, first, INT64_MAX, 698);
    WANT(at_numel(end) == 2 && at_item(at_sum(end)) == 2);
    AT_SCOPE { WANT(at_get(at_flip(x, 0), n - 1 - second) == 1); }
    AT_SCOPE {
        at_tensor *turned = at_contiguous(at_transpose(at_reshape(x, n / 4, 4), 0, 1));
        WANT(at_get(turned, first % 4, first / 4) == 1 && at_bools(turned)[second % 4 * (n / 4) + second / 4]);
        WANT(at_item(at_sum(at_sum_dim(turned, 0, false))) == 2);
    }
    AT_SCOPE { WANT(at_equal(x, at_logical_not(at_logical_not(x)))); }
    AT_SCOPE { WANT(at_bools(at_cat(0, x, truth()))[n]); }
    AT_SCOPE { WANT(at_bools(at_scatter_add(x, 0, one_index(n - 1), truth()))[n - 1]); }
}

void huge_file(int64_t n) {
    char path[] = "/tmp/atled_scale_XXXXXX";
    int file = mkstemp(path);
    WANT(file >= 0 && close(file) == 0);
    AT_SCOPE {
        at_tensor *x = bools_with(n, n - 700, n - 2);
        WANT(at_save_npy(x, path));
        at_tensor *y = at_load_npy(path);
        WANT(y && at_numel(y) == n && at_equal(x, y));
    }
    WANT(unlink(path) == 0);
}

void huge_floats(int64_t n) {
    at_manual_seed(0);
    at_tensor *x = at_rand(n);
    const float *elements = at_floats(x);
    double sum = 0, largest = 0;
    int64_t where = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)elements[i];
    for (int64_t i = n / 2; i < n; i++) largest = fmax(largest, (double)elements[i]);
    WANT(fabs(at_item(at_sum(x)) - sum) <= sum * 0x1p-23);
    while (at_get(x, where) < 0.999) where++;
    WANT(at_get(x, n - 1) == (double)elements[n - 1]);
    AT_SCOPE { /* closed before x changes: who still shared its elements would keep the old ones, all of them */
        at_tensor *half = at_slice(x, 0, n / 2, n, 1);
        WANT(at_item(at_max(half)) == largest);
        WANT((double)elements[n / 2 + (int64_t)at_item(at_argmax(half, 0, false))] == largest);
    }
    at_floats_mut(x)[n - 3] = 2;
    WANT(at_item(at_argmax(x, 0, false)) == (double)(n - 3) && at_item(at_max(x)) == 2);
    WANT(at_item(at_sum(at_gt(x, 1.5))) == 1);
    at_tensor *indices, *top = at_topk(x, 2, 0, &indices);
    WANT(at_get(top, 0) == 2 && at_get(indices, 0) == (double)(n - 3));
}

/* An expression of as many elements is stored, by several threads. */
void huge_pending(int64_t n) {
    at_tensor *column = at_reshape(at_arange(0, (double)n / 1000, 1), -1, 1),
              *row = at_reshape(at_arange(0, 1000, 1), 1, -1);
    at_tensor *y = at_add(at_mul(column, 0.5), row);
    const float *elements = at_floats(y);
    int64_t rows = at_size(y, 0);
    for (int64_t i = 0; i < rows; i += 9973) WANT(elements[i * 1000 + 999] == (float)i * 0.5F + 999);
    WANT(elements[rows * 1000 - 1] == (float)(rows - 1) * 0.5F + 999);
}

/* Through a broadcast and back, by a sum of as many elements. */
void huge_gradients(int64_t n) {
    at_tensor *w = at_set_requires_grad(at_full(0.5, 1), true);
    at_tensor *y = at_mean(at_square(at_mul(broadcast(w, n), 2)));
    WANT(at_backward(y) && at_item(y) == 1 && fabs(at_item(at_grad(w)) - 4) < 1e-5);
}

/* A product with as many results: each is a row's number times a column's. */
void huge_product(int64_t n) {
    int64_t columns = (int64_t)sqrt((double)n) + 1, rows = n / columns + 1;
    at_tensor *a = at_reshape(at_arange(0, (double)rows, 1), -1, 1),
              *b = at_reshape(at_arange(0, (double)columns, 1), 1, -1);
    at_tensor *y = at_matmul(a, b);
    WANT(at_numel(y) >= n);
    const float *elements = at_floats(y);
    for (int64_t i = 0; i < rows; i += 97)
        for (int64_t j = i % 89; j < columns; j += 89) WANT(elements[i * columns + j] == (float)i * (float)j);
    WANT(at_get(y, rows - 1, columns - 1) == (double)((float)(rows - 1) * (float)(columns - 1)));
}

void huge_softmax(int64_t n) {
    at_tensor *y = at_softmax(broadcast(at_full(3, 1), n), 0);
    const float *elements = at_floats(y);
    WANT(fabs((double)elements[0] * (double)n - 1) < 1e-6 && elements[n - 1] == elements[0]);
    WANT(fabs(at_item(at_sum(y)) - 1) < 1e-6);
}

void huge_cumsum(int64_t n) {
    const float *elements = at_floats(at_cumsum(broadcast(at_full(0.5, 1), n), 0));
    for (int64_t i = 0; i < n; i += 99991)
        WANT(fabs((double)elements[i] - 0.5 * (double)(i + 1)) <= 0x1p-22 * (double)(i + 1));
    WANT(fabs((double)elements[n - 1] - 0.5 * (double)n) <= 0x1p-22 * (double)n);
}

/* The indices alone are 16 GiB, and as much again is needed to sort them. */
void huge_sort(int64_t n) {
    at_tensor *x = bools_with(n, 5, n - 2), *indices, *y = at_sort(x, 0, true, &indices);
    WANT(at_get(y, 0) == 1 && at_get(y, 1) == 1 && at_get(y, 2) == 0);
    WANT(at_get(indices, 0) == 5 && at_get(indices, 1) == (double)(n - 2) && at_get(indices, n - 1) == (double)(n - 1));
}
