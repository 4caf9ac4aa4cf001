#!/usr/bin/env python3
"""Writes tests/data/python.safetensors with the Python package safetensors, and reads what atled wrote with it.

python3 tests/data/generate_safetensors.py          writes python.safetensors
python3 tests/data/generate_safetensors.py check    reads atled.safetensors, which ATLED_SNAPSHOT=update build/tests/check save
                                                    has atled write
Needs numpy and safetensors.
"""

import os
import struct
import sys

import numpy as np
import safetensors
import safetensors.numpy

FOLDER = os.path.dirname(os.path.abspath(__file__))
REALS = [0.0, -1.5, 3.25, 1e10, -np.inf, np.nan]
ARRAYS = {
    "f32": np.array(REALS, np.float32).reshape(2, 3),
    "f64": np.array(REALS, np.float64).reshape(3, 2),
    "i64": np.array([1, -2, 2**62 + 3, -(2**63)], np.int64),
    "bool": np.array([[True, False, True]]),
    "scalar": np.array(2.5, np.float32),
    "empty": np.zeros((0, 3), np.float32),
    "größe": np.array([1.0], np.float32),
}
ONLY_READ = {
    "f16": np.array([0, -0.0, 1, -2.5, 65504, 2.0**-24, np.inf, -np.inf, np.nan], np.float16),
    "i32": np.array([1, -2, 2**31 - 1, -(2**31)], np.int32),
    "i16": np.array([1, -2, 2**15 - 1, -(2**15)], np.int16),
    "i8": np.array([1, -2, 127, -128], np.int8),
    "u32": np.array([1, 2**32 - 2, 2**31], np.uint32),
    "u16": np.array([1, 65534, 32768], np.uint16),
    "u8": np.array([1, 254, 128], np.uint8),
}
BF16 = np.array([1.0, -2.5, 0.15625, np.inf], np.float32)  # exact in eight bits
REMARKS = {"format": "np", "note": "Ünïcode \"quoted\""}


def add_bf16(path):
    """numpy has no bfloat16: a tensor of it, the first half of each float32, goes behind the others by hand."""
    import json

    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()
    halves = (BF16.view(np.uint32) >> 16).astype("<u2").tobytes()
    header["bf16"] = {"dtype": "BF16", "shape": [2, 2], "data_offsets": [len(data), len(data) + len(halves)]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data + halves)
    with safetensors.safe_open(path, "np") as opened:  # it is a file that the package takes
        assert set(opened.keys()) == {*ARRAYS, *ONLY_READ, "bf16"}


def check(path):
    with safetensors.safe_open(path, "np") as opened:
        assert opened.metadata() == REMARKS, opened.metadata()
        assert set(opened.keys()) == set(ARRAYS), opened.keys()
    for name, array in safetensors.numpy.load_file(path).items():
        wanted = ARRAYS[name]
        assert array.dtype == wanted.dtype and array.shape == wanted.shape, name
        assert array.tobytes() == wanted.tobytes(), name
    print(f"{path}: as it should be")


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        check(os.path.join(FOLDER, "atled.safetensors"))
    else:
        path = os.path.join(FOLDER, "python.safetensors")
        safetensors.numpy.save_file({**ARRAYS, **ONLY_READ}, path, metadata=REMARKS)
        add_bf16(path)
