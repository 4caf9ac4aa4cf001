/* tensor/safetensors.h - files of named tensors in the safetensors format, which PyTorch's users read and write too. */
#ifndef ATLED_SAFETENSORS_H
#define ATLED_SAFETENSORS_H

#include "tensor.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const char *name;
    at_tensor *tensor;
} at_named_tensor;

/* A remark that a file carries beside its tensors. */
typedef struct {
    const char *key, *text;
} at_remark;

/* at_save_tensors(path, list, n, .remarks = (at_remark[]){{"model", "Affine"}}, .n_remarks = 1): the tensors under their
 * names, which have to be different, not "__metadata__", and UTF-8 as the remarks have to be. All dtypes (F32, F64, I64,
 * BOOL) and shapes. Written beside the path and renamed, so that there is never half a file. */
typedef struct {
    const char *path;
    const at_named_tensor *list;
    int n;
    const at_remark *remarks;
    int n_remarks;
    int at_; /* unused: lets at_save_tensors(path, list, n) compile without a warning */
} at_save_tensors_options;
bool at_save_tensors_with(at_save_tensors_options options);
#define at_save_tensors(...) at_save_tensors_with((at_save_tensors_options){__VA_ARGS__, .at_ = 0})

/* An open file. All that it says of its tensors has been checked: that each has a known type, a size that agrees with its
 * shape, and bytes of its own, which fill the file without gaps. Elements are read when they are asked for. F16 and BF16
 * become float32; I32, I16, I8, U32, U16 and U8 become int64. */
typedef struct at_tensor_file at_tensor_file;
at_tensor_file *at_tensor_file_open(const char *path);
void at_tensor_file_close(at_tensor_file *file); /* NULL is allowed */

int at_tensor_file_count(at_tensor_file *file);                  /* of tensors; -1 on an error */
const char *at_tensor_file_name(at_tensor_file *file, int i);    /* from 0, in the order of their bytes; the file's */
at_shape at_tensor_file_shape(at_tensor_file *file, int i);      /* ndim -1 on an error */
at_dtype at_tensor_file_dtype(at_tensor_file *file, int i);      /* that it is read as; AT_FLOAT32 on an error */
int at_tensor_file_find(at_tensor_file *file, const char *name); /* -1, which is no error, where there is none */
at_tensor *at_tensor_file_read(at_tensor_file *file, int i);     /* a new tensor */
at_tensor *at_tensor_file_get(at_tensor_file *file, const char *name); /* the same by name, which must be there */
/* The file's remark of that key; NULL, which is no error, where there is none. */
const char *at_tensor_file_remark(at_tensor_file *file, const char *key);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
