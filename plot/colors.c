/* plot/colors.c - colours by name. */
#include "internal.h"

#include <string.h>

const pl_color pl_black = {0, 0, 0};
const pl_color pl_white = {255, 255, 255};
const pl_color pl_frame_color = {0x26, 0x26, 0x26};
const pl_color pl_grid_color = {0xbf, 0xbf, 0xbf};

/* The cycle that matplotlib's readers know (the ten colours of Tableau). */
static const pl_color cycle[PL_CYCLE] = {
    {0x1f, 0x77, 0xb4}, {0xff, 0x7f, 0x0e}, {0x2c, 0xa0, 0x2c}, {0xd6, 0x27, 0x28}, {0x94, 0x67, 0xbd},
    {0x8c, 0x56, 0x4b}, {0xe3, 0x77, 0xc2}, {0x7f, 0x7f, 0x7f}, {0xbc, 0xbd, 0x22}, {0x17, 0xbe, 0xcf},
};

static const struct {
    char letter;
    pl_color color;
} letters[] = {
    {'b', {0, 0, 255}},   {'g', {0, 128, 0}},   {'r', {255, 0, 0}}, {'c', {0, 191, 191}},
    {'m', {191, 0, 191}}, {'y', {191, 191, 0}}, {'k', {0, 0, 0}},   {'w', {255, 255, 255}},
};

pl_color pl_cycle_color(int i) { return cycle[i % PL_CYCLE]; }

static int hex_digit(char c) {
    const char *digits = "0123456789abcdef";
    if (c >= 'A' && c <= 'F') c = (char)(c - 'A' + 'a');
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

static bool parse_hex(const char *digits, pl_color *color) {
    int value[6];
    for (int i = 0; i < 6; i++) {
        value[i] = hex_digit(digits[i]);
        if (value[i] < 0) return false;
    }
    *color = (pl_color){(uint8_t)(16 * value[0] + value[1]), (uint8_t)(16 * value[2] + value[3]),
                        (uint8_t)(16 * value[4] + value[5])};
    return true;
}

static bool find_letter(char letter, pl_color *color) {
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        if (letters[i].letter != letter) continue;
        *color = letters[i].color;
        return true;
    }
    return false;
}

bool pl_parse_color(const char *name, pl_color *color) {
    size_t length = strlen(name);
    if (length == 7 && name[0] == '#') return parse_hex(name + 1, color);
    if (length == 2 && name[0] == 'C' && name[1] >= '0' && name[1] <= '9') {
        *color = cycle[name[1] - '0'];
        return true;
    }
    return length == 1 && find_letter(name[0], color);
}

bool pl_parse_style(const char *text, pl_style *style, pl_color *color, bool *colored) {
    static const char *const names[] = {[PL_SOLID] = "-", [PL_DASHED] = "--", [PL_DASH_DOT] = "-.", [PL_DOTTED] = ":"};
    *colored = find_letter(text[0], color);
    const char *rest = text + *colored;
    if (*colored && !*rest) return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(rest, names[i]) != 0) continue;
        *style = (pl_style)i;
        return true;
    }
    return false;
}

const pl_colormap *pl_find_colormap(const char *name) {
    for (int i = 0; i < pl_colormap_count; i++) {
        if (!name || strcmp(name, pl_colormaps[i].name) == 0) return &pl_colormaps[i];
    }
    return NULL;
}

pl_color pl_map_color(const pl_colormap *map, double t) {
    int i = (int)(t * 256);
    const uint8_t *rgb = map->rgb[i > 255 ? 255 : i];
    return (pl_color){rgb[0], rgb[1], rgb[2]};
}
