#pragma once
// A studio that serves a workspace of its own, in this process.
#include <memory>
#include <thread>

#include "server/http_client.h"
#include "server/serve.h"
#include "support/golden.h"
#include "support/program.h"

namespace testudo::test {

class RunningStudio {
  public:
    explicit RunningStudio(const fs::path& workspace, server::ServeOptions options = {}) {
        options.port = 0;
        options.program = program();
        studio_ = std::make_unique<server::Studio>(studio::Workspace(workspace), std::move(options));
        thread_ = std::thread([this] { studio_->run(); });
    }
    ~RunningStudio() {
        studio_->stop();
        thread_.join();
    }
    int port() const { return studio_->port(); }
    server::Studio& studio() { return *studio_; }

  private:
    std::unique_ptr<server::Studio> studio_;
    std::thread thread_;
};

}  // namespace testudo::test
