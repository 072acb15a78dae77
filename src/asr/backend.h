#pragma once
// What turns recordings into transcripts: the one interface over the native Whisper, whisper.cpp and
// whisperX's way of working.
#include <functional>
#include <string>
#include <vector>

#include "asr/transcript.h"
#include "audio/clip.h"

namespace testudo::asr {

struct HearOptions {
    std::string language;          // code ("en") or English name; empty: detect
    int beam_size = 0;             // 0: greedy
    int batch = 8;                 // clips or windows decoded together, where the backend can
    bool word_timestamps = false;  // segments get their words, where the backend can
    std::function<void(double done, double total)> progress;  // seconds of sound; may be empty
};

class Backend {
  public:
    virtual ~Backend() = default;
    // One transcript for each clip (16 kHz); a clip without speech has no segments. Errors as
    // Transcriber::transcribe.
    virtual std::vector<Transcript> hear(const std::vector<audio::Clip>& clips,
                                         const HearOptions& options) = 0;
};

}  // namespace testudo::asr
