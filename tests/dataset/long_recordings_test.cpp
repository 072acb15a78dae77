// Recordings that are heard in pieces, and those that are decoded ahead of their turn.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "audio/decode.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/clip_file.h"
#include "dataset/fixtures.h"
#include "dataset/pieces.h"
#include "dataset/prepare.h"
#include "dataset/read_ahead.h"
#include "support/golden.h"

namespace testudo::test {
namespace {

// Noise with pauses: (start, end) in seconds.
std::vector<float> with_pauses(double seconds, const std::vector<std::pair<double, double>>& pauses,
                               int rate) {
    std::vector<float> samples(static_cast<std::size_t>(seconds * rate));
    std::minstd_rand random(1);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double at = static_cast<double>(i) / rate;
        bool pause = false;
        for (const auto& [start, end] : pauses) pause = pause || (at >= start && at < end);
        const double level = pause ? 0.001 : 0.3;
        samples[i] = static_cast<float>(level * (static_cast<double>(random() % 2001) / 1000 - 1));
    }
    return samples;
}

TEST(Pieces, EndInTheLongestPause) {
    const auto samples = with_pauses(20, {{3, 6}, {11, 11.4}, {14, 15.2}, {18, 18.5}}, 16000);
    const std::size_t cut = dataset::pause_in(samples, 16000, 10 * 16000);
    EXPECT_GT(cut, 14 * 16000u);
    EXPECT_LT(cut, static_cast<std::size_t>(15.2 * 16000));
    // Somewhere, even where there is none.
    const auto noise = with_pauses(5, {}, 16000);
    EXPECT_GT(dataset::pause_in(noise, 16000, 16000), 16000u);
    EXPECT_LE(dataset::pause_in(noise, 16000, 16000), noise.size());
}

TEST(Pieces, TimesGoOnWhereTheLastPieceEnded) {
    asr::Transcript whole = transcript(" One.", 2), piece = transcript(" Two.", 3, 1);
    piece.segments[0].seek = 10;
    piece.segments[0].words = {asr::Word{1, 3, " Two.", 0.5, Json::object()}};
    piece.warnings = whole.warnings = {"odd"};
    dataset::append(whole, piece, 100.5);
    EXPECT_EQ(whole.text, " One. Two.");
    ASSERT_EQ(whole.segments.size(), 2u);
    EXPECT_EQ(whole.segments[1].id, 1);
    EXPECT_EQ(whole.segments[1].seek, 10060);
    EXPECT_DOUBLE_EQ(whole.segments[1].start, 101.5);
    EXPECT_DOUBLE_EQ(whole.segments[1].words->front().end, 103.5);
    EXPECT_EQ(whole.warnings.size(), 1u);
}

struct Long {
    Long() {
        std::vector<std::pair<double, double>> pauses;
        for (int i = 1; i < 12; ++i) pauses.emplace_back(2.0 * i, 2.0 * i + 0.3);
        clip.rate = 48000;
        clip.samples = with_pauses(23.7, pauses, clip.rate);
        dataset::write_clip(file, clip);
    }
    // Hears up to `most` pieces.
    std::optional<asr::Transcript> hear(dataset::HeardPieces* known, std::size_t most) {
        heard.clear();
        return dataset::hear_in_pieces(
            file, out, "", known,
            [&](audio::Clip piece, const std::string&) -> std::optional<asr::Transcript> {
                if (heard.size() == most) return std::nullopt;
                heard.push_back(piece.seconds());
                return transcript(cat(" Piece of ", heard.size(), "."), piece.seconds());
            },
            &warning, {.most_seconds = 6, .search_seconds = 3});
    }
    TemporaryFolder folder;
    fs::path file = folder / "long.flac", out = folder / "audio/long.flac";
    audio::Clip clip;
    std::vector<double> heard;
    std::string warning;
};

TEST(Pieces, CoverTheRecordingAndLeaveTheClipThatAWholeReadingGives) {
    Long l;
    const auto whole = l.hear(nullptr, 100);
    ASSERT_TRUE(whole);
    ASSERT_GE(l.heard.size(), 4u);
    double end = 0;
    for (std::size_t i = 0; i < l.heard.size(); ++i) {
        EXPECT_LE(l.heard[i], 6.001);
        EXPECT_NEAR(whole->segments[i].start, end, 1e-3);
        end = whole->segments[i].end;
        // In one of the pauses, 2.0 to 2.3, 4.0 to 4.3, ...
        if (i + 1 < l.heard.size()) {
            EXPECT_LT(std::fmod(end, 2.0), 0.31);
        }
    }
    EXPECT_NEAR(end, 23.7, 0.01);
    const auto both = dataset::load_both_rates(l.file, &l.warning);
    ASSERT_TRUE(both);
    EXPECT_EQ(both->training.samples.size(), static_cast<std::size_t>(std::ceil(23.7 * 22050 - 1e-6)));
    dataset::write_clip(l.folder / "whole.flac", both->training);
    EXPECT_EQ(audio::load(l.out).samples, audio::load(l.folder / "whole.flac").samples);
    EXPECT_FALSE(dataset::load_both_rates(l.file, &l.warning, 20));
}

TEST(Pieces, AStoppedRecordingGoesOnWhereItWas) {
    Long l;
    const fs::path state = l.folder / ".pieces.json";
    const auto expected = l.hear(nullptr, 100);
    const std::size_t all = l.heard.size();
    fs::remove(l.out);
    {
        dataset::HeardPieces pieces(state, "key");
        EXPECT_FALSE(l.hear(&pieces, 2));
        EXPECT_FALSE(fs::exists(l.out));
    }
    {
        dataset::HeardPieces other(state, "another key");
        EXPECT_FALSE(l.hear(&other, 0));
    }
    dataset::HeardPieces pieces(state, "key");
    const auto whole = l.hear(&pieces, 100);
    ASSERT_TRUE(whole);
    EXPECT_EQ(l.heard.size(), all - 2);
    ASSERT_EQ(whole->segments.size(), expected->segments.size());
    EXPECT_DOUBLE_EQ(whole->segments.back().end, expected->segments.back().end);
    EXPECT_TRUE(fs::exists(l.out));
    write_text(state, "{\"key\": \"key\", \"pieces\": [{\"end\": 1");
    dataset::HeardPieces damaged(state, "key");
    EXPECT_EQ(damaged.find(0, 1), nullptr);
    pieces.remove();
    EXPECT_FALSE(fs::exists(state));
}

TEST(ReadAhead, GivesWhatALoadGivesInOrderWithItsErrors) {
    const TemporaryFolder folder;
    std::vector<fs::path> files;
    for (int i = 0; i < 6; ++i) {
        files.push_back(folder / cat(i, ".wav"));
        write_wav(files.back(), sine(1 + i, 22050), 22050);
    }
    write_text(files[2], "no sound");
    dataset::ReadAhead ahead(files, 5.5);
    std::string warning;
    EXPECT_NEAR(ahead.take(files[0], &warning)->whisper.seconds(), 1, 0.01);
    EXPECT_THROW(ahead.take(files[2], &warning), Error);
    EXPECT_NEAR(ahead.take(files[3], &warning)->training.seconds(), 4, 0.01);
    EXPECT_FALSE(ahead.take(files[5], &warning));                              // too long
    EXPECT_NEAR(ahead.take(files[1], &warning)->training.seconds(), 2, 0.01);  // out of order: read now
}

TEST(SlowPrepare, ARecordingThatTakesLongGoesInPiecesAndSurvivesAStop) {
    const TemporaryFolder folder;
    const fs::path root = folder.path(), training = root / "training/v";
    write_wav(root / "voices/v/a.wav", sine(3, 16000), 16000);
    write_wav(root / "voices/v/b.wav", sine(1300, 16000), 16000);
    write_wav(root / "voices/v/c.wav", sine(4, 16000), 16000);
    dataset::DatasetSettings settings;
    settings.skip_existing = true;
    Events events;
    std::vector<double> heard;
    std::size_t stop_after = 4;  // a, and two pieces of b
    const dataset::Transcribe hear = [&](const std::vector<dataset::Recording>& recordings,
                                         const std::string&) {
        std::vector<asr::Transcript> out;
        for (const auto& one : recordings) {
            heard.push_back(one.clip.seconds());
            out.push_back(transcript(" A sentence that is long enough.", one.clip.seconds()));
        }
        if (heard.size() + 1 == stop_after) request_stop();
        return out;
    };
    EXPECT_TRUE(dataset::transcribe_voice(root, "v", settings, hear, events).stopped);
    request_stop(false);
    EXPECT_FALSE(fs::exists(training / "audio/b.wav"));
    EXPECT_TRUE(fs::exists(training / ".pieces.json"));
    const std::size_t before = heard.size();
    stop_after = 0;
    const auto report = dataset::transcribe_voice(root, "v", settings, hear, events);
    EXPECT_FALSE(report.stopped);
    EXPECT_TRUE(report.rejected.empty());
    EXPECT_LT(heard.size(), before + 5);
    for (const double seconds : heard) EXPECT_LE(seconds, 600.01);
    EXPECT_NEAR(std::accumulate(heard.begin(), heard.end(), 0.0), 1307, 0.5);  // nothing twice
    EXPECT_NEAR(audio::load(training / "audio/b.wav").seconds(), 1300, 0.01);
    EXPECT_FALSE(fs::exists(training / ".pieces.json"));
    const asr::Transcripts transcripts = asr::read_transcripts(training / "whisper.json");
    ASSERT_EQ(transcripts.size(), 3u);
    for (const auto& [name, entry] : transcripts)
        if (name == "b.wav") {
            EXPECT_NEAR(entry.segments.back().end, 1300, 0.1);
        }
}

}  // namespace
}  // namespace testudo::test
