/* optim/internal.h - what all optimizers have in common. */
#ifndef ATLED_OPTIM_INTERNAL_H
#define ATLED_OPTIM_INTERNAL_H

#include "../tensor/internal.h"
#include "optim.h"

struct at_optimizer {
    int count;
    at_tensor **parameters; /* held */
    at_tensor **state;      /* held; one for each parameter, NULL before the first step */
    at_tensor **updated;    /* of a step: the new parameters, then the new state; NULL where nothing changes */
    at_sgd_options sgd;
};

/* An optimizer of these parameters, with room for their state. NULL after reporting an error. */
at_optimizer *op_optimizer_new(const char *function, at_parameter_list parameters);

#endif
