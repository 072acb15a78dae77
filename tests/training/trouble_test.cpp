// What a training does when steps go wrong, the disk is full or the machine asks it to end.
#include <gtest/gtest.h>

#include <csignal>

#include "core/interrupt.h"
#include "core/yaml.h"
#include "support/full_disk.h"
#include "training/checkpoint.h"
#include "training/loss_watch.h"
#include "training/step.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using tensors::Value;
using test::error_of;
using test::Workshop;
using testudo::test::FullDisk;

TEST(LossWatch, FiveDeviationsOverTheLastHundred) {
    LossWatch watch;
    for (std::size_t i = 0; i < LossWatch::least - 1; ++i) watch.add(i % 2 ? 1 : 3);
    EXPECT_EQ(watch.limit(), std::numeric_limits<double>::infinity());
    watch.add(1);
    EXPECT_NEAR(watch.limit(), 2 + 5 * 1, 1e-12);
    for (std::size_t i = 0; i < LossWatch::window; ++i) watch.add(4);
    EXPECT_EQ(watch.losses().size(), LossWatch::window);
    EXPECT_NEAR(watch.limit(), 4 + 5 * 0.04, 1e-12);  // a flat curve
    watch.restore({1, std::nan(""), 2});
    EXPECT_EQ(watch.losses(), (std::vector<double>{1, 2}));
}

void edit_state(const fs::path& file, const std::function<void(tensors::Dict&)>& change) {
    Value state = tensors::read_pickle(file);
    for (auto& [key, value] : state.dict()->items)
        if (key.text() && *key.text() == "testudo") change(*value.dict());
    tensors::write_pickle(file, state);
}

// As if the last hundred losses had all been this: what is 5 % above is a leap.
void set_losses(const fs::path& state, double loss) {
    edit_state(state, [&](tensors::Dict& own) {
        tensors::List same;
        for (std::size_t i = 0; i < LossWatch::window; ++i) same.items.emplace_back(loss);
        own.set("losses", std::move(same));
    });
}

TEST(Trouble, LeapsAreSkippedAndEndTheTrainingOnlyAfterThreeReturns) {
    Workshop shop(4, 0);
    shop.settings.epochs = 2;
    shop.configure();
    shop.train();
    set_losses(shop.paths().state(2), 1e-3);  // every loss is a leap
    const std::string model = read_file(shop.paths().model(2));
    shop.seen.clear();
    const Error error = error_of([&] { shop.resume({.epochs = 60}); });
    EXPECT_EQ(error.kind(), ErrorKind::diverged);
    EXPECT_NE(std::string(error.what()).find("2.state"), std::string::npos) << error.what();
    EXPECT_TRUE(shop.said("five standard deviations"));
    EXPECT_TRUE(shop.said("its clips: audio/clip_"));
    for (const Json& event : shop.of_type("log"))
        EXPECT_EQ(event.contains("clips") ? event["clips"].size() : 0u,
                  event.value("about", "") == "skipped" ? 4u : 0u);
    EXPECT_TRUE(shop.said("half the learning rate: 0.5 of what"));
    EXPECT_TRUE(shop.said("half the learning rate: 0.125 of what"));
    EXPECT_TRUE(shop.training_metrics().empty());  // no step counted
    EXPECT_EQ(read_file(shop.paths().model(2)), model);
}

TEST(Trouble, WithoutACheckpointThreeBadStepsEndIt) {
    Workshop shop(4, 0);
    // A model of which every loss overflows.
    const fs::path base = shop.root() / "models/tortoise/autoregressive.pth";
    auto weights = tensors::read_weights(base);
    weights.set("mel_head.weight", at::full(weights.at("mel_head.weight").sizes(), 3e38));
    weights.set("final_norm.weight", at::full({32}, 3e38));
    tensors::write_pickle(base, tensors::to_value(weights));
    shop.settings.epochs = 9;
    shop.settings.save_rate = 9;
    shop.configure();
    const Error error = error_of([&] { shop.train(); });
    EXPECT_EQ(error.kind(), ErrorKind::diverged);
    EXPECT_NE(std::string(error.what()).find("none was written yet"), std::string::npos) << error.what();
}

// 30 iterations and a checkpoint; behind it a learning rate that jumps to 0.01 and spoils the weights (a loss
// of about 0.7, the limit being 0.55), while half of it does not spoil them enough (0.4).
void make_it_leap_later(Workshop& shop) {
    shop.settings.epochs = 30;
    shop.settings.save_rate = 30;
    shop.settings.dropout = 0;
    shop.settings.learning_rate_schedule = {40};
    shop.configure();
    YAML::Node yaml = read_yaml(shop.paths().yaml);
    yaml["train"]["lr_gamma"] = 10;
    write_yaml(shop.paths().yaml, yaml);
    shop.train();
    set_losses(shop.paths().state(30), 0.4);
    shop.seen.clear();
}

TEST(Trouble, ItGoesBackWithHalfTheRateAndOnToTheEnd) {
    Workshop whole(4, 0), parts(4, 0);
    make_it_leap_later(whole);
    make_it_leap_later(parts);
    const Json summary = whole.resume({.epochs = 60});
    EXPECT_EQ(summary["iterations"], 60);
    EXPECT_EQ(summary["returns"], 1);
    EXPECT_EQ(summary["skipped_steps"], 3);
    const auto skipped = whole.told_about("skipped");
    EXPECT_EQ(skipped.size(), 3u);
    EXPECT_EQ(whole.told_about("returned"), (std::vector<std::int64_t>{skipped.back()}));
    EXPECT_TRUE(whole.said("to " + whole.paths().state(30).string() + " (iteration 30)"));
    EXPECT_NEAR(whole.training_metrics().back()["lr"].get<double>(), 0.005, 1e-9);
    EXPECT_EQ(saved_iterations(whole.paths()), (std::vector<std::int64_t>{30, 60}));
    // Stopped after the return and resumed: the same to the bit, and still at the lower rate.
    bool returned = false;
    parts.on_event = [&](const Json& event) {
        returned = returned || event.value("about", "") == "returned";
        if (returned && event["type"] == "metric" && event["it"] == 35) request_stop();
    };
    parts.resume({.epochs = 60});
    request_stop(false);
    parts.on_event = nullptr;
    EXPECT_EQ(saved_iterations(parts.paths()), (std::vector<std::int64_t>{30, 35}));
    parts.resume({.epochs = 60});
    EXPECT_TRUE(parts.said("the learning rate stays 0.5 of what"));
    for (const auto file : {&RunPaths::model, &RunPaths::state})
        EXPECT_TRUE(tensors::identical(tensors::read_pickle((whole.paths().*file)(60)),
                                       tensors::read_pickle((parts.paths().*file)(60))));
}

TEST(Trouble, ALearningRateSetByTheUserEndsTheHalving) {
    Workshop shop(4, 0);
    shop.settings.epochs = 2;
    shop.settings.learning_rate_schedule = {50};
    shop.configure();
    shop.train();
    edit_state(shop.paths().state(2), [](tensors::Dict& own) { own.set("lr_scale", 0.25); });
    shop.seen.clear();
    shop.resume({.epochs = 3});
    EXPECT_EQ(shop.training_metrics().back()["lr"], 0.25e-3);
    shop.settings.learning_rate = 1e-4;
    shop.settings.epochs = 4;
    shop.configure();
    shop.resume();
    EXPECT_EQ(shop.training_metrics().back()["lr"], 1e-4);
    edit_state(shop.paths().state(4), [](tensors::Dict& own) { own.set("lr_scale", -1.0); });
    EXPECT_EQ(error_of([&] { read_state(shop.paths().state(4)); }).kind(), ErrorKind::input);
}

TEST(Trouble, TerminateSavesLikeCtrlC) {
    Workshop shop(4, 0);
    shop.settings.epochs = 9;
    shop.settings.save_rate = 9;
    shop.configure();
    const StopOnSignal stop;
    shop.on_event = [](const Json& event) {
        if (event["type"] == "metric" && event["it"] == 4) ::raise(SIGTERM);
    };
    const Json summary = shop.train();
    EXPECT_EQ(summary["stopped"], true);
    EXPECT_EQ(saved_iterations(shop.paths()), (std::vector<std::int64_t>{4}));
    request_stop(false);
    shop.on_event = nullptr;
    EXPECT_EQ(shop.resume()["iterations"], 9);
}

TEST(Trouble, AFullDiskIsTriedAgainAndOldStatesStayUntilThen) {
    for (const bool soon : {false, true}) {
        FullDisk disk;
        Workshop shop(4, 0);
        shop.settings.epochs = 8;
        shop.settings.save_rate = 2;
        shop.settings.keep_states = 1;
        shop.configure();
        std::vector<std::int64_t> while_full;
        shop.on_event = [&](const Json& event) {
            if (event["type"] != "metric") return;
            if (event["it"] == 3) disk.set(true);
            if (event["it"] == 5) {
                while_full = saved_iterations(shop.paths());
                disk.set(false);
            }
        };
        const Json summary = shop.train({.save_again_seconds = soon ? 0.0 : 1e9});
        EXPECT_EQ(summary["iterations"], 8);
        EXPECT_TRUE(shop.said("the checkpoint of iteration 4 could not be written"));
        EXPECT_EQ(shop.told_about("disk").front(), 4);
        EXPECT_EQ(while_full, (std::vector<std::int64_t>{2}));
        EXPECT_EQ(saved_iterations(shop.paths()), (std::vector<std::int64_t>{8}));
        EXPECT_FALSE(fs::exists(shop.paths().model(4)));
        std::vector<std::string> states;
        for (const Json& event : shop.of_type("artifact"))
            if (event["kind"] == "state")
                states.push_back(fs::path(event["path"].get<std::string>()).filename().string());
        EXPECT_EQ(states, soon ? (std::vector<std::string>{"2.state", "5.state", "6.state", "8.state"})
                               : (std::vector<std::string>{"2.state", "6.state", "8.state"}));
    }
}

TEST(Trouble, TheLastSaveMustSucceed) {
    for (const bool stopped : {false, true}) {
        FullDisk disk;
        Workshop shop(4, 0);
        shop.settings.epochs = 4;
        shop.settings.save_rate = 2;
        shop.configure();
        shop.on_event = [&](const Json& event) {
            if (event["type"] != "metric" || event["it"] != 3) return;
            disk.set(true);
            if (stopped) request_stop();
        };
        const Error error = error_of([&] { shop.train(); });
        request_stop(false);
        EXPECT_EQ(error.kind(), ErrorKind::environment) << error.what();
        EXPECT_EQ(saved_iterations(shop.paths()), (std::vector<std::int64_t>{2}));
        disk.set(false);
        shop.on_event = nullptr;
        EXPECT_EQ(shop.resume()["iterations"], 4);
    }
}

}  // namespace
}  // namespace testudo::training
