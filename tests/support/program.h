#pragma once
// Runs build/testudo as a user would and collects what it says.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "core/files.h"
#include "support/golden.h"

namespace testudo::test {

inline fs::path program() { return TESTUDO_PROGRAM; }
inline fs::path program_build_folder() { return program().parent_path(); }

struct Ran {
    int code = -1;  // exit code, or 128 + signal
    std::string out, err;
};

class Program {
  public:
    // Starts it at once; output goes to files in `folder`.
    Program(const std::vector<std::string>& arguments, const fs::path& folder,
            const fs::path& binary = program())
        : out_(folder / ".stdout"), err_(folder / ".stderr") {
        child_ = ::fork();
        if (child_ != 0) return;
        const int out = ::open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
        const int err = ::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(err, STDERR_FILENO);
        ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
        std::vector<char*> argv = {const_cast<char*>(binary.c_str())};
        for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
        argv.push_back(nullptr);
        ::execv(binary.c_str(), argv.data());
        ::_exit(127);
    }
    ~Program() {
        if (child_ > 0) {
            ::kill(child_, SIGKILL);
            ::waitpid(child_, nullptr, 0);
        }
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    pid_t process() const { return child_; }
    void signal(int number) { ::kill(child_, number); }
    Ran wait() {
        int status = 0;
        ::waitpid(child_, &status, 0);
        child_ = -1;
        return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out_),
                read_file(err_)};
    }

  private:
    fs::path out_, err_;
    pid_t child_ = -1;
};

inline Ran run_program(const std::vector<std::string>& arguments, const fs::path& folder) {
    return Program(arguments, folder).wait();
}

}  // namespace testudo::test
