/* plot/legend.c - the list of labelled series, in the corner or at the side where it hides least. */
#include "internal.h"

#include <string.h>

/* In tenths of the em of the text, as matplotlib has them. */
enum {
    TENTH = PL_POINT,
    BORDER = 4 * TENTH,
    HANDLE = 20 * TENTH,
    HANDLE_GAP = 8 * TENTH,
    SPACING = 5 * TENTH,
    AWAY = 5 * TENTH, /* from the frame */
};

typedef struct {
    int rows, width, height;
} legend_size;

static legend_size measure(const at_figure *figure) {
    double widest = 0;
    legend_size size = {0};
    for (int i = 0; i < figure->count; i++) {
        if (!figure->series[i].label) continue;
        widest = fmax(widest, pl_text_width(&pl_font_text, figure->series[i].label));
        size.rows++;
    }
    size.width = 2 * BORDER + HANDLE + HANDLE_GAP + (int)ceil(widest);
    size.height = 2 * BORDER + size.rows * (pl_font_text.size + SPACING) - SPACING;
    return size;
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

/* What of a series lies under the box: its points, and the pieces of its line. */
static int64_t hidden_of(const pl_series *series, const pl_layout *layout, pl_box box) {
    const double reach = series->size * 0.5;
    const double sides[4] = {box.x0 - reach, box.y0 - reach, box.x1 + reach, box.y1 + reach};
    int64_t hidden = 0;
    double before[2] = {0};
    for (int64_t i = 0; i < series->count; i++) {
        double here[2] = {pl_scale_at(&layout->x, series->x[i]), pl_scale_at(&layout->y, series->y[i])};
        const double *from = series->points || i == 0 ? here : before;
        double a[2] = {from[0], from[1]}, b[2] = {here[0], here[1]};
        hidden += pl_clip_segment(sides, a, b);
        memcpy(before, here, sizeof before);
    }
    return hidden;
}

static int64_t hidden_by(const at_figure *figure, const pl_layout *layout, pl_box box) {
    int64_t hidden = 0;
    for (int i = 0; i < figure->count; i++) hidden += hidden_of(&figure->series[i], layout, box);
    return hidden;
}

/* Places in the order of preference: across and down in halves of the free room. */
static const struct {
    int across, down;
} places[] = {{2, 0}, {0, 0}, {0, 2}, {2, 2}, {2, 1}, {0, 1}, {1, 2}, {1, 0}, {1, 1}};

static pl_box place(const at_figure *figure, const pl_layout *layout, legend_size size) {
    const pl_box *axes = &layout->axes;
    int free_x = axes->x1 - axes->x0 - 2 * AWAY - size.width, free_y = axes->y1 - axes->y0 - 2 * AWAY - size.height;
    pl_box best = {0};
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int x = axes->x0 + AWAY + free_x * places[i].across / 2, y = axes->y0 + AWAY + free_y * places[i].down / 2;
        pl_box box = {x, y, x + size.width, y + size.height};
        int64_t hidden = hidden_by(figure, layout, box);
        if (hidden >= least) continue;
        least = hidden;
        best = box;
    }
    return best;
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

static void draw_handle(pl_canvas *canvas, const pl_series *series, int x, double middle) {
    const pl_box everywhere = {0, 0, canvas->width, canvas->height};
    pl_series sample = *series;
    sample.size = fmin(series->size, pl_font_text.size); /* no wider than the row */
    if (series->points) {
        pl_draw_marker(canvas, &sample, everywhere, x + HANDLE * 0.5, middle);
        return;
    }
    double sharp = floor(middle - sample.size * 0.5 + 0.5) + sample.size * 0.5; /* edges between pixels */
    pl_stroke stroke = pl_stroke_begin(canvas, everywhere, sample.size, series->style);
    pl_stroke_to(&stroke, x, sharp);
    pl_stroke_to(&stroke, x + HANDLE, sharp);
    pl_stroke_end(&stroke, series->color, series->alpha);
}

void pl_draw_legend(pl_canvas *canvas, const at_figure *figure, const pl_layout *layout) {
    const pl_color edge = {0xcc, 0xcc, 0xcc};
    const double radius = 2 * TENTH, alpha = 0.8;
    legend_size size = measure(figure);
    if (size.rows == 0) return;
    pl_box box = place(figure, layout, size);
    pl_rounded_box(canvas, box, radius, pl_white, edge, alpha);
    int baseline = box.y0 + BORDER + (pl_font_text.size + pl_digit_height(&pl_font_text)) / 2;
    for (int i = 0; i < figure->count; i++) {
        const pl_series *series = &figure->series[i];
        if (!series->label) continue;
        draw_handle(canvas, series, box.x0 + BORDER, baseline - pl_digit_height(&pl_font_text) * 0.5);
        pl_text_draw(canvas, &pl_font_text, series->label, box.x0 + BORDER + HANDLE + HANDLE_GAP, baseline);
        baseline += pl_font_text.size + SPACING;
    }
}
