/* tensor/file.c - replacing a file all at once, and elements as bytes. */
#define _XOPEN_SOURCE 700 /* POSIX 2008 with realpath */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

/* ---- replacing a file -------------------------------------------------------------------------------------------- */

/* Writes everything and closes the file; errno says what went wrong. */
static bool write_and_close(FILE *file, tn_write write, void *context) {
    bool written = write(file, context) && fflush(file) == 0;
    int error = errno;
    bool closed = fclose(file) == 0;
    if (!written) errno = error;
    return written && closed;
}

/* A new file with a name of its own in the folder of path. The name goes to *name, to be freed. */
static FILE *open_beside(const char *path, char **name) {
    const char *slash = strrchr(path, '/');
    int folder_length = slash ? (int)(slash - path) + 1 : 0;
    size_t bytes = (size_t)folder_length + 64;
    *name = malloc(bytes);
    if (*name == NULL) return NULL;
    int fd = -1;
    for (int attempt = 0; fd < 0 && attempt < 1000; attempt++) {
        snprintf(*name, bytes, "%.*s.atled-%ld-%d", folder_length, path, (long)getpid(), attempt);
        fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (file == NULL) {
        if (fd >= 0) (void)close(fd), (void)unlink(*name);
        free(*name);
        *name = NULL;
    }
    return file;
}

/* The new contents appear under the path all at once, or not at all. */
static bool replace(const char *path, tn_write write, void *context) {
    char *name;
    FILE *file = open_beside(path, &name);
    if (file == NULL) return false;
    bool saved = write_and_close(file, write, context) && rename(name, path) == 0;
    int error = errno;
    if (!saved) (void)unlink(name);
    free(name);
    errno = error;
    return saved;
}

/* A device or a pipe is written to; it cannot be replaced. */
static bool write_into(const char *path, tn_write write, void *context) {
    FILE *file = fopen(path, "wb");
    return file != NULL && write_and_close(file, write, context);
}

bool tn_replace_file(const char *function, const char *path, tn_write write, void *context) {
    struct stat status;
    bool exists = stat(path, &status) == 0;
    char *target = exists ? realpath(path, NULL) : NULL; /* a link stays a link: what it points to is replaced */
    const char *place = target ? target : path;
    bool device = exists && !S_ISREG(status.st_mode);
    bool saved = device ? write_into(place, write, context) : replace(place, write, context);
    if (!saved) tn_fail(AT_ERROR_IO, "%s: \"%s\": %s", function, path, strerror(errno));
    free(target);
    return saved;
}

/* ---- elements ---------------------------------------------------------------------------------------------------- */

bool tn_host_is_big_endian(void) {
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 0;
}

bool tn_write_elements(FILE *file, const tn_value *v) {
    const char *data = tn_data(v);
    size_t n = (size_t)v->numel, size = tn_dtype_size(v->dtype);
    if (size == 1 || !tn_host_is_big_endian()) return fwrite(data, size, n, file) == n;
    for (size_t i = 0; i < n; i++)
        for (size_t byte = size; byte > 0; byte--)
            if (putc(data[i * size + byte - 1], file) == EOF) return false;
    return true;
}

bool tn_is_verbatim(const tn_element_type *type) {
    return type->size == (int)tn_dtype_size(type->dtype) && type->kind != 'b' &&
           (type->size == 1 || type->big_endian == tn_host_is_big_endian());
}

static float from_half(uint64_t bits) {
    int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    float magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                      : exponent == 0 ? ldexpf((float)fraction, -24)
                                      : ldexpf((float)(fraction + 1024), exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

static void convert_real(const tn_element_type *type, uint64_t bits, void *to, int64_t i) {
    uint32_t low_bits = (uint32_t)bits;
    if (type->kind == 't') low_bits <<= 16; /* the first half of a float32 */
    if (type->size == 2 && type->kind == 'f')
        ((float *)to)[i] = from_half(bits);
    else if (type->size == 8)
        memcpy((double *)to + i, &bits, sizeof bits);
    else
        memcpy((float *)to + i, &low_bits, sizeof low_bits);
}

void tn_convert_element(const tn_element_type *type, const unsigned char *from, void *to, int64_t i) {
    uint64_t bits = 0;
    for (int b = 0; b < type->size; b++) bits |= (uint64_t)from[type->big_endian ? type->size - 1 - b : b] << 8 * b;
    uint32_t unused_bits = 64 - 8 * (uint32_t)type->size;
    switch (type->kind) {
    case 'f':
    case 't': convert_real(type, bits, to, i); break;
    case 'i': ((int64_t *)to)[i] = (int64_t)(bits << unused_bits) >> unused_bits; break;
    case 'u': ((int64_t *)to)[i] = (int64_t)bits; break;
    default: ((bool *)to)[i] = bits != 0; /* a byte that is neither 0 nor 1 would be no bool */
    }
}
