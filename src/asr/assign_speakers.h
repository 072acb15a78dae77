#pragma once
// Speaker tags on transcripts, as whisperX writes them: the key "speaker" of segments and words.
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "asr/diarisation.h"
#include "asr/transcript.h"

namespace testudo::asr {

// Looks spans up by time.
class SpeakerIndex {
  public:
    explicit SpeakerIndex(std::span<const SpeakerSpan> spans);
    // Whose spans overlap [start, end] most, in sum; of equals the one whose span begins first. Nobody:
    // empty, or with `nearest` whose span has its middle nearest to ours.
    std::optional<std::string> speaker(double start, double end, bool nearest = false) const;

  private:
    std::vector<SpeakerSpan> spans_;  // by start
    std::vector<double> latest_end_;  // of the spans up to each
};

// Key "speaker" of a segment or word; empty where there is none.
std::string speaker_of(const Segment& segment);
std::string speaker_of(const Word& word);

struct AssignOptions {
    bool nearest = false;  // also where nobody was heard
    bool split = true;     // segments of several speakers are cut between words, where words have times
    std::vector<bool> keep = {};  // true, of each segment: it keeps its own tag and is not cut
};
// A segment that is cut loses what belongs to the whole: its tokens and phonemes; segments are numbered anew
// then. Returns how many were cut.
int assign_speakers(Transcript& transcript, std::span<const SpeakerSpan> spans,
                    const AssignOptions& options = {});

}  // namespace testudo::asr
