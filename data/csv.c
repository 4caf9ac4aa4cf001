/* data/csv.c - tables of numbers, a line at a time. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tensor/internal.h"
#include "internal.h"

typedef struct {
    const at_load_csv_options *options;
    char delimiter;
    double largest; /* number that the dtype has */
    FILE *file;
    char *text; /* the line; grows with what is there */
    size_t text_room;
    long line;   /* its number, from 1 */
    int columns; /* 0 before the first line that is not blank */
    char **names;
    double *numbers; /* row after row */
    size_t count, room;
} reader;

/* "load_csv: "data.csv": line 3, column 2: ..."; no column where it is 0. */
static bool fail_at(const reader *r, int column, const char *field, const char *what) {
    char place[64], quoted[80] = "";
    snprintf(place, sizeof place, column ? "line %ld, column %d" : "line %ld", r->line, column);
    if (field) snprintf(quoted, sizeof quoted, "\"%.60s\" ", field);
    return at_fail(AT_ERROR_VALUE, "load_csv: \"%s\": %s: %s%s", r->options->path, place, quoted, what);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

/* A carriage return belongs at the end of a line; no other control character but the tab belongs into a table. */
static bool has_control_character(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' && text[i] != '\t') return true;
    return false;
}

/* The next line, without its end, into r->text; 1, or 0 at the end of the file, or -1 after reporting an error. */
static int read_line(reader *r) {
    errno = 0;
    ssize_t got = getline(&r->text, &r->text_room, r->file);
    r->line++;
    if (got < 0) {
        if (feof(r->file)) return 0;
        tn_fail_file("load_csv", r->options->path, errno); /* a folder opens like a file */
        return -1;
    }
    size_t length = (size_t)got;
    if (length > 0 && r->text[length - 1] == '\n') length--;
    if (length > 0 && r->text[length - 1] == '\r') length--;
    r->text[length] = '\0';
    if (has_control_character(r->text, length)) return fail_at(r, 0, NULL, "has a control character"), -1;
    static const char mark[] = "\xEF\xBB\xBF"; /* of the encoding: some programs begin a text file with it */
    if (r->line == 1 && strncmp(r->text, mark, 3) == 0) memmove(r->text, r->text + 3, length - 2);
    return 1;
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static bool is_blank(const reader *r, char c) { return (c == ' ' || c == '\t') && c != r->delimiter; }

static char *skip_blanks(const reader *r, char *text) {
    while (is_blank(r, *text)) text++;
    return text;
}

/* Moves the text behind an opening quote together, as "" within stands for one quote, and ends it. Returns what follows
 * the closing quote, NULL if there is none. */
static char *unquote(const reader *r, char *text) {
    char *from = text, *to = text;
    for (; *from; *to++ = *from++) {
        if (*from != '"') continue;
        if (from[1] != '"') {
            *to = '\0';
            return skip_blanks(r, from + 1);
        }
        from++;
    }
    return NULL;
}

/* Cuts the first field off *rest, which becomes NULL after the last. NULL if quotes are out of place. */
static char *next_field(const reader *r, char **rest) {
    char *field = skip_blanks(r, *rest), *end = field;
    if (*field == '"') {
        end = unquote(r, ++field);
        if (!end || (*end && *end != r->delimiter)) return NULL;
    } else {
        while (*end && *end != r->delimiter) end++;
        for (char *last = end; last > field && is_blank(r, last[-1]); last--) last[-1] = '\0';
    }
    *rest = *end ? end + 1 : NULL;
    *end = '\0';
    return field;
}

/* The fields of the line, moved to its beginning, each with its zero; how many, -1 after reporting an error. */
static int split(reader *r) {
    char *rest = skip_blanks(r, r->text), *to = r->text;
    int columns = 0;
    while (rest) {
        char *field = next_field(r, &rest);
        if (!field)
            return fail_at(r, columns + 1, NULL,
                           "quotes out of place: want them around the whole field, and \"\" for one within"),
                   -1;
        size_t bytes = strlen(field) + 1;
        memmove(to, field, bytes);
        to += bytes;
        columns++;
    }
    if (r->columns == 0 || columns == r->columns) return columns;
    char what[96];
    snprintf(what, sizeof what, "want %d column%s as in the first line, found %d", r->columns,
             r->columns == 1 ? "" : "s", columns);
    return fail_at(r, 0, NULL, what), -1;
}

/* What tables have in place of a number that is not known. */
static bool is_missing(const char *text) {
    return !*text || strcmp(text, "NA") == 0 || strcmp(text, "NaN") == 0 || strcmp(text, "nan") == 0;
}

/* strtod alone would accept "inf", "0x10" and " 12abc". */
static bool is_number(const char *text, double *number) {
    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text)) return false;
    char *end;
    *number = strtod(text, &end);
    return !*end;
}

/* NULL, or what is wrong with the text. */
static const char *parse(const reader *r, const char *text, double *number) {
    if (r->options->missing_as_nan && is_missing(text)) return *number = NAN, NULL;
    if (!is_number(text, number)) return "is not a number";
    return fabs(*number) > r->largest ? "is too large" : NULL;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* One block: the pointers, and behind them what they point to. */
static char **copy_names(const char *fields, int columns) {
    const char *end = fields;
    for (int i = 0; i < columns; i++) end += strlen(end) + 1;
    size_t pointers = (size_t)columns * sizeof(char *), bytes = (size_t)(end - fields);
    char **names = malloc(pointers + bytes);
    if (!names) return tn_fail_memory(pointers + bytes);
    char *text = (char *)names + pointers;
    memcpy(text, fields, bytes);
    for (int i = 0; i < columns; i++, text += strlen(text) + 1) names[i] = text;
    return names;
}

static bool is_header(const reader *r, int columns) {
    if (r->columns != 0 || r->options->header == AT_HEADER_NO) return false;
    if (r->options->header == AT_HEADER_YES) return true;
    double number;
    bool named = false; /* a missing number says nothing of what the line is */
    const char *field = r->text;
    for (int i = 0; i < columns; i++, field += strlen(field) + 1) {
        if (is_number(field, &number)) return false;
        named = named || !is_missing(field);
    }
    return named;
}

static bool make_room(reader *r, size_t more) {
    if (r->count + more <= r->room) return true;
    size_t room = 2 * r->room + more + 256;
    double *numbers = tn_allocate_more(r->numbers, r->room * sizeof *numbers, room * sizeof *numbers);
    if (!numbers) return false;
    r->numbers = numbers;
    r->room = room;
    return true;
}

static bool read_row(reader *r) {
    int columns = split(r);
    if (columns < 0) return false;
    bool header = is_header(r, columns);
    r->columns = columns;
    if (header) return (r->names = copy_names(r->text, columns)) != NULL;
    if (!make_room(r, (size_t)columns)) return false;
    const char *field = r->text;
    for (int i = 0; i < columns; i++, field += strlen(field) + 1) {
        const char *problem = parse(r, field, &r->numbers[r->count + (size_t)i]);
        if (problem) return fail_at(r, i + 1, field, problem);
    }
    r->count += (size_t)columns;
    return true;
}

static at_tensor *make_table(const reader *r) {
    at_shape shape = AT_SHAPE((int64_t)(r->count / (size_t)r->columns), r->columns);
    void *data;
    at_tensor *table = tn_tensor_new(at_default_dtype(), &shape, &data);
    for (size_t i = 0; table && i < r->count; i++) {
        if (at_default_dtype() == AT_FLOAT32)
            ((float *)data)[i] = (float)r->numbers[i];
        else
            ((double *)data)[i] = r->numbers[i];
    }
    return table;
}

at_tensor *dt_read_csv(FILE *file, const at_load_csv_options *options) {
    reader r = {.options = options, .file = file, .delimiter = options->delimiter ? options->delimiter : ','};
    r.largest = at_default_dtype() == AT_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
    int kind;
    bool good = true;
    while (good && (kind = read_line(&r)) != 0) good = kind > 0 && (!*skip_blanks(&r, r.text) || read_row(&r));
    if (good && r.columns == 0) good = at_fail(AT_ERROR_VALUE, "load_csv: \"%s\": the file is empty", options->path);
    at_tensor *table = good ? make_table(&r) : NULL;
    if (options->names && table)
        *options->names = r.names;
    else
        free(r.names);
    tn_deallocate(r.numbers, r.room * sizeof *r.numbers);
    free(r.text);
    return table;
}

at_tensor *at_load_csv_with(at_load_csv_options options) {
    tn_thread_set_operation("load_csv");
    if (options.names) *options.names = NULL;
    if (!options.path) return at_fail_null("load_csv", "path");
    if (options.delimiter && strchr(" \"\r\n+-.0123456789eE", options.delimiter))
        return at_fail(AT_ERROR_VALUE,
                       "load_csv: the delimiter is '%c': want one that is no part of a number, quote, blank or end of "
                       "a line",
                       options.delimiter);
    if (options.header != AT_HEADER_AUTO && options.header != AT_HEADER_YES && options.header != AT_HEADER_NO)
        return at_fail(AT_ERROR_VALUE, "load_csv: header is %d: want AT_HEADER_AUTO, _YES or _NO", (int)options.header);
    FILE *file = fopen(options.path, "r");
    if (!file) return tn_fail_file("load_csv", options.path, errno);
    at_tensor *table = dt_read_csv(file, &options);
    fclose(file);
    return table;
}
