#pragma once
// Checkpoint files put together by hand, also wrong ones.
#include <optional>
#include <string>
#include <vector>

#include "tensors/crc32.h"
#include "tensors/support.h"

namespace testudo::tensors::test {

using namespace std::string_literals;

// --- pickles, protocol 2
inline std::string text(const std::string& value) {
    return "X"s + packed(static_cast<std::uint32_t>(value.size())) + value;
}
inline std::string integer(std::int64_t value) { return "\x8a\x08"s + packed(value); }
inline std::string integers(const std::vector<std::int64_t>& values) {
    std::string out = "(";
    for (const auto value : values) out += integer(value);
    return out + "t";
}
inline std::string global(const std::string& module, const std::string& name) {
    return "c"s + module + "\n" + name + "\n";
}
inline std::string ordered_dict() { return global("collections", "OrderedDict") + ")R"; }
inline std::string storage(const std::string& key, std::int64_t elements,
                           const std::string& type = "FloatStorage", const std::string& rest = {}) {
    return "("s + text("storage") + global("torch", type) + text(key) + text("cpu") + integer(elements) +
           rest + "tQ";
}
inline std::string tensor(const std::string& storage, std::int64_t offset,
                          const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides) {
    return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + integer(offset) + integers(sizes) +
           integers(strides) + "\x89" + ordered_dict() + "tR";
}
inline std::string program(const std::string& body) { return "\x80\x02"s + body + "."; }
// {"w": VALUE}
inline std::string dict_of(const std::string& value) { return program("}"s + text("w") + value + "s"); }

// --- zip files
struct ZipPart {
    std::string name, data;
    std::uint16_t method = 0, flags = 0;
    std::optional<std::uint32_t> crc{};
    std::optional<std::uint32_t> size{};           // as the directory says
    std::optional<std::string> local_name{};       // as the entry says
    std::optional<std::uint32_t> header_offset{};  // as the directory says
};

inline std::string zip_of(const std::vector<ZipPart>& parts, bool zip64 = false) {
    using U16 = std::uint16_t;
    using U32 = std::uint32_t;
    std::string out, directory;
    for (const ZipPart& part : parts) {
        const auto header = static_cast<U32>(out.size());
        const std::string local = part.local_name.value_or(part.name);
        const auto crc = part.crc.value_or(crc32(0, std::as_bytes(std::span(part.data))));
        const U32 size = part.size.value_or(static_cast<U32>(part.data.size()));
        const U32 offset = part.header_offset.value_or(header);
        out += packed(U32{0x04034b50}, U16{20}, part.flags, part.method, U32{0}, crc, size, size,
                      static_cast<U16>(local.size()), U16{0}) +
               local + part.data;
        std::string extra;
        if (zip64)
            extra = packed(U16{1}, U16{24}, std::uint64_t{size}, std::uint64_t{size}, std::uint64_t{offset});
        const U32 all = 0xffffffff;
        directory +=
            packed(U32{0x02014b50}, U16{20}, U16{20}, part.flags, part.method, U32{0}, crc,
                   zip64 ? all : size, zip64 ? all : size, static_cast<U16>(part.name.size()),
                   static_cast<U16>(extra.size()), U16{0}, U16{0}, U16{0}, U32{0}, zip64 ? all : offset) +
            part.name + extra;
    }
    const auto begin = out.size();
    out += directory;
    const auto count = static_cast<U16>(parts.size());
    if (zip64) {
        const auto place = std::uint64_t{out.size()};
        out +=
            packed(U32{0x06064b50}, std::uint64_t{44}, U16{45}, U16{45}, U32{0}, U32{0}, std::uint64_t{count},
                   std::uint64_t{count}, std::uint64_t{directory.size()}, std::uint64_t{begin});
        out += packed(U32{0x07064b50}, U32{0}, place, U32{1});
        return out + packed(U32{0x06054b50}, U16{0}, U16{0}, U16{0xffff}, U16{0xffff}, U32{0xffffffff},
                            U32{0xffffffff}, U16{0});
    }
    return out + packed(U32{0x06054b50}, U16{0}, U16{0}, count, count, static_cast<U32>(directory.size()),
                        static_cast<U32>(begin), U16{0});
}

// A checkpoint of one pickle and the storage "0" of four floats, 0 1 2 3.
inline std::string four_floats() { return packed(0.0f, 1.0f, 2.0f, 3.0f); }
inline std::vector<ZipPart> parts_of(const std::string& pickle) {
    return {{"archive/data.pkl", pickle}, {"archive/byteorder", "little"}, {"archive/data/0", four_floats()}};
}
inline std::string good_tensor() { return tensor(storage("0", 4), 0, {2, 2}, {2, 1}); }

// --- TorchScript
inline std::string module_of(const std::string& attributes, const std::string& type = "Net") {
    return global("__torch__", type) + ")\x81}(" + attributes + "ub";
}
inline std::string sample_script() {
    return program(module_of(text("training") + "\x89" + text("rates") +
                             global("torch.jit._pickle", "build_intlist") + "(](" + integer(8000) + "etR" +
                             text("weight") + good_tensor() + text("inner") +
                             module_of(text("bias") + tensor(storage("0", 4), 1, {3}, {1}), "parts.Inner")));
}
inline std::vector<ZipPart> script_parts(const std::string& pickle) {
    std::vector<ZipPart> parts = parts_of(pickle);
    parts.push_back({"archive/constants.pkl", program(")")});
    parts.push_back({"archive/code/__torch__.py", "not looked at", 8});
    return parts;
}

// --- the form before 1.6
inline std::string legacy_of(const std::string& object, const std::vector<std::string>& keys,
                             const std::string& storages, bool little = true) {
    std::string list = "]";
    for (const std::string& key : keys) list += text(key) + "a";
    return program("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") + program("M\xe9\x03") +
           program("}"s + text("little_endian") + (little ? "\x88" : "\x89") + "s") + object + program(list) +
           storages;
}

}  // namespace testudo::tensors::test
