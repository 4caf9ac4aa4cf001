/* tests/main.c - runs every suite, or those that its arguments name: build/tests/check random npy.
 *
 * The Makefile writes suites.inc, one SUITE(name) for each tests/test_<name>.c; such a file defines
 * Suite *<name>_suite(void). */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(name) Suite *name##_suite(void);
#include "suites.inc"
#undef SUITE

static const struct {
    const char *name;
    Suite *(*create)(void);
} suites[] = {
#define SUITE(name) {#name, name##_suite},
#include "suites.inc"
#undef SUITE
};
enum { SUITES = sizeof suites / sizeof *suites };

static Suite *create(const char *name) {
    for (int i = 0; i < SUITES; i++)
        if (strcmp(suites[i].name, name) == 0) return suites[i].create();
    fprintf(stderr, "there is no tests/test_%s.c\n", name);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
    /* No limit: Check's own 4 seconds for a test are few on a busy machine and under a sanitizer. */
    setenv("CK_DEFAULT_TIMEOUT", "0", 0);

    SRunner *runner = srunner_create(NULL);
    if (argc == 1)
        for (int i = 0; i < SUITES; i++) srunner_add_suite(runner, suites[i].create());
    for (int i = 1; i < argc; i++) srunner_add_suite(runner, create(argv[i]));
    srunner_run_all(runner, CK_ENV);
    int run = srunner_ntests_run(runner), failed = srunner_ntests_failed(runner);
    srunner_free(runner);

    if (run == 0) fprintf(stderr, "no test was run: is CK_RUN_SUITE or CK_RUN_CASE misspelt?\n");
    return run > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
