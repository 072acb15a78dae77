#include "tensors/mapped_storage.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <limits>

#include "core/strings.h"
#include "tensors/damage.h"

namespace testudo::tensors {

namespace {

void release_map(void* held) { delete static_cast<Map*>(held); }

}  // namespace

at::Storage storage_of(const Map& map, std::size_t offset, std::size_t bytes, std::size_t alignment) {
    std::byte* data = map->bytes().data() + offset;
    if (bytes == 0 || reinterpret_cast<std::uintptr_t>(data) % alignment != 0) {
        at::DataPtr copy = at::getCPUAllocator()->allocate(bytes);
        if (bytes > 0) std::memcpy(copy.get(), data, bytes);
        return at::Storage(at::Storage::use_byte_size_t(), bytes, std::move(copy), nullptr, false);
    }
    return at::Storage(at::Storage::use_byte_size_t(), bytes,
                       at::DataPtr(data, new Map(map), &release_map, at::Device(at::kCPU)), nullptr, false);
}

std::int64_t check_geometry(const Geometry& geometry, std::int64_t available, const std::string& file) {
    // 2^40 elements are more than any file here holds; below it nothing in this function overflows 128 bits.
    constexpr std::int64_t most = std::int64_t{1} << 40;
    const auto wrong = [&](const char* what) {
        return damaged(file, cat("a tensor of shape ", at::IntArrayRef(geometry.sizes), " ", what));
    };
    if (geometry.sizes.size() != geometry.strides.size()) throw wrong("has another number of strides");
    if (geometry.sizes.size() > 64) throw damaged(file, "a tensor has more than 64 dimensions");
    if (geometry.offset < 0 || geometry.offset > most) throw wrong("begins outside its storage");
    __int128 last = geometry.offset, count = 1;
    for (std::size_t i = 0; i < geometry.sizes.size(); ++i) {
        const std::int64_t size = geometry.sizes[i], stride = geometry.strides[i];
        if (size < 0) throw wrong("has a negative size");
        if (stride < 0) throw wrong("has a negative stride");
        if (size > most || stride > most) throw wrong("is larger than the file");
        if (size > 0) last += static_cast<__int128>(size - 1) * stride;
        count *= size;
        if (count > most) throw wrong("is larger than the file");
    }
    if (count > 0 && last >= available) throw wrong("reaches outside its storage");
    return static_cast<std::int64_t>(count);
}

at::Tensor view_of(const at::Storage& storage, const ElementType& type, const Geometry& geometry) {
    at::Tensor tensor = at::empty({0}, at::TensorOptions().dtype(type.type));
    tensor.set_(storage, geometry.offset, geometry.sizes, geometry.strides);
    return tensor;
}

std::vector<std::int64_t> row_major_strides(std::span<const std::int64_t> sizes) {
    std::vector<std::int64_t> strides(sizes.size());
    std::int64_t stride = 1;
    for (std::size_t i = sizes.size(); i-- > 0;) {
        strides[i] = stride;
        if (sizes[i] > 1 && __builtin_mul_overflow(stride, sizes[i], &stride))
            stride = std::numeric_limits<std::int64_t>::max();  // check_geometry refuses it
    }
    return strides;
}

void forget_pages(std::span<const std::byte> bytes) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
    // Pages nobody has written into come back from the file when they are needed.
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void forget_pages_of(const at::Tensor& tensor) {
    if (!tensor.defined() || !tensor.has_storage() || !tensor.is_contiguous()) return;
    if (tensor.storage().data_ptr().get_deleter() == &release_map)
        forget_pages({static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()});
}

}  // namespace testudo::tensors
