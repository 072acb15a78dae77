#pragma once
// Which lines of a dataset deserve a second look: what can be measured of each clip and its text, what
// Whisper hears in it when asked again, and a verdict with its reasons in plain words.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audio/signal.h"
#include "core/json.h"

namespace testudo::dataset {

enum class Verdict { good, doubtful, rejected };

// Edits (insertions, deletions, substitutions of characters) that make `heard` of `text`, and characters of
// `text`. Case, spaces, punctuation and marks do not count; English numbers and abbreviations are compared as
// they are spoken.
struct TextDistance {
    int edits = 0, characters = 0;
    double rate() const { return characters > 0 ? static_cast<double>(edits) / characters : edits; }
};

struct CheckedLine {
    std::string audio, list;  // "audio/x.wav"; train or validation, empty when it is in neither
    std::string recording;    // its key in whisper.json
    std::optional<std::int64_t> segment;
    std::optional<double> start, end;  // of the segment, seconds
    std::string text;                  // what is said, not its phonemes
    std::string language, speaker;     // as whisper.json has them; empty: not known
    bool accepted = false;             // by whoever curates: never doubtful
    bool two_texts = false;            // text and segments of the recording say different things

    audio::SignalReport signal;
    std::optional<std::string> heard;  // when the clip was transcribed again
    std::string heard_warning;         // then: it sounds like another language

    // Made by judge().
    std::optional<TextDistance> distance;  // from text to heard
    std::optional<double> characters_per_second;
    std::string same_text_as;  // audio of the first line that says the same
    Verdict verdict = Verdict::good;
    std::vector<std::string> reasons;
};

// A score and the range in which a line is good.
struct Limit {
    const char* score;  // its key in report.json
    double least, most;
    const char* unit;
    const char* below;  // what a value under `least` means; null: there is no lower limit
    const char* above;
    const char* why;  // where the numbers come from
};
std::span<const Limit> limits();
// The same by comparison with the voice's own median, in median absolute deviations.
std::span<const Limit> outlier_limits();

// Gives every line its scores, verdict and reasons, and puts the doubtful ones first, in their order
// otherwise.
void judge(std::vector<CheckedLine>& lines);

Json to_json(const CheckedLine& line);
const char* name_of(Verdict verdict);

TextDistance text_distance(const std::string& text, const std::string& heard, const std::string& language);

}  // namespace testudo::dataset
