"""bench/chain.py - the chain of chain.c in PyTorch."""
import torch

w = torch.tensor(1.0001, requires_grad=True)


def chain():
    y = w
    for _ in range(100):
        y = y * w
    y.backward()
    w.grad = None
