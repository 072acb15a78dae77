#include "studio/doctor.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <sstream>

#include "audio/mel.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "nets/unified_voice.h"
#include "studio/models.h"
#include "text/phonemes.h"
#include "training/step.h"

namespace testudo::studio {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Findings {
  public:
    void add(const std::string& name, const char* verdict, const std::string& value,
             const std::string& remedy = {}) {
        Json check{{"name", name}, {"verdict", verdict}, {"value", to_utf8(value)}};
        if (!remedy.empty()) check["remedy"] = remedy;
        checks_.push_back(std::move(check));
        const std::string_view found = verdict;
        if (found == "problem" || (found == "warning" && verdict_ == "ok")) verdict_ = found;
    }
    // Runs a test that returns what it found; an exception is a problem of its own.
    void attempt(const std::string& name, const std::string& remedy, const std::function<void()>& test) {
        try {
            test();
        } catch (const Error& error) {
            add(name, "problem", error.what(), error.hint());
        } catch (const std::exception& error) {
            add(name, "problem", error.what(), remedy);
        }
    }
    Json checks_ = Json::array();
    std::string verdict_ = "ok";
};

// "key : value" and "key: value kB" lines of /proc.
std::string proc_value(const char* file, std::string_view key) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(key))
            if (const auto colon = line.find(':'); colon != std::string::npos)
                return trim(line.substr(colon + 1));
    return {};
}

double memory_bytes(std::string_view key) {
    const std::string text = proc_value("/proc/meminfo", key);
    return text.empty() ? 0 : std::atof(text.c_str()) * 1024;
}

// Version of a library that is loaded, from the name of its file: "libavcodec.so.59.37.100" -> "59.37.100".
std::string loaded_version(std::string_view library) {
    std::ifstream in("/proc/self/maps");
    for (std::string line; std::getline(in, line);) {
        const auto slash = line.find('/');
        if (slash == std::string::npos) continue;
        std::error_code ignored;
        const std::string file = fs::canonical(line.substr(slash), ignored).filename().string();
        if (file.starts_with(library))
            if (const auto at = file.find(".so."); at != std::string::npos) return file.substr(at + 4);
    }
    return "not loaded";
}

Json machine_facts() {
    std::istringstream flags(proc_value("/proc/cpuinfo", "flags"));
    Json simd = Json::array();
    for (std::string flag; flags >> flag;)
        if (flag.starts_with("avx") || flag == "fma" || flag.starts_with("amx")) simd.push_back(flag);
    return {{"testudo", TESTUDO_VERSION},
            {"cpu", proc_value("/proc/cpuinfo", "model name")},
            {"cpu_flags", simd},
            {"capability", at::get_cpu_capability()},
            {"cores", ::sysconf(_SC_NPROCESSORS_ONLN)},
            {"threads", at::get_num_threads()},
            {"libtorch", TORCH_VERSION},
            {"libavcodec", loaded_version("libavcodec")},
            {"libavformat", loaded_version("libavformat")},
            {"libsoxr", loaded_version("libsoxr")},
            {"memory_bytes", memory_bytes("MemTotal")},
            {"memory_available_bytes", memory_bytes("MemAvailable")},
            {"cuda", at::hasCUDA()}};
}

void check_machine(Findings& out, const Json& facts) {
    out.add("version", "ok", TESTUDO_VERSION);
    if (at::hasCUDA())
        out.add("device", "ok", cat(at::detail::getCUDAHooks().getNumGPUs(), " CUDA device(s)"));
    else
        out.add("device", "ok", "CPU");
    const std::string capability = facts["capability"].get<std::string>();
    const bool slow = capability == "DEFAULT" || capability == "NO AVX";
    out.add("processor", slow ? "warning" : "ok",
            cat(facts["cpu"].get<std::string>(), ", ", capability, ", ", facts["threads"], " of ",
                facts["cores"], " cores in use"),
            slow ? "Use a processor with AVX2 or AVX-512: without, training takes many times longer." : "");
    out.add("libtorch", "ok", TORCH_VERSION);
    const bool decoder = facts["libavcodec"] != "not loaded";
    out.add("libav", decoder ? "ok" : "problem", facts["libavcodec"].get<std::string>(),
            decoder ? "" : "Install the ffmpeg libraries (libavcodec, libavformat).");
    out.add("soxr", facts["libsoxr"] != "not loaded" ? "ok" : "problem", facts["libsoxr"].get<std::string>(),
            facts["libsoxr"] != "not loaded" ? "" : "Install libsoxr.");
    try {
        out.add("espeak-ng", "ok", cat(text::espeak_voices().size(), " languages"));
    } catch (const Error& error) {
        out.add("espeak-ng", "warning", error.what(),
                cat("Only lines in phonemes (ipa.json) need it. ", error.hint()));
    }
    const double memory = facts["memory_available_bytes"].get<double>();
    out.add("memory",
            memory < 2e9   ? "problem"
            : memory < 8e9 ? "warning"
                           : "ok",
            cat(human_bytes(memory), " free of ", human_bytes(facts["memory_bytes"].get<double>())),
            memory < 8e9 ? "Close other programs: fine-tuning TorToiSe's own model takes about 8 GiB." : "");
}

void check_workspace(Findings& out, const Workspace& workspace) {
    fs::path root = fs::absolute(workspace.root());
    std::error_code ignored;
    while (!fs::exists(root, ignored) && root.has_parent_path() && root != root.parent_path())
        root = root.parent_path();
    const bool writable = ::access(root.c_str(), W_OK) == 0;
    out.add("workspace", writable ? "ok" : "problem", workspace.root().string(),
            writable
                ? ""
                : "Give your user permission to write there, or choose another folder with --workspace.");
    const double room = free_space(root);
    out.add("disk",
            room < 1e9    ? "problem"
            : room < 20e9 ? "warning"
                          : "ok",
            cat(human_bytes(room), " free"),
            room < 20e9
                ? "Free some space: a checkpoint of the full model takes 1.7 GB, its resume state 3.4 GB."
                : "");
    int base = 0, dvae = 0, whisper = 0, broken = 0;
    for (const auto& entry : list_models(workspace)) {
        if (!entry.problem.empty()) {
            out.add("models", "warning", cat(entry.path.string(), ": ", entry.problem),
                    "Fetch or make that file again, or move it away.");
            ++broken;
        }
        base += entry.what.kind == ModelKind::unified_voice;
        dvae += entry.what.kind == ModelKind::dvae;
        whisper += entry.what.kind == ModelKind::whisper;
    }
    const auto need = [&](const char* name, int count, const char* pull) {
        out.add(name, count ? "ok" : "warning", cat(count, " found"),
                count ? "" : cat("Fetch one with `testudo models pull ", pull, "`."));
    };
    need("autoregressive models", base, "autoregressive");
    need("DVAEs", dvae, "dvae");
    need("Whisper models", whisper, "whisper-base.en");
}

// A sine of 1 kHz must light up the band of 1 kHz.
void test_mel(Findings& out, Json& numbers) {
    const auto start = Clock::now();
    const at::Tensor time = at::arange(2 * audio::tortoise_rate, at::kFloat) / audio::tortoise_rate;
    const at::Tensor mel = audio::tortoise_mel(at::sin(time * (2 * M_PI * 1000)) * 0.5);
    const at::Tensor energy = (mel * audio::mel_norms().unsqueeze(1)).exp().mean(1);
    const double bin = 1000.0 * audio::tortoise_n_fft / audio::tortoise_rate;
    const auto expected = audio::tortoise_mel_filters()
                              .select(1, static_cast<std::int64_t>(std::lround(bin)))
                              .argmax()
                              .item<std::int64_t>();
    const auto found = energy.argmax().item<std::int64_t>();
    const bool good = std::abs(found - expected) <= 1;
    numbers["mel_seconds"] = since(start);
    out.add("mel spectrogram", good ? "ok" : "problem",
            good ? "a 1 kHz tone lies in its band" : "a tone is misplaced",
            good ? "" : "Reinstall Testudo: its FFT gives wrong results on this machine.");
}

void test_gemm(Findings& out, Json& numbers) {
    const at::NoGradGuard no_grad;
    constexpr std::int64_t n = 1024;
    const at::Tensor a = at::rand({n, n}), b = at::rand({n, n});
    at::mm(a, b);
    const auto start = Clock::now();
    int rounds = 0;
    for (; since(start) < 0.7; ++rounds) at::mm(a, b);
    const double gflops = 2.0 * n * n * n * rounds / since(start) / 1e9;
    numbers["gemm_gflops"] = gflops;
    const bool slow = gflops < 20;
    out.add("matrix product", slow ? "warning" : "ok", cat(std::lround(gflops), " GFLOP/s (32-bit)"),
            slow ? "Something else uses the processor, or it is very slow: training will be, too." : "");
}

// A tiny model must learn one example by heart.
void test_training(Findings& out, Json& numbers) {
    const auto start = Clock::now();
    nets::UnifiedVoiceConfig config;
    config.layers = 2, config.model_dim = 64, config.heads = 1;
    config.max_text_tokens = 20, config.max_mel_tokens = 40;
    config.number_text_tokens = 32, config.start_text_token = 31;
    config.number_mel_codes = 66, config.start_mel_token = 64, config.stop_mel_token = 65;
    nets::UnifiedVoice model(config);
    model.initialise(1);
    training::AdamW optimizer(model.parameters());
    training::StepOptions options;
    options.dropout = 0;
    training::Step step(model, optimizer, options);
    nets::Example example;
    example.text = {3, 4, 5, 6};
    example.codes = at::arange(12, at::kLong);
    example.conditioning = {at::linspace(-1, 1, 80 * 20, at::kFloat).view({80, 20})};
    const nets::Batch batch{example};
    double first = 0, last = 0;
    int steps = 0;
    for (; steps < 60 && (steps < 10 || since(start) < 2.5); ++steps) {
        last = step.run(std::span(&batch, 1), 1e-3, static_cast<std::uint64_t>(steps)).losses.mel;
        if (steps == 0) first = last;
    }
    numbers["training"] = {
        {"steps", steps}, {"first_loss", first}, {"last_loss", last}, {"seconds", since(start)}};
    const bool good = std::isfinite(last) && last < 0.8 * first;
    out.add("training step", good ? "ok" : "problem",
            cat("loss ", first, " to ", last, " in ", steps, " steps"),
            good ? "" : "Reinstall Testudo: training gives wrong results on this machine.");
}

}  // namespace

Json doctor(const Workspace& workspace) {
    Findings out;
    const auto start = Clock::now();
    Json numbers = Json::object(), facts = Json::object();
    const std::string reinstall = "Reinstall Testudo and its libraries.";
    out.attempt("machine", reinstall, [&] {
        facts = machine_facts();
        check_machine(out, facts);
    });
    out.attempt("workspace", "Check the folder given with --workspace.",
                [&] { check_workspace(out, workspace); });
    out.attempt("mel spectrogram", reinstall, [&] { test_mel(out, numbers); });
    out.attempt("matrix product", reinstall, [&] { test_gemm(out, numbers); });
    out.attempt("training step", reinstall, [&] { test_training(out, numbers); });
    numbers["seconds"] = since(start);
    return {{"version", TESTUDO_VERSION},
            {"verdict", out.verdict_},
            {"checks", out.checks_},
            {"machine", facts},
            {"self_test", numbers}};
}

}  // namespace testudo::studio
