/* examples/common/settings.h - the command line of nadaraya_watson. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t seed, n_train, epochs;
    double lr, bandwidth;
    const char *data; /* a CSV file; NULL: the chapter's artificial data */
    const char *out;  /* the folder for the figures */
    bool fused;       /* train in memory that grows with n_train, not with its square */
    bool quiet;
} settings;

/* As Python's argparse does, this ends the program for --help (status 0) and for anything wrong (status 2). */
settings settings_from_arguments(int argc, char **argv);

#endif
