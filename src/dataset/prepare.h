#pragma once
// From recordings to a dataset, in three steps that each read files and write files:
//   transcribe  voices/V/*                  -> training/V/whisper.json, training/V/audio/NAME
//   slice       whisper.json, voices/V/*    -> training/V/audio/STEM_NNNNN.EXT, training/V/slices.json
//   list        whisper.json, audio/*       -> training/V/train.txt, training/V/validation.txt
// Each step replaces its part of training/V/report.json and tells `events` about every line it leaves out.
// A step can be run again, alone, and after whisper.json was edited by hand. Ctrl-C (core/interrupt.h) ends a
// step after the file at hand; what was written stays valid. The rules are those of ai-voice-cloning.
// A step locks training/V and appends its events to training/V/events.jsonl.
//
// Errors: Error(usage) for settings or a voice name that cannot be; Error(input) for a missing or empty voice
// folder, a whisper.json that is missing or damaged, a dataset without a line to train on;
// Error(environment) when a file cannot be written or another job works on the voice.
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "asr/transcript.h"
#include "audio/clip.h"
#include "core/events.h"
#include "dataset/report.h"
#include "dataset/settings.h"

namespace testudo::dataset {

struct Recording {
    std::string name;  // its key in whisper.json
    std::filesystem::path file;
    audio::Clip clip;  // 16 kHz
};
// One transcript for each recording. `language` is empty when it is to be detected. Called without recordings
// before the first ones are read, to load what it needs: whatever it throws then ends the job. When it throws
// Error(input) or a foreign exception later, the recordings are tried again one by one, and those that fail
// are skipped and reported; Error(interrupted) ends the step as Ctrl-C does, any other kind ends the job. See
// whisper_transcribers (dataset/whisper_backend.h).
using Transcribe = std::function<std::vector<asr::Transcript>(const std::vector<Recording>& recordings,
                                                              const std::string& language)>;
// Phonemes of `text`; `voice` is espeak's name of the language (en-us, fr-fr, …).
using Phonemize = std::function<std::string(const std::string& text, const std::string& voice)>;

Report transcribe_voice(const std::filesystem::path& root, const std::string& voice,
                        const DatasetSettings& settings, const Transcribe& transcribe, Events& events);
Report slice_voice(const std::filesystem::path& root, const std::string& voice,
                   const DatasetSettings& settings, Events& events);
// With settings.slice the lines are the segments; else whole recordings, but recordings that are too long (by
// text or time) are used by their segments, which are cut now where they are missing. With
// settings.check_slices and a `transcribe`, slices, and recordings whose text was written rather than heard,
// are heard again and compared. Verdicts of all lines are in the report (dataset/check.h).
Report list_voice(const std::filesystem::path& root, const std::string& voice,
                  const DatasetSettings& settings, Events& events, const Phonemize& phonemize = {},
                  const Transcribe& transcribe = {});
// The three in one; slices only when settings.slice. `check` hears slices again; empty: `transcribe` does.
Report prepare_voice(const std::filesystem::path& root, const std::string& voice,
                     const DatasetSettings& settings, const Transcribe& transcribe, Events& events,
                     const Phonemize& phonemize = {}, const Transcribe& check = {});

}  // namespace testudo::dataset
