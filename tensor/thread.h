/* tensor/thread.h - what each thread has of its own: error, scopes, free memory, random numbers, working space. */
#ifndef ATLED_THREAD_H
#define ATLED_THREAD_H

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "tensor.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

enum {
    TN_BUFFER_CLASSES = 192, /* four for each doubling of the size */
    TN_OBJECT_MAX = 512,
    TN_OBJECT_CLASSES = TN_OBJECT_MAX / 64 + 1,
    TN_MESSAGE_BYTES = 1024,
    TN_TEXTS = 8,
    TN_TEXT_BYTES = 256
};

struct tn_buffer;

typedef struct tn_thread {
    at_tensor **scope; /* the tensors of all open scopes, innermost last */
    size_t scope_count, scope_capacity;
    size_t scope_base; /* where the innermost scope begins */
    int scope_depth;   /* scopes open inside the outermost */

    void *free_objects[TN_OBJECT_CLASSES];
    void *free_scalars[2]; /* float32, float64 */
    struct tn_buffer *free_buffers[TN_BUFFER_CLASSES];
    int64_t may_keep; /* bytes in all these lists */
    int64_t room;     /* how many more */

    char *workspace; /* registers of the expression that is being evaluated */
    size_t workspace_bytes;

    const char *operation, *call; /* what errors of memory name: the last function, or the one that it is a part of */
    bool has_error_mode;
    at_error_mode error_mode;
    at_error_kind error_kind;
    unsigned failures, cleared; /* tn_failures, and what they were when errors were cleared last */
    char message[TN_MESSAGE_BYTES];
    char text[TN_TEXTS][TN_TEXT_BYTES];
    int next_text;

    tn_generator generator; /* seeded */
} tn_thread;

/* For functions that are rarely called, kept out of their callers' way, and for those that become part of them. */
#if defined(__GNUC__)
#define TN_RARE   __attribute__((cold, noinline))
#define TN_INLINE inline __attribute__((always_inline))
#else
#define TN_RARE
#define TN_INLINE inline
#endif

/* ---- the calling thread's ---------------------------------------------------------------------------------------- */

/* Where a word can have a fixed place in each thread, finding it takes no call. */
#if defined(__ELF__) && defined(__GNUC__)
#define TN_FIXED_PLACE __attribute__((tls_model("initial-exec")))
#else
#define TN_FIXED_PLACE
#endif

extern _Thread_local tn_thread *tn_started TN_FIXED_PLACE; /* NULL before its first call */
TN_RARE tn_thread *tn_thread_start(void);

static inline tn_thread *tn_self(void) {
    tn_thread *self = tn_started;
    return self ? self : tn_thread_start();
}

static inline void tn_thread_set_operation(const char *name) { tn_self()->operation = name; }
static inline tn_generator *tn_thread_generator(void) { return &tn_self()->generator; }

/* ---- scopes (tensor.c) ------------------------------------------------------------------------------------------- */

TN_RARE bool tn_scope_grow(tn_thread *self);
static inline bool tn_scope_push(tn_thread *self, at_tensor *t) {
    if (self->scope_count == self->scope_capacity && !tn_scope_grow(self)) return false;
    self->scope[self->scope_count++] = t;
    return true;
}
bool tn_scope_reserve(tn_thread *self, size_t n); /* room for as many more */
void tn_scope_clear(void);                        /* lets go of what the innermost scope has so far */
void tn_scope_close_all(tn_thread *self);
void tn_scope_free(tn_thread *self); /* the list itself, while it is empty */

/* ---- memory (memory.c) ------------------------------------------------------------------------------------------- */

/* NULL, silently or after reporting an error of memory. bytes is a multiple of alignment where that is above 16. */
void *tn_allocate_try(size_t bytes, size_t alignment);
TN_RARE void *tn_allocate(size_t bytes);
TN_RARE void tn_deallocate(void *memory, size_t bytes); /* as many as were asked for; NULL is allowed */
/* What memory holds in a larger block, in its place; NULL, and memory as it was, after reporting an error. */
void *tn_allocate_more(void *memory, size_t bytes, size_t more);
char *tn_text_new(const char *text); /* a copy */
void tn_text_free(char *text);
/* Whether memory comes from an allocator of the program's own. */
bool tn_allocator_is_replaced(void);
/* Lets go of all memory that the thread keeps only for later; the thread itself may go on. */
void tn_thread_release_memory(tn_thread *self);

/* ---- small objects of a fixed size: tensors, values, graph nodes (pool.c) ---------------------------------------- */

bool tn_pool_empty(tn_thread *self);         /* gives kept memory back; false where there was none */
TN_RARE bool tn_pool_widen(tn_thread *self); /* finds room where it is below 0; false where there is none */
TN_RARE void *tn_object_from_system(size_t size);

/* A free object begins with the next one of its list. NULL where there is none. */
static inline void *tn_list_take(tn_thread *self, void **list, size_t bytes) {
    void *object = *list;
    if (!object) return NULL;
    memcpy(list, object, sizeof(void *));
    self->room += (int64_t)bytes;
    return object;
}

/* Whether the thread may keep as many bytes more. */
static inline bool tn_pool_keeps(tn_thread *self, int64_t bytes) {
    self->room -= bytes;
    if (self->room >= 0 || tn_pool_widen(self)) return true;
    self->room += bytes;
    return false;
}

static inline void tn_list_give(tn_thread *self, void **list, void *object, size_t bytes) {
    if (!tn_pool_keeps(self, (int64_t)bytes)) {
        tn_deallocate(object, (bytes + 63) / 64 * 64);
        return;
    }
    memcpy(object, list, sizeof(void *));
    *list = object;
}

/* size <= TN_OBJECT_MAX; contents undefined; NULL after reporting an error of memory */
static inline void *tn_object_new(size_t size) {
    tn_thread *self = tn_self();
    size_t size_class = (size + 63) / 64;
    void *object = tn_list_take(self, &self->free_objects[size_class], size_class * 64);
    return object ? object : tn_object_from_system(size);
}

static inline void tn_object_free(void *object, size_t size) {
    tn_thread *self = tn_self();
    size_t size_class = (size + 63) / 64;
    tn_list_give(self, &self->free_objects[size_class], object, size_class * 64);
}

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
