/* tensor/error.c - reporting errors, and the words in them. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static _Atomic(int) common_mode = AT_ERROR_ABORT; /* for threads that have not chosen */

void at_set_error_mode(at_error_mode mode) {
    if (mode != AT_ERROR_ABORT && mode != AT_ERROR_RETURN) {
        at_fail(AT_ERROR_VALUE, "set_error_mode: %d: want AT_ERROR_ABORT or AT_ERROR_RETURN", (int)mode);
        return;
    }
    tn_thread *self = tn_self();
    self->has_error_mode = true;
    self->error_mode = mode;
    atomic_store(&common_mode, mode);
}

static at_error_mode mode_of(const tn_thread *self) {
    return self->has_error_mode ? self->error_mode : (at_error_mode)atomic_load(&common_mode);
}

at_error_mode at_get_error_mode(void) { return mode_of(tn_self()); }

const char *at_error(void) {
    tn_thread *self = tn_self();
    return self->error_kind == AT_OK ? NULL : self->message;
}

at_error_kind at_error_code(void) { return tn_self()->error_kind; }

void at_clear_error(void) {
    tn_thread *self = tn_self();
    self->error_kind = AT_OK;
    self->cleared = self->failures;
}

unsigned tn_failures(void) { return tn_self()->failures; }

bool tn_failed_since(unsigned failures) {
    const tn_thread *self = tn_self();
    return self->failures != failures && self->failures != self->cleared;
}

/* The message, after the name of the call that the failing one is a part of (AT_CALL). Names out of files and options
 * may have characters in them that a terminal obeys. */
static void write_message(tn_thread *self, const char *format, va_list arguments) {
    char *text = self->message;
    size_t used = 0;
    if (self->call) used = (size_t)snprintf(text, sizeof self->message, "%.100s: ", self->call);
    vsnprintf(text + used, sizeof self->message - used, format, arguments);
    if (used > 0 && strncmp(text + used, text, used) == 0) memmove(text, text + used, strlen(text + used) + 1);
    for (char *c = text; *c; c++)
        if (((unsigned char)*c < ' ' && *c != '\n') || *c == 127) *c = '?';
}

static void keep_first(tn_thread *self, at_error_kind kind, const char *format, va_list arguments) {
    self->failures++;
    if (self->error_kind != AT_OK) return;
    write_message(self, format, arguments);
    self->error_kind = kind;
}

void *at_fail(at_error_kind kind, const char *format, ...) {
    tn_thread *self = tn_self();
    va_list arguments;
    va_start(arguments, format);
    if (mode_of(self) == AT_ERROR_ABORT) {
        /* LCOV_EXCL_START: a program that aborts writes no counts; see test_errors.c */
        write_message(self, format, arguments);
        fprintf(stderr, "atled: %s\n", self->message);
        abort();
    } /* LCOV_EXCL_STOP */
    keep_first(self, kind, format, arguments);
    va_end(arguments);
    return NULL;
}

void *tn_report(at_error_kind kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    keep_first(tn_self(), kind, format, arguments);
    va_end(arguments);
    return NULL;
}

void *at_fail_null(const char *function, const char *argument) {
    tn_thread *self = tn_self();
    if (self->error_kind != AT_OK && mode_of(self) == AT_ERROR_RETURN) {
        self->failures++;
        return NULL;
    }
    return at_fail(AT_ERROR_VALUE, "%s: %s is NULL", function, argument);
}

void *tn_fail_null_element(const char *function, const char *list, int i) {
    char argument[64];
    snprintf(argument, sizeof argument, "%s[%d]", list, i);
    return at_fail_null(function, argument);
}

const char *tn_called(const char *function) {
    const char *call = tn_self()->call;
    return call ? call : function;
}

void *tn_fail_memory(uint64_t bytes) { return tn_fail_memory_for(bytes, NULL); }

void *tn_fail_memory_for(uint64_t bytes, const char *what) {
    const char *operation = tn_self()->operation;
    return at_fail(AT_ERROR_MEMORY, "%s: out of memory: %" PRIu64 " bytes could not be allocated%s%s",
                   tn_called(operation ? operation : "atled"), bytes, what ? " for " : "", what ? what : "");
}

/* A failed call gives its callers NULL all the way up; the texts of one message come from turns in a ring. */
static char *next_text(void) {
    tn_thread *self = tn_self();
    char *text = self->text[self->next_text];
    self->next_text = (self->next_text + 1) % TN_TEXTS;
    return text;
}

const char *tn_shape_text(const at_shape *shape) {
    char *text = next_text();
    size_t used = 0;
    text[used++] = '(';
    text[used] = '\0';
    int ndim = shape->ndim < AT_MAX_DIMS ? shape->ndim : AT_MAX_DIMS;
    for (int i = 0; i < ndim; i++) {
        int n = snprintf(text + used, TN_TEXT_BYTES - used, "%s%" PRId64, i ? ", " : "", shape->dim[i]);
        used += (size_t)n;
    }
    snprintf(text + used, TN_TEXT_BYTES - used, "%s", shape->ndim > AT_MAX_DIMS ? ", ...)" : ")");
    return text;
}

const char *tn_index_text(const at_shape *shape, int64_t i) {
    int64_t index[AT_MAX_DIMS];
    for (int d = shape->ndim - 1; d >= 0; d--) {
        index[d] = i % shape->dim[d];
        i /= shape->dim[d];
    }
    char *text = next_text();
    size_t used = (size_t)snprintf(text, TN_TEXT_BYTES, "[");
    for (int d = 0; d < shape->ndim; d++)
        used += (size_t)snprintf(text + used, TN_TEXT_BYTES - used, "%s%" PRId64, d ? ", " : "", index[d]);
    snprintf(text + used, TN_TEXT_BYTES - used, "]");
    return text;
}

const char *at_dtype_name(at_dtype dtype) {
    static const char *const names[TN_DTYPES] = {"float32", "float64", "int64", "bool"};
    return (unsigned)dtype < TN_DTYPES ? names[dtype] : "no dtype";
}

const char *tn_describe(at_tensor *t) {
    if (!t) return "NULL";
    const char *shape = tn_shape_text(&t->value->shape);
    char *text = next_text();
    snprintf(text, TN_TEXT_BYTES, "%s %s", at_dtype_name(t->value->dtype), shape);
    return text;
}
