/* tensor/error.h - the one way in which every folder reports an error. */
#ifndef ATLED_ERROR_H
#define ATLED_ERROR_H

#include "tensor.h"

#define tn_fail      at_fail
#define tn_fail_null at_fail_null

/* A report that never aborts, for functions whose false is a finding and no misuse (at_gradcheck). */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void *
tn_report(at_error_kind kind, const char *format, ...);

/* The same for an element of a list: "cat: list[1] is NULL". */
void *tn_fail_null_element(const char *function, const char *list, int i);

/* How often this thread has failed, kept or not; and whether something went wrong since then, even if an earlier error
 * was still there. What has been cleared in between, by a function of the user's that could do without, does not count. */
unsigned tn_failures(void);
bool tn_failed_since(unsigned failures);

/* What a message begins with that may come from deep inside: the name of what the program has called, which is the
 * outermost AT_CALL, or function where there is none. */
const char *tn_called(const char *function);

/* bytes could not be had for the operation that the thread is in. Always returns NULL. */
void *tn_fail_memory(uint64_t bytes);
void *tn_fail_memory_for(uint64_t bytes, const char *what); /* what they were for */

/* What the system says about a file: failure is an errno. Always returns NULL. */
at_error_kind tn_file_error(int failure);
void *tn_fail_file(const char *function, const char *path, int failure);

/* Text for messages in a buffer of the thread: "(2, 3)", "float32 (2, 3)". Valid until some eight further calls. */
const char *tn_shape_text(const at_shape *shape);
const char *tn_describe(at_tensor *t);
/* "[1, 0]" for the row-major position i. */
const char *tn_index_text(const at_shape *shape, int64_t i);

#endif
