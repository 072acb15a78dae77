// The statistics as JSON and as text.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/strings.h"
#include "dataset/statistics.h"

namespace testudo::dataset {

namespace {

constexpr int widest_bar = 40;

std::string number(double value) {
    char out[32];
    std::snprintf(out, sizeof out, "%.4g", value);
    return out;
}

Json to_json(const Histogram& histogram) {
    const auto rounded = [](double value) { return std::round(value * 1e4) / 1e4; };
    return {{"values", histogram.values},
            {"least", rounded(histogram.least)},
            {"median", rounded(histogram.median)},
            {"mean", rounded(histogram.mean)},
            {"most", rounded(histogram.most)},
            {"low", histogram.low},
            {"width", histogram.width},
            {"counts", histogram.counts}};
}

Json to_json(const std::map<std::string, Share>& shares) {
    Json out = Json::object();
    for (const auto& [name, share] : shares)
        out[name.empty() ? "unknown" : name] = {{"count", share.count},
                                                {"seconds", std::round(share.seconds * 1000) / 1000}};
    return out;
}

std::string share_lines(const std::string& heading, const std::map<std::string, Share>& shares) {
    std::string out;
    for (const auto& [name, share] : shares)
        out += cat("  ", name.empty() ? "not known" : name, ": ", share.count, " (",
                   human_duration(share.seconds), ")\n");
    return out.empty() ? out : cat(heading, "\n", out);
}

std::string bars(const std::string& heading, const std::string& unit, const Histogram& histogram) {
    if (histogram.values == 0) return {};
    std::string out = cat(heading, " [", unit, "]: ", number(histogram.least), " to ", number(histogram.most),
                          ", median ", number(histogram.median), ", mean ", number(histogram.mean), "\n");
    const int most = *std::max_element(histogram.counts.begin(), histogram.counts.end());
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        const int count = histogram.counts[i];
        char edge[32];
        std::snprintf(edge, sizeof edge, "%8.6g", histogram.low + static_cast<double>(i) * histogram.width);
        const auto length = static_cast<std::size_t>(std::lround(1.0 * widest_bar * count / most));
        out += cat("  ", edge, " ", std::string(std::max<std::size_t>(length, count > 0 ? 1 : 0), '#'),
                   count > 0 ? " " : "", count > 0 ? std::to_string(count) : std::string(), "\n");
    }
    return out;
}

}  // namespace

Json to_json(const Statistics& s) {
    Json out = {{"voice", s.voice},
                {"train_lines", s.train_lines},
                {"validation_lines", s.validation_lines},
                {"seconds", std::round(s.seconds * 1000) / 1000},
                {"seconds_lost", std::round(s.seconds_lost * 1000) / 1000}};
    if (s.speech_seconds) {
        out["speech_seconds"] = std::round(*s.speech_seconds * 1000) / 1000;
        if (s.seconds > 0) out["speech_share"] = std::round(*s.speech_seconds / s.seconds * 1e4) / 1e4;
    }
    out["length"] = to_json(s.length);
    out["characters_per_second"] = to_json(s.characters_per_second);
    out["loudness"] = to_json(s.loudness);
    out["snr"] = to_json(s.snr);
    out["tokens"] = to_json(s.tokens);
    out["unknown_characters"] = s.unknown_characters;
    out["lines_with_unknown_characters"] = s.lines_with_unknown_characters;
    out["languages"] = to_json(s.languages);
    out["speakers"] = to_json(s.speakers);
    out["lost"] = to_json(s.lost);
    out["verdicts"] = s.verdicts;
    out["doubtful"] = s.doubtful;
    return out;
}

std::string to_text(const Statistics& s) {
    std::string out = cat(s.voice, ": ", s.train_lines, " lines to train on, ", s.validation_lines,
                          " to validate with, ", human_duration(s.seconds));
    if (s.speech_seconds && s.seconds > 0)
        out += cat(", ", std::lround(100 * *s.speech_seconds / s.seconds), " % of it speech");
    out += "\n";
    if (!s.verdicts.empty()) {
        out += "verdicts:";
        for (const auto& [verdict, count] : s.verdicts) out += cat(" ", count, " ", verdict);
        out += "\n";
    }
    for (const auto& line : s.doubtful) out += cat("  doubtful: ", line, "\n");
    out += share_lines("languages", s.languages);
    out += share_lines("speakers", s.speakers);
    out += share_lines(cat("left out: ", human_duration(s.seconds_lost)), s.lost);
    if (!s.unknown_characters.empty()) {
        out += cat("characters that the tokenizer does not know, in ", s.lines_with_unknown_characters,
                   " lines:");
        for (const auto& [character, lines] : s.unknown_characters)
            out += cat(" ", character, " (", lines, ")");
        out += "\n";
    }
    out += bars("length", "s", s.length);
    out += bars("speaking rate", "characters a second", s.characters_per_second);
    out += bars("text tokens", "tokens a line", s.tokens);
    out += bars("loudness", "LUFS", s.loudness);
    out += bars("speech over noise", "dB", s.snr);
    return out;
}

}  // namespace testudo::dataset
