#pragma once
// Makes values of the graph that a pickle left.
#include <functional>
#include <string>

#include "tensors/pickle_machine.h"
#include "tensors/value.h"

namespace testudo::tensors {

// The bytes of storage `index` of the graph.
using StorageSource = std::function<at::Storage(std::size_t index)>;

// Error(input) naming `file` when the graph contains itself, is nested more than 100 levels deep, unfolds to
// far more than the pickle's `pickle_bytes` (shared lists that multiply), holds a key twice or one that is no
// plain value, or tensors that would unfold to far more than the `file_bytes` (expanded or shared without
// end).
Value assemble(const PickleGraph& graph, std::size_t pickle_bytes, std::size_t file_bytes,
               const std::string& file, const StorageSource& storage);

}  // namespace testudo::tensors
