/* examples/common/toy.c - data of which the true function is known. */
#include "toy.h"

at_tensor *toy_truth(at_tensor *x) { return at_add(at_mul(2, at_sin(x)), at_pow(x, 0.8)); }

toy_data toy_examples(int64_t n) {
    toy_data data;
    data.x = at_sort(at_mul(at_rand(n), 5), 0, false, NULL);
    data.y = at_add(toy_truth(data.x), at_normal(0, 0.5, n));
    return data;
}

NWKernelRegression *toy_model(double w) {
    NWKernelRegression *net = at_nw_kernel_regression();
    if (net) at_floats_mut(net->w)[0] = (float)w;
    return net;
}
