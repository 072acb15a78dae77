#pragma once
// Listens, reads requests, writes answers. Carried by cpp-httplib, which no other file here knows of but
// connection.h.
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "server/http.h"

namespace testudo::server {

struct HttpLimits {
    std::size_t threads = 128;   // requests at once; event streams need none
    std::size_t streams = 2000;  // event streams that are open at once
    std::size_t waiting = 256;   // requests that wait for a thread; more are answered with a 503
    std::size_t seats = 1024;    // connections without a whole request; see lobby.h
    std::chrono::milliseconds head{10000}, idle{15000};     // see lobby.h
    std::chrono::milliseconds stall{30000}, hurried{1000};  // see connection.h
};

struct Served {  // for the access log
    std::string remote, method, target;
    int status = 0;
    std::uint64_t bytes = 0;
    double seconds = 0;
};

class HttpServer {
  public:
    // `answer` must not throw. It gets paths as sent.
    HttpServer(std::function<Response(const Request&)> answer, const HttpLimits& limits = {});
    ~HttpServer();  // stops

    // Port 0: any. Returns the port. Error(environment) when the address cannot be used.
    int bind(const std::string& host, int port);
    void listen();  // until stop()
    void stop();    // from any thread: connections end now
    std::function<void(const Served&)> log;

  private:
    class Library;
    std::unique_ptr<Library> library_;
};

}  // namespace testudo::server
