#include "server/described.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "core/files.h"
#include "core/strings.h"
#include "support/golden.h"

namespace testudo::test {

namespace {

using Node = YAML::Node;

const Node& description() {
    static const Node all = YAML::LoadFile((source_dir() / "docs" / "openapi.yaml").string());
    return all;
}

// "#/components/schemas/Job" -> what stands there.
Node resolved(Node node) {
    while (node.IsMap() && node["$ref"]) {
        Node at = description();  // a handle of its own on the same tree
        for (const std::string& step : split(node["$ref"].as<std::string>().substr(2), '/'))
            at.reset(at[step]);
        node.reset(at);
    }
    return node;
}

std::vector<std::string> texts(const Node& node) {
    std::vector<std::string> out;
    if (node.IsSequence())
        for (const Node& one : node) out.push_back(one.IsNull() ? "null" : one.as<std::string>());
    else
        out.push_back(node.as<std::string>());
    return out;
}

bool is_of_type(const Json& value, const std::string& type) {
    return type == "object"    ? value.is_object()
           : type == "array"   ? value.is_array()
           : type == "string"  ? value.is_string()
           : type == "integer" ? value.is_number() && value.get<double>() == std::trunc(value.get<double>())
           : type == "number"  ? value.is_number()
           : type == "boolean" ? value.is_boolean()
                               : type == "null" && value.is_null();
}

bool is_one_of(const Json& value, const std::vector<std::string>& choices) {
    return std::find(choices.begin(), choices.end(),
                     value.is_string() ? value.get<std::string>() : value.dump()) != choices.end();
}

std::string differs(const Json& value, Node schema, const std::string& where);

std::string object_differs(const Json& value, const Node& schema, const std::string& where) {
    if (schema["required"])
        for (const std::string& key : texts(schema["required"]))
            if (!value.contains(key)) return cat(where, " lacks ", key);
    const Node properties = schema["properties"], others = schema["additionalProperties"];
    if (!properties && !others) return "";
    for (const auto& [key, item] : value.items()) {
        const std::string here = cat(where, ".", key);
        std::string found;
        if (properties && properties[key])
            found = differs(item, properties[key], here);
        else if (!others || (others.IsScalar() && others.as<std::string>() == "false"))
            found = cat(here, " is not described");
        else if (others.IsMap())
            found = differs(item, others, here);
        if (!found.empty()) return found;
    }
    return "";
}

std::string differs(const Json& value, Node schema, const std::string& where) {
    schema.reset(resolved(schema));
    for (const char* any : {"oneOf", "anyOf"})
        if (schema[any]) {
            std::string found;
            for (const Node& one : schema[any]) {
                found = differs(value, one, where);
                if (found.empty()) return "";
            }
            return found;
        }
    if (schema["allOf"])
        for (const Node& one : schema["allOf"])
            if (const std::string found = differs(value, one, where); !found.empty()) return found;
    if (schema["type"]) {
        const auto types = texts(schema["type"]);
        if (std::none_of(types.begin(), types.end(),
                         [&](const std::string& type) { return is_of_type(value, type); }))
            return cat(where, " is ", value.dump().substr(0, 80), ", no ", join(types, " or "));
    }
    for (const char* choices : {"enum", "const"})
        if (schema[choices] && !is_one_of(value, texts(schema[choices])))
            return cat(where, " is ", value.dump().substr(0, 80), ", none of its choices");
    if (value.is_object()) return object_differs(value, schema, where);
    if (value.is_array() && schema["items"])
        for (std::size_t i = 0; i < value.size(); ++i)
            if (std::string found = differs(value[i], schema["items"], cat(where, "[", i, "]"));
                !found.empty())
                return found;
    return "";
}

// "/api/jobs/7" fits "/api/jobs/{job}".
bool fits(const std::vector<std::string>& path, const std::string& pattern) {
    const auto steps = split(pattern, '/');
    if (steps.size() != path.size()) return false;
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (steps[i] != path[i] && !steps[i].starts_with('{')) return false;
    return true;
}

Node operation_of(const std::string& method, const std::string& target) {
    const std::string path = target.substr(0, target.find('?'));
    const auto api = path.find("/api/");
    const auto steps = split(api == std::string::npos ? path : path.substr(api), '/');
    Node found(YAML::NodeType::Undefined);
    for (const auto& entry : description()["paths"]) {
        const std::string pattern = entry.first.as<std::string>();
        if (!fits(steps, pattern) || !entry.second[lower_ascii(method)]) continue;
        found.reset(entry.second[lower_ascii(method)]);
        if (pattern.find('{') == std::string::npos) break;  // what is named goes before what is meant
    }
    return found;
}

}  // namespace

std::string undescribed(const std::string& method, const std::string& target, int status,
                        const std::string& type, const std::string& body) {
    if (status == 0) return "";
    static std::mutex one_at_a_time;  // the parsed description is no tree that threads may share
    const std::scoped_lock lock(one_at_a_time);
    const Node operation = operation_of(method == "HEAD" ? "GET" : method, target);
    // What is at no described address can only be refused, or be the page.
    if (!operation)
        return target.find("/api/") == std::string::npos || status >= 400 ? "" : "no such operation";
    const Node responses = operation["responses"];
    Node answer(YAML::NodeType::Undefined);
    for (const std::string& key : {std::to_string(status), std::string("default")})
        if (!answer.IsDefined() && responses[key] && (key != "default" || status >= 400))
            answer.reset(responses[key]);
    if (!answer.IsDefined() && status == 304) return "";
    const std::string where = cat(method, " ", target, ": ");
    if (!answer.IsDefined()) return cat(where, "status ", status, " is not described");
    answer.reset(resolved(answer));
    const std::string plain_type = trim(type.substr(0, type.find(';')));
    const Node content = answer["content"];
    if (body.empty()) return "";
    if (!content) return plain_type == "application/json" ? cat(where, "JSON is not described") : "";
    if (!content[plain_type]) return cat(where, plain_type, " is not described");
    if (plain_type != "application/json" || !content[plain_type]["schema"]) return "";
    const Json value = Json::parse(body, nullptr, false);
    if (value.is_discarded()) return cat(where, "the answer is no JSON");
    const std::string found = differs(value, content[plain_type]["schema"], "answer");
    return found.empty() ? "" : cat(where, found);
}

}  // namespace testudo::test
