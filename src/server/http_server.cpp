#include "server/http_server.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "core/error.h"
#include "core/strings.h"
#include "server/connection.h"
#include "server/gzip.h"
#include "server/lobby.h"
#include "server/threads.h"

namespace testudo::server {

namespace {

constexpr std::size_t piece_bytes = 64 << 10;
constexpr std::size_t least_to_compress = 2048;
constexpr int backlog = 512;  // the library's own is 5
constexpr rlim_t most_files = 16384;

// What this thread answers: the library does not hand these to its handlers.
struct Turn {
    Connection* connection = nullptr;
    std::string encodings;  // Accept-Encoding of the request
    Served served;
};
thread_local Turn turn;

// The library's accepting thread takes a connection as far as the lobby itself.
class AtOnce : public httplib::TaskQueue {
  public:
    explicit AtOnce(std::function<void()> end) : end_(std::move(end)) {}
    void enqueue(std::function<void()> task) override { task(); }
    void shutdown() override { end_(); }

  private:
    std::function<void()> end_;
};

// So many that files can still be opened.
std::size_t seats_of(const HttpLimits& limits) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return limits.seats;
    if (files.rlim_cur < files.rlim_max) {
        rlimit wider{std::min<rlim_t>(files.rlim_max, most_files), files.rlim_max};
        if (wider.rlim_cur > files.rlim_cur && ::setrlimit(RLIMIT_NOFILE, &wider) == 0) files = wider;
    }
    return std::min<std::size_t>(limits.seats, std::max<std::size_t>(files.rlim_cur / 2, 16));
}

Request request_of(const httplib::Request& from) {
    Request request;
    request.method = from.method;
    const auto mark = from.target.find('?');
    request.path = from.target.substr(0, mark);
    if (mark != std::string::npos)
        request.query = parse_query(std::string_view(from.target).substr(mark + 1));
    for (const auto& [name, value] : from.headers) {
        const std::string lower = lower_ascii(name);
        request.headers.emplace_back(lower.starts_with(own_header) ? lower.substr(4) : lower, value);
    }
    turn.encodings = request.header("accept-encoding");
    request.remote = from.remote_addr;
    request.length = turn.connection->body_left();
    return request;
}

httplib::ContentProvider pieces_of(const std::shared_ptr<FilePart>& file) {
    return [file](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        char piece[piece_bytes];
        const ssize_t got = ::pread(file->descriptor, piece, std::min(length, sizeof piece),
                                    static_cast<off_t>(file->offset + offset));
        return got > 0 && sink.write(piece, static_cast<std::size_t>(got));
    };
}

bool is_text(const std::string& type) {
    return type.starts_with("text/") || type.starts_with("application/json") ||
           type.starts_with("application/yaml") || type.starts_with("image/svg");
}

void compress(Response& response) {
    if (response.body.size() < least_to_compress || !is_text(response.type) ||
        turn.encodings.find("gzip") == std::string::npos)
        return;
    for (const auto& [name, value] : response.headers)
        if (name == "Content-Encoding") return;
    response.body = gzip(response.body);
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.headers.emplace_back("Vary", "Accept-Encoding");
}

void put(Response response, httplib::Response& to) {
    turn.served.status = to.status = response.status;
    if (response.take_over) {
        turn.connection->take(std::move(response.take_over));
        return;
    }
    const bool has_body = response.status != 204 && response.status != 304;
    if (has_body && response.file && response.file->count > 0) {
        to.set_content_provider(static_cast<std::size_t>(response.file->count), response.type,
                                pieces_of(response.file));
    } else if (has_body) {
        compress(response);
        to.set_content(response.body, response.type);
    }
    for (const auto& [name, value] : response.headers) to.set_header(name, value);
    if (turn.connection->body_left() > 0) to.set_header("Connection", "close");
}

}  // namespace

class HttpServer::Library : public httplib::Server {
  public:
    Library(HttpServer& owner, std::function<Response(const Request&)> answer, const HttpLimits& limits)
        : owner_(owner),
          answer_(std::move(answer)),
          stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          threads_(limits.threads, limits.waiting),
          lobby_({.head = limits.head, .idle = limits.idle, .seats = seats_of(limits)}, limits_.head_bytes,
                 [this](int socket, std::string received) { begin(socket, std::move(received)); }) {
        limits_.stall = limits.stall;
        limits_.hurried = limits.hurried;
        limits_.crowded = Threads::others_wait;
        new_task_queue = [this] {
            return new AtOnce([this] {
                lobby_.leave();
                threads_.shutdown();
            });
        };
        set_tcp_nodelay(true);
        set_keep_alive_timeout(std::chrono::duration_cast<std::chrono::seconds>(limits.idle).count());
        set_socket_options([](socket_t socket) {
            const int yes = 1;
            ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        });
        set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
            // A body comes later, through the library's reader.
            if (request.method == "POST" || request.method == "PUT") return HandlerResponse::Unhandled;
            handle(request, response, nullptr);
            return HandlerResponse::Handled;
        });
        const HandlerWithContentReader with_body =
            [this](const httplib::Request& request, httplib::Response& response,
                   const httplib::ContentReader& reader) { handle(request, response, &reader); };
        Post(R"([\s\S]*)", with_body);
        Put(R"([\s\S]*)", with_body);
    }
    ~Library() override { ::close(stop_); }

    void widen_backlog() { ::listen(svr_sock_, backlog); }

    void end() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(stop_, &one, sizeof one);
        // The library's own stop() does nothing before its loop has begun.
        if (const int listening = svr_sock_; listening >= 0) ::shutdown(listening, SHUT_RDWR);
        stop();
        const std::scoped_lock lock(mutex_);
        for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }

  private:
    void handle(const httplib::Request& from, httplib::Response& to, const httplib::ContentReader* reader) {
        Request request;
        try {
            request = request_of(from);
        } catch (const Error&) {
            put(error_response(), to);
            return;
        }
        if (reader && request.length > 0 && !from.is_multipart_form_data())
            request.body = [reader](const std::function<bool(std::string_view)>& sink) {
                return (*reader)([&](const char* data, std::size_t size) { return sink({data, size}); });
            };
        put(answer_(request), to);
    }

    bool process_and_close_socket(socket_t socket) override {
        lobby_.admit(socket);
        return true;
    }

    void begin(int socket, std::string received) {
        const auto shared = std::make_shared<std::string>(std::move(received));
        if (!threads_.enqueue([this, socket, shared] { serve(socket, std::move(*shared)); }))
            lobby_.send_away(socket, Refusal{503, "environment", "the server is busy"});
    }

    void serve(int socket, std::string received) {
        {
            const std::scoped_lock lock(mutex_);
            sockets_.insert(socket);
        }
        Connection connection(socket, stop_, limits_, std::move(received));
        const Next next = converse(connection);
        {
            const std::scoped_lock lock(mutex_);
            sockets_.erase(socket);
        }
        if (connection.taken_by())
            connection.taken_by()(socket);
        else if (next.stays)
            lobby_.admit(socket, connection.take_rest());
        else if (next.unread || next.refusal)
            lobby_.send_away(socket, next.refusal);
        else
            ::close(socket);
    }

    struct Next {
        bool stays = false;
        bool unread = false;  // there may be bytes that nobody reads
        std::optional<Refusal> refusal = {};
    };

    // Answers the requests that are here.
    Next converse(Connection& connection) {
        bool closed = false;
        while (connection.has_head()) {
            if (const auto refusal = connection.begin_request()) return {.refusal = refusal};
            const auto began = std::chrono::steady_clock::now();
            turn = {};
            turn.connection = &connection;
            const bool kept = process_request(connection, false, closed, [](httplib::Request& request) {
                turn.served = {request.remote_addr, request.method, request.target};
            });
            if (owner_.log && turn.served.status != 0) {
                turn.served.bytes = connection.bytes_written();
                turn.served.seconds =
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
                owner_.log(turn.served);
            }
            const bool unread = connection.body_left() > 0;
            if (!kept || closed || unread || connection.taken_by()) return {.unread = unread};
        }
        return {.stays = true};
    }

    HttpServer& owner_;
    std::function<Response(const Request&)> answer_;
    ConnectionLimits limits_;
    int stop_;
    std::mutex mutex_;
    std::set<int> sockets_;  // of requests that are answered
    Threads threads_;
    Lobby lobby_;
};

HttpServer::HttpServer(std::function<Response(const Request&)> answer, const HttpLimits& limits)
    : library_(std::make_unique<Library>(*this, std::move(answer), limits)) {}

HttpServer::~HttpServer() { stop(); }

int HttpServer::bind(const std::string& host, int port) {
    const int bound = port == 0                            ? library_->bind_to_any_port(host)
                      : library_->bind_to_port(host, port) ? port
                                                           : -1;
    if (bound < 0)
        throw environment_error(
            cat("cannot listen on ", host, ", port ", port),
            "Another program may use the port: choose another with --port; --host must be an "
            "address of this machine.");
    library_->widen_backlog();
    return bound;
}

void HttpServer::listen() { library_->listen_after_bind(); }

void HttpServer::stop() { library_->end(); }

}  // namespace testudo::server
