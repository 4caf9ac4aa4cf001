/* tensor/safetensors.c - files of named tensors.
 *
 * A file is the length of its header in eight bytes, the least significant first; the header, a JSON object such as
 *     {"__metadata__": {"key": "text"}, "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
 * and the bytes of all tensors, where data_offsets count from the first of these. A file that is read may be damaged or
 * written by an enemy: nothing in it is believed before it has been held against the bytes that are there. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "json.h"
#include "safetensors.h"

enum { LENGTH_BYTES = 8, LONGEST_HEADER = 100000000, ALIGNMENT = 8 }; /* the longest header that others read, too */
static const char remarks_key[] = "__metadata__";

static const struct {
    const char *name;
    tn_element_type type;
} types[] =
    {{"F32", {'f', 4, false, AT_FLOAT32}}, {"F64", {'f', 8, false, AT_FLOAT64}},  {"I64", {'i', 8, false, AT_INT64}},
     {"BOOL", {'b', 1, false, AT_BOOL}}, /* by dtype so far: what is written */
     {"F16", {'f', 2, false, AT_FLOAT32}}, {"BF16", {'t', 2, false, AT_FLOAT32}}, {"I32", {'i', 4, false, AT_INT64}},
     {"I16", {'i', 2, false, AT_INT64}},   {"I8", {'i', 1, false, AT_INT64}},     {"U32", {'u', 4, false, AT_INT64}},
     {"U16", {'u', 2, false, AT_INT64}},   {"U8", {'u', 1, false, AT_INT64}}};

/* ---- saving ------------------------------------------------------------------------------------------------------ */

/* Why a name or a text made no JSON: it is no UTF-8, or memory was short, which it may not be any more. */
static bool fail_text(const char *what, const char *text) {
    json_error_t error;
    json_t *again = json_pack_ex(&error, 0, "s", text);
    bool is_utf8 = again || json_error_code(&error) != json_error_invalid_utf8;
    json_decref(again);
    if (is_utf8) return tn_fail_memory(strlen(text) + 1);
    return at_fail(AT_ERROR_VALUE, "save_tensors: %s \"%.200s\" is not UTF-8", what, text);
}

static json_t *numbers(const int64_t *list, int n) {
    json_t *array = json_array();
    for (int i = 0; array && i < n; i++)
        if (json_array_append_new(array, json_integer(list[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

/* Adds what the header says of a tensor whose bytes begin at *end, and moves *end behind them. */
static bool add_tensor(json_t *header, const at_named_tensor *named, int64_t *end) {
    const tn_value *v = named->tensor->value;
    if (strcmp(named->name, remarks_key) == 0 || json_object_get(header, named->name))
        return at_fail(AT_ERROR_VALUE, "save_tensors: two entries are named \"%s\"", named->name);
    int64_t offsets[2] = {*end, 0};
    if (__builtin_add_overflow(*end, v->numel * (int64_t)tn_dtype_size(v->dtype), &offsets[1]))
        return at_fail(AT_ERROR_SHAPE, "save_tensors: \"%s\" is %s: more bytes than a file can have", named->name,
                       tn_describe(named->tensor));
    *end = offsets[1];
    json_t *entry = json_object();
    bool good = entry && json_object_set_new(entry, "dtype", json_string(types[v->dtype].name)) == 0 &&
                json_object_set_new(entry, "shape", numbers(v->shape.dim, v->shape.ndim)) == 0 &&
                json_object_set_new(entry, "data_offsets", numbers(offsets, 2)) == 0 &&
                json_object_set(header, named->name, entry) == 0;
    json_decref(entry);
    return good || fail_text("the name", named->name);
}

static bool add_remarks(json_t *header, const at_remark *remarks, int n) {
    if (n == 0) return true;
    json_t *object = json_object();
    if (!object || json_object_set_new(header, remarks_key, object) != 0) return tn_fail_memory(sizeof *remarks);
    for (int i = 0; i < n; i++) {
        if (!remarks[i].key || !remarks[i].text) return at_fail_null("save_tensors", "a remark");
        if (json_object_get(object, remarks[i].key))
            return at_fail(AT_ERROR_VALUE, "save_tensors: two remarks have the key \"%s\"", remarks[i].key);
        json_t *text = json_string(remarks[i].text);
        if (!text) return fail_text("the remark", remarks[i].text);
        if (json_object_set_new(object, remarks[i].key, text) != 0)
            return fail_text("the key of a remark", remarks[i].key);
    }
    return true;
}

typedef struct {
    char *header;
    const at_named_tensor **list; /* in the order of the file */
    int n;
} contents;

/* Spaces behind the header let the elements begin at a multiple of ALIGNMENT. */
static int write_header(int file, const char *header) {
    size_t length = strlen(header), padding = (ALIGNMENT - length % ALIGNMENT) % ALIGNMENT;
    unsigned char bytes[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++) bytes[i] = (unsigned char)((uint64_t)(length + padding) >> 8 * i);
    int failure = tn_write_bytes(file, bytes, sizeof bytes);
    if (!failure) failure = tn_write_bytes(file, header, length);
    return failure ? failure : tn_write_bytes(file, "       ", padding);
}

static int write_contents(int file, void *context) {
    const contents *c = context;
    int failure = write_header(file, c->header);
    for (int i = 0; i < c->n && !failure; i++) {
        tn_value *v = tn_value_for_file(c->list[i]->tensor->value);
        failure = v ? tn_write_bytes(file, tn_data(v), (size_t)v->numel * tn_dtype_size(v->dtype)) : ENOMEM;
        tn_value_release(v);
    }
    return failure;
}

/* Those with the widest elements first, so that all are aligned. */
static void order_list(const at_save_tensors_options *o, const at_named_tensor **ordered) {
    int n = 0;
    for (size_t size = 8; size > 0; size /= 2)
        for (int i = 0; i < o->n; i++)
            if (tn_dtype_size(o->list[i].tensor->value->dtype) == size) ordered[n++] = &o->list[i];
}

/* NULL after reporting an error. Not by json_dumps, which leaves a key out where it finds no memory for it. */
static char *header_text(const json_t *header) {
    const size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT), most = LONGEST_HEADER - ALIGNMENT;
    if (length > most)
        return at_fail(AT_ERROR_VALUE, "save_tensors: a header of %zu bytes: want %zu at most", length, most);
    char *text = length > 0 ? tn_allocate(length + 1) : tn_fail_memory(sizeof(json_t));
    if (!text) return NULL;
    text[length] = '\0';
    if (json_dumpb(header, text, length, JSON_COMPACT) == length) return text;
    tn_deallocate(text, length + 1);
    return tn_fail_memory(length);
}

static bool write_file(const at_save_tensors_options *o, const at_named_tensor **ordered, json_t *header) {
    order_list(o, ordered);
    int64_t end = 0;
    if (!add_remarks(header, o->remarks, o->n_remarks)) return false;
    for (int i = 0; i < o->n; i++)
        if (!tn_value_store(ordered[i]->tensor->value) || !add_tensor(header, ordered[i], &end)) return false;
    char *text = header_text(header);
    if (!text) return false;
    bool saved = tn_write_file("save_tensors", o->path, write_contents, &(contents){text, ordered, o->n}, true);
    tn_text_free(text);
    return saved;
}

bool at_save_tensors_with(at_save_tensors_options o) {
    tn_thread_set_operation("save_tensors");
    if (!o.path) return at_fail_null("save_tensors", "path");
    if (o.n < 0) return at_fail(AT_ERROR_VALUE, "save_tensors: n is %d: must not be negative", o.n);
    if (o.n > 0 && !o.list) return at_fail_null("save_tensors", "list");
    if (o.n_remarks < 0 || (o.n_remarks > 0 && !o.remarks))
        return at_fail(AT_ERROR_VALUE, "save_tensors: no list of %d remarks", o.n_remarks);
    for (int i = 0; i < o.n; i++) {
        if (!o.list[i].name) return at_fail_null("save_tensors", "a name");
        if (!o.list[i].tensor) return tn_fail_null_element("save_tensors", "list", i);
    }
    size_t bytes = (size_t)o.n * sizeof(at_named_tensor *);
    const at_named_tensor **ordered = tn_allocate(bytes);
    if (!ordered) return false;
    json_t *header = json_object();
    bool saved = header ? write_file(&o, ordered, header) : (bool)tn_fail_memory(bytes);
    json_decref(header);
    tn_deallocate(ordered, bytes);
    return saved;
}

/* ---- reading: what a file holds ---------------------------------------------------------------------------------- */

typedef struct {
    const char *name; /* the header's */
    tn_element_type type;
    at_shape shape;
    int64_t begin, end; /* of its bytes, from the first of all tensors' */
} entry;

struct at_tensor_file {
    const char *function; /* that opens it, for messages */
    char *path;
    FILE *file;
    tn_json header;
    int64_t data_at, data_bytes;
    int count;
    size_t most;          /* that the lists have room for */
    entry *entries;       /* in the order of their bytes */
    const entry **sorted; /* by name */
};

/* Reports what is wrong with one tensor of the file. */
static bool fail_entry(const at_tensor_file *f, const char *name, const char *what) {
    return at_fail(AT_ERROR_IO, "%s: \"%s\": tensor \"%.200s\": %s", f->function, f->path, name, what);
}

static bool read_type(const at_tensor_file *f, json_t *object, entry *e) {
    const char *dtype = json_string_value(json_object_get(object, "dtype"));
    if (!dtype) return fail_entry(f, e->name, "want a \"dtype\" that is a text");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, dtype) == 0) {
            e->type = types[i].type;
            return true;
        }
    return at_fail(AT_ERROR_DTYPE,
                   "%s: \"%s\": tensor \"%.200s\": elements of type %.40s: want one of F32 F64 I64 BOOL F16 BF16 I32 "
                   "I16 I8 U32 U16 U8",
                   f->function, f->path, e->name, dtype);
}

/* A list of whole numbers of 0 or more; returns how many, -1 where it is anything else or longer than most. */
static int read_sizes(json_t *array, int64_t *sizes, int most) {
    if (!json_is_array(array) || json_array_size(array) > (size_t)most) return -1;
    int n = (int)json_array_size(array);
    for (int i = 0; i < n; i++) {
        json_t *size = json_array_get(array, (size_t)i);
        if (!json_is_integer(size) || json_integer_value(size) < 0) return -1;
        sizes[i] = json_integer_value(size);
    }
    return n;
}

static bool read_entry(const at_tensor_file *f, json_t *object, entry *e) {
    if (!json_is_object(object)) return fail_entry(f, e->name, "want an object with dtype, shape and data_offsets");
    if (!read_type(f, object, e)) return false;
    e->shape.ndim = read_sizes(json_object_get(object, "shape"), e->shape.dim, AT_MAX_DIMS);
    if (e->shape.ndim < 0) return fail_entry(f, e->name, "want a \"shape\" of at most 8 whole numbers of 0 or more");
    int64_t range[2];
    if (read_sizes(json_object_get(object, "data_offsets"), range, 2) != 2)
        return fail_entry(f, e->name, "want \"data_offsets\" that are two whole numbers of 0 or more");
    e->begin = range[0], e->end = range[1];
    int64_t numel = tn_shape_numel(&e->shape);
    if (numel < 0 || numel > INT64_MAX / e->type.size)
        return fail_entry(f, e->name, "its shape has more elements than memory can hold");
    if (e->begin <= e->end && e->end <= f->data_bytes && e->end - e->begin == numel * e->type.size) return true;
    return at_fail(AT_ERROR_IO,
                   "%s: \"%s\": tensor \"%.200s\": its shape %s needs %" PRId64 " bytes, its data_offsets are %" PRId64
                   " and %" PRId64 ", and the file has %" PRId64 " bytes for tensors",
                   f->function, f->path, e->name, tn_shape_text(&e->shape), numel * e->type.size, e->begin, e->end,
                   f->data_bytes);
}

static bool check_remarks(const at_tensor_file *f, json_t *remarks) {
    const char *key;
    json_t *text;
    bool good = json_is_object(remarks);
    json_object_foreach(remarks, key, text) good = good && json_is_string(text);
    return good || at_fail(AT_ERROR_IO, "%s: \"%s\": want a __metadata__ of texts only", f->function, f->path);
}

static int compare_places(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b) {
    return strcmp((*(const entry *const *)a)->name, (*(const entry *const *)b)->name);
}

/* Each byte of the file belongs to one tensor. */
static bool check_places(const at_tensor_file *f) {
    int64_t end = 0;
    for (int i = 0; i < f->count; i++) {
        const entry *e = &f->entries[i];
        if (e->begin < end) return fail_entry(f, e->name, "its bytes overlap another's");
        if (e->begin > end) return fail_entry(f, e->name, "there are bytes before its own that belong to no tensor");
        end = e->end;
    }
    return end == f->data_bytes || at_fail(AT_ERROR_IO, "%s: \"%s\": %" PRId64 " bytes at its end belong to no tensor",
                                           f->function, f->path, f->data_bytes - end);
}

static bool read_entries(at_tensor_file *f) {
    f->most = json_object_size(f->header.root);
    f->entries = tn_allocate(f->most * sizeof *f->entries);
    f->sorted = f->entries ? tn_allocate(f->most * sizeof *f->sorted) : NULL;
    if (!f->sorted) return false;
    const char *name;
    json_t *object;
    json_object_foreach(f->header.root, name, object) {
        if (strcmp(name, remarks_key) == 0) {
            if (!check_remarks(f, object)) return false;
            continue;
        }
        entry *e = &f->entries[f->count++];
        *e = (entry){.name = name};
        if (!read_entry(f, object, e)) return false;
    }
    qsort(f->entries, (size_t)f->count, sizeof *f->entries, compare_places);
    for (int i = 0; i < f->count; i++) f->sorted[i] = &f->entries[i];
    qsort(f->sorted, (size_t)f->count, sizeof *f->sorted, compare_names);
    return check_places(f);
}

/* ---- reading: the header ----------------------------------------------------------------------------------------- */

static bool fail_short(const at_tensor_file *f, const char *what) {
    if (ferror(f->file)) return tn_fail_file(f->function, f->path, errno);
    return at_fail(AT_ERROR_IO, "%s: \"%s\": the file ends within %s", f->function, f->path, what);
}

/* The length of the header, held against the file's. */
static bool read_length(at_tensor_file *f, int64_t file_bytes, size_t *length) {
    unsigned char bytes[LENGTH_BYTES];
    if (fread(bytes, 1, sizeof bytes, f->file) != sizeof bytes || file_bytes < LENGTH_BYTES)
        return fail_short(f, "the length of its header");
    uint64_t said = 0, left = (uint64_t)file_bytes - LENGTH_BYTES;
    for (int i = 0; i < LENGTH_BYTES; i++) said |= (uint64_t)bytes[i] << 8 * i;
    if (said > left || said > LONGEST_HEADER) {
        const char *reason = said > left ? "the file ends before that" : "want 100000000 at most";
        return at_fail(AT_ERROR_IO, "%s: \"%s\": a header of %" PRIu64 " bytes: %s", f->function, f->path, said,
                       reason);
    }
    *length = (size_t)said;
    f->data_at = (int64_t)said + LENGTH_BYTES;
    f->data_bytes = (int64_t)(left - said);
    return true;
}

static bool parse_header(at_tensor_file *f, const char *text, size_t length) {
    json_error_t error;
    if (length == 0 || text[0] != '{')
        return at_fail(AT_ERROR_IO, "%s: \"%s\": its header does not begin with {", f->function, f->path);
    f->header = tn_json_read(text, length, &error);
    if (f->header.root || !f->header.memory) return f->header.root != NULL;
    return at_fail(AT_ERROR_IO, "%s: \"%s\": byte %d of its header: %s", f->function, f->path, error.position,
                   error.text);
}

static bool read_all(at_tensor_file *f, int64_t file_bytes) {
    size_t length = 0;
    if (!read_length(f, file_bytes, &length)) return false;
    char *text = tn_allocate(length + 1);
    if (!text) return false;
    bool read = fread(text, 1, length, f->file) == length ? parse_header(f, text, length) : fail_short(f, "its header");
    tn_deallocate(text, length + 1);
    return read && read_entries(f);
}

at_tensor_file *tn_tensor_file_new(const char *function, const char *path, FILE *file, int64_t bytes) {
    at_tensor_file *f = at_allocate(function, sizeof *f);
    char *copy = f ? tn_text_new(path) : NULL;
    if (!copy) {
        tn_deallocate(f, sizeof *f);
        fclose(file);
        return NULL;
    }
    *f = (at_tensor_file){.function = function, .path = copy, .file = file};
    if (read_all(f, bytes)) return f;
    at_tensor_file_close(f);
    return NULL;
}

at_tensor_file *tn_tensor_file_open(const char *function, const char *path) {
    tn_thread_set_operation(function);
    if (!path) return at_fail_null(function, "path");
    FILE *file = fopen(path, "rb");
    struct stat status;
    bool known = file && fstat(fileno(file), &status) == 0;
    if (known && S_ISREG(status.st_mode)) return tn_tensor_file_new(function, path, file, (int64_t)status.st_size);
    int error = errno;
    if (file) fclose(file);
    if (known) return at_fail(AT_ERROR_IO, "%s: \"%s\" is no regular file", function, path);
    return tn_fail_file(function, path, error);
}

at_tensor_file *at_tensor_file_open(const char *path) { return tn_tensor_file_open("tensor_file_open", path); }

const char *tn_tensor_file_path(const at_tensor_file *file) { return file->path; }

void at_tensor_file_close(at_tensor_file *file) {
    if (!file) return;
    fclose(file->file);
    tn_json_free(&file->header);
    tn_deallocate(file->entries, file->most * sizeof *file->entries);
    tn_deallocate(file->sorted, file->most * sizeof *file->sorted);
    tn_text_free(file->path);
    tn_deallocate(file, sizeof *file);
}

/* ---- reading: tensors -------------------------------------------------------------------------------------------- */

static const entry *entry_at(const char *function, const at_tensor_file *file, int i) {
    if (!file) return at_fail_null(function, "file");
    if (i >= 0 && i < file->count) return &file->entries[i];
    return at_fail(AT_ERROR_VALUE, "%s: tensor %d of the %d in \"%s\": want 0 to %d", function, i, file->count,
                   file->path, file->count - 1);
}

int at_tensor_file_count(at_tensor_file *file) {
    if (file) return file->count;
    at_fail_null("tensor_file_count", "file");
    return -1;
}

const char *at_tensor_file_name(at_tensor_file *file, int i) {
    const entry *e = entry_at("tensor_file_name", file, i);
    return e ? e->name : NULL;
}

at_shape at_tensor_file_shape(at_tensor_file *file, int i) {
    const entry *e = entry_at("tensor_file_shape", file, i);
    return e ? e->shape : (at_shape){.ndim = -1};
}

at_dtype at_tensor_file_dtype(at_tensor_file *file, int i) {
    const entry *e = entry_at("tensor_file_dtype", file, i);
    return e ? e->type.dtype : AT_FLOAT32;
}

int at_tensor_file_find(at_tensor_file *file, const char *name) {
    if (!file || !name) {
        at_fail_null("tensor_file_find", file ? "name" : "file");
        return -1;
    }
    const entry wanted = {.name = name}, *key = &wanted;
    const entry **found = bsearch(&key, file->sorted, (size_t)file->count, sizeof *file->sorted, compare_names);
    return found ? (int)(*found - file->entries) : -1;
}

const char *at_tensor_file_remark(at_tensor_file *file, const char *key) {
    if (!file || !key) return at_fail_null("tensor_file_remark", file ? "key" : "file");
    return json_string_value(json_object_get(json_object_get(file->header.root, remarks_key), key));
}

/* From where the file stands. */
static bool read_elements(FILE *file, const tn_element_type *type, int64_t n, void *to) {
    if (tn_is_verbatim(type)) return fread(to, (size_t)type->size, (size_t)n, file) == (size_t)n;
    enum { CHUNK = 512 };
    unsigned char bytes[CHUNK * 8];
    for (int64_t i = 0; i < n; i += CHUNK) {
        size_t count = (size_t)(n - i < CHUNK ? n - i : CHUNK);
        if (fread(bytes, (size_t)type->size, count, file) != count) return false;
        for (size_t k = 0; k < count; k++) tn_convert_element(type, bytes + k * (size_t)type->size, to, i + (int64_t)k);
    }
    return true;
}

at_tensor *at_tensor_file_read(at_tensor_file *file, int i) {
    tn_thread_set_operation("tensor_file_read");
    const entry *e = entry_at("tensor_file_read", file, i);
    void *data;
    at_tensor *t = e ? tn_tensor_new(e->type.dtype, &e->shape, &data) : NULL;
    if (!t) return NULL;
    bool found = fseeko(file->file, (off_t)(file->data_at + e->begin), SEEK_SET) == 0;
    if (found && read_elements(file->file, &e->type, tn_shape_numel(&e->shape), data)) return t;
    if (!found || ferror(file->file)) return tn_fail_file("tensor_file_read", file->path, errno);
    return at_fail(AT_ERROR_IO, "%s: \"%s\": tensor \"%.200s\": the file has become shorter",
                   tn_called("tensor_file_read"), file->path, e->name);
}

at_tensor *at_tensor_file_get(at_tensor_file *file, const char *name) {
    if (!file || !name) return at_fail_null("tensor_file_get", file ? "name" : "file");
    AT_CALL("tensor_file_get");
    int i = at_tensor_file_find(file, name);
    if (i >= 0) return at_tensor_file_read(file, i);
    return at_fail(AT_ERROR_VALUE, "tensor_file_get: \"%s\" has no tensor \"%.200s\"", file->path, name);
}
