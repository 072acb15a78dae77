#pragma once
// Settings of a job's request as flags of the verb that does it.
#include <string>
#include <vector>

#include "core/json.h"

namespace testudo::studio {

// "a" -> a, 0.5 -> 0.5, ["a", "b"] -> a,b
std::string flag_value(const Json& value);
// --key=value; of true and false --key and --no-key.
void add_flag(std::vector<std::string>& arguments, std::string key, const Json& value);

}  // namespace testudo::studio
