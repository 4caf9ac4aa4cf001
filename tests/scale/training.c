/* tests/scale/training.c - a training loop's memory after its first steps is its memory for ever. */
#include "scale.h"

enum { FIRST = 1000 };

static at_tensor *loss_of(at_tensor *x, at_tensor *target, at_tensor **w) {
    at_tensor *hidden = at_tanh(at_add(at_matmul(x, w[0]), w[1]));
    return at_mse_loss(at_matmul(hidden, w[2]), target, AT_MEAN);
}

/* Another subset of the rows in each step, of a size that varies. */
static at_tensor *rows_of(at_tensor *x, int64_t step) { return at_slice(x, 0, step % 7, 12 + step % 11, 1); }

void training_loop(int64_t steps) {
    at_manual_seed(0);
    at_tensor *x = at_randn(24, 3), *target = at_sum_dim(at_sin(x), 1, true);
    at_tensor *w[] = {at_set_requires_grad(at_randn(3, 8), true), at_set_requires_grad(at_zeros(8), true),
                      at_set_requires_grad(at_randn(8, 1), true)};
    at_optimizer *trainer = at_sgd((at_parameter_list){3, w}, .lr = 0.01, .momentum = 0.9);
    at_tensor *average = at_retain(at_scalar(0));
    int64_t resident = 0, tensors = 0, bytes = 0;
    for (int64_t step = 1; step <= steps; step++) {
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *loss = loss_of(rows_of(x, step), rows_of(target, step), w);
            WANT(at_backward(loss) && at_optimizer_step(trainer));
            at_assign(&average, at_add(at_mul(average, 0.99), at_mul(at_detach(loss), 0.01)));
        }
        if (step != FIRST) continue;
        (void)resident_bytes(); /* looking takes some memory too, the first time */
        resident = resident_bytes();
        tensors = at_live_tensors();
        bytes = at_live_bytes();
    }
    int64_t now = resident_bytes();
    printf("%.2f MiB at step %d, %.2f at the last ", (double)resident / (1 << 20), FIRST, (double)now / (1 << 20));
    WANT(at_live_tensors() == tensors && at_live_bytes() == bytes);
    WANT(now <= resident + resident / 100);
    WANT(at_item(average) < 0.1);
    at_release(average);
    at_optimizer_free(trainer);
}
