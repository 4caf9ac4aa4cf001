/* tests/accuracy/functions.c - functions as tensor operations and in MPFR; see functions.def. */
#include "functions.h"

#include <math.h>
#include <string.h>

const char *function_name(function f) {
    static const char *const names[] = {
#define FUNCTION(name, operation, estimate, exact) #name,
#include "functions.def"
#undef FUNCTION
    };
    return names[f];
}

bool has_two_operands(function f) { return f == F_pow; }
bool is_measured_by_x(function f) { return f == F_gelu; }

at_tensor *function_apply(function f, at_tensor *x, at_tensor *z) {
    switch (f) {
#define FUNCTION(name, operation, estimate, exact)                                                                     \
    case F_##name:                                                                                                     \
        return operation;
#include "functions.def"
#undef FUNCTION
    default: return NULL;
    }
}

/* ---- what MPFR has no function for ------------------------------------------------------------------------------- */

/* NaN has no sign: 0, as in PyTorch. */
static void set_sign(mpfr_t y, const mpfr_t x) { mpfr_set_si(y, mpfr_nan_p(x) ? 0 : mpfr_sgn(x), MPFR_RNDN); }

/* factor * x where scaled, else x; a factor of 0 makes +0. */
static void set_choice(mpfr_t y, bool scaled, double factor, const mpfr_t x) {
    if (scaled && factor == 0 && !mpfr_nan_p(x) && !mpfr_zero_p(x))
        mpfr_set_zero(y, 1);
    else
        mpfr_mul_d(y, x, scaled && factor != 0 ? factor : 1, MPFR_RNDN);
}

static void set_rsqrt(mpfr_t y, const mpfr_t x) {
    mpfr_sqrt(y, x, MPFR_RNDN);
    mpfr_ui_div(y, 1, y, MPFR_RNDN);
}

/* 1 / (1 + exp -x) */
static void set_sigmoid(mpfr_t y, const mpfr_t x) {
    mpfr_neg(y, x, MPFR_RNDN);
    mpfr_exp(y, y, MPFR_RNDN);
    mpfr_add_ui(y, y, 1, MPFR_RNDN);
    mpfr_ui_div(y, 1, y, MPFR_RNDN);
}

static void set_silu(mpfr_t y, const mpfr_t x) {
    set_sigmoid(y, x);
    mpfr_mul(y, y, x, MPFR_RNDN);
}

/* log(1 + exp x), or what PyTorch computes in its place; below -1000 exp x, to more bits than there are. */
static void set_softplus(mpfr_t y, const mpfr_t x) {
    if (mpfr_cmp_si(x, 20) > 0) {
        mpfr_set(y, x, MPFR_RNDN);
        return;
    }
    mpfr_exp(y, x, MPFR_RNDN);
    if (mpfr_cmp_si(x, -1000) >= 0) mpfr_log1p(y, y, MPFR_RNDN);
}

/* x / 2 erfc(-x / sqrt 2) */
static void set_gelu(mpfr_t y, const mpfr_t x) {
    mpfr_set_d(y, 0.5, MPFR_RNDN);
    mpfr_sqrt(y, y, MPFR_RNDN);
    mpfr_mul(y, y, x, MPFR_RNDN);
    mpfr_neg(y, y, MPFR_RNDN);
    mpfr_erfc(y, y, MPFR_RNDN);
    mpfr_mul(y, y, x, MPFR_RNDN);
    mpfr_div_2ui(y, y, 1, MPFR_RNDN);
}

static void set_exact(function f, mpfr_t y, const mpfr_t x, const mpfr_t z) {
    switch (f) {
#define FUNCTION(name, operation, estimate, exact)                                                                     \
    case F_##name:                                                                                                     \
        exact;                                                                                                         \
        break;
#include "functions.def"
#undef FUNCTION
    default: break;
    }
}

void function_exact(function f, mpfr_t y, double x, double z) {
    mpfr_t a, b;
    mpfr_init2(a, 53);
    mpfr_init2(b, 53);
    mpfr_set_d(a, x, MPFR_RNDN);
    mpfr_set_d(b, z, MPFR_RNDN);
    set_exact(f, y, a, b);
    mpfr_clears(a, b, (mpfr_ptr)0);
}
