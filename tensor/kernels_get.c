/* tensor/kernels_get.c - which kernels this processor runs. */
#include "kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The build defines TN_HAVE_X86_LEVELS where it compiled kernels.c three times. */
#if defined(TN_HAVE_X86_LEVELS) && defined(__x86_64__) && defined(__GNUC__)
#define TN_CHOICE 1
#else
#define TN_CHOICE 0
#endif

extern const tn_kernels tn_kernels_baseline;

#if TN_CHOICE
extern const tn_kernels tn_kernels_avx2;
extern const tn_kernels tn_kernels_avx512;

static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

/* The best level that the processor has and that is not above the one wanted; NULL wants the best. */
static const tn_kernels *choose(const char *wanted) {
    bool only_baseline = wanted && strcmp(wanted, "baseline") == 0;
    bool at_most_avx2 = wanted && strcmp(wanted, "avx2") == 0;
    __builtin_cpu_init();
    if (only_baseline || !has_avx2()) return &tn_kernels_baseline;
    if (at_most_avx2 || !has_avx512()) return &tn_kernels_avx2;
    return &tn_kernels_avx512;
}
#else
static const tn_kernels *choose(const char *wanted) {
    (void)wanted;
    return &tn_kernels_baseline;
}
#endif

/* Threads that come here first at the same time choose the same. */
const tn_kernels *tn_kernels_get(void) {
    static _Atomic(const tn_kernels *) chosen;
    const tn_kernels *kernels = atomic_load_explicit(&chosen, memory_order_acquire);
    if (!kernels) {
        kernels = choose(getenv("ATLED_KERNELS"));
        atomic_store_explicit(&chosen, kernels, memory_order_release);
    }
    return kernels;
}
