#!/usr/bin/env python3
"""Compare a .pth that Testudo wrote with its safetensors twin, as PyTorch sees them.

For developers only: the program needs no Python. Needs torch and numpy in the Python that runs it, e.g.
    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install torch numpy
    /tmp/venv/bin/python scripts/check_checkpoint_compat.py model.pth model.safetensors

Loads the .pth with torch.load(weights_only=True), plain and mapped, with storage places read and computed, and compares
every tensor (shape, type, bytes) with the safetensors file, which is parsed here in a few lines. Without a second file it
only loads. --state prints the structure of a .state; --write-twin rewrites the .pth by torch.save for the way back.
"""
import argparse
import json
import struct
import sys

import numpy
import torch

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    out = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = torch.from_numpy(numpy.frombuffer(data[begin:end], dtype=numpy.uint8).copy())
        dtype = DTYPES[entry["dtype"]]
        out[name] = raw.view(dtype).reshape(entry["shape"]) if begin < end else torch.empty(entry["shape"], dtype=dtype)
    return out


def tensors_in(value, name=""):
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from tensors_in(entry, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for index, entry in enumerate(value):
            yield from tensors_in(entry, f"{name}[{index}]")


def same(a, b):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.numel() == 0:
        return True
    a, b = (t.contiguous().reshape(-1).view(torch.uint8) for t in (a, b))
    return torch.equal(a, b)


def shape_of(value):
    if isinstance(value, torch.Tensor):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, dict):
        return type(value).__name__, {str(key): shape_of(entry) for key, entry in list(value.items())[:6]}
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [shape_of(entry) for entry in list(value)[:3]]
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pth")
    parser.add_argument("twin", nargs="?")
    parser.add_argument("--state", action="store_true")
    parser.add_argument("--write-twin", metavar="FILE")
    arguments = parser.parse_args()

    plain = torch.load(arguments.pth, weights_only=True)
    mapped = torch.load(arguments.pth, weights_only=True, mmap=True)
    loads = {"plain": plain, "mapped": mapped}
    try:
        from torch.utils.serialization import config
        with config.patch("load.calculate_storage_offsets", True):
            loads["computed places"] = torch.load(arguments.pth, weights_only=True, mmap=True)
    except ImportError:
        print("this torch does not compute storage places: skipped")
    reference = dict(tensors_in(plain))
    failures = 0
    for how, value in loads.items():
        found = dict(tensors_in(value))
        wrong = [name for name in reference if name not in found or not same(reference[name], found[name])]
        print(f"{how}: {len(found)} tensors, {len(wrong)} differ")
        failures += len(wrong) + (found.keys() != reference.keys())
    if arguments.twin:
        twin = read_safetensors(arguments.twin)
        wrong = [name for name in twin if name not in reference or not same(reference[name], twin[name])]
        missing = [name for name in reference if name not in twin]
        print(f"{arguments.twin}: {len(twin)} tensors, {len(wrong)} differ, {len(missing)} missing {(wrong + missing)[:5]}")
        failures += len(wrong) + len(missing)
    if arguments.state:
        print(json.dumps(shape_of(plain), indent=1, default=str))
    if arguments.write_twin:
        torch.save(plain, arguments.write_twin)
    print("FAILED" if failures else "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
