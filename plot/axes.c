/* plot/axes.c - scales, and ticks beside a frame. */
#include "internal.h"

double pl_scale_at(const pl_scale *scale, double value) {
    return scale->from + (value - scale->lo) / (scale->hi - scale->lo) * (scale->to - scale->from);
}

int pl_scale_pixel(const pl_scale *scale, double value) { return (int)floor(pl_scale_at(scale, value) + 0.5); }

bool pl_too_close(double lo, double hi) {
    double larger = fmax(fabs(lo), fabs(hi));
    return hi - lo < 1e-13 * larger || hi - lo < 1 / PL_LARGEST;
}

/* The numbers differ by a factor that the rounding of their logarithms leaves intact. */
bool pl_close_logarithms(double lo, double hi) { return hi - lo < 1e-9; }

/* ---- ticks ------------------------------------------------------------------------------------------------------- */

static bool texts_collide(const pl_ticks *ticks, const pl_scale *scale, bool upright) {
    const pl_font *font = &pl_font_text;
    for (int i = 1; i < ticks->count; i++) {
        double distance = fabs(pl_scale_at(scale, ticks->at[i]) - pl_scale_at(scale, ticks->at[i - 1]));
        double widths = pl_text_width(font, ticks->text[i - 1]) + pl_text_width(font, ticks->text[i]);
        double needed = upright ? pl_digit_height(font) * 1.25 : (widths + font->size) * 0.5;
        if (distance < needed) return true;
    }
    return false;
}

static void choose_in(pl_ticks *ticks, const pl_scale *scale, int intervals, bool whole) {
    if (scale->log)
        pl_ticks_choose_log(ticks, scale->lo, scale->hi, intervals);
    else
        pl_ticks_choose(ticks, scale->lo, scale->hi, intervals, whole);
}

/* A number takes about three times its height across, and twice its height along an upright axis. */
static void choose_ticks(pl_ticks *ticks, const pl_scale *scale, bool whole, bool upright) {
    const int most = 9;
    int length = scale->to > scale->from ? scale->to - scale->from : scale->from - scale->to;
    int room = length / ((upright ? 2 : 3) * pl_font_text.size);
    int intervals = room < 1 ? 1 : room > most ? most : room;
    choose_in(ticks, scale, intervals, whole);
    while (intervals > 1 && texts_collide(ticks, scale, upright)) choose_in(ticks, scale, --intervals, whole);
    if (texts_collide(ticks, scale, upright)) ticks->count = 1;
}

void pl_ticks_across(pl_ticks *ticks, const pl_scale *scale, bool whole) { choose_ticks(ticks, scale, whole, false); }

void pl_ticks_upright(pl_ticks *ticks, const pl_scale *scale, bool whole) { choose_ticks(ticks, scale, whole, true); }

/* The place of the next of 2, 3, ... 9 times a power of ten, which *at counts; false after the last on the scale. */
static bool next_short_tick(const pl_scale *scale, int *at, int *pixel) {
    const double rounding = 1e-9;
    for (;; (*at)++) {
        const double value = floor(scale->lo) + *at / 8 + pl_log10(*at % 8 + 2);
        if (value > scale->hi + rounding) return false;
        if (value < scale->lo - rounding) continue;
        *pixel = pl_scale_pixel(scale, value);
        (*at)++;
        return true;
    }
}

void pl_draw_ticks_below(pl_canvas *canvas, const pl_ticks *ticks, const pl_scale *scale, int y) {
    const int half = PL_LINE / 2;
    int baseline = y + PL_TICK + PL_TICK_GAP + pl_digit_height(&pl_font_text);
    for (int at = 0, x; ticks->decades && next_short_tick(scale, &at, &x);)
        pl_fill(canvas, (pl_box){x - half, y, x + half, y + PL_SHORT_TICK}, pl_frame_color);
    for (int i = 0; i < ticks->count; i++) {
        int x = pl_scale_pixel(scale, ticks->at[i]);
        pl_fill(canvas, (pl_box){x - half, y, x + half, y + PL_TICK}, pl_frame_color);
        pl_draw_centered(canvas, &pl_font_text, ticks->text[i], pl_scale_at(scale, ticks->at[i]), baseline);
    }
}

static int middle_baseline(int y) { return y + pl_digit_height(&pl_font_text) / 2; }

void pl_draw_ticks_left(pl_canvas *canvas, const pl_ticks *ticks, const pl_scale *scale, int x) {
    const int half = PL_LINE / 2;
    for (int at = 0, y; ticks->decades && next_short_tick(scale, &at, &y);)
        pl_fill(canvas, (pl_box){x - PL_SHORT_TICK, y - half, x, y + half}, pl_frame_color);
    for (int i = 0; i < ticks->count; i++) {
        int y = pl_scale_pixel(scale, ticks->at[i]);
        double width = pl_text_width(&pl_font_text, ticks->text[i]);
        pl_fill(canvas, (pl_box){x - PL_TICK, y - half, x, y + half}, pl_frame_color);
        pl_text_draw(canvas, &pl_font_text, ticks->text[i], x - PL_TICK - PL_TICK_GAP - width, middle_baseline(y));
    }
}

void pl_draw_ticks_right(pl_canvas *canvas, const pl_ticks *ticks, const pl_scale *scale, int x) {
    const int half = PL_LINE / 2;
    for (int i = 0; i < ticks->count; i++) {
        int y = pl_scale_pixel(scale, ticks->at[i]);
        pl_fill(canvas, (pl_box){x, y - half, x + PL_TICK, y + half}, pl_frame_color);
        pl_text_draw(canvas, &pl_font_text, ticks->text[i], x + PL_TICK + PL_TICK_GAP, middle_baseline(y));
    }
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* The numbers take a whole line, though digits have no descenders. */
static int numbers_below(void) { return PL_TICK + PL_TICK_GAP + pl_text_height(&pl_font_text); }

static int numbers_left(const pl_ticks *ticks) { return PL_TICK + PL_TICK_GAP + (int)ceil(pl_ticks_width(ticks)); }

int pl_room_below(bool label) { return numbers_below() + (label ? PL_LABEL_GAP + pl_text_height(&pl_font_text) : 0); }

int pl_room_left(const pl_ticks *ticks, bool label) {
    return numbers_left(ticks) + (label ? PL_LABEL_GAP + pl_text_height(&pl_font_text) : 0);
}

int pl_label_below(int y) { return y + numbers_below() + PL_LABEL_GAP + pl_text_ascent(&pl_font_text); }

int pl_label_left(const pl_ticks *ticks, int x) {
    return x - numbers_left(ticks) - PL_LABEL_GAP - pl_text_descent(&pl_font_text);
}

/* Where a text of this length, centred at the place, begins: within the picture, if it fits there. */
static double centered_start(double length, double place, int size) {
    const double edge = PL_PAD * 0.5;
    return fmax(fmin(place - length * 0.5, size - edge - length), edge);
}

void pl_draw_centered(pl_canvas *canvas, const pl_font *font, const char *text, double x, int baseline) {
    pl_text_draw(canvas, font, text, centered_start(pl_text_width(font, text), x, canvas->width), baseline);
}

void pl_draw_centered_up(pl_canvas *canvas, const pl_font *font, const char *text, int baseline, double y) {
    double length = pl_text_width(font, text);
    pl_text_draw_up(canvas, font, text, baseline, centered_start(length, y, canvas->height) + length);
}
