#pragma once
// Which speaker tags of whisper.json are diarisation's own, and which somebody wrote since: training/V/
// .speakers.json keeps what it last found in each segment.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "asr/transcript.h"

namespace testudo::dataset {

class FoundSpeakers {
  public:
    explicit FoundSpeakers(std::filesystem::path file);  // missing or damaged: nothing was found yet

    // The segments of `transcript` whose tag diarisation did not write: one that is not SPEAKER_NN, or that
    // differs from what it found in that segment, told by its id or, when that is new, by its time. It found
    // what most of the tags agree with, of its last two runs: the last may have been undone. Of a recording
    // that it has not heard every tag is by hand. In the order of the segments.
    std::vector<bool> by_hand(const std::string& recording, const asr::Transcript& transcript) const;
    // The tags of all segments, as diarisation found them.
    void set(const std::string& recording, const asr::Transcript& transcript);
    void write() const;

  private:
    struct Found {
        std::int64_t id = 0;
        double start = 0, end = 0;  // s
        std::string speaker;
        bool operator==(const Found&) const = default;
    };
    using Run = std::vector<Found>;
    static std::vector<bool> differing(const Run& run, const asr::Transcript& transcript);
    std::filesystem::path file_;
    std::map<std::string, std::vector<Run>> found_;  // the last two of each
};

}  // namespace testudo::dataset
