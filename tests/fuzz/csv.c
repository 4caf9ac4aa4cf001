/* tests/fuzz/csv.c - the input is a CSV file for the examples. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "complain.h"
#include "csv.h"
#include "fuzz.h"

static char complaint[8192];

/* In the place of the examples', which prints. */
bool complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint, sizeof complaint, format, arguments);
    va_end(arguments);
    return false;
}

static void check_pairs(const csv_pairs *pairs) {
    int64_t rows = at_numel(pairs->x);
    FUZZ_CHECK(rows >= 2 && at_numel(pairs->y) == rows, "%lld rows", (long long)rows);
    const float *x = at_floats(pairs->x), *y = at_floats(pairs->y);
    for (int64_t i = 0; i < rows; i++) FUZZ_CHECK(isfinite(x[i]) && isfinite(y[i]), "row %lld", (long long)i);
    FUZZ_CHECK(strlen(pairs->x_name) < CSV_LINE_BYTES && strlen(pairs->y_name) < CSV_LINE_BYTES, "names");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0; /* fmemopen takes no empty ones */
    at_set_error_mode(AT_ERROR_RETURN);
    int64_t tensors = at_live_tensors(), bytes = at_live_bytes();
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    FUZZ_CHECK(file, "no memory for a file of %zu bytes", size);
    AT_SCOPE {
        static csv_pairs pairs;
        complaint[0] = '\0';
        if (csv_read_pairs_from(file, "input", &pairs))
            check_pairs(&pairs);
        else
            FUZZ_CHECK(strncmp(complaint, "input: ", 7) == 0, "complaint \"%s\"", complaint);
    }
    fclose(file);
    FUZZ_CHECK(!at_error(), "%s", at_error());
    FUZZ_CHECK(at_live_tensors() == tensors && at_live_bytes() == bytes, "tensors are left");
    return 0;
}
