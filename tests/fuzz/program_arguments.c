/* tests/fuzz/program_arguments.c - taking what an operation is called with from bytes. */
#include "program.h"

int pick(fuzz_bytes *b) {
    unsigned byte = fuzz_byte(b);
    int recent = n_slots < 4 ? n_slots : 4;
    return byte & 1 ? n_slots - 1 - (int)(byte >> 1) % recent : (int)(byte >> 1) % n_slots;
}

/* A slot of such a dtype if there is one. */
static int pick_dtype(fuzz_bytes *b, bool wanted(at_dtype)) {
    int start = pick(b);
    for (int i = 0; i < n_slots; i++)
        if (wanted(slots[(start + i) % n_slots].n.dtype)) return (start + i) % n_slots;
    return start;
}

int pick_floating(fuzz_bytes *b) { return fuzz_byte(b) < 24 ? pick(b) : pick_dtype(b, floating); }

at_shape some_shape(fuzz_bytes *b) {
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 17, 7, 8, 3, 2, 33, 0};
    at_shape shape = {.ndim = fuzz_below(b, 5)};
    int64_t n = 1;
    for (int d = 0; d < shape.ndim; d++) {
        shape.dim[d] = sizes[fuzz_below(b, 12)];
        if (n * shape.dim[d] > 300) shape.dim[d] = 2;
        n *= shape.dim[d];
    }
    return shape;
}

/* A slot that goes with a tensor: one of just that shape and dtype, or a new one. */
static int partner(fuzz_bytes *b, at_shape shape, at_dtype dtype, int n) {
    unsigned byte = fuzz_byte(b);
    for (int i = 0, at = (int)byte % n_slots; i < n_slots && byte & 64; i++) {
        const naive *x = &slots[(at + i) % n_slots].n;
        bool same = x->dtype == dtype && x->shape.ndim == shape.ndim;
        for (int d = 0; d < shape.ndim && same; d++) same = x->shape.dim[d] == shape.dim[d];
        if (same) return (at + i) % n_slots;
    }
    slot *s = fresh(byte, shape, dtype, n);
    if (s && floating(dtype) && byte & 128 && !tape_paused) require_gradient(s);
    return s ? n_slots - 1 : pick(b);
}

/* A shape that broadcasts with that of x: sizes left out in front, or 1. */
static at_shape broadcast_like(fuzz_bytes *b, const at_shape *shape) {
    unsigned byte = fuzz_byte(b);
    int drop = shape->ndim && byte & 1 ? (int)(byte >> 1) % (shape->ndim + 1) : 0;
    at_shape y = {.ndim = shape->ndim - drop};
    for (int d = 0; d < y.ndim; d++) y.dim[d] = byte >> (3 + d % 4) & 1 ? 1 : shape->dim[drop + d];
    return y;
}

static at_operand some_number(fuzz_bytes *b) {
    static const double reals[] = {0.5, 2, -1.5, 0, 1, 3, -1, 0.1, -0.5, 7};
    unsigned byte = fuzz_byte(b);
    if (byte % 8 == 7) return at_operand_bool(byte & 16);
    if (byte % 4 == 3) return at_operand_integer((int64_t)(byte >> 3) % 5);
    double x = reals[(byte >> 2) % 10];
    return at_operand_float(x == 0.1 ? (double)0.1f : x);
}

static void take_two(fuzz_bytes *b, call *c, int *inputs) {
    unsigned byte = fuzz_byte(b);
    int other = byte & 1;
    inputs[0] = pick_floating(b);
    const naive *x = &slots[inputs[0]].n;
    if (byte & 2) {
        c->operand[1] = some_number(b);
    } else {
        at_dtype dtype = byte & 8 ? (at_dtype)(byte >> 4 & 3) : x->dtype;
        inputs[1] = byte & 4 ? pick(b) : partner(b, broadcast_like(b, &x->shape), dtype, 5);
    }
    if (!other) return;
    int swapped = inputs[0];
    at_operand operand0 = c->operand[0];
    inputs[0] = inputs[1], inputs[1] = swapped;
    c->operand[0] = c->operand[1], c->operand[1] = operand0;
}

static void take_mask(fuzz_bytes *b, int *inputs, int mask_at) {
    at_shape shape = slots[inputs[0] >= 0 ? inputs[0] : inputs[1]].n.shape;
    inputs[mask_at] = fuzz_byte(b) < 8 ? pick(b) : partner(b, broadcast_like(b, &shape), AT_BOOL, 2);
}

static void take_index(fuzz_bytes *b, call *c, int *inputs, kind k) {
    const at_shape *shape = &slots[inputs[0]].n.shape;
    unsigned byte = fuzz_byte(b);
    int dim = c->dim < 0 ? c->dim + shape->ndim : c->dim;
    int64_t n = dim >= 0 && dim < shape->ndim ? shape->dim[dim] : 1;
    at_shape of_index = *shape;
    if (k == INDEX) of_index = AT_SHAPE(byte % 7);
    if (k != INDEX && dim >= 0 && dim < shape->ndim) of_index.dim[dim] = byte % 5;
    c->flag = byte & 64;
    inputs[1] = byte < 8 ? pick(b) : partner(b, of_index, AT_INT64, (int)(byte > 250 ? n + 1 : n ? n : 1));
}

/* A second factor: its rows are the columns of the first. */
static void take_factor(fuzz_bytes *b, int *inputs, kind k) {
    if (k == BATCHES)
        for (int i = 0; i < n_slots && slots[inputs[0]].n.shape.ndim != 3; i++) inputs[0] = i;
    const naive *x = &slots[inputs[0]].n;
    at_shape shape = x->shape;
    unsigned byte = fuzz_byte(b);
    if (byte < 16) {
        inputs[1] = pick(b);
        return;
    }
    int64_t inner = shape.ndim ? shape.dim[shape.ndim - 1] : 1, columns = 1 + byte % 5;
    int batch = k == BATCHES ? shape.ndim - 2 : (int)(byte >> 4) % 3;
    at_shape y = {.ndim = 0};
    for (int d = 0; d < batch && shape.ndim - 2 - batch + d >= 0; d++)
        y.dim[y.ndim++] = k != BATCHES && byte & 8 ? 1 : shape.dim[shape.ndim - 2 - batch + d];
    y.dim[y.ndim++] = inner;
    if (k == BATCHES || byte % 4) y.dim[y.ndim++] = columns;
    inputs[1] = partner(b, y, x->dtype, 5);
}

static at_shape other_shape(fuzz_bytes *b, const at_shape *from) {
    int64_t numel = naive_numel(from);
    at_shape y = {.ndim = 1 + fuzz_below(b, 4)};
    for (int d = 0; d < y.ndim; d++) {
        int64_t size = 1 + fuzz_below(b, 8);
        while (numel && numel % size) size--;
        y.dim[d] = d + 1 < y.ndim ? size : numel;
        if (numel) numel /= size;
    }
    unsigned byte = fuzz_byte(b);
    if (byte & 1) y.dim[(byte >> 1) % (unsigned)y.ndim] = byte & 128 ? (int)byte % 5 : -1;
    return y;
}

static at_shape some_order(fuzz_bytes *b, const at_shape *shape) {
    at_shape order = {.ndim = shape->ndim};
    for (int d = 0; d < order.ndim; d++) order.dim[d] = d;
    for (int d = 0; d < order.ndim; d++) {
        int other = fuzz_below(b, order.ndim);
        int64_t kept = order.dim[d];
        order.dim[d] = order.dim[other], order.dim[other] = kept;
    }
    if (order.ndim && fuzz_byte(b) < 16) order.dim[0]--;
    return order;
}

static at_shape larger_shape(fuzz_bytes *b, const at_shape *shape, bool repeat) {
    unsigned byte = fuzz_byte(b);
    int lead = (int)byte % 3;
    at_shape y = {.ndim = lead + shape->ndim < AT_MAX_DIMS ? lead + shape->ndim : AT_MAX_DIMS};
    for (int d = 0; d < y.ndim; d++) {
        int64_t from = d < lead ? 1 : shape->dim[d - lead];
        y.dim[d] = repeat || from == 1 ? fuzz_below(b, 4) : byte & 32 ? -1 : from;
    }
    if (byte >= 250 && y.ndim) y.dim[0] = -1;
    return y;
}

void take_inputs(fuzz_bytes *b, kind k, call *c, int *inputs) {
    if (k == TWO) {
        take_two(b, c, inputs);
        return;
    }
    if (k == CHOOSE) {
        take_two(b, c, inputs);
        take_mask(b, inputs, 2);
        return;
    }
    inputs[0] = k == ONE ? pick(b) : pick_floating(b);
    const at_shape *shape = &slots[inputs[0]].n.shape;
    int ndim = shape->ndim ? shape->ndim : 1;
    unsigned byte = fuzz_byte(b);
    c->dim = byte < 240 ? (int)byte % (2 * ndim) - ndim : (int)byte % 21 - 10;
    c->dim1 = (int)(byte >> 4) % (2 * ndim) - ndim;
    byte = fuzz_byte(b);
    c->flag = byte & 1, c->all = byte & 2 || c->all;
    c->i = (byte >> 2) % 9 - 3, c->j = (byte >> 3) % 12 - 2, c->k = (byte >> 5) - (byte % 16 == 15);
    c->number = ((double)(byte % 32) - 20) / 8, c->other = c->number + (byte >> 5) * 0.375;
    c->dtype = (at_dtype)(byte & 3);
    if (k == MASK) take_mask(b, inputs, 1);
    if (k == INDEX || k == GATHER || k == SCATTER) take_index(b, c, inputs, k);
    if (k == SCATTER) inputs[2] = partner(b, slots[inputs[1]].n.shape, slots[inputs[0]].n.dtype, 5);
    if (k == PRODUCT || k == BATCHES) take_factor(b, inputs, k);
    if (k == SHAPE) c->shape = other_shape(b, shape);
    if (k == ORDER) c->shape = some_order(b, shape);
    if (k == EXPAND || k == REPEAT) c->shape = larger_shape(b, shape, k == REPEAT);
    if (k == LIST) {
        c->n = 1 + (int)(byte >> 4) % 3;
        for (int i = 1; i < c->n; i++)
            inputs[i] = byte & 8 ? pick(b) : partner(b, slots[inputs[0]].n.shape, (at_dtype)(byte & 1), 5);
    }
}
