/* tests/fuzz/naive_elementwise.c - operations on each element by itself, by the words of operations.h. */
#include <math.h>

#include "naive_internal.h"

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

int unary_node(int variant, int x, precision p) {
    if (pole_near(variant, tape_number(x))) return tape_one_of(1, &x, 0, INFINITY, p);
    return tape_unary(x, &unaries[variant], p);
}

int converted(int x, at_dtype dtype) {
    number a = tape_number(x);
    if (floating(dtype)) return tape_copy(x, precision_of(dtype));
    double v = dtype == AT_BOOL ? a.v != 0 : trunc(a.v);
    bool sure =
        is_known(a) && (a.e == 0 || (dtype == AT_BOOL ? fabs(a.v) > a.e : trunc(a.v - a.e) == trunc(a.v + a.e)));
    return tape_new(v, sure ? 0 : INFINITY, WHOLE, -1);
}

int converted_at(const naive *x, int64_t i, at_dtype dtype) {
    return x->dtype == dtype ? x->at[i] : converted(x->at[i], dtype);
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
        y->at[i] = unary_node(c->variant, converted_at(x, i, dtype), precision_of(dtype));
    return true;
}

bool naive_to(const call *c, const naive *x, naive *y, naive *extra) {
    (void)extra;
    if (!naive_new(y, x->shape, c->dtype)) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) y->at[i] = converted_at(x, i, c->dtype);
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

const function_of_two binaries[BINARIES] = {[ADD] = {sum, constant_one, constant_one, true},
                                            [SUB] = {difference, constant_one, constant_minus_one, true},
                                            [MUL] = {product, second, first, true},
                                            [DIV] = {quotient, quotient_a, quotient_b, true},
                                            [POW] = {pow, pow_a, pow_b, false},
                                            [MAXIMUM] = {larger, is_larger, is_smaller, true},
                                            [MINIMUM] = {smaller, is_smaller, is_larger, true}};
static double (*const comparisons[])(double, double) = {eq, ne, lt, le, gt, ge};

static int category(at_dtype dtype) { return floating(dtype) ? 2 : dtype == AT_INT64 ? 1 : 0; }
at_dtype wider(at_dtype a, at_dtype b) {
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

int binary_node(int variant, int a, int b, at_dtype dtype) {
    number m = tape_number(a), n = tape_number(b);
    if (variant >= EQ) return compared(variant, a, b);
    if ((variant == DIV && fabs(n.v) <= 2 * n.e) || (variant == POW && m.v <= 2 * m.e && !(m.e == 0 && n.e == 0)))
        return tape_one_of(2, (int[]){a, b}, 0, INFINITY, precision_of(dtype));
    if (dtype != AT_BOOL) return tape_binary(a, b, &binaries[variant], precision_of(dtype));
    bool both = variant == MUL || variant == MINIMUM, x = m.v != 0, y = n.v != 0;
    return tape_new(both ? x && y : x || y, is_known(m) && is_known(n) ? 0 : INFINITY, WHOLE, -1);
}

/* As torch does, the derivative of a^b takes b - 1 and the logarithm of a in float32 where these are no float64. */
static bool is_coarse(const call *c, const naive *x, int i) {
    return is_tensor(&c->operand[i]) && x[i].dtype != AT_FLOAT64;
}

static void blur(naive *x) {
    naive sharp = *x;
    if (!naive_new(x, sharp.shape, sharp.dtype) || naive_full) return;
    for (int64_t i = 0; i < naive_numel(&x->shape); i++) {
        x->at[i] = tape_copy(sharp.at[i], precision_of(x->dtype));
        tape_widen(x->at[i], 0x1p-20);
    }
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
    if (naive_full) return true;
    if (c->variant == POW && dtype == AT_FLOAT64 && (is_coarse(c, x, 0) || is_coarse(c, x, 1))) {
        blur(&a), blur(&b);
        if (naive_full) return true;
    }
    bool powers = c->variant == POW && !floating(dtype);
    for (int64_t i = 0; i < naive_numel(&shape); i++) {
        y->at[i] = binary_node(c->variant, broadcast_at(&a, &shape, i), broadcast_at(&b, &shape, i), dtype);
        if (powers && tape_number(broadcast_at(&b, &shape, i)).v < 0) naive_lost = true;
    }
    return true;
}

bool truth(int x, bool *sure) {
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
    for (int64_t i = 0; i < naive_numel(&y->shape) && !naive_full; i++)
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
        int own = converted_at(x, i, y->dtype);
        number a = tape_number(own);
        int small = tape_binary(own, slope, &binaries[MUL], p);
        y->at[i] = is_sure(a, 0) ? (a.v > 0 ? tape_copy(own, p) : small)
                   : is_known(a) ? tape_one_of(2, (int[]){own, small}, 0, 2 * a.e * (1 + fabs(c->number)), p)
                                 : tape_one_of(1, &own, 0, INFINITY, p);
    }
    return true;
}

bool naive_gelu(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    if (!naive_new(y, x->shape, real_dtype(x))) return false;
    precision p = precision_of(y->dtype);
    int half = tape_new(0.5, 0, p, -1), root = tape_new(sqrt(0.5), 0, p, -1), unit = tape_new(1, 0, p, -1);
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        int own = converted_at(x, i, y->dtype), scaled = unary_node(ERF, tape_binary(own, root, &binaries[MUL], p), p);
        int factor = tape_binary(scaled, unit, &binaries[ADD], p);
        y->at[i] = tape_binary(tape_binary(own, half, &binaries[MUL], p), factor, &binaries[MUL], p);
    }
    return true;
}

bool naive_silu(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    if (!naive_new(y, x->shape, real_dtype(x))) return false;
    precision p = precision_of(y->dtype);
    for (int64_t i = 0; i < naive_numel(&y->shape); i++) {
        int own = converted_at(x, i, y->dtype);
        y->at[i] = tape_binary(own, unary_node(SIGMOID, own, p), &binaries[MUL], p);
    }
    return true;
}

static double softplus(double x) { return x > 20 ? x : log1p(exp(x)); }
static double softplus_slope(double x) { return x > 20 ? 1 : sigmoid(x); }

bool naive_softplus(const call *c, const naive *x, naive *y, naive *extra) {
    (void)c, (void)extra;
    static const function_of_one f = {softplus, softplus_slope, false, false};
    if (!naive_new(y, x->shape, real_dtype(x))) return false;
    for (int64_t i = 0; i < naive_numel(&y->shape); i++)
        y->at[i] = tape_unary(converted_at(x, i, y->dtype), &f, precision_of(y->dtype));
    return true;
}
