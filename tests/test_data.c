/* tests/test_data.c - tables from files, mini-batches, the progress bar. Orders of batches: tests/reference. */
#define _XOPEN_SOURCE 700
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "support.h"

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* A file of n bytes. */
static const char *file_of(const char *bytes, size_t n) {
    const char *path = in_folder("table.csv");
    write_file(path, bytes, n);
    return path;
}

static const char *file_with(const char *text) { return file_of(text, strlen(text)); }

static void begin(void) {
    make_folder();
    support_begin();
}

static void end(void) {
    support_end();
    remove_folder();
}

static void check_size(at_tensor *t, int64_t rows, int64_t columns) {
    ck_assert_msg(t != NULL, "%s", at_error());
    ck_assert_int_eq(at_ndim(t), 2);
    ck_assert_int_eq(at_size(t, 0), rows);
    ck_assert_int_eq(at_size(t, 1), columns);
}

START_TEST(tables) {
    at_tensor *t = at_load_csv(file_with("1,2,3\n4,5,6\n"));
    check_size(t, 2, 3);
    EXPECT(t, 1, 2, 3, 4, 5, 6);
    ck_assert(at_dtype_of(t) == AT_FLOAT32);
    char **names = NULL;
    t = at_load_csv(file_with("\"a, b\",\"say \"\"hi\"\"\"\r\n1,2\r\n\r\n 3 ,\t-4.5e0 \r\n\r\n"), .names = &names);
    check_size(t, 2, 2);
    EXPECT(t, 1, 2, 3, -4.5);
    ck_assert_str_eq(names[0], "a, b");
    ck_assert_str_eq(names[1], "say \"hi\"");
    free(names);
    EXPECT(at_load_csv(file_with("\xEF\xBB\xBF\"1\", +2.0e0\n 2 ,4.\n\n\"3\",\t5\n5,.1e1"), .names = &names), 1, 2, 2,
           4, 3, 5, 5, 1);
    ck_assert_ptr_null(names);
    check_size(at_load_csv(file_with("x,y\n")), 0, 2);
    check_size(at_load_csv(file_with("7")), 1, 1);
}
END_TEST

START_TEST(options_of_tables) {
    EXPECT(at_load_csv(file_with("1;2\n3;4\n"), .delimiter = ';'), 1, 2, 3, 4);
    EXPECT(at_load_csv(file_with("1\t\"2\"\t 3\n"), .delimiter = '\t'), 1, 2, 3);
    EXPECT(at_load_csv(file_with("1,,3\n,,\n"), .missing_as_nan = true), 1, NAN, 3, NAN, NAN, NAN);
    EXPECT(at_load_csv(file_with("1\t\t3\n"), .delimiter = '\t', .missing_as_nan = true), 1, NAN, 3);
    EXPECT(at_load_csv(file_with("NA,\"nan\"\n1,NaN\n"), .missing_as_nan = true), NAN, NAN, 1, NAN);
    char **names;
    EXPECT(at_load_csv(file_with(",x\n1,2\n"), .missing_as_nan = true, .names = &names), 1, 2);
    ck_assert_str_eq(names[0], "");
    free(names);
    EXPECT(at_load_csv(file_with("2020,2021\n1,2\n"), .header = AT_HEADER_YES, .names = &names), 1, 2);
    ck_assert_str_eq(names[1], "2021");
    free(names);
    EXPECT_ERROR(at_load_csv(file_with("x,y\n1,2\n"), .header = AT_HEADER_NO), AT_ERROR_VALUE,
                 "line 1, column 1: \"x\" is not a number");
    at_set_default_dtype(AT_FLOAT64);
    at_tensor *t = at_load_csv(file_with("0.1,1e300\n"));
    at_set_default_dtype(AT_FLOAT32);
    ck_assert(at_doubles(t)[0] == 0.1 && at_doubles(t)[1] == 1e300);
}
END_TEST

START_TEST(a_large_table) {
    enum { ROWS = 5000 };
    char *text = malloc(ROWS * 32), *to = text;
    for (int i = 0; i < ROWS; i++) to += sprintf(to, "%d,%d.5,-%d\n", i, i, i);
    at_tensor *t = at_load_csv(file_with(text));
    free(text);
    check_size(t, ROWS, 3);
    for (int i = 0; i < ROWS; i++) ck_assert(at_floats(t)[3 * i + 1] == (float)i + 0.5f);
}
END_TEST

static const struct {
    const char *text, *error;
} wrong[] = {
    {"", "the file is empty"},
    {"\n \n", "the file is empty"},
    {"1,2\n3\n", "line 2: want 2 columns as in the first line, found 1"},
    {"1,2\n\n3,4,\n", "line 3: want 2 columns as in the first line, found 3"},
    {"1\n2,3\n", "line 2: want 1 column as in the first line, found 2"},
    {"x,y\n1,2\n3,abc\n", "line 3, column 2: \"abc\" is not a number"},
    {"1,abc\n", "line 1, column 2: \"abc\" is not a number"},
    {"x,y\n,4\n", "line 2, column 1: \"\" is not a number"},
    {"1,nan\n", "line 1, column 2: \"nan\" is not a number"},
    {"1,inf\n", "is not a number"},
    {"1,0x10\n", "is not a number"},
    {"1,4 5\n", "is not a number"},
    {"1,1e39\n", "\"1e39\" is too large"},
    {"1e39\n2\n", "line 1, column 1: \"1e39\" is too large"},
    {"NA,\n1,2\n", "line 1, column 1: \"NA\" is not a number"},
    {"1,\"4\n", "line 1, column 2: quotes out of place"},
    {"\"1\"a,2\n", "line 1, column 1: quotes out of place"},
    {"1,2\r3,4\r", "line 1: has a control character"},
    {"1,\x01\n", "line 1: has a control character"},
};

START_TEST(tables_that_are_wrong) {
    char **names;
    EXPECT_ERROR(at_load_csv(file_with(wrong[_i].text), .names = &names), AT_ERROR_VALUE, wrong[_i].error);
    ck_assert_ptr_null(names);
}
END_TEST

START_TEST(wrong_calls_of_tables) {
    EXPECT_ERROR(at_load_csv(file_of("1,2\n3,4\0\n", 9)), AT_ERROR_VALUE, "line 2: has a control character");
    EXPECT_ERROR(at_load_csv("/nowhere/t.csv"), AT_ERROR_IO, "\"/nowhere/t.csv\": No such file");
    EXPECT_ERROR(at_load_csv("/tmp"), AT_ERROR_IO, "\"/tmp\": Is a directory");
    EXPECT_ERROR(at_load_csv(NULL), AT_ERROR_VALUE, "path is NULL");
    EXPECT_ERROR(at_load_csv("t.csv", .delimiter = '.'), AT_ERROR_VALUE, "the delimiter is '.': want one");
    EXPECT_ERROR(at_load_csv("t.csv", .delimiter = ' '), AT_ERROR_VALUE, "the delimiter is ' '");
}
END_TEST

/* ---- mini-batches ------------------------------------------------------------------------------------------------ */

START_TEST(rows_stay_together) {
    at_tensor *x = at_reshape(at_arange(0, 20, 1), 10, 2), *y = at_to(at_arange(0, 10, 1), AT_INT64), **batch;
    at_data_loader *loader = at_data_loader_new(((at_tensor *[]){x, y}), 2, .batch_size = 4, .shuffle = true);
    ck_assert_int_eq(at_data_loader_batches(loader), 3);
    for (int epoch = 0; epoch < 2; epoch++) {
        bool seen[10] = {false};
        while ((batch = at_data_loader_next(loader)))
            AT_SCOPE {
                for (int64_t i = 0; i < at_numel(batch[1]); i++) {
                    int64_t row = at_int64s(batch[1])[i];
                    ck_assert(!seen[row] && at_get(batch[0], i, 0) == 2.0 * (double)row);
                    seen[row] = true;
                }
            }
        for (int i = 0; i < 10; i++) ck_assert(seen[i]);
    }
    ck_assert_ptr_null(at_error());
    at_data_loader_free(loader);
}
END_TEST

START_TEST(without_shuffling) {
    at_tensor *x = at_arange(0, 5, 1), **batch;
    at_data_loader *loader = at_data_loader_new(&x, 1, .batch_size = 2);
    for (int epoch = 0; epoch < 2; epoch++) {
        EXPECT(at_data_loader_next(loader)[0], 0, 1);
        EXPECT(at_data_loader_next(loader)[0], 2, 3);
        batch = at_data_loader_next(loader);
        EXPECT(batch[0], 4);
        ck_assert_ptr_null(at_data_loader_next(loader));
    }
    ck_assert(at_data_loader_next(loader) && at_data_loader_restart(loader));
    EXPECT(at_data_loader_next(loader)[0], 0, 1);
    at_data_loader_free(loader);
    at_data_loader_free(NULL);
    at_tensor *nothing = at_zeros(0, 3);
    loader = at_data_loader_new(&nothing, 1, .shuffle = true);
    ck_assert(!at_data_loader_next(loader) && !at_error());
    at_data_loader_free(loader);
}
END_TEST

/* An epoch that cannot begin draws nothing. */
START_TEST(without_memory_for_a_batch) {
    at_tensor *x = at_contiguous(at_reshape(at_arange(0, 4000, 1), 1000, 4));
    at_data_loader *loader = at_data_loader_new(&x, 1, .batch_size = 600, .shuffle = true);
    for (int epoch = 0; epoch < 2; epoch++) {
        at_tensor *before = at_random_state();
        int64_t tensors = at_live_tensors();
        at_release_memory();
        at_set_memory_budget(at_allocated_bytes() +
                             9000 * epoch); /* in the second one for the order, but not the rows */
        at_tensor **batch = at_data_loader_next(loader);
        at_set_memory_budget(-1);
        EXPECT_ERROR(batch != NULL, AT_ERROR_MEMORY, "data_loader_next: out of memory");
        ck_assert(at_equal(at_random_state(), before) && at_live_tensors() == tensors + 1);
        double rows = 0;
        while ((batch = at_data_loader_next(loader))) rows += (double)at_size(batch[0], 0);
        ck_assert(rows == 1000 && !at_equal(at_random_state(), before));
    }
    at_data_loader_free(loader);
}
END_TEST

/* A batch is the loader's, but what was computed from it lives on. */
START_TEST(gradients_through_batches) {
    at_tensor *x = at_set_requires_grad(at_ones(4), true), *sum = at_scalar(0), **batch;
    at_data_loader *loader = at_data_loader_new(&x, 1, .batch_size = 3, .shuffle = true);
    while ((batch = at_data_loader_next(loader))) sum = at_add(sum, at_sum(at_square(batch[0])));
    at_data_loader_free(loader);
    ck_assert(at_backward(sum));
    EXPECT(at_grad(x), 2, 2, 2, 2);
}
END_TEST

START_TEST(wrong_loaders) {
    at_tensor *lists[] = {at_ones(3), at_ones(2, 3), NULL}, *scalar = at_scalar(1);
    EXPECT_ERROR(at_data_loader_new(lists, 0), AT_ERROR_VALUE, "no tensors");
    EXPECT_ERROR(at_data_loader_new(NULL, 1), AT_ERROR_VALUE, "no tensors");
    EXPECT_ERROR(at_data_loader_new(lists, 2), AT_ERROR_SHAPE, "float32 (3) and tensors[1] float32 (2, 3)");
    EXPECT_ERROR(at_data_loader_new(lists + 1, 2), AT_ERROR_VALUE, "tensors[1] is NULL");
    EXPECT_ERROR(at_data_loader_new(&scalar, 1), AT_ERROR_SHAPE, "it has no rows");
    EXPECT_ERROR(at_data_loader_new(lists, 1, .batch_size = -1), AT_ERROR_VALUE, "batch_size is -1");
    EXPECT_ERROR(at_data_loader_next(NULL), AT_ERROR_VALUE, "loader is NULL");
    EXPECT_ERROR(at_data_loader_restart(NULL), AT_ERROR_VALUE, "loader is NULL");
    EXPECT_ERROR(at_data_loader_batches(NULL) >= 0, AT_ERROR_VALUE, "loader is NULL");
}
END_TEST

/* ---- progress ---------------------------------------------------------------------------------------------------- */

/* Three steps with a stderr that is this descriptor. */
static void run_bar(int descriptor) {
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    ck_assert(dup2(descriptor, STDERR_FILENO) >= 0);
    at_progress bar = at_progress_begin("training", 3);
    for (int i = 0; i < 3; i++) at_progress_step(&bar, "loss %.2f", 0.5 - 0.1 * i);
    at_progress_end(&bar);
    fflush(stderr);
    ck_assert(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    ck_assert_int_eq(bar.done, 3);
}

START_TEST(a_bar_on_a_terminal) {
    char printed[2000] = "";
    int other = posix_openpt(O_RDWR | O_NOCTTY);
    if (other < 0 || grantpt(other) != 0 || unlockpt(other) != 0) return; /* a machine without terminals */
    int terminal = open(ptsname(other), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(terminal, 0);
    run_bar(terminal);
    for (size_t n = 0; n + 1 < sizeof printed && !strchr(printed, '\n');) { /* it comes in pieces */
        ssize_t got = read(other, printed + n, sizeof printed - 1 - n);
        ck_assert_int_gt(got, 0);
        n += (size_t)got;
        printed[n] = '\0';
    }
    ck_assert_msg(strstr(printed, "\rtraining  33 % |########                 | 1/3 00:00 < 00:00  loss 0.50") != NULL,
                  "%s", printed);
    ck_assert(strstr(printed, "training 100 % |#########################| 3/3 ") && strstr(printed, "loss 0.30"));
    ck_assert(printed[strlen(printed) - 1] == '\n');
    close(terminal), close(other);
}
END_TEST

START_TEST(no_bar_in_a_pipe) {
    char printed[1];
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    run_bar(ends[1]);
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], printed, 1), 0); /* nothing but the end */
    close(ends[0]);
}
END_TEST

/* ---- the suite --------------------------------------------------------------------------------------------------- */

Suite *data_suite(void);

Suite *data_suite(void) {
    Suite *suite = suite_create("data");
    TCase *csv = tcase_create("tables");
    tcase_add_checked_fixture(csv, begin, end);
    tcase_add_test(csv, tables);
    tcase_add_test(csv, options_of_tables);
    tcase_add_test(csv, a_large_table);
    tcase_add_loop_test(csv, tables_that_are_wrong, 0, (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(csv, wrong_calls_of_tables);
    suite_add_tcase(suite, csv);

    TCase *batches = tcase_create("batches");
    tcase_add_checked_fixture(batches, support_begin, support_end);
    tcase_add_test(batches, rows_stay_together);
    tcase_add_test(batches, without_shuffling);
    tcase_add_test(batches, gradients_through_batches);
    tcase_add_test(batches, without_memory_for_a_batch);
    tcase_add_test(batches, wrong_loaders);
    suite_add_tcase(suite, batches);

    TCase *progress = tcase_create("progress");
    tcase_add_checked_fixture(progress, support_begin, support_end);
    tcase_add_test(progress, a_bar_on_a_terminal);
    tcase_add_test(progress, no_bar_in_a_pipe);
    suite_add_tcase(suite, progress);
    return suite;
}
