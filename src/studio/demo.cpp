#include "studio/demo.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "audio/decode.h"
#include "audio/mel.h"
#include "audio/wav.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/lines.h"
#include "dataset/prepare.h"
#include "dataset/whisper_backend.h"
#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "studio/demo_sentences.h"
#include "studio/fit_dvae.h"
#include "studio/models.h"
#include "studio/pull.h"
#include "studio/report.h"
#include "studio/training_charts.h"
#include "synthesis/preview.h"
#include "tensors/sidecar.h"
#include "text/tokenizer.h"
#include "training/base_model.h"
#include "training/configure.h"
#include "training/read_metrics.h"
#include "training/run_paths.h"
#include "training/trainer.h"

namespace testudo::studio {

namespace {

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void stop_here_if_asked() {
    if (stop_requested())
        throw Error(ErrorKind::interrupted, "the demo was stopped",
                    "Run it again: what is done is not done twice.");
}

// Copies what the demo speaks of into voices/<voice>; recordings that are there already stay.
std::vector<fs::path> collect_recordings(const Workspace& workspace, const DemoOptions& options,
                                         Events& events) {
    const fs::path from = options.recordings, to = workspace.voice(options.voice);
    if (!options.recordings.empty()) {
        if (!fs::is_directory(from))
            throw input_error(cat(to_utf8(from.native()), " is not a folder"),
                              "Name a folder with --recordings.");
        std::vector<fs::path> wanted;
        for (const auto& name : demo_sentences())
            if (fs::exists(from / (name + ".g722"))) wanted.push_back(from / (name + ".g722"));
        if (wanted.empty())
            for (const auto& entry : fs::directory_iterator(from))
                if (entry.is_regular_file() && audio::is_audio_file(entry.path()))
                    wanted.push_back(entry.path());
        make_folders(to);
        for (const auto& file : wanted)
            if (!fs::exists(to / file.filename())) write_file(to / file.filename(), read_file(file));
    }
    const auto recordings = workspace.recordings(options.voice);
    events.info(cat(recordings.size(), " recordings in ", to));
    return recordings;
}

struct Listed {
    dataset::Line line;
    fs::path file;
};

std::vector<Listed> listed_clips(const fs::path& list) {
    std::vector<Listed> clips;
    for (const auto& line : dataset::read_lines(list, true))
        clips.push_back({line, dataset::audio_path(list, line)});
    return clips;
}

// The small DVAE, fitted to the clips and saved.
nets::Dvae voice_dvae(const fs::path& file, const std::vector<Listed>& clips, double seconds, Json& numbers,
                      Events& events) {
    nets::Dvae dvae = training::load_dvae(file, at::kCPU);
    std::vector<at::Tensor> mels;
    for (const auto& clip : clips) {
        const auto wave = audio::load(clip.file, audio::tortoise_rate);
        mels.push_back(audio::tortoise_mel(at::tensor(wave.samples)));
    }
    FitDvaeOptions options;
    options.seconds = seconds;
    const auto fitted = fit_dvae(dvae, mels, options, events);
    numbers = to_json(fitted);
    write_weights(file, dvae.parameters());
    Json about = tensors::read_sidecar(file);
    about["origin"] =
        cat("a small DVAE fitted by `testudo demo` to ", clips.size(), " clips; no published weights");
    about["fit"] = numbers;
    tensors::write_sidecar(file, about);
    return dvae;
}

training::TrainingSettings demo_settings(const DemoOptions& options, const InitResult& base) {
    training::TrainingSettings settings;
    settings.voice = options.voice;
    settings.epochs = options.epochs;
    settings.learning_rate = 2e-4;
    settings.learning_rate_schedule = {0.5 * static_cast<double>(options.epochs),
                                       0.75 * static_cast<double>(options.epochs)};
    settings.text_lr_weight = 0.1;
    settings.batch_size = 8;
    settings.gradient_accumulation_size = 1;
    settings.save_rate = std::max(1.0, static_cast<double>(options.epochs) / 2);
    settings.validation_rate = std::max(1.0, static_cast<double>(options.epochs) / 20);
    settings.keep_states = 2;
    settings.source_model = base.model.string();
    settings.dvae_model = base.dvae.string();
    return settings;
}

struct Heard {
    std::vector<ReportAudio> audio;
    std::vector<std::string> notes;
};

// What can be listened to: a clip as recorded, the same clip through the codes, and a sentence sampled by the
// model.
Heard speak(const Workspace& workspace, const DemoOptions& options, const nets::Dvae& dvae,
            const std::vector<Listed>& clips, const fs::path& model_file, Events& events) {
    Heard heard;
    const fs::path folder = workspace.results(options.voice);
    const auto keep = [&](const std::string& name, const audio::Clip& clip, std::string title,
                          std::string description) {
        audio::write_wav16(folder / name, clip);
        events.artifact("audio", folder / name);
        heard.audio.push_back({std::move(title), std::move(description), folder / name});
    };
    const auto original = audio::load(clips.front().file, audio::tortoise_rate);
    const auto again = synthesis::resynthesise(dvae, original);
    keep("clip_recorded.wav", original, "A training clip as recorded", clips.front().line.text);
    keep("clip_through_codes.wav", again.clip, "The same clip through the codes",
         cat(again.codes.size(), " codes of 46 ms, decoded by the DVAE, phases by Griffin-Lim"));

    const nets::UnifiedVoice model =
        training::load_model(model_file, training::model_sizes(model_file), at::kCPU, model_file.string());
    std::vector<audio::Clip> conditioning;
    for (std::size_t i = 0; i < std::min<std::size_t>(2, clips.size()); ++i)
        conditioning.push_back(audio::load(clips[i].file, audio::tortoise_rate));
    synthesis::PreviewOptions how;
    how.sampling.candidates = 3;
    how.sampling.max_codes = 250;
    how.sampling.usable_codes = dvae.config().num_tokens;
    how.sampling.seed = 1;
    const auto preview =
        synthesis::speak_preview(model, text::Tokenizer::builtin(), dvae, conditioning, options.text, how);
    keep("sentence_sampled.wav", preview.clip, "A sentence sampled by the fine-tuned model", options.text);
    heard.notes.push_back(cat("The sampled sentence has ", preview.candidate.codes.size(), " codes and ",
                              preview.candidate.stopped ? "ended by itself." : "was cut at the limit."));
    return heard;
}

}  // namespace

Json run_demo(const Workspace& workspace, const DemoOptions& options, Events& events) {
    const double start = now();
    const fs::path results = workspace.results(options.voice);

    events.info("1/6  Recordings to dataset");
    collect_recordings(workspace, options, events);
    dataset::DatasetSettings prepare;
    prepare.language = "en";
    prepare.whisper_model = options.whisper;
    prepare.skip_existing = true;
    prepare.validation_audio_length = 3.4;  // the shortest prompts are kept aside to validate with
    const auto report =
        dataset::prepare_voice(workspace.root(), options.voice, prepare,
                               dataset::whisper_transcribers(workspace.root(), prepare, events, "cpu",
                                                             model_fetcher(workspace, events))
                                   .transcribe,
                               events);
    if (report.stopped) return Json{{"stopped", true}};
    const fs::path folder = workspace.training(options.voice);
    const auto clips = listed_clips(folder / "train.txt");

    events.info(
        "2/6  A base model and codes: both start at random, since TorToiSe's own weights are not here");
    InitOptions init;
    init.size = options.size;
    init.name = cat("demo-", options.size);
    init.overwrite = true;
    const InitResult base = init_model(workspace, init, events);
    Json fit;
    const nets::Dvae dvae = voice_dvae(base.dvae, clips, options.dvae_seconds, fit, events);
    stop_here_if_asked();

    events.info("3/6  Configuration");
    const Json configured = training::configure(workspace.root(), demo_settings(options, base), events);

    events.info("4/6  Training");
    const auto paths = training::run_paths(workspace.root(), options.voice);
    const Json trained = training::train_voice(workspace.root(), paths.yaml, events);
    if (trained.value("stopped", false)) return trained;

    events.info("5/6  Listening");
    const fs::path model = workspace.root() / trained.value("model", "");
    const Heard heard = speak(workspace, options, dvae, clips, model, events);

    events.info("6/6  Graphs and report");
    const std::vector<Run> runs = {{options.voice, training::read_run_metrics(paths.finetune)}};
    Json graphs = Json::array();
    for (const auto& file : write_graphs(runs, results)) {
        events.artifact("graph", file);
        graphs.push_back(to_utf8(file.native()));
    }
    const double seconds = now() - start;
    Report page;
    page.title = cat("Testudo demo: the voice \"", options.voice, "\"");
    page.summary = cat("From ", report.files, " recordings to a fine-tuned model in ",
                       human_duration(seconds), " on this machine.");
    page.notes = heard.notes;
    page.notes.push_back(
        "The base model and the codes started from random numbers, so this shows that the whole job works, "
        "not what TorToiSe "
        "sounds like. Fetch TorToiSe's own weights with `testudo models pull autoregressive dvae`, then "
        "train on them.");
    Json kept = {{"recordings", report.files},
                 {"training lines", report.train_lines},
                 {"validation lines", report.validation_lines},
                 {"kept", human_duration(report.seconds_kept)},
                 {"lost", human_duration(report.seconds_lost())},
                 {"rejected lines", report.rejected.size()}};
    page.tables = {table_of("Dataset", kept), table_of("Codes (DVAE)", fit),
                   table_of("Configuration", configured), table_of("Training", trained)};
    page.audio = heard.audio;
    page.charts = training_charts(runs);
    const fs::path html = results / "report.html";
    write_report(page, html);
    events.artifact("report", html);
    return Json{{"report", to_utf8(html.native())},
                {"model", to_utf8(model.native())},
                {"state", to_utf8((workspace.root() / trained.value("state", "")).native())},
                {"graphs", graphs},
                {"results", to_utf8(results.native())},
                {"seconds", std::round(seconds * 10) / 10},
                {"losses", trained.value("losses", Json::object())},
                {"dvae", fit}};
}

}  // namespace testudo::studio
