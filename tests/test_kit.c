/* tests/test_kit.c - what users test with: at_check_close, at_snapshot, and the assertions of atled-check.h, which must
 * fail when they should and say what is wrong. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../atled-check.h"
#include "folder.h"
#include "support.h"

/* ---- at_check_close ---------------------------------------------------------------------------------------------- */

START_TEST(close_tensors) {
    at_tensor *x = at_from_floats((float[]){1, 2, -INFINITY, 4}, 2, 2);
    ck_assert(at_check_close(x, x, 0, 0));
    ck_assert(at_check_close(at_transpose(x, 0, 1), at_transpose(x, 0, 1), 0, 0));
    ck_assert(at_check_close(at_mul(x, 1.0001), x, 1e-3, 0));
    ck_assert(at_check_close(at_zeros(0, 3), at_zeros(0, 3), 0, 0));
    ck_assert(at_check_close(at_scalar(1), at_scalar(1.5), 0, 0.5));
}
END_TEST

START_TEST(first_difference_and_largest_error) {
    at_tensor *expected = at_from_doubles((double[]){1, 2, 3, 4, 5, 6}, 2, 3);
    at_tensor *actual = at_from_doubles((double[]){1, 2.5, 3, 4, 9, 6.25}, 2, 3);
    EXPECT_ERROR(at_check_close(actual, expected, 0, 1e-3), AT_ERROR_VALUE,
                 "check_close: 3 of 6 elements of float64 (2, 3) differ by more than 0.001 + 0 * |expected|\n"
                 "  first at [0, 1]: actual 2.5, expected 2, error 0.5\n"
                 "  largest error at [1, 1]: actual 9, expected 5, error 4");
    EXPECT_ERROR(at_check_close(at_transpose(actual, 0, 1), at_transpose(expected, 0, 1), 0, 1), AT_ERROR_VALUE,
                 "first at [1, 1]: actual 9, expected 5");
    EXPECT_ERROR(at_check_close(at_scalar(1), at_scalar(2), 0, 0), AT_ERROR_VALUE, "first at []: actual 1, expected 2");
}
END_TEST

START_TEST(what_is_not_a_number_is_close_to_nothing) {
    at_tensor *expected = at_from_doubles((double[]){1, NAN, 3, INFINITY}, 4);
    at_tensor *actual = at_from_doubles((double[]){NAN, NAN, INFINITY, 1e300}, 4);
    EXPECT_ERROR(at_check_close(actual, expected, 1e9, 1e9), AT_ERROR_VALUE, "4 of 4 elements");
    EXPECT_ERROR(at_check_close(at_slice(actual, 0, 1, 3, 1), at_slice(expected, 0, 1, 3, 1), 0, 0), AT_ERROR_VALUE,
                 "largest error at [0]: actual nan, expected nan, error nan");
}
END_TEST

START_TEST(integers_are_compared_exactly) {
    at_tensor *a = at_from_int64s((int64_t[]){INT64_MAX, 7}, 2), *b = at_from_int64s((int64_t[]){INT64_MAX - 1, 7}, 2);
    ck_assert(at_check_close(a, a, 0, 0));
    EXPECT_ERROR(at_check_close(a, b, 0, 0), AT_ERROR_VALUE,
                 "first at [0]: actual 9223372036854775807, expected 9223372036854775806, error 1");
    ck_assert(at_check_close(a, b, 0, 1));
    EXPECT_ERROR(at_check_close(at_from_bools((bool[]){true}, 1), at_from_bools((bool[]){false}, 1), 0, 0),
                 AT_ERROR_VALUE, "actual true, expected false, error 1");
}
END_TEST

START_TEST(other_shapes_and_dtypes) {
    EXPECT_ERROR(at_check_close(at_zeros(2, 1), at_zeros(2), 1, 1), AT_ERROR_VALUE,
                 "check_close: actual is float32 (2, 1), expected is float32 (2)");
    EXPECT_ERROR(at_check_close(at_zeros(2), at_to(at_zeros(2), AT_FLOAT64), 1, 1), AT_ERROR_VALUE,
                 "actual is float32 (2), expected is float64 (2)");
    EXPECT_ERROR(at_check_close(NULL, at_zeros(2), 1, 1), AT_ERROR_VALUE, "check_close: actual is NULL");
    EXPECT_ERROR(at_check_close(at_zeros(2), NULL, 1, 1), AT_ERROR_VALUE, "check_close: expected is NULL");
}
END_TEST

/* ---- snapshots, in a folder of their own ------------------------------------------------------------------------- */

static void begin_snapshots(void) {
    make_folder();
    unsetenv("ATLED_SNAPSHOT");
    support_begin();
}

static void end_snapshots(void) {
    support_end();
    unsetenv("ATLED_SNAPSHOT");
    remove_folder();
}

static bool record(const char *path, const char *name, at_tensor *t) {
    setenv("ATLED_SNAPSHOT", "update", 1);
    bool recorded = at_snapshot(path, name, t, 0, 0);
    unsetenv("ATLED_SNAPSHOT");
    return recorded;
}

START_TEST(a_missing_snapshot_says_how_to_record_it) {
    EXPECT_ERROR(at_snapshot(folder, "x", at_zeros(2), 0, 0), AT_ERROR_VALUE,
                 "x.npy\": run once with ATLED_SNAPSHOT=update in the environment to record it");
    EXPECT_ERROR(at_snapshot(in_folder("none"), "x", at_zeros(2), 0, 0), AT_ERROR_VALUE, "ATLED_SNAPSHOT=update");
    ck_assert_int_ne(access(in_folder("x.npy"), F_OK), 0);
}
END_TEST

START_TEST(recorded_compared_and_recorded_again) {
    const char *deep = in_folder("a/b");
    at_tensor *x = at_from_floats((float[]){1, 2, 3, 4}, 2, 2);
    ck_assert(record(deep, "x", at_transpose(x, 0, 1)));
    ck_assert(at_snapshot(deep, "x", at_transpose(x, 0, 1), 0, 0));
    ck_assert(at_snapshot(deep, "x", at_add(at_transpose(x, 0, 1), 0.25), 0, 0.5));
    EXPECT_ERROR(at_snapshot(deep, "x", x, 0, 0.5), AT_ERROR_VALUE,
                 "x.npy\": 2 of 4 elements of float32 (2, 2) differ by more than 0.5 + 0 * |expected|\n"
                 "  first at [0, 1]: actual 2, expected 3, error 1\n"
                 "  largest error at [0, 1]: actual 2, expected 3, error 1\n"
                 "  if this is meant, run once with ATLED_SNAPSHOT=update in the environment");
    EXPECT_ERROR(at_snapshot(deep, "x", at_flatten(x), 0, 0.5), AT_ERROR_VALUE,
                 "actual is float32 (4), expected is float32 (2, 2)");
    ck_assert(record(deep, "x", x));
    ck_assert(at_snapshot(deep, "x", x, 0, 0));
}
END_TEST

START_TEST(snapshots_that_cannot_be) {
    at_tensor *x = at_zeros(2);
    EXPECT_ERROR(at_snapshot(NULL, "x", x, 0, 0), AT_ERROR_VALUE, "snapshot: path is NULL");
    EXPECT_ERROR(at_snapshot(folder, NULL, x, 0, 0), AT_ERROR_VALUE, "snapshot: name is NULL");
    EXPECT_ERROR(at_snapshot(folder, "x", NULL, 0, 0), AT_ERROR_VALUE, "snapshot: t is NULL");
    EXPECT_ERROR(at_snapshot(folder, "a/x", x, 0, 0), AT_ERROR_VALUE, "a name without '/'");
    EXPECT_ERROR(at_snapshot(folder, "", x, 0, 0), AT_ERROR_VALUE, "want a folder, and a name");
    EXPECT_ERROR(at_snapshot("", "x", x, 0, 0), AT_ERROR_VALUE, "want a folder, and a name");
    setenv("ATLED_SNAPSHOT", "Update", 1);
    EXPECT_ERROR(at_snapshot(folder, "x", x, 0, 0), AT_ERROR_VALUE, "ATLED_SNAPSHOT is \"Update\": want \"update\"");
    setenv("ATLED_SNAPSHOT", "", 1);
    EXPECT_ERROR(at_snapshot(folder, "x", x, 0, 0), AT_ERROR_VALUE, "there is no");
    ck_assert(record(folder, "file", x));
    EXPECT_ERROR(record(in_folder("file.npy/below"), "x", x), AT_ERROR_IO, "snapshot: cannot create the folder");
}
END_TEST

START_TEST(snapshots_that_cannot_be_read) {
    at_tensor *x = at_zeros(2, 3);
    char bytes[512], *shape;
    ck_assert(record(folder, "x", x));
    size_t n = read_file(in_folder("x.npy"), bytes, sizeof bytes);
    for (size_t length = 0; length < n; length++) {
        write_file(in_folder("x.npy"), bytes, length);
        EXPECT_ERROR(at_snapshot(folder, "x", x, 1, 1), AT_ERROR_IO, "/x.npy\"");
    }
    EXPECT_ERROR(at_snapshot(folder, "x", x, 1, 1), AT_ERROR_IO,
                 "header says float32 (2, 3), 24 bytes, but 23 follow"); /* the last of them */
    ck_assert_ptr_nonnull(shape = strstr(bytes + 10, "(2, 3)"));
    memcpy(shape, "(9, 9)", 6);
    write_file(in_folder("x.npy"), bytes, n);
    EXPECT_ERROR(at_snapshot(folder, "x", x, 1, 1), AT_ERROR_IO,
                 "header says float32 (9, 9), 324 bytes, but 24 follow");
    write_file(in_folder("x.npy"), "no tensor", 9);
    EXPECT_ERROR(at_snapshot(folder, "x", x, 1, 1), AT_ERROR_IO, "is no .npy file");
    ck_assert(record(folder, "x", x)); /* which mends it */
    ck_assert(at_snapshot(folder, "x", x, 0, 0));
    if (chmod(in_folder("x.npy"), 0) == 0 && access(in_folder("x.npy"), R_OK) != 0) /* root may read everything */
        EXPECT_ERROR(at_snapshot(folder, "x", x, 0, 0), AT_ERROR_IO, "x.npy\": Permission denied");
    ck_assert_int_eq(mkdir(in_folder("folder.npy"), 0777), 0);
    EXPECT_ERROR(at_snapshot(folder, "folder", x, 0, 0), AT_ERROR_IO, "folder.npy\": Is a directory");
}
END_TEST

/* No more than so many bytes can be written to a file: a disk that is full. */
static void limit_files_to(rlim_t bytes) {
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* What was recorded before is still there, whole. */
START_TEST(snapshots_that_cannot_be_written) {
    at_tensor *x = at_zeros(2), *large = at_expand(at_zeros(1), INT64_C(1) << 56);
    ck_assert(record(folder, "x", x));
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    limit_files_to(100);
    bool recorded = record(folder, "x", at_ones(2));
    limit_files_to(before.rlim_cur);
    signal(SIGXFSZ, SIG_DFL);
    EXPECT_ERROR(recorded, AT_ERROR_IO, "x.npy\": File too large");
    EXPECT_ERROR(record(folder, "x", large), AT_ERROR_MEMORY, "out of memory");
    ck_assert(at_snapshot(folder, "x", x, 0, 0));
    ck_assert_int_eq(mkdir(in_folder("folder.npy"), 0777), 0);
    EXPECT_ERROR(record(folder, "folder", x), AT_ERROR_IO, "folder.npy\": Is a directory");
    EXPECT_ERROR(record("/proc/atled", "x", x), AT_ERROR_IO, "snapshot: cannot create the folder \"/proc/atled\"");
    if (chmod(folder, 0500) == 0 && access(folder, W_OK) != 0)
        EXPECT_ERROR(record(folder, "y", x), AT_ERROR_IO, "y.npy\": Permission denied");
    ck_assert_int_eq(chmod(folder, 0700), 0);
}
END_TEST

/* ---- assertions that fail: what a suite of one such test reports ------------------------------------------------- */

static at_tensor *held;

START_TEST(unequal) { at_ck_assert_close(at_ones(2), at_zeros(2), 0, 0.5); }
END_TEST
START_TEST(wrong_argument) { at_ck_assert_close(at_add(at_zeros(2), at_zeros(3)), at_zeros(2), 0, 0.5); }
END_TEST
START_TEST(leaking) { held = at_retain(at_zeros(100)); }
END_TEST
START_TEST(never_begun) { at_ck_assert_no_leaks(); }
END_TEST
START_TEST(not_recorded) { at_ck_assert_snapshot("/tmp/atled-kit-none", "x", at_zeros(2), 0, 0); }
END_TEST

/* 2 x without half of its derivative. */
static at_tensor *dropped(at_tensor **inputs, int n, void *context) {
    (void)n, (void)context;
    return at_add(inputs[0], at_detach(inputs[0]));
}
START_TEST(wrong_gradient) {
    at_tensor *x = at_set_requires_grad(at_from_doubles((double[]){1, 2}, 2), true);
    at_ck_assert_gradients(dropped, &x, 1, NULL);
}
END_TEST
/* The message is shown in the default mode too. */
START_TEST(wrong_gradient_while_errors_abort) {
    at_set_error_mode(AT_ERROR_ABORT);
    at_tensor *x = at_set_requires_grad(at_from_floats((float[]){1, 2}, 2), true);
    at_ck_assert_gradients(dropped, &x, 1, NULL);
}
END_TEST

static const struct {
    const TTest *const *test;
    bool fixture;
    const char *message;
    const char *shown; /* on stderr; NULL: nothing is asked */
} failures[] = {
    {&unequal, true, "at_ones(2) and at_zeros(2): check_close: 2 of 2 elements of float32 (2) differ", NULL},
    {&wrong_argument, true, "add: ", NULL},
    {&leaking, true, "1 tensors with 400 bytes more are alive", NULL},
    {&never_begun, false, "call at_ck_begin first", NULL},
    {&not_recorded, true, "run once with ATLED_SNAPSHOT=update", NULL},
    {&wrong_gradient, true, "dropped: gradcheck: input 0 (2), element 0: analytic gradient",
     "hint: analytic is 0.5 times numeric"},
    {&wrong_gradient_while_errors_abort, false, "float64", NULL},
};
enum { FAILURES = sizeof failures / sizeof *failures };

/* Runs the tests; what they write to stderr is put in text. */
static void run_and_listen(SRunner *runner, char *text, size_t bytes) {
    FILE *said = tmpfile();
    int before = dup(STDERR_FILENO);
    if (!said || before < 0 || dup2(fileno(said), STDERR_FILENO) < 0) _exit(EXIT_FAILURE);
    srunner_run_all(runner, CK_SILENT);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(said);
    text[fread(text, 1, bytes - 1, said)] = '\0';
    fclose(said);
}

/* A runner of its own, in a process of its own: Check has one current test a process. */
static void run_failure(int i) {
    unsetenv("ATLED_SNAPSHOT");
    Suite *suite = suite_create("failing");
    TCase *tcase = tcase_create("failing");
    if (failures[i].fixture) tcase_add_checked_fixture(tcase, at_ck_begin, at_ck_assert_no_leaks);
    tcase_add_test(tcase, *failures[i].test);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    char shown[4096];
    run_and_listen(runner, shown, sizeof shown);
    int failed = srunner_ntests_failed(runner);
    TestResult **results = srunner_failures(runner);
    bool right = failed == 1 && strstr(tr_msg(results[0]), failures[i].message) != NULL;
    right = right && (!failures[i].shown || strstr(shown, failures[i].shown));
    if (!right) fprintf(stderr, "%d failed: %s\n%s", failed, failed ? tr_msg(results[0]) : "", shown);
    free(results);
    srunner_free(runner);
    at_release(held);
    _exit(right ? EXIT_SUCCESS : EXIT_FAILURE);
}

START_TEST(a_failing_assertion_says_why) {
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) run_failure(_i);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "not reported: %s", failures[_i].message);
}
END_TEST

/* ---- assertions that hold ---------------------------------------------------------------------------------------- */

static at_tensor *cube(at_tensor **inputs, int n, void *context) {
    (void)n, (void)context;
    return at_pow(inputs[0], 3);
}

START_TEST(assertions_that_hold) {
    at_ck_begin();
    at_tensor *x = at_set_requires_grad(at_from_doubles((double[]){1, 2}, 2), true);
    at_ck_assert_gradients(cube, &x, 1, NULL);
    at_tensor *single = at_set_requires_grad(at_from_floats((float[]){1, 2}, 2), true);
    at_ck_assert_gradients(cube, &single, 1, NULL, .float32 = true);
    at_ck_assert_close(cube(&x, 1, NULL), at_from_doubles((double[]){1, 8}, 2), 1e-12, 0);
    ck_assert(record(folder, "cube", cube(&x, 1, NULL)));
    at_ck_assert_snapshot(folder, "cube", cube(&x, 1, NULL), 1e-12, 0);
    at_ck_assert_no_leaks();
}
END_TEST

START_TEST(the_error_mode_is_left_as_it_was) {
    at_set_error_mode(AT_ERROR_ABORT);
    ck_assert_int_eq(at_get_error_mode(), AT_ERROR_ABORT);
    at_ck_begin();
    ck_assert_int_eq(at_get_error_mode(), AT_ERROR_RETURN);
    at_ck_assert_close(at_zeros(2), at_zeros(2), 0, 0);
    ck_assert_int_eq(at_get_error_mode(), AT_ERROR_RETURN);
    at_ck_assert_no_leaks();
    at_ck_assert_close(at_zeros(2), at_zeros(2), 0, 0);
    ck_assert_int_eq(at_get_error_mode(), AT_ERROR_ABORT);
    at_set_error_mode(AT_ERROR_RETURN);
}
END_TEST

Suite *kit_suite(void) {
    Suite *suite = suite_create("kit");
    TCase *tcase = tcase_create("close");
    tcase_add_checked_fixture(tcase, support_begin, support_end);
    tcase_add_test(tcase, close_tensors);
    tcase_add_test(tcase, first_difference_and_largest_error);
    tcase_add_test(tcase, what_is_not_a_number_is_close_to_nothing);
    tcase_add_test(tcase, integers_are_compared_exactly);
    tcase_add_test(tcase, other_shapes_and_dtypes);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("snapshots and assertions");
    tcase_add_checked_fixture(tcase, begin_snapshots, end_snapshots);
    tcase_add_test(tcase, a_missing_snapshot_says_how_to_record_it);
    tcase_add_test(tcase, recorded_compared_and_recorded_again);
    tcase_add_test(tcase, snapshots_that_cannot_be);
    tcase_add_test(tcase, snapshots_that_cannot_be_read);
    tcase_add_test(tcase, snapshots_that_cannot_be_written);
    tcase_add_test(tcase, assertions_that_hold);
    tcase_add_test(tcase, the_error_mode_is_left_as_it_was);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("failing assertions");
    tcase_add_loop_test(tcase, a_failing_assertion_says_why, 0, FAILURES);
    suite_add_tcase(suite, tcase);
    return suite;
}
