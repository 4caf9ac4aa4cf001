/* tests/torture/training.c - layers, losses, optimizers and schedules. */
#include <math.h>

#include "torture.h"

/* ---- layers, made and used --------------------------------------------------------------------------------------- */

static void prepare_inputs(fixture *f) {
    keep(f, at_set_requires_grad(at_randn(4, 3), true));
    keep(f, at_randint(0, 3, 4));
    keep(f, at_randn(4, 3));
}

static void prepare_linear(fixture *f) {
    prepare_inputs(f);
    f->module = &at_linear_new(3, 2)->module;
}

static void prepare_embedding(fixture *f) {
    prepare_inputs(f);
    f->module = &at_embedding_new(3, 2, .has_padding = true, .padding_index = 1)->module;
}

static bool linear(fixture *f) { return calling("linear_forward") && result(at_forward(f->module, f->tensor[0])); }
static bool embedding(fixture *f) {
    return calling("embedding_forward") && result(at_forward(f->module, f->tensor[1]));
}

static bool layer_norm(fixture *f) {
    calling("layer_norm_new");
    at_layer_norm *layer = at_layer_norm_new(3);
    bool good = layer && calling("layer_norm_forward") && result(at_layer_norm_forward(layer, f->tensor[0]));
    at_module_free(layer ? &layer->module : NULL);
    return good;
}

/* What is drawn for a call that fails is put back. */
static bool draw_linear(fixture *f) {
    (void)f;
    calling("linear_new");
    at_linear *layer = at_linear_new(3, 2);
    bool good = layer && result(layer->weight) && result(layer->bias);
    at_module_free(layer ? &layer->module : NULL);
    return good;
}

static bool draw_dropout(fixture *f) {
    at_tensor *y = NULL;
    calling("dropout");
    AT_NO_GRAD { y = at_dropout(f->tensor[2], 0.5); }
    return y != NULL;
}

static bool draw_embedding(fixture *f) {
    (void)f;
    calling("embedding_new");
    at_embedding *layer = at_embedding_new(3, 2, .has_padding = true, .padding_index = 1);
    bool good = layer && result(layer->weight);
    at_module_free(layer ? &layer->module : NULL);
    return good;
}

static bool initialize(fixture *f) {
    calling("init_kaiming_normal");
    return at_init_kaiming_normal(f->tensor[0], 0) != NULL;
}

/* ---- losses, and their gradients --------------------------------------------------------------------------------- */

static bool descend(at_tensor *loss) { return loss && calling("backward") && at_backward(loss); }

static bool l1(fixture *f) { return calling("l1_loss") && descend(at_l1_loss(f->tensor[0], f->tensor[2], AT_MEAN)); }
static bool huber(fixture *f) {
    return calling("huber_loss") && descend(at_huber_loss(f->tensor[0], f->tensor[2], 0.5, AT_SUM));
}
static bool bce(fixture *f) {
    return calling("bce_with_logits_loss") && descend(at_bce_with_logits_loss(f->tensor[0], f->tensor[2], AT_MEAN));
}
static bool cross_entropy(fixture *f) {
    return calling("cross_entropy_loss") &&
           descend(at_cross_entropy_loss(f->tensor[0], f->tensor[1], AT_MEAN, .label_smoothing = 0.1));
}
static bool nll(fixture *f) { return calling("nll_loss") && descend(at_nll_loss(f->tensor[0], f->tensor[1], AT_SUM)); }

/* ---- optimizers -------------------------------------------------------------------------------------------------- */

static void prepare_gradients(fixture *f) {
    keep(f, at_set_requires_grad(at_randn(3, 20), true));
    keep(f, at_set_requires_grad(at_randn(2), true));
    at_backward(at_sum(at_mul(at_sum(at_square(f->tensor[0])), f->tensor[1])));
}

static at_parameter_list parameters(fixture *f) { return (at_parameter_list){2, f->tensor}; }

static void prepare_adam(fixture *f) {
    prepare_gradients(f);
    f->optimizer = at_adam(parameters(f), .lr = 0.1);
}

static void prepare_later_adamw(fixture *f) {
    prepare_gradients(f);
    f->optimizer = at_adamw(parameters(f), .lr = 0.1, .weight_decay = 0.1, .amsgrad = true);
    at_optimizer_step(f->optimizer);
}

static void prepare_rmsprop(fixture *f) {
    prepare_gradients(f);
    f->optimizer = at_rmsprop(parameters(f), .lr = 0.1, .momentum = 0.5, .centered = true);
}

static void prepare_adagrad(fixture *f) {
    prepare_gradients(f);
    f->optimizer = at_adagrad(parameters(f), .lr = 0.1);
}

static bool step(fixture *f) { return calling("optimizer_step") && at_optimizer_step(f->optimizer); }

static bool clip_norm(fixture *f) { return calling("clip_grad_norm") && !isnan(at_clip_grad_norm(parameters(f), 0.5)); }
static bool clip_value(fixture *f) { return calling("clip_grad_value") && at_clip_grad_value(parameters(f), 0.1); }

static bool groups(fixture *f) {
    calling("adam");
    at_optimizer *o = at_adam((at_parameter_list){1, f->tensor}, .lr = 0.1);
    bool good = o && calling("adam") && at_adam_add_group(o, (at_parameter_list){1, f->tensor + 1}, .lr = 0.2);
    at_schedule *s = good && calling("step_lr") ? at_step_lr(o, 2, 0.5) : NULL;
    at_schedule_free(s);
    at_optimizer_free(o);
    return s != NULL;
}

void torture_training(void) {
    static const scenario all[] = {{"training linear", prepare_linear, linear, NULL},
                                   {"training linear drawn", NULL, draw_linear, NULL},
                                   {"training embedding", prepare_embedding, embedding, NULL},
                                   {"training embedding drawn", NULL, draw_embedding, NULL},
                                   {"training layer_norm", prepare_inputs, layer_norm, NULL},
                                   {"training dropout drawn", prepare_inputs, draw_dropout, NULL},
                                   {"training init", prepare_inputs, initialize, NULL},
                                   {"training l1", prepare_inputs, l1, NULL},
                                   {"training huber", prepare_inputs, huber, NULL},
                                   {"training bce", prepare_inputs, bce, NULL},
                                   {"training cross_entropy", prepare_inputs, cross_entropy, NULL},
                                   {"training nll", prepare_inputs, nll, NULL},
                                   {"training adam", prepare_adam, step, NULL},
                                   {"training later adamw", prepare_later_adamw, step, NULL},
                                   {"training rmsprop", prepare_rmsprop, step, NULL},
                                   {"training adagrad", prepare_adagrad, step, NULL},
                                   {"training clip_grad_norm", prepare_gradients, clip_norm, NULL},
                                   {"training clip_grad_value", prepare_gradients, clip_value, NULL},
                                   {"training groups", prepare_gradients, groups, NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) torture(&all[i]);
}
