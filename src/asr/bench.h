#pragma once
// How fast this machine transcribes, for `testudo bench whisper`.
#include <cstdint>
#include <string>
#include <vector>

#include "core/events.h"
#include "core/json.h"

namespace testudo::audio {
struct Clip;
}

namespace testudo::asr {

class Backend;

struct BenchOptions {
    int beam_size = 0;     // 0: greedy
    int batch = 1;         // clips decoded together; 1: one after another
    int repeats = 2;       // the best counts
    std::string language;  // empty: detect
    // What is said in each clip, for the word error rate; empty where not known, or no element at all.
    std::vector<std::string> references = {};
};

// Words wrong, missing or too many against a reference; case and punctuation do not count.
struct WordErrors {
    std::int64_t errors = 0, words = 0;  // of the reference
};
WordErrors word_errors(const std::string& reference, const std::string& heard);

// {"audio_seconds", "wall_seconds", "cpu_seconds", "rtf", "cpu_rtf" (cpu / threads / audio), "threads",
// "clips",
//  "words", "beam_size", "batch", "peak_mib"} and, with references, "word_error_rate" and "reference_words".
//  For comparisons the backend should decode at temperature 0 only. One log line a clip, one progress event a
// repeat.
Json bench_transcription(Backend& backend, const std::vector<audio::Clip>& clips, const BenchOptions& options,
                         Events& events);

}  // namespace testudo::asr
