/* tests/conformance/operators_activations.c - functions of neurons. */
#define _POSIX_C_SOURCE 200809L

#include "operators.h"

#define ACTIVATION(name, expression)                                                                                   \
    void onnx_##name(node *n) {                                                                                        \
        at_tensor *x = n->input[0];                                                                                    \
        n->output[0] = expression;                                                                                     \
    }

ACTIVATION(HardSwish, at_mul(x, at_clamp(at_add(at_div(x, 6), 0.5), 0, 1)))
ACTIVATION(LeakyRelu, at_leaky_relu(x, float_attribute(n, "alpha", 0.01)))
ACTIVATION(Mish, at_mul(x, at_tanh(at_softplus(x))))
ACTIVATION(Relu, at_relu(x))
ACTIVATION(Sigmoid, at_sigmoid(x))
ACTIVATION(Softplus, at_softplus(x))
ACTIVATION(Softsign, at_div(x, at_add(1, at_abs(x))))
ACTIVATION(Tanh, at_tanh(x))
ACTIVATION(ThresholdedRelu, at_where(at_gt(x, float_attribute(n, "alpha", 1)), x, 0))

static at_tensor *elu(at_tensor *x, double alpha) { return at_where(at_lt(x, 0), at_mul(alpha, at_expm1(x)), x); }

void onnx_Elu(node *n) { n->output[0] = elu(n->input[0], float_attribute(n, "alpha", 1)); }

void onnx_Celu(node *n) {
    double alpha = float_attribute(n, "alpha", 1);
    n->output[0] = at_mul(alpha, elu(at_div(n->input[0], alpha), 1));
}

void onnx_Selu(node *n) {
    double alpha = float_attribute(n, "alpha", 1.67326319217681884765625);
    n->output[0] = at_mul(float_attribute(n, "gamma", 1.05070102214813232421875), elu(n->input[0], alpha));
}

void onnx_HardSigmoid(node *n) {
    double alpha = float_attribute(n, "alpha", 0.2), beta = float_attribute(n, "beta", 0.5);
    n->output[0] = at_clamp(at_add(at_mul(n->input[0], alpha), beta), 0, 1);
}

/* The slopes broadcast; in operator sets before 7 a list of them is for the channels, which are axis 1. */
void onnx_PRelu(node *n) {
    at_tensor *x = n->input[0], *slope = n->input[1];
    if (n->opset < 7 && at_ndim(slope) == 1 && at_numel(slope) > 1) slope = unsqueeze_many(slope, 1, at_ndim(x) - 2);
    n->output[0] = at_where(at_lt(x, 0), at_mul(x, slope), x);
}

void onnx_Shrink(node *n) {
    double lambda = float_attribute(n, "lambd", 0.5), bias = float_attribute(n, "bias", 0);
    at_tensor *x = n->input[0];
    n->output[0] = at_where(at_gt(x, lambda), at_sub(x, bias), at_where(at_lt(x, -lambda), at_add(x, bias), 0));
}

/* As in evaluation, where nothing is dropped: the mask is true everywhere. In training that holds for the ratio 0. */
void onnx_Dropout(node *n) {
    bool training = n->input[2] && at_item(n->input[2]) != 0;
    if (training && (!n->input[1] || at_item(n->input[1]) != 0)) {
        n->skip = "random numbers, which no expected output can hold";
        return;
    }
    n->output[0] = n->input[0];
    n->output[1] = constant(1, AT_BOOL, at_shape_of(n->input[0]));
}

/* ---- along an axis ----------------------------------------------------------------------------------------------- */

static at_tensor *hardmax(at_tensor *x, int axis) {
    int trailing = at_ndim(x) - 1 - positive_axis(axis, at_ndim(x));
    at_tensor *index = unsqueeze_many(counting(at_size(x, axis)), 1, trailing);
    return at_to(at_eq(index, at_argmax(x, axis, true)), at_dtype_of(x));
}

/* Before operator set 13 all dimensions from the axis on counted as one. */
static void along_axis(node *n, at_tensor *function(at_tensor *x, int axis)) {
    at_tensor *x = n->input[0];
    if (n->opset >= 13) {
        n->output[0] = function(x, (int)int_attribute(n, "axis", -1));
        return;
    }
    at_shape shape = at_shape_of(x);
    int64_t rows = 1;
    for (int d = 0; d < positive_axis(int_attribute(n, "axis", 1), shape.ndim); d++) rows *= shape.dim[d];
    n->output[0] = at_reshape_shape(function(at_reshape(x, rows, -1), 1), shape);
}

void onnx_Softmax(node *n) { along_axis(n, at_softmax); }
void onnx_LogSoftmax(node *n) { along_axis(n, at_log_softmax); }
void onnx_Hardmax(node *n) { along_axis(n, hardmax); }
