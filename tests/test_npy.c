/* tests/test_npy.c - saving and loading .npy files: what NumPy wrote, what comes back, and files that lie. */
#define _XOPEN_SOURCE 700
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../atled.h"
#include "folder.h"

#define DATA "tests/data/" /* from the repository's root, where make check runs */

static void begin(void) {
    make_folder();
    at_set_error_mode(AT_ERROR_RETURN);
}

static void end(void) {
    at_set_error_mode(AT_ERROR_ABORT);
    remove_folder();
}

/* ---- loading what NumPy wrote ------------------------------------------------------------------------------------ */

static at_tensor *load(const char *name) {
    char path[128];
    snprintf(path, sizeof path, DATA "%s.npy", name);
    at_tensor *t = at_load_npy(path);
    ck_assert_msg(t != NULL, "%s: %s", path, at_error());
    return t;
}

static void check_float32(const char *name, at_shape shape, const float *expected) {
    at_tensor *t = load(name);
    at_shape loaded = at_shape_of(t);
    ck_assert_int_eq(loaded.ndim, shape.ndim);
    ck_assert_int_eq(at_dtype_of(t), AT_FLOAT32);
    for (int64_t i = 0; i < at_numel(t); i++) {
        float x = at_floats(t)[i];
        ck_assert_msg(isnan(expected[i]) ? isnan(x) : x == expected[i] && !signbit(x) == !signbit(expected[i]),
                      "%s: element %d is %g, not %g", name, (int)i, x, expected[i]);
    }
}

static void check_int64(const char *name, const int64_t *expected) {
    at_tensor *t = load(name);
    ck_assert_int_eq(at_dtype_of(t), AT_INT64);
    for (int64_t i = 0; i < at_numel(t); i++)
        ck_assert_msg(at_int64s(t)[i] == expected[i], "%s: element %d", name, (int)i);
}

START_TEST(every_type_in_both_orders_of_bytes) {
    const float reals[] = {0, -1.5f, 3.25f, 1e10f, -INFINITY, NAN};
    check_float32("f4_little", AT_SHAPE(2, 3), reals);
    check_float32("f4_big", AT_SHAPE(2, 3), reals);
    const char *const f8[] = {"f8_little", "f8_big"};
    for (int i = 0; i < 2; i++) {
        const double *x = at_doubles(load(f8[i]));
        for (int k = 0; k < 5; k++) ck_assert(x[k] == (k == 3 ? 1e10 : reals[k]));
        ck_assert(isnan(x[5]));
    }
    const float halves[] = {0, -0.0f, 1, -2.5f, 65504, 0x1p-24f, INFINITY, -INFINITY, NAN};
    check_float32("f2_little", AT_SHAPE(9), halves);
    check_float32("f2_big", AT_SHAPE(9), halves);

    const int64_t i8[] = {1, -2, (INT64_C(1) << 62) + 3, INT64_MIN}, i4[] = {1, -2, INT32_MAX, INT32_MIN};
    const int64_t i2[] = {1, -2, INT16_MAX, INT16_MIN}, i1[] = {1, -2, 127, -128};
    const int64_t u4[] = {1, UINT32_MAX - 1, INT64_C(1) << 31}, u2[] = {1, 65534, 32768}, u1[] = {1, 254, 128};
    check_int64("i8_little", i8), check_int64("i8_big", i8);
    check_int64("i4_little", i4), check_int64("i4_big", i4);
    check_int64("i2_little", i2), check_int64("i2_big", i2);
    check_int64("u4_little", u4), check_int64("u4_big", u4);
    check_int64("u2_little", u2), check_int64("u2_big", u2);
    check_int64("i1", i1), check_int64("u1", u1);

    at_tensor *b1 = load("b1");
    ck_assert(at_ndim(b1) == 2 && at_bools(b1)[0] && !at_bools(b1)[1] && at_bools(b1)[2]);
}
END_TEST

/* Element [i, j, k] is 100 i + 10 j + k. */
static void check_grid(const char *name, at_dtype dtype) {
    at_tensor *t = load(name);
    ck_assert_int_eq(at_dtype_of(t), dtype);
    ck_assert(at_ndim(t) == 3 && at_size(t, 0) == 2 && at_size(t, 1) == 3 && at_size(t, 2) == 4);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 4; k++) ck_assert(at_get(t, i, j, k) == 100 * i + 10 * j + k);
}

START_TEST(orders_and_versions) {
    check_grid("fortran_f4", AT_FLOAT32);
    check_grid("fortran_i2_big", AT_INT64);
    check_grid("version_2", AT_FLOAT64);
    check_grid("version_3", AT_INT64);
    at_tensor *scalar = load("scalar"), *empty = load("empty"), *fortran_empty = load("fortran_empty");
    ck_assert(at_ndim(scalar) == 0 && at_item(scalar) == 2.5);
    ck_assert(at_numel(empty) == 0 && at_size(empty, 2) == 3);
    ck_assert(at_numel(fortran_empty) == 0 && at_size(fortran_empty, 0) == 2);
}
END_TEST

/* ---- saving ------------------------------------------------------------------------------------------------------ */

START_TEST(saves_the_bytes_that_numpy_saves) {
    char numpys[256], ours[256];
    size_t n = read_file(DATA "f4_little.npy", numpys, sizeof numpys);
    ck_assert(at_save_npy(load("f4_big"), in_folder("x.npy")));
    ck_assert_uint_eq(read_file(in_folder("x.npy"), ours, sizeof ours), n);
    ck_assert_mem_eq(ours, numpys, n);
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

static void check_round_trip(at_tensor *t) {
    const char *path = in_folder("x.npy");
    ck_assert_msg(at_save_npy(t, path), "%s", at_error());
    at_tensor *loaded = at_load_npy(path);
    ck_assert_msg(loaded != NULL, "%s", at_error());
    ck_assert_int_eq(at_dtype_of(loaded), at_dtype_of(t));
    ck_assert(at_equal(loaded, t));
}

START_TEST(round_trips) {
    const at_shape shapes[] = {AT_SHAPE_SCALAR,
                               AT_SHAPE(1),
                               AT_SHAPE(7),
                               AT_SHAPE(0),
                               AT_SHAPE(2, 3),
                               AT_SHAPE(3, 0, 2),
                               AT_SHAPE(1, 1, 1, 1, 1, 1, 1, 1),
                               AT_SHAPE(2, 1, 2, 1, 2, 1, 2, 3),
                               AT_SHAPE(300, 1000)};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        AT_SCOPE {
            at_tensor *t = at_normal_shape(0, 10, shapes[i]);
            for (at_dtype dtype = AT_FLOAT32; dtype <= AT_BOOL; dtype++) check_round_trip(at_to(t, dtype));
        }
    check_round_trip(at_transpose(at_rand(3, 4), 0, 1));
    check_round_trip(at_slice(at_rand(10), 0, 1, 9, 3));
    check_round_trip(at_add(at_rand(3, 1), at_rand(4)));
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(the_elements_begin_at_a_multiple_of_64) {
    char bytes[512] = {0};
    for (int64_t n = 1; n < 10000000; n = n * 10 + 1)
        AT_SCOPE {
            ck_assert(at_save_npy(at_zeros(n, 0, n), in_folder("x.npy")));
            size_t size = read_file(in_folder("x.npy"), bytes, sizeof bytes);
            ck_assert(size % 64 == 0 && bytes[size - 1] == '\n' && bytes[8] == (char)(size - 10) && bytes[9] == 0);
        }
}
END_TEST

START_TEST(saving_replaces_a_file_and_keeps_links) {
    ck_assert(at_save_npy(at_ones(3), in_folder("x.npy")));
    char target[512];
    strcpy(target, in_folder("x.npy"));
    ck_assert_int_eq(symlink("x.npy", in_folder("link.npy")), 0);
    ck_assert(at_save_npy(at_zeros(2), in_folder("link.npy")));
    ck_assert_int_eq(at_numel(at_load_npy(target)), 2);
    struct stat status;
    ck_assert_int_eq(lstat(in_folder("link.npy"), &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    mode_t mask = umask(022);
    umask(mask);
    ck_assert_int_eq(stat(target, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0666 & ~mask);
    ck_assert_int_eq(count_files(), 2);
}
END_TEST

static void check_error(at_error_kind kind, const char *message) {
    ck_assert_ptr_nonnull(at_error());
    ck_assert_str_eq(at_error(), message);
    ck_assert_int_eq(at_error_code(), kind);
    at_clear_error();
}

START_TEST(saving_that_fails) {
    at_tensor *t = at_ones(100000);
    ck_assert(!at_save_npy(NULL, in_folder("x.npy")));
    check_error(AT_ERROR_VALUE, "save_npy: t is NULL");
    ck_assert(!at_save_npy(t, NULL));
    check_error(AT_ERROR_VALUE, "save_npy: path is NULL");
    ck_assert(!at_save_npy(t, "/nonexistent/x.npy"));
    check_error(AT_ERROR_IO, "save_npy: \"/nonexistent/x.npy\": No such file or directory");
    ck_assert(!at_save_npy(t, ""));
    check_error(AT_ERROR_IO, "save_npy: \"\": No such file or directory");
    ck_assert(!at_save_npy(t, folder));
    ck_assert_ptr_nonnull(strstr(at_error(), ": Is a directory"));
    at_clear_error();
    ck_assert(!at_save_npy(t, DATA "f4_little.npy/x.npy"));
    check_error(AT_ERROR_IO, "save_npy: \"" DATA "f4_little.npy/x.npy\": Not a directory");
    if (access("/dev/full", W_OK) == 0) {
        ck_assert(!at_save_npy(t, "/dev/full"));
        check_error(AT_ERROR_IO, "save_npy: \"/dev/full\": No space left on device");
    }
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(devices_are_written_to) {
    ck_assert(at_save_npy(at_ones(3), "/dev/null"));
    struct stat status;
    ck_assert_int_eq(stat("/dev/null", &status), 0);
    ck_assert(S_ISCHR(status.st_mode));
}
END_TEST

/* ---- files that are not what they say ---------------------------------------------------------------------------- */

static void check_load_fails(const char *path, const char *part) {
    ck_assert_ptr_null(at_load_npy(path));
    ck_assert_ptr_nonnull(at_error());
    ck_assert_msg(strstr(at_error(), part) != NULL, "\"%s\" is not in the message: %s", part, at_error());
    ck_assert_msg(strncmp(at_error(), "load_npy: \"", 11) == 0, "%s", at_error());
    at_clear_error();
}

START_TEST(loading_that_fails) {
    ck_assert_ptr_null(at_load_npy(NULL));
    check_error(AT_ERROR_VALUE, "load_npy: path is NULL");
    ck_assert_ptr_null(at_load_npy("/nonexistent.npy"));
    check_error(AT_ERROR_IO, "load_npy: \"/nonexistent.npy\": No such file or directory");
    ck_assert_ptr_null(at_load_npy("tests"));
    check_error(AT_ERROR_IO, "load_npy: \"tests\": Is a directory");
    ck_assert_ptr_null(at_load_npy(DATA "complex.npy"));
    check_error(AT_ERROR_DTYPE,
                "load_npy: \"" DATA "complex.npy\": elements of type '<c8': want one of f4 f8 i8 b1 f2 i4 i2 i1 "
                "u4 u2 u1");
    check_load_fails(DATA "u8.npy", "'<u8'");
    check_load_fails(DATA "text.npy", "'<U3'");
    check_load_fails(DATA "record.npy", "byte 10 of the header: want the type of the elements, such as '<f4'");
    check_load_fails(DATA "nine_dimensions.npy", "there can be at most 8 dimensions");
    check_load_fails(DATA "generate_npy.py", "is no .npy file: it does not begin with \\x93NUMPY");
    check_load_fails("/dev/null", "the file ends within the magic and version");
}
END_TEST

START_TEST(every_truncation_of_a_file_is_noticed) {
    const char *const names[] = {DATA "f4_little.npy", DATA "version_2.npy", DATA "fortran_i2_big.npy"};
    char bytes[512] = {0};
    size_t n = read_file(names[_i], bytes, sizeof bytes);
    for (size_t i = 0; i < n; i++) {
        write_file(in_folder("x.npy"), bytes, i);
        ck_assert_ptr_null(at_load_npy(in_folder("x.npy")));
        ck_assert_int_eq(at_error_code(), AT_ERROR_IO);
        at_clear_error();
    }
    write_file(in_folder("x.npy"), bytes, n);
    ck_assert_ptr_nonnull(at_load_npy(in_folder("x.npy")));
    bytes[n] = 0;
    write_file(in_folder("x.npy"), bytes, n + 1);
    check_load_fails(in_folder("x.npy"), "follow");
}
END_TEST

START_TEST(sizes_are_named) {
    char bytes[512] = {0};
    read_file(DATA "f4_little.npy", bytes, sizeof bytes);
    const char *path = in_folder("x.npy");
    write_file(path, bytes, 128 + 20);
    check_load_fails(path, "header says float32 (2, 3), 24 bytes, but 20 follow");
    write_file(path, bytes, 128 + 25);
    check_load_fails(path, "header says float32 (2, 3), 24 bytes, but 25 follow");
    read_file(DATA "i2_big.npy", bytes, sizeof bytes);
    write_file(path, bytes, 128 + 3);
    check_load_fails(path, "header says >i2 (4), 8 bytes, but 3 follow");
}
END_TEST

/* A file of version 1 with that header and some bytes of elements, all 0. */
static void write_npy(const char *path, const char *header, size_t n) {
    char bytes[1024] = "\x93NUMPY\x01";
    size_t length = strlen(header);
    ck_assert(10 + length + n <= sizeof bytes);
    bytes[8] = (char)(length & 0xff);
    bytes[9] = (char)(length >> 8);
    memcpy(bytes + 10, header, length);
    write_file(path, bytes, 10 + length + n);
}

#define WITH_SHAPE(shape) "{'descr': '<f4', 'fortran_order': False, 'shape': " shape "}"

START_TEST(headers_may_be_written_in_any_way_that_python_reads) {
    const char *const headers[] = {
        WITH_SHAPE("(2, 3)"),
        WITH_SHAPE("(2,3,)"),
        "{'shape':(2,3),'fortran_order':False,'descr':'<f4'}",
        "  {  \"descr\" : \"<f4\" , \"fortran_order\" : False , \"shape\" : ( 2 , 3 , ) , }  \n",
        "{'fortran_order': False,\n'descr':\t'=f4',\n'shape': (2, 3)}",
        "{'fortran_order': False,\r\n'descr': '<f4',\r\n'shape': (2, 3)}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        write_npy(in_folder("x.npy"), headers[i], 24);
        at_tensor *t = at_load_npy(in_folder("x.npy"));
        ck_assert_msg(t != NULL, "%s: %s", headers[i], at_error());
        ck_assert(at_ndim(t) == 2 && at_size(t, 0) == 2 && at_size(t, 1) == 3);
    }
    write_npy(in_folder("x.npy"), WITH_SHAPE("(0, 1099511627776)"), 0);
    ck_assert_int_eq(at_numel(at_load_npy(in_folder("x.npy"))), 0);
}
END_TEST

static const struct {
    const char *header, *message;
} malformed[] = {
    {"", "byte 0 of the header: want '{'"},
    {"{", "byte 1 of the header: want 'descr', 'fortran_order' or 'shape', each once"},
    {"{}", "want 'descr' before this"},
    {"[]", "byte 0 of the header: want '{'"},
    {"{'descr'", "byte 8 of the header: want ':'"},
    {"{'descr': ", "want the type of the elements"},
    {"{'descr': '<f4", "want a closing quote"},
    {"{'descr': '<f4\"}", "want a closing quote"},
    {"{'descr': '<f4' 'shape': (2,)}", "byte 16 of the header: want ',' or '}'"},
    {"{'descr': '<f4', 'shape': (2, 3)}", "want 'fortran_order' before this"},
    {"{'descr': '<f4', 'fortran_order': False}", "want 'shape' before this"},
    {"{'fortran_order': False, 'shape': (2, 3)}", "want 'descr' before this"},
    {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
     "byte 17 of the header: want 'descr'"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}", "byte 58 of the header: want 'descr'"},
    {"{'shape': (2, 3), 'descr': '<f4', 'shape': (2, 3)}", "byte 34 of the header: want 'descr'"},
    {"{'fortran_order': False, 'fortran_order': False}", "byte 25 of the header: want 'descr'"},
    {"{'fortran_order': ", "byte 18 of the header: want True or False"},
    {"{'descr\xc3\xa9': '<f4'}", "byte 7 of the header: want 'descr'"},
    {"{'descr\\x20': '<f4'}", "byte 7 of the header: want 'descr'"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (", "byte 51 of the header: want a size of 0 or more"},
    {WITH_SHAPE("(a,)"), "byte 51 of the header: want a size of 0 or more"},
    {"{,}", "byte 1 of the header: want 'descr'"},
    {"{'descr': '<f4',, 'fortran_order': False, 'shape': (2, 3)}", "byte 16 of the header: want 'descr'"},
    {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}", "want True or False"},
    {"{'descr': '<f4', 'fortran_order': Fals", "want True or False"},
    {"{'descr': 4, 'fortran_order': False, 'shape': (2, 3)}", "want the type of the elements"},
    {"{'descr': '', 'fortran_order': False, 'shape': (2, 3)}", "elements of type ''"},
    {"{'descr': 'f4', 'fortran_order': False, 'shape': (2, 3)}", "elements of type 'f4'"},
    {"{'descr': '|f4', 'fortran_order': False, 'shape': (2, 3)}", "elements of type '|f4'"},
    {"{'descr': '<f16', 'fortran_order': False, 'shape': (2, 3)}", "elements of type '<f16'"},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3)}", "elements of type '|O'"},
    {"{'descr': '\x1b[2J', 'fortran_order': False, 'shape': (2, 3)}", "want the type of the elements"},
    {"{'descr': '<f4<f4<f4<f4<f4<f4<f4<f4<f4<f4<f4<f4', 'shape': ()}", "want the type of the elements"},
    {WITH_SHAPE("2"), "byte 50 of the header: want a shape in parentheses"},
    {WITH_SHAPE("[2, 3]"), "want a shape in parentheses"},
    {WITH_SHAPE("(2"), "want ',' or ')'"},
    {WITH_SHAPE("(6)"), "want a shape of one dimension written with a comma"},
    {WITH_SHAPE("(,)"), "want a size of 0 or more"},
    {WITH_SHAPE("(2,,3)"), "want a size of 0 or more"},
    {WITH_SHAPE("(-2, 3)"), "byte 51 of the header: want a size of 0 or more"},
    {WITH_SHAPE("(2.0, 3)"), "want ',' or ')'"},
    {WITH_SHAPE("(2 3)"), "want ',' or ')'"},
    {WITH_SHAPE("(0x2, 3)"), "want ',' or ')'"},
    {WITH_SHAPE("(9223372036854775808,)"), "want a size below 2^63"},
    {WITH_SHAPE("(99999999999999999999999999, 3)"), "want a size below 2^63"},
    {WITH_SHAPE("(9223372036854775807,)"), "more elements than memory can hold"},
    {WITH_SHAPE("(0, 9223372036854775807)"), "more elements than memory can hold"},
    {WITH_SHAPE("(4294967296, 4294967296)"), "more elements than memory can hold"},
    {WITH_SHAPE("(4294967296, 4294967296, 6)"), "more elements than memory can hold"},
    {WITH_SHAPE("(100000000000,)"), "header says float32 (100000000000), 400000000000 bytes, but 24 follow"},
    {WITH_SHAPE("(1,1,1,1,1,1,1,1,1)"), "there can be at most 8 dimensions"},
    {WITH_SHAPE("(2, 3)") "x", "want nothing but spaces"},
    {WITH_SHAPE("(2, 3)") "\n}", "want nothing but spaces"},
    {WITH_SHAPE("(2, 2)"), "header says float32 (2, 2), 16 bytes, but 24 follow"},
    {WITH_SHAPE("()"), "header says float32 (), 4 bytes, but 24 follow"},
    {WITH_SHAPE("(0, 3)"), "header says float32 (0, 3), 0 bytes, but 24 follow"},
};

START_TEST(malformed_headers) {
    write_npy(in_folder("x.npy"), malformed[_i].header, 24);
    check_load_fails(in_folder("x.npy"), malformed[_i].message);
}
END_TEST

START_TEST(every_changed_byte_of_a_header_is_survived) {
    char bytes[512] = {0};
    size_t n = read_file(DATA "fortran_f4.npy", bytes, sizeof bytes);
    const char changes[] = {0, 'x', '9', '\'', ')', '}', (char)0xff};
    for (size_t i = 0; i < 128; i++) {
        for (size_t k = 0; k < sizeof changes; k++)
            AT_SCOPE {
                char kept = bytes[i];
                bytes[i] = changes[k];
                write_file(in_folder("x.npy"), bytes, n);
                at_tensor *t = at_load_npy(in_folder("x.npy"));
                ck_assert((t == NULL) == (at_error() != NULL));
                at_clear_error();
                bytes[i] = kept;
            }
    }
}
END_TEST

START_TEST(wrong_starts) {
    const char *path = in_folder("x.npy");
    write_file(path, "\x93NUMPX\x01\x00", 8);
    check_load_fails(path, "does not begin with \\x93NUMPY");
    write_file(path, "\x93NUMPY\x04\x00", 8);
    check_load_fails(path, "version 4.0: want 1.0, 2.0 or 3.0");
    write_file(path, "\x93NUMPY\x00\x00", 8);
    check_load_fails(path, "version 0.0");
    write_file(path, "\x93NUMPY\x01\x01", 8);
    check_load_fails(path, "version 1.1");
    write_file(path, "\x93NUMPY\x01\x00\xff\xff{}", 12);
    check_load_fails(path, "a header of 65535 bytes: the file ends before that");
    write_file(path, "\x93NUMPY\x02\x00\xff\xff\xff\xff{}", 14);
    check_load_fails(path, "a header of 4294967295 bytes: the file ends before that");
}
END_TEST

/* ---- pipes: files that do not know their length ------------------------------------------------------------------ */

typedef struct {
    const char *path;
    const char *bytes;
    size_t n;
} message;

static void *send_message(void *context) {
    const message *m = context;
    write_file(m->path, m->bytes, m->n);
    return NULL;
}

static at_tensor *load_through_pipe(const char *bytes, size_t n) {
    message m = {in_folder("pipe"), bytes, n};
    unlink(m.path);
    ck_assert_int_eq(mkfifo(m.path, 0600), 0);
    pthread_t sender;
    ck_assert_int_eq(pthread_create(&sender, NULL, send_message, &m), 0);
    at_tensor *t = at_load_npy(m.path);
    pthread_join(sender, NULL);
    return t;
}

static void check_pipe_fails(const char *bytes, size_t n, const char *part) {
    ck_assert_ptr_null(load_through_pipe(bytes, n));
    ck_assert_msg(strstr(at_error(), part) != NULL, "\"%s\" is not in the message: %s", part, at_error());
    at_clear_error();
}

START_TEST(pipes) {
    char bytes[512] = {0};
    size_t n = read_file(DATA "f4_little.npy", bytes, sizeof bytes);
    at_tensor *t = load_through_pipe(bytes, n);
    ck_assert_msg(t != NULL, "%s", at_error());
    ck_assert(at_get(t, 0, 2) == 3.25);
    check_pipe_fails(bytes, n - 1, "header says float32 (2, 3), 24 bytes, but 23 follow");
    check_pipe_fails(bytes, n + 1, "header says float32 (2, 3), 24 bytes, but at least 25 follow");
    check_pipe_fails(bytes, 100, "the file ends within the header");
    check_pipe_fails("\x93NUMPY\x02\x00\xff\xff\xff\xff{}", 14, "a header of 4294967295 bytes: want 65536 at most");

    write_npy(in_folder("x.npy"), WITH_SHAPE("(500000000000000000,)"), 24); /* more than any memory, were it believed */
    n = read_file(in_folder("x.npy"), bytes, sizeof bytes);
    check_pipe_fails(bytes, n, "2000000000000000000 bytes, but 24 follow");
}
END_TEST

START_TEST(a_long_message_through_a_pipe) {
    const int64_t n = 1000001; /* more than the first portion that is read */
    at_tensor *t = at_randint(0, 1000, n);
    ck_assert(at_save_npy(t, in_folder("x.npy")));
    size_t most = (size_t)n * 8 + 1024;
    char *bytes = malloc(most);
    size_t size = read_file(in_folder("x.npy"), bytes, most);
    at_tensor *loaded = load_through_pipe(bytes, size);
    ck_assert(loaded != NULL && at_equal(loaded, t));
    free(bytes);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name) {
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, begin, end);
    suite_add_tcase(suite, tests);
    return tests;
}

Suite *npy_suite(void);
Suite *npy_suite(void) {
    Suite *suite = suite_create("npy");
    TCase *tests = add_case(suite, "loading");
    tcase_add_test(tests, every_type_in_both_orders_of_bytes);
    tcase_add_test(tests, orders_and_versions);
    tests = add_case(suite, "saving");
    tcase_add_test(tests, saves_the_bytes_that_numpy_saves);
    tcase_add_test(tests, round_trips);
    tcase_add_test(tests, the_elements_begin_at_a_multiple_of_64);
    tcase_add_test(tests, saving_replaces_a_file_and_keeps_links);
    tcase_add_test(tests, saving_that_fails);
    tcase_add_test(tests, devices_are_written_to);
    tests = add_case(suite, "errors");
    tcase_add_test(tests, loading_that_fails);
    tcase_add_loop_test(tests, every_truncation_of_a_file_is_noticed, 0, 3);
    tcase_add_test(tests, sizes_are_named);
    tcase_add_test(tests, headers_may_be_written_in_any_way_that_python_reads);
    tcase_add_loop_test(tests, malformed_headers, 0, sizeof malformed / sizeof *malformed);
    tcase_add_test(tests, every_changed_byte_of_a_header_is_survived);
    tcase_add_test(tests, wrong_starts);
    tests = add_case(suite, "pipes");
    tcase_add_test(tests, pipes);
    tcase_add_test(tests, a_long_message_through_a_pipe);
    return suite;
}
