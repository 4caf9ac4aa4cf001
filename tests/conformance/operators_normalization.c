/* tests/conformance/operators_normalization.c - (x - mean) / sqrt(variance + epsilon), over various axes. */
#define _POSIX_C_SOURCE 200809L

#include "operators.h"

static list axes_from(int first, int end) {
    list axes = {0};
    for (int d = first; d < end; d++) axes.at[axes.n++] = d;
    return axes;
}

/* Variances here divide by the number of elements. */
static at_tensor *variance_over(at_tensor *x, list axes) {
    return mean_over(at_square(at_sub(x, mean_over(x, axes))), axes);
}

static at_tensor *normalized(at_tensor *x, at_tensor *mean, at_tensor *variance, double epsilon) {
    return at_mul(at_sub(x, mean), at_rsqrt(at_add(variance, epsilon)));
}

/* One number a channel, to be broadcast over (batch, channels, ...). */
static at_tensor *for_channels(at_tensor *t, at_tensor *x) { return unsqueeze_many(t, 1, at_ndim(x) - 2); }

static at_tensor *scaled_and_shifted(const node *n, at_tensor *x) {
    return at_add(at_mul(x, for_channels(n->input[1], x)), for_channels(n->input[2], x));
}

/* In training the batch's own statistics are used, and move the running ones. */
void onnx_BatchNormalization(node *n) {
    at_tensor *x = n->input[0], *mean = n->input[3], *variance = n->input[4];
    at_tensor *used_mean = for_channels(mean, x), *used_variance = for_channels(variance, x);
    if (int_attribute(n, "training_mode", 0)) {
        list axes = axes_from(1, at_ndim(x));
        axes.at[0] = 0;
        used_mean = mean_over(x, axes);
        used_variance = variance_over(x, axes);
        double momentum = float_attribute(n, "momentum", 0.9);
        n->output[1] = at_add(at_mul(mean, momentum), at_mul(at_flatten(used_mean), 1 - momentum));
        n->output[2] = at_add(at_mul(variance, momentum), at_mul(at_flatten(used_variance), 1 - momentum));
    }
    n->output[0] = scaled_and_shifted(n, normalized(x, used_mean, used_variance, float_attribute(n, "epsilon", 1e-5)));
}

void onnx_InstanceNormalization(node *n) {
    at_tensor *x = n->input[0];
    list axes = axes_from(2, at_ndim(x));
    double epsilon = float_attribute(n, "epsilon", 1e-5);
    n->output[0] = scaled_and_shifted(n, normalized(x, mean_over(x, axes), variance_over(x, axes), epsilon));
}

/* Its further outputs are the mean and 1 / sqrt(variance + epsilon). */
void onnx_LayerNormalization(node *n) {
    at_tensor *x = n->input[0];
    list axes = axes_from(positive_axis(int_attribute(n, "axis", -1), at_ndim(x)), at_ndim(x));
    n->output[1] = mean_over(x, axes);
    n->output[2] = at_rsqrt(at_add(variance_over(x, axes), float_attribute(n, "epsilon", 1e-5)));
    n->output[0] = at_mul(at_mul(at_sub(x, n->output[1]), n->output[2]), n->input[1]);
    if (n->input[2]) n->output[0] = at_add(n->output[0], n->input[2]);
}

void onnx_MeanVarianceNormalization(node *n) {
    list axes = list_attribute(n, "axes");
    if (axes.n == 0) axes = (list){3, {0, 2, 3}};
    n->output[0] = normalized(n->input[0], mean_over(n->input[0], axes), variance_over(n->input[0], axes), 1e-9);
}

/* Divided by (bias + alpha / size * the sum of squares over `size` neighbouring channels)^beta. */
void onnx_LRN(node *n) {
    at_tensor *x = n->input[0];
    int64_t size = int_attribute(n, "size", 1), channels = at_size(x, 1);
    double alpha = float_attribute(n, "alpha", 1e-4), beta = float_attribute(n, "beta", 0.75);
    at_tensor *squares = pad(at_square(x), 1, (size - 1) / 2, size / 2, 0), *sum = at_zeros_like(x);
    for (int64_t i = 0; i < size; i++) sum = at_add(sum, at_slice(squares, 1, i, i + channels, 1));
    at_tensor *divisor = at_add(float_attribute(n, "bias", 1), at_mul(alpha / (double)size, sum));
    n->output[0] = at_div(x, at_pow(divisor, beta));
}
