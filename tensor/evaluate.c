/* tensor/evaluate.c - compiling pending expressions into programs, running these, and storing values.
 *
 * Threads may share pending values, so the links between them are only followed and cut under one lock. Computing
 * happens outside it: a program holds what it reads. If two threads store one value at the same time, the second
 * result, which has the same bits, is dropped. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "parallel.h"
#include "thread.h"

/* Recomputing an element may cost as many additions as this before the value is kept instead. */
enum { WORTH_KEEPING = 12 };

static pthread_mutex_t links = PTHREAD_MUTEX_INITIALIZER;

/* A child of fork must not find the lock held by a thread that it does not have. */
static void hold_links(void) { pthread_mutex_lock(&links); }
static void free_links(void) { pthread_mutex_unlock(&links); }
__attribute__((constructor)) static void prepare_fork(void) {
    (void)pthread_atfork(hold_links, free_links, free_links);
}

static bool lock_links(void) {
    if (TN_SINGLE_THREADED) return false;
    pthread_mutex_lock(&links);
    return true;
}

static void unlock_links(bool locked) {
    if (locked) pthread_mutex_unlock(&links);
}

/* ---- pending to stored ------------------------------------------------------------------------------------------- */

/* Gives v its elements, taking over the count on buffer, and lets its operands go. Within the lock. */
static void publish(tn_value *v, tn_buffer *buffer) {
    if (tn_is_stored(v)) {
        tn_buffer_release(buffer);
        return;
    }
    atomic_store_explicit(&v->buffer, buffer, memory_order_release);
    int n = v->n_operands;
    v->n_operands = 0;
    for (int i = 0; i < n; i++) tn_operand_release(v->operand[i]);
}

/* Within the lock. */
static tn_buffer *settle(tn_value *v) {
    tn_buffer *buffer = atomic_load_explicit(&v->buffer, memory_order_acquire);
    if (buffer || v->instruction != TN_VIEW) return buffer;
    buffer = atomic_load_explicit(&v->operand[0]->buffer, memory_order_acquire);
    if (buffer) publish(v, tn_buffer_retain(buffer));
    return buffer;
}

tn_buffer *tn_value_settle(tn_value *v) {
    tn_buffer *buffer = atomic_load_explicit(&v->buffer, memory_order_acquire);
    if (buffer || v->instruction != TN_VIEW) return buffer;
    bool locked = lock_links();
    buffer = settle(v);
    unlock_links(locked);
    return buffer;
}

tn_value *tn_value_base(tn_value *v) {
    bool locked = lock_links();
    tn_value *base = tn_is_stored(v) ? NULL : tn_value_retain(v->operand[0]);
    unlock_links(locked);
    return base;
}

/* ---- compiling --------------------------------------------------------------------------------------------------- */

typedef struct {
    tn_program *program;
    const at_shape *shape;  /* of all slots */
    tn_value *store_first;  /* found to be needed stored; retained */
    const at_shape *better; /* a shape that a slot cannot be seen in any other than, or NULL */
} compilation;

static int find_slot(const tn_program *p, const tn_value *v) {
    for (int i = 0; i < p->n_slots; i++)
        if (p->slot[i].value == v) return i;
    return -1;
}

static tn_slot *new_slot(compilation *c, tn_value *v) {
    tn_slot *slot = &c->program->slot[c->program->n_slots++];
    slot->value = tn_value_retain(v);
    slot->keep = NULL;
    return slot;
}

/* The strides of (shape, stride), which fits consumer, in the program's shape. */
static bool strides_in_program(compilation *c, const at_shape *shape, const int64_t *stride, const at_shape *consumer,
                               int64_t *result) {
    int64_t expanded[AT_MAX_DIMS];
    tn_broadcast_strides(shape, stride, consumer, expanded);
    if (tn_shapes_equal(consumer, c->shape)) {
        memcpy(result, expanded, sizeof expanded);
        return true;
    }
    return tn_reshape_strides(consumer, expanded, c->shape, result);
}

/* A slot that reads stored elements. The same value may be read in two ways, by broadcasting. */
static int read_slot(compilation *c, tn_value *v, const at_shape *consumer) {
    int64_t stride[AT_MAX_DIMS] = {0};
    if (!strides_in_program(c, &v->shape, v->stride, consumer, stride)) {
        c->better = consumer;
        return -1;
    }
    size_t bytes = sizeof(int64_t) * (size_t)c->shape->ndim;
    for (int i = 0; i < c->program->n_slots; i++) {
        const tn_slot *other = &c->program->slot[i];
        if (other->value == v && other->stored && !memcmp(other->stride, stride, bytes)) return i;
    }
    tn_slot *slot = new_slot(c, v);
    slot->stored = true;
    slot->data = tn_data(v);
    memcpy(slot->stride, stride, sizeof stride);
    return c->program->n_slots - 1;
}

static int compile_value(compilation *c, tn_value *v, const at_shape *consumer);

static int compute_slot(compilation *c, tn_value *v) {
    int found = find_slot(c->program, v);
    if (found >= 0) return found;
    int operand[TN_MAX_OPERANDS] = {0};
    for (int i = 0; i < v->n_operands; i++) {
        operand[i] = compile_value(c, v->operand[i], &v->shape);
        if (operand[i] < 0) return -1;
    }
    tn_slot *slot = new_slot(c, v);
    slot->stored = false;
    slot->instruction = v->instruction;
    slot->operand_dtype = v->operand[v->instruction == TN_WHERE ? 1 : 0]->dtype;
    slot->n_operands = v->n_operands;
    memcpy(slot->operand, operand, sizeof operand);
    return c->program->n_slots - 1;
}

/* The slot of v as an operand of something of shape consumer; -1 when the compilation cannot go on as it is. The depth
 * is bounded by the size of an expression. */
static int compile_value(compilation *c, tn_value *v, const at_shape *consumer) {
    if (settle(v)) return read_slot(c, v, consumer);
    if (v->numel == c->program->numel) {
        tn_value *base = v->n_operands ? v->operand[0] : NULL;
        bool same_order = v->instruction == TN_REFLOW || (v->instruction == TN_VIEW && v->offset == 0 &&
                                                          base->numel == v->numel && tn_is_contiguous(v));
        if (same_order) return compile_value(c, base, &base->shape);
        if (v->instruction != TN_VIEW) return compute_slot(c, v);
    }
    c->store_first = tn_value_retain(v->instruction == TN_VIEW ? v->operand[0] : v);
    return -1;
}

static void drop_slots(tn_program *p) {
    for (int i = 0; i < p->n_slots; i++) tn_value_release(p->slot[i].value);
    p->n_slots = 0;
}

/* The shape in which to see the elements of v: a reflowed value is only a single strided window in that of its source. */
static const at_shape *natural_shape(const tn_value *v) {
    while (!tn_is_stored(v) && v->instruction == TN_REFLOW) v = v->operand[0];
    return &v->shape;
}

/* Some pending value below v, at a change of shape; storing those one by one makes v a plain expression. Within the
 * lock. */
static tn_value *find_alias(tn_value *v) {
    for (int i = 0; i < v->n_operands; i++) {
        tn_value *x = v->operand[i];
        if (settle(x)) continue;
        tn_value *deeper = find_alias(x);
        if (deeper) return deeper;
        if (x->instruction == TN_REFLOW) return tn_value_retain(x);
        if (x->instruction == TN_VIEW) return tn_value_retain(x->operand[0]);
    }
    return NULL;
}

/* Fills the slots of p, within the lock. Otherwise returns what has to be stored first, retained. */
static tn_value *collect_slots(tn_program *p, tn_value *v) {
    at_shape shape = *natural_shape(v);
    for (int attempt = 0; attempt < 2; attempt++) {
        compilation c = {.program = p, .shape = &shape};
        p->numel = v->numel;
        p->n_slots = 0;
        p->space = shape;
        if (compile_value(&c, v, &v->shape) >= 0) return NULL;
        drop_slots(p);
        if (c.store_first) return c.store_first;
        shape = *c.better;
    }
    return find_alias(v); /* no one shape suits all parts */
}

/* ---- joining dimensions, registers, keeping ---------------------------------------------------------------------- */

static bool can_join(const tn_program *p, int d) {
    for (int i = 0; i < p->n_slots; i++) {
        const tn_slot *slot = &p->slot[i];
        if (slot->stored && slot->stride[d] != slot->stride[d + 1] * p->space.dim[d + 1]) return false;
    }
    return true;
}

static void remove_dim(tn_program *p, int d) {
    for (int j = d; j + 1 < p->space.ndim; j++) {
        p->space.dim[j] = p->space.dim[j + 1];
        for (int i = 0; i < p->n_slots; i++) p->slot[i].stride[j] = p->slot[i].stride[j + 1];
    }
    p->space.ndim--;
}

static void join_dims(tn_program *p) {
    for (int d = p->space.ndim - 1; d >= 0; d--)
        if (p->space.dim[d] == 1) remove_dim(p, d);
    for (int d = p->space.ndim - 2; d >= 0; d--) {
        if (!can_join(p, d)) continue;
        p->space.dim[d + 1] *= p->space.dim[d];
        remove_dim(p, d);
    }
    if (p->space.ndim == 0) p->space = (at_shape){.ndim = 1, .dim = {p->numel}};
}

static void classify_reads(tn_program *p) {
    int64_t contiguous[AT_MAX_DIMS];
    tn_contiguous_strides(&p->space, contiguous);
    for (int i = 0; i < p->n_slots; i++) {
        tn_slot *slot = &p->slot[i];
        if (!slot->stored) continue;
        slot->contiguous = slot->uniform = true;
        for (int d = 0; d < p->space.ndim && p->numel > 1; d++) {
            slot->contiguous = slot->contiguous && slot->stride[d] == contiguous[d];
            slot->uniform = slot->uniform && slot->stride[d] == 0;
        }
        if (p->numel <= 1) slot->uniform = false;
    }
}

/* What is read where it lies, at every block. */
static bool is_read_in_place(const tn_slot *slot) { return slot->stored && (slot->contiguous || slot->uniform); }

/* A register is free again after the last instruction that reads it. Reads that have to be gathered take one as well.
 * The fewer registers, the more of them stay in the nearest cache. */
static void assign_registers(tn_program *p) {
    int last_use[TN_MAX_SLOTS], occupant[TN_MAX_SLOTS];
    for (int i = 0; i < p->n_slots; i++) {
        last_use[i] = i == p->n_slots - 1 ? p->n_slots : i;
        for (int j = 0; !p->slot[i].stored && j < p->slot[i].n_operands; j++) last_use[p->slot[i].operand[j]] = i;
    }
    size_t element = 1;
    p->n_registers = 0;
    for (int i = 0; i < p->n_slots; i++) {
        tn_slot *slot = &p->slot[i];
        size_t bytes = tn_dtype_size(slot->value->dtype);
        if (bytes > element) element = bytes;
        if (is_read_in_place(slot)) {
            slot->reg = 0; /* not used */
            continue;
        }
        int r = 0;
        while (r < p->n_registers && last_use[occupant[r]] >= i) r++;
        if (r == p->n_registers) p->n_registers++;
        occupant[r] = i;
        slot->reg = r;
    }
    if (p->n_registers == 0) p->n_registers = 1; /* where a lone element is spread out */
    p->register_bytes = element * TN_BLOCK + 64; /* the 64 keep registers out of one another's way in the cache */
}

static int references_within(const tn_program *p, const tn_value *v) {
    int n = 0;
    for (int i = 0; i < p->n_slots; i++)
        for (int j = 0; !p->slot[i].stored && j < p->slot[i].n_operands; j++) n += p->slot[i].value->operand[j] == v;
    return n;
}

/* A part that something else may still read, and that costs enough, is kept: all of it is being computed anyway. Within
 * the lock. */
static void choose_kept(tn_program *p, tn_keep keep) {
    int n = keep == TN_KEEP_ALL ? p->n_slots : p->n_slots - 1;
    for (int i = 0; i < n; i++) {
        tn_slot *slot = &p->slot[i];
        if (slot->stored) continue;
        tn_value *v = slot->value;
        int readers = (int)atomic_load_explicit(&v->readers, memory_order_relaxed);
        if (v->spent + v->cost > WORTH_KEEPING && readers > references_within(p, v)) {
            /* Without memory for it, it is computed again later: no reason to fail. */
            slot->keep = tn_buffer_try(v->numel * (int64_t)tn_dtype_size(v->dtype));
        }
        if (!slot->keep) v->spent += v->cost;
    }
}

/* Makes p the program of v, or returns what has to be stored first, retained. */
static tn_value *try_compile(tn_program *p, tn_value *v, tn_keep keep) {
    bool locked = lock_links();
    tn_value *store_first = collect_slots(p, v);
    if (!store_first) choose_kept(p, keep);
    unlock_links(locked);
    if (store_first) return store_first;
    p->kernels = tn_kernels_get();
    join_dims(p);
    classify_reads(p);
    assign_registers(p);
    return NULL;
}

bool tn_program_compile(tn_program *p, tn_value *v, tn_keep keep) {
    for (tn_value *first; (first = try_compile(p, v, keep));) {
        bool stored = tn_value_store(first);
        tn_value_release(first);
        if (!stored) return false;
    }
    return true;
}

void tn_program_end(tn_program *p, bool done) {
    bool locked = lock_links();
    for (int i = 0; i < p->n_slots; i++) {
        tn_buffer *keep = p->slot[i].keep;
        if (keep && done)
            publish(p->slot[i].value, keep);
        else if (keep)
            tn_buffer_release(keep);
    }
    unlock_links(locked);
    drop_slots(p);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

char *tn_program_workspace(const tn_program *p) {
    tn_thread *self = tn_self();
    size_t bytes = p->register_bytes * (size_t)(p->n_registers + 1); /* one more to spread a scalar in */
    if (self->workspace_bytes < bytes) {
        char *grown = aligned_alloc(64, (bytes + 63) / 64 * 64);
        if (!grown) return tn_fail_memory(bytes);
        free(self->workspace);
        self->workspace = grown;
        self->workspace_bytes = bytes;
    }
    return self->workspace;
}

static int size_index(at_dtype dtype) { return dtype == AT_BOOL ? 0 : dtype == AT_FLOAT32 ? 2 : 3; }

/* Elements start ... start + n of one row, which begins at data. */
static void gather_row(const tn_kernels *k, int size, int64_t n, char *out, const char *data, int64_t stride) {
    if (stride == 0)
        k->fill[size](n, out, data);
    else
        k->gather[size](n, out, data, stride);
}

static void gather_range(const tn_program *p, const tn_slot *slot, int64_t start, int64_t n, char *out) {
    int size = size_index(slot->value->dtype), inner = p->space.ndim - 1;
    int64_t index[AT_MAX_DIMS], at = 0;
    for (int64_t d = inner, rest = start; d >= 0; d--) {
        index[d] = rest % p->space.dim[d];
        rest /= p->space.dim[d];
        at += index[d] * slot->stride[d];
    }
    while (n > 0) {
        int64_t run = p->space.dim[inner] - index[inner];
        if (run > n) run = n;
        gather_row(p->kernels, size, run, out, slot->data + at * (1 << size), slot->stride[inner]);
        out += run << size;
        n -= run;
        at += run * slot->stride[inner];
        index[inner] += run;
        for (int d = inner; d > 0 && index[d] == p->space.dim[d]; d--) { /* carry into the next row */
            at += slot->stride[d - 1] - index[d] * slot->stride[d];
            index[d] = 0;
            index[d - 1]++;
        }
    }
}

typedef struct {
    const char *at;
    bool scalar; /* one element stands for all */
} operand_block;

static bool within_row(const tn_program *p, int64_t start, int64_t n) {
    int64_t row = p->space.dim[p->space.ndim - 1];
    return start % row + n <= row;
}

static int64_t element_offset(const tn_program *p, const tn_slot *slot, int64_t start) {
    int64_t at = 0;
    for (int d = p->space.ndim - 1; d >= 0; d--) {
        at += start % p->space.dim[d] * slot->stride[d];
        start /= p->space.dim[d];
    }
    return at;
}

/* Shows a range of stored elements, without a copy where they lie side by side or are one and the same. */
static operand_block read_block(const tn_program *p, const tn_slot *slot, int64_t start, int64_t n, char *into) {
    int64_t element = (int64_t)tn_dtype_size(slot->value->dtype);
    if (slot->contiguous) return (operand_block){slot->data + start * element, false};
    if (slot->uniform) return (operand_block){slot->data, true};
    int64_t stride = slot->stride[p->space.ndim - 1];
    if (stride <= 1 && stride >= 0 && within_row(p, start, n))
        return (operand_block){slot->data + element_offset(p, slot, start) * element, stride == 0};
    gather_range(p, slot, start, n, into);
    return (operand_block){into, false};
}

static tn_elementwise *kernel_of(const tn_program *p, const tn_slot *slot, int form) {
    if (slot->instruction == TN_CAST) return p->kernels->cast[slot->operand_dtype][slot->value->dtype];
    return p->kernels->elementwise[slot->instruction][slot->operand_dtype][form];
}

static operand_block compute_block(const tn_program *p, int i, const operand_block *block, int64_t n, char *out,
                                   char *spread) {
    const tn_slot *slot = &p->slot[i];
    const void *at[TN_MAX_OPERANDS] = {NULL, NULL, NULL};
    int form = 0;
    for (int j = 0; j < slot->n_operands; j++) {
        at[j] = block[slot->operand[j]].at;
        form |= block[slot->operand[j]].scalar << j;
    }
    bool scalar = form == (1 << slot->n_operands) - 1; /* nothing varies: one element will do */
    if (scalar) {
        n = 1;
        form = 0;
    } else if (slot->instruction == TN_WHERE && form & TN_A_SCALAR) {
        p->kernels->fill[0](n, spread, at[0]);
        at[0] = spread;
        form -= TN_A_SCALAR;
    }
    kernel_of(p, slot, form)(n, out, at[0], at[1], at[2]);
    return (operand_block){out, scalar};
}

const void *tn_program_run(const tn_program *p, char *workspace, int64_t start, int64_t n, void *out) {
    operand_block block[TN_MAX_SLOTS];
    int last = p->n_slots - 1;
    char *spread = workspace + p->register_bytes * (size_t)p->n_registers;
    for (int i = 0; i <= last; i++) {
        const tn_slot *slot = &p->slot[i];
        int64_t element = (int64_t)tn_dtype_size(slot->value->dtype);
        char *into = workspace + p->register_bytes * (size_t)slot->reg;
        if (slot->stored) {
            block[i] = read_block(p, slot, start, n, i == last && out ? out : into);
            continue;
        }
        if (slot->keep)
            into = slot->keep->data + start * element;
        else if (i == last && out)
            into = out;
        block[i] = compute_block(p, i, block, n, into, spread);
        if (slot->keep && block[i].scalar && n > 1) { /* kept in full */
            memcpy(spread, into, (size_t)element);
            p->kernels->fill[size_index(slot->value->dtype)](n, into, spread);
            block[i].scalar = false;
        }
    }
    const tn_slot *result = &p->slot[last];
    int size = size_index(result->value->dtype);
    if (block[last].scalar && n > 1) {
        char *all = out ? out : workspace + p->register_bytes * (size_t)result->reg;
        memcpy(spread, block[last].at, (size_t)1 << size);
        p->kernels->fill[size](n, all, spread);
        return all;
    }
    if (out && block[last].at != out) memcpy(out, block[last].at, (size_t)n << size);
    return block[last].at;
}

int64_t tn_program_step(const tn_program *p, int64_t start, int64_t end) {
    int64_t row = p->space.dim[p->space.ndim - 1], n;
    if (row >= TN_BLOCK / 4)
        n = row - start % row; /* long rows: broadcast operands stay scalars */
    else
        n = TN_BLOCK / row * row;
    if (n > TN_BLOCK) n = TN_BLOCK;
    return n < end - start ? n : end - start;
}

/* ---- storing ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const tn_program *program;
    char *out;
    int64_t element;
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

static bool run_and_publish(tn_program *p, tn_value *v) {
    int64_t row = p->space.dim[p->space.ndim - 1];
    store_job job = {.program = p, .element = (int64_t)tn_dtype_size(v->dtype)};
    tn_buffer *buffer = tn_buffer_new(v->numel * job.element);
    if (!buffer) return false;
    job.out = buffer->data;
    if (!tn_parallel(v->numel, row < TN_BLOCK ? TN_BLOCK / row * row : TN_BLOCK, store_range, &job)) {
        tn_buffer_release(buffer);
        return false;
    }
    bool locked = lock_links();
    publish(v, buffer);
    unlock_links(locked);
    return true;
}

static bool store_empty(tn_value *v) {
    tn_buffer *buffer = tn_buffer_new(0);
    if (!buffer) return false;
    bool locked = lock_links();
    publish(v, buffer);
    unlock_links(locked);
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
        } else if (top->instruction == TN_VIEW ? (first = tn_value_base(top)) != NULL
                                               : (first = try_compile(&p, top, TN_KEEP_PARTS)) != NULL) {
            waiting[n++] = first;
        } else if (top->instruction != TN_VIEW) {
            good = run_and_publish(&p, top);
            tn_program_end(&p, good);
        }
    }
    while (n > 0) tn_value_release(waiting[--n]);
    return good;
}
