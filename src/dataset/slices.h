#pragma once
// Cutting recordings by their segments, and the record of what was cut (training/V/slices.json), by which a
// slice is known to be stale after whisper.json was edited.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "asr/transcript.h"
#include "asr/voice_activity.h"
#include "core/json.h"
#include "dataset/report.h"
#include "dataset/settings.h"
#include "dataset/voice_files.h"

namespace testudo::dataset {

// Bounds in samples: (time + offset) * rate, cut off to a whole number, first at least 0, past_last at most
// the last sample (which is therefore never part of a slice), as the original cuts. first >= past_last when
// nothing is left.
struct Bounds {
    std::int64_t first = 0, past_last = 0;
};
Bounds slice_bounds(double start, double end, int rate, std::int64_t samples);

class SliceBook {
  public:
    explicit SliceBook(const VoiceFolders& folders);  // a damaged slices.json counts as none
    void save() const;

    // `clipped_share` as measured in the recording: resampling hides it (audio/signal.h).
    void record(const std::string& slice, const std::string& recording, const asr::Segment& segment,
                double clipped_share);
    double clipped_share(const std::string& slice) const;  // 0 where it is not known
    // True when slices.json says that `slice` was cut for other times. Slices of other programs are trusted.
    bool stale(const std::string& slice, const asr::Segment& segment) const;
    // Of another program's slice: that it was cut for these times. False when `slice` is known already.
    bool adopt(const std::string& slice, const std::string& recording, const asr::Segment& segment) {
        if (slices_.contains(slice)) return false;
        slices_[slice] = {{"recording", recording}, {"start", segment.start}, {"end", segment.end}};
        return true;
    }
    // Deletes the slices of `recording` that slices.json knows and `keep` does not name.
    void remove_others(const std::string& recording, const std::vector<std::string>& keep);

  private:
    std::filesystem::path file_, audio_;
    Json slices_ = Json::object();
};

enum class Trim { none, speech, original };

struct SliceRequest {
    double start_offset = 0, end_offset = 0;  // s
    bool quiet_cut_points = false;            // see cut_points.h; with fades of 5 ms at both ends
    Trim trim = Trim::none;
    const asr::VoiceActivity* voice = nullptr;  // what Trim::speech asks; must be there then
    double min_duration = shortest_clip_seconds;
};

// Slicing as the settings have it. Loads the network that trimming to speech asks when it is first needed.
class Slicing {
  public:
    explicit Slicing(const DatasetSettings& settings) : settings_(settings) {}
    // `implied`: cut because the recording is too long for one line: trimmed, without offsets, as the
    // original does. Error(environment) when the network's weights are missing.
    SliceRequest request(bool implied);

  private:
    const DatasetSettings& settings_;
    std::optional<asr::VoiceActivity> voice_;
};

// voices/V/NAME, else training/V/NAME; empty when neither is there or a link leads out of the workspace.
std::filesystem::path find_recording(const VoiceFolders& folders, const std::string& name);

// Writes one slice for each segment that holds sound and is long enough; reports the others. A recording that
// is missing or cannot be read is reported once and leaves its old slices as they are.
void slice_recording(const VoiceFolders& folders, const std::string& name, const asr::Transcript& transcript,
                     const SliceNames& names, const SliceRequest& request, SliceBook& book, Report& report);

}  // namespace testudo::dataset
