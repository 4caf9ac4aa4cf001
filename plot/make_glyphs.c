/* plot/make_glyphs.c - writes plot/glyphs.c from a TrueType font with FreeType. Only maintainers need it:
 *
 *     gcc -std=c11 plot/make_glyphs.c $(pkg-config --cflags --libs freetype2) -o make_glyphs
 *     ./make_glyphs /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf > plot/glyphs.c
 *
 * Letters are hinted vertically only ("light"): their horizontal strokes fall onto whole pixels and look sharp, while
 * widths and distances stay as the font's designer drew them. */
#include <ft2build.h>
#include FT_FREETYPE_H

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_SIZE = 20, TITLE_SIZE = 24, SUBSAMPLES = 4, SAMPLES_PER_WORD = 8 };

typedef struct {
    unsigned first, last;
} range;

/* In ascending order; 0 is the font's sign for a missing letter. */
static const range characters[] = {
    {0x0000, 0x0000}, {0x0020, 0x007e}, {0x00a0, 0x00ff}, /* ASCII, Latin-1 */
    {0x0174, 0x0178}, {0x0391, 0x03a1}, {0x03a3, 0x03a9}, /* w and y with circumflex (estimates), Greek capitals */
    {0x03b1, 0x03c9}, {0x03d1, 0x03d1}, {0x03d5, 0x03d5}, /* Greek small letters and variants */
    {0x03f5, 0x03f5}, {0x1d40, 0x1d40}, {0x2013, 0x2014}, /* epsilon, superscript T, dashes */
    {0x2016, 0x2016}, {0x2018, 0x2019}, {0x201c, 0x201d}, /* norm, quotation marks */
    {0x2022, 0x2022}, {0x2026, 0x2026}, {0x2032, 0x2033}, /* bullet, ellipsis, primes */
    {0x2070, 0x2071}, {0x2074, 0x208e}, {0x20ac, 0x20ac}, /* superscripts and subscripts, euro */
    {0x2113, 0x2113}, {0x2190, 0x2194}, {0x2202, 0x2202}, /* l of length, arrows, partial derivative */
    {0x2207, 0x2208}, {0x2211, 0x2212}, {0x221a, 0x221a}, /* nabla, element of, sum, minus, root */
    {0x221e, 0x221e}, {0x222b, 0x222b}, {0x2248, 0x2248}, /* infinity, integral, almost equal */
    {0x2260, 0x2260}, {0x2264, 0x2265}, {0x22c5, 0x22c5}, /* unequal, at most, at least, dot product */
};
enum { RANGES = sizeof characters / sizeof characters[0] };

static void check(int failed, const char *what) {
    if (!failed) return;
    fprintf(stderr, "make_glyphs: cannot %s\n", what);
    exit(1);
}

static void load(FT_Face face, unsigned code, FT_Int32 flags) {
    FT_UInt index = code ? FT_Get_Char_Index(face, code) : 0;
    check(code && !index, "find a character in the font");
    check(FT_Load_Glyph(face, index, flags), "load a glyph");
}

static void load_bitmap(FT_Face face, unsigned code) {
    load(face, code, FT_LOAD_TARGET_LIGHT);
    check(FT_Render_Glyph(face->glyph, FT_RENDER_MODE_NORMAL), "render a glyph");
}

static unsigned words_per_row(const FT_Bitmap *bitmap) {
    return (bitmap->width + SAMPLES_PER_WORD - 1) / SAMPLES_PER_WORD;
}

static unsigned print_row(const FT_Bitmap *bitmap, unsigned row) {
    const unsigned char *samples = bitmap->buffer + (long)row * bitmap->pitch;
    for (unsigned word = 0; word < words_per_row(bitmap); word++) {
        printf("%s0x", word ? " " : "    ");
        for (unsigned i = word * SAMPLES_PER_WORD; i < (word + 1) * SAMPLES_PER_WORD; i++)
            printf("%x", i < bitmap->width ? (samples[i] * 15u + 127u) / 255u : 0u);
        printf(",");
    }
    printf("\n");
    return words_per_row(bitmap);
}

static void print_ink(FT_Face face, const char *name) {
    printf("static const uint32_t %s_ink[] = {\n", name);
    for (int r = 0; r < RANGES; r++) {
        for (unsigned code = characters[r].first; code <= characters[r].last; code++) {
            load_bitmap(face, code);
            printf("    /* U+%04X */\n", code);
            for (unsigned row = 0; row < face->glyph->bitmap.rows; row++) print_row(&face->glyph->bitmap, row);
        }
    }
    printf("};\n\n");
}

static int print_metrics(FT_Face face, const char *name) {
    unsigned ink = 0;
    int count = 0;
    printf("static const pl_glyph %s_glyphs[] = {\n", name);
    for (int r = 0; r < RANGES; r++) {
        for (unsigned code = characters[r].first; code <= characters[r].last; code++, count++) {
            load_bitmap(face, code);
            const FT_GlyphSlot slot = face->glyph;
            long advance =
                (slot->linearHoriAdvance / SUBSAMPLES + 512) / 1024; /* 16.16 of quarters to 26.6 of pixels */
            printf("    {0x%04x, %ld, %d, %d, %u, %u, %u},\n", code, advance, slot->bitmap_left, slot->bitmap_top,
                   slot->bitmap.width, slot->bitmap.rows, ink);
            ink += words_per_row(&slot->bitmap) * slot->bitmap.rows;
        }
    }
    printf("};\n\n");
    return count;
}

static void print_font(FT_Face face, const char *name, int size) {
    check(FT_Set_Char_Size(face, 0, size * 64, 72 * SUBSAMPLES, 72), "set the size");
    print_ink(face, name);
    int count = print_metrics(face, name);
    printf("const pl_font pl_font_%s = {%d, %d, %s_glyphs, %s_ink};\n\n", name, size, count, name, name);
}

static void print_kerning(FT_Face face) {
    int count = 0;
    printf("const pl_kern pl_kerns[] = {\n");
    for (unsigned left = 0x21; left <= 0x7e; left++) {
        for (unsigned right = 0x21; right <= 0x7e; right++) {
            FT_Vector shift;
            check(FT_Get_Kerning(face, FT_Get_Char_Index(face, left), FT_Get_Char_Index(face, right),
                                 FT_KERNING_UNSCALED, &shift),
                  "read the kerning");
            if (!shift.x) continue;
            printf("%s{%u, %u, %ld},%s", count % 6 == 0 ? "    " : " ", left, right, (long)shift.x,
                   count % 6 == 5 ? "\n" : "");
            count++;
        }
    }
    printf("%s};\n\nconst int pl_kern_count = %d;\n", count % 6 ? "\n" : "", count);
}

int main(int argc, char **argv) {
    FT_Library library;
    FT_Face face;
    check(argc != 2, "start: want one argument, the font file");
    check(FT_Init_FreeType(&library), "start FreeType");
    check(FT_New_Face(library, argv[1], 0, &face), "open the font");
    check(face->units_per_EM != 2048, "use a font whose em is not 2048 units");
    printf("/* plot/glyphs.c - generated by plot/make_glyphs.c from the font %s; do not edit.\n"
           " *\n"
           " * The glyphs are those of the DejaVu fonts: Copyright (c) 2003 by Bitstream, Inc. All Rights Reserved. "
           "Bitstream\n"
           " * Vera is a trademark of Bitstream, Inc. DejaVu changes are in public domain. See plot/DEJAVU-LICENSE. "
           "*/\n"
           "/* clang-format off */\n"
           "#include \"glyphs.h\"\n\n",
           face->family_name);
    print_font(face, "text", TEXT_SIZE);
    print_font(face, "title", TITLE_SIZE);
    print_kerning(face);
    FT_Done_Face(face);
    FT_Done_FreeType(library);
    return 0;
}
