// Labels of any form as segments.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "dataset/edit.h"
#include "dataset/exchange.h"
#include "dataset/exchange_text.h"
#include "dataset/segment_text.h"

namespace testudo::dataset {

namespace {

using asr::Segment;
using asr::Transcript;

constexpr double end_slack = 0.05;  // s: what another program may count a recording longer

std::string times_of(const Label& label) {
    return cat(std::round(label.start * 1000) / 1000, " to ", std::round(label.end * 1000) / 1000, " s");
}

class Relabelling {
  public:
    Relabelling(const Transcript& old, std::vector<Label> labels, Exchange form)
        : old_(old),
          form_(form),
          labels_(std::move(labels)),
          written_(read_labels(form, write_labels(form, labels_of(old)), "")),
          taken_(labels_.size()),
          used_(old.segments.size()) {
        for (std::size_t i = 0; i < labels_.size(); ++i) take(i, true, true);
        for (std::size_t i = 0; i < labels_.size(); ++i) take(i, true, false);
        for (std::size_t i = 0; i < labels_.size(); ++i)
            if (!labels_[i].text.empty()) take(i, false, true);
    }

    bool unchanged() const {
        if (labels_.size() != old_.segments.size()) return false;
        for (std::size_t i = 0; i < labels_.size(); ++i)
            if (taken_[i] != i || !same_times(i, i) || labels_[i].text != written_[i].text ||
                !same_speaker(i, i))
                return false;
        return true;
    }

    void check(std::optional<double> length, const std::string& where, std::vector<std::string>& notes) {
        for (std::size_t i = 0; i < labels_.size(); ++i) {
            Label& label = labels_[i];
            if (taken_[i] && same_times(i, *taken_[i])) continue;
            if (!length || label.end <= *length) continue;
            if (label.start >= *length)
                throw input_error(
                    cat(where, ", line ", label.line, ": from ", times_of(label),
                        " there is no recording: it lasts ", std::round(*length * 1000) / 1000, " s"),
                    "Check that the labels belong to this recording; name it by --recording.");
            if (label.end > *length + end_slack)
                notes.push_back(cat(where, ", line ", label.line, ": the end (", times_of(label),
                                    ") lies behind the recording's and is moved there"));
            label.end = *length;
        }
        std::vector<std::size_t> order(labels_.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::stable_sort(order.begin(), order.end(),
                         [&](auto a, auto b) { return labels_[a].start < labels_[b].start; });
        for (std::size_t i = 1; i < order.size(); ++i) {
            const Label &before = labels_[order[i - 1]], &label = labels_[order[i]];
            if (order[i] < order[i - 1])
                notes.push_back(cat(where, ", line ", before.line, ": begins before the one of line ",
                                    label.line, ", which stands before it; they are put in order"));
            if (label.start < before.end - resolution(form_))
                notes.push_back(cat(where, ", line ", label.line, ": overlaps line ", before.line, " (",
                                    times_of(label), " and ", times_of(before), ")"));
        }
        order_ = std::move(order);
    }

    Transcript result() const {
        Transcript out = old_;
        out.segments.clear();
        const bool led = old_.segments.empty() ||
                         std::any_of(old_.segments.begin(), old_.segments.end(),
                                     [](const Segment& segment) { return segment.text.starts_with(' '); });
        std::int64_t next = 0;
        for (const Segment& segment : old_.segments) next = std::max(next, segment.id + 1);
        for (const std::size_t i : order_) {
            const Label& label = labels_[i];
            const auto styled = [&](const std::string& model) {
                const bool space = model.empty() ? led && !begins_unspaced(label.text) : model[0] == ' ';
                return space && !label.text.empty() ? " " + label.text : label.text;
            };
            Segment segment;
            if (taken_[i]) {
                const std::size_t from = *taken_[i];
                segment = old_.segments[from];
                if (label.text != written_[from].text) set_text(segment, styled(segment.text));
                if (!same_times(i, from)) set_times(segment, label.start, label.end);
            } else {
                segment.id = next++;
                segment.start = label.start;
                segment.end = label.end;
                segment.text = styled("");
                segment.extra[edited_key] = true;
            }
            if (!label.speaker.empty()) segment.extra[speaker_key] = label.speaker;
            out.segments.push_back(std::move(segment));
        }
        out.text = whole_text(old_, out.segments);
        if (out.text != old_.text) out.extra.erase("phonemes");
        return out;
    }

  private:
    bool same_times(std::size_t label, std::size_t segment) const {
        const double near = resolution(form_) / 2;
        return std::abs(labels_[label].start - written_[segment].start) < near &&
               std::abs(labels_[label].end - written_[segment].end) < near;
    }
    bool same_speaker(std::size_t label, std::size_t segment) const {
        return labels_[label].speaker.empty() || labels_[label].speaker == written_[segment].speaker;
    }

    void take(std::size_t label, bool by_times, bool by_text) {
        if (taken_[label]) return;
        const auto fits = [&](std::size_t segment) {
            return !used_[segment] && (!by_times || same_times(label, segment)) &&
                   (!by_text || labels_[label].text == written_[segment].text);
        };
        // The one at the same place first: some segments may be alike.
        std::optional<std::size_t> found;
        if (label < used_.size() && fits(label)) found = label;
        for (std::size_t i = 0; !found && i < used_.size(); ++i)
            if (fits(i)) found = i;
        if (!found) return;
        taken_[label] = found;
        used_[*found] = true;
    }

    const Transcript& old_;
    Exchange form_;
    std::vector<Label> labels_;
    std::vector<Label> written_;                     // the old segments, as this form can say them
    std::vector<std::optional<std::size_t>> taken_;  // by each label: an old segment
    std::vector<bool> used_;
    std::vector<std::size_t> order_;
};

}  // namespace

const char* extension(Exchange form) {
    return form == Exchange::audacity ? ".txt" : form == Exchange::srt ? ".srt" : ".vtt";
}

std::string write_labels(Exchange form, const std::vector<Label>& labels) {
    if (form == Exchange::audacity) return write_audacity(labels);
    return form == Exchange::srt ? write_srt(labels) : write_vtt(labels);
}

std::vector<Label> read_labels(Exchange form, std::string_view text, const std::string& where) {
    if (form == Exchange::audacity) return read_audacity(text, where);
    return form == Exchange::srt ? read_srt(text, where) : read_vtt(text, where);
}

std::optional<Exchange> form_of(std::string_view bytes, const std::filesystem::path& name) {
    if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
    const std::string ending = lower_ascii(name.extension().string());
    if (bytes.starts_with("WEBVTT") || ending == ".vtt") return Exchange::vtt;
    if (ending == ".srt") return Exchange::srt;
    std::vector<std::string> first;  // lines with anything in them
    while (!bytes.empty() && first.size() < 2) {
        const auto end = bytes.find('\n');
        if (std::string line = trim(bytes.substr(0, end)); !line.empty() && line[0] != '\\')
            first.push_back(std::move(line));
        bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    }
    if (first.size() == 2 && first[1].find("-->") != std::string::npos &&
        first[0].find_first_not_of("0123456789") == std::string::npos)
        return Exchange::srt;
    std::size_t at = 0;
    if (!first.empty() && take_number(first[0], at) && at < first[0].size() && first[0][at] == '\t' &&
        take_number(first[0], ++at) && (at == first[0].size() || first[0][at] == '\t'))
        return Exchange::audacity;
    return {};
}

std::vector<Label> labels_of(const Transcript& transcript) {
    std::vector<Label> labels;
    for (const Segment& segment : transcript.segments) {
        const Json speaker = segment.extra.value(speaker_key, Json());
        labels.push_back({segment.start, segment.end, trim(segment.text),
                          speaker.is_string() ? speaker.get<std::string>() : std::string()});
    }
    return labels;
}

Transcript relabelled(const Transcript& old, std::vector<Label> labels, Exchange form,
                      std::optional<double> length, const std::string& where,
                      std::vector<std::string>& notes) {
    Relabelling relabelling(old, std::move(labels), form);
    if (relabelling.unchanged()) return old;
    relabelling.check(length, where, notes);
    return relabelling.result();
}

}  // namespace testudo::dataset
