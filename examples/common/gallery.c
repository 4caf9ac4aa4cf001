/* examples/common/gallery.c - figures into a folder. */
#include "gallery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "folder.h"

static const char *out = "out";

static void explain(const char *what, bool with_data) {
    printf("%s\n\n", what);
    if (with_data) printf("  --data FILE   pairs of numbers, CSV, beside the artificial ones\n");
    printf("  --out FOLDER  where the figures go (default: out)\n  --help        this text\n");
    exit(EXIT_SUCCESS);
}

static void refuse(const char *option, const char *why) {
    complain("%s: %s", option, why);
    exit(2);
}

void gallery_begin(int argc, char **argv, const char *what, const char **data) {
    complain_as(argc > 0 ? argv[0] : "example");
    if (data) *data = NULL;
    for (int i = 1; i < argc; i += 2) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        const bool is_out = strcmp(option, "--out") == 0, is_data = data && strcmp(option, "--data") == 0;
        if (strcmp(option, "--help") == 0) explain(what, data != NULL);
        if (!is_out && !is_data) refuse(option, "unknown option, see --help");
        if (!*value) refuse(option, is_out ? "want a folder" : "want a file");
        if (is_out)
            out = value;
        else
            *data = value;
    }
    if (!make_folder(out)) exit(EXIT_FAILURE);
    at_set_error_mode(AT_ERROR_RETURN);
}

const char *gallery_path(const char *name) {
    static char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", out, name) < (int)sizeof path) return path;
    at_fail(AT_ERROR_IO, "the path of %s is longer than %zu bytes", name, sizeof path - 1);
    return path;
}

void gallery_save(at_figure *figure, const char *name) {
    const char *path = gallery_path(name);
    if (!at_error()) at_figure_save(figure, path);
    at_figure_free(figure);
}

void gallery_save_row(at_figure *const *figures, int columns, const char *name) {
    const char *path = gallery_path(name);
    if (!at_error()) at_show_figures(path, figures, 1, columns, .share_y = true);
    for (int i = 0; i < columns; i++) at_figure_free(figures[i]);
}

void gallery_heatmaps(at_heatmap_options options, const char *name) {
    options.path = gallery_path(name);
    if (!at_error()) at_show_heatmaps_with(options);
}

int gallery_end(void) {
    bool ok = !at_error();
    if (!ok) complain("%s", at_error());
    if (fflush(stdout) != 0 || ferror(stdout)) ok = complain("cannot write to the standard output");
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
