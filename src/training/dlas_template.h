#pragma once
// A DLAS training YAML with every key that DLAS reads for TorToiSe's autoregressive model; configure() fills
// in what depends on settings, dataset and model.
#include <yaml-cpp/yaml.h>

namespace testudo::training {

YAML::Node dlas_template();

}  // namespace testudo::training
