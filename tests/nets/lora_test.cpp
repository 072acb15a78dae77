#include "nets/lora.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "support/unified_voice_case.h"

namespace testudo::nets {
namespace {

const std::vector<std::string> everything = {"qkv", "out", "up", "down", "heads"};

UnifiedVoice small_model() {
    UnifiedVoice model({.layers = 3,
                        .model_dim = 32,
                        .heads = 4,
                        .max_text_tokens = 24,
                        .max_mel_tokens = 30,
                        .number_text_tokens = 48,
                        .start_text_token = 47,
                        .number_mel_codes = 40,
                        .start_mel_token = 38,
                        .stop_mel_token = 39});
    model.initialise(3);
    for (const auto& [name, tensor] : model.parameters())
        tensor.add_(at::cos(at::arange(tensor.numel(), at::kFloat) * 1.7).view_as(tensor), 0.05);
    return model;
}

Batch small_batch() {
    Batch batch;
    for (const int size : {5, 11}) {
        Example example;
        for (int i = 0; i < size; ++i) example.text.push_back(1 + i * 7 % 45);
        example.codes = at::arange(2 * size, at::kLong) * 5 % 37;
        for (int clip = 0; clip < 2; ++clip)
            example.conditioning.push_back(
                at::sin(at::arange(80 * (size + 4), at::kFloat) * (0.7 + 0.1 * clip)).view({80, -1}));
        batch.push_back(std::move(example));
    }
    return batch;
}

// With B unlike zero, so that A's gradient is not.
void give_adapters(UnifiedVoice& model, const std::vector<std::string>& targets) {
    model.set_adapters(make_adapters(model, 3, 6, targets, {}));
    initialise_adapters(model.adapters(), 4);
    for (const Adapter& adapter : model.adapters().all)
        adapter.b.copy_(at::sin(at::arange(adapter.b.numel(), at::kFloat) * 0.9).view_as(adapter.b) * 0.1);
}

// Wants some gradients only, and fails on any use of another.
struct KeepSome : test::KeepAll {
    std::vector<bool> wanted;
    KeepSome(const Parameters& parameters, std::vector<bool> which)
        : KeepAll(parameters), wanted(std::move(which)) {}
    bool wants(std::size_t i) const override { return wanted[i]; }
    at::Tensor buffer(std::size_t i) override {
        EXPECT_TRUE(wanted[i]) << i;
        return KeepAll::buffer(i);
    }
    void ready(std::size_t i) override {
        EXPECT_TRUE(wanted[i]) << i;
        KeepAll::ready(i);
    }
};

constexpr TokenWeights weights{.text = 0.3, .mel = 0.7};

double objective(const UnifiedVoice& model, const PassOptions& options) {
    const Losses losses = run_pass(model, small_batch(), options);
    return weights.text * losses.text * static_cast<double>(losses.text_tokens) +
           weights.mel * losses.mel * static_cast<double>(losses.mel_tokens);
}

Parameters all_parameters(const UnifiedVoice& model) {
    Parameters all = model.parameters();
    for (auto& entry : adapter_parameters(model, model.adapters())) all.push_back(std::move(entry));
    return all;
}

KeepSome adapter_gradients(const UnifiedVoice& model, const PassOptions& options) {
    const Parameters all = all_parameters(model);
    std::vector<bool> wanted(all.size(), true);
    for (std::size_t i = 0; i < model.parameters().size(); ++i) wanted[i] = false;
    KeepSome sink(all, wanted);
    run_pass(model, small_batch(), options, weights, &sink);
    return sink;
}

void expect_close(const at::Tensor& a, const at::Tensor& b, const std::string& what) {
    EXPECT_LE((a - b).abs().max().item<double>(), 2e-5 * b.abs().max().item<double>() + 1e-7) << what;
}

std::vector<PassOptions> all_forms() {
    return {{}, {.recompute = true}, {.form = {.objective = Objective::dlas}, .dropout = 0.2, .seed = 5}};
}

TEST(Lora, StartsAsItsBase) {
    UnifiedVoice model = small_model();
    const double plain = objective(model, {});
    model.set_adapters(make_adapters(model, 4, 8, everything, {}));
    initialise_adapters(model.adapters(), 1);
    EXPECT_EQ(objective(model, {}), plain);
    EXPECT_EQ(model.adapters().all.size(), 4U * 3 + 2);
    EXPECT_EQ(adapter_parameters(model, model.adapters())[0].first, "gpt.h.0.attn.c_attn.lora_A.weight");
}

// The hand-written pass of the whole model is checked against PyTorch; with W' = W + s (B A)^T its gradient G
// gives A's as s (G B)^T and B's as s (A G)^T.
TEST(Lora, IsTheMergedModelAndHasItsGradients) {
    for (const PassOptions& options : all_forms()) {
        UnifiedVoice model = small_model(), merged = small_model();
        give_adapters(model, everything);
        const double scale = model.adapters().scale();
        EXPECT_EQ(scale, 2);
        for (const Adapter& adapter : model.adapters().all)
            merged.parameters()[adapter.weight].second.copy_(
                merged_weight(model.parameters()[adapter.weight].second, adapter, scale));
        EXPECT_NEAR(objective(model, options), objective(merged, options), 1e-5 * objective(merged, options));

        test::KeepAll whole(merged.parameters());
        run_pass(merged, small_batch(), options, weights, &whole);
        const KeepSome sink = adapter_gradients(model, options);
        std::size_t place = model.parameters().size();
        for (const Adapter& adapter : model.adapters().all) {
            const std::string& name = model.parameters()[adapter.weight].first;
            at::Tensor gradient = whole.all[adapter.weight];
            if (!adapter.in_first) gradient = gradient.t();
            EXPECT_EQ(sink.times_ready[place], 1) << name;
            expect_close(sink.all[place++], at::mm(gradient, adapter.b).t() * scale, name + " A");
            EXPECT_EQ(sink.times_ready[place], 1) << name;
            expect_close(sink.all[place++], at::mm(adapter.a, gradient).t() * scale, name + " B");
        }
        EXPECT_EQ(place, sink.all.size());
    }
}

TEST(Lora, GradientsAreThoseOfFiniteDifferences) {
    UnifiedVoice model = small_model();
    give_adapters(model, everything);
    const KeepSome sink = adapter_gradients(model, {});
    const Parameters all = all_parameters(model);
    double slope = 0;
    std::vector<at::Tensor> direction;
    for (std::size_t i = model.parameters().size(); i < all.size(); ++i) {
        const at::Tensor& of = all[i].second;
        direction.push_back(
            at::sin(at::arange(of.numel(), at::kFloat) * 2.3 + static_cast<double>(i)).view_as(of));
        slope += (sink.all[i] * direction.back()).sum(at::kDouble).item<double>();
    }
    const auto move = [&](double by) {
        for (std::size_t i = 0; i < direction.size(); ++i)
            all[model.parameters().size() + i].second.add_(direction[i], by);
    };
    constexpr double step = 1e-3;
    move(step);
    const double above = objective(model, {});
    move(-2 * step);
    const double below = objective(model, {});
    EXPECT_NEAR((above - below) / (2 * step), slope, 5e-3 * std::abs(slope));
    EXPECT_GT(std::abs(slope), 0.1);
}

// Whatever is left out, the others' gradients are what they were, to the bit.
TEST(Frozen, LeavesTheOtherGradientsAsTheyAre) {
    const UnifiedVoice model = small_model();
    const auto& parameters = model.parameters();
    for (const PassOptions& options : all_forms()) {
        test::KeepAll whole(parameters);
        run_pass(model, small_batch(), options, weights, &whole);
        const auto trained = [&](const std::string& beginning) {
            std::vector<bool> wanted(parameters.size());
            for (std::size_t i = 0; i < parameters.size(); ++i)
                wanted[i] = parameters[i].first.starts_with(beginning);
            return wanted;
        };
        for (const char* beginning : {"conditioning_encoder.", "text_embedding.", "gpt.h.0.", "gpt.h.2.mlp.",
                                      "gpt.h.1.ln_1.", "final_norm.", "text_head.", "mel_"}) {
            KeepSome sink(parameters, trained(beginning));
            run_pass(model, small_batch(), options, weights, &sink);
            for (std::size_t i = 0; i < parameters.size(); ++i) {
                EXPECT_EQ(sink.times_ready[i], sink.wanted[i] ? 1 : 0) << parameters[i].first;
                if (sink.wanted[i]) {
                    EXPECT_TRUE(at::equal(sink.all[i], whole.all[i])) << beginning;
                }
            }
        }
    }
}

TEST(Lora, RefusesWhatCannotBe) {
    const UnifiedVoice model = small_model();
    const std::vector<std::string> unknown = {"qkv", "knees"}, heads = {"heads"};
    EXPECT_THROW(make_adapters(model, 2, 2, unknown, {}), Error);
    EXPECT_THROW(make_adapters(model, 2, 2, {}, {}), Error);
    std::vector<bool> frozen(model.parameters().size(), true);
    EXPECT_THROW(make_adapters(model, 2, 2, heads, frozen), Error);
    frozen.back() = false;
    frozen[frozen.size() - 2] = false;
    EXPECT_EQ(make_adapters(model, 2, 2, heads, frozen).all.size(), 1U);
}

}  // namespace
}  // namespace testudo::nets
