/* nn/attention.h - attention: scores of queries by keys, normalised, weigh values. */
#ifndef ATLED_NN_ATTENTION_H
#define ATLED_NN_ATTENTION_H

#include "module.h"

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ---- scaled dot-product attention -----------------------------------------------------------------------------------
 * softmax(queries keys^T / sqrt(features)) values, the softmax along the keys (Vaswani et al. 2017): queries (queries,
 * features), keys (keys, features), values (keys, outputs) -> (queries, outputs). Always as above with fused: time
 * queries x keys, memory that of the arguments. With weights a, result y and s = a * (g values^T - rowsum(g * y)):
 * d/dvalues: a^T g    d/dqueries: s keys / sqrt(features)    d/dkeys: s^T queries / sqrt(features). */
at_tensor *at_scaled_dot_product_attention(at_tensor *queries, at_tensor *keys, at_tensor *values);

#ifdef __cplusplus
}
#endif
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
