/* tensor/pool.c - memory for elements and for small objects, kept for reuse by the thread that freed it.
 *
 * Sizes are rounded up to classes, four for each doubling, so that a loop finds in its third turn what it freed in the
 * second. A thread gives memory back to the system rather than keep more than was ever in use at once. */
#define _DEFAULT_SOURCE /* madvise */
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

tn_total tn_live_values, tn_live_bytes, tn_live_numbers[2];
static _Atomic(int64_t) peak_bytes;

enum { KEPT_AT_LEAST = 64 << 20, BUFFER_HEAD = 64, HUGE_PAGE = 2 << 20 };
/* What a size_t can say once it has been rounded up; fewer bytes than an int64_t where addresses have 32 bits. */
#define MOST_BYTES (PTRDIFF_MAX - HUGE_PAGE)

int64_t at_live_bytes(void) {
    return tn_total_of(&tn_live_bytes) + 4 * tn_total_of(&tn_live_numbers[AT_FLOAT32]) +
           8 * tn_total_of(&tn_live_numbers[AT_FLOAT64]);
}

int64_t at_live_tensors(void) {
    return tn_total_of(&tn_live_values) + tn_total_of(&tn_live_numbers[AT_FLOAT32]) +
           tn_total_of(&tn_live_numbers[AT_FLOAT64]);
}

bool tn_pool_widen(tn_thread *self) {
    if (tn_allocator_is_replaced()) return false;
    int64_t before = self->may_keep;
    self->may_keep = atomic_load_explicit(&peak_bytes, memory_order_relaxed) + KEPT_AT_LEAST;
    self->room += self->may_keep - before;
    return self->room >= 0;
}

/* ---- buffers ----------------------------------------------------------------------------------------------------- */

/* Class c holds up to (4 + c % 4) << (c / 4 + 4) bytes of elements: 64, 80, 96, 112, 128, 160, ... */
static int64_t class_bytes(int size_class) { return (int64_t)(4 + size_class % 4) << (size_class / 4 + 4); }

static int class_of(int64_t bytes) {
    if (bytes <= 64) return 0;
    int top = 63 - __builtin_clzll((unsigned long long)(bytes - 1)); /* 2^top <= bytes - 1 */
    int quarter = (int)((bytes - 1) >> (top - 2)) & 3;
    return (top - 6) * 4 + quarter + 1;
}

/* With its head: the elements follow the buffer at the next 64 bytes. */
static size_t buffer_bytes(int size_class, size_t *page) {
    size_t bytes = BUFFER_HEAD + (size_t)class_bytes(size_class);
    *page = bytes >= HUGE_PAGE ? HUGE_PAGE : 64;
    return (bytes + *page - 1) / *page * *page;
}

static void to_system(tn_buffer *b) {
    size_t page, bytes = buffer_bytes(b->size_class, &page);
    tn_deallocate(b, bytes);
}

/* Large buffers lie in large pages where the system has them (Linux, on request): fewer of them to be touched first, to
 * be found by the processor, and at whose ends its prefetching stops. */
static tn_buffer *from_system(int size_class) {
    size_t page, bytes = buffer_bytes(size_class, &page);
    tn_buffer *b = tn_allocate_try(bytes, page);
#ifdef MADV_HUGEPAGE
    if (b && page == HUGE_PAGE) (void)madvise(b, bytes, MADV_HUGEPAGE);
#endif
    if (b) b->data = (char *)b + BUFFER_HEAD;
    return b;
}

tn_buffer *tn_buffer_try(int64_t bytes) {
    tn_thread *self = tn_self();
    int size_class = class_of(bytes);
    if (size_class >= TN_BUFFER_CLASSES || class_bytes(size_class) > MOST_BYTES) return NULL;
    tn_buffer *b = self->free_buffers[size_class];
    if (b) {
        self->free_buffers[size_class] = b->next;
        self->room += class_bytes(size_class);
    } else if (!(b = from_system(size_class))) {
        return NULL;
    }
    tn_count_start(&b->refs, 1);
    b->size_class = size_class;
    b->bytes = bytes;
    tn_total_add(&tn_live_bytes, bytes);
    int64_t now = tn_total_of(&tn_live_bytes);
    if (now > atomic_load_explicit(&peak_bytes, memory_order_relaxed)) atomic_store(&peak_bytes, now);
    return b;
}

tn_buffer *tn_buffer_new(int64_t bytes) {
    tn_buffer *b = tn_buffer_try(bytes);
    return b ? b : tn_fail_memory(bytes ? (uint64_t)bytes : BUFFER_HEAD); /* one of nothing has a head too */
}

void tn_buffer_release(tn_buffer *b) {
    if (!b || !tn_count_down(&b->refs)) return;
    tn_thread *self = tn_self();
    tn_total_add(&tn_live_bytes, -b->bytes);
    if (!tn_pool_keeps(self, class_bytes(b->size_class))) {
        to_system(b);
        return;
    }
    b->next = self->free_buffers[b->size_class];
    self->free_buffers[b->size_class] = b;
}

/* ---- small objects ----------------------------------------------------------------------------------------------- */

static size_t object_bytes(size_t size) { return (size + 63) / 64 * 64; }

void *tn_object_from_system(size_t size) { return tn_allocate(object_bytes(size)); }

static void empty_list(void **list, size_t size) {
    for (void *object = *list, *next; object; object = next) {
        memcpy(&next, object, sizeof next);
        tn_deallocate(object, object_bytes(size));
    }
    *list = NULL;
}

bool tn_pool_empty(tn_thread *self) {
    bool any = self->room < self->may_keep;
    for (int c = 0; c < TN_BUFFER_CLASSES; c++) {
        for (tn_buffer *b = self->free_buffers[c], *next; b; b = next) {
            next = b->next;
            to_system(b);
        }
        self->free_buffers[c] = NULL;
    }
    for (int c = 0; c < TN_OBJECT_CLASSES; c++) empty_list(&self->free_objects[c], 64 * (size_t)c);
    for (int c = 0; c < 2; c++) empty_list(&self->free_scalars[c], sizeof(tn_value));
    self->room = self->may_keep = 0; /* until something is freed */
    return any;
}
