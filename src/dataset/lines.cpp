#include "dataset/lines.h"

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo::dataset {

namespace {

constexpr std::size_t most_named = 10;

// What is wrong with a line, or nothing.
std::string mistake_of(const std::string& text, const fs::path& list, Line& line) {
    if (!is_utf8(text)) return "is not UTF-8 text";
    const auto bar = text.find('|');
    if (bar == std::string::npos) return "has no | between file and text";
    if (text.find('|', bar + 1) != std::string::npos)
        return "has a second |: a text cannot hold that character";
    line.audio = text.substr(0, bar);
    line.text = trim(std::string_view(text).substr(bar + 1));
    if (trim(line.audio).empty()) return "names no file before the |";
    if (line.text.empty()) return "has no text after the |";
    std::error_code error;
    if (!fs::is_regular_file(audio_path(list, line), error))
        return cat("names a file that is not there: ", audio_path(list, line));
    return {};
}

}  // namespace

fs::path audio_path(const fs::path& list, const Line& line) { return list.parent_path() / line.audio; }

std::vector<Line> read_lines(const fs::path& list, bool may_be_empty) {
    std::string text = read_file(list);
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    std::vector<Line> lines;
    std::vector<std::string> mistakes;
    std::size_t more = 0;
    int number = 0;
    for (const auto& one : split_lines(text)) {
        ++number;
        if (trim(one).empty()) continue;
        Line line;
        line.number = number;
        const std::string mistake = mistake_of(one, list, line);
        if (mistake.empty())
            lines.push_back(std::move(line));
        else if (mistakes.size() < most_named)
            mistakes.push_back(cat(list, ":", number, " ", mistake));
        else
            ++more;
    }
    if (!mistakes.empty())
        throw input_error(cat(join(mistakes, "; "), more ? cat("; and ", more, " lines more") : ""),
                          "Correct or remove these lines (path|text), or make the dataset again.");
    if (lines.empty() && !may_be_empty)
        throw input_error(cat(list, " has no line to train on"),
                          "Prepare the dataset again; if its lines went to validation.txt, set "
                          "validation_text_length and validation_audio_length to 0.");
    return lines;
}

}  // namespace testudo::dataset
