/* tests/test_tensor.c - tensors: making them, their shapes and dtypes, looking at them, and views. */
#include "core_support.h"

/* ---- making ------------------------------------------------------------------------------------------------------ */

BALANCED_TEST(filled) {
    at_tensor *zeros = at_zeros(2, 3);
    CHECK_SHAPE(zeros, 2, 3);
    ck_assert_int_eq(at_dtype_of(zeros), AT_FLOAT32);
    CHECK_ELEMENTS(zeros, 0, 0, 0, 0, 0, 0);
    CHECK_ELEMENTS(at_ones(3), 1, 1, 1);
    CHECK_ELEMENTS(at_full(2.5, 1, 2), 2.5, 2.5);
    CHECK_ELEMENTS(at_eye(2), 1, 0, 0, 1);
    CHECK_ELEMENTS(at_zeros_like(at_ones(2)), 0, 0);
    CHECK_ELEMENTS(at_ones_like(at_to(at_zeros(2), AT_BOOL)), 1, 1);
    ck_assert_int_eq(at_dtype_of(at_ones_like(at_to(at_zeros(2), AT_INT64))), AT_INT64);
}

BALANCED_TEST(spaced) {
    CHECK_ELEMENTS(at_arange(0, 5, 1), 0, 1, 2, 3, 4);
    CHECK_ELEMENTS(at_arange(1, 2, 0.25), 1, 1.25, 1.5, 1.75);
    CHECK_ELEMENTS(at_arange(3, 0, -1), 3, 2, 1);
    ck_assert_int_eq(at_numel(at_arange(0, 5, 0.1)), 50);
    ck_assert_int_eq(at_numel(at_arange(2, 2, 1)), 0);
    CHECK_ELEMENTS(at_linspace(0, 1, 5), 0, 0.25, 0.5, 0.75, 1);
    CHECK_ELEMENTS(at_linspace(3, 4, 1), 3);
    ck_assert_int_eq(at_numel(at_linspace(0, 1, 0)), 0);
    ck_assert_float_eq((float)at_get(at_linspace(0, 0.7, 1000), -1), 0.7f); /* the end is met exactly */
}

BALANCED_TEST(from_data) {
    const float floats[] = {1, -2, 3, 0.5f};
    const double doubles[] = {1e300, -1};
    const int64_t integers[] = {INT64_MIN, 7};
    const bool bools[] = {true, false, true};
    at_tensor *f = at_from_floats(floats, 2, 2), *d = at_from_doubles(doubles, 2), *i = at_from_int64s(integers, 2, 1);
    at_tensor *b = at_from_bools(bools, 3);
    ck_assert_int_eq(at_dtype_of(f), AT_FLOAT32);
    ck_assert_int_eq(at_dtype_of(d), AT_FLOAT64);
    ck_assert_int_eq(at_dtype_of(i), AT_INT64);
    ck_assert_int_eq(at_dtype_of(b), AT_BOOL);
    ck_assert_mem_eq(at_floats(f), floats, sizeof floats);
    ck_assert_mem_eq(at_doubles(d), doubles, sizeof doubles);
    ck_assert_mem_eq(at_int64s(i), integers, sizeof integers);
    ck_assert_mem_eq(at_bools(b), bools, sizeof bools);
    ck_assert_ptr_ne(at_floats(f), floats); /* a copy */
    ck_assert_ptr_nonnull(at_from_floats(NULL, 0, 3));
}

BALANCED_TEST(default_dtype) {
    at_set_default_dtype(AT_FLOAT64);
    ck_assert_int_eq(at_default_dtype(), AT_FLOAT64);
    ck_assert_int_eq(at_dtype_of(at_zeros(1)), AT_FLOAT64);
    ck_assert_int_eq(at_dtype_of(at_arange(0, 2, 1)), AT_FLOAT64);
    ck_assert_int_eq(at_dtype_of(at_rand(2)), AT_FLOAT64);
    ck_assert_int_eq(at_dtype_of(at_add(at_to(at_ones(1), AT_INT64), 0.5)), AT_FLOAT64);
    at_set_default_dtype(AT_INT64);
    expect_error(AT_ERROR_DTYPE, "set_default_dtype: int64: want float32 or float64");
    ck_assert_int_eq(at_default_dtype(), AT_FLOAT64);
    at_set_default_dtype(AT_FLOAT32);
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

BALANCED_TEST(scalars) {
    at_tensor *t = at_scalar(4), *u = at_zeros();
    ck_assert_int_eq(at_ndim(t), 0);
    ck_assert_int_eq(at_ndim(u), 0);
    ck_assert_int_eq(at_numel(t), 1);
    ck_assert_double_eq(at_item(t), 4);
    ck_assert_double_eq(at_get_index(t, AT_SHAPE_SCALAR), 4);
    ck_assert_int_eq(at_ndim(at_add(t, u)), 0);
    CHECK_SHAPE(at_add(t, at_ones(2, 1)), 2, 1);
    CHECK_SHAPE(at_unsqueeze(t, 0), 1);
    CHECK_SHAPE(at_flatten(t), 1);
    CHECK_SHAPE(at_expand(t, 2, 3), 2, 3);
}

BALANCED_TEST(nothing_at_all) {
    at_tensor *t = at_zeros(3, 0, 2);
    ck_assert_int_eq(at_numel(t), 0);
    ck_assert_ptr_nonnull(at_floats(t));
    CHECK_SHAPE(at_exp(at_mul(t, 2)), 3, 0, 2);
    CHECK_SHAPE(at_transpose(t, 0, 2), 2, 0, 3);
    CHECK_SHAPE(at_reshape(t, 0, 7), 0, 7);
    CHECK_SHAPE(at_add(t, at_ones(1, 2)), 3, 0, 2);
    CHECK_SHAPE(at_flip(t, 0), 3, 0, 2);
    CHECK_SHAPE(at_repeat(t, 2, 2, 2), 6, 0, 4);
    CHECK_SHAPE(at_cat(1, t, at_ones(3, 1, 2)), 3, 1, 2);
    CHECK_SHAPE(at_slice(at_ones(4), 0, 3, 1, 1), 0);
    ck_assert_double_eq(at_item(at_sum(t)), 0);
    ck_assert(at_equal(t, at_ones(3, 0, 2)));
    ck_assert(!at_equal(t, at_ones(0)));
    ck_assert_ptr_nonnull(at_floats(at_contiguous(at_transpose(t, 0, 1))));
}

BALANCED_TEST(eight_dimensions) {
    at_tensor *t = at_reshape(at_arange(0, 256, 1), 2, 2, 2, 2, 2, 2, 2, 2);
    ck_assert_int_eq(at_ndim(t), AT_MAX_DIMS);
    at_tensor *reversed = at_permute(at_neg(t), 7, 6, 5, 4, 3, 2, 1, 0);
    ck_assert_double_eq(at_get(reversed, 1, 0, 0, 0, 0, 0, 0, 0), -1);
    ck_assert_double_eq(at_get(reversed, 0, 0, 0, 0, 0, 0, 1, 1), -192);
    const float *x = at_floats(reversed);
    for (int i = 0; i < 256; i++) {
        int mirrored = 0;
        for (int b = 0; b < 8; b++) mirrored |= (i >> b & 1) << (7 - b);
        ck_assert_float_eq(x[i], -(float)mirrored);
    }
    CHECK_SHAPE(at_repeat(t, 1, 1, 1, 1, 1, 1, 1, 3), 2, 2, 2, 2, 2, 2, 2, 6);
    CHECK_SHAPE(at_cat(7, t, reversed), 2, 2, 2, 2, 2, 2, 2, 4);
    ck_assert_double_eq(at_get(at_cat(0, t, t), 3, 1, 1, 1, 1, 1, 1, 1), 255);
    ck_assert_ptr_null(at_unsqueeze(t, 0));
    expect_error(AT_ERROR_SHAPE, "unsqueeze: float32 (2, 2, 2, 2, 2, 2, 2, 2): there can be at most 8 dimensions");
    ck_assert_ptr_null(at_zeros(1, 1, 1, 1, 1, 1, 1, 1, 1));
    expect_error(AT_ERROR_SHAPE, "zeros: 9 dimensions: there can be at most 8");
}

BALANCED_TEST(sizes) {
    at_tensor *t = at_zeros(2, 3, 4);
    ck_assert_int_eq(at_size(t, 0), 2);
    ck_assert_int_eq(at_size(t, -1), 4);
    ck_assert_int_eq(at_numel(t), 24);
    ck_assert_int_eq(at_shape_of(t).dim[1], 3);
    ck_assert_str_eq(at_dtype_name(AT_INT64), "int64");
    ck_assert_str_eq(at_dtype_name((at_dtype)9), "no dtype");
}

/* ---- dtypes ------------------------------------------------------------------------------------------------------ */

static at_dtype kinds[] = {AT_BOOL, AT_INT64, AT_FLOAT32, AT_FLOAT64}; /* in the order of promotion */

BALANCED_TEST(tensors_promote_to_the_wider) {
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            at_tensor *a = at_to(at_ones(2), kinds[i]), *b = at_to(at_ones(2), kinds[j]);
            ck_assert_int_eq(at_dtype_of(at_add(a, b)), kinds[i > j ? i : j]);
            ck_assert_int_eq(at_dtype_of(at_eq(a, b)), AT_BOOL);
            at_dtype quotient = i > j ? kinds[i] : kinds[j];
            if (quotient == AT_BOOL || quotient == AT_INT64) quotient = AT_FLOAT32;
            ck_assert_int_eq(at_dtype_of(at_div(a, b)), quotient);
            ck_assert_int_eq(at_dtype_of(at_where(at_to(at_ones(2), AT_BOOL), a, b)), kinds[i > j ? i : j]);
        }
}

BALANCED_TEST(numbers_and_scalars_do_not_promote_their_own_kind) {
    at_tensor *f = at_ones(2), *d = at_to(f, AT_FLOAT64), *i = at_to(f, AT_INT64), *b = at_to(f, AT_BOOL);
    ck_assert_int_eq(at_dtype_of(at_add(f, 2.5)), AT_FLOAT32);
    ck_assert_int_eq(at_dtype_of(at_add(3, d)), AT_FLOAT64);
    ck_assert_int_eq(at_dtype_of(at_add(i, 3)), AT_INT64);
    ck_assert_int_eq(at_dtype_of(at_add(i, 2.5)), AT_FLOAT32);
    ck_assert_int_eq(at_dtype_of(at_add(b, 3)), AT_INT64);
    ck_assert_int_eq(at_dtype_of(at_add(b, (bool)1)), AT_BOOL);
    ck_assert_int_eq(at_dtype_of(at_add(i, (bool)1)), AT_INT64);
    ck_assert_int_eq(at_dtype_of(at_add(f, at_to(at_scalar(1), AT_FLOAT64))), AT_FLOAT32);
    ck_assert_int_eq(at_dtype_of(at_add(i, at_to(at_scalar(1), AT_FLOAT64))), AT_FLOAT64);
    ck_assert_int_eq(at_dtype_of(at_exp(i)), AT_FLOAT32);
    ck_assert_int_eq(at_dtype_of(at_neg(i)), AT_INT64);
    ck_assert_int_eq(at_dtype_of(at_sum(b)), AT_INT64);
}

BALANCED_TEST(conversions) {
    const double x[] = {-2.7, 0, 0.4, 3.9, NAN};
    at_tensor *t = at_from_doubles(x, 5);
    CHECK_ELEMENTS(at_to(at_slice(t, 0, 0, 4, 1), AT_INT64), -2, 0, 0, 3);
    CHECK_ELEMENTS(at_to(t, AT_BOOL), 1, 0, 1, 1, 1);
    CHECK_ELEMENTS(at_to(at_to(t, AT_BOOL), AT_FLOAT32), 1, 0, 1, 1, 1);
    const int64_t big[] = {INT64_C(9007199254740993), -1};
    at_tensor *i = at_from_int64s(big, 2);
    ck_assert_int_eq(at_int64s(at_add(i, 1))[0], INT64_C(9007199254740994));
    CHECK_ELEMENTS(at_to(at_to(i, AT_BOOL), AT_INT64), 1, 1);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

BALANCED_TEST(items) {
    const bool yes[] = {true};
    ck_assert_double_eq(at_item(at_ones(1, 1, 1)), 1);
    ck_assert_double_eq(at_item(at_from_bools(yes, 1)), 1);
    at_tensor *t = at_reshape(at_arange(0, 6, 1), 2, 3);
    ck_assert_double_eq(at_get(t, 1, 2), 5);
    ck_assert_double_eq(at_get(t, -1, -3), 3);
    ck_assert_double_eq(at_get(at_transpose(at_exp(t), 0, 1), 2, 1), at_get(at_exp(t), 1, 2));
    ck_assert_double_eq(at_item(at_select(at_select(at_flip(t, 1), 1, 0), 0, 1)), 5);
}

BALANCED_TEST(elements_in_row_major_order) {
    at_tensor *t = at_transpose(at_reshape(at_arange(0, 6, 1), 2, 3), 0, 1);
    const float expected[] = {0, 3, 1, 4, 2, 5};
    const float *x = at_floats(t);
    ck_assert_mem_eq(x, expected, sizeof expected);
    ck_assert_ptr_eq(at_floats(t), x); /* the pointer lasts */
    ck_assert_int_eq(at_int64s(at_to(t, AT_INT64))[1], 3);
    ck_assert(!at_bools(at_to(t, AT_BOOL))[0]);
}

BALANCED_TEST(writing_reaches_only_the_tensor_itself) {
    at_tensor *t = at_zeros(100), *view = at_reshape(t, 10, 10), *same = at_detach(t), *later = at_add(t, 1);
    at_tensor *row = at_expand(at_slice(t, 0, 0, 1, 1), 50);
    at_floats_mut(t)[0] = 7;
    ck_assert_double_eq(at_get(t, 0), 7);
    ck_assert_double_eq(at_get(view, 0, 0), 0);
    ck_assert_double_eq(at_get(same, 0), 0);
    ck_assert_double_eq(at_get(later, 0), 1);
    ck_assert_double_eq(at_get(row, 49), 0);
    at_floats_mut(row)[3] = 5; /* one element shown 50 times becomes 50 */
    ck_assert_double_eq(at_get(row, 3), 5);
    ck_assert_double_eq(at_get(row, 4), 0);
    at_doubles_mut(at_to(t, AT_FLOAT64))[1] = 3;
    ck_assert_double_eq(at_get(t, 1), 0);
}

BALANCED_TEST(closeness) {
    const double x[] = {1, INFINITY, 100}, y[] = {1.0005, INFINITY, 100.05}, z[] = {1, -INFINITY, 100},
                 n[] = {1, NAN, 100};
    at_tensor *a = at_from_doubles(x, 3), *b = at_from_doubles(y, 3);
    ck_assert(at_allclose(a, b, 1e-3, 0));
    ck_assert(at_allclose(a, b, 0, 0.1));
    ck_assert(!at_allclose(a, b, 1e-4, 1e-4));
    ck_assert(!at_allclose(a, at_from_doubles(z, 3), 1, 1));
    ck_assert(!at_allclose(at_from_doubles(n, 3), at_from_doubles(n, 3), 1, 1));
    ck_assert(!at_allclose(a, at_reshape(a, 3, 1), 1, 1));
    ck_assert(at_equal(a, at_flip(at_flip(a, 0), 0)));
    at_tensor *m = at_reshape(at_arange(0, 6, 1), 2, 3), *by_columns = at_contiguous(at_transpose(m, 0, 1));
    ck_assert(at_equal(m, at_transpose(by_columns, 0, 1)));
    ck_assert(!at_equal(m, at_reshape(by_columns, 2, 3)));
    ck_assert(!at_equal(a, b));
    ck_assert(at_equal(at_ones(2), at_to(at_ones(2), AT_INT64)));
    const int64_t p[] = {INT64_C(9007199254740992)}, q[] = {INT64_C(9007199254740993)};
    ck_assert(!at_equal(at_from_int64s(p, 1), at_from_int64s(q, 1))); /* no double tells these apart */
    ck_assert(at_allclose(at_from_int64s(p, 1), at_from_int64s(q, 1), 0, 1));
    ck_assert(at_equal(at_from_int64s(p, 1), at_from_doubles(&(double){0x1p53}, 1)));
}

/* ---- views against index arithmetic -------------------------------------------------------------------------------
 * A model is a shape and elements in a plain array. Each kind of view makes a new one by a rule: where an element of
 * the result comes from. The tensor beside it goes through the library, stored or pending. */

typedef struct {
    at_shape shape;
    double *x;
} model;

typedef struct {
    int dim, other;
    int64_t start, step, times;
} view_arguments;

typedef void source_rule(const int64_t *index, at_shape from, const view_arguments *v, int64_t *source);

static model shown(model m, at_shape shape, source_rule *rule, const view_arguments *v) {
    int64_t n = elements_of(shape), index[AT_MAX_DIMS], source[AT_MAX_DIMS];
    model result = {shape, malloc((size_t)(n + 1) * sizeof(double))};
    for (int64_t i = 0; i < n; i++) {
        index_of(shape, i, index);
        memcpy(source, index, sizeof index);
        rule(index, m.shape, v, source);
        result.x[i] = m.x[place_of(m.shape, source)];
    }
    free(m.x);
    return result;
}

static void swap_rule(const int64_t *index, at_shape from, const view_arguments *v, int64_t *source) {
    (void)from;
    source[v->dim] = index[v->other];
    source[v->other] = index[v->dim];
}
static void slice_rule(const int64_t *index, at_shape from, const view_arguments *v, int64_t *source) {
    (void)from;
    source[v->dim] = v->start + index[v->dim] * v->step;
}
static void flip_rule(const int64_t *index, at_shape from, const view_arguments *v, int64_t *source) {
    source[v->dim] = from.dim[v->dim] - 1 - index[v->dim];
}
static void select_rule(const int64_t *index, at_shape from, const view_arguments *v, int64_t *source) {
    for (int d = 0; d < from.ndim; d++) source[d] = d < v->dim ? index[d] : d == v->dim ? v->start : index[d - 1];
}
static void modulo_rule(const int64_t *index, at_shape from, const view_arguments *v,
                        int64_t *source) { /* expand, repeat */
    for (int d = 0; d < from.ndim; d++) source[d] = index[d + v->dim] % from.dim[d];
}
static void interleave_rule(const int64_t *index, at_shape from, const view_arguments *v, int64_t *source) {
    (void)from;
    source[v->dim] = index[v->dim] / v->times;
}

typedef struct {
    model m;
    at_tensor *t;
} pair;

static void show_swapped(pair *p, uint64_t *state) {
    view_arguments v = {.dim = (int)chance(state, p->m.shape.ndim), .other = (int)chance(state, p->m.shape.ndim)};
    at_shape shape = p->m.shape;
    shape.dim[v.dim] = p->m.shape.dim[v.other];
    shape.dim[v.other] = p->m.shape.dim[v.dim];
    p->t = at_transpose(p->t, v.dim, v.other - p->m.shape.ndim);
    p->m = shown(p->m, shape, swap_rule, &v);
}

static void show_slice(pair *p, uint64_t *state) {
    view_arguments v = {.dim = (int)chance(state, p->m.shape.ndim), .step = 1 + chance(state, 3)};
    at_shape shape = p->m.shape;
    int64_t n = shape.dim[v.dim], end;
    v.start = chance(state, n);
    end = v.start + 1 + chance(state, n - v.start);
    shape.dim[v.dim] = (end - v.start + v.step - 1) / v.step;
    p->t = at_slice(p->t, v.dim, v.start - (chance(state, 2) ? n : 0), end == n ? INT64_MAX : end, v.step);
    p->m = shown(p->m, shape, slice_rule, &v);
}

static void show_flipped(pair *p, uint64_t *state) {
    view_arguments v = {.dim = (int)chance(state, p->m.shape.ndim)};
    p->t = at_flip(p->t, v.dim);
    p->m = shown(p->m, p->m.shape, flip_rule, &v);
}

static void show_selected(pair *p, uint64_t *state) {
    view_arguments v = {.dim = (int)chance(state, p->m.shape.ndim)};
    v.start = chance(state, p->m.shape.dim[v.dim]);
    at_shape shape = {.ndim = p->m.shape.ndim - 1};
    for (int d = 0; d < shape.ndim; d++) shape.dim[d] = p->m.shape.dim[d < v.dim ? d : d + 1];
    p->t = at_select(p->t, v.dim, v.start);
    p->m = shown(p->m, shape, select_rule, &v);
}

static void show_expanded(pair *p, uint64_t *state) {
    view_arguments v = {.dim = (int)chance(state, 2)};
    at_shape shape = {.ndim = p->m.shape.ndim + v.dim, .dim = {1 + chance(state, 2)}}, asked;
    for (int d = 0; d < p->m.shape.ndim; d++) {
        int64_t n = p->m.shape.dim[d];
        shape.dim[d + v.dim] = n == 1 ? 1 + chance(state, 3) : n;
    }
    asked = shape;
    for (int d = v.dim; d < shape.ndim; d++)
        if (chance(state, 2) && p->m.shape.dim[d - v.dim] == shape.dim[d]) asked.dim[d] = -1;
    p->t = at_expand_shape(p->t, asked);
    p->m = shown(p->m, shape, modulo_rule, &v);
}

static void show_repeated(pair *p, uint64_t *state) {
    view_arguments v = {.dim = (int)chance(state, 2)};
    at_shape times = {.ndim = p->m.shape.ndim + v.dim}, shape = times;
    for (int d = 0; d < times.ndim; d++) {
        times.dim[d] = 1 + chance(state, 2);
        shape.dim[d] = times.dim[d] * (d < v.dim ? 1 : p->m.shape.dim[d - v.dim]);
    }
    p->t = at_repeat_shape(p->t, times);
    p->m = shown(p->m, shape, modulo_rule, &v);
}

static void show_interleaved(pair *p, uint64_t *state) {
    view_arguments v = {.dim = (int)chance(state, p->m.shape.ndim), .times = 1 + chance(state, 3)};
    at_shape shape = p->m.shape;
    shape.dim[v.dim] *= v.times;
    p->t = at_repeat_interleave_dim(p->t, v.times, v.dim);
    p->m = shown(p->m, shape, interleave_rule, &v);
}

/* Row-major order does not change: only the shape of the model does. */
static void show_reshaped(pair *p, uint64_t *state) {
    int64_t n = elements_of(p->m.shape);
    at_shape shape = {.ndim = 0};
    for (int64_t factor = 2; n > 1 && shape.ndim < 4;) {
        while (n % factor) factor++;
        if (shape.ndim && chance(state, 2))
            shape.dim[shape.ndim - 1] *= factor;
        else
            shape.dim[shape.ndim++] = factor;
        n /= factor;
    }
    if (chance(state, 2) || n > 1) shape.dim[shape.ndim++] = n;
    p->t = at_reshape_shape(p->t, shape);
    p->m.shape = shape;
}

static void show_computed(pair *p, uint64_t *state) {
    (void)state;
    p->t = at_add(at_mul(p->t, 2), 1);
    for (int64_t i = 0; i < elements_of(p->m.shape); i++) p->m.x[i] = 2 * p->m.x[i] + 1;
}

static void check_pair(const pair *p) {
    ck_assert_msg(p->t != NULL, "%s", at_error());
    check_shape_is(p->t, p->m.shape);
    check_elements(p->t, p->m.x, elements_of(p->m.shape));
}

static void run_views(uint64_t seed) {
    static void (*const steps[])(pair *, uint64_t *) = {show_swapped,     show_slice,    show_flipped,
                                                        show_selected,    show_expanded, show_repeated,
                                                        show_interleaved, show_reshaped, show_computed};
    uint64_t state = seed;
    at_shape shape = random_shape(&state, 4, seed % 7 == 0 ? 30 : 5);
    pair p = {.m = {shape, malloc((size_t)elements_of(shape) * sizeof(double))}};
    for (int64_t i = 0; i < elements_of(shape); i++) p.m.x[i] = (double)chance(&state, 1000);
    p.t = at_from_doubles_shape(p.m.x, shape);
    int64_t n_steps = 1 + chance(&state, 8);
    for (int64_t i = 0; i < n_steps; i++) {
        int64_t step = chance(&state, 9);
        bool grows = step == 4 || step == 5 || step == 6;
        if (grows && elements_of(p.m.shape) > 20000) step = 8;
        if (p.m.shape.ndim == 0 && step < 7) step = 7;
        if (p.m.shape.ndim > 5) step = 3;
        steps[step](&p, &state);
        if (chance(&state, 4) == 0) check_pair(&p); /* stores it; otherwise it may stay pending */
    }
    check_pair(&p);
    at_tensor *also = at_contiguous(p.t);
    check_elements(also, p.m.x, elements_of(p.m.shape));
    free(p.m.x);
}

BALANCED_TEST(views_follow_index_arithmetic) {
    for (uint64_t seed = 0; seed < 3000; seed++)
        AT_SCOPE
            run_views(seed);
}

static void show_unsqueezed(pair *p, uint64_t *state) {
    int dim = (int)chance(state, p->m.shape.ndim + 1);
    p->t = at_unsqueeze(p->t, dim);
    for (int d = p->m.shape.ndim++; d > dim; d--) p->m.shape.dim[d] = p->m.shape.dim[d - 1];
    p->m.shape.dim[dim] = 1;
}

/* Whether elements that are numbered as they lie in memory are those that some strides show. */
static bool strides_can_say(const model *m) {
    double stride[AT_MAX_DIMS];
    for (int64_t d = m->shape.ndim - 1, next = 1; d >= 0; next *= m->shape.dim[d--])
        stride[d] = m->shape.dim[d] > 1 ? m->x[next] - m->x[0] : 0;
    for (int64_t i = 0, index[AT_MAX_DIMS]; i < elements_of(m->shape); i++) {
        double at = m->x[0];
        index_of(m->shape, i, index);
        for (int d = 0; d < m->shape.ndim; d++) at += (double)index[d] * stride[d];
        if (at != m->x[i]) return false;
    }
    return true;
}

static void reshape_a_view(uint64_t seed) {
    static void (*const steps[])(pair *, uint64_t *) = {show_swapped, show_slice, show_flipped, show_expanded,
                                                        show_unsqueezed};
    uint64_t state = seed;
    at_shape shape = {.ndim = 3, .dim = {1 + chance(&state, 3), 1 + chance(&state, 4), 1 + chance(&state, 6)}};
    pair p = {.m = {shape, malloc((size_t)elements_of(shape) * sizeof(double))}};
    for (int64_t i = 0; i < elements_of(shape); i++) p.m.x[i] = (double)i;
    p.t = at_from_doubles_shape(p.m.x, shape);
    for (int64_t i = chance(&state, 4); i > 0; i--) steps[chance(&state, 5)](&p, &state);
    int64_t bytes = at_live_bytes();
    show_reshaped(&p, &state);
    if (chance(&state, 2)) show_unsqueezed(&p, &state);
    ck_assert_double_eq(at_get_index(p.t, (at_shape){.ndim = p.m.shape.ndim}), p.m.x[0]);
    ck_assert_msg((at_live_bytes() == bytes) == strides_can_say(&p.m), "seed %d", (int)seed);
    check_pair(&p);
    free(p.m.x);
}

BALANCED_TEST(a_reshape_copies_what_no_strides_can_say_and_nothing_else) {
    for (uint64_t seed = 0; seed < 2000; seed++)
        AT_SCOPE
            reshape_a_view(seed);
}

BALANCED_TEST(squeezing) {
    at_tensor *t = at_exp(at_zeros(1, 20, 1));
    CHECK_SHAPE(at_squeeze(t, 0), 20, 1);
    CHECK_SHAPE(at_squeeze(t, -1), 1, 20);
    CHECK_SHAPE(at_squeeze(t, 1), 1, 20, 1);
    CHECK_SHAPE(at_unsqueeze(t, -1), 1, 20, 1, 1);
    CHECK_SHAPE(at_unsqueeze(t, 1), 1, 1, 20, 1);
    CHECK_SHAPE(at_reshape(t, -1, 4), 5, 4);
    CHECK_SHAPE(at_flatten(t), 20);
}

BALANCED_TEST(joining_with_nothing) {
    at_tensor *nothing = at_zeros(0), *m = at_ones(2, 2);
    CHECK_SHAPE(at_cat(0, nothing), 0);
    CHECK_SHAPE(at_cat(0, nothing, nothing), 0);
    CHECK_ELEMENTS(at_cat(1, nothing, m, nothing, at_neg(m)), 1, 1, -1, -1, 1, 1, -1, -1);
    ck_assert_ptr_null(at_cat(1, m, at_ones(3, 2)));
    expect_error(AT_ERROR_SHAPE, "cat: tensor 1 is float32 (3, 2) and an earlier one float32 (2, 2): sizes beside "
                                 "dimension 1 must be equal");
    ck_assert_ptr_null(at_stack(0, (at_tensor *)NULL, m));
    expect_error(AT_ERROR_VALUE, "stack: list[0] is NULL");
}

BALANCED_TEST(scattering_part_of_a_source) {
    at_tensor *index = at_from_int64s(((const int64_t[]){0, 1, 2, 0}), 2, 2), *src = at_arange(1, 7, 1);
    CHECK_ELEMENTS(at_scatter_add(at_zeros(2, 3), 1, index, at_reshape(src, 2, 3)), 1, 2, 0, 5, 0, 4);
    CHECK_ELEMENTS(at_scatter_add(at_zeros(3, 2), 0, index, at_reshape(src, 3, 2)), 1, 4, 0, 2, 3, 0);
}

BALANCED_TEST(scattering_truths_and_single_elements) {
    const bool truths[] = {true, false, false};
    const int64_t places[] = {1, 0, 1}, zero[] = {0};
    at_tensor *src = at_from_bools(truths, 3), *index = at_from_int64s(places, 3);
    at_tensor *y =
        at_scatter_add(at_to(at_zeros(3), AT_BOOL), 0, index, src); /* a sum of truths: whether there is one */
    ck_assert_int_eq(at_dtype_of(y), AT_BOOL);
    CHECK_ELEMENTS(y, 0, 1, 0);
    at_tensor *first = at_from_int64s_shape(zero, AT_SHAPE_SCALAR);
    y = at_scatter_add(at_scalar(5), 0, first, at_full(2, 3)); /* of a vector beside scalars, what the index reaches */
    ck_assert_int_eq(at_ndim(y), 0);
    CHECK_ELEMENTS(y, 7);
}

/* An index of nothing fits wherever it has as many dimensions, and gathers nothing. */
BALANCED_TEST(gathering_nothing) {
    at_tensor *y = at_gather(at_ones(2, 3), 0, at_to(at_zeros(0, 5), AT_INT64));
    CHECK_SHAPE(y, 0, 5);
    ck_assert_int_eq(at_dtype_of(y), AT_FLOAT32);
}

/* Any number but 0 is true. */
BALANCED_TEST(filling_with_truths) {
    const bool truths[] = {false, true, false};
    at_tensor *x = at_from_bools(truths, 3);
    CHECK_ELEMENTS(at_masked_fill(x, at_logical_not(x), 0.5), 1, 1, 1);
    CHECK_ELEMENTS(at_masked_fill(x, x, 0.0), 0, 0, 0);
    ck_assert_int_eq(at_dtype_of(at_masked_fill(x, x, 0.5)), AT_BOOL);
}

BALANCED_TEST(bounds_of_integers) {
    const int64_t numbers[] = {INT64_MIN, -7, 2, INT64_MAX};
    at_tensor *x = at_from_int64s(numbers, 4);
    ck_assert(at_equal(at_clamp(x, -INFINITY, INFINITY), x));
    ck_assert(at_equal(at_clamp(x, -0x1p64, 0x1p64), x));
    ck_assert_int_eq(at_dtype_of(at_clamp(x, -3, 5)), AT_INT64);
    CHECK_ELEMENTS(at_clamp(x, -3, 5), -3, -3, 2, 5);
    ck_assert_int_eq(at_dtype_of(at_clamp(x, -3, 2.5)), AT_FLOAT32); /* a fraction is none of an integer's */
    CHECK_ELEMENTS(at_clamp(x, -3, 2.5), -3, -3, 2, 2.5);
}

/* Powers of two have an exact reciprocal, but for those whose reciprocal is beyond the range of doubles. */
BALANCED_TEST(dividing_by_powers_of_two) {
    const double numbers[] = {0, 0x1p-1060, 0x1p1000};
    at_tensor *x = at_from_doubles(numbers, 3);
    CHECK_ELEMENTS(at_div(x, 4), 0, 0x1p-1062, 0x1p998);
    CHECK_ELEMENTS(at_div(x, 0x1p-1060), 0, 1, INFINITY);
    CHECK_ELEMENTS(at_div(x, -0x1p1000), 0, 0, -1);
}

BALANCED_TEST(classes) {
    at_tensor *index = at_from_int64s(((const int64_t[]){0, 2}), 2);
    CHECK_ELEMENTS(at_one_hot(index, 3), 1, 0, 0, 0, 0, 1);
    CHECK_SHAPE(at_one_hot(index, -1), 2, 3);
    ck_assert_ptr_null(at_one_hot(index, 2));
    expect_error(AT_ERROR_VALUE, "one_hot: class 2 (element 1): want 0 to 1");
}

BALANCED_TEST(slices_at_the_ends) {
    at_tensor *t = at_arange(0, 4, 1), *m = at_reshape(at_arange(0, 6, 1), 3, 2);
    CHECK_SHAPE(at_slice(t, 0, 2, 2, 2), 0);
    CHECK_SHAPE(at_slice(t, 0, 4, 4, 3), 0);
    CHECK_ELEMENTS(at_slice(t, 0, 0, 4, 3), 0, 3);
    CHECK_ELEMENTS(at_slice(t, 0, 0, 3, 3), 0);
    CHECK_ELEMENTS(at_slice(m, 0, 1, INT64_MAX, INT64_MAX), 2, 3); /* a step beyond what the strides could hold */
}

BALANCED_TEST(wrong_dimensions) {
    at_tensor *m = at_zeros(2, 3);
    CHECK_SHAPE(at_unsqueeze(m, -3), 1, 2, 3);
    CHECK_SHAPE(at_unsqueeze(m, 2), 2, 3, 1);
    CHECK_SHAPE(at_stack(-3, m, m), 2, 2, 3);
    CHECK_SHAPE(at_stack(2, m, m), 2, 3, 2);
    ck_assert_ptr_null(at_unsqueeze(m, -4));
    expect_error(AT_ERROR_SHAPE, "unsqueeze: dimension -4 for float32 (2, 3): want -3 to 2");
    ck_assert_ptr_null(at_permute(m, 1, 32)); /* 32: no shift wraps around to 0 */
    expect_error(AT_ERROR_SHAPE, "permute: order (1, 32) for float32 (2, 3): want each of its dimensions once");
}

BALANCED_TEST(views_copy_nothing) {
    at_tensor *t = at_zeros(1000, 1000);
    int64_t bytes = at_live_bytes();
    at_tensor *v = at_slice(at_transpose(at_reshape(t, 10, 100, 1000), 0, 2), 1, 3, 90, 2);
    v = at_flip(at_expand(at_unsqueeze(v, 0), 50, -1, -1, -1), 1);
    ck_assert_ptr_nonnull(v);
    ck_assert_int_eq(at_live_bytes(), bytes);
}

BALANCED_TEST(wrong_sizes) {
    ck_assert_ptr_null(at_zeros(-2, -3));
    expect_error(AT_ERROR_SHAPE, "zeros: shape (-2, -3): sizes must not be negative");
    ck_assert_ptr_null(at_zeros(2, 2, 2, 2, 2, 2, 2, -1));
    expect_error(AT_ERROR_SHAPE, "zeros: shape (2, 2, 2, 2, 2, 2, 2, -1): sizes must not be negative");
    ck_assert_ptr_null(at_zeros(0, INT64_MAX, 2));
    expect_error(AT_ERROR_SHAPE, "zeros: shape (0, 9223372036854775807, 2): too many elements to count");
    at_tensor *a = at_zeros(2, 3, 1, 4), *b = at_zeros(5, 3, 4, 1);
    ck_assert_ptr_null(at_add(a, b));
    expect_error(AT_ERROR_SHAPE,
                 "add: float32 (2, 3, 1, 4) and float32 (5, 3, 4, 1) do not broadcast: dimension -4 has "
                 "sizes 2 and 5, which must be equal or 1");
}

BALANCED_TEST(too_large) {
    ck_assert_int_eq(at_numel(at_expand(at_ones(1), INT64_MAX / 16)), INT64_MAX / 16);
    ck_assert_ptr_null(at_expand(at_ones(1), INT64_MAX / 16 + 1));
    expect_error(AT_ERROR_SHAPE, "expand: shape (576460752303423488): too many elements to count");
    const int64_t large = 1 << 16;
    ck_assert_ptr_null(at_zeros(large, large, large, large, large, large, large, large));
    expect_error(AT_ERROR_SHAPE, "zeros: shape (65536, 65536, 65536, 65536, 65536, 65536, 65536, 65536): too many "
                                 "elements to count");
    ck_assert_ptr_null(at_zeros(INT64_MAX, 2));
    expect_error(AT_ERROR_SHAPE, "zeros: shape (9223372036854775807, 2): too many elements to count");
    at_tensor *wide = at_expand(at_ones(1, 1), INT64_C(1) << 40, 1),
              *high = at_expand(at_ones(1, 1), 1, INT64_C(1) << 40);
    ck_assert_ptr_null(at_add(wide, high));
    ck_assert_int_eq(at_error_code(), AT_ERROR_SHAPE);
    at_clear_error();
    ck_assert_ptr_null(at_zeros(INT64_C(1) << 56));
    expect_error(AT_ERROR_MEMORY, "zeros: out of memory: 288230376151711744 bytes could not be allocated");
}

Suite *tensor_suite(void) {
    Suite *suite = suite_create("tensor");
    TCase *making = tcase_create("making"), *looking = tcase_create("looking"), *views = tcase_create("views");
    tcase_add_test(making, filled);
    tcase_add_test(making, spaced);
    tcase_add_test(making, from_data);
    tcase_add_test(making, default_dtype);
    tcase_add_test(making, tensors_promote_to_the_wider);
    tcase_add_test(making, numbers_and_scalars_do_not_promote_their_own_kind);
    tcase_add_test(making, conversions);
    suite_add_tcase(suite, making);
    tcase_add_test(looking, scalars);
    tcase_add_test(looking, nothing_at_all);
    tcase_add_test(looking, eight_dimensions);
    tcase_add_test(looking, sizes);
    tcase_add_test(looking, items);
    tcase_add_test(looking, elements_in_row_major_order);
    tcase_add_test(looking, writing_reaches_only_the_tensor_itself);
    tcase_add_test(looking, closeness);
    suite_add_tcase(suite, looking);
    tcase_add_test(views, views_follow_index_arithmetic);
    tcase_add_test(views, a_reshape_copies_what_no_strides_can_say_and_nothing_else);
    tcase_add_test(views, squeezing);
    tcase_add_test(views, joining_with_nothing);
    tcase_add_test(views, scattering_part_of_a_source);
    tcase_add_test(views, scattering_truths_and_single_elements);
    tcase_add_test(views, gathering_nothing);
    tcase_add_test(looking, filling_with_truths);
    tcase_add_test(looking, bounds_of_integers);
    tcase_add_test(looking, dividing_by_powers_of_two);
    tcase_add_test(views, classes);
    tcase_add_test(views, slices_at_the_ends);
    tcase_add_test(views, wrong_dimensions);
    tcase_add_test(views, views_copy_nothing);
    tcase_add_test(views, wrong_sizes);
    tcase_add_test(views, too_large);
    suite_add_tcase(suite, views);
    return suite;
}
