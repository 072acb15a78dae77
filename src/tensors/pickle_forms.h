#pragma once
// The two forms of a PyTorch checkpoint, over a mapped file.
#include <optional>
#include <string>

#include "tensors/mapped_storage.h"
#include "tensors/pickle.h"

namespace testudo::tensors {

Value read_zip_pickle(const Map& map, const std::string& file, Check check);
// The root module of a TorchScript file; nothing when the zip file is no such.
std::optional<Value> read_script_pickle(const Map& map, const std::string& file, Check check);
Value read_legacy_pickle(const Map& map, const std::string& file);

}  // namespace testudo::tensors
