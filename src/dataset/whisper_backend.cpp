#include "dataset/whisper_backend.h"

#include <memory>
#include <optional>

#include "asr/transcriber.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo::dataset {

namespace {

fs::path in_folder(const fs::path& folder, const std::string& name) {
    if (fs::exists(folder / name)) return folder / name;
    const fs::path file = folder / (name + ".pt");
    return fs::exists(file) ? file : fs::path();
}

// A long group shows how far the transcriber is; short ones are counted by recording.
constexpr double seconds_worth_showing = 60;

}  // namespace

fs::path find_whisper(const fs::path& root, const DatasetSettings& settings) {
    const std::string& name = settings.whisper_model;
    if (name.empty()) throw usage_error("whisper_model is empty", "Name a model, e.g. base or tiny.en.");
    const fs::path folder = root / "models" / "whisper";
    const std::string language = lower_ascii(settings.language);
    if (language == "en" || language == "english")
        if (const fs::path found = in_folder(folder, name + ".en"); !found.empty()) return found;
    if (const fs::path found = in_folder(folder, name); !found.empty()) return found;
    if (name.find('/') != std::string::npos || fs::path(name).extension() == ".pt")
        if (fs::exists(name)) return name;
    throw input_error(
        cat("there is no Whisper model \"", name, "\" in ", folder),
        "Fetch one with `testudo models pull`, or give the path of a model folder or .pt file.");
}

Transcribe whisper_transcriber(const fs::path& root, const DatasetSettings& settings, Events& events,
                               const std::string& device) {
    auto transcriber = std::make_shared<std::optional<asr::Transcriber>>();
    return [root, settings, device, transcriber, &events](const std::vector<Recording>& recordings,
                                                          const std::string& language) {
        if (!*transcriber) {
            const fs::path model = find_whisper(root, settings);
            events.info(cat("transcribing with ", model));
            transcriber->emplace(asr::Transcriber::load(model, device, settings.whisper_compute));
        }
        std::vector<audio::Clip> clips;
        double seconds = 0;
        for (const auto& recording : recordings) {
            clips.push_back(recording.clip);
            seconds += recording.clip.seconds();
        }
        asr::TranscribeOptions options;
        options.language = language;
        if (seconds >= seconds_worth_showing)
            options.progress = [&events](double done, double total) {
                events.progress("listen", done, total, "s");
            };
        return (*transcriber)->transcribe(clips, options);
    };
}

}  // namespace testudo::dataset
