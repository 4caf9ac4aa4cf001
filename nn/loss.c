/* nn/loss.c - losses. */
#include "loss.h"

#include <inttypes.h>

#include "../tensor/internal.h"

static at_tensor *reduce(const char *function, at_tensor *loss, at_reduction reduction) {
    switch (reduction) {
    case AT_NONE: return loss;
    case AT_MEAN: return at_mean(loss);
    case AT_SUM: return at_sum(loss);
    }
    return at_fail(AT_ERROR_VALUE, "%s: reduction %d: want AT_NONE, AT_MEAN or AT_SUM", function, (int)reduction);
}

/* ---- of pairs of numbers ----------------------------------------------------------------------------------------- */

static bool check_pair(const char *function, at_tensor *input, at_tensor *target) {
    if (!input) return at_fail_null(function, "input");
    if (!target) return at_fail_null(function, "target");
    if (!tn_shapes_equal(&input->value->shape, &target->value->shape))
        return at_fail(AT_ERROR_SHAPE, "%s: input %s and target %s: shapes must be equal (at_reshape makes them so)",
                       function, tn_shape_text(&input->value->shape), tn_shape_text(&target->value->shape));
    if (!tn_is_floating(input->value->dtype) && !tn_is_floating(target->value->dtype))
        return at_fail(AT_ERROR_DTYPE, "%s: input %s and target %s: want floating point (at_to converts)", function,
                       tn_describe(input), tn_describe(target));
    return true;
}

at_tensor *at_mse_loss(at_tensor *input, at_tensor *target, at_reduction reduction) {
    if (!check_pair("mse_loss", input, target)) return NULL;
    AT_CALL("mse_loss");
    return reduce("mse_loss", at_square(at_sub(input, target)), reduction);
}

at_tensor *at_l1_loss(at_tensor *input, at_tensor *target, at_reduction reduction) {
    if (!check_pair("l1_loss", input, target)) return NULL;
    AT_CALL("l1_loss");
    return reduce("l1_loss", at_abs(at_sub(input, target)), reduction);
}

at_tensor *at_huber_loss(at_tensor *input, at_tensor *target, double delta, at_reduction reduction) {
    if (!check_pair("huber_loss", input, target)) return NULL;
    if (!(delta > 0)) return at_fail(AT_ERROR_VALUE, "huber_loss: delta is %g: must be positive", delta);
    AT_CALL("huber_loss");
    at_tensor *d = at_sub(input, target), *size = at_abs(d), *far = at_ge(size, delta);
    at_tensor *outside = at_mul(at_sub(size, delta / 2), delta);
    /* An infinite d is not squared: where the square does not count, its derivative would be 0 * infinity. */
    at_tensor *within = at_mul(at_square(at_masked_fill(d, far, 0)), 0.5);
    return reduce("huber_loss", at_where(far, outside, within), reduction);
}

at_tensor *at_bce_with_logits_loss(at_tensor *input, at_tensor *target, at_reduction reduction) {
    if (!check_pair("bce_with_logits_loss", input, target)) return NULL;
    AT_CALL("bce_with_logits_loss");
    /* max(x, 0) is x * step, |x| is x * sign: constants for derivatives, so that these are right at 0 too. */
    at_tensor *step = at_to(at_ge(input, 0), AT_FLOAT32), *sign = at_sub(at_mul(step, 2), 1);
    at_tensor *rest = at_log1p(at_exp(at_neg(at_mul(input, sign))));
    return reduce("bce_with_logits_loss", at_add(at_mul(input, at_sub(step, target)), rest), reduction);
}

/* ---- of classes -------------------------------------------------------------------------------------------------- */

/* target is int64 with input's shape but for the classes, which are dimension 0 of one and 1 of more. */
static bool check_classes(const char *function, const at_class_loss_options *o) {
    if (!o->input) return at_fail_null(function, "input");
    if (!o->target) return at_fail_null(function, "target");
    if (!(o->label_smoothing >= 0 && o->label_smoothing <= 1))
        return at_fail(AT_ERROR_VALUE, "%s: label_smoothing is %g: want 0 <= label_smoothing <= 1", function,
                       o->label_smoothing);
    at_shape in = o->input->value->shape, want = in;
    if (in.ndim > 0) {
        want.ndim--;
        for (int d = in.ndim > 1 ? 1 : 0; d < want.ndim; d++) want.dim[d] = in.dim[d + 1];
    }
    if (in.ndim == 0 || !tn_shapes_equal(&want, &o->target->value->shape) || o->target->value->dtype != AT_INT64 ||
        !tn_is_floating(o->input->value->dtype))
        return at_fail(AT_ERROR_SHAPE,
                       "%s: input %s and target %s: want floating-point (n, classes, ...) or (classes), and int64 "
                       "class "
                       "indices of the same shape without the classes",
                       function, tn_describe(o->input), tn_describe(o->target));
    return true;
}

/* Every class is one of n, or ignored. */
static bool check_range(const char *function, at_tensor *target, at_tensor *ignored, int64_t n) {
    if (at_numel(target) == 0) return true;
    at_tensor *wrong = at_logical_and(at_logical_not(ignored), at_logical_or(at_lt(target, 0), at_ge(target, n)));
    at_tensor *any = at_any(wrong);
    if (!any || !tn_value_store(any->value)) return false;
    if (at_item(any) == 0) return true;
    return at_fail(AT_ERROR_VALUE, "%s: target has class %.0f: want 0 ... %" PRId64 ", or the ignored index", function,
                   at_item(at_select(at_masked_select(target, wrong), 0, 0)), n - 1);
}

static at_tensor *class_loss(const char *function, const at_class_loss_options *o, at_tensor *log_probabilities) {
    int dim = at_ndim(log_probabilities) > 1 ? 1 : 0;
    int64_t n = at_size(log_probabilities, dim);
    at_tensor *ignored = at_eq(o->target, o->has_ignore_index ? o->ignore_index : -100);
    if (!check_range(function, o->target, ignored, n)) return NULL;
    at_tensor *class = at_unsqueeze(at_masked_fill(o->target, ignored, 0), dim);
    at_tensor *loss = at_neg(at_squeeze(at_gather(log_probabilities, dim, class), dim));
    if (o->label_smoothing != 0) {
        at_tensor *all = at_neg(at_mean_dim(log_probabilities, dim, false));
        loss = at_add(at_mul(loss, 1 - o->label_smoothing), at_mul(all, o->label_smoothing));
    }
    loss = at_where(ignored, 0, loss);
    if (o->reduction != AT_MEAN) return reduce(function, loss, o->reduction);
    return at_div(at_sum(loss), at_sum(at_to(at_logical_not(ignored), at_dtype_of(loss))));
}

static at_tensor *checked_class_loss(const char *function, at_class_loss_options *o, bool scores) {
    if (!check_classes(function, o)) return NULL;
    AT_CALL(function);
    at_tensor *loss = NULL;
    AT_SCOPE {
        at_tensor *logs = scores ? at_log_softmax(o->input, at_ndim(o->input) > 1 ? 1 : 0) : o->input;
        loss = logs ? class_loss(function, o, logs) : NULL;
        if (loss) at_scope_return(loss);
    }
    return loss;
}

at_tensor *at_cross_entropy_loss_with(at_class_loss_options o) {
    return checked_class_loss("cross_entropy_loss", &o, true);
}
at_tensor *at_nll_loss_with(at_class_loss_options o) { return checked_class_loss("nll_loss", &o, false); }

at_tensor *at_masked_cross_entropy_loss(at_tensor *scores, at_tensor *target, at_tensor *valid_lengths) {
    const char *function = "masked_cross_entropy_loss";
    if (!scores) return at_fail_null(function, "scores");
    if (!target) return at_fail_null(function, "target");
    if (!valid_lengths) return at_fail_null(function, "valid_lengths");
    const at_shape *s = &scores->value->shape, *t = &target->value->shape, *v = &valid_lengths->value->shape;
    if (s->ndim != 3 || t->ndim != 2 || v->ndim != 1 || t->dim[0] != s->dim[0] || t->dim[1] != s->dim[1] ||
        v->dim[0] != s->dim[0] || target->value->dtype != AT_INT64 || valid_lengths->value->dtype != AT_INT64)
        return at_fail(AT_ERROR_SHAPE,
                       "%s: scores %s, target %s, valid_lengths %s: want (n, steps, classes), int64 (n, steps), int64 "
                       "(n)",
                       function, tn_describe(scores), tn_describe(target), tn_describe(valid_lengths));
    AT_CALL(function);
    at_tensor *loss = NULL;
    AT_SCOPE {
        at_tensor *step = at_to(at_arange(0, (double)s->dim[1], 1), AT_INT64);
        at_tensor *beyond = at_ge(step, at_unsqueeze(valid_lengths, 1));
        at_class_loss_options o = {.input = at_transpose(at_masked_fill(scores, at_unsqueeze(beyond, 2), 0), 1, 2),
                                   .target = at_masked_fill(target, beyond, -100)};
        at_tensor *each = o.input && o.target ? checked_class_loss(function, &o, true) : NULL;
        loss = each ? at_mean_dim(each, 1, false) : NULL;
        if (loss) at_scope_return(loss);
    }
    return loss;
}
