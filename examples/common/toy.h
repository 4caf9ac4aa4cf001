/* examples/common/toy.h - the artificial data of the chapter on Nadaraya-Watson kernel regression. */
#ifndef TOY_H
#define TOY_H

#include <atled.h>

/* y without noise: 2 sin(x) + x^0.8 */
at_tensor *toy_truth(at_tensor *x);

typedef struct {
    at_tensor *x, *y; /* (n): x from 0 to 5, ascending; y with noise of the standard deviation 0.5 */
} toy_data;
toy_data toy_examples(int64_t n);

/* The chapter's model, with this w in place of a random one; freed with at_module_free. NULL: an error. */
NWKernelRegression *toy_model(double w);

#endif
