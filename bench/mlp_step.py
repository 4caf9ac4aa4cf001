"""The training step of mlp_step.c in PyTorch: nanoseconds, the median of several runs.

    mlp_step.py [THREADS] [STEPS]     STEPS to a run
"""
import statistics
import sys
import time

import torch
from torch import nn

RUNS = 15
BATCH, INPUTS, HIDDEN, OUTPUTS, RATE = 64, 784, 64, 10, 0.05
threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 200


def data(rows, columns, factor, modulus, scale):
    i = torch.arange(rows * columns) * factor % modulus
    return ((i.float() / modulus - 0.5) * scale).reshape(rows, columns)


torch.set_num_threads(threads)
x, y = data(BATCH, INPUTS, 7919, 1000, 1), data(BATCH, OUTPUTS, 104729, 997, 1)
net = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, OUTPUTS))
with torch.no_grad():
    net[0].weight.copy_(data(HIDDEN, INPUTS, 15485863, 1009, 0.1))
    net[2].weight.copy_(data(OUTPUTS, HIDDEN, 32452843, 1013, 0.3))
    net[0].bias.zero_()
    net[2].bias.zero_()
loss_of = nn.MSELoss()
trainer = torch.optim.SGD(net.parameters(), lr=RATE)
seconds = []
for run in range(RUNS + 1):  # the first only warms up
    start = time.perf_counter()
    for _ in range(steps):
        trainer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        trainer.step()
        loss.item()
    if run:
        seconds.append((time.perf_counter() - start) / steps)
    else:
        print("loss after %d steps: %.6f" % (steps, loss.item()), file=sys.stderr)
print("MLP step\t784-64-10\t%d\t-\t%.0f\tPyTorch %s" % (threads, statistics.median(seconds) * 1e9, torch.__version__))
