/* examples/common/folder.c - creating folders. */
#define _POSIX_C_SOURCE 200809L
#include "folder.h"
#include "complain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A folder that exists already is as good as a new one. */
static bool make_one(const char *path) {
    struct stat status;
    if (mkdir(path, 0777) == 0) return true;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) return true;
    int reason = errno == EEXIST ? ENOTDIR : errno;
    return complain("cannot create the folder \"%s\": %s", path, strerror(reason));
}

bool make_folder(const char *path) {
    char *parents = strdup(path);
    if (!parents) return complain("out of memory");
    bool ok = true;
    /* Each slash in turn becomes the end of the text, which leaves the name of a parent. */
    for (char *slash = strchr(parents, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (*parents) ok = make_one(parents);
        *slash = '/';
    }
    free(parents);
    return ok && make_one(path);
}

char *path_in(const char *folder, const char *name) {
    size_t bytes = strlen(folder) + 1 + strlen(name) + 1;
    char *path = malloc(bytes);
    if (path) snprintf(path, bytes, "%s/%s", folder, name);
    return path;
}
