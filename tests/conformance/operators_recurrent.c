/* tests/conformance/operators_recurrent.c - RNN, LSTM and GRU in one direction, with their usual activations.
 *
 * Inputs: x (steps, batch, features), W (1, gates * hidden, features), R (1, gates * hidden, hidden), and where given
 * b (1, 2 * gates * hidden: one for W, one for R), the sequences' lengths, the initial h and c (1, batch, hidden), and
 * the LSTM's peepholes. With layout = 1 the batch stands first. */
#define _POSIX_C_SOURCE 200809L

#include "operators.h"

typedef struct {
    int64_t steps, hidden;
    at_tensor *from_x; /* (steps, batch, gates * hidden): x W^T and its bias, for all steps at once */
    at_tensor *from_h; /* R^T (hidden, gates * hidden) */
    at_tensor *bias;   /* R's: (gates * hidden) */
    at_tensor *h, *c;  /* (batch, hidden) */
} network;

/* False where the node asks for what is not done here. */
static bool same_lengths(node *n, int64_t steps) {
    list lengths = list_input(n, 4);
    for (int i = 0; i < lengths.n; i++)
        if (lengths.at[i] != steps) n->skip = "recurrent networks over sequences of several lengths";
    if (!text_attribute_is(n, "direction", "forward", "forward")) n->skip = "recurrent networks in two directions";
    return !n->skip;
}

/* The initial h or c; zeros where it is not given. */
static at_tensor *initial(const node *n, int i, int64_t batch, int64_t hidden, bool batch_first) {
    if (!n->input[i]) return constant(0, at_dtype_of(n->input[0]), AT_SHAPE(batch, hidden));
    return at_select(n->input[i], batch_first ? 1 : 0, 0);
}

static bool start(node *n, network *net) {
    bool batch_first = int_attribute(n, "layout", 0) == 1;
    at_tensor *x = batch_first ? at_transpose(n->input[0], 0, 1) : n->input[0];
    int64_t rows = at_size(n->input[1], 1), batch = at_size(x, 1);
    net->steps = at_size(x, 0);
    net->hidden = at_size(n->input[2], 2);
    at_tensor *b = n->input[3] ? at_select(n->input[3], 0, 0) : constant(0, at_dtype_of(x), AT_SHAPE(2 * rows));
    net->from_x = at_add(at_matmul(x, at_transpose(at_select(n->input[1], 0, 0), 0, 1)), at_slice(b, 0, 0, rows, 1));
    net->from_h = at_transpose(at_select(n->input[2], 0, 0), 0, 1);
    net->bias = at_slice(b, 0, rows, 2 * rows, 1);
    net->h = initial(n, 5, batch, net->hidden, batch_first);
    net->c = initial(n, 6, batch, net->hidden, batch_first);
    return same_lengths(n, net->steps);
}

/* Gate number i of (batch, gates * hidden). */
static at_tensor *gate(const network *net, at_tensor *gates, int i) {
    return at_slice(gates, -1, i * net->hidden, (i + 1) * net->hidden, 1);
}

/* What x and h contribute to all gates in a step. */
static at_tensor *x_part(const network *net, int64_t step) { return at_select(net->from_x, 0, step); }
static at_tensor *h_part(const network *net) { return at_add(at_matmul(net->h, net->from_h), net->bias); }

/* y holds every step's h: (steps, 1, batch, hidden), or with the batch first (batch, steps, 1, hidden). */
static void finish(node *n, const network *net, at_tensor *y) {
    bool batch_first = int_attribute(n, "layout", 0) == 1;
    n->output[0] = batch_first ? at_permute(at_unsqueeze(y, 1), 2, 0, 1, 3) : at_unsqueeze(y, 1);
    n->output[1] = at_unsqueeze(net->h, batch_first ? 1 : 0);
    n->output[2] = at_unsqueeze(net->c, batch_first ? 1 : 0);
}

/* Runs step for each step of x and joins the h's that it leaves. */
static void run(node *n, void step(network *net, const node *n, int64_t i)) {
    network net;
    if (!start(n, &net)) return;
    at_tensor *y = NULL;
    for (int64_t i = 0; i < net.steps; i++) {
        step(&net, n, i);
        at_tensor *h = at_unsqueeze(net.h, 0);
        y = y ? at_cat(0, y, h) : h;
    }
    finish(n, &net, y);
}

static void rnn_step(network *net, const node *n, int64_t i) {
    (void)n;
    net->h = at_tanh(at_add(x_part(net, i), h_part(net)));
}

/* Gates: update z, reset r, and the new hidden state, to which r decides what the old one contributes. */
static void gru_step(network *net, const node *n, int64_t i) {
    at_tensor *x = x_part(net, i), *h = h_part(net), *both = at_add(x, h);
    at_tensor *z = at_sigmoid(gate(net, both, 0)), *r = at_sigmoid(gate(net, both, 1));
    at_tensor *old = at_mul(r, gate(net, h, 2));
    if (!int_attribute(n, "linear_before_reset", 0))
        old = at_add(at_matmul(at_mul(r, net->h), gate(net, net->from_h, 2)), gate(net, net->bias, 2));
    at_tensor *proposed = at_tanh(at_add(gate(net, x, 2), old));
    net->h = at_add(at_mul(at_sub(1, z), proposed), at_mul(z, net->h));
}

/* Gates: input, output, forget, and what is put into the cell. Peepholes let the first three see the cell. */
static at_tensor *lstm_gate(const network *net, const node *n, at_tensor *gates, int i) {
    at_tensor *sum = gate(net, gates, i);
    if (n->input[7]) sum = at_add(sum, at_mul(gate(net, at_select(n->input[7], 0, 0), i), net->c));
    return at_sigmoid(sum);
}

static void lstm_step(network *net, const node *n, int64_t i) {
    at_tensor *gates = at_add(x_part(net, i), h_part(net));
    at_tensor *input = lstm_gate(net, n, gates, 0), *forget = lstm_gate(net, n, gates, 2);
    net->c = at_add(at_mul(forget, net->c), at_mul(input, at_tanh(gate(net, gates, 3))));
    net->h = at_mul(lstm_gate(net, n, gates, 1), at_tanh(net->c));
}

void onnx_RNN(node *n) { run(n, rnn_step); }
void onnx_GRU(node *n) { run(n, gru_step); }
void onnx_LSTM(node *n) { run(n, lstm_step); }
