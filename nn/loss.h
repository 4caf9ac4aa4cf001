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

/* |input - target|; d/dinput: g sign(input - target). As at_mse_loss. */
at_tensor *at_l1_loss(at_tensor *input, at_tensor *target, at_reduction reduction);

/* With d = input - target: d^2 / 2 where |d| < delta, else delta (|d| - delta / 2); delta > 0. As at_mse_loss.
 * d/dinput: g d within, g delta sign(d) outside. */
at_tensor *at_huber_loss(at_tensor *input, at_tensor *target, double delta, at_reduction reduction);

/* Binary cross entropy of probabilities sigmoid(input), for any input without overflow: max(x, 0) - x t + log(1 +
 * exp(-|x|)) for targets 0 <= t <= 1 of input's shape; d/dinput: g (sigmoid x - t). */
at_tensor *at_bce_with_logits_loss(at_tensor *input, at_tensor *target, at_reduction reduction);

/* Cross entropy of classes: input are scores (classes), (n, classes) or (n, classes, ...), target int64 class indices of
 * input's shape without its classes. -log softmax(input)[target], or with smoothing s: (1 - s) times that plus s / classes
 * times the sum over all classes (Szegedy et al. 2016). Where target is the ignored index the loss is 0 and does not
 * count in AT_MEAN; if nothing counts, that is NaN, as in torch. d/dinput: g (softmax - smoothed one-hot target).
 *
 *     at_cross_entropy_loss(scores, classes, AT_MEAN, .has_ignore_index = true, .ignore_index = 0)
 *
 * at_nll_loss is the same for logarithms of probabilities, which at_log_softmax gives. */
typedef struct {
    at_tensor *input, *target;
    at_reduction reduction;
    double label_smoothing; /* 0 <= it <= 1 */
    bool has_ignore_index;  /* otherwise -100 is ignored, as in torch */
    int64_t ignore_index;
    int at_; /* unused: lets at_cross_entropy_loss(x, y, AT_MEAN) compile without a warning */
} at_class_loss_options;
at_tensor *at_cross_entropy_loss_with(at_class_loss_options options);
at_tensor *at_nll_loss_with(at_class_loss_options options);
#define at_cross_entropy_loss(...) at_cross_entropy_loss_with((at_class_loss_options){__VA_ARGS__, .at_ = 0})
#define at_nll_loss(...)           at_nll_loss_with((at_class_loss_options){__VA_ARGS__, .at_ = 0})

/* For sequences of unequal length: scores (n, steps, classes), target int64 (n, steps), valid_lengths int64 (n) -> (n):
 * each sequence's sum of cross entropies over its first valid_length steps, divided by all steps (the sequence-to-sequence
 * loss of Dive into Deep Learning). What lies beyond has no influence, whatever it is. */
at_tensor *at_masked_cross_entropy_loss(at_tensor *scores, at_tensor *target, at_tensor *valid_lengths);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
