/* tests/fuzz/program.h - what the files of the fuzzed programs share; programs.c says what these are. */
#ifndef ATLED_FUZZ_PROGRAM_H
#define ATLED_FUZZ_PROGRAM_H

#include "fuzz.h"
#include "naive.h"

/* ---- the tensors of a program ------------------------------------------------------------------------------------ */

enum { DEFERRED, EAGER, RUNS };
enum { SLOTS = 64, OPERATIONS = 50, SCOPES = 4, GRADIENTS = 1 << 14, DERIVATIVES = 5, MOST_INPUTS = 4 };

typedef struct {
    at_tensor *t[RUNS];
    naive n;
    bool wants;    /* a gradient */
    bool recorded; /* it is the result of a recorded operation */
    int leaf;      /* where its gradients begin, or -1 */
    int operation; /* its number on the tape */
} slot;

extern slot slots[SLOTS];
extern int n_slots;
extern number gradients[GRADIENTS];
extern int n_gradients;

/* A slot with new elements; NULL where it does not fit. Integers are below n. */
slot *fresh(unsigned seed, at_shape shape, at_dtype dtype, int n);
void require_gradient(slot *s);
const double *patterns(unsigned seed, at_shape shape, at_dtype dtype, int n);
at_tensor *tensor_of(const double *x, at_shape shape, at_dtype dtype);
/* Elements of a leaf are nodes of its own: what was computed from the old ones keeps those. */
bool new_leaf_nodes(slot *s, const double *x);

const void *data_of(at_tensor *t);
void check_slot(int which);
void check_all(void);

typedef struct {
    long long programs, operations, errors, backwards, cut, elements, known, gradients, known_gradients;
} program_counts;
extern program_counts counts;
void print_counts(void);

/* FUZZ_VERBOSE=1 in the environment tells each step. */
extern bool verbose;
void tell(const char *step, const int *inputs);
void tell_slot(int which);

/* ---- operations -------------------------------------------------------------------------------------------------- */

typedef at_tensor *library_function(const call *c, at_tensor **x, at_tensor **extra);

/* What an operation's tensors have to be like. */
typedef enum {
    ONE,
    REAL,
    TWO,
    CHOOSE,
    MASK,
    INDEX,
    GATHER,
    SCATTER,
    SHAPE,
    ORDER,
    EXPAND,
    REPEAT,
    LIST,
    PRODUCT,
    BATCHES
} kind;

typedef struct {
    const char *name;
    kind kind;
    library_function *library;
    naive_function *naive;
    int variant;
    bool all; /* there is no such operation along one dimension */
} table_row;
extern const table_row operations[];
extern const int n_operations;

/* False where the program has to end: what follows depends on what is not known. */
bool perform(const char *name, library_function *library, naive_function *function, const call *c, const int *inputs);
void add_result(at_tensor *const *t, const naive *n, int operation, bool wants);
/* The same elements, which know nothing of where they came from. */
bool cut_off(const naive *x, naive *y);

/* ---- taking a program from bytes --------------------------------------------------------------------------------- */

int pick(fuzz_bytes *b);
int pick_floating(fuzz_bytes *b); /* mostly */
at_shape some_shape(fuzz_bytes *b);
void take_inputs(fuzz_bytes *b, kind k, call *c, int *inputs);

#endif
