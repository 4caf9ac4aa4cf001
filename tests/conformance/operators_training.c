/* tests/conformance/operators_training.c - losses, gradients, and steps of optimizers. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>

#include "operators.h"

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* -weight[target] * x[target] for (batch, classes, ...) and a target (batch, ...); an ignored target weighs nothing.
 * The mean is by weight. */
static at_tensor *negative_log_likelihood(const node *n, at_tensor *x, at_tensor *target, at_tensor *weight) {
    at_tensor *counts = at_ones_like(target), *class = target;
    if (onnx_attribute_exists(n->source, "ignore_index")) {
        counts = at_ne(target, int_attribute(n, "ignore_index", 0));
        class = at_where(counts, target, 0);
    }
    at_tensor *weights = at_to(counts, at_dtype_of(x));
    if (weight) {
        at_tensor *of_class = at_index_select(weight, 0, at_flatten(class));
        weights = at_mul(weights, at_reshape_shape(of_class, at_shape_of(target)));
    }
    at_tensor *chosen = at_squeeze(at_gather(x, 1, at_unsqueeze(class, 1)), 1);
    at_tensor *loss = at_neg(at_mul(weights, chosen));
    if (text_attribute_is(n, "reduction", "none", "mean")) return loss;
    if (text_attribute_is(n, "reduction", "sum", "mean")) return at_sum(loss);
    return at_div(at_sum(loss), at_sum(weights));
}

void onnx_NegativeLogLikelihoodLoss(node *n) {
    n->output[0] = negative_log_likelihood(n, n->input[0], n->input[1], n->input[2]);
}

void onnx_SoftmaxCrossEntropyLoss(node *n) {
    n->output[1] = at_log_softmax(n->input[0], 1);
    n->output[0] = negative_log_likelihood(n, n->output[1], n->input[1], n->input[2]);
}

/* ---- gradients --------------------------------------------------------------------------------------------------- */

void onnx_Gradient(node *n) {
    if (!n->differentiated) {
        n->skip = "gradients of what the graph has not computed";
        return;
    }
    at_gradients(n->differentiated, n->input, n->n_outputs, false, n->output);
}

/* ---- steps of optimizers --------------------------------------------------------------------------------------------
 * Inputs: rate, number of steps before this one, then n parameters, n gradients, and n of each state. Outputs: n new
 * parameters and n of each new state. */

/* The gradient with the decay of weights. */
static at_tensor *regularized(const node *n, at_tensor *x, at_tensor *g) {
    return at_add(g, at_mul(x, float_attribute(n, "norm_coefficient", 0)));
}

void onnx_Adagrad(node *n) {
    int count = n->n_outputs / 2;
    double decay = 1 + at_item(n->input[1]) * float_attribute(n, "decay_factor", 0);
    double rate = at_item(n->input[0]) / decay, epsilon = float_attribute(n, "epsilon", 1e-6);
    for (int i = 0; i < count; i++) {
        at_tensor *x = n->input[2 + i], *g = regularized(n, x, n->input[2 + count + i]);
        at_tensor *squares = at_add(n->input[2 + 2 * count + i], at_square(g));
        n->output[i] = at_sub(x, at_div(at_mul(rate, g), at_add(at_sqrt(squares), epsilon)));
        n->output[count + i] = squares;
    }
}

/* The rate is corrected for averages that began at zero. */
void onnx_Adam(node *n) {
    int count = n->n_outputs / 3;
    double alpha = float_attribute(n, "alpha", 0.9), beta = float_attribute(n, "beta", 0.999);
    double epsilon = float_attribute(n, "epsilon", 1e-6), kept = 1 - float_attribute(n, "norm_coefficient_post", 0);
    double rate = at_item(n->input[0]), step = at_item(n->input[1]);
    if (step > 0) rate *= sqrt(1 - pow(beta, step)) / (1 - pow(alpha, step));
    for (int i = 0; i < count; i++) {
        at_tensor *x = n->input[2 + i], *g = regularized(n, x, n->input[2 + count + i]);
        at_tensor *mean = at_add(at_mul(alpha, n->input[2 + 2 * count + i]), at_mul(1 - alpha, g));
        at_tensor *squares = at_add(at_mul(beta, n->input[2 + 3 * count + i]), at_mul(1 - beta, at_square(g)));
        at_tensor *change = at_mul(rate, at_div(mean, at_add(at_sqrt(squares), epsilon)));
        n->output[i] = at_mul(kept, at_sub(x, change));
        n->output[count + i] = mean;
        n->output[2 * count + i] = squares;
    }
}

/* In the first step the gradient enters the momentum whole. */
void onnx_Momentum(node *n) {
    int count = n->n_outputs / 2;
    double rate = at_item(n->input[0]), alpha = float_attribute(n, "alpha", 0);
    double beta = at_item(n->input[1]) > 0 ? float_attribute(n, "beta", 0) : 1;
    bool nesterov = text_attribute_is(n, "mode", "nesterov", "standard");
    for (int i = 0; i < count; i++) {
        at_tensor *x = n->input[2 + i], *g = regularized(n, x, n->input[2 + count + i]);
        at_tensor *momentum = at_add(at_mul(alpha, n->input[2 + 2 * count + i]), at_mul(beta, g));
        at_tensor *change = nesterov ? at_add(g, at_mul(alpha, momentum)) : momentum;
        n->output[i] = at_sub(x, at_mul(rate, change));
        n->output[count + i] = momentum;
    }
}
