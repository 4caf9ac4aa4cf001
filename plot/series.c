/* plot/series.c - lines and circles within the axes. */
#include "internal.h"

static void draw_line(pl_canvas *canvas, const pl_series *series, const pl_layout *layout) {
    pl_stroke stroke = pl_stroke_begin(canvas, layout->axes, series->size, series->style);
    for (int64_t i = 0; i < series->count; i++) {
        pl_stroke_to(&stroke, pl_scale_at(&layout->x, series->x[i]), pl_scale_at(&layout->y, series->y[i]));
    }
    pl_stroke_end(&stroke, series->color, series->alpha);
}

/* The outline lies over the edge of the disc, half inside and half outside: a transparent circle has a darker rim. */
void pl_draw_marker(pl_canvas *canvas, const pl_series *series, pl_box clip, double x, double y) {
    const double rim = 1 * PL_POINT;
    double radius = series->size * 0.5;
    pl_ring(canvas, clip, x, y, 0, fmax(radius - rim * 0.5, radius * 0.5), series->color, series->alpha);
    pl_ring(canvas, clip, x, y, fmax(radius - rim, 0), radius, series->color, series->alpha);
}

static void draw_points(pl_canvas *canvas, const pl_series *series, const pl_layout *layout) {
    for (int64_t i = 0; i < series->count; i++) {
        pl_draw_marker(canvas, series, layout->axes, pl_scale_at(&layout->x, series->x[i]),
                       pl_scale_at(&layout->y, series->y[i]));
    }
}

void pl_draw_series(pl_canvas *canvas, const pl_series *series, const pl_layout *layout) {
    if (series->points)
        draw_points(canvas, series, layout);
    else
        draw_line(canvas, series, layout);
}
