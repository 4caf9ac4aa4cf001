/* nn/nn.h - what models are built from. */
#ifndef ATLED_NN_H
#define ATLED_NN_H

#include "attention.h"
#include "init.h"
#include "layers.h"
#include "loss.h"
#include "module.h"
#include "nw_kernel_regression.h"
#include "recurrent.h"
#include "save.h"
#include "transformer.h"

#endif
