"""bench/sort.py - the work of sort.c in PyTorch."""
import torch


def elements(dtype, data, rows, n):
    dtype = getattr(torch, dtype)
    if data == "uniform":
        x = torch.rand(rows, n)
    elif data == "ascending":
        x = torch.arange(n).expand(rows, n)
    elif data == "descending":
        x = -torch.arange(n).expand(rows, n)
    elif data == "constant":
        x = torch.ones(rows, n)
    elif data == "ties":
        x = (torch.rand(rows, n) * (2 if dtype == torch.bool else 100)).floor()
    elif data == "wide":
        x = torch.randint(-2**62, 2**62, (rows, n))
    else:
        x = torch.randn(rows, n, dtype=torch.float64 if dtype == torch.float64 else torch.float32)
        if data == "nans":
            x[torch.rand(rows, n) < 0.1] = float("nan")
        if data == "zeros":
            x *= torch.randint(0, 2, (rows, n))
    return x.to(dtype).contiguous()


def call_of(work, dtype, data, rows, n, dim, k):
    rows, n, dim, k = int(rows), int(n), int(dim), int(k)
    x = elements(dtype, data, rows, n)
    along = n if dim else rows
    mask = torch.rand(rows, n) < k / 100
    whole = work.startswith("index_select")
    index = torch.randint(0, along, (along,) if whole else (rows, n))
    if work.endswith("-gradient"):
        leaf = x.clone().requires_grad_()
        y = (leaf.sort(dim)[0] if work.startswith("sort") else leaf.index_select(dim, index) if whole else
             leaf.masked_select(mask))
        weights = torch.rand_like(y)
        return lambda: torch.autograd.grad((y * weights).sum(), leaf, retain_graph=True)
    return {
        "sort": lambda: torch.sort(x, dim),
        "sort-descending": lambda: torch.sort(x, dim, descending=True),
        "argsort": lambda: torch.argsort(x, dim),
        "topk": lambda: torch.topk(x, k, dim),
        "masked_select": lambda: x.masked_select(mask),
        "masked_fill": lambda: x.masked_fill(mask, 0),
        "count": lambda: mask.sum(),
        "index_select": lambda: x.index_select(dim, index),
        "gather": lambda: x.gather(dim, index),
        "scatter_add": lambda: x.scatter_add(dim, index, x),
    }[work]
