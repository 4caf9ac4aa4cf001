/* tests/test_kernels.c - every kernel of every instruction set that this processor has, against scalar loops.
 *
 * Each test runs once for each level (baseline, avx2, avx512). Operands mix special values (zeros, infinities, NaN,
 * subnormals, the ends of ranges) with random ones; sizes stand on both sides of every vector width. */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tensor/kernels.h"

/* As ck_assert_msg, which leaves a mark in a file each time: too slow for each of millions of elements. */
#define REQUIRE(condition, ...)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) ck_abort_msg(__VA_ARGS__);                                                                   \
    } while (0)

/* ---- levels ------------------------------------------------------------------------------------------------------ */

extern const tn_kernels tn_kernels_baseline;
#if defined(__x86_64__) && defined(__GNUC__)
extern const tn_kernels tn_kernels_avx2, tn_kernels_avx512;
#endif

enum { MAX_LEVELS = 3 };
static const tn_kernels *levels[MAX_LEVELS];
static int n_levels;

/* Those of this processor; ATLED_KERNELS limits the tests as it limits the library. (Valgrind's fused multiply-add
 * gives some zeros the wrong sign: there, test with ATLED_KERNELS=baseline.) */
static void find_levels(void) {
    const char *limit = getenv("ATLED_KERNELS");
    n_levels = 0;
    levels[n_levels++] = &tn_kernels_baseline;
    if (limit && strcmp(limit, "baseline") == 0) return;
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
    levels[n_levels++] = &tn_kernels_avx2;
    if (limit && strcmp(limit, "avx2") == 0) return;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl"))
        return;
    levels[n_levels++] = &tn_kernels_avx512;
#endif
}

/* ---- elements of any dtype --------------------------------------------------------------------------------------- */

enum { N_MAX = 1025 };
static const int sizes[] = {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 1000, 1024, 1025};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

/* An array with room behind its elements, to see whether a kernel writes there. */
typedef union {
    float f32[N_MAX + 16];
    double f64[N_MAX + 16];
    int64_t i64[N_MAX + 16];
    uint8_t b8[(N_MAX + 16) * 8];
} array;

/* One element: real holds floating-point ones (a float32 exactly), integer the others. */
typedef struct {
    double real;
    int64_t integer;
} element;

static bool is_real(at_dtype dtype) { return dtype == AT_FLOAT32 || dtype == AT_FLOAT64; }
static size_t size_of(at_dtype dtype) { return dtype == AT_BOOL ? 1 : dtype == AT_FLOAT32 ? 4 : 8; }

static element get(const array *a, at_dtype dtype, int64_t i) {
    switch (dtype) {
    case AT_FLOAT32: return (element){.real = (double)a->f32[i]};
    case AT_FLOAT64: return (element){.real = a->f64[i]};
    case AT_INT64: return (element){.integer = a->i64[i]};
    default: return (element){.integer = a->b8[i]};
    }
}

static void set(array *a, at_dtype dtype, int64_t i, element e) {
    switch (dtype) {
    case AT_FLOAT32: a->f32[i] = (float)e.real; break;
    case AT_FLOAT64: a->f64[i] = e.real; break;
    case AT_INT64: a->i64[i] = e.integer; break;
    default: a->b8[i] = (uint8_t)e.integer; break;
    }
}

static uint64_t random_state;

static uint64_t random_bits(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state ^ (random_state >> 29)) * 0x9e3779b97f4a7c15u;
}

static const double special_reals[] = {0.0,
                                       -0.0,
                                       1.0,
                                       -1.0,
                                       0.5,
                                       -0.5,
                                       1.5,
                                       -2.5,
                                       2.0,
                                       3.0,
                                       -3.0,
                                       INFINITY,
                                       -INFINITY,
                                       NAN,
                                       -88.75,
                                       88.75,
                                       -104.5,
                                       8388607.5,
                                       -8388608.5,
                                       1e9,
                                       0x1p-149,
                                       -0x1p-149,
                                       0x1p-126,
                                       0x1p-130,
                                       0x1.fffffep+127,
                                       -0x1.fffffep+127,
                                       0x1p63,
                                       -0x1p63,
                                       0x1.fffffep+62,
                                       1e30};
static const int64_t special_integers[] = {0, 1, -1, 2, -2, 3, 62, 63, 64, -63, INT64_MAX, INT64_MIN, INT64_MIN + 1};
enum {
    N_SPECIAL_REALS = sizeof special_reals / sizeof *special_reals,
    N_SPECIAL_INTEGERS = sizeof special_integers / sizeof *special_integers
};

static element random_element(at_dtype dtype) {
    uint64_t bits = random_bits() >> 16;
    if (dtype == AT_BOOL) return (element){.integer = bits & 1};
    bool special = bits % 3 == 0;
    bits /= 3;
    if (dtype == AT_INT64) {
        int64_t any = bits % 2 ? (int64_t)random_bits() : (int64_t)(bits % 2001) - 1000;
        return (element){.integer = special ? special_integers[bits % N_SPECIAL_INTEGERS] : any};
    }
    double any = ldexp((double)(int64_t)random_bits(), (int)(bits % 24) - 74); /* between 2^-11 and 2^12, mostly */
    return (element){.real = special ? special_reals[bits % N_SPECIAL_REALS] : (double)(float)any};
}

static void fill_randomly(array *a, at_dtype dtype) {
    for (int64_t i = 0; i < N_MAX; i++) set(a, dtype, i, random_element(dtype));
}

/* How far a result is from the exact one, in units of the last place of its dtype; zeros must have their sign. */
static double error_in_ulps(at_dtype dtype, double result, double exact) {
    bool single = dtype == AT_FLOAT32;
    double rounded = single ? (double)(float)exact : exact;
    if (isnan(rounded) || isnan(result)) return isnan(rounded) && isnan(result) ? 0.0 : INFINITY;
    if (!signbit(result) != !signbit(rounded)) return INFINITY;
    if (result == rounded) return 0.0;
    int exponent, bits = single ? 24 : 53, lowest = single ? -149 : -1074;
    frexp(isinf(exact) ? 0x1p127 : exact, &exponent);
    double ulp = ldexp(1.0, exponent - bits < lowest ? lowest : exponent - bits);
    double beyond = single ? 0x1p128 : (double)INFINITY; /* an infinite result counts as the next power of two */
    double y = isinf(result) ? copysign(beyond, result) : result;
    return fabs(y - (isinf(exact) ? copysign(beyond, exact) : exact)) / ulp;
}

/* ---- what each operation is -------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int operands;
    const char *dtypes; /* as in kernels.h */
} operations[TN_OPS] = {
    [TN_COPY] = {"copy", 1, "FIB"},
    [TN_NEG] = {"neg", 1, "FI"},
    [TN_ABS] = {"abs", 1, "FI"},
    [TN_SIGN] = {"sign", 1, "FI"},
    [TN_SQUARE] = {"square", 1, "FI"},
    [TN_RELU] = {"relu", 1, "FI"},
    [TN_EXP] = {"exp", 1, "F"},
    [TN_LOG] = {"log", 1, "F"},
    [TN_LOG1P] = {"log1p", 1, "F"},
    [TN_EXPM1] = {"expm1", 1, "F"},
    [TN_SQRT] = {"sqrt", 1, "F"},
    [TN_RSQRT] = {"rsqrt", 1, "F"},
    [TN_RECIPROCAL] = {"reciprocal", 1, "F"},
    [TN_SIN] = {"sin", 1, "F"},
    [TN_COS] = {"cos", 1, "F"},
    [TN_TAN] = {"tan", 1, "F"},
    [TN_TANH] = {"tanh", 1, "F"},
    [TN_SIGMOID] = {"sigmoid", 1, "F"},
    [TN_SILU] = {"silu", 1, "F"},
    [TN_ERF] = {"erf", 1, "F"},
    [TN_FLOOR] = {"floor", 1, "F"},
    [TN_CEIL] = {"ceil", 1, "F"},
    [TN_ROUND] = {"round", 1, "F"},
    [TN_NOT] = {"not", 1, "B"},
    [TN_ADD] = {"add", 2, "FI"},
    [TN_SUB] = {"sub", 2, "FI"},
    [TN_MUL] = {"mul", 2, "FI"},
    [TN_MAXIMUM] = {"maximum", 2, "FI"},
    [TN_MINIMUM] = {"minimum", 2, "FI"},
    [TN_POW] = {"pow", 2, "FI"},
    [TN_DIV] = {"div", 2, "F"},
    [TN_EQ] = {"eq", 2, "FI"},
    [TN_NE] = {"ne", 2, "FI"},
    [TN_LT] = {"lt", 2, "FI"},
    [TN_LE] = {"le", 2, "FI"},
    [TN_GT] = {"gt", 2, "FI"},
    [TN_GE] = {"ge", 2, "FI"},
    [TN_AND] = {"and", 2, "B"},
    [TN_OR] = {"or", 2, "B"},
    [TN_WHERE] = {"where", 3, "FIB"},
};

static bool is_comparison(int op) { return op >= TN_EQ && op <= TN_GE; }

/* Does kernels.h promise a kernel there? */
static bool has_kernel(int op, at_dtype dtype, int form) {
    char letter = is_real(dtype) ? 'F' : dtype == AT_INT64 ? 'I' : 'B';
    if (!strchr(operations[op].dtypes, letter)) return false;
    if (operations[op].operands == 1) return form == 0;
    if (operations[op].operands == 2) return form == 0 || form == TN_A_SCALAR || form == TN_B_SCALAR;
    return (form & TN_A_SCALAR) == 0;
}

static long double reference_long(int op, long double x);

static double reference_real(int op, double x, double y) {
    switch (op) {
    case TN_COPY: return x;
    case TN_NEG: return -x;
    case TN_ABS: return fabs(x);
    case TN_SIGN: return (x > 0) - (x < 0); /* NaN has no sign: 0, as in torch */
    case TN_SQUARE: return x * x;
    case TN_RELU: return x < 0 ? 0 : x;
    case TN_EXP: return exp(x);
    case TN_LOG: return log(x);
    case TN_LOG1P: return log1p(x);
    case TN_EXPM1: return expm1(x);
    case TN_SQRT: return sqrt(x);
    case TN_RSQRT: return 1 / sqrt(x);
    case TN_RECIPROCAL: return 1 / x;
    case TN_SIN: return sin(x);
    case TN_COS: return cos(x);
    case TN_TAN: return tan(x);
    case TN_TANH: return tanh(x);
    case TN_SIGMOID: return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
    case TN_SILU: return (double)reference_long(op, (long double)x);
    case TN_ERF: return erf(x);
    case TN_FLOOR: return floor(x);
    case TN_CEIL: return ceil(x);
    case TN_ROUND: return rint(x);
    case TN_ADD: return x + y;
    case TN_SUB: return x - y;
    case TN_MUL: return x * y;
    case TN_DIV: return x / y;
    case TN_MAXIMUM: return isnan(x) || x > y ? x : y;
    case TN_MINIMUM: return isnan(x) || x < y ? x : y;
    case TN_POW: return pow(x, y);
    default: ck_abort_msg("no reference for %s of real numbers", operations[op].name);
    }
    return NAN;
}

/* base^exponent modulo 2^64, from the exponent's highest bit down. */
static int64_t reference_power(int64_t base, int64_t exponent) {
    uint64_t power = 1;
    if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
    for (int bit = 62; bit >= 0; bit--) {
        power *= power;
        if (exponent >> bit & 1) power *= (uint64_t)base;
    }
    return (int64_t)power;
}

static int64_t reference_integer(int op, int64_t x, int64_t y) {
    uint64_t a = (uint64_t)x, b = (uint64_t)y; /* wraps */
    switch (op) {
    case TN_COPY: return x;
    case TN_NEG: return (int64_t)(0 - a);
    case TN_ABS: return x < 0 ? (int64_t)(0 - a) : x;
    case TN_SIGN: return (x > 0) - (x < 0);
    case TN_SQUARE: return (int64_t)(a * a);
    case TN_RELU: return x < 0 ? 0 : x;
    case TN_NOT: return !x;
    case TN_ADD: return (int64_t)(a + b);
    case TN_SUB: return (int64_t)(a - b);
    case TN_MUL: return (int64_t)(a * b);
    case TN_MAXIMUM: return x > y ? x : y;
    case TN_MINIMUM: return x < y ? x : y;
    case TN_POW: return reference_power(x, y);
    case TN_AND: return x && y;
    case TN_OR: return x || y;
    default: ck_abort_msg("no reference for %s of integers", operations[op].name);
    }
    return 0;
}

#define COMPARE(x, y)                                                                                                  \
    (op == TN_EQ   ? (x) == (y)                                                                                        \
     : op == TN_NE ? (x) != (y)                                                                                        \
     : op == TN_LT ? (x) < (y)                                                                                         \
     : op == TN_LE ? (x) <= (y)                                                                                        \
     : op == TN_GT ? (x) > (y)                                                                                         \
                   : (x) >= (y))

static element reference(int op, at_dtype dtype, element a, element b, element c) {
    if (op == TN_WHERE) return a.integer ? b : c;
    if (is_comparison(op)) {
        bool answer = is_real(dtype) ? COMPARE(a.real, b.real) : COMPARE(a.integer, b.integer);
        return (element){.integer = answer};
    }
    if (is_real(dtype)) return (element){.real = reference_real(op, a.real, b.real)};
    return (element){.integer = reference_integer(op, a.integer, b.integer)};
}

/* The largest error allowed. Basic arithmetic rounds correctly; so does most of float32's computed in double and then
 * rounded. float64 functions are compared with the C library's, which err as well; a sharper test follows below. */
static double allowed_ulps(int op, at_dtype dtype) {
    switch (op) {
    case TN_RSQRT: return dtype == AT_FLOAT32 ? 1.5 : 1e-9;
    case TN_EXP:
    case TN_ERF: return dtype == AT_FLOAT32 ? 1.5 : 2.0;
    case TN_SIGMOID: return dtype == AT_FLOAT32 ? 2.0 : 4.0;
    case TN_SILU: return dtype == AT_FLOAT32 ? 2.5 : 4.0;
    case TN_LOG:
    case TN_LOG1P:
    case TN_EXPM1:
    case TN_SIN:
    case TN_COS:
    case TN_TAN:
    case TN_TANH:
    case TN_POW: return dtype == AT_FLOAT32 ? 0.51 : 2.0;
    default: return 0.0;
    }
}

static void check_element(int op, at_dtype dtype, element result, element expected, element a, element b) {
    if (is_real(dtype)) {
        double error = error_in_ulps(dtype, result.real, expected.real);
        REQUIRE(error <= allowed_ulps(op, dtype), "%s of %a, %a: %a instead of %a, %g ulp", operations[op].name, a.real,
                b.real, result.real, expected.real, error);
    } else {
        REQUIRE(result.integer == expected.integer, "%s of %lld, %lld: %lld instead of %lld", operations[op].name,
                (long long)a.integer, (long long)b.integer, (long long)result.integer, (long long)expected.integer);
    }
}

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

START_TEST(test_the_table_has_just_the_kernels_that_the_header_promises) {
    const tn_kernels *k = levels[_i];
    for (int op = 0; op < TN_OPS; op++)
        for (int dtype = 0; dtype < TN_DTYPES; dtype++)
            for (int form = 0; form < TN_FORMS; form++)
                ck_assert_msg((k->elementwise[op][dtype][form] != NULL) == has_kernel(op, (at_dtype)dtype, form),
                              "%s, dtype %d, form %d", operations[op].name, dtype, form);
    for (int dtype = 0; dtype < TN_DTYPES; dtype++) {
        for (int to = 0; to < TN_DTYPES; to++) ck_assert(k->cast[dtype][to] != NULL);
        for (int r = 0; r < TN_REDUCTIONS; r++) {
            ck_assert(k->reduce[r][dtype] != NULL);
            ck_assert(k->accumulate[r][dtype] != NULL);
        }
        ck_assert(k->reduce_add[dtype] != NULL);
    }
    for (int size = 0; size < 4; size++) {
        ck_assert((k->fill[size] != NULL) == (size != 1));
        ck_assert((k->gather[size] != NULL) == (size != 1));
        ck_assert((k->spread[size] != NULL) == (size != 1));
    }
}
END_TEST

/* Runs a kernel on n elements and compares each; what lies behind them must stay as it was. */
static void check_elementwise(const tn_kernels *k, int op, at_dtype dtype, int form, int n, const array operands[3]) {
    static array out;
    at_dtype out_dtype = is_comparison(op) ? AT_BOOL : dtype;
    at_dtype a_dtype = op == TN_WHERE ? AT_BOOL : dtype;
    int given = operations[op].operands;
    memset(&out, 0x55, sizeof out);
    k->elementwise[op][dtype][form](n, &out, &operands[0], given > 1 ? &operands[1] : NULL,
                                    given > 2 ? &operands[2] : NULL);
    for (int i = 0; i < n; i++) {
        element a = get(&operands[0], a_dtype, form & TN_A_SCALAR ? 0 : i);
        element b = get(&operands[1], dtype, form & TN_B_SCALAR ? 0 : i);
        element c = get(&operands[2], dtype, form & TN_C_SCALAR ? 0 : i);
        check_element(op, out_dtype, get(&out, out_dtype, i), reference(op, dtype, a, b, c), a, b);
    }
    for (size_t i = (size_t)n * size_of(out_dtype); i < sizeof out; i++)
        REQUIRE(out.b8[i] == 0x55, "%s of %d elements writes behind them", operations[op].name, n);
}

static void check_dtype(const tn_kernels *k, at_dtype dtype) {
    static array operands[3];
    random_state = 1;
    for (int s = 0; s < N_SIZES; s++)
        for (int op = 0; op < TN_OPS; op++)
            for (int form = 0; form < TN_FORMS; form++) {
                if (!has_kernel(op, dtype, form)) continue;
                fill_randomly(&operands[0], op == TN_WHERE ? AT_BOOL : dtype);
                fill_randomly(&operands[1], dtype);
                fill_randomly(&operands[2], dtype);
                check_elementwise(k, op, dtype, form, sizes[s], operands);
            }
}

START_TEST(test_elementwise_float32) { check_dtype(levels[_i], AT_FLOAT32); }
END_TEST
START_TEST(test_elementwise_float64) { check_dtype(levels[_i], AT_FLOAT64); }
END_TEST
START_TEST(test_elementwise_int64) { check_dtype(levels[_i], AT_INT64); }
END_TEST
START_TEST(test_elementwise_bool) { check_dtype(levels[_i], AT_BOOL); }
END_TEST

/* ---- float32 functions ------------------------------------------------------------------------------------------- */

/* Every exponent of both signs, in steps that also change all bits of the mantissa. */
START_TEST(test_float32_functions_are_accurate_everywhere) {
    enum { STEP = 21477, N = 1024 };
    static float x[N], y[N];
    for (int op = 0; op < TN_OPS; op++) {
        if (operations[op].operands != 1 || !has_kernel(op, AT_FLOAT32, 0)) continue;
        for (uint64_t bits = 0; bits < 1ull << 32;) {
            for (int i = 0; i < N; i++, bits += STEP) {
                uint32_t pattern = (uint32_t)bits; /* goes round at the end */
                memcpy(&x[i], &pattern, sizeof pattern);
            }
            levels[_i]->elementwise[op][AT_FLOAT32][0](N, y, x, NULL, NULL);
            for (int i = 0; i < N; i++) {
                double exact = reference_real(op, (double)x[i], 0);
                check_element(op, AT_FLOAT32, (element){.real = (double)y[i]}, (element){.real = exact},
                              (element){.real = (double)x[i]}, (element){.real = 0});
            }
        }
    }
}
END_TEST

static void check_powers(const tn_kernels *k, int n, const float *x, const float *y) {
    static float power[1024];
    k->elementwise[TN_POW][AT_FLOAT32][0](n, power, x, y, NULL);
    for (int i = 0; i < n; i++)
        check_element(TN_POW, AT_FLOAT32, (element){.real = (double)power[i]},
                      (element){.real = pow((double)x[i], (double)y[i])}, (element){.real = (double)x[i]},
                      (element){.real = (double)y[i]});
}

/* Bases of every exponent, or near 1, with exponents that make the result come anywhere in float32's range. */
START_TEST(test_float32_powers_are_accurate_everywhere) {
    enum { N = 1024, ROUNDS = 200 };
    static float x[N], y[N];
    random_state = 2;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < N; i++) {
            double anywhere = ldexp((double)(random_bits() >> 11), -53) * 300 - 150;
            double base = round % 2 ? 1 + ldexp((double)(int64_t)random_bits(), -66 - round % 16) : exp2(anywhere);
            double result = ldexp((double)(random_bits() >> 11), -53) * 300 - 150;
            x[i] = (float)base;
            y[i] = (float)(result / log2((double)x[i]));
        }
        check_powers(levels[_i], N, x, y);
    }
}
END_TEST

/* Among them all of C11's F.10.4.4. */
START_TEST(test_float32_powers_of_special_values) {
    static float x[1024], y[1024];
    int n = 0;
    for (int i = 0; i < N_SPECIAL_REALS; i++)
        for (int j = 0; j < N_SPECIAL_REALS; j++, n++) {
            x[n] = (float)special_reals[i];
            y[n] = (float)special_reals[j];
        }
    check_powers(levels[_i], n, x, y);
}
END_TEST

/* A fixed power is common, and kernels_elementwise.h computes the commonest ones in other ways. */
START_TEST(test_fixed_powers) {
    static array operands[3];
    random_state = 11;
    for (int d = AT_FLOAT32; d <= AT_FLOAT64; d++)
        for (int i = 0; i < N_SPECIAL_REALS; i++) {
            fill_randomly(&operands[0], (at_dtype)d);
            set(&operands[1], (at_dtype)d, 0, (element){.real = special_reals[i]});
            check_elementwise(levels[_i], TN_POW, (at_dtype)d, TN_B_SCALAR, 1000, operands);
        }
}
END_TEST

/* ---- float64 functions ------------------------------------------------------------------------------------------- */

static long double reference_long(int op, long double x) {
    switch (op) {
    case TN_EXP: return expl(x);
    case TN_EXPM1: return expm1l(x);
    case TN_LOG: return logl(x);
    case TN_LOG1P: return log1pl(x);
    case TN_SIN: return sinl(x);
    case TN_COS: return cosl(x);
    case TN_TAN: return tanl(x);
    case TN_TANH: return tanhl(x);
    case TN_SIGMOID: return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x));
    case TN_SILU: return x * reference_long(TN_SIGMOID, x);
    case TN_ERF: return erfl(x);
    default: return NAN;
    }
}

/* In units of double's last place; beyond its range counts as the next power of two. */
static double error_of_double(double y, long double exact) {
    if (isnan(y) || isnan(exact)) return isnan(y) && isnan(exact) ? 0.0 : INFINITY;
    if (!signbit(y) != !signbit(exact)) return INFINITY;
    if (isinf(y) && isinf((double)exact)) return 0.0;
    int exponent;
    frexpl(exact, &exponent);
    if (isinf(exact) || exponent > 1024) exact = copysignl(ldexpl(1, exponent = 1024), exact);
    long double result = isinf(y) ? copysignl(ldexpl(1, 1024), exact) : (long double)y;
    return (double)ldexpl(fabsl(result - exact), exponent - 53 < -1074 ? 1074 : 53 - exponent);
}

/* Any pattern of bits, any moderate exponent, near 1 or -1, and next to multiples of pi / 2. */
static double random_argument(int kind) {
    uint64_t bits = random_bits();
    double x, fraction = ldexp((double)(int64_t)random_bits(), -63);
    switch (kind) {
    case 0: memcpy(&x, &bits, sizeof x); return x;
    case 1: return ldexp(fraction, (int)(bits >> 40) % 72 - 60);
    case 2: return (bits & 1024 ? 1.0 : -1.0) + ldexp(fraction, -(int)((bits >> 40) % 54));
    default: return (double)((bits >> 20) % 1000000) * 0x1.921fb54442d18p+0;
    }
}

/* Where long double is no wider than double (also in valgrind), the reference itself errs by up to an ulp. */
START_TEST(test_float64_functions_are_accurate_everywhere) {
    enum { N = 1000, ROUNDS = 80 };
    static double x[N], y[N];
    volatile long double one = 1, wider = one + 0x1p-60L;
    const double allowed = wider > one ? 1.5 : 2.5;
    random_state = 12;
    for (int op = 0; op < TN_OPS; op++)
        for (int round = 0; round < ROUNDS && !isnan(reference_long(op, 0.25L)); round++) {
            for (int i = 0; i < N; i++) x[i] = random_argument(round % 4);
            levels[_i]->elementwise[op][AT_FLOAT64][0](N, y, x, NULL, NULL);
            for (int i = 0; i < N; i++) {
                double error = error_of_double(y[i], reference_long(op, (long double)x[i]));
                REQUIRE(error <= allowed, "%s of %a: %a, %g ulp", operations[op].name, x[i], y[i], error);
            }
        }
}
END_TEST

/* At the ends of the range: the last result that is a number, the first that is not 0, and subnormal ones between. */
START_TEST(test_float64_functions_at_the_ends_of_the_range) {
    static const double ends[] = {709.7827128933840,
                                  709.7827128933841,
                                  -708.3964185322641,
                                  -708.3964185322642,
                                  -744.4400719213812,
                                  -745.1332191019411,
                                  -745.1332191019412,
                                  0x1p-1074,
                                  -0x1p-1074,
                                  0x0.fffffffffffffp-1022,
                                  0x1p-1022,
                                  0x1.fffffffffffffp+1023,
                                  -0x1.fffffffffffffp-1,
                                  0x1.fffffffffffffp-1,
                                  0x1p+20,
                                  0x1.0000000000001p+20,
                                  -0x1.8p+20,
                                  1e22,
                                  -1e300};
    enum { N = sizeof ends / sizeof *ends };
    double y[N];
    for (int op = 0; op < TN_OPS; op++) {
        if (isnan(reference_long(op, 0.25L))) continue;
        levels[_i]->elementwise[op][AT_FLOAT64][0](N, y, ends, NULL, NULL);
        for (int i = 0; i < N; i++) {
            double error = error_of_double(y[i], reference_long(op, (long double)ends[i]));
            REQUIRE(error <= 2.5, "%s of %a: %a, %g ulp", operations[op].name, ends[i], y[i], error);
        }
    }
}
END_TEST

/* Whether an element is computed in a vector or alone behind the last one. Only the sign of NaN may differ. */
START_TEST(test_an_element_has_the_same_bits_wherever_it_stands) {
    static array in, out, alone;
    random_state = 13;
    for (int op = 0; op < TN_OPS; op++)
        for (int d = AT_FLOAT32; d <= AT_FLOAT64; d++) {
            if (operations[op].operands != 1 || !has_kernel(op, (at_dtype)d, 0)) continue;
            size_t size = size_of((at_dtype)d);
            fill_randomly(&in, (at_dtype)d);
            levels[_i]->elementwise[op][d][0](N_MAX, &out, &in, NULL, NULL);
            for (size_t i = 0; i < N_MAX; i++) {
                levels[_i]->elementwise[op][d][0](1, &alone, in.b8 + i * size, NULL, NULL);
                bool both_nan =
                    isnan(get(&alone, (at_dtype)d, 0).real) && isnan(get(&out, (at_dtype)d, (int64_t)i).real);
                REQUIRE(both_nan || memcmp(&alone, out.b8 + i * size, size) == 0, "%s: element %zu",
                        operations[op].name, i);
            }
        }
}
END_TEST

/* ---- casts ------------------------------------------------------------------------------------------------------- */

static element reference_cast(element x, at_dtype from, at_dtype to) {
    if (is_real(from)) {
        if (is_real(to)) return x;
        if (to == AT_BOOL) return (element){.integer = x.real != 0};
        bool fits = x.real >= -0x1p63 && x.real < 0x1p63;
        return (element){.integer = fits ? (int64_t)x.real : INT64_MIN};
    }
    if (to == AT_FLOAT32) return (element){.real = (double)(float)x.integer};
    if (to == AT_FLOAT64) return (element){.real = (double)x.integer};
    return (element){.integer = to == AT_BOOL ? x.integer != 0 : x.integer};
}

START_TEST(test_casts) {
    static array in, out;
    random_state = 3;
    for (int from = 0; from < TN_DTYPES; from++)
        for (int to = 0; to < TN_DTYPES; to++)
            for (int s = 0; s < N_SIZES; s++) {
                fill_randomly(&in, (at_dtype)from);
                memset(&out, 0x55, sizeof out);
                levels[_i]->cast[from][to](sizes[s], &out, &in, NULL, NULL);
                for (int i = 0; i < sizes[s]; i++) {
                    element x = get(&in, (at_dtype)from, i);
                    check_element(TN_COPY, (at_dtype)to, get(&out, (at_dtype)to, i),
                                  reference_cast(x, (at_dtype)from, (at_dtype)to), x, x);
                }
                ck_assert(out.b8[(size_t)sizes[s] * size_of((at_dtype)to)] == 0x55);
            }
}
END_TEST

/* ---- reductions -------------------------------------------------------------------------------------------------- */

/* Sums and products are double or int64, the others of the dtype itself. */
static at_dtype accumulator_dtype(int reduction, at_dtype dtype) {
    if (reduction == TN_MAX || reduction == TN_MIN) return dtype;
    return is_real(dtype) ? AT_FLOAT64 : AT_INT64;
}

static int operation_of(int reduction, at_dtype dtype) {
    if (dtype == AT_BOOL && reduction == TN_MAX) return TN_OR;
    if (dtype == AT_BOOL && reduction == TN_MIN) return TN_AND;
    return reduction == TN_SUM ? TN_ADD : reduction == TN_PROD ? TN_MUL : reduction == TN_MAX ? TN_MAXIMUM : TN_MINIMUM;
}

/* Random elements of which sums and products of any order are equal, or equally infinite or NaN: small integers for
 * sums, powers of two near 1 for products. */
static void fill_for_reduction(array *a, at_dtype dtype, int reduction) {
    for (int i = 0; i < N_MAX; i++) {
        element e = random_element(dtype);
        uint64_t bits = random_bits() >> 20;
        if (reduction == TN_SUM && is_real(dtype)) e.real = (double)(bits % 2001) - 1000;
        if (reduction == TN_PROD && is_real(dtype)) e.real = i % 2 ? 0.5 : 2.0;
        set(a, dtype, i, e);
    }
}

START_TEST(test_reductions) {
    static array in;
    random_state = 4;
    for (int r = 0; r < TN_REDUCTIONS; r++)
        for (int d = 0; d < TN_DTYPES; d++)
            for (int s = 1; s < N_SIZES; s++) {
                at_dtype dtype = (at_dtype)d, result_dtype = accumulator_dtype(r, dtype);
                int op = operation_of(r, dtype);
                fill_for_reduction(&in, dtype, r);
                element expected = get(&in, dtype, 0), none = {0, 0};
                for (int i = 1; i < sizes[s]; i++)
                    expected = reference(op, result_dtype, expected, get(&in, dtype, i), none);
                array result;
                memset(&result, 0x55, sizeof result);
                levels[_i]->reduce[r][d](1, sizes[s], &result, &in);
                /* A largest or smallest of both zeros may have either sign. */
                element y = get(&result, result_dtype, 0);
                if (y.real == 0 && expected.real == 0) y.real = expected.real;
                check_element(op, result_dtype, y, expected, get(&in, dtype, 0), none);
                ck_assert(result.b8[size_of(result_dtype)] == 0x55);
            }
}
END_TEST

START_TEST(test_nan_wins_wherever_it_stands) {
    static array in;
    for (int r = TN_MAX; r <= TN_MIN; r++)
        for (int d = AT_FLOAT32; d <= AT_FLOAT64; d++) {
            for (int i = 0; i < N_MAX; i++) set(&in, (at_dtype)d, i, (element){.real = i % 5 - 2});
            for (int s = 1; s < N_SIZES; s++)
                for (int at = 0; at < sizes[s]; at++) {
                    array result;
                    element kept = get(&in, (at_dtype)d, at);
                    set(&in, (at_dtype)d, at, (element){.real = NAN});
                    levels[_i]->reduce[r][d](1, sizes[s], &result, &in);
                    REQUIRE(isnan(get(&result, (at_dtype)d, 0).real), "NaN at %d of %d is lost", at, sizes[s]);
                    set(&in, (at_dtype)d, at, kept);
                }
        }
}
END_TEST

/* Sums of float32 err by far less than float32 shows; those of float64 as pairwise ones: half an ulp of what is summed
 * for each level of the tree. */
START_TEST(test_sums_are_accurate) {
    enum { N = 20000 };
    static float x32[N];
    static double x64[N];
    random_state = 5;
    for (int i = 0; i < N; i++) {
        x64[i] = ldexp((double)(int64_t)random_bits(), (int)(random_bits() >> 60) - 63);
        x32[i] = (float)x64[i];
    }
    for (int n = 1; n < N; n = n * 3 / 2 + 1) {
        long double exact32 = 0, sizes32 = 0, exact64 = 0, sizes64 = 0;
        double sum32, sum64, sum_of_accumulators;
        for (int i = 0; i < n; i++) {
            exact32 += (long double)x32[i];
            sizes32 += fabsl((long double)x32[i]);
            exact64 += (long double)x64[i];
            sizes64 += fabsl((long double)x64[i]);
        }
        levels[_i]->reduce[TN_SUM][AT_FLOAT32](1, n, &sum32, x32);
        levels[_i]->reduce[TN_SUM][AT_FLOAT64](1, n, &sum64, x64);
        levels[_i]->reduce_add[AT_FLOAT32](1, n, &sum_of_accumulators, x64);
        ck_assert(fabsl((long double)sum32 - exact32) <= 0x1.8p-23L * sizes32); /* three roundings to float32 */
        ck_assert(fabsl((long double)sum64 - exact64) <= ceill(log2l((long double)n) + 1) * 0x1p-53L * sizes64);
        ck_assert_double_eq(sum_of_accumulators, sum64);
        levels[_i]->reduce_add[AT_FLOAT64](1, n, &sum_of_accumulators, x64);
        ck_assert_double_eq(sum_of_accumulators, sum64);
    }
}
END_TEST

/* The order of a sum depends on n alone, so every level gives the same bits. */
START_TEST(test_sums_have_the_same_bits_at_every_level) {
    static array in;
    random_state = 6;
    for (int d = AT_FLOAT32; d <= AT_FLOAT64; d++)
        for (int n = 1; n <= N_MAX; n++) {
            double here, at_baseline;
            uint64_t bits = random_bits();
            set(&in, (at_dtype)d, n - 1, (element){.real = ldexp((double)(int64_t)bits, (int)(bits & 31) - 70)});
            levels[_i]->reduce[TN_SUM][d](1, n, &here, &in);
            levels[0]->reduce[TN_SUM][d](1, n, &at_baseline, &in);
            REQUIRE(memcmp(&here, &at_baseline, sizeof here) == 0, "%d elements of dtype %d", n, d);
        }
}
END_TEST

START_TEST(test_integer_accumulators_are_added) {
    static array in;
    random_state = 7;
    for (int s = 1; s < N_SIZES; s++) {
        uint64_t expected = 0;
        int64_t sum;
        fill_randomly(&in, AT_INT64);
        for (int i = 0; i < sizes[s]; i++) expected += (uint64_t)in.i64[i];
        levels[_i]->reduce_add[AT_INT64](1, sizes[s], &sum, &in);
        ck_assert_int_eq(sum, (int64_t)expected);
        levels[_i]->reduce_add[AT_BOOL](1, sizes[s], &sum, &in);
        ck_assert_int_eq(sum, (int64_t)expected);
    }
}
END_TEST

START_TEST(test_accumulate) {
    static array before, after, in;
    random_state = 8;
    for (int r = 0; r < TN_REDUCTIONS; r++)
        for (int d = 0; d < TN_DTYPES; d++)
            for (int s = 0; s < N_SIZES; s++) {
                at_dtype dtype = (at_dtype)d, result_dtype = accumulator_dtype(r, dtype);
                int op = operation_of(r, dtype);
                fill_randomly(&before, result_dtype);
                fill_randomly(&in, dtype);
                memcpy(&after, &before, sizeof after);
                levels[_i]->accumulate[r][d](1, sizes[s], &after, &in, 0);
                for (int i = 0; i < N_MAX; i++) {
                    element a = get(&before, result_dtype, i), x = get(&in, dtype, i), none = {0, 0};
                    element expected = i < sizes[s] ? reference(op, result_dtype, a, x, none) : a;
                    check_element(op, result_dtype, get(&after, result_dtype, i), expected, a, x);
                }
            }
}
END_TEST

/* Several rows as one after another; of powers of two, so that nothing is rounded. */
START_TEST(test_accumulate_rows) {
    static array one, all, in;
    enum { COLUMNS = 37, STRIDE = 41, ROWS = 11 };
    random_state = 9;
    for (int r = 0; r < TN_REDUCTIONS; r++)
        for (int d = 0; d < TN_DTYPES; d++)
            for (int rows = 0; rows <= ROWS; rows++) {
                at_dtype dtype = (at_dtype)d, result_dtype = accumulator_dtype(r, dtype);
                size_t row_bytes = STRIDE * (size_t)(dtype == AT_BOOL ? 1 : dtype == AT_FLOAT32 ? 4 : 8);
                for (int i = 0; i < ROWS * STRIDE; i++) {
                    int64_t x = INT64_C(1) << (dtype == AT_BOOL ? 0 : random_bits() % 3);
                    set(&in, dtype, i, (element){.real = (double)x, .integer = x});
                }
                for (int i = 0; i < N_MAX; i++) set(&one, result_dtype, i, (element){.real = 1, .integer = 1});
                all = one;
                levels[_i]->accumulate[r][d](rows, COLUMNS, &all, &in, STRIDE);
                for (int i = 0; i < rows; i++)
                    levels[_i]->accumulate[r][d](1, COLUMNS, &one, (char *)&in + (size_t)i * row_bytes, 0);
                REQUIRE(memcmp(&one, &all, sizeof one) == 0, "reduction %d, dtype %d, %d rows", r, d, rows);
            }
}
END_TEST

/* ---- two instructions in one pass -------------------------------------------------------------------------------- */

static const tn_op first_op[] = {TN_ADD, TN_SUB, TN_MUL, TN_NEG};
static const tn_op second_op[] = {TN_ADD, TN_SUB, TN_SUB, TN_MUL, TN_SQUARE, TN_NEG, TN_RELU};

/* The same by two kernels, with scalars written out. */
static void one_after_the_other(const tn_kernels *k, int f, int t, int n, float *out, const float *const *operand) {
    static float u[N_MAX];
    k->elementwise[first_op[f]][AT_FLOAT32][0](n, u, operand[0], operand[1], NULL);
    const float *x = t == TN_THEN_SUB_FROM ? operand[2] : u, *y = t == TN_THEN_SUB_FROM ? u : operand[2];
    k->elementwise[second_op[t]][AT_FLOAT32][0](n, out, x, y, NULL);
}

START_TEST(test_pairs) {
    static array in[3], spread[3];
    static float expected[N_MAX], out[N_MAX + 1];
    int kernels = 0;
    for (int f = 0; f < TN_FIRSTS; f++)
        for (int t = 0; t < TN_SECONDS; t++)
            for (int form = 0; form < TN_FORMS; form++) {
                tn_elementwise *kernel = levels[_i]->pair[f][t][form];
                if (!kernel) continue;
                kernels++;
                for (int s = 0; s < N_SIZES; s++) {
                    const float *operand[3];
                    for (int o = 0; o < 3; o++) {
                        fill_randomly(&in[o], AT_FLOAT32);
                        for (int i = 0; i < N_MAX; i++) spread[o].f32[i] = in[o].f32[form >> o & 1 ? 0 : i];
                        operand[o] = spread[o].f32;
                    }
                    bool alone = t >= TN_THEN_SQUARE;
                    one_after_the_other(levels[_i], f, t, sizes[s], expected, operand);
                    out[sizes[s]] = 42;
                    kernel(sizes[s], out, in[0].f32, in[1].f32, alone ? NULL : in[2].f32);
                    for (int i = 0; i < sizes[s]; i++)
                        REQUIRE(memcmp(&out[i], &expected[i], 4) == 0 || (isnan(out[i]) && isnan(expected[i])),
                                "first %d, second %d, form %d, element %d of %d: %a, not %a", f, t, form, i, sizes[s],
                                (double)out[i], (double)expected[i]);
                    ck_assert(out[sizes[s]] == 42.0f);
                }
            }
    ck_assert_int_eq(kernels, TN_FIRSTS * (4 * 7 + 3 * 3));
}
END_TEST

/* A sum of products has the bits of the sum of what the multiplication gives; rows one after another. */
START_TEST(test_sums_of_products) {
    static array a, b, product;
    double sums[N_MAX], expected[N_MAX];
    for (int s = 1; s < N_SIZES; s++)
        for (int rows = 1; rows * sizes[s] <= N_MAX; rows += 1 + rows) {
            int n = rows * sizes[s];
            for (int i = 0; i < n; i++) {
                a.f32[i] = (float)(random_bits() % 2001) / 1000 - 1;
                b.f32[i] = (float)(random_bits() % 2001) / 1000 - 1;
            }
            levels[_i]->elementwise[TN_MUL][AT_FLOAT32][0](n, &product, &a, &b, NULL);
            levels[_i]->dot[AT_FLOAT32](rows, sizes[s], sums, a.f32, sizes[s], b.f32, sizes[s]);
            levels[_i]->reduce[TN_SUM][AT_FLOAT32](rows, sizes[s], expected, &product);
            for (int r = 0; r < rows; r++) {
                double one;
                levels[_i]->reduce[TN_SUM][AT_FLOAT32](1, sizes[s], &one, product.f32 + r * sizes[s]);
                ck_assert_double_eq(sums[r], expected[r]);
                ck_assert_double_eq(expected[r], one);
            }
        }
}
END_TEST

/* The same by rows with one factor each, which are added in the order of stored ones. */
START_TEST(test_sums_of_multiples) {
    static array in, factors, products, sums, expected;
    enum { COLUMNS = 37, STRIDE = 41, FACTOR_STRIDE = 3, ROWS = 11 };
    for (int d = AT_FLOAT32; d <= AT_FLOAT64; d++)
        for (int rows = 0; rows <= ROWS; rows++) {
            at_dtype dtype = (at_dtype)d;
            size_t bytes = dtype == AT_FLOAT32 ? 4 : 8;
            fill_randomly(&in, dtype);
            fill_randomly(&factors, dtype);
            fill_randomly(&sums, AT_FLOAT64);
            expected = sums;
            for (int i = 0; i < rows; i++)
                levels[_i]->elementwise[TN_MUL][d][TN_B_SCALAR](COLUMNS, (char *)&products + (size_t)i * STRIDE * bytes,
                                                                (char *)&in + (size_t)i * STRIDE * bytes,
                                                                (char *)&factors + (size_t)i * FACTOR_STRIDE * bytes,
                                                                NULL);
            levels[_i]->accumulate[TN_SUM][d](rows, COLUMNS, &expected, &products, STRIDE);
            levels[_i]->add_products[d](rows, COLUMNS, sums.f64, &in, STRIDE, &factors, FACTOR_STRIDE);
            for (int i = 0; i < N_MAX; i++)
                REQUIRE(memcmp(&sums.f64[i], &expected.f64[i], 8) == 0 ||
                            (isnan(sums.f64[i]) && isnan(expected.f64[i])),
                        "dtype %d, %d rows, column %d: %a, not %a", d, rows, i, sums.f64[i], expected.f64[i]);
        }
}
END_TEST

START_TEST(test_extremes) {
    static array in, best, before;
    static int64_t index[N_MAX];
    for (int largest = 0; largest < 2; largest++)
        for (int d = 0; d < TN_DTYPES; d++)
            for (int s = 0; s < N_SIZES; s++) {
                at_dtype dtype = (at_dtype)d;
                fill_randomly(&in, dtype);
                fill_randomly(&before, dtype);
                best = before;
                for (int i = 0; i < N_MAX; i++) index[i] = -1;
                levels[_i]->extreme[largest][d](sizes[s], &in, 7, &best, index);
                for (int i = 0; i < N_MAX; i++) {
                    element x = get(&in, dtype, i), y = get(&before, dtype, i), z = get(&best, dtype, i);
                    bool above = is_real(dtype) ? (largest ? x.real > y.real : x.real < y.real) || isnan(x.real)
                                                : (largest ? x.integer > y.integer : x.integer < y.integer);
                    bool taken = i < sizes[s] && above && !(is_real(dtype) && isnan(y.real));
                    element want = taken ? x : y;
                    REQUIRE(index[i] == (taken ? 7 : -1), "index %d of %d", i, sizes[s]);
                    REQUIRE(is_real(dtype) ? z.real == want.real || isnan(want.real) : z.integer == want.integer,
                            "element %d of %d", i, sizes[s]);
                }
            }
}
END_TEST

/* ---- for softmax ------------------------------------------------------------------------------------------------- */

START_TEST(test_exp_shifted_float32) {
    static float x[N_MAX], y[N_MAX];
    for (int s = 0; s < N_SIZES; s++)
        for (int in_place = 0; in_place < 2; in_place++) {
            double expected = 0;
            for (int i = 0; i < sizes[s]; i++) x[i] = (float)(i % 37) * 3 - 20;
            memcpy(y, x, sizeof y);
            double sum = levels[_i]->exp_shifted_f32(sizes[s], y, in_place ? y : x, 88.0f);
            for (int i = 0; i < sizes[s]; i++) {
                REQUIRE(error_in_ulps(AT_FLOAT32, (double)y[i], exp((double)x[i] - 88)) <= 1.5, "exp of %a",
                        (double)x[i] - 88);
                expected += (double)y[i];
            }
            ck_assert_double_le(fabs(sum - expected), 0x1.8p-23 * expected);
        }
}
END_TEST

START_TEST(test_exp_shifted_float64) {
    static double x[N_MAX], y[N_MAX];
    for (int s = 0; s < N_SIZES; s++)
        for (int in_place = 0; in_place < 2; in_place++) {
            double expected = 0;
            for (int i = 0; i < sizes[s]; i++) x[i] = (double)(i % 37) * 3 - 20;
            memcpy(y, x, sizeof y);
            double sum = levels[_i]->exp_shifted_f64(sizes[s], y, in_place ? y : x, 88.0);
            for (int i = 0; i < sizes[s]; i++) {
                REQUIRE(error_in_ulps(AT_FLOAT64, y[i], exp(x[i] - 88)) <= 2.0, "exp of %a", x[i] - 88);
                expected += y[i];
            }
            ck_assert_double_le(fabs(sum - expected), 1e-13 * expected);
        }
}
END_TEST

START_TEST(test_scale) {
    static float x32[N_MAX + 1];
    static double x64[N_MAX + 1];
    for (int s = 0; s < N_SIZES; s++) {
        for (int i = 0; i <= N_MAX; i++) x64[i] = (double)(x32[i] = (float)i / 7);
        levels[_i]->scale_f32(sizes[s], x32, 0.3f);
        levels[_i]->scale_f64(sizes[s], x64, 0.3);
        for (int i = 0; i <= N_MAX; i++) {
            float x = (float)i / 7;
            REQUIRE(x32[i] == (i < sizes[s] ? x * 0.3f : x), "element %d of %d", i, sizes[s]);
            REQUIRE(x64[i] == (i < sizes[s] ? (double)x * 0.3 : (double)x), "element %d of %d", i, sizes[s]);
        }
    }
}
END_TEST

/* ---- moving ------------------------------------------------------------------------------------------------------ */

static const int strides[] = {0, 1, 2, 3, -1, -4};
enum { N_STRIDES = sizeof strides / sizeof *strides, WIDEST = 4 };

/* Bytes, since nothing depends on what they mean. The middle of wide is where strides begin. */
static unsigned char wide[2 * WIDEST * N_MAX * 8], narrow[(N_MAX + 1) * 8];
static unsigned char *const middle = wide + WIDEST * N_MAX * 8;

static void fill_bytes(void) {
    for (size_t i = 0; i < sizeof wide; i++) wide[i] = (unsigned char)(random_bits() >> 40);
    for (size_t i = 0; i < sizeof narrow; i++) narrow[i] = (unsigned char)(random_bits() >> 40);
}

START_TEST(test_fill) {
    random_state = 9;
    for (int log_size = 0; log_size < 4; log_size++) {
        if (!levels[_i]->fill[log_size]) continue;
        size_t size = (size_t)1 << log_size;
        for (int s = 0; s < N_SIZES; s++) {
            fill_bytes();
            unsigned char behind = narrow[(size_t)sizes[s] * size];
            levels[_i]->fill[log_size](sizes[s], narrow, wide);
            for (int i = 0; i < sizes[s]; i++)
                REQUIRE(memcmp(narrow + (size_t)i * size, wide, size) == 0, "element %d of %d", i, sizes[s]);
            ck_assert(narrow[(size_t)sizes[s] * size] == behind);
        }
    }
}
END_TEST

START_TEST(test_rows_filled_and_transposed) {
    static array in, out;
    const int bytes[] = {1, 0, 4, 8};
    for (int size = 0; size < 4; size += size ? 1 : 2)
        for (int n = 1; n <= 70; n += 23)
            for (int rows = 1; rows * n <= N_MAX && rows <= 16; rows += 5) {
                const char *x = (const char *)&in, *y = (const char *)&out;
                fill_randomly(&in, AT_INT64);
                memset(&out, 0, sizeof out);
                levels[_i]->fill_rows[size](rows, n, &out, &in, 3);
                for (int i = 0; i < rows * n; i++)
                    REQUIRE(!memcmp(y + i * bytes[size], x + i / n * 3 * bytes[size], (size_t)bytes[size]), "%d", i);
                if (n * (rows + 2) > N_MAX) continue;
                levels[_i]->transpose[size](rows, n, &out, &in, rows + 2);
                for (int i = 0; i < rows * n; i++)
                    REQUIRE(!memcmp(y + i * bytes[size], x + (i / n + i % n * (rows + 2)) * bytes[size],
                                    (size_t)bytes[size]),
                            "%d", i);
            }
}
END_TEST

START_TEST(test_gather_and_spread) {
    random_state = 10;
    for (int log_size = 0; log_size < 4; log_size++) {
        if (!levels[_i]->gather[log_size]) continue;
        int size = 1 << log_size;
        for (int s = 0; s < N_SIZES * N_STRIDES; s++) {
            int n = sizes[s / N_STRIDES], stride = strides[s % N_STRIDES];
            fill_bytes();
            levels[_i]->gather[log_size](n, narrow, middle, stride);
            for (int i = 0; i < n; i++)
                REQUIRE(memcmp(narrow + i * size, middle + i * stride * size, (size_t)size) == 0,
                        "gather: element %d of %d", i, n);

            fill_bytes();
            levels[_i]->spread[log_size](n, middle, stride, narrow);
            for (int i = stride == 0 && n > 0 ? n - 1 : 0; i < n; i++) /* of elements at one place the last stays */
                REQUIRE(memcmp(middle + i * stride * size, narrow + i * size, (size_t)size) == 0,
                        "spread: element %d of %d", i, n);
        }
    }
}
END_TEST

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

START_TEST(test_the_best_level_is_chosen) {
    ck_assert_ptr_eq(tn_kernels_get(), levels[n_levels - 1]);
    ck_assert_ptr_eq(tn_kernels_get(), tn_kernels_get());
}
END_TEST

/* The choice is made once in a process: this needs one of its own. */
START_TEST(test_a_level_can_be_asked_for) {
    const char *fork_mode = getenv("CK_FORK");
    if (fork_mode && strcmp(fork_mode, "no") == 0) return;
    setenv("ATLED_KERNELS", levels[_i]->level, 1);
    ck_assert_str_eq(tn_kernels_get()->level, levels[_i]->level);
}
END_TEST

Suite *kernels_suite(void) {
    find_levels();
    Suite *suite = suite_create("kernels");

    TCase *elementwise = tcase_create("elementwise");
    tcase_add_loop_test(elementwise, test_the_table_has_just_the_kernels_that_the_header_promises, 0, n_levels);
    tcase_add_loop_test(elementwise, test_elementwise_float32, 0, n_levels);
    tcase_add_loop_test(elementwise, test_elementwise_float64, 0, n_levels);
    tcase_add_loop_test(elementwise, test_elementwise_int64, 0, n_levels);
    tcase_add_loop_test(elementwise, test_elementwise_bool, 0, n_levels);
    tcase_add_loop_test(elementwise, test_float32_functions_are_accurate_everywhere, 0, n_levels);
    tcase_add_loop_test(elementwise, test_float32_powers_are_accurate_everywhere, 0, n_levels);
    tcase_add_loop_test(elementwise, test_float32_powers_of_special_values, 0, n_levels);
    tcase_add_loop_test(elementwise, test_fixed_powers, 0, n_levels);
    tcase_add_loop_test(elementwise, test_float64_functions_are_accurate_everywhere, 0, n_levels);
    tcase_add_loop_test(elementwise, test_float64_functions_at_the_ends_of_the_range, 0, n_levels);
    tcase_add_loop_test(elementwise, test_an_element_has_the_same_bits_wherever_it_stands, 0, n_levels);
    tcase_add_loop_test(elementwise, test_casts, 0, n_levels);
    tcase_add_loop_test(elementwise, test_pairs, 0, n_levels);
    suite_add_tcase(suite, elementwise);

    TCase *reductions = tcase_create("reductions");
    tcase_add_loop_test(reductions, test_reductions, 0, n_levels);
    tcase_add_loop_test(reductions, test_nan_wins_wherever_it_stands, 0, n_levels);
    tcase_add_loop_test(reductions, test_sums_are_accurate, 0, n_levels);
    tcase_add_loop_test(reductions, test_sums_have_the_same_bits_at_every_level, 0, n_levels);
    tcase_add_loop_test(reductions, test_integer_accumulators_are_added, 0, n_levels);
    tcase_add_loop_test(reductions, test_accumulate, 0, n_levels);
    tcase_add_loop_test(reductions, test_accumulate_rows, 0, n_levels);
    tcase_add_loop_test(reductions, test_sums_of_products, 0, n_levels);
    tcase_add_loop_test(reductions, test_sums_of_multiples, 0, n_levels);
    tcase_add_loop_test(reductions, test_extremes, 0, n_levels);
    suite_add_tcase(suite, reductions);

    TCase *others = tcase_create("others");
    tcase_add_loop_test(others, test_exp_shifted_float32, 0, n_levels);
    tcase_add_loop_test(others, test_exp_shifted_float64, 0, n_levels);
    tcase_add_loop_test(others, test_scale, 0, n_levels);
    tcase_add_loop_test(others, test_fill, 0, n_levels);
    tcase_add_loop_test(others, test_rows_filled_and_transposed, 0, n_levels);
    tcase_add_loop_test(others, test_gather_and_spread, 0, n_levels);
    tcase_add_test(others, test_the_best_level_is_chosen);
    tcase_add_loop_test(others, test_a_level_can_be_asked_for, 0, n_levels);
    suite_add_tcase(suite, others);
    return suite;
}
