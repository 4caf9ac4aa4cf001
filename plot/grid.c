/* plot/grid.c - figures beside and below each other in one picture; a single one is a grid of one. */
#include "internal.h"

#include <stdio.h>

static int larger(int a, int b) { return a > b ? a : b; }

/* ---- layout ------------------------------------------------------------------------------------------------------ */

static void join_limits(pl_scale *a, const pl_scale *b) {
    a->lo = fmin(a->lo, b->lo);
    a->hi = fmax(a->hi, b->hi);
}

static void find_limits(const pl_grid *grid, pl_layout *layouts) {
    const int count = grid->rows * grid->columns;
    for (int i = 0; i < count; i++) {
        pl_find_limits(&layouts[i], grid->figures[i]);
        layouts[i].bare_x = grid->share_x && i / grid->columns < grid->rows - 1;
        layouts[i].bare_y = grid->share_y && i % grid->columns > 0;
    }
    pl_scale x = layouts[0].x, y = layouts[0].y;
    for (int i = 0; i < count; i++) {
        join_limits(&x, &layouts[i].x);
        join_limits(&y, &layouts[i].y);
    }
    for (int i = 0; i < count; i++) {
        if (grid->share_x) layouts[i].x = x;
        if (grid->share_y) layouts[i].y = y;
    }
}

/* Gives the figures of a column the same left and right margins. */
static void align_column(const pl_grid *grid, pl_margins *margins, int column) {
    pl_margins most = {0};
    for (int i = 0; i < grid->rows; i++) {
        const pl_margins *m = &margins[i * grid->columns + column];
        most.left = larger(most.left, m->left);
        most.right = larger(most.right, m->right);
    }
    for (int i = 0; i < grid->rows; i++) {
        pl_margins *m = &margins[i * grid->columns + column];
        m->left = most.left;
        m->right = most.right;
    }
}

/* Gives the figures of a row the same margins above and below. */
static void align_row(const pl_grid *grid, pl_margins *margins, int row) {
    pl_margins most = {0};
    for (int j = 0; j < grid->columns; j++) {
        const pl_margins *m = &margins[row * grid->columns + j];
        most.top = larger(most.top, m->top);
        most.bottom = larger(most.bottom, m->bottom);
    }
    for (int j = 0; j < grid->columns; j++) {
        pl_margins *m = &margins[row * grid->columns + j];
        m->top = most.top;
        m->bottom = most.bottom;
    }
}

/* All frames get the same size: what the margins leave of the picture, in equal parts. */
static void place_frames(const pl_grid *grid, pl_layout *layouts, const pl_margins *margins, int width, int height) {
    const int smallest = 5 * PL_POINT;
    const int columns = grid->columns, rows = grid->rows;
    for (int j = 0; j < columns; j++) width -= margins[j].left + margins[j].right;
    for (int i = 0; i < rows; i++) height -= margins[i * columns].top + margins[i * columns].bottom;
    width = larger(width / columns, smallest);
    height = larger(height / rows, smallest);
    int y = 0;
    for (int i = 0; i < rows; i++) {
        const pl_margins *row = &margins[i * columns];
        int x = 0;
        y += row->top;
        for (int j = 0; j < columns; j++) {
            x += row[j].left;
            pl_place_frame(&layouts[i * columns + j], (pl_box){x, y, x + width, y + height});
            x += width + row[j].right;
        }
        y += height + row->bottom;
    }
}

static void lay_out(const pl_grid *grid, pl_layout *layouts, pl_margins *margins, int width, int height) {
    const int rounds = 3;
    find_limits(grid, layouts);
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < grid->rows * grid->columns; i++)
            margins[i] = pl_figure_margins(&layouts[i], grid->figures[i]);
        for (int j = 0; j < grid->columns; j++) align_column(grid, margins, j);
        for (int i = 0; i < grid->rows; i++) align_row(grid, margins, i);
        place_frames(grid, layouts, margins, width, height);
    }
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

static bool draw_and_write(const char *function, const char *path, const pl_grid *grid, const pl_layout *layouts,
                           int width, int height) {
    pl_canvas canvas;
    if (!pl_canvas_open(&canvas, width, height, function)) return false;
    for (int i = 0; i < grid->rows * grid->columns; i++) pl_draw_figure(&canvas, grid->figures[i], &layouts[i]);
    bool written = pl_write_png(function, path, &canvas);
    pl_canvas_close(&canvas);
    return written;
}

/* Of the whole picture: each place is as large as the largest figure. */
static bool measure(const char *function, const pl_grid *grid, int *width, int *height) {
    *width = *height = 0;
    for (int i = 0; i < grid->rows * grid->columns; i++) {
        *width = larger(*width, grid->figures[i]->width);
        *height = larger(*height, grid->figures[i]->height);
    }
    *width *= grid->columns;
    *height *= grid->rows;
    if (*width <= PL_MAX_SIZE && *height <= PL_MAX_SIZE) return true;
    at_fail(AT_ERROR_VALUE, "%s: %d x %d figures make a picture of %d x %d pixels: the most is %d each way", function,
            grid->rows, grid->columns, *width, *height, PL_MAX_SIZE);
    return false;
}

bool pl_write_grid(const char *function, const char *path, const pl_grid *grid) {
    const size_t count = (size_t)grid->rows * (size_t)grid->columns;
    int width, height;
    if (!measure(function, grid, &width, &height)) return false;
    pl_layout *layouts = at_allocate(function, count * sizeof *layouts);
    pl_margins *margins = layouts ? at_allocate(function, count * sizeof *margins) : NULL;
    bool written = false;
    if (margins) {
        lay_out(grid, layouts, margins, width, height);
        written = draw_and_write(function, path, grid, layouts, width, height);
    }
    at_free(margins, count * sizeof *margins);
    at_free(layouts, count * sizeof *layouts);
    return written;
}

/* ---- the public function ----------------------------------------------------------------------------------------- */

static const char *const function = "show_figures";

static bool check_side(const char *name, int figures) {
    if (figures >= 1 && figures <= PL_MAX_SIZE / PL_MIN_SIZE) return true;
    at_fail(AT_ERROR_VALUE, "%s: %s %d: must be 1 to %d", function, name, figures, PL_MAX_SIZE / PL_MIN_SIZE);
    return false;
}

static bool check_figures(const pl_grid *grid) {
    at_figure *const *figures = grid->figures;
    for (int i = 0; i < grid->rows * grid->columns; i++) {
        if (!figures[i]) {
            char name[32];
            snprintf(name, sizeof name, "figures[%d]", i);
            return at_fail_null(function, name);
        }
        const bool x_differs = grid->share_x && figures[i]->xlog != figures[0]->xlog;
        const bool y_differs = grid->share_y && figures[i]->ylog != figures[0]->ylog;
        if (!x_differs && !y_differs) continue;
        at_fail(AT_ERROR_VALUE, "%s: figures[0] and figures[%d] share %s axes: both or neither must be logarithmic",
                function, i, x_differs ? "x" : "y");
        return false;
    }
    return true;
}

bool at_show_figures_with(at_figures_options o) {
    const pl_grid grid = {o.figures, o.rows, o.columns, o.share_x, o.share_y};
    if (!o.path) return at_fail_null(function, "path");
    if (!o.figures) return at_fail_null(function, "figures");
    if (!check_side("rows", o.rows) || !check_side("columns", o.columns) || !check_figures(&grid)) return false;
    return pl_write_grid(function, o.path, &grid);
}
