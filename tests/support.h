/* tests/support.h - what suites share: a fixture that watches for leaks, comparing elements, errors that are meant to
 * happen, and tensors in every layout. */
#ifndef ATLED_TESTS_SUPPORT_H
#define ATLED_TESTS_SUPPORT_H

#include <check.h>

#include "../atled.h"

/* A checked fixture: the test runs within a scope of its own and in the mode AT_ERROR_RETURN. Afterwards no more
 * tensors and bytes may be alive than before, and no error may be left that the test has not expected. */
void support_begin(void);
void support_end(void);

/* NULL where t has these elements (float64 to 1e-12, float32 to 1e-6, relative above 1; NaN is equal to NaN), otherwise
 * what is different, in a static buffer. */
const char *support_difference(at_tensor *t, int n, const double *expected);

/* EXPECT(at_grad(w), 1, 2, 3): the elements of a tensor, row-major. */
#define EXPECT(t, ...)                                                                                                 \
    do {                                                                                                               \
        const double expected_[] = {__VA_ARGS__};                                                                      \
        const char *wrong_ = support_difference(t, (int)(sizeof expected_ / sizeof *expected_), expected_);            \
        if (wrong_) ck_abort_msg("%s: %s", #t, wrong_);                                                                \
    } while (0)

/* EXPECT_ERROR(at_backward(y), AT_ERROR_SHAPE, "one element"): the call gives NULL or false, and an error of that kind
 * whose message contains the text. */
#define EXPECT_ERROR(call, kind, text)                                                                                 \
    do {                                                                                                               \
        if (call) ck_abort_msg("%s: this is no error, but should be", #call);                                          \
        const char *wrong_ = support_error(kind, text);                                                                \
        if (wrong_) ck_abort_msg("%s: %s", #call, wrong_);                                                             \
    } while (0)

/* Clears the thread's error; NULL where it was of that kind and contained the text, otherwise what is wrong. */
const char *support_error(at_error_kind kind, const char *text);

/* How the elements of a tensor can lie in memory. */
typedef enum {
    LAYOUT_CONTIGUOUS,
    LAYOUT_TRANSPOSED, /* first and last dimension exchanged */
    LAYOUT_STEPPED,    /* every other element of the last dimension, by at_slice */
    LAYOUT_OFFSET,     /* row-major, but not from the beginning of its memory */
    LAYOUT_EXPANDED,   /* one slice repeated with a stride of zero */
    LAYOUTS
} layout;
const char *layout_name(layout l);

/* The elements of x, which is contiguous floating point, in that layout, with NaN in between; LAYOUT_EXPANDED repeats
 * x's first slice instead. NULL where a tensor of x's shape cannot lie so. */
at_tensor *in_layout(at_tensor *x, layout l);

#endif
