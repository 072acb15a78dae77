#include "dataset/check.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>

#include "core/strings.h"

namespace testudo::dataset {

namespace {

constexpr double any = std::numeric_limits<double>::infinity();
constexpr int slips = 2;                      // edits that any transcription may differ by
constexpr std::size_t lines_to_compare = 10;  // fewer have no median worth comparing with
constexpr std::size_t telling_letters = 12;   // a shorter text may well be said twice

constexpr Limit absolute[] = {
    {"character_error_rate", 0, 0.15, "of the characters", nullptr, "heard again, it differs in",
     "A word too many or too few makes 10 to 20 % of a sentence of 5 to 10 words; the base model's own slips "
     "on clean speech are 2 to 5 %."},
    {"characters_per_second", 4, 28, "a second", "the text is short for the clip: characters",
     "the text is long for the clip: characters",
     "Read speech has 12 to 18 (English, 150 to 180 words a minute); auctioneers reach 25. Clips of one word "
     "go down to 5."},
    {"start_level", -any, -12, "dB", nullptr, "begins in the middle of a sound: first 20 ms against speech,",
     "A pause lies 20 dB and more under speech; a soft consonant about 15."},
    {"end_level", -any, -12, "dB", nullptr, "ends in the middle of a sound: last 20 ms against speech,",
     "As for start_level: a pause lies 20 dB and more under speech."},
    {"clipped_share", 0, 1e-4, "of the samples", nullptr, "was recorded too loud: cut off at full scale",
     "Two samples a second at 22.05 kHz: more is heard as crackling, and the voice learns it."},
    {"dc_offset", -0.01, 0.01, "of full scale",
     "has an offset:", "has an offset:", "-40 dB: what a faulty sound card adds; speech itself has none."},
    {"snr", 15, any, "dB", "is noisy: speech over noise", nullptr,
     "Studio recordings have 30 to 60, telephones 20; below 15 the noise is learned with the voice."},
    {"loudness", -45, -5, "LUFS", "is very quiet:", "is very loud:",
     "Broadcast speech has -23 (EBU R 128); 16 bits leave -45 with the resolution of 9."},
    {"silence_share", 0, 0.6, "of the clip", nullptr, "is mostly silence:",
     "A sentence with its pads rarely has more than a third; the model would learn to be silent."},
};

// 3.5 is Iglewicz and Hoaglin's limit (How to detect and handle outliers, 1993) for 0.6745 d / MAD.
constexpr const char* by_median =
    "3.5 scaled median absolute deviations from the voice's own median, Iglewicz and Hoaglin 1993";
constexpr Limit relative[] = {
    {"characters_per_second", -3.5, 3.5, "a second", "is spoken much more slowly than the others: characters",
     "is spoken much faster than the others: characters", by_median},
    {"loudness", -3.5, 3.5, "LUFS",
     "is much quieter than the others:", "is much louder than the others:", by_median},
};
// A voice that is very even would have outliers nobody hears: deviations count as at least this.
const std::map<std::string, double> least_deviation = {{"characters_per_second", 1.2}, {"loudness", 1.5}};

std::optional<double> score(const CheckedLine& line, const std::string& name) {
    const audio::SignalReport& signal = line.signal;
    if (name == "character_error_rate")
        return line.distance ? std::optional(line.distance->rate()) : std::nullopt;
    if (name == "characters_per_second") return line.characters_per_second;
    if (signal.seconds <= 0) return {};
    if (name == "start_level") return signal.start_level;
    if (name == "end_level") return signal.end_level;
    if (name == "clipped_share") return signal.clipped_share;
    if (name == "dc_offset") return signal.dc_offset;
    if (name == "snr") return signal.snr;
    if (name == "loudness") return signal.loudness;
    if (name == "silence_share") return signal.silence_share;
    return {};
}

std::string shown(double value, const Limit& limit) {
    const std::string unit = limit.unit;
    if (unit.starts_with("of ")) return cat(" ", std::round(value * 10000) / 100, " % ", unit);
    return cat(" ", std::round(value * 10) / 10, " ", unit);
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

void by_limits(CheckedLine& line) {
    for (const Limit& limit : absolute) {
        const auto value = score(line, limit.score);
        if (!value) continue;
        const bool hearing = limit.score == std::string("character_error_rate");
        if (hearing && line.distance->edits <= slips) continue;
        if (limit.below && *value < limit.least)
            line.reasons.push_back(cat(limit.below, shown(*value, limit)));
        if (limit.above && *value > limit.most)
            line.reasons.push_back(
                cat(limit.above, shown(*value, limit),
                    hearing ? cat(": \"", to_utf8(trim(*line.heard)), "\"") : std::string()));
    }
    if (!line.heard_warning.empty()) line.reasons.push_back(line.heard_warning);
    if (line.two_texts)
        line.reasons.emplace_back(
            "whisper.json has another text in its segments than in the entry's own \"text\", which is the "
            "one used");
}

void by_comparison(std::vector<CheckedLine>& lines) {
    for (const Limit& limit : relative) {
        std::vector<double> values;
        for (const auto& line : lines)
            if (const auto value = score(line, limit.score)) values.push_back(*value);
        if (values.size() < lines_to_compare) continue;
        const double centre = median(values);
        for (double& value : values) value = std::abs(value - centre);
        const double deviation = std::max(median(values), least_deviation.at(limit.score)) / 0.6745;
        for (auto& line : lines) {
            const auto value = score(line, limit.score);
            if (!value) continue;
            const double away = (*value - centre) / deviation;
            if (away < limit.least || away > limit.most)
                line.reasons.push_back(cat(away < 0 ? limit.below : limit.above, shown(*value, limit),
                                           ", theirs ", std::round(centre * 10) / 10));
        }
    }
}

void find_same_texts(std::vector<CheckedLine>& lines) {
    std::map<std::string, std::string> first;  // letters -> audio
    for (auto& line : lines) {
        std::string letters;  // punctuation and case tell no texts apart
        for (const char c : lower_ascii(trim(line.text)))
            if (static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)))
                letters += c;
        if (letters.size() < telling_letters) continue;
        const auto [known, fresh] = first.emplace(letters, line.audio);
        if (fresh) continue;
        line.same_text_as = known->second;
        line.reasons.push_back(cat("has the same text as ", known->second));
    }
}

}  // namespace

std::span<const Limit> limits() { return absolute; }
std::span<const Limit> outlier_limits() { return relative; }

void judge(std::vector<CheckedLine>& lines) {
    for (auto& line : lines) {
        line.reasons.clear();
        if (line.heard) line.distance = text_distance(line.text, *line.heard, line.language);
        if (line.signal.seconds > 0)
            line.characters_per_second =
                static_cast<double>(count_code_points(trim(line.text))) / line.signal.seconds;
        by_limits(line);
    }
    by_comparison(lines);
    find_same_texts(lines);
    for (auto& line : lines) {
        if (line.accepted) line.reasons.clear();
        line.verdict = line.reasons.empty() ? Verdict::good : Verdict::doubtful;
    }
    std::stable_partition(lines.begin(), lines.end(),
                          [](const CheckedLine& line) { return line.verdict == Verdict::doubtful; });
}

const char* name_of(Verdict verdict) {
    return verdict == Verdict::good ? "good" : verdict == Verdict::doubtful ? "doubtful" : "rejected";
}

Json to_json(const CheckedLine& line) {
    const auto rounded = [](double value) { return std::round(value * 1e5) / 1e5; };
    Json out = Json::object();
    const auto put = [&](const char* key, const std::string& text) {
        if (!text.empty()) out[key] = to_utf8(text);
    };
    put("audio", line.audio);
    put("list", line.list);
    put("recording", line.recording);
    if (line.segment) out["segment"] = *line.segment;
    if (line.start) out["start"] = *line.start;
    if (line.end) out["end"] = *line.end;
    out["text"] = to_utf8(line.text);
    put("language", line.language);
    put("speaker", line.speaker);
    out["verdict"] = name_of(line.verdict);
    if (line.accepted) out["accepted"] = true;
    out["reasons"] = Json::array();
    for (const auto& reason : line.reasons) out["reasons"].push_back(to_utf8(reason));
    if (line.signal.seconds <= 0) return out;
    Json scores = {{"seconds", rounded(line.signal.seconds)}, {"peak", rounded(line.signal.peak)}};
    for (const Limit& limit : absolute)
        if (const auto value = score(line, limit.score)) scores[limit.score] = rounded(*value);
    out["scores"] = std::move(scores);
    if (line.heard) out["heard"] = to_utf8(*line.heard);
    put("heard_warning", line.heard_warning);
    put("same_text_as", line.same_text_as);
    return out;
}

}  // namespace testudo::dataset
