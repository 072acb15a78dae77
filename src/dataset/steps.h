#pragma once
// The steps of prepare.h without the messages.
#include <memory>

#include "core/events.h"
#include "core/files.h"
#include "dataset/prepare.h"
#include "dataset/voice_files.h"

namespace testudo::dataset {

struct Job {
    VoiceFolders folders;
    const DatasetSettings& settings;
    Events& events;
    std::unique_ptr<FolderLock> lock;  // of training/V; none where there is no such voice
};

// Checks the settings and locks the voice; its events go to training/V/events.jsonl from now on.
Job make_job(const fs::path& root, const std::string& voice, const DatasetSettings& settings, Events& events);

// Replaces the part of training/V/report.json that `step` owns; `list` owns the verdicts of the lines, too.
void save_report(const VoiceFolders& folders, const std::string& step, const Report& report);

// Each saves its report. When nothing is left at all, they first tell why and then throw Error(input).
Report transcribe_step(const Job& job, const Transcribe& transcribe);
Report slice_step(const Job& job);
Report list_step(const Job& job, const Phonemize& phonemize, const Transcribe& transcribe);

}  // namespace testudo::dataset
