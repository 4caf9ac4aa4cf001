/* data/loader.c - mini-batches of rows, in the order that torch takes them in. */
#include <inttypes.h>
#include <string.h>

#include "../autograd/autograd.h"
#include "../tensor/internal.h"
#include "internal.h"

struct at_data_loader {
    int n;
    at_tensor **tensors, **batch; /* held; those of batch are NULL at first */
    int64_t rows, batch_size;
    bool shuffle, drop_last;
    bool within_epoch;
    int64_t seed;     /* of the epoch's order */
    int64_t next;     /* row of that order */
    at_tensor *order; /* held; a permutation of the rows; NULL until it is needed */
};

static bool check_options(const at_data_loader_options *o) {
    if (o->n <= 0 || !o->tensors)
        return at_fail(AT_ERROR_VALUE,
                       "data_loader_new: no tensors: want at_data_loader_new(((at_tensor *[]){x, y}), 2)");
    if (o->batch_size < 0)
        return at_fail(AT_ERROR_VALUE, "data_loader_new: batch_size is %" PRId64 ": want at least 1", o->batch_size);
    for (int i = 0; i < o->n; i++) {
        if (!o->tensors[i]) return tn_fail_null_element("data_loader_new", "tensors", i);
        if (at_ndim(o->tensors[i]) == 0)
            return at_fail(AT_ERROR_SHAPE, "data_loader_new: tensors[%d] is %s: it has no rows", i,
                           tn_describe(o->tensors[i]));
        if (at_size(o->tensors[i], 0) != at_size(o->tensors[0], 0))
            return at_fail(AT_ERROR_SHAPE,
                           "data_loader_new: tensors[0] %s and tensors[%d] %s: want as many rows in each",
                           tn_describe(o->tensors[0]), i, tn_describe(o->tensors[i]));
    }
    return true;
}

/* Of the tensors, of the batch, and of the next batch while it is made. */
static size_t list_bytes(int n) { return 3 * (size_t)n * sizeof(at_tensor *); }

at_data_loader *at_data_loader_new_with(at_data_loader_options o) {
    if (!check_options(&o)) return NULL;
    at_data_loader *l = at_allocate("data_loader_new", sizeof *l);
    at_tensor **tensors = l ? tn_allocate(list_bytes(o.n)) : NULL;
    if (!tensors) {
        tn_deallocate(l, sizeof *l);
        return NULL;
    }
    memset(tensors, 0, list_bytes(o.n));
    *l = (at_data_loader){.n = o.n, .tensors = tensors, .batch = tensors + o.n, .rows = at_size(o.tensors[0], 0)};
    l->batch_size = o.batch_size ? o.batch_size : 1;
    l->shuffle = o.shuffle;
    l->drop_last = o.drop_last;
    for (int i = 0; i < o.n; i++) tensors[i] = at_retain(o.tensors[i]);
    return l;
}

static void drop_batch(at_data_loader *l) {
    for (int i = 0; i < l->n; i++) at_assign(&l->batch[i], NULL);
}

void at_data_loader_free(at_data_loader *loader) {
    if (!loader) return;
    drop_batch(loader);
    for (int i = 0; i < loader->n; i++) at_release(loader->tensors[i]);
    at_release(loader->order);
    tn_deallocate(loader->tensors, list_bytes(loader->n));
    tn_deallocate(loader, sizeof *loader);
}

int64_t at_data_loader_batches(at_data_loader *loader) {
    if (!loader) return at_fail_null("data_loader_batches", "loader"), -1;
    int64_t whole = loader->rows / loader->batch_size, rest = loader->rows % loader->batch_size;
    return whole + (rest > 0 && !loader->drop_last);
}

bool at_data_loader_restart(at_data_loader *loader) {
    if (!loader) return at_fail_null("data_loader_restart", "loader");
    loader->within_epoch = false;
    return true;
}

/* Where a loader is, which a batch that fails does not change. */
typedef struct {
    bool within_epoch;
    int64_t seed, next;
    at_tensor *order;
    tn_generator generator;
} position;

/* torch draws a seed for its workers in every epoch, and then, to shuffle, one for a generator of the order alone. */
static void begin_epoch(at_data_loader *l) {
    tn_generator *g = tn_thread_generator();
    (void)tn_draw_seed(g);
    l->seed = l->shuffle ? tn_draw_seed(g) : 0;
    l->next = 0;
    l->within_epoch = true;
    l->order = NULL;
}

static void go_back(at_data_loader *l, const position *before) {
    if (l->order != before->order) at_assign(&l->order, NULL);
    l->order = before->order;
    l->within_epoch = before->within_epoch;
    l->seed = before->seed;
    l->next = before->next;
    *tn_thread_generator() = before->generator;
}

static bool make_order(at_data_loader *l) {
    tn_generator g;
    void *data;
    at_shape shape = AT_SHAPE(l->rows);
    AT_SCOPE {
        at_tensor *order = tn_tensor_new(AT_INT64, &shape, &data);
        if (!order) return false;
        tn_generator_seed(&g, (uint64_t)l->seed);
        tn_fill_permutation(&g, l->rows, data);
        at_assign(&l->order, order);
    }
    return true;
}

/* The rows of all tensors from l->next up to end, or nothing changed. */
static bool gather(at_data_loader *l, int64_t end) {
    bool good = true;
    if (l->shuffle && !l->order && !make_order(l)) return false;
    AT_SCOPE {
        at_tensor *rows = l->shuffle ? at_slice(l->order, 0, l->next, end, 1) : NULL;
        at_tensor **held = l->batch + l->n;
        for (int i = 0; good && i < l->n; i++) {
            at_tensor *t = l->tensors[i];
            held[i] = l->shuffle ? at_index_select(t, 0, rows) : at_slice(t, 0, l->next, end, 1);
            good = held[i] != NULL;
        }
        for (int i = 0; good && i < l->n; i++) at_assign(&l->batch[i], held[i]);
    }
    return good;
}

at_tensor **at_data_loader_next(at_data_loader *loader) {
    at_data_loader *l = loader;
    if (!l) return at_fail_null("data_loader_next", "loader");
    AT_CALL("data_loader_next");
    const position before = {l->within_epoch, l->seed, l->next, l->order, *tn_thread_generator()};
    if (!l->within_epoch) begin_epoch(l);
    int64_t left = l->rows - l->next, count = left < l->batch_size ? left : l->batch_size;
    bool more = count == l->batch_size || (count > 0 && !l->drop_last);
    if (more && !gather(l, l->next + count)) return go_back(l, &before), NULL;
    if (l->order != before.order) at_release(before.order);
    if (more) {
        l->next += count;
        return l->batch;
    }
    l->within_epoch = false;
    drop_batch(l);
    return NULL;
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

enum { WITHIN_EPOCH, SEED, NEXT, ROWS, STATE_SIZE };

at_tensor *dt_loader_state(const at_data_loader *l) {
    int64_t state[STATE_SIZE] = {l->within_epoch, l->seed, l->next, l->rows};
    return at_from_int64s(state, STATE_SIZE);
}

bool dt_loader_check_state(const char *function, const at_data_loader *l, at_tensor *state) {
    const int64_t *x = at_int64s(state);
    if (!x) return false;
    if (x[ROWS] != l->rows)
        return at_fail(AT_ERROR_VALUE, "%s: the loader had %" PRId64 " rows and has %" PRId64, function, x[ROWS],
                       l->rows);
    if ((x[WITHIN_EPOCH] == 0 || x[WITHIN_EPOCH] == 1) && x[SEED] >= 0 && x[NEXT] >= 0 && x[NEXT] <= l->rows)
        return true;
    return at_fail(AT_ERROR_VALUE, "%s: the loader's state has a value that no loader gives it", function);
}

void dt_loader_take_state(at_data_loader *l, at_tensor *state) {
    const int64_t *x = at_int64s(state);
    l->within_epoch = x[WITHIN_EPOCH] == 1;
    l->seed = x[SEED];
    l->next = x[NEXT];
    at_assign(&l->order, NULL);
}
