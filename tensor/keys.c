/* tensor/keys.c - keys, and short rows put in order by them. */
#include "keys.h"

#include "internal.h"

void tn_load_keys(const tn_row *r, int64_t start, int64_t count, uint64_t *keys) {
    const char *from = (const char *)r->x + (size_t)start * tn_dtype_size(r->dtype);
    tn_kernels_get()->keys[r->dtype](count, keys, from, r->descending ? UINT64_MAX : 0);
}

uint64_t tn_key_at(const tn_row *r, int64_t i) {
    uint64_t key;
    switch (r->dtype) {
    case AT_FLOAT32: key = tn_key_f32(((const float *)r->x)[i]); break;
    case AT_FLOAT64: key = tn_key_f64(((const double *)r->x)[i]); break;
    case AT_INT64: key = tn_key_i64(((const int64_t *)r->x)[i]); break;
    default: key = tn_key_bool(((const bool *)r->x)[i]); break;
    }
    return r->descending ? ~key : key;
}

/* Counts for each how many come before it. No branch depends on the keys, so none is predicted wrongly. */
void tn_places(int64_t n, const uint64_t *keys, int64_t *place) {
    for (int64_t i = 0; i < n; i++) {
        int64_t before = 0;
        for (int64_t j = 0; j < i; j++) {
            bool stays = keys[j] <= keys[i];
            before += stays;
            place[j] += !stays;
        }
        place[i] = before;
    }
}

void tn_order_few(const tn_row *r, int64_t k, int64_t *indices) {
    uint64_t keys[TN_FEW];
    int64_t place[TN_FEW];
    tn_load_keys(r, 0, r->n, keys);
    tn_places(r->n, keys, place);
    for (int64_t i = 0; i < r->n; i++)
        if (place[i] < k) indices[place[i]] = i;
}

bool tn_is_ascending(int64_t n, const uint64_t *keys, int lowest) {
    for (int64_t i = 1; i < n; i++)
        if (keys[i] >> lowest < keys[i - 1] >> lowest) return false;
    return true;
}

bool tn_is_descending(int64_t n, const uint64_t *keys, int lowest) {
    for (int64_t i = 1; i < n; i++)
        if (keys[i] >> lowest >= keys[i - 1] >> lowest) return false;
    return true;
}
