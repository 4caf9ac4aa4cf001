"""Layers of nn/, drawn from a seed."""

from cases import F32, F64, numbers


def layers(f):
    initialisers(f)
    linear(f)


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
