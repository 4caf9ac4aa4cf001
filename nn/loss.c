/* nn/loss.c - losses. */
#include "../tensor/internal.h"
#include "loss.h"

at_tensor *at_mse_loss(at_tensor *input, at_tensor *target, at_reduction reduction) {
    if (!input) return at_fail_null("mse_loss", "input");
    if (!target) return at_fail_null("mse_loss", "target");
    if (!tn_shapes_equal(&input->value->shape, &target->value->shape))
        return at_fail(AT_ERROR_SHAPE,
                       "mse_loss: input %s and target %s: shapes must be equal (at_reshape makes them so)",
                       tn_shape_text(&input->value->shape), tn_shape_text(&target->value->shape));
    if (!tn_is_floating(input->value->dtype) && !tn_is_floating(target->value->dtype))
        return at_fail(AT_ERROR_DTYPE, "mse_loss: input %s and target %s: want floating point (at_to converts)",
                       tn_describe(input), tn_describe(target));
    at_tensor *loss = at_square(at_sub(input, target));
    switch (reduction) {
    case AT_NONE: return loss;
    case AT_MEAN: return at_mean(loss);
    case AT_SUM: return at_sum(loss);
    }
    return at_fail(AT_ERROR_VALUE, "mse_loss: reduction %d: want AT_NONE, AT_MEAN or AT_SUM", (int)reduction);
}
