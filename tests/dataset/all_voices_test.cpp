#include "dataset/all_voices.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dataset/fixtures.h"
#include "support/golden.h"

namespace testudo::test {

TEST(AllVoices, EachPhaseGoesOverAllOfThemAndAFailureEndsOnlyItsOwn) {
    const TemporaryFolder folder;
    for (const char* voice : {"b", "a", "c"})
        write_wav(folder / "voices" / voice / "1.wav", sine(3, 22050), 22050);
    fs::create_directories(folder / "voices/without recordings");
    fs::create_directories(folder / "voices/.hidden");
    write_text(folder / "voices/b/1.wav", "no sound");

    dataset::DatasetSettings settings;
    Events events;
    std::vector<std::string> errors, order;
    events.listen([&](const Json& event) {
        if (event.value("level", "") == "error") errors.push_back(event["message"]);
    });
    const auto voices = dataset::voices_of(folder.path(), events);
    EXPECT_EQ(voices, (std::vector<std::string>{"a", "b", "c"}));
    const auto all = dataset::over_all_voices(
        voices,
        {[&](const std::string& voice) {
             order.push_back("transcribe " + voice);
             return dataset::transcribe_voice(folder.path(), voice, settings, whole_recordings(), events);
         },
         [&](const std::string& voice) {
             order.push_back("list " + voice);
             return dataset::list_voice(folder.path(), voice, settings, events);
         }},
        events);
    EXPECT_EQ(order,
              (std::vector<std::string>{"transcribe a", "transcribe b", "transcribe c", "list a", "list c"}));
    ASSERT_EQ(all.failed.size(), 1u);
    EXPECT_EQ(all.failed.at("b").kind(), ErrorKind::input);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_EQ(errors[0].substr(0, 3), "b: ");
    EXPECT_EQ(all.reports.at("c").train_lines, 1);
    EXPECT_EQ(all.reports.at("c").transcribed, 1);
    EXPECT_TRUE(fs::exists(folder / "training/a/train.txt"));
    const Json json = to_json(all);
    EXPECT_EQ(json["failed"]["b"]["exit_code"], 3);
    EXPECT_EQ(json["voices"]["a"]["train_lines"], 1);
}

TEST(AllVoices, FoldersThatCannotBeVoicesAreLeftOutAloud) {
    const TemporaryFolder folder, outside;
    const fs::path root = folder / "work";
    write_wav(outside / "linked/1.wav", sine(1, 22050), 22050);
    for (const std::string& voice : {std::string("good"), std::string("bell\a"), std::string("back\\slash"),
                                     std::string("not\xffutf8"), std::string(201, 'x')})
        write_wav(root / "voices" / voice / "1.wav", sine(1, 22050), 22050);
    fs::create_directories(root / "voices/empty");
    fs::create_directory_symlink(outside / "linked", root / "voices/linked");
    std::vector<std::string> warnings;
    Events events;
    events.listen([&](const Json& event) {
        if (event.value("level", "") == "warning") warnings.push_back(event["message"]);
    });
    EXPECT_EQ(dataset::voices_of(root, events), std::vector<std::string>{"good"});
    EXPECT_EQ(warnings.size(), 6u);
    const auto told = [&](const std::string& name) {
        return std::any_of(warnings.begin(), warnings.end(),
                           [&](const auto& one) { return one.find(name) != std::string::npos; });
    };
    EXPECT_TRUE(told("empty of voices/ is left out: it holds no recordings"));
    EXPECT_TRUE(told("linked of voices/ is left out: it is a link"));
    for (const auto& warning : warnings) EXPECT_EQ(warning.find('\a'), std::string::npos);
}

TEST(AllVoices, ARemedyNamesTheVoice) {
    Events events;
    std::string told;
    events.listen([&](const Json& event) {
        if (event.value("level", "") == "error") told = event["message"];
    });
    const auto all = dataset::over_all_voices({"ada"}, {[](const std::string&) -> dataset::Report {
                                                  throw input_error("whisper.json is missing",
                                                                    "Run `testudo transcribe VOICE`.");
                                              }},
                                              events);
    EXPECT_EQ(told, "ada: whisper.json is missing. Run `testudo transcribe ada`.");
    EXPECT_EQ(all.failed.at("ada").hint(), "Run `testudo transcribe ada`.");
}

TEST(AllVoices, WrongSettingsEndAll) {
    Events events;
    int calls = 0;
    const auto wrong = [&](const std::string&) -> dataset::Report {
        ++calls;
        throw usage_error("min_duration is 0", "Choose another.");
    };
    EXPECT_THROW(dataset::over_all_voices({"a", "b"}, {wrong}, events), Error);
    EXPECT_EQ(calls, 1);
    const TemporaryFolder folder;
    EXPECT_THROW(dataset::voices_of(folder.path(), events), Error);
}

}  // namespace testudo::test
