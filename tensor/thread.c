/* tensor/thread.c - a thread's state from its first call to its end. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>

#include "thread.h"

static _Thread_local tn_thread state;

static const uint64_t default_seed = 67280421310721u;

static void end_thread(void *thread) {
    tn_thread *self = thread;
    tn_scope_close_all(self);
    tn_pool_empty(self);
    free(self->workspace);
    self->workspace = NULL;
    self->workspace_bytes = 0;
    self->started = false;
}

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void make_exit_key(void) { (void)pthread_key_create(&exit_key, end_thread); }

static void start_thread(tn_thread *self) {
    pthread_once(&exit_once, make_exit_key);
    (void)pthread_setspecific(exit_key, self);
    tn_generator_seed(&self->generator, default_seed);
    self->started = true;
}

/* The thread that ends the process never reaches its key's destructor. */
__attribute__((destructor)) static void end_process(void) {
    if (state.started) end_thread(&state);
}

tn_thread *tn_self(void) {
    if (!state.started) start_thread(&state);
    return &state;
}

tn_generator *tn_thread_generator(void) { return &tn_self()->generator; }

void tn_thread_set_operation(const char *name) { state.operation = name; }
