#include "training/allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <string_view>
#include <unordered_map>

#include "core/error.h"

namespace testudo::training {

namespace {

constexpr std::size_t large = std::size_t{256} << 10;  // smaller tensors stay with malloc
constexpr std::size_t granule = std::size_t{64} << 10;
constexpr std::size_t huge_page = std::size_t{2} << 20;

// Best-fit over one range, neighbours joined when freed. Offsets and sizes are multiples of the granule.
class Arena {
  public:
    explicit Arena(std::size_t size) {
        void* range = ::mmap(nullptr, size + huge_page, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (range == MAP_FAILED) return;
        const auto address = reinterpret_cast<std::uintptr_t>(range);
        base_ = reinterpret_cast<char*>((address + huge_page - 1) / huge_page * huge_page);
        ::madvise(base_, size, MADV_HUGEPAGE);
        size_ = size;
        add_free(0, size);
    }
    bool usable() const { return base_ != nullptr; }

    void* take(std::size_t bytes) {
        bytes = (bytes + granule - 1) / granule * granule;
        const std::lock_guard lock(mutex_);
        const auto found = by_size_.lower_bound({bytes, 0});
        if (found == by_size_.end()) return nullptr;
        const auto [size, offset] = *found;
        remove_free(offset, size);
        if (size > bytes) add_free(offset + bytes, size - bytes);
        taken_[offset] = bytes;
        used_ += static_cast<std::int64_t>(bytes);
        touched_ = std::max(touched_, static_cast<std::int64_t>(offset + bytes));
        return base_ + offset;
    }

    bool give_back(void* pointer) {
        const auto address = reinterpret_cast<std::uintptr_t>(pointer),
                   base = reinterpret_cast<std::uintptr_t>(base_);
        if (address < base || address >= base + size_) return false;
        std::size_t offset = address - base;
        const std::lock_guard lock(mutex_);
        const auto taken = taken_.find(offset);
        std::size_t size = taken->second;
        used_ -= static_cast<std::int64_t>(size);
        taken_.erase(taken);
        auto next = by_offset_.lower_bound(offset);
        if (next != by_offset_.end() && next->first == offset + size) {
            size += next->second;
            remove_free(next->first, next->second);
        }
        auto previous = by_offset_.lower_bound(offset);
        if (previous != by_offset_.begin() && (--previous)->first + previous->second == offset) {
            const auto [start, length] = *previous;
            remove_free(start, length);
            offset = start;
            size += length;
        }
        add_free(offset, size);
        return true;
    }

    ArenaUse use() {
        const std::lock_guard lock(mutex_);
        return {used_, touched_};
    }

  private:
    void add_free(std::size_t offset, std::size_t size) {
        by_offset_[offset] = size;
        by_size_.insert({size, offset});
    }
    void remove_free(std::size_t offset, std::size_t size) {
        by_offset_.erase(offset);
        by_size_.erase({size, offset});
    }

    std::mutex mutex_;
    char* base_ = nullptr;
    std::size_t size_ = 0;
    std::map<std::size_t, std::size_t> by_offset_;           // free
    std::set<std::pair<std::size_t, std::size_t>> by_size_;  // the same as (size, offset)
    std::unordered_map<std::size_t, std::size_t> taken_;
    std::int64_t used_ = 0, touched_ = 0;
};

Arena* arena = nullptr;

void release(void* pointer) {
    if (!arena->give_back(pointer)) c10::free_cpu(pointer);
}

class ArenaAllocator final : public c10::Allocator {
  public:
    c10::DataPtr allocate(std::size_t bytes) override {
        void* pointer = bytes >= large ? arena->take(bytes) : nullptr;
        if (!pointer) pointer = c10::alloc_cpu(bytes);
        return {pointer, pointer, &release, c10::Device(c10::DeviceType::CPU)};
    }
    c10::DeleterFnPtr raw_deleter() const override { return &release; }
    void copy_data(void* to, const void* from, std::size_t bytes) const override {
        default_copy_data(to, from, bytes);
    }
};

bool install() {
    struct sysinfo machine {};
    struct rlimit addresses {};
    if (::sysinfo(&machine) != 0) return false;
    // Where addresses are counted, those reserved here would be missing elsewhere.
    if (::getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY) return false;
    // Only addresses are reserved; four times the memory leaves room for gaps.
    const std::size_t memory = static_cast<std::size_t>(machine.totalram) * machine.mem_unit;
    auto* made =
        new Arena(memory / huge_page * huge_page * 4);  // lives as long as the tensors, that is for ever
    if (!made->usable()) {
        delete made;
        return false;
    }
    arena = made;
    c10::SetCPUAllocator(new ArenaAllocator, 1);
    return true;
}

}  // namespace

bool use_training_allocator() {
    static const bool installed = install();
    return installed;
}

// libtorch has no type of its own for the processor's memory.
bool is_out_of_memory(const std::exception& error) {
    return dynamic_cast<const c10::OutOfMemoryError*>(&error) ||
           dynamic_cast<const std::bad_alloc*>(&error) ||
           (!dynamic_cast<const Error*>(&error) &&
            std::string_view(error.what()).find("DefaultCPUAllocator") != std::string_view::npos);
}

ArenaUse arena_use() { return arena ? arena->use() : ArenaUse{}; }

}  // namespace testudo::training
