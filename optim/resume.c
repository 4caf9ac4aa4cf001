/* optim/resume.c - all that a training's next steps depend on, as named tensors: to a file, and back.
 *
 * Saving and loading list the same names. Loading reads a tensor for each, checks what they say, and changes the parts
 * when nothing can fail any more. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "../data/internal.h"
#include "../nn/state.h"
#include "internal.h"
#include "resume.h"

enum { NAME_BYTES = 96 };

static const char MODULE[] = "module.", STEPS[] = "optimizer.steps", GROUP_OF[] = "optimizer.group_of";
static const char RANDOM[] = "random_state", LOADER[] = "loader", NUMBERS[] = "numbers.";

static int count_schedules(const at_training *t) {
    int n = 0;
    while (n < AT_TRAINING_SCHEDULES && t->schedules[n]) n++;
    return n;
}

static int count_numbers(const at_training *t) {
    int n = 0;
    while (n < AT_TRAINING_NUMBERS && t->numbers[n].name) n++;
    return n;
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static at_tensor *field_tensor(const op_field *f, const void *object) {
    const void *place = (const char *)object + f->offset;
    switch (f->type) {
    case OP_REAL: return at_from_doubles_shape(place, AT_SHAPE_SCALAR);
    case OP_INTEGER: return at_from_int64s_shape(place, AT_SHAPE_SCALAR);
    default: return at_from_bools_shape(place, AT_SHAPE_SCALAR);
    }
}

static bool add_fields(nn_state *s, const char *prefix, const op_field *f, const void *object) {
    bool good = true;
    for (; f->name && good; f++) good = nn_state_add(s, field_tensor(f, object), prefix, f->name);
    return good;
}

static at_tensor *find(const nn_state *loaded, const char *prefix, const char *name) {
    char full[2 * NAME_BYTES];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return nn_state_find(loaded, full);
}

static void take_fields(const nn_state *loaded, const char *prefix, const op_field *f, void *object) {
    for (; f->name; f++) {
        at_tensor *t = find(loaded, prefix, f->name);
        char *place = (char *)object + f->offset;
        if (f->type == OP_REAL) memcpy(place, at_doubles(t), sizeof(double));
        if (f->type == OP_INTEGER) memcpy(place, at_int64s(t), sizeof(int64_t));
        if (f->type == OP_FLAG) memcpy(place, at_bools(t), sizeof(bool));
    }
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static const char *state_prefix(char text[NAME_BYTES], int parameter) {
    snprintf(text, NAME_BYTES, "optimizer.state.%d.", parameter);
    return text;
}

static const char *group_prefix(char text[NAME_BYTES], int group) {
    snprintf(text, NAME_BYTES, "optimizer.group.%d.", group);
    return text;
}

static const char *schedule_prefix(char text[NAME_BYTES], int schedule) {
    snprintf(text, NAME_BYTES, "schedule.%d.", schedule);
    return text;
}

/* (parameters): how often each has been updated, or its group. */
static at_tensor *parameter_numbers(const at_optimizer *o, bool groups) {
    at_shape shape = AT_SHAPE(o->count);
    void *data;
    at_tensor *t = tn_tensor_new(AT_INT64, &shape, &data);
    for (int i = 0; t && i < o->count; i++)
        ((int64_t *)data)[i] = groups ? o->parameters[i].group : o->parameters[i].steps;
    return t;
}

/* The state that there is; when loading, the state that the file has, of the parameter's shape and dtype. */
static bool add_state(nn_state *s, const op_kind *kind, const op_parameter *p, int i, at_tensor_file *file) {
    char prefix[NAME_BYTES], name[NAME_BYTES];
    state_prefix(prefix, i);
    for (int k = 0; k < OP_STATES && kind->state_names[k]; k++) {
        snprintf(name, sizeof name, "%s%s", prefix, kind->state_names[k]);
        bool there = file ? at_tensor_file_find(file, name) >= 0 : p->state[k] != NULL;
        if (there && !nn_state_add(s, file ? p->tensor : p->state[k], "", name)) return false;
    }
    return true;
}

static bool add_optimizer(nn_state *s, const at_optimizer *o, at_tensor_file *file) {
    char prefix[NAME_BYTES];
    bool good = nn_state_add(s, parameter_numbers(o, false), "", STEPS) &&
                nn_state_add(s, parameter_numbers(o, true), "", GROUP_OF);
    for (int i = 0; good && i < o->count; i++) good = add_state(s, o->kind, &o->parameters[i], i, file);
    for (int g = 0; good && g < o->n_groups; g++)
        good = add_fields(s, group_prefix(prefix, g), o->kind->settings, &o->groups[g]);
    return good;
}

/* All of a training; file is what is loaded from, NULL when saving. */
static bool list_all(nn_state *s, const at_training *t, at_tensor_file *file) {
    char prefix[NAME_BYTES];
    bool good = nn_state_add(s, at_random_state(), "", RANDOM);
    if (t->module) good = good && nn_state_add_module(s, t->module, MODULE);
    if (t->optimizer) good = good && add_optimizer(s, t->optimizer, file);
    if (t->loader) good = good && nn_state_add(s, dt_loader_state(t->loader), "", LOADER);
    for (int i = 0; good && i < count_schedules(t); i++) {
        const at_schedule *schedule = t->schedules[i];
        good = add_fields(s, schedule_prefix(prefix, i), op_schedule_fields, schedule) &&
               nn_state_add(s, at_from_doubles(schedule->first, schedule->groups), prefix, "first");
    }
    for (int i = 0; good && i < count_numbers(t); i++)
        good =
            nn_state_add(s, at_from_doubles_shape(t->numbers[i].value, AT_SHAPE_SCALAR), NUMBERS, t->numbers[i].name);
    return good;
}

static bool check_arguments(const char *function, const at_training *t, const char *path) {
    if (!t) return at_fail_null(function, "training");
    if (!path) return at_fail_null(function, "path");
    for (int i = 0; i < count_numbers(t); i++) {
        if (!t->numbers[i].value) return at_fail_null(function, t->numbers[i].name);
        if (strlen(t->numbers[i].name) + sizeof NUMBERS > NAME_BYTES)
            return at_fail(AT_ERROR_VALUE, "%s: the number's name \"%.200s\" is longer than %zu bytes", function,
                           t->numbers[i].name, NAME_BYTES - sizeof NUMBERS);
    }
    return true;
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

static const char *optimizer_name(const at_training *t) { return t->optimizer ? t->optimizer->kind->name : "none"; }

/* "linear_lr cosine_lr " */
static void schedule_names(const at_training *t, char *text, size_t bytes) {
    text[0] = '\0';
    size_t used = 0;
    for (int i = 0; i < count_schedules(t); i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s ", t->schedules[i]->name);
}

enum { SCHEDULE_NAMES_BYTES = 32 * AT_TRAINING_SCHEDULES };

bool at_save_checkpoint(const at_training *training, const char *path) {
    if (!check_arguments("save_checkpoint", training, path)) return false;
    AT_CALL("save_checkpoint");
    char schedules[SCHEDULE_NAMES_BYTES];
    schedule_names(training, schedules, sizeof schedules);
    const at_remark remarks[] = {{"format", "atled checkpoint"},
                                 {"optimizer", optimizer_name(training)},
                                 {"schedules", schedules}};
    nn_state state = {NULL, 0, 0};
    bool saved = false;
    AT_SCOPE
        saved = list_all(&state, training, NULL) &&
                at_save_tensors(path, state.items, state.count, .remarks = remarks, .n_remarks = 3);
    nn_state_free(&state);
    return saved;
}

/* ---- loading: checks --------------------------------------------------------------------------------------------- */

static bool check_remarks(const at_training *t, at_tensor_file *file, const char *path) {
    const char *format = at_tensor_file_remark(file, "format");
    if (!format || strcmp(format, "atled checkpoint") != 0)
        return at_fail(AT_ERROR_VALUE, "load_checkpoint: \"%s\" is none: want a file written by at_save_checkpoint",
                       path);
    char schedules[SCHEDULE_NAMES_BYTES];
    schedule_names(t, schedules, sizeof schedules);
    const char *const here[][2] = {{"optimizer", optimizer_name(t)}, {"schedules", schedules}};
    for (int i = 0; i < 2; i++) {
        const char *there = at_tensor_file_remark(file, here[i][0]);
        if (!there || strcmp(there, here[i][1]) != 0)
            return at_fail(AT_ERROR_VALUE, "load_checkpoint: \"%s\" has %s \"%.200s\", the training has \"%s\"", path,
                           here[i][0], there ? there : "", here[i][1]);
    }
    return true;
}

/* What is to be taken, once all of it has been found good. */
typedef struct {
    op_settings *groups;
    size_t groups_bytes;
    at_schedule schedules[AT_TRAINING_SCHEDULES];
    tn_generator generator;
} staged;

static bool fail_value(const char *path, const char *name) {
    return at_fail(AT_ERROR_VALUE, "load_checkpoint: \"%s\": %s has a value that no training gives it", path, name);
}

static bool stage_optimizer(staged *st, const at_optimizer *o, const nn_state *loaded, const char *path) {
    const int64_t *steps = at_int64s(nn_state_find(loaded, STEPS));
    const int64_t *group_of = at_int64s(nn_state_find(loaded, GROUP_OF));
    for (int i = 0; i < o->count; i++) {
        if (steps[i] < 0) return fail_value(path, STEPS);
        if (group_of[i] != o->parameters[i].group)
            return at_fail(AT_ERROR_VALUE,
                           "load_checkpoint: \"%s\": parameter %d is in group %" PRId64 " there and in group %d here",
                           path, i, group_of[i], o->parameters[i].group);
    }
    st->groups_bytes = (size_t)o->n_groups * sizeof *st->groups;
    st->groups = tn_allocate(st->groups_bytes);
    if (!st->groups) return false;
    for (int g = 0; g < o->n_groups; g++) {
        char prefix[NAME_BYTES];
        op_settings *s = &st->groups[g];
        *s = o->groups[g];
        take_fields(loaded, group_prefix(prefix, g), o->kind->settings, s);
        op_settings completed = *s; /* only to see whether it can be */
        if (!op_check_not_negative("load_checkpoint", "lr", s->common.lr)) return false;
        if (!o->kind->complete(o->kind->name, &completed)) return false;
    }
    return true;
}

static bool stage_schedule(at_schedule *s, const nn_state *loaded, int i, const char *path) {
    char prefix[NAME_BYTES];
    take_fields(loaded, schedule_prefix(prefix, i), op_schedule_fields, s);
    const double *first = at_doubles(find(loaded, prefix, "first"));
    bool good = op_schedule_valid(s);
    for (int g = 0; g < s->groups; g++) good = good && isfinite(first[g]) && first[g] >= 0;
    return good || fail_value(path, prefix);
}

static bool stage_all(staged *st, const at_training *t, const nn_state *loaded, const char *path) {
    if (t->optimizer && !stage_optimizer(st, t->optimizer, loaded, path)) return false;
    for (int i = 0; i < count_schedules(t); i++) {
        st->schedules[i] = *t->schedules[i];
        if (!stage_schedule(&st->schedules[i], loaded, i, path)) return false;
    }
    return tn_generator_read("load_checkpoint", nn_state_find(loaded, RANDOM), &st->generator) &&
           (!t->loader || dt_loader_check_state("load_checkpoint", t->loader, nn_state_find(loaded, LOADER)));
}

/* ---- loading: nothing fails from here ---------------------------------------------------------------------------- */

static void take_optimizer(at_optimizer *o, const staged *st, const nn_state *loaded) {
    const int64_t *steps = at_int64s(nn_state_find(loaded, STEPS));
    for (int i = 0; i < o->count; i++) {
        op_parameter *p = &o->parameters[i];
        char prefix[NAME_BYTES];
        state_prefix(prefix, i);
        p->steps = steps[i];
        for (int k = 0; k < OP_STATES && o->kind->state_names[k]; k++)
            at_assign(&p->state[k], find(loaded, prefix, o->kind->state_names[k]));
    }
    memcpy(o->groups, st->groups, (size_t)o->n_groups * sizeof *o->groups);
}

static void take_all(const at_training *t, const staged *st, const nn_state *wanted, const nn_state *loaded) {
    for (int i = 0; i < wanted->count; i++) /* the same names in the same order */
        if (strncmp(wanted->items[i].name, MODULE, sizeof MODULE - 1) == 0)
            tn_tensor_replace(wanted->items[i].tensor, loaded->items[i].tensor);
    if (t->optimizer) take_optimizer(t->optimizer, st, loaded);
    for (int i = 0; i < count_schedules(t); i++) {
        char prefix[NAME_BYTES];
        at_schedule *s = t->schedules[i];
        memcpy(s->first, at_doubles(find(loaded, schedule_prefix(prefix, i), "first")),
               (size_t)s->groups * sizeof *s->first);
        *s = st->schedules[i];
    }
    if (t->loader) dt_loader_take_state(t->loader, nn_state_find(loaded, LOADER));
    for (int i = 0; i < count_numbers(t); i++)
        *t->numbers[i].value = at_item(find(loaded, NUMBERS, t->numbers[i].name));
    *tn_thread_generator() = st->generator;
}

bool at_load_checkpoint(const at_training *training, const char *path) {
    if (!check_arguments("load_checkpoint", training, path)) return false;
    AT_CALL("load_checkpoint");
    at_tensor_file *file = tn_tensor_file_open("load_checkpoint", path);
    if (!file) return false;
    nn_state wanted = {NULL, 0, 0}, loaded = {NULL, 0, 0};
    staged st = {.groups = NULL};
    bool good = false;
    AT_SCOPE {
        good = check_remarks(training, file, path) && list_all(&wanted, training, file) &&
               nn_state_read(&loaded, &wanted, file, &(nn_read_options){"load_checkpoint", .prefix = ""}) &&
               stage_all(&st, training, &loaded, path);
        if (good) take_all(training, &st, &wanted, &loaded);
    }
    tn_deallocate(st.groups, st.groups_bytes);
    nn_state_free(&wanted);
    nn_state_free(&loaded);
    at_tensor_file_close(file);
    return good;
}
