#pragma once
// The sentences of a training, spoken by the quick path: codes sampled by the model, the DVAE's decoder,
// Griffin-Lim.
#include "training/samples.h"

namespace testudo::studio {

// For TrainOptions::speak. Loads the DVAE and the clip for one save and frees them after it; memory beside
// the DVAE: the key/value cache of one sentence, twice (at most 250 codes: 200 MiB for the full model). Where
// that is not left, it throws Error(environment).
training::MakeSpeak speak_samples();

// How many codes (46 ms each) a sentence may take: enough for slow speech, 7 characters a second. A model
// that has not learned to stop would else go on to the end of its table.
int most_codes_of(const std::string& text);

}  // namespace testudo::studio
