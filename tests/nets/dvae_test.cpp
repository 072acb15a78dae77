#include "nets/dvae.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/golden.h"
#include "tensors/safetensors.h"

namespace testudo::nets {
namespace {

TEST(GoldenDvae, EncodesQuantisesAndDecodes) {
    const auto cases = test::golden_cases("ar", "dvae");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const auto tensors = tensors::read_safetensors(golden.folder / (golden.name + ".safetensors"));
        const Find weights = [&](const std::string& name) { return tensors.find("sd." + name); };
        Dvae dvae(infer_dvae_config(weights, golden.name));
        dvae.load(weights);
        int inputs = 0;
        for (const auto& [name, mel] : tensors) {
            if (!name.ends_with(".mel")) continue;
            ++inputs;
            const std::string input = name.substr(0, name.size() - 3);
            const auto tolerance = [&](const std::string& of) {
                const Json& entry = golden.manifest["tensors"][of];
                return std::max(2e-6 * tensors.at(of).abs().max().item<double>(),
                                entry.contains("fp32_vs_fp64")
                                    ? 10 * entry["fp32_vs_fp64"]["max_abs"].get<double>()
                                    : 0.0);
            };
            const auto close = [&](const at::Tensor& ours, const std::string& of) {
                ASSERT_EQ(ours.sizes(), tensors.at(of).sizes()) << of;
                EXPECT_LE((ours - tensors.at(of)).abs().max().item<double>(), tolerance(of)) << of;
            };
            close(dvae.encode(mel), input + "encoder_out");
            const at::Tensor codes = dvae.codes(mel), &reference = tensors.at(input + "codes");
            ASSERT_EQ(codes.sizes(), reference.sizes());
            // A code may differ only where the two nearest are equally near within rounding.
            const at::Tensor decided = tensors.at(input + "margin") > 1e-5;
            EXPECT_TRUE(((codes == reference) | ~decided).all().item<bool>()) << input;
            close(dvae.decode(reference), input + "decoded");
        }
        EXPECT_GT(inputs, 0);
    }
}

TEST(GoldenDvaeShapes, NamesAndShapesOfTheRealModel) {
    const Json shapes = read_json(test::golden_file_or_default("ar/shapes_dvae.json"));
    const Dvae dvae(DvaeConfig{}, at::kMeta);
    ASSERT_EQ(dvae.parameters().size(), shapes["state_dict"].size());
    std::size_t i = 0;
    for (const auto& [name, entry] : shapes["state_dict"].items()) {
        EXPECT_EQ(dvae.parameters()[i].first, name);
        EXPECT_EQ(dvae.parameters()[i].second.sizes().vec(), entry[0].get<std::vector<std::int64_t>>())
            << name;
        ++i;
    }
}

TEST(Dvae, RefusesWhatItCannotUse) {
    Dvae dvae({.hidden_dim = 8, .codebook_dim = 8, .num_tokens = 16});
    dvae.initialise(1);
    EXPECT_THROW(dvae.codes(at::zeros({1, 79, 10})), Error);
    EXPECT_THROW(dvae.codes(at::zeros({80, 10})), Error);
    EXPECT_THROW(dvae.decode(at::full({1, 3}, 16, at::kLong)), Error);
    EXPECT_THROW(dvae.decode(at::zeros({1, 0}, at::kLong)), Error);
    EXPECT_EQ(dvae.decode(at::zeros({2, 3}, at::kLong)).sizes(), (at::IntArrayRef{2, 80, 12}));
    EXPECT_THROW(infer_dvae_config([](const std::string&) { return nullptr; }, "x"), Error);
}

TEST(Dvae, CodebookMadeFromRealEncodingsIsUsed) {
    Dvae dvae({.hidden_dim = 8, .codebook_dim = 8, .num_tokens = 32});
    dvae.initialise(1);
    const at::Tensor mel = at::sin(at::arange(80 * 200, at::kFloat) * 0.37).view({1, 80, 200});
    dvae.initialise_codebook(mel, 2);
    EXPECT_GT(std::get<0>(at::_unique(dvae.codes(mel))).numel(), 8);
}

}  // namespace
}  // namespace testudo::nets
