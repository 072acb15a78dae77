#include "synthesis/processors.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "support/golden.h"
#include "synthesis/sample_codes.h"
#include "tensors/safetensors.h"

namespace testudo::synthesis {
namespace {

void expect_same(const at::Tensor& got, const at::Tensor& expected, double allowed, const std::string& what) {
    ASSERT_EQ(got.sizes(), expected.sizes()) << what;
    EXPECT_TRUE(at::isinf(got).equal(at::isinf(expected))) << what << ": other codes were removed";
    const at::Tensor kept = ~at::isinf(expected);
    EXPECT_LE((got.masked_select(kept) - expected.masked_select(kept)).abs().max().item<double>(), allowed)
        << what;
}

TEST(GoldenProcessors, EachAndTheChains) {
    const auto cases = test::golden_cases("gen", "ar_processors");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const auto data = tensors::read_safetensors(golden.folder / (golden.name + ".safetensors"));
        const at::Tensor logits = data.at("logits"), history = data.at("history");
        const Json& about = golden.manifest.at("tensors");
        const auto allowed = [&](const std::string& name) {
            return about.at(name).at("tolerance").at("abs").get<double>();
        };
        int seen = 0;
        for (const auto& [name, expected] : data) {
            const std::size_t cut = name.rfind('_');
            const std::string kind = name.substr(0, cut);
            at::Tensor got;
            if (kind == "repetition")
                got = penalise_repetition(logits, history, std::stod(name.substr(cut + 1)));
            else if (kind == "temperature")
                got = logits / std::stod(name.substr(cut + 1));
            else if (kind == "top_k")
                got = keep_top_k(logits, std::stoi(name.substr(cut + 1)));
            else if (kind == "top_p")
                got = keep_top_p(logits, std::stod(name.substr(cut + 1)));
            else if (kind == "typical")
                got = keep_typical(logits, std::stod(name.substr(cut + 1)));
            else
                continue;
            expect_same(got, expected, allowed(name), name);
            ++seen;
        }
        EXPECT_GT(seen, 0);
        for (const auto& [name, chain] : golden.manifest.at("chains").items()) {
            ProcessorOptions options;
            options.repetition_penalty = chain.at("repetition").get<double>();
            options.typical_mass =
                chain.at("typical_mass").is_null() ? 0 : chain.at("typical_mass").get<double>();
            options.temperature = chain.at("temperature").get<double>();
            options.top_k = chain.at("top_k").get<int>();
            options.top_p = chain.at("top_p").get<double>();
            const at::Tensor scores = process_logits(logits, history, options);
            const std::string prefix = cat("chain_", name);
            if (data.contains(prefix + "_scores"))
                expect_same(scores, data.at(prefix + "_scores"), allowed(prefix + "_scores"), name);
            if (data.contains(prefix + "_probs"))
                expect_same(at::softmax(scores, -1), data.at(prefix + "_probs"), allowed(prefix + "_probs"),
                            name);
        }
    }
}

TEST(GoldenProcessors, CodeRules) {
    const auto cases = test::golden_cases("gen", "ar_code_rules");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const int stop = golden.manifest.at("stop").get<int>();
        for (const auto& rule : golden.manifest.at("fix"))
            EXPECT_EQ(fix_codes(rule.at("in").get<std::vector<int>>(), stop),
                      rule.at("out").get<std::vector<int>>());
        for (const auto& rule : golden.manifest.at("trim")) {
            const auto codes = rule.at("codes").get<std::vector<int>>();
            const Json& kept = rule.at("latents_kept");
            EXPECT_EQ(calm_cut(codes, rule.value("breathing_room", 8)), kept.get<std::size_t>());
        }
    }
}

TEST(Processors, RefuseWhatCannotBeSampledWith) {
    const auto bad = [](auto&& change) {
        ProcessorOptions options;
        change(options);
        EXPECT_THROW(check_processors(options), Error);
    };
    bad([](auto& o) { o.temperature = 0; });
    bad([](auto& o) { o.temperature = -1; });
    bad([](auto& o) { o.temperature = std::nan(""); });
    bad([](auto& o) { o.repetition_penalty = 0; });
    bad([](auto& o) { o.top_p = 1.5; });
    bad([](auto& o) { o.top_p = -0.1; });
    bad([](auto& o) { o.typical_mass = 1; });
    bad([](auto& o) { o.top_k = -1; });
    EXPECT_NO_THROW(check_processors({}));
}

TEST(Processors, SmallVocabularyAndEverythingOff) {
    const at::Tensor logits = at::tensor({1.0f, 2.0f, 3.0f}).unsqueeze(0);
    const at::Tensor history = at::zeros({1, 1}, at::kLong);
    EXPECT_TRUE(keep_top_k(logits, 50).equal(logits));
    ProcessorOptions off{1, 0, 1, 0, 1};
    EXPECT_TRUE(process_logits(logits, history, off).equal(logits));
    EXPECT_FALSE(at::isinf(keep_top_p(logits, 0)).all().item<bool>());
}

TEST(CodeRules, ShortAndEmptyRows) {
    EXPECT_TRUE(fix_codes({}).empty());
    EXPECT_EQ(fix_codes({8193}), std::vector<int>({248}));
    EXPECT_EQ(fix_codes({1, 8193}), std::vector<int>({45, 248}));
    EXPECT_EQ(calm_cut({}), 0u);
}

}  // namespace
}  // namespace testudo::synthesis
