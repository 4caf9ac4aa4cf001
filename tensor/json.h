/* tensor/json.h - reading JSON. */
#ifndef ATLED_JSON_H
#define ATLED_JSON_H

#include <jansson.h>

typedef struct {
    json_t *root; /* to be looked at, but not to be changed or released */
    void *memory; /* that it lies in */
    size_t bytes;
} tn_json;

/* memory is NULL where there is not enough, which is reported; root alone where the text is wrong, as error says. */
tn_json tn_json_read(const char *text, size_t length, json_error_t *error);
void tn_json_free(tn_json *json);

#endif
