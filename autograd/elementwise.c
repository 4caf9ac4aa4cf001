/* autograd/elementwise.c - operations on each element by itself, with their derivatives.
 *
 * Each checks shapes and dtypes, records an instruction (tensor/value.c defers it), and has its rule beside it. In
 * rules g is the incoming gradient, x (or a, b) the inputs, y the result. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

/* ---- dtypes ------------------------------------------------------------------------------------------------------ */

/* bool < int64 < floating point. */
static int category(at_dtype dtype) { return tn_is_floating(dtype) ? 2 : dtype == AT_INT64 ? 1 : 0; }

static at_dtype wider(at_dtype a, at_dtype b) {
    if (category(a) != category(b)) return category(a) > category(b) ? a : b;
    return a == AT_FLOAT64 ? a : b;
}

static at_dtype dtype_of_number(at_operand_kind kind) {
    return kind == AT_OPERAND_FLOAT ? at_default_dtype() : kind == AT_OPERAND_INTEGER ? AT_INT64 : AT_BOOL;
}

/* How much an operand's dtype weighs: that of a number gives way to a 0-dimensional tensor's of the same category, and
 * that to any other tensor's. */
static int weight(const at_operand *x) {
    return x->kind != AT_OPERAND_TENSOR ? 0 : x->tensor->value->shape.ndim == 0 ? 1 : 2;
}

static at_dtype promote(const at_operand *a, const at_operand *b) {
    at_dtype of_a = a->kind == AT_OPERAND_TENSOR ? a->tensor->value->dtype : dtype_of_number(a->kind);
    at_dtype of_b = b->kind == AT_OPERAND_TENSOR ? b->tensor->value->dtype : dtype_of_number(b->kind);
    if (weight(a) == weight(b) || category(of_a) != category(of_b)) return wider(of_a, of_b);
    return weight(a) > weight(b) ? of_a : of_b;
}

static at_dtype to_floating(at_dtype dtype) { return tn_is_floating(dtype) ? dtype : at_default_dtype(); }

/* ---- one operand ------------------------------------------------------------------------------------------------- */

static at_tensor *unary_as(ag_operation operation, int instruction, at_tensor *x, at_dtype compute, at_dtype result) {
    tn_value *operand = tn_value_cast(x->value, compute);
    tn_value *y = operand ? tn_value_elementwise(instruction, result, &operand->shape, &operand, 1) : NULL;
    tn_value_release(operand);
    return ag_record(operation, y, &x, 1, NULL);
}

/* Defined for real numbers: integers and bools are converted. */
static at_tensor *real(ag_operation operation, int instruction, at_tensor *x) {
    AG_CHECK_TENSOR(ag_name(operation), x);
    at_dtype dtype = to_floating(x->value->dtype);
    return unary_as(operation, instruction, x, dtype, dtype);
}

/* Keeps int64; bool has no such operation. */
static at_tensor *numeric(ag_operation operation, int instruction, at_tensor *x) {
    AG_CHECK_TENSOR(ag_name(operation), x);
    if (x->value->dtype == AT_BOOL)
        return at_fail(AT_ERROR_DTYPE, "%s: %s: want numbers (at_to converts, at_logical_not negates a bool)",
                       ag_name(operation), tn_describe(x));
    return unary_as(operation, instruction, x, x->value->dtype, x->value->dtype);
}

/* Keeps int64; of a bool the bool itself. */
static at_tensor *truth_or_numeric(ag_operation operation, int instruction, at_tensor *x) {
    if (x && x->value->dtype == AT_BOOL) return unary_as(operation, TN_COPY, x, AT_BOOL, AT_BOOL);
    return numeric(operation, instruction, x);
}

/* Keeps int64; bools count as 0 and 1. */
static at_tensor *counting(ag_operation operation, int instruction, at_tensor *x) {
    AG_CHECK_TENSOR(ag_name(operation), x);
    at_dtype dtype = x->value->dtype == AT_BOOL ? AT_INT64 : x->value->dtype;
    return unary_as(operation, instruction, x, dtype, dtype);
}

/* Does nothing to what is whole already. */
static at_tensor *rounding(ag_operation operation, int instruction, at_tensor *x) {
    AG_CHECK_TENSOR(ag_name(operation), x);
    return numeric(operation, tn_is_floating(x->value->dtype) ? instruction : TN_COPY, x);
}

#define UNARY(name, kind, instruction, derivative)                                                                     \
    at_tensor *at_##name(at_tensor *x) { return kind(AG_##name, instruction, x); }                                     \
    AG_RULE(name) {                                                                                                    \
        at_tensor *g = v->g, *x = v->x[0], *y = v->y;                                                                  \
        (void)g, (void)x, (void)y;                                                                                     \
        v->dx[0] = derivative;                                                                                         \
    }

/* The derivative of x sigmoid x. */
static at_tensor *of_silu(at_tensor *x) {
    at_tensor *s = at_sigmoid(x);
    return at_mul(s, at_add(at_mul(x, at_sub(1, s)), 1));
}

UNARY(neg, numeric, TN_NEG, at_neg(g))
UNARY(abs, numeric, TN_ABS, at_mul(g, at_sign(x)))
UNARY(sign, truth_or_numeric, TN_SIGN, NULL)
UNARY(square, counting, TN_SQUARE, at_mul(at_mul(g, 2), x))
UNARY(relu, numeric, TN_RELU, at_where(at_le(y, 0), 0, g))
UNARY(floor, rounding, TN_FLOOR, NULL)
UNARY(ceil, rounding, TN_CEIL, NULL)
UNARY(round, rounding, TN_ROUND, NULL)
UNARY(exp, real, TN_EXP, at_mul(g, y))
UNARY(log, real, TN_LOG, at_div(g, x))
UNARY(log1p, real, TN_LOG1P, at_div(g, at_add(x, 1)))
UNARY(expm1, real, TN_EXPM1, at_mul(g, at_add(y, 1)))
UNARY(sqrt, real, TN_SQRT, at_div(g, at_mul(y, 2)))
UNARY(rsqrt, real, TN_RSQRT, at_mul(at_mul(g, -0.5), at_mul(at_square(y), y)))
UNARY(reciprocal, real, TN_RECIPROCAL, at_neg(at_mul(g, at_square(y))))
UNARY(sin, real, TN_SIN, at_mul(g, at_cos(x)))
UNARY(cos, real, TN_COS, at_neg(at_mul(g, at_sin(x))))
UNARY(tan, real, TN_TAN, at_mul(g, at_add(at_square(y), 1)))
UNARY(tanh, real, TN_TANH, at_mul(g, at_sub(1, at_square(y))))
UNARY(sigmoid, real, TN_SIGMOID, at_mul(g, at_mul(y, at_sub(1, y))))
UNARY(silu, real, TN_SILU, at_mul(g, of_silu(x)))
UNARY(erf, real, TN_ERF, at_mul(g, at_mul(at_exp(at_neg(at_square(x))), 1.12837916709551257390))) /* 2 / sqrt(pi) */

at_tensor *at_logical_not(at_tensor *x) {
    AG_CHECK_TENSOR("logical_not", x);
    return unary_as(AG_logical_not, TN_NOT, x, AT_BOOL, AT_BOOL);
}

at_tensor *at_to(at_tensor *x, at_dtype dtype) {
    AG_CHECK_TENSOR("to", x);
    if ((unsigned)dtype >= TN_DTYPES) return at_fail(AT_ERROR_DTYPE, "to: %d is no dtype", (int)dtype);
    return ag_record(AG_to, tn_value_cast(x->value, dtype), &x, 1, NULL);
}
AG_RULE(to) { v->dx[0] = v->g; } /* the engine gives it x's dtype */

at_tensor *at_contiguous(at_tensor *x) {
    AG_CHECK_TENSOR("contiguous", x);
    return ag_record(AG_contiguous, tn_value_contiguous(x->value), &x, 1, NULL);
}
AG_RULE(contiguous) { v->dx[0] = v->g; }

/* ---- two operands ------------------------------------------------------------------------------------------------ */

/* A number becomes a 0-dimensional tensor of the dtype that is computed in. */
static at_tensor *as_tensor(const at_operand *x, at_dtype dtype) {
    return x->kind == AT_OPERAND_TENSOR ? x->tensor : tn_tensor_from(tn_value_number(*x, dtype));
}

static bool check_operand(const char *function, const at_operand *x, const char *argument) {
    return x->kind != AT_OPERAND_TENSOR || x->tensor || at_fail_null(function, argument);
}

static tn_value *binary_value(int instruction, at_dtype result, const at_shape *shape, at_tensor *a, at_tensor *b,
                              at_dtype compute) {
    tn_value *operands[2] = {tn_value_cast(a->value, compute), NULL};
    if (operands[0]) operands[1] = tn_value_cast(b->value, compute);
    tn_value *y = operands[1] ? tn_value_elementwise(instruction, result, shape, operands, 2) : NULL;
    tn_value_release(operands[0]);
    tn_value_release(operands[1]);
    return y;
}

static at_tensor *binary(ag_operation operation, int instruction, const at_operand *a, const at_operand *b,
                         at_dtype compute, at_dtype result) {
    at_tensor *x[2] = {as_tensor(a, compute), NULL};
    if (!x[0] || !(x[1] = as_tensor(b, compute))) return NULL;
    at_shape shape;
    if (!tn_shapes_broadcast(&x[0]->value->shape, &x[1]->value->shape, &shape))
        return tn_fail_broadcast(ag_name(operation), x[0], x[1]), NULL;
    if (!tn_check_shape(ag_name(operation), &shape)) return NULL;
    return ag_record(operation, binary_value(instruction, result, &shape, x[0], x[1], compute), x, 2, NULL);
}

/* Two numbers in tensors of one dtype need no promotion, no broadcasting and no expression. */
static inline bool are_scalars(const at_operand *a, const at_operand *b) {
    return a->kind == AT_OPERAND_TENSOR && b->kind == AT_OPERAND_TENSOR && a->tensor && b->tensor &&
           tn_are_scalars(a->tensor->value, b->tensor->value);
}

static TN_INLINE at_tensor *of_scalars(ag_operation operation, int instruction, at_tensor *a, at_tensor *b) {
    tn_thread *self = tn_self();
    self->operation = ag_name(operation);
    tn_value *y = tn_value_of_scalars(self, instruction, a->value, b->value);
    if (!ag_grad_mode()) return tn_tensor_of_new_number(self, y);
    return ag_record(operation, y, (at_tensor *[]){a, b}, 2, NULL);
}

#define CHECK_OPERANDS(function, a, b)                                                                                 \
    if (!check_operand(function, &a, "a") || !check_operand(function, &b, "b")) return NULL;                           \
    tn_thread_set_operation(function)

static const char *describe_operand(const at_operand *x) {
    return x->kind == AT_OPERAND_TENSOR ? tn_describe(x->tensor) : x->kind == AT_OPERAND_BOOL ? "a bool" : "a number";
}

static at_tensor *fail_on_bools(const char *function, const at_operand *a, const at_operand *b) {
    return at_fail(AT_ERROR_DTYPE, "%s: %s and %s: want numbers (at_to converts)", function, describe_operand(a),
                   describe_operand(b));
}

static bool is_bool(const at_operand *x) {
    return x->kind == AT_OPERAND_TENSOR ? x->tensor->value->dtype == AT_BOOL : x->kind == AT_OPERAND_BOOL;
}

/* On bools, of_bools takes the place of the arithmetic; TN_OPS: there is none, nor with one bool. */
static at_tensor *arithmetic(ag_operation operation, int instruction, int of_bools, at_operand a, at_operand b) {
    CHECK_OPERANDS(ag_name(operation), a, b);
    at_dtype dtype = promote(&a, &b);
    if (of_bools == TN_OPS && (is_bool(&a) || is_bool(&b))) return fail_on_bools(ag_name(operation), &a, &b);
    return binary(operation, dtype == AT_BOOL ? of_bools : instruction, &a, &b, dtype, dtype);
}

#define BINARY(name, instruction, of_bools, derivative_a, derivative_b)                                                \
    at_tensor *at_##name##_operands(at_operand a, at_operand b) {                                                      \
        if (are_scalars(&a, &b)) return of_scalars(AG_##name, instruction, a.tensor, b.tensor);                        \
        return arithmetic(AG_##name, instruction, of_bools, a, b);                                                     \
    }                                                                                                                  \
    AG_RULE(name) {                                                                                                    \
        at_tensor *g = v->g, *a = v->x[0], *b = v->x[1];                                                               \
        (void)a, (void)b;                                                                                              \
        if (v->needed[0]) v->dx[0] = derivative_a;                                                                     \
        if (v->needed[1]) v->dx[1] = derivative_b;                                                                     \
    }

BINARY(add, TN_ADD, TN_OR, g, g)
BINARY(sub, TN_SUB, TN_OPS, g, at_neg(g))
BINARY(mul, TN_MUL, TN_AND, at_mul(g, b), at_mul(g, a))
BINARY(maximum, TN_MAXIMUM, TN_OR, at_where(at_eq(a, b), at_mul(g, 0.5), at_where(at_lt(a, b), 0, g)),
       at_where(at_eq(a, b), at_mul(g, 0.5), at_where(at_gt(a, b), 0, g)))
BINARY(minimum, TN_MINIMUM, TN_AND, at_where(at_eq(a, b), at_mul(g, 0.5), at_where(at_gt(a, b), 0, g)),
       at_where(at_eq(a, b), at_mul(g, 0.5), at_where(at_lt(a, b), 0, g)))

/* Of an operand that is no tensor. */
static double number_of(const at_operand *x) { return x->kind == AT_OPERAND_FLOAT ? x->real : (double)x->integer; }

/* Whether dividing by x is, to the last bit, multiplying with 1 / x. */
static bool has_exact_reciprocal(const at_operand *x) {
    int exponent;
    return x->kind != AT_OPERAND_TENSOR && fabs(frexp(number_of(x), &exponent)) == 0.5 && abs(exponent) < 100;
}

at_tensor *at_div_operands(at_operand a, at_operand b) {
    CHECK_OPERANDS("div", a, b);
    if (has_exact_reciprocal(&b)) {
        AT_CALL("div");
        return at_mul_operands(a, at_operand_float(1 / number_of(&b)));
    }
    at_dtype dtype = to_floating(promote(&a, &b));
    return binary(AG_div, TN_DIV, &a, &b, dtype, dtype);
}
AG_RULE(div) {
    if (v->needed[0]) v->dx[0] = at_div(v->g, v->x[1]);
    if (v->needed[1]) v->dx[1] = at_neg(at_div(at_mul(v->g, v->y), v->x[1]));
}

/* ---- powers ------------------------------------------------------------------------------------------------------ */

/* The power by a number that has a cheaper instruction; TN_POW where there is none. */
static int instruction_of_power(double exponent) {
    return exponent == 2      ? TN_SQUARE
           : exponent == 0.5  ? TN_SQRT
           : exponent == -1   ? TN_RECIPROCAL
           : exponent == -0.5 ? TN_RSQRT
           : exponent == 1    ? TN_COPY
                              : TN_POW;
}

static tn_value *power_value(tn_value *x, at_operand exponent) {
    double number = number_of(&exponent);
    int instruction = instruction_of_power(number);
    if (!tn_is_floating(x->dtype) && instruction != TN_SQUARE) instruction = TN_POW;
    if (instruction != TN_POW) return tn_value_elementwise(instruction, x->dtype, &x->shape, &x, 1);
    tn_value *operands[] = {x, tn_value_number(exponent, x->dtype)};
    tn_value *y = operands[1] ? tn_value_elementwise(TN_POW, x->dtype, &x->shape, operands, 2) : NULL;
    tn_value_release(operands[1]);
    return y;
}

static at_tensor *power_by_number(at_tensor *x, at_operand exponent, at_dtype dtype) {
    if (!tn_is_floating(dtype) && exponent.integer < 0)
        return at_fail(AT_ERROR_VALUE, "pow: integers to the power %lld: want a power that is not negative",
                       (long long)exponent.integer);
    double number = number_of(&exponent);
    tn_value *base = tn_value_cast(x->value, dtype);
    tn_value *y = base ? power_value(base, exponent) : NULL;
    tn_value_release(base);
    return ag_record(AG_pow_number, y, &x, 1, &(ag_parameters){.number = number});
}
AG_RULE(pow_number) {
    double n = v->parameters->number;
    v->dx[0] = n == 0   ? NULL
               : n == 1 ? v->g
               : n == 2 ? at_mul(at_mul(v->g, 2), v->x[0])
                        : at_mul(v->g, at_mul(at_pow(v->x[0], n - 1), n));
}

at_tensor *at_pow_operands(at_operand a, at_operand b) {
    CHECK_OPERANDS("pow", a, b);
    at_dtype dtype = promote(&a, &b);
    if (dtype == AT_BOOL) return fail_on_bools("pow", &a, &b);
    if (a.kind == AT_OPERAND_TENSOR && b.kind != AT_OPERAND_TENSOR) return power_by_number(a.tensor, b, dtype);
    return binary(AG_pow, TN_POW, &a, &b, dtype, dtype);
}
AG_RULE(pow) {
    at_tensor *a = v->x[0], *b = v->x[1];
    /* The choice is outermost: where b = 0, a NaN that g brings (from log a of a negative a) goes no further. */
    if (v->needed[0]) v->dx[0] = at_where(at_eq(b, 0), 0, at_mul(v->g, at_mul(b, at_pow(a, at_add(b, -1)))));
    if (v->needed[1])
        v->dx[1] = at_mul(v->g, at_where(at_logical_and(at_eq(a, 0), at_ge(b, 0)), 0, at_mul(v->y, at_log(a))));
}

/* ---- comparisons ------------------------------------------------------------------------------------------------- */

static at_tensor *compare(ag_operation operation, int instruction, at_operand a, at_operand b) {
    CHECK_OPERANDS(ag_name(operation), a, b);
    at_dtype dtype = promote(&a, &b);
    return binary(operation, instruction, &a, &b, dtype == AT_BOOL ? AT_INT64 : dtype, AT_BOOL);
}

#define COMPARISON(name, instruction)                                                                                  \
    at_tensor *at_##name##_operands(at_operand a, at_operand b) { return compare(AG_##name, instruction, a, b); }
COMPARISON(eq, TN_EQ)
COMPARISON(ne, TN_NE)
COMPARISON(lt, TN_LT)
COMPARISON(le, TN_LE)
COMPARISON(gt, TN_GT)
COMPARISON(ge, TN_GE)

static at_tensor *logical(ag_operation operation, int instruction, at_tensor *a, at_tensor *b) {
    AG_CHECK_TENSOR(ag_name(operation), a);
    AG_CHECK_TENSOR(ag_name(operation), b);
    at_operand x = at_operand_tensor(a), z = at_operand_tensor(b);
    return binary(operation, instruction, &x, &z, AT_BOOL, AT_BOOL);
}

at_tensor *at_logical_and(at_tensor *a, at_tensor *b) { return logical(AG_logical_and, TN_AND, a, b); }
at_tensor *at_logical_or(at_tensor *a, at_tensor *b) { return logical(AG_logical_or, TN_OR, a, b); }

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static bool check_bool(const char *function, const char *argument, at_tensor *x) {
    if (x->value->dtype == AT_BOOL) return true;
    return at_fail(AT_ERROR_DTYPE, "%s: %s is %s: want bool (comparisons give one, at_to converts)", function, argument,
                   tn_describe(x));
}

static tn_value *where_value(at_tensor *const *x, at_dtype dtype) {
    at_shape of_two, shape;
    if (!tn_shapes_broadcast(&x[1]->value->shape, &x[2]->value->shape, &of_two) ||
        !tn_shapes_broadcast(&x[0]->value->shape, &of_two, &shape) || tn_shape_numel(&shape) < 0)
        return at_fail(AT_ERROR_SHAPE, "where: cond %s, a %s and b %s do not broadcast",
                       tn_shape_text(&x[0]->value->shape), tn_shape_text(&x[1]->value->shape),
                       tn_shape_text(&x[2]->value->shape));
    tn_value *operands[3] = {x[0]->value, tn_value_cast(x[1]->value, dtype), tn_value_cast(x[2]->value, dtype)};
    tn_value *y = operands[1] && operands[2] ? tn_value_elementwise(TN_WHERE, dtype, &shape, operands, 3) : NULL;
    tn_value_release(operands[1]);
    tn_value_release(operands[2]);
    return y;
}

static at_tensor *choose(at_tensor *cond, const at_operand *a, const at_operand *b, at_dtype dtype) {
    at_tensor *x[3] = {cond, as_tensor(a, dtype), NULL};
    if (!x[1] || !(x[2] = as_tensor(b, dtype))) return NULL;
    return ag_record(AG_where, where_value(x, dtype), x, 3, NULL);
}

at_tensor *at_where_operands(at_tensor *cond, at_operand a, at_operand b) {
    AG_CHECK_TENSOR("where", cond);
    CHECK_OPERANDS("where", a, b);
    return check_bool("where", "cond", cond) ? choose(cond, &a, &b, promote(&a, &b)) : NULL;
}
AG_RULE(where) {
    if (v->needed[1]) v->dx[1] = at_where(v->x[0], v->g, 0);
    if (v->needed[2]) v->dx[2] = at_where(v->x[0], 0, v->g);
}

at_tensor *at_masked_fill_operand(at_tensor *x, at_tensor *mask, at_operand value) {
    AG_CHECK_TENSOR("masked_fill", x);
    AG_CHECK_TENSOR("masked_fill", mask);
    if (!check_operand("masked_fill", &value, "value") || !check_bool("masked_fill", "mask", mask)) return NULL;
    if (value.kind == AT_OPERAND_TENSOR && value.tensor->value->shape.ndim != 0)
        return at_fail(AT_ERROR_SHAPE, "masked_fill: value is %s: want a number or a 0-dimensional tensor",
                       tn_describe(value.tensor));
    at_shape shape;
    if (!tn_shapes_broadcast(&x->value->shape, &mask->value->shape, &shape))
        return tn_fail_broadcast("masked_fill", x, mask), NULL;
    at_operand rest = at_operand_tensor(x);
    return choose(mask, &value, &rest, x->value->dtype);
}

/* A bound in the dtype that is compared in; an infinite one is int64's own end. */
static at_operand bound(double x, at_dtype dtype) {
    if (dtype != AT_INT64) return at_operand_float(x);
    return at_operand_integer(x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)x);
}

static bool is_whole(double x) { return isinf(x) || x == floor(x); }

static tn_value *clamp_value(at_tensor *x, const at_operand *lo, const at_operand *hi, at_dtype dtype) {
    at_tensor *low = as_tensor(lo, dtype), *high = low ? as_tensor(hi, dtype) : NULL;
    const at_shape *shape = &x->value->shape;
    tn_value *raised = high ? binary_value(TN_MAXIMUM, dtype, shape, x, low, dtype) : NULL;
    tn_value *y = NULL;
    if (raised) y = tn_value_elementwise(TN_MINIMUM, dtype, shape, (tn_value *[]){raised, high->value}, 2);
    tn_value_release(raised);
    return y;
}

at_tensor *at_clamp(at_tensor *x, double lo, double hi) {
    AG_CHECK_TENSOR("clamp", x);
    at_dtype dtype = x->value->dtype == AT_BOOL ? AT_INT64 : x->value->dtype;
    if (isnan(lo) || isnan(hi)) return at_fail(AT_ERROR_VALUE, "clamp: bounds %g and %g: want numbers", lo, hi);
    if (dtype == AT_INT64 && !(is_whole(lo) && is_whole(hi))) dtype = at_default_dtype();
    at_operand low = bound(lo, dtype), high = bound(hi, dtype);
    tn_value *y = clamp_value(x, &low, &high, dtype);
    return ag_record(AG_clamp, y, &x, 1, &(ag_parameters){.number = lo, .other_number = hi});
}
AG_RULE(clamp) {
    at_tensor *x = v->x[0];
    at_tensor *within = at_logical_and(at_ge(x, v->parameters->number), at_le(x, v->parameters->other_number));
    v->dx[0] = at_where(within, v->g, 0);
}

/* ---- written in the others, with a derivative of their own that neither overflows nor loses NaN ------------------ */

/* The value of a tensor that was computed without being recorded. */
static tn_value *value_of(at_tensor *y) { return y ? tn_value_retain(y->value) : NULL; }

/* x itself where x > 20, as PyTorch's: log(1 + exp x) to within 1.1e-10 of it, and exp does not overflow before. */
at_tensor *at_softplus(at_tensor *x) {
    AG_CHECK_TENSOR("softplus", x);
    AT_CALL("softplus");
    tn_value *y = NULL;
    AT_SCOPE
        AT_NO_GRAD { y = value_of(at_where(at_gt(x, 20), x, at_log1p(at_exp(at_clamp(x, -INFINITY, 20))))); }
    return ag_record(AG_softplus, y, &x, 1, NULL);
}
AG_RULE(softplus) { v->dx[0] = at_where(at_gt(v->x[0], 20), v->g, at_mul(v->g, at_sigmoid(v->x[0]))); }

/* ---- written in the others, and so are their derivatives --------------------------------------------------------- */

at_tensor *at_leaky_relu(at_tensor *x, double slope) {
    AG_CHECK_TENSOR("leaky_relu", x);
    AT_CALL("leaky_relu");
    return at_where(at_gt(x, 0), x, at_mul(x, slope));
}

at_tensor *at_gelu(at_tensor *x) {
    AG_CHECK_TENSOR("gelu", x);
    AT_CALL("gelu");
    return at_mul(at_mul(x, 0.5), at_add(at_erf(at_mul(x, 0.70710678118654752440)), 1)); /* 1 / sqrt 2 */
}
