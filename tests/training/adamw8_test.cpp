// AdamW with moments in 8 bits: codes, steps, states, and what it does to a training.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>
#include <set>

#include "core/interrupt.h"
#include "support/unified_voice_case.h"
#include "training/checkpoint.h"
#include "training/step.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using tensors::Value;
using test::Workshop;
using testudo::test::GoldenCase;

struct BytesCase {
    tensors::NamedTensors tensors;
    explicit BytesCase(const GoldenCase& golden)
        : tensors(tensors::read_safetensors(golden.folder / (golden.name + ".safetensors"))) {}
    // What stands between PREFIX and SUFFIX in the tensors' names.
    std::set<std::string> names(const std::string& prefix, const std::string& suffix) const {
        std::set<std::string> found;
        for (const auto& [name, tensor] : tensors)
            if (name.starts_with(prefix) && name.ends_with(suffix) &&
                name.size() > prefix.size() + suffix.size())
                found.insert(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
        return found;
    }
};

Moment moment_named(const std::string& name) {
    return name.ends_with("unsigned") ? Moment::second : Moment::first;
}

TEST(GoldenAdamW8, BooksAndRoundTrips) {
    const auto cases = testudo::test::golden_cases("ar", "bnb_");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const BytesCase reference(golden);
        for (const std::string& name : reference.names("qmap.", ""))
            EXPECT_TRUE(at::equal(code_book_tensor(moment_named(name), at::kCPU),
                                  reference.tensors.at("qmap." + name)))
                << name;
        const auto rounds = reference.names("rt.", ".x");
        EXPECT_FALSE(rounds.empty());
        for (const std::string& name : rounds) {
            const auto part = [&](const char* what) { return reference.tensors.at(cat("rt.", name, what)); };
            const Moment moment = moment_named(name);
            const QuantisedMoment ours = quantise(part(".x"), moment);
            EXPECT_TRUE(at::equal(ours.codes, part(".codes_exact"))) << name;
            EXPECT_TRUE(at::equal(ours.largest, part(".absmax"))) << name;
            const at::Tensor back = dequantise(ours, moment);
            EXPECT_TRUE(at::equal(back, part(".back_exact"))) << name;
            // bitsandbytes' own on a CPU is coarser by what the manifest says.
            const at::Tensor scale =
                ours.largest.repeat_interleave(quantised_block).narrow(0, 0, back.numel());
            const Json& check = golden.manifest["scalars"]["nearest_check"]["value"][name];
            const at::Tensor excess = (part(".back") - part(".x")).abs() - (back - part(".x")).abs() -
                                      scale * (check["largest_excess_distance"].get<double>() + 1e-6);
            EXPECT_LE(excess.max().item<double>(), 0) << name;
        }
    }
}

// Names under which our rules put the tensors into the reference's groups and precisions.
std::string name_for(const std::string& name, bool decays, int bits, std::int64_t elements,
                     std::int64_t smallest) {
    if (decays) return name + ".weight";
    return bits == 32 && elements >= smallest ? name + ".emb.weight" : name + ".bias";
}

TEST(GoldenAdamW8, Steps) {
    const auto cases = testudo::test::golden_cases("ar", "bnb_");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const BytesCase reference(golden);
        const Json &config = golden.manifest["config"],
                   &kinds = golden.manifest["scalars"]["state_kind"]["value"];
        const auto smallest = config["min_8bit_size"].get<std::int64_t>();
        nets::Parameters parameters;
        std::map<std::string, std::string> names;  // ours to the reference's
        AdamWOptions options{.beta1 = config["betas"][0].get<double>(),
                             .beta2 = config["betas"][1].get<double>(),
                             .eps = config["eps"].get<double>(),
                             .eight_bit = true};
        for (const auto& [group, members] : config["groups"].items()) {
            const bool decays = group.starts_with("decay_");
            if (decays) options.weight_decay = std::stod(group.substr(6));
            for (const std::string name : members) {
                const at::Tensor start = reference.tensors.at("p0." + name);
                parameters.emplace_back(
                    name_for(name, decays, kinds[name]["bits"].get<int>(), start.numel(), smallest),
                    start.clone());
                names[parameters.back().first] = name;
            }
        }
        AdamW optimizer(parameters, options);
        for (std::size_t i = 0; i < optimizer.size(); ++i) {
            const auto& [ours, tensor] = parameters[optimizer.parameter_of(i)];
            EXPECT_EQ(optimizer.is_quantised(i), kinds[names[ours]]["bits"] == 8) << ours;
        }
        std::int64_t step = 0;
        for (const double rate : config["lr_per_step"]) {
            optimizer.begin_step(rate, ++step);
            for (std::size_t i = 0; i < optimizer.size(); ++i) {
                const std::size_t parameter = optimizer.parameter_of(i);
                const auto& [ours, tensor] = parameters[parameter];
                const std::string& name = names[ours];
                const at::Tensor gradient = reference.tensors.at(cat("g", step, ".", name)).clone();
                optimizer.update(parameter, 0, gradient.view({-1}), 1);
                const std::string exact = cat("x", step, ".", name), plain = cat("p", step, ".", name);
                if (!optimizer.is_quantised(i)) {
                    if (!reference.tensors.contains(plain)) continue;
                    EXPECT_LE((tensor - reference.tensors.at(plain)).abs().max().item<double>(), 1e-7)
                        << plain;
                    for (const Moment which : {Moment::first, Moment::second}) {
                        const at::Tensor held = reference.tensors.at(
                            cat("s", step, ".", name, which == Moment::first ? ".state1" : ".state2"));
                        const at::Tensor own =
                            which == Moment::first ? optimizer.exp_avg(i) : optimizer.exp_avg_sq(i);
                        EXPECT_LE((own - held).abs().max().item<double>(),
                                  1e-6 * held.abs().max().item<double>())
                            << plain;
                    }
                    continue;
                }
                if (!reference.tensors.contains(exact + ".p")) continue;
                // A rounding that falls the other way moves a code by one, and the element with it: rarely.
                const auto share = [](const at::Tensor& wrong) {
                    return wrong.to(at::kDouble).mean().item<double>();
                };
                for (const Moment which : {Moment::first, Moment::second}) {
                    const char* number = which == Moment::first ? "1" : "2";
                    const QuantisedMoment& own = optimizer.quantised(i, which);
                    const at::Tensor apart =
                        own.codes.flatten().to(at::kInt) -
                        reference.tensors.at(cat(exact, ".state", number)).flatten().to(at::kInt);
                    EXPECT_LE(share(apart != 0), 1e-3) << exact << number;
                    EXPECT_LE(apart.abs().max().item<int>(), 1) << exact << number;
                    const at::Tensor held = reference.tensors.at(cat(exact, ".absmax", number));
                    EXPECT_LE(share((own.largest - held).abs() > 1e-5 * held), 1e-3) << exact << number;
                }
                const at::Tensor there = reference.tensors.at(exact + ".p").view_as(tensor);
                EXPECT_LE(share((tensor - there).abs() > 1e-6 * (1 + there.abs())), 1e-3) << exact;
            }
        }
    }
}

TEST(GoldenAdamW8, StatesOfBitsandbytesAreTakenBitForBit) {
    const auto cases = testudo::test::golden_cases("ar", "bnb_");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const fs::path file =
            golden.folder / golden.manifest["scalars"]["state_file"]["value"].get<std::string>();
        const SavedState saved = read_state(file);
        const auto& held = saved.optimizer.find("state")->dict()->items;
        const auto part = [&](std::size_t i, const char* key) {
            const Value* nested = held[i].second.find("__bnb_optimizer_quant_state__");
            const Value* value = (nested ? nested : &held[i].second)->find(key);
            return value ? *value->tensor() : at::Tensor();
        };
        nets::Parameters parameters;  // in the order of the file
        for (std::size_t i = 0; i < held.size(); ++i)
            parameters.emplace_back(cat("part", 1000 + i, ".weight"), at::zeros(part(i, "state1").sizes()));
        AdamW optimizer(parameters, {.eight_bit = true});
        restore_optimizer(optimizer, saved);
        int compared = 0;
        for (std::size_t i = 0; i < optimizer.size(); ++i) {
            if (!optimizer.is_quantised(i) || !part(i, "qmap1").defined()) continue;
            EXPECT_TRUE(at::equal(optimizer.quantised(i, Moment::first).codes, part(i, "state1")));
            EXPECT_TRUE(at::equal(optimizer.quantised(i, Moment::second).codes, part(i, "state2")));
            EXPECT_TRUE(at::equal(optimizer.quantised(i, Moment::first).largest, part(i, "absmax1")));
            EXPECT_TRUE(at::equal(optimizer.quantised(i, Moment::second).largest, part(i, "absmax2")));
            ++compared;
        }
        EXPECT_GT(compared, 0);
        EXPECT_EQ(static_cast<std::size_t>(optimizer.step()),
                  golden.manifest["config"]["lr_per_step"].size());
    }
}

// Every bucket of the look-up, against a search through the whole book.
TEST(AdamW8, EveryValueGetsTheNearestCode) {
    for (const Moment moment : {Moment::first, Moment::second}) {
        const at::Tensor book = code_book_tensor(moment, at::kCPU).to(at::kDouble);
        std::vector<float> values(quantised_block, 0.0F);
        for (std::uint32_t bits = 0x33000000; bits < 0x3f800000; bits += 255 * 8111) {
            values[0] = 1;
            for (std::uint32_t i = 1; i < quantised_block; ++i) {
                const std::uint32_t number = std::min(0x3f800000U, bits + i * 8111);
                values[i] = std::bit_cast<float>(number) * (moment == Moment::first && i % 2 ? -1.0F : 1.0F);
            }
            const at::Tensor given = at::tensor(values);
            const QuantisedMoment coded = quantise(given, moment);
            const at::Tensor distances = (given.to(at::kDouble).unsqueeze(1) - book.unsqueeze(0)).abs();
            const at::Tensor chosen = distances.gather(1, coded.codes.to(at::kLong).unsqueeze(1)).squeeze(1);
            ASSERT_TRUE(at::equal(chosen, distances.amin(1))) << bits;
        }
    }
}

TEST(AdamW8, NumbersThatAreNotFiniteStayInTheBook) {
    at::Tensor values = at::ones({300});
    values[3] = std::nanf("");
    values[270] = INFINITY;
    EXPECT_EQ(quantise(values, Moment::first).codes.numel(), 300);
    EXPECT_EQ(quantise(values, Moment::second).codes.numel(), 300);
}

// Tensor operations (for other devices) and the loops agree: the moments bit for bit, the weights but for the
// last bit of a root. So do parts and the whole.
TEST(AdamW8, AllWaysOfAStepAgree) {
    at::manual_seed(3);
    const std::int64_t count = 4096 * 3 + 77;
    const at::Tensor start = at::randn({count});
    struct Way {
        at::Tensor weights;
        QuantisedMoment first, second;
    };
    std::vector<Way> ways;
    for (int i = 0; i < 3; ++i) ways.push_back({start.clone(), zero_moment(start), zero_moment(start)});
    for (std::int64_t step = 1; step <= 6; ++step) {
        const at::Tensor gradient = at::randn({count}) * at::randn({count}).exp();
        const AdamWNumbers numbers{.learning_rate = 1e-2,
                                   .weight_decay = step % 2 ? 0.01 : 0.0,
                                   .beta1 = 0.9,
                                   .beta2 = 0.96,
                                   .eps = 1e-8,
                                   .step = step};
        const auto run = [&](Way& way, std::int64_t offset, std::int64_t length, bool plain) {
            quantised_adamw_step(way.weights, way.first, way.second, offset,
                                 gradient.narrow(0, offset, length).clone(), 0.37, numbers, plain);
        };
        run(ways[0], 0, count, false);
        run(ways[1], 0, count, true);
        run(ways[2], 0, 2560, false);
        run(ways[2], 2560, count - 2560, false);
        for (std::size_t i = 1; i < ways.size(); ++i) {
            ASSERT_TRUE(at::allclose(ways[0].weights, ways[i].weights, 1e-6, 1e-7)) << step << " " << i;
            ASSERT_TRUE(at::equal(ways[0].first.codes, ways[i].first.codes)) << step << " " << i;
            ASSERT_TRUE(at::equal(ways[0].second.codes, ways[i].second.codes)) << step << " " << i;
            ASSERT_TRUE(at::equal(ways[0].first.largest, ways[i].first.largest)) << step << " " << i;
        }
    }
    EXPECT_FALSE(at::equal(ways[0].weights, start));
}

nets::UnifiedVoiceConfig learning_config() {
    return {.layers = 2,
            .model_dim = 64,
            .heads = 4,
            .max_text_tokens = 24,
            .max_mel_tokens = 40,
            .number_text_tokens = 48,
            .start_text_token = 47,
            .number_mel_codes = 70,
            .start_mel_token = 68,
            .stop_mel_token = 69};
}

std::vector<double> learn(bool eight_bit, GradientMemory memory, int steps) {
    nets::UnifiedVoice model(learning_config());
    model.initialise(5);
    AdamW optimizer(model.parameters(), {.eight_bit = eight_bit});
    Step step(model, optimizer, {.memory = memory});
    nets::Batch batch;
    for (int clip = 0; clip < 4; ++clip) {
        nets::Example example;
        for (int i = 0; i < 5 + clip; ++i) example.text.push_back(1 + (i + clip) * 7 % 45);
        example.codes = (at::arange(12 + 3 * clip, at::kLong) * 5 + clip) % 67;
        example.conditioning = {at::sin(at::arange(80 * 20, at::kFloat) * (clip + 1)).view({80, 20})};
        batch.push_back(example);
    }
    std::vector<double> losses;
    for (int i = 1; i <= steps; ++i)
        losses.push_back(step.run({&batch, 1}, 1e-3, static_cast<std::uint64_t>(i), i).total);
    return losses;
}

TEST(AdamW8, LearnsLike32Bits) {
    constexpr int steps = 60;
    const auto exact = learn(false, GradientMemory::full, steps);
    EXPECT_LT(exact.back(), 0.75 * exact.front());
    for (const GradientMemory memory : {GradientMemory::full, GradientMemory::lean}) {
        const auto rounded = learn(true, memory, steps);
        EXPECT_NE(rounded, exact);
        for (std::size_t i = 0; i < exact.size(); ++i)
            EXPECT_NEAR(rounded[i], exact[i], 0.01 * exact[i]) << i;
    }
    EXPECT_EQ(learn(true, GradientMemory::full, 10), learn(true, GradientMemory::full, 10));
}

TEST(AdamW8, TakesAQuarterOfTheMemory) {
    const nets::Parameters parameters{{"a.weight", at::zeros({1024, 1024})}};
    EXPECT_EQ(AdamW(parameters).state_bytes(), 8 * 1048576);
    EXPECT_EQ(AdamW(parameters, {.eight_bit = true}).state_bytes(), 2 * (1048576 + 4 * 4096));
}

TEST(Adam8Training, StoppedAndResumedEqualsUninterrupted) {
    Workshop whole, parts;
    for (Workshop* shop : {&whole, &parts}) {
        shop->settings.bitsandbytes = true;
        shop->configure();
    }
    whole.train();
    EXPECT_TRUE(whole.said("8-bit AdamW: optimiser states take"));
    parts.on_event = [&](const Json& event) {
        if (event["type"] == "metric" && !event.contains("mode") && event["it"] == 4) request_stop();
    };
    parts.train();
    request_stop(false);
    parts.on_event = nullptr;
    parts.resume();
    EXPECT_EQ(whole.losses(), parts.losses());
    for (const auto file : {&RunPaths::model, &RunPaths::state})
        EXPECT_TRUE(tensors::identical(tensors::read_pickle((whole.paths().*file)(9)),
                                       tensors::read_pickle((parts.paths().*file)(9))));
    // The form of bitsandbytes.
    const Value state = tensors::read_pickle(whole.paths().state(9));
    const Value& optimizer = state.find("optimizers")->elements()[0];
    int coded = 0, plain = 0;
    for (const auto& [index, entry] : optimizer.find("state")->dict()->items) {
        EXPECT_EQ(entry.find("step")->integer(), 9);
        const at::Tensor codes = *entry.find("state1")->tensor();
        if (codes.is_floating_point()) {
            EXPECT_FALSE(entry.find("qmap1"));
            ++plain;
            continue;
        }
        EXPECT_EQ(codes.scalar_type(), at::kByte);
        EXPECT_GE(codes.numel(), 4096);
        EXPECT_EQ(entry.find("qmap2")->tensor()->numel(), 256);
        EXPECT_EQ(entry.find("absmax2")->tensor()->numel(), (codes.numel() + 255) / 256);
        ++coded;
    }
    EXPECT_GT(coded, 0);
    EXPECT_GT(plain, 0);
    EXPECT_TRUE(optimizer.find("param_groups")->elements()[0].find("alpha"));
}

TEST(Adam8Training, EitherPrecisionGoesOnFromTheOther) {
    for (const bool first : {false, true}) {
        Workshop shop;
        shop.settings.bitsandbytes = first;
        shop.settings.epochs = 2;
        shop.configure();
        shop.train();
        shop.settings.bitsandbytes = !first;
        shop.settings.epochs = 3;
        shop.configure();
        EXPECT_EQ(shop.resume()["iterations"], 9);
        const Value state = tensors::read_pickle(shop.paths().state(9));
        const Value* entry =
            state.find("optimizers")->elements()[0].find("state")->dict()->find(std::int64_t{0});
        EXPECT_EQ(entry->find("exp_avg") != nullptr, first);
        EXPECT_LT(shop.losses().back().second, shop.losses().front().second);
    }
}

}  // namespace
}  // namespace testudo::training
