#pragma once
// LJSpeech lists: one `path|text` a line, the path relative to the list's folder (or absolute).
#include <filesystem>
#include <string>
#include <vector>

namespace testudo::dataset {

struct Line {
    std::string audio;  // as written in the list
    std::string text;   // without white space at its ends
    int number = 0;     // in the list, from 1
};

// Reads a list. Blank lines are no lines. Throws Error(input) naming list:line for every line without `|`,
// with a second `|`, without text, that is not UTF-8 or whose file is missing (up to ten are named), and for
// a list without lines unless `may_be_empty`.
std::vector<Line> read_lines(const std::filesystem::path& list, bool may_be_empty = false);

std::filesystem::path audio_path(const std::filesystem::path& list, const Line& line);

}  // namespace testudo::dataset
