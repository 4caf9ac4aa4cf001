/* tests/conformance/operators.h - ONNX operators in terms of atled's public functions.
 *
 * Each operator is a function that reads a node's inputs and attributes and sets its outputs. A node that an operator
 * cannot do (an attribute for which atled has nothing, say) gets a reason in skip instead; an output left NULL means
 * that a call failed, and at_error() tells why. */
#ifndef ATLED_TESTS_OPERATORS_H
#define ATLED_TESTS_OPERATORS_H

#include "onnx_reader.h"

enum { MAX_VALUES = 16 };

typedef struct {
    const onnx_node *source;
    int opset;
    int n_inputs, n_outputs;
    at_tensor *input[MAX_VALUES]; /* NULL for one that is left out */
    at_tensor *output[MAX_VALUES];
    at_tensor *differentiated; /* Gradient: what its attribute y names */
    const char *skip;
} node;

typedef void operator_function(node *n);

/* By operators.def: the operator's function, or NULL, and *reason is then why a case with it is skipped. */
operator_function *operator_named(const char *name, const char **reason);

#define OPERATOR(name) void onnx_##name(node *n);
#define SKIPPED(name, reason)
#include "operators.def"
#undef OPERATOR
#undef SKIPPED

/* ---- attributes, with what holds when one is left out ------------------------------------------------------------ */

int64_t int_attribute(const node *n, const char *name, int64_t otherwise);
double float_attribute(const node *n, const char *name, double otherwise);
bool text_attribute_is(const node *n, const char *name, const char *text, const char *otherwise);

typedef struct {
    int n; /* 0 where there is no such list, or an empty one */
    int64_t at[MAX_VALUES];
} list;
list list_attribute(const node *n, const char *name);
list list_input(const node *n, int i);                /* the elements of that input, an int64 tensor */
list list_of(const node *n, const char *name, int i); /* that input, or in older operator sets the attribute */

/* ---- what many operators need ------------------------------------------------------------------------------------ */

bool is_floating(at_tensor *x);
int positive_axis(int64_t axis, int ndim); /* an axis that may count from the end, from the beginning */
at_shape with_size(at_shape shape, int axis, int64_t size);
at_tensor *unsqueeze_many(at_tensor *x, int axis, int count); /* that many dimensions of size 1 at axis */
at_tensor *constant(double value, at_dtype dtype, at_shape shape);
at_tensor *counting(int64_t n); /* int64: 0, 1, ... n - 1; n up to 2^24, as at_arange makes it from float32 */
at_tensor *pad(at_tensor *x, int axis, int64_t before, int64_t after, double value);
at_tensor *mean_over(at_tensor *x, list axes);     /* keeps those dimensions, with size 1 */
at_tensor *inside(at_tensor *index, int64_t size); /* an index that may count from the end, from the beginning */

#endif
