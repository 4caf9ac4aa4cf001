/* nn/save.h - what a model has learned, in files. */
#ifndef ATLED_NN_SAVE_H
#define ATLED_NN_SAVE_H

#include "../tensor/safetensors.h"
#include "module.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* All parameters and buffers under their paths, in the safetensors format: the names that torch's state_dict has for a
 * model of the same parts. Transient buffers are left out. */
bool at_save_module(at_module *module, const char *path);

/* at_load_module(module, "model.safetensors", .partial = true, .report = stderr): gives the module's parameters and
 * buffers the values that the file has for them. They stay the tensors that they are, so that optimizers go on with them.
 * A file that lacks a part, has one that the module has not, or has it with another shape or dtype, is an error that
 * lists all of these, and then nothing changes. With `partial` what fits is loaded and the rest let be. `report` is
 * told of each such part, error or not. */
typedef struct {
    at_module *module;
    const char *path;
    bool partial;
    FILE *report;       /* NULL: none */
    const char *prefix; /* only what the file has under names that begin so: "module." for a checkpoint's module */
    int at_;            /* unused: lets at_load_module(module, path) compile without a warning */
} at_load_module_options;
bool at_load_module_with(at_load_module_options options);
#define at_load_module(...) at_load_module_with((at_load_module_options){__VA_ARGS__, .at_ = 0})

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
