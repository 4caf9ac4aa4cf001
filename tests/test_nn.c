/* tests/test_nn.c - modules, losses and Nadaraya-Watson attention pooling. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>

#include "core_support.h"

/* ---- a model of one's own ---------------------------------------------------------------------------------------- */

typedef struct {
    at_module module;
    at_tensor *weight, *bias;
} affine;

typedef struct {
    at_module module;
    affine *first, *second;
    at_tensor *scale, *seen;
} network;

static affine *new_affine(int64_t inputs, int64_t outputs) {
    affine *self = at_module_new(sizeof *self, "Affine");
    ck_assert(at_module_parameter(&self->module, "weight", &self->weight, at_ones(inputs, outputs)));
    ck_assert(at_module_parameter(&self->module, "bias", &self->bias, at_zeros(outputs)));
    return self;
}

/* Registered in this order on purpose: a child, a parameter, a buffer, a child. */
static network *new_network(void) {
    network *self = at_module_new(sizeof *self, "Network");
    self->first = new_affine(3, 4);
    self->second = new_affine(4, 1);
    ck_assert(at_module_child(&self->module, "first", &self->first->module));
    ck_assert(at_module_parameter(&self->module, "scale", &self->scale, at_scalar(2)));
    ck_assert(at_module_buffer(&self->module, "seen", &self->seen, NULL));
    ck_assert(at_module_child(&self->module, "second", &self->second->module));
    return self;
}

BALANCED_TEST(parameters_own_before_children) {
    network *net = new_network();
    at_parameter_list list = at_parameters(&net->module);
    at_tensor *expected[] = {net->scale, net->first->weight, net->first->bias, net->second->weight, net->second->bias};
    ck_assert_int_eq(list.count, 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_ptr_eq(list.items[i], expected[i]);
        ck_assert(at_requires_grad(list.items[i]));
    }
    ck_assert_ptr_eq(at_parameters(&net->module).items, list.items); /* over it, so that a list in use stays good */
    at_module_free(&net->module);
    at_module_free(NULL);
}

BALANCED_TEST(a_module_holds_its_parts) {
    network *net = NULL;
    AT_SCOPE {
        net = new_network();
        at_assign(&net->seen, at_ones(2));
    }
    ck_assert_double_eq(at_item(net->scale), 2);
    ck_assert_double_eq(at_get(net->seen, 1), 1);
    ck_assert(!at_requires_grad(net->seen));
    at_module_free(&net->module);
}

static void check_printed(at_module *module, const char *expected) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    at_module_fprint(file, module);
    fclose(file);
    ck_assert_str_eq(text, expected);
    free(text);
}

BALANCED_TEST(printing) {
    network *net = new_network();
    check_printed(&net->module, "Network(\n"
                                "  (first): Affine(\n"
                                "    (weight): parameter float32 (3, 4)\n"
                                "    (bias): parameter float32 (4)\n"
                                "  )\n"
                                "  (scale): parameter float32 ()\n"
                                "  (seen): buffer not set\n"
                                "  (second): Affine(\n"
                                "    (weight): parameter float32 (4, 1)\n"
                                "    (bias): parameter float32 (1)\n"
                                "  )\n"
                                ")\n"
                                "22 trainable numbers\n");
    at_module_free(&net->module);
    at_module *empty = at_module_new(sizeof *empty, "Empty");
    check_printed(empty, "Empty()\n0 trainable numbers\n");
    ck_assert_int_eq(at_parameters(empty).count, 0);
    at_module_free(empty);
}

BALANCED_TEST(wrong_parts_change_nothing) {
    affine *self = new_affine(2, 2);
    at_tensor *slot = NULL, *other = at_ones(2), *weight = self->weight;
    ck_assert(!at_module_parameter(&self->module, "weight", &slot, other));
    expect_error(AT_ERROR_VALUE, "module_parameter: Affine has a part named \"weight\" already");
    ck_assert(!at_requires_grad(other));
    ck_assert(!at_module_buffer(&self->module, "bias", &slot, other));
    expect_error(AT_ERROR_VALUE, "module_buffer: Affine has a part named \"bias\" already");
    ck_assert(!at_module_parameter(&self->module, "gain", &slot, NULL));
    expect_error(AT_ERROR_VALUE, "module_parameter: value is NULL");
    ck_assert(!at_module_parameter(&self->module, "gain", &slot, at_to(other, AT_INT64)));
    ck_assert_int_eq(at_error_code(), AT_ERROR_DTYPE);
    at_clear_error();
    ck_assert_ptr_null(slot);
    ck_assert_ptr_eq(self->weight, weight);
    ck_assert_int_eq(at_parameters(&self->module).count, 2);
    at_module_free(&self->module);
}

static int destroyed;
static void count_destroyed(at_module *self) {
    (void)self;
    destroyed++;
}

BALANCED_TEST(destroy_is_called_once_for_each) {
    network *net = new_network();
    net->module.destroy = net->first->module.destroy = count_destroyed;
    at_module_free(&net->module);
    ck_assert_int_eq(destroyed, 2);
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

BALANCED_TEST(mean_squared_error) {
    const double a[] = {1, 2, 3, 4}, b[] = {0, 2, 5, 1};
    at_tensor *input = at_set_requires_grad(at_from_doubles_shape(a, AT_SHAPE(4)), true);
    at_tensor *target = at_from_doubles_shape(b, AT_SHAPE(4));
    CHECK_ELEMENTS(at_mse_loss(input, target, AT_NONE), 1, 0, 4, 9);
    CHECK_ELEMENTS(at_mse_loss(input, target, AT_MEAN), 3.5);
    at_tensor *sum = at_mse_loss(input, target, AT_SUM);
    CHECK_ELEMENTS(sum, 14);
    ck_assert(at_backward(sum));
    CHECK_ELEMENTS(at_grad(input), 2, 0, -4, 6);
}

/* What broadcasts gives a number too, but another one: the mean over all pairs. */
BALANCED_TEST(shapes_that_would_broadcast_are_no_pair) {
    at_tensor *column = at_zeros(4, 1), *row = at_ones(4), *scalar = at_scalar(1);
    ck_assert_ptr_null(at_mse_loss(column, row, AT_MEAN));
    expect_error(AT_ERROR_SHAPE,
                 "mse_loss: input (4, 1) and target (4): shapes must be equal (at_reshape makes them so)");
    ck_assert_ptr_null(at_mse_loss(row, scalar, AT_SUM));
    expect_error(AT_ERROR_SHAPE, "mse_loss: input (4) and target (): shapes must be equal (at_reshape makes them so)");
    CHECK_ELEMENTS(at_mse_loss(at_reshape(row, 2, 2), at_zeros(2, 2), AT_MEAN), 1);
}

/* ---- attention pooling ------------------------------------------------------------------------------------------- */

BALANCED_TEST(nw_kernel_regression_follows_its_formula) {
    enum { QUERIES = 4, KEYS = 3 };
    at_manual_seed(0);
    NWKernelRegression *net = at_nw_kernel_regression();
    ck_assert_float_eq((float)at_get(net->w, 0), 0.49625659f); /* torch.rand(1) after torch.manual_seed(0) */
    ck_assert_ptr_null(net->attention_weights);
    at_tensor *queries = at_rand(QUERIES), *keys = at_rand(QUERIES, KEYS), *values = at_rand(QUERIES, KEYS);
    at_tensor *y = at_nw_kernel_regression_forward(net, queries, keys, values);
    CHECK_SHAPE(y, QUERIES);
    CHECK_SHAPE(net->attention_weights, QUERIES, KEYS);
    double w = at_get(net->w, 0);
    for (int q = 0; q < QUERIES; q++) {
        double e[KEYS], sum = 0, expected = 0;
        for (int k = 0; k < KEYS; k++) sum += e[k] = exp(-pow((at_get(queries, q) - at_get(keys, q, k)) * w, 2) / 2);
        for (int k = 0; k < KEYS; k++) expected += e[k] / sum * at_get(values, q, k);
        ck_assert_double_eq_tol(at_get(y, q), expected, 1e-6);
        for (int k = 0; k < KEYS; k++) ck_assert_double_eq_tol(at_get(net->attention_weights, q, k), e[k] / sum, 1e-6);
    }
    check_printed(&net->module, "NWKernelRegression(\n"
                                "  (w): parameter float32 (1)\n"
                                "  (attention_weights): buffer float32 (4, 3)\n"
                                ")\n"
                                "1 trainable number\n");
    at_module_free(&net->module);
}

/* Inputs: queries, keys, values, w. */
static at_tensor *pooling(at_tensor **inputs, int n, void *context) {
    NWKernelRegression *net = context;
    at_tensor *own = net->w;
    (void)n;
    net->w = inputs[3];
    at_tensor *y = at_nw_kernel_regression_forward(net, inputs[0], inputs[1], inputs[2]);
    net->w = own;
    return y;
}

BALANCED_TEST(gradients_of_attention_pooling) {
    NWKernelRegression *net = at_nw_kernel_regression();
    at_tensor *inputs[] = {at_rand(3), at_rand(3, 4), at_rand(3, 4), net->w};
    for (int i = 0; i < 4; i++) inputs[i] = at_set_requires_grad(at_to(at_detach(inputs[i]), AT_FLOAT64), true);
    ck_assert_msg(at_gradcheck(pooling, inputs, 4, net), "%s", at_error());
    ck_assert_msg(at_gradgradcheck(pooling, inputs, 4, net), "%s", at_error());
    at_module_free(&net->module);
}

BALANCED_TEST(attention_weights_keep_no_graph_alive) {
    NWKernelRegression *net = at_nw_kernel_regression();
    int64_t before = at_live_tensors();
    AT_SCOPE {
        at_tensor *x = at_set_requires_grad(at_rand(30), true), *keys = at_rand(30, 29);
        ck_assert_ptr_nonnull(at_nw_kernel_regression_forward(net, x, keys, keys));
        ck_assert(!at_requires_grad(net->attention_weights));
    }
    ck_assert_int_eq(at_live_tensors(), before + 1);
    at_module_free(&net->module);
}

BALANCED_TEST(nw_kernel_regression_of_wrong_shapes) {
    NWKernelRegression *net = at_nw_kernel_regression();
    at_tensor *q = at_zeros(3), *k = at_zeros(3, 2);
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, q, at_zeros(4, 2), at_zeros(4, 2)));
    expect_error(AT_ERROR_SHAPE,
                 "nw_kernel_regression_forward: queries (3), keys (4, 2), values (4, 2): want (queries), (queries, "
                 "keys), (queries, keys), or (keys) for the same ones at every query");
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, q, k, at_zeros(3, 1)));
    at_clear_error();
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, k, k, k));
    at_clear_error();
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, q, NULL, k));
    expect_error(AT_ERROR_VALUE, "nw_kernel_regression_forward: keys is NULL");
    ck_assert_ptr_null(at_nw_kernel_regression_forward(NULL, q, k, k));
    expect_error(AT_ERROR_VALUE, "nw_kernel_regression_forward: net is NULL");
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, NULL, k, k));
    expect_error(AT_ERROR_VALUE, "nw_kernel_regression_forward: queries is NULL");
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, q, k, NULL));
    expect_error(AT_ERROR_VALUE, "nw_kernel_regression_forward: values is NULL");
    at_tensor *other[][2] = {{at_scalar(1), k},      {at_zeros(1, 3, 2), k}, {k, at_scalar(1)},
                             {k, at_zeros(1, 3, 2)}, {k, at_zeros(4, 2)},    {at_zeros(2), at_zeros(4, 2)}};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        ck_assert_ptr_null(at_nw_kernel_regression_forward(net, q, other[i][0], other[i][1]));
        ck_assert_msg(at_error_code() == AT_ERROR_SHAPE, "%d: %s", (int)i, at_error());
        at_clear_error();
    }
    /* The function of that name, as programs in C++ call it, is the macro without options. */
    at_tensor *y = at_nw_kernel_regression_forward(net, q, k, k);
    ck_assert(at_equal((at_nw_kernel_regression_forward)(net, q, k, k), y));
    at_assign(&net->attention_weights, NULL);
    ck_assert_ptr_null(net->attention_weights);
    CHECK_SHAPE(at_nw_kernel_regression_forward(net, at_zeros(0), at_zeros(0, 5), at_zeros(0, 5)), 0);
    at_module_free(&net->module);
}

/* ---- attention whose weights are not stored ---------------------------------------------------------------------- */

/* What the forwards below are given, and the prediction with its gradients by queries, keys, values and w. */
typedef struct {
    int64_t n_queries, n_keys;
    int keys_dims, values_dims;
    bool leave_one_out;
    at_dtype dtype;
} pooling_case;
enum { POOLING_RESULTS = 5 };

static at_tensor *pooling_input(at_tensor *x, at_dtype dtype) {
    return at_set_requires_grad(at_contiguous(at_to(x, dtype)), true);
}

static void run_pooling(const pooling_case *c, bool fused, at_tensor **results) {
    at_manual_seed(3);
    NWKernelRegression *net = at_nw_kernel_regression();
    at_assign(&net->w, pooling_input(at_full(5, 1), c->dtype));
    at_shape each = AT_SHAPE(c->n_queries, c->n_keys), one = AT_SHAPE(c->n_keys);
    at_tensor *x[] = {pooling_input(at_rand(c->n_queries), c->dtype),
                      pooling_input(at_rand_shape(c->keys_dims == 2 ? each : one), c->dtype),
                      pooling_input(at_rand_shape(c->values_dims == 2 ? each : one), c->dtype), net->w};
    results[0] =
        at_nw_kernel_regression_forward(net, x[0], x[1], x[2], .leave_one_out = c->leave_one_out, .fused = fused);
    at_tensor *weights = at_to(at_sin(at_arange(1, 1 + (double)c->n_queries, 1)), c->dtype);
    ck_assert(at_backward(at_sum(at_mul(results[0], weights))));
    for (int i = 0; i < 4; i++) results[1 + i] = at_grad(x[i]);
    if (fused)
        ck_assert_ptr_null(net->attention_weights);
    else
        CHECK_SHAPE(net->attention_weights, c->n_queries, c->n_keys);
    at_module_free(&net->module);
}

static void compare_fused_with_stored(const pooling_case *c) {
    at_tensor *stored[POOLING_RESULTS], *fused[POOLING_RESULTS];
    double tolerance = c->dtype == AT_FLOAT64 ? 1e-13 : 1e-5;
    run_pooling(c, false, stored);
    run_pooling(c, true, fused);
    for (int i = 0; i < POOLING_RESULTS; i++)
        ck_assert_msg(at_check_close(fused[i], stored[i], tolerance, tolerance), "%d queries, %d keys, result %d: %s",
                      (int)c->n_queries, (int)c->n_keys, i, at_error());
}

/* 700 keys are enough for two blocks of queries, of which the second is shorter. */
BALANCED_TEST(fused_pooling_gives_what_stored_pooling_gives) {
    static const int64_t sizes[][2] = {{0, 0}, {0, 3}, {3, 0}, {1, 1}, {4, 1},
                                       {1, 4}, {2, 2}, {5, 5}, {9, 4}, {700, 700}};
    for (at_dtype dtype = AT_FLOAT32; dtype <= AT_FLOAT64; dtype++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int dims = 0; dims < 4; dims++)
                for (int leave_one_out = 0; leave_one_out < 2; leave_one_out++)
                    AT_SCOPE {
                        pooling_case c = {sizes[s][0], sizes[s][1], 1 + dims % 2, 1 + dims / 2, leave_one_out, dtype};
                        if (leave_one_out && (c.n_queries != c.n_keys || c.n_keys == 1)) continue;
                        compare_fused_with_stored(&c);
                    }
}

/* x in every row, without the diagonal: as the chapter makes its keys. */
static at_tensor *all_but_own(at_tensor *x) {
    int64_t n = at_numel(x);
    at_tensor *off_diagonal = at_to(at_sub(1, at_eye(n)), AT_BOOL);
    return at_reshape(at_masked_select(at_repeat(x, n, 1), off_diagonal), n, -1);
}

BALANCED_TEST(leaving_one_out_is_a_matrix_without_its_diagonal) {
    at_manual_seed(1);
    NWKernelRegression *net = at_nw_kernel_regression();
    at_tensor *x = at_to(at_mul(at_rand(40), 5), AT_FLOAT64), *y = at_sin(x);
    at_tensor *expected = at_nw_kernel_regression_forward(net, x, all_but_own(x), all_but_own(y));
    ck_assert(at_backward(at_sum(expected)));
    at_tensor *gradient = at_grad(net->w);
    for (int fused = 0; fused < 2; fused++) {
        at_zero_grad(net->w);
        at_tensor *found = at_nw_kernel_regression_forward(net, x, x, y, .leave_one_out = true, .fused = fused);
        ck_assert_msg(at_check_close(found, expected, 1e-14, 1e-14), "%s", at_error());
        ck_assert(at_backward(at_sum(found)));
        ck_assert_msg(at_check_close(at_grad(net->w), gradient, 1e-6, 1e-6), "%s", at_error());
        if (!fused)
            for (int i = 0; i < 40; i++) ck_assert_double_eq(at_get(net->attention_weights, i, i), 0);
    }
    at_module_free(&net->module);
}

/* Inputs: queries, keys, values, w. */
static at_tensor *fused_pooling(at_tensor **inputs, int n, void *context) {
    NWKernelRegression net = {.w = inputs[3]};
    (void)n;
    return at_nw_kernel_regression_forward(&net, inputs[0], inputs[1], inputs[2], .leave_one_out = *(bool *)context,
                                           .fused = true);
}

BALANCED_TEST(gradients_of_fused_pooling) {
    for (int dims = 0; dims < 4; dims++) {
        bool leave_one_out = dims % 2;
        at_tensor *inputs[] = {at_rand(4), dims / 2 ? at_rand(4, 4) : at_rand(4), dims / 2 ? at_rand(4, 4) : at_rand(4),
                               at_rand(1)};
        for (int i = 0; i < 4; i++) inputs[i] = pooling_input(inputs[i], AT_FLOAT64);
        ck_assert_msg(at_gradcheck(fused_pooling, inputs, 4, &leave_one_out), "%s", at_error());
        ck_assert_msg(at_gradgradcheck(fused_pooling, inputs, 4, &leave_one_out), "%s", at_error());
    }
}

BALANCED_TEST(fused_pooling_has_the_same_bits_for_any_number_of_threads) {
    static const int threads[] = {2, 3, 8};
    const pooling_case c = {900, 900, 1, 1, true, AT_FLOAT32};
    at_tensor *expected[POOLING_RESULTS], *found[POOLING_RESULTS];
    int before = at_num_threads();
    at_set_num_threads(1);
    run_pooling(&c, true, expected);
    for (int t = 0; t < 3; t++) {
        at_set_num_threads(threads[t]);
        run_pooling(&c, true, found);
        for (int i = 0; i < POOLING_RESULTS; i++) ck_assert(at_equal(found[i], expected[i]));
    }
    at_set_num_threads(before);
}

BALANCED_TEST(fused_pooling_keeps_no_weights) {
    NWKernelRegression *net = at_nw_kernel_regression();
    at_tensor *x = at_rand(1000);
    int64_t before = at_live_bytes();
    at_tensor *y = at_nw_kernel_regression_forward(net, x, x, x, .leave_one_out = true, .fused = true);
    ck_assert_int_le(at_live_bytes() - before, 1000 * (4 + 8)); /* the prediction and the places */
    ck_assert(at_backward(at_sum(y)));
    AT_NO_GRAD { ck_assert(!at_requires_grad(at_nw_kernel_regression_forward(net, x, x, x, .fused = true))); }
    at_module_free(&net->module);
}

BALANCED_TEST(wrong_shapes_of_keys_for_every_query) {
    NWKernelRegression *net = at_nw_kernel_regression();
    at_tensor *q = at_zeros(3), *one = at_zeros(1);
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, q, at_zeros(4), at_zeros(5), .fused = true));
    expect_error(AT_ERROR_SHAPE,
                 "nw_kernel_regression_forward: queries (3), keys (4), values (5): want (queries), (queries, keys), "
                 "(queries, keys), or (keys) for the same ones at every query");
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, q, at_zeros(4), at_zeros(2, 4)));
    at_clear_error();
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, q, at_scalar(1), q));
    at_clear_error();
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, q, at_zeros(4), at_zeros(4), .leave_one_out = true));
    expect_error(AT_ERROR_SHAPE, "nw_kernel_regression_forward: leave_one_out with queries (3), keys (4): want as many "
                                 "keys as queries, and at least two");
    ck_assert_ptr_null(at_nw_kernel_regression_forward(net, one, one, one, .leave_one_out = true));
    at_clear_error();
    ck_assert_ptr_null(net->attention_weights);
    at_module_free(&net->module);
}

static at_tensor *attention_with_weights(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    at_tensor *scores = at_div(at_matmul(x[0], at_transpose(x[1], 0, 1)), sqrt((double)at_size(x[0], 1)));
    return at_matmul(at_softmax(scores, 1), x[2]);
}
static at_tensor *attention_without(at_tensor **x, int n, void *context) {
    (void)n, (void)context;
    return at_scaled_dot_product_attention(x[0], x[1], x[2]);
}

static void compare_attention(int64_t n_queries, int64_t n_keys, int64_t features, int64_t outputs) {
    at_tensor *x[] = {at_randn(n_queries, features), at_randn(n_keys, features), at_randn(n_keys, outputs)};
    at_tensor *weights = at_to(at_randn(n_queries, outputs), AT_FLOAT64), *gradient[3];
    for (int i = 0; i < 3; i++) x[i] = pooling_input(x[i], AT_FLOAT64);
    at_tensor *expected = attention_with_weights(x, 3, NULL), *found = attention_without(x, 3, NULL);
    ck_assert_msg(at_check_close(found, expected, 1e-13, 1e-13), "%s", at_error());
    ck_assert(at_backward(at_sum(at_mul(expected, weights))));
    for (int i = 0; i < 3; i++) {
        gradient[i] = at_grad(x[i]);
        at_zero_grad(x[i]);
    }
    ck_assert(at_backward(at_sum(at_mul(found, weights))));
    for (int i = 0; i < 3; i++)
        ck_assert_msg(at_check_close(at_grad(x[i]), gradient[i], 1e-12, 1e-12), "%s", at_error());
}

BALANCED_TEST(scaled_dot_product_attention) {
    compare_attention(700, 600, 8, 3);
    compare_attention(1, 1, 1, 1);
    compare_attention(0, 4, 2, 2);
    at_tensor *x[] = {at_randn(4, 3), at_randn(5, 3), at_randn(5, 2)};
    for (int i = 0; i < 3; i++) x[i] = pooling_input(x[i], AT_FLOAT64);
    ck_assert_msg(at_gradcheck(attention_without, x, 3, NULL), "%s", at_error());
    ck_assert_msg(at_gradgradcheck(attention_without, x, 3, NULL), "%s", at_error());
    ck_assert_ptr_null(at_scaled_dot_product_attention(x[0], x[2], x[1]));
    expect_error(AT_ERROR_SHAPE, "scaled_dot_product_attention: queries (4, 3), keys (5, 2), values (5, 3): want "
                                 "(queries, features), (keys, features), (keys, outputs)");
    ck_assert_ptr_null(at_scaled_dot_product_attention(x[0], NULL, x[1]));
    expect_error(AT_ERROR_VALUE, "scaled_dot_product_attention: keys is NULL");
}

Suite *nn_suite(void) {
    Suite *suite = suite_create("nn");
    TCase *modules = tcase_create("modules"), *models = tcase_create("models");
    tcase_add_test(modules, parameters_own_before_children);
    tcase_add_test(modules, a_module_holds_its_parts);
    tcase_add_test(modules, printing);
    tcase_add_test(modules, wrong_parts_change_nothing);
    tcase_add_test(modules, destroy_is_called_once_for_each);
    suite_add_tcase(suite, modules);
    tcase_add_test(models, mean_squared_error);
    tcase_add_test(models, shapes_that_would_broadcast_are_no_pair);
    tcase_add_test(models, nw_kernel_regression_follows_its_formula);
    tcase_add_test(models, gradients_of_attention_pooling);
    tcase_add_test(models, attention_weights_keep_no_graph_alive);
    tcase_add_test(models, nw_kernel_regression_of_wrong_shapes);
    suite_add_tcase(suite, models);
    TCase *fused = tcase_create("fused");
    tcase_add_test(fused, fused_pooling_gives_what_stored_pooling_gives);
    tcase_add_test(fused, leaving_one_out_is_a_matrix_without_its_diagonal);
    tcase_add_test(fused, gradients_of_fused_pooling);
    tcase_add_test(fused, fused_pooling_has_the_same_bits_for_any_number_of_threads);
    tcase_add_test(fused, fused_pooling_keeps_no_weights);
    tcase_add_test(fused, wrong_shapes_of_keys_for_every_query);
    tcase_add_test(fused, scaled_dot_product_attention);
    suite_add_tcase(suite, fused);
    return suite;
}
