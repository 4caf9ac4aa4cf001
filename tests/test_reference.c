/* tests/test_reference.c - every operation against PyTorch: values, dtypes, gradients, random streams, training.
 *
 * The cases stand in tests/reference/, whose generate.py describes the format. Each case runs twice, deferred and eager;
 * both must agree with PyTorch, and with each other to the last bit. One family: CK_RUN_CASE=reductions. */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reference_call.h"
#include "reference_reader.h"

#ifndef REFERENCE_FOLDER
#define REFERENCE_FOLDER "tests/reference" /* from the repository's root, where make check runs */
#endif

enum { MAX_REGISTERS = 256, MAX_KEPT = 512 };

/* ---- operations: from the name in a step to a call of the public function ---------------------------------------- */

/* Operations of equal signature: a list of names, and one line that defines a function for each. */
/* clang-format off */
#define WITH_OPERANDS(X) X(add) X(sub) X(mul) X(div) X(pow) X(maximum) X(minimum) X(eq) X(ne) X(lt) X(le) X(gt) X(ge)
#define WITH_TENSOR(X)                                                                                                  \
    X(neg) X(abs) X(sign) X(exp) X(log) X(log1p) X(expm1) X(sqrt) X(rsqrt) X(square) X(reciprocal) X(sin) X(cos) X(tan) \
    X(tanh) X(sigmoid) X(relu) X(gelu) X(silu) X(softplus) X(erf) X(floor) X(ceil) X(round) X(logical_not)              \
    X(contiguous) X(sum) X(mean) X(prod) X(max) X(min) X(var) X(std) X(logsumexp) X(norm) X(any) X(all) X(flatten)      \
    X(detach) X(zeros_like) X(ones_like) X(rand_like) X(randn_like)
#define WITH_TENSORS(X) X(logical_and) X(logical_or) X(masked_select) X(bmm) X(matmul)
#define WITH_DIM(X)     X(cumsum) X(softmax) X(log_softmax) X(unsqueeze) X(squeeze) X(flip)
#define WITH_DIM_KEEPDIM(X)                                                                                            \
    X(sum_dim) X(mean_dim) X(prod_dim) X(var_dim) X(std_dim) X(logsumexp_dim) X(any_dim) X(all_dim) X(argmax) X(argmin)
#define WITH_DIM_KEEPDIM_INDICES(X) X(max_dim) X(min_dim)
#define WITH_SHAPE(X)               X(reshape) X(permute) X(expand) X(repeat)
#define WITH_K(X)                   X(tril) X(triu)
#define WITH_N(X)                   X(repeat_interleave) X(one_hot)
#define WITH_LIST(X)                X(cat) X(stack)
#define NEW_OF_SHAPE(X)             X(zeros) X(ones) X(rand) X(randn)
#define NEW_OF_N(X)                 X(eye) X(randperm)
/* clang-format on */

#define DEFINE                   REFERENCE_DEFINE
#define DEFINE_OPERANDS(name)    DEFINE(name, at_##name##_operands(c->operand[0], c->operand[1]))
#define DEFINE_TENSOR(name)      DEFINE(name, at_##name(tensor(c, 0)))
#define DEFINE_TENSORS(name)     DEFINE(name, at_##name(tensor(c, 0), tensor(c, 1)))
#define DEFINE_DIM(name)         DEFINE(name, at_##name(tensor(c, 0), small(c, "dim")))
#define DEFINE_DIM_KEEPDIM(name) DEFINE(name, at_##name(tensor(c, 0), small(c, "dim"), flag(c, "keepdim")))
#define DEFINE_DIM_KEEPDIM_INDICES(name)                                                                               \
    DEFINE(name, at_##name(tensor(c, 0), small(c, "dim"), flag(c, "keepdim"), &c->result[1]))
#define DEFINE_SHAPE(name)    DEFINE(name, at_##name##_shape(tensor(c, 0), shape(c)))
#define DEFINE_K(name)        DEFINE(name, at_##name(tensor(c, 0), integer(c, "k")))
#define DEFINE_N(name)        DEFINE(name, at_##name(tensor(c, 0), integer(c, "n")))
#define DEFINE_LIST(name)     DEFINE(name, at_##name##_list(small(c, "dim"), tensors(c), c->n))
#define DEFINE_NEW(name)      DEFINE(name, at_##name##_shape(shape(c)))
#define DEFINE_NEW_OF_N(name) DEFINE(name, at_##name(integer(c, "n")))

static at_tensor **tensors(const call *c) {
    static at_tensor *list[MAX_OPERANDS];
    for (int i = 0; i < c->n; i++) list[i] = tensor(c, i);
    return list;
}

static at_tensor *truth(bool value) { return at_from_bools_shape(&value, AT_SHAPE_SCALAR); }

static at_reduction reduction(const call *c) {
    char first = argument(c, "reduction")[0];
    return first == 'n' ? AT_NONE : first == 'm' ? AT_MEAN : AT_SUM;
}

WITH_OPERANDS(DEFINE_OPERANDS)
WITH_TENSOR(DEFINE_TENSOR)
WITH_TENSORS(DEFINE_TENSORS)
WITH_DIM(DEFINE_DIM)
WITH_DIM_KEEPDIM(DEFINE_DIM_KEEPDIM)
WITH_DIM_KEEPDIM_INDICES(DEFINE_DIM_KEEPDIM_INDICES)
WITH_SHAPE(DEFINE_SHAPE)
WITH_K(DEFINE_K)
WITH_N(DEFINE_N)
WITH_LIST(DEFINE_LIST)
NEW_OF_SHAPE(DEFINE_NEW)
NEW_OF_N(DEFINE_NEW_OF_N)

DEFINE(leaky_relu, at_leaky_relu(tensor(c, 0), real(c, "slope")))
DEFINE(clamp, at_clamp(tensor(c, 0), real(c, "lo"), real(c, "hi")))
DEFINE(where, at_where_operands(tensor(c, 0), c->operand[1], c->operand[2]))
DEFINE(masked_fill, at_masked_fill_operand(tensor(c, 0), tensor(c, 1), c->operand[2]))
DEFINE(to, at_to(tensor(c, 0), reference_dtype(argument(c, "dtype"))))
DEFINE(transpose, at_transpose(tensor(c, 0), small(c, "dim0"), small(c, "dim1")))
DEFINE(slice, at_slice(tensor(c, 0), small(c, "dim"), integer(c, "start"), integer(c, "end"), integer(c, "step")))
DEFINE(select, at_select(tensor(c, 0), small(c, "dim"), integer(c, "index")))
DEFINE(repeat_interleave_dim, at_repeat_interleave_dim(tensor(c, 0), integer(c, "n"), small(c, "dim")))
DEFINE(sort, at_sort(tensor(c, 0), small(c, "dim"), flag(c, "descending"), &c->result[1]))
DEFINE(argsort, at_argsort(tensor(c, 0), small(c, "dim"), flag(c, "descending")))
DEFINE(topk, at_topk(tensor(c, 0), integer(c, "k"), small(c, "dim"), &c->result[1]))
DEFINE(index_select, at_index_select(tensor(c, 0), small(c, "dim"), tensor(c, 1)))
DEFINE(gather, at_gather(tensor(c, 0), small(c, "dim"), tensor(c, 1)))
DEFINE(scatter_add, at_scatter_add(tensor(c, 0), small(c, "dim"), tensor(c, 1), tensor(c, 2)))
DEFINE(mse_loss, at_mse_loss(tensor(c, 0), tensor(c, 1), reduction(c)))
DEFINE(allclose, truth(at_allclose(tensor(c, 0), tensor(c, 1), real(c, "rtol"), real(c, "atol"))))
DEFINE(equal, truth(at_equal(tensor(c, 0), tensor(c, 1))))
DEFINE(full, at_full_shape(real(c, "value"), shape(c)))
DEFINE(arange, at_arange(real(c, "start"), real(c, "end"), real(c, "step")))
DEFINE(linspace, at_linspace(real(c, "start"), real(c, "end"), integer(c, "steps")))
DEFINE(scalar, at_scalar(real(c, "value")))
DEFINE(normal, at_normal_shape(real(c, "mean"), real(c, "std"), shape(c)))
DEFINE(randint, at_randint_shape(integer(c, "low"), integer(c, "high"), shape(c)))

static void run_manual_seed(call *c) { at_manual_seed(strtoull(argument(c, "seed"), NULL, 10)); }
static void run_default_dtype(call *c) { at_set_default_dtype(reference_dtype(argument(c, "dtype"))); }

static void run_no_grad_square(call *c) {
    AT_NO_GRAD { c->result[0] = at_square(tensor(c, 0)); }
}

/* Results: predictions and attention weights, for a given w. */
static void run_nw_forward(call *c) {
    NWKernelRegression *net = at_nw_kernel_regression();
    if (!net) return;
    float *w = at_floats_mut(net->w);
    if (w) *w = (float)at_item(tensor(c, 3));
    c->result[0] = at_nw_kernel_regression_forward(net, tensor(c, 0), tensor(c, 1), tensor(c, 2));
    c->result[1] = at_detach(net->attention_weights);
    at_module_free(&net->module);
}

/* 20 steps on a bounded non-linear problem in p and q; no gradient ever reaches r. Results: all three after each 5 steps. */
static void run_sgd(call *c) {
    at_tensor *a = tensor(c, 0), *b = tensor(c, 1), *p = tensor(c, 2), *q = tensor(c, 3), *r = tensor(c, 4);
    at_parameter_list list = {3, (at_tensor *[]){p, q, r}};
    at_optimizer *trainer = at_sgd(list, .lr = real(c, "lr"), .momentum = real(c, "momentum"),
                                   .dampening = real(c, "dampening"), .weight_decay = real(c, "weight_decay"),
                                   .nesterov = flag(c, "nesterov"), .maximize = flag(c, "maximize"));
    for (int step = 0; trainer && step < 20; step++) {
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *fit = at_sum(at_square(at_sub(at_tanh(at_matmul(a, p)), b)));
            at_tensor *size = at_mul(0.15, at_sum(at_square(p)));
            at_tensor *product = at_mul(0.1, at_mul(q, at_sum(at_sin(p))));
            at_backward(at_add(at_add(at_add(fit, size), product), at_mul(0.2, at_square(q))));
            at_optimizer_step(trainer);
        }
        if (step % 5 == 4) {
            for (int i = 0; i < 3; i++) c->result[step / 5 * 3 + i] = at_detach(list.items[i]);
        }
    }
    at_optimizer_free(trainer);
}

/* The main program of the chapter. Results: the losses of all epochs, and w. */
static void run_train_nadaraya_watson(call *c) {
    int64_t n = integer(c, "n"), epochs = integer(c, "epochs");
    double losses[16] = {0};
    at_manual_seed((uint64_t)integer(c, "seed"));
    at_tensor *x = at_sort(at_mul(at_rand(n), 5), 0, false, NULL);
    at_tensor *noise = at_normal(0, 0.5, n);
    at_tensor *y = at_add(at_add(at_mul(2, at_sin(x)), at_pow(x, 0.8)), noise);
    at_tensor *others = at_to(at_sub(1, at_eye(n)), AT_BOOL);
    at_tensor *keys = at_reshape(at_masked_select(at_repeat(x, n, 1), others), n, -1);
    at_tensor *values = at_reshape(at_masked_select(at_repeat(y, n, 1), others), n, -1);
    NWKernelRegression *net = at_nw_kernel_regression();
    if (!net) return;
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = real(c, "lr"));
    for (int64_t epoch = 0; epoch < epochs; epoch++) {
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *loss = at_sum(at_mse_loss(at_nw_kernel_regression_forward(net, x, keys, values), y, AT_NONE));
            at_backward(loss);
            at_optimizer_step(trainer);
            losses[epoch] = at_item(loss);
        }
    }
    c->result[0] = at_from_doubles(losses, epochs);
    c->result[1] = at_detach(net->w);
    at_optimizer_free(trainer);
    at_module_free(&net->module);
}

/* clang-format off */
#define ROW REFERENCE_ROW
static const reference_operation operations[] = {
    WITH_OPERANDS(ROW) WITH_TENSOR(ROW) WITH_TENSORS(ROW) WITH_DIM(ROW) WITH_DIM_KEEPDIM(ROW) WITH_DIM_KEEPDIM_INDICES(ROW)
    WITH_SHAPE(ROW) WITH_K(ROW) WITH_N(ROW) WITH_LIST(ROW) NEW_OF_SHAPE(ROW) NEW_OF_N(ROW)
    ROW(leaky_relu) ROW(clamp) ROW(where) ROW(masked_fill) ROW(to) ROW(transpose) ROW(slice) ROW(select)
    ROW(repeat_interleave_dim) ROW(sort) ROW(argsort) ROW(topk) ROW(index_select) ROW(gather) ROW(scatter_add)
    ROW(mse_loss) ROW(allclose) ROW(equal) ROW(full) ROW(arange) ROW(linspace) ROW(scalar) ROW(normal) ROW(randint)
    ROW(manual_seed) ROW(default_dtype) ROW(no_grad_square) ROW(nw_forward) ROW(sgd) ROW(train_nadaraya_watson)
    {NULL, NULL}
};
/* clang-format on */

static const reference_operation *find_operation(const char *name) {
    const reference_operation *const tables[] = {operations, reference_layers, reference_optimizers,
                                                 reference_attention};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const reference_operation *o = tables[t]; o->name; o++)
            if (strcmp(o->name, name) == 0) return o;
    return NULL;
}

/* ---- running a case ---------------------------------------------------------------------------------------------- */

typedef struct {
    const reference_case *reference;
    bool eager;
    at_operand registers[MAX_REGISTERS]; /* inputs, numbers, first results of steps */
    int n_registers;
    at_tensor *leaves[MAX_REGISTERS]; /* the inputs that take a gradient, and which registers they are */
    int leaf_register[MAX_REGISTERS];
    int n_leaves;
    const char *step; /* the last step's line, its results, and how many have been compared */
    at_tensor *result[MAX_RESULTS];
    int n_compared;
    at_tensor *covectors[MAX_OPERANDS];
    int n_covectors;
    at_tensor *gradients[MAX_REGISTERS], *second[MAX_REGISTERS];
    bool have_gradients, have_second;
    struct {
        at_tensor *tensor;
        int line;
    } kept[MAX_KEPT]; /* everything that was compared, for comparing the two runs */
    int n_kept;
    int line; /* of the file */
    char report[6000];
    size_t length;
} run;

static void complain(run *r, const char *format, ...) {
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int n = snprintf(r->report + r->length, sizeof r->report - r->length, "\n%s:%d: %s: %s%s: %s", r->reference->path,
                     r->line, r->reference->title, r->step ? r->step : "input", r->eager ? " (eager)" : "", text);
    r->length += n > 0 ? (size_t)n : 0;
    if (r->length >= sizeof r->report) r->length = sizeof r->report - 1;
}

/* Reports an error that a call has left, and goes on without it. */
static void complain_of_error(run *r) {
    if (at_error()) complain(r, "error: %s", at_error());
    at_clear_error();
}

static const void *elements(at_tensor *t) {
    switch (at_dtype_of(t)) {
    case AT_FLOAT32: return at_floats(t);
    case AT_FLOAT64: return at_doubles(t);
    case AT_INT64: return at_int64s(t);
    case AT_BOOL: break;
    }
    return at_bools(t);
}

static bool close_to(double actual, double expected, double relative, double absolute) {
    if (isnan(expected)) return isnan(actual);
    if (isinf(expected)) return actual == expected;
    return fabs(actual - expected) <= relative * fabs(expected) + absolute;
}

static void compare_reals(run *r, const char *what, const reference_values *expected, const void *actual) {
    int64_t n = reference_stored(expected), differ = 0, first = -1;
    double checksum = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = expected->some && i >= 8 ? expected->numel - 16 + i : i;
        if (close_to(reference_real(expected->dtype, actual, at),
                     reference_real(expected->dtype, expected->elements, i), expected->relative, expected->absolute))
            continue;
        if (differ++ == 0) first = i;
    }
    if (differ > 0) {
        int64_t at = expected->some && first >= 8 ? expected->numel - 16 + first : first;
        complain(
            r, "%s, element %lld of %lld: expected %.17g, got %.17g (%lld differ; tolerance %g relative, %g absolute)",
            what, (long long)at, (long long)expected->numel, reference_real(expected->dtype, expected->elements, first),
            reference_real(expected->dtype, actual, at), (long long)differ, expected->relative, expected->absolute);
    }
    for (int64_t i = 0; expected->some && i < expected->numel; i++) {
        double term = (double)(i % 7 + 1) * reference_real(expected->dtype, actual, i);
        checksum += term;
        size += fabs(term);
    }
    /* Float64 sums of exactly equal numbers still round differently in another order. */
    double relative = expected->relative > 1e-14 ? expected->relative : 1e-14;
    double slack = relative * size + expected->absolute * 4 * (double)expected->numel;
    if (expected->some && !close_to(checksum, expected->real_checksum, 0, slack))
        complain(r, "%s, checksum: expected %.17g, got %.17g (within %g)", what, expected->real_checksum, checksum,
                 slack);
}

static void compare_integers(run *r, const char *what, const reference_values *expected, const void *actual) {
    uint64_t checksum = 0;
    for (int64_t i = 0; i < reference_stored(expected); i++) {
        int64_t at = expected->some && i >= 8 ? expected->numel - 16 + i : i;
        int64_t wanted = reference_integer(expected->dtype, expected->elements, i);
        int64_t got = reference_integer(expected->dtype, actual, at);
        if (got == wanted) continue;
        complain(r, "%s, element %lld of %lld: expected %lld, got %lld", what, (long long)at,
                 (long long)expected->numel, (long long)wanted, (long long)got);
        return;
    }
    for (int64_t i = 0; expected->some && i < expected->numel; i++)
        checksum += (uint64_t)(i % 7 + 1) * (uint64_t)reference_integer(expected->dtype, actual, i);
    if (expected->some && checksum != (uint64_t)expected->integer_checksum)
        complain(r, "%s, checksum: expected %lld, got %lld", what, (long long)expected->integer_checksum,
                 (long long)checksum);
}

static bool same_shape(at_shape a, at_shape b) {
    return a.ndim == b.ndim && (a.ndim <= 0 || memcmp(a.dim, b.dim, (size_t)a.ndim * sizeof a.dim[0]) == 0);
}

static void shape_text(at_shape s, char text[static 200]) {
    size_t n = (size_t)snprintf(text, 200, "(");
    for (int d = 0; d < s.ndim && n < 170; d++)
        n += (size_t)snprintf(text + n, 200 - n, d ? ", %lld" : "%lld", (long long)s.dim[d]);
    snprintf(text + n, 200 - n, ")");
}

static void compare(run *r, const char *what, at_tensor *actual, const reference_values *expected) {
    if (r->n_kept == MAX_KEPT) ck_abort_msg("%s: too many outputs for one case", r->reference->path);
    r->kept[r->n_kept].tensor = actual;
    r->kept[r->n_kept++].line = r->line;
    if (!actual) {
        complain(r, "%s: got NULL", what);
        return;
    }
    char wanted[200], got[200];
    shape_text(expected->shape, wanted);
    shape_text(at_shape_of(actual), got);
    if (at_dtype_of(actual) != expected->dtype || !same_shape(at_shape_of(actual), expected->shape)) {
        complain(r, "%s: expected %s %s, got %s %s", what, at_dtype_name(expected->dtype), wanted,
                 at_dtype_name(at_dtype_of(actual)), got);
        return;
    }
    const void *data = elements(actual);
    if (!data) {
        complain(r, "%s: no elements", what);
    } else if (expected->dtype == AT_FLOAT32 || expected->dtype == AT_FLOAT64) {
        compare_reals(r, what, expected, data);
    } else {
        compare_integers(r, what, expected, data);
    }
}

/* ---- the lines of a case ----------------------------------------------------------------------------------------- */

static void add_register(run *r, at_operand operand) {
    if (r->n_registers == MAX_REGISTERS) ck_abort_msg("%s: too many lines for one case", r->reference->path);
    r->registers[r->n_registers++] = operand;
}

static void run_input(run *r, const char *at) {
    char word[2][64];
    reference_values v = reference_read(at, word);
    at_tensor *t = reference_tensor(&v, word[0]);
    reference_free(&v);
    if (strcmp(word[1], "gradient") == 0) {
        r->leaves[r->n_leaves] = at_set_requires_grad(t, true);
        r->leaf_register[r->n_leaves++] = r->n_registers;
    }
    complain_of_error(r);
    add_register(r, at_operand_tensor(t));
}

static void run_number(run *r, const char *at) {
    const char *value = strchr(at, ':') + 1;
    add_register(r, at[0] == 'f'   ? at_operand_float(strtod(value, NULL))
                    : at[0] == 'b' ? at_operand_bool(strtoll(value, NULL, 10) != 0)
                                   : at_operand_integer(strtoll(value, NULL, 10)));
}

static void run_step(run *r, const char *line) {
    char name[64], word[64];
    call c = {.line = line};
    r->step = line;
    reference_word(&line, name);
    while (reference_word(&line, word)[0] && !strchr(word, '=')) {
        int i = atoi(word);
        if (c.n == MAX_OPERANDS || i >= r->n_registers) ck_abort_msg("wrong operands: %s", c.line);
        c.operand[c.n++] = r->registers[i];
    }
    const reference_operation *operation = find_operation(name);
    if (!operation) ck_abort_msg("unknown operation: %s", c.line);
    operation->run(&c);
    complain_of_error(r);
    memcpy(r->result, c.result, sizeof r->result);
    r->n_compared = 0;
    add_register(r, at_operand_tensor(c.result[0]));
}

static void run_output(run *r, const char *at) {
    char word[2][64], what[32];
    reference_values v = reference_read(at, word);
    snprintf(what, sizeof what, "result %d", r->n_compared);
    compare(r, what, r->n_compared < MAX_RESULTS ? r->result[r->n_compared++] : NULL, &v);
    reference_free(&v);
}

static void run_covector(run *r, const char *at) {
    char word[2][64];
    reference_values v = reference_read(at, word);
    r->covectors[r->n_covectors++] = reference_tensor(&v, "contiguous");
    reference_free(&v);
}

/* The sum of y * w, as one covector's gradient needs it. */
static at_tensor *weighted(run *r) { return at_sum(at_mul(r->result[0], r->covectors[0])); }

/* at_gradients in the deferred run, at_backward_with in the eager one: their results are compared to the last bit too. */
static void find_gradients(run *r) {
    r->have_gradients = true;
    if (!r->eager && r->n_covectors == 1) {
        at_gradients(weighted(r), r->leaves, r->n_leaves, false, r->gradients);
    } else {
        at_backward_with(r->result[0], r->covectors[0]); /* to be forgotten */
        for (int i = 0; i < r->n_leaves; i++) {
            at_zero_grad(r->leaves[i]);
            if (at_grad(r->leaves[i])) complain(r, "at_grad after at_zero_grad is not NULL");
        }
        for (int k = 0; k < r->n_covectors; k++) at_backward_with(r->result[0], r->covectors[k]);
        for (int i = 0; i < r->n_leaves; i++) r->gradients[i] = at_grad(r->leaves[i]);
    }
    complain_of_error(r);
}

static void find_second(run *r) {
    at_tensor *first[MAX_REGISTERS] = {0}, *total = NULL;
    r->have_second = true;
    at_gradients(weighted(r), r->leaves, r->n_leaves, true, first);
    for (int i = 0; i < r->n_leaves; i++) {
        at_tensor *squares = at_sum(at_square(first[i]));
        total = total ? at_add(total, squares) : squares;
    }
    at_gradients(total, r->leaves, r->n_leaves, false, r->second);
    complain_of_error(r);
}

static void run_gradient(run *r, const char *at, bool second) {
    char word[2][64], count[64], what[100];
    if (!second && !r->have_gradients) find_gradients(r);
    if (second && !r->have_second) find_second(r);
    int i = 0, wanted = atoi(reference_word(&at, count));
    while (i < r->n_leaves && r->leaf_register[i] != wanted) i++;
    if (i == r->n_leaves) ck_abort_msg("%s:%d: no such input", r->reference->path, r->line);
    snprintf(what, sizeof what, "%s by input %d", second ? "second-order gradient" : "gradient", wanted);
    at_tensor *gradient = second ? r->second[i] : r->gradients[i];
    if (strncmp(at, " none", 5) == 0) {
        if (r->eager && gradient) complain(r, "%s: expected none", what);
        if (!r->eager && (!gradient || !at_equal(gradient, at_zeros_like(r->leaves[i]))))
            complain(r, "%s: expected zeros", what);
        return;
    }
    reference_values v = reference_read(at, word);
    compare(r, what, gradient, &v);
    reference_free(&v);
}

static void run_case(run *r) {
    at_set_error_mode(AT_ERROR_RETURN);
    at_set_eager(r->eager);
    at_set_default_dtype(AT_FLOAT32);
    for (int i = 0; i < r->reference->n_lines; i++) {
        const char *at = r->reference->lines[i];
        char word[64];
        r->line = r->reference->number + i;
        reference_word(&at, word);
        at += *at == ' ';
        if (strcmp(word, "input") == 0) {
            run_input(r, at);
        } else if (strcmp(word, "number") == 0) {
            run_number(r, at);
        } else if (strcmp(word, "step") == 0) {
            run_step(r, at);
        } else if (strcmp(word, "output") == 0) {
            run_output(r, at);
        } else if (strcmp(word, "covector") == 0) {
            run_covector(r, at);
        } else if (strcmp(word, "gradient") == 0 || strcmp(word, "second") == 0) {
            run_gradient(r, at, word[0] == 's');
        } else {
            ck_abort_msg("%s:%d: unknown line", r->reference->path, r->line);
        }
    }
    complain_of_error(r);
    at_set_error_mode(AT_ERROR_ABORT);
    at_set_eager(false);
    at_set_default_dtype(AT_FLOAT32);
}

/* ---- the two runs of a case -------------------------------------------------------------------------------------- */

static bool same_bits(at_dtype dtype, const void *a, const void *b, int64_t i) {
    if (dtype == AT_INT64 || dtype == AT_BOOL) return reference_integer(dtype, a, i) == reference_integer(dtype, b, i);
    double x = reference_real(dtype, a, i), y = reference_real(dtype, b, i);
    return (isnan(x) && isnan(y)) || memcmp(&x, &y, sizeof x) == 0;
}

static void compare_runs(run *deferred, run *eager) {
    for (int k = 0; k < deferred->n_kept && k < eager->n_kept; k++) {
        at_tensor *a = deferred->kept[k].tensor, *b = eager->kept[k].tensor;
        deferred->line = deferred->kept[k].line;
        if (!a || !b || at_dtype_of(a) != at_dtype_of(b) || !same_shape(at_shape_of(a), at_shape_of(b))) continue;
        const void *x = elements(a), *y = elements(b);
        for (int64_t i = 0, n = at_numel(a); x && y && i < n; i++) {
            if (same_bits(at_dtype_of(a), x, y, i)) continue;
            complain(deferred, "line %d, element %lld: deferred %.17g, eager %.17g", deferred->line, (long long)i,
                     at_get_index(at_flatten(a), AT_SHAPE(i)), at_get_index(at_flatten(b), AT_SHAPE(i)));
            break;
        }
    }
}

static reference_file files[32];
static int n_files;

static const reference_case *find_case(int i) {
    for (int f = 0; f < n_files; f++) {
        if (i < files[f].n_cases) return &files[f].cases[i];
        i -= files[f].n_cases > 0 ? files[f].n_cases : 0;
    }
    return NULL;
}

START_TEST(agrees_with_pytorch) {
    const reference_case *reference = find_case(_i);
    run *deferred = calloc(1, sizeof *deferred), *eager = calloc(1, sizeof *eager);
    ck_assert(reference && deferred && eager);
    deferred->reference = eager->reference = reference;
    eager->eager = true;
    int64_t tensors_before = at_live_tensors(), bytes_before = at_live_bytes();
    AT_SCOPE {
        run_case(deferred);
        run_case(eager);
        compare_runs(deferred, eager);
    }
    if (at_live_tensors() != tensors_before || at_live_bytes() != bytes_before)
        complain(deferred, "%lld tensors and %lld bytes are still alive",
                 (long long)(at_live_tensors() - tensors_before), (long long)(at_live_bytes() - bytes_before));
    static char report[12000];
    snprintf(report, sizeof report, "%s%s", deferred->report, eager->report);
    bool agrees = report[0] == '\0';
    free(deferred);
    free(eager);
    ck_assert_msg(agrees, "%s", report);
}
END_TEST

START_TEST(file_is_readable) {
    ck_assert_msg(files[_i].n_cases > 0, "%s/ has a file that cannot be read", REFERENCE_FOLDER);
}
END_TEST

static void close_files(void) {
    for (int f = 0; f < n_files; f++) reference_close(&files[f]);
    n_files = 0;
}

static const char *const families[][2] = {
#define FAMILY(name)                                                                                                   \
    { #name, REFERENCE_FOLDER "/" #name ".txt" }
    FAMILY(unary),     FAMILY(binary),   FAMILY(promotion),      FAMILY(reductions), FAMILY(shapes),
    FAMILY(indexing),  FAMILY(products), FAMILY(composed),       FAMILY(programs),   FAMILY(large),
    FAMILY(creation),  FAMILY(training), FAMILY(random_streams), FAMILY(layers),     FAMILY(optimizers),
    FAMILY(attention), FAMILY(batches),
#undef FAMILY
};

Suite *reference_suite(void);

Suite *reference_suite(void) {
    Suite *suite = suite_create("reference");
    int first = 0;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        TCase *family = tcase_create(families[f][0]);
        files[f] = reference_open(families[f][1]);
        n_files++;
        int n = files[f].n_cases > 0 ? files[f].n_cases : 0;
        tcase_add_loop_test(family, file_is_readable, (int)f, (int)f + 1);
        tcase_add_loop_test(family, agrees_with_pytorch, first, first + n);
        tcase_set_timeout(family, 120);
        suite_add_tcase(suite, family);
        first += n;
    }
    atexit(close_files);
    return suite;
}
