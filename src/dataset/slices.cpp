#include "dataset/slices.h"

#include <algorithm>
#include <cmath>

#include "audio/decode.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/clip_file.h"
#include "dataset/trim.h"

namespace testudo::dataset {

namespace {

// Longer recordings are brought to 22.05 kHz while they are read and cut there: three hours at 48 kHz would
// take 2 GB otherwise.
constexpr double cut_at_own_rate_up_to = 1800;  // s
constexpr double silence = 1e-4;                // peak: -80 dB of full scale

std::string shown(double seconds) { return cat(std::round(seconds * 1000) / 1000, " s"); }

Rejected reject(const std::string& name, const asr::Segment& segment, std::string reason) {
    return {name,         segment.start,    segment.end, std::max(0.0, segment.end - segment.start),
            segment.text, std::move(reason)};
}

audio::Clip load_for_cutting(const fs::path& file, Report& report) {
    std::string warning;
    const int rate = audio::duration(file) > cut_at_own_rate_up_to ? training_rate : 0;
    audio::Clip clip = audio::load(file, rate, audio::Mix::average, &warning);
    if (!warning.empty()) report.notes.push_back(warning);
    return clip;
}

// Without what precedes speech; unchanged where that would leave too little.
void trim_front(audio::Clip& clip, const SliceRequest& request, const std::string& slice, Report& report) {
    const auto start = speech_start(clip.samples, clip.rate);
    const auto left = start ? clip.samples.size() - *start : 0;
    if (static_cast<double>(left) / clip.rate < request.min_duration) {
        report.notes.push_back(
            cat(slice, " is kept untrimmed: ",
                start ? cat("only ", shown(static_cast<double>(left) / clip.rate), " would be left")
                      : std::string("trimming finds no speech in it")));
        return;
    }
    clip.samples.erase(clip.samples.begin(), clip.samples.begin() + static_cast<std::ptrdiff_t>(*start));
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

void SliceBook::record(const std::string& slice, const std::string& recording, const asr::Segment& segment) {
    slices_[slice] = {{"recording", recording}, {"start", segment.start}, {"end", segment.end}};
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
    const auto is_file = [](const fs::path& file) {
        std::error_code ignored;
        return fs::is_regular_file(file, ignored);
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
        report.rejected.push_back({name, {}, {}, 0, transcript.text, reason});
    };
    const fs::path file = find_recording(folders, name);
    if (file.empty())
        return unreadable(
            cat("cannot be cut: no such recording in ", folders.voice, " or ", folders.training));
    audio::Clip recording;
    try {
        recording = load_for_cutting(file, report);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        return unreadable(cat("cannot be cut: ", error.what()));
    }

    const auto samples = static_cast<std::int64_t>(recording.samples.size());
    std::vector<std::string> written;
    for (const auto& segment : transcript.segments) {
        Cut cut;
        cut.source = name;
        cut.slice = names.name(name, segment.id);
        cut.in_samples = samples;
        cut.in_rate = recording.rate;
        cut.start = segment.start + request.start_offset;
        cut.end = segment.end + request.end_offset;
        cut.trim = request.trim;
        const Bounds bounds = slice_bounds(cut.start, cut.end, recording.rate, samples);
        cut.first = bounds.first;
        cut.past_last = bounds.past_last;

        audio::Clip clip;
        clip.rate = recording.rate;
        if (cut.first < cut.past_last)
            clip.samples.assign(recording.samples.begin() + cut.first,
                                recording.samples.begin() + cut.past_last);
        if (std::find(written.begin(), written.end(), cut.slice) != written.end())
            cut.error = cat("another segment of this recording has the id ", segment.id, ", too");
        else if (clip.samples.empty())
            cut.error = cut.first >= samples ? "lies past the end of the recording" : "is empty";
        else if (peak(clip) <= silence)
            cut.error = "is silent";
        else if (clip.seconds() < request.min_duration)
            cut.error =
                cat("has only ", shown(clip.seconds()), " of sound, less than ", shown(request.min_duration));
        if (cut.error.empty()) {
            if (request.trim) trim_front(clip, request, cut.slice, report);
            write_clip(folders.audio / cut.slice, at_training_rate(clip));
            book.record(cut.slice, name, segment);
            written.push_back(cut.slice);
        } else {
            report.rejected.push_back(reject(name, segment, cut.error));
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
