/* atled - a miniature autograd tensor framework. The name is "delta" backwards, the old name of the gradient sign. */
#ifndef ATLED_H
#define ATLED_H

#include "tensor/tensor.h"
#include "tensor/safetensors.h"
#include "autograd/operations.h"
#include "autograd/autograd.h"
#include "autograd/custom.h"
#include "autograd/graph.h"
#include "nn/nn.h"
#include "data/data.h"
#include "optim/optim.h"
#include "optim/resume.h"

#endif
