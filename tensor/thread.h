/* tensor/thread.h - what each thread has of its own: error, scopes, free memory, random numbers, working space. */
#ifndef ATLED_THREAD_H
#define ATLED_THREAD_H

#include "internal.h"

enum {
    TN_BUFFER_CLASSES = 192, /* four for each doubling of the size */
    TN_OBJECT_CLASSES = TN_OBJECT_MAX / 64 + 1,
    TN_MESSAGE_BYTES = 1024,
    TN_TEXTS = 8,
    TN_TEXT_BYTES = 256
};

struct tn_thread {
    bool started; /* the exit handler is registered, the generator seeded */

    bool has_error_mode;
    at_error_mode error_mode;
    at_error_kind error_kind;
    unsigned failures; /* tn_failures */
    char message[TN_MESSAGE_BYTES];
    char text[TN_TEXTS][TN_TEXT_BYTES];
    int next_text;
    const char *operation;

    at_tensor **scope; /* the tensors of all open scopes, innermost last */
    size_t scope_count, scope_capacity;
    size_t scope_base; /* where the innermost scope begins */
    int scope_depth;   /* scopes open inside the outermost */

    tn_buffer *free_buffers[TN_BUFFER_CLASSES];
    void *free_objects[TN_OBJECT_CLASSES];
    int64_t kept_bytes; /* in both lists */

    char *workspace; /* registers of the expression that is being evaluated */
    size_t workspace_bytes;

    tn_generator generator;
};

/* The calling thread's; never NULL. */
tn_thread *tn_self(void);

void tn_scope_close_all(tn_thread *self); /* tensor.c */
void tn_pool_empty(tn_thread *self);      /* pool.c: gives kept memory back to the system */

#endif
