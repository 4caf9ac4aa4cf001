/* plot/file.c - bytes into a file, all of them or none. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0, or the errno of what failed. */
static int write_all(int file, const uint8_t *bytes, size_t size) {
    while (size > 0) {
        ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int write_and_close(int file, const uint8_t *bytes, size_t size) {
    int failure = write_all(file, bytes, size);
    if (close(file) != 0 && !failure) failure = errno; /* some file systems find out only now that they are full */
    return failure;
}

/* Opens a new file in the folder of path, and leaves its name in `name`. Its mode is what any new file of the process
 * gets. The name is short, however long path's is; one that is taken belongs to another thread or a crashed process. */
static int open_beside(const char *path, char *name, size_t name_bytes) {
    const char *slash = strrchr(path, '/');
    const int folder = slash ? (int)(slash - path) + 1 : 0;
    const int attempts = 10000;
    int file = -1;
    for (int i = 0; i < attempts && file < 0; i++) {
        snprintf(name, name_bytes, "%.*s.atled-%ld-%d", folder, path, (long)getpid(), i);
        file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST) break;
    }
    return file;
}

static int write_beside(const char *path, const uint8_t *bytes, size_t size) {
    const size_t name_bytes = strlen(path) + 64;
    char *name = malloc(name_bytes);
    if (!name) return ENOMEM;
    int file = open_beside(path, name, name_bytes);
    int failure = file < 0 ? errno : write_and_close(file, bytes, size);
    if (!failure && rename(name, path) != 0) failure = errno;
    if (failure && file >= 0) unlink(name);
    free(name);
    return failure;
}

static int write_directly(const char *path, const uint8_t *bytes, size_t size) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    return file < 0 ? errno : write_and_close(file, bytes, size);
}

/* A device or a pipe is written to, as there is nothing to keep whole; renaming would put a file in its place. A
 * symbolic link stays one: what it points to is replaced. */
static int write_to(const char *path, const uint8_t *bytes, size_t size) {
    struct stat status;
    if (stat(path, &status) != 0) return write_beside(path, bytes, size);
    if (!S_ISREG(status.st_mode)) return write_directly(path, bytes, size);
    char *target = realpath(path, NULL);
    if (!target) return errno;
    int failure = write_beside(target, bytes, size);
    free(target);
    return failure;
}

bool pl_write_file(const char *function, const char *path, const uint8_t *bytes, size_t size) {
    int failure = write_to(path, bytes, size);
    if (!failure) return true;
    char reason[128];
    if (strerror_r(failure, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", failure);
    at_fail(failure == ENOMEM ? AT_ERROR_MEMORY : AT_ERROR_IO, "%s: cannot write \"%s\": %s", function, path, reason);
    return false;
}
