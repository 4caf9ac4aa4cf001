/* tests/conformance/onnx_case.c - runs a model's nodes in their order, over values that have names. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "onnx_case.h"
#include "operators.h"

/* What is wrong with the expected values of cases whose folder's name contains a part. */
static const struct {
    const char *part, *skip;
    double rtol;
} known[] = {
    {"/test_adam_multiple", "expected values made with an epsilon (0.01) that the model does not hold", 0},
    {"/test_blackmanwindow", NULL, 1e-3}, /* these three were made with 3.1415 for pi */
    {"/test_hammingwindow", NULL, 1e-3},
    {"/test_hannwindow", NULL, 1e-3},
};

typedef struct {
    const char *name;
    at_tensor *tensor;
} binding;

typedef struct {
    const onnx_model *model;
    const char *folder;
    binding *values; /* as many as can be, all counted below */
    int n_values;
    double rtol;
    outcome outcome;
    char *text;
    size_t size;
} run;

static bool end(run *r, outcome how, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->text, r->size, format, arguments);
    va_end(arguments);
    r->outcome = how;
    return false;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool make_room(run *r) {
    int most = onnx_inputs(r->model) + onnx_initializers(r->model);
    for (int i = 0; i < onnx_nodes(r->model); i++) most += onnx_node_outputs(onnx_node_at(r->model, i));
    r->values = calloc((size_t)most + 1, sizeof *r->values);
    return r->values || end(r, FAILED, "out of memory");
}

static void bind(run *r, const char *name, at_tensor *tensor) { r->values[r->n_values++] = (binding){name, tensor}; }

/* The latest of that name: an input may stand for an initializer. NULL where there is none. */
static at_tensor *value_named(const run *r, const char *name) {
    for (int i = r->n_values - 1; i >= 0; i--)
        if (strcmp(r->values[i].name, name) == 0) return r->values[i].tensor;
    return NULL;
}

static bool asks_for_gradients(const onnx_model *model) {
    for (int i = 0; i < onnx_nodes(model); i++)
        if (strcmp(onnx_node_type(onnx_node_at(model, i)), "Gradient") == 0) return true;
    return false;
}

static at_tensor *read_data(run *r, const char *kind, int i, const char **unsupported) {
    char path[1024];
    snprintf(path, sizeof path, "%s/test_data_set_0/%s_%d.pb", r->folder, kind, i);
    return onnx_tensor_read(path, unsupported);
}

/* Fewer files than inputs are there where initializers stand for the others. */
static bool read_inputs(run *r) {
    const char *unsupported = onnx_unsupported_value(r->model);
    if (unsupported) return end(r, SKIPPED, "%s", unsupported);
    for (int i = 0; i < onnx_initializers(r->model); i++) {
        at_tensor *tensor = onnx_initializer(r->model, i, &unsupported);
        if (unsupported) return end(r, SKIPPED, "%s", unsupported);
        if (!tensor) return end(r, FAILED, "initializer %d cannot be read", i);
        bind(r, onnx_initializer_name(r->model, i), tensor);
    }
    for (int i = 0; i < onnx_inputs(r->model); i++) {
        at_tensor *tensor = read_data(r, "input", i, &unsupported);
        if (unsupported) return end(r, SKIPPED, "%s", unsupported);
        if (!tensor && value_named(r, onnx_input_name(r->model, i))) continue;
        if (!tensor) return end(r, FAILED, "input %d cannot be read", i);
        if (asks_for_gradients(r->model) && is_floating(tensor)) at_set_requires_grad(tensor, true);
        bind(r, onnx_input_name(r->model, i), tensor);
    }
    return true;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

/* All operators are looked up before any runs, so that a case is skipped for what it needs, not for how far it came. */
static bool operators_are_known(run *r) {
    for (int i = 0; i < onnx_nodes(r->model); i++) {
        const onnx_node *source = onnx_node_at(r->model, i);
        const char *reason = NULL;
        if (!operator_named(onnx_node_type(source), &reason)) return end(r, SKIPPED, "%s", reason);
        if (onnx_node_inputs(source) > MAX_VALUES || onnx_node_outputs(source) > MAX_VALUES)
            return end(r, SKIPPED, "nodes with more than %d inputs or outputs", MAX_VALUES);
    }
    return true;
}

static bool gather_inputs(run *r, node *n) {
    for (int i = 0; i < n->n_inputs; i++) {
        const char *name = onnx_node_input(n->source, i);
        n->input[i] = *name ? value_named(r, name) : NULL;
        if (*name && !n->input[i]) return end(r, FAILED, "%s: no value %s", onnx_node_type(n->source), name);
    }
    char name[64];
    n->differentiated = value_named(r, onnx_attribute_text(n->source, "y", "", name));
    return true;
}

static bool run_node(run *r, const onnx_node *source) {
    const char *type = onnx_node_type(source);
    node n = {.source = source, .opset = onnx_opset(r->model)};
    n.n_inputs = onnx_node_inputs(source);
    n.n_outputs = onnx_node_outputs(source);
    if (!gather_inputs(r, &n)) return false;
    operator_named(type, &n.skip)(&n);
    if (n.skip) return end(r, SKIPPED, "%s", n.skip);
    for (int i = 0; i < n.n_outputs; i++) {
        const char *name = onnx_node_output(source, i);
        if (!*name) continue;
        if (!n.output[i]) return end(r, FAILED, "%s: %s", type, at_error() ? at_error() : "an output is not computed");
        bind(r, name, n.output[i]);
    }
    return true;
}

static bool check_outputs(run *r) {
    for (int i = 0; i < onnx_outputs(r->model); i++) {
        const char *unsupported = NULL, *name = onnx_output_name(r->model, i);
        at_tensor *expected = read_data(r, "output", i, &unsupported), *got = value_named(r, name);
        char difference[400];
        if (unsupported) return end(r, SKIPPED, "%s", unsupported);
        if (!expected || !got) return end(r, FAILED, "output %s: %s", name, got ? "cannot be read" : "is not computed");
        if (!agrees(got, expected, r->rtol, difference, sizeof difference))
            return end(r, FAILED, "output %s: %s", name, difference);
    }
    if (at_error()) return end(r, FAILED, "%s", at_error());
    return true;
}

static bool data_are_right(run *r) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strstr(r->folder, known[i].part)) continue;
        if (known[i].skip) return end(r, SKIPPED, "%s", known[i].skip);
        r->rtol = known[i].rtol;
    }
    return true;
}

static void run_model(run *r) {
    if (!data_are_right(r) || !operators_are_known(r) || !make_room(r)) return;
    AT_SCOPE {
        bool going = read_inputs(r);
        for (int i = 0; i < onnx_nodes(r->model) && going; i++) going = run_node(r, onnx_node_at(r->model, i));
        if (going) check_outputs(r);
    }
}

outcome run_case(const char *folder, char *text, size_t size) {
    char path[1024];
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    onnx_model *model = onnx_model_read(path);
    run r = {.model = model, .folder = folder, .text = text, .size = size};
    if (!model) {
        end(&r, FAILED, "%s cannot be read", path);
        return r.outcome;
    }
    int64_t tensors = at_live_tensors();
    at_clear_error();
    run_model(&r);
    free(r.values);
    onnx_model_free(model);
    if (r.outcome != FAILED && at_live_tensors() != tensors) end(&r, FAILED, "tensors are left alive");
    return r.outcome;
}
