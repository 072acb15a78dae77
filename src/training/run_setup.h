#pragma once
// Everything a training needs before its first step, loaded and checked. Nothing of an earlier run is moved
// before configuration, models, vocabularies, all clips and the room on the disk are known to suffice.
#include <memory>
#include <optional>

#include "core/events.h"
#include "core/files.h"
#include "dataset/features.h"
#include "training/base_model.h"
#include "training/checkpoint.h"
#include "training/config.h"
#include "training/keep_checkpoints.h"
#include "training/loss_watch.h"
#include "training/ranks.h"
#include "training/trainer.h"

namespace testudo::training {

struct RunSetup {
    Config config;
    RunPaths paths;
    std::unique_ptr<FolderLock> lock;  // of training/<voice>
    std::unique_ptr<nets::UnifiedVoice> model;
    std::unique_ptr<AdamW> optimizer;
    std::unique_ptr<Schedule> schedule;                    // as after iteration `start`
    std::unique_ptr<dataset::Features> lines, validation;  // the latter null when off
    Counting counting;
    OwnState own;
    LossWatch losses;
    std::int64_t start = 0, samples = 0;  // iterations and clips already trained
    std::int64_t total = 0;               // the last iteration
    fs::path resumed_from;                // the state that the run goes on from; empty: a new run
    std::optional<fs::path> archived;
    Ranks* ranks = nullptr;  // when several processes train
    bool leads() const { return !ranks || ranks->leads(); }
};

// Events::append_to the run's events.jsonl on the way. Throws as train_voice. With `ranks` that of rank 0;
// all others call follow_run() meanwhile.
RunSetup set_up_run(const fs::path& workspace, const fs::path& yaml, Events& events,
                    const TrainOptions& options, Ranks* ranks = nullptr);
// What another rank needs, the same as rank 0's: from its own workspace the configuration, the clips and the
// DVAE, from rank 0 the rest. It writes nothing but features of clips. Error(input) when its files are others
// than rank 0's.
RunSetup follow_run(const fs::path& workspace, const fs::path& yaml, Events& events,
                    const TrainOptions& options, Ranks& ranks);

KeepRule keep_rule(const RunSetup& setup);
Agenda agenda_of(const RunSetup& setup);

// Everything as after the iteration of `saved`, a state of this run or the one it was resumed from: weights,
// optimizer, average, learning rate, counts. Error(input) when its files cannot be used.
void return_to(RunSetup& setup, const SavedState& saved, Events& events);

}  // namespace testudo::training
