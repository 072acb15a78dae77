#include "training/yaml_reader.h"

#include <charconv>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/strings.h"
#include "core/yaml.h"

namespace testudo::training {

namespace {
constexpr const char* remedy = "Correct it, or write the configuration again with `testudo configure`.";
constexpr double whole_numbers_end = 9007199254740992.0;  // 2^53
constexpr int deepest = 32;
constexpr std::size_t most_values = 20000;

// Walks as far as aliases lead, which may be a circle or a tree without end.
struct Walk {
    const std::string& name;
    std::vector<YamlLeaf> leaves = {};
    std::string twice = {};  // the first key that stands in its map twice
    std::size_t count = 0;

    void tell(const YAML::Node& node, int depth) {
        if (++count > most_values || depth > deepest)
            throw input_error(
                cat(name, ", line ", node.Mark().line + 1, ": ",
                    depth > deepest ? "nested too deep" : "too many values", " for a training configuration"),
                "Choose a training YAML of DLAS or of Testudo, or a train.json.");
    }
    void list(const YAML::Node& node, int depth) {
        tell(node, depth);
        if (node.IsSequence())
            for (const auto& item : node) list(item, depth + 1);
        if (node.IsMap())
            for (const auto& entry : node) list(entry.second, depth + 1);
    }
    void map(const YAML::Node& node, const std::string& where, int depth) {
        tell(node, depth);
        std::map<std::string, int> lines;
        for (const auto& entry : node) {
            const std::string part = entry.first.IsScalar() ? entry.first.Scalar() : "(no text)";
            const std::string key = where.empty() ? part : cat(where, ".", part);
            const int line = entry.first.Mark().line + 1;
            if (const auto [first, is_new] = lines.emplace(part, line); !is_new && twice.empty())
                twice = cat(name, ", line ", line, ": ", key, " stands there twice; the first is in line ",
                            first->second);
            if (entry.second.IsMap() && entry.second.size() > 0) {
                map(entry.second, key, depth + 1);
                continue;
            }
            list(entry.second, depth + 1);
            leaves.push_back({key, line, entry.second});
        }
    }
};
}  // namespace

YamlReader::YamlReader(const std::filesystem::path& file)
    : YamlReader(read_yaml(file), to_utf8(file.native())) {}

YamlReader::YamlReader(const YAML::Node& document, std::string name)
    : name_(std::move(name)), root_(document) {
    if (!root_.IsMap())
        throw input_error(cat(name_, " holds no training configuration"),
                          "Write one with `testudo configure`.");
}

void YamlReader::must_name_once() const {
    Walk walk{name_};
    walk.map(root_, "", 0);
    if (!walk.twice.empty())
        throw input_error(walk.twice, "Keep one of them: programs differ in which they take.");
}

std::vector<YamlLeaf> YamlReader::leaves() const {
    Walk walk{name_};
    walk.map(root_, "", 0);
    return std::move(walk.leaves);
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
