"""Mini-batches of a data loader."""

import itertools


def batches(f):
    for n, size, shuffle, drop_last in itertools.product((1, 7, 10), (1, 3, 7, 20), (0, 1), (0, 1)):
        c = f.case(f"data_loader {n} rows, batches of {size}, shuffle={shuffle}, drop_last={drop_last}")
        c.step("data_loader", rows=n, batch_size=size, shuffle=shuffle, drop_last=drop_last, epochs=3, seed=n + size)
        c.done()
    c = f.case("data_loader of many rows")
    c.step("data_loader", rows=1000, batch_size=64, shuffle=1, drop_last=0, epochs=2, seed=0)
    c.done()
