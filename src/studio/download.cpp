#include "studio/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"

namespace testudo::studio {
namespace {

struct Transfer {
    CURL* curl = nullptr;
    int file = -1;
    fs::path part;
    std::uint64_t offset = 0;         // bytes that were there before
    std::uint64_t answered_from = 0;  // where the server's answer begins, by its Content-Range
    bool started = false;
    std::string problem;  // ours, when a callback broke the transfer off
    const DownloadProgress* progress = nullptr;

    ~Transfer() {
        if (file >= 0) ::close(file);
        if (curl) curl_easy_cleanup(curl);
    }
};

// Before the first byte: does the answer go on where we ended?
bool begin(Transfer& transfer) {
    transfer.started = true;
    if (transfer.offset == 0) return true;
    long status = 0;
    char* url = nullptr;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer.curl, CURLINFO_EFFECTIVE_URL, &url);
    const bool is_file = url && std::string_view(url).starts_with("file:");
    if (is_file || (status == 206 && transfer.answered_from == transfer.offset)) return true;
    if (status != 200) {
        transfer.problem = "the server sent another part of the file than was asked for";
        return false;
    }
    transfer.offset = 0;  // the whole file comes instead
    return ::ftruncate(transfer.file, 0) == 0;
}

std::size_t on_data(char* data, std::size_t, std::size_t bytes, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    if (!transfer.started && !begin(transfer)) return 0;
    std::size_t done = 0;
    while (done < bytes) {
        const ssize_t written = ::write(transfer.file, data + done, bytes - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            transfer.problem = cat("cannot write ", transfer.part, ": ", std::strerror(errno));
            return done;
        }
        done += static_cast<std::size_t>(written);
    }
    return bytes;
}

std::size_t on_header(char* data, std::size_t, std::size_t bytes, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string line = lower_ascii(std::string_view(data, bytes));
    constexpr std::string_view range = "content-range: bytes ";
    if (line.starts_with("http/")) transfer.answered_from = 0;
    if (line.starts_with(range))
        std::from_chars(line.data() + range.size(), line.data() + line.size(), transfer.answered_from);
    return bytes;
}

int on_progress(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(user);
    if (stop_requested()) return 1;
    if (total > 0 && now == 0 && free_space(transfer.part.parent_path()) < static_cast<double>(total)) {
        transfer.problem = cat("the disk has no room for the ", human_bytes(static_cast<double>(total)),
                               " of ", transfer.part.stem());
        return 1;
    }
    if (*transfer.progress)
        (*transfer.progress)(transfer.offset + static_cast<std::uint64_t>(now),
                             total > 0 ? transfer.offset + static_cast<std::uint64_t>(total) : 0);
    return 0;
}

void open_part(Transfer& transfer) {
    if (transfer.part.has_parent_path()) make_folders(transfer.part.parent_path());
    transfer.file = ::open(transfer.part.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (transfer.file < 0)
        throw environment_error(cat("cannot write ", transfer.part, ": ", std::strerror(errno)),
                                "Give your user permission to write there, or free some disk space.");
    const off_t size = ::lseek(transfer.file, 0, SEEK_END);
    transfer.offset = size > 0 ? static_cast<std::uint64_t>(size) : 0;
}

void prepare(Transfer& transfer, const std::string& url, char* reason) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    transfer.curl = ready == CURLE_OK ? curl_easy_init() : nullptr;
    if (!transfer.curl) throw environment_error("libcurl does not start", "Reinstall libcurl.");
    CURL* curl = transfer.curl;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http,file");
    // A redirection may not lead to this machine's files, nor from a protected connection to an open one.
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, url.starts_with("https:") ? "https" : "https,http");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "testudo/" TESTUDO_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    // A plain range, since libcurl's own resuming fails where a server sends the whole file.
    if (transfer.offset > 0) curl_easy_setopt(curl, CURLOPT_RANGE, cat(transfer.offset, "-").c_str());
}

}  // namespace

void download(const std::string& url, const fs::path& part, const DownloadProgress& progress) {
    for (const bool again : {false, true}) {
        Transfer transfer;
        transfer.part = part;
        transfer.progress = &progress;
        open_part(transfer);
        char reason[CURL_ERROR_SIZE] = "";
        prepare(transfer, url, reason);
        const CURLcode result = curl_easy_perform(transfer.curl);
        long status = 0;
        curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
        if (result == CURLE_OK) {
            ::fsync(transfer.file);
            return;
        }
        if (stop_requested())
            throw Error(ErrorKind::interrupted, cat("stopped while downloading ", url),
                        "Run the same command again: it goes on where it ended.");
        // Nothing is left to ask for (or the part is too long): start from nothing once.
        const bool beyond = status == 416 || result == CURLE_BAD_DOWNLOAD_RESUME;
        if (beyond && transfer.offset > 0 && !again) {
            if (::ftruncate(transfer.file, 0) == 0) continue;
        }
        const std::string why = !transfer.problem.empty() ? transfer.problem
                                : *reason                 ? std::string(reason)
                                                          : std::string(curl_easy_strerror(result));
        throw environment_error(
            cat("cannot download ", url, ": ", why),
            "Check the connection (or use --from with a folder or mirror) and run the command "
            "again: it goes on where it ended.");
    }
}

}  // namespace testudo::studio
