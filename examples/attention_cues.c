/* examples/attention_cues.c - what attention weights look like, before any is computed: figures after "Attention Cues"
 * of Dive into Deep Learning. Rows are queries, columns are keys; the darker, the more attention. */
#include "common/gallery.h"

/* Each row is a distribution: it says how a query shares its attention out among the keys. */
static void show(at_tensor *attention_weights, const char *what, const char *name) {
    at_tensor *rows = at_sum_dim(attention_weights, 1, false);
    gallery_heatmap(attention_weights, name, .xlabel = "Keys", .ylabel = "Queries");
    printf("%s: rows sum to %.4f to %.4f, the largest weight is %.4f\n", what, at_item(at_min(rows)),
           at_item(at_max(rows)), at_item(at_max(attention_weights)));
}

int main(int argc, char **argv) {
    gallery_begin(argc, argv, "Draws attention weights: of queries that equal one key each, and of average pooling.",
                  NULL);
    const int n = 10;
    /* Each query is the same as one key, and asks for that one alone. */
    show(at_eye(n), "one key for each query", "attention_cues_eye.png");
    /* Average pooling does not look at the query: all keys count the same. */
    show(at_full(1.0 / n, n, n), "average pooling", "attention_cues_average.png");
    return gallery_end();
}
