#pragma once
// PyTorch's checkpoint files (.pth, .pt, .state), read without executing anything in them.
//
// Forms: the zip form of torch.save since 1.6 and the older stream of pickles. The pickle program is run by
// our own machine, which knows the values of value.h, storages and the three functions that rebuild tensors;
// any other name or opcode in the file is refused by its name. Formats: docs/formats.md.
#include <filesystem>
#include <functional>

#include "tensors/named_tensors.h"
#include "tensors/value.h"

namespace testudo::tensors {

namespace fs = std::filesystem;

// How much of a file is looked at before it is trusted.
enum class Check {
    contents,   // also the checksum of every storage that is used (about 0.1 s per GB once the file is in
                // memory)
    structure,  // sizes, bounds and the pickle's own checksum only: nothing of the weights is read
};

// Tensors are views of a copy-on-write map of the file, kept alive by them (a storage that lies misaligned,
// which is common in the old form, is copied); they lie on the CPU whatever device the file names, strides
// and shared storages kept. Writing into them never changes the file. Do not truncate or overwrite the file
// in place while they live: replace it by rename, as AtomicFile does. Error(input) for anything that is
// damaged, hostile, or not on the closed list.
Value read_pickle(const fs::path& path, Check check = Check::contents);

// Zip form with 64-byte-aligned storages, readable by torch.load(weights_only=True, mmap=True). Streams from
// the tensors, atomically; tensors that overlap in memory (tied, views) share one storage of just the range
// they use. Tensors of other devices are copied to the CPU one at a time. Error(usage) for a tensor that the
// format cannot hold (sparse, quantised, complex), Error(environment) when the disk is full.
// `at_write`, where given, is handed each run of elements ([n], as tensors use them) when its turn comes and
// returns it or others of the same count and type to write in its place, such as merged weights.
using AtWrite = std::function<at::Tensor(const at::Tensor& elements)>;
void write_pickle(const fs::path& path, const Value& value, const AtWrite& at_write = {});

}  // namespace testudo::tensors
