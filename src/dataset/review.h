#pragma once
// What a voice's whisper.json holds, with the verdicts of report.json: what a list for curation shows.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "asr/transcript.h"
#include "core/json.h"
#include "dataset/voice_files.h"

namespace testudo::dataset {

struct ReviewedRecording {
    std::string name, digest;  // digest: TranscriptText::digest, for Edit::seen
    std::string language, text;
    std::optional<double> seconds;  // none: no such recording, unreadable, or nothing of it was searched for
    std::size_t segments = 0;
    std::string problem;  // why the entry cannot be read; nothing else is known then
};

struct ReviewedSegment {
    std::string recording;
    asr::Segment segment;
    bool accepted = false, edited = false;
    std::string verdict;  // good, doubtful, rejected; empty: not judged as it is now
    Json scores = Json::object();
    std::vector<std::string> reasons;  // of the verdict
    std::vector<std::string> odd;      // see oddities()
};

struct ReviewFilter {
    std::string verdict;    // empty: any; "none": not judged
    std::string search;     // in the text, ASCII letters in any case
    std::string recording;  // its name
};

struct Review {
    std::vector<ReviewedRecording> recordings;
    std::vector<ReviewedSegment> segments;  // doubtful first, then rejected, not judged, good; each in order
};

// Error(input): whisper.json is missing or is no JSON object of entries, no recording of that name;
// Error(usage): an unknown verdict. An entry that cannot be read is a `problem`.
Review review(const VoiceFolders& folders, const ReviewFilter& filter);
Json to_json(const Review& review, bool words);

}  // namespace testudo::dataset
