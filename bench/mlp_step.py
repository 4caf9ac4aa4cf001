"""bench/mlp_step.py - the training step of mlp_step.c in PyTorch."""
import torch
from torch import nn

BATCH, INPUTS, HIDDEN, OUTPUTS, RATE = 64, 784, 64, 10, 0.05


def data(rows, columns, factor, modulus, scale):
    i = torch.arange(rows * columns) * factor % modulus
    return ((i.float() / modulus - 0.5) * scale).reshape(rows, columns)


x, y = data(BATCH, INPUTS, 7919, 1000, 1), data(BATCH, OUTPUTS, 104729, 997, 1)
net = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, OUTPUTS))
with torch.no_grad():
    net[0].weight.copy_(data(HIDDEN, INPUTS, 15485863, 1009, 0.1))
    net[2].weight.copy_(data(OUTPUTS, HIDDEN, 32452843, 1013, 0.3))
    net[0].bias.zero_()
    net[2].bias.zero_()
loss_of = nn.MSELoss()
trainer = torch.optim.SGD(net.parameters(), lr=RATE)


def step():
    trainer.zero_grad()
    loss = loss_of(net(x), y)
    loss.backward()
    trainer.step()
    return loss.item()
