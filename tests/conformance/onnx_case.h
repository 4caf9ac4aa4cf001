/* tests/conformance/onnx_case.h - one case: a folder with a model, its inputs and its expected outputs. */
#ifndef ATLED_TESTS_ONNX_CASE_H
#define ATLED_TESTS_ONNX_CASE_H

#include <stddef.h>

typedef enum { PASSED, FAILED, SKIPPED } outcome;

/* Runs the model in `folder` on its data. text says why it failed or was skipped. */
outcome run_case(const char *folder, char *text, size_t size);

#endif
