#pragma once
// Which bytes a set of tensors needs, each once.
#include <ATen/ATen.h>

#include <vector>

namespace testudo::tensors {

// A run of elements of one storage that tensors use together.
struct StorageRun {
    at::Tensor elements;  // [n], a view
    std::int64_t count = 0;
};

struct StoragePlan {
    struct Place {
        std::size_t run = 0;
        std::int64_t offset = 0;  // elements from the begin of the run
    };
    std::vector<StorageRun> runs;  // in order of first use
    std::vector<Place> places;     // of each tensor
};

// Tensors whose elements interleave in memory (tied ones, views) share a run; neighbours in a larger buffer
// do not, so a file holds no byte that no tensor uses between them.
StoragePlan plan_storages(const std::vector<at::Tensor>& tensors);

}  // namespace testudo::tensors
