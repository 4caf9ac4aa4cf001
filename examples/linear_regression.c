/* examples/linear_regression.c - least squares by gradient descent: y = X w + b, with a little noise. */
#include <atled.h>

int main(void) {
    at_manual_seed(0);
    const int examples = 200;
    const float truth[] = {2, -3.4f};
    at_tensor *true_w = at_from_floats(truth, 2);
    const double true_b = 4.2;

    at_tensor *X = at_randn(examples, 2);
    at_tensor *y = at_add(at_add(at_matmul(X, true_w), true_b), at_normal(0, 0.1, examples));

    at_tensor *parameters[] = {at_set_requires_grad(at_zeros(2), true), at_set_requires_grad(at_zeros(1), true)};
    at_tensor *w = parameters[0], *b = parameters[1];
    at_optimizer *trainer = at_sgd((at_parameter_list){2, parameters}, .lr = 0.2);

    for (int epoch = 1; epoch <= 20; epoch++) {
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *loss = at_mse_loss(at_add(at_matmul(X, w), b), y, AT_MEAN);
            at_backward(loss);
            at_optimizer_step(trainer);
            if (epoch % 5 == 0) printf("epoch %2d, loss %f\n", epoch, at_item(loss));
        }
    }
    printf("w = %.3f, %.3f (true: %.3f, %.3f)\n", at_get(w, 0), at_get(w, 1), at_get(true_w, 0), at_get(true_w, 1));
    printf("b = %.3f (true: %.3f)\n", at_item(b), true_b);
    at_optimizer_free(trainer);
}
