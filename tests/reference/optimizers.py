"""Optimizers, groups of parameters, clipped gradients and schedules, over 20 steps."""

import itertools

from cases import F32, F64

KINDS = {
    "Adam": [dict(lr=0.05)] + [dict(lr=0.03, beta1=b1, beta2=b2, eps=eps, weight_decay=wd, amsgrad=ams, maximize=up)
                               for (b1, b2), eps, wd, ams, up in itertools.product(
                                   ((0.9, 0.999), (0.5, 0.9)), (1e-8, 0.01), (0, 0.1), (0, 1), (0, 1))],
    "RMSprop": [dict(lr=0.01)] + [dict(lr=0.01, alpha=alpha, eps=eps, weight_decay=wd, momentum=m, centered=c, maximize=up)
                                  for alpha, eps, wd, m, c, up in itertools.product(
                                      (0.99, 0.5), (1e-8, 0.01), (0, 0.1), (0, 0.9), (0, 1), (0,))],
    "Adagrad": [dict(lr=0.1)] + [dict(lr=0.1, lr_decay=d, eps=eps, weight_decay=wd, initial_accumulator_value=start,
                                      maximize=up)
                                 for d, eps, wd, start, up in itertools.product(
                                     (0, 0.1), (1e-10, 0.01), (0, 0.1), (0, 0.5), (0, 1))],
}
KINDS["AdamW"] = KINDS["Adam"]


def optimizers(f):
    for kind, list_of_options in KINDS.items():
        for i, options in enumerate(list_of_options):
            ill = options.get("centered")  # a small difference of large numbers
            case(f, kind, F64 if ill else (F32, F64)[i % 2], options)
    for kind, lr in (("SGD", 0.05), ("Adam", 0.03), ("AdamW", 0.03), ("RMSprop", 0.01), ("Adagrad", 0.1)):
        case(f, kind, F64, dict(lr=lr, weight_decay=0.1, second_lr=lr / 2, second_weight_decay=0))
        for schedule in ("step", "exponential", "linear", "cosine"):
            case(f, kind, F64, dict(lr=lr, schedule=schedule))
        case(f, kind, F64, dict(lr=lr, second_lr=lr / 3, schedule="linear", **{"and": "exponential"}))
        case(f, kind, F64, dict(lr=lr, clip_norm=0.5))
        case(f, kind, F32, dict(lr=lr, clip_value=0.1, clip_norm=100.0))
    plateaus(f)
    case(f, "SGD", F64, dict(lr=0.05, second_lr=0.01, schedule="linear", **{"and": "cosine"}))


def case(f, kind, dtype, options):
    c = f.case(f"{kind} {dtype} " + " ".join(f"{key}={value}" for key, value in options.items()))
    c.input([[1.0, -0.5, 0.25], [0.75, 1.5, -1.0], [-0.5, 0.25, 2.0], [1.25, 1.0, 0.5]], dtype, grad=False)
    c.input([0.5, -0.75, 0.25, 1.0], dtype, grad=False)
    c.input([0.3, -1.2, 0.8], dtype)
    c.input(1.5, dtype)
    c.input([4.0, -4.0], dtype)
    tolerance = "2e-05/2e-06" if dtype == F32 else None
    c.step("optimize", 0, 1, 2, 3, 4, kind=kind, tolerance=tolerance, **options)
    c.done()


def plateaus(f):
    falling = [5, 4, 3, 3, 3, 3, 2.9999, 2.99, 2.99, 3, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    for patience, cooldown, threshold, min_lr, maximize, absolute in itertools.product(
            (1, 3), (0, 2), (1e-4, 0.1), (0.0, 0.01), (0, 1), (0, 1)):
        c = f.case("plateau")
        values = [-v for v in falling] if maximize else falling
        c.step("plateau", c.input([float(v) for v in values], F64, grad=False, layout="contiguous"), factor=0.3,
               patience=patience, cooldown=cooldown, threshold=threshold, min_lr=min_lr, maximize=maximize,
               absolute=absolute)
        c.done()
