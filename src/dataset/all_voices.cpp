#include "dataset/all_voices.h"

#include <algorithm>

#include "audio/decode.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/voice_name.h"

namespace testudo::dataset {

namespace {

bool holds_a_recording(const fs::path& folder) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
        if (!entry.path().filename().string().starts_with('.') && audio::is_audio_file(entry.path()))
            return true;
    return false;
}

}  // namespace

std::vector<std::string> voices_of(const fs::path& root, Events& events) {
    std::vector<std::string> voices, left_out;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root / "voices", error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with('.') || !fs::is_directory(entry.path(), error)) continue;
        const auto leave_out = [&](const std::string& why) {
            left_out.push_back(
                cat("the folder ", printable(to_utf8(name)), " of voices/ is left out: ", why));
        };
        if (!can_be_voice(name))
            leave_out(
                "no voice can be called so (UTF-8 of up to 200 bytes without \\ or control characters)");
        else if (!is_inside(entry.path(), root))
            leave_out("it is a link that leads out of the workspace; move or copy the folder instead");
        else if (!holds_a_recording(entry.path()))
            leave_out("it holds no recordings");
        else
            voices.push_back(name);
    }
    std::sort(voices.begin(), voices.end());
    std::sort(left_out.begin(), left_out.end());
    for (const std::string& one : left_out) events.warning(one);
    if (voices.empty())
        throw input_error(cat("no voice in ", root / "voices", " holds a recording"),
                          "Make a folder for each voice there and put recordings into it.");
    return voices;
}

AllVoices over_all_voices(const std::vector<std::string>& voices, const std::vector<Phase>& phases,
                          Events& events) {
    AllVoices all;
    const auto fail = [&](const std::string& voice, const Error& error) {
        const Error named(error.kind(), error.what(), for_voice(error.hint(), voice));
        events.log("error", cat(to_utf8(voice), ": ", named.what(), ". ", named.hint()));
        all.failed.emplace(voice, named);
    };
    for (const Phase& phase : phases)
        for (const auto& voice : voices) {
            if (all.failed.count(voice)) continue;
            all.stopped = all.stopped || stop_requested();
            if (all.stopped) return all;
            events.info(cat("voice ", to_utf8(voice)));
            try {
                Report report = phase(voice);
                all.stopped = report.stopped;
                all.reports[voice].add(std::move(report));
            } catch (const Error& error) {
                if (error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::usage) throw;
                fail(voice, error);
            } catch (const std::filesystem::filesystem_error& error) {
                fail(voice,
                     environment_error(error.what(), "Check that your user may read and write there."));
            } catch (const std::exception& error) {
                fail(voice, Error(ErrorKind::internal, error.what(),
                                  "This is a defect of Testudo: please report it."));
            }
        }
    return all;
}

Json to_json(const AllVoices& all) {
    Json voices = Json::object(), failed = Json::object();
    for (const auto& [voice, report] : all.reports) voices[to_utf8(voice)] = to_json(report);
    for (const auto& [voice, error] : all.failed)
        failed[to_utf8(voice)] = {{"what", to_utf8(error.what())},
                                  {"hint", error.hint()},
                                  {"exit_code", static_cast<int>(error.kind())}};
    return {{"voices", std::move(voices)}, {"failed", std::move(failed)}, {"stopped", all.stopped}};
}

}  // namespace testudo::dataset
