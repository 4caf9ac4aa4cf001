/* tests/fuzz/csv.c - the input is a table of numbers. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <string.h>

#include "../../data/internal.h"
#include "fuzz.h"

static void check_table(at_tensor *table, char **names, bool missing) {
    FUZZ_CHECK(at_ndim(table) == 2 && at_size(table, 1) > 0, "%d dimensions", at_ndim(table));
    for (int64_t i = 0; i < at_numel(table); i++) {
        float x = at_floats(table)[i];
        FUZZ_CHECK(isfinite(x) || (missing && isnan(x)), "element %lld", (long long)i);
    }
    size_t letters = 0;
    for (int64_t i = 0; names && i < at_size(table, 1); i++) letters += strlen(names[i]);
    FUZZ_CHECK(letters < 1 << 20, "names");
}

/* The first byte chooses the options. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0; /* fmemopen takes no empty ones */
    int64_t tensors = at_live_tensors(), bytes = at_live_bytes();
    FILE *file = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "r");
    FUZZ_CHECK(file, "no memory for a file of %zu bytes", size);
    AT_SCOPE {
        char **names = NULL;
        at_load_csv_options options = {.path = "input",
                                       .header = (at_csv_header)(data[0] % 3),
                                       .delimiter = "\0,;\t"[data[0] / 4 % 4],
                                       .missing_as_nan = data[0] & 64,
                                       .names = data[0] & 128 ? NULL : &names};
        at_tensor *table = dt_read_csv(file, &options);
        if (table)
            check_table(table, names, options.missing_as_nan);
        else
            FUZZ_CHECK(strncmp(at_error(), "load_csv: \"input\": ", 19) == 0, "%s", at_error());
        free(names);
        at_clear_error();
    }
    fclose(file);
    FUZZ_CHECK(at_live_tensors() == tensors && at_live_bytes() == bytes, "tensors are left");
    return 0;
}
