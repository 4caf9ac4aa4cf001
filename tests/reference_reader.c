/* tests/reference_reader.c - files to lines, lines to values, values to tensors of every layout. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "reference_reader.h"

/* ---- files ------------------------------------------------------------------------------------------------------- */

static char *read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);
        rewind(file);
        text = size < 0 ? NULL : malloc((size_t)size + 1);
        if (text && fread(text, 1, (size_t)size, file) == (size_t)size) {
            text[size] = '\0';
        } else {
            free(text);
            text = NULL;
        }
    }
    fclose(file);
    return text;
}

static int count_lines(const char *text) {
    int lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

/* Ends each line with '\0' and points at it. */
static int split_lines(char *text, char **lines) {
    int n = 0;
    for (char *end; (end = strchr(text, '\n')); text = end + 1) {
        *end = '\0';
        lines[n++] = text;
    }
    return n;
}

static int find_cases(const char *path, char **lines, int n_lines, reference_case *cases) {
    int n = 0;
    for (int i = 0; i < n_lines; i++) {
        if (strncmp(lines[i], "case ", 5) == 0) {
            cases[n++] = (reference_case){path, lines[i] + 5, lines + i + 1, 0, i + 2};
        } else if (n > 0) {
            cases[n - 1].n_lines++;
        }
    }
    return n;
}

reference_file reference_open(const char *path) {
    reference_file file = {read_text(path), NULL, NULL, -1};
    if (!file.text) return file;
    size_t n = (size_t)count_lines(file.text) + 1;
    file.lines = calloc(n, sizeof *file.lines);
    file.cases = calloc(n, sizeof *file.cases);
    if (file.lines && file.cases)
        file.n_cases = find_cases(path, file.lines, split_lines(file.text, file.lines), file.cases);
    return file;
}

void reference_close(reference_file *file) {
    free(file->text);
    free(file->lines);
    free(file->cases);
    *file = (reference_file){NULL, NULL, NULL, -1};
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

const char *reference_word(const char **at, char word[static 64]) {
    while (**at == ' ') ++*at;
    size_t length = strcspn(*at, " ");
    size_t kept = length < 63 ? length : 63;
    memcpy(word, *at, kept);
    word[kept] = '\0';
    *at += length;
    return word;
}

const char *reference_argument(const char *line, const char *key) {
    size_t length = strlen(key);
    for (const char *at = strchr(line, ' '); at; at = strchr(at, ' ')) {
        at++;
        if (strncmp(at, key, length) == 0 && at[length] == '=') return at + length + 1;
    }
    return NULL;
}

at_dtype reference_dtype(const char *name) {
    static const char *const names[] = {"float32", "float64", "int64", "bool"};
    for (int i = 0; i < 4; i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0) return (at_dtype)i;
    }
    fprintf(stderr, "reference: unknown dtype \"%s\"\n", name);
    abort();
}

at_shape reference_shape(const char *text) {
    int64_t dims[AT_MAX_DIMS];
    int n = 0;
    for (const char *at = text + 1; *at && *at != ')' && n < AT_MAX_DIMS;) {
        char *end;
        dims[n++] = strtoll(at, &end, 10);
        at = *end == ',' ? end + 1 : end;
    }
    return at_shape_from(n, dims);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

size_t reference_element_size(at_dtype dtype) { return dtype == AT_BOOL ? sizeof(bool) : dtype == AT_FLOAT32 ? 4 : 8; }

double reference_real(at_dtype dtype, const void *elements, int64_t i) {
    return dtype == AT_FLOAT32 ? (double)((const float *)elements)[i] : ((const double *)elements)[i];
}

int64_t reference_integer(at_dtype dtype, const void *elements, int64_t i) {
    return dtype == AT_BOOL ? ((const bool *)elements)[i] : ((const int64_t *)elements)[i];
}

static void set_element(reference_values *v, int64_t i, double real, int64_t integer) {
    switch (v->dtype) {
    case AT_FLOAT32: ((float *)v->elements)[i] = (float)real; break;
    case AT_FLOAT64: ((double *)v->elements)[i] = real; break;
    case AT_INT64: ((int64_t *)v->elements)[i] = integer; break;
    case AT_BOOL: ((bool *)v->elements)[i] = integer != 0; break;
    }
}

int64_t reference_stored(const reference_values *v) { return v->some ? 16 : v->numel; }

/* Values too long to store: as sequence() in generate.py. */
static void fill_sequence(reference_values *v, uint64_t seed) {
    for (int64_t i = 0; i < v->numel; i++) {
        uint32_t bits = (uint32_t)((uint64_t)(i + 1) * seed);
        set_element(v, i, (double)bits / 1073741824.0 - 2.0, 0);
    }
}

static void fill_listed(reference_values *v, const char *at) {
    bool floating = v->dtype == AT_FLOAT32 || v->dtype == AT_FLOAT64;
    int64_t n = reference_stored(v);
    for (int64_t i = 0; i < n + v->some; i++) {
        char *end;
        double real = floating ? strtod(at, &end) : 0;
        int64_t integer = floating ? 0 : strtoll(at, &end, 10);
        if (end == at) {
            fprintf(stderr, "reference: value %lld of %lld is missing\n", (long long)i, (long long)n);
            abort();
        }
        at = end;
        if (i < n) {
            set_element(v, i, real, integer);
        } else {
            v->real_checksum = real;
            v->integer_checksum = integer;
        }
    }
}

reference_values reference_read(const char *at, char word[2][64]) {
    char text[64];
    reference_values v = {.dtype = reference_dtype(reference_word(&at, text)), .numel = 1};
    v.shape = reference_shape(reference_word(&at, text));
    for (int i = 0; i < v.shape.ndim; i++) v.numel *= v.shape.dim[i];
    word[0][0] = word[1][0] = '\0';
    for (int i = 0; reference_word(&at, text)[0] && text[0] != ':'; i++) {
        if (i < 2) memcpy(word[i], text, sizeof text);
    }
    v.elements = malloc((size_t)(v.numel > 16 ? v.numel : 16) * 8);
    if (!v.elements) abort();
    const char *listed = at;
    reference_word(&at, text);
    v.some = strcmp(text, "some") == 0;
    if (strcmp(text, "sequence") == 0) {
        fill_sequence(&v, strtoull(at, NULL, 10));
    } else {
        fill_listed(&v, v.some ? at : listed);
    }
    if (strchr(word[0], '/')) {
        v.relative = strtod(word[0], NULL);
        v.absolute = strtod(strchr(word[0], '/') + 1, NULL);
    }
    return v;
}

void reference_free(reference_values *values) { free(values->elements); }

/* ---- layouts ----------------------------------------------------------------------------------------------------- */

static at_tensor *from_elements(at_dtype dtype, const void *elements, at_shape shape) {
    switch (dtype) {
    case AT_FLOAT32: return at_from_floats_shape(elements, shape);
    case AT_FLOAT64: return at_from_doubles_shape(elements, shape);
    case AT_INT64: return at_from_int64s_shape(elements, shape);
    case AT_BOOL: break;
    }
    return at_from_bools_shape(elements, shape);
}

/* A tensor of storage's shape in which logical element (i0, i1, ...) lies at sum of (start[d] + i_d * step[d]) * stride[d];
 * NaN, -1 or true elsewhere, so that reading beside the layout shows. */
static at_tensor *spread(const reference_values *v, at_shape storage, const int64_t *start, const int64_t *step,
                         const int64_t *stride) {
    size_t size = reference_element_size(v->dtype);
    int64_t numel = 1;
    for (int d = 0; d < storage.ndim; d++) numel *= storage.dim[d];
    char *data = malloc((size_t)(numel + 1) * size);
    if (!data) abort();
    memset(data, v->dtype == AT_BOOL ? 1 : 0xff, (size_t)numel * size);
    for (int64_t i = 0; i < v->numel; i++) {
        int64_t rest = i, position = 0;
        for (int d = v->shape.ndim - 1; d >= 0; d--) {
            position += (start[d] + rest % v->shape.dim[d] * step[d]) * stride[d];
            rest /= v->shape.dim[d];
        }
        memcpy(data + (size_t)position * size, (const char *)v->elements + (size_t)i * size, size);
    }
    at_tensor *t = from_elements(v->dtype, data, storage);
    free(data);
    return t;
}

static void row_major(at_shape shape, int64_t *stride) {
    int64_t step = 1;
    for (int d = shape.ndim - 1; d >= 0; d--) {
        stride[d] = step;
        step *= shape.dim[d];
    }
}

at_tensor *reference_tensor(const reference_values *v, const char *layout) {
    if (strcmp(layout, "contiguous") == 0) return from_elements(v->dtype, v->elements, v->shape);
    int64_t start[AT_MAX_DIMS] = {0}, step[AT_MAX_DIMS] = {1, 1, 1, 1, 1, 1, 1, 1}, stride[AT_MAX_DIMS] = {0};
    at_shape storage = v->shape;
    if (strcmp(layout, "selected") == 0) {
        int64_t three = 3, data[3];
        memset(data, v->dtype == AT_BOOL ? 1 : 0xff, sizeof data);
        memcpy((char *)data + reference_element_size(v->dtype), v->elements, reference_element_size(v->dtype));
        return at_select(from_elements(v->dtype, data, at_shape_from(1, &three)), 0, 1);
    }
    int last = storage.ndim - 1, dim = atoi(strchr(layout, '@') + 1);
    dim = dim < 0 ? dim + storage.ndim : dim;
    int64_t n = storage.dim[dim];
    if (layout[0] == 't') { /* transposed: strides of the storage, in the order of v's dimensions */
        storage.dim[dim] = storage.dim[last];
        storage.dim[last] = n;
        row_major(storage, stride);
        int64_t swapped = stride[dim];
        stride[dim] = stride[last];
        stride[last] = swapped;
        return at_transpose(spread(v, storage, start, step, stride), dim, last);
    }
    bool expanded = layout[0] == 'e', stepped = layout[0] == 's';
    storage.dim[dim] = expanded ? 1 : stepped ? 2 * n + 1 : n + 2;
    start[dim] = expanded ? 0 : 1;
    step[dim] = expanded ? 0 : stepped ? 2 : 1;
    row_major(storage, stride);
    at_tensor *base = spread(v, storage, start, step, stride);
    if (expanded) return at_expand_shape(base, v->shape);
    return at_slice(base, dim, 1, stepped ? 2 * n : n + 1, stepped ? 2 : 1);
}
