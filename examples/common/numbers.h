/* examples/common/numbers.h - numbers as users write them. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdint.h>

/* Each returns NULL and sets *value, or says what is wrong with the text: "is not a number". All of the text has to be
 * the number. A real number must fit into a float32, which is what tensors hold by default. */
const char *parse_real(const char *text, double *value);
const char *parse_whole(const char *text, uint64_t *value);

#endif
