/* plot/text.c - letters from the glyph table onto a canvas. */
#include "internal.h"

enum { SUBSAMPLES = 4, SAMPLES_PER_WORD = 8, INK = 15 /* the most in one sample */ };

/* The next character of UTF-8 text, which moves on. Each byte that is no valid UTF-8 counts as an unknown character. */
static unsigned next_character(const char **text) {
    const unsigned char *s = (const unsigned char *)*text;
    const int more = s[0] < 0x80 ? 0 : s[0] < 0xc2 ? -1 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : s[0] < 0xf5 ? 3 : -1;
    (*text)++;
    if (more == 0) return s[0];
    if (more < 0) return 0;
    unsigned code = s[0] & (0x3fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    *text += more;
    return code;
}

static const pl_glyph *find_glyph(const pl_font *font, unsigned code) {
    int low = 0, high = font->count;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (font->glyphs[middle].code <= code)
            low = middle;
        else
            high = middle;
    }
    return font->glyphs[low].code == code ? &font->glyphs[low] : &font->glyphs[0];
}

/* In 1/64 pixel. */
static int kerning(const pl_font *font, unsigned left, unsigned right) {
    unsigned pair = left << 8 | right;
    int low = 0, high = pl_kern_count;
    if (left > 255 || right > 255) return 0;
    while (low < high) {
        int middle = low + (high - low) / 2;
        unsigned found = (unsigned)pl_kerns[middle].left << 8 | pl_kerns[middle].right;
        if (found == pair) return pl_kerns[middle].shift * font->size * 64 / 2048;
        if (found < pair)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* Goes along a text letter by letter. */
typedef struct {
    const pl_font *font;
    const char *rest;
    unsigned previous;
    int pen; /* where the next letter begins, in 1/64 pixel */
} walk;

/* The next letter, with its place in *at; NULL after the last. Text without end stops where no picture can show it. */
static const pl_glyph *next_glyph(walk *w, int *at) {
    if (!*w->rest || w->pen > 64 * 2 * PL_MAX_SIZE) return NULL;
    unsigned code = next_character(&w->rest);
    const pl_glyph *glyph = find_glyph(w->font, code);
    w->pen += kerning(w->font, w->previous, code);
    *at = w->pen;
    w->pen += glyph->advance;
    w->previous = code;
    return glyph;
}

double pl_text_width(const pl_font *font, const char *text) {
    walk w = {.font = font, .rest = text};
    int at;
    while (next_glyph(&w, &at)) continue;
    return w.pen / 64.0;
}

static int sample(const pl_font *font, const pl_glyph *glyph, int row, int i) {
    if (i < 0 || i >= glyph->width) return 0;
    int words = (glyph->width + SAMPLES_PER_WORD - 1) / SAMPLES_PER_WORD;
    uint32_t word = font->ink[glyph->ink + (uint32_t)(row * words + i / SAMPLES_PER_WORD)];
    return (int)(word >> 4 * (SAMPLES_PER_WORD - 1 - i % SAMPLES_PER_WORD) & 15);
}

static void ink_pixel(pl_canvas *canvas, int x, int y, int ink) {
    if (!ink || x < 0 || y < 0 || x >= canvas->width || y >= canvas->height) return;
    pl_blend_pixel(canvas, x, y, pl_black, ink / (double)(SUBSAMPLES * INK));
}

/* quarter is the place of the letter's first sample along the line; `up` turns the line by 90 degrees to the left. */
static void draw_glyph(pl_canvas *canvas, const pl_font *font, const pl_glyph *glyph, int quarter, int baseline,
                       bool up) {
    int first = (int)floor(quarter / (double)SUBSAMPLES);
    int offset = first * SUBSAMPLES - quarter;
    int pixels = (glyph->width - offset + SUBSAMPLES - 1) / SUBSAMPLES;
    for (int row = 0; row < glyph->height; row++) {
        for (int i = 0; i < pixels; i++) {
            int ink = 0;
            for (int k = 0; k < SUBSAMPLES; k++) ink += sample(font, glyph, row, i * SUBSAMPLES + k + offset);
            int below = row - glyph->top;
            if (up)
                ink_pixel(canvas, baseline + below, -1 - (first + i), ink);
            else
                ink_pixel(canvas, first + i, baseline + below, ink);
        }
    }
}

static void draw(pl_canvas *canvas, const pl_font *font, const char *text, double start, int baseline, bool up) {
    walk w = {.font = font, .rest = text};
    const pl_glyph *glyph;
    int at, origin = (int)floor(start * SUBSAMPLES + 0.5);
    while ((glyph = next_glyph(&w, &at))) {
        int quarter = origin + (at * SUBSAMPLES + 32) / 64 + glyph->left;
        draw_glyph(canvas, font, glyph, quarter, baseline, up);
    }
}

void pl_text_draw(pl_canvas *canvas, const pl_font *font, const char *text, double x, int baseline) {
    draw(canvas, font, text, x, baseline, false);
}

/* Upwards the line's own coordinate grows as y falls. */
void pl_text_draw_up(pl_canvas *canvas, const pl_font *font, const char *text, int baseline, double y) {
    draw(canvas, font, text, -y, baseline, true);
}

int pl_text_ascent(const pl_font *font) { return find_glyph(font, 'l')->top; }

int pl_text_descent(const pl_font *font) {
    const pl_glyph *glyph = find_glyph(font, 'p');
    return glyph->height - glyph->top;
}

int pl_text_height(const pl_font *font) { return pl_text_ascent(font) + pl_text_descent(font); }

int pl_digit_height(const pl_font *font) { return find_glyph(font, '0')->top; }
