/* plot/arrange.c - the sizes and places of heatmaps, their labels and their colour bar. */
#include "internal.h"

#include <inttypes.h>

enum {
    PANEL = 112 * PL_POINT,         /* about the longer side of one matrix */
    SMALLEST_PANEL = 16 * PL_POINT, /* the same in a large grid */
    FULL_PANELS = 4,                /* with more than so many in a row or column, each becomes smaller */
    THINNEST = 4 * PL_POINT,        /* the shorter side of a very long matrix */
    PANEL_GAP = 12 * PL_POINT,      /* between neighbours */
    BAR_GAP = 7 * PL_POINT,         /* before the colour bar, at least */
    BAR_ASPECT = 20,
    THIN_BAR = 4 * PL_POINT,
    THICK_BAR = 10 * PL_POINT,
    SHORTEST_BAR = 40 * PL_POINT,
};

static int larger(int a, int b) { return a > b ? a : b; }
static int round_up(double x) { return (int)ceil(x); }
static int text_length(const pl_font *font, const char *text) { return text ? round_up(pl_text_width(font, text)) : 0; }

/* ---- the size of a panel ----------------------------------------------------------------------------------------- */

/* The side of a cell in pixels, where nothing else is asked for. Cells of whole pixels are all alike and have sharp
 * edges; of a matrix with more elements than pixels, a pixel shows the mean of several. */
static double natural_cell(const pl_heatmaps *maps) {
    int64_t across = maps->rows > maps->columns ? maps->rows : maps->columns;
    int64_t longer = maps->height > maps->width ? maps->height : maps->width;
    int64_t side = across > FULL_PANELS ? PANEL * FULL_PANELS / across : PANEL;
    if (side < SMALLEST_PANEL) side = SMALLEST_PANEL;
    if (longer > 2 * side) return 2.0 * (double)side / (double)longer;
    return ceil((double)side / (double)longer);
}

static void set_panel(pl_arrangement *a, const pl_heatmaps *maps, double cell) {
    const double sharp = 4; /* larger cells lose little when they are rounded to whole pixels */
    if (cell >= sharp) cell = floor(cell);
    const double rounding = 1e-6;
    a->panel_width = larger((int)floor(cell * (double)maps->width + rounding), THINNEST);
    a->panel_height = larger((int)floor(cell * (double)maps->height + rounding), THINNEST);
}

/* The cell with which a row or column of panels fills the length, apart from what goes between and around them. */
static double fitting_cell(int length, int besides, int64_t panels, int64_t cells) {
    double room = (length - besides) / (double)panels;
    return fmax(room, 1) / (double)cells;
}

/* ---- around the panels ------------------------------------------------------------------------------------------- */

static void choose_ticks(pl_arrangement *a, const pl_heatmaps *maps) {
    const pl_scale x = {-0.5, (double)maps->width - 0.5, 0, a->panel_width, false};
    const pl_scale y = {-0.5, (double)maps->height - 0.5, 0, a->panel_height, false};
    const pl_scale bar = {maps->lo, maps->hi, a->bar.y1 - a->bar.y0, 0, false};
    pl_ticks_across(&a->x_ticks, &x, true);
    pl_ticks_upright(&a->y_ticks, &y, true);
    pl_ticks_upright(&a->bar_ticks, &bar, false);
}

static int widest_title(const pl_heatmaps *maps) {
    int widest = 0;
    for (int64_t j = 0; maps->titles && j < maps->columns; j++) {
        widest = larger(widest, text_length(&pl_font_title, maps->titles[j]));
    }
    return widest;
}

static int bar_gap(const pl_arrangement *a) { return larger(BAR_GAP, a->bar.x1 - a->bar.x0); }

typedef struct {
    int left, right, top, bottom;
} margins;

/* From the outer panels to the edges of the picture. Labels may be longer than a panel, and the bar than a column. */
static margins margins_of(const pl_arrangement *a, const pl_heatmaps *maps, int column_height) {
    const pl_font *font = &pl_font_text;
    const int beside_tick = PL_TICK + PL_TICK_GAP;
    int text_width = larger(text_length(font, maps->xlabel), widest_title(maps));
    int bar_height = a->bar.y1 - a->bar.y0 + (a->bar_ticks.factor[0] ? 2 * (pl_text_height(font) + PL_TICK_GAP) : 0);
    int out_x = larger((text_width - a->panel_width + 1) / 2, 0);
    int out_y =
        larger((text_length(font, maps->ylabel) - a->panel_height + 1) / 2, (bar_height - column_height + 1) / 2);
    int numbers = larger(round_up(pl_ticks_width(&a->bar_ticks)), text_length(font, a->bar_ticks.factor) - beside_tick);
    margins m;
    m.left = pl_room_left(&a->y_ticks, maps->ylabel != NULL);
    m.right = larger(out_x, bar_gap(a) + a->bar.x1 - a->bar.x0 + beside_tick + numbers);
    m.top = maps->titles ? PL_TITLE_GAP + pl_text_ascent(&pl_font_title) : pl_digit_height(font) / 2;
    m.bottom = pl_room_below(maps->xlabel != NULL);
    return (margins){PL_PAD + larger(m.left, out_x), PL_PAD + m.right, PL_PAD + larger(m.top, out_y),
                     PL_PAD + larger(m.bottom, out_y)};
}

static void choose_steps(pl_arrangement *a, const pl_heatmaps *maps) {
    int text_width = larger(text_length(&pl_font_text, maps->xlabel), widest_title(maps));
    int text_height = text_length(&pl_font_text, maps->ylabel);
    a->step_x = larger(a->panel_width, maps->columns > 1 ? text_width : 0) + PANEL_GAP;
    a->step_y = larger(a->panel_height, maps->rows > 1 ? text_height : 0) + PANEL_GAP;
}

/* The bar is three quarters of the panels' height, like matplotlib's beside a square matrix at "60 %". */
static void size_bar(pl_arrangement *a, int column_height) {
    int height = larger(column_height * 3 / 4, SHORTEST_BAR);
    int width = height / BAR_ASPECT;
    a->bar = (pl_box){0, 0, width < THIN_BAR ? THIN_BAR : width > THICK_BAR ? THICK_BAR : width, height};
}

/* ---- all together ------------------------------------------------------------------------------------------------ */

static bool fits(const pl_heatmaps *maps, int64_t needed, int given, const char *what) {
    const int64_t most = given ? given : PL_MAX_SIZE;
    if (needed <= most) return true;
    at_fail(AT_ERROR_VALUE,
            "show_heatmaps: %" PRId64 " x %" PRId64 " matrices with their labels need a %s of %" PRId64
            " pixels: the %s is %" PRId64,
            maps->rows, maps->columns, what, needed, given ? what : "most", most);
    return false;
}

static int64_t span(int64_t panels, int step, int panel) { return (panels - 1) * step + panel; }

/* The cell that fills a picture of the given size, or at most has the natural size where none is given. */
static double chosen_cell(const pl_arrangement *a, const pl_heatmaps *maps, margins m, int width, int height) {
    int besides_x = m.left + m.right + (int)(maps->columns - 1) * (a->step_x - a->panel_width);
    int besides_y = m.top + m.bottom + (int)(maps->rows - 1) * (a->step_y - a->panel_height);
    double across = fitting_cell(width ? width : PL_MAX_SIZE, besides_x, maps->columns, maps->width);
    double down = fitting_cell(height ? height : PL_MAX_SIZE, besides_y, maps->rows, maps->height);
    double cell = fmin(across, down);
    return width || height ? cell : fmin(cell, natural_cell(maps));
}

bool pl_arrange(pl_arrangement *a, const pl_heatmaps *maps, int width, int height) {
    const int rounds = 8;
    *a = (pl_arrangement){0};
    if (maps->rows > PL_MAX_SIZE) return fits(maps, maps->rows, height, "height");
    if (maps->columns > PL_MAX_SIZE) return fits(maps, maps->columns, width, "width");
    double cell = natural_cell(maps);
    int64_t block_width = 0, block_height = 0;
    margins m = {0};
    /* The margins depend on the ticks, those on the panels, and these on the margins. After the first guess the panels
     * only become smaller, until all fits. */
    for (int i = 0; i < rounds; i++) {
        set_panel(a, maps, cell);
        choose_steps(a, maps);
        block_width = span(maps->columns, a->step_x, a->panel_width);
        block_height = span(maps->rows, a->step_y, a->panel_height);
        size_bar(a, (int)block_height);
        choose_ticks(a, maps);
        m = margins_of(a, maps, (int)block_height);
        double next = chosen_cell(a, maps, m, width, height);
        cell = i == 0 ? next : fmin(cell, next);
    }
    int64_t needed_x = m.left + block_width + m.right, needed_y = m.top + block_height + m.bottom;
    if (!fits(maps, needed_x, width, "width") || !fits(maps, needed_y, height, "height")) return false;
    a->width = width ? width : (int)needed_x;
    a->height = height ? height : (int)needed_y;
    a->left = m.left + (a->width - (int)needed_x) / 2;
    a->top = m.top + (a->height - (int)needed_y) / 2;
    int bar_x = a->left + (int)block_width + bar_gap(a), bar_y = a->top + ((int)block_height - a->bar.y1) / 2;
    a->bar = (pl_box){bar_x, bar_y, bar_x + a->bar.x1, bar_y + a->bar.y1};
    return true;
}
