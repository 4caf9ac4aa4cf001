/* tensor/compile.c - making a program of a pending expression. */
#include <string.h>

#include "evaluate.h"

/* Recomputing an element may cost as many additions as this before the value is kept instead. */
enum { WORTH_KEEPING = 12 };

enum { LARGEST_PANEL = 1 << 20 };

static bool is_stored(const tn_slot *slot) { return slot->kind > TN_SLOT_ABSORBED; }

/* ---- slots ------------------------------------------------------------------------------------------------------- */

typedef struct {
    tn_program *program;
    const at_shape *shape;  /* of all slots */
    tn_value *store_first;  /* found to be needed stored; retained */
    const at_shape *better; /* a shape that a slot cannot be seen in any other than, or NULL */
} compilation;

static int find_slot(const tn_program *p, const tn_value *v) {
    for (int i = 0; i < p->n_slots; i++)
        if (p->slot[i].value == v) return i;
    return -1;
}

static tn_slot *new_slot(compilation *c, tn_value *v, tn_slot_kind kind) {
    tn_program *p = c->program;
    tn_slot *slot = &p->slot[p->n_slots];
    slot->value = tn_value_retain(v);
    slot->kind = kind;
    slot->element = (int)tn_dtype_size(v->dtype);
    slot->n_operands = 0;
    slot->uses = 0;
    slot->last_use = p->n_slots++;
    slot->keep = NULL;
    if (slot->element > p->widest) p->widest = slot->element;
    return slot;
}

/* To the last slot. */
static void add_operand(tn_program *p, int operand) {
    int reader = p->n_slots - 1;
    p->slot[reader].operand[p->slot[reader].n_operands++] = operand;
    p->slot[operand].uses++;
    p->slot[operand].last_use = reader;
}

/* The strides of (shape, stride), which fits consumer, in the program's shape. */
static bool strides_in_program(compilation *c, const at_shape *shape, const int64_t *stride, const at_shape *consumer,
                               int64_t *result) {
    bool same = tn_shapes_equal(consumer, c->shape);
    int64_t expanded[AT_MAX_DIMS];
    tn_broadcast_strides(shape, stride, consumer, same ? result : expanded);
    return same || tn_reshape_strides(consumer, expanded, c->shape, result);
}

/* A slot that reads stored elements. The same value may be read in two ways, by broadcasting. */
static int read_slot(compilation *c, tn_value *v, const at_shape *consumer) {
    int n = c->program->n_slots;
    int64_t *stride = c->program->slot[n].stride; /* of the slot that this becomes if there is no such one yet */
    if (!strides_in_program(c, &v->shape, v->stride, consumer, stride)) {
        c->better = consumer;
        return -1;
    }
    size_t bytes = sizeof(int64_t) * (size_t)c->shape->ndim;
    for (int i = 0; i < n; i++) {
        const tn_slot *other = &c->program->slot[i];
        if (other->value == v && is_stored(other) && !memcmp(other->stride, stride, bytes)) return i;
    }
    new_slot(c, v, TN_SLOT_GATHERED)->data = tn_data(v);
    return n;
}

static int compile_value(compilation *c, tn_value *v, const at_shape *consumer);

static int compute_slot(compilation *c, tn_value *v) {
    int found = find_slot(c->program, v);
    if (found >= 0) return found;
    int operand[TN_MAX_OPERANDS];
    for (int i = 0; i < v->n_operands; i++) {
        operand[i] = compile_value(c, v->operand[i], &v->shape);
        if (operand[i] < 0) return -1;
    }
    const tn_kernels *k = c->program->kernels;
    at_dtype from = v->operand[v->instruction == TN_WHERE ? 1 : 0]->dtype;
    tn_slot *slot = new_slot(c, v, TN_SLOT_COMPUTED);
    slot->instruction = v->instruction;
    slot->kernels = v->instruction == TN_CAST ? &k->cast[from][v->dtype] : k->elementwise[v->instruction][from];
    for (int i = 0; i < v->n_operands; i++) add_operand(c->program, operand[i]);
    return c->program->n_slots - 1;
}

/* A sum of rows that nothing else is going to read runs with its reader, so that both find the row in the cache; what it
 * sums is computed for both, so it must be cheap. */
static int row_sum_slot(compilation *c, tn_value *v, const at_shape *consumer) {
    tn_value *x = v->operand[0];
    bool beside = tn_shapes_equal(consumer, c->shape) && tn_shapes_equal(&x->shape, c->shape);
    int found = find_slot(c->program, v);
    if (found >= 0) return found;
    if (!beside || v->cost > WORTH_KEEPING || tn_count_of(&v->readers) > 1) {
        c->store_first = tn_value_retain(v);
        return -1;
    }
    int operand = compile_value(c, x, &x->shape);
    if (operand < 0) return -1;
    (void)new_slot(c, v, TN_SLOT_ROW_SUM);
    add_operand(c->program, operand);
    c->program->row = c->shape->dim[c->shape->ndim - 1];
    return c->program->n_slots - 1;
}

/* The slot of v as an operand of something of shape consumer; -1 when the compilation cannot go on as it is. The depth
 * is bounded by the size of an expression. */
static int compile_value(compilation *c, tn_value *v, const at_shape *consumer) {
    if (tn_value_settle_locked(v)) return read_slot(c, v, consumer);
    if (v->instruction == TN_ROW_SUM) return row_sum_slot(c, v, consumer);
    if (v->numel == c->program->numel) {
        tn_value *base = v->n_operands ? v->operand[0] : NULL;
        bool same_order = v->instruction == TN_REFLOW || (v->instruction == TN_VIEW && v->offset == 0 &&
                                                          base->numel == v->numel && tn_is_contiguous(v));
        if (same_order) return compile_value(c, base, &base->shape);
        if (v->instruction != TN_VIEW) return compute_slot(c, v);
    }
    c->store_first = tn_value_retain(v->instruction == TN_VIEW ? v->operand[0] : v);
    return -1;
}

static void drop_slots(tn_program *p) {
    for (int i = 0; i < p->n_slots; i++) tn_value_release(p->slot[i].value);
    p->n_slots = 0;
}

/* The shape in which to see the elements of v: a reflowed value is only a single strided window in that of its source. */
static const at_shape *natural_shape(const tn_value *v) {
    while (!tn_is_stored(v) && v->instruction == TN_REFLOW) v = v->operand[0];
    return &v->shape;
}

/* Some pending value below v, at a change of shape; storing those one by one makes v a plain expression. Within the
 * lock. */
static tn_value *find_alias(tn_value *v) {
    for (int i = 0; i < v->n_operands; i++) {
        tn_value *x = v->operand[i];
        if (tn_value_settle_locked(x)) continue;
        if (x->instruction == TN_ROW_SUM) return tn_value_retain(x);
        tn_value *deeper = find_alias(x);
        if (deeper) return deeper;
        if (x->instruction == TN_REFLOW) return tn_value_retain(x);
        if (x->instruction == TN_VIEW) return tn_value_retain(x->operand[0]);
    }
    return NULL;
}

/* Fills the slots of p, within the lock. Otherwise returns what has to be stored first, retained. */
static tn_value *collect_slots(tn_program *p, tn_value *v) {
    at_shape shape = *natural_shape(v);
    for (int attempt = 0; attempt < 2; attempt++) {
        compilation c = {.program = p, .shape = &shape};
        p->numel = v->numel;
        p->n_slots = 0;
        p->widest = 1;
        p->row = 0;
        p->space = shape;
        if (compile_value(&c, v, &v->shape) >= 0) return NULL;
        drop_slots(p);
        if (c.store_first) return c.store_first;
        shape = *c.better;
    }
    return find_alias(v); /* no one shape suits all parts */
}

/* ---- keeping ----------------------------------------------------------------------------------------------------- */

static int references_within(const tn_program *p, const tn_value *v) {
    int n = 0;
    for (int i = 0; i < p->n_slots; i++)
        for (int j = 0; j < p->slot[i].n_operands; j++) n += p->slot[i].value->operand[j] == v;
    return n;
}

/* A part that something else may still read, and that costs enough, is kept: all of it is being computed anyway. Not
 * beside sums of rows, where threads may compute one part twice. Within the lock. */
static void choose_kept(tn_program *p, tn_purpose purpose) {
    int n = purpose == TN_TO_STORE ? p->n_slots - 1 : p->n_slots;
    for (int i = 0; i < n; i++) {
        tn_slot *slot = &p->slot[i];
        if (slot->kind != TN_SLOT_COMPUTED) continue;
        tn_value *v = slot->value;
        int readers = tn_count_of(&v->readers);
        if (!p->row && v->spent + v->cost > WORTH_KEEPING && readers > references_within(p, v)) {
            /* Without memory for it, it is computed again later: no reason to fail. */
            slot->keep = tn_buffer_try(v->numel * (int64_t)tn_dtype_size(v->dtype));
        }
        if (!slot->keep) v->spent += v->cost;
    }
}

/* ---- two instructions in one pass -------------------------------------------------------------------------------- */

/* As the first instruction of a pair. A square is a product of its operand, given twice. */
static int as_first(int instruction) {
    switch (instruction) {
    case TN_ADD: return TN_FIRST_ADD;
    case TN_SUB: return TN_FIRST_SUB;
    case TN_MUL:
    case TN_SQUARE: return TN_FIRST_MUL;
    case TN_NEG: return TN_FIRST_NEG;
    default: return -1;
    }
}

/* As the second one, which has the result of the first as its operand number which. */
static int as_second(int instruction, int which) {
    switch (instruction) {
    case TN_ADD: return TN_THEN_ADD;
    case TN_SUB: return which == 0 ? TN_THEN_SUB : TN_THEN_SUB_FROM;
    case TN_MUL: return TN_THEN_MUL;
    case TN_SQUARE: return TN_THEN_SQUARE;
    case TN_NEG: return TN_THEN_NEG;
    case TN_RELU: return TN_THEN_RELU;
    default: return -1;
    }
}

/* An absorbed slot's operands are read by its reader. */
static void leave_operands(tn_program *p, tn_slot *absorbed) {
    for (int j = 0; j < absorbed->n_operands; j++) {
        tn_slot *operand = &p->slot[absorbed->operand[j]];
        if (operand->last_use < absorbed->last_use) operand->last_use = absorbed->last_use;
    }
    absorbed->kind = TN_SLOT_ABSORBED;
}

static bool absorb_operand(tn_program *p, tn_slot *slot, int which) {
    tn_slot *operand = &p->slot[slot->operand[which]];
    if (operand->kind != TN_SLOT_COMPUTED || operand->keep || operand->uses != 1) return false;
    int first = as_first(operand->instruction), second = as_second(slot->instruction, which);
    if (first < 0 || second < 0 || operand->value->dtype != AT_FLOAT32) return false;
    slot->operand[2] = slot->operand[1 - which];
    slot->operand[0] = operand->operand[0];
    slot->operand[1] = operand->operand[operand->n_operands - 1];
    slot->n_operands++;
    slot->kernels = p->kernels->pair[first][second];
    leave_operands(p, operand);
    return true;
}

/* The same for the sum of a row of products. */
static void absorb_product(tn_program *p, tn_slot *sum) {
    tn_slot *product = &p->slot[sum->operand[0]];
    if (product->kind != TN_SLOT_COMPUTED || product->keep || product->instruction != TN_MUL) return;
    if (product->uses != 1) return;
    sum->n_operands = 2;
    sum->operand[0] = product->operand[0];
    sum->operand[1] = product->operand[1];
    leave_operands(p, product);
}

/* An instruction takes over the one before it where nothing else reads that one's result: a pass over memory less. */
static void pair_instructions(tn_program *p) {
    for (int i = p->n_slots - (p->product_left ? 2 : 1); i >= 0; i--) {
        tn_slot *slot = &p->slot[i];
        if (slot->kind == TN_SLOT_ROW_SUM) absorb_product(p, slot);
        if (slot->kind != TN_SLOT_COMPUTED) continue;
        bool done = absorb_operand(p, slot, 0);
        if (!done && slot->n_operands == 2) absorb_operand(p, slot, 1);
    }
}

static bool ends_in_product(const tn_program *p) {
    const tn_slot *last = &p->slot[p->n_slots - 1];
    return last->kind == TN_SLOT_COMPUTED && last->instruction == TN_MUL && tn_is_floating(last->value->dtype) &&
           !last->keep;
}

/* ---- joining dimensions, registers ------------------------------------------------------------------------------- */

static bool can_join(const tn_program *p, int d) {
    for (int i = 0; i < p->n_slots; i++) {
        const tn_slot *slot = &p->slot[i];
        if (is_stored(slot) && slot->stride[d] != slot->stride[d + 1] * p->space.dim[d + 1]) return false;
    }
    return true;
}

static void remove_dim(tn_program *p, int d) {
    for (int j = d; j + 1 < p->space.ndim; j++) {
        p->space.dim[j] = p->space.dim[j + 1];
        for (int i = 0; i < p->n_slots; i++) p->slot[i].stride[j] = p->slot[i].stride[j + 1];
    }
    p->space.ndim--;
}

static void join_dims(tn_program *p) {
    for (int d = p->space.ndim - 1; d >= 0; d--)
        if (p->space.dim[d] == 1) remove_dim(p, d);
    for (int d = p->space.ndim - (p->row ? 3 : 2); d >= 0; d--) { /* rows that are summed stay rows */
        if (!can_join(p, d)) continue;
        p->space.dim[d + 1] *= p->space.dim[d];
        remove_dim(p, d);
    }
    if (p->space.ndim == 0) p->space = (at_shape){.ndim = 1, .dim = {p->numel}};
}

static void classify_reads(tn_program *p) {
    int64_t contiguous[AT_MAX_DIMS];
    tn_contiguous_strides(&p->space, contiguous);
    for (int i = 0; i < p->n_slots; i++) {
        tn_slot *slot = &p->slot[i];
        if (!is_stored(slot)) continue;
        bool in_place = true, uniform = p->numel > 1;
        for (int d = 0; d < p->space.ndim && p->numel > 1; d++) {
            in_place = in_place && slot->stride[d] == contiguous[d];
            uniform = uniform && slot->stride[d] == 0;
        }
        slot->kind = in_place ? TN_SLOT_IN_PLACE : uniform ? TN_SLOT_UNIFORM : TN_SLOT_GATHERED;
    }
}

/* A condition that is the same everywhere is written out, in a block. */
static bool runs_in_one_go(const tn_program *p) {
    const tn_slot *last = &p->slot[p->n_slots - 1];
    for (int i = 0; i < p->n_slots - 1; i++)
        if (p->slot[i].kind != TN_SLOT_ABSORBED && p->slot[i].kind != TN_SLOT_UNIFORM &&
            p->slot[i].kind != TN_SLOT_IN_PLACE)
            return false;
    return last->kind == TN_SLOT_COMPUTED && last->instruction != TN_WHERE;
}

static bool is_transposed(const tn_program *p, const tn_slot *slot) {
    int inner = p->space.ndim - 1;
    return slot->kind == TN_SLOT_GATHERED && inner > 0 && slot->stride[inner - 1] == 1 && slot->stride[inner] > 1;
}

/* What lasts from block to block follows the registers. No panels of rows so long that they would not stay in the
 * cache. */
static void assign_lasting(tn_program *p) {
    int64_t row = p->space.dim[p->space.ndim - 1];
    for (int i = 0; i < p->n_slots; i++) {
        tn_slot *slot = &p->slot[i];
        bool fits = row <= LARGEST_PANEL / (TN_PANEL_ROWS * slot->element);
        size_t bytes = slot->kind == TN_SLOT_ROW_SUM ? sizeof(tn_row) : 0;
        if (is_transposed(p, slot) && fits && p->numel >= TN_BLOCK)
            bytes = sizeof(tn_panel) + (size_t)(row * TN_PANEL_ROWS * slot->element);
        slot->lasting = bytes ? p->workspace_bytes : 0;
        p->workspace_bytes += (bytes + 63) / 64 * 64;
    }
}

/* A register is free again after the last instruction that reads it. Reads that have to be gathered take one as well.
 * The fewer registers, the more of them stay in the nearest cache. */
static void assign_registers(tn_program *p) {
    int occupant[TN_MAX_SLOTS], n = 0;
    size_t bytes = (size_t)p->widest * TN_BLOCK + 64; /* the 64 keep registers out of one another's way in the cache */
    p->slot[p->n_slots - 1].last_use = p->n_slots;
    for (int i = 0; i < p->n_slots; i++) {
        tn_slot *slot = &p->slot[i];
        int r = 0;
        slot->reg = 0;
        if (slot->kind != TN_SLOT_COMPUTED && slot->kind != TN_SLOT_GATHERED) continue;
        while (r < n && p->slot[occupant[r]].last_use >= i) r++;
        if (r == n) n++;
        occupant[r] = i;
        slot->reg = bytes * (size_t)r;
    }
    p->spread = bytes * (size_t)(n > 0 ? n : 1); /* one register there is always, for the result */
    p->across = p->spread + bytes;
    p->workspace_bytes = (p->across + (p->row ? bytes : 0) + 63) / 64 * 64;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

tn_value *tn_program_try(tn_program *p, tn_value *v, tn_purpose purpose) {
    p->kernels = tn_kernels_get();
    bool locked = tn_links_lock();
    tn_value *store_first = collect_slots(p, v);
    if (!store_first) choose_kept(p, purpose);
    tn_links_unlock(locked);
    if (store_first) return store_first;
    p->product_left = purpose == TN_TO_SUM && ends_in_product(p);
    pair_instructions(p);
    join_dims(p);
    classify_reads(p);
    p->in_one_go = purpose == TN_TO_STORE && runs_in_one_go(p);
    assign_registers(p);
    assign_lasting(p);
    return NULL;
}

bool tn_program_compile(tn_program *p, tn_value *v, tn_purpose purpose) {
    for (tn_value *first; (first = tn_program_try(p, v, purpose));) {
        bool stored = tn_value_store(first);
        tn_value_release(first);
        if (!stored) return false;
    }
    return true;
}

void tn_program_end(tn_program *p, bool done) {
    bool locked = tn_links_lock();
    for (int i = 0; i < p->n_slots; i++) {
        tn_buffer *keep = p->slot[i].keep;
        if (keep && done)
            tn_value_publish(p->slot[i].value, keep);
        else if (keep)
            tn_buffer_release(keep);
    }
    tn_links_unlock(locked);
    drop_slots(p);
}
