#include "studio/voice_summary.h"

#include <algorithm>
#include <chrono>

#include "audio/decode.h"
#include "core/error.h"
#include "core/event_tail.h"
#include "core/files.h"
#include "core/strings.h"
#include "training/run_paths.h"

namespace testudo::studio {

namespace {

int count_lines(const fs::path& file) {
    std::error_code error;
    if (!fs::is_regular_file(file, error)) return 0;
    const MappedFile mapped(file);
    const auto bytes = mapped.bytes();
    const auto breaks = std::count(bytes.begin(), bytes.end(), std::byte{'\n'});
    return static_cast<int>(breaks) + (!bytes.empty() && bytes.back() != std::byte{'\n'} ? 1 : 0);
}

void add_recordings(const fs::path& folder, VoiceSummary& summary) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        if (entry->path().filename().string().starts_with('.') || !audio::is_audio_file(entry->path()) ||
            !entry->is_regular_file(ignored))
            continue;
        ++summary.recordings;
        summary.bytes += static_cast<double>(entry->file_size(ignored));
        summary.changed = std::max(summary.changed, change_time(entry->path()));
    }
}

}  // namespace

double change_time(const fs::path& file) {
    std::error_code error;
    const auto time = fs::last_write_time(file, error);
    if (error) return 0;
    return std::chrono::duration<double>(std::chrono::file_clock::to_sys(time).time_since_epoch()).count();
}

std::string change_mark(const fs::path& file) {
    std::error_code error;
    const auto time = fs::last_write_time(file, error);
    if (error) return "-";
    const auto bytes = fs::file_size(file, error);  // of a folder: an error
    return cat(time.time_since_epoch().count(), ' ', error ? 0 : bytes);
}

Json to_json(const VoiceSummary& summary) {
    return {{"name", summary.name},
            {"recordings", summary.recordings},
            {"bytes", summary.bytes},
            {"transcribed", summary.transcribed},
            {"train_lines", summary.train_lines},
            {"validation_lines", summary.validation_lines},
            {"doubtful", summary.doubtful},
            {"seconds_kept", summary.seconds_kept},
            {"configured", summary.configured},
            {"iteration", summary.iteration < 0 ? Json() : Json(summary.iteration)},
            {"changed", summary.changed}};
}

VoiceSummaries::Report VoiceSummaries::report_of(const std::string& name) {
    const fs::path file = workspace_.training(name) / "report.json";
    const double changed = change_time(file);
    {
        const std::scoped_lock lock(mutex_);
        if (const auto found = reports_.find(name);
            found != reports_.end() && found->second.changed == changed)
            return found->second;
    }
    Report report;
    report.changed = changed;
    if (changed > 0) try {
            const Json read = read_json(file);
            if (const auto list = read.find("list"); list != read.end())
                report.seconds_kept = number_or(*list, "seconds_kept", 0);
            if (const auto lines = read.find("lines"); lines != read.end() && lines->is_array())
                for (const Json& line : *lines)
                    if (line.is_object() && line.contains("verdict") && line["verdict"] == "doubtful")
                        ++report.doubtful;
        } catch (const Error&) {
            // Damaged: whoever opens the voice is told; the list goes on.
        }
    const std::scoped_lock lock(mutex_);
    return reports_[name] = report;
}

VoiceSummary VoiceSummaries::of(const std::string& name) {
    VoiceSummary summary;
    summary.name = name;
    const fs::path voice = workspace_.voice(name);
    const auto run = training::run_paths(workspace_.root(), name);
    std::error_code error;
    if (!fs::is_directory(voice, error) && !fs::is_directory(run.folder, error))
        throw input_error(cat("there is no voice \"", printable(name), "\""), "Create it first.");
    // Of a link that leads out nothing is told.
    if (is_inside(voice, workspace_.root())) add_recordings(voice, summary);
    const Report report = report_of(name);
    summary.doubtful = report.doubtful;
    summary.seconds_kept = report.seconds_kept;
    summary.transcribed = fs::exists(run.folder / "whisper.json", error);
    summary.configured = fs::exists(run.yaml, error);
    summary.train_lines = count_lines(run.folder / "train.txt");
    summary.validation_lines = count_lines(run.folder / "validation.txt");
    const auto saved = training::saved_iterations(run);
    if (!saved.empty()) summary.iteration = saved.back();
    for (const fs::path& file : {voice, run.folder, run.folder / "whisper.json", run.yaml, run.models})
        summary.changed = std::max(summary.changed, change_time(file));
    return summary;
}

std::vector<VoiceSummary> VoiceSummaries::all() {
    std::vector<std::string> names = workspace_.voice_names();
    for (const std::string& name : workspace_.training_names())
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    std::sort(names.begin(), names.end());
    std::vector<VoiceSummary> out;
    for (const std::string& name : names)
        if (is_utf8(name)) out.push_back(of(name));
    return out;
}

}  // namespace testudo::studio
