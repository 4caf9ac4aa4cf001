/* tests/accuracy/worst.h - the largest errors of a function, and where they are. */
#ifndef ATLED_TESTS_ACCURACY_WORST_H
#define ATLED_TESTS_ACCURACY_WORST_H

#include "levels.h"

enum { SEGMENTS = 16 };

/* By level, and by segment of the inputs: the pieces of equal length that they are cut into. An error of -1: none. */
typedef struct {
    double error, x, z;
} worst_input;
typedef struct {
    worst_input of[MAX_LEVELS][SEGMENTS];
} worst;

void worst_clear(worst *w);
void worst_note(worst_input *w, double error, double x, double z);
worst_input worst_of_level(const worst *w, int number);

#endif
