/* nn/loss.h - losses. */
#ifndef ATLED_NN_LOSS_H
#define ATLED_NN_LOSS_H

#include "../autograd/autograd.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- losses ------------------------------------------------------------------------------------------------------ */

typedef enum { AT_NONE, AT_MEAN, AT_SUM } at_reduction;

/* (input - target)^2 elementwise, its mean or its sum. Unequal shapes are an error: broadcasting here is nearly always
 * a mistake. d/dinput: 2 g (input - target), divided by the number of elements for AT_MEAN. */
at_tensor *at_mse_loss(at_tensor *input, at_tensor *target, at_reduction reduction);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
