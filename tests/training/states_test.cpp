#include "training/states.h"

#include <gtest/gtest.h>

#include "training/config.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::error_of;
using test::Workshop;

TEST(States, OfARunAndOfArchivedOnesNewestFirst) {
    Workshop shop(4, 0);
    EXPECT_TRUE(list_states(shop.root(), "v").empty());
    EXPECT_TRUE(list_states(shop.root(), "nobody").empty());
    shop.configure();
    shop.train();
    const Json summary = shop.train();  // the first run moves aside
    const std::string archive = fs::path(summary["archived"].get<std::string>()).filename().string();

    auto states = list_states(shop.root(), "v");
    ASSERT_EQ(states.size(), 6u);
    for (int i = 0; i < 6; ++i) {
        const StateEntry& state = states[static_cast<std::size_t>(i)];
        EXPECT_EQ(state.iteration, 3 - i % 3);
        EXPECT_EQ(state.epoch, 3 - i % 3);
        EXPECT_EQ(state.archived, i >= 3);
        EXPECT_EQ(state.run, i < 3 ? "finetune" : archive);
        EXPECT_TRUE(state.complete()) << state.problem;
        EXPECT_EQ(state.bytes, static_cast<double>(fs::file_size(state.file) + fs::file_size(state.model)));
        EXPECT_GT(state.time, 1e9);
    }
    EXPECT_EQ(latest_state(shop.root(), "v"), shop.paths().state(3));

    // A damaged state, one without its model, and one of another number are there, but not complete.
    write_file(shop.paths().state(3), "rubbish");
    fs::remove(shop.paths().model(2));
    fs::copy_file(shop.paths().state(1), shop.paths().state(9));
    fs::copy_file(shop.paths().model(1), shop.paths().model(9));
    states = list_states(shop.root(), "v");
    ASSERT_EQ(states.size(), 7u);
    EXPECT_EQ(states[0].iteration, 9);
    EXPECT_NE(states[0].problem.find("iteration 1"), std::string::npos) << states[0].problem;
    EXPECT_FALSE(states[1].complete());
    EXPECT_FALSE(states[1].epoch);
    EXPECT_NE(states[2].problem.find("2_gpt.pth"), std::string::npos);
    EXPECT_TRUE(states[3].complete());
    const Json json = to_json(states);
    EXPECT_EQ(json[1]["epoch"], nullptr);
    EXPECT_EQ(json[1]["complete"], false);
    EXPECT_TRUE(json[1].contains("problem"));
    EXPECT_EQ(json[3]["archived"], false);
    EXPECT_EQ(json[6]["run"], archive);
    EXPECT_EQ(latest_state(shop.root(), "v"), shop.paths().state(1));

    fs::remove_all(shop.paths().finetune);
    const Error none = error_of([&] { latest_state(shop.root(), "v"); });
    EXPECT_EQ(none.kind(), ErrorKind::input);
    EXPECT_NE(none.hint().find(archive), std::string::npos) << none.hint();
}

TEST(States, LatestIsResumedFrom) {
    Workshop shop(4, 0);
    shop.settings.resume_state = "latest";
    EXPECT_EQ(error_of([&] { shop.configure(); }).kind(), ErrorKind::input);
    shop.settings.resume_state = "";
    shop.configure();
    shop.train();
    shop.settings.resume_state = "latest";
    shop.settings.epochs = 5;
    shop.configure();
    EXPECT_EQ(read_config(shop.root(), shop.paths().yaml).resume_state, shop.paths().state(3));
    // The original knows no such word.
    EXPECT_EQ(read_json(shop.paths().json)["resume_state"], "./training/v/finetune/training_state/3.state");
    const Json summary = shop.train();
    EXPECT_EQ(summary["first_iteration"], 4);
    EXPECT_EQ(summary["iterations"], 5);
    EXPECT_FALSE(summary.contains("archived"));
}

// The original keeps the last X on training start, too.
TEST(States, TheOldestGoWhenARunGoesOnWithFewer) {
    Workshop shop(4, 0);
    shop.configure();
    shop.train();
    shop.settings.keep_states = 2;
    shop.settings.epochs = 50;
    shop.settings.save_rate = 50;
    shop.configure();
    std::vector<std::int64_t> at_start;
    shop.on_event = [&](const Json& event) {
        if (event["type"] == "metric" && at_start.empty()) at_start = saved_iterations(shop.paths());
    };
    shop.resume();
    EXPECT_EQ(at_start, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(saved_iterations(shop.paths()), (std::vector<std::int64_t>{3, 50}));
}

}  // namespace
}  // namespace testudo::training
