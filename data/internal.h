/* data/internal.h - reading a table from an open file, and a loader's place within its epoch, for checkpoints. */
#ifndef ATLED_DATA_INTERNAL_H
#define ATLED_DATA_INTERNAL_H

#include "data.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* at_load_csv of an open file; the path is for messages. */
at_tensor *dt_read_csv(FILE *file, const at_load_csv_options *options);

at_tensor *dt_loader_state(const at_data_loader *loader); /* int64 */
/* Whether a tensor of that shape and dtype is a state of this loader; false after reporting an error. */
bool dt_loader_check_state(const char *function, const at_data_loader *loader, at_tensor *state);
/* Cannot fail where that has been checked: the order of an epoch is made when it is needed. */
void dt_loader_take_state(at_data_loader *loader, at_tensor *state);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
