/* tensor/internal.h - values, buffers and deferred expressions, as the files of tensor/ and the operations of
 * autograd/ see them.
 *
 * Three kinds of object, each reference-counted:
 *   at_tensor  what a user holds: a value and, opaque here, its place in the gradient graph.
 *   tn_value   immutable elements of one shape and dtype. Either stored (a strided window on a buffer) or pending (an
 *              instruction and its operands, computed when needed). Pending expressions and gradient rules refer to values,
 *              so replacing a tensor's value, which is how in-place updates work, never reaches them.
 *   tn_buffer  memory from the pool. */
#ifndef ATLED_INTERNAL_H
#define ATLED_INTERNAL_H

#include <stdatomic.h>

#include "error.h"
#include "kernels.h"
#include "tensor.h"
#include "thread.h"

#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 32)
#include <sys/single_threaded.h>
#define TN_SINGLE_THREADED (__libc_single_threaded)
#endif
#endif
#ifndef TN_SINGLE_THREADED
#define TN_SINGLE_THREADED 0
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(hidden) /* what is declared here is reached without a table */
#endif

/* ---- counts: atomic only while the process has several threads --------------------------------------------------- */

typedef union {
    _Atomic(int32_t) shared;
    int32_t alone; /* the same, while there is one thread */
} tn_count;

static inline void tn_count_start(tn_count *count, int32_t n) { count->alone = n; } /* nobody else can see it yet */

static inline void tn_count_up(tn_count *count) {
    if (TN_SINGLE_THREADED)
        count->alone++;
    else
        atomic_fetch_add_explicit(&count->shared, 1, memory_order_relaxed);
}

/* True when that was the last one. */
static inline bool tn_count_down(tn_count *count) {
    if (TN_SINGLE_THREADED) return --count->alone == 0;
    return atomic_fetch_sub_explicit(&count->shared, 1, memory_order_acq_rel) == 1;
}

static inline int32_t tn_count_of(const tn_count *count) {
    return atomic_load_explicit(&count->shared, memory_order_acquire);
}

/* For what there is in the whole process. */
typedef union {
    _Atomic(int64_t) shared;
    int64_t alone;
} tn_total;

static inline void tn_total_add(tn_total *total, int64_t n) {
    if (TN_SINGLE_THREADED)
        total->alone += n;
    else
        atomic_fetch_add_explicit(&total->shared, n, memory_order_relaxed);
}

static inline int64_t tn_total_of(const tn_total *total) {
    return atomic_load_explicit(&total->shared, memory_order_relaxed);
}

/* ---- buffers (pool.c) -------------------------------------------------------------------------------------------- */

typedef struct tn_buffer {
    tn_count refs;
    int size_class;
    char *data; /* aligned to 64 bytes, but where the buffer is part of a small value */
    union {
        int64_t bytes;          /* asked for; what at_live_bytes counts */
        struct tn_buffer *next; /* in the pool's list of free ones */
    };
} tn_buffer;

tn_buffer *tn_buffer_new(int64_t bytes); /* contents undefined; NULL after reporting an error of memory */
tn_buffer *tn_buffer_try(int64_t bytes); /* the same, but silent where there is no memory */
static inline tn_buffer *tn_buffer_retain(tn_buffer *b) { return tn_count_up(&b->refs), b; }
void tn_buffer_release(tn_buffer *b);

/* Memory of any size. */
static inline void *tn_memory_new(size_t size) {
    return size <= TN_OBJECT_MAX ? tn_object_new(size) : tn_allocate(size);
}
static inline void tn_memory_free(void *memory, size_t size) {
    if (size <= TN_OBJECT_MAX)
        tn_object_free(memory, size);
    else
        tn_deallocate(memory, size);
}

/* at_live_tensors and at_live_bytes; numbers (see below) are counted by themselves, for each dtype. */
extern tn_total tn_live_values, tn_live_bytes, tn_live_numbers[2];
static inline void tn_count_live(int values, int64_t bytes) {
    tn_total_add(&tn_live_values, values);
    tn_total_add(&tn_live_bytes, bytes);
}

/* ---- dtypes ------------------------------------------------------------------------------------------------------ */

static inline size_t tn_dtype_size(at_dtype dtype) { return dtype == AT_BOOL ? 1 : dtype == AT_FLOAT32 ? 4 : 8; }
static inline bool tn_is_floating(at_dtype dtype) { return dtype == AT_FLOAT32 || dtype == AT_FLOAT64; }

/* ---- values (value.c) -------------------------------------------------------------------------------------------- */

enum {
    TN_MAX_OPERANDS = 3,
    TN_SMALL = 16, /* bytes of elements that a value has room for itself */
    /* An expression is cut before it has more instructions than this: what it would grow from is stored. */
    TN_LARGEST_EXPRESSION = 32
};

/* What a pending value waits for, beside the elementwise instructions of tn_op. */
enum {
    TN_STORED = -1,   /* nothing: the value is stored (or was a view whose base is now) */
    TN_CAST = TN_OPS, /* elementwise: operand 0 in this value's dtype */
    TN_VIEW,          /* a strided window on operand 0, which is pending and will be stored contiguously */
    TN_REFLOW,        /* the elements of operand 0 in row-major order, in this value's shape */
    TN_ROW_SUM        /* the sums of operand 0, float32, along its last dimension, which keeps size 1 */
};

struct at_tensor {
    tn_count refs;
    bool within_value; /* it is the handle of a number */
    struct tn_value *value;
    void *node; /* autograd's; see tn_set_node_functions */
};

typedef struct tn_value {
    tn_count refs;
    tn_count readers; /* pending expressions and graph nodes that hold it: who may still want its elements */
    at_dtype dtype;
    int8_t scalar; /* 1 + dtype of a floating number that the value has in itself; otherwise 0 */
    int8_t n_operands;
    int16_t instruction;         /* a tn_op, TN_CAST, TN_VIEW, TN_REFLOW, or TN_STORED */
    _Atomic(tn_buffer *) buffer; /* NULL while pending */
    union {
        struct tn_value *operand[TN_MAX_OPERANDS]; /* while pending */
        struct {                                   /* a value made with few elements: buffer points here */
            tn_buffer own;
            union {
                char element[TN_SMALL];
                float float32;
                double float64;
            };
            at_tensor handle; /* of a number that was made with one */
        };
    };
    int16_t size; /* instructions in the pending expression, itself included; 0 when stored */
    int16_t cost; /* of one element, in additions, itself included */
    int spent;    /* cost of the times it has been computed without being kept */
    int64_t numel;
    int64_t offset; /* in elements */
    /* A row-major copy, once somebody has asked for a pointer to the elements. */
    _Atomic(struct tn_value *) packed;
    at_shape shape;
    int64_t stride[AT_MAX_DIMS]; /* in elements; contiguous ones while pending, except for a view */
} tn_value;

static inline tn_value *tn_value_retain(tn_value *v) { return tn_count_up(&v->refs), v; }
void tn_value_end(tn_value *v); /* one that nobody holds any more */
static inline void tn_value_release(tn_value *v) {
    if (v && tn_count_down(&v->refs)) tn_value_end(v); /* NULL is allowed */
}
static inline bool tn_is_stored(const tn_value *v) {
    return atomic_load_explicit(&v->buffer, memory_order_acquire) != NULL;
}
/* Whether v has its elements in itself. Nothing else shares those: a view on them has a copy. */
static inline bool tn_has_own(const tn_value *v) {
    return atomic_load_explicit(&v->buffer, memory_order_acquire) == &v->own;
}
bool tn_is_contiguous(const tn_value *v); /* row-major without gaps; not necessarily from offset 0 */

/* A stored value with elements of its own, contents undefined. */
tn_value *tn_value_new(at_dtype dtype, const at_shape *shape);
/* The first element of a stored value. */
static inline void *tn_data(const tn_value *v) {
    tn_buffer *buffer = atomic_load_explicit(&v->buffer, memory_order_acquire);
    return buffer->data + v->offset * (int64_t)tn_dtype_size(v->dtype);
}
/* The element of a stored value that lies as many after the first; int64 is rounded (look.c). */
double tn_element(const tn_value *v, int64_t at);

/* A pending elementwise value of that shape; operands broadcast to it, their dtypes are what the instruction takes.
 * Small ones are computed at once. Where all operands of that shape lie in another order than by rows, for instance
 * transposed, so does the result. */
tn_value *tn_value_elementwise(int instruction, at_dtype dtype, const at_shape *shape, tn_value *const *operands,
                               int n);
/* A window on v; v may be pending. */
tn_value *tn_value_view(tn_value *v, const at_shape *shape, const int64_t *stride, int64_t offset);
/* v in another shape of as many elements: a view where strides can say it, otherwise pending. */
tn_value *tn_value_reshape(tn_value *v, const at_shape *shape);
/* v in that dtype; v itself, retained, when it has it. */
tn_value *tn_value_cast(tn_value *v, at_dtype dtype);
/* () with that number; and a shape filled with one. */
tn_value *tn_value_number(at_operand number, at_dtype dtype);
tn_value *tn_value_full(at_dtype dtype, const at_shape *shape, double number);
/* v broadcast to that shape (which must fit): a view with strides of zero. */
tn_value *tn_value_expand(tn_value *v, const at_shape *shape);
/* v with dimension order->dim[d] in the place of d. */
tn_value *tn_value_permute(tn_value *v, const at_shape *order);
/* The other way round. Takes over the count on v; NULL where v is. */
tn_value *tn_value_permute_back(tn_value *v, const at_shape *order);

/* Makes sure that v is stored; false after reporting an error. */
bool tn_value_store(tn_value *v);
/* v stored row-major: v itself, retained, or a copy. */
tn_value *tn_value_contiguous(tn_value *v);

/* ---- numbers: 0-dimensional values of floating point -------------------------------------------------------------
 * Models that are written number by number spend their time here and not in kernels. A freed number keeps all but its
 * count and its element, so making one again takes no more than those. */

static inline bool tn_are_scalars(const tn_value *a, const tn_value *b) { return a->scalar && a->scalar == b->scalar; }

TN_RARE tn_value *tn_scalar_from_system(at_dtype dtype);
static inline tn_value *tn_scalar_new(tn_thread *self, at_dtype dtype) {
    tn_value *v = tn_list_take(self, &self->free_scalars[dtype], sizeof *v);
    if (!v && !(v = tn_scalar_from_system(dtype))) return NULL;
    tn_count_start(&v->refs, 1);
    tn_total_add(&tn_live_numbers[dtype], 1);
    return v;
}

static inline void tn_scalar_end(tn_value *v) {
    tn_thread *self = tn_self();
    tn_total_add(&tn_live_numbers[v->dtype], -1);
    tn_list_give(self, &self->free_scalars[v->dtype], v, sizeof *v);
}

static inline void tn_scalar_release(tn_value *v) {
    if (tn_count_down(&v->refs)) tn_scalar_end(v);
}

/* As tn_value_retain and tn_value_release, counted among the readers. Those of a number do not matter: it is never
 * pending. */
static inline tn_value *tn_operand_retain(tn_value *v) {
    if (!v->scalar) tn_count_up(&v->readers);
    return tn_value_retain(v);
}
static inline void tn_operand_release(tn_value *v) {
    if (v->scalar) {
        tn_scalar_release(v);
    } else {
        (void)tn_count_down(&v->readers);
        tn_value_release(v);
    }
}

/* y = a instruction b; sums and products, the commonest, need no kernel. */
static inline void tn_scalar_compute(int instruction, tn_value *y, const tn_value *a, const tn_value *b) {
    bool product = instruction == TN_MUL;
    if (!product && instruction != TN_ADD)
        tn_kernels_get()->elementwise[instruction][a->dtype][0](1, y->element, a->element, b->element, NULL);
    else if (a->dtype == AT_FLOAT32)
        y->float32 = product ? a->float32 * b->float32 : a->float32 + b->float32;
    else
        y->float64 = product ? a->float64 * b->float64 : a->float64 + b->float64;
}

/* The elementwise value of two numbers of one dtype. */
static inline tn_value *tn_value_of_scalars(tn_thread *self, int instruction, const tn_value *a, const tn_value *b) {
    tn_value *y = tn_scalar_new(self, a->dtype);
    if (y) tn_scalar_compute(instruction, y, a, b);
    return y;
}

/* Adds x to sum in its place where they are such and nobody but the caller holds sum; false where not. */
static inline bool tn_value_add_scalar(tn_value *sum, const tn_value *x) {
    if (tn_count_of(&sum->refs) != 1 || !tn_are_scalars(sum, x)) return false;
    tn_scalar_compute(TN_ADD, sum, sum, x);
    return true;
}

/* ---- tensors (tensor.c) ------------------------------------------------------------------------------------------ */

void tn_tensor_end(at_tensor *t); /* one that nobody holds any more */
static inline at_tensor *tn_retain(at_tensor *t) { return tn_count_up(&t->refs), t; }
static inline void tn_release(at_tensor *t) {
    if (t && tn_count_down(&t->refs)) tn_tensor_end(t); /* NULL is allowed */
}

static inline void tn_tensor_init(at_tensor *t, tn_value *v) {
    tn_count_start(&t->refs, 1);
    t->within_value = false;
    t->value = v;
    t->node = NULL;
}

/* Gives a count on t to the innermost scope; NULL, and t released, on an error. */
static inline at_tensor *tn_scope_add(tn_thread *self, at_tensor *t) {
    if (tn_scope_push(self, t)) return t;
    tn_release(t);
    return NULL;
}

/* A tensor in the innermost scope that takes over the count on v; NULL, and v let go of, on an error or when v is
 * NULL. */
static inline at_tensor *tn_tensor_from(tn_value *v) {
    if (!v) return NULL;
    at_tensor *t = tn_object_new(sizeof *t);
    if (!t) return tn_value_release(v), NULL;
    tn_tensor_init(t, v);
    return tn_scope_add(tn_self(), t);
}

/* The same for a number that nobody else has seen: one object instead of two. */
static inline at_tensor *tn_tensor_of_new_number(tn_thread *self, tn_value *v) {
    if (!v) return NULL;
    tn_tensor_init(&v->handle, v);
    v->handle.within_value = true;
    return tn_scope_add(self, &v->handle);
}
/* A stored tensor in the innermost scope and where to write its elements. */
at_tensor *tn_tensor_new(at_dtype dtype, const at_shape *shape, void **data);
/* t takes over the count on v, in the place of its own value. Cannot fail. */
void tn_tensor_set_value(at_tensor *t, tn_value *v);
/* t takes the value of other: how optimizers update in place. Cannot fail. */
void tn_tensor_replace(at_tensor *t, at_tensor *other);

/* A node of autograd's begins with a tensor, the result of its operation: one object with one count, and t->node == t.
 * Any other tensor that has the node holds a count on it. The functions: end a node that nobody holds any more; is a
 * tensor that has it a leaf all the same. Set once, before the first node. */
void tn_set_node_functions(void (*end)(void *node), bool (*is_leaf)(void *node));
bool tn_node_is_leaf(void *node);

/* ---- files (npy.c) ----------------------------------------------------------------------------------------------- */

/* What at_load_npy gives for an open file, which errors call by that path. bytes: how long it is, -1 where that is not
 * known. */
at_tensor *tn_load_npy(FILE *file, const char *path, int64_t bytes);

/* ---- shapes (shape.c) -------------------------------------------------------------------------------------------- */

/* Elements in a shape; -1 where it is invalid or overflows. */
int64_t tn_shape_numel(const at_shape *shape);
/* True for a valid shape, otherwise reports what is wrong with it. */
bool tn_check_shape(const char *function, const at_shape *shape);
bool tn_shapes_equal(const at_shape *a, const at_shape *b);
/* What a and b broadcast to; false if they do not. */
bool tn_shapes_broadcast(const at_shape *a, const at_shape *b, at_shape *result);
/* Reports that two tensors do not broadcast; returns false. */
bool tn_fail_broadcast(const char *function, at_tensor *a, at_tensor *b);
/* Strides of a row-major tensor. */
void tn_contiguous_strides(const at_shape *shape, int64_t *stride);
/* Strides that show the elements of (shape, stride) in another shape of as many elements; false where none do. */
bool tn_reshape_strides(const at_shape *shape, const int64_t *stride, const at_shape *to, int64_t *to_stride);
/* Strides that show (shape, stride) broadcast to a shape that it fits: 0 along what is repeated. */
void tn_broadcast_strides(const at_shape *shape, const int64_t *stride, const at_shape *to, int64_t *to_stride);
/* How the elements of (shape, stride) lie in memory. TN_PERMUTED: *order is that of the dimensions, the outermost first, as
 * tn_value_permute takes it. */
typedef enum {
    TN_BY_ROWS,  /* in the order of the dimensions, with gaps or without */
    TN_PERMUTED, /* in another order */
    TN_REPEATED  /* in none, because some are repeated or there are none */
} tn_layout;
tn_layout tn_layout_of(const at_shape *shape, const int64_t *stride, at_shape *order);
/* Which dimension in that order dim is. */
int tn_place_in_order(const at_shape *order, int dim);
/* dim counted from the start; -1 after reporting an error. A 0-dimensional tensor has dimensions -1 and 0. */
int tn_check_dim(const char *function, const at_shape *shape, int dim);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
