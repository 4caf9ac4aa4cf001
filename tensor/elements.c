/* tensor/elements.c - elements as files have them: types that tensors have not, and bytes in either order. */
#include <math.h>
#include <string.h>

#include "file.h"

bool tn_host_is_big_endian(void) {
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 0;
}

/* LCOV_EXCL_START: only on big-endian machines, which `make check-s390x` emulates */
/* Element by element the other way round. */
static void reverse(const char *from, char *to, size_t n, size_t size) {
    for (size_t i = 0; i < n; i++)
        for (size_t byte = 0; byte < size; byte++) to[i * size + byte] = from[i * size + size - 1 - byte];
}
/* LCOV_EXCL_STOP */

tn_value *tn_value_for_file(tn_value *v) {
    tn_value *stored = tn_value_contiguous(v);
    size_t size = tn_dtype_size(v->dtype);
    if (!stored || size == 1 || !tn_host_is_big_endian()) return stored;
    /* LCOV_EXCL_START: as above */
    tn_value *reversed = tn_value_new(v->dtype, &v->shape);
    if (reversed) reverse(tn_data(stored), tn_data(reversed), (size_t)v->numel, size);
    tn_value_release(stored);
    return reversed;
    /* LCOV_EXCL_STOP */
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
