/* tests/torture/faults.h - an allocator that refuses on demand, and calls on files that fail on demand. */
#ifndef ATLED_FAULTS_H
#define ATLED_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* What happens to call number `at` of the counted ones, or, with `onwards`, to that and all that follow. */
typedef enum { FAULT_NONE, FAULT_MEMORY, FAULT_FAIL, FAULT_SHORT, FAULT_INTERRUPTED } fault_kind;
typedef struct {
    fault_kind kind;
    int64_t at;
    bool onwards;
    int error; /* errno of FAULT_FAIL */
} fault;

void faults_install(void); /* the allocator */
void fault_begin(fault wanted);
bool fault_end(int64_t *calls);   /* whether it has come about; and how many calls of its kind there were */
const char *fault_function(void); /* the call on files that was made to fail */

int64_t fault_blocks(void); /* alive */

/* The results of malloc are to be refused too, as at_to_string and jansson ask it. */
extern bool fault_includes_malloc;

#endif
