#include "dataset/pieces.h"

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "dataset/clip_file.h"
#include "dataset/settings.h"

namespace testudo::dataset {

namespace {

constexpr int heard_rate = 16000;
constexpr double seek_rate = 100;  // Segment::seek counts 10 ms

}  // namespace

std::size_t pause_in(std::span<const float> samples, int rate, std::size_t from) {
    const auto frame = static_cast<std::size_t>(rate / 50);
    std::vector<double> level;
    for (std::size_t at = from; at + frame <= samples.size(); at += frame) {
        double sum = 0;
        for (const float x : samples.subspan(at, frame))
            sum += static_cast<double>(x) * static_cast<double>(x);
        level.push_back(std::sqrt(sum / static_cast<double>(frame)));
    }
    if (level.empty()) return samples.size();
    std::vector<double> sorted = level;
    const auto low = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 20);
    std::nth_element(sorted.begin(), low, sorted.end());
    const double quiet = *low * 2;
    std::size_t longest = 0, middle = level.size(), run = 0;
    for (std::size_t i = 0; i < level.size(); ++i) {
        run = level[i] <= quiet ? run + 1 : 0;
        if (run > longest) {
            longest = run;
            middle = i + 1 - run / 2;
        }
    }
    return from + middle * frame;
}

void append(asr::Transcript& whole, asr::Transcript piece, double offset) {
    if (whole.language.empty()) {
        whole.language = piece.language;
        whole.language_probability = piece.language_probability;
    }
    whole.text += piece.text;
    for (asr::Segment& segment : piece.segments) {
        segment.id = static_cast<std::int64_t>(whole.segments.size());
        segment.start += offset;
        segment.end += offset;
        if (segment.seek) *segment.seek += std::lround(offset * seek_rate);
        if (segment.words)
            for (asr::Word& word : *segment.words) {
                word.start += offset;
                word.end += offset;
            }
        whole.segments.push_back(std::move(segment));
    }
    for (std::string& warning : piece.warnings)
        if (std::find(whole.warnings.begin(), whole.warnings.end(), warning) == whole.warnings.end())
            whole.warnings.push_back(std::move(warning));
}

HeardPieces::HeardPieces(std::filesystem::path file, std::string key)
    : file_(std::move(file)), key_(std::move(key)) {
    if (!fs::exists(file_)) return;
    try {
        const Json json = read_json(file_);
        if (json.at("key") != key_) return;
        for (const Json& piece : json.at("pieces"))
            pieces_.emplace_back(piece.at("end").get<std::size_t>(),
                                 asr::transcript_from_json(piece.at("transcript"), file_.string()));
    } catch (const Error&) {
        pieces_.clear();
    } catch (const Json::exception&) {
        pieces_.clear();
    }
}

const asr::Transcript* HeardPieces::find(std::size_t index, std::size_t end) const {
    return index < pieces_.size() && pieces_[index].first == end ? &pieces_[index].second : nullptr;
}

void HeardPieces::add(std::size_t end, const asr::Transcript& transcript) {
    // What follows an earlier place was cut otherwise.
    while (!pieces_.empty() && pieces_.back().first >= end) pieces_.pop_back();
    pieces_.emplace_back(end, transcript);
    Json all = Json::array();
    for (const auto& [at, heard] : pieces_)
        all.push_back(Json{{"end", at}, {"transcript", asr::to_json(heard)}});
    write_json(file_, Json{{"key", key_}, {"pieces", std::move(all)}});
}

void HeardPieces::remove() const {
    std::error_code ignored;
    fs::remove(file_, ignored);
}

std::optional<asr::Transcript> hear_in_pieces(const std::filesystem::path& file,
                                              const std::filesystem::path& clip, const std::string& language,
                                              HeardPieces* known, const HearPiece& hear, std::string* warning,
                                              const PieceOptions& options) {
    ClipWriter out(clip, training_rate);
    asr::Transcript whole;
    std::vector<float> waiting;
    std::size_t begin = 0, index = 0;  // samples before `waiting`; pieces so far
    const auto most = static_cast<std::size_t>(options.most_seconds * heard_rate),
               search = static_cast<std::size_t>(options.search_seconds * heard_rate);
    const auto piece = [&](std::size_t count) {
        const asr::Transcript* before = known ? known->find(index, begin + count) : nullptr;
        std::optional<asr::Transcript> heard;
        if (before) {
            heard = *before;
        } else {
            audio::Clip own{{waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count)},
                            heard_rate};
            heard =
                hear(std::move(own), language.empty() && !whole.segments.empty() ? whole.language : language);
            if (!heard) return false;
            if (known) known->add(begin + count, *heard);
        }
        // A piece without a word may be said to be in any language.
        if (whole.segments.empty()) whole.language.clear();
        append(whole, std::move(*heard), static_cast<double>(begin) / heard_rate);
        waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
        begin += count;
        ++index;
        return true;
    };
    bool going = true;
    stream_both_rates(file, warning, [&](std::span<const float> training, std::span<const float> heard) {
        out.write(training);
        if (!hear) return true;
        waiting.insert(waiting.end(), heard.begin(), heard.end());
        while (going && waiting.size() >= most)
            going = piece(
                pause_in(std::span(waiting).first(most), heard_rate, most - std::min(search, most / 2)));
        return going;
    });
    if (going && hear && !waiting.empty()) going = piece(waiting.size());
    if (!going) return std::nullopt;
    out.commit();
    return whole;
}

}  // namespace testudo::dataset
