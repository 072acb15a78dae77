#pragma once
// Typed look-ups in a YAML file; a wrong type is an Error(input) naming file, line and key.
#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace testudo::training {

// A value that is no map; lists are one value.
struct YamlLeaf {
    std::string key;  // dotted
    std::int64_t line = 0;
    YAML::Node node;
};

class YamlReader {
  public:
    explicit YamlReader(const std::filesystem::path& file);  // Error(input) when missing or not YAML
    YamlReader(const YAML::Node& document, std::string name);

    // All values in their order. Error(input) for nesting or aliases that come to more than a configuration
    // can hold.
    std::vector<YamlLeaf> leaves() const;
    // Error(input) when a key stands in its map twice.
    void must_name_once() const;

    // Keys are dotted: "train.niter". Absent or null: nothing.
    std::optional<std::int64_t> integer(const std::string& key) const;  // 3, 3.0
    std::optional<double> number(const std::string& key) const;  // also "1e-5", which YAML takes for a text
    std::optional<bool> boolean(const std::string& key) const;
    std::optional<std::string> text(const std::string& key) const;
    std::optional<std::vector<std::int64_t>> integers(const std::string& key) const;
    std::optional<std::vector<double>> numbers(const std::string& key) const;
    std::optional<std::vector<std::string>> texts(const std::string& key) const;
    bool has(const std::string& key) const;

    // With bounds, both included; Error(input) outside.
    std::int64_t integer_in(const std::string& key, std::int64_t fallback, std::int64_t least,
                            std::int64_t most) const;
    double number_in(const std::string& key, double fallback, double least, double most) const;

    const std::string& name() const { return name_; }
    std::string place(const std::string& key) const;  // "train.yaml, line 12: train.niter"

  private:
    std::optional<YAML::Node> find(const std::string& key) const;
    [[noreturn]] void fail(const std::string& key, const YAML::Node& node, const std::string& wanted) const;
    double to_number(const std::string& key, const YAML::Node& node) const;
    std::int64_t to_integer(const std::string& key, const YAML::Node& node) const;

    std::string name_;
    YAML::Node root_;
};

// A float as Python's YAML reads it back as a float: with a point, and a sign in the exponent (1.0e-05).
YAML::Node yaml_float(double value);
std::string yaml_float_text(double value);

}  // namespace testudo::training
