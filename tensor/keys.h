/* tensor/keys.h - elements as unsigned integers of the same order, "keys": what sort.c and topk.c compare.
 *
 * Equal elements have equal keys: -0.0 and 0.0 have one, and so have all NaNs, the greatest. Keys of 32 bits stand in
 * the upper half. */
#ifndef ATLED_KEYS_H
#define ATLED_KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tensor.h"

/* Floating-point numbers order as their bits do, apart from the sign: negative ones have all bits turned round. */
static inline uint64_t tn_key_f32(float x) {
    const uint32_t sign = UINT32_C(1) << 31;
    uint32_t bits;
    x += 0.0f; /* -0.0 to 0.0 */
    memcpy(&bits, &x, sizeof bits);
    uint32_t key = bits & sign ? ~bits : bits | sign;
    return (uint64_t)(x != x ? UINT32_MAX : key) << 32;
}

static inline uint64_t tn_key_f64(double x) {
    const uint64_t sign = UINT64_C(1) << 63;
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    uint64_t key = bits & sign ? ~bits : bits | sign;
    return x != x ? UINT64_MAX : key;
}

static inline uint64_t tn_key_i64(int64_t x) { return (uint64_t)x ^ UINT64_C(1) << 63; }
static inline uint64_t tn_key_bool(uint8_t x) { return (uint64_t)x << 32; }

static inline bool tn_is_wide(at_dtype dtype) { return dtype == AT_FLOAT64 || dtype == AT_INT64; }

typedef struct {
    at_dtype dtype;
    bool descending;
    int64_t n;
    const void *x;
} tn_row;

enum {
    TN_KEY_BLOCK = 256, /* keys are computed so many at a time, while they are in the first-level cache */
    TN_FEW = 40         /* up to here comparing each element with each is faster than counting digits; measured */
};

/* Elements of the block at i. */
static inline int64_t tn_block_at(int64_t i, int64_t n) { return n - i < TN_KEY_BLOCK ? n - i : TN_KEY_BLOCK; }

/* Keys whose ascending order is the order wanted: of elements start ... start + count, and of one. */
void tn_load_keys(const tn_row *r, int64_t start, int64_t count, uint64_t *keys);
uint64_t tn_key_at(const tn_row *r, int64_t i);

/* place[i] is where keys[i] belongs; equal ones stay in order. n <= TN_FEW. */
void tn_places(int64_t n, const uint64_t *keys, int64_t *place);
/* The indices of the k first in order, for a row of at most TN_FEW. */
void tn_order_few(const tn_row *r, int64_t k, int64_t *indices);

/* Looking at the upper bits of each key, down to bit lowest: no key is less than the one before; every one is. */
bool tn_is_ascending(int64_t n, const uint64_t *keys, int lowest);
bool tn_is_descending(int64_t n, const uint64_t *keys, int lowest);

#endif
