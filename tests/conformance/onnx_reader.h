/* tests/conformance/onnx_reader.h - ONNX files: models, their nodes and attributes, and tensors.
 *
 * Only onnx_reader.c knows protobuf. A model owns its nodes and all strings; tensors belong to the innermost scope. */
#ifndef ATLED_TESTS_ONNX_READER_H
#define ATLED_TESTS_ONNX_READER_H

#include "../../atled.h"

typedef struct onnx_model onnx_model;
typedef struct onnx_node onnx_node;

/* NULL where the file is missing or malformed. */
onnx_model *onnx_model_read(const char *path);
void onnx_model_free(onnx_model *model);
int onnx_opset(const onnx_model *model); /* the version of the standard operators */

/* ---- the graph --------------------------------------------------------------------------------------------------- */

int onnx_nodes(const onnx_model *model); /* in an order in which each node's inputs are known */
const onnx_node *onnx_node_at(const onnx_model *model, int i);

int onnx_inputs(const onnx_model *model);
const char *onnx_input_name(const onnx_model *model, int i);
int onnx_outputs(const onnx_model *model);
const char *onnx_output_name(const onnx_model *model, int i);

/* Why an input or output of the whole graph cannot be a tensor of atled's; NULL where each can. */
const char *onnx_unsupported_value(const onnx_model *model);

/* Constants that belong to the model. */
int onnx_initializers(const onnx_model *model);
const char *onnx_initializer_name(const onnx_model *model, int i);
at_tensor *onnx_initializer(const onnx_model *model, int i, const char **unsupported);

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

/* float32, float64, int64 and bool are themselves; integers of every other width become int64, which holds their
 * values. Of any other type: false, and *unsupported, where it is not NULL, says which. */
bool onnx_dtype(int64_t type, at_dtype *dtype, const char **unsupported);

/* NULL where the file is missing or malformed, or, with *unsupported saying why, holds what atled has no dtype for. */
at_tensor *onnx_tensor_read(const char *path, const char **unsupported);

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

const char *onnx_node_type(const onnx_node *node); /* the operator's name */
int onnx_node_inputs(const onnx_node *node);
const char *onnx_node_input(const onnx_node *node, int i); /* "" for one that is left out */
int onnx_node_outputs(const onnx_node *node);
const char *onnx_node_output(const onnx_node *node, int i); /* "" for one that nobody wants */

bool onnx_attribute_exists(const onnx_node *node, const char *name);
int64_t onnx_attribute_int(const onnx_node *node, const char *name, int64_t otherwise);
double onnx_attribute_float(const onnx_node *node, const char *name, double otherwise);
const char *onnx_attribute_text(const onnx_node *node, const char *name, const char *otherwise, char text[static 64]);
const int64_t *onnx_attribute_ints(const onnx_node *node, const char *name, int *n); /* n = 0 without such a list */
const float *onnx_attribute_floats(const onnx_node *node, const char *name, int *n); /* n = 0 without such a list */
at_tensor *onnx_attribute_tensor(const onnx_node *node, const char *name, const char **unsupported);

#endif
