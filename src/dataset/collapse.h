#pragma once
// Very short segments make bad clips: they are joined to the segment before, as the original does after every
// transcription.
#include "asr/transcript.h"

namespace testudo::dataset {

// Joins segments shorter than `min_duration` seconds to the one before (its text grows, its end moves; its
// tokens, words and probabilities stay as they were), drops those that end inside the one before, and counts
// ids anew. The first segment stays as it is. Returns how many segments went away.
int collapse_short_segments(asr::Transcript& transcript, double min_duration);

}  // namespace testudo::dataset
