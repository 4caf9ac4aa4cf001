"""Writing cases in the format that generate.py describes, and making their inputs."""

import ast
import math
import random

import numpy
import torch

from operations import BOOL, F32, F64, I64, NAMES, operation

DTYPES = (F32, F64, I64, BOOL)
FLOATS = (F64, F32)
RELATIVE = {F32: 1e-5, F64: 1e-10}
ABSOLUTE = {F32: 1e-6, F64: 1e-12}
ULPS = {F32: 1e-6, F64: 1e-13}  # for one function of one element: some eight ulp in float32
inf, nan = math.inf, math.nan


def sequence(seed, count):
    """Deterministic values in [-2, 2) that the reader can compute as well: inputs too long to store."""
    i = numpy.arange(1, count + 1, dtype=numpy.uint64)
    return torch.from_numpy((i * numpy.uint64(seed) % numpy.uint64(2**32)).astype(numpy.float64) / 2**30 - 2)


def checksum(flat):
    """The sum of each element times 1 + its index mod 7: unlike a plain sum, it notices elements out of order."""
    flat = flat.detach()
    weights = 1 + torch.arange(flat.numel()) % 7
    return (flat.to(I64) * weights).sum() if not flat.is_floating_point() else (flat.double() * weights).sum()


def text(x):
    """One element as the shortest text that reads back as the same number."""
    if x.dtype == F32:
        return str(x.numpy()[()]).removesuffix(".0")
    return repr(int(x) if x.dtype in (I64, BOOL) else float(x)).removesuffix(".0")


def values(x, some=False):
    flat = x.detach().contiguous().flatten()
    if some and flat.numel() > 17:
        return " ".join(["some", *map(text, flat[:8]), *map(text, flat[-8:]), text(checksum(flat))])
    return " ".join(map(text, flat))


def apply(name, operands, arguments):
    flags = {key: bool(v) for key, v in arguments.items() if key in ("keepdim", "descending", "nesterov", "maximize")}
    return operation(name)(*operands, **{**arguments, **flags})


def shape_text(shape):
    return "(" + ",".join(map(str, shape)) + ")"


class File:
    """One file of cases. `tight` outputs are compared to a few ulp instead of within the tolerances of sums."""

    def __init__(self, name, about, tight=False):
        self.name, self.tight = name, tight
        self.lines = ["# " + line for line in about.strip().splitlines()] + ["# Written by generate.py with PyTorch."]
        self.refused = {}
        self.rng = random.Random(name)

    def case(self, title):
        return Case(self, title)

    def write(self, folder):
        path = folder / (self.name + ".txt")
        path.write_text("\n".join(self.lines) + "\n")
        cases = sum(line.startswith("case ") for line in self.lines)
        print(f"{path.name}: {cases} cases, {path.stat().st_size} bytes")
        for (what, reason), titles in self.refused.items():
            print(f"    PyTorch refuses {what} in {len(titles)} cases ({titles[0]}, ...): {reason}")


class Case:
    def __init__(self, file, title):
        self.file, self.rng = file, file.rng
        self.lines = [f"case {title}"]
        self.registers = []  # tensors, numbers, and tuples of results
        self.inputs = []  # registers that take a gradient
        self.steps = {}
        torch.set_default_dtype(F32)

    def input(self, x, dtype=None, grad=None, layout=None, seed=None):
        """Adds an input; where `layout` is not given, one that fits is chosen at random."""
        x = x.to(dtype) if torch.is_tensor(x) else torch.tensor(x, dtype=dtype)
        layout = self.layout(x) if layout is None else layout
        if layout.startswith("expanded"):
            dim = int(layout.split("@")[1])
            x = x.narrow(dim, 0, 1).expand(x.shape)
        grad = x.is_floating_point() and grad is not False
        listed = f"sequence {seed}" if seed else values(x)
        kind = "gradient" if grad else "constant"
        self.lines.append(f"input {NAMES[x.dtype]} {shape_text(x.shape)} {layout} {kind} : {listed}")
        self.registers.append(x.detach().clone(memory_format=torch.contiguous_format).requires_grad_(grad))
        if grad:
            self.inputs.append(len(self.registers) - 1)
        return len(self.registers) - 1

    def layout(self, x):
        if x.dim() == 0:
            return self.rng.choice(("contiguous", "selected"))
        kind = self.rng.choice(("contiguous", "transposed", "stepped", "offset", "expanded"))
        if kind == "contiguous" or (kind == "expanded" and 0 in x.shape):
            return "contiguous"
        return f"{kind}@{self.rng.randrange(x.dim())}"

    def number(self, x):
        kind = {float: "float", int: "integer", bool: "bool"}[type(x)]
        self.lines.append(f"number {kind} : {repr(x) if type(x) is float else int(x)}")
        self.registers.append(x)
        return len(self.registers) - 1

    def operand(self, register):
        x = self.registers[register]
        return x[0] if isinstance(x, tuple) else x

    def step(self, name, *refs, check=True, tolerance=None, some=False, scale=None, **arguments):
        """Runs and writes a step and, with `check`, its results. A refused step is left out and gives None."""
        try:
            y = apply(name, map(self.operand, refs), arguments)
        except (RuntimeError, TypeError, IndexError) as error:
            self.refused(name, error)
            return None
        written = [f"{key}={shape_text(v) if isinstance(v, tuple) else v}" for key, v in arguments.items()]
        self.lines.append(" ".join(["step", name, *map(str, refs), *written]))
        results = y if isinstance(y, tuple) else (y,)
        for r in results if check else ():
            where = f"{NAMES[r.dtype]} {shape_text(r.shape)} {tolerance or self.tolerance(r, self.file.tight, scale)}"
            self.lines.append(f"output {where} : {values(r, some)}")
        self.registers.append(results)
        self.steps[len(self.registers) - 1] = (name, refs, arguments)
        return len(self.registers) - 1

    def refused(self, what, error):
        reason = str(error).splitlines()[0][:70]
        self.file.refused.setdefault((what, reason), []).append(self.lines[0].removeprefix("case "))

    def tensors(self):
        return [r for r in range(len(self.registers)) if torch.is_tensor(self.operand(r))]

    def tolerance(self, x, tight=False, scale=None):
        if not x.is_floating_point():
            return "exact"
        if tight:
            return "exact" if tight == "exact" else f"{ULPS[x.dtype]}/{1e-45 if x.dtype == F32 else 5e-324}"
        finite = x.detach()[torch.isfinite(x.detach())]
        scale = scale or (max(1.0, finite.abs().max().item()) if finite.numel() and not self.file.tight else 1.0)
        return f"{RELATIVE[x.dtype]}/{ABSOLUTE[x.dtype] * scale:.2g}"

    def gradients(self, covectors=1, second=False, some=False, scale=None):
        """Covectors for the last step's first result, and what they give for every input that takes a gradient."""
        y = self.operand(len(self.registers) - 1)
        if not y.requires_grad or not self.inputs:
            return self.done()
        leaves = [self.registers[i] for i in self.inputs]
        totals = [None] * len(leaves)
        for k in range(covectors):
            seed = 2654435769 + 2 * k
            w = sequence(seed, y.numel()) if some else torch.tensor(
                [self.rng.randint(-200, 200) / 100 for _ in range(y.numel())], dtype=F64)
            w = w.to(y.dtype).reshape(y.shape)
            listed = f"sequence {seed}" if some else values(w)
            self.lines.append(f"covector {NAMES[w.dtype]} {shape_text(w.shape)} : {listed}")
            try:
                got = torch.autograd.grad(y, leaves, w, create_graph=second, retain_graph=True, allow_unused=True)
            except RuntimeError as error:
                self.refused("gradient", error)
                self.lines.pop()
                return self.done()
            totals = [t if g is None else g if t is None else t + g for t, g in zip(totals, got)]
        for i, g in zip(self.inputs, totals):
            self.gradient("gradient", i, g, some, scale)
        if second:
            self.second(leaves, totals, scale)
        self.done()

    def gradient(self, word, i, g, some, scale):
        where = "none" if g is None else f"{NAMES[g.dtype]} {shape_text(g.shape)} {self.tolerance(g, scale=scale)}"
        self.lines.append(f"{word} {i} {where}" + ("" if g is None else f" : {values(g, some)}"))

    def second(self, leaves, first, scale):
        total = sum(g.square().sum() for g in first if g is not None)
        got = torch.autograd.grad(total, leaves, allow_unused=True)
        for i, leaf, g in zip(self.inputs, leaves, got):
            self.gradient("second", i, torch.zeros_like(leaf) if g is None else g, False, scale)

    def done(self):
        self.file.lines += self.lines


def table(text):
    """Reads lines of "NAME  SHAPE... KEY=VALUE...  SHAPE... KEY=VALUE...": two blanks stand between cases."""
    for line in text.strip().splitlines():
        name, *entries = line.split("  ")
        for entry in entries:
            words = entry.split()
            arguments = dict(word.split("=") for word in words if "=" in word)
            yield name, [ast.literal_eval(w) for w in words if "=" not in w], {
                key: ast.literal_eval(value) for key, value in arguments.items()}


def numbers(rng, shape, low=-2.0, high=2.0, digits=2):
    """Random values of a few digits, which keeps the files small; none is 0."""
    count = math.prod(shape)
    flat = [round(rng.uniform(low, high), digits) or 0.37 for _ in range(count)]
    return torch.tensor(flat, dtype=F64).reshape(shape)


def distinct(rng, shape):
    """Random values without ties."""
    flat = [i / 4 for i in range(-(math.prod(shape) // 2), math.prod(shape) - math.prod(shape) // 2)]
    rng.shuffle(flat)
    return torch.tensor(flat, dtype=F64).reshape(shape)


def integers(rng, shape, low, high):
    return torch.tensor([rng.randint(low, high) for _ in range(math.prod(shape))], dtype=I64).reshape(shape)


def booleans(rng, shape):
    return integers(rng, shape, 0, 1).to(BOOL)


def of_dtype(rng, shape, dtype, positive=False):
    if dtype == BOOL:
        return booleans(rng, shape)
    if dtype == I64:
        return integers(rng, shape, 1 if positive else -4, 4)
    return numbers(rng, shape, 0.3 if positive else -2, 2).to(dtype)


SHAPES = [(), (1,), (7,), (3, 4), (4, 1), (2, 3, 4), (0,), (2, 0, 3), (2, 1, 3, 2), (2, 3, 1, 2, 2)]
EIGHT = (1, 2, 1, 2, 3, 1, 2, 1)

