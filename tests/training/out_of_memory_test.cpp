// Steps that run out of memory, by an allocator that refuses what is too large.
#include "training/out_of_memory.h"

#include <ATen/Parallel.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <optional>

#include "core/available_memory.h"
#include "core/subprocess.h"
#include "training/activation_memory.h"
#include "training/allocator.h"
#include "training/measure_memory.h"
#include "training/validate_config.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::error_of;
using test::replace_in;
using test::Workshop;

// Passes on to the allocator that was there. Stays installed: tensors that are alive were taken through it.
class LimitedAllocator final : public c10::Allocator {
  public:
    static LimitedAllocator& instance() {
        static LimitedAllocator* installed = [] {
            auto* made = new LimitedAllocator(c10::GetCPUAllocator());
            for (const std::uint8_t priority : {0, 1, 2})  // no higher than that of the one there
                if (c10::GetCPUAllocator() != made) c10::SetCPUAllocator(made, priority);
            return made;
        }();
        return *installed;
    }
    c10::DataPtr allocate(std::size_t bytes) override {
        for (std::size_t before = seen; bytes > before && !seen.compare_exchange_weak(before, bytes);) {
        }
        if (bytes > largest) {
            ++refused;
            throw std::bad_alloc();
        }
        return before_->allocate(bytes);
    }
    c10::DeleterFnPtr raw_deleter() const override { return before_->raw_deleter(); }
    void copy_data(void* to, const void* from, std::size_t bytes) const override {
        default_copy_data(to, from, bytes);
    }

    std::atomic<std::size_t> largest = ~std::size_t{0};
    std::atomic<std::size_t> seen = 0;  // the largest that was asked for
    std::atomic<int> refused = 0;

  private:
    explicit LimitedAllocator(c10::Allocator* before) : before_(before) {}
    c10::Allocator* before_;
};

struct Limit {
    explicit Limit(std::size_t bytes) {
        LimitedAllocator::instance().largest = bytes;
        LimitedAllocator::instance().seen = 0;
    }
    ~Limit() { LimitedAllocator::instance().largest = ~std::size_t{0}; }
};

// Each thread has scratch memory of its own, which must stay below that of the clips.
struct TwoThreads {
    TwoThreads() { at::set_num_threads(2); }
    ~TwoThreads() { at::set_num_threads(before); }
    int before = at::get_num_threads();
};

// From the first step on no tensor may be larger.
Json train_within(Workshop& shop, std::size_t bytes, bool resume = false) {
    std::optional<Limit> limit;
    shop.on_event = [&](const Json& event) {
        if (event["type"] == "log" && event["message"].get<std::string>().starts_with(
                                          resume ? "resuming v: iterations" : "training v: iterations"))
            limit.emplace(bytes);
    };
    Json summary = resume ? shop.resume({.epochs = 3}) : shop.train();
    shop.on_event = nullptr;
    return summary;
}

// Conditioning of a clip: 2 x 172 frames of 3 x 32 numbers.
constexpr std::size_t a_clip = 2 * 172 * 3 * 32 * 4;

TEST(OutOfMemory, StepsAreComputedInMorePartsWithTheSameResult) {
    const TwoThreads threads;
    Workshop roomy(16, 0), halves(16, 0), narrow(16, 0);
    for (Workshop* shop : {&roomy, &halves, &narrow}) {
        shop->settings.epochs = 2;
        shop->settings.batch_size = 16;
        shop->settings.dropout = 0;
        shop->settings.gradient_accumulation_size = shop == &halves ? 2 : 1;
        shop->configure();
    }
    train_within(roomy, ~std::size_t{0});
    const std::size_t of_whole = LimitedAllocator::instance().seen;
    train_within(halves, ~std::size_t{0});
    const std::size_t of_half = LimitedAllocator::instance().seen;
    ASSERT_LT(of_half, of_whole);
    const Json summary = train_within(narrow, of_half);
    EXPECT_EQ(summary["iterations"], 2);
    EXPECT_EQ(summary["skipped_steps"], 0);
    EXPECT_TRUE(narrow.said("in 2 parts instead of 1, here 8 of 16 clips at a time, with the same result"));
    EXPECT_TRUE(narrow.said("gradient_accumulation_size 2"));
    EXPECT_TRUE(narrow.said("iteration 1: a step ran out of memory ("));
    EXPECT_EQ(narrow.told_about("memory"), (std::vector<std::int64_t>{1}));  // it is remembered
    const auto expected = roomy.losses(), found = narrow.losses();
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(found[i].second, expected[i].second, 1e-5 * expected[i].second);

    narrow.seen.clear();
    const int before = LimitedAllocator::instance().refused;
    train_within(narrow, of_half, true);  // remembered here, too
    EXPECT_TRUE(narrow.said("each batch is computed in 2 parts"));
    EXPECT_EQ(LimitedAllocator::instance().refused, before);
}

TEST(OutOfMemory, DownToOneClipThenCheckpointingThenAnErrorThatNamesTheLimit) {
    Workshop shop(4, 0);
    shop.settings.epochs = 1;
    shop.settings.gradient_accumulation_size = 3;  // of 2, 1 and 1 clips
    shop.configure();
    const Error error = error_of([&] { train_within(shop, a_clip / 2); });
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_TRUE(shop.said("in 4 parts instead of 3, here 1 of 4 clips at a time"));
    EXPECT_TRUE(shop.said("gradient checkpointing is on from now on"));
    EXPECT_NE(std::string(error.what()).find("there are "), std::string::npos) << error.what();
    EXPECT_TRUE(error.hint().starts_with("Train adapters (lora_rank), or"))
        << "nothing that was tried: " << error.hint();
    EXPECT_FALSE(fs::exists(shop.paths().model(1)));
}

TEST(OutOfMemory, ValidationsAreComputedInSmallerPartsWithTheSameResult) {
    const TwoThreads threads;
    constexpr int clips = 32;
    Workshop roomy(4, clips), narrow(4, clips);
    for (Workshop* shop : {&roomy, &narrow}) {
        shop->settings.epochs = 2;
        shop->settings.dropout = 0;
        shop->settings.gradient_accumulation_size = 4;  // one clip at a time, of validation too
        shop->configure();
    }
    train_within(roomy, ~std::size_t{0});
    const std::size_t of_one = LimitedAllocator::instance().seen;
    ASSERT_LT(of_one, clips * a_clip);
    replace_in(narrow.paths().yaml, "batch_size: 1", cat("batch_size: ", clips));
    train_within(narrow, of_one);
    EXPECT_TRUE(narrow.said("a validation ran out of memory ("));
    EXPECT_TRUE(narrow.said("with 32 clips at a time: from now on 16"));
    bool validated = false;
    for (const Json& event : narrow.seen) {
        validated = validated || (event["type"] == "metric" && event.contains("mode"));
        if (!validated || event["type"] != "log") continue;
        EXPECT_EQ(event["message"].get<std::string>().find("a validation ran out"), std::string::npos);
    }
    const auto expected = roomy.validation_metrics(), found = narrow.validation_metrics();
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double loss = expected[i]["loss_gpt_total"];
        EXPECT_NEAR(found[i]["loss_gpt_total"].get<double>(), loss, 1e-5 * loss);
    }
}

TEST(OutOfMemory, AValidationOfOneClipThatDoesNotFitIsAnErrorThatNamesTheLimit) {
    Workshop shop(4, 1);
    shop.settings.epochs = 1;
    shop.configure();
    std::optional<Limit> limit;
    shop.on_event = [&](const Json& event) {
        if (event["type"] == "metric") limit.emplace(a_clip / 2);  // of the only step: validation comes next
    };
    const Error error = error_of([&] { shop.train(); });
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_NE(std::string(error.what()).find("there are "), std::string::npos) << error.what();
}

TEST(OutOfMemory, WhatHelpsIsWhatIsLeftToDo) {
    Workshop shop(4, 0);
    shop.configure();
    Config config = read_config(shop.root(), shop.paths().yaml);
    EXPECT_TRUE(memory_remedy(config, true, false)
                    .starts_with("Raise gradient_accumulation_size, or switch checkpointing on, or train "));
    EXPECT_TRUE(
        memory_remedy(config, false, false).starts_with("Switch checkpointing on, or train adapters"));
    config.lora.rank = 4;
    EXPECT_TRUE(memory_remedy(config, false, true).starts_with("Choose a smaller model"));
}

TEST(OutOfMemory, AMeasurementThatRunsOutOfItSaysSo) {
    Workshop shop(4, 0);
    shop.configure();
    Events events;
    std::optional<Limit> limit;
    events.listen([&](const Json& event) {
        if (event["type"] == "progress" && event["stage"] == "measure") limit.emplace(a_clip / 2);
    });
    const Json found = validate_configuration(shop.root(), shop.paths().yaml, {}, events);
    EXPECT_EQ(found["verdict"], "no-go");
    EXPECT_EQ(found["exit_code"], 4);
    EXPECT_NE(found.dump().find("was refused the memory it needs: there are "), std::string::npos)
        << found.dump(2);
}

TEST(OutOfMemory, WhatWasToldOnceIsNotTakenForAnother) {
    const std::string words = "DefaultCPUAllocator: can't allocate memory";
    EXPECT_TRUE(is_out_of_memory(c10::Error({__func__, __FILE__, __LINE__}, words)));
    EXPECT_TRUE(is_out_of_memory(std::bad_alloc()));
    EXPECT_FALSE(is_out_of_memory(c10::Error({__func__, __FILE__, __LINE__}, "another mistake")));
    const Error told = out_of_memory(words, "1 GiB", "Choose a smaller model.");
    EXPECT_NE(std::string(told.what()).find(words), std::string::npos);
    EXPECT_FALSE(is_out_of_memory(told));
}

Config large_config() {
    Workshop shop(4, 0);
    shop.configure();
    Config config = read_config(shop.root(), shop.paths().yaml);
    config.model = nets::UnifiedVoiceConfig{};
    config.accumulation = 1;
    return config;
}

TEST(Checkpointing, AutomaticIsOnWhereAStepWouldNotFit) {
    Config config = large_config();
    EXPECT_EQ(config.checkpointing, Checkpointing::automatic);
    const TrainedSizes sizes = sizes_of(config);
    EXPECT_GT(sizes.model, 420000000);
    const auto need = [&](std::int64_t clips, int length) {
        config.batch_size = clips;
        return foretell_memory(config, sizes, at::kCPU, fixed_bytes(sizes, config),
                               std::vector<int>(static_cast<std::size_t>(clips), length));
    };
    EXPECT_FALSE(need(1, 20).checkpointing);
    EXPECT_TRUE(need(100000, 400).checkpointing);
    config.checkpointing = Checkpointing::off;
    const MemoryNeed without = need(100000, 400);
    EXPECT_FALSE(without.checkpointing);
    config.step.checkpointing = true;
    config.checkpointing = Checkpointing::on;
    EXPECT_TRUE(need(1, 20).checkpointing);
    EXPECT_LT(need(100000, 400).needed, 0.5 * without.needed);
    config.accumulation = 100000;
    EXPECT_EQ(need(100000, 400).micro_batch, 1);
    EXPECT_LT(need(100000, 400).needed, 0.01 * without.needed);
}

// What is foretold is near what steps take: enough to decide by.
TEST(Checkpointing, WhatIsForetoldIsWhatStepsTake) {
    if (!reset_peak_resident()) GTEST_SKIP() << "the peak cannot be reset here";
    // Memory that earlier tests left in this process would hide what a step takes.
    constexpr const char* alone = "TESTUDO_TEST_ALONE";
    if (!std::getenv(alone)) {
        ::setenv(alone, "1", 1);
        const ProgramRun run = run_program(
            "/proc/self/exe", {"--gtest_filter=Checkpointing.WhatIsForetoldIsWhatStepsTake"}, "", "");
        ::unsetenv(alone);
        EXPECT_EQ(run.code, 0) << run.out;
        return;
    }
    nets::UnifiedVoiceConfig model = test::tiny_model();
    model.model_dim = 128;
    model.layers = 5;
    Workshop shop(8, 0, model);
    shop.settings.batch_size = 8;
    shop.configure();
    Config config = read_config(shop.root(), shop.paths().yaml);
    Events events;
    const std::vector<ClipLength> clips(64, {60, 22050 * 10});
    for (const bool on : {false, true}) {
        config.checkpointing = on ? Checkpointing::on : Checkpointing::off;
        config.step.checkpointing = on;
        const auto measured = [&](std::int64_t batch) {
            config.batch_size = batch;
            return measure_memory(config, config.base_model, clips, at::kCPU, events).needed;
        };
        const double small = measured(4), large = measured(32);
        const auto foretold = [&](std::size_t clips_at_once) {
            return activation_bytes(config, std::vector<int>(clips_at_once, 60 + 216), on);
        };
        const double ratio = (large - small) / (foretold(32) - foretold(4));
        EXPECT_GT(ratio, 0.6) << on;
        EXPECT_LT(ratio, 1.5) << on;
    }
}

}  // namespace
}  // namespace testudo::training
