"""Cases of random numbers, new tensors, and training."""

import itertools

import torch

from cases import DTYPES, FLOATS, numbers, of_dtype, shape_text, values
from operations import F32, F64, NAMES, train_nadaraya_watson

SEEDS = (0, 1, 42, 2**31, 2**32 + 5, 12345678901, 2**64 - 1)


def random_calls(rng, sizes):
    """Every kind of call at every size, in a random order, so that what one leaves behind meets what another needs."""
    uniform = ((1,), (3,), (7,), (16,), (17,), (50,), (1000,), (0,), (2, 3, 4), ())
    calls = [("rand", dict(shape=shape)) for shape in uniform]
    calls += [("randn", dict(shape=shape)) for shape in (*((n,) for n in sizes), (5, 7), (2, 3), (), (0,))]
    for n in sizes:
        calls.append(("normal", dict(mean=rng.choice((0.0, 10.0, -0.25)), std=rng.choice((0.5, 1.0, 3.0)), shape=(n,))))
    calls.append(("normal", dict(mean=2.5, std=0.0, shape=(3,))))
    ranges = [(0, 10, 7), (0, 2, 33), (-5, 5, 20), (5, 6, 3), (-3, 2**31, 6), (0, 2**32 - 1, 9), (0, 2**32, 9),
              (-(2**40), 2**41, 12), (-(2**63), 2**63 - 1, 5)]
    calls += [("randint", dict(low=low, high=high, shape=(n,))) for low, high, n in ranges]
    calls += [("randperm", dict(n=n)) for n in (1, 5, 100, 1000, 0)]
    rng.shuffle(calls)
    return calls


def random_streams(f):
    for seed in SEEDS:
        for kind in ("float32", "float64", "both"):
            c = f.case(f"stream of seed {seed}, {kind}")
            c.step("manual_seed", seed=seed)
            if kind == "float64":
                c.step("default_dtype", dtype=kind)
            sizes = (*range(1, 16), 16, 17, 31, 32, 33, 100)
            for k, (name, arguments) in enumerate(random_calls(f.rng, sizes)):
                if kind == "both" and f.rng.random() < 0.4:
                    c.step("default_dtype", dtype=f.rng.choice(("float32", "float64")))
                if kind == "both" and k % 25 == 24:
                    c.step("manual_seed", seed=(seed + k) % 2**64)
                random_call(c, name, arguments)
            c.done()
    for dtype in FLOATS:
        c = f.case("random numbers like a tensor")
        c.input(numbers(f.rng, (3, 9)), dtype, layout="transposed@0")
        c.step("manual_seed", seed=7)
        random_call(c, "rand_like", {}, 0)
        random_call(c, "randn_like", {}, 0)
        c.step("zeros_like", 0)
        c.step("ones_like", 0)
        c.done()


def random_call(c, name, arguments, *refs):
    normal = name in ("randn", "normal", "randn_like")
    dtype = c.operand(refs[0]).dtype if refs else torch.get_default_dtype()
    relative = 1e-6 if dtype == F32 else 1e-12
    tolerance = f"{relative}/{relative * arguments.get('std', 1.0):.1g}" if normal else "exact"
    c.step(name, *refs, tolerance=tolerance, some=True, **arguments)


def creation(f):
    for dtype in FLOATS:
        c = f.case(f"creation in {NAMES[dtype]}")
        c.step("default_dtype", dtype=NAMES[dtype])
        for shape in ((), (3,), (2, 0), (2, 1, 3)):
            c.step("zeros", shape=shape)
            c.step("ones", shape=shape)
            c.step("full", value=-2.75, shape=shape)
        for n in (0, 1, 3):
            c.step("eye", n=n)
        for start, end, step in ((0, 5, 0.1), (0, 5, 1), (3, -2, -0.7), (1, 1, 1), (-1, 2, 0.3)):
            c.step("arange", start=start, end=end, step=step)
        for start, end, steps in ((0, 1, 5), (-3, 7, 11), (2, 2, 3), (0, 1, 1), (5, 1, 0), (1, -1, 8)):
            c.step("linspace", start=start, end=end, steps=steps)
        c.step("scalar", value=0.1)
        for of in DTYPES:
            x = c.input(of_dtype(f.rng, (2, 3), of), grad=False)
            c.step("zeros_like", x)
            c.step("ones_like", x)
        c.done()


def training(f):
    for dtype in FLOATS:
        every = itertools.product((0, 0.9), (0, 0.3), (0, 0.1), (0, 1), (0, 1))
        for momentum, dampening, weight_decay, nesterov, maximize in every:
            if not nesterov or (momentum and not dampening):
                sgd_case(f, dtype, dict(lr=0.05, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                                        nesterov=nesterov, maximize=maximize))
    for n, lr, seed in itertools.product((10, 50, 133), (0.1, 0.5), range(10)):
        training_case(f, dict(seed=seed, n=n, lr=lr, epochs=5))


def sgd_case(f, dtype, options):
    c = f.case("sgd " + " ".join(f"{key}={value}" for key, value in options.items()))
    c.input([[1.0, -0.5, 0.25], [0.75, 1.5, -1.0], [-0.5, 0.25, 2.0], [1.25, 1.0, 0.5]], dtype, grad=False)
    c.input([0.5, -0.75, 0.25, 1.0], dtype, grad=False)
    c.input([0.3, -1.2, 0.8], dtype)
    c.input(1.5, dtype)
    c.input([4.0, -4.0], dtype)
    c.step("sgd", 0, 1, 2, 3, 4, **options)
    c.done()


def training_case(f, options):
    """Losses to eight digits. Where the rate is too large for so few points, rounding errors grow from epoch to epoch:
    what PyTorch itself gives when it trains in float64 says how far."""
    c = f.case("Nadaraya-Watson " + " ".join(f"{key}={value}" for key, value in options.items()))
    single, double = (train_nadaraya_watson(dtype=dtype, **options) for dtype in (F32, F64))
    c.step("train_nadaraya_watson", check=False, **options)
    for what, x, y in zip(("losses", "w"), single, double):
        spread = ((x - y) / y).abs().max().item()
        if spread > 4e-6:
            print(f"    {c.lines[0]}: {what} in float32 and float64 differ by {spread:.1e}")
        listed = values(x) if what == "w" else " ".join(f"{loss:.8g}" for loss in x.tolist())
        c.lines.append(f"output {NAMES[x.dtype]} {shape_text(x.shape)} {max(2e-5, 5 * spread):.1e}/0 : {listed}")
    c.done()
