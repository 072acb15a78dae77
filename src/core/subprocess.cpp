#include "core/subprocess.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/strings.h"

extern char** environ;

namespace testudo {

namespace {

// A file in memory: unlike a pipe it takes and gives any amount without anybody waiting at the other end.
class MemoryFile {
  public:
    explicit MemoryFile(std::string_view content = {}) : file_(::memfd_create("testudo", MFD_CLOEXEC)) {
        if (file_ < 0) fail();
        for (std::size_t at = 0; at < content.size();) {
            const ssize_t wrote = ::write(file_, content.data() + at, content.size() - at);
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote <= 0) {
                const int why = errno;
                ::close(file_);
                errno = why;
                fail();
            }
            at += static_cast<std::size_t>(wrote);
        }
        ::lseek(file_, 0, SEEK_SET);
    }
    ~MemoryFile() { ::close(file_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    int descriptor() const { return file_; }
    std::size_t size() const {
        struct stat info {};
        return ::fstat(file_, &info) == 0 ? static_cast<std::size_t>(info.st_size) : 0;
    }
    std::string read() const {
        std::string bytes(size(), '\0');
        std::size_t at = 0;
        while (at < bytes.size()) {
            const ssize_t got = ::pread(file_, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) break;
            at += static_cast<std::size_t>(got);
        }
        bytes.resize(at);
        return bytes;
    }

  private:
    [[noreturn]] static void fail() {
        throw environment_error(cat("no memory for what a program reads and writes: ", std::strerror(errno)),
                                "Close other programs.");
    }
    int file_;
};

pid_t start(const std::string& program, const std::vector<std::string>& arguments, int in, int out, int err,
            const std::string& remedy, char** environment = environ) {
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);  // locks and the like stay ours
    ::posix_spawnattr_init(&attributes);
    // Its own group, so that Ctrl-C reaches us alone; signals as a fresh program expects them.
    sigset_t none, handled;
    ::sigemptyset(&none);
    ::sigemptyset(&handled);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::sigaddset(&handled, signal);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &handled);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes,
                               POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t child = -1;
    const int failed =
        ::posix_spawnp(&child, program.c_str(), &actions, &attributes, argv.data(), environment);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed)
        throw environment_error(cat("the program ", program, " cannot be started: ", std::strerror(failed)),
                                remedy);
    return child;
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

void end(pid_t child) {
    ::kill(-child, SIGKILL);
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace

ProgramRun run_program(const std::string& program, const std::vector<std::string>& arguments,
                       std::string_view input, const std::string& remedy, const ProgramLimits& limits) {
    const MemoryFile in(input), out, err;
    const pid_t child =
        start(program, arguments, in.descriptor(), out.descriptor(), err.descriptor(), remedy);
    const auto begin = std::chrono::steady_clock::now();
    int status = 0;
    for (auto pause = std::chrono::microseconds(500);;
         pause = std::min(pause * 2, std::chrono::microseconds(20000))) {
        const pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child) break;
        if (ended < 0 && errno != EINTR) {
            ::kill(-child, SIGKILL);
            throw environment_error(cat("lost sight of the program ", program, ": ", std::strerror(errno)),
                                    "Run the command again.");
        }
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
        if (stop_requested()) {
            end(child);
            throw Error(ErrorKind::interrupted, cat("stopped while ", program, " was running"),
                        "Start again: nothing was changed.");
        }
        if (taken.count() > limits.seconds) {
            end(child);
            throw environment_error(
                cat("the program ", program, " did not end within ", limits.seconds, " s"),
                "Try it by hand, or give it less to do.");
        }
        if (std::max(out.size(), err.size()) > limits.output_bytes) {
            end(child);
            throw environment_error(cat("the program ", program, " wrote more than ",
                                        human_bytes(static_cast<double>(limits.output_bytes))),
                                    "Check that it is the program you mean.");
        }
        std::this_thread::sleep_for(pause);
    }
    return {exit_code(status), out.read(), err.read()};
}

ChildProgram::ChildProgram(const std::string& program, const std::vector<std::string>& arguments,
                           const std::vector<std::pair<std::string, std::string>>& variables,
                           const std::string& remedy) {
    std::vector<std::string> settings;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view setting(*entry);
        const std::string_view name = setting.substr(0, setting.find('='));
        if (std::none_of(variables.begin(), variables.end(),
                         [&](const auto& one) { return one.first == name; }))
            settings.emplace_back(setting);
    }
    for (const auto& [name, value] : variables) settings.push_back(cat(name, "=", value));
    std::vector<char*> environment;
    for (std::string& setting : settings) environment.push_back(setting.data());
    environment.push_back(nullptr);
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0)
        throw environment_error(cat("cannot open /dev/null: ", std::strerror(errno)),
                                "Repair the system's /dev.");
    try {
        process_ = start(program, arguments, nothing, nothing, STDERR_FILENO, remedy, environment.data());
    } catch (...) {
        ::close(nothing);
        throw;
    }
    ::close(nothing);
}

ChildProgram::ChildProgram(ChildProgram&& other) noexcept
    : process_(std::exchange(other.process_, -1)), ended_(other.ended_) {}

ChildProgram::~ChildProgram() {
    if (process_ > 0 && !ended()) end(process_);
}

std::optional<int> ChildProgram::ended() {
    int status = 0;
    if (!ended_ && ::waitpid(process_, &status, WNOHANG) == process_) ended_ = exit_code(status);
    return ended_;
}

}  // namespace testudo
