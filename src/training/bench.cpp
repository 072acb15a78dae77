#include "training/bench.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <numeric>

#include "audio/mel.h"
#include "audio/training_wave.h"
#include "core/error.h"
#include "core/strings.h"
#include "nets/dropout.h"
#include "nets/dvae.h"
#include "text/tokenizer.h"
#include "training/allocator.h"
#include "training/step.h"
#include "training/trainable.h"

namespace testudo::training {

namespace {

namespace fs = std::filesystem;

constexpr int conditioning_clips = 2, conditioning_frames = 172;  // 1.995 s, as the original crops

double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double mean(const std::vector<double>& values) {
    return values.empty()
               ? 0
               : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double peak_memory_mib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
    return 0;
}

// A clip with all that is computed once.
struct Clip {
    std::vector<int> text;
    at::Tensor mel, codes;
    std::int64_t samples = 0;
};

struct Line {
    fs::path audio;
    std::string text;
};

std::vector<Line> lines_of(const fs::path& folder) {
    const fs::path list = folder / "train.txt";
    std::ifstream in(list);
    if (!in) throw input_error(cat("Cannot read ", list.string()), "Give --data a folder with a train.txt.");
    std::vector<Line> lines;
    for (std::string line; std::getline(in, line);) {
        const auto bar = line.find('|');
        if (bar != std::string::npos) lines.push_back({folder / line.substr(0, bar), line.substr(bar + 1)});
    }
    if (lines.empty())
        throw input_error(cat(list.string(), " has no line audio|text."), "Prepare a dataset first.");
    return lines;
}

// Clips of 2-10 s with fifteen characters a second, as the original was measured with.
std::vector<Clip> made_up_clips(std::size_t count) {
    constexpr double samples_a_second = 22050, tokens_a_second = 7;
    std::vector<Clip> clips;
    for (std::size_t i = 0; i < count; ++i) {
        Clip clip;
        const double length = 2 + 8 * static_cast<double>(nets::mix_seed(1, i) % 1000) / 1000;
        clip.samples = static_cast<std::int64_t>(length * samples_a_second);
        for (int t = 0; t < static_cast<int>(length * tokens_a_second); ++t)
            clip.text.push_back(3 + t * 7 % 250);
        clip.mel = at::sin(at::arange(80 * (1 + clip.samples / 256), at::kFloat)).view({80, -1});
        clips.push_back(std::move(clip));
    }
    return clips;
}

std::vector<Clip> clips_of(const BenchOptions& options, Json& once) {
    std::vector<Clip> clips;
    double start = seconds();
    if (options.data.empty()) {
        clips = made_up_clips(32);
    } else {
        for (const Line& line : lines_of(options.data)) {
            Clip clip;
            const at::Tensor wave = audio::load_training_wave(line.audio);
            clip.samples = wave.numel();
            clip.text = text::Tokenizer::builtin().encode(line.text).ids;
            clip.mel = audio::tortoise_mel(wave);
            clips.push_back(std::move(clip));
        }
    }
    once["mel_seconds"] = seconds() - start;
    start = seconds();
    nets::Dvae dvae({});
    dvae.initialise(1);
    once["dvae_made_seconds"] = seconds() - start;
    start = seconds();
    for (Clip& clip : clips) clip.codes = dvae.codes(clip.mel.unsqueeze(0))[0];
    once["codes_seconds"] = seconds() - start;
    once["clips"] = clips.size();
    return clips;
}

nets::Batch batch_of(const std::vector<Clip>& clips, std::size_t first, int size) {
    nets::Batch batch;
    for (int i = 0; i < size; ++i) {
        const Clip& clip = clips[(first + static_cast<std::size_t>(i)) % clips.size()];
        nets::Example example{
            .text = clip.text, .codes = clip.codes, .conditioning = {}, .samples = clip.samples};
        const std::int64_t frames = clip.mel.size(1),
                           taken = std::min<std::int64_t>(frames, conditioning_frames);
        for (int c = 0; c < conditioning_clips; ++c) {
            const auto room = static_cast<std::uint64_t>(frames - taken + 1);
            const auto start = static_cast<std::int64_t>(
                nets::mix_seed(first, static_cast<std::uint64_t>(2 * i + c)) % room);
            example.conditioning.push_back(clip.mel.narrow(1, start, taken));
        }
        batch.push_back(std::move(example));
    }
    return batch;
}

// GFLOP/s of large float32 matrix products, the best of three.
class GemmPeak {
  public:
    GemmPeak() : a_(at::rand({side, side})), b_(at::rand({side, side})), out_(at::empty({side, side})) {
        at::mm_out(out_, a_, b_);
    }
    double measure() {
        double best = 0;
        for (int i = 0; i < 3; ++i) {
            const double start = seconds();
            at::mm_out(out_, a_, b_);
            best = std::max(best, 2e-9 * side * side * side / (seconds() - start));
        }
        return best;
    }

  private:
    static constexpr std::int64_t side = 2048;
    at::Tensor a_, b_, out_;
};

}  // namespace

Json bench_training(const BenchOptions& options, Events& events) {
    if (options.threads > 0) at::set_num_threads(options.threads);
    const bool arena = use_training_allocator();
    Json once = Json::object();
    events.info("Reading the clips, computing mels and codes once");
    const std::vector<Clip> clips = clips_of(options, once);

    nets::UnifiedVoiceConfig config;
    config.layers = options.layers;
    config.model_dim = options.dim;
    config.heads = options.heads;
    nets::UnifiedVoice model(config);
    model.initialise(1);
    Config trained;
    trained.model = config;
    trained.lora.rank = options.lora_rank;
    const Trainable trainable = make_trainable(model, trained);
    AdamW optimizer(trainable.parameters, {.eight_bit = options.bitsandbytes},
                    {.rate = options.ema ? 0.999 : 0.0}, trainable.frozen);
    Step step(model, optimizer,
              {.checkpointing = options.checkpointing,
               .memory = options.memory == "full"   ? GradientMemory::full
                         : options.memory == "lean" ? GradientMemory::lean
                                                    : GradientMemory::automatic});
    GemmPeak gemm_peak;
    // A token: two passes through every weight, a third for gradients of the trained ones.
    const double useful = 4e-9 * static_cast<double>(nets::count_elements(model.parameters())) +
                          2e-9 * static_cast<double>(optimizer.trained_elements());

    std::vector<double> data, conditioning, forward, backward, optimiser, total, gemm, share;
    nets::TokenCounts tokens;
    std::int64_t clipped = 0;
    StepResult result;
    for (int i = 0; i <= options.steps; ++i) {
        const double start = seconds();
        const nets::Batch batch = batch_of(
            clips, static_cast<std::size_t>(i) * static_cast<std::size_t>(options.batch), options.batch);
        const double ready = seconds();
        result = step.run({&batch, 1}, 1e-5, static_cast<std::uint64_t>(i) + 1, i + 1);
        const double end = seconds();
        gemm.push_back(gemm_peak.measure());
        events.progress("bench", i, options.steps, "steps");
        if (i == 0) continue;  // memory is mapped and kernels are made in the first
        const nets::TokenCounts count = nets::count_tokens(config, batch, {});
        tokens.sequence += count.sequence, tokens.padded += count.padded;
        // Machines that are shared change their speed from one second to the next: compare neighbours.
        share.push_back(useful * static_cast<double>(count.sequence) / (end - start) /
                        std::max(gemm[gemm.size() - 2], gemm.back()));
        data.push_back(ready - start);
        conditioning.push_back(result.times.conditioning), forward.push_back(result.times.forward);
        backward.push_back(result.times.backward), optimiser.push_back(result.times.optimiser);
        total.push_back(end - start);
        clipped += std::max(result.grad_norm_decay, result.grad_norm_rest) > step.options().clip;
    }

    const double step_seconds = mean(total), steps = static_cast<double>(options.steps);
    const double real = static_cast<double>(tokens.sequence) / steps,
                 padded = static_cast<double>(tokens.padded) / steps;
    Json out = Json::object();
    out["layers"] = options.layers;
    out["dim"] = options.dim;
    out["heads"] = options.heads;
    out["batch"] = options.batch;
    out["steps"] = options.steps;
    out["threads"] = at::get_num_threads();
    out["parameters"] = nets::count_elements(model.parameters());
    out["trained_parameters"] = optimizer.trained_elements();
    out["seconds_per_step"] = step_seconds;
    out["seconds_per_step_min"] = *std::min_element(total.begin(), total.end());
    out["seconds_per_step_max"] = *std::max_element(total.begin(), total.end());
    out["parts"] = {{"data", mean(data)},
                    {"conditioning", mean(conditioning)},
                    {"forward", mean(forward)},
                    {"backward", mean(backward)},
                    {"clip_and_optimiser", mean(optimiser)}};
    out["clips_per_second"] = options.batch / step_seconds;
    out["tokens_per_step"] = {{"real", real}, {"padded", padded}};
    out["tokens_per_second"] = {{"real", real / step_seconds}, {"padded", padded / step_seconds}};
    out["gflops_6nt"] = useful * real / step_seconds;
    out["gemm_peak_gflops"] = *std::max_element(gemm.begin(), gemm.end());
    out["gemm_mean_gflops"] = mean(gemm);
    out["share_of_gemm_peak"] = mean(share);  // of the peak measured around each step
    out["peak_memory_mib"] = peak_memory_mib();
    out["optimiser_state_mib"] = optimizer.state_bytes() / 1048576;
    out["arena"] = arena;
    out["arena_mib"] = static_cast<double>(arena_use().touched) / 1048576;
    out["clipped_steps"] = clipped;
    out["grad_norm_last"] = result.grad_norm_decay;
    out["once"] = once;
    return out;
}

}  // namespace testudo::training
