"""Writes the .npy files that tests/test_npy.c reads: python3 tests/data/generate_npy.py, with NumPy."""

import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent


def save(name, array, version=(1, 0)):
    with open(FOLDER / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, np.asanyarray(array), version=version)


# Every type with values that show its sign, its width and its order of bytes, in each order that it has.
reals = np.array([[0.0, -1.5, 3.25], [1e10, -np.inf, np.nan]])
halves = np.array([0, -0.0, 1, -2.5, 65504, 2.0**-24, np.inf, -np.inf, np.nan])
for order, kind in (("<", "little"), (">", "big")):
    save(f"f4_{kind}", reals.astype(order + "f4"))
    save(f"f8_{kind}", reals.astype(order + "f8"))
    save(f"f2_{kind}", halves.astype(order + "f2"))
    save(f"i8_{kind}", np.array([1, -2, 2**62 + 3, -(2**63)], order + "i8"))
    save(f"i4_{kind}", np.array([1, -2, 2**31 - 1, -(2**31)], order + "i4"))
    save(f"i2_{kind}", np.array([1, -2, 2**15 - 1, -(2**15)], order + "i2"))
    save(f"u4_{kind}", np.array([1, 2**32 - 2, 2**31], order + "u4"))
    save(f"u2_{kind}", np.array([1, 2**16 - 2, 2**15], order + "u2"))
save("i1", np.array([1, -2, 127, -128], "i1"))
save("u1", np.array([1, 254, 128], "u1"))
save("b1", np.array([[True, False, True]]))

# Element [i, j, k] of shape (2, 3, 4) is 100 i + 10 j + k.
i, j, k = np.indices((2, 3, 4))
grid = 100 * i + 10 * j + k
save("fortran_f4", np.asfortranarray(grid.astype("<f4")))
save("fortran_i2_big", np.asfortranarray(grid.astype(">i2")))
save("version_2", grid.astype("<f8"), (2, 0))
save("version_3", grid.astype("<i8"), (3, 0))
save("scalar", np.float64(2.5))
save("empty", np.zeros((2, 0, 3), "<f4"))
save("fortran_empty", np.zeros((2, 0, 3), "<f4", order="F"))

# What atled does not take.
save("complex", np.array([1 + 2j], "<c8"))
save("u8", np.array([1], "<u8"))
save("text", np.array(["abc"], "<U3"))
save("record", np.array([(1, 2.0)], [("a", "<i4"), ("b", "<f4")]))
save("nine_dimensions", np.zeros((1,) * 9, "<f4"))
