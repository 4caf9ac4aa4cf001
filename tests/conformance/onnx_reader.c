/* tests/conformance/onnx_reader.c - what protobuf-c makes of ONNX files, as onnx_reader.h offers it. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "onnx.pb-c.h"
#include "onnx_reader.h"

struct onnx_model {
    Onnx__ModelProto *proto;
};

/* An onnx_node is the parser's node itself under a name that needs no generated header. */
static const Onnx__NodeProto *proto_of(const onnx_node *node) { return (const Onnx__NodeProto *)node; }

static uint8_t *read_bytes(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    uint8_t *bytes = NULL;
    long end = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (end >= 0) {
        *size = (size_t)end;
        rewind(file);
        bytes = malloc(*size + 1);
        if (bytes && fread(bytes, 1, *size, file) != *size) {
            free(bytes);
            bytes = NULL;
        }
    }
    fclose(file);
    return bytes;
}

onnx_model *onnx_model_read(const char *path) {
    size_t size = 0;
    uint8_t *bytes = read_bytes(path, &size);
    if (!bytes) return NULL;
    Onnx__ModelProto *proto = onnx__model_proto__unpack(NULL, size, bytes);
    free(bytes);
    onnx_model *model = proto && proto->graph ? malloc(sizeof *model) : NULL;
    if (model) {
        model->proto = proto;
    } else {
        onnx__model_proto__free_unpacked(proto, NULL);
    }
    return model;
}

void onnx_model_free(onnx_model *model) {
    if (model) onnx__model_proto__free_unpacked(model->proto, NULL);
    free(model);
}

int onnx_opset(const onnx_model *model) {
    for (size_t i = 0; i < model->proto->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *set = model->proto->opset_import[i];
        if (!set->domain || !*set->domain) return (int)set->version;
    }
    return 1;
}

/* ---- the graph --------------------------------------------------------------------------------------------------- */

static const Onnx__GraphProto *graph(const onnx_model *model) { return model->proto->graph; }

int onnx_nodes(const onnx_model *model) { return (int)graph(model)->n_node; }
const onnx_node *onnx_node_at(const onnx_model *model, int i) { return (const onnx_node *)graph(model)->node[i]; }

int onnx_inputs(const onnx_model *model) { return (int)graph(model)->n_input; }
const char *onnx_input_name(const onnx_model *model, int i) { return graph(model)->input[i]->name; }
int onnx_outputs(const onnx_model *model) { return (int)graph(model)->n_output; }
const char *onnx_output_name(const onnx_model *model, int i) { return graph(model)->output[i]->name; }

static const char *unsupported_type(const Onnx__ValueInfoProto *value) {
    if (!value->type) return "values without a type";
    switch (value->type->value_case) {
    case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE: {
        const char *unsupported = NULL;
        onnx_dtype(value->type->tensor_type->elem_type, &(at_dtype){AT_BOOL}, &unsupported);
        return unsupported;
    }
    case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE: return "values that are sequences of tensors";
    case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE: return "values that are optional";
    default: return "values that are neither tensors nor sequences of them";
    }
}

const char *onnx_unsupported_value(const onnx_model *model) {
    const char *unsupported = NULL;
    for (int i = 0; i < onnx_inputs(model) && !unsupported; i++) unsupported = unsupported_type(graph(model)->input[i]);
    for (int i = 0; i < onnx_outputs(model) && !unsupported; i++)
        unsupported = unsupported_type(graph(model)->output[i]);
    return unsupported;
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

bool onnx_dtype(int64_t type, at_dtype *dtype, const char **unsupported) {
    const char *why = NULL;
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: *dtype = AT_FLOAT32; break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: *dtype = AT_FLOAT64; break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL: *dtype = AT_BOOL; break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64: *dtype = AT_INT64; break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16: why = "dtype: float16"; break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16: why = "dtype: bfloat16"; break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__STRING: why = "dtype: string"; break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64:
    case ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128: why = "dtype: complex"; break;
    default: why = "dtype: unknown to this reader"; break;
    }
    if (why && unsupported) *unsupported = why;
    return !why;
}

static size_t raw_size(int32_t type) {
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8: return 1;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16: return 2;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32: return 4;
    default: return 8;
    }
}

/* Raw data are little-endian whatever the machine is. */
static uint64_t raw_bits(const uint8_t *bytes, size_t size) {
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++) bits |= (uint64_t)bytes[i] << (8 * i);
    return bits;
}

static int64_t raw_integer(int32_t type, const uint8_t *bytes) {
    uint64_t bits = raw_bits(bytes, raw_size(type));
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8: return (int8_t)bits;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16: return (int16_t)bits;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32: return (int32_t)bits;
    default: return (int64_t)bits;
    }
}

static float raw_float(const uint8_t *bytes) {
    uint32_t bits = (uint32_t)raw_bits(bytes, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double raw_double(const uint8_t *bytes) {
    uint64_t bits = raw_bits(bytes, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* How many elements the message holds: as raw bytes, or in the list for its type. */
static size_t stored(const Onnx__TensorProto *t) {
    if (t->has_raw_data) return t->raw_data.len / raw_size(t->data_type);
    switch (t->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: return t->n_float_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: return t->n_double_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return t->n_int64_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64: return t->n_uint64_data;
    default: return t->n_int32_data;
    }
}

static int64_t integer_at(const Onnx__TensorProto *t, size_t i) {
    if (t->has_raw_data) return raw_integer(t->data_type, t->raw_data.data + i * raw_size(t->data_type));
    switch (t->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return t->int64_data[i];
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64: return (int64_t)t->uint64_data[i];
    default: return t->int32_data[i];
    }
}

static at_tensor *float_tensor(const Onnx__TensorProto *t, size_t n, at_shape shape) {
    float *values = malloc(n * sizeof *values + 1);
    if (!values) return NULL;
    for (size_t i = 0; i < n; i++) values[i] = t->has_raw_data ? raw_float(t->raw_data.data + 4 * i) : t->float_data[i];
    at_tensor *result = at_from_floats_shape(values, shape);
    free(values);
    return result;
}

static at_tensor *double_tensor(const Onnx__TensorProto *t, size_t n, at_shape shape) {
    double *values = malloc(n * sizeof *values + 1);
    if (!values) return NULL;
    for (size_t i = 0; i < n; i++)
        values[i] = t->has_raw_data ? raw_double(t->raw_data.data + 8 * i) : t->double_data[i];
    at_tensor *result = at_from_doubles_shape(values, shape);
    free(values);
    return result;
}

static at_tensor *integer_tensor(const Onnx__TensorProto *t, size_t n, at_shape shape, const char **unsupported) {
    int64_t *values = malloc(n * sizeof *values + 1);
    if (!values) return NULL;
    bool fits = true;
    for (size_t i = 0; i < n; i++) {
        values[i] = integer_at(t, i);
        fits = fits && !(t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT64 && values[i] < 0);
    }
    if (!fits && unsupported) *unsupported = "dtype: uint64 beyond int64";
    at_tensor *result = fits ? at_from_int64s_shape(values, shape) : NULL;
    free(values);
    return result;
}

static at_tensor *tensor_of(const Onnx__TensorProto *t, const char **unsupported) {
    at_dtype dtype;
    if (!onnx_dtype(t->data_type, &dtype, unsupported)) return NULL;
    at_shape shape = at_shape_from((int)t->n_dims, t->dims);
    size_t n = 1;
    for (size_t i = 0; i < t->n_dims; i++) n *= (size_t)t->dims[i];
    if (stored(t) != n) return NULL;
    if (dtype == AT_FLOAT32) return float_tensor(t, n, shape);
    if (dtype == AT_FLOAT64) return double_tensor(t, n, shape);
    at_tensor *integers = integer_tensor(t, n, shape, unsupported);
    return integers && dtype == AT_BOOL ? at_to(integers, AT_BOOL) : integers;
}

at_tensor *onnx_tensor_read(const char *path, const char **unsupported) {
    size_t size = 0;
    uint8_t *bytes = read_bytes(path, &size);
    if (!bytes) return NULL;
    Onnx__TensorProto *proto = onnx__tensor_proto__unpack(NULL, size, bytes);
    free(bytes);
    if (!proto) return NULL;
    at_tensor *tensor = tensor_of(proto, unsupported);
    onnx__tensor_proto__free_unpacked(proto, NULL);
    return tensor;
}

int onnx_initializers(const onnx_model *model) { return (int)graph(model)->n_initializer; }
const char *onnx_initializer_name(const onnx_model *model, int i) { return graph(model)->initializer[i]->name; }
at_tensor *onnx_initializer(const onnx_model *model, int i, const char **unsupported) {
    return tensor_of(graph(model)->initializer[i], unsupported);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

const char *onnx_node_type(const onnx_node *node) { return proto_of(node)->op_type; }
int onnx_node_inputs(const onnx_node *node) { return (int)proto_of(node)->n_input; }
const char *onnx_node_input(const onnx_node *node, int i) { return proto_of(node)->input[i]; }
int onnx_node_outputs(const onnx_node *node) { return (int)proto_of(node)->n_output; }
const char *onnx_node_output(const onnx_node *node, int i) { return proto_of(node)->output[i]; }

static const Onnx__AttributeProto *attribute(const onnx_node *node, const char *name) {
    for (size_t i = 0; i < proto_of(node)->n_attribute; i++)
        if (strcmp(proto_of(node)->attribute[i]->name, name) == 0) return proto_of(node)->attribute[i];
    return NULL;
}

bool onnx_attribute_exists(const onnx_node *node, const char *name) { return attribute(node, name) != NULL; }

int64_t onnx_attribute_int(const onnx_node *node, const char *name, int64_t otherwise) {
    const Onnx__AttributeProto *found = attribute(node, name);
    return found ? found->i : otherwise;
}

double onnx_attribute_float(const onnx_node *node, const char *name, double otherwise) {
    const Onnx__AttributeProto *found = attribute(node, name);
    return found ? (double)found->f : otherwise;
}

/* The file's bytes have no end of their own. */
const char *onnx_attribute_text(const onnx_node *node, const char *name, const char *otherwise, char text[static 64]) {
    const Onnx__AttributeProto *found = attribute(node, name);
    if (!found || !found->has_s) return otherwise;
    size_t length = found->s.len < 63 ? found->s.len : 63;
    memcpy(text, found->s.data, length);
    text[length] = '\0';
    return text;
}

const int64_t *onnx_attribute_ints(const onnx_node *node, const char *name, int *n) {
    const Onnx__AttributeProto *found = attribute(node, name);
    *n = found ? (int)found->n_ints : 0;
    return found ? found->ints : NULL;
}

const float *onnx_attribute_floats(const onnx_node *node, const char *name, int *n) {
    const Onnx__AttributeProto *found = attribute(node, name);
    *n = found ? (int)found->n_floats : 0;
    return found ? found->floats : NULL;
}

at_tensor *onnx_attribute_tensor(const onnx_node *node, const char *name, const char **unsupported) {
    const Onnx__AttributeProto *found = attribute(node, name);
    return found && found->t ? tensor_of(found->t, unsupported) : NULL;
}
