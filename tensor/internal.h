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

/* ---- counts: atomic only while the process has several threads --------------------------------------------------- */

typedef atomic_int_least32_t tn_count;

#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 32)
#include <sys/single_threaded.h>
#define TN_SINGLE_THREADED (__libc_single_threaded)
#endif
#endif
#ifndef TN_SINGLE_THREADED
#define TN_SINGLE_THREADED 0
#endif

static inline void tn_count_up(tn_count *count) {
    if (TN_SINGLE_THREADED) {
        int32_t n = atomic_load_explicit(count, memory_order_relaxed);
        atomic_store_explicit(count, n + 1, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    }
}

/* True when that was the last one. */
static inline bool tn_count_down(tn_count *count) {
    if (TN_SINGLE_THREADED) {
        int32_t n = atomic_load_explicit(count, memory_order_relaxed) - 1;
        atomic_store_explicit(count, n, memory_order_relaxed);
        return n == 0;
    }
    return atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) == 1;
}

/* Returns the sum. */
static inline int64_t tn_count_by(_Atomic(int64_t) *counter, int64_t amount) {
    if (!TN_SINGLE_THREADED) return atomic_fetch_add_explicit(counter, amount, memory_order_relaxed) + amount;
    int64_t sum = atomic_load_explicit(counter, memory_order_relaxed) + amount;
    atomic_store_explicit(counter, sum, memory_order_relaxed);
    return sum;
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

/* Memory of any size; see also tn_object_new. */
void *tn_memory_new(size_t size);
void tn_memory_free(void *memory, size_t size);

extern _Atomic(int64_t) tn_live_values, tn_live_bytes; /* at_live_tensors and at_live_bytes */
static inline void tn_count_live(int values, int64_t bytes) {
    (void)tn_count_by(&tn_live_values, values);
    (void)tn_count_by(&tn_live_bytes, bytes);
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

typedef struct tn_value {
    tn_count refs;
    tn_count readers; /* pending expressions and graph nodes that hold it: who may still want its elements */
    at_dtype dtype;
    int instruction; /* a tn_op, TN_CAST, TN_VIEW, TN_REFLOW, or TN_STORED */
    int n_operands;
    int size;   /* instructions in the pending expression, itself included; 0 when stored */
    int cost;   /* of one element, in additions, itself included */
    int spent;  /* cost of the times it has been computed without being kept */
    int scalar; /* 1 + dtype of a floating number that the value has in itself; otherwise 0 */
    int64_t numel;
    int64_t offset;              /* in elements */
    _Atomic(tn_buffer *) buffer; /* NULL while pending */
    /* A row-major copy, once somebody has asked for a pointer to the elements. */
    _Atomic(struct tn_value *) packed;
    union {
        struct tn_value *operand[TN_MAX_OPERANDS]; /* while pending */
        struct {                                   /* a value made with few elements: buffer points here */
            tn_buffer own;
            char element[TN_SMALL];
        };
    };
    at_shape shape;
    int64_t stride[AT_MAX_DIMS]; /* in elements; contiguous ones while pending, except for a view */
} tn_value;

static inline tn_value *tn_value_retain(tn_value *v) { return tn_count_up(&v->refs), v; }
void tn_value_end(tn_value *v); /* one that nobody holds any more */
static inline void tn_value_release(tn_value *v) {
    if (v && tn_count_down(&v->refs)) tn_value_end(v); /* NULL is allowed */
}
/* Of a value that was counted among its readers. */
static inline void tn_operand_release(tn_value *v) {
    (void)tn_count_down(&v->readers);
    tn_value_release(v);
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
void *tn_data(const tn_value *v);

/* A pending elementwise value of that shape; operands broadcast to it, their dtypes are what the instruction takes.
 * Small ones are computed at once. */
tn_value *tn_value_elementwise(int instruction, at_dtype dtype, const at_shape *shape, tn_value *const *operands,
                               int n);
static inline bool tn_are_scalars(const tn_value *a, const tn_value *b) { return a->scalar && a->scalar == b->scalar; }
/* The elementwise value of two such, at once. */
tn_value *tn_value_of_scalars(int instruction, const tn_value *a, const tn_value *b);
/* Adds x to sum in its place where they are such and nobody but the caller holds sum; false where not. */
bool tn_value_add_scalar(tn_value *sum, const tn_value *x);
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

/* Makes sure that v is stored; false after reporting an error. */
bool tn_value_store(tn_value *v);
/* v stored row-major: v itself, retained, or a copy. */
tn_value *tn_value_contiguous(tn_value *v);

/* ---- tensors (tensor.c) ------------------------------------------------------------------------------------------ */

struct at_tensor {
    tn_count refs;
    tn_value *value;
    void *node; /* autograd's; see tn_set_node_functions */
};

/* A tensor in the innermost scope that takes over the count on v; NULL, and v let go of, on an error or when v is
 * NULL. */
at_tensor *tn_tensor_from(tn_value *v);
/* A stored tensor in the innermost scope and where to write its elements. */
at_tensor *tn_tensor_new(at_dtype dtype, const at_shape *shape, void **data);
/* t takes the value of other in the place of its own: how optimizers update in place. Cannot fail. */
void tn_tensor_replace(at_tensor *t, at_tensor *other);
/* gives a count on t to the innermost scope; NULL, and t released, on an error */
at_tensor *tn_scope_add(at_tensor *t);

/* A node of autograd's begins with a tensor, the result of its operation: one object with one count, and t->node == t.
 * Any other tensor that has the node holds a count on it. The functions: end a node that nobody holds any more; is a
 * tensor that has it a leaf all the same. Set once, before the first node. */
void tn_set_node_functions(void (*end)(void *node), bool (*is_leaf)(void *node));
bool tn_node_is_leaf(void *node);

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
/* dim counted from the start; -1 after reporting an error. A 0-dimensional tensor has dimensions -1 and 0. */
int tn_check_dim(const char *function, const at_shape *shape, int dim);

#endif
