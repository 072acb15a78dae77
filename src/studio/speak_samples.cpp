#include "studio/speak_samples.h"

#include <algorithm>

#include "audio/decode.h"
#include "audio/mel.h"
#include "core/strings.h"
#include "nets/dvae.h"
#include "nets/unified_voice.h"
#include "synthesis/preview.h"
#include "text/find_tokenizer.h"
#include "training/base_model.h"

namespace testudo::studio {

int most_codes_of(const std::string& text) {
    constexpr std::size_t longest = 250;  // that of a training clip
    return static_cast<int>(std::min(longest, 30 + 3 * count_code_points(text)));
}

training::MakeSpeak speak_samples() {
    return [](const training::SpeakingVoice& voice) -> training::Speak {
        const auto tokenizer = text::load_tokenizer(voice.tokenizer);
        const auto dvae =
            std::make_shared<const nets::Dvae>(training::load_dvae(voice.dvae, voice.model.device()));
        const std::vector<audio::Clip> clips = {audio::load(voice.clip, audio::tortoise_rate)};
        return [&model = voice.model, seed = voice.seed, tokenizer, dvae, clips](const std::string& text) {
            synthesis::PreviewOptions how;
            how.sampling.max_codes = most_codes_of(text);
            how.sampling.seed = seed;
            const auto preview = synthesis::speak_preview(model, *tokenizer, *dvae, clips, text, how);
            return training::SpokenSentence{preview.clip,
                                            static_cast<std::int64_t>(preview.candidate.codes.size()),
                                            preview.candidate.stopped};
        };
    };
}

}  // namespace testudo::studio
