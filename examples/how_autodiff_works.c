/* How derivatives are computed: the tape that a function leaves behind, the walk back along it step by step, what comes
 * out, and a check. docs/autodiff.md is the lesson to read beside it. */
#include <atled.h>

/* y = sum of x * (w x)^2, in the form that at_gradcheck takes: n inputs, one result. x is used twice; w is one number,
 * used with every element of x. */
static at_tensor *f(at_tensor **inputs, int n, void *context) {
    (void)n, (void)context;
    at_tensor *x = inputs[0], *w = inputs[1];
    at_tensor *a = at_mul(w, x);
    return at_sum(at_mul(x, at_square(a)));
}

int main(void) {
    at_set_default_dtype(AT_FLOAT64); /* gradients are checked in double precision */
    at_tensor *x = at_set_name(at_set_requires_grad(at_linspace(1, 3, 3), true), "x");
    at_tensor *w = at_set_name(at_set_requires_grad(at_scalar(0.5), true), "w");
    at_tensor *inputs[] = {x, w};

    printf("The tape\n\n");
    at_tensor *y = f(inputs, 2, NULL);
    at_graph_print(stdout, y);

    printf("\nBackward, from the end of the tape\n\n");
    at_backward_trace(stdout, y); /* at_backward does the same and says nothing */

    printf("\nThe gradients: dy/dx, then dy/dw\n\n");
    at_print(at_grad(x)); /* by hand: 3 w^2 x^2 */
    at_print(at_grad(w)); /* by hand: the sum of 2 w x^3 */

    /* Derivative rules are made of operations too. Recorded, they are one more tape to walk back along. */
    at_tensor *slope, *curvature;
    at_gradients(y, &w, 1, true, &slope);
    at_gradients(slope, &w, 1, false, &curvature);
    printf("\nThe second derivative by w\n\n");
    at_print(curvature); /* by hand: the sum of 2 x^3 */

    printf("\ngradients checked: %s\n", at_gradcheck(f, inputs, 2, NULL) ? "right" : at_error());
    printf("second derivatives checked: %s\n", at_gradgradcheck(f, inputs, 2, NULL) ? "right" : at_error());
}
