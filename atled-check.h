/* atled-check.h - assertions about tensors for test suites written with Check (libcheck.github.io/check).
 *
 *     START_TEST(the_loss_has_the_right_gradient) {
 *         at_tensor *w = at_set_requires_grad(at_from_doubles((double[]){1, 2}, 2), true);
 *         at_ck_assert_gradients(loss_of, &w, 1, NULL);
 *         at_ck_assert_close(at_square(w), at_from_doubles((double[]){1, 4}, 2), 1e-12, 0);
 *     }
 *     END_TEST
 *     ...
 *     tcase_add_checked_fixture(tcase, at_ck_begin, at_ck_assert_no_leaks);
 *
 * Link with what pkg-config --libs atled check says. Within an assertion a wrong call does not abort, whatever the error
 * mode is: the test fails with atled's message. The argument of an assertion is computed before it, in the mode of the
 * test: with AT_ERROR_RETURN, which at_ck_begin sets, a wrong call gives NULL and the assertion says why. */
#ifndef ATLED_CHECK_H
#define ATLED_CHECK_H

#include <atled.h>
#include <check.h>

/* Equal shapes and dtypes, and |actual - expected| <= atol + rtol * |expected| everywhere. A failure has how many
 * elements differ, the first of them, the largest error, and both values there. */
#define at_ck_assert_close(actual, expected, rtol, atol)                                                               \
    ck_assert_msg(at_ck_close(actual, expected, rtol, atol), "%s and %s: %s", #actual, #expected, at_error())

/* at_gradcheck and at_gradgradcheck: first and second derivatives of f, by each of the n inputs that requires a
 * gradient, agree with differences. A failure writes the report of at_gradcheck to stderr. In C it takes the options of
 * at_gradcheck, such as .float32 = true; without that one such inputs are float64. */
#define at_ck_assert_gradients(f, ...)                                                                                 \
    ck_assert_msg(at_ck_gradients(at_ck_gradient_options(f, __VA_ARGS__)), "%s: %s", #f, at_error())

/* at_snapshot: t is close to what the file path/name.npy has; ATLED_SNAPSHOT=update in the environment writes it. */
#define at_ck_assert_snapshot(path, name, t, rtol, atol)                                                               \
    ck_assert_msg(at_ck_snapshot(path, name, t, rtol, atol), "%s: %s", #t, at_error())

/* What at_ck_begin found. */
typedef struct {
    int64_t tensors, bytes;
    at_scope_guard scope;
    at_error_mode mode;
} at_ck_start;

static inline at_ck_start *at_ck_started(void) {
    static at_ck_start start;
    return &start;
}

/* Marks where a test begins: counts what is alive, opens a scope, and sets the mode AT_ERROR_RETURN. */
static inline void at_ck_begin(void) {
    at_ck_start *start = at_ck_started();
    start->tensors = at_live_tensors();
    start->bytes = at_live_bytes();
    start->mode = at_get_error_mode();
    start->scope = at_scope_open();
    at_set_error_mode(AT_ERROR_RETURN);
}

/* Closes that scope, restores the mode, and asserts that as many tensors and bytes are alive as when at_ck_begin was
 * called, in the same file and thread: what is left is held by a missing at_release, at_module_free or
 * at_optimizer_free. */
static inline void at_ck_assert_no_leaks(void) {
    at_ck_start *start = at_ck_started();
    ck_assert_msg(start->scope.open, "at_ck_assert_no_leaks: call at_ck_begin first");
    at_scope_close(&start->scope);
    at_set_error_mode(start->mode);
    int64_t tensors = at_live_tensors() - start->tensors, bytes = at_live_bytes() - start->bytes;
    ck_assert_msg(tensors == 0 && bytes == 0, "%lld tensors with %lld bytes more are alive than at the beginning",
                  (long long)tensors, (long long)bytes);
}

/* ---- what the macros call ---------------------------------------------------------------------------------------- */

/* An argument that is NULL is probably the result of an earlier error, which is then the one to show. */
static inline at_error_mode at_ck_prepare(bool has_null) {
    at_error_mode before = at_get_error_mode();
    if (!has_null) at_clear_error();
    at_set_error_mode(AT_ERROR_RETURN);
    return before;
}

static inline bool at_ck_close(at_tensor *actual, at_tensor *expected, double rtol, double atol) {
    at_error_mode before = at_ck_prepare(!actual || !expected);
    bool good = at_check_close(actual, expected, rtol, atol);
    at_set_error_mode(before);
    return good;
}

#ifdef __cplusplus
static inline at_gradcheck_options at_ck_gradient_options(at_function f, at_tensor **inputs, int n, void *context) {
    at_gradcheck_options options = {};
    options.f = f;
    options.inputs = inputs;
    options.n = n;
    options.context = context;
    return options;
}
#else
#define at_ck_gradient_options(...) ((at_gradcheck_options){__VA_ARGS__, .at_ = 0})
#endif

static inline bool at_ck_gradients(at_gradcheck_options options) {
    bool has_null = !options.inputs;
    for (int i = 0; i < options.n && !has_null; i++) has_null = !options.inputs[i];
    at_error_mode before = at_ck_prepare(has_null);
    if (!options.report) options.report = stderr;
    bool good = at_gradcheck_with(options) && at_gradgradcheck_with(options);
    at_set_error_mode(before);
    return good;
}

static inline bool at_ck_snapshot(const char *path, const char *name, at_tensor *t, double rtol, double atol) {
    at_error_mode before = at_ck_prepare(!t);
    bool good = at_snapshot(path, name, t, rtol, atol);
    at_set_error_mode(before);
    return good;
}

#endif
