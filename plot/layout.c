/* plot/layout.c - the limits of a figure, where its parts go, and the frame around the data. */
#include "internal.h"

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void widen(double limits[2], const double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        limits[0] = fmin(limits[0], values[i]);
        limits[1] = fmax(limits[1], values[i]);
    }
}

/* A twentieth of the data's range on either side. Of a single value, a twentieth; of 0, a twentieth of 1. */
static void add_margin(double limits[2]) {
    const double part = 0.05;
    double range = limits[1] - limits[0];
    if (pl_too_close(limits[0], limits[1])) range = fmax(fabs(limits[0]), fabs(limits[1]));
    if (range < 1e3 / PL_LARGEST) range = 1;
    limits[0] -= part * range;
    limits[1] += part * range;
}

static void find_limits(double limits[2], const double given[2], bool log, const at_figure *figure, bool of_x) {
    limits[0] = given[0];
    limits[1] = given[1];
    if (given[0] != 0 || given[1] != 0) return;
    limits[0] = INFINITY;
    limits[1] = -INFINITY;
    for (int i = 0; i < figure->count; i++) {
        const pl_series *series = &figure->series[i];
        widen(limits, of_x ? series->x : series->y, series->count);
    }
    if (limits[0] > limits[1]) { /* no data */
        limits[0] = 0;
        limits[1] = 1;
    } else if (log && pl_close_logarithms(limits[0], limits[1])) {
        limits[0] -= 1;
        limits[1] += 1;
    } else {
        add_margin(limits);
    }
}

void pl_find_limits(pl_layout *layout, const at_figure *figure) {
    double limits[2];
    *layout = (pl_layout){0};
    find_limits(limits, figure->xlim, figure->xlog, figure, true);
    layout->x = (pl_scale){limits[0], limits[1], 0, 0, figure->xlog};
    find_limits(limits, figure->ylim, figure->ylog, figure, false);
    layout->y = (pl_scale){limits[0], limits[1], 0, 0, figure->ylog};
}

/* ---- room -------------------------------------------------------------------------------------------------------- */

static int factor_room(const pl_ticks *ticks) {
    return ticks->factor[0] ? pl_text_height(&pl_font_text) + PL_TICK_GAP : 0;
}

static int top_margin(const pl_layout *layout, const at_figure *figure) {
    int above = pl_digit_height(&pl_font_text) / 2; /* of the number beside the highest place for a tick */
    int needed = factor_room(&layout->y_ticks);
    if (figure->title) needed += PL_TITLE_GAP + pl_text_ascent(&pl_font_title);
    return needed > above ? needed : above;
}

/* The first and the last number of the x axis may stick out of the frame. */
static int sticking_out(const pl_layout *layout, bool left) {
    double out = 0;
    for (int i = 0; i < layout->x_ticks.count; i++) {
        double half = pl_text_width(&pl_font_text, layout->x_ticks.text[i]) * 0.5;
        double at = pl_scale_at(&layout->x, layout->x_ticks.at[i]);
        out = fmax(out, left ? layout->axes.x0 - (at - half) : at + half - layout->axes.x1);
    }
    return (int)ceil(out);
}

static bool has_label(const char *label, bool bare) { return label && !bare; }

pl_margins pl_figure_margins(const pl_layout *layout, const at_figure *figure) {
    const bool below = has_label(figure->xlabel, layout->bare_x) || layout->x_ticks.factor[0];
    const bool beside = has_label(figure->ylabel, layout->bare_y);
    const int left = layout->bare_y ? sticking_out(layout, true) : pl_room_left(&layout->y_ticks, beside);
    const int bottom = layout->bare_x ? PL_TICK : pl_room_below(below);
    return (pl_margins){PL_PAD + left, PL_PAD + sticking_out(layout, false), PL_PAD + top_margin(layout, figure),
                        PL_PAD + bottom};
}

static void hide_numbers(pl_ticks *ticks) {
    for (int i = 0; i < ticks->count; i++) ticks->text[i][0] = '\0';
    ticks->factor[0] = '\0';
}

void pl_place_frame(pl_layout *layout, pl_box axes) {
    layout->axes = axes;
    layout->x.from = axes.x0;
    layout->x.to = axes.x1;
    layout->y.from = axes.y1;
    layout->y.to = axes.y0;
    pl_ticks_across(&layout->x_ticks, &layout->x, false);
    pl_ticks_upright(&layout->y_ticks, &layout->y, false);
    if (layout->bare_x) hide_numbers(&layout->x_ticks);
    if (layout->bare_y) hide_numbers(&layout->y_ticks);
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

static void draw_grid(pl_canvas *canvas, const pl_layout *layout) {
    const int half = PL_LINE / 2;
    const pl_box *axes = &layout->axes;
    for (int i = 0; i < layout->x_ticks.count; i++) {
        int x = pl_scale_pixel(&layout->x, layout->x_ticks.at[i]);
        pl_fill(canvas, (pl_box){x - half, axes->y0, x + half, axes->y1}, pl_grid_color);
    }
    for (int i = 0; i < layout->y_ticks.count; i++) {
        int y = pl_scale_pixel(&layout->y, layout->y_ticks.at[i]);
        pl_fill(canvas, (pl_box){axes->x0, y - half, axes->x1, y + half}, pl_grid_color);
    }
}

static void draw_labels(pl_canvas *canvas, const at_figure *figure, const pl_layout *layout) {
    const pl_font *font = &pl_font_text;
    const pl_box *axes = &layout->axes;
    const char *x_factor = layout->x_ticks.factor, *y_factor = layout->y_ticks.factor;
    double middle_x = (axes->x0 + axes->x1) * 0.5, middle_y = (axes->y0 + axes->y1) * 0.5;
    int under = pl_label_below(axes->y1);
    int beside = pl_label_left(&layout->y_ticks, axes->x0);
    int above = axes->y0 - factor_room(&layout->y_ticks) - PL_TITLE_GAP;
    if (has_label(figure->xlabel, layout->bare_x)) pl_draw_centered(canvas, font, figure->xlabel, middle_x, under);
    if (has_label(figure->ylabel, layout->bare_y)) pl_draw_centered_up(canvas, font, figure->ylabel, beside, middle_y);
    if (figure->title) pl_draw_centered(canvas, &pl_font_title, figure->title, middle_x, above);
    if (x_factor[0]) pl_text_draw(canvas, font, x_factor, axes->x1 - pl_text_width(font, x_factor), under);
    if (y_factor[0]) pl_text_draw(canvas, font, y_factor, axes->x0, axes->y0 - PL_TICK_GAP - pl_text_descent(font));
}

void pl_draw_figure(pl_canvas *canvas, const at_figure *figure, const pl_layout *layout) {
    draw_grid(canvas, layout);
    for (int i = 0; i < figure->count; i++) pl_draw_series(canvas, &figure->series[i], layout);
    pl_frame(canvas, layout->axes);
    pl_draw_ticks_below(canvas, &layout->x_ticks, &layout->x, layout->axes.y1);
    pl_draw_ticks_left(canvas, &layout->y_ticks, &layout->y, layout->axes.x0);
    pl_draw_legend(canvas, figure, layout);
    draw_labels(canvas, figure, layout);
}
