#pragma once
// The directory of a zip file whose entries are stored, as torch.save writes it (APPNOTE.TXT, with zip64).
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace testudo::tensors {

struct ZipEntry {
    std::size_t offset = 0;  // of the data in the file
    std::size_t size = 0;
    std::uint32_t crc = 0;
};

struct ZipDirectory {
    std::unordered_map<std::string, ZipEntry> entries;
    const ZipEntry* find(const std::string& name) const;
};

enum class CompressedEntries {
    refuse,
    leave_out,  // of `entries`: as if they were not there
};

// Error(input) naming `file` for anything ambiguous or dangerous: no or a broken directory, compressed or
// encrypted entries, names that come twice or lead out of the archive, entries that overlap or leave the
// file.
ZipDirectory read_zip_directory(std::span<const std::byte> bytes, const std::string& file,
                                CompressedEntries compressed = CompressedEntries::refuse);

// Error(input) when the bytes of the entry do not have its checksum.
void check_zip_entry(std::span<const std::byte> bytes, const ZipEntry& entry, const std::string& name,
                     const std::string& file);

}  // namespace testudo::tensors
