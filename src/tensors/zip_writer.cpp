#include "tensors/zip_writer.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "tensors/crc32.h"

namespace testudo::tensors {

namespace {

constexpr std::size_t alignment = 64;
constexpr std::uint64_t limit32 = 0xffffffff;
constexpr std::uint16_t flags = 0x0808;  // the checksum follows the data; names are UTF-8

template <class... Numbers>
void put(std::string& out, Numbers... numbers) {
    (out.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
}
using U16 = std::uint16_t;
using U32 = std::uint32_t;
using U64 = std::uint64_t;

U32 narrow(U64 value) { return static_cast<U32>(std::min(value, limit32)); }

// The zip64 block with the fields that do not fit 32 bits.
std::string wide_fields(U64 size, U64 offset) {
    std::string fields;
    if (size >= limit32) put(fields, size, size);
    if (offset >= limit32) put(fields, offset);
    if (fields.empty()) return {};
    std::string block;
    put(block, U16{1}, static_cast<U16>(fields.size()));
    return block + fields;
}

// A block of 'Z's that puts the data on a boundary; torch.load may compute places instead of reading them, so
// its length is exactly torch's.
std::string padding(std::size_t data_without_it) {
    const std::size_t start = data_without_it + 4;
    const std::size_t length = (start + alignment - 1) / alignment * alignment - start;
    std::string block = "FB";
    put(block, static_cast<U16>(length));
    return block + std::string(length, 'Z');
}

void mix(U64& seed, U64 value) { seed ^= value + 0x9e3779b97f4a7c15 + (seed << 6) + (seed >> 2); }

}  // namespace

void ZipWriter::add(std::string_view name, std::span<const std::byte> bytes) {
    Entry entry{root_ + "/" + std::string(name), file_.size(), bytes.size()};
    std::string extra = wide_fields(entry.size, entry.header);
    extra += padding(entry.header + 30 + entry.name.size() + extra.size());
    std::string header;
    // Sizes and checksum are zero here: they follow the data and stand in the directory.
    put(header, U32{0x04034b50}, U16{0}, flags, U16{0}, U16{0}, U16{0}, U32{0}, U32{0}, U32{0},
        static_cast<U16>(entry.name.size()), static_cast<U16>(extra.size()));
    file_.write(header + entry.name + extra);

    constexpr std::size_t piece = std::size_t{1} << 20;  // stays in the cache between checksum and write
    for (std::size_t done = 0; done < bytes.size(); done += piece) {
        const auto part = bytes.subspan(done, std::min(piece, bytes.size() - done));
        entry.crc = crc32(entry.crc, part);
        file_.write(part.data(), part.size());
    }
    if (!bytes.empty()) {
        std::string descriptor;
        put(descriptor, U32{0x08074b50}, entry.crc);
        if (entry.size >= limit32 || entry.header >= limit32)
            put(descriptor, entry.size, entry.size);
        else
            put(descriptor, static_cast<U32>(entry.size), static_cast<U32>(entry.size));
        file_.write(descriptor);
    }
    entries_.push_back(std::move(entry));
}

void ZipWriter::finish() {
    add("version", "3\n");
    U64 names = 0, sums = 0;
    for (const Entry& entry : entries_) {
        mix(names, crc32(0, std::as_bytes(std::span(entry.name))));
        mix(sums, entry.crc);
    }
    std::ostringstream id;
    id << std::setfill('0') << std::setw(20) << names << std::setw(20) << sums;
    add(".data/serialization_id", id.str());
    directory();
}

void ZipWriter::directory() {
    const U64 begin = file_.size();
    std::string out;
    for (const Entry& entry : entries_) {
        const std::string extra = wide_fields(entry.size, entry.header);
        const U16 version = extra.empty() ? 0 : 45;
        put(out, U32{0x02014b50}, version, version, flags, U16{0}, U16{0}, U16{0}, entry.crc,
            narrow(entry.size), narrow(entry.size), static_cast<U16>(entry.name.size()),
            static_cast<U16>(extra.size()), U16{0}, U16{0}, U16{0}, U32{0}, narrow(entry.header));
        out += entry.name + extra;
    }
    const U64 size = out.size(), count = entries_.size();
    if (begin >= limit32 || size >= limit32 || count >= 0xffff) {
        put(out, U32{0x06064b50}, U64{44}, U16{45}, U16{45}, U32{0}, U32{0}, count, count, size, begin);
        put(out, U32{0x07064b50}, U32{0}, begin + size, U32{1});
    }
    const U16 short_count = static_cast<U16>(std::min<U64>(count, 0xffff));
    put(out, U32{0x06054b50}, U16{0}, U16{0}, short_count, short_count, narrow(size), narrow(begin), U16{0});
    file_.write(out);
}

}  // namespace testudo::tensors
