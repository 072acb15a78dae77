#pragma once
// A workspace in a temporary folder with a tiny model, a tiny DVAE and a voice of made-up clips, on which a
// whole training takes a second.
#include <cmath>
#include <numbers>

#include "audio/clip.h"
#include "audio/wav.h"
#include "core/events.h"
#include "core/files.h"
#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "support/golden.h"
#include "tensors/pickle.h"
#include "tensors/weights.h"
#include "training/configure.h"
#include "training/run_paths.h"
#include "training/trainer.h"

namespace testudo::training::test {

inline nets::UnifiedVoiceConfig tiny_model() {
    nets::UnifiedVoiceConfig config;
    config.layers = 2;
    config.model_dim = 32;
    config.heads = 2;
    config.max_text_tokens = 80;
    config.max_mel_tokens = 260;
    config.number_mel_codes = 34;
    config.start_mel_token = 32;
    config.stop_mel_token = 33;
    return config;
}

inline tensors::NamedTensors named(const nets::Parameters& parameters) {
    tensors::NamedTensors out;
    for (const auto& [name, tensor] : parameters) out.set(name, tensor);
    return out;
}

// A folder of its own for each object of a test.
class ShopFolder {
  public:
    ShopFolder() {
        static int count = 0;
        path_ = fs::temp_directory_path() / cat("testudo-workshop-", ::getpid(), "-", ++count);
        fs::remove_all(path_);
        fs::create_directories(path_);
    }
    ~ShopFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    ShopFolder(const ShopFolder&) = delete;
    ShopFolder& operator=(const ShopFolder&) = delete;
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

class Workshop {
  public:
    explicit Workshop(int lines = 10, int validation_lines = 3,
                      nets::UnifiedVoiceConfig config = tiny_model())
        : config_(config) {
        nets::UnifiedVoice model(config_);
        model.initialise(1);
        const fs::path base = root() / "models" / "tortoise" / "autoregressive.pth";
        tensors::write_pickle(base, tensors::to_value(named(model.state_dict(true))));
        write_json(root() / "models" / "tortoise" / "autoregressive.json", {{"heads", config_.heads}});
        nets::DvaeConfig codes;
        codes.hidden_dim = 16;
        codes.codebook_dim = 8;
        codes.num_tokens = config_.start_mel_token;
        codes.num_resnet_blocks = 1;
        nets::Dvae dvae(codes);
        dvae.initialise(2);
        tensors::write_pickle(root() / "models" / "tortoise" / "dvae.pth",
                              tensors::to_value(named(dvae.parameters())));
        write_lists(lines, validation_lines);
        settings.voice = std::string("v");  // a bare literal: a false warning of g++ 12
        settings.epochs = 3;
        settings.learning_rate = 1e-3;
        settings.batch_size = 4;
        settings.gradient_accumulation_size = 1;
        settings.save_rate = 1;
        settings.validation_rate = 1;
    }

    const fs::path& root() const { return folder_.path(); }
    RunPaths paths() const { return run_paths(root(), "v"); }

    void write_lists(int lines, int validation_lines) {
        const fs::path voice = paths().folder;
        const auto write = [&](const char* list, int first, int count) {
            std::string text;
            for (int i = first; i < first + count; ++i) {
                const std::string name = cat("audio/clip_", i, ".wav");
                audio::Clip clip;
                clip.rate = 22050;
                // Lengths from 0.7 to 1.5 s; a tone that differs from clip to clip.
                clip.samples.resize(static_cast<std::size_t>(22050 * (0.7 + 0.8 * ((i * 7) % 10) / 9.0)));
                for (std::size_t t = 0; t < clip.samples.size(); ++t)
                    clip.samples[t] =
                        static_cast<float>(0.4 * std::sin(2 * std::numbers::pi * (150.0 + 40 * i) *
                                                          static_cast<double>(t) / 22050));
                fs::create_directories((voice / name).parent_path());
                audio::write_wav16(voice / name, clip);
                text +=
                    cat(name, "|this is ", std::string(static_cast<std::size_t>(1 + i % 5), 'a'), " line.\n");
            }
            write_file(voice / list, text);
        };
        write("train.txt", 0, lines);
        write("validation.txt", 100, validation_lines);
    }

    Json configure() {
        Events events;
        return training::configure(root(), settings, events);
    }

    // Runs and keeps the events in `seen`.
    Json train(TrainOptions options = {}) {
        Events events;
        listen(events);
        return train_voice(root(), "training/v/train.yaml", events, options);
    }
    Json resume(TrainOptions options = {}) {
        Events events;
        listen(events);
        return resume_voice(root(), "v", events, options);
    }

    std::vector<Json> of_type(const std::string& type) const {
        std::vector<Json> found;
        for (const Json& event : seen)
            if (event["type"] == type) found.push_back(event);
        return found;
    }
    std::vector<Json> training_metrics() const {
        std::vector<Json> found;
        for (const Json& event : of_type("metric"))
            if (!event.contains("mode")) found.push_back(event);
        return found;
    }
    std::vector<Json> validation_metrics() const {
        std::vector<Json> found;
        for (const Json& event : of_type("metric"))
            if (event.contains("mode")) found.push_back(event);
        return found;
    }
    // The losses of all iterations, exactly.
    std::vector<std::pair<std::int64_t, double>> losses() const {
        std::vector<std::pair<std::int64_t, double>> found;
        for (const Json& event : training_metrics())
            found.emplace_back(event["it"].get<std::int64_t>(), event["loss_gpt_total"].get<double>());
        return found;
    }
    bool said(const std::string& part) const {
        for (const Json& event : of_type("log"))
            if (event["message"].get<std::string>().find(part) != std::string::npos) return true;
        return false;
    }
    // The iterations of what was told about `what` ("skipped", "disk", …).
    std::vector<std::int64_t> told_about(const std::string& what) const {
        std::vector<std::int64_t> out;
        for (const Json& event : of_type("log"))
            if (event.value("about", "") == what) out.push_back(event["it"].get<std::int64_t>());
        return out;
    }

    TrainingSettings settings;
    std::vector<Json> seen;
    std::function<void(const Json&)> on_event;

  private:
    void listen(Events& events) {
        events.listen([this](const Json& event) {
            seen.push_back(event);
            if (on_event) on_event(event);
        });
    }

    nets::UnifiedVoiceConfig config_;
    ShopFolder folder_;
};

inline void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
    std::string text = read_file(file);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from << "\n" << text;
    text.replace(at, from.size(), to);
    write_file(file, text);
}

template <class Run>
Error error_of(Run&& run) {
    try {
        run();
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "no error";
    return {ErrorKind::internal, "", ""};
}

}  // namespace testudo::training::test
