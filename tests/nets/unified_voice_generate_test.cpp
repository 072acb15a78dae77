#include "nets/unified_voice_generate.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/strings.h"
#include "support/golden.h"
#include "tensors/safetensors.h"
#include "tensors/weights.h"

namespace testudo::nets {
namespace {

using tensors::NamedTensors;

Find find_in(const NamedTensors& weights, const std::string& prefix = {}) {
    return [&weights, prefix](const std::string& name) { return weights.find(prefix + name); };
}

GenerateConfig config_of(const Json& sizes) {
    GenerateConfig config;
    config.heads = sizes.at("heads").get<int>();
    config.start_text_token = sizes.value("start_text_token", config.start_text_token);
    config.start_mel_token = sizes.value("start_mel_token", config.start_mel_token);
    config.stop_mel_token = sizes.value("stop_mel_token", config.stop_mel_token);
    return config;
}

double tolerance(const Json& manifest, const std::string& tensor, double otherwise) {
    const auto& about = manifest.at("tensors").at(tensor);
    if (about.contains("tolerance") && about["tolerance"].contains("abs"))
        return about["tolerance"]["abs"].get<double>();
    if (about.contains("fp32_vs_fp64"))
        return std::max(otherwise, 10 * about["fp32_vs_fp64"]["max_abs"].get<double>());
    return otherwise;
}

void expect_close(const at::Tensor& got, const at::Tensor& expected, double allowed,
                  const std::string& what) {
    ASSERT_EQ(got.sizes(), expected.sizes()) << what;
    const double error = (got.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>();
    EXPECT_LE(error, allowed) << what;
}

// One case of gen/ with the generator on its weights.
struct Case {
    NamedTensors data, weights;
    std::unique_ptr<VoiceGenerator> generator;
};

Case open_case(const test::GoldenCase& golden, MelPositions positions) {
    Case out;
    out.data = tensors::read_safetensors(golden.folder / (golden.name + ".safetensors"));
    out.weights = tensors::read_weights(golden.folder / "weights" / "autoregressive.pth");
    const Json& config = golden.manifest.at("config");
    GenerateConfig sizes = config_of(config.contains("ar") ? config.at("ar") : config);
    sizes.positions = positions;
    out.generator = std::make_unique<VoiceGenerator>(find_in(out.weights), sizes);
    return out;
}

struct Greedy {
    at::Tensor codes, logits;  // [rows, n], [rows, n, codes]
};
Greedy greedy(const VoiceGenerator& generator, const at::Tensor& latent, const at::Tensor& text,
              std::int64_t count) {
    DecodingState state = generator.begin(latent, text, count);
    std::vector<at::Tensor> codes, logits;
    at::Tensor done = at::zeros({latent.size(0)}, at::kBool);
    for (std::int64_t i = 0; i < count; ++i) {
        logits.push_back(state.logits);
        const at::Tensor code = state.logits.argmax(1).masked_fill(done, generator.config().stop_mel_token);
        done = done | (code == generator.config().stop_mel_token);
        codes.push_back(code);
        if (i + 1 < count) generator.advance(state, code);
    }
    return {at::stack(codes, 1), at::stack(logits, 1)};
}

TEST(GoldenGenerate, ConditioningLatent) {
    const auto cases = test::golden_cases("gen", "conditioning");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const Case c = open_case(golden, MelPositions::consistent);
        std::vector<at::Tensor> mels;
        for (int i = 0; c.data.contains(cat("ar_mel_", i)); ++i) {
            mels.push_back(c.data.at(cat("ar_mel_", i)));
            const std::string name = cat("ar_latent_", i);
            expect_close(c.generator->conditioning_latent(std::span(&mels.back(), 1)), c.data.at(name),
                         tolerance(golden.manifest, name, 1e-5), name);
        }
        ASSERT_FALSE(mels.empty());
        expect_close(c.generator->conditioning_latent(mels), c.data.at("ar_latent"),
                     tolerance(golden.manifest, "ar_latent", 1e-5), "ar_latent");
    }
}

TEST(GoldenGenerate, Prefill) {
    const auto cases = test::golden_cases("gen", "ar_prefill");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const Case c = open_case(golden, MelPositions::consistent);
        const auto check = [&](const at::Tensor& got, const std::string& name) {
            expect_close(got, c.data.at(name), tolerance(golden.manifest, name, 1e-5), name);
        };
        const at::Tensor prompt = c.generator->prompt(c.data.at("cond"), c.data.at("text_tokens"));
        check(prompt, "prefix_embeddings");
        const auto states = c.generator->trace(c.data.at("hidden_in_0"));
        for (std::int64_t i = 0; i < c.generator->layers(); ++i)
            check(states[static_cast<std::size_t>(i)], cat("hidden_in_", i));
        check(states[states.size() - 2], "hidden_ln_f");
        check(states.back(), "hidden_final_norm");
        const DecodingState state = c.generator->begin(c.data.at("cond"), c.data.at("text_tokens"), 4);
        check(state.logits, "logits_last");
        int caches = 0;
        for (std::size_t i = 0; i < state.keys.size(); ++i)
            if (c.data.contains(cat("key_", i))) {
                check(state.keys[i].narrow(2, 0, state.length), cat("key_", i));
                check(state.values[i].narrow(2, 0, state.length), cat("value_", i));
                ++caches;
            }
        EXPECT_GT(caches, 0);
    }
}

TEST(GoldenGenerate, Greedy) {
    const auto cases = test::golden_cases("gen", "ar_greedy");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases)
        for (const std::string prefix : {"kv", "nokv"}) {
            const Case c =
                open_case(golden, prefix == "kv" ? MelPositions::slipped : MelPositions::consistent);
            const at::Tensor expected = c.data.at(prefix + "_tokens");
            const Greedy got =
                greedy(*c.generator, c.data.at("cond"), c.data.at("text_tokens"), expected.size(1));
            EXPECT_TRUE(got.codes.equal(expected)) << prefix;
            const at::Tensor logits = c.data.at(prefix + "_logits");
            expect_close(got.logits.narrow(1, 0, logits.size(1)), logits,
                         tolerance(golden.manifest, prefix + "_logits", 1e-4), prefix + "_logits");
        }
}

TEST(GoldenGenerate, Batch) {
    const auto cases = test::golden_cases("gen", "ar_batch");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        // As the reference made it: with its cache, so with slipped positions.
        const Case c = open_case(golden, MelPositions::slipped);
        const at::Tensor expected = c.data.at("tokens");
        const Greedy got =
            greedy(*c.generator, c.data.at("cond"), c.data.at("text_tokens"), expected.size(1));
        EXPECT_TRUE(got.codes.equal(expected)) << golden.name;
        const at::Tensor top = c.data.at("top5_values");
        const at::Tensor open = (top != 0).any(2, true);  // rows that had not finished
        const at::Tensor best = std::get<0>(got.logits.topk(top.size(2), -1)) * open;
        expect_close(best, top, tolerance(golden.manifest, "top5_values", 1e-4), "top5_values");
    }
}

TEST(GoldenGenerate, Latents) {
    const auto cases = test::golden_cases("gen", "ar_latents");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const Case c = open_case(golden, MelPositions::consistent);
        expect_close(c.generator->latents(c.data.at("cond"), c.data.at("text_tokens"), c.data.at("codes")),
                     c.data.at("latents"), tolerance(golden.manifest, "latents", 1e-5), "latents");
    }
}

TEST(GoldenGenerate, TrainerCheckpoint) {
    const auto cases = test::golden_cases("ar", "ar_generate");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const NamedTensors data = tensors::read_safetensors(golden.folder / (golden.name + ".safetensors"));
        GenerateConfig config = config_of(golden.manifest.at("config").at("model_kwargs"));
        const auto check = [&](const at::Tensor& got, const std::string& name) {
            expect_close(got, data.at(name), tolerance(golden.manifest, name, 1e-5), name);
        };
        for (const bool slipped : {false, true}) {
            config.positions = slipped ? MelPositions::slipped : MelPositions::consistent;
            const VoiceGenerator generator(find_in(data, "sd."), config);
            std::vector<at::Tensor> mels;
            for (const auto& mel : data.at("in.cond_mels")[0].unbind(0)) mels.push_back(mel);
            const at::Tensor latent = generator.conditioning_latent(mels);
            check(latent, "conditioning_latent");
            const at::Tensor codes = data.at("in.codes");
            const at::Tensor latents = generator.latents(latent, data.at("in.text"), codes);
            check(latents, "latent.clip_true");
            check(latents, "latent.clip_false");
            // The reference's logits also cover what follows the last code; those before are ours.
            const at::Tensor logits = data.at("mel_logits").transpose(1, 2).narrow(1, 0, codes.size(1));
            expect_close(generator.mel_logits(latents), logits,
                         tolerance(golden.manifest, "mel_logits", 1e-4), "mel_logits");
            const std::string name = slipped ? "greedy.kv_true" : "greedy.kv_false";
            const at::Tensor expected = data.at(name);
            const Greedy got = greedy(generator, latent, data.at("in.text"), expected.size(1));
            EXPECT_TRUE(got.codes.equal(expected)) << name;
        }
    }
}

// Random weights of a small model, by the names of the checkpoints.
NamedTensors random_weights(std::int64_t dim, int layers, std::int64_t codes) {
    at::manual_seed(5);
    NamedTensors w;
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
        w.set(name, at::randn(shape) * 0.3);
    };
    add("conditioning_encoder.init.weight", {dim, 80, 1});
    add("conditioning_encoder.init.bias", {dim});
    for (int i = 0; i < 2; ++i) {
        const std::string a = cat("conditioning_encoder.attn.", i, ".");
        add(a + "norm.weight", {dim}), add(a + "norm.bias", {dim});
        add(a + "qkv.weight", {3 * dim, dim, 1}), add(a + "qkv.bias", {3 * dim});
        add(a + "proj_out.weight", {dim, dim, 1}), add(a + "proj_out.bias", {dim});
    }
    add("text_embedding.weight", {20, dim}), add("mel_embedding.weight", {codes, dim});
    add("text_pos_embedding.emb.weight", {12, dim}), add("mel_pos_embedding.emb.weight", {18, dim});
    for (int i = 0; i < layers; ++i) {
        const std::string h = cat("gpt.h.", i, ".");
        for (const char* ln : {"ln_1", "ln_2"}) add(h + ln + ".weight", {dim}), add(h + ln + ".bias", {dim});
        add(h + "attn.c_attn.weight", {dim, 3 * dim}), add(h + "attn.c_attn.bias", {3 * dim});
        add(h + "attn.c_proj.weight", {dim, dim}), add(h + "attn.c_proj.bias", {dim});
        add(h + "mlp.c_fc.weight", {dim, 4 * dim}), add(h + "mlp.c_fc.bias", {4 * dim});
        add(h + "mlp.c_proj.weight", {4 * dim, dim}), add(h + "mlp.c_proj.bias", {dim});
    }
    for (const char* ln : {"gpt.ln_f", "final_norm"})
        add(cat(ln, ".weight"), {dim}), add(cat(ln, ".bias"), {dim});
    add("mel_head.weight", {codes, dim}), add("mel_head.bias", {codes});
    return w;
}

GenerateConfig small_config() {
    GenerateConfig config;
    config.heads = 2;
    config.start_text_token = 19;
    config.start_mel_token = 30;
    config.stop_mel_token = 31;
    return config;
}

TEST(Generate, CachedDecodingEqualsTheWholePass) {
    const auto weights = random_weights(16, 2, 32);
    const VoiceGenerator generator(find_in(weights), small_config());
    const at::Tensor latent = at::randn({3, 16}), text = at::tensor({3, 4, 5, 0}).unsqueeze(0);
    const at::Tensor codes = at::randint(0, 30, {3, 9}, at::kLong);
    DecodingState state = generator.begin(latent, text, 9);
    std::vector<at::Tensor> states{state.latent};
    for (int i = 0; i + 1 < 9; ++i) {
        generator.advance(state, codes.select(1, i));
        states.push_back(state.latent);
    }
    expect_close(at::stack(states, 1), generator.latents(latent, text, codes), 1e-4, "latents");
}

TEST(Generate, SelectedRowsGoOnAsBefore) {
    const auto weights = random_weights(16, 2, 32);
    const VoiceGenerator generator(find_in(weights), small_config());
    const at::Tensor latent = at::randn({3, 16}), text = at::tensor({3, 0}).unsqueeze(0);
    DecodingState all = generator.begin(latent, text, 5), some = all;
    select_rows(some, at::tensor({std::int64_t{2}, std::int64_t{0}}));
    generator.advance(all, at::tensor({1, 2, 3}));
    generator.advance(some, at::tensor({3, 1}));
    expect_close(some.logits, all.logits.index_select(0, at::tensor({2, 0})), 1e-5, "logits");
}

TEST(Generate, RefusesWhatItCannotUse) {
    auto weights = random_weights(16, 2, 32);
    EXPECT_THROW(VoiceGenerator(find_in(weights), GenerateConfig{}), Error);  // 16 heads fit, tokens do not
    auto three = small_config();
    three.heads = 3;
    EXPECT_THROW(VoiceGenerator(find_in(weights), three), Error);
    const VoiceGenerator generator(find_in(weights), small_config());
    const at::Tensor latent = at::randn({1, 16});
    EXPECT_THROW(generator.begin(latent, at::zeros({1, 50}, at::kLong), 3), Error);
    EXPECT_THROW(generator.begin(latent, at::full({1, 2}, 20, at::kLong), 3), Error);
    EXPECT_THROW(generator.begin(latent, at::full({1, 2}, -1, at::kLong), 3), Error);
    EXPECT_THROW(generator.begin(latent, at::zeros({1, 2}, at::kLong), 17), Error);
    EXPECT_THROW(generator.begin(latent, at::zeros({1, 2}, at::kLong), 0), Error);
    EXPECT_THROW(generator.conditioning_latent({}), Error);
    const at::Tensor wrong = at::randn({79, 5});
    EXPECT_THROW(generator.conditioning_latent(std::span(&wrong, 1)), Error);
    weights.set("gpt.h.1.mlp.c_fc.bias", at::zeros({3}));
    try {
        VoiceGenerator broken(find_in(weights), small_config());
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("gpt.h.1.mlp.c_fc.bias"), std::string::npos);
    }
    weights.erase("final_norm.bias");
    EXPECT_THROW(VoiceGenerator(find_in(weights), small_config()), Error);
}

}  // namespace
}  // namespace testudo::nets
