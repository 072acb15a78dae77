#pragma once
// Who speaks when. Speech is found by pyannote's segmentation network; windows of 1.6 s of it, pauses left
// out, become vectors of the voice (Resemblyzer's encoder); these are clustered (average linkage on the
// cosine), and each stretch goes to the likeliest voice, a change of voices costing something. Recordings of
// one voice folder are clustered together, so that a name means the same person in all of them. No account or
// token is needed: both networks come with the program.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "asr/transcript.h"
#include "asr/voice_activity.h"
#include "audio/clip.h"

namespace testudo::nets {
class PyannoteSegmentation;
class SpeakerEncoder;
}  // namespace testudo::nets

namespace testudo::asr {

struct SpeakerSpan {
    double start = 0, end = 0;  // seconds
    std::string speaker;        // SPEAKER_00 speaks most, then SPEAKER_01, …
};

struct DiariseOptions {
    int speakers = 0;           // how many there are; 0: find out
    double likeness = 0.78;     // voices whose vectors are closer than this (cosine) are one
    double shortest_turns = 3;  // s; who speaks less than this in all is taken for the next likely voice
};

// What is kept of a recording, however long: 1 KB for each 0.4 s of speech.
struct HeardVoices {
    std::vector<std::int32_t> frames;  // which frames of 10 ms are speech, in order
    struct Window {
        std::int64_t first = 0, length = 0;  // in `frames`
        std::size_t block = 0;               // windows of one block have no long pause between them
    };
    std::vector<Window> windows;
    std::vector<float> vectors;  // 256 for each window
};

// Plays a recording from its beginning as 16 kHz samples, block by block; called twice.
using Sound = std::function<void(const std::function<bool(std::span<const float>)>& sink)>;

class Diariser {
  public:
    Diariser();  // loads the networks that come with the program
    ~Diariser();
    Diariser(Diariser&&) noexcept;
    Diariser& operator=(Diariser&&) noexcept;
    // Constant memory besides the result. Error(interrupted) when stop_requested().
    HeardVoices listen(const Sound& sound) const;

  private:
    std::unique_ptr<nets::PyannoteSegmentation> segmentation_;
    std::unique_ptr<nets::SpeakerEncoder> encoder_;
};

// Spans of each recording, in order of time. Pauses of less than a second belong to who speaks on both sides.
std::vector<std::vector<SpeakerSpan>> cluster_speakers(const std::vector<HeardVoices>& recordings,
                                                       const DiariseOptions& options = {});

// One recording, at any rate (resampled to 16 kHz when it differs).
std::vector<SpeakerSpan> diarise(const audio::Clip& clip, const DiariseOptions& options = {});

}  // namespace testudo::asr
