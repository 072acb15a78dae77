#include "server/serve.h"

#include <ATen/Parallel.h>
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <atomic>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <iostream>
#include <mutex>
#include <thread>

#include "core/error.h"
#include "core/strings.h"
#include "server/guard.h"
#include "server/shared.h"
#include "server/web_files.h"
#include "studio/run_queue.h"
#include "studio/upload.h"

namespace testudo::server {

namespace {

constexpr std::chrono::days oldest_upload{7};

std::string checked_base(std::string base) {
    if (!base.starts_with('/')) base.insert(0, "/");
    if (!base.ends_with('/')) base += '/';
    for (const char c : base)
        if (!std::isalnum(static_cast<unsigned char>(c)) &&
            std::string_view("/-._~").find(c) == std::string_view::npos)
            throw usage_error(cat("the base path ", printable(base), " holds what a path cannot"),
                              "Use letters, digits, - . _ and ~.");
    if (base.find("//") != std::string::npos)
        throw usage_error("the base path holds an empty part", "Write it so: /studio/");
    return base;
}

class AccessLog {
  public:
    explicit AccessLog(const std::string& file) : name_(file) {
        if (file.empty() || file == "-") return;
        stream_.open(file, std::ios::app);
        if (!stream_)
            throw environment_error(cat("cannot write the access log ", file), "Choose another file.");
    }
    void write(const Served& served) {
        if (name_.empty()) return;
        const double now =
            std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
        const Json line = {{"time", now},
                           {"remote", served.remote},
                           {"method", served.method},
                           {"target", to_utf8(std::string_view(served.target))},
                           {"status", served.status},
                           {"bytes", served.bytes},
                           {"seconds", served.seconds}};
        const std::scoped_lock lock(mutex_);
        (name_ == "-" ? std::cout : stream_)
            << line.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
    }

  private:
    std::string name_;
    std::ofstream stream_;
    std::mutex mutex_;
};

// Where who is told `host` finds it: of "all addresses" those of this machine, loopback last.
std::vector<std::string> addresses_of(const std::string& host) {
    if (host != "0.0.0.0" && host != "::") return {host};
    std::vector<std::string> out;
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) == 0) {
        for (const ifaddrs* one = all; one; one = one->ifa_next) {
            if (!one->ifa_addr || (one->ifa_flags & IFF_LOOPBACK) || one->ifa_addr->sa_family != AF_INET)
                continue;
            char text[INET_ADDRSTRLEN];
            const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
            if (::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text)) out.emplace_back(text);
        }
        ::freeifaddrs(all);
    }
    out.emplace_back(host == "::" ? "::1" : "127.0.0.1");
    return out;
}

}  // namespace

struct Studio::Parts {
    Parts(const studio::Workspace& workspace, ServeOptions given)
        : options(std::move(given)),
          guard(GuardOptions{options.token, options.host_names, options.base}),
          log(options.access_log),
          shared(workspace, options.program, options.limits.streams),
          http([this](const Request& request) { return answer(request); }, options.limits) {
        shared.asks_token = !options.token.empty();
        add_state_routes(router, shared);
        add_voice_routes(router, shared);
        add_upload_routes(router, shared);
        add_sound_routes(router, shared);
        add_dataset_routes(router, shared);
        add_curation_routes(router, shared);
        add_configuration_routes(router, shared);
        add_job_routes(router, shared);
        add_run_routes(router, shared);
        add_model_routes(router, shared);
        add_tokenizer_routes(router, shared);
        add_system_routes(router, shared);
        router.add("GET", "/health", [](const Request&) {
            return json_response({{"status", "ok"}, {"version", TESTUDO_VERSION}});
        });
        router.add("GET", "/login", [this](const Request&) { return guard.login_page(""); });
        router.add("POST", "/login", [this](const Request& request) { return guard.login(request); });
        router.add("POST", "/logout", [this](const Request&) { return guard.logout(); });
        http.log = [this](const Served& served) { log.write(served); };
        port = http.bind(options.host, options.port);
    }

    Response answer(Request request) {
        // Of each thread that answers: teams of threads would take the processors from a training.
        thread_local const bool alone = (at::set_num_threads(1), true);
        static_cast<void>(alone);
        Response response;
        try {
            response = route(request);
        } catch (...) {
            response = error_response();
        }
        if (!response.take_over) add_security_headers(response);
        return response;
    }

    Response route(Request& request) {
        const bool redirect = request.path + "/" == options.base;
        if (!redirect && !request.path.starts_with(options.base)) {
            guard.check(request, true);
            throw not_found("there is nothing at this address", cat("The studio is at ", options.base, "."));
        }
        if (redirect) {
            guard.check(request, true);
            Response response;
            response.status = 308;
            response.headers.emplace_back("Location", options.base);
            return response;
        }
        request.path.erase(0, options.base.size() - 1);
        const bool is_page = request.method == "GET" || request.method == "HEAD";
        const bool is_public = request.path == "/health" || request.path == "/login" ||
                               (is_page && !request.path.starts_with("/api/"));
        guard.check(request, is_public);
        if (is_page && !request.path.starts_with("/api/")) {
            if (request.path == "/" && !guard.is_known(request)) {
                Response response;
                response.status = 303;
                response.headers.emplace_back("Location", options.base + "login");
                return response;
            }
            if (auto page = web_response(request)) return std::move(*page);
        }
        return router.answer(request);
    }

    // Jobs outlive the server; while it runs it is who works the queue, unless another does.
    void work_queue() {
        studio::RunQueueOptions how;
        how.name = "testudo serve";
        how.stop = [this] { return stopping.load(); };
        how.until_empty = false;
        how.leave_running = true;
        while (!stopping) {
            try {
                studio::run_queue(shared.jobs, how);
            } catch (const std::exception&) {
                // Another works it, or its file is damaged (which /api/jobs tells): later again.
                for (int i = 0; i < 20 && !stopping; ++i)
                    std::this_thread::sleep_for(std::chrono::milliseconds(100));
            }
        }
    }

    // Uploads that nobody went on with, at the start and each hour.
    void tidy(const std::stop_token& stop) const {
        std::mutex mutex;
        std::condition_variable_any hourly;
        std::unique_lock lock(mutex);
        do {
            for (const std::string& name : studio::discard_old_uploads(shared.workspace, oldest_upload))
                std::cerr << "deleted the unfinished upload " << printable(name)
                          << ": nothing came for a week" << std::endl;
            hourly.wait_for(lock, stop, std::chrono::hours(1), [] { return false; });
        } while (!stop.stop_requested());
    }

    ServeOptions options;
    Guard guard;
    AccessLog log;
    Shared shared;
    Router router;
    std::atomic<bool> stopping = false;
    HttpServer http;
    int port = 0;
};

Studio::Studio(const studio::Workspace& workspace, ServeOptions options) {
    options.base = checked_base(options.base);
    if (!options.token.empty())
        options.token = checked_token(options.token);
    else if (!is_loopback(options.host))
        options.token = new_token();
    parts_ = std::make_unique<Parts>(workspace, std::move(options));
}

Studio::~Studio() = default;

std::vector<std::string> Studio::addresses() const {
    std::vector<std::string> out;
    for (const std::string& host : addresses_of(parts_->options.host)) {
        const bool six = host.find(':') != std::string::npos;
        out.push_back(
            cat("http://", six ? "[" : "", host, six ? "]" : "", ":", parts_->port, parts_->options.base));
    }
    return out;
}

const std::string& Studio::token() const { return parts_->options.token; }

int Studio::port() const { return parts_->port; }

std::vector<std::string> Studio::routes() const { return parts_->router.routes(); }

void Studio::run() {
    std::thread queue([this] { parts_->work_queue(); });
    const std::jthread tidier([this](const std::stop_token& stop) { parts_->tidy(stop); });
    parts_->http.listen();
    parts_->stopping = true;
    queue.join();
}

void Studio::stop() {
    parts_->stopping = true;
    parts_->http.stop();
}

}  // namespace testudo::server
