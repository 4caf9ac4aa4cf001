/* examples/common/translator.h - what the models that translate dates have in common: training, translating, scoring. */
#ifndef TRANSLATOR_H
#define TRANSLATOR_H

#include "dates.h"

/* A model and what it can do. batch has n rows. */
typedef struct {
    const char *name; /* of its figures: out/NAME_loss.png */
    at_module *net;
    /* Scores of each next token, when the right ones so far are known: (n, DATE_STEPS, DATE_VOCABULARY). */
    at_tensor *(*scores)(at_module *net, const date_pairs *batch);
    /* The most likely tokens one by one, each after what has been chosen before it: int64 (n, DATE_STEPS). */
    at_tensor *(*translate)(at_module *net, const date_pairs *batch);
} translator;

/* What the decoder is given in training: DATE_BEGIN and all tokens of the target but the last. */
at_tensor *date_known(const date_pairs *batch);

/* The command line of the examples: --quick, a few steps to see that all works. Ends the program for anything else. */
bool wants_quick(int argc, char **argv);

/* Trains on dates drawn from the thread's generator, prints losses, the share of dates never seen that are translated
 * without a mistake, and some translations; draws out/NAME_loss.png. False after complaining. */
bool train_translator(const translator *t, int64_t steps, double lr);

/* out/NAME_WHAT.png: attention weights (rows, columns, target steps, source steps) of one text, in a grid of heatmaps;
 * titles of the columns, or NULL. */
bool draw_attention(const translator *t, const char *what, at_tensor *weights, const char *text, const char *ylabel,
                    const char *const *titles);

#endif
