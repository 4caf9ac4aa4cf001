/* tests/accuracy/main.c - how exact atled's numbers are, beside MPFR's.
 *
 * build/tests/accuracy [--every N] [--samples N] [--hard-inputs FILE] [function]...: the largest errors of the functions
 * named ("softmax" and "sums" as well), or of all, as Markdown tables, at each kernel level of this processor.
 *
 *   --every N            of the blocks of 2^16 neighbouring float32 numbers only each Nth, a prime at best
 *   --samples N          so many times 2^16 samples of float64 functions and of powers
 *   --elements N         sums of so many elements, in place of 10^8
 *   --hard-inputs FILE   write the inputs with the largest errors, for tests/test_vector_math.c
 *
 * It fails where an error is above what each table allows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

static struct {
    int every, samples, elements;
    FILE *hard_inputs;
    char **names;
    int n_names;
    bool failed;
} run = {.every = 1, .samples = 32, .elements = 100000000};

static bool is_wanted(const char *name) {
    for (int i = 0; i < run.n_names; i++)
        if (strcmp(name, run.names[i]) == 0) return true;
    return run.n_names == 0;
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static const double allowed = 2.5; /* ulp */

static void print_row(function f, at_dtype dtype, const worst *w) {
    worst_input largest = {.error = -1};
    printf("| %s |", function_name(f));
    for (int l = 0; l < MAX_LEVELS; l++) {
        worst_input of_level = worst_of_level(w, l);
        worst_note(&largest, of_level.error, of_level.x, of_level.z);
        if (of_level.error < 0)
            printf(" |");
        else
            printf(" %.4f |", of_level.error);
    }
    if (has_two_operands(f))
        printf(" %a, %a |\n", largest.x, largest.z);
    else
        printf(" %a |\n", largest.x);
    fflush(stdout);
    if (largest.error > allowed) run.failed = true;
    if (run.hard_inputs) write_hard_inputs(run.hard_inputs, f, dtype, w);
}

static void print_heading(const char *title) {
    printf("\n| %s |", title);
    for (int l = 0; l < MAX_LEVELS; l++) printf(" %s |", level_names[l]);
    printf(" worst input |\n|---|--:|--:|--:|---|\n");
}

static void measure_functions(at_dtype dtype) {
    static worst w;
    print_heading(dtype == AT_FLOAT32 ? "float32" : "float64");
    for (int f = 0; f < N_FUNCTIONS; f++) {
        if (!is_wanted(function_name((function)f))) continue;
        if (dtype == AT_FLOAT32 && !has_two_operands((function)f))
            measure_all((function)f, run.every, &w);
        else
            measure_sample((function)f, dtype, run.samples, &w);
        print_row((function)f, dtype, &w);
    }
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

static int number_after(char **argv, int *i) {
    int n = argv[*i + 1] ? atoi(argv[++*i]) : 0;
    if (n > 0) return n;
    fprintf(stderr, "accuracy: %s: want a positive number\n", argv[*i]);
    exit(EXIT_FAILURE);
}

static FILE *file_after(char **argv, int *i) {
    FILE *file = argv[*i + 1] ? fopen(argv[++*i], "w") : NULL;
    if (file) return file;
    fprintf(stderr, "accuracy: %s: cannot write it\n", argv[*i]);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
    run.names = argv + argc;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--every") == 0) {
            run.every = number_after(argv, &i);
        } else if (strcmp(argv[i], "--samples") == 0) {
            run.samples = number_after(argv, &i);
        } else if (strcmp(argv[i], "--elements") == 0) {
            run.elements = number_after(argv, &i);
        } else if (strcmp(argv[i], "--hard-inputs") == 0) {
            run.hard_inputs = file_after(argv, &i);
            begin_hard_inputs(run.hard_inputs);
        } else {
            run.names = argv + i, run.n_names = argc - i;
            break;
        }
    }
    measure_functions(AT_FLOAT32);
    measure_functions(AT_FLOAT64);
    if (is_wanted("softmax") && !measure_softmax()) run.failed = true;
    if (is_wanted("sums") && !measure_sums(run.elements)) run.failed = true;
    return run.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
