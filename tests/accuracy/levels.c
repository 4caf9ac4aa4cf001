/* tests/accuracy/levels.c - a process for each kernel level. */
#define _POSIX_C_SOURCE 200809L
#include "levels.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../atled.h"

const char *const level_names[MAX_LEVELS] = {"baseline", "avx2", "avx512"};

int levels_count(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 1;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl"))
        return 2;
    return 3;
#else
    return 1;
#endif
}

static void fail(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

level level_start(int number, void (*produce)(int fd, const void *task), const void *task) {
    int ends[2];
    fflush(NULL);
    if (pipe(ends) != 0) fail("accuracy: pipe");
    pid_t process = fork();
    if (process < 0) fail("accuracy: fork");
    if (process == 0) {
        close(ends[0]);
        setenv("ATLED_KERNELS", level_names[number], 1);
        at_set_num_threads(1);
        produce(ends[1], task);
        _exit(EXIT_SUCCESS);
    }
    close(ends[1]);
    return (level){.fd = ends[0], .process = process};
}

void level_read(level *from, void *results, size_t bytes) {
    char *to = results;
    while (bytes > 0) {
        ssize_t n = read(from->fd, to, bytes);
        if (n <= 0) fail("accuracy: a level's process has ended early");
        to += n;
        bytes -= (size_t)n;
    }
}

void level_end(level *from) {
    close(from->fd);
    waitpid(from->process, NULL, 0);
}

void level_write(int fd, const void *results, size_t bytes) {
    const char *from = results;
    while (bytes > 0) {
        ssize_t n = write(fd, from, bytes);
        if (n <= 0) _exit(EXIT_FAILURE);
        from += n;
        bytes -= (size_t)n;
    }
}
