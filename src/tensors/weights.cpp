#include "tensors/weights.h"

#include "core/strings.h"
#include "tensors/ctranslate2.h"
#include "tensors/damage.h"
#include "tensors/file_kind.h"
#include "tensors/ggml.h"
#include "tensors/mapped_storage.h"
#include "tensors/pickle.h"
#include "tensors/safetensors.h"

namespace testudo::tensors {

FileKind kind_of_file(const fs::path& path) {
    const MappedFile map(path);
    return kind_of_bytes(map.bytes(), to_utf8(path.native()));
}

NamedTensors read_weights(const fs::path& path) {
    switch (kind_of_file(path)) {
        case FileKind::safetensors: {
            NamedTensors tensors = read_safetensors(path);
            if (tensors.empty())
                throw input_error(cat(path, ": there are no weights in it"),
                                  "Name a file with the weights of a model.");
            return tensors;
        }
        case FileKind::ctranslate2:
            return read_ctranslate2(path).tensors;
        case FileKind::ggml:
            return weights_of(read_ggml(path), to_utf8(path.native()));
        default:
            return state_dict_of(read_pickle(path), to_utf8(path.native()));
    }
}

}  // namespace testudo::tensors
