// SubRip and WebVTT (W3C, "WebVTT: The Web Video Text Tracks Format").
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "core/strings.h"
#include "dataset/exchange.h"
#include "dataset/exchange_text.h"

namespace testudo::dataset {

namespace {

constexpr const char* remedy = "A cue begins with times such as 00:00:01.500 --> 00:00:02.000.";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void skip_blanks(std::string_view line, std::size_t& at) {
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
}

// [hours:]minutes:seconds, with a fraction behind a point or comma.
double take_time(const Place& place, std::size_t& at) {
    const std::string_view line = place.line;
    const std::size_t begin = at;
    std::vector<double> parts;
    for (;;) {
        const std::size_t first = at;
        double value = 0;
        while (at < line.size() && is_digit(line[at]) && at - first < 9)
            value = value * 10 + (line[at++] - '0');
        if (at == first) mistake(place, begin, "no time", remedy);
        parts.push_back(value);
        if (parts.size() > 1 && value >= 60) mistake(place, first, "60 or more", remedy);
        if (at >= line.size() || line[at] != ':' || parts.size() == 3) break;
        ++at;
    }
    if (parts.size() < 2) mistake(place, begin, "no time", remedy);
    double milliseconds = 0, scale = 100;
    if (at < line.size() && (line[at] == '.' || line[at] == ','))
        for (++at; at < line.size() && is_digit(line[at]); ++at, scale /= 10)
            milliseconds += (line[at] - '0') * scale;
    double seconds = 0;
    for (const double part : parts) seconds = seconds * 60 + part;
    return (seconds * 1000 + milliseconds) / 1000;
}

void take_times(const Place& place, Label& label) {
    std::size_t at = 0;
    skip_blanks(place.line, at);
    label.start = take_time(place, at);
    skip_blanks(place.line, at);
    if (place.line.substr(at, 3) != "-->") mistake(place, at, "no --> between the times", remedy);
    at += 3;
    skip_blanks(place.line, at);
    const std::size_t second = at;
    label.end = take_time(place, at);
    if (at < place.line.size() && place.line[at] != ' ' && place.line[at] != '\t')
        mistake(place, at, "no blank behind the times", remedy);
    check_label_times(place, second, label.start, label.end);
    label.line = place.number;
}

bool has_arrow(std::string_view line) { return line.find("-->") != std::string_view::npos; }

// Lines without a blank one between, and the number of the first.
struct Block {
    std::vector<std::string> lines;
    std::size_t number = 0;
    Place place(std::size_t i, const std::string& where) const { return {where, lines[i], number + i}; }
};

std::vector<Block> blocks_of(const std::string& text) {
    std::vector<Block> blocks;
    std::size_t number = 0;
    bool open = false;
    for (const std::string& line : split(text, '\n')) {
        ++number;
        if (trim(line).empty()) {
            open = false;
            continue;
        }
        if (!open) blocks.push_back({{}, number});
        open = true;
        blocks.back().lines.push_back(line);
    }
    return blocks;
}

// Times stand in the first line of a block, or in the second behind a number or name.
std::size_t line_of_times(const Block& block) {
    const std::string& first = block.lines[0];
    if (has_arrow(first) || block.lines.size() < 2) return 0;
    const bool like_times = is_digit(first[0]) && first.find(':') != std::string::npos;
    return like_times && !has_arrow(block.lines[1]) ? 0 : 1;
}

template <class Clean>
Label cue_of(const Block& block, const std::string& where, Clean clean) {
    const std::size_t times = line_of_times(block);
    Label label;
    take_times(block.place(times, where), label);
    std::string text;
    for (std::size_t i = times + 1; i < block.lines.size(); ++i) {
        if (has_arrow(block.lines[i]))
            mistake(block.place(i, where), block.lines[i].find("-->"),
                    "times within the text of a cue: the blank line before is missing",
                    "Put a blank line between two cues.");
        text += (text.empty() ? "" : "\n") + block.lines[i];
    }
    clean(text, label);
    label.text = without_blank_lines(label.text);
    return label;
}

// <i>, </font>, {\an8}, …: what players of SubRip files understand.
std::string without_srt_tags(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '{' && i + 1 < text.size() && text[i + 1] == '\\') {
            if (const auto end = text.find('}', i); end != std::string::npos) {
                i = end;
                continue;
            }
        }
        if (text[i] == '<') {
            const auto end = text.find('>', i);
            std::string name = end == std::string::npos ? std::string() : text.substr(i + 1, end - i - 1);
            name = lower_ascii(name.substr(name.starts_with('/') ? 1 : 0));
            name = name.substr(0, name.find(' '));
            if (name == "i" || name == "b" || name == "u" || name == "s" || name == "font") {
                i = end;
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

std::string unescaped(std::string_view text) {
    static constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"&amp;", "&"},       {"&lt;", "<"},       {"&gt;", ">"},      {"&quot;", "\""},
        {"&nbsp;", "\u00a0"}, {"&lrm;", "\u200e"}, {"&rlm;", "\u200f"}};
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto found = std::find_if(std::begin(names), std::end(names), [&](const auto& name) {
            return text.substr(i).starts_with(name.first);
        });
        if (found == std::end(names)) {
            out += text[i++];
        } else {
            out += found->second;
            i += found->first.size();
        }
    }
    return out;
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else
            out += c;
    }
    return out;
}

std::string one_line(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
    return trim(text);
}

// Tags go; <v NAME> gives the speaker, where all of a cue is one speaker's.
void clean_vtt(const std::string& text, Label& label) {
    std::set<std::string> speakers;
    for (std::size_t i = 0; i < text.size();) {
        const auto end = text[i] == '<' ? text.find('>', i) : std::string::npos;
        if (end == std::string::npos) {
            const auto next = text.find('<', i + 1);
            label.text += unescaped(std::string_view(text).substr(i, next - i));
            i = std::min(next, text.size());
            continue;
        }
        const std::string tag = text.substr(i + 1, end - i - 1);
        const auto blank = tag.find_first_of(" \t\n");
        if (blank != std::string::npos && (tag.substr(0, blank) == "v" || tag.starts_with("v.")))
            speakers.insert(one_line(unescaped(tag.substr(blank + 1))));
        i = end + 1;
    }
    if (speakers.size() == 1) label.speaker = *speakers.begin();
}

std::string written_times(const Label& label, char point) {
    const auto written = [point](double seconds) {
        const long long all = std::llround(seconds * 1000);
        char out[48];
        std::snprintf(out, sizeof out, "%02lld:%02lld:%02lld%c%03lld", all / 3600000, all / 60000 % 60,
                      all / 1000 % 60, point, all % 1000);
        return std::string(out);
    };
    return cat(written(label.start), " --> ", written(label.end), "\n");
}

// A cue ends at a blank line.
std::string cue_text(std::string text) {
    std::replace(text.begin(), text.end(), '\r', '\n');
    text = without_blank_lines(text);
    return text.empty() ? text : text + "\n";
}

// SubRip has no escapes: a text's own arrow would look like times.
std::string without_arrows(std::string text) {
    for (auto at = text.find("-->"); at != std::string::npos; at = text.find("-->", at)) text.erase(at, 1);
    return text;
}

}  // namespace

std::vector<Label> read_srt(std::string_view bytes, const std::string& where) {
    std::vector<Label> labels;
    for (const Block& block : blocks_of(plain_text(bytes, where))) {
        if (!has_arrow(block.lines[0])) {
            const std::string number = trim(block.lines[0]);
            if (!std::all_of(number.begin(), number.end(), is_digit))
                mistake(block.place(0, where), 0, "neither the number nor the times of a cue", remedy);
        }
        labels.push_back(cue_of(block, where, [](const std::string& text, Label& label) {
            label.text = without_srt_tags(text);
        }));
    }
    return labels;
}

std::string write_srt(const std::vector<Label>& labels) {
    std::string out;
    int number = 0;
    for (const Label& label : labels)
        out += cat(++number, "\n", written_times(label, ','), without_arrows(cue_text(label.text)), "\n");
    return out;
}

std::vector<Label> read_vtt(std::string_view bytes, const std::string& where) {
    const std::string text = plain_text(bytes, where);
    const std::vector<Block> blocks = blocks_of(text);
    const std::string first = split(text, '\n')[0];
    if (first != "WEBVTT" && !first.starts_with("WEBVTT ") && !first.starts_with("WEBVTT\t"))
        mistake({where, first, 1}, 0, "the first line must be WEBVTT", "Check that it is the right file.");
    std::vector<Label> labels;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        const Block& block = blocks[b];
        const std::string& line = block.lines[0];
        if (b == 0) {
            for (std::size_t i = 1; i < block.lines.size(); ++i)
                if (has_arrow(block.lines[i]))
                    mistake(block.place(i, where), 0, "a cue within the header",
                            "Put a blank line behind the header.");
            continue;
        }
        const std::string word = line.substr(0, line.find_first_of(" \t"));
        if (!has_arrow(line) && (word == "NOTE" || word == "STYLE" || word == "REGION")) continue;
        labels.push_back(cue_of(block, where, clean_vtt));
    }
    return labels;
}

std::string write_vtt(const std::vector<Label>& labels) {
    std::string out = "WEBVTT\n\n";
    for (const Label& label : labels) {
        const std::string speaker = one_line(label.speaker);
        out += cat(
            written_times(label, '.'), speaker.empty() ? std::string() : cat("<v ", escaped(speaker), ">"),
            escaped(cue_text(label.text)), !speaker.empty() && trim(label.text).empty() ? "\n" : "", "\n");
    }
    return out;
}

}  // namespace testudo::dataset
