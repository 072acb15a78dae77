#include "tensors/sidecar.h"

namespace testudo::tensors {

namespace fs = std::filesystem;

namespace {

fs::path sidecar_of(fs::path model) { return model.replace_extension(".json"); }

}  // namespace

fs::path sidecar_of_checkpoints(const fs::path& models_folder) {
    return models_folder.parent_path() / "origin.json";
}

Json read_sidecar(const fs::path& model) {
    for (const fs::path& file :
         {sidecar_of(model), sidecar_of_checkpoints(fs::absolute(model).parent_path())}) {
        std::error_code ignored;
        if (file == model || !fs::is_regular_file(file, ignored)) continue;
        Json about = read_json(file);
        if (about.is_object()) return about;
    }
    return Json::object();
}

void write_sidecar(const fs::path& model, const Json& about) { write_json(sidecar_of(model), about); }

}  // namespace testudo::tensors
