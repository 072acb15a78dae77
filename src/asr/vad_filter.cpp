#include "asr/vad_filter.h"

#include <algorithm>

#include "asr/tokenizer.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"

namespace testudo::asr {

namespace {

// A code as transcripts name languages; what is no language stays for the inner backend to refuse.
std::string code_of(const std::string& language) {
    return find_language(language).value_or(lower_ascii(language));
}

class SilenceSkipper : public Backend {
  public:
    SilenceSkipper(std::unique_ptr<Backend> inner, VoiceActivity voice, const SkipSilence& options)
        : inner_(std::move(inner)), voice_(std::move(voice)), options_(options) {}

    std::vector<Transcript> hear(const std::vector<audio::Clip>& clips, const HearOptions& options) override {
        std::vector<Transcript> out(clips.size());
        std::vector<PackedSound> packed;
        std::vector<std::size_t> places;  // in `out`, of each of `packed`
        double seconds = 0;
        for (std::size_t i = 0; i < clips.size(); ++i) {
            if (stop_requested())
                throw Error(ErrorKind::interrupted, "transcription was interrupted",
                            "Run it again to go on.");
            seconds += clips[i].seconds();
            PackedSound sound =
                pack_speech(clips[i], voice_.speech(clips[i], options_.speech), options_.packing);
            if (sound.pieces.empty()) {
                out[i].language = code_of(options.language);
                out[i].warnings.emplace_back("no speech is found in it");
                continue;
            }
            packed.push_back(std::move(sound));
            places.push_back(i);
        }
        if (packed.empty()) {
            if (options.progress) options.progress(seconds, seconds);
            return out;
        }
        HearOptions inner_options = options;
        if (options.progress)
            inner_options.progress = [&](double done, double total) {
                options.progress(total > 0 ? done / total * seconds : 0, seconds);
            };
        std::vector<audio::Clip> sounds;
        for (PackedSound& sound : packed) sounds.push_back(std::move(sound.clip));
        // Only words tell on which side of a cut a segment that lies over it was spoken.
        const bool cut = std::any_of(packed.begin(), packed.end(),
                                     [](const PackedSound& sound) { return sound.pieces.size() > 1; });
        inner_options.word_timestamps = options.word_timestamps || cut;
        std::vector<Transcript> heard = inner_->hear(sounds, inner_options);
        for (std::size_t i = 0; i < packed.size(); ++i) {
            unpack_times(heard.at(i), packed[i], options_.packing);
            if (!options.word_timestamps)
                for (Segment& segment : heard[i].segments) segment.words.reset();
            out[places[i]] = std::move(heard[i]);
        }
        return out;
    }

  private:
    std::unique_ptr<Backend> inner_;
    VoiceActivity voice_;
    SkipSilence options_;
};

}  // namespace

std::unique_ptr<Backend> skip_silence(std::unique_ptr<Backend> inner, VoiceActivity voice,
                                      const SkipSilence& options) {
    return std::make_unique<SilenceSkipper>(std::move(inner), std::move(voice), options);
}

}  // namespace testudo::asr
