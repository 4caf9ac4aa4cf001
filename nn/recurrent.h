/* nn/recurrent.h - recurrent networks: gated recurrent units and long short-term memory. */
#ifndef ATLED_NN_RECURRENT_H
#define ATLED_NN_RECURRENT_H

#include "module.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

enum { AT_MAX_RECURRENT_LAYERS = 16 };

/* Parameters as torch.nn.GRU and torch.nn.LSTM have and name them (weight_ih_l0, ...), drawn uniformly on +-1 /
 * sqrt(hiddens); the rows of the gates stand one below the other: reset, update, new; or input, forget, cell, output. */
typedef struct {
    at_tensor *weight_ih; /* (gates * hiddens, inputs, or hiddens above the first layer) */
    at_tensor *weight_hh; /* (gates * hiddens, hiddens) */
    at_tensor *bias_ih, *bias_hh;
} at_recurrent_layer;
typedef struct {
    at_module module;
    at_recurrent_layer layer[AT_MAX_RECURRENT_LAYERS];
    int64_t inputs, hiddens, layers;
    double dropout; /* of what a layer gives to the next one, in training */
} at_recurrent;
typedef at_recurrent at_gru;
typedef at_recurrent at_lstm;
typedef struct {
    int64_t inputs, hiddens;
    int64_t layers; /* 0: 1 */
    double dropout;
    int at_; /* unused: lets at_gru_new(2, 3) compile without a warning */
} at_recurrent_options;

/* Gated recurrent unit (Cho et al. 2014): x (steps, n, inputs) -> (steps, n, hiddens), the last layer's states. With the
 * state h of the step before, for each layer:
 *   r = sigmoid(W_ir x + b_ir + W_hr h + b_hr);  z = sigmoid(W_iz x + b_iz + W_hz h + b_hz);
 *   c = tanh(W_in x + b_in + r (W_hn h + b_hn));  the new state is (1 - z) c + z h.
 * *state is (layers, n, hiddens): NULL before the first call, for zeros; afterwards the last step's, for the next call. It
 * belongs to the innermost scope, as every result; at_assign(&kept, at_detach(state)) keeps its values for a call in
 * another scope, whose backward pass then ends there. state itself may be NULL. Derivatives follow from those of what is written above. */
at_gru *at_gru_new_with(at_recurrent_options options);
#define at_gru_new(...) at_gru_new_with((at_recurrent_options){__VA_ARGS__, .at_ = 0})
at_tensor *at_gru_forward(at_gru *net, at_tensor *x, at_tensor **state);

/* Long short-term memory (Hochreiter and Schmidhuber 1997), with state h and cell c:
 *   i, f, o = sigmoid(W x + b + W' h + b'), g = tanh of the same with weights of its own;  c = f c + i g;  h = o tanh(c).
 * *state and *cell as above; either both are NULL or neither. */
at_lstm *at_lstm_new_with(at_recurrent_options options);
#define at_lstm_new(...) at_lstm_new_with((at_recurrent_options){__VA_ARGS__, .at_ = 0})
at_tensor *at_lstm_forward(at_lstm *net, at_tensor *x, at_tensor **state, at_tensor **cell);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
