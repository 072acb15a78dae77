#pragma once
// What weights cannot tell of themselves stands in a file beside them, model.pth -> model.json: an object
// with "origin" (where the weights come from), "heads", and whatever else their maker knew. The checkpoints
// of a training, RUN/models/*.pth, share RUN/origin.json.
#include <filesystem>

#include "core/json.h"

namespace testudo::tensors {

std::filesystem::path sidecar_of_checkpoints(const std::filesystem::path& models_folder);
Json read_sidecar(const std::filesystem::path& model);  // an empty object when there is none
void write_sidecar(const std::filesystem::path& model, const Json& about);

}  // namespace testudo::tensors
