/* examples/common/csv.h - pairs of numbers from a CSV file. */
#ifndef CSV_H
#define CSV_H

#include <atled.h>

enum { CSV_LINE_BYTES = 4096 }; /* the longest line, with the zero at its end */

typedef struct {
    at_tensor *x, *y;                                    /* (rows), float32, in the order of the file */
    char x_name[CSV_LINE_BYTES], y_name[CSV_LINE_BYTES]; /* from the header; without one "x" and "y" */
} csv_pairs;

/* Reads two columns of numbers, of at least two rows. The first line may be a header, of which neither part is a number.
 * Fields may be quoted, lines may end in CR LF, blank lines are skipped. False after complaining about the file, its
 * line and its column. */
bool csv_read_pairs(const char *path, csv_pairs *pairs);
/* The same from an open file, which complaints call by that path. */
bool csv_read_pairs_from(FILE *file, const char *path, csv_pairs *pairs);

#endif
