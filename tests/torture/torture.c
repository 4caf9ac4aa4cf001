/* tests/torture/torture.c - runs scenarios with faults, and checks what is left after each.
 *
 *     build/tests/torture/torture [--every n] [--rows n] [--verbose] [scenario ...]
 *
 * Scenarios whose names begin so; all by default. --every n: a sample, about one point in n. --rows n: only so of the
 * operations' rows, which are many and alike. */
#define _POSIX_C_SOURCE 200809L
#include "torture.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../autograd/internal.h"
#include "../../optim/internal.h"
#include "faults.h"

static int64_t every = 1, every_of_rows = 1, points, absorbed, scenarios, failures;
static uint64_t chance;
static int n_wanted;
static char **wanted;
static bool verbose;
static char folder[64];

/* ---- findings ---------------------------------------------------------------------------------------------------- */

static const scenario *running;
static fault inflicted;

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
static void
complain(const char *format, ...) {
    static const char *const kinds[] = {"undisturbed", "allocation", "call on files", "short write", "interruption"};
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s, %s %lld%s: ", running->name, kinds[inflicted.kind], (long long)inflicted.at,
            inflicted.onwards ? " and all that follow" : "");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (++failures == 50) {
        fputs("too many failures\n", stderr);
        exit(EXIT_FAILURE);
    }
}

/* ---- what scenarios use ------------------------------------------------------------------------------------------ */

static const char *called;
static uint64_t hash;

bool calling(const char *names) {
    called = names;
    return true;
}

static uint64_t mix(uint64_t h, const void *bytes, size_t n) {
    for (const unsigned char *b = bytes; n > 0; n--) h = (h ^ *b++) * UINT64_C(0x100000001B3);
    return h;
}

bool result_bytes(const void *bytes, size_t n) {
    if (bytes) hash = mix(hash, bytes, n);
    return bytes != NULL;
}

bool result(at_tensor *t) {
    if (!t) return false;
    const tn_value *v = t->value;
    if (!tn_is_stored(v) || !tn_is_contiguous(v)) {
        const char *before = called;
        calling("contiguous detach");
        at_tensor *c = at_contiguous(at_detach(t));
        if (!c) return false;
        calling(before);
        v = c->value;
    }
    hash = mix(hash, &v->dtype, sizeof v->dtype);
    hash = mix(hash, &v->shape.ndim, sizeof v->shape.ndim);
    hash = mix(hash, v->shape.dim, sizeof *v->shape.dim * (size_t)v->shape.ndim);
    return result_bytes(tn_data(v), (size_t)v->numel * tn_dtype_size(v->dtype));
}

int keep(fixture *f, at_tensor *t) {
    if (!t || !tn_value_store(t->value) || f->n_tensors == TORTURE_TENSORS) {
        fprintf(stderr, "%s: cannot be prepared: %s\n", running->name, at_error() ? at_error() : "too many tensors");
        exit(EXIT_FAILURE);
    }
    f->tensor[f->n_tensors] = at_retain(t);
    return f->n_tensors++;
}

const char *in_folder(const char *name) {
    static char path[4][512];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

/* ---- what exists ------------------------------------------------------------------------------------------------- */

static uint64_t hash_value(uint64_t h, const tn_value *v) {
    h = mix(h, &v->shape.ndim, sizeof v->shape.ndim);
    h = mix(h, v->shape.dim, sizeof *v->shape.dim * (size_t)v->shape.ndim);
    h = mix(h, v->stride, sizeof *v->stride * (size_t)v->shape.ndim);
    const tn_buffer *buffer = atomic_load(&v->buffer);
    return buffer ? mix(h, buffer->data, (size_t)buffer->bytes) : mix(h, "pending", 7);
}

static uint64_t hash_tensor(uint64_t h, at_tensor *t) {
    h = hash_value(h, t->value);
    const ag_node *node = t->node;
    if (!node) return h;
    h = mix(h, &node->requires_grad, sizeof node->requires_grad);
    if (node->name) h = mix(h, node->name, strlen(node->name));
    return node->grad ? hash_value(mix(h, "grad", 4), node->grad->value) : h;
}

static uint64_t hash_file(uint64_t h, const char *path) {
    char bytes[4096];
    FILE *file = fopen(path, "rb");
    for (size_t n; file && (n = fread(bytes, 1, sizeof bytes, file)) > 0;) h = mix(h, bytes, n);
    if (file) fclose(file);
    return h;
}

/* Calls f for each file in the folder. */
static uint64_t walk_folder(uint64_t h, bool removing) {
    DIR *d = opendir(folder);
    uint64_t sum = 0; /* the order of a folder is nobody's */
    for (struct dirent *e; d && (e = readdir(d));) {
        const char *path = in_folder(e->d_name);
        if (e->d_name[0] == '.' && (!e->d_name[1] || e->d_name[1] == '.')) continue;
        sum += hash_file(mix(UINT64_C(0xCBF29CE484222325), e->d_name, strlen(e->d_name)), path);
        if (removing) remove(path);
    }
    if (d) closedir(d);
    return mix(h, &sum, sizeof sum);
}

static bool uses_files(const scenario *s) { return strstr(s->name, "file") != NULL; }

static uint64_t hash_generator(uint64_t h, const tn_generator *g) {
    h = mix(mix(h, g->words, sizeof g->words), &g->position, sizeof g->position);
    return g->has_spare ? mix(h, &g->spare, sizeof g->spare) : h;
}

static uint64_t hash_rates(uint64_t h, at_optimizer *o) {
    for (int g = 0; o && g < o->n_groups; g++) {
        double rate = at_optimizer_lr(o, g);
        h = mix(h, &rate, sizeof rate);
    }
    for (int i = 0; o && i < o->count; i++) h = mix(h, &o->parameters[i].steps, sizeof o->parameters[i].steps);
    return h;
}

static uint64_t hash_all(const fixture *f, bool files) {
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    for (int i = 0; i < f->n_tensors; i++) h = hash_tensor(h, f->tensor[i]);
    for (int i = 0; f->optimizer && i < f->optimizer->count; i++)
        for (int k = 0; k < OP_STATES; k++) {
            const at_tensor *state = f->optimizer->parameters[i].state[k];
            if (state) h = hash_value(h, state->value);
        }
    h = mix(hash_rates(h, f->optimizer), &f->number, sizeof f->number);
    if (strncmp(running->name, "examples", 8) != 0) /* which seed it themselves */
        h = hash_generator(h, tn_thread_generator());
    return files ? walk_folder(h, false) : h;
}

static void end_fixture(fixture *f) {
    at_figure_free(f->figure);
    at_data_loader_free(f->loader);
    at_schedule_free(f->schedule);
    at_optimizer_free(f->optimizer);
    at_module_free(f->module);
    for (int i = 0; i < f->n_tensors; i++) at_release(f->tensor[i]);
}

typedef struct {
    int64_t tensors, bytes, blocks;
} census;

static census count_all(void) {
    at_release_memory(); /* the thread's working space, the list of its scopes */
    return (census){at_live_tensors(), at_live_bytes(), fault_blocks()};
}

static void check_census(const char *when, census before, census now) {
    if (before.tensors != now.tensors || before.bytes != now.bytes || before.blocks != now.blocks)
        complain("%s: %lld tensors, %lld bytes of elements, %lld blocks more than before", when,
                 (long long)(now.tensors - before.tensors), (long long)(now.bytes - before.bytes),
                 (long long)(now.blocks - before.blocks));
}

/* ---- one point --------------------------------------------------------------------------------------------------- */

static void prepare(const scenario *s, fixture *f) {
    *f = (fixture){.context = s->context};
    if (uses_files(s)) walk_folder(0, true);
    at_manual_seed(5);
    AT_SCOPE {
        if (s->prepare) s->prepare(f);
    }
}

static bool run(const scenario *s, fixture *f) {
    bool good = false;
    hash = UINT64_C(0xCBF29CE484222325);
    called = "";
    AT_SCOPE { good = s->run(f); }
    return good;
}

static bool is_called(const char *message) {
    if (strcmp(called, "*") == 0) return true; /* a whole program */
    size_t length = strcspn(message, ":");
    for (const char *name = called; name; name = strchr(name, ' ') ? strchr(name, ' ') + 1 : NULL)
        if (strcspn(name, " ") == length && strncmp(name, message, length) == 0) return true;
    return false;
}

static void check_memory_message(void) {
    const char *message = at_error(), *text = ": out of memory: ", *found = message ? strstr(message, text) : NULL;
    char *end = NULL;
    if (!message)
        complain("false without an error");
    else if (at_error_code() != AT_ERROR_MEMORY)
        complain("the error is not one of memory: %s", message);
    else if (!found || strtoll(found + strlen(text), &end, 10) <= 0 ||
             strncmp(end, " bytes could not be allocated", 29) != 0)
        complain("the message does not say how much: %s", message);
    else if (strstr(message, " for ") && !strstr(message, " for a pending tensor, "))
        complain("the message names what was not called: %s", message);
    else if (!is_called(message))
        complain("the message does not begin with what was called (%s): %s", called, message);
}

static void check_file_message(void) {
    const char *message = at_error();
    if (!message)
        complain("false without an error (%s)", fault_function());
    else if (at_error_code() != (inflicted.error == ENOMEM ? AT_ERROR_MEMORY : AT_ERROR_IO))
        complain("the error is not one of files: %s", message);
    else if (!strstr(message, "\"/tmp") || !strstr(message, strerror(inflicted.error)))
        complain("the message has no path or no reason (%s): %s", fault_function(), message);
    else if (!is_called(message))
        complain("the message does not begin with what was called (%s): %s", called, message);
}

typedef struct {
    uint64_t result, after; /* of the undisturbed run; of all that exists after it */
} outcome;

static void check_outcome(const char *what, outcome expected, const fixture *f, bool files) {
    if (hash != expected.result) complain("%s: another result", what);
    if (hash_all(f, files) != expected.after) complain("%s: what exists is not what it should be", what);
}

static void check_failed(const fixture *f, uint64_t before, census census_before) {
    if (inflicted.kind == FAULT_MEMORY)
        check_memory_message();
    else
        check_file_message();
    if (verbose) fprintf(stderr, "%s %lld: %s\n", running->name, (long long)inflicted.at, at_error());
    at_clear_error();
    check_census("after the failed call", census_before, count_all());
    if (hash_all(f, uses_files(running)) != before) complain("something that existed has changed");
}

/* False when the run came to its end before the point. */
static bool torture_point(const scenario *s, fault wanted_fault, outcome expected) {
    fixture f;
    bool files = uses_files(s);
    census none = count_all();
    inflicted = wanted_fault;
    prepare(s, &f);
    at_free(at_allocate("what was called before", 1), 1); /* the name for who does not give its own */
    uint64_t before = hash_all(&f, files);
    census census_before = count_all();
    fault_begin(wanted_fault);
    bool good = run(s, &f), came_about = fault_end(NULL);
    points += came_about;
    if (!good && wanted_fault.kind > FAULT_FAIL) complain("fails: %s", at_error() ? at_error() : "no error");
    if (good) {
        absorbed += came_about;
        if (came_about && verbose) fprintf(stderr, "%s %lld: did no harm\n", s->name, (long long)wanted_fault.at);
        if (at_error()) complain("true with an error: %s", at_error());
        check_outcome("a run that succeeded", expected, &f, files);
    } else {
        check_failed(&f, before, census_before);
        if (!run(s, &f))
            complain("a second run does not succeed: %s", at_error() ? at_error() : "no error");
        else
            check_outcome("a second run", expected, &f, files);
    }
    at_clear_error();
    end_fixture(&f);
    check_census("in the end", none, count_all());
    return came_about;
}

static bool is_wanted(const scenario *s) {
    for (int i = 0; i < n_wanted; i++)
        if (strncmp(s->name, wanted[i], strlen(wanted[i])) == 0) return true;
    return n_wanted == 0;
}

/* The undisturbed run. */
static bool expect(const scenario *s, outcome *expected) {
    fixture f;
    inflicted = (fault){0};
    census before = count_all();
    prepare(s, &f);
    bool good = run(s, &f);
    if (!good) complain("fails: %s", at_error() ? at_error() : "no error");
    at_clear_error();
    *expected = (outcome){hash, hash_all(&f, uses_files(s))};
    end_fixture(&f);
    check_census("undisturbed", before, count_all());
    return good;
}

/* Every point, or a sample that begins at another place each time. */
static void all_points(const scenario *s, fault f, outcome expected) {
    chance = chance * UINT64_C(6364136223846793005) + 1;
    int64_t step = strncmp(s->name, "rows ", 5) == 0 ? every * every_of_rows : every;
    f.at = 1 + (int64_t)(chance >> 33) % step;
    while (torture_point(s, f, expected)) f.at += step;
}

void torture(const scenario *s) {
    if (!is_wanted(s)) return;
    outcome expected;
    running = s;
    scenarios++;
    if (!expect(s, &expected)) return;
    for (int onwards = 0; onwards < 2; onwards++)
        all_points(s, (fault){.kind = FAULT_MEMORY, .onwards = onwards}, expected);
}

void torture_files(const scenario *s) {
    static const int errors[] = {ENOSPC, EIO, EACCES, EMFILE, ENOMEM};
    if (!is_wanted(s)) return;
    outcome expected;
    running = s;
    scenarios++;
    if (!expect(s, &expected)) return;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        for (int onwards = 0; onwards < 2; onwards++)
            all_points(s, (fault){.kind = FAULT_FAIL, .onwards = onwards, .error = errors[i]}, expected);
    /* What a system may do without failing. */
    all_points(s, (fault){.kind = FAULT_SHORT}, expected);
    all_points(s, (fault){.kind = FAULT_INTERRUPTED}, expected);
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

int main(int argc, char **argv) {
    int at = 1;
    if (at + 1 < argc && strcmp(argv[at], "--every") == 0) every = atoll(argv[at + 1]), at += 2;
    if (at + 1 < argc && strcmp(argv[at], "--rows") == 0) every_of_rows = atoll(argv[at + 1]), at += 2;
    if (at < argc && strcmp(argv[at], "--verbose") == 0) verbose = true, at++;
    wanted = argv + at;
    n_wanted = argc - at;
    snprintf(folder, sizeof folder, "/tmp/atled-torture-XXXXXX");
    if (every < 1 || every_of_rows < 1 || !mkdtemp(folder)) return EXIT_FAILURE;
    at_set_error_mode(AT_ERROR_RETURN);
    faults_install();
    torture_core();
    torture_autograd();
    torture_models();
    torture_modules();
    torture_training();
    torture_data();
    torture_settings();
    torture_examples();
    torture_sequences();
    torture_plots();
    torture_saving(torture);
    torture_file_calls();
    torture_saving(torture_files);
    torture_rows();
    walk_folder(0, true);
    rmdir(folder);
    printf("torture: %lld points in %lld scenarios, of which %lld did no harm; %lld failures\n", (long long)points,
           (long long)scenarios, (long long)absorbed, (long long)failures);
    return failures == 0 && points > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
