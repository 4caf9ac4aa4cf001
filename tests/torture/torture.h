/* tests/torture/torture.h - scenarios whose every allocation, and every call on files, is made to fail.
 *
 * A scenario prepares what exists before, then runs. It is run undisturbed, to see its result, and then again and again
 * with the first, second, third ... request for memory refused: that one alone, and all from it on, until a run comes to
 * its end before that many requests. A disturbed run gives the result, or false with an error of memory in the name of
 * what was being called; then nothing that existed has changed, nothing is left, and running it again gives the result. */
#ifndef ATLED_TORTURE_H
#define ATLED_TORTURE_H

#include "../../atled.h"
#include "../../plot/atled-plot.h"

enum { TORTURE_TENSORS = 8 };

typedef struct {
    at_tensor *tensor[TORTURE_TENSORS]; /* held */
    int n_tensors;
    at_module *module;
    at_optimizer *optimizer;
    at_schedule *schedule;
    at_data_loader *loader;
    at_figure *figure;
    double number;
    const void *context;
} fixture;

typedef struct {
    const char *name;
    void (*prepare)(fixture *f); /* NULL: nothing */
    bool (*run)(fixture *f);     /* within a scope of its own; false where a call failed */
    const void *context;
} scenario;

void torture(const scenario *s);
void torture_files(const scenario *s); /* by failing calls on files */

/* t becomes a part of the fixture; returns its place. */
int keep(fixture *f, at_tensor *t);

/* What the next calls may be named in messages: words with spaces in between. For use in conditions: true. */
bool calling(const char *names);

/* Adds to what the run results in: elements, bytes. False on an error. */
bool result(at_tensor *t);
bool result_bytes(const void *bytes, size_t n);

/* A folder for files, and a path in it; a scenario's files are gone before each run, but for what it prepares. */
const char *in_folder(const char *name);

void torture_rows(void);
void torture_core(void);
void torture_autograd(void);
void torture_models(void);
void torture_modules(void);
void torture_training(void);
void torture_data(void);
void torture_settings(void);
void torture_examples(void);
void torture_sequences(void);
void torture_plots(void);
void torture_saving(void (*by)(const scenario *s));
void torture_file_calls(void);

#endif
