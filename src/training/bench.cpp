#include "training/bench.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <numeric>
#include <optional>

#include "audio/mel.h"
#include "audio/training_wave.h"
#include "core/error.h"
#include "core/strings.h"
#include "nets/block_math.h"
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

double processor_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Times of one thing, on the clock and of all processors together.
struct Spent {
    double clock = 0, processors = 0;
};
template <class Act>
Spent spent_on(const Act& act) {
    const double clock = seconds(), processors = processor_seconds();
    act();
    return {seconds() - clock, processor_seconds() - processors};
}

// GFLOP/s of large float32 matrix products, the best of three: by the clock, and by each processor's time.
struct Peak {
    double clock = 0, processor = 0;
};
class GemmPeak {
  public:
    explicit GemmPeak(bool plain)
        : a_(at::rand({side, side})),
          b_(at::rand({side, side})),
          out_(at::empty({side, side})),
          plain_(plain) {
        at::mm_out(out_, a_, b_);
    }
    Peak libtorch() {
        return best([&] { at::mm_out(out_, a_, b_); });
    }
    // The better of libtorch's products and our own.
    Peak measure() {
        Peak peak = libtorch();
        if (plain_) return peak;
        const Peak own = best([&] { nets::product_out(out_, a_, b_, {}); });
        return {std::max(peak.clock, own.clock), std::max(peak.processor, own.processor)};
    }

  private:
    template <class Act>
    Peak best(const Act& act) {
        Peak peak;
        for (int i = 0; i < 3; ++i) {
            const Spent spent = spent_on(act);
            constexpr double work = 2e-9 * side * side * side;
            peak.clock = std::max(peak.clock, work / spent.clock);
            peak.processor = std::max(peak.processor, work / spent.processors);
        }
        return peak;
    }

    static constexpr std::int64_t side = 2048;
    at::Tensor a_, b_, out_;
    bool plain_;
};

}  // namespace

Json bench_training(const BenchOptions& options, Events& events) {
    if (options.threads > 0) at::set_num_threads(options.threads);
    const bool arena = use_training_allocator();
    std::optional<nets::PlainMath> plain;
    if (options.plain) plain.emplace();
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
                                                    : GradientMemory::automatic,
               .precision =
                   options.precision == "bfloat16" ? nets::Precision::bfloat16 : nets::Precision::float32});
    GemmPeak gemm_peak(options.plain);
    // A token: two passes through every weight, a third for gradients of the trained ones.
    const double useful = 4e-9 * static_cast<double>(nets::count_elements(model.parameters())) +
                          2e-9 * static_cast<double>(optimizer.trained_elements());

    std::vector<double> data, conditioning, forward, backward, optimiser, total, processors, share,
        processor_share;
    std::vector<Peak> gemm;
    nets::TokenCounts tokens;
    std::int64_t clipped = 0;
    StepResult result;
    for (int i = 0; i <= options.steps; ++i) {
        const double start = seconds();
        const nets::Batch batch = batch_of(
            clips, static_cast<std::size_t>(i) * static_cast<std::size_t>(options.batch), options.batch);
        const double ready = seconds();
        const Spent spent = spent_on([&] {
            result = step.run({&batch, 1}, 1e-5, static_cast<std::uint64_t>(i) + 1, i + 1);
        });
        gemm.push_back(gemm_peak.measure());
        events.progress("bench", i, options.steps, "steps");
        if (i == 0) continue;  // memory is mapped and kernels are made in the first
        const nets::TokenCounts count = nets::count_tokens(config, batch, {});
        tokens.sequence += count.sequence, tokens.padded += count.padded;
        // Machines that are shared change their speed from one second to the next: compare neighbours.
        const Peak &before = gemm[gemm.size() - 2], &after = gemm.back();
        const double work = useful * static_cast<double>(count.sequence);
        share.push_back(work / spent.clock / std::max(before.clock, after.clock));
        processor_share.push_back(work / spent.processors / std::max(before.processor, after.processor));
        data.push_back(ready - start);
        conditioning.push_back(result.times.conditioning), forward.push_back(result.times.forward);
        backward.push_back(result.times.backward), optimiser.push_back(result.times.optimiser);
        total.push_back(spent.clock);
        processors.push_back(spent.processors);
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
    out["precision"] = options.precision;
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
    const auto by_clock = [](const Peak& a, const Peak& b) { return a.clock < b.clock; };
    out["gemm_peak_gflops"] = std::max_element(gemm.begin(), gemm.end(), by_clock)->clock;
    out["gemm_peak_libtorch_gflops"] = gemm_peak.libtorch().clock;
    out["share_of_gemm_peak"] = mean(share);  // of the peak measured around each step
    out["share_best"] = *std::max_element(share.begin(), share.end());
    // The same by processor seconds, which others on the machine disturb less.
    out["processor_seconds_per_step"] = mean(processors);
    out["share_by_processor_time"] = mean(processor_share);
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
