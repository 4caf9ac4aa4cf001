/* examples/first_steps.c - gradients from the first tensor on: a function of two numbers, its derivatives, the tape that
 * they are computed from, a second derivative, and a check of it all. */
#include <atled.h>
#include <math.h>

/* f(x, w) = x * sin(w * x), in the form that at_gradcheck takes: n inputs, one result. */
static at_tensor *f(at_tensor **inputs, int n, void *context) {
    (void)n, (void)context;
    at_tensor *x = inputs[0], *w = inputs[1];
    return at_mul(x, at_sin(at_mul(w, x)));
}

/* Every operation on a tensor that requires gradients is recorded: what it was, and what it was computed from. That
 * record is the tape. at_backward reads it from its end, and multiplies by one local derivative at each step. */
static void print_tape(at_tensor *x, at_tensor *w) {
    at_tensor *a = at_mul(w, x), *b = at_sin(a), *y = at_mul(x, b);
    at_tensor *steps[] = {y, b, a, w, x}, *gradients[5];
    at_gradients(y, steps, 5, false, gradients);

    const char *names[] = {"y = x * b", "b = sin(a)", "a = w * x", "w", "x"};
    const char *rules[] = {"1", "dy/dy * x", "dy/db * cos(a)", "dy/da * x", "dy/da * w + dy/dy * b"};
    const double X = at_item(x), W = at_item(w), A = W * X, B = sin(A); /* the same by hand */
    const double by_hand[] = {1, X, X * cos(A), X * cos(A) * X, X * cos(A) * W + B};
    printf("\nthe tape, from its end   value   dy/d...   by hand   chain rule\n");
    for (int i = 0; i < 5; i++)
        printf("%-20s %9.4f %9.4f %9.4f   %s\n", names[i], at_item(steps[i]), at_item(gradients[i]), by_hand[i],
               rules[i]);
    printf("x is used twice, so two paths lead back to it, and what they bring is added.\n");
}

int main(void) {
    at_set_default_dtype(AT_FLOAT64); /* gradients are checked in double precision */
    at_tensor *x = at_set_requires_grad(at_scalar(1.5), true);
    at_tensor *w = at_set_requires_grad(at_scalar(2), true);
    at_tensor *inputs[] = {x, w};

    /* One call leaves the derivative by each leaf in its gradient. */
    at_tensor *y = f(inputs, 2, NULL);
    at_backward(y);
    printf("y = x * sin(w * x) = %.4f at x = %.4f, w = %.4f\n", at_item(y), at_item(x), at_item(w));
    printf("dy/dx = %.4f, dy/dw = %.4f\n", at_item(at_grad(x)), at_item(at_grad(w)));

    print_tape(x, w);

    /* With create_graph a derivative is recorded like anything else, and can be differentiated in its turn. */
    at_tensor *slope, *curvature;
    at_gradients(y, &x, 1, true, &slope);
    at_gradients(slope, &x, 1, false, &curvature);
    const double X = at_item(x), W = at_item(w);
    printf("\nd2y/dx2 = %.4f, by hand 2 w cos(w x) - w^2 x sin(w x) = %.4f\n", at_item(curvature),
           2 * W * cos(W * X) - W * W * X * sin(W * X));

    /* The last word has arithmetic: (f(x + h) - f(x - h)) / 2h for a small h, beside what the tape says. */
    printf("gradients checked: %s\n", at_gradcheck(f, inputs, 2, NULL) ? "right" : at_error());
    printf("second derivatives checked: %s\n", at_gradgradcheck(f, inputs, 2, NULL) ? "right" : at_error());
}
