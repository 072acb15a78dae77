#include "server/http.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/refusals.h"
#include "core/strings.h"

namespace testudo::server {

namespace {

constexpr std::size_t json_limit = std::size_t{8} << 20;

struct KindStatus {
    ErrorKind kind;
    const char* name;
    int status;
};
constexpr KindStatus kinds[] = {
    {ErrorKind::usage, "usage", 400},
    {ErrorKind::input, "input", 422},
    {ErrorKind::environment, "environment", 503},
    {ErrorKind::diverged, "input", 422},
    {ErrorKind::interrupted, "environment", 503},
};

// "train.yaml, line 12, column 3: …": where a file's mistake stands.
std::optional<std::int64_t> number_behind(const std::string& text, const std::string& word) {
    const auto at = text.find(word + " ");
    if (at == std::string::npos) return std::nullopt;
    std::int64_t value = 0;
    const char* begin = text.data() + at + word.size() + 1;
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
    if (error != std::errc() || end == begin) return std::nullopt;
    return value;
}

Error bad_value(const char* name, const std::string& given, const std::string& wanted) {
    return usage_error(
        cat("the value of ", name, " is \"", printable(to_utf8(std::string_view(given))), "\""),
        cat("Give ", wanted, "."));
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string Request::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (key == name) return value;
    return {};
}

std::optional<std::string> Request::value(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return std::nullopt;
}

FilePart::FilePart(const fs::path& file) : descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (descriptor < 0 || ::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        if (descriptor >= 0) ::close(descriptor);
        throw input_error(cat("cannot read ", file), "Check that it is there and that Testudo may read it.");
    }
    size = count = static_cast<std::uint64_t>(status.st_size);
    changed = static_cast<double>(status.st_mtim.tv_sec) + 1e-9 * static_cast<double>(status.st_mtim.tv_nsec);
}

FilePart::~FilePart() { ::close(descriptor); }

HttpError not_found(const std::string& what, const std::string& hint) {
    return {404, "not_found", what, hint};
}

HttpError conflict(const std::string& what, const std::string& hint, Json fresh) {
    return {409, "conflict", what, hint, Json::object(), std::move(fresh)};
}

Response json_response(const Json& value, int status) {
    Response response;
    response.status = status;
    response.body = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

Json to_json(const HttpError& error) {
    Json out = {{"what", to_utf8(std::string_view(error.what))},
                {"hint", to_utf8(std::string_view(error.hint))},
                {"kind", error.kind}};
    out.update(error.more);
    return out;
}

Response error_response(const HttpError& error) {
    Json body = {{"error", to_json(error)}};
    if (!error.fresh.is_null()) body["fresh"] = error.fresh;
    return json_response(body, error.status);
}

Response error_response() { return error_response(handled_error()); }

HttpError handled_error() {
    try {
        throw;
    } catch (const HttpError& error) {
        return error;
    } catch (const DiskFull& error) {
        return {507, "disk_full", error.what(), error.hint()};
    } catch (const FolderBusy& error) {
        return {423, "busy", error.what(), error.hint()};
    } catch (const Error& error) {
        HttpError out{500, "internal", error.what(), error.hint()};
        for (const auto& kind : kinds)
            if (kind.kind == error.kind()) {
                out.kind = kind.name;
                out.status = kind.status;
            }
        if (!error.setting().empty()) out.more["key"] = error.setting();
        if (error.kind() == ErrorKind::input)
            for (const char* word : {"line", "column"})
                if (const auto number = number_behind(out.what, word)) out.more[word] = *number;
        return out;
    } catch (const std::bad_alloc&) {
        return {503, "environment", "not enough memory", "Close other programs and try again."};
    } catch (const fs::filesystem_error& error) {
        if (error.code() == std::errc::no_space_on_device)
            return {507, "disk_full", cat("cannot write ", error.path1(), ": ", error.code().message()),
                    "Free some disk space, then try again."};
        return {503, "environment", cat("cannot use ", error.path1(), ": ", error.code().message()),
                "Check that it exists and that Testudo may read and write it."};
    } catch (const std::exception& error) {
        return {500, "internal", error.what(), "This is a defect of Testudo: please report it."};
    }
}

std::string text_body(const Request& request, std::size_t limit) {
    const HttpError too_large{413, "too_large",
                              cat("the request is larger than ", human_bytes(static_cast<double>(limit))),
                              "Send less at once."};
    if (request.length > limit) throw too_large;
    std::string text;
    bool fits = true;
    const bool whole = !request.body || request.body([&](std::string_view piece) {
        fits = text.size() + piece.size() <= limit;
        if (fits) text += piece;
        return fits;
    });
    if (!fits) throw too_large;
    if (!whole || text.size() != request.length)
        throw usage_error("the request broke off before its end", "Send it again.");
    return text;
}

Json json_body(const Request& request) {
    const std::string type = lower_ascii(request.header("content-type"));
    if (trim(type.substr(0, type.find(';'))) != "application/json")
        throw HttpError{415, "media_type", "the request is not JSON",
                        "Send it with Content-Type: application/json."};
    Json value;
    try {
        value = parse_json(text_body(request, json_limit), "the request");
    } catch (const Error& error) {
        throw usage_error(error.what(), error.hint());
    }
    if (!value.is_object()) throw usage_error("the request is no JSON object", "Send an object: {…}.");
    return value;
}

bool flag_of(const Request& request, const char* name, bool fallback) {
    const auto given = request.value(name);
    if (!given) return fallback;
    if (*given == "true" || *given == "1" || given->empty()) return true;
    if (*given == "false" || *given == "0") return false;
    throw bad_value(name, *given, "true or false");
}

double number_of(const Request& request, const char* name, std::optional<double> fallback) {
    const auto given = request.value(name);
    if (!given && fallback) return *fallback;
    double value = 0;
    const std::string text = given.value_or("");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
        throw bad_value(name, text, "a number");
    return value;
}

std::int64_t integer_of(const Request& request, const char* name, std::optional<std::int64_t> fallback,
                        std::int64_t least, std::int64_t most) {
    const auto given = request.value(name);
    if (!given && fallback) return *fallback;
    std::int64_t value = 0;
    const std::string text = given.value_or("");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
        throw bad_value(name, text, cat("a whole number from ", least, " to ", most));
    return value;
}

std::string choice_of(const Request& request, const char* name, const std::vector<std::string>& choices) {
    const auto given = request.value(name);
    if (!given) return choices.front();
    if (std::find(choices.begin(), choices.end(), *given) == choices.end())
        throw bad_value(name, *given, cat("one of: ", join(choices, ", ")));
    return *given;
}

std::optional<std::string> decode_percent(std::string_view text, bool plus) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    if (!is_utf8(out)) return std::nullopt;
    return out;
}

Names parse_query(std::string_view query) {
    Names out;
    for (const std::string& pair : split(query, '&')) {
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        const auto name = decode_percent(pair.substr(0, equals), true);
        const auto value =
            decode_percent(equals == std::string::npos ? std::string() : pair.substr(equals + 1), true);
        if (!name || !value)
            throw usage_error("the part of the address behind the question mark cannot be read",
                              "Encode it as UTF-8 with percent signs.");
        out.emplace_back(*name, *value);
    }
    return out;
}

Response tagged_response(const Request& request, Response response, const std::string& etag) {
    std::erase_if(response.headers, [](const auto& header) { return header.first == "Cache-Control"; });
    response.headers.emplace_back("Cache-Control", "no-cache");
    response.headers.emplace_back("ETag", etag);
    if (request.method != "GET" && request.method != "HEAD") return response;
    for (const std::string& given : split(request.header("if-none-match"), ','))
        if (trim(given) == etag || trim(given) == "W/" + etag) {
            response.status = 304;
            response.body.clear();
            response.file.reset();
        }
    return response;
}

}  // namespace testudo::server
