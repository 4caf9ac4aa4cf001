/* tests/folder.h - a folder of its own for each test that writes files. */
#ifndef ATLED_TESTS_FOLDER_H
#define ATLED_TESTS_FOLDER_H

#include <stddef.h>

extern char folder[];
void make_folder(void);
void remove_folder(void); /* with all that is in it */

/* The path of a file in the folder; good until the fourth call after it. */
const char *in_folder(const char *name);

int count_files(void); /* in the folder, hidden ones too */

void write_file(const char *path, const void *bytes, size_t n);
size_t read_file(const char *path, void *bytes, size_t most); /* returns how many it has read */

#endif
