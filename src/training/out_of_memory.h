#pragma once
// What a training does when a step runs out of memory.
#include <exception>
#include <string>

#include "core/error.h"
#include "training/run_setup.h"
#include "training/step.h"

namespace testudo::training {

// Makes the steps of this run smaller: twice the parts for each batch (of `clips` now), to parts of one clip;
// then gradient checkpointing, unless the user switched it off. Returns what was done, for the user. The
// gradient stays that of the whole batch: parts count by their tokens (in the dlas form each part is averaged
// on its own, as with DLAS' mega_batch_factor). Error(environment) when nothing is left to do.
std::string make_steps_smaller(RunSetup& setup, Step& step, std::int64_t clips, const std::string& what);

// What to tell the user when `clips` of validation did not fit and half of them are tried; Error(environment)
// for one clip.
std::string make_validation_smaller(const RunSetup& setup, std::int64_t clips, const std::string& what);

// Of what is_out_of_memory(): what libtorch says, without its stack.
std::string failed_allocation(const std::exception& error);

Error out_of_memory(const std::string& what, const std::string& limit, const std::string& remedy);
// Before the first step: the model does not fit.
Error start_out_of_memory(const std::exception& error);
// Of a step with so many clips: the remedy names what is left to do.
Error step_out_of_memory(const RunSetup& setup, const Step& step, std::int64_t clips,
                         const std::string& what);

}  // namespace testudo::training
