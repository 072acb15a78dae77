#pragma once
// The two forms of a PyTorch checkpoint, over a mapped file.
#include <string>

#include "tensors/mapped_storage.h"
#include "tensors/pickle.h"

namespace testudo::tensors {

Value read_zip_pickle(const Map& map, const std::string& file, Check check);
Value read_legacy_pickle(const Map& map, const std::string& file);

}  // namespace testudo::tensors
