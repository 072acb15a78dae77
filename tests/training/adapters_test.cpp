// Trainings of adapters and of parts of a model, from configuration to checkpoint and on.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/interrupt.h"
#include "core/yaml.h"
#include "tensors/safetensors.h"
#include "training/base_model.h"
#include "training/checkpoint.h"
#include "training/freeze.h"
#include "training/states.h"
#include "training/validate_config.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::error_of;
using test::Workshop;

bool same_file_contents(const fs::path& a, const fs::path& b) {
    return tensors::identical(tensors::read_pickle(a), tensors::read_pickle(b));
}

fs::path base_of(const Workshop& shop) { return shop.root() / "models/tortoise/autoregressive.pth"; }

// Stops both courses nowhere and after an iteration; they must end alike, to the bit.
void expect_same_when_resumed(Workshop& whole, Workshop& parts, std::int64_t stop_after, std::int64_t total) {
    whole.configure();
    parts.configure();
    EXPECT_EQ(whole.train()["iterations"], total);
    parts.on_event = [&](const Json& event) {
        if (event["type"] == "metric" && event["it"] == stop_after) request_stop();
    };
    EXPECT_EQ(parts.train()["stopped"], true);
    request_stop(false);
    parts.on_event = nullptr;
    EXPECT_EQ(parts.resume()["first_iteration"], stop_after + 1);
    EXPECT_EQ(whole.losses(), parts.losses());
    EXPECT_TRUE(same_file_contents(whole.paths().model(total), parts.paths().model(total)));
    EXPECT_TRUE(same_file_contents(whole.paths().state(total), parts.paths().state(total)));
}

Workshop& with_adapters(Workshop& shop) {
    shop.settings.lora_rank = 4;
    shop.settings.lora_alpha = 8;
    shop.settings.learning_rate = 1e-2;
    return shop;
}

TEST(Adapters, AreTrainedMergedAndKept) {
    Workshop shop(6, 2);
    with_adapters(shop).settings.lora_targets = {"qkv", "out", "up", "down", "heads"};
    shop.settings.epochs = 12;
    shop.settings.save_rate = 12;
    shop.configure();
    const Json summary = shop.train();
    EXPECT_TRUE(shop.said("LoRA: adapters of rank 4"));
    const auto losses = shop.losses();
    EXPECT_LT(losses.back().second, 0.9 * losses.front().second);

    const std::int64_t last = summary["iterations"].get<std::int64_t>();
    const auto before = tensors::read_weights(base_of(shop)),
               after = tensors::read_weights(shop.paths().model(last));
    std::map<std::string, std::string> about;
    const auto kept = tensors::read_safetensors(shop.paths().adapters(last), &about);
    EXPECT_EQ(summary["adapters"], to_utf8(shop.paths().adapters(last).native()));
    EXPECT_EQ(about["rank"], "4");
    EXPECT_EQ(about["alpha"], "8");
    EXPECT_EQ(about["base"], "models/tortoise/autoregressive.pth");
    EXPECT_EQ(kept.size(), 2U * (2 * 4 + 2));
    int merged = 0;
    ASSERT_EQ(before.size(), after.size());
    for (const auto& [name, tensor] : before) {
        const std::string stem = "base_model.model." + name.substr(0, name.rfind("weight"));
        const at::Tensor* a = kept.find(stem + "lora_A.weight");
        if (!a) {
            EXPECT_TRUE(tensors::identical(tensor, after.at(name))) << name;
            continue;
        }
        ++merged;
        const at::Tensor product = at::mm(kept.at(stem + "lora_B.weight"), *a) * 2;
        const at::Tensor expected = tensor + (name.starts_with("gpt.") ? product.t() : product);
        EXPECT_LE((expected - after.at(name)).abs().max().item<double>(), 1e-6) << name;
        EXPECT_GT((tensor - after.at(name)).abs().max().item<double>(), 1e-4) << name;
    }
    EXPECT_EQ(merged, 10);

    // The merged file is an ordinary model: as a base it begins where the adapters ended.
    Workshop next(6, 2);
    fs::copy_file(shop.paths().model(last), base_of(next), fs::copy_options::overwrite_existing);
    next.settings.learning_rate = 0;
    next.settings.epochs = 1;
    next.configure();
    next.train();
    EXPECT_NEAR(shop.validation_metrics().back()["loss_gpt_total"].get<double>(),
                next.validation_metrics().back()["loss_gpt_total"].get<double>(), 1e-4);
}

TEST(Adapters, StoppedAndResumedEqualsUninterrupted) {
    Workshop whole, parts;
    for (Workshop* shop : {&whole, &parts}) {
        with_adapters(*shop).settings.ema = true;
        shop->settings.gradient_accumulation_size = 2;
        shop->settings.freeze = {"layers:0"};
    }
    expect_same_when_resumed(whole, parts, 4, 9);
    EXPECT_TRUE(same_file_contents(whole.paths().ema_model(9), parts.paths().ema_model(9)));
    EXPECT_EQ(read_file(whole.paths().adapters(9)), read_file(parts.paths().adapters(9)));
    EXPECT_FALSE(same_file_contents(whole.paths().ema_model(9), whole.paths().model(9)));
}

TEST(Adapters, OldOnesAreDeletedAndStatesNameThem) {
    Workshop shop(4, 0);
    with_adapters(shop).settings.keep_states = 2;
    shop.settings.epochs = 4;
    shop.configure();
    shop.train();
    for (const std::int64_t iteration : {1, 2, 3, 4})
        EXPECT_EQ(fs::exists(shop.paths().adapters(iteration)), iteration > 2) << iteration;
    const Json states = to_json(list_states(shop.root(), "v"));
    ASSERT_EQ(states.size(), 2U);
    EXPECT_EQ(states[0]["lora_rank"], 4);
    EXPECT_EQ(states[0]["complete"], true);
    double bytes = 0;
    for (const fs::path& file : {shop.paths().model(4), shop.paths().state(4), shop.paths().adapters(4)})
        bytes += static_cast<double>(fs::file_size(file));
    EXPECT_EQ(states[0]["bytes"].get<double>(), bytes);
}

TEST(Adapters, NeedTheirBase) {
    Workshop shop(4, 0);
    with_adapters(shop).settings.epochs = 1;
    shop.configure();
    shop.train();
    const fs::path moved = shop.root() / "models/elsewhere.pth";
    const auto said = [&] {
        const Error error = error_of([&] { shop.resume({.epochs = 2}); });
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return std::string(error.what());
    };
    fs::rename(base_of(shop), moved);
    EXPECT_NE(said().find("models/tortoise/autoregressive.pth"), std::string::npos);
    YAML::Node yaml = read_yaml(shop.paths().yaml);
    yaml["path"]["pretrain_model_gpt"] = "./models/elsewhere.pth";
    write_yaml(shop.paths().yaml, yaml);
    EXPECT_EQ(shop.resume({.epochs = 2})["iterations"], 2);

    nets::UnifiedVoice other(test::tiny_model());
    other.initialise(77);
    tensors::write_pickle(moved, tensors::to_value(test::named(other.state_dict(true))));
    EXPECT_NE(said().find("has changed"), std::string::npos);
}

TEST(Adapters, OthersThanTheStatesAreRefused) {
    Workshop shop(4, 0);
    with_adapters(shop).settings.epochs = 1;
    shop.configure();
    shop.train();
    const auto refused = [&](const std::string& part) {
        shop.configure();
        const Error error = error_of([&] { shop.resume({.epochs = 2}); });
        EXPECT_EQ(error.kind(), ErrorKind::input);
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
        EXPECT_FALSE(error.hint().empty());
    };
    shop.settings.lora_rank = 5;
    refused("rank 4, alpha 8");
    shop.settings.lora_rank = 4;
    shop.settings.lora_alpha = 16;
    refused("rank 4, alpha 16");
    shop.settings.lora_alpha = 8;
    shop.settings.lora_targets = {"qkv"};
    refused("targets qkv");
    shop.settings.lora_rank = 0;
    refused("trains the whole model");
    shop.settings.lora_targets = TrainingSettings().lora_targets;
    shop.configure();
    shop.train();
    shop.settings.lora_rank = 4;
    refused("trains adapters");
}

TEST(Adapters, GoBackLikeAnyTraining) {
    Workshop shop(4, 0);
    with_adapters(shop).settings.epochs = 2;
    shop.configure();
    shop.train();
    // As if the last hundred losses had been tiny: every step is a leap, three lead back, three returns end
    // it.
    tensors::Value state = tensors::read_pickle(shop.paths().state(2));
    for (auto& [key, value] : state.dict()->items)
        if (key.text() && *key.text() == "testudo") {
            tensors::List tiny;
            for (int i = 0; i < 100; ++i) tiny.items.emplace_back(1e-3);
            value.dict()->set("losses", std::move(tiny));
        }
    tensors::write_pickle(shop.paths().state(2), state);
    const std::string model = read_file(shop.paths().model(2));
    const Error error = error_of([&] { shop.resume({.epochs = 60}); });
    EXPECT_EQ(error.kind(), ErrorKind::diverged);
    EXPECT_TRUE(shop.said("half the learning rate"));
    EXPECT_EQ(read_file(shop.paths().model(2)), model);
}

TEST(Adapters, TakeWhatValidateForetells) {
    Workshop shop(30, 0);
    with_adapters(shop).settings.epochs = 10;
    shop.configure();
    Events events;
    const auto numbers = [&] {
        return validate_configuration(shop.root(), "training/v/train.yaml", {}, events)["numbers"];
    };
    const Json adapters = numbers();
    EXPECT_EQ(adapters["trained_parameters"], 2 * 4 * 512);
    shop.train();
    double bytes = 0;
    for (const fs::path& file : {shop.paths().model(80), shop.paths().state(80), shop.paths().adapters(80)})
        bytes += static_cast<double>(fs::file_size(file));
    EXPECT_NEAR(bytes, adapters["checkpoint_bytes"].get<double>(), 1.1e6);
    shop.settings.lora_rank = 0;
    shop.configure();
    const Json whole = numbers();
    EXPECT_EQ(whole["trained_parameters"], whole["parameters"]);
    EXPECT_GT(whole["checkpoint_bytes"].get<double>(), adapters["checkpoint_bytes"].get<double>());
    EXPECT_GT(whole["memory_fixed_bytes"].get<double>(), 2.5 * adapters["memory_fixed_bytes"].get<double>());
}

TEST(Freeze, NamesPartsOfTheModel) {
    const nets::UnifiedVoice model(test::tiny_model());
    const auto names = [&](const std::vector<std::string>& parts) {
        std::set<std::string> out;
        const auto frozen = frozen_parameters(model, parts);
        for (std::size_t i = 0; i < frozen.size(); ++i)
            if (frozen[i]) out.insert(model.parameters()[i].first);
        return out;
    };
    EXPECT_TRUE(names({}).empty());
    EXPECT_EQ(names({"text_head"}), (std::set<std::string>{"text_head.weight", "text_head.bias"}));
    EXPECT_EQ(names({"heads"}).size(), 4U);
    EXPECT_EQ(names({"text_embedding", "mel_embedding"}).size(), 4U);
    EXPECT_EQ(names({"conditioning"}).size(), 2U + 6 * 6);
    EXPECT_EQ(names({"layers:1"}).size(), 12U);
    EXPECT_EQ(names({"layers:0-1"}), names({"layers"}));
    EXPECT_EQ(names({"attention", "mlp"}).size(), 2U * 8);
    EXPECT_EQ(names({"norms"}).size(), 2U * (6 + 2 * 2 + 2));
    for (const char* wrong : {"layers:2", "layers:1-0", "layers:", "layers:a", "layers:0-", "head", ""})
        EXPECT_EQ(error_of([&] { frozen_parameters(model, {wrong}); }).kind(), ErrorKind::usage) << wrong;
    EXPECT_THROW(frozen_parameters(
                     model, {"conditioning", "text_embedding", "mel_embedding", "layers", "norms", "heads"}),
                 Error);
}

TEST(Freeze, LeavesPartsAsTheyAreAndGoesOnExactly) {
    Workshop whole, parts;
    for (Workshop* shop : {&whole, &parts}) {
        shop->settings.freeze = {"conditioning", "layers:0", "text_head"};
        shop->settings.ema = true;
    }
    expect_same_when_resumed(whole, parts, 4, 9);
    EXPECT_TRUE(whole.said("frozen: conditioning, layers:0, text_head"));
    const nets::UnifiedVoice model(test::tiny_model());
    const auto frozen = frozen_parameters(model, whole.settings.freeze);
    const auto before = tensors::read_weights(base_of(whole)),
               after = tensors::read_weights(whole.paths().model(9)),
               average = tensors::read_weights(whole.paths().ema_model(9));
    const SavedState saved = read_state(whole.paths().state(9));
    std::size_t trained = 0;
    for (std::size_t i = 0; i < frozen.size(); ++i) {
        const std::string& name = model.parameters()[i].first;
        EXPECT_EQ(tensors::identical(before.at(name), after.at(name)), frozen[i]) << name;
        EXPECT_EQ(tensors::identical(before.at(name), average.at(name)), frozen[i]) << name;
        trained += !frozen[i];
    }
    EXPECT_EQ(saved.optimizer.find("state")->dict()->items.size(), trained);

    // Thawed, it goes on with moments of their own for what was frozen.
    parts.settings.freeze = {};
    parts.configure();
    EXPECT_EQ(parts.resume({.epochs = 4})["iterations"], 12);
    const auto thawed = tensors::read_weights(parts.paths().model(12));
    EXPECT_FALSE(tensors::identical(before.at("text_head.weight"), thawed.at("text_head.weight")));
    // And a state of the whole model, such as DLAS', goes on with parts of it frozen.
    parts.settings.freeze = {"layers:1", "norms"};
    parts.configure();
    EXPECT_EQ(parts.resume({.epochs = 5})["iterations"], 15);
    EXPECT_TRUE(tensors::identical(thawed.at("gpt.ln_f.weight"),
                                   tensors::read_weights(parts.paths().model(15)).at("gpt.ln_f.weight")));
}

TEST(Freeze, IsRefusedBeforeAnythingIsWritten) {
    Workshop shop(4, 0);
    shop.settings.freeze = {"layers:7"};
    EXPECT_EQ(error_of([&] { shop.configure(); }).kind(), ErrorKind::usage);
    EXPECT_FALSE(fs::exists(shop.paths().yaml));
    shop.settings.freeze = {""};
    shop.configure();
    YAML::Node yaml = read_yaml(shop.paths().yaml);
    yaml["testudo"]["freeze"].push_back("tail");
    write_yaml(shop.paths().yaml, yaml);
    const Error error = error_of([&] { shop.train(); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_NE(std::string(error.what()).find("testudo.freeze"), std::string::npos) << error.what();
}

}  // namespace
}  // namespace testudo::training
