#include "dataset/whisper_backend.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "asr/ggml_model.h"
#include "asr/openai_backend.h"
#include "asr/vad_filter.h"
#include "asr/whisper_cpp_backend.h"
#include "asr/whisperx.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/strings.h"
#include "tensors/sidecar.h"
#include "tensors/weights.h"

namespace testudo::dataset {

namespace {

constexpr const char* whisper_cpp = "whispercpp";

// A long group shows how far the transcriber is; short ones are counted by recording.
constexpr double seconds_worth_showing = 60;

fs::path whisper_folder(const fs::path& root) { return root / "models" / "whisper"; }

// What the name may stand for, best first.
std::vector<std::string> meanings(const DatasetSettings& settings) {
    const std::string& name = settings.whisper_model;
    const std::string language = lower_ascii(settings.language);
    std::vector<std::string> out;
    if (language == "en" || language == "english") out.push_back(name + ".en");
    out.push_back(name);
    if (name == "large") out.emplace_back("large-v3");
    if (name == "turbo") out.emplace_back("large-v3-turbo");
    return out;
}

// A fetch that failed may have left a folder without a model.
bool holds_model(const fs::path& path) {
    if (!fs::is_directory(path)) return fs::exists(path);
    if (fs::exists(path / "model.bin")) return true;
    for (const auto& entry : fs::directory_iterator(path))
        if (entry.path().extension() == ".pt") return true;
    return false;
}

fs::path in_folder(const fs::path& folder, const std::string& name, bool ggml_first) {
    std::vector<std::string> forms = {name, name + ".pt", name + ".bin"};
    forms.insert(ggml_first ? forms.begin() : forms.end(), cat("ggml-", name, ".bin"));
    for (const std::string& form : forms)
        if (holds_model(folder / form)) return folder / form;
    return {};
}

// Empty when there is none.
fs::path look_for_whisper(const fs::path& root, const DatasetSettings& settings) {
    const std::string& name = settings.whisper_model;
    if (name.empty()) throw usage_error("whisper_model is empty", "Name a model, e.g. base or tiny.en.");
    for (const std::string& meaning : meanings(settings))
        if (fs::path found =
                in_folder(whisper_folder(root), meaning, settings.whisper_backend == whisper_cpp);
            !found.empty())
            return found;
    const fs::path ending = fs::path(name).extension();
    const bool path = name.find('/') != std::string::npos || ending == ".pt" || ending == ".bin";
    return path && fs::exists(name) ? fs::path(name) : fs::path();
}

// True when one of the models that the name may stand for was fetched.
bool fetch_whisper(const DatasetSettings& settings, const FetchModel& fetch) {
    if (!fetch) return false;
    // A folder or mirror may hold one form or one meaning alone; where it holds none, the first error is the
    // one to tell.
    std::optional<Error> first;
    const auto got = [&](const std::string& name) {
        try {
            return fetch(name);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::environment) throw;
            if (!first) first = error;
            return false;
        }
    };
    for (const std::string& meaning : meanings(settings)) {
        if (settings.whisper_backend == whisper_cpp && got("ggml-" + meaning)) return true;
        if ((settings.whisper_backend != whisper_cpp || first) && got("whisper-" + meaning)) return true;
    }
    if (first) throw *first;
    return false;
}

// Names that whisper_model may have for what lies in the workspace.
std::vector<std::string> models_here(const fs::path& root) {
    std::vector<std::string> out;
    std::error_code error;
    for (fs::directory_iterator entry(whisper_folder(root), error), end; !error && entry != end;
         entry.increment(error)) {
        const fs::path ending = entry->path().extension();
        const bool file = ending == ".pt" || ending == ".bin";
        if ((file || fs::is_directory(entry->path())) && holds_model(entry->path()))
            out.push_back(to_utf8(file ? entry->path().stem().string() : entry->path().filename().string()));
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::string or_one_that_is_here(const fs::path& root) {
    const auto here = models_here(root);
    return here.empty() ? ""
                        : cat("Or choose a Whisper model that is here: ", printable(join(here, ", ")), ".");
}

// Tells whether what a ggml file was made of is still the same.
Json stamp_of(const fs::path& model) {
    std::uint64_t bytes = 0;
    std::int64_t newest = 0;
    const auto count = [&](const fs::path& file) {
        bytes += fs::file_size(file);
        newest = std::max<std::int64_t>(newest, std::chrono::duration_cast<std::chrono::milliseconds>(
                                                    fs::last_write_time(file).time_since_epoch())
                                                    .count());
    };
    if (!fs::is_directory(model)) {
        count(model);
    } else {
        for (const auto& entry : fs::directory_iterator(model))
            if (entry.is_regular_file()) count(entry.path());
    }
    return Json{{"bytes", bytes}, {"changed", newest}};
}

void convert(const fs::path& model, const fs::path& ggml, Events& events) {
    events.info(cat("converting ", model, " for whisper.cpp, once: ", ggml));
    const Json stamp = stamp_of(model);
    asr::convert_to_ggml(model, ggml);
    tensors::write_sidecar(ggml, {{"origin", cat("converted from ", to_utf8(model.native()))},
                                  {"converted_from", to_utf8(model.native())},
                                  {"source", stamp}});
    events.artifact("model", ggml);
}

// False for a file that was not made of another model.
bool is_stale(const fs::path& ggml, fs::path& source) {
    const Json about = tensors::read_sidecar(ggml);
    if (!about.contains("converted_from") || !about["converted_from"].is_string()) return false;
    source = about["converted_from"].get<std::string>();
    return fs::exists(source) && stamp_of(source) != about.value("source", Json());
}

}  // namespace

fs::path find_whisper(const fs::path& root, const DatasetSettings& settings) {
    return find_or_fetch_whisper(root, settings, {});
}

fs::path find_or_fetch_whisper(const fs::path& root, const DatasetSettings& settings,
                               const FetchModel& fetch) {
    fs::path found = look_for_whisper(root, settings);
    try {
        if (found.empty() && fetch_whisper(settings, fetch)) found = look_for_whisper(root, settings);
        if (found.empty())
            throw input_error(
                cat("there is no Whisper model \"", settings.whisper_model, "\" in ", whisper_folder(root)),
                "Fetch one with `testudo models pull`, or give the path of a model folder, .pt or ggml "
                "file.");
    } catch (Error& error) {
        error.add_remedy(or_one_that_is_here(root));
        throw;
    }
    return found;
}

void check_whisper_model(const fs::path& root, const DatasetSettings& settings, const FetchModel& published) {
    if (!look_for_whisper(root, settings).empty()) return;
    for (const std::string& meaning : meanings(settings))
        if (published("whisper-" + meaning) || published("ggml-" + meaning)) return;
    find_whisper(root, settings);
}

fs::path ggml_of(const fs::path& root, const fs::path& model, Events& events) {
    if (fs::is_regular_file(model) && tensors::kind_of_file(model) == tensors::FileKind::ggml) {
        if (fs::path source; is_stale(model, source)) convert(source, model, events);
        return model;
    }
    const fs::path folder = whisper_folder(root);
    fs::path whole = fs::absolute(model).lexically_normal();
    if (!whole.has_filename()) whole = whole.parent_path();
    std::string name = fs::is_directory(model) ? whole.filename().string() : whole.stem().string();
    // Models of the same name may lie in many places outside.
    if (whole.parent_path() != fs::absolute(folder).lexically_normal())
        name += "-" + sha256(whole.string()).substr(0, 8);
    const fs::path ggml = folder / cat("ggml-", name, ".bin");
    if (fs::path source; !fs::exists(ggml) || is_stale(ggml, source)) convert(whole, ggml, events);
    return ggml;
}

std::unique_ptr<asr::Backend> open_whisper(const fs::path& root, const DatasetSettings& settings,
                                           Events& events, const std::string& device,
                                           const FetchModel& fetch) {
    const fs::path model = find_or_fetch_whisper(root, settings, fetch);
    events.info(cat("transcribing with ", model, " (", settings.whisper_backend, ")"));
    if (settings.whisper_backend == "whisperx")  // finds speech itself
        return asr::open_whisperx({.whisper = model,
                                   .alignment_models = root / "models" / "align",
                                   .device = device,
                                   .compute = settings.whisper_compute});
    std::unique_ptr<asr::Backend> backend =
        settings.whisper_backend == whisper_cpp
            ? asr::whisper_cpp_backend(ggml_of(root, model, events))
            : asr::openai_backend(asr::Transcriber::load(model, device, settings.whisper_compute));
    if (!settings.vad_filter) return backend;
    return asr::skip_silence(std::move(backend), asr::VoiceActivity::load());
}

asr::HearOptions hear_options(const DatasetSettings& settings, const std::string& language) {
    asr::HearOptions options;
    options.language = language;
    options.beam_size = settings.beam_size;
    options.batch = settings.whisper_batchsize;
    options.word_timestamps = settings.word_timestamps;
    return options;
}

Transcribers whisper_transcribers(const fs::path& root, const DatasetSettings& settings, Events& events,
                                  const std::string& device, const FetchModel& may_fetch) {
    auto backend = std::make_shared<std::unique_ptr<asr::Backend>>();
    const auto with = [=, &events](const FetchModel& fetch) -> Transcribe {
        return [=, &events](const std::vector<Recording>& recordings, const std::string& language) {
            if (!*backend) *backend = open_whisper(root, settings, events, device, fetch);
            std::vector<audio::Clip> clips;
            double seconds = 0;
            for (const auto& recording : recordings) {
                clips.push_back(recording.clip);
                seconds += recording.clip.seconds();
            }
            asr::HearOptions options = hear_options(settings, language);
            if (seconds >= seconds_worth_showing)
                options.progress = [&events](double done, double total) {
                    events.progress("listen", done, total, "s");
                };
            return (*backend)->hear(clips, options);
        };
    };
    return {with(may_fetch), with({})};
}

}  // namespace testudo::dataset
