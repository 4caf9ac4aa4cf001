"""The products of products.c that are not single matrices, in PyTorch: the same rows, with PyTorch's nanoseconds.

    products.py [THREADS] [WORD]     only work whose name contains WORD
"""
import statistics
import sys
import time

import torch

RUNS, SECONDS = 9, 0.01
threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
word = sys.argv[2] if len(sys.argv) > 2 else ""
torch.set_num_threads(threads)
torch.manual_seed(0)


def seconds_of(f, a, b, times):
    start = time.perf_counter()
    for _ in range(times):
        f(a, b)
    return (time.perf_counter() - start) / times


def measure(work, size, f, a, b):
    if word not in work:
        return
    seconds_of(f, a, b, 1)  # warms up
    times = max(1, int(SECONDS / seconds_of(f, a, b, 3)))
    ns = statistics.median(seconds_of(f, a, b, times) for _ in range(RUNS)) * 1e9
    print("%s\t%s\t%d\t-\t%.0f\tPyTorch %s" % (work, size, threads, ns, torch.__version__), flush=True)


def measure_batch(batch, rows, inner, columns):
    size = "%d x (%d, %d) (%d, %d)" % (batch, rows, inner, inner, columns)
    a, b = torch.randn(batch, rows, inner), torch.randn(batch, inner, columns)
    measure("bmm float32", size, torch.bmm, a, b)
    measure("bmm float64", size, torch.bmm, a.double(), b.double())
    measure("bmm int64", size, torch.bmm, (a * 100).long(), (b * 100).long())


def measure_vector(rows, columns):
    size = "(%d, %d) (%d)" % (rows, columns, columns)
    a, b = torch.randn(rows, columns), torch.randn(columns)
    measure("matvec float32", size, torch.matmul, a, b)
    measure("matvec float64", size, torch.matmul, a.double(), b.double())
    measure("vecmat float32", size, torch.matmul, torch.randn(rows), a)


for shape in ((1000, 4, 4, 4), (10000, 8, 8, 8), (64, 32, 32, 32), (500, 1, 500, 1), (50, 1, 50, 1),
              (2000, 1, 2000, 1), (200, 30, 40, 1), (200, 1, 40, 30)):
    measure_batch(*shape)
for shape in ((64, 64), (1000, 1000), (100, 10000)):
    measure_vector(*shape)
