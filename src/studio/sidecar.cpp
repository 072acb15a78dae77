#include "core/files.h"
#include "studio/models.h"

namespace testudo::studio {
namespace {

fs::path beside(fs::path model) { return model.replace_extension(".json"); }

}  // namespace

Json read_sidecar(const fs::path& model) {
    const fs::path file = beside(model);
    std::error_code ignored;
    if (file == model || !fs::is_regular_file(file, ignored)) return Json::object();
    Json about = read_json(file);
    return about.is_object() ? about : Json::object();
}

void write_sidecar(const fs::path& model, const Json& about) { write_json(beside(model), about); }

}  // namespace testudo::studio
