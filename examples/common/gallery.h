/* examples/common/gallery.h - what the examples that draw figures have in common: where these go, and how errors end. */
#ifndef GALLERY_H
#define GALLERY_H

#include <atled-plot.h>

/* Understands --out FOLDER (default out), which is created, --help, and if data is not NULL --data FILE, which *data is
 * set to (NULL without). As Python's argparse does, this ends the program for --help (status 0) and for anything wrong
 * (status 2). Errors of atled return from then on: a failed call gives
 * NULL, NULL makes later calls fail too, and the first message waits for gallery_end. */
void gallery_begin(int argc, char **argv, const char *what, const char **data);

/* "folder/name", good until the next call. */
const char *gallery_path(const char *name);

/* Writes one figure, or a row of them with a common y axis, unless something has failed; frees them. */
void gallery_save(at_figure *figure, const char *name);
void gallery_save_row(at_figure *const *figures, int columns, const char *name);

/* A grid of (rows, columns, height, width) matrices, and the same of one matrix. */
void gallery_heatmaps(at_heatmap_options options, const char *name);
#define gallery_heatmap(matrix, name, ...)                                                                             \
    gallery_heatmaps((at_heatmap_options){.matrices = at_unsqueeze(at_unsqueeze(matrix, 0), 0), __VA_ARGS__}, name)

/* The program's exit status, after complaining of the first error. */
int gallery_end(void);

#endif
