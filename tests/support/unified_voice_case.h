#pragma once
// Reads the reference cases of UnifiedVoice: weights, batches and tolerances.
#include "nets/unified_voice_pass.h"
#include "support/golden.h"
#include "tensors/safetensors.h"

namespace testudo::test {

inline nets::UnifiedVoiceConfig config_from(const Json& kwargs) {
    nets::UnifiedVoiceConfig c;
    const auto take = [&](const char* key, int& value) { value = kwargs.value(key, value); };
    take("layers", c.layers), take("model_dim", c.model_dim), take("heads", c.heads);
    take("max_text_tokens", c.max_text_tokens), take("max_mel_tokens", c.max_mel_tokens);
    take("max_conditioning_inputs", c.max_conditioning_inputs);
    take("mel_length_compression", c.mel_length_compression);
    take("number_text_tokens", c.number_text_tokens), take("start_text_token", c.start_text_token);
    take("number_mel_codes", c.number_mel_codes);
    take("start_mel_token", c.start_mel_token), take("stop_mel_token", c.stop_mel_token);
    return c;
}

struct VoiceCase {
    const GoldenCase& golden;
    tensors::NamedTensors tensors;

    explicit VoiceCase(const GoldenCase& given)
        : golden(given), tensors(tensors::read_safetensors(given.folder / (given.name + ".safetensors"))) {}

    nets::Find weights(const std::string& prefix) const {
        return [this, prefix](const std::string& name) { return tensors.find(prefix + name); };
    }

    // Batch PREFIX{padded_text, text_lengths, paired_mel_codes, wav_lengths, paired_conditioning_mel}.
    nets::Batch batch(const std::string& prefix) const {
        const at::Tensor text = tensors.at(prefix + "padded_text").to(at::kInt).contiguous();
        const at::Tensor lengths = tensors.at(prefix + "text_lengths"),
                         codes = tensors.at(prefix + "paired_mel_codes");
        const at::Tensor samples = tensors.at(prefix + "wav_lengths"),
                         mels = tensors.at(prefix + "paired_conditioning_mel");
        nets::Batch batch;
        for (std::int64_t i = 0; i < text.size(0); ++i) {
            nets::Example example;
            const int* ids = text[i].data_ptr<int>();
            example.text.assign(ids, ids + lengths[i].item<std::int64_t>());
            example.codes = codes[i];
            example.samples = samples[i].item<std::int64_t>();
            for (std::int64_t clip = 0; clip < mels.size(1); ++clip)
                example.conditioning.push_back(mels[i][clip]);
            batch.push_back(std::move(example));
        }
        return batch;
    }

    // Ten times the reference's own float32 error, but not below a few roundings of the largest value.
    double tolerance(const std::string& name) const {
        const at::Tensor& tensor = tensors.at(name);
        const double floor = 2e-6 * (tensor.numel() ? tensor.abs().max().item<double>() : 0.0);
        const Json& entry = golden.manifest["tensors"][name];
        return std::max(floor, entry.contains("fp32_vs_fp64")
                                   ? 10 * entry["fp32_vs_fp64"]["max_abs"].get<double>()
                                   : 0.0);
    }

    double scalar(const std::string& name) const {
        return golden.manifest["scalars"][name]["value"].get<double>();
    }

    void expect_equal(const std::string& name, const at::Tensor& ours, double at_least = 0) const {
        const at::Tensor& reference = tensors.at(name);
        ASSERT_EQ(ours.sizes(), reference.sizes()) << golden.name << " " << name;
        const double difference = (ours - reference).abs().max().item<double>();
        EXPECT_LE(difference, std::max(at_least, tolerance(name))) << golden.name << " " << name;
    }
};

// Keeps every gradient.
struct KeepAll : nets::GradientSink {
    std::vector<at::Tensor> all;
    std::vector<int> times_ready;
    explicit KeepAll(const nets::Parameters& parameters) : times_ready(parameters.size()) {
        for (const auto& entry : parameters) all.push_back(at::full_like(entry.second, std::nan("")));
    }
    at::Tensor buffer(std::size_t i) override { return all[i]; }
    bool fresh(std::size_t i) override { return times_ready[i] == 0; }
    void ready(std::size_t i) override { ++times_ready[i]; }
};

inline nets::Form dlas_form(const Json& kwargs) {
    return {.objective = nets::Objective::dlas, .tortoise_compat = kwargs.value("tortoise_compat", false)};
}

}  // namespace testudo::test
