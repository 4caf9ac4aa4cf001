/* data/progress.c - a bar that grows on a terminal. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "data.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

at_progress at_progress_begin(const char *label, int64_t total) {
    at_progress bar = {label ? label : "", total, 0, total > 0 && isatty(STDERR_FILENO), now(), 0};
    return bar;
}

static void print_time(double seconds) {
    int64_t s = (int64_t)seconds;
    fprintf(stderr, "%02" PRId64 ":%02" PRId64, s / 60, s % 60);
}

static void draw(const at_progress *bar, const char *note, va_list arguments) {
    enum { WIDTH = 25 };
    int64_t done = bar->done < bar->total ? bar->done : bar->total;
    double part = (double)done / (double)bar->total, elapsed = bar->drawn - bar->begun;
    char cells[WIDTH + 1];
    memset(cells, ' ', WIDTH);
    memset(cells, '#', (size_t)(part * WIDTH));
    cells[WIDTH] = '\0';
    fprintf(stderr, "\r%s %3d %% |%s| %" PRId64 "/%" PRId64 " ", bar->label, (int)(part * 100), cells, bar->done,
            bar->total);
    print_time(elapsed);
    fputs(" < ", stderr); /* what it will take yet */
    print_time(elapsed / part - elapsed);
    fputs("  ", stderr);
    vfprintf(stderr, note, arguments);
    fputs("\033[K", stderr); /* nothing of a longer line stays behind it */
    fflush(stderr);
}

void at_progress_step(at_progress *bar, const char *note, ...) {
    const double pause = 0.1;
    bar->done++;
    if (!bar->shown) return;
    double time = now();
    if (bar->done < bar->total && time - bar->drawn < pause) return;
    bar->drawn = time;
    va_list arguments;
    va_start(arguments, note);
    draw(bar, note, arguments);
    va_end(arguments);
}

void at_progress_end(at_progress *bar) {
    if (bar->shown) fputc('\n', stderr);
    bar->shown = false;
}
