/* tensor/evaluate.c - storing pending values.
 *
 * Threads may share pending values, so the links between them are only followed and cut under one lock. Computing
 * happens outside it: a program holds what it reads. If two threads store one value at the same time, the second
 * result, which has the same bits, is dropped. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <string.h>

#include "evaluate.h"
#include "parallel.h"
#include "reduce.h"
#include "thread.h"

static pthread_mutex_t links = PTHREAD_MUTEX_INITIALIZER;

/* A child of fork must not find the lock held by a thread that it does not have. */
static void hold_links(void) { pthread_mutex_lock(&links); }
static void free_links(void) { pthread_mutex_unlock(&links); }
__attribute__((constructor)) static void prepare_fork(void) {
    (void)pthread_atfork(hold_links, free_links, free_links);
}

bool tn_links_lock(void) {
    if (TN_SINGLE_THREADED) return false;
    pthread_mutex_lock(&links);
    return true;
}

void tn_links_unlock(bool locked) {
    if (locked) pthread_mutex_unlock(&links);
}

void tn_value_publish(tn_value *v, tn_buffer *buffer) {
    if (tn_is_stored(v)) {
        tn_buffer_release(buffer);
        return;
    }
    atomic_store_explicit(&v->buffer, buffer, memory_order_release);
    int n = v->n_operands;
    v->n_operands = 0;
    for (int i = 0; i < n; i++) tn_operand_release(v->operand[i]);
}

tn_buffer *tn_view_settle_locked(tn_value *v) {
    if (tn_is_stored(v)) return atomic_load_explicit(&v->buffer, memory_order_relaxed);
    tn_buffer *buffer = atomic_load_explicit(&v->operand[0]->buffer, memory_order_acquire);
    if (buffer) tn_value_publish(v, tn_buffer_retain(buffer));
    return buffer;
}

tn_buffer *tn_view_settle(tn_value *v) {
    bool locked = tn_links_lock();
    tn_buffer *buffer = tn_view_settle_locked(v);
    tn_links_unlock(locked);
    return buffer;
}

tn_value *tn_value_base(tn_value *v) {
    bool locked = tn_links_lock();
    tn_value *base = tn_is_stored(v) ? NULL : tn_value_retain(v->operand[0]);
    tn_links_unlock(locked);
    return base;
}

/* ---- storing ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const tn_program *program;
    char *out;
    int64_t element;
    int64_t period; /* how many elements are computed; the rest repeats them */
} store_job;

static bool store_range(void *context, int64_t start, int64_t end) {
    const store_job *job = context;
    char *workspace = tn_program_workspace(job->program);
    if (!workspace) return false;
    for (int64_t at = start, n; at < end; at += n) {
        n = tn_program_step(job->program, at, end);
        tn_program_run(job->program, workspace, at, n, job->out + at * job->element);
    }
    return true;
}

/* The memory for v's elements; an error says what they are, as the operation that needs them may be another. */
static tn_buffer *buffer_for(tn_value *v) {
    int64_t bytes = v->numel * (int64_t)tn_dtype_size(v->dtype);
    tn_buffer *buffer = tn_buffer_try(bytes);
    if (buffer) return buffer;
    char what[128];
    snprintf(what, sizeof what, "a pending tensor, %s %s", at_dtype_name(v->dtype), tn_shape_text(&v->shape));
    return tn_fail_memory_for(bytes ? (uint64_t)bytes : sizeof *buffer, what);
}

/* Elements start ... end of those that repeat the first ones. */
static bool repeat_range(void *context, int64_t start, int64_t end) {
    const store_job *job = context;
    for (int64_t at = start, n; at < end; at += n) {
        int64_t from = at % job->period;
        n = end - at < job->period - from ? end - at : job->period - from;
        memcpy(job->out + (job->period + at) * job->element, job->out + from * job->element,
               (size_t)(n * job->element));
    }
    return true;
}

/* Where no operand changes along the first dimension, the result repeats itself: at least a block of it at a time. */
static int64_t period_of(const tn_program *p) {
    if (p->row || p->space.ndim == 1) return p->numel;
    for (int i = 0; i < p->n_slots; i++) {
        const tn_slot *slot = &p->slot[i];
        if (slot->keep || (slot->kind > TN_SLOT_ABSORBED && slot->stride[0] != 0)) return p->numel;
    }
    int64_t period = p->numel / p->space.dim[0], several = TN_BLOCK / period;
    if (several > 1) period *= several;
    return period < p->numel ? period : p->numel;
}

static bool run_and_publish(tn_program *p, tn_value *v) {
    int64_t row = p->space.dim[p->space.ndim - 1], grain = row < TN_BLOCK ? TN_BLOCK / row * row : TN_BLOCK;
    if (p->row) grain = p->row; /* no two threads in one */
    store_job job = {.program = p, .element = (int64_t)tn_dtype_size(v->dtype), .period = period_of(p)};
    tn_buffer *buffer = buffer_for(v);
    if (!buffer) return false;
    job.out = buffer->data;
    if (!tn_parallel(job.period, grain, store_range, &job) ||
        !tn_parallel(v->numel - job.period, TN_BLOCK, repeat_range, &job)) {
        tn_buffer_release(buffer);
        return false;
    }
    bool locked = tn_links_lock();
    tn_value_publish(v, buffer);
    tn_links_unlock(locked);
    return true;
}

static bool store_empty(tn_value *v) {
    tn_buffer *buffer = buffer_for(v);
    if (!buffer) return false;
    bool locked = tn_links_lock();
    tn_value_publish(v, buffer);
    tn_links_unlock(locked);
    return true;
}

/* What v needs stored first waits on a stack of its own; each is a part of the one before, so there are few. */
bool tn_value_store(tn_value *v) {
    if (tn_value_settle(v)) return true;
    tn_value *waiting[TN_LARGEST_EXPRESSION + 2] = {tn_value_retain(v)};
    int n = 1;
    bool good = true;
    while (n > 0 && good) {
        tn_program p;
        tn_value *top = waiting[n - 1], *first = NULL;
        if (tn_value_settle(top)) {
            tn_value_release(waiting[--n]);
        } else if (top->numel == 0) {
            good = store_empty(top);
        } else if (top->instruction == TN_ROW_SUM) {
            good = tn_value_store_row_sum(top);
        } else if (top->instruction == TN_VIEW ? (first = tn_value_base(top)) != NULL
                                               : (first = tn_program_try(&p, top, TN_TO_STORE)) != NULL) {
            waiting[n++] = first;
        } else if (top->instruction != TN_VIEW) {
            good = run_and_publish(&p, top);
            tn_program_end(&p, good);
        }
    }
    while (n > 0) tn_value_release(waiting[--n]);
    return good;
}
