#pragma once
// YAML documents that keep order and unknown keys: edit the node, write it back.
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <string>

namespace testudo {

YAML::Node parse_yaml(const std::string& text,
                      const std::string& where);  // Error(input) with line and column
YAML::Node read_yaml(const std::filesystem::path& path);
void write_yaml(const std::filesystem::path& path, const YAML::Node& document);  // whole or not at all

}  // namespace testudo
