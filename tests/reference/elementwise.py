"""Cases of the elementwise operations, and of the promotion of dtypes."""

import torch

from cases import (ABSOLUTE, DTYPES, EIGHT, FLOATS, RELATIVE, SHAPES, ULPS, booleans, inf, integers, nan, numbers,
                   of_dtype, shape_text)
from operations import BOOL, F32, F64, I64, NAMES

DOMAINS = {  # where an operation is real and well conditioned; (-2, 2) otherwise
    "log": (0.1, 4), "sqrt": (0.1, 4), "rsqrt": (0.1, 4), "log1p": (-0.8, 3), "tan": (-1.4, 1.4),
    "softplus": (-25, 25), "reciprocal": (0.2, 3), "floor": (-3, 3), "ceil": (-3, 3), "round": (-3, 3),
}
UNARY = ("neg abs sign exp log log1p expm1 sqrt rsqrt square reciprocal sin cos tan tanh sigmoid relu gelu silu "
         "softplus erf floor ceil round").split()
LOOSE = ("gelu", "softplus", "silu")  # compositions that cancel; PyTorch's own error is above a few ulp
FLUSHING = ("log1p", "sigmoid")  # PyTorch's results below the smallest normal number are 0
# From here on PyTorch overflows where the result does not: SLEEF's log1p, and the 2 x in square's gradient g * (2 x).
OVERFLOWS = {"log1p": {F32: 1e38, F64: 1e307}, "square": {F32: 1e38, F64: 5e307}}
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, inf, -inf, nan, 3.1415927, -3.1415927, 1.5707964,
           1e-3, -1e-3, 1e-8, -1e-8, 5.0, -5.0, 9.5, -9.5, 19.5, 20.0, 20.5, -20.5, 40.0, -40.0, 1e4, -1e4, 12345.678,
           1e10, -1e10, 33.0]
SPECIAL_BY = {
    F32: [1e-40, -1e-40, 1e-45, 1.2e-38, 3.4e38, -3.4e38, 88.7, 88.8, -87.4, -100.0, -103.9, -104.5, 1e30, 8388609.5],
    F64: [1e-310, -1e-310, 5e-324, 2.3e-308, 1.7e308, -1.7e308, 709.7, 709.8, -708.5, -740.0, -745.1, -746.0, 1e300,
          4503599627370497.5],
}


def unary(f):
    for name in UNARY:
        low, high = DOMAINS.get(name, (-2, 2))
        for k, dtype in enumerate(FLOATS):
            for shape in SHAPES[k::2] + [EIGHT] * (name in ("exp", "relu")):
                unary_case(f, name, numbers(f.rng, shape, low, high), dtype, shape_text(shape))
            limit = OVERFLOWS.get(name, {}).get(dtype, inf)
            special = [x for x in SPECIAL + SPECIAL_BY[dtype] if not limit <= abs(x) < inf]
            unary_case(f, name, special, dtype, "special values", layout="contiguous")
        for dtype in (I64, BOOL):
            c = f.case(f"{name} of {NAMES[dtype]}")
            c.input([[3, 0, 1], [2, 5, 1]] if dtype == BOOL or low >= 0 else [[3, 0, -2], [1, -1, 7]], dtype)
            if c.step(name, 0) is not None:
                c.done()
    for dtype in FLOATS:
        for slope in (0.01, 0.3, 0.0, -0.5):
            unary_case(f, "leaky_relu", SPECIAL, dtype, f"slope {slope}", layout="contiguous", slope=slope)
            unary_case(f, "leaky_relu", numbers(f.rng, (3, 4)), dtype, f"(3,4) slope {slope}", slope=slope)
        for lo, hi in ((-1.0, 1.0), (0.0, inf), (-inf, 0.5), (2.0, -1.0), (0.5, 0.5)):
            unary_case(f, "clamp", SPECIAL, dtype, f"to {lo} ... {hi}", layout="contiguous", lo=lo, hi=hi)
            unary_case(f, "clamp", numbers(f.rng, (2, 3, 2)), dtype, f"(2,3,2) to {lo} ... {hi}", lo=lo, hi=hi)
        for to in DTYPES:
            unary_case(f, "to", numbers(f.rng, (3, 4), -9, 9), dtype, f"from {NAMES[dtype]}", dtype_to=to)
        unary_case(f, "contiguous", numbers(f.rng, (3, 2, 2)), dtype, "(3,2,2)", layout="transposed@0")
    for dtype in (I64, BOOL):
        for to in DTYPES:
            unary_case(f, "to", of_dtype(f.rng, (3, 4), dtype), dtype, f"from {NAMES[dtype]}", dtype_to=to)
        unary_case(f, "logical_not", of_dtype(f.rng, (5,), dtype), dtype, f"of {NAMES[dtype]}")
    unary_case(f, "logical_not", [0.0, -0.0, nan, 1.0, inf], F32, "of float32", layout="contiguous")
    unary_case(f, "clamp", integers(f.rng, (3, 4), -9, 9), I64, "of int64", lo=-2, hi=3)
    for lo, hi in ((0, 0), (-0.5, 0.5)):
        unary_case(f, "clamp", [True, False, True], BOOL, f"of bool to {lo} ... {hi}", lo=lo, hi=hi)


def unary_case(f, name, x, dtype, title, layout=None, dtype_to=None, **arguments):
    if dtype_to:
        arguments["dtype"] = NAMES[dtype_to]
    c = f.case(f"{name} {title}")
    c.input(x, dtype, layout=layout)
    tolerance = None
    if name in LOOSE:
        tolerance = f"{RELATIVE[dtype]}/{ABSOLUTE[dtype]}"
    elif name in FLUSHING:
        tolerance = f"{ULPS[dtype]}/{torch.finfo(dtype).tiny:.2g}"
    c.step(name, 0, tolerance=tolerance, **arguments)
    c.gradients()


ARITHMETIC = "add sub mul div pow maximum minimum".split()
COMPARISONS = "eq ne lt le gt ge".split()
BROADCASTS = [((3, 4), (3, 4)), ((3, 4), (4,)), ((4,), (3, 4)), ((3, 1), (1, 4)), ((), (2, 3)), ((2, 3), ()), ((), ()),
              ((2, 1, 3), (4, 1)), ((1,), (5,)), ((0, 3), (1, 3)), ((2, 0), ()), ((1, 2, 1, 3, 1), (2, 1, 2, 1, 2)),
              ((2, 3, 2), (3, 1)), ((1, 1), (2, 2, 1, 2))]
KINKS = {
    "pow": ([0, 0, 0, 0, 0, -2, -2, -2, -2, 2, 2, inf, inf, -inf, 1, nan, nan, 0, 1, -1, 0.5, 0, -8, 0.0, -0.0, 9],
            [0, 1, 2, 0.5, 3, 2, 3, 0.5, -1, 0, -2, 2, -1, 3, nan, 0, 1, nan, inf, inf, -inf, -1, 1 / 3, 1e-3, 3, 0.5]),
    "default": ([0, 1, -1, 2, 2, nan, 1, nan, inf, inf, -inf, 0, -0.0, 5, 0, 3.5],
                [0, 1, -1, 3, 1, 1, nan, nan, inf, -inf, 1, -0.0, 0, inf, 7, -3.5]),
}


def binary(f):
    for name in ARITHMETIC:
        for k, (a, b) in enumerate(BROADCASTS):
            for dtype in FLOATS if k < 6 else FLOATS[k % 2:][:1]:
                c = f.case(f"{name} {shape_text(a)} with {shape_text(b)}")
                low = 0.2 if name in ("pow", "div") else -2
                c.input(numbers(f.rng, a, 0.2 if name == "pow" else -2), dtype, grad=k != 3)
                c.input(numbers(f.rng, b, low), dtype, grad=k != 4)
                c.step(name, 0, 1)
                c.gradients()
        for dtype in FLOATS:
            c = f.case(f"{name} special values")
            for x in KINKS.get(name, KINKS["default"]):
                c.input(x, dtype, layout="contiguous")
            c.step(name, 0, 1)
            c.gradients()
            c = f.case(f"{name} of a tensor with itself")
            c.input(numbers(f.rng, (3, 3), 0.2), dtype)
            c.step(name, 0, 0)
            c.gradients()
            for number in (2, -3, 0, 0.8, -1.5, 0.0, 0.1, 1e-3):
                for left in (False, True):
                    number_case(f, name, number, left, dtype)
    for name in COMPARISONS:
        for dtype in DTYPES:
            c = f.case(f"{name} of {NAMES[dtype]}")
            floats = [torch.tensor(f.rng.choices(KINKS["default"][0], k=18)) for _ in range(2)]
            a, b = floats if dtype in FLOATS else (of_dtype(f.rng, (18,), dtype) for _ in range(2))
            c.input(a.reshape(3, 1, 6), dtype, grad=False, layout="transposed@0")
            c.input(b.reshape(3, 6), dtype, grad=False, layout="offset@1")
            c.step(name, 0, 1)
            c.done()
    binary_integers(f)
    binary_masks(f)
    for dtype in FLOATS:
        c = f.case("a power of 0 stops what is not finite")
        c.input([-1.0, 2.0, 0.0, 3.0], dtype, layout="contiguous")
        c.input([0.0, 0.0, 0.0, 2.0], dtype, grad=False, layout="contiguous")
        c.input([nan, inf, nan, nan], dtype, grad=False, layout="contiguous")
        c.step("mul", 2, c.step("pow", 0, 1))
        c.gradients()


def number_case(f, name, number, left, dtype):
    c = f.case(f"{name} number {number} on the {'left' if left else 'right'}")
    x = numbers(f.rng, (2, 3), 0.2)
    x[1, 1] = number if name in ("maximum", "minimum") else 0.0 if name == "pow" and not left else 1.25
    c.input(x, dtype)
    c.number(number)
    c.step(name, *((1, 0) if left else (0, 1)))
    c.gradients()


def binary_integers(f):
    c = f.case("int64 keeps all 64 bits")
    c.input([2**53 + 1, -(2**62), 3, 2**40 + 1], I64, layout="contiguous")
    c.input([2, 2**53 + 1, -(2**53) - 1, 2**20], I64, layout="contiguous")
    c.number(2**53 + 1)
    for name in ("add", "sub", "mul", "maximum", "minimum", "eq", "lt", "ge", "div"):
        c.step(name, 0, 1)
        c.step(name, 0, 2)
        c.step(name, 2, 0)
    c.done()
    c = f.case("integer powers")
    c.input([2, -2, 0, 7, 1, -1, 3, 0, 2, -3], I64, layout="contiguous")
    c.input([10, 3, 0, 5, -2, -3, -1, 4, 40, 0], I64, layout="contiguous")
    c.step("pow", 0, 1)
    for exponent in (0, 1, 2, 3, 0.5, -1.0):
        c.step("pow", 0, c.number(exponent))
    c.done()
    c = f.case("division of integers")
    c.input([6, -7, 0, 1, -1], I64, layout="contiguous")
    c.input([4, 2, 0, 0, 0], I64, layout="contiguous")
    c.step("div", 0, 1)
    c.done()
    for dtype in DTYPES:
        c = f.case(f"logical operations of {NAMES[dtype]}")
        c.input([[0, 1, 0], [2, -3, 0]], dtype, grad=False)
        c.input([0, 1, 1], BOOL)
        for name in ("logical_and", "logical_or"):
            c.step(name, 0, 1)
            c.step(name, 1, 0)
            c.step(name, 0, 0)
        c.done()


def binary_masks(f):
    shapes = [((3, 4), (3, 4), (3, 4)), ((3, 1), (4,), (3, 4)), ((4,), (), (2, 1)), ((), (3,), (1,)),
              ((2, 0), (1,), (2, 1))]
    for dtype in FLOATS:
        for mask, a, b in shapes:
            c = f.case(f"where {shape_text(mask)} {shape_text(a)} {shape_text(b)}")
            c.input(booleans(f.rng, mask))
            c.input(numbers(f.rng, a), dtype)
            c.input(numbers(f.rng, b), dtype)
            c.step("where", 0, 1, 2)
            c.gradients()
            c = f.case(f"masked_fill {shape_text(a)} by mask {shape_text(mask)}")
            c.input(numbers(f.rng, a), dtype)
            c.input(booleans(f.rng, mask))
            c.number(f.rng.choice((2, -0.75, -inf)))
            c.step("masked_fill", 0, 1, 2)
            c.gradients()
        c = f.case("masked_fill with a tensor value")
        c.input(numbers(f.rng, (2, 3)), dtype)
        c.input(booleans(f.rng, (2, 3)))
        c.input(2.5, dtype)
        c.step("masked_fill", 0, 1, 2)
        c.gradients()
        for left in (False, True):
            c = f.case("where with a number")
            c.input([True, False, True], BOOL)
            c.input([1.5, nan, inf], dtype)
            c.number(2)
            c.step("where", 0, *((2, 1) if left else (1, 2)))
            c.gradients()
        c = f.case("where and masked_fill hide NaN and infinity")
        c.input([nan, inf, 1.0, 0.0], dtype, layout="contiguous")
        c.input([True, True, False, False], BOOL, layout="contiguous")
        c.step("log", 0, check=False)
        c.step("masked_fill", 2, 1, c.number(0.0))
        c.gradients()
        c = f.case("allclose and equal")
        close = [c.input(x, dtype, grad=False, layout="contiguous") for x in (
            [1.0, inf, 0.0, -2.0], [1.0, inf, 1e-9, -2.00001], [1.0, -inf, 0.0, -2.0], [1.0, nan, 0.0, -2.0])]
        for i in close:
            for j in close:
                c.step("allclose", i, j, rtol=1e-5, atol=1e-8)
                c.step("equal", i, j)
        c.done()


def promotion(f):
    forms = [((3,), (3,)), ((), (3,)), ((3,), ()), ((), ())]
    for a in DTYPES:
        for b in DTYPES:
            for sa, sb in forms:
                promotion_of_tensors(f, a, b, sa, sb)
            if a != BOOL and b in FLOATS:
                promotion_gradients(f, a, b)
        for shape in ((3,), ()):
            for number in (True, 3, 2.5):
                for default in FLOATS:
                    promotion_of_numbers(f, a, shape, number, default)


def promotion_of_tensors(f, a, b, sa, sb):
    c = f.case(f"promotion of {NAMES[a]} {shape_text(sa)} and {NAMES[b]} {shape_text(sb)}")
    c.input(of_dtype(f.rng, sa, a, positive=True), grad=False)
    c.input(of_dtype(f.rng, sb, b, positive=True), grad=False)
    c.input([True, False, True], BOOL)
    for name in ARITHMETIC + COMPARISONS + ["logical_and", "logical_or"]:
        c.step(name, 0, 1)
    c.step("where", 2, 0, 1)
    if sb == () and not (a in (I64, BOOL) and b in FLOATS):
        c.step("masked_fill", 0, 2, 1)
    if sa == sb and a != b:
        for name in ("cat", "stack") if sa else ("stack",):
            c.step(name, 0, 1, 0, dim=0)
    c.done()


def promotion_gradients(f, a, b):
    for name in ("add", "mul", "div", "pow", "maximum"):
        sa, sb = f.rng.choice([((3,), (3,)), ((), (3,)), ((3,), ()), ((2, 1), (3,))])
        c = f.case(f"gradients of {name}, {NAMES[a]} {shape_text(sa)} and {NAMES[b]} {shape_text(sb)}")
        c.input(of_dtype(f.rng, sa, a, positive=True))
        c.input(of_dtype(f.rng, sb, b, positive=True))
        c.step(name, 0, 1)
        c.gradients()


def promotion_of_numbers(f, dtype, shape, number, default):
    c = f.case(f"promotion of {NAMES[dtype]} {shape_text(shape)} and {number!r}, default {NAMES[default]}")
    c.step("default_dtype", dtype=NAMES[default])
    x = c.input(of_dtype(f.rng, shape, dtype, positive=True), grad=False)
    mask = c.input([True, False, True], BOOL)
    n = c.number(number)
    for name in ARITHMETIC + COMPARISONS:
        c.step(name, x, n)
        c.step(name, n, x)
    c.step("where", mask, x, n)
    c.step("where", mask, n, x)
    c.step("where", mask, n, n)
    if not (dtype in (I64, BOOL) and isinstance(number, float)):
        c.step("masked_fill", x, mask, n)
    for name in ("exp", "sqrt", "reciprocal", "sigmoid"):
        c.step(name, x)
    c.done()


