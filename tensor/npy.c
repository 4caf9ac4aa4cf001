/* npy.c - tensors in files of NumPy's .npy format.
 *
 * A file is six bytes of magic, two of version, the length of the header (two bytes in version 1, four in 2 and 3, the
 * least significant first), the header, which is a Python dictionary such as
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 * and the elements. A file that is read may be damaged or written by an enemy: nothing in it is believed before it has
 * been held against the bytes that are there. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"

static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
enum { MAGIC_BYTES = sizeof magic, VERSION_1_HEADER_AT = MAGIC_BYTES + 2 + 2, ALIGNMENT = 64 };

/* ---- saving ------------------------------------------------------------------------------------------------------ */

enum { MOST_HEADER = 512 };

/* Puts the header there, padded so that the elements begin at a multiple of ALIGNMENT; returns its bytes. */
static size_t put_header(char header[MOST_HEADER], at_dtype dtype, const at_shape *shape) {
    static const char *const descr[] = {"<f4", "<f8", "<i8", "|b1"};
    char *text = header + VERSION_1_HEADER_AT;
    const size_t room = MOST_HEADER - VERSION_1_HEADER_AT;
    size_t used = (size_t)snprintf(text, room, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr[dtype]);
    for (int d = 0; d < shape->ndim; d++) {
        const char *separator = d + 1 < shape->ndim ? ", " : shape->ndim == 1 ? "," : "";
        used += (size_t)snprintf(text + used, room - used, "%" PRId64 "%s", shape->dim[d], separator);
    }
    used += (size_t)snprintf(text + used, room - used, "), }");
    while ((VERSION_1_HEADER_AT + used + 1) % ALIGNMENT != 0) text[used++] = ' ';
    text[used++] = '\n';

    const unsigned char version_and_length[] = {1, 0, (unsigned char)(used & 0xff), (unsigned char)(used >> 8)};
    memcpy(header, magic, MAGIC_BYTES);
    memcpy(header + MAGIC_BYTES, version_and_length, sizeof version_and_length);
    return VERSION_1_HEADER_AT + used;
}

static bool save(const tn_value *v, const char *path) {
    char header[MOST_HEADER];
    at_contents contents = {.head = header,
                            .head_bytes = put_header(header, v->dtype, &v->shape),
                            .body = tn_data(v),
                            .body_bytes = (size_t)v->numel * tn_dtype_size(v->dtype),
                            .lasting = true};
    return at_write_file("save_npy", path, &contents);
}

bool at_save_npy(at_tensor *t, const char *path) {
    tn_thread_set_operation("save_npy");
    if (t == NULL) return tn_fail_null("save_npy", "t");
    if (path == NULL) return tn_fail_null("save_npy", "path");
    tn_value *v = tn_value_for_file(t->value);
    bool saved = v != NULL && save(v, path);
    tn_value_release(v);
    return saved;
}

/* ---- reading the header ------------------------------------------------------------------------------------------ */

enum { DESCR_BYTES = 32 };

typedef struct {
    char descr[DESCR_BYTES];
    bool fortran_order; /* the first dimension varies fastest */
    at_shape shape;
} npy_header;

typedef struct {
    const char *path; /* for messages */
    const char *start, *at, *end;
} parser;

/* All parse_... functions move on past what they read, or report what should stand there and return false. */
static bool unexpected(const parser *p, const char *wanted) {
    tn_fail(AT_ERROR_IO, "load_npy: \"%s\": byte %zu of the header: want %s", p->path, (size_t)(p->at - p->start),
            wanted);
    return false;
}

static void skip_spaces(parser *p) {
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')) p->at++;
}

static bool skip_character(parser *p, char c) {
    skip_spaces(p);
    if (p->at == p->end || *p->at != c) return false;
    p->at++;
    return true;
}

static bool skip_word(parser *p, const char *word) {
    size_t length = strlen(word);
    skip_spaces(p);
    if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0) return false;
    p->at += length;
    return true;
}

/* A text in single or double quotes, without escapes. */
static bool parse_string(parser *p, const char *wanted, char text[DESCR_BYTES]) {
    skip_spaces(p);
    if (p->at == p->end || (*p->at != '\'' && *p->at != '"')) return unexpected(p, wanted);
    char quote = *p->at++;
    size_t length = 0;
    for (; p->at < p->end && *p->at != quote; p->at++) {
        bool printable = *p->at >= ' ' && *p->at <= '~' && *p->at != '\\';
        if (!printable || length == DESCR_BYTES - 1) return unexpected(p, wanted);
        text[length++] = *p->at;
    }
    text[length] = '\0';
    return skip_character(p, quote) || unexpected(p, "a closing quote");
}

static bool parse_bool(parser *p, bool *value) {
    *value = skip_word(p, "True");
    return *value || skip_word(p, "False") || unexpected(p, "True or False");
}

static bool parse_size(parser *p, int64_t *size) {
    skip_spaces(p);
    if (p->at == p->end || *p->at < '0' || *p->at > '9') return unexpected(p, "a size of 0 or more");
    *size = 0;
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        int digit = *p->at - '0';
        if (*size > (INT64_MAX - digit) / 10) return unexpected(p, "a size below 2^63");
        *size = *size * 10 + digit;
    }
    return true;
}

/* (), (3,), (3, 4) or (3, 4,) */
static bool parse_shape(parser *p, at_shape *shape) {
    *shape = AT_SHAPE_SCALAR;
    if (!skip_character(p, '(')) return unexpected(p, "a shape in parentheses");
    bool comma = true;
    while (!skip_character(p, ')')) {
        if (!comma) return unexpected(p, "',' or ')'");
        if (shape->ndim == AT_MAX_DIMS) return unexpected(p, "')', as there can be at most 8 dimensions");
        if (!parse_size(p, &shape->dim[shape->ndim++])) return false;
        comma = skip_character(p, ',');
    }
    return shape->ndim != 1 || comma || unexpected(p, "a shape of one dimension written with a comma");
}

static bool parse_header(parser *p, npy_header *header) {
    bool has_descr = false, has_order = false, has_shape = false, comma = true;
    if (!skip_character(p, '{')) return unexpected(p, "'{'");
    while (!skip_character(p, '}')) {
        if (!comma) return unexpected(p, "',' or '}'");
        const char *wanted = "'descr', 'fortran_order' or 'shape', each once";
        char key[DESCR_BYTES];
        skip_spaces(p);
        parser key_start = *p;
        if (!parse_string(p, wanted, key)) return false;
        bool is_descr = strcmp(key, "descr") == 0 && !has_descr, is_shape = strcmp(key, "shape") == 0 && !has_shape;
        bool is_order = strcmp(key, "fortran_order") == 0 && !has_order;
        if (!is_descr && !is_order && !is_shape) return unexpected(&key_start, wanted);
        if (!skip_character(p, ':')) return unexpected(p, "':'");
        if (is_descr && !parse_string(p, "the type of the elements, such as '<f4'", header->descr)) return false;
        if (is_order && !parse_bool(p, &header->fortran_order)) return false;
        if (is_shape && !parse_shape(p, &header->shape)) return false;
        has_descr |= is_descr, has_order |= is_order, has_shape |= is_shape;
        comma = skip_character(p, ',');
    }
    if (!has_descr) return unexpected(p, "'descr' before this");
    if (!has_order) return unexpected(p, "'fortran_order' before this");
    if (!has_shape) return unexpected(p, "'shape' before this");
    skip_spaces(p);
    return p->at == p->end || unexpected(p, "nothing but spaces");
}

/* ---- reading the file -------------------------------------------------------------------------------------------- */

typedef struct {
    const char *path;
    FILE *file;
    int64_t left; /* bytes that follow; -1 where the file cannot tell */
    int failure;  /* errno, where reading failed */
} reader;

static bool fail_read(const reader *r, const char *what) {
    if (ferror(r->file))
        tn_fail_file("load_npy", r->path, r->failure);
    else
        tn_fail(AT_ERROR_IO, "load_npy: \"%s\": the file ends within %s", r->path, what);
    return false;
}

static size_t read_some(reader *r, void *bytes, size_t n) {
    size_t got = fread(bytes, 1, n, r->file);
    if (ferror(r->file)) r->failure = errno;
    return got;
}

static bool read_bytes(reader *r, void *bytes, size_t n, const char *what) {
    if (read_some(r, bytes, n) != n) return fail_read(r, what);
    if (r->left >= 0) r->left -= (int64_t)n;
    return true;
}

static bool read_header_length(reader *r, uint32_t *length) {
    unsigned char start[MAGIC_BYTES + 2], bytes[4] = {0};
    if (!read_bytes(r, start, sizeof start, "the magic and version")) return false;
    if (memcmp(start, magic, MAGIC_BYTES) != 0) {
        tn_fail(AT_ERROR_IO, "load_npy: \"%s\" is no .npy file: it does not begin with \\x93NUMPY", r->path);
        return false;
    }
    int major = start[MAGIC_BYTES], minor = start[MAGIC_BYTES + 1];
    if (major < 1 || major > 3 || minor != 0) {
        tn_fail(AT_ERROR_IO, "load_npy: \"%s\": version %d.%d: want 1.0, 2.0 or 3.0", r->path, major, minor);
        return false;
    }
    if (!read_bytes(r, bytes, major == 1 ? 2 : 4, "the length of the header")) return false;
    *length = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return true;
}

/* Three keys with their values need no more than this. */
enum { HEADER_MOST = 1 << 16 };

static bool read_header(reader *r, npy_header *header) {
    uint32_t length;
    if (!read_header_length(r, &length)) return false;
    bool ends_before = r->left >= 0 && length > r->left;
    if (ends_before || length > HEADER_MOST) {
        const char *reason = ends_before ? "the file ends before that" : "want 65536 at most";
        tn_fail(AT_ERROR_IO, "load_npy: \"%s\": a header of %" PRIu32 " bytes: %s", r->path, length, reason);
        return false;
    }
    char *text = tn_allocate(length + 1);
    if (text == NULL) return false;
    parser p = {r->path, text, text, text + length};
    bool read = read_bytes(r, text, length, "the header") && parse_header(&p, header);
    tn_deallocate(text, length + 1);
    return read;
}

/* ---- the types of elements in files ------------------------------------------------------------------------------ */

static bool find_type(const char *path, const char *descr, tn_element_type *type) {
    static const struct {
        const char *name;
        at_dtype dtype;
    } types[] = {{"f4", AT_FLOAT32}, {"f8", AT_FLOAT64}, {"i8", AT_INT64}, {"b1", AT_BOOL},
                 {"f2", AT_FLOAT32}, {"i4", AT_INT64},   {"i2", AT_INT64}, {"i1", AT_INT64},
                 {"u1", AT_INT64},   {"u2", AT_INT64},   {"u4", AT_INT64}};
    const char order = descr[0];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const char *name = types[i].name;
        bool has_order = order == '<' || order == '>' || order == '=' || (order == '|' && name[1] == '1');
        if (!has_order || strcmp(descr + 1, name) != 0) continue;
        *type = (tn_element_type){name[0], name[1] - '0', order == '>' || (order == '=' && tn_host_is_big_endian()),
                                  types[i].dtype};
        return true;
    }
    tn_fail(AT_ERROR_DTYPE, "load_npy: \"%s\": elements of type '%s': want one of f4 f8 i8 b1 f2 i4 i2 i1 u4 u2 u1",
            path, descr);
    return false;
}

/* Walks through the tensor in row-major order, and through the file's elements with the strides of their order. */
static void convert(const tn_element_type *type, const npy_header *header, const unsigned char *from, void *to) {
    const at_shape *shape = &header->shape;
    int64_t numel = tn_shape_numel(shape), stride[AT_MAX_DIMS], index[AT_MAX_DIMS] = {0}, step = 1, place = 0;
    for (int i = 0; i < shape->ndim; i++) {
        int d = header->fortran_order ? i : shape->ndim - 1 - i;
        stride[d] = step;
        step *= shape->dim[d];
    }
    for (int64_t i = 0; i < numel; i++) {
        tn_convert_element(type, from + place * type->size, to, i);
        for (int d = shape->ndim - 1; d >= 0; d--) {
            place += stride[d];
            if (++index[d] < shape->dim[d]) break;
            place -= stride[d] * shape->dim[d];
            index[d] = 0;
        }
    }
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned char *bytes;
    size_t capacity;
} elements;

/* Reads that many bytes and makes sure that none follow. Where the file does not know its length, memory grows with
 * what comes, so that a header cannot ask for what is not there. The elements are to be freed in any case. */
static bool read_elements(reader *r, const char *said, int64_t bytes, elements *e) {
    enum { FIRST = 1 << 20 };
    if (r->left >= 0 && r->left != bytes)
        return tn_fail(AT_ERROR_IO, "load_npy: \"%s\": header says %s, %" PRId64 " bytes, but %" PRId64 " follow",
                       r->path, said, bytes, r->left);
    int64_t got = 0, capacity = r->left >= 0 || bytes < FIRST ? bytes : FIRST;
    for (;;) {
        size_t more = (size_t)capacity + 1; /* one byte to see that no more follow */
        if (capacity >= PTRDIFF_MAX) return tn_fail_memory((uint64_t)capacity + 1);
        unsigned char *grown = tn_allocate_more(e->bytes, e->capacity, more);
        if (grown == NULL) return false;
        *e = (elements){grown, more};
        size_t wanted = (size_t)(capacity - got) + (capacity == bytes);
        got += (int64_t)read_some(r, grown + got, wanted);
        if (got < capacity || capacity == bytes) break;
        capacity = capacity < bytes / 2 ? 2 * capacity : bytes;
    }
    if (ferror(r->file)) return fail_read(r, "the elements");
    if (got == bytes) return true;
    return tn_fail(AT_ERROR_IO, "load_npy: \"%s\": header says %s, %" PRId64 " bytes, but %s%" PRId64 " follow",
                   r->path, said, bytes, got > bytes ? "at least " : "", got);
}

static at_tensor *read_tensor(reader *r) {
    npy_header header = {.descr = ""};
    tn_element_type type;
    if (!read_header(r, &header) || !find_type(r->path, header.descr, &type)) return NULL;
    int64_t numel = tn_shape_numel(&header.shape);
    const char *shape = tn_shape_text(&header.shape);
    if (numel < 0)
        return tn_fail(AT_ERROR_IO, "load_npy: \"%s\": header says shape %s, more elements than memory can hold",
                       r->path, shape);
    char said[DESCR_BYTES + 256];
    bool is_widened = type.size != (int)tn_dtype_size(type.dtype);
    snprintf(said, sizeof said, "%s %s", is_widened ? header.descr : at_dtype_name(type.dtype), shape);

    elements from = {0};
    void *to;
    bool read = read_elements(r, said, numel * type.size, &from);
    at_tensor *t = read ? tn_tensor_new(type.dtype, &header.shape, &to) : NULL;
    if (t != NULL && tn_is_verbatim(&type) && !header.fortran_order)
        memcpy(to, from.bytes, (size_t)(numel * type.size));
    else if (t != NULL)
        convert(&type, &header, from.bytes, to);
    tn_deallocate(from.bytes, from.capacity);
    return t;
}

at_tensor *tn_load_npy(FILE *file, const char *path, int64_t bytes) {
    reader r = {path, file, bytes, 0};
    return read_tensor(&r);
}

at_tensor *at_load_npy(const char *path) {
    tn_thread_set_operation("load_npy");
    if (path == NULL) return tn_fail_null("load_npy", "path");
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        int error = errno;
        if (file != NULL) fclose(file);
        return tn_fail_file("load_npy", path, error);
    }
    at_tensor *t = tn_load_npy(file, path, S_ISREG(status.st_mode) ? (int64_t)status.st_size : -1);
    fclose(file);
    return t;
}
