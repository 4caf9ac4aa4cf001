/* tests/fuzz/checkpoint.c - the input is a checkpoint, or a model, that a small training is to go on from. It is taken as
 * a whole or changes nothing, and either way the training can go on. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <unistd.h>

#include "../../atled.h"
#include "fuzz.h"

typedef struct {
    at_linear *net;
    double epoch;
    at_training parts;
} training;

static void begin(training *t) {
    at_manual_seed(1);
    at_tensor *x = at_reshape(at_arange(0, 6, 1), 3, 2), *y = at_reshape(at_arange(0, 3, 1), 3, 1);
    t->net = at_linear_new(2, 1);
    t->epoch = 1;
    at_optimizer *adam = at_adam(at_parameters(&t->net->module), .lr = 0.1, .amsgrad = true);
    t->parts = (at_training){.module = &t->net->module,
                             .optimizer = adam,
                             .schedules = {at_step_lr(adam, 2, 0.5), at_plateau_lr(adam, .patience = 1)},
                             .loader = at_data_loader_new(((at_tensor *[]){x, y}), 2, .batch_size = 2, .shuffle = true),
                             .numbers = {{"epoch", &t->epoch}}};
    FUZZ_CHECK(!at_error(), "%s", at_error());
}

/* What a file says may be no number, and then nothing follows from it; that is no error. */
static void go_on(training *t) {
    at_tensor **batch = at_data_loader_next(t->parts.loader);
    FUZZ_CHECK(batch || !at_error(), "%s", at_error());
    at_optimizer_zero_grad(t->parts.optimizer);
    if (batch) at_backward(at_mse_loss(at_linear_forward(t->net, batch[0]), batch[1], AT_MEAN));
    FUZZ_CHECK(at_optimizer_step(t->parts.optimizer), "%s", at_error());
    (void)at_schedule_step(t->parts.schedules[0]);
    (void)at_schedule_step_with(t->parts.schedules[1], 1);
    (void)at_rand(3), (void)at_randn(3);
    at_clear_error();
}

static void end(training *t) {
    at_data_loader_free(t->parts.loader);
    for (int i = 0; i < 2; i++) at_schedule_free(t->parts.schedules[i]);
    at_optimizer_free(t->parts.optimizer);
    at_module_free(&t->net->module);
}

/* All that a failed call must not have changed, as far as it can be seen. */
typedef struct {
    float weight[2], bias;
    double epoch, lr;
    int64_t random[627];
} state;

static state state_of(const training *t) {
    state s = {.bias = at_floats(t->net->bias)[0], .epoch = t->epoch, .lr = at_optimizer_lr(t->parts.optimizer, 0)};
    memcpy(s.weight, at_floats(t->net->weight), sizeof s.weight);
    memcpy(s.random, at_int64s(at_random_state()), sizeof s.random);
    return s;
}

static void check_error(const char *function, const training *t, const state *before) {
    FUZZ_CHECK(at_error() && strncmp(at_error(), function, strlen(function)) == 0, "%s",
               at_error() ? at_error() : "no error");
    at_clear_error();
    state now = state_of(t);
    FUZZ_CHECK(!memcmp(&now, before, sizeof now), "an error has changed something");
}

static char path[] = "/tmp/atled-fuzz-XXXXXX"; /* one file for all inputs: what is loaded has a path */
static int file = -1;
static void remove_file(void) { (void)unlink(path); }

static void write_file(const uint8_t *data, size_t size) {
    if (file < 0) {
        file = mkstemp(path);
        atexit(remove_file);
    }
    FUZZ_CHECK(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size, "%s", path);
}

static void load(bool partial) {
    training t;
    begin(&t);
    go_on(&t);
    state before = state_of(&t);
    if (!at_load_checkpoint(&t.parts, path)) check_error("load_checkpoint: ", &t, &before);
    go_on(&t);
    before = state_of(&t);
    if (!at_load_module(t.parts.module, path, .partial = partial, .prefix = "module."))
        check_error("load_module: ", &t, &before);
    go_on(&t);
    end(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int64_t tensors = at_live_tensors(), bytes = at_live_bytes();
    write_file(data, size);
    AT_SCOPE { load(size & 1); }
    FUZZ_CHECK(at_live_tensors() == tensors && at_live_bytes() == bytes, "tensors are left");
    return 0;
}
