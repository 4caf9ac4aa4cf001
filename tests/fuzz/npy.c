/* tests/fuzz/npy.c - the input is a .npy file. It is read twice, as a file of known length and as a pipe: both must give
 * the same tensor, or an error. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>

#include "../../tensor/internal.h"
#include "fuzz.h"

static at_tensor *load(const uint8_t *data, size_t size, bool known_length) {
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "rb");
    FUZZ_CHECK(file, "no memory for a file of %zu bytes", size);
    at_tensor *t = tn_load_npy(file, "input", known_length ? (int64_t)size : -1);
    fclose(file);
    return t;
}

/* An error of a kind that a file can cause, which names file and function. */
static void check_error(void) {
    at_error_kind kind = at_error_code();
    FUZZ_CHECK(kind == AT_ERROR_IO || kind == AT_ERROR_DTYPE || kind == AT_ERROR_MEMORY, "kind %d: %s", (int)kind,
               at_error() ? at_error() : "no error");
    FUZZ_CHECK(strncmp(at_error(), "load_npy: ", 10) == 0, "%s", at_error());
    at_clear_error();
}

static void check_alike(at_tensor *a, at_tensor *b) {
    at_shape p = at_shape_of(a), q = at_shape_of(b);
    FUZZ_CHECK(tn_shapes_equal(&p, &q) && at_dtype_of(a) == at_dtype_of(b), "read in two ways");
    size_t bytes = (size_t)at_numel(a) * tn_dtype_size(at_dtype_of(a));
    FUZZ_CHECK(bytes == 0 || memcmp(tn_data(a->value), tn_data(b->value), bytes) == 0, "read in two ways");
    const bool *truth = at_dtype_of(a) == AT_BOOL ? tn_data(a->value) : NULL;
    for (int64_t i = 0; truth && i < at_numel(a); i++) {
        unsigned char byte;
        memcpy(&byte, truth + i, 1);
        FUZZ_CHECK(byte <= 1, "a bool that is %d", byte);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0; /* fmemopen takes no empty ones */
    int64_t tensors = at_live_tensors(), bytes = at_live_bytes();
    AT_SCOPE {
        at_tensor *known = load(data, size, true);
        if (!known) check_error();
        at_tensor *unknown = load(data, size, false);
        if (!unknown) check_error();
        FUZZ_CHECK(!known == !unknown, "a file, but no pipe, or the other way round");
        if (known) check_alike(known, unknown);
    }
    FUZZ_CHECK(at_live_tensors() == tensors && at_live_bytes() == bytes, "tensors are left");
    return 0;
}
