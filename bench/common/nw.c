/* bench/common/nw.c - the data of the chapter in any size, and one training step. */
#include "nw.h"

/* (n, n - 1): row i is x without element i */
static at_tensor *others(at_tensor *x, int n) {
    const float *from = at_floats(x);
    at_tensor *result = at_zeros(n, n - 1);
    float *to = at_floats_mut(result);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            if (j != i) *to++ = from[j];
    return result;
}

void nw_begin(nw_problem *p, int n, nw_form form) {
    bool own = form == NW_OWN_KEYS;
    p->form = form;
    p->x = at_sort(at_mul(at_rand(n), 5), 0, false, NULL);
    p->y = at_contiguous(at_add(at_add(at_mul(2, at_sin(p->x)), at_pow(p->x, 0.8)), at_normal(0, 0.5, n)));
    p->keys = own ? others(p->x, n) : p->x;
    p->values = own ? others(p->y, n) : p->y;
    p->limit = (limit_nw){n,
                          own ? n - 1 : n,
                          own ? (size_t)n - 1 : 0,
                          at_floats(p->x),
                          at_floats(p->y),
                          at_floats(p->keys),
                          at_floats(p->values)};
    p->net = at_nw_kernel_regression();
    p->trainer = at_sgd(at_parameters(&p->net->module), .lr = 1e-9);
}

void nw_end(nw_problem *p) {
    at_optimizer_free(p->trainer);
    at_module_free(&p->net->module);
}

void nw_step(void *context) {
    nw_problem *p = context;
    at_optimizer_zero_grad(p->trainer);
    bool fused = p->form == NW_FUSED;
    at_tensor *y_hat =
        at_nw_kernel_regression_forward(p->net, p->x, p->keys, p->values, .leave_one_out = fused, .fused = fused);
    at_tensor *loss = at_mse_loss(y_hat, p->y, AT_NONE);
    at_backward(at_sum(loss));
    at_optimizer_step(p->trainer);
}

void nw_limit_step(void *context) {
    static float w = 0.4f;
    float dw;
    limit_nw_step(&((nw_problem *)context)->limit, w, &dw, bench_threads);
    w -= 1e-9f * dw;
}
