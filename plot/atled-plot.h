/* plot/atled-plot.h - line, point and heatmap figures straight to PNG. Link with -latled-plot (pkg-config atled-plot).
 *
 *     at_figure *figure = at_figure_new(.xlabel = "x", .ylabel = "y");
 *     at_figure_line(figure, x, y_truth, .label = "Truth");
 *     at_figure_points(figure, x, y, .alpha = 0.5);
 *     at_figure_save(figure, "out/figure.png");
 *     at_figure_free(figure);
 *
 * The same input gives the same pixels on every machine, and with the same libpng and zlib the same bytes: letters are
 * built in, and drawing uses only operations that IEEE 754 defines exactly. Files are 8-bit RGB, 144 dots an inch.
 *
 * Texts are UTF-8 on one line: ASCII, Latin-1, Greek, superscripts and subscripts, common mathematical signs; a box
 * stands for any other character. NULL and "" are no text. Errors are reported as by atled itself: at_error_mode,
 * at_error(). A failed call leaves the figure and the files as they were. */
#ifndef ATLED_PLOT_H
#define ATLED_PLOT_H

#include <atled.h>

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

typedef struct at_figure at_figure;

typedef struct {
    int at_; /* unused: lets at_figure_new() compile without a warning */
    const char *title, *xlabel, *ylabel;
    double xlim[2];    /* {0, 0}: the range of the data and 5 % on either side */
    double ylim[2];    /* the same */
    int width, height; /* 50 to 10000 pixels; 0: 496 and 373. Letters and lines keep their size. */
    bool xlog, ylog;   /* a logarithmic axis: limits and data from 1e-100 to 1e100 */
} at_figure_options;
at_figure *at_figure_new_with(at_figure_options options); /* freed with at_figure_free */
#define at_figure_new(...) at_figure_new_with((at_figure_options){.at_ = 0, __VA_ARGS__})

/* Adds a line through (x[0], y[0]), (x[1], y[1]), ... x and y have equal numbers of elements, at least one, in any
 * shape and dtype, all finite; the figure copies them. color is "#rrggbb", a letter (b g r c m y k w) or "C0" ... "C9"
 * of matplotlib's cycle; NULL: the next of the cycle. A series with a label is listed in the legend, which goes where
 * it hides least. Series are cut off at the frame; later ones lie on top. */
typedef struct {
    at_figure *figure;
    at_tensor *x, *y;
    const char *label;
    bool dashed; /* as .style = "--" */
    const char *color;
    double alpha;      /* opacity; 0 stands for 1 */
    double width;      /* of the line in pixels; 0: 3 */
    const char *style; /* "-", "--", "-." or ":", or a letter for the color, or both: "m--"; NULL: "-" */
    int at_;
} at_line_options;
bool at_figure_line_with(at_line_options options);
#define at_figure_line(...) at_figure_line_with((at_line_options){__VA_ARGS__, .at_ = 0})

/* The same as circles, which have a darker rim when they are transparent. */
typedef struct {
    at_figure *figure;
    at_tensor *x, *y;
    const char *label;
    double alpha; /* opacity; 0 stands for 1 */
    const char *color;
    double size; /* diameter in pixels; 0: 14 */
    int at_;
} at_points_options;
bool at_figure_points_with(at_points_options options);
#define at_figure_points(...) at_figure_points_with((at_points_options){__VA_ARGS__, .at_ = 0})

/* Writes beside path and renames, so that path has the whole picture or what it had before. A figure may be saved
 * several times, and added to in between. */
bool at_figure_save(at_figure *figure, const char *path);
void at_figure_free(at_figure *figure); /* NULL is allowed */

/* Writes figures as one picture: rows * columns of them, row by row, all frames equally large. A place is as large as
 * the largest figure. What is shared has the same limits in all, and numbers and labels at the outer side only. */
typedef struct {
    const char *path;
    at_figure *const *figures;
    int rows, columns;
    bool share_x, share_y;
    int at_;
} at_figures_options;
bool at_show_figures_with(at_figures_options options);
#define at_show_figures(...) at_show_figures_with((at_figures_options){__VA_ARGS__, .at_ = 0})

/* A figure of the progress of a training, drawn anew into its file with each point that is added:
 *
 *     at_animator *animator = at_animator_new("out/training.png", .xlabel = "epoch", .xlim = {1, epochs},
 *                                             .legend = {"train loss", "test accuracy"});
 *     at_animator_add(animator, epoch, loss, accuracy);        in the loop; NAN: no new point in this series
 *     at_animator_free(animator);                              the file stays
 *
 * There are as many series as names in legend, but at least one; they look like "-", "m--", "g-." and "r:". */
typedef struct at_animator at_animator;
enum { AT_ANIMATOR_SERIES = 4 };
typedef struct {
    const char *path;
    const char *title, *xlabel, *ylabel;
    const char *legend[AT_ANIMATOR_SERIES];
    double xlim[2], ylim[2]; /* these and the others as at_figure_new takes them */
    int width, height;
    bool xlog, ylog;
    int at_;
} at_animator_options;
at_animator *at_animator_new_with(at_animator_options options);
#define at_animator_new(...) at_animator_new_with((at_animator_options){__VA_ARGS__, .at_ = 0})
/* count numbers, one for each series. A point that cannot be drawn or written is not added. */
bool at_animator_add_values(at_animator *animator, double x, const double *y, int count);
#define at_animator_add(animator, x, ...)                                                                              \
    at_animator_add_values(animator, x, (double[]){__VA_ARGS__},                                                       \
                           (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)))
void at_animator_free(at_animator *animator); /* NULL is allowed */

/* matrices: (rows, columns, height, width), drawn as a grid of heatmaps with shared axes, one range of colours from the
 * least to the greatest element, and one colour bar. Row 0 of a matrix is at the top. titles: one for each column, or
 * NULL. cmap: "Reds" (NULL), "Blues", "viridis" or "gray". */
typedef struct {
    const char *path;
    at_tensor *matrices;
    const char *xlabel, *ylabel;
    const char *const *titles;
    const char *cmap;
    int width, height; /* of the whole, up to 10000 pixels; 0: from the grid, about 430 x 340 for one square matrix */
    int at_;
} at_heatmap_options;
bool at_show_heatmaps_with(at_heatmap_options options);
#define at_show_heatmaps(...) at_show_heatmaps_with((at_heatmap_options){__VA_ARGS__, .at_ = 0})

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
