#include "training/precision.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "training/checkpoint.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using nets::Precision;
using test::Workshop;

TEST(Precision, IsWhatTheDeviceIsGoodAt) {
    using enum PrecisionChoice;
    EXPECT_EQ(precision_on(automatic, false, at::kCPU), Precision::float32);
    EXPECT_EQ(precision_on(automatic, true, at::kCPU), Precision::bfloat16);
    EXPECT_EQ(precision_on(automatic, true, at::kCUDA), Precision::float16);
    EXPECT_EQ(precision_on(float32, true, at::kCUDA), Precision::float32);
    EXPECT_EQ(precision_on(float16, false, at::kCPU), Precision::float16);
    EXPECT_TRUE(precision_notice(Precision::float32, at::kCPU).empty());
    EXPECT_NE(precision_notice(Precision::float16, at::kCPU).find("slower"), std::string::npos);
    EXPECT_EQ(precision_notice(Precision::float16, at::kCUDA).find("slower"), std::string::npos);
}

TEST(Precision, LossScaleFollowsGradScalersRule) {
    LossScale scale;
    scale.update(false);
    EXPECT_EQ(scale.scale, 32768);
    for (std::int64_t i = 1; i < LossScale::good_steps_to_double; ++i) scale.update(true);
    EXPECT_EQ(scale.scale, 32768);
    scale.update(true);
    EXPECT_EQ(scale.scale, 65536);
    for (std::int64_t i = 1; i < LossScale::good_steps_to_double; ++i) scale.update(true);
    scale.update(false);  // counting starts again
    scale.update(true);
    EXPECT_EQ(scale.scale, 32768);
    EXPECT_EQ(scale.good_steps, 1);
}

std::vector<std::pair<std::int64_t, double>> trained_in(const char* precision) {
    Workshop shop(8, 0);
    shop.settings.epochs = 10;
    shop.settings.save_rate = 10;
    shop.settings.dropout = 0;
    shop.settings.precision = std::string(precision);
    shop.configure();
    shop.train();
    EXPECT_EQ(shop.said("mixed precision"), std::string_view(precision) != "float32");
    return shop.losses();
}

double mean_of_last(const std::vector<std::pair<std::int64_t, double>>& losses, std::size_t count) {
    double sum = 0;
    for (std::size_t i = losses.size() - count; i < losses.size(); ++i) sum += losses[i].second;
    return sum / static_cast<double>(count);
}

// The curve of a training, falling, within 2 % of that in 32 bits. In float16 the first steps may overflow
// until the scale fits: their batches are passed over, and the curve comes down a little later.
TEST(Precision, TrainingFallsAlike) {
    const auto exact = trained_in("float32");
    ASSERT_EQ(exact.size(), 20u);
    EXPECT_LT(exact.back().second, 0.9 * exact.front().second);
    const auto rounded = trained_in("bfloat16");
    ASSERT_EQ(rounded.size(), exact.size());
    for (std::size_t i = 0; i < exact.size(); ++i)
        EXPECT_NEAR(rounded[i].second, exact[i].second, 0.02 * exact[i].second) << i;
    EXPECT_NE(rounded, exact);

    const auto scaled = trained_in("float16");
    ASSERT_GE(scaled.size(), exact.size() - 3);
    EXPECT_NEAR(mean_of_last(scaled, 10), mean_of_last(exact, 10), 0.05 * mean_of_last(exact, 10));
    EXPECT_LT(scaled.back().second, 0.9 * scaled.front().second);
    EXPECT_NE(scaled, exact);
}

// A scale far too high is halved until the steps fit: these change nothing, are no trouble, and the state
// keeps what was found.
TEST(Precision, OverflowedStepsLowerTheScaleAndAreNoTrouble) {
    Workshop shop(8, 0);
    shop.settings.epochs = 2;
    shop.settings.save_rate = 2;
    shop.settings.precision = std::string("float16");  // a bare literal: a false warning of g++ 12
    shop.configure();
    shop.train();
    const fs::path state = shop.paths().state(4);
    tensors::Value value = tensors::read_pickle(state);
    for (auto& [key, own] : value.dict()->items)
        if (key.text() && *key.text() == "testudo") own.dict()->set("loss_scale", 1e6);
    tensors::write_pickle(state, value);
    shop.seen.clear();
    const Json summary = shop.resume({.epochs = 12});
    EXPECT_TRUE(shop.said("overflowed float16"));
    EXPECT_FALSE(shop.said("not finite"));
    EXPECT_GT(summary["skipped_steps"].get<int>(), 3);  // three bad steps in a row would be trouble
    EXPECT_EQ(summary["returns"].get<int>(), 0);
    ASSERT_FALSE(shop.losses().empty());
    const auto saved = read_state(shop.paths().state(24));
    ASSERT_TRUE(saved.own);
    EXPECT_LT(saved.own->loss_scale.scale, 1e5);
    EXPECT_EQ(saved.own->loss_scale.good_steps, static_cast<std::int64_t>(shop.losses().size()));
}

// A model saved in half precision is half as large, holds the rounded weights, and training starts from it.
TEST(Precision, HalfModelsAreSavedAndTrainedFrom) {
    Workshop shop(8, 0);
    shop.settings.epochs = 1;
    shop.settings.keep_states = 1;
    shop.settings.save_rate = 0.5;
    shop.settings.save_half = true;
    shop.configure();
    shop.train();
    EXPECT_FALSE(fs::exists(shop.paths().half_model(1)));  // deleted with the rest
    const fs::path half = shop.root() / "models" / "finetunes" / "half.pth";
    fs::create_directories(half.parent_path());
    fs::copy_file(shop.paths().half_model(2), half);
    const auto rounded = tensors::read_weights(half), whole = tensors::read_weights(shop.paths().model(2));
    const at::Tensor& weight = rounded.at("mel_head.weight");
    EXPECT_EQ(weight.scalar_type(), at::kHalf);
    EXPECT_TRUE(at::equal(weight, whole.at("mel_head.weight").to(at::kHalf)));
    write_json(shop.root() / "models" / "finetunes" / "half.json", {{"heads", 2}});
    shop.settings.source_model = std::string("./models/finetunes/half.pth");
    shop.settings.save_half = false;
    shop.configure();
    shop.train();
    EXPECT_EQ(tensors::read_weights(shop.paths().model(2)).at("mel_head.weight").scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace testudo::training
