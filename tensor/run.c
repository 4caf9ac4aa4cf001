/* tensor/run.c - computing a range of a program's result. */
#include <string.h>

#include "evaluate.h"
#include "thread.h"

static tn_row *row_of(const tn_slot *slot, char *workspace) { return (tn_row *)(void *)(workspace + slot->lasting); }
static tn_panel *panel_of(const tn_slot *slot, char *workspace) {
    return (tn_panel *)(void *)(workspace + slot->lasting);
}

char *tn_program_workspace(const tn_program *p) {
    tn_thread *self = tn_self();
    if (self->workspace_bytes < p->workspace_bytes) {
        size_t bytes = (p->workspace_bytes + 63) / 64 * 64;
        char *grown = tn_allocate_try(bytes, 64);
        if (!grown) return tn_fail_memory(bytes);
        tn_deallocate(self->workspace, self->workspace_bytes);
        self->workspace = grown;
        self->workspace_bytes = bytes;
    }
    for (int i = 0; i < p->n_slots; i++) {
        const tn_slot *slot = &p->slot[i];
        if (!slot->lasting) continue;
        if (slot->kind == TN_SLOT_ROW_SUM)
            row_of(slot, self->workspace)->number = -1;
        else
            panel_of(slot, self->workspace)->data = NULL;
    }
    return self->workspace;
}

typedef struct {
    const char *at;
    bool scalar; /* one element stands for all */
} operand_block;

/* ---- reading by strides ------------------------------------------------------------------------------------------ */

static int size_index(int element) { return element == 1 ? 0 : element == 4 ? 2 : 3; }

/* A place in the space of a program. */
typedef struct {
    int64_t index[AT_MAX_DIMS];
} place;

static place place_of(const tn_program *p, int64_t start) {
    place at;
    for (int d = p->space.ndim - 1; d >= 0; d--) {
        at.index[d] = start % p->space.dim[d];
        start /= p->space.dim[d];
    }
    return at;
}

static int64_t offset_of(const tn_program *p, const tn_slot *slot, const place *at) {
    int64_t offset = 0;
    for (int d = 0; d < p->space.ndim; d++) offset += at->index[d] * slot->stride[d];
    return offset;
}

/* Goes on by n indices of dimension d, not past its end, with a carry into those before. Returns the change of offset. */
static int64_t advance(const tn_program *p, const tn_slot *slot, place *at, int d, int64_t n) {
    int64_t change = n * slot->stride[d];
    at->index[d] += n;
    for (; d > 0 && at->index[d] == p->space.dim[d]; d--) {
        change += slot->stride[d - 1] - at->index[d] * slot->stride[d];
        at->index[d] = 0;
        at->index[d - 1]++;
    }
    return change;
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* The row of a transposed operand that at is in, out of a panel. */
static const char *row_in_panel(const tn_program *p, const tn_slot *slot, const place *at, char *workspace) {
    tn_panel *panel = panel_of(slot, workspace);
    int inner = p->space.ndim - 1;
    int64_t row = p->space.dim[inner];
    const char *data = slot->data + (offset_of(p, slot, at) - at->index[inner] * slot->stride[inner]) * slot->element;
    if (!panel->data || data < panel->data || data >= panel->data + panel->rows * slot->element) {
        panel->data = data;
        panel->rows = smaller(TN_PANEL_ROWS, p->space.dim[inner - 1] - at->index[inner - 1]);
        p->kernels->transpose[size_index(slot->element)](panel->rows, row, panel->elements, data, slot->stride[inner]);
    }
    return panel->elements + (data - panel->data) * row;
}

/* Rows of a transposed operand. */
static operand_block read_transposed(const tn_program *p, const tn_slot *slot, place at, int64_t n, char *into,
                                     char *workspace) {
    int inner = p->space.ndim - 1;
    int64_t row = p->space.dim[inner], element = slot->element;
    if (at.index[inner] + n <= row)
        return (operand_block){row_in_panel(p, slot, &at, workspace) + at.index[inner] * element, false};
    for (int64_t done = 0, m; done < n; done += m) {
        m = smaller(n - done, row - at.index[inner]);
        const char *from = row_in_panel(p, slot, &at, workspace) + at.index[inner] * element;
        memcpy(into + done * element, from, (size_t)(m * element));
        (void)advance(p, slot, &at, inner, m);
    }
    return (operand_block){into, false};
}

static void gather_range(const tn_program *p, const tn_slot *slot, place at, int64_t n, char *out) {
    int size = size_index(slot->element), inner = p->space.ndim - 1;
    int64_t row = p->space.dim[inner], stride = slot->stride[inner];
    const char *data = slot->data + offset_of(p, slot, &at) * slot->element;
    while (n > 0) {
        int64_t done;
        if (stride == 0 && inner > 0 && at.index[inner] == 0 &&
            n >= row) { /* one element a row, several rows at once */
            int64_t rows = smaller(n / row, p->space.dim[inner - 1] - at.index[inner - 1]);
            p->kernels->fill_rows[size](rows, row, out, data, slot->stride[inner - 1]);
            data += advance(p, slot, &at, inner - 1, rows) * slot->element;
            done = rows * row;
        } else {
            done = smaller(n, row - at.index[inner]);
            if (stride == 0)
                p->kernels->fill[size](done, out, data);
            else
                p->kernels->gather[size](done, out, data, stride);
            data += advance(p, slot, &at, inner, done) * slot->element;
        }
        out += done * slot->element;
        n -= done;
    }
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* Stored elements that do not lie side by side: without a copy where they do in this range, or are one and the same. */
static operand_block read_strided(const tn_program *p, const tn_slot *slot, const place *at, int64_t n, char *into) {
    int inner = p->space.ndim - 1;
    int64_t stride = slot->stride[inner];
    if ((stride == 0 || stride == 1) && at->index[inner] + n <= p->space.dim[inner])
        return (operand_block){slot->data + offset_of(p, slot, at) * slot->element, stride == 0};
    gather_range(p, slot, *at, n, into);
    return (operand_block){into, false};
}

static operand_block compute_block(const tn_program *p, const tn_slot *slot, const operand_block *block, int64_t n,
                                   char *out, char *spread) {
    const void *at[TN_MAX_OPERANDS] = {NULL, NULL, NULL};
    int form = 0;
    for (int j = 0; j < slot->n_operands; j++) {
        at[j] = block[slot->operand[j]].at;
        form |= block[slot->operand[j]].scalar << j;
    }
    bool scalar = form == (1 << slot->n_operands) - 1; /* nothing varies: one element will do */
    if (scalar) {
        n = 1;
        form = 0;
    } else if (slot->instruction == TN_WHERE && form & TN_A_SCALAR) {
        p->kernels->fill[0](n, spread, at[0]);
        at[0] = spread;
        form -= TN_A_SCALAR;
    }
    slot->kernels[form](n, out, at[0], at[1], at[2]);
    return (operand_block){out, scalar};
}

/* One element, which may be at to itself, n times. */
static operand_block spread_out(const tn_program *p, const tn_slot *slot, const char *element, int64_t n, char *to) {
    char copy[8];
    memcpy(copy, element, (size_t)slot->element);
    p->kernels->fill[size_index(slot->element)](n, to, copy);
    return (operand_block){to, false};
}

/* Fills block with slots 0 ... n_slots - 1. */
static void run_slots(const tn_program *p, int n_slots, operand_block *block, char *workspace, int64_t start, int64_t n,
                      void *out) {
    char *spread = workspace + p->spread;
    place at = {{-1}};
    for (int i = 0; i < n_slots; i++) {
        const tn_slot *slot = &p->slot[i];
        char *into = i == p->n_slots - 1 && out ? out : workspace + slot->reg;
        switch (slot->kind) {
        case TN_SLOT_ABSORBED: break;
        case TN_SLOT_ROW_SUM: block[i] = (operand_block){(const char *)&row_of(slot, workspace)->sum, true}; break;
        case TN_SLOT_UNIFORM: block[i] = (operand_block){slot->data, true}; break;
        case TN_SLOT_IN_PLACE: block[i] = (operand_block){slot->data + start * slot->element, false}; break;
        case TN_SLOT_GATHERED:
            if (at.index[0] < 0) at = place_of(p, start);
            block[i] =
                slot->lasting ? read_transposed(p, slot, at, n, into, workspace) : read_strided(p, slot, &at, n, into);
            break;
        case TN_SLOT_COMPUTED:
            if (slot->keep) into = slot->keep->data + start * slot->element;
            block[i] = compute_block(p, slot, block, n, into, spread);
            if (slot->keep && block[i].scalar) block[i] = spread_out(p, slot, into, n, into); /* kept in full */
            break;
        }
    }
}

/* Two operands of slot number i, not yet combined: what they are as arrays. */
static const void *factors(const tn_program *p, int i, const operand_block *block, char *workspace, int64_t n,
                           const void **factor) {
    const tn_slot *slot = &p->slot[i];
    operand_block a = block[slot->operand[0]], b = block[slot->operand[1]];
    size_t free = slot->kind == TN_SLOT_ROW_SUM ? p->across : slot->reg;
    if (a.scalar) a = spread_out(p, slot, a.at, n, workspace + free);
    if (b.scalar) b = spread_out(p, slot, b.at, n, workspace + p->spread);
    *factor = b.at;
    return a.at;
}

/* The sum of the row that begins at start, of slot number i: as tn_value_reduce computes it. */
static float sum_row(const tn_program *p, int i, char *workspace, int64_t start) {
    const tn_slot *slot = &p->slot[i];
    operand_block block[TN_MAX_SLOTS];
    double partial[TN_MOST_PIECES], sum;
    int pieces = 0;
    for (int64_t at = 0, n; at < p->row; at += n) {
        n = smaller(TN_BLOCK, p->row - at);
        run_slots(p, i, block, workspace, start + at, n, NULL);
        if (slot->n_operands == 2) {
            const void *b, *a = factors(p, i, block, workspace, n, &b);
            p->kernels->dot[AT_FLOAT32](1, n, &partial[pieces++], a, n, b, n);
        } else {
            operand_block x = block[slot->operand[0]];
            if (x.scalar) x = spread_out(p, slot, x.at, n, workspace + p->spread);
            p->kernels->reduce[TN_SUM][AT_FLOAT32](1, n, &partial[pieces++], x.at);
        }
    }
    if (pieces == 1) return (float)partial[0];
    p->kernels->reduce_add[AT_FLOAT32](1, pieces, &sum, partial);
    return (float)sum;
}

/* The sums of the row that start lies in. */
static void sum_rows(const tn_program *p, char *workspace, int64_t start) {
    int64_t number = start / p->row;
    for (int i = 0; i < p->n_slots; i++) {
        tn_row *row = row_of(&p->slot[i], workspace);
        if (p->slot[i].kind != TN_SLOT_ROW_SUM || row->number == number) continue;
        row->sum = sum_row(p, i, workspace, number * p->row);
        row->number = number;
    }
}

/* A range that crosses the ends of rows, where these are summed. */
static const void *run_by_rows(const tn_program *p, char *workspace, int64_t start, int64_t n, void *out) {
    const tn_slot *last = &p->slot[p->n_slots - 1];
    char *to = out ? out : workspace + p->across;
    for (int64_t done = 0, m; done < n; done += m) {
        m = smaller(n - done, p->row - (start + done) % p->row);
        tn_program_run(p, workspace, start + done, m, to + done * last->element);
    }
    return to;
}

static bool crosses_rows(const tn_program *p, int64_t start, int64_t n) {
    return p->row && start % p->row + n > p->row;
}

const void *tn_program_run(const tn_program *p, char *workspace, int64_t start, int64_t n, void *out) {
    operand_block block[TN_MAX_SLOTS];
    const tn_slot *last = &p->slot[p->n_slots - 1];
    if (crosses_rows(p, start, n)) return run_by_rows(p, workspace, start, n, out);
    if (p->row) sum_rows(p, workspace, start);
    run_slots(p, p->n_slots, block, workspace, start, n, out);
    operand_block result = block[p->n_slots - 1];
    if (result.scalar && n > 1) return spread_out(p, last, result.at, n, out ? out : workspace + last->reg).at;
    if (out && result.at != out) memcpy(out, result.at, (size_t)(n * last->element));
    return result.at;
}

const void *tn_program_run_factors(const tn_program *p, char *workspace, int64_t start, int64_t n,
                                   const void **factor) {
    operand_block block[TN_MAX_SLOTS];
    *factor = NULL;
    if (!p->product_left || crosses_rows(p, start, n)) return tn_program_run(p, workspace, start, n, NULL);
    if (p->row) sum_rows(p, workspace, start);
    run_slots(p, p->n_slots - 1, block, workspace, start, n, NULL);
    return factors(p, p->n_slots - 1, block, workspace, n, factor);
}

/* The same for the elements of a slot. */
static const void *side_by_side(const tn_program *p, const tn_slot *slot, int64_t start, int64_t *n) {
    int inner = p->space.ndim - 1;
    if (slot->kind == TN_SLOT_IN_PLACE) {
        *n = p->numel - start;
        return slot->data + start * slot->element;
    }
    if (slot->kind != TN_SLOT_GATHERED || slot->stride[inner] != 1) return NULL;
    place at = place_of(p, start);
    *n = p->space.dim[inner] - at.index[inner];
    return slot->data + offset_of(p, slot, &at) * slot->element;
}

const void *tn_program_stored(const tn_program *p, int64_t start, int64_t *n) {
    return p->n_slots == 1 ? side_by_side(p, &p->slot[0], start, n) : NULL;
}

/* Whether the slot's elements are stored, those of a row side by side. */
static bool has_rows(const tn_program *p, const tn_slot *slot) {
    return slot->kind == TN_SLOT_IN_PLACE || (slot->kind == TN_SLOT_GATHERED && slot->stride[p->space.ndim - 1] == 1);
}

int64_t tn_program_stored_factors(const tn_program *p, int64_t start, int64_t n, tn_factors *f) {
    const tn_slot *last = &p->slot[p->n_slots - 1];
    if (!p->product_left || p->n_slots > 3) return 0;
    const tn_slot *a = &p->slot[last->operand[0]], *b = &p->slot[last->operand[1]];
    if (!has_rows(p, a) || !has_rows(p, b)) return 0;
    int inner = p->space.ndim - 1;
    place at = place_of(p, start);
    bool whole_rows = inner > 0 && n == p->space.dim[inner];
    f->a = a->data + offset_of(p, a, &at) * a->element;
    f->b = b->data + offset_of(p, b, &at) * b->element;
    f->a_row = whole_rows ? a->stride[inner - 1] : n;
    f->b_row = whole_rows ? b->stride[inner - 1] : n;
    return whole_rows ? p->space.dim[inner - 1] - at.index[inner - 1] : (p->space.dim[inner] - at.index[inner]) / n;
}

int64_t tn_program_stored_multiples(const tn_program *p, int64_t start, int64_t row, tn_factors *f) {
    const tn_slot *last = &p->slot[p->n_slots - 1];
    int inner = p->space.ndim - 1;
    bool product = p->n_slots == 3 && last->kind == TN_SLOT_COMPUTED && last->instruction == TN_MUL && !last->keep;
    if (!product || inner == 0 || p->space.dim[inner] != row || last->operand[0] == last->operand[1]) return 0;
    const tn_slot *a = &p->slot[last->operand[0]], *b = &p->slot[last->operand[1]];
    if (!has_rows(p, a)) a = b, b = &p->slot[last->operand[0]];
    if (!has_rows(p, a) || b->kind != TN_SLOT_GATHERED || b->stride[inner] != 0) return 0;
    place at = place_of(p, start);
    f->a = a->data + offset_of(p, a, &at) * a->element;
    f->b = b->data + offset_of(p, b, &at) * b->element;
    f->a_row = a->stride[inner - 1];
    f->b_row = b->stride[inner - 1];
    return p->space.dim[inner - 1] - at.index[inner - 1];
}

int64_t tn_program_step(const tn_program *p, int64_t start, int64_t end) {
    int64_t row = p->space.dim[p->space.ndim - 1], n;
    if (p->in_one_go) return end - start;
    if (row >= TN_BLOCK / 4)
        n = row - start % row; /* long rows: broadcast operands stay scalars */
    else
        n = TN_BLOCK / row * row;
    if (n > TN_BLOCK) n = TN_BLOCK;
    return n < end - start ? n : end - start;
}
