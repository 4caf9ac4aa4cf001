/* tests/conformance/operators_elementwise.c - arithmetic, comparisons, functions of one element. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>

#include "operators.h"

#define UNARY(name, expression)                                                                                        \
    void onnx_##name(node *n) {                                                                                        \
        at_tensor *x = n->input[0];                                                                                    \
        n->output[0] = expression;                                                                                     \
    }

UNARY(Abs, at_abs(x))
UNARY(Ceil, at_ceil(x))
UNARY(Cos, at_cos(x))
UNARY(Erf, at_erf(x))
UNARY(Exp, at_exp(x))
UNARY(Floor, at_floor(x))
UNARY(Identity, x)
UNARY(IsNaN, at_ne(x, x))
UNARY(Log, at_log(x))
UNARY(Neg, at_neg(x))
UNARY(Not, at_logical_not(x))
UNARY(Reciprocal, at_reciprocal(x))
UNARY(Round, at_round(x))
UNARY(Sign, at_sign(x))
UNARY(Sin, at_sin(x))
UNARY(Sqrt, at_sqrt(x))
UNARY(Tan, at_tan(x))

/* Hyperbolic functions from exponentials; expm1 and log1p keep small arguments exact. */
UNARY(Cosh, at_mul(0.5, at_add(at_exp(x), at_exp(at_neg(x)))))
UNARY(Sinh, at_mul(0.5, at_sub(at_expm1(x), at_expm1(at_neg(x)))))
UNARY(Acosh, at_log(at_add(x, at_sqrt(at_sub(at_square(x), 1)))))
UNARY(Atanh, at_mul(0.5, at_sub(at_log1p(x), at_log1p(at_neg(x)))))

/* asinh |x| = log1p(|x| + x^2 / (1 + sqrt(1 + x^2))), and asinh is odd. */
UNARY(Asinh, at_mul(at_sign(x),
                    at_log1p(at_add(at_abs(x), at_div(at_square(x), at_add(1, at_sqrt(at_add(1, at_square(x)))))))))

/* Nothing is above infinity or below its negative: such a comparison stands for a sign that is not asked for. */
void onnx_IsInf(node *n) {
    at_tensor *x = n->input[0];
    at_tensor *above = int_attribute(n, "detect_positive", 1) ? at_eq(x, INFINITY) : at_gt(x, INFINITY);
    at_tensor *below = int_attribute(n, "detect_negative", 1) ? at_eq(x, -INFINITY) : at_lt(x, -INFINITY);
    n->output[0] = at_logical_or(above, below);
}

/* ---- two operands ------------------------------------------------------------------------------------------------ */

/* Before operator set 7 an attribute said at which of a's axes b begins; now b's last axis meets a's last. */
static at_tensor *second(const node *n) {
    at_tensor *b = n->input[1];
    if (n->opset >= 7 || !onnx_attribute_exists(n->source, "axis")) return b;
    int axis = positive_axis(int_attribute(n, "axis", 0), at_ndim(n->input[0]));
    return unsqueeze_many(b, at_ndim(b), at_ndim(n->input[0]) - axis - at_ndim(b));
}

#define BINARY(name, expression)                                                                                       \
    void onnx_##name(node *n) {                                                                                        \
        at_tensor *a = n->input[0], *b = second(n);                                                                    \
        n->output[0] = expression;                                                                                     \
    }

BINARY(Add, at_add(a, b))
BINARY(Sub, at_sub(a, b))
BINARY(Mul, at_mul(a, b))
BINARY(Equal, at_eq(a, b))
BINARY(Greater, at_gt(a, b))
BINARY(GreaterOrEqual, at_ge(a, b))
BINARY(Less, at_lt(a, b))
BINARY(LessOrEqual, at_le(a, b))
BINARY(And, at_logical_and(a, b))
BINARY(Or, at_logical_or(a, b))
BINARY(Xor, at_ne(a, b))
BINARY(Pow, at_to(at_pow(a, b), at_dtype_of(a)))

/* Quotients of integers are rounded towards zero, as conversion to an integer rounds. */
static at_tensor *truncated_quotient(at_tensor *a, at_tensor *b) {
    return at_to(at_div(at_to(a, AT_FLOAT64), at_to(b, AT_FLOAT64)), AT_INT64);
}

BINARY(Div, is_floating(a) ? at_div(a, b) : truncated_quotient(a, b))

/* The remainder has the sign of a with fmod set, the sign of b otherwise. */
void onnx_Mod(node *n) {
    at_tensor *a = n->input[0], *b = n->input[1];
    at_tensor *quotient = truncated_quotient(a, b);
    if (!int_attribute(n, "fmod", 0))
        quotient = at_to(at_floor(at_div(at_to(a, AT_FLOAT64), at_to(b, AT_FLOAT64))), AT_INT64);
    n->output[0] = at_sub(a, at_mul(b, at_to(quotient, at_dtype_of(a))));
}

void onnx_Where(node *n) { n->output[0] = at_where(n->input[0], n->input[1], n->input[2]); }

/* ---- any number of operands -------------------------------------------------------------------------------------- */

#define VARIADIC(name, expression)                                                                                     \
    void onnx_##name(node *n) {                                                                                        \
        at_tensor *y = n->input[0];                                                                                    \
        for (int i = 1; i < n->n_inputs; i++) {                                                                        \
            at_tensor *x = n->input[i];                                                                                \
            y = expression;                                                                                            \
        }                                                                                                              \
        n->output[0] = y;                                                                                              \
    }

VARIADIC(Max, at_maximum(y, x))
VARIADIC(Min, at_minimum(y, x))
VARIADIC(Sum, at_add(y, x))

void onnx_Mean(node *n) {
    onnx_Sum(n);
    n->output[0] = at_div(n->output[0], n->n_inputs);
}

/* ---- bounds and types -------------------------------------------------------------------------------------------- */

void onnx_Clip(node *n) {
    double lo = n->input[1] ? at_item(n->input[1]) : float_attribute(n, "min", -INFINITY);
    double hi = n->input[2] ? at_item(n->input[2]) : float_attribute(n, "max", INFINITY);
    n->output[0] = at_clamp(n->input[0], lo, hi);
}

void onnx_Cast(node *n) {
    at_dtype dtype;
    if (onnx_dtype(int_attribute(n, "to", 0), &dtype, &n->skip)) n->output[0] = at_to(n->input[0], dtype);
}

void onnx_CastLike(node *n) { n->output[0] = at_to(n->input[0], at_dtype_of(n->input[1])); }

/* (x - zero point) * scale, the last two for the whole tensor or for each index of an axis. */
void onnx_DequantizeLinear(node *n) {
    at_tensor *x = n->input[0], *scale = n->input[1], *zero = n->input[2] ? n->input[2] : at_zeros_like(x);
    int trailing = at_ndim(x) - positive_axis(int_attribute(n, "axis", 1), at_ndim(x)) - 1;
    if (at_ndim(scale) == 1) scale = unsqueeze_many(scale, 1, trailing);
    if (at_ndim(zero) == 1) zero = unsqueeze_many(zero, 1, trailing);
    n->output[0] = at_mul(at_to(at_sub(x, zero), AT_FLOAT32), scale);
}
