/* tests/torture/models.c - modules, optimizers, losses, and what the examples do. */
#include <stdio.h>
#include <stdlib.h>

#include "torture.h"

/* ---- modules ----------------------------------------------------------------------------------------------------- */

typedef struct {
    at_module module;
    at_tensor *w, *b, *seen;
} affine;

static void prepare_affine(fixture *f) {
    keep(f, at_randn(3, 2));
    keep(f, at_zeros(2));
}

static affine *affine_new(at_tensor *w, at_tensor *b) {
    affine *self = at_module_new(sizeof *self, "Affine");
    if (!self) return NULL;
    if (at_module_parameter(&self->module, "weight", &self->w, w) &&
        at_module_parameter(&self->module, "bias", &self->b, b) &&
        at_module_buffer(&self->module, "seen", &self->seen, NULL))
        return self;
    at_module_free(&self->module);
    return NULL;
}

/* The parameters are tensors made here: what a module has named it does not take back. */
static bool build(fixture *f) {
    calling("add module_new module_parameter module_buffer");
    at_tensor *w = at_add(f->tensor[0], 0), *b = at_add(f->tensor[1], 0);
    affine *inner = w && b ? affine_new(w, b) : NULL;
    if (!inner) return false;
    calling("module_new module_child");
    at_module *outer = at_module_new(sizeof *outer, "Outer");
    bool owned = outer && at_module_child(outer, "inner", &inner->module);
    if (!owned) at_module_free(&inner->module);
    bool good = owned && calling("parameters module_name") && at_parameters(outer).count == 2 &&
                at_module_name(outer, inner->w);
    good = good && result(inner->w) && at_name(inner->w) && result_bytes(at_name(inner->w), 12);
    at_module_free(outer);
    return good;
}

static void prepare_child(fixture *f) {
    affine *inner = affine_new(at_randn(3, 2), at_zeros(2));
    f->module = &inner->module;
    keep(f, inner->w);
    keep(f, inner->b);
}

/* A failed at_module_child leaves the names as they were, and the child to its owner. */
static bool adopt(fixture *f) {
    calling("module_new");
    at_module *outer = at_module_new(sizeof *outer, "Outer");
    if (!outer) return false;
    calling("module_child");
    bool good = at_module_child(outer, "inner", f->module);
    if (good)
        f->module = outer;
    else
        at_module_free(outer);
    return good;
}

static at_tensor *rectify(at_tensor *x) { return at_relu(x); }

static bool layers(fixture *f) {
    calling("*");
    at_manual_seed(3);
    at_linear *first = at_linear_new(3, 4);
    at_activation *middle = first ? at_activation_new("Relu", rectify) : NULL;
    if (!middle) return at_module_free(first ? &first->module : NULL), false;
    at_module_list *list = at_sequential_new(first, middle);
    if (!list) return false;
    bool good = result(at_forward(&list->module, f->tensor[2]));
    at_module_free(&list->module);
    return good;
}

static void prepare_layers(fixture *f) {
    prepare_affine(f);
    keep(f, at_randn(5, 3));
}

/* ---- optimizers -------------------------------------------------------------------------------------------------- */

static void prepare_step(fixture *f) {
    keep(f, at_set_requires_grad(at_randn(3, 20), true));
    keep(f, at_set_requires_grad(at_randn(2), true));
    at_parameter_list list = {2, f->tensor};
    f->optimizer = at_sgd(list, .lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true);
    at_backward(at_sum(at_mul(at_sum(at_square(f->tensor[0])), f->tensor[1])));
}

static void prepare_later_step(fixture *f) {
    prepare_step(f);
    at_optimizer_step(f->optimizer);
}

static bool step(fixture *f) { return calling("optimizer_step") && at_optimizer_step(f->optimizer); }

static bool new_optimizer(fixture *f) {
    calling("sgd");
    at_parameter_list list = {2, f->tensor};
    at_optimizer *o = at_sgd(list, .lr = 0.1);
    at_optimizer_free(o);
    return o != NULL;
}

/* ---- the chapter's model ----------------------------------------------------------------------------------------- */

static void prepare_regression(fixture *f) {
    at_tensor *x = at_sort(at_mul(at_rand(12), 5), 0, false, NULL), *y = at_add(at_sin(x), at_normal(0, 0.5, 12));
    at_floats(y);
    keep(f, x);
    keep(f, y);
    NWKernelRegression *net = at_nw_kernel_regression();
    f->module = &net->module;
    keep(f, net->w);
}

static bool forward(fixture *f, bool fused) {
    NWKernelRegression *net = (NWKernelRegression *)f->module;
    calling("nw_kernel_regression_forward");
    at_tensor *y = at_nw_kernel_regression_forward(net, f->tensor[0], f->tensor[0], f->tensor[1], .leave_one_out = true,
                                                   .fused = fused);
    if (!y || !calling("mse_loss")) return false;
    at_tensor *loss = at_mse_loss(y, f->tensor[1], AT_SUM);
    at_assign(&net->attention_weights, NULL); /* the last forward's: a change that is meant */
    return loss && calling("backward") && at_backward(loss);
}

static bool forward_stored(fixture *f) { return forward(f, false); }
static bool forward_fused(fixture *f) { return forward(f, true); }

static bool attention(fixture *f) {
    calling("unsqueeze scaled_dot_product_attention");
    at_tensor *q = at_unsqueeze(f->tensor[0], 1), *v = at_unsqueeze(f->tensor[1], 1);
    return q && v && result(at_scaled_dot_product_attention(q, q, v));
}

/* ---- the examples' programs, as they are written: calls nest, and only the end is looked at ---------------------- */

static bool linear_regression(fixture *f) {
    (void)f;
    calling("*");
    at_manual_seed(0);
    at_tensor *X = at_randn(20, 2), *true_w = at_from_floats(((float[]){2, -3.4f}), 2);
    at_tensor *y = at_add(at_add(at_matmul(X, true_w), 4.2), at_normal(0, 0.1, 20));
    at_tensor *parameters[] = {at_set_requires_grad(at_zeros(2), true), at_set_requires_grad(at_zeros(1), true)};
    at_optimizer *trainer = at_sgd((at_parameter_list){2, parameters}, .lr = 0.2);
    for (int epoch = 0; epoch < 2; epoch++)
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *loss = at_mse_loss(at_add(at_matmul(X, parameters[0]), parameters[1]), y, AT_MEAN);
            at_backward(loss);
            at_optimizer_step(trainer);
            double value = at_item(loss);
            result_bytes(&value, sizeof value);
        }
    at_optimizer_free(trainer);
    return !at_error();
}

static at_tensor *f_of(at_tensor *x) { return at_add(at_mul(2, at_sin(x)), at_pow(x, 0.8)); }

static bool nadaraya_watson(fixture *f) {
    (void)f;
    calling("*");
    at_manual_seed(0);
    int n = 10;
    at_tensor *x = at_sort(at_mul(at_rand(n), 5), 0, false, NULL), *y = at_add(f_of(x), at_normal(0, 0.5, n));
    at_tensor *off_diagonal = at_to(at_sub(1, at_eye(n)), AT_BOOL);
    at_tensor *keys = at_reshape(at_masked_select(at_repeat(x, n, 1), off_diagonal), n, -1);
    at_tensor *values = at_reshape(at_masked_select(at_repeat(y, n, 1), off_diagonal), n, -1);
    NWKernelRegression *net = at_nw_kernel_regression();
    if (!net) return false;
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = 0.5);
    for (int epoch = 0; epoch < 2; epoch++)
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *l = at_mse_loss(at_nw_kernel_regression_forward(net, x, keys, values), y, AT_NONE);
            at_tensor *total = at_sum(l);
            at_backward(total);
            at_optimizer_step(trainer);
            double value = at_item(total);
            result_bytes(&value, sizeof value);
        }
    at_optimizer_free(trainer);
    at_module_free(&net->module);
    return !at_error();
}

static at_tensor *x_sin_wx(at_tensor **inputs, int n, void *context) {
    (void)n, (void)context;
    return at_mul(inputs[0], at_sin(at_mul(inputs[1], inputs[0])));
}

static bool first_steps(fixture *f) {
    (void)f;
    calling("*");
    at_tensor *x = at_set_requires_grad(at_to(at_scalar(1.5), AT_FLOAT64), true);
    at_tensor *w = at_set_requires_grad(at_to(at_scalar(2), AT_FLOAT64), true), *inputs[] = {x, w};
    at_tensor *y = x_sin_wx(inputs, 2, NULL), *slope = NULL, *curvature = NULL;
    at_backward(y);
    at_gradients(y, &x, 1, true, &slope);
    at_gradients(slope, &x, 1, false, &curvature);
    at_gradcheck(x_sin_wx, inputs, 2, NULL);
    at_gradgradcheck(x_sin_wx, inputs, 2, NULL);
    return !at_error() && result(curvature);
}

static bool kernel_exercise(fixture *f) {
    (void)f;
    calling("*");
    at_manual_seed(0);
    at_tensor *x = at_sort(at_mul(at_rand(9), 5), 0, false, NULL), *y = at_add(f_of(x), at_normal(0, 0.5, 9));
    affine *power = affine_new(at_full(0.5, 1), at_full(2, 1));
    if (!power) return false;
    at_optimizer *trainer = at_sgd(at_parameters(&power->module), .lr = 0.1);
    at_tensor *keys = at_expand(x, 9, 9);
    AT_SCOPE {
        at_tensor *distance = at_abs(at_mul(at_sub(at_unsqueeze(x, 1), keys), power->w));
        distance = at_add(distance, 0.1);
        at_tensor *weights = at_softmax(at_div(at_neg(at_pow(distance, power->b)), 2), 1);
        at_assign(&power->seen, at_detach(weights));
        at_tensor *loss = at_mse_loss(at_sum_dim(at_mul(weights, y), 1, false), y, AT_SUM);
        at_optimizer_zero_grad(trainer);
        at_backward(loss);
        at_optimizer_step(trainer);
        double value = at_item(loss);
        result_bytes(&value, sizeof value);
    }
    at_optimizer_free(trainer);
    at_module_free(&power->module);
    return !at_error();
}

void torture_models(void) {
    static const scenario all[] = {{"models build", prepare_affine, build, NULL},
                                   {"models child", prepare_child, adopt, NULL},
                                   {"examples layers", prepare_layers, layers, NULL},
                                   {"models first step", prepare_step, step, NULL},
                                   {"models later step", prepare_later_step, step, NULL},
                                   {"models sgd", prepare_step, new_optimizer, NULL},
                                   {"models regression", prepare_regression, forward_stored, NULL},
                                   {"models regression fused", prepare_regression, forward_fused, NULL},
                                   {"models attention", prepare_regression, attention, NULL},
                                   {"examples linear_regression", NULL, linear_regression, NULL},
                                   {"examples nadaraya_watson", NULL, nadaraya_watson, NULL},
                                   {"examples first_steps", NULL, first_steps, NULL},
                                   {"examples kernel_exercise", NULL, kernel_exercise, NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) torture(&all[i]);
}
