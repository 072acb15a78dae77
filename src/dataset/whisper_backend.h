#pragma once
// The transcriber of dataset preparation: the backend and the model that the settings name.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "asr/backend.h"
#include "dataset/prepare.h"

namespace testudo::dataset {

// Gets the published model of that name ("whisper-base.en", "ggml-base.en") into ROOT/models/whisper; false
// when none is published. Errors as studio::pull_model.
using FetchModel = std::function<bool(const std::string& name)>;

// The model that `settings.whisper_model` means: a folder or file of that name in ROOT/models/whisper, else a
// path that exists. English takes the English-only model (NAME.en) where there is one; "large" means large-v3
// and "turbo" large-v3-turbo. whisper.cpp takes a ggml file (ggml-NAME.bin) first, all others last.
// Error(input) naming the places looked in.
std::filesystem::path find_whisper(const std::filesystem::path& root, const DatasetSettings& settings);
// The same; what is not there is fetched first.
std::filesystem::path find_or_fetch_whisper(const std::filesystem::path& root,
                                            const DatasetSettings& settings, const FetchModel& fetch);
// Error(input) unless the model is there or `published` knows one of that name; nothing is fetched.
void check_whisper_model(const std::filesystem::path& root, const DatasetSettings& settings,
                         const std::function<bool(const std::string& name)>& published);

// `model` as a ggml file: itself, or what is made of it, once, in ROOT/models/whisper (again when it has
// changed).
std::filesystem::path ggml_of(const std::filesystem::path& root, const std::filesystem::path& model,
                              Events& events);

// Finds (or fetches) and loads the model for the backend that the settings name. `device` as in
// asr::Transcriber::load; whisper.cpp computes on the CPU.
std::unique_ptr<asr::Backend> open_whisper(const std::filesystem::path& root, const DatasetSettings& settings,
                                           Events& events, const std::string& device = "cpu",
                                           const FetchModel& fetch = {});
asr::HearOptions hear_options(const DatasetSettings& settings, const std::string& language);

// Both use one backend, opened by whichever comes first. `check` fetches nothing: what is heard a second time
// is worth a model that is there, not a download.
struct Transcribers {
    Transcribe transcribe;
    Transcribe check;
};
Transcribers whisper_transcribers(const std::filesystem::path& root, const DatasetSettings& settings,
                                  Events& events, const std::string& device = "cpu",
                                  const FetchModel& fetch = {});

}  // namespace testudo::dataset
