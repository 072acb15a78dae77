#pragma once
// The real Whisper models that `./dev setup` fetches, and the clips of the reference data.
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "asr/ggml_model.h"
#include "asr/transcriber.h"
#include "audio/clip.h"
#include "audio/decode.h"
#include "support/golden.h"

namespace testudo::test {

inline fs::path whisper_folder(const std::string& name) {
    return source_dir() / ".deps/models/whisper" / name;
}

// Loaded once; null (and said aloud) when setup has not fetched it.
inline const asr::Transcriber* whisper(const std::string& name) {
    static std::map<std::string, std::unique_ptr<asr::Transcriber>> loaded;
    if (!fs::exists(whisper_folder(name) / "model.bin")) {
        std::cerr << "[models] " << whisper_folder(name).string() << " is not there: skipped\n";
        return nullptr;
    }
    auto& model = loaded[name];
    if (!model) model = std::make_unique<asr::Transcriber>(asr::Transcriber::load(whisper_folder(name)));
    return model.get();
}

// The same model as a file of whisper.cpp, converted once; empty when setup has not fetched it.
inline fs::path ggml_model(const std::string& name) {
    static const TemporaryFolder folder("ggml");
    if (!fs::exists(whisper_folder(name) / "model.bin")) {
        std::cerr << "[models] " << whisper_folder(name).string() << " is not there: skipped\n";
        return {};
    }
    const fs::path file = folder / ("ggml-" + name + ".bin");
    if (!fs::exists(file)) asr::convert_to_ggml(whisper_folder(name), file);
    return file;
}

// Clips of other sets may be described in their own audio.json; the recordings come from the default set.
inline audio::Clip golden_clip(const std::string& name) {
    return audio::load(golden_file_or_default("asr/audio/" + name + ".flac"), 16000);
}

}  // namespace testudo::test
