#include "dataset/slices.h"

#include <algorithm>
#include <cmath>

#include "audio/decode.h"
#include "audio/fade.h"
#include "audio/signal.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/clip_file.h"
#include "dataset/cut_points.h"
#include "dataset/trim.h"
#include "dataset/trim_speech.h"

namespace testudo::dataset {

namespace {

// Longer recordings are brought to 22.05 kHz while they are read and cut there: three hours at 48 kHz would
// take 2 GB otherwise.
constexpr double cut_at_own_rate_up_to = 1800;  // s
constexpr double silence = 1e-4;                // peak: -80 dB of full scale

std::string shown(double seconds) { return cat(std::round(seconds * 1000) / 1000, " s"); }

Rejected reject(const std::string& name, const asr::Segment& segment, std::string reason, std::string kind) {
    return {name,         segment.start,     segment.end,    std::max(0.0, segment.end - segment.start),
            segment.text, std::move(reason), std::move(kind)};
}

audio::Clip load_for_cutting(const fs::path& file, Report& report) {
    std::string warning;
    const int rate = audio::duration(file) > cut_at_own_rate_up_to ? training_rate : 0;
    audio::Clip clip = audio::load(file, rate, audio::Mix::average, &warning);
    if (!warning.empty()) report.notes.push_back(warning);
    return clip;
}

// What of the clip trimming keeps; nothing where it finds no speech.
std::optional<SampleRange> speech_in(const audio::Clip& clip, const SliceRequest& request) {
    if (request.trim == Trim::speech) return trim_to_speech(clip, *request.voice);
    const auto start = speech_start(clip.samples, clip.rate);
    return start ? std::optional(SampleRange{*start, clip.samples.size()}) : std::nullopt;
}

// Unchanged where trimming would leave too little.
void trim_clip(audio::Clip& clip, const SliceRequest& request, const std::string& slice, Report& report) {
    const auto kept = speech_in(clip, request);
    const double left = kept ? static_cast<double>(kept->past_last - kept->first) / clip.rate : 0;
    if (left < request.min_duration) {
        report.notes.push_back(cat(slice, " is kept untrimmed: ",
                                   kept ? cat("only ", shown(left), " would be left")
                                        : std::string("trimming finds no speech in it")));
        return;
    }
    const auto begin = clip.samples.begin();
    clip.samples.assign(begin + static_cast<std::ptrdiff_t>(kept->first),
                        begin + static_cast<std::ptrdiff_t>(kept->past_last));
}

std::vector<CutPoints> cut_points(const audio::Clip& recording, const asr::Transcript& transcript,
                                  const SliceRequest& request) {
    if (request.quiet_cut_points) return quiet_cut_points(recording, transcript.segments);
    std::vector<CutPoints> points;
    for (const auto& segment : transcript.segments) points.push_back({segment.start, segment.end});
    return points;
}

// Why there is no slice, as a sentence about it and as what is counted; empty when there is one.
struct Obstacle {
    std::string reason, kind;
};

Obstacle obstacle(const Cut& cut, const audio::Clip& clip, const SliceRequest& request) {
    if (clip.samples.empty() && cut.first >= cut.in_samples)
        return {"lies past the end of the recording", "past the end of the recording"};
    if (clip.samples.empty()) return {"is empty", "empty"};
    if (peak(clip) <= silence) return {"is silent", "silent"};
    if (clip.seconds() < request.min_duration)
        return {cat("has only ", shown(clip.seconds()), " of sound, less than ", shown(request.min_duration)),
                "too short"};
    return {};
}

}  // namespace

Bounds slice_bounds(double start, double end, int rate, std::int64_t samples) {
    const auto sample = [&](double seconds) {
        return static_cast<std::int64_t>(std::clamp(std::trunc(seconds * rate), 0.0, 1e15));
    };
    Bounds bounds{sample(start), sample(end)};
    if (bounds.past_last >= samples) bounds.past_last = samples - 1;
    return bounds;
}

SliceRequest Slicing::request(bool implied) {
    SliceRequest request;
    if (!implied) {
        request.start_offset = settings_.slice_start_offset;
        request.end_offset = settings_.slice_end_offset;
    }
    request.quiet_cut_points = settings_.cut_points == "quiet";
    request.min_duration = settings_.min_duration;
    if (!implied && !settings_.trim_silence) return request;
    request.trim = settings_.trim_method == "speech" ? Trim::speech : Trim::original;
    if (request.trim == Trim::speech) {
        if (!voice_) voice_ = asr::VoiceActivity::load();
        request.voice = &*voice_;
    }
    return request;
}

SliceBook::SliceBook(const VoiceFolders& folders)
    : file_(folders.training / "slices.json"), audio_(folders.audio) {
    if (!fs::exists(file_)) return;
    try {
        Json read = read_json(file_);
        if (!read.is_object()) return;
        for (const auto& [name, slice] : read.items())
            if (slice.is_object() && slice.contains("start") && slice["start"].is_number() &&
                slice.contains("end") && slice["end"].is_number() && slice.contains("recording") &&
                slice["recording"].is_string())
                slices_[name] = slice;
    } catch (const Error&) {
        // It is derived: without it every slice there is counts as up to date, as in the original.
    }
}

void SliceBook::save() const { write_json(file_, slices_, {.indent = 1}); }

void SliceBook::record(const std::string& slice, const std::string& recording, const asr::Segment& segment,
                       double clipped_share) {
    slices_[slice] = {{"recording", recording}, {"start", segment.start}, {"end", segment.end}};
    if (clipped_share > 0) slices_[slice]["clipped_share"] = clipped_share;
}

double SliceBook::clipped_share(const std::string& slice) const {
    const auto found = slices_.find(slice);
    if (found == slices_.end() || !found->contains("clipped_share")) return 0;
    const Json& share = (*found)["clipped_share"];
    return share.is_number() ? share.get<double>() : 0;
}

bool SliceBook::stale(const std::string& slice, const asr::Segment& segment) const {
    const auto found = slices_.find(slice);
    return found != slices_.end() &&
           ((*found)["start"].get<double>() != segment.start || (*found)["end"].get<double>() != segment.end);
}

void SliceBook::remove_others(const std::string& recording, const std::vector<std::string>& keep) {
    std::vector<std::string> gone;
    for (const auto& [name, slice] : slices_.items())
        if (slice["recording"] == recording && std::find(keep.begin(), keep.end(), name) == keep.end())
            gone.push_back(name);
    for (const auto& name : gone) {
        slices_.erase(name);
        // slices.json may have been edited: only a plain file name is ever deleted.
        std::error_code ignored;
        if (fs::path(name).filename() == name) fs::remove(audio_ / name, ignored);
    }
}

fs::path find_recording(const VoiceFolders& folders, const std::string& name) {
    const auto is_file = [&](const fs::path& file) {
        std::error_code ignored;
        return fs::is_regular_file(file, ignored) &&
               (is_inside(file, folders.root) || is_inside(file, folders.voice));
    };
    if (fs::path(name).filename() != name) return {};
    if (is_file(folders.voice / name)) return folders.voice / name;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folders.voice, error))
        if (to_utf8(entry.path().filename().string()) == name && is_file(entry.path())) return entry.path();
    return is_file(folders.training / name) ? folders.training / name : fs::path();
}

void slice_recording(const VoiceFolders& folders, const std::string& name, const asr::Transcript& transcript,
                     const SliceNames& names, const SliceRequest& request, SliceBook& book, Report& report) {
    const auto unreadable = [&](const std::string& reason) {
        constexpr const char* kind = "recording cannot be cut";
        for (const auto& segment : transcript.segments)
            report.rejected.push_back(reject(name, segment, reason, kind));
        if (transcript.segments.empty())
            report.rejected.push_back({name, {}, {}, 0, transcript.text, reason, kind});
    };
    const fs::path file = find_recording(folders, name);
    if (file.empty())
        return unreadable(cat("cannot be cut: no such recording in ", folders.voice, " or ", folders.training,
                              ", or only a link that leads out of the workspace"));
    audio::Clip recording;
    try {
        recording = load_for_cutting(file, report);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        return unreadable(cat("cannot be cut: ", error.what()));
    }

    const auto samples = static_cast<std::int64_t>(recording.samples.size());
    const std::vector<CutPoints> points = cut_points(recording, transcript, request);
    std::vector<std::string> written;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto& segment = transcript.segments[i];
        Cut cut;
        cut.source = name;
        cut.slice = names.name(name, segment.id);
        cut.in_samples = samples;
        cut.in_rate = recording.rate;
        cut.start = points[i].start + request.start_offset;
        cut.end = points[i].end + request.end_offset;
        cut.gained =
            std::max(segment.start - points[i].start, 0.0) + std::max(points[i].end - segment.end, 0.0);
        cut.lost =
            std::max(points[i].start - segment.start, 0.0) + std::max(segment.end - points[i].end, 0.0);
        cut.trim = request.trim != Trim::none;
        const Bounds bounds = slice_bounds(cut.start, cut.end, recording.rate, samples);
        cut.first = bounds.first;
        cut.past_last = bounds.past_last;

        audio::Clip clip;
        clip.rate = recording.rate;
        if (cut.first < cut.past_last)
            clip.samples.assign(recording.samples.begin() + cut.first,
                                recording.samples.begin() + cut.past_last);
        Obstacle none = obstacle(cut, clip, request);
        if (std::find(written.begin(), written.end(), cut.slice) != written.end())
            none = {cat("another segment of this recording has the id ", segment.id, ", too"), "same id"};
        cut.error = none.reason;
        if (cut.error.empty()) {
            if (cut.trim) trim_clip(clip, request, cut.slice, report);
            const double clipped = audio::measure(clip).clipped_share;
            audio::Clip out = at_training_rate(clip);
            if (request.quiet_cut_points || request.trim == Trim::speech) audio::fade_ends(out);
            write_clip(folders.audio / cut.slice, out);
            book.record(cut.slice, name, segment, clipped);
            written.push_back(cut.slice);
        } else {
            report.rejected.push_back(reject(name, segment, cut.error, none.kind));
        }
        cut.samples_after_trim = static_cast<std::int64_t>(clip.samples.size());
        report.cuts.push_back(std::move(cut));
    }
    // Nothing could be cut, perhaps by a wrong offset: what was cut before stays.
    if (written.empty()) return;
    // What this cutting did not write must not be listed.
    for (const auto& segment : transcript.segments) {
        const std::string slice = names.name(name, segment.id);
        std::error_code ignored;
        if (std::find(written.begin(), written.end(), slice) == written.end())
            fs::remove(folders.audio / slice, ignored);
    }
    book.remove_others(name, written);
    book.save();
}

}  // namespace testudo::dataset
