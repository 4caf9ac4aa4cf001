"""bench/operations.py - the inputs of operations.c in PyTorch."""
import torch
import torch.nn.functional as F


def laid_out(layout, full, first):
    if first and layout == "transposed":
        return full.t().contiguous().t()
    if first and layout == "broadcast":
        return full[:1].contiguous().expand(full.shape)
    return full.contiguous()


def normal(dtype, rows, columns):
    return (torch.randn(rows, columns) * (100 if dtype == torch.int64 else 1)).to(dtype)


def inputs(layout, dtype, rows, columns):
    x = laid_out(layout, normal(dtype, rows, columns), True)
    y = laid_out(layout, normal(dtype, rows, columns), False)
    p = laid_out(layout, (torch.rand(rows, columns) + 0.5).to(dtype), True)
    q = laid_out(layout, (torch.rand(rows, columns) + 0.5).to(dtype), False)
    m = laid_out(layout, torch.rand(rows, columns) < 0.5, True)
    return x, y, p, q, m
