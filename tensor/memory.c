/* tensor/memory.c - the one place where memory is asked for: counted, within a budget, from a replaceable allocator. */
#include <inttypes.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "team.h"

static void *from_system(size_t bytes, size_t alignment, void *context) {
    (void)context;
    return alignment <= alignof(max_align_t) ? malloc(bytes) : aligned_alloc(alignment, bytes);
}

static void to_system(void *memory, size_t bytes, void *context) {
    (void)bytes, (void)context;
    free(memory);
}

static const at_allocator of_system = {from_system, to_system, NULL};
static at_allocator current = {from_system, to_system, NULL}; /* changes only while there are no blocks */
static _Atomic(int64_t) blocks, allocated, budget = INT64_MAX;

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static size_t at_least_one(size_t bytes) { return bytes ? bytes : 1; }

static void *request(size_t bytes, size_t alignment) {
    int64_t before = atomic_load(&allocated);
    do {
        int64_t room = atomic_load(&budget) - before;
        if (room < 0 || bytes > (uint64_t)room) return NULL;
    } while (!atomic_compare_exchange_weak(&allocated, &before, before + (int64_t)bytes));
    void *memory = current.allocate(bytes, alignment, current.context);
    if (memory)
        atomic_fetch_add(&blocks, 1);
    else
        atomic_fetch_sub(&allocated, (int64_t)bytes);
    return memory;
}

void *tn_allocate_try(size_t bytes, size_t alignment) {
    void *memory = request(at_least_one(bytes), alignment);
    if (!memory && tn_pool_empty(tn_self())) memory = request(at_least_one(bytes), alignment);
    return memory;
}

void *tn_allocate(size_t bytes) {
    void *memory = tn_allocate_try(bytes, alignof(max_align_t));
    return memory ? memory : tn_fail_memory(bytes);
}

void tn_deallocate(void *memory, size_t bytes) {
    if (!memory) return;
    current.deallocate(memory, at_least_one(bytes), current.context);
    atomic_fetch_sub(&allocated, (int64_t)at_least_one(bytes));
    atomic_fetch_sub(&blocks, 1);
}

void *tn_allocate_more(void *memory, size_t bytes, size_t more) {
    void *larger = tn_allocate(more);
    if (!larger) return NULL;
    if (memory) memcpy(larger, memory, bytes);
    tn_deallocate(memory, bytes);
    return larger;
}

char *tn_text_new(const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = tn_allocate(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

void tn_text_free(char *text) {
    if (text) tn_deallocate(text, strlen(text) + 1);
}

void *at_allocate(const char *function, size_t bytes) {
    tn_thread_set_operation(function);
    return tn_allocate(bytes);
}

void at_free(void *memory, size_t bytes) { tn_deallocate(memory, bytes); }

const char *at_call_begin(const char *function) {
    tn_thread *self = tn_self();
    const char *before = self->call;
    if (!before) self->call = function;
    return before;
}

void at_call_end(const char *const *before) { tn_self()->call = *before; }

/* ---- settings ---------------------------------------------------------------------------------------------------- */

bool tn_allocator_is_replaced(void) { return current.allocate != from_system; }

bool at_set_allocator(const at_allocator *allocator) {
    if (allocator && !allocator->allocate) return at_fail_null("set_allocator", "allocate");
    if (allocator && !allocator->deallocate) return at_fail_null("set_allocator", "deallocate");
    at_release_memory();
    int64_t n = atomic_load(&blocks);
    if (n > 0)
        return at_fail(AT_ERROR_STATE,
                       "set_allocator: %" PRId64 " blocks of memory, %" PRId64
                       " bytes, are in use: want none, as before the first tensor or after the last one is gone",
                       n, at_allocated_bytes());
    current = allocator ? *allocator : of_system;
    return true;
}

void at_set_memory_budget(int64_t bytes) { atomic_store(&budget, bytes < 0 ? INT64_MAX : bytes); }

int64_t at_allocated_bytes(void) { return atomic_load(&allocated); }

void at_release_memory(void) {
    tn_team_end();
    tn_thread_release_memory(tn_self());
}
