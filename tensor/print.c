/* print.c - tensors as text, laid out as PyTorch lays them out. */
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Of more than SUMMARY_FROM elements only the first and last EDGE along each dimension are shown. */
enum { SUMMARY_FROM = 1000, EDGE = 3, LINE_WIDTH = 80 };

/* ---- a text that grows ------------------------------------------------------------------------------------------- */

typedef struct {
    char *bytes; /* NULL once memory has run out; then nothing more is added */
    size_t used, capacity;
} text;

static text new_text(void) {
    const size_t capacity = 256;
    return (text){tn_allocate(capacity), 0, capacity};
}

static void add_bytes(text *t, const char *bytes, size_t n) {
    if (t->bytes == NULL) return;
    if (t->used + n + 1 > t->capacity) {
        size_t capacity = 2 * t->capacity + n;
        char *grown = tn_allocate_more(t->bytes, t->capacity, capacity);
        if (grown == NULL) tn_deallocate(t->bytes, t->capacity);
        t->bytes = grown;
        if (grown == NULL) return;
        t->capacity = capacity;
    }
    memcpy(t->bytes + t->used, bytes, n);
    t->used += n;
    t->bytes[t->used] = '\0';
}

static void add(text *t, const char *string) { add_bytes(t, string, strlen(string)); }

static void add_repeated(text *t, char c, int n) {
    for (int i = 0; i < n; i++) add_bytes(t, &c, 1);
}

/* ---- which elements are shown ------------------------------------------------------------------------------------ */

enum { ELEMENT_BYTES = 64 };

typedef struct {
    at_dtype dtype;
    at_shape shape;
    const void *data;
    int64_t stride[AT_MAX_DIMS];
    bool summarized;
    bool whole, scientific; /* how floating-point numbers are written */
    int width;              /* of an element */
} layout;

static bool is_cut(const layout *l, int dim) { return l->summarized && l->shape.dim[dim] > 2 * EDGE; }

static int64_t shown_count(const layout *l, int dim) { return is_cut(l, dim) ? 2 * EDGE : l->shape.dim[dim]; }

/* The index of the i-th shown item along a dimension. */
static int64_t shown_index(const layout *l, int dim, int64_t i) {
    return is_cut(l, dim) && i >= EDGE ? l->shape.dim[dim] - 2 * EDGE + i : i;
}

static int64_t all_shown_count(const layout *l) {
    int64_t count = 1;
    for (int d = 0; d < l->shape.ndim; d++) count *= shown_count(l, d);
    return count;
}

/* Where in the data the i-th of all shown elements stands. */
static int64_t shown_place(const layout *l, int64_t i) {
    int64_t place = 0;
    for (int d = l->shape.ndim - 1; d >= 0; d--) {
        place += shown_index(l, d, i % shown_count(l, d)) * l->stride[d];
        i /= shown_count(l, d);
    }
    return place;
}

/* ---- how an element is written ----------------------------------------------------------------------------------- */

static double real_at(const layout *l, int64_t place) {
    return l->dtype == AT_FLOAT32 ? (double)((const float *)l->data)[place] : ((const double *)l->data)[place];
}

/* printf writes the decimal point of the program's locale. */
static void put_point(char *number) {
    const char *point = localeconv()->decimal_point;
    char *found = strstr(number, point);
    if (found == NULL || strcmp(point, ".") == 0) return;
    /* LCOV_EXCL_START: a machine need not have a locale with a comma */
    *found = '.';
    memmove(found + 1, found + strlen(point), strlen(found + strlen(point)) + 1);
    /* LCOV_EXCL_STOP */
}

static void write_real(const layout *l, double x, char out[ELEMENT_BYTES]) {
    if (isnan(x))
        snprintf(out, ELEMENT_BYTES, "nan");
    else if (isinf(x))
        snprintf(out, ELEMENT_BYTES, x < 0 ? "-inf" : "inf");
    else if (l->scientific)
        snprintf(out, ELEMENT_BYTES, "%.4e", x);
    else
        snprintf(out, ELEMENT_BYTES, l->whole ? "%.0f." : "%.4f", x);
    if (isfinite(x) && (l->scientific || !l->whole)) put_point(out);
}

static void write_element(const layout *l, int64_t place, char out[ELEMENT_BYTES]) {
    switch (l->dtype) {
    case AT_FLOAT32:
    case AT_FLOAT64: write_real(l, real_at(l, place), out); break;
    case AT_INT64: snprintf(out, ELEMENT_BYTES, "%" PRId64, ((const int64_t *)l->data)[place]); break;
    default: snprintf(out, ELEMENT_BYTES, "%s", ((const bool *)l->data)[place] ? "True" : "False"); break;
    }
}

/* Whole numbers are written without decimals; numbers of very different sizes, or very large or small ones, with an
 * exponent. Zeros, infinities and NaN have no say in this, nor in how wide a floating-point element is. */
static void choose_notation(layout *l) {
    double least = INFINITY, greatest = 0;
    int64_t count = all_shown_count(l);
    l->whole = true;
    for (int64_t i = 0; i < count; i++) {
        double x = fabs(real_at(l, shown_place(l, i)));
        if (x == 0 || !isfinite(x)) continue;
        if (x < least) least = x;
        if (x > greatest) greatest = x;
        l->whole = l->whole && x == floor(x);
    }
    l->scientific = greatest > 0 && (greatest / least > 1000 || greatest > 1e8 || (!l->whole && least < 1e-4));
}

static void measure(layout *l) {
    bool real = tn_is_floating(l->dtype);
    if (real) choose_notation(l);
    int64_t count = all_shown_count(l);
    char element[ELEMENT_BYTES];
    l->width = 1;
    for (int64_t i = 0; i < count; i++) {
        int64_t place = shown_place(l, i);
        if (real && (real_at(l, place) == 0 || !isfinite(real_at(l, place)))) continue;
        write_element(l, place, element);
        if ((int)strlen(element) > l->width) l->width = (int)strlen(element);
    }
}

/* ---- brackets and lines ------------------------------------------------------------------------------------------ */

static void add_element(text *t, const layout *l, int64_t place) {
    char element[ELEMENT_BYTES];
    write_element(l, place, element);
    add_repeated(t, ' ', l->width - (int)strlen(element));
    add(t, element);
}

/* The last dimension: as many elements on a line as fit, further lines indented to stand below the first element. */
static void add_row(text *t, const layout *l, int dim, int64_t place, int indent) {
    int fit = (LINE_WIDTH - indent) / (l->width + 2), on_line = 0;
    int64_t count = shown_count(l, dim), dots_at = is_cut(l, dim) ? EDGE : -1;
    add(t, "[");
    for (int64_t i = 0; i < count; i++) {
        for (bool dots = i == dots_at;; dots = false) { /* the dots count as an element */
            if (on_line == (fit > 1 ? fit : 1)) {
                add(t, ",\n");
                add_repeated(t, ' ', indent + 1);
                on_line = 0;
            } else if (on_line > 0) {
                add(t, ", ");
            }
            on_line++;
            if (!dots) break;
            add(t, " ...");
        }
        add_element(t, l, place + shown_index(l, dim, i) * l->stride[dim]);
    }
    add(t, "]");
}

/* Items of a dimension stand on lines of their own, with a blank line between matrices, two between blocks of them, and
 * so on. Calls itself once for each dimension, of which there are at most AT_MAX_DIMS. */
static void add_items(text *t, const layout *l, int dim, int64_t place, int indent) {
    if (dim == l->shape.ndim) {
        add_element(t, l, place);
        return;
    }
    if (dim == l->shape.ndim - 1) {
        add_row(t, l, dim, place, indent);
        return;
    }
    int64_t count = shown_count(l, dim);
    add(t, "[");
    for (int64_t i = 0; i < count; i++) {
        for (bool dots = is_cut(l, dim) && i == EDGE;; dots = false) {
            if (i > 0) {
                add(t, ",");
                add_repeated(t, '\n', l->shape.ndim - dim - 1);
                add_repeated(t, ' ', indent + 1);
            }
            if (!dots) break;
            add(t, "...");
        }
        add_items(t, l, dim + 1, place + shown_index(l, dim, i) * l->stride[dim], indent + 1);
    }
    add(t, "]");
}

/* One of the remarks after the elements, on a line of its own where it does not fit. */
static void add_suffix(text *t, int indent, const char *name, const char *value, size_t width) {
    if (t->bytes == NULL) return;
    const char *line = strrchr(t->bytes, '\n');
    size_t on_line = strlen(line ? line + 1 : t->bytes);
    bool fits = on_line + strlen(", ") + width + strlen(")") < LINE_WIDTH;
    add(t, fits ? ", " : ",\n");
    if (!fits) add_repeated(t, ' ', indent);
    add(t, name);
    add(t, value);
}

/* What the elements do not tell: the shape of an empty tensor, and a dtype that is not to be expected. */
static void add_suffixes(text *t, const layout *l, int indent) {
    bool empty = tn_shape_numel(&l->shape) == 0;
    if (empty && l->shape.ndim != 1) {
        const char *shape = tn_shape_text(&l->shape);
        add_suffix(t, indent, "size=", shape, strlen("size=") + strlen(shape));
    }
    if (l->dtype == at_default_dtype() || (!empty && !tn_is_floating(l->dtype))) return;
    const char *dtype = at_dtype_name(l->dtype);
    /* Lines are broken where PyTorch breaks them, which writes dtype=torch.float64. */
    add_suffix(t, indent, "dtype=", dtype, strlen("dtype=torch.") + strlen(dtype));
}

static text write_tensor(const layout *l) {
    static const char start[] = "tensor(";
    const int indent = (int)strlen(start);
    text t = new_text();
    add(&t, start);
    if (tn_shape_numel(&l->shape) == 0)
        add(&t, "[]");
    else
        add_items(&t, l, 0, 0, indent);
    add_suffixes(&t, l, indent);
    add(&t, ")");
    return t;
}

/* ---- the public functions ---------------------------------------------------------------------------------------- */

/* The text of t, without bytes after an error. */
static text text_of(const char *function, at_tensor *t) {
    tn_thread_set_operation(function);
    if (t == NULL) tn_fail_null(function, "t");
    if (t == NULL || !tn_value_store(t->value)) return (text){0};
    const tn_value *v = t->value;
    layout l = {.dtype = v->dtype, .shape = v->shape, .data = tn_data(v), .summarized = v->numel > SUMMARY_FROM};
    memcpy(l.stride, v->stride, sizeof l.stride);
    measure(&l);
    return write_tensor(&l);
}

static void print(const char *function, FILE *file, at_tensor *t) {
    text of_t = text_of(function, t);
    if (of_t.bytes == NULL) return;
    fputs(of_t.bytes, file);
    fputc('\n', file);
    tn_deallocate(of_t.bytes, of_t.capacity);
}

/* The caller frees the string without knowing of allocators. */
char *at_to_string(at_tensor *t) {
    text of_t = text_of("to_string", t);
    if (of_t.bytes == NULL) return NULL;
    char *string = malloc(of_t.used + 1);
    if (string == NULL)
        tn_fail_memory(of_t.used + 1);
    else
        memcpy(string, of_t.bytes, of_t.used + 1);
    tn_deallocate(of_t.bytes, of_t.capacity);
    return string;
}

void at_print(at_tensor *t) { print("print", stdout, t); }

void at_fprint(FILE *file, at_tensor *t) {
    if (file == NULL)
        tn_fail_null("fprint", "file");
    else
        print("fprint", file, t);
}
