/* random.h - the random-number generator and fills of raw arrays from it. */
#ifndef ATLED_RANDOM_H
#define ATLED_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor.h"

enum { TN_GENERATOR_WORDS = 624 };

/* The Mersenne Twister MT19937: words is its state, of which those before position are used up. Single normal numbers
 * are drawn in pairs; the second of a pair waits in spare. */
typedef struct tn_generator {
    uint32_t words[TN_GENERATOR_WORDS];
    int position;
    bool has_spare;
    double spare;
} tn_generator;

/* The generator that at_random_state has made a tensor of; false, and *g as it was, after reporting an error. */
bool tn_generator_read(const char *function, at_tensor *state, tn_generator *g);

/* Begins the stream of a seed, of which the low 32 bits count. */
void tn_generator_seed(tn_generator *g, uint64_t seed);

/* A whole number from 0 to 2^63 - 1, from two words: torch's seeds for its other generators. */
int64_t tn_draw_seed(tn_generator *g);

/* Each writes n elements and moves the generator on by exactly what torch's CPU generator would use for them. */
void tn_fill_uniform_f32(tn_generator *g, int64_t n, double low, double high, float *out);
void tn_fill_uniform_f64(tn_generator *g, int64_t n, double low, double high, double *out);
void tn_fill_normal_f32(tn_generator *g, int64_t n, double mean, double std, float *out);
void tn_fill_normal_f64(tn_generator *g, int64_t n, double mean, double std, double *out);
void tn_fill_integers(tn_generator *g, int64_t n, int64_t low, int64_t high, int64_t *out); /* low ... high - 1 */
void tn_fill_permutation(tn_generator *g, int64_t n, int64_t *out);                         /* of 0 ... n - 1 */

#endif
