#pragma once
// Named parameters of a network, in the order and with the names of the Python programs' state dicts.
#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace testudo::nets {

using Parameters = std::vector<std::pair<std::string, at::Tensor>>;

// Looks a name up in a checkpoint; null when it is not there.
using Find = std::function<const at::Tensor*(const std::string&)>;

// A Find over `parameters`, which must outlive it.
Find find_in(const Parameters& parameters);

// Copies every parameter from the checkpoint in place, converting its dtype. Nothing is changed when any is
// missing, has another shape or is not finite: one Error(input) lists each such name with both shapes. `what`
// names the checkpoint in that message.
void load_parameters(const Parameters& parameters, const Find& find, const std::string& what);

std::int64_t count_elements(const Parameters& parameters);
std::string shape_text(at::IntArrayRef shape);  // "[3, 4]"

}  // namespace testudo::nets
