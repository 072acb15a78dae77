#pragma once
// Leaves out what is not speech before a backend hears it: Whisper invents words in silence, and windows of
// 30 s that hold silence cost as much as full ones.
#include <memory>

#include "asr/backend.h"
#include "asr/packed_sound.h"
#include "asr/voice_activity.h"

namespace testudo::asr {

struct SkipSilence {
    SpeechOptions speech;
    Packing packing;
};

// A backend that finds the speech of each clip, packs it together, lets `inner` hear that, and gives times of
// the recording (unpack_times() of packed_sound.h). A clip without speech gives an empty transcript with a
// warning, in the language given. Where something was cut out, `inner` is asked for words even when the
// caller wants none: they say where a segment over a cut is to be divided. Errors of `inner`, and
// Error(input) for NaN and infinite samples.
std::unique_ptr<Backend> skip_silence(std::unique_ptr<Backend> inner, VoiceActivity voice,
                                      const SkipSilence& options = {});

}  // namespace testudo::asr
