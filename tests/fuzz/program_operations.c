/* tests/fuzz/program_operations.c - every operation of a program, performed three times. */
#include "program.h"

#include <string.h>

#include "fuzz.h"

/* ---- the operations in atled ------------------------------------------------------------------------------------- */

static at_tensor *library_unary(const call *c, at_tensor **x, at_tensor **extra) {
    static at_tensor *(*const f[UNARIES])(
        at_tensor *) = {at_neg,        at_abs, at_sign, at_square, at_relu,  at_floor,   at_ceil,
                        at_round,      at_exp, at_log,  at_log1p,  at_expm1, at_sqrt,    at_rsqrt,
                        at_reciprocal, at_sin, at_cos,  at_tan,    at_tanh,  at_sigmoid, at_erf};
    (void)extra;
    return f[c->variant](x[0]);
}

static at_operand operand(const call *c, at_tensor **x, int i) {
    return c->operand[i].kind == AT_OPERAND_TENSOR ? at_operand_tensor(x[i]) : c->operand[i];
}

static at_tensor *library_binary(const call *c, at_tensor **x, at_tensor **extra) {
    static at_tensor *(*const f[BINARIES])(at_operand,
                                           at_operand) = {at_add_operands,     at_sub_operands, at_mul_operands,
                                                          at_div_operands,     at_pow_operands, at_maximum_operands,
                                                          at_minimum_operands, at_eq_operands,  at_ne_operands,
                                                          at_lt_operands,      at_le_operands,  at_gt_operands,
                                                          at_ge_operands};
    (void)extra;
    return f[c->variant](operand(c, x, 0), operand(c, x, 1));
}

static at_tensor *library_reduce(const call *c, at_tensor **x, at_tensor **extra) {
    static at_tensor *(*const all[REDUCTIONS])(at_tensor *) = {at_sum, at_mean,      at_prod, at_max, at_min, at_var,
                                                               at_std, at_logsumexp, at_norm, at_any, at_all};
    static at_tensor *(*const dim[REDUCTIONS])(at_tensor *, int,
                                               bool) = {at_sum_dim, at_mean_dim, at_prod_dim, NULL,
                                                        NULL,       at_var_dim,  at_std_dim,  at_logsumexp_dim,
                                                        NULL,       at_any_dim,  at_all_dim};
    (void)extra;
    return c->all ? all[c->variant](x[0]) : dim[c->variant](x[0], c->dim, c->flag);
}

#define LIBRARY(name, expression)                                                                                      \
    static at_tensor *library_##name(const call *c, at_tensor **x, at_tensor **extra) {                                \
        (void)c, (void)extra;                                                                                          \
        return expression;                                                                                             \
    }
LIBRARY(logical, c->variant ? at_logical_or(x[0], x[1]) : at_logical_and(x[0], x[1]))
LIBRARY(not, at_logical_not(x[0]))
LIBRARY(where, at_where_operands(x[2], operand(c, x, 0), operand(c, x, 1)))
LIBRARY(masked_fill, at_masked_fill_operand(x[1], x[2], operand(c, x, 0)))
LIBRARY(clamp, at_clamp(x[0], c->number, c->other))
LIBRARY(leaky_relu, at_leaky_relu(x[0], c->number))
LIBRARY(gelu, at_gelu(x[0]))
LIBRARY(silu, at_silu(x[0]))
LIBRARY(softplus, at_softplus(x[0]))
LIBRARY(to, at_to(x[0], c->dtype))
LIBRARY(contiguous, at_contiguous(x[0]))
LIBRARY(max_dim, c->variant ? at_min_dim(x[0], c->dim, c->flag, extra) : at_max_dim(x[0], c->dim, c->flag, extra))
LIBRARY(argmax, c->variant ? at_argmin(x[0], c->dim, c->flag) : at_argmax(x[0], c->dim, c->flag))
LIBRARY(cumsum, at_cumsum(x[0], c->dim))
LIBRARY(softmax, c->variant ? at_log_softmax(x[0], c->dim) : at_softmax(x[0], c->dim))
LIBRARY(reshape, at_reshape_shape(x[0], c->shape))
LIBRARY(permute, at_permute_shape(x[0], c->shape))
LIBRARY(transpose, at_transpose(x[0], c->dim, c->dim1))
LIBRARY(expand, at_expand_shape(x[0], c->shape))
LIBRARY(repeat, at_repeat_shape(x[0], c->shape))
LIBRARY(unsqueeze, at_unsqueeze(x[0], c->dim))
LIBRARY(squeeze, at_squeeze(x[0], c->dim))
LIBRARY(flatten, at_flatten(x[0]))
LIBRARY(slice, at_slice(x[0], c->dim, c->i, c->j, c->k))
LIBRARY(select, at_select(x[0], c->dim, c->i))
LIBRARY(cat, at_cat_list(c->dim, x, c->n))
LIBRARY(stack, at_stack_list(c->dim, x, c->n))
LIBRARY(flip, at_flip(x[0], c->dim))
LIBRARY(tril, c->variant ? at_triu(x[0], c->k) : at_tril(x[0], c->k))
LIBRARY(repeat_interleave, c->all ? at_repeat_interleave(x[0], c->k) : at_repeat_interleave_dim(x[0], c->k, c->dim))
LIBRARY(sort, c->variant ? at_argsort(x[0], c->dim, c->flag) : at_sort(x[0], c->dim, c->flag, extra))
LIBRARY(topk, at_topk(x[0], c->k, c->dim, extra))
LIBRARY(masked_select, at_masked_select(x[0], x[1]))
LIBRARY(index_select, at_index_select(x[0], c->dim, x[1]))
LIBRARY(gather, at_gather(x[0], c->dim, x[1]))
LIBRARY(scatter_add, at_scatter_add(x[0], c->dim, x[1], x[2]))
LIBRARY(one_hot, at_one_hot(x[0], c->k))
LIBRARY(matmul, at_matmul(x[0], x[1]))
LIBRARY(bmm, at_bmm(x[0], x[1]))

/* ---- one operation, three times ---------------------------------------------------------------------------------- */

void add_result(at_tensor *const *t, const naive *n, int operation, bool wants) {
    for (int r = 0; r < RUNS; r++) {
        at_shape shape = at_shape_of(t[r]);
        FUZZ_CHECK(shape.ndim == n->shape.ndim && at_dtype_of(t[r]) == n->dtype,
                   "%d dimensions, not %d; dtype %d, not %d", shape.ndim, n->shape.ndim, (int)at_dtype_of(t[r]),
                   (int)n->dtype);
        for (int d = 0; d < shape.ndim; d++)
            FUZZ_CHECK(shape.dim[d] == n->shape.dim[d], "size %lld of dimension %d is not %lld",
                       (long long)shape.dim[d], d, (long long)n->shape.dim[d]);
        FUZZ_CHECK(at_requires_grad(t[r]) == wants, "requires_grad is not %d", wants);
    }
    if (n_slots == SLOTS) return;
    slots[n_slots++] = (slot){{t[DEFERRED], t[EAGER]}, *n, wants, wants, -1, operation};
    tell_slot(n_slots - 1);
}

/* The same elements, which know nothing of where they came from. */
bool cut_off(const naive *x, naive *y) {
    bool paused = tape_paused;
    if (!naive_new(y, x->shape, x->dtype)) return false;
    int64_t n = naive_numel(&y->shape);
    tape_paused = true;
    for (int64_t i = 0; i < n; i++) y->at[i] = tape_copy(x->at[i], precision_of(y->dtype));
    tape_paused = paused;
    return !naive_is_full();
}

/* False where the program has to end: what follows depends on what is not known. */
bool perform(const char *name, library_function *library, naive_function *function, const call *c, const int *inputs) {
    naive x[MOST_INPUTS] = {{.shape = {.ndim = 0}}}, y = {.at = NULL}, extra = {.at = NULL};
    at_tensor *t[RUNS], *more[RUNS] = {NULL, NULL};
    bool wants = false;
    int mark = tape_mark();
    tell(name, inputs);
    int operation = tape_next_operation();
    for (int i = 0; i < MOST_INPUTS; i++) {
        if (inputs[i] < 0) continue;
        x[i] = slots[inputs[i]].n, wants = wants || slots[inputs[i]].wants;
        tape_depends_on(slots[inputs[i]].operation);
    }
    bool right = function(c, x, &y, &extra);
    if (naive_is_full() || naive_lost) {
        tape_cut(mark);
        return !naive_lost;
    }
    char message[512] = "";
    for (int r = 0; r < RUNS; r++) {
        at_tensor *in[MOST_INPUTS] = {NULL};
        for (int i = 0; i < MOST_INPUTS; i++)
            if (inputs[i] >= 0) in[i] = slots[inputs[i]].t[r];
        at_set_eager(r == EAGER);
        t[r] = library(c, in, &more[r]);
        FUZZ_CHECK((t[r] != NULL) == right, "%s: %s", name, at_error() ? at_error() : "no error, but it should be one");
        FUZZ_CHECK(right == !at_error(), "%s: %s", name, at_error() ? at_error() : "no message");
        if (!right && r == DEFERRED) snprintf(message, sizeof message, "%s", at_error());
        FUZZ_CHECK(right || strncmp(message, at_error(), sizeof message - 1) == 0, "%s, but eager %s", message,
                   at_error());
        at_clear_error();
    }
    counts.operations++;
    counts.errors += !right;
    if (!right) return true;
    naive apart;
    if (tape_paused && !cut_off(&y, &apart)) return true;
    if (tape_paused) y = apart; /* a view's elements are those of what is looked at */
    add_result(t, &y, operation, wants && !tape_paused && floating(y.dtype));
    if (more[DEFERRED] && extra.at) add_result(more, &extra, operation, false);
    return true;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

#define UNARY(name)                                                                                                    \
    { #name, REAL, library_unary, naive_unary, name, false }
#define BINARY(name)                                                                                                   \
    { #name, TWO, library_binary, naive_binary, name, false }
#define REDUCTION(name)                                                                                                \
    { #name, REAL, library_reduce, naive_reduce, name, name == MAX || name == MIN || name == NORM }
#define OTHER(name, kind, variant)                                                                                     \
    { #name, kind, library_##name, naive_##name, variant, false }

const table_row operations[] = {UNARY(NEG),
                                UNARY(ABS),
                                UNARY(SIGN),
                                UNARY(SQUARE),
                                UNARY(RELU),
                                UNARY(FLOOR),
                                UNARY(CEIL),
                                UNARY(ROUND),
                                UNARY(EXP),
                                UNARY(LOG),
                                UNARY(LOG1P),
                                UNARY(EXPM1),
                                UNARY(SQRT),
                                UNARY(RSQRT),
                                UNARY(RECIPROCAL),
                                UNARY(SIN),
                                UNARY(COS),
                                UNARY(TAN),
                                UNARY(TANH),
                                UNARY(SIGMOID),
                                UNARY(ERF),
                                BINARY(ADD),
                                BINARY(SUB),
                                BINARY(MUL),
                                BINARY(DIV),
                                BINARY(POW),
                                BINARY(MAXIMUM),
                                BINARY(MINIMUM),
                                BINARY(EQ),
                                BINARY(NE),
                                BINARY(LT),
                                BINARY(LE),
                                BINARY(GT),
                                BINARY(GE),
                                BINARY(ADD),
                                BINARY(SUB),
                                BINARY(MUL),
                                BINARY(MUL),
                                REDUCTION(SUM),
                                REDUCTION(MEAN),
                                REDUCTION(PROD),
                                REDUCTION(MAX),
                                REDUCTION(MIN),
                                REDUCTION(VAR),
                                REDUCTION(STD),
                                REDUCTION(LOGSUMEXP),
                                REDUCTION(NORM),
                                REDUCTION(ANY),
                                REDUCTION(ALL),
                                OTHER(logical, MASK, 0),
                                OTHER(logical, MASK, 1),
                                OTHER(not, ONE, 0),
                                OTHER(where, CHOOSE, 0),
                                OTHER(masked_fill, CHOOSE, 0),
                                OTHER(clamp, REAL, 0),
                                OTHER(leaky_relu, REAL, 0),
                                OTHER(gelu, REAL, 0),
                                OTHER(silu, REAL, 0),
                                OTHER(softplus, REAL, 0),
                                OTHER(to, ONE, 0),
                                OTHER(max_dim, REAL, 0),
                                OTHER(max_dim, REAL, 1),
                                OTHER(argmax, REAL, 0),
                                OTHER(argmax, REAL, 1),
                                OTHER(cumsum, REAL, 0),
                                OTHER(softmax, REAL, 0),
                                OTHER(softmax, REAL, 1),
                                OTHER(reshape, SHAPE, 0),
                                OTHER(permute, ORDER, 0),
                                OTHER(transpose, ONE, 0),
                                OTHER(expand, EXPAND, 0),
                                OTHER(repeat, REPEAT, 0),
                                OTHER(unsqueeze, ONE, 0),
                                OTHER(squeeze, ONE, 0),
                                OTHER(flatten, ONE, 0),
                                OTHER(slice, ONE, 0),
                                OTHER(select, ONE, 0),
                                OTHER(cat, LIST, 0),
                                OTHER(stack, LIST, 0),
                                OTHER(flip, ONE, 0),
                                OTHER(tril, ONE, 0),
                                OTHER(tril, ONE, 1),
                                OTHER(repeat_interleave, ONE, 0),
                                OTHER(sort, REAL, 0),
                                OTHER(sort, REAL, 1),
                                OTHER(topk, REAL, 0),
                                OTHER(masked_select, MASK, 0),
                                OTHER(index_select, INDEX, 0),
                                OTHER(gather, GATHER, 0),
                                OTHER(scatter_add, SCATTER, 0),
                                OTHER(one_hot, ONE, 0),
                                OTHER(matmul, PRODUCT, 0),
                                OTHER(bmm, BATCHES, 0),
                                {"contiguous", ONE, library_contiguous, naive_copy, 0, false}};
const int n_operations = sizeof operations / sizeof *operations;
