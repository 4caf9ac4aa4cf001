/* bench/limit_sort.h - what sorting costs at the least: radix sorts written out for one dtype, with nothing around them.
 *
 * From the lowest digit of 8 bits to the highest, each element goes behind those with a smaller digit. The first pass
 * reads x, the last one writes the result; those between move pairs of a key and an index. No NaN, no -0.0. */
#ifndef LIMIT_SORT_H
#define LIMIT_SORT_H

#include <stdint.h>
#include <string.h>

typedef struct {
    uint32_t key, index;
} limit_pair32;

typedef struct {
    uint64_t key;
    uint32_t index;
} limit_pair64;

/* Positive numbers have their sign bit set, negative ones all bits turned round: then they order as integers do. */
static inline uint32_t limit_key32(const float *x) {
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits ^ (bits >> 31 ? UINT32_MAX : UINT32_C(1) << 31);
}
static inline uint64_t limit_key64(const double *x) {
    uint64_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits ^ (bits >> 63 ? UINT64_MAX : UINT64_C(1) << 63);
}
static inline float limit_value32(uint32_t key) {
    uint32_t bits = key ^ (key >> 31 ? UINT32_C(1) << 31 : UINT32_MAX);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline double limit_value64(uint64_t key) {
    uint64_t bits = key ^ (key >> 63 ? UINT64_C(1) << 63 : UINT64_MAX);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline void limit_places(uint32_t *count) {
    for (uint32_t v = 0, place = 0, size; v < 256; v++, place += size) {
        size = count[v];
        count[v] = place;
    }
}

/* DIGITS must be even: the last pass reads a. */
#define LIMIT_SORT(bits, type, digits)                                                                                 \
    static void limit_sort##bits(int64_t n, const type *x, type *values, int64_t *indices, limit_pair##bits *a,        \
                                 limit_pair##bits *b) {                                                                \
        uint32_t count[digits][256];                                                                                   \
        memset(count, 0, sizeof count);                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            uint##bits##_t key = limit_key##bits(&x[i]);                                                               \
            for (int d = 0; d < digits; d++) count[d][key >> 8 * d & 255]++;                                           \
        }                                                                                                              \
        for (int d = 0; d < digits; d++) limit_places(count[d]);                                                       \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            uint##bits##_t key = limit_key##bits(&x[i]);                                                               \
            a[count[0][key & 255]++] = (limit_pair##bits){key, (uint32_t)i};                                           \
        }                                                                                                              \
        for (int d = 1; d < digits - 1; d++) {                                                                         \
            for (int64_t i = 0; i < n; i++) b[count[d][a[i].key >> 8 * d & 255]++] = a[i];                             \
            limit_pair##bits *swapped = a;                                                                             \
            a = b;                                                                                                     \
            b = swapped;                                                                                               \
        }                                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            uint32_t place = count[digits - 1][a[i].key >> 8 * (digits - 1)]++;                                        \
            values[place] = limit_value##bits(a[i].key);                                                               \
            indices[place] = a[i].index;                                                                               \
        }                                                                                                              \
    }
LIMIT_SORT(32, float, 4)
LIMIT_SORT(64, double, 8)
#undef LIMIT_SORT

#endif
