/* tests/support.c - the fixture, comparisons and layouts of tests/support.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

/* ---- the fixture ------------------------------------------------------------------------------------------------- */

static int64_t tensors_before, bytes_before;
static at_scope_guard scope;

void support_begin(void) {
    at_set_error_mode(AT_ERROR_RETURN);
    at_clear_error();
    tensors_before = at_live_tensors();
    bytes_before = at_live_bytes();
    scope = at_scope_open();
}

void support_end(void) {
    at_scope_close(&scope);
    at_set_error_mode(AT_ERROR_ABORT);
    ck_assert_msg(!at_error(), "an error is left: %s", at_error());
    ck_assert_int_eq(at_live_tensors(), tensors_before);
    ck_assert_int_eq(at_live_bytes(), bytes_before);
}

/* ---- comparisons ------------------------------------------------------------------------------------------------- */

static char message[2048];

static bool same(double a, double b, double tolerance) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= tolerance * fmax(1, fabs(b));
}

const char *support_difference(at_tensor *t, int n, const double *expected) {
    if (!t) {
        snprintf(message, sizeof message, "NULL (%s)", at_error() ? at_error() : "no error");
        return message;
    }
    if (at_numel(t) != n) {
        snprintf(message, sizeof message, "%d elements, expected %d", (int)at_numel(t), n);
        return message;
    }
    double tolerance = at_dtype_of(t) == AT_FLOAT32 ? 1e-6 : 1e-12;
    const char *wrong = NULL;
    AT_SCOPE {
        at_tensor *row = at_to(at_flatten(at_detach(t)), AT_FLOAT64);
        for (int i = 0; i < n && !wrong; i++) {
            double x = at_get(row, i);
            if (same(x, expected[i], tolerance)) continue;
            snprintf(message, sizeof message, "element %d is %.17g, expected %.17g", i, x, expected[i]);
            wrong = message;
        }
    }
    return wrong;
}

const char *support_error(at_error_kind kind, const char *text) {
    bool good = at_error() && at_error_code() == kind && strstr(at_error(), text);
    snprintf(message, sizeof message, "the error is %d, \"%s\"; expected %d, \"%s\"", (int)at_error_code(),
             at_error() ? at_error() : "", (int)kind, text);
    at_clear_error();
    return good ? NULL : message;
}

/* ---- layouts ----------------------------------------------------------------------------------------------------- */

const char *layout_name(layout l) {
    static const char *const names[LAYOUTS] = {"contiguous", "transposed", "stepped", "offset", "expanded"};
    return names[l];
}

static at_tensor *nan_like(at_tensor *x) { return at_mul(at_ones_like(x), NAN); }

static at_tensor *transposed(at_tensor *x) {
    if (at_ndim(x) < 2) return NULL;
    return at_transpose(at_contiguous(at_transpose(x, 0, -1)), 0, -1);
}

static at_tensor *stepped(at_tensor *x) {
    int last = at_ndim(x) - 1;
    if (last < 0) return NULL;
    at_shape doubled = at_shape_of(x);
    doubled.dim[last] *= 2;
    return at_slice(at_reshape_shape(at_stack(last + 1, x, nan_like(x)), doubled), last, 0, doubled.dim[last], 2);
}

static at_tensor *behind_others(at_tensor *x) {
    if (at_ndim(x) == 0) return at_select(at_stack(0, nan_like(x), x), 0, 1);
    return at_slice(at_cat(0, nan_like(x), x), 0, at_size(x, 0), INT64_MAX, 1);
}

static at_tensor *expanded(at_tensor *x) {
    for (int d = 0; d < at_ndim(x); d++)
        if (at_size(x, d) > 1) return at_expand_shape(at_slice(x, d, 0, 1, 1), at_shape_of(x));
    return NULL;
}

at_tensor *in_layout(at_tensor *x, layout l) {
    at_tensor *y = NULL;
    AT_SCOPE {
        switch (l) {
        case LAYOUT_TRANSPOSED: y = transposed(x); break;
        case LAYOUT_STEPPED: y = stepped(x); break;
        case LAYOUT_OFFSET: y = behind_others(x); break;
        case LAYOUT_EXPANDED: y = expanded(x); break;
        default: y = at_detach(x);
        }
        if (y) at_scope_return(y);
    }
    return y;
}
