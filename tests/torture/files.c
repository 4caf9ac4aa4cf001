/* tests/torture/files.c - .npy files, snapshots and figures, by memory and by every call on files. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>

#include "torture.h"

static void prepare_data(fixture *f) {
    keep(f, at_randn(6, 7));
    at_tensor *turned = at_transpose(f->tensor[0], 0, 1);
    keep(f, turned);
}

/* Another file is there already, under the same name. */
static void prepare_old(fixture *f) {
    prepare_data(f);
    at_save_npy(f->tensor[1], in_folder("x.npy"));
}

static bool save(fixture *f) { return calling("save_npy") && at_save_npy(f->tensor[0], in_folder("x.npy")); }

static bool save_pending(fixture *f) {
    calling("mul transpose");
    at_tensor *pending = at_transpose(at_mul(f->tensor[0], 2), 0, 1);
    return pending && calling("save_npy") && at_save_npy(pending, in_folder("x.npy"));
}

static void prepare_saved(fixture *f) {
    keep(f, at_randn(6, 7));
    at_save_npy(f->tensor[0], in_folder("x.npy"));
}

static bool load(fixture *f) {
    (void)f;
    return calling("load_npy") && result(at_load_npy(in_folder("x.npy")));
}

static bool snapshot(fixture *f) { return calling("snapshot") && at_snapshot(in_folder("."), "x", f->tensor[0], 0, 0); }

static bool record(fixture *f) {
    setenv("ATLED_SNAPSHOT", "update", 1);
    bool good = calling("snapshot") && at_snapshot(in_folder("."), "x", f->tensor[0], 0, 0);
    unsetenv("ATLED_SNAPSHOT");
    return good;
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

static bool new_figure(fixture *f) {
    (void)f;
    calling("figure_new");
    at_figure *figure = at_figure_new(.title = "a title", .xlabel = "x", .ylabel = "y");
    at_figure_free(figure);
    return figure != NULL;
}

static void prepare_figure(fixture *f) {
    prepare_data(f);
    f->figure = at_figure_new(.title = "a title", .width = 80, .height = 60);
    at_figure_line(f->figure, f->tensor[0], f->tensor[0], .label = "a line");
}

static bool add_series(fixture *f) {
    calling("figure_new");
    at_figure *figure = at_figure_new(.width = 80, .height = 60);
    bool good = figure && calling("figure_line") &&
                at_figure_line(figure, f->tensor[0], f->tensor[1], .label = "a line", .dashed = true) &&
                calling("figure_points") &&
                at_figure_points(figure, f->tensor[1], f->tensor[0], .label = "points", .alpha = 0.5);
    at_figure_free(figure);
    return good;
}

static bool save_figure(fixture *f) { return calling("figure_save") && at_figure_save(f->figure, in_folder("a.png")); }

static bool save_figures(fixture *f) {
    calling("show_figures");
    return at_show_figures(in_folder("a.png"), ((at_figure *[]){f->figure, f->figure}), 1, 2, .share_y = true);
}

static bool save_column(fixture *f) {
    calling("show_figures");
    return at_show_figures(in_folder("a.png"), ((at_figure *[]){f->figure, f->figure}), 2, 1, .share_x = true);
}

static bool animate(const char *path, int points) {
    calling("animator_new");
    at_animator *animator = at_animator_new(path, .width = 80, .height = 60, .legend = {"loss", "score"});
    bool good = animator && calling("animator_add");
    for (int i = 0; i < points && good; i++) good = at_animator_add(animator, i, 1.0 / (i + 1), 0.5);
    at_animator_free(animator);
    return good;
}

static bool animate_once(fixture *f) {
    (void)f;
    return animate(in_folder("a.png"), 1);
}

/* Where what the first points wrote is no trace of the failure of the last. */
static bool animate_often(fixture *f) {
    (void)f;
    return animate("/dev/null", 3);
}

static void prepare_old_figure(fixture *f) {
    prepare_figure(f);
    at_save_npy(f->tensor[0], in_folder("a.png"));
}

static void prepare_matrices(fixture *f) { keep(f, at_rand(1, 2, 3, 4)); }

static bool heatmaps(fixture *f) {
    calling("show_heatmaps");
    return at_show_heatmaps(in_folder("h.png"), f->tensor[0], .xlabel = "x", .ylabel = "y", .width = 240,
                            .height = 160);
}

static const scenario all[] = {{"files save", prepare_data, save, NULL},
                               {"files save over another", prepare_old, save, NULL},
                               {"files save pending", prepare_data, save_pending, NULL},
                               {"files load", prepare_saved, load, NULL},
                               {"files snapshot", prepare_saved, snapshot, NULL},
                               {"files snapshot recorded", prepare_data, record, NULL},
                               {"files figure", prepare_figure, save_figure, NULL},
                               {"files figure over another", prepare_old_figure, save_figure, NULL},
                               {"files figures", prepare_figure, save_figures, NULL},
                               {"files figures over another", prepare_old_figure, save_column, NULL},
                               {"files animation", NULL, animate_once, NULL},
                               {"files heatmaps", prepare_matrices, heatmaps, NULL}};

void torture_plots(void) {
    torture(&(scenario){"plots new", NULL, new_figure, NULL});
    torture(&(scenario){"plots series", prepare_data, add_series, NULL});
    torture(&(scenario){"plots animation", NULL, animate_often, NULL});
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) torture(&all[i]);
}

void torture_file_calls(void) {
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) torture_files(&all[i]);
}
