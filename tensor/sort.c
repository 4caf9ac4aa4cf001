/* tensor/sort.c - sorting by radix.
 *
 * Elements become unsigned integers, "keys" (keys.h), and only keys are compared. 32 bits of a key and the element's
 * index make one 64-bit number, a "pair". Pairs are sorted by their upper half, digit by digit from the lowest, which
 * keeps equal ones in their order. The 32 bits are the highest in which keys differ. Where keys differ below those too,
 * each run of pairs with equal upper halves is sorted once more by what is left: few and short ones as a rule. */
#include "sort.h"

#include <string.h>

#include "keys.h"
#include "select.h"

/* ---- sorting pairs ----------------------------------------------------------------------------------------------- */

enum { DIGITS = 4, DIGIT_BITS = 8, DIGIT_VALUES = 1 << DIGIT_BITS };
static const uint64_t INDEX_BITS = UINT32_MAX;

static inline uint32_t digit_of(uint64_t pair, int digit) {
    return pair >> (32 + DIGIT_BITS * digit) & (DIGIT_VALUES - 1);
}

/* Pairs hold their index, so no two are equal. */
static void sort_few_pairs(int64_t n, uint64_t *pairs) {
    uint64_t sorted[TN_FEW];
    int64_t place[TN_FEW];
    tn_places(n, pairs, place);
    for (int64_t i = 0; i < n; i++) sorted[place[i]] = pairs[i];
    memcpy(pairs, sorted, (size_t)n * sizeof *pairs);
}

static void count_digits(int64_t n, const uint64_t *pairs, uint32_t count[DIGITS][DIGIT_VALUES]) {
    memset(count, 0, DIGITS * sizeof *count);
    for (int64_t i = 0; i < n; i++) {
        count[0][digit_of(pairs[i], 0)]++;
        count[1][digit_of(pairs[i], 1)]++;
        count[2][digit_of(pairs[i], 2)]++;
        count[3][digit_of(pairs[i], 3)]++;
    }
}

/* Moves the pairs to where their digit puts them; count says how often each value of it occurs. */
static void scatter_pairs(int64_t n, const uint64_t *pairs, int digit, uint32_t *count, uint64_t *out) {
    uint32_t place = 0;
    for (int v = 0; v < DIGIT_VALUES; v++) {
        uint32_t size = count[v];
        count[v] = place;
        place += size;
    }
    for (int64_t i = 0; i < n; i++) out[count[digit_of(pairs[i], digit)]++] = pairs[i];
}

static void reverse(int64_t n, uint64_t *pairs) {
    for (int64_t i = 0, j = n - 1; i < j; i++, j--) {
        uint64_t pair = pairs[i];
        pairs[i] = pairs[j];
        pairs[j] = pair;
    }
}

/* Sorts pairs by their upper halves; the indices ascend. Returns the array that holds the result: pairs, or spare. */
static uint64_t *sort_pairs(int64_t n, uint64_t *pairs, uint64_t *spare) {
    if (n <= TN_FEW) {
        sort_few_pairs(n, pairs);
        return pairs;
    }
    if (tn_is_ascending(n, pairs, 32)) return pairs;
    if (tn_is_descending(n, pairs, 32)) {
        reverse(n, pairs);
        return pairs;
    }
    uint32_t count[DIGITS][DIGIT_VALUES];
    count_digits(n, pairs, count);
    for (int d = 0; d < DIGITS; d++) {
        if (count[d][digit_of(pairs[0], d)] == n) continue; /* all have the same digit */
        scatter_pairs(n, pairs, d, count[d], spare);
        uint64_t *sorted = spare;
        spare = pairs;
        pairs = sorted;
    }
    return pairs;
}

/* ---- from keys to pairs ------------------------------------------------------------------------------------------ */

/* The bits in which any two keys differ. */
static uint64_t differing_bits(const tn_row *r) {
    uint64_t keys[TN_KEY_BLOCK], first = tn_key_at(r, 0), differing = 0;
    for (int64_t i = 0; i < r->n; i += TN_KEY_BLOCK) {
        int64_t count = tn_block_at(i, r->n);
        tn_load_keys(r, i, count, keys);
        for (int64_t j = 0; j < count; j++) differing |= keys[j] ^ first;
    }
    return differing;
}

/* skip: how many of the highest bits are the same in all keys. */
static void make_pairs(const tn_row *r, int skip, uint64_t *pairs) {
    uint64_t keys[TN_KEY_BLOCK];
    for (int64_t i = 0; i < r->n; i += TN_KEY_BLOCK) {
        int64_t count = tn_block_at(i, r->n);
        tn_load_keys(r, i, count, keys);
        for (int64_t j = 0; j < count; j++) pairs[i + j] = (keys[j] << skip & ~INDEX_BITS) | (uint64_t)(i + j);
    }
}

/* Sorts a run of pairs, equal in their upper halves, by the rest of the keys. */
static void sort_run(const tn_row *r, int skip, int64_t n, uint64_t *pairs, uint64_t *spare) {
    for (int64_t i = 0; i < n; i++) {
        uint64_t index = pairs[i] & INDEX_BITS;
        pairs[i] = tn_key_at(r, (int64_t)index) << skip << 32 | index;
    }
    if (sort_pairs(n, pairs, spare) != pairs) memcpy(pairs, spare, (size_t)n * sizeof *pairs);
}

static void sort_runs(const tn_row *r, int skip, uint64_t *pairs, uint64_t *spare) {
    for (int64_t start = 0, end; start < r->n; start = end) {
        uint64_t upper = pairs[start] >> 32;
        for (end = start + 1; end < r->n && pairs[end] >> 32 == upper;) end++;
        if (end - start > 1) sort_run(r, skip, end - start, pairs + start, spare);
    }
}

/* ---- tn_sort ----------------------------------------------------------------------------------------------------- */

int64_t tn_sort_scratch(at_dtype dtype, int64_t n) {
    (void)dtype;
    return n <= TN_FEW ? 0 : n * (int64_t)sizeof(uint64_t);
}

static void sort_by_digits(const tn_row *r, void *values, int64_t *indices, uint64_t *spare) {
    uint64_t *pairs = (uint64_t *)indices; /* the room for the result serves for them */
    uint64_t differing = tn_is_wide(r->dtype) ? differing_bits(r) : 0;
    int skip = differing ? __builtin_clzll(differing) : 0;
    make_pairs(r, skip, pairs);
    uint64_t *sorted = sort_pairs(r->n, pairs, spare);
    if (differing << skip & INDEX_BITS) sort_runs(r, skip, sorted, sorted == pairs ? spare : pairs);

    size_t element = tn_dtype_size(r->dtype);
    for (int64_t i = 0; i < r->n; i += TN_KEY_BLOCK) {
        int64_t count = tn_block_at(i, r->n);
        for (int64_t j = i; j < i + count; j++) indices[j] = (int64_t)(sorted[j] & INDEX_BITS);
        if (values) tn_take(element, r->x, count, indices + i, (char *)values + (size_t)i * element);
    }
}

void tn_sort(at_dtype dtype, int64_t n, const void *x, bool descending, void *values, int64_t *indices, void *scratch) {
    tn_row r = {dtype, descending, n, x};
    if (n > TN_FEW && n <= UINT32_MAX) {
        sort_by_digits(&r, values, indices, scratch);
        return;
    }
    if (n <= TN_FEW)
        tn_order_few(&r, n, indices);
    else
        tn_sort_by_merging(dtype, n, x, descending, indices, scratch); /* LCOV_EXCL_LINE: 2^32 elements, 100 GB */
    if (values) tn_take(tn_dtype_size(dtype), x, n, indices, values);
}

/* ---- tn_sort_by_merging ------------------------------------------------------------------------------------------ */

static void merge(const tn_row *r, const int64_t *left, const int64_t *right, const int64_t *end, int64_t *out) {
    const int64_t *left_end = right;
    while (left < left_end && right < end) {
        bool right_first = tn_key_at(r, *right) < tn_key_at(r, *left);
        *out++ = right_first ? *right++ : *left++;
    }
    while (left < left_end) *out++ = *left++;
    while (right < end) *out++ = *right++;
}

void tn_sort_by_merging(at_dtype dtype, int64_t n, const void *x, bool descending, int64_t *indices, int64_t *scratch) {
    tn_row r = {dtype, descending, n, x};
    for (int64_t i = 0; i < n; i++) indices[i] = i;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t i = 0; i < n; i += 2 * width) {
            int64_t middle = i + width < n ? i + width : n, end = i + 2 * width < n ? i + 2 * width : n;
            merge(&r, indices + i, indices + middle, indices + end, scratch + i);
        }
        memcpy(indices, scratch, (size_t)n * sizeof *indices);
    }
}
