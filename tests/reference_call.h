/* tests/reference_call.h - a step of a reference case as a call of public functions: operands, arguments, results. */
#ifndef REFERENCE_CALL_H
#define REFERENCE_CALL_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../atled.h"
#include "reference_reader.h"

enum { MAX_OPERANDS = 16, MAX_RESULTS = 192 };

typedef struct {
    const char *line;
    int n;
    at_operand operand[MAX_OPERANDS];
    at_tensor *result[MAX_RESULTS];
} call;

/* Tables end with {NULL, NULL}. */
typedef struct {
    const char *name;
    void (*run)(call *c);
} reference_operation;
extern const reference_operation reference_layers[], reference_optimizers[], reference_attention[];

#define REFERENCE_DEFINE(name, ...)                                                                                    \
    static void run_##name(call *c) { c->result[0] = __VA_ARGS__; }
#define REFERENCE_ROW(name) {#name, run_##name},

static inline at_tensor *tensor(const call *c, int i) { return c->operand[i].tensor; }

static inline const char *argument(const call *c, const char *key) {
    const char *text = reference_argument(c->line, key);
    if (!text) ck_abort_msg("no argument %s in: %s", key, c->line);
    return text;
}

static inline double real(const call *c, const char *key) { return strtod(argument(c, key), NULL); }
static inline int64_t integer(const call *c, const char *key) { return strtoll(argument(c, key), NULL, 10); }
static inline int small(const call *c, const char *key) { return (int)integer(c, key); }
static inline bool flag(const call *c, const char *key) { return integer(c, key) != 0; }
static inline at_shape shape(const call *c) { return reference_shape(argument(c, "shape")); }

/* Results: y; then the module's parameters in the order of at_parameters, as they were drawn; then their gradients of
 * sum(y * cos(0, 1, 2, ...)). Frees the module. The mirror of module() in reference/operations.py. */
void reference_module(call *c, at_module *module, at_tensor *y);

#endif
