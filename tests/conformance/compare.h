/* tests/conformance/compare.h - is a result what was expected? */
#ifndef ATLED_TESTS_COMPARE_H
#define ATLED_TESTS_COMPARE_H

#include "../../atled.h"

/* True where dtype and shape are equal and all elements agree: integers and bools exactly, floating point within the
 * tolerances in compare.c (the relative one is rtol where that is larger), NaN with NaN. Otherwise text says what
 * differs first, and the largest error. */
bool agrees(at_tensor *got, at_tensor *expected, double rtol, char *text, size_t size);

#endif
