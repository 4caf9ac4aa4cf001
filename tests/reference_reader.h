/* tests/reference_reader.h - reading tests/reference/, whose format tests/reference/generate.py describes. */
#ifndef ATLED_REFERENCE_READER_H
#define ATLED_REFERENCE_READER_H

#include "../atled.h"

typedef struct {
    const char *path, *title;
    char **lines; /* after the "case" line; each ends in '\0' */
    int n_lines;
    int number; /* of lines[0] in the file, from 1 */
} reference_case;

typedef struct {
    char *text;
    char **lines;
    reference_case *cases;
    int n_cases; /* -1: the file could not be read */
} reference_file;

/* path must outlive the file. */
reference_file reference_open(const char *path);
void reference_close(reference_file *file);

/* The values of one tensor, or of a long one only the first 8, the last 8 and a checksum. */
typedef struct {
    at_dtype dtype;
    at_shape shape;
    int64_t numel;
    bool some;
    void *elements; /* those that are stored, in the dtype's own representation */
    double real_checksum;
    int64_t integer_checksum;
    double relative, absolute; /* tolerances; both 0 for "exact" and for inputs */
} reference_values;

/* Copies the next word of *at, and moves *at behind it; "" at the end. */
const char *reference_word(const char **at, char word[static 64]);
/* The text after KEY= in a line; NULL where there is none. */
const char *reference_argument(const char *line, const char *key);
at_dtype reference_dtype(const char *name);
at_shape reference_shape(const char *text);

/* Reads "DTYPE SHAPE WORD... : VALUES", from *at on; the words between shape and ':' (a tolerance, or layout and kind) are
 * copied to word[0] and word[1]. */
reference_values reference_read(const char *at, char word[2][64]);
void reference_free(reference_values *values);

int64_t reference_stored(const reference_values *values); /* how many elements there are in `elements` */
size_t reference_element_size(at_dtype dtype);
double reference_real(at_dtype dtype, const void *elements, int64_t i);
int64_t reference_integer(at_dtype dtype, const void *elements, int64_t i);

/* A tensor of these values that is laid out in memory as the layout says. */
at_tensor *reference_tensor(const reference_values *values, const char *layout);

#endif
