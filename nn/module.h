/* nn/module.h - models as structs of parameters, buffers and other models. */
#ifndef ATLED_NN_MODULE_H
#define ATLED_NN_MODULE_H

#include "../autograd/autograd.h"
#include "../autograd/graph.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- modules --------------------------------------------------------------------------------------------------------
 * A model is a struct whose first member is an at_module. Its constructor registers each parameter and each child by
 * name; the module then holds, lists, prints and frees them:
 *
 *     typedef struct { at_module module; at_tensor *weight, *bias; } Affine;
 *
 *     Affine *affine(int inputs, int outputs) {
 *         Affine *self = at_module_new(sizeof *self, "Affine");
 *         at_module_parameter(&self->module, "weight", &self->weight, at_randn(inputs, outputs));
 *         at_module_parameter(&self->module, "bias", &self->bias, at_zeros(outputs));
 *         return self;
 *     }
 */
typedef struct at_module at_module;
typedef struct at_module_entry at_module_entry; /* a registered part; private */
typedef struct {
    int count;
    at_tensor **items;
} at_parameter_list;

struct at_module {
    const char *name;                 /* of the class, as at_module_print shows it */
    at_module *parent;                /* what it is a part of; NULL: nothing */
    at_module_entry *entries;         /* parts in the order of registration */
    at_tensor **listed;               /* what at_parameters returned last */
    char *path;                       /* what at_module_name returned last */
    void (*destroy)(at_module *self); /* frees what a model holds beyond its parts; NULL where there is nothing */
    at_tensor *(*forward)(at_module *self,
                          at_tensor *x); /* what at_forward calls; NULL where one tensor is not enough */
    bool evaluating;                     /* set by at_eval: dropout does nothing */
    size_t bytes, listed_bytes;          /* of the struct and of the list */
};

/* A zeroed struct of that size whose first member is an at_module; freed by at_module_free. name must outlive it. */
void *at_module_new(size_t size, const char *name);

/* *slot = value, marked as requiring gradients, named and held by the module under name (copied; without dots, as all
 * names of parts). A NULL value, the result of a failed creation, makes this fail too. A value that is another part's
 * parameter is shared by both: it is listed, counted and trained once, and saved under both names. */
bool at_module_parameter(at_module *module, const char *name, at_tensor **slot, at_tensor *value);

/* *slot = value, held like a parameter, but not trained and not listed; value may be NULL, and at_assign may change the
 * slot at any time. A transient one is no part of the model's state either: nobody saves it. */
bool at_module_buffer(at_module *module, const char *name, at_tensor **slot, at_tensor *value);
bool at_module_transient(at_module *module, const char *name, at_tensor **slot, at_tensor *value);

/* The module now owns the child, unless this fails. A child has one place: what is a part of a module already, and what
 * the module is itself a part of, is an error. */
bool at_module_child(at_module *module, const char *name, at_module *child);

/* net->part = child, a new module, which net owns under that name. NULL, the result of a failed creation, fails; a child
 * that cannot be registered is freed, and net->part NULL. at_child(net, dense, at_linear_new(8, 1)) */
#define at_child(net, part, child) ((net)->part = (child), at_module_own(&(net)->module, #part, &(net)->part))
bool at_module_own(at_module *module, const char *name, void *slot); /* slot: the address of net->part */

void at_module_free(at_module *module); /* the children too, which nobody else frees; NULL is allowed */

/* The result of the module's forward for one tensor. at_linear_forward(layer, x) and so on do the same by name. A model
 * of one's own may set `forward`, and can then be a part of at_sequential. */
at_tensor *at_forward(at_module *module, at_tensor *x);

/* ---- parameters and state ---------------------------------------------------------------------------------------- */

/* All parameters that require a gradient, once each, a module's own before its children's, in the order of registration.
 * The list is kept by the module until the next call, and over it while as many are trained; optimizers copy and retain.
 * count is -1 on an error. */
at_parameter_list at_parameters(at_module *module);

/* Trains these parameters, or freezes them: at_parameters leaves them out, and their gradients go back to none. */
bool at_module_set_requires_grad(at_module *module, bool requires_grad);

/* Modules train until at_eval, and again after at_train; dropout looks at it. The children follow. */
void at_train(at_module *module);
void at_eval(at_module *module);

/* Calls visit for each parameter and each buffer that is set, in the order of at_parameters, with its path from this
 * module ("encoder.0.attention.w_q.weight"). Ends early, and returns false, when visit does; visit may at_assign to
 * *slot a tensor of the same shape and dtype. */
typedef enum { AT_PARAMETER, AT_BUFFER } at_part_kind;
typedef bool (*at_part_visitor)(const char *path, at_tensor **slot, at_part_kind kind, void *context);
bool at_module_visit(at_module *module, at_part_visitor visit, void *context);

/* The path of one of its parts; NULL, which is no error, where part is none. Kept by the module until the next call. */
const char *at_module_name(at_module *module, at_tensor *part);

/* ---- looking ----------------------------------------------------------------------------------------------------- */

void at_module_print(at_module *module); /* to stdout: the tree of parts, shapes, the number of trainable numbers */
void at_module_fprint(FILE *file, at_module *module);
void at_module_summary(at_module *module); /* to stdout: a table of paths, shapes and counts, frozen or not */
void at_module_fsummary(FILE *file, at_module *module);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
