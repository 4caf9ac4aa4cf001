/* tests/scale/main.c - runs what tests/scale/scale.h declares and prints what it took:
 *
 *     build/tests/scale              everything that this machine has the memory for, up to MEMORY GiB (10)
 *     build/tests/scale --quick      the same on a small scale
 *     build/tests/scale huge_views   only that */
#define _DEFAULT_SOURCE /* wait4 */
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scale.h"

enum { STACK = 256 << 10, HUGE_EXTRA = 1000 };

static const int64_t huge = (INT64_C(1) << 31) + HUGE_EXTRA;

typedef struct {
    const char *name;
    program *run;
    int64_t quick, full;
    double gib; /* of memory at full size */
} measured;

static const measured programs[] = {
    {"long_chain_of_numbers", long_chain_of_numbers, 20000, 10000000, 5},
    {"long_chain_of_vectors", long_chain_of_vectors, 20000, 10000000, 7},
    {"long_chain_twice", long_chain_twice, 5000, 1000000, 2.2},
    {"doubled_graph", doubled_graph, 40, 40, 0.1},
    {"doubled_pending", doubled_pending, 40, 40, 0.1},
    {"long_pending_chain", long_pending_chain, 100000, 10000000, 0.1},
    {"many_kept_tensors", many_kept_tensors, 20000, 10000000, 7},
    {"one_tensor_used_often", one_tensor_used_often, 10000, 1000000, 2},
    {"many_tensors_joined", many_tensors_joined, 1000, 100000, 0.5},
    {"training_loop", training_loop, 20000, 1000000, 0.1},
    {"huge_views", huge_views, huge, huge, 0.1},
    {"huge_reductions", huge_reductions, 100000, huge, 8.5},
    {"huge_bools", huge_bools, 100000, huge, 8.5},
    {"huge_file", huge_file, 100000, huge, 6.1},
    {"huge_floats", huge_floats, 100000, huge, 8.5},
    {"huge_pending", huge_pending, 100000, huge, 8.5},
    {"huge_gradients", huge_gradients, 100000, huge, 8.5},
    {"huge_product", huge_product, 100000, huge, 8.5},
    {"huge_softmax", huge_softmax, 100000, huge, 8.5},
    {"huge_cumsum", huge_cumsum, 100000, huge, 8.5},
    {"huge_sort", huge_sort, 100000, huge, 44},
};
enum { PROGRAMS = sizeof programs / sizeof *programs };

/* The number that the file path has in the line that begins with name; -1 where there is none. */
static long long kib_in(const char *path, const char *name) {
    char line[200];
    long long kib = -1;
    FILE *file = fopen(path, "r");
    while (file && kib < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) kib = atoll(line + strlen(name));
    if (file) fclose(file);
    return kib;
}

/* Linux counts the pages for this file; those of /proc/self/statm may be some hundred KiB late. */
int64_t resident_bytes(void) {
    long long kib = kib_in("/proc/self/smaps_rollup", "Rss:");
    return kib < 0 ? 0 : kib * 1024;
}

/* What the system could give to a program now; nothing is known where it does not say. */
static double available_gib(void) {
    long long kib = kib_in("/proc/meminfo", "MemAvailable:");
    return kib < 0 ? 1e9 : (double)kib / (1 << 20);
}

static double seconds_of(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- one program ------------------------------------------------------------------------------------------------- */

typedef struct {
    program *run;
    int64_t size;
} work;

static void *on_small_stack(void *context) {
    const work *w = context;
    at_set_error_mode(AT_ERROR_RETURN);
    int64_t tensors = at_live_tensors(), bytes = at_live_bytes();
    AT_SCOPE { w->run(w->size); }
    WANT(!at_error());
    WANT(at_live_tensors() == tensors && at_live_bytes() == bytes);
    return NULL;
}

static void run_in_child(work w) {
    pthread_attr_t attributes;
    pthread_t thread;
    WANT(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, STACK) == 0);
    WANT(pthread_create(&thread, &attributes, on_small_stack, &w) == 0 && pthread_join(thread, NULL) == 0);
    pthread_attr_destroy(&attributes);
    fflush(stdout);
    _exit(EXIT_SUCCESS);
}

static bool run(const measured *m, int64_t size) {
    double begin = seconds();
    int status = 0;
    struct rusage usage;
    printf("%-22s %11lld ", m->name, (long long)size);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) run_in_child((work){m->run, size});
    if (child < 0 || wait4(child, &status, 0, &usage) != child) return false;
    if (status != 0) {
        printf("failed: %s %d\n", WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        return false;
    }
    double processor = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    printf("%8.2f s %8.2f s %9.1f MiB\n", seconds() - begin, processor, (double)usage.ru_maxrss / 1024);
    return true;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static bool is_chosen(const char *name, int argc, char **argv) {
    bool any = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) return true;
        any = any || strcmp(argv[i], "--quick") != 0;
    }
    return !any;
}

int main(int argc, char **argv) {
    const char *memory = getenv("MEMORY");
    double limit = memory && *memory ? atof(memory) : 10;
    bool quick = false;
    int passed = 0, failed = 0, skipped = 0;
    for (int i = 1; i < argc; i++) quick = quick || strcmp(argv[i], "--quick") == 0;
    printf("%-22s %11s %10s %10s %13s\n", "program", "size", "time", "processor", "memory");
    for (int i = 0; i < PROGRAMS; i++) {
        const measured *m = &programs[i];
        if (!is_chosen(m->name, argc, argv)) continue;
        double available = available_gib();
        if (!quick && (m->gib > limit || m->gib + 1 > available)) {
            printf("%-22s %11lld skipped: takes %.1f GiB; %.1f are available, MEMORY=%g allowed\n", m->name,
                   (long long)m->full, m->gib, available, limit);
            skipped++;
        } else if (run(m, quick ? m->quick : m->full)) {
            passed++;
        } else {
            failed++;
        }
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return passed > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
