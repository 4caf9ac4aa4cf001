/* tests/conformance/main.c - the ONNX project's test cases, run through atled's public functions.
 *
 * build/tests/conformance [--list] [part of a name]...: runs the cases whose names contain one of the parts, or all,
 * each deferred and eager, and prints how many passed and why others were skipped; with --list a line for each case.
 * The data are in the folder that ONNX_DATA names, otherwise where Debian's libonnx-testdata puts them. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../atled.h"
#include "onnx_case.h"

enum { MAX_REASONS = 64, TEXT = 600 };

static const char *const folders[] = {"node", "simple", "pytorch-operator", "pytorch-converted"};

static struct {
    bool list;
    char **parts;
    int n_parts;
    int passed, failed, skipped;
    struct {
        char text[TEXT];
        int cases;
    } reasons[MAX_REASONS];
    int n_reasons;
} total;

static bool is_wanted(const char *name) {
    for (int i = 0; i < total.n_parts; i++)
        if (strstr(name, total.parts[i])) return true;
    return total.n_parts == 0;
}

static void count_reason(const char *text) {
    int i = 0;
    while (i < total.n_reasons && strcmp(total.reasons[i].text, text) != 0) i++;
    if (i == MAX_REASONS) return;
    if (i == total.n_reasons) snprintf(total.reasons[total.n_reasons++].text, TEXT, "%s", text);
    total.reasons[i].cases++;
}

static outcome run_both_ways(const char *folder, char *text) {
    at_set_eager(false);
    outcome deferred = run_case(folder, text, TEXT);
    if (deferred != PASSED) return deferred;
    at_set_eager(true);
    return run_case(folder, text, TEXT);
}

static void run_and_count(const char *folder, const char *name) {
    static const char *const words[] = {[PASSED] = "passed ", [FAILED] = "FAILED ", [SKIPPED] = "skipped"};
    char text[TEXT] = "";
    outcome result = run_both_ways(folder, text);
    if (result == FAILED || total.list) printf("%s  %s%s%s\n", words[result], name, *text ? ": " : "", text);
    if (result == SKIPPED) count_reason(text);
    total.passed += result == PASSED;
    total.failed += result == FAILED;
    total.skipped += result == SKIPPED;
}

static int is_case(const struct dirent *entry) { return strncmp(entry->d_name, "test_", 5) == 0; }

static void run_folder(const char *data, const char *kind) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", data, kind);
    struct dirent **entries;
    int n = scandir(path, &entries, is_case, alphasort);
    for (int i = 0; i < n; i++) {
        char folder[800], name[512];
        snprintf(folder, sizeof folder, "%s/%s", path, entries[i]->d_name);
        snprintf(name, sizeof name, "%s/%s", kind, entries[i]->d_name);
        if (is_wanted(name)) run_and_count(folder, name);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

static void print_reasons(void) {
    for (int most = total.skipped; most > 0; most--)
        for (int i = 0; i < total.n_reasons; i++)
            if (total.reasons[i].cases == most) printf("%5d skipped  %s\n", most, total.reasons[i].text);
}

int main(int argc, char **argv) {
    total.list = argc > 1 && strcmp(argv[1], "--list") == 0;
    total.parts = argv + 1 + total.list;
    total.n_parts = argc - 1 - total.list;
    const char *data = getenv("ONNX_DATA");
    if (!data) data = "/usr/share/libonnx-testdata/data";

    at_set_error_mode(AT_ERROR_RETURN);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) run_folder(data, folders[i]);
    print_reasons();
    printf("%d passed, %d failed, %d skipped\n", total.passed, total.failed, total.skipped);
    if (total.passed == 0 && total.failed == 0) fprintf(stderr, "conformance: no case was run from %s\n", data);
    return total.passed > 0 && total.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
