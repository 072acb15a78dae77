#include "asr/diarisation.h"

#include "audio/resample.h"
#include "conversation.h"
#include "core/error.h"
#include "core/interrupt.h"

namespace testudo::asr {
namespace {

using test::Conversation;
using test::converse;
using test::error_rate;
using test::golden_clip;
using test::names_of;
using test::Turn;

void expect_told_apart(const std::vector<Turn>& turns, const DiariseOptions& options = {}) {
    const Conversation talk = converse(turns);
    const auto spans = diarise(talk.clip, options);
    EXPECT_EQ(names_of(spans).size(), names_of(talk.turns).size());
    const double wrong = error_rate(talk.turns, spans, talk.clip.seconds());
    EXPECT_LT(wrong, 0.1);
    std::cout << "[diarisation] " << names_of(talk.turns).size() << " speakers, error rate " << wrong << "\n";
}

TEST(SlowDiarisation, TwoWomenTakeTurns) {
    expect_told_apart({{"lj", "en_lj1", 0, 4, 0},
                       {"allison", "en_ivr", 0, 5, 0.3},
                       {"lj", "en_lj1", 4, 5, 0.2},
                       {"allison", "en_ivr", 5, 7, 0.4},
                       {"lj", "en_lj2", 0, 3, 0.1},
                       {"allison", "en_long", 2, 3, 0.5},
                       {"lj", "en_lj2", 3, 6, 0},
                       {"allison", "en_long", 20, 6, 0.2}});
}

TEST(SlowDiarisation, ThreeLanguages) {
    expect_told_apart({{"fr", "fr", 0, 5, 0},
                       {"it", "it", 0, 4, 0.2},
                       {"ru", "ru", 0, 5, 0.3},
                       {"it", "it", 4, 6, 0},
                       {"fr", "fr", 5, 6, 0.4},
                       {"ru", "ru", 5, 6, 0.1}});
}

TEST(SlowDiarisation, FourSpeakersWithoutPauses) {
    expect_told_apart({{"allison", "en_long", 0, 6, 0},
                       {"lj", "en_lj1", 0, 5, 0},
                       {"it", "it", 0, 5, 0},
                       {"ru", "ru", 0, 6, 0},
                       {"lj", "en_lj2", 0, 6, 0},
                       {"allison", "en_ivr", 3, 4, 0},
                       {"ru", "ru", 6, 5, 0},
                       {"it", "it", 5, 6, 0}});
}

TEST(SlowDiarisation, OneSpeakerIsOne) {
    for (const char* name : {"en_long", "en_digits", "en_lj1", "en_jfk", "it"}) {
        SCOPED_TRACE(name);
        EXPECT_EQ(names_of(diarise(golden_clip(name))).size(), 1u);
    }
}

TEST(SlowDiarisation, TheNumberOfSpeakersCanBeGiven) {
    const std::vector<Turn> turns = {{"lj", "en_lj1", 0, 6, 0},
                                     {"allison", "en_ivr", 0, 8, 0.3},
                                     {"it", "it", 0, 6, 0.3},
                                     {"lj", "en_lj2", 0, 6, 0.3}};
    expect_told_apart(turns, {.speakers = 3});
    const Conversation talk = converse(turns);
    EXPECT_EQ(names_of(diarise(talk.clip, {.speakers = 1})).size(), 1u);
    EXPECT_EQ(names_of(diarise(talk.clip, {.speakers = 2})).size(), 2u);
}

TEST(SlowDiarisation, WhoSpeaksMostIsFirst) {
    const Conversation talk = converse({{"lj", "en_lj1", 0, 5, 0}, {"allison", "en_long", 0, 15, 0.3}});
    const auto spans = diarise(talk.clip);
    ASSERT_GE(spans.size(), 2u);
    EXPECT_EQ(spans.front().speaker, "SPEAKER_01");
    EXPECT_EQ(spans.back().speaker, "SPEAKER_00");
}

TEST(SlowDiarisation, SilenceNoiseAndOtherRates) {
    EXPECT_TRUE(diarise({{}, 16000}).empty());
    for (const char* name : {"silence", "noise"}) EXPECT_TRUE(diarise(golden_clip(name)).empty()) << name;
    EXPECT_TRUE(diarise({{0.1F}, 16000}).empty());
    const Conversation talk = converse({{"lj", "en_lj1", 0, 6, 0}, {"allison", "en_ivr", 0, 6, 0.3}});
    const auto spans = diarise(audio::resample(talk.clip, 44100));
    EXPECT_LT(error_rate(talk.turns, spans, talk.clip.seconds()), 0.1);
}

TEST(SlowDiarisation, RecordingsOfOneVoiceShareTheirSpeakers) {
    const Diariser diariser;
    std::vector<HeardVoices> recordings;
    for (const char* name : {"en_lj1", "en_ivr", "en_lj2", "silence"}) {
        const audio::Clip clip = golden_clip(name);
        recordings.push_back(diariser.listen([&](const auto& sink) { sink(clip.samples); }));
    }
    const auto spans = cluster_speakers(recordings);
    EXPECT_EQ(names_of(spans[0]), std::vector<std::string>{"SPEAKER_01"});
    EXPECT_EQ(names_of(spans[1]), std::vector<std::string>{"SPEAKER_00"});
    EXPECT_EQ(names_of(spans[2]), std::vector<std::string>{"SPEAKER_01"});
    EXPECT_TRUE(spans[3].empty());
}

// However the sound is cut into blocks, the same is heard.
TEST(SlowDiarisation, BlocksDoNotMatter) {
    const Conversation talk = converse({{"allison", "en_long", 0, 40, 0}, {"lj", "en_lj1", 0, 9, 0.3}});
    const Diariser diariser;
    const auto heard = [&](std::size_t block) {
        return diariser.listen([&](const auto& sink) {
            const std::span<const float> all(talk.clip.samples);
            for (std::size_t at = 0; at < all.size(); at += block)
                sink(all.subspan(at, std::min(block, all.size() - at)));
        });
    };
    const HeardVoices whole = heard(talk.clip.samples.size()), parts = heard(4096);
    EXPECT_EQ(whole.frames, parts.frames);
    ASSERT_EQ(whole.vectors.size(), parts.vectors.size());
    ASSERT_EQ(whole.vectors.size(), whole.windows.size() * 256);
    for (std::size_t i = 0; i < whole.vectors.size(); ++i)
        ASSERT_NEAR(whole.vectors[i], parts.vectors[i], 1e-4) << i;
}

TEST(SlowDiarisation, CtrlCEndsIt) {
    request_stop();
    try {
        diarise(golden_clip("en_lj1"));
        ADD_FAILURE() << "it went on";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    }
    request_stop(false);
}

}  // namespace
}  // namespace testudo::asr
