/* plot/figure.c - the public figure: options and series, checked and copied. */
#include "internal.h"

#include <inttypes.h>
#include <string.h>

enum { DEFAULT_WIDTH = 248 * PL_POINT, DEFAULT_HEIGHT = 373 * PL_POINT / 2 };

static const double default_line_width = 1.5 * PL_POINT, default_diameter = 7 * PL_POINT, largest_pen = 1000;

/* ---- a new figure ------------------------------------------------------------------------------------------------ */

static bool check_limits(const char *name, const double limits[2], bool log) {
    const double lo = limits[0], hi = limits[1];
    if (lo == 0 && hi == 0) return true;
    if (!(fabs(lo) <= PL_LARGEST && fabs(hi) <= PL_LARGEST)) {
        at_fail(AT_ERROR_VALUE, "figure_new: %s {%g, %g}: both limits must be finite and within +-%g", name, lo, hi,
                PL_LARGEST);
        return false;
    }
    if (log && !(lo >= 1 / PL_LARGEST)) {
        at_fail(AT_ERROR_VALUE, "figure_new: %s {%g, %g}: the limits of a logarithmic axis must be at least %g", name,
                lo, hi, 1 / PL_LARGEST);
        return false;
    }
    if (!(lo < hi)) {
        at_fail(AT_ERROR_VALUE, "figure_new: %s {%g, %g}: the first limit must be less than the second", name, lo, hi);
        return false;
    }
    if (log ? pl_close_logarithms(pl_log10(lo), pl_log10(hi)) : pl_too_close(lo, hi)) {
        at_fail(AT_ERROR_VALUE, "figure_new: %s {%.17g, %.17g}: the limits are too close together", name, lo, hi);
        return false;
    }
    return true;
}

static void copy_limits(double copy[2], const double limits[2], bool log) {
    const bool automatic = limits[0] == 0 && limits[1] == 0;
    for (int i = 0; i < 2; i++) copy[i] = log && !automatic ? pl_log10(limits[i]) : limits[i];
}

/* NULL and "" are no text. */
static bool copy_text(char **copy, const char *text, const char *function) {
    *copy = NULL;
    if (!text || !*text) return true;
    size_t bytes = strlen(text) + 1;
    *copy = at_allocate(function, bytes);
    if (*copy) memcpy(*copy, text, bytes);
    return *copy != NULL;
}

static void free_text(char *text) {
    if (text) at_free(text, strlen(text) + 1);
}

at_figure *at_figure_new_with(at_figure_options options) {
    const char *function = "figure_new";
    if (!pl_check_size(function, "width", options.width)) return NULL;
    if (!pl_check_size(function, "height", options.height)) return NULL;
    if (!check_limits("xlim", options.xlim, options.xlog) || !check_limits("ylim", options.ylim, options.ylog))
        return NULL;
    at_figure *figure = at_allocate(function, sizeof *figure);
    if (!figure) return NULL;
    *figure = (at_figure){0};
    if (!copy_text(&figure->title, options.title, function) || !copy_text(&figure->xlabel, options.xlabel, function) ||
        !copy_text(&figure->ylabel, options.ylabel, function)) {
        at_figure_free(figure);
        return NULL;
    }
    figure->xlog = options.xlog;
    figure->ylog = options.ylog;
    copy_limits(figure->xlim, options.xlim, options.xlog);
    copy_limits(figure->ylim, options.ylim, options.ylog);
    figure->width = options.width ? options.width : DEFAULT_WIDTH;
    figure->height = options.height ? options.height : DEFAULT_HEIGHT;
    return figure;
}

static void free_series(pl_series *series) {
    at_free(series->x, (size_t)series->room * sizeof *series->x);
    at_free(series->y, (size_t)series->room * sizeof *series->y);
    free_text(series->label);
}

void at_figure_free(at_figure *figure) {
    if (!figure) return;
    for (int i = 0; i < figure->count; i++) free_series(&figure->series[i]);
    at_free(figure->series, (size_t)figure->count * sizeof *figure->series);
    free_text(figure->title);
    free_text(figure->xlabel);
    free_text(figure->ylabel);
    at_free(figure, sizeof *figure);
}

/* ---- series ------------------------------------------------------------------------------------------------------ */

/* What lines and points have in common. */
typedef struct {
    const char *function;
    at_figure *figure;
    at_tensor *x, *y;
    const char *label, *style, *color, *size_name;
    double alpha, size;
} series_options;

static bool check_tensors(const series_options *options) {
    const char *function = options->function;
    if (!options->figure) return at_fail_null(function, "figure");
    if (!options->x) return at_fail_null(function, "x");
    if (!options->y) return at_fail_null(function, "y");
    const int64_t of_x = at_numel(options->x), of_y = at_numel(options->y);
    if (of_x != of_y) {
        at_fail(AT_ERROR_SHAPE, "%s: x has %" PRId64 " element%s and y has %" PRId64 ": they must be equal", function,
                of_x, of_x == 1 ? "" : "s", of_y);
        return false;
    }
    if (of_x == 0) at_fail(AT_ERROR_SHAPE, "%s: x and y are empty: they must have at least one element", function);
    return of_x > 0;
}

/* The color and how the line is broken, of which the color may be given in either option or be the next of the cycle,
 * which is taken only when the series is added. */
static bool choose_color(pl_series *series, const series_options *options) {
    const char *function = options->function;
    bool colored = false;
    series->color = pl_cycle_color(options->figure->next_color);
    if (options->style && !pl_parse_style(options->style, &series->style, &series->color, &colored)) {
        at_fail(AT_ERROR_VALUE,
                "%s: style \"%s\": must be one of - -- -. : with or without one of b g r c m y k w before", function,
                options->style);
        return false;
    }
    if (options->color && colored) {
        at_fail(AT_ERROR_VALUE, "%s: style \"%s\" and color \"%s\": only one may name a color", function,
                options->style, options->color);
        return false;
    }
    if (options->color && !pl_parse_color(options->color, &series->color)) {
        at_fail(AT_ERROR_VALUE, "%s: color \"%s\": must be \"#rrggbb\", one of b g r c m y k w, or \"C0\" to \"C9\"",
                function, options->color);
        return false;
    }
    series->own_color = options->color || colored;
    return true;
}

static bool choose_look(pl_series *series, const series_options *options) {
    const char *function = options->function;
    const double alpha = options->alpha, size = options->size;
    if (!choose_color(series, options)) return false;
    if (!(alpha >= 0 && alpha <= 1)) {
        at_fail(AT_ERROR_VALUE, "%s: alpha %g: must be above 0 and at most 1, or 0 for 1", function, alpha);
        return false;
    }
    if (!(size >= 0 && size <= largest_pen)) {
        at_fail(AT_ERROR_VALUE, "%s: %s %g: must be above 0 and at most %g, or 0 for the default", function,
                options->size_name, size, largest_pen);
        return false;
    }
    series->alpha = alpha > 0 ? alpha : 1;
    if (size > 0) series->size = size;
    return true;
}

static bool append_series(const series_options *options, pl_series series) {
    at_figure *figure = options->figure;
    const size_t bytes = (size_t)figure->count * sizeof series;
    pl_series *all = at_allocate(options->function, bytes + sizeof series);
    if (!all) return false;
    if (figure->series) memcpy(all, figure->series, bytes);
    at_free(figure->series, bytes);
    figure->series = all;
    figure->series[figure->count++] = series;
    if (!series.own_color) figure->next_color = (figure->next_color + 1) % PL_CYCLE;
    return true;
}

static bool add_series(const series_options *options, pl_series series) {
    if (!check_tensors(options) || !choose_look(&series, options)) return false;
    series.count = series.room = at_numel(options->x);
    series.x = pl_copy_elements(options->function, "x", options->x, options->figure->xlog);
    series.y = series.x ? pl_copy_elements(options->function, "y", options->y, options->figure->ylog) : NULL;
    if (series.y && copy_text(&series.label, options->label, options->function) && append_series(options, series))
        return true;
    free_series(&series);
    return false;
}

bool at_figure_line_with(at_line_options o) {
    const series_options options = {"figure_line", o.figure, o.x,     o.y,     o.label,
                                    o.style,       o.color,  "width", o.alpha, o.width};
    return add_series(&options, (pl_series){.style = o.dashed ? PL_DASHED : PL_SOLID, .size = default_line_width});
}

bool at_figure_points_with(at_points_options o) {
    const series_options options = {"figure_points", o.figure, o.x,     o.y,   o.label, NULL,
                                    o.color,         "size",   o.alpha, o.size};
    return add_series(&options, (pl_series){.points = true, .size = default_diameter});
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

bool at_figure_save(at_figure *figure, const char *path) {
    const char *function = "figure_save";
    if (!figure) return at_fail_null(function, "figure");
    if (!path) return at_fail_null(function, "path");
    return pl_write_grid(function, path, &(pl_grid){&figure, 1, 1, false, false});
}
