/* tensor/memory.h - where the library's memory comes from: the C library, within a budget, or an allocator of yours. */
#ifndef ATLED_MEMORY_H
#define ATLED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* All memory of the library and of figures, libpng's included, comes from here. What does not: the result of
 * at_to_string and the names of at_load_csv, which are the caller's to free(), and what jansson and the C library (files, threads) and OpenBLAS allocate for
 * themselves. A call that gets no memory fails with AT_ERROR_MEMORY, its message names the call and the bytes it asked
 * for, and nothing that existed has changed. */

/* allocate gives memory at a multiple of alignment, a power of two that bytes is a multiple of where it is more than
 * any C type needs (64, and 2 MiB for elements of that size and more), or NULL. deallocate is told the bytes that were
 * asked for. Growing is allocating, copying and deallocating. Both are called from any thread that uses the library,
 * its own workers included, at the same time; they must not call the library. */
typedef struct {
    void *(*allocate)(size_t bytes, size_t alignment, void *context);
    void (*deallocate)(void *memory, size_t bytes, void *context);
    void *context; /* handed to both */
} at_allocator;

/* From here on memory comes from a copy of *allocator; NULL: from the C library, as at first. Each block goes back to
 * where it came from: a change is possible only while the library has no memory, before its first use or after the last
 * tensor, module, optimizer and figure is gone in every thread; otherwise it is an error, AT_ERROR_STATE, and false.
 * While an allocator is set no freed memory is kept for reuse: every request reaches it. */
bool at_set_allocator(const at_allocator *allocator);

/* At most so many bytes at a time, at any time and for all threads together: requests beyond that fail as if the system
 * had refused them. 0: whatever is wanted next fails. Negative, as at first: no limit. */
void at_set_memory_budget(int64_t bytes);

/* Bytes that the library has now, freed ones that it keeps for reuse included; what the budget limits. */
int64_t at_allocated_bytes(void);

/* Gives back what the calling thread and the library's idle workers keep for reuse. */
void at_release_memory(void);

/* For libraries and operations built on atled: memory of the same kind, aligned for any C type, to be given back with
 * the same number of bytes. NULL after an error of memory in the name of function. */
void *at_allocate(const char *function, size_t bytes);
void at_free(void *memory, size_t bytes); /* NULL is allowed */

/* AT_CALL("name"); at the beginning of a function that calls others of the library: their errors then begin with its
 * name, until its end, however that is reached. Of calls within calls the outermost counts. */
const char *at_call_begin(const char *function);
void at_call_end(const char *const *before); /* what at_call_begin returned */
#define AT_CALL(function)                                                                                              \
    const char *at_call_before __attribute__((cleanup(at_call_end), unused)) = at_call_begin(function)

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
