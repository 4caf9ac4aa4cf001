/* examples/common/dates.h - a small translation task: dates as people write them, into ISO form, letter by letter.
 *
 *     "the third of March 1987"   "3 Mar 87"   "March 3rd, 1987"   "Tuesday, 3 March 1987"   ->   "1987-03-03" */
#ifndef DATES_H
#define DATES_H

#include <atled.h>

/* A token is a character, ' ' to 'z', or one of three signs. */
enum { DATE_PAD, DATE_BEGIN, DATE_END, DATE_SPACE, DATE_VOCABULARY = DATE_SPACE + 'z' - ' ' + 1 };
enum { DATE_SOURCE_STEPS = 36, DATE_STEPS = 11 }; /* the longest text; an ISO date and its end */

typedef struct {
    at_tensor *source;  /* int64 (n, DATE_SOURCE_STEPS): texts, filled up with DATE_PAD */
    at_tensor *lengths; /* int64 (n): of the texts */
    at_tensor *target;  /* int64 (n, DATE_STEPS): ISO dates, then DATE_END */
} date_pairs;

/* Draws dates from 1950 to 2049, and for each a way to write it. No date is in both parts; n_train + n_test <= 36525. */
bool make_dates(int64_t n_train, int64_t n_test, date_pairs *train, date_pairs *test);

/* The pairs with these numbers (n), int64. */
date_pairs pick_dates(const date_pairs *pairs, at_tensor *rows);

/* One text as tokens, for sentences of one's own: source and lengths of one row, no target. */
date_pairs date_from_text(const char *text);

/* Row `row` of tokens as text, up to DATE_END or DATE_PAD. */
typedef struct {
    char text[DATE_SOURCE_STEPS + 1];
} date_string;
date_string date_to_text(at_tensor *tokens, int64_t row);

#endif
