/* plot/raster.c - shapes onto a canvas, with the part of each pixel that they cover. */
#include "internal.h"

#include <string.h>

bool pl_canvas_open(pl_canvas *canvas, int width, int height, const char *function) {
    size_t pixels = (size_t)width * (size_t)height;
    *canvas = (pl_canvas){.width = width, .height = height};
    canvas->rgb = at_allocate(function, 3 * pixels);
    canvas->mask = canvas->rgb ? at_allocate(function, pixels) : NULL;
    if (!canvas->mask) {
        pl_canvas_close(canvas);
        return false;
    }
    memset(canvas->rgb, 255, 3 * pixels);
    memset(canvas->mask, 0, pixels);
    return true;
}

void pl_canvas_close(pl_canvas *canvas) {
    size_t pixels = (size_t)canvas->width * (size_t)canvas->height;
    at_free(canvas->rgb, 3 * pixels);
    at_free(canvas->mask, pixels);
    *canvas = (pl_canvas){0};
}

static int min_int(int a, int b) { return a < b ? a : b; }
static int max_int(int a, int b) { return a > b ? a : b; }
static double clamp01(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

static pl_box intersect(pl_box a, pl_box b) {
    int x0 = max_int(a.x0, b.x0), y0 = max_int(a.y0, b.y0);
    return (pl_box){x0, y0, max_int(x0, min_int(a.x1, b.x1)), max_int(y0, min_int(a.y1, b.y1))};
}

static pl_box whole(const pl_canvas *canvas) { return (pl_box){0, 0, canvas->width, canvas->height}; }

/* The whole pixels that touch the given ranges, within clip. The clip comes first: a double far outside is no int. */
static pl_box covering(pl_box clip, double x0, double y0, double x1, double y1) {
    return (pl_box){(int)floor(fmin(fmax(x0, clip.x0), clip.x1)), (int)floor(fmin(fmax(y0, clip.y0), clip.y1)),
                    (int)ceil(fmax(fmin(x1, clip.x1), clip.x0)), (int)ceil(fmax(fmin(y1, clip.y1), clip.y0))};
}

/* ---- pixels and boxes -------------------------------------------------------------------------------------------- */

static uint8_t *pixel(const pl_canvas *canvas, int x, int y) {
    return canvas->rgb + 3 * ((size_t)y * (size_t)canvas->width + (size_t)x);
}

void pl_set_pixel(pl_canvas *canvas, int x, int y, pl_color color) {
    uint8_t *to = pixel(canvas, x, y);
    to[0] = color.r;
    to[1] = color.g;
    to[2] = color.b;
}

static uint8_t mix(uint8_t below, uint8_t above, double alpha) {
    return (uint8_t)(below + (above - below) * alpha + 0.5);
}

void pl_blend_pixel(pl_canvas *canvas, int x, int y, pl_color color, double alpha) {
    uint8_t *to = pixel(canvas, x, y);
    to[0] = mix(to[0], color.r, alpha);
    to[1] = mix(to[1], color.g, alpha);
    to[2] = mix(to[2], color.b, alpha);
}

void pl_repeat_row(pl_canvas *canvas, pl_box box, int y) {
    memcpy(pixel(canvas, box.x0, y), pixel(canvas, box.x0, y - 1), 3 * (size_t)(box.x1 - box.x0));
}

void pl_fill(pl_canvas *canvas, pl_box box, pl_color color) {
    box = intersect(box, whole(canvas));
    for (int y = box.y0; y < box.y1; y++) {
        for (int x = box.x0; x < box.x1; x++) pl_set_pixel(canvas, x, y, color);
    }
}

void pl_frame(pl_canvas *canvas, pl_box box) {
    const int half = PL_LINE / 2;
    pl_fill(canvas, (pl_box){box.x0 - half, box.y0 - half, box.x1 + half, box.y0 + half}, pl_frame_color);
    pl_fill(canvas, (pl_box){box.x0 - half, box.y1 - half, box.x1 + half, box.y1 + half}, pl_frame_color);
    pl_fill(canvas, (pl_box){box.x0 - half, box.y0, box.x0 + half, box.y1}, pl_frame_color);
    pl_fill(canvas, (pl_box){box.x1 - half, box.y0, box.x1 + half, box.y1}, pl_frame_color);
}

/* ---- circles and rounded boxes ----------------------------------------------------------------------------------- */

/* How much of a pixel whose centre is at this distance from a shape's edge (negative: inside) the shape covers. Exact
 * for an edge along the pixels, and within 0.05 for a slanted one. */
static double coverage(double distance) { return clamp01(0.5 - distance); }

void pl_ring(pl_canvas *canvas, pl_box clip, double x, double y, double inner, double outer, pl_color color,
             double alpha) {
    double reach = outer + 0.5;
    pl_box box = covering(intersect(clip, whole(canvas)), x - reach, y - reach, x + reach, y + reach);
    for (int j = box.y0; j < box.y1; j++) {
        for (int i = box.x0; i < box.x1; i++) {
            double dx = i + 0.5 - x, dy = j + 0.5 - y;
            double distance = sqrt(dx * dx + dy * dy);
            double covered = coverage(distance - outer) - (inner > 0 ? coverage(distance - inner) : 0);
            if (covered > 0) pl_blend_pixel(canvas, i, j, color, covered * alpha);
        }
    }
}

/* Distance from a point to the edge of a box with rounded corners, negative inside. */
static double rounded_distance(pl_box box, double radius, double x, double y) {
    double dx = fabs(x - (box.x0 + box.x1) * 0.5) - (box.x1 - box.x0) * 0.5 + radius;
    double dy = fabs(y - (box.y0 + box.y1) * 0.5) - (box.y1 - box.y0) * 0.5 + radius;
    if (dx > 0 && dy > 0) return sqrt(dx * dx + dy * dy) - radius;
    return fmax(dx, dy) - radius;
}

void pl_rounded_box(pl_canvas *canvas, pl_box box, double radius, pl_color fill, pl_color edge, double alpha) {
    const double half = PL_LINE * 0.5;
    pl_box area = {box.x0 - PL_LINE, box.y0 - PL_LINE, box.x1 + PL_LINE, box.y1 + PL_LINE};
    area = intersect(area, whole(canvas));
    for (int y = area.y0; y < area.y1; y++) {
        for (int x = area.x0; x < area.x1; x++) {
            double distance = rounded_distance(box, radius, x + 0.5, y + 0.5);
            double line = coverage(distance - half) - coverage(distance + half);
            pl_blend_pixel(canvas, x, y, fill, coverage(distance) * alpha);
            pl_blend_pixel(canvas, x, y, edge, line * alpha);
        }
    }
}

/* ---- strokes ----------------------------------------------------------------------------------------------------- */

/* In line widths, as matplotlib has them: drawn, left out, drawn, left out. */
static const struct {
    int parts;
    double lengths[PL_MOST_PARTS];
} patterns[] = {[PL_SOLID] = {0},
                [PL_DASHED] = {2, {3.7, 1.6}},
                [PL_DASH_DOT] = {4, {6.4, 1.6, 1, 1.6}},
                [PL_DOTTED] = {2, {1, 1.65}}};

pl_stroke pl_stroke_begin(pl_canvas *canvas, pl_box clip, double width, pl_style style) {
    pl_stroke stroke = {.canvas = canvas, .clip = intersect(clip, whole(canvas)), .half_width = width * 0.5};
    stroke.touched = (pl_box){stroke.clip.x1, stroke.clip.y1, stroke.clip.x0, stroke.clip.y0};
    const double unit = fmax(width, 1); /* dashes of a hair's width would be dust */
    double end = 0;
    stroke.parts = patterns[style].parts;
    for (int i = 0; i < stroke.parts; i++) {
        end += patterns[style].lengths[i];
        stroke.ends[i] = end * unit;
    }
    return stroke;
}

/* A straight piece of a stroke, with half discs at its ends, which make the round joins. They are cut off where a dash
 * would end if it went straight on. */
typedef struct {
    double x, y;   /* the start */
    double ux, uy; /* the direction, of length 1 */
    double length;
    double before, after; /* lengths of the same dash before the start and after the end */
} piece;

static double piece_coverage(const piece *p, double half_width, double x, double y) {
    double along = (x - p->x) * p->ux + (y - p->y) * p->uy;
    double across = (x - p->x) * p->uy - (y - p->y) * p->ux;
    double beyond = along < 0 ? along : along > p->length ? along - p->length : 0;
    double distance = beyond != 0 ? sqrt(across * across + beyond * beyond) : fabs(across);
    /* The overlap of the pixel with the line, both as ranges of the distance: right for hairlines, too. */
    double covered = fmin(distance + 0.5, half_width) - fmax(distance - 0.5, -half_width);
    return covered * clamp01(p->before + along + 0.5) * clamp01(p->length + p->after - along + 0.5);
}

/* The part of the row in which the endless line through the piece has ink: most of a slanted piece's box is empty. */
static void narrow_to_line(const piece *p, double reach, double y, double *x0, double *x1) {
    if (fabs(p->uy) < 1e-6) return;
    double centre = p->x + (y - p->y) * p->ux / p->uy;
    double spread = reach / fabs(p->uy);
    *x0 = fmax(*x0, centre - spread);
    *x1 = fmin(*x1, centre + spread);
}

/* Each pixel keeps its largest coverage by any piece, so that pieces that overlap at a join do not add up. */
static void mask_piece(pl_stroke *stroke, const piece *p) {
    double reach = stroke->half_width + 0.5;
    double end_x = p->x + p->ux * p->length, end_y = p->y + p->uy * p->length;
    double left = fmin(p->x, end_x) - reach, right = fmax(p->x, end_x) + reach;
    pl_box box = covering(stroke->clip, left, fmin(p->y, end_y) - reach, right, fmax(p->y, end_y) + reach);
    for (int y = box.y0; y < box.y1; y++) {
        double x0 = left, x1 = right;
        narrow_to_line(p, reach, y + 0.5, &x0, &x1);
        pl_box row = covering(box, x0 - 1, y, x1 + 1, y + 1);
        uint8_t *mask = stroke->canvas->mask + (size_t)y * (size_t)stroke->canvas->width;
        for (int x = row.x0; x < row.x1; x++) {
            double covered = piece_coverage(p, stroke->half_width, x + 0.5, y + 0.5);
            int value = (int)(fmax(covered, 0) * 255 + 0.5);
            if (value > mask[x]) mask[x] = (uint8_t)min_int(value, 255);
        }
    }
    pl_box *touched = &stroke->touched;
    *touched = (pl_box){min_int(touched->x0, box.x0), min_int(touched->y0, box.y0), max_int(touched->x1, box.x1),
                        max_int(touched->y1, box.y1)};
}

/* The part of the pattern that comes next. */
static int next_part(const pl_stroke *stroke) {
    int part = 0;
    while (part < stroke->parts - 1 && stroke->phase >= stroke->ends[part]) part++;
    return part;
}

/* Cuts a piece into dashes, going on where the stroke's last piece ended. last: no other piece follows. */
static void mask_dashes(pl_stroke *stroke, const piece *p, bool last) {
    double position = 0;
    while (position < p->length) {
        const int part = next_part(stroke);
        double rest = stroke->ends[part] - stroke->phase;
        bool complete = position + rest <= p->length;
        double step = complete ? rest : p->length - position;
        if (part % 2 == 0) {
            piece dash = *p;
            dash.x += dash.ux * position;
            dash.y += dash.uy * position;
            dash.length = step;
            dash.before = part > 0 ? stroke->phase - stroke->ends[part - 1] : stroke->phase;
            dash.after = complete || last ? 0 : rest - step;
            mask_piece(stroke, &dash);
        }
        if (!complete)
            stroke->phase += step;
        else
            stroke->phase = part < stroke->parts - 1 ? stroke->ends[part] : 0;
        position += rest;
    }
}

/* sqrt(x * x + y * y) where the squares might overflow. */
static double length_of(double x, double y) {
    double larger = fmax(fabs(x), fabs(y)), smaller = fmin(fabs(x), fabs(y));
    if (larger == 0) return 0;
    double ratio = smaller / larger;
    return larger * sqrt(1 + ratio * ratio);
}

static void skip_dashes(pl_stroke *stroke, const double from[2], const double to[2]) {
    double length = length_of(to[0] - from[0], to[1] - from[1]);
    if (stroke->parts > 0 && length > 0) stroke->phase = fmod(stroke->phase + length, stroke->ends[stroke->parts - 1]);
}

/* The straight piece from a to b, or the part of it that lies near the clip box. */
static void mask_segment(pl_stroke *stroke, const double a[2], const double b[2], bool last) {
    const double reach = stroke->half_width + 1;
    const double box[4] = {stroke->clip.x0 - reach, stroke->clip.y0 - reach, stroke->clip.x1 + reach,
                           stroke->clip.y1 + reach};
    double from[2] = {a[0], a[1]}, to[2] = {b[0], b[1]};
    if (!pl_clip_segment(box, from, to)) {
        skip_dashes(stroke, a, b);
        return;
    }
    piece p = {.x = from[0], .y = from[1], .ux = 1, .before = INFINITY, .after = INFINITY};
    p.length = length_of(to[0] - from[0], to[1] - from[1]);
    if (p.length > 0) {
        p.ux = (to[0] - from[0]) / p.length;
        p.uy = (to[1] - from[1]) / p.length;
    }
    if (stroke->parts > 0) {
        skip_dashes(stroke, a, from);
        mask_dashes(stroke, &p, last);
        skip_dashes(stroke, to, b);
    } else {
        mask_piece(stroke, &p);
    }
}

/* A segment is drawn when the vertex after it is known, as the last one ends differently. */
void pl_stroke_to(pl_stroke *stroke, double x, double y) {
    if (stroke->vertices >= 2) mask_segment(stroke, stroke->from, stroke->to, false);
    memcpy(stroke->from, stroke->to, sizeof stroke->from);
    stroke->to[0] = x;
    stroke->to[1] = y;
    if (stroke->vertices < 2) stroke->vertices++;
}

void pl_stroke_end(pl_stroke *stroke, pl_color color, double alpha) {
    if (stroke->vertices == 1) mask_segment(stroke, stroke->to, stroke->to, true); /* a dot */
    if (stroke->vertices == 2) mask_segment(stroke, stroke->from, stroke->to, true);
    pl_canvas *canvas = stroke->canvas;
    pl_box box = stroke->touched;
    for (int y = box.y0; y < box.y1; y++) {
        uint8_t *mask = canvas->mask + (size_t)y * (size_t)canvas->width;
        for (int x = box.x0; x < box.x1; x++) {
            if (!mask[x]) continue;
            pl_blend_pixel(canvas, x, y, color, mask[x] / 255.0 * alpha);
            mask[x] = 0;
        }
    }
}

/* Moves `end` along the segment from `other` to where its coordinate is `limit`. That is exact in this coordinate, and
 * the other one keeps its digits however far away the end was. */
static void cut(double end[2], const double other[2], int axis, double limit) {
    double slope = (other[1 - axis] - end[1 - axis]) / (other[axis] - end[axis]);
    end[1 - axis] += (limit - end[axis]) * slope;
    end[axis] = limit;
}

bool pl_clip_segment(const double box[4], double a[2], double b[2]) {
    for (int axis = 0; axis < 2; axis++) {
        const double low = box[axis], high = box[2 + axis];
        if (!(fmin(a[axis], b[axis]) <= high && fmax(a[axis], b[axis]) >= low)) return false;
        if (a[axis] < low) cut(a, b, axis, low);
        if (b[axis] < low) cut(b, a, axis, low);
        if (a[axis] > high) cut(a, b, axis, high);
        if (b[axis] > high) cut(b, a, axis, high);
    }
    return true;
}
