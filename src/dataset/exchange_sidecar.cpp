#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/edit.h"
#include "dataset/exchange.h"
#include "dataset/exchange_text.h"
#include "dataset/segment_text.h"
#include "dataset/settings.h"

namespace testudo::dataset {

namespace {

constexpr std::size_t largest = std::size_t{64} << 20;

// What other programs write beside sounds without meaning a text: `0 4500000 sil`, in 100 ns.
bool is_htk(const std::vector<std::string>& lines) {
    return std::all_of(lines.begin(), lines.end(), [](const std::string& line) {
        const std::vector<std::string> parts = split(line, ' ');
        return parts.size() > 2 && (parts[0] + parts[1]).find_first_not_of("0123456789") == std::string::npos;
    });
}

}  // namespace

asr::Transcript untimed_transcript(std::string_view bytes, double seconds, const std::string& where) {
    const std::string text = plain_text(bytes, where);
    std::vector<std::string> lines;
    for (const std::string& line : split(text, '\n'))
        if (std::string words = trim(line); !words.empty()) lines.push_back(std::move(words));
    std::string all;
    for (const std::string& line : lines) all = all.empty() ? line : joined(all, line);
    if (all.empty())
        throw input_error(cat(where, " holds no text"), "Write what is said into it, or delete it.");
    if (lower_ascii(where).ends_with(".lab") && is_htk(lines))
        throw input_error(cat(where, " holds labels of HTK, whose units are seldom sentences"),
                          "Give the text alone, or times as labels of Audacity, SRT or VTT.");
    asr::Transcript out;
    asr::Segment segment;
    segment.end = seconds;
    segment.text = begins_unspaced(all) ? all : " " + all;
    out.text = segment.text;
    out.segments.push_back(std::move(segment));
    const std::size_t characters = count_code_points(out.text);
    if (characters > longest_text_characters || seconds > longest_clip_seconds)
        out.warnings.push_back(cat("the text of ", where, " has no times, and ", characters,
                                   " characters in ", human_duration(seconds),
                                   " are too long for one line: give times (SRT, VTT or labels of "
                                   "Audacity), or split it with `testudo dataset split`"));
    return out;
}

std::optional<fs::path> sidecar_of(const fs::path& recording) {
    fs::path whole = recording, stem = recording;
    for (const char* ending : {".vtt", ".srt", ".lab", ".txt"}) {
        whole = recording;
        whole += ending;
        stem.replace_extension(ending);
        for (const fs::path& file : {whole, stem}) {
            std::error_code ignored;
            if (fs::is_regular_file(file, ignored)) return file;
        }
    }
    return {};
}

std::optional<asr::Transcript> sidecar_transcript(const fs::path& recording, double seconds) {
    const auto file = sidecar_of(recording);
    if (!file) return {};
    const std::string where = to_utf8(file->filename().native());
    if (fs::is_symlink(*file) && !is_inside(*file, recording.parent_path()))
        throw input_error(cat(where, " is a link that leads out of the voice folder"),
                          "Copy the text there instead.");
    const std::string bytes = read_file(*file, largest);
    const auto form = form_of(bytes, *file);
    if (!form) return untimed_transcript(bytes, seconds, where);
    std::vector<std::string> notes;
    asr::Transcript out = relabelled({}, read_labels(*form, bytes, where), *form, seconds, where, notes);
    if (out.segments.empty())
        throw input_error(cat(where, " holds no text"), "Write what is said into it, or delete it.");
    for (auto& segment : out.segments) segment.extra.erase(edited_key);  // nobody has edited it here
    out.warnings = std::move(notes);
    return out;
}

}  // namespace testudo::dataset
