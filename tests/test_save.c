/* tests/test_save.c - files of tensors in the safetensors format, modules, and trainings that go on from a file. */
#define _XOPEN_SOURCE 700
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "support.h"

#define DATA "tests/data/" /* from the repository's root, where make check runs */

static void begin(void) {
    make_folder();
    support_begin();
}

static void end(void) {
    support_end();
    remove_folder();
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

START_TEST(more_bytes_than_can_be_counted) {
    at_tensor *large = at_expand(at_to(at_ones(1), AT_FLOAT64), INT64_C(1) << 58);
    at_named_tensor list[] = {{"a", large}, {"b", large}, {"c", large}, {"d", large}};
    EXPECT_ERROR(at_save_tensors(in_folder("t"), list, 4), AT_ERROR_SHAPE,
                 "\"d\" is float64 (288230376151711744): more");
    ck_assert_int_eq(count_files(), 0);
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
    EXPECT_ERROR(at_save_tensors(path, NULL, 1), AT_ERROR_VALUE, "save_tensors: list is NULL");
    EXPECT_ERROR(at_save_tensors(path, NULL, -1), AT_ERROR_VALUE, "save_tensors: n is -1: must not be negative");
    EXPECT_ERROR(at_save_tensors(NULL, twice, 1), AT_ERROR_VALUE, "path is NULL");
    const at_remark same[] = {{"k", "1"}, {"k", "2"}}, broken[] = {{"k", "\x80"}}, keys[] = {{"\x80", "v"}};
    EXPECT_ERROR(at_save_tensors(path, twice, 1, .remarks = same, .n_remarks = 2), AT_ERROR_VALUE, "two remarks");
    EXPECT_ERROR(at_save_tensors(path, twice, 1, .remarks = broken, .n_remarks = 1), AT_ERROR_VALUE, "is not UTF-8");
    EXPECT_ERROR(at_save_tensors(path, twice, 1, .remarks = keys, .n_remarks = 1), AT_ERROR_VALUE, "is not UTF-8");
    EXPECT_ERROR(at_save_tensors("/nowhere/t", twice, 1), AT_ERROR_IO, "No such file");
    EXPECT_ERROR(at_save_tensors(path, twice, -1), AT_ERROR_VALUE, "n is -1: must not be negative");
    EXPECT_ERROR(at_save_tensors(path, NULL, 2), AT_ERROR_VALUE, "save_tensors: list is NULL");
    at_remark half[] = {{"key", NULL}, {NULL, "text"}};
    EXPECT_ERROR(at_save_tensors(path, twice, 1, .remarks = half, .n_remarks = 1), AT_ERROR_VALUE, "a remark is NULL");
    EXPECT_ERROR(at_save_tensors(path, twice, 1, .remarks = half + 1, .n_remarks = 1), AT_ERROR_VALUE,
                 "a remark is NULL");
    size_t length = 17000000; /* control characters take six bytes each in JSON */
    char *text = malloc(length + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 1, length), text[length] = '\0';
    EXPECT_ERROR(at_save_tensors(path, twice, 1, .remarks = &(at_remark){"text", text}, .n_remarks = 1), AT_ERROR_VALUE,
                 "bytes: want 99999992 at most");
    free(text);
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
    {"{\"__metadata__\":{\"a\":1,\"b\":\"c\"}}", 0, "want a __metadata__ of texts"},
    {"{\"__metadata__\":1}", 0, "want a __metadata__ of texts"},
    {"{\"a\":[]}", 0, "want an object"},
    {"{" F32("a", "[4611686018427387904,2]", "0", "4") "}", 4, "more elements than memory"},
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

/* Tensors of nothing may begin at the same place: they come in the order of their names. */
START_TEST(several_tensors_of_nothing) {
    const char *header =
        "{" F32("c", "[0]", "0", "0") "," F32("a", "[3,0]", "0", "0") "," F32("b", "[1]", "0", "4") "}";
    ck_assert_msg(open_header(header, strlen(header), 4), "%s", at_error());
    at_tensor_file *file = open_file(in_folder("lie.safetensors"));
    for (int i = 0; i < 3; i++) ck_assert_str_eq(at_tensor_file_name(file, i), ((const char *[]){"a", "c", "b"})[i]);
    at_tensor_file_close(file);
}
END_TEST

static void *refuse(size_t bytes) {
    (void)bytes;
    return NULL;
}

/* Headers whose parts take as much memory as parts of that length can: all of it is there before they are read. */
START_TEST(reading_a_header_asks_for_no_more_memory) {
    static const char *const parts[] = {"{},",          "[],",   "[[]],", "[1],", "{\"\":{}},",
                                        "{\"\":\"\"},", "\"\",", "0,",    "1e5,", "null,"};
    static char header[50002];
    json_malloc_t allocate;
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n = strlen(strcpy(header, "{\"a\":["));
        while (n < 50000 - 20) n += strlen(strcpy(header + n, parts[i]));
        strcpy(header + n - 1, "]}");
        json_set_alloc_funcs(refuse, release);
        EXPECT_ERROR(open_header(header, strlen(header), 0), AT_ERROR_IO, "tensor \"a\": want an object");
        json_set_alloc_funcs(allocate, release);
    }
    size_t n = strlen(strcpy(header, "{"));
    for (int i = 0; n < 50000 - 20; i++) n += (size_t)sprintf(header + n, "\"%x\":0,", i);
    strcpy(header + n - 1, "}");
    json_set_alloc_funcs(refuse, release);
    EXPECT_ERROR(open_header(header, strlen(header), 0), AT_ERROR_IO, "want an object");
    json_set_alloc_funcs(allocate, release);
}
END_TEST

START_TEST(other_files_that_lie) {
    const char *eights = "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}";
    EXPECT_ERROR(open_header(eights, strlen(eights), 1), AT_ERROR_DTYPE, "elements of type F8_E4M3: want one of F32");
    EXPECT_ERROR(open_header("{}", 3, 0), AT_ERROR_IO, "a header of 3 bytes: the file ends before that");
    EXPECT_ERROR(open_header("{}", UINT64_MAX, 0), AT_ERROR_IO, "a header of 18446744073709551615 bytes");
    EXPECT_ERROR(at_tensor_file_open("/nowhere/t"), AT_ERROR_IO, "\"/nowhere/t\": No such file");
    EXPECT_ERROR(at_tensor_file_open(folder), AT_ERROR_IO, "is no regular file");
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
    EXPECT_ERROR(at_tensor_file_dtype(file, 99) != AT_FLOAT32, AT_ERROR_VALUE, "tensor 99");
    EXPECT_ERROR(at_tensor_file_find(file, NULL) >= 0, AT_ERROR_VALUE, "name is NULL");
    EXPECT_ERROR(at_tensor_file_remark(NULL, "a"), AT_ERROR_VALUE, "file is NULL");
    EXPECT_ERROR(at_tensor_file_read(NULL, 0), AT_ERROR_VALUE, "file is NULL");
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
    static char whole[8192]; /* elements of every type, converted and as they are */
    size_t n = read_file(DATA "python.safetensors", whole, sizeof whole);
    FILE *copy = fopen(path, "wb");
    fwrite(whole, 1, n, copy);
    fclose(copy);
    file = open_file(path);
    ck_assert_int_eq(truncate(path, 100), 0);
    for (int i = 0; i < at_tensor_file_count(file); i++) {
        at_tensor *t = at_tensor_file_read(file, i);
        ck_assert_msg(t ? at_numel(t) == 0 : at_error_code() == AT_ERROR_IO, "%s", at_tensor_file_name(file, i));
        at_clear_error();
    }
    at_tensor_file_close(file);
}
END_TEST

/* ---- modules ----------------------------------------------------------------------------------------------------- */

typedef struct {
    at_module module;
    at_linear *first, *second;
    at_tensor *steps;
} model;

static model *model_new(int64_t hiddens) {
    model *self = at_module_new(sizeof *self, "Model");
    self->first = at_linear_new(3, hiddens);
    self->second = at_linear_new(hiddens, 2);
    ck_assert(at_module_child(&self->module, "first", &self->first->module));
    ck_assert(at_module_child(&self->module, "second", &self->second->module));
    ck_assert(at_module_buffer(&self->module, "steps", &self->steps, at_from_int64s(((int64_t[]){7}), 1)));
    return self;
}

START_TEST(a_module) {
    const char *path = in_folder("m.safetensors");
    at_manual_seed(1);
    model *a = model_new(4), *b = model_new(4);
    at_assign(&a->steps, at_from_int64s(((int64_t[]){8}), 1));
    ck_assert_msg(at_save_module(&a->module, path), "%s", at_error());
    at_tensor *before = b->first->weight;
    ck_assert_msg(at_load_module(&b->module, path), "%s", at_error());
    ck_assert_ptr_eq(b->first->weight, before); /* the tensor that optimizers hold */
    ck_assert(at_requires_grad(b->first->weight));
    ck_assert(at_equal(a->first->weight, b->first->weight) && at_equal(a->second->bias, b->second->bias));
    EXPECT(b->steps, 8);
    at_tensor_file *file = open_file(path);
    ck_assert_int_eq(at_tensor_file_count(file), 5);
    ck_assert(at_equal(at_tensor_file_get(file, "second.weight"), a->second->weight));
    at_tensor_file_close(file);
    at_module_free(&a->module), at_module_free(&b->module);
}
END_TEST

/* Differs from model_new(4) in each way: saves it, and returns what the module had before. */
static const char *save_other(model *m) {
    const char *path = in_folder("other.safetensors");
    const at_named_tensor list[] = {{"first.weight", at_full(3, 4, 3)},
                                    {"first.bias", at_ones(5)},
                                    {"second.weight", at_to(at_ones(2, 4), AT_FLOAT64)},
                                    {"steps", m->steps},
                                    {"third", at_ones(1)}};
    ck_assert(at_save_tensors(path, list, 5));
    return path;
}

START_TEST(a_file_that_does_not_fit) {
    model *m = model_new(4);
    at_tensor *weight = at_detach(m->first->weight);
    char path[128];
    strcpy(path, save_other(m));
    ck_assert(!at_load_module(&m->module, path));
    const char *const lines[] = {"1 missing, 1 unexpected, 2 mismatched", "missing: second.bias, float32 (2)",
                                 "unexpected: third, float32 (1)",
                                 "mismatched: first.bias, float32 (5) in the file, float32 (4) here",
                                 "mismatched: second.weight, float64 (2, 4) in the file, float32 (2, 4) here"};
    for (int i = 0; i < 5; i++) ck_assert_msg(strstr(at_error(), lines[i]) != NULL, "%s\n%s", lines[i], at_error());
    at_clear_error();
    ck_assert(at_equal(m->first->weight, weight)); /* which fits, but nothing changes */

    static char told[2000];
    FILE *report = fopen(in_folder("report"), "w+");
    ck_assert_msg(at_load_module(&m->module, path, .partial = true, .report = report), "%s", at_error());
    rewind(report);
    told[fread(told, 1, sizeof told - 1, report)] = '\0';
    fclose(report);
    for (int i = 0; i < 5; i++) ck_assert_msg(strstr(told, lines[i]) != NULL, "%s\n%s", lines[i], told);
    EXPECT(at_select(m->first->weight, 0, 0), 3, 3, 3);
    ck_assert(at_dtype_of(m->second->weight) == AT_FLOAT32);

    EXPECT_ERROR(at_load_module(&m->module, path, .prefix = "model."), AT_ERROR_VALUE, "5 missing, 0 unexpected");
    EXPECT_ERROR(at_load_module(NULL, path), AT_ERROR_VALUE, "module is NULL");
    EXPECT_ERROR(at_load_module(&m->module, NULL), AT_ERROR_VALUE, "path is NULL");
    EXPECT_ERROR(at_load_module(&m->module, in_folder("none")), AT_ERROR_IO, "load_module: ");
    EXPECT_ERROR(at_save_module(NULL, path), AT_ERROR_VALUE, "module is NULL");
    EXPECT_ERROR(at_save_module(&m->module, NULL), AT_ERROR_VALUE, "path is NULL");
    at_module_free(&m->module);
}
END_TEST

/* ---- the generator ----------------------------------------------------------------------------------------------- */

START_TEST(random_states) {
    at_manual_seed(3);
    at_rand(1000);
    at_randn(3); /* leaves a spare */
    at_tensor *state = at_random_state(), *next = at_randn(5), *more = at_rand(700);
    at_manual_seed(4);
    ck_assert(at_set_random_state(state));
    ck_assert(at_equal(at_randn(5), next) && at_equal(at_rand(700), more));
    ck_assert(at_set_random_state(state));
    EXPECT_ERROR(at_set_random_state(NULL), AT_ERROR_VALUE, "state is NULL");
    EXPECT_ERROR(at_set_random_state(at_ones(627)), AT_ERROR_SHAPE, "float32 (627)");
    EXPECT_ERROR(at_set_random_state(at_slice(state, 0, 0, 626, 1)), AT_ERROR_SHAPE, "int64 (626)");
    const int64_t wrong[] = {-1, INT64_C(1) << 32, 625, -1, 2, INT64_C(0x7ff8) << 48},
                  at[] = {0, 9, 624, 624, 625, 626};
    for (int i = 0; i < 6; i++) {
        int64_t numbers[627];
        memcpy(numbers, at_int64s(state), sizeof numbers);
        numbers[at[i]] = wrong[i];
        EXPECT_ERROR(at_set_random_state(at_from_int64s(numbers, 627)), AT_ERROR_VALUE, "no state of the generator");
    }
    ck_assert(at_equal(at_randn(5), next)); /* the failures changed nothing */
}
END_TEST

/* ---- trainings that go on ---------------------------------------------------------------------------------------- */

typedef enum { SGD, MOMENTUM, ADAM, AMSGRAD, ADAMW, RMSPROP, CENTERED, ADAGRAD, OPTIMIZERS } optimizer_choice;

static at_optimizer *optimizer_new(optimizer_choice choice, at_parameter_list p) {
    switch (choice) {
    case SGD: return at_sgd(p, .lr = 0.05, .weight_decay = 0.01);
    case MOMENTUM: return at_sgd(p, .lr = 0.05, .momentum = 0.9, .nesterov = true);
    case ADAM: return at_adam(p, .lr = 0.05);
    case AMSGRAD: return at_adam(p, .amsgrad = true);
    case ADAMW: return at_adamw(p, .weight_decay = 0.1);
    case RMSPROP: return at_rmsprop(p, .momentum = 0.5);
    case CENTERED: return at_rmsprop(p, .centered = true);
    default: return at_adagrad(p, .lr_decay = 0.1);
    }
}

/* A model with dropout on shuffled batches, a schedule of each sort, and a number. */
typedef struct {
    model *net;
    at_data_loader *loader;
    double steps;
    at_training parts;
} training;

static void training_begin(training *t, optimizer_choice choice, uint64_t seed) {
    at_manual_seed(99);
    at_tensor *x = at_randn(10, 3), *y = at_randn(10, 2);
    at_manual_seed(seed);
    t->net = model_new(5);
    at_parameter_list all = at_parameters(&t->net->module), some = {all.count - 1, all.items};
    at_parameter_list last = {1, all.items + all.count - 1};
    at_optimizer *trainer = optimizer_new(choice, some);
    if (choice == SGD) ck_assert(at_sgd_add_group(trainer, last, .lr = 0.5));
    if (choice == ADAM) ck_assert(at_adam_add_group(trainer, last, .lr = 0.5, .beta1 = 0.5));
    t->loader = at_data_loader_new(((at_tensor *[]){x, y}), 2, .batch_size = 3, .shuffle = true);
    t->steps = 0;
    t->parts = (at_training){.module = &t->net->module,
                             .optimizer = trainer,
                             .loader = t->loader,
                             .numbers = {{"steps", &t->steps}},
                             .schedules = {at_linear_lr(trainer, 0.5, 1, 4), at_cosine_lr(trainer, 20, 0),
                                           at_plateau_lr(trainer, .patience = 1), at_step_lr(trainer, 3, 0.9)}};
}

static void training_end(training *t) {
    for (int i = 0; t->parts.schedules[i]; i++) at_schedule_free(t->parts.schedules[i]);
    at_optimizer_free(t->parts.optimizer);
    at_data_loader_free(t->loader);
    at_module_free(&t->net->module);
}

static void training_step(training *t) {
    AT_SCOPE {
        at_tensor **batch = at_data_loader_next(t->loader);
        if (!batch) batch = at_data_loader_next(t->loader); /* another epoch */
        at_optimizer_zero_grad(t->parts.optimizer);
        at_tensor *h = at_dropout(at_tanh(at_linear_forward(t->net->first, batch[0])), 0.3);
        at_tensor *loss = at_mse_loss(at_linear_forward(t->net->second, h), batch[1], AT_MEAN);
        ck_assert(at_backward(loss) && at_optimizer_step(t->parts.optimizer));
        at_assign(&t->net->steps, at_add(t->net->steps, 1));
        t->steps++;
        for (int i = 0; t->parts.schedules[i]; i++)
            ck_assert(i == 2 ? at_schedule_step_with(t->parts.schedules[i], at_item(loss))
                             : at_schedule_step(t->parts.schedules[i]));
    }
}

static void check_same(training *a, training *b) {
    at_parameter_list p = at_parameters(&a->net->module), q = at_parameters(&b->net->module);
    for (int i = 0; i < p.count; i++)
        ck_assert(memcmp(at_floats(p.items[i]), at_floats(q.items[i]), 4 * (size_t)at_numel(p.items[i])) == 0);
    for (int g = 0; g < at_optimizer_groups(a->parts.optimizer); g++)
        ck_assert(at_optimizer_lr(a->parts.optimizer, g) == at_optimizer_lr(b->parts.optimizer, g));
    ck_assert(at_equal(a->net->steps, b->net->steps) && a->steps == b->steps);
}

/* Ten steps are five, a file, and five of another training, which began elsewhere and has gone elsewhere. */
START_TEST(goes_on_bit_for_bit) {
    const char *path = in_folder("run.safetensors");
    training straight, interrupted, resumed;
    training_begin(&straight, (optimizer_choice)_i, 1);
    for (int i = 0; i < 10; i++) training_step(&straight);

    training_begin(&interrupted, (optimizer_choice)_i, 1);
    for (int i = 0; i < 5; i++) training_step(&interrupted);
    ck_assert_msg(at_save_checkpoint(&interrupted.parts, path), "%s", at_error());
    training_end(&interrupted);

    training_begin(&resumed, (optimizer_choice)_i, 2);
    for (int i = 0; i < _i; i++) training_step(&resumed);
    at_rand(17);
    ck_assert_msg(at_load_checkpoint(&resumed.parts, path), "%s", at_error());
    ck_assert(resumed.steps == 5);
    for (int i = 0; i < 5; i++) training_step(&resumed);
    check_same(&straight, &resumed);

    model *alone = model_new(5);
    ck_assert_msg(at_load_module(&alone->module, path, .prefix = "module."), "%s", at_error());
    at_module_free(&alone->module);
    training_end(&straight), training_end(&resumed);
}
END_TEST

START_TEST(saved_before_the_first_step) {
    const char *path = in_folder("run.safetensors");
    training a, b;
    training_begin(&a, ADAM, 1);
    ck_assert(at_save_checkpoint(&a.parts, path));
    training_begin(&b, ADAM, 2);
    for (int i = 0; i < 3; i++) training_step(&b);
    ck_assert_msg(at_load_checkpoint(&b.parts, path), "%s", at_error()); /* the moments go again */
    at_tensor *random = at_random_state();
    for (int i = 0; i < 3; i++) training_step(&b);
    ck_assert(at_set_random_state(random));
    for (int i = 0; i < 3; i++) training_step(&a);
    check_same(&a, &b);
    training_end(&a), training_end(&b);
}
END_TEST

/* Saves the tensors of the checkpoint at path but for one, which gets those elements (NULL: is left out). */
static void change_entry(const char *path, const char *name, at_tensor *elements) {
    at_tensor_file *file = open_file(path);
    int n = at_tensor_file_count(file), count = 0;
    at_named_tensor list[128];
    for (int i = 0; i < n; i++) {
        const char *here = at_tensor_file_name(file, i);
        at_tensor *t = strcmp(here, name) == 0 ? elements : at_tensor_file_read(file, i);
        if (t) list[count++] = (at_named_tensor){here, t};
    }
    const char *keys[] = {"format", "optimizer", "schedules"};
    at_remark remarks[3];
    for (int i = 0; i < 3; i++) remarks[i] = (at_remark){keys[i], at_tensor_file_remark(file, keys[i])};
    ck_assert(at_save_tensors(in_folder("changed"), list, count, .remarks = remarks, .n_remarks = 3));
    at_tensor_file_close(file);
}

static at_tensor *real(double x) { return at_to(at_scalar(x), AT_FLOAT64); }
static at_tensor *whole(int64_t x) { return at_from_int64s_shape(&x, AT_SHAPE_SCALAR); }
static at_tensor *wholes(int64_t n, int64_t x) { return at_mul(at_to(at_ones(n), AT_INT64), x); }

START_TEST(checkpoints_that_do_not_fit) {
    char path[128];
    strcpy(path, in_folder("run.safetensors"));
    training t, other;
    training_begin(&t, ADAM, 1);
    training_begin(&other, RMSPROP, 1);
    for (int i = 0; i < 2; i++) training_step(&t);
    ck_assert(at_save_checkpoint(&t.parts, path));
    for (int i = 0; i < 2; i++) training_step(&t);
    at_tensor *weight = at_detach(t.net->first->weight);
    double lr = at_optimizer_lr(t.parts.optimizer, 0);

    EXPECT_ERROR(at_load_checkpoint(&other.parts, path), AT_ERROR_VALUE,
                 "has optimizer \"adam\", the training has \"rms");
    at_training fewer = t.parts;
    fewer.schedules[1] = NULL;
    EXPECT_ERROR(at_load_checkpoint(&fewer, path), AT_ERROR_VALUE, "has schedules \"linear_lr cosine_lr plateau_lr");
    fewer = t.parts, fewer.loader = NULL;
    EXPECT_ERROR(at_load_checkpoint(&fewer, path), AT_ERROR_VALUE, "unexpected: loader, int64 (4)");
    fewer = t.parts, fewer.numbers[0].name = "epochs";
    EXPECT_ERROR(at_load_checkpoint(&fewer, path), AT_ERROR_VALUE, "missing: numbers.epochs, float64 ()");
    fewer.numbers[0].value = NULL;
    EXPECT_ERROR(at_load_checkpoint(&fewer, path), AT_ERROR_VALUE, "epochs is NULL");
    const struct {
        const char *name;
        at_tensor *elements;
        const char *text;
    } wrong[] = {
        {"optimizer.steps", NULL, "missing: optimizer.steps"},
        {"optimizer.steps", wholes(4, -1), "optimizer.steps has a value"},
        {"optimizer.group_of", wholes(4, 1), "parameter 0 is in group 1 there and in group 0 here"},
        {"optimizer.group.1.lr", real(-1), "lr is -1"},
        {"optimizer.group.0.lr", real(NAN), "lr is"},
        {"optimizer.group.0.beta1", real(5), "beta1 is 5"},
        {"optimizer.group.0.amsgrad", real(1), "mismatched: optimizer.group.0.amsgrad"},
        {"optimizer.state.0.exp_avg", at_ones(7), "mismatched: optimizer.state.0.exp_avg, float32 (7)"},
        {"schedule.1.steps", whole(0), "schedule.1. has a value"},
        {"schedule.1.t", whole(INT64_MAX), "schedule.1. has a value"},
        {"schedule.1.t", whole(-1), "schedule.1. has a value"},
        {"schedule.1.steps", whole(INT64_MAX), "schedule.1. has a value"},
        {"schedule.1.gamma", real(NAN), "schedule.1. has a value"},
        {"schedule.0.start", real(INFINITY), "schedule.0. has a value"},
        {"schedule.0.end", real(NAN), "schedule.0. has a value"},
        {"schedule.0.first", at_to(at_full(INFINITY, 2), AT_FLOAT64), "schedule.0. has a value"},
        {"schedule.2.without_progress", whole(-1), "schedule.2. has a value"},
        {"schedule.2.cooling", whole(-1), "schedule.2. has a value"},
        {"schedule.2.patience", whole(-1), "schedule.2. has a value"},
        {"schedule.2.cooldown", whole(-1), "schedule.2. has a value"},
        {"schedule.2.factor", real(INFINITY), "schedule.2. has a value"},
        {"schedule.2.threshold", real(INFINITY), "schedule.2. has a value"},
        {"schedule.2.lowest", real(INFINITY), "schedule.2. has a value"},
        {"schedule.0.first", at_to(at_full(-1, 2), AT_FLOAT64), "schedule.0. has a value"},
        {"random_state", wholes(627, -1), "no state of the generator"},
        {"loader", wholes(4, 10), "the loader's state has a value"},
        {"loader", at_from_int64s(((int64_t[]){1, -1, 0, 10}), 4), "the loader's state has a value"},
        {"loader", at_from_int64s(((int64_t[]){0, 1, -1, 10}), 4), "the loader's state has a value"},
        {"loader", at_from_int64s(((int64_t[]){1, 1, 11, 10}), 4), "the loader's state has a value"},
        {"loader", wholes(4, 3), "the loader had 3 rows and has 10"},
        {"module.first.bias", at_ones(6), "mismatched: module.first.bias, float32 (6) in the file, float32 (5) here"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        change_entry(path, wrong[i].name, wrong[i].elements);
        EXPECT_ERROR(at_load_checkpoint(&t.parts, in_folder("changed")), AT_ERROR_VALUE, wrong[i].text);
    }
    ck_assert(at_save_module(&t.net->module, in_folder("changed")));
    EXPECT_ERROR(at_load_checkpoint(&t.parts, in_folder("changed")), AT_ERROR_VALUE, "is none: want a file written by");
    at_remark format = {"format", "another one's"};
    ck_assert(at_save_tensors(in_folder("changed"), NULL, 0, .remarks = &format, .n_remarks = 1));
    EXPECT_ERROR(at_load_checkpoint(&t.parts, in_folder("changed")), AT_ERROR_VALUE, "is none: want a file written by");
    format.text = "atled checkpoint";
    ck_assert(at_save_tensors(in_folder("changed"), NULL, 0, .remarks = &format, .n_remarks = 1));
    EXPECT_ERROR(at_load_checkpoint(&t.parts, in_folder("changed")), AT_ERROR_VALUE,
                 "has optimizer \"\", the training has \"adam\"");
    EXPECT_ERROR(at_load_checkpoint(&t.parts, in_folder("none")), AT_ERROR_IO, "load_checkpoint: ");
    EXPECT_ERROR(at_load_checkpoint(NULL, path), AT_ERROR_VALUE, "training is NULL");
    EXPECT_ERROR(at_save_checkpoint(&t.parts, NULL), AT_ERROR_VALUE, "path is NULL");

    ck_assert(at_equal(t.net->first->weight, weight) && at_optimizer_lr(t.parts.optimizer, 0) == lr && t.steps == 4);
    training_end(&t), training_end(&other);
}
END_TEST

/* Every part may be left out, and there is room for so many numbers and schedules. */
START_TEST(trainings_of_few_and_of_many_parts) {
    const char *path = in_folder("run.safetensors");
    double value = 2.5;
    at_training numbers = {.numbers = {{"value", &value}}};
    ck_assert_msg(at_save_checkpoint(&numbers, path), "%s", at_error());
    at_tensor *next = at_rand(3);
    value = 0;
    ck_assert_msg(at_load_checkpoint(&numbers, path), "%s", at_error());
    ck_assert(value == 2.5);
    ck_assert(at_equal(at_rand(3), next));

    training t;
    training_begin(&t, MOMENTUM, 1);
    EXPECT_ERROR(at_load_checkpoint(&(at_training){.module = &t.net->module}, path), AT_ERROR_VALUE,
                 "unexpected: numbers.value");
    double values[AT_TRAINING_NUMBERS];
    char names[AT_TRAINING_NUMBERS][8];
    at_training full = {.optimizer = t.parts.optimizer};
    for (int i = 0; i < AT_TRAINING_NUMBERS; i++) {
        values[i] = i;
        snprintf(names[i], sizeof names[i], "%d", i);
        full.numbers[i].name = names[i], full.numbers[i].value = &values[i];
    }
    for (int i = 0; i < AT_TRAINING_SCHEDULES; i++) full.schedules[i] = at_step_lr(t.parts.optimizer, i + 1, 0.5);
    ck_assert_msg(at_save_checkpoint(&full, path), "%s", at_error());
    memset(values, 0, sizeof values);
    for (int i = 0; i < AT_TRAINING_SCHEDULES; i++) ck_assert(at_schedule_step(full.schedules[i]));
    ck_assert_msg(at_load_checkpoint(&full, path), "%s", at_error());
    for (int i = 0; i < AT_TRAINING_NUMBERS; i++) ck_assert(values[i] == i);
    ck_assert(at_optimizer_lr(t.parts.optimizer, 0) == 0.05 * 0.5); /* of the linear schedule's beginning */
    ck_assert(at_schedule_step(full.schedules[1]));
    ck_assert(at_optimizer_lr(t.parts.optimizer, 0) == 0.05 * 0.5); /* its first step again, of two */
    for (int i = 0; i < AT_TRAINING_SCHEDULES; i++) at_schedule_free(full.schedules[i]);

    char longest[200];
    memset(longest, 'x', sizeof longest - 1), longest[sizeof longest - 1] = '\0';
    numbers.numbers[0].name = longest;
    EXPECT_ERROR(at_save_checkpoint(&numbers, in_folder("none")), AT_ERROR_VALUE, "xxx\" is longer than 87 bytes");
    ck_assert_int_eq(count_files(), 1);
    training_end(&t);
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
    tcase_add_test(files, more_bytes_than_can_be_counted);
    tcase_add_loop_test(files, headers_that_lie, 0, (int)(sizeof headers / sizeof *headers));
    tcase_add_test(files, several_tensors_of_nothing);
    tcase_add_test(files, reading_a_header_asks_for_no_more_memory);
    tcase_add_test(files, other_files_that_lie);
    tcase_add_test(files, a_damaged_file);
    tcase_add_test(files, wrong_calls_on_files);
    suite_add_tcase(suite, files);

    TCase *trainings = tcase_create("trainings");
    tcase_add_checked_fixture(trainings, begin, end);
    tcase_add_test(trainings, a_module);
    tcase_add_test(trainings, a_file_that_does_not_fit);
    tcase_add_test(trainings, random_states);
    tcase_add_loop_test(trainings, goes_on_bit_for_bit, 0, OPTIMIZERS);
    tcase_add_test(trainings, saved_before_the_first_step);
    tcase_add_test(trainings, checkpoints_that_do_not_fit);
    tcase_add_test(trainings, trainings_of_few_and_of_many_parts);
    suite_add_tcase(suite, trainings);
    return suite;
}
