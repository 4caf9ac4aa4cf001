/* tensor/select.c - copying the elements that indices or a mask choose. */
#include "select.h"

#include <string.h>

#include "parallel.h"

void tn_take(size_t element, const void *x, int64_t n, const int64_t *indices, void *out) {
    const char *from = x;
    char *to = out;
    switch (element) { /* so that each copy is one load and one store */
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

/* ---- masks ------------------------------------------------------------------------------------------------------- */

enum { MASK_BLOCK = 16 * 1024 };

static int64_t blocks_of(int64_t n) { return (n + MASK_BLOCK - 1) / MASK_BLOCK; }

static bool count_blocks(void *context, int64_t start, int64_t end) {
    tn_mask *m = context;
    tn_reduce *sum = tn_kernels_get()->reduce[TN_SUM][AT_BOOL];
    for (int64_t i = start; i < end; i += MASK_BLOCK)
        sum(1, end - i < MASK_BLOCK ? end - i : MASK_BLOCK, &m->before[i / MASK_BLOCK], m->mask + i);
    return true;
}

bool tn_mask_begin(tn_mask *m, const bool *mask, int64_t n) {
    *m = (tn_mask){.mask = mask, .n = n};
    m->memory = tn_buffer_new(blocks_of(n) * (int64_t)sizeof *m->before);
    if (!m->memory) return false;
    m->before = (int64_t *)m->memory->data;
    if (n > 0) (void)tn_parallel(n, MASK_BLOCK, count_blocks, m);
    for (int64_t b = 0; b < blocks_of(n); b++) {
        int64_t here = m->before[b];
        m->before[b] = m->count;
        m->count += here;
    }
    return true;
}

void tn_mask_end(tn_mask *m) { tn_buffer_release(m->memory); }

/* Branch-free: each element is written, or read, and the next place moves on past those that are chosen. */
#define MASK_LOOPS(name, type)                                                                                         \
    static void select_##name(int64_t n, const bool *mask, int64_t chosen, const void *x, void *out) {                 \
        const type *from = x;                                                                                          \
        type *to = out;                                                                                                \
        for (int64_t i = 0, place = 0; i < n && place < chosen; i++) {                                                 \
            to[place] = from[i];                                                                                       \
            place += mask[i];                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void spread_##name(int64_t n, const bool *mask, int64_t chosen, const void *x, void *out) {                 \
        const type *from = x;                                                                                          \
        type *to = out;                                                                                                \
        int64_t i = 0;                                                                                                 \
        for (int64_t place = 0; i < n && place < chosen; i++) {                                                        \
            to[i] = (type)(from[place] * mask[i]); /* all of its bits or none, which are zero in every dtype */        \
            place += mask[i];                                                                                          \
        }                                                                                                              \
        if (i < n) memset(to + i, 0, (size_t)(n - i) * sizeof *to);                                                    \
    }

MASK_LOOPS(1, uint8_t)
MASK_LOOPS(4, uint32_t)
MASK_LOOPS(8, uint64_t)

typedef void copy_loop(int64_t n, const bool *mask, int64_t chosen, const void *x, void *out);

typedef struct {
    const tn_mask *m;
    copy_loop *copy;
    bool spread; /* x, and not out, has only the chosen elements */
    size_t element;
    const char *x;
    char *out;
} mask_job;

static bool copy_blocks(void *context, int64_t start, int64_t end) {
    const mask_job *job = context;
    const tn_mask *m = job->m;
    for (int64_t i = start; i < end; i += MASK_BLOCK) {
        int64_t b = i / MASK_BLOCK, n = end - i < MASK_BLOCK ? end - i : MASK_BLOCK, before = m->before[b];
        int64_t chosen = (b + 1 < blocks_of(m->n) ? m->before[b + 1] : m->count) - before;
        size_t x_at = (size_t)(job->spread ? before : i), out_at = (size_t)(job->spread ? i : before);
        job->copy(n, m->mask + i, chosen, job->x + x_at * job->element, job->out + out_at * job->element);
    }
    return true;
}

static void copy_all(mask_job job) {
    if (job.m->n > 0) (void)tn_parallel(job.m->n, MASK_BLOCK, copy_blocks, &job);
}

void tn_mask_select(const tn_mask *m, size_t element, const void *x, void *out) {
    copy_loop *copy = element == 1 ? select_1 : element == 4 ? select_4 : select_8;
    copy_all((mask_job){.m = m, .copy = copy, .element = element, .x = x, .out = out});
}

void tn_mask_spread(const tn_mask *m, size_t element, const void *x, void *out) {
    copy_loop *copy = element == 1 ? spread_1 : element == 4 ? spread_4 : spread_8;
    copy_all((mask_job){.m = m, .copy = copy, .spread = true, .element = element, .x = x, .out = out});
}
