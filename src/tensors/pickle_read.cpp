#include "core/strings.h"
#include "tensors/damage.h"
#include "tensors/file_kind.h"
#include "tensors/pickle_forms.h"

namespace testudo::tensors {

Value read_pickle(const fs::path& path, Check check) {
    const std::string file = to_utf8(path.native());
    const Map map = std::make_shared<MappedFile>(path);
    switch (const FileKind kind = kind_of_bytes(std::as_const(*map).bytes(), file)) {
        case FileKind::torch_zip:
            return read_zip_pickle(map, file, check);
        case FileKind::torch_legacy:
            return read_legacy_pickle(map, file);
        default:
            throw input_error(cat(file, ": it is a ", name_of(kind), " file, which holds weights only"),
                              "Name a .pth or .state file of PyTorch here.");
    }
}

}  // namespace testudo::tensors
