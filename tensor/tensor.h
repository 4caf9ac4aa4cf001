/* tensor/tensor.h - tensors without gradients: types, errors, ownership, creation, random numbers, looking.
 *
 * Shapes are written (rows, columns); a scalar is 0-dimensional, its shape (). Dimensions count from the end when
 * negative. Unless said otherwise a function returns an at_tensor * that belongs to the innermost open scope of the
 * calling thread (see "ownership"), and, on an error in the mode AT_ERROR_RETURN, NULL. */
#ifndef ATLED_TENSOR_H
#define ATLED_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "memory.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- types ------------------------------------------------------------------------------------------------------- */

typedef struct at_tensor at_tensor;

typedef enum { AT_FLOAT32, AT_FLOAT64, AT_INT64, AT_BOOL } at_dtype;

enum { AT_MAX_DIMS = 8 };

typedef struct {
    int ndim;                 /* 0 for a scalar; -1 marks the shape of an error */
    int64_t dim[AT_MAX_DIMS]; /* dim[0] varies slowest */
} at_shape;

/* The shape with these n dimensions; more than AT_MAX_DIMS of them is an error in the function that is given it. */
at_shape at_shape_from(int n, const int64_t *dims);

/* An arithmetic operand: a tensor or a C number. Made by AT_OPERAND, which the macros at_add(a, b) and so on apply. */
typedef enum { AT_OPERAND_TENSOR, AT_OPERAND_FLOAT, AT_OPERAND_INTEGER, AT_OPERAND_BOOL } at_operand_kind;
typedef struct {
    at_operand_kind kind;
    union {
        at_tensor *tensor; /* AT_OPERAND_TENSOR */
        double real;       /* AT_OPERAND_FLOAT */
        int64_t integer;   /* AT_OPERAND_INTEGER, AT_OPERAND_BOOL */
    };
} at_operand;
#define AT_OPERAND_FROM(name, type, kind_, field)                                                                      \
    static inline at_operand at_operand_##name(type x) {                                                               \
        at_operand operand;                                                                                            \
        operand.kind = kind_;                                                                                          \
        operand.field = x;                                                                                             \
        return operand;                                                                                                \
    }
AT_OPERAND_FROM(tensor, at_tensor *, AT_OPERAND_TENSOR, tensor)
AT_OPERAND_FROM(float, double, AT_OPERAND_FLOAT, real)
AT_OPERAND_FROM(integer, int64_t, AT_OPERAND_INTEGER, integer)
AT_OPERAND_FROM(bool, bool, AT_OPERAND_BOOL, integer)
#undef AT_OPERAND_FROM

/* ---- errors ------------------------------------------------------------------------------------------------------ */

typedef enum { AT_ERROR_ABORT, AT_ERROR_RETURN } at_error_mode;
typedef enum {
    AT_OK,
    AT_ERROR_SHAPE,
    AT_ERROR_DTYPE,
    AT_ERROR_VALUE,
    AT_ERROR_STATE,
    AT_ERROR_MEMORY,
    AT_ERROR_IO
} at_error_kind;

/* AT_ERROR_ABORT (the default): a wrong call prints its message to stderr and aborts. AT_ERROR_RETURN: it returns NULL
 * (false, NaN, or -1 for a count) and the thread keeps its first error until at_clear_error. A thread that has never
 * chosen a mode uses the one chosen last by any thread. */
void at_set_error_mode(at_error_mode mode);
at_error_mode at_get_error_mode(void); /* of the calling thread */
const char *at_error(void);            /* the message of the thread's first error, NULL when there is none */
at_error_kind at_error_code(void);     /* its kind, AT_OK when there is none */
void at_clear_error(void);

/* For libraries and operations built on atled: report an error as atled's own functions do, by the thread's mode. The
 * message begins with the name of what was called. Both return NULL, so that a function can say `return at_fail(...)`.
 * at_fail_null is for a NULL argument: it keeps an earlier error, of which the NULL is probably the result. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void *
at_fail(at_error_kind kind, const char *format, ...);
void *at_fail_null(const char *function, const char *argument);

/* ---- threads ----------------------------------------------------------------------------------------------------- */

/* Threads may share everything that none of them changes at the time: tensors, pending ones too, the graphs below them,
 * modules. Scopes, errors, gradient mode and random numbers are each thread's own; the settings under "the library as a
 * whole" and the default dtype are common. A tensor that is handed to another thread is retained first, and either may
 * release it. These change what they are given, so no other thread may use it meanwhile: at_floats_mut, at_doubles_mut,
 * at_assign, an optimizer's step, at_zero_grad, at_set_requires_grad, names, hooks, at_parameters, a forward pass that
 * keeps something in its module (at_nw_kernel_regression_forward), and at_backward, which adds to the gradients of its
 * leaves; at_gradients does not. Results are those of one thread, bit for bit. A child of fork may go on computing,
 * whatever other threads were doing. */

/* ---- ownership --------------------------------------------------------------------------------------------------- */

/* Every function that returns an at_tensor * gives it to the innermost open scope of the calling thread; closing the
 * scope lets go of it. Each thread begins inside an outermost scope, closed when the thread or the process ends.
 *
 *     for (int epoch = 0; epoch < 5; epoch++) AT_SCOPE { ... }
 *
 * closes the scope however the block is left: at its end, by break, continue, goto or return. AT_SCOPE is itself a loop
 * that runs once, so break and continue leave its block, not a loop around it. */
typedef struct {
    size_t outer; /* where the enclosing scope's tensors begin */
    bool open;
} at_scope_guard;
at_scope_guard at_scope_open(void);
void at_scope_close(at_scope_guard *guard);

at_tensor *at_retain(at_tensor *t); /* hold t beyond its scope; returns t */
void at_release(at_tensor *t);      /* let go of a count taken with at_retain; NULL is allowed */
/* *slot = t: retains the new tensor, then releases the old; either may be NULL */
void at_assign(at_tensor **slot, at_tensor *t);
at_tensor *at_scope_return(at_tensor *t); /* hand t to the enclosing scope; returns t */

/* ---- creation ---------------------------------------------------------------------------------------------------- */

/* The dtype of new floating-point tensors, AT_FLOAT32 at first; AT_FLOAT32 or AT_FLOAT64. One setting for all threads. */
void at_set_default_dtype(at_dtype dtype);
at_dtype at_default_dtype(void);

/* Of the default dtype. Each has a form that takes its dimensions as numbers: at_zeros(2, 3), at_zeros() for a scalar. */
at_tensor *at_zeros_shape(at_shape shape);
at_tensor *at_ones_shape(at_shape shape);
at_tensor *at_full_shape(double value, at_shape shape);
at_tensor *at_eye(int64_t n); /* (n, n), ones on the diagonal */
/* start, start + step, ... before end: (ceil((end - start) / step)) */
at_tensor *at_arange(double start, double end, double step);
at_tensor *at_linspace(double start, double end, int64_t steps); /* (steps), both ends included */
at_tensor *at_scalar(double value);                              /* () */

/* A copy of row-major data. The dtype is that of the data. */
at_tensor *at_from_floats_shape(const float *data, at_shape shape);
at_tensor *at_from_doubles_shape(const double *data, at_shape shape);
at_tensor *at_from_int64s_shape(const int64_t *data, at_shape shape);
at_tensor *at_from_bools_shape(const bool *data, at_shape shape);

/* What at_from_floats((float[]){1, 2, 3}, 3) makes of its arguments: to a macro the commas within the braces look like
 * those between arguments, so all of them go through one initialiser, with an end mark behind the dimensions. */
#define AT_DATA(name, type)                                                                                            \
    typedef struct {                                                                                                   \
        const type *data;                                                                                              \
        int64_t dim0, dim1, dim2, dim3, dim4, dim5, dim6, dim7, dim8, dim9;                                            \
        int at_;                                                                                                       \
    } at_##name##_data;                                                                                                \
    at_tensor *at_from_##name##_data(at_##name##_data arguments)
AT_DATA(floats, float);
AT_DATA(doubles, double);
AT_DATA(int64s, int64_t);
AT_DATA(bools, bool);
#undef AT_DATA

/* Of t's shape and dtype. The random ones take floating-point tensors only. */
at_tensor *at_zeros_like(at_tensor *t);
at_tensor *at_ones_like(at_tensor *t);
at_tensor *at_rand_like(at_tensor *t);
at_tensor *at_randn_like(at_tensor *t);

/* ---- random numbers ---------------------------------------------------------------------------------------------- */

/* Each thread has a generator (MT19937). After at_manual_seed(s) it gives the values that torch.manual_seed(s) gives
 * on a CPU, whatever the order and sizes of the calls. A thread that never seeds it starts from one fixed seed. */
void at_manual_seed(uint64_t seed);
at_tensor *at_rand_shape(at_shape shape);                               /* uniform on [0, 1), default dtype */
at_tensor *at_randn_shape(at_shape shape);                              /* standard normal, default dtype */
at_tensor *at_normal_shape(double mean, double std, at_shape shape);    /* normal, default dtype; std >= 0 */
at_tensor *at_randint_shape(int64_t low, int64_t high, at_shape shape); /* int64, uniform on low ... high - 1 */
at_tensor *at_randperm(int64_t n);                                      /* int64 (n), a permutation of 0 ... n - 1 */

/* All that the thread's next random numbers depend on, as an int64 tensor; and a generator that goes on from there. */
at_tensor *at_random_state(void);
bool at_set_random_state(at_tensor *state);

/* ---- looking ----------------------------------------------------------------------------------------------------- */

int at_ndim(at_tensor *t);                 /* -1 on an error */
int64_t at_size(at_tensor *t, int dim);    /* -1 on an error */
at_shape at_shape_of(at_tensor *t);        /* ndim -1 on an error */
int64_t at_numel(at_tensor *t);            /* -1 on an error */
at_dtype at_dtype_of(at_tensor *t);        /* AT_FLOAT32 on an error */
const char *at_dtype_name(at_dtype dtype); /* "float32", ... */

double at_item(at_tensor *t); /* the only element of t, of any dtype; NaN on an error */
/* one element; indices count from the end when negative. at_get(t, i, j) */
double at_get_index(at_tensor *t, at_shape index);

/* The elements in row-major order. The dtype must be the one that the name says. The pointer stays valid until t is
 * released or changed by at_floats_mut, at_doubles_mut or an optimizer. An empty tensor gives a pointer that must not
 * be read, never NULL. */
const float *at_floats(at_tensor *t);
const double *at_doubles(at_tensor *t);
const int64_t *at_int64s(at_tensor *t);
const bool *at_bools(at_tensor *t);

/* The same, to be written to. Leaves only: not the result of an operation that is recorded for gradients. Whatever was
 * computed from t before, or shares its elements, keeps the old ones. Write before t is used again: the pointer is good
 * until then. */
float *at_floats_mut(at_tensor *t);
double *at_doubles_mut(at_tensor *t);

/* As PyTorch prints a tensor: four digits, columns aligned, the middle of more than 1,000 elements left out. */
void at_print(at_tensor *t); /* to stdout, with a newline */
void at_fprint(FILE *file, at_tensor *t);
char *at_to_string(at_tensor *t); /* freed by the caller with free() */

/* NumPy's .npy format, version 1.0, C order; all four dtypes. A failed or interrupted save leaves what was there before. */
bool at_save_npy(at_tensor *t, const char *path);
at_tensor *at_load_npy(const char *path);

/* For libraries built on atled: writes a file as at_save_npy does, head first. The new contents appear under the path
 * all at once: they are written beside it, with `lasting` out to the disk, and renamed. After an error, which is
 * reported in the name of function with the system's reason, what was there before is there still, and nothing else. */
typedef struct {
    const void *head, *body;
    size_t head_bytes, body_bytes;
    bool lasting; /* against the machine's failure too, which takes time */
} at_contents;
bool at_write_file(const char *function, const char *path, const at_contents *contents);

/* Equal shapes and |a - b| <= atol + rtol * |b| everywhere; equal infinities are close, NaN is close to nothing. */
bool at_allclose(at_tensor *a, at_tensor *b, double rtol, double atol);
bool at_equal(at_tensor *a, at_tensor *b); /* equal shapes and equal elements; NaN equals nothing */

/* As at_allclose, but anything else is an error (AT_ERROR_VALUE), other dtypes too. The message has both shapes and
 * dtypes, or how many elements differ, where the first of them is, where the error is largest, and both values. */
bool at_check_close(at_tensor *actual, at_tensor *expected, double rtol, double atol);

/* A regression test: at_check_close(t, what the file path/name.npy has, rtol, atol). With ATLED_SNAPSHOT=update in the
 * environment it writes the file in place of that, and creates the folder. A missing file is an error that says so. */
bool at_snapshot(const char *path, const char *name, at_tensor *t, double rtol, double atol);

/* ---- the library as a whole -------------------------------------------------------------------------------------- */

/* compute every operation at once, for stepping through; off at first */
void at_set_eager(bool eager);
/* Threads that large operations use; results do not depend on it. As many as there are processors at first. Those that
 * help stay awake for a fifth of a millisecond after an operation, where there is a processor for each, and then sleep. */
void at_set_num_threads(int n);
int at_num_threads(void);
/* tensors alive in the process, those that only a graph holds included */
int64_t at_live_tensors(void);
int64_t at_live_bytes(void); /* bytes of elements alive */
const char *at_version(void);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

/* ---- numbers in place of structures: at_zeros(2, 3), at_add(1, x) ------------------------------------------------ */

#define AT_SHAPE_SCALAR (at_shape_from(0, NULL))

#ifdef __cplusplus
template <typename... Dims> inline at_shape at_shape_of_numbers(Dims... dims) {
    const int64_t list[] = {0, static_cast<int64_t>(dims)...};
    return at_shape_from(static_cast<int>(sizeof...(dims)), list + 1);
}
#define AT_SHAPE(...) at_shape_of_numbers(__VA_ARGS__)

#define AT_FROM_DATA(name, type)                                                                                       \
    template <typename... Dims> inline at_tensor *at_from_##name##_numbers(const type *data, Dims... dims) {           \
        return at_from_##name##_shape(data, at_shape_of_numbers(dims...));                                             \
    }
AT_FROM_DATA(floats, float)
AT_FROM_DATA(doubles, double)
AT_FROM_DATA(int64s, int64_t)
AT_FROM_DATA(bools, bool)
#undef AT_FROM_DATA
#define at_from_floats(...)  at_from_floats_numbers(__VA_ARGS__)
#define at_from_doubles(...) at_from_doubles_numbers(__VA_ARGS__)
#define at_from_int64s(...)  at_from_int64s_numbers(__VA_ARGS__)
#define at_from_bools(...)   at_from_bools_numbers(__VA_ARGS__)

inline at_operand at_operand_of(at_tensor *x) { return at_operand_tensor(x); }
inline at_operand at_operand_of(decltype(nullptr)) { return at_operand_tensor(nullptr); }
inline at_operand at_operand_of(bool x) { return at_operand_bool(x); }
inline at_operand at_operand_of(double x) { return at_operand_float(x); }
inline at_operand at_operand_of(float x) { return at_operand_float(static_cast<double>(x)); }
inline at_operand at_operand_of(long double x) { return at_operand_float(static_cast<double>(x)); }
inline at_operand at_operand_of(unsigned x) { return at_operand_integer(static_cast<int64_t>(x)); }
inline at_operand at_operand_of(unsigned long x) { return at_operand_integer(static_cast<int64_t>(x)); }
inline at_operand at_operand_of(unsigned long long x) { return at_operand_integer(static_cast<int64_t>(x)); }
inline at_operand at_operand_of(int x) { return at_operand_integer(x); }
inline at_operand at_operand_of(long x) { return at_operand_integer(x); }
inline at_operand at_operand_of(long long x) { return at_operand_integer(static_cast<int64_t>(x)); }
#define AT_OPERAND(x) at_operand_of(x)
#else
#define AT_SHAPE(...)                                                                                                  \
    at_shape_from((int)(sizeof((const int64_t[]){0, __VA_ARGS__}) / sizeof(int64_t)) - 1,                              \
                  (const int64_t[]){0, __VA_ARGS__} + 1)
#define at_from_floats(...)  at_from_floats_data((at_floats_data){__VA_ARGS__, INT64_MIN, .at_ = 0})
#define at_from_doubles(...) at_from_doubles_data((at_doubles_data){__VA_ARGS__, INT64_MIN, .at_ = 0})
#define at_from_int64s(...)  at_from_int64s_data((at_int64s_data){__VA_ARGS__, INT64_MIN, .at_ = 0})
#define at_from_bools(...)   at_from_bools_data((at_bools_data){__VA_ARGS__, INT64_MIN, .at_ = 0})
#define AT_OPERAND(x)                                                                                                  \
    _Generic((x),                                                                                        \
        at_tensor *: at_operand_tensor,                                                                  \
        void *: at_operand_tensor,                                                                       \
        float: at_operand_float,                                                                         \
        double: at_operand_float,                                                                        \
        long double: at_operand_float,                                                                   \
        _Bool: at_operand_bool,                                                                          \
        default: at_operand_integer)(x)
#endif

#define at_zeros(...)              at_zeros_shape(AT_SHAPE(__VA_ARGS__))
#define at_ones(...)               at_ones_shape(AT_SHAPE(__VA_ARGS__))
#define at_rand(...)               at_rand_shape(AT_SHAPE(__VA_ARGS__))
#define at_randn(...)              at_randn_shape(AT_SHAPE(__VA_ARGS__))
#define at_full(value, ...)        at_full_shape(value, AT_SHAPE(__VA_ARGS__))
#define at_normal(mean, std, ...)  at_normal_shape(mean, std, AT_SHAPE(__VA_ARGS__))
#define at_randint(low, high, ...) at_randint_shape(low, high, AT_SHAPE(__VA_ARGS__))
#define at_get(t, ...)             at_get_index(t, AT_SHAPE(__VA_ARGS__))

#define AT_JOIN_(a, b) a##b
#define AT_JOIN(a, b)  AT_JOIN_(a, b)
#define AT_SCOPE       AT_SCOPE_NAMED(AT_JOIN(at_scope_guard_, __COUNTER__))
#define AT_SCOPE_NAMED(guard)                                                                                          \
    for (at_scope_guard guard __attribute__((cleanup(at_scope_close))) = at_scope_open(); guard.open;                  \
         at_scope_close(&guard))

#endif
