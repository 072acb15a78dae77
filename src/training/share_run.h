#pragma once
// What the other ranks of a training get from rank 0, which alone reads and writes checkpoints.
#include "training/ranks.h"
#include "training/run_setup.h"

namespace testudo::training {

// The counts and choices that a run has made by its configuration and the state it goes on from.
Json shared_counts(const RunSetup& setup);
void take_shared_counts(RunSetup& setup, const Json& counts);

// Called by all: weights, moments, learning rate and counts as after `iteration`, which rank 0 has, on every
// rank; returns rank 0's iteration. Each keeps its part of the moments when they are shared out.
std::int64_t share_run(RunSetup& setup, std::int64_t iteration);

// Called by all before a checkpoint is written: rank 0 gets the moments that others keep, and afterwards
// frees them.
void gather_moments(RunSetup& setup);
void free_gathered(RunSetup& setup);

}  // namespace testudo::training
