#include "studio/speak_samples.h"

#include <algorithm>
#include <memory>

#include "audio/decode.h"
#include "audio/mel.h"
#include "core/available_memory.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "synthesis/preview.h"
#include "tensors/weights.h"
#include "text/find_tokenizer.h"
#include "training/base_model.h"

namespace testudo::studio {

namespace {

constexpr std::size_t longest = 250;  // codes; that of a training clip

// Too little memory on a CPU is no exception: the kernel ends the whole training.
void check_memory(const training::SpeakingVoice& voice) {
    if (!voice.model.device().is_cpu()) return;
    const auto& sizes = voice.model.config();
    const double positions = static_cast<double>(longest + training::longest_sentence);
    // Keys and values of all layers, of the prompt and of the row that goes on from it.
    const double caches = 2.0 * 2 * sizes.layers * sizes.model_dim * positions * sizeof(float);
    const double needed = static_cast<double>(fs::file_size(voice.dvae)) + caches;
    const AvailableMemory room = available_memory();
    if (room.bytes < needed)
        throw environment_error(cat("speaking takes ", human_bytes(needed), ", there are ",
                                    human_bytes(room.bytes), " left of ", room.limit),
                                "Leave sample_sentences empty, or close other programs.");
}

// The weights in use, or, where adapters come on top of them, the file, which is mapped rather than read.
nets::VoiceGenerator generator_of(const training::SpeakingVoice& voice) {
    if (voice.model.adapters().all.empty()) return synthesis::make_generator(voice.model);
    const auto weights = tensors::read_weights(voice.checkpoint);
    return synthesis::make_generator([&](const std::string& name) { return weights.find(name); },
                                     voice.model.config());
}

}  // namespace

int most_codes_of(const std::string& text) {
    return static_cast<int>(std::min(longest, 30 + 3 * count_code_points(text)));
}

training::MakeSpeak speak_samples() {
    return [](const training::SpeakingVoice& voice) -> training::Speak {
        check_memory(voice);
        const auto generator = std::make_shared<const nets::VoiceGenerator>(generator_of(voice));
        const auto tokenizer = text::load_tokenizer(voice.tokenizer);
        const auto dvae =
            std::make_shared<const nets::Dvae>(training::load_dvae(voice.dvae, generator->device()));
        const std::vector<audio::Clip> clips = {audio::load(voice.clip, audio::tortoise_rate)};
        return [generator, seed = voice.seed, tokenizer, dvae, clips](const std::string& text) {
            synthesis::PreviewOptions how;
            how.sampling.max_codes = most_codes_of(text);
            how.sampling.seed = seed;
            const auto preview = synthesis::speak_preview(*generator, *tokenizer, *dvae, clips, text, how);
            return training::SpokenSentence{preview.clip,
                                            static_cast<std::int64_t>(preview.candidate.codes.size()),
                                            preview.candidate.stopped};
        };
    };
}

}  // namespace testudo::studio
