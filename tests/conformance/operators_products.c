/* tests/conformance/operators_products.c - matrix products. */
#define _POSIX_C_SOURCE 200809L

#include "operators.h"

void onnx_MatMul(node *n) { n->output[0] = at_matmul(n->input[0], n->input[1]); }

void onnx_MatMulInteger(node *n) {
    at_tensor *a = n->input[0], *b = n->input[1];
    if (n->input[2]) a = at_sub(a, n->input[2]);
    if (n->input[3]) b = at_sub(b, n->input[3]);
    n->output[0] = at_matmul(a, b);
}

void onnx_Gemm(node *n) {
    at_tensor *a = n->input[0], *b = n->input[1];
    if (int_attribute(n, "transA", 0)) a = at_transpose(a, 0, 1);
    if (int_attribute(n, "transB", 0)) b = at_transpose(b, 0, 1);
    at_tensor *y = at_mul(float_attribute(n, "alpha", 1), at_matmul(a, b));
    if (n->input[2]) y = at_add(y, at_mul(float_attribute(n, "beta", 1), n->input[2]));
    n->output[0] = y;
}
