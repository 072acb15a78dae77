#pragma once
// What Whisper hears in the clips of a dataset when it is asked again. Remembered in training/V/.checks.json
// by the bytes of the clip and the model, so that an unchanged clip is not heard a third time.
#include <vector>

#include "dataset/check.h"
#include "dataset/prepare.h"
#include "dataset/steps.h"

namespace testudo::dataset {

// Fills `heard` and `heard_warning` of the lines. A clip that cannot be heard stays without; a transcriber
// that cannot be loaded (Error(input) when called without recordings) leaves all so: notes of the report say
// why. Sets report.stopped on Ctrl-C; what was heard until then is remembered.
void hear_again(const Job& job, const Transcribe& transcribe, const std::vector<CheckedLine*>& lines,
                Report& report);

}  // namespace testudo::dataset
