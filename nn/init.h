/* nn/init.h - initial values of parameters.
 *
 * Each writes to a floating-point leaf in place, draws from the thread's generator what torch.nn.init draws for the same
 * shape, and returns t (NULL on an error, which changes neither t nor the generator). Nothing is recorded.
 *
 * The fan of a weight (outputs, inputs, ...): fan_in is inputs, fan_out is outputs, each times the rest (the size of a
 * convolution's kernel); Xavier and Kaiming need two dimensions. */
#ifndef ATLED_NN_INIT_H
#define ATLED_NN_INIT_H

#include "../tensor/tensor.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

at_tensor *at_init_uniform(at_tensor *t, double low, double high); /* low <= high */
at_tensor *at_init_normal(at_tensor *t, double mean, double std);  /* std >= 0 */
at_tensor *at_init_constant(at_tensor *t, double value);

/* Glorot and Bengio (2010): the variance is 2 gain^2 / (fan_in + fan_out). gain is 1 for a linear layer,
 * sqrt(2) before ReLU, 5 / 3 before tanh. */
at_tensor *at_init_xavier_uniform(at_tensor *t, double gain);
at_tensor *at_init_xavier_normal(at_tensor *t, double gain);

/* He et al. (2015), for a layer before a leaky ReLU of that slope (0: ReLU): the variance is 2 / ((1 + slope^2) fan_in). */
at_tensor *at_init_kaiming_uniform(at_tensor *t, double slope);
at_tensor *at_init_kaiming_normal(at_tensor *t, double slope);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
