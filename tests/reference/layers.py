"""Layers of nn/, drawn from a seed."""

import itertools

from cases import F32, F64, I64, distinct, integers, numbers


def layers(f):
    initialisers(f)
    linear(f)
    embedding(f)
    layer_norm(f)
    dropout(f)
    recurrent(f)
    losses(f)


def initialisers(f):
    arguments = {"uniform": (-0.3, 1.7), "normal": (0.5, 2.0), "constant": (0.25, 0.0), "xavier_uniform": (1.0, 0.0),
                 "xavier_normal": (1.4142135623730951, 0.0), "kaiming_uniform": (0.0, 0.0), "kaiming_normal": (0.2, 0.0)}
    for name, (a, b) in arguments.items():
        for shape in ((3, 4), (7, 5), (2, 3, 5), (16, 16), (1, 1)):
            c = f.case(f"init {name} {shape}")
            c.step("init", kind=name, shape=shape, a=a, b=b, seed=len(shape) + shape[0], tolerance=TOLERANCE.get(name, "exact"))
            c.done()


TOLERANCE = {name: "1e-06/1e-06" for name in ("normal", "xavier_normal", "kaiming_normal")}  # of 16 numbers or more


def linear(f):
    for shape, inputs, outputs, bias in (((2, 3), 3, 4, 1), ((3,), 3, 2, 1), ((2, 5, 3), 3, 4, 0), ((2, 2, 2, 4), 4, 1, 1),
                                         ((0, 3), 3, 2, 1), ((1, 1), 1, 1, 1)):
        c = f.case(f"linear {shape} {inputs} {outputs} bias={bias}")
        c.step("linear", c.input(numbers(f.rng, shape), F32), inputs=inputs, outputs=outputs, bias=bias, seed=5)
        c.gradients(second=True)
    c = f.case("sequential")
    c.step("sequential", c.input(numbers(f.rng, (3, 2)), F32), inputs=2, outputs=3, seed=9)
    c.gradients(second=True)


def embedding(f):
    for shape, padded, padding in (((4,), 0, 0), ((2, 3), 1, 1), ((2, 2, 3), 1, -1), ((), 0, 0), ((0,), 1, 0)):
        c = f.case(f"embedding {shape}")
        c.step("embedding", c.input(integers(f.rng, shape, 0, 4), I64), entries=5, size=3, padded=padded, padding=padding,
               seed=3)
        c.done()


def layer_norm(f):
    for dtype, (shape, norm) in itertools.product((F32,), (((4, 3), (3,)), ((2, 3, 5), (5,)), ((2, 3, 4), (3, 4)),
                                                           ((6,), (6,)), ((0, 3), (3,)), ((3, 1), (1,)), ((2, 2, 2, 2), (2, 2, 2)))):
        c = f.case(f"layer_norm {shape} over {norm}")
        layout = "contiguous" if len(shape) < 2 else "transposed@0"  # equal numbers, of which rounding is all there is
        c.step("layer_norm", c.input(distinct(f.rng, shape), dtype, layout=layout), shape=norm, seed=4)
        if norm == (1,):
            c.done()
        else:
            c.gradients(second=0 not in shape)


def dropout(f):
    for p, shape, dtype, eval in itertools.product((0.0, 0.3, 0.5, 1.0), ((7,), (20, 30)), (F32, F64), (0, 1)):
        c = f.case(f"dropout {p} {shape} eval={eval}")
        c.step("dropout", c.input(numbers(f.rng, shape), dtype), p=p, eval=eval, seed=11)
        c.gradients()


def losses(f):
    for dtype, reduction, shape in itertools.product((F32, F64), ("none", "mean", "sum"), ((5,), (2, 3), (), (0, 2))):
        for name, options in (("l1_loss", {}), ("huber_loss", dict(delta=1.0)), ("huber_loss", dict(delta=0.4)),
                              ("bce_with_logits_loss", {})):
            c = f.case(f"{name} {shape} {reduction}")
            low, high = (0.0, 1.0) if name.startswith("bce") else (-2.0, 2.0)
            x, y = c.input(numbers(f.rng, shape), dtype), c.input(numbers(f.rng, shape, low, high), dtype)
            c.step(name, x, y, reduction=reduction, **options)
            c.gradients(second=name != "l1_loss")
    for dtype in (F32, F64):
        c = f.case("bce_with_logits_loss at the ends")
        x = c.input([0.0, -0.0, 50.0, -50.0, 800.0, -800.0, 20.5, -20.5, 1e-3], dtype, layout="contiguous")
        c.step("bce_with_logits_loss", x, c.input([0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.25, 0.75, 0.5], dtype, grad=False),
               reduction="none")
        c.gradients()
    for name, dtype, reduction, shape in itertools.product(("cross_entropy_loss", "nll_loss"), (F32, F64),
                                                           ("none", "mean", "sum"), ((4,), (5, 4), (3, 4, 2), (2, 4, 2, 3))):
        for ignore, smoothing in ((-100, 0.0), (1, 0.0), (-100, 0.1), (2, 0.3), (-100, 1.0)):
            if name == "nll_loss" and smoothing:
                continue
            c = f.case(f"{name} {shape} {reduction} ignore={ignore} smoothing={smoothing}")
            target = integers(f.rng, shape[:1] + shape[2:] if len(shape) > 1 else (), 0, 3)
            x = c.input(numbers(f.rng, shape), dtype)
            options = dict(label_smoothing=smoothing) if name == "cross_entropy_loss" else {}
            c.step(name, x, c.input(target, I64), reduction=reduction, ignore_index=ignore, **options)
            c.gradients(second=name == "cross_entropy_loss" and not smoothing)
    c = f.case("cross_entropy_loss where all is ignored")
    c.step("cross_entropy_loss", c.input([[1.0, 2.0]], F64), c.input([1], I64), reduction="mean", ignore_index=1,
           label_smoothing=0.0)
    c.done()
    for dtype in (F32, F64):
        c = f.case("masked_cross_entropy_loss")
        c.step("masked_cross_entropy_loss", c.input(numbers(f.rng, (3, 4, 5)), dtype),
               c.input(integers(f.rng, (3, 4), 0, 4), I64), c.input([4, 2, 0], I64))
        c.gradients(second=True)
    for dtype in (F32, F64):
        c = f.case("huber_loss at the ends")
        x = c.input([float("inf"), float("-inf"), 50.0, -50.0, 1.0, -1.0, 0.0], dtype, layout="contiguous")
        c.step("huber_loss", x, c.input([0.0] * 7, dtype, grad=False), reduction="none", delta=1.0)
        c.gradients()


def recurrent(f):
    for name in ("gru", "lstm"):
        for shape, hiddens, layers, dropout in (((4, 2, 3), 5, 1, 0.0), ((3, 2, 4), 3, 2, 0.0), ((1, 1, 2), 4, 1, 0.0),
                                                ((3, 2, 3), 4, 3, 0.4)):
            c = f.case(f"{name} {shape} hiddens={hiddens} layers={layers} dropout={dropout}")
            c.step(name, c.input(numbers(f.rng, shape), F32), hiddens=hiddens, layers=layers, dropout=dropout, seed=21)
            c.gradients()
