/* examples/common/complain.c - one line on stderr. */
#include "complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *program = "example";

void complain_as(const char *argv0) {
    const char *slash = strrchr(argv0, '/');
    program = slash ? slash + 1 : argv0;
}

bool complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return false;
}
