#include "dataset/hear_segment.h"

#include <gtest/gtest.h>

#include "audio/wav.h"
#include "core/error.h"
#include "core/files.h"
#include "support/golden.h"

namespace testudo::dataset {
namespace {

TEST(HearSegment, HearsItAloneAndPlacesItsWords) {
    const test::TemporaryFolder folder;
    make_folders(folder / "voices/ada");
    audio::write_wav16(folder / "voices/ada/a.wav", std::vector<float>(48000, 0.1f), 16000);
    const std::string json =
        R"({"a.wav": {"text": " x", "segments": [{"id": 4, "start": 1.0, "end": 1.5, "text": " x"}], "language": "de"}})";
    write_file(folder / "training/ada/whisper.json", json);
    DatasetSettings settings;
    settings.language = "";
    const Transcribe transcribe = [](const std::vector<Recording>& recordings, const std::string& language) {
        EXPECT_EQ(language, "de");
        std::vector<asr::Transcript> out;
        for (const auto& recording : recordings) {
            EXPECT_EQ(recording.clip.samples.size(), 8000u);
            asr::Transcript heard;
            heard.text = " Hallo.";
            heard.language = language;
            heard.segments.resize(1);
            heard.segments[0].words = {{0.1, 0.4, " Hallo.", 0.9}};
            out.push_back(heard);
        }
        return out;
    };
    const Json result = hear_segment(folder.path(), "ada", "a.wav", 4, settings, transcribe);
    EXPECT_EQ(result["text"], " Hallo.");
    EXPECT_EQ(result["language"], "de");
    EXPECT_DOUBLE_EQ(result["words"][0]["start"].get<double>(), 1.1);
    EXPECT_EQ(read_file(folder / "training/ada/whisper.json"), json);
    EXPECT_THROW(hear_segment(folder.path(), "ada", "a.wav", 5, settings, transcribe), Error);
    EXPECT_THROW(hear_segment(folder.path(), "ada", "b.wav", 4, settings, transcribe), Error);
}

}  // namespace
}  // namespace testudo::dataset
