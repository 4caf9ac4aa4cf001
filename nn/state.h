/* nn/state.h - named tensors that grow in number: what is saved, and what a file is to be read into. */
#ifndef ATLED_NN_STATE_H
#define ATLED_NN_STATE_H

#include "../tensor/file.h"
#include "module.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

typedef struct {
    at_named_tensor *items; /* names are copies; tensors are not held */
    int count, capacity;
} nn_state;

/* Each returns false after reporting an error. A NULL tensor, the result of a failed creation, is one. */
bool nn_state_add(nn_state *state, at_tensor *tensor, const char *prefix, const char *name);
bool nn_state_add_module(nn_state *state, at_module *module, const char *prefix);
void nn_state_free(nn_state *state);
at_tensor *nn_state_find(const nn_state *state, const char *name); /* NULL where there is none */

/* Adds to `loaded` what the file has for each tensor of `wanted`: one of the same name, shape and dtype. What is missing,
 * differs, or is there under a name that begins with the prefix and is not wanted, goes to the report, and is an error
 * unless partial. */
typedef struct {
    const char *function;
    bool partial;
    FILE *report;
    const char *prefix;
} nn_read_options;
bool nn_state_read(nn_state *loaded, const nn_state *wanted, at_tensor_file *file, const nn_read_options *options);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
