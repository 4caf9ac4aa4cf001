/* tests/conformance/compare.c - results against expected ones, element by element. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "compare.h"

/* |got - expected| may be atol + rtol * |expected|. ONNX's own tests allow a relative error of 1e-3. */
typedef struct {
    double rtol, atol;
} tolerance;
static const tolerance tolerances[] =
    {[AT_FLOAT32] = {1e-5, 1e-6}, [AT_FLOAT64] = {1e-11, 1e-12}, [AT_INT64] = {0, 0}, [AT_BOOL] = {0, 0}};

static void write_shape(at_shape shape, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "(");
    for (int d = 0; d < shape.ndim && used < size; d++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, d ? ", " : "", shape.dim[d]);
    if (used < size) snprintf(text + used, size - used, ")");
}

static bool same_kind(at_tensor *got, at_tensor *expected, char *text, size_t size) {
    at_shape shape = at_shape_of(got), wanted = at_shape_of(expected);
    bool same = at_dtype_of(got) == at_dtype_of(expected) && shape.ndim == wanted.ndim;
    for (int d = 0; d < shape.ndim && same; d++) same = shape.dim[d] == wanted.dim[d];
    if (same) return true;
    char of_got[128], of_expected[128];
    write_shape(shape, of_got, sizeof of_got);
    write_shape(wanted, of_expected, sizeof of_expected);
    snprintf(text, size, "got %s %s, expected %s %s", at_dtype_name(at_dtype_of(got)), of_got,
             at_dtype_name(at_dtype_of(expected)), of_expected);
    return false;
}

static bool integers_agree(const int64_t *got, const int64_t *expected, int64_t n, char *text, size_t size) {
    for (int64_t i = 0; i < n; i++) {
        if (got[i] == expected[i]) continue;
        snprintf(text, size, "element %" PRId64 ": got %" PRId64 ", expected %" PRId64, i, got[i], expected[i]);
        return false;
    }
    return true;
}

/* An element's error in units of what is allowed: more than 1 is too far. */
static double excess(double got, double expected, tolerance allowed) {
    if (got == expected || (isnan(got) && isnan(expected))) return 0;
    if (!isfinite(got) || !isfinite(expected)) return INFINITY;
    return fabs(got - expected) / (allowed.atol + allowed.rtol * fabs(expected));
}

static bool reals_agree(const double *got, const double *expected, int64_t n, tolerance allowed, char *text,
                        size_t size) {
    int64_t first = -1, worst = 0;
    double largest = 0;
    for (int64_t i = 0; i < n; i++) {
        double error = excess(got[i], expected[i], allowed);
        if (error > 1 && first < 0) first = i;
        if (error > largest) {
            largest = error;
            worst = i;
        }
    }
    if (first < 0) return true;
    snprintf(text, size,
             "element %" PRId64 ": got %.9g, expected %.9g; the worst is element %" PRId64
             ", got %.9g, expected %.9g, %.3g times the tolerance",
             first, got[first], expected[first], worst, got[worst], expected[worst], largest);
    return false;
}

bool agrees(at_tensor *got, at_tensor *expected, double rtol, char *text, size_t size) {
    if (!same_kind(got, expected, text, size)) return false;
    bool floating = at_dtype_of(got) == AT_FLOAT32 || at_dtype_of(got) == AT_FLOAT64;
    at_tensor *a = at_to(got, floating ? AT_FLOAT64 : AT_INT64), *b = at_to(expected, floating ? AT_FLOAT64 : AT_INT64);
    const void *of_got = floating ? (const void *)at_doubles(a) : (const void *)at_int64s(a);
    const void *of_expected = floating ? (const void *)at_doubles(b) : (const void *)at_int64s(b);
    if (!of_got || !of_expected) {
        snprintf(text, size, "%s", at_error());
        return false;
    }
    tolerance allowed = tolerances[at_dtype_of(got)];
    if (rtol > allowed.rtol) allowed.rtol = rtol;
    return floating ? reals_agree(of_got, of_expected, at_numel(got), allowed, text, size)
                    : integers_agree(of_got, of_expected, at_numel(got), text, size);
}
