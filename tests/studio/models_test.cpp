#include "studio/models.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"
#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "support/golden.h"
#include "tensors/pickle.h"
#include "tensors/safetensors.h"
#include "tensors/weights.h"

namespace testudo::studio {
namespace {

TEST(Models, InitInspectListAndConvert) {
    const test::TemporaryFolder folder;
    const Workspace workspace(folder.path());
    Events events;
    InitOptions options;
    const InitResult made = init_model(workspace, options, events);
    const Inspection model = inspect_model(made.model), dvae = inspect_model(made.dvae);
    EXPECT_EQ(model.kind, ModelKind::unified_voice);
    EXPECT_EQ(model.parameters, made.parameters);
    EXPECT_NE(model.origin.find("not trained"), std::string::npos);
    EXPECT_EQ(model.config.at("layers"), 4);
    EXPECT_EQ(model.config.at("number_text_tokens"), 256);
    EXPECT_EQ(model.config.at("max_mel_tokens"), 604);
    EXPECT_EQ(dvae.kind, ModelKind::dvae);
    EXPECT_EQ(dvae.config.at("num_tokens"), 256);

    const auto listed = list_models(workspace);
    ASSERT_EQ(listed.size(), 2u);
    EXPECT_EQ(listed[0].name, "random-nano");
    EXPECT_TRUE(listed[0].problem.empty());

    EXPECT_THROW(init_model(workspace, options, events), Error);  // would overwrite
    options.overwrite = true;
    EXPECT_NO_THROW(init_model(workspace, options, events));

    const fs::path half = folder / "half.safetensors", back = folder / "back.pth";
    convert_model(made.model, half, {.precision = "fp16"});
    convert_model(half, back, {.precision = "fp32"});
    const auto before = tensors::read_weights(made.model), after = tensors::read_weights(back);
    EXPECT_FALSE(after.contains("gpt.h.0.attn.bias"));
    EXPECT_TRUE(before.contains("gpt.h.0.attn.bias"));
    const std::string name = "mel_head.weight";
    EXPECT_EQ(tensors::read_weights(half).at(name).scalar_type(), at::kHalf);
    EXPECT_TRUE(after.at(name).allclose(before.at(name), 1e-2, 1e-4));
    EXPECT_EQ(inspect_model(back).parameters, made.parameters);
    EXPECT_NE(inspect_model(half).origin.find("not trained"), std::string::npos);
    // What was converted still is a model that loads.
    const auto find = [&](const std::string& key) { return after.find(key); };
    nets::UnifiedVoice voice(nets::infer_config(find, "back.pth"));
    EXPECT_NO_THROW(voice.load(find));
}

TEST(Models, ConversionKeepsWhatLiesAroundTheWeights) {
    const test::TemporaryFolder folder;
    tensors::Dict weights, whole;
    weights.set("gpt.h.0.attn.bias", at::ones({2, 2}, at::kBool));
    weights.set("a.weight", at::ones({2, 2}));
    whole.set("model_state_dict", std::move(weights));
    whole.set("epoch", 3);
    tensors::write_pickle(folder / "in.pth", std::move(whole));
    convert_model(folder / "in.pth", folder / "out.pth", {.precision = "bf16"});
    const auto out = tensors::read_pickle(folder / "out.pth");
    const auto* dict = std::get_if<tensors::Dict>(&out.data);
    ASSERT_TRUE(dict && dict->find("epoch") && dict->find("model_state_dict"));
    EXPECT_EQ(std::get<std::int64_t>(dict->find("epoch")->data), 3);
    const auto& inner = std::get<tensors::Dict>(dict->find("model_state_dict")->data);
    EXPECT_EQ(inner.items.size(), 1u);
    EXPECT_EQ(std::get<at::Tensor>(inner.find("a.weight")->data).scalar_type(), at::kBFloat16);
}

TEST(Models, TiedWeightsCountOnce) {
    const test::TemporaryFolder folder;
    tensors::Dict weights;
    const at::Tensor shared = at::ones({4, 5});
    weights.set("embedding.weight", shared).set("head.weight", shared).set("bias", at::ones({4}));
    tensors::write_pickle(folder / "tied.pth", std::move(weights));
    const Inspection found = inspect_model(folder / "tied.pth");
    EXPECT_EQ(found.parameters, 24u);
    EXPECT_EQ(found.tensors.size(), 3u);
}

TEST(Models, RefusesBadRequests) {
    const test::TemporaryFolder folder;
    const Workspace workspace(folder.path());
    Events events;
    const auto bad = [&](auto&& change) {
        InitOptions options;
        change(options);
        EXPECT_THROW(init_model(workspace, options, events), Error);
    };
    bad([](auto& o) { o.size = "huge"; });
    bad([](auto& o) { o.name = "../escape"; });
    bad([](auto& o) { o.text_tokens = 1; });
    EXPECT_FALSE(fs::exists(folder / "models"));

    tensors::NamedTensors one;
    one.set("x", at::ones({1}));
    tensors::write_safetensors(folder / "x.safetensors", one);
    EXPECT_THROW(convert_model(folder / "x.safetensors", folder / "y.onnx", {}), Error);
    EXPECT_THROW(convert_model(folder / "x.safetensors", folder / "y.pth", {.precision = "fp8"}), Error);
    EXPECT_THROW(convert_model(folder / "x.safetensors", folder / "x.safetensors", {}), Error);
    EXPECT_THROW(convert_model(folder / "missing.pth", folder / "y.pth", {}), Error);
    EXPECT_FALSE(fs::exists(folder / "y.pth"));
    EXPECT_EQ(inspect_model(folder / "x.safetensors").kind, ModelKind::unknown);
}

TEST(Models, DamagedFilesAreListedWithTheirProblem) {
    const test::TemporaryFolder folder;
    const Workspace workspace(folder.path());
    write_file(workspace.tortoise_models() / "broken.pth", "not a checkpoint");
    write_file(workspace.finetunes() / "page.safetensors", "<html>404</html>");
    write_file(workspace.tokenizers() / "bad.json", "{");
    write_file(workspace.whisper_models() / "x" / "model.bin", "");
    // What is no file is no model.
    make_folders(workspace.tokenizers() / "folder.json");
    fs::create_symlink("nowhere", workspace.tokenizers() / "dangling.json");
    fs::create_symlink("nowhere", workspace.finetunes() / "dangling.pth");
    const auto listed = list_models(workspace);
    ASSERT_EQ(listed.size(), 4u);
    for (const auto& entry : listed) {
        EXPECT_FALSE(entry.problem.empty()) << entry.path;
        EXPECT_EQ(entry.what.bytes, fs::file_size(entry.path)) << entry.path;
        EXPECT_TRUE(to_json(entry.what).at("config").is_object()) << entry.path;
    }
    EXPECT_THROW(inspect_model(workspace.tortoise_models() / "broken.pth"), Error);
}

TEST(GoldenModels, KindsOfTheReferenceFiles) {
    const fs::path weights = test::golden_root() / "gen" / "weights";
    if (!fs::is_directory(weights)) GTEST_SKIP() << weights << " is not there";
    const std::pair<const char*, ModelKind> expected[] = {
        {"autoregressive.pth", ModelKind::unified_voice},
        {"clvp2.pth", ModelKind::clvp},
        {"cvvp.pth", ModelKind::cvvp},
        {"diffusion_decoder.pth", ModelKind::diffusion},
        {"vocoder.pth", ModelKind::vocoder},
        {"bigvgan.pth", ModelKind::vocoder},
        {"variant_cond_latents_2.pth", ModelKind::voice_latents},
        {"variant_cond_latents_cuda.pth", ModelKind::voice_latents},
        {"variant_autoregressive_half.pth", ModelKind::unified_voice}};
    int seen = 0;
    for (const auto& [file, kind] : expected) {
        if (!fs::exists(weights / file)) continue;
        EXPECT_STREQ(name_of(inspect_model(weights / file).kind), name_of(kind)) << file;
        ++seen;
    }
    EXPECT_GT(seen, 0);
    for (const char* state : {"ar/ckpt/training_state/5.state", "ar/ckpt/forms/legacy.state"})
        if (const fs::path file = test::golden_root() / state; fs::exists(file)) {
            EXPECT_STREQ(name_of(inspect_model(file).kind), "training state") << file;
        }
}

TEST(Models, WhisperFolder) {
    const fs::path tiny = test::source_dir() / ".deps/models/whisper/tiny.en/model.bin";
    if (!fs::exists(tiny)) GTEST_SKIP() << tiny << " is not there";
    EXPECT_EQ(inspect_model(tiny).kind, ModelKind::whisper);
}

}  // namespace
}  // namespace testudo::studio
