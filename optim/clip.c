/* optim/clip.c - gradients cut to a size. */
#include <math.h>

#include "internal.h"

static bool check_list(const char *function, at_parameter_list list) {
    if (list.count < 0 || (list.count > 0 && !list.items)) return at_fail_null(function, "parameters");
    for (int i = 0; i < list.count; i++)
        if (!list.items[i]) return at_fail_null(function, "a parameter");
    return true;
}

/* *norm = that of all gradients as one vector; the sum of their squares is float64 and stays finite. */
static bool total_norm(at_parameter_list list, double *norm) {
    double squares = 0;
    for (int i = 0; i < list.count; i++) {
        at_tensor *g;
        if (!op_gradient(list.items[i], &g)) return false;
        at_tensor *one = g ? at_norm(g) : NULL;
        if (g && !(one && tn_value_store(one->value))) return false;
        double size = g ? at_item(one) : 0;
        squares += size * size;
    }
    *norm = sqrt(squares);
    return true;
}

/* g becomes change(g, by) for every gradient, or, on an error, none does. */
static bool change_all(at_parameter_list list, at_tensor *(*change)(at_tensor *g, double by), double by) {
    bool good = true;
    AT_SCOPE
        AT_NO_GRAD {
            size_t bytes = 2 * (size_t)list.count * sizeof(at_tensor *);
            at_tensor **g = tn_memory_new(bytes), **changed = g ? g + list.count : NULL;
            good = g != NULL;
            for (int i = 0; good && i < list.count; i++) {
                good = op_gradient(list.items[i], &g[i]);
                changed[i] = good && g[i] ? op_keep(change(g[i], by)) : NULL;
                good = good && (!g[i] || changed[i]);
            }
            for (int i = 0; good && i < list.count; i++)
                if (changed[i]) tn_tensor_replace(g[i], changed[i]);
            if (g) tn_memory_free(g, bytes);
        }
    return good;
}

static at_tensor *scale(at_tensor *g, double by) { return at_mul(g, by); }
static at_tensor *clamp(at_tensor *g, double by) { return at_clamp(g, -by, by); }

double at_clip_grad_norm(at_parameter_list list, double max_norm) {
    if (!check_list("clip_grad_norm", list)) return NAN;
    if (!(max_norm >= 0)) {
        at_fail(AT_ERROR_VALUE, "clip_grad_norm: max_norm is %g: must not be negative", max_norm);
        return NAN;
    }
    double norm = NAN;
    bool good = false;
    AT_CALL("clip_grad_norm");
    AT_SCOPE
        AT_NO_GRAD { good = total_norm(list, &norm); }
    double by = max_norm / (norm + 1e-6); /* NaN and infinity get into the gradients, as in torch */
    if (good && !(by >= 1)) good = change_all(list, scale, by);
    return good ? norm : NAN;
}

bool at_clip_grad_value(at_parameter_list list, double limit) {
    if (!check_list("clip_grad_value", list)) return false;
    if (!(limit >= 0)) return at_fail(AT_ERROR_VALUE, "clip_grad_value: limit is %g: must not be negative", limit);
    AT_CALL("clip_grad_value");
    return change_all(list, clamp, limit);
}
