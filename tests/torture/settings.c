/* tests/torture/settings.c - what concerns the library or the thread as a whole: dtype, threads, memory, random numbers, errors. */
#include <string.h>

#include "torture.h"

static bool default_dtype(fixture *f) {
    (void)f;
    at_set_default_dtype(AT_FLOAT64);
    bool good = calling("zeros") && result(at_zeros(3)) && at_default_dtype() == AT_FLOAT64;
    at_set_default_dtype(AT_FLOAT32);
    return good && result_bytes(at_dtype_name(AT_BOOL), 4) && result_bytes(at_version(), 3);
}

static bool random_state(fixture *f) {
    (void)f;
    return calling("random_state") && result(at_random_state());
}

static void prepare_state(fixture *f) {
    keep(f, at_random_state());
    at_randn(5);
}

static bool set_random_state(fixture *f) { return calling("set_random_state") && at_set_random_state(f->tensor[0]); }

/* Within a budget requests beyond it are refused, whatever the allocator would say. */
static bool budget(fixture *f) {
    (void)f;
    at_set_memory_budget(at_allocated_bytes() + 1000);
    bool refused = !at_zeros(1000) && at_error_code() == AT_ERROR_MEMORY;
    at_set_memory_budget(-1);
    at_clear_error();
    return refused && calling("zeros") && result(at_zeros(1000));
}

/* An allocator is not exchanged while memory is in use. */
static bool allocator(fixture *f) {
    bool refused = f->tensor[0] && !at_set_allocator(NULL) && at_error_code() == AT_ERROR_STATE;
    at_clear_error();
    return refused;
}

static void prepare_tensor(fixture *f) { keep(f, at_randn(40, 50)); }

/* Held beyond its scope, while what the thread keeps for reuse is given back. */
static bool held(fixture *f) {
    at_tensor *y = NULL;
    AT_SCOPE {
        calling("mul");
        y = at_mul(f->tensor[0], 2);
        if (y) at_retain(y);
    }
    at_release_memory();
    bool good = y && result(y);
    at_release(y);
    return good;
}

/* A library's function on top of atled: one name for all that it calls. */
static at_tensor *twice_exp(at_tensor *x) {
    if (!x) return at_fail_null("twice_exp", "x");
    AT_CALL("twice_exp");
    at_tensor *y = at_mul(at_exp(x), 2);
    if (at_numel(x) == 0) return at_fail(AT_ERROR_VALUE, "twice_exp: nothing in x");
    return at_floats(y) ? y : NULL;
}

static bool library(fixture *f) { return calling("twice_exp") && result(twice_exp(f->tensor[0])); }

/* Errors themselves need no memory. */
static bool errors(fixture *f) {
    (void)f;
    bool failed = !twice_exp(NULL) && strcmp(at_error(), "twice_exp: x is NULL") == 0;
    at_clear_error();
    at_set_error_mode(AT_ERROR_RETURN);
    return failed && at_get_error_mode() == AT_ERROR_RETURN;
}

static bool threads(fixture *f) {
    int before = at_num_threads();
    at_set_num_threads(2);
    bool good = calling("exp sum") && result(at_sum(at_exp(f->tensor[0])));
    at_set_num_threads(before);
    return good;
}

void torture_settings(void) {
    static const scenario all[] = {{"settings default_dtype", NULL, default_dtype, NULL},
                                   {"settings random_state", NULL, random_state, NULL},
                                   {"settings set_random_state", prepare_state, set_random_state, NULL},
                                   {"settings budget", NULL, budget, NULL},
                                   {"settings allocator", prepare_tensor, allocator, NULL},
                                   {"settings held", prepare_tensor, held, NULL},
                                   {"settings library", prepare_tensor, library, NULL},
                                   {"settings errors", NULL, errors, NULL},
                                   {"settings threads", prepare_tensor, threads, NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) torture(&all[i]);
}
