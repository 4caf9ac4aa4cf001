"""Cases of reductions, shapes, indexing and products."""

import torch

from cases import (EIGHT, FLOATS, SHAPES, booleans, distinct, inf, integers, nan, numbers, of_dtype, shape_text,
                   table)
from operations import BOOL, F32, I64, NAMES

REDUCTIONS = "sum mean prod max min var std logsumexp norm".split()
DIM_CASES = """
all  (3,4) dim=0  (3,4) dim=-1  (2,3,4) dim=1  (2,3,4) dim=-3  (7,) dim=0  () dim=0  () dim=-1  (3,1) dim=1
all  (2,0,3) dim=0  (2,0,3) dim=1  (0,3) dim=1  (2,1,3,2,2) dim=-2  (1,2,1,2,3,1,2,1) dim=4  (1,2,1,2,3,1,2,1) dim=-7
"""
DIM_REDUCTIONS = "sum mean prod var std logsumexp max min".split()


def reductions(f):
    for name in REDUCTIONS:
        for k, shape in enumerate(SHAPES + [EIGHT]):
            if name in ("max", "min") and 0 in shape:
                continue
            for dtype in FLOATS if k % 3 == 0 else FLOATS[k % 2:][:1]:
                reduction_case(f, name, numbers(f.rng, shape), dtype, shape_text(shape))
    for name in DIM_REDUCTIONS:
        for k, (_, (shape,), arguments) in enumerate(table(DIM_CASES)):
            dim = arguments["dim"]
            if name in ("max", "min") and shape and shape[dim] == 0:
                continue
            for dtype in FLOATS if k < 4 else FLOATS[k % 2:][:1]:
                x = distinct(f.rng, shape) if name in ("max", "min") else numbers(f.rng, shape)
                title = f"{shape_text(shape)} dim {dim}"
                reduction_case(f, name + "_dim", x, dtype, title, dim=dim, keepdim=k % 2)
    for name in ("cumsum", "softmax", "log_softmax"):
        for k, (_, (shape,), arguments) in enumerate(table(DIM_CASES)):
            for dtype in FLOATS if k < 4 else FLOATS[k % 2:][:1]:
                title = f"{shape_text(shape)} dim {arguments['dim']}"
                reduction_case(f, name, numbers(f.rng, shape, -3, 3), dtype, title, **arguments)
    reduction_kinks(f)
    reduction_integers(f)


def reduction_case(f, name, x, dtype, title, layout=None, **arguments):
    c = f.case(f"{name} {title}")
    c.input(x, dtype, layout=layout)
    if c.step(name, 0, **arguments) is None:
        return
    if name.startswith("prod") and "infin" in title:
        return c.done()  # PyTorch divides the product by each element: NaN where the others' product is not
    c.gradients()


def reduction_kinks(f):
    rows = {
        "no zero": [2.0, -1.5, 3.0, 0.5], "one zero": [2.0, 0.0, 3.0, 0.5], "two zeros": [2.0, 0.0, 3.0, 0.0],
        "zeros": [0.0] * 4,
        "ties": [1.0, 3.0, 3.0, -2.0], "equal": [1.5] * 4, "minus infinity": [-inf] * 4,
        "some infinite": [-inf, 1.0, inf, 2.0], "one minus infinity": [-inf, 1.0, 2.0, 0.5],
        "huge": [1e30, 1e30, -1e30, 2e30], "large": [1000.0, 999.0, -1000.0, 0.0],
        "NaN": [1.0, nan, 3.0, nan], "NaN and infinity": [inf, nan, -inf, 0.0], "tiny": [1e-30, 2e-30, 1e-25, 3e-30],
    }
    for dtype in FLOATS:
        for title, row in rows.items():
            for name in REDUCTIONS:
                if not (name == "norm" and title in ("huge", "tiny") and dtype == F32):
                    reduction_case(f, name, row, dtype, title, layout="contiguous")
            for name in ("max_dim", "min_dim", "std_dim", "prod_dim", "logsumexp_dim"):
                reduction_case(f, name, [row, row[::-1]], dtype, title, layout="contiguous", dim=1, keepdim=0)
            for name in ("softmax", "log_softmax", "cumsum"):
                reduction_case(f, name, [row, [0.5, 1.0, -0.5, 2.0]], dtype, title, layout="contiguous", dim=1)
            c = f.case(f"argmax and argmin {title}")
            c.input([row, row[::-1]], dtype, grad=False, layout="contiguous")
            for name in ("argmax", "argmin"):
                c.step(name, 0, dim=1, keepdim=0)
                c.step(name, 0, dim=-2, keepdim=1)
            for name in ("any", "all"):
                c.step(name, 0)
                c.step(name + "_dim", 0, dim=0, keepdim=1)
            c.done()


def reduction_integers(f):
    for dtype in (I64, BOOL):
        for shape in ((3, 4), (), (0,), (2, 0, 3), (2, 3, 2, 1)):
            c = f.case(f"reductions of {NAMES[dtype]} {shape_text(shape)}")
            c.input(of_dtype(f.rng, shape, dtype))
            for name in ("sum", "prod", "any", "all", "max", "min"):
                c.step(name, 0)
            for dim in range(len(shape)) if shape else (0, -1):
                for name in ("sum_dim", "prod_dim", "any_dim", "all_dim", "max_dim", "min_dim", "argmax", "argmin"):
                    c.step(name, 0, dim=dim, keepdim=dim % 2)
                c.step("cumsum", 0, dim=dim)
            c.done()
    c = f.case("int64 reductions keep all 64 bits")
    c.input([2**53 + 1, 2**53, -(2**62), 1], I64, layout="contiguous")
    for name in ("sum", "max", "min"):
        c.step(name, 0)
    c.step("cumsum", 0, dim=0)
    c.step("max_dim", 0, dim=0, keepdim=0)
    c.done()
    for dtype in (I64, BOOL):
        for shape in ((3, 4), (), (2, 0)):
            c = f.case(f"logsumexp of {NAMES[dtype]} {shape_text(shape)}")
            c.input(of_dtype(f.rng, shape, dtype))
            c.step("logsumexp", 0)
            c.step("logsumexp_dim", 0, dim=-1, keepdim=1)
            c.done()


SHAPE_CASES = """\
reshape  (2,3,4) shape=(4,-1)  (2,3,4) shape=(24,)  () shape=(1,1)  (1,) shape=()  (0,3) shape=(3,0)
reshape  (2,0) shape=(-1,)  (2,2,2,2,2) shape=(4,2,4)  (24,) shape=(1,2,1,2,3,1,2,1)  (6,4) shape=(2,3,2,2)
permute  (2,3,4) shape=(2,0,1)  (2,3,4) shape=(-1,1,0)  () shape=()  (0,3) shape=(1,0)
permute  (1,2,1,2,3,1,2,1) shape=(7,4,3,0,1,6,5,2)
expand  (3,1) shape=(3,4)  (3,1) shape=(2,-1,4)  () shape=(2,3)  (1,2,1,3) shape=(2,2,2,3)
expand  (1,) shape=(0,)  (2,1) shape=(3,2,5)
repeat  (3,) shape=(2,)  (3,) shape=(4,1)  (2,3) shape=(2,1,2)  () shape=(3,)  (2,3) shape=(0,2)  (1,2) shape=(3,2)
repeat  (2,0) shape=(2,2)
transpose  (2,3,4) dim0=0 dim1=2  (2,3,4) dim0=-1 dim1=-2  (3,4) dim0=1 dim1=1  () dim0=0 dim1=-1
unsqueeze  (2,3) dim=0  (2,3) dim=-1  (2,3) dim=1  () dim=0
squeeze  (2,1,3) dim=1  (2,1,3) dim=-1  () dim=0  (1,) dim=-1
flatten  (2,3,2)  ()  (0,2)
slice  (7,) dim=0 start=1 end=6 step=2  (3,5) dim=1 start=-4 end=-1 step=1  (3,5) dim=-2 start=0 end=100 step=2
slice  (5,) dim=0 start=4 end=2 step=1  (5,2) dim=0 start=-100 end=3 step=3  (2,3,4) dim=-1 start=1 end=4 step=5
slice  (0,2) dim=0 start=0 end=2 step=1
select  (3,4) dim=0 index=2  (3,4) dim=-1 index=-4  (5,) dim=0 index=-1  (2,3,0) dim=1 index=0
flip  (3,4) dim=0  (2,3,2) dim=-2  (1,) dim=0  (0,2) dim=1  () dim=0
tril  (3,3) k=0  (3,5) k=1  (2,4,3) k=-1  (4,2) k=-9  (2,4) k=9  (0,3) k=0  (2,1,2,2) k=0
triu  (3,3) k=0  (3,5) k=1  (2,4,3) k=-1  (4,2) k=-9  (2,4) k=9  (0,3) k=0  (2,1,2,2) k=0
repeat_interleave  (2,3) n=2  () n=3  (4,) n=0  (0,) n=2  (5,) n=1
repeat_interleave_dim  (2,3) n=2 dim=0  (2,3) n=3 dim=-1  (2,2,2) n=2 dim=1  (2,0) n=2 dim=0"""


LIST_CASES = """
cat  (2,3) (1,3) (4,3) dim=0  (2,1) (2,3) dim=-1  (2,0,2) (2,3,2) dim=1  (3,) dim=0  (0,) (3,) dim=0
cat  (1,) (1,) (1,) (1,) (1,) (1,) (1,) (1,) (1,) (1,) (1,) (1,) dim=0
stack  (2,3) (2,3) (2,3) dim=0  (2,3) (2,3) dim=-1  (2,3) (2,3) dim=1  () () () () dim=0  (0,) (0,) dim=0
"""


def shapes(f):
    for name, (shape,), arguments in table(SHAPE_CASES):
        shape_case(f, name, shape, arguments)
    for name, several, arguments in table(LIST_CASES):
        for dtype in FLOATS:
            c = f.case(f"{name} of {len(several)} at dim {arguments['dim']}")
            for k, shape in enumerate(several):
                c.input(numbers(f.rng, shape), dtype, grad=k != 1)
            c.step(name, *range(len(several)), *([0] if 1 < len(several) < 8 else []), **arguments)
            c.gradients()


def shape_case(f, name, shape, arguments):
    for dtype in FLOATS:
        c = f.case(f"{name} {shape_text(shape)}")
        c.input(numbers(f.rng, shape), dtype)
        if c.step(name, 0, **arguments) is not None:
            c.gradients()
    c = f.case(f"{name} {shape_text(shape)} of integers")
    c.input(of_dtype(f.rng, shape, I64))
    c.input(of_dtype(f.rng, shape, BOOL))
    c.step(name, 0, **arguments)
    c.step(name, 1, **arguments)
    c.done()


ORDER_CASES = """
all  (7,) dim=0  (3,4) dim=0  (3,4) dim=-1  (2,3,4) dim=1  () dim=0  (1,3) dim=0  (2,0) dim=1  (0,2) dim=1
all  (2,2,1,2,3) dim=-1
"""
MASKS = """
all  (3,4) (3,4)  (3,4) (4,)  (4,) (3,4)  (3,1) (2,1,4)  () (3,)  (3,) ()  (0,2) (0,2)  (2,2,2) (2,2,2)
"""
SELECTIONS = """
all  (3,4) dim=0 index=[2,0,2,2]  (3,4) dim=-1 index=[1]  (5,) dim=0 index=[4,4,0]  (2,3,2) dim=1 index=[]
all  () dim=0 index=[0]  (2,0) dim=0 index=[1,1]
"""
GATHERED = """
all  (3,4) (2,4) dim=0  (3,4) (3,6) dim=1  (3,4) (2,3) dim=-1  (5,) (8,) dim=0  (2,3,2) (2,4,1) dim=1  (3,4) (0,4) dim=0
all  () () dim=0
"""


def indexing(f):
    ties = [[3.0, 1.0, 3.0, 2.0, 1.0], [0.0, -0.0, 0.0, -1.0, -1.0], [nan, 1.0, inf, nan, -inf]]
    for _, (shape,), arguments in table(ORDER_CASES):
        dim = arguments["dim"]
        for dtype in FLOATS:
            for descending in (0, 1):
                order_case(f, "sort", distinct(f.rng, shape), dtype, shape_text(shape), dim=dim, descending=descending)
            size = shape[dim] if shape else 1
            for n in sorted({0, 1, size // 2, size} if 0 not in shape and shape else {min(size, 1)}):
                order_case(f, "topk", distinct(f.rng, shape), dtype, f"{n} of {shape_text(shape)}", k=n, dim=dim)
    for dtype in FLOATS:
        for dim in (0, 1):
            for descending in (0, 1):
                order_case(f, "sort", ties, dtype, "ties and NaN", dim=dim, descending=descending)
        order_case(f, "topk", [1.0, nan, 3.0, -inf, inf, 2.0], dtype, "with NaN", k=4, dim=0)
        c = f.case("topk values among ties")  # which of equals is taken is unspecified: no indices, no gradients
        c.input([3.0, 1.0, 3.0, 2.0, 3.0, 1.0], dtype, grad=False, layout="contiguous")
        c.step("topk", 0, k=4, dim=0)
        c.lines.pop()
        c.done()
    for dtype in (I64, BOOL):
        c = f.case(f"sort of {NAMES[dtype]}")
        c.input(of_dtype(f.rng, (3, 6), dtype), layout="transposed@0")
        for dim in (0, 1):
            for descending in (0, 1):
                c.step("sort", 0, dim=dim, descending=descending)
                c.step("argsort", 0, dim=dim, descending=descending)
        c.done()
    c = f.case("argsort and topk of numbers")
    c.input(distinct(f.rng, (4, 3)), F32, grad=False)
    c.input([5, 2**53 + 1, -1, 2**53], I64, layout="contiguous")
    c.step("argsort", 0, dim=0, descending=0)
    c.step("argsort", 0, dim=-1, descending=1)
    c.step("topk", 1, k=2, dim=-1)
    c.step("sort", 1, dim=0, descending=1)
    c.done()
    for dtype in FLOATS:
        indexing_by_tensors(f, dtype)
    for dtype in (I64, BOOL):
        c = f.case(f"indexing {NAMES[dtype]}")
        c.input(of_dtype(f.rng, (3, 4), dtype))
        c.input(torch.tensor([2, 0, 2]))
        c.input(booleans(f.rng, (3, 4)))
        c.input(integers(f.rng, (2, 4), 0, 2))
        c.step("index_select", 0, 1, dim=0)
        c.step("masked_select", 0, 2)
        c.step("gather", 0, 3, dim=0)
        if dtype == I64:
            c.step("scatter_add", 0, 3, 0, dim=0)
        c.done()
    c = f.case("one_hot")
    c.input(torch.tensor([[0, 2], [1, 2]]))
    c.input(torch.tensor(3))
    c.input(torch.zeros(0, 2, dtype=I64))
    for i, n in ((0, 3), (0, 5), (0, -1), (1, 4), (1, -1), (2, 3)):
        c.step("one_hot", i, n=n)
    c.done()
    for dtype in FLOATS:
        scalars_and_vectors(f, dtype)


def scalars_and_vectors(f, dtype):
    for shape, size in (((), (1,)), ((), (4,)), ((), (0,)), ((5,), ()), ((1,), ())):
        index = integers(f.rng, size, 0, (shape or (1,))[0] - 1)
        c = f.case(f"gather from {shape_text(shape)} by {shape_text(size)}")
        c.input(numbers(f.rng, shape), dtype)
        c.input(index)
        c.step("gather", 0, 1, dim=-1)
        c.gradients()
        for of_src in (size, (1,)) if size == () else (size,):
            c = f.case(f"scatter_add of {shape_text(of_src)} to {shape_text(shape)} by {shape_text(size)}")
            c.input(numbers(f.rng, shape), dtype)
            c.input(index)
            c.input(numbers(f.rng, of_src), dtype)
            c.step("scatter_add", 0, 1, 2, dim=0)
            c.gradients()


def order_case(f, name, x, dtype, title, **arguments):
    c = f.case(f"{name} {title}")
    c.input(x, dtype, layout=None if title.startswith("(") else "contiguous")
    if "expanded" in c.lines[-1] and name == "topk":
        return  # equal elements
    if c.step(name, 0, **arguments) is not None:
        c.gradients()


def indexing_by_tensors(f, dtype):
    for _, (shape, mask), _ in table(MASKS):
        c = f.case(f"masked_select {shape_text(shape)} by {shape_text(mask)}")
        c.input(numbers(f.rng, shape), dtype)
        c.input(booleans(f.rng, mask))
        c.step("masked_select", 0, 1)
        c.gradients()
    for _, (shape,), arguments in table(SELECTIONS):
        dim, index = arguments["dim"], arguments["index"]
        c = f.case(f"index_select {shape_text(shape)} at dim {dim}")
        c.input(numbers(f.rng, shape), dtype)
        c.input(torch.tensor(index, dtype=I64))
        if c.step("index_select", 0, 1, dim=dim) is not None:
            c.gradients()
    for _, (shape, size), arguments in table(GATHERED):
        dim = arguments["dim"]
        index = integers(f.rng, size, 0, (shape[dim] if shape else 1) - 1)
        c = f.case(f"gather {shape_text(shape)} at dim {dim}")
        c.input(numbers(f.rng, shape), dtype)
        c.input(index)
        c.step("gather", 0, 1, dim=dim)
        c.gradients()
        c = f.case(f"scatter_add {shape_text(shape)} at dim {dim}")
        c.input(numbers(f.rng, shape), dtype)
        c.input(index)
        c.input(numbers(f.rng, size), dtype)
        c.step("scatter_add", 0, 1, 2, dim=dim)
        c.gradients()


PRODUCTS = """
matmul  (3,) (3,)  (0,) (0,)  (1,) (1,)  (3,4) (4,)  (3,) (3,4)  (2,3) (3,4)  (1,3) (3,1)  (2,0) (0,3)  (0,3) (3,2)
matmul  (2,3,4) (4,)  (4,) (2,4,3)  (2,3,4) (4,2)  (3,4) (2,4,2)  (2,3,4) (2,4,2)  (2,1,3,4) (5,4,2)
matmul  (5,1,2,3) (1,3,3,2)  (3,) (2,2,3,2)
matmul  (2,2,1,2,3) (2,1,3,2)  (0,2,3) (0,3,2)  (1,2,3) (0,3,2)  (9,5) (5,11)  (17,) (17,19)
bmm  (2,3,4) (2,4,5)  (1,1,1) (1,1,1)  (3,1,6) (3,6,1)  (0,2,3) (0,3,4)  (2,3,0) (2,0,2)  (2,0,3) (2,3,2)
"""


def products(f):
    for name, (a, b), _ in table(PRODUCTS):
        for k in range(4):
            c = f.case(f"{name} {shape_text(a)} {shape_text(b)}")
            c.input(numbers(f.rng, a), FLOATS[k % 2], grad=k != 3)
            c.input(numbers(f.rng, b), FLOATS[k % 2], grad=k != 2)
            c.step(name, 0, 1)
            c.gradients()
    for dtype in FLOATS:
        c = f.case("matmul of a matrix with itself")
        c.input(numbers(f.rng, (4, 4)), dtype)
        c.step("matmul", 0, 0)
        c.gradients(second=True)
        c = f.case("matmul of a matrix with its transpose")
        c.input(numbers(f.rng, (3, 5)), dtype)
        c.step("matmul", 0, c.step("transpose", 0, dim0=0, dim1=1))
        c.gradients(second=True)
    c = f.case("products of integers")
    c.input(integers(f.rng, (2, 3), -5, 5))
    c.input(integers(f.rng, (3, 4), -5, 5))
    c.input(integers(f.rng, (3,), -5, 5))
    for refs in ((0, 1), (0, 2), (2, 1), (2, 2)):
        c.step("matmul", *refs)
    c.done()
    for dtype in FLOATS:
        for reduction in ("none", "mean", "sum"):
            for shape in ((3, 4), (), (0, 2), (6,)):
                c = f.case(f"mse_loss {reduction} {shape_text(shape)}")
                c.input(numbers(f.rng, shape), dtype)
                c.input(numbers(f.rng, shape), dtype, grad=reduction != "none")
                c.step("mse_loss", 0, 1, reduction=reduction)
                c.gradients(second=reduction == "none" and shape == (3, 4))
    for n, m in ((4, 3), (1, 1), (6, 17)):
        c = f.case(f"nw_forward of {n} queries and {m} keys")
        c.input(numbers(f.rng, (n,)), F32)
        c.input(numbers(f.rng, (n, m)), F32)
        c.input(numbers(f.rng, (n, m)), F32)
        c.input([0.7], F32, grad=False, layout="contiguous")
        c.step("nw_forward", 0, 1, 2, 3)
        c.gradients()


