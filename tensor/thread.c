/* tensor/thread.c - a thread's state from its first call to its end. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>

#include "thread.h"

static _Thread_local tn_thread state;

static const uint64_t default_seed = 67280421310721u;

void tn_thread_release_memory(tn_thread *self) {
    if (self->scope_count == 0) tn_scope_free(self);
    (void)tn_pool_empty(self);
    tn_deallocate(self->workspace, self->workspace_bytes);
    self->workspace = NULL;
    self->workspace_bytes = 0;
}

static void end_thread(void *thread) {
    tn_thread *self = thread;
    tn_scope_close_all(self);
    tn_thread_release_memory(self);
    tn_started = NULL;
}

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void make_exit_key(void) { (void)pthread_key_create(&exit_key, end_thread); }

_Thread_local tn_thread *tn_started;

/* Registers what is to be done at the thread's end, and seeds the generator. */
tn_thread *tn_thread_start(void) {
    pthread_once(&exit_once, make_exit_key);
    (void)pthread_setspecific(exit_key, &state);
    tn_generator_seed(&state.generator, default_seed);
    return tn_started = &state;
}

/* The thread that ends the process never reaches its key's destructor. */
__attribute__((destructor)) static void end_process(void) {
    if (tn_started) end_thread(tn_started);
}
