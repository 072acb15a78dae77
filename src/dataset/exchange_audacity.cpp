// Audacity's label tracks (Audacity manual, "Importing and Exporting Labels").
#include <cstdio>

#include "core/strings.h"
#include "dataset/exchange.h"
#include "dataset/exchange_text.h"

namespace testudo::dataset {

namespace {

constexpr const char* remedy = "Each line is: start, tab, end, tab, text.";

double take_time(const Place& place, std::size_t& at, const char* name) {
    const auto time = take_number(place.line, at);
    if (!time) mistake(place, at, cat("no ", name, " in seconds"), remedy);
    return *time;
}

}  // namespace

std::vector<Label> read_audacity(std::string_view bytes, const std::string& where) {
    const std::string text = plain_text(bytes, where);
    std::vector<Label> labels;
    std::size_t number = 0;
    for (const std::string& line : split(text, '\n')) {
        ++number;
        if (trim(line).empty() || line[0] == '\\') continue;
        const Place place{where, line, number};
        Label label;
        label.line = number;
        std::size_t at = 0;
        label.start = take_time(place, at, "start");
        if (at >= line.size() || line[at] != '\t') mistake(place, at, "no tab behind the start", remedy);
        const std::size_t second = ++at;
        label.end = take_time(place, at, "end");
        check_label_times(place, second, label.start, label.end);
        if (at < line.size() && line[at] != '\t') mistake(place, at, "no tab behind the end", remedy);
        if (at < line.size()) label.text = trim(std::string_view(line).substr(at + 1));
        for (char& c : label.text)
            if (c == '\t') c = ' ';
        labels.push_back(std::move(label));
    }
    return labels;
}

std::string write_audacity(const std::vector<Label>& labels) {
    std::string out;
    for (const Label& label : labels) {
        char times[80];
        std::snprintf(times, sizeof times, "%.6f\t%.6f\t", label.start, label.end);
        std::string text = trim(label.text);
        for (char& c : text)
            if (c == '\t' || c == '\n' || c == '\r') c = ' ';
        out += times + text + "\n";
    }
    return out;
}

}  // namespace testudo::dataset
