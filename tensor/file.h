/* tensor/file.h - what the file formats share: replacing a file all at once, and elements as bytes. */
#ifndef ATLED_FILE_H
#define ATLED_FILE_H

#include "internal.h"
#include "safetensors.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Puts what write writes at path, all at once or not at all: a new file beside it takes its place when it is complete.
 * A link stays a link, and a device or a pipe is written to. False after reporting an error, or after write has. */
typedef bool (*tn_write)(FILE *file, void *context);
bool tn_replace_file(const char *function, const char *path, tn_write write, void *context);

/* The elements of a contiguous value, each with its least significant byte first. */
bool tn_write_elements(FILE *file, const tn_value *v);

/* at_tensor_file_open for a function of that name, which messages begin with. */
at_tensor_file *tn_tensor_file_open(const char *function, const char *path);
const char *tn_tensor_file_path(const at_tensor_file *file);

/* The type of elements in a file, and the dtype of the tensor that they are read into. */
typedef struct {
    char kind; /* f floating-point, t floating-point truncated (bfloat16), i integer, u unsigned integer, b bool */
    int size;  /* in bytes */
    bool big_endian;
    at_dtype dtype;
} tn_element_type;

bool tn_host_is_big_endian(void);
/* Whether a tensor's elements are the very bytes of the file. */
bool tn_is_verbatim(const tn_element_type *type);
/* Element i of to becomes what stands at from. */
void tn_convert_element(const tn_element_type *type, const unsigned char *from, void *to, int64_t i);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
