/* tensor/evaluate.h - running a pending expression block by block.
 *
 * A program is a pending expression in the order of computing: each slot is a stored value to be read or an
 * instruction whose operands are earlier slots. tn_program_run computes any short range of the result, counted in
 * row-major order, in registers of one block each, so that the whole expression runs while its block is in the nearest
 * cache. */
#ifndef ATLED_EVALUATE_H
#define ATLED_EVALUATE_H

#include "internal.h"

enum {
    TN_BLOCK = 1024,                             /* elements that pass through a program at a time */
    TN_MAX_SLOTS = 3 * TN_LARGEST_EXPRESSION + 8 /* an instruction, and two more operands to read for each */
};

typedef struct {
    tn_value *value; /* held: a stored value, or the pending one that this slot computes */

    /* a stored value, seen in the shape of the program */
    bool stored;
    bool contiguous, uniform; /* row-major without gaps; one element everywhere */
    const char *data;
    int64_t stride[AT_MAX_DIMS];

    /* an instruction */
    int instruction;
    at_dtype operand_dtype;
    int n_operands;
    int operand[TN_MAX_OPERANDS]; /* slots */
    int reg;                      /* register that takes the result */
    tn_buffer *keep;              /* or, where it is worth keeping, the whole result */
} tn_slot;

typedef struct {
    at_shape space; /* the shape that all slots share, adjacent dimensions joined where all allow it */
    int64_t numel;
    int n_slots, n_registers;
    size_t register_bytes;
    const tn_kernels *kernels;
    tn_slot slot[TN_MAX_SLOTS];
} tn_program;

/* What a program keeps of the costly parts that something else may still read. Only a program that then runs over its
 * whole range may keep anything. */
typedef enum {
    TN_KEEP_PARTS, /* parts of the result; the result itself is stored by who runs it */
    TN_KEEP_ALL    /* the result as well */
} tn_keep;

/* The program that computes v, which may be stored already; v has at least one element. What must be stored before it
 * can run is stored. False after reporting an error. */
bool tn_program_compile(tn_program *p, tn_value *v, tn_keep keep);
/* Ends the program. done: it ran over its whole range, so what it kept is complete. */
void tn_program_end(tn_program *p, bool done);

/* Working memory for one thread that runs p. NULL after reporting an error. */
char *tn_program_workspace(const tn_program *p);

/* Elements start ... start + n of the result, 1 <= n <= TN_BLOCK: in out where that is not NULL, otherwise wherever
 * they happen to be, until the next run with this workspace. Returns where they are. */
const void *tn_program_run(const tn_program *p, char *workspace, int64_t start, int64_t n, void *out);

/* How far to go from start at once: to the end of a row or over several whole ones. */
int64_t tn_program_step(const tn_program *p, int64_t start, int64_t end);

/* The buffer of v where v is stored, or is a view whose base is; NULL while it is pending. */
tn_buffer *tn_value_settle(tn_value *v);
/* What a pending TN_VIEW or TN_REFLOW shows, retained; NULL if v is stored by now. */
tn_value *tn_value_base(tn_value *v);

#endif
