/* tests/fuzz/replay.c - runs a fuzz target once on each file that it is given. */
#include <string.h>

#include "fuzz.h"

/* The file's bytes, in memory of just that size: what reads past them is seen by a sanitizer and by valgrind. */
static uint8_t *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file && fseek(file, 0, SEEK_END) == 0, "cannot read %s", path);
    long length = ftell(file);
    FUZZ_CHECK(length >= 0, "cannot read %s", path);
    *size = (size_t)length;
    uint8_t *bytes = malloc(*size ? *size : 1);
    rewind(file);
    FUZZ_CHECK(bytes && fread(bytes, 1, *size, file) == *size, "cannot read %s", path);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv) {
    (void)LLVMFuzzerInitialize(&argc, &argv);
    const char *slash = strrchr(argv[0], '/');
    for (int i = 1; i < argc; i++) {
        size_t size;
        uint8_t *bytes = read_file(argv[i], &size);
        if (getenv("FUZZ_VERBOSE")) fprintf(stderr, "%s\n", argv[i]);
        (void)LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
    }
    printf("fuzz     %s: %d inputs\n", slash ? slash + 1 : argv[0], argc - 1);
    return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
