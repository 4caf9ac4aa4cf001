/* tensor/snapshot.c - comparing tensors with what they should be: a reference, or what an earlier run recorded. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

enum { ELEMENT_BYTES = 32, DIFFERENCE_BYTES = 700 };

/* ---- how two tensors of one shape and dtype differ --------------------------------------------------------------- */

typedef struct {
    int64_t count;          /* of elements that are not close */
    int64_t first, largest; /* the first of them, and the one with the largest error; row-major positions */
    double first_error, largest_error;
} difference;

/* |actual - expected|. Differences of int64 are exact before they are rounded: none becomes 0. */
static double error_of(const tn_value *actual, const tn_value *expected, int64_t i) {
    if (actual->dtype == AT_INT64) {
        int64_t m = ((const int64_t *)tn_data(actual))[i], n = ((const int64_t *)tn_data(expected))[i];
        return (double)(m > n ? (uint64_t)m - (uint64_t)n : (uint64_t)n - (uint64_t)m);
    }
    double x = tn_element(actual, i), y = tn_element(expected, i);
    return x == y ? 0 : fabs(x - y); /* equal infinities do not differ */
}

/* Both contiguous. A NaN is an error larger than any other. */
static difference compare(const tn_value *actual, const tn_value *expected, double rtol, double atol) {
    difference d = {0};
    for (int64_t i = 0; i < actual->numel; i++) {
        double error = error_of(actual, expected, i), size = fabs(tn_element(expected, i));
        if (error == 0 || (isfinite(size) && error <= atol + rtol * size)) continue;
        bool larger = isnan(error) ? !isnan(d.largest_error) : error > d.largest_error;
        if (d.count == 0) d.first = i, d.first_error = error;
        if (d.count == 0 || larger) d.largest = i, d.largest_error = error;
        d.count++;
    }
    return d;
}

/* ---- saying so --------------------------------------------------------------------------------------------------- */

static const char *element_text(const tn_value *v, int64_t i, char text[ELEMENT_BYTES]) {
    double x = tn_element(v, i);
    switch (v->dtype) { /* so many digits tell any two apart */
    case AT_FLOAT32: snprintf(text, ELEMENT_BYTES, "%.9g", x); break;
    case AT_FLOAT64: snprintf(text, ELEMENT_BYTES, "%.17g", x); break;
    case AT_INT64: snprintf(text, ELEMENT_BYTES, "%" PRId64, ((const int64_t *)tn_data(v))[i]); break;
    default: return x != 0 ? "true" : "false";
    }
    return text;
}

/* Appends "first at [0, 1]: actual 2.5, expected 2, error 0.5". */
static void append_element(char *text, const char *what, const tn_value *actual, const tn_value *expected, int64_t i,
                           double error) {
    char a[ELEMENT_BYTES], e[ELEMENT_BYTES];
    size_t used = strlen(text);
    snprintf(text + used, DIFFERENCE_BYTES - used, "\n  %s at %s: actual %s, expected %s, error %.3g", what,
             tn_index_text(&actual->shape, i), element_text(actual, i, a), element_text(expected, i, e), error);
}

/* True where they are close, otherwise the text says how they differ. An error of the comparison itself leaves the text
 * empty. */
static bool is_close(at_tensor *actual, at_tensor *expected, double rtol, double atol, char text[DIFFERENCE_BYTES]) {
    text[0] = '\0';
    if (actual->value->dtype != expected->value->dtype ||
        !tn_shapes_equal(&actual->value->shape, &expected->value->shape)) {
        snprintf(text, DIFFERENCE_BYTES, "actual is %s, expected is %s", tn_describe(actual), tn_describe(expected));
        return false;
    }
    tn_value *a = tn_value_contiguous(actual->value), *e = a ? tn_value_contiguous(expected->value) : NULL;
    bool close = false;
    if (e) {
        difference d = compare(a, e, rtol, atol);
        close = d.count == 0;
        if (!close) {
            snprintf(text, DIFFERENCE_BYTES,
                     "%" PRId64 " of %" PRId64 " elements of %s differ by more than %g + %g * |expected|", d.count,
                     a->numel, tn_describe(actual), atol, rtol);
            append_element(text, "first", a, e, d.first, d.first_error);
            append_element(text, "largest error", a, e, d.largest, d.largest_error);
        }
    }
    tn_value_release(e);
    tn_value_release(a);
    return close;
}

bool at_check_close(at_tensor *actual, at_tensor *expected, double rtol, double atol) {
    tn_thread_set_operation("check_close");
    if (!actual) return at_fail_null("check_close", "actual");
    if (!expected) return at_fail_null("check_close", "expected");
    char text[DIFFERENCE_BYTES];
    if (is_close(actual, expected, rtol, atol, text)) return true;
    return text[0] ? at_fail(AT_ERROR_VALUE, "check_close: %s", text) : NULL;
}

/* ---- snapshots --------------------------------------------------------------------------------------------------- */

static const char *const variable = "ATLED_SNAPSHOT";

/* Creates the folders on the way to the file. */
static bool make_folders(char *file) {
    for (char *slash = strchr(file + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(file, 0777) == 0 || errno == EEXIST;
        if (!made)
            at_fail(tn_file_error(errno), "snapshot: cannot create the folder \"%s\": %s", file, strerror(errno));
        *slash = '/';
        if (!made) return false;
    }
    return true;
}

static bool compare_with_file(const char *file, at_tensor *t, double rtol, double atol) {
    struct stat status;
    if (stat(file, &status) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return at_fail(AT_ERROR_VALUE,
                       "snapshot: there is no \"%s\": run once with %s=update in the environment to record it", file,
                       variable);
    bool close = false;
    AT_SCOPE {
        char text[DIFFERENCE_BYTES];
        at_tensor *expected = at_load_npy(file);
        close = expected && is_close(t, expected, rtol, atol, text);
        if (expected && !close && text[0])
            at_fail(AT_ERROR_VALUE,
                    "snapshot: \"%s\": %s\n  if this is meant, run once with %s=update in the environment", file, text,
                    variable);
    }
    return close;
}

/* Whether to record; an unknown value of the variable is an error, and false. */
static bool update_wanted(bool *update) {
    const char *wanted = getenv(variable);
    *update = wanted && strcmp(wanted, "update") == 0;
    if (!wanted || !*wanted || *update) return true;
    return at_fail(AT_ERROR_VALUE, "snapshot: %s is \"%s\": want \"update\", or nothing", variable, wanted);
}

bool at_snapshot(const char *path, const char *name, at_tensor *t, double rtol, double atol) {
    tn_thread_set_operation("snapshot");
    AT_CALL("snapshot");
    if (!path) return at_fail_null("snapshot", "path");
    if (!name) return at_fail_null("snapshot", "name");
    if (!t) return at_fail_null("snapshot", "t");
    if (!*path || !*name || strchr(name, '/'))
        return at_fail(AT_ERROR_VALUE, "snapshot: path \"%s\", name \"%s\": want a folder, and a name without '/'",
                       path, name);
    bool update;
    if (!update_wanted(&update)) return false;

    size_t bytes = strlen(path) + strlen(name) + sizeof "/.npy";
    char *file = tn_memory_new(bytes);
    if (!file) return false;
    snprintf(file, bytes, "%s/%s.npy", path, name);
    bool good = update ? make_folders(file) && at_save_npy(t, file) : compare_with_file(file, t, rtol, atol);
    tn_memory_free(file, bytes);
    return good;
}
