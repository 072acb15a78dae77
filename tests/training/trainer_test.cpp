#include "training/trainer.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <regex>

#include "core/hash.h"
#include "core/interrupt.h"
#include "core/yaml.h"
#include "tensors/sidecar.h"
#include "training/checkpoint.h"
#include "training/states.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::error_of;
using test::Workshop;

void edit(const fs::path& file, const std::function<void(YAML::Node&)>& change) {
    YAML::Node yaml = read_yaml(file);
    change(yaml);
    write_yaml(file, yaml);
}

std::vector<std::int64_t> iterations_of(const std::vector<Json>& metrics) {
    std::vector<std::int64_t> out;
    for (const Json& metric : metrics) out.push_back(metric["it"].get<std::int64_t>());
    return out;
}

std::vector<std::int64_t> up_to(std::int64_t last, std::int64_t every = 1) {
    std::vector<std::int64_t> out;
    for (std::int64_t it = every; it <= last; it += every) out.push_back(it);
    return out;
}

bool same_file_contents(const fs::path& a, const fs::path& b) {
    return tensors::identical(tensors::read_pickle(a), tensors::read_pickle(b));
}

TEST(Trainer, TrainsExactlyTheEpochsAskedFor) {
    Workshop shop(10, 3);
    shop.configure();
    const Json summary = shop.train();
    EXPECT_EQ(summary["iterations"], 9);
    EXPECT_EQ(summary["epochs"], 3);
    EXPECT_EQ(summary["stopped"], false);
    EXPECT_EQ(iterations_of(shop.training_metrics()), up_to(9));
    EXPECT_EQ(iterations_of(shop.validation_metrics()), up_to(9, 3));
    std::map<std::int64_t, std::int64_t> clips;
    for (const Json& metric : shop.training_metrics()) {
        clips[metric["epoch"].get<std::int64_t>()] += metric["clips"].get<std::int64_t>();
        EXPECT_EQ(metric["epoch"], (metric["it"].get<std::int64_t>() - 1) / 3 + 1);
        EXPECT_EQ(metric["step"], (metric["it"].get<std::int64_t>() - 1) % 3 + 1);
        EXPECT_EQ(metric["steps"], 3);
        EXPECT_TRUE(std::isfinite(metric["loss_gpt_total"].get<double>()));
        EXPECT_GT(metric["grad_norm"].get<double>(), 0);
    }
    EXPECT_EQ(clips, (std::map<std::int64_t, std::int64_t>{{1, 10}, {2, 10}, {3, 10}}));
    EXPECT_EQ(saved_iterations(shop.paths()), up_to(9, 3));
    EXPECT_EQ(shop.of_type("artifact").size(), 6U);
    const Json last = shop.of_type("progress").back();
    EXPECT_EQ(last["done"], 9);
    EXPECT_EQ(last["total"], 9);
    EXPECT_EQ(last["epoch"], 3);
    EXPECT_EQ(last["eta_seconds"], 0.0);
    EXPECT_EQ(read_events(shop.paths().events).back()["done"], 9);

    // The milestone at epoch 2 is iteration 6, and acts in the one before it.
    std::vector<double> rates;
    for (const Json& metric : shop.training_metrics()) rates.push_back(metric["lr"].get<double>());
    EXPECT_EQ(rates, (std::vector<double>{1e-3, 1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 5e-4, 5e-4, 5e-4}));
    EXPECT_LT(shop.losses().back().second, shop.losses().front().second);
}

TEST(Trainer, SavesWhatItSays) {
    Workshop shop(5, 0);
    shop.settings.epochs = 1;
    shop.settings.ema = true;
    shop.configure();
    shop.train();
    const auto base = tensors::read_weights(shop.root() / "models/tortoise/autoregressive.pth");
    const auto model = tensors::read_weights(shop.paths().model(2));
    const auto ema = tensors::read_weights(shop.paths().ema_model(2));
    ASSERT_EQ(model.size(), base.size());
    bool moved = false, apart = false;
    for (const auto& [name, tensor] : base) {
        ASSERT_TRUE(model.contains(name)) << name;
        EXPECT_EQ(model.at(name).sizes(), tensor.sizes());
        EXPECT_EQ(model.at(name).scalar_type(), tensor.scalar_type());
        moved |= !at::equal(model.at(name), tensor);
        apart |= !at::equal(model.at(name), ema.at(name));
    }
    EXPECT_TRUE(moved);
    EXPECT_TRUE(apart);
    for (const fs::path& file : {shop.paths().model(2), shop.paths().ema_model(2)}) {
        const Json about = tensors::read_sidecar(file);
        EXPECT_EQ(about["heads"], 2);
        EXPECT_EQ(about["origin"], "fine-tuned on the voice v from autoregressive.pth");
    }
}

// Two runs of the same, one of them in two parts.
void expect_same_when_resumed(Workshop& whole, Workshop& parts, std::int64_t stop_after, std::int64_t total) {
    whole.configure();
    parts.configure();
    whole.train();
    parts.on_event = [&](const Json& event) {
        if (event["type"] == "metric" && !event.contains("mode") && event["it"] == stop_after) request_stop();
    };
    const Json first = parts.train();
    request_stop(false);
    EXPECT_EQ(first["stopped"], true);
    EXPECT_EQ(first["iterations"], stop_after);
    EXPECT_EQ(saved_iterations(parts.paths()).back(), stop_after);
    parts.on_event = nullptr;
    const Json second = parts.resume();
    EXPECT_EQ(second["first_iteration"], stop_after + 1);
    EXPECT_EQ(second["iterations"], total);
    EXPECT_EQ(whole.losses(), parts.losses());
    EXPECT_TRUE(same_file_contents(whole.paths().model(total), parts.paths().model(total)));
    EXPECT_TRUE(same_file_contents(whole.paths().state(total), parts.paths().state(total)));
}

TEST(Trainer, StoppedInAnEpochAndResumedEqualsUninterrupted) {
    Workshop whole, parts;
    expect_same_when_resumed(whole, parts, 4, 9);
    // Validation, too: its crops are the same every time.
    const auto validation_of = [](const Workshop& shop, std::int64_t it) {
        for (const Json& metric : shop.validation_metrics())
            if (metric["it"] == it) return metric["loss_gpt_total"].get<double>();
        return -1.0;
    };
    EXPECT_GT(validation_of(whole, 9), 0);
    EXPECT_EQ(validation_of(whole, 9), validation_of(parts, 9));
}

TEST(Trainer, ResumedWithEmaAccumulationAndArcs) {
    Workshop whole, parts;
    for (Workshop* shop : {&whole, &parts}) {
        shop->settings.ema = true;
        shop->settings.gradient_accumulation_size = 3;
        shop->settings.learning_rate_scheme = "CosineAnnealingLR_Restart";
        shop->settings.learning_rate_restarts = 2;
        shop->settings.objective = "dlas";
        shop->settings.epochs = 2;
    }
    expect_same_when_resumed(whole, parts, 3, 6);
    EXPECT_TRUE(same_file_contents(whole.paths().ema_model(6), parts.paths().ema_model(6)));
}

TEST(Trainer, MoreEpochsGoOnExactly) {
    Workshop whole(6, 0), parts(6, 0);
    whole.settings.epochs = 4;
    parts.settings.epochs = 2;
    whole.configure();
    parts.configure();
    whole.train();
    parts.train();
    EXPECT_EQ(error_of([&] { parts.resume(); }).kind(), ErrorKind::usage);  // complete
    parts.resume({.epochs = 4});
    EXPECT_EQ(whole.losses(), parts.losses());
    EXPECT_EQ(iterations_of(parts.training_metrics()), up_to(8));
}

TEST(Trainer, AChangedLearningRateCounts) {
    Workshop shop(6, 0);
    shop.settings.epochs = 2;
    shop.settings.learning_rate_schedule = {50};
    shop.configure();
    shop.train();
    edit(shop.paths().yaml,
         [](YAML::Node& yaml) { yaml["steps"]["gpt_train"]["optimizer_params"]["lr"] = "2.0e-05"; });
    shop.seen.clear();
    shop.resume({.epochs = 3});
    for (const Json& metric : shop.training_metrics()) EXPECT_EQ(metric["lr"], 2e-5);
    EXPECT_TRUE(shop.said("the learning rate goes on at"));
}

TEST(Trainer, AccumulationEqualsTheWholeBatch) {
    Workshop whole(7, 0), parts(7, 0);
    for (Workshop* shop : {&whole, &parts}) {
        shop->settings.batch_size = 5;
        shop->settings.epochs = 2;
        shop->settings.dropout = 0;
    }
    parts.settings.gradient_accumulation_size = 3;
    whole.configure();
    parts.configure();
    whole.train();
    parts.train();
    const auto a = whole.losses(), b = parts.losses();
    ASSERT_EQ(a.size(), 4U);
    ASSERT_EQ(b.size(), 4U);
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i].second, b[i].second, 1e-4 * a[i].second) << i;
}

TEST(Trainer, StartingAnewKeepsTheOldRun) {
    Workshop shop(4, 0);
    shop.settings.epochs = 1;
    shop.configure();
    shop.train();
    write_file(shop.paths().finetune / "note.txt", "mine");
    const Json summary = shop.train();
    const fs::path archive = summary["archived"].get<std::string>();
    EXPECT_TRUE(std::regex_match(archive.filename().string(), std::regex("finetune_archived_\\d{6}-\\d{6}")));
    EXPECT_TRUE(fs::exists(archive / "models/1_gpt.pth"));
    EXPECT_TRUE(fs::exists(archive / "note.txt"));
    EXPECT_FALSE(fs::exists(shop.paths().finetune / "note.txt"));
    EXPECT_EQ(saved_iterations(shop.paths()), up_to(1));
    EXPECT_EQ(read_events(shop.paths().events).front()["seq"], 1);
    // Neither a list nor a configuration that cannot be used moves anything.
    const fs::path list = shop.paths().folder / "train.txt";
    write_file(list, read_file(list) + "audio/missing.wav|no such clip\n");
    EXPECT_THROW(shop.train(), Error);
    EXPECT_TRUE(fs::exists(shop.paths().model(1)));
    edit(shop.paths().yaml, [](YAML::Node& yaml) { yaml["train"]["niter"] = "x"; });
    EXPECT_THROW(shop.train(), Error);
    EXPECT_TRUE(fs::exists(shop.paths().model(1)));
}

TEST(Trainer, ResumingAppendsToTheSameLog) {
    Workshop shop(4, 0);
    shop.settings.epochs = 1;
    shop.configure();
    shop.train();
    const auto before = read_events(shop.paths().events);
    shop.resume({.epochs = 2});
    const auto after = read_events(shop.paths().events);
    ASSERT_GT(after.size(), before.size());
    for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i]["seq"], i + 1);
}

TEST(Trainer, AChangedDatasetBeginsTheEpochAgain) {
    Workshop shop(10, 0);
    shop.configure();
    shop.on_event = [&](const Json& event) {
        if (event["type"] == "metric" && event["it"] == 4) request_stop();
    };
    shop.train();
    request_stop(false);
    shop.on_event = nullptr;
    shop.write_lists(6, 0);
    shop.seen.clear();
    const Json summary = shop.resume();
    EXPECT_TRUE(shop.said("the dataset (10 lines then, 6 now)"));
    // Epochs 2 and 3 of two iterations each, after iteration 4.
    EXPECT_EQ(iterations_of(shop.training_metrics()), (std::vector<std::int64_t>{5, 6, 7, 8}));
    EXPECT_EQ(shop.training_metrics().front()["epoch"], 2);
    EXPECT_EQ(shop.training_metrics().front()["step"], 1);
    EXPECT_EQ(summary["epochs"], 3);
}

TEST(Trainer, TwoClipsAndAHugeBatch) {
    Workshop shop(2, 0);
    shop.settings.batch_size = 128;
    shop.settings.gradient_accumulation_size = 4;
    shop.settings.epochs = 2;
    shop.configure();
    EXPECT_EQ(shop.train()["iterations"], 2);
    // The configuration made for a larger dataset works as well.
    Workshop other(2, 0);
    other.configure();
    edit(other.paths().yaml, [](YAML::Node& yaml) { yaml["datasets"]["train"]["batch_size"] = 64; });
    EXPECT_EQ(other.train()["iterations"], 3);
}

TEST(Trainer, KeepsOnlyTheNewestWhenAsked) {
    Workshop shop(4, 0);
    shop.settings.epochs = 5;
    shop.settings.keep_states = 2;
    shop.configure();
    shop.train();
    EXPECT_EQ(saved_iterations(shop.paths()), (std::vector<std::int64_t>{4, 5}));
    EXPECT_FALSE(fs::exists(shop.paths().model(3)));
}

TEST(Trainer, EmptyLists) {
    Workshop shop(4, 2);
    shop.configure();
    write_file(shop.paths().folder / "validation.txt", "\n");
    EXPECT_EQ(shop.train()["iterations"], 3);
    EXPECT_TRUE(shop.said("validation was asked for but is off"));
    EXPECT_TRUE(shop.validation_metrics().empty());
    write_file(shop.paths().folder / "train.txt", "");
    const Error error = error_of([&] { shop.train(); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_NE(std::string(error.what()).find("train.txt"), std::string::npos);
    EXPECT_FALSE(error.hint().empty());
    EXPECT_TRUE(fs::exists(shop.paths().model(3)));  // and the old run stays where it is
}

TEST(Trainer, RefusesModelsThatDoNotFit) {
    Workshop shop(4, 0);
    shop.configure();
    edit(shop.paths().yaml, [](YAML::Node& yaml) { yaml["networks"]["gpt"]["kwargs"]["layers"] = 3; });
    const Error shape = error_of([&] { shop.train(); });
    EXPECT_EQ(shape.kind(), ErrorKind::input);
    EXPECT_NE(std::string(shape.what()).find("layers 2 instead of 3"), std::string::npos) << shape.what();

    auto config = test::tiny_model();
    config.number_text_tokens = 100;  // the English vocabulary has more
    config.start_text_token = 99;
    Workshop small(4, 0, config);
    EXPECT_NE(std::string(error_of([&] { small.configure(); }).what()).find("tokens"), std::string::npos);

    Workshop codes(4, 0);
    codes.configure();
    nets::DvaeConfig larger;
    larger.hidden_dim = 16;
    larger.codebook_dim = 8;
    larger.num_tokens = 40;
    larger.num_resnet_blocks = 1;
    nets::Dvae dvae(larger);
    dvae.initialise(2);
    tensors::write_pickle(codes.root() / "models/tortoise/dvae.pth",
                          tensors::to_value(test::named(dvae.parameters())));
    EXPECT_NE(std::string(error_of([&] { codes.train(); }).what()).find("40 codes"), std::string::npos);
    EXPECT_FALSE(fs::exists(codes.paths().finetune));

    fs::remove(shop.root() / "models/tortoise/autoregressive.pth");
    EXPECT_EQ(error_of([&] { shop.train(); }).kind(), ErrorKind::input);
    EXPECT_EQ(error_of([&] { shop.train({.device = "abacus"}); }).kind(), ErrorKind::usage);
}

TEST(Trainer, ClipsTooLongForTheModelAreNamedBeforeTheStart) {
    auto config = test::tiny_model();
    config.max_mel_tokens = 25;  // clips have up to 33 codes
    Workshop shop(8, 0, config);
    shop.configure();
    const Error error = error_of([&] { shop.train(); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_NE(std::string(error.what()).find("train.txt, line"), std::string::npos) << error.what();
}

TEST(Trainer, NothingToResume) {
    Workshop shop(4, 0);
    shop.configure();
    EXPECT_EQ(error_of([&] { shop.resume(); }).kind(), ErrorKind::input);
    EXPECT_EQ(error_of([&] { shop.train({.epochs = 0}); }).kind(), ErrorKind::usage);
}

TEST(Trainer, DivergedTrainingStopsAndKeepsTheLastGoodCheckpoint) {
    Workshop shop(4, 0);
    shop.settings.epochs = 2;
    shop.configure();
    shop.train();
    // Weights at the end of the numbers: every loss overflows.
    auto weights = tensors::read_weights(shop.paths().model(2));
    weights.set("final_norm.weight", at::full({32}, 3e38));
    weights.set("mel_head.weight", at::full(weights.at("mel_head.weight").sizes(), 3e38));
    tensors::write_pickle(shop.paths().model(2), tensors::to_value(weights));
    const std::string before = read_file(shop.paths().model(2));
    const Error error = error_of([&] { shop.resume({.epochs = 60}); });
    EXPECT_EQ(error.kind(), ErrorKind::diverged);
    EXPECT_FALSE(error.hint().empty());
    EXPECT_NE(std::string(error.what()).find("2.state"), std::string::npos) << error.what();
    EXPECT_TRUE(shop.said("its clips: audio/clip_"));
    EXPECT_EQ(read_file(shop.paths().model(2)), before);
    EXPECT_EQ(saved_iterations(shop.paths()), up_to(2));
    EXPECT_EQ(shop.training_metrics().size(), 2U);  // of the first run
}

// Threads do not survive a fork, and sums of several threads round differently from those of one.
struct OneThread {
    int before = at::get_num_threads();
    OneThread() { at::set_num_threads(1); }
    ~OneThread() { at::set_num_threads(before); }
};

// A process that dies, at any moment, leaves a run that goes on to the same end.
TEST(SlowTrainer, KilledAtAnyMomentItGoesOnExactly) {
    const OneThread one_thread;
    Workshop whole(10, 0);
    whole.settings.epochs = 10;
    whole.settings.save_rate = 0.34;  // every iteration
    whole.configure();
    whole.train();
    const auto expected = whole.losses();
    const std::int64_t last = 30;
    int resumed = 0;
    ASSERT_EQ(expected.size(), 30U);
    for (const int milliseconds : {5, 20, 55, 110}) {
        Workshop shop(10, 0);
        shop.settings.epochs = 10;
        shop.settings.save_rate = 0.34;
        shop.configure();
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            try {
                shop.train();
            } catch (...) {
            }
            ::_exit(0);
        }
        // From its first checkpoint on, some time later.
        for (int i = 0; i < 4000 && saved_iterations(shop.paths()).empty(); ++i) ::usleep(5000);
        ::usleep(static_cast<useconds_t>(milliseconds) * 1000);
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        ASSERT_FALSE(saved_iterations(shop.paths()).empty());
        if (saved_iterations(shop.paths()).back() == last) continue;  // it was faster
        shop.resume();
        for (const auto& [it, loss] : shop.losses())
            EXPECT_EQ(loss, expected.at(static_cast<std::size_t>(it - 1)).second) << it;
        EXPECT_EQ(saved_iterations(shop.paths()).back(), last);
        ++resumed;
    }
    EXPECT_GT(resumed, 0);
}

TEST(Trainer, AModelWithoutItsStateOrADamagedStateIsNoCheckpoint) {
    Workshop shop(4, 0);
    shop.settings.epochs = 3;
    shop.configure();
    shop.train();
    fs::remove(shop.paths().state(3));  // died between model and state
    write_file(shop.paths().state(2), "half a file");
    shop.seen.clear();
    const Json summary = shop.resume();
    EXPECT_EQ(summary["first_iteration"], 2);
    EXPECT_TRUE(shop.said("a checkpoint is left out"));
}

TEST(Trainer, WhatCannotBeResumedIsNamed) {
    Workshop shop(4, 0);
    shop.settings.epochs = 2;
    shop.configure();
    shop.train();
    fs::remove(shop.paths().model(2));
    shop.resume({.epochs = 3});
    EXPECT_TRUE(shop.said("2_gpt.pth"));  // it went on from 1, and says why
    EXPECT_TRUE(fs::exists(shop.paths().states / "2.state.superseded"));
    EXPECT_TRUE(shop.said("the later checkpoints 2 are set aside"));
    for (const std::int64_t it : saved_iterations(shop.paths())) write_file(shop.paths().state(it), "");
    const Error error = error_of([&] { shop.resume({.epochs = 4}); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_NE(std::string(error.what()).find("3.state"), std::string::npos) << error.what();
}

// A second course from an earlier state writes over nothing of the first, nor a third over either.
TEST(Trainer, AnotherCourseKeepsTheCheckpointsOfTheFirst) {
    Workshop shop(4, 0);
    shop.settings.epochs = 3;
    shop.configure();
    shop.train();
    const std::string first = sha256_of_file(shop.paths().model(3));
    shop.settings.resume_state = shop.paths().state(1).string();
    shop.settings.learning_rate = 1e-4;
    for (const char* aside : {".superseded", ".superseded.2"}) {
        shop.configure();
        shop.train();
        fs::path model = shop.paths().model(3), state = shop.paths().state(3);
        EXPECT_NE(sha256_of_file(model), first);
        EXPECT_TRUE(fs::exists(model += aside)) << model;
        EXPECT_TRUE(fs::exists(state += aside)) << state;
    }
    EXPECT_EQ(sha256_of_file(shop.paths().models / "3_gpt.pth.superseded"), first);
    // Back under its name it is what it was.
    for (const fs::path& file : {shop.paths().model(3), shop.paths().state(3)}) {
        fs::path aside = file;
        fs::rename(aside += ".superseded", file);
    }
    const auto states = list_states(shop.root(), "v");
    EXPECT_EQ(states.front().iteration, 3);
    EXPECT_TRUE(states.front().complete()) << states.front().problem;
}

// What `states` calls incomplete is not gone on from.
TEST(Trainer, AStateUnderAnotherNameIsLeftOut) {
    Workshop shop(4, 0);
    shop.settings.epochs = 3;
    shop.configure();
    shop.train();
    fs::copy(shop.paths().state(2), shop.paths().state(77));
    fs::copy(shop.paths().model(2), shop.paths().model(77));
    shop.seen.clear();
    EXPECT_EQ(shop.resume({.epochs = 4})["first_iteration"], 4);
    EXPECT_TRUE(shop.said("is of iteration 2, not of the one in its name"));
}

// keep_states may make the very room that is missing.
TEST(Trainer, OldCheckpointsGoBeforeTheDiskIsLookedAt) {
    Workshop shop(4, 0);
    shop.settings.epochs = 3;
    shop.configure();
    shop.train();
    EXPECT_EQ(saved_iterations(shop.paths()).size(), 3u);
    shop.settings.keep_states = 1;
    shop.configure();
    shop.seen.clear();
    std::vector<std::string> order;
    shop.on_event = [&](const Json& event) {
        const std::string message = event.value("message", "");
        if (message.find("deleted 2 older checkpoints; kept the newest 1") != std::string::npos)
            order.push_back("deleted");
        if (event["type"] == "metric") order.push_back("step");
    };
    shop.resume({.epochs = 4});
    ASSERT_FALSE(order.empty());
    EXPECT_EQ(order.front(), "deleted");
}

TEST(Trainer, WithoutAConfigurationTheNextStepIsNamed) {
    const Workshop shop(4, 0);
    Events events;
    const auto hint_of = [&](const char* yaml) {
        return error_of([&] { train_voice(shop.root(), yaml, events, {}); }).hint();
    };
    EXPECT_NE(hint_of("training/v/train.yaml").find("`testudo configure`"), std::string::npos);
    EXPECT_NE(hint_of("training/nobody/train.yaml").find("`testudo prepare`"), std::string::npos);
}

TEST(Trainer, AKeyThatStandsTwiceIsNamed) {
    Workshop shop(4, 0);
    shop.configure();
    write_file(shop.paths().yaml, read_file(shop.paths().yaml) + "name: v\n");
    const Error error = error_of([&] { shop.train(); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_NE(std::string(error.what()).find("name stands there twice"), std::string::npos) << error.what();
}

TEST(Trainer, OneTrainingAtATime) {
    Workshop shop(4, 0);
    shop.configure();
    std::optional<Error> second;
    shop.on_event = [&](const Json& event) {
        if (second || event["type"] != "metric") return;
        Events events;
        second = error_of([&] { resume_voice(shop.root(), "v", events); });
    };
    shop.train();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->kind(), ErrorKind::environment);
    EXPECT_NE(std::string(second->what()).find("another job"), std::string::npos) << second->what();
}

TEST(Trainer, AConfigurationOfAnotherVoiceIsRefused) {
    Workshop shop(4, 0);
    shop.configure();
    edit(shop.paths().yaml, [](YAML::Node& yaml) { yaml["name"] = "ada"; });
    const Error error = error_of([&] { shop.train({.voice = "v"}); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_NE(std::string(error.what()).find("ada"), std::string::npos);
    EXPECT_FALSE(fs::exists(shop.root() / "training" / "ada"));
}

// A file size limit stands for the full disk: writes fail in the middle of a checkpoint up to the end.
TEST(Trainer, AFullDiskEndsInOneErrorAndLosesNothing) {
    const OneThread one_thread;
    Workshop shop(4, 0);
    shop.settings.epochs = 2;
    shop.configure();
    shop.train();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        int code = 1;
        try {
            std::signal(SIGXFSZ, SIG_IGN);
            const rlimit limit{100000, 100000};
            ::setrlimit(RLIMIT_FSIZE, &limit);
            shop.resume({.epochs = 4});
        } catch (const Error& error) {
            code = error.kind() == ErrorKind::environment && !error.hint().empty() &&
                           std::string(error.what()).find("4_gpt.pth") != std::string::npos
                       ? 0
                       : 2;
        } catch (...) {
            code = 3;
        }
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(saved_iterations(shop.paths()), up_to(2));
    for (const auto& entry : fs::directory_iterator(shop.paths().models))
        EXPECT_TRUE(entry.path().filename().string().ends_with("_gpt.pth")) << entry.path();
    EXPECT_EQ(shop.resume({.epochs = 4})["iterations"], 4);
}

TEST(Trainer, AReadOnlyFolderEndsInOneErrorThatNamesIt) {
    const OneThread one_thread;
    Workshop shop(4, 0);
    shop.configure();
    fs::permissions(shop.paths().folder, fs::perms{0555});
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        int code = 1;
        constexpr uid_t nobody = 65534;  // permissions do not bind the superuser
        if (::geteuid() == 0 && ::setuid(nobody) != 0) ::_exit(4);
        try {
            shop.train();
        } catch (const Error& error) {
            const bool names =
                std::string(error.what()).find(shop.paths().folder.string()) != std::string::npos;
            code = error.kind() == ErrorKind::environment && !error.hint().empty() && names ? 0 : 2;
        } catch (...) {
            code = 3;
        }
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    fs::permissions(shop.paths().folder, fs::perms::owner_write, fs::perm_options::add);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace testudo::training
