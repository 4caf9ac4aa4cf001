/* tensor/evaluate.h - running a pending expression block by block.
 *
 * A program is a pending expression in the order of computing: each slot is a stored value to be read or an
 * instruction whose operands are earlier slots. compile.c makes it, run.c computes any short range of the result,
 * counted in row-major order, in registers of one block each, so that the whole expression runs while its block is in
 * the nearest cache; evaluate.c stores values. */
#ifndef ATLED_EVALUATE_H
#define ATLED_EVALUATE_H

#include "internal.h"

enum {
    TN_BLOCK = 1024,                             /* elements that pass through a program at a time */
    TN_MOST_PIECES = 64,                         /* blocks of a row that is summed within a program */
    TN_PANEL_ROWS = 16,                          /* of a transposed operand that are turned round together */
    TN_MAX_SLOTS = 3 * TN_LARGEST_EXPRESSION + 8 /* an instruction, and two more operands to read for each */
};

/* How the elements of a slot are had. */
typedef enum {
    TN_SLOT_COMPUTED, /* by an instruction */
    TN_SLOT_ROW_SUM,  /* the sum of the row of another slot that the block lies in */
    TN_SLOT_ABSORBED, /* by the instruction of its only reader, in the same pass */
    TN_SLOT_UNIFORM,  /* stored: one element everywhere */
    TN_SLOT_IN_PLACE, /* stored: row-major without gaps */
    TN_SLOT_GATHERED  /* stored: by strides */
} tn_slot_kind;

typedef struct {
    tn_value *value; /* held: a stored value, or the pending one that this slot computes */
    tn_slot_kind kind;
    int element; /* bytes of one */
    size_t reg;  /* where in the workspace its register begins, if it has one */

    const char *data; /* of a stored value, seen in the shape of the program */
    int64_t stride[AT_MAX_DIMS];

    int instruction;
    int n_operands;
    int operand[TN_MAX_OPERANDS];   /* slots */
    int uses, last_use;             /* how often it is an operand of others itself; of which last, or its own number */
    tn_elementwise *const *kernels; /* by form */
    tn_buffer *keep;                /* where the whole result goes, if it is worth keeping */

    size_t lasting; /* where in the workspace a tn_panel or tn_row is, which last from block to block, or 0 */
} tn_slot;

typedef struct {
    at_shape space; /* the shape that all slots share, adjacent dimensions joined where all allow it */
    int64_t numel;
    int n_slots;
    int widest;        /* bytes of the largest element of a slot */
    int64_t row;       /* where there are sums of rows: their length, that of the last dimension; otherwise 0 */
    bool in_one_go;    /* a single instruction on elements side by side needs no registers, however many they are */
    bool product_left; /* the last instruction, a product, is left to who runs the program: see tn_program_run */
    /* Where in the workspace a lone element is spread out, and a range across the ends of summed rows put together. */
    size_t workspace_bytes, spread, across;
    const tn_kernels *kernels;
    tn_slot slot[TN_MAX_SLOTS];
} tn_program;

/* Some rows of a transposed operand as they lie in the program's shape: read row by row, such an operand takes one
 * element from each line of memory that it touches, and comes back for the next one when the line is gone. */
typedef struct {
    const char *data; /* where the first of them begins in the operand; NULL: the panel is empty */
    int64_t rows;
    _Alignas(64) char elements[];
} tn_panel;

/* A row, counted through all of them, and its sum. */
typedef struct {
    int64_t number; /* -1: none yet */
    float sum;
} tn_row;

/* What the program is for decides what it keeps of the costly parts that something else may still read. Only a program
 * that then runs over its whole range may keep anything. */
typedef enum {
    TN_TO_STORE, /* keeps parts of the result; the result itself is stored by who runs it */
    TN_TO_READ,  /* keeps the result as well */
    TN_TO_SUM /* the same, and a final floating-point product may be left out, as the sum can do it in the same pass */
} tn_purpose;

/* The program that computes v, which may be stored already; v has at least one element. What must be stored before it
 * can run is stored. False after reporting an error. */
bool tn_program_compile(tn_program *p, tn_value *v, tn_purpose purpose);
/* The same, but returns what has to be stored first, retained, in place of storing it. */
tn_value *tn_program_try(tn_program *p, tn_value *v, tn_purpose purpose);
/* Ends the program. done: it ran over its whole range, so what it kept is complete. */
void tn_program_end(tn_program *p, bool done);

/* Working memory for one thread that runs p. NULL after reporting an error. */
char *tn_program_workspace(const tn_program *p);

/* Elements start ... start + n of the result, 1 <= n <= TN_BLOCK or what tn_program_step says: in out where that is not NULL, otherwise wherever
 * they happen to be, until the next run with this workspace. Returns where they are. */
const void *tn_program_run(const tn_program *p, char *workspace, int64_t start, int64_t n, void *out);

/* The same; where the program was made TN_TO_SUM, *factor may become something other than NULL: then each element has
 * still to be multiplied by that of *factor. */
const void *tn_program_run_factors(const tn_program *p, char *workspace, int64_t start, int64_t n, const void **factor);

/* Where elements start ... start + *n of the result lie side by side in memory without being computed; NULL where they
 * do not. */
const void *tn_program_stored(const tn_program *p, int64_t start, int64_t *n);

/* Two operands whose product a sum leaves out, each by rows of elements side by side that are so far apart. */
typedef struct {
    const void *a, *b;
    int64_t a_row, b_row;
} tn_factors;

/* How many rows of n elements from start on are products of stored elements that can be read where they are; 0: none.
 * *f becomes the factors. */
int64_t tn_program_stored_factors(const tn_program *p, int64_t start, int64_t n, tn_factors *f);

/* How many rows, so many elements long, from that of start on are stored elements side by side, each row to be multiplied
 * by one stored number; 0: none. f->a becomes where start is in the first of them, f->b its number. */
int64_t tn_program_stored_multiples(const tn_program *p, int64_t start, int64_t row, tn_factors *f);

/* How far to go from start at once: to the end of a row or over several whole ones. */
int64_t tn_program_step(const tn_program *p, int64_t start, int64_t end);

/* Links between pending values are followed and cut under one lock; see evaluate.c. */
bool tn_links_lock(void);
void tn_links_unlock(bool locked);
/* Within the lock: gives v its elements, taking over the count on buffer, and lets its operands go. */
void tn_value_publish(tn_value *v, tn_buffer *buffer);
/* The buffer of v where v is stored, or is a view whose base is; NULL while it is pending. */
tn_buffer *tn_view_settle(tn_value *v);
tn_buffer *tn_view_settle_locked(tn_value *v);
static inline tn_buffer *tn_value_settle(tn_value *v) {
    tn_buffer *buffer = atomic_load_explicit(&v->buffer, memory_order_acquire);
    return buffer || v->instruction != TN_VIEW ? buffer : tn_view_settle(v);
}
/* The same within the lock. */
static inline tn_buffer *tn_value_settle_locked(tn_value *v) {
    tn_buffer *buffer = atomic_load_explicit(&v->buffer, memory_order_acquire);
    return buffer || v->instruction != TN_VIEW ? buffer : tn_view_settle_locked(v);
}
/* What a pending TN_VIEW or TN_REFLOW shows, retained; NULL if v is stored by now. */
tn_value *tn_value_base(tn_value *v);

#endif
