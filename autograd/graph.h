/* autograd/graph.h - looking at recorded graphs, for lessons and for debugging. */
#ifndef ATLED_GRAPH_H
#define ATLED_GRAPH_H

#include "operations.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* A name for a tensor that requires a gradient, shown in graphs; copied. at_module_parameter names parameters, and
 * at_module_child puts the child's name and a dot before them. Returns t. */
at_tensor *at_set_name(at_tensor *t, const char *name);
const char *at_name(at_tensor *t); /* NULL where there is none */

/* The tape below root as a table, in the order of computation: number, operation, inputs, shape, value where it is
 * small, gradient where one is kept, and the derivative rule. */
bool at_graph_print(FILE *file, at_tensor *root);

/* The same as a drawing for Graphviz: `dot -Tsvg`. Parameters of one module are framed together. */
bool at_graph_dot(FILE *file, at_tensor *root);

/* at_backward, told step by step: which node, its gradient, each contribution, and what it is added to. */
bool at_backward_trace(FILE *file, at_tensor *root);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
