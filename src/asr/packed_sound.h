#pragma once
// A recording without its pauses, and the way back from its times.
#include <vector>

#include "asr/transcript.h"
#include "asr/voice_activity.h"
#include "audio/clip.h"

namespace testudo::asr {

// What is kept of a recording: from `begin` on for `length`, lying at `packed` in the packed sound. Seconds.
struct KeptPiece {
    double begin = 0, packed = 0, length = 0;
    double end() const { return begin + length; }
};

struct PackedSound {
    audio::Clip clip;
    std::vector<KeptPiece> pieces;  // in order, apart
};

struct Packing {
    double pad = 0.4;           // s kept before and after speech
    double shortest_cut = 1.0;  // s; what is left of a pause after padding stays when it is shorter
};

// No pieces when there is no speech.
PackedSound pack_speech(const audio::Clip& clip, const std::vector<Span>& speech,
                        const Packing& packing = {});

// Moves the times of a transcript of the packed sound to the recording. A word lies in one piece. A segment
// that lies in several is divided among them by its words; without word times it is kept whole and limited to
// the pieces in which it covers 0.6 s more than their padding, so that an end shortly behind a cut falls to
// the earlier side, a start shortly before it to the later one, and only what surely holds speech on both
// sides spans it. Ids are counted anew; a divided segment loses its tokens.
void unpack_times(Transcript& transcript, const PackedSound& sound, const Packing& packing = {});

}  // namespace testudo::asr
