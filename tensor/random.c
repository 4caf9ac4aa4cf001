/* random.c - random numbers: the MT19937 generator, uniform and normal numbers, integers and permutations.
 *
 * The streams are those of torch's CPU generator, value for value. That fixes which draws make a number and in which
 * order, and it fixes the arithmetic down to the fused multiply-adds, so every rounding below is deliberate. */
#include "random.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "internal.h"

#define PI 3.14159265358979323846

/* ---- the generator ----------------------------------------------------------------------------------------------- */

enum { WORDS = TN_GENERATOR_WORDS, SHIFT = 397 };

void tn_generator_seed(tn_generator *g, uint64_t seed) {
    g->words[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < WORDS; i++) {
        uint32_t previous = g->words[i - 1];
        g->words[i] = 1812433253u * (previous ^ previous >> 30) + i;
    }
    g->position = WORDS;
    g->has_spare = false;
    g->spare = 0;
}

/* The highest bit of one word and the rest of its successor, times the generator's matrix. */
static inline uint32_t twist(uint32_t word, uint32_t successor) {
    uint32_t joined = (word & 0x80000000u) | (successor & 0x7fffffffu);
    return joined >> 1 ^ (successor & 1u ? 0x9908b0dfu : 0u);
}

static void next_state(tn_generator *g) {
    uint32_t *w = g->words;
    for (int i = 0; i < WORDS - SHIFT; i++) w[i] = w[i + SHIFT] ^ twist(w[i], w[i + 1]);
    for (int i = WORDS - SHIFT; i < WORDS - 1; i++) w[i] = w[i + SHIFT - WORDS] ^ twist(w[i], w[i + 1]);
    w[WORDS - 1] = w[SHIFT - 1] ^ twist(w[WORDS - 1], w[0]);
    g->position = 0;
}

static inline uint32_t temper(uint32_t word) {
    word ^= word >> 11;
    word ^= word << 7 & 0x9d2c5680u;
    word ^= word << 15 & 0xefc60000u;
    return word ^ word >> 18;
}

/* The next n words of the stream. */
static void draw_words(tn_generator *g, int n, uint32_t *out) {
    while (n > 0) {
        if (g->position == WORDS) next_state(g);
        int left = WORDS - g->position, count = n < left ? n : left;
        const uint32_t *w = g->words + g->position;
        for (int i = 0; i < count; i++) out[i] = temper(w[i]);
        g->position += count;
        out += count;
        n -= count;
    }
}

/* Two words make a number of 64 bits, the first one drawn its high half. */
static inline uint64_t join_words(const uint32_t *pair) { return (uint64_t)pair[0] << 32 | pair[1]; }

/* ---- uniform numbers --------------------------------------------------------------------------------------------- */

/* Numbers are converted a chunk at a time, while the words are in the first-level cache. */
enum { CHUNK = 512 };

static inline int chunk_at(int64_t i, int64_t n) { return n - i < CHUNK ? (int)(n - i) : CHUNK; }

/* On [0, 1): the low 24 bits of a word. */
static void unit_f32(tn_generator *g, int64_t n, float *out) {
    uint32_t words[CHUNK];
    for (int64_t i = 0; i < n; i += CHUNK) {
        int count = chunk_at(i, n);
        draw_words(g, count, words);
        for (int j = 0; j < count; j++) out[i + j] = (float)(int32_t)(words[j] & 0xffffffu) * 0x1p-24f;
    }
}

/* On [0, 1): the low 53 bits of two words. */
static void unit_f64(tn_generator *g, int64_t n, double *out) {
    uint32_t words[2 * CHUNK];
    for (int64_t i = 0; i < n; i += CHUNK) {
        int count = chunk_at(i, n);
        draw_words(g, 2 * count, words);
        for (int j = 0; j < count; j++) {
            int64_t low_bits = (int64_t)(join_words(words + 2 * j) & ((UINT64_C(1) << 53) - 1));
            out[i + j] = (double)low_bits * 0x1p-53;
        }
    }
}

void tn_fill_uniform_f32(tn_generator *g, int64_t n, double low, double high, float *out) {
    unit_f32(g, n, out);
    if (low == 0 && high == 1) return;
    float base = (float)low, width = (float)high - base;
    for (int64_t i = 0; i < n; i++) out[i] = fmaf(out[i], width, base);
}

void tn_fill_uniform_f64(tn_generator *g, int64_t n, double low, double high, double *out) {
    unit_f64(g, n, out);
    if (low == 0 && high == 1) return;
    for (int64_t i = 0; i < n; i++) out[i] = fma(out[i], high - low, low);
}

/* ---- normal numbers: the method of Box and Muller ---------------------------------------------------------------- */

/* Two uniform numbers u, v make two normal ones: sqrt(-2 log u) times the cosine and the sine of 2 pi v. From SMALL
 * elements on, the array itself is filled with uniforms and transformed in runs of SMALL; fewer are drawn one by one. */
enum { SMALL = 16, HALF = SMALL / 2 };

static double draw_normal(tn_generator *g) {
    if (g->has_spare) {
        g->has_spare = false;
        return g->spare;
    }
    double u[2];
    unit_f64(g, 2, u);
    double angle = 2 * PI * u[0], radius = sqrt(-2 * log(1 - u[1]));
    g->spare = radius * sin(angle);
    g->has_spare = true;
    return radius * cos(angle);
}

static void transform_run_f64(double *x, double mean, double std) {
    for (int j = 0; j < HALF; j++) {
        double angle = 2 * PI * x[j + HALF], radius = sqrt(-2 * log(1 - x[j]));
        x[j] = fma(radius * cos(angle), std, mean);
        x[j + HALF] = fma(radius * sin(angle), std, mean);
    }
}

void tn_fill_normal_f64(tn_generator *g, int64_t n, double mean, double std, double *out) {
    if (n < SMALL) {
        for (int64_t i = 0; i < n; i++) out[i] = fma(draw_normal(g), std, mean);
        return;
    }
    unit_f64(g, n, out);
    for (int64_t i = 0; i + SMALL <= n; i += SMALL) transform_run_f64(out + i, mean, std);
    if (n % SMALL != 0) {
        unit_f64(g, SMALL, out + n - SMALL);
        transform_run_f64(out + n - SMALL, mean, std);
    }
}

/* float32 takes its logarithm, sine and cosine from the single-precision polynomials of the Cephes library, as torch's
 * vector code does; others, even more accurate ones, would differ from it in the last digit. Products that are added to
 * something are fused throughout. */

#if defined(__GNUC__)
#define INLINED static inline __attribute__((always_inline)) /* so as to become part of what is compiled twice below */
#else
#define INLINED static inline
#endif

/* Of 0 < x <= 1. */
INLINED float log_f32(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const int32_t sqrt_half_bits = 0x3f3504f3;
    int32_t exponent_bits = (bits - sqrt_half_bits) & ~0x007fffff, m_bits = bits - exponent_bits;
    float e = (float)(exponent_bits >> 23), m; /* x = 2^e * m with sqrt(1/2) <= m < sqrt(2), then 2^e * (1 + m) */
    memcpy(&m, &m_bits, sizeof m);
    m = m - 1;

    float squared = m * m;
    float y = fmaf(7.0376836292e-2f, m, -1.1514610310e-1f);
    y = fmaf(y, m, 1.1676998740e-1f);
    y = fmaf(y, m, -1.2420140846e-1f);
    y = fmaf(y, m, 1.4249322787e-1f);
    y = fmaf(y, m, -1.6668057665e-1f);
    y = fmaf(y, m, 2.0000714765e-1f);
    y = fmaf(y, m, -2.4999993993e-1f);
    y = fmaf(y, m, 3.3333331174e-1f);
    float cubic = y * m, low_part = e * -2.12194440e-4f; /* log 2 in two parts, the high one exact times e */
    y = fmaf(cubic, squared, low_part);
    y = fmaf(squared, -0.5f, y);
    y = m + y;
    return fmaf(e, 0.693359375f, y);
}

/* Of 0 <= x <= 2 pi. */
INLINED void sine_cosine_f32(float x, float *sine, float *cosine) {
    int32_t octant = ((int32_t)(x * 1.27323954473516f) + 1) & ~1;
    float k = (float)octant;
    float r = fmaf(k, -0.78515625f, x); /* x - k pi / 4, with pi / 4 in three parts */
    r = fmaf(k, -2.4187564849853515625e-4f, r);
    r = fmaf(k, -3.77489497744594108e-8f, r);
    float squared = r * r, half_squared = squared * 0.5f;

    float c = fmaf(2.443315711809948e-5f, squared, -1.388731625493765e-3f);
    c = fmaf(c, squared, 4.166664568298827e-2f);
    c = c * squared;
    c = fmaf(c, squared, -half_squared);
    c = c + 1;
    float s = fmaf(-1.9515295891e-4f, squared, 8.3321608736e-3f);
    s = fmaf(s, squared, -1.6666654611e-1f);
    s = s * squared;
    s = fmaf(s, r, r);

    bool swap = octant & 2, minus_sine = octant & 4, minus_cosine = (octant + 2) & 4;
    float abs_sine = swap ? c : s, abs_cosine = swap ? s : c, negated_sine = -abs_sine, negated_cosine = -abs_cosine;
    *sine = minus_sine ? negated_sine : abs_sine;
    *cosine = minus_cosine ? negated_cosine : abs_cosine;
}

/* Several runs at a time, as loops of a fixed length turn into vector instructions at any level of optimisation. */
enum { RUNS = 8, PAIRS = RUNS * HALF };

INLINED void transform_pairs_f32(float *u, float *v, float mean, float std) {
    float radius[PAIRS];
    for (int j = 0; j < PAIRS; j++) radius[j] = -2 * log_f32(1 - u[j]);
    for (int j = 0; j < PAIRS; j++) radius[j] = sqrtf(radius[j]);
    for (int j = 0; j < PAIRS; j++) {
        float sine, cosine;
        sine_cosine_f32((float)(2 * PI) * v[j], &sine, &cosine);
        float along = radius[j] * cosine, across = radius[j] * sine;
        u[j] = fmaf(along, std, mean);
        v[j] = fmaf(across, std, mean);
    }
}

INLINED void transform_runs_f32(int64_t n_runs, float *x, float mean, float std) {
    const size_t half_bytes = HALF * sizeof(float);
    for (int64_t first = 0; first < n_runs; first += RUNS) {
        float u[PAIRS] = {0}, v[PAIRS] = {0};
        int64_t count = n_runs - first < RUNS ? n_runs - first : RUNS;
        float *run = x + first * SMALL;
        for (int64_t i = 0; i < count; i++) {
            memcpy(u + i * HALF, run + i * SMALL, half_bytes);
            memcpy(v + i * HALF, run + i * SMALL + HALF, half_bytes);
        }
        transform_pairs_f32(u, v, mean, std);
        for (int64_t i = 0; i < count; i++) {
            memcpy(run + i * SMALL, u + i * HALF, half_bytes);
            memcpy(run + i * SMALL + HALF, v + i * HALF, half_bytes);
        }
    }
}

#if defined(__x86_64__) && defined(__GNUC__)
/* Compiled a second time for newer processors: older ones have no fused multiply-add, and fmaf is a slow call there. */
__attribute__((target("avx2,fma"))) static void transform_runs_fma(int64_t n_runs, float *x, float mean, float std) {
    transform_runs_f32(n_runs, x, mean, std);
}
static bool have_fma(void) { return strcmp(tn_kernels_get()->level, "baseline") != 0; }
#else
#define transform_runs_fma transform_runs_f32
static bool have_fma(void) { return true; }
#endif

void tn_fill_normal_f32(tn_generator *g, int64_t n, double mean, double std, float *out) {
    if (n < SMALL) {
        for (int64_t i = 0; i < n; i++) out[i] = (float)fma(draw_normal(g), std, mean);
        return;
    }
    void (*transform)(int64_t, float *, float, float) = have_fma() ? transform_runs_fma : transform_runs_f32;
    unit_f32(g, n, out);
    transform(n / SMALL, out, (float)mean, (float)std);
    if (n % SMALL != 0) {
        unit_f32(g, SMALL, out + n - SMALL);
        transform(1, out + n - SMALL, (float)mean, (float)std);
    }
}

/* ---- integers and permutations ----------------------------------------------------------------------------------- */

/* The remainder of a word, or of two words where the range needs more than 32 bits. */
void tn_fill_integers(tn_generator *g, int64_t n, int64_t low, int64_t high, int64_t *out) {
    uint64_t base = (uint64_t)low, range = (uint64_t)high - base;
    bool wide = range > UINT32_MAX;
    uint32_t words[2 * CHUNK];
    for (int64_t i = 0; i < n; i += CHUNK) {
        int count = chunk_at(i, n);
        draw_words(g, wide ? 2 * count : count, words);
        if (wide) {
            for (int j = 0; j < count; j++) out[i + j] = (int64_t)(base + join_words(words + 2 * j) % range);
        } else {
            for (int j = 0; j < count; j++) out[i + j] = (int64_t)(base + words[j] % (uint32_t)range);
        }
    }
}

int64_t tn_draw_seed(tn_generator *g) {
    uint32_t pair[2];
    draw_words(g, 2, pair);
    return (int64_t)(join_words(pair) & INT64_MAX);
}

/* The shuffle of Fisher and Yates, from the front. */
void tn_fill_permutation(tn_generator *g, int64_t n, int64_t *out) {
    for (int64_t i = 0; i < n; i++) out[i] = i;
    uint32_t words[CHUNK];
    for (int64_t i = 0; i < n - 1; i += CHUNK) {
        int count = chunk_at(i, n - 1);
        draw_words(g, count, words);
        for (int j = 0; j < count; j++) {
            int64_t *here = out + i + j;
            int64_t *there = here + words[j] % (uint64_t)(n - i - j);
            int64_t kept = *here;
            *here = *there;
            *there = kept;
        }
    }
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

void at_manual_seed(uint64_t seed) { tn_generator_seed(tn_thread_generator(), seed); }

/* Names the function for errors, of memory too, and checks the shape that it is to make. */
static bool begin(const char *function, const at_shape *shape) {
    tn_thread_set_operation(function);
    return tn_check_shape(function, shape);
}

static at_tensor *uniform(at_dtype dtype, const at_shape *shape) {
    void *data;
    at_tensor *t = tn_tensor_new(dtype, shape, &data);
    if (t == NULL) return NULL;
    int64_t n = tn_shape_numel(shape);
    tn_generator *g = tn_thread_generator();
    if (dtype == AT_FLOAT32)
        tn_fill_uniform_f32(g, n, 0, 1, data);
    else
        tn_fill_uniform_f64(g, n, 0, 1, data);
    return t;
}

static at_tensor *normal(at_dtype dtype, const at_shape *shape, double mean, double std) {
    void *data;
    at_tensor *t = tn_tensor_new(dtype, shape, &data);
    if (t == NULL) return NULL;
    int64_t n = tn_shape_numel(shape);
    tn_generator *g = tn_thread_generator();
    if (dtype == AT_FLOAT32)
        tn_fill_normal_f32(g, n, mean, std, data);
    else
        tn_fill_normal_f64(g, n, mean, std, data);
    return t;
}

at_tensor *at_rand_shape(at_shape shape) {
    if (!begin("rand", &shape)) return NULL;
    return uniform(at_default_dtype(), &shape);
}

at_tensor *at_randn_shape(at_shape shape) {
    if (!begin("randn", &shape)) return NULL;
    return normal(at_default_dtype(), &shape, 0, 1);
}

at_tensor *at_normal_shape(double mean, double std, at_shape shape) {
    if (!begin("normal", &shape)) return NULL;
    if (isnan(std)) return tn_fail(AT_ERROR_VALUE, "normal: std must not be NaN");
    if (std < 0) return tn_fail(AT_ERROR_VALUE, "normal: std %g must not be negative", std);
    return normal(at_default_dtype(), &shape, mean, std);
}

at_tensor *at_randint_shape(int64_t low, int64_t high, at_shape shape) {
    if (!begin("randint", &shape)) return NULL;
    if (low >= high) return tn_fail(AT_ERROR_VALUE, "randint: low %" PRId64 " must be below high %" PRId64, low, high);
    void *data;
    at_tensor *t = tn_tensor_new(AT_INT64, &shape, &data);
    if (t != NULL) tn_fill_integers(tn_thread_generator(), tn_shape_numel(&shape), low, high, data);
    return t;
}

at_tensor *at_randperm(int64_t n) {
    if (n < 0) return tn_fail(AT_ERROR_VALUE, "randperm: n %" PRId64 " must not be negative", n);
    at_shape shape = at_shape_from(1, &n);
    if (!begin("randperm", &shape)) return NULL;
    void *data;
    at_tensor *t = tn_tensor_new(AT_INT64, &shape, &data);
    if (t != NULL) tn_fill_permutation(tn_thread_generator(), n, data);
    return t;
}

static bool begin_like(const char *function, at_tensor *t) {
    tn_thread_set_operation(function);
    if (t == NULL) return tn_fail_null(function, "t"), false;
    if (tn_is_floating(at_dtype_of(t))) return true;
    tn_fail(AT_ERROR_DTYPE, "%s: t is %s: want a floating-point tensor", function, tn_describe(t));
    return false;
}

at_tensor *at_rand_like(at_tensor *t) {
    if (!begin_like("rand_like", t)) return NULL;
    at_shape shape = at_shape_of(t);
    return uniform(at_dtype_of(t), &shape);
}

at_tensor *at_randn_like(at_tensor *t) {
    if (!begin_like("randn_like", t)) return NULL;
    at_shape shape = at_shape_of(t);
    return normal(at_dtype_of(t), &shape, 0, 1);
}

/* ---- the generator as a tensor ----------------------------------------------------------------------------------- */

enum { POSITION = WORDS, HAS_SPARE, SPARE, STATE_SIZE }; /* behind the words; the spare as the bits of a double */

at_tensor *at_random_state(void) {
    AT_CALL("random_state");
    const tn_generator *g = tn_thread_generator();
    int64_t state[STATE_SIZE] = {0};
    for (int i = 0; i < WORDS; i++) state[i] = g->words[i];
    state[POSITION] = g->position;
    state[HAS_SPARE] = g->has_spare;
    if (g->has_spare) memcpy(&state[SPARE], &g->spare, sizeof g->spare);
    return at_from_int64s(state, STATE_SIZE);
}

bool tn_generator_read(const char *function, at_tensor *state, tn_generator *g) {
    if (state == NULL) return tn_fail_null(function, "state"), false;
    if (at_dtype_of(state) != AT_INT64 || at_ndim(state) != 1 || at_size(state, 0) != STATE_SIZE)
        return at_fail(AT_ERROR_SHAPE, "%s: state is %s: want at_random_state's int64 (%d)", function,
                       tn_describe(state), STATE_SIZE);
    const int64_t *x = at_int64s(state);
    if (x == NULL) return false;
    bool good = x[POSITION] >= 0 && x[POSITION] <= WORDS && (x[HAS_SPARE] == 0 || x[HAS_SPARE] == 1);
    for (int i = 0; i < WORDS; i++) good = good && x[i] >= 0 && x[i] <= UINT32_MAX;
    double spare;
    memcpy(&spare, &x[SPARE], sizeof spare);
    if (!good || !isfinite(spare))
        return at_fail(AT_ERROR_VALUE, "%s: these numbers are no state of the generator: want at_random_state's",
                       function);
    for (int i = 0; i < WORDS; i++) g->words[i] = (uint32_t)x[i];
    g->position = (int)x[POSITION];
    g->has_spare = x[HAS_SPARE] == 1;
    g->spare = spare;
    return true;
}

bool at_set_random_state(at_tensor *state) {
    AT_CALL("set_random_state");
    tn_generator g = *tn_thread_generator();
    if (!tn_generator_read("set_random_state", state, &g)) return false;
    *tn_thread_generator() = g;
    return true;
}
