#include "studio/job_flags.h"

#include <algorithm>

#include "core/strings.h"

namespace testudo::studio {

std::string flag_value(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return value.dump();
    std::vector<std::string> parts;
    for (const Json& part : value) parts.push_back(flag_value(part));
    return join(parts, ",");
}

void add_flag(std::vector<std::string>& arguments, std::string key, const Json& value) {
    std::replace(key.begin(), key.end(), '_', '-');
    if (value.is_boolean()) {
        arguments.push_back(cat(value.get<bool>() ? "--" : "--no-", key));
        return;
    }
    // One word, so that a value may begin with a dash; an empty one can only stand for itself.
    const std::string text = flag_value(value);
    if (text.empty())
        arguments.insert(arguments.end(), {"--" + key, ""});
    else
        arguments.push_back(cat("--", key, "=", text));
}

}  // namespace testudo::studio
