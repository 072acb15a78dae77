#include "core/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

namespace testudo {

namespace {

struct Status {
    char state = 0;
    std::int64_t threads = 0;
    std::uint64_t start = 0;
    // The first thread of a program that is being killed may be gone before the others.
    bool ended() const { return state == 'X' || (state == 'Z' && threads <= 1); }
};

// Of /proc/<pid>/stat (proc(5)): the name in brackets may hold anything, so the fields are counted behind it.
std::optional<Status> status_of(int pid) {
    std::ifstream in(cat("/proc/", pid, "/stat"));
    std::string text;
    if (!std::getline(in, text, '\0')) return {};
    const auto end = text.rfind(')');
    if (end == std::string::npos) return {};
    std::istringstream fields(text.substr(end + 1));
    Status status;
    fields >> status.state;
    std::string skipped;
    for (int field = 4; field < 20; ++field) fields >> skipped;
    if (!(fields >> status.threads >> skipped >> status.start)) return {};
    return status;
}

const std::string& this_boot() {
    static const std::string boot = [] {
        std::ifstream in("/proc/sys/kernel/random/boot_id");
        std::string text;
        std::getline(in, text);
        return text;
    }();
    return boot;
}

class Descriptor {
  public:
    explicit Descriptor(int file = -1) : file_(file) {}
    ~Descriptor() { close(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return file_; }
    void set(int file) { file_ = file; }
    void close() {
        if (file_ >= 0) ::close(file_);
        file_ = -1;
    }

  private:
    int file_;
};

struct Pipe {
    Descriptor out, in;  // read from, written to
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw environment_error(cat("no pipe to a new process: ", std::strerror(errno)),
                                    "Close other programs.");
        out.set(ends[0]);
        in.set(ends[1]);
    }
};

// Between fork and exec: only what is safe after a fork of a process with threads.
[[noreturn]] void become(const char* program, char* const* argv, int null, int output, const Pipe& gate,
                         const Pipe& failure) {
    ::setsid();
    sigset_t none;
    ::sigemptyset(&none);
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(null, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::close(gate.in.get());  // else we would wait for ourselves
    char go = 0;
    ssize_t got = 0;
    while ((got = ::read(gate.out.get(), &go, 1)) < 0 && errno == EINTR) {
    }
    if (got != 1) ::_exit(127);
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);  // locks and the like stay our parent's
    ::execv(program, argv);
    const int error = errno;
    if (::write(failure.in.get(), &error, sizeof error) != sizeof error) ::_exit(126);
    ::_exit(127);
}

}  // namespace

ProcessId this_process() {
    const int pid = ::getpid();
    return {pid, status_of(pid).value_or(Status{}).start, this_boot()};
}

bool is_alive(const ProcessId& process) {
    if (process.pid <= 0 || process.boot != this_boot()) return false;
    const auto status = status_of(process.pid);
    return status && status->start == process.start && !status->ended();
}

bool send_signal(const ProcessId& process, int signal) {
    if (!is_alive(process)) return false;
    if (signal == SIGKILL && ::kill(-process.pid, signal) == 0) return true;
    return ::kill(process.pid, signal) == 0;
}

std::optional<int> exit_status(const ProcessId& process) {
    if (process.pid <= 0 || process.boot != this_boot()) return {};
    // The number of a process that was waited for may be another child's by now.
    const auto now = status_of(process.pid);
    if (!now || now->start != process.start) return {};
    int status = 0;
    if (::waitpid(process.pid, &status, WNOHANG) != process.pid) return {};
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

ProcessId start_detached(const DetachedProgram& program,
                         const std::function<void(const ProcessId&)>& recorded) {
    // One at a time: a child that waits at its gate must not hold the gate of another open.
    static std::mutex starting;
    const std::lock_guard lock(starting);
    std::vector<char*> argv = {const_cast<char*>("testudo")};
    for (const auto& argument : program.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    make_folders(program.output.parent_path());
    const Descriptor output(::open(program.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (output.get() < 0)
        throw environment_error(
            cat("cannot write ", to_utf8(program.output.native()), ": ", std::strerror(errno)),
            "Give your user permission to write there, or choose another workspace.");
    const Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    Pipe gate, failure;
    const pid_t child = ::fork();
    if (child < 0)
        throw environment_error(cat("no new process can be started: ", std::strerror(errno)),
                                "Close other programs.");
    if (child == 0) become(program.program.c_str(), argv.data(), null.get(), output.get(), gate, failure);
    gate.out.close();
    failure.in.close();
    const ProcessId process{child, status_of(child).value_or(Status{}).start, this_boot()};
    const auto reap = [&] {
        while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
        }
    };
    try {
        recorded(process);
    } catch (...) {
        gate.in.close();  // it ends without having run
        reap();
        throw;
    }
    int error = 0;
    const bool opened = ::write(gate.in.get(), "g", 1) == 1;
    gate.in.close();
    ssize_t got = 0;
    while ((got = ::read(failure.out.get(), &error, sizeof error)) < 0 && errno == EINTR) {
    }
    if (opened && got == 0) return process;
    reap();
    throw environment_error(
        cat("the program ", to_utf8(program.program.native()), " cannot be started: ", std::strerror(error)),
        "Check that it is there and may be run.");
}

}  // namespace testudo
