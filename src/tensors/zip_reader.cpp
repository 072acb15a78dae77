#include "tensors/zip_reader.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <vector>

#include "core/strings.h"
#include "tensors/crc32.h"
#include "tensors/cursor.h"
#include "tensors/damage.h"
#include "tensors/mapped_storage.h"

namespace testudo::tensors {

namespace {

constexpr std::uint32_t local_magic = 0x04034b50, central_magic = 0x02014b50, end_magic = 0x06054b50,
                        end64_magic = 0x06064b50, locator64_magic = 0x07064b50;
constexpr std::uint32_t in_zip64 = 0xffffffff;

struct Directory {
    std::uint64_t count = 0, offset = 0, size = 0;
};

// The record of the directory's place lies at the end of the file, before a comment of at most 64 KiB.
std::size_t find_end(std::span<const std::byte> bytes, const std::string& file) {
    constexpr std::size_t record = 22, longest_comment = 0xffff;
    if (bytes.size() >= record) {
        const std::size_t last = bytes.size() - record;
        const std::size_t first = last > longest_comment ? last - longest_comment : 0;
        for (std::size_t at = last + 1; at-- > first;) {
            Cursor end(bytes, file, at);
            if (end.read<std::uint32_t>() != end_magic) continue;
            const auto comment = Cursor(bytes, file, at + 20).read<std::uint16_t>();
            if (at + record + comment == bytes.size()) return at;
        }
    }
    throw damaged(file, "it begins as a zip file but has no directory at its end, so it was cut short");
}

Directory find_directory(std::span<const std::byte> bytes, const std::string& file) {
    const std::size_t end = find_end(bytes, file);
    Cursor at(bytes, file, end + 4);
    const auto disk = at.read<std::uint16_t>(), first_disk = at.read<std::uint16_t>();
    const auto here = at.read<std::uint16_t>(), count = at.read<std::uint16_t>();
    Directory out;
    out.count = count;
    out.size = at.read<std::uint32_t>();
    out.offset = at.read<std::uint32_t>();
    std::size_t directory_end = end;
    if (end >= 20 && Cursor(bytes, file, end - 20).read<std::uint32_t>() == locator64_magic) {
        const auto record = Cursor(bytes, file, end - 20 + 8).read<std::uint64_t>();
        if (record > end - 20) throw damaged(file, "its zip64 directory lies outside the file");
        Cursor big(bytes, file, static_cast<std::size_t>(record));
        if (big.read<std::uint32_t>() != end64_magic) throw damaged(file, "its zip64 directory is broken");
        big.take(8 + 2 + 2);
        const auto disk64 = big.read<std::uint32_t>(), first64 = big.read<std::uint32_t>();
        const auto here64 = big.read<std::uint64_t>();
        out.count = big.read<std::uint64_t>();
        out.size = big.read<std::uint64_t>();
        out.offset = big.read<std::uint64_t>();
        directory_end = static_cast<std::size_t>(record);
        if (disk64 != 0 || first64 != 0 || here64 != out.count)
            throw damaged(file, "it is one part of a divided zip file");
    } else if (disk != 0 || first_disk != 0 || here != count) {
        throw damaged(file, "it is one part of a divided zip file");
    }
    if (out.offset > directory_end || out.size != directory_end - out.offset || out.count > out.size / 46)
        throw damaged(file, "the directory of the zip file does not fit its place");
    return out;
}

// The 64-bit field of a zip64 extra block: only fields that are all ones in the record are in it, in this
// order.
void widen(std::span<const std::byte> extra, std::uint64_t& size, std::uint64_t& stored,
           std::uint64_t& offset, const std::string& file) {
    Cursor at(extra, file);
    while (at.rest() >= 4) {
        const auto id = at.read<std::uint16_t>();
        const auto length = at.read<std::uint16_t>();
        Cursor block(at.take(length), file);
        if (id != 1) continue;
        if (size == in_zip64) size = block.read<std::uint64_t>();
        if (stored == in_zip64) stored = block.read<std::uint64_t>();
        if (offset == in_zip64) offset = block.read<std::uint64_t>();
        return;
    }
}

bool is_safe_name(std::string_view name) {
    if (name.empty() || name.front() == '/' || name.find('\\') != name.npos || name.find('\0') != name.npos)
        return false;
    const auto parts = split(name, '/');
    return std::none_of(parts.begin(), parts.end(),
                        [](const std::string& part) { return part == ".." || part == "."; });
}

struct Extent {
    std::uint64_t begin, end;
};

// What the directory says must agree with the header before the data; returns where the data begins.
std::size_t data_offset(std::span<const std::byte> bytes, std::uint64_t header, std::string_view name,
                        std::uint16_t method, std::uint64_t limit, const std::string& file) {
    if (header > limit) throw damaged(file, "an entry of the zip file lies outside it");
    Cursor at(bytes.first(static_cast<std::size_t>(limit)), file, static_cast<std::size_t>(header));
    if (at.read<std::uint32_t>() != local_magic)
        throw damaged(file, cat("the zip entry ", shown(name), " has no header"));
    at.take(2 + 2);
    const auto method_here = at.read<std::uint16_t>();
    at.take(2 + 2 + 4 + 4 + 4);
    const auto name_length = at.read<std::uint16_t>(), extra_length = at.read<std::uint16_t>();
    if (method_here != method || at.text(name_length) != name)
        throw damaged(file, cat("the zip entry ", shown(name), " differs from the directory"));
    at.take(extra_length);
    return at.position();
}

}  // namespace

const ZipEntry* ZipDirectory::find(const std::string& name) const {
    const auto found = entries.find(name);
    return found == entries.end() ? nullptr : &found->second;
}

ZipDirectory read_zip_directory(std::span<const std::byte> bytes, const std::string& file,
                                CompressedEntries compressed) {
    const Directory directory = find_directory(bytes, file);
    ZipDirectory out;
    std::unordered_set<std::string> left_out;
    std::vector<Extent> extents;
    Cursor at(
        bytes.subspan(static_cast<std::size_t>(directory.offset), static_cast<std::size_t>(directory.size)),
        file);
    for (std::uint64_t i = 0; i < directory.count; ++i) {
        if (at.read<std::uint32_t>() != central_magic)
            throw damaged(file, "the directory of the zip file is broken");
        at.take(2 + 2);
        const auto flags = at.read<std::uint16_t>(), method = at.read<std::uint16_t>();
        at.take(2 + 2);
        const auto crc = at.read<std::uint32_t>();
        std::uint64_t stored = at.read<std::uint32_t>(), size = at.read<std::uint32_t>();
        const auto name_length = at.read<std::uint16_t>(), extra_length = at.read<std::uint16_t>(),
                   comment_length = at.read<std::uint16_t>();
        at.take(2 + 2 + 4);
        std::uint64_t header = at.read<std::uint32_t>();
        const std::string name(at.text(name_length));
        widen(at.take(extra_length), size, stored, header, file);
        at.take(comment_length);

        const std::string label = shown(name);
        if (!is_safe_name(name))
            throw refused(file,
                          cat("the zip entry \"", label, "\" has a name that leads out of the archive"));
        if (flags & 1) throw refused(file, cat("the zip entry ", label, " is encrypted"));
        const bool plain = method == 0 && stored == size;
        if (!plain && (method == 0 || compressed == CompressedEntries::refuse))
            throw refused(file, cat("the zip entry ", label, " is compressed, which torch.save never does"));
        const std::size_t data = data_offset(bytes, header, name, method, directory.offset, file);
        if (stored > directory.offset - data)
            throw damaged(file, cat("the zip entry ", label, " reaches outside the file"));
        extents.push_back({header, data + stored});
        const ZipEntry entry{data, static_cast<std::size_t>(size), crc};
        const bool fresh = plain ? left_out.count(name) == 0 && out.entries.emplace(name, entry).second
                                 : out.entries.count(name) == 0 && left_out.insert(name).second;
        if (!fresh) throw refused(file, cat("the zip file holds ", label, " twice"));
    }
    if (at.rest() != 0) throw damaged(file, "the directory of the zip file is longer than its entries");
    std::sort(extents.begin(), extents.end(),
              [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
    for (std::size_t i = 1; i < extents.size(); ++i)
        if (extents[i].begin < extents[i - 1].end) throw refused(file, "entries of the zip file overlap");
    return out;
}

void check_zip_entry(std::span<const std::byte> bytes, const ZipEntry& entry, const std::string& name,
                     const std::string& file) {
    constexpr std::size_t piece = std::size_t{16} << 20;
    std::uint32_t crc = 0;
    for (std::size_t done = 0; done < entry.size; done += piece) {
        const auto part = bytes.subspan(entry.offset + done, std::min(piece, entry.size - done));
        crc = crc32(crc, part);
        forget_pages(part);
    }
    if (crc != entry.crc)
        throw damaged(file, cat("the bytes of ", shown(name), " do not have their checksum"));
}

}  // namespace testudo::tensors
