/* tests/fuzz/safetensors.c - the input is a .safetensors file. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>

#include "../../tensor/file.h"
#include "fuzz.h"

static void check_read(at_tensor_file *file) {
    int64_t bytes = 0;
    for (int i = 0; i < at_tensor_file_count(file); i++)
        AT_SCOPE {
            const char *name = at_tensor_file_name(file, i);
            FUZZ_CHECK(at_tensor_file_find(file, name) == i, "%s is not at %d", name, i);
            at_tensor *t = at_tensor_file_read(file, i);
            FUZZ_CHECK(t, "%s", at_error());
            at_shape said = at_tensor_file_shape(file, i), shape = at_shape_of(t);
            FUZZ_CHECK(tn_shapes_equal(&said, &shape), "%s has another shape", name);
            FUZZ_CHECK(at_dtype_of(t) == at_tensor_file_dtype(file, i), "%s has another dtype", name);
            for (int64_t k = 0; at_dtype_of(t) == AT_BOOL && k < at_numel(t); k++)
                FUZZ_CHECK(((const unsigned char *)at_bools(t))[k] <= 1, "a bool that is none");
            bytes += at_numel(t);
        }
    FUZZ_CHECK(bytes <= 1 << 20, "%lld elements", (long long)bytes); /* no more than the file has bytes */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0; /* fmemopen takes no empty ones */
    int64_t tensors = at_live_tensors(), bytes = at_live_bytes();
    FILE *stream = fmemopen((void *)(uintptr_t)data, size, "rb");
    FUZZ_CHECK(stream, "no memory for a file of %zu bytes", size);
    at_tensor_file *file = tn_tensor_file_new("load", "input", stream, (int64_t)size);
    if (file) {
        check_read(file);
    } else {
        at_error_kind kind = at_error_code();
        FUZZ_CHECK(kind == AT_ERROR_IO || kind == AT_ERROR_DTYPE || kind == AT_ERROR_MEMORY, "kind %d", (int)kind);
        FUZZ_CHECK(strncmp(at_error(), "load: ", 6) == 0, "%s", at_error());
        at_clear_error();
    }
    at_tensor_file_close(file);
    FUZZ_CHECK(at_live_tensors() == tensors && at_live_bytes() == bytes, "tensors are left");
    return 0;
}
