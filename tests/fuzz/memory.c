/* tests/fuzz/memory.c - takes the place of malloc in the fuzzers: nothing large is to be had, so that an input cannot
 * use up the machine, and running out of memory is among what happens. The linker sends calls here (--wrap). */
#include <stddef.h>

enum { MOST = 1 << 22 };

#define WRAP(function, bytes, parameters, arguments)                                                                   \
    void *__real_##function parameters;                                                                                \
    void *__wrap_##function parameters;                                                                                \
    void *__wrap_##function parameters { return (bytes) > MOST ? NULL : __real_##function arguments; }

WRAP(malloc, size, (size_t size), (size))
WRAP(realloc, size, (void *memory, size_t size), (memory, size))
WRAP(aligned_alloc, size, (size_t alignment, size_t size), (alignment, size))
WRAP(calloc, size &&n > MOST / size ? (size_t)-1 : n * size, (size_t n, size_t size), (n, size))
