"""Masked softmax, attention and the Transformer."""

from cases import F32, F64, I64, distinct, integers, numbers


def attention(f):
    masked_softmax(f)
    pooling(f)
    multi_head(f)
    positions(f)
    blocks(f)


def masked_softmax(f):
    for dtype in (F32, F64):
        for shape, lengths in (((2, 3, 4), None), ((2, 3, 4), [2, 4]), ((2, 3, 4), [0, 1]), ((2, 2, 3), [[1, 3], [0, 2]]),
                               ((1, 2, 5), [7]), ((2, 2, 3), [-1, 3]), ((0, 2, 3), []), ((2, 0, 3), [1, 2]), ((2, 3, 0), [0, 0])):
            c = f.case(f"masked_softmax {shape} {lengths}")
            refs = [c.input(distinct(f.rng, shape), dtype)]
            if lengths is not None:
                refs.append(c.input(lengths, I64))
            c.step("masked_softmax", *refs)
            c.gradients(second=True)


def pooling(f):
    lengths = ([2, 6], None, [[1, 3, 0], [6, 2, 4]])
    for name, size, options in (("additive_attention", 5, dict(hiddens=4)), ("dot_product_attention", 3, {})):
        for valid in lengths:
            for dropout in (0.0, 0.4):
                c = f.case(f"{name} {valid} dropout={dropout}")
                inputs = [c.input(numbers(f.rng, (2, n, s)), F32) for n, s in ((3, 3), (6, size), (6, 2))]
                if valid is not None:
                    inputs.append(c.input(valid, I64))
                c.step(name, *inputs, seed=6, dropout=dropout, **options)
                c.gradients()


def multi_head(f):
    for bias, sizes, valid in ((0, (6, 6, 6), [2, 5]), (1, (3, 4, 5), None), (0, (2, 2, 2), [[1, 3, 5], [0, 2, 4]])):
        c = f.case(f"multi_head_attention {sizes} {valid}")
        inputs = [c.input(numbers(f.rng, (2, n, s)), F32) for n, s in zip((3, 5, 5), sizes)]
        if valid is not None:
            inputs.append(c.input(valid, I64))
        c.step("multi_head_attention", *inputs, hiddens=6, heads=3, bias=bias, seed=8)
        c.gradients()


def positions(f):
    for shape, longest in (((2, 5, 6), 5), ((1, 60, 32), 1000), ((1, 4, 5), 10), ((2, 0, 4), 3)):
        c = f.case(f"positional_encoding {shape}")
        c.step("positional_encoding", c.input(numbers(f.rng, shape), F32), longest=longest,
               tolerance="1e-05/1e-05")  # sines of angles that float32 has rounded
        c.done()


def blocks(f):
    options = dict(hiddens=8, ffn_hiddens=5, heads=2, bias=0, vocabulary=7, layers=2, seed=3)
    for valid in ([3, 1], None):
        c = f.case(f"encoder_block {valid}")
        inputs = [c.input(numbers(f.rng, (2, 4, 8)), F32)] + ([c.input(valid, I64)] if valid else [])
        c.step("encoder_block", *inputs, tolerance="1e-04/2e-05", **options)
        c.gradients(scale=20)
        c = f.case(f"decoder_block {valid}")
        inputs = [c.input(numbers(f.rng, (2, n, 8)), F32) for n in (3, 4)] + ([c.input(valid, I64)] if valid else [])
        c.step("decoder_block", *inputs, tolerance="1e-04/2e-05", **{**options, "bias": 1})
        c.gradients(scale=20)
    c = f.case("transformer")
    c.step("transformer", c.input(integers(f.rng, (2, 5), 0, 6), I64), c.input(integers(f.rng, (2, 4), 0, 6), I64),
           c.input([3, 5], I64), tolerance="2e-04/5e-05", **options)
    c.done()
