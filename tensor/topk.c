/* tensor/topk.c - selecting the k greatest: with a heap where they are few, otherwise by finding the key of the k-th
 * and sorting what comes before it. */
#include <string.h>

#include "keys.h"
#include "select.h"
#include "sort.h"

/* ---- a heap ------------------------------------------------------------------------------------------------------ */

/* Up to one in so many elements are selected with a heap; measured. */
enum { HEAP_ONE_IN = 256, HEAP_LEAST = 16 };

/* Elements that come in ascending order all pass through the heap. It gives up after one in so many has. */
enum { REPLACED_ONE_IN = 32, REPLACED_LEAST = 256 };

/* Any other way takes sixteen bytes for each element, which for so many may be more than there are: for a few of them the
 * heap does not give up. */
enum { MANY = 1 << 28, FEW_OF_MANY = 1024 };

static bool is_for_heap_alone(int64_t n, int64_t k) { return n >= MANY && k <= FEW_OF_MANY; }

/* The best k elements so far, the worst of them at the root. The less the key, the better. */
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

static void make_heap(const tn_row *r, int64_t k, candidate *heap) {
    for (int64_t i = 0; i < k; i++) heap[i] = (candidate){tn_key_at(r, i), i};
    for (int64_t place = k / 2 - 1; place >= 0; place--) sift_down(heap, k, place, heap[place]);
}

/* False if it gave up. */
static bool select_with_heap(const tn_row *r, int64_t k, int64_t *indices, candidate *heap) {
    make_heap(r, k, heap);
    uint64_t keys[TN_KEY_BLOCK];
    int64_t left = is_for_heap_alone(r->n, k) ? r->n : r->n / REPLACED_ONE_IN + REPLACED_LEAST;
    for (int64_t i = k; i < r->n; i += TN_KEY_BLOCK) {
        int64_t count = tn_block_at(i, r->n);
        tn_load_keys(r, i, count, keys);
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

/* ---- the k-th key ------------------------------------------------------------------------------------------------ */

/* Up to one in so many elements are selected by the k-th key; for more, sorting all of them is as fast. */
enum { SELECT_ONE_IN = 2 };

enum { DIGIT_BITS = 8, DIGIT_VALUES = 1 << DIGIT_BITS };

static inline uint64_t digit_at(uint64_t key, int shift) { return key >> shift & (DIGIT_VALUES - 1); }

/* The key that has *before others before it in order, of n keys, which are lost: digit by digit from the highest, those
 * that differ from it drop out. *before becomes how many of the equal ones come before it. */
static uint64_t key_at_place(int64_t n, uint64_t *keys, int lowest_shift, int64_t *before) {
    for (int shift = 64 - DIGIT_BITS; shift >= lowest_shift && n > 1; shift -= DIGIT_BITS) {
        int64_t count[DIGIT_VALUES] = {0}, kept = 0;
        for (int64_t i = 0; i < n; i++) count[digit_at(keys[i], shift)]++;
        uint64_t digit = 0;
        for (; *before >= count[digit]; digit++) *before -= count[digit];
        if (count[digit] == n) continue;
        for (int64_t i = 0; i < n; i++) { /* branch-free: each is written, and the next place moves on past who stays */
            keys[kept] = keys[i];
            kept += digit_at(keys[i], shift) == digit;
        }
        n = kept;
    }
    return keys[0];
}

/* The indices of the elements before the key, and of the first `equal` that have it. where has room for one more. */
static void collect(const tn_row *r, uint64_t key, int64_t equal, int64_t *where) {
    uint64_t keys[TN_KEY_BLOCK];
    int64_t found = 0;
    for (int64_t i = 0; i < r->n; i += TN_KEY_BLOCK) {
        int64_t count = tn_block_at(i, r->n);
        tn_load_keys(r, i, count, keys);
        for (int64_t j = 0; j < count; j++) {
            bool is_equal = (keys[j] == key) & (equal > 0);
            equal -= is_equal;
            where[found] = i + j;
            found += (keys[j] < key) | is_equal;
        }
    }
}

/* The indices where keys are in order already, or all in reverse. */
static bool is_first_or_last(int64_t n, const uint64_t *keys, int64_t k, int64_t *indices) {
    bool ascending = tn_is_ascending(n, keys, 0);
    if (!ascending && !tn_is_descending(n, keys, 0)) return false;
    for (int64_t i = 0; i < k; i++) indices[i] = ascending ? i : n - 1 - i;
    return true;
}

/* Selects the k in the order of x, and sorts those. */
static void select_by_key(const tn_row *r, int64_t k, int64_t *indices, void *scratch) {
    uint64_t *keys = scratch;
    tn_load_keys(r, 0, r->n, keys);
    if (is_first_or_last(r->n, keys, k, indices)) return;
    int64_t before = k - 1, *where = scratch, *selected = where + k + 1;
    uint64_t key = key_at_place(r->n, keys, tn_is_wide(r->dtype) ? 0 : 32, &before);
    collect(r, key, before + 1, where);
    tn_take(tn_dtype_size(r->dtype), r->x, k, where, selected);
    tn_sort(r->dtype, k, selected, r->descending, NULL, indices, selected + k);
    for (int64_t i = 0; i < k; i++) indices[i] = where[indices[i]];
}

/* ---- tn_topk ----------------------------------------------------------------------------------------------------- */

int64_t tn_topk_scratch(at_dtype dtype, int64_t n, int64_t k) {
    if (is_for_heap_alone(n, k)) return k * (int64_t)sizeof(candidate);
    return n <= TN_FEW ? 0 : n * (int64_t)sizeof(int64_t) + tn_sort_scratch(dtype, n);
}

static void select_indices(const tn_row *r, int64_t k, int64_t *indices, int64_t *scratch) {
    if (r->n <= TN_FEW) {
        tn_order_few(r, k, indices);
        return;
    }
    if (k <= r->n / HEAP_ONE_IN + HEAP_LEAST && select_with_heap(r, k, indices, (candidate *)scratch)) return;
    if (k <= r->n / SELECT_ONE_IN) {
        select_by_key(r, k, indices, scratch);
    } else {
        tn_sort(r->dtype, r->n, r->x, r->descending, NULL, scratch, scratch + r->n);
        memcpy(indices, scratch, (size_t)k * sizeof *indices);
    }
}

void tn_topk(at_dtype dtype, int64_t n, const void *x, int64_t k, void *values, int64_t *indices, void *scratch) {
    if (k == 0) return;
    tn_row r = {dtype, true, n, x};
    select_indices(&r, k, indices, scratch);
    if (values) tn_take(tn_dtype_size(dtype), x, k, indices, values);
}
