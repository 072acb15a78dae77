#include "training/yaml_reader.h"

#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "core/yaml.h"

namespace testudo::training {

namespace {
constexpr const char* remedy = "Correct it, or write the configuration again with `testudo configure`.";
constexpr double whole_numbers_end = 9007199254740992.0;  // 2^53
}  // namespace

YamlReader::YamlReader(const std::filesystem::path& file)
    : name_(to_utf8(file.native())), root_(read_yaml(file)) {
    if (!root_.IsMap())
        throw input_error(cat(name_, " holds no training configuration"),
                          "Write one with `testudo configure`.");
}

void YamlReader::fail(const std::string& key, const YAML::Node& node, const std::string& wanted) const {
    const std::string found = node.IsScalar() ? cat("\"", node.Scalar(), "\"")
                              : node.IsMap()  ? "a map"
                                              : "a list";
    throw input_error(
        cat(name_, ", line ", node.Mark().line + 1, ": ", key, " must be ", wanted, ", not ", found), remedy);
}

std::optional<YAML::Node> YamlReader::find(const std::string& key) const {
    YAML::Node node = root_;
    std::string walked;
    for (const std::string& part : split(key, '.')) {
        if (!node.IsMap()) fail(walked, node, "a map");
        walked += (walked.empty() ? "" : ".") + part;
        const YAML::Node& held = node;
        const YAML::Node next = held[part];
        if (!next.IsDefined() || next.IsNull()) return {};
        node.reset(next);
    }
    return node;
}

bool YamlReader::has(const std::string& key) const { return find(key).has_value(); }

std::string YamlReader::place(const std::string& key) const {
    const auto node = find(key);
    return node ? cat(name_, ", line ", node->Mark().line + 1, ": ", key) : cat(name_, ": ", key);
}

double YamlReader::to_number(const std::string& key, const YAML::Node& node) const {
    if (!node.IsScalar()) fail(key, node, "a number");
    const std::string text = trim(node.Scalar());
    const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
    double value = 0;
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
        fail(key, node, "a number");
    return value;
}

std::int64_t YamlReader::to_integer(const std::string& key, const YAML::Node& node) const {
    if (!node.IsScalar()) fail(key, node, "a whole number");
    const std::string text = trim(node.Scalar());
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(std::fabs(value) < whole_numbers_end) ||
        value != std::trunc(value))
        fail(key, node, "a whole number");
    return static_cast<std::int64_t>(value);
}

std::optional<std::int64_t> YamlReader::integer(const std::string& key) const {
    const auto node = find(key);
    return node ? std::optional(to_integer(key, *node)) : std::nullopt;
}

std::optional<double> YamlReader::number(const std::string& key) const {
    const auto node = find(key);
    return node ? std::optional(to_number(key, *node)) : std::nullopt;
}

std::optional<bool> YamlReader::boolean(const std::string& key) const {
    const auto node = find(key);
    if (!node) return {};
    bool value = false;
    if (!node->IsScalar() || !YAML::convert<bool>::decode(*node, value)) fail(key, *node, "true or false");
    return value;
}

std::optional<std::string> YamlReader::text(const std::string& key) const {
    const auto node = find(key);
    if (!node) return {};
    if (!node->IsScalar()) fail(key, *node, "a text");
    return node->Scalar();
}

std::optional<std::vector<double>> YamlReader::numbers(const std::string& key) const {
    const auto node = find(key);
    if (!node) return {};
    if (!node->IsSequence()) fail(key, *node, "a list of numbers");
    std::vector<double> out;
    for (const auto& item : *node) out.push_back(to_number(key, item));
    return out;
}

std::optional<std::vector<std::int64_t>> YamlReader::integers(const std::string& key) const {
    const auto node = find(key);
    if (!node) return {};
    if (!node->IsSequence()) fail(key, *node, "a list of whole numbers");
    std::vector<std::int64_t> out;
    for (const auto& item : *node) out.push_back(to_integer(key, item));
    return out;
}

std::optional<std::vector<std::string>> YamlReader::texts(const std::string& key) const {
    const auto node = find(key);
    if (!node) return {};
    if (!node->IsSequence()) fail(key, *node, "a list of texts");
    std::vector<std::string> out;
    for (const auto& item : *node) {
        if (!item.IsScalar()) fail(key, item, "a text");
        out.push_back(item.Scalar());
    }
    return out;
}

std::int64_t YamlReader::integer_in(const std::string& key, std::int64_t fallback, std::int64_t least,
                                    std::int64_t most) const {
    const auto value = integer(key);
    if (!value) return fallback;
    if (*value < least || *value > most)
        throw input_error(cat(place(key), " is ", *value, ", which is outside ", least, " to ", most),
                          remedy);
    return *value;
}

double YamlReader::number_in(const std::string& key, double fallback, double least, double most) const {
    const auto value = number(key);
    if (!value) return fallback;
    if (!(*value >= least && *value <= most))
        throw input_error(cat(place(key), " is ", *value, ", which is outside ", least, " to ", most),
                          remedy);
    return *value;
}

std::string yaml_float_text(double value) {
    char digits[64];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    std::string text(digits, end);
    if (error == std::errc() && text.find('.') == std::string::npos) {
        const auto exponent = text.find('e');
        text.insert(exponent == std::string::npos ? text.size() : exponent, ".0");
    }
    return text;
}

YAML::Node yaml_float(double value) { return YAML::Node(yaml_float_text(value)); }

}  // namespace testudo::training
