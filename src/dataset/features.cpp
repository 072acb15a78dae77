#include "dataset/features.h"

#include <cmath>

#include "audio/mel.h"
#include "audio/training_wave.h"
#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/random.h"
#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "text/tokenizer.h"

namespace testudo::dataset {

namespace {

constexpr const char* format_version = "features 1";
constexpr std::int64_t samples_per_code = 1024;
// The encoder looks this far past a code's own end; there it must see silence, as while DLAS trains, not the
// convolutions' zero padding.
constexpr std::int64_t look_ahead = 8 * samples_per_code;

at::Tensor padded(const at::Tensor& wave, std::int64_t samples) {
    return at::constant_pad_nd(wave, {0, samples - wave.size(0)});
}

// wave [samples] at 22.05 kHz.
ClipFeatures compute(const at::Tensor& wave, const nets::Dvae& dvae, bool dlas) {
    const std::int64_t samples = wave.size(0), codes = (samples + samples_per_code - 1) / samples_per_code;
    const at::Tensor all =
        padded(wave, dlas ? longest_clip_samples : codes * samples_per_code + look_ahead).unsqueeze(0);
    const at::Device device = dvae.parameters().front().second.device();
    const at::Tensor mel = audio::tortoise_mel(all.to(device));
    at::Tensor found = dvae.codes(mel)[0];
    if (!dlas) found = found.narrow(0, 0, codes);
    const std::int64_t frames = 1 + samples / audio::tortoise_hop;
    return {mel[0].narrow(1, 0, frames).to(at::kCPU).contiguous(), found.to(at::kCPU).contiguous()};
}

// What the features of all clips depend on.
std::string common_key(const nets::Dvae& dvae, const FeatureOptions& options) {
    return cat(format_version, options.dlas ? " dlas " : " own length ", weights_hash(dvae));
}

std::string clip_key(const std::string& common, const std::string& clip_hash) {
    return sha256(cat(common, ' ', clip_hash));
}

void leave_when_asked() {
    if (stop_requested())
        throw Error(ErrorKind::interrupted, "stopped while the clips were prepared",
                    "Start again: what was computed is kept.");
}

}  // namespace

at::Tensor load_wave(const fs::path& list, const Line& line) {
    try {
        return audio::load_training_wave(audio_path(list, line));
    } catch (const Error& error) {
        throw Error(error.kind(), cat(list, ":", line.number, ": ", error.what()), error.hint());
    }
}

std::string refusal_of_text(const text::Encoded& encoded) {
    if (!encoded.unknown.empty()) return cat("the tokenizer does not know ", join(encoded.unknown, " "));
    if (encoded.ids.empty() || encoded.ids.size() > static_cast<std::size_t>(longest_text_tokens))
        return cat("its text has ", encoded.ids.size(), " tokens, not 1 to ", longest_text_tokens);
    return {};
}

std::string refusal_of_clip(const at::Tensor& wave, double min_seconds) {
    const std::int64_t samples = wave.size(0);
    const double seconds = static_cast<double>(samples) / training_rate;
    const auto rounded = [](double value) { return std::round(value * 100) / 100; };
    if (samples == 0 || seconds < min_seconds)
        return cat("the clip lasts ", rounded(seconds), " s, too short",
                   min_seconds > 0 ? cat(": from ", min_seconds, " s on") : "");
    if (samples > longest_clip_samples)
        return cat("the clip lasts ", rounded(seconds), " s, too long: up to ", rounded(longest_clip_seconds),
                   " s");
    if (wave.abs().max().item<float>() == 0) return "the clip is silent";
    return {};
}

std::string weights_hash(const nets::Dvae& dvae) {
    std::string all;
    for (const auto& [name, tensor] : dvae.parameters()) {
        const at::Tensor here = tensor.detach().to(at::kCPU).contiguous();
        all += cat(name, here.sizes(), here.scalar_type());
        all += sha256({static_cast<const char*>(here.const_data_ptr()), here.nbytes()});
    }
    return sha256(all);
}

void fill_cache(const fs::path& list, const fs::path& cache_folder, const nets::Dvae& dvae,
                const FeatureOptions& options, Events& events, int part, int parts) {
    const at::NoGradGuard no_grad;
    const FeatureCache cache(cache_folder);
    const std::string common = common_key(dvae, options);
    const std::vector<Line> lines = read_lines(list, true);
    const auto count = static_cast<int>(lines.size());
    for (int i = part; i < count; i += parts) {
        leave_when_asked();
        events.progress("features", i, count, "clips");
        const Line& line = lines[static_cast<std::size_t>(i)];
        const fs::path file = audio_path(list, line);
        const std::string key = clip_key(common, sha256_of_file(file));
        std::string damage;
        if (cache.find(key, &damage)) continue;
        try {
            const at::Tensor wave = audio::load_training_wave(file);
            if (refusal_of_clip(wave, options.min_seconds).empty())
                cache.store(key, compute(wave, dvae, options.dlas));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
        }
    }
}

Features::Features(const fs::path& list, const fs::path& cache_folder, const nets::Dvae& dvae,
                   const text::Tokenizer& tokenizer, FeatureOptions options, Events& events,
                   bool may_be_empty)
    : options_(options) {
    const at::NoGradGuard no_grad;
    silence_ = audio::tortoise_mel(at::zeros({1, audio::tortoise_n_fft}))[0].select(1, 0).contiguous();
    const FeatureCache cache(cache_folder);
    const std::string common = common_key(dvae, options);
    std::string order;

    const auto reject = [&](const Line& line, double seconds, const std::string& reason) {
        rejected_.push_back({line.audio, {}, {}, seconds, line.text, reason});
        events.warning(cat(list, ":", line.number, " is left out: ", reason, " (", line.audio, ")"));
    };
    const std::vector<Line> lines = read_lines(list, may_be_empty);
    std::size_t done = 0;
    for (const Line& line : lines) {
        leave_when_asked();
        events.progress("features", static_cast<double>(done++), static_cast<double>(lines.size()), "clips");

        Item item;
        item.line = line;
        item.audio = audio_path(list, line);
        text::Encoded encoded;
        try {
            encoded = tokenizer.encode(line.text);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            reject(line, 0, error.what());
            continue;
        }
        if (const std::string why = refusal_of_text(encoded); !why.empty()) {
            reject(line, 0, why);
            continue;
        }
        if (!encoded.dropped.empty())
            events.warning(cat(
                list, ":", line.number,
                ": these characters have no reading and are not trained on: ", join(encoded.dropped, " ")));
        item.text = std::move(encoded.ids);

        const at::Tensor wave = load_wave(list, item.line);
        item.samples = wave.size(0);
        const double seconds = static_cast<double>(item.samples) / training_rate;
        if (const std::string why = refusal_of_clip(wave, options.min_seconds); !why.empty()) {
            reject(line, seconds, why);
            continue;
        }
        const std::string clip_hash = sha256_of_file(item.audio);
        const std::string key = clip_key(common, clip_hash);
        std::string damage;
        if (auto found = cache.find(key, &damage)) {
            item.clip = std::move(*found);
        } else {
            if (!damage.empty()) events.warning(cat("computed again, the cache is damaged: ", damage));
            item.clip = compute(wave, dvae, options.dlas);
            cache.store(key, item.clip);
            ++computed_;
        }
        order += sha256(cat(clip_hash, ' ', line.text));
        lengths_.push_back(static_cast<int>(item.text.size()) + static_cast<int>(item.clip.codes.size(0)));
        seconds_ += seconds;
        items_.push_back(std::move(item));
    }
    events.progress("features", static_cast<double>(done), static_cast<double>(lines.size()), "clips");
    fingerprint_ = sha256(order);
    if (items_.empty() && !may_be_empty)
        throw input_error(
            cat("none of the ", lines.size(), " lines of ", list, " can be trained on; the first, ",
                rejected_[0].file, ", because: ", rejected_[0].reason),
            "Correct the lines named above, or make the dataset again.");
}

at::Tensor Features::conditioning_mel(const Item& item, std::uint64_t draw) const {
    const std::int64_t wanted = options_.conditioning_samples;
    if (options_.dlas) {
        const at::Tensor wave = audio::load_training_wave(item.audio);
        const std::int64_t spare = wave.size(0) - wanted;
        const at::Tensor crop =
            spare < 0
                ? padded(wave, wanted)
                : wave.narrow(
                      0, static_cast<std::int64_t>(Random(draw).below(static_cast<std::uint64_t>(spare) + 1)),
                      wanted);
        return audio::tortoise_mel(crop.unsqueeze(0))[0];
    }
    const std::int64_t frames = 1 + wanted / audio::tortoise_hop;
    const std::int64_t spare = item.clip.mel.size(1) - frames;
    if (spare < 0) return at::cat({item.clip.mel, silence_.unsqueeze(1).expand({-1, -spare})}, 1);
    const auto from = static_cast<std::int64_t>(Random(draw).below(static_cast<std::uint64_t>(spare) + 1));
    return item.clip.mel.narrow(1, from, frames).clone();
}

nets::Example Features::example(int index, std::uint64_t seed) const {
    const at::NoGradGuard no_grad;
    const Item& item = items_.at(static_cast<std::size_t>(index));
    nets::Example out;
    out.text = item.text;
    out.codes = item.clip.codes;
    out.samples = item.samples;
    Random random(seed);
    for (int i = 0; i < options_.conditioning_clips; ++i)
        out.conditioning.push_back(conditioning_mel(item, random.next()));
    return out;
}

}  // namespace testudo::dataset
