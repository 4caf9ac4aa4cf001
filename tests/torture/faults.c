/* tests/torture/faults.c - the allocator and the C library's functions that fail on demand. The linker puts __wrap_open
 * in the place of open, and so on. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "../../tensor/memory.h"
#include "faults.h"

static fault current;
static atomic_int_least64_t calls, blocks;
static atomic_bool came_about;
static const char *failed_function;
bool fault_includes_malloc;

void fault_begin(fault wanted) {
    current = wanted;
    failed_function = NULL;
    atomic_store(&calls, 0);
    atomic_store(&came_about, false);
}

bool fault_end(int64_t *n) {
    current.kind = FAULT_NONE;
    if (n) *n = atomic_load(&calls);
    return atomic_load(&came_about);
}

const char *fault_function(void) { return failed_function; }
int64_t fault_blocks(void) { return atomic_load(&blocks); }

/* Whether it is this call's turn. */
static bool strikes(void) {
    int64_t n = atomic_fetch_add(&calls, 1) + 1;
    bool struck = current.at > 0 && (current.onwards ? n >= current.at : n == current.at);
    if (struck) atomic_store(&came_about, true);
    return struck;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* In front of each block: its size, which must come back. */
static void *allocate(size_t bytes, size_t alignment, void *context) {
    (void)context;
    if (current.kind == FAULT_MEMORY && strikes()) return NULL;
    size_t head = alignment > 64 ? alignment : 64;
    char *start = aligned_alloc(head, (head + bytes + head - 1) / head * head);
    if (!start) return NULL;
    memcpy(start, &bytes, sizeof bytes);
    memcpy(start + sizeof bytes, &head, sizeof head);
    memcpy(start + head - sizeof head, &head, sizeof head);
    atomic_fetch_add(&blocks, 1);
    return memset(start + head, 0xA5, bytes < 4096 ? bytes : 4096); /* nobody may count on zeros */
}

static void deallocate(void *memory, size_t bytes, void *context) {
    (void)context;
    size_t head, said;
    memcpy(&head, (char *)memory - sizeof head, sizeof head);
    char *start = (char *)memory - head;
    memcpy(&said, start, sizeof said);
    if (said != bytes) {
        fprintf(stderr, "a block of %zu bytes was freed as one of %zu\n", said, bytes);
        abort();
    }
    atomic_fetch_sub(&blocks, 1);
    memset(memory, 0x5A, bytes < 4096 ? bytes : 4096); /* nor read it again */
    free(start);
}

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes) {
    return fault_includes_malloc && current.kind == FAULT_MEMORY && strikes() ? NULL : __real_malloc(bytes);
}

void faults_install(void) {
    if (!at_set_allocator(&(at_allocator){allocate, deallocate, NULL})) abort();
    json_set_alloc_funcs(__wrap_malloc, free);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* Files may be larger than 2^31 bytes: glibc's headers make open64 of open, and so on. */
#if defined(__GLIBC__)
#define WRAP(function) __wrap_##function##64
#define REAL(function) __real_##function##64
#else
#define WRAP(function) __wrap_##function
#define REAL(function) __real_##function
#endif

/* Whether this call is to fail; errno is set. */
static bool fails(const char *function) {
    if (current.kind != FAULT_FAIL || !strikes()) return false;
    failed_function = function;
    errno = current.error;
    return true;
}

/* Whether this write is to be interrupted, or to end early. */
static bool is_disturbed(void) {
    return (current.kind == FAULT_SHORT || current.kind == FAULT_INTERRUPTED) && strikes();
}

int REAL(open)(const char *path, int flags, ...);
int WRAP(open)(const char *path, int flags, ...);
int WRAP(open)(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? (mode_t)va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    return fails("open") ? -1 : REAL(open)(path, flags, mode);
}

ssize_t __real_write(int file, const void *bytes, size_t n);
ssize_t __wrap_write(int file, const void *bytes, size_t n);
ssize_t __wrap_write(int file, const void *bytes, size_t n) {
    size_t some = n > 1 ? n / 2 : n;
    if (is_disturbed()) return current.kind == FAULT_SHORT ? __real_write(file, bytes, some) : (errno = EINTR, -1);
    if (!fails("write")) return __real_write(file, bytes, n);
    (void)!__real_write(file, bytes, some); /* as far as there was room */
    errno = current.error;
    return -1;
}

/* Thousands of times the disk would be waited for. */
int __wrap_fsync(int file);
int __wrap_fsync(int file) {
    (void)file;
    return fails("fsync") ? -1 : 0;
}

int __real_close(int file);
int __wrap_close(int file);
int __wrap_close(int file) {
    bool failing = fails("close");
    int error = errno, closed = __real_close(file);
    return failing ? (errno = error, -1) : closed;
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) { return fails("rename") ? -1 : __real_rename(from, to); }

int REAL(stat)(const char *path, struct stat *status);
int WRAP(stat)(const char *path, struct stat *status);
int WRAP(stat)(const char *path, struct stat *status) { return fails("stat") ? -1 : REAL(stat)(path, status); }

int REAL(fstat)(int file, struct stat *status);
int WRAP(fstat)(int file, struct stat *status);
int WRAP(fstat)(int file, struct stat *status) { return fails("fstat") ? -1 : REAL(fstat)(file, status); }

char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved) {
    return fails("realpath") ? NULL : __real_realpath(path, resolved);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode) { return fails("mkdir") ? -1 : __real_mkdir(path, mode); }

FILE *REAL(fopen)(const char *path, const char *mode);
FILE *WRAP(fopen)(const char *path, const char *mode);
FILE *WRAP(fopen)(const char *path, const char *mode) { return fails("fopen") ? NULL : REAL(fopen)(path, mode); }

int REAL(fseeko)(FILE *file, off_t offset, int whence);
int WRAP(fseeko)(FILE *file, off_t offset, int whence);
int WRAP(fseeko)(FILE *file, off_t offset, int whence) {
    return fails("fseeko") ? -1 : REAL(fseeko)(file, offset, whence);
}

ssize_t __real_getline(char **text, size_t *room, FILE *file);
ssize_t __wrap_getline(char **text, size_t *room, FILE *file);
ssize_t __wrap_getline(char **text, size_t *room, FILE *file) {
    return fails("getline") ? -1 : __real_getline(text, room, file);
}

static FILE *unreadable; /* the stream whose last fread was made to fail */

size_t __real_fread(void *bytes, size_t size, size_t n, FILE *file);
size_t __wrap_fread(void *bytes, size_t size, size_t n, FILE *file);
size_t __wrap_fread(void *bytes, size_t size, size_t n, FILE *file) {
    unreadable = NULL;
    if (!fails("fread")) return __real_fread(bytes, size, n, file);
    unreadable = file;
    size_t some = __real_fread(bytes, size, n / 2, file);
    errno = current.error;
    return some;
}

int __real_ferror(FILE *file);
int __wrap_ferror(FILE *file);
int __wrap_ferror(FILE *file) { return file == unreadable ? 1 : __real_ferror(file); }
