/* tests/fuzz/fuzz.h - what the fuzz targets share.
 *
 * A target is a file with LLVMFuzzerTestOneInput, which libFuzzer calls with inputs that it invents (make fuzz), and
 * replay.c with those in tests/fuzz/corpus (make check). It aborts where something does not hold. */
#ifndef ATLED_FUZZ_H
#define ATLED_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv); /* once, before all inputs: memory.c */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition, ...)                                                                                     \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                                            \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The bytes of an input, taken one by one; zeros after their end. */
typedef struct {
    const uint8_t *at, *end;
} fuzz_bytes;

static inline bool fuzz_has_more(const fuzz_bytes *b) { return b->at < b->end; }
static inline unsigned fuzz_byte(fuzz_bytes *b) { return b->at < b->end ? *b->at++ : 0; }
static inline int fuzz_below(fuzz_bytes *b, int n) { return (int)(fuzz_byte(b) % (unsigned)n); }

#endif
