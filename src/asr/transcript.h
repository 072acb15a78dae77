#pragma once
// What was said and when: the entries of whisper.json, the one editable truth of a dataset
// (docs/formats.md, Transcription). Reading keeps whatever else a user or another program wrote.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"

namespace testudo::asr {

struct Word {
    double start = 0, end = 0;  // seconds
    std::string text;           // key "word"; begins with a space in spaced languages
    std::optional<double> probability;
    Json extra = Json::object();  // keys we do not know, in their order
};

// Only start, end and text are always there: other programs write shorter segments than Whisper's.
struct Segment {
    std::int64_t id = 0;
    double start = 0, end = 0;  // seconds
    std::string text;           // begins with a space in spaced languages
    std::optional<std::int64_t> seek;
    std::optional<std::vector<std::int64_t>> tokens;
    std::optional<double> temperature, avg_logprob, compression_ratio, no_speech_prob;
    std::optional<std::vector<Word>> words;
    Json extra = Json::object();  // e.g. phonemes, speaker
};

struct Transcript {
    std::string text;
    std::vector<Segment> segments;
    std::string language;         // code such as "en"; empty: not known
    Json extra = Json::object();  // other keys of the entry

    // Of the run that made it; not written to whisper.json.
    double language_probability = 1;    // of `language`, as the model heard it
    std::vector<std::string> warnings;  // e.g. the given language disagrees with what is heard
};

Json to_json(const Transcript& transcript);

// The text in which the JSON stands, and the way to it; no text: places are not told.
struct JsonSource {
    std::string_view text = {};
    std::vector<std::string> path = {};
};
// Error(input) naming `where` (file and entry), the segment by its id, the key, line and column for whatever
// cannot be meant: wrong nesting, missing or non-numeric times, times that are negative, not finite or
// reversed, texts that are no strings.
Transcript transcript_from_json(const Json& json, const std::string& where, const JsonSource& source = {});

// A whole whisper.json: file name -> transcript, in the file's order.
using Transcripts = std::vector<std::pair<std::string, Transcript>>;

// Error(input) that says to transcribe first when the file is missing.
void need_whisper_json(const std::filesystem::path& whisper_json);
// Its text; errors as transcript_from_json, naming `where`.
Transcripts parse_transcripts(const std::string& text, const std::string& where);
// As the original writes it: tab-indented, everything beyond ASCII escaped.
std::string format_transcripts(const Transcripts& transcripts);
// Both of the above.
Transcripts read_transcripts(const std::filesystem::path& whisper_json);
// Atomic.
void write_transcripts(const std::filesystem::path& whisper_json, const Transcripts& transcripts);
Transcript* find_transcript(Transcripts& transcripts, const std::string& name);  // nullptr: no such entry

}  // namespace testudo::asr
