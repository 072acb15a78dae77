#pragma once
// Runs a pickle program on a closed list of opcodes and names, and leaves its result as a graph of plain
// nodes. Nothing is called, nothing of the weights is touched; the graph may share and even contain itself,
// so that only pickle_assemble.h, which counts what it unfolds, makes values of it.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensors/dtypes.h"
#include "tensors/mapped_storage.h"
#include "tensors/value.h"

namespace testudo::tensors {

using NodeId = std::uint32_t;

struct Node {
    enum class Kind { none, boolean, integer, huge, real, text, list, tuple, dict, global, storage, tensor };
    Kind kind = Kind::none;
    Dict::Kind dict_kind = Dict::Kind::plain;
    bool object = false;       // dict: a module of a TorchScript program, by its attributes
    std::int64_t integer = 0;  // boolean, integer; index of a storage reference or a tensor; which global
    double real = 0;
    std::string_view text{};         // text, huge (its bytes), global; lies in the file
    std::vector<NodeId> children{};  // list, tuple; dict: key, value, key, value, …
};

// One storage of the file, as the pickle announces it.
struct StorageSpec {
    std::string key;
    const ElementType* type = nullptr;
    std::int64_t elements = 0;
};

// A storage as tensors name it: in very old files a part of one.
struct StorageReference {
    std::size_t spec = 0;
    std::int64_t first = 0, elements = 0;
};

struct TensorSpec {
    StorageReference storage;
    Geometry geometry;
};

struct PickleGraph {
    std::vector<Node> nodes;
    std::vector<StorageSpec> storages;  // each key once
    std::vector<StorageReference> references;
    std::vector<TensorSpec> tensors;
    NodeId root = 0;
    std::size_t end = 0;  // where the program stopped, in `bytes`
};

enum class Dialect {
    checkpoint,
    torchscript,  // also modules: objects of the program's own classes, which become dicts of their
                  // attributes
};

// Runs the program that begins at `begin`. Error(input) naming `file`.
PickleGraph run_pickle(std::span<const std::byte> bytes, std::size_t begin, const std::string& file,
                       Dialect dialect = Dialect::checkpoint);

}  // namespace testudo::tensors
