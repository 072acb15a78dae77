// Checkpoints of the original programs: the good ones hold what their manifests say, the bad ones are
// refused.
#include "tensors/inspect.h"
#include "tensors/pickle.h"
#include "tensors/support.h"
#include "tensors/weights.h"

namespace testudo::tensors::test {
namespace {

std::string dtype_name(const at::Tensor& tensor) {
    std::string name = at::toString(tensor.scalar_type());
    static const std::map<std::string, std::string> python{
        {"Float", "float32"}, {"Double", "float64"}, {"Half", "float16"}, {"BFloat16", "bfloat16"},
        {"Long", "int64"},    {"Int", "int32"},      {"Byte", "uint8"},   {"Bool", "bool"}};
    return python.contains(name) ? python.at(name) : name;
}

void expect_tensor(const at::Tensor& tensor, const Json& expected, const std::string& where) {
    EXPECT_EQ(Json(tensor.sizes().vec()), expected.at("shape")) << where;
    EXPECT_EQ(dtype_name(tensor), expected.at("dtype").get<std::string>()) << where;
    const char* sum = expected.contains("sha256") ? "sha256" : "sha256_of_raw_bytes";
    EXPECT_EQ(sha256(raw_bytes(tensor)), expected.at(sum).get<std::string>()) << where;
}

std::string key_text(const Value& key) {
    return key.text() ? *key.text() : std::to_string(key.integer().value_or(-1));
}

// The manifests' form: {"type", "items" | "value"} or {"shape", "dtype", …}.
void expect_value(const Value& value, const Json& expected, const std::string& where) {
    if (expected.contains("shape")) {
        ASSERT_NE(value.tensor(), nullptr) << where << " is a " << value.type_name();
        return expect_tensor(*value.tensor(), expected, where);
    }
    const std::string type = expected.at("type");
    EXPECT_EQ(std::string(value.type_name()), type == "NoneType" ? "None" : type) << where;
    if (const Dict* dict = value.dict()) {
        const Json& items = expected.at("items");
        ASSERT_EQ(dict->items.size(), items.size()) << where;
        std::size_t i = 0;
        for (const auto& [key, entry] : items.items()) {
            EXPECT_EQ(key_text(dict->items[i].first), key) << where;
            expect_value(dict->items[i++].second, entry, where + "." + key);
        }
    } else if (value.list() || value.tuple()) {
        const Json& items = expected.at("items");
        ASSERT_EQ(value.elements().size(), items.size()) << where;
        for (std::size_t i = 0; i < items.size(); ++i)
            expect_value(value.elements()[i], items[i], where + "[" + std::to_string(i) + "]");
    } else if (const auto flag = value.boolean()) {
        EXPECT_EQ(*flag, expected.at("value").get<bool>()) << where;
    } else if (const auto number = value.number()) {
        EXPECT_EQ(*number, expected.at("value").get<double>()) << where;
    } else if (value.text()) {
        EXPECT_EQ(*value.text(), expected.at("value").get<std::string>()) << where;
    }
}

struct File {
    fs::path path;
    std::string name;
    Json manifest;
    bool bad = false;
};

std::vector<File> checkpoint_files() {
    std::vector<File> out;
    for (const GoldenCase& set : golden_cases("ar", "ckpt"))
        for (const auto& [name, manifest] : set.manifest.at("files").items()) {
            const fs::path path = set.folder / set.name / name;
            if (fs::exists(path)) out.push_back({path, name, manifest, manifest.contains("expect")});
        }
    return out;
}

TEST(GoldenCheckpoints, GoodFilesHoldWhatTheirManifestsSay) {
    const auto files = checkpoint_files();
    if (files.empty()) GTEST_SKIP() << "this set has no checkpoints";
    int checked = 0;
    for (const File& file : files) {
        if (file.bad) continue;
        SCOPED_TRACE(file.name);
        const Value value = read_pickle(file.path);
        const Json& content = file.manifest.at("content");
        if (content.is_object()) {
            expect_value(value, content, "");
        } else {
            const std::string text = content, prefix = "equal to ";
            ASSERT_TRUE(text.starts_with(prefix));
            const fs::path root = file.path.parent_path().parent_path();
            EXPECT_TRUE(identical(value, read_pickle(root / text.substr(prefix.size()))));
        }
        ++checked;
    }
    EXPECT_GT(checked, 0);
}

TEST(GoldenCheckpoints, WhatWasReadIsWrittenAndReadAgain) {
    const auto files = checkpoint_files();
    if (files.empty()) GTEST_SKIP() << "this set has no checkpoints";
    TemporaryFolder folder;
    for (const File& file : files) {
        if (file.bad) continue;
        SCOPED_TRACE(file.name);
        const Value value = read_pickle(file.path);
        write_pickle(folder / "again.state", value);
        EXPECT_TRUE(identical(read_pickle(folder / "again.state"), value));
    }
}

TEST(GoldenCheckpoints, BadFilesAreRefused) {
    const auto files = checkpoint_files();
    if (files.empty()) GTEST_SKIP() << "this set has no checkpoints";
    for (const File& file : files) {
        if (!file.bad) continue;
        SCOPED_TRACE(file.name);
        const std::string message = message_of_error([&] { read_weights(file.path); }, file.name);
        EXPECT_NE(message.find(file.path.string()), std::string::npos) << message;
        std::cout << "  " << message.substr(file.path.string().size() - file.name.size()) << '\n';
        // Looking without reading the weights sees everything but a wrong checksum of theirs.
        if (message.find("checksum") == std::string::npos)
            message_of_error([&] { describe_file(file.path); }, file.name);
    }
}

TEST(GoldenCheckpoints, WeightsComeOutOfEveryWrapping) {
    const auto files = checkpoint_files();
    if (files.empty()) GTEST_SKIP() << "this set has no checkpoints";
    for (const File& file : files) {
        if (file.bad || !file.path.string().ends_with(".pth")) continue;
        SCOPED_TRACE(file.name);
        const NamedTensors weights = read_weights(file.path);
        const Json* items = &file.manifest.at("content").at("items");
        if (items->contains("state_dict")) items = &items->at("state_dict").at("items");
        EXPECT_EQ(weights.size(), items->size());
        for (const auto& [key, expected] : items->items()) {
            const std::string name = key.starts_with("module.") ? key.substr(7) : key;
            ASSERT_TRUE(weights.contains(name)) << name;
            expect_tensor(weights.at(name), expected, name);
        }
    }
}

TEST(GoldenCheckpoints, DescriptionsCountWhatIsThere) {
    const auto files = checkpoint_files();
    if (files.empty()) GTEST_SKIP() << "this set has no checkpoints";
    for (const File& file : files) {
        if (file.bad) continue;
        SCOPED_TRACE(file.name);
        const Json description = describe_file(file.path);
        std::int64_t elements = 0, bytes = 0;
        for (const Json& tensor : description.at("tensors")) {
            std::int64_t count = 1;
            for (const Json& size : tensor.at("shape")) count *= size.get<std::int64_t>();
            elements += count;
            bytes += tensor.at("bytes").get<std::int64_t>();
        }
        EXPECT_EQ(description.at("totals").at("elements"), elements);
        EXPECT_LE(description.at("totals").at("bytes").get<std::int64_t>(), std::max<std::int64_t>(bytes, 1));
        EXPECT_EQ(description.at("totals").at("tensors"), description.at("tensors").size());
        EXPECT_EQ(description.at("bytes"), fs::file_size(file.path));
    }
}

TEST(GoldenWeights, GenerationModelsHoldTheirTensors) {
    const fs::path folder = golden_root() / "gen" / "weights";
    if (!fs::exists(folder / "weights_index.json")) GTEST_SKIP() << "this set has no generation weights";
    const Json index = read_json(folder / "weights_index.json");
    int checked = 0;
    for (const auto& [name, manifest] : index.items()) {
        const fs::path path = folder / name;
        if (!manifest.is_object() || !manifest.contains("tensors") || !fs::exists(path)) continue;
        SCOPED_TRACE(name);
        const Value value = path.extension() == ".pth" ? read_pickle(path) : to_value(read_weights(path));
        const Json& tensors = manifest.at("tensors");
        if (value.tuple()) {  // voice latents
            for (const auto& [place, expected] : tensors.items())
                expect_value(value.elements()[std::stoul(place)], expected, place);
        } else {
            std::string part;
            for (const char* key : {"model_g", "generator"})
                if (value.dict() && value.dict()->contains(key)) part = key;
            const NamedTensors weights = state_dict_of(value, name, part);
            for (const auto& [key, expected] : tensors.items()) {
                ASSERT_TRUE(weights.contains(key)) << key;
                expect_tensor(weights.at(key), expected, key);
            }
        }
        ++checked;
    }
    EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace testudo::tensors::test
