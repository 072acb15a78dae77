// Recordings that arrive in pieces.
#include <charconv>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "server/shared.h"
#include "studio/upload.h"

namespace testudo::server {

namespace {

constexpr std::int64_t largest_upload = std::int64_t{1} << 40;  // 1 TiB
constexpr std::size_t longest_key = 200;
constexpr double spare_disk = 64 << 20;  // left free for everything else

studio::Upload upload_of(Shared& shared, const Request& request) {
    const std::int64_t total = integer_of(request, "total", std::nullopt, 1, largest_upload);
    const std::string key = request.value("key").value_or("");
    if (key.size() > longest_key)
        throw usage_error(cat("the key of the upload has more than ", longest_key, " bytes"),
                          "Choose a shorter one.");
    return {shared.workspace, voice_of(shared, request), request.part("file"),
            static_cast<std::uint64_t>(total), key};
}

// Takes a number off the front of `text`, and what must stand behind it.
std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view behind) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (error != std::errc() || !text.starts_with(behind)) return std::nullopt;
    text.remove_prefix(behind.size());
    return number;
}

// Where the bytes belong: the query's offset, or "Content-Range: bytes 5-9/10".
std::uint64_t offset_of(const Request& request, std::uint64_t total) {
    const std::string range = request.header("content-range");
    if (range.empty() || request.value("offset"))
        return static_cast<std::uint64_t>(integer_of(request, "offset", 0, 0, largest_upload));
    std::string_view rest = range;
    const bool bytes = rest.starts_with("bytes ");
    if (bytes) rest.remove_prefix(6);
    const auto first = take_number(rest, "-"), last = take_number(rest, "/"), all = take_number(rest, "");
    if (!bytes || !first || !last || !all || !rest.empty() || *last < *first || *all != total ||
        *last - *first + 1 != request.length)
        throw usage_error("the header Content-Range does not fit what is sent",
                          "Write it so: bytes 0-1023/4096, of 1024 bytes, with total=4096.");
    return *first;
}

Response state_response(const studio::UploadState& state) {
    Response response = json_response(studio::to_json(state));
    response.headers.emplace_back("Upload-Offset", std::to_string(state.offset));
    return response;
}

HttpError other_offset(const studio::UploadState& state) {
    return conflict(cat(state.offset, " bytes of ", printable(state.name), " are there"), "Go on from there.",
                    studio::to_json(state));
}

Response receive(Shared& shared, const Request& request) {
    studio::Upload upload = upload_of(shared, request);
    const bool replace = flag_of(request, "replace", false);
    const studio::UploadState before = upload.state();
    const std::uint64_t offset = offset_of(request, before.total);
    if (before.complete && !replace) return state_response(before);
    if (upload.taken() && !replace)
        throw conflict(cat(printable(before.name), " is there already"),
                       "Choose another name, or replace it.", studio::to_json(before));
    if (!before.complete && offset != before.offset) throw other_offset(before);
    if (request.length > before.total - offset)
        throw usage_error("more is sent than the file has", "Begin the upload again.");
    const double free = free_space(shared.workspace.voices());
    if (free < static_cast<double>(before.total - offset) + spare_disk)
        throw HttpError{
            507, "disk_full",
            cat("the disk has ", human_bytes(free), " left, too little for ", printable(before.name)),
            "Free some space and go on: what has arrived is kept."};
    if (!upload.begin()) throw HttpError{423, "busy", "another request sends this file", "Wait for it."};
    if (const auto now = upload.state(); now.offset != offset) throw other_offset(now);
    if (request.body) {
        std::optional<Error> failed;
        request.body([&](std::string_view piece) {
            try {
                upload.write(piece);
                return true;
            } catch (const Error& error) {
                failed = error;  // the library must not see it
                return false;
            }
        });
        if (failed && free_space(shared.workspace.voices()) < spare_disk)
            throw HttpError{507, "disk_full", failed->what(), failed->hint()};
        if (failed) throw *failed;
    }
    const studio::UploadState now = upload.end(replace);
    if (now.complete) shared.watch.look_now();
    return state_response(now);
}

}  // namespace

void add_upload_routes(Router& router, Shared& shared) {
    const std::string path = "/api/voices/{voice}/uploads/{file}";
    router.add("GET", path, [&shared](const Request& request) {
        return state_response(upload_of(shared, request).state());
    });
    router.add("PUT", path, [&shared](const Request& request) { return receive(shared, request); });
    router.add("DELETE", path, [&shared](const Request& request) {
        upload_of(shared, request).cancel();
        Response response;
        response.status = 204;
        return response;
    });
}

}  // namespace testudo::server
