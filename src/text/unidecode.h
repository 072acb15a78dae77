#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace testudo::text {

// ASCII that reads like `text`: é -> e, ß -> ss, Ж -> Zh, “ -> ", … -> ..., as the Python package Unidecode
// does. What has no reading (emoji, most symbols) is left out and, when `dropped` is given, listed there
// (UTF-8, in order of first appearance; marks and invisible format characters are not worth a word and not
// listed).
std::string unidecode(std::string_view text, std::vector<std::string>* dropped = nullptr);

}  // namespace testudo::text
