#include <ATen/Parallel.h>

#include <iostream>
#include <map>

#include "asr/bench.h"
#include "asr/openai_backend.h"
#include "asr/transcript.h"
#include "asr/whisper_cpp_backend.h"
#include "audio/clip.h"
#include "audio/decode.h"
#include "cli/flags.h"
#include "cli/verbs.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/whisper_backend.h"
#include "studio/doctor.h"
#include "training/bench.h"

namespace testudo::cli {

namespace {

void print_numbers(const Json& values, const std::string& indent = "") {
    for (const auto& [key, value] : values.items()) {
        if (value.is_object()) {
            std::cout << indent << key << ":\n";
            print_numbers(value, indent + "  ");
        } else {
            std::cout << indent << key << ": "
                      << (value.is_string() ? value.get<std::string>() : value.dump()) << "\n";
        }
    }
}

int doctor(const Context& context) {
    const Json report = studio::doctor(context.open());
    print(context, report, [&] {
        std::vector<std::vector<std::string>> rows = {{"CHECK", "VERDICT", "FOUND"}};
        for (const auto& check : report["checks"])
            rows.push_back({check.value("name", ""), check.value("verdict", ""), check.value("value", "")});
        print_rows(rows);
        for (const auto& check : report["checks"])
            if (check.contains("remedy"))
                std::cout << check.value("name", "") << ": " << check["remedy"].get<std::string>() << "\n";
        std::cout << "verdict: " << report.value("verdict", "") << "\n";
    });
    return report.value("verdict", "") == "problem" ? static_cast<int>(ErrorKind::environment) : 0;
}

struct WhisperBench {
    std::string backend = "openai/whisper", model = "models/whisper/tiny.en", data, compute = "auto",
                reference;
    int threads = 0;
    asr::BenchOptions how;
};

// By file name, with or without its extension: whisper.json, or lines "name|text".
std::map<std::string, std::string> read_references(const std::string& file) {
    std::map<std::string, std::string> texts;
    if (std::filesystem::path(file).extension() == ".json") {
        for (const auto& [name, transcript] : asr::read_transcripts(file)) texts[name] = transcript.text;
        return texts;
    }
    for (const std::string& line : split_lines(read_file(file)))
        if (const auto bar = line.find('|'); bar != std::string::npos)
            texts[std::filesystem::path(line.substr(0, bar)).filename().string()] = line.substr(bar + 1);
    return texts;
}

Json bench_whisper(const std::filesystem::path& workspace, const WhisperBench& options, Events& events) {
    if (options.threads > 0) at::set_num_threads(options.threads);
    std::vector<audio::Clip> clips;
    if (!std::filesystem::is_directory(options.data))
        throw input_error(cat(options.data, " is not a folder"), "Name a folder of recordings with --data.");
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(options.data))
        if (audio::is_audio_file(entry.path())) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) clips.push_back(audio::load(file, 16000));
    if (clips.empty())
        throw input_error(cat(options.data, " holds no recording"),
                          "Name a folder of recordings with --data.");
    asr::BenchOptions how = options.how;
    if (!options.reference.empty()) {
        const auto texts = read_references(options.reference);
        for (const auto& file : files) {
            auto found = texts.find(file.filename().string());
            if (found == texts.end()) found = texts.find(file.stem().string());
            how.references.push_back(found == texts.end() ? "" : found->second);
        }
    }
    if (options.backend == "whispercpp")
        return asr::bench_transcription(
            *asr::whisper_cpp_backend(dataset::ggml_of(workspace, options.model, events),
                                      {.fallback = false}),
            clips, how, events);
    asr::TranscribeOptions plain;
    plain.temperatures = {0};
    asr::Transcriber model = asr::Transcriber::load(options.model, "cpu", options.compute);
    const char* compute = model.compute();
    Json result = asr::bench_transcription(*asr::openai_backend(std::move(model), plain), clips, how, events);
    result["compute"] = compute;
    return result;
}

}  // namespace

void add_machine_verbs(CLI::App& app, Context& context) {
    CLI::App* doctor_verb = app.add_subcommand(
        "doctor", "Is this machine fit? Device, libraries, threads, memory, disk, a 5-second self test");
    doctor_verb->footer("Examples:\n  testudo doctor\n  testudo doctor --json");
    doctor_verb->callback([&context] { context.action = [&context] { return doctor(context); }; });

    CLI::App* bench = app.add_subcommand("bench", "Measure training or transcription on this machine");
    bench->require_subcommand(1);
    bench->footer(
        "Examples:\n"
        "  testudo bench train --layers 6 --dim 384 --heads 6 --batch 8 --steps 6 --data training/ada\n"
        "  testudo bench whisper --model models/whisper/tiny.en --data voices/ada --json");
    CLI::App* train = bench->add_subcommand(
        "train", "Seconds of a training step by part, throughput, share of GEMM peak, memory");
    const auto options = std::make_shared<training::BenchOptions>();
    add_flags(*train, *options);
    train->callback([&context, options] {
        context.action = [&context, options] {
            check_settings(*options);
            Context quiet = context;
            quiet.quiet = quiet.quiet || quiet.json;
            quiet.json = false;  // one document, not the events
            const Json result =
                run_job(quiet, [&](Events& events) { return bench_training(*options, events); });
            print(context, result, [&] { print_numbers(result); });
            return exit_code(result);
        };
    });
    CLI::App* whisper = bench->add_subcommand("whisper", "Seconds of transcription per second of audio");
    const auto asr_options = std::make_shared<WhisperBench>();
    whisper->add_option("--backend", asr_options->backend, "openai/whisper or whispercpp")
        ->capture_default_str()
        ->check(CLI::IsMember({"openai/whisper", "whispercpp"}));
    whisper->add_option("--model", asr_options->model, "Whisper model")->capture_default_str();
    whisper->add_option("--data", asr_options->data, "Folder of recordings")->required();
    whisper->add_option("--beam", asr_options->how.beam_size, "Beam size; 0: greedy")->capture_default_str();
    whisper->add_option("--batch", asr_options->how.batch, "Recordings decoded together")
        ->capture_default_str();
    whisper->add_option("--repeats", asr_options->how.repeats, "Rounds; the best counts")
        ->capture_default_str();
    whisper->add_option("--compute", asr_options->compute, "auto, float32 or int8")->capture_default_str();
    whisper->add_option("--reference", asr_options->reference,
                        "What is said, for the word error rate: whisper.json, or lines NAME|TEXT");
    whisper->add_option("--language", asr_options->how.language, "Language code; empty: detect");
    whisper->add_option("--threads", asr_options->threads, "0: all cores")->capture_default_str();
    whisper->callback([&context, asr_options] {
        context.action = [&context, asr_options] {
            Context quiet = context;
            quiet.quiet = quiet.quiet || quiet.json;
            quiet.json = false;
            const Json result = run_job(quiet, [&](Events& events) {
                return bench_whisper(context.open().root(), *asr_options, events);
            });
            print(context, result, [&] { print_numbers(result); });
            return exit_code(result);
        };
    });
}

}  // namespace testudo::cli
