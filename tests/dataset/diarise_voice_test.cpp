#include "dataset/diarise_voice.h"

#include "asr/assign_speakers.h"
#include "asr/conversation.h"
#include "core/interrupt.h"
#include "dataset/clip_file.h"
#include "dataset/curate.h"
#include "dataset/found_speakers.h"
#include "dataset/heard.h"
#include "fixtures.h"

namespace testudo::dataset {
namespace {

using test::TemporaryFolder;

asr::Word word(double start, double end, const std::string& text) {
    return {start, end, text, {}, Json::object()};
}

// talk.wav: LJ to 5 s, Allison from 5.3 to 14 s, one segment over both; lj.wav: LJ alone.
class SlowDiariseVoice : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto talk = test::converse({{"lj", "en_lj1", 0, 5, 0}, {"allison", "en_long", 0, 9, 0.3}});
        fs::create_directories(folder_ / "voices/v");
        write_clip(folder_ / "voices/v/talk.wav", talk.clip);
        write_clip(folder_ / "voices/v/lj.wav", test::golden_clip("en_lj2"));
        settings_.whisper_model = "none";
        transcribe_voice(folder_.path(), "v", settings_, heard_, events_);
    }
    asr::Transcripts read() const { return asr::read_transcripts(json()); }
    fs::path json() const { return folder_ / "training/v/whisper.json"; }
    Origin origin(const std::string& name) const {
        asr::Transcripts all = read();
        return Heard(folder_ / "training/v/.heard.json").origin_of(name, *asr::find_transcript(all, name));
    }
    Report diarise() { return diarise_voice(folder_.path(), "v", settings_, events_); }

    TemporaryFolder folder_;
    DatasetSettings settings_;
    Events events_;
    Transcribe heard_ = [](const std::vector<Recording>& recordings, const std::string&) {
        std::vector<asr::Transcript> out;
        for (const auto& one : recordings) {
            asr::Transcript t = test::transcript(" He begins. She goes on and on.", one.clip.seconds());
            if (one.name == "talk.wav")
                t.segments[0].words = {word(0.1, 2, " He"),   word(2, 4.8, " begins."), word(5.5, 7, " She"),
                                       word(7, 9, " goes"),   word(9, 10, " on"),       word(10, 12, " and"),
                                       word(12, 13.8, " on.")};
            out.push_back(t);
        }
        return out;
    };
};

TEST_F(SlowDiariseVoice, TagsCutsAndStaysHeard) {
    const Report report = diarise();
    asr::Transcripts all = read();
    const auto& talk = *asr::find_transcript(all, "talk.wav");
    ASSERT_EQ(talk.segments.size(), 2u);
    EXPECT_EQ(talk.segments[0].text, " He begins.");
    EXPECT_EQ(talk.segments[1].text, " She goes on and on.");
    // LJ speaks 14 s in both recordings, Allison 9.
    EXPECT_EQ(asr::speaker_of(talk.segments[0]), "SPEAKER_00");
    EXPECT_EQ(asr::speaker_of(talk.segments[1]), "SPEAKER_01");
    const auto& lj = *asr::find_transcript(all, "lj.wav");
    EXPECT_EQ(asr::speaker_of(lj.segments[0]), "SPEAKER_00");
    EXPECT_EQ(origin("talk.wav"), Origin::heard);
    EXPECT_EQ(origin("lj.wav"), Origin::heard);
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_NE(report.findings[0].find("2 speakers: SPEAKER_00"), std::string::npos) << report.findings[0];
    EXPECT_EQ(report.notes.size(), 1u);
    // A second time nothing changes.
    const std::string before = read_file(json());
    EXPECT_TRUE(diarise().notes.empty());
    EXPECT_EQ(read_file(json()), before);
    // One step of the history.
    Curation voice(folder_.path(), "v");
    ASSERT_EQ(voice.history().done(), 1u);
    voice.undo();
    EXPECT_EQ(read().front().second.segments.size(), 1u);
    EXPECT_EQ(asr::speaker_of(read().front().second.segments[0]), "");
}

TEST_F(SlowDiariseVoice, HandWorkIsKept) {
    asr::Transcripts all = read();
    asr::Transcript& talk = *asr::find_transcript(all, "talk.wav");
    const std::string text = " He begins. She goes on and on, I think.";
    talk.segments[0].text = text;
    asr::Transcript& lj = *asr::find_transcript(all, "lj.wav");
    lj.segments[0].extra["speaker"] = "ada";
    asr::write_transcripts(json(), all);
    diarise();
    all = read();
    EXPECT_EQ(asr::find_transcript(all, "talk.wav")->segments.size(), 1u);
    EXPECT_EQ(asr::find_transcript(all, "talk.wav")->segments[0].text, text);
    EXPECT_EQ(asr::speaker_of(asr::find_transcript(all, "talk.wav")->segments[0]), "SPEAKER_01");
    EXPECT_EQ(asr::speaker_of(asr::find_transcript(all, "lj.wav")->segments[0]), "ada");
    EXPECT_EQ(origin("talk.wav"), Origin::corrected);
    EXPECT_EQ(origin("lj.wav"), Origin::corrected);
    settings_.overwrite_corrections = true;
    diarise();
    all = read();
    EXPECT_EQ(asr::speaker_of(asr::find_transcript(all, "lj.wav")->segments[0]), "SPEAKER_00");
}

// Numbers may be others in another run: here they are exchanged in the file and in what is known of the last.
TEST_F(SlowDiariseVoice, AHandEditDoesNotKeepOldNumbersInTheRestOfItsEntry) {
    diarise();
    const fs::path found = folder_ / "training/v/.speakers.json";
    const auto exchange = [](std::string text) {
        for (std::size_t at = 0; (at = text.find("SPEAKER_0", at)) != std::string::npos; at += 10)
            text[at + 9] = text[at + 9] == '0' ? '1' : '0';
        return text;
    };
    write_file(found, exchange(read_file(found)));
    write_file(json(), exchange(read_file(json())));
    asr::Transcripts all = read();
    asr::Transcript& talk = *asr::find_transcript(all, "talk.wav");
    ASSERT_EQ(asr::speaker_of(talk.segments[0]), "SPEAKER_01");
    talk.segments[0].extra["speaker"] = "Bob";
    asr::write_transcripts(json(), all);
    const Report report = diarise();
    all = read();
    const asr::Transcript& again = *asr::find_transcript(all, "talk.wav");
    EXPECT_EQ(asr::speaker_of(again.segments[0]), "Bob");
    EXPECT_EQ(asr::speaker_of(again.segments[1]), "SPEAKER_01");
    ASSERT_EQ(report.notes.size(), 1u);
    EXPECT_NE(report.notes[0].find("talk.wav:0 (Bob)"), std::string::npos) << report.notes[0];
}

TEST(FoundSpeakers, TagsThatDifferAreByHandAndAnUndoneRunIsKnown) {
    const TemporaryFolder folder;
    const fs::path file = folder.path() / ".speakers.json";
    asr::Transcript t = test::transcript(" One.", 2);
    t.segments.push_back(test::transcript(" Two.", 4, 2).segments[0]);
    t.segments.push_back(test::transcript(" Three.", 6, 4).segments[0]);
    const auto tag = [&](const std::vector<std::string>& speakers) {
        for (std::size_t i = 0; i < speakers.size(); ++i) {
            t.segments[i].id = static_cast<std::int64_t>(i);
            t.segments[i].extra["speaker"] = speakers[i];
        }
    };
    const auto by_hand = [&] { return FoundSpeakers(file).by_hand("a.wav", t); };
    tag({"SPEAKER_00", "SPEAKER_01", "SPEAKER_00"});
    EXPECT_EQ(by_hand(), std::vector<bool>({true, true, true}));  // never heard
    FoundSpeakers found(file);
    found.set("a.wav", t);
    found.write();
    EXPECT_EQ(by_hand(), std::vector<bool>({false, false, false}));
    tag({"SPEAKER_01", "SPEAKER_00", "SPEAKER_01"});
    found.set("a.wav", t);
    found.write();
    EXPECT_EQ(by_hand(), std::vector<bool>({false, false, false}));
    tag({"SPEAKER_01", "SPEAKER_00", "SPEAKER_00"});
    EXPECT_EQ(by_hand(), std::vector<bool>({false, false, true}));
    tag({"SPEAKER_00", "SPEAKER_01", "Ada"});  // the second run was undone
    EXPECT_EQ(by_hand(), std::vector<bool>({false, false, true}));
    t.segments[1].id = 17;  // the second part of a split
    EXPECT_EQ(by_hand(), std::vector<bool>({false, false, true}));
    write_file(file, "[3]");
    EXPECT_EQ(by_hand(), std::vector<bool>({true, true, true}));
}

TEST_F(SlowDiariseVoice, ARecordingThatIsGoneOrBrokenIsNotedAndTheRestGoesOn) {
    fs::remove(folder_ / "voices/v/lj.wav");
    fs::remove(folder_ / "training/v/audio/lj.wav");
    const Report report = diarise();
    ASSERT_EQ(report.notes.size(), 2u);
    EXPECT_NE(report.notes[0].find("lj.wav"), std::string::npos);
    asr::Transcripts all = read();
    EXPECT_EQ(asr::speaker_of(asr::find_transcript(all, "lj.wav")->segments[0]), "");
    EXPECT_EQ(asr::find_transcript(all, "talk.wav")->segments.size(), 2u);
}

TEST_F(SlowDiariseVoice, CtrlCChangesNothing) {
    const std::string before = read_file(json());
    request_stop();
    const Report report = diarise();
    request_stop(false);
    EXPECT_TRUE(report.stopped);
    EXPECT_EQ(read_file(json()), before);
}

TEST_F(SlowDiariseVoice, NeedsATranscript) {
    fs::remove(json());
    EXPECT_THROW(diarise(), Error);
    EXPECT_THROW(diarise_voice(folder_.path(), "nobody", settings_, events_), Error);
}

}  // namespace
}  // namespace testudo::dataset
