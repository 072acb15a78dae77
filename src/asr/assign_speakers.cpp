#include "asr/assign_speakers.h"

#include <algorithm>
#include <cmath>

#include "asr/utf8.h"

namespace testudo::asr {

namespace {

constexpr const char* key = "speaker";
// What somebody else says in less time and no more than one word is taken for the same speaker's.
constexpr double shortest_turn = 0.3;  // s

std::string tag_in(const Json& extra) {
    const auto found = extra.find(key);
    return found != extra.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void set_tag(Json& extra, const std::optional<std::string>& speaker) {
    if (speaker)
        extra[key] = *speaker;
    else
        extra.erase(key);
}

struct Turn {
    std::size_t first = 0, past_last = 0;  // words
    std::string speaker;
};

std::vector<Turn> turns_of(const std::vector<Word>& words) {
    std::vector<Turn> turns;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string speaker = speaker_of(words[i]);
        // A word that nobody was heard saying goes along with the one before.
        if (turns.empty() ||
            (!speaker.empty() && speaker != turns.back().speaker && !turns.back().speaker.empty()))
            turns.push_back({i, i + 1, speaker});
        else {
            turns.back().past_last = i + 1;
            if (turns.back().speaker.empty()) turns.back().speaker = speaker;
        }
    }
    const auto is_short = [&](const Turn& turn) {
        return turn.past_last - turn.first == 1 &&
               words[turn.past_last - 1].end - words[turn.first].start < shortest_turn;
    };
    for (std::size_t i = 0; turns.size() > 1 && i < turns.size();) {
        if (!is_short(turns[i])) {
            ++i;
            continue;
        }
        if (i == 0)
            turns[1].first = turns[0].first;
        else
            turns[i - 1].past_last = turns[i].past_last;
        turns.erase(turns.begin() + static_cast<std::ptrdiff_t>(i));
        i = i == 0 ? 0 : i - 1;
        while (i + 1 < turns.size() && turns[i].speaker == turns[i + 1].speaker) {
            turns[i].past_last = turns[i + 1].past_last;
            turns.erase(turns.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
        ++i;
    }
    return turns;
}

// The segment in turns; empty when its text does not hold its words in order.
std::vector<Segment> cut(const Segment& segment, const std::vector<Turn>& turns) {
    const std::vector<Word>& words = *segment.words;
    std::vector<std::size_t> begins;  // of each word in the text
    std::size_t at = 0;
    for (const Word& word : words) {
        const std::string_view bare = strip(word.text);
        const std::size_t found = segment.text.find(bare, at);
        if (bare.empty() || found == std::string::npos) return {};
        begins.push_back(found);
        at = found + bare.size();
    }
    std::vector<Segment> out;
    for (std::size_t t = 0; t < turns.size(); ++t) {
        const Turn& turn = turns[t];
        const bool last = t + 1 == turns.size();
        // A space before a word belongs to it, as Whisper writes texts.
        const auto begin_of = [&](std::size_t word) {
            const std::size_t begin = begins[word];
            return begin > 0 && segment.text[begin - 1] == ' ' ? begin - 1 : begin;
        };
        const std::size_t begin = t == 0 ? 0 : begin_of(turn.first);
        const std::size_t end = last ? segment.text.size() : begin_of(turn.past_last);
        Segment part = segment;
        part.tokens.reset();
        part.extra.erase("phonemes");
        part.text = segment.text.substr(begin, end - begin);
        part.words = std::vector<Word>(words.begin() + static_cast<std::ptrdiff_t>(turn.first),
                                       words.begin() + static_cast<std::ptrdiff_t>(turn.past_last));
        if (t > 0) part.start = part.words->front().start;
        if (!last) part.end = part.words->back().end;
        part.end = std::max(part.start, part.end);
        part.extra[key] = turn.speaker;
        out.push_back(std::move(part));
    }
    return out;
}

}  // namespace

SpeakerIndex::SpeakerIndex(std::span<const SpeakerSpan> spans) : spans_(spans.begin(), spans.end()) {
    std::stable_sort(spans_.begin(), spans_.end(),
                     [](const auto& a, const auto& b) { return a.start < b.start; });
    for (const SpeakerSpan& span : spans_)
        latest_end_.push_back(latest_end_.empty() ? span.end : std::max(latest_end_.back(), span.end));
}

std::optional<std::string> SpeakerIndex::speaker(double start, double end, bool nearest) const {
    std::vector<std::pair<std::string, double>> shares;
    // The first span that may reach beyond `start`.
    auto i = static_cast<std::size_t>(std::upper_bound(latest_end_.begin(), latest_end_.end(), start) -
                                      latest_end_.begin());
    for (; i < spans_.size() && spans_[i].start < end; ++i) {
        const double shared = std::min(spans_[i].end, end) - std::max(spans_[i].start, start);
        if (shared <= 0) continue;
        const auto known = std::find_if(shares.begin(), shares.end(),
                                        [&](const auto& share) { return share.first == spans_[i].speaker; });
        if (known == shares.end())
            shares.emplace_back(spans_[i].speaker, shared);
        else
            known->second += shared;
    }
    const auto most = std::max_element(shares.begin(), shares.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most != shares.end()) return most->first;
    if (!nearest || spans_.empty()) return std::nullopt;
    const auto distance = [&](const SpeakerSpan& span) {
        return std::abs((span.start + span.end) / 2 - (start + end) / 2);
    };
    return std::min_element(spans_.begin(), spans_.end(),
                            [&](const auto& a, const auto& b) { return distance(a) < distance(b); })
        ->speaker;
}

std::string speaker_of(const Segment& segment) { return tag_in(segment.extra); }
std::string speaker_of(const Word& word) { return tag_in(word.extra); }

int assign_speakers(Transcript& transcript, std::span<const SpeakerSpan> spans,
                    const AssignOptions& options) {
    const SpeakerIndex index(spans);
    std::vector<Segment> out;
    int parted = 0;
    for (Segment& segment : transcript.segments) {
        const auto number = static_cast<std::size_t>(&segment - transcript.segments.data());
        const bool keep = number < options.keep.size() && options.keep[number];
        if (!keep) set_tag(segment.extra, index.speaker(segment.start, segment.end, options.nearest));
        if (segment.words)
            for (Word& word : *segment.words)
                set_tag(word.extra, index.speaker(word.start, word.end, options.nearest));
        std::vector<Segment> parts;
        if (!keep && options.split && segment.words && segment.words->size() > 1)
            if (const std::vector<Turn> turns = turns_of(*segment.words); turns.size() > 1)
                parts = cut(segment, turns);
        if (parts.empty()) {
            out.push_back(std::move(segment));
        } else {
            ++parted;
            std::move(parts.begin(), parts.end(), std::back_inserter(out));
        }
    }
    transcript.segments = std::move(out);
    if (parted)
        for (std::size_t i = 0; i < transcript.segments.size(); ++i)
            transcript.segments[i].id = static_cast<std::int64_t>(i);
    return parted;
}

}  // namespace testudo::asr
