/* bench/scaling.c - a Nadaraya-Watson training step from 10 to 20,000 queries, beside the hand-written limit and
 * PyTorch, drawn by atled's own plot library into the file that FIGURE names.
 *
 * All queries have the same n keys and values, which are stored once (PyTorch expands them): as matrices they alone
 * would need 3.2 GB in the end. An n whose weights would not fit into what memory is free is left out. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE /* _SC_AVPHYS_PAGES */
#include <atled-plot.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/nw.h"

static const int sizes[] = {10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000};
enum { SIZES = sizeof sizes / sizeof *sizes };

typedef struct {
    int count;
    double n[SIZES], seconds[SIZES];
} curve;

static void add_point(curve *c, int n, double ns) {
    if (isnan(ns)) return;
    c->n[c->count] = n;
    c->seconds[c->count++] = ns * 1e-9;
}

enum { TORCH_MOST = 10000 }; /* beyond, a step of PyTorch's takes a quarter of a minute */

/* Room for that many (n, n) arrays. */
static bool fits(int n, double arrays) {
    double free_bytes = (double)sysconf(_SC_AVPHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    return arrays * n * n * sizeof(float) < free_bytes;
}

static bench_times measure(const char *work, int n, nw_form form, bool torch) {
    nw_problem p;
    bench_times times = {NAN, NAN, NAN};
    char size[32];
    snprintf(size, sizeof size, "n = %d", n);
    AT_SCOPE {
        nw_begin(&p, n, form);
        torch = torch && bench_torch("from nw_step import *; step = training_step(%d, expanded=True)", n);
        times = bench_measure(
            (bench_row){work, size, nw_step, nw_limit_step, &p, "hand-written", torch ? "step()" : NULL, 0, 1, 1});
        nw_end(&p);
    }
    return times;
}

static void draw(at_figure *figure, const curve *c, const char *label) {
    if (c->count == 0) return;
    at_tensor *n = at_from_doubles(c->n, c->count), *seconds = at_from_doubles(c->seconds, c->count);
    at_figure_line(figure, n, seconds, .label = label);
}

int main(int argc, char **argv) {
    curve atled = {0}, fused = {0}, limit = {0}, torch = {0};
    const char *path = getenv("FIGURE");
    bench_begin(argc, argv);
    for (int i = 0; i < SIZES && sizes[i] <= (bench_quick ? 500 : 20000); i++) {
        int n = sizes[i];
        bench_times t = measure("NW step, shared keys, weights not stored", n, NW_FUSED, false);
        add_point(&fused, n, t.atled);
        add_point(&limit, n, t.limit);
        if (!fits(n, 3)) continue;
        t = measure("NW step, shared keys", n, NW_SHARED_KEYS, n <= TORCH_MOST && fits(n, 9));
        add_point(&atled, n, t.atled);
        add_point(&torch, n, t.torch);
    }
    if (!path || !*path) return 0;
    at_figure *figure =
        at_figure_new(.title = "One training step", .xlabel = "queries and keys", .ylabel = "time in seconds",
                      .xlog = true, .ylog = true, .width = 620, .height = 460);
    draw(figure, &torch, bench_torch_name());
    draw(figure, &atled, "atled");
    draw(figure, &fused, "atled, weights not stored");
    draw(figure, &limit, "hand-written limit");
    bool saved = at_figure_save(figure, path);
    at_figure_free(figure);
    return saved ? 0 : 1;
}
