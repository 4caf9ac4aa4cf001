"""Cases of several operations together."""

import math

import torch

from cases import FLOATS, apply, booleans, distinct, numbers, sequence, shape_text, table
from operations import F64


SMOOTH_OF_TWO = """
mul  (2,3) (3,)
div  (2,3) (2,1)
pow  (3,) (2,3)
matmul  (2,3) (3,2)  (3,) (2,3,2)
bmm  (2,2,3) (2,3,2)
"""
SMOOTH_OF_DIM = """
softmax  dim=1
log_softmax  dim=0
logsumexp_dim  dim=1 keepdim=0
prod_dim  dim=1 keepdim=1
var_dim  dim=0 keepdim=0
std_dim  dim=1 keepdim=0
norm  ()
prod  ()
var  ()
std  ()
logsumexp  ()
"""
PIECEWISE_LINEAR = """
sort  dim=1 descending=0
cumsum  dim=0
max_dim  dim=1 keepdim=0
topk  k=2 dim=1
tril  k=0
repeat  shape=(2,1,2)
slice  dim=1 start=1 end=4 step=2
flip  dim=0
clamp  lo=-1.1 hi=1.1
repeat_interleave  n=2
"""


def composed(f):
    """Second order, accumulation, detached parts, long chains and expressions with many readers."""
    smooth = "exp sin cos tanh sigmoid square gelu silu softplus erf expm1 tan".split()
    for name in smooth + ["log", "sqrt", "rsqrt", "reciprocal", "log1p"]:
        c = f.case(f"second order {name}")
        c.input(numbers(f.rng, (2, 3), *(-1.2, 1.2) if name in smooth else (0.5, 2.5)), F64)
        c.step(name, 0)
        c.gradients(second=True)
    for name, (a, b), _ in table(SMOOTH_OF_TWO):
        c = f.case(f"second order {name} {shape_text(a)} {shape_text(b)}")
        c.input(numbers(f.rng, a, 0.4, 2), F64)
        c.input(numbers(f.rng, b, 0.4, 2), F64)
        c.step(name, 0, 1)
        c.gradients(second=True)
    for name, _, arguments in table(SMOOTH_OF_DIM):
        c = f.case(f"second order {name}")
        c.input(numbers(f.rng, (3, 4), 0.3, 2), F64)
        c.step(name, 0, **arguments)
        c.gradients(second=True)
    for name, _, arguments in table(PIECEWISE_LINEAR):
        c = f.case(f"second order through {name}")
        c.input(distinct(f.rng, (3, 4)), F64)
        c.step("square", c.step(name, c.step("sin", 0, check=False), check=False, **arguments))
        c.gradients(second=True)
    for name in ("index_select", "gather", "masked_select", "scatter_add"):
        c = f.case(f"second order through {name}")
        c.input(numbers(f.rng, (3, 4)), F64)
        index = torch.tensor([0, 2, 2] if name == "index_select" else [[0, 2, 1, 2], [0, 1, 1, 1]])
        c.input(booleans(f.rng, (4,)) if name == "masked_select" else index)
        refs, arguments = (0, 1), ({} if name == "masked_select" else dict(dim=0))
        if name == "scatter_add":
            refs = (0, 1, c.input(numbers(f.rng, (2, 4)), F64))
        c.step("sin", c.step(name, *refs, check=False, **arguments))
        c.gradients(second=True)
    for n in (2, 3, 5):
        for dtype in FLOATS:
            c = f.case(f"accumulation over {n} backward calls")
            c.input(numbers(f.rng, (3, 4)), dtype)
            c.input(numbers(f.rng, (4,)), dtype)
            c.step("tanh", c.step("mul", 0, 1, check=False))
            c.gradients(covectors=n)
    composed_graphs(f)


def composed_graphs(f):
    for dtype in FLOATS:
        c = f.case("detach stops one of two ways")
        c.input(numbers(f.rng, (4,)), dtype)
        c.input(numbers(f.rng, (4,)), dtype)
        c.step("mul", c.step("detach", c.step("exp", 0, check=False)), 0)
        c.gradients()
        c = f.case("nothing is recorded without gradients")
        c.input(numbers(f.rng, (4,)), dtype)
        c.step("add", c.step("no_grad_square", 0), 0)
        c.gradients()
        c = f.case("input that the result does not depend on")
        c.input(numbers(f.rng, (4,)), dtype)
        c.input(numbers(f.rng, (2,)), dtype)
        c.step("exp", 0)
        c.gradients()
        c = f.case("chain of 90 elementwise steps")
        x = last = c.input(numbers(f.rng, (2, 9)), dtype)
        for k in range(30):
            last = c.step("sin", c.step("mul", c.step("add", last, x, check=False), x, check=False), check=False)
        c.step("add", last, x)
        c.gradients()
        c = f.case("each of 40 steps reads the one before twice")
        c.input(numbers(f.rng, (5,)), dtype)
        half = c.number(0.5)
        last = 0
        for k in range(20):
            last = c.step("mul", c.step("add", last, last, check=False), half, check=False)
            last = c.step("sin" if k % 5 else "tanh", last, check=False)
        c.step("add", last, last)
        c.gradients()


def programs(f):
    made = 0
    while made < 150:
        state = f.rng.getstate()
        c = f.case(f"random program {made}")
        if program(c, f.rng) and stable(c):
            c.gradients()
            made += 1
        elif f.rng.getstate() == state:
            raise AssertionError("no progress")


def program(c, rng):
    """2 to 4 inputs, 5 to 12 random steps, and the sum of what is left unused; False where that is not finite."""
    a, b, d = (rng.randint(2, 4) for _ in range(3))
    for _ in range(rng.randint(2, 4)):
        shape = rng.choice([(b,), (a, b), (a, 1), (1, b), (d, a, b), (b, d), (), (b, b)])
        c.input(numbers(rng, shape, -1.5, 1.5, 3), F64, grad=rng.random() < 0.75 or not c.inputs)
    unused = list(range(len(c.registers)))
    for _ in range(rng.randint(5, 12)):
        x = unused[-1] if rng.random() < 0.6 else rng.choice(c.tensors())
        name, refs, arguments = random_step(c, rng, x)
        y = c.step(name, *refs, check=rng.random() < 0.15, **arguments)
        unused = [r for r in unused if r not in refs] + [y]
    total = None
    for r in unused:
        r = c.step("sum", c.step("sin", r, check=False), check=False)
        total = r if total is None else c.step("add", total, r, check=False)
    c.step("mul", total, c.number(2))
    y = c.operand(len(c.registers) - 1)
    return torch.isfinite(y).item() and y.requires_grad


def random_step(c, rng, x):
    """A step on register x that is sure to fit: its name, operands and arguments."""
    t = c.operand(x)
    dim = rng.randrange(-t.dim(), t.dim()) if t.dim() else 0
    fitting = [r for r in c.tensors() if fits(t.shape, c.operand(r).shape)]
    products = [r for r in c.tensors() if multiplies(t.shape, c.operand(r).shape)]
    choices = [(name, (x,), {}) for name in rng.sample(
        "sin cos tanh sigmoid gelu silu softplus erf abs relu neg".split(), 3)]
    choices += [(name, rng.sample((x, rng.choice(fitting)), 2), {})
                for name in rng.sample("add sub mul maximum minimum".split(), 4)]
    choices += [(name, (x,), dict(dim=dim)) for name in ("softmax", "log_softmax", "cumsum", "flip")]
    choices += [(name, (x,), dict(dim=dim, keepdim=rng.randint(0, 1)))
                for name in rng.sample("sum_dim mean_dim logsumexp_dim max_dim min_dim".split(), 2)]
    choices += [("sort", (x,), dict(dim=dim, descending=rng.randint(0, 1))), ("leaky_relu", (x,), dict(slope=0.1))]
    choices += [("clamp", (x,), dict(lo=-0.7, hi=0.9)), ("unsqueeze", (x,), dict(dim=0))]
    choices += [("matmul", (x, r), {}) for r in products[-2:]]
    if t.dim():
        choices += [("transpose", (x,), dict(dim0=dim, dim1=-1)), ("reshape", (x,), dict(shape=(-1, t.shape[0])))]
        start, step = rng.randint(0, t.shape[dim] - 1), rng.randint(1, 2)
        choices += [("slice", (x,), dict(dim=dim, start=start, end=t.shape[dim], step=step))]
        choices += [("select", (x,), dict(dim=dim, index=rng.randint(0, t.shape[dim] - 1))), ("norm", (x,), {})]
    if t.numel() < 60 and t.dim():
        choices += [("cat", (x, x), dict(dim=dim)), ("repeat", (x,), dict(shape=(2,) + (1,) * t.dim()))]
        choices += [("repeat_interleave_dim", (x,), dict(n=2, dim=dim))]
    if t.dim() > 1:
        choices += [(rng.choice(("tril", "triu")), (x,), dict(k=rng.randint(-1, 1)))]
    return rng.choice(choices)


def fits(a, b):
    try:
        return math.prod(torch.broadcast_shapes(a, b)) < 200
    except RuntimeError:
        return False


def multiplies(a, b):
    return len(a) > 0 and len(b) > 0 and len(a) + len(b) < 5 and a[-1] == b[-2 if len(b) > 1 else -1]


def stable(c):
    """Whether the case's gradients barely move with its inputs: only then can two correct libraries agree on them."""
    def run(factor):
        inputs = [c.registers[i].detach() * factor for i in c.inputs]
        leaves = [x.requires_grad_() for x in inputs]
        registers = dict(zip(c.inputs, leaves))
        for i, (name, refs, arguments) in c.steps.items():
            operands = [registers.get(r, c.operand(r)) for r in refs]
            y = apply(name, operands, arguments)
            registers[i] = y[0] if isinstance(y, tuple) else y
        return torch.autograd.grad(registers[max(c.steps)], leaves, allow_unused=True)
    pairs = [(g, h) for g, h in zip(run(1.0), run(1 + 1e-12)) if g is not None]
    return all(torch.allclose(g, h, 1e-9, 1e-10) and g.abs().max() < 1e4 for g, h in pairs)


LARGE = """
sum  (100003,)
mean  (317,331)
sum_dim  (317,331) dim=0 keepdim=0
mean_dim  (317,331) dim=1 keepdim=1
var  (50021,)
std_dim  (129,515) dim=-1 keepdim=0
logsumexp_dim  (65,1031) dim=0 keepdim=0
norm  (40009,)
softmax  (65,1030) dim=1  (1030,65) dim=0  (17,33,19) dim=1
log_softmax  (3,7001) dim=1
cumsum  (5003,) dim=0
max  (60013,)
max_dim  (211,307) dim=0 keepdim=0
min_dim  (211,307) dim=1 keepdim=0
sort  (5003,) dim=0 descending=0  (400,37) dim=0 descending=1
topk  (3,2003) k=9 dim=1
flip  (70,71) dim=0
transpose  (301,203) dim0=0 dim1=1
permute  (17,33,19) shape=(2,0,1)
tril  (90,91) k=3
exp  (33333,)
tanh  (4097,)
repeat  (90,13) shape=(3,2)
repeat_interleave_dim  (31,70) n=3 dim=0
slice  (9001,) dim=0 start=3 end=9000 step=7
"""
LARGE_OF_TWO = """
add  (70,71) (71,)
mul  (70,1) (1,73)
pow  (5003,) ()
maximum  (61,83) (61,83)
div  (1,300) (40,1)
matmul  (65,70) (70,33)  (128,200) (200,150)  (300,257) (257,)  (4,1,30,40) (5,40,20)
bmm  (3,40,50) (3,50,30)
mse_loss  (70,71) (70,71) reduction='none'
"""


def large(f):
    """More elements than a block or a thread's share; inputs and most outputs are not stored in full."""
    for k, (name, (shape,), arguments) in enumerate(table(LARGE)):
        for dtype in FLOATS:
            c = f.case(f"large {name} {shape_text(shape)}")
            layout = ["contiguous", "transposed@0", "stepped@0", "offset@0"][k % 4]
            seed = 2654435761 + 2 * k
            c.input(sequence(seed, math.prod(shape)).reshape(shape), dtype, layout=layout, seed=seed)
            scale = math.sqrt(math.prod(shape)) if "sum" in name else 1
            c.step(name, 0, some=True, scale=scale, **arguments)
            c.gradients(some=True, scale=scale)
    for k, (name, (a, b), arguments) in enumerate(table(LARGE_OF_TWO)):
        for dtype in FLOATS:
            c = f.case(f"large {name} {shape_text(a)} {shape_text(b)}")
            for j, shape in enumerate((a, b)):
                seed = 1640531527 + 4 * k + 2 * j
                layout = "stepped@-1" if shape and (j + k) % 2 else "contiguous"
                c.input(sequence(seed, math.prod(shape)).reshape(shape), dtype, layout=layout, seed=seed)
            refs = (c.step("exp", 0, check=False), 1) if name in ("pow", "div") else (0, 1)
            refs = (refs[0], c.step("exp", 1, check=False)) if name == "div" else refs
            c.step(name, *refs, some=True, scale=40, **arguments)
            c.gradients(some=True, scale=100)
    for dtype in FLOATS:
        c = f.case("large expression read by several reductions")
        x = c.input(sequence(3, 60 * 70).reshape(60, 70), dtype, layout="transposed@0", seed=3)
        w = c.input(sequence(5, 60).reshape(60, 1), dtype, layout="contiguous", seed=5)
        difference = c.step("mul", c.step("sub", x, w, check=False), w, check=False)
        e = c.step("exp", c.step("neg", c.step("square", difference, check=False), check=False), check=False)
        s = c.step("sum_dim", e, dim=1, keepdim=1, some=True)
        c.step("sum_dim", c.step("div", e, s, check=False), dim=0, keepdim=0, some=True)
        c.gradients(some=True)


