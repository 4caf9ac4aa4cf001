/* bench/programs.c - whole programs, from their start to their end: wall time and peak memory of the chapter with its
 * six figures, beside PyTorch with matplotlib; and of a program that only makes a tensor, beside one that does
 * nothing. */
#define _GNU_SOURCE /* wait4 */
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/bench.h"

enum { TURNS = BENCH_MAX_TURNS, FEW_TURNS = 3 };
extern char **environ;

typedef const char *const command[5]; /* ends with NULL */

typedef struct {
    double ns, bytes;
} cost;

/* Both NaN where the program fails. Its output goes nowhere. (The peak is never below this program's own.) */
static cost cost_of(const char *const *words) {
    pid_t child;
    int status = -1;
    struct rusage usage;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    double start = bench_seconds();
    int failed = posix_spawnp(&child, words[0], &actions, NULL, (char *const *)(uintptr_t)words, environ);
    if (!failed) wait4(child, &status, 0, &usage);
    double seconds = bench_seconds() - start;
    posix_spawn_file_actions_destroy(&actions);
    if (failed || status != 0) return (cost){NAN, NAN};
    return (cost){seconds * 1e9, (double)usage.ru_maxrss * 1024};
}

/* In turns. Of the smallest programs the memory is not told apart from this one's. */
static cost compare(const char *work, const char *size, command ours, command theirs, const char *name) {
    double ns[TURNS], bytes[TURNS], their_ns[TURNS], their_bytes[TURNS];
    int turns = bench_quick ? FEW_TURNS : TURNS;
    cost_of(ours); /* from now on the files are in memory */
    if (isnan(cost_of(theirs).ns)) return (cost){NAN, NAN};
    for (int i = 0; i < turns; i++) {
        cost a = cost_of(ours), b = cost_of(theirs);
        ns[i] = a.ns, bytes[i] = a.bytes, their_ns[i] = b.ns, their_bytes[i] = b.bytes;
    }
    double spread = bench_spread(ns, their_ns, turns);
    cost median = {bench_median(ns, turns), bench_median(bytes, turns)};
    bench_print(work, size, median.ns, bench_median(their_ns, turns), name, spread, 0, "ns");
    if (median.bytes > 4e6)
        bench_print(work, "memory", median.bytes, bench_median(their_bytes, turns), name, 0, 0, "B");
    return median;
}

/* A goal in numbers, rather than another program. */
static void print_goal(const char *work, cost c, double ns, double mebibytes) {
    if (isnan(c.ns)) return;
    bench_print(work, "", c.ns, ns, "goal", 0, 1, "ns");
    if (mebibytes > 0) bench_print(work, "memory", c.bytes, mebibytes * 1048576, "goal", 0, 1, "B");
}

static const char *file_in(const char *folder, const char *name) {
    static char paths[8][4096];
    static int used;
    char *path = paths[used++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    const char *build = getenv("BUILD"), *python = getenv("PYTHON");
    if (!build) build = "build";
    if (!python) python = "/usr/bin/python3";
    const char *out = file_in(build, "bench/out");
    mkdir(out, 0777);
    command chapter = {file_in(build, "examples/nadaraya_watson"), "--quiet", "--out", out};
    command chapter_in_python = {python, "-B", "bench/nadaraya_watson.py", out};
    command in_static = {file_in(build, "bench/start_static")}, in_shared = {file_in(build, "bench/start_shared")};
    command in_python = {python, "-B", "bench/start.py"}, nothing = {"true"};
    if (bench_wanted("main program")) {
        cost c = compare("main program", "six figures", chapter, chapter_in_python, "PyTorch and matplotlib");
        print_goal("main program", isnan(c.ns) ? cost_of(chapter) : c, 30e6, 15);
    }
    if (bench_wanted("start")) {
        print_goal("start, static library", compare("start, static library", "", in_static, nothing, "true(1)"), 3e6,
                   0);
        print_goal("start, shared library", compare("start, shared library", "", in_shared, nothing, "true(1)"), 3e6,
                   0);
        compare("start, shared library", "", in_shared, in_python, "PyTorch");
    }
}
