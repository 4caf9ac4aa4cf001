/* random.h - the random-number generator and fills of raw arrays from it. */
#ifndef ATLED_RANDOM_H
#define ATLED_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

enum { TN_GENERATOR_WORDS = 624 };

/* The Mersenne Twister MT19937: words is its state, of which those before position are used up. Single normal numbers
 * are drawn in pairs; the second of a pair waits in spare. */
typedef struct tn_generator {
    uint32_t words[TN_GENERATOR_WORDS];
    int position;
    bool has_spare;
    double spare;
} tn_generator;

/* Begins the stream of a seed, of which the low 32 bits count. */
void tn_generator_seed(tn_generator *g, uint64_t seed);

/* Each writes n elements and moves the generator on by exactly what torch's CPU generator would use for them. */
void tn_fill_uniform_f32(tn_generator *g, int64_t n, double low, double high, float *out);
void tn_fill_uniform_f64(tn_generator *g, int64_t n, double low, double high, double *out);
void tn_fill_normal_f32(tn_generator *g, int64_t n, double mean, double std, float *out);
void tn_fill_normal_f64(tn_generator *g, int64_t n, double mean, double std, double *out);
void tn_fill_integers(tn_generator *g, int64_t n, int64_t low, int64_t high, int64_t *out); /* low ... high - 1 */
void tn_fill_permutation(tn_generator *g, int64_t n, int64_t *out);                         /* of 0 ... n - 1 */

#endif
