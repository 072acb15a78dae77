#pragma once
// Leaves out what is not speech before a backend hears it: Whisper invents words in silence, and windows of
// 30 s that hold silence cost as much as full ones.
#include <memory>

#include "asr/backend.h"
#include "asr/voice_activity.h"

namespace testudo::asr {

struct SkipSilence {
    SpeechOptions speech;
    double pad = 0.4;           // s kept before and after speech
    double shortest_cut = 1.0;  // s; what is left of a pause after padding stays when it is shorter
    double joint = 0.0;         // s of digital silence put where a pause was cut out
};

// A backend that finds speech, packs it together, lets `inner` hear that, and gives times of the recording.
// A segment that crosses a cut is split there where its words have times, else it is kept where most of it
// lies: no segment or word spans sound that was cut out. A clip without speech gives an empty transcript with
// a warning; its language is the given one.
std::unique_ptr<Backend> skip_silence(std::unique_ptr<Backend> inner, VoiceActivity voice,
                                      const SkipSilence& options = {});

}  // namespace testudo::asr
