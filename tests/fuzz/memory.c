/* tests/fuzz/memory.c - what all fuzz targets begin with. Their memory comes from an allocator that has nothing large to
 * give: an input cannot use up the machine, and running out of memory is among what happens. Nor is freed memory kept
 * for reuse then, so that a sanitizer sees what is used after its end. */
#include <stdalign.h>

#include "../../atled.h"
#include "fuzz.h"

enum { MOST = 1 << 22 };

static void *allocate(size_t bytes, size_t alignment, void *context) {
    (void)context;
    if (bytes > MOST) return NULL;
    return alignment <= alignof(max_align_t) ? malloc(bytes) : aligned_alloc(alignment, bytes);
}

static void deallocate(void *memory, size_t bytes, void *context) {
    (void)bytes, (void)context;
    free(memory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    bool set = at_set_allocator(&(at_allocator){allocate, deallocate, NULL});
    FUZZ_CHECK(set, "%s", at_error());
    at_set_error_mode(AT_ERROR_RETURN);
    at_set_num_threads(1);
    return 0;
}
