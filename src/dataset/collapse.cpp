#include "dataset/collapse.h"

namespace testudo::dataset {

int collapse_short_segments(asr::Transcript& transcript, double min_duration) {
    std::vector<asr::Segment> kept;
    for (auto& segment : transcript.segments) {
        if (kept.empty() || segment.end - segment.start >= min_duration) {
            kept.push_back(std::move(segment));
        } else if (asr::Segment& before = kept.back(); before.end < segment.end) {
            before.text += segment.text;
            before.end = segment.end;
        }
    }
    const auto gone = static_cast<int>(transcript.segments.size() - kept.size());
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i].id = static_cast<std::int64_t>(i);
    transcript.segments = std::move(kept);
    return gone;
}

}  // namespace testudo::dataset
