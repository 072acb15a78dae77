#pragma once
// Recordings of hours, heard piece by piece in memory that does not grow with their length. Pieces end in
// pauses; those that were heard are kept on disk until the recording is done, so that a killed run goes on
// there.
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "asr/transcript.h"
#include "audio/clip.h"

namespace testudo::dataset {

struct PieceOptions {
    double most_seconds = 600;   // of a piece
    double search_seconds = 60;  // before that a pause is looked for
};

// The middle of the longest pause in the second part of `samples`, [from, samples.size()): a pause is where
// the level of 20 ms is within 6 dB of the lowest twentieth of them.
std::size_t pause_in(std::span<const float> samples, int rate, std::size_t from);

// Appends what was heard `offset` seconds later.
void append(asr::Transcript& whole, asr::Transcript piece, double offset);

// What was heard so far of one recording: (end of the piece in samples at 16 kHz, transcript), in a file of
// its own.
class HeardPieces {
  public:
    // `key` tells recording and settings; pieces of any other are forgotten, as are those of a damaged file.
    HeardPieces(std::filesystem::path file, std::string key);
    const asr::Transcript* find(std::size_t index, std::size_t end) const;
    void add(std::size_t end, const asr::Transcript& transcript);
    void remove() const;  // the file

  private:
    std::filesystem::path file_;
    std::string key_;
    std::vector<std::pair<std::size_t, asr::Transcript>> pieces_;
};

// Hears one piece (16 kHz) in `language` (empty: to be detected); nothing ends the work.
using HearPiece =
    std::function<std::optional<asr::Transcript>(audio::Clip piece, const std::string& language)>;

// Writes `file` at 22.05 kHz to `clip` (both as of clip_file.h) while `hear` hears it; the clip appears only
// when all was heard. Without `hear` it is only written. Nothing when `hear` gave nothing; errors of reading
// and writing.
std::optional<asr::Transcript> hear_in_pieces(const std::filesystem::path& file,
                                              const std::filesystem::path& clip, const std::string& language,
                                              HeardPieces* known, const HearPiece& hear, std::string* warning,
                                              const PieceOptions& options = {});

}  // namespace testudo::dataset
