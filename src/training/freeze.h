#pragma once
// Which parts of a model a training leaves as they are.
#include <string>
#include <vector>

#include "nets/unified_voice.h"

namespace testudo::training {

// One flag a parameter. `parts` names, in any combination:
//   conditioning    the conditioning encoder
//   text_embedding  table and positions of the text; mel_embedding: those of the codes
//   layers          all transformer blocks; layers:7 and layers:0-9 some of them, counted from 0
//   attention, mlp  these matrices of all blocks
//   norms           all norms
//   text_head, mel_head; heads: both
// Error(usage) for another name, a block that the model has not, or when nothing is left to train.
std::vector<bool> frozen_parameters(const nets::UnifiedVoice& model, const std::vector<std::string>& parts);

}  // namespace testudo::training
