#pragma once
// What a finished dataset consists of: measured from its lists and clips, with what report.json says of the
// lines that are in it and of those that are not.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "asr/voice_activity.h"
#include "core/events.h"
#include "core/json.h"
#include "text/tokenizer.h"

namespace testudo::dataset {

// One number of each clip, in bins of equal width: counts[i] of values from low + i·width on.
struct Histogram {
    double low = 0, width = 1;
    std::vector<int> counts;
    double least = 0, median = 0, mean = 0, most = 0;  // of the values
    int values = 0;
};
// Bins of 1, 2 or 5 times a power of ten, at most `bins` of them. Values that are not finite are left out.
Histogram histogram(std::vector<double> values, int bins = 20);

struct Share {
    int count = 0;
    double seconds = 0;
};

struct Statistics {
    std::string voice;
    int train_lines = 0, validation_lines = 0;
    double seconds = 0;
    std::optional<double> speech_seconds;  // by voice activity; nothing without its network
    Histogram length, characters_per_second, loudness, snr, tokens;  // s, 1/s, LUFS, dB, text tokens
    int lines_with_unknown_characters = 0;
    std::map<std::string, int> unknown_characters;     // that the tokenizer does not know, with lines
    std::map<std::string, Share> languages, speakers;  // "" where it is not known
    std::map<std::string, Share> lost;                 // kind of reason -> left out with it
    double seconds_lost = 0;
    std::map<std::string, int> verdicts;  // of the lines in the lists: good, doubtful
    std::vector<std::string> doubtful;    // audio: reasons
};

// `voice_activity` may be null. Throws Error(input) as read_lines does for lists, and naming the clip that
// cannot be read.
Statistics statistics_of(const std::filesystem::path& root, const std::string& voice,
                         const text::Tokenizer& tokenizer, const asr::VoiceActivity* voice_activity,
                         Events& events);

Json to_json(const Statistics& statistics);
// Tables and bars of characters, for a terminal.
std::string to_text(const Statistics& statistics);

}  // namespace testudo::dataset
