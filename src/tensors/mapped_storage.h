#pragma once
// Tensors that are views of a mapped file.
#include <ATen/ATen.h>

#include <memory>
#include <span>
#include <string>

#include "core/files.h"
#include "tensors/dtypes.h"

namespace testudo::tensors {

// A file mapped copy-on-write, shared by all tensors that lie in it.
using Map = std::shared_ptr<MappedFile>;

// Bytes [offset, offset + bytes) of the map, which must hold them, as a storage on the CPU; copied when the
// place is not a multiple of `alignment`.
at::Storage storage_of(const Map& map, std::size_t offset, std::size_t bytes, std::size_t alignment);

// Elements of a storage as a tensor. Damage names `what`: negative or absurd sizes, elements outside the
// `available` ones that begin at element `first` of the storage.
struct Geometry {
    std::int64_t offset = 0;  // elements
    std::vector<std::int64_t> sizes, strides;
};
// Returns the number of elements; throws Error(input).
std::int64_t check_geometry(const Geometry& geometry, std::int64_t available, const std::string& file);
at::Tensor view_of(const at::Storage& storage, const ElementType& type, const Geometry& geometry);

std::vector<std::int64_t> row_major_strides(std::span<const std::int64_t> sizes);

// Lets go of pages that were only looked at (to check them): they count for this process' memory no longer.
void forget_pages(std::span<const std::byte> bytes);
// The same of a tensor that lies in a mapped file and was not written to; nothing for any other.
void forget_pages_of(const at::Tensor& tensor);

}  // namespace testudo::tensors
