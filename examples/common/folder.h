/* examples/common/folder.h - where figures go. */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdbool.h>

/* Creates the folder, and those that it lies in, where they do not exist yet. False after complaining. */
bool make_folder(const char *path);

/* "folder/name", freed by the caller; NULL when there is no memory for it. */
char *path_in(const char *folder, const char *name);

#endif
