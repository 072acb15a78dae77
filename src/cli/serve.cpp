// testudo serve
#include "server/serve.h"

#include <cstdlib>
#include <iostream>
#include <optional>
#include <thread>

#include "cli/verbs.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "core/subprocess.h"

namespace testudo::cli {

namespace {

// What opens the page may be the browser itself: it runs beside the server and may outlive it.
class Opening {
  public:
    explicit Opening(const std::string& address) {
        try {
            opener_.emplace("xdg-open", std::vector<std::string>{address},
                            std::vector<std::pair<std::string, std::string>>{}, remedy);
        } catch (const Error& error) {
            tell(error.what());
        }
    }
    ~Opening() {
        if (opener_) opener_->leave();
    }
    void look() {
        if (!opener_ || !opener_->ended()) return;
        if (*opener_->ended() != 0) tell(cat("xdg-open ended with code ", *opener_->ended()));
        opener_.reset();
    }

  private:
    static constexpr const char* remedy = "Open the address yourself.";
    static void tell(const std::string& what) {
        std::cerr << "the page was not opened: " << printable(what) << "\n" << remedy << std::endl;
    }
    std::optional<ChildProgram> opener_;
};

void tell_address(const Context& context, const server::Studio& studio) {
    const auto addresses = studio.addresses();
    print(context,
          Json{{"address", addresses.front()},
               {"addresses", addresses},
               {"token", studio.token().empty() ? Json() : Json(studio.token())}},
          [&] {
              std::cout << "Testudo is at " << join(addresses, ", ") << "\n";
              if (!studio.token().empty()) std::cout << "token: " << studio.token() << "\n";
              std::cout << "Ctrl-C ends the server; jobs go on.\n" << std::flush;
          });
}

int serve(const Context& context, server::ServeOptions options, bool open) {
    if (const char* token = std::getenv("TESTUDO_TOKEN"); token && options.token.empty())
        options.token = token;
    const StopOnSignal signals;
    server::Studio studio(context.open(), std::move(options));
    tell_address(context, studio);
    std::thread stopper([&studio, open] {
        std::optional<Opening> opening;
        if (open) opening.emplace(studio.addresses().back());
        while (!stop_requested()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            if (opening) opening->look();
        }
        studio.stop();
    });
    studio.run();
    request_stop();
    stopper.join();
    return 0;
}

}  // namespace

void add_serve_verb(CLI::App& app, Context& context) {
    CLI::App* verb = app.add_subcommand("serve", "The web studio, in the browser");
    const auto options = std::make_shared<server::ServeOptions>();
    const auto open = std::make_shared<bool>(false);
    verb->add_option("--host", options->host, "Address to listen on; any but loopback asks for a token")
        ->capture_default_str();
    verb->add_option("--port", options->port, "Port; 0: any that is free")
        ->check(CLI::Range(0, 65535))
        ->capture_default_str();
    verb->add_option("--base-path", options->base, "Path below which everything is, behind a proxy")
        ->capture_default_str();
    verb->add_option(
        "--token", options->token,
        "What who connects must know (default: $TESTUDO_TOKEN, else a new one where it is needed)");
    verb->add_option("--host-name", options->host_names,
                     "Name that the server goes by, beside localhost and addresses; may be repeated");
    verb->add_option("--access-log", options->access_log,
                     "File that gets a line of JSON for each request; - is standard output");
    verb->add_flag("--open", *open, "Open the page in the browser");
    verb->footer(
        "Examples:\n"
        "  testudo serve --open\n"
        "  testudo serve --host 0.0.0.0 --host-name studio.local\n"
        "  testudo serve --base-path /testudo/ --host-name example.org --token \"a long secret\"     behind "
        "a "
        "proxy");
    verb->callback([&context, options, open] {
        context.action = [&context, options, open] { return serve(context, *options, *open); };
    });
}

}  // namespace testudo::cli
