#include "training/checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/yaml.h"
#include "support/unified_voice_case.h"
#include "training/base_model.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using tensors::Value;
using test::error_of;
using test::Workshop;

std::vector<std::string> keys_of(const Value& value) {
    std::vector<std::string> keys;
    if (value.dict())
        for (const auto& [key, item] : value.dict()->items)
            keys.push_back(key.text() ? *key.text() : cat(key.integer().value_or(-1)));
    return keys;
}

// Same keys in the same order, same types and, for tensors, same shape and dtype; values may differ.
void expect_same_form(const Value& ours, const Value& theirs, const std::string& where) {
    EXPECT_STREQ(ours.type_name(), theirs.type_name()) << where;
    if (const at::Tensor* tensor = theirs.tensor()) {
        ASSERT_TRUE(ours.tensor()) << where;
        EXPECT_EQ(ours.tensor()->sizes(), tensor->sizes()) << where;
        EXPECT_EQ(ours.tensor()->scalar_type(), tensor->scalar_type()) << where;
    }
    if (theirs.dict()) {
        auto our_keys = keys_of(ours), their_keys = keys_of(theirs);
        ASSERT_EQ(our_keys, their_keys) << where;
        for (std::size_t i = 0; i < their_keys.size(); ++i)
            expect_same_form(ours.dict()->items[i].second, theirs.dict()->items[i].second,
                             where + "." + their_keys[i]);
    } else if (theirs.list() || theirs.tuple()) {
        ASSERT_EQ(ours.elements().size(), theirs.elements().size()) << where;
        for (std::size_t i = 0; i < theirs.elements().size(); ++i)
            expect_same_form(ours.elements()[i], theirs.elements()[i], cat(where, "[", i, "]"));
    }
}

struct GoldenFolder {
    nets::UnifiedVoiceConfig config;
    std::vector<fs::path> states;  // good ones, with one optimizer
    std::vector<fs::path> without_optimizer;
    fs::path models;
};

std::vector<GoldenFolder> golden_folders() {
    std::vector<GoldenFolder> folders;
    for (const auto& golden : testudo::test::golden_cases("ar", "ckpt")) {
        GoldenFolder folder;
        folder.config = testudo::test::config_from(golden.manifest["model_kwargs"]);
        const fs::path root = golden.folder / "ckpt";
        folder.models = root / "models";
        for (const char* part : {"training_state", "forms"}) {
            if (!fs::is_directory(root / part)) continue;
            for (const auto& entry : fs::directory_iterator(root / part)) {
                if (entry.path().extension() != ".state") continue;
                const Value value = tensors::read_pickle(entry.path());
                const Value* optimizers = value.find("optimizers");
                (optimizers && optimizers->elements().size() == 1 ? folder.states : folder.without_optimizer)
                    .push_back(entry.path());
            }
        }
        folders.push_back(folder);
    }
    return folders;
}

TEST(GoldenResume, EveryFormOfDlasStatesIsTaken) {
    const auto folders = golden_folders();
    if (folders.empty()) GTEST_SKIP();
    for (const auto& folder : folders) {
        EXPECT_FALSE(folder.states.empty());
        for (const fs::path& file : folder.states) {
            SCOPED_TRACE(file.filename().string());
            const SavedState saved = read_state(file);
            nets::UnifiedVoice model(folder.config);
            model.initialise(1);
            nets::Parameters parameters = model.parameters();
            const auto& held = saved.optimizer.find("state")->dict()->items;
            const bool of_the_model = held.size() == parameters.size();
            if (!of_the_model) {  // a state of some other network: its own shapes, in its order
                parameters.clear();
                for (std::size_t i = 0; i < held.size(); ++i) {
                    const Value* nested = held[i].second.find("__bnb_optimizer_quant_state__");
                    const Value* moment = nested ? nested->find("state1") : held[i].second.find("state1");
                    ASSERT_TRUE(moment && moment->tensor());
                    parameters.emplace_back(cat("part", 1000 + i, ".weight"),
                                            at::zeros(moment->tensor()->sizes()));
                }
            }
            AdamW optimizer(parameters);
            restore_optimizer(optimizer, saved);
            EXPECT_GT(saved_rate(saved), 0);
            if (of_the_model) {
                EXPECT_EQ(optimizer.step(), saved.iteration);
            } else {
                EXPECT_GT(optimizer.step(), 0);
            }
            const Value* entries = saved.optimizer.find("state");
            ASSERT_TRUE(entries && entries->dict());
            for (std::size_t i = 0; i < optimizer.size(); ++i) {
                const Value* entry = entries->dict()->find(static_cast<std::int64_t>(i));
                ASSERT_TRUE(entry);
                const at::Tensor average = optimizer.exp_avg(i), square = optimizer.exp_avg_sq(i);
                if (const Value* plain = entry->find("exp_avg")) {
                    EXPECT_TRUE(at::equal(average, *plain->tensor()));
                    EXPECT_TRUE(at::equal(square, *entry->find("exp_avg_sq")->tensor()));
                    continue;
                }
                // 8-bit moments, decoded entry by entry.
                const Value* nested = entry->find("__bnb_optimizer_quant_state__");
                const auto part = [&](const char* key) {
                    const Value* value = nested && nested->find(key) ? nested->find(key) : entry->find(key);
                    return value ? *value->tensor() : at::Tensor();
                };
                for (const bool second : {false, true}) {
                    const at::Tensor codes = part(second ? "state2" : "state1").flatten();
                    const at::Tensor decoded = (second ? square : average).flatten();
                    EXPECT_TRUE(at::isfinite(decoded).all().item<bool>());
                    if (codes.is_floating_point()) {
                        EXPECT_TRUE(at::equal(codes, decoded));
                        continue;
                    }
                    const at::Tensor table = part(second ? "qmap2" : "qmap1"),
                                     largest = part(second ? "absmax2" : "absmax1");
                    std::int64_t block = 256;
                    while ((codes.numel() + block - 1) / block > largest.numel()) block *= 2;
                    ASSERT_EQ((codes.numel() + block - 1) / block, largest.numel());
                    for (std::int64_t j = 0; j < codes.numel(); j += 997)
                        EXPECT_FLOAT_EQ(decoded[j].item<float>(),
                                        table[codes[j].item<std::int64_t>()].item<float>() *
                                            largest[j / block].item<float>());
                }
            }
        }
        for (const fs::path& file : folder.without_optimizer)
            EXPECT_EQ(error_of([&] { read_state(file); }).kind(), ErrorKind::input) << file;
    }
}

TEST(GoldenResume, WhatWeWriteHasDlasForm) {
    const auto folders = golden_folders();
    if (folders.empty()) GTEST_SKIP();
    for (const auto& folder : folders)
        for (const fs::path& file : folder.states) {
            const SavedState saved = read_state(file);
            const fs::path model_file = folder.models / cat(saved.iteration, "_gpt.pth");
            if (!fs::exists(model_file) || file.parent_path().filename() != "training_state") continue;
            const Value theirs = tensors::read_pickle(file);
            const Value* first =
                theirs.find("optimizers")->elements()[0].find("state")->dict()->find(std::int64_t{0});
            if (!first || !first->find("exp_avg")) continue;
            SCOPED_TRACE(file.string());
            testudo::test::TemporaryFolder temporary;
            const RunPaths paths = run_paths(temporary.path(), "v");
            nets::UnifiedVoice model = load_model(model_file, folder.config, at::kCPU, "the manifest");
            AdamW optimizer(model.parameters());
            restore_optimizer(optimizer, saved);
            ScheduleSettings settings;
            const Value& schedule_state = theirs.find("schedulers")->elements()[0];
            settings.base_rate = schedule_state.find("base_lrs")->elements()[0].number().value();
            for (const auto& [milestone, count] : schedule_state.find("milestones")->dict()->items)
                settings.milestones.insert(settings.milestones.end(),
                                           static_cast<std::size_t>(count.integer().value()),
                                           milestone.integer().value());
            Schedule schedule(settings);
            schedule.replay(1, saved.iteration);
            const auto files = save_checkpoint(paths, {saved.iteration, saved.epoch, saved.samples, &model,
                                                       &optimizer, &schedule, OwnState{}});

            Value ours = tensors::read_pickle(files.state);
            ASSERT_TRUE(ours.find("testudo"));
            auto& items = ours.dict()->items;
            EXPECT_EQ(*items.back().first.text(), "testudo");
            items.pop_back();
            expect_same_form(ours, theirs, "state");
            EXPECT_TRUE(tensors::identical(*ours.find("schedulers"), *theirs.find("schedulers")));
            EXPECT_TRUE(tensors::identical(*ours.find("optimizers"), *theirs.find("optimizers")));
            EXPECT_TRUE(
                tensors::identical(tensors::read_pickle(files.model), tensors::read_pickle(model_file)));
        }
}

TEST(Checkpoint, ADlasStateOfANamedFileIsResumed) {
    Workshop shop(10, 0);
    shop.configure();
    shop.train();
    // The same state as DLAS would have left it, in another folder, in the middle of the run.
    const fs::path elsewhere = shop.root() / "old" / "finetune";
    fs::create_directories(elsewhere / "training_state");
    fs::create_directories(elsewhere / "models");
    Value state = tensors::read_pickle(shop.paths().state(3));
    state.dict()->items.pop_back();
    EXPECT_FALSE(state.find("testudo"));
    tensors::write_pickle(elsewhere / "training_state/3.state", state);
    fs::copy(shop.paths().model(3), elsewhere / "models/3_gpt.pth");
    fs::remove_all(shop.paths().finetune);
    shop.settings.resume_state = "old/finetune/training_state/3.state";
    shop.configure();
    const auto uninterrupted = shop.losses();
    shop.seen.clear();
    const Json summary = shop.train();
    EXPECT_EQ(summary["first_iteration"], 4);
    EXPECT_EQ(summary["iterations"], 9);
    EXPECT_EQ(summary["resumed"], true);
    const auto losses = shop.losses();  // at an epoch's end nothing is lost with our key
    ASSERT_EQ(losses.size(), 6U);
    for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_EQ(losses[i], uninterrupted[i + 3]);
    shop.settings.resume_state = "old/none.state";
    EXPECT_EQ(error_of([&] { shop.configure(); }).kind(), ErrorKind::input);
}

TEST(Checkpoint, StatesThatCannotBeUsed) {
    Workshop shop(4, 0);
    shop.settings.epochs = 1;
    shop.configure();
    shop.train();
    const fs::path file = shop.paths().state(1);
    const Value good = tensors::read_pickle(file);
    const SavedState saved = read_state(file);
    auto other = test::tiny_model();
    other.model_dim = 48;
    nets::UnifiedVoice wide(other);
    AdamW optimizer(wide.parameters());
    EXPECT_EQ(error_of([&] { restore_optimizer(optimizer, saved); }).kind(), ErrorKind::input);
    other = test::tiny_model();
    other.layers = 3;
    nets::UnifiedVoice deep(other);
    AdamW deeper(deep.parameters());
    EXPECT_NE(std::string(error_of([&] { restore_optimizer(deeper, saved); }).what()).find("parameters"),
              std::string::npos);

    for (const char* key : {"iter", "optimizers"}) {
        Value broken = good;
        auto& items = broken.dict()->items;
        std::erase_if(items, [&](const auto& item) { return *item.first.text() == key; });
        tensors::write_pickle(shop.root() / "broken.state", broken);
        EXPECT_EQ(error_of([&] { read_state(shop.root() / "broken.state"); }).kind(), ErrorKind::input)
            << key;
    }
    Value negative = good;
    negative.dict()->set("iter", -3);
    tensors::write_pickle(shop.root() / "broken.state", negative);
    EXPECT_EQ(error_of([&] { read_state(shop.root() / "broken.state"); }).kind(), ErrorKind::input);
    tensors::write_pickle(shop.root() / "broken.state", Value("a text"));
    EXPECT_EQ(error_of([&] { read_state(shop.root() / "broken.state"); }).kind(), ErrorKind::input);
}

TEST(Checkpoint, NoRoomIsSaidBeforeAnythingIsWritten) {
    testudo::test::TemporaryFolder temporary;
    const RunPaths paths = run_paths(temporary.path(), "v");
    make_folders(paths.finetune);
    check_disk(paths, 1);
    const Error error = error_of([&] { check_disk(paths, 1e18); });
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_FALSE(error.hint().empty());
}

TEST(RunPaths, OnlyCompletePairsCount) {
    testudo::test::TemporaryFolder temporary;
    const RunPaths paths = run_paths(temporary.path(), "v");
    EXPECT_TRUE(saved_iterations(paths).empty());
    EXPECT_FALSE(archive_run(paths));
    for (const char* name : {"models/3_gpt.pth", "models/12_gpt.pth", "models/x_gpt.pth",
                             "training_state/3.state", "training_state/12.state", "training_state/20.state",
                             "training_state/-1.state", "training_state/x.state"})
        write_file(paths.finetune / name, "x");
    EXPECT_EQ(saved_iterations(paths), (std::vector<std::int64_t>{3, 12}));
    const auto first = archive_run(paths);
    ASSERT_TRUE(first);
    write_file(paths.model(1), "y");
    const auto second = archive_run(paths);  // within the same second
    ASSERT_TRUE(second);
    EXPECT_NE(*first, *second);
    for (const char* name : {"", ".", "..", "a/b", "a\\b", "a\nb"})
        EXPECT_THROW(run_paths(temporary.path(), name), Error) << name;
}

}  // namespace
}  // namespace testudo::training
