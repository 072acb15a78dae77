// The zip forms: ROOT/data.pkl is the pickle, ROOT/data/KEY are the storages, ROOT/byteorder says "little".
// TorchScript has ROOT/constants.pkl and its program in ROOT/code besides, and modules in its pickle.
#include "core/strings.h"
#include "tensors/damage.h"
#include "tensors/pickle_assemble.h"
#include "tensors/pickle_forms.h"
#include "tensors/zip_reader.h"

namespace testudo::tensors {

namespace {

// The folder in the archive that holds data.pkl.
std::string root_of(const ZipDirectory& zip, const std::string& file) {
    std::string root;
    bool found = false;
    for (const auto& [name, entry] : zip.entries) {
        const auto slash = name.find('/');
        if (slash == std::string::npos || name.substr(slash) != "/data.pkl") continue;
        if (found) throw refused(file, "the zip file holds two pickles");
        root = name.substr(0, slash + 1);
        found = true;
    }
    if (!found)
        throw input_error(file + ": it is a zip file, but not one of PyTorch (it has no data.pkl)",
                          "Unpack it, or name the checkpoint in it.");
    return root;
}

Value read_data(const Map& map, const ZipDirectory& zip, const std::string& root, const std::string& file,
                Check check, Dialect dialect) {
    const std::span<const std::byte> bytes = std::as_const(*map).bytes();
    if (const ZipEntry* order = zip.find(root + "byteorder")) {
        check_zip_entry(bytes, *order, "byteorder", file);
        const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + order->offset, order->size);
        if (text != "little")
            throw refused(file, text == "big" ? "its numbers are big-endian" : "its byte order is unknown");
    }
    const ZipEntry& pickle = *zip.find(root + "data.pkl");
    check_zip_entry(bytes, pickle, "data.pkl", file);
    const PickleGraph graph = run_pickle(bytes.subspan(pickle.offset, pickle.size), 0, file, dialect);

    return assemble(graph, pickle.size, bytes.size(), file, [&](std::size_t index) {
        const StorageSpec& spec = graph.storages[index];
        const auto needed = static_cast<std::size_t>(spec.elements) * spec.type->bytes;
        const std::string name = cat("data/", shown(spec.key));
        const ZipEntry* entry = zip.find(root + "data/" + spec.key);
        // torch writes an entry for empty storages too; a file without it has lost nothing.
        if (!entry && needed == 0) return storage_of(map, 0, 0, 1);
        if (!entry) throw damaged(file, cat("the storage ", name, " is missing"));
        if (entry->size < needed)
            throw damaged(file,
                          cat("the storage ", name, " holds ", entry->size, " bytes instead of ", needed));
        if (check == Check::contents) check_zip_entry(bytes, *entry, name, file);
        return storage_of(map, entry->offset, needed, spec.type->bytes);
    });
}

}  // namespace

Value read_zip_pickle(const Map& map, const std::string& file, Check check) {
    const std::span<const std::byte> bytes = std::as_const(*map).bytes();
    // A TorchScript program is refused as such, not for its compressed code.
    const auto listed = read_zip_directory(bytes, file, CompressedEntries::leave_out);
    const std::string root = root_of(listed, file);
    if (listed.find(root + "constants.pkl"))
        throw refused(file, "it is a TorchScript program, not a checkpoint");
    return read_data(map, read_zip_directory(bytes, file), root, file, check, Dialect::checkpoint);
}

std::optional<Value> read_script_pickle(const Map& map, const std::string& file, Check check) {
    const std::span<const std::byte> bytes = std::as_const(*map).bytes();
    const ZipDirectory zip = read_zip_directory(bytes, file, CompressedEntries::leave_out);
    const std::string root = root_of(zip, file);
    if (!zip.find(root + "constants.pkl")) return std::nullopt;
    return read_data(map, zip, root, file, check, Dialect::torchscript);
}

}  // namespace testudo::tensors
