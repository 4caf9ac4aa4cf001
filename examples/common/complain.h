/* examples/common/complain.h - how the examples report what a user can put right: one line on stderr. */
#ifndef COMPLAIN_H
#define COMPLAIN_H

#include <stdbool.h>

/* The name that begins every line, from argv[0] without its folder. */
void complain_as(const char *argv0);

/* Prints "program: message". Always false, so that a function can say `return complain(...)`. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
bool complain(const char *format, ...);

#endif
