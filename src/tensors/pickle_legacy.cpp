// The form before PyTorch 1.6, a stream: pickles of a magic number, the protocol, the system's properties,
// the object, the keys of its storages; then the storages in that order, each as its number of elements
// (int64) and its bytes.
#include <unordered_map>

#include "core/strings.h"
#include "tensors/cursor.h"
#include "tensors/damage.h"
#include "tensors/pickle_assemble.h"
#include "tensors/pickle_forms.h"

namespace testudo::tensors {

namespace {

constexpr unsigned char magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
constexpr std::int64_t protocol = 1001;

const Node& root(const PickleGraph& graph) { return graph.nodes[graph.root]; }

bool is_magic(const PickleGraph& graph) {
    const Node& node = root(graph);
    return node.kind == Node::Kind::huge &&
           node.text == std::string_view(reinterpret_cast<const char*>(magic), sizeof magic);
}

Value without_storages(const PickleGraph& graph, std::size_t bytes, const std::string& file) {
    return assemble(graph, bytes, bytes, file,
                    [&](std::size_t) -> at::Storage { throw damaged(file, "its head holds tensors"); });
}

// Where each storage of the graph lies, found by walking over them.
std::vector<std::size_t> locate(std::span<const std::byte> bytes, std::size_t begin,
                                const PickleGraph& object, const Value& keys, const std::string& file) {
    if (!keys.list()) throw damaged(file, "the list of its storages is missing");
    std::unordered_map<std::string_view, std::size_t> index;
    for (std::size_t i = 0; i < object.storages.size(); ++i) index.emplace(object.storages[i].key, i);
    constexpr std::size_t nowhere = ~std::size_t{0};
    std::vector<std::size_t> places(object.storages.size(), nowhere);
    Cursor at(bytes, file, begin);
    for (const Value& key : keys.elements()) {
        const auto found = key.text() ? index.find(*key.text()) : index.end();
        if (found == index.end()) throw damaged(file, "it lists a storage that no tensor uses");
        const StorageSpec& spec = object.storages[found->second];
        if (places[found->second] != nowhere)
            throw damaged(file, cat("it lists the storage ", shown(spec.key), " twice"));
        if (at.read<std::int64_t>() != spec.elements)
            throw damaged(file,
                          cat("the storage ", shown(spec.key), " has another size than its tensors say"));
        places[found->second] = at.position();
        at.take(static_cast<std::uint64_t>(spec.elements) * spec.type->bytes);
    }
    if (at.rest() != 0) throw damaged(file, cat(at.rest(), " bytes follow its last storage"));
    for (std::size_t i = 0; i < places.size(); ++i)
        if (places[i] == nowhere)
            throw damaged(file, cat("the storage ", shown(object.storages[i].key), " is missing"));
    return places;
}

}  // namespace

Value read_legacy_pickle(const Map& map, const std::string& file) {
    const std::span<const std::byte> bytes = std::as_const(*map).bytes();
    const PickleGraph first = run_pickle(bytes, 0, file);
    if (!is_magic(first))
        throw input_error(file + ": it is a pickle, but not a checkpoint of PyTorch",
                          "Name a file that torch.save wrote.");
    const PickleGraph version = run_pickle(bytes, first.end, file);
    if (root(version).kind != Node::Kind::integer || root(version).integer != protocol)
        throw refused(file, "it has an unknown version of PyTorch's old form");
    const PickleGraph system = run_pickle(bytes, version.end, file);
    const Value properties = without_storages(system, system.end - version.end, file);
    const Value* little = properties.find("little_endian");
    if (!little || !little->boolean()) throw damaged(file, "its head does not tell the byte order");
    if (!*little->boolean()) throw refused(file, "its numbers are big-endian");

    const PickleGraph object = run_pickle(bytes, system.end, file);
    const PickleGraph list = run_pickle(bytes, object.end, file);
    const Value keys = without_storages(list, list.end - object.end, file);
    const auto places = locate(bytes, list.end, object, keys, file);
    return assemble(object, object.end - system.end, bytes.size(), file, [&](std::size_t index) {
        const StorageSpec& spec = object.storages[index];
        return storage_of(map, places[index], static_cast<std::size_t>(spec.elements) * spec.type->bytes,
                          spec.type->bytes);
    });
}

}  // namespace testudo::tensors
