/* tests/core_support.h - what the core's suites share: balanced tests, expected errors, chance, shapes. */
#ifndef CORE_SUPPORT_H
#define CORE_SUPPORT_H

#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../atled.h"

/* ---- balanced tests -----------------------------------------------------------------------------------------------
 * A BALANCED_TEST runs in a scope of its own, and wrong calls return. At its end as many tensors and bytes are alive
 * as at its start, and no error is left. */

static inline void run_balanced(void (*body)(void)) {
    at_set_error_mode(AT_ERROR_RETURN);
    int64_t tensors = at_live_tensors(), bytes = at_live_bytes();
    AT_SCOPE { body(); }
    ck_assert_msg(!at_error(), "an error is left: %s", at_error());
    ck_assert_int_eq(at_live_tensors(), tensors);
    ck_assert_int_eq(at_live_bytes(), bytes);
}

#define BALANCED_TEST(name)                                                                                            \
    static void name##_body(void);                                                                                     \
    START_TEST(name) { run_balanced(name##_body); }                                                                    \
    END_TEST                                                                                                           \
    static void name##_body(void)

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* The call just made failed with this kind and this message; forgets the error. */
static inline void expect_error(at_error_kind kind, const char *message) {
    ck_assert_msg(at_error() != NULL, "no error where one was expected: %s", message);
    ck_assert_str_eq(at_error(), message);
    ck_assert_int_eq(at_error_code(), kind);
    at_clear_error();
}

/* ---- chance: the same in every run and on every machine ---------------------------------------------------------- */

static inline uint64_t chance_bits(uint64_t *state) {
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* 0 ... n - 1 */
static inline int64_t chance(uint64_t *state, int64_t n) { return (int64_t)(chance_bits(state) % (uint64_t)n); }

static inline at_shape random_shape(uint64_t *state, int max_dims, int max_size) {
    at_shape shape = {.ndim = (int)chance(state, max_dims + 1)};
    for (int d = 0; d < shape.ndim; d++) shape.dim[d] = 1 + chance(state, max_size);
    return shape;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static inline int64_t elements_of(at_shape shape) {
    int64_t n = 1;
    for (int d = 0; d < shape.ndim; d++) n *= shape.dim[d];
    return n;
}

static inline void index_of(at_shape shape, int64_t at, int64_t *index) {
    for (int d = shape.ndim - 1; d >= 0; d--) {
        index[d] = at % shape.dim[d];
        at /= shape.dim[d];
    }
}

static inline int64_t place_of(at_shape shape, const int64_t *index) {
    int64_t at = 0;
    for (int d = 0; d < shape.ndim; d++) at = at * shape.dim[d] + index[d];
    return at;
}

static inline void check_shape_is(at_tensor *t, at_shape shape) {
    at_shape found = at_shape_of(t);
    ck_assert_int_eq(found.ndim, shape.ndim);
    for (int d = 0; d < shape.ndim; d++) ck_assert_int_eq(found.dim[d], shape.dim[d]);
}
#define CHECK_SHAPE(t, ...) check_shape_is(t, AT_SHAPE(__VA_ARGS__))

/* ---- elements ---------------------------------------------------------------------------------------------------- */

/* t has exactly these elements, in row-major order; NaN is NaN. */
static inline void check_elements(at_tensor *t, const double *expected, int64_t n) {
    ck_assert_int_eq(at_numel(t), n);
    const double *x = at_doubles(at_to(t, AT_FLOAT64));
    ck_assert_ptr_nonnull(x);
    for (int64_t i = 0; i < n; i++) /* Check writes a message to a pipe at every assertion: none where all is well */
        if (!(x[i] == expected[i] || (isnan(x[i]) && isnan(expected[i]))))
            ck_abort_msg("element %lld is %.17g and not %.17g", (long long)i, x[i], expected[i]);
}
#define CHECK_ELEMENTS(t, ...)                                                                                         \
    check_elements(t, (const double[]){__VA_ARGS__}, (int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)))

#endif
