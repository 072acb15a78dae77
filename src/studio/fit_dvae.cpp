#include "studio/fit_dvae.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <random>

#include "audio/mel.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "nets/dvae.h"
#include "studio/vector_quantiser.h"

namespace testudo::studio {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The training form of nets::Dvae: the same parameters (shared memory), with gradients.
class Network {
  public:
    explicit Network(const nets::Dvae& dvae) : config_(dvae.config()) {
        for (const auto& [name, tensor] : dvae.parameters()) {
            if (name.starts_with("codebook.")) continue;
            leaves_.emplace_back(name, tensor.detach().requires_grad_(true));
        }
    }

    std::vector<at::Tensor> leaves() const {
        std::vector<at::Tensor> out;
        for (const auto& leaf : leaves_) out.push_back(leaf.second);
        return out;
    }

    at::Tensor encode(at::Tensor x) const {  // [b, 80, t] -> [b, codebook_dim, t/4]
        int i = 0;
        for (; i < config_.num_layers; ++i) x = at::relu(conv(x, cat("encoder.", i, ".0"), 2));
        for (int r = 0; r < config_.num_resnet_blocks; ++r, ++i) x = residual(x, cat("encoder.", i));
        return conv(x, cat("encoder.", i));
    }

    at::Tensor decode(at::Tensor x) const {  // [b, codebook_dim, n] -> [b, 80, 4 n]
        int i = 0;
        if (config_.num_resnet_blocks > 0) x = conv(x, cat("decoder.", i++));
        for (int r = 0; r < config_.num_resnet_blocks; ++r, ++i) x = residual(x, cat("decoder.", i));
        for (int l = 0; l < config_.num_layers; ++l, ++i)
            x = at::relu(conv(x.repeat_interleave(2, 2), cat("decoder.", i, ".0.conv")));
        return conv(x, cat("decoder.", i));
    }

  private:
    const at::Tensor& leaf(const std::string& name) const {
        const auto found = std::find_if(leaves_.begin(), leaves_.end(),
                                        [&](const auto& item) { return item.first == name; });
        if (found == leaves_.end())
            throw Error(ErrorKind::internal, cat("the DVAE has no ", name), "Report this defect.");
        return found->second;
    }
    at::Tensor conv(const at::Tensor& x, const std::string& name, int stride = 1) const {
        const at::Tensor& weight = leaf(name + ".weight");
        return at::conv1d(x, weight, leaf(name + ".bias"), stride, (weight.size(2) - 1) / 2);
    }
    at::Tensor residual(const at::Tensor& x, const std::string& name) const {
        const at::Tensor inner = at::relu(conv(at::relu(conv(x, name + ".net.0")), name + ".net.2"));
        return conv(inner, name + ".net.4") + x;
    }

    nets::DvaeConfig config_;
    nets::Parameters leaves_;
};

class Adam {
  public:
    explicit Adam(std::vector<at::Tensor> leaves) : leaves_(std::move(leaves)) {
        for (const auto& leaf : leaves_) {
            first_.push_back(at::zeros_like(leaf.detach()));
            second_.push_back(at::zeros_like(leaf.detach()));
            steps_.push_back(at::zeros({}, leaf.options().requires_grad(false)));
        }
    }
    void step(double learning_rate) {
        const at::NoGradGuard no_grad;
        std::vector<at::Tensor> gradients;
        for (auto& leaf : leaves_) gradients.push_back(leaf.grad());
        const double norm = at::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
        if (std::isfinite(norm)) {
            if (norm > 1) at::_foreach_mul_(gradients, 1 / norm);
            at::_foreach_add_(steps_, 1);
            at::_fused_adam_(leaves_, gradients, first_, second_, {}, steps_, learning_rate, 0.9, 0.99, 0.0,
                             1e-8, false, false);
        }
        for (auto& leaf : leaves_) leaf.mutable_grad().reset();
    }

  private:
    std::vector<at::Tensor> leaves_, first_, second_, steps_;
};

// [80, frames] of digital silence.
at::Tensor silence(std::int64_t frames) {
    return (at::full({audio::tortoise_mels, 1}, std::log(1e-5)) / audio::mel_norms().unsqueeze(1))
        .expand({-1, frames});
}

// Random crops of all clips, each frame as likely as any other.
class Crops {
  public:
    Crops(std::span<const at::Tensor> mels, std::int64_t frames, std::uint64_t seed) : random_(seed) {
        std::vector<double> lengths;
        for (const auto& mel : mels) {
            const std::int64_t missing = frames - mel.size(1);
            mels_.push_back(missing > 0 ? at::cat({mel, silence(missing).to(mel.device())}, 1) : mel);
            lengths.push_back(static_cast<double>(mel.size(1)));
        }
        choose_ = std::discrete_distribution<std::size_t>(lengths.begin(), lengths.end());
        frames_ = frames;
    }
    at::Tensor batch(int count) {  // [count, 80, frames]
        std::vector<at::Tensor> crops;
        for (int i = 0; i < count; ++i) {
            const at::Tensor& mel = mels_[choose_(random_)];
            const auto room = static_cast<std::uint64_t>(mel.size(1) - frames_ + 1);
            crops.push_back(mel.narrow(1, static_cast<std::int64_t>(random_() % room), frames_));
        }
        return at::stack(crops);
    }

  private:
    std::vector<at::Tensor> mels_;
    std::discrete_distribution<std::size_t> choose_;
    std::mt19937_64 random_;
    std::int64_t frames_ = 0;
};

struct Quality {
    double error = 0, used = 0, perplexity = 0;
};
Quality measure(const nets::Dvae& dvae, std::span<const at::Tensor> mels) {
    const at::NoGradGuard no_grad;
    at::Tensor counts = at::zeros({dvae.config().num_tokens}, at::kDouble);
    double error = 0, frames = 0;
    for (const auto& mel : mels) {
        const at::Tensor codes = dvae.codes(mel.unsqueeze(0));
        const at::Tensor decoded = dvae.decode(codes).narrow(2, 0, mel.size(1)).squeeze(0);
        error += (decoded - mel).abs().mean(0).sum().item<double>();
        frames += static_cast<double>(mel.size(1));
        counts += at::bincount(codes.flatten().cpu(), {}, counts.size(0)).to(at::kDouble);
    }
    const at::Tensor p = counts / counts.sum();
    const at::Tensor entropy = -(p * p.clamp_min(1e-12).log()).sum();
    return {error / frames, (counts > 0).sum().item<double>(), std::exp(entropy.item<double>())};
}

const at::Tensor& buffer(const nets::Dvae& dvae, const std::string& name) {
    for (const auto& [key, tensor] : dvae.parameters())
        if (key == name) return tensor;
    throw Error(ErrorKind::internal, cat("the DVAE has no ", name), "Report this defect.");
}

void store_codebook(nets::Dvae& dvae, const VectorQuantiser& quantiser) {
    const at::NoGradGuard no_grad;
    buffer(dvae, "codebook.embed").detach().copy_(quantiser.codebook().t());
    buffer(dvae, "codebook.cluster_size").detach().copy_(quantiser.counts());
    buffer(dvae, "codebook.embed_avg").detach().copy_(quantiser.sums().t());
}

void check(std::span<const at::Tensor> mels, const FitDvaeOptions& options) {
    if (mels.empty())
        throw input_error("there are no clips to fit the DVAE to", "Prepare the dataset first.");
    for (const auto& mel : mels)
        if (mel.dim() != 2 || mel.size(0) != audio::tortoise_mels || mel.size(1) < 4 ||
            !at::isfinite(mel).all().item<bool>())
            throw input_error("a mel spectrogram is not [80, 4 or more frames] of finite numbers",
                              "Check the clips of the dataset.");
    if (options.batch < 1 || options.frames < 4 || options.frames % 4 != 0 || options.steps < 1 ||
        !(options.seconds >= 0) || !(options.learning_rate > 0))
        throw usage_error("fitting needs a batch and steps of 1 or more and frames that are a multiple of 4",
                          "Correct the options.");
}

}  // namespace

FitDvaeResult fit_dvae(nets::Dvae& dvae, std::span<const at::Tensor> clips, const FitDvaeOptions& options,
                       Events& events) {
    check(clips, options);
    const at::Device device = buffer(dvae, "codebook.embed").device();
    std::vector<at::Tensor> mels;
    for (const auto& clip : clips) mels.push_back(clip.to(device, at::kFloat));
    FitDvaeResult result;
    result.error_before = measure(dvae, mels).error;
    const auto start = Clock::now();

    Network network(dvae);
    Adam adam(network.leaves());
    Crops crops(mels, options.frames, options.seed);
    VectorQuantiser quantiser(dvae.config().num_tokens, dvae.config().codebook_dim, options.decay,
                              options.seed, device);
    // Without quantisation at first: codes can only be placed once encodings mean something.
    constexpr double free_share = 0.2;
    double shown = 0;
    for (double share = 0; share < 1;) {
        if (stop_requested())
            throw Error(ErrorKind::interrupted, "stopped while fitting the DVAE", "Start it again.");
        const bool quantised = share >= free_share;
        if (quantised && !quantiser.placed()) {
            const at::NoGradGuard no_grad;
            std::vector<at::Tensor> encodings;
            for (const auto& mel : mels) encodings.push_back(network.encode(mel.unsqueeze(0)).squeeze(0).t());
            quantiser.place(at::cat(encodings));
        }
        const at::Tensor mel = crops.batch(options.batch);
        const at::Tensor encoded = network.encode(mel);
        at::Tensor latent = encoded, loss;
        if (quantised) {
            const at::Tensor flat = encoded.transpose(1, 2).reshape({-1, encoded.size(1)});
            const at::Tensor nearest = quantiser.step(flat.detach());
            const at::Tensor chosen = nearest.view({encoded.size(0), encoded.size(2), -1}).transpose(1, 2);
            loss = options.commitment * at::mse_loss(encoded, chosen);
            latent = encoded + (chosen - encoded).detach();
        }
        const at::Tensor error = at::l1_loss(network.decode(latent), mel);
        loss = loss.defined() ? loss + error : error;
        loss.backward();
        const double warm = std::min(1.0, (static_cast<double>(result.steps) + 1) / 30);
        const double fall = 0.03 + 0.97 * 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, share)));
        adam.step(options.learning_rate * warm * fall);
        ++result.steps;

        const double seconds = since(start);
        share = static_cast<double>(result.steps) / static_cast<double>(options.steps);
        if (options.seconds > 0) share = std::max(share, seconds / options.seconds);
        if (result.steps % 20 == 0 || share >= 1) {
            const double value = error.item<double>();
            events.metric({{"mode", "fit dvae"}, {"it", result.steps}, {"mel_error", value}});
            if (seconds - shown > 0.5 || share >= 1) {
                shown = seconds;
                Json extra{{"what", cat("mel error ", std::round(value * 1000) / 1000)}};
                if (share > 0) extra["eta_seconds"] = seconds * std::max(0.0, 1 - share) / share;
                events.progress("fit dvae", 100 * std::min(1.0, share), 100, "%", extra);
            }
        }
    }
    if (!quantiser.placed()) {  // so few steps that the quantised part never came
        const at::NoGradGuard no_grad;
        std::vector<at::Tensor> encodings;
        for (const auto& mel : mels) encodings.push_back(network.encode(mel.unsqueeze(0)).squeeze(0).t());
        quantiser.place(at::cat(encodings));
    }
    store_codebook(dvae, quantiser);
    const Quality quality = measure(dvae, mels);
    result.error_after = quality.error;
    result.used_codes = quality.used;
    result.perplexity = quality.perplexity;
    result.seconds = since(start);
    return result;
}

Json to_json(const FitDvaeResult& result) {
    return {{"steps", result.steps},
            {"seconds", result.seconds},
            {"mel_error_before", result.error_before},
            {"mel_error_after", result.error_after},
            {"used_codes", result.used_codes},
            {"perplexity", result.perplexity}};
}

}  // namespace testudo::studio
