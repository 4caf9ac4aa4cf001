/* plot/animator.c - a figure that grows by a point at a time, and its file with it. */
#include "internal.h"

#include <string.h>

struct at_animator {
    at_figure *figure;
    char *path;
};

/* The look of the chapter's figures, and their colours. */
static const char *const styles[AT_ANIMATOR_SERIES] = {"-", "m--", "g-.", "r:"};

static int count_names(const char *const legend[AT_ANIMATOR_SERIES]) {
    int count = 0;
    while (count < AT_ANIMATOR_SERIES && legend[count]) count++;
    return count;
}

/* Lines need a point to begin with, which is taken away again. */
static bool add_series(at_figure *figure, const char *const legend[AT_ANIMATOR_SERIES]) {
    const int count = count_names(legend) ? count_names(legend) : 1;
    bool ok = true;
    AT_SCOPE {
        at_tensor *one = at_scalar(1);
        for (int i = 0; i < count && ok; i++) {
            ok = at_figure_line(figure, one, one, .label = legend[i], .style = styles[i]);
            if (ok) figure->series[i].count = 0;
        }
    }
    return ok;
}

at_animator *at_animator_new_with(at_animator_options o) {
    const char *function = "animator_new";
    if (!o.path) return at_fail_null(function, "path");
    const size_t path_bytes = strlen(o.path) + 1;
    AT_CALL(function);
    at_animator *animator = at_allocate(function, sizeof *animator);
    if (!animator) return NULL;
    animator->path = at_allocate(function, path_bytes);
    if (animator->path) memcpy(animator->path, o.path, path_bytes);
    animator->figure = at_figure_new(.title = o.title, .xlabel = o.xlabel, .ylabel = o.ylabel,
                                     .xlim = {o.xlim[0], o.xlim[1]}, .ylim = {o.ylim[0], o.ylim[1]}, .width = o.width,
                                     .height = o.height, .xlog = o.xlog, .ylog = o.ylog);
    if (animator->path && animator->figure && add_series(animator->figure, o.legend)) return animator;
    at_animator_free(animator);
    return NULL;
}

void at_animator_free(at_animator *animator) {
    if (!animator) return;
    at_figure_free(animator->figure);
    if (animator->path) at_free(animator->path, strlen(animator->path) + 1);
    at_free(animator, sizeof *animator);
}

/* ---- adding points ----------------------------------------------------------------------------------------------- */

static const char *const function = "animator_add";

/* Twice the room, so that n points are copied no more than 2 n times. */
static bool grow(pl_series *series) {
    const size_t bytes = (size_t)series->room * sizeof(double);
    double *x = at_allocate(function, 2 * bytes), *y = x ? at_allocate(function, 2 * bytes) : NULL;
    if (!y) {
        at_free(x, 2 * bytes);
        return false;
    }
    memcpy(x, series->x, bytes);
    memcpy(y, series->y, bytes);
    at_free(series->x, bytes);
    at_free(series->y, bytes);
    series->x = x;
    series->y = y;
    series->room *= 2;
    return true;
}

static bool add_point(const at_figure *figure, pl_series *series, double x, double y) {
    if (isnan(y)) return true;
    if (!pl_check_number(function, "y", y, figure->ylog)) return false;
    if (series->count == series->room && !grow(series)) return false;
    series->x[series->count] = figure->xlog ? pl_log10(x) : x;
    series->y[series->count] = figure->ylog ? pl_log10(y) : y;
    series->count++;
    return true;
}

bool at_animator_add_values(at_animator *animator, double x, const double *y, int count) {
    if (!animator) return at_fail_null(function, "animator");
    if (!y) return at_fail_null(function, "y");
    at_figure *figure = animator->figure;
    if (count != figure->count) {
        at_fail(AT_ERROR_VALUE, "%s: %d numbers for y: there are %d series", function, count, figure->count);
        return false;
    }
    if (!pl_check_number(function, "x", x, figure->xlog)) return false;
    int64_t before[AT_ANIMATOR_SERIES];
    bool ok = true;
    for (int i = 0; i < count; i++) before[i] = figure->series[i].count;
    for (int i = 0; i < count && ok; i++) ok = add_point(figure, &figure->series[i], x, y[i]);
    ok = ok && pl_write_grid(function, animator->path, &(pl_grid){&figure, 1, 1, false, false});
    for (int i = 0; i < count && !ok; i++) figure->series[i].count = before[i];
    return ok;
}
