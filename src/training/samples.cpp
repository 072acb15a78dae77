#include "training/samples.h"

#include <algorithm>

#include "audio/wav.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/features.h"

namespace testudo::training {

namespace {

// libtorch's messages go on with its call stack.
std::string first_line(const std::exception& error) {
    const std::string what = to_utf8(std::string_view(error.what()));
    return what.substr(0, what.find('\n'));
}

}  // namespace

void check_sentences(const std::vector<std::string>& sentences) {
    if (sentences.size() > most_sentences)
        throw usage_error(
            cat("sample_sentences has ", sentences.size(), " texts; at most ", most_sentences, " are spoken"),
            "Choose the ones that tell you most.");
    for (const std::string& text : sentences) {
        if (trim(text).empty() || !is_utf8(text))
            throw usage_error("sample_sentences has a text without a word", "Leave it out.");
        if (const auto length = count_code_points(text); length > longest_sentence)
            throw usage_error(cat("a text of sample_sentences has ", length, " characters; at most ",
                                  longest_sentence, " can be spoken: ", printable(text)),
                              "Shorten it, or make two of it.");
    }
}

fs::path conditioning_clip(const dataset::Features& lines, const fs::path& list) {
    const auto& lengths = lines.lengths();
    const auto longest = std::max_element(lengths.begin(), lengths.end());
    return dataset::audio_path(list, lines.line(static_cast<int>(longest - lengths.begin())));
}

void write_samples(const RunPaths& paths, const std::vector<std::string>& sentences,
                   const SpeakingVoice& voice, const MakeSpeak& make_speak, std::int64_t iteration,
                   Events& events) {
    const auto all = static_cast<double>(sentences.size());
    std::size_t number = 0;
    events.progress("speak", 0, all, "sentences");
    try {
        const Speak speak = make_speak(voice);
        for (const std::string& text : sentences) {
            if (stop_requested()) return;
            ++number;
            try {
                const SpokenSentence spoken = speak(text);
                const fs::path file = paths.sample(iteration, number);
                audio::write_wav16(file, spoken.clip);
                events.artifact("sample", file,
                                {{"text", text},
                                 {"it", iteration},
                                 {"number", number},
                                 {"codes", spoken.codes},
                                 {"stopped", spoken.stopped},
                                 {"seconds", spoken.clip.seconds()}});
            } catch (const std::exception& error) {
                if (stop_requested()) return;
                events.warning(cat("sample ", number, " of iteration ", iteration,
                                   " could not be spoken: ", first_line(error), ". The training goes on."),
                               {{"about", "sample"}, {"it", iteration}, {"number", number}});
            }
            events.progress("speak", static_cast<double>(number), all, "sentences");
        }
    } catch (const std::exception& error) {
        events.warning(cat("the samples of iteration ", iteration,
                           " could not be spoken: ", first_line(error), ". The training goes on."),
                       {{"about", "sample"}, {"it", iteration}});
    }
}

void delete_samples(const RunPaths& paths, std::int64_t iteration) {
    for (std::size_t number = 1; number <= most_sentences; ++number) {
        std::error_code ignored;
        fs::remove(paths.sample(iteration, number), ignored);
    }
}

}  // namespace testudo::training
