/* tensor/file.c - bytes into a file, all of them or none. */
#define _XOPEN_SOURCE 700 /* POSIX 2008 with realpath */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

/* All of these return 0, or the errno of what failed. */

int tn_write_bytes(int file, const void *bytes, size_t size) {
    for (const char *from = bytes; size > 0;) {
        ssize_t written = write(file, from, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        from += written;
        size -= (size_t)written;
    }
    return 0;
}

/* What is to be written, and whether out to the disk. */
typedef struct {
    tn_write write;
    void *context;
    bool lasting;
} job;

static int write_and_close(int file, const job *j) {
    int failure = j->write(file, j->context);
    if (!failure && j->lasting && fsync(file) != 0) failure = errno;
    if (close(file) != 0 && !failure) failure = errno; /* some file systems find out only now that they are full */
    return failure;
}

/* A new file in the folder of path; its name goes to `name`. Its mode is what any new file of the process gets. The name
 * is short, however long path's is; one that is taken belongs to another thread or a crashed process. */
static int open_beside(const char *path, char name[PATH_MAX], int *file) {
    const char *slash = strrchr(path, '/');
    const int folder = slash ? (int)(slash - path) + 1 : 0, attempts = 10000;
    *file = -1;
    errno = EEXIST;
    for (int i = 0; i < attempts && *file < 0 && errno == EEXIST; i++) {
        int length = snprintf(name, PATH_MAX, "%.*s.atled-%ld-%d", folder, path, (long)getpid(), i);
        if (length >= PATH_MAX) return ENAMETOOLONG;
        *file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return *file < 0 ? errno : 0;
}

static int write_beside(const char *path, const job *j) {
    char name[PATH_MAX];
    int file, failure = open_beside(path, name, &file);
    if (failure) return failure;
    failure = write_and_close(file, j);
    if (!failure && rename(name, path) != 0) failure = errno;
    if (failure) (void)unlink(name);
    return failure;
}

static int write_directly(const char *path, const job *j) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    job transient = *j;
    transient.lasting = false; /* what is no file has nothing to last on */
    return file < 0 ? errno : write_and_close(file, &transient);
}

/* A device or a pipe is written to, as there is nothing to keep whole; renaming would put a file in its place. A
 * symbolic link stays one: what it points to is replaced. */
static int write_to(const char *path, const job *j) {
    struct stat status;
    char target[PATH_MAX];
    if (stat(path, &status) != 0) return errno == ENOENT ? write_beside(path, j) : errno;
    if (!S_ISREG(status.st_mode)) return write_directly(path, j);
    return realpath(path, target) ? write_beside(target, j) : errno;
}

at_error_kind tn_file_error(int failure) { return failure == ENOMEM ? AT_ERROR_MEMORY : AT_ERROR_IO; }

void *tn_fail_file(const char *function, const char *path, int failure) {
    char reason[128];
    if (strerror_r(failure, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", failure);
    return at_fail(tn_file_error(failure), "%s: \"%s\": %s", tn_called(function), path, reason);
}

bool tn_write_file(const char *function, const char *path, tn_write write, void *context, bool lasting) {
    int failure = write_to(path, &(job){write, context, lasting});
    return !failure || tn_fail_file(function, path, failure);
}

static int write_contents(int file, void *context) {
    const at_contents *contents = context;
    int failure = tn_write_bytes(file, contents->head, contents->head_bytes);
    return failure ? failure : tn_write_bytes(file, contents->body, contents->body_bytes);
}

bool at_write_file(const char *function, const char *path, const at_contents *contents) {
    if (!function) function = "write_file";
    if (!path) return at_fail_null(function, "path");
    if (!contents) return at_fail_null(function, "contents");
    if (!contents->head && contents->head_bytes) return at_fail_null(function, "head");
    if (!contents->body && contents->body_bytes) return at_fail_null(function, "body");
    at_contents copy = *contents;
    return tn_write_file(function, path, write_contents, &copy, contents->lasting);
}
