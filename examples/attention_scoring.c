/* examples/attention_scoring.c - "Attention Scoring Functions" of Dive into Deep Learning: masked softmax, additive
 * attention and scaled dot-product attention, on the book's small inputs. */
#include "common/gallery.h"

/* ---- masked softmax ---------------------------------------------------------------------------------------------- */

/* Sentences of a batch have different lengths. Keys beyond a sentence's length get no attention at all. */
static void masked_softmax(void) {
    static const int64_t per_sentence[] = {2, 3}, per_query[] = {1, 3, 2, 4};
    at_tensor *of_sentences = at_masked_softmax(at_rand(2, 2, 4), at_from_int64s(per_sentence, 2));
    at_tensor *of_queries = at_masked_softmax(at_rand(2, 2, 4), at_from_int64s(per_query, 2, 2));
    static const char *const titles[] = {"Sentence 1", "Sentence 2"};
    printf("masked softmax, valid lengths 2 and 3:\n");
    at_print(of_sentences);
    printf("masked softmax, valid lengths (1, 3) and (2, 4):\n");
    at_print(of_queries);
    /* Above one length for each sentence, below one for each query. */
    gallery_heatmaps((at_heatmap_options){.matrices = at_stack(0, of_sentences, of_queries),
                                          .titles = titles,
                                          .xlabel = "Keys",
                                          .ylabel = "Queries"},
                     "masked_softmax.png");
}

/* ---- attention --------------------------------------------------------------------------------------------------- */

/* Two sentences with the same ten keys and values, of which the first 2 and the first 6 count. */
typedef struct {
    at_tensor *keys, *values, *valid_lengths; /* (2, 10, 2), (2, 10, 4), (2) */
} sentences;

static sentences make_sentences(void) {
    static const int64_t lengths[] = {2, 6};
    sentences s = {.keys = at_ones(2, 10, 2), .valid_lengths = at_from_int64s(lengths, 2)};
    s.values = at_repeat(at_reshape(at_arange(0, 40, 1), 1, 10, 4), 2, 1, 1);
    return s;
}

/* result (2, 1, 4): the mean of the valid values. All keys are alike, so none is preferred, whatever the query. */
static void show(const char *what, at_tensor *result, at_tensor *attention_weights, const char *name) {
    printf("%s:\n", what);
    at_print(at_detach(result));
    gallery_heatmap(at_reshape(attention_weights, 2, 10), name, .xlabel = "Keys", .ylabel = "Queries");
}

/* A small network compares queries with keys: they may have different sizes, here 20 and 2. */
static void additive(const sentences *s) {
    at_tensor *queries = at_normal(0, 1, 2, 1, 20);
    at_additive_attention *attention = at_additive_attention_new(2, 20, 8, .dropout = 0.1);
    if (!attention) return;
    at_eval(&attention->module); /* without dropout */
    at_tensor *result = at_additive_attention_forward(attention, queries, s->keys, s->values, s->valid_lengths);
    show("additive attention", result, attention->attention_weights, "additive_attention.png");
    at_module_free(&attention->module);
}

/* Nothing is learned: query and key of one size are multiplied. */
static void dot_product(const sentences *s) {
    at_tensor *queries = at_normal(0, 1, 2, 1, 2);
    at_dot_product_attention *attention = at_dot_product_attention_new(0.5);
    if (!attention) return;
    at_eval(&attention->module);
    at_tensor *result = at_dot_product_attention_forward(attention, queries, s->keys, s->values, s->valid_lengths);
    show("scaled dot-product attention", result, attention->attention_weights, "dot_product_attention.png");
    at_module_free(&attention->module);
}

int main(int argc, char **argv) {
    gallery_begin(argc, argv, "Prints and draws masked softmax, additive and scaled dot-product attention.", NULL);
    at_manual_seed(0);
    masked_softmax();
    sentences s = make_sentences();
    additive(&s);
    dot_product(&s);
    return gallery_end();
}
