#pragma once
// Where to cut a recording into its segments: at the quietest place between the words on either side.
#include <vector>

#include "asr/transcript.h"
#include "audio/clip.h"

namespace testudo::dataset {

struct CutOptions {
    double front = 0.1, back = 0.2;  // s kept before the first and after the last word, as room allows
    double search = 0.1;             // s beyond them that are searched for a quieter place
    double reach = 0.2;              // s around a segment's own time, where no word says where speech is
    double equally_quiet = 3;  // dB: of places that differ by less, the one that keeps most of front and
                               // back is taken
};

struct CutPoints {
    double start = 0, end = 0;  // seconds in the recording
};

// One for each segment, in their order.
// Speech of a segment lasts from its first word to its last. Words count where they agree with the segment's
// own times and text; after an edit of either (also by collapse_short_segments) the segment's time counts,
// with `reach` on either side to search in. No cut lies inside a word of any segment (unless its segment's
// time does, over 1 s from both edges), and slices of neighbours do not overlap but where their words do. A
// place is as loud as the mean power of 10 ms around it, smoothed over 30 ms.
std::vector<CutPoints> quiet_cut_points(const audio::Clip& recording,
                                        const std::vector<asr::Segment>& segments,
                                        const CutOptions& options = {});

}  // namespace testudo::dataset
