/* bench/nw_step.c - a Nadaraya-Watson training step, as the chapter writes it, beside the hand-written limit and
 * PyTorch; and the memory that it takes beyond keys and values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/nw.h"

/* What /proc/self/status says of this process, in bytes; NaN where there is no such file. */
static double memory(const char *name) {
    char line[200];
    double kib = NAN;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) kib = atof(line + strlen(name) + 1);
    if (file) fclose(file);
    return kib * 1024;
}

/* Bytes that steps need at most, beyond what is there before them. */
static double peak_of_steps(nw_problem *p) {
    double before = memory("VmRSS");
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return NAN;
    bool reset = fputs("5", file) >= 0; /* the peak is what there is now */
    if (fclose(file) != 0 || !reset) return NAN;
    for (int i = 0; i < 3; i++)
        AT_SCOPE
            nw_step(p);
    return memory("VmHWM") - before;
}

static void make_small_step(nw_form form) {
    nw_problem p;
    AT_SCOPE {
        nw_begin(&p, 10, form);
        nw_step(&p);
        nw_end(&p);
    }
}

/* To be called before anything large has left memory to be used again: the smallest form first. */
static void measure_peak(const char *work, int n, nw_form form) {
    nw_problem p;
    char size[32];
    snprintf(size, sizeof size, "n = %d", n);
    if (!bench_wanted(work)) return;
    make_small_step(form); /* loads what the first step loads */
    AT_SCOPE {
        nw_begin(&p, n, form);
        double ours = peak_of_steps(&p), two_arrays = 2.0 * n * n * sizeof(float);
        bool torch = form == NW_OWN_KEYS && bench_torch("from nw_step import *");
        if (!isnan(ours)) bench_print(work, size, ours, two_arrays, "2 (n, n) arrays", 0, 1.01, "B");
        if (!isnan(ours) && torch)
            bench_print(work, size, ours, bench_torch_number("peak(%d)", n), bench_torch_name(), 0, 1, "B");
        nw_end(&p);
    }
}

static void measure_step(const char *work, int n, nw_form form, double target) {
    nw_problem p;
    char size[32];
    snprintf(size, sizeof size, "n = %d", n);
    if (!bench_wanted(work)) return;
    AT_SCOPE {
        nw_begin(&p, n, form);
        bench_torch("from nw_step import *; step = training_step(%d)", n);
        bench_measure((bench_row){work, size, nw_step, nw_limit_step, &p, "hand-written", "step()", target, 1, 1});
        nw_end(&p);
    }
}

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    if (bench_threads == 1) {
        measure_peak("NW step, memory, weights not stored", bench_quick ? 2000 : 5000, NW_FUSED);
        measure_peak("NW step, memory beyond keys and values", bench_quick ? 2000 : 5000, NW_OWN_KEYS);
    }
    measure_step("NW step", 50, NW_OWN_KEYS, 4);
    measure_step("NW step", 500, NW_OWN_KEYS, 3.5);
    measure_step("NW step", 2000, NW_OWN_KEYS, 3.5);
    if (!bench_quick) measure_step("NW step", 5000, NW_OWN_KEYS, 3.5);
    measure_step("NW step, weights not stored", 500, NW_FUSED, 0);
    if (!bench_quick) measure_step("NW step, weights not stored", 5000, NW_FUSED, 0);
}
