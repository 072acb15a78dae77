#pragma once
// What a job is started with, and where it goes on when it ran before.
#include "studio/jobs.h"

namespace testudo::studio {

bool has_configuration(const std::string& kind);  // train, resume, validate

enum class GoingOn {
    anew,      // nothing of it is there
    resume,    // its run has a checkpoint
    complete,  // and that is its last
};
// Of a training that ran before. The run in training/<voice>/finetune counts only when its events are the
// job's: another training of the voice may have taken its place.
GoingOn going_on(const Workspace& workspace, const Job& job);

// The arguments of the program.
std::vector<std::string> command_of(const Workspace& workspace, const Job& job, GoingOn from);

}  // namespace testudo::studio
