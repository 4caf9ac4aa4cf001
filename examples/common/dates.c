/* examples/common/dates.c - dates, the ways to write them, and texts as tokens. */
#include "dates.h"
#include "complain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int year, month, day, weekday;
} date;

enum { FIRST_YEAR = 1950, YEARS = 100, DAYS = 36525, FORMATS = 8, TEXT_BYTES = 64 };

/* ---- dates ------------------------------------------------------------------------------------------------------- */

static int days_in(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && year % 4 == 0 ? 29 : days[month - 1]; /* 2000 was a leap year */
}

/* The date that is so many days after the first one, which was a Sunday. */
static date date_of(int days) {
    date d = {.year = FIRST_YEAR, .month = 1, .weekday = days % 7};
    for (; days >= days_in(d.year, d.month); d.month = d.month % 12 + 1) {
        days -= days_in(d.year, d.month);
        if (d.month == 12) d.year++;
    }
    d.day = days + 1;
    return d;
}

static const char *const month_name[] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};
static const char *const weekday_name[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                           "Thursday", "Friday", "Saturday"};
static const char *const ordinal[] = {"first",        "second",        "third",          "fourth",
                                      "fifth",        "sixth",         "seventh",        "eighth",
                                      "ninth",        "tenth",         "eleventh",       "twelfth",
                                      "thirteenth",   "fourteenth",    "fifteenth",      "sixteenth",
                                      "seventeenth",  "eighteenth",    "nineteenth",     "twentieth",
                                      "twenty-first", "twenty-second", "twenty-third",   "twenty-fourth",
                                      "twenty-fifth", "twenty-sixth",  "twenty-seventh", "twenty-eighth",
                                      "twenty-ninth", "thirtieth",     "thirty-first"};

/* 1st, 2nd, 3rd, 4th, ... 11th, ... 21st */
static const char *ending(int day) {
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    return day / 10 == 1 || day % 10 > 3 ? "th" : endings[day % 10];
}

static void write_date(char *text, date d, int format) {
    const char *month = month_name[d.month - 1];
    const int short_year = d.year % 100;
    switch (format) {
    case 0: snprintf(text, TEXT_BYTES, "%d %s %d", d.day, month, d.year); break;
    case 1: snprintf(text, TEXT_BYTES, "%d %.3s %02d", d.day, month, short_year); break;
    case 2: snprintf(text, TEXT_BYTES, "%s %d%s, %d", month, d.day, ending(d.day), d.year); break;
    case 3: snprintf(text, TEXT_BYTES, "the %s of %s %d", ordinal[d.day - 1], month, d.year); break;
    case 4: snprintf(text, TEXT_BYTES, "%02d/%02d/%d", d.day, d.month, d.year); break;
    case 5: snprintf(text, TEXT_BYTES, "%d.%d.%02d", d.day, d.month, short_year); break;
    case 6: snprintf(text, TEXT_BYTES, "%s, %d %s %d", weekday_name[d.weekday], d.day, month, d.year); break;
    default: snprintf(text, TEXT_BYTES, "%.3s %d, %d", month, d.day, d.year); break;
    }
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

/* Of what does not fit the rest is left out; a character that is no token counts as a space. Returns the length. */
static int64_t write_tokens(int64_t *tokens, int64_t steps, const char *text) {
    int64_t length = 0;
    for (; length < steps && text[length]; length++) {
        char c = text[length];
        tokens[length] = c >= ' ' && c <= 'z' ? DATE_SPACE + c - ' ' : DATE_SPACE;
    }
    for (int64_t i = length; i < steps; i++) tokens[i] = DATE_PAD;
    return length;
}

date_string date_to_text(at_tensor *tokens, int64_t row) {
    date_string s = {""};
    at_tensor *one = at_select(tokens, 0, row);
    const int64_t *token = at_int64s(one);
    for (int64_t i = 0; token && i < at_numel(one) && i < DATE_SOURCE_STEPS && token[i] >= DATE_SPACE; i++)
        s.text[i] = (char)(token[i] - DATE_SPACE + ' ');
    return s;
}

date_pairs date_from_text(const char *text) {
    int64_t tokens[DATE_SOURCE_STEPS], length = write_tokens(tokens, DATE_SOURCE_STEPS, text);
    return (date_pairs){.source = at_from_int64s(tokens, 1, DATE_SOURCE_STEPS), .lengths = at_from_int64s(&length, 1)};
}

/* ---- pairs ------------------------------------------------------------------------------------------------------- */

typedef struct {
    int64_t source[DATE_SOURCE_STEPS], target[DATE_STEPS], length;
} row;

static void write_row(row *r, date d, int format) {
    char text[TEXT_BYTES], iso[TEXT_BYTES];
    write_date(text, d, format);
    r->length = write_tokens(r->source, DATE_SOURCE_STEPS, text);
    snprintf(iso, sizeof iso, "%04d-%02d-%02d", d.year, d.month, d.day);
    r->target[write_tokens(r->target, DATE_STEPS, iso)] = DATE_END;
}

/* Rows of numbers, beside each other as struct members, to tensors. */
static date_pairs pairs_from(const row *rows, int64_t n) {
    enum { WIDTH = sizeof(row) / sizeof(int64_t), LENGTH = WIDTH - 1, TARGET = LENGTH - DATE_STEPS };
    at_tensor *all = at_from_int64s((const int64_t *)rows, n, WIDTH);
    return (date_pairs){.source = at_contiguous(at_slice(all, 1, 0, TARGET, 1)),
                        .lengths = at_contiguous(at_select(all, 1, LENGTH)),
                        .target = at_contiguous(at_slice(all, 1, TARGET, LENGTH, 1))};
}

bool make_dates(int64_t n_train, int64_t n_test, date_pairs *train, date_pairs *test) {
    const int64_t n = n_train + n_test;
    row *rows = n <= DAYS ? malloc((size_t)n * sizeof *rows) : NULL;
    if (!rows) return complain(n <= DAYS ? "out of memory" : "there are not so many dates");
    const int64_t *days = at_int64s(at_randperm(DAYS)), *formats = at_int64s(at_randint(0, FORMATS, n));
    for (int64_t i = 0; i < n && days && formats; i++) write_row(&rows[i], date_of((int)days[i]), (int)formats[i]);
    *train = pairs_from(rows, n_train);
    *test = pairs_from(rows + n_train, n_test);
    free(rows);
    return !at_error();
}

date_pairs pick_dates(const date_pairs *pairs, at_tensor *rows) {
    return (date_pairs){.source = at_index_select(pairs->source, 0, rows),
                        .lengths = at_index_select(pairs->lengths, 0, rows),
                        .target = at_index_select(pairs->target, 0, rows)};
}
