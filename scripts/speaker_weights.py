"""The weights of two published checkpoints as safetensors, with nothing but Python's own library.

    speaker_weights.py CHECKPOINT KEY OUT

CHECKPOINT is a file of torch.save (zip or the older form), KEY the entry that holds the state dict. The pickle is read
by an unpickler that knows three names; every other class in it (training settings of frameworks nobody needs here)
becomes an inert object, and nothing of the file is ever called.
"""
import io
import json
import pickle
import struct
import sys
import zipfile


class Storage:
    def __init__(self, key, count):
        self.key, self.count = key, count


class Tensor:
    def __init__(self, storage, offset, shape, stride, *_):
        self.storage, self.offset, self.shape, self.stride = storage, offset, tuple(shape), tuple(stride)


class Inert(dict):
    """Takes any arguments, entries and state, and keeps none."""

    def __new__(cls, *_, **__):
        return dict.__new__(cls)

    def __init__(self, *_, **__):
        super().__init__()

    def __setstate__(self, _):
        pass

    def __setitem__(self, _, __):
        pass


class OrderedDict(dict):
    def __setstate__(self, _):  # module metadata
        pass


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        return {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): Tensor,
            ("torch", "FloatStorage"): "float32",
        }.get((module, name), Inert)

    def persistent_load(self, pid):
        if pid[1] != "float32":
            return None
        return Storage(pid[2], int(pid[4]))


def read(path):
    """The pickled object, and a function that gives the bytes of a storage."""
    if zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path)
        name = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
        root = name[: -len("data.pkl")]
        return Reader(io.BytesIO(archive.read(name))).load(), lambda key: archive.read(f"{root}data/{key}")
    stream = open(path, "rb")
    for _ in range(3):  # magic number, protocol, machine
        Reader(stream).load()
    value = Reader(stream).load()
    storages = {}
    for key in Reader(stream).load():
        (count,) = struct.unpack("<q", stream.read(8))
        storages[key] = stream.read(4 * count)  # these files hold float32 alone
    return value, storages.__getitem__


def main(checkpoint, key, out):
    value, storage = read(checkpoint)
    header, parts, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, tensor in sorted(value[key].items()):
        expected, count = [], 1
        for size in reversed(tensor.shape):
            expected.insert(0, count)
            count *= size
        if tensor.shape and count > 1 and tuple(expected) != tensor.stride:
            sys.exit(f"{checkpoint}: {name} is not contiguous")
        data = storage(tensor.storage.key)[4 * tensor.offset : 4 * (tensor.offset + count)]
        if len(data) != 4 * count:
            sys.exit(f"{checkpoint}: {name} is cut off")
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(out, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


if __name__ == "__main__":
    main(*sys.argv[1:])
