#pragma once
// Whose segments a dataset is made of, where a recording holds several speakers: the key "speaker" of
// segments of whisper.json, which telling speakers apart writes.
#include <string>

#include "asr/transcript.h"

namespace testudo::dataset {

std::string speaker_of(const Json& extra);  // of a segment; empty: not known

// The speaker that `wanted` means: a name, or "main" for who speaks longest; empty when `wanted` is. Throws
// Error(input), naming the speakers there are, when nobody of that name speaks.
std::string kept_speaker(const asr::Transcripts& transcripts, const std::string& wanted);

}  // namespace testudo::dataset
