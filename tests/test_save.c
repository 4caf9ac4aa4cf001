/* tests/test_save.c - files of tensors in the safetensors format, modules, and trainings that go on from a file. */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#define DATA "tests/data/" /* from the repository's root, where make check runs */

/* ---- a folder for each test -------------------------------------------------------------------------------------- */

static char folder[64];

static const char *in_folder(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void begin(void) {
    strcpy(folder, "/tmp/atled-save-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    support_begin();
}

static int count_files(void) {
    DIR *entries = opendir(folder);
    ck_assert_ptr_nonnull(entries);
    int count = -2; /* . and .. */
    while (readdir(entries)) count++;
    closedir(entries);
    return count;
}

static void end(void) {
    support_end();
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) unlink(in_folder(entry->d_name));
    closedir(entries);
    ck_assert_int_eq(rmdir(folder), 0);
}

static size_t read_file(const char *path, char *bytes, size_t most) {
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "no file %s", path);
    size_t n = fread(bytes, 1, most, file);
    fclose(file);
    return n;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static at_tensor_file *open_file(const char *path) {
    at_tensor_file *file = at_tensor_file_open(path);
    ck_assert_msg(file != NULL, "%s: %s", path, at_error());
    return file;
}

static const double reals[] = {0, -1.5, 3.25, 1e10, -INFINITY, NAN};
static const int64_t integers[] = {1, -2, (INT64_C(1) << 62) + 3, INT64_MIN};

static void check_written_types(at_tensor_file *file) {
    at_tensor *f32 = at_tensor_file_get(file, "f32"), *f64 = at_tensor_file_get(file, "f64");
    EXPECT(f32, 0, -1.5, 3.25, 1e10, -INFINITY, NAN);
    EXPECT(f64, 0, -1.5, 3.25, 1e10, -INFINITY, NAN);
    ck_assert(at_dtype_of(f32) == AT_FLOAT32 && at_size(f32, 0) == 2 && at_size(f32, 1) == 3);
    ck_assert(at_dtype_of(f64) == AT_FLOAT64 && at_size(f64, 0) == 3);
    at_tensor *i64 = at_tensor_file_get(file, "i64"), *bools = at_tensor_file_get(file, "bool");
    ck_assert(at_dtype_of(i64) == AT_INT64 && memcmp(at_int64s(i64), integers, sizeof integers) == 0);
    ck_assert(at_dtype_of(bools) == AT_BOOL && at_ndim(bools) == 2);
    EXPECT(bools, 1, 0, 1);
    ck_assert_int_eq(at_ndim(at_tensor_file_get(file, "scalar")), 0);
    ck_assert(at_item(at_tensor_file_get(file, "scalar")) == 2.5);
    at_tensor *empty = at_tensor_file_get(file, "empty");
    ck_assert(at_size(empty, 0) == 0 && at_size(empty, 1) == 3);
    EXPECT(at_tensor_file_get(file, "größe"), 1);
    ck_assert_str_eq(at_tensor_file_remark(file, "note"), "Ünïcode \"quoted\"");
    ck_assert_ptr_null(at_tensor_file_remark(file, "none"));
}

static void check_int64s(at_tensor_file *file, const char *name, int n, const int64_t *expected) {
    at_tensor *t = at_tensor_file_get(file, name);
    ck_assert_msg(t && at_dtype_of(t) == AT_INT64 && at_numel(t) == n, "%s", name);
    for (int i = 0; i < n; i++) ck_assert_msg(at_int64s(t)[i] == expected[i], "%s: element %d", name, i);
}

START_TEST(what_python_wrote) {
    at_tensor_file *file = open_file(DATA "python.safetensors");
    ck_assert_int_eq(at_tensor_file_count(file), 15);
    check_written_types(file);
    at_tensor *f16 = at_tensor_file_get(file, "f16");
    EXPECT(f16, 0, -0.0, 1, -2.5, 65504, 0x1p-24, INFINITY, -INFINITY, NAN);
    ck_assert(at_dtype_of(f16) == AT_FLOAT32 && signbit(at_floats(f16)[1]));
    EXPECT(at_tensor_file_get(file, "bf16"), 1, -2.5, 0.15625, INFINITY);
    check_int64s(file, "i32", 4, (const int64_t[]){1, -2, INT32_MAX, INT32_MIN});
    check_int64s(file, "i16", 4, (const int64_t[]){1, -2, INT16_MAX, INT16_MIN});
    check_int64s(file, "i8", 4, (const int64_t[]){1, -2, 127, -128});
    check_int64s(file, "u32", 3, (const int64_t[]){1, UINT32_MAX - 1, INT64_C(1) << 31});
    check_int64s(file, "u16", 3, (const int64_t[]){1, 65534, 32768});
    check_int64s(file, "u8", 3, (const int64_t[]){1, 254, 128});
    int found = at_tensor_file_find(file, "i32");
    ck_assert_str_eq(at_tensor_file_name(file, found), "i32");
    ck_assert(at_tensor_file_dtype(file, found) == AT_INT64 && at_tensor_file_shape(file, found).dim[0] == 4);
    ck_assert_int_eq(at_tensor_file_find(file, "i33"), -1);
    ck_assert_ptr_null(at_error());
    at_tensor_file_close(file);
}
END_TEST

static bool save_all_types(const char *path) {
    const float floats[] = {0, -1.5f, 3.25f, 1e10f, -INFINITY, NAN};
    const at_named_tensor list[] = {
        {"bool", at_from_bools(((bool[]){true, false, true}), 1, 3)},
        {"f32", at_from_floats(floats, 2, 3)},
        {"f64", at_from_doubles(reals, 3, 2)},
        {"i64", at_from_int64s(integers, 4)},
        {"scalar", at_scalar(2.5)},
        {"empty", at_zeros(0, 3)},
        {"größe", at_ones(1)},
    };
    const at_remark remarks[] = {{"format", "np"}, {"note", "Ünïcode \"quoted\""}};
    return at_save_tensors(path, list, 7, .remarks = remarks, .n_remarks = 2);
}

/* tests/data/atled.safetensors has been read by the Python package: see generate_safetensors.py there. Written again
 * with ATLED_SNAPSHOT=update. */
START_TEST(the_bytes_that_python_has_read) {
    const char *path = in_folder("all.safetensors"), *snapshot = getenv("ATLED_SNAPSHOT");
    if (snapshot && strcmp(snapshot, "update") == 0) ck_assert(save_all_types(DATA "atled.safetensors"));
    ck_assert_msg(save_all_types(path), "%s", at_error());
    ck_assert_int_eq(count_files(), 1);
    static char written[4096], wanted[4096];
    size_t n = read_file(path, written, sizeof written), m = read_file(DATA "atled.safetensors", wanted, sizeof wanted);
    ck_assert(n == m && memcmp(written, wanted, n) == 0);
    at_tensor_file *file = open_file(path);
    ck_assert_int_eq(at_tensor_file_count(file), 7);
    ck_assert_str_eq(at_tensor_file_name(file, 0), "f64"); /* the widest first */
    check_written_types(file);
    at_tensor_file_close(file);
}
END_TEST

START_TEST(layouts_and_pending_tensors) {
    at_tensor *x = at_from_floats(((float[]){1, 2, 3, 4, 5, 6}), 2, 3);
    const at_named_tensor list[] = {{"turned", at_transpose(x, 0, 1)},
                                    {"sum", at_add(x, 1)},
                                    {"row", at_expand(at_slice(x, 0, 0, 1, 1), 2, 3)}};
    const char *path = in_folder("t.safetensors");
    ck_assert(at_save_tensors(path, list, 3));
    at_tensor_file *file = open_file(path);
    EXPECT(at_tensor_file_get(file, "turned"), 1, 4, 2, 5, 3, 6);
    EXPECT(at_tensor_file_get(file, "sum"), 2, 3, 4, 5, 6, 7);
    EXPECT(at_tensor_file_get(file, "row"), 1, 2, 3, 1, 2, 3);
    at_tensor_file_close(file);
    ck_assert(at_save_tensors(path, NULL, 0)); /* takes the place of the other */
    file = open_file(path);
    ck_assert_int_eq(at_tensor_file_count(file), 0);
    at_tensor_file_close(file);
}
END_TEST

START_TEST(what_cannot_be_saved) {
    const char *path = in_folder("t.safetensors");
    at_tensor *x = at_ones(2);
    const at_named_tensor twice[] = {{"a", x}, {"b", x}, {"a", x}}, reserved[] = {{"__metadata__", x}};
    const at_named_tensor bytes[] = {{"\xff", x}}, nothing[] = {{"a", x}, {"b", NULL}}, nameless[] = {{NULL, x}};
    EXPECT_ERROR(at_save_tensors(path, twice, 3), AT_ERROR_VALUE, "two entries are named \"a\"");
    EXPECT_ERROR(at_save_tensors(path, reserved, 1), AT_ERROR_VALUE, "__metadata__");
    EXPECT_ERROR(at_save_tensors(path, bytes, 1), AT_ERROR_VALUE, "is not UTF-8");
    EXPECT_ERROR(at_save_tensors(path, nothing, 2), AT_ERROR_VALUE, "list[1] is NULL");
    EXPECT_ERROR(at_save_tensors(path, nameless, 1), AT_ERROR_VALUE, "a name is NULL");
    EXPECT_ERROR(at_save_tensors(path, NULL, 1), AT_ERROR_VALUE, "no list of 1 tensors");
    EXPECT_ERROR(at_save_tensors(NULL, twice, 1), AT_ERROR_VALUE, "path is NULL");
    const at_remark same[] = {{"k", "1"}, {"k", "2"}}, broken[] = {{"k", "\x80"}}, keys[] = {{"\x80", "v"}};
    EXPECT_ERROR(at_save_tensors(path, twice, 1, .remarks = same, .n_remarks = 2), AT_ERROR_VALUE, "two remarks");
    EXPECT_ERROR(at_save_tensors(path, twice, 1, .remarks = broken, .n_remarks = 1), AT_ERROR_VALUE, "is not UTF-8");
    EXPECT_ERROR(at_save_tensors(path, twice, 1, .remarks = keys, .n_remarks = 1), AT_ERROR_VALUE, "is not UTF-8");
    EXPECT_ERROR(at_save_tensors("/nowhere/t", twice, 1), AT_ERROR_IO, "No such file");
    ck_assert_int_eq(count_files(), 0);
    if (access("/dev/full", W_OK) == 0)
        EXPECT_ERROR(at_save_tensors("/dev/full", twice, 1), AT_ERROR_IO, "No space left");
}
END_TEST

/* ---- files that lie ---------------------------------------------------------------------------------------------- */

/* Opens a file of that header, said to be so long, and n bytes of elements. */
static bool open_header(const char *header, uint64_t length, size_t n) {
    const char *path = in_folder("lie.safetensors");
    FILE *file = fopen(path, "wb");
    for (int i = 0; i < 8; i++) putc((int)(length >> 8 * i & 0xff), file);
    fputs(header, file);
    for (size_t i = 0; i < n; i++) putc('x', file);
    fclose(file);
    at_tensor_file *opened = at_tensor_file_open(path);
    at_tensor_file_close(opened);
    return opened != NULL;
}

#define F32(name, shape, begin, end)                                                                                   \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static const struct {
    const char *header;
    size_t bytes;
    const char *text; /* of the error; NULL where there is none */
} headers[] = {
    {"{}", 0, NULL},
    {"{}   ", 0, NULL},
    {"{" F32("a", "[2]", "0", "8") "}", 8, NULL},
    {"{" F32("b", "[1]", "4", "8") "," F32("a", "[]", "0", "4") "," F32("c", "[3,0]", "4", "4") "}", 8, NULL},
    {"{\"__metadata__\":{\"a\":\"b\"}}", 0, NULL},
    {"", 0, "does not begin with {"},
    {" {}", 0, "does not begin with {"},
    {"[]", 0, "does not begin with {"},
    {"{", 0, "of its header"},
    {"{}x", 0, "of its header"},
    {"{\"a\":", 0, "of its header"},
    {"{\"\xff\":1}", 0, "of its header"},
    {"{\"a\\u0000b\":1}", 0, "of its header"},
    {"{" F32("a", "[1]", "0", "4") "," F32("a", "[1]", "4", "8") "}", 8, "duplicate"},
    {"{\"a\":1}", 0, "want an object"},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "want a \"dtype\""},
    {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "want a \"dtype\""},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "want a \"shape\""},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "want \"data_offsets\""},
    {"{" F32("a", "1", "0", "4") "}", 4, "want a \"shape\""},
    {"{" F32("a", "[-1]", "0", "4") "}", 4, "want a \"shape\""},
    {"{" F32("a", "[1.0]", "0", "4") "}", 4, "want a \"shape\""},
    {"{" F32("a", "[\"1\"]", "0", "4") "}", 4, "want a \"shape\""},
    {"{" F32("a", "[true]", "0", "4") "}", 4, "want a \"shape\""},
    {"{" F32("a", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, "want a \"shape\""},
    {"{" F32("a", "[99999999999999999999]", "0", "4") "}", 4, "of its header"},
    {"{" F32("a", "[4611686018427387904]", "0", "4") "}", 4, "more elements than memory"},
    {"{" F32("a", "[4294967296,4294967296]", "0", "4") "}", 4, "more elements than memory"},
    {"{" F32("a", "[1]", "-4", "0") "}", 4, "want \"data_offsets\""},
    {"{" F32("a", "[1]", "0", "4.5") "}", 4, "want \"data_offsets\""},
    {"{" F32("a", "[1]", "0,4", "8") "}", 8, "want \"data_offsets\""},
    {"{" F32("a", "[1]", "4", "0") "}", 4, "data_offsets are 4 and 0"},
    {"{" F32("a", "[1]", "0", "8") "}", 8, "its shape (1) needs 4 bytes, its data_offsets are 0 and 8"},
    {"{" F32("a", "[2]", "0", "8") "}", 7, "and the file has 7 bytes"},
    {"{" F32("a", "[2]", "0", "8") "}", 9, "1 bytes at its end belong to no tensor"},
    {"{" F32("a", "[1]", "4", "8") "}", 8, "bytes before its own"},
    {"{" F32("a", "[2]", "0", "8") "," F32("b", "[1]", "4", "8") "}", 8, "\"b\": its bytes overlap"},
    {"{\"__metadata__\":[]}", 0, "want a __metadata__ of texts"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "want a __metadata__ of texts"},
};

START_TEST(headers_that_lie) {
    const char *text = headers[_i].text;
    bool opened = open_header(headers[_i].header, strlen(headers[_i].header), headers[_i].bytes);
    if (text)
        EXPECT_ERROR(opened, AT_ERROR_IO, text);
    else
        ck_assert_msg(opened, "%s: %s", headers[_i].header, at_error());
}
END_TEST

START_TEST(other_files_that_lie) {
    const char *eights = "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}";
    EXPECT_ERROR(open_header(eights, strlen(eights), 1), AT_ERROR_DTYPE, "elements of type F8_E4M3: want one of F32");
    EXPECT_ERROR(open_header("{}", 3, 0), AT_ERROR_IO, "a header of 3 bytes: the file ends before that");
    EXPECT_ERROR(open_header("{}", UINT64_MAX, 0), AT_ERROR_IO, "a header of 18446744073709551615 bytes");
    EXPECT_ERROR(at_tensor_file_open("/nowhere/t"), AT_ERROR_IO, "\"/nowhere/t\": No such file");
    EXPECT_ERROR(at_tensor_file_open(folder), AT_ERROR_IO, "is no file");
    EXPECT_ERROR(at_tensor_file_open(NULL), AT_ERROR_VALUE, "path is NULL");
    const char *path = in_folder("short");
    FILE *file = fopen(path, "wb");
    fputs("\2\0\0", file);
    fclose(file);
    EXPECT_ERROR(at_tensor_file_open(path), AT_ERROR_IO, "the file ends within the length of its header");
    static char deep[100001];
    memset(deep, '[', 100000);
    memcpy(deep, "{\"a\":", 5);
    EXPECT_ERROR(open_header(deep, 100000, 0), AT_ERROR_IO, "maximum parsing depth");
    file = fopen(in_folder("huge"), "wb"); /* a file with a hole: 100 MB and more of a header */
    for (int i = 0; i < 8; i++) putc("\xff\xff\xff\x07\0\0\0\0"[i], file);
    ck_assert_int_eq(fseek(file, 0x8000100, SEEK_SET), 0);
    putc('x', file);
    fclose(file);
    EXPECT_ERROR(at_tensor_file_open(in_folder("huge")), AT_ERROR_IO, "want 100000000 at most");
}
END_TEST

/* Whatever byte of a good file is changed or missing, it is read or refused, and nothing worse happens. */
START_TEST(a_damaged_file) {
    static char whole[8192];
    const char *path = in_folder("damaged");
    size_t n = read_file(DATA "python.safetensors", whole, sizeof whole);
    int refused = 0;
    for (size_t i = 0; i < 2 * n; i++) {
        char kept = whole[i / 2];
        if (i % 2) whole[i / 2] = (char)(kept ^ 1 << i / 2 % 8);
        FILE *file = fopen(path, "wb");
        fwrite(whole, 1, i % 2 ? n : i / 2, file);
        fclose(file);
        whole[i / 2] = kept;
        at_tensor_file *opened = at_tensor_file_open(path);
        for (int k = 0; opened && k < at_tensor_file_count(opened); k++)
            AT_SCOPE
                at_tensor_file_read(opened, k);
        if (!opened && at_error()) refused++;
        at_clear_error();
        at_tensor_file_close(opened);
    }
    ck_assert_int_gt(refused, (int)n); /* every shorter file, and most damaged headers */
}
END_TEST

START_TEST(wrong_calls_on_files) {
    at_tensor_file *file = open_file(DATA "python.safetensors");
    EXPECT_ERROR(at_tensor_file_get(file, "none"), AT_ERROR_VALUE, "has no tensor \"none\"");
    EXPECT_ERROR(at_tensor_file_read(file, 15), AT_ERROR_VALUE, "tensor 15 of the 15");
    EXPECT_ERROR(at_tensor_file_name(file, -1), AT_ERROR_VALUE, "tensor -1");
    EXPECT_ERROR(at_tensor_file_shape(file, 99).ndim >= 0, AT_ERROR_VALUE, "tensor 99");
    EXPECT_ERROR(at_tensor_file_get(file, NULL), AT_ERROR_VALUE, "name is NULL");
    EXPECT_ERROR(at_tensor_file_get(NULL, "a"), AT_ERROR_VALUE, "file is NULL");
    EXPECT_ERROR(at_tensor_file_remark(file, NULL), AT_ERROR_VALUE, "key is NULL");
    EXPECT_ERROR(at_tensor_file_count(NULL) >= 0, AT_ERROR_VALUE, "file is NULL");
    EXPECT_ERROR(at_tensor_file_find(NULL, "a") >= 0, AT_ERROR_VALUE, "file is NULL");
    at_tensor_file_close(file);
    at_tensor_file_close(NULL);
    const char *path = in_folder("t");
    ck_assert(at_save_tensors(path, ((at_named_tensor[]){{"a", at_ones(1000)}}), 1));
    file = open_file(path);
    ck_assert_int_eq(truncate(path, 100), 0);
    EXPECT_ERROR(at_tensor_file_get(file, "a"), AT_ERROR_IO, "the file has become shorter");
    at_tensor_file_close(file);
}
END_TEST

/* ---- the suite --------------------------------------------------------------------------------------------------- */

Suite *save_suite(void);

Suite *save_suite(void) {
    Suite *suite = suite_create("save");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, begin, end);
    tcase_add_test(files, what_python_wrote);
    tcase_add_test(files, the_bytes_that_python_has_read);
    tcase_add_test(files, layouts_and_pending_tensors);
    tcase_add_test(files, what_cannot_be_saved);
    tcase_add_loop_test(files, headers_that_lie, 0, (int)(sizeof headers / sizeof *headers));
    tcase_add_test(files, other_files_that_lie);
    tcase_add_test(files, a_damaged_file);
    tcase_add_test(files, wrong_calls_on_files);
    suite_add_tcase(suite, files);
    return suite;
}
