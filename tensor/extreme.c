/* tensor/extreme.c - where the largest or smallest elements along a dimension are. */
#include <math.h>
#include <string.h>

#include "evaluate.h"
#include "parallel.h"
#include "reduce.h"

/* Elements are seen as (outer, n, inner). */
typedef struct {
    bool largest;
    at_dtype dtype;
    int64_t n, inner, element;
    int64_t width; /* columns taken together */
    const char *in;
    int64_t *out;
    tn_extreme *join;
} search;

/* ---- rows -------------------------------------------------------------------------------------------------------- */

enum { LANES = 32 };

/* The lane whose element comes first: by value, NaN before everything, and among equals by place. */
#define FIRST_LANE(suffix, type, is_nan)                                                                               \
    static int64_t first_lane_##suffix(bool largest, int64_t lanes, const void *elements, const int64_t *turn) {       \
        const type *best = elements;                                                                                   \
        int64_t found = 0;                                                                                             \
        for (int64_t j = 1; j < lanes; j++) {                                                                          \
            const type x = best[j], y = best[found];                                                                   \
            const bool above = ((largest ? x > y : x < y) || is_nan(x)) && !is_nan(y);                                 \
            const bool below = ((largest ? x < y : x > y) || is_nan(y)) && !is_nan(x);                                 \
            if (above || (!below && turn[j] < turn[found])) found = j;                                                 \
        }                                                                                                              \
        return found;                                                                                                  \
    }
#define NEVER(x) false
FIRST_LANE(f32, float, isnan)
FIRST_LANE(f64, double, isnan)
FIRST_LANE(i64, int64_t, NEVER)
FIRST_LANE(bool, bool, NEVER)

static int64_t (*const first_lane[])(bool largest, int64_t lanes, const void *best,
                                     const int64_t *turn) = {[AT_FLOAT32] = first_lane_f32,
                                                             [AT_FLOAT64] = first_lane_f64,
                                                             [AT_INT64] = first_lane_i64,
                                                             [AT_BOOL] = first_lane_bool};

/* A row is folded into lanes, element i into lane i % LANES; then the lanes are compared. */
static int64_t search_row(const search *s, const char *row) {
    double best[LANES]; /* of any dtype */
    int64_t turn[LANES] = {0}, lanes = s->n < LANES ? s->n : LANES;
    memcpy(best, row, (size_t)(lanes * s->element));
    for (int64_t k = 1; k * LANES < s->n; k++) {
        int64_t rest = s->n - k * LANES;
        s->join(rest < LANES ? rest : LANES, row + k * LANES * s->element, k, best, turn);
    }
    int64_t found = first_lane[s->dtype](s->largest, lanes, best, turn);
    return turn[found] * LANES + found;
}

static bool search_rows(void *context, int64_t start, int64_t end) {
    const search *s = context;
    for (int64_t i = start / s->n; i < end / s->n; i++) s->out[i] = search_row(s, s->in + i * s->n * s->element);
    return true;
}

/* ---- columns ----------------------------------------------------------------------------------------------------- */

/* Blocks of columns, those of all outer indices counted through; one counts as its n * width elements. */
static bool search_columns(void *context, int64_t start, int64_t end) {
    const search *s = context;
    int64_t blocks = (s->inner + s->width - 1) / s->width, elements = s->n * s->width;
    double best[TN_BLOCK];
    for (int64_t i = start / elements; i < end / elements; i++) {
        int64_t outer = i / blocks, first = i % blocks * s->width;
        int64_t width = s->inner - first < s->width ? s->inner - first : s->width;
        const char *in = s->in + (outer * s->n * s->inner + first) * s->element;
        int64_t *index = s->out + outer * s->inner + first;
        memcpy(best, in, (size_t)(width * s->element));
        memset(index, 0, (size_t)width * sizeof *index);
        for (int64_t k = 1; k < s->n; k++) s->join(width, in + k * s->inner * s->element, k, best, index);
    }
    return true;
}

static tn_value *extreme_by_rows(tn_value *x, int dim, bool largest) {
    at_shape shape = x->shape;
    if (shape.ndim) shape.dim[dim] = 1;
    tn_value *from = tn_value_contiguous(x), *y = from ? tn_value_new(AT_INT64, &shape) : NULL;
    if (!y || y->numel == 0) {
        tn_value_release(from);
        return y;
    }
    search s = {.largest = largest, .dtype = x->dtype, .n = 1, .inner = 1, .in = tn_data(from), .out = tn_data(y)};
    s.element = (int64_t)tn_dtype_size(x->dtype);
    s.join = tn_kernels_get()->extreme[largest][x->dtype];
    for (int d = dim; d < x->shape.ndim; d++) *(d == dim ? &s.n : &s.inner) *= x->shape.dim[d];
    int64_t outer = x->numel / s.n / s.inner;
    s.width = tn_parallel_columns(outer, s.inner, TN_BLOCK);
    int64_t blocks = (s.inner + s.width - 1) / s.width;
    if (s.inner == 1)
        tn_parallel(x->numel, s.n, search_rows, &s);
    else
        tn_parallel(outer * blocks * s.n * s.width, s.n * s.width, search_columns, &s);
    tn_value_release(from);
    return y;
}

tn_value *tn_value_extreme(tn_value *x, int dim, bool largest) {
    at_shape order;
    if (tn_layout_of(&x->shape, x->stride, &order) != TN_PERMUTED) return extreme_by_rows(x, dim, largest);
    tn_value *in_order = tn_value_permute(x, &order);
    tn_value *y = in_order ? extreme_by_rows(in_order, tn_place_in_order(&order, dim), largest) : NULL;
    tn_value_release(in_order);
    return tn_value_permute_back(y, &order);
}
