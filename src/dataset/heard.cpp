#include "dataset/heard.h"

#include <algorithm>

#include "core/error.h"
#include "core/hash.h"
#include "dataset/edit.h"

namespace testudo::dataset {

namespace {

std::string digest(const asr::Transcript& transcript) {
    return sha256(to_json(transcript).dump(-1, ' ', true, Json::error_handler_t::replace)).substr(0, 16);
}

// The marks of curation, which stand in whisper.json itself.
bool is_curated(const asr::Transcript& transcript) {
    return is_marked(transcript.extra, accepted_key) ||
           std::any_of(transcript.segments.begin(), transcript.segments.end(), [](const auto& segment) {
               return is_marked(segment.extra, accepted_key) || is_marked(segment.extra, edited_key);
           });
}

}  // namespace

Heard::Heard(std::filesystem::path file) : file_(std::move(file)) {
    if (!std::filesystem::exists(file_)) return;
    try {
        digests_ = read_json(file_).get<decltype(digests_)>();
    } catch (const Error&) {
    } catch (const Json::exception&) {
    }
}

Origin Heard::origin_of(const std::string& name, const asr::Transcript& transcript) const {
    const auto known = digests_.find(name);
    if (known == digests_.end()) return is_curated(transcript) ? Origin::corrected : Origin::unknown;
    const auto& all = known->second;
    return std::find(all.begin(), all.end(), digest(transcript)) != all.end() ? Origin::heard
                                                                              : Origin::corrected;
}

void Heard::add(const std::string& name, const asr::Transcript& transcript) {
    auto& all = digests_[name];
    if (all.size() > 1) all.erase(all.begin(), all.end() - 1);
    all.push_back(digest(transcript));
}

void Heard::write() const { write_json(file_, digests_); }

}  // namespace testudo::dataset
