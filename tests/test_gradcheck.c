/* tests/test_gradcheck.c - the gradient checker itself: it must find wrong rules, say what is wrong with them, and
 * change nothing. */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../autograd/custom.h"
#include "support.h"

/* ---- wrong rules, made of right ones ----------------------------------------------------------------------------- */

/* The value of f with the derivatives of g. */
static at_tensor *pretend(at_tensor *f, at_tensor *g) { return at_add(at_detach(at_sub(f, g)), g); }

/* Zero, with a derivative of one. */
static at_tensor *from_here(at_tensor *x) { return at_sub(x, at_detach(x)); }

/* What the wrong rules below are rules for: y = a * sin b, with a (3) and b (2, 3). by_a and by_b have the derivatives
 * by one operand only. */
static at_tensor *product(at_tensor **x) { return at_mul(x[0], at_sin(x[1])); }
static at_tensor *by_a(at_tensor **x) { return at_mul(x[0], at_sin(at_detach(x[1]))); }
static at_tensor *by_b(at_tensor **x) { return at_mul(at_detach(x[0]), at_sin(x[1])); }

/* 1, but another number for one element of (2, 3). */
static at_tensor *but_one(int element, double number) {
    return at_reshape(at_add(at_mul(at_eq(at_arange(0, 6, 1), element), number - 1), 1), 2, 3);
}

#define DEFINE(name, ...)                                                                                              \
    static at_tensor *name(at_tensor **x, int n, void *context) {                                                      \
        (void)x, (void)n, (void)context;                                                                               \
        return __VA_ARGS__;                                                                                            \
    }
DEFINE(flipped_sign, pretend(product(x), at_sub(by_a(x), by_b(x))))
DEFINE(too_large, pretend(product(x), at_add(by_a(x), at_mul(by_b(x), 1.01))))
DEFINE(slightly_too_large, pretend(product(x), at_add(by_a(x), at_mul(by_b(x), 1.0005))))
DEFINE(one_element, pretend(product(x), at_add(by_a(x), at_mul(by_b(x), but_one(4, 1.01)))))
DEFINE(last_element, pretend(product(x), at_add(by_a(x), at_mul(by_b(x), but_one(5, 1.01)))))
DEFINE(dropped_operand, by_a(x))
DEFINE(zero_rule, pretend(product(x), at_mul(at_add(x[0], x[1]), 0)))
DEFINE(detached, at_detach(product(x)))
DEFINE(not_a_number, pretend(product(x), at_add(product(x), at_sqrt(at_mul(x[1], 0)))))
DEFINE(infinite, at_add(product(x), at_sqrt(from_here(x[1]))))
DEFINE(other_outputs,
       pretend(product(x), at_add(by_a(x), at_flip(by_b(x), 0)))) /* a sum of all outputs would not show it */
DEFINE(right, product(x))
DEFINE(sine, at_sin(x[0]))

typedef struct {
    const char *name;
    at_function function;
    int input, element;
    double ratio;   /* of the wrong gradient to the right one; 2: any */
    bool other_too; /* the other input's gradient is wrong too */
} mistake;

static const mistake mistakes[] = {
    {"flipped sign", flipped_sign, 1, 0, -1, false},
    {"1.01 times too large", too_large, 1, 0, 1.01, false},
    {"1.0005 times too large", slightly_too_large, 1, 0, 1.0005, false},
    {"wrong in one element", one_element, 1, 4, 1.01, false},
    {"wrong in the last element", last_element, 1, 5, 1.01, false},
    {"dropped operand", dropped_operand, 1, 0, 0, false},
    {"zero rule", zero_rule, 0, 0, 0, true},
    {"nothing recorded", detached, 0, 0, 0, true},
    {"NaN", not_a_number, 1, 0, NAN, false},
    {"infinity", infinite, 1, 0, INFINITY, false},
    {"to other outputs", other_outputs, 1, 0, 2, false},
};
enum { MISTAKES = sizeof mistakes / sizeof *mistakes };

static void two_inputs(at_tensor *x[2], at_dtype dtype) {
    x[0] = at_to(at_from_doubles(((double[]){0.7, -1.2, 1.9}), 3), dtype);
    x[1] = at_to(at_from_doubles(((double[]){0.3, -0.4, 0.9, 2.1, 1.2, -0.8}), 2, 3), dtype);
    at_set_requires_grad(x[0], true);
    at_set_requires_grad(x[1], true);
}

/* The message names the input, the element, and both values. */
static void expect_finding(const mistake *m, bool found, double tolerance) {
    ck_assert_msg(found, "%s: not found", m->name);
    ck_assert_int_eq(at_error_code(), AT_ERROR_VALUE);
    char beginning[64];
    int length = snprintf(beginning, sizeof beginning, "gradcheck: input %d %s, element %d: ", m->input,
                          m->input ? "(2, 3)" : "(3)", m->element);
    ck_assert_msg(strncmp(at_error(), beginning, (size_t)length) == 0, "%s: %s", m->name, at_error());
    double analytic, numeric;
    int read = sscanf(at_error() + length, "analytic gradient %lf, numeric %lf", &analytic, &numeric);
    ck_assert_msg(read == 2 && isfinite(numeric) && fabs(numeric) > 1e-3, "%s: %s", m->name, at_error());
    ck_assert_ptr_null(strstr(at_error(), "-nan")); /* which some processors give */
    if (isnan(m->ratio))
        ck_assert_msg(isnan(analytic), "%s: %s", m->name, at_error());
    else if (isinf(m->ratio))
        ck_assert_msg(isinf(analytic), "%s: %s", m->name, at_error());
    else if (m->ratio != 2)
        ck_assert_double_eq_tol(analytic / numeric, m->ratio, tolerance);
    at_clear_error();
}

START_TEST(wrong_rules_are_found) {
    const mistake *m = &mistakes[_i];
    at_tensor *x[2];
    two_inputs(x, AT_FLOAT64);
    at_set_error_mode(AT_ERROR_ABORT); /* a failed check is a finding and aborts nothing */
    expect_finding(m, !at_gradcheck(m->function, x, 2, NULL), 1e-6);
    expect_finding(m, !(at_gradcheck)(m->function, x, 2, NULL), 1e-6);
}
END_TEST

START_TEST(wrong_rules_are_found_in_float32) {
    const mistake *m = &mistakes[_i];
    at_tensor *x[2];
    two_inputs(x, AT_FLOAT32);
    bool found = !at_gradcheck(m->function, x, 2, NULL, .float32 = true);
    if (m->function == slightly_too_large)
        ck_assert(!found); /* as autograd.h says */
    else
        expect_finding(m, found, 5e-3);
}
END_TEST

START_TEST(restricted_checks_see_their_inputs_only) {
    const mistake *m = &mistakes[_i];
    at_tensor *x[2];
    two_inputs(x, AT_FLOAT64);
    expect_finding(m, !at_gradcheck(m->function, x, 2, NULL, .only = 1u << m->input), 1e-6);
    bool good = at_gradcheck(m->function, x, 2, NULL, .only = 1u << (1 - m->input));
    ck_assert_msg(good != m->other_too, "%s", m->name);
    at_clear_error();
    ck_assert(at_requires_grad(x[0]) && at_requires_grad(x[1]));
}
END_TEST

START_TEST(tolerances_and_steps_are_used) {
    at_tensor *x[2];
    two_inputs(x, AT_FLOAT64);
    ck_assert(at_gradcheck(too_large, x, 2, NULL, .rtol = 0.011));
    ck_assert(at_gradcheck(too_large, x, 2, NULL, .atol = 0.1));
    ck_assert(!at_gradcheck(too_large, x, 2, NULL, .rtol = 0.009));
    ck_assert(!at_gradcheck(right, x, 2, NULL, .epsilon = 0.5)); /* the sine is curved */
    ck_assert(!at_gradcheck(right, x, 2, NULL, .rtol = 1e-15, .atol = 1e-15));
    at_clear_error();
    ck_assert(at_gradcheck(right, x, 2, NULL, .epsilon = 1e-4, .rtol = 1e-7, .atol = 1e-8));
    ck_assert(at_gradgradcheck(right, x, 2, NULL, .epsilon = 1e-4, .rtol = 1e-7, .atol = 1e-8));
}
END_TEST

/* A derivative of another shape, as an operation of the user's own may give it. */
static at_tensor *double_it(at_custom_call *call) { return at_mul(call->inputs[0], 2); }
static bool wrong_shape(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)call, (void)y;
    return (dx[0] = at_mul(at_slice(g, 0, 0, 2, 1), 2)) != NULL;
}
static at_tensor *misshapen(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    static const at_custom_operation operation = {"misshapen", double_it, wrong_shape, NULL};
    return at_add(at_custom(&operation, &x[0], 1, NULL), x[1]);
}

START_TEST(gradients_of_the_wrong_shape_are_found) {
    static const char message[] = "misshapen: its rule gives a gradient of shape (2) by input 0, which has shape (3)";
    at_tensor *x[2], *y[2];
    two_inputs(x, AT_FLOAT64);
    two_inputs(y, AT_FLOAT32);
    EXPECT_ERROR(at_gradcheck(misshapen, x, 2, NULL), AT_ERROR_STATE, message);
    EXPECT_ERROR(at_gradgradcheck(misshapen, x, 2, NULL), AT_ERROR_STATE, message);
    EXPECT_ERROR(at_gradcheck(misshapen, y, 2, NULL, .float32 = true), AT_ERROR_STATE, message);
    EXPECT_ERROR(at_gradcheck(misshapen, x, 2, NULL, .only = 1), AT_ERROR_STATE, message);
    ck_assert(at_gradcheck(misshapen, x, 2, NULL, .only = 2));
}
END_TEST

/* To one side of 1 the function is another one. The derivative is finite, the differences are not. */
DEFINE(jumps_to_nan, at_where(at_gt(x[0], 1), NAN, x[0]))
DEFINE(jumps_to_infinity, at_where(at_gt(x[0], 1), INFINITY, x[0]))
DEFINE(both_infinite, at_add(at_where(at_gt(x[0], 1), INFINITY, x[0]), at_sqrt(from_here(x[0]))))
DEFINE(never_a_number, at_mul(x[0], NAN))

START_TEST(differences_that_are_not_finite_never_pass) {
    static const at_function f[] = {jumps_to_nan, jumps_to_infinity, both_infinite, never_a_number};
    static const char *const numeric[] = {"numeric nan", "numeric inf", "numeric inf", "numeric nan"};
    for (int i = 0; i < 4; i++) {
        at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){1}), 1), true), *single = at_ones(1);
        at_set_requires_grad(single, true);
        EXPECT_ERROR(at_gradcheck(f[i], &x, 1, NULL), AT_ERROR_VALUE, numeric[i]);
        EXPECT_ERROR(at_gradcheck(f[i], &x, 1, NULL, .rtol = 1e300, .atol = 1e300), AT_ERROR_VALUE, numeric[i]);
        EXPECT_ERROR(at_gradcheck(f[i], &single, 1, NULL, .float32 = true), AT_ERROR_VALUE, numeric[i]);
    }
    at_tensor *large = at_set_requires_grad(at_from_doubles(((double[]){1e12}), 1), true); /* 1e12 + 1e-6 is 1e12 */
    EXPECT_ERROR(at_gradcheck(sine, &large, 1, NULL), AT_ERROR_VALUE, "numeric nan");
}
END_TEST

/* What comes after the first order can be wrong alone. Of y = sin x; what is added to it or replaces it has the right
 * value and the right gradient wherever it is computed. */
DEFINE(too_curved, at_add(at_sin(x[0]), at_square(from_here(x[0]))))
DEFINE(straight, at_add(at_detach(at_sin(x[0])), at_mul(at_detach(at_cos(x[0])), from_here(x[0]))))
DEFINE(slightly_too_curved,
       at_sub(at_sin(x[0]), at_mul(at_mul(at_sin(at_detach(x[0])), 0.005), at_square(from_here(x[0])))))
/* The same of input 1; input 0 is right. */
DEFINE(second_too_curved, at_add(at_sin(x[0]), too_curved(x + 1, 1, NULL)))

START_TEST(wrong_second_derivatives_are_found) {
    static const at_function wrong[] = {too_curved, straight, slightly_too_curved};
    at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){0.4, -1.1, 2.0}), 3), true);
    at_tensor *single = at_set_requires_grad(at_to(at_detach(x), AT_FLOAT32), true), *both[] = {x, at_detach(x)};
    ck_assert(at_gradcheck(sine, &x, 1, NULL) && at_gradgradcheck(sine, &x, 1, NULL));
    ck_assert(at_gradgradcheck(sine, &single, 1, NULL, .float32 = true));
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(at_gradcheck(wrong[i], &x, 1, NULL), "%s", at_error());
        EXPECT_ERROR(at_gradgradcheck(wrong[i], &x, 1, NULL), AT_ERROR_VALUE,
                     "gradgradcheck: input 0 (3), element 0: analytic gradient");
        EXPECT_ERROR(at_gradgradcheck(wrong[i], &single, 1, NULL, .float32 = true), AT_ERROR_VALUE,
                     "gradgradcheck: input 0 (3), element 0: analytic gradient");
    }
    at_set_requires_grad(both[1], true);
    ck_assert(at_gradgradcheck(second_too_curved, both, 2, NULL, .only = 1));
    EXPECT_ERROR(at_gradgradcheck(second_too_curved, both, 2, NULL, .only = 2), AT_ERROR_VALUE, "input 1 (3), element");
}
END_TEST

/* A derivative that is not linear in the incoming gradient shows only in differences by that. */
static at_tensor *identity(at_custom_call *call) { return at_add(call->inputs[0], 0); }
static bool square_of_g(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)call, (void)y;
    return (dx[0] = pretend(g, at_square(g))) != NULL;
}
static at_tensor *not_linear(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    static const at_custom_operation operation = {"not_linear", identity, square_of_g, NULL};
    return at_custom(&operation, &x[0], 1, NULL);
}

START_TEST(derivatives_by_the_weights_are_checked) {
    at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){1, 2}), 2), true);
    ck_assert(at_gradcheck(not_linear, &x, 1, NULL));
    EXPECT_ERROR(at_gradgradcheck(not_linear, &x, 1, NULL), AT_ERROR_VALUE,
                 "gradgradcheck: input 1 (2) (what the output is weighted by), element 0");
}
END_TEST

/* Differences across a kink, where PyTorch's choice of a derivative is one of several, show it. */
DEFINE(kink, at_relu(x[0]))
START_TEST(kinks_are_found) {
    at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){1, 0}), 2), true);
    EXPECT_ERROR(at_gradcheck(kink, &x, 1, NULL), AT_ERROR_VALUE, "element 1: analytic gradient 0, numeric 0.");
}
END_TEST

/* ---- inputs of all kinds ----------------------------------------------------------------------------------------- */

START_TEST(checking_changes_nothing) {
    at_tensor *x[2], *a, *b;
    two_inputs(x, AT_FLOAT64);
    a = x[0], b = x[1];
    at_manual_seed(1);
    double expected = at_item(at_rand(1));
    at_manual_seed(1);
    AT_NO_GRAD {
        ck_assert(at_gradcheck(right, x, 2, NULL) && at_gradgradcheck(right, x, 2, NULL));
        ck_assert(!at_gradcheck(too_large, x, 2, NULL) && !at_gradgradcheck(too_large, x, 2, NULL));
        ck_assert(!at_requires_grad(at_sin(a)));
    }
    at_clear_error();
    ck_assert(x[0] == a && x[1] == b);
    EXPECT(a, 0.7, -1.2, 1.9);
    EXPECT(b, 0.3, -0.4, 0.9, 2.1, 1.2, -0.8);
    ck_assert_ptr_null(at_grad(a));
    ck_assert_ptr_null(at_grad(b));
    ck_assert_double_eq(at_item(at_rand(1)), expected);
    ck_assert(at_backward(at_sum(a)) && at_gradcheck(right, x, 2, NULL));
    EXPECT(at_grad(a), 1, 1, 1);
}
END_TEST

START_TEST(intermediate_tensors_can_be_checked) {
    at_tensor *x[2];
    two_inputs(x, AT_FLOAT64);
    x[1] = at_exp(x[1]);
    ck_assert_msg(at_gradcheck(right, x, 2, NULL) && at_gradgradcheck(right, x, 2, NULL), "%s", at_error());
}
END_TEST

/* In place of b (2, 3). The mistake is found there, and nowhere when it is not there. */
START_TEST(every_layout_can_be_checked) {
    for (layout l = 0; l < LAYOUTS; l++) {
        at_tensor *x[2];
        two_inputs(x, AT_FLOAT64);
        x[1] = at_set_requires_grad(in_layout(at_detach(x[1]), l), true);
        ck_assert_msg(at_gradcheck(right, x, 2, NULL) && at_gradgradcheck(right, x, 2, NULL), "%s", at_error());
        EXPECT_ERROR(at_gradcheck(too_large, x, 2, NULL), AT_ERROR_VALUE, "input 1 (2, 3), element 0");
        EXPECT_ERROR(at_gradcheck(one_element, x, 2, NULL), AT_ERROR_VALUE, "input 1 (2, 3), element 4");
    }
}
END_TEST

DEFINE(twice_too_large, pretend(at_sin(x[0]), at_mul(at_sin(x[0]), 1.01)))

START_TEST(empty_and_single_elements_can_be_checked) {
    at_tensor *empty = at_set_requires_grad(at_to(at_zeros(0, 3), AT_FLOAT64), true);
    at_tensor *scalar = at_set_requires_grad(at_to(at_scalar(0.5), AT_FLOAT64), true);
    ck_assert(at_gradcheck(sine, &empty, 1, NULL) && at_gradgradcheck(sine, &empty, 1, NULL));
    ck_assert(at_gradcheck(sine, &scalar, 1, NULL) && at_gradgradcheck(sine, &scalar, 1, NULL));
    EXPECT_ERROR(at_gradcheck(twice_too_large, &scalar, 1, NULL), AT_ERROR_VALUE, "input 0 (), element 0");
}
END_TEST

DEFINE(times, at_mul(at_exp(x[0]), x[1]))

START_TEST(one_tensor_in_two_places_is_one_variable) {
    at_tensor *a = at_set_requires_grad(at_from_doubles(((double[]){1, 2}), 2), true), *x[] = {a, a};
    ck_assert_msg(at_gradcheck(times, x, 2, NULL) && at_gradgradcheck(times, x, 2, NULL), "%s", at_error());
    ck_assert(at_gradcheck(times, x, 2, NULL, .only = 2));
    ck_assert(x[0] == a && x[1] == a);
}
END_TEST

START_TEST(mixed_dtypes_can_be_checked) {
    at_tensor *x[2], *y[2];
    two_inputs(x, AT_FLOAT64);
    two_inputs(y, AT_FLOAT32);
    x[0] = y[0];
    ck_assert_msg(at_gradcheck(right, x, 2, NULL, .float32 = true), "%s", at_error());
    ck_assert_msg(at_gradgradcheck(right, x, 2, NULL, .float32 = true), "%s", at_error());
    ck_assert(at_gradcheck(right, x, 2, NULL, .only = 2)); /* the float32 one counts as a constant */
}
END_TEST

/* ---- misuse ------------------------------------------------------------------------------------------------------ */

DEFINE(nothing, NULL)
DEFINE(fails, at_reshape(x[0], 7))
DEFINE(float32, at_to(at_sin(x[0]), AT_FLOAT32))
DEFINE(whole, at_to(at_sin(x[0]), AT_INT64))

START_TEST(misuse_is_reported) {
    at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){1, 2}), 2), true);
    at_tensor *single = at_set_requires_grad(at_ones(2), true), *constant_input = at_detach(x), *missing = NULL;
    static bool (*const checks[])(at_function, at_tensor **, int, void *) = {at_gradcheck, at_gradgradcheck};
    for (int i = 0; i < 2; i++) {
        EXPECT_ERROR(checks[i](sine, &single, 1, NULL), AT_ERROR_DTYPE, "input 0 is float32 (2)");
        EXPECT_ERROR(checks[i](sine, &constant_input, 1, NULL), AT_ERROR_STATE, "no input requires a gradient");
        EXPECT_ERROR(checks[i](sine, &x, 0, NULL), AT_ERROR_STATE, "no input requires a gradient");
        EXPECT_ERROR(checks[i](sine, &x, -1, NULL), AT_ERROR_VALUE, "n is -1");
        EXPECT_ERROR(checks[i](NULL, &x, 1, NULL), AT_ERROR_VALUE, "f is NULL");
        EXPECT_ERROR(checks[i](sine, NULL, 1, NULL), AT_ERROR_VALUE, "inputs is NULL");
        EXPECT_ERROR(checks[i](sine, &missing, 1, NULL), AT_ERROR_VALUE, "inputs[0] is NULL");
        EXPECT_ERROR(checks[i](nothing, &x, 1, NULL), AT_ERROR_VALUE, "NULL");
        EXPECT_ERROR(checks[i](fails, &x, 1, NULL), AT_ERROR_SHAPE, "reshape: (2) has 2 elements");
        EXPECT_ERROR(checks[i](float32, &x, 1, NULL), AT_ERROR_DTYPE, "the function gives float32 (2): want float64");
    }
    EXPECT_ERROR(at_gradcheck(whole, &single, 1, NULL, .float32 = true), AT_ERROR_DTYPE,
                 "the function gives int64 (2): want float64 or float32");
}
END_TEST

START_TEST(options_that_make_no_sense_are_errors) {
    static bool (*const checks[])(at_gradcheck_options) = {at_gradcheck_with, at_gradgradcheck_with};
    at_tensor *x[2];
    two_inputs(x, AT_FLOAT64);
    at_set_requires_grad(x[0], false);
#define OPTIONS(...) ((at_gradcheck_options){right, x, 2, NULL, __VA_ARGS__})
    for (int i = 0; i < 2; i++) {
        EXPECT_ERROR(checks[i](OPTIONS(.epsilon = -1e-6)), AT_ERROR_VALUE, "epsilon is -1e-06: want a positive number");
        EXPECT_ERROR(checks[i](OPTIONS(.epsilon = NAN)), AT_ERROR_VALUE, "epsilon is nan");
        EXPECT_ERROR(checks[i](OPTIONS(.epsilon = INFINITY)), AT_ERROR_VALUE, "epsilon is inf");
        EXPECT_ERROR(checks[i](OPTIONS(.rtol = -1)), AT_ERROR_VALUE, "rtol is -1");
        EXPECT_ERROR(checks[i](OPTIONS(.atol = NAN)), AT_ERROR_VALUE, "atol is nan");
        EXPECT_ERROR(checks[i](OPTIONS(.atol = INFINITY)), AT_ERROR_VALUE, "atol is inf");
        EXPECT_ERROR(checks[i](OPTIONS(.only = 1 << 2)), AT_ERROR_VALUE, "only asks for input 2, but there are 2");
        EXPECT_ERROR(checks[i](OPTIONS(.only = UINT64_C(1) << 63)), AT_ERROR_VALUE, "only asks for input 63");
        EXPECT_ERROR(checks[i](OPTIONS(.only = 1 << 0)), AT_ERROR_STATE,
                     "only asks for input 0, float64 (3), which does not require a gradient");
        ck_assert(checks[i](OPTIONS(.only = 1 << 1)));
    }
}
END_TEST

/* ---- the report -------------------------------------------------------------------------------------------------- */

static char *report;
static size_t report_bytes;
static FILE *paper;

static void begin_report(void) {
    support_begin();
    paper = open_memstream(&report, &report_bytes);
    ck_assert_ptr_nonnull(paper);
}

static void end_report(void) {
    fclose(paper);
    free(report);
    support_end();
}

/* What has been reported since the last time. */
static const char *reported(void) {
    static char text[8192];
    fflush(paper);
    snprintf(text, sizeof text, "%.*s", (int)report_bytes, report);
    rewind(paper);
    return text;
}

#define EXPECT_REPORT(text)                                                                                            \
    do {                                                                                                               \
        const char *reported_ = reported();                                                                            \
        ck_assert_msg(strstr(reported_, text) != NULL, "no \"%s\" in:\n%s", text, reported_);                          \
        at_clear_error();                                                                                              \
    } while (0)

/* y = a b with the sign of b's derivative flipped. */
DEFINE(flipped_mul, pretend(at_mul(x[0], x[1]), at_sub(at_mul(x[0], at_detach(x[1])), at_mul(at_detach(x[0]), x[1]))))

static void named_inputs(at_tensor *x[2]) {
    x[0] = at_set_name(at_set_requires_grad(at_from_doubles(((double[]){0.5, -1.2, 3}), 3), true), "a");
    x[1] = at_transpose(at_from_doubles(((double[]){1, 4, 2, 5, 3, 6}), 3, 2), 0, 1);
    at_set_requires_grad(x[1], true);
}

/* y = a b^2, its second derivative by b too large by 2. */
DEFINE(curved_mul, at_add(at_mul(x[0], at_square(x[1])), at_square(from_here(x[1]))))

static const char first_report[] =
    "gradcheck failed (atled 0.1.0)\n"
    "first derivatives: those of sum(f(inputs) * u), u fixed numbers between 0.5 and 1.5\n"
    "epsilon 1e-06, rtol 0.0001, atol 1e-06\n"
    "input 0 \"a\": float64 (3), contiguous, requires grad\n"
    "    {0.5, -1.2, 3}\n"
    "input 1: float64 (2, 3), transposed with strides (1, 2), requires grad\n"
    "    {1, 2, 3, 4,\n"
    "     5, 6}\n"
    "output: float64 (2, 3)\n"
    "    {0.5, -2.4, 9, 2,\n"
    "     -6, 18}\n"
    "\n"
    "input  element             analytic         numeric  difference     allowed\n"
    "1      [0, 0]           -0.57613967      0.57613967        1.15    5.86e-05\n"
    "1      [0, 1]             1.0229975      -1.0229975        2.05    0.000103\n"
    "1      [0, 2]            -2.4893555       2.4893555        4.98     0.00025\n"
    "1      [1, 0]            -0.3223238       0.3223238       0.645    3.32e-05\n"
    "1      [1, 1]             1.7921686      -1.7921686        3.58     0.00018\n"
    "1      [1, 2]            -2.5105154       2.5105154        5.02    0.000252\n"
    "       hint: the opposite sign\n"
    "6 of 9 elements differ\n";

static const char second_report[] = "gradgradcheck failed (atled 0.1.0)\n"
                                    "second derivatives: those of sum(g * v), g the gradient of sum(f(inputs) * u), u "
                                    "and v fixed numbers between 0.5 and 1.5\n"
                                    "epsilon 0.0001, rtol 0.0001, atol 1e-06\n"
                                    "input 0 \"a\": float64 (3), contiguous, requires grad, not checked\n"
                                    "    {0.5, -1.2, 3}\n"
                                    "input 1: float64 (2, 3), transposed with strides (1, 2), requires grad\n"
                                    "    {1, 2, 3, 4,\n"
                                    "     5, 6}\n"
                                    "output: float64 (2, 3)\n"
                                    "    {0.5, -4.8, 27, 8,\n"
                                    "     -30, 108}\n"
                                    "\n"
                                    "input  element             analytic         numeric  difference     allowed\n"
                                    "1      [0, 0]              3.983243       1.3277477        2.66    0.000134\n"
                                    "1      [0, 1]           -0.29070106      -1.7442064        1.45    0.000175\n"
                                    "1      [0, 2]             5.5083473       4.1312605        1.38    0.000414\n"
                                    "1      [1, 0]             1.2467116      0.41557052       0.831    4.26e-05\n"
                                    "1      [1, 1]           -0.89218563      -5.3531138        4.46    0.000536\n"
                                    "1      [1, 2]             5.6023888       4.2017916         1.4    0.000421\n"
                                    "6 of 12 elements differ\n";

START_TEST(the_report_of_first_derivatives) {
    at_tensor *x[2];
    named_inputs(x);
    ck_assert(!at_gradcheck(flipped_mul, x, 2, NULL, .report = paper));
    ck_assert_str_eq(reported(), first_report);
    at_clear_error();
}
END_TEST

START_TEST(the_report_of_second_derivatives) {
    at_tensor *x[2];
    named_inputs(x);
    ck_assert(!at_gradgradcheck(curved_mul, x, 2, NULL, .only = 1 << 1, .epsilon = 1e-4, .report = paper));
    ck_assert_str_eq(reported(), second_report);
    at_clear_error();
}
END_TEST

START_TEST(derivatives_by_the_weights_are_reported) {
    at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){1, 2}), 2), true);
    ck_assert(!at_gradgradcheck(not_linear, &x, 1, NULL, .report = paper));
    EXPECT_REPORT("\nu      [0] ");
}
END_TEST

/* As many calls as context has left are right. */
static at_tensor *fails_later(at_tensor **x, int n, void *context) {
    int *left = context;
    if ((*left)-- == 0) return at_fail(AT_ERROR_STATE, "no more");
    return too_large(x, n, NULL);
}
static at_tensor *of_context(at_tensor **x, int n, void *context) {
    (void)x, (void)n;
    return at_sin(context);
}
DEFINE(random_sine, at_mul(at_sin(x[0]), at_to(at_rand(1), AT_FLOAT64)))

START_TEST(hints_tell_what_it_may_be) {
    at_tensor *x[2], *zero = at_to(at_zeros(1), AT_FLOAT64);
    two_inputs(x, AT_FLOAT64);
    at_set_requires_grad(zero, true);
    ck_assert(!at_gradcheck(flipped_sign, x, 2, NULL, .report = paper));
    EXPECT_REPORT("hint: the opposite sign\n6 of 9 elements differ\n");
    ck_assert(!at_gradcheck(too_large, x, 2, NULL, .report = paper));
    EXPECT_REPORT("hint: analytic is 1.01 times numeric\n6 of 9 elements differ\n");
    ck_assert(!at_gradcheck(zero_rule, x, 2, NULL, .report = paper));
    EXPECT_REPORT("hint: the analytic gradient is zero throughout");
    ck_assert(!at_gradcheck(not_a_number, x, 2, NULL, .report = paper));
    EXPECT_REPORT("hint: not finite");
    ck_assert(!at_gradcheck(kink, &zero, 1, NULL, .report = paper));
    EXPECT_REPORT("hint: the differences to either side disagree");
    ck_assert(!at_gradcheck(of_context, x, 1, x[0], .report = paper));
    EXPECT_REPORT("hint: the function's value does not change");
    ck_assert(!at_gradcheck(random_sine, x, 1, NULL, .report = paper));
    EXPECT_REPORT("hint: called again, the function gives another value");
    ck_assert(!at_gradcheck(one_element, x, 2, NULL, .report = paper));
    const char *text = reported();
    ck_assert_msg(!strstr(text, "hint") && strstr(text, "\n1      [1, 1] "), "%s", text);
    at_clear_error();
}
END_TEST

DEFINE(some_kinks, pretend(at_relu(x[0]), at_mul(at_relu(x[0]), 1.01)))

START_TEST(a_kink_among_other_errors_is_told) {
    at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){1, 0}), 2), true);
    ck_assert(!at_gradcheck(some_kinks, &x, 1, NULL, .report = paper));
    EXPECT_REPORT("hint: some elements lie at a kink");
}
END_TEST

START_TEST(long_lists_are_cut) {
    at_tensor *x = at_set_requires_grad(at_to(at_ones(3, 10), AT_FLOAT64), true);
    ck_assert(!at_gradcheck(twice_too_large, &x, 1, NULL, .report = paper));
    const char *text = reported();
    ck_assert_msg(strstr(text, "\n0      [1, 9] ") && !strstr(text, "[2, 0]"), "%s", text);
    ck_assert_msg(strstr(text, "       and 10 more\n") && strstr(text, "\n30 of 30 elements differ\n"), "%s", text);
    ck_assert_msg(!strchr(text, '{'), "%s", text);
    at_clear_error();
}
END_TEST

START_TEST(layouts_are_reported) {
    static const char *const words[LAYOUTS] = {", contiguous, req", ", transposed with strides (1, 2), req",
                                               ", stepped with strides (6, 2), req", ", contiguous, req",
                                               ", expanded with strides (0, 1), req"};
    for (layout l = 0; l < LAYOUTS; l++) {
        at_tensor *x[2];
        two_inputs(x, AT_FLOAT32);
        x[1] = at_set_requires_grad(in_layout(at_detach(x[1]), l), true);
        ck_assert(!at_gradcheck(too_large, x, 2, NULL, .float32 = true, .report = paper));
        EXPECT_REPORT(words[l]);
    }
}
END_TEST

START_TEST(a_function_that_fails_ends_the_report) {
    at_tensor *x[2];
    two_inputs(x, AT_FLOAT64);
    int left = 1 + 6 + 4; /* the value, and differences of five elements */
    ck_assert(!at_gradcheck(fails_later, x, 2, &left, .report = paper));
    ck_assert_msg(strstr(at_error(), "input 1 (2, 3), element 0"), "%s", at_error());
    EXPECT_REPORT("\n2 of 5 elements differ, then the function failed\n");
    left = 3;
    ck_assert(!at_gradcheck(fails_later, x, 2, &left, .report = paper));
    ck_assert_str_eq(at_error(), "gradcheck: no more");
    at_clear_error();
}
END_TEST

START_TEST(nothing_is_reported_where_all_is_well) {
    at_tensor *x[2];
    two_inputs(x, AT_FLOAT64);
    ck_assert(at_gradcheck(right, x, 2, NULL, .report = paper) && at_gradgradcheck(right, x, 2, NULL, .report = paper));
    EXPECT_ERROR(at_gradcheck(right, x, 2, NULL, .epsilon = -1, .report = paper), AT_ERROR_VALUE, "epsilon");
    fflush(paper);
    ck_assert_uint_eq(report_bytes, 0);
}
END_TEST

/* ---- the suite --------------------------------------------------------------------------------------------------- */

Suite *gradcheck_suite(void);
Suite *gradcheck_suite(void) {
    Suite *suite = suite_create("gradcheck");
    TCase *findings = tcase_create("findings");
    tcase_add_checked_fixture(findings, support_begin, support_end);
    tcase_add_loop_test(findings, wrong_rules_are_found, 0, MISTAKES);
    tcase_add_loop_test(findings, wrong_rules_are_found_in_float32, 0, MISTAKES);
    tcase_add_loop_test(findings, restricted_checks_see_their_inputs_only, 0, MISTAKES);
    tcase_add_test(findings, tolerances_and_steps_are_used);
    tcase_add_test(findings, gradients_of_the_wrong_shape_are_found);
    tcase_add_test(findings, differences_that_are_not_finite_never_pass);
    tcase_add_test(findings, wrong_second_derivatives_are_found);
    tcase_add_test(findings, derivatives_by_the_weights_are_checked);
    tcase_add_test(findings, kinks_are_found);
    suite_add_tcase(suite, findings);

    TCase *inputs = tcase_create("inputs");
    tcase_add_checked_fixture(inputs, support_begin, support_end);
    tcase_add_test(inputs, checking_changes_nothing);
    tcase_add_test(inputs, intermediate_tensors_can_be_checked);
    tcase_add_test(inputs, every_layout_can_be_checked);
    tcase_add_test(inputs, empty_and_single_elements_can_be_checked);
    tcase_add_test(inputs, one_tensor_in_two_places_is_one_variable);
    tcase_add_test(inputs, mixed_dtypes_can_be_checked);
    tcase_add_test(inputs, misuse_is_reported);
    tcase_add_test(inputs, options_that_make_no_sense_are_errors);
    suite_add_tcase(suite, inputs);

    TCase *text = tcase_create("report");
    tcase_add_checked_fixture(text, begin_report, end_report);
    tcase_add_test(text, the_report_of_first_derivatives);
    tcase_add_test(text, the_report_of_second_derivatives);
    tcase_add_test(text, derivatives_by_the_weights_are_reported);
    tcase_add_test(text, hints_tell_what_it_may_be);
    tcase_add_test(text, a_kink_among_other_errors_is_told);
    tcase_add_test(text, long_lists_are_cut);
    tcase_add_test(text, layouts_are_reported);
    tcase_add_test(text, a_function_that_fails_ends_the_report);
    tcase_add_test(text, nothing_is_reported_where_all_is_well);
    suite_add_tcase(suite, text);
    return suite;
}
