#pragma once
// Testudo's own Whisper behind the interface of all backends.
#include <memory>

#include "asr/backend.h"
#include "asr/transcriber.h"

namespace testudo::asr {

// `how` gives what HearOptions does not say (temperatures, thresholds, …). Errors as Transcriber::transcribe.
std::unique_ptr<Backend> openai_backend(Transcriber transcriber, TranscribeOptions how = {});

}  // namespace testudo::asr
