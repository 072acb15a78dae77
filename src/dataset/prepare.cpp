#include "dataset/prepare.h"

#include "core/files.h"
#include "core/strings.h"
#include "dataset/curate.h"
#include "dataset/diarise_voice.h"
#include "dataset/steps.h"
#include "dataset/vocabulary.h"

namespace testudo::dataset {

Job make_job(const fs::path& root, const std::string& voice, const DatasetSettings& settings,
             Events& events) {
    check_settings(settings);
    check_vocabulary(root, settings.tokenizer_json);
    Job job{VoiceFolders(root, voice), settings, events, nullptr};
    // A misspelt voice leaves no folder behind.
    if (!fs::exists(job.folders.training) && !fs::exists(job.folders.voice)) return job;
    make_folders(job.folders.training);
    job.lock = std::make_unique<FolderLock>(job.folders.training);
    for (const fs::path& folder : {job.folders.training, job.folders.audio}) remove_leftovers(folder);
    events.append_to(job.folders.training / "events.jsonl");
    return job;
}

namespace {

void tell_lines(const Report& report, Events& events) {
    events.info(cat(counted(static_cast<std::size_t>(report.train_lines), "line", "lines"), " to train on, ",
                    report.validation_lines, " to validate; ", report.doubtful(), " of them doubtful; kept ",
                    human_duration(report.seconds_kept), ", left out ", report.rejected.size(), " (",
                    human_duration(report.seconds_lost()), ")"));
}

Json verdicts(const Report& report) {
    Json lines = Json::array();
    for (const auto& line : report.lines) lines.push_back(to_json(line));
    for (const auto& one : report.rejected) {
        CheckedLine line;
        line.recording = one.file;
        line.start = one.start;
        line.end = one.end;
        line.text = one.text;
        line.verdict = Verdict::rejected;
        line.reasons = {one.reason};
        lines.push_back(to_json(line));
    }
    return lines;
}

}  // namespace

void save_report(const VoiceFolders& folders, const std::string& step, const Report& report) {
    const fs::path file = folders.training / "report.json";
    Json all = Json::object();
    if (fs::exists(file)) {
        try {
            all = read_json(file);
        } catch (const Error&) {
            all = Json::object();  // it can be made anew, unlike what it reports on
        }
        if (!all.is_object()) all = Json::object();
    }
    all[step] = to_json(report);
    if (step == "list") all["lines"] = verdicts(report);
    write_json(file, all);
}

Report transcribe_voice(const fs::path& root, const std::string& voice, const DatasetSettings& settings,
                        const Transcribe& transcriber, Events& events) {
    Report report = transcribe_step(make_job(root, voice, settings, events), transcriber);
    tell(report, events);
    return report;
}

Report slice_voice(const fs::path& root, const std::string& voice, const DatasetSettings& settings,
                   Events& events) {
    const Job job = make_job(root, voice, settings, events);
    Report changes;
    note_changes(job.folders, {}, changes.notes);
    Report report = slice_step(job);
    report.add(std::move(changes));
    tell(report, events);
    return report;
}

Report list_voice(const fs::path& root, const std::string& voice, const DatasetSettings& settings,
                  Events& events, const Phonemize& phonemize, const Transcribe& transcriber) {
    const Job job = make_job(root, voice, settings, events);
    Report changes;
    note_changes(job.folders, {}, changes.notes);
    Report report = list_step(job, phonemize, transcriber);
    report.add(std::move(changes));
    tell(report, events);
    if (!report.stopped) tell_lines(report, events);
    if (!report.stopped && !settings.tokenizer_json.empty())
        warn_of_vocabulary(root, job.folders.training, settings.tokenizer_json, events);
    return report;
}

Report prepare_voice(const fs::path& root, const std::string& voice, const DatasetSettings& settings,
                     const Transcribe& transcriber, Events& events, const Phonemize& phonemize,
                     const Transcribe& check) {
    const Job job = make_job(root, voice, settings, events);
    Report report = transcribe_step(job, transcriber);
    bool listed = false;
    try {
        if (tells_speakers(settings) && !report.stopped) report.add(diarise_step(job));
        if (settings.slice && !report.stopped) report.add(slice_step(job));
        if (!report.stopped) {
            report.add(list_step(job, phonemize, check ? check : transcriber));
            listed = !report.stopped;
        }
    } catch (const Error&) {
        tell(report, events);
        throw;
    }
    tell(report, events);
    if (listed) tell_lines(report, events);
    if (listed && !settings.tokenizer_json.empty())
        warn_of_vocabulary(root, job.folders.training, settings.tokenizer_json, events);
    return report;
}

}  // namespace testudo::dataset
