/* optim/resume.h - trainings that go on where they were. */
#ifndef ATLED_RESUME_H
#define ATLED_RESUME_H

#include "../data/data.h"
#include "optim.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* What a training consists of; parts that it does not have are NULL. A program describes it once, to save and to load:
 *
 *     double epoch = 0;
 *     at_training run = {.module = &net->module, .optimizer = trainer, .loader = batches, .numbers = {{"epoch", &epoch}}};
 *     if (started_before) at_load_checkpoint(&run, "run.safetensors");
 *     while (epoch < 10) {
 *         ...
 *         epoch++;
 *         at_save_checkpoint(&run, "run.safetensors");
 *     } */
enum { AT_TRAINING_SCHEDULES = 8, AT_TRAINING_NUMBERS = 16 };
typedef struct {
    at_module *module;
    at_optimizer *optimizer;
    at_schedule *schedules[AT_TRAINING_SCHEDULES]; /* up to the first that is NULL */
    at_data_loader *loader;
    struct {
        const char *name;
        double *value;
    } numbers[AT_TRAINING_NUMBERS]; /* the program's own, up to the first without a name */
} at_training;

/* A file in the safetensors format of all that the next steps depend on: the module's parameters and buffers
 * ("module.w"), the optimizer's state, counts and settings, the learning rates among these, the schedules, the place
 * within the loader's epoch, the numbers, and the state of the thread's random generator. The file is replaced all at
 * once. */
bool at_save_checkpoint(const at_training *training, const char *path);

/* Gives all these parts the state that the file has for them; the steps that follow give the bits that they would have
 * given where the file was saved. The parts have to be made as they were then: anything that is missing in the file,
 * that it has and the training has not, or that has another shape, dtype or kind, is an error, and then nothing
 * changes. */
bool at_load_checkpoint(const at_training *training, const char *path);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
