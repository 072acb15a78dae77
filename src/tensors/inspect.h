#pragma once
// What a checkpoint file holds; by default without reading its weights.
#include <filesystem>

#include "core/json.h"
#include "tensors/pickle.h"

namespace testudo::tensors {

// {file, kind, bytes, tensors: [{name, shape, dtype, bytes, same_as?}], totals: {tensors, elements, bytes
// (each storage once), by_dtype: {dtype: elements}}, values: [{name, type, value?}], metadata?, spec?}.
// Nested names are joined as a.b[0].c; values are the entries that are no tensors; same_as is an earlier name
// of the same numbers. Error(input) as the readers.
Json describe_file(const std::filesystem::path& path, Check check = Check::structure);

}  // namespace testudo::tensors
