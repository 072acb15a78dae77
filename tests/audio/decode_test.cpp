#include "audio/decode.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "audio/encode.h"
#include "audio/training_wave.h"
#include "audio/wav.h"
#include "core/error.h"
#include "core/files.h"
#include "support/golden.h"

namespace testudo::audio {
namespace {

namespace fs = std::filesystem;
using test::encode;
using test::tone;
using test::wav_bytes;

double rms(std::span<const float> samples) {
    double sum = 0;
    for (const float s : samples) sum += static_cast<double>(s) * s;
    return samples.empty() ? 0 : std::sqrt(sum / static_cast<double>(samples.size()));
}

// Largest difference over the common length, after sliding by up to `slack` samples.
double difference(const std::vector<float>& got, const std::vector<float>& expected, int slack = 0) {
    double best = std::numeric_limits<double>::infinity();
    for (int shift = -slack; shift <= slack; ++shift) {
        double worst = 0;
        const std::size_t margin = static_cast<std::size_t>(slack) + 2000;
        for (std::size_t i = slack ? margin : 0; i + (slack ? margin : 0) < expected.size(); ++i) {
            const auto at = static_cast<std::ptrdiff_t>(i) + shift;
            if (at < 0 || at >= static_cast<std::ptrdiff_t>(got.size())) continue;
            worst = std::max(worst,
                             std::abs(static_cast<double>(got[static_cast<std::size_t>(at)]) - expected[i]));
        }
        best = std::min(best, worst);
    }
    return best;
}

template <class T>
std::string raw(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

struct Form {
    const char* encoder;
    const char* extension;
    int rate;
    double tolerance;  // of full scale
    int slack;         // samples a lossy codec may be late
};

TEST(Decode, EveryFormatAlike) {
    const test::TemporaryFolder folder;
    const std::vector<Form> forms = {
        {"pcm_u8", "wav", 22050, 0.01, 0},     {"pcm_s16le", "wav", 44100, 1e-4, 0},
        {"pcm_s24le", "wav", 48000, 1e-6, 0},  {"pcm_s32le", "wav", 16000, 1e-6, 0},
        {"pcm_f32le", "wav", 22050, 1e-7, 0},  {"pcm_f64le", "wav", 22050, 1e-7, 0},
        {"pcm_alaw", "wav", 8000, 0.03, 0},    {"pcm_mulaw", "wav", 8000, 0.03, 0},
        {"flac", "flac", 44100, 1e-4, 0},      {"pcm_s16be", "aiff", 22050, 1e-4, 0},
        {"libmp3lame", "mp3", 44100, 0.03, 2}, {"libvorbis", "ogg", 44100, 0.05, 2},
        {"libopus", "opus", 48000, 0.06, 2},   {"libopus", "webm", 48000, 0.06, 2},
        {"aac", "m4a", 44100, 0.05, 2},        {"aac", "mp4", 44100, 0.05, 2},
        {"aac", "aac", 44100, 0.05, 1100},     {"alac", "m4a", 44100, 1e-4, 0},
        {"libopus", "ogg", 48000, 0.06, 2},    {"flac", "mkv", 44100, 1e-4, 0},
        {"g722", "g722", 16000, 0.1, 40}};
    int tried = 0;
    for (const auto& form : forms) {
        const auto samples = tone(440, form.rate, 1.0);
        const fs::path file = folder / (std::string(form.encoder) + "." + form.extension);
        if (!encode(file, form.encoder, form.rate, {samples})) {
            std::cerr << "no encoder " << form.encoder << ": skipped\n";
            continue;
        }
        ++tried;
        std::string warning = "unset";
        const Clip clip = load(file, 0, Mix::average, &warning);
        EXPECT_EQ(clip.rate, form.rate) << file;
        EXPECT_EQ(warning, "") << file;
        EXPECT_NEAR(clip.seconds(), 1.0, form.slack ? 0.06 : 0) << file;
        EXPECT_LT(difference(clip.samples, samples, form.slack), form.tolerance) << file;
        EXPECT_NEAR(duration(file), 1.0, 0.06) << file;
        EXPECT_TRUE(is_audio_file(file));
    }
    EXPECT_GE(tried, 12);
}

TEST(Decode, WavFormsBitExactly) {
    const test::TemporaryFolder folder;
    const auto check = [&](const std::string& bytes, const std::vector<float>& expected, const char* what) {
        write_file(folder / "x.wav", bytes);
        EXPECT_EQ(load(folder / "x.wav").samples, expected) << what;
    };
    check(wav_bytes(1, 1, 8000, 8, raw<std::uint8_t>({0, 64, 128, 255})), {-1, -0.5f, 0, 127 / 128.0f}, "u8");
    check(wav_bytes(1, 1, 8000, 16, raw<std::int16_t>({-32768, 0, 16384, 32767})),
          {-1, 0, 0.5f, 32767 / 32768.0f}, "s16");
    check(wav_bytes(1, 1, 8000, 24, std::string("\x00\x00\x80\x00\x00\x40\x01\x00\x00", 9)),
          {-1, 0.5f, 1 / 8388608.0f}, "s24");
    check(wav_bytes(1, 1, 8000, 32, raw<std::int32_t>({INT32_MIN, 0, 1 << 30})), {-1, 0, 0.5f}, "s32");
    check(wav_bytes(3, 1, 8000, 32, raw<float>({-1.5f, 0.25f})), {-1.5f, 0.25f},
          "f32 keeps what is over full scale");
    check(wav_bytes(3, 1, 8000, 64, raw<double>({-0.5, 0.25})), {-0.5f, 0.25f}, "f64");
    check(wav_bytes(1, 2, 8000, 16, raw<std::int16_t>({16384, 0, -16384, -16384}), true), {0.25f, -0.5f},
          "extensible");
    check(wav_bytes(3, 1, 8000, 32, raw<float>({0.125f}), true), {0.125f}, "extensible float");
}

TEST(Decode, MixesAndPicksChannels) {
    const test::TemporaryFolder folder;
    std::vector<std::vector<float>> channels;
    for (int c = 0; c < 6; ++c) channels.push_back(std::vector<float>(4000, 0.1f * static_cast<float>(c)));
    ASSERT_TRUE(encode(folder / "six.wav", "pcm_f32le", 22050, channels));
    for (const float s : load(folder / "six.wav").samples) ASSERT_NEAR(s, 0.25, 1e-6);
    channels = {tone(300, 22050, 0.2), std::vector<float>(4410, 0.0f)};
    ASSERT_TRUE(encode(folder / "two.wav", "pcm_f32le", 22050, channels));
    EXPECT_EQ(load(folder / "two.wav", 0, Mix::first_channel).samples, channels[0]);
    EXPECT_NEAR(rms(load(folder / "two.wav").samples), rms(channels[0]) / 2, 1e-6);
}

TEST(Decode, ResamplesWhileDecoding) {
    const test::TemporaryFolder folder;
    ASSERT_TRUE(encode(folder / "a.wav", "pcm_f32le", 48000, {tone(1000, 48000, 2)}));
    const Clip clip = load(folder / "a.wav", 22050);
    EXPECT_EQ(clip.rate, 22050);
    EXPECT_NEAR(static_cast<double>(clip.samples.size()), 44100, 2);
    const auto expected = tone(1000, 22050, 2);
    double worst = 0;
    for (std::size_t i = 1000; i < 43000; ++i)
        worst = std::max(worst, std::abs(static_cast<double>(clip.samples[i]) - expected[i]));
    EXPECT_LT(worst, 1e-3);
}

TEST(Decode, SinkCanStop) {
    const test::TemporaryFolder folder;
    ASSERT_TRUE(encode(folder / "a.wav", "pcm_s16le", 16000, {tone(100, 16000, 10)}));
    int blocks = 0;
    stream(folder / "a.wav", {}, [&](std::span<const float>, int rate) {
        EXPECT_EQ(rate, 16000);
        return ++blocks < 3;
    });
    EXPECT_EQ(blocks, 3);
}

TEST(Decode, BadFilesEndInOneErrorThatNamesThem) {
    const test::TemporaryFolder folder;
    write_file(folder / "empty.wav", "");
    std::string noise(5000, '\0');
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * 2654435761u >> 13);
    for (const char* name : {"noise.wav", "noise.mp3", "noise.m4a", "noise.ogg", "noise.flac", "noise.opus"})
        write_file(folder / name, noise);
    write_file(folder / "text.mp3", "This is not a recording.\n");
    write_file(folder / "page.wav", "<!DOCTYPE html><html><body>404</body></html>");
    write_file(folder / "list.m3u8",
               "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n");
    write_file(folder / "concat.wav", "ffconcat version 1.0\nfile good.wav\n");
    write_file(folder / "header.wav", wav_bytes(1, 1, 22050, 16, ""));
    write_file(folder / "one_hertz.wav", wav_bytes(1, 1, 1, 16, std::string(132300, 'x')));  // 18 hours
    write_file(folder / "silly.wav", wav_bytes(1, 1, 2000000000, 16, std::string(100, '\1')));
    write_wav16(folder / "good.wav", tone(100, 8000, 0.1), 8000);
    fs::create_directories(folder / "folder.wav");
    std::vector<fs::path> files = {folder / "missing.wav", "/dev/null"};
    for (const auto& entry : fs::directory_iterator(folder.path()))
        if (entry.path().filename() != "good.wav") files.push_back(entry.path());
    EXPECT_EQ(files.size(), 17u);
    for (const auto& file : files)
        for (int way = 0; way < 3; ++way) try {
                if (way == 0) load(file, 16000);
                if (way == 1) duration(file);
                if (way == 2) load_training_wave(file);
                ADD_FAILURE() << file << " was taken, way " << way;
            } catch (const Error& error) {
                EXPECT_EQ(error.kind(), ErrorKind::input);
                EXPECT_NE(std::string(error.what()).find(file.string()), std::string::npos) << error.what();
                EXPECT_FALSE(error.hint().empty());
            }
}

TEST(Decode, NotANumberIsAnError) {
    const test::TemporaryFolder folder;
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        std::vector<float> samples(9000, 0.1f);
        samples[8000] = bad;
        write_file(folder / "nan.wav", wav_bytes(3, 1, 8000, 32, raw(samples)));
        try {
            load(folder / "nan.wav");
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("1 s"), std::string::npos) << error.what();
        }
    }
}

TEST(Decode, VideoWithoutSoundIsAnError) {
    const test::TemporaryFolder folder;
    // The smallest QuickTime file with no track at all.
    write_file(folder / "mute.mp4", std::string("\0\0\0\x14"
                                                "ftypisom\0\0\2\0isom\0\0\0\x74"
                                                "moov\0\0\0\x6cmvhd",
                                                36) +
                                        std::string(12, '\0') + std::string("\0\0\3\xe8", 4) +
                                        std::string(84, '\0'));
    EXPECT_THROW(load(folder / "mute.mp4"), Error);
}

TEST(Decode, CutOffFilesGiveWhatIsThereAndSaySo) {
    const test::TemporaryFolder folder;
    const std::vector<std::pair<const char*, const char*>> forms = {{"libmp3lame", "mp3"},
                                                                    {"flac", "flac"},
                                                                    {"pcm_s16le", "wav"},
                                                                    {"libvorbis", "ogg"},
                                                                    {"libopus", "opus"}};
    for (const auto& [encoder, extension] : forms) {
        const fs::path whole = folder / (std::string("whole.") + extension),
                       cut = folder / (std::string("cut.") + extension);
        if (!encode(whole, encoder, 48000, {tone(440, 48000, 4)})) continue;
        const std::string bytes = read_file(whole);
        write_file(cut, bytes.substr(0, bytes.size() / 2));
        std::string warning;
        const Clip clip = load(cut, 0, Mix::average, &warning);
        EXPECT_GT(clip.seconds(), 1.0) << cut;
        EXPECT_LT(clip.seconds(), 3.5) << cut;
        // An Ogg file does not say how long it was meant to be.
        if (std::string(extension) != "ogg" && std::string(extension) != "opus") {
            EXPECT_NE(warning.find(cut.string()), std::string::npos) << cut << ": " << warning;
        }
    }
}

TEST(Decode, DamageAnywhereNeverBreaksOut) {
    const test::TemporaryFolder folder;
    for (const auto& [encoder, extension] :
         std::vector<std::pair<const char*, const char*>>{{"libmp3lame", "mp3"},
                                                          {"flac", "flac"},
                                                          {"pcm_s16le", "wav"},
                                                          {"libopus", "webm"},
                                                          {"aac", "m4a"}}) {
        const fs::path file = folder / (std::string("x.") + extension);
        if (!encode(file, encoder, 48000, {tone(440, 48000, 0.3)})) continue;
        const std::string bytes = read_file(file);
        std::uint32_t random = 12345;
        for (int round = 0; round < 40; ++round) {
            std::string damaged = bytes;
            for (int i = 0; i < 6; ++i) {
                random = random * 1664525 + 1013904223;
                damaged[(random >> 4) % damaged.size()] = static_cast<char>(random >> 24);
            }
            if (round % 4 == 3) damaged.resize(damaged.size() * static_cast<std::size_t>(round) / 40);
            write_file(file, damaged);
            try {
                const Clip clip = load(file, 22050);
                EXPECT_FALSE(clip.samples.empty());
            } catch (const Error& error) {
                EXPECT_EQ(error.kind(), ErrorKind::input);
            }
        }
    }
}

TEST(Decode, OddNamesAreOnlyNames) {
    const test::TemporaryFolder folder;
    for (const char* name :
         {"http:x.wav", "concat:a|b.wav", "-i.wav", "with space ü%20#?.wav", "pipe:0.wav"}) {
        write_wav16(folder / name, tone(100, 8000, 0.1), 8000);
        EXPECT_EQ(load(folder / name).samples.size(), 800u) << name;
    }
}

TEST(Decode, RealG722Recordings) {
    const fs::path sounds = test::source_dir() / ".deps" / "data" / "asterisk-en";
    fs::path found;
    if (fs::is_directory(sounds))
        for (const auto& entry : fs::recursive_directory_iterator(sounds))
            if (entry.path().extension() == ".g722") found = entry.path();
    if (found.empty()) GTEST_SKIP() << "no recordings in " << sounds;
    const Clip clip = load(found);
    EXPECT_EQ(clip.rate, 16000);
    EXPECT_EQ(clip.samples.size(), fs::file_size(found) * 2);  // two samples a byte
    EXPECT_NEAR(duration(found), clip.seconds(), 0.01);
    EXPECT_GT(rms(clip.samples), 1e-4);
}

TEST(SlowDecode, ThreeHoursInBoundedMemory) {
    const test::TemporaryFolder folder;
    constexpr int rate = 44100, hours = 3;
    {
        const auto second = tone(440, rate, 1);
        std::vector<std::int16_t> samples(second.size());
        for (std::size_t i = 0; i < second.size(); ++i)
            samples[i] = static_cast<std::int16_t>(second[i] * 32767);
        const std::string bytes = raw(samples);
        std::string header = wav_bytes(1, 1, rate, 16, "");
        const std::uint32_t size = static_cast<std::uint32_t>(bytes.size()) * 3600 * hours;
        std::memcpy(header.data() + 40, &size, 4);
        AtomicFile out(folder / "long.wav");
        out.write(header);
        for (int i = 0; i < 3600 * hours; ++i) out.write(bytes);
        out.commit();
    }
    EXPECT_NEAR(duration(folder / "long.wav"), 3600.0 * hours, 0.01);
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    std::size_t samples = 0;
    double power = 0;
    stream(folder / "long.wav", {.rate = 16000}, [&](std::span<const float> block, int) {
        samples += block.size();
        power += static_cast<double>(block[0]) * block[0];
        return true;
    });
    getrusage(RUSAGE_SELF, &after);
    EXPECT_NEAR(static_cast<double>(samples), 16000.0 * 3600 * hours, 2);
    EXPECT_GT(power, 0);
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 32 * 1024) << "KiB";
}

}  // namespace
}  // namespace testudo::audio
