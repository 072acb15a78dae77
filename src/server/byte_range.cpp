#include "server/byte_range.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/strings.h"
#include "server/http.h"

namespace testudo::server {

namespace {

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// Of what a file was when it was opened; enough to tell one version from the next.
std::string tag_of(const FilePart& file) {
    return cat('"', file.size, '-', static_cast<std::int64_t>(file.changed * 1e6), '"');
}

}  // namespace

ByteRange parse_range(std::string_view header, std::uint64_t size) {
    const std::string text = trim(header);
    if (!text.starts_with("bytes=")) return {};
    const std::string_view range = std::string_view(text).substr(6);
    const auto dash = range.find('-');
    if (dash == std::string_view::npos || range.find(',') != std::string_view::npos) return {};
    const auto first = whole_number(range.substr(0, dash)), last = whole_number(range.substr(dash + 1));
    if (dash == 0) {  // the last so many bytes
        if (!last) return {};
        if (*last == 0 || size == 0) return {ByteRange::Meaning::past_end};
        const std::uint64_t count = std::min(*last, size);
        return {ByteRange::Meaning::part, size - count, count};
    }
    if (!first || (!last && dash + 1 < range.size()) || (last && *last < *first)) return {};
    if (*first >= size) return {ByteRange::Meaning::past_end};
    const std::uint64_t end = last && *last < size - 1 ? *last + 1 : size;
    return {ByteRange::Meaning::part, *first, end - *first};
}

Response file_response(const Request& request, const fs::path& file, const std::string& type) {
    Response response;
    response.type = type;
    response.file = std::make_shared<FilePart>(file);
    const std::string tag = tag_of(*response.file);
    response.headers.emplace_back("Accept-Ranges", "bytes");
    const std::string condition = request.header("if-range");
    const ByteRange range = condition.empty() || condition == tag
                                ? parse_range(request.header("range"), response.file->size)
                                : ByteRange{};
    if (range.meaning == ByteRange::Meaning::past_end) {
        Response refused = error_response(
            {416, "range", "the file has fewer bytes than that", "Ask for a range within the file."});
        refused.headers.emplace_back("Content-Range", cat("bytes */", response.file->size));
        return refused;
    }
    if (range.meaning == ByteRange::Meaning::part) {
        response.status = 206;
        response.file->offset = range.first;
        response.file->count = range.count;
        response.headers.emplace_back(
            "Content-Range",
            cat("bytes ", range.first, '-', range.first + range.count - 1, '/', response.file->size));
    }
    return tagged_response(request, std::move(response), tag);
}

}  // namespace testudo::server
