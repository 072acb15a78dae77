#pragma once
// Zip files as torch.save writes them: stored entries, each data at a multiple of 64 bytes, checksums behind
// the data, zip64 where something lies or is longer than 4 GiB.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace testudo::tensors {

class ZipWriter {
  public:
    // Entries are named root/NAME.
    ZipWriter(AtomicFile& file, std::string root) : file_(file), root_(std::move(root)) {}
    void add(std::string_view name, std::span<const std::byte> bytes);
    void add(std::string_view name, std::string_view text) { add(name, std::as_bytes(std::span(text))); }
    void finish();  // adds version and serialization_id, as torch does, and the directory

  private:
    struct Entry {
        std::string name;
        std::uint64_t header = 0, size = 0;
        std::uint32_t crc = 0;
    };
    void directory();

    AtomicFile& file_;
    std::string root_;
    std::vector<Entry> entries_;
};

}  // namespace testudo::tensors
