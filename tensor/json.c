/* tensor/json.c - reading JSON by jansson, in memory that is there before it begins.
 *
 * Where jansson's reader finds no memory, it leaves letters out or ends the process. So for the time of a call its
 * functions for memory are exchanged for some that hand out one block, which is large enough for any text of that
 * length; to other threads they give what they would have got before. */
#include "json.h"

#include <pthread.h>

#include "thread.h"

enum { ALIGNMENT = 16 };

static pthread_mutex_t one_reader = PTHREAD_MUTEX_INITIALIZER;
static json_malloc_t malloc_of_others;
static json_free_t free_of_others;
static _Thread_local char *next, *end; /* of the block, in the thread that reads */

static void *take(size_t bytes) {
    if (!next) return malloc_of_others(bytes);
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (bytes > (size_t)(end - next)) return NULL; /* LCOV_EXCL_LINE: enough_for says that this cannot be */
    next += bytes;
    return next - bytes;
}

/* The block goes as a whole. */
static void give_back(void *memory) {
    if (!next) free_of_others(memory);
}

/* Twice what jansson 2.14 takes at most. Each object, array, key, number or string comes after a bracket, a comma or a
 * colon; those within strings do no harm. Letters are gathered in a buffer that doubles, and copied. */
static size_t enough_for(const char *text, size_t length) {
    size_t bytes = 4096 + 6 * length;
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '{': bytes += 400; break;
        case '[': bytes += 250; break;
        case ',':
        case ':': bytes += 160; break;
        default: break;
        }
    }
    return bytes;
}

tn_json tn_json_read(const char *text, size_t length, json_error_t *error) {
    tn_json json = {.bytes = enough_for(text, length)};
    json.memory = tn_allocate(json.bytes);
    if (!json.memory) return json;
    pthread_mutex_lock(&one_reader);
    json_get_alloc_funcs(&malloc_of_others, &free_of_others);
    next = json.memory;
    end = next + json.bytes;
    json_set_alloc_funcs(take, give_back);
    json.root = json_loadb(text, length, JSON_REJECT_DUPLICATES, error);
    json_set_alloc_funcs(malloc_of_others, free_of_others);
    next = end = NULL;
    pthread_mutex_unlock(&one_reader);
    return json;
}

void tn_json_free(tn_json *json) { tn_deallocate(json->memory, json->bytes); }
