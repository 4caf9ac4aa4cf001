/* sort.c - sorting by radix, and selecting the greatest few.
 *
 * Elements become unsigned integers, "keys", of the same order, and only keys are compared. A key of 32 bits and the
 * element's index make one 64-bit number, a "pair". Pairs are sorted by their upper half, digit by digit from the
 * lowest, which keeps equal ones in their order. So a 64-bit key can be sorted by its lower half first and its upper
 * half after. */
#include "sort.h"

#include <string.h>

#include "internal.h"

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static bool is_wide(at_dtype dtype) { return dtype == AT_FLOAT64 || dtype == AT_INT64; }

/* Floating-point numbers order as their bits do, apart from the sign: negative ones have all bits turned round. */
static inline uint32_t key_f32(float x) {
    const uint32_t sign = UINT32_C(1) << 31;
    uint32_t bits;
    x += 0.0f; /* -0.0 to 0.0 */
    memcpy(&bits, &x, sizeof bits);
    uint32_t key = bits & sign ? ~bits : bits | sign;
    return x != x ? UINT32_MAX : key;
}

static inline uint64_t key_f64(double x) {
    const uint64_t sign = UINT64_C(1) << 63;
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    uint64_t key = bits & sign ? ~bits : bits | sign;
    return x != x ? UINT64_MAX : key;
}

static inline uint64_t key_i64(int64_t x) { return (uint64_t)x ^ UINT64_C(1) << 63; }

/* The keys of count elements from x[start] on; for the descending order their complements. */
static void load_keys(at_dtype dtype, const void *x, bool descending, int64_t start, int64_t count, uint64_t *keys) {
    switch (dtype) {
    case AT_FLOAT32:
        for (int64_t i = 0; i < count; i++) keys[i] = key_f32(((const float *)x)[start + i]);
        break;
    case AT_FLOAT64:
        for (int64_t i = 0; i < count; i++) keys[i] = key_f64(((const double *)x)[start + i]);
        break;
    case AT_INT64:
        for (int64_t i = 0; i < count; i++) keys[i] = key_i64(((const int64_t *)x)[start + i]);
        break;
    case AT_BOOL:
        for (int64_t i = 0; i < count; i++) keys[i] = ((const bool *)x)[start + i];
        break;
    }
    if (!descending) return;
    uint64_t all = is_wide(dtype) ? UINT64_MAX : UINT32_MAX;
    for (int64_t i = 0; i < count; i++) keys[i] ^= all;
}

static uint64_t key_at(at_dtype dtype, const void *x, bool descending, int64_t i) {
    uint64_t key;
    load_keys(dtype, x, descending, i, 1, &key);
    return key;
}

static void gather(at_dtype dtype, const void *x, int64_t n, const int64_t *indices, void *out) {
    const char *from = x;
    char *to = out;
    switch (tn_dtype_size(dtype)) { /* so that each copy is one load and one store */
    case 1:
        for (int64_t i = 0; i < n; i++) to[i] = from[indices[i]];
        break;
    case 4:
        for (int64_t i = 0; i < n; i++) memcpy(to + 4 * i, from + 4 * indices[i], 4);
        break;
    default:
        for (int64_t i = 0; i < n; i++) memcpy(to + 8 * i, from + 8 * indices[i], 8);
    }
}

/* ---- sorting pairs ----------------------------------------------------------------------------------------------- */

enum { DIGITS = 4, DIGIT_BITS = 8, DIGIT_VALUES = 1 << DIGIT_BITS };

/* Up to here insertion is faster than counting digits; measured. */
enum { INSERTION_MOST = 44 };

static inline uint32_t digit_of(uint64_t pair, int digit) {
    return pair >> (32 + DIGIT_BITS * digit) & (DIGIT_VALUES - 1);
}

static void insert_pairs(int64_t n, uint64_t *pairs) {
    for (int64_t i = 1; i < n; i++) {
        uint64_t pair = pairs[i];
        int64_t j = i;
        for (; j > 0 && pairs[j - 1] >> 32 > pair >> 32; j--) pairs[j] = pairs[j - 1];
        pairs[j] = pair;
    }
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

/* Sorts by the upper halves. Returns the array that holds the result: pairs, or spare. */
static uint64_t *sort_pairs(int64_t n, uint64_t *pairs, uint64_t *spare) {
    if (n <= INSERTION_MOST) {
        insert_pairs(n, pairs);
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

/* ---- tn_sort ----------------------------------------------------------------------------------------------------- */

/* Keys are computed a block at a time, while they are in the first-level cache. */
enum { BLOCK = 256 };

static inline int64_t block_at(int64_t i, int64_t n) { return n - i < BLOCK ? n - i : BLOCK; }

static void make_pairs(at_dtype dtype, int64_t n, const void *x, bool descending, uint64_t *pairs) {
    uint64_t keys[BLOCK];
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t count = block_at(i, n);
        load_keys(dtype, x, descending, i, count, keys);
        for (int64_t j = 0; j < count; j++) pairs[i + j] = keys[j] << 32 | (uint64_t)(i + j);
    }
}

static void take_upper_halves(at_dtype dtype, int64_t n, const void *x, bool descending, uint64_t *pairs) {
    const uint64_t index_bits = UINT32_MAX;
    for (int64_t i = 0; i < n; i++) {
        uint64_t index = pairs[i] & index_bits;
        pairs[i] = (key_at(dtype, x, descending, (int64_t)index) & ~index_bits) | index;
    }
}

int64_t tn_sort_scratch(at_dtype dtype, int64_t n) {
    (void)dtype;
    return n <= INSERTION_MOST ? 0 : n * (int64_t)sizeof(uint64_t);
}

void tn_sort(at_dtype dtype, int64_t n, const void *x, bool descending, void *values, int64_t *indices, void *scratch) {
    if (n > UINT32_MAX) {
        tn_sort_by_merging(dtype, n, x, descending, indices, scratch);
    } else {
        uint64_t *pairs = (uint64_t *)indices, *spare = scratch; /* the room for the result serves for the pairs */
        make_pairs(dtype, n, x, descending, pairs);
        uint64_t *sorted = sort_pairs(n, pairs, spare);
        if (is_wide(dtype)) {
            take_upper_halves(dtype, n, x, descending, sorted);
            sorted = sort_pairs(n, sorted, sorted == pairs ? spare : pairs);
        }
        for (int64_t i = 0; i < n; i++) indices[i] = (int64_t)(sorted[i] & UINT32_MAX);
    }
    if (values) gather(dtype, x, n, indices, values);
}

static void merge(at_dtype dtype, const void *x, bool descending, const int64_t *left, const int64_t *right,
                  const int64_t *end, int64_t *out) {
    const int64_t *left_end = right;
    while (left < left_end && right < end) {
        bool right_first = key_at(dtype, x, descending, *right) < key_at(dtype, x, descending, *left);
        *out++ = right_first ? *right++ : *left++;
    }
    while (left < left_end) *out++ = *left++;
    while (right < end) *out++ = *right++;
}

void tn_sort_by_merging(at_dtype dtype, int64_t n, const void *x, bool descending, int64_t *indices, int64_t *scratch) {
    for (int64_t i = 0; i < n; i++) indices[i] = i;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t i = 0; i < n; i += 2 * width) {
            int64_t middle = i + width < n ? i + width : n, end = i + 2 * width < n ? i + 2 * width : n;
            merge(dtype, x, descending, indices + i, indices + middle, indices + end, scratch + i);
        }
        memcpy(indices, scratch, (size_t)n * sizeof *indices);
    }
}

/* ---- tn_topk ----------------------------------------------------------------------------------------------------- */

/* Up to one in so many elements are selected with a heap, more by sorting everything; measured. */
enum { HEAP_ONE_IN = 32 };

/* Elements that come in ascending order all pass through the heap. It gives up after one in so many has. */
enum { REPLACED_ONE_IN = 8, REPLACED_LEAST = 16 };

/* The best k elements so far, the worst of them at the root. Keys are those of the descending order: the less, the
 * better. */
typedef struct {
    uint64_t key;
    int64_t index;
} candidate;

static inline bool is_worse(candidate a, candidate b) { return a.key != b.key ? a.key > b.key : a.index > b.index; }

/* Puts c at or below place, which is free. */
static void sift_down(candidate *heap, int64_t k, int64_t place, candidate c) {
    for (int64_t child; (child = 2 * place + 1) < k; place = child) {
        if (child + 1 < k && is_worse(heap[child + 1], heap[child])) child++;
        if (!is_worse(heap[child], c)) break;
        heap[place] = heap[child];
    }
    heap[place] = c;
}

static void make_heap(at_dtype dtype, const void *x, int64_t k, candidate *heap) {
    for (int64_t i = 0; i < k; i++) heap[i] = (candidate){key_at(dtype, x, true, i), i};
    for (int64_t place = k / 2 - 1; place >= 0; place--) sift_down(heap, k, place, heap[place]);
}

/* False if it gave up. */
static bool select_with_heap(at_dtype dtype, int64_t n, const void *x, int64_t k, int64_t *indices, candidate *heap) {
    make_heap(dtype, x, k, heap);
    uint64_t keys[BLOCK];
    int64_t left = n / REPLACED_ONE_IN + REPLACED_LEAST;
    for (int64_t i = k; i < n; i += BLOCK) {
        int64_t count = block_at(i, n);
        load_keys(dtype, x, true, i, count, keys);
        for (int64_t j = 0; j < count; j++) {
            if (keys[j] >= heap[0].key) continue;
            if (left-- == 0) return false;
            sift_down(heap, k, 0, (candidate){keys[j], i + j});
        }
    }
    for (int64_t size = k; size > 0; size--) {
        indices[size - 1] = heap[0].index;
        sift_down(heap, size - 1, 0, heap[size - 1]);
    }
    return true;
}

int64_t tn_topk_scratch(at_dtype dtype, int64_t n, int64_t k) {
    (void)k;
    return n * (int64_t)sizeof(int64_t) + tn_sort_scratch(dtype, n);
}

void tn_topk(at_dtype dtype, int64_t n, const void *x, int64_t k, void *values, int64_t *indices, void *scratch) {
    if (k == 0) return;
    if (k > n / HEAP_ONE_IN || !select_with_heap(dtype, n, x, k, indices, scratch)) {
        int64_t *all = scratch;
        tn_sort(dtype, n, x, true, NULL, all, all + n);
        memcpy(indices, all, (size_t)k * sizeof *indices);
    }
    if (values) gather(dtype, x, k, indices, values);
}
