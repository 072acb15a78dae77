#pragma once
#include <string>

#include "dataset/settings.h"
#include "server/shared.h"

namespace testudo::server {

// What was saved for the voice (training/V/dataset.json); defaults for the rest. Error(usage) for values that
// cannot be.
dataset::DatasetSettings read_dataset_settings(const Shared& shared, const std::string& voice);

// For pictures: nothing in them runs or loads, also when one is opened by itself.
constexpr const char* picture_policy =
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

}  // namespace testudo::server
