/* plot/internal.h - what the files of plot/ share.
 *
 * From the ground up: raster.c draws shapes onto a canvas, text.c draws letters, colors.c knows colours; ticks.c
 * chooses round numbers, and axes.c puts them beside a frame. figure.c holds a figure; layout.c finds its limits and
 * places, and draws it with series.c and legend.c; grid.c puts several beside each other, and animator.c draws one
 * again and again. heatmap.c draws matrices where arrange.c puts them. png.c turns a canvas into a file.
 *
 * Every number that a pixel depends on comes from + - * / sqrt, floor, ceil, fmod and frexp on doubles, which IEEE 754 and
 * C define to the last bit. Coordinates: x to the right, y down; pixel (i, j) is i <= x < i + 1, j <= y < j + 1. */
#ifndef ATLED_PLOT_INTERNAL_H
#define ATLED_PLOT_INTERNAL_H

#include "atled-plot.h"
#include "glyphs.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pictures are laid out in typographic points at 144 dots an inch, with letters of 10 points. */
enum { PL_POINT = 2 /* pixels */, PL_DOTS_PER_INCH = 72 * PL_POINT };

enum {
    PL_PAD = 7 * PL_POINT,      /* between the edge of the picture and what is drawn */
    PL_LINE = 2,                /* of frames, ticks and grids, in whole pixels for sharp edges */
    PL_TICK = 7 * PL_POINT / 2, /* length of a tick */
    PL_SHORT_TICK = 2 * PL_POINT,
    PL_TICK_GAP = 3 * PL_POINT,  /* between a tick and its number */
    PL_LABEL_GAP = 4 * PL_POINT, /* between the numbers and the label of an axis */
    PL_TITLE_GAP = 6 * PL_POINT, /* between a title and the frame under it */
    PL_MIN_SIZE = 50,            /* pixels of a picture, each way */
    PL_MAX_SIZE = 10000,
};

/* Coordinates and limits lie within +-PL_LARGEST, so that no difference or square root of a sum overflows. */
#define PL_LARGEST 1e100

/* ---- logarithms (logarithm.c) ------------------------------------------------------------------------------------ */

/* To the base 10, and back: within some units in the last place, but the same on every machine. */
double pl_log10(double x); /* x > 0 */
double pl_power_of_10(double x);

/* ---- colours (colors.c, colormaps.c) ----------------------------------------------------------------------------- */

typedef struct {
    uint8_t r, g, b;
} pl_color;

typedef struct {
    const char *name;
    uint8_t rgb[256][3];
} pl_colormap;

extern const pl_colormap pl_colormaps[]; /* the first is the default */
extern const int pl_colormap_count;
extern const pl_color pl_black, pl_white, pl_frame_color, pl_grid_color;

typedef enum { PL_SOLID, PL_DASHED, PL_DASH_DOT, PL_DOTTED } pl_style;

enum { PL_CYCLE = 10 };
pl_color pl_cycle_color(int i);                         /* "C0" ... "C9" */
bool pl_parse_color(const char *name, pl_color *color); /* false: no such colour */
/* "-", "--", "-.", ":", which a colour's letter may precede or stand for; false: no such style. */
bool pl_parse_style(const char *text, pl_style *style, pl_color *color, bool *colored);
const pl_colormap *pl_find_colormap(const char *name);   /* NULL: no such map */
pl_color pl_map_color(const pl_colormap *map, double t); /* 0 <= t <= 1 */

/* ---- drawing (raster.c) ------------------------------------------------------------------------------------------ */

typedef struct {
    int x0, y0, x1, y1; /* the pixels x0 <= x < x1, y0 <= y < y1 */
} pl_box;

typedef struct {
    int width, height;
    uint8_t *rgb;  /* (height, width, 3) */
    uint8_t *mask; /* (height, width): the part of each pixel under the stroke being drawn; zeros in between */
} pl_canvas;

bool pl_canvas_open(pl_canvas *canvas, int width, int height, const char *function); /* white; false: reported */
void pl_canvas_close(pl_canvas *canvas);

void pl_set_pixel(pl_canvas *canvas, int x, int y, pl_color color);                 /* x and y within the canvas */
void pl_blend_pixel(pl_canvas *canvas, int x, int y, pl_color color, double alpha); /* the same */
/* The part of row y that lies in the box becomes equal to that of row y - 1; all within the canvas. */
void pl_repeat_row(pl_canvas *canvas, pl_box box, int y);

void pl_fill(pl_canvas *canvas, pl_box box, pl_color color);
void pl_frame(pl_canvas *canvas, pl_box box); /* a line PL_LINE wide, centred on the edge of the box */

/* The ring between two radii around (x, y); inner 0: a disc. */
void pl_ring(pl_canvas *canvas, pl_box clip, double x, double y, double inner, double outer, pl_color color,
             double alpha);

/* A box with rounded corners, filled and outlined. */
void pl_rounded_box(pl_canvas *canvas, pl_box box, double radius, pl_color fill, pl_color edge, double alpha);

enum { PL_MOST_PARTS = 4 };

/* A polyline with round joins. Its pixels are gathered in the canvas's mask and blended at the end, so that a
 * transparent line is no darker where it touches itself. Dashes follow its length, with flat ends: a pattern of parts,
 * drawn and left out by turns, comes again and again. */
typedef struct {
    pl_canvas *canvas;
    pl_box clip, touched;
    double half_width;
    int parts;                  /* of the pattern; 0: solid */
    double ends[PL_MOST_PARTS]; /* of the parts, measured from the beginning of the pattern */
    double phase;               /* how much of the pattern has been drawn */
    int vertices;               /* 0, 1, or 2 for more */
    double from[2], to[2];      /* the last two vertices; what lies between is not drawn yet */
} pl_stroke;

pl_stroke pl_stroke_begin(pl_canvas *canvas, pl_box clip, double width, pl_style style);
void pl_stroke_to(pl_stroke *stroke, double x, double y);
void pl_stroke_end(pl_stroke *stroke, pl_color color, double alpha);

/* Shortens the segment from a to b to what lies in the box x0 <= x <= x1, y0 <= y <= y1; false: nothing does. */
bool pl_clip_segment(const double box[4], double a[2], double b[2]);

/* ---- text (text.c) ----------------------------------------------------------------------------------------------- */

/* UTF-8 in black on one line, which begins at x, or goes upwards from y. Widths and positions along the line are in
 * pixels; letters begin at whole quarters of them. */
double pl_text_width(const pl_font *font, const char *text);
void pl_text_draw(pl_canvas *canvas, const pl_font *font, const char *text, double x, int baseline);
void pl_text_draw_up(pl_canvas *canvas, const pl_font *font, const char *text, int baseline, double y);
int pl_text_ascent(const pl_font *font);  /* pixels above the baseline that letters without accents take */
int pl_text_descent(const pl_font *font); /* pixels below it */
int pl_text_height(const pl_font *font);  /* both together */
int pl_digit_height(const pl_font *font);

/* ---- ticks (ticks.c) --------------------------------------------------------------------------------------------- */

enum { PL_MAX_TICKS = 12, PL_TICK_BYTES = 48 };

typedef struct {
    int count;
    double at[PL_MAX_TICKS];
    char text[PL_MAX_TICKS][PL_TICK_BYTES];
    char factor[PL_TICK_BYTES]; /* "": none; otherwise what every text is to be multiplied by, as "x10^6" */
    bool decades;               /* of a logarithmic axis: 2 to 9 times each power of ten get short ticks */
} pl_ticks;

/* Round numbers in lo ... hi (lo < hi): about as many as make so many intervals, at least two if possible. whole:
 * integers only. */
void pl_ticks_choose(pl_ticks *ticks, double lo, double hi, int intervals, bool whole);
/* The same for logarithms: powers of ten, of which each n-th is taken if there are many, or else round numbers. */
void pl_ticks_choose_log(pl_ticks *ticks, double lo, double hi, int intervals);
double pl_ticks_width(const pl_ticks *ticks); /* of the widest text */

/* ---- axes (axes.c) ----------------------------------------------------------------------------------------------- */

/* A range of values on a range of pixels: lo stands at `from` and hi at `to` (which may be smaller). log: the values
 * are logarithms to the base 10 of what is shown. */
typedef struct {
    double lo, hi;
    int from, to;
    bool log;
} pl_scale;

double pl_scale_at(const pl_scale *scale, double value);
int pl_scale_pixel(const pl_scale *scale, double value); /* the nearest boundary between two pixels */

/* Whether so small a range has no round numbers in it that a double can tell apart. */
bool pl_too_close(double lo, double hi);
bool pl_close_logarithms(double lo, double hi); /* of numbers that are so */

/* As many ticks as there is room for, for an axis that runs across or for an upright one. */
void pl_ticks_across(pl_ticks *ticks, const pl_scale *scale, bool whole);
void pl_ticks_upright(pl_ticks *ticks, const pl_scale *scale, bool whole);

/* Ticks under the horizontal line y, to the left or to the right of the vertical line x. */
void pl_draw_ticks_below(pl_canvas *canvas, const pl_ticks *ticks, const pl_scale *scale, int y);
void pl_draw_ticks_left(pl_canvas *canvas, const pl_ticks *ticks, const pl_scale *scale, int x);
void pl_draw_ticks_right(pl_canvas *canvas, const pl_ticks *ticks, const pl_scale *scale, int x);

/* What the numbers and the label of an axis take beside the frame, and the baseline of the label. */
int pl_room_below(bool label);
int pl_room_left(const pl_ticks *ticks, bool label);
int pl_label_below(int y);
int pl_label_left(const pl_ticks *ticks, int x);

void pl_draw_centered(pl_canvas *canvas, const pl_font *font, const char *text, double x, int baseline);
void pl_draw_centered_up(pl_canvas *canvas, const pl_font *font, const char *text, int baseline, double y);

/* ---- a figure (figure.c, layout.c, series.c, legend.c) ----------------------------------------------------------- */

typedef struct {
    int64_t count; /* elements of x and of y */
    int64_t room;  /* for so many in both */
    double *x, *y;
    char *label; /* NULL: not in the legend */
    bool points; /* circles; otherwise a line */
    pl_style style;
    pl_color color;
    bool own_color; /* not the next of the cycle */
    double alpha;
    double size; /* the line's width or the circles' diameter */
} pl_series;

struct at_figure {
    char *title, *xlabel, *ylabel; /* NULL: none */
    bool xlog, ylog;               /* limits and series hold logarithms to the base 10 */
    double xlim[2], ylim[2];       /* {0, 0}: from the data */
    int width, height;
    pl_series *series;
    int count;
    int next_color; /* of the cycle */
};

/* Where the parts of a figure are. */
typedef struct {
    pl_box axes; /* the frame */
    pl_scale x, y;
    pl_ticks x_ticks, y_ticks;
    bool bare_x, bare_y; /* no numbers and no label: another figure has them */
} pl_layout;

/* What stands between the frame and the figures around it, or the edges of the picture. */
typedef struct {
    int left, right, top, bottom;
} pl_margins;

/* The order in which a figure is laid out: the limits; then, some times over, margins and frame, as each depends on the
 * other. This settles quickly. */
void pl_find_limits(pl_layout *layout, const at_figure *figure);
pl_margins pl_figure_margins(const pl_layout *layout, const at_figure *figure);
void pl_place_frame(pl_layout *layout, pl_box axes);
void pl_draw_figure(pl_canvas *canvas, const at_figure *figure, const pl_layout *layout);
void pl_draw_series(pl_canvas *canvas, const pl_series *series, const pl_layout *layout);
void pl_draw_marker(pl_canvas *canvas, const pl_series *series, pl_box clip, double x, double y);
void pl_draw_legend(pl_canvas *canvas, const at_figure *figure, const pl_layout *layout);

/* Rows * columns figures, row by row. */
typedef struct {
    at_figure *const *figures;
    int rows, columns;
    bool share_x, share_y;
} pl_grid;

bool pl_write_grid(const char *function, const char *path, const pl_grid *grid); /* (grid.c) */

/* ---- heatmaps (heatmap.c, arrange.c) ----------------------------------------------------------------------------- */

/* Matrices, (rows, columns, height, width) in row-major order, and how to show them. */
typedef struct {
    int64_t rows, columns, height, width;
    double *values;
    double lo, hi; /* the range of the colours */
    const pl_colormap *map;
    const char *xlabel, *ylabel;
    const char *const *titles; /* one for each column; NULL: none */
} pl_heatmaps;

/* Where everything is. A panel shows one matrix. */
typedef struct {
    int width, height; /* of the picture */
    int panel_width, panel_height;
    int step_x, step_y; /* from one panel to the next */
    int left, top;      /* of the first panel */
    pl_box bar;
    pl_ticks x_ticks, y_ticks, bar_ticks;
} pl_arrangement;

/* width and height: of the picture, 0 for what the panels need. false: reported. */
bool pl_arrange(pl_arrangement *a, const pl_heatmaps *maps, int width, int height);

/* ---- arguments (arguments.c): false or NULL after a report ------------------------------------------------------- */

bool pl_check_size(const char *function, const char *name, int pixels);
/* Freed as so many doubles. log: the logarithms to the base 10 of the elements, which must be positive. */
double *pl_copy_elements(const char *function, const char *name, at_tensor *t, bool log);
bool pl_check_number(const char *function, const char *name, double value, bool log);

/* ---- files (png.c) ----------------------------------------------------------------------------------------------- */

bool pl_write_png(const char *function, const char *path, const pl_canvas *canvas); /* false: reported */

#endif
