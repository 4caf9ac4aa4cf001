/* nn/recurrent.c - gated recurrent units and long short-term memory. */
#include "recurrent.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "../tensor/internal.h"
#include "init.h"
#include "internal.h"
#include "layers.h"

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static bool add_parameter(at_recurrent *net, const char *kind, int layer, at_tensor **slot, at_tensor *value) {
    char name[32];
    double bound = net->hiddens > 0 ? 1 / sqrt((double)net->hiddens) : 0;
    snprintf(name, sizeof name, "%s_l%d", kind, layer);
    return value && at_init_uniform(value, -bound, bound) && at_module_parameter(&net->module, name, slot, value);
}

static bool add_layer(at_recurrent *net, int i, int64_t gates) {
    at_recurrent_layer *l = &net->layer[i];
    int64_t rows = gates * net->hiddens;
    return add_parameter(net, "weight_ih", i, &l->weight_ih, at_zeros(rows, i == 0 ? net->inputs : net->hiddens)) &&
           add_parameter(net, "weight_hh", i, &l->weight_hh, at_zeros(rows, net->hiddens)) &&
           add_parameter(net, "bias_ih", i, &l->bias_ih, at_zeros(rows)) &&
           add_parameter(net, "bias_hh", i, &l->bias_hh, at_zeros(rows));
}

static at_recurrent *recurrent_new(const char *function, const char *name, int64_t gates, at_recurrent_options o) {
    if (o.layers == 0) o.layers = 1;
    if (o.inputs < 0 || o.hiddens < 0 || o.layers < 1 || o.layers > AT_MAX_RECURRENT_LAYERS)
        return at_fail(AT_ERROR_VALUE,
                       "%s: %" PRId64 " inputs, %" PRId64 " hiddens, %" PRId64
                       " layers: want no negative sizes and 1 ... "
                       "%d layers",
                       function, o.inputs, o.hiddens, o.layers, AT_MAX_RECURRENT_LAYERS);
    if (o.hiddens > INT64_MAX / gates)
        return at_fail(AT_ERROR_SHAPE, "%s: %" PRId64 " hiddens: too many elements to count", function, o.hiddens);
    if (!(o.dropout >= 0 && o.dropout <= 1))
        return at_fail(AT_ERROR_VALUE, "%s: dropout is %g: want a probability", function, o.dropout);
    AT_CALL(function);
    tn_generator before = *tn_thread_generator();
    at_recurrent *net = at_module_new(sizeof *net, name);
    if (!net) return NULL;
    net->inputs = o.inputs;
    net->hiddens = o.hiddens;
    net->layers = o.layers;
    net->dropout = o.dropout;
    bool good = true;
    AT_SCOPE {
        for (int i = 0; i < net->layers && good; i++) good = add_layer(net, i, gates);
    }
    return nn_made(&net->module, good, &before);
}

/* ---- one step of one layer --------------------------------------------------------------------------------------- */

/* What a layer has at a step: h, and c of an LSTM. */
typedef struct {
    at_tensor *h, *c;
} cell_state;

/* The new state from both linear maps, (n, gates * hiddens) each. */
typedef cell_state (*cell_step)(at_tensor *from_x, at_tensor *from_h, cell_state before, int64_t hiddens);

static at_tensor *gate(at_tensor *rows, int64_t i, int64_t hiddens) {
    return at_slice(rows, 1, i * hiddens, (i + 1) * hiddens, 1);
}

static at_tensor *gate_sum(at_tensor *from_x, at_tensor *from_h, int64_t i, int64_t hiddens) {
    return at_add(gate(from_x, i, hiddens), gate(from_h, i, hiddens));
}

static cell_state gru_cell(at_tensor *from_x, at_tensor *from_h, cell_state before, int64_t n) {
    at_tensor *reset = at_sigmoid(gate_sum(from_x, from_h, 0, n)), *update = at_sigmoid(gate_sum(from_x, from_h, 1, n));
    at_tensor *candidate = at_tanh(at_add(gate(from_x, 2, n), at_mul(reset, gate(from_h, 2, n))));
    return (cell_state){.h = at_add(at_mul(at_sub(1, update), candidate), at_mul(update, before.h))};
}

static cell_state lstm_cell(at_tensor *from_x, at_tensor *from_h, cell_state before, int64_t n) {
    at_tensor *in = at_sigmoid(gate_sum(from_x, from_h, 0, n)), *forget = at_sigmoid(gate_sum(from_x, from_h, 1, n));
    at_tensor *new = at_tanh(gate_sum(from_x, from_h, 2, n)), *out = at_sigmoid(gate_sum(from_x, from_h, 3, n));
    at_tensor *c = at_add(at_mul(forget, before.c), at_mul(in, new));
    return (cell_state){.h = at_mul(out, at_tanh(c)), .c = c};
}

/* ---- sequences --------------------------------------------------------------------------------------------------- */

/* The states h of all steps as (steps, n, hiddens), and the last one in *state. */
static at_tensor *run_layer(const at_recurrent *net, int i, cell_step step, at_tensor *x, cell_state *state,
                            at_tensor **outputs) {
    const at_recurrent_layer *l = &net->layer[i];
    int64_t steps = at_size(x, 0), n = at_size(x, 1), rows = at_size(l->weight_ih, 0);
    /* What comes from x is one product for all steps. */
    at_tensor *flat = at_reshape(x, steps * n, at_size(x, 2));
    at_tensor *from_x = at_add(at_matmul(flat, at_transpose(l->weight_ih, 0, 1)), l->bias_ih);
    from_x = at_reshape(from_x, steps, n, rows);
    at_tensor *weight = at_transpose(l->weight_hh, 0, 1);
    for (int64_t t = 0; t < steps; t++) {
        at_tensor *from_h = at_add(at_matmul(state->h, weight), l->bias_hh);
        *state = step(at_select(from_x, 0, t), from_h, *state, net->hiddens);
        if (!state->h) return NULL;
        outputs[t] = state->h;
    }
    return at_stack_list(0, outputs, (int)steps);
}

static bool check_input(const char *function, at_recurrent *net, at_tensor *x, at_tensor *state) {
    if (!net) return at_fail_null(function, "net");
    if (!x) return at_fail_null(function, "x");
    at_shape s = at_shape_of(x);
    if (s.ndim != 3 || s.dim[0] < 1 || s.dim[0] > INT32_MAX || s.dim[2] != net->inputs)
        return at_fail(AT_ERROR_SHAPE, "%s: x is %s: want (steps, n, %" PRId64 ") with at least one step", function,
                       tn_describe(x), net->inputs);
    if (!state) return true;
    at_shape h = at_shape_of(state);
    if (h.ndim == 3 && h.dim[0] == net->layers && h.dim[1] == s.dim[1] && h.dim[2] == net->hiddens) return true;
    return at_fail(AT_ERROR_SHAPE, "%s: the state is %s: want (%" PRId64 ", %" PRId64 ", %" PRId64 ")", function,
                   tn_describe(state), net->layers, s.dim[1], net->hiddens);
}

/* Layer by layer; the last states in last_h and last_c. */
static at_tensor *run_layers(const at_recurrent *net, cell_step step, at_tensor *x, at_tensor *h, at_tensor *c,
                             at_tensor **outputs, at_tensor **last_h, at_tensor **last_c) {
    at_tensor *zeros = at_to(at_zeros(at_size(x, 1), net->hiddens), at_dtype_of(x));
    for (int i = 0; i < net->layers && x; i++) {
        cell_state state = {h ? at_select(h, 0, i) : zeros, c ? at_select(c, 0, i) : zeros};
        if (i > 0 && net->dropout > 0 && !net->module.evaluating) x = at_dropout(x, net->dropout);
        x = x && state.h && state.c ? run_layer(net, i, step, x, &state, outputs) : NULL;
        last_h[i] = state.h;
        last_c[i] = state.c;
    }
    return x;
}

static at_tensor *run(at_recurrent *net, cell_step step, at_tensor *x, at_tensor **h, at_tensor **c) {
    at_tensor *result = NULL, *new_h = NULL, *new_c = NULL;
    tn_generator before = *tn_thread_generator();
    AT_SCOPE {
        size_t bytes = (size_t)at_size(x, 0) * sizeof(at_tensor *);
        at_tensor **outputs = tn_memory_new(bytes), *last_h[AT_MAX_RECURRENT_LAYERS], *last_c[AT_MAX_RECURRENT_LAYERS];
        int layers = (int)net->layers;
        if (outputs) result = run_layers(net, step, x, h ? *h : NULL, c ? *c : NULL, outputs, last_h, last_c);
        if (outputs) tn_memory_free(outputs, bytes);
        if (result && h) new_h = at_stack_list(0, last_h, layers);
        if (result && c) new_c = at_stack_list(0, last_c, layers);
        if ((h && !new_h) || (c && !new_c)) result = NULL;
        result = nn_given(result, &before);
        if (result && h) *h = at_scope_return(new_h);
        if (result && c) *c = at_scope_return(new_c);
    }
    return result;
}

/* ---- GRU and LSTM ------------------------------------------------------------------------------------------------ */

at_gru *at_gru_new_with(at_recurrent_options options) { return recurrent_new("gru_new", "GRU", 3, options); }

at_tensor *at_gru_forward(at_gru *net, at_tensor *x, at_tensor **state) {
    if (!check_input("gru_forward", net, x, state ? *state : NULL)) return NULL;
    AT_CALL("gru_forward");
    return run(net, gru_cell, x, state, NULL);
}

at_lstm *at_lstm_new_with(at_recurrent_options options) { return recurrent_new("lstm_new", "LSTM", 4, options); }

at_tensor *at_lstm_forward(at_lstm *net, at_tensor *x, at_tensor **state, at_tensor **cell) {
    if (!check_input("lstm_forward", net, x, state ? *state : NULL)) return NULL;
    if (!check_input("lstm_forward", net, x, cell ? *cell : NULL)) return NULL;
    if (!state != !cell || (state && !*state != !*cell))
        return at_fail(AT_ERROR_VALUE, "lstm_forward: want a state and a cell, or neither");
    AT_CALL("lstm_forward");
    return run(net, lstm_cell, x, state, cell);
}
