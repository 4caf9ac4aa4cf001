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

static bool linear(fixture *f) {
    return calling("linear_forward") && result(at_linear_forward((at_linear *)f->module, f->tensor[0]));
}
static bool embedding(fixture *f) {
    return calling("embedding_forward") && result(at_embedding_forward((at_embedding *)f->module, f->tensor[1]));
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

static void prepare_dropout(fixture *f) {
    prepare_inputs(f);
    f->module = &at_dropout_new(0.5)->module;
}

static bool dropout_layer(fixture *f) {
    at_tensor *y = NULL;
    calling("dropout_forward");
    AT_NO_GRAD { y = at_dropout_forward((at_dropout_layer *)f->module, f->tensor[2]); }
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

static void prepare_sequences(fixture *f) {
    static const int64_t lengths[] = {2, 3};
    keep(f, at_set_requires_grad(at_randn(2, 3, 4), true));
    keep(f, at_randint(0, 4, 2, 3));
    keep(f, at_from_int64s(lengths, 2));
}

static bool masked_cross_entropy(fixture *f) {
    calling("masked_cross_entropy_loss");
    at_tensor *losses = at_masked_cross_entropy_loss(f->tensor[0], f->tensor[1], f->tensor[2]);
    return losses && calling("sum") && descend(at_sum(losses));
}
static bool masked_softmax(fixture *f) {
    calling("masked_softmax");
    at_tensor *y = at_masked_softmax(f->tensor[0], f->tensor[2]), *sum = y && calling("sum") ? at_sum(y) : NULL;
    return descend(sum);
}

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

/* ---- groups and rates -------------------------------------------------------------------------------------------- */

/* An optimizer of the first parameter, to which the second is added. */
typedef struct {
    const char *name, *add_name;
    at_optimizer *(*make)(at_parameter_list first);
    bool (*add)(at_optimizer *o, at_parameter_list second);
} kind;

static at_optimizer *new_sgd(at_parameter_list list) { return at_sgd(list, .lr = 0.1); }
static at_optimizer *new_adam(at_parameter_list list) { return at_adam(list, .lr = 0.1); }
static at_optimizer *new_adamw(at_parameter_list list) { return at_adamw(list, .lr = 0.1); }
static at_optimizer *new_rmsprop(at_parameter_list list) { return at_rmsprop(list, .lr = 0.1); }
static at_optimizer *new_adagrad(at_parameter_list list) { return at_adagrad(list, .lr = 0.1); }
static bool add_sgd(at_optimizer *o, at_parameter_list list) { return at_sgd_add_group(o, list, .lr = 0.2); }
static bool add_adam(at_optimizer *o, at_parameter_list list) { return at_adam_add_group(o, list, .lr = 0.2); }
static bool add_adamw(at_optimizer *o, at_parameter_list list) { return at_adamw_add_group(o, list, .lr = 0.2); }
static bool add_rmsprop(at_optimizer *o, at_parameter_list list) { return at_rmsprop_add_group(o, list, .lr = 0.2); }
static bool add_adagrad(at_optimizer *o, at_parameter_list list) { return at_adagrad_add_group(o, list, .lr = 0.2); }

static const kind kinds[] = {{"sgd", "sgd_add_group", new_sgd, add_sgd},
                             {"adam", "adam_add_group", new_adam, add_adam},
                             {"adamw", "adamw_add_group", new_adamw, add_adamw},
                             {"rmsprop", "rmsprop_add_group", new_rmsprop, add_rmsprop},
                             {"adagrad", "adagrad_add_group", new_adagrad, add_adagrad}};

static bool groups(fixture *f) {
    const kind *k = f->context;
    calling(k->name);
    at_optimizer *o = k->make((at_parameter_list){1, f->tensor});
    bool good = o && calling(k->add_name) && k->add(o, (at_parameter_list){1, f->tensor + 1}) &&
                at_optimizer_groups(o) == 2 && at_optimizer_set_lr(o, 1, 0.3) && at_optimizer_lr(o, 1) == 0.3;
    at_optimizer_free(o);
    return good;
}

/* A group that cannot be added is none. */
static void prepare_group(fixture *f) {
    prepare_gradients(f);
    f->optimizer = ((const kind *)f->context)->make((at_parameter_list){1, f->tensor});
}

static bool add_group(fixture *f) {
    const kind *k = f->context;
    return calling(k->add_name) && k->add(f->optimizer, (at_parameter_list){1, f->tensor + 1});
}

static at_schedule *new_step(at_optimizer *o) { return at_step_lr(o, 2, 0.5); }
static at_schedule *new_exponential(at_optimizer *o) { return at_exponential_lr(o, 0.5); }
static at_schedule *new_linear(at_optimizer *o) { return at_linear_lr(o, 0.5, 1, 3); }
static at_schedule *new_cosine(at_optimizer *o) { return at_cosine_lr(o, 3, 0); }
static at_schedule *new_plateau(at_optimizer *o) { return at_plateau_lr(o); }

typedef struct {
    const char *name;
    at_schedule *(*make)(at_optimizer *o);
    bool watches;
} schedule_kind;

static const schedule_kind schedule_kinds[] = {{"step_lr", new_step, false},
                                               {"exponential_lr", new_exponential, false},
                                               {"linear_lr", new_linear, false},
                                               {"cosine_lr", new_cosine, false},
                                               {"plateau_lr", new_plateau, true}};

static bool schedule(fixture *f) {
    const schedule_kind *k = f->context;
    calling(k->name);
    at_schedule *s = k->make(f->optimizer);
    bool good = s && (k->watches ? at_schedule_step_with(s, 1) : at_schedule_step(s));
    at_schedule_free(s);
    return good;
}

void torture_training(void) {
    static const scenario all[] = {{"training linear", prepare_linear, linear, NULL},
                                   {"training linear drawn", NULL, draw_linear, NULL},
                                   {"training embedding", prepare_embedding, embedding, NULL},
                                   {"training embedding drawn", NULL, draw_embedding, NULL},
                                   {"training layer_norm", prepare_inputs, layer_norm, NULL},
                                   {"training dropout drawn", prepare_inputs, draw_dropout, NULL},
                                   {"training dropout layer", prepare_dropout, dropout_layer, NULL},
                                   {"training init", prepare_inputs, initialize, NULL},
                                   {"training l1", prepare_inputs, l1, NULL},
                                   {"training huber", prepare_inputs, huber, NULL},
                                   {"training bce", prepare_inputs, bce, NULL},
                                   {"training cross_entropy", prepare_inputs, cross_entropy, NULL},
                                   {"training nll", prepare_inputs, nll, NULL},
                                   {"training masked_cross_entropy", prepare_sequences, masked_cross_entropy, NULL},
                                   {"training masked_softmax", prepare_sequences, masked_softmax, NULL},
                                   {"training adam", prepare_adam, step, NULL},
                                   {"training later adamw", prepare_later_adamw, step, NULL},
                                   {"training rmsprop", prepare_rmsprop, step, NULL},
                                   {"training adagrad", prepare_adagrad, step, NULL},
                                   {"training clip_grad_norm", prepare_gradients, clip_norm, NULL},
                                   {"training clip_grad_value", prepare_gradients, clip_value, NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) torture(&all[i]);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        torture(&(scenario){"training groups", prepare_gradients, groups, &kinds[i]});
        torture(&(scenario){"training add_group", prepare_group, add_group, &kinds[i]});
    }
    for (size_t i = 0; i < sizeof schedule_kinds / sizeof *schedule_kinds; i++)
        torture(&(scenario){"training schedule", prepare_adam, schedule, &schedule_kinds[i]});
}
