/* plot/heatmap.c - matrices as grids of coloured cells with one colour bar. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const function = "show_heatmaps";

/* ---- arguments --------------------------------------------------------------------------------------------------- */

static bool check_shape(const at_shape *shape) {
    char text[24 * AT_MAX_DIMS] = "";
    size_t used = 0;
    bool empty = false;
    for (int i = 0; i < shape->ndim; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64, i ? ", " : "", shape->dim[i]);
        empty = empty || shape->dim[i] == 0;
    }
    if (shape->ndim != 4)
        return at_fail(AT_ERROR_SHAPE, "%s: matrices (%s): want 4 dimensions (rows, columns, height, width)", function,
                       text);
    if (empty) return at_fail(AT_ERROR_SHAPE, "%s: matrices (%s): want at least one element", function, text);
    return true;
}

static bool choose_colormap(pl_heatmaps *maps, const char *name) {
    maps->map = pl_find_colormap(name);
    if (maps->map) return true;
    return at_fail(AT_ERROR_VALUE, "%s: cmap \"%s\": want \"Reds\", \"Blues\", \"viridis\" or \"gray\"", function,
                   name);
}

/* From the least to the greatest element; around equal elements, a tenth of their value on either side. */
static void find_range(pl_heatmaps *maps) {
    const int64_t count = maps->rows * maps->columns * maps->height * maps->width;
    maps->lo = maps->hi = maps->values[0];
    for (int64_t i = 1; i < count; i++) {
        maps->lo = fmin(maps->lo, maps->values[i]);
        maps->hi = fmax(maps->hi, maps->values[i]);
    }
    if (!pl_too_close(maps->lo, maps->hi)) return;
    double size = fmax(fabs(maps->lo), fabs(maps->hi));
    double margin = 0.1 * (size < 1e3 / PL_LARGEST ? 1 : size);
    maps->lo -= margin;
    maps->hi += margin;
}

static bool take_matrices(pl_heatmaps *maps, at_tensor *matrices) {
    if (!matrices) return at_fail_null(function, "matrices");
    at_shape shape = at_shape_of(matrices);
    if (shape.ndim < 0 || !check_shape(&shape)) return false;
    maps->rows = shape.dim[0];
    maps->columns = shape.dim[1];
    maps->height = shape.dim[2];
    maps->width = shape.dim[3];
    maps->values = pl_copy_elements(function, "matrices", matrices, false);
    if (maps->values) find_range(maps);
    return maps->values != NULL;
}

/* ---- cells ------------------------------------------------------------------------------------------------------- */

/* The cells that a pixel shows: the one at its centre, or all that it covers where cells are smaller than pixels. */
static void cells_at(int pixel, int pixels, int64_t cells, int64_t *first, int64_t *end) {
    if (pixels >= cells) {
        *first = (2 * pixel + 1) * cells / (2 * pixels);
        *end = *first + 1;
    } else {
        *first = pixel * cells / pixels;
        *end = (pixel + 1) * cells / pixels;
    }
}

static double mean_of(const double *matrix, int64_t width, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    double sum = 0;
    for (int64_t i = i0; i < i1; i++) {
        for (int64_t j = j0; j < j1; j++) sum += matrix[i * width + j];
    }
    return sum / (double)((i1 - i0) * (j1 - j0));
}

static void draw_row(pl_canvas *canvas, const pl_heatmaps *maps, const double *matrix, pl_box panel, int y) {
    int64_t i0, i1, j0, j1;
    cells_at(y - panel.y0, panel.y1 - panel.y0, maps->height, &i0, &i1);
    for (int x = panel.x0; x < panel.x1; x++) {
        cells_at(x - panel.x0, panel.x1 - panel.x0, maps->width, &j0, &j1);
        double value = mean_of(matrix, maps->width, i0, i1, j0, j1);
        pl_set_pixel(canvas, x, y, pl_map_color(maps->map, (value - maps->lo) / (maps->hi - maps->lo)));
    }
}

static void draw_cells(pl_canvas *canvas, const pl_heatmaps *maps, const double *matrix, pl_box panel) {
    int64_t row = -1, before, end;
    for (int y = panel.y0; y < panel.y1; y++) {
        before = row;
        cells_at(y - panel.y0, panel.y1 - panel.y0, maps->height, &row, &end);
        if (row != before)
            draw_row(canvas, maps, matrix, panel, y);
        else
            pl_repeat_row(canvas, panel, y);
    }
}

/* ---- the picture ------------------------------------------------------------------------------------------------- */

/* Numbers and labels stand only at the left and lower sides of the grid: the panels share their axes. */
static void draw_panel(pl_canvas *canvas, const pl_heatmaps *maps, const pl_arrangement *a, int64_t i, int64_t j) {
    const pl_font *font = &pl_font_text;
    const int x = a->left + (int)j * a->step_x, y = a->top + (int)i * a->step_y;
    const pl_box panel = {x, y, x + a->panel_width, y + a->panel_height};
    const pl_scale across = {-0.5, (double)maps->width - 0.5, panel.x0, panel.x1, false};
    const pl_scale down = {-0.5, (double)maps->height - 0.5, panel.y0, panel.y1, false};
    const double middle_x = (panel.x0 + panel.x1) * 0.5, middle_y = (panel.y0 + panel.y1) * 0.5;
    draw_cells(canvas, maps, maps->values + (i * maps->columns + j) * maps->height * maps->width, panel);
    pl_frame(canvas, panel);
    if (i == 0 && maps->titles && maps->titles[j])
        pl_draw_centered(canvas, &pl_font_title, maps->titles[j], middle_x, panel.y0 - PL_TITLE_GAP);
    if (i == maps->rows - 1) {
        pl_draw_ticks_below(canvas, &a->x_ticks, &across, panel.y1);
        if (maps->xlabel) pl_draw_centered(canvas, font, maps->xlabel, middle_x, pl_label_below(panel.y1));
    }
    if (j == 0) {
        int baseline = pl_label_left(&a->y_ticks, panel.x0);
        pl_draw_ticks_left(canvas, &a->y_ticks, &down, panel.x0);
        if (maps->ylabel) pl_draw_centered_up(canvas, font, maps->ylabel, baseline, middle_y);
    }
}

static void draw_bar(pl_canvas *canvas, const pl_heatmaps *maps, const pl_arrangement *a) {
    const pl_box bar = a->bar;
    const pl_scale scale = {maps->lo, maps->hi, bar.y1, bar.y0, false};
    for (int y = bar.y0; y < bar.y1; y++) {
        double t = (bar.y1 - y - 0.5) / (bar.y1 - bar.y0);
        pl_fill(canvas, (pl_box){bar.x0, y, bar.x1, y + 1}, pl_map_color(maps->map, t));
    }
    pl_frame(canvas, bar);
    pl_draw_ticks_right(canvas, &a->bar_ticks, &scale, bar.x1);
    if (a->bar_ticks.factor[0])
        pl_text_draw(canvas, &pl_font_text, a->bar_ticks.factor, bar.x0,
                     bar.y0 - pl_digit_height(&pl_font_text) / 2 - PL_TICK_GAP - pl_text_descent(&pl_font_text));
}

static bool draw_and_write(const pl_heatmaps *maps, const at_heatmap_options *options) {
    pl_arrangement a;
    pl_canvas canvas;
    if (!pl_arrange(&a, maps, options->width, options->height)) return false;
    if (!pl_canvas_open(&canvas, a.width, a.height, function)) return false;
    for (int64_t i = 0; i < maps->rows; i++) {
        for (int64_t j = 0; j < maps->columns; j++) draw_panel(&canvas, maps, &a, i, j);
    }
    draw_bar(&canvas, maps, &a);
    bool written = pl_write_png(function, options->path, &canvas);
    pl_canvas_close(&canvas);
    return written;
}

static const char *some_text(const char *text) { return text && *text ? text : NULL; }

bool at_show_heatmaps_with(at_heatmap_options options) {
    pl_heatmaps maps = {.xlabel = some_text(options.xlabel),
                        .ylabel = some_text(options.ylabel),
                        .titles = options.titles};
    if (!options.path) return at_fail_null(function, "path");
    if (!pl_check_size(function, "width", options.width)) return false;
    if (!pl_check_size(function, "height", options.height)) return false;
    if (!choose_colormap(&maps, options.cmap) || !take_matrices(&maps, options.matrices)) return false;
    bool written = draw_and_write(&maps, &options);
    at_free(maps.values, (size_t)(maps.rows * maps.columns * maps.height * maps.width) * sizeof *maps.values);
    return written;
}
