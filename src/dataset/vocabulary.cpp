#include "dataset/vocabulary.h"

#include <algorithm>
#include <map>
#include <set>

#include "asr/transcript.h"
#include "audio/decode.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/lines.h"
#include "dataset/settings.h"
#include "dataset/transcript_text.h"
#include "text/find_tokenizer.h"

namespace testudo::dataset {

namespace {

double clip_seconds(const fs::path& clip) {
    try {
        return audio::duration(clip);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        return 0;  // training says what is wrong with it
    }
}

std::vector<text::PlacedText> texts_of_whisper_json(const fs::path& training) {
    std::vector<text::PlacedText> texts;
    for (const auto& [name, transcript] : read_usable(training / "whisper.json").transcripts) {
        if (transcript.segments.empty() && !trim(transcript.text).empty())
            texts.push_back({cat("whisper.json, ", name), trim(transcript.text)});
        for (const auto& segment : transcript.segments)
            if (!trim(segment.text).empty())
                texts.push_back({cat("whisper.json, ", name, ", segment ", segment.id), trim(segment.text),
                                 segment.end - segment.start});
    }
    return texts;
}

}  // namespace

std::vector<text::PlacedText> texts_of(const fs::path& training, bool with_seconds) {
    std::vector<text::PlacedText> texts;
    bool listed = false;
    for (const char* name : {"train.txt", "validation.txt"}) {
        const fs::path list = training / name;
        if (!fs::exists(list)) continue;
        listed = true;
        for (const Line& line : read_lines(list, true))
            texts.push_back({cat(name, ":", line.number), line.text,
                             with_seconds ? clip_seconds(audio_path(list, line)) : 0});
    }
    return listed ? texts : texts_of_whisper_json(training);
}

std::string language_of(const fs::path& training) {
    if (!fs::exists(training / "whisper.json")) return {};
    std::map<std::string, int> languages;
    for (const auto& [name, transcript] : read_usable(training / "whisper.json").transcripts)
        if (!transcript.language.empty()) ++languages[transcript.language];
    const auto most = std::max_element(languages.begin(), languages.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == languages.end() ? "" : most->first;
}

void check_vocabulary(const fs::path& root, const std::string& tokenizer_json) {
    fs::path file;
    try {
        file = text::find_tokenizer(root, tokenizer_json, "tokenizer_json");
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::input && text::names_phonemes(tokenizer_json)) return;
        throw;
    }
    text::load_tokenizer(file);
}

bool are_phonemes(const fs::path& training, const std::vector<text::PlacedText>& texts) {
    // IPA extensions, modifier letters such as the marks of stress and length.
    const auto phonetic = [](char32_t c) { return c >= 0x250 && c <= 0x2ff; };
    std::set<std::string> written;
    for (const auto& one : texts) {
        const std::u32string points = code_points(one.text);
        if (std::any_of(points.begin(), points.end(), phonetic)) return true;
        written.insert(trim(one.text));
    }
    if (!fs::exists(training / "whisper.json")) return true;
    const auto said = texts_of_whisper_json(training);
    return std::none_of(said.begin(), said.end(),
                        [&](const auto& one) { return written.count(trim(one.text)) > 0; });
}

void warn_of_vocabulary(const fs::path& root, const fs::path& training, const std::string& tokenizer_json,
                        Events& events) {
    fs::path file;
    try {
        file = text::find_tokenizer(root, tokenizer_json, "tokenizer_json");
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        // The lists do not need it, and it may be made from them.
        events.warning(cat(error.what(), "; make one of these lines with `testudo tokenizer train ",
                           to_utf8(training.filename().string()), " --to ipa.json`"));
        return;
    }
    warn_of_vocabulary(*text::load_tokenizer(file), training, events);
}

void warn_of_vocabulary(const text::Tokenizer& tokenizer, const fs::path& training, Events& events) {
    const auto coverage = text::measure_coverage(tokenizer, texts_of(training, false), longest_text_tokens);
    for (const auto& sentence : text::sentences(coverage)) events.warning(sentence);
    if (coverage.lines_with_unknown > 0)
        events.warning(cat(coverage.lines_with_unknown, " of ", coverage.lines,
                           " lines hold characters that the tokenizer does not know and will be left out of "
                           "training"));
}

}  // namespace testudo::dataset
