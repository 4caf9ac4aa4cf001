/* tests/accuracy/levels.h - atled's results at each kernel level, through its public functions.
 *
 * The level is chosen once in a process. So each has a process of its own, which writes its results to a pipe. */
#ifndef ATLED_TESTS_ACCURACY_LEVELS_H
#define ATLED_TESTS_ACCURACY_LEVELS_H

#include <stddef.h>
#include <sys/types.h>

enum { MAX_LEVELS = 3 };
extern const char *const level_names[MAX_LEVELS];

/* How many of them this processor has. */
int levels_count(void);

typedef struct {
    int fd;
    pid_t process;
} level;

/* A process that runs produce(fd, task) with atled at the level of that number, and ends. */
level level_start(int number, void (*produce)(int fd, const void *task), const void *task);
void level_read(level *from, void *results, size_t bytes);
void level_end(level *from);

/* For produce; ends the process when nobody reads any more. */
void level_write(int fd, const void *results, size_t bytes);

#endif
