/* tests/torture/models.c - modules, optimizers and the model of the Nadaraya-Watson chapter. */
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

void torture_models(void) {
    static const scenario all[] = {{"models build", prepare_affine, build, NULL},
                                   {"models child", prepare_child, adopt, NULL},
                                   {"examples layers", prepare_layers, layers, NULL},
                                   {"models first step", prepare_step, step, NULL},
                                   {"models later step", prepare_later_step, step, NULL},
                                   {"models sgd", prepare_step, new_optimizer, NULL},
                                   {"models regression", prepare_regression, forward_stored, NULL},
                                   {"models regression fused", prepare_regression, forward_fused, NULL},
                                   {"models attention", prepare_regression, attention, NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) torture(&all[i]);
}
