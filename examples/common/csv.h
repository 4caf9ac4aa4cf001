/* examples/common/csv.h - pairs of numbers from a CSV file. */
#ifndef CSV_H
#define CSV_H

#include <atled.h>

typedef struct {
    at_tensor *x, *y; /* (rows), in the order of the file */
    char **names;     /* of both, from the header; NULL without one; freed by the caller */
} csv_pairs;

/* Reads two columns of numbers, of at least two rows, as at_load_csv does. False after complaining. */
bool csv_read_pairs(const char *path, csv_pairs *pairs);
/* The same from an open file, which complaints call by that path. */
bool csv_read_pairs_from(FILE *file, const char *path, csv_pairs *pairs);

#endif
