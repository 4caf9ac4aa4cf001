/* tests/accuracy/inputs.h - what the functions are given, in chunks that can be made again from their numbers. */
#ifndef ATLED_TESTS_ACCURACY_INPUTS_H
#define ATLED_TESTS_ACCURACY_INPUTS_H

#include "functions.h"

enum { CHUNK = 1 << 16, ALL_CHUNKS = 1 << 16 };

/* The float32 numbers whose bit patterns begin at number * CHUNK: in ALL_CHUNKS of them, each number once. */
void inputs_all(int number, float x[CHUNK]);

/* Some of any dtype, for float32 exact in it: special values, ends of ranges, borders of range reductions and what is
 * next to them, any exponent. For pow also the second operands, so that many results are numbers. */
void inputs_sample(function f, at_dtype dtype, int number, double x[CHUNK], double z[CHUNK]);

#endif
