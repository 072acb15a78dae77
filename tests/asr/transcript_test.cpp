#include "asr/transcript.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"
#include "support/golden.h"

namespace testudo::asr {
namespace {

// Real files of the original, as the dataset scenarios show them.
TEST(GoldenWhisperJson, RealFilesComeBackAsTheyWere) {
    const auto cases = test::golden_cases("asr", "dataset_scenarios");
    if (cases.empty()) GTEST_SKIP();
    std::size_t seen = 0;
    for (const auto& c : cases)
        for (const auto& scenario : c.manifest["scenarios"]) {
            if (!scenario.contains("model_results")) continue;
            for (const auto& [name, result] : scenario["model_results"].items()) {
                const Json again = to_json(transcript_from_json(result, name));
                EXPECT_EQ(again, result) << scenario["name"];
                ++seen;
            }
        }
    EXPECT_GT(seen, 0u);
}

TEST(Transcript, UnknownKeysAreKept) {
    const Json json = parse_json(
        R"({"text": " a b", "segments": [{"id": 3, "start": 0.0, "end": 1.5, "text": " a",
            "words": [{"word": " a", "start": 0.0, "end": 1.0, "score": 0.5}],
            "phonemes": "ə", "speaker": null, "temperature": null}], "language": "en", "note": [1]})",
        "x");
    const Transcript transcript = transcript_from_json(json, "x");
    EXPECT_EQ(transcript.segments[0].id, 3);
    EXPECT_EQ(transcript.segments[0].extra["phonemes"], "ə");
    EXPECT_EQ(to_json(transcript), json);
}

TEST(Transcript, WhatIsMissingIsFilledIn) {
    const Transcript transcript = transcript_from_json(
        parse_json(
            R"({"segments": [{"start": 0, "end": 1, "text": " a"}, {"start": 1, "end": 2, "text": " b"}]})",
            "x"),
        "x");
    EXPECT_EQ(transcript.text, " a b");
    EXPECT_EQ(transcript.segments[1].id, 1);
    EXPECT_TRUE(transcript.language.empty());
    EXPECT_FALSE(to_json(transcript).contains("language"));
}

struct Nonsense {
    const char *json, *named;  // what the message must name
};

TEST(Transcript, NonsenseIsNamedByFileEntrySegmentAndKey) {
    const Nonsense all[] = {
        {R"([])", "whisper.json: must be an object"},
        {R"({"a.wav": []})", "entry \"a.wav\": must be an object, not a list"},
        {R"({"a.wav": {"text": "x"}})", "entry \"a.wav\": \"segments\" is missing"},
        {R"({"a.wav": {"segments": {}}})", "entry \"a.wav\": \"segments\" must be a list, not an object"},
        {R"({"a.wav": {"text": 3, "segments": []}})",
         "entry \"a.wav\": \"text\" must be a text, not a number"},
        {R"({"a.wav": {"language": [], "segments": []}})", "\"language\" must be a text"},
        {R"({"a.wav": {"segments": ["x"]}})", "entry \"a.wav\", segment 0: must be an object, not a text"},
        {R"({"a.wav": {"segments": [{"end": 1, "text": ""}]}})", "segment 0: \"start\" is missing"},
        {R"({"a.wav": {"segments": [{"start": "0", "end": 1, "text": ""}]}})",
         "segment 0: \"start\" must be a number, not a text"},
        {R"({"a.wav": {"segments": [{"start": 0, "end": null, "text": ""}]}})",
         "segment 0: \"end\" must be a number, not null"},
        {R"({"a.wav": {"segments": [{"start": 0, "end": 1, "text": ""}, {"start": 2, "end": 1, "text": ""}]}})",
         "segment 1: \"end\" (1) lies before \"start\" (2)"},
        {R"({"a.wav": {"segments": [{"start": -1, "end": 1, "text": ""}]}})",
         "segment 0: \"start\" is negative"},
        {R"({"a.wav": {"segments": [{"start": 0, "end": 1e300, "text": ""}]}})", "longer than any recording"},
        {R"({"a.wav": {"segments": [{"start": 0, "end": 1, "text": "", "id": 1.5}]}})",
         "\"id\" must be a whole"},
        {R"({"a.wav": {"segments": [{"start": 0, "end": 1, "text": "", "tokens": ["x"]}]}})",
         "\"tokens\" must be a number, not a text"},
        {R"({"a.wav": {"segments": [{"start": 0, "end": 1, "text": "", "words": [{"word": "x", "start": 1}]}]}})",
         "segment 0, word 1: \"end\" is missing"},
    };
    const test::TemporaryFolder folder;
    const fs::path file = folder / "whisper.json";
    for (const Nonsense& one : all) {
        write_file(file, one.json);
        try {
            read_transcripts(file);
            ADD_FAILURE() << one.json;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            EXPECT_NE(std::string(error.what()).find(file.string()), std::string::npos) << error.what();
            EXPECT_NE(std::string(error.what()).find(one.named), std::string::npos) << error.what();
        }
    }
    write_file(file, "{\"a.wav\": ");
    EXPECT_THROW(read_transcripts(file), Error);
    EXPECT_THROW(read_transcripts(folder / "none.json"), Error);
}

TEST(Transcript, MistakesAreNamedByLineAndColumn) {
    const test::TemporaryFolder folder;
    const fs::path file = folder / "whisper.json";
    write_file(file,
               "{\n  \"é\\\".wav\": {\"segments\": [\n    {\"id\": 7, \"start\": 1, \"text\": \"}],\", "
               "\"end\": 2},\n    {\"id\": 9, \"start\": \"é\", \"end\": 2, \"text\": \"\"}]}\n}\n");
    try {
        read_transcripts(file);
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what())
                      .find("segment 9: \"start\" must be a number, not a text (line 4, column 24)"),
                  std::string::npos)
            << error.what();
    }
}

TEST(Transcript, FilesAreWrittenAsTheOriginalWritesThem) {
    const test::TemporaryFolder folder;
    const fs::path file = folder / "whisper.json";
    Transcripts transcripts(1);
    transcripts[0].first = "é.wav";
    transcripts[0].second.text = " déjà";
    transcripts[0].second.language = "fr";
    transcripts[0].second.segments.resize(1);
    transcripts[0].second.segments[0].end = 1.5;
    write_transcripts(file, transcripts);
    EXPECT_EQ(read_file(file),
              "{\n\t\"\\u00e9.wav\": {\n\t\t\"text\": \" d\\u00e9j\\u00e0\",\n\t\t\"segments\": [\n\t\t\t{\n"
              "\t\t\t\t\"id\": 0,\n\t\t\t\t\"start\": 0.0,\n\t\t\t\t\"end\": 1.5,\n\t\t\t\t\"text\": "
              "\"\"\n\t\t\t}\n"
              "\t\t],\n\t\t\"language\": \"fr\"\n\t}\n}\n");
    Transcripts again = read_transcripts(file);
    ASSERT_NE(find_transcript(again, "é.wav"), nullptr);
    EXPECT_EQ(find_transcript(again, "none"), nullptr);
    EXPECT_EQ(to_json(again[0].second), to_json(transcripts[0].second));
}

}  // namespace
}  // namespace testudo::asr
