// What a training writes of its numbers, and which checkpoints it keeps by them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/interrupt.h"
#include "core/strings.h"
#include "support/full_disk.h"
#include "training/checkpoint.h"
#include "training/keep_checkpoints.h"
#include "training/read_metrics.h"
#include "training/states.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::Workshop;

std::optional<SavedState> state_of(const Workshop& shop, std::int64_t iteration) {
    return read_state(shop.paths().state(iteration));
}

TEST(RunMetrics, EachStepTellsItsMemory) {
    Workshop shop(4, 0);
    shop.configure();
    shop.train();
    for (const Json& metric : shop.training_metrics()) {
        EXPECT_GT(metric["memory_bytes"].get<double>(), 1e6);
        EXPECT_GE(metric["memory_peak_bytes"], metric["memory_bytes"]);
    }
}

std::vector<std::string> without_time(const std::string& csv) {
    std::vector<std::string> lines;
    for (const auto& line : split_lines(csv)) {
        auto cells = split(line, ',');
        cells.erase(cells.begin() + 3);
        lines.push_back(join(cells, ","));
    }
    return lines;
}

// The CSV that came with the training is the one made of events.jsonl.
void expect_whole_csv(const Workshop& shop) {
    EXPECT_EQ(without_time(read_file(shop.paths().finetune / "metrics.csv")),
              without_time(to_csv(read_run_metrics(shop.paths().finetune))));
}

// CSV and TensorBoard as they come are those made of events.jsonl afterwards.
TEST(RunMetrics, CsvAndTensorBoardOnRequest) {
    Workshop shop(10, 3);
    shop.configure();
    shop.train();
    EXPECT_FALSE(fs::exists(shop.paths().finetune / "metrics.csv"));
    EXPECT_FALSE(fs::exists(shop.paths().finetune / "tb_logger"));

    shop.settings.csv = shop.settings.tensorboard = true;
    shop.configure();
    const auto stop_at = [&](std::int64_t it) {
        shop.on_event = [it](const Json& event) {
            if (event["type"] == "metric" && !event.contains("mode") && event["it"] == it) request_stop();
        };
    };
    stop_at(5);
    shop.train();
    request_stop(false);
    shop.on_event = nullptr;
    shop.resume();
    EXPECT_EQ(read_run_metrics(shop.paths().finetune).rows().size(), 12u);
    expect_whole_csv(shop);
    int files = 0;
    for (const auto& entry : fs::directory_iterator(shop.paths().finetune / "tb_logger")) {
        const std::string bytes = read_file(entry.path());
        EXPECT_NE(bytes.find("learning_rate_gpt_0"), std::string::npos);
        EXPECT_NE(bytes.find("val_loss_mel_ce"), std::string::npos);
        ++files;
    }
    EXPECT_EQ(files, 2) << "one a start";
}

int warnings_of(const Workshop& shop, const std::string& file) {
    int said = 0;
    for (const Json& event : shop.of_type("log"))
        said += event["level"] == "warning" &&
                event["message"].get<std::string>().find(file) != std::string::npos;
    return said;
}

// The folder for TensorBoard is a file here: the training goes on, and says it once.
TEST(RunMetrics, WhatCannotBeWrittenStopsNoTraining) {
    Workshop shop(4, 0);
    shop.settings.csv = shop.settings.tensorboard = true;
    shop.configure();
    write_file(shop.paths().finetune / "tb_logger", "");
    EXPECT_EQ(shop.train()["iterations"], 3);
    EXPECT_EQ(warnings_of(shop, "tb_logger"), 1);
    EXPECT_EQ(split_lines(read_file(shop.paths().finetune / "metrics.csv")).size(), 4u);
}

TEST(RunMetrics, NothingIsMissingAfterAFullDisk) {
    testudo::test::FullDisk disk(1);
    Workshop shop(4, 0);
    shop.settings.csv = shop.settings.tensorboard = true;
    shop.settings.epochs = shop.settings.save_rate = 9;
    shop.configure();
    shop.on_event = [&](const Json& event) {
        if (event["type"] == "metric" && event["it"] == 3) disk.set(true);
        if (event["type"] == "metric" && event["it"] == 6) disk.set(false);
    };
    shop.train();
    EXPECT_EQ(read_run_metrics(shop.paths().finetune).rows().size(), 9u);
    expect_whole_csv(shop);
    EXPECT_EQ(warnings_of(shop, "metrics.csv"), 1);
    const auto all = read_events(shop.paths().events);
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i]["seq"], i + 1);
    for (const auto& entry : fs::directory_iterator(shop.paths().finetune / "tb_logger")) {
        const std::string bytes = read_file(entry.path());
        int steps = 0;
        for (std::size_t at = 0; (at = bytes.find("learning_rate_gpt_0", at)) != std::string::npos; ++at)
            ++steps;
        EXPECT_EQ(steps, 9);
    }
}

TEST(RunMetrics, ACsvThatCouldNotBeBegunIsMadeLater) {
    Workshop shop(4, 0);
    shop.settings.csv = true;
    shop.configure();
    const fs::path csv = shop.paths().finetune / "metrics.csv";
    make_folders(csv / "in the way");
    shop.on_event = [&](const Json& event) {
        if (event["type"] == "metric" && event["it"] == 2) fs::remove_all(csv);
    };
    shop.train();
    EXPECT_EQ(warnings_of(shop, "metrics.csv"), 1);
    expect_whole_csv(shop);
}

TEST(RunMetrics, RemarksComeOnceAlsoAfterAResume) {
    // 34 codes have lower losses than 256 letters; with so large a weight on the text that changes at once.
    Workshop shop(4, 0);
    shop.settings.epochs = 60;
    shop.settings.save_rate = 60;
    shop.settings.learning_rate = 2e-3;
    shop.settings.learning_rate_schedule = {1000};
    shop.settings.text_lr_weight = 100;
    shop.settings.mel_lr_weight = 0;
    shop.configure();
    shop.train();
    ASSERT_EQ(shop.of_type("remark").size(), 1u);
    const Json remark = shop.of_type("remark").front();
    EXPECT_EQ(remark["name"], "mel_above_text");
    EXPECT_GE(remark["it"], 20);
    EXPECT_NE(remark["message"].get<std::string>().find("do not expect decent speech"), std::string::npos);
    EXPECT_EQ(remarks_in(shop.paths().events), std::set<std::string>{"mel_above_text"});
    shop.resume({.epochs = 90});
    EXPECT_EQ(shop.of_type("remark").size(), 1u);
}

// Each epoch has one step here; validations come at multiples of 3, saves at each.
TEST(KeepBest, EachSaveIsValidatedAndTheBestStay) {
    Workshop shop(4, 3);
    shop.settings.epochs = 8;
    shop.settings.validation_rate = 3;
    shop.settings.keep_states = 2;
    shop.settings.keep_best = 2;
    shop.configure();
    std::vector<std::pair<double, std::int64_t>> losses;
    shop.train();
    for (const Json& metric : shop.validation_metrics())
        losses.emplace_back(metric["loss_gpt_total"].get<double>(), metric["it"].get<std::int64_t>());
    ASSERT_EQ(losses.size(), 8u) << "also where only a save is due";
    std::sort(losses.begin(), losses.end());
    std::set<std::int64_t> expected = {7, 8, losses[0].second, losses[1].second};
    EXPECT_EQ(saved_iterations(shop.paths()), std::vector<std::int64_t>(expected.begin(), expected.end()));
    for (const auto& [loss, iteration] : losses)
        if (expected.count(iteration)) {
            EXPECT_EQ(state_of(shop, iteration)->own->validation_loss, loss);
        }
    const auto states = list_states(shop.root(), "v");
    for (const StateEntry& state : states) {
        EXPECT_EQ(state.best, state.iteration == losses[0].second);
        EXPECT_TRUE(state.validation_loss);
    }
    EXPECT_TRUE(to_json(states)[0].contains("validation_loss"));
}

// A copy of a checkpoint as that of another iteration with another validation loss.
void make_checkpoint(const Workshop& shop, std::int64_t from, std::int64_t iteration,
                     std::optional<double> loss, const std::string& validated_on = "") {
    fs::copy_file(shop.paths().model(from), shop.paths().model(iteration));
    tensors::Value state = tensors::read_pickle(shop.paths().state(from));
    for (auto& [key, value] : state.dict()->items) {
        if (key.text() && *key.text() == "iter") value = tensors::Value(iteration);
        if (!key.text() || *key.text() != "testudo") continue;
        tensors::Dict& own = *value.dict();
        std::erase_if(own.items, [](const auto& item) { return *item.first.text() == "validation_loss"; });
        if (loss) own.set("validation_loss", *loss);
        if (!validated_on.empty()) own.set("validated_on", validated_on);
    }
    tensors::write_pickle(shop.paths().state(iteration), state);
}

TEST(KeepBest, OverAResume) {
    Workshop shop(4, 3);
    shop.settings.epochs = 4;
    shop.settings.keep_best = 1;
    shop.configure();
    shop.train();
    EXPECT_EQ(saved_iterations(shop.paths()), (std::vector<std::int64_t>{1, 2, 3, 4}))
        << "keep_states keeps all";
    // An older one that is far better, one that was validated on something else, and one never validated.
    for (const std::int64_t gone : {1, 2, 3}) {
        fs::remove(shop.paths().state(gone));
        fs::remove(shop.paths().model(gone));
    }
    make_checkpoint(shop, 4, 1, 1e-6, "other clips");
    make_checkpoint(shop, 4, 2, 1e-3);
    make_checkpoint(shop, 4, 3, {});
    shop.settings.keep_states = 1;
    shop.settings.epochs = 6;
    shop.configure();
    shop.resume();
    EXPECT_EQ(saved_iterations(shop.paths()), (std::vector<std::int64_t>{2, 6}));
    // Without validation, or on other lines, it stays until there is something to compare it with.
    shop.settings.validation_enabled = false;
    shop.settings.epochs = 7;
    shop.configure();
    shop.resume();
    EXPECT_EQ(saved_iterations(shop.paths()), (std::vector<std::int64_t>{2, 7}));
    // Without keep_best no more.
    shop.settings.keep_best = 0;
    shop.settings.epochs = 8;
    shop.configure();
    shop.resume();
    EXPECT_EQ(saved_iterations(shop.paths()), (std::vector<std::int64_t>{8}));
}

TEST(KeepBest, ALossIsThatOfTheVeryWeights) {
    Workshop shop(8, 3);  // two steps an epoch
    shop.settings.epochs = 4;
    shop.settings.save_rate = 1.5;
    shop.configure();
    shop.train();  // saved after 3, 6, 8; validated after 2, 4, 6, 8
    EXPECT_FALSE(state_of(shop, 3)->own->validation_loss);
    EXPECT_TRUE(state_of(shop, 6)->own->validation_loss);
    EXPECT_TRUE(state_of(shop, 8)->own->validation_loss);
    const auto states = list_states(shop.root(), "v");
    EXPECT_FALSE(states.back().validation_loss);
    EXPECT_FALSE(states.back().best);
}

TEST(KeepBest, DiskPlansKnowIt) {
    Workshop shop(4, 0);
    const auto together = [&](std::int64_t states, std::int64_t best) {
        return disk_need(shop.paths(), 1, 0, 100, 1, states, best).together;
    };
    EXPECT_EQ(together(0, 5), 100);
    EXPECT_EQ(together(3, 0), 4);
    EXPECT_EQ(together(3, 5), 9);
    EXPECT_EQ(together(60, 60), 100);
}

}  // namespace
}  // namespace testudo::training
