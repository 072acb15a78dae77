#include "training/step.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "nets/block_math.h"
#include "support/unified_voice_case.h"
#include "training/gradient_store.h"

namespace testudo::training {
namespace {

using nets::Batch;
using test::VoiceCase;

AdamWOptions adamw_from(const Json& optimizer) {
    return {.beta1 = optimizer["betas"][0].get<double>(),
            .beta2 = optimizer["betas"][1].get<double>(),
            .eps = optimizer["eps"].get<double>(),
            .weight_decay = optimizer["weight_decay"].get<double>()};
}

// Entries whose gradient is above noise must agree as the manifest says; AdamW moves the others by up to lr a
// step either way, as rounding decides.
void expect_parameters(const VoiceCase& reference, const std::string& prefix, const nets::Parameters& ours,
                       double tolerance, double noise) {
    double largest = 0;
    for (const auto& [name, tensor] : ours)
        largest = std::max(largest, reference.tensors.at("grad." + name).abs().max().item<double>());
    for (const auto& [name, tensor] : ours) {
        const at::Tensor significant = reference.tensors.at("grad." + name).abs() > 1e-5 * largest;
        const at::Tensor difference = (tensor - reference.tensors.at(prefix + name)).abs();
        const auto worst = [&](const at::Tensor& where) {
            const at::Tensor chosen = difference.masked_select(where);
            return chosen.numel() ? chosen.max().item<double>() : 0.0;
        };
        EXPECT_LE(worst(significant), tolerance) << prefix << name;
        EXPECT_LE(worst(~significant), noise) << prefix << name;
    }
}

void train_like_the_reference(const test::GoldenCase& golden) {
    const VoiceCase reference(golden);
    const Json &config = golden.manifest["config"], &scalars = golden.manifest["scalars"];
    nets::UnifiedVoice model(test::config_from(config["model_kwargs"]));
    model.load(reference.weights("sd."));
    AdamW optimizer(model.parameters(), adamw_from(config["optimizer"]),
                    {.rate = config["ema_enabled"].get<bool>() ? config["ema_rate"].get<double>() : 0.0,
                     .on_cpu = config["ema_on_cpu"].get<bool>()});
    Step step(model, optimizer,
              {.form = test::dlas_form(config["model_kwargs"]),
               .text_weight = config["loss_weights"]["text_ce"].get<double>(),
               .mel_weight = config["loss_weights"]["mel_ce"].get<double>(),
               .clip = config["clip_grad_eps"].get<double>(),
               .dropout = 0,
               .memory = GradientMemory::full});
    const Batch batch = reference.batch("in.");
    const Json &rates = scalars["learning_rates"]["value"], &log = scalars["log"]["value"];
    const Json& errors = scalars["parameter_error_fp32_vs_fp64_where_gradient_is_significant"]["value"];
    std::int64_t iteration = config["first_iteration"].get<std::int64_t>();
    double moved = 0;
    for (std::size_t i = 0; i < rates.size(); ++i, ++iteration) {
        const double rate = rates[i][0].get<double>();
        const StepResult result = step.run({&batch, 1}, rate, 7, iteration);
        moved += rate;
        EXPECT_FALSE(result.skipped);
        if (i == 0) {
            EXPECT_NEAR(result.losses.mel, log[0]["loss_mel_ce"].get<double>(), 1e-5);
            const auto norms = scalars["group_grad_norms_first_step"]["value"].get<std::vector<double>>();
            EXPECT_NEAR(result.grad_norm_decay, norms[0], 1e-5 * norms[0]);
            EXPECT_NEAR(result.grad_norm_rest, norms[1], 1e-5 * norms[1]);
        }
        const std::string number = std::to_string(i + 1);
        if (!errors.contains(number)) continue;
        const double tolerance = 10 * errors[number].get<double>() + 1e-6;
        expect_parameters(reference, "p" + number + ".", model.parameters(), tolerance, 2.1 * moved);
        if (reference.tensors.contains("ema" + number + "." + model.parameters()[0].first))
            expect_parameters(reference, "ema" + number + ".", optimizer.ema(), tolerance, 2.1 * moved);
    }
    EXPECT_EQ(optimizer.step(), static_cast<std::int64_t>(rates.size()));
    for (std::size_t i = 0; i < optimizer.size(); ++i) {
        const std::string& name = model.parameters()[optimizer.parameter_of(i)].first;
        if (reference.tensors.contains("adam.exp_avg." + name)) {
            reference.expect_equal("adam.exp_avg." + name, optimizer.exp_avg(i), 1e-8);
            reference.expect_equal("adam.exp_avg_sq." + name, optimizer.exp_avg_sq(i), 1e-10);
        }
    }
}

TEST(GoldenStep, ParametersMomentsAndAveragesAfterEachStep) {
    const auto cases = test::golden_cases("ar", "ar_train_");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) train_like_the_reference(golden);
}

TEST(GoldenStep, OptimizerOrder) {
    const auto cases = test::golden_cases("ar", "ar_train_");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const nets::UnifiedVoice model(test::config_from(golden.manifest["config"]["model_kwargs"]));
        AdamW optimizer(model.parameters());
        std::size_t index = 0;
        for (const auto& group : golden.manifest["scalars"]["optimizer_groups"]["value"])
            for (const auto& name : group) {
                ASSERT_LT(index, optimizer.size());
                EXPECT_EQ(model.parameters()[optimizer.parameter_of(index++)].first, name);
            }
        EXPECT_EQ(index, optimizer.size());
    }
}

std::vector<Batch> chunks_of(const Batch& batch, std::size_t parts) {  // as torch.chunk cuts
    std::vector<Batch> chunks;
    const std::size_t size = (batch.size() + parts - 1) / parts;
    for (std::size_t i = 0; i < batch.size(); i += size)
        chunks.emplace_back(batch.begin() + static_cast<std::ptrdiff_t>(i),
                            batch.begin() + static_cast<std::ptrdiff_t>(std::min(batch.size(), i + size)));
    return chunks;
}

TEST(GoldenStep, AccumulationAsDlasDoesIt) {
    const auto cases = test::golden_cases("ar", "ar_accum");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const VoiceCase reference(golden);
        nets::UnifiedVoice model(test::config_from(golden.manifest["config"]["model_kwargs"]));
        model.load(reference.weights("sd."));
        AdamW optimizer(model.parameters());
        Step step(model, optimizer,
                  {.form = test::dlas_form(golden.manifest["config"]["model_kwargs"]), .dropout = 0});
        for (const std::string name : {"equal", "ragged", "odd"})
            for (const std::size_t parts : {1, 2}) {
                const auto chunks = chunks_of(reference.batch(name + ".in."), parts);
                const auto gradients = step.gradients(chunks, 1);
                for (std::size_t i = 0; i < gradients.size(); ++i)
                    reference.expect_equal(cat(name, ".m", parts, ".grad.", model.parameters()[i].first),
                                           gradients[i], 1e-7);
            }
    }
}

nets::UnifiedVoice small_model() {
    nets::UnifiedVoice model({.layers = 2,
                              .model_dim = 32,
                              .heads = 4,
                              .max_text_tokens = 24,
                              .max_mel_tokens = 40,
                              .number_text_tokens = 48,
                              .start_text_token = 47,
                              .number_mel_codes = 40,
                              .start_mel_token = 38,
                              .stop_mel_token = 39});
    model.initialise(5);
    return model;
}

nets::Example example_of(int text, int codes) {
    nets::Example example;
    for (int i = 0; i < text; ++i) example.text.push_back(1 + i * 7 % 45);
    example.codes = at::arange(codes, at::kLong) * 5 % 37;
    example.conditioning = {at::sin(at::arange(80 * codes, at::kFloat)).view({80, codes})};
    return example;
}

TEST(Step, AccumulationEqualsTheFullBatchWhateverTheLengths) {
    nets::UnifiedVoice model = small_model();
    AdamW optimizer(model.parameters());
    Step step(model, optimizer, {.dropout = 0});
    const Batch batch = {example_of(3, 30), example_of(20, 5), example_of(9, 12), example_of(1, 1),
                         example_of(15, 22)};
    const auto whole = step.gradients({&batch, 1}, 1);
    for (const std::size_t parts : {2, 3, 5}) {
        const auto accumulated = step.gradients(chunks_of(batch, parts), 1);
        for (std::size_t i = 0; i < whole.size(); ++i)
            EXPECT_LE((accumulated[i] - whole[i]).abs().max().item<double>(),
                      2e-6 * whole[i].abs().max().item<double>() + 1e-8)
                << model.parameters()[i].first;
    }
}

// Half precision rounds a gradient by at most 2^-11 of itself, so its square by 2^-10, and twice that leaves
// room for what later steps make of it.
TEST(Step, LeanIsTheSameStepUpToHalfPrecision) {
    nets::UnifiedVoice full = small_model(), lean = small_model();
    AdamW full_optimizer(full.parameters()), lean_optimizer(lean.parameters());
    StepOptions options{.clip = 0.3, .memory = GradientMemory::full};
    Step full_step(full, full_optimizer, options);
    options.memory = GradientMemory::lean;
    Step lean_step(lean, lean_optimizer, options);
    const Batch batch = {example_of(3, 4)};
    for (int i = 1; i <= 3; ++i) {
        const StepResult a = full_step.run({&batch, 1}, 1e-3, 9, i),
                         b = lean_step.run({&batch, 1}, 1e-3, 9, i);
        EXPECT_NEAR(a.grad_norm_decay, b.grad_norm_decay, 1e-5 * a.grad_norm_decay);
        EXPECT_GT(a.grad_norm_decay, 0.3);
    }
    for (std::size_t i = 0; i < full.parameters().size(); ++i) {
        const at::Tensor moment = full_optimizer.exp_avg_sq(i);
        EXPECT_LE((moment - lean_optimizer.exp_avg_sq(i)).abs().max().item<double>(),
                  std::ldexp(moment.max().item<double>(), -9) + 1e-12);
        const auto& [name, weight] = full.parameters()[i];
        EXPECT_LE((weight - lean.parameters()[i].second).abs().mean().item<double>(), 1e-3 * 3e-3) << name;
    }
}

TEST(Step, LeanAddsUpMicroBatchesToo) {
    nets::UnifiedVoice model = small_model();
    AdamW optimizer(model.parameters());
    const std::vector<Batch> parts = {{example_of(3, 4)}, {example_of(9, 12)}, {example_of(5, 20)}};
    const auto gradients = [&](GradientMemory memory) {
        return Step(model, optimizer, {.dropout = 0, .memory = memory}).gradients(parts, 1);
    };
    const auto full = gradients(GradientMemory::full), lean = gradients(GradientMemory::lean);
    for (std::size_t i = 0; i < full.size(); ++i)
        EXPECT_LE((full[i] - lean[i]).abs().max().item<double>(),
                  std::ldexp(full[i].abs().max().item<double>(), -9))
            << model.parameters()[i].first;
}

TEST(Step, AStepIsRepeatableAndLearns) {
    const Batch batch = {example_of(5, 20), example_of(9, 12)};
    const auto run = [&] {
        nets::UnifiedVoice model = small_model();
        AdamW optimizer(model.parameters());
        Step step(model, optimizer, {});
        std::vector<double> losses;
        for (int i = 1; i <= 20; ++i)
            losses.push_back(step.run({&batch, 1}, 3e-3, static_cast<std::uint64_t>(i), i).total);
        return losses;
    };
    const auto first = run();
    EXPECT_EQ(first, run());
    EXPECT_LT(first.back(), 0.8 * first.front());
}

TEST(Step, NumbersThatAreNotFiniteChangeNothing) {
    for (const auto memory : {GradientMemory::full, GradientMemory::lean}) {
        nets::UnifiedVoice model = small_model();
        AdamW optimizer(model.parameters(), {}, {.rate = 0.9});
        Step step(model, optimizer, {.memory = memory});
        Batch batch = {example_of(5, 20)};
        step.run({&batch, 1}, 1e-3, 1, 1);
        std::vector<at::Tensor> before;
        for (std::size_t i = 0; i < optimizer.size(); ++i) {
            before.push_back(model.parameters()[i].second.clone());
            before.push_back(optimizer.exp_avg(i).clone());
            before.push_back(optimizer.ema()[i].second.clone());
        }
        Batch broken = batch;
        broken[0].conditioning[0] = at::full({80, 20}, std::nan(""));
        EXPECT_TRUE(step.run({&broken, 1}, 1e-3, 2, 2).skipped);
        EXPECT_EQ(optimizer.step(), 1);
        for (std::size_t i = 0; i < optimizer.size(); ++i) {
            EXPECT_TRUE(before[3 * i].equal(model.parameters()[i].second));
            EXPECT_TRUE(before[3 * i + 1].equal(optimizer.exp_avg(i)));
            EXPECT_TRUE(before[3 * i + 2].equal(optimizer.ema()[i].second));
        }
        EXPECT_FALSE(step.run({&batch, 1}, 1e-3, 2, 2).skipped);
    }
}

TEST(Step, RefusesNonsense) {
    nets::UnifiedVoice model = small_model();
    AdamW optimizer(model.parameters());
    EXPECT_THROW(Step(model, optimizer, {.dropout = 1}), Error);
    Step step(model, optimizer, {});
    EXPECT_THROW(step.run({}, 1e-3, 1), Error);
    const Batch batch = {example_of(5, 20)};
    EXPECT_THROW(step.run({&batch, 1}, std::nan(""), 1), Error);
}

TEST(AdamW, NormIsExactAndIndependentOfThreads) {
    const at::Tensor values = at::sin(at::arange(1000003, at::kFloat)) * 3;
    const double exact = values.to(at::kDouble).pow(2).sum().item<double>();
    EXPECT_NEAR(squared_norm(values), exact, 1e-6 * exact);
    EXPECT_EQ(squared_norm(values), squared_norm(values));
    EXPECT_FALSE(std::isfinite(squared_norm(at::full({5}, INFINITY))));
}

// The update in one pass over memory is that of libtorch's kernel.
TEST(AdamW, OwnKernelIsThatOfLibtorch) {
    if (!nets::own_kernels(at::zeros({1}))) GTEST_SKIP();
    at::manual_seed(5);
    const auto train = [](bool half) {
        at::manual_seed(6);
        const nets::Parameters parameters{{"a.weight", at::randn({37, 29})}, {"a.bias", at::randn({19})}};
        AdamW optimizer(parameters, {}, {.rate = 0.9});
        for (int step = 0; step < 3; ++step) {
            optimizer.begin_step(0.01, step + 1);
            for (std::size_t i = 0; i < parameters.size(); ++i) {
                const at::Tensor gradient = at::randn({parameters[i].second.numel()});
                optimizer.update(i, 0, half ? gradient.to(at::kHalf) : gradient, 0.5);
            }
        }
        std::vector<at::Tensor> all;
        for (std::size_t i = 0; i < parameters.size(); ++i)
            for (const at::Tensor& tensor : {parameters[i].second, optimizer.ema()[i].second,
                                             optimizer.exp_avg(i), optimizer.exp_avg_sq(i)})
                all.push_back(tensor);
        return all;
    };
    for (const bool half : {false, true}) {
        const auto own = train(half);
        const nets::PlainMath plain;
        const auto expected = train(half);
        for (std::size_t i = 0; i < own.size(); ++i)
            EXPECT_TRUE(at::allclose(own[i], expected[i], 1e-5, 1e-6)) << half << " " << i;
    }
}

}  // namespace
}  // namespace testudo::training
