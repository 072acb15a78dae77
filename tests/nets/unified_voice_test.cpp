#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "nets/conditioning_encoder.h"
#include "nets/group_norm.h"
#include "support/unified_voice_case.h"

namespace testudo::nets {
namespace {

using test::VoiceCase;

UnifiedVoiceConfig tiny_config() {
    return {.layers = 2,
            .model_dim = 32,
            .heads = 4,
            .max_text_tokens = 24,
            .max_mel_tokens = 30,
            .number_text_tokens = 48,
            .start_text_token = 47,
            .number_mel_codes = 40,
            .start_mel_token = 38,
            .stop_mel_token = 39};
}

Example example_of(int text, int codes, int seed) {
    Example example;
    for (int i = 0; i < text; ++i) example.text.push_back(1 + (i * 7 + seed) % 45);
    example.codes = (at::arange(codes, at::kLong) * 5 + seed) % 37;
    for (int clip = 0; clip < 2; ++clip)
        example.conditioning.push_back(
            at::sin(at::arange(80 * (9 + 4 * seed), at::kFloat) * (0.7 + 0.1 * clip + seed)).view({80, -1}));
    return example;
}

UnifiedVoice tiny_model(std::uint64_t seed = 3) {
    UnifiedVoice model(tiny_config());
    model.initialise(seed);
    for (const auto& [name, tensor] :
         model.parameters())  // nothing may be zero, or its gradient is not tested
        tensor.add_(at::cos(at::arange(tensor.numel(), at::kFloat) * 1.7).view_as(tensor), 0.05);
    return model;
}

double objective(const UnifiedVoice& model, const Batch& batch, const PassOptions& options,
                 const TokenWeights& weights) {
    const Losses losses = run_pass(model, batch, options);
    return weights.text * losses.text * static_cast<double>(losses.text_tokens) +
           weights.mel * losses.mel * static_cast<double>(losses.mel_tokens);
}

TEST(GoldenUnifiedVoice, ForwardLossesAndGradients) {
    const auto cases = test::golden_cases("ar", "ar_train_");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const VoiceCase reference(golden);
        const Json& kwargs = golden.manifest["config"]["model_kwargs"];
        UnifiedVoice model(test::config_from(kwargs));
        model.load(reference.weights("sd."));
        const Batch batch = reference.batch("in.");
        const Form form = test::dlas_form(kwargs);
        std::vector<at::Tensor> mels;
        for (const auto& example : batch)
            for (const auto& mel : example.conditioning) mels.push_back(mel);
        const at::Tensor& latents = reference.tensors.at("out.conditioning_latents");
        reference.expect_equal("out.conditioning_latents",
                               conditioning_latents(model, mels, false).view_as(latents));
        const at::Tensor& logits = reference.tensors.at("out.mel_logits");
        reference.expect_equal("out.mel_logits", compute_outputs(model, batch, form)
                                                     .mel_logits.view({logits.size(0), logits.size(2), -1})
                                                     .transpose(1, 2));
        const TokenCounts counts = count_tokens(model.config(), batch, form);
        const Json& weights = golden.manifest["config"]["loss_weights"];
        test::KeepAll sink(model.parameters());
        for (const bool recompute : {false, true}) {
            sink.times_ready.assign(sink.times_ready.size(), 0);
            const Losses losses =
                run_pass(model, batch, {.form = form, .recompute = recompute},
                         {weights["text_ce"].get<double>() / static_cast<double>(counts.text),
                          weights["mel_ce"].get<double>() / static_cast<double>(counts.mel)},
                         &sink);
            EXPECT_NEAR(losses.text, reference.scalar("text_loss"), 1e-5);
            EXPECT_NEAR(losses.mel, reference.scalar("mel_loss"), 1e-5);
            for (std::size_t i = 0; i < sink.all.size(); ++i) {
                EXPECT_EQ(sink.times_ready[i], 1) << model.parameters()[i].first;
                // Gradients that are truly zero (key biases) are noise of the size of their neighbours'
                // rounding.
                reference.expect_equal("grad." + model.parameters()[i].first, sink.all[i], 2e-8);
            }
        }
    }
}

TEST(GoldenUnifiedVoice, OtherModes) {
    const auto cases = test::golden_cases("ar", "ar_modes");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const VoiceCase reference(golden);
        struct Mode {
            std::string name, weights;
            Form form;
            int clips;
            std::string latent = {};
        };
        const Form compat{.objective = Objective::dlas},
            lengths{.objective = Objective::dlas, .tortoise_compat = false};
        const auto with = [](Form form, auto change) { return change(form), form; };
        const std::vector<Mode> modes = {
            {"compat_true.text_first", "compat_true.sd.", compat, 2, "compat_true.latent.latent"},
            {"compat_true.voice_first", "compat_true.sd.",
             with(compat, [](Form& f) { f.voice_first = true; }), 2, "compat_true.latent_voice_first.latent"},
            {"compat_false.text_first", "compat_false.sd.", lengths, 2, "compat_false.latent.latent"},
            {"compat_false.voice_first", "compat_false.sd.",
             with(lengths, [](Form& f) { f.voice_first = true; }), 2,
             "compat_false.latent_voice_first.latent"},
            {"avg", "avg.sd.", with(lengths, [](Form& f) { f.average_conditioning = true; }), 2},
            {"single", "single.sd.", lengths, 1},
            {"solo.paired", "solo.sd.", lengths, 2},
        };
        for (const Mode& mode : modes) {
            UnifiedVoiceConfig config = test::config_from(golden.manifest["config"]["base_kwargs"]);
            config.max_conditioning_inputs =
                static_cast<int>(reference.tensors.at(mode.weights + "mel_pos_embedding.emb.weight").size(0) -
                                 2 - config.max_mel_tokens);
            UnifiedVoice model(config);
            model.load(reference.weights(mode.weights));
            Batch batch = reference.batch("in.");
            for (auto& example : batch) example.conditioning.resize(static_cast<std::size_t>(mode.clips));
            const Losses losses = run_pass(model, batch, {.form = mode.form});
            EXPECT_NEAR(losses.text, reference.scalar(mode.name + ".text_loss"), 1e-5) << mode.name;
            EXPECT_NEAR(losses.mel, reference.scalar(mode.name + ".mel_loss"), 1e-5) << mode.name;
            const at::Tensor& logits = reference.tensors.at(mode.name + ".mel_logits");
            const Outputs outputs = compute_outputs(model, batch, mode.form);
            reference.expect_equal(
                mode.name + ".mel_logits",
                outputs.mel_logits.view({logits.size(0), logits.size(2), -1}).transpose(1, 2));
            if (mode.latent.empty()) continue;
            // return_latent gives the states of the second part, without what the stop tokens added to it.
            const at::Tensor& latent = reference.tensors.at(mode.latent);
            const at::Tensor& states = mode.form.voice_first ? outputs.text_states : outputs.mel_states;
            reference.expect_equal(
                mode.latent, states.view({latent.size(0), -1, latent.size(2)}).narrow(1, 0, latent.size(1)));
        }
    }
}

// The part of the mel logits that the reference keeps.
at::Tensor sampled_mel_logits(const UnifiedVoice& model, const Batch& batch, const Form& form,
                              const VoiceCase& reference) {
    const at::Tensor logits = compute_outputs(model, batch, form).mel_logits;
    return logits.view({static_cast<std::int64_t>(batch.size()), -1, logits.size(1)})
        .index_select(1, reference.tensors.at("mel_logits_sample_positions"))
        .slice(2, 0, {}, 16)
        .transpose(1, 2);
}

// Finds the biases of queries and values from the thousands of logits that depend on them (Gauss-Newton).
// Those of the keys change no attention weight; what the next norm takes away again stays 0 and changes no
// more than the gradient of c_proj.weight.
void recover_attention_biases(const UnifiedVoice& model, const Batch& batch, const Form& form,
                              const VoiceCase& reference) {
    const at::Tensor wanted = reference.tensors.at("mel_logits_sample").flatten();
    const std::int64_t dim = model.config().model_dim;
    std::vector<at::Tensor> unknowns;
    for (int layer = 0; layer < model.config().layers; ++layer) {
        const at::Tensor& bias = model[cat("gpt.h.", layer, ".attn.c_attn.bias")];
        for (std::int64_t i = 0; i < 3 * dim; ++i)
            if (i < dim || i >= 2 * dim) unknowns.push_back(bias[i]);
    }
    const auto logits = [&] { return sampled_mel_logits(model, batch, form, reference).flatten(); };
    constexpr double step = 0.01;
    for (int round = 0; round < 5; ++round) {
        const at::Tensor here = logits();
        std::vector<at::Tensor> slopes;
        for (at::Tensor& unknown : unknowns) {
            const at::Tensor before = unknown.clone();
            unknown.add_(step);
            slopes.push_back((logits() - here) / step);
            unknown.copy_(before);
        }
        const at::Tensor change =
            std::get<0>(at::linalg_lstsq(at::stack(slopes, 1).to(at::kDouble),
                                         (wanted - here).to(at::kDouble).unsqueeze(1), 1e-4, "gelsd"))
                .flatten();
        for (std::size_t i = 0; i < unknowns.size(); ++i)
            unknowns[i].add_(change[static_cast<std::int64_t>(i)].item<double>());
    }
}

TEST(GoldenUnifiedVoice, RealVocabularies) {
    const auto cases = test::golden_cases("ar", "ar_fullvocab");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const VoiceCase reference(golden);
        UnifiedVoice model(test::config_from(golden.manifest["config"]["model_kwargs"]));
        // The reference left c_attn.bias out with the masks (both end in attn.bias).
        const at::Tensor zeros = at::zeros({3 * model.config().model_dim});
        bool complete = true;
        model.load([&](const std::string& name) {
            const at::Tensor* found = reference.tensors.find("sd." + name);
            if (found || !name.ends_with(".c_attn.bias")) return found;
            complete = false;
            return &zeros;
        });
        const Batch batch = reference.batch("in.");
        const Form form = test::dlas_form(golden.manifest["config"]["model_kwargs"]);
        if (!complete) recover_attention_biases(model, batch, form, reference);
        const TokenCounts counts = count_tokens(model.config(), batch, form);
        test::KeepAll sink(model.parameters());
        const Losses losses =
            run_pass(model, batch, {.form = form},
                     {0.01 / static_cast<double>(counts.text), 1.0 / static_cast<double>(counts.mel)}, &sink);
        EXPECT_NEAR(losses.text, reference.scalar("text_loss"), 2e-5);
        EXPECT_NEAR(losses.mel, reference.scalar("mel_loss"), 2e-5);
        reference.expect_equal("mel_logits_sample", sampled_mel_logits(model, batch, form, reference));
        const Json& norms = golden.manifest["scalars"]["grad_norms"]["value"];
        const double at_least = complete ? 1e-9 : 1e-7;  // recovered biases are as exact as the logits are
        for (std::size_t i = 0; i < sink.all.size(); ++i) {
            const std::string& name = model.parameters()[i].first;
            const double norm = norms[name].get<double>();
            if (!complete && name.ends_with(".attn.c_proj.weight")) continue;
            EXPECT_NEAR(sink.all[i].norm().item<double>(), norm, 1e-5 * norm + 1e-8) << name;
            if (reference.tensors.contains("grad." + name))
                reference.expect_equal("grad." + name, sink.all[i], at_least);
            if (reference.tensors.contains("grad_rows." + name))
                reference.expect_equal("grad_rows." + name, sink.all[i].slice(0, 0, {}, 64), at_least);
        }
    }
}

TEST(GoldenConditioningEncoder, BothResiduals) {
    const auto cases = test::golden_cases("ar", "ar_modes");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const VoiceCase reference(golden);
        UnifiedVoice model(test::config_from(golden.manifest["config"]["base_kwargs"]));
        model.initialise(1);
        for (const auto& [name, tensor] : model.parameters())
            if (name.starts_with("conditioning_encoder."))
                tensor.copy_(reference.tensors.at("cond.sd." +
                                                  name.substr(std::string("conditioning_encoder.").size())));
        std::vector<at::Tensor> mels;
        for (const auto& example : reference.batch("in.")) mels.push_back(example.conditioning[0]);
        reference.expect_equal("cond.dlas", conditioning_latents(model, mels, false));
        reference.expect_equal("cond.tortoise", conditioning_latents(model, mels, true));
    }
}

TEST(GoldenUnifiedVoiceShapes, NamesOrderAndGroupsOfTheRealModel) {
    const Json shapes = read_json(test::golden_file_or_default("ar/shapes_autoregressive.json"));
    UnifiedVoiceConfig config = test::config_from(shapes["kwargs"]);
    config.layers = 30;
    const UnifiedVoice model(config, at::kMeta);
    EXPECT_EQ(count_elements(model.parameters()), shapes["parameters"].get<std::int64_t>());
    std::size_t i = 0;
    for (const auto& [name, entry] : shapes["state_dict"].items()) {
        if (entry[2] != "parameter") continue;
        ASSERT_LT(i, model.parameters().size());
        EXPECT_EQ(model.parameters()[i].first, name);
        EXPECT_EQ(model.parameters()[i].second.sizes().vec(), entry[0].get<std::vector<std::int64_t>>())
            << name;
        ++i;
    }
    EXPECT_EQ(i, model.parameters().size());
    const ParameterGroups groups = parameter_groups(model.parameters());
    const auto names = [&](const std::vector<std::size_t>& group) {
        std::vector<std::string> all;
        for (const std::size_t parameter : group) all.push_back(model.parameters()[parameter].first);
        return all;
    };
    auto group = shapes["optimizer_groups"].begin();
    EXPECT_EQ(names(groups.decay), group.value().get<std::vector<std::string>>());
    EXPECT_EQ(names(groups.rest), (++group).value().get<std::vector<std::string>>());
}

TEST(UnifiedVoice, StateDictWithMasksIsAsDlasWritesIt) {
    const UnifiedVoice model = tiny_model();
    const Parameters all = model.state_dict(true);
    EXPECT_EQ(all.size(), model.parameters().size() + 4);
    const at::Tensor* mask = find_in(all)("gpt.h.1.attn.bias");
    ASSERT_NE(mask, nullptr);
    EXPECT_EQ(mask->sizes(), (at::IntArrayRef{1, 1, 60, 60}));
    EXPECT_FALSE((*mask)[0][0][3][4].item<bool>());
    EXPECT_TRUE((*mask)[0][0][4][4].item<bool>());
    UnifiedVoice other(tiny_config());
    other.load(find_in(all));
    EXPECT_TRUE(other["mel_head.weight"].equal(model["mel_head.weight"]));
}

TEST(UnifiedVoice, InfersItsSizesFromShapes) {
    const UnifiedVoice model = tiny_model();
    const UnifiedVoiceConfig config = infer_config(find_in(model.parameters()), "x", 4);
    EXPECT_EQ(config.layers, 2);
    EXPECT_EQ(config.max_text_tokens, 24);
    EXPECT_EQ(config.max_mel_tokens, 30);
    EXPECT_EQ(config.stop_mel_token, 39);
    EXPECT_EQ(config.start_text_token, 47);
    EXPECT_THROW(infer_config([](const std::string&) { return nullptr; }, "x"), Error);
}

TEST(UnifiedVoice, AnotherShapeIsRefusedByNameWithBothShapes) {
    const UnifiedVoice model = tiny_model();
    UnifiedVoiceConfig wide = tiny_config();
    wide.model_dim = 64;
    UnifiedVoice other(wide);
    other.initialise(1);
    const at::Tensor before = other["mel_head.weight"].clone();
    try {
        other.load(find_in(model.parameters()), "small.pth");
        FAIL() << "loaded a model of another width";
    } catch (const Error& error) {
        const std::string what = error.what();
        EXPECT_EQ(error.kind(), ErrorKind::input);
        EXPECT_NE(what.find("small.pth"), std::string::npos);
        EXPECT_NE(what.find("conditioning_encoder.init.weight is [32, 80, 1], should be [64, 80, 1]"),
                  std::string::npos)
            << what;
    }
    EXPECT_TRUE(other["mel_head.weight"].equal(before));
}

TEST(UnifiedVoice, RefusesWhatDoesNotFit) {
    const UnifiedVoice model = tiny_model();
    const auto refuses = [&](Example example) {
        EXPECT_THROW(run_pass(model, {std::move(example)}, {}), Error);
    };
    EXPECT_NO_THROW(run_pass(model, {example_of(23, 33, 1)}, {}));
    refuses(example_of(24, 5, 1));
    refuses(example_of(5, 34, 1));
    Example unknown = example_of(5, 5, 1);
    unknown.text[2] = 48;
    refuses(unknown);
    Example code = example_of(5, 5, 1);
    code.codes[0] = 40;
    refuses(code);
    Example silent = example_of(5, 5, 1);
    silent.conditioning.clear();
    refuses(silent);
    EXPECT_THROW(run_pass(model, {}, {}), Error);
}

// Every gradient against central differences along a fixed direction, in each form, with dropout on.
TEST(UnifiedVoice, GradientsAreThoseOfTheLoss) {
    const Batch batch = {example_of(5, 7, 1), example_of(9, 12, 2), example_of(9, 12, 0)};
    const Form forms[] = {{},
                          {.objective = Objective::dlas},
                          {.objective = Objective::dlas, .voice_first = true},
                          {.objective = Objective::dlas, .average_conditioning = true, .raw_residual = true}};
    for (const Form& form : forms) {
        const UnifiedVoice model = tiny_model();
        const PassOptions options{.form = form, .dropout = 0.1, .seed = 11};
        const TokenWeights weights{0.05, 0.07};
        test::KeepAll sink(model.parameters());
        run_pass(model, batch, options, weights, &sink);
        for (std::size_t i = 0; i < sink.all.size(); ++i) {
            const at::Tensor weight = model.parameters()[i].second, before = weight.clone();
            const at::Tensor direction = sink.all[i] / (sink.all[i].norm() + 1e-12);
            const double slope = sink.all[i].norm().item<double>(), step = 4e-3;
            weight.copy_(before + direction * step);
            const double up = objective(model, batch, options, weights);
            weight.copy_(before - direction * step);
            const double down = objective(model, batch, options, weights);
            weight.copy_(before);
            EXPECT_NEAR((up - down) / (2 * step), slope, 0.02 * slope + 2e-3) << model.parameters()[i].first;
        }
    }
}

TEST(UnifiedVoice, ConsistentLossOfAClipDoesNotDependOnItsBatch) {
    const UnifiedVoice model = tiny_model();
    const Losses alone = run_pass(model, {example_of(5, 7, 1)}, {});
    const Losses other = run_pass(model, {example_of(11, 20, 2)}, {});
    const Losses both = run_pass(model, {example_of(11, 20, 2), example_of(5, 7, 1)}, {});
    EXPECT_EQ(alone.text_tokens, 6);
    EXPECT_EQ(alone.mel_tokens, 8);
    EXPECT_NEAR(both.mel * 29, alone.mel * 8 + other.mel * 21, 1e-4);
    EXPECT_NEAR(both.text * 18, alone.text * 6 + other.text * 12, 1e-4);
}

TEST(UnifiedVoice, DropoutDependsOnItsSeedOnly) {
    const UnifiedVoice model = tiny_model();
    const auto loss = [&](std::uint64_t seed) {
        return run_pass(model, {example_of(5, 7, 1)}, {.dropout = 0.1, .seed = seed}).mel;
    };
    EXPECT_EQ(loss(5), loss(5));
    EXPECT_NE(loss(5), loss(6));
}

TEST(UnifiedVoice, GroupCountFollowsTheReference) {
    EXPECT_EQ(group_count(1024), 32);
    EXPECT_EQ(group_count(64), 16);
    EXPECT_EQ(group_count(16), 8);
    EXPECT_EQ(group_count(80), 16);
}

}  // namespace
}  // namespace testudo::nets
