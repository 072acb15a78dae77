#include "studio/transcription.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "asr/transcriber.h"
#include "audio/clip.h"
#include "audio/decode.h"
#include "core/error.h"
#include "core/strings.h"

namespace testudo::studio {

namespace {

constexpr int kWhisperRate = 16000;

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    if (fs::is_directory(folder))
        for (const auto& entry : fs::directory_iterator(folder))
            if (entry.is_directory() || entry.path().extension() == ".pt")
                names.push_back(entry.is_directory() ? entry.path().filename().string()
                                                     : entry.path().stem().string());
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace

fs::path find_whisper_model(const Workspace& workspace, const std::string& given,
                            const std::string& language) {
    if (given.empty())
        throw usage_error("no Whisper model is named", "Name one with --whisper-model, e.g. base.");
    if (fs::exists(given)) return given;
    std::vector<std::string> wanted = {given};
    const bool plain_name = given.find('/') == std::string::npos && given.find('.') == std::string::npos;
    if (plain_name && language == "en") wanted.insert(wanted.begin(), given + ".en");
    for (const auto& name : wanted)
        for (const char* ending : {"", ".pt"})
            if (const fs::path path = workspace.whisper_models() / (name + ending); fs::exists(path))
                return path;
    const auto there = names_in(workspace.whisper_models());
    throw input_error(
        cat("the Whisper model \"", given, "\" is not in ", workspace.whisper_models()),
        cat("Fetch it with `testudo models pull whisper-", wanted.front(), "`",
            there.empty() ? "" : cat(", or use one that is there with --whisper-model: ", join(there, ", ")),
            "."));
}

dataset::Transcribe make_transcriber(const Workspace& workspace, const dataset::DatasetSettings& settings,
                                     Events& events) {
    const fs::path model = find_whisper_model(workspace, settings.whisper_model, settings.language);
    auto loaded = std::make_shared<std::unique_ptr<asr::Transcriber>>();
    return [model, loaded, &events](const fs::path& recording, const std::string& language) {
        if (!*loaded) {
            events.info(cat("loading Whisper ", to_utf8(model.native())));
            *loaded = std::make_unique<asr::Transcriber>(
                asr::Transcriber::load(model, at::hasCUDA() ? "cuda" : "cpu"));
        }
        std::string damage;
        const audio::Clip clip = audio::load(recording, kWhisperRate, audio::Mix::average, &damage);
        const std::string name = to_utf8(recording.filename().native());
        if (!damage.empty()) events.warning(cat(name, ": ", damage));
        asr::TranscribeOptions options;
        options.language = language;
        constexpr double worth_watching = 60;  // seconds: shorter recordings are done before anyone looks
        if (clip.seconds() > worth_watching)
            options.progress = [&](double done, double total) {
                events.progress("transcribe recording", done, total, "s", {{"what", name}});
            };
        const asr::Transcript transcript = (*loaded)->transcribe(clip, options);
        for (const auto& warning : transcript.warnings) events.warning(cat(name, ": ", warning));
        return asr::to_json(transcript);
    };
}

}  // namespace testudo::studio
