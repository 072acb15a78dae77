#include "training/measure_memory.h"

#include <ATen/DeviceAccelerator.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "core/available_memory.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "training/activation_memory.h"
#include "training/allocator.h"
#include "training/base_model.h"
#include "training/step_parts.h"
#include "training/world.h"

namespace testudo::training {

namespace {

constexpr std::int64_t samples_per_code = 1024, padded_samples = 255995;
constexpr std::int64_t conditioning_frames = 172;
constexpr double margin = 0.9;  // of what is available: other programs go on living

bool lean(const Config& config, std::int64_t trained) {
    if (config.step.memory != GradientMemory::automatic) return config.step.memory == GradientMemory::lean;
    return trained > (std::int64_t{1} << 28);
}

// Gradients of ranks wait for those of the others, in full.
double waiting_bytes(const TrainedSizes& sizes, const Config& config, const World& world) {
    return world.size > 1 && lean(config, sizes.trained) ? 4.0 * static_cast<double>(sizes.trained) : 0;
}

std::int64_t codes_of(const Config& config, const ClipLength& clip) {
    const bool whole =
        config.step.form.objective == nets::Objective::dlas && config.step.form.tortoise_compat;
    return ((whole ? padded_samples : clip.samples) + samples_per_code - 1) / samples_per_code;
}

nets::Example made_up(const Config& config, const ClipLength& clip) {
    nets::Example example;
    const int words = std::max(1, config.model.number_text_tokens - 4);
    for (int i = 0; i < clip.text; ++i)
        example.text.push_back(std::min(3 + i % words, config.model.number_text_tokens - 1));
    example.codes = at::arange(codes_of(config, clip), at::kLong).remainder(config.model.start_mel_token);
    for (int i = 0; i < config.model.max_conditioning_inputs; ++i)
        example.conditioning.push_back(
            at::sin(at::arange(80 * conditioning_frames, at::kFloat)).view({80, conditioning_frames}));
    example.samples = clip.samples;
    return example;
}

class Meter {
  public:
    Meter(at::Device device, const World& world) : device_(device) {
        if (device.is_cpu()) {
            const AvailableMemory room = available_memory("/", world.local_size);
            available_ = room.bytes + resident_bytes();
            limit_ = room.limit;
        } else {
            const auto [free, total] = at::accelerator::getMemoryInfo(index());
            available_ = static_cast<double>(free) + allocated().current;
            limit_ = cat("the memory of ", device.str(), " (", human_bytes(static_cast<double>(total)), ")");
        }
    }
    double available() const { return available_; }
    const std::string& limit() const { return limit_; }
    void begin() {
        if (device_.is_cpu())
            reset_peak_resident();
        else
            at::accelerator::resetPeakStats(index());
    }
    double peak() const { return device_.is_cpu() ? peak_resident_bytes() : allocated().peak; }
    double now() const { return device_.is_cpu() ? resident_bytes() : allocated().current; }

  private:
    struct Bytes {
        double current = 0, peak = 0;
    };
    c10::DeviceIndex index() const { return device_.has_index() ? device_.index() : c10::DeviceIndex{0}; }
    Bytes allocated() const {
        const auto stats = at::accelerator::getDeviceStats(index());
        const auto& reserved = stats.reserved_bytes[0];
        return {static_cast<double>(reserved.current), static_cast<double>(reserved.peak)};
    }

    at::Device device_;
    double available_ = 0;
    std::string limit_;
};

double length(const Config& config, const ClipLength& clip) {
    return static_cast<double>(clip.text) + static_cast<double>(codes_of(config, clip));
}

}  // namespace

double fixed_bytes(const TrainedSizes& sizes, const Config& config) {
    const double gradients = lean(config, sizes.trained) ? 2 : 4;
    return sizes.moments + 4 * static_cast<double>(sizes.model + sizes.adapters) +
           static_cast<double>(sizes.trained) * ((config.ema_rate > 0 ? 4 : 0) + gradients);
}

std::string memory_limit(const Config& config, at::Device device) {
    const Meter meter(device, world_of(config));
    return cat(human_bytes(meter.available()), " (", meter.limit(), ")");
}

std::string memory_remedy(const Config& config, bool parts, bool checkpointing) {
    std::vector<std::string> left;
    if (parts) left.emplace_back("raise gradient_accumulation_size");
    if (!checkpointing) left.emplace_back("switch checkpointing on");
    if (config.lora.rank == 0) left.emplace_back("train adapters (lora_rank)");
    if (config.step.memory == GradientMemory::full) left.emplace_back("choose gradient_memory lean");
    left.emplace_back("choose a smaller model, give it more memory or close other programs");
    std::string text = join(left, ", or ") + ".";
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
    return text;
}

MemoryNeed foretell_memory(const Config& config, const TrainedSizes& sizes, at::Device device, double held,
                           const std::vector<int>& lengths) {
    const World world = world_of(config);
    const Meter meter(device, world);
    MemoryNeed need;
    need.available = meter.available();
    need.limit = meter.limit();
    need.fixed = fixed_bytes(sizes, config) + waiting_bytes(sizes, config, world);
    need.needed = meter.now() + need.fixed - held;
    need.checkpointing = config.step.checkpointing;
    if (lengths.empty()) return need;
    const std::vector<int> longest = longest_micro_batch(config, lengths, world.size);
    need.micro_batch = static_cast<std::int64_t>(longest.size());
    if (config.checkpointing == Checkpointing::automatic)
        need.checkpointing = need.needed + activation_bytes(config, longest, false) > margin * need.available;
    need.needed += activation_bytes(config, longest, need.checkpointing);
    return need;
}

MemoryNeed measure_memory(const Config& config, const fs::path& weights, std::vector<ClipLength> clips,
                          at::Device device, Events& events) {
    const auto start = std::chrono::steady_clock::now();
    std::stable_sort(clips.begin(), clips.end(), [&](const ClipLength& a, const ClipLength& b) {
        return length(config, a) > length(config, b);
    });
    const auto lines = static_cast<std::int64_t>(clips.size());
    const std::int64_t batch = std::min(config.batch_size, lines);
    const World world = world_of(config);
    const PartSizes sizes_of_parts =
        part_sizes(batch, config.accumulation, config.step.form.objective, world.size);
    const std::int64_t micro = sizes_of_parts.clips, parts = sizes_of_parts.parts;
    const at::NoGradGuard no_grad;
    Meter meter(device, world);

    MemoryNeed need;
    need.available = meter.available();
    need.limit = meter.limit();
    need.micro_batch = micro;
    nets::UnifiedVoice model = load_model(weights, config.model, device, to_utf8(config.yaml.native()));
    const Trainable trainable = make_trainable(model, config);
    AdamW optimizer(trainable.parameters, config.adamw, EmaOptions{config.ema_rate, false}, trainable.frozen);
    const TrainedSizes sizes = sizes_of(model, optimizer);
    const double waiting = waiting_bytes(sizes, config, world);
    need.fixed = fixed_bytes(sizes, config) + waiting;
    std::vector<int> lengths;
    for (const ClipLength& clip : clips) lengths.push_back(static_cast<int>(length(config, clip)));
    const double held =
        4.0 * static_cast<double>(sizes.model + sizes.adapters + (config.ema_rate > 0 ? sizes.trained : 0));
    need.checkpointing = foretell_memory(config, sizes, device, held, lengths).checkpointing;
    StepOptions options = config.step;
    options.precision = precision_on(config.precision, config.half_precision, device);
    Step step(model, optimizer, options);
    step.set_checkpointing(need.checkpointing);

    std::vector<double> tokens(static_cast<std::size_t>(lines) + 1);  // of the first n clips
    for (std::int64_t i = 0; i < lines; ++i)
        tokens[static_cast<std::size_t>(i) + 1] =
            tokens[static_cast<std::size_t>(i)] + length(config, clips[static_cast<std::size_t>(i)]);
    const auto run = [&](std::int64_t count) {
        if (stop_requested()) throw Error(ErrorKind::interrupted, "stopped while measuring", "Start again.");
        events.progress("measure", static_cast<double>(count), static_cast<double>(micro), "clips");
        nets::Batch longest;
        for (std::int64_t i = 0; i < count; ++i)
            longest.push_back(made_up(config, clips[static_cast<std::size_t>(i)]));
        // A second part shows what waiting gradients take; more take nothing more.
        const std::vector<nets::Batch> all(parts > 1 ? 2 : 1, longest);
        meter.begin();
        need.loss = step.run(all, config.schedule.base_rate, config.seed, 1).total;
        return meter.peak() + waiting;
    };
    double one = 0, per_token = 0;
    const auto foretold = [&](std::int64_t count) {
        return one + per_token * (tokens[static_cast<std::size_t>(count)] - tokens[1]);
    };
    try {
        need.needed = one = run(1);
        need.measured = true;
        if (micro > 1) {
            need.needed = run(2);
            per_token = std::max(0.0, need.needed - one) / (tokens[2] - tokens[1]);
        }
        need.fitting = 0;
        // One clip alone tells nothing of more.
        while (*need.fitting < (micro > 1 ? batch : 1) &&
               foretold(*need.fitting + 1) <= margin * need.available)
            ++*need.fitting;
        if (micro > 2) {
            need.measured = foretold(micro) <= need.available;
            need.needed = need.measured ? run(micro) : foretold(micro);
        }
    } catch (const std::exception& error) {
        if (!is_out_of_memory(error)) throw;
        need.needed = std::max(foretold(micro), need.available + 1);
        need.fitting = need.fitting.value_or(0);
        need.measured = false;
        need.refused = true;
    }
    need.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return need;
}

}  // namespace testudo::training
