/* tests/fuzz/shapes.c - the input is a list of calls with any sizes, dimensions and indices: beyond every limit,
 * overflowing int64, empty, of eight dimensions and more. Each call works, or is an error that says what is wrong and
 * changes nothing. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "../../atled.h"
#include "fuzz.h"

enum { CALLS = 24, TENSORS = CALLS + 4, ELEMENTS = 24, SMALL = 1 << 12, ROWS = 1 << 16 };

static at_tensor *tensors[TENSORS];
static at_shape shapes[TENSORS];
static int n_tensors;
static float elements[ELEMENTS];

/* ---- arguments --------------------------------------------------------------------------------------------------- */

static int64_t any_size(fuzz_bytes *b) {
    static const int64_t sizes[] = {0,         1,          -1,        2,         3,
                                    4,         8,          -2,        INT64_MAX, INT64_MIN,
                                    1LL << 31, 1LL << 32,  1LL << 40, 1LL << 57, (1LL << 59) - 1,
                                    1LL << 62, -INT64_MAX, 1LL << 30, 1LL << 29, INT64_MAX - 1,
                                    5,         6,          24,        12};
    unsigned byte = fuzz_byte(b);
    if (byte < 240) return sizes[byte % (sizeof sizes / sizeof *sizes)];
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) bits = bits << 8 | fuzz_byte(b);
    return (int64_t)bits;
}

static int any_dim(fuzz_bytes *b) {
    unsigned byte = fuzz_byte(b);
    return byte == 255 ? INT_MAX : byte == 254 ? INT_MIN : byte < 200 ? (int)(byte % 8) - 3 : (int)(byte % 24) - 12;
}

static at_shape any_shape(fuzz_bytes *b) {
    unsigned byte = fuzz_byte(b);
    at_shape shape = {.ndim = (int)byte % 11};
    for (int d = 0; d < shape.ndim && d < AT_MAX_DIMS; d++) shape.dim[d] = any_size(b);
    if (byte > 250) shape.ndim = byte == 251 ? -1 : byte == 252 ? INT_MIN : byte == 253 ? INT_MAX : 9;
    return shape;
}

static double any_number(fuzz_bytes *b) {
    static const double numbers[] = {0, 1, -1, 0.5, 1e300, -1e300, 5e-324, 3, 1e18, 7};
    unsigned byte = fuzz_byte(b);
    return byte > 250 ? (byte == 251 ? NAN : byte & 1 ? INFINITY : -INFINITY) : numbers[byte % 10];
}

static at_tensor *any_tensor(fuzz_bytes *b) { return tensors[fuzz_below(b, n_tensors)]; }

/* One that something may walk over, element by element. */
static at_tensor *small_tensor(fuzz_bytes *b) {
    at_tensor *t = any_tensor(b);
    return at_numel(t) <= ROWS ? t : tensors[0];
}

/* Indices that are mostly out of range. */
static at_tensor *any_index(fuzz_bytes *b) {
    int64_t index[6];
    unsigned byte = fuzz_byte(b);
    for (int i = 0; i < 6; i++) index[i] = byte & 128 ? any_size(b) : (byte >> i) % 3;
    switch (byte % 5) {
    case 0: return at_from_int64s_shape(index, AT_SHAPE(2, 3));
    case 1: return at_from_int64s_shape(index, AT_SHAPE_SCALAR);
    case 2: return at_from_int64s_shape(index, AT_SHAPE(1, 2, 1));
    case 3: return at_expand(at_from_int64s_shape(index, AT_SHAPE(1)), 16);
    default: return at_from_int64s_shape(index, AT_SHAPE(byte / 5 % 7));
    }
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static at_tensor *create(fuzz_bytes *b) {
    at_shape shape;
    switch (fuzz_below(b, 12)) {
    case 0: return at_zeros_shape(any_shape(b));
    case 1: return at_ones_shape(any_shape(b));
    case 2: shape = any_shape(b); return at_full_shape(any_number(b), shape);
    case 3: return at_eye(any_size(b));
    case 4: {
        double start = any_number(b), end = any_number(b);
        return at_arange(start, end, any_number(b));
    }
    case 5: {
        double start = any_number(b), end = any_number(b);
        return at_linspace(start, end, any_size(b));
    }
    case 6: return at_rand_shape(any_shape(b));
    case 7: return at_randn_shape(any_shape(b));
    case 8: shape = any_shape(b); return at_normal_shape(any_number(b), any_number(b), shape);
    case 9: {
        int64_t low = any_size(b), high = any_size(b);
        return at_randint_shape(low, high, any_shape(b));
    }
    case 10: return at_randperm(any_size(b));
    default: return at_from_floats_shape(NULL, any_shape(b));
    }
}

static at_tensor *view(fuzz_bytes *b) {
    at_tensor *x = any_tensor(b);
    int dim;
    int64_t i, j;
    switch (fuzz_below(b, 16)) {
    case 0: return at_reshape_shape(x, any_shape(b));
    case 1: return at_permute_shape(x, any_shape(b));
    case 2:
    case 3:
    case 4: return at_expand_shape(x, any_shape(b));
    case 5: return at_repeat_shape(x, any_shape(b));
    case 6: dim = any_dim(b); return at_transpose(x, dim, any_dim(b));
    case 7: return at_unsqueeze(x, any_dim(b));
    case 8: return at_squeeze(x, any_dim(b));
    case 9: return at_flatten(x);
    case 10: dim = any_dim(b), i = any_size(b), j = any_size(b); return at_slice(x, dim, i, j, any_size(b));
    case 11: dim = any_dim(b); return at_select(x, dim, any_size(b));
    case 12: return at_flip(x, any_dim(b));
    case 13: dim = any_dim(b); return at_repeat_interleave_dim(x, any_size(b), dim);
    case 14: return at_repeat_interleave(x, any_size(b));
    default: return at_detach(x);
    }
}

/* Equal tensors, so many that the sum of their sizes may overflow. */
static at_tensor *join(fuzz_bytes *b) {
    at_tensor *list[20], *x = any_tensor(b);
    int n = fuzz_below(b, 22) - 1, dim = any_dim(b);
    for (int i = 0; i < 20; i++) list[i] = x;
    if (fuzz_byte(b) & 1) list[1] = any_tensor(b);
    return fuzz_byte(b) & 1 ? at_cat_list(dim, list, n < 20 ? n : 20) : at_stack_list(dim, list, n < 20 ? n : 20);
}

static at_tensor *product(fuzz_bytes *b) {
    at_tensor *x = any_tensor(b), *y = any_tensor(b);
    bool batches = fuzz_byte(b) & 1;
    int64_t inner = at_ndim(x) ? at_size(x, -1) : 0;
    if (inner > 16 && (at_numel(x) > ROWS || at_numel(y) > ROWS)) return NULL; /* would take years */
    return batches ? at_bmm(x, y) : at_matmul(x, y);
}

static at_tensor *by_index(fuzz_bytes *b) {
    at_tensor *x = any_tensor(b), *index = any_index(b);
    int dim = any_dim(b);
    switch (fuzz_below(b, 6)) {
    case 0: return at_gather(x, dim, index);
    case 1: return at_scatter_add(x, dim, index, any_tensor(b));
    case 2: return at_index_select(x, dim, index);
    case 3: return at_one_hot(index, any_size(b));
    case 4: return at_masked_select(x, at_gt(any_tensor(b), 0));
    default: return at_topk(small_tensor(b), any_size(b), dim, NULL);
    }
}

static at_tensor *reduce(fuzz_bytes *b) {
    at_tensor *x = small_tensor(b), *indices = NULL;
    int dim = any_dim(b);
    switch (fuzz_below(b, 14)) {
    case 0: return at_sum_dim(x, dim, false);
    case 1: return at_mean_dim(x, dim, true);
    case 2: return at_prod_dim(x, dim, false);
    case 3: return at_var_dim(x, dim, false);
    case 4: return at_logsumexp_dim(x, dim, true);
    case 5: return at_any_dim(x, dim, false);
    case 6: return at_max_dim(x, dim, true, &indices);
    case 7: return at_argmin(x, dim, false);
    case 8: return at_cumsum(x, dim);
    case 9: return at_softmax(x, dim);
    case 10: return at_sort(x, dim, true, &indices);
    case 11: return at_max(x);
    case 12: return at_all(x);
    default: return at_argsort(x, dim, false);
    }
}

static at_tensor *elementwise(fuzz_bytes *b) {
    at_tensor *x = any_tensor(b), *y = any_tensor(b);
    double low;
    switch (fuzz_below(b, 10)) {
    case 0: return at_add(x, y);
    case 1: return at_mul(x, at_exp(y));
    case 2: return at_where(at_lt(x, y), x, any_number(b));
    case 3: return at_masked_fill(x, at_gt(y, 0), any_number(b));
    case 4: low = any_number(b); return at_clamp(x, low, any_number(b));
    case 5: return at_to(x, (at_dtype)any_dim(b));
    case 6: return at_pow(at_to(x, AT_INT64), any_size(b));
    case 7: return at_tril(x, any_size(b));
    case 8: return at_triu(x, any_size(b));
    default: return at_contiguous(x);
    }
}

/* ---- what has to hold -------------------------------------------------------------------------------------------- */

static void check_shape(at_tensor *t) {
    at_shape shape = at_shape_of(t);
    int64_t n = 1;
    bool empty = false;
    FUZZ_CHECK(shape.ndim >= 0 && shape.ndim <= AT_MAX_DIMS, "%d dimensions", shape.ndim);
    for (int d = 0; d < shape.ndim; d++) {
        FUZZ_CHECK(shape.dim[d] >= 0, "a size of %lld", (long long)shape.dim[d]);
        empty = empty || shape.dim[d] == 0;
        FUZZ_CHECK(empty || !__builtin_mul_overflow(n, shape.dim[d], &n), "too many elements");
    }
    FUZZ_CHECK(at_numel(t) == (empty ? 0 : n), "%lld elements", (long long)at_numel(t));
}

/* The last call gave NULL: it said why. */
static void check_error(void) {
    FUZZ_CHECK(at_error() && at_error_code() != AT_OK, "NULL without an error");
    FUZZ_CHECK(strstr(at_error(), ": ") && strlen(at_error()) > 12, "\"%s\"", at_error());
    FUZZ_CHECK(!strstr(at_error(), "18446744"), "\"%s\"", at_error());
    at_clear_error();
}

static void check_unchanged(void) {
    for (int i = 0; i < n_tensors; i++) {
        at_shape shape = at_shape_of(tensors[i]);
        FUZZ_CHECK(shape.ndim == shapes[i].ndim, "tensor %d has changed", i);
        for (int d = 0; d < shape.ndim; d++) FUZZ_CHECK(shape.dim[d] == shapes[i].dim[d], "tensor %d has changed", i);
    }
    FUZZ_CHECK(memcmp(at_floats(tensors[0]), elements, sizeof elements) == 0, "the first tensor has changed");
}

static void keep(at_tensor *t) {
    check_shape(t);
    shapes[n_tensors] = at_shape_of(t);
    tensors[n_tensors++] = t;
}

/* Elements are there to be read, or memory was short. */
static void read_elements(fuzz_bytes *b, at_tensor *t) {
    at_shape index = {.ndim = at_ndim(t)};
    for (int d = 0; d < index.ndim; d++) index.dim[d] = fuzz_byte(b) & 1 ? -1 : any_size(b);
    (void)at_get_index(t, index);
    (void)at_item(t);
    (void)at_size(t, any_dim(b));
    at_clear_error();
    if (at_numel(t) > SMALL) return;
    at_tensor *sum = at_sum(at_to(t, AT_FLOAT64));
    if (!sum) check_error();
    char *text = at_to_string(t);
    if (!text) check_error();
    free(text);
}

/* On an error no gradient has changed. */
static void differentiate(at_tensor *t) {
    if (!at_requires_grad(t) || at_numel(t) > SMALL) return;
    at_tensor *before = at_grad(tensors[0]);
    bool done = at_backward_with(t, at_ones_like(t));
    if (!done) {
        check_error();
        FUZZ_CHECK(at_grad(tensors[0]) == before, "an error has changed the gradient");
    }
}

static void one_call(fuzz_bytes *b) {
    static at_tensor *(*const calls[])(fuzz_bytes *) = {create, view,    view,   view,        view,     view,
                                                        join,   product, reduce, elementwise, by_index, by_index};
    unsigned byte = fuzz_byte(b);
    if (byte % 16 >= sizeof calls / sizeof *calls) {
        at_tensor *t = any_tensor(b);
        if (byte & 16)
            read_elements(b, t);
        else
            differentiate(t);
        return;
    }
    at_set_eager(byte & 128);
    at_clear_error();
    at_tensor *t = calls[byte % 16](b);
    if (t) {
        FUZZ_CHECK(!at_error(), "%s", at_error());
        keep(t);
    } else if (calls[byte % 16] != product || at_error()) {
        check_error();
    }
    check_unchanged();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bytes b = {data, data + size};
    for (int i = 0; i < ELEMENTS; i++) elements[i] = (float)i / 4 - 2;
    int64_t live = at_live_tensors(), bytes = at_live_bytes();
    AT_SCOPE {
        n_tensors = 0;
        keep(at_set_requires_grad(at_from_floats(elements, 2, 3, 4), true));
        keep(at_set_requires_grad(at_from_floats(elements, 1), true));
        keep(at_zeros(2, 0, 3));
        for (int i = 0; i < CALLS && fuzz_has_more(&b); i++) one_call(&b);
    }
    at_clear_error();
    at_set_eager(false);
    FUZZ_CHECK(at_live_tensors() == live && at_live_bytes() == bytes, "%lld tensors are left",
               (long long)(at_live_tensors() - live));
    return 0;
}
