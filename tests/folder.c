/* tests/folder.c - see folder.h. */
#define _XOPEN_SOURCE 700
#include "folder.h"

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char folder[256];

void make_folder(void) {
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/atled-XXXXXX", temporary ? temporary : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status, (void)kind, (void)place;
    return remove(path);
}

void remove_folder(void) { ck_assert_int_eq(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0); }

const char *in_folder(const char *name) {
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

int count_files(void) {
    DIR *entries = opendir(folder);
    ck_assert_ptr_nonnull(entries);
    int count = -2; /* . and .. */
    while (readdir(entries)) count++;
    closedir(entries);
    return count;
}

void write_file(const char *path, const void *bytes, size_t n) {
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "cannot write %s", path);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

size_t read_file(const char *path, void *bytes, size_t most) {
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "no file %s", path);
    size_t n = fread(bytes, 1, most, file);
    ck_assert_int_eq(fclose(file), 0);
    return n;
}
