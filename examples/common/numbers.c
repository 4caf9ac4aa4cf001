/* examples/common/numbers.c - strict parsing: strtod alone would accept "nan", "0x10" and " 12abc". */
#include "numbers.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *parse_real(const char *text, double *value) {
    if (!*text) return "is not a number";
    if (strspn(text, "+-.0123456789eE") != strlen(text)) return "is not a number";
    char *end;
    double parsed = strtod(text, &end);
    if (*end) return "is not a number";
    if (fabs(parsed) > FLT_MAX) return "is too large";
    *value = parsed;
    return NULL;
}

const char *parse_whole(const char *text, uint64_t *value) {
    if (!*text) return "is not a whole number";
    if (strspn(text, "0123456789") != strlen(text)) return "is not a whole number";
    errno = 0;
    unsigned long long parsed = strtoull(text, NULL, 10);
    if (errno == ERANGE || parsed > UINT64_MAX) return "is too large";
    *value = parsed;
    return NULL;
}
