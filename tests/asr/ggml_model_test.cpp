// Models converted for whisper.cpp, and what is refused before whisper.cpp would read it.
#include "asr/ggml_model.h"

#include <functional>

#include "asr/model_file.h"
#include "asr/whisper_cpp_backend.h"
#include "audio/whisper_mel.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "models.h"

namespace testudo::asr {
namespace {

// A model of one layer with random weights, in all that a ggml file holds.
struct Parts {
    tensors::GgmlSizes sizes;
    at::Tensor filters = audio::whisper_mel_filters(80);
    std::vector<std::string> vocabulary;
    tensors::NamedTensors tensors;

    Parts() {
        nets::WhisperConfig config;
        config.audio_dim = config.text_dim = 64;
        config.audio_heads = config.text_heads = config.audio_layers = config.text_layers = 1;
        at::manual_seed(5);
        for (const auto& [name, shape] : nets::whisper_shapes(config)) {
            const bool half = shape.size() > 1 && !name.ends_with("positional_embedding");
            tensors.set(name, (at::randn(shape) * 0.1).to(half ? at::kHalf : at::kFloat));
        }
        const test::TemporaryFolder empty("vocabulary");
        const WhisperTokenizer tokenizer = WhisperTokenizer::load(empty.path(), config.vocabulary);
        vocabulary.assign(tokenizer.bytes().begin(), tokenizer.bytes().end());
        sizes.vocabulary = config.vocabulary;
        sizes.audio_context = 1500, sizes.text_context = 448, sizes.mels = 80;
        sizes.audio_dim = sizes.text_dim = 64;
        sizes.audio_heads = sizes.text_heads = sizes.audio_layers = sizes.text_layers = 1;
    }
    fs::path write(const fs::path& file) const {
        tensors::write_ggml(file, sizes, filters, vocabulary, tensors);
        return file;
    }
};

TEST(GgmlModel, WhatWhisperCppDoesNotExpectIsRefused) {
    const test::TemporaryFolder folder;
    const fs::path file = folder / "model.bin";
    Parts().write(file);
    EXPECT_NO_THROW(whisper_cpp_backend(file));
    const std::vector<std::pair<const char*, std::function<void(Parts&)>>> changes = {
        {"tokens", [](Parts& p) { p.sizes.vocabulary = 51863; }},
        {"frames", [](Parts& p) { p.sizes.audio_context = 1499; }},
        {"tokens", [](Parts& p) { p.sizes.text_context = 4; }},
        {"mel bands", [](Parts& p) { p.sizes.mels = 81; }},
        {"mel filters", [](Parts& p) { p.sizes.mels = 128; }},
        {"mel filters",
         [](Parts& p) {
             p.filters = at::zeros({80, 200});
         }},
        {"widths", [](Parts& p) { p.sizes.audio_heads = 2; }},
        {"widths", [](Parts& p) { p.sizes.text_dim = p.sizes.text_heads = 128; }},
        {"layers", [](Parts& p) { p.sizes.text_layers = 1000; }},
        {"missing", [](Parts& p) { p.sizes.text_layers = 2; }},
        {"missing", [](Parts& p) { p.tensors.erase("encoder.conv2.bias"); }},
        {"does not have", [](Parts& p) { p.tensors.set("decoder.extra", at::zeros({3})); }},
        {"shape", [](Parts& p) { p.tensors.set("decoder.ln.bias", at::zeros({63})); }},
        {"shape",
         [](Parts& p) {
             p.tensors.set("encoder.conv1.bias", at::zeros({64, 2}));
         }},
        {"type", [](Parts& p) { p.tensors.set("decoder.ln.bias", at::zeros({64}, at::kHalf)); }},
        {"type", [](Parts& p) { p.sizes.type = 0; }},
        {"type", [](Parts& p) { p.sizes.type = 8; }},
        {"vocabulary", [](Parts& p) { p.vocabulary.resize(40000); }},
        {"twice", [](Parts& p) { p.vocabulary[300] = p.vocabulary[301]; }},
    };
    for (const auto& [named, change] : changes) {
        Parts parts;
        change(parts);
        parts.write(file);
        try {
            whisper_cpp_backend(file);
            ADD_FAILURE() << named << " was accepted";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
            EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
            EXPECT_NE(std::string(error.what()).find(file.string()), std::string::npos) << error.what();
        }
    }
}

// Random weights say anything at any time: whisper.cpp's own checks, which end the process, must never be
// met.
TEST(SlowGgmlModel, RandomWeightsAreHeardToTheEnd) {
    const test::TemporaryFolder folder;
    const auto backend = whisper_cpp_backend(Parts().write(folder / "model.bin"), {.fallback = false});
    at::manual_seed(6);
    std::vector<audio::Clip> clips;
    for (const double seconds : {0.0, 0.12, 0.159, 0.161, 0.3, 29.99, 30.12, 30.15}) {
        const at::Tensor noise = at::randn({static_cast<std::int64_t>(seconds * 16000)}) * 0.1;
        const float* values = noise.const_data_ptr<float>();
        clips.push_back({{values, values + noise.numel()}, 16000});
    }
    for (const bool words : {false, true})
        for (const int beam : {0, 3}) {
            HearOptions options;
            options.word_timestamps = words;
            options.beam_size = beam;
            const auto transcripts = backend->hear(clips, options);
            ASSERT_EQ(transcripts.size(), clips.size());
            for (std::size_t i = 0; i < clips.size(); ++i) {
                EXPECT_EQ(transcripts[i].language, "en");
                for (const Segment& segment : transcripts[i].segments) {
                    EXPECT_GE(segment.start, 0);
                    EXPECT_GE(segment.end, segment.start);
                    EXPECT_LE(segment.end, clips[i].seconds() + 0.01);
                }
                // It can be written and read again.
                EXPECT_NO_THROW(transcript_from_json(to_json(transcripts[i]), "x"));
            }
        }
}

TEST(GgmlModel, ConvertedModelsHoldTheSameWeights) {
    for (const char* name : {"tiny.en", "base"}) {
        const fs::path file = test::ggml_model(name);
        if (file.empty()) continue;
        const ModelFile own = read_model(file), source = read_model(test::whisper_folder(name));
        EXPECT_EQ(own.config, source.config);
        EXPECT_TRUE(std::equal(own.tokenizer.bytes().begin(), own.tokenizer.bytes().end(),
                               source.tokenizer.bytes().begin(), source.tokenizer.bytes().end()));
        EXPECT_EQ(own.heads, source.heads);  // told by the name
        for (const auto& [tensor, shape] : nets::whisper_shapes(source.config)) {
            const at::Tensor &a = own.tensors.at(tensor), &b = source.tensors.at(tensor);
            EXPECT_EQ(a.sizes(), b.sizes()) << tensor;
            EXPECT_TRUE(at::equal(a.to(at::kFloat), b.to(at::kFloat))) << tensor;
        }
    }
}

TEST(GgmlModel, FullPrecisionIsKeptWhereItIsAskedFor) {
    if (test::ggml_model("tiny.en").empty()) GTEST_SKIP();
    const test::TemporaryFolder folder;
    convert_to_ggml(test::whisper_folder("tiny.en"), folder / "full.bin", /*half=*/false);
    const auto model = tensors::read_ggml(folder / "full.bin");
    EXPECT_EQ(model.sizes.type, 0);
    for (const auto& tensor : model.tensors) EXPECT_EQ(tensor.type->name, "float32") << tensor.name;
    EXPECT_NO_THROW(check_ggml(model, folder / "full.bin"));
    EXPECT_THROW(convert_to_ggml(folder / "none", folder / "x.bin"), Error);
}

}  // namespace
}  // namespace testudo::asr
