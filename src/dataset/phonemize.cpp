#include "dataset/phonemize.h"

#include <map>
#include <memory>
#include <set>

#include "core/error.h"
#include "core/strings.h"
#include "dataset/transcript_text.h"
#include "dataset/voice_files.h"
#include "text/find_tokenizer.h"

namespace testudo::dataset {

namespace {

constexpr std::size_t longest_text = 2000;  // code points; lines are far shorter

class Phonemes {
  public:
    Phonemes(VoiceFolders folders, std::string language, text::PhonemeOptions options)
        : folders_(std::move(folders)), language_(std::move(language)), options_(std::move(options)) {}

    std::string of(const std::string& text, const std::string& voice) {
        if (const auto lacks = lacking_.find(voice); lacks != lacking_.end()) throw lacks->second;
        Known& known = known_[text::espeak_voice(voice)];
        if (const auto found = known.find(text); found != known.end()) return found->second;
        std::set<std::string> wanted = {text};
        if (known.empty()) add_texts(text::espeak_voice(voice), wanted);
        const std::vector<std::string> texts(wanted.begin(), wanted.end());
        try {
            const auto phonemes = text::phonemize(texts, voice, options_);
            for (std::size_t i = 0; i < texts.size(); ++i) known.emplace(texts[i], phonemes[i]);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::input) lacking_.emplace(voice, error);
            throw;
        }
        return known.at(text);
    }

  private:
    using Known = std::map<std::string, std::string>;

    void add_texts(const std::string& voice, std::set<std::string>& texts) const {
        for (const auto& [name, transcript] : read_usable(folders_.whisper_json()).transcripts) {
            const std::string& language = transcript.language.empty() ? language_ : transcript.language;
            if (text::espeak_voice(language.empty() ? "en" : language) != voice) continue;
            const auto add = [&](const std::string& text, const Json& extra) {
                if (!extra.contains("phonemes") && count_code_points(text) <= longest_text)
                    texts.insert(trim(text));
            };
            add(transcript.text, transcript.extra);
            for (const auto& segment : transcript.segments) add(segment.text, segment.extra);
        }
    }

    VoiceFolders folders_;
    std::string language_;
    text::PhonemeOptions options_;
    std::map<std::string, Known> known_;    // by voice
    std::map<std::string, Error> lacking_;  // languages that espeak-ng does not speak
};

}  // namespace

Phonemize phonemizer(const std::filesystem::path& root, const std::string& voice,
                     const DatasetSettings& settings, const text::PhonemeOptions& options) {
    if (!text::names_phonemes(settings.tokenizer_json)) return {};
    const auto phonemes = std::make_shared<Phonemes>(VoiceFolders(root, voice), settings.language, options);
    return [phonemes](const std::string& text, const std::string& language) {
        return phonemes->of(text, language);
    };
}

}  // namespace testudo::dataset
