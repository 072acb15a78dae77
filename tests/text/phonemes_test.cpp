#include "text/phonemes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "support/golden.h"

namespace testudo::text {
namespace {

Error error_of(const std::string& voice, const PhonemeOptions& options = {}) {
    try {
        phonemize({"hello"}, voice, options);
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "no error for " << voice;
    return usage_error("", "");
}

fs::path script(const test::TemporaryFolder& folder, const std::string& body) {
    const fs::path file = folder / "espeak";
    write_file(file, "#!/bin/sh\n" + body);
    ::chmod(file.c_str(), 0755);
    return file;
}

TEST(Phonemes, LanguagesAsWhisperNamesThem) {
    EXPECT_EQ(espeak_voice("en"), "en-us");
    EXPECT_EQ(espeak_voice("en-us"), "en-us");
    EXPECT_EQ(espeak_voice("English"), "en-us");
    EXPECT_EQ(espeak_voice("fr"), "fr-fr");
    EXPECT_EQ(espeak_voice(" ZH "), "cmn");
    EXPECT_EQ(espeak_voice("de"), "de");
    EXPECT_EQ(espeak_voice("German"), "de");
    EXPECT_EQ(espeak_voice("klingon"), "klingon");
}

TEST(Phonemes, LanguageThatEspeakLacksNamesSimilarOnes) {
    const Error error = error_of("en-zz");
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_NE(error.hint().find("en-gb"), std::string::npos) << error.hint();
    EXPECT_NE(error_of("ess").hint().find("es"), std::string::npos);
    for (const char* voice : {"", "-q", "../../etc/passwd", "en us", "x\ny", "\xff"})
        EXPECT_EQ(error_of(voice).kind(), ErrorKind::input) << voice;
}

TEST(Phonemes, MissingProgramNamesItsPackage) {
    PhonemeOptions options;
    options.espeak = "/nonexistent/espeak-ng";
    const Error error = error_of("en", options);
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_NE(error.hint().find("apt-get install espeak-ng"), std::string::npos) << error.hint();
}

TEST(Phonemes, AnotherProgramIsNotTakenForIt) {
    PhonemeOptions options;
    for (const char* program : {"/bin/true", "/bin/false"}) {
        options.espeak = program;
        const Error error = error_of("en", options);
        EXPECT_EQ(error.kind(), ErrorKind::environment);
        EXPECT_NE(std::string(error.what()).find(program), std::string::npos) << error.what();
        EXPECT_NE(error.hint().find("apt-get install espeak-ng"), std::string::npos) << error.hint();
        EXPECT_NE(error.hint().find("ESPEAK"), std::string::npos) << error.hint();
    }
    options.espeak = "/bin/true";
    EXPECT_NE(std::string(error_of("en", options).what()).find("is not espeak-ng"), std::string::npos);
}

TEST(Phonemes, ProgramThatFailsHangsOrTalksNonsenseIsAnError) {
    const test::TemporaryFolder folder;
    PhonemeOptions options;
    options.seconds = 0.2;
    const std::string voices = "case \"$1\" in --voices) echo ' 5  de  --/M German gmw/de'; exit 0;; esac\n";
    options.espeak = script(folder, "exit 3\n").string();
    EXPECT_EQ(error_of("de", options).kind(), ErrorKind::environment);
    options.espeak = script(folder, voices + "sleep 100\n").string();
    EXPECT_EQ(error_of("de", options).kind(), ErrorKind::environment);
    options.espeak = script(folder, voices + "echo one; echo two\n").string();
    EXPECT_EQ(error_of("de", options).kind(), ErrorKind::environment);
    options.espeak = script(folder, voices).string();
    EXPECT_EQ(error_of("de", options).kind(), ErrorKind::environment);
}

TEST(Phonemes, OddLinesKeepTheirPlace) {
    const std::vector<std::string> lines = {
        "hello",
        "",
        "   ",
        "two\nlines",
        "-v de",
        "--help",
        "$(touch /tmp/x) `id` \"; exit",
        std::string("nul\0byte", 8),
        "<b>bold</b> & <break/> &amp;",
        "[[t'A:]] brackets",
        "zqxj",
        "zqxj zqxjqx ZQXJ",
        "\xff\xfe not utf-8 \xc3",
        "emoji 😀 zero\u200bwidth \u202eturned\u202c",
        "...",
        "—«»“”",
        "e\u0301te\u0301",
        std::string(3000, 'x'),
        "hello, hello hello",
        "hello",
    };
    const auto all = phonemize(lines, "en");
    ASSERT_EQ(all.size(), lines.size());
    EXPECT_EQ(all.front(), "həlˈoʊ");
    EXPECT_EQ(all.back(), all.front());  // nothing that came between changed it
    EXPECT_EQ(all[1], "");
    EXPECT_EQ(all[2], "");
    EXPECT_EQ(all[14], "...");
    EXPECT_EQ(all[15], "—«»“”");
    for (std::size_t i = 0; i < lines.size(); ++i) {
        EXPECT_EQ(phonemize({lines[i]}, "en")[0], all[i]) << i;
        EXPECT_EQ(all[i].find('\n'), std::string::npos);
        EXPECT_TRUE(is_utf8(all[i]));
    }
    EXPECT_TRUE(phonemize({}, "en").empty());
}

TEST(Phonemes, LongLinesAreSaidWhole) {
    std::string text;
    for (int i = 0; i < 600; ++i) text += "привет ";  // 7800 bytes
    const auto words = split(phonemize({text}, "ru")[0], ' ');
    EXPECT_EQ(words.size(), 600u);
}

}  // namespace
}  // namespace testudo::text
