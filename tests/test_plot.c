/* tests/test_plot.c - figures and heatmaps, by the pixels of the files they write. */
#define _XOPEN_SOURCE 700
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <png.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atled-plot.h"
#include "folder.h"

static int64_t live_tensors;

static void set_up(void) {
    make_folder();
    at_set_error_mode(AT_ERROR_RETURN);
    at_clear_error();
    live_tensors = at_live_tensors();
}

static void remove_file(const char *name) { unlink(in_folder(name)); }

static void tear_down(void) {
    at_clear_error();
    at_set_error_mode(AT_ERROR_ABORT);
    remove_file("a.png");
    remove_file("b.png");
    remove_file("link.png");
    ck_assert_int_eq(count_files(), 0); /* no temporary file is left */
    remove_folder();
}

/* ---- looking at a picture ---------------------------------------------------------------------------------------- */

typedef struct {
    int width, height;
    png_bytep rgb;
} picture;

static picture read_picture(const char *path) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    ck_assert_msg(png_image_begin_read_from_file(&image, path), "%s: %s", path, image.message);
    ck_assert_uint_eq(image.format & (PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA), PNG_FORMAT_FLAG_COLOR);
    image.format = PNG_FORMAT_RGB;
    picture p = {(int)image.width, (int)image.height, malloc(PNG_IMAGE_SIZE(image))};
    ck_assert_ptr_nonnull(p.rgb);
    ck_assert_msg(png_image_finish_read(&image, NULL, p.rgb, 0, NULL), "%s: %s", path, image.message);
    return p;
}

static unsigned color_at(const picture *p, int x, int y) {
    ck_assert_msg(x >= 0 && y >= 0 && x < p->width && y < p->height, "(%d, %d) is outside the picture", x, y);
    const png_byte *rgb = p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x);
    return (unsigned)rgb[0] << 16 | (unsigned)rgb[1] << 8 | rgb[2];
}

#define assert_color(p, x, y, color)                                                                                   \
    ck_assert_msg(color_at(p, x, y) == (color), "at (%d, %d): %06x, not %06x", x, y, color_at(p, x, y),                \
                  (unsigned)(color))

enum { WHITE = 0xffffff, FRAME = 0x262626, GRID = 0xbfbfbf, C0 = 0x1f77b4, C1 = 0xff7f0e, C2 = 0x2ca02c };

/* Pixels of the color with x0 <= x < x1, y0 <= y < y1. */
static int count_color(const picture *p, unsigned color, int x0, int y0, int x1, int y1) {
    int count = 0;
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++) count += color_at(p, x, y) == color;
    }
    return count;
}

static int count_ink(const picture *p, int x0, int y0, int x1, int y1) {
    return (x1 - x0) * (y1 - y0) - count_color(p, WHITE, x0, y0, x1, y1);
}

/* The frame: the boundaries between pixels at the middle of its lines, which are two pixels wide. */
typedef struct {
    int left, top, right, bottom;
} frame;

static int run_across(const picture *p, int x, int y) {
    int length = 0;
    while (x + length < p->width && color_at(p, x + length, y) == FRAME) length++;
    return length;
}

static int run_down(const picture *p, int x, int y) {
    int length = 0;
    while (y + length < p->height && color_at(p, x, y + length) == FRAME) length++;
    return length;
}

/* The first frame from the left that has a corner in or below row `above`. */
static frame find_frame_below(const picture *p, int above) {
    const int longest_tick = 8;
    for (int y = above; y < p->height; y++) {
        for (int x = 0; x < p->width; x++) {
            if (run_across(p, x, y) <= longest_tick || run_down(p, x, y) <= longest_tick) continue;
            /* A tick may go on where a line ends: the line across finds the end. */
            int right = x + run_across(p, x, y), bottom = y + run_down(p, x, y);
            while (right > x && run_down(p, right - 1, y) <= longest_tick) right--;
            while (bottom > y && run_across(p, x, bottom - 1) <= longest_tick) bottom--;
            return (frame){x + 1, y + 1, right - 1, bottom - 1};
        }
    }
    ck_abort_msg("there is no frame");
    return (frame){0};
}

static frame find_frame(const picture *p) { return find_frame_below(p, 0); }

/* Where a value lies between the limits, as the pixel that holds the place. */
static int place(double value, double lo, double hi, int from, int to) {
    return (int)floor(from + (value - lo) / (hi - lo) * (to - from));
}

/* ---- drawing in short -------------------------------------------------------------------------------------------- */

#define numbers(...)                                                                                                   \
    at_from_doubles(((double[]){__VA_ARGS__}), (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)))

static at_figure *unit_figure(void) { return at_figure_new(.xlim = {0, 1}, .ylim = {0, 1}); }

static picture save_and_read(at_figure *figure) {
    ck_assert_msg(at_figure_save(figure, in_folder("a.png")), "%s", at_error());
    at_figure_free(figure);
    return read_picture(in_folder("a.png"));
}

static picture heatmap_picture(at_heatmap_options options) {
    options.path = in_folder("a.png");
    ck_assert_msg(at_show_heatmaps_with(options), "%s", at_error());
    return read_picture(in_folder("a.png"));
}

#define heatmap(...) heatmap_picture((at_heatmap_options){__VA_ARGS__})

static void assert_same_pictures(const picture *a, const picture *b, int tolerance) {
    ck_assert_int_eq(a->width, b->width);
    ck_assert_int_eq(a->height, b->height);
    for (int i = 0; i < 3 * a->width * a->height; i++) {
        if (abs(a->rgb[i] - b->rgb[i]) > tolerance)
            ck_abort_msg("pixel (%d, %d) differs", i / 3 % a->width, i / 3 / a->width);
    }
}

static void assert_same_files(const char *a, const char *b) {
    char in_a[4096], in_b[4096];
    FILE *file_a = fopen(a, "rb"), *file_b = fopen(b, "rb");
    ck_assert(file_a && file_b);
    size_t n;
    do {
        n = fread(in_a, 1, sizeof in_a, file_a);
        ck_assert_uint_eq(fread(in_b, 1, sizeof in_b, file_b), n);
        ck_assert_mem_eq(in_a, in_b, n);
    } while (n > 0);
    fclose(file_a);
    fclose(file_b);
}

/* ---- the figure's frame, ticks and texts ------------------------------------------------------------------------- */

START_TEST(size_of_the_picture) {
    picture p = save_and_read(at_figure_new());
    ck_assert_int_eq(p.width, 496);
    ck_assert_int_eq(p.height, 373);
    free(p.rgb);
    p = save_and_read(at_figure_new(.width = 800, .height = 200));
    ck_assert_int_eq(p.width, 800);
    ck_assert_int_eq(p.height, 200);
    free(p.rgb);
    p = save_and_read(at_figure_new(.width = 50, .height = 50, .title = "much", .xlabel = "too", .ylabel = "small"));
    ck_assert_int_eq(p.width, 50);
    free(p.rgb);
}
END_TEST

START_TEST(ticks_stand_at_round_numbers) {
    picture p = save_and_read(at_figure_new(.xlim = {0.13, 0.97}, .ylim = {-1, 5}));
    frame f = find_frame(&p);
    int ticks = 0;
    for (int x = f.left; x < f.right; x++) ticks += color_at(&p, x, f.bottom + 4) == FRAME;
    ck_assert_int_eq(ticks, 2 * 4); /* 0.2, 0.4, 0.6, 0.8, each two pixels wide */
    for (int i = 1; i <= 4; i++) {
        int x = place(0.2 * i, 0.13, 0.97, f.left, f.right);
        ck_assert_int_ge(count_color(&p, FRAME, x - 1, f.bottom + 4, x + 2, f.bottom + 5), 1);
        ck_assert_int_ge(count_color(&p, GRID, x - 1, f.bottom - 10, x + 2, f.bottom - 9), 1);
        ck_assert_int_gt(count_ink(&p, x - 14, f.bottom + 13, x + 14, f.bottom + 28), 40); /* its number */
    }
    for (int i = -1; i <= 5; i++) {
        int y = place(i, -1, 5, f.bottom, f.top);
        ck_assert_int_ge(count_color(&p, FRAME, f.left - 5, y - 1, f.left - 4, y + 2), 1);
    }
    free(p.rgb);
}
END_TEST

START_TEST(negative_numbers_have_a_minus_sign) {
    picture p = save_and_read(at_figure_new(.ylim = {-1, 1}));
    frame f = find_frame(&p);
    /* "-1.0" and "1.0" end at the same place; the sign is wider than a hyphen. */
    int sign = count_ink(&p, 0, f.bottom - 3, f.left - 45, f.bottom + 3);
    ck_assert_int_ge(sign, 12);
    ck_assert_int_eq(count_ink(&p, 0, f.top - 3, f.left - 48, f.top + 3), 0);
    free(p.rgb);
}
END_TEST

START_TEST(large_and_small_numbers_have_a_factor) {
    at_figure *figure = at_figure_new();
    ck_assert(at_figure_line(figure, numbers(0, 1), numbers(0, 4e9)));
    picture large = save_and_read(figure);
    figure = at_figure_new();
    ck_assert(at_figure_line(figure, numbers(0, 1), numbers(0, 4e-9)));
    picture small = save_and_read(figure);
    figure = at_figure_new();
    ck_assert(at_figure_line(figure, numbers(0, 1), numbers(0, 4)));
    picture plain = save_and_read(figure);
    frame with = find_frame(&large), without = find_frame(&plain);
    ck_assert_int_gt(count_ink(&large, with.left, with.top - 24, with.left + 60, with.top - 4), 80);
    ck_assert_int_gt(count_ink(&small, with.left, with.top - 24, with.left + 60, with.top - 4), 80);
    ck_assert_int_eq(count_ink(&plain, without.left, 0, without.left + 60, without.top - 4), 0);
    ck_assert_int_eq(with.left, without.left); /* the numbers themselves are as short */
    free(large.rgb);
    free(small.rgb);
    free(plain.rgb);
}
END_TEST

START_TEST(limits_leave_a_margin_around_the_data) {
    at_figure *figure = at_figure_new();
    ck_assert(at_figure_points(figure, numbers(10, 20), numbers(-3, 7)));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    assert_color(&p, place(10, 9.5, 20.5, f.left, f.right), place(-3, -3.5, 7.5, f.bottom, f.top), C0);
    assert_color(&p, place(20, 9.5, 20.5, f.left, f.right), place(7, -3.5, 7.5, f.bottom, f.top), C0);
    free(p.rgb);
}
END_TEST

START_TEST(equal_values_get_limits_around_them) {
    at_figure *figure = at_figure_new();
    ck_assert(at_figure_points(figure, numbers(20, 20), numbers(0, 0)));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    assert_color(&p, place(20, 19, 21, f.left, f.right), place(0, -1, 1, f.bottom, f.top), C0);
    free(p.rgb);
}
END_TEST

START_TEST(texts_stand_around_the_frame) {
    picture with = save_and_read(at_figure_new(.title = "Title \xce\xb1", .xlabel = "label", .ylabel = "label"));
    picture without = save_and_read(at_figure_new(.title = "", .xlabel = NULL));
    frame f = find_frame(&with), g = find_frame(&without);
    int middle_x = (f.left + f.right) / 2, middle_y = (f.top + f.bottom) / 2;
    int title = count_ink(&with, middle_x - 40, 5, middle_x + 40, f.top - 4);
    int across = count_ink(&with, middle_x - 40, f.bottom + 33, middle_x + 40, with.height);
    int upwards = count_ink(&with, 0, middle_y - 40, 34, middle_y + 40);
    ck_assert_int_gt(title, 300);
    ck_assert_int_gt(across, 150);
    ck_assert_int_le(abs(across - upwards), 40); /* the same letters, turned */
    ck_assert_int_eq(count_ink(&without, 0, 0, without.width, 10), 0);
    ck_assert_int_lt(g.top, f.top);
    ck_assert_int_gt(g.bottom, f.bottom);
    ck_assert_int_lt(g.left, f.left);
    free(with.rgb);
    free(without.rgb);
}
END_TEST

static int title_ink(const char *title) {
    picture p = save_and_read(at_figure_new(.title = title, .xlim = {0, 1}, .ylim = {0, 1}));
    frame f = find_frame(&p);
    int ink = count_ink(&p, f.left, 0, f.right, f.top - 4);
    free(p.rgb);
    return ink;
}

START_TEST(unknown_characters_are_boxes) {
    int box = title_ink("\xe4\xb8\xad"); /* a Chinese character */
    ck_assert_int_gt(box, 40);
    ck_assert_int_eq(title_ink("\xff"), box); /* not UTF-8 */
    ck_assert_int_eq(title_ink("\x80"), box);
    ck_assert_int_eq(title_ink("\xce"), box); /* cut off */
    ck_assert_int_eq(title_ink("\t"), box);
    ck_assert_int_eq(title_ink("\xf0\x9f\x98\x80"), box); /* beyond 16 bits */
    ck_assert_int_ne(title_ink("\xce\xb1"), box);         /* alpha is known */
    ck_assert_int_eq(title_ink(" "), 0);
}
END_TEST

START_TEST(endless_text_is_cut_off) {
    char *text = malloc(3000001);
    ck_assert_ptr_nonnull(text);
    memset(text, 'W', 3000000);
    text[3000000] = '\0';
    picture p = save_and_read(at_figure_new(.title = text, .xlabel = text, .ylabel = text));
    ck_assert_int_eq(p.width, 496);
    free(text);
    free(p.rgb);
}
END_TEST

/* ---- series ------------------------------------------------------------------------------------------------------ */

START_TEST(a_line_goes_through_its_points) {
    at_figure *figure = unit_figure();
    ck_assert(at_figure_line(figure, numbers(0, 0.5, 1), numbers(0.1, 0.9, 0.3), .color = "#123456"));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    assert_color(&p, place(0.25, 0, 1, f.left, f.right), place(0.5, 0, 1, f.bottom, f.top), 0x123456);
    assert_color(&p, place(0.5, 0, 1, f.left, f.right), place(0.9, 0, 1, f.bottom, f.top) + 1, 0x123456);
    assert_color(&p, place(0.75, 0, 1, f.left, f.right), place(0.6, 0, 1, f.bottom, f.top), 0x123456);
    assert_color(&p, place(0.25, 0, 1, f.left, f.right), place(0.25, 0, 1, f.bottom, f.top), WHITE);
    free(p.rgb);
}
END_TEST

START_TEST(colors_have_names) {
    static const struct {
        const char *name;
        unsigned color;
    } cases[] = {{"b", 0x0000ff},
                 {"g", 0x008000},
                 {"r", 0xff0000},
                 {"c", 0x00bfbf},
                 {"m", 0xbf00bf},
                 {"y", 0xbfbf00},
                 {"k", 0x000000},
                 {"w", 0xffffff},
                 {"C0", C0},
                 {"C1", C1},
                 {"C2", C2},
                 {"C3", 0xd62728},
                 {"C4", 0x9467bd},
                 {"C5", 0x8c564b},
                 {"C6", 0xe377c2},
                 {"C7", 0x7f7f7f},
                 {"C8", 0xbcbd22},
                 {"C9", 0x17becf},
                 {"#aBcDeF", 0xabcdef},
                 {"#000001", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        at_figure *figure = unit_figure();
        ck_assert(at_figure_points(figure, numbers(0.5), numbers(0.5), .color = cases[i].name));
        picture p = save_and_read(figure);
        frame f = find_frame(&p);
        assert_color(&p, (f.left + f.right) / 2, (f.top + f.bottom) / 2, cases[i].color);
        free(p.rgb);
    }
}
END_TEST

START_TEST(series_take_the_next_color_of_the_cycle) {
    at_figure *figure = unit_figure();
    ck_assert(at_figure_points(figure, numbers(0.1), numbers(0.5)));
    ck_assert(at_figure_points(figure, numbers(0.3), numbers(0.5), .color = "m")); /* takes none */
    ck_assert(at_figure_points(figure, numbers(0.5), numbers(0.5)));
    ck_assert(!at_figure_points(figure, numbers(0.5), numbers(NAN))); /* nor does an error */
    ck_assert(at_figure_points(figure, numbers(0.7), numbers(0.5)));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    int y = (f.top + f.bottom) / 2;
    assert_color(&p, place(0.1, 0, 1, f.left, f.right), y, C0);
    assert_color(&p, place(0.3, 0, 1, f.left, f.right), y, 0xbf00bf);
    assert_color(&p, place(0.5, 0, 1, f.left, f.right), y, C1);
    assert_color(&p, place(0.7, 0, 1, f.left, f.right), y, C2);
    free(p.rgb);
}
END_TEST

START_TEST(transparent_points_add_up) {
    at_figure *figure = unit_figure();
    ck_assert(at_figure_points(figure, numbers(0.1, 0.7, 0.7), numbers(0.1, 0.7, 0.7), .color = "C1", .alpha = 0.5));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    int x = place(0.1, 0, 1, f.left, f.right), y = place(0.1, 0, 1, f.bottom, f.top);
    assert_color(&p, x, y, 0xffbf87);                    /* half of ff7f0e on white */
    ck_assert_uint_lt(color_at(&p, x + 5, y), 0xffbf87); /* the rim is darker */
    assert_color(&p, place(0.7, 0, 1, f.left, f.right), place(0.7, 0, 1, f.bottom, f.top),
                 0xff9f4b); /* three quarters */
    free(p.rgb);
}
END_TEST

START_TEST(a_transparent_line_is_even) {
    at_figure *figure = unit_figure();
    at_tensor *x = numbers(0.1, 0.9, 0.1, 0.9, 0.5, 0.5), *y = numbers(0.1, 0.5, 0.9, 0.1, 0.9, 0.1);
    ck_assert(at_figure_line(figure, x, y, .color = "k", .alpha = 0.5, .width = 20));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    for (int j = f.top + 1; j < f.bottom - 1; j++) {
        for (int i = f.left + 1; i < f.right - 1; i++)
            ck_assert_uint_ge(color_at(&p, i, j) & 0xff, 0x60); /* the grid */
    }
    ck_assert_int_gt(count_color(&p, 0x808080, f.left, f.top, f.right, f.bottom), 10000);
    free(p.rgb);
}
END_TEST

START_TEST(lines_have_round_joins) {
    at_figure *figure = unit_figure();
    ck_assert(at_figure_line(figure, numbers(0.4, 0.5, 0.6), numbers(0.1, 0.77, 0.1), .color = "k", .width = 30));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    int x = (f.left + f.right) / 2, y = place(0.77, 0, 1, f.bottom, f.top);
    assert_color(&p, x, y - 13, 0x000000);
    ck_assert_uint_ne(color_at(&p, x, y - 18), 0x000000); /* a sharp join would reach up to 60 pixels further */
    free(p.rgb);
}
END_TEST

/* A dashed line at half the height, of so many vertices. */
static picture dashed_picture(int vertices) {
    at_figure *figure = unit_figure();
    at_tensor *x = at_linspace(0, 1, vertices), *y = at_full(0.35, vertices);
    ck_assert(at_figure_line(figure, x, y, .color = "k", .dashed = true, .width = 4));
    return save_and_read(figure);
}

START_TEST(dashes_follow_the_length_of_the_line) {
    picture p = dashed_picture(2);
    frame f = find_frame(&p);
    int y = place(0.35, 0, 1, f.bottom, f.top), dashes = 0;
    for (int x = f.left + 2; x < f.right - 2; x++) { dashes += color_at(&p, x, y) == 0 && color_at(&p, x - 1, y) != 0; }
    double period = (3.7 + 1.6) * 4;
    ck_assert_int_eq(dashes, (int)((f.right - f.left) / period)); /* the first begins under the frame */
    assert_color(&p, f.left + 7, y, 0);
    assert_color(&p, f.left + 18, y, WHITE);
    for (int vertices = 3; vertices <= 1003; vertices += 250) {
        picture q = dashed_picture(vertices);
        assert_same_pictures(&p, &q, 2);
        free(q.rgb);
    }
    free(p.rgb);
}
END_TEST

/* The lengths of the first runs of the color along a row, begun with the first pixel of that color: drawn, left out ... */
static void measure_runs(const picture *p, unsigned color, int x, int y, int *runs, int count) {
    while (color_at(p, x, y) != color) x++;
    for (int i = 0; i < count; i++) {
        runs[i] = 0;
        for (; (color_at(p, x, y) == color) == (i % 2 == 0); x++) runs[i]++;
    }
}

START_TEST(styles_break_lines_and_name_colors) {
    static const struct {
        const char *style;
        unsigned color;
        int runs[4]; /* for a line of 10 pixels, within one: edges of dashes share pixels */
    } cases[] = {{"--", C0, {37, 16, 37, 16}}, {"m--", 0xbf00bf, {37, 16, 37, 16}}, {"g-.", 0x008000, {64, 16, 10, 16}},
                 {"-.", C0, {64, 16, 10, 16}}, {"r:", 0xff0000, {10, 16, 10, 17}},  {":", C0, {10, 16, 10, 17}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        at_figure *figure = unit_figure();
        ck_assert(at_figure_line(figure, numbers(0.1, 2), numbers(0.37, 0.37), .style = cases[i].style, .width = 10));
        picture p = save_and_read(figure);
        frame f = find_frame(&p);
        int runs[4];
        measure_runs(&p, cases[i].color, f.left + 2, place(0.37, 0, 1, f.bottom, f.top), runs, 4);
        for (int run = 0; run < 4; run++)
            ck_assert_msg(abs(runs[run] - cases[i].runs[run]) <= 2, "\"%s\": run %d is %d", cases[i].style, run,
                          runs[run]);
        free(p.rgb);
    }
}
END_TEST

START_TEST(solid_styles_and_dashed_are_the_same_in_short) {
    static const char *const solid[] = {NULL, "-", "C0"}, *const dashed[] = {NULL, "--"};
    for (int i = 0; i < 3; i++) {
        at_figure *figure = unit_figure();
        bool by_color = i == 2;
        ck_assert(at_figure_line(figure, numbers(0, 1), numbers(0, 1), .style = by_color ? "-" : solid[i],
                                 .color = by_color ? solid[i] : NULL));
        ck_assert(at_figure_line(figure, numbers(0, 1), numbers(1, 0), .style = i ? dashed[1] : dashed[0],
                                 .dashed = i == 0, .color = "m"));
        ck_assert(at_figure_save(figure, in_folder(i ? "b.png" : "a.png")));
        if (i) assert_same_files(in_folder("a.png"), in_folder("b.png"));
        at_figure_free(figure);
    }
    at_figure *figure = unit_figure();
    ck_assert(at_figure_line(figure, numbers(0, 1), numbers(0.2, 0.2), .style = "k"));
    ck_assert(at_figure_line(figure, numbers(0, 1), numbers(0.4, 0.4))); /* a letter took no color of the cycle */
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    int x = (f.left + f.right) / 2 + 7;
    assert_color(&p, x, place(0.2, 0, 1, f.bottom, f.top), 0x000000);
    assert_color(&p, x, place(0.4, 0, 1, f.bottom, f.top), C0);
    free(p.rgb);
}
END_TEST

START_TEST(series_are_cut_off_at_the_frame) {
    picture empty = save_and_read(unit_figure());
    at_figure *figure = unit_figure();
    ck_assert(at_figure_line(figure, numbers(-3, 2, 0.5), numbers(0.2, 0.9, -7), .width = 40));
    ck_assert(at_figure_points(figure, numbers(0, 1, 0, 1), numbers(0, 0, 1, 1), .size = 60));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    for (int y = 0; y < p.height; y++) {
        for (int x = 0; x < p.width; x++) {
            bool inside = x > f.left && x < f.right - 1 && y > f.top && y < f.bottom - 1;
            if (!inside) ck_assert_uint_eq(color_at(&p, x, y), color_at(&empty, x, y));
        }
    }
    assert_color(&p, f.left + 5, f.top + 5, C1);
    free(p.rgb);
    free(empty.rgb);
}
END_TEST

START_TEST(far_points_lead_the_line_through_the_picture) {
    for (int dashed = 0; dashed <= 1; dashed++) {
        at_figure *figure = unit_figure();
        at_tensor *far = numbers(-1e99, 1e99);
        ck_assert(at_figure_line(figure, numbers(0.3, 0.3), far, .color = "k", .dashed = dashed));
        ck_assert(at_figure_line(figure, far, numbers(0.3, 0.3), .color = "k", .dashed = dashed));
        ck_assert(at_figure_line(figure, far, at_mul(far, 10), .color = "k", .dashed = dashed));
        picture p = save_and_read(figure);
        frame f = find_frame(&p);
        int x = place(0.3, 0, 1, f.left, f.right), y = place(0.3, 0, 1, f.bottom, f.top);
        ck_assert_int_gt(count_color(&p, 0, x, f.top, x + 1, f.bottom), 100);
        ck_assert_int_gt(count_color(&p, 0, f.left, y, f.right, y + 1), 100);
        free(p.rgb);
    }
}
END_TEST

START_TEST(one_point_makes_a_dot) {
    at_figure *figure = unit_figure();
    ck_assert(at_figure_line(figure, numbers(0.5), numbers(0.5), .color = "k", .width = 10));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    int x = (f.left + f.right) / 2, y = (f.top + f.bottom) / 2;
    assert_color(&p, x, y, 0);
    assert_color(&p, x, y - 4, 0);
    ck_assert_uint_ne(color_at(&p, x, y - 7), 0);
    free(p.rgb);
}
END_TEST

START_TEST(any_dtype_shape_and_layout_is_drawn) {
    at_figure *plain = unit_figure();
    ck_assert(at_figure_line(plain, numbers(0, 1, 0, 1), numbers(0, 0, 1, 1)));
    picture p = save_and_read(plain);
    at_tensor *x = at_from_floats(((float[]){0, 0, 1, 1}), 2, 2);
    at_tensor *y = at_from_int64s(((int64_t[]){0, 0, 1, 1}), 4), *flags = at_from_bools(((bool[]){0, 0, 1, 1}), 4, 1);
    at_tensor *graph = at_mul(at_set_requires_grad(at_from_floats(((float[]){0, 0, 1, 1}), 4), true), 1);
    at_tensor *ys[] = {y, flags, graph};
    for (int i = 0; i < 3; i++) {
        at_figure *figure = unit_figure();
        ck_assert(at_figure_line(figure, at_transpose(x, 0, 1), ys[i]));
        picture q = save_and_read(figure);
        assert_same_pictures(&p, &q, 0);
        free(q.rgb);
    }
    free(p.rgb);
}
END_TEST

START_TEST(the_figure_copies_what_it_is_given) {
    at_figure *figure = unit_figure();
    char label[] = "label";
    at_tensor *x = numbers(0, 1), *y = numbers(0, 1);
    ck_assert(at_figure_line(figure, x, y, .label = label));
    ck_assert(at_figure_save(figure, in_folder("a.png")));
    label[0] = 'X';
    at_doubles_mut(x)[0] = 0.5;
    ck_assert(at_figure_save(figure, in_folder("b.png")));
    assert_same_files(in_folder("a.png"), in_folder("b.png"));
    at_figure_free(figure);
}
END_TEST

/* ---- logarithmic axes -------------------------------------------------------------------------------------------- */

START_TEST(logarithms_are_evenly_spaced) {
    at_figure *figure = at_figure_new(.xlim = {1, 1000}, .ylim = {0.01, 100}, .xlog = true, .ylog = true);
    ck_assert(at_figure_points(figure, numbers(10, 100, 200), numbers(0.1, 1, 20), .size = 9));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    assert_color(&p, place(1, 0, 3, f.left, f.right), place(-1, -2, 2, f.bottom, f.top), C0);
    assert_color(&p, place(2, 0, 3, f.left, f.right), place(0, -2, 2, f.bottom, f.top), C0);
    assert_color(&p, place(log10(200), 0, 3, f.left, f.right), place(log10(20), -2, 2, f.bottom, f.top), C0);
    free(p.rgb);
}
END_TEST

/* Of those under the frame: how many columns of the color there are so many pixels below it. */
static int ticks_below(const picture *p, int distance) {
    frame f = find_frame(p);
    return count_color(p, FRAME, f.left - 2, f.bottom + distance, f.right + 3, f.bottom + distance + 1);
}

START_TEST(powers_of_ten_have_ticks_and_short_ones_between) {
    picture p = save_and_read(at_figure_new(.xlim = {0.5, 200}, .xlog = true));
    frame f = find_frame(&p);
    ck_assert_int_eq(ticks_below(&p, 6), 2 * 3);                   /* 1, 10 and 100 */
    ck_assert_int_eq(ticks_below(&p, 3), 2 * (3 + 5 + 8 + 8 + 1)); /* 0.5 ... 0.9, 2 ... 9, 20 ... 90, 200 */
    for (int i = 0; i <= 2; i++) {
        int x = place(i, log10(0.5), log10(200), f.left, f.right);
        ck_assert_int_ge(count_color(&p, FRAME, x - 1, f.bottom + 6, x + 2, f.bottom + 7), 1);
        ck_assert_int_ge(count_color(&p, GRID, x - 1, f.top + 10, x + 2, f.top + 11), 1);
        ck_assert_int_gt(count_ink(&p, x - 18, f.bottom + 13, x + 18, f.bottom + 30), 60); /* its number */
    }
    free(p.rgb);
}
END_TEST

START_TEST(many_decades_have_fewer_ticks) {
    picture p = save_and_read(at_figure_new(.xlim = {1e-12, 1e12}, .xlog = true));
    int ticks = ticks_below(&p, 6) / 2;
    ck_assert(ticks >= 3 && ticks <= 7);
    ck_assert_int_eq(ticks_below(&p, 3), 2 * ticks); /* no short ones */
    free(p.rgb);
}
END_TEST

START_TEST(a_part_of_a_decade_has_round_numbers) {
    picture p = save_and_read(at_figure_new(.xlim = {2.1, 2.9}, .xlog = true));
    frame f = find_frame(&p);
    for (int i = 0; i < 4; i++) {
        int x = place(log10(2.2 + 0.2 * i), log10(2.1), log10(2.9), f.left, f.right);
        ck_assert_int_ge(count_color(&p, FRAME, x - 1, f.bottom + 6, x + 2, f.bottom + 7), 1);
    }
    ck_assert_int_eq(ticks_below(&p, 6), 2 * 4);
    free(p.rgb);
}
END_TEST

START_TEST(less_than_two_decades_have_ones_twos_and_fives) {
    picture p = save_and_read(at_figure_new(.xlim = {40, 900}, .xlog = true));
    frame f = find_frame(&p);
    for (int i = 0; i < 4; i++) {
        int x = place(log10((double[]){50, 100, 200, 500}[i]), log10(40), log10(900), f.left, f.right);
        ck_assert_int_ge(count_color(&p, FRAME, x - 1, f.bottom + 6, x + 2, f.bottom + 7), 1);
        ck_assert_int_gt(count_ink(&p, x - 18, f.bottom + 13, x + 18, f.bottom + 30), 60);
    }
    ck_assert_int_eq(ticks_below(&p, 6), 2 * 4);
    ck_assert_int_eq(ticks_below(&p, 3), 2 * 4);
    free(p.rgb);
}
END_TEST

START_TEST(limits_of_logarithms_leave_a_margin) {
    at_figure *figure = at_figure_new(.xlog = true);
    ck_assert(at_figure_points(figure, numbers(1, 1e6), numbers(0, 0)));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    assert_color(&p, place(0, -0.3, 6.3, f.left, f.right), (f.top + f.bottom) / 2, C0);
    assert_color(&p, place(6, -0.3, 6.3, f.left, f.right), (f.top + f.bottom) / 2, C0);
    free(p.rgb);
    figure = at_figure_new(.xlog = true);
    ck_assert(at_figure_points(figure, numbers(50), numbers(0))); /* a decade on either side */
    p = save_and_read(figure);
    assert_color(&p, (f.left + f.right) / 2, (f.top + f.bottom) / 2, C0);
    ck_assert_int_eq(ticks_below(&p, 6), 2 * 2); /* 10 and 100 */
    free(p.rgb);
}
END_TEST

START_TEST(extreme_logarithms_are_drawn) {
    static const double limits[][2] = {{1e-100, 1e100}, {1e-100, 2e-100},          {9e99, 1e100},
                                       {1, 1 + 1e-8},   {1e50, 1e50 * (1 + 1e-8)}, {0.999, 10.01}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        at_figure *figure = at_figure_new(.xlog = true, .ylog = true, .xlim = {limits[i][0], limits[i][1]});
        at_tensor *ends = numbers(limits[i][0], limits[i][1]);
        ck_assert(at_figure_line(figure, ends, ends, .color = "k"));
        picture p = save_and_read(figure);
        frame f = find_frame(&p);
        assert_color(&p, (f.left + f.right) / 2, (f.top + f.bottom) / 2, 0x000000);
        free(p.rgb);
    }
}
END_TEST

/* ---- grids of figures -------------------------------------------------------------------------------------------- */

/* A figure whose line goes from 0 to `top`. */
static at_figure *figure_up_to(double top, const char *color) {
    at_figure *figure = at_figure_new(.title = "title", .xlabel = "label", .ylabel = "label");
    ck_assert(at_figure_line(figure, numbers(0, 1), numbers(0, top), .color = color));
    return figure;
}

static picture grid_picture(int rows, int columns, bool share) {
    at_figure *figures[6];
    static const double tops[] = {1, 2000, 10, 1e9, 0.5, 2};
    for (int i = 0; i < rows * columns; i++) figures[i] = figure_up_to(tops[i], "k");
    ck_assert_msg(at_show_figures(in_folder("a.png"), figures, rows, columns, .share_x = share, .share_y = share), "%s",
                  at_error());
    for (int i = 0; i < rows * columns; i++) at_figure_free(figures[i]);
    return read_picture(in_folder("a.png"));
}

/* The frames along a row of pixels within them: those whose left sides are found to the right of each other. */
static int find_row(const picture *p, int y, int left[], int right[]) {
    int count = 0;
    for (int x = 1; x < p->width - 1; x++) {
        if (color_at(p, x, y) != FRAME || color_at(p, x + 1, y) != FRAME || run_down(p, x, y) < 50) continue;
        if (count % 2 == 0)
            left[count / 2] = x + 1;
        else
            right[count / 2] = x + 1;
        count++;
        x++;
    }
    return count / 2;
}

START_TEST(grids_have_frames_of_equal_size) {
    for (int share = 0; share <= 1; share++) {
        picture p = grid_picture(2, 3, share);
        ck_assert_int_eq(p.width, 3 * 496);
        ck_assert_int_eq(p.height, 2 * 373);
        frame upper = find_frame(&p), lower = find_frame_below(&p, upper.bottom + 20);
        ck_assert_int_eq(upper.bottom - upper.top, lower.bottom - lower.top);
        ck_assert_int_eq(upper.left, lower.left);
        int left[8], right[8];
        ck_assert_int_eq(find_row(&p, upper.top + 20, left, right), 3);
        for (int j = 0; j < 3; j++) ck_assert_int_eq(right[j] - left[j], upper.right - upper.left);
        free(p.rgb);
    }
}
END_TEST

START_TEST(shared_axes_have_numbers_at_the_outer_side_only) {
    picture own = grid_picture(2, 2, false), shared = grid_picture(2, 2, true);
    frame f = find_frame(&shared), below = find_frame_below(&shared, f.bottom + 20);
    int left[8], right[8];
    ck_assert_int_eq(find_row(&shared, f.top + 20, left, right), 2);
    ck_assert_int_gt(count_ink(&shared, 0, f.top, f.left - 8, f.bottom), 200);
    ck_assert_int_eq(count_ink(&shared, right[0] + 2, f.top, left[1] - 8, f.bottom), 0);
    ck_assert_int_eq(count_ink(&shared, f.left, f.bottom + 8, f.right, f.bottom + 20), 0);
    ck_assert_int_gt(count_ink(&shared, f.left, below.bottom + 8, f.right, shared.height), 200);
    ck_assert_int_gt(f.right - f.left, find_frame(&own).right - find_frame(&own).left);
    /* The first figure ends at 1 on an axis that goes to 1e9. */
    ck_assert_int_eq(count_color(&shared, 0, f.left + 2, f.top, f.right - 2, (f.top + f.bottom) / 2), 0);
    ck_assert_int_gt(count_color(&shared, 0, left[1] + 2, below.top, right[1] - 2, (below.top + below.bottom) / 2), 50);
    free(own.rgb);
    free(shared.rgb);
}
END_TEST

START_TEST(a_grid_of_one_is_the_figure) {
    at_figure *figure = figure_up_to(3e7, NULL);
    ck_assert(at_figure_save(figure, in_folder("a.png")));
    ck_assert(at_show_figures(in_folder("b.png"), &figure, 1, 1, .share_x = true, .share_y = true));
    assert_same_files(in_folder("a.png"), in_folder("b.png"));
    at_figure_free(figure);
}
END_TEST

/* ---- the animator ------------------------------------------------------------------------------------------------ */

START_TEST(each_point_is_drawn_at_once) {
    at_animator *animator = at_animator_new(in_folder("a.png"), .xlabel = "epoch", .xlim = {1, 5}, .ylim = {0, 1},
                                            .legend = {"loss", "accuracy"});
    ck_assert_ptr_nonnull(animator);
    ck_assert_int_eq(count_files(), 0);
    for (int epoch = 1; epoch <= 5; epoch++) {
        ck_assert(at_animator_add(animator, epoch, 1.0 / epoch, epoch % 2 ? 0.1 * epoch : NAN));
        double x[] = {1, 2, 3, 4, 5}, odd[] = {1, 3, 5}, loss[] = {1, 1.0 / 2, 1.0 / 3, 1.0 / 4, 1.0 / 5};
        double accuracy[] = {0.1 * 1, 0.1 * 3, 0.1 * 5};
        at_figure *figure = at_figure_new(.xlabel = "epoch", .xlim = {1, 5}, .ylim = {0, 1});
        int odds = (epoch + 1) / 2;
        ck_assert(at_figure_line(figure, at_from_doubles(x, epoch), at_from_doubles(loss, epoch), .label = "loss"));
        ck_assert(at_figure_line(figure, at_from_doubles(odd, odds), at_from_doubles(accuracy, odds),
                                 .label = "accuracy", .style = "m--"));
        ck_assert(at_figure_save(figure, in_folder("b.png")));
        at_figure_free(figure);
        assert_same_files(in_folder("a.png"), in_folder("b.png"));
    }
    at_animator_free(animator);
    at_animator_free(NULL);
    ck_assert_int_eq(count_files(), 2);
}
END_TEST

START_TEST(an_animator_without_names_has_one_series) {
    at_animator *animator = at_animator_new(in_folder("a.png"), .ylog = true);
    at_figure *figure = at_figure_new(.ylog = true);
    ck_assert(at_animator_add(animator, 1, NAN)); /* nothing yet */
    ck_assert(at_figure_save(figure, in_folder("b.png")));
    assert_same_files(in_folder("a.png"), in_folder("b.png"));
    ck_assert(at_animator_add(animator, 1, 1e3) && at_animator_add(animator, 2, 1));
    ck_assert(at_figure_line(figure, numbers(1, 2), numbers(1e3, 1)));
    ck_assert(at_figure_save(figure, in_folder("b.png")));
    assert_same_files(in_folder("a.png"), in_folder("b.png"));
    at_figure_free(figure);
    at_animator_free(animator);
}
END_TEST

/* ---- legend ------------------------------------------------------------------------------------------------------ */

/* Of the legend's outline in the left and right half and the upper and lower half of the axes. */
typedef struct {
    int left, right, upper, lower;
} outline;

static outline find_legend(const picture *p) {
    frame f = find_frame(p);
    int x = (f.left + f.right) / 2, y = (f.top + f.bottom) / 2;
    const unsigned edge = 0xd6d6d6; /* four fifths of cccccc on white */
    return (outline){count_color(p, edge, f.left, f.top, x, f.bottom),
                     count_color(p, edge, x, f.top, f.right, f.bottom), count_color(p, edge, f.left, f.top, f.right, y),
                     count_color(p, edge, f.left, y, f.right, f.bottom)};
}

static picture picture_with_legend(at_tensor *x, at_tensor *y) {
    at_figure *figure = unit_figure();
    ck_assert(at_figure_points(figure, x, y, .label = "a"));
    return save_and_read(figure);
}

START_TEST(the_legend_goes_where_it_hides_least) {
    static const struct {
        double x, y; /* in the corner that is not empty */
        bool right, upper;
    } cases[] = {{0.1, 0.1, true, true}, {0.9, 0.9, false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        picture p = picture_with_legend(numbers(cases[i].x), numbers(cases[i].y));
        outline o = find_legend(&p);
        ck_assert_int_gt(cases[i].right ? o.right : o.left, 100);
        ck_assert_int_eq(cases[i].right ? o.left : o.right, 0);
        ck_assert_int_gt(cases[i].upper ? o.upper : o.lower, 100);
        ck_assert_int_eq(cases[i].upper ? o.lower : o.upper, 0);
        free(p.rgb);
    }
    picture p = picture_with_legend(numbers(0.1, 0.9, 0.9), numbers(0.9, 0.9, 0.1));
    outline o = find_legend(&p);
    ck_assert(o.lower > 100 && o.upper == 0 && o.left > 100 && o.right == 0);
    free(p.rgb);
}
END_TEST

START_TEST(the_legend_avoids_lines_between_points) {
    at_figure *figure = unit_figure();
    ck_assert(at_figure_line(figure, numbers(0.6, 1), numbers(0.6, 1), .label = "a"));
    picture p = save_and_read(figure);
    ck_assert_int_eq(find_legend(&p).right, 0);
    free(p.rgb);
}
END_TEST

START_TEST(the_legend_lists_labelled_series) {
    at_figure *figure = unit_figure();
    at_tensor *x = numbers(0.1, 0.2), *y = numbers(0.1, 0.1);
    ck_assert(at_figure_line(figure, x, y, .label = "first", .color = "r"));
    ck_assert(at_figure_line(figure, x, y, .color = "g"));
    ck_assert(at_figure_points(figure, x, y, .label = "third", .color = "b"));
    picture p = save_and_read(figure);
    frame f = find_frame(&p);
    int x0 = (f.left + f.right) / 2, y1 = (f.top + f.bottom) / 2;
    ck_assert_int_gt(count_color(&p, 0xff0000, x0, f.top, f.right, y1), 100);
    ck_assert_int_eq(count_color(&p, 0x008000, x0, f.top, f.right, y1), 0);
    ck_assert_int_gt(count_color(&p, 0x0000ff, x0, f.top, f.right, y1), 100);
    ck_assert_int_gt(count_color(&p, 0x000000, x0, f.top, f.right, y1), 100); /* the labels */
    free(p.rgb);
    figure = unit_figure();
    ck_assert(at_figure_line(figure, x, y, .label = ""));
    p = save_and_read(figure);
    ck_assert_int_eq(find_legend(&p).right, 0);
    free(p.rgb);
}
END_TEST

/* ---- heatmaps ---------------------------------------------------------------------------------------------------- */

START_TEST(cells_have_the_colors_of_their_values) {
    static const struct {
        const char *name;
        unsigned lowest, highest;
    } maps[] = {{NULL, 0xfff5f0, 0x67000d},
                {"Reds", 0xfff5f0, 0x67000d},
                {"Blues", 0xf7fbff, 0x08306b},
                {"viridis", 0x440154, 0xfde725},
                {"gray", 0x000000, 0xffffff}};
    at_tensor *matrices = at_reshape(numbers(-2, 1, 1, 4), 1, 1, 2, 2);
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        picture p = heatmap(.matrices = matrices, .cmap = maps[i].name);
        frame f = find_frame(&p);
        int size = f.right - f.left, cell = size / 2;
        ck_assert_int_eq(f.bottom - f.top, size);
        /* Row 0 is at the top, and the edges between cells are sharp. The frame covers one pixel. */
        ck_assert_int_eq(count_color(&p, maps[i].lowest, f.left, f.top, f.left + cell, f.top + cell),
                         (cell - 1) * (cell - 1));
        ck_assert_int_eq(count_color(&p, maps[i].highest, f.left + cell, f.top + cell, f.right, f.bottom),
                         (cell - 1) * (cell - 1));
        unsigned middle = color_at(&p, f.left + cell + 5, f.top + 5);
        ck_assert_int_eq(count_color(&p, middle, f.left + cell, f.top, f.right, f.top + cell), (cell - 1) * (cell - 1));
        assert_color(&p, f.left + 5, f.top + cell + 5, middle);
        free(p.rgb);
    }
}
END_TEST

START_TEST(the_color_bar_shows_the_range) {
    picture p = heatmap(.matrices = at_reshape(at_arange(0, 2500, 1), 1, 1, 50, 50), .cmap = "gray");
    frame f = find_frame(&p);
    int x = f.right + 2;
    while (color_at(&p, x, (f.top + f.bottom) / 2) != FRAME) x++;
    int top = f.top, bottom = f.bottom;
    while (color_at(&p, x, top) != FRAME) top++;
    while (color_at(&p, x, bottom) != FRAME) bottom--;
    ck_assert_int_ge(bottom - top, (f.bottom - f.top) * 6 / 10);
    ck_assert_uint_ge(color_at(&p, x + 4, top + 3), 0xf0f0f0);
    ck_assert_uint_le(color_at(&p, x + 4, bottom - 3), 0x0f0f0f);
    for (int y = top + 3; y < bottom - 3; y++) {
        ck_assert_uint_ge(color_at(&p, x + 4, y), color_at(&p, x + 4, y + 1));
    }
    int width = run_across(&p, x, top), ticks = 0;
    for (int y = top + 2; y < bottom - 2; y++) ticks += color_at(&p, x + width + 4, y) == FRAME;
    ck_assert_int_eq(ticks, 2 * 2); /* 1000 and 2000, each two pixels wide; 0 is at the corner */
    free(p.rgb);
}
END_TEST

START_TEST(all_matrices_share_the_range_of_colors) {
    picture p = heatmap(.matrices = at_reshape(numbers(0, 0, 0, 0, 1, 1, 1, 1), 1, 2, 2, 2));
    frame f = find_frame(&p);
    int size = f.right - f.left;
    assert_color(&p, f.left + size / 2, f.top + size / 2, 0xfff5f0);
    assert_color(&p, f.right + size / 2, f.top + size / 2, 0x67000d);
    free(p.rgb);
}
END_TEST

START_TEST(grids_share_their_axes) {
    at_tensor *matrices = at_reshape(at_arange(0, 2 * 3 * 8 * 8, 1), 2, 3, 8, 8);
    static const char *const titles[] = {"one", "two", "three"};
    picture p = heatmap(.matrices = matrices, .titles = titles, .xlabel = "keys", .ylabel = "queries");
    frame upper = find_frame(&p), lower = find_frame_below(&p, upper.bottom + 5);
    ck_assert_int_eq(upper.left, lower.left);
    ck_assert_int_eq(upper.right - upper.left, lower.right - lower.left);
    int between = count_color(&p, FRAME, upper.left, upper.bottom + 2, p.width - 120, lower.top - 2);
    ck_assert_int_eq(between, 0); /* ticks only under the last row */
    int step = 0;
    for (int x = upper.right + 2; !step; x++) step = color_at(&p, x, upper.top + 20) == FRAME ? x + 1 - upper.left : 0;
    for (int column = 0; column < 3; column++) {
        int x = upper.left + column * step, middle = x + (upper.right - upper.left) / 2;
        ck_assert_int_gt(count_ink(&p, middle - 40, 5, middle + 40, upper.top - 4), 150);            /* title */
        ck_assert_int_gt(count_ink(&p, middle - 40, lower.bottom + 33, middle + 40, p.height), 150); /* label */
        if (column > 0) ck_assert_int_eq(count_ink(&p, x - 12, lower.top, x - 2, lower.bottom - 10), 0);
    }
    ck_assert_int_gt(count_ink(&p, 0, upper.top, 30, upper.bottom), 150);
    ck_assert_int_gt(count_ink(&p, 0, lower.top, 30, lower.bottom), 150);
    free(p.rgb);
}
END_TEST

START_TEST(every_shape_of_matrix_is_shown) {
    static const int64_t shapes[][4] = {{1, 1, 1, 1},     {1, 1, 1, 50},  {1, 1, 50, 1}, {1, 1, 1, 5000},
                                        {1, 1, 600, 500}, {12, 12, 4, 4}, {1, 30, 3, 2}, {5, 1, 2, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const int64_t *s = shapes[i];
        at_tensor *matrices = at_rand(s[0], s[1], s[2], s[3]);
        picture p = heatmap(.matrices = matrices, .xlabel = "a long label of keys", .ylabel = "queries");
        frame f = find_frame(&p);
        ck_assert_int_ge(f.right - f.left, 8);
        ck_assert_int_ge(f.bottom - f.top, 8);
        free(p.rgb);
    }
}
END_TEST

START_TEST(a_pixel_shows_the_mean_of_small_cells) {
    /* A chessboard of 0 and 1 finer than the pixels is gray all over. */
    at_tensor *i = at_unsqueeze(at_arange(0, 896, 1), 1), *j = at_unsqueeze(at_arange(0, 896, 1), 0);
    at_tensor *sum = at_add(i, j), *half = at_floor(at_div(sum, 2));
    at_tensor *board = at_sub(sum, at_mul(half, 2));
    picture p = heatmap(.matrices = at_reshape(board, 1, 1, 896, 896), .cmap = "gray");
    frame f = find_frame(&p);
    ck_assert_int_eq(f.right - f.left, 448);
    ck_assert_int_eq(count_color(&p, 0x808080, f.left, f.top, f.right, f.bottom), 446 * 446);
    free(p.rgb);
}
END_TEST

START_TEST(equal_elements_have_the_middle_color) {
    picture p = heatmap(.matrices = at_full(0.02, 1, 1, 10, 10), .cmap = "gray");
    frame f = find_frame(&p);
    assert_color(&p, f.left + 30, f.top + 30, 0x808080);
    free(p.rgb);
    p = heatmap(.matrices = at_zeros(1, 1, 10, 10), .cmap = "gray");
    assert_color(&p, f.left + 30, f.top + 30, 0x808080);
    free(p.rgb);
}
END_TEST

START_TEST(small_weights_have_a_factor) {
    at_tensor *weights = at_rand(1, 1, 10, 10);
    picture plain = heatmap(.matrices = weights), small = heatmap(.matrices = at_mul(weights, 1e-9));
    frame f = find_frame(&small), of_plain = find_frame(&plain);
    ck_assert_int_gt(count_ink(&small, f.right + 10, 0, small.width, f.top + 10),
                     count_ink(&plain, of_plain.right + 10, 0, plain.width, of_plain.top + 10) + 40);
    free(plain.rgb);
    free(small.rgb);
}
END_TEST

START_TEST(heatmaps_have_the_size_asked_for) {
    at_tensor *matrices = at_rand(1, 2, 50, 50);
    for (int width = 450; width < 1000; width += 37) {
        picture p = heatmap(.matrices = matrices, .width = width, .xlabel = "keys");
        frame f = find_frame(&p);
        ck_assert_int_eq(p.width, width);
        ck_assert_int_gt(f.right - f.left, (width - 200) / 3);
        ck_assert_int_eq(f.right - f.left, f.bottom - f.top);
        free(p.rgb);
    }
    picture p = heatmap(.matrices = matrices, .width = 900, .height = 420);
    ck_assert_int_eq(p.width, 900);
    ck_assert_int_eq(p.height, 420);
    free(p.rgb);
    p = heatmap(.matrices = matrices, .height = 420);
    ck_assert_int_eq(p.height, 420);
    free(p.rgb);
}
END_TEST

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static void expect_error(at_error_kind kind, const char *message) {
    ck_assert_msg(at_error() != NULL, "there is no error, where one was expected: %s", message);
    ck_assert_str_eq(at_error(), message);
    ck_assert_int_eq(at_error_code(), kind);
    at_clear_error();
}

START_TEST(wrong_figures_are_errors) {
    ck_assert_ptr_null(at_figure_new(.width = 49));
    expect_error(AT_ERROR_VALUE, "figure_new: width 49: must be 50 to 10000 pixels, or 0 for the default");
    ck_assert_ptr_null(at_figure_new(.height = 10001));
    expect_error(AT_ERROR_VALUE, "figure_new: height 10001: must be 50 to 10000 pixels, or 0 for the default");
    ck_assert_ptr_null(at_figure_new(.height = -1));
    at_clear_error();
    ck_assert_ptr_null(at_figure_new(.xlim = {5, 1}));
    expect_error(AT_ERROR_VALUE, "figure_new: xlim {5, 1}: the first limit must be less than the second");
    ck_assert_ptr_null(at_figure_new(.ylim = {2, 2}));
    expect_error(AT_ERROR_VALUE, "figure_new: ylim {2, 2}: the first limit must be less than the second");
    ck_assert_ptr_null(at_figure_new(.ylim = {0, INFINITY}));
    expect_error(AT_ERROR_VALUE, "figure_new: ylim {0, inf}: both limits must be finite and within +-1e+100");
    ck_assert_ptr_null(at_figure_new(.xlim = {NAN, 1}));
    expect_error(AT_ERROR_VALUE, "figure_new: xlim {nan, 1}: both limits must be finite and within +-1e+100");
    ck_assert_ptr_null(at_figure_new(.xlim = {1, 1 + 1e-15}));
    expect_error(AT_ERROR_VALUE, "figure_new: xlim {1, 1.0000000000000011}: the limits are too close together");
}
END_TEST

START_TEST(wrong_logarithms_are_errors) {
    ck_assert_ptr_null(at_figure_new(.xlog = true, .xlim = {0, 5}));
    expect_error(AT_ERROR_VALUE, "figure_new: xlim {0, 5}: the limits of a logarithmic axis must be at least 1e-100");
    ck_assert_ptr_null(at_figure_new(.ylog = true, .ylim = {-1, 5}));
    expect_error(AT_ERROR_VALUE, "figure_new: ylim {-1, 5}: the limits of a logarithmic axis must be at least 1e-100");
    ck_assert_ptr_null(at_figure_new(.ylog = true, .ylim = {5, 5 + 1e-9}));
    expect_error(AT_ERROR_VALUE, "figure_new: ylim {5, 5.0000000010000001}: the limits are too close together");
    at_figure *figure = at_figure_new(.xlog = true);
    at_tensor *x = numbers(1, 2, 0), *y = numbers(-1, 0, 1);
    ck_assert(at_figure_save(figure, in_folder("a.png")));
    ck_assert(!at_figure_line(figure, x, y));
    expect_error(AT_ERROR_VALUE, "figure_line: x[2] is 0: every element on a logarithmic axis must be positive");
    ck_assert(!at_figure_points(figure, numbers(-3), numbers(0)));
    expect_error(AT_ERROR_VALUE, "figure_points: x[0] is -3: every element on a logarithmic axis must be positive");
    ck_assert(!at_figure_points(figure, numbers(1e-200), numbers(0)));
    expect_error(AT_ERROR_VALUE,
                 "figure_points: x[0] is 1e-200: too small for a logarithmic axis, the least is 1e-100");
    ck_assert(!at_figure_points(figure, numbers(NAN), numbers(0)));
    expect_error(AT_ERROR_VALUE, "figure_points: x[0] is NaN: every element must be finite");
    ck_assert(!at_figure_points(figure, numbers(1e200), numbers(0)));
    expect_error(AT_ERROR_VALUE, "figure_points: x[0] is 1e+200: too large to draw, the most is 1e+100");
    ck_assert(!at_figure_points(figure, numbers(1), numbers(0, 1)));
    expect_error(AT_ERROR_SHAPE, "figure_points: x has 1 element and y has 2: they must be equal");
    ck_assert(!at_figure_points(figure, numbers(1), numbers(0), .alpha = -0.5));
    expect_error(AT_ERROR_VALUE, "figure_points: alpha -0.5: must be above 0 and at most 1, or 0 for 1");
    ck_assert(at_figure_save(figure, in_folder("b.png")));
    assert_same_files(in_folder("a.png"), in_folder("b.png"));
    ck_assert(at_figure_line(figure, numbers(1, 2, 3), y)); /* y is not logarithmic */
    at_figure_free(figure);
}
END_TEST

START_TEST(wrong_styles_are_errors) {
    static const char *const styles[] = {"", "x", "---", "m-m", "-m", "w ", "o", "C1--"};
    at_figure *figure = unit_figure();
    at_tensor *x = numbers(0, 1);
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        char message[200];
        snprintf(message, sizeof message,
                 "figure_line: style \"%s\": must be one of - -- -. : with or without one of b g r c m y k w before",
                 styles[i]);
        ck_assert(!at_figure_line(figure, x, x, .style = styles[i]));
        expect_error(AT_ERROR_VALUE, message);
    }
    ck_assert(!at_figure_line(figure, x, x, .style = "m--", .color = "C1"));
    expect_error(AT_ERROR_VALUE, "figure_line: style \"m--\" and color \"C1\": only one may name a color");
    at_figure_free(figure);
}
END_TEST

START_TEST(wrong_grids_are_errors) {
    const char *path = in_folder("a.png");
    at_figure *large = at_figure_new(.width = 6000), *logarithmic = at_figure_new(.xlog = true);
    at_figure *pair[] = {large, large}, *mixed[] = {logarithmic, large}, *missing[] = {large, NULL};
    ck_assert(!at_show_figures(NULL, pair, 1, 2));
    expect_error(AT_ERROR_VALUE, "show_figures: path is NULL");
    ck_assert(!at_show_figures(path, NULL, 1, 2));
    expect_error(AT_ERROR_VALUE, "show_figures: figures is NULL");
    ck_assert(!at_show_figures(path, pair, 0, 2));
    expect_error(AT_ERROR_VALUE, "show_figures: rows 0: must be 1 to 200");
    ck_assert(!at_show_figures(path, pair, 1, -2));
    expect_error(AT_ERROR_VALUE, "show_figures: columns -2: must be 1 to 200");
    ck_assert(!at_show_figures(path, missing, 1, 2));
    expect_error(AT_ERROR_VALUE, "show_figures: figures[1] is NULL");
    ck_assert(!at_show_figures(path, mixed, 2, 1, .share_x = true));
    expect_error(AT_ERROR_VALUE,
                 "show_figures: figures[0] and figures[1] share x axes: both or neither must be logarithmic");
    ck_assert(!at_show_figures(path, pair, 1, 2));
    expect_error(AT_ERROR_VALUE, "show_figures: 1 x 2 figures make a picture of 12000 x 373 pixels: the most is 10000 "
                                 "each way");
    at_figure *tall = at_figure_new(.height = 6000), *column[] = {tall, tall};
    ck_assert(!at_show_figures(path, column, 2, 1));
    expect_error(AT_ERROR_VALUE, "show_figures: 2 x 1 figures make a picture of 496 x 12000 pixels: the most is 10000 "
                                 "each way");
    at_figure *upright[] = {tall, at_figure_new(.ylog = true)};
    ck_assert(!at_show_figures(path, upright, 2, 1, .share_x = true, .share_y = true));
    expect_error(AT_ERROR_VALUE,
                 "show_figures: figures[0] and figures[1] share y axes: both or neither must be logarithmic");
    ck_assert(!at_show_figures(path, pair, 201, 1));
    expect_error(AT_ERROR_VALUE, "show_figures: rows 201: must be 1 to 200");
    at_figure_free(tall);
    at_figure_free(upright[1]);
    ck_assert_int_eq(count_files(), 0);
    ck_assert(at_show_figures(path, mixed, 2, 1, .share_y = true));
    at_figure_free(large);
    at_figure_free(logarithmic);
}
END_TEST

START_TEST(wrong_animations_are_errors) {
    ck_assert_ptr_null(at_animator_new(NULL));
    expect_error(AT_ERROR_VALUE, "animator_new: path is NULL");
    ck_assert_ptr_null(at_animator_new(in_folder("a.png"), .width = 3));
    expect_error(AT_ERROR_VALUE, "animator_new: figure_new: width 3: must be 50 to 10000 pixels, or 0 for the default");
    at_animator *animator = at_animator_new(in_folder("a.png"), .legend = {"a", "b"}, .xlog = true);
    ck_assert(at_animator_add(animator, 1, 2, 3));
    ck_assert(at_animator_add(animator, 2, 3, 4));
    ck_assert_int_eq(rename(in_folder("a.png"), in_folder("b.png")), 0);
    ck_assert(!at_animator_add(NULL, 1, 2, 3));
    expect_error(AT_ERROR_VALUE, "animator_add: animator is NULL");
    ck_assert(!at_animator_add(animator, 1, 2));
    expect_error(AT_ERROR_VALUE, "animator_add: 1 numbers for y: there are 2 series");
    ck_assert(!at_animator_add(animator, 0, 2, 3));
    expect_error(AT_ERROR_VALUE, "animator_add: x is 0: every element on a logarithmic axis must be positive");
    ck_assert(!at_animator_add(animator, 3, 2, INFINITY));
    expect_error(AT_ERROR_VALUE, "animator_add: y is inf: every element must be finite");
    ck_assert(!at_animator_add_values(animator, 3, NULL, 2));
    expect_error(AT_ERROR_VALUE, "animator_add: y is NULL");
    ck_assert_int_eq(mkdir(in_folder("a.png"), 0700), 0);
    ck_assert(!at_animator_add(animator, 3, 2, 1));
    ck_assert_int_eq(at_error_code(), AT_ERROR_IO);
    at_clear_error();
    rmdir(in_folder("a.png"));
    ck_assert(at_animator_add(animator, 3, NAN, NAN)); /* what failed was not added */
    assert_same_files(in_folder("a.png"), in_folder("b.png"));
    at_animator_free(animator);
}
END_TEST

START_TEST(wrong_series_are_errors) {
    at_figure *figure = unit_figure();
    at_tensor *x = numbers(0, 0.5, 1), *y = numbers(0, 1, 0, 1), *none = at_zeros(0);
    ck_assert(at_figure_save(figure, in_folder("a.png")));
    ck_assert(!at_figure_line(NULL, x, x));
    expect_error(AT_ERROR_VALUE, "figure_line: figure is NULL");
    ck_assert(!at_figure_line(figure, NULL, x));
    expect_error(AT_ERROR_VALUE, "figure_line: x is NULL");
    ck_assert(!at_figure_points(figure, x, NULL));
    expect_error(AT_ERROR_VALUE, "figure_points: y is NULL");
    ck_assert(!at_figure_line(figure, x, y));
    expect_error(AT_ERROR_SHAPE, "figure_line: x has 3 elements and y has 4: they must be equal");
    ck_assert(!at_figure_points(figure, none, none));
    expect_error(AT_ERROR_SHAPE, "figure_points: x and y are empty: they must have at least one element");
    ck_assert(!at_figure_line(figure, x, numbers(0, NAN, 1)));
    expect_error(AT_ERROR_VALUE, "figure_line: y[1] is NaN: every element must be finite");
    ck_assert(!at_figure_points(figure, at_reshape(numbers(0, 1, 2, -INFINITY), 2, 2), y));
    expect_error(AT_ERROR_VALUE, "figure_points: x[1, 1] is -inf: every element must be finite");
    ck_assert(!at_figure_line(figure, at_scalar(INFINITY), at_scalar(0)));
    expect_error(AT_ERROR_VALUE, "figure_line: x is inf: every element must be finite");
    ck_assert(!at_figure_line(figure, x, numbers(0, 1e200, 1)));
    expect_error(AT_ERROR_VALUE, "figure_line: y[1] is 1e+200: too large to draw, the most is 1e+100");
    ck_assert(!at_figure_line(figure, x, x, .alpha = 1.5));
    expect_error(AT_ERROR_VALUE, "figure_line: alpha 1.5: must be above 0 and at most 1, or 0 for 1");
    ck_assert(!at_figure_line(figure, x, x, .width = -2));
    expect_error(AT_ERROR_VALUE, "figure_line: width -2: must be above 0 and at most 1000, or 0 for the default");
    ck_assert(!at_figure_points(figure, x, x, .size = 1e9));
    expect_error(AT_ERROR_VALUE, "figure_points: size 1e+09: must be above 0 and at most 1000, or 0 for the default");
    ck_assert(at_figure_save(figure, in_folder("b.png"))); /* nothing was added */
    assert_same_files(in_folder("a.png"), in_folder("b.png"));
    at_figure_free(figure);
}
END_TEST

START_TEST(wrong_colors_are_errors) {
    static const char *const names[] = {"orange",   "",        "C",      "C10",     "Cx", "x", "#12345",
                                        "#1234567", "#12345g", "123456", "1234567", "D5", "C/"};
    at_figure *figure = unit_figure();
    at_tensor *x = numbers(0, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char message[200];
        snprintf(message, sizeof message,
                 "figure_line: color \"%s\": must be \"#rrggbb\", one of b g r c m y k w, or \"C0\" to \"C9\"",
                 names[i]);
        ck_assert(!at_figure_line(figure, x, x, .color = names[i]));
        expect_error(AT_ERROR_VALUE, message);
    }
    at_figure_free(figure);
    at_figure_free(NULL);
}
END_TEST

START_TEST(an_earlier_error_is_kept) {
    at_figure *figure = unit_figure();
    ck_assert(!at_figure_line(figure, at_add(at_zeros(2), at_zeros(3)), numbers(1)));
    ck_assert_int_eq(at_error_code(), AT_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(at_error(), "add"));
    at_figure_free(figure);
}
END_TEST

START_TEST(wrong_heatmaps_are_errors) {
    const char *path = in_folder("a.png");
    at_tensor *matrices = at_rand(1, 1, 4, 4);
    ck_assert(!at_show_heatmaps(NULL, matrices));
    expect_error(AT_ERROR_VALUE, "show_heatmaps: path is NULL");
    ck_assert(!at_show_heatmaps(path, NULL));
    expect_error(AT_ERROR_VALUE, "show_heatmaps: matrices is NULL");
    ck_assert(!at_show_heatmaps(path, at_rand(50, 50)));
    expect_error(AT_ERROR_SHAPE, "show_heatmaps: matrices (50, 50): want 4 dimensions (rows, columns, height, width)");
    ck_assert(!at_show_heatmaps(path, at_scalar(1)));
    expect_error(AT_ERROR_SHAPE, "show_heatmaps: matrices (): want 4 dimensions (rows, columns, height, width)");
    ck_assert(!at_show_heatmaps(path, at_zeros(1, 1, 0, 5)));
    expect_error(AT_ERROR_SHAPE, "show_heatmaps: matrices (1, 1, 0, 5): want at least one element");
    ck_assert(!at_show_heatmaps(path, at_reshape(numbers(0, 1, NAN, 3), 1, 1, 2, 2)));
    expect_error(AT_ERROR_VALUE, "show_heatmaps: matrices[0, 0, 1, 0] is NaN: every element must be finite");
    ck_assert(!at_show_heatmaps(path, matrices, .cmap = "jet"));
    expect_error(AT_ERROR_VALUE, "show_heatmaps: cmap \"jet\": want \"Reds\", \"Blues\", \"viridis\" or \"gray\"");
    ck_assert(!at_show_heatmaps(path, matrices, .width = 20));
    expect_error(AT_ERROR_VALUE, "show_heatmaps: width 20: must be 50 to 10000 pixels, or 0 for the default");
    ck_assert(!at_show_heatmaps(path, at_zeros(1, 1, 2, 2), .height = 20));
    expect_error(AT_ERROR_VALUE, "show_heatmaps: height 20: must be 50 to 10000 pixels, or 0 for the default");
    ck_assert(!at_show_heatmaps(path, at_zeros(1, 10001, 1, 1)));
    ck_assert_ptr_nonnull(strstr(at_error(), "show_heatmaps: 1 x 10001 matrices with their labels need a width of "));
    at_clear_error();
    ck_assert(!at_show_heatmaps(path, at_zeros(60, 1, 200, 1), .height = 300));
    ck_assert_ptr_nonnull(strstr(at_error(), "show_heatmaps: 60 x 1 matrices with their labels need a height of "));
    at_clear_error();
    ck_assert(!at_show_heatmaps(path, at_rand(1, 9, 4, 4), .width = 100));
    ck_assert_ptr_nonnull(strstr(at_error(), "show_heatmaps: 1 x 9 matrices with their labels need a width of "));
    ck_assert_ptr_nonnull(strstr(at_error(), " pixels: the width is 100"));
    at_clear_error();
    ck_assert(!at_show_heatmaps(path, at_rand(20000, 1, 1, 1)));
    ck_assert_ptr_nonnull(strstr(at_error(), " pixels: the most is 10000"));
    at_clear_error();
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

/* ---- files ------------------------------------------------------------------------------------------------------- */

START_TEST(equal_figures_are_equal_bytes) {
    for (int i = 0; i < 2; i++) {
        at_figure *figure = at_figure_new(.title = "Title", .xlabel = "x", .ylabel = "y");
        at_tensor *x = at_linspace(-3, 8, 100);
        ck_assert(at_figure_line(figure, x, at_sin(x), .label = "sin", .dashed = true));
        ck_assert(at_figure_points(figure, x, at_cos(x), .label = "cos", .alpha = 0.3));
        ck_assert(at_figure_save(figure, in_folder(i ? "b.png" : "a.png")));
        at_figure_free(figure);
    }
    assert_same_files(in_folder("a.png"), in_folder("b.png"));
}
END_TEST

static void expect_write_error(const char *path, const char *reason) {
    char message[1024];
    at_figure *figure = unit_figure();
    ck_assert(!at_figure_save(figure, path));
    snprintf(message, sizeof message, "figure_save: \"%s\": %s", path, reason);
    expect_error(AT_ERROR_IO, message);
    at_figure_free(figure);
    ck_assert(!at_show_heatmaps(path, at_eye(3)));
    at_clear_error();
    ck_assert(!at_show_heatmaps(path, at_rand(1, 1, 4, 4)));
    snprintf(message, sizeof message, "show_heatmaps: \"%s\": %s", path, reason);
    expect_error(AT_ERROR_IO, message);
}

START_TEST(unwritable_paths_are_errors) {
    expect_write_error(in_folder("missing/a.png"), "No such file or directory");
    expect_write_error(folder, "Is a directory");
    expect_write_error("", "No such file or directory");
    int file = open(in_folder("b.png"), O_CREAT | O_WRONLY, 0600);
    close(file);
    expect_write_error(in_folder("b.png/a.png"), "Not a directory");
    ck_assert_int_eq(count_files(), 1);
    if (geteuid() != 0) { /* the superuser may write everywhere */
        chmod(folder, 0500);
        expect_write_error(in_folder("a.png"), "Permission denied");
        chmod(folder, 0700);
    }
    at_figure *figure = unit_figure();
    ck_assert(!at_figure_save(figure, NULL));
    expect_error(AT_ERROR_VALUE, "figure_save: path is NULL");
    ck_assert(!at_figure_save(NULL, in_folder("a.png")));
    expect_error(AT_ERROR_VALUE, "figure_save: figure is NULL");
    at_figure_free(figure);
}
END_TEST

/* No more than so many bytes can be written to any file. */
static struct rlimit limit_file_size(rlim_t bytes) {
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &small);
    signal(SIGXFSZ, SIG_IGN);
    return before;
}

START_TEST(a_full_disk_leaves_what_was_there) {
    at_figure *figure = unit_figure();
    ck_assert(at_figure_save(figure, in_folder("a.png")));
    ck_assert(at_figure_save(figure, in_folder("b.png")));
    at_figure_free(figure);
    for (int bytes = 0; bytes < 2000; bytes += 999) {
        struct rlimit before = limit_file_size((rlim_t)bytes);
        expect_write_error(in_folder("a.png"), "File too large");
        expect_write_error(in_folder("link.png"), "File too large");
        setrlimit(RLIMIT_FSIZE, &before);
    }
    signal(SIGXFSZ, SIG_DFL);
    ck_assert_int_eq(count_files(), 2);
    assert_same_files(in_folder("a.png"), in_folder("b.png"));
}
END_TEST

START_TEST(devices_are_written_to_and_kept) {
    if (access("/dev/full", W_OK) == 0) expect_write_error("/dev/full", "No space left on device");
    at_figure *figure = unit_figure();
    ck_assert(at_figure_save(figure, "/dev/null"));
    at_figure_free(figure);
    struct stat status;
    ck_assert_int_eq(stat("/dev/null", &status), 0);
    ck_assert(S_ISCHR(status.st_mode));
}
END_TEST

START_TEST(files_are_replaced_as_a_whole) {
    at_figure *figure = unit_figure();
    const mode_t mask = umask(027);
    ck_assert(at_figure_save(figure, in_folder("a.png")));
    umask(mask);
    struct stat status;
    ck_assert_int_eq(stat(in_folder("a.png"), &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0640);
    /* Through a symbolic link, which stays one. */
    ck_assert_int_eq(symlink("a.png", in_folder("link.png")), 0);
    ck_assert(at_figure_line(figure, numbers(0, 1), numbers(0, 1)));
    ck_assert(at_figure_save(figure, in_folder("link.png")));
    ck_assert(at_figure_save(figure, in_folder("b.png")));
    ck_assert_int_eq(lstat(in_folder("link.png"), &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    assert_same_files(in_folder("a.png"), in_folder("b.png"));
    ck_assert_int_eq(count_files(), 3);
    at_figure_free(figure);
}
END_TEST

START_TEST(nothing_is_kept_of_the_tensors) {
    AT_SCOPE {
        at_figure *figure = at_figure_new();
        at_tensor *x = at_set_requires_grad(at_rand(10), true);
        ck_assert(at_figure_line(figure, x, at_exp(x)));
        ck_assert(at_figure_save(figure, in_folder("a.png")));
        ck_assert(at_show_heatmaps(in_folder("a.png"), at_rand(1, 1, 3, 3)));
        at_figure_free(figure);
        ck_assert_ptr_null(at_grad(x));
    }
    ck_assert_int_eq(at_live_tensors(), live_tensors);
}
END_TEST

static TCase *new_case(Suite *suite, const char *name) {
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    suite_add_tcase(suite, tcase);
    return tcase;
}

static void add_axes(TCase *tcase) {
    tcase_add_test(tcase, size_of_the_picture);
    tcase_add_test(tcase, ticks_stand_at_round_numbers);
    tcase_add_test(tcase, negative_numbers_have_a_minus_sign);
    tcase_add_test(tcase, large_and_small_numbers_have_a_factor);
    tcase_add_test(tcase, limits_leave_a_margin_around_the_data);
    tcase_add_test(tcase, equal_values_get_limits_around_them);
    tcase_add_test(tcase, texts_stand_around_the_frame);
    tcase_add_test(tcase, unknown_characters_are_boxes);
    tcase_add_test(tcase, endless_text_is_cut_off);
}

static void add_series(TCase *tcase) {
    tcase_add_test(tcase, a_line_goes_through_its_points);
    tcase_add_test(tcase, colors_have_names);
    tcase_add_test(tcase, series_take_the_next_color_of_the_cycle);
    tcase_add_test(tcase, transparent_points_add_up);
    tcase_add_test(tcase, a_transparent_line_is_even);
    tcase_add_test(tcase, lines_have_round_joins);
    tcase_add_test(tcase, dashes_follow_the_length_of_the_line);
    tcase_add_test(tcase, styles_break_lines_and_name_colors);
    tcase_add_test(tcase, solid_styles_and_dashed_are_the_same_in_short);
    tcase_add_test(tcase, series_are_cut_off_at_the_frame);
    tcase_add_test(tcase, far_points_lead_the_line_through_the_picture);
    tcase_add_test(tcase, one_point_makes_a_dot);
    tcase_add_test(tcase, any_dtype_shape_and_layout_is_drawn);
    tcase_add_test(tcase, the_figure_copies_what_it_is_given);
}

static void add_logarithms(TCase *tcase) {
    tcase_add_test(tcase, logarithms_are_evenly_spaced);
    tcase_add_test(tcase, powers_of_ten_have_ticks_and_short_ones_between);
    tcase_add_test(tcase, many_decades_have_fewer_ticks);
    tcase_add_test(tcase, a_part_of_a_decade_has_round_numbers);
    tcase_add_test(tcase, less_than_two_decades_have_ones_twos_and_fives);
    tcase_add_test(tcase, limits_of_logarithms_leave_a_margin);
    tcase_add_test(tcase, extreme_logarithms_are_drawn);
}

static void add_grids(TCase *tcase) {
    tcase_add_test(tcase, grids_have_frames_of_equal_size);
    tcase_add_test(tcase, shared_axes_have_numbers_at_the_outer_side_only);
    tcase_add_test(tcase, a_grid_of_one_is_the_figure);
    tcase_add_test(tcase, each_point_is_drawn_at_once);
    tcase_add_test(tcase, an_animator_without_names_has_one_series);
}

static void add_legend(TCase *tcase) {
    tcase_add_test(tcase, the_legend_goes_where_it_hides_least);
    tcase_add_test(tcase, the_legend_avoids_lines_between_points);
    tcase_add_test(tcase, the_legend_lists_labelled_series);
}

static void add_heatmaps(TCase *tcase) {
    tcase_add_test(tcase, cells_have_the_colors_of_their_values);
    tcase_add_test(tcase, the_color_bar_shows_the_range);
    tcase_add_test(tcase, all_matrices_share_the_range_of_colors);
    tcase_add_test(tcase, grids_share_their_axes);
    tcase_add_test(tcase, every_shape_of_matrix_is_shown);
    tcase_add_test(tcase, a_pixel_shows_the_mean_of_small_cells);
    tcase_add_test(tcase, equal_elements_have_the_middle_color);
    tcase_add_test(tcase, small_weights_have_a_factor);
    tcase_add_test(tcase, heatmaps_have_the_size_asked_for);
}

static void add_errors(TCase *tcase) {
    tcase_add_test(tcase, wrong_figures_are_errors);
    tcase_add_test(tcase, wrong_logarithms_are_errors);
    tcase_add_test(tcase, wrong_styles_are_errors);
    tcase_add_test(tcase, wrong_grids_are_errors);
    tcase_add_test(tcase, wrong_animations_are_errors);
    tcase_add_test(tcase, wrong_series_are_errors);
    tcase_add_test(tcase, wrong_colors_are_errors);
    tcase_add_test(tcase, an_earlier_error_is_kept);
    tcase_add_test(tcase, wrong_heatmaps_are_errors);
}

static void add_files(TCase *tcase) {
    tcase_add_test(tcase, equal_figures_are_equal_bytes);
    tcase_add_test(tcase, unwritable_paths_are_errors);
    tcase_add_test(tcase, a_full_disk_leaves_what_was_there);
    tcase_add_test(tcase, devices_are_written_to_and_kept);
    tcase_add_test(tcase, files_are_replaced_as_a_whole);
    tcase_add_test(tcase, nothing_is_kept_of_the_tensors);
}

Suite *plot_suite(void);
Suite *plot_suite(void) {
    Suite *suite = suite_create("plot");
    add_axes(new_case(suite, "axes"));
    add_series(new_case(suite, "series"));
    add_logarithms(new_case(suite, "logarithms"));
    add_grids(new_case(suite, "grids"));
    add_legend(new_case(suite, "legend"));
    add_heatmaps(new_case(suite, "heatmaps"));
    add_errors(new_case(suite, "errors"));
    add_files(new_case(suite, "files"));
    return suite;
}
