/* examples/bahdanau_attention.c - a sequence-to-sequence model with Bahdanau (additive) attention, which learns to
 * translate dates, letter by letter: "the third of March 1987" -> "1987-03-03".
 *
 * The encoder, a gated recurrent unit (GRU), reads the text and leaves a state at each letter. The decoder, another GRU,
 * writes the translation. Before each letter its state is the query of an attention over the encoder's states; their
 * weighted mean, the context, is what the decoder is given beside the letter before. So no state has to hold all of the
 * text, and the weights show which letters of it each letter of the translation comes from. */
#include "common/complain.h"
#include "common/translator.h"

#include <stdlib.h>

enum { EMBEDDING = 32, HIDDENS = 96, STEPS = 800, QUICK_STEPS = 2 };

/* ---- the model: a struct that begins with an at_module, and a line for each of its parts ------------------------- */

typedef struct {
    at_module module;
    at_embedding *source_embedding, *target_embedding;
    at_gru *encoder, *decoder;
    at_additive_attention *attention;
    at_linear *dense;
} Seq2Seq;

static Seq2Seq *seq2seq_new(void) {
    Seq2Seq *net = at_module_new(sizeof *net, "Seq2Seq");
    if (net && at_child(net, source_embedding, at_embedding_new(DATE_VOCABULARY, EMBEDDING)) &&
        at_child(net, target_embedding, at_embedding_new(DATE_VOCABULARY, EMBEDDING)) &&
        at_child(net, encoder, at_gru_new(EMBEDDING, HIDDENS)) &&
        at_child(net, decoder, at_gru_new(HIDDENS + EMBEDDING, HIDDENS)) &&
        at_child(net, attention, at_additive_attention_new(HIDDENS, HIDDENS, HIDDENS)) &&
        at_child(net, dense, at_linear_new(HIDDENS, DATE_VOCABULARY)))
        return net;
    if (net) at_module_free(&net->module);
    return NULL;
}

/* ---- encoder and decoder ----------------------------------------------------------------------------------------- */

/* What the decoder works with. */
typedef struct {
    at_tensor *encoded; /* (n, source steps, HIDDENS): keys and values */
    at_tensor *lengths; /* (n): how many of them count */
    at_tensor *state;   /* (1, n, HIDDENS): the decoder's; at first where the encoder ended */
} translation;

static translation encode(Seq2Seq *net, const date_pairs *batch) {
    translation t = {.lengths = batch->lengths};
    at_tensor *x = at_embedding_forward(net->source_embedding, batch->source);
    at_tensor *states = at_gru_forward(net->encoder, at_transpose(x, 0, 1), &t.state); /* a GRU's steps come first */
    t.encoded = at_contiguous(at_transpose(states, 0, 1));
    return t;
}

/* One step of the decoder after tokens (n, 1): its state (n, 1, HIDDENS). */
static at_tensor *decode(Seq2Seq *net, translation *t, at_tensor *tokens) {
    at_tensor *query = at_transpose(t->state, 0, 1);
    at_tensor *context = at_additive_attention_forward(net->attention, query, t->encoded, t->encoded, t->lengths);
    at_tensor *x = at_cat(2, context, at_embedding_forward(net->target_embedding, tokens));
    return at_transpose(at_gru_forward(net->decoder, at_transpose(x, 0, 1), &t->state), 0, 1);
}

static at_tensor *scores(at_module *self, const date_pairs *batch) {
    Seq2Seq *net = (Seq2Seq *)self;
    translation t = encode(net, batch);
    at_tensor *known = date_known(batch), *states[DATE_STEPS];
    for (int i = 0; i < DATE_STEPS; i++) states[i] = decode(net, &t, at_slice(known, 1, i, i + 1, 1));
    return at_linear_forward(net->dense, at_cat_list(1, states, DATE_STEPS));
}

/* Each step is given the token that had the highest score in the step before. weights: NULL, or the attention's
 * (n, DATE_STEPS, source steps). */
static at_tensor *translate_with(Seq2Seq *net, const date_pairs *batch, at_tensor **weights) {
    translation t = encode(net, batch);
    at_tensor *tokens[DATE_STEPS + 1], *attention[DATE_STEPS];
    tokens[0] = at_to(at_full(DATE_BEGIN, at_size(batch->source, 0), 1), AT_INT64);
    for (int i = 0; i < DATE_STEPS; i++) {
        at_tensor *state = decode(net, &t, tokens[i]);
        tokens[i + 1] = at_argmax(at_linear_forward(net->dense, state), -1, false);
        attention[i] = at_detach(net->attention->attention_weights); /* the next step puts others in its place */
    }
    if (weights) *weights = at_cat_list(1, attention, DATE_STEPS);
    return at_cat_list(1, tokens + 1, DATE_STEPS);
}

static at_tensor *translate(at_module *self, const date_pairs *batch) {
    return translate_with((Seq2Seq *)self, batch, NULL);
}

/* ---- what attention looks at ------------------------------------------------------------------------------------- */

/* Rows are letters of the translation, columns those of the text. */
static bool draw(const translator *t, const char *what, const char *text) {
    date_pairs one = date_from_text(text);
    at_tensor *weights, *y = translate_with((Seq2Seq *)t->net, &one, &weights);
    if (!y) return false;
    date_string translated = date_to_text(y, 0);
    printf("\"%s\" -> \"%s\"\n", text, translated.text);
    weights = at_slice(weights, 2, 0, (int64_t)at_item(one.lengths), 1); /* not what fills the text up */
    return draw_attention(t, what, at_unsqueeze(weights, 0), text, translated.text, NULL);
}

int main(int argc, char **argv) {
    complain_as(argc > 0 ? argv[0] : "bahdanau_attention");
    const bool quick = wants_quick(argc, argv);
    at_set_error_mode(AT_ERROR_RETURN); /* so that a full disk gives one line, below, and no abort */
    at_manual_seed(0);
    Seq2Seq *net = seq2seq_new();
    bool good = net != NULL;
    if (net) {
        translator t = {.name = "bahdanau", .net = &net->module, .scores = scores, .translate = translate};
        at_module_print(&net->module);
        good = train_translator(&t, quick ? QUICK_STEPS : STEPS, 3e-3) &&
               draw(&t, "attention", "the twenty-first of July 1969") && draw(&t, "attention_short", "21 Jul 69");
        at_module_free(&net->module);
    }
    if (at_error()) complain("%s", at_error());
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
