#include "asr/vad_filter.h"

#include <numeric>

#include "asr/models.h"
#include "core/error.h"
#include "core/strings.h"

namespace testudo::test {
namespace {

using asr::Segment;
using asr::Span;
using asr::Transcript;
using asr::Word;

constexpr int rate = 1000;

// A recording whose samples tell their place: sample i is i / 1e6.
audio::Clip ramp(double seconds) {
    audio::Clip clip{std::vector<float>(static_cast<std::size_t>(seconds * rate)), rate};
    for (std::size_t i = 0; i < clip.samples.size(); ++i)
        clip.samples[i] = static_cast<float>(static_cast<double>(i) / 1e6);
    return clip;
}

Segment segment(double start, double end, const std::string& text, std::vector<Word> words = {}) {
    Segment out;
    out.start = start;
    out.end = end;
    out.text = text;
    out.tokens = std::vector<std::int64_t>{1, 2};
    out.seek = static_cast<std::int64_t>(start * 100);
    if (!words.empty()) out.words = std::move(words);
    return out;
}

Word word(double start, double end, const std::string& text) {
    Word out;
    out.start = start;
    out.end = end;
    out.text = text;
    return out;
}

// Speech at 10..15, 30..34 and 35..40 of 60 s: kept are 9.6..15.4 (packed 0..5.8) and 29.6..40.4 (5.8..16.6).
const std::vector<Span> speech = {{10, 15}, {30, 34}, {35, 40}};

Transcript unpacked(std::vector<Segment> segments) {
    Transcript transcript;
    transcript.segments = std::move(segments);
    asr::unpack_times(transcript, asr::pack_speech(ramp(60), speech));
    return transcript;
}

// Tells nothing but what it was given.
struct Recorder : asr::Backend {
    std::vector<audio::Clip>* given;
    explicit Recorder(std::vector<audio::Clip>* to) : given(to) {}
    std::vector<Transcript> hear(const std::vector<audio::Clip>& clips,
                                 const asr::HearOptions& options) override {
        std::vector<Transcript> out;
        for (const auto& clip : clips) {
            given->push_back(clip);
            out.emplace_back();
            out.back().language = options.language;
            out.back().segments = {segment(0, clip.seconds(), " all")};
            out.back().text = " all";
        }
        if (options.progress) options.progress(1, 2);
        return out;
    }
};

std::unique_ptr<asr::VoiceActivity> load_voice() {
    const fs::path weights = source_dir() / ".deps/share/vad/silero_vad.jit";
    if (fs::exists(weights)) return std::make_unique<asr::VoiceActivity>(asr::VoiceActivity::load(weights));
    std::cerr << "[models] " << weights.string() << " is not there: skipped\n";
    return nullptr;
}

// The native Whisper, as the seam shows it.
struct Native : asr::Backend {
    const asr::Transcriber& model;
    explicit Native(const asr::Transcriber& given) : model(given) {}
    std::vector<Transcript> hear(const std::vector<audio::Clip>& clips,
                                 const asr::HearOptions& options) override {
        asr::TranscribeOptions given;
        given.language = options.language;
        given.word_timestamps = options.word_timestamps;
        return model.transcribe(clips, given);
    }
};

// Lower-case words without punctuation; "lower-case" is "lowercase".
std::vector<std::string> words_of(const Transcript& transcript) {
    std::string plain;
    for (const char letter : lower_ascii(transcript.text))
        if (letter != '-')
            plain += std::isalnum(static_cast<unsigned char>(letter)) || letter == '\'' ? letter : ' ';
    std::vector<std::string> out;
    for (auto& part : split(plain, ' '))
        if (!part.empty()) out.push_back(std::move(part));
    return out;
}

double word_error_rate(const std::vector<std::string>& wanted, const std::vector<std::string>& heard) {
    std::vector<std::size_t> row(heard.size() + 1);
    std::iota(row.begin(), row.end(), 0u);
    for (std::size_t i = 1; i <= wanted.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= heard.size(); ++j) {
            const std::size_t change = diagonal + (wanted[i - 1] != heard[j - 1]);
            diagonal = row[j];
            row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
        }
    }
    return static_cast<double>(row.back()) / static_cast<double>(std::max<std::size_t>(wanted.size(), 1));
}

}  // namespace

TEST(PackedSound, KeepsSpeechAndItsSurroundings) {
    const auto packed = asr::pack_speech(ramp(60), speech);
    ASSERT_EQ(packed.pieces.size(), 2u);
    EXPECT_DOUBLE_EQ(packed.pieces[0].begin, 9.6);
    EXPECT_DOUBLE_EQ(packed.pieces[0].end(), 15.4);
    EXPECT_DOUBLE_EQ(packed.pieces[1].begin, 29.6);
    EXPECT_DOUBLE_EQ(packed.pieces[1].packed, 5.8);
    EXPECT_DOUBLE_EQ(packed.pieces[1].end(), 40.4);
    ASSERT_EQ(packed.clip.samples.size(), 16600u);
    EXPECT_FLOAT_EQ(packed.clip.samples[0], 9600 / 1e6f);
    EXPECT_FLOAT_EQ(packed.clip.samples[5800], 29600 / 1e6f);
    EXPECT_FLOAT_EQ(packed.clip.samples.back(), 40399 / 1e6f);
    // Padding stops at the ends of the recording; without speech nothing is kept.
    const auto ends = asr::pack_speech(ramp(5), {{0.1, 4.9}});
    EXPECT_EQ(ends.clip.samples.size(), 5000u);
    EXPECT_TRUE(asr::pack_speech(ramp(5), {}).pieces.empty());
}

TEST(PackedSound, TimesOfThePiecesAreThoseOfTheRecording) {
    const auto out = unpacked({segment(0.4, 5.4, " one"), segment(6.2, 16.2, " two")});
    ASSERT_EQ(out.segments.size(), 2u);
    EXPECT_DOUBLE_EQ(out.segments[0].start, 10);
    EXPECT_DOUBLE_EQ(out.segments[0].end, 15);
    EXPECT_DOUBLE_EQ(out.segments[1].start, 30);
    EXPECT_DOUBLE_EQ(out.segments[1].end, 40);
    EXPECT_EQ(out.segments[1].id, 1);
    EXPECT_EQ(out.segments[1].seek, 3000);
    EXPECT_TRUE(out.segments[1].tokens);
    // Times that touch a cut belong to the side on which the segment lies; those past the end stop there.
    const auto touching = unpacked({segment(3, 5.8, " one"), segment(5.8, 99, " two")});
    EXPECT_DOUBLE_EQ(touching.segments[0].end, 15.4);
    EXPECT_DOUBLE_EQ(touching.segments[1].start, 29.6);
    EXPECT_DOUBLE_EQ(touching.segments[1].end, 40.4);
}

TEST(PackedSound, ASegmentOverACutIsDividedByItsWords) {
    const auto out = unpacked(
        {segment(4, 8, " one two three", {word(4, 5, " one"), word(5, 6.1, " two"), word(6.2, 8, " three")}),
         segment(8, 9, " four", {word(8, 9, " four")})});
    ASSERT_EQ(out.segments.size(), 3u);
    EXPECT_EQ(out.segments[0].text, " one two");
    EXPECT_DOUBLE_EQ(out.segments[0].start, 13.6);
    EXPECT_DOUBLE_EQ(out.segments[0].end, 15.4);
    EXPECT_FALSE(out.segments[0].tokens);
    ASSERT_EQ(out.segments[0].words->size(), 2u);
    EXPECT_DOUBLE_EQ(out.segments[0].words->at(1).end, 15.4);
    EXPECT_EQ(out.segments[1].text, " three");
    EXPECT_EQ(out.segments[1].id, 1);
    EXPECT_DOUBLE_EQ(out.segments[1].start, 30);
    EXPECT_EQ(out.segments[2].id, 2);
    EXPECT_TRUE(out.segments[2].tokens);
    // The words decide, not a segment's end that lies too far.
    const auto far = unpacked({segment(4, 8, " one", {word(4, 5, " one")})});
    ASSERT_EQ(far.segments.size(), 1u);
    EXPECT_DOUBLE_EQ(far.segments[0].end, 15.4);
}

TEST(PackedSound, WithoutWordsOnlyRealSpeechSpansACut) {
    // Into the padding behind the cut, and from the padding before it.
    auto out = unpacked({segment(1, 6.2, " one")});
    EXPECT_DOUBLE_EQ(out.segments.at(0).start, 10.6);
    EXPECT_DOUBLE_EQ(out.segments.at(0).end, 15.4);
    out = unpacked({segment(5.4, 9, " two")});
    EXPECT_DOUBLE_EQ(out.segments.at(0).start, 29.6);
    EXPECT_DOUBLE_EQ(out.segments.at(0).end, 32.8);
    out = unpacked({segment(3, 9, " one two")});
    EXPECT_DOUBLE_EQ(out.segments.at(0).start, 12.6);
    EXPECT_DOUBLE_EQ(out.segments.at(0).end, 32.8);
    // An end on a cut or shortly behind it, a start on it or in the last moments before: the pause is not
    // spanned.
    for (const double end : {5.8, 6.3, 6.7}) {
        out = unpacked({segment(1, end, " one")});
        EXPECT_DOUBLE_EQ(out.segments.at(0).start, 10.6) << end;
        EXPECT_DOUBLE_EQ(out.segments.at(0).end, 15.4) << end;
    }
    for (const double start : {5.8, 5.2, 4.9}) {
        out = unpacked({segment(start, 9, " two")});
        EXPECT_DOUBLE_EQ(out.segments.at(0).start, 29.6) << start;
        EXPECT_DOUBLE_EQ(out.segments.at(0).end, 32.8) << start;
    }
}

// A segment that lies over every cut, with one word to each side of the first, where it is asked for words.
struct OverTheCut : asr::Backend {
    std::vector<Transcript> hear(const std::vector<audio::Clip>& clips,
                                 const asr::HearOptions& options) override {
        std::vector<Transcript> out;
        for (const auto& clip : clips) {
            out.emplace_back();
            Segment both = segment(0.4, clip.seconds() - 0.4, " one two");
            if (options.word_timestamps)
                both.words = {word(0.5, 1, " one"), word(clip.seconds() - 1, clip.seconds() - 0.5, " two")};
            out.back().segments = {std::move(both)};
        }
        return out;
    }
};

TEST(SkipSilence, WithoutWordTimesASegmentIsDividedAtACutAllTheSame) {
    auto voice = load_voice();
    if (!voice) GTEST_SKIP();
    const auto gap = golden_clip("en_gap");
    const auto pieces = asr::pack_speech(gap, voice->speech(gap)).pieces;
    ASSERT_GT(pieces.size(), 1u);
    auto backend = asr::skip_silence(std::make_unique<OverTheCut>(), std::move(*voice));
    const auto out = backend->hear({gap}, {}).at(0);
    ASSERT_EQ(out.segments.size(), 2u);
    EXPECT_EQ(out.segments[0].text, " one");
    EXPECT_LE(out.segments[0].end, pieces.front().end());
    EXPECT_EQ(out.segments[1].text, " two");
    EXPECT_GE(out.segments[1].start, pieces.back().begin);
    for (const auto& segment : out.segments) EXPECT_FALSE(segment.words);
}

TEST(SkipSilence, HearsOnlyClipsWithSpeech) {
    auto voice = load_voice();
    if (!voice) GTEST_SKIP();
    std::vector<audio::Clip> given;
    auto backend = asr::skip_silence(std::make_unique<Recorder>(&given), std::move(*voice));
    const auto gap = golden_clip("en_gap");
    const audio::Clip silent{std::vector<float>(80000), 16000};
    double done = 0, total = 0;
    asr::HearOptions options;
    options.language = "English";
    options.progress = [&](double d, double t) { done = d, total = t; };
    const auto out = backend->hear({silent, gap, {}}, options);
    ASSERT_EQ(out.size(), 3u);
    ASSERT_EQ(given.size(), 1u);
    EXPECT_LT(given[0].seconds(), gap.seconds() - 8);
    EXPECT_EQ(out[0].language, "en");
    EXPECT_EQ(out[0].warnings.size(), 1u);
    EXPECT_TRUE(out[0].segments.empty());
    EXPECT_TRUE(out[2].segments.empty());
    ASSERT_EQ(out[1].segments.size(), 1u);
    EXPECT_NEAR(total, gap.seconds() + 5, 1e-6);
    EXPECT_NEAR(done, total / 2, 1e-6);
    EXPECT_TRUE(backend->hear({}, options).empty());
}

TEST(SlowSkipSilence, NoWordsAreInventedAndNoneAreLost) {
    const auto* model = whisper("tiny.en");
    auto voice = load_voice();
    if (!model || !voice) GTEST_SKIP();
    Native plain(*model);
    auto backend = asr::skip_silence(std::make_unique<Native>(*model), std::move(*voice));
    for (const bool words : {false, true}) {
        asr::HearOptions options;
        options.language = "en";
        options.word_timestamps = words;
        for (const std::string name : {"silence", "noise", "quiet"}) {
            const auto out = backend->hear({golden_clip(name)}, options).at(0);
            EXPECT_TRUE(out.segments.empty()) << name;
            EXPECT_EQ(out.text, "") << name;
        }
        for (const std::string name : {"en_gap", "en_long"}) {
            SCOPED_TRACE(name);
            const auto clip = golden_clip(name);
            const auto without = plain.hear({clip}, options).at(0),
                       with = backend->hear({clip}, options).at(0);
            const double errors = word_error_rate(words_of(without), words_of(with));
            std::cout << "  " << name << (words ? " with word times" : "") << ": word error rate " << errors
                      << "\n";
            EXPECT_LE(errors, 0.05);
            const auto spoken = load_voice()->speech(clip);
            double last = 0;
            std::string text;
            for (const auto& segment : with.segments) {
                EXPECT_GE(segment.start, last - 1e-6);
                EXPECT_LE(segment.end, clip.seconds() + 0.01);
                last = segment.end;
                text += segment.text;
                // It covers speech.
                double covered = 0;
                for (const Span& span : spoken)
                    covered +=
                        std::max(0.0, std::min(span.end, segment.end) - std::max(span.start, segment.start));
                EXPECT_GT(covered, 0.3 * (segment.end - segment.start)) << segment.text;
            }
            EXPECT_EQ(trim(text), trim(with.text));
        }
    }
}

}  // namespace testudo::test
