#pragma once
// Answers against docs/openapi.yaml.
#include <string>

#include "core/json.h"

namespace testudo::test {

// What the description does not have of this answer: its address, its status, or where its JSON is another
// than the schema; empty when all is as described. `target` may lie below a base path.
std::string undescribed(const std::string& method, const std::string& target, int status,
                        const std::string& type, const std::string& body);

}  // namespace testudo::test
