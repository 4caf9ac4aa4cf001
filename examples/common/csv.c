/* examples/common/csv.c - pairs of numbers from a table of two columns. */
#include "csv.h"
#include "complain.h"

#include <inttypes.h>
#include <stdlib.h>

bool csv_read_pairs(const char *path, csv_pairs *pairs) {
    at_tensor *table = at_load_csv(path, .names = &pairs->names);
    if (!table) return complain("%s", at_error());
    if (at_size(table, 1) != 2 || at_size(table, 0) < 2) {
        free(pairs->names);
        return complain("%s: want 2 columns and at least 2 rows of numbers, found %" PRId64 " and %" PRId64, path,
                        at_size(table, 1), at_size(table, 0));
    }
    pairs->x = at_select(table, 1, 0);
    pairs->y = at_select(table, 1, 1);
    return true;
}
