/* tests/fuzz/naive.c - operations on tensors whose elements are nodes of the tape, by the words of operations.h. */
#include <math.h>
#include <string.h>

#include "naive.h"

enum { MOST_ELEMENTS = 2048, ALL_ELEMENTS = 1 << 17 };

static int elements[ALL_ELEMENTS];
static int used;
static bool full;
bool naive_lost;

void naive_clear(void) {
    tape_clear();
    used = 0;
    full = naive_lost = false;
}

bool naive_is_full(void) {
    bool was = full || tape_is_full();
    full = false;
    return was;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

precision precision_of(at_dtype dtype) { return dtype == AT_FLOAT32 ? SINGLE : dtype == AT_FLOAT64 ? DOUBLE : WHOLE; }

static bool floating(at_dtype dtype) { return dtype == AT_FLOAT32 || dtype == AT_FLOAT64; }

int64_t naive_numel(const at_shape *shape) {
    int64_t n = 1;
    for (int d = 0; d < shape->ndim; d++) n *= shape->dim[d];
    return n;
}

bool naive_new(naive *y, at_shape shape, at_dtype dtype) {
    if (shape.ndim > AT_MAX_DIMS) return false;
    int64_t n = 1;
    for (int d = 0; d < shape.ndim; d++) {
        if (shape.dim[d] < 0) return false;
        n = n > MOST_ELEMENTS || shape.dim[d] > MOST_ELEMENTS ? MOST_ELEMENTS + 1 : n * shape.dim[d];
    }
    if (n > MOST_ELEMENTS || used + n > ALL_ELEMENTS) full = true, n = 0, shape = AT_SHAPE(0);
    *y = (naive){shape, dtype, elements + used};
    used += (int)n;
    return true;
}

bool naive_broadcast(const at_shape *a, const at_shape *b, at_shape *y) {
    *y = a->ndim > b->ndim ? *a : *b;
    for (int back = 1; back <= y->ndim; back++) {
        int64_t m = back <= a->ndim ? a->dim[a->ndim - back] : 1, n = back <= b->ndim ? b->dim[b->ndim - back] : 1;
        if (m != n && m != 1 && n != 1) return false;
        y->dim[y->ndim - back] = m == 1 ? n : m;
    }
    return true;
}

static void index_of(const at_shape *shape, int64_t i, int64_t *index) {
    for (int d = shape->ndim - 1; d >= 0; d--) {
        index[d] = i % shape->dim[d];
        i /= shape->dim[d];
    }
}

static int64_t place_of(const at_shape *shape, const int64_t *index) {
    int64_t at = 0;
    for (int d = 0; d < shape->ndim; d++) at = at * shape->dim[d] + index[d];
    return at;
}

/* The element of x that broadcasts to place i of shape. */
static int broadcast_at(const naive *x, const at_shape *shape, int64_t i) {
    int64_t index[AT_MAX_DIMS], own[AT_MAX_DIMS];
    index_of(shape, i, index);
    for (int d = 0; d < x->shape.ndim; d++) own[d] = x->shape.dim[d] == 1 ? 0 : index[shape->ndim - x->shape.ndim + d];
    return x->at[place_of(&x->shape, own)];
}

static bool right_dim(const naive *x, int *dim) {
    int n = x->shape.ndim ? x->shape.ndim : 1;
    if (*dim < -n || *dim >= n) return false;
    if (*dim < 0) *dim += n;
    return true;
}

/* x as (outer, n, inner) around dimension dim. */
typedef struct {
    int64_t outer, n, inner;
} around;

static around look_around(const at_shape *shape, int dim) {
    around a = {1, 1, 1};
    for (int d = 0; d < shape->ndim; d++) *(d < dim ? &a.outer : d == dim ? &a.n : &a.inner) *= shape->dim[d];
    return a;
}

static int64_t around_place(const around *a, int64_t row, int64_t k) {
    return (row / a->inner * a->n + k) * a->inner + row % a->inner;
}

static at_shape with_dim(at_shape shape, int dim, int64_t n) {
    if (shape.ndim) shape.dim[dim] = n;
    return shape;
}

static at_shape without_dim(at_shape shape, int dim) {
    if (shape.ndim == 0) return shape;
    for (int d = dim; d + 1 < shape.ndim; d++) shape.dim[d] = shape.dim[d + 1];
    shape.ndim--;
    return shape;
}

/* ---- one operand ------------------------------------------------------------------------------------------------- */

static double zero(double x) { return (void)x, 0; }
static double minus(double x) { return -x; }
static double minus_one(double x) { return (void)x, -1; }
static double sign(double x) { return (x > 0) - (x < 0); }
static double square(double x) { return x * x; }
static double twice(double x) { return 2 * x; }
static double relu(double x) { return x > 0 ? x : 0; }
static double step(double x) { return x > 0; }
static double inverse(double x) { return 1 / x; }
static double log1p_slope(double x) { return 1 / (1 + x); }
static double sqrt_slope(double x) { return 0.5 / sqrt(x); }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double rsqrt_slope(double x) { return -0.5 / (x * sqrt(x)); }
static double inverse_slope(double x) { return -1 / (x * x); }
static double minus_sin(double x) { return -sin(x); }
static double tan_slope(double x) { return 1 + tan(x) * tan(x); }
static double tanh_slope(double x) { return 1 - tanh(x) * tanh(x); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double sigmoid_slope(double x) { return sigmoid(x) * sigmoid(-x); }
static double erf_slope(double x) { return 1.1283791670955126 * exp(-x * x); }

static const function_of_one unaries[UNARIES] = {[NEG] = {minus, minus_one, true, false},
                                                 [ABS] = {fabs, sign, true, false},
                                                 [SIGN] = {sign, zero, true, true},
                                                 [SQUARE] = {square, twice, false, false},
                                                 [RELU] = {relu, step, true, false},
                                                 [FLOOR] = {floor, zero, true, true},
                                                 [CEIL] = {ceil, zero, true, true},
                                                 [ROUND] = {nearbyint, zero, true, true},
                                                 [EXP] = {exp, exp, false, false},
                                                 [LOG] = {log, inverse, false, false},
                                                 [LOG1P] = {log1p, log1p_slope, false, false},
                                                 [EXPM1] = {expm1, exp, false, false},
                                                 [SQRT] = {sqrt, sqrt_slope, false, false},
                                                 [RSQRT] = {rsqrt, rsqrt_slope, false, false},
                                                 [RECIPROCAL] = {inverse, inverse_slope, false, false},
                                                 [SIN] = {sin, cos, false, false},
                                                 [COS] = {cos, minus_sin, false, false},
                                                 [TAN] = {tan, tan_slope, false, false},
                                                 [TANH] = {tanh, tanh_slope, false, false},
                                                 [SIGMOID] = {sigmoid, sigmoid_slope, false, false},
                                                 [ERF] = {erf, erf_slope, false, false}};

/* Where f has a pole between the ends of what x may be, nothing is known. */
static bool pole_near(int variant, number x) {
    if (variant == TAN) return fabs(cos(x.v)) <= 2 * x.e;
    return (variant == RECIPROCAL || variant == RSQRT || variant == LOG) && fabs(x.v) <= 2 * x.e;
}

static int unary_node(int variant, int x, precision p) {
    if (pole_near(variant, tape_number(x))) return tape_one_of(1, &x, 0, INFINITY, p);
    return tape_unary(x, &unaries[variant], p);
}

bool naive_unary(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    at_dtype dtype = x->dtype;
    bool real = c->variant >= EXP;
    if (real && !floating(dtype)) dtype = AT_FLOAT32;
    if (dtype == AT_BOOL && c->variant == SQUARE) dtype = AT_INT64;
    if (dtype == AT_BOOL && c->variant != SIGN) return false;
    if (!naive_new(y, x->shape, dtype)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++)
        y->at[i] = unary_node(c->variant, x->at[i], precision_of(dtype));
    return true;
}

static int converted(int x, at_dtype dtype) {
    number a = tape_number(x);
    if (floating(dtype)) return tape_copy(x, precision_of(dtype));
    double v = dtype == AT_BOOL ? a.v != 0 : trunc(a.v);
    bool sure =
        is_known(a) && (a.e == 0 || (dtype == AT_BOOL ? fabs(a.v) > a.e : trunc(a.v - a.e) == trunc(a.v + a.e)));
    return tape_new(v, sure ? 0 : INFINITY, WHOLE, -1);
}

bool naive_to(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    if (!naive_new(y, x->shape, c->dtype)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++)
        y->at[i] = x->dtype == c->dtype ? x->at[i] : converted(x->at[i], c->dtype);
    return true;
}

bool naive_copy(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    *y = *x;
    return true;
}

/* ---- two operands ------------------------------------------------------------------------------------------------ */

static double sum(double a, double b) { return a + b; }
static double difference(double a, double b) { return a - b; }
static double product(double a, double b) { return a * b; }
static double quotient(double a, double b) { return a / b; }
static double first(double a, double b) { return (void)b, a; }
static double second(double a, double b) { return (void)a, b; }
static double constant_one(double a, double b) { return (void)a, (void)b, 1; }
static double constant_minus_one(double a, double b) { return (void)a, (void)b, -1; }
static double quotient_a(double a, double b) { return (void)a, 1 / b; }
static double quotient_b(double a, double b) { return -a / (b * b); }
static double pow_a(double a, double b) { return b == 0 ? 0 : b * pow(a, b - 1); }
static double pow_b(double a, double b) { return a == 0 && b >= 0 ? 0 : pow(a, b) * log(a); }
static double larger(double a, double b) { return a > b ? a : b; }
static double smaller(double a, double b) { return a < b ? a : b; }
static double is_larger(double a, double b) { return a > b ? 1 : a == b ? 0.5 : 0; }
static double is_smaller(double a, double b) { return a < b ? 1 : a == b ? 0.5 : 0; }
static double eq(double a, double b) { return a == b; }
static double ne(double a, double b) { return a != b; }
static double lt(double a, double b) { return a < b; }
static double le(double a, double b) { return a <= b; }
static double gt(double a, double b) { return a > b; }
static double ge(double a, double b) { return a >= b; }

static const function_of_two binaries[BINARIES] = {[ADD] = {sum, constant_one, constant_one, true},
                                                   [SUB] = {difference, constant_one, constant_minus_one, true},
                                                   [MUL] = {product, second, first, true},
                                                   [DIV] = {quotient, quotient_a, quotient_b, true},
                                                   [POW] = {pow, pow_a, pow_b, false},
                                                   [MAXIMUM] = {larger, is_larger, is_smaller, true},
                                                   [MINIMUM] = {smaller, is_smaller, is_larger, true}};
static double (*const comparisons[])(double, double) = {eq, ne, lt, le, gt, ge};

static int category(at_dtype dtype) { return floating(dtype) ? 2 : dtype == AT_INT64 ? 1 : 0; }
static at_dtype wider(at_dtype a, at_dtype b) {
    if (category(a) != category(b)) return category(a) > category(b) ? a : b;
    return a == AT_FLOAT64 ? a : b;
}
static bool is_tensor(const at_operand *o) { return o->kind == AT_OPERAND_TENSOR; }

static at_dtype promoted(const call *c, const naive *x) {
    at_dtype dtype[2];
    int weight[2];
    for (int i = 0; i < 2; i++) {
        const at_operand *o = &c->operand[i];
        dtype[i] = is_tensor(o)                    ? x[i].dtype
                   : o->kind == AT_OPERAND_FLOAT   ? AT_FLOAT32
                   : o->kind == AT_OPERAND_INTEGER ? AT_INT64
                                                   : AT_BOOL;
        weight[i] = !is_tensor(o) ? 0 : x[i].shape.ndim == 0 ? 1 : 2;
    }
    if (weight[0] == weight[1] || category(dtype[0]) != category(dtype[1])) return wider(dtype[0], dtype[1]);
    return weight[0] > weight[1] ? dtype[0] : dtype[1];
}

/* Operand i in that dtype; a number becomes a constant. */
static naive operand(const call *c, const naive *x, int i, at_dtype dtype) {
    naive y;
    const at_operand *o = &c->operand[i];
    if (is_tensor(o)) {
        call to = {.dtype = dtype};
        (void)naive_to(&to, &x[i], &y, NULL);
        return y;
    }
    double v = o->kind == AT_OPERAND_FLOAT ? o->real : (double)o->integer;
    if (naive_new(&y, AT_SHAPE_SCALAR, dtype) && naive_numel(&y.shape) == 1)
        y.at[0] = tape_new(dtype == AT_BOOL ? v != 0 : floating(dtype) ? v : trunc(v), 0, precision_of(dtype), -1);
    return y;
}

static int compared(int variant, int a, int b) {
    number m = tape_number(a), n = tape_number(b);
    bool sure = is_known(m) && is_known(n) && (fabs(m.v - n.v) > m.e + n.e || (m.e == 0 && n.e == 0));
    return tape_new(comparisons[variant - EQ](m.v, n.v), sure ? 0 : INFINITY, WHOLE, -1);
}

static int binary_node(int variant, int a, int b, at_dtype dtype) {
    number m = tape_number(a), n = tape_number(b);
    if (variant >= EQ) return compared(variant, a, b);
    if ((variant == DIV && fabs(n.v) <= 2 * n.e) || (variant == POW && m.v <= 2 * m.e && !(m.e == 0 && n.e == 0)))
        return tape_one_of(2, (int[]){a, b}, 0, INFINITY, precision_of(dtype));
    if (dtype != AT_BOOL) return tape_binary(a, b, &binaries[variant], precision_of(dtype));
    bool both = variant == MUL || variant == MINIMUM, x = m.v != 0, y = n.v != 0;
    return tape_new(both ? x && y : x || y, is_known(m) && is_known(n) ? 0 : INFINITY, WHOLE, -1);
}

bool naive_binary(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    at_shape shape, scalar = AT_SHAPE_SCALAR;
    at_dtype dtype = promoted(c, x);
    bool a_bool = is_tensor(&c->operand[0]) ? x[0].dtype == AT_BOOL : c->operand[0].kind == AT_OPERAND_BOOL;
    bool b_bool = is_tensor(&c->operand[1]) ? x[1].dtype == AT_BOOL : c->operand[1].kind == AT_OPERAND_BOOL;
    if (c->variant == SUB && (a_bool || b_bool)) return false;
    if (c->variant == POW && dtype == AT_BOOL) return false;
    if (c->variant == DIV && !floating(dtype)) dtype = AT_FLOAT32;
    if (!naive_broadcast(is_tensor(&c->operand[0]) ? &x[0].shape : &scalar,
                         is_tensor(&c->operand[1]) ? &x[1].shape : &scalar, &shape))
        return false;
    naive a = operand(c, x, 0, dtype), b = operand(c, x, 1, dtype);
    if (!naive_new(y, shape, c->variant >= EQ ? AT_BOOL : dtype)) return false;
    if (full) return true;
    bool powers = c->variant == POW && !floating(dtype);
    for (int64_t i = 0; i < naive_numel(&shape); i++) {
        y->at[i] = binary_node(c->variant, broadcast_at(&a, &shape, i), broadcast_at(&b, &shape, i), dtype);
        if (powers && tape_number(broadcast_at(&b, &shape, i)).v < 0) naive_lost = true;
    }
    return true;
}

static bool truth(int x, bool *sure) {
    number a = tape_number(x);
    *sure = is_sure(a, 0);
    return a.v != 0;
}

/* variant 0: and, 1: or */
bool naive_logical(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    at_shape shape;
    if (!naive_broadcast(&x[0].shape, &x[1].shape, &shape) || !naive_new(y, shape, AT_BOOL)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        bool sure_a, sure_b, a = truth(broadcast_at(&x[0], &shape, i), &sure_a);
        bool b = truth(broadcast_at(&x[1], &shape, i), &sure_b);
        y->at[i] = tape_new(c->variant ? a || b : a && b, sure_a && sure_b ? 0 : INFINITY, WHOLE, -1);
    }
    return true;
}

bool naive_not(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    if (!naive_new(y, x->shape, AT_BOOL)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        bool sure, a = truth(x->at[i], &sure);
        y->at[i] = tape_new(!a, sure ? 0 : INFINITY, WHOLE, -1);
    }
    return true;
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static int chosen(int cond, int a, int b, precision p) {
    bool sure, first_one = truth(cond, &sure);
    return sure ? tape_copy(first_one ? a : b, p) : tape_one_of(2, (int[]){a, b}, 0, INFINITY, p);
}

static bool choose(const naive *cond, const naive *a, const naive *b, naive *y) {
    at_shape two, shape;
    if (!naive_broadcast(&a->shape, &b->shape, &two) || !naive_broadcast(&cond->shape, &two, &shape)) return false;
    if (!naive_new(y, shape, a->dtype)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape) && !full; i++)
        y->at[i] = chosen(broadcast_at(cond, &shape, i), broadcast_at(a, &shape, i), broadcast_at(b, &shape, i),
                          precision_of(a->dtype));
    return true;
}

/* operands a and b, and the condition as the third tensor */
bool naive_where(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    if (x[2].dtype != AT_BOOL) return false;
    at_dtype dtype = promoted(c, x);
    naive a = operand(c, x, 0, dtype), b = operand(c, x, 1, dtype);
    return choose(&x[2], &a, &b, y);
}

/* operands value and x, and the mask as the third tensor */
bool naive_masked_fill(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    if (x[2].dtype != AT_BOOL || !is_tensor(&c->operand[1])) return false;
    if (is_tensor(&c->operand[0]) && x[0].shape.ndim > 0) return false;
    naive value = operand(c, x, 0, x[1].dtype);
    return choose(&x[2], &value, &x[1], y);
}

bool naive_clamp(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    at_dtype dtype = x->dtype == AT_BOOL ? AT_INT64 : x->dtype;
    bool whole = c->number == floor(c->number) && c->other == floor(c->other);
    if (dtype == AT_INT64 && !whole) dtype = AT_FLOAT32;
    if (!naive_new(y, x->shape, dtype)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        number a = tape_number(x->at[i]);
        double v = fmin(fmax(a.v, c->number), c->other);
        int node = y->at[i] = tape_new(v, is_known(a) ? a.e : INFINITY, precision_of(dtype), -1);
        double within = a.v >= c->number && a.v <= c->other;
        bool sure = is_sure(a, c->number) && is_sure(a, c->other);
        tape_part(node, x->at[i], is_known(a) ? (number){within, sure ? 0 : 1} : (number){0, INFINITY});
    }
    return true;
}

static at_dtype real_dtype(const naive *x) { return floating(x->dtype) ? x->dtype : AT_FLOAT32; }

bool naive_leaky_relu(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    if (!naive_new(y, x->shape, real_dtype(x))) return false;
    precision p = precision_of(y->dtype);
    int slope = tape_new(c->number, 0, p, -1);
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        number a = tape_number(x->at[i]);
        int small = tape_binary(x->at[i], slope, &binaries[MUL], p);
        y->at[i] = is_sure(a, 0) ? (a.v > 0 ? tape_copy(x->at[i], p) : small)
                   : is_known(a) ? tape_one_of(2, (int[]){x->at[i], small}, 0, 2 * a.e * (1 + fabs(c->number)), p)
                                 : tape_one_of(1, &x->at[i], 0, INFINITY, p);
    }
    return true;
}

bool naive_gelu(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    if (!naive_new(y, x->shape, real_dtype(x))) return false;
    precision p = precision_of(y->dtype);
    int half = tape_new(0.5, 0, p, -1), root = tape_new(sqrt(0.5), 0, p, -1), unit = tape_new(1, 0, p, -1);
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        int scaled = unary_node(ERF, tape_binary(x->at[i], root, &binaries[MUL], p), p);
        int factor = tape_binary(scaled, unit, &binaries[ADD], p);
        y->at[i] = tape_binary(tape_binary(x->at[i], half, &binaries[MUL], p), factor, &binaries[MUL], p);
    }
    return true;
}

bool naive_silu(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    if (!naive_new(y, x->shape, real_dtype(x))) return false;
    precision p = precision_of(y->dtype);
    for (int64_t i = 0; i < naive_numel(&y->shape); i++)
        y->at[i] = tape_binary(x->at[i], unary_node(SIGMOID, x->at[i], p), &binaries[MUL], p);
    return true;
}

static double softplus(double x) { return x > 20 ? x : log1p(exp(x)); }
static double softplus_slope(double x) { return x > 20 ? 1 : sigmoid(x); }

bool naive_softplus(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    static const function_of_one f = {softplus, softplus_slope, false, false};
    if (!naive_new(y, x->shape, real_dtype(x))) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) y->at[i] = tape_unary(x->at[i], &f, precision_of(y->dtype));
    return true;
}

/* ---- reductions -------------------------------------------------------------------------------------------------- */

static int spread_node(int variant, int n, const int *x, precision p) {
    int mean = tape_sum(n, x, 1.0 / n, p), parts[MOST_ELEMENTS];
    for (int i = 0; i < n; i++) parts[i] = unary_node(SQUARE, tape_binary(x[i], mean, &binaries[SUB], p), p);
    int variance = tape_sum(n, parts, 1.0 / (n - 1), p);
    return variant == STD ? unary_node(SQRT, variance, p) : variance;
}

/* A derivative is a product of others, which may overflow where the whole does not: 0 times infinity is no number. */
static int product_node(int n, const int *x, precision p) {
    double most = 1;
    for (int i = 0; i < n; i++) most *= fmax(fabs(tape_number(x[i]).v) + tape_number(x[i]).e, 1);
    if (!(most < tape_largest(p))) return tape_one_of(n, x, 0, INFINITY, p);
    int y = n ? tape_copy(x[0], p) : tape_new(1, 0, p, -1);
    for (int i = 1; i < n; i++) y = tape_binary(y, x[i], &binaries[MUL], p);
    return y;
}

static int norm_node(int n, const int *x, precision p) {
    int parts[MOST_ELEMENTS];
    for (int i = 0; i < n; i++) parts[i] = unary_node(SQUARE, x[i], p);
    return unary_node(SQRT, tape_sum(n, parts, 1, p), p);
}

static int any_node(bool all, int n, const int *x) {
    bool result = all, sure = true;
    for (int i = 0; i < n; i++) {
        bool sure_of_one, one_of_them = truth(x[i], &sure_of_one);
        if (sure_of_one && one_of_them != all) return tape_new(!all, 0, WHOLE, -1);
        sure = sure && sure_of_one;
    }
    return tape_new(result, sure ? 0 : INFINITY, WHOLE, -1);
}

static int reduced(int variant, int n, const int *x, precision p) {
    int at;
    switch (variant) {
    case SUM: return tape_sum(n, x, 1, p);
    case MEAN: return n ? tape_sum(n, x, 1.0 / n, p) : tape_new(0, INFINITY, p, -1);
    case PROD: return product_node(n, x, p);
    case MAX:
    case MIN: return tape_extreme(n, x, variant == MAX, true, p, &at);
    case VAR:
    case STD: return n > 1 ? spread_node(variant, n, x, p) : tape_one_of(n, x, 0, INFINITY, p);
    case LOGSUMEXP: return tape_log_sum_exp(n, x, p);
    case NORM: return norm_node(n, x, p);
    default: return any_node(variant == ALL, n, x);
    }
}

bool naive_reduce(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int v = c->variant, dim = c->dim;
    at_dtype dtype = x->dtype;
    bool truths = v == ANY || v == ALL, only_floating = v == MEAN || v == VAR || v == STD || v == NORM;
    if (only_floating && !floating(dtype)) return false;
    if (v == LOGSUMEXP && !floating(dtype)) dtype = AT_FLOAT32;
    if ((v == SUM || v == PROD) && dtype == AT_BOOL) dtype = AT_INT64;
    around a = {1, naive_numel(&x->shape), 1};
    at_shape shape = AT_SHAPE_SCALAR;
    if (!c->all) {
        if (!right_dim(x, &dim)) return false;
        a = look_around(&x->shape, dim);
        shape = c->flag ? with_dim(x->shape, dim, 1) : without_dim(x->shape, dim);
    } else if ((v == MAX || v == MIN) && a.n == 0) {
        return false;
    }
    if (!naive_new(y, shape, truths ? AT_BOOL : dtype)) return false;
    int row[MOST_ELEMENTS];
    for (int64_t r = 0; r < naive_numel(&y->shape); r++) {
        for (int64_t k = 0; k < a.n; k++) row[k] = x->at[around_place(&a, r, k)];
        y->at[r] = reduced(v, (int)a.n, row, truths ? WHOLE : precision_of(dtype));
    }
    return true;
}

/* variant 0: the largest, 1: the smallest */
bool naive_max_dim(const call *c, const naive *x, naive *y, naive *extra) {
    int dim = c->dim, row[MOST_ELEMENTS];
    if (!right_dim(x, &dim) || (x->shape.ndim && x->shape.dim[dim] == 0)) return false;
    around a = look_around(&x->shape, dim);
    at_shape shape = c->flag ? with_dim(x->shape, dim, 1) : without_dim(x->shape, dim);
    if (!naive_new(y, shape, x->dtype) || !naive_new(extra, shape, AT_INT64)) return false;
    for (int64_t r = 0; r < naive_numel(&y->shape) && !full; r++) {
        int at;
        for (int64_t k = 0; k < a.n; k++) row[k] = x->at[around_place(&a, r, k)];
        y->at[r] = tape_extreme((int)a.n, row, c->variant == 0, false, precision_of(x->dtype), &at);
        extra->at[r] = tape_new(at, at < 0 ? INFINITY : 0, WHOLE, -1);
    }
    return true;
}

bool naive_argmax(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    naive values;
    return naive_max_dim(c, x, &values, y);
}

bool naive_cumsum(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int dim = c->dim;
    if (!right_dim(x, &dim) || !naive_new(y, x->shape, x->dtype == AT_BOOL ? AT_INT64 : x->dtype)) return false;
    around a = look_around(&x->shape, dim);
    precision p = precision_of(y->dtype);
    for (int64_t r = 0; r < a.outer * a.inner && naive_numel(&y->shape) > 0; r++)
        for (int64_t k = 0; k < a.n; k++) {
            int64_t i = around_place(&a, r, k);
            y->at[i] = k == 0 ? tape_copy(x->at[i], p)
                              : tape_binary(y->at[around_place(&a, r, k - 1)], x->at[i], &binaries[ADD], p);
        }
    return true;
}

/* A row of softmax, or (log) of its logarithm, in the place of its elements. */
static void softmax_row(bool log, int n, int *row, precision p) {
    double most = -INFINITY;
    for (int k = 0; k < n; k++) most = fmax(most, tape_number(row[k]).v);
    if (log) {
        int all = tape_log_sum_exp(n, row, p);
        for (int k = 0; k < n; k++) row[k] = tape_binary(row[k], all, &binaries[SUB], p);
        return;
    }
    int shift = tape_new(most, 0, p, -1);
    for (int k = 0; k < n; k++) row[k] = unary_node(EXP, tape_binary(row[k], shift, &binaries[SUB], p), p);
    int all = tape_sum(n, row, 1, p);
    for (int k = 0; k < n; k++) row[k] = binary_node(DIV, row[k], all, p == SINGLE ? AT_FLOAT32 : AT_FLOAT64);
}

/* variant 1: log_softmax */
bool naive_softmax(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    int dim = c->dim, row[MOST_ELEMENTS];
    if (!floating(x->dtype) || !right_dim(x, &dim) || !naive_new(y, x->shape, x->dtype)) return false;
    around a = look_around(&x->shape, dim);
    for (int64_t r = 0; r < a.outer * a.inner && naive_numel(&y->shape) > 0; r++) {
        for (int64_t k = 0; k < a.n; k++) row[k] = x->at[around_place(&a, r, k)];
        softmax_row(c->variant, (int)a.n, row, precision_of(x->dtype));
        for (int64_t k = 0; k < a.n; k++) y->at[around_place(&a, r, k)] = row[k];
    }
    return true;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

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
    if (naive_numel(&y->shape) == 0 || full) return true;
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
    if (naive_numel(&shape) > MOST_ELEMENTS) return full = true;
    for (int64_t i = 0; i < naive_numel(&shape); i++) {
        bool sure, wanted = truth(broadcast_at(&x[1], &shape, i), &sure);
        if (!sure) return naive_lost = true;
        if (wanted) found[n++] = broadcast_at(&x[0], &shape, i);
    }
    if (!naive_new(y, AT_SHAPE(n), x->dtype)) return false;
    for (int i = 0; i < n && !full; i++) y->at[i] = found[i];
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
    if (full) return true;
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
    if (full) return true;
    if (dims_b == 1) y->shape = without_dim(y->shape, y->shape.ndim - 1);
    if (dims_a == 1) y->shape = without_dim(y->shape, y->shape.ndim - (dims_b == 1 ? 1 : 2));
    return true;
}
