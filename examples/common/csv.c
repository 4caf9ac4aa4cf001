/* examples/common/csv.c - reading a CSV file of two columns, a line at a time. */
#include "csv.h"
#include "complain.h"
#include "numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *path;
    FILE *file;
    long line; /* its number, from 1 */
    char text[CSV_LINE_BYTES];
    bool header_allowed; /* until the first line that is not blank */
    float *numbers;      /* x and y in turn */
    size_t rows, room;
} reader;

/* ---- lines ------------------------------------------------------------------------------------------------------- */

typedef enum { LINE, END, BROKEN } line_kind;

/* A carriage return belongs at the end of a line; no other control character but the tab belongs into a table. */
static bool is_text(const reader *r, int c, size_t used) {
    if (used > 0 && r->text[used - 1] == '\r') return false;
    return c >= ' ' || c == '\t' || c == '\r';
}

/* The next line into r->text, without its end. */
static line_kind read_line(reader *r) {
    size_t used = 0;
    int c;
    r->line++;
    while ((c = getc(r->file)) != EOF && c != '\n') {
        if (!is_text(r, c, used)) return complain("%s: line %ld: has a control character", r->path, r->line), BROKEN;
        if (used == sizeof r->text - 1)
            return complain("%s: line %ld: longer than %zu bytes", r->path, r->line, used), BROKEN;
        r->text[used++] = (char)c;
    }
    /* A folder opens like a file; only reading it fails. */
    if (ferror(r->file)) return complain("%s: cannot read: %s", r->path, strerror(errno)), BROKEN;
    if (used > 0 && r->text[used - 1] == '\r') used--;
    r->text[used] = '\0';
    return c == EOF && used == 0 ? END : LINE;
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static char *skip_blanks(char *text) { return text + strspn(text, " \t"); }

static void trim_end(char *text) {
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t", text[length - 1])) length--;
    text[length] = '\0';
}

/* Moves the text behind an opening quote together, as "" within stands for one quote, and ends it. Returns what follows
 * the closing quote, NULL if there is none. */
static char *unquote(char *text) {
    char *from = text, *to = text;
    for (; *from; *to++ = *from++) {
        if (*from != '"') continue;
        if (from[1] != '"') {
            *to = '\0';
            return skip_blanks(from + 1);
        }
        from++;
    }
    return NULL;
}

/* Cuts the first field off *rest, which becomes NULL after the last. NULL if quotes are out of place. */
static char *next_field(char **rest) {
    char *field = skip_blanks(*rest);
    char *end = field + strcspn(field, ",");
    if (*field == '"') {
        end = unquote(++field);
        if (!end || (*end && *end != ',')) return NULL;
    }
    *rest = *end ? end + 1 : NULL;
    *end = '\0';
    trim_end(field);
    return field;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static bool append(reader *r, const double number[2]) {
    if (r->rows == r->room) {
        size_t room = r->room ? 2 * r->room : 256;
        float *numbers = realloc(r->numbers, room * 2 * sizeof *numbers);
        if (!numbers) return complain("%s: line %ld: out of memory", r->path, r->line);
        r->numbers = numbers;
        r->room = room;
    }
    r->numbers[2 * r->rows] = (float)number[0];
    r->numbers[2 * r->rows + 1] = (float)number[1];
    r->rows++;
    return true;
}

/* The line's two fields. */
static bool split(reader *r, char *field[2]) {
    char *rest = r->text;
    int columns = 0;
    for (; rest; columns++) {
        char *next = next_field(&rest);
        if (!next) return complain("%s: line %ld, column %d: quotes out of place", r->path, r->line, columns + 1);
        if (columns < 2) field[columns] = next;
    }
    return columns == 2 ||
           complain("%s: line %ld: want 2 columns with a comma between them, found %d", r->path, r->line, columns);
}

static bool read_row(reader *r, csv_pairs *pairs) {
    char *field[2];
    if (!split(r, field)) return false;
    double number[2] = {0, 0};
    const char *problem[2] = {parse_real(field[0], &number[0]), parse_real(field[1], &number[1])};
    bool header = r->header_allowed && problem[0] && problem[1];
    r->header_allowed = false;
    if (header) {
        strcpy(pairs->x_name, field[0]); /* a field is never longer than a line */
        strcpy(pairs->y_name, field[1]);
        return true;
    }
    for (int i = 0; i < 2; i++)
        if (problem[i])
            return complain("%s: line %ld, column %d: \"%.60s\" %s", r->path, r->line, i + 1, field[i], problem[i]);
    return append(r, number);
}

/* Some programs begin a text file with this mark of its encoding. */
static void skip_byte_order_mark(reader *r) {
    static const char mark[] = "\xEF\xBB\xBF";
    if (r->line == 1 && strncmp(r->text, mark, 3) == 0) memmove(r->text, r->text + 3, strlen(r->text + 3) + 1);
}

static bool read_rows(reader *r, csv_pairs *pairs) {
    line_kind kind;
    while ((kind = read_line(r)) == LINE) {
        skip_byte_order_mark(r);
        if (*skip_blanks(r->text) && !read_row(r, pairs)) return false;
    }
    if (kind == BROKEN) return false;
    if (r->header_allowed) return complain("%s: the file is empty", r->path);
    if (r->rows < 2)
        return complain("%s: line %ld: want at least 2 rows of numbers, found %zu", r->path, r->line - 1, r->rows);
    return true;
}

bool csv_read_pairs_from(FILE *file, const char *path, csv_pairs *pairs) {
    reader r = {.path = path, .file = file, .header_allowed = true};
    strcpy(pairs->x_name, "x");
    strcpy(pairs->y_name, "y");
    bool ok = read_rows(&r, pairs);
    if (ok) {
        at_tensor *table = at_from_floats(r.numbers, (int64_t)r.rows, 2);
        pairs->x = at_select(table, 1, 0);
        pairs->y = at_select(table, 1, 1);
    }
    free(r.numbers);
    return ok;
}

bool csv_read_pairs(const char *path, csv_pairs *pairs) {
    FILE *file = fopen(path, "r");
    if (!file) return complain("%s: cannot open: %s", path, strerror(errno));
    bool ok = csv_read_pairs_from(file, path, pairs);
    fclose(file);
    return ok;
}
