/* tests/accuracy/functions.h - the rows of functions.def, as code. */
#ifndef ATLED_TESTS_ACCURACY_FUNCTIONS_H
#define ATLED_TESTS_ACCURACY_FUNCTIONS_H

#include <mpfr.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../atled.h"

typedef enum {
#define FUNCTION(name, operation, estimate, exact) F_##name,
#include "functions.def"
#undef FUNCTION
    N_FUNCTIONS
} function;

enum { PRECISION = 160 }; /* bits that exact results are computed to */

const char *function_name(function f);
bool has_two_operands(function f);

/* z is read by functions of two operands only. */
at_tensor *function_apply(function f, at_tensor *x, at_tensor *z);
void function_exact(function f, mpfr_t y, double x, double z);

/* r[i] near f(x[i]); of functions of one operand. */
void function_estimate(function f, int n, const float *x, double *r);

/* The unit of errors is the last place of the result; but that of x in gelu, whose 1 + erf has as many digits as the 1,
 * as PyTorch's. */
bool is_measured_by_x(function f);

/* error[i]: how far y[i] is from r[i], in units of the last place that scale[i] has in float32; infinite where one is
 * NaN and the other is not, or their signs differ. How many of them are above largest. */
int float32_errors(int n, const float *y, const double *r, const double *scale, double largest, double *error);

/* The same of one result, a float32 or a float64 as dtype says, from what is exact. */
double exact_error(at_dtype dtype, double y, const mpfr_t exact, const mpfr_t scale);

/* exact as a float32 or float64, correctly rounded. */
double rounded(at_dtype dtype, const mpfr_t exact);

#endif
