/* plot/arguments.c - what figures and heatmaps check, and copying tensors' elements. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>

bool pl_check_size(const char *function, const char *name, int pixels) {
    if (pixels == 0 || (pixels >= PL_MIN_SIZE && pixels <= PL_MAX_SIZE)) return true;
    at_fail(AT_ERROR_VALUE, "%s: %s %d: must be %d to %d pixels, or 0 for the default", function, name, pixels,
            PL_MIN_SIZE, PL_MAX_SIZE);
    return false;
}

/* "[3]", "[0, 0, 2, 1]": the place of an element in row-major order. */
static void print_place(char *text, size_t bytes, const at_shape *shape, int64_t element) {
    int64_t index[AT_MAX_DIMS];
    for (int i = shape->ndim - 1; i >= 0; i--) {
        index[i] = element % shape->dim[i];
        element /= shape->dim[i];
    }
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < shape->ndim; i++) {
        used += (size_t)snprintf(text + used, bytes - used, "%s%" PRId64 "%s", i ? ", " : "[", index[i],
                                 i == shape->ndim - 1 ? "]" : "");
    }
}

static bool check_element(const char *function, const char *name, const at_shape *shape, int64_t i, double value,
                          bool log) {
    if (fabs(value) <= PL_LARGEST && (!log || value >= 1 / PL_LARGEST)) return true;
    char place[AT_MAX_DIMS * 24];
    print_place(place, sizeof place, shape, i);
    if (isnan(value))
        at_fail(AT_ERROR_VALUE, "%s: %s%s is NaN: every element must be finite", function, name, place);
    else if (isinf(value))
        at_fail(AT_ERROR_VALUE, "%s: %s%s is %sinf: every element must be finite", function, name, place,
                value < 0 ? "-" : "");
    else if (log && value <= 0)
        at_fail(AT_ERROR_VALUE, "%s: %s%s is %g: every element on a logarithmic axis must be positive", function, name,
                place, value);
    else if (log && value < 1)
        at_fail(AT_ERROR_VALUE, "%s: %s%s is %g: too small for a logarithmic axis, the least is %g", function, name,
                place, value, 1 / PL_LARGEST);
    else
        at_fail(AT_ERROR_VALUE, "%s: %s%s is %g: too large to draw, the most is %g", function, name, place, value,
                PL_LARGEST);
    return false;
}

bool pl_check_number(const char *function, const char *name, double value, bool log) {
    return check_element(function, name, &(at_shape){0}, 0, value, log);
}

static double *copy_checked(const char *function, const char *name, at_tensor *t, bool log) {
    const double *elements = t ? at_doubles(t) : NULL;
    if (!elements) return NULL;
    const at_shape shape = at_shape_of(t);
    const int64_t count = at_numel(t);
    for (int64_t i = 0; i < count; i++) {
        if (!check_element(function, name, &shape, i, elements[i], log)) return NULL;
    }
    const size_t bytes = (size_t)count * sizeof(double);
    double *copy = at_allocate(function, bytes);
    for (int64_t i = 0; copy && i < count; i++) copy[i] = log ? pl_log10(elements[i]) : elements[i];
    return copy;
}

double *pl_copy_elements(const char *function, const char *name, at_tensor *t, bool log) {
    double *copy = NULL;
    AT_CALL(function);
    AT_SCOPE {
        AT_NO_GRAD { copy = copy_checked(function, name, at_to(t, AT_FLOAT64), log); }
    }
    return copy;
}
