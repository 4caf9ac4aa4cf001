/* tensor/file.h - what the file formats share: replacing a file all at once, and elements as bytes. */
#ifndef ATLED_FILE_H
#define ATLED_FILE_H

#include "internal.h"
#include "safetensors.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* As at_write_file, for contents in several pieces: write gives them to tn_write_bytes. Both return 0, or the errno of
 * what failed. */
typedef int (*tn_write)(int file, void *context);
bool tn_write_file(const char *function, const char *path, tn_write write, void *context, bool lasting);
int tn_write_bytes(int file, const void *bytes, size_t size);

/* The elements of v contiguous, each with its least significant byte first: v itself, retained, or a copy. NULL after
 * reporting an error. */
tn_value *tn_value_for_file(tn_value *v);

/* at_tensor_file_open for a function of that name, which messages begin with. */
at_tensor_file *tn_tensor_file_open(const char *function, const char *path);
/* The same of an open file of so many bytes, which is closed with it, or at once on an error. */
at_tensor_file *tn_tensor_file_new(const char *function, const char *path, FILE *file, int64_t bytes);
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
