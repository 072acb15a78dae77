#pragma once
// A language that was given wrongly makes Whisper translate: every backend compares it with what it hears.
#include <span>
#include <string>
#include <string_view>

namespace testudo::asr {

// A sentence when the sound is clearly of another language than `given`, else empty. `heard`: probabilities
// of `languages` (codes), in their order.
std::string language_mismatch(std::string_view given, std::span<const std::string> languages,
                              std::span<const float> heard);

}  // namespace testudo::asr
