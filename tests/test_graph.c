/* tests/test_graph.c - graphs as text, custom operations, hooks. */
#define _POSIX_C_SOURCE 200809L
#include <atled.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* y = sum(w * b + sin(w * b)): b is broadcast, w * b is used twice. */
static at_tensor *two_uses(at_tensor **w, at_tensor **b) {
    *w = at_set_name(at_set_requires_grad(at_from_doubles((double[]){1, 2}, 2), true), "w");
    *b = at_set_name(at_set_requires_grad(at_from_doubles((double[]){0.5}, 1), true), "layer.b");
    at_tensor *h = at_mul(*w, *b);
    return at_sum(at_add(h, at_sin(h)));
}

/* What tell writes about root, as a string for free(). */
static char *told(bool (*tell)(FILE *, at_tensor *), at_tensor *root) {
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    ck_assert(tell(file, root));
    fclose(file);
    return text;
}

static void expect_text(bool (*tell)(FILE *, at_tensor *), at_tensor *root, const char *expected) {
    char *text = told(tell, root);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(the_tape_is_a_table) {
    at_tensor *w, *b, *y = two_uses(&w, &b);
    expect_text(at_graph_print, y,
                "    operation     inputs  shape  value               gradient  derivative by inputs\n"
                "#0  leaf w                (2)    [1, 2]                        \n"
                "#1  leaf layer.b          (1)    [0.5]                         \n"
                "#2  mul           #0, #1  (2)    [0.5, 1]                      g * b, g * a\n"
                "#3  sin           #2      (2)    [0.47943, 0.84147]            g * cos x\n"
                "#4  add           #2, #3  (2)    [0.97943, 1.8415]             g, g\n"
                "#5  sum           #4      ()     2.8209                        g expanded\n");
}
END_TEST

START_TEST(constants_stand_among_the_inputs) {
    at_tensor *w = at_set_requires_grad(at_ones(2), true);
    expect_text(at_graph_print, at_mul(w, at_from_doubles((double[]){3, 0.5}, 2)),
                "    operation  inputs        shape  value     gradient  derivative by inputs\n"
                "#0  leaf                     (2)    [1, 1]              \n"
                "#1  mul        #0, [3, 0.5]  (2)    [3, 0.5]            g * b, g * a\n");
}
END_TEST

START_TEST(a_backward_pass_is_told_step_by_step) {
    at_tensor *w, *b, *y = two_uses(&w, &b);
    expect_text(at_backward_trace, y,
                "#5 sum: gradient 1; by its inputs: g expanded\n"
                "    to #4 add: [1, 1], the first\n"
                "#4 add: gradient [1, 1]; by its inputs: g, g\n"
                "    to #2 mul: [1, 1], the first\n"
                "    to #3 sin: [1, 1], the first\n"
                "#3 sin: gradient [1, 1]; by its inputs: g * cos x\n"
                "    to #2 mul: [0.87758, 0.5403], added to [1, 1]\n"
                "#2 mul: gradient [1.8776, 1.5403]; by its inputs: g * b, g * a\n"
                "    to #0 leaf w: [0.93879, 0.77015], the first\n"
                "    to #1 leaf layer.b: [4.9582], the first\n"
                "#1 leaf layer.b: gradient [4.9582], the leaf's own\n"
                "#0 leaf w: gradient [0.93879, 0.77015], the leaf's own\n");
    ck_assert(fabs(at_item(at_grad(b)) - 4.958187) < 1e-6); /* it is a real backward pass */
    char *text = told(at_backward_trace, y);
    ck_assert(strstr(text, "#1 leaf layer.b: gradient [4.9582], added to what the leaf has\n"));
    free(text);
}
END_TEST

START_TEST(a_drawing_frames_modules) {
    at_tensor *w, *b, *y = two_uses(&w, &b);
    char *text = told(at_graph_dot, y);
    ck_assert(strstr(text, "digraph {\n") == text);
    ck_assert(strstr(text, "subgraph cluster_1 {\nlabel=\"layer\";\nn1 [shape=box, label=\"layer.b\\n[0.5]\"];\n}\n"));
    ck_assert(strstr(text, "n2 -> n4;\n") && strstr(text, "n3 -> n4;\n") && strstr(text, "n4 -> n5;\n}\n"));
    free(text);
    text = told(at_graph_dot, at_mul(w, 3)); /* a constant has a place of its own */
    ck_assert(strstr(text, "c1_1 [shape=plaintext, label=\"3\"];\nc1_1 -> n1;\n"));
    at_set_name(w, "a \"quoted\" \\ name");
    free(text);
    text = told(at_graph_dot, y);
    ck_assert(strstr(text, "label=\"a \\\"quoted\\\" \\\\ name\\n"));
    free(text);
}
END_TEST

static int count_of(const char *text, const char *part) {
    int n = 0;
    while ((text = strstr(text, part))) text++, n++;
    return n;
}

/* Leaves of one module stand in one frame, whatever comes in between; names of one length are not one name. */
START_TEST(a_drawing_frames_each_module_once) {
    static const char *const names[] = {"one.w", "two.w", "one.b", "w"};
    at_tensor *sum = at_scalar(0);
    for (int i = 0; i < 4; i++)
        sum = at_add(sum, at_square(at_set_name(at_set_requires_grad(at_scalar(i), true), names[i])));
    char *text = told(at_graph_dot, sum);
    ck_assert(strstr(text, "{\nlabel=\"one\";\nn0 [shape=box, label=\"one.w\\n0\"];\nn6 [shape=box, "
                           "label=\"one.b\\n2\"];\n}\n"));
    ck_assert(strstr(text, "{\nlabel=\"two\";\nn3 [shape=box, label=\"two.w\\n1\"];\n}\n"));
    ck_assert_int_eq(count_of(text, "n6 [shape"), 1);
    ck_assert(strstr(text, "label=\"w\\n3\""));
    free(text);
}
END_TEST

/* The gradient by a window is told with the zeros around it. */
START_TEST(a_trace_of_windows) {
    at_tensor *x = at_set_requires_grad(at_ones(3), true);
    at_tensor *y = at_add(at_select(x, 0, 0), at_mul(at_select(x, 0, 2), 5));
    char *text = told(at_backward_trace, y);
    ck_assert_msg(strstr(text, "leaf: [0, 0, 5], the first\n") && strstr(text, "leaf: [1, 0, 0], added to [0, 0, 5]\n"),
                  "%s", text);
    free(text);
    EXPECT(at_grad(x), 1, 0, 5);
}
END_TEST

START_TEST(children_put_their_name_before) {
    typedef struct {
        at_module module;
        at_tensor *w;
    } part;
    part *inner = at_module_new(sizeof *inner, "Inner"), *outer = at_module_new(sizeof *outer, "Outer");
    at_module_parameter(&inner->module, "w", &inner->w, at_ones(1));
    ck_assert_str_eq(at_name(inner->w), "w");
    at_module_child(&outer->module, "attention", &inner->module);
    ck_assert_str_eq(at_name(inner->w), "attention.w");
    at_module_free(&outer->module);
}
END_TEST

START_TEST(graphs_need_a_graph) {
    at_tensor *x = at_ones(2);
    EXPECT_ERROR(at_graph_print(stdout, x), AT_ERROR_STATE, "float32 (2) has no graph");
    EXPECT_ERROR(at_graph_dot(NULL, x), AT_ERROR_VALUE, "file is NULL");
    EXPECT_ERROR(at_backward_trace(stdout, NULL), AT_ERROR_VALUE, "t is NULL");
    EXPECT_ERROR(at_set_name(x, "x"), AT_ERROR_STATE, "only tensors that require a gradient");
    ck_assert_ptr_null(at_name(x));
}
END_TEST

/* ---- custom operations ------------------------------------------------------------------------------------------- */

static at_tensor *power_forward(at_custom_call *call) {
    double *n = call->context;
    at_tensor *before = at_pow(call->inputs[0], *n - 1);
    return at_custom_save(call, before) ? at_mul(before, call->inputs[0]) : NULL;
}

static bool power_derivative(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)y;
    ck_assert_int_eq(call->n, 1);
    ck_assert_int_eq(call->n_saved, 1);
    dx[0] = at_mul(g, at_mul(call->saved[0], *(double *)call->context));
    return true;
}

static int freed;
static void free_power(void *context) {
    free(context);
    freed++;
}

static const at_custom_operation power = {"power", power_forward, power_derivative, free_power};

static at_tensor *cube(at_tensor **inputs, int n, void *unused) {
    (void)n, (void)unused;
    double *exponent = malloc(sizeof *exponent);
    *exponent = 3;
    return at_custom(&power, inputs, 1, exponent);
}

START_TEST(a_custom_operation_saves_and_is_checked) {
    at_tensor *x = at_set_requires_grad(at_from_doubles((double[]){-1, 0.5, 2}, 3), true);
    ck_assert(at_gradcheck(cube, &x, 1, NULL));
}
END_TEST

START_TEST(the_context_goes_with_the_node) {
    at_tensor *x = at_set_requires_grad(at_from_doubles((double[]){2}, 1), true);
    freed = 0;
    AT_SCOPE {
        at_tensor *y = cube(&x, 1, NULL);
        ck_assert_int_eq(freed, 0);
        ck_assert(at_backward(y));
        ck_assert(at_item(at_grad(x)) == 12);
    }
    ck_assert_int_eq(freed, 1);
    AT_NO_GRAD { cube(&x, 1, NULL); } /* no node */
    ck_assert_int_eq(freed, 2);
}
END_TEST

enum { SAVED = 40 };

static at_tensor *save_many(at_custom_call *call) {
    for (int i = 0; i < SAVED; i++)
        if (!at_custom_save(call, at_full(i, 1))) return NULL;
    return at_mul(call->inputs[0], call->inputs[1]);
}

static bool check_saved(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)y;
    ck_assert_int_eq(call->n_saved, SAVED);
    for (int i = 0; i < SAVED; i++) ck_assert_double_eq(at_item(call->saved[i]), i);
    dx[0] = at_mul(g, call->inputs[1]);
    dx[1] = at_mul(g, call->inputs[0]);
    return true;
}

START_TEST(a_custom_operation_saves_many) {
    static const at_custom_operation operation = {"many", save_many, check_saved, NULL};
    at_tensor *x[] = {at_set_requires_grad(at_full(2, 1), true), at_set_requires_grad(at_full(5, 1), true)};
    ck_assert(at_backward(at_custom(&operation, x, 2, NULL)));
    EXPECT(at_grad(x[0]), 5);
    EXPECT(at_grad(x[1]), 2);
}
END_TEST

static at_tensor *save_input(at_custom_call *call) {
    return at_custom_save(call, call->inputs[0]) ? at_square(call->inputs[0]) : NULL;
}
static bool from_saved(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)y;
    return (dx[0] = at_mul(g, at_mul(call->saved[0], 2))) != NULL;
}
static at_tensor *saved_square(at_tensor **inputs, int n, void *unused) {
    static const at_custom_operation operation = {"square", save_input, from_saved, NULL};
    (void)unused;
    return at_custom(&operation, inputs, n, NULL);
}

START_TEST(a_saved_input_is_that_input) {
    at_tensor *x = at_set_requires_grad(at_from_doubles((double[]){-1, 0.5, 2}, 3), true);
    ck_assert_msg(at_gradcheck(saved_square, &x, 1, NULL) && at_gradgradcheck(saved_square, &x, 1, NULL), "%s",
                  at_error());
}
END_TEST

static at_tensor *no_forward(at_custom_call *call) { return (void)call, NULL; }
static at_tensor *copy_forward(at_custom_call *call) { return at_mul(call->inputs[0], 1); }
static bool wrong_shape(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)call, (void)g, (void)y;
    dx[0] = at_ones(7);
    return true;
}
static bool no_derivative(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)call, (void)g, (void)y, (void)dx;
    return false;
}

static bool summed(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)call, (void)y;
    return (dx[0] = at_sum(g)) != NULL;
}

/* A gradient that is the same for all elements may be a number. */
START_TEST(a_gradient_may_be_broadcast) {
    static const at_custom_operation operation = {"alike", copy_forward, summed, NULL};
    at_tensor *x = at_set_requires_grad(at_ones(3), true);
    ck_assert(at_backward(at_sum(at_custom(&operation, &x, 1, NULL))));
    EXPECT(at_grad(x), 3, 3, 3);
}
END_TEST

static bool column(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)call, (void)y;
    return (dx[0] = at_reshape(g, 2, 1)) != NULL;
}
static bool truth(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)call, (void)y;
    return (dx[0] = at_gt(g, 0)) != NULL;
}
/* What it cannot have it does without. */
static bool tries_first(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)call, (void)y;
    if (!at_reshape(g, 3, 5)) at_clear_error();
    return (dx[0] = at_mul(g, 2)) != NULL;
}
static at_tensor *forgets_why(at_custom_call *call) {
    at_tensor *y = at_reshape(call->inputs[0], 3, 5);
    at_clear_error();
    return y;
}
static bool scratches(at_custom_call *call, at_tensor *g, at_tensor *y, at_tensor **dx) {
    (void)call, (void)y;
    float *p = at_floats_mut(g);
    if (p) p[0] = 7;
    return (dx[0] = at_mul(g, 1)) != NULL;
}

START_TEST(what_a_derivative_may_do) {
    at_tensor *x = at_set_requires_grad(at_ones(2), true), *other = at_set_requires_grad(at_ones(2), true);
    at_custom_operation op = {"mine", copy_forward, tries_first, NULL};
    ck_assert(at_backward(at_sum(at_custom(&op, &x, 1, NULL))));
    EXPECT(at_grad(x), 2, 2);
    at_zero_grad(x);
    op.derivative = scratches; /* in its own copy of the gradient */
    at_tensor *ones = at_ones(2);
    ck_assert(at_backward_with(at_add(at_custom(&op, &x, 1, NULL), other), ones));
    EXPECT(at_grad(x), 7, 1);
    EXPECT(at_grad(other), 1, 1);
    EXPECT(ones, 1, 1);
}
END_TEST

START_TEST(wrong_custom_operations_are_errors) {
    at_tensor *x = at_set_requires_grad(at_ones(2), true), *missing = NULL;
    at_custom_operation op = {"mine", no_forward, wrong_shape, NULL};
    EXPECT_ERROR(at_custom(&op, &x, 1, NULL), AT_ERROR_STATE, "mine: its forward gives NULL");
    EXPECT_ERROR(at_custom(&op, &missing, 1, NULL), AT_ERROR_VALUE, "mine: inputs[0] is NULL");
    EXPECT_ERROR(at_custom(&op, &x, 0, NULL), AT_ERROR_VALUE, "mine: no inputs");
    EXPECT_ERROR(at_custom(NULL, &x, 1, NULL), AT_ERROR_VALUE, "custom: an operation has a name");
    EXPECT_ERROR(at_custom(&op, NULL, 1, NULL), AT_ERROR_VALUE, "mine: no inputs");
    EXPECT_ERROR(at_custom(&(at_custom_operation){NULL, no_forward, wrong_shape, NULL}, &x, 1, NULL), AT_ERROR_VALUE,
                 "custom: an operation has a name");
    EXPECT_ERROR(at_custom(&(at_custom_operation){"mine", NULL, wrong_shape, NULL}, &x, 1, NULL), AT_ERROR_VALUE,
                 "custom: an operation has a name");
    EXPECT_ERROR(at_custom(&(at_custom_operation){"mine", no_forward, NULL, NULL}, &x, 1, NULL), AT_ERROR_VALUE,
                 "custom: an operation has a name");
    EXPECT_ERROR(at_custom_save(NULL, x), AT_ERROR_VALUE, "custom_save: call is NULL");
    op.forward = copy_forward;
    EXPECT_ERROR(at_backward(at_sum(at_custom(&op, &x, 1, NULL))), AT_ERROR_STATE,
                 "mine: its rule gives a gradient of shape (7) by input 0, which has shape (2): want that shape, or "
                 "one");
    op.derivative = column;
    EXPECT_ERROR(at_backward(at_sum(at_custom(&op, &x, 1, NULL))), AT_ERROR_STATE,
                 "mine: its rule gives a gradient of shape (2, 1) by input 0, which has shape (2)");
    op.derivative = truth;
    EXPECT_ERROR(at_backward(at_sum(at_custom(&op, &x, 1, NULL))), AT_ERROR_STATE,
                 "mine: its rule gives a gradient of dtype bool by input 0: want floating point");
    op.derivative = no_derivative;
    EXPECT_ERROR(at_backward(at_sum(at_custom(&op, &x, 1, NULL))), AT_ERROR_STATE, "mine: its derivative is false");
    op.forward = forgets_why;
    EXPECT_ERROR(at_custom(&op, &x, 1, NULL), AT_ERROR_STATE, "mine: its forward gives NULL");
    ck_assert_ptr_null(at_grad(x));
}
END_TEST

/* ---- hooks ------------------------------------------------------------------------------------------------------- */

static at_tensor *tenfold(at_tensor *gradient, void *calls) {
    ++*(int *)calls;
    return at_mul(gradient, 10);
}
static at_tensor *count_only(at_tensor *gradient, void *calls) { return (void)gradient, ++*(int *)calls, NULL; }
static at_tensor *another_shape(at_tensor *gradient, void *unused) { return (void)gradient, (void)unused, at_ones(9); }

START_TEST(hooks_see_and_replace_gradients) {
    at_tensor *x = at_set_requires_grad(at_ones(1), true), *h = at_mul(x, 2), *y = at_add(h, h);
    int calls = 0;
    ck_assert(at_register_hook(h, count_only, &calls) && at_register_hook(h, tenfold, &calls));
    at_backward(y);
    ck_assert_int_eq(calls, 2); /* once each, with both contributions in */
    ck_assert(at_item(at_grad(x)) == 40);
    at_remove_hooks(h);
    at_zero_grad(x);
    at_backward(y);
    ck_assert(at_item(at_grad(x)) == 4);
    at_register_hook(x, another_shape, NULL);
    EXPECT_ERROR(at_backward(y), AT_ERROR_SHAPE, "the gradient is float32 (1) and its replacement float32 (9)");
    ck_assert(at_item(at_grad(x)) == 4);
    EXPECT_ERROR(at_register_hook(at_ones(1), tenfold, NULL), AT_ERROR_STATE, "does not require a gradient");
}
END_TEST

static at_tensor *only_once(at_tensor *gradient, void *h) { return at_remove_hooks(h), at_mul(gradient, 10); }
static at_tensor *write_five(at_tensor *gradient, void *unused) {
    (void)unused;
    at_floats_mut(gradient)[0] = 5;
    return NULL;
}
static at_tensor *try_something(at_tensor *gradient, void *unused) {
    (void)unused;
    if (!at_reshape(gradient, 3, 5)) at_clear_error();
    return NULL;
}

START_TEST(hooks_may_remove_themselves) {
    at_tensor *x = at_set_requires_grad(at_ones(1), true), *h = at_mul(x, 2);
    int calls = 0;
    ck_assert(at_register_hook(h, count_only, &calls) && at_register_hook(h, only_once, h));
    ck_assert(at_register_hook(h, tenfold, &calls));
    for (int pass = 0; pass < 2; pass++) {
        ck_assert(at_backward(h));
        EXPECT(at_grad(x), pass ? 2 : 20);
        at_zero_grad(x);
    }
    ck_assert_int_eq(calls, 1);
    ck_assert(at_register_hook(h, tenfold, &calls) && at_backward(h));
    EXPECT(at_grad(x), 20);
}
END_TEST

START_TEST(hooks_have_their_gradient_to_themselves) {
    at_tensor *x = at_set_requires_grad(at_ones(2), true), *other = at_set_requires_grad(at_ones(2), true);
    at_tensor *sum = at_add(x, other), *ones = at_ones(2);
    ck_assert(at_register_hook(x, write_five, NULL) && at_retain_grad(sum));
    ck_assert(at_backward_with(sum, ones));
    EXPECT(at_grad(x), 5, 1);
    EXPECT(at_grad(other), 1, 1);
    EXPECT(at_grad(sum), 1, 1);
    EXPECT(ones, 1, 1);
    at_remove_hooks(x);
    ck_assert(at_register_hook(x, try_something, NULL)); /* an error that it clears is its own business */
    ck_assert(at_backward_with(sum, ones));
    EXPECT(at_grad(x), 6, 2);
}
END_TEST

static at_tensor *add_one(at_tensor *gradient, void *unused) { return (void)unused, at_add(gradient, 1); }

START_TEST(hooks_run_in_order_in_every_kind_of_pass) {
    at_tensor *x = at_set_requires_grad(at_ones(1), true), *h = at_mul(x, 2), *y = at_mul(h, 3), *inputs[] = {x, h},
              *g[2];
    int calls = 0;
    ck_assert(at_register_hook(h, add_one, NULL) && at_register_hook(h, tenfold, &calls));
    ck_assert(at_register_hook(x, add_one, NULL));
    for (int create_graph = 0; create_graph < 2; create_graph++) {
        ck_assert(at_gradients(y, inputs, 2, create_graph, g));
        EXPECT(g[1], (3 + 1) * 10);
        EXPECT(g[0], 40 * 2 + 1);
    }
    for (int call = 1; call <= 2; call++) {
        ck_assert(at_backward(y)); /* a hook sees the gradient of this pass, not what the leaf has already */
        EXPECT(at_grad(x), call * 81);
    }
    ck_assert_int_eq(calls, 4);
}
END_TEST

START_TEST(gradients_in_between_can_be_kept) {
    at_tensor *x = at_set_requires_grad(at_ones(1), true), *h = at_mul(x, 2), *y = at_square(h);
    at_backward(y);
    ck_assert_ptr_null(at_grad(h));
    ck_assert(at_retain_grad(h) && at_retain_grad(x)); /* for a leaf that changes nothing */
    at_backward(y);
    EXPECT(at_grad(h), 4);
    EXPECT(at_grad(x), 16);
    at_backward(y); /* they add up as a leaf's do */
    EXPECT(at_grad(h), 8);
    EXPECT(at_grad(x), 24);
    at_zero_grad(h);
    ck_assert_ptr_null(at_grad(h));
    EXPECT_ERROR(at_retain_grad(at_ones(1)), AT_ERROR_STATE, "does not require a gradient");
}
END_TEST

Suite *graph_suite(void) {
    Suite *suite = suite_create("graph");
    TCase *text = tcase_create("text"), *custom = tcase_create("custom"), *hooks = tcase_create("hooks");
    TCase *cases[] = {text, custom, hooks};
    tcase_add_test(text, the_tape_is_a_table);
    tcase_add_test(text, constants_stand_among_the_inputs);
    tcase_add_test(text, a_backward_pass_is_told_step_by_step);
    tcase_add_test(text, a_drawing_frames_modules);
    tcase_add_test(text, a_drawing_frames_each_module_once);
    tcase_add_test(text, a_trace_of_windows);
    tcase_add_test(text, children_put_their_name_before);
    tcase_add_test(text, graphs_need_a_graph);
    tcase_add_test(custom, a_custom_operation_saves_and_is_checked);
    tcase_add_test(custom, the_context_goes_with_the_node);
    tcase_add_test(custom, a_custom_operation_saves_many);
    tcase_add_test(custom, a_saved_input_is_that_input);
    tcase_add_test(custom, a_gradient_may_be_broadcast);
    tcase_add_test(custom, what_a_derivative_may_do);
    tcase_add_test(custom, wrong_custom_operations_are_errors);
    tcase_add_test(hooks, hooks_see_and_replace_gradients);
    tcase_add_test(hooks, hooks_run_in_order_in_every_kind_of_pass);
    tcase_add_test(hooks, hooks_may_remove_themselves);
    tcase_add_test(hooks, hooks_have_their_gradient_to_themselves);
    tcase_add_test(hooks, gradients_in_between_can_be_kept);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tcase_add_checked_fixture(cases[i], support_begin, support_end);
        suite_add_tcase(suite, cases[i]);
    }
    return suite;
}
