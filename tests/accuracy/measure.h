/* tests/accuracy/measure.h - the measurements. */
#ifndef ATLED_TESTS_ACCURACY_MEASURE_H
#define ATLED_TESTS_ACCURACY_MEASURE_H

#include <stdio.h>

#include "functions.h"
#include "worst.h"

/* Every `every`th chunk of all float32 numbers. */
void measure_all(function f, int every, worst *w);

/* So many chunks of samples. */
void measure_sample(function f, at_dtype dtype, int chunks, worst *w);

/* A table of sums and means of n elements; and one of softmax and its relatives. False when an error is unreasonable. */
bool measure_sums(int64_t n);
bool measure_softmax(void);

/* The rows of tests/hard_inputs.inc for what was found. */
void begin_hard_inputs(FILE *to);
void write_hard_inputs(FILE *to, function f, at_dtype dtype, const worst *w);

#endif
