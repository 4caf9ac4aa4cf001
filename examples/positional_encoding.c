/* examples/positional_encoding.c - "Self-Attention and Positional Encoding" of Dive into Deep Learning: how each position
 * of a sequence gets numbers of its own, and what they have in common with the binary digits of the position. */
#include "common/gallery.h"

enum { POSITIONS = 60, COLUMNS = 32 };

/* Columns 6 and 7 are sine and cosine of one frequency; 8 and 9 of a lower one. */
static void draw_columns(at_tensor *p) {
    static const struct {
        int column;
        const char *label, *style;
    } curves[] = {{6, "Col 6", "-"}, {7, "Col 7", "m--"}, {8, "Col 8", "g-."}, {9, "Col 9", "r:"}};
    at_figure *figure = at_figure_new(.xlabel = "Row (position)", .width = 864, .height = 360);
    at_tensor *position = at_arange(0, POSITIONS, 1);
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        at_figure_line(figure, position, at_select(p, 1, curves[i].column), .label = curves[i].label,
                       .style = curves[i].style);
    gallery_save(figure, "positional_encoding_columns.png");
}

/* The digits of 0 ... 7, (8, 3): the last alternates at every number, those before it ever more slowly. */
static void show_binary(void) {
    int64_t digits[8][3];
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 3; j++) digits[i][j] = i >> (2 - j) & 1;
        printf("%d in binary is %d%d%d\n", i, (int)digits[i][0], (int)digits[i][1], (int)digits[i][2]);
    }
    gallery_heatmap(at_from_int64s(&digits[0][0], 8, 3), "positional_encoding_binary.png", .xlabel = "Digit",
                    .ylabel = "Number", .cmap = "Blues");
}

/* What makes relative positions easy to learn: a step of d positions turns each pair of columns by the same angle,
 * wherever it begins. So the product of two positions' encodings depends on their distance alone. */
static void compare_distances(at_tensor *p) {
    at_tensor *products = at_matmul(p, at_transpose(p, 0, 1));
    for (int distance = 0; distance <= 20; distance += 5)
        printf("distance %2d: products %.4f at 0, %.4f at 30\n", distance, at_get(products, 0, distance),
               at_get(products, 30, 30 + distance));
}

int main(int argc, char **argv) {
    gallery_begin(argc, argv, "Draws the positional encoding of 60 positions in 32 columns.", NULL);
    at_positional_encoding *encoding = at_positional_encoding_new(COLUMNS, 0, 1000);
    if (encoding) {
        at_eval(&encoding->module);
        /* Added to zeros, the encoding itself: (60, 32). */
        at_tensor *zeros = at_zeros(1, POSITIONS, COLUMNS);
        at_tensor *p = at_select(at_positional_encoding_forward(encoding, zeros), 0, 0);
        draw_columns(p);
        show_binary();
        gallery_heatmap(p, "positional_encoding.png", .xlabel = "Column (encoding dimension)",
                        .ylabel = "Row (position)", .cmap = "Blues", .width = 504, .height = 576);
        compare_distances(p);
        at_module_free(&encoding->module);
    }
    return gallery_end();
}
