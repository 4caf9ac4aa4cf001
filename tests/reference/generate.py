#!/usr/bin/env python3
"""Writes the reference values beside this file, as PyTorch computes them.

    /usr/bin/python3 tests/reference/generate.py [folder]     (PyTorch 1.13 of Debian 12's python3-torch, on AVX2)

tests/test_reference.c runs every case through the library's public functions, deferred and eager, and compares. The
tests need no Python: run this only to add cases or to move to another version of PyTorch. On one machine it always
writes the same bytes.

    operations.py    what each step means in PyTorch; the mirror of the table in tests/test_reference.c
    cases.py         writing cases, making inputs
    elementwise.py, arrays.py, compositions.py, sequences.py, layers.py, attention.py, optimizers.py, batches.py   the cases themselves

The files
---------
Line oriented: a line's first word says what it is, and its values stand after " : ". Inputs, numbers and steps are
counted together from 0 in the order of their lines; steps and gradients refer to them by that count.

    case TITLE
    input DTYPE SHAPE LAYOUT gradient|constant : VALUES  elements in row-major order, however they are laid out
    number float|integer|bool : VALUE                    a C number as an operand
    step OPERATION COUNT... KEY=VALUE...                 at_OPERATION applied to earlier lines
    output DTYPE SHAPE TOLERANCE : VALUES                the step's results in turn
    covector DTYPE SHAPE : VALUES                        weights w of the last step's first result y in sum(y * w)
    gradient COUNT DTYPE SHAPE TOLERANCE : VALUES        of that sum by that input; after several covectors the total
    gradient COUNT none                                  the sum does not depend on that input
    second COUNT DTYPE SHAPE TOLERANCE : VALUES          the gradient of the sum of all squared gradients

LAYOUT     contiguous; transposed@D, dimension D swapped with the last; stepped@D, every second element of a larger
           tensor; offset@D, a slice of a larger one; expanded@D, stride zero along D; selected, one of a vector.
VALUES     shortest decimals that read back as the same number. "sequence SEED" stands for the values of sequence() in
           cases.py; "some" stands before the first 8, the last 8 and the checksum() of a longer list.
TOLERANCE  RELATIVE/ABSOLUTE, or exact. NaN matches NaN.

What PyTorch 1.13 does with random numbers
------------------------------------------
On a CPU; found by comparing with NumPy's MT19937.

seeds      Only the low 32 bits of a seed count.
randint    low + draw mod (high - low), where draw is one 32-bit output if high - low < 2^32, otherwise 64 bits of two
           outputs, the first high. The difference is taken as an unsigned number, so that -2^63 ... 2^63 - 1 works.
           Nothing is rejected and drawn again.
randperm   starts from 0 ... n - 1; for i = 0 ... n - 2 it swaps element i with element i + (one 32-bit output mod
           (n - i)). So n = 1 draws nothing.
the spare  The sine that a normal tensor of fewer than 16 elements leaves is one double for the generator, before
           scaling: float32 and float64 calls share it, and the mean and std of the call that uses it apply. Uniforms,
           integers, permutations, empty tensors and tensors of 16 elements or more neither use nor drop it; manual_seed
           drops it. Small float32 normals are computed in double, mean + std * z included, and rounded last.
16 or more In float32 the angle is the float32 product of 2 pi and u2, and logarithm, sine and cosine are good to a few
           ulp. Of 3.2 million normals none is further than 6.1e-7 from an exact evaluation with that rounded angle,
           but some are 1.6e-6 from one with an exact angle.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True

import torch

from arrays import indexing, products, reductions, shapes
from attention import attention
from cases import File
from compositions import composed, large, programs
from elementwise import binary, promotion, unary
from layers import layers
from optimizers import optimizers
from batches import batches
from sequences import creation, random_streams, training

FAMILIES = [
    (unary, "Elementwise operations with one operand.", True),
    (binary, "Elementwise operations with two or three operands.", False),
    (promotion, "The dtype of every pair of operands, and of every operand with a C number.", False),
    (reductions, "Reductions, cumulative sums and softmax.", False),
    (shapes, "Operations that change the shape or move elements.", "exact"),
    (indexing, "Sorting and indexing.", "exact"),
    (products, "Matrix products, and the losses and the model that are built on them.", False),
    (composed, "Gradients of gradients, accumulated gradients, and graphs of particular forms.", False),
    (programs, "Random compositions of 5 to 12 operations.", False),
    (large, "Tensors of more than one block.", False),
    (random_streams, "What a seed gives, over many calls of different kinds and sizes.", False),
    (creation, "New tensors.", False),
    (layers, "Initial values and layers, drawn from a seed.", False),
    (attention, "Masked softmax, attention, the Transformer and its parts, drawn from a seed.", False),
    (batches, "Mini-batches of a data loader, epoch after epoch.", False),
    (optimizers, "Optimizers, groups, clipped gradients, schedules.", False),
    (training, "Steps of SGD, and the training loop of Nadaraya-Watson kernel regression.", False),
]


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    torch.set_num_threads(1)
    for family, about, tight in FAMILIES:
        file = File(family.__name__, about, tight)
        family(file)
        file.write(folder)


if __name__ == "__main__":
    main()
