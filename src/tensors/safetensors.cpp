#include "tensors/safetensors.h"

#include <algorithm>
#include <numeric>

#include "core/json.h"
#include "core/strings.h"
#include "tensors/cursor.h"
#include "tensors/damage.h"
#include "tensors/host_bytes.h"
#include "tensors/mapped_storage.h"
#include "tensors/safetensors_header.h"

namespace testudo::tensors {

namespace {

constexpr std::uint64_t longest_header = 100'000'000;  // as the format's own library

// Together the tensors fill the bytes after the header: no gap, no overlap.
void check_layout(const SafetensorsHeader& header, std::uint64_t bytes, const std::string& file) {
    std::vector<const SafetensorsEntry*> order;
    for (const SafetensorsEntry& entry : header.entries) {
        if (entry.begin > entry.end || entry.end > bytes)
            throw damaged(file, cat("the tensor ", shown(entry.name), " lies outside the file"));
        order.push_back(&entry);
    }
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
        return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
    });
    std::uint64_t end = 0;
    for (const SafetensorsEntry* entry : order) {
        if (entry->begin != end)
            throw damaged(file, cat("the tensor ", shown(entry->name),
                                    entry->begin < end ? " overlaps another one" : " follows a gap"));
        end = entry->end;
    }
    if (end != bytes) throw damaged(file, cat(bytes - end, " bytes belong to no tensor"));
}

}  // namespace

NamedTensors read_safetensors(const fs::path& path, std::map<std::string, std::string>* metadata) {
    const std::string file = to_utf8(path.native());
    const Map map = std::make_shared<MappedFile>(path);
    Cursor at(std::as_const(*map).bytes(), file);
    const auto length = at.read<std::uint64_t>();
    if (length > at.rest() || length > longest_header)
        throw damaged(file, cat("its header claims ", length, " bytes, more than the file holds"));
    SafetensorsHeader header = parse_safetensors_header(at.text(length), file);
    check_layout(header, at.rest(), file);

    NamedTensors out;
    for (SafetensorsEntry& entry : header.entries) {
        const ElementType* type = element_type_of_safetensors(entry.dtype);
        const std::string name = shown(entry.name);
        if (!type)
            throw refused(file, cat("the tensor ", name, " has the type ", shown(entry.dtype),
                                    ", which cannot be read"));
        const std::uint64_t bytes = entry.end - entry.begin;
        const Geometry geometry{0, entry.shape, row_major_strides(entry.shape)};
        const std::int64_t elements =
            check_geometry(geometry, static_cast<std::int64_t>(bytes / type->bytes), file);
        if (static_cast<std::uint64_t>(elements) * type->bytes != bytes)
            throw damaged(file, cat("the tensor ", name, " has ", bytes, " bytes, which is not its shape ",
                                    at::IntArrayRef(entry.shape)));
        const auto storage =
            storage_of(map, at.position() + static_cast<std::size_t>(entry.begin), bytes, type->bytes);
        out.set(std::move(entry.name), view_of(storage, *type, geometry));
    }
    if (metadata) *metadata = std::move(header.metadata);
    return out;
}

void write_safetensors(const fs::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
    const std::string file = to_utf8(path.native());
    const auto& items = tensors.items();
    // The widest elements first, so that all of them lie aligned.
    std::vector<std::size_t> order(items.size());
    std::iota(order.begin(), order.end(), 0);
    for (const auto& [name, tensor] : items) {
        check_writable(tensor, name, file);
        if (name == "__metadata__" || !is_utf8(name))
            throw usage_error(cat(file, ": a tensor cannot be named \"", shown(name), "\" in safetensors"),
                              "Give the tensor another name.");
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return items[a].second.element_size() > items[b].second.element_size();
    });
    std::vector<std::uint64_t> begins(items.size());
    std::uint64_t end = 0;
    for (const std::size_t i : order) {
        begins[i] = end;
        end += items[i].second.nbytes();
    }

    Json header = Json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::string text = header.dump();
    text.pop_back();
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto& [name, tensor] = items[i];
        const Json entry = {{"dtype", std::string(element_type(tensor.scalar_type())->safetensors)},
                            {"shape", tensor.sizes().vec()},
                            {"data_offsets", {begins[i], begins[i] + tensor.nbytes()}}};
        text += cat(text.size() > 1 ? "," : "", Json(name).dump(), ":", entry.dump());
    }
    text += '}';
    text.resize((text.size() + 8 + 63) / 64 * 64 - 8, ' ');

    AtomicFile out(path);
    const std::uint64_t length = text.size();
    out.write(&length, sizeof length);
    out.write(text);
    for (const std::size_t i : order) {
        const at::Tensor bytes = row_major_on_host(items[i].second);
        out.write(bytes.const_data_ptr(), bytes.nbytes());
    }
    out.commit();
}

}  // namespace testudo::tensors
